/*
 * Opening, resetting and closing: what may block, done by whoever takes it off the work list.  Its slot is theirs until it lands
 * (IDLE) or is buried (EMPTY).
 * SPDX-License-Identifier: MIT
 */
#include <assert.h>
#include <base/error.h>
#include <pool/inside.h>

/* Moves a slot that only the caller can move. */
static void move_mine(struct weir_slot *s, enum slot_state state, uint64_t flags)
{
    uint64_t word = slot_word(s);
    bool moved = slot_move(s, &word, word_in(word, state) | flags);
    assert(moved);
    (void)moved;
}

/* Somebody has to do it.  Without hands all who wait are woken, because the first may be busy with an earlier piece. */
static void call_locked(weir_pool *p)
{
    p->call = true;
    if (!pool_has_hands(p))
        waiters_wake_locked(p);
}

void work_queue_locked(weir_pool *p, struct weir_slot *s)
{
    list_append(&p->work, &s->work);
    call_locked(p);
}

static void start_close(weir_pool *p, struct weir_slot *s)
{
    p->closing++;
    work_queue_locked(p, s);
}

bool work_retire_locked(weir_pool *p, struct weir_slot *s, uint64_t word)
{
    if (word_state(word) != SLOT_IDLE || !slot_move(s, &word, word_in(word, SLOT_CLOSING)))
        return false;
    start_close(p, s);
    return true;
}

/* One that is taken or comes back meanwhile is met in its other state. */
void work_supersede_locked(weir_pool *p, struct weir_slot *s)
{
    uint64_t word = slot_word(s);
    while (word_state(word) == SLOT_IDLE || word_state(word) == SLOT_LENT) {
        bool idle = word_state(word) == SLOT_IDLE;
        if (idle ? work_retire_locked(p, s, word) : slot_move(s, &word, word | WORD_STICKY))
            return;
        word = slot_word(s);
    }
}

void work_supersede_all_locked(weir_pool *p)
{
    POOL_EACH(s, p)
    work_supersede_locked(p, s);
}

void work_spare_reset_locked(weir_pool *p, struct weir_slot *s)
{
    uint64_t word = slot_word(s);
    if (word_state(word) != SLOT_RESETTING || list_empty(&s->work) || s->check)
        return;
    p->lanes[word_lane(word)].coming--;
    p->closing++;
    move_mine(s, SLOT_CLOSING, 0);
}

void work_mark_lent(struct weir_slot *s)
{
    uint64_t word = slot_word(s);
    while (word_state(word) == SLOT_LENT && !slot_move(s, &word, word | WORD_STICKY))
        ;
}

static bool is_unwanted(const weir_pool *p, const struct weir_slot *s)
{
    bool superseded = s->generation != p->generation || pool_live_locked(p) - p->closing > p->config.max;
    return p->closed || s->replaced || (superseded && !pool_needs_locked(p, s));
}

/* A connection is good: into the pool with it, and to whoever waits (law 5). */
static void land_locked(weir_pool *p, struct weir_slot *s)
{
    enum lane_kind lane = word_lane(slot_word(s));
    p->lanes[lane].coming--;
    if (is_unwanted(p, s)) {
        move_mine(s, SLOT_CLOSING, 0);
        start_close(p, s);
        return;
    }
    move_mine(s, SLOT_IDLE, health_marks_locked(p, s));
    waiters_serve_locked(p, lane);
}

/* The place is free again: keeps law 5 by asking who wants it. */
static void bury_locked(weir_pool *p, struct weir_slot *s)
{
    enum lane_kind lane = word_lane(slot_word(s));
    move_mine(s, SLOT_EMPTY, 0);
    p->lanes[lane].live--;
    s->keeps_data = s->being_replaced = s->replaced = false;
    atomic_store(&s->said, NULL);
    if (!pool_keeps_time(p))
        waiters_wake_locked(p); /* who do it themselves: there may be a new back-off */
    if (p->closed)
        signal_all(&p->returned);
}

static void tell(weir_pool *p, enum weir_event_kind kind, const char *text, const weir_error *err)
{
    p->home.event(p->home.arg, p, kind, text, err);
}

void pool_lost(weir_pool *p, const weir_error *err)
{
    int64_t now = clock_now(p->home.clock);
    pool_count(p, COUNT_LOST);
    tell(p, WEIR_EVENT_LOST, err->text, err);
    pool_lock(p);
    health_doubt_locked(p, err, now);
    governor_want_locked(p, now);
    pool_unlock(p);
}

static int found_dead(weir_error *err)
{
    fail(err, WEIR_E_LOST, "the server has closed a connection while it was idle");
    err->flags = WEIR_CONNECTION_DEAD;
    return err->status;
}

void pool_found_dead(weir_pool *p)
{
    weir_error err;
    found_dead(&err);
    pool_lost(p, &err);
}

