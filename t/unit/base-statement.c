/*
 * Statements are shown without their literals, whichever database they are meant for.
 * SPDX-License-Identifier: MIT
 */
#include <string.h>
#include <base/random.h>
#include <base/text.h>
#include "tap.h"

static const char *shown(const char *sql)
{
    static char buffer[4096];
    struct text t = text_in(buffer, sizeof buffer);
    text_add_statement(&t, sql);
    return buffer;
}

static const struct {
    const char *sql, *shown, *what;
} plain[] = {
    { "SELECT a, b1 FROM t2", "SELECT a, b1 FROM t2", "words, with digits in them, stay" },
    { "SELECT 1, -2.5e3, 0xff, .5", "SELECT ?, -?, ?, .?", "numbers go" },
    { "WHERE a='x' AND b=\"y\"", "WHERE a=? AND b=?", "so does what is quoted" },
    { "'it''s', \"a\"\"b\", ''", "?, ?, ?", "with doubled quotes, or with nothing in it" },
    { "'a\\\\', 'b'", "?, ?", "a backslash that is doubled ends a literal for everybody" },
    { "SELECT `a b`, `c`", "SELECT `a b`, `c`", "identifiers in back quotes stay" },
    { "a[1], t.[b c]", "a[?], t.[b c]", "so do brackets" },
    { "  SELECT\t1\n ,\r\n2  ", "SELECT ? , ?", "white space is one space, or none at the ends" },
    { "SELECT -- one\n 1 /* two */ + # three\n 2", "SELECT ? + ?", "comments are left out" },
    { "SELECT 1 -- the end", "SELECT ?", "also at the end" },
    { "-- all of it", "", "also if nothing else is there" },
    { "", "", "nothing is shown as nothing" },
    { "$$a$$, $x$b$x$, $x$c$d$x$", "?, ?, ?", "dollars quote" },
    { "id = $1 AND $name", "id = $? AND $name", "but not in a placeholder" },
    { "id = ? AND n = :n AND m = @m", "id = ? AND n = :n AND m = @m", "other placeholders stay" },
    { "n'a', x'00', E'b', _utf8'c'", "n?, x?, E?, _utf8?", "a letter before a literal stays" },
    { "caf\xc3\xa9 = 'x'", "caf\xc3\xa9 = ?", "names beyond ASCII stay" },
};

/* What some database reads one way and another in another way hides all that comes after it. */
static const struct {
    const char *sql, *shown, *what;
} hidden[] = {
    { "SELECT 'a", "SELECT ?", "a quote that is not closed" },
    { "SELECT 'a\\', 'b'", "SELECT ?", "a backslash before a quote: it ends a literal, or does not" },
    { "SELECT 'a\\'b', c", "SELECT ?", "the same, meant the other way" },
    { "SELECT 1 -- don't\n, 'b'", "SELECT ?", "an apostrophe in a comment, which may be two minus signs" },
    { "SELECT a #> '{b}', 'c'", "SELECT a", "a comment that may be an operator" },
    { "SELECT /* /* */ it's */ 'b'", "SELECT", "comments in comments" },
    { "SELECT 1 /* open", "SELECT ?", "a comment that is not closed" },
    { "SELECT [it's], 'b'", "SELECT ?", "an apostrophe in brackets" },
    { "SELECT `it's`, 'b'", "SELECT ?", "an apostrophe in back quotes" },
    { "SELECT a ` 'b'", "SELECT a ?", "a back quote that is not closed" },
    { "SELECT a [ 1", "SELECT a ?", "a bracket that is not closed" },
    { "SELECT $a$ it's $a$, 'b'", "SELECT ?", "an apostrophe between dollars" },
    { "SELECT $a$ b", "SELECT ?", "dollars that are not closed" },
};

static void tables(void)
{
    for (size_t i = 0; i < sizeof plain / sizeof *plain; i++)
        is_text(shown(plain[i].sql), plain[i].shown, "%s", plain[i].what);
    for (size_t i = 0; i < sizeof hidden / sizeof *hidden; i++)
        is_text(shown(hidden[i].sql), hidden[i].shown, "hidden: %s", hidden[i].what);
}

static void cutting(void)
{
    char buffer[12];
    struct text t = text_in(buffer, sizeof buffer);
    text_add_statement(&t, "SELECT abcdefghij FROM t");
    is_text(buffer, "SELECT abcd", "what does not fit is cut");
}

/* Statements as a program would write them for one database, with the word SECRET in every literal and nowhere else. */

enum dialect { STANDARD, MYSQL, POSTGRES, SQLITE, DIALECTS };

