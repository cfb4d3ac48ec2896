/*
 * What an error of the server means.
 *
 * The table is asked for the SQLSTATE, then for its class, the first two letters.  Whether the connection is dead is not in it: that
 * is said by the severity, FATAL, or by libpq's state.  A connection that was lost is told by the last words that the server said, if
 * it said any.
 * SPDX-License-Identifier: MIT
 */
#include <stdio.h>
#include <stdlib.h>
#include "pg.h"

#define MOST_WORDS 100 /* of a server that is gone */
#define DEAD (WEIR_CONNECTION_DEAD | WEIR_RETRY_ELSEWHERE)

struct meaning {
    const char *state; /* or the beginning of it */
    int status;
    uint32_t flags;
};

static const struct meaning meanings[] = {
    { "03", WEIR_E_STATEMENT, 0 },
    { "08", WEIR_E_SERVER, 0 }, /* of a foreign server, behind this one; else it comes as FATAL */
    { "0A", WEIR_E_UNSUPPORTED, 0 },
    { "0L", WEIR_E_PERMISSION, 0 },
    { "0P", WEIR_E_STATEMENT, 0 },
    { "20", WEIR_E_STATEMENT, 0 },
    { "21", WEIR_E_DATA, 0 },
    { "22", WEIR_E_DATA, 0 },
    { "23", WEIR_E_CHECK, 0 },
    { "23001", WEIR_E_FOREIGN_KEY, 0 },
    { "23502", WEIR_E_NOT_NULL, 0 },
    { "23503", WEIR_E_FOREIGN_KEY, 0 },
    { "23505", WEIR_E_UNIQUE, 0 },
    { "24", WEIR_E_STATEMENT, 0 },
    { "25", WEIR_E_STATEMENT, 0 },
    { "25006", WEIR_E_READ_ONLY, 0 },
    { "25P03", WEIR_E_LOST, DEAD },
    { "26", WEIR_E_STATEMENT, 0 },
    { "27", WEIR_E_CHECK, 0 },
    { "28", WEIR_E_AUTH, 0 },
    { "2B", WEIR_E_STATEMENT, 0 },
    { "2D", WEIR_E_STATEMENT, 0 },
    { "34", WEIR_E_STATEMENT, 0 },
    { "3B", WEIR_E_STATEMENT, 0 },
    { "3D", WEIR_E_AUTH, 0 }, /* no such database: as hopeless as a wrong password */
    { "3F", WEIR_E_STATEMENT, 0 },
    { "40001", WEIR_E_SERIALIZATION, WEIR_RETRY_TRANSACTION },
    { "40002", WEIR_E_CHECK, 0 },
    { "40P01", WEIR_E_DEADLOCK, WEIR_RETRY_TRANSACTION },
    { "42", WEIR_E_STATEMENT, 0 },
    { "42501", WEIR_E_PERMISSION, 0 },
    { "44", WEIR_E_CHECK, 0 },
    { "53", WEIR_E_RESOURCE, 0 },
    { "53300", WEIR_E_TOO_MANY, WEIR_RETRY_ELSEWHERE },
    { "54", WEIR_E_DATA, 0 },
    { "54001", WEIR_E_STATEMENT, 0 },
    { "54011", WEIR_E_STATEMENT, 0 },
    { "54023", WEIR_E_STATEMENT, 0 },
    { "55P03", WEIR_E_LOCKED, WEIR_RETRY_TRANSACTION },
    { "57014", WEIR_E_CANCELLED, 0 },
    { "57P01", WEIR_E_LOST, DEAD },
    { "57P02", WEIR_E_LOST, DEAD },
    { "57P03", WEIR_E_CONNECT, WEIR_RETRY_ELSEWHERE },
    { "57P04", WEIR_E_LOST, WEIR_CONNECTION_DEAD },
    { "57P05", WEIR_E_LOST, DEAD },
    { "58030", WEIR_E_RESOURCE, 0 },
    { "P0001", WEIR_E_CHECK, 0 }, /* RAISE: a rule of the user's own */
    { "P0002", WEIR_E_DATA, 0 },
    { "P0003", WEIR_E_DATA, 0 },
    { "P0004", WEIR_E_CHECK, 0 },
    { "XX001", WEIR_E_CORRUPT, WEIR_CONNECTION_DEAD },
    { "XX002", WEIR_E_CORRUPT, WEIR_CONNECTION_DEAD },
};

