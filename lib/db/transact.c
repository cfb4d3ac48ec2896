/*
 * Whole transactions: borrowed for, run, and run again where that is right.
 *
 * What must be true:
 *  1. The body runs again only after all of it was undone: a failure that the driver marked WEIR_RETRY_TRANSACTION, a connection that was
 *     lost before the commit was sent, a lost commit that is known not to have happened, or a batch of rows that was written without a
 *     savepoint, in the hope that it would do, and has failed; the body then has them.
 *  2. A commit whose fate is unknown is settled (settle.c), or else never run again.
 *  3. No connection is held while waiting for the next try, and none is made past the deadline.
 *  4. An outage fails everybody at once, so what is run again because of one is paid from a budget (pool/budget.c).  A conflict is never
 *     refused another try, but makes the pool admit fewer writers at once (pool/tune.c).
 * SPDX-License-Identifier: MIT
 */
#include <stddef.h>
#include <base/error.h>
#include <base/random.h>
#include <db/inside.h>
#include <sql/transaction.h>

#define BACKOFF (1 * NS_PER_MS) /* the longest pause before the second try; it doubles with each */
#define BACKOFF_MAX (128 * NS_PER_MS)

/* Why the body may run again. */
enum again { AGAIN_NEVER, AGAIN_CONFLICT, AGAIN_OUTAGE, AGAIN_CAREFULLY };

struct transact {
    weir_db *db;
    weir_body body;
    void *arg;
    weir_transact_options options;
    const char *here;
    weir_deadline deadline; /* zero, or a fixed moment */
    int64_t until;          /* the same, NEVER for zero */
    weir_outcome outcome;
    struct claim claim; /* of the present try */
    enum again again;
    enum again failure; /* what a failure in it has allowed, whatever the body made of that */
    uint32_t attempts;  /* how often the body may run */
    bool careful;       /* it runs again because of a batch that failed: with savepoints */
};

static enum again allowed_by(int status, const weir_error *err)
{
    const uint32_t lost = WEIR_CONNECTION_DEAD | WEIR_RETRY_ELSEWHERE;
    if (err->flags & WEIR_RETRY_TRANSACTION)
        return AGAIN_CONFLICT;
    return status == WEIR_E_LOST && (err->flags & lost) == lost ? AGAIN_OUTAGE : AGAIN_NEVER;
}

/* What failures in the transaction allow. */
static enum again allowed_in(struct transaction_state state)
{
    return state.retry ? AGAIN_CONFLICT : state.lost ? AGAIN_OUTAGE : state.careful ? AGAIN_CAREFULLY : AGAIN_NEVER;
}

/* What the body left: it may have forgotten to write err, or have ended what was not its to end. */
static int run_body(struct transact *t, weir_conn conn, weir_error *err)
{
    err->status = WEIR_OK;
    int status = t->body(conn, t->arg, err);
    struct transaction_state state = transaction_look(conn);
    if (status < 0 && err->status != status)
        fail(err, status, "the body of the transaction failed (%s)", weir_status_name(status));
    t->failure = allowed_in(state);
    if (status == 0 && state.inner)
        return fail(err, WEIR_E_ARGUMENT, "the body of the transaction has left a savepoint open");
    if (state.held && state.open) {
        /* Of another transaction, run by the body: that may have happened.  Whatever it returns, it may have mistaken whose failure it was. */
        bool own = (status < 0 && status != WEIR_E_IN_DOUBT) || (status > 0 && t->failure == AGAIN_CAREFULLY);
        t->again = own ? t->failure : AGAIN_NEVER;
        return status;
    }
    if (state.held)
        t->outcome.state = WEIR_COMMIT_UNKNOWN; /* by hand, whichever way */
    return fail(err, WEIR_E_ARGUMENT, "the body of the transaction has %s",
                state.held ? "ended the transaction itself" : "released its connection");
}

static int commit(struct transact *t, weir_conn conn, weir_error *err)
{
    uint32_t attempts = t->outcome.attempts;
    weir_error ignored;
    int status = settle_mark(conn, &t->claim, t->deadline, err);
    if (status >= 0)
        status = weir_commit(&t->outcome, conn, t->deadline, err);
    else
        weir_rollback(conn, t->deadline, &ignored);
    t->outcome.attempts = attempts;
    if (status >= 0 || t->outcome.state != WEIR_NOT_COMMITTED)
        return status;
    if (!t->failure)
        t->failure = allowed_in(transaction_look(conn)); /* of batches that had waited for the commit */
    t->again = t->failure ? t->failure : allowed_by(status, err);
    return status;
}

static bool wants_trace(const struct transact *t)
{
    return !*t->claim.marker && !t->options.unsettled;
}

static int begin(struct transact *t, weir_conn conn, weir_error *err)
{
    int status = WEIR_OK;
    if (t->options.exactly_once && !t->options.read_only)
        status = settle_prepare(t->db, conn, &t->claim, t->deadline, err);
    if (status >= 0)
        status = transaction_begin(conn, &t->options, wants_trace(t) ? t->claim.trace : NULL, t->deadline, err);
    if (status >= 0)
        status = transaction_bound(conn, t->until, !t->careful && t->outcome.attempts < t->attempts, err);
    else
        t->again = allowed_by(status, err);
    return status;
}

