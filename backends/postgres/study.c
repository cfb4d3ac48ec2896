/*
 * What a statement does to its session, told from its words.
 *
 * The first word says most.  Beyond it, a few words matter wherever they stand, and functions of the server's that keep something in
 * the session.  What is not known counts as a change.  What a function of the user's own or a trigger does cannot be seen here.
 * SPDX-License-Identifier: MIT
 */
#include <string.h>
#include "lex.h"

#define ANYTHING (PG_CHANGES | PG_PREPARES)
#define LONGEST 40
#define TEMPORARY 0x1000u /* makes something temporary … */
#define DROPS 0x2000u     /* … which goes with the transaction */

struct word {
    const char *text;
    unsigned flags;
};

/* What a statement may begin with. */
static const struct word verbs[] = {
    { "select", PG_READS },
    { "values", PG_READS },
    { "table", PG_READS },
    { "show", PG_READS },
    { "fetch", PG_READS },
    { "with", PG_READS },
    { "insert", PG_INSERTS },
    { "merge", PG_INSERTS },
    { "update", 0 },
    { "delete", 0 },
    { "explain", 0 },
    { "begin", 0 },
    { "start", 0 },
    { "commit", 0 },
    { "end", 0 },
    { "rollback", 0 },
    { "abort", 0 },
    { "savepoint", 0 },
    { "release", 0 },
    { "declare", 0 },
    { "move", 0 },
    { "close", 0 },
    { "copy", 0 },
    { "create", 0 },
    { "alter", 0 },
    { "drop", 0 },
    { "truncate", 0 },
    { "comment", 0 },
    { "grant", 0 },
    { "revoke", 0 },
    { "lock", 0 },
    { "notify", 0 },
    { "analyze", 0 },
    { "analyse", 0 },
    { "vacuum", 0 },
    { "reindex", 0 },
    { "cluster", 0 },
    { "refresh", 0 },
    { "checkpoint", 0 },
    { "security", 0 },
    { "reassign", 0 },
    { "import", 0 },
    { "set", PG_CHANGES | PG_LEAVES },
    { "reset", PG_CHANGES },
    { "listen", PG_CHANGES | PG_LEAVES },
    { "unlisten", PG_CHANGES },
    { "load", PG_CHANGES | PG_LEAVES },
    { "prepare", ANYTHING | PG_LEAVES },
    { "deallocate", ANYTHING | PG_FORGETS },
    { "discard", ANYTHING | PG_FORGETS },
};

/* Names that matter wherever they stand.  The last few run a text that is not seen here. */
static const struct word names[] = {
    { "set_config", PG_CHANGES },
    { "setseed", PG_CHANGES },
    { "pg_settings", PG_CHANGES }, /* a view that can be updated */
    { "pg_advisory_lock", PG_CHANGES },
    { "pg_advisory_lock_shared", PG_CHANGES },
    { "pg_try_advisory_lock", PG_CHANGES },
    { "pg_try_advisory_lock_shared", PG_CHANGES },
    { "pg_backup_start", PG_CHANGES },
    { "pg_start_backup", PG_CHANGES },
    { "pg_replication_origin_session_setup", PG_CHANGES },
    { "pg_temp", PG_CHANGES },
    { "dblink_connect", PG_CHANGES },
    { "dblink_connect_u", PG_CHANGES },
    { "execute", ANYTHING },
    { "query_to_xml", ANYTHING },
    { "query_to_xmlschema", ANYTHING },
    { "query_to_xml_and_xmlschema", ANYTHING },
    { "ts_stat", ANYTHING },
    { "ts_rewrite", ANYTHING },
};

