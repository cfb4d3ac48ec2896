/*
 * The scenario: values go in as typed parameters and come out as cells, unharmed; and what they convert to.
 * SPDX-License-Identifier: MIT
 */
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "scenario.h"

/* One row with a column for each type. */
static void make_kinds(weir_conn conn, const struct dialect *d)
{
    talk_run(conn, "DROP TABLE IF EXISTS kinds");
    talk_run(conn, "CREATE TABLE kinds(whole %s, flt %s, txt %s, bin %s, digits %s, moment %s)", d->whole, d->real,
             d->text, d->blob, d->decimal, d->time);
    talk_run(conn, "INSERT INTO kinds(whole) VALUES (NULL)");
}

/* The value through a column; the result stands at its row. */
static weir_rows through(weir_conn conn, const char *column, weir_value v)
{
    talk_run_with(conn, WEIR_ARGS(v), "UPDATE kinds SET %s = ?", column);
    return talk_first(conn, WEIR_NO_ARGS, "SELECT %s FROM kinds", column);
}

static void closes(weir_rows *rows, int status, const char *what)
{
    weir_error err = { .text = "" };
    if (!is_int(weir_rows_close(rows, &err), status, "  and the result of %s closes as it should", what))
        tap_note("  %s", err.text);
}

/* ---- each type, there and back ---- */

static void nulls(weir_conn conn)
{
    static const char *const columns[] = { "whole", "flt", "txt", "bin", "digits", "moment" };
    for (size_t i = 0; i < 6; i++) {
        size_t length = 99;
        weir_rows rows = through(conn, columns[i], weir_null());
        ok(weir_rows_is_null(rows, 0) && weir_rows_type(rows, 0) == WEIR_NULL, "NULL comes back from column %s",
           columns[i]);
        ok(weir_rows_int(rows, 0) == 0 && weir_rows_time_us(rows, 0) == 0 && !weir_rows_text(rows, 0) &&
               !weir_rows_blob(rows, 0, &length) && length == 0 && !(weir_rows_double(rows, 0) != 0),
           "  and reads as nothing of every type");
        closes(&rows, WEIR_OK, "NULL");
    }
    weir_rows rows = through(conn, "txt", weir_text(NULL));
    ok(weir_rows_is_null(rows, 0), "a text that is not there is NULL, too");
    closes(&rows, WEIR_OK, "no text");
}

static void integers(weir_conn conn)
{
    static const int64_t all[] = { 0, 1, -1, INT64_C(9007199254740993), INT64_MAX, INT64_MIN };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        weir_rows rows = through(conn, "whole", weir_int(all[i]));
        is_int(weir_rows_int(rows, 0), all[i], "integer %lld comes back", (long long)all[i]);
        ok(weir_rows_type(rows, 0) == WEIR_INT && !weir_rows_is_null(rows, 0), "  as an integer");
        closes(&rows, WEIR_OK, "an integer");
    }
}

/* No tiny ones below the normal range: a server may take them for zero. */
static void doubles(weir_conn conn)
{
    static const double all[] = { 0.0, 0.1, -1.0 / 3, DBL_MAX, -DBL_MAX, DBL_MIN, 4503599627370497.5 };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        weir_rows rows = through(conn, "flt", weir_double(all[i]));
        const double got = weir_rows_double(rows, 0);
        ok(memcmp(&got, &all[i], sizeof got) == 0, "double %.17g comes back to the bit: %.17g", all[i], got);
        is_int(weir_rows_type(rows, 0), WEIR_DOUBLE, "  as a double");
        closes(&rows, WEIR_OK, "a double");
    }
}

