/*
 * Level 9: connections that the server closes while they are idle, for 500 ms or longer: of 10 000 callers none is handed a dead one,
 * whenever maintenance last looked, while it sleeps, and where there is none.
 * SPDX-License-Identifier: MIT
 */
#include "rig.h"

#define SIZE 50
#define ROUNDS 200

static weir_conn conns[SIZE];

/* Returns how many of so many callers get a dead one. */
static int lend(int n, unsigned how)
{
    int dead = 0;
    for (int i = 0; i < n; i++) {
        if (take(&conns[i], how, 60000) < 0)
            tap_bail("%s", err.text);
        dead += run(conns[i], "ROWS 1") < 0;
    }
    for (int i = 0; i < n; i++)
        weir_release(&conns[i]);
    return dead;
}

/* Maintenance looks every 250 ms, at any moment of the time that they are idle. */
static void half_a_second(int phase)
{
    null_clock_advance(&moment, phase * MS);
    pool_tick(pool);
    null_clock_advance(&moment, 250 * MS);
    pool_tick(pool);
    null_clock_advance(&moment, (250 - phase) * MS);
}

/* Another part of them each time, sometimes all. */
static void kill_some(int round)
{
    int64_t opened = null_figure(server, NULL_OPENS);
    for (int64_t s = 1; s <= opened; s++)
        if (s * 7919 % (1 + round % 4) == 0)
            null_kill(server, (uint64_t)s);
}

static void while_maintenance_looks(void)
{
    int dead = 0;
    rig_open(NULL_CLOCK_MANUAL, "null://level-09/db?pool_size=50&max_lifetime=0s");
    fill(SIZE, WEIR_WRITE);
    for (int round = 0; round < ROUNDS; round++) {
        half_a_second(round * 37 % 250);
        kill_some(round);
        dead += lend(SIZE, WEIR_WRITE);
    }
    is_int(dead, 0, "of %d callers none gets a dead connection", SIZE * ROUNDS);
    ok(figures().lost > 1000, "while %d are found dead", (int)figures().lost);
    is_text(state(), "up", "the server counts as up");
    rig_close();
}

static void while_maintenance_sleeps(void)
{
    int dead = 0;
    rig_open(NULL_CLOCK_MANUAL, "null://level-09/db?pool_size=20&max_lifetime=0s&keepalive=0s&probe_interval=0s");
    fill(10, WEIR_WRITE);
    fill(10, WEIR_READ);
    for (int round = 0; round < 20; round++) {
        pass(500);
        null_clock_advance(&moment, 60000 * MS);
        null_kill_all(server);
        dead += lend(10, round % 2 ? WEIR_WRITE : WEIR_READ);
    }
    is_int(dead, 0, "after a minute's sleep none does either");
    rig_close();
}

/* Nobody has looked at all: without threads every borrower does. */
static void without_maintenance(void)
{
    int dead = 0;
    rig_open(NULL_CLOCK_AUTO, "null://level-09/db?threads=none");
    fill(5, WEIR_READ);
    for (int round = 0; round < 20; round++) {
        null_clock_advance(&moment, 500 * MS);
        null_kill_all(server);
        dead += lend(5, WEIR_READ);
    }
    is_int(dead, 0, "without threads, and without weir_db_maintain, nobody does");
    rig_close();
}

/* The shorter they are trusted, the sooner they are looked at: at once, if that is never. */
static void trusted_never(void)
{
    int dead = 0;
    rig_open(NULL_CLOCK_MANUAL, "null://level-09/db?pool_size=20&look_after=0s");
    fill(10, WEIR_WRITE);
    for (int round = 0; round < 20; round++) {
        null_kill_all(server);
        dead += lend(10, WEIR_WRITE);
    }
    is_int(dead, 0, "with look_after=0s, nobody gets one that was closed a moment ago");
    rig_close();
}

/* The other side of it: a warm connection is not looked at, and one that is alive never goes. */
static void no_false_alarm(void)
{
    rig_open(NULL_CLOCK_MANUAL, "null://level-09/db?pool_size=20");
    fill(10, WEIR_WRITE);
    for (int round = 0; round < 20; round++) {
        half_a_second(round * 37 % 250);
        lend(10, WEIR_WRITE);
    }
    is_int(figures().opened, 10, "nobody closes a connection that is alive");
    is_int(figures().lost, 0, "or takes it for dead");
    rig_close();
}

int main(void)
{
    while_maintenance_looks();
    while_maintenance_sleeps();
    without_maintenance();
    trusted_never();
    no_false_alarm();
    return tap_done();
}
