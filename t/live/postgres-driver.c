/*
 * The PostgreSQL driver, alone: values, parameters, statements and results.
 * SPDX-License-Identifier: MIT
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include "postgres-rig.h"
#include "server-postgres.h"
#include "row.h"
#include "tap.h"

#define backend (&weir_postgres_backend)
#define wing (backend->sql)

static struct postgres server;
static struct rig rig;
static weir_error err;

/* ---- values ---- */

static weir_value cell; /* the last one that was looked at */

/* One value through a parameter into a cell; `sql` has one placeholder. */
static void *echo(void *conn, const char *sql, weir_value v)
{
    void *stmt = begin_rows(conn, sql, WEIR_ARGS(v));
    if (row_next(wing, conn, SOON, &err) != WEIR_ROW || row_cell(wing, conn, 0, &cell) < 0)
        tap_bail("a parameter does not come back");
    return stmt;
}

static int same_bytes(const weir_value *v, const void *p, size_t n)
{
    return v->as.p && v->length == n && memcmp(v->as.p, p, n) == 0;
}

static void comes_back(void *conn, const char *what, weir_value sent, uint32_t type, const void *p, size_t n)
{
    void *stmt = echo(conn, "SELECT ?", sent);
    is_int(cell.type, type, "%s comes back as type %u", what, type);
    ok(same_bytes(&cell, p, n), "  with its %zu bytes", n);
    if (type == WEIR_TEXT || type == WEIR_DECIMAL)
        is_int(((const char *)cell.as.p)[n], 0, "  and a zero byte behind");
    end_rows(conn, &stmt);
}

static void test_bytes(void *conn)
{
    static const char digits[] = "123456789012345678901234567890123.4567890";
    static char big[3000000];
    for (size_t i = 0; i < sizeof big; i++)
        big[i] = (char)(i * 7);
    comes_back(conn, "a text", weir_text("gr\xc3\xbcn"), WEIR_TEXT, "gr\xc3\xbcn", 5);
    comes_back(conn, "a part of a text", weir_text_n("abcdef", 3), WEIR_TEXT, "abc", 3);
    comes_back(conn, "an empty text", weir_text(""), WEIR_TEXT, "", 0);
    comes_back(conn, "a blob", weir_blob("a\0b", 3), WEIR_BLOB, "a\0b", 3);
    comes_back(conn, "an empty blob", weir_blob("", 0), WEIR_BLOB, "", 0);
    comes_back(conn, "a big blob", weir_blob(big, sizeof big), WEIR_BLOB, big, sizeof big);
    comes_back(conn, "a decimal of 40 digits", weir_decimal(digits), WEIR_DECIMAL, digits, sizeof digits - 1);
}

static void test_numbers(void *conn)
{
    static const int64_t ints[] = { 0, -1, INT64_MAX, INT64_MIN };
    static const double doubles[] = { 0.1, -1e300, 5e-324, 3.0, -0.0, INFINITY };
    for (size_t i = 0; i < 4; i++) {
        void *stmt = echo(conn, "SELECT ?", weir_int(ints[i]));
        ok(cell.type == WEIR_INT && cell.as.i == ints[i], "integer %lld comes back", (long long)ints[i]);
        end_rows(conn, &stmt);
    }
    for (size_t i = 0; i < 6; i++) {
        void *stmt = echo(conn, "SELECT ?", weir_double(doubles[i]));
        ok(cell.type == WEIR_DOUBLE && memcmp(&cell.as.d, &doubles[i], sizeof(double)) == 0, "double %g comes back",
           doubles[i]);
        end_rows(conn, &stmt);
        stmt = echo(conn, "SELECT ?, '1s'::interval", weir_double(doubles[i]));
        ok(cell.type == WEIR_DOUBLE && cell.as.d == doubles[i], "  also as text");
        end_rows(conn, &stmt);
    }
    void *stmt = echo(conn, "SELECT ?", weir_double(NAN));
    ok(cell.type == WEIR_DOUBLE && isnan(cell.as.d), "not-a-number comes back");
    end_rows(conn, &stmt);
    stmt = echo(conn, "SELECT ?", weir_null());
    is_int(cell.type, WEIR_NULL, "NULL comes back");
    end_rows(conn, &stmt);
}

static void test_times(void *conn)
{
    static const int64_t moments[] = { INT64_C(1700000000123456), 0, -1, INT64_C(253402300799999999) };
    for (size_t i = 0; i < 4; i++) {
        void *stmt = echo(conn, "SELECT ?", weir_time_us(moments[i]));
        ok(cell.type == WEIR_TIME && cell.as.i == moments[i], "moment %lld comes back", (long long)moments[i]);
        end_rows(conn, &stmt);
    }
    is_int(execute(conn, "SELECT ?", WEIR_ARGS(weir_time_us(INT64_MIN)), SOON, &err), WEIR_E_DATA,
           "a time outside the calendar is refused");
    has_text(err.text, "parameter 1", "  and the parameter named");
}