static void texts(weir_conn conn)
{
    static const char *const all[] = {
        "plain",
        "",
        "it's \"quoted\" `here` \\ and $1 ? ?? :x %s",
        "a\nline\tand\rmore",
        "Gr\u00fc\u00dfe, \u4f60\u597d, \U0001f30a",
        " spaces around ",
        "NULL",
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        size_t length;
        weir_rows rows = through(conn, "txt", weir_text(all[i]));
        is_text(weir_rows_text(rows, 0), all[i], "a text comes back: %zu bytes", strlen(all[i]));
        is_int(weir_rows_type(rows, 0), WEIR_TEXT, "  as a text");
        const void *bytes = weir_rows_blob(rows, 0, &length);
        ok(bytes && length == strlen(all[i]) && memcmp(bytes, all[i], length) == 0, "  and its bytes can be had");
        closes(&rows, WEIR_OK, "a text");
    }
    weir_rows rows = through(conn, "txt", weir_text_n("part of it", 4));
    is_text(weir_rows_text(rows, 0), "part", "a part of a text comes back");
    closes(&rows, WEIR_OK, "a part");
}

static void has_blob(weir_rows rows, const void *want, size_t size, const char *what)
{
    size_t length = 99;
    const void *got = weir_rows_blob(rows, 0, &length);
    ok(got && length == size && memcmp(got, want, size) == 0, "%s comes back: %zu bytes", what, length);
    is_int(weir_rows_type(rows, 0), WEIR_BLOB, "  as a blob");
    ok(!weir_rows_is_null(rows, 0), "  and is not NULL");
}

static void blobs(weir_conn conn)
{
    static unsigned char large[1 << 20];
    for (size_t i = 0; i < sizeof large; i++)
        large[i] = (unsigned char)(i * 31 >> 3);
    const struct {
        const void *bytes;
        size_t size;
        const char *what;
    } all[] = {
        { "\0\1\2\0\377\200'\\", 8, "a blob with zero bytes" },
        { "", 0, "an empty blob" },
        { large, sizeof large, "a blob of a megabyte" },
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        weir_rows rows = through(conn, "bin", weir_blob(all[i].bytes, all[i].size));
        has_blob(rows, all[i].bytes, all[i].size, all[i].what);
        closes(&rows, WEIR_OK, "a blob");
    }
}

static void large_text(weir_conn conn)
{
    const size_t size = 1 << 20;
    char *large = malloc(size + 1);
    if (!large)
        tap_bail("no memory");
    memset(large, 'w', size);
    large[size] = '\0';
    weir_rows rows = through(conn, "txt", weir_text(large));
    const char *got = weir_rows_text(rows, 0);
    ok(got && strcmp(got, large) == 0, "a text of a megabyte comes back");
    closes(&rows, WEIR_OK, "a large text");
    free(large);
}

/* A column with thirty digits behind the point may answer with all thirty. */
static bool is_same_decimal(const char *got, const char *want)
{
    size_t n = strlen(want);
    if (!got || strncmp(got, want, n) != 0)
        return false;
    got += n;
    got += *got == '.' && !strchr(want, '.');
    return strspn(got, "0") == strlen(got) && (!*got || strchr(want, '.') || got[-1] == '.');
}

static void decimals(weir_conn conn, const struct dialect *d)
{
    static const char *const all[] = {
        "12345678901234567890123456789012345.123456789012345678901234567891", /* 65 digits, 30 of them behind the point */
        "-99999999999999999999999999999999999.999999999999999999999999999999",
        "0.000000000000000000000000000001",
        "67012.35",
        "42",
        "-0.5",
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        weir_rows rows = through(conn, "digits", weir_decimal(all[i]));
        const char *got = weir_rows_text(rows, 0);
        ok(is_same_decimal(got, all[i]), "decimal %s comes back digit by digit: %s", all[i], got ? got : "(null)");
        is_int(weir_rows_type(rows, 0), d->decimal_type, "  of the type that this database has for it");
        closes(&rows, WEIR_OK, "a decimal");
    }
}

static void times(weir_conn conn, const struct dialect *d)
{
    static const struct {
        int64_t us;
        const char *text;
    } all[] = {
        { 0, "1970-01-01 00:00:00" },
        { -1, "1969-12-31 23:59:59.999999" },
        { INT64_C(-6857222400000001), "1752-09-13 23:59:59.999999" },
        { INT64_C(2147483648) * 1000000 + 1, "2038-01-19 03:14:08.000001" },
        { INT64_C(951827696123456), "2000-02-29 12:34:56.123456" },
        { INT64_C(253402300799999999), "9999-12-31 23:59:59.999999" },
        { INT64_C(-30610224000000000), "1000-01-01 00:00:00" },
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        weir_rows rows = through(conn, "moment", weir_time_us(all[i].us));
        is_int(weir_rows_time_us(rows, 0), all[i].us, "%s comes back to the microsecond", all[i].text);
        is_text(weir_rows_text(rows, 0), all[i].text, "  and reads as that text");
        is_int(weir_rows_type(rows, 0), d->time_type, "  of the type that this database has for it");
        closes(&rows, WEIR_OK, "a time");
    }
}

