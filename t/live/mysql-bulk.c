/*
 * Bulk writing on MariaDB and on MySQL.
 * SPDX-License-Identifier: MIT
 */
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "bulk.h"
#include "server-mariadb.h"
#include "tap.h"

static weir_db *db;
static weir_error err;

static weir_db *dial(const struct mariadb *server, const char *options)
{
    char url[300];
    weir_db *opened;
    snprintf(url, sizeof url, "mysql://weir@127.0.0.1:%d/test%s", server->port, options);
    if (weir_db_open(&opened, url, NULL, &err) < 0)
        tap_bail("%s", err.text);
    return opened;
}

static weir_bulk *begin(const weir_bulk_spec *spec)
{
    weir_bulk *bulk;
    if (weir_bulk_open(&bulk, db, spec, &err) < 0)
        tap_bail("%s", err.text);
    return bulk;
}

static weir_bulk_result finish(weir_bulk **bulk, int want, const char *fact)
{
    weir_bulk_result result;
    const int status = weir_bulk_finish(bulk, &result, (weir_deadline){ 0 }, &err);
    if (!is_int(status, want, "%s", fact) && status < 0)
        tap_note("  %s", err.text);
    return result;
}

/* ---- every type of value ---- */

#define HARD_TEXT "it's \\ \"é\" 漢字 \xf0\x9f\x98\x80 %s ?"

static const weir_column all_types[] = {
    { "id", 1, 0 },          { "i", 0, WEIR_REPLACE }, { "d", 0, WEIR_ADD },     { "dec", 0, WEIR_ADD },
    { "t", 0, WEIR_LARGER }, { "b", 0, WEIR_REPLACE }, { "s", 0, WEIR_REPLACE },
};

static const weir_bulk_spec of_types = {
    .size = sizeof of_types, .table = "weir_bulk_v", .columns = all_types, .count = 7
};

static void make_types(void)
{
    bulk_run(db, "DROP TABLE IF EXISTS weir_bulk_v");
    bulk_run(db, "CREATE TABLE weir_bulk_v (id BIGINT PRIMARY KEY, i BIGINT, d DOUBLE, `dec` DECIMAL(40,20), "
                 "t DATETIME(6), b BLOB, s VARCHAR(200)) CHARACTER SET utf8mb4");
}

/* `dec` is a word of SQL. */
static weir_bulk_spec quoted(weir_column columns[7])
{
    weir_bulk_spec s = of_types;
    memcpy(columns, all_types, sizeof all_types);
    columns[3].name = "`dec`";
    s.columns = columns;
    return s;
}

static void write_types(void)
{
    static const char bytes[] = "\0\xff'\\\n\x80";
    weir_column columns[7];
    const weir_bulk_spec s = quoted(columns);
    const weir_value blob = weir_blob(bytes, sizeof bytes - 1), moment = weir_time_us(1700000000123456);
    weir_bulk *bulk = begin(&s);
    weir_bulk_row(bulk,
                  WEIR_ARGS(weir_int(1), weir_int(INT64_MIN), weir_double(0.1), weir_decimal("-0.00000000000000000001"),
                            moment, blob, weir_text(HARD_TEXT)),
                  &err);
    weir_bulk_row(bulk,
                  WEIR_ARGS(weir_int(2), weir_null(), weir_double(-4.4501477170144023e-308), weir_null(), weir_null(),
                            weir_null(), weir_text("")),
                  &err);
    weir_bulk_row(bulk,
                  WEIR_ARGS(weir_int(3), weir_text("12"), weir_int(7), weir_int(7), weir_text("2001-02-03 04:05:06"),
                            weir_blob("", 0), weir_decimal("+12.50")),
                  &err);
    weir_bulk_row(bulk,
                  WEIR_ARGS(weir_int(4), weir_decimal("15"), weir_decimal("0.5"), weir_double(0.5),
                            weir_time_us(-62135596800000000), weir_text("t"), weir_time_us(1700000000000000)),
                  &err);
    finish(&bulk, WEIR_OK, "rows with every type of value are written, types that change from row to row among them");
}

