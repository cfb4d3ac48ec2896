/*
 * Level 9 on real servers: connections that the server closes while they are idle, because an administrator, its own time-out, an orderly
 * restart or a kill -9 ends them: no caller is handed a dead one.  The proxy knows when the last word has reached our side.
 *
 * Scaled: idle ones are looked at after 20 ms instead of 500, and there are some 250 callers instead of 10 000.
 * SPDX-License-Identifier: MIT
 */
#include "live.h"

#define SIZE 10
#define ROUNDS 20

static struct proxy *road;
static weir_db *db;

/* Returns how many of so many callers get a dead one, and in `numbers` what the sessions of the others are called. */
static int lend(const struct place *p, int64_t *numbers)
{
    weir_conn conns[SIZE];
    int dead = 0;
    for (int i = 0; i < SIZE; i++) {
        conns[i] = talk_borrow(db, WEIR_WRITE);
        const int works = live_try(conns[i], "SELECT 1", NULL) >= 0;
        numbers[i] = works ? live_number(p, conns[i]) : 0;
        dead += !works;
    }
    for (int i = 0; i < SIZE; i++)
        weir_release(&conns[i]);
    return dead;
}

static void one_by_one(struct place *p)
{
    int64_t numbers[SIZE];
    int ended = 0, dead = lend(p, numbers);
    for (int round = 0; round < ROUNDS; round++) {
        const long hung_up = proxy_hung_up(road);
        int now = 0;
        for (int i = 0; i < SIZE; i++)
            if ((i + round) * 7 % (2 + round % 3) == 0 && ++now)
                place_end_session(p, numbers[i]);
        live_rest(25);
        TALK_UNTIL(proxy_hung_up(road) >= hung_up + now);
        ended += now;
        dead += lend(p, numbers);
    }
    is_int(dead, 0, "%d sessions are ended while idle: none of %d callers gets a dead one", ended, SIZE * (ROUNDS + 1));
    is_int(live_figures(db).lost, ended, "  each was found to be dead");
    is_int(live_downs(), 0, "  and nobody calls the server down");
}

/* All have been closed at once, since there were so many. */
static void all(const struct place *p, long hung_up, const char *how)
{
    int64_t numbers[SIZE];
    TALK_UNTIL(proxy_hung_up(road) >= hung_up + SIZE);
    live_rest(25);
    is_int(lend(p, numbers), 0, "%s: no caller gets a dead one", how);
}

static void by_time_out(struct place *p)
{
    int64_t numbers[SIZE];
    talk_db_run(p->watch, "%s", p->words->hurry);
    weir_pool_evict(weir_db_pool(db, 0), NULL);
    const long hung_up = proxy_hung_up(road);
    lend(p, numbers);
    talk_db_run(p->watch, "%s", p->words->patience);
    TALK_UNTIL(place_others(p) == 0); /* those that were evicted may look as if the server had hung up on them */
    all(p, hung_up, "the server's own time-out");
}

void live_closed_while_idle(struct place *p)
{
    road = proxy_start(p->port);
    db = live_open(p, proxy_port(road), "pool_size=10&look_after=20ms&max_lifetime=0s");
    one_by_one(p);
    by_time_out(p);
    long hung_up = proxy_hung_up(road);
    place_restart(p);
    all(p, hung_up, "a restart");
    hung_up = proxy_hung_up(road);
    place_kill(p);
    place_restart(p);
    all(p, hung_up, "a kill -9 and a start");
    weir_db_close(&db);
    proxy_stop(&road);
}
