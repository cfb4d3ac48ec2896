/*
 * What comes due with time: back-off that ends, connections idle or alive for too long, the minimum, questions to the server, loans that
 * look leaked.
 *
 * Nothing here costs the warm path anything: a slot whose bare word has not changed since the last look has been idle, or lent to the
 * same holder, since then.  So ages are known to a tick; while anything happens there is one every TICK, and none when nothing does: then
 * the gate tells the next borrower to wake us (GATE_QUIET).
 * SPDX-License-Identifier: MIT
 */
#include <base/text.h>
#include <pool/inside.h>

/* By the same holder, or idle since the same loan: being asked whether it works in between changes nothing of that. */
static bool is_same_use(uint64_t a, uint64_t b)
{
    return word_loan(a) == word_loan(b) && (word_state(a) == SLOT_LENT) == (word_state(b) == SLOT_LENT);
}

/* Looks at one slot; true if something is happening there, or has since the last look. */
static bool look_locked(struct weir_slot *s, uint64_t word, int64_t now)
{
    bool changed = word != s->seen_word;
    if (!is_same_use(word, s->seen_word))
        s->seen_at = now;
    s->seen_word = word;
    return changed || (word_state(word) != SLOT_IDLE && word_state(word) != SLOT_EMPTY);
}

/* keeps law 12's other half: what falls idle goes, down to the minimum */
static bool is_surplus_locked(const weir_pool *p, const struct weir_slot *s, int64_t now)
{
    unsigned left = pool_live_locked(p) - p->closing;
    return left > p->config.min && !pool_needs_locked(p, s) && now - s->seen_at >= p->config.idle_timeout;
}

struct looked {
    bool busy;   /* something is lent or under way, or has changed */
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
        bool old = p->config.leak_after && now - s->seen_at >= p->config.leak_after;
        if (old && s->leak_loan != word_loan(word)) {
            l->leak = s;
            l->leak_age = now - s->seen_at;
        }
    } else if (word_state(word) == SLOT_IDLE && !s->being_replaced && is_surplus_locked(p, s, now)) {
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
static void describe_leak_locked(struct weir_slot *s, int64_t age, struct text *t)
{
    char length[32];
    const char *here = atomic_load(&s->here), *said = atomic_load(&s->said);
    s->leak_loan = word_loan(s->seen_word);
    duration_text(length, age);
    text_add(t, "a connection has been lent for %s: %s, thread %u", length, here ? here : "?",
             (unsigned)atomic_load(&s->holder));
    if (said) {
        text_add(t, "; its last statement: ");
        text_add_statement(t, said);
    }
}

static int64_t sooner(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

int64_t pool_tick(weir_pool *p)
{
    struct looked l = { .due = NEVER };
    char buffer[400];
    struct text leak = text_in(buffer, sizeof buffer);
    pool_lock(p);
    int64_t now = clock_now(p->home.clock); /* no look is older than the one before */
    atomic_store_explicit(&p->ticked, now, memory_order_relaxed);
    p->next_tick = now; /* what comes up below is seen */
    POOL_EACH(s, p)
    look_at_slot_locked(p, s, now, &l);
    health_look_locked(p, now);
    recycle_locked(p, now);
    governor_want_locked(p, now); /* last: what was doubted just now may be what somebody has been woken for */
    if (l.leak)
        describe_leak_locked(l.leak, l.leak_age, &leak);
    bool stuck = p->home.crew && !pool_has_hands(p) && !list_empty(&p->work);
    p->call |= stuck; /* perhaps a thread can be made now */
    int64_t due = !l.busy && !stuck && go_quiet_locked(p) ? NEVER : clock_add(now, TICK);
    due = sooner(sooner(due, l.due), governor_due_locked(p, now));
    p->next_tick = due = sooner(due, sooner(health_due_locked(p), recycle_due_locked(p, now)));
    pool_unlock(p);
    if (!l.leak)
        return due;
    pool_count(p, COUNT_LEAK);
    p->home.event(p->home.arg, p, WEIR_EVENT_LEAK, buffer, NULL);
    return now; /* there may be another */
}