static void test_types(void)
{
    make_types();
    write_types();
    is_text(bulk_ask(db, "SELECT COUNT(*) FROM weir_bulk_v WHERE id = 1 AND i = -9223372036854775808 AND d = 0.1e0 AND "
                         "`dec` = -0.00000000000000000001 AND t = '2023-11-14 22:13:20.123456' AND "
                         "HEX(b) = '00FF275C0A80'"),
            "1", "whole numbers, doubles, decimals, times and blobs are what they were");
    is_text(bulk_ask(db, "SELECT s FROM weir_bulk_v WHERE id = 1"), HARD_TEXT, "so is a text of any letters");
    is_text(bulk_ask(db, "SELECT COUNT(*) FROM weir_bulk_v WHERE id = 2 AND i IS NULL AND d = -4.4501477170144023e-308 "
                         "AND `dec` IS NULL AND t IS NULL AND b IS NULL AND s = ''"),
            "1", "NULL is NULL, and an empty text is none");
    is_text(bulk_ask(db, "SELECT COUNT(*) FROM weir_bulk_v WHERE id = 3 AND i = 12 AND d = 7 AND `dec` = 7 AND "
                         "t = '2001-02-03 04:05:06' AND b = '' AND s = '12.50' OR id = 4 AND i = 15 AND d = 0.5 AND "
                         "`dec` = 0.5 AND t = '0001-01-01 00:00:00' AND b = 't' AND s LIKE '2023-11-14 22:13:20%'"),
            "2", "the server converts what is of another type");
    write_types();
    is_text(bulk_ask(db, "SELECT COUNT(*) FROM weir_bulk_v WHERE id = 1 AND d = 0.2e0 AND `dec` = "
                         "-0.00000000000000000002 AND t = '2023-11-14 22:13:20.123456' OR id = 2 AND "
                         "d = -8.9002954340288046e-308 AND `dec` IS NULL OR id = 3 AND `dec` = 14"),
            "3", "once more, sums are exact, and what is no larger than the stored time leaves that");
}

/* Side by side, of one day or of many: each row also has its time as a number. */
static void test_times(void)
{
    static const int64_t day = INT64_C(86400000000), days[] = { -719162, -1, 0, 0, 19675, 19676, 2932896 };
    static const int64_t of_day[] = { 0, 1, INT64_C(45296789012), INT64_C(86399999999) };
    weir_column columns[7];
    const weir_bulk_spec s = quoted(columns);
    make_types();
    weir_bulk *bulk = begin(&s);
    for (int i = 0; i < 28; i++) {
        const int64_t us = days[i / 4] * day + of_day[i * 5 % 4];
        weir_bulk_row(
            bulk,
            WEIR_ARGS(weir_int(i), weir_int(us), weir_null(), weir_null(), weir_time_us(us), weir_null(), weir_null()),
            &err);
    }
    finish(&bulk, WEIR_OK, "times of many days, before 1970 too, go together");
    is_text(bulk_ask(db, "SELECT COUNT(*) FROM weir_bulk_v WHERE t = '1970-01-01' + INTERVAL i MICROSECOND"), "28",
            "  and are what they were");
}

/* ---- what the driver refuses by itself ---- */

static void test_impossible(weir_value v, size_t column, const char *part)
{
    weir_column columns[7];
    weir_bulk_spec s = quoted(columns);
    weir_value row[7] = { weir_int(0), weir_null(), weir_null(), weir_null(), weir_null(), weir_null(), weir_null() };
    make_types();
    for (s.skip_bad = 0; s.skip_bad <= 1; s.skip_bad++) {
        weir_bulk *bulk = begin(&s);
        for (int i = 0; i < 20; i++) {
            row[0] = weir_int(i);
            row[column] = i == 11 ? v : weir_null();
            weir_bulk_row(bulk, weir_args_of(row, 7), &err);
        }
        weir_bulk_result r = finish(&bulk, s.skip_bad ? WEIR_OK : WEIR_E_DATA, "a value that no server has is refused");
        if (!s.skip_bad)
            has_text(err.text, part, "with what it is");
        is_int(r.bad_row, 11, "and its row");
        is_text(bulk_ask(db, "SELECT COUNT(*) FROM weir_bulk_v"), s.skip_bad ? "19" : "0", "the others are as wanted");
    }
}

