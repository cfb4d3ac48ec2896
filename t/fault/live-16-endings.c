/*
 * Level 16 on real servers: shutdown while 50 are at work and 200 wait; and fork, a hundred times, on open connections, of which the
 * child says nothing: what passes to the server is exactly what passes without it.
 *
 * Scaled: the shutdown has 1.5 s instead of 5, and there are a hundred forks instead of a thousand.
 * SPDX-License-Identifier: MIT
 */
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>
#include "live.h"

#define WORKING 50
#define WAITING 200
#define PATIENCE_MS 1500

static struct caller working[WORKING], waiting[WAITING];

struct before {
    int files, threads;
};

static struct before look(void)
{
    return (struct before){ live_entries("/proc/self/fd"), live_entries("/proc/self/task") };
}

static void shut_down(weir_db *db)
{
    weir_error err;
    const int64_t began = talk_now_ms();
    int late = 0, cut = 0;
    is_int(weir_db_shutdown(db, weir_after_ms(PATIENCE_MS), &err), WEIR_LENT, "shutdown comes back with loans out");
    const int64_t ended = talk_now_ms();
    ok(ended - began >= PATIENCE_MS - 1 && ended - began <= 10 * PATIENCE_MS, "  at its deadline: after %lld ms",
       (long long)(ended - began));
    has_text(err.text, "50 connections are still lent", "  and says how many");
    has_text(err.text, "live.c:", "  and who has them");
    callers_wait(waiting, WAITING);
    for (int i = 0; i < WAITING; i++)
        late += waiting[i].ended > ended;
    is_int(callers_with(waiting, WAITING, WEIR_E_CLOSED), WAITING, "  the 200 who wait are told that it is closed");
    is_int(late, 0, "  before that");
    callers_wait(working, WORKING);
    for (int i = 0; i < WORKING; i++)
        cut += working[i].said < 0;
    is_int(cut, WORKING, "  the statements of the 50 are cut off");
}

void live_shutdown(struct place *p)
{
    char sleep[64];
    snprintf(sleep, sizeof sleep, p->words->sleep, 600);
    place_others(p); /* so that the threads of `watch` are there */
    const struct before before = look();
    weir_db *db = live_open(p, p->port, "pool_size=50");
    callers_begin(working, WORKING, db, 120000, sleep);
    TALK_UNTIL(live_figures(db).used == WORKING);
    callers_begin(waiting, WAITING, db, 120000, NULL);
    TALK_UNTIL(live_figures(db).waiting == WAITING);
    shut_down(db);
    callers_end(waiting, WAITING);
    callers_end(working, WORKING);
    weir_db_close(&db);
    TALK_UNTIL(look().files <= before.files);
    TALK_UNTIL(look().threads <= before.threads);
    is_int(look().files, before.files, "  after the last loan no file is left");
    is_int(look().threads, before.threads, "  and no thread");
    place_end_sessions(p); /* a server does not look at its client while it sleeps */
}

/* ---- fork ---- */

#define FORKS 100
#define SIZE 4

static weir_conn held[2];

/* Returns what is wrong, 0 if nothing is.  All that a careless child might do with what it has inherited. */
static int careless_child(weir_db *db)
{
    weir_conn mine = held[0];
    const weir_figures f = live_figures(db);
    if (f.idle + f.used + f.opening + f.resetting + f.closing)
        return 1; /* not empty */
    if (live_try(mine, "SELECT 1", NULL) != WEIR_E_STALE)
        return 2;
    if (weir_cancel(mine, NULL) != WEIR_E_STALE)
        return 3;
    weir_release(&mine);
    weir_discard(&held[1]);
    weir_db_close(&db);
    return 0;
}

static int child_of_its_own(weir_db *db)
{
    weir_conn mine;
    if (weir_acquire(&mine, db, WEIR_WRITE, LONG, NULL) < 0)
        return 1;
    if (live_try(mine, "SELECT 1", NULL) < 0)
        return 2;
    weir_release(&mine);
    weir_db_close(&db);
    return 0;
}

static int fork_once(weir_db *db, int (*child)(weir_db *db))
{
    int status = -1;
    fflush(stdout);
    const pid_t pid = fork();
    if (pid == 0)
        _exit(child(db));
    return pid < 0 || waitpid(pid, &status, 0) != pid || status != 0;
}

/* One statement on each of the four. */
static int use_all(weir_db *db)
{
    weir_conn idle[2];
    int failed = 0;
    for (int i = 0; i < 2; i++) {
        idle[i] = talk_borrow(db, WEIR_WRITE);
        failed += live_try(idle[i], "SELECT 1", NULL) < 0;
        failed += live_try(held[i], "SELECT 1", NULL) < 0;
    }
    for (int i = 0; i < 2; i++)
        weir_release(&idle[i]);
    return failed;
}

static void fork_with(const struct place *p, struct proxy *road, const char *threads, int times)
{
    char options[128];
    int wrong = 0, failed = 0;
    snprintf(options, sizeof options, "pool_size=4&keepalive=0s&probe_interval=0s&threads=%s", threads);
    weir_db *db = live_open(p, proxy_port(road), options);
    for (int i = 0; i < 2; i++)
        held[i] = talk_borrow(db, WEIR_WRITE);
    failed += use_all(db) + use_all(db);
    long passed = proxy_passed(road, PROXY_TO_SERVER);
    failed += use_all(db);
    const long usual = proxy_passed(road, PROXY_TO_SERVER) - passed;
    passed = proxy_passed(road, PROXY_TO_SERVER);
    for (int i = 0; i < times; i++) {
        wrong += fork_once(db, careless_child);
        failed += use_all(db);
    }
    const long more = proxy_passed(road, PROXY_TO_SERVER) - passed - times * usual;
    is_int(wrong, 0, "threads=%s: of %d children each has an empty pool, and handles that are stale", threads, times);
    is_int(failed, 0, "  the parent sees no error on its connections");
    ok(usual > 0 && more == 0, "  to which their children have added %ld bytes", more);
    is_int(fork_once(db, child_of_its_own) + use_all(db), 0, "  one that wants a connection opens its own");
    is_int(live_figures(db).opened, SIZE, "  and none of the parent's is lost");
    for (int i = 0; i < 2; i++)
        weir_release(&held[i]);
    weir_db_close(&db);
}

/* A child of several threads, as the proxy's are, may find a lock of a sanitizer's own taken. */
void live_fork(struct place *p)
{
    if (UNDER_SANITIZER)
        return;
    struct proxy *road = proxy_start(p->port);
    fork_with(p, road, "auto", FORKS);
    TALK_UNTIL(place_others(p) == 0); /* the last goodbye has passed */
    fork_with(p, road, "none", FORKS);
    proxy_stop(&road);
}
