/*
 * What bulk writing does on every database alike.
 * SPDX-License-Identifier: MIT
 */
#include <stdio.h>
#include <string.h>
#include "bulk.h"
#include "tap.h"

static weir_db *db;
static const struct bulk_dialect *dialect;
static weir_error err;

/* ---- short words */

void bulk_run(weir_db *on, const char *sql)
{
    weir_conn conn;
    if (weir_acquire(&conn, on, WEIR_WRITE, (weir_deadline){ 0 }, &err) < 0 ||
        weir_exec(NULL, conn, sql, WEIR_NO_ARGS, (weir_deadline){ 0 }, &err) < 0)
        tap_bail("%s: %s", sql, err.text);
    weir_release(&conn);
}

const char *bulk_ask(weir_db *on, const char *sql)
{
    static char texts[4][128];
    static unsigned last;
    char *text = texts[++last % 4];
    weir_conn conn;
    weir_rows rows;
    strcpy(text, "(none)");
    if (weir_acquire(&conn, on, WEIR_READ, (weir_deadline){ 0 }, &err) < 0 ||
        weir_query(&rows, conn, sql, WEIR_NO_ARGS, (weir_deadline){ 0 }, &err) < 0)
        tap_bail("%s: %s", sql, err.text);
    if (weir_rows_next(rows, NULL) == WEIR_ROW)
        snprintf(text, 128, "%s", weir_rows_is_null(rows, 0) ? "NULL" : weir_rows_text(rows, 0));
    weir_rows_close(&rows, NULL);
    weir_release(&conn);
    return text;
}

static void run(const char *sql)
{
    bulk_run(db, sql);
}

static const char *ask(const char *sql)
{
    return bulk_ask(db, sql);
}

static void make_table(void)
{
    char sql[512];
    snprintf(
        sql, sizeof sql,
        "CREATE TABLE weir_bulk_t (k %s NOT NULL, part BIGINT NOT NULL, replaced BIGINT, kept BIGINT, added BIGINT, "
        "larger BIGINT, smaller BIGINT, must BIGINT NOT NULL, PRIMARY KEY (k, part))",
        dialect->text);
    run("DROP TABLE IF EXISTS weir_bulk_t");
    run(sql);
}

static const weir_column columns[] = {
    { "k", 1, 0 },
    { "part", 1, 0 },
    { "replaced", 0, WEIR_REPLACE },
    { "kept", 0, WEIR_KEEP },
    { "added", 0, WEIR_ADD },
    { "larger", 0, WEIR_LARGER },
    { "smaller", 0, WEIR_SMALLER },
    { "must", 0, WEIR_REPLACE },
};

static weir_bulk_spec spec(void)
{
    weir_bulk_spec s = { .size = sizeof s, .table = "weir_bulk_t", .columns = columns, .count = 8 };
    return s;
}

static weir_bulk *begin(const weir_bulk_spec *s)
{
    weir_bulk *bulk;
    if (weir_bulk_open(&bulk, db, s, &err) < 0)
        tap_bail("%s", err.text);
    return bulk;
}

/* A row whose every number is n; n < 0 is NULL, and `must` is n, too. */
static int add(weir_bulk *bulk, const char *k, int64_t part, int64_t n)
{
    weir_value v = n < 0 ? weir_null() : weir_int(n);
    const weir_value row[] = { weir_text(k), weir_int(part), v, v, v, v, v, v };
    return weir_bulk_row(bulk, weir_args_of(row, 8), &err);
}

static int add_but(weir_bulk *bulk, const char *k, int64_t part, int64_t n, int64_t must)
{
    weir_value v = n < 0 ? weir_null() : weir_int(n);
    const weir_value row[] = { weir_text(k), weir_int(part), v, v, v, v, v, must < 0 ? weir_null() : weir_int(must) };
    return weir_bulk_row(bulk, weir_args_of(row, 8), &err);
}

static weir_bulk_result finish(weir_bulk **bulk, int want, const char *fact)
{
    weir_bulk_result result;
    int status = weir_bulk_finish(bulk, &result, (weir_deadline){ 0 }, &err);
    if (!is_int(status, want, "%s", fact) && status < 0)
        tap_note("  %s", err.text);
    ok(*bulk == NULL, "and the job is gone");
    return result;
}