/* keeps truth 2.  A deadline of zero gives it the time that it gives to borrowing. */
static int settled(struct transact *t, int status, weir_error *err)
{
    int64_t until = t->until == NEVER ? clock_add(clock_now(&t->db->clock), t->db->acquire_timeout) : t->until;
    weir_fate fate = settle(t->db, &t->claim, t->here, until);
    if (fate != WEIR_FATE_COMMITTED && fate != WEIR_FATE_ABORTED)
        return status;
    pool_count(t->db->pool, COUNT_SETTLED);
    t->outcome.state = fate == WEIR_FATE_COMMITTED ? WEIR_COMMITTED : WEIR_NOT_COMMITTED;
    if (fate == WEIR_FATE_COMMITTED)
        return WEIR_OK;
    t->again = AGAIN_OUTAGE;
    fail(err, WEIR_E_LOST, "the connection was lost with the commit under way: it has not happened");
    err->flags = WEIR_CONNECTION_DEAD | WEIR_RETRY_ELSEWHERE;
    return WEIR_E_LOST;
}

/* A body that succeeded is committed; of one that did not, the release undoes what there is. */
static int try_on(struct transact *t, weir_conn conn, weir_error *err)
{
    weir_error ignored;
    int status = begin(t, conn, err);
    if (status < 0)
        return status;
    status = run_body(t, conn, err);
    if (status == 0)
        return commit(t, conn, err);
    if (clock_now(&t->db->clock) < t->until)
        weir_rollback(conn, t->deadline, &ignored);
    return status;
}

static int try_once(struct transact *t, weir_error *err)
{
    weir_conn conn;
    weir_want want = { .size = sizeof want, .after = t->options.after };
    t->again = t->failure = AGAIN_NEVER;
    t->claim = (struct claim){ .trace = "" };
    unsigned how = t->options.read_only ? WEIR_READ : WEIR_WRITE;
    int status = weir_acquire_for(&conn, t->db, how, &want, t->here, t->deadline, err);
    if (status < 0)
        return status;
    t->outcome.attempts++;
    status = try_on(t, conn, err);
    weir_release(&conn);
    return status == WEIR_E_IN_DOUBT && t->outcome.state == WEIR_COMMIT_UNKNOWN ? settled(t, status, err) : status;
}

/* Full jitter: two that ran into each other do not meet again.  False: the deadline comes first. */
static bool pause(const struct transact *t, uint64_t *random)
{
    int64_t bound = BACKOFF;
    for (uint32_t i = 1; i < t->outcome.attempts && bound < BACKOFF_MAX; i++)
        bound *= 2;
    int64_t at = clock_add(clock_now(&t->db->clock), random_below(random, bound));
    if (at >= t->until)
        return false;
    sleep_until(&t->db->clock, at);
    return true;
}

/* keeps truth 4 */
static bool may_run_again(struct transact *t)
{
    weir_pool *pool = t->db->pool;
    if (t->again == AGAIN_CONFLICT)
        pool_conflict(pool, t->outcome.attempts);
    t->careful |= t->again == AGAIN_CAREFULLY;
    return t->again != AGAIN_OUTAGE || pool_spend_retry(pool);
}

static void count(const struct transact *t, int status)
{
    weir_pool *pool = t->db->pool;
    if (status >= 0 && t->outcome.state == WEIR_COMMITTED)
        pool_count(pool, COUNT_TRANSACTION);
    if (status == WEIR_E_DEADLOCK || status == WEIR_E_SERIALIZATION)
        pool_count(pool, COUNT_DEADLOCK_CALLER);
}

static int run(struct transact *t, weir_error *err)
{
    uint64_t random = (uint64_t)(uintptr_t)t ^ thread_number();
    t->attempts = t->options.attempts ? t->options.attempts : t->db->transact_attempts;
    pool_earn_retry(t->db->pool);
    int status = try_once(t, err);
    while (status != 0 && t->again && t->outcome.attempts < t->attempts && may_run_again(t) && pause(t, &random)) {
        pool_count(t->db->pool, COUNT_RETRY);
        status = try_once(t, err);
    }
    count(t, status);
    return status;
}

static int check(const weir_db *db, weir_body body, const weir_transact_options *options, weir_error *err)
{
    if (!db || !body)
        return fail(err, WEIR_E_ARGUMENT, "no %s was given", db ? "body" : "database");
    if (options && options->size != sizeof *options)
        return fail(err, WEIR_E_ARGUMENT, "weir_transact_options: size is not set");
    if (options && options->exactly_once && options->unsettled)
        return fail(err, WEIR_E_ARGUMENT, "weir_transact_options: exactly_once and unsettled exclude each other");
    return WEIR_OK;
}

int weir_transact_for(weir_outcome *outcome, weir_db *db, weir_body body, void *arg,
                      const weir_transact_options *options, const char *here, weir_deadline deadline, weir_error *err)
{
    weir_error own; /* attempts that are made good write errors of which the caller does not hear */
    struct transact t = { .db = db, .body = body, .arg = arg, .here = here, .until = NEVER };
    t.options =
        options && options->size == sizeof *options ? *options : (weir_transact_options){ .size = sizeof t.options };
    int status = check(db, body, options, &own);
    if (status >= 0 && deadline.ns) {
        t.until = clock_deadline(&db->clock, deadline, NEVER);
        t.deadline.ns = -t.until;
    }
    if (status >= 0)
        status = run(&t, &own);
    if (outcome)
        *outcome = t.outcome;
    return status < 0 ? fail_as(err, &own) : status;
}
