/*
 * Randomness is repeatable and even enough for jitter.
 * SPDX-License-Identifier: MIT
 */
#include <base/random.h>
#include "tap.h"

int main(void)
{
    uint64_t state = 0, twin = 0;
    ok(random_next(&state) == UINT64_C(0xe220a8397b1dcdaf), "splitmix64 from 0 gives its published first number");
    ok(random_next(&state) == UINT64_C(0x6e789e6aa1b965f4), "and its second");
    random_next(&twin);
    random_next(&twin);
    ok(random_next(&state) == random_next(&twin), "the same seed gives the same numbers");

    int inside = 1, counts[10] = { 0 };
    for (int i = 0; i < 10000; i++) {
        int64_t n = random_below(&state, 10);
        inside = inside && n >= 0 && n < 10;
        counts[inside ? n : 0]++;
    }
    ok(inside, "random_below stays below its bound");
    int even = 1;
    for (int i = 0; i < 10; i++)
        even = even && counts[i] > 850 && counts[i] < 1150;
    ok(even, "and hits every number about equally often");
    is_int(random_below(&state, 1), 0, "below 1 is 0");
    is_int(random_below(&state, 0), 0, "a bound of none gives 0");
    is_int(random_below(&state, -5), 0, "a negative one, too");
    return tap_done();
}