/* What a cell of each type is, by itself and in a result that comes as text because of its neighbour. */
static const struct {
    const char *sql;
    uint32_t type;
    int64_t i;
    double d;
    const char *text;
} cells[] = {
    { "true", WEIR_INT, 1, 0, NULL },
    { "false", WEIR_INT, 0, 0, NULL },
    { "(-32768)::int2", WEIR_INT, -32768, 0, NULL },
    { "2147483647", WEIR_INT, 2147483647, 0, NULL },
    { "(-2147483648)::int4", WEIR_INT, -2147483648LL, 0, NULL },
    { "9223372036854775807", WEIR_INT, INT64_MAX, 0, NULL },
    { "4294967295::oid", WEIR_INT, 4294967295LL, 0, NULL },
    { "0.1::float4", WEIR_DOUBLE, 0, (double)0.1f, NULL },
    { "0.1::float8", WEIR_DOUBLE, 0, 0.1, NULL },
    { "'-Infinity'::float8", WEIR_DOUBLE, 0, -INFINITY, NULL },
    { "1.50::numeric", WEIR_DECIMAL, 0, 0, "1.50" },
    { "'NaN'::numeric", WEIR_DECIMAL, 0, 0, "NaN" },
    { "'x'::text", WEIR_TEXT, 0, 0, "x" },
    { "'x'::varchar(9)", WEIR_TEXT, 0, 0, "x" },
    { "'x'::char(3)", WEIR_TEXT, 0, 0, "x  " },
    { "'x'::name", WEIR_TEXT, 0, 0, "x" },
    { "'{\"a\": 1}'::json", WEIR_TEXT, 0, 0, "{\"a\": 1}" },
    { "'{\"a\":1}'::jsonb", WEIR_TEXT, 0, 0, "{\"a\": 1}" },
    { "'00112233-4455-6677-8899-aabbccddeeff'::uuid", WEIR_TEXT, 0, 0, "00112233-4455-6677-8899-aabbccddeeff" },
    { "array[1,2]", WEIR_TEXT, 0, 0, "{1,2}" },
    { "'1 day'::interval", WEIR_TEXT, 0, 0, "1 day" },
    { "'127.0.0.1'::inet", WEIR_TEXT, 0, 0, "127.0.0.1" },
    { "'2023-11-14 22:13:20.5'::timestamp", WEIR_TIME, INT64_C(1700000000500000), 0, NULL },
    { "'2023-11-14 22:13:20.5+00'::timestamptz", WEIR_TIME, INT64_C(1700000000500000), 0, NULL },
    { "'2023-11-15 00:13:20.5+02'::timestamptz", WEIR_TIME, INT64_C(1700000000500000), 0, NULL },
    { "'2023-11-14'::date", WEIR_TEXT, 0, 0, "2023-11-14" },
    { "'infinity'::timestamptz", WEIR_TEXT, 0, 0, "infinity" },
    { "'-infinity'::timestamp", WEIR_TEXT, 0, 0, "-infinity" },
    { "'-infinity'::date", WEIR_TEXT, 0, 0, "-infinity" },
    { "'\\x00ff'::bytea", WEIR_BLOB, 0, 0, "\0\xff" },
    { "NULL::int", WEIR_NULL, 0, 0, NULL },
};

static void reads_as(void *conn, size_t i, const char *neighbour)
{
    char sql[160];
    snprintf(sql, sizeof sql, "SELECT %s%s", cells[i].sql, neighbour);
    void *stmt = begin_rows(conn, sql, WEIR_NO_ARGS);
    if (row_next(wing, conn, SOON, &err) != WEIR_ROW || row_cell(wing, conn, 0, &cell) < 0)
        tap_bail("%s gives no row", sql);
    is_int(cell.type, cells[i].type, "%s", sql);
    if (cell.type == WEIR_INT || cell.type == WEIR_TIME)
        is_int(cell.as.i, cells[i].i, "  its number");
    else if (cell.type == WEIR_DOUBLE)
        ok(cell.as.d == cells[i].d, "  its number");
    else if (cell.type == WEIR_BLOB)
        ok(same_bytes(&cell, cells[i].text, 2), "  its bytes");
    else if (cell.type != WEIR_NULL)
        is_text(cell.as.p, cells[i].text, "  its text");
    end_rows(conn, &stmt);
}

static void test_cells(void *conn)
{
    for (size_t i = 0; i < sizeof cells / sizeof *cells; i++) {
        reads_as(conn, i, "");
        reads_as(conn, i, ", '1s'::interval");
    }
}

