/*
 * Transactions on bad days: connections lost before, during and after the commit, and conflicts.  What is run again is paid for where an
 * outage would multiply it, a lost commit is settled or never repeated, and conflicts make the pool admit fewer writers for a while.
 * SPDX-License-Identifier: MIT
 */
#include "rig.h"

#define LONG weir_after_ms(600000)

/* What a body does before it ends, and how often it ran. */
struct deed {
    const char *first, *last; /* statements; `first` of the first run only */
    int result;               /* of the first run */
    int runs;
};

static weir_outcome outcome;

static int body(weir_conn conn, void *arg, weir_error *e)
{
    struct deed *d = arg;
    int st = weir_exec(NULL, conn, "ADD 1", WEIR_NO_ARGS, LONG, e);
    const bool first = d->runs++ == 0;
    if (st >= 0 && first && d->first)
        st = weir_exec(NULL, conn, d->first, WEIR_NO_ARGS, LONG, e);
    if (st >= 0 && d->last)
        st = weir_exec(NULL, conn, d->last, WEIR_NO_ARGS, LONG, e);
    return first && d->result ? d->result : st;
}

static int transact_by(struct deed *d, const weir_transact_options *o, int64_t ms)
{
    return weir_transact(&outcome, db, body, d, o, weir_after_ms(ms), &err);
}

static int transact(struct deed *d)
{
    return transact_by(d, NULL, 600000);
}

static int64_t counter(void)
{
    return null_figure(server, NULL_COUNTER);
}

static void open_flowing(const char *url)
{
    rig_open(NULL_CLOCK_MANUAL, url);
    flow(true);
}

static void close_flowing(void)
{
    flow(false);
    rig_close();
}

/* ---- what is lost before the commit */

static void lost_before(void)
{
    const weir_error lost = null_error(WEIR_E_LOST);
    open_flowing("null://before/db?pool_size=2");
    is_int(transact(&(struct deed){ .first = "FAIL lost" }), WEIR_OK,
           "a connection is lost in the middle of a transaction");
    is_int(outcome.attempts, 2, "  which is run again");
    is_int(outcome.state, WEIR_COMMITTED, "  and committed");
    is_int(counter(), 1, "  once");
    null_fail(server, NULL_BEGINS, 1, &lost);
    is_int(transact(&(struct deed){ 0 }), WEIR_OK, "one that is lost at the begin, too");
    struct deed swallows = { .first = "FAIL lost", .result = 7 };
    is_int(transact(&swallows), 7, "a body that makes something else of it has its way");
    struct deed doubts = { .first = "FAIL lost", .result = WEIR_E_IN_DOUBT };
    is_int(transact(&doubts), WEIR_E_IN_DOUBT, "one that tells of a doubt of its own");
    is_int(doubts.runs, 1, "  is not run again");
    is_int(outcome.state, WEIR_NOT_COMMITTED, "  nor committed");
    is_int(figures().in_doubt, 0, "  and no commit was lost");
    close_flowing();
}

#define MANY 200

static void budget(void)
{
    const weir_error lost = null_error(WEIR_E_LOST), conflict = null_error(WEIR_E_DEADLOCK);
    int failed = 0;
    open_flowing("null://budget/db?pool_size=2");
    for (int i = 0; i < MANY; i++) {
        null_fail(server, NULL_RUNS, 1, &lost);
        failed += transact(&(struct deed){ 0 }) == WEIR_E_LOST;
    }
    is_int(figures().retries, 10 + MANY / 10,
           "of %d transactions that all lose their connection a tenth and ten are run again", MANY);
    is_int(failed, MANY - 10 - MANY / 10, "  the others fail as they are");
    is_int(figures().retries_refused, failed, "  and are counted");
    is_int(counter(), MANY - failed, "  and every one that is told committed is there");
    failed = 0;
    for (int i = 0; i < MANY; i++) {
        null_fail(server, NULL_RUNS, 1, &conflict);
        failed += transact(&(struct deed){ 0 }) < 0;
    }
    is_int(failed, 0, "conflicts are never refused another try");
    is_int(figures().retries, 10 + MANY / 10 + MANY, "  not one of as many");
    is_int(figures().deadlocks_server, MANY, "  each of which the server has told");
    is_int(figures().deadlocks_caller, 0, "  and no caller has heard of");
    close_flowing();
}

