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

static inline void begin_loan(weir_conn *out, const struct taken *got, const char *here, int64_t now)
{
    struct weir_slot *s = got->slot;
    atomic_store_explicit(&s->here, here, memory_order_relaxed);
    atomic_store_explicit(&s->holder, slot_holder(word_loan(got->word), thread_number()), memory_order_relaxed);
    atomic_store_explicit(&s->said, NULL, memory_order_relaxed);
    if (!now && is_timed(got->word))
        now = clock_now(s->pool->home.clock);
    atomic_store_explicit(&s->lent_at, now, memory_order_relaxed);
    out->slot = s;
    out->loan = word_loan(got->word);
}

/* It never reached a borrower: the loan is none. */
static void bury_stillborn(weir_pool *p, const struct taken *got)
{
    pool_count(p, COUNT_STILLBORN);
    atomic_store_explicit(&got->slot->lent_at, 0, memory_order_relaxed);
    work_loan_end(got->slot, word_loan(got->word), false, WORD_DEAD);
    pool_found_dead(p);
}

/* keeps law 8: what has been idle for a while is looked at, without a round trip */
static bool is_sound(weir_pool *p, const struct taken *got)
{
    if (!got->stale || p->ops->alive(got->slot))
        return true;
    bury_stillborn(p, got);
    return false;
}

/* Maintenance sleeps long when nothing happens; something does now.  What it would have marked meanwhile is marked here. */
static void wake_maintenance_locked(weir_pool *p, int64_t now)
{
    if (!(atomic_load(&p->lanes[LANE_READ].gate) & GATE_QUIET))
        return;
    for (int lane = 0; lane < LANES; lane++)
        atomic_fetch_and(&p->lanes[lane].gate, ~GATE_QUIET);
    atomic_store_explicit(&p->ticked, now, memory_order_relaxed);
    health_age_locked(p, now);
    p->nudge = true;
}

static void wake_maintenance(weir_pool *p)
{
    pool_lock(p);
    wake_maintenance_locked(p, clock_now(p->home.clock));
    pool_unlock(p);
}

static int give_up_locked(weir_pool *p, enum lane_kind lane, struct waiter *w, int64_t now)
{
    waiter_leave_locked(p, lane, w);
    governor_want_locked(p, now); /* what it was woken for may be turned over to the other lane */
    pool_count(p, COUNT_TIMED_OUT);
    return explain_exhausted_locked(p, lane, w->since, now, w->err);
}

/* Woken, but not handed anything: the oldest may help itself. */
static bool help_yourself_locked(weir_pool *p, enum lane_kind lane, struct waiter *w)
{
    if (list_first(&p->lanes[lane].waiters) != &w->link || !pool_take_locked(p, lane, &w->got))
        return false;
    waiter_leave_locked(p, lane, w);
    /* what is left may be turned over, now that an older one is gone; and nobody has asked since the slot came free */
    governor_want_locked(p, clock_now(p->home.clock));
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
    } else if (pool_has_news_locked(p)) { /* somebody must be told before this one sleeps */
        pool_unlock(p);
        pool_lock(p);
    } else {
        signal_wait(&p->bells[w->bell], &p->lock, p->home.clock, due < until ? due : until);
    }
}

#define OVERLOAD (100 * NS_PER_MS) /* that a queue must have stood before anybody is refused early */

/* When a waiter is refused early (option shed_after): the queue has stood for long by then, and a shorter one serves as many. */
static int64_t shed_moment(const weir_pool *p, enum lane_kind lane, const struct waiter *w)
{
    if (!p->config.shed_after)
        return NEVER;
    int64_t own = clock_add(w->since, p->config.shed_after), all = clock_add(p->lanes[lane].busy_since, OVERLOAD);
    return own > all ? own : all;
}

/*
 * Only a server that works is overloaded; of one that does not, the waiting hear at their deadline.  What is idle at that moment, for
 * somebody who has been woken for it, is handed out first: nobody is refused beside it.
 */
static bool must_shed_locked(weir_pool *p, enum lane_kind lane, const struct waiter *w, int64_t now)
{
    if (now < shed_moment(p, lane, w) || p->health.state != WEIR_UP)
        return false;
    waiters_serve_locked(p, lane);
    return !w->done;
}

static int shed_locked(weir_pool *p, enum lane_kind lane, struct waiter *w, int64_t now)
{
    int status = explain_shed_locked(p, lane, w->since, now, w->err);
    pool_count(p, COUNT_SHED);
    waiter_leave_locked(p, lane, w);
    governor_want_locked(p, now);
    return status;
}

/* When somebody who waits looks again at the latest. */
static int64_t next_look(const weir_pool *p, enum lane_kind lane, const struct waiter *w, int64_t now, int64_t until)
{
    int64_t early = shed_moment(p, lane, w), due = tune_due_locked(p, lane);
    until = early > now && early < until ? early : until;
    return due < until ? due : until;
}

