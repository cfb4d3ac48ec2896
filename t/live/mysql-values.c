/*
 * Values through the MySQL and MariaDB driver: parameters that go, cells that come.
 * SPDX-License-Identifier: MIT
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include "mysql-rig.h"
#include "row.h"
#include "tap.h"

#define backend (&weir_mysql_backend)
#define wing (backend->sql)

static struct rig rig;

/* ---- one at a time ---- */

static weir_value echoed; /* valid until the next echo */

/* One value through a parameter into a cell.  MySQL takes a lone parameter for a text. */
static void *echo(void *conn, weir_value v)
{
    weir_error err;
    void *stmt = begin_rows(conn, v.type == WEIR_BLOB ? "SELECT CAST(? AS BINARY)" : "SELECT ?", WEIR_ARGS(v));
    if (row_next(wing, conn, SOON, &err) != WEIR_ROW || row_cell(wing, conn, 0, &echoed) < 0)
        tap_bail("a parameter does not come back");
    return stmt;
}

static int same_bytes(const weir_value *v, const void *p, size_t n)
{
    return v->as.p && v->length == n && memcmp(v->as.p, p, n) == 0;
}

static void comes_back(void *conn, const char *what, weir_value sent, uint32_t type, const void *p, size_t n)
{
    void *stmt = echo(conn, sent);
    is_int(echoed.type, type, "%s comes back as type %u", what, type);
    ok(same_bytes(&echoed, p, n), "  with its %zu bytes", n);
    if (type != WEIR_BLOB)
        is_int(((const char *)echoed.as.p)[n], 0, "  and a zero byte behind");
    end_rows(conn, &stmt);
}

static void test_bytes(void *conn)
{
    static char big[3000000];
    for (size_t i = 0; i < sizeof big; i++)
        big[i] = (char)(i * 7);
    comes_back(conn, "a text", weir_text("gr\u00fc\u00dfe \U0001f30a"), WEIR_TEXT, "gr\u00fc\u00dfe \U0001f30a", 12);
    comes_back(conn, "a part of a text", weir_text_n("abcdef", 3), WEIR_TEXT, "abc", 3);
    comes_back(conn, "an empty text", weir_text(""), WEIR_TEXT, "", 0);
    comes_back(conn, "a blob", weir_blob("a\0b", 3), WEIR_BLOB, "a\0b", 3);
    comes_back(conn, "an empty blob", weir_blob("", 0), WEIR_BLOB, "", 0);
    comes_back(conn, "a big blob", weir_blob(big, sizeof big), WEIR_BLOB, big, sizeof big);
    for (size_t n = 254; n <= 258; n++) {
        memset(big, 'x', n);
        comes_back(conn, "a text of about 256 bytes", weir_text_n(big, n), WEIR_TEXT, big, n);
    }
}

static void test_numbers(void *conn)
{
    static const int64_t ints[] = { 0, -1, INT64_MAX, INT64_MIN };
    static const double doubles[] = { 0.1, -1e300, 2.5e-308, 3.0 };
    void *stmt;
    for (size_t i = 0; i < 4; i++) {
        stmt = echo(conn, weir_int(ints[i]));
        ok(echoed.type == WEIR_INT && echoed.as.i == ints[i], "integer %lld comes back", (long long)ints[i]);
        end_rows(conn, &stmt);
        stmt = echo(conn, weir_double(doubles[i]));
        ok(echoed.type == WEIR_DOUBLE && memcmp(&echoed.as.d, &doubles[i], sizeof(double)) == 0, "double %g comes back",
           doubles[i]);
        end_rows(conn, &stmt);
    }
    stmt = echo(conn, weir_null());
    is_int(echoed.type, WEIR_NULL, "NULL comes back");
    end_rows(conn, &stmt);
    stmt = echo(conn, weir_time_us(INT64_C(951827696123456)));
    ok(echoed.type == WEIR_TIME && echoed.as.i == INT64_C(951827696123456), "a time comes back to the microsecond");
    end_rows(conn, &stmt);
}

static void test_impossible_values(void *conn)
{
    weir_error err;
    is_int(execute(conn, "SELECT ?, ?", WEIR_ARGS(weir_int(1), weir_double(NAN)), SOON, &err), WEIR_E_DATA,
           "not-a-number is refused");
    has_text(err.text, "parameter 2", "  and the parameter named");
    is_int(execute(conn, "SELECT ?", WEIR_ARGS(weir_double(-INFINITY)), SOON, &err), WEIR_E_DATA, "so is infinity");
    is_int(execute(conn, "SELECT ?", WEIR_ARGS(weir_time_us(INT64_MIN)), SOON, &err), WEIR_E_DATA,
           "and a time that has no text");
}

