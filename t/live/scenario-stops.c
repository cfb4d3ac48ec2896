/*
 * The scenario: statements that take too long, and those that somebody stops.
 * SPDX-License-Identifier: MIT
 */
#include "scenario.h"

/* ---- deadlines ---- */

static void stopped(weir_conn conn, const char *sql, weir_deadline deadline, const char *fact)
{
    weir_error err = { .text = "" };
    const int64_t began = talk_now_ms();
    is_int(weir_exec(NULL, conn, sql, WEIR_NO_ARGS, deadline, &err), WEIR_E_TIMEOUT, "%s", fact);
    ok(talk_now_ms() - began < 60000, "  long before it would have ended: %lld ms", (long long)(talk_now_ms() - began));
    is_int(err.flags & WEIR_CONNECTION_DEAD, 0, "  and the connection is not lost: %s", err.text);
    is_int(talk_ask(conn, "SELECT count(*) FROM digits"), 10, "  but serves on");
}

static void deadlines(weir_conn conn)
{
    weir_rows rows;
    weir_error err;
    stopped(conn, SCENARIO_MINUTES, weir_after_ms(100), "a statement is stopped at its deadline");
    stopped(conn, SCENARIO_MINUTES, weir_by(weir_after_ms(100)), "  also at a fixed moment");
    stopped(conn, SCENARIO_MINUTES, weir_at_once(), "  also when it has no time at all");
    is_int(weir_query(&rows, conn, SCENARIO_MINUTES, WEIR_NO_ARGS, weir_after_ms(100), &err) == WEIR_OK
               ? weir_rows_next(rows, &err)
               : err.status,
           WEIR_E_TIMEOUT, "so is a query");
    weir_rows_close(&rows, NULL);
    is_int(talk_ask(conn, "SELECT count(*) FROM digits"), 10, "  and the connection serves on");
}

/* What has no time left does not begin. */
static void past_deadline(weir_conn conn)
{
    const weir_deadline past = weir_by(weir_after_ms(0));
    const int64_t began = talk_now_ms();
    weir_rows rows;
    weir_error err = { .text = "" };
    while (talk_now_ms() <= began + 1)
        talk_wait(began, "a moment passes");
    is_int(weir_exec(NULL, conn, "DELETE FROM digits", WEIR_NO_ARGS, past, &err), WEIR_E_TIMEOUT,
           "a statement whose deadline has passed");
    has_text(err.text, "deadline", "  is told so");
    is_int(weir_query(&rows, conn, "SELECT n FROM digits", WEIR_NO_ARGS, past, &err), WEIR_E_TIMEOUT, "so is a query");
    is_int(weir_begin(conn, NULL, past, &err), WEIR_E_TIMEOUT, "and a transaction");
    is_int(weir_rollback(conn, LONG, &err), WEIR_E_ARGUMENT, "  which has not begun");
    is_int(talk_ask(conn, "SELECT count(*) FROM digits"), 10, "none of which has run");
}

static void default_deadline(const struct scenario *s)
{
    weir_db *db = scenario_open(s, "query_timeout", "150ms");
    weir_error err = { .text = "" };
    if (s->differs & SCENARIO_PRIVATE)
        scenario_numbers(db, s);
    weir_conn conn = talk_borrow(db, WEIR_READ);
    is_int(weir_exec(NULL, conn, SCENARIO_MINUTES, WEIR_NO_ARGS, (weir_deadline){ 0 }, &err), WEIR_E_TIMEOUT,
           "without a deadline, the option query_timeout stops a statement");
    is_int(talk_ask(conn, "SELECT count(*) FROM digits"), 10, "  and the connection serves on");
    weir_release(&conn);
    weir_db_close(&db);
}

/* ---- cancels ---- */

struct canceller {
    weir_conn conn;
    atomic_bool over;    /* set by the one who runs the statement */
    atomic_long cancels; /* calls that have returned */
    atomic_int failed;
};

/* Again and again: who calls it cannot know whether the statement has begun. */
static void *cancel_until_over(void *arg)
{
    struct canceller *c = arg;
    weir_error err;
    for (int64_t began = talk_now_ms(); !atomic_load(&c->over); talk_wait(began, "the statement ends")) {
        if (weir_cancel(c->conn, &err) < 0 && !atomic_exchange(&c->failed, 1))
            tap_note("weir_cancel: %s", err.text);
        atomic_fetch_add(&c->cancels, 1);
    }
    return NULL;
}

static void cancel(weir_conn conn)
{
    pthread_t threads[3];
    weir_error err = { .text = "" };
    struct canceller c = { .conn = conn };
    for (int i = 0; i < 3; i++)
        talk_start(&threads[i], cancel_until_over, &c);
    is_int(weir_exec(NULL, conn, SCENARIO_MINUTES, WEIR_NO_ARGS, LONG, &err), WEIR_E_CANCELLED,
           "a statement is cancelled from other threads");
    atomic_store(&c.over, true);
    for (int i = 0; i < 3; i++)
        talk_join(threads[i]);
    is_int(c.failed, 0, "  none of which fails");
    is_int(err.flags & WEIR_CONNECTION_DEAD, 0, "  the connection is not lost: %s", err.text);
    is_int(talk_ask(conn, "SELECT count(*) FROM digits"), 10, "  but serves on");
}

