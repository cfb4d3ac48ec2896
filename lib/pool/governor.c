/*
 * How many connections there are, and in which lane: law 10 in its basic form.
 *
 * What must be true:
 *  1. live <= max, counting what is opening, resetting and closing (law 1).
 *  2. The read lane never holds the last write_reserve places, a one-writer's write lane never more than one.
 *  3. At most max_connecting connects are under way.  After a failure none starts before next_open: exponential back-off, full jitter.
 *  4. After `fall` failures, or while the server has no room, the breaker is open: one connect at a time, one a window, whoever waits.
 * SPDX-License-Identifier: MIT
 */
#include <base/error.h>
#include <base/text.h>
#include <pool/inside.h>

unsigned pool_live_locked(const weir_pool *p)
{
    return p->lanes[LANE_READ].live + p->lanes[LANE_WRITE].live;
}

/* The places that only writers may use: as configured, but one must be left to readers, and a one-writer needs just one. */
static unsigned write_reserve(const weir_pool *p)
{
    unsigned max = p->config.max;
    if (max == 1)
        return 0;
    if (p->config.one_writer)
        return 1;
    unsigned reserve = p->config.write_reserve == UINT32_MAX ? max / 4 : p->config.write_reserve;
    return reserve < max ? reserve : max - 1;
}

unsigned lane_limit(const weir_pool *p, enum lane_kind lane)
{
    if (lane == LANE_READ)
        return p->config.max - write_reserve(p);
    return p->config.one_writer ? 1 : p->config.max;
}

static bool breaker_is_open(const weir_pool *p)
{
    return p->crowded || p->failures >= p->config.fall || health_is_down(p);
}

/* keeps law 1: the place is taken before the connect begins */
static bool open_one(weir_pool *p, enum lane_kind lane, int64_t now, struct weir_slot **opened)
{
    POOL_EACH(s, p)
    {
        uint64_t word = slot_word(s);
        if (word_state(word) != SLOT_EMPTY || !slot_move(s, &word, word_to_lane(word_in(word, SLOT_OPENING), lane)))
            continue;
        s->generation = p->generation;
        p->lanes[lane].live++;
        p->lanes[lane].coming++;
        p->opening++;
        p->home.hold(p->home.arg);
        work_queue_locked(p, s);
        health_probing_locked(p, now);
        if (opened)
            *opened = s;
        return true;
    }
    return false;
}

bool governor_has_room_locked(const weir_pool *p, enum lane_kind lane)
{
    return pool_live_locked(p) < p->config.max && p->lanes[lane].live < lane_limit(p, lane);
}

static bool may_open(const weir_pool *p, enum lane_kind lane, int64_t now)
{
    unsigned most = breaker_is_open(p) ? 1 : p->config.max_connecting;
    return governor_has_room_locked(p, lane) && p->opening < most && now >= p->next_open;
}

bool governor_open_locked(weir_pool *p, enum lane_kind lane, int64_t now, struct weir_slot **opened)
{
    return may_open(p, lane, now) && open_one(p, lane, now, opened);
}

/* Nothing more can be opened, because the pool is full or the server refuses. */
bool governor_would_turn_locked(const weir_pool *p, enum lane_kind lane)
{
    const struct lane *l = &p->lanes[lane];
    bool closed = pool_live_locked(p) >= p->config.max || p->failures || p->crowded;
    return closed && tune_wanted_locked(p, lane) > l->coming && l->live < lane_limit(p, lane);
}

/* An idle connection of the other lane is turned over to this one. */
static bool turn_one_for(weir_pool *p, enum lane_kind lane)
{
    enum lane_kind other = lane_across(lane);
    if (!waiter_is_across_locked(p, other))
        return false;
    POOL_EACH(s, p)
    {
        uint64_t word = slot_word(s);
        if (word_state(word) != SLOT_IDLE || word_lane(word) != other)
            continue;
        if (!slot_move(s, &word, word_to_lane(word_in(word, SLOT_RESETTING), lane)))
            continue;
        p->lanes[other].live--;
        p->lanes[lane].live++;
        p->lanes[lane].coming++;
        work_queue_locked(p, s);
        return true;
    }
    return false;
}

/* Where the next connection of the minimum goes: to whoever waits; otherwise a writer first, then readers as far as they may. */
enum lane_kind governor_spare_lane(const weir_pool *p)
{
    for (int lane = LANES - 1; lane >= 0; lane--)
        if (p->lanes[lane].waiting && p->lanes[lane].live < lane_limit(p, (enum lane_kind)lane))
            return (enum lane_kind)lane;
    bool reads_full = p->lanes[LANE_READ].live >= lane_limit(p, LANE_READ);
    return p->lanes[LANE_WRITE].live == 0 || reads_full ? LANE_WRITE : LANE_READ;
}