/* PgBouncer has one state for whatever it refuses, and says it in English always. */
static const struct {
    const char *text;
    int status;
    uint32_t flags;
} pooler_words[] = {
    { "no more connections allowed", WEIR_E_TOO_MANY, WEIR_RETRY_ELSEWHERE },
    { "authentication failed", WEIR_E_AUTH, 0 },
    { "no such user", WEIR_E_AUTH, 0 },
    { "no such database", WEIR_E_AUTH, 0 },
};

static struct meaning find(const char *state)
{
    struct meaning found = { "", WEIR_E_SERVER, 0 };
    for (size_t i = 0; i < sizeof meanings / sizeof *meanings; i++) {
        const size_t n = strlen(meanings[i].state);
        if (n > strlen(found.state) && strncmp(meanings[i].state, state, n) == 0)
            found = meanings[i];
    }
    return found;
}

void pg_first_line(char *out, size_t size, const char *text)
{
    snprintf(out, size, "%.*s", (int)strcspn(text, "\r\n"), text);
}

static const char *field(const PGresult *r, int code)
{
    const char *text = PQresultErrorField(r, code);
    return text ? text : "";
}

static int is_fatal(const PGresult *r)
{
    const char *severity = field(r, PG_DIAG_SEVERITY_NONLOCALIZED);
    return strcmp(severity, "FATAL") == 0 || strcmp(severity, "PANIC") == 0;
}

static void keep_words(struct pg_conn *c, const PGresult *r)
{
    if (*c->fatal)
        return; /* the first are the cause */
    snprintf(c->fatal, sizeof c->fatal, "%s", field(r, PG_DIAG_SQLSTATE));
    pg_first_line(c->last_words, sizeof c->last_words, field(r, PG_DIAG_MESSAGE_PRIMARY));
}

/* A server that crashes says so as a warning. */
static int is_farewell(const PGresult *r)
{
    return is_fatal(r) || strncmp(field(r, PG_DIAG_SQLSTATE), "57P0", 4) == 0;
}

/* An idle connection is told here alone why it ends: what comes later has no state any more. */
void pg_notice(void *conn, const PGresult *notice)
{
    if (is_farewell(notice))
        keep_words(conn, notice);
}

static int finish(struct pg_conn *c, struct meaning m, const char *state, weir_error *err)
{
    err->flags = m.flags | (c->dead ? WEIR_CONNECTION_DEAD : 0);
    if (c->in_transaction)
        c->failed_flags |= m.flags & WEIR_RETRY_TRANSACTION;
    if (!c->dead && c->in_transaction && PQtransactionStatus(c->pg) == PQTRANS_IDLE)
        err->flags |= WEIR_ROLLED_BACK;
    snprintf(err->sqlstate, sizeof err->sqlstate, "%.5s", state);
    return err->status;
}

/* ---- a connection that is lost ---- */

/* What the server said before it hung up may still be in libpq's hands, if it was sending that found out. */
static void hear_farewell(struct pg_conn *c)
{
    PGresult *r;
    PQconsumeInput(c->pg);
    PQisBusy(c->pg);
    for (int i = 0; i < MOST_WORDS && PQstatus(c->pg) == CONNECTION_BAD && (r = PQgetResult(c->pg)); i++) {
        if (is_farewell(r))
            keep_words(c, r);
        PQclear(r);
    }
}

/* What may be a server's last words to a session: on its way out, or a standby's to a transaction in the way of what it replays. */
static int ends_session(struct meaning m)
{
    return m.status == WEIR_E_LOST || m.flags & WEIR_RETRY_TRANSACTION;
}