#define SUMS                                                                                                          \
    "SELECT replaced * 100000000 + kept * 1000000 + added * 10000 + larger * 100 + smaller FROM weir_bulk_t WHERE k " \
    "= 'a'"

/* ---- facts */

static void test_rules(void)
{
    weir_bulk_spec s = spec();
    make_table();
    weir_bulk *bulk = begin(&s);
    add(bulk, "a", 1, 5);
    weir_bulk_result r = finish(&bulk, WEIR_OK, "a row is written");
    is_int(r.rows, 1, "one row, says the result");
    is_int(r.batches, 1, "in one batch");
    is_text(ask(SUMS), "505050505", "a new row is stored as it is");
    bulk = begin(&s);
    add(bulk, "a", 1, 7);
    finish(&bulk, WEIR_OK, "a row with the same key is written");
    is_text(ask(SUMS), "705120705", "each column follows its rule: replaced 7, kept 5, added 12, larger 7, smaller 5");
    bulk = begin(&s);
    add_but(bulk, "a", 1, -1, 3);
    finish(&bulk, WEIR_OK, "a row of NULLs is written");
    is_text(ask("SELECT COUNT(*) FROM weir_bulk_t WHERE replaced IS NULL AND kept = 5 AND added = 12 AND larger = 7 "
                "AND smaller = 5 AND must = 3"),
            "1", "a NULL replaces, and leaves alone what is kept, added or compared");
}

/* The same three rows, in one batch: folded before they are sent. */
static void test_fold(void)
{
    weir_bulk_spec s = spec();
    make_table();
    weir_bulk *bulk = begin(&s);
    add(bulk, "a", 1, 5);
    add(bulk, "b", 1, 1);
    add(bulk, "a", 1, 7);
    add_but(bulk, "a", 1, -1, 3);
    weir_bulk_result r = finish(&bulk, WEIR_OK, "rows with one key are written in one batch");
    is_int(r.folded, 2, "two of them were folded");
    is_int(r.rows, 4, "and count as written");
    is_text(ask("SELECT COUNT(*) FROM weir_bulk_t WHERE replaced IS NULL AND kept = 5 AND added = 12 AND larger = 7 "
                "AND smaller = 5 AND must = 3"),
            "1", "what is left is what the server would have made of them one by one");
    is_text(ask("SELECT COUNT(*) FROM weir_bulk_t"), "2", "the other key is there too");
}

static void test_many(void)
{
    enum { MANY = 25000 };
    weir_bulk_spec s = spec();
    char key[32];
    make_table();
    weir_bulk *bulk = begin(&s);
    int status = WEIR_OK;
    for (int64_t i = 0; i < MANY && status >= 0; i++) {
        snprintf(key, sizeof key, "key %d", (int)(i * 7919 % MANY));
        status = add(bulk, key, i % 3, i);
    }
    is_int(status, WEIR_OK, "rows are taken by the thousand, in any order");
    weir_bulk_result r = finish(&bulk, WEIR_OK, "and all are written");
    is_int(r.rows, MANY, "%d of them", MANY);
    ok(r.batches > 1, "in batches: %d", (int)r.batches);
    is_text(ask("SELECT COUNT(*) FROM weir_bulk_t"), "25000", "the table has each");
    is_text(ask("SELECT SUM(replaced) FROM weir_bulk_t"), "312487500", "and their sum is right");
}

static void test_bad_row(void)
{
    weir_bulk_spec s = spec();
    make_table();
    weir_bulk *bulk = begin(&s);
    for (int i = 0; i < 100; i++)
        add_but(bulk, "x", i, i, i == 57 ? -1 : i);
    weir_bulk_result r = finish(&bulk, WEIR_E_NOT_NULL, "a batch with a bad row fails");
    is_int(r.bad_row, 57, "and names the row");
    is_int(r.rows, 0, "nothing was written");
    is_text(ask("SELECT COUNT(*) FROM weir_bulk_t"), "0", "nothing is there");
}

