/*
 * Verdicts that are kept apart: a server that refuses connects and answers on open connections, one that has no room, one whose
 * connections come back in doubt, drivers that cannot ask, answers that come from where nobody expected them.
 * SPDX-License-Identifier: MIT
 */
#include "rig.h"

static void step(void)
{
    until(resting());
    null_clock_advance(&moment, 50 * MS);
    pool_tick(pool);
    nap();
}

/* A password that was changed, say: connects fail for a minute, open connections go on. */
static void refused_but_alive(void)
{
    const weir_error auth = null_error(WEIR_E_AUTH);
    weir_conn conn;
    struct caller c;
    rig_open(NULL_CLOCK_MANUAL, "null://verdicts/db?pool_size=5");
    take(&conn, WEIR_WRITE, 1000);
    null_fail(server, NULL_OPENS, 1000000, &auth);
    int lost = 0, up = 0;
    for (int i = 0; i < 60; i++) {
        callers_begin(&c, 1, WEIR_WRITE, 900, NULL);
        for (int64_t end = now_ms() + 1000; now_ms() < end || !c.done; step())
            lost += run(conn, "ROWS 1") < 0;
        up += strcmp(state(), "up") == 0;
        callers_end(&c, 1);
    }
    is_int(lost, 0, "open connections answer for a minute");
    is_int(up, 60, "while connects are refused the pool stays up");
    hears("", "without another state");
    is_int(health().connects, WEIR_NO, "it cannot connect");
    is_int(health().answers, WEIR_YES, "but it answers");
    is_int(health().last.status, WEIR_E_AUTH, "the last failure is told");
    ok(figures().connect_failed >= 30, "%d connects were tried", (int)figures().connect_failed);
    weir_release(&conn);
    rig_close();
}

/* The same, but nobody is using the open ones: they are asked. */
static void refused_and_asked(void)
{
    const weir_error refused = null_error(WEIR_E_CONNECT);
    struct caller c;
    weir_conn conns[3];
    rig_open(NULL_CLOCK_MANUAL, "null://verdicts/db?pool_size=8&keepalive=0s&probe_interval=0s");
    fill(3, WEIR_READ);
    for (int i = 0; i < 2; i++)
        take(&conns[i], WEIR_WRITE, 1000);
    pass(30000);
    null_fail(server, NULL_OPENS, 3, &refused);
    int64_t pings = null_figure(server, NULL_PINGS);
    callers_begin(&c, 1, WEIR_WRITE, 10000, NULL);
    while (!c.done)
        step();
    is_int(c.status, WEIR_OK, "when three connects are refused");
    ok(null_figure(server, NULL_PINGS) > pings, "an idle connection is asked");
    ok(!strstr(states(), "down"), "and the server does not go down, as it answers: %s", states());
    is_text(state(), "up", "it is up");
    callers_end(&c, 1);
    for (int i = 0; i < 2; i++)
        weir_release(&conns[i]);
    rig_close();
}

/* Level 29's part of the pool: room for 10 on the server, 16 in the pool. */
static void no_room(void)
{
    struct caller first[10], more[6];
    rig_open(NULL_CLOCK_MANUAL, "null://verdicts/db?pool_size=16");
    null_set(server, NULL_LIMIT, 10);
    callers_begin(first, 10, WEIR_WRITE, 60000, NULL);
    until(callers_done(first, 10) == 10);
    is_int(callers_with(first, 10, WEIR_OK), 10, "as many as there is room for are served");
    int64_t opens = null_figure(server, NULL_OPENS);
    callers_begin(more, 6, WEIR_WRITE, 10000, NULL);
    until(figures().waiting == 6);
    for (int64_t end = now_ms() + 10000; now_ms() < end;)
        step();
    until(callers_done(more, 6) == 6);
    int64_t tries = null_figure(server, NULL_OPENS) - opens;
    ok(tries >= 9 && tries <= 13, "while others wait, one connect a window is tried: %d in 10 s", (int)tries);
    is_int(callers_with(more, 6, WEIR_E_EXHAUSTED), 6, "they wait for those that there are");
    has_text(more[0].err.text, "no room for another session", "and are told why there are no more");
    hears("", "nothing is wrong with the server");
    is_int(health().connects, WEIR_NO, "but that it lets nobody in");
    callers_end(more, 6);
    callers_end(first, 10);
    callers_begin(first, 10, WEIR_WRITE, 60000, "ROWS 1");
    await(callers_done(first, 10) == 10, "demand that there is room for is served without delay");
    is_int(callers_with(first, 10, WEIR_OK), 10, "all of it");
    callers_end(first, 10);

    callers_begin(first, 10, WEIR_WRITE, 60000, NULL);
    callers_begin(more, 6, WEIR_WRITE, 60000, NULL);
    until(figures().waiting == 6);
    for (int i = 0; i < 40; i++)
        step();
    null_set(server, NULL_LIMIT, 0);
    int64_t lifted = now_ms();
    while (figures().used < 16 && now_ms() < lifted + 20000)
        step();
    ok(now_ms() - lifted <= 5000, "when there is room again the pool is full within 5 s: %d ms",
       (int)(now_ms() - lifted));
    hears("", "and was never anything but up");
    callers_end(first, 10);
    callers_end(more, 6);
    rig_close();
}

