/*
 * The session: its settings, what makes it dirty, and how it becomes clean.
 *
 * The server tells whether a transaction is open, and nothing of SET, LISTEN, temporary tables, session locks and held cursors: those are
 * told from the statements themselves (study.c).  What is found is undone by one message.  It leaves the prepared statements
 * alone unless one may have been made that is not ours.
 *
 * Behind a pooler a session belongs to others too: such statements are refused there (statement.c), and there is nothing to undo but a
 * transaction.
 * SPDX-License-Identifier: MIT
 */
#include <errno.h>
#include <stdio.h>
#include "pg.h"

#define MOST_LOOKS 8 /* at what the server says unasked, before the rest is left for another time */

/* ---- settings ---- */

static int begins_with(const char *text, const char *what)
{
    return text && strncmp(text, what, strlen(what)) == 0;
}

static const char *lane(const struct pg_conn *c)
{
    return c->read_only ? "SET default_transaction_read_only=on" : "RESET default_transaction_read_only";
}

/* PGTZ and PGDATESTYLE have no keyword, and weigh more than what was asked for at the start. */
static int needs_repair(const struct pg_conn *c)
{
    return !begins_with(PQparameterStatus(c->pg, "DateStyle"), "ISO") ||
           !begins_with(PQparameterStatus(c->pg, "TimeZone"), "UTC");
}

static int check_pooled(struct pg_conn *c, weir_error *err)
{
    const char *style = PQparameterStatus(c->pg, "DateStyle");
    if (begins_with(style, "ISO"))
        return WEIR_OK;
    return c->host->fail(
        err, WEIR_E_CONNECT,
        "postgres: DateStyle is '%s': behind a pooler, set it to ISO on the database or in PGDATESTYLE",
        style ? style : "");
}

/* What a session begins with, and RESET ALL does not know of.  No statement at all is no failure. */
static int begin_session(struct pg_conn *c, const char *undo, weir_error *err)
{
    char sql[600];
    const char *init = c->host->option(c->host->ctx, "init");
    snprintf(sql, sizeof sql, "%s%s%s", undo, c->repaired ? "SET timezone='UTC'; SET datestyle='ISO'; " : "",
             c->read_only ? lane(c) : "");
    int st = *sql ? pg_say(c, sql, NULL, err) : WEIR_OK;
    if (st == WEIR_OK && *init)
        st = pg_say(c, init, NULL, err);
    return st;
}

int pg_settle(struct pg_conn *c, weir_error *err)
{
    PQsetErrorVerbosity(c->pg, PQERRORS_DEFAULT);
    PQsetNoticeReceiver(c->pg, pg_notice, c);
    if (PQsetnonblocking(c->pg, 1) != 0)
        return pg_fail(c, NULL, err);
    if (c->pooler)
        return check_pooled(c, err);
    c->repaired = needs_repair(c);
    return begin_session(c, "", err);
}

int pg_turn(void *conn, int read_only, int64_t deadline_ns, weir_error *err)
{
    struct pg_conn *c = conn;
    const int before = c->read_only;
    int st = pg_begins(c, deadline_ns, err);
    c->housework = 1;
    c->read_only = read_only != 0;
    if (st == WEIR_OK && !c->pooler)
        st = pg_say(c, lane(c), NULL, err);
    if (st < 0)
        c->read_only = before;
    return st;
}

/* ---- what makes it dirty, and clean again ---- */

int pg_dirty(void *conn)
{
    const struct pg_conn *c = conn;
    return c->changed || c->native || c->begin.pending || PQtransactionStatus(c->pg) != PQTRANS_IDLE;
}

/* What a borrower of the native handle may have left in libpq; 0: it cannot be undone. */
static int tidy_handle(struct pg_conn *c)
{
    if (PQpipelineStatus(c->pg) != PQ_PIPELINE_OFF && !PQexitPipelineMode(c->pg))
        return 0;
    if (PQtransactionStatus(c->pg) == PQTRANS_ACTIVE || PQtransactionStatus(c->pg) == PQTRANS_UNKNOWN)
        return 0;
    PQsetNoticeReceiver(c->pg, pg_notice, c);
    PQsetErrorVerbosity(c->pg, PQERRORS_DEFAULT);
    PQuntrace(c->pg);
    return PQsetnonblocking(c->pg, 1) == 0;
}