static void test_blob_as_text(void *conn)
{
    void *stmt =
        begin_rows(conn, "SELECT '\\x0102'::bytea, NULL::bytea, '\\x'::bytea, '1s'::interval FROM generate_series(1,2)",
                   WEIR_NO_ARGS);
    for (int row = 0; row < 2; row++) {
        row_next(wing, conn, SOON, &err);
        for (int again = 0; again < 2; again++)
            ok(row_cell(wing, conn, 0, &cell) == 0 && cell.type == WEIR_BLOB && same_bytes(&cell, "\1\2", 2),
               "a blob that comes as text");
        ok(row_cell(wing, conn, 1, &cell) == 0 && cell.type == WEIR_NULL, "  beside NULL");
        ok(row_cell(wing, conn, 2, &cell) == 0 && cell.type == WEIR_BLOB && cell.length == 0, "  and an empty one");
    }
    end_rows(conn, &stmt);
}

static void test_zones(void *conn)
{
    must(conn, "SET timezone='Asia/Kolkata'");
    reads_as(conn, 24, "");
    reads_as(conn, 24, ", '1s'::interval");
    must(conn, "SET timezone='Europe/Berlin'");
    reads_as(conn, 23, ", '1s'::interval");
    must(conn, "RESET timezone");
}

/* ---- parameters ---- */

static void makes_table(void *conn)
{
    must(
        conn,
        "CREATE TABLE p(id int PRIMARY KEY, i2 int2, i4 int4, i8 int8, o oid, f4 float4, f8 float8, n numeric, b bool, "
        "t text, v varchar(20), c char(5), j json, jb jsonb, u uuid, y bytea, ts timestamp, tz timestamptz, d date, "
        "k interval, a int[])");
}

/* Each value into each column that takes it, and what is there then. */
static const struct {
    const char *column;
    weir_value v;
    const char *stored; /* as text; NULL: refused */
} stored[] = {
    { "i2", { .type = WEIR_INT, .as.i = 7 }, "7" },
    { "i4", { .type = WEIR_INT, .as.i = -7 }, "-7" },
    { "i8", { .type = WEIR_INT, .as.i = INT64_MIN }, "-9223372036854775808" },
    { "o", { .type = WEIR_INT, .as.i = 4000000000 }, "4000000000" },
    { "f4", { .type = WEIR_INT, .as.i = 7 }, "7" },
    { "f8", { .type = WEIR_INT, .as.i = 7 }, "7" },
    { "n", { .type = WEIR_INT, .as.i = INT64_MAX }, "9223372036854775807" },
    { "b", { .type = WEIR_INT, .as.i = 1 }, "true" },
    { "t", { .type = WEIR_INT, .as.i = 7 }, "7" },
    { "i2", { .type = WEIR_INT, .as.i = 70000 }, NULL },
    { "i4", { .type = WEIR_INT, .as.i = 5000000000 }, NULL },
    { "b", { .type = WEIR_INT, .as.i = 2 }, NULL },
    { "k", { .type = WEIR_INT, .as.i = 2 }, NULL },
    { "ts", { .type = WEIR_INT, .as.i = 2 }, NULL },
    { "f4", { .type = WEIR_DOUBLE, .as.d = 0.1 }, "0.1" },
    { "f8", { .type = WEIR_DOUBLE, .as.d = 0.1 }, "0.1" },
    { "f4", { .type = WEIR_DOUBLE, .as.d = 1e200 }, NULL },
    { "n", { .type = WEIR_DOUBLE, .as.d = 0.1 }, "0.1" },
    { "i4", { .type = WEIR_DOUBLE, .as.d = 2.0 }, "2" },
    { "t", { .type = WEIR_DOUBLE, .as.d = 0.1 }, "0.1" },
    { "n", { .type = WEIR_DECIMAL, .as.p = "0.10", .length = 4 }, "0.10" },
    { "f8", { .type = WEIR_DECIMAL, .as.p = "0.10", .length = 4 }, "0.1" },
    { "i4", { .type = WEIR_DECIMAL, .as.p = "7", .length = 1 }, "7" },
    { "t", { .type = WEIR_DECIMAL, .as.p = "0.10", .length = 4 }, "0.10" },
    { "n", { .type = WEIR_DECIMAL, .as.p = "x", .length = 1 }, NULL },
    { "t", { .type = WEIR_TEXT, .as.p = "it's", .length = 4 }, "it's" },
    { "v", { .type = WEIR_TEXT, .as.p = "abc", .length = 3 }, "abc" },
    { "c", { .type = WEIR_TEXT, .as.p = "abc", .length = 3 }, "abc  " },
    { "j", { .type = WEIR_TEXT, .as.p = "{\"a\":1}", .length = 7 }, "{\"a\":1}" },
    { "jb", { .type = WEIR_TEXT, .as.p = "{\"a\":1}", .length = 7 }, "{\"a\": 1}" },
    { "u",
      { .type = WEIR_TEXT, .as.p = "00112233445566778899aabbccddeeff", .length = 32 },
      "00112233-4455-6677-8899-aabbccddeeff" },
    { "i4", { .type = WEIR_TEXT, .as.p = "42garbage", .length = 2 }, "42" },
    { "n", { .type = WEIR_TEXT, .as.p = "4.20", .length = 4 }, "4.20" },
    { "b", { .type = WEIR_TEXT, .as.p = "yes", .length = 3 }, "true" },
    { "k", { .type = WEIR_TEXT, .as.p = "2 days", .length = 6 }, "2 days" },
    { "a", { .type = WEIR_TEXT, .as.p = "{1,2}", .length = 5 }, "{1,2}" },
    { "d", { .type = WEIR_TEXT, .as.p = "2023-11-14", .length = 10 }, "2023-11-14" },
    { "tz", { .type = WEIR_TEXT, .as.p = "2023-11-14 22:13:20+00", .length = 22 }, "2023-11-14 22:13:20+00" },
    { "y", { .type = WEIR_TEXT, .as.p = "a\\b", .length = 3 }, "\\x615c62" },
    { "i4", { .type = WEIR_TEXT, .as.p = "x", .length = 1 }, NULL },
    { "y", { .type = WEIR_BLOB, .as.p = "a\0b", .length = 3 }, "\\x610062" },
    { "i4", { .type = WEIR_BLOB, .as.p = "a\0b", .length = 3 }, NULL },
    { "tz", { .type = WEIR_TIME, .as.i = INT64_C(1700000000500000) }, "2023-11-14 22:13:20.5+00" },
    { "ts", { .type = WEIR_TIME, .as.i = INT64_C(1700000000500000) }, "2023-11-14 22:13:20.5" },
    { "d", { .type = WEIR_TIME, .as.i = INT64_C(1700000000500000) }, "2023-11-14" },
    { "t", { .type = WEIR_TIME, .as.i = INT64_C(1700000000500000) }, "2023-11-14 22:13:20.5+00" },
    { "i8", { .type = WEIR_TIME, .as.i = 1 }, NULL },
};

