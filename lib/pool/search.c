/*
 * How many may write at once, found by trial (write_concurrency=auto).
 *
 * Writers that meet in the same rows cost each other more than they gain, from some number on, and that number depends on the server, the
 * statements, and how long the program thinks between them.  So it is searched for, on a ladder of bounds: a window of time on one rung,
 * and then on the next.  What comes of it is good work: loans that ended, less conflicts that a server reported.
 *
 * One window says little.  Where a deadlock holds its locks until it is found, one that had none did three times the work of one that had
 * two.  So each rung keeps what was done on it, with less weight the longer ago; home is the best of all that are known, its neighbours
 * are tried again now and then, and all other windows are spent at home.  A rung that was good by luck is left for the best, not for the
 * next: between them may be several that are hardly better.  Before that the bound is doubled, in short windows, until that is no better,
 * so that a wide lane is found soon.
 *
 * What must be true:
 *  1. Nothing is learned from what says nothing: a window in which hardly anybody waited, when the program is the limit, one too short, or
 *     one in which a connection was being opened, and was not there yet or had everything to prepare.
 *  2. A window begins when no more are lent than its bound: what the wider one before it has left behind is not its own.
 *  3. Whoever fails again and again on one rung has fewer beside it on the next try, and the rung is found as good as useless.
 * SPDX-License-Identifier: MIT
 */
#include <pool/inside.h>

#define WINDOW (50 * NS_PER_MS)
#define SHORT_WINDOW (10 * NS_PER_MS) /* while the bound is doubled */
#define LONG_WINDOW NS_PER_S
#define LONGEST_WINDOW (2 * NS_PER_S)
#define LOANS_A_PLACE 12 /* that a window holds, or one if it is a long one */
#define MEMORY 32        /* in windows: what was done before as many counts half */
#define SOONEST 8        /* a neighbour is tried again after as many, and each time in vain after twice as many … */
#define LATEST 256
#define FIRST_RUNG 1
#define DOUBLE 2 /* in rungs */

/* 1, 2, 3, 4, 6, 9, 13 … and all. */
static unsigned bound_of(const weir_pool *p, unsigned rung)
{
    unsigned bound = 1, most = lane_limit(p, LANE_WRITE);
    while (rung-- > 0 && bound < most)
        bound += bound / 2 ? bound / 2 : 1;
    return bound < most ? bound : most;
}

static unsigned top(const weir_pool *p)
{
    unsigned rung = 0;
    while (rung < RUNGS - 1 && bound_of(p, rung) < lane_limit(p, LANE_WRITE))
        rung++;
    return rung;
}

/* In loans a nanosecond; below zero: nothing is known. */
static double rate_of(const struct search *s, unsigned rung)
{
    const struct trial *t = &s->trials[rung];
    return t->time > 0 ? t->good / t->time : -1;
}

static uint64_t counted(const weir_pool *p, enum pool_count what)
{
    return atomic_load_explicit(&p->figures.counts[what], memory_order_relaxed);
}

static uint64_t conflicts(const weir_pool *p)
{
    return counted(p, COUNT_DEADLOCK_SERVER);
}

static void begin_window(weir_pool *p, int64_t now)
{
    struct search *s = &p->tuner.search;
    s->since = now;
    s->returned = s->waited = 0;
    s->conflicts = conflicts(p);
    s->opened = counted(p, COUNT_OPENED);
}

unsigned search_start(weir_pool *p, int64_t now)
{
    struct search *s = &p->tuner.search;
    *s = (struct search){ .rung = FIRST_RUNG, .home = FIRST_RUNG, .patience = SOONEST };
    begin_window(p, now);
    return bound_of(p, s->rung);
}

/* It has what it needs, is long, or cannot come up to what is known to be possible. */
static bool has_enough(const weir_pool *p, int64_t elapsed)
{
    const struct search *s = &p->tuner.search;
    const unsigned bound = bound_of(p, s->rung), needed = bound * LOANS_A_PLACE;
    if (elapsed < (s->turned ? WINDOW : SHORT_WINDOW))
        return false;
    return s->returned >= (elapsed < LONG_WINDOW ? needed : bound) ||
           needed / (double)elapsed < rate_of(s, s->home) / 2;
}

static void learn(const weir_pool *p, struct search *s, int64_t elapsed)
{
    struct trial *t = &s->trials[s->rung];
    const uint64_t bad = conflicts(p) - s->conflicts;
    const double weight = MEMORY / (double)(MEMORY + s->windows - t->window);
    t->good = t->good * weight + (s->returned > bad ? (double)(s->returned - bad) : 0);
    t->time = t->time * weight + (double)elapsed;
    t->window = s->windows++;
}

static bool is_due(const struct search *s, unsigned rung)
{
    return rate_of(s, rung) < 0 || s->windows - s->trials[rung].window > s->patience;
}

/* keeps truth 3 */
unsigned search_retreat(weir_pool *p, int64_t now)
{
    struct search *s = &p->tuner.search;
    for (unsigned rung = s->rung; rung < RUNGS && rung > 0; rung++)
        s->trials[rung] = (struct trial){ .time = 1, .window = s->windows };
    s->rung = s->home = s->rung ? s->rung - 1 : 0;
    s->turned = true;
    s->patience = SOONEST;
    begin_window(p, now);
    return bound_of(p, s->rung);
}

static unsigned above(const struct search *s, unsigned highest)
{
    return s->home < highest ? s->home + 1 : highest;
}

static unsigned below(const struct search *s)
{
    return s->home ? s->home - 1 : 0;
}

/* A neighbour that is no better is left alone for twice as long. */
static void find_home(struct search *s, unsigned highest)
{
    const unsigned before = s->home;
    for (unsigned rung = 0; rung <= highest; rung++)
        s->home = rate_of(s, rung) > rate_of(s, s->home) ? rung : s->home;
    if (s->home != before)
        s->patience = SOONEST;
    else if (s->rung != s->home && s->patience < LATEST)
        s->patience *= 2;
}

static unsigned next_rung(struct search *s, unsigned highest)
{
    find_home(s, highest);
    s->turned |= s->home != s->rung || s->rung == highest;
    if (!s->turned)
        return s->rung + DOUBLE < highest ? s->rung + DOUBLE : highest;
    return is_due(s, above(s, highest)) ? above(s, highest) : is_due(s, below(s)) ? below(s) : s->home;
}

/* By others than those who would be lent, by a bound that was not its own, or by connections that come. */
static bool is_disturbed(const weir_pool *p)
{
    const struct lane *l = &p->lanes[LANE_WRITE];
    const unsigned own = bound_of(p, p->tuner.search.rung);
    return l->bound != own || l->lent > own || p->opening || counted(p, COUNT_OPENED) != p->tuner.search.opened;
}

unsigned search_returned(weir_pool *p, int64_t now)
{
    const struct lane *l = &p->lanes[LANE_WRITE];
    struct search *s = &p->tuner.search;
    const int64_t elapsed = now - s->since;
    if (is_disturbed(p)) {
        begin_window(p, now);
        return bound_of(p, s->rung);
    }
    s->returned++;
    s->waited += l->waiting > 0;
    const bool enough = has_enough(p, elapsed);
    if (!enough && elapsed < LONGEST_WINDOW)
        return l->bound;
    if (enough && 2 * s->waited >= s->returned) {
        learn(p, s, elapsed);
        s->rung = next_rung(s, top(p));
    }
    begin_window(p, now);
    return bound_of(p, s->rung);
}