static int queue_locked(weir_pool *p, enum lane_kind lane, struct waiter *w, int64_t until)
{
    waiter_join_locked(p, lane, w);
    governor_want_locked(p, w->since); /* also for one who does not wait: the next finds a connection */
    while (!w->done && !help_yourself_locked(p, lane, w)) {
        int64_t now = clock_now(p->home.clock);
        if (now >= until)
            return give_up_locked(p, lane, w, now);
        if (must_shed_locked(p, lane, w, now))
            return shed_locked(p, lane, w, now);
        tune_look_locked(p, now);
        if (!w->done)
            wait_a_while(p, w, now, next_look(p, lane, w, now, until));
    }
    return w->status;
}

static bool waits_for_itself_locked(const weir_pool *p, enum lane_kind lane)
{
    unsigned mine[LANES] = { 0 };
    POOL_EACH(s, p)
    {
        uint64_t word = slot_word(s);
        bool own = atomic_load(&s->holder) == slot_holder(word_loan(word), thread_number());
        if (word_state(word) == SLOT_LENT && own && !(word & WORD_ENDING)) /* not what it has released already */
            mine[word_lane(word)]++;
    }
    return mine[lane] >= lane_limit(p, lane) || mine[LANE_READ] + mine[LANE_WRITE] >= p->config.max;
}

/* Where nobody else tries a server that is down, a caller does when it is time, or when somebody has begun and gone. */
static bool is_to_try(weir_pool *p, int64_t now)
{
    if (pool_has_hands(p))
        return false;
    governor_want_locked(p, now);
    return !list_empty(&p->work);
}

static int lend_locked(weir_pool *p, const struct loan_wish *wish, struct waiter *w, int64_t until)
{
    enum lane_kind lane = wish->lane;
    if (p->closed)
        return fail(w->err, WEIR_E_CLOSED, "the database is shut down");
    wake_maintenance_locked(p, w->since);
    if (waiter_may_pass_locked(p, lane, w->since) && pool_take_locked(p, lane, &w->got))
        return WEIR_OK;
    if (governor_hopeless_locked(p, lane, w->since, w->err))
        return p->last_error.status;
    if (w->fail_fast && health_is_down(p)) {
        health_hurry_locked(p, w->since);
        if (!is_to_try(p, w->since))
            return explain_down_locked(p, lane, w->since, w->err);
    }
    if (p->config.refuse_nested && waits_for_itself_locked(p, lane))
        return explain_nested_locked(p, lane, w->err);
    return queue_locked(p, lane, w, until);
}

static int lend_slow(weir_conn *out, weir_pool *p, const struct loan_wish *wish, weir_error *err)
{
    int status;
    struct waiter w = { .err = err, .fail_fast = wish->fail_fast || p->config.fail_fast };
    list_init(&w.link);
    w.since = clock_now(p->home.clock);
    int64_t until = clock_deadline(p->home.clock, wish->deadline, wish->fallback);
    do {
        pool_lock(p);
        status = lend_locked(p, wish, &w, until);
        pool_unlock(p);
    } while (status >= 0 && !is_sound(p, &w.got));
    if (status < 0)
        return status;
    int64_t now = clock_now(p->home.clock);
    histogram_add(&p->figures.times[TIME_WAIT], now - w.since);
    pool_count(p, COUNT_SLOW_LOAN);
    begin_loan(out, &w.got, wish->here, now);
    return WEIR_OK;
}

int pool_lend(weir_conn *out, weir_pool *p, const struct loan_wish *wish, weir_error *err)
{
    struct taken got;
    if (atomic_load_explicit(&p->lanes[wish->lane].gate, memory_order_acquire) == 0 && !pool_is_forked(p) &&
        pool_take_idle(p, wish->lane, 0, &got) && is_sound(p, &got)) {
        if (atomic_load(&p->lanes[wish->lane].gate) & GATE_QUIET)
            wake_maintenance(p); /* it went to sleep between the look at the gate and the move */
        begin_loan(out, &got, wish->here, 0);
        return WEIR_OK;
    }
    return lend_slow(out, p, wish, err);
}

/* `word` is that of the loan. */
static void freed(weir_pool *p, uint64_t word)
{
    enum lane_kind lane = word_lane(word);
    int64_t now = clock_now(p->home.clock);
    pool_lock(p);
    tune_returned_locked(p, word, now);
    if (p->closed) {
        work_supersede_all_locked(p);
        signal_all(&p->returned);
    } else if (!waiters_freed_locked(p, lane, now)) {
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
    } while (!slot_move(s, &word, word_in(word, SLOT_IDLE) | p->idle_flags));

    struct lane *l = &p->lanes[word_lane(word)];
    atomic_store_explicit(&l->warm, s, memory_order_relaxed);
    if (lent_at)
        histogram_add(&p->figures.times[TIME_USE], clock_now(p->home.clock) - lent_at);
    if (atomic_load(&l->gate))
        freed(p, word);
    atomic_fetch_add_explicit(&s->left, 1, memory_order_release);
}
