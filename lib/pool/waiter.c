/*
 * Who gets what comes free.
 *
 * What must be true:
 *  1. A lane's waiters are served in the order in which they came (law 4).  Where a slot would have to be turned over to serve the
 *     other lane, whoever is older goes first, so that no lane starves the other in a full pool.
 *  2. GATE_WAITERS is up exactly while somebody waits, and GATE_ACROSS on the other lane.  They go up before the waiter looks for idle
 *     slots once more, and a releaser looks at its gate after its slot is IDLE: so one of the two sees the other, and no wake-up is lost.
 *  3. While the gate is up, idle slots are taken under the lock only: who may overtake is decided in one place.
 *  4. Without hands, no waiter sleeps while there is work.
 * SPDX-License-Identifier: MIT
 */
#include <base/error.h>
#include <pool/inside.h>

/* From the front, so that what is at the end falls idle. */
bool pool_take_any(weir_pool *p, uint64_t wanted, uint64_t flags, struct taken *out)
{
    POOL_EACH(s, p)
    {
        if (slot_take(s, wanted, flags, out))
            return true;
    }
    return false;
}

bool pool_take_locked(weir_pool *p, enum lane_kind lane, struct taken *out)
{
    bool counted = p->lanes[lane].bound > 0;
    if (!tune_may_lend_locked(p, lane) || !pool_take_idle(p, lane, counted ? WORD_COUNTED : 0, out))
        return false;
    p->lanes[lane].lent += counted;
    return true;
}

static struct waiter *oldest(const struct lane *l)
{
    struct list *first = list_first(&l->waiters);
    return first ? LIST_ITEM(first, struct waiter, link) : NULL;
}

static void leave(weir_pool *p, enum lane_kind lane, struct waiter *w)
{
    list_remove(&w->link);
    if (--p->lanes[lane].waiting == 0) {
        atomic_fetch_and(&p->lanes[lane].gate, ~GATE_WAITERS);
        atomic_fetch_and(&p->lanes[lane_across(lane)].gate, ~GATE_ACROSS);
    }
}

/* When the lock is dropped. */
static void wake(weir_pool *p, const struct waiter *w)
{
    p->ring |= UINT64_C(1) << w->bell;
}

static void finish(weir_pool *p, enum lane_kind lane, struct waiter *w)
{
    leave(p, lane, w);
    w->done = true;
    wake(p, w);
}

void waiters_serve_locked(weir_pool *p, enum lane_kind lane)
{
    struct lane *l = &p->lanes[lane];
    for (struct waiter *w; (w = oldest(l)) && pool_take_locked(p, lane, &w->got);)
        finish(p, lane, w);
}

bool waiter_is_across_locked(const weir_pool *p, enum lane_kind lane)
{
    const struct waiter *own = oldest(&p->lanes[lane]), *across = oldest(&p->lanes[lane_across(lane)]);
    return across && (!own || across->since < own->since) && governor_would_turn_locked(p, lane_across(lane));
}

/* Where all writing goes through one connection its loans are many and short, and the bound is a tenth, or the same few would win. */
static int64_t barge_bound(const weir_pool *p, enum lane_kind lane)
{
    return lane == LANE_WRITE && p->config.one_writer ? p->config.barge_bound / 10 : p->config.barge_bound;
}

bool waiter_may_pass_locked(const weir_pool *p, enum lane_kind lane, int64_t now)
{
    const struct waiter *first = oldest(&p->lanes[waiter_is_across_locked(p, lane) ? lane_across(lane) : lane]);
    return !first || now - first->since < barge_bound(p, lane);
}

/* keeps laws 4 and 5: a young waiter is woken to take its chance, an old one is handed the slot */
bool waiters_freed_locked(weir_pool *p, enum lane_kind lane, int64_t now)
{
    struct waiter *w = oldest(&p->lanes[lane]);
    if (waiter_is_across_locked(p, lane))
        return false; /* the governor turns it over */
    if (w && waiter_may_pass_locked(p, lane, now)) {
        wake(p, w);
        return true;
    }
    waiters_serve_locked(p, lane);
    return false;
}

void waiters_fail_locked(weir_pool *p, enum lane_kind lane, const weir_error *cause)
{
    for (struct waiter *w; (w = oldest(&p->lanes[lane]));) {
        w->status = fail_as(w->err, cause);
        finish(p, lane, w);
    }
}

void waiters_wake_locked(weir_pool *p)
{
    for (int lane = 0; lane < LANES; lane++)
        LIST_EACH (at, &p->lanes[lane].waiters)
            wake(p, LIST_ITEM(at, struct waiter, link));
}

void waiters_fail_fast_locked(weir_pool *p, int64_t now)
{
    for (int lane = 0; lane < LANES; lane++) {
        LIST_EACH (at, &p->lanes[lane].waiters) {
            struct waiter *w = LIST_ITEM(at, struct waiter, link);
            if (!w->fail_fast)
                continue;
            w->status = explain_down_locked(p, (enum lane_kind)lane, now, w->err);
            finish(p, (enum lane_kind)lane, w);
        }
    }
}

/* Behind all who came before: at the end, but for one who comes again because what it was given was dead. */
static struct list *place_of(struct lane *l, const struct waiter *w)
{
    struct list *behind = &l->waiters;
    while (behind->prev != &l->waiters && LIST_ITEM(behind->prev, struct waiter, link)->since > w->since)
        behind = behind->prev;
    return behind;
}

void waiter_join_locked(weir_pool *p, enum lane_kind lane, struct waiter *w)
{
    struct lane *l = &p->lanes[lane];
    w->done = false;
    w->bell = p->last_bell = (p->last_bell + 1) % BELLS;
    list_append(place_of(l, w), &w->link);
    if (l->waiting++ == 0) {
        l->busy_since = w->since;
        atomic_fetch_or(&l->gate, GATE_WAITERS);
        atomic_fetch_or(&p->lanes[lane_across(lane)].gate, GATE_ACROSS);
    }
    waiters_serve_locked(p, lane);
}

/* It may have been woken for a slot that it does not take any more: the next one is. */
void waiter_leave_locked(weir_pool *p, enum lane_kind lane, struct waiter *w)
{
    leave(p, lane, w);
    waiters_serve_locked(p, lane);
}