/* ---- what is lost at the commit */

static void settled_commits(void)
{
    const weir_error locked = null_error(WEIR_E_LOCKED), lost = null_error(WEIR_E_LOST);
    struct deed after = { .last = "COMMITLOST after" };
    open_flowing("null://settled/db?pool_size=2");
    is_int(transact(&after), WEIR_OK, "a commit whose answer is lost");
    is_int(outcome.state, WEIR_COMMITTED, "  is found to have happened");
    is_int(after.runs, 1, "  and not run again");
    is_int(counter(), 1, "  so that it is there once");
    is_int(transact(&(struct deed){ .first = "COMMITLOST before" }), WEIR_OK, "one that did not arrive");
    is_int(outcome.attempts, 2, "  is found not to have happened, and run again");
    is_int(counter(), 2, "  so that it is there once, too");
    is_int(figures().in_doubt, 2, "both were in doubt");
    is_int(figures().settled, 2, "  and are settled");
    null_fail(server, NULL_SETTLES, 3, &locked);
    int64_t asked = null_figure(server, NULL_SETTLES);
    is_int(transact(&(struct deed){ .last = "COMMITLOST after" }), WEIR_OK, "while nobody can tell yet");
    is_int(null_figure(server, NULL_SETTLES) - asked, 4, "  the question is asked again");
    null_fail(server, NULL_SETTLES, 1, &lost);
    is_int(transact(&(struct deed){ .last = "COMMITLOST after" }), WEIR_OK,
           "  also when the connection that asks is lost");
    is_int(counter(), 4, "  and what has happened is there once");
    close_flowing();
}

static void unsettled_commits(void)
{
    const weir_error locked = null_error(WEIR_E_LOCKED), wrong = null_error(WEIR_E_STATEMENT);
    struct deed d = { .last = "COMMITLOST after" };
    open_flowing("null://unsettled/db?pool_size=2");
    null_fail(server, NULL_SETTLES, 1, &wrong);
    is_int(transact(&d), WEIR_E_IN_DOUBT, "a lost commit of which the server knows nothing");
    is_int(outcome.state, WEIR_COMMIT_UNKNOWN, "  is told as it is");
    null_fail(server, NULL_SETTLES, 1000000, &locked);
    flow(false);
    flow_from(NULL_SETTLES, null_figure(server, NULL_SETTLES) + 1); /* it is to come so far, and no further */
    is_int(transact_by(&d, NULL, 300), WEIR_E_IN_DOUBT, "one that has not ended at the deadline");
    is_int(outcome.state, WEIR_COMMIT_UNKNOWN, "  as well");
    is_int(d.runs, 2, "  and neither is run again");
    is_int(figures().in_doubt, 2, "  both are counted");
    is_int(figures().settled, 0, "  as not settled");
    close_flowing();
    open_flowing("null-bare://bare/db?pool_size=2");
    is_int(transact(&d), WEIR_E_IN_DOUBT, "with a driver that cannot ask it stays in doubt");
    is_int(d.runs, 3, "  and is not run again");
    is_int(
        transact_by(&d, &(weir_transact_options){ .size = sizeof(weir_transact_options), .exactly_once = 1 }, 600000),
        WEIR_E_UNSUPPORTED, "and one without markers refuses exactly_once");
    is_int(d.runs, 3, "  before anything is run");
    is_int(transact_by(
               &d, &(weir_transact_options){ .size = sizeof(weir_transact_options), .exactly_once = 1, .unsettled = 1 },
               600000),
           WEIR_E_ARGUMENT, "exactly once and unsettled cannot be had together");
    is_int(d.runs, 3, "  which is said before anything is run");
    close_flowing();
}