static void test_skip_bad(void)
{
    weir_bulk_spec s = spec();
    s.skip_bad = 1;
    make_table();
    weir_bulk *bulk = begin(&s);
    for (int i = 0; i < 100; i++)
        add_but(bulk, "x", i, i, i % 10 == 3 ? -1 : i);
    weir_bulk_result r = finish(&bulk, WEIR_OK, "with skip_bad it does not fail");
    is_int(r.skipped, 10, "ten bad rows are left out");
    is_int(r.rows, 90, "ninety are written");
    is_int(r.bad_row, 3, "the first bad one is named");
    is_text(ask("SELECT COUNT(*) FROM weir_bulk_t"), "90", "and ninety are there");
}

static void test_insert_only(void)
{
    weir_bulk_spec s = spec();
    s.insert_only = 1;
    make_table();
    weir_bulk *bulk = begin(&s);
    for (int i = 0; i < 10; i++)
        add(bulk, "x", i, i);
    finish(&bulk, WEIR_OK, "new rows are inserted");
    bulk = begin(&s);
    add(bulk, "x", 20, 20);
    add(bulk, "x", 4, 4);
    weir_bulk_result r = finish(&bulk, WEIR_E_UNIQUE, "a key that is there already is refused");
    is_int(r.bad_row, 1, "and its row is named");
    is_text(ask("SELECT COUNT(*) FROM weir_bulk_t"), "10", "its batch is undone");
}

static void test_refused(void)
{
    weir_bulk_spec s = spec();
    weir_bulk *bulk = begin(&s);
    const weir_value null_key[] = { weir_null(), weir_int(1), weir_int(1), weir_int(1),
                                    weir_int(1), weir_int(1), weir_int(1), weir_int(1) };
    is_int(weir_bulk_row(bulk, weir_args_of(null_key, 7), &err), WEIR_E_ARGUMENT, "too few cells are refused");
    has_text(err.text, "7 cells", "with their number");
    is_int(weir_bulk_row(bulk, weir_args_of(null_key, 8), &err), WEIR_E_NOT_NULL, "a NULL in the key is refused");
    has_text(err.text, "column k", "with the column's name");
    const weir_value zero[] = { weir_text_n("a\0b", 3),
                                weir_int(1),
                                weir_int(1),
                                weir_int(1),
                                weir_int(1),
                                weir_int(1),
                                weir_int(1),
                                weir_int(1) };
    is_int(weir_bulk_row(bulk, weir_args_of(zero, 8), &err), WEIR_E_DATA, "a zero byte in a text is refused");
    is_int(add(bulk, "good", 1, 1), WEIR_OK, "a good row is taken after them");
    weir_bulk_abort(&bulk);
    ok(bulk == NULL, "an aborted job is gone");
    s.table = "weir_bulk_missing";
    bulk = begin(&s);
    add(bulk, "good", 1, 1);
    weir_bulk_result r = finish(&bulk, WEIR_E_STATEMENT, "a table that is not there is told");
    is_int(r.rows, 0, "and nothing is written");
    s = spec();
    weir_column none[8];
    memcpy(none, columns, sizeof none);
    none[0].key = none[1].key = 0;
    s.columns = none;
    is_int(weir_bulk_open(&bulk, db, &s, &err), WEIR_E_ARGUMENT, "an upsert without a key is refused");
    ok(bulk == NULL, "and there is no job");
}

static void test_on_conn(void)
{
    weir_bulk_spec s = spec();
    weir_conn conn;
    weir_bulk *bulk;
    make_table();
    if (weir_acquire(&conn, db, WEIR_WRITE, (weir_deadline){ 0 }, &err) < 0)
        tap_bail("%s", err.text);
    is_int(weir_bulk_open_on(&bulk, conn, &s, &err), WEIR_E_ARGUMENT, "on a connection, a transaction is wanted");
    weir_begin(conn, NULL, (weir_deadline){ 0 }, &err);
    is_int(weir_bulk_open_on(&bulk, conn, &s, &err), WEIR_OK, "in a transaction the job begins");
    for (int i = 0; i < 50; i++)
        add_but(bulk, "x", i, i, i == 30 ? -1 : i);
    weir_bulk_result r = finish(&bulk, WEIR_E_NOT_NULL, "a bad row fails there, too");
    is_int(r.bad_row, 30, "and is named");
    is_int(weir_exec(NULL, conn, "INSERT INTO weir_bulk_t (k, part, must) VALUES ('by hand', 1, 1)", WEIR_NO_ARGS,
                     (weir_deadline){ 0 }, &err),
           WEIR_OK, "the transaction goes on");
    weir_commit(NULL, conn, (weir_deadline){ 0 }, &err);
    weir_release(&conn);
    is_text(ask("SELECT COUNT(*) FROM weir_bulk_t"), "1", "and has what was written beside the failed batch alone");
}

