/*
 * Whole transactions: borrowed for, run, and run again where that is right.
 *
 * What must be true:
 *  1. Only a failure that the driver marked WEIR_RETRY_TRANSACTION runs the body again, and only after all of it was undone.
 *  2. A commit whose fate is unknown is never run again.
 *  3. No connection is held while waiting for the next try, and none is made past the deadline.
 * SPDX-License-Identifier: MIT
 */
#include <stddef.h>
#include <base/error.h>
#include <base/random.h>
#include <db/inside.h>
#include <sql/transaction.h>

#define BACKOFF (1 * NS_PER_MS) /* the longest pause before the second try; it doubles with each */
#define BACKOFF_MAX (128 * NS_PER_MS)

struct transact {
    weir_db *db;
    weir_body body;
    void *arg;
    weir_transact_options options;
    const char *here;
    weir_deadline deadline; /* zero, or a fixed moment */
    int64_t until;          /* the same, NEVER for zero */
    weir_outcome outcome;
    bool again;    /* may it be run again? */
    bool conflict; /* a failure in it has said so, whatever the body made of that */
};

/* What the body left: it may have forgotten to write err, or have ended what was not its to end. */
static int run_body(struct transact *t, weir_conn conn, weir_error *err)
{
    err->status = WEIR_OK;
    int status = t->body(conn, t->arg, err);
    struct transaction_state state = transaction_look(conn);
    if (status < 0 && err->status != status)
        fail(err, status, "the body of the transaction failed (%s)", weir_status_name(status));
    t->conflict = state.retry;
    if (status == 0 && state.inner)
        return fail(err, WEIR_E_ARGUMENT, "the body of the transaction has left a savepoint open");
    if (state.held && state.open) {
        t->again = status < 0 && t->conflict;
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
    int status = weir_commit(&t->outcome, conn, t->deadline, err);
    t->outcome.attempts = attempts;
    t->again =
        status < 0 && t->outcome.state == WEIR_NOT_COMMITTED && (t->conflict || err->flags & WEIR_RETRY_TRANSACTION);
    return status;
}

static int begin(struct transact *t, weir_conn conn, weir_error *err)
{
    int status = weir_begin(conn, &t->options, t->deadline, err);
    if (status >= 0)
        status = transaction_bound(conn, t->until, err);
    else
        t->again = err->flags & WEIR_RETRY_TRANSACTION;
    return status;
}

/* A body that succeeded is committed; of one that did not, the release undoes what there is. */
static int try_once(struct transact *t, weir_error *err)
{
    weir_conn conn;
    weir_error ignored;
    weir_want want = { .size = sizeof want, .after = t->options.after };
    t->again = false;
    unsigned how = t->options.read_only ? WEIR_READ : WEIR_WRITE;
    int status = weir_acquire_for(&conn, t->db, how, &want, t->here, t->deadline, err);
    if (status < 0)
        return status;
    t->outcome.attempts++;
    status = begin(t, conn, err);
    if (status >= 0) {
        status = run_body(t, conn, err);
        if (status == 0)
            status = commit(t, conn, err);
        else if (clock_now(&t->db->clock) < t->until)
            weir_rollback(conn, t->deadline, &ignored);
    }
    weir_release(&conn);
    return status;
}

static void sleep_until(const struct clock *clock, int64_t until)
{
    struct lock lock;
    struct signal nobody;
    lock_init(&lock);
    signal_init(&nobody);
    lock_take(&lock);
    while (clock_now(clock) < until)
        signal_wait(&nobody, &lock, clock, until);
    lock_drop(&lock);
    signal_destroy(&nobody);
    lock_destroy(&lock);
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
    uint32_t attempts = t->options.attempts ? t->options.attempts : t->db->transact_attempts;
    int status = try_once(t, err);
    while (status < 0 && t->again && t->outcome.attempts < attempts && pause(t, &random)) {
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
