/*
 * A machine that is simulated: its threads run one at a time, in an order that a seed chooses, and its time passes only when none of
 * them can run.  The same seed gives the same run, step by step.
 *
 * Each thread is a real one, so that sanitizers and what is local to a thread stay what they are, but it runs only while it holds the
 * baton.  It may lose it at every point: those are in front of each lock, signal, wait and atomic of what is simulated (posix.h).
 * Memory is sequentially consistent here; what a weaker order could do is not seen.
 * SPDX-License-Identifier: MIT
 */
#ifndef SIM_MACHINE_H
#define SIM_MACHINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>
#include "tap.h"

#define MS INT64_C(1000000)
#define SECOND INT64_C(1000000000)
#define FOREVER INT64_MAX

struct sim_thread;

/* All zero is a lock that is free. */
struct sim_mutex {
    struct sim_thread *owner;
    const char *place; /* where it was taken */
    int dead;          /* destroyed */
};

struct sim_cond {
    int waiting;
    int dead;
};

/* How a run goes; 0 turns each of them off. */
struct machine_plan {
    uint64_t seed;
    unsigned stay; /* a thread runs on over so many points, on average */
    bool
        by_rank; /* then the one of the highest rank runs, and who has lost the processor ranks lowest; not just anyone */
    unsigned spurious; /* one of so many choices wakes somebody for no reason */
    unsigned stall;    /* one of so many points takes the processor away for a while, during which time passes */
    unsigned
        oversleep; /* one of so many wake-ups by time comes late, by seconds perhaps: a machine that was suspended */
    bool loud;     /* says all that happens */
    void (*step)(const char *place); /* at each point; nothing moves meanwhile, and nothing in it is a point */
    void (*rest)(void);              /* the same, when no thread can run and time is about to pass */
};

void machine_begin(const struct machine_plan *plan); /* the caller is its first thread */
void machine_await_all(void);                        /* until all other threads have ended */
uint64_t machine_end(void);                          /* after that; returns a number that only the same run gives */

/* Threads of the simulation's own.  `name` is static. */
struct sim_thread *machine_spawn(const char *name, unsigned number, void *(*main)(void *), void *arg);
void machine_join(struct sim_thread *t);
void machine_sleep(int64_t ns);
int64_t machine_now(void);
int64_t machine_below(int64_t bound); /* random, from 0 to below the bound, of this thread's own */
bool machine_one_in(unsigned n);      /* the same; false for 0 */

struct moment {
    int64_t at, late; /* how much later than planned things were by then, in all, for stalls and oversleeping */
    uint64_t step;
};
struct moment machine_mark(void);
int64_t machine_since(struct moment m); /* how much time has passed since then that nothing of that kind excuses */
int64_t machine_late(struct moment m);  /* and how much is excused */

void machine_refuse_threads(bool refused);   /* what is simulated can make none */
void machine_be_calm(void);                  /* no stalls and no oversleeping any more */
void machine_hold(void);                     /* no points from here on … */
void machine_go_on(void);                    /* … to there */
bool machine_holds_lock(const char *folder); /* has the running thread taken one in a file that is there? */

void machine_note(const char *format, ...) TAP_PRINTF(1, 2); /* for whoever reads a trace */
void machine_fail(const char *format, ...) TAP_PRINTF(1, 2); /* the run is over: says why, and ends the process */

/* What is simulated calls these: see posix.h.  They return what POSIX says. */
void sim_point(const char *place);
int sim_mutex_init(struct sim_mutex *m);
int sim_mutex_destroy(struct sim_mutex *m);
int sim_mutex_lock(struct sim_mutex *m, const char *place);
int sim_mutex_unlock(struct sim_mutex *m, const char *place);
int sim_cond_init(struct sim_cond *s);
int sim_cond_destroy(struct sim_cond *s);
int sim_cond_signal(struct sim_cond *s, const char *place);
int sim_cond_broadcast(struct sim_cond *s, const char *place);
int sim_cond_wait(struct sim_cond *s, struct sim_mutex *m, const char *place);
int sim_cond_timedwait(struct sim_cond *s, struct sim_mutex *m, const struct timespec *at, const char *place);
int sim_thread_create(struct sim_thread **out, void *(*main)(void *), void *arg, const char *place);
int sim_thread_join(struct sim_thread *t, const char *place);
int sim_thread_detach(struct sim_thread *t);
int sim_atfork(void (*prepare)(void), void (*parent)(void), void (*child)(void));
int sim_clock_gettime(struct timespec *now);
int sim_nanosleep(const struct timespec *length, const char *place);

#endif