static void test_stored(void *conn)
{
    for (size_t i = 0; i < sizeof stored / sizeof *stored; i++) {
        char insert[80], select[80];
        const char *column = stored[i].column;
        snprintf(insert, sizeof insert, "INSERT INTO p(id, %s) VALUES(1, ?)", column);
        snprintf(select, sizeof select, "SELECT (%s)::text || '' FROM p",
                 strcmp(column, "c") == 0 ? "format('%s', c)" : column);
        must(conn, "DELETE FROM p");
        const int st = execute(conn, insert, WEIR_ARGS(stored[i].v), SOON, &err);
        is_int(st < 0, !stored[i].stored, "type %u %s a column %s", stored[i].v.type,
               stored[i].stored ? "goes into" : "is refused by", column);
        if (st == WEIR_OK && stored[i].stored)
            is_text(ask_text(conn, select), stored[i].stored, "  and is there");
    }
    must(conn, "DELETE FROM p");
}

/* A place that asks for a type, and one that asks for none. */
static const struct {
    const char *sql;
    weir_value v;
    int64_t want; /* the number, or the length of the text */
} places[] = {
    { "SELECT length(substr('abcdef', ?))", { .type = WEIR_INT, .as.i = 3 }, 4 },
    { "SELECT count(*) FROM generate_series(1, ?)", { .type = WEIR_INT, .as.i = 3 }, 3 },
    { "SELECT count(*) FROM (SELECT 1 FROM generate_series(1, 9) LIMIT ?) x", { .type = WEIR_INT, .as.i = 3 }, 3 },
    { "SELECT (date '2023-11-14' + ?::int) - date '2023-11-14'", { .type = WEIR_INT, .as.i = 3 }, 3 },
    { "SELECT (array[5,6,7])[?]", { .type = WEIR_INT, .as.i = 2 }, 6 },
    { "SELECT count(*) FROM generate_series(1, 9) n WHERE n > ?", { .type = WEIR_INT, .as.i = 5000000000 }, 0 },
    { "SELECT count(*) FROM generate_series(1, 9) n WHERE n > ?", { .type = WEIR_DOUBLE, .as.d = 7.5 }, 2 },
    { "SELECT count(*) FROM generate_series(1, 9) n WHERE n > ?",
      { .type = WEIR_DECIMAL, .as.p = "7.5", .length = 3 },
      2 },
    { "SELECT count(*) FROM generate_series(1, 9) n WHERE n = ?", { .type = WEIR_TEXT, .as.p = "7", .length = 1 }, 1 },
    { "SELECT 2 * ?", { .type = WEIR_INT, .as.i = 21 }, 42 },
    { "SELECT coalesce(?, 0)", { .type = WEIR_INT, .as.i = 42 }, 42 },
    { "SELECT CASE WHEN ? THEN 1 ELSE 0 END", { .type = WEIR_INT, .as.i = 1 }, 1 },
    { "SELECT (VALUES(?))", { .type = WEIR_INT, .as.i = 42 }, 42 },
    { "SELECT ? UNION ALL SELECT 1 LIMIT 1", { .type = WEIR_INT, .as.i = 42 }, 42 },
    { "SELECT count(*) WHERE date '2023-11-14' < ?", { .type = WEIR_TIME, .as.i = INT64_C(1700000000000000) }, 1 },
    { "SELECT octet_length(?)", { .type = WEIR_BLOB, .as.p = "a\0b", .length = 3 }, 3 },
};