/* Of which the one at `bad` is no good, if there is one. */
struct rows_in_body {
    int bad, runs;
    int says; /* what the body returns when they have failed; 0: it goes on */
    uint64_t bad_row;
};

static int write_in_body(weir_conn conn, void *arg, weir_error *e)
{
    struct rows_in_body *b = arg;
    weir_bulk_spec s = spec();
    weir_bulk *bulk;
    weir_bulk_result r;
    b->runs++;
    int status = weir_exec(NULL, conn, "INSERT INTO weir_bulk_t (k, part, must) VALUES ('by hand', 1, 1)", WEIR_NO_ARGS,
                           (weir_deadline){ 0 }, e);
    if (status < 0 || (status = weir_bulk_open_on(&bulk, conn, &s, e)) < 0)
        return status;
    for (int i = 0; i < 50; i++)
        add_but(bulk, "x", i, i, i == b->bad ? -1 : i);
    status = weir_bulk_finish(&bulk, &r, (weir_deadline){ 0 }, e);
    b->bad_row = r.bad_row;
    return status < 0 && !b->says ? WEIR_OK : status;
}

static void test_in_body(void)
{
    weir_outcome outcome;
    struct rows_in_body good = { .bad = -1, .says = 1 }, bad = { .bad = 30, .says = 1 }, survives = { .bad = 30 };
    make_table();
    is_int(weir_transact(&outcome, db, write_in_body, &bad, NULL, (weir_deadline){ 0 }, &err), WEIR_E_NOT_NULL,
           "in a body, a bad row fails");
    is_int(bad.bad_row, 30, "and is named");
    is_int(bad.runs, 2, "by a second run, which has savepoints");
    is_text(ask("SELECT COUNT(*) FROM weir_bulk_t"), "0", "and nothing is written");
    is_int(weir_transact(&outcome, db, write_in_body, &survives, NULL, (weir_deadline){ 0 }, &err), WEIR_OK,
           "a body may go on after that");
    is_text(ask("SELECT COUNT(*) FROM weir_bulk_t"), "1", "and what was written beside the failed batch is kept, once");
    make_table();
    const weir_transact_options once = { .size = sizeof once, .attempts = 1 };
    survives.runs = 0;
    is_int(weir_transact(&outcome, db, write_in_body, &survives, &once, (weir_deadline){ 0 }, &err), WEIR_OK,
           "so it may if it runs once");
    is_int(survives.runs, 1, "and it does");
    make_table();
    is_int(weir_transact(&outcome, db, write_in_body, &good, NULL, (weir_deadline){ 0 }, &err), WEIR_OK,
           "good rows are committed with the rest");
    is_int(outcome.attempts, 1, "in one run");
    is_text(ask("SELECT COUNT(*) FROM weir_bulk_t"), "51", "all of them");
}

/* ---- jobs in a body may wait for each other, which nobody can tell */

/* A job of two rows (k, 1) and (k, 2) that are to be `must`; < 0: they are bad. */
static int write_pair(weir_conn conn, const char *k, int64_t must, weir_error *e)
{
    weir_bulk_spec s = spec();
    weir_bulk *bulk;
    int status = weir_bulk_open_on(&bulk, conn, &s, e);
    if (status < 0)
        return status;
    add_but(bulk, k, 1, 1, must);
    add_but(bulk, k, 2, 1, must);
    return weir_bulk_finish(&bulk, NULL, (weir_deadline){ 0 }, e);
}

static int64_t count_on(weir_conn conn, weir_error *e)
{
    weir_rows rows;
    int64_t n = -1;
    if (weir_query(&rows, conn, "SELECT COUNT(*) FROM weir_bulk_t", WEIR_NO_ARGS, (weir_deadline){ 0 }, e) < 0)
        return -1;
    if (weir_rows_next(rows, e) == WEIR_ROW)
        n = weir_rows_int(rows, 0);
    weir_rows_close(&rows, NULL);
    return n;
}

