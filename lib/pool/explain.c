/*
 * The errors that name names: who holds what, for how long, and what went wrong last.
 * SPDX-License-Identifier: MIT
 */
#include <base/text.h>
#include <pool/inside.h>

#define HOLDERS 4 /* that fit a text */

static void add_holder(struct text *t, const struct weir_slot *s, int64_t now)
{
    char held[32];
    int64_t lent_at = atomic_load_explicit(&s->lent_at, memory_order_relaxed);
    const char *here = atomic_load_explicit(&s->here, memory_order_relaxed);
    bool seen = word_bare(s->seen_word) == word_bare(slot_word(s));
    int64_t since = lent_at ? lent_at : seen ? s->seen_at : now;
    duration_text(held, now > since ? now - since : 0);
    text_add(t, "%s (thread %u, %s%s)", here ? here : "?",
             (unsigned)atomic_load_explicit(&s->holder, memory_order_relaxed), lent_at ? "" : "at least ", held);
}

/* Whoever holds a connection of these lanes, the first few by name. */
static void add_holders(struct text *t, const weir_pool *p, unsigned lanes, int64_t now)
{
    unsigned named = 0, more = 0;
    POOL_EACH(s, p)
    {
        uint64_t word = slot_word(s);
        if (word_state(word) != SLOT_LENT || !(lanes & 1u << word_lane(word)))
            continue;
        if (named == HOLDERS) {
            more++;
            continue;
        }
        text_add(t, named++ ? ", " : "");
        add_holder(t, s, now);
    }
    if (more)
        text_add(t, " and %u more", more);
}

static unsigned lent_of(const weir_pool *p, unsigned lanes)
{
    unsigned lent = 0;
    POOL_EACH(s, p)
    lent += word_state(slot_word(s)) == SLOT_LENT && lanes & 1u << word_lane(slot_word(s));
    return lent;
}

/* Whose loans are in the way: those of the other lane too where the pool is full before the lane is. */
static unsigned lanes_in_the_way(const weir_pool *p, enum lane_kind lane)
{
    bool other = p->lanes[lane].live < lane_limit(p, lane) && pool_live_locked(p) >= p->config.max;
    return other ? 1u << LANE_READ | 1u << LANE_WRITE : 1u << lane;
}

static const char *lane_name(enum lane_kind lane)
{
    return lane == LANE_WRITE ? "write" : "read";
}

/* What was wrong is passed on, as far as it may be mended somewhere else. */
static int pass_on(const weir_error *cause, weir_error *err)
{
    if (err) {
        err->native = cause->native;
        err->flags = cause->flags & WEIR_RETRY_ELSEWHERE;
    }
    return WEIR_E_UNAVAILABLE;
}

/* What is wrong now, NULL if nothing is known to be. */
static const weir_error *present_trouble(const weir_pool *p)
{
    if (p->failures || p->crowded)
        return &p->last_error;
    return p->health.state == WEIR_UP || p->health.state == WEIR_DRAINING ? NULL : &p->health.last;
}

static int explain_unavailable(const weir_pool *p, enum lane_kind lane, const char *waited, int64_t now,
                               const weir_error *why, weir_error *err)
{
    char next[32];
    duration_text(next, p->next_open > now ? p->next_open - now : 0);
    fail(err, WEIR_E_UNAVAILABLE,
         "no %s connection within %s: %u being opened, %u waiting, %s%u failed to connect, the next is due in %s; "
         "the last: %s",
         lane_name(lane), waited, p->opening, p->lanes[lane].waiting, p->crowded ? "the server has no room, " : "",
         p->failures, next, why->text);
    return pass_on(why, err);
}

int explain_down_locked(const weir_pool *p, enum lane_kind lane, int64_t now, weir_error *err)
{
    char since[32], next[32];
    int64_t due = health_next_locked(p, now);
    duration_text(since, now - p->health.down_since);
    duration_text(next, due - now);
    fail(err, WEIR_E_UNAVAILABLE,
         "no %s connection: the server has been down for %s, the next try is %s%s; last error: %s", lane_name(lane),
         since, due > now ? "in " : "under way", due > now ? next : "", p->health.last.text);
    return pass_on(&p->health.last, err);
}

int explain_shed_locked(const weir_pool *p, enum lane_kind lane, int64_t since, int64_t now, weir_error *err)
{
    char waited[32], busy[32];
    const struct lane *l = &p->lanes[lane];
    duration_text(waited, now - since);
    duration_text(busy, now - l->busy_since);
    return fail(err, WEIR_E_SHED,
                "refused after %s: %u wait for a %s connection, and somebody has for %s without a pause", waited,
                l->waiting, lane_name(lane), busy);
}

int explain_nested_locked(const weir_pool *p, enum lane_kind lane, weir_error *err)
{
    return fail(err, WEIR_E_DEADLOCK_SELF,
                "this thread itself holds all %u connections that a %s loan could get, and would wait for ever",
                lane_limit(p, lane), lane_name(lane));
}

int explain_exhausted_locked(weir_pool *p, enum lane_kind lane, int64_t since, int64_t now, weir_error *err)
{
    char buffer[400], waited[32];
    struct text t = text_in(buffer, sizeof buffer);
    unsigned lanes = lanes_in_the_way(p, lane), lent = lent_of(p, lanes);
    unsigned places = lanes == 1u << lane ? lane_limit(p, lane) : p->config.max;
    duration_text(waited, now - since);
    const char *want = lane_name(lane);
    const weir_error *trouble = present_trouble(p);
    if (!lent && trouble)
        return explain_unavailable(p, lane, waited, now, trouble, err);
    text_add(&t, "no %s connection came free within %s: %u of %u are lent, %u opening, %u wait", want, waited, lent,
             places, p->opening, p->lanes[lane].waiting);
    if (lent) {
        text_add(&t, "; holders: ");
        add_holders(&t, p, lanes, now);
    }
    if (trouble)
        text_add(&t, "; last error: %s", trouble->text);
    return fail(err, WEIR_E_EXHAUSTED, "%s", buffer);
}

int explain_lent_locked(weir_pool *p, int64_t now, weir_error *err)
{
    char buffer[400];
    struct text t = text_in(buffer, sizeof buffer);
    text_add(&t, "%u connections are still lent: ", pool_lent_locked(p));
    add_holders(&t, p, ~0u, now);
    return fail(err, WEIR_LENT, "%s", buffer);
}