static void test_places(void *conn)
{
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        void *stmt = echo(conn, places[i].sql, places[i].v);
        ok(cell.type == WEIR_INT && cell.as.i == places[i].want, "%s, of type %u", places[i].sql, places[i].v.type);
        end_rows(conn, &stmt);
    }
}

/* One statement takes values of one type after those of another; each is what it was. */
static void test_changing_types(void *conn)
{
    const weir_value values[] = { weir_int(1),          weir_text("a"),      weir_null(),
                                  weir_double(0.5),     weir_int(INT64_MAX), weir_blob("x", 1),
                                  weir_decimal("1.50"), weir_time_us(0),     weir_text("b") };
    void *stmt = make(conn, "SELECT ?");
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        ok(wing->run(conn, stmt, WEIR_ARGS(values[i]), 1, SOON, &err) == WEIR_OK &&
               row_next(wing, conn, SOON, &err) == WEIR_ROW && row_cell(wing, conn, 0, &cell) == 0,
           "a statement takes type %u after others", values[i].type);
        is_int(cell.type, values[i].type, "  and gives it back as such");
        wing->abandon(conn);
    }
    forget(conn, &stmt);
}

/* ---- statements ---- */

static void counts(void *conn, const char *sql, size_t params, size_t columns)
{
    void *stmt = NULL;
    size_t p = 99, c = 99;
    is_int(wing->prepare(conn, &stmt, &p, &c, sql, SOON, &err), WEIR_OK, "prepares: %s", sql);
    ok(p == params && c == columns, "  %zu parameters, %zu columns", p, c);
    if (stmt)
        wing->forget(conn, stmt);
}

static void test_counts(void *conn)
{
    counts(conn, "SELECT 1, 2", 0, 2);
    counts(conn, "SELECT ?, '?', \"a?\" FROM (SELECT 1 AS \"a?\") x WHERE 1 = ? -- ?", 2, 3);
    counts(conn, "SELECT $2::int, $1::int", 2, 2);
    counts(conn, "INSERT INTO p(id) VALUES(?)", 1, 0);
    counts(conn, "INSERT INTO p(id) VALUES(?) RETURNING id, t", 1, 2);
    counts(conn, "SHOW server_version", 0, 1);
    counts(conn, "BEGIN", 0, 0);
    counts(conn, "SELECT '{\"k\":1}'::jsonb ?? 'k'", 0, 1);
}

static void prepares(void *conn, const char *what, const char *sql, int status, const char *text)
{
    void *stmt = NULL;
    size_t p, c;
    is_int(wing->prepare(conn, &stmt, &p, &c, sql, SOON, &err), status, "%s: %s", status ? "refused" : "taken", what);
    if (status)
        has_text(err.text, text, "  in words");
    if (stmt)
        wing->forget(conn, stmt);
}

static void test_one_statement(void *conn)
{
    prepares(conn, "a semicolon behind", "SELECT 1;", WEIR_OK, "");
    prepares(conn, "comments around", "-- first\nSELECT 1 ; ; -- and\n /* no more */ ;", WEIR_OK, "");
    prepares(conn, "a second statement", "SELECT 1; SELECT 2", WEIR_E_STATEMENT, "multiple commands");
    prepares(conn, "an empty text", "", WEIR_E_STATEMENT, "empty");
    prepares(conn, "a comment alone", " -- nothing\n;", WEIR_E_STATEMENT, "empty");
    prepares(conn, "COPY through the connection", "COPY p FROM STDIN", WEIR_E_UNSUPPORTED, "native handle");
}

static int64_t affected_by(void *conn, const char *sql)
{
    must(conn, sql);
    return wing->affected(conn);
}

static void test_affected(void *conn)
{
    is_int(affected_by(conn, "CREATE TABLE n(id serial PRIMARY KEY, v text)"), 0, "a new table affects no row");
    is_int(affected_by(conn, "INSERT INTO n(v) VALUES('1'),('2'),('3')"), 3, "an insert of three affects three");
    is_int(affected_by(conn, "CREATE INDEX i ON n(v)"), 0, "an index after it affects none");
    is_int(affected_by(conn, "SELECT * FROM n"), 0, "a query affects none");
    is_int(affected_by(conn, "UPDATE n SET v = '0' WHERE id > 1"), 2, "an update of two affects two");
    is_int(affected_by(conn, "UPDATE n SET v = '0' WHERE id > 9"), 0, "an update of none affects none");
    is_int(affected_by(conn, "DELETE FROM n WHERE id < 3 RETURNING id"), 2,
           "rows that nobody wants are dropped, and counted");
}

