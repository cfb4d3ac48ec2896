/*
 * Level 13 on real servers: a thousand cancels a second on 20 connections.  Each worker is a fair target with one loan, and with the next,
 * of which nobody but him knows, he may not be hit, nor read what another asked for.
 *
 * Scaled: two seconds instead of sixty, with as many cancels as ten threads get through in that time.
 * SPDX-License-Identifier: MIT
 */
#include <stdio.h>
#include <string.h>
#include <time.h>
#include "live.h"

#define SIZE 20
#define CANCELLERS 10
#define STORM_MS 2000

static struct {
    struct place *place;
    weir_db *db;
    pthread_mutex_t lock;
    weir_conn targets[SIZE]; /* under the lock */
    atomic_bool over;
    atomic_long cancels, failed, hits, strays, foreign, loans;
} storm = { .lock = PTHREAD_MUTEX_INITIALIZER };

static weir_conn aim(int worker, const weir_conn *at)
{
    pthread_mutex_lock(&storm.lock);
    if (at)
        storm.targets[worker] = *at;
    const weir_conn target = storm.targets[worker];
    pthread_mutex_unlock(&storm.lock);
    return target;
}

static void *cancel(void *arg)
{
    const struct timespec pause = { .tv_nsec = 1000000 };
    for (int i = *(int *)arg; !storm.over; i++) {
        const int status = weir_cancel(aim(i % SIZE, NULL), NULL);
        storm.failed += status < 0 && status != WEIR_E_STALE;
        storm.cancels++;
        nanosleep(&pause, NULL);
    }
    return NULL;
}

/* Waits at a gate that is shut. */
static void be_target(int worker)
{
    weir_conn conn = talk_borrow(storm.db, WEIR_WRITE);
    aim(worker, &conn);
    storm.hits += live_try(conn, "SELECT n FROM gate FOR UPDATE", NULL) == WEIR_E_CANCELLED;
    weir_release(&conn);
}

/* A statement that takes its time, so that what was meant for the one before would come in the midst of it. */
static void be_spared(int worker, long round)
{
    weir_error err;
    weir_rows rows;
    const int64_t number = round * SIZE + worker;
    weir_conn conn = talk_borrow(storm.db, WEIR_WRITE);
    if (weir_query(&rows, conn, "SELECT n, ? FROM few ORDER BY n", WEIR_ARGS(weir_int(number)), LONG, &err) < 0) {
        storm.strays++;
    } else {
        for (int64_t n = 1; weir_rows_next(rows, &err) == WEIR_ROW; n++)
            storm.foreign += weir_rows_int(rows, 0) != n || weir_rows_int(rows, 1) != number;
        storm.strays += weir_rows_close(&rows, &err) < 0;
    }
    weir_release(&conn);
    storm.loans++;
}

static void *work(void *arg)
{
    const int worker = *(int *)arg;
    for (long round = 0; !storm.over; round++) {
        be_target(worker);
        be_spared(worker, round);
    }
    return NULL;
}

/* Connections of this machine to that port, as the kernel lists them: "sl local:port remote:port state". */
static int sockets(int port)
{
    char line[256];
    unsigned remote, state;
    int n = 0;
    FILE *f = fopen("/proc/self/net/tcp", "r");
    while (f && fgets(line, sizeof line, f))
        n += sscanf(line, " %*d: %*x:%*x %*x:%x %x", &remote, &state) == 2 && remote == (unsigned)port && state == 1;
    if (f)
        fclose(f);
    return n;
}

/*
 * How many sessions there are that belong to the pool or cancel what is in it.  On MariaDB they are counted on our side, where one is
 * over when we have closed it; the server may need a while to notice.  On PostgreSQL a cancel is no session.  The kernel's list is not of
 * one instant, so that one that has ended and one that has begun meanwhile may both be in it: a few looks see one too many.
 */
static int sessions(void)
{
    if (strcmp(storm.place->words->name, "MariaDB") == 0)
        return sockets(storm.place->port) - 2; /* of `watch` and the keeper */
    return place_others(storm.place) - 1;
}

/* Returns how many of 100 looks have seen too many sessions. */
static int rage(weir_conn keeper)
{
    int numbers[SIZE], looks = 0, crowded = 0;
    pthread_t workers[SIZE], cancellers[CANCELLERS];
    for (int i = 0; i < SIZE; i++) {
        numbers[i] = i;
        talk_start(&workers[i], work, &numbers[i]);
    }
    for (int i = 0; i < CANCELLERS; i++)
        talk_start(&cancellers[i], cancel, &numbers[i * SIZE / CANCELLERS]);
    for (int64_t began = talk_now_ms(); talk_now_ms() - began < STORM_MS || storm.hits < SIZE; live_rest(10)) {
        crowded += sessions() > SIZE + 2;
        looks++;
        if (talk_now_ms() - began > 120000)
            tap_bail("in two minutes %ld cancels have hit %ld times", (long)storm.cancels, (long)storm.hits);
    }
    storm.over = true;
    if (weir_rollback(keeper, LONG, NULL) < 0)
        tap_bail("the gate stays shut");
    for (int i = 0; i < SIZE; i++)
        talk_join(workers[i]);
    for (int i = 0; i < CANCELLERS; i++)
        talk_join(cancellers[i]);
    return crowded * 100 / looks;
}

void live_cancel_storm(struct place *p)
{
    talk_db_run(p->watch, "CREATE TABLE few(n INT PRIMARY KEY)");
    talk_db_run(p->watch, "INSERT INTO few VALUES (1), (2), (3), (4), (5), (6), (7), (8), (9)");
    talk_db_run(p->watch, "CREATE TABLE gate(n INT)");
    talk_db_run(p->watch, "INSERT INTO gate VALUES (1)");
    storm.place = p;
    storm.db = live_open(p, p->port, "pool_size=20&connect_timeout=60s");
    storm.over = false;
    memset(storm.targets, 0, sizeof storm.targets); /* of a db that is gone */
    storm.cancels = storm.failed = storm.hits = storm.strays = storm.foreign = storm.loans = 0;
    weir_db *apart = live_open(p, p->port, "pool_size=1");
    weir_conn keeper = talk_borrow(apart, WEIR_WRITE);
    if (weir_begin(keeper, NULL, LONG, NULL) < 0)
        tap_bail("the gate stays open");
    talk_run(keeper, "UPDATE gate SET n = 2");
    const int crowded = rage(keeper);
    weir_release(&keeper);
    weir_db_close(&apart);
    const weir_figures f = live_figures(storm.db);
    tap_note("%ld cancels, of which %ld have hit, between %ld loans that were not meant", (long)storm.cancels,
             (long)storm.hits, (long)storm.loans);
    ok(crowded < 50, "there are no more sessions than the pool's and two that cancel: of 100 looks %d see more",
       crowded);
    is_int(storm.failed, 0, "no cancel fails");
    is_int(storm.strays, 0, "none hits a statement that it was not meant for");
    is_int(storm.foreign, 0, "nobody reads rows that another asked for");
    is_int(f.used, 0, "all have come back");
    ok(f.opened <= SIZE && f.lost == 0, "and no connection was lost over it");
    weir_db_close(&storm.db);
    talk_db_run(p->watch, "DROP TABLE few");
    talk_db_run(p->watch, "DROP TABLE gate");
}
