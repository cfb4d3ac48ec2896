/*
 * Locks and signals, thin over POSIX threads; and the fork count.
 * SPDX-License-Identifier: MIT
 */
#ifndef BASE_LOCK_H
#define BASE_LOCK_H

#include <pthread.h>
#include <stdatomic.h>
#include <base/clock.h>

struct lock {
    pthread_mutex_t mutex;
};

struct signal {
    pthread_cond_t cond; /* on CLOCK_MONOTONIC */
};

/* Both `init`s also serve after fork, over a lock that a thread of the parent held: nothing of the old one is used. */
void lock_init(struct lock *l);
void lock_destroy(struct lock *l);
void lock_take(struct lock *l);
void lock_drop(struct lock *l);

void signal_init(struct signal *s);
void signal_destroy(struct signal *s);
void signal_one(struct signal *s); /* the lock is held: the waiter may be gone right after it is dropped */
void signal_all(struct signal *s);
/*
 * Waits until signalled or until the moment `until` on clock `c` (NEVER: no limit).  Returns early at will: callers loop over their
 * own condition and clock.  On a program's own clock it looks again every real millisecond.
 */
void signal_wait(struct signal *s, struct lock *l, const struct clock *c, int64_t until);

/* How often this process has been forked since the library was first used: keeps law 16 without a system call. */
extern atomic_uint fork_count_;
static inline unsigned fork_count(void)
{
    return atomic_load_explicit(&fork_count_, memory_order_relaxed);
}
int fork_watch(void); /* installs the counter, once a process; < 0: no memory */

/* A library that is loaded late would pay a call into the loader for each look at a thread's variable. */
#if defined(__GNUC__)
#    define NEAR_THREAD __attribute__((tls_model("initial-exec")))
#else
#    define NEAR_THREAD
#endif

/* A number that names this thread to people: the kernel's where it can be had, otherwise one of our own counting. */
extern _Thread_local NEAR_THREAD unsigned thread_number_; /* 0: not asked yet */
unsigned thread_number_first(void);
static inline unsigned thread_number(void)
{
    return thread_number_ ? thread_number_ : thread_number_first();
}

#endif
