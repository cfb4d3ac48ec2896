/*
 * The PostgreSQL driver's bulk wing by itself: whatever way rows take, they arrive as single statements would have brought them.
 * SPDX-License-Identifier: MIT
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "postgres-rig.h"
#include "server-postgres.h"
#include "tap.h"

#define backend (&weir_postgres_backend)
#define wing (backend->sql)
#define FEW 7     /* go as arrays */
#define MANY 1200 /* new ones are copied */

static struct postgres server;
static struct pgbouncer pooler;
static struct rig rig, pooled;
static weir_error err;

/* ---- short words ---- */

/* Writes the rows of a job of its own, in a transaction that is committed or, if it fails, rolled back. */
static int write_job(void *conn, uint64_t kind, const weir_bulk_spec *spec, const weir_value *const *rows, size_t count,
                     size_t *bad, int64_t deadline_ns)
{
    weir_error ignored;
    int st = wing->begin(conn, 1, 0, SOON, &err);
    if (st == WEIR_OK)
        st = backend->bulk->write(conn, kind, spec, rows, count, bad, deadline_ns, &err);
    if (st == WEIR_OK)
        return wing->commit(conn, SOON, &err);
    wing->rollback(conn, SOON, &ignored);
    return st;
}

/* Once more if that may help, as the core would. */
static int write_again(void *conn, uint64_t kind, const weir_bulk_spec *spec, const weir_value *const *rows,
                       size_t count, size_t *bad)
{
    int st = write_job(conn, kind, spec, rows, count, bad, SOON);
    return st == WEIR_E_DATA || (st < 0 && err.flags & WEIR_RETRY_TRANSACTION)
               ? write_job(conn, kind, spec, rows, count, bad, SOON)
               : st;
}

/* Rows (i, cell) for i from 0: of a table with the columns k and v. */
struct pairs {
    weir_value cells[MANY][2];
    const weir_value *rows[MANY];
};

static const struct pairs *pairs_of(weir_value v)
{
    static struct pairs p;
    for (int i = 0; i < MANY; i++) {
        p.cells[i][0] = weir_int(i);
        p.cells[i][1] = v;
        p.rows[i] = p.cells[i];
    }
    return &p;
}

static const weir_column pair[] = { { "k", 1, 0 }, { "v", 0, WEIR_REPLACE } };
static const weir_bulk_spec upsert = { .size = sizeof upsert, .table = "pairs", .columns = pair, .count = 2 };
static const weir_bulk_spec insert = {
    .size = sizeof insert, .table = "pairs", .columns = pair, .count = 2, .insert_only = 1
};

/* The numbers that the core gives: the same spec has the same. */
static uint64_t kind_of(const weir_bulk_spec *spec)
{
    static uint64_t others = 2;
    return spec == &upsert ? 1 : spec == &insert ? 2 : ++others;
}

static int write_rows(void *conn, const weir_bulk_spec *spec, const weir_value *const *rows, size_t count, size_t *bad)
{
    return write_again(conn, kind_of(spec), spec, rows, count, bad);
}

static void make_pairs(void *conn, const char *type)
{
    char sql[200];
    must(conn, "DROP TABLE IF EXISTS pairs CASCADE");
    snprintf(sql, sizeof sql, "CREATE TABLE pairs(k BIGINT PRIMARY KEY, v %s)", type);
    must(conn, sql);
}

/* ---- values ---- */

