/*
 * weir_cancel stops what runs and nothing that comes later, from any thread, however often.
 * A driver that spies on the null driver's `cancel` sees whether the call that it was meant for is still the one in progress.
 * SPDX-License-Identifier: MIT
 */
#include <sched.h>
#include "../api/rig.h"
#include "../../backends/null/null.h"

#define STATEMENTS 1000

static weir_db *db;
static struct null_server *server;
static weir_conn conn;

static atomic_uint statement, cancels, strayed; /* the statement in progress, counted before it begins */
static atomic_uint at_once, most_at_once;

static int spying_cancel(void *prepared, int64_t deadline_ns, weir_error *e)
{
    unsigned meant = atomic_load(&statement), now = atomic_fetch_add(&at_once, 1) + 1;
    for (unsigned most = most_at_once; most < now && !atomic_compare_exchange_weak(&most_at_once, &most, now);)
        ;
    int status = weir_null_backend.cancel(prepared, deadline_ns, e);
    sched_yield();
    atomic_fetch_add(&strayed, meant != atomic_load(&statement));
    atomic_fetch_add(&cancels, 1);
    atomic_fetch_sub(&at_once, 1);
    return status;
}

static weir_backend spy;

static void register_spy(void)
{
    static const char *const schemes[] = { "spy", NULL };
    spy = weir_null_backend;
    spy.name = "spy";
    spy.schemes = schemes;
    spy.cancel = spying_cancel;
    if (weir_backend_register(&spy, &err) < 0 || weir_backend_register(&weir_null_bare_backend, &err) < 0)
        tap_bail("%s", err.text);
}

static void open_with(const char *scheme, const char *mode, const char *rest)
{
    static int servers;
    char name[32];
    snprintf(name, sizeof name, "cancel-%d", ++servers);
    server = null_server(name);
    db = open_db(NULL, "%s://%s/db?threads=%s&%s", scheme, name, mode, rest);
    conn = take(db, WEIR_WRITE);
}

static atomic_int stop;

static void *cancel_on(void *arg)
{
    while (!stop) {
        int status = weir_cancel(conn, arg ? &err : NULL);
        if (status != WEIR_OK)
            tap_bail("a cancel fails: %s", weir_status_name(status));
    }
    return NULL;
}

static void storm(const char *mode)
{
    pthread_t threads[3];
    int stopped = 0, failed = 0;
    open_with("spy", mode, "query_delay=0s&connect_timeout=1h"); /* which bounds a cancel, too */
    atomic_store(&stop, 0);
    for (int i = 0; i < 3; i++)
        threads[i] = begin(cancel_on, i ? &err : NULL);
    for (int i = 0; i < STATEMENTS; i++) {
        atomic_fetch_add(&statement, 1);
        int status = run(conn, i % 2 ? "SLEEP 20us" : "ADD 1");
        stopped += status == WEIR_E_CANCELLED;
        failed += status != WEIR_OK && status != WEIR_E_CANCELLED;
    }
    atomic_store(&stop, 1);
    for (int i = 0; i < 3; i++)
        end(threads[i]);
    ok(cancels > 0 && stopped > 0, "threads=%s: in a storm of cancels some hit", mode);
    is_int(strayed, 0, "  none comes to its end later than the call that it was meant for");
    is_int(failed, 0, "  and none does anything else");
    is_int(run(conn, "ADD 1"), WEIR_OK, "when it is over, no cancel is left");
    is_int(null_figure(server, NULL_OVERLAPS), 0, "and no other hooks ran at once");
    weir_release(&conn);
    weir_db_close(&db);
}

static void between_rows(const char *mode)
{
    weir_rows rows;
    open_with("null", mode, "pool_size=1");
    is_int(weir_cancel(conn, &err), WEIR_OK, "threads=%s: with nothing running, a cancel is no failure", mode);
    is_int(run(conn, "ADD 1"), WEIR_OK, "  and what comes next is not hit");
    if (weir_query(&rows, conn, "ROWS 5", WEIR_NO_ARGS, LONG, &err) < 0 || weir_rows_next(rows, &err) != WEIR_ROW)
        tap_bail("%s", err.text);
    is_int(weir_cancel(conn, &err), WEIR_OK, "between two rows");
    is_int(weir_rows_next(rows, &err), WEIR_E_CANCELLED, "  it stops the result");
    is_int(weir_rows_next(rows, &err), WEIR_E_CANCELLED, "  for good");
    is_int(weir_rows_close(&rows, &err), WEIR_E_CANCELLED, "  and its end tells");
    is_int(run(conn, "ADD 1"), WEIR_OK, "  the connection goes on");
    weir_release(&conn);
    conn = take(db, WEIR_WRITE);
    is_int(run(conn, "ADD 1"), WEIR_OK, "  with the next borrower, too");
    ok(figures(db).opened == 1 && figures(db).lost == 0, "  it is the same");
    weir_release(&conn);
    weir_db_close(&db);
}

static void *stay(void *arg)
{
    return (void *)(intptr_t)run(*(weir_conn *)arg, "SLEEP 1h");
}