static int count_between(weir_conn conn, void *arg, weir_error *e)
{
    int64_t *seen = arg;
    write_pair(conn, "a", 1, e);
    seen[0] = count_on(conn, e);
    write_pair(conn, "b", 1, e);
    if (weir_begin(conn, NULL, (weir_deadline){ 0 }, e) < 0)
        return e->status;
    write_pair(conn, "c", 1, e);
    weir_rollback(conn, (weir_deadline){ 0 }, e);
    seen[1] = count_on(conn, e);
    if (weir_begin(conn, NULL, (weir_deadline){ 0 }, e) < 0)
        return e->status;
    write_pair(conn, "d", 1, e);
    return weir_commit(NULL, conn, (weir_deadline){ 0 }, e);
}

static int write_twenty(weir_conn conn, void *arg, weir_error *e)
{
    char k[8];
    int status = WEIR_OK;
    for (int i = 0; i < 20 && status >= 0; i++) {
        snprintf(k, sizeof k, "k%d", i);
        status = write_pair(conn, k, i == *(int *)arg ? -1 : i, e);
    }
    return status;
}

/* What it makes of a failure is its own affair. */
static int go_on_after(weir_conn conn, void *arg, weir_error *e)
{
    int *told = arg;
    told[2]++;
    told[0] = write_pair(conn, "bad", -1, e);
    told[1] = count_on(conn, e) < 0;
    return write_pair(conn, "good", 1, e);
}

static int give_up(weir_conn conn, void *arg, weir_error *e)
{
    (void)arg;
    write_pair(conn, "given up", 1, e);
    return 1;
}

static int transact(weir_body body, void *arg)
{
    make_table();
    return weir_transact(NULL, db, body, arg, NULL, (weir_deadline){ 0 }, &err);
}

static void test_jobs_in_body(void)
{
    int64_t seen[2] = { 0 };
    int bad = -1, told[3] = { 0 };
    is_int(transact(count_between, seen), WEIR_OK, "a body writes several jobs, and looks at what is there");
    is_int(seen[0], 2, "  a query behind a job sees its rows");
    is_int(seen[1], 4, "  what is written in a savepoint goes with it");
    is_text(ask("SELECT COUNT(*) FROM weir_bulk_t"), "6", "  and the rest is committed");
    is_int(transact(write_twenty, &bad), WEIR_OK, "twenty jobs are written in one body");
    is_text(ask("SELECT COUNT(*) FROM weir_bulk_t"), "40", "  with all their rows");
    bad = 13;
    is_int(transact(write_twenty, &bad), WEIR_E_NOT_NULL, "of twenty one is bad: that fails");
    has_text(err.text, "must", "  by its reason");
    is_text(ask("SELECT COUNT(*) FROM weir_bulk_t"), "0", "  and nothing is written");
    is_int(transact(give_up, NULL), 1, "a body gives up behind a job");
    is_text(ask("SELECT COUNT(*) FROM weir_bulk_t"), "0", "  nothing of which is written, or left for the next");
    is_int(transact(go_on_after, told), WEIR_OK, "a body goes on after a bad job");
    is_int(told[0], WEIR_E_NOT_NULL, "  which it was told of where it ended it");
    is_int(told[1], 0, "  so that the query behind it could be run");
    is_int(told[2], 2, "  in a second run");
    is_text(ask("SELECT COUNT(*) FROM weir_bulk_t"), "2", "  and what is good is committed");
}

static int add_decimal(weir_bulk *bulk, const char *added, const char *compared)
{
    const weir_value d = compared ? weir_decimal(compared) : weir_null();
    return weir_bulk_row(bulk, WEIR_ARGS(weir_text("a"), weir_decimal(added), d, d), &err);
}

static void wrote_decimal(const weir_bulk_spec *s, const char *added, const char *compared)
{
    weir_bulk *bulk = begin(s);
    add_decimal(bulk, added, compared);
    finish(&bulk, WEIR_OK, "a decimal meets the stored one");
}