static int fail_lost(struct pg_conn *c, weir_error *err)
{
    char cause[160];
    struct meaning m = { "", WEIR_E_LOST, DEAD };
    hear_farewell(c);
    pg_cut(c);
    if (atomic_load(&c->stop) == PG_CUT) {
        c->host->fail(err, WEIR_E_CANCELLED, "postgres: the connection was shut down");
        m.flags = 0;
        return finish(c, m, "57014", err);
    }
    if (*c->fatal && ends_session(find(c->fatal)))
        m = find(c->fatal);
    pg_first_line(cause, sizeof cause, *c->last_words ? c->last_words : PQerrorMessage(c->pg));
    c->host->fail(err, m.status, "postgres: the connection to %s:%s was lost: %s", PQhost(c->pg), PQport(c->pg),
                  *cause ? cause : "the server closed it");
    return finish(c, m, *c->fatal ? c->fatal : "08006", err);
}

/* ---- what the server refused ---- */

/* The server has dropped a statement of ours, or its tables have changed.  Found before anything was done. */
static int is_stale(struct pg_conn *c, const PGresult *r, const char *state)
{
    char name[32];
    const struct pg_stmt *s = c->running;
    if (!s || !*s->name)
        return 0;
    if (strcmp(state, "0A000") == 0)
        return strcmp(field(r, PG_DIAG_SOURCE_FUNCTION), "RevalidateCachedQuery") == 0;
    snprintf(name, sizeof name, "\"%s\"", s->name);
    return strcmp(state, "26000") == 0 && strstr(field(r, PG_DIAG_MESSAGE_PRIMARY), name);
}

int pg_on_standby(struct pg_conn *c)
{
    const char *says = PQparameterStatus(c->pg, "in_hot_standby");
    const int before = c->standby;
    c->standby = says && strcmp(says, "on") == 0;
    return before || c->standby;
}

/*
 * A write was refused although this session did not ask to read only: the server is a standby, was one when the transaction began, or
 * was made to read only.  One that does not tell is taken for one of these.
 */
static int server_reads_only(struct pg_conn *c)
{
    const char *fallback = PQparameterStatus(c->pg, "default_transaction_read_only");
    if (c->read_only || (c->in_transaction && c->transaction_reads))
        return 0;
    return pg_on_standby(c) || !fallback || strcmp(fallback, "on") == 0;
}

/* What the table cannot know, because it depends on who asked, and when. */
static struct meaning refine(struct pg_conn *c, const PGresult *r, const char *state)
{
    struct meaning m = find(state);
    if (strcmp(state, "57014") == 0 && c->timed_out && atomic_load(&c->stop) == PG_GO_ON)
        m.status = WEIR_E_TIMEOUT;
    if (strcmp(state, "25006") == 0 && server_reads_only(c))
        m.flags |= WEIR_RETRY_ELSEWHERE;
    if (strcmp(state, "25P02") == 0) /* what has failed before may have been among rows that nobody read */
        m.flags |= c->failed_flags;
    c->stale = is_stale(c, r, state);
    if (c->stale)
        m = (struct meaning){ "", WEIR_E_SERVER, WEIR_RETRY_TRANSACTION };
    if (is_fatal(r) && m.status == WEIR_E_SERVER)
        m = (struct meaning){ "", WEIR_E_LOST, DEAD };
    return m;
}

int pg_fail(struct pg_conn *c, const PGresult *failed, weir_error *err)
{
    char text[320];
    const char *state = failed ? field(failed, PG_DIAG_SQLSTATE) : "";
    if (!*state)
        return fail_lost(c, err);
    if (is_fatal(failed))
        keep_words(c, failed);
    const struct meaning m = refine(c, failed, state);
    if (is_fatal(failed) || PQstatus(c->pg) != CONNECTION_OK || m.flags & WEIR_CONNECTION_DEAD)
        pg_cut(c);
    pg_first_line(text, sizeof text, field(failed, PG_DIAG_MESSAGE_PRIMARY));
    if (m.status == WEIR_E_TIMEOUT)
        c->host->fail(err, m.status, "postgres: the statement was stopped at its deadline");
    else
        c->host->fail(err, m.status, "postgres: %s", text);
    return finish(c, m, state, err);
}

/* ---- a connection that was not to be had ---- */

/* libpq reports each address that it tried; the last one is as good as any, and its first line says it all. */
static void last_attempt(char *out, size_t size, const char *message)
{
    static const char begins[] = "connection to server";
    const char *last = message;
    for (const char *at = strstr(message, begins); at; at = strstr(at + 1, begins))
        if (at == message || at[-1] == '\n')
            last = at;
    pg_first_line(out, size, last);
}

