/*
 * A cell that is not simply there as what is asked for: it is asked of the driver, converted, or refused.  Nothing is lost in a
 * conversion: what does not fit fails the result.
 * SPDX-License-Identifier: MIT
 */
#include <stdio.h>
#include <string.h>
#include <base/error.h>
#include <base/text.h>
#include <sql/rows.h>

static const char *const type_names[] = {
    [WEIR_NULL] = "NULL",   [WEIR_INT] = "an integer",    [WEIR_DOUBLE] = "a double", [WEIR_TEXT] = "a text",
    [WEIR_BLOB] = "a blob", [WEIR_DECIMAL] = "a decimal", [WEIR_TIME] = "a time",
};

static void cannot(struct link *l, size_t column, const weir_value *v, const char *as)
{
    weir_error err;
    fail(&err, WEIR_E_CONVERT, "column %zu: %s cannot be read as %s without loss", column, type_names[v->type], as);
    rows_keep_failure(l, WEIR_E_CONVERT, &err);
}

/* Fails the result, if there is one, with why there is no such cell. */
static struct link *no_cell(struct link *l, size_t column)
{
    weir_error err;
    if (!l)
        return NULL;
    if (column >= l->columns)
        fail(&err, WEIR_E_ARGUMENT, "column %zu was asked for; the result has %zu, counted from 0", column, l->columns);
    else if (!l->readable)
        fail(&err, WEIR_E_ARGUMENT, "column %zu was read before weir_rows_next said that there is a row", column);
    else
        fail(&err, WEIR_E_MEMORY, "column %zu: no memory for its cell", column);
    rows_keep_failure(l, err.status, &err);
    return NULL;
}

/* Once: then it is there. */
static int ask(struct link *l, size_t column)
{
    weir_value v;
    int status = l->sql->cell(l->conn, column, &v);
    if (status >= 0)
        l->cells[column] = v;
    return status;
}

struct link *rows_cell(weir_rows rows, size_t column, weir_value *v)
{
    struct link *l = rows_link(rows);
    *v = weir_null();
    if (!l || column >= l->readable)
        return no_cell(l, column);
    if (l->cells[column].type == WEIR_LATER && ask(l, column) < 0)
        return no_cell(l, column);
    *v = l->cells[column];
    return l;
}

static bool int_of_double(int64_t *out, double d)
{
    if (!(d >= -9223372036854775808.0 && d < 9223372036854775808.0) || d != (double)(int64_t)d)
        return false;
    *out = (int64_t)d;
    return true;
}

/* Behind a zero byte a C string would lose the rest. */
static bool has_no_zero(const weir_value *v)
{
    return v->no_zero || v->length == 0 || !memchr(v->as.p, 0, (size_t)v->length);
}

static bool is_string(const weir_value *v)
{
    return (v->type == WEIR_TEXT || v->type == WEIR_DECIMAL) && has_no_zero(v);
}

/* A decimal may be whole and have places: "42.00". */
static bool int_of_text(int64_t *out, const char *s)
{
    char whole[24];
    size_t length = strcspn(s, ".");
    if (!s[length] || length >= sizeof whole || !s[length + 1] || s[length + 1 + strspn(s + length + 1, "0")])
        return int_parse(out, s) >= 0;
    memcpy(whole, s, length);
    whole[length] = '\0';
    return int_parse(out, whole) >= 0;
}

int64_t convert_to_int(weir_rows rows, size_t column)
{
    weir_value v;
    int64_t n = 0;
    struct link *l = rows_cell(rows, column, &v);
    bool fits = v.type == WEIR_NULL;
    if (v.type == WEIR_INT || v.type == WEIR_TIME)
        return v.as.i;
    if (v.type == WEIR_DOUBLE)
        fits = int_of_double(&n, v.as.d);
    else if (is_string(&v))
        fits = int_of_text(&n, v.as.p);
    if (!fits)
        cannot(l, column, &v, "an integer");
    return fits ? n : 0;
}

double convert_to_double(weir_rows rows, size_t column)
{
    weir_value v;
    double d = 0;
    struct link *l = rows_cell(rows, column, &v);
    bool fits = v.type == WEIR_NULL;
    if (v.type == WEIR_DOUBLE)
        return v.as.d;
    if (v.type == WEIR_INT) {
        d = (double)v.as.i;
        fits = v.as.i >= -(INT64_C(1) << 53) && v.as.i <= INT64_C(1) << 53;
    } else if (is_string(&v)) {
        fits = double_parse(&d, v.as.p) >= 0;
    }
    if (!fits)
        cannot(l, column, &v, "a double");
    return fits ? d : 0;
}

/* In memory that lives as long as the row; NULL: there is none, or it is a time that has no text. */
static const char *number_text(struct link *l, size_t column, const weir_value *v)
{
    weir_error err;
    char *text = arena_take(&l->texts, l->source->alloc, 32);
    if (!text) {
        rows_keep_failure(l, fail(&err, WEIR_E_MEMORY, "column %zu: no memory for its text", column), &err);
    } else if (v->type == WEIR_INT) {
        snprintf(text, 32, "%lld", (long long)v->as.i);
    } else if (v->type == WEIR_DOUBLE) {
        double_text(text, v->as.d);
    } else if (time_text(text, v->as.i) < 0) {
        cannot(l, column, v, "a text");
        return NULL;
    }
    return text;
}

const char *convert_to_text(weir_rows rows, size_t column)
{
    weir_value v;
    struct link *l = rows_cell(rows, column, &v);
    if (is_string(&v))
        return v.as.p;
    if (v.type == WEIR_INT || v.type == WEIR_DOUBLE || v.type == WEIR_TIME)
        return number_text(l, column, &v);
    if (v.type != WEIR_NULL)
        cannot(l, column, &v, v.type == WEIR_BLOB ? "a text" : "a text, for it has a zero byte,");
    return NULL;
}

const void *convert_to_blob(weir_rows rows, size_t column, size_t *length)
{
    weir_value v;
    struct link *l = rows_cell(rows, column, &v);
    *length = 0;
    if (!l || v.type == WEIR_NULL)
        return NULL;
    if (v.type == WEIR_INT || v.type == WEIR_DOUBLE || v.type == WEIR_TIME) {
        cannot(l, column, &v, "a blob");
        return NULL;
    }
    *length = (size_t)v.length;
    return v.as.p;
}

int64_t convert_to_time(weir_rows rows, size_t column)
{
    weir_value v;
    int64_t us = 0;
    struct link *l = rows_cell(rows, column, &v);
    if (!l || v.type == WEIR_NULL)
        return 0;
    if (v.type == WEIR_TIME || v.type == WEIR_INT)
        return v.as.i;
    if (is_string(&v) && time_parse(&us, v.as.p) >= 0)
        return us;
    cannot(l, column, &v, "a time");
    return 0;
}