/* Every type that a column can have, as the cell of a literal. */
static const struct {
    const char *sql;
    uint32_t type;
    const char *text; /* of a decimal, text or blob; of the others, what it reads as */
} kinds[] = {
    { "TINYINT|-128", WEIR_INT, "-128" },
    { "TINYINT UNSIGNED|255", WEIR_INT, "255" },
    { "SMALLINT|-32768", WEIR_INT, "-32768" },
    { "SMALLINT UNSIGNED|65535", WEIR_INT, "65535" },
    { "MEDIUMINT|-8388608", WEIR_INT, "-8388608" },
    { "INT|-2147483648", WEIR_INT, "-2147483648" },
    { "INT UNSIGNED|4294967295", WEIR_INT, "4294967295" },
    { "BIGINT|-9223372036854775808", WEIR_INT, "-9223372036854775808" },
    { "BIGINT UNSIGNED|9223372036854775807", WEIR_INT, "9223372036854775807" },
    { "BIGINT UNSIGNED|9223372036854775808", WEIR_DECIMAL, "9223372036854775808" },
    { "BIGINT UNSIGNED|18446744073709551615", WEIR_DECIMAL, "18446744073709551615" },
    { "YEAR|1999", WEIR_INT, "1999" },
    { "BOOLEAN|TRUE", WEIR_INT, "1" },
    { "BIT(1)|b'1'", WEIR_INT, "1" },
    { "BIT(12)|b'101010101010'", WEIR_INT, "2730" },
    { "BIT(64)|18446744073709551615", WEIR_DECIMAL, "18446744073709551615" },
    { "FLOAT|0.1", WEIR_DOUBLE, "0.1" },
    { "FLOAT|16777216", WEIR_DOUBLE, "16777216" },
    { "FLOAT|3.40282e38", WEIR_DOUBLE, "3.40282e+38" },
    { "DOUBLE|0.1", WEIR_DOUBLE, "0.1" },
    { "DECIMAL(10,3)|-1.5", WEIR_DECIMAL, "-1.500" },
    { "DECIMAL(65)|99999999999999999999999999999999999999999999999999999999999999999", WEIR_DECIMAL,
      "99999999999999999999999999999999999999999999999999999999999999999" },
    { "DATE|'2024-02-29'", WEIR_TEXT, "2024-02-29" },
    { "TIME|'-838:59:59'", WEIR_TEXT, "-838:59:59" },
    { "TIME(3)|'00:00:00.5'", WEIR_TEXT, "00:00:00.500" },
    { "TIME(6)|'-100:00:00.000001'", WEIR_TEXT, "-100:00:00.000001" },
    { "TIME(1)|'99:59:59.9'", WEIR_TEXT, "99:59:59.9" },
    { "DATETIME|'2024-02-29 23:59:59'", WEIR_TIME, "1709251199000000" },
    { "DATETIME(6)|'1969-12-31 23:59:59.999999'", WEIR_TIME, "-1" },
    { "TIMESTAMP(6)|'2024-02-29 23:59:59.25'", WEIR_TIME, "1709251199250000" },
    { "CHAR(5)|'abc'", WEIR_TEXT, "abc" },
    { "CHAR(5) CHARACTER SET latin1|'gr\u00fc\u00df'", WEIR_TEXT, "gr\u00fc\u00df" },
    { "VARCHAR(20) CHARACTER SET utf8mb4|'\u4f60\u597d'", WEIR_TEXT, "\u4f60\u597d" },
    { "TEXT|''", WEIR_TEXT, "" },
    { "LONGTEXT|REPEAT('y', 300)", WEIR_TEXT, NULL },
    { "ENUM('red','green')|'green'", WEIR_TEXT, "green" },
    { "SET('a','b','c')|'a,c'", WEIR_TEXT, "a,c" },
    { "JSON|'[1]'", WEIR_TEXT, "[1]" },
    { "BINARY(3)|'ab'", WEIR_BLOB, "ab" },
    { "VARBINARY(9)|'a'", WEIR_BLOB, "a" },
    { "TINYBLOB|'a'", WEIR_BLOB, "a" },
    { "LONGBLOB|'a'", WEIR_BLOB, "a" },
    { "GEOMETRY|ST_GeomFromText('POINT(1 2)')", WEIR_BLOB, NULL },
    { "INT|NULL", WEIR_NULL, NULL },
    { "TEXT|NULL", WEIR_NULL, NULL },
    { "BIT(3)|NULL", WEIR_NULL, NULL },
    { "DATETIME|NULL", WEIR_NULL, NULL },
};

