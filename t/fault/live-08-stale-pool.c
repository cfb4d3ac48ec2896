/*
 * Level 8 on real servers: 32 connections over a road that has died without a word; and one session that an administrator ends.
 *
 * Scaled: a question may take 100 ms instead of 250, so that the first caller, with ten times the level's patience, waits 4 s at most.
 * SPDX-License-Identifier: MIT
 */
#include "live.h"

#define SIZE 32
#define OPTIONS "pool_size=32&probe_timeout=100ms&validate_after=50ms&keepalive=0s&probe_interval=0s&max_lifetime=0s"

static void nothing_heard(const struct place *p)
{
    struct proxy *road = proxy_start(p->port);
    weir_db *db = live_open(p, proxy_port(road), OPTIONS);
    live_fill(db, SIZE);
    live_rest(2000); /* the timekeeper marks them every 250 ms, on a machine that lets it */
    proxy_silence(road);
    const weir_figures before = live_figures(db);
    const long connects = proxy_connections(road);
    const int64_t began = talk_now_ms();
    weir_conn conn = talk_borrow(db, WEIR_WRITE);
    const int64_t took = talk_now_ms() - began;
    is_int(live_try(conn, "SELECT 1", NULL), WEIR_OK, "nothing is heard of 32: the first caller gets one that works");
    ok(took >= 100 && took <= 4000, "  after one question and a connect: %lld ms", (long long)took);
    weir_release(&conn);
    TALK_UNTIL(live_figures(db).closed == SIZE);
    const weir_figures after = live_figures(db);
    is_int(after.checks - before.checks, 1, "  no more than one was asked in vain");
    is_int(after.lost, 1, "  and counts as lost");
    ok(proxy_connections(road) - connects <= 2, "  and for one caller %ld connects are made",
       proxy_connections(road) - connects);
    weir_db_close(&db);
    proxy_stop(&road);
}

static void one_is_ended(struct place *p)
{
    weir_conn conns[SIZE];
    int bad = 0;
    struct proxy *road = proxy_start(p->port);
    weir_db *db = live_open(p, proxy_port(road), "pool_size=32&look_after=0s&max_lifetime=0s");
    live_fill(db, SIZE);
    weir_conn conn = talk_borrow(db, WEIR_WRITE);
    const int64_t number = live_number(p, conn);
    weir_release(&conn);
    place_end_session(p, number);
    TALK_UNTIL(proxy_hung_up(road) >= 1);
    for (int i = 0; i < SIZE; i++) {
        conns[i] = talk_borrow(db, WEIR_WRITE);
        bad += live_try(conns[i], "SELECT 1", NULL) < 0;
    }
    is_int(bad, 0, "one session is ended by an administrator: all of 32 callers get connections that work");
    for (int i = 0; i < SIZE; i++)
        weir_release(&conns[i]);
    ok(live_figures(db).closed <= 2, "  and %d connections are closed for it", (int)live_figures(db).closed);
    is_int(live_downs(), 0, "  and nobody calls the server down");
    weir_db_close(&db);
    proxy_stop(&road);
}

void live_stale_pool(struct place *p)
{
    nothing_heard(p);
    one_is_ended(p);
}
