/*
 * What comes due with time: back-off that ends, connections idle for too long, the minimum, loans that look leaked.
 *
 * Nothing here costs the warm path anything: a slot whose bare word has not changed since the last look has been idle, or lent to the
 * same holder, since then.  So ages are known to a tick; while anything happens there is one every TICK, and none when nothing does: then
 * the gate tells the next borrower to wake us (GATE_QUIET).
 * SPDX-License-Identifier: MIT
 */
#include <base/text.h>
#include <pool/inside.h>

#define TICK (250 * NS_PER_MS)

/* Looks at one slot; true if something has changed since the last look.  What a holder does with a loan is no change of it. */
static bool look_locked(struct weir_slot *s, uint64_t word, int64_t now)
{
    if (word_bare(word) == s->seen_word)
        return false;
    s->seen_word = word_bare(word);
    s->seen_at = now;
    return true;
}

/* keeps law 12's other half: what falls idle goes, down to the minimum */
static bool is_surplus_locked(const weir_pool *p, const struct weir_slot *s, int64_t now)
{
    unsigned left = pool_live_locked(p) - p->closing;
    return left > p->config.min && !pool_needs_locked(p, s) && now - s->seen_at >= p->config.idle_timeout;
}

struct looked {
    bool busy;   /* something is lent, or has changed */
    int64_t due; /* when the first idle one will have been idle for too long */
    struct weir_slot *leak;
    int64_t leak_age;
};

static void look_at_slot_locked(weir_pool *p, struct weir_slot *s, int64_t now, struct looked *l)
{
    uint64_t word = slot_word(s);
    if (look_locked(s, word, now))
        l->busy = true;
    if (word_state(word) == SLOT_LENT) {
        l->busy = true;
        bool old = p->config.leak_after && now - s->seen_at >= p->config.leak_after;
        if (old && s->leak_loan != word_loan(word)) {
            l->leak = s;
            l->leak_age = now - s->seen_at;
        }
    } else if (word_state(word) == SLOT_IDLE && is_surplus_locked(p, s, now)) {
        work_retire_locked(p, s, word);
    } else if (word_state(word) == SLOT_IDLE) {
        int64_t due = clock_add(s->seen_at, p->config.idle_timeout);
        if (due > now && due < l->due) /* one that is due and stays, by the minimum, needs no timer */
            l->due = due;
    }
}

/* Sleeping long is safe only if no loan began unseen: the gate goes up first, then everything must be as it was. */
static bool go_quiet_locked(weir_pool *p)
{
    for (int lane = 0; lane < LANES; lane++)
        atomic_fetch_or(&p->lanes[lane].gate, GATE_QUIET);
    bool quiet = true;
    POOL_EACH(s, p)
    quiet &= atomic_load(&s->word) == s->seen_word;
    for (int lane = 0; lane < LANES && !quiet; lane++)
        atomic_fetch_and(&p->lanes[lane].gate, ~GATE_QUIET);
    return quiet;
}

/* keeps law 17: a leak is reported once, here, where no borrower pays for it */
static void report_leak(weir_pool *p, const char *here, unsigned thread, int64_t age)
{
    char buffer[256], length[32];
    struct text t = text_in(buffer, sizeof buffer);
    duration_text(length, age);
    text_add(&t, "a connection has been lent for %s: %s, thread %u", length, here ? here : "?", thread);
    pool_count(p, COUNT_LEAK);
    p->home.event(p->home.arg, p, WEIR_EVENT_LEAK, buffer, NULL);
}

static int64_t sooner(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

int64_t pool_tick(weir_pool *p)
{
    struct looked l = { .due = NEVER };
    int64_t now = clock_now(p->home.clock);
    pool_lock(p);
    int64_t due = governor_want_locked(p, now);
    POOL_EACH(s, p)
    look_at_slot_locked(p, s, now, &l);
    const char *here = NULL;
    unsigned thread = 0;
    if (l.leak) {
        here = atomic_load(&l.leak->here);
        thread = atomic_load(&l.leak->thread);
        l.leak->leak_loan = word_loan(l.leak->seen_word);
    }
    bool busy = l.busy || !p->home.crew || !go_quiet_locked(p);
    pool_unlock(p);
    if (l.leak)
        report_leak(p, here, thread, l.leak_age);
    return l.leak ? now : sooner(busy ? clock_add(now, TICK) : l.due, due); /* there may be another */
}
