/*
 * The pool, simulated: hundreds of runs, each drawn from a seed, each looked at step by step.
 *
 *     t/sim/pool.t                 the seeds that once failed, and some hundred more (environment: SIM_SEEDS)
 *     t/sim/pool.t SEEDS [FIRST]   so many seeds, beginning with that one; of one alone it says all that happens
 *
 * SPDX-License-Identifier: MIT
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
#include "run.h"

#define SEEDS 300
#define BATCH 50 /* seeds that share a process: a run that fails takes its process along */

static const char *program;

/*
 * Seeds that failed before the pool was mended.  What a seed means changes whenever a run draws something more; each was found anew
 * then, on a pool without that repair.
 */
static const struct memory {
    uint64_t seed;
    const char *what;
} once_failed[] = {
    { 17, "a back-off is told to the timekeeper once" },
    { 12, "what falls idle in one lane reaches those who wait in the other" },
    { 23, "each piece of work that is queued has a worker called for it" },
    { 31, "maintenance begins with the first borrower" },
    { 32, "what a thread has given back is not held against it" },
    { 175, "closing waits for every releaser, and for none that has gone" },
    { 273, "a bounded lane lends on when a loan ends" },
    { 641, "a connection with a transaction that came to no end is not spoken to" },
    { 676, "all who wait are served when the doubt is lifted" },
    { 715, "a waiter who helps itself leaves what else is idle to the other lane" },
    { 838, "without threads, the probe of a server that is down is not left to nobody" },
    { 1085, "a timekeeper that could not be made is tried again" },
    { 1203, "a check clears a connection of a suspicion for good" },
    { 1585, "the minimum is opened where somebody waits" },
    { 7279, "evicting fills the pool up to its minimum" },
};

/* In a process of its own, which tells through the pipe what it is at. */
static void run_batch(int pipe, uint64_t first, uint64_t count, bool loud)
{
    for (uint64_t seed = first; seed < first + count; seed++) {
        if (write(pipe, &seed, sizeof seed) != sizeof seed)
            _exit(2);
        run_seed(seed, loud);
    }
    fflush(stdout);
    _exit(0);
}

static int wait_for(pid_t child)
{
    int status = -1;
    while (waitpid(child, &status, 0) < 0)
        ;
    return status;
}

/* Returns the last seed that was begun; *status is how the process ended. */
static uint64_t try(uint64_t first, uint64_t count, bool loud, int *status)
{
    int ends[2];
    uint64_t at = first;
    fflush(stdout);
    pid_t child = pipe(ends) < 0 ? -1 : fork();
    if (child < 0)
        tap_bail("no process for the runs");
    if (child == 0)
        run_batch(ends[1], first, count, loud);
    close(ends[1]);
    while (read(ends[0], &at, sizeof at) == sizeof at)
        ;
    close(ends[0]);
    *status = wait_for(child);
    return at;
}

static void keep_the_laws(uint64_t first, uint64_t count, bool loud)
{
    for (uint64_t end = first + count; first < end;) {
        int status;
        uint64_t some = end - first < BATCH ? end - first : BATCH;
        uint64_t last = try(first, some, loud, &status);
        if (!ok(status == 0, "seeds %" PRIu64 " to %" PRIu64 " keep the laws", first, first + some - 1))
            tap_note("seed %" PRIu64 " does not; to see it: %s 1 %" PRIu64, last, program, last);
        first = last + 1;
    }
}

static void keep_them_still(void)
{
    for (size_t i = 0; i < sizeof once_failed / sizeof *once_failed; i++) {
        int status;
        uint64_t seed = once_failed[i].seed;
        try(seed, 1, false, &status);
        if (!ok(status == 0, "seed %" PRIu64 ": %s", seed, once_failed[i].what))
            tap_note("to see it: %s 1 %" PRIu64, program, seed);
    }
}

static int different(void)
{
    int count = 0;
    for (uint64_t seed = 1; seed <= 5; seed++)
        count += run_seed(seed, false) != run_seed(seed, false);
    return count;
}

static void repeat_themselves(void)
{
    fflush(stdout);
    pid_t child = fork();
    if (child == 0)
        _exit(different());
    is_int(wait_for(child), 0, "the same seed gives the same run");
}

static uint64_t number(const char *text, uint64_t otherwise)
{
    return text && *text ? strtoull(text, NULL, 10) : otherwise;
}

int main(int argc, char **argv)
{
    program = argv[0];
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (argc > 1) {
        uint64_t count = number(argv[1], 1);
        keep_the_laws(number(argc > 2 ? argv[2] : NULL, 1), count, count == 1);
        return tap_done();
    }
    repeat_themselves();
    keep_them_still();
    keep_the_laws(1, number(getenv("SIM_SEEDS"), SEEDS), false);
    return tap_done();
}