static pthread_t begin_staying(void)
{
    pthread_t thread = begin(stay, &conn);
    null_await_at_least(server, NULL_WAITING, 1);
    return thread;
}

static int end_of(pthread_t thread)
{
    void *status;
    pthread_join(thread, &status);
    return (int)(intptr_t)status;
}

static void that_fails(const char *mode)
{
    weir_error refused = null_error(WEIR_E_TOO_MANY);
    open_with("null", mode, "connect_timeout=20ms");
    pthread_t thread = begin_staying();
    null_fail(server, NULL_CANCELS, 2, &refused);
    is_int(weir_cancel(conn, NULL), WEIR_E_TOO_MANY, "threads=%s: a cancel that fails says so, also if nobody asks why",
           mode);
    is_int(weir_cancel(conn, &err), WEIR_E_TOO_MANY, "  or somebody does");
    has_text(err.text, "no room", "  with the reason");
    null_set(server, NULL_STATE, NULL_BLACK_HOLE);
    is_int(weir_cancel(conn, &err), WEIR_E_TIMEOUT, "into a black hole it is bounded by connect_timeout");
    null_set(server, NULL_STATE, NULL_UP);
    is_int(weir_cancel(conn, &err), WEIR_OK, "the call is there to be stopped");
    is_int(end_of(thread), WEIR_E_CANCELLED, "  and is");
    weir_release(&conn);
    weir_db_close(&db);

    open_with("null-bare", mode, "pool_size=1");
    thread = begin_staying();
    is_int(weir_cancel(conn, &err), WEIR_E_UNSUPPORTED, "a driver may have no cancel");
    has_text(err.text, "null-bare", "  which is told by its name");
    null_kill_all(server);
    is_int(end_of(thread), WEIR_E_LOST, "  its calls go on");
    weir_release(&conn);
    weir_db_close(&db);
}

static void *cancel_one(void *arg)
{
    return (void *)(intptr_t)weir_cancel(*(weir_conn *)arg, NULL);
}

#define MANY 8

/* The first two do not come back before the server is, and the others stand behind them. */
static void many_at_once(const char *mode)
{
    weir_conn conns[MANY];
    pthread_t stays[MANY], stops[MANY];
    int stopped = 0, good = 0;
    open_with("spy", mode, "connect_timeout=1h&pool_size=9");
    weir_release(&conn);
    for (int i = 0; i < MANY; i++) {
        conns[i] = take(db, WEIR_WRITE);
        stays[i] = begin(stay, &conns[i]);
    }
    null_await_at_least(server, NULL_WAITING, MANY);
    null_set(server, NULL_STATE, NULL_BLACK_HOLE);
    most_at_once = 0;
    for (int i = 0; i < MANY; i++)
        stops[i] = begin(cancel_one, &conns[i]);
    AWAIT(at_once == 2);
    for (int i = 0; i < 50; i++)
        nap();
    is_int(at_once, 2, "threads=%s: of many cancels two are under way, while the server says nothing", mode);
    null_set(server, NULL_STATE, NULL_UP);
    for (int i = 0; i < MANY; i++) {
        good += end_of(stops[i]) == WEIR_OK;
        stopped += end_of(stays[i]) == WEIR_E_CANCELLED;
        weir_release(&conns[i]);
    }
    is_int(good, MANY, "  when it speaks again, all come through");
    is_int(stopped, MANY, "  and each call is stopped");
    is_int(most_at_once, 2, "  by no more than two at once");
    weir_db_close(&db);
}

/* Whoever is still behind the others when time is up is told so. */
static void too_late(const char *mode)
{
    weir_conn conns[3];
    pthread_t stays[3], stops[2];
    open_with("spy", mode, "connect_timeout=100ms");
    weir_release(&conn);
    for (int i = 0; i < 3; i++) {
        conns[i] = take(db, WEIR_WRITE);
        stays[i] = begin(stay, &conns[i]);
    }
    null_await_at_least(server, NULL_WAITING, 3);
    null_set(server, NULL_STATE, NULL_BLACK_HOLE);
    for (int i = 0; i < 2; i++)
        stops[i] = begin(cancel_one, &conns[i]);
    is_int(weir_cancel(conns[2], &err), WEIR_E_TIMEOUT, "threads=%s: a cancel that has no turn is bounded, too", mode);
    for (int i = 0; i < 2; i++)
        is_int(end_of(stops[i]), WEIR_E_TIMEOUT, "  as are those before it");
    null_set(server, NULL_STATE, NULL_UP);
    for (int i = 0; i < 3; i++) {
        weir_cancel(conns[i], NULL);
        is_int(end_of(stays[i]), WEIR_E_CANCELLED, "  and the calls are there to be stopped");
        weir_release(&conns[i]);
    }
    weir_db_close(&db);
}

int main(void)
{
    register_spy();
    EACH_MODE(mode)
    {
        storm(*mode);
        between_rows(*mode);
        that_fails(*mode);
        many_at_once(*mode);
        too_late(*mode);
    }
    return tap_done();
}