/* Digits beyond what a double holds tell them apart. */
static void test_decimals(void)
{
    static const weir_column four[] = {
        { "k", 1, 0 }, { "added", 0, WEIR_ADD }, { "larger", 0, WEIR_LARGER }, { "smaller", 0, WEIR_SMALLER }
    };
    weir_bulk_spec s = { .size = sizeof s, .table = "weir_bulk_d", .columns = four, .count = 4 };
    char sql[256];
    snprintf(sql, sizeof sql, "CREATE TABLE weir_bulk_d (k %s NOT NULL PRIMARY KEY, added %s, larger %s, smaller %s)",
             dialect->text, dialect->decimal, dialect->decimal, dialect->decimal);
    run("DROP TABLE IF EXISTS weir_bulk_d");
    run(sql);
    weir_bulk *bulk = begin(&s);
    add_decimal(bulk, "12345678901234567890.000000000000000000000000000001", "9.000000000000000000000000000001");
    add_decimal(bulk, "0.000000000000000000000000000002", "9.000000000000000000000000000002");
    finish(&bulk, WEIR_OK, "decimals are added and compared within a batch");
    has_text(ask("SELECT added FROM weir_bulk_d"), "12345678901234567890.000000000000000000000000000003",
             "and no digit is lost");
    wrote_decimal(&s, "-0.000000000000000000000000000001", "10");
    has_text(ask("SELECT added FROM weir_bulk_d"), "12345678901234567890.000000000000000000000000000002",
             "which loses no digit");
    has_text(ask("SELECT larger FROM weir_bulk_d"), "10", "ten is larger than nine, as a number");
    has_text(ask("SELECT smaller FROM weir_bulk_d"), "9.000000000000000000000000000001", "and nine is the smaller");
    wrote_decimal(&s, "10000000000", "8.999999999999999999999999999999");
    has_text(ask("SELECT added FROM weir_bulk_d"), "12345678911234567890.000000000000000000000000000002",
             "a carry goes as far as it must");
    wrote_decimal(&s, "0", NULL);
    has_text(ask("SELECT larger FROM weir_bulk_d"), "10", "a NULL counts for nothing among larger ones");
    has_text(ask("SELECT smaller FROM weir_bulk_d"), "8.999999999999999999999999999999", "nor among smaller ones");
    run("DROP TABLE weir_bulk_d");
}

/* ---- the newer row */

/* Two groups: v goes by seq within at, w by its own number; f is filled. */
static const weir_column by_newer[] = {
    { "k", 1, 0 },
    { "v", 0, WEIR_NEWER },
    { "seq", 0, WEIR_NEWER_BY },
    { "at", 0, WEIR_NEWER_BY },
    { "w", 0, WEIR_NEWER | WEIR_GROUP(7) },
    { "w_by", 0, WEIR_NEWER_BY | WEIR_GROUP(7) },
    { "f", 0, WEIR_FILL },
};

static weir_bulk_spec spec_of_newer(void)
{
    char sql[256];
    weir_bulk_spec s = { .size = sizeof s, .table = "weir_bulk_w", .columns = by_newer, .count = 7 };
    snprintf(
        sql, sizeof sql,
        "CREATE TABLE weir_bulk_w (k BIGINT NOT NULL PRIMARY KEY, v BIGINT, seq %s, at BIGINT, w BIGINT, w_by %s, f "
        "BIGINT)",
        dialect->text, dialect->decimal);
    run("DROP TABLE IF EXISTS weir_bulk_w");
    run(sql);
    return s;
}

static void add_newer(weir_bulk *bulk, int64_t key, int64_t v, const char *seq, int64_t at, const char *w_by)
{
    const weir_value moment = at ? weir_int(at) : weir_null(), f = v % 3 ? weir_null() : weir_int(v);
    if (weir_bulk_row(bulk,
                      WEIR_ARGS(weir_int(key), weir_int(v), weir_text(seq), moment, weir_int(v), weir_decimal(w_by), f),
                      &err) < 0)
        tap_bail("%s", err.text);
}

static const char *newest(const char *column)
{
    char sql[100];
    snprintf(sql, sizeof sql, "SELECT %s FROM weir_bulk_w WHERE k = 1", column);
    return ask(sql);
}