/* A parameter is a value, not a piece of the statement. */
static void where(weir_conn conn)
{
    weir_rows rows = through(conn, "txt", weir_text("x' OR '1'='1"));
    closes(&rows, WEIR_OK, "a hostile text");
    rows = talk_first(conn, WEIR_ARGS(weir_text("y' OR '1'='1")), "SELECT count(*) FROM kinds WHERE txt = ?");
    is_int(weir_rows_int(rows, 0), 0, "a hostile text selects nothing");
    closes(&rows, WEIR_OK, "a count");
    rows = talk_first(conn, WEIR_ARGS(weir_text("x' OR '1'='1")), "SELECT count(*) FROM kinds WHERE txt = ?");
    is_int(weir_rows_int(rows, 0), 1, "but its own row");
    closes(&rows, WEIR_OK, "a count");
}

void scenario_values(const struct scenario *s)
{
    weir_conn conn = talk_borrow(s->db, WEIR_WRITE);
    make_kinds(conn, s->dialect);
    nulls(conn);
    integers(conn);
    doubles(conn);
    texts(conn);
    blobs(conn);
    large_text(conn);
    decimals(conn, s->dialect);
    times(conn, s->dialect);
    where(conn);
    weir_release(&conn);
}

/* ---- conversions ---- */

enum reading { AS_INT, AS_DOUBLE, AS_TEXT, AS_BLOB, AS_TIME };

/* What a cell reads as: the text of it, or NULL if that is not possible without loss. */
static const struct conversion {
    const char *column;
    const char *literal; /* in SQL */
    enum reading as;
    const char *want;
} conversions[] = {
    { "whole", "42", AS_INT, "42" },
    { "whole", "42", AS_DOUBLE, "42" },
    { "whole", "-42", AS_TEXT, "-42" },
    { "whole", "42", AS_BLOB, NULL },
    { "whole", "1000000", AS_TIME, "1000000" },
    { "whole", "9007199254740992", AS_DOUBLE, "9007199254740992" },
    { "whole", "9007199254740993", AS_DOUBLE, NULL },

    { "flt", "3.0", AS_INT, "3" },
    { "flt", "3.5", AS_INT, NULL },
    { "flt", "-1e300", AS_INT, NULL },
    { "flt", "9223372036854775808.0", AS_INT, NULL },
    { "flt", "0.1", AS_TEXT, "0.1" },
    { "flt", "3.5", AS_BLOB, NULL },
    { "flt", "3.5", AS_TIME, NULL },

    { "txt", "'-7'", AS_INT, "-7" },
    { "txt", "'7 '", AS_INT, NULL },
    { "txt", "'seven'", AS_INT, NULL },
    { "txt", "''", AS_INT, NULL },
    { "txt", "'9223372036854775808'", AS_INT, NULL },
    { "txt", "'2.5'", AS_INT, NULL },
    { "txt", "'2.5'", AS_DOUBLE, "2.5" },
    { "txt", "'2,5'", AS_DOUBLE, NULL },
    { "txt", "'0x10'", AS_DOUBLE, NULL },
    { "txt", "'nan'", AS_DOUBLE, NULL },
    { "txt", "'1e999'", AS_DOUBLE, NULL },
    { "txt", "'2024-02-29 00:00:01'", AS_TIME, "1709164801000000" },
    { "txt", "'2023-02-29 00:00:01'", AS_TIME, NULL },
    { "txt", "'yesterday'", AS_TIME, NULL },
    { "txt", "'bytes'", AS_BLOB, "bytes" },

    { "digits", "'2.50'", AS_INT, NULL },
    { "digits", "'2.50'", AS_DOUBLE, "2.5" },
    { "digits", "'-17.00'", AS_INT, "-17" },
    { "digits", "'12345678901234567890123'", AS_INT, NULL },
    { "digits", "'2.50'", AS_TIME, NULL },
};

