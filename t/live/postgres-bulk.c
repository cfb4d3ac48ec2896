/*
 * Bulk writing on PostgreSQL, and through PgBouncer in transaction mode.
 * SPDX-License-Identifier: MIT
 */
#include <stdio.h>
#include "bulk.h"
#include "server-postgres.h"
#include "talk.h"

static const char *const direct[] = { "cancel_grace", "30s", NULL };
static const char *const pooled[] = { "cancel_grace", "30s", "pooler", "transaction", NULL };

/* ---- two who write the same rows ---- */

enum { KEYS = 60, JOBS = 40, WRITERS = 4 };

struct writer {
    pthread_t thread;
    weir_db *db;
    int number, failures;
    uint64_t retries;
};

/* Each has the keys in an order of its own. */
static int write_job(struct writer *w, weir_bulk_result *result, weir_error *err)
{
    static const weir_column columns[] = { { "k", 1, 0 }, { "n", 0, WEIR_ADD } };
    const weir_bulk_spec spec = { .size = sizeof spec, .table = "hot", .columns = columns, .count = 2 };
    static const int steps[] = { 1, 59, 7, 53 }; /* with no factor in common with the number of keys */
    weir_bulk *bulk;
    int st = weir_bulk_open(&bulk, w->db, &spec, err);
    for (int i = 0; i < KEYS && st >= 0; i++)
        st = weir_bulk_row(bulk, WEIR_ARGS(weir_int(i * steps[w->number] % KEYS), weir_int(1)), err);
    return st < 0 ? st : weir_bulk_finish(&bulk, result, LONG, err);
}

static void *write_jobs(void *arg)
{
    struct writer *w = arg;
    for (int i = 0; i < JOBS; i++) {
        weir_bulk_result result = { 0 };
        weir_error err;
        if (write_job(w, &result, &err) < 0 && w->failures++ == 0)
            tap_note("%s", err.text);
        w->retries += result.retries;
    }
    return NULL;
}

/* Without an order two of them would soon wait for each other. */
static void test_writers(weir_db *db)
{
    struct writer writers[WRITERS];
    int failures = 0;
    uint64_t retries = 0;
    talk_db_run(db, "DROP TABLE IF EXISTS hot");
    talk_db_run(db, "CREATE TABLE hot(k BIGINT PRIMARY KEY, n BIGINT)");
    for (int i = 0; i < WRITERS; i++) {
        writers[i] = (struct writer){ .db = db, .number = i };
        talk_start(&writers[i].thread, write_jobs, &writers[i]);
    }
    for (int i = 0; i < WRITERS; i++) {
        talk_join(writers[i].thread);
        failures += writers[i].failures;
        retries += writers[i].retries;
    }
    is_int(failures, 0, "%d write the same rows at once, and none fails", WRITERS);
    is_int((int64_t)retries, 0, "  nor has to try again, whatever order their rows came in");
    is_int(talk_db_ask(db, WEIR_READ, "SELECT sum(n)::bigint FROM hot"), KEYS * JOBS * WRITERS, "  and no row is lost");
    talk_db_run(db, "DROP TABLE hot");
}

static void run_on(int port, const char *const *options)
{
    static const struct bulk_dialect postgres = { .text = "TEXT", .decimal = "NUMERIC", .checks_values = 1 };
    char url[128];
    snprintf(url, sizeof url, "postgres://weir@127.0.0.1:%d/postgres", port);
    tap_note("%s", url);
    weir_db *db = talk_open(url, options);
    bulk_scenario(db, &postgres);
    test_writers(db);
    weir_db_close(&db);
}

int main(void)
{
    static struct postgres server;
    static struct pgbouncer pooler;
    postgres_start(&server, NULL);
    pgbouncer_start(&pooler, &server, NULL);
    run_on(server.port, direct);
    run_on(pooler.port, pooled);
    pgbouncer_stop(&pooler);
    postgres_stop(&server);
    return tap_done();
}
