/*
 * The pool, simulated: thousands of runs, each drawn from a seed, each looked at step by step.
 *
 *     t/sim/pool.t                 the seeds that once failed, and some hundred more
 *     t/sim/pool.t SEEDS [FIRST]   so many seeds, beginning with that one; one alone says all that happens
 *
 * SPDX-License-Identifier: MIT
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
#include "run.h"

#define SEEDS 300
#define BATCH 50 /* seeds that share a process, for a run that fails takes its process along */

static const char *program;

/* Seeds that have failed, and what they have found. */
static const uint64_t once_failed[] = { 1 };

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
        if (!ok(status == 0, "seeds %llu to %llu keep the laws", (unsigned long long)first,
                (unsigned long long)(first + some - 1)))
            tap_note("seed %llu does not; to see it: %s 1 %llu", (unsigned long long)last, program,
                     (unsigned long long)last);
        first = last + 1;
    }
}

/* A seed would be worth little if it did not repeat its run. */
static int same_twice(void)
{
    int different = 0;
    for (uint64_t seed = 1; seed <= 5; seed++)
        different += run_seed(seed, false) != run_seed(seed, false);
    return different;
}

static void repeats(void)
{
    fflush(stdout);
    pid_t child = fork();
    if (child == 0)
        _exit(same_twice());
    is_int(wait_for(child), 0, "the same seed gives the same run");
}

int main(int argc, char **argv)
{
    program = argv[0];
    setvbuf(stdout, NULL, _IOLBF, 0);
    uint64_t count = argc > 1 ? strtoull(argv[1], NULL, 10) : SEEDS;
    uint64_t first = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
    if (argc < 2) {
        repeats();
        for (size_t i = 0; i < sizeof once_failed / sizeof *once_failed; i++)
            keep_the_laws(once_failed[i], 1, false);
    }
    keep_the_laws(first, count, argc > 1 && count == 1);
    return tap_done();
}
