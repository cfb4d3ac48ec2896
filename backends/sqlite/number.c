/*
 * Functions of SQL for bulk: numbers are added and compared, every digit kept.
 *
 * A decimal is a text here, which SQLite would add as a double, and compare as a text.  Numbers of its own it would add and compare as is
 * done here, too: whole ones exactly, and all else once there is a double.
 * SPDX-License-Identifier: MIT
 */
#include "lite.h"

#define ROOM_OF_A_SUM 4 /* beyond both texts */

/* Of a function's arguments. */
enum { STORED, FRESH };

static const weir_host *host_of(sqlite3_context *call)
{
    return ((const struct lite_conn *)sqlite3_user_data(call))->host;
}

static int is_null(sqlite3_value *v)
{
    return sqlite3_value_type(v) == SQLITE_NULL;
}

static int are_whole(sqlite3_value **v)
{
    return sqlite3_value_type(v[STORED]) == SQLITE_INTEGER && sqlite3_value_type(v[FRESH]) == SQLITE_INTEGER;
}

static int has_double(sqlite3_value **v)
{
    return sqlite3_value_type(v[STORED]) == SQLITE_FLOAT || sqlite3_value_type(v[FRESH]) == SQLITE_FLOAT;
}

static int is_number(sqlite3_value *v)
{
    const int type = sqlite3_value_numeric_type(v);
    return type == SQLITE_INTEGER || type == SQLITE_FLOAT;
}

static const char *text_of(sqlite3_value *v)
{
    const char *text = (const char *)sqlite3_value_text(v);
    return text ? text : "";
}

static void fail_number(sqlite3_context *call)
{
    sqlite3_result_error(call, "what is to be added or compared is no number", -1);
    sqlite3_result_error_code(call, SQLITE_MISMATCH);
}

/* ---- adding ---- */

/* 0: one of them is no decimal. */
static int add_exactly(sqlite3_context *call, sqlite3_value **v)
{
    const char *a = text_of(v[STORED]), *b = text_of(v[FRESH]);
    char *sum = sqlite3_malloc64(strlen(a) + strlen(b) + ROOM_OF_A_SUM);
    if (!sum) {
        sqlite3_result_error_nomem(call);
        return 1;
    }
    if (host_of(call)->decimal_add(sum, a, b) == 0) {
        sqlite3_result_text(call, sum, -1, sqlite3_free);
        return 1;
    }
    sqlite3_free(sum);
    return 0;
}

static void add_doubles(sqlite3_context *call, sqlite3_value **v)
{
    if (is_number(v[STORED]) && is_number(v[FRESH]))
        sqlite3_result_double(call, sqlite3_value_double(v[STORED]) + sqlite3_value_double(v[FRESH]));
    else
        fail_number(call);
}

/* 0: it would not fit. */
static int add_whole(sqlite3_context *call, sqlite3_value **v)
{
    const sqlite3_int64 a = sqlite3_value_int64(v[STORED]), b = sqlite3_value_int64(v[FRESH]);
    if (b > 0 ? a > INT64_MAX - b : a < INT64_MIN - b)
        return 0;
    sqlite3_result_int64(call, a + b);
    return 1;
}

static void add(sqlite3_context *call, int n, sqlite3_value **v)
{
    (void)n;
    if (are_whole(v) && add_whole(call, v))
        return;
    if (is_null(v[STORED]) || is_null(v[FRESH]))
        sqlite3_result_value(call, v[is_null(v[FRESH]) ? STORED : FRESH]);
    else if (has_double(v) || !add_exactly(call, v))
        add_doubles(call, v);
}

/* ---- comparing ---- */

static int compare_doubles(int *order, sqlite3_value **v)
{
    if (!is_number(v[STORED]) || !is_number(v[FRESH]))
        return -1;
    const double stored = sqlite3_value_double(v[STORED]), fresh = sqlite3_value_double(v[FRESH]);
    *order = (fresh > stored) - (fresh < stored);
    return 0;
}

static int compare_whole(sqlite3_value **v)
{
    const sqlite3_int64 stored = sqlite3_value_int64(v[STORED]), fresh = sqlite3_value_int64(v[FRESH]);
    return (fresh > stored) - (fresh < stored);
}

/* The fresh one with the stored one; the least is NULL.  < 0: one of them is no number. */
static int compare(const weir_host *host, int *order, sqlite3_value **v)
{
    if (are_whole(v))
        *order = compare_whole(v);
    else if (is_null(v[STORED]) || is_null(v[FRESH]))
        *order = is_null(v[STORED]) - is_null(v[FRESH]);
    else if (has_double(v) || host->decimal_compare(order, text_of(v[FRESH]), text_of(v[STORED])) < 0)
        return compare_doubles(order, v);
    return 0;
}

/* The fresh one, if it is on that side of the stored one.  NULL counts for nothing. */
static void choose(sqlite3_context *call, sqlite3_value **v, int side)
{
    int order;
    if (compare(host_of(call), &order, v) < 0) {
        fail_number(call);
        return;
    }
    if (side < 0 && (is_null(v[STORED]) || is_null(v[FRESH])))
        order = -order;
    sqlite3_result_value(call, v[order * side > 0 ? FRESH : STORED]);
}

static void larger(sqlite3_context *call, int n, sqlite3_value **v)
{
    (void)n;
    choose(call, v, 1);
}

static void smaller(sqlite3_context *call, int n, sqlite3_value **v)
{
    (void)n;
    choose(call, v, -1);
}

static void order(sqlite3_context *call, int n, sqlite3_value **v)
{
    (void)n;
    int result;
    if (compare(host_of(call), &result, v) < 0)
        fail_number(call);
    else
        sqlite3_result_int(call, result);
}

/* ---- making them known ---- */

static const struct {
    const char *name;
    void (*call)(sqlite3_context *call, int n, sqlite3_value **v);
} functions[] = {
    { "weir_add", add },
    { "weir_larger", larger },
    { "weir_smaller", smaller },
    { "weir_order", order },
};

int lite_teach_numbers(struct lite_conn *c)
{
    int rc = SQLITE_OK;
    for (size_t i = 0; i < sizeof functions / sizeof *functions && rc == SQLITE_OK; i++)
        rc = sqlite3_create_function_v2(c->db, functions[i].name, 2, SQLITE_UTF8 | SQLITE_DETERMINISTIC, c,
                                        functions[i].call, NULL, NULL, NULL);
    return rc;
}