/* ---- what the server refuses ---- */

static void test_sum_too_large(void)
{
    static const weir_column two[] = { { "k", 1, 0 }, { "n", 0, WEIR_ADD } };
    const weir_bulk_spec s = { .size = sizeof s, .table = "weir_bulk_n", .columns = two, .count = 2 };
    bulk_run(db, "DROP TABLE IF EXISTS weir_bulk_n");
    bulk_run(db, "CREATE TABLE weir_bulk_n (k BIGINT PRIMARY KEY, n TINYINT)");
    bulk_run(db, "INSERT INTO weir_bulk_n VALUES (30, 100)");
    weir_bulk *bulk = begin(&s);
    for (int i = 0; i < 50; i++)
        weir_bulk_row(bulk, WEIR_ARGS(weir_int(i), weir_int(100)), &err);
    weir_bulk_result r = finish(&bulk, WEIR_E_DATA, "a sum that the column has no room for is told");
    is_int(r.bad_row, 30, "with its row");
    is_text(bulk_ask(db, "SELECT SUM(n) FROM weir_bulk_n"), "100", "and its batch is undone");
    bulk_run(db, "DROP TABLE weir_bulk_n");
}

/* The number of a row in the server's text may be another statement's: a trigger's. */
static void test_trigger(void)
{
    static const weir_column two[] = { { "k", 1, 0 }, { "n", 0, WEIR_REPLACE } };
    const weir_bulk_spec s = {
        .size = sizeof s, .table = "weir_bulk_n", .columns = two, .count = 2, .skip_bad = 1, .insert_only = 1
    };
    bulk_run(db, "DROP TABLE IF EXISTS weir_bulk_n, weir_bulk_log");
    bulk_run(db, "CREATE TABLE weir_bulk_n (k BIGINT PRIMARY KEY, n BIGINT)");
    bulk_run(db, "CREATE TABLE weir_bulk_log (n TINYINT)");
    bulk_run(db, "CREATE TRIGGER weir_bulk_tr BEFORE INSERT ON weir_bulk_n FOR EACH ROW INSERT INTO weir_bulk_log "
                 "VALUES (NEW.n)");
    weir_bulk *bulk = begin(&s);
    for (int i = 0; i < 40; i++)
        weir_bulk_row(bulk, WEIR_ARGS(weir_int(i), weir_int(i == 20 || i == 33 ? 1000 : i)), &err);
    weir_bulk_result r = finish(&bulk, WEIR_OK, "rows that a trigger chokes on are skipped");
    is_int(r.bad_row, 20, "the first is named");
    is_int(r.skipped, 2, "and no others are");
    is_text(bulk_ask(db, "SELECT COUNT(*) FROM weir_bulk_n WHERE k NOT IN (20, 33)"), "38", "whatever the text says");
    bulk_run(db, "DROP TABLE weir_bulk_n, weir_bulk_log");
}

/* Each batch leaves the session dirty, and the statement of the job has to be prepared again in the next one. */
static void test_many_bad(void)
{
    static const weir_column two[] = { { "k", 1, 0 }, { "n", 0, WEIR_REPLACE } };
    const weir_bulk_spec s = { .size = sizeof s,
                               .table = "weir_bulk_n",
                               .columns = two,
                               .count = 2,
                               .insert_only = 1,
                               .skip_bad = 1,
                               .batch_rows = 100 };
    bulk_run(db, "CREATE TABLE weir_bulk_n (k BIGINT PRIMARY KEY, n BIGINT NOT NULL)");
    bulk_run(db, "INSERT INTO weir_bulk_n VALUES (7, 0), (107, 0), (108, 0), (299, 0), (499, 0)");
    weir_bulk *bulk = begin(&s);
    for (int i = 0; i < 1000; i++)
        weir_bulk_row(bulk, WEIR_ARGS(weir_int(i), i % 250 == 249 ? weir_null() : weir_int(i)), &err);
    weir_bulk_result r = finish(&bulk, WEIR_OK, "bad rows are skipped in batch after batch");
    is_int(r.skipped, 8, "those that are there, and those with NULL");
    is_int(r.bad_row, 7, "the first is named");
    is_int(r.rows, 992, "the others are written");
    is_text(bulk_ask(db, "SELECT COUNT(*) FROM weir_bulk_n"), "997", "and there");
    bulk_run(db, "DROP TABLE weir_bulk_n");
}

