/*
 * Transactions.  An ADD joins its session's pending ones; a commit moves them to the server's ledger, all or none; a savepoint is how
 * many there were.  Outside a transaction each ADD is committed at once.  There are no conflicts but those made by FAIL.
 * SPDX-License-Identifier: MIT
 */
#include <stdio.h>
#include <string.h>
#include "local.h"

static void forget_savepoints(struct null_conn *c, const struct null_savepoint *down_to)
{
    while (c->savepoints != down_to) {
        struct null_savepoint *top = c->savepoints;
        c->savepoints = top->below;
        c->host->realloc(c->host->ctx, top, 0);
    }
}

int null_transaction_begin(struct null_conn *c, int read_only, weir_error *err)
{
    if (c->transaction)
        return null_says(c, err, WEIR_E_STATEMENT, "a transaction is open already");
    c->transaction = 1;
    c->transaction_read_only = read_only;
    return WEIR_OK;
}

void null_transaction_undo(struct null_conn *c)
{
    forget_savepoints(c, NULL);
    c->pending.count = 0;
    c->trace = 0;
    c->transaction = c->transaction_read_only = 0;
}

/* To the ledger, all or none. */
static int apply(struct null_conn *c, weir_error *err)
{
    struct null_server *s = c->server;
    if (null_entries_make_room(&s->ledger, c->pending.count, null_plain_realloc, NULL) < 0)
        return null_says(c, err, WEIR_E_RESOURCE, NULL);
    for (size_t i = 0; i < c->pending.count; i++)
        s->ledger.at[s->ledger.count++] = c->pending.at[i];
    s->figures[NULL_COUNTER] = (int64_t)((uint64_t)s->figures[NULL_COUNTER] + (uint64_t)null_entries_sum(&c->pending));
    null_count(s, NULL_COUNTER, 0);
    c->pending.count = 0;
    return WEIR_OK;
}

/* Somebody will ask. */
static int keep_trace(struct null_conn *c, weir_error *err)
{
    struct null_entries *lost = &c->server->lost;
    if (null_entries_make_room(lost, 1, null_plain_realloc, NULL) < 0)
        return null_says(c, err, WEIR_E_RESOURCE, NULL);
    lost->at[lost->count++] = c->trace;
    return WEIR_OK;
}

int null_transaction_commit(struct null_conn *c, weir_error *err)
{
    if (!c->transaction)
        return null_says(c, err, WEIR_E_STATEMENT, "no transaction is open");
    int fate = c->commit_fate;
    c->commit_fate = COMMIT_KEPT;
    int status = fate == COMMIT_LOST_BEFORE ? WEIR_OK : apply(c, err);
    if (status == WEIR_OK && fate == COMMIT_LOST_AFTER)
        status = keep_trace(c, err);
    null_transaction_undo(c); /* of which nothing is left, unless the commit came to nothing */
    return fate == COMMIT_KEPT ? status : null_says(c, err, WEIR_E_LOST, "with a commit under way");
}

/* A session that may not write says so as a server does that was asked to refuse: no other server would serve it better. */
static int refuse_write(struct null_conn *c, weir_error *err)
{
    weir_error e = null_error(WEIR_E_READ_ONLY);
    e.flags = 0;
    return null_suffer(c, err, &e);
}

int null_transaction_add(struct null_conn *c, int64_t n, weir_error *err)
{
    if (c->read_only || c->transaction_read_only)
        return refuse_write(c, err);
    if (null_entries_make_room(&c->pending, 1, c->host->realloc, c->host->ctx) < 0)
        return c->host->fail(err, WEIR_E_MEMORY, "no memory for an ADD");
    c->pending.at[c->pending.count++] = n;
    c->affected = 1;
    c->last_id = ++c->server->last_row;
    return c->transaction ? WEIR_OK : apply(c, err);
}

int null_savepoint_make(struct null_conn *c, const char *name, weir_error *err)
{
    if (!c->transaction)
        return null_says(c, err, WEIR_E_STATEMENT, "a savepoint outside a transaction");
    struct null_savepoint *new = c->host->realloc(c->host->ctx, NULL, sizeof *new);
    if (!new)
        return c->host->fail(err, WEIR_E_MEMORY, "no memory for a savepoint");
    new->below = c->savepoints;
    new->mark = c->pending.count;
    memcpy(new->name, name, sizeof new->name);
    c->savepoints = new;
    return WEIR_OK;
}