static void drop_notifications(struct pg_conn *c)
{
    PGnotify *n;
    while ((n = PQnotifies(c->pg)))
        PQfreemem(n);
}

/*
 * All that DISCARD ALL does, in a form that may stand with other statements in one message.  Also for a session that seems to be clean:
 * who asks for that knows more than can be seen here.
 */
static int undo_changes(struct pg_conn *c, weir_error *err)
{
    char sql[300];
    const int statements = c->native || c->changed & PG_PREPARES;
    snprintf(sql, sizeof sql,
             "%sSET SESSION AUTHORIZATION DEFAULT; RESET ROLE; RESET ALL; CLOSE ALL; UNLISTEN *; "
             "SELECT pg_advisory_unlock_all(); DISCARD TEMP; DISCARD SEQUENCES; %s",
             c->in_transaction ? "ROLLBACK; " : "", statements ? "DEALLOCATE ALL; " : "");
    c->generation += statements != 0;
    return begin_session(c, sql, err);
}

int pg_reset(void *conn, int64_t deadline_ns, weir_error *err)
{
    struct pg_conn *c = conn;
    pg_abandon(c);
    pg_begin_forget(c);
    pg_starts(c, deadline_ns);
    c->housework = 1;
    if (c->native && (c->pooler || !tidy_handle(c)))
        return c->host->fail(err, WEIR_E_UNSUPPORTED, "postgres: what native use has left goes with its connection");
    const int st = c->pooler ? pg_undo(c, err) : undo_changes(c, err);
    if (st < 0)
        return st;
    drop_notifications(c);
    c->changed = 0;
    c->native = 0;
    return WEIR_OK;
}

/* ---- health ---- */

/*
 * Bytes that nobody has asked for are no proof of anything: a notice, a new setting, a ticket of TLS; or the farewell of a server that
 * goes.  libpq is given them until there are none, and then an end is an end.
 */
int pg_alive(void *conn)
{
    struct pg_conn *c = conn;
    char byte;
    for (int i = 0; i < MOST_LOOKS && !c->dead && PQsocket(c->pg) >= 0; i++) {
        const ssize_t n = recv(PQsocket(c->pg), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
        if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
            return 1;
        if (n <= 0 || !PQconsumeInput(c->pg))
            c->dead = 1;
        else
            drop_notifications(c); /* which also makes libpq look at what has come */
    }
    return !c->dead && atomic_load(&c->stop) != PG_CUT && PQsocket(c->pg) >= 0;
}

int pg_ping(void *conn, int64_t deadline_ns, weir_error *err)
{
    struct pg_conn *c = conn;
    const int st = pg_begins(c, deadline_ns, err);
    c->housework = 1;
    return st < 0 ? st : pg_say(c, "", NULL, err);
}

/* Who has the handle finds the transaction that was begun: without it, what is done there would be committed at once. */
static int begin_for_holder(struct pg_conn *c)
{
    weir_error ignored;
    const struct pg_begin begin = c->begin;
    const int64_t soonest = pg_later(pg_now(c), c->grace_ns);
    if (!begin.pending)
        return 1;
    pg_starts(c, c->until > soonest ? c->until : soonest); /* this hook has no deadline of its own */
    if (pg_begin_now(c, &ignored) == WEIR_OK)
        return 1;
    c->begin = begin; /* the next statement will be told why */
    return 0;
}

void *pg_native(void *conn)
{
    struct pg_conn *c = conn;
    if (!begin_for_holder(c))
        return NULL;
    PQsetnonblocking(c->pg, 0); /* as whoever knows libpq expects to find it */
    c->native = 1;
    return c->pg;
}