static const struct {
    const char *type;
    weir_value v;
} values[] = {
    { "BOOL", { .type = WEIR_INT, .as.i = 1 } },
    { "SMALLINT", { .type = WEIR_INT, .as.i = -32768 } },
    { "INT", { .type = WEIR_INT, .as.i = -1 } },
    { "BIGINT", { .type = WEIR_INT, .as.i = INT64_MIN } },
    { "OID", { .type = WEIR_INT, .as.i = 4000000000 } },
    { "NUMERIC", { .type = WEIR_INT, .as.i = INT64_MIN } },
    { "NUMERIC", { .type = WEIR_INT, .as.i = 10000 } },
    { "REAL", { .type = WEIR_INT, .as.i = 3 } },
    { "REAL", { .type = WEIR_INT, .as.i = 123456789 } },
    { "DOUBLE PRECISION", { .type = WEIR_INT, .as.i = -7 } },
    { "TEXT", { .type = WEIR_INT, .as.i = -7 } },
    { "REAL", { .type = WEIR_DOUBLE, .as.d = 0.1 } },
    { "DOUBLE PRECISION", { .type = WEIR_DOUBLE, .as.d = 0.1 } },
    { "TEXT", { .type = WEIR_DOUBLE, .as.d = -1234.0625 } },
    { "NUMERIC", { .type = WEIR_DOUBLE, .as.d = 0.25 } },
    { "BYTEA", { .type = WEIR_BLOB, .as.p = "a\0\\", .length = 3 } },
    { "BYTEA", { .type = WEIR_TEXT, .as.p = "\\x41", .length = 4 } },
    { "DATE", { .type = WEIR_TIME, .as.i = 946684799999999 } },
    { "DATE", { .type = WEIR_TIME, .as.i = 1700000000000000 } },
    { "TIMESTAMP", { .type = WEIR_TIME, .as.i = -1 } },
    { "TIMESTAMPTZ", { .type = WEIR_TIME, .as.i = 1700000000000001 } },
};

/* Decimals and other texts. */
static const struct {
    const char *type, *text;
    weir_type as;
} texts[] = {
    { "NUMERIC", "0", WEIR_DECIMAL },
    { "NUMERIC", "-0.00", WEIR_DECIMAL },
    { "NUMERIC", "+00012", WEIR_DECIMAL },
    { "NUMERIC", "12345.678", WEIR_DECIMAL },
    { "NUMERIC", "-.5", WEIR_DECIMAL },
    { "NUMERIC", "10000.", WEIR_DECIMAL },
    { "NUMERIC", "0.00000000012300", WEIR_DECIMAL },
    { "NUMERIC", "123456789012345678901234567890.000000000000000000000000000001", WEIR_DECIMAL },
    { "NUMERIC(12,3)", "1.23456", WEIR_DECIMAL },
    { "DOUBLE PRECISION", "1.5", WEIR_DECIMAL },
    { "TEXT", "1.50", WEIR_DECIMAL },
    { "NUMERIC", "1e3", WEIR_TEXT },
    { "BIGINT", "12", WEIR_TEXT },
    { "TEXT", "", WEIR_TEXT },
    { "TEXT", "NULL", WEIR_TEXT },
    { "TEXT", "a\\b\t\"{,}'\n\xc3\xa9", WEIR_TEXT },
    { "VARCHAR(5)", "abcde", WEIR_TEXT },
    { "CHAR(5)", "ab", WEIR_TEXT },
    { "DATE", "2024-02-29", WEIR_TEXT },
    { "TIMESTAMPTZ", "2024-02-29 12:00:00+02", WEIR_TEXT },
    { "JSON", "{\"a\": 1}", WEIR_TEXT },
    { "JSONB", "{\"a\": 1}", WEIR_TEXT },
    { "UUID", "00000000-0000-0000-0000-00000000000a", WEIR_TEXT },
    { "mood", "so so", WEIR_TEXT },
    { "price", "2.50", WEIR_DECIMAL },
    { "INT[]", "{1,NULL,3}", WEIR_TEXT },
    { "TEXT[]", "{\"a,b\",c}", WEIR_TEXT },
    { "spot", "(1,\"two, three\")", WEIR_TEXT },
    { "BIT(3)", "101", WEIR_TEXT },
    { "INTERVAL", "1 day 02:03:04", WEIR_TEXT },
    { "BOX", "(1,1),(0,0)", WEIR_TEXT },
};

/* How many rows have what a single statement made of that value. */
static int64_t alike(void *conn)
{
    return ask_int(conn, "SELECT count(*) FROM pairs one, pairs many WHERE one.k = -1 AND many.k >= 0 "
                         "AND many.v::text IS NOT DISTINCT FROM one.v::text");
}