static void open_succeeded(weir_pool *p, struct weir_slot *s, int64_t began)
{
    bool keeps_data = p->ops->keeps_data(s);
    int64_t now = clock_now(p->home.clock);
    histogram_add(&p->figures.times[TIME_CREATE], now - began);
    tell(p, WEIR_EVENT_OPENED, "a connection joined the pool", NULL);
    pool_lock(p);
    p->opening--;
    s->keeps_data = keeps_data;
    s->expires = recycle_life(p, now);
    s->seen_at = now;
    atomic_store(&s->proven, now);
    governor_opened_locked(p, now);
    land_locked(p, s);
    recycle_landed_locked(p, s, true);
    governor_want_locked(p, now);
    pool_unlock(p);
}

/* `cut`: it had little time, and says nothing about the server. */
static void open_failed(weir_pool *p, struct weir_slot *s, const weir_error *err, bool cut)
{
    tell(p, WEIR_EVENT_CONNECT_FAILED, err->text, err);
    int64_t now = clock_now(p->home.clock);
    pool_count(p, COUNT_CONNECT_FAILED);
    pool_lock(p);
    enum lane_kind lane = word_lane(slot_word(s));
    p->opening--;
    p->lanes[lane].coming--;
    bury_locked(p, s);
    recycle_landed_locked(p, s, false);
    if (cut && !health_is_down(p))
        waiters_wake_locked(p); /* for whoever still has time */
    else
        governor_failed_locked(p, lane, err, now);
    pool_unlock(p);
    p->home.drop(p->home.arg); /* p may be gone now */
}