static void test_last_id(void *conn)
{
    must(conn, "INSERT INTO n(v) VALUES('a')");
    is_int(wing->last_id(conn), 0, "an insert that returns nothing tells no key");
    must(conn, "INSERT INTO n(v) VALUES('a'),('b') RETURNING id");
    is_int(wing->last_id(conn), 6, "one that returns its keys tells the last");
    must(conn, "UPDATE n SET v = 'c'");
    is_int(wing->last_id(conn), 6, "  until there is another");
    void *stmt = begin_rows(conn, "INSERT INTO n(v) VALUES('c') RETURNING id, v", WEIR_NO_ARGS);
    is_int(wing->last_id(conn), 7, "  which may be read, too");
    is_int(row_next(wing, conn, SOON, &err), WEIR_ROW, "  from its first row");
    ok(row_cell(wing, conn, 0, &cell) == 0 && cell.as.i == 7, "  on");
    end_rows(conn, &stmt);
    must(conn, "INSERT INTO n(v) VALUES('c') RETURNING v");
    is_int(wing->last_id(conn), 0, "a text is no key");
}

/* ---- prepared statements, as the server sees them ---- */

static const char count_ours[] = "SELECT count(*) FROM pg_prepared_statements WHERE name LIKE 'weir%'";

static void test_names(void *conn)
{
    must(conn, "SELECT 1"); /* drops what was forgotten before */
    const int64_t before = ask_int(conn, count_ours);
    void *many[10];
    for (int i = 0; i < 10; i++) {
        char sql[32];
        snprintf(sql, sizeof sql, "SELECT %d", i);
        many[i] = make(conn, sql);
    }
    is_int(ask_int(conn, count_ours), before + 10, "prepared statements have names on the server");
    for (int i = 0; i < 10; i++)
        forget(conn, &many[i]);
    ask_int(conn, "SELECT 1");
    is_int(ask_int(conn, count_ours), 1, "  until after they are forgotten");
}

static void test_forgotten_in_transaction(void *conn)
{
    wing->begin(conn, 0, 0, SOON, &err);
    void *stmt = make(conn, "SELECT 1");
    forget(conn, &stmt);
    must(conn, "SAVEPOINT s");
    is_int(run(conn, "SELECT 1/0", &err), WEIR_E_DATA, "a transaction fails");
    must(conn, "ROLLBACK TO SAVEPOINT s");
    is_int(ask_int(conn, "SELECT 1"), 1, "  and what was forgotten in it is not in its way");
    wing->rollback(conn, SOON, &err);
    ask_int(conn, "SELECT 1");
    is_int(ask_int(conn, count_ours), 1, "  nor is it left behind");
}

static void test_server_forgets(void *conn)
{
    void *stmt = make(conn, "SELECT ?::int + 1");
    must(conn, "DEALLOCATE ALL");
    is_int(wing->run(conn, stmt, WEIR_ARGS(weir_int(1)), 0, SOON, &err), WEIR_OK,
           "a statement that DEALLOCATE ALL has dropped is prepared again");
    must(conn, "DO $$ BEGIN EXECUTE 'DEALLOCATE ALL'; END $$");
    is_int(wing->run(conn, stmt, WEIR_ARGS(weir_int(1)), 0, SOON, &err), WEIR_OK, "  also when it was dropped unseen");
    must(conn, "DO $$ BEGIN EXECUTE 'DEALLOCATE ALL'; END $$");
    wing->begin(conn, 0, 0, SOON, &err);
    is_int(wing->run(conn, stmt, WEIR_ARGS(weir_int(1)), 0, SOON, &err), WEIR_E_SERVER,
           "within a transaction that fails it");
    is_text(err.sqlstate, "26000", "  as the server says it");
    is_int(err.flags, WEIR_RETRY_TRANSACTION, "  which may be run again");
    wing->rollback(conn, SOON, &err);
    wing->begin(conn, 0, 0, SOON, &err);
    is_int(wing->run(conn, stmt, WEIR_ARGS(weir_int(1)), 0, SOON, &err), WEIR_OK, "  with success");
    wing->rollback(conn, SOON, &err);
    forget(conn, &stmt);
    is_int(run(conn, "EXECUTE never_made", &err), WEIR_E_STATEMENT,
           "a name of the user's own that is missing is an error");
    is_text(err.sqlstate, "26000", "  of that kind");
}