static void reads_as(const char *sql, const weir_value *v, uint32_t type, const char *text)
{
    char number[64];
    is_int(v->type, type, "%s is of type %u", sql, type);
    if (!text || v->type != type)
        return;
    if (type == WEIR_INT || type == WEIR_TIME)
        snprintf(number, sizeof number, "%lld", (long long)v->as.i);
    else if (type == WEIR_DOUBLE)
        snprintf(number, sizeof number, "%.15g", v->as.d);
    if (type == WEIR_INT || type == WEIR_TIME || type == WEIR_DOUBLE)
        is_text(number, text, "  and reads as it should");
    else if (type != WEIR_BLOB)
        is_text(v->as.p, text, "  and reads as it should");
    else
        ok(strncmp(v->as.p, text, strlen(text)) == 0 && v->length >= strlen(text), "  and reads as it should: %.*s",
           (int)v->length, (const char *)v->as.p);
}

static void test_kinds(void *conn)
{
    char sql[512];
    weir_value cell;
    weir_error err;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        const char *bar = strchr(kinds[i].sql, '|');
        snprintf(sql, sizeof sql, "CREATE TABLE kinds(c %.*s NULL)", (int)(bar - kinds[i].sql), kinds[i].sql);
        must(conn, sql);
        snprintf(sql, sizeof sql, "INSERT INTO kinds VALUES (%s)", bar + 1);
        must(conn, sql);
        void *stmt = begin_rows(conn, "SELECT c FROM kinds", WEIR_NO_ARGS);
        if (row_next(wing, conn, SOON, &err) != WEIR_ROW || row_cell(wing, conn, 0, &cell) < 0)
            tap_bail("no row");
        reads_as(kinds[i].sql, &cell, kinds[i].type, kinds[i].text);
        end_rows(conn, &stmt);
        must(conn, "DROP TABLE kinds");
    }
}

/* What no calendar has is kept as it is written. */
static void test_zero_dates(void *conn)
{
    must(conn, "SET sql_mode = ''");
    must(conn, "CREATE TABLE zero(a DATETIME(3), b DATE)");
    must(conn, "INSERT INTO zero VALUES ('0000-00-00 00:00:00', '2024-00-00')");
    is_text(ask_text(conn, "SELECT a FROM zero"), "0000-00-00 00:00:00.000", "a moment of zeros is a text");
    is_text(ask_text(conn, "SELECT b FROM zero"), "2024-00-00", "a day of zeros, too");
    must(conn, "DROP TABLE zero");
}

/* ---- several ---- */

/* Types come and go from run to run; what is bound follows. */
static void test_rebinding(void *conn)
{
    static const struct {
        weir_value a, b;
    } args[] = {
        { { .type = WEIR_INT, .as.i = 1 }, { .type = WEIR_TEXT, .as.p = "x", .length = 1 } },
        { { .type = WEIR_INT, .as.i = 2 }, { .type = WEIR_TEXT, .as.p = "xyz", .length = 3 } },
        { { .type = WEIR_NULL }, { .type = WEIR_TEXT, .as.p = "xyz", .length = 2 } },
        { { .type = WEIR_INT, .as.i = 3 }, { .type = WEIR_NULL } },
        { { .type = WEIR_DOUBLE, .as.d = 4 }, { .type = WEIR_INT, .as.i = 77 } },
        { { .type = WEIR_INT, .as.i = 5 }, { .type = WEIR_TEXT, .as.p = "", .length = 0 } },
    };
    static const char *const want[] = { "1 x", "2 xyz", "- xy", "3 -", "4 77", "5 " };
    weir_error err;
    weir_value cell;
    void *stmt = make(conn, "SELECT CONCAT(COALESCE(ROUND(?), '-'), ' ', COALESCE(?, '-'))");
    for (size_t i = 0; i < sizeof args / sizeof *args; i++) {
        const weir_value both[] = { args[i].a, args[i].b };
        if (wing->run(conn, stmt, weir_args_of(both, 2), 1, SOON, &err) < 0 ||
            row_next(wing, conn, SOON, &err) != WEIR_ROW || row_cell(wing, conn, 0, &cell) < 0)
            tap_bail("%s", err.text);
        is_text(cell.as.p, want[i], "run %zu of one statement sends '%s'", i + 1, want[i]);
        wing->abandon(conn);
    }
    forget(conn, &stmt);
}

