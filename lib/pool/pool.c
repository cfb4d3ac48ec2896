/*
 * A pool's beginning and end, its size, its lock, and what becomes of it in a child process.
 * SPDX-License-Identifier: MIT
 */
#include <assert.h>
#include <sched.h>
#include <string.h>
#include <time.h>
#include <base/error.h>
#include <pool/inside.h>

/* Slots are made in blocks and freed with the pool: a handle may point to one for as long as the db lives. */
struct block {
    struct block *next;
    struct weir_slot slots[];
};

static void add_slots(weir_pool *p, struct block *block, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        struct weir_slot *s = &block->slots[i];
        s->pool = p;
        atomic_store(&s->fork_seen, fork_count());
        list_init(&s->work);
        if (p->last)
            atomic_store_explicit(&p->last->next, s, memory_order_release);
        else
            p->first = s;
        p->last = s;
    }
    p->slots += count;
}

static struct block *block_create(const weir_pool *p, unsigned count)
{
    return mem_zeroed(p->home.alloc, sizeof(struct block) + count * sizeof(struct weir_slot));
}

static void init_locks(weir_pool *p)
{
    lock_init(&p->lock);
    signal_init(&p->returned);
    signal_init(&p->stopped);
    for (int i = 0; i < BELLS; i++)
        signal_init(&p->bells[i]);
}

static void init_lanes(weir_pool *p)
{
    list_init(&p->work);
    p->opening = p->closing = p->checking = p->recycling = p->cancelling = 0;
    p->next_recycle = 0;
    p->next_tick = NEVER;
    for (int i = 0; i < LANES; i++) {
        struct lane *l = &p->lanes[i];
        atomic_store(&l->gate, p->closed ? GATE_CLOSED : GATE_QUIET); /* maintenance begins with the first borrower */
        atomic_store(&l->warm, p->first);
        list_init(&l->waiters);
        l->waiting = l->live = l->coming = l->owed = 0;
    }
}

int pool_create(weir_pool **out, const struct pool_config *config, const struct pool_home *home,
                const struct link_ops *ops, void *source, const char *name, weir_error *err)
{
    *out = NULL;
    weir_pool *p = mem_zeroed(home->alloc, sizeof *p);
    if (!p)
        return fail(err, WEIR_E_MEMORY, "no memory for a pool");
    p->config = *config;
    p->home = *home;
    p->ops = ops;
    p->source = source;
    p->lent_flags = config->reset_always ? WORD_STICKY : 0;
    p->idle_flags = !home->crew || config->look_after < TICK ? WORD_STALE : 0;
    p->random = (uint64_t)clock_now(home->clock) ^ (uint64_t)(uintptr_t)p;
    p->name = mem_text(home->alloc, name);
    p->blocks = block_create(p, config->max);
    if (!p->name || !p->blocks) {
        mem_free(home->alloc, p->name);
        mem_free(home->alloc, p->blocks);
        mem_free(home->alloc, p);
        return fail(err, WEIR_E_MEMORY, "no memory for a pool of %u", config->max);
    }
    add_slots(p, p->blocks, config->max);
    init_locks(p);
    init_lanes(p);
    health_start(p, clock_now(home->clock));
    tune_start(p, clock_now(home->clock));
    budget_start(p);
    atomic_store(&p->fork_seen, fork_count());
    *out = p;
    return WEIR_OK;
}

void pool_destroy(weir_pool *p)
{
    if (!p)
        return;
    const struct alloc *alloc = p->home.alloc;
    POOL_EACH(s, p)
    p->ops->destroy(s);
    signal_destroy(&p->returned);
    signal_destroy(&p->stopped);
    for (int i = 0; i < BELLS; i++)
        signal_destroy(&p->bells[i]);
    lock_destroy(&p->lock);
    for (struct block *b = p->blocks, *next; b; b = next) {
        next = b->next;
        mem_free(alloc, b);
    }
    mem_free(alloc, p->name);
    mem_free(alloc, p);
}

void *pool_source(const weir_pool *p)
{
    return p->source;
}

const char *pool_name(const weir_pool *p)
{
    return p->name;
}