/* The next connects are refused; the one that commits is there already. */
static void down_meanwhile(void)
{
    const weir_error refused = null_error(WEIR_E_CONNECT);
    weir_conn conn;
    open_flowing("null://meanwhile/db?pool_size=2&max_connecting=1");
    take(&conn, WEIR_WRITE, 60000);
    weir_release(&conn);
    null_fail(server, NULL_OPENS, 5, &refused);
    is_int(transact(&(struct deed){ .last = "COMMITLOST after" }), WEIR_OK,
           "a commit is lost, and the server takes no connection for a while");
    is_int(figures().connect_failed, 5, "  which is waited for");
    is_int(outcome.state, WEIR_COMMITTED, "  until it can be asked");
    close_flowing();
}

/* ---- transactions that end by a statement */

static void ended(void)
{
    struct deed d = { .first = "COMMIT", .last = "ADD 10" };
    open_flowing("null://ended/db?pool_size=2");
    is_int(transact(&d), WEIR_E_ARGUMENT, "a body that commits by a statement is told so");
    has_text(err.text, "ended the transaction itself", "  in words");
    is_int(outcome.state, WEIR_COMMIT_UNKNOWN, "  and in the outcome");
    is_int(counter(), 1, "  and what comes after that statement is refused");
    weir_conn conn;
    take(&conn, WEIR_WRITE, 60000);
    weir_begin(conn, NULL, LONG, &err);
    run(conn, "ROLLBACK");
    is_int(run(conn, "ADD 1"), WEIR_E_STATEMENT, "so it is by hand");
    is_int(weir_commit(&outcome, conn, LONG, &err), WEIR_E_STATEMENT, "  the commit fails, too");
    is_int(outcome.state, WEIR_COMMIT_UNKNOWN, "  and does not know what was before");
    is_int(run(conn, "ADD 1"), WEIR_OK, "  then the connection is as good as before");
    weir_release(&conn);
    close_flowing();
}

/* ---- fewer writers */

static void clash(int times)
{
    const weir_error conflict = null_error(WEIR_E_DEADLOCK);
    for (int i = 0; i < times; i++) {
        null_fail(server, NULL_RUNS, 1, &conflict);
        if (transact(&(struct deed){ 0 }) < 0)
            tap_bail("%s", err.text);
    }
}

/* Time flows: a step wider may have been made since. */
static unsigned narrow(void)
{
    clash(3);
    is_int(figures().writers_max, 8, "eight may write at once; a few conflicts change nothing");
    clash(1);
    const unsigned writers = figures().writers_max;
    ok(writers <= 2, "  more than one for twenty commits do");
    is_int(figures().narrowed, 1, "  which is counted");
    return writers;
}

static void narrowing(void)
{
    unsigned steps = 0;
    open_flowing("null://narrow/db?pool_size=8&write_reserve=7");
    const unsigned writers = narrow();
    for (; figures().writers_max < 8 && steps < 100; steps++) {
        int64_t from = now_ms();
        until(now_ms() >= from + 100);
        transact(&(struct deed){ 0 });
    }
    is_int(steps, 8 - writers, "without conflicts it is one more each 100 ms, and all in the end");
    for (int i = 0; i < 10; i++) {
        for (int j = 0; j < 30; j++)
            transact(&(struct deed){ 0 });
        clash(1);
    }
    is_int(figures().writers_max, 8, "one conflict for thirty commits changes nothing");
    is_int(figures().narrowed, 1, "  nor is it counted");
    close_flowing();
}

/* A thread that keeps all that may be lent wants another. */
static void stuck(void)
{
    weir_conn kept[2];
    struct caller c;
    open_flowing("null://stuck/db?pool_size=8&write_reserve=7");
    const int64_t began = now_ms();
    const unsigned writers = narrow();
    for (unsigned i = 0; i < writers; i++)
        take(&kept[i], WEIR_WRITE, 60000);
    callers_begin(&c, 1, WEIR_WRITE, 3600000, NULL);
    await(callers_done(&c, 1), "who waits for another while those are kept is served");
    is_int(c.status, WEIR_OK, "  with a connection");
    ok(c.ended - began >= 1000, "  not before a second in which nobody came back");
    is_int(figures().writers_max, 8, "  and all may write again");
    callers_end(&c, 1);
    for (unsigned i = 0; i < writers; i++)
        weir_release(&kept[i]);
    clash(8);
    is_int(figures().writers_max, 8, "  whatever conflicts there are, for a while");
    close_flowing();
}