/* Between two calls nothing runs, but the result that is open is stopped. */
static void cancel_result(weir_conn conn)
{
    weir_error err;
    weir_rows rows = talk_first(conn, WEIR_NO_ARGS, "SELECT n FROM numbers");
    is_int(weir_cancel(conn, &err), WEIR_OK, "a result is cancelled between two rows");
    is_int(weir_rows_next(rows, &err), WEIR_E_CANCELLED, "  there is no next one");
    is_int(weir_rows_close(&rows, &err), WEIR_E_CANCELLED, "  and close tells");
    is_int(talk_ask(conn, "SELECT count(*) FROM digits"), 10, "  and the connection serves on");
    is_int(weir_cancel(conn, &err), WEIR_OK, "cancelling when nothing runs is no failure");
    is_int(talk_ask(conn, "SELECT count(*) FROM digits"), 10, "  and does not reach the next statement");
    talk_run(conn, "DELETE FROM digits WHERE n > 100");
}

static void cancel_in_transaction(weir_conn conn)
{
    weir_error err;
    is_int(weir_begin(conn, NULL, LONG, &err), WEIR_OK, "in a transaction");
    is_int(weir_cancel(conn, &err), WEIR_OK, "  cancelling when nothing runs");
    talk_is(conn, WEIR_OK, "DELETE FROM digits WHERE n > 100", WEIR_NO_ARGS, "  does not reach the next statement");
    is_int(weir_commit(NULL, conn, LONG, &err), WEIR_OK, "  or the commit");
}

struct storm {
    pthread_mutex_t lock;
    weir_conn target; /* under the lock */
    atomic_bool over;
    atomic_long cancels;
};

static weir_conn aim(struct storm *storm, const weir_conn *at)
{
    pthread_mutex_lock(&storm->lock);
    if (at)
        storm->target = *at;
    const weir_conn target = storm->target;
    pthread_mutex_unlock(&storm->lock);
    return target;
}

static void *cancel_target(void *arg)
{
    struct storm *storm = arg;
    while (!atomic_load(&storm->over)) {
        (void)weir_cancel(aim(storm, NULL), NULL);
        atomic_fetch_add(&storm->cancels, 1);
    }
    return NULL;
}

#define MOMENT "SELECT count(*) FROM numbers a, digits b WHERE a.n + b.n < 0"

/*
 * One loan is aimed at, and may be hit or not if its statement is a short one; the next of the same connection, with cancels of the first
 * under way, may not.
 */
static void storm_round(weir_db *db, struct storm *storm, const char *sql, int *hits, int *strays)
{
    weir_error err = { .text = "" };
    weir_conn conn = talk_borrow(db, WEIR_WRITE);
    aim(storm, &conn);
    *hits += weir_exec(NULL, conn, sql, WEIR_NO_ARGS, LONG, NULL) == WEIR_E_CANCELLED;
    weir_release(&conn);
    conn = talk_borrow(db, WEIR_WRITE);
    if (weir_exec(NULL, conn, MOMENT, WEIR_NO_ARGS, LONG, &err) < 0 && (*strays)++ == 0)
        tap_note("%s", err.text);
    weir_release(&conn);
}

static void cancel_storm(const struct scenario *s)
{
    pthread_t threads[3];
    int rounds = 0, hits = 0, strays = 0;
    struct storm storm = { .lock = PTHREAD_MUTEX_INITIALIZER };
    weir_db *db = scenario_open(s, "pool_size", "1");
    if (s->differs & SCENARIO_PRIVATE)
        scenario_numbers(db, s);
    for (int i = 0; i < 3; i++)
        talk_start(&threads[i], cancel_target, &storm);
    for (int64_t began = talk_now_ms(); rounds < 200 || hits < 20; rounds++) {
        storm_round(db, &storm, rounds % 4 ? MOMENT : SCENARIO_MINUTES, &hits, &strays);
        if (talk_now_ms() - began > 10000)
            break;
    }
    atomic_store(&storm.over, true);
    for (int i = 0; i < 3; i++)
        talk_join(threads[i]);
    ok(hits > 0, "a storm of %ld cancels hits %d statements of %d", (long)storm.cancels, hits, rounds);
    is_int(strays, 0, "  and never one of the loan behind");
    weir_db_close(&db);
}

void scenario_stops(const struct scenario *s)
{
    weir_conn conn = talk_borrow(s->db, WEIR_WRITE);
    deadlines(conn);
    past_deadline(conn);
    cancel(conn);
    cancel_result(conn);
    cancel_in_transaction(conn);
    weir_release(&conn);
    default_deadline(s);
    cancel_storm(s);
}