/* The same in one batch, where the rows are folded, and each in a batch of its own, where the server merges them. */
static void test_newer(uint32_t batch_rows)
{
    weir_bulk_spec s = spec_of_newer();
    s.batch_rows = batch_rows;
    weir_bulk *bulk = begin(&s);
    add_newer(bulk, 1, 1, "b", 0, NULL);
    add_newer(bulk, 1, 2, "b", 50, "9.5");
    add_newer(bulk, 1, 3, "c", 40, "10");
    add_newer(bulk, 1, 4, "a", 50, "9.75");
    add_newer(bulk, 1, 5, "z", 0, NULL);
    finish(&bulk, WEIR_OK, "rows come in any order");
    is_text(newest("v"), "2", "the newest stays, by the column that weighs most and then by the next");
    is_text(newest("seq"), "b", "with the others of its group");
    is_text(newest("at"), "50", "all of them");
    is_text(newest("w"), "3", "another group goes by its own column, as a number");
    is_text(newest("f"), "3", "what is filled keeps the last value that there was");
    bulk = begin(&s);
    add_newer(bulk, 1, 7, "b", 50, "10.000");
    finish(&bulk, WEIR_OK, "a row as new as the stored one");
    is_text(newest("v"), "7", "is the newer one");
    is_text(newest("w"), "7", "in each group");
}

#define DIGEST                                                                                                      \
    "SELECT SUM((k + 1) * (COALESCE(v, 0) * 31 + COALESCE(at, 0) * 7 + COALESCE(w, 0) * 3 + COALESCE(f, 0))) FROM " \
    "weir_bulk_w"

static const char *merged_by(uint32_t batch_rows, uint32_t in_order)
{
    static const char *const texts[] = { NULL, "a", "b" }, *const numbers[] = { NULL, "1", "10", "9" };
    weir_bulk_spec s = spec_of_newer();
    s.batch_rows = batch_rows;
    s.in_order = in_order;
    weir_bulk *bulk = begin(&s);
    uint32_t chance = 1;
    for (int i = 1; i <= 400; i++) {
        chance = chance * 1664525u + 1013904223u;
        add_newer(bulk, chance >> 8 & 7, i, texts[(chance >> 12) % 3], chance >> 16 & 3, numbers[chance >> 20 & 3]);
    }
    finish(&bulk, WEIR_OK, "rows with few keys are written");
    return ask(DIGEST);
}

static void test_newer_alike(void)
{
    const char *folded = merged_by(0, 0);
    is_text(merged_by(7, 0), folded, "in batches the newest are the same");
    is_text(merged_by(0, 1), folded, "and so they are if all is left to the server");
    is_text(folded, "396318", "and if that is another server, or none");
    run("DROP TABLE weir_bulk_w");
}

static void test_no_group(void)
{
    const weir_column lonely[] = { { "k", 1, 0 }, { "v", 0, WEIR_NEWER | WEIR_GROUP(1) }, { "at", 0, WEIR_NEWER_BY } };
    const weir_column wrong[] = { { "k", 1, 0 }, { "v", 0, WEIR_ADD | WEIR_GROUP(1) } };
    weir_bulk_spec s = { .size = sizeof s, .table = "weir_bulk_w", .columns = lonely, .count = 3 };
    weir_bulk *bulk;
    is_int(weir_bulk_open(&bulk, db, &s, &err), WEIR_E_ARGUMENT, "a group without a column to tell by is refused");
    has_text(err.text, "column v", "by the name of its column");
    s.columns = wrong;
    s.count = 2;
    is_int(weir_bulk_open(&bulk, db, &s, &err), WEIR_E_ARGUMENT, "and so is a group where there is nothing to tell");
}

/* ---- what the server finds wrong */

static void test_missing_column(void)
{
    static const weir_column wrong[] = { { "k", 1, 0 }, { "part", 1, 0 }, { "nowhere", 0, WEIR_REPLACE } };
    weir_bulk_spec s = { .size = sizeof s, .table = "weir_bulk_t", .columns = wrong, .count = 3 };
    make_table();
    for (uint32_t insert_only = 0; insert_only <= 1; insert_only++) {
        s.insert_only = insert_only;
        weir_bulk *bulk = begin(&s);
        const weir_value row[] = { weir_text("a"), weir_int(1), weir_int(1) };
        weir_bulk_row(bulk, weir_args_of(row, 3), &err);
        weir_bulk_result r = finish(&bulk, WEIR_E_STATEMENT, "a column that is not there is told");
        has_text(err.text, "nowhere", "by its name");
        is_int(r.rows, 0, "and nothing is written");
    }
}

