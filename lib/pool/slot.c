/*
 * Calls on a lent connection: who is in one owns it.  The drawing is in slot.h.
 * SPDX-License-Identifier: MIT
 */
#include <base/error.h>
#include <pool/inside.h>

static int tell_closed(const struct weir_slot *s, uint64_t word, uint64_t loan, weir_error *err)
{
    if (!s)
        return fail(err, WEIR_E_STALE, "the handle is empty: no connection is borrowed");
    if (!word_lent(word, loan) || word & WORD_ENDING)
        return fail(err, WEIR_E_STALE, "the handle is stale: its connection has been released");
    if (word & WORD_CUT)
        return fail(err, WEIR_E_CLOSED, "the database has been shut down: the connection can only be released");
    return fail(err, WEIR_E_BUSY, "another thread is in a call on this connection");
}

int slot_enter_slowly(struct weir_slot *s, uint64_t loan, weir_error *err)
{
    if (!s)
        return tell_closed(s, 0, loan, err);
    if (pool_is_forked(s->pool))
        pool_forked(s->pool); /* keeps law 16: the handle is the parent's and stale here */
    uint64_t word = slot_word(s);
    do {
        if (!word_open(word, loan))
            return tell_closed(s, word, loan, err);
    } while (!slot_move(s, &word, word | WORD_IN_CALL));
    return WEIR_OK;
}

/* Ends the call; false: the loan ends with it, or somebody stops it who must be let finish first, unless `stopped` says that all have. */
static bool leave(struct weir_slot *s, uint64_t flags, bool stopped)
{
    uint64_t word = slot_word(s), to;
    do {
        if (word & WORD_ENDING || (word & WORD_CANCEL && !stopped))
            return false;
        to = (word & ~(WORD_IN_CALL | WORD_CANCEL | WORD_LOOK)) | flags;
    } while (!slot_move(s, &word, to));
    return true;
}

/* Whoever stops this call is let finish first, and nobody begins any more, so that none can hit the next one. */
static bool leave_stopped(struct weir_slot *s, uint64_t flags)
{
    weir_pool *p = s->pool;
    pool_lock(p);
    s->leaving = true;
    while (s->stoppers)
        signal_wait(&p->stopped, &p->lock, p->home.clock, NEVER);
    s->leaving = false;
    bool left = leave(s, flags, true);
    pool_unlock(p);
    return left;
}

void slot_leave_slowly(struct weir_slot *s, uint64_t flags)
{
    if (!leave(s, flags, false) && !leave_stopped(s, flags))
        work_loan_end(s, word_loan(slot_word(s)), true, flags);
}

void slot_unsay(struct weir_slot *s, const char *text)
{
    pool_lock(s->pool); /* whoever is reading it holds the lock */
    if (atomic_load_explicit(&s->said, memory_order_relaxed) == text)
        atomic_store_explicit(&s->said, NULL, memory_order_relaxed);
    pool_unlock(s->pool);
}

/* Never back: a check knows better than a tick when it was. */
void slot_answered(struct weir_slot *s)
{
    int64_t tick = atomic_load_explicit(&s->pool->ticked, memory_order_relaxed);
    if (tick > atomic_load_explicit(&s->proven, memory_order_relaxed))
        atomic_store_explicit(&s->proven, tick, memory_order_relaxed);
}

static void stop_call(weir_pool *p, struct weir_slot *s, void (*stop)(struct weir_slot *s, void *arg), void *arg)
{
    s->stoppers++;
    pool_unlock(p);
    stop(s, arg);
    pool_lock(p);
    if (--s->stoppers == 0)
        signal_all(&p->stopped);
}

struct cancelling {
    int64_t deadline;
    weir_error *err;
    int status;
};

static void cancel_call(struct weir_slot *s, void *arg)
{
    struct cancelling *c = arg;
    c->status = s->pool->ops->cancel(s, c->deadline, c->err);
}

/* keeps law 10: a cancel may be a connection of its own.  Drops the lock while it waits; false: until the deadline there was none. */
static bool room_to_cancel_locked(weir_pool *p, const struct weir_slot *s, uint64_t loan, int64_t deadline)
{
    while (p->cancelling >= p->config.max_connecting && word_lent(slot_word(s), loan) && slot_word(s) & WORD_IN_CALL) {
        if (clock_now(p->home.clock) >= deadline)
            return false;
        signal_wait(&p->stopped, &p->lock, p->home.clock, deadline);
    }
    return true;
}

/*
 * 1: there is a call to be stopped.  Not in a call, but perhaps between two rows: the flag stays for the next call to see, which clears it
 * whatever it is.
 */
static int aim_locked(weir_pool *p, struct weir_slot *s, uint64_t loan, int64_t deadline, weir_error *err)
{
    if (!room_to_cancel_locked(p, s, loan, deadline))
        return fail(err, WEIR_E_TIMEOUT, "not cancelled within connect_timeout: %u other cancels are under way",
                    p->cancelling);
    uint64_t word = slot_word(s);
    do {
        if (!word_lent(word, loan))
            return fail(err, WEIR_E_STALE, "the handle is stale: its connection has been released");
    } while ((word & (WORD_IN_CALL | WORD_LOOK)) && !slot_move(s, &word, word | WORD_CANCEL));
    return word & WORD_IN_CALL && !s->leaving;
}

int pool_cancel(struct weir_slot *s, uint64_t loan, weir_error *err)
{
    if (!s)
        return fail(err, WEIR_E_STALE, "the handle is empty: no connection is borrowed");
    weir_pool *p = s->pool;
    weir_error own;
    int64_t deadline = clock_add(clock_now(p->home.clock), p->config.connect_timeout);
    struct cancelling c = { .deadline = deadline, .err = err ? err : &own };
    pool_lock(p);
    p->home.hold(p->home.arg); /* the loan may end meanwhile, and the db with it */
    int status = aim_locked(p, s, loan, deadline, err);
    if (status > 0) {
        p->cancelling++;
        stop_call(p, s, cancel_call, &c);
        p->cancelling--;
        signal_all(&p->stopped);
        status = c.status;
    }
    pool_unlock(p);
    p->home.drop(p->home.arg); /* p may be gone now */
    return status;
}

static void interrupt_call(struct weir_slot *s, void *arg)
{
    (void)arg;
    s->pool->ops->interrupt(s);
}

/* keeps law 15: the holder keeps the slot, but nothing moves on its connection any more */
void pool_cut(weir_pool *p)
{
    pool_lock(p);
    POOL_EACH(s, p)
    {
        uint64_t word = slot_word(s);
        while (word_state(word) == SLOT_LENT &&
               !slot_move(s, &word, word | WORD_CUT | WORD_DEAD | (word & WORD_IN_CALL ? WORD_CANCEL : 0)))
            ;
        if (word_state(word) == SLOT_LENT && word & WORD_IN_CALL)
            stop_call(p, s, interrupt_call, NULL);
    }
    pool_unlock(p);
}
