/*
 * What a pool counts and times.
 * SPDX-License-Identifier: MIT
 */
#include <pool/inside.h>

/* Four buckets an octave from 1 ns on: the octave is the highest bit, the quarter the two bits below it. */
static unsigned bucket_of(int64_t ns)
{
    uint64_t n = ns > 4 ? (uint64_t)ns : 4;
    unsigned octave = 2;
    while (n >> (octave + 1))
        octave++;
    unsigned bucket = (octave - 2) * 4 + (unsigned)((n >> (octave - 2)) & 3);
    return bucket < HISTOGRAM_BUCKETS ? bucket : HISTOGRAM_BUCKETS - 1;
}

/* The upper end of a bucket. */
static int64_t bucket_ns(unsigned bucket)
{
    return (int64_t)(UINT64_C(4) + bucket % 4 + 1) << (bucket / 4);
}

void histogram_add(struct histogram *h, int64_t ns)
{
    atomic_fetch_add_explicit(&h->buckets[bucket_of(ns)], 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&h->sum, ns > 0 ? (uint64_t)ns : 0, memory_order_relaxed);
}

int64_t histogram_us(const struct histogram *h, uint64_t zeros, unsigned percent)
{
    uint64_t total = zeros, seen = zeros;
    for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++)
        total += atomic_load_explicit(&h->buckets[i], memory_order_relaxed);
    uint64_t rank = total - total * (100 - percent) / 100;
    if (rank <= zeros)
        return 0;
    for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
        seen += atomic_load_explicit(&h->buckets[i], memory_order_relaxed);
        if (seen >= rank)
            return bucket_ns(i) / 1000;
    }
    return bucket_ns(HISTOGRAM_BUCKETS - 1) / 1000; /* counts moved meanwhile */
}

static void histogram_reset(struct histogram *h)
{
    for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++)
        atomic_store_explicit(&h->buckets[i], 0, memory_order_relaxed);
    atomic_store_explicit(&h->sum, 0, memory_order_relaxed);
}

void figures_reset(struct figures *f)
{
    for (int i = 0; i < COUNTS; i++)
        atomic_store_explicit(&f->counts[i], 0, memory_order_relaxed);
    for (int i = 0; i < TIMES; i++)
        histogram_reset(&f->times[i]);
}

void pool_count(weir_pool *p, enum pool_count what)
{
    atomic_fetch_add_explicit(&p->figures.counts[what], 1, memory_order_relaxed);
}

static uint64_t counted(const weir_pool *p, enum pool_count what)
{
    return atomic_load_explicit(&p->figures.counts[what], memory_order_relaxed);
}

/* Each slot is read once and is in one state then: what is counted never exceeds the slots (law 1). */
static void count_states(const weir_pool *p, weir_figures *out)
{
    uint32_t *const of_state[SLOT_STATES] = {
        [SLOT_OPENING] = &out->opening,     [SLOT_IDLE] = &out->idle,       [SLOT_LENT] = &out->used,
        [SLOT_RESETTING] = &out->resetting, [SLOT_CLOSING] = &out->closing,
    };
    POOL_EACH(s, p)
    {
        uint64_t word = slot_word(s);
        if (of_state[word_state(word)])
            ++*of_state[word_state(word)];
        out->acquired += word_loan(word);
    }
}

/* Those who did not have to queue waited for no time at all. */
static uint64_t warm_loans(const weir_pool *p, uint64_t acquired)
{
    uint64_t slow = counted(p, COUNT_SLOW_LOAN);
    return acquired > slow ? acquired - slow : 0;
}

const int64_t pool_bounds[POOL_BOUNDS] = {
    NS_PER_MS / 10,  NS_PER_MS,       5 * NS_PER_MS, 10 * NS_PER_MS, 50 * NS_PER_MS,
    100 * NS_PER_MS, 500 * NS_PER_MS, NS_PER_S,      5 * NS_PER_S,   10 * NS_PER_S,
};

void pool_spread(weir_pool *p, enum pool_time what, struct pool_spread *out)
{
    const struct histogram *h = &p->figures.times[what];
    weir_figures f;
    pool_figures(p, &f);
    *out = (struct pool_spread){ .sum = atomic_load_explicit(&h->sum, memory_order_relaxed) };
    unsigned bucket = 0;
    uint64_t seen = what == TIME_WAIT ? warm_loans(p, f.acquired) : 0;
    for (int i = 0; i < POOL_BOUNDS; i++) {
        for (; bucket < HISTOGRAM_BUCKETS && bucket_ns(bucket) <= pool_bounds[i]; bucket++)
            seen += atomic_load_explicit(&h->buckets[bucket], memory_order_relaxed);
        out->within[i] = seen;
    }
    for (; bucket < HISTOGRAM_BUCKETS; bucket++)
        seen += atomic_load_explicit(&h->buckets[bucket], memory_order_relaxed);
    out->count = seen;
}

/* keeps "opened = closed + live": both counts and every move of a connection into or out of the pool are under the lock */
void pool_figures(weir_pool *p, weir_figures *out)
{
    weir_figures f = { .size = sizeof f };
    pool_lock(p);
    f.max = pool_live_locked(p) > p->config.max ? pool_live_locked(p) : p->config.max; /* more while it shrinks */
    f.min = p->config.min;
    f.writers_max = p->lanes[LANE_WRITE].bound ? p->lanes[LANE_WRITE].bound : lane_limit(p, LANE_WRITE);
    f.waiting = p->lanes[LANE_READ].waiting + p->lanes[LANE_WRITE].waiting;
    f.opened = counted(p, COUNT_OPENED);
    f.closed = counted(p, COUNT_CLOSED);
    count_states(p, &f);
    f.acquired -= p->loans_before + counted(p, COUNT_STILLBORN);
    pool_unlock(p);
    f.timed_out = counted(p, COUNT_TIMED_OUT);
    f.connect_failed = counted(p, COUNT_CONNECT_FAILED);
    f.lost = counted(p, COUNT_LOST);
    f.transactions = counted(p, COUNT_TRANSACTION);
    f.retries = counted(p, COUNT_RETRY);
    f.retries_refused = counted(p, COUNT_RETRY_REFUSED);
    f.in_doubt = counted(p, COUNT_IN_DOUBT);
    f.settled = counted(p, COUNT_SETTLED);
    f.narrowed = counted(p, COUNT_NARROWED);
    f.deadlocks_server = counted(p, COUNT_DEADLOCK_SERVER);
    f.deadlocks_caller = counted(p, COUNT_DEADLOCK_CALLER);
    f.leaks = counted(p, COUNT_LEAK);
    f.shed = counted(p, COUNT_SHED);
    f.recycled = counted(p, COUNT_RECYCLED);
    f.checks = counted(p, COUNT_CHECKED);
    f.checks_failed = counted(p, COUNT_CHECK_FAILED);
    uint64_t warm = warm_loans(p, f.acquired);
    f.wait_p50_us = histogram_us(&p->figures.times[TIME_WAIT], warm, 50);
    f.wait_p99_us = histogram_us(&p->figures.times[TIME_WAIT], warm, 99);
    f.use_p50_us = histogram_us(&p->figures.times[TIME_USE], 0, 50);
    f.use_p99_us = histogram_us(&p->figures.times[TIME_USE], 0, 99);
    f.create_p50_us = histogram_us(&p->figures.times[TIME_CREATE], 0, 50);
    f.create_p99_us = histogram_us(&p->figures.times[TIME_CREATE], 0, 99);
    *out = f;
}