static void converts(weir_rows rows, const struct conversion *c)
{
    static const char *const names[] = { "an integer", "a double", "a text", "a blob", "a time" };
    char fact[128];
    size_t length = 99;
    snprintf(fact, sizeof fact, "%s %s as %s", c->column, c->literal, names[c->as]);
    const char *text = c->as == AS_TEXT ? weir_rows_text(rows, 0) : NULL;
    const void *blob = c->as == AS_BLOB ? weir_rows_blob(rows, 0, &length) : NULL;
    const double want = c->want ? strtod(c->want, NULL) : 0;
    switch (c->as) {
    case AS_INT:
        is_int(weir_rows_int(rows, 0), c->want ? strtoll(c->want, NULL, 10) : 0, "%s", fact);
        break;
    case AS_TIME:
        is_int(weir_rows_time_us(rows, 0), c->want ? strtoll(c->want, NULL, 10) : 0, "%s", fact);
        break;
    case AS_DOUBLE:
        ok(fabs(weir_rows_double(rows, 0) - want) < 1e-9, "%s", fact);
        break;
    case AS_TEXT:
        is_text(text, c->want, "%s", fact);
        break;
    case AS_BLOB:
        ok(c->want ? blob && length == strlen(c->want) && memcmp(blob, c->want, length) == 0 : !blob && length == 0,
           "%s", fact);
    }
}

static void convert(weir_conn conn, const struct conversion *c)
{
    weir_error err = { .text = "" };
    talk_run(conn, "UPDATE kinds SET %s = %s", c->column, c->literal);
    weir_rows rows = talk_first(conn, WEIR_NO_ARGS, "SELECT %s FROM kinds", c->column);
    converts(rows, c);
    is_int(weir_rows_next(rows, &err), WEIR_OK, "  does not end the loop");
    is_int(weir_rows_close(&rows, &err), c->want ? WEIR_OK : WEIR_E_CONVERT, "  and close tells");
    if (!c->want)
        has_text(err.text, "column 0", "  naming the column");
}

/* The first failure is told, and only at the end. */
static void failure_is_kept(weir_conn conn)
{
    weir_error err = { .text = "" };
    int count = 0, st;
    int64_t sum = 0;
    weir_rows rows =
        talk_query(conn, WEIR_NO_ARGS,
                   "SELECT 'one', n FROM digits WHERE n < 5 UNION ALL SELECT 'two', n FROM digits WHERE n = 7");
    while ((st = weir_rows_next(rows, &err)) == WEIR_ROW) {
        sum += weir_rows_int(rows, 1) + weir_rows_int(rows, 0);
        count++;
    }
    is_int(st, WEIR_OK, "a loop over cells that do not convert goes on to the end");
    ok(count == 6 && sum == 17, "  through all rows, the bad cells being zero");
    is_int(weir_rows_close(&rows, &err), WEIR_E_CONVERT, "  and close tells of the first");
    has_text(err.text, "column 0", "  by its column");
    talk_is(conn, WEIR_OK, "UPDATE kinds SET whole = 1", WEIR_NO_ARGS, "  and the connection serves on");
}

static void blob_is_nothing_else(weir_conn conn)
{
    for (int as = AS_INT; as <= AS_TIME; as++) {
        if (as == AS_BLOB)
            continue;
        weir_rows rows = through(conn, "bin", weir_blob("123", 3));
        const struct conversion c = { "bin", "'123'", (enum reading)as, NULL };
        converts(rows, &c);
        closes(&rows, WEIR_E_CONVERT, "a blob");
    }
}

void scenario_conversions(const struct scenario *s)
{
    weir_conn conn = talk_borrow(s->db, WEIR_WRITE);
    make_kinds(conn, s->dialect);
    for (size_t i = 0; i < sizeof conversions / sizeof *conversions; i++)
        convert(conn, &conversions[i]);
    blob_is_nothing_else(conn);
    failure_is_kept(conn);
    weir_release(&conn);
}
