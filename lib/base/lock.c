/*
 * Locks and signals, thin over POSIX threads; the fork count; the number of a thread.
 * SPDX-License-Identifier: MIT
 */
#include <assert.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#ifdef __linux__
#    include <sys/syscall.h>
#endif
#include <base/lock.h>

/* A lock or signal that fails can only be our own bug: unset, destroyed, or not held. */
static void must(int failed)
{
    assert(!failed);
    (void)failed;
}

void lock_init(struct lock *l)
{
    memset(l, 0, sizeof *l);
    must(pthread_mutex_init(&l->mutex, NULL));
}

void lock_destroy(struct lock *l)
{
    must(pthread_mutex_destroy(&l->mutex));
}

void lock_take(struct lock *l)
{
    must(pthread_mutex_lock(&l->mutex));
}

void lock_drop(struct lock *l)
{
    must(pthread_mutex_unlock(&l->mutex));
}

void signal_init(struct signal *s)
{
    pthread_condattr_t attr;
    memset(s, 0, sizeof *s);
    must(pthread_condattr_init(&attr));
    must(pthread_condattr_setclock(&attr, CLOCK_MONOTONIC));
    must(pthread_cond_init(&s->cond, &attr));
    must(pthread_condattr_destroy(&attr));
}

void signal_destroy(struct signal *s)
{
    must(pthread_cond_destroy(&s->cond));
}

void signal_one(struct signal *s)
{
    must(pthread_cond_signal(&s->cond));
}

void signal_all(struct signal *s)
{
    must(pthread_cond_broadcast(&s->cond));
}

/* The moment as the kernel takes it; cut to 31 bits of seconds, which every time_t holds: callers look again anyway. */
static struct timespec moment(int64_t ns)
{
    int64_t seconds = ns > 0 ? ns / NS_PER_S : 0;
    struct timespec at = { 0 };
    at.tv_sec = (time_t)(seconds > INT32_MAX ? INT32_MAX : seconds);
    at.tv_nsec = (long)(ns > 0 ? ns % NS_PER_S : 0);
    return at;
}

void signal_wait(struct signal *s, struct lock *l, const struct clock *c, int64_t until)
{
    static const struct clock real = { 0 };
    if (c->fn)
        until = clock_add(clock_now(&real), NS_PER_MS);
    if (until == NEVER) {
        must(pthread_cond_wait(&s->cond, &l->mutex));
        return;
    }
    struct timespec at = moment(until);
    (void)pthread_cond_timedwait(&s->cond, &l->mutex, &at); /* in time or not: callers look at their own clock */
}

atomic_uint fork_count_;

_Thread_local NEAR_THREAD unsigned thread_number_;

/* Runs in the child's only thread, which has a new number there. */
static void forked(void)
{
    atomic_fetch_add_explicit(&fork_count_, 1, memory_order_relaxed);
    thread_number_ = 0;
}

static int watch_status;

static void watch(void)
{
    watch_status = pthread_atfork(NULL, NULL, forked) ? -1 : 0;
}

int fork_watch(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    must(pthread_once(&once, watch));
    return watch_status;
}

/* The C library declares syscall() only to those who ask for more than POSIX. */
#if defined(SYS_gettid) && (defined(_GNU_SOURCE) || defined(_DEFAULT_SOURCE))
static unsigned new_number(void)
{
    return (unsigned)syscall(SYS_gettid);
}
#else
static unsigned new_number(void)
{
    static atomic_uint last;
    return atomic_fetch_add_explicit(&last, 1, memory_order_relaxed) + 1;
}
#endif

unsigned thread_number_first(void)
{
    return thread_number_ = new_number();
}
