/*
 * Level 29 on real servers: one that has room for nine sessions of a user whose pool has sixteen places.  It is never called down, nobody
 * fails, and soon after the limit is lifted the pool is full.
 *
 * Scaled: a connect is tried every 150 ms at most instead of every second.
 * SPDX-License-Identifier: MIT
 */
#include "live.h"

#define SIZE 16
#define CALLERS 48

static struct caller callers[CALLERS];

static int failures(unsigned n)
{
    int failed = 0;
    for (unsigned i = 0; i < n; i++)
        failed += callers[i].status < 0 || callers[i].said < 0;
    return failed;
}

static void while_full(weir_db *db)
{
    callers_begin(callers, SIZE, db, 120000, NULL); /* and keep what they get */
    TALK_UNTIL(callers_done(callers, SIZE) == FEW);
    TALK_UNTIL(live_figures(db).connect_failed >= 3);
    is_int(live_figures(db).used, FEW, "nine are served by a server that has room for nine");
    is_int(callers_done(callers, SIZE), FEW, "  and the others wait");
    is_int(live_health(db).last.status, WEIR_E_TOO_MANY, "  the server says why: %s", live_health(db).last.text);
    is_int(live_downs(), 0, "  and nobody calls it down");
    callers_begin(callers + SIZE, CALLERS - SIZE, db, 120000, "SELECT 1");
}

static void lifted(weir_db *db)
{
    const int64_t began = talk_now_ms();
    TALK_UNTIL(live_figures(db).used == SIZE);
    ok(talk_now_ms() - began <= 50000, "when it has room again, the pool is full after %lld ms",
       (long long)(talk_now_ms() - began));
    callers_wait(callers, SIZE); /* those who came first: they do not give back what they have */
    callers_end(callers, SIZE);
    callers_wait(callers + SIZE, CALLERS - SIZE);
    callers_end(callers + SIZE, CALLERS - SIZE);
    is_int(failures(CALLERS), 0, "nobody has failed");
    is_int(live_downs(), 0, "and it was never called down");
}

void live_server_full(struct place *p)
{
    talk_db_run(p->watch, "%s", p->words->crowd);
    talk_db_run(p->watch, "%s", p->words->few);
    weir_db *db = live_open_as(p, "crowd:many", p->port, "pool_size=16&connect_backoff_max=150ms");
    while_full(db);
    talk_db_run(p->watch, "%s", p->words->many);
    lifted(db);
    weir_db_close(&db);
}
