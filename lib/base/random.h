/*
 * Randomness: for jitter small, seeded and repeatable; for names that nobody else may have, the system's.
 * SPDX-License-Identifier: MIT
 */
#ifndef BASE_RANDOM_H
#define BASE_RANDOM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* splitmix64: any state is a good one. */
static inline uint64_t random_next(uint64_t *state)
{
    uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

/* Evenly from 0 to below `bound`; 0 for a bound of none. */
static inline int64_t random_below(uint64_t *state, int64_t bound)
{
    return bound <= 0 ? 0 : (int64_t)(random_next(state) % (uint64_t)bound);
}

/* From the system.  False: it gives none. */
bool random_bytes(void *out, size_t size);

#endif
