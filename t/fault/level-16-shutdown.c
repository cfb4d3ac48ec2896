/*
 * Level 16: shutdown with 5 s, while 50 connections are lent and 200 callers wait: the waiting fail within 10 ms, the shutdown returns
 * within 5.1 s and tells how many loans are still out; after the last of them no file, thread or byte is left.
 * SPDX-License-Identifier: MIT
 */
#include "rig.h"

#define LENT 50
#define WAITING 200

static struct caller waiting[WAITING];
static weir_conn conns[LENT];

static int files(void)
{
    return entries("/proc/self/fd");
}

struct shutdown {
    pthread_t thread;
    int status;
    weir_error err;
    int64_t ended;
    atomic_bool done;
};

static void *shut_down(void *arg)
{
    struct shutdown *s = arg;
    s->status = weir_db_shutdown(db, weir_after_ms(5000), &s->err);
    s->ended = now_ms();
    s->done = true;
    return NULL;
}

static void with_loans_out(void)
{
    struct shutdown s = { .status = -1 };
    weir_conn more;
    int files_before = files(), threads_before = threads();
    rig_open(NULL_CLOCK_MANUAL, "null://level-16/db?pool_size=50");
    for (int i = 0; i < LENT; i++)
        if (take(&conns[i], WEIR_WRITE, 60000) < 0)
            tap_bail("%s", err.text);
    callers_begin(waiting, WAITING, WEIR_WRITE, 60000, NULL);
    until(figures().waiting == WAITING);
    int64_t start = now_ms();
    pthread_create(&s.thread, NULL, shut_down, &s);
    await(callers_with(waiting, WAITING, WEIR_E_CLOSED) == WAITING, "the 200 who wait are told that it is closed");
    is_int(now_ms(), start, "at once");
    callers_end(waiting, WAITING);
    is_int(take(&more, WEIR_WRITE, 60000), WEIR_E_CLOSED, "nobody else is lent anything");
    await(told(WEIR_EVENT_HEALTH) == 1, "the hook hears of it at the beginning");
    await(strcmp(states(), "draining") == 0, "that it is drained");
    is_text(state(), "draining", "the pool is draining");

    for (int i = 0; i < 10; i++) {
        is_int(run(conns[i], "ADD 1"), WEIR_OK, "a holder goes on working");
        weir_release(&conns[i]);
    }
    null_clock_advance(&moment, 4999 * MS);
    await(figures().closed == 10, "what returns is closed");
    ok(!s.done, "a millisecond before its deadline, shutdown waits for the others");
    null_clock_advance(&moment, MS);
    await(s.done, "at its deadline it returns");
    pthread_join(s.thread, NULL);
    is_int(s.status, WEIR_LENT, "and says that loans are out");
    has_text(s.err.text, "40 connections are still lent", "how many");
    has_text(s.err.text, "t/fault/rig.c:", "and who has them");
    is_int(run(conns[10], "ADD 1"), WEIR_E_CLOSED, "whoever has one can only release it");

    weir_db_close(&db);
    for (int i = 10; i < LENT - 1; i++)
        weir_release(&conns[i]);
    ok(bytes_out() > 0, "the last holder keeps the memory");
    is_int(run(conns[LENT - 1], "ADD 1"), WEIR_E_CLOSED, "and is still told the truth");
    weir_release(&conns[LENT - 1]);
    await(bytes_out() == 0, "after the last loan no byte is left");
    is_int(null_figure(server, NULL_SESSIONS), 0, "no session");
    await(threads() == threads_before, "no thread");
    is_int(files(), files_before, "and no file");
    is_int(null_forget_all(), 0, "the server has forgotten it");
}

/* A call that hangs in the server is cut off at the deadline, and its connection with it. */
static void with_a_call_under_way(void)
{
    struct shutdown s = { .status = -1 };
    struct caller c;
    rig_open(NULL_CLOCK_MANUAL, "null://level-16/db?pool_size=5");
    callers_begin(&c, 1, WEIR_WRITE, 60000, "SLEEP 1h");
    until(null_figure(server, NULL_WAITING) == 1);
    pthread_create(&s.thread, NULL, shut_down, &s);
    until(strcmp(state(), "draining") == 0);
    null_clock_advance(&moment, 5000 * MS);
    await(c.done, "a statement that hangs is cut off at the deadline");
    pthread_join(s.thread, NULL);
    is_int(c.said, WEIR_E_LOST, "as lost");
    is_int(s.status, WEIR_LENT, "shutdown says that it was out");
    callers_end(&c, 1);
    rig_close();
}

/* Questions, resets and connects that are under way do not keep anybody. */
static void with_work_under_way(void)
{
    struct caller c;
    weir_conn conn;
    rig_open(NULL_CLOCK_MANUAL, "null://level-16/db?pool_size=5&connect_timeout=10s&probe_timeout=5s");
    fill(2, WEIR_WRITE);
    take(&conn, WEIR_WRITE, 60000);
    run(conn, "DIRTY");
    pass(100);
    null_set(server, NULL_STATE, NULL_BLACK_HOLE);
    weir_release(&conn);
    pass(5100);
    callers_begin(&c, 1, WEIR_READ, 60000, NULL);
    until(null_figure(server, NULL_WAITING) == 3);
    int64_t start = now_ms();
    weir_db_close(&db);
    await(c.done && c.status == WEIR_E_CLOSED,
          "closed while a question, a reset and a connect hang: the waiting are told");
    is_int(now_ms(), start, "and weir_db_close returns");
    callers_end(&c, 1);
    ok(bytes_out() > 0, "what hangs is waited for by nobody");
    for (int i = 0; i < 10; i++) {
        null_clock_advance(&moment, 1000 * MS);
        nap();
    }
    await(bytes_out() == 0, "and leaves no byte when it ends");
    await(null_figure(server, NULL_SESSIONS) == 0, "nor a session");
    is_int(null_forget_all(), 0, "the server has forgotten it");
}

static void without_threads(void)
{
    weir_conn conn;
    rig_open(NULL_CLOCK_AUTO, "null://level-16/db?threads=none");
    fill(5, WEIR_WRITE);
    take(&conn, WEIR_WRITE, 60000);
    flow_from(NULL_CLOSES, 4); /* by this thread: it may be slow at that */
    is_int(weir_db_shutdown(db, weir_after_ms(100), &err), WEIR_LENT,
           "without threads, one is still out at the deadline");
    flow(false);
    is_int(figures().closed, 4, "the others are closed by then");
    weir_db_close(&db);
    weir_release(&conn);
    is_int(bytes_out(), 0, "and with the last loan goes the last byte");
    is_int(null_figure(server, NULL_SESSIONS), 0, "and session");
    is_int(null_forget_all(), 0, "the server has forgotten it");
}

int main(void)
{
    with_loans_out();
    with_a_call_under_way();
    with_work_under_way();
    without_threads();
    return tap_done();
}
