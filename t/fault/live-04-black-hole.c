/*
 * Level 4 on real servers: 64 callers with a deadline of 1000 ms, while nobody answers a wish to connect, while the server is frozen and
 * idle connections are asked, and while the road is broken under those that are lent.
 *
 * Scaled: eight connections; a question may take 150 ms and a connect 30 s.  The level's +50 ms are +9 s here.
 * SPDX-License-Identifier: MIT
 */
#include "live.h"

#define CALLERS 64
#define DEADLINE 1000

static struct caller callers[CALLERS];

/* None is served; texts that all of them are told, the statuses may differ. */
static void all_return(weir_db *db, const char *const *texts)
{
    int early = 0, late = 0, served = 0;
    callers_begin(callers, CALLERS, db, DEADLINE, NULL);
    callers_wait(callers, CALLERS);
    for (int i = 0; i < CALLERS; i++) {
        const int64_t took = callers[i].ended - callers[i].began;
        served += callers[i].served;
        early += took < DEADLINE - 1; /* milliseconds that have begun */
        late += took > 10 * DEADLINE;
    }
    is_int(served, 0, "  none of 64 callers is served");
    is_int(early, 0, "  none returns before its deadline");
    is_int(late, 0, "  and none long after it");
    for (; *texts; texts++)
        has_text(callers[CALLERS / 2].err.text, *texts, "  the error says '%s'", *texts);
    callers_end(callers, CALLERS);
}

static void nobody_answers(const struct place *p)
{
    struct hole hole;
    hole_dig(&hole);
    weir_db *db = live_open(p, hole.port, "pool_size=8&connect_timeout=30s");
    tap_note("nobody answers a wish to connect");
    all_return(db, (const char *const[]){ "0 of 8 are lent, 2 opening", NULL });
    is_int(live_figures(db).opening, 2, "  two connects are under way, and outlive their callers");
    hole_fill(&hole);
    TALK_UNTIL(live_figures(db).connect_failed > 0);
    weir_db_close(&db);
}

/* Who does not know it yet finds out by asking one. */
static void frozen(struct place *p)
{
    weir_db *db = live_open(p, p->port,
                            "pool_size=8&connect_timeout=30s&probe_timeout=150ms&validate_after=50ms&keepalive=0s&"
                            "probe_interval=0s");
    tap_note("the server is frozen");
    live_fill(db, 8);
    live_rest(2000); /* the timekeeper marks them every 250 ms, on a machine that lets it */
    const weir_figures before = live_figures(db);
    place_freeze(p);
    all_return(db, (const char *const[]){ "2 being opened", NULL });
    const weir_figures after = live_figures(db);
    is_int(after.checks - before.checks, 1, "  one connection was asked, for all of them");
    is_int(after.opening, 2, "  and two connects are under way in place of the old ones");
    is_int(after.idle, 0, "  which nobody trusts any more");
    place_thaw(p);
    weir_conn conn = talk_borrow(db, WEIR_WRITE);
    is_int(live_try(conn, "SELECT 1", NULL), WEIR_OK, "  when it has thawed, the next caller is served");
    weir_release(&conn);
    weir_db_close(&db);
}

struct holder {
    pthread_t thread;
    weir_conn conn;
    int status;
};

static void *ask_in_vain(void *arg)
{
    struct holder *h = arg;
    h->status = weir_exec(NULL, h->conn, "SELECT 1", WEIR_NO_ARGS, weir_after_ms(200), NULL);
    return NULL;
}

static void road_breaks(const struct place *p)
{
    struct holder held[4];
    int overdue = 0;
    struct proxy *road = proxy_start(p->port);
    weir_db *db = live_open(p, proxy_port(road), "pool_size=8&connect_timeout=300ms&cancel_grace=100ms");
    tap_note("the road breaks under those that are lent");
    for (int i = 0; i < 4; i++)
        held[i].conn = talk_borrow(db, WEIR_WRITE);
    proxy_fault(road, PROXY_TO_SERVER, PROXY_STALL, 0);
    proxy_fault(road, PROXY_TO_CLIENT, PROXY_STALL, 0);
    for (int i = 0; i < 4; i++)
        talk_start(&held[i].thread, ask_in_vain, &held[i]);
    weir_conn conn;
    ok(weir_acquire(&conn, db, WEIR_WRITE, weir_at_once(), NULL) < 0, "  nobody gets another at once");
    TALK_UNTIL(live_figures(db).connect_failed > 0); /* there is an error to be told */
    all_return(db, (const char *const[]){ "4 of 8 are lent", "live-04-black-hole.c:", "last error: ", NULL });
    for (int i = 0; i < 4; i++) {
        talk_join(held[i].thread);
        overdue += held[i].status == WEIR_E_TIMEOUT;
        weir_release(&held[i].conn);
    }
    is_int(overdue, 4, "  those who hold one learn it at the deadlines of their statements");
    proxy_fault(road, PROXY_TO_SERVER, PROXY_NONE, 0);
    proxy_fault(road, PROXY_TO_CLIENT, PROXY_NONE, 0);
    conn = talk_borrow(db, WEIR_WRITE);
    is_int(live_try(conn, "SELECT 1", NULL), WEIR_OK, "  when it is mended, the next caller is served");
    weir_release(&conn);
    weir_db_close(&db);
    proxy_stop(&road);
}

void live_black_hole(struct place *p)
{
    nobody_answers(p);
    frozen(p);
    road_breaks(p);
}
