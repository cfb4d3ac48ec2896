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
    bool seen = s->seen_word == word_bare(slot_word(s));
    int64_t since = lent_at ? lent_at : seen ? s->seen_at : now;
    duration_text(held, now > since ? now - since : 0);
    text_add(t, "%s (thread %u, %s%s)", here ? here : "?", atomic_load_explicit(&s->thread, memory_order_relaxed),
             lent_at ? "" : "at least ", held);
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

static int explain_unavailable(const weir_pool *p, const char *want, const char *waited, int64_t now, weir_error *err)
{
    char next[32];
    duration_text(next, p->next_open > now ? p->next_open - now : 0);
    fail(err, WEIR_E_UNAVAILABLE, "no %s connection within %s: %u connects failed, the next is due in %s; the last: %s",
         want, waited, p->failures, next, p->last_error.text);
    if (err) {
        err->native = p->last_error.native;
        err->flags = p->last_error.flags & WEIR_RETRY_ELSEWHERE;
    }
    return WEIR_E_UNAVAILABLE;
}

int explain_exhausted_locked(weir_pool *p, enum lane_kind lane, int64_t since, int64_t now, weir_error *err)
{
    char buffer[400], waited[32];
    struct text t = text_in(buffer, sizeof buffer);
    unsigned lanes = lanes_in_the_way(p, lane), lent = lent_of(p, lanes);
    unsigned places = lanes == 1u << lane ? lane_limit(p, lane) : p->config.max;
    duration_text(waited, now - since);
    const char *want = lane == LANE_WRITE ? "write" : "read";
    if (!lent && p->failures)
        return explain_unavailable(p, want, waited, now, err);
    text_add(&t, "no %s connection came free within %s: %u of %u are lent, %u opening, %u wait", want, waited, lent,
             places, p->opening, p->lanes[lane].waiting);
    if (lent) {
        text_add(&t, "; holders: ");
        add_holders(&t, p, lanes, now);
    }
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