/* What a word says of a statement that begins with `verb`, or any, where it stands behind `after`, or anywhere. */
static const struct rule {
    const char *verb, *after, *word;
    unsigned set, clear;
} rules[] = {
    { "set", "set", "local", 0, PG_CHANGES | PG_LEAVES }, /* these three end with the transaction */
    { "set", "set", "transaction", 0, PG_CHANGES | PG_LEAVES },
    { "set", "set", "constraints", 0, PG_CHANGES | PG_LEAVES },
    { "prepare", "prepare", "transaction", 0, ANYTHING | PG_LEAVES },
    { "declare", "with", "hold", PG_CHANGES | PG_LEAVES, 0 },
    { "with", NULL, "insert", PG_INSERTS, PG_READS },
    { "with", NULL, "merge", PG_INSERTS, PG_READS },
    { "with", NULL, "update", 0, PG_READS },
    { "with", NULL, "delete", 0, PG_READS },
    { "copy", NULL, "stdin", PG_COPIES, 0 },
    { "copy", NULL, "stdout", PG_COPIES, 0 },
    { "create", "commit", "drop", DROPS, 0 },
    { NULL, "create", "temp", TEMPORARY, 0 },
    { NULL, "create", "temporary", TEMPORARY, 0 },
    { NULL, "replace", "temp", TEMPORARY, 0 },
    { NULL, "replace", "temporary", TEMPORARY, 0 },
    { NULL, "local", "temp", TEMPORARY, 0 },
    { NULL, "local", "temporary", TEMPORARY, 0 },
    { NULL, "global", "temp", TEMPORARY, 0 },
    { NULL, "global", "temporary", TEMPORARY, 0 },
    { "select", "into", "temp", TEMPORARY, 0 },
    { "select", "into", "temporary", TEMPORARY, 0 },
    { "with", "into", "temp", TEMPORARY, 0 },
    { "with", "into", "temporary", TEMPORARY, 0 },
};

struct study {
    unsigned flags;
    int said; /* anything but semicolons */
    char verb[LONGEST], previous[LONGEST];
};

/* In small letters and without quotes; what is longer than every word that matters is cut. */
static void plain(char out[LONGEST], struct pg_token t)
{
    size_t n = 0;
    for (size_t i = 0; i < t.length && n < LONGEST - 1; i++)
        if (t.at[i] != '"')
            out[n++] = (char)(t.at[i] >= 'A' && t.at[i] <= 'Z' ? t.at[i] + ('a' - 'A') : t.at[i]);
    out[n] = '\0';
}

static int fits(const char *want, const char *have)
{
    return !want || strcmp(want, have) == 0;
}

/* The flags of a word in a table of that many; `otherwise` if it is not there. */
static unsigned look_up(const struct word *table, size_t count, const char *word, unsigned otherwise)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(table[i].text, word) == 0)
            return table[i].flags;
    return otherwise;
}

static void study_word(struct study *s, struct pg_token t)
{
    char word[LONGEST];
    plain(word, t);
    if (!*s->verb)
        s->flags |= look_up(verbs, sizeof verbs / sizeof *verbs, word, ANYTHING);
    s->flags |= look_up(names, sizeof names / sizeof *names, word, 0);
    if (strncmp(word, "pg_temp_", 8) == 0)
        s->flags |= PG_CHANGES;
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
        const struct rule *r = &rules[i];
        if (strcmp(r->word, word) == 0 && fits(r->verb, s->verb) && fits(r->after, s->previous))
            s->flags = (s->flags | r->set) & ~r->clear;
    }
    if (!*s->verb)
        memcpy(s->verb, word, sizeof word);
    memcpy(s->previous, word, sizeof word);
}

/* A name with a backslash in it may be any: U&"\0073et_config". */
static void study_token(struct study *s, struct pg_token t)
{
    s->said |= t.kind != PG_OTHER || *t.at != ';';
    if (t.kind == PG_NAME && memchr(t.at, '\\', t.length))
        s->flags |= ANYTHING;
    if (t.kind == PG_WORD || t.kind == PG_NAME)
        study_word(s, t);
}

unsigned pg_study(const char *sql, int escapes)
{
    struct study s = { 0 };
    struct pg_lexer l = { sql, escapes };
    for (struct pg_token t = pg_lex(&l); t.kind != PG_END; t = pg_lex(&l))
        study_token(&s, t);
    if (!s.said)
        return PG_EMPTY;
    if (s.flags & TEMPORARY && !(s.flags & DROPS))
        s.flags |= PG_CHANGES | PG_LEAVES;
    return s.flags & ~(TEMPORARY | DROPS);
}
