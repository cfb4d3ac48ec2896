/*
 * After an outage: how soon callers are served once the server is back, and how often it was knocked at while it was away.  32 threads want
 * one row each, again and again, from a pool of eight; the server is killed, stays away for five seconds, and comes back.  Each pool
 * is measured in a process of its own, on the same server.  `make bench-recovery`.
 * SPDX-License-Identifier: MIT
 */
#include <dlfcn.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <weir/base.h>
#include "recovery.h"
#include "server-mariadb.h"
#include "tap.h"

#define THREADS 32
#define AWAY_MS 5000
#define PATIENCE_MS 30000
#define PAUSE_MS 10 /* before somebody who was not served comes again */

enum phase { BEFORE, AWAY, BACK, OVER };

/* Seen by the process that measures and the one that is measured. */
static struct shared {
    int port;
    atomic_int phase;
    atomic_long connects[OVER + 1]; /* by phase */
    atomic_long served[OVER + 1];
    atomic_llong first_served[THREADS]; /* since it is back, on the monotonic clock; 0: not yet */
} * shared;

static int64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void nap(int ms)
{
    nanosleep(&(struct timespec){ .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L }, NULL);
}

/* ---- the process that is measured ---- */

static const struct pool_side *measured; /* NULL in the process that measures */

/* In the place of the C library's `connect`, whoever calls it; under another name, because a header may give that one another type. */
WEIR_API int counted_connect(int fd, const struct sockaddr *to, socklen_t size) __asm__("connect");

int counted_connect(int fd, const struct sockaddr *to, socklen_t size)
{
    static int (*real)(int, const struct sockaddr *, socklen_t);
    if (!real)
        *(void **)&real = dlsym(RTLD_NEXT, "connect");
    const struct sockaddr_in *in = (const void *)to;
    if (measured && to->sa_family == AF_INET && ntohs(in->sin_port) == shared->port)
        atomic_fetch_add(&shared->connects[shared->phase], 1);
    return real(fd, to, size);
}

static void *want(void *arg)
{
    const int number = *(int *)arg;
    while (shared->phase != OVER) {
        const int phase = shared->phase, served = measured->serve();
        if (!served) {
            nap(PAUSE_MS);
            continue;
        }
        atomic_fetch_add(&shared->served[phase], 1);
        if (shared->phase == BACK && !shared->first_served[number])
            shared->first_served[number] = now_ns();
    }
    return NULL;
}

static void be_measured(const struct pool_side *side)
{
    static int numbers[THREADS];
    pthread_t threads[THREADS];
    measured = side;
    measured->open(shared->port);
    for (int i = 0; i < THREADS; i++) {
        numbers[i] = i;
        if (pthread_create(&threads[i], NULL, want, &numbers[i]) != 0)
            _exit(1);
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    measured->close();
    _exit(0);
}

/* ---- the one that measures ---- */

static int all_served(int64_t since, double *first, double *last)
{
    int n = 0;
    *first = *last = 0;
    for (int i = 0; i < THREADS; i++) {
        const int64_t at = shared->first_served[i];
        const double ms = at > since ? (double)(at - since) / 1e6 : 0;
        if (!at)
            continue;
        *first = n == 0 || ms < *first ? ms : *first;
        *last = ms > *last ? ms : *last;
        n++;
    }
    return n;
}

/* 1: it is still alive.  What it died of is told instead of figures. */
static int lives(const struct pool_side *side, pid_t pid)
{
    int status;
    if (waitpid(pid, &status, WNOHANG) == 0)
        return 1;
    printf("%-10s died of %s\n", side->name, WIFSIGNALED(status) ? strsignal(WTERMSIG(status)) : "its own will");
    return 0;
}

static void report(const struct pool_side *side, int64_t since)
{
    double first, last;
    const int n = all_served(since, &first, &last);
    printf("%-10s %9ld %9.0f ", side->name, (long)shared->connects[AWAY], first);
    if (n == THREADS)
        printf("%9.0f\n", last);
    else
        printf("%9s   %d of %d were not served in %d s\n", "never", THREADS - n, THREADS, PATIENCE_MS / 1000);
}

static void let_end(pid_t pid)
{
    int status;
    shared->phase = OVER;
    for (int i = 0; i < 200; i++) {
        if (waitpid(pid, &status, WNOHANG) != 0)
            return;
        nap(10);
    }
    kill(pid, SIGKILL);
    waitpid(pid, &status, 0);
}

static void measure(const struct pool_side *side, struct mariadb *server)
{
    double first, last;
    memset(shared, 0, sizeof *shared);
    shared->port = server->port;
    fflush(stdout);
    const pid_t pid = fork();
    if (pid == 0)
        be_measured(side);
    nap(1000);
    server_stop(&server->server, SIGKILL);
    shared->phase = AWAY;
    nap(AWAY_MS);
    mariadb_restart(server, SIGTERM, NULL);
    const int64_t since = now_ns();
    shared->phase = BACK;
    if (!lives(side, pid))
        return;
    while (all_served(since, &first, &last) < THREADS && now_ns() - since < PATIENCE_MS * INT64_C(1000000))
        nap(1);
    report(side, since);
    let_end(pid);
}

int main(void)
{
    static const struct pool_side *const sides[] = {
        &side_weir,
#ifdef WITH_ZDB
        &side_libzdb,
#endif
#ifdef WITH_RESLIST
        &side_reslist,
#endif
    };
    static struct mariadb server;
    mariadb_start(&server, NULL);
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED)
        return 1;
    printf("%-10s %9s %9s %9s   %d threads, %d connections, the server away for %d s\n", "pool", "connects", "first ms",
           "last ms", THREADS, POOL_SIZE, AWAY_MS / 1000);
    for (size_t i = 0; i < sizeof sides / sizeof *sides; i++)
        measure(sides[i], &server);
    mariadb_stop(&server);
    tap_clear();
    return 0;
}
