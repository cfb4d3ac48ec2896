/*
 * Transactions by hand.  The outermost is the server's, the inner ones are savepoints.
 * SPDX-License-Identifier: MIT
 */
#include <stdio.h>
#include <base/error.h>
#include <sql/bulk.h>
#include <sql/transaction.h>

static int savepoint(struct link *l, const char *verb, int64_t until, weir_error *err)
{
    char sql[64];
    snprintf(sql, sizeof sql, "%s weir_%u", verb, l->depth);
    return statement_run(l, sql, WEIR_NO_ARGS, false, until, err);
}

/* `trace` may be NULL: nobody will ask. */
static int begin_outer(struct link *l, const weir_transact_options *o, char *trace, int64_t until, weir_error *err)
{
    bool reads = l->read_only || o->read_only;
    int status = trace && !reads && l->sql->begin_traced
                     ? l->sql->begin_traced(l->conn, o->isolation, trace, until, err)
                     : l->sql->begin(l->conn, o->isolation, reads, until, err);
    if (status < 0)
        return status;
    l->depth = 1;
    l->writes = !reads;
    l->doom_status = 0;
    l->retry = l->ended = l->rerun = l->careful = false;
    return WEIR_OK;
}

static const weir_transact_options plain = { .size = sizeof plain };

int transaction_open(struct link *l, int64_t until, weir_error *err)
{
    return begin_outer(l, &plain, NULL, until, err);
}

static int begin_inner(struct link *l, const weir_transact_options *o, int64_t until, weir_error *err)
{
    if (o->isolation != WEIR_SERVER_DEFAULT)
        return fail(err, WEIR_E_ARGUMENT, "a transaction inside another cannot have an isolation of its own");
    int status = savepoint(l, "SAVEPOINT", until, err);
    if (status >= 0)
        l->depth++;
    return status;
}

static int check_options(const weir_transact_options *o, weir_error *err)
{
    if (o->size < sizeof(size_t) + 2 * sizeof(uint32_t))
        return fail(err, WEIR_E_ARGUMENT, "weir_transact_options: size is not set");
    if (o->isolation > WEIR_SERIALIZABLE)
        return fail(err, WEIR_E_ARGUMENT, "weir_transact_options: there is no isolation %u", o->isolation);
    return WEIR_OK;
}

int transaction_begin(weir_conn conn, const weir_transact_options *options, char *trace, weir_deadline deadline,
                      weir_error *err)
{
    const weir_transact_options *o = options ? options : &plain;
    struct link *l;
    weir_error own;
    err = err ? err : &own;
    int status = check_options(o, err);
    if (status >= 0)
        status = link_enter(&l, conn, err);
    if (status < 0)
        return status;
    int64_t until;
    status = link_ready(l, deadline, err);
    if (status >= 0)
        status = link_until(&until, l, deadline, err);
    if (status >= 0)
        status = l->depth ? begin_inner(l, o, until, err) : begin_outer(l, o, trace, until, err);
    return link_leave(l, status, err);
}

int weir_begin(weir_conn conn, const weir_transact_options *options, weir_deadline deadline, weir_error *err)
{
    return transaction_begin(conn, options, NULL, deadline, err);
}

static void end_outer(struct link *l)
{
    l->depth = 0;
    l->doom_status = 0;
    l->ended = l->rerun = false;
    l->bound = NEVER;
    bulk_drop_late(l);
}

static int in_doubt(const struct link *l, weir_error *err)
{
    pool_count(l->slot->pool, COUNT_IN_DOUBT);
    weir_error lost = *err;
    fail_in(err, &lost, "the connection was lost with the commit under way: it may have happened or not");
    err->status = WEIR_E_IN_DOUBT;
    err->flags = WEIR_CONNECTION_DEAD;
    return WEIR_E_IN_DOUBT;
}

static int rollback_outer(struct link *l, int64_t until, weir_error *err)
{
    int status = l->sql->rollback(l->conn, until, err);
    end_outer(l);
    if (status < 0)
        l->dead = true; /* nobody knows what is open on it: it is not lent again */
    return status;
}

/* Nothing is left to be committed by accident later.  A transaction that has ended itself has done so in whichever way. */
static void undo_outer(struct link *l, int64_t until, uint32_t *state)
{
    weir_error ignored;
    *state = l->ended ? WEIR_COMMIT_UNKNOWN : WEIR_NOT_COMMITTED;
    rollback_outer(l, until, &ignored);
}

/* `sent`: the commit was, or may have been. */
static int conclude(struct link *l, int status, bool sent, int64_t until, uint32_t *state, weir_error *err)
{
    bool lost = status < 0 && err->flags & WEIR_CONNECTION_DEAD;
    if (status >= 0) {
        *state = WEIR_COMMITTED;
    } else if (lost && l->writes && sent) {
        *state = WEIR_COMMIT_UNKNOWN;
        status = in_doubt(l, err);
    } else if (lost) {
        *state = WEIR_NOT_COMMITTED;
    } else {
        undo_outer(l, until, state);
    }
    end_outer(l);
    return status;
}

static int commit_now(struct link *l, int64_t until, uint32_t *state, weir_error *err)
{
    int status = l->sql->commit(l->conn, until, err);
    return conclude(l, status, true, until, state, err);
}

static int commit_late(struct link *l, int64_t until, uint32_t *state, weir_error *err)
{
    bool sent;
    int status = bulk_commit_late(l, &sent, until, err);
    return conclude(l, status, sent, until, state, err);
}