/* The row at 40 of a hundred has `text` in a column of numbers, or of a few letters. */
static void test_misfit(const char *column, const char *text)
{
    weir_bulk_spec s = { .size = sizeof s, .table = "weir_bulk_s", .count = 2 };
    const weir_column two[] = { { "k", 1, 0 }, { column, 0, WEIR_REPLACE } };
    s.columns = two;
    run("DROP TABLE IF EXISTS weir_bulk_s");
    run("CREATE TABLE weir_bulk_s (k BIGINT PRIMARY KEY, n BIGINT, few VARCHAR(5))");
    for (s.skip_bad = 0; s.skip_bad <= 1; s.skip_bad++) {
        weir_bulk *bulk = begin(&s);
        for (int i = 0; i < 100; i++)
            weir_bulk_row(bulk, WEIR_ARGS(weir_int(i), weir_text(i == 40 ? text : "7")), &err);
        weir_bulk_result r = finish(&bulk, s.skip_bad ? WEIR_OK : WEIR_E_DATA, "a value that does not fit is told");
        is_int(r.bad_row, 40, "with its row");
        is_text(ask("SELECT COUNT(*) FROM weir_bulk_s"), s.skip_bad ? "99" : "0",
                "and the others are as was asked for");
    }
    run("DROP TABLE weir_bulk_s");
}

/* So many that a driver may write them in another way than a few. */
static void test_many_new(void)
{
    enum { MANY = 3000, THERE = 2345 };
    weir_bulk_spec s = spec();
    s.insert_only = 1;
    s.batch_rows = MANY;
    make_table();
    weir_bulk *bulk = begin(&s);
    add(bulk, "x", THERE, 1);
    finish(&bulk, WEIR_OK, "a row is there");
    for (s.skip_bad = 0; s.skip_bad <= 1; s.skip_bad++) {
        bulk = begin(&s);
        for (int i = 0; i < MANY; i++)
            add_but(bulk, "x", i, i, i == 77 && s.skip_bad ? -1 : i);
        weir_bulk_result r = finish(&bulk, s.skip_bad ? WEIR_OK : WEIR_E_UNIQUE, "thousands of new rows, and one old");
        is_int(r.bad_row, s.skip_bad ? 77 : THERE, "the first bad one is named");
        is_int(r.skipped, s.skip_bad ? 2 : 0, "and skipped, if that is wanted");
    }
    is_text(ask("SELECT COUNT(*) FROM weir_bulk_t"), "2999", "the rest is there");
}

/* Nothing is folded then, and one key may come several times in a batch. */
static void test_in_order(void)
{
    weir_bulk_spec s = spec();
    s.in_order = 1;
    make_table();
    weir_bulk *bulk = begin(&s);
    add(bulk, "b", 1, 1);
    add(bulk, "a", 1, 5);
    add(bulk, "a", 1, 7);
    add_but(bulk, "a", 1, -1, 3);
    add(bulk, "b", 1, 1);
    weir_bulk_result r = finish(&bulk, WEIR_OK, "rows are written in the caller's order");
    is_int(r.folded, 0, "none is folded");
    is_int(r.rows, 5, "each counts");
    is_text(ask("SELECT COUNT(*) FROM weir_bulk_t WHERE replaced IS NULL AND kept = 5 AND added = 12 AND larger = 7 "
                "AND smaller = 5 AND must = 3"),
            "1", "and each has met what the one before left");
}

void bulk_scenario(weir_db *on, const struct bulk_dialect *of)
{
    db = on;
    dialect = of;
    test_rules();
    test_fold();
    test_many();
    test_bad_row();
    test_skip_bad();
    test_insert_only();
    test_refused();
    test_on_conn();
    test_in_body();
    test_jobs_in_body();
    test_decimals();
    test_newer(0);
    test_newer(1);
    test_newer_alike();
    test_no_group();
    test_missing_column();
    if (dialect->checks_values) {
        test_misfit("n", "no number");
        test_misfit("few", "more than five");
    }
    test_many_new();
    test_in_order();
    run("DROP TABLE weir_bulk_t");
}