static uint64_t seed;

static int pick(int below)
{
    return (int)random_below(&seed, below);
}

static const char nasty[] = "'\"`\\-#/*$[]\n a1";

/* Some nasty characters; what would end it is doubled, or left out where it cannot be. */
static void add_nasty(struct text *t, char quote, int double_it, int double_backslash)
{
    for (int n = pick(5); n; n--) {
        char c = nasty[pick((int)sizeof nasty - 1)];
        if (c == quote && !double_it)
            continue;
        text_add(t, "%c", c);
        if (c == quote || (c == '\\' && double_backslash))
            text_add(t, "%c", c);
    }
}

static void add_quoted(struct text *t, char quote, const char *secret, int backslash)
{
    text_add(t, "%c", quote);
    add_nasty(t, quote, 1, backslash);
    if (backslash && pick(3) == 0)
        text_add(t, "\\%c", quote);
    text_add(t, "%s", secret);
    add_nasty(t, quote, 1, backslash);
    text_add(t, "%c", quote);
}

static void add_literal(struct text *t, enum dialect d)
{
    static const char *const tags[] = { "$$", "$a$", "$b1$" };
    const char *tag = tags[pick(3)];
    if (d == POSTGRES && pick(3) == 0) {
        text_add(t, "%s", tag);
        add_nasty(t, '$', 0, 0);
        text_add(t, "SECRET");
        add_nasty(t, '$', 0, 0);
        text_add(t, "%s", tag);
    } else if (d == POSTGRES && pick(3) == 0) {
        text_add(t, "E");
        add_quoted(t, '\'', "SECRET", 1);
    } else {
        add_quoted(t, d == MYSQL && pick(2) ? '"' : '\'', "SECRET", d == MYSQL);
    }
}

static void add_identifier(struct text *t, enum dialect d)
{
    if (d == SQLITE && pick(2)) {
        text_add(t, "[");
        add_nasty(t, ']', 0, 0);
        text_add(t, "]");
    } else {
        add_quoted(t, d == MYSQL || (d == SQLITE && pick(2)) ? '`' : '"', "x", 0);
    }
}

/* Up to its end, without what would end it; PostgreSQL's comments in comments have theirs. */
static void add_comment(struct text *t, enum dialect d)
{
    static const char ends[] = "'\"`$#-[] a1";
    const char *begin = d == MYSQL && pick(2) ? "#" : "-- ";
    int block = pick(2);
    text_add(t, "%s", block ? "/* " : begin);
    for (int n = pick(6); n; n--)
        text_add(t, "%c", ends[pick((int)sizeof ends - 1)]);
    if (block && d == POSTGRES && pick(2))
        text_add(t, "/* ' */ \" ");
    text_add(t, "%s", block ? " */" : "\n");
}

static void add_operator(struct text *t, enum dialect d)
{
    static const char *const operators[DIALECTS][4] = {
        [STANDARD] = { "=", "-", ",", "(" },
        [MYSQL] = { "--5", "-", ",", "/" },
        [POSTGRES] = { "#>>", "[1]", "$1", "#" },
        [SQLITE] = { "||", "@a", "$b", "?" },
    };
    text_add(t, " %s ", operators[d][pick(4)]);
}

static void write_statement(struct text *t, enum dialect d)
{
    text_add(t, "SELECT ");
    for (int n = 1 + pick(8); n; n--) {
        switch (pick(5)) {
        case 0:
            add_literal(t, d);
            break;
        case 1:
            add_identifier(t, d);
            break;
        case 2:
            add_comment(t, d);
            break;
        case 3:
            add_operator(t, d);
            break;
        default:
            text_add(t, " word%d ", pick(100));
        }
        text_add(t, " ");
    }
}

static void nothing_is_given_away(void)
{
    static const char *const names[] = { "standard", "MySQL's", "PostgreSQL's", "SQLite's" };
    for (int d = 0; d < DIALECTS; d++) {
        int given_away = 0;
        for (int i = 0; i < 30000; i++) {
            char buffer[4096];
            struct text t = text_in(buffer, sizeof buffer);
            seed = (uint64_t)i;
            write_statement(&t, (enum dialect)d);
            if (!strstr(shown(buffer), "SECRET"))
                continue;
            if (!given_away++)
                tap_note("%d: %s -> %s", i, buffer, shown(buffer));
        }
        is_int(given_away, 0, "no literal of 30000 nasty statements in %s SQL is shown", names[d]);
    }
}

int main(void)
{
    tables();
    cutting();
    nothing_is_given_away();
    return tap_done();
}