/* "FATAL:  28P01: no" becomes "FATAL:  no", and its state is taken; libpq gives it in no other way. */
static void take_state(char *line, char state[6])
{
    static const char letters[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    *state = '\0';
    for (char *at = strstr(line, ":  "); at; at = strstr(at + 1, ":  ")) {
        char *code = at + 3;
        if (strspn(code, letters) != 5 || code[5] != ':' || code[6] != ' ')
            continue;
        memcpy(state, code, 5);
        state[5] = '\0';
        memmove(code, code + 7, strlen(code + 7) + 1);
        return;
    }
}

static struct meaning refused_by_pooler(const char *line)
{
    for (size_t i = 0; i < sizeof pooler_words / sizeof *pooler_words; i++)
        if (strstr(line, pooler_words[i].text))
            return (struct meaning){ "", pooler_words[i].status, pooler_words[i].flags };
    return (struct meaning){ "", WEIR_E_CONNECT, WEIR_RETRY_ELSEWHERE };
}

/* A refusal is for good if it is about what was asked for, and may pass if it is about the server's condition. */
static struct meaning refused(const char *state, const char *line)
{
    struct meaning m = find(state);
    if (strcmp(state, "08P01") == 0)
        return refused_by_pooler(line);
    const int for_good = m.status == WEIR_E_AUTH || m.status == WEIR_E_PERMISSION || m.status == WEIR_E_DATA ||
                         m.status == WEIR_E_STATEMENT || m.status == WEIR_E_UNSUPPORTED;
    if (m.status != WEIR_E_AUTH && m.status != WEIR_E_PERMISSION && m.status != WEIR_E_TOO_MANY)
        m.status = WEIR_E_CONNECT;
    m.flags = for_good ? 0 : WEIR_RETRY_ELSEWHERE;
    return m;
}

/* The look at the socket comes too early for a server that hangs up while libpq reads: then its words tell. */
static int has_hung_up(const char *line)
{
    return strstr(line, "closed the connection unexpectedly") || strstr(line, "SSL SYSCALL error");
}

/* libpq itself has failed, at that stage.  What a server said that did not hang up is no answer of PostgreSQL's: that is for good. */
static struct meaning unfinished(struct pg_conn *c, ConnStatusType stage, int closed, const char *line)
{
    if (PQconnectionNeedsPassword(c->pg))
        return (struct meaning){ "", WEIR_E_AUTH, 0 };
    const int talked =
        stage == CONNECTION_SSL_STARTUP || stage == CONNECTION_AWAITING_RESPONSE || stage == CONNECTION_AUTH_OK;
    if (closed || !talked || has_hung_up(line))
        return (struct meaning){ "", WEIR_E_CONNECT, WEIR_RETRY_ELSEWHERE };
    return (struct meaning){ "", stage == CONNECTION_SSL_STARTUP ? WEIR_E_TLS : WEIR_E_CONNECT, 0 };
}

/* The one of the variables that cannot be kept out (conninfo.c) whose value the failure is about; NULL: none. */
static const char *blamed_variable(const char *line)
{
    static const char *const names[] = { "PGSERVICE", "PGTZ", "PGDATESTYLE", "PGGEQO" };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *value = getenv(names[i]);
        if (value && *value && strstr(line, value))
            return names[i];
    }
    return NULL;
}

int pg_fail_open(struct pg_conn *c, ConnStatusType stage, int closed, weir_error *err)
{
    char line[400], state[6];
    last_attempt(line, sizeof line, PQerrorMessage(c->pg));
    take_state(line, state);
    const char *variable = blamed_variable(line);
    struct meaning m = *state ? refused(state, line) : unfinished(c, stage, closed, line);
    if (variable)
        m.flags = 0;
    c->host->fail(err, m.status, "postgres: %s%s%s", line, variable ? ": look at the environment's " : "",
                  variable ? variable : "");
    err->flags = m.flags;
    memcpy(err->sqlstate, state, sizeof state);
    return m.status;
}
