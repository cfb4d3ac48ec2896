/*
 * How many may write at once (option write_concurrency): a bound on the loans of the write lane, fixed or found by trial (search.c).
 *
 * Where nobody searches, transactions that have to run again because of conflicts narrow the lane, by a quarter whenever there were more
 * than one in twenty commits; it widens again by itself, a step at a time, until it is as wide as it was.  The search sees by itself what
 * conflicts cost, but not that one transaction may have many: then it goes a step back.
 *
 * What must be true:
 *  1. Nobody loses a loan because the bound falls; there are fewer new ones.
 *  2. A lane that is narrow, or has the bound of a search, holds nobody up for good.  Whoever keeps a loan may want another before it
 *     ends: if none has ended for a second while somebody waits, or for five where a slow server may be all there is to it, the lane is as
 *     wide as it can be, and stays so for a minute.
 *  3. Loans begun under a bound are marked, and counted until they end, whatever has become of the bound.  GATE_BOUND is up while there is
 *     a bound or a marked loan.
 * SPDX-License-Identifier: MIT
 */
#include <limits.h>
#include <pool/inside.h>

#define FLOOR 1

#define CLASHES 4 /* conflicts that say something … */
#define PEACE 20  /* … if there were no more than so many commits for each */
#define MANY 5    /* of one transaction */
#define WIDEN_AFTER (100 * NS_PER_MS)
#define STUCK NS_PER_S
#define STUCK_SEARCHED (5 * NS_PER_S)
#define RESPITE (60 * NS_PER_S)

static void set_bound(weir_pool *p, unsigned bound)
{
    struct lane *l = &p->lanes[LANE_WRITE];
    l->bound = bound;
    if (bound || l->lent)
        atomic_fetch_or(&l->gate, GATE_BOUND);
    else
        atomic_fetch_and(&l->gate, ~GATE_BOUND);
}

/* The option's; 0: none. */
static unsigned own_bound(const weir_pool *p)
{
    return lane_limit(p, LANE_WRITE) == 1 ? 0 : p->config.write_concurrency; /* one is bounded anyway */
}

static bool is_searched_for(const weir_pool *p)
{
    return p->config.write_auto && lane_limit(p, LANE_WRITE) > 1;
}

void tune_start(weir_pool *p, int64_t now)
{
    p->lanes[LANE_WRITE].lent = 0;
    p->tuner = (struct tuner){ .moved = now, .returned_at = now, .respite = INT64_MIN };
    set_bound(p, is_searched_for(p) ? search_start(p, now) : own_bound(p));
}

/* ---- narrow, because of conflicts */

static uint64_t committed(const weir_pool *p)
{
    return atomic_load_explicit(&p->figures.counts[COUNT_TRANSACTION], memory_order_relaxed);
}

static void begin_clashes(weir_pool *p)
{
    p->tuner.clashes = 0;
    p->tuner.committed = committed(p);
}

static unsigned lent_of(const weir_pool *p, enum lane_kind lane)
{
    unsigned lent = 0;
    POOL_EACH(s, p)
    {
        uint64_t word = slot_word(s);
        lent += word_state(word) == SLOT_LENT && word_lane(word) == lane;
    }
    return lent;
}

static void narrow(weir_pool *p, int64_t now)
{
    struct lane *l = &p->lanes[LANE_WRITE];
    unsigned from = l->bound ? l->bound : lent_of(p, LANE_WRITE), by = from / 4 ? from / 4 : 1;
    if (l->bound == FLOOR)
        return;
    set_bound(p, from > FLOOR + by ? from - by : FLOOR);
    p->tuner.narrow = true;
    p->tuner.moved = p->tuner.returned_at = now;
    pool_count(p, COUNT_NARROWED);
    waiters_wake_locked(p); /* they have to look again sooner now */
}

/* Those who wait are served, as far as there are idle ones. */
static void widen_to(weir_pool *p, unsigned bound, int64_t now)
{
    unsigned own = own_bound(p), full = own ? own : lane_limit(p, LANE_WRITE);
    p->tuner.narrow = bound < full;
    p->tuner.moved = now;
    set_bound(p, p->tuner.narrow ? bound : own);
    waiters_serve_locked(p, LANE_WRITE);
}

