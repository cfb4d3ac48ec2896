/*
 * What the tests of the laws stand on: short words for the public calls, threads, and waiting for what is to come.
 * SPDX-License-Identifier: MIT
 */
#ifndef API_RIG_H
#define API_RIG_H

#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <weir.h>
#include <weir/observe.h>
#include "tap.h"

#define MS INT64_C(1000000)
#define LONG weir_after_ms(60000) /* what is expected comes sooner, however slow the machine */

static _Thread_local weir_error err; /* the last one of this thread */

/* With threads of the library's own, and without: a law holds both ways. */
static const char *const modes[] = { "auto", "none" };
#define EACH_MODE(mode) for (const char *const *mode = modes; mode < modes + sizeof modes / sizeof *modes; mode++)

static inline int64_t real_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

static inline void nap(void)
{
    const struct timespec length = { .tv_nsec = 200000 };
    nanosleep(&length, NULL);
}

/* Polls for what another thread is to bring about; a test that would wait for ever ends. */
static inline void nap_until(int64_t end, const char *condition)
{
    if (real_ns() > end)
        tap_bail("it did not come to this: %s", condition);
    nap();
}
#define AWAIT(condition)                                       \
    for (int64_t end_ = real_ns() + 60000 * MS; !(condition);) \
    nap_until(end_, #condition)

static inline pthread_t begin(void *(*body)(void *), void *arg)
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, body, arg))
        tap_bail("no thread");
    return thread;
}

static inline void end(pthread_t thread)
{
    pthread_join(thread, NULL);
}

/* A clock that stands still unless it is moved: weir_hooks.now_ns. */
#define CLOCK_START (INT64_C(1000000) * MS)
static _Atomic int64_t now_ns = CLOCK_START;
static _Atomic(unsigned) clock_looks; /* of threads other than this */
static _Thread_local int moves_clock;

static inline int64_t own_clock(void *arg)
{
    (void)arg;
    if (!moves_clock)
        atomic_fetch_add(&clock_looks, 1);
    return atomic_load(&now_ns);
}

static int has_threads; /* does the library work on threads of its own for the db opened last, or on the caller's? */

/* Opens a db, with hooks or NULL; the URL is a format. */
static inline weir_db *open_db(const weir_hooks *hooks, const char *format, ...) TAP_PRINTF(2, 3);
static inline weir_db *open_db(const weir_hooks *hooks, const char *format, ...)
{
    char url[512];
    weir_db *db;
    va_list args;
    va_start(args, format);
    vsnprintf(url, sizeof url, format, args);
    va_end(args);
    has_threads = !strstr(url, "threads=none");
#ifdef WEIR_NO_THREADS
    has_threads = 0;
#endif
    if (weir_db_open(&db, url, hooks, &err) < 0)
        tap_bail("%s", err.text);
    return db;
}

/*
 * Lets time pass on the test's clock, and maintenance keep up with it: the library's own thread, which looks every real millisecond,
 * has had a whole turn when it has looked three times.  For tests of one thread.
 */
static inline void pass_ms(weir_db *db, int64_t ms)
{
    moves_clock = 1;
    for (int64_t step; ms > 0; ms -= step) {
        step = ms < 100 ? ms : 100;
        atomic_fetch_add(&now_ns, step * MS);
        unsigned looks = atomic_load(&clock_looks);
        if (has_threads)
            AWAIT(atomic_load(&clock_looks) - looks >= 3);
        else
            weir_db_maintain(db, weir_never(), NULL);
    }
}

static inline weir_figures figures(weir_db *db)
{
    weir_figures f = { .size = sizeof f };
    if (weir_pool_figures(&f, weir_db_pool(db, 0)) < 0)
        tap_bail("no figures");
    return f;
}

/* A connection that must be there in the end, or may be there now. */
#define take(db, how) take_for((db), (how), WEIR_HERE)
static inline weir_conn take_for(weir_db *db, unsigned how, const char *here)
{
    weir_conn conn;
    if (weir_acquire_for(&conn, db, how, NULL, here, LONG, &err) < 0)
        tap_bail("%s: %s", here, err.text);
    return conn;
}
#define try_take(out, db, how) weir_acquire((out), (db), (how), weir_at_once(), &err)

static inline int run(weir_conn conn, const char *sql)
{
    return weir_exec(NULL, conn, sql, WEIR_NO_ARGS, LONG, &err);
}

/* The first cell of the first row; -1 and err: there is none. */
static inline int64_t ask(weir_conn conn, const char *sql)
{
    weir_rows rows;
    int64_t n = -1;
    if (weir_query(&rows, conn, sql, WEIR_NO_ARGS, LONG, &err) < 0)
        return -1;
    if (weir_rows_next(rows, &err) == WEIR_ROW)
        n = weir_rows_int(rows, 0);
    return weir_rows_close(&rows, &err) < 0 ? -1 : n;
}

/* Numbers that differ from thread to thread and are the same in every run. */
static inline int dice(unsigned *state, unsigned sides)
{
    *state = *state * 1664525u + 1013904223u;
    return (int)((*state >> 16) % sides);
}

#endif