static int64_t sooner(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* Without threads, work is done under the deadline of whoever does it, which may be over before a server can be judged. */
static bool is_cut_short(const weir_pool *p, int64_t began, int64_t deadline, int64_t patience)
{
    int64_t enough = sooner(patience, p->config.probe_timeout);
    return deadline < clock_add(began, enough) && clock_now(p->home.clock) >= deadline;
}

static void work_open(weir_pool *p, struct weir_slot *s, bool read_only, int64_t deadline)
{
    weir_error err;
    int64_t began = clock_now(p->home.clock), patience = p->config.connect_timeout;
    if (p->ops->open(s, read_only, sooner(deadline, clock_add(began, patience)), &err) < 0)
        open_failed(p, s, &err, is_cut_short(p, began, deadline, patience));
    else
        open_succeeded(p, s, began);
}

static void work_close(weir_pool *p, struct weir_slot *s)
{
    p->ops->close(s);
    pool_lock(p);
    p->closing--;
    bury_locked(p, s);
    pool_count(p, COUNT_CLOSED);
    governor_want_locked(p, clock_now(p->home.clock));
    pool_unlock(p);
    p->home.drop(p->home.arg); /* p may be gone now */
}

/* Back into the pool with what was reset or checked, or out of it.  Drops the lock. */
static void back_or_out(weir_pool *p, struct weir_slot *s, bool good, int64_t now)
{
    if (good) {
        land_locked(p, s);
    } else {
        p->lanes[word_lane(slot_word(s))].coming--;
        p->closing++;
        move_mine(s, SLOT_CLOSING, 0);
    }
    governor_want_locked(p, now); /* before a close that may take its time */
    pool_unlock(p);
    if (!good)
        work_close(p, s);
}

static void answered_locked(weir_pool *p, struct weir_slot *s, int64_t now)
{
    atomic_store(&s->proven, now);
    health_good_locked(p, false, now);
}

#define ANSWERED 1

/* The look is all that there is where a driver cannot ask. */
static int ask(weir_pool *p, struct weir_slot *s, bool read_only, int64_t deadline, weir_error *err)
{
    if (!s->check)
        return p->ops->reset(s, read_only, deadline, err);
    int status = p->ops->check(s, deadline, err);
    if (status >= 0)
        return ANSWERED;
    err->flags |= WEIR_CONNECTION_DEAD;
    return status;
}

static void end_check_locked(weir_pool *p, struct weir_slot *s, bool dead)
{
    if (!s->check)
        return;
    s->check = false;
    p->checking--;
    p->nudge = true;
    pool_count(p, COUNT_CHECKED);
    if (dead)
        pool_count(p, COUNT_CHECK_FAILED);
}

/*
 * A look first: one that is closed has nothing to be asked, and was not silent.
 * keeps law 13: what cannot be made clean is not lent again
 */
static void work_ask(weir_pool *p, struct weir_slot *s, bool read_only, int64_t deadline)
{
    weir_error err;
    int64_t began = clock_now(p->home.clock), patience = s->check ? p->config.probe_timeout : p->config.connect_timeout;
    bool open = p->ops->alive(s);
    int status = open ? ask(p, s, read_only, sooner(deadline, clock_add(began, patience)), &err) : found_dead(&err);
    bool dead = status < 0 && err.flags & WEIR_CONNECTION_DEAD;
    bool silent = open && dead && !is_cut_short(p, began, deadline, patience);
    int64_t now = clock_now(p->home.clock);
    if (dead)
        pool_lost(p, &err);
    pool_lock(p);
    end_check_locked(p, s, dead);
    if (status == ANSWERED)
        answered_locked(p, s, now);
    else if (silent)
        health_silent_locked(p, &err, began, now);
    back_or_out(p, s, status >= 0, now);
}

bool pool_work(weir_pool *p, int64_t deadline)
{
    pool_lock(p);
    struct list *first = list_first(&p->work);
    if (!first) {
        pool_unlock(p);
        return false;
    }
    struct weir_slot *s = LIST_ITEM(first, struct weir_slot, work);
    list_remove(first);
    if (!list_empty(&p->work) && !p->closed)
        call_locked(p); /* this piece may take long */
    pool_unlock(p);
    uint64_t word = slot_word(s);
    switch (word_state(word)) {
    case SLOT_OPENING:
        work_open(p, s, word_lane(word) == LANE_READ, deadline);
        break;
    case SLOT_RESETTING:
        work_ask(p, s, word_lane(word) == LANE_READ, deadline);
        break;
    default:
        assert(word_state(word) == SLOT_CLOSING);
        work_close(p, s);
    }
    return true;
}

/* Where a connection goes that does not simply fall idle. */
static enum slot_state after_loan(const weir_pool *p, const struct weir_slot *s, uint64_t word, int64_t now)
{
    if (word & (WORD_DEAD | WORD_CUT) || is_unwanted(p, s) || recycle_on_return_locked(p, s, now))
        return SLOT_CLOSING;
    return word & WORD_LOOK || p->config.reset_always ? SLOT_RESETTING : SLOT_IDLE;
}

static uint64_t word_after_loan(const weir_pool *p, const struct weir_slot *s, uint64_t word, int64_t now)
{
    enum slot_state state = after_loan(p, s, word, now);
    return word_in(word, state) | (state == SLOT_IDLE ? health_marks_locked(p, s) : 0);
}

/* Ends the loan under the lock; false: it was not there to be ended, or goes on until the call that it is in is over. */
static bool part_locked(weir_pool *p, struct weir_slot *s, uint64_t loan, bool mine, uint64_t flags, int64_t now,
                        uint64_t *left)
{
    uint64_t word = slot_word(s), to;
    do {
        if (!word_lent(word, loan))
            return false;
        bool later = word & WORD_IN_CALL && !mine;
        to = later ? word | WORD_ENDING | flags : word_after_loan(p, s, word | flags, now);
    } while (!slot_move(s, &word, to));
    if (word_state(to) == SLOT_LENT)
        return false;
    if (word_state(to) != SLOT_IDLE) /* or somebody else may have it already; and nothing was being read */
        slot_end_reading(s);
    tune_returned_locked(p, word, now);
    *left = to;
    return true;
}

/*
 * keeps law 12: only what comes from a borrower is warm; what is new, or was asked whether it works, is not.
 * True: a waiter was woken for it, who asks the governor for what is wanted beside it.
 */
static bool came_back_locked(weir_pool *p, struct weir_slot *s, uint64_t word, int64_t now)
{
    struct lane *l = &p->lanes[word_lane(word)];
    atomic_store_explicit(&l->warm, s, memory_order_relaxed);
    if (word_state(word) == SLOT_IDLE)
        return waiters_freed_locked(p, word_lane(word), now);
    l->coming++;
    work_queue_locked(p, s);
    return false;
}

/* `word` is what its move has left: one that is idle may be lent again by now. */
static void parted_locked(weir_pool *p, struct weir_slot *s, uint64_t word, int64_t now)
{
    enum lane_kind lane = word_lane(word);
    bool awaited = false;
    if (word_state(word) == SLOT_CLOSING) {
        if (recycle_on_return_locked(p, s, now))
            recycle_returned_locked(p, lane, now);
        start_close(p, s);
    } else {
        awaited = came_back_locked(p, s, word, now);
    }
    if (p->lanes[lane].bound && word_state(word) != SLOT_IDLE)
        waiters_freed_locked(p, lane, now); /* it is not free yet, but one more may be lent of those that are */
    if (!awaited)
        governor_want_locked(p, now);
    if (p->closed)
        signal_all(&p->returned);
}

/* Without hands nobody comes to close what returns after shutdown. */
static void clear_up(weir_pool *p)
{
    if (!pool_has_hands(p) && atomic_load(&p->lanes[LANE_READ].gate) & GATE_CLOSED)
        while (pool_work(p, NEVER))
            ;
}

/* keeps law 15: the loan that ends may be what still keeps the pool, so it is held until this is over */
void work_loan_end(struct weir_slot *s, uint64_t loan, bool mine, uint64_t flags)
{
    weir_pool *p = s->pool;
    p->home.hold(p->home.arg);
    int64_t now = clock_now(p->home.clock);
    int64_t lent_at = atomic_load_explicit(&s->lent_at, memory_order_relaxed);
    pool_lock(p);
    uint64_t left;
    bool ended = part_locked(p, s, loan, mine, flags, now, &left);
    if (ended)
        parted_locked(p, s, left, now);
    if (ended && lent_at)
        histogram_add(&p->figures.times[TIME_USE], now - lent_at);
    pool_unlock(p);
    if (ended) {
        atomic_fetch_add_explicit(&s->left, 1, memory_order_release);
        clear_up(p);
    }
    p->home.drop(p->home.arg); /* p may be gone now */
}
