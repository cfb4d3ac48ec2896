/*
 * What is simulated calls these in the place of POSIX: locks, signals, threads, clocks.  Misuse that POSIX leaves undefined ends the run.
 * SPDX-License-Identifier: MIT
 */
#include <errno.h>
#include <string.h>
#include "inside.h"

/* ---- locks */

int sim_mutex_init(struct sim_mutex *m)
{
    *m = (struct sim_mutex){ 0 };
    return 0;
}

int sim_mutex_destroy(struct sim_mutex *m)
{
    if (m->owner || m->dead)
        machine_fail("a lock is destroyed that is %s", m->dead ? "destroyed already" : "held");
    m->dead = 1;
    return 0;
}

static void take(struct sim_mutex *m, const char *place)
{
    struct sim_thread *self = machine_running();
    while (m->owner && !m->dead)
        machine_block(ON_LOCK, m, FOREVER);
    if (m->dead)
        machine_fail("a destroyed lock is taken at %s", machine_place(place));
    if (self->held_count == HELD_MAX)
        machine_fail("a thread holds %d locks", HELD_MAX);
    m->owner = self;
    m->place = place;
    self->held[self->held_count++] = m;
}

static void drop(struct sim_mutex *m, const char *place)
{
    struct sim_thread *self = machine_running();
    unsigned i = 0;
    while (i < self->held_count && self->held[i] != m)
        i++;
    if (i == self->held_count)
        machine_fail("a lock is dropped at %s by a thread that does not hold it", machine_place(place));
    self->held[i] = self->held[--self->held_count];
    m->owner = NULL;
    machine_wake(ON_LOCK, m, THREADS_MAX);
}

int sim_mutex_lock(struct sim_mutex *m, const char *place)
{
    sim_point(place);
    if (m->owner == machine_running())
        machine_fail("a lock is taken at %s by the thread that holds it", machine_place(place));
    take(m, place);
    return 0;
}

int sim_mutex_unlock(struct sim_mutex *m, const char *place)
{
    drop(m, place);
    sim_point(place);
    return 0;
}

bool machine_holds_lock(const char *folder)
{
    const struct sim_thread *self = machine_running();
    for (unsigned i = 0; i < self->held_count; i++)
        if (strstr(self->held[i]->place, folder))
            return true;
    return false;
}

/* ---- signals */

int sim_cond_init(struct sim_cond *s)
{
    *s = (struct sim_cond){ 0 };
    return 0;
}

int sim_cond_destroy(struct sim_cond *s)
{
    if (s->waiting || s->dead)
        machine_fail("a signal is destroyed that %s", s->dead ? "is destroyed already" : "somebody waits for");
    s->dead = 1;
    return 0;
}

static int wake_waiters(struct sim_cond *s, unsigned most, const char *place)
{
    sim_point(place);
    if (s->dead)
        machine_fail("a destroyed signal is given at %s", machine_place(place));
    machine_wake(ON_SIGNAL, s, most);
    return 0;
}

int sim_cond_signal(struct sim_cond *s, const char *place)
{
    return wake_waiters(s, 1, place);
}

int sim_cond_broadcast(struct sim_cond *s, const char *place)
{
    return wake_waiters(s, THREADS_MAX, place);
}

static int await(struct sim_cond *s, struct sim_mutex *m, int64_t until, const char *place)
{
    sim_point(place);
    if (s->dead)
        machine_fail("a destroyed signal is waited for at %s", machine_place(place));
    drop(m, place);
    bool late = until <= machine_now();
    if (!late) {
        s->waiting++;
        late = machine_block(ON_SIGNAL, s, until);
    }
    take(m, place);
    return late ? ETIMEDOUT : 0;
}

int sim_cond_wait(struct sim_cond *s, struct sim_mutex *m, const char *place)
{
    return await(s, m, FOREVER, place);
}

int sim_cond_timedwait(struct sim_cond *s, struct sim_mutex *m, const struct timespec *at, const char *place)
{
    return await(s, m, (int64_t)at->tv_sec * SECOND + at->tv_nsec, place);
}

/* ---- threads */

int sim_thread_create(struct sim_thread **out, void *(*main)(void *), void *arg, const char *place)
{
    sim_point(place);
    if (!machine_makes_threads())
        return EAGAIN;
    *out = machine_spawn("crew", machine_threads(), main, arg);
    return 0;
}

int sim_thread_join(struct sim_thread *t, const char *place)
{
    sim_point(place);
    machine_join(t);
    return 0;
}

/* Its memory stays until the machine's end. */
int sim_thread_detach(struct sim_thread *t)
{
    (void)t;
    return 0;
}

/* Nobody forks here. */
int sim_atfork(void (*prepare)(void), void (*parent)(void), void (*child)(void))
{
    (void)prepare;
    (void)parent;
    (void)child;
    return 0;
}

/* ---- time */

int sim_clock_gettime(struct timespec *now)
{
    now->tv_sec = (time_t)(machine_now() / SECOND);
    now->tv_nsec = (long)(machine_now() % SECOND);
    return 0;
}

int sim_nanosleep(const struct timespec *length, const char *place)
{
    sim_point(place);
    machine_sleep((int64_t)length->tv_sec * SECOND + length->tv_nsec);
    return 0;
}