static void test_value(void *conn, const char *type, weir_value v, const char *said)
{
    size_t bad;
    const struct pairs *p = pairs_of(v);
    make_pairs(conn, type);
    if (execute(conn, "INSERT INTO pairs VALUES (-1, ?)", WEIR_ARGS(v), SOON, &err) < 0)
        tap_bail("%s: %s", type, err.text);
    is_int(write_rows(conn, &upsert, p->rows, FEW, &bad), WEIR_OK, "%s into a %s, a few", said, type);
    is_int(write_rows(conn, &upsert, p->rows, FEW, &bad), WEIR_OK, "  and again");
    is_int(alike(conn), FEW, "  arrive as they would one by one");
    must(conn, "DELETE FROM pairs WHERE k >= 0");
    is_int(write_rows(conn, &insert, p->rows, MANY, &bad), WEIR_OK, "  and so do many");
    is_int(alike(conn), MANY, "  each of them");
}

static const char *describe(weir_value v)
{
    static char text[80];
    static const char *const names[] = { "NULL", "int", "double", "text", "blob", "decimal", "time" };
    if (v.type == WEIR_DOUBLE)
        snprintf(text, sizeof text, "double %g", v.as.d);
    else if (v.type == WEIR_INT || v.type == WEIR_TIME)
        snprintf(text, sizeof text, "%s %lld", names[v.type], (long long)v.as.i);
    else
        snprintf(text, sizeof text, "%s", names[v.type]);
    return text;
}

static void test_values(void *conn)
{
    for (size_t i = 0; i < sizeof values / sizeof *values; i++)
        test_value(conn, values[i].type, values[i].v, describe(values[i].v));
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        test_value(conn, texts[i].type, weir_bytes_(texts[i].as, texts[i].text, strlen(texts[i].text)),
                   strchr(texts[i].text, '\n') ? "an awkward text" : texts[i].text);
    test_value(conn, "BIGINT", weir_null(), "a NULL");
    test_value(conn, "mood", weir_null(), "a NULL");
}

/* ---- rows that are bad ---- */

static const struct {
    const char *type;
    weir_value good, bad;
    int status;
    int named; /* before anything is sent, or by COPY */
} misfits[] = {
    { "BIGINT", { .type = WEIR_INT }, { .type = WEIR_TEXT, .as.p = "x", .length = 1 }, WEIR_E_DATA, 0 },
    { "INT", { .type = WEIR_INT }, { .type = WEIR_INT, .as.i = INT64_MAX }, WEIR_E_DATA, 0 },
    { "BOOL", { .type = WEIR_INT }, { .type = WEIR_INT, .as.i = 2 }, WEIR_E_DATA, 0 },
    { "VARCHAR(3)", { .type = WEIR_NULL }, { .type = WEIR_TEXT, .as.p = "four", .length = 4 }, WEIR_E_DATA, 1 },
    { "TEXT", { .type = WEIR_NULL }, { .type = WEIR_TEXT, .as.p = "\xff", .length = 1 }, WEIR_E_DATA, 1 },
    { "NUMERIC(3,0)", { .type = WEIR_INT }, { .type = WEIR_INT, .as.i = 1000 }, WEIR_E_DATA, 1 },
    { "INT CHECK (v < 9)", { .type = WEIR_INT }, { .type = WEIR_INT, .as.i = 9 }, WEIR_E_CHECK, 1 },
    { "INT NOT NULL", { .type = WEIR_INT }, { .type = WEIR_NULL }, WEIR_E_NOT_NULL, 1 },
    { "INT REFERENCES pairs", { .type = WEIR_INT }, { .type = WEIR_INT, .as.i = 9999 }, WEIR_E_FOREIGN_KEY, 0 },
};

static void test_misfit(void *conn, size_t which)
{
    size_t bad;
    struct pairs *p = (struct pairs *)pairs_of(misfits[which].good);
    make_pairs(conn, misfits[which].type);
    p->cells[5][1] = misfits[which].bad;
    is_int(write_rows(conn, &upsert, p->rows, FEW, &bad), misfits[which].status, "%s is given what it cannot hold: %s",
           misfits[which].type, err.text);
    p->cells[5][1] = misfits[which].good;
    p->cells[1003][1] = misfits[which].bad;
    is_int(write_rows(conn, &insert, p->rows, MANY, &bad), misfits[which].status, "  and so it is among many");
    is_int((int64_t)bad, misfits[which].named ? 1003 : MANY, "  %s", misfits[which].named ? "by name" : "by none");
    is_int(ask_int(conn, "SELECT count(*) FROM pairs"), 0, "  and nothing is written");
    is_int(backend->dirty(conn), 0, "  nor left behind");
}

