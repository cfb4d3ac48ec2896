/*
 * Level 22: many threads read and write one row at the strictest isolation, on all nodes of a cluster.
 * SPDX-License-Identifier: MIT
 */
#include <stdlib.h>
#include <time.h>
#include "levels.h"

#define EACH 125
#define TOTAL (EACH * LEVEL_THREADS)
#define THOUGHT 8
#define LONGEST_THOUGHT 500000000L
#define SUM "SELECT n FROM level_hot"
#define TABLES "SELECT count(*) FROM information_schema.tables WHERE table_name = 'level_hot'"

static weir_db *dbs[LEVEL_PLACES];
static int count;
static atomic_int failed;
static unsigned attempts[TOTAL];

/* What it writes depends on what it has read, by way of the program. */
static int count_up(weir_conn conn, void *arg, weir_error *err)
{
    weir_rows rows;
    int64_t was = 0;
    (void)arg;
    int st = weir_query(&rows, conn, "SELECT n FROM level_hot WHERE id = 1", WEIR_NO_ARGS, LONG, err);
    if (st >= 0) {
        st = weir_rows_next(rows, err);
        was = st == WEIR_ROW ? weir_rows_int(rows, 0) : 0;
        const int closed = weir_rows_close(&rows, err);
        st = st < 0 ? st : closed;
    }
    return st < 0 ? st
                  : weir_exec(NULL, conn, "UPDATE level_hot SET n = ? WHERE id = 1", WEIR_ARGS(weir_int(was + 1)), LONG,
                              err);
}

/*
 * On one server those who come too late wait for a lock, which slows everybody down.  Of two nodes the first to commit wins, and goes on:
 * who commits without a pause can win for ever.  So there everybody thinks, some times as long as the last transaction took.
 */
static void think(int64_t took_ns)
{
    const int64_t ns = took_ns * (rand() % (2 * THOUGHT));
    if (count > 1)
        nanosleep(&(struct timespec){ .tv_nsec = ns < LONGEST_THOUGHT ? (long)ns : LONGEST_THOUGHT }, NULL);
}

static int64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void counting(weir_db *unused, int thread)
{
    const weir_transact_options strict = { .size = sizeof strict, .isolation = WEIR_SERIALIZABLE, .attempts = 100 };
    weir_db *db = dbs[thread % count];
    weir_error err;
    weir_outcome outcome;
    (void)unused;
    for (int i = 0; i < EACH; i++) {
        const int64_t began = now_ns();
        if (weir_transact(&outcome, db, count_up, NULL, &strict, LONG, &err) < 0) {
            atomic_fetch_add(&failed, 1);
            tap_note("%s", err.text);
        }
        attempts[thread * EACH + i] = outcome.attempts;
        think(now_ns() - began);
    }
}

static int compare(const void *a, const void *b)
{
    const unsigned x = *(const unsigned *)a, y = *(const unsigned *)b;
    return (x > y) - (x < y);
}

static uint64_t note_figures(weir_db *db)
{
    const weir_figures f = level_figures(db);
    tap_note("%llu conflicts on the server, %llu retries, %llu times fewer writers",
             (unsigned long long)f.deadlocks_server, (unsigned long long)f.retries, (unsigned long long)f.narrowed);
    return f.deadlocks_caller;
}

/* Each node has the row, sooner or later. */
static void make_row(int n)
{
    talk_db_run(dbs[0], "DROP TABLE IF EXISTS level_hot");
    talk_db_run(dbs[0], "CREATE TABLE level_hot(id INTEGER PRIMARY KEY, n BIGINT NOT NULL)");
    talk_db_run(dbs[0], "INSERT INTO level_hot VALUES (1, 0)");
    for (int i = 1; i < n; i++) {
        TALK_UNTIL(talk_db_ask(dbs[i], WEIR_WRITE, TABLES) == 1);
        TALK_UNTIL(talk_db_ask(dbs[i], WEIR_WRITE, "SELECT count(*) FROM level_hot") == 1);
    }
}

/* Nothing is written any more: the one that has the last commit has all, and another that agrees, too. */
static int64_t total(int n)
{
    int64_t first = 0;
    for (int i = 0; i < n; i++)
        TALK_UNTIL((first = talk_db_ask(dbs[0], WEIR_WRITE, SUM)) == talk_db_ask(dbs[i], WEIR_WRITE, SUM));
    return first;
}

void level_22_hot_row(const struct place *places, int n)
{
    uint64_t heard = 0;
    count = n;
    for (int i = 0; i < n; i++)
        dbs[i] = level_open(&places[i], "pool_size=16&write_reserve=15");
    make_row(n);
    atomic_store(&failed, 0);
    level_threads(counting, NULL);
    qsort(attempts, TOTAL, sizeof *attempts, compare);
    for (int i = 0; i < n; i++)
        heard += note_figures(dbs[i]);
    tap_note("attempts: half %u, 99 of 100 %u, at most %u", attempts[TOTAL / 2], attempts[TOTAL * 99 / 100],
             attempts[TOTAL - 1]);
    is_int(failed, 0, "level 22: %d serializable transactions on one row", TOTAL);
    is_int(total(n), TOTAL, "  each counts once");
    ok(attempts[TOTAL - TOTAL / 1000 - 1] <= 10, "  and 999 of 1000 need no more than 10 attempts");
    is_int(heard, 0, "  none of which a caller has heard of");
    for (int i = 0; i < n; i++)
        weir_db_close(&dbs[i]);
}