static bool is_below_min(const weir_pool *p)
{
    return pool_live_locked(p) - p->closing < p->config.min;
}

/* The places of recycled ones.  Where others have taken them, nothing is owed any more. */
static void pay_locked(weir_pool *p, enum lane_kind lane, int64_t now)
{
    struct lane *l = &p->lanes[lane];
    struct weir_slot *s;
    while (l->owed && governor_open_locked(p, lane, now, &s)) {
        s->replacement = true;
        l->owed--;
    }
    if (!governor_has_room_locked(p, lane) && !p->closing) {
        p->recycling -= l->owed;
        l->owed = 0;
    }
}

static bool serve_locked(weir_pool *p, enum lane_kind lane, int64_t now)
{
    return health_check_locked(p, lane) || governor_open_locked(p, lane, now, NULL) || turn_one_for(p, lane);
}

/* Once the moment has passed, what keeps a connect from beginning is something that ends with activity, and that asks again. */
int64_t governor_due_locked(const weir_pool *p, int64_t now)
{
    const struct lane *r = &p->lanes[LANE_READ], *w = &p->lanes[LANE_WRITE];
    bool wanted = r->waiting || w->waiting || r->owed || w->owed || is_below_min(p);
    return wanted && !p->closed && now < p->next_open ? p->next_open : NEVER;
}

/* The timekeeper is told once of what comes sooner than it knows. */
static void expect_tick_locked(weir_pool *p, int64_t at)
{
    if (at >= p->next_tick)
        return;
    p->next_tick = at;
    p->nudge = true;
}

int64_t governor_want_locked(weir_pool *p, int64_t now)
{
    if (p->closed)
        return NEVER;
    for (int i = LANES - 1; i >= 0; i--) {
        enum lane_kind lane = (enum lane_kind)i;
        struct lane *l = &p->lanes[lane];
        while (tune_wanted_locked(p, lane) > l->coming && serve_locked(p, lane, now))
            ;
        pay_locked(p, lane, now);
    }
    health_probe_locked(p, now);
    while (is_below_min(p) && governor_open_locked(p, governor_spare_lane(p), now, NULL))
        ;
    int64_t due = governor_due_locked(p, now);
    expect_tick_locked(p, due);
    if (p->health.state != WEIR_UP)
        expect_tick_locked(p, health_due_locked(p));
    return due;
}

/* With the breaker open, the last part of the window; before that, anywhere between now and a bound that doubles. */
static int64_t backoff(weir_pool *p)
{
    if (breaker_is_open(p))
        return p->config.backoff_max - random_below(&p->random, p->config.backoff_max / 8);
    int64_t bound = p->config.backoff;
    for (unsigned i = 1; i < p->failures && bound < p->config.backoff_max; i++)
        bound *= 2;
    if (bound > p->config.backoff_max)
        bound = p->config.backoff_max;
    return random_below(&p->random, bound);
}

/* A failure that does not mend itself (a wrong password, a file that is no database) is told to whoever can only hope for a connect. */
void governor_failed_locked(weir_pool *p, enum lane_kind lane, const weir_error *cause, int64_t now)
{
    p->crowded = cause->status == WEIR_E_TOO_MANY;
    p->failures += !p->crowded;
    p->last_error = *cause;
    p->hopeless = !p->crowded && !(cause->flags & WEIR_RETRY_ELSEWHERE);
    p->nudge = true;
    p->next_open = clock_add(now, backoff(p));
    if (p->crowded) /* keeps law 10: no room is not down */
        health_full_locked(p, cause, now);
    else
        health_refused_locked(p, cause, now);
    if (p->hopeless && p->lanes[lane].live == 0)
        waiters_fail_locked(p, lane, cause);
    governor_want_locked(p, now);
}

void governor_opened_locked(weir_pool *p, int64_t now)
{
    p->failures = 0;
    p->next_open = 0;
    p->hopeless = p->crowded = false;
    health_good_locked(p, true, now);
    pool_count(p, COUNT_OPENED);
}

bool governor_hopeless_locked(const weir_pool *p, enum lane_kind lane, int64_t now, weir_error *err)
{
    if (!p->hopeless || now >= p->next_open || p->lanes[lane].live)
        return false;
    char next[32];
    duration_text(next, p->next_open - now);
    fail_in(err, &p->last_error, "no new connect for another %s after the last one failed", next);
    return true;
}
