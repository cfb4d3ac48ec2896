/*
 * Level 6: a restart under 64 waiters.  The server is down for 10 s, the pool has 16: at most 15 connects are tried, one at a time once
 * the breaker is open; the first caller is served at most 1.1 s after the server is back, all of them within 1.5 s and the time that
 * their statements take; never are more than two handshakes under way, and nobody gets a connection from before.
 * SPDX-License-Identifier: MIT
 */
#include "rig.h"

#define WAITERS 64
#define SIZE 16
#define QUERY 20 /* milliseconds */

static struct caller waiters[WAITERS];

/* To the next connect, and to its end. */
static void next_connect(void)
{
    until(settled());
    uint64_t failed = figures().connect_failed, opened = figures().opened;
    int64_t next = health().next_probe_ms;
    if (next < 0 || next > 1000)
        tap_bail("the next connect is in %lld ms", (long long)next);
    null_clock_advance(&moment, next * MS);
    until(figures().connect_failed + figures().opened > failed + opened);
    until(settled()); /* it is counted before the next one is planned */
}

/* Sixteen connections, all lent when the server goes; five of the holders do not notice. */
static void lend_all(weir_conn *held)
{
    for (int i = 0; i < SIZE; i++)
        if (take(&held[i], WEIR_WRITE, 60000) < 0)
            tap_bail("%s", err.text);
}

static void give_back(weir_conn *held)
{
    int lost = 0;
    for (int i = 0; i < SIZE - 5; i++)
        lost += run(held[i], "ROWS 1") == WEIR_E_LOST;
    is_int(lost, SIZE - 5, "the holders of 11 find their connections dead");
    for (int i = 0; i < SIZE; i++)
        weir_release(&held[i]);
}

static void outage(int64_t start)
{
    while (now_ms() + health().next_probe_ms < start + 10000)
        next_connect();
    until(settled());
    uint64_t tried = figures().connect_failed;
    ok(tried >= 10 && tried <= 15, "in 10 s at most 15 connects are tried, one a second: %d", (int)tried);
    is_text(state(), "down", "the server is down");
    is_int(callers_done(waiters, WAITERS), 0, "and everybody waits");
    is_int(figures().opening, 0, "no connect is under way between the windows");
}

/* Ten milliseconds at a time, from when the server is back; returns when the first was served. */
static int64_t serve_all(void)
{
    int64_t first = 0;
    while (callers_done(waiters, WAITERS) < WAITERS) {
        until(settled());
        if (!first && figures().used)
            first = now_ms();
        pass(10);
    }
    return first;
}

int main(void)
{
    weir_conn held[SIZE];
    rig_open(NULL_CLOCK_MANUAL, "null://level-06/db?pool_size=16&acquire_timeout=60s");
    lend_all(held);
    pass(2000);
    null_set(server, NULL_CONNECT_DELAY, 30 * MS);
    int64_t start = now_ms();
    callers_begin(waiters, WAITERS, WEIR_WRITE, 60000, "SLEEP 20ms");
    until(figures().waiting == WAITERS);
    int64_t opens = null_figure(server, NULL_OPENS);
    null_set(server, NULL_STATE, NULL_DOWN);
    give_back(held);
    until(figures().connect_failed && settled());
    outage(start);

    null_clock_advance(&moment, (start + 10000 - now_ms()) * MS);
    null_set(server, NULL_STATE, NULL_UP);
    int64_t back = now_ms(), first = serve_all() - back, last = now_ms() - back;
    ok(first <= 1100, "the first is served at most 1.1 s after the server is back: %d ms", (int)first);
    ok(last <= 1500 + WAITERS * QUERY / SIZE, "all of them within 1.5 s and 64 statements on 16 connections: %d ms",
       (int)last);
    callers_end(waiters, WAITERS);
    int lost = 0;
    for (int i = 0; i < WAITERS; i++)
        lost += waiters[i].said < 0;
    is_int(lost, 0, "nobody got a connection from before");
    int64_t anew = null_figure(server, NULL_OPENS) - opens - (int64_t)figures().connect_failed;
    ok(anew > 4 && anew <= SIZE, "as many connections are opened as are of use: %d", (int)anew);
    is_int(null_figure(server, NULL_HANDSHAKES_MOST), 2, "two handshakes at most were under way at once");
    is_text(state(), "up", "the server is up");
    await(strstr(states(), "suspect down probing down probing"), "of which the hook has heard");
    rig_close();
    return tap_done();
}
