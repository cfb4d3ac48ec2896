/*
 * What a service did, in numbers.
 * SPDX-License-Identifier: MIT
 */
#include <time.h>
#include "figures.h"

/* Bucket 0..15 are 0..15 µs; from there on each power of two has SPREAD_STEPS buckets. */
static unsigned bucket_of(uint64_t us)
{
    unsigned power = 0;
    while (us >> power >= 2 * SPREAD_STEPS)
        power++;
    return power * SPREAD_STEPS + (unsigned)(us >> power);
}

/* The largest length that falls into it. */
static int64_t bucket_top(unsigned bucket)
{
    unsigned power = bucket < 2 * SPREAD_STEPS ? 0 : bucket / SPREAD_STEPS - 1;
    uint64_t base = bucket - power * SPREAD_STEPS;
    return (int64_t)(((base + 1) << power) - 1);
}

void spread_add(struct spread *h, int64_t us)
{
    h->count++;
    h->bucket[bucket_of(us > 0 ? (uint64_t)us : 0)]++;
}

void spread_join(struct spread *h, const struct spread *other)
{
    h->count += other->count;
    for (unsigned i = 0; i < SPREAD_BUCKETS; i++)
        h->bucket[i] += other->bucket[i];
}

int64_t spread_at(const struct spread *h, double share)
{
    uint64_t below = 0;
    for (unsigned i = 0; i < SPREAD_BUCKETS; i++) {
        below += h->bucket[i];
        if (below > 0 && (double)below >= share * (double)h->count)
            return bucket_top(i);
    }
    return 0;
}

void figures_join(struct figures *f, const struct figures *other)
{
    f->read += other->read;
    f->stored += other->stored;
    f->transactions += other->transactions;
    f->retries += other->retries;
    f->deadlocks += other->deadlocks;
    f->bad_rows += other->bad_rows;
    f->failures += other->failures;
    spread_join(&f->wait, &other->wait);
    spread_join(&f->work, &other->work);
}

int64_t now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}
