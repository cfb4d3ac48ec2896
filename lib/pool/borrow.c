/*
 * Lending and taking back.  The warm path of both is at the top of its function: one compare-and-swap each, no lock, no clock, no
 * allocation (law 14).  Whatever is not simple goes the slow way, under the lock.
 * SPDX-License-Identifier: MIT
 */
#include <base/error.h>
#include <pool/inside.h>

/* Few loans are timed on the warm path, because a clock costs more than the loan: a slot's first ones, then one in 64. */
static bool is_timed(uint64_t word)
{
    return word_loan(word) < 64 || (word_loan(word) & 63) == 0;
}

static inline void begin_loan(weir_conn *out, struct weir_slot *s, uint64_t word, const char *here, int64_t now)
{
    atomic_store_explicit(&s->here, here, memory_order_relaxed);
    atomic_store_explicit(&s->thread, thread_number(), memory_order_relaxed);
    if (!now && is_timed(word))
        now = clock_now(s->pool->home.clock);
    atomic_store_explicit(&s->lent_at, now, memory_order_relaxed);
    out->slot = s;
    out->loan = word_loan(word);
}

/* Maintenance sleeps long when nothing happens; something does now. */
static void wake_maintenance_locked(weir_pool *p)
{
    if (!(atomic_load(&p->lanes[LANE_READ].gate) & GATE_QUIET))
        return;
    for (int lane = 0; lane < LANES; lane++)
        atomic_fetch_and(&p->lanes[lane].gate, ~GATE_QUIET);
    p->nudge = true;
}

static int give_up_locked(weir_pool *p, enum lane_kind lane, struct waiter *w, int64_t now)
{
    waiter_leave_locked(p, lane, w);
    pool_count(p, COUNT_TIMED_OUT);
    return explain_exhausted_locked(p, lane, w->since, now, w->err);
}

/* Woken, but not handed anything: the oldest may help itself. */
static bool help_yourself_locked(weir_pool *p, enum lane_kind lane, struct waiter *w)
{
    if (list_first(&p->lanes[lane].waiters) != &w->link || !pool_take_idle(p, lane, &w->slot, &w->word))
        return false;
    waiter_leave_locked(p, lane, w);
    return true;
}

/* What this waiter can do until it is served: work, where no crew does, or sleep, until there is something to be tried again. */
static void wait_a_while(weir_pool *p, struct waiter *w, int64_t now, int64_t until)
{
    int64_t due = governor_want_locked(p, now);
    if (!pool_has_hands(p) && !list_empty(&p->work)) {
        pool_unlock(p);
        pool_work(p, until);
        pool_lock(p);
    } else if (p->call || p->nudge) { /* somebody must be woken before this one sleeps */
        pool_unlock(p);
        pool_lock(p);
    } else {
        signal_wait(&w->signal, &p->lock, p->home.clock, due < until ? due : until);
    }
}

static int queue_locked(weir_pool *p, enum lane_kind lane, struct waiter *w, int64_t until)
{
    waiter_join_locked(p, lane, w);
    governor_want_locked(p, w->since); /* also for one who does not wait: the next finds a connection */
    while (!w->done && !help_yourself_locked(p, lane, w)) {
        int64_t now = clock_now(p->home.clock);
        if (now >= until)
            return give_up_locked(p, lane, w, now);
        wait_a_while(p, w, now, until);
    }
    return w->status;
}

static int lend_locked(weir_pool *p, enum lane_kind lane, struct waiter *w, int64_t until)
{
    if (p->closed)
        return fail(w->err, WEIR_E_CLOSED, "the database is shut down");
    wake_maintenance_locked(p);
    if (waiter_may_pass_locked(p, lane, w->since) && pool_take_idle(p, lane, &w->slot, &w->word))
        return WEIR_OK;
    if (governor_hopeless_locked(p, lane, w->since, w->err))
        return p->last_error.status;
    return queue_locked(p, lane, w, until);
}

static int lend_slow(weir_conn *out, weir_pool *p, enum lane_kind lane, const char *here, int64_t fallback,
                     weir_deadline deadline, weir_error *err)
{
    struct waiter w = { .err = err };
    list_init(&w.link);
    w.since = clock_now(p->home.clock);
    int64_t until = clock_deadline(p->home.clock, deadline, fallback);
    pool_lock(p);
    int status = lend_locked(p, lane, &w, until);
    pool_unlock(p);
    if (w.queued)
        signal_destroy(&w.signal);
    if (status < 0)
        return status;
    int64_t now = clock_now(p->home.clock);
    histogram_add(&p->figures.times[TIME_WAIT], now - w.since);
    pool_count(p, COUNT_SLOW_LOAN);
    begin_loan(out, w.slot, w.word, here, now);
    return WEIR_OK;
}

int pool_lend(weir_conn *out, weir_pool *p, enum lane_kind lane, const char *here, weir_deadline deadline,
              int64_t fallback, weir_error *err)
{
    struct weir_slot *s;
    uint64_t word;
    if (atomic_load_explicit(&p->lanes[lane].gate, memory_order_acquire) == 0 && !pool_is_forked(p) &&
        pool_take_idle(p, lane, &s, &word)) {
        begin_loan(out, s, word, here, 0);
        return WEIR_OK;
    }
    return lend_slow(out, p, lane, here, fallback, deadline, err);
}

static void freed(weir_pool *p, enum lane_kind lane)
{
    int64_t now = clock_now(p->home.clock);
    pool_lock(p);
    if (p->closed) {
        work_retire_all_locked(p);
        signal_all(&p->returned);
    } else {
        waiters_freed_locked(p, lane, now);
        governor_want_locked(p, now); /* the other lane may turn it over */
    }
    pool_unlock(p);
}

void pool_release(struct weir_slot *s, uint64_t loan, bool discard)
{
    weir_pool *p = s->pool;
    if (pool_is_forked(p))
        pool_forked(p);
    int64_t lent_at = atomic_load_explicit(&s->lent_at, memory_order_relaxed);
    uint64_t word = slot_word(s);
    do {
        if (!word_lent(word, loan))
            return; /* keeps law 3: a stale handle harms nobody */
        if (discard || word & (WORD_SPECIAL | WORD_IN_CALL)) {
            work_loan_end(s, loan, false, discard ? WORD_CUT : 0);
            return;
        }
    } while (!slot_move(s, &word, word_in(word, SLOT_IDLE)));

    struct lane *l = &p->lanes[word_lane(word)];
    atomic_store_explicit(&l->warm, s, memory_order_relaxed);
    if (lent_at)
        histogram_add(&p->figures.times[TIME_USE], clock_now(p->home.clock) - lent_at);
    if (atomic_load(&l->gate))
        freed(p, word_lane(word));
    atomic_fetch_add_explicit(&s->left, 1, memory_order_release);
}
