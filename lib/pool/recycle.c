/*
 * Recycling: a connection is replaced when its life is over (law 11).
 *
 * What must be true:
 *  1. Where there is room, the replacement is open before the old one goes.  Where there is none the old one goes first, and its place
 *     is owed to its lane.
 *  2. `recycling` counts the replacements that are not open yet, owed ones included.  It never exceeds max_connecting, and grows only
 *     with a tick or a return, after a pause: so connects come in no herd, and capacity drops by no more, a connection that is asked
 *     whether it works included.
 *  3. Nothing is recycled while the server is in doubt, and never what keeps data.
 * SPDX-License-Identifier: MIT
 */
#include <pool/inside.h>

#define PAUSE (250 * NS_PER_MS) /* in which at most max_connecting are replaced */

int64_t recycle_life(weir_pool *p, int64_t now)
{
    int64_t life = p->config.max_lifetime;
    if (!life)
        return NEVER;
    return clock_add(now, life - random_below(&p->random, life / 100 * p->config.lifetime_jitter));
}

static bool may_recycle(const weir_pool *p, int64_t now)
{
    bool room = p->recycling + p->checking < p->config.max_connecting;
    return p->health.state == WEIR_UP && room && now >= p->next_recycle;
}

static void begin_locked(weir_pool *p, int64_t now)
{
    p->recycling++;
    p->next_recycle = clock_add(now, PAUSE / p->config.max_connecting);
}

static bool is_old(const struct weir_slot *s, int64_t now)
{
    return s->expires <= now && !s->being_replaced && !s->replaced && !s->keeps_data;
}

static void owe(weir_pool *p, enum lane_kind lane, int64_t now)
{
    begin_locked(p, now);
    p->lanes[lane].owed++;
    pool_count(p, COUNT_RECYCLED);
}

/* keeps truth 1 */
static void replace_locked(weir_pool *p, struct weir_slot *s, int64_t now)
{
    struct weir_slot *fresh;
    uint64_t word = slot_word(s);
    enum lane_kind lane = word_lane(word);
    if (governor_has_room_locked(p, lane)) {
        if (!governor_open_locked(p, lane, now, &fresh))
            return;
        fresh->replacement = true;
        fresh->replaces = s;
        s->being_replaced = true;
        begin_locked(p, now);
    } else if (work_retire_locked(p, s, word)) {
        owe(p, lane, now);
    } else {
        work_mark_lent(s);
    }
}

void recycle_locked(weir_pool *p, int64_t now)
{
    POOL_EACH(s, p)
    {
        enum slot_state state = word_state(slot_word(s));
        if (may_recycle(p, now) && (state == SLOT_IDLE || state == SLOT_LENT) && is_old(s, now))
            replace_locked(p, s, now);
    }
}

bool recycle_on_return_locked(const weir_pool *p, const struct weir_slot *s, int64_t now)
{
    return may_recycle(p, now) && is_old(s, now) && !governor_has_room_locked(p, word_lane(slot_word(s)));
}

void recycle_returned_locked(weir_pool *p, enum lane_kind lane, int64_t now)
{
    owe(p, lane, now);
}

void recycle_landed_locked(weir_pool *p, struct weir_slot *s, bool open)
{
    struct weir_slot *old = s->replaces;
    if (!s->replacement)
        return;
    s->replacement = false;
    s->replaces = NULL;
    p->recycling--;
    p->nudge = true; /* there may be others, or a question that waited */
    if (!old || !old->being_replaced)
        return;
    old->being_replaced = false;
    if (!open)
        return;
    old->replaced = true;
    pool_count(p, COUNT_RECYCLED);
    work_supersede_locked(p, old);
}

int64_t recycle_due_locked(const weir_pool *p, int64_t now)
{
    int64_t first = NEVER;
    POOL_EACH(s, p)
    {
        enum slot_state state = word_state(slot_word(s));
        if ((state == SLOT_IDLE || state == SLOT_LENT) && !s->being_replaced && !s->keeps_data && s->expires < first)
            first = s->expires;
    }
    if (first == NEVER || p->closed)
        return NEVER;
    int64_t again = p->next_recycle > now ? p->next_recycle : clock_add(now, PAUSE);
    return first > now ? first : again;
}
