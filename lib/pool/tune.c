/*
 * How many may write at once (option write_concurrency): a bound on the loans of the write lane, fixed or found by itself.
 *
 * Writers that meet in the same rows cost each other more than they gain, from some number on, and that number depends on the server, the
 * statements, and how long the program thinks between them.  So it is searched for: a window of time with one bound, another with the
 * next, and on in the direction in which more good work got done.  Good work is loans that ended, less conflicts that a server reported.
 *
 * What must be true:
 *  1. Nobody loses a loan because the bound falls; there are fewer new ones.
 *  2. The bound never moves on what says nothing: a window in which nobody waited, when the program is the limit, or one too short.
 * SPDX-License-Identifier: MIT
 */
#include <pool/inside.h>

#define WINDOW (50 * NS_PER_MS)
#define LONGEST_WINDOW NS_PER_S
#define LOANS_A_PLACE 12 /* that a window holds at least */
#define FIRST_BOUND 4
#define FLOOR 1

void tune_start(weir_pool *p, int64_t now)
{
    struct lane *l = &p->lanes[LANE_WRITE];
    bool one = lane_limit(p, LANE_WRITE) == 1; /* it is bounded anyway */
    l->bound = one ? 0 : p->config.write_auto ? FIRST_BOUND : p->config.write_concurrency;
    l->lent = 0;
    p->tuner = (struct tuner){ .since = now, .step = 1 };
    if (l->bound)
        atomic_fetch_or(&l->gate, GATE_BOUND);
}

static uint64_t conflicts(const weir_pool *p)
{
    return atomic_load_explicit(&p->figures.counts[COUNT_DEADLOCK_SERVER], memory_order_relaxed);
}

static void begin_window(weir_pool *p, int64_t now)
{
    struct tuner *t = &p->tuner;
    t->since = now;
    t->returned = 0;
    t->conflicts = conflicts(p);
    t->waited = p->lanes[LANE_WRITE].waiting > 0;
}

/* An eighth at a time, and no less than one. */
static unsigned next_bound(const weir_pool *p)
{
    unsigned bound = p->lanes[LANE_WRITE].bound, width = bound / 8 ? bound / 8 : 1;
    unsigned most = lane_limit(p, LANE_WRITE);
    if (p->tuner.step < 0)
        return bound > FLOOR + width ? bound - width : FLOOR;
    return bound + width < most ? bound + width : most;
}

static void move_bound(weir_pool *p, int64_t elapsed)
{
    struct tuner *t = &p->tuner;
    uint64_t bad = conflicts(p) - t->conflicts, good = t->returned > bad ? t->returned - bad : 0;
    double rate = (double)good / (double)elapsed;
    if (rate < t->rate)
        t->step = -t->step;
    t->rate = rate;
    p->lanes[LANE_WRITE].bound = next_bound(p);
}

void tune_returned_locked(weir_pool *p, enum lane_kind lane, int64_t now)
{
    struct lane *l = &p->lanes[lane];
    struct tuner *t = &p->tuner;
    if (!l->bound)
        return;
    l->lent--;
    t->returned++;
    t->waited |= l->waiting > 0;
    int64_t elapsed = now - t->since;
    bool enough = elapsed >= WINDOW && t->returned >= (uint64_t)l->bound * LOANS_A_PLACE;
    if (!p->config.write_auto || (!enough && elapsed < LONGEST_WINDOW))
        return;
    if (enough && t->waited)
        move_bound(p, elapsed);
    begin_window(p, now);
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
