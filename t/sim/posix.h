/*
 * The seam: the library and the null driver are compiled once more for the simulation, with this file in front of their own, so that
 * their threads, locks, signals, clock and atomics are those of machine.c.  Nothing in them knows of it.
 * SPDX-License-Identifier: MIT
 */
#ifndef SIM_POSIX_H
#define SIM_POSIX_H

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <time.h>
#include "machine.h"

#define SIM_TEXT_(x) #x
#define SIM_TEXT(x) SIM_TEXT_(x)
#define SIM_PLACE __FILE__ ":" SIM_TEXT(__LINE__)

#undef PTHREAD_MUTEX_INITIALIZER
#define PTHREAD_MUTEX_INITIALIZER \
    {                             \
        0                         \
    }
#define pthread_mutex_t struct sim_mutex
#define pthread_mutex_init(m, attr) sim_mutex_init(m)
#define pthread_mutex_destroy(m) sim_mutex_destroy(m)
#define pthread_mutex_lock(m) sim_mutex_lock((m), SIM_PLACE)
#define pthread_mutex_unlock(m) sim_mutex_unlock((m), SIM_PLACE)

#define pthread_cond_t struct sim_cond
#define pthread_cond_init(s, attr) sim_cond_init(s)
#define pthread_cond_destroy(s) sim_cond_destroy(s)
#define pthread_cond_signal(s) sim_cond_signal((s), SIM_PLACE)
#define pthread_cond_broadcast(s) sim_cond_broadcast((s), SIM_PLACE)
#define pthread_cond_wait(s, m) sim_cond_wait((s), (m), SIM_PLACE)
#define pthread_cond_timedwait(s, m, at) sim_cond_timedwait((s), (m), (at), SIM_PLACE)

#define pthread_t struct sim_thread *
#define pthread_create(out, attr, main, arg) sim_thread_create((out), (main), (arg), SIM_PLACE)
#define pthread_join(t, out) sim_thread_join((t), SIM_PLACE)
#define pthread_detach(t) sim_thread_detach(t)
#define pthread_atfork(prepare, parent, child) sim_atfork((prepare), (parent), (child))

#define clock_gettime(clock, now) sim_clock_gettime(now)
#define nanosleep(length, rest) sim_nanosleep((length), SIM_PLACE)
#define sched_yield() sim_point(SIM_PLACE)

/*
 * A point comes before each but the relaxed ones, which are counters and hints.  An operator on an atomic is as good as its function;
 * what is added with _explicit is a counter, too.
 */
#undef atomic_load
#undef atomic_load_explicit
#undef atomic_store
#undef atomic_store_explicit
#undef atomic_compare_exchange_strong
#undef atomic_compare_exchange_weak
#undef atomic_fetch_add
#undef atomic_fetch_sub
#undef atomic_fetch_or
#undef atomic_fetch_and
#define SIM_ORDER memory_order_seq_cst
#define atomic_load(a) (sim_point(SIM_PLACE), *(a))
#define SIM_POINT(order) ((order) == memory_order_relaxed ? (void)0 : sim_point(SIM_PLACE))
#define atomic_load_explicit(a, order) (SIM_POINT(order), *(a))
#define atomic_store(a, value) (sim_point(SIM_PLACE), (void)(*(a) = (value)))
#define atomic_store_explicit(a, value, order) (SIM_POINT(order), (void)(*(a) = (value)))
#define atomic_compare_exchange_strong(a, seen, to) \
    (sim_point(SIM_PLACE), atomic_compare_exchange_strong_explicit((a), (seen), (to), SIM_ORDER, SIM_ORDER))
#define atomic_compare_exchange_weak(a, seen, to) atomic_compare_exchange_strong((a), (seen), (to))
#define atomic_fetch_add(a, n) (sim_point(SIM_PLACE), atomic_fetch_add_explicit((a), (n), SIM_ORDER))
#define atomic_fetch_sub(a, n) (sim_point(SIM_PLACE), atomic_fetch_sub_explicit((a), (n), SIM_ORDER))
#define atomic_fetch_or(a, bits) (sim_point(SIM_PLACE), atomic_fetch_or_explicit((a), (bits), SIM_ORDER))
#define atomic_fetch_and(a, bits) (sim_point(SIM_PLACE), atomic_fetch_and_explicit((a), (bits), SIM_ORDER))

#endif
