/*
 * Level 8: a pool of 32 whose connections have died without a word.  With 250 ms for a question, the first caller is served within those,
 * a connect and 50 ms, and two questions at most wait in vain.  One session that was killed costs two connections at most.
 * SPDX-License-Identifier: MIT
 */
#include "rig.h"

#define SIZE 32
#define OPTIONS "?pool_size=32&probe_timeout=250ms&max_lifetime=0s"
#define UNASKED "&probe_interval=0s&keepalive=0s" /* as after a machine's sleep */

static void nothing_heard(const char *url, enum null_clock_mode mode)
{
    rig_open(mode, url);
    fill(SIZE, WEIR_WRITE);
    pass(121 * 1000);
    is_int(figures().idle, SIZE, "32 connections have been idle for two minutes");
    null_set(server, NULL_CONNECT_DELAY, 100 * MS);
    null_set(server, NULL_SILENT, SIZE);
}

static void first_caller(void)
{
    weir_conn conn;
    nothing_heard("null://level-08/db" OPTIONS UNASKED "&threads=none", NULL_CLOCK_AUTO);
    int64_t start = now_ms(), pings = null_figure(server, NULL_PINGS);
    is_int(take(&conn, WEIR_WRITE, 60000), WEIR_OK, "without threads, the first caller is served");
    ok(now_ms() - start <= 250 + 100 + 50, "within a question and a connect: %d ms", (int)(now_ms() - start));
    is_int(run(conn, "ROWS 1"), WEIR_OK, "with a connection that works");
    is_int(null_figure(server, NULL_PINGS) - pings, 1, "one question was asked in vain");
    weir_release(&conn);
    rig_close();
}

static void first_callers(void)
{
    struct caller c[4];
    nothing_heard("null://level-08/db" OPTIONS UNASKED, NULL_CLOCK_MANUAL);
    int64_t start = now_ms(), pings = null_figure(server, NULL_PINGS);
    callers_begin(c, 4, WEIR_WRITE, 60000, NULL);
    until(figures().waiting == 4 && null_figure(server, NULL_WAITING) == 1);
    null_clock_advance(&moment, 250 * MS);
    until(null_figure(server, NULL_HANDSHAKES) == 2);
    null_clock_advance(&moment, 100 * MS);
    await(callers_done(c, 4) == 2, "the first two of four callers are served");
    ok(now_ms() - start <= 250 + 100 + 50, "within a question and a connect: %d ms", (int)(now_ms() - start));
    until(null_figure(server, NULL_HANDSHAKES) == 2);
    null_clock_advance(&moment, 100 * MS);
    await(callers_done(c, 4) == 4, "the others a connect later");
    is_int(null_figure(server, NULL_PINGS) - pings, 1, "one question was asked in vain, for all of them");
    callers_end(c, 4);
    rig_close();
}

/* Maintenance asks, and finds out before anybody needs one. */
static void found_by_maintenance(void)
{
    struct caller c;
    rig_open(NULL_CLOCK_MANUAL, "null://level-08/db" OPTIONS);
    fill(SIZE, WEIR_WRITE);
    pass(1000);
    null_set(server, NULL_SILENT, SIZE);
    int64_t pings = null_figure(server, NULL_PINGS), start = now_ms();
    pass_to(5000);
    until(null_figure(server, NULL_WAITING) == 1);
    is_int(figures().idle, SIZE - 1, "after probe_interval, one is asked");
    pass_to(start + 5000);
    await(figures().closing + figures().idle + figures().resetting <= 1, "when it has not answered, all are given up");
    is_int(null_figure(server, NULL_PINGS) - pings, 1, "without another question");
    until(settled());
    int64_t before = now_ms();
    callers_begin(&c, 1, WEIR_WRITE, 60000, "ROWS 1");
    await(callers_done(&c, 1) && c.said == WEIR_OK, "the first caller gets a connection that works");
    is_int(now_ms(), before, "and pays for nothing");
    callers_end(&c, 1);
    rig_close();
}

/* The road of one is broken, while others are in use. */
static void one_silent(void)
{
    weir_conn conn;
    rig_open(NULL_CLOCK_MANUAL, "null://level-08/db" OPTIONS "&keepalive=3s");
    fill(SIZE, WEIR_WRITE);
    take(&conn, WEIR_WRITE, 60000);
    null_set(server, NULL_SILENT, 1);
    ok(session(conn) > 1, "the connection in use is another one");
    pass_to(3000);
    until(null_figure(server, NULL_WAITING) == 1);
    for (int i = 0; i < 6; i++) {
        pass(50);
        run(conn, "ROWS 1");
    }
    until(figures().closed && figures().idle == SIZE - 2);
    pass(300);
    run(conn, "ROWS 1");
    pass(50);
    weir_figures f = figures();
    is_int(f.closed, 1, "one silent connection beside one that answers is closed alone");
    is_int(f.lost, 1, "and counted as lost");
    weir_release(&conn);
    until(figures().idle == SIZE - 1);
    for (int naps = 20000; naps && strcmp(states(), "suspect up") != 0; naps--) {
        pass(50); /* whoever looks after it is asked at some moment */
        nap();
    }
    is_text(states(), "suspect up", "the suspicion did not last");
    rig_close();
}

/* Sessions that the server has ended: the n that were opened last, which are lent first. */
static void killed(int n, unsigned most)
{
    weir_conn conns[SIZE];
    rig_open(NULL_CLOCK_MANUAL, "null://level-08/db" OPTIONS);
    fill(SIZE, WEIR_WRITE);
    pass(1000);
    for (int i = 0; i < n; i++)
        null_kill(server, (uint64_t)(SIZE - i));
    int bad = 0;
    for (int i = 0; i < SIZE; i++)
        bad += take(&conns[i], WEIR_WRITE, 60000) < 0 || run(conns[i], "ROWS 1") < 0;
    is_int(bad, 0, "%d killed while idle: all of 32 callers are served with connections that work", n);
    ok(figures().closed <= most, "%d connections are closed for it", (int)figures().closed);
    for (int i = 0; i < SIZE; i++)
        weir_release(&conns[i]);
    rig_close();
}

static void killed_under_use(void)
{
    weir_conn conn;
    rig_open(NULL_CLOCK_MANUAL, "null://level-08/db" OPTIONS);
    fill(SIZE, WEIR_WRITE);
    pass(1000);
    take(&conn, WEIR_WRITE, 60000);
    null_kill(server, (uint64_t)session(conn));
    is_int(run(conn, "ROWS 1"), WEIR_E_LOST, "killed under use: the holder is told");
    weir_release(&conn);
    pass(3000);
    await(figures().closed == 1 && strcmp(state(), "up") == 0, "it is closed, and the server counts as up again");
    is_int(figures().idle, SIZE - 1, "  and no other is closed");
    rig_close();
}

int main(void)
{
    first_caller();
    first_callers();
    found_by_maintenance();
    one_silent();
    killed(1, 2);
    killed(3, 3);
    killed_under_use();
    return tap_done();
}
