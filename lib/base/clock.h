/*
 * The clock of a db, and deadlines as absolute moments on it.
 * SPDX-License-Identifier: MIT
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <weir/base.h>

#define NS_PER_MS INT64_C(1000000)
#define NS_PER_S INT64_C(1000000000)
#define NEVER INT64_MAX

/* fn NULL is CLOCK_MONOTONIC; anything else is a program's own, which real time cannot wait for (see signal_wait). */
struct clock {
    int64_t (*fn)(void *arg);
    void *arg;
};

int64_t clock_now(const struct clock *c);
int64_t clock_add(int64_t at, int64_t ns); /* saturates at NEVER; negative lengths count as 0 */
/* The moment that `d` means to a call that begins now; `fallback_ns` (a length, NEVER allowed) is what zero means. */
int64_t clock_deadline_of(const struct clock *c, weir_deadline d, int64_t fallback_ns);
static inline int64_t clock_deadline(const struct clock *c, weir_deadline d, int64_t fallback_ns)
{
    if (d.ns < NS_PER_MS || d.ns > NEVER / 2) /* not a plain length, as most are */
        return clock_deadline_of(c, d, fallback_ns);
    const int64_t now = clock_now(c);
    return now < NEVER / 2 ? now + d.ns : clock_add(now, d.ns);
}

#endif