static void test_table_changes(void *conn)
{
    must(conn, "CREATE TABLE changing(a int)");
    must(conn, "INSERT INTO changing VALUES(1)");
    void *stmt = begin_rows(conn, "SELECT * FROM changing", WEIR_NO_ARGS);
    is_int(wing->columns(conn), 1, "a table has a column");
    wing->abandon(conn);
    must(conn, "ALTER TABLE changing ADD b text DEFAULT 'new'");
    is_int(wing->run(conn, stmt, WEIR_NO_ARGS, 1, SOON, &err), WEIR_OK,
           "  and gets another under a prepared statement");
    is_int(wing->columns(conn), 2, "  which then gives both");
    is_text(wing->name(conn, 1), "b", "  by name");
    row_next(wing, conn, SOON, &err);
    ok(row_cell(wing, conn, 1, &cell) == 0 && cell.type == WEIR_TEXT && same_bytes(&cell, "new", 3), "  and value");
    wing->abandon(conn);
    wing->begin(conn, 0, 0, SOON, &err);
    must(conn, "ALTER TABLE changing ALTER a TYPE numeric");
    is_int(wing->run(conn, stmt, WEIR_NO_ARGS, 1, SOON, &err), WEIR_E_SERVER,
           "within a transaction a change of type fails it");
    is_text(err.sqlstate, "0A000", "  as the server says it");
    is_int(err.flags, WEIR_RETRY_TRANSACTION, "  which may be run again");
    wing->rollback(conn, SOON, &err);
    is_int(wing->run(conn, stmt, WEIR_NO_ARGS, 1, SOON, &err), WEIR_OK, "  and the statement lives on");
    end_rows(conn, &stmt);
}

static void test_parameter_changes(void *conn)
{
    void *stmt = make(conn, "INSERT INTO changing(a) VALUES(?)");
    must(conn, "ALTER TABLE changing ALTER a TYPE text");
    is_int(wing->run(conn, stmt, WEIR_ARGS(weir_text("word")), 0, SOON, &err), WEIR_E_DATA,
           "a value of a column's new type fails once");
    is_int(wing->run(conn, stmt, WEIR_ARGS(weir_text("word")), 0, SOON, &err), WEIR_OK, "  and is taken then");
    forget(conn, &stmt);
}

/* ---- results ---- */

#define SERIES "SELECT i AS number, 'x' || i AS name FROM generate_series(1, ?) i"

static void test_streaming(void *conn)
{
    int64_t sum = 0;
    int rows = 0, st;
    void *stmt = begin_rows(conn, SERIES, WEIR_ARGS(weir_int(20000)));
    is_int(wing->columns(conn), 2, "two columns");
    is_text(wing->name(conn, 0), "number", "  the first by its name");
    is_text(wing->name(conn, 1), "name", "  and the second");
    while ((st = row_next(wing, conn, SOON, &err)) == WEIR_ROW && row_cell(wing, conn, 0, &cell) == WEIR_OK) {
        sum += cell.as.i;
        rows++;
    }
    ok(st == WEIR_OK && rows == 20000 && sum == 200010000, "twenty thousand rows, and then the end: %d", rows);
    is_int(row_next(wing, conn, SOON, &err), WEIR_OK, "  which stays the end");
    is_int(backend->dirty(conn), 0, "  and a clean session");
    end_rows(conn, &stmt);
}

static void test_half_read(void *conn)
{
    void *stmt = begin_rows(conn, SERIES, WEIR_ARGS(weir_int(3000000)));
    is_int(row_next(wing, conn, SOON, &err), WEIR_ROW, "three million rows are read half");
    is_int(backend->dirty(conn), 1, "  which is seen");
    wing->abandon(conn);
    is_int(backend->dirty(conn), 0, "  and let go of");
    is_int(ask_int(conn, "SELECT 1"), 1, "  with the session at work again");
    is_int(wing->run(conn, stmt, WEIR_ARGS(weir_int(1)), 1, SOON, &err), WEIR_OK, "  and the statement, too");
    is_int(row_next(wing, conn, SOON, &err), WEIR_ROW, "  for one row");
    end_rows(conn, &stmt);
    stmt = begin_rows(conn, SERIES, WEIR_ARGS(weir_int(0)));
    is_int(wing->columns(conn), 2, "an empty result has its columns");
    is_int(row_next(wing, conn, SOON, &err), WEIR_OK, "  and no row");
    end_rows(conn, &stmt);
}

static void test_half_read_in_transaction(void *conn)
{
    wing->begin(conn, 0, 0, SOON, &err);
    must(conn, "INSERT INTO n(v) VALUES('kept')");
    void *stmt = begin_rows(conn, SERIES, WEIR_ARGS(weir_int(100000)));
    row_next(wing, conn, SOON, &err);
    end_rows(conn, &stmt);
    is_int(wing->commit(conn, SOON, &err), WEIR_OK, "closing a result early does not end its transaction");
    is_int(ask_int(conn, "SELECT count(*) FROM n WHERE v = 'kept'"), 1, "  which is stored");
}

static void test_failing_row(void *conn)
{
    int st, rows = 0;
    void *stmt = begin_rows(conn, "SELECT 1000 / (5000 - i) FROM generate_series(1, 9999) i", WEIR_NO_ARGS);
    while ((st = row_next(wing, conn, SOON, &err)) == WEIR_ROW)
        rows++;
    is_int(st, WEIR_E_DATA, "a row that fails fails the result");
    is_text(err.sqlstate, "22012", "  for its reason");
    ok(rows > 4900 && rows < 5000, "  after those before it, to a few that libpq may keep: %d", rows);
    is_int(row_next(wing, conn, SOON, &err), WEIR_OK, "  which has ended then");
    end_rows(conn, &stmt);
    stmt = make(conn, "SELECT 1/(i-1) FROM generate_series(1, 9) i");
    is_int(wing->run(conn, stmt, WEIR_NO_ARGS, 1, SOON, &err), WEIR_E_DATA, "a first row that fails fails run");
    forget(conn, &stmt);
}

