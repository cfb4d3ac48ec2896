/*
 * What machine.c and posix.c share: a thread, how it waits, and how it is woken.
 * SPDX-License-Identifier: MIT
 */
#ifndef SIM_INSIDE_H
#define SIM_INSIDE_H

#include <pthread.h>
#include <semaphore.h>
#include "machine.h"

#define THREADS_MAX 200
#define HELD_MAX 8

enum thread_state { CAN_RUN, ON_LOCK, ON_SIGNAL, ASLEEP, STALLED, JOINING, ENDED };

struct sim_thread {
    pthread_t real;
    sem_t baton;
    char name[24];
    unsigned number;
    void *(*main)(void *);
    void *arg;
    enum thread_state state;
    void *awaited; /* a lock, a signal, a thread; NULL with JOINING: all threads */
    int64_t until; /* FOREVER: no limit */
    bool timed_out;
    int64_t stalled_for;
    int rank;
    const char *place;                /* of its last point */
    struct sim_mutex *held[HELD_MAX]; /* locks */
    unsigned held_count;
    uint64_t random;
};

struct sim_thread *machine_running(void);
/* Gives up the processor until woken; true: by time. */
bool machine_block(enum thread_state state, void *awaited, int64_t until);
/* Wakes so many of those that wait for this, anyone first. */
void machine_wake(enum thread_state state, const void *awaited, unsigned most);
unsigned machine_threads(void);               /* how many were made */
bool machine_makes_threads(void);             /* what is simulated may make one more */
const char *machine_place(const char *place); /* for people */

#endif