static void widen(weir_pool *p, int64_t now)
{
    struct tuner *t = &p->tuner;
    unsigned bound = p->lanes[LANE_WRITE].bound;
    t->returned_at = now;
    if (now - t->moved >= WIDEN_AFTER)
        widen_to(p, bound + (bound / 8 ? bound / 8 : 1), now);
}

int64_t tune_due_locked(const weir_pool *p, enum lane_kind lane)
{
    const int64_t busy = p->lanes[LANE_WRITE].busy_since, returned = p->tuner.returned_at;
    if (lane != LANE_WRITE || !(p->tuner.narrow || is_searched_for(p)))
        return NEVER;
    return clock_add(busy > returned ? busy : returned, p->tuner.narrow ? STUCK : STUCK_SEARCHED);
}

/* Still with a bound, so that loans are counted for the search, which goes on when the respite is over. */
static void open_wide(weir_pool *p, int64_t now)
{
    const unsigned full = lane_limit(p, LANE_WRITE);
    p->tuner.returned_at = now; /* nobody has to look again at once */
    if (p->lanes[LANE_WRITE].bound == full)
        return;
    p->tuner.respite = clock_add(now, RESPITE);
    set_bound(p, full);
    waiters_serve_locked(p, LANE_WRITE);
}

/* keeps truth 2, with no help from maintenance, which a program without threads may not call meanwhile */
void tune_look_locked(weir_pool *p, int64_t now)
{
    struct tuner *t = &p->tuner;
    if (!p->lanes[LANE_WRITE].waiting || now < tune_due_locked(p, LANE_WRITE))
        return;
    if (is_searched_for(p)) {
        open_wide(p, now);
        return;
    }
    t->respite = clock_add(now, RESPITE);
    widen_to(p, UINT_MAX, now);
}

/* What the wider bound before has left behind says nothing of this one. */
static void retreat(weir_pool *p, int64_t now)
{
    struct lane *l = &p->lanes[LANE_WRITE];
    const unsigned before = l->bound;
    if (l->lent > before || now < p->tuner.respite)
        return;
    set_bound(p, search_retreat(p, now));
    if (l->bound < before)
        pool_count(p, COUNT_NARROWED);
}

static void weigh_clashes(weir_pool *p, int64_t now)
{
    struct tuner *t = &p->tuner;
    const uint64_t peace = committed(p) - t->committed;
    if (++t->clashes < CLASHES)
        return;
    if (peace < (uint64_t)t->clashes * PEACE && now >= t->respite)
        narrow(p, now);
    begin_clashes(p);
}

void pool_conflict(weir_pool *p, uint32_t times)
{
    int64_t now = clock_now(p->home.clock);
    pool_lock(p);
    if (is_searched_for(p) && times >= MANY)
        retreat(p, now);
    else if (!p->config.write_auto && lane_limit(p, LANE_WRITE) > 1)
        weigh_clashes(p, now);
    pool_unlock(p);
}

/* ---- loans */

static void searched_returned(weir_pool *p, int64_t now)
{
    p->tuner.returned_at = now;
    if (now >= p->tuner.respite)
        p->lanes[LANE_WRITE].bound = search_returned(p, now);
}

/* keeps truth 3 */
void tune_returned_locked(weir_pool *p, uint64_t word, int64_t now)
{
    struct lane *l = &p->lanes[word_lane(word)];
    if (!(word & WORD_COUNTED))
        return;
    l->lent--;
    if (!l->bound)
        set_bound(p, 0);
    else if (p->config.write_auto)
        searched_returned(p, now);
    else if (p->tuner.narrow)
        widen(p, now);
}

bool tune_may_lend_locked(const weir_pool *p, enum lane_kind lane)
{
    const struct lane *l = &p->lanes[lane];
    return !l->bound || l->lent < l->bound;
}

/* Of those who wait, how many may be served before anybody returns. */
unsigned tune_wanted_locked(const weir_pool *p, enum lane_kind lane)
{
    const struct lane *l = &p->lanes[lane];
    unsigned free = !l->bound ? l->waiting : l->bound > l->lent ? l->bound - l->lent : 0;
    return l->waiting < free ? l->waiting : free;
}
