/*
 * Level 22: many threads read and write one row at the strictest isolation.
 * SPDX-License-Identifier: MIT
 */
#include <stdlib.h>
#include "levels.h"

#define EACH 125
#define TOTAL (EACH * LEVEL_THREADS)

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

static void counting(weir_db *db, int thread)
{
    const weir_transact_options strict = { .size = sizeof strict, .isolation = WEIR_SERIALIZABLE, .attempts = 100 };
    weir_error err;
    weir_outcome outcome;
    for (int i = 0; i < EACH; i++) {
        if (weir_transact(&outcome, db, count_up, NULL, &strict, LONG, &err) < 0) {
            atomic_fetch_add(&failed, 1);
            tap_note("%s", err.text);
        }
        attempts[thread * EACH + i] = outcome.attempts;
    }
}

static int compare(const void *a, const void *b)
{
    const unsigned x = *(const unsigned *)a, y = *(const unsigned *)b;
    return (x > y) - (x < y);
}

void level_22_serializable(const struct place *place)
{
    weir_db *db = level_open(place, "pool_size=16&write_reserve=15");
    talk_db_run(db, "DROP TABLE IF EXISTS level_hot");
    talk_db_run(db, "CREATE TABLE level_hot(id INTEGER PRIMARY KEY, n BIGINT NOT NULL)");
    talk_db_run(db, "INSERT INTO level_hot VALUES (1, 0)");
    atomic_store(&failed, 0);
    level_threads(counting, db);
    qsort(attempts, TOTAL, sizeof *attempts, compare);
    const weir_figures f = level_figures(db);
    tap_note("%llu retries, %llu times fewer writers, attempts: half %u, 99 of 100 %u, at most %u",
             (unsigned long long)f.retries, (unsigned long long)f.narrowed, attempts[TOTAL / 2],
             attempts[TOTAL * 99 / 100], attempts[TOTAL - 1]);
    is_int(failed, 0, "level 22: %d serializable transactions on one row", TOTAL);
    is_int(talk_db_ask(db, WEIR_WRITE, "SELECT n FROM level_hot"), TOTAL, "  each counts once");
    ok(attempts[TOTAL - TOTAL / 1000 - 1] <= 10, "  and 999 of 1000 need no more than 10 attempts");
    is_int(f.deadlocks_caller, 0, "  none of which a caller has heard of");
    weir_db_close(&db);
}