static int commit_outer(struct link *l, weir_deadline deadline, uint32_t *state, weir_error *err)
{
    int64_t until;
    int status = link_until(&until, l, deadline, err);
    if (status >= 0 && l->late.count && link_is_usable(l))
        return commit_late(l, until, state, err);
    if (status >= 0)
        status = link_ready(l, deadline, err);
    if (status >= 0)
        return commit_now(l, until, state, err);
    undo_outer(l, until, state);
    return status;
}

int transaction_end(struct link *l, int status, int64_t until, weir_error *err)
{
    uint32_t state;
    if (status >= 0)
        return commit_now(l, until, &state, err);
    undo_outer(l, until, &state);
    return status;
}

static int commit_inner(struct link *l, weir_deadline deadline, uint32_t *state, weir_error *err)
{
    int64_t until;
    int status = link_until(&until, l, deadline, err);
    if (status >= 0)
        status = link_ready(l, deadline, err);
    l->depth--;
    if (status >= 0)
        status = savepoint(l, "RELEASE SAVEPOINT", until, err);
    if (status < 0)
        l->depth++;
    else
        *state = WEIR_COMMITTED;
    return status;
}

static int check_in_transaction(const struct link *l, weir_error *err)
{
    if (!l->depth)
        return fail(err, WEIR_E_ARGUMENT, "no transaction was begun with weir_begin on this connection");
    if (l->reading)
        return fail(err, WEIR_E_BUSY, "a result is open on this connection: end it with weir_rows_close first");
    return WEIR_OK;
}

int weir_commit(weir_outcome *outcome, weir_conn conn, weir_deadline deadline, weir_error *err)
{
    struct link *l;
    weir_error own;
    err = err ? err : &own;
    weir_outcome o = { .state = WEIR_NOT_COMMITTED, .attempts = 1 };
    int status = link_enter(&l, conn, err);
    if (status >= 0) {
        status = check_in_transaction(l, err);
        if (status >= 0)
            status = l->depth > 1 ? commit_inner(l, deadline, &o.state, err) : commit_outer(l, deadline, &o.state, err);
        link_leave(l, status, err);
    }
    if (outcome)
        *outcome = o;
    return status;
}

static int rollback_inner(struct link *l, int64_t until, weir_error *err)
{
    l->depth--;
    if (l->doom_status)
        return WEIR_OK; /* the server has undone all of it; the outermost rollback clears that */
    int status = savepoint(l, "ROLLBACK TO SAVEPOINT", until, err);
    if (status >= 0) {
        bulk_drop_late(l); /* what was there before it was written with the savepoint */
        status = savepoint(l, "RELEASE SAVEPOINT", until, err);
    }
    if (status < 0)
        l->depth++;
    return status;
}

/* It has to happen, be it late. */
int weir_rollback(weir_conn conn, weir_deadline deadline, weir_error *err)
{
    struct link *l;
    weir_error own;
    err = err ? err : &own;
    int status = link_enter(&l, conn, err);
    if (status < 0)
        return status;
    status = check_in_transaction(l, err);
    int64_t until;
    (void)link_until(&until, l, deadline, NULL);
    if (status >= 0)
        status = l->depth > 1 ? rollback_inner(l, until, err) : rollback_outer(l, until, err);
    return link_leave(l, status, err);
}

static int say(struct link *l, const char *verb, const char *mark, int64_t until, weir_error *err)
{
    char sql[64];
    snprintf(sql, sizeof sql, "%s %s", verb, mark);
    return statement_run(l, sql, WEIR_NO_ARGS, false, until, err);
}

int transaction_mark(struct link *l, const char *mark, int64_t until, weir_error *err)
{
    return say(l, "SAVEPOINT", mark, until, err);
}

int transaction_unmark(struct link *l, const char *mark, int64_t until, weir_error *err)
{
    return say(l, "RELEASE SAVEPOINT", mark, until, err);
}

int transaction_return(struct link *l, const char *mark, int64_t until, weir_error *err)
{
    return say(l, "ROLLBACK TO SAVEPOINT", mark, until, err);
}

int transaction_settle(weir_conn conn, const char *trace, weir_deadline deadline, weir_error *err)
{
    struct link *l;
    int64_t until;
    int status = link_enter(&l, conn, err);
    if (status < 0)
        return status;
    status = link_ready(l, deadline, err);
    if (status >= 0)
        status = link_until(&until, l, deadline, err);
    if (status >= 0)
        status = l->sql->settle(l->conn, trace, until, err);
    return link_leave(l, status, err);
}

int transaction_bound(weir_conn conn, int64_t until, bool rerun, weir_error *err)
{
    struct link *l;
    int status = link_enter(&l, conn, err);
    if (status < 0)
        return status;
    l->bound = until;
    l->rerun = rerun;
    return link_leave(l, WEIR_OK, err);
}

struct transaction_state transaction_look(weir_conn conn)
{
    struct transaction_state state = { 0 };
    struct link *l;
    int status = link_enter(&l, conn, NULL);
    state.held = state.open = status != WEIR_E_STALE; /* shut down or busy: the commit will be told so */
    if (status < 0)
        return state;
    state.open = l->depth > 0 && !l->ended;
    state.inner = l->depth > 1;
    state.retry = l->retry;
    state.lost = l->lost;
    state.careful = l->careful;
    link_leave(l, WEIR_OK, NULL);
    return state;
}
