/*
 * Level 19: many threads write the same rows, each in an order of its own, through the bulk writer, which sorts them: no deadlock.
 * SPDX-License-Identifier: MIT
 */
#include "levels.h"

#define JOBS 100 /* of a thread */
#define ROWS 16
#define TOTAL (JOBS * ROWS * LEVEL_THREADS)

static const weir_column columns[] = { { "id", 1, 0 }, { "balance", 0, WEIR_ADD } };
static const weir_bulk_spec spec = { .size = sizeof spec, .table = "level_accounts", .columns = columns, .count = 2 };
static atomic_int failed;

static int write_job(weir_db *db, unsigned seed)
{
    weir_error err;
    weir_bulk *bulk;
    if (weir_bulk_open(&bulk, db, &spec, &err) < 0)
        tap_bail("%s", err.text);
    const int64_t first = seed >> 16 & (ROWS - 1),
                  step = (seed >> 20 & (ROWS - 1)) | 1; /* odd: it comes by all of them */
    int st = WEIR_OK;
    for (int64_t i = 0; i < ROWS && st >= 0; i++)
        st = weir_bulk_row(bulk, WEIR_ARGS(weir_int((first + i * step) % ROWS), weir_int(1)), &err);
    if (st >= 0)
        st = weir_bulk_finish(&bulk, NULL, LONG, &err);
    weir_bulk_abort(&bulk);
    if (st < 0)
        tap_note("%s", err.text);
    return st;
}

static void jobs(weir_db *db, int thread)
{
    unsigned seed = 54321u + (unsigned)thread;
    for (int i = 0; i < JOBS; i++) {
        seed = seed * 1103515245u + 12345u;
        if (write_job(db, seed) < 0)
            atomic_fetch_add(&failed, 1);
    }
}

void level_19_sorted(const struct place *place)
{
    weir_db *db = level_open(place, "pool_size=16&write_reserve=15");
    talk_db_run(db, "DROP TABLE IF EXISTS level_accounts");
    talk_db_run(db, "CREATE TABLE level_accounts(id INTEGER PRIMARY KEY, balance BIGINT NOT NULL)");
    for (int i = 0; i < ROWS; i++)
        talk_db_run(db, "INSERT INTO level_accounts VALUES (%d, 0)", i);
    atomic_store(&failed, 0);
    level_threads(jobs, db);
    const weir_figures f = level_figures(db);
    is_int(failed, 0, "level 19: the same rows written in %d orders by the bulk writer", JOBS * LEVEL_THREADS);
    is_int(f.deadlocks_server, 0, "  without a deadlock on the server");
    is_int(f.retries, 0, "  or a retry");
    is_int(talk_db_ask(db, WEIR_WRITE, "SELECT sum(balance) FROM level_accounts"), TOTAL, "  and the sum is exact");
    weir_db_close(&db);
}
