/*
 * Level 4: a server that swallows all.  64 callers with a deadline of 1000 ms, some while connections are being asked whether they still
 * work, some while others are being opened: each returns at its deadline, with the last error and the counts.
 * SPDX-License-Identifier: MIT
 */
#include "rig.h"

#define CALLERS 64

static struct caller callers[CALLERS];

static void all_return_at(int64_t ms, int status)
{
    pass_to(ms - 1);
    is_int(callers_done(callers, CALLERS), 0, "a millisecond before their deadline, all of them wait");
    pass_to(ms);
    await(callers_done(callers, CALLERS) == CALLERS, "at their deadline, all return");
    is_int(callers_with(callers, CALLERS, status), CALLERS, "none is served: %s", weir_status_name(status));
    int late = 0;
    for (int i = 0; i < CALLERS; i++)
        late += callers[i].ended - callers[i].began != 1000;
    is_int(late, 0, "and each of them after 1000 ms");
    callers_end(callers, CALLERS);
}

/* Nobody has connected yet. */
static void while_connecting(void)
{
    rig_open(NULL_CLOCK_MANUAL, "null://level-04/db?pool_size=8&connect_timeout=5s");
    null_set(server, NULL_STATE, NULL_BLACK_HOLE);
    callers_begin(callers, CALLERS, WEIR_WRITE, 1000, NULL);
    until(figures().waiting == CALLERS && null_figure(server, NULL_HANDSHAKES) == 2);
    all_return_at(1000, WEIR_E_EXHAUSTED);
    has_text(callers[CALLERS / 2].err.text, "0 of 8 are lent, 2 opening", "the counts are told");
    is_int(null_figure(server, NULL_HANDSHAKES), 2, "two connects are under way, and outlive their callers");
    rig_close();
}

/* Eight idle ones, of which nothing is heard any more; nobody knows it before one of them has been asked in vain. */
static void while_asking(void)
{
    rig_open(NULL_CLOCK_MANUAL, "null://level-04/db?pool_size=8&probe_timeout=600ms&probe_interval=0s&keepalive=0s");
    fill(8, WEIR_WRITE);
    pass(121 * 1000);
    null_set(server, NULL_STATE, NULL_BLACK_HOLE);
    int64_t pings = null_figure(server, NULL_PINGS), start = now_ms();
    callers_begin(callers, CALLERS, WEIR_WRITE, 1000, NULL);
    until(figures().waiting == CALLERS && null_figure(server, NULL_WAITING) == 1);
    is_int(null_figure(server, NULL_PINGS) - pings, 1, "one connection is asked, for all 64");
    pass_to(start + 599);
    is_int(figures().idle, 7, "the others wait until the answer is overdue");
    pass_to(start + 600);
    await(null_figure(server, NULL_HANDSHAKES) == 2, "then none of them is asked: new ones are opened");
    is_int(figures().idle, 0, "and the doubted ones are given up");
    all_return_at(start + 1000, WEIR_E_UNAVAILABLE);
    has_text(callers[0].err.text, "2 being opened", "the counts are told");
    has_text(callers[0].err.text, "no answer from the null server", "and the last error");
    is_int(null_figure(server, NULL_PINGS) - pings, 1, "one question was asked in all");
    await(strcmp(states(), "suspect") == 0, "the pool is suspect");
    rig_close();
}

/* Connections that are lent when it begins: their holders learn of it at the deadlines of their statements. */
static void while_lent(void)
{
    rig_open(NULL_CLOCK_MANUAL, "null://level-04/db?pool_size=8&connect_timeout=600ms&query_timeout=300ms");
    weir_conn held[4];
    for (int i = 0; i < 4; i++)
        take(&held[i], WEIR_WRITE, 60000);
    null_set(server, NULL_STATE, NULL_BLACK_HOLE);
    int64_t start = now_ms();
    callers_begin(callers, CALLERS, WEIR_WRITE, 1000, NULL);
    until(figures().waiting == CALLERS && null_figure(server, NULL_HANDSHAKES) == 2);
    pass_to(start + 600);
    until(figures().connect_failed == 2 && resting());
    all_return_at(start + 1000, WEIR_E_EXHAUSTED);
    has_text(callers[0].err.text, "4 of 8 are lent", "the counts are told");
    has_text(callers[0].err.text, "t/fault/rig.c", "with the holders");
    has_text(callers[0].err.text, "last error: no answer from the null server", "and the last error");
    for (int i = 0; i < 4; i++)
        weir_release(&held[i]);
    rig_close();
}

int main(void)
{
    while_connecting();
    while_asking();
    while_lent();
    return tap_done();
}