static void test_other_key(void)
{
    static const weir_column two[] = { { "k", 1, 0 }, { "n", 0, WEIR_REPLACE } };
    const weir_bulk_spec s = { .size = sizeof s, .table = "weir_bulk_n", .columns = two, .count = 2 };
    bulk_run(db, "CREATE TABLE weir_bulk_n (k BIGINT PRIMARY KEY, n BIGINT UNIQUE)");
    bulk_run(db, "INSERT INTO weir_bulk_n VALUES (1, 10)");
    weir_bulk *bulk = begin(&s);
    weir_bulk_row(bulk, WEIR_ARGS(weir_int(2), weir_int(10)), &err);
    finish(&bulk, WEIR_OK, "a row that meets another in a unique key that is not the spec's");
    is_text(bulk_ask(db, "SELECT GROUP_CONCAT(k) FROM weir_bulk_n"), "1", "is merged into it, as the page warns");
    bulk_run(db, "DROP TABLE weir_bulk_n");
}

static void test_all_kept(void)
{
    static const weir_column three[] = { { "n", 0, WEIR_KEEP }, { "`k 1`", 1, 0 }, { "k2", 1, 0 } };
    const weir_bulk_spec s = { .size = sizeof s, .table = "test.`weir bulk`", .columns = three, .count = 3 };
    bulk_run(db, "CREATE TABLE `weir bulk` (`k 1` BIGINT, k2 BIGINT, n BIGINT, PRIMARY KEY (`k 1`, k2))");
    for (int i = 5; i < 7; i++) {
        weir_bulk *bulk = begin(&s);
        weir_bulk_row(bulk, WEIR_ARGS(weir_int(i), weir_int(1), weir_int(2)), &err);
        finish(&bulk, WEIR_OK, "a spec that keeps all there is, with names that are quoted and qualified");
    }
    is_text(bulk_ask(db, "SELECT GROUP_CONCAT(n) FROM `weir bulk`"), "5", "changes nothing");
    bulk_run(db, "DROP TABLE `weir bulk`");
}

/* ---- the server's packet ---- */

#define PACKET (1 << 20)

static void add_long(weir_bulk *bulk, int64_t k, size_t length, char letter)
{
    char *text = malloc(length);
    if (!text)
        tap_bail("no memory");
    memset(text, letter, length);
    if (weir_bulk_row(bulk, WEIR_ARGS(weir_int(k), weir_text_n(text, length)), &err) < 0)
        tap_note("%s", err.text);
    free(text);
}

static void test_packet(void)
{
    static const weir_column two[] = { { "k", 1, 0 }, { "s", 0, WEIR_REPLACE } };
    weir_bulk_spec s = { .size = sizeof s, .table = "weir_bulk_n", .columns = two, .count = 2 };
    bulk_run(db, "CREATE TABLE weir_bulk_n (k BIGINT PRIMARY KEY, s LONGTEXT)");
    weir_bulk *bulk = begin(&s);
    for (int i = 0; i < 9; i++)
        add_long(bulk, i, PACKET / 3, i % 2 ? '\'' : '\\');
    weir_bulk_result r = finish(&bulk, WEIR_OK, "a batch that is longer than the server's packet is written");
    is_int(r.rows, 9, "all of it");
    is_text(bulk_ask(db, "SELECT SUM(LENGTH(s)) FROM weir_bulk_n"), "3145725", "no byte is lost");
    for (s.skip_bad = 0; s.skip_bad <= 1; s.skip_bad++) {
        bulk = begin(&s);
        add_long(bulk, 20, 10, 'a');
        add_long(bulk, 21, PACKET + 1, 'a');
        add_long(bulk, 22, 10, 'a');
        r = finish(&bulk, s.skip_bad ? WEIR_OK : WEIR_E_DATA, "a row that is longer than the packet is bad");
        if (!s.skip_bad)
            has_text(err.text, "max_allowed_packet", "and told why");
        is_int(r.bad_row, 1, "with its number");
    }
    is_text(bulk_ask(db, "SELECT COUNT(*) FROM weir_bulk_n"), "11", "the connection goes on with the others");
    bulk_run(db, "DROP TABLE weir_bulk_n");
}

