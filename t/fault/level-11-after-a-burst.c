/*
 * Level 11: after a burst of 50, one thread uses exactly one connection for 10 000 loans; the pool reaches its minimum within
 * idle_timeout and one look of maintenance, whatever is asked of idle connections meanwhile.
 * SPDX-License-Identifier: MIT
 */
#include "rig.h"

#define BURST 50
#define TICK_MS 250

static weir_conn conns[BURST];

static void burst(void)
{
    for (int i = 0; i < BURST; i++)
        if (take(&conns[i], WEIR_WRITE, 60000) < 0)
            tap_bail("%s", err.text);
    for (int i = 0; i < BURST; i++)
        weir_release(&conns[i]);
}

/* A loan every so often, until `ms`; returns how many were of another connection than the first. */
static int use_one(int loans, int64_t ms)
{
    int others = 0;
    struct weir_slot *first = NULL;
    int64_t each = (ms - now_ms()) / (loans / 100);
    for (int i = 0; i < loans; i++) {
        weir_conn conn;
        if (take(&conn, WEIR_WRITE, 60000) < 0)
            tap_bail("%s", err.text);
        first = first ? first : conn.slot;
        others += conn.slot != first;
        run(conn, "ROWS 1");
        weir_release(&conn);
        if (i % 100 == 99)
            pass(each);
    }
    return others;
}

static void falls_to(unsigned min, int64_t by)
{
    pass_to(by);
    until(!figures().resetting); /* the last ones that were asked */
    await(figures().closing == 0, "at idle_timeout and one look, all that is surplus is closed");
    await(figures().idle == min, "down to the minimum"); /* one may be asked just now */
    is_int(null_figure(server, NULL_SESSIONS), min, "also on the server");
}

static void one_thread(const char *url, enum null_clock_mode mode)
{
    rig_open(mode, url);
    burst();
    is_int(figures().idle, BURST, "after a burst, 50 are idle");
    int64_t burst_at = now_ms();
    is_int(use_one(10000, burst_at + 50000), 0, "one thread uses exactly one of them for 10 000 loans");
    await(figures().idle == BURST, "while the others fall idle");
    use_one(2000, burst_at + 60000 - TICK_MS);
    falls_to(2, burst_at + 60000 + TICK_MS);
    rig_close();
}

/* Keep-alives and probes in between are no use of a connection. */
static void nobody(void)
{
    rig_open(NULL_CLOCK_MANUAL,
             "null://level-11/db?pool_size=50&pool_min=5&idle_timeout=1m&keepalive=7s&probe_interval=2s");
    int64_t began = now_ms(); /* none is idle before */
    burst();
    int64_t burst_at = now_ms();
    for (; now_ms() < began + 59000; pass(500))
        until(resting());
    ok(null_figure(server, NULL_PINGS) > 100, "idle connections are kept alive");
    const weir_figures f = figures(); /* at one moment: some may be asked just now */
    is_int(f.idle + f.resetting, BURST, "for as long as they may be idle");
    falls_to(5, burst_at + 60000 + TICK_MS);
    rig_close();
}

int main(void)
{
    one_thread("null://level-11/db?pool_size=50&pool_min=2&idle_timeout=1m", NULL_CLOCK_MANUAL);
    one_thread("null://level-11/db?pool_size=50&pool_min=2&idle_timeout=1m&threads=none", NULL_CLOCK_AUTO);
    nobody();
    return tap_done();
}