/* The same thread, in a program without others, while the clock goes on. */
static void stuck_alone(void)
{
    weir_conn kept[2], more;
    open_flowing("null://alone/db?pool_size=8&write_reserve=7&threads=none");
    const unsigned writers = narrow();
    for (unsigned i = 0; i < writers; i++)
        take(&kept[i], WEIR_WRITE, 60000);
    is_int(take(&more, WEIR_WRITE, 3600000), WEIR_OK,
           "who keeps all that may be lent, and has no threads, gets another");
    is_int(figures().writers_max, 8, "  because all may write again");
    weir_release(&more);
    for (unsigned i = 0; i < writers; i++)
        weir_release(&kept[i]);
    close_flowing();
}

/* The same where the bound is searched for, which begins with two. */
static void stuck_in_a_search(void)
{
    weir_conn kept[8];
    struct caller c;
    open_flowing("null://searched/db?pool_size=8&write_reserve=7&write_concurrency=auto");
    null_clock_advance(&moment, 20000 * MS); /* so that it is long ago that somebody came back */
    const int64_t began = now_ms();
    for (int i = 0; i < 2; i++)
        take(&kept[i], WEIR_WRITE, 60000);
    is_int(figures().writers_max, 2, "a search begins with two");
    callers_begin(&c, 1, WEIR_WRITE, 30000, NULL);
    await(callers_done(&c, 1), "  who waits for another while those are kept is served");
    ok(c.status == WEIR_OK && c.ended - began >= 5000, "  not before five seconds in which nobody came back");
    callers_end(&c, 1);
    for (int i = 2; i < 8; i++)
        is_int(take(&kept[i], WEIR_WRITE, 60000), WEIR_OK, "  and all may write, for a while");
    for (int i = 0; i < 8; i++)
        weir_release(&kept[i]);
    is_int(figures().writers_max, 8, "  also when they have come back");
    null_clock_advance(&moment, 60000 * MS);
    transact(&(struct deed){ 0 });
    is_int(figures().writers_max, 2, "  after a minute the search goes on");
    close_flowing();
}

static void stuck_alone_in_a_search(void)
{
    weir_conn kept[3];
    open_flowing("null://searching/db?pool_size=8&write_reserve=7&write_concurrency=auto&threads=none");
    for (int i = 0; i < 3; i++)
        is_int(take(&kept[i], WEIR_WRITE, 30000), WEIR_OK, "who has no threads gets connection %d", i + 1);
    for (int i = 0; i < 3; i++)
        weir_release(&kept[i]);
    close_flowing();
}

/* Where the bound is searched for, many conflicts of one transaction say more than a few of many. */
static void retreat(void)
{
    const weir_error conflict = null_error(WEIR_E_DEADLOCK);
    open_flowing("null://retreat/db?pool_size=8&write_reserve=7&write_concurrency=auto");
    clash(8);
    is_int(figures().writers_max, 2, "a search begins with two; one conflict each changes nothing");
    null_fail(server, NULL_RUNS, 4, &conflict);
    is_int(transact(&(struct deed){ 0 }), WEIR_OK, "one that has four");
    is_int(figures().writers_max, 2, "  changes nothing, too");
    null_fail(server, NULL_RUNS, 5, &conflict);
    is_int(transact(&(struct deed){ 0 }), WEIR_OK, "one that has five in a row");
    is_int(figures().writers_max, 1, "  runs alone");
    is_int(figures().narrowed, 1, "  which is counted");
    null_fail(server, NULL_RUNS, 9, &conflict);
    is_int(transact(&(struct deed){ 0 }), WEIR_OK, "and fewer than one");
    is_int(figures().writers_max, 1, "  there are not");
    close_flowing();
}

int main(void)
{
    lost_before();
    budget();
    settled_commits();
    unsettled_commits();
    down_meanwhile();
    ended();
    narrowing();
    stuck();
    stuck_alone();
    stuck_in_a_search();
    stuck_alone_in_a_search();
    retreat();
    return tap_done();
}