/* ---- writers that meet ---- */

#define ROUNDS 20
#define KEYS 200

struct writer {
    pthread_t thread;
    int step, status;
    weir_bulk_result result;
};

static int write_round(struct writer *w, weir_error *why)
{
    static const weir_column two[] = { { "k", 1, 0 }, { "n", 0, WEIR_ADD } };
    const weir_bulk_spec s = { .size = sizeof s, .table = "weir_bulk_n", .columns = two, .count = 2 };
    weir_bulk *bulk;
    int st = weir_bulk_open(&bulk, db, &s, why);
    for (int i = 0; i < KEYS && st == WEIR_OK; i++)
        st = weir_bulk_row(bulk, WEIR_ARGS(weir_int(i * w->step % KEYS), weir_int(1)), why);
    return st < 0 ? st : weir_bulk_finish(&bulk, &w->result, (weir_deadline){ 0 }, why);
}

static void *write_rounds(void *arg)
{
    struct writer *w = arg;
    weir_error why;
    for (int i = 0; i < ROUNDS && w->status == WEIR_OK; i++)
        w->status = write_round(w, &why);
    if (w->status < 0)
        tap_note("%s", why.text);
    return NULL;
}

static void test_writers(void)
{
    struct writer writers[] = { { .step = 1 }, { .step = KEYS - 1 }, { .step = 7 } };
    bulk_run(db, "CREATE TABLE weir_bulk_n (k BIGINT PRIMARY KEY, n BIGINT)");
    for (int i = 0; i < 3; i++)
        if (pthread_create(&writers[i].thread, NULL, write_rounds, &writers[i]) != 0)
            tap_bail("cannot start a thread");
    for (int i = 0; i < 3; i++) {
        pthread_join(writers[i].thread, NULL);
        is_int(writers[i].status, WEIR_OK, "a writer beside others, in an order of its own, meets no deadlock");
    }
    is_text(bulk_ask(db, "SELECT CONCAT(COUNT(*), ' ', MIN(n), ' ', MAX(n)) FROM weir_bulk_n"), "200 60 60",
            "and each row is added once");
    bulk_run(db, "DROP TABLE weir_bulk_n");
}

/* ---- all of it ---- */

static void test_own(void)
{
    test_types();
    test_times();
    test_impossible(weir_double(NAN), 2, "column d");
    test_impossible(weir_time_us(INT64_C(253402300800000000)), 4, "column t");
    test_impossible(weir_text("\xff\xfe"), 6, "mysql");
    test_sum_too_large();
    test_trigger();
    test_many_bad();
    test_other_key();
    test_all_kept();
    test_packet();
    test_writers();
}

static void on(struct mariadb *server)
{
    static const struct bulk_dialect dialect = { .text = "VARCHAR(64)",
                                                 .decimal = "DECIMAL(65,30)",
                                                 .checks_values = 1 };
    tap_note("%s", server->is_mysql ? "MySQL" : "MariaDB");
    db = dial(server, "");
    bulk_scenario(db, &dialect);
    test_own();
    weir_db_close(&db);
    tap_note("where a backslash is a letter like others");
    db = dial(server, "?init=SET%20sql_mode%3DCONCAT%28%40%40sql_mode%2C%27%2CNO_BACKSLASH_ESCAPES%27%29");
    test_types();
    test_times();
    weir_db_close(&db);
    mariadb_stop(server);
}

int main(void)
{
    static const char *const settings[] = { "--max-allowed-packet=1M", NULL };
    struct mariadb server;
    mariadb_start(&server, settings);
    on(&server);
    if (mysql_start(&server, settings))
        on(&server);
    return tap_done();
}