/* Loan numbers count up, so that the parent's handles are stale here. */
static void remake_slot(weir_pool *p, struct weir_slot *s)
{
    uint64_t word = slot_word(s);
    enum slot_state state = word_state(word);
    list_init(&s->work);
    s->stoppers = 0;
    s->leaving = s->keeps_data = s->check = s->being_replaced = s->replaced = s->replacement = false;
    s->replaces = NULL;
    atomic_store(&s->said, NULL);
    slot_end_reading(s);
    if (state != SLOT_EMPTY)
        p->ops->forget(s, word & WORD_IN_CALL || (state != SLOT_IDLE && state != SLOT_LENT));
    while (!slot_move(s, &word, word_in(word_lend(word), SLOT_EMPTY)))
        ;
    atomic_store(&s->left, word_loan(slot_word(s)));
    atomic_store(&s->fork_seen, fork_count());
    p->loans_before += word_loan(slot_word(s));
}

/* The child's copy of the pool becomes an empty one. */
static void remake(weir_pool *p)
{
    init_locks(p);
    init_lanes(p);
    p->loans_before = 0;
    POOL_EACH(s, p)
    remake_slot(p, s);
    figures_reset(&p->figures);
    p->failures = 0;
    p->next_open = 0;
    p->hopeless = p->crowded = p->call = p->nudge = false;
    p->ring = 0;
    p->random ^= (uint64_t)thread_number() << 32; /* brothers do not come back to a server in step */
    health_start(p, clock_now(p->home.clock));
    tune_start(p, clock_now(p->home.clock));
    budget_start(p);
    atomic_store(&p->no_hands, false);
    atomic_store(&p->no_time, false);
    if (p->home.crew)
        crew_forked(p->home.crew);
    p->home.forked(p->home.arg);
}

/* keeps law 16.  A child begins with one thread, but may have more by the time that the first of them comes here. */
void pool_forked(weir_pool *p)
{
    unsigned now = fork_count(), by = atomic_load(&p->remaking);
    while (by == now || !atomic_compare_exchange_weak(&p->remaking, &by, now)) {
        if (!pool_is_forked(p))
            return;
        sched_yield();
        by = atomic_load(&p->remaking);
    }
    if (pool_is_forked(p)) {
        remake(p);
        atomic_store(&p->fork_seen, now);
    }
}

void pool_lock(weir_pool *p)
{
    if (pool_is_forked(p))
        pool_forked(p);
    lock_take(&p->lock);
}

/* If no thread can be had, whoever waits learns that what it does is theirs. */
static void note(weir_pool *p, atomic_bool *lacks, bool lacking)
{
    if (atomic_exchange(lacks, lacking) || !lacking)
        return;
    lock_take(&p->lock);
    waiters_wake_locked(p);
    lock_drop(&p->lock);
}

static void call_crew(weir_pool *p)
{
    note(p, &p->no_hands, crew_call(p->home.crew) < 0);
}

/* Where there is nobody to keep time, the next borrower tries again. */
static void nudge_crew(weir_pool *p)
{
    bool lacking = crew_nudge(p->home.crew) < 0;
    for (int lane = 0; lane < LANES && lacking; lane++)
        atomic_fetch_or(&p->lanes[lane].gate, GATE_QUIET);
    note(p, &p->no_time, lacking);
}

/* What moves meanwhile is told here, too. */
static void tell_health(weir_pool *p)
{
    lock_take(&p->lock);
    while (p->health.untold_count) {
        struct health then = p->health;
        then.state = then.untold[0];
        memmove(p->health.untold, p->health.untold + 1, --p->health.untold_count);
        lock_drop(&p->lock);
        health_tell(p, &then);
        lock_take(&p->lock);
    }
    p->health.telling = false;
    lock_drop(&p->lock);
}

static bool has_moved(const struct health *h)
{
    return h->untold_count && !h->telling;
}

/* The woken find the lock free. */
static void ring_bells(weir_pool *p, uint64_t ring)
{
    for (int i = 0; ring; i++, ring >>= 1)
        if (ring & 1)
            signal_all(&p->bells[i]);
}

void pool_unlock(weir_pool *p)
{
    struct crew *crew = p->home.crew;
    bool call = p->call, nudge = p->nudge, tell = has_moved(&p->health);
    const uint64_t ring = p->ring;
    p->call = p->nudge = false;
    p->ring = 0;
    p->health.telling |= tell;
    lock_drop(&p->lock);
    ring_bells(p, ring);
    if (crew && call)
        call_crew(p);
    if (crew && nudge)
        nudge_crew(p);
    if (tell)
        tell_health(p);
}

bool pool_has_news_locked(const weir_pool *p)
{
    return p->call || p->nudge || p->ring || has_moved(&p->health);
}