/* Down, and when it comes back it has no room: it has answered. */
static void no_room_is_an_answer(void)
{
    struct caller c;
    rig_open(NULL_CLOCK_MANUAL, "null://verdicts/db");
    null_set(server, NULL_STATE, NULL_DOWN);
    callers_begin(&c, 1, WEIR_WRITE, 60000, NULL);
    while (strcmp(state(), "down") != 0)
        step();
    const weir_error full = null_error(WEIR_E_TOO_MANY);
    null_set(server, NULL_STATE, NULL_UP);
    null_fail(server, NULL_OPENS, 1, &full);
    while (strcmp(state(), "up") != 0 && now_ms() < 10000)
        step();
    is_int(health().connects, WEIR_NO, "a server without room is up");
    while (!c.done)
        step();
    is_int(c.status, WEIR_OK, "and serves when it has some");
    callers_end(&c, 1);
    rig_close();
}

/* Lent since before the server was suspected, and returned without a word. */
static void back_in_doubt(void)
{
    weir_conn conns[4], more;
    rig_open(NULL_CLOCK_MANUAL, "null://verdicts/db?pool_size=4&probe_interval=0s&keepalive=0s");
    for (int i = 0; i < 4; i++)
        take(&conns[i], WEIR_WRITE, 1000);
    pass(1000);
    null_kill_all(server);
    is_int(run(conns[0], "ROWS 1"), WEIR_E_LOST, "one of four holders finds its connection dead");
    for (int i = 0; i < 4; i++)
        weir_release(&conns[i]);
    is_int(take(&more, WEIR_WRITE, 60000), WEIR_OK, "the next borrower is served");
    is_int(run(more, "ROWS 1"), WEIR_OK, "with one that works, not with one that came back in doubt");
    weir_release(&more);
    rig_close();
}

/* Nobody could connect, and then an open connection has an answer. */
static void proved_wrong(void)
{
    const weir_error refused = null_error(WEIR_E_CONNECT);
    weir_conn conn;
    struct caller c;
    rig_open(NULL_CLOCK_MANUAL, "null://verdicts/db?pool_size=5");
    take(&conn, WEIR_WRITE, 1000);
    pass(10000);
    null_fail(server, NULL_OPENS, 1000000, &refused);
    callers_begin(&c, 1, WEIR_WRITE, 5000, NULL);
    while (strcmp(state(), "down") != 0)
        step();
    while (!c.done)
        step();
    callers_end(&c, 1);
    is_text(state(), "down", "connects are refused, and no open connection is used: down");
    run(conn, "ROWS 1");
    pass(500);
    run(conn, "ROWS 1");
    pass(500);
    is_text(state(), "up", "a statement that is answered proves the opposite");
    weir_release(&conn);
    rig_close();
}

/* Ten dirty sessions come back, and the server does not answer: one time-out, not ten. */
static void resets_in_vain(void)
{
    weir_conn conns[10];
    struct caller c;
    rig_open(NULL_CLOCK_MANUAL, "null://verdicts/db?pool_size=10&max_connecting=1&connect_timeout=3s");
    for (int i = 0; i < 10; i++) {
        take(&conns[i], WEIR_WRITE, 1000);
        run(conns[i], "DIRTY");
    }
    pass(1000);
    null_set(server, NULL_SILENT, 10);
    for (int i = 0; i < 10; i++)
        weir_release(&conns[i]);
    until(null_figure(server, NULL_WAITING) == 2);
    callers_begin(&c, 1, WEIR_WRITE, 60000, "ROWS 1");
    until(figures().waiting == 1);
    null_clock_advance(&moment, 3000 * MS);
    await(c.done && c.said == WEIR_OK, "behind ten resets that nobody answers, a caller is served after one time-out");
    is_int(null_figure(server, NULL_RESETS), 2, "two workers have tried, and the others are given up");
    callers_end(&c, 1);
    rig_close();
}

/* A driver that has no ping can look, and connect. */
static void cannot_ask(void)
{
    weir_conn conns[3], conn;
    struct caller c;
    rig_open(NULL_CLOCK_MANUAL, "null-bare://verdicts/db?pool_size=3&validate_after=1s");
    fill(3, WEIR_WRITE);
    pass(300 * 1000);
    is_int(figures().checks, 0, "a driver without ping is asked nothing");
    is_int(health().next_probe_ms, -1, "nor is that planned");
    null_kill(server, 2);
    for (int i = 0; i < 3; i++)
        is_int(take(&conns[i], WEIR_WRITE, 60000) | run(conns[i], "ROWS 1"), WEIR_OK,
               "what was closed is found by a look");
    hears("suspect up", "which makes it suspect for a moment");
    for (int i = 0; i < 3; i++)
        weir_release(&conns[i]);
    pass(1000);
    null_set(server, NULL_STATE, NULL_DOWN);
    callers_begin(&c, 1, WEIR_WRITE, 60000, NULL);
    while (strcmp(state(), "down") != 0)
        step();
    hears("suspect down", "a server that is gone goes down");
    null_set(server, NULL_STATE, NULL_UP);
    while (!c.done)
        step();
    hears("probing up", "and comes back");
    callers_end(&c, 1);
    take(&conn, WEIR_READ, 60000);
    is_int(run(conn, "ROWS 1"), WEIR_OK, "for readers, too");
    weir_release(&conn);
    rig_close();
}

int main(void)
{
    refused_but_alive();
    refused_and_asked();
    no_room();
    no_room_is_an_answer();
    back_in_doubt();
    proved_wrong();
    resets_in_vain();
    cannot_ask();
    return tap_done();
}
