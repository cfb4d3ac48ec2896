/*
 * Level 6 on real servers: kill -9 under 64 waiters, and the server back after a while.
 *
 * Scaled: it is away for 1.5 s instead of 10, and with its breaker open the pool tries a connect every 150 ms instead of every second,
 * so that there are as many tries.  Bounds on times are ten times the level's.
 * SPDX-License-Identifier: MIT
 */
#include "live.h"

#define WAITERS 64
#define SIZE 16
#define AWAY 1500
#define WINDOW 150
#define TRIES(ms) (5 + (ms)*8 / (7 * WINDOW)) /* the first ones come sooner, the others with a jitter of an eighth */

static struct caller waiters[WAITERS];

static void lose_all(weir_conn *held)
{
    for (int i = 0; i < SIZE; i++) {
        TALK_UNTIL(live_try(held[i], "SELECT 1", NULL) < 0); /* a session may outlive its server by a moment */
        weir_release(&held[i]);
    }
}

/* For as long as somebody waits and the moment has not come; returns the most connects that were seen under way at once. */
static unsigned look_until(weir_db *db, int64_t end)
{
    unsigned most = 0;
    const int64_t began = talk_now_ms();
    while (talk_now_ms() < end && callers_done(waiters, WAITERS) < WAITERS) {
        const unsigned opening = live_figures(db).opening;
        most = opening > most ? opening : most;
        talk_wait(began, "all are served");
    }
    return most;
}

static int64_t first_served(void)
{
    int64_t first = INT64_MAX;
    for (int i = 0; i < WAITERS; i++)
        first = waiters[i].served && waiters[i].ended < first ? waiters[i].ended : first;
    return first;
}

static void back(struct place *p, weir_db *db)
{
    place_restart(p);
    const int64_t since = talk_now_ms();
    int failed = 0;
    ok(look_until(db, INT64_MAX) <= 2, "  never are more than two handshakes under way");
    callers_end(waiters, WAITERS);
    for (int i = 0; i < WAITERS; i++)
        failed += waiters[i].status < 0 || waiters[i].said < 0;
    is_int(failed, 0, "  when it is back, all are served, and nobody with a connection from before");
    const int64_t first = first_served() - since, last = talk_now_ms() - since;
    ok(first <= 11000 && last <= 15000, "  the first after %lld ms, the last after %lld", (long long)first,
       (long long)last);
}

void live_restart(struct place *p)
{
    weir_conn held[SIZE];
    weir_db *db = live_open(p, p->port, "pool_size=16&connect_backoff_max=150ms");
    for (int i = 0; i < SIZE; i++)
        held[i] = talk_borrow(db, WEIR_WRITE);
    callers_begin(waiters, WAITERS, db, 120000, "SELECT 1");
    TALK_UNTIL(live_figures(db).waiting == WAITERS);
    place_kill(p);
    const int64_t start = talk_now_ms();
    lose_all(held);
    TALK_UNTIL(live_downs() > 0);
    TALK_UNTIL(live_figures(db).opening <= 1); /* the second of those that opened the breaker */
    ok(look_until(db, start + AWAY) <= 1, "killed: with the breaker open one connect at most is under way");
    const int64_t tries = (int64_t)live_figures(db).connect_failed, away = talk_now_ms() - start;
    ok(tries >= 2 && tries <= TRIES(away), "  in %lld ms %lld are tried", (long long)away, (long long)tries);
    is_int(callers_done(waiters, WAITERS), 0, "  and everybody waits");
    back(p, db);
    is_int(live_health(db).state, WEIR_UP, "  the server counts as up");
    weir_db_close(&db);
}
