/*
 * Level 10: 100 connections of the same age are recycled, at 60 s with 20 % jitter: 98 of them are usable at every instant, two
 * handshakes at most are under way at once, and at most 15 are begun in any second.
 * SPDX-License-Identifier: MIT
 */
#include "rig.h"

#define SIZE 100
#define STEP 20 /* milliseconds, and what a connect takes */
#define SECOND (1000 / STEP)
#define STEPS (135 * SECOND)

static int opened[STEPS]; /* in all, by the end of that step */
static atomic_uint fewest;
static atomic_bool watching;

/* Looks as often as it can. */
static void *watch(void *arg)
{
    (void)arg;
    while (watching) {
        weir_figures f = figures();
        if (f.idle + f.used < fewest)
            fewest = f.idle + f.used;
    }
    return NULL;
}

/* Every handshake takes exactly a step. */
static void step(void)
{
    until(resting());
    uint64_t then = figures().opened + (uint64_t)null_figure(server, NULL_HANDSHAKES);
    null_clock_advance(&moment, STEP * MS);
    until(figures().opened >= then);
    pool_tick(pool);
    until(resting());
}

static int most_in_a_second(void)
{
    int most = 0;
    for (int i = SECOND; i < STEPS; i++)
        most = opened[i] - opened[i - SECOND] > most ? opened[i] - opened[i - SECOND] : most;
    return most;
}

/* `busy` of them are lent all the time, each for a step. */
static void recycle(int busy, const char *what)
{
    weir_conn conns[SIZE];
    pthread_t watcher;
    rig_open(NULL_CLOCK_MANUAL, "null://level-10/db?pool_size=100&max_lifetime=60s&lifetime_jitter=20");
    fill(SIZE, WEIR_WRITE);
    null_set(server, NULL_CONNECT_DELAY, STEP * MS);
    fewest = SIZE;
    watching = true;
    pthread_create(&watcher, NULL, watch, NULL);
    for (int i = 0; i < STEPS; i++) {
        for (int n = 0; n < busy; n++)
            if (take(&conns[n], WEIR_WRITE, 60000) < 0)
                tap_bail("%s", err.text);
        step();
        for (int n = 0; n < busy; n++)
            weir_release(&conns[n]);
        opened[i] = (int)figures().opened;
    }
    watching = false;
    pthread_join(watcher, NULL);
    weir_figures f = figures();
    ok(fewest >= SIZE - 2, "%s: 98 of 100 are usable at every instant: %u", what, fewest);
    ok(null_figure(server, NULL_HANDSHAKES_MOST) <= 2, "two handshakes at most are under way at once");
    ok(most_in_a_second() <= 15, "at most 15 are begun in any second: %d", most_in_a_second());
    ok(f.recycled >= 2 * SIZE && f.recycled <= 3 * SIZE, "in 135 s, all are replaced twice: %d", (int)f.recycled);
    is_int(f.opened - f.closed, SIZE, "none is lost");
    is_int(null_figure(server, NULL_SESSIONS_MOST), SIZE, "and never are there more");
    rig_close();
}

int main(void)
{
    recycle(0, "idle ones");
    recycle(60, "with 60 in use");
    return tap_done();
}