/* The youngest of that name; NULL: none, and *err is written. */
static struct null_savepoint *savepoint(struct null_conn *c, const char *name, weir_error *err)
{
    struct null_savepoint *at = c->savepoints;
    while (at && strcmp(at->name, name))
        at = at->below;
    if (!at)
        null_says(c, err, WEIR_E_STATEMENT, "there is no such savepoint");
    return at;
}

int null_savepoint_release(struct null_conn *c, const char *name, weir_error *err)
{
    const struct null_savepoint *at = savepoint(c, name, err);
    if (!at)
        return WEIR_E_STATEMENT;
    forget_savepoints(c, at->below);
    return WEIR_OK;
}

int null_savepoint_return(struct null_conn *c, const char *name, weir_error *err)
{
    const struct null_savepoint *at = savepoint(c, name, err);
    if (!at)
        return WEIR_E_STATEMENT;
    c->pending.count = at->mark;
    forget_savepoints(c, at);
    return WEIR_OK;
}

/* The hooks.  The server keeps no versions, so that every isolation is the same to it. */

int null_begin(void *conn, unsigned isolation, int read_only, int64_t deadline_ns, weir_error *err)
{
    (void)isolation;
    struct null_conn *c = null_begin_hook(conn, NULL_BEGINS);
    int status = null_round_trip(c, NULL_BEGINS, deadline_ns, err);
    return null_end_hook(c, status < 0 ? status : null_transaction_begin(c, read_only, err));
}

int null_commit(void *conn, int64_t deadline_ns, weir_error *err)
{
    struct null_conn *c = null_begin_hook(conn, NULL_COMMITS);
    int status = null_round_trip(c, NULL_COMMITS, deadline_ns, err);
    return null_end_hook(c, status < 0 ? status : null_transaction_commit(c, err));
}

int null_rollback(void *conn, int64_t deadline_ns, weir_error *err)
{
    struct null_conn *c = null_begin_hook(conn, NULL_ROLLBACKS);
    int status = null_round_trip(c, NULL_ROLLBACKS, deadline_ns, err);
    if (status == WEIR_OK)
        null_transaction_undo(c);
    return null_end_hook(c, status);
}

/* With traces, which are numbers. */

int null_in_transaction(void *conn)
{
    struct null_conn *c = null_enter(conn);
    int open = c->transaction;
    null_leave(c);
    return open;
}

int null_begin_traced(void *conn, unsigned isolation, char trace[WEIR_TRACE_SIZE], int64_t deadline_ns, weir_error *err)
{
    (void)isolation;
    struct null_conn *c = null_begin_hook(conn, NULL_BEGINS);
    int status = null_round_trip(c, NULL_BEGINS, deadline_ns, err);
    if (status == WEIR_OK)
        status = null_transaction_begin(c, 0, err);
    if (status == WEIR_OK)
        c->trace = ++c->server->last_trace;
    snprintf(trace, WEIR_TRACE_SIZE, "%lld", (long long)c->trace);
    return null_end_hook(c, status);
}

/* Who is still at it has a session with that trace; a session that is gone has committed before, or never. */
static weir_fate fate_of(const struct null_server *s, int64_t trace)
{
    for (size_t i = 0; i < s->lost.count; i++)
        if (s->lost.at[i] == trace)
            return WEIR_FATE_COMMITTED;
    for (const struct null_conn *c = s->conns; c; c = c->next)
        if (c->trace == trace && c->life == LIFE_OPEN)
            return WEIR_FATE_PENDING;
    return WEIR_FATE_ABORTED;
}

int null_settle(void *conn, const char *trace, int64_t deadline_ns, weir_error *err)
{
    struct null_conn *c = null_begin_hook(conn, NULL_SETTLES);
    int64_t number = 0;
    int status = null_round_trip(c, NULL_SETTLES, deadline_ns, err);
    if (status == WEIR_OK && null_number(&trace, &number) < 0)
        status = null_says(c, err, WEIR_E_STATEMENT, "that is no trace");
    return null_end_hook(c, status < 0 ? status : (int)fate_of(c->server, number));
}
