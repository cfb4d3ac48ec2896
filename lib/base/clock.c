/*
 * The clock of a db, and what a deadline means on it.
 * SPDX-License-Identifier: MIT
 */
#include <time.h>
#include <base/clock.h>

static int64_t monotonic_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * NS_PER_S + now.tv_nsec;
}

int64_t clock_now(const struct clock *c)
{
    return c->fn ? c->fn(c->arg) : monotonic_now();
}

int64_t clock_add(int64_t at, int64_t ns)
{
    if (ns <= 0)
        return at;
    return at > NEVER - ns ? NEVER : at + ns;
}

/* A length of NEVER asks no clock. */
int64_t clock_deadline_of(const struct clock *c, weir_deadline d, int64_t fallback_ns)
{
    if (d.ns < 0)
        return d.ns == INT64_MIN ? NEVER : -d.ns;
    int64_t ns = d.ns ? d.ns - (d.ns == 1) : fallback_ns; /* weir_at_once: now, also by a clock that stands still */
    return ns == NEVER ? NEVER : clock_add(clock_now(c), ns);
}

weir_deadline weir_by(weir_deadline after)
{
    if (after.ns > 0)
        after.ns = -clock_add(monotonic_now(), after.ns);
    return after;
}