/* What no column could hold is found before anything is sent. */
static void test_unsendable(void *conn)
{
    static const weir_value wrong[] = { { .type = WEIR_TIME, .as.i = INT64_MAX },
                                        { .type = WEIR_BLOB, .as.p = "x", .length = 1 } };
    make_pairs(conn, "TIMESTAMPTZ");
    for (size_t i = 0; i < 2; i++) {
        size_t bad;
        struct pairs *p = (struct pairs *)pairs_of(weir_null());
        p->cells[4][1] = wrong[i];
        is_int(write_rows(conn, &upsert, p->rows, FEW, &bad), WEIR_E_DATA, "refused: %s", err.text);
        is_int((int64_t)bad, 4, "  with its row");
        has_text(err.text, "column v", "  and its column");
    }
}

/* A trigger at row 900 that does so. */
static void at_900(void *conn, const char *does)
{
    char sql[300];
    make_pairs(conn, "BIGINT");
    snprintf(sql, sizeof sql,
             "CREATE OR REPLACE FUNCTION at_900() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF NEW.k = 900 THEN %s; "
             "END IF; RETURN NEW; END $$",
             does);
    must(conn, sql);
    must(conn, "CREATE TRIGGER at_900 BEFORE INSERT ON pairs FOR EACH ROW EXECUTE FUNCTION at_900()");
}

static void test_triggers(struct rig *r)
{
    size_t bad;
    const struct pairs *p = pairs_of(weir_int(1));
    void *conn = session(r), *other = session(&rig);
    at_900(other, "RAISE EXCEPTION 'COPY pairs, line 7'");
    is_int(write_rows(conn, &insert, p->rows, MANY, &bad), WEIR_E_CHECK, "a trigger refuses one of many rows");
    is_int((int64_t)bad, 900, "  which is named");
    must(other, "DROP TRIGGER at_900 ON pairs");
    is_int(write_rows(conn, &insert, p->rows, MANY, &bad), WEIR_OK, "  and the connection goes on");
    at_900(other, "PERFORM pg_terminate_backend(pg_backend_pid())");
    is_int(write_rows(conn, &insert, p->rows, MANY, &bad), WEIR_E_LOST, "the server hangs up in the middle: %s",
           err.text);
    ok(err.flags & WEIR_CONNECTION_DEAD, "  and the connection is of no use any more");
    is_int(ask_int(other, "SELECT count(*) FROM pairs"), 0, "  nothing is written");
    end(&conn);
    end(&other);
}

/* One that is larger than what is sent at once. */
static void test_large(void *conn)
{
    enum { SIZE = 3000000 };
    size_t bad;
    struct pairs *p = (struct pairs *)pairs_of(weir_null());
    char *text = malloc(SIZE);
    if (!text)
        tap_bail("no memory");
    memset(text, 'x', SIZE);
    p->cells[3][1] = p->cells[1100][1] = weir_text_n(text, SIZE);
    make_pairs(conn, "TEXT");
    is_int(write_rows(conn, &upsert, p->rows, FEW, &bad), WEIR_OK, "a row of %d bytes is written", SIZE);
    is_int(write_rows(conn, &insert, p->rows + FEW, MANY - FEW, &bad), WEIR_OK, "  and copied");
    is_int(ask_int(conn, "SELECT sum(length(v))::bigint FROM pairs"), 2 * SIZE, "  as a whole");
    free(text);
}

/* ---- tables that are not plain, and that change ---- */

static void test_names(void *conn)
{
    size_t bad;
    const struct pairs *p = pairs_of(weir_int(1));
    must(conn, "CREATE SCHEMA \"Own\"");
    must(conn, "CREATE TABLE \"Own\".\"The Pairs\"(\"K\" BIGINT PRIMARY KEY, \"V\" BIGINT)");
    const weir_column quoted[] = { { "\"K\"", 1, 0 }, { "\"V\"", 0, WEIR_ADD } };
    weir_bulk_spec odd = { .size = sizeof odd, .table = "\"Own\".\"The Pairs\"", .columns = quoted, .count = 2 };
    odd.insert_only = 1;
    is_int(write_rows(conn, &odd, p->rows, MANY, &bad), WEIR_OK, "names that need quotes have them");
    is_int(write_rows(conn, &odd, p->rows, MANY, &bad), WEIR_E_UNIQUE, "  also where a row");
    is_int((int64_t)bad, 0, "  is blamed");
    odd.insert_only = 0;
    is_int(write_rows(conn, &odd, p->rows, MANY, &bad), WEIR_OK, "  and in an upsert");
    is_int(ask_int(conn, "SELECT sum(\"V\")::bigint FROM \"Own\".\"The Pairs\""), 2 * MANY, "  in every place");
    must(conn, "DROP SCHEMA \"Own\" CASCADE");
}

