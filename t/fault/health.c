/*
 * A pool's health through the public API: the states, in their order, what moves them, and what is told of them.
 * SPDX-License-Identifier: MIT
 */
#include "rig.h"

/* To the next thing that is planned, and to its end. */
static void go_on(void)
{
    until(resting());
    int64_t next = health().next_probe_ms;
    null_clock_advance(&moment, (next > 0 ? next : 1) * MS);
    pool_tick(pool);
    until(resting());
}

static void birth(void)
{
    rig_open(NULL_CLOCK_MANUAL, "null://health/db");
    weir_health h = health();
    is_text(weir_health_state_name(h.state), "up", "a pool is born up");
    is_int(h.connects, WEIR_NOT_KNOWN, "whether it can connect is not known");
    is_int(h.answers, WEIR_NOT_KNOWN, "nor whether its server answers");
    is_int(h.next_probe_ms, -1, "no probe is planned");
    is_int(h.failures + (unsigned)h.last.status, 0, "and nothing has failed");
    is_int(null_figure(server, NULL_OPENS), 0, "it has asked nobody");
    null_clock_advance(&moment, 3000 * MS);
    is_int(health().since_ms, 3000, "its age is told");
    rig_close();
}

/* Down and up again, with the default of two failures and one success. */
static void a_bad_day(void)
{
    struct caller c;
    rig_open(NULL_CLOCK_MANUAL, "null://health/db?max_connecting=1");
    fill(2, WEIR_WRITE);
    is_int(health().connects, WEIR_YES, "after a connect, both are known");
    is_int(health().answers, WEIR_YES, "a handshake is an answer");
    is_int(health().next_probe_ms, 5000, "and the next probe is in probe_interval");
    pass(1000);
    null_set(server, NULL_STATE, NULL_DOWN);
    callers_begin(&c, 1, WEIR_WRITE, 60000, NULL);
    until(figures().connect_failed == 1 && resting());
    is_text(state(), "suspect", "a dead connection and a failed connect make it suspect");
    is_int(health().failures, 1, "with one failure");
    while (strcmp(state(), "suspect") == 0)
        go_on();
    hears("suspect down", "another one makes it go down");
    weir_health h = health();
    is_int(h.connects, WEIR_NO, "it cannot connect");
    is_int(h.failures, 2, "two failures in a row");
    is_text(h.last.text, "the null server refuses connections", "the last of them is told");
    ok(h.next_probe_ms > 870 && h.next_probe_ms <= 1000, "with somebody waiting, the next connect is within a window");
    int64_t fell = now_ms();
    go_on();
    hears("probing down", "that connect is a probe, and fails");
    is_int(health().failures, 3, "the third failure");
    is_int(health().since_ms, 0, "each state has its own age");
    null_set(server, NULL_STATE, NULL_UP);
    go_on();
    hears("probing up", "the next one succeeds, and the server is up");
    await(c.done && c.status == WEIR_OK, "who waits is served");
    h = health();
    is_int(h.connects, WEIR_YES, "it can connect");
    is_int(h.failures, 0, "no failure");
    is_int(h.last.native, 11, "the last failure is remembered");
    ok(now_ms() > fell, "time has passed");
    callers_end(&c, 1);
    rig_close();
}

static void thresholds(void)
{
    struct caller c;
    rig_open(NULL_CLOCK_MANUAL, "null://health/db?pool_size=1&probe_fall=4&probe_rise=3&probe_interval=500ms&"
                                "probe_timeout=500ms");
    null_set(server, NULL_STATE, NULL_DOWN);
    callers_begin(&c, 1, WEIR_WRITE, 60000, NULL);
    until(figures().connect_failed == 1 && resting());
    while (strcmp(state(), "down") != 0)
        go_on();
    is_int(figures().connect_failed, 4, "with probe_fall=4, the fourth failure makes it go down");
    hears("suspect down", "of which the hook hears");
    null_set(server, NULL_STATE, NULL_UP);
    go_on();
    await(c.done && c.status == WEIR_OK, "the first connect that succeeds serves who waits");
    is_text(state(), "probing", "with probe_rise=3, it is not up yet");
    callers_end(&c, 1);
    int64_t since = now_ms(), pings = null_figure(server, NULL_PINGS);
    while (strcmp(state(), "up") != 0 && now_ms() < since + 60000)
        go_on();
    is_int(null_figure(server, NULL_PINGS) - pings, 2, "two more answers make it so, on the connection that is there");
    ok(now_ms() - since >= 1000 && now_ms() - since <= 1100, "a probe_interval apart: %d ms", (int)(now_ms() - since));
    hears("probing up", "without another state between");
    rig_close();
}

