/*
 * Locks exclude, signals wake and keep time, forks are counted, threads have numbers.
 * SPDX-License-Identifier: MIT
 */
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <base/lock.h>
#include "tap.h"

#define THREADS 4
#define ROUNDS 20000

static const struct clock real;

static struct shared {
    struct lock lock;
    struct signal signal;
    int count;
    int waiting, woken;
} shared;

static void *count_up(void *arg)
{
    (void)arg;
    for (int i = 0; i < ROUNDS; i++) {
        lock_take(&shared.lock);
        shared.count++;
        lock_drop(&shared.lock);
    }
    return NULL;
}

static void excluding(void)
{
    pthread_t threads[THREADS];
    lock_init(&shared.lock);
    for (int i = 0; i < THREADS; i++)
        if (pthread_create(&threads[i], NULL, count_up, NULL))
            tap_bail("no thread");
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    is_int(shared.count, THREADS * ROUNDS, "a lock lets one thread in at a time");
}

static int64_t stopped(void *arg)
{
    (void)arg;
    return 0;
}

/* Waits until somebody counts; `until` is what the wait is told. */
static void *wait_for_count(void *arg)
{
    lock_take(&shared.lock);
    int before = shared.count;
    shared.waiting++;
    signal_one(&shared.signal);
    while (shared.count == before)
        signal_wait(&shared.signal, &shared.lock, &real, *(int64_t *)arg);
    shared.woken++;
    lock_drop(&shared.lock);
    return NULL;
}

static void waking(int64_t until, const char *how)
{
    pthread_t threads[THREADS];
    shared = (struct shared){ 0 };
    lock_init(&shared.lock);
    signal_init(&shared.signal);
    for (int i = 0; i < THREADS; i++)
        if (pthread_create(&threads[i], NULL, wait_for_count, &until))
            tap_bail("no thread");
    lock_take(&shared.lock);
    while (shared.waiting < THREADS)
        signal_wait(&shared.signal, &shared.lock, &real, clock_add(clock_now(&real), NS_PER_MS));
    shared.count++;
    signal_all(&shared.signal);
    lock_drop(&shared.lock);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    is_int(shared.woken, THREADS, "signal_all wakes all that wait %s", how);
    signal_destroy(&shared.signal);
    lock_destroy(&shared.lock);
}

static void *answer(void *arg)
{
    (void)arg;
    lock_take(&shared.lock);
    shared.woken = 1;
    signal_one(&shared.signal);
    lock_drop(&shared.lock);
    return NULL;
}

static void waking_one(void)
{
    pthread_t thread;
    shared = (struct shared){ 0 };
    lock_init(&shared.lock);
    signal_init(&shared.signal);
    lock_take(&shared.lock);
    if (pthread_create(&thread, NULL, answer, NULL))
        tap_bail("no thread");
    while (!shared.woken)
        signal_wait(&shared.signal, &shared.lock, &real, NEVER);
    lock_drop(&shared.lock);
    pthread_join(thread, NULL);
    ok(shared.woken, "signal_one wakes the one that waits without limit");
}

/* Waits that nobody ends, over the lock and signal of the test before. */
static void keeping_time(void)
{
    struct clock own = { stopped, NULL };
    lock_take(&shared.lock);
    signal_wait(&shared.signal, &shared.lock, &real, 0);
    signal_wait(&shared.signal, &shared.lock, &real, INT64_MIN);
    signal_wait(&shared.signal, &shared.lock, &real, clock_now(&real) - 1);
    ok(1, "a moment in the past is not waited for");
    int64_t until = clock_now(&real) + 3 * NS_PER_MS;
    while (clock_now(&real) < until)
        signal_wait(&shared.signal, &shared.lock, &real, until);
    ok(1, "a moment on the real clock comes");
    int64_t before = clock_now(&real);
    signal_wait(&shared.signal, &shared.lock, &own, INT64_C(3600) * NS_PER_S);
    signal_wait(&shared.signal, &shared.lock, &own, NEVER);
    ok(clock_now(&real) - before < 60 * NS_PER_S, "on a program's own clock, even a stopped one, it looks again soon");
    lock_drop(&shared.lock);
}

/* Runs facts in a child; its exit status is the number of those that failed. */
static int in_child(int (*facts)(void))
{
    int status = -1;
    pid_t child = fork();
    if (child == 0)
        _exit(facts());
    if (child < 0 || waitpid(child, &status, 0) != child)
        tap_bail("no child");
    return status;
}

static int taken_lock_is_remade(void)
{
    lock_init(&shared.lock);
    signal_init(&shared.signal);
    lock_take(&shared.lock);
    signal_wait(&shared.signal, &shared.lock, &real, 0);
    lock_drop(&shared.lock);
    return 0;
}

static int once_more(void)
{
    return fork_count() != 1;
}

static unsigned parent_number;

static int another_number(void)
{
    int same = thread_number() == parent_number;
#if defined(__linux__) && (defined(_GNU_SOURCE) || defined(_DEFAULT_SOURCE))
    return thread_number() != (unsigned)getpid() || same;
#else
    (void)same; /* a count of our own may begin anew in a child */
    return thread_number() == 0;
#endif
}

static int counts_two(void)
{
    return fork_count() != 1 || in_child(taken_lock_is_remade) != 0 || fork_watch() != 0;
}

static void forking(void)
{
    is_int(fork_watch(), 0, "forks are watched");
    is_int(fork_watch(), 0, "asking again is allowed");
    is_int(fork_count(), 0, "nothing was forked yet");
    is_int(in_child(once_more), 0, "a child counts its fork once");
    is_int(fork_count(), 0, "its parent does not");
    is_int(in_child(counts_two), 0, "a child can fork again");
    lock_take(&shared.lock);
    is_int(in_child(taken_lock_is_remade), 0, "a lock that was held at the fork can be made anew");
    lock_drop(&shared.lock);
}

static void *ask_number(void *arg)
{
    *(unsigned *)arg = thread_number();
    return NULL;
}

static void numbering(void)
{
    pthread_t thread;
    unsigned other = 0;
    parent_number = thread_number();
    ok(parent_number != 0, "a thread has a number");
    is_int(thread_number(), parent_number, "it stays the same");
#if defined(__linux__) && (defined(_GNU_SOURCE) || defined(_DEFAULT_SOURCE))
    is_int(parent_number, getpid(), "the first thread's is the process's, as the kernel counts");
#else
    tap_skip(1, "the kernel's number cannot be had here");
#endif
    if (pthread_create(&thread, NULL, ask_number, &other))
        tap_bail("no thread");
    pthread_join(thread, NULL);
    ok(other != 0 && other != parent_number, "another thread has another");
    is_int(in_child(another_number), 0, "a child's thread has its own");
}

int main(void)
{
    excluding();
    waking(NEVER, "without limit");
    waking(clock_add(clock_now(&real), 3600 * NS_PER_S), "for a moment");
    waking(NEVER - 1, "for a moment that no timespec holds");
    waking_one();
    keeping_time();
    forking();
    numbering();
    return tap_done();
}