unsigned pool_lent_locked(const weir_pool *p)
{
    unsigned lent = 0;
    POOL_EACH(s, p)
    lent += word_state(slot_word(s)) == SLOT_LENT;
    return lent;
}

int pool_resize(weir_pool *p, unsigned max)
{
    pool_lock(p);
    unsigned missing = max > p->slots ? max - p->slots : 0;
    pool_unlock(p);
    struct block *block = NULL;
    if (missing && !(block = block_create(p, missing)))
        return WEIR_E_MEMORY;
    pool_lock(p);
    if (block) {
        block->next = p->blocks;
        p->blocks = block;
        add_slots(p, block, missing);
    }
    p->config.max = max;
    POOL_EACH(s, p)
    {
        if (pool_live_locked(p) - p->closing > max)
            work_supersede_locked(p, s);
    }
    governor_want_locked(p, clock_now(p->home.clock));
    if (!pool_has_hands(p))
        waiters_wake_locked(p);
    pool_unlock(p);
    return WEIR_OK;
}

void pool_evict(weir_pool *p)
{
    pool_lock(p);
    p->generation++;
    POOL_EACH(s, p)
    {
        if (!pool_needs_locked(p, s))
            work_supersede_locked(p, s);
    }
    governor_want_locked(p, clock_now(p->home.clock));
    pool_unlock(p);
}

/* What nobody has begun yet is not begun any more: connects are dropped and counted, resets become closes. */
static unsigned drop_work_locked(weir_pool *p)
{
    unsigned dropped = 0;
    LIST_EACH (at, &p->work) {
        struct weir_slot *s = LIST_ITEM(at, struct weir_slot, work);
        uint64_t word = slot_word(s);
        struct lane *l = &p->lanes[word_lane(word)];
        if (word_state(word) == SLOT_RESETTING && slot_move(s, &word, word_in(word, SLOT_CLOSING))) {
            l->coming--;
            p->closing++;
            p->checking -= s->check;
            s->check = false;
        } else if (word_state(word) == SLOT_OPENING && slot_move(s, &word, word_in(word, SLOT_EMPTY))) {
            list_remove(at);
            l->coming--;
            l->live--;
            p->opening--;
            recycle_landed_locked(p, s, false);
            dropped++;
        }
    }
    return dropped;
}

static unsigned close_locked(weir_pool *p)
{
    weir_error closed;
    fail(&closed, WEIR_E_CLOSED, "the database is being shut down");
    p->closed = true;
    health_drain_locked(p, clock_now(p->home.clock));
    for (int lane = 0; lane < LANES; lane++) {
        atomic_fetch_or(&p->lanes[lane].gate, GATE_CLOSED);
        waiters_fail_locked(p, (enum lane_kind)lane, &closed);
    }
    work_supersede_all_locked(p);
    return drop_work_locked(p);
}

/* Until something returns or is closed; what waits to be closed is seen to first. */
static void wait_for_returns(weir_pool *p, int64_t until)
{
    if (!pool_has_hands(p) && !list_empty(&p->work)) {
        pool_unlock(p);
        pool_work(p, until);
        pool_lock(p);
    } else if (pool_has_news_locked(p)) {
        pool_unlock(p);
        pool_lock(p);
    } else {
        signal_wait(&p->returned, &p->lock, p->home.clock, until);
    }
}

unsigned pool_shutdown(weir_pool *p, int64_t until, weir_error *err)
{
    pool_lock(p);
    for (unsigned dropped = close_locked(p); dropped; dropped--)
        p->home.drop(p->home.arg);
    while (pool_live_locked(p) && clock_now(p->home.clock) < until)
        wait_for_returns(p, until);
    unsigned lent = pool_lent_locked(p);
    if (lent)
        explain_lent_locked(p, clock_now(p->home.clock), err);
    pool_unlock(p);
    return lent;
}

/* A loan that ends now ends the slow way, and holds the pool until it has. */
static bool is_settled(const struct weir_slot *s)
{
    uint64_t word = slot_word(s);
    uint64_t ended = word_loan(word) - (word_state(word) == SLOT_LENT);
    return atomic_load_explicit(&s->left, memory_order_acquire) >= ended;
}

/* keeps law 15: as long as it takes, for it takes a few instructions and perhaps a turn at the processor */
void pool_settle(weir_pool *p)
{
    const struct timespec nap = { .tv_nsec = 50000 };
    POOL_EACH(s, p)
    {
        while (!is_settled(s))
            nanosleep(&nap, NULL);
    }
}