static void test_returning(void *conn)
{
    void *stmt = begin_rows(conn, "INSERT INTO n(v) VALUES(?),(?) RETURNING v, NULL, '\\x00ff'::bytea",
                            WEIR_ARGS(weir_text("one"), weir_text("")));
    is_int(wing->affected(conn), 2, "RETURNING: the rows are there when run returns");
    is_int(backend->dirty(conn), 0, "  and are stored already");
    is_int(row_next(wing, conn, SOON, &err), WEIR_ROW, "  the first");
    ok(row_cell(wing, conn, 0, &cell) == 0 && cell.type == WEIR_TEXT && same_bytes(&cell, "one", 3), "  its text");
    ok(row_cell(wing, conn, 1, &cell) == 0 && cell.type == WEIR_NULL, "  a NULL");
    ok(row_cell(wing, conn, 2, &cell) == 0 && cell.type == WEIR_BLOB && same_bytes(&cell, "\0\xff", 2), "  a blob");
    is_int(row_next(wing, conn, SOON, &err), WEIR_ROW, "  the second");
    ok(row_cell(wing, conn, 0, &cell) == 0 && cell.type == WEIR_TEXT && same_bytes(&cell, "", 0), "  its empty text");
    is_int(row_next(wing, conn, SOON, &err), WEIR_OK, "  no third");
    end_rows(conn, &stmt);
}

static void test_big_row(void *conn)
{
    void *stmt = begin_rows(conn, "SELECT repeat('x', 64000000), 1", WEIR_NO_ARGS);
    is_int(row_next(wing, conn, SOON, &err), WEIR_ROW, "a row of 64 MB");
    ok(row_cell(wing, conn, 0, &cell) == 0 && cell.length == 64000000, "  has all its bytes");
    end_rows(conn, &stmt);
    is_int(run(conn, "SELECT repeat('x', 1100000000)", &err), WEIR_E_DATA,
           "one that is larger than the server's limit is an error");
    is_int(err.flags, 0, "  which the connection outlives");
    is_int(ask_int(conn, "SELECT 1"), 1, "  at work");
}

/* Each allocation in turn finds no memory: what fails for it leaves the session as it was. */
static void test_no_memory(void)
{
    struct rig poor;
    rig_begin(&poor, server.port, NULL);
    void *conn = session(&poor), *stmt = NULL;
    size_t p, c;
    int st = WEIR_E_MEMORY, failures = 0;
    for (long n = 1; st == WEIR_E_MEMORY && n < 50; n++) {
        poor.fail_at = n;
        poor.allocations = 0;
        st = wing->prepare(conn, &stmt, &p, &c, "SELECT ?, '\\x01'::bytea, '1s'::interval", SOON, &err);
        if (st == WEIR_OK)
            st = wing->run(conn, stmt, WEIR_ARGS(weir_int(1)), 1, SOON, &err);
        if (st == WEIR_OK && row_next(wing, conn, SOON, &err) == WEIR_ROW)
            st = row_cell(wing, conn, 1, &cell);
        poor.fail_at = 0;
        wing->abandon(conn);
        if (stmt)
            forget(conn, &stmt);
        failures += st == WEIR_E_MEMORY;
        ok(ask_int(conn, "SELECT 7") == 7, "allocation %ld: the session goes on", n);
    }
    is_int(st, WEIR_OK, "with memory it works");
    ok(failures >= 5, "  and %d times it said that there was none", failures);
    end(&conn);
    is_int(poor.blocks, 0, "  and gave all of it back");
}

int main(void)
{
    postgres_start(&server, NULL);
    rig_begin(&rig, server.port, NULL);
    void *conn = session(&rig);
    test_bytes(conn);
    test_numbers(conn);
    test_times(conn);
    test_cells(conn);
    test_blob_as_text(conn);
    test_zones(conn);
    makes_table(conn);
    test_stored(conn);
    test_places(conn);
    test_changing_types(conn);
    test_counts(conn);
    test_one_statement(conn);
    test_affected(conn);
    test_last_id(conn);
    test_names(conn);
    test_forgotten_in_transaction(conn);
    test_server_forgets(conn);
    test_table_changes(conn);
    test_parameter_changes(conn);
    end(&conn);
    conn = session(&rig);
    test_streaming(conn);
    test_half_read(conn);
    test_half_read_in_transaction(conn);
    test_failing_row(conn);
    test_returning(conn);
    test_big_row(conn);
    end(&conn);
    test_no_memory();
    is_int(rig.blocks, 0, "the driver has given back all memory");
    postgres_stop(&server);
    return tap_done();
}
