/*
 * What a pool counts and times.
 * SPDX-License-Identifier: MIT
 */
#ifndef POOL_FIGURES_H
#define POOL_FIGURES_H

#include <stdatomic.h>
#include <stdint.h>
#include <pool/pool.h>

/* Lengths of time, a quarter of an octave a bucket: 19 % at most between a time and what a percentile says of it. */
#define HISTOGRAM_BUCKETS 160
struct histogram {
    atomic_uint buckets[HISTOGRAM_BUCKETS];
    _Atomic uint64_t sum; /* nanoseconds */
};

void histogram_add(struct histogram *h, int64_t ns);
/* The percentile in microseconds, of what was added and `zeros` times of nothing besides. */
int64_t histogram_us(const struct histogram *h, uint64_t zeros, unsigned percent);

struct figures {
    _Atomic uint64_t counts[COUNTS];
    struct histogram times[TIMES]; /* TIME_WAIT: only of those who queued */
};

void figures_reset(struct figures *f);

#endif
