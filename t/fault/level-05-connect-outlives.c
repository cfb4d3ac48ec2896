/*
 * Level 5: a connect outlives its caller.  It takes 3 s, ten callers wait for 1 s: at most two connects are begun; the connections then
 * serve the next callers at once, and none is lost in 100 runs.
 * SPDX-License-Identifier: MIT
 */
#include "rig.h"

#define CALLERS 10
#define RUNS 100

static struct caller callers[CALLERS];
static int wrong[6];

/* Each in a way that is counted apart. */
static void note(int what, bool fine)
{
    wrong[what] += !fine;
}

static void one_run(void)
{
    int64_t opens = null_figure(server, NULL_OPENS), start = now_ms();
    weir_conn conns[2];
    callers_begin(callers, CALLERS, WEIR_WRITE, 1000, NULL);
    until(figures().waiting == CALLERS && null_figure(server, NULL_HANDSHAKES) == 2);
    null_clock_advance(&moment, 1000 * MS);
    until(callers_done(callers, CALLERS) == CALLERS);
    note(0, callers_with(callers, CALLERS, WEIR_E_EXHAUSTED) == CALLERS);
    callers_end(callers, CALLERS);
    null_clock_advance(&moment, 2000 * MS);
    until(figures().idle == 2);
    note(1, null_figure(server, NULL_OPENS) - opens == 2);
    for (int i = 0; i < 2; i++)
        note(2, take(&conns[i], WEIR_WRITE, 1) == WEIR_OK && run(conns[i], "ROWS 1") == WEIR_OK);
    note(3, now_ms() == start + 3000);
    weir_discard(&conns[0]);
    weir_discard(&conns[1]);
    until(figures().closing == 0);
    weir_figures f = figures();
    note(4, f.opened == f.closed && null_figure(server, NULL_SESSIONS) == 0);
    note(5, (int64_t)f.opened == null_figure(server, NULL_OPENS));
}

int main(void)
{
    rig_open(NULL_CLOCK_MANUAL, "null://level-05/db?pool_size=10&max_lifetime=0s");
    null_set(server, NULL_CONNECT_DELAY, 3000 * MS);
    for (int i = 0; i < RUNS; i++)
        one_run();
    is_int(wrong[0], 0, "in %d runs: ten callers return after 1000 ms", RUNS);
    is_int(wrong[1], 0, "two connects are begun for them");
    is_int(wrong[2], 0, "which serve the next two callers");
    is_int(wrong[3], 0, "as soon as they are there, in less than 1 ms");
    is_int(wrong[4], 0, "no session is lost");
    is_int(wrong[5], 0, "every connect is counted");
    is_int(null_figure(server, NULL_HANDSHAKES_MOST), 2, "two were under way at most");
    rig_close();
    return tap_done();
}