/* A failure between begins the count anew. */
static void in_a_row(void)
{
    weir_error refused = null_error(WEIR_E_CONNECT), silent = null_error(WEIR_E_LOST);
    struct caller c;
    rig_open(NULL_CLOCK_MANUAL, "null://health/db?pool_size=2&probe_rise=2&probe_interval=500ms&probe_timeout=500ms");
    null_fail(server, NULL_OPENS, 3, &refused);
    callers_begin(&c, 1, WEIR_WRITE, 60000, NULL);
    while (!figures().opened)
        go_on();
    until(c.done);
    callers_end(&c, 1);
    is_text(state(), "probing", "one success of two");
    null_fail(server, NULL_PINGS, 1, &silent);
    hears("suspect down probing down probing", "after three failures");
    go_on();
    hears("down", "a failure throws it back");
    go_on();
    is_text(state(), "probing", "the next success is the first again");
    go_on();
    is_text(state(), "up", "the one after it the second");
    rig_close();
}

static int64_t pings_in(int64_t ms)
{
    int64_t before = null_figure(server, NULL_PINGS);
    for (int64_t end = now_ms() + ms; now_ms() < end;) {
        pass(50);
        until(resting());
    }
    return null_figure(server, NULL_PINGS) - before;
}

static void questions(void)
{
    rig_open(NULL_CLOCK_MANUAL, "null://health/db?keepalive=10s&probe_interval=0s");
    fill(5, WEIR_WRITE);
    is_int(pings_in(9900), 0, "with keepalive=10s, nobody is asked before");
    is_int(pings_in(1000), 5, "then each of five idle connections is");
    is_int(pings_in(8900), 0, "and not again");
    is_int(pings_in(1200), 5, "until 10 s later");
    rig_close();
    rig_open(NULL_CLOCK_MANUAL, "null://health/db?keepalive=0s&probe_interval=3s");
    fill(5, WEIR_WRITE);
    int64_t pings = pings_in(30500);
    ok(pings >= 9 && pings <= 10, "with probe_interval=3s, one of five is asked every 3 s: %d in 30 s", (int)pings);
    hears("", "which changes nothing");
    is_int(figures().checks, pings, "the questions are counted");
    rig_close();
    rig_open(NULL_CLOCK_MANUAL, "null://health/db?keepalive=0s&probe_interval=0s");
    fill(5, WEIR_WRITE);
    is_int(pings_in(300000), 0, "with neither, nobody is asked");
    is_int(health().next_probe_ms, -1, "or will be");
    rig_close();
}

/* Whoever uses a connection has answers enough. */
static void unneeded_questions(void)
{
    weir_conn conn;
    rig_open(NULL_CLOCK_MANUAL, "null://health/db?keepalive=0s&probe_interval=3s&pool_size=5");
    take(&conn, WEIR_WRITE, 1000);
    fill(3, WEIR_WRITE);
    int64_t pings = null_figure(server, NULL_PINGS);
    for (int i = 0; i < 100; i++) {
        run(conn, "ROWS 1");
        pass(500);
    }
    is_int(null_figure(server, NULL_PINGS) - pings, 0, "where statements are answered, nobody is asked besides");
    weir_release(&conn);
    rig_close();
}

/* Law 8: after two minutes without an answer, one is asked before it is lent, and not before. */
static void validation(void)
{
    weir_conn conn;
    rig_open(NULL_CLOCK_MANUAL, "null://health/db?keepalive=0s&probe_interval=0s&validate_after=10s");
    fill(1, WEIR_WRITE);
    pass(9700);
    take(&conn, WEIR_WRITE, 1000);
    is_int(null_figure(server, NULL_PINGS), 0, "one that had its last answer 9.7 s ago is trusted");
    run(conn, "ROWS 1");
    weir_release(&conn);
    pass(10300);
    take(&conn, WEIR_WRITE, 1000);
    is_int(null_figure(server, NULL_PINGS), 1, "after validate_after=10s, it is asked");
    is_int(figures().opened, 1, "and lent, as it has answered");
    weir_release(&conn);
    pass(10300);
    take(&conn, WEIR_WRITE, 1000);
    is_int(null_figure(server, NULL_PINGS), 2, "the answer to a question counts as well");
    weir_release(&conn);
    rig_close();
    rig_open(NULL_CLOCK_MANUAL, "null://health/db?keepalive=0s&probe_interval=0s&validate_after=0s");
    fill(1, WEIR_WRITE);
    pass(500 * 1000);
    take(&conn, WEIR_WRITE, 1000);
    is_int(null_figure(server, NULL_PINGS), 0, "with validate_after=0s, never");
    weir_release(&conn);
    rig_close();
}

int main(void)
{
    birth();
    a_bad_day();
    thresholds();
    in_a_row();
    questions();
    unneeded_questions();
    validation();
    return tap_done();
}
