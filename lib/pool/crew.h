/*
 * The threads of a db: one that keeps time, and workers, made on demand, that do what may block.
 * SPDX-License-Identifier: MIT
 */
#ifndef POOL_CREW_H
#define POOL_CREW_H

#include <stdbool.h>
#include <base/alloc.h>
#include <base/clock.h>
#include <weir/error.h>

struct crew;

#ifdef WEIR_NO_THREADS
#    define CREW_THREADS false
#else
#    define CREW_THREADS true
#endif

/* What a crew works on.  All hooks are called without a lock; arg outlives the crew's threads, which `hold` and `drop` it. */
struct crew_duty {
    bool (*work)(void *arg);    /* one piece; false: there is none */
    int64_t (*tick)(void *arg); /* due timers; the moment of the next */
    void (*hold)(void *arg);
    void (*drop)(void *arg);
    void *arg;
};

int crew_create(struct crew **out, const struct alloc *a, const struct clock *clock, unsigned max_workers,
                const struct crew_duty *duty);
void crew_destroy(struct crew *c); /* no thread is left */

/* There is work: wakes or makes a worker.  < 0: there is none, and none can be made. */
int crew_call(struct crew *c);
/* A timer may be due earlier than the last tick said: wakes or makes the timekeeper.  < 0: there is none, and none can be made. */
int crew_nudge(struct crew *c);
/* Threads finish what is queued and go.  Waits at most that long, in real time, for those on duty; slower ones end by themselves. */
void crew_stop(struct crew *c, int64_t patience);
/* In a child, before anything else: the threads are the parent's. */
void crew_forked(struct crew *c);

#endif