static void test_not_plain(void *conn)
{
    size_t bad;
    const struct pairs *p = pairs_of(weir_int(1));
    make_pairs(conn, "BIGINT");
    must(conn, "CREATE RULE twice AS ON INSERT TO pairs DO ALSO NOTIFY somebody");
    must(conn, "CREATE VIEW seen AS SELECT * FROM pairs");
    weir_bulk_spec through = insert;
    through.table = "seen";
    is_int(write_rows(conn, &through, p->rows, MANY, &bad), WEIR_OK, "many rows go through a view");
    is_int(ask_int(conn, "SELECT count(*) FROM pairs"), MANY, "  into its table");
    must(conn, "DELETE FROM pairs");
    must(conn, "ALTER TABLE pairs ENABLE ROW LEVEL SECURITY");
    is_int(write_rows(conn, &insert, p->rows, MANY, &bad), WEIR_OK, "and into a table with a policy and a rule");
}

/* The same job goes on while the table becomes another. */
static void test_changes(void *conn)
{
    static const char *const types[] = { "DOUBLE PRECISION", "TIMESTAMPTZ", "TEXT", "NUMERIC", "JSONB", "BIGINT" };
    size_t bad;
    const struct pairs *p = pairs_of(weir_null());
    make_pairs(conn, "BIGINT");
    is_int(write_rows(conn, &upsert, p->rows, FEW, &bad), WEIR_OK, "a job begins");
    is_int(write_rows(conn, &insert, p->rows + FEW, MANY - FEW, &bad), WEIR_OK, "  in both ways");
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        char sql[160];
        weir_value v = i == 1 ? weir_time_us(0) : weir_int(7);
        must(conn, "DELETE FROM pairs");
        must(conn, "ALTER TABLE pairs DROP COLUMN v");
        snprintf(sql, sizeof sql, "ALTER TABLE pairs ADD COLUMN v %s", types[i]);
        must(conn, sql);
        p = pairs_of(v);
        is_int(write_rows(conn, &upsert, p->rows, FEW, &bad), WEIR_OK, "its column becomes a %s, at most with a retry",
               types[i]);
        is_int(write_rows(conn, &insert, p->rows + FEW, MANY - FEW, &bad), WEIR_OK, "  in both ways");
        snprintf(sql, sizeof sql, "SELECT count(*) FROM pairs WHERE v::text LIKE '%s%%'", i == 1 ? "1970-01-01" : "7");
        is_int(ask_int(conn, sql), MANY, "  and no value is misread");
    }
}

static void test_many_jobs(void *conn)
{
    size_t bad;
    char names[6][8];
    const struct pairs *p = pairs_of(weir_int(1));
    make_pairs(conn, "BIGINT");
    must(conn, "ALTER TABLE pairs ADD COLUMN v0 BIGINT, ADD v1 BIGINT, ADD v2 BIGINT, ADD v3 BIGINT, ADD v4 BIGINT, "
               "ADD v5 BIGINT");
    for (int i = 0; i < 30; i++) {
        snprintf(names[i % 6], sizeof names[0], "v%d", i % 6);
        const weir_column two[] = { { "k", 1, 0 }, { names[i % 6], 0, WEIR_ADD } };
        weir_bulk_spec spec = { .size = sizeof spec, .table = "pairs", .columns = two, .count = 2 };
        if (write_rows(conn, &spec, p->rows, FEW, &bad) < 0)
            tap_bail("%s", err.text);
    }
    is_int(ask_int(conn, "SELECT sum(v0 + v1 + v2 + v3 + v4 + v5)::bigint FROM pairs"), 30 * FEW,
           "more kinds of jobs than are remembered take turns");
    ok(ask_int(conn, "SELECT count(*) FROM pg_prepared_statements") < 20, "  and leave no heap of statements");
}

