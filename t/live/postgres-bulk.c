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

/* Which go to the server in different ways. */
static void test_blobs_and_numbers(weir_db *db)
{
    static const weir_column columns[] = { { "id", 1, 0 }, { "b", 0, 0 } };
    const weir_bulk_spec spec = { .size = sizeof spec, .table = "bytes", .columns = columns, .count = 2 };
    const weir_value cells[] = { weir_blob("\\x41", 4), weir_int(50), weir_blob("\0\1", 2), weir_null() };
    weir_error err;
    talk_db_run(db, "CREATE TABLE bytes (id INT PRIMARY KEY, b BYTEA)");
    for (int job = 0; job < 2; job++) {
        weir_bulk *bulk;
        if (weir_bulk_open(&bulk, db, &spec, &err) < 0)
            tap_bail("%s", err.text);
        for (int i = 0; i < 4; i++) /* the second job has blobs alone */
            weir_bulk_row(bulk, WEIR_ARGS(weir_int(10 * job + i), job && i == 1 ? cells[0] : cells[i]), &err);
        if (!is_int(weir_bulk_finish(&bulk, NULL, (weir_deadline){ 0 }, &err), WEIR_OK, "blobs %s are written",
                    job ? "alone" : "and a number"))
            tap_note("%s", err.text);
    }
    is_int(talk_db_ask(db, WEIR_READ,
                       "SELECT count(*) FROM bytes WHERE (id %% 10, encode(b, 'hex')) IN ((0, '5c783431'), (1, "
                       "'3530'), (1, '5c783431'), (2, '0001'))"),
           6, "  and each byte of them is stored");
    talk_db_run(db, "DROP TABLE bytes");
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
    test_blobs_and_numbers(db);
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
