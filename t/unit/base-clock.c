/*
 * Deadlines are moments on a db's clock, and never overflow.
 * SPDX-License-Identifier: MIT
 */
#include <time.h>
#include <base/clock.h>
#include "tap.h"

static int asked;

static int64_t scripted(void *arg)
{
    asked++;
    return *(int64_t *)arg;
}

static void adding(void)
{
    is_int(clock_add(5, 7), 12, "a moment and a length make a moment");
    is_int(clock_add(5, -7), 5, "a negative length counts as none");
    is_int(clock_add(5, INT64_MIN), 5, "however negative");
    is_int(clock_add(NEVER, 1), NEVER, "NEVER stays NEVER");
    is_int(clock_add(1, NEVER), NEVER, "a length of NEVER ends never");
    is_int(clock_add(NEVER - 5, 6), NEVER, "too late is NEVER");
    is_int(clock_add(NEVER - 5, 4), NEVER - 1, "and the last moments are exact");
    is_int(clock_add(-10, NEVER), NEVER - 10, "a moment before zero cannot overflow");
}

static void deadlines(void)
{
    int64_t now = 1000;
    struct clock c = { scripted, &now };
    is_int(clock_now(&c), 1000, "a program's own clock is asked");
    is_int(clock_deadline(&c, (weir_deadline){ 50 }, 7), 1050, "a length counts from now");
    is_int(clock_deadline(&c, weir_after_ms(2), 7), 1000 + 2 * NS_PER_MS, "as weir_after_ms makes it");
    is_int(clock_deadline(&c, (weir_deadline){ -50 }, 7), 50, "a moment is that moment");
    is_int(clock_deadline(&c, (weir_deadline){ 0 }, 7), 1007, "zero means the fallback");
    is_int(clock_deadline(&c, weir_at_once(), 7), 1000, "at once is now, even if the clock stands still");
    is_int(clock_deadline(&c, (weir_deadline){ INT64_MIN }, 7), NEVER, "the most negative one is NEVER");
    asked = 0;
    is_int(clock_deadline(&c, weir_never(), 7), NEVER, "weir_never is NEVER");
    is_int(clock_deadline(&c, (weir_deadline){ 0 }, NEVER), NEVER, "a fallback of NEVER, too");
    is_int(clock_deadline(&c, (weir_deadline){ -9 }, 7), 9, "a moment needs no clock");
    is_int(asked, 0, "for none of these the clock is read");
    now = -1000;
    is_int(clock_deadline(&c, weir_never(), 7), NEVER, "NEVER also on a clock before zero");
}

static int64_t kernel_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * NS_PER_S + t.tv_nsec;
}

static void real_time(void)
{
    struct clock c = { 0 };
    int64_t before = kernel_now(), now = clock_now(&c), after = kernel_now();
    ok(before <= now && now <= after, "without a function the clock is CLOCK_MONOTONIC");

    before = kernel_now();
    weir_deadline by = weir_by(weir_after_ms(250));
    after = kernel_now();
    int64_t at = clock_deadline(&c, by, 0);
    ok(before + 250 * NS_PER_MS <= at && at <= after + 250 * NS_PER_MS, "weir_by fixes a length from now");
    is_int(weir_by(by).ns, by.ns, "weir_by of a fixed moment leaves it");
    is_int(weir_by((weir_deadline){ 0 }).ns, 0, "weir_by of the default leaves it");
    is_int(clock_deadline(&c, weir_by(weir_never()), 0), NEVER, "weir_by of never is never");
}

int main(void)
{
    adding();
    deadlines();
    real_time();
    return tap_done();
}