/* Behind the driver's back. */
static void test_dropped(void *conn)
{
    size_t bad;
    const struct pairs *p = pairs_of(weir_int(1));
    make_pairs(conn, "BIGINT");
    is_int(write_rows(conn, &upsert, p->rows, FEW, &bad), WEIR_OK, "a job's statement is made");
    must(conn, "DO $$ BEGIN EXECUTE 'DEALLOCATE ALL'; END $$");
    is_int(write_rows(conn, &upsert, p->rows, FEW, &bad), WEIR_OK, "  and made anew, when the server has lost it");
}

/* ---- time, and memory ---- */

/* Somebody else is about to insert one of the keys, and does not go on. */
static void test_waits(struct rig *r, int count)
{
    size_t bad;
    void *conn = session(r), *other = session(&rig);
    const struct pairs *p = pairs_of(weir_int(1));
    make_pairs(other, "BIGINT");
    wing->begin(other, 0, 0, SOON, &err);
    must(other, "INSERT INTO pairs VALUES (3, 3)");
    is_int(write_job(conn, kind_of(&insert), &insert, p->rows, (size_t)count, &bad, rig_now() + 100 * MS),
           WEIR_E_TIMEOUT, "%d rows that have to wait are stopped at their deadline", count);
    is_int(err.flags & WEIR_CONNECTION_DEAD, 0, "  with the connection");
    wing->rollback(other, SOON, &err);
    is_int(write_rows(conn, &insert, p->rows, (size_t)count, &bad), WEIR_OK, "  which writes them later");
    end(&other);
    end(&conn);
}

static void test_no_memory(void)
{
    struct rig poor;
    rig_begin(&poor, server.port, NULL);
    const weir_bulk_spec *const specs[] = { &upsert, &insert };
    for (int i = 0; i < 2; i++) {
        size_t bad;
        int st = WEIR_E_MEMORY, failures = 0;
        void *conn = session(&poor);
        make_pairs(conn, i ? "BIGINT" : "JSONB");
        const struct pairs *p = pairs_of(weir_int(1));
        for (long n = 1; st == WEIR_E_MEMORY && n < 60; n++) {
            poor.fail_at = n;
            poor.allocations = 0;
            st = write_rows(conn, specs[i], p->rows, MANY, &bad);
            poor.fail_at = 0;
            failures += st == WEIR_E_MEMORY;
            ok(ask_int(conn, "SELECT count(*) FROM pairs") == (st < 0 ? 0 : MANY), "allocation %ld: all or nothing", n);
        }
        is_int(st, WEIR_OK, "with memory it works");
        ok(failures >= 3, "  and %d times it said that there was none", failures);
        end(&conn);
    }
    is_int(poor.blocks, 0, "  and gave all of it back");
}

int main(void)
{
    static const char *const options[] = { "pooler", "transaction", NULL };
    postgres_start(&server, NULL);
    pgbouncer_start(&pooler, &server, NULL);
    rig_begin(&rig, server.port, NULL);
    rig_begin(&pooled, pooler.port, options);
    void *conn = session(&rig);
    must(conn, "CREATE TYPE mood AS ENUM ('so so', 'well')");
    must(conn, "CREATE TYPE spot AS (a INT, b TEXT)");
    must(conn, "CREATE DOMAIN price AS NUMERIC CHECK (VALUE > 0)");
    test_values(conn);
    for (size_t i = 0; i < sizeof misfits / sizeof *misfits; i++)
        test_misfit(conn, i);
    test_unsendable(conn);
    test_large(conn);
    test_not_plain(conn);
    test_names(conn);
    test_changes(conn);
    test_many_jobs(conn);
    test_dropped(conn);
    end(&conn);
    conn = session(&pooled);
    test_values(conn);
    test_changes(conn);
    end(&conn);
    test_triggers(&rig);
    test_triggers(&pooled);
    test_waits(&rig, FEW);
    test_waits(&rig, MANY);
    test_waits(&pooled, MANY);
    test_no_memory();
    is_int(rig.blocks + pooled.blocks, 0, "the driver has given back all memory");
    pgbouncer_stop(&pooler);
    postgres_stop(&server);
    return tap_done();
}