/* What was put into its place for a run that was refused must not be taken for sent by the next. */
static void test_refused_between(void *conn)
{
    static const struct {
        weir_value a, b;
        const char *want; /* NULL: refused */
    } runs[] = {
        { { .type = WEIR_TEXT, .as.p = "one", .length = 3 }, { .type = WEIR_INT, .as.i = 1 }, "one 1" },
        { { .type = WEIR_TEXT, .as.p = "two", .length = 3 }, { .type = WEIR_DOUBLE, .as.d = NAN }, NULL },
        { { .type = WEIR_TEXT, .as.p = "two", .length = 3 }, { .type = WEIR_DOUBLE, .as.d = 2.5 }, "two 2.5" },
    };
    weir_error err;
    weir_value cell;
    void *stmt = make(conn, "SELECT CONCAT(?, ' ', ?)");
    for (size_t i = 0; i < sizeof runs / sizeof *runs; i++) {
        const weir_value both[] = { runs[i].a, runs[i].b };
        const int st = wing->run(conn, stmt, weir_args_of(both, 2), 1, SOON, &err);
        if (!runs[i].want) {
            is_int(st, WEIR_E_DATA, "run %zu is refused", i + 1);
            continue;
        }
        if (st < 0 || row_next(wing, conn, SOON, &err) != WEIR_ROW || row_cell(wing, conn, 0, &cell) < 0)
            tap_bail("%s", err.text);
        is_text(cell.as.p, runs[i].want, "run %zu sends '%s'", i + 1, runs[i].want);
        wing->abandon(conn);
    }
    forget(conn, &stmt);
}

/* A text of so many bytes, between two other cells: how long it is comes before it, in one byte or several. */
static void test_lengths(void *conn)
{
    static const size_t lengths[] = { 0, 1, 250, 251, 256, 257, 65535, 65536, 1000000 };
    weir_error err;
    weir_value text, behind;
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        const weir_value length = weir_int((int64_t)lengths[i]);
        void *stmt = begin_rows(conn, "SELECT 7, REPEAT('y', ?), n FROM digits WHERE n = 8", WEIR_ARGS(length));
        if (row_next(wing, conn, SOON, &err) != WEIR_ROW || row_cell(wing, conn, 1, &text) < 0 ||
            row_cell(wing, conn, 2, &behind) < 0)
            tap_bail("%s", err.text);
        ok(text.length == lengths[i] && strlen(text.as.p) == lengths[i], "a text of %zu bytes", lengths[i]);
        is_int(behind.as.i, 8, "  and the cell behind it");
        end_rows(conn, &stmt);
    }
}

/* Cells of all kinds side by side, each of them NULL in every other row. */
static void test_mixed(void *conn)
{
    weir_error err;
    weir_value cells[6];
    void *stmt = begin_rows(conn,
                            "SELECT IF(n % 2, NULL, n), IF(n % 2, CAST('2024-02-29 23:59:59' AS DATETIME), NULL), "
                            "IF(n % 2, NULL, CONCAT('t', n)), CAST(IF(n % 2, n, NULL) AS TIME), "
                            "IF(n % 2, NULL, n + 0.5e0), IF(n % 2, REPEAT('l', 300 + n), NULL) FROM digits ORDER BY n",
                            WEIR_NO_ARGS);
    for (int n = 0; n < 10; n++) {
        if (row_next(wing, conn, SOON, &err) != WEIR_ROW)
            tap_bail("%s", err.text);
        for (size_t i = 0; i < 6; i++)
            row_cell(wing, conn, i, &cells[i]);
        const int odd = n % 2;
        ok(odd ? cells[0].type == WEIR_NULL && cells[2].type == WEIR_NULL && cells[4].type == WEIR_NULL
               : cells[1].type == WEIR_NULL && cells[3].type == WEIR_NULL && cells[5].type == WEIR_NULL,
           "row %d: the cells that are NULL", n);
        ok(odd ? cells[1].as.i == INT64_C(1709251199000000) && cells[3].type == WEIR_TEXT &&
                     cells[5].length == (uint64_t)(300 + n)
               : cells[0].as.i == n && ((const char *)cells[2].as.p)[1] == '0' + n && cells[4].as.d > n,
           "  and those that are not");
    }
    end_rows(conn, &stmt);
}

static void test(struct mariadb *server)
{
    rig_begin(&rig, server, NULL);
    void *conn = session(&rig);
    test_bytes(conn);
    test_numbers(conn);
    test_impossible_values(conn);
    test_kinds(conn);
    test_rebinding(conn);
    test_refused_between(conn);
    must(conn, "CREATE TABLE digits(n INT)");
    must(conn, "INSERT INTO digits VALUES (0), (1), (2), (3), (4), (5), (6), (7), (8), (9)");
    test_lengths(conn);
    test_mixed(conn);
    test_zero_dates(conn);
    end(&conn);
    is_int(rig.blocks, 0, "the driver has given back all memory");
}

int main(void)
{
    return rig_on_servers(test, NULL);
}
