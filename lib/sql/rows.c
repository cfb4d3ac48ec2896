/*
 * The cells of a row, converted to what the caller asks for.  Nothing is lost in a conversion: what does not fit fails the result.
 * SPDX-License-Identifier: MIT
 */
#include <stdio.h>
#include <string.h>
#include <base/error.h>
#include <base/text.h>
#include <sql/rows.h>

void rows_keep_failure(struct link *l, int status, const weir_error *err)
{
    if (l->result_status < 0)
        return;
    l->result_status = status;
    link_keep_error(l, &l->result_failure, err);
}

int rows_kept_failure(const struct link *l, weir_error *err)
{
    if (l->result_failure && l->result_failure->status == l->result_status)
        return fail_as(err, l->result_failure);
    return fail(err, l->result_status, "the result has failed");
}

/* The link of a result that is open now, under a loan that is still out; NULL for a stale one. */
static inline struct link *link_of(weir_rows rows)
{
    struct link *l = rows.slot ? rows.slot->link : NULL;
    bool open = l && rows.result && atomic_load_explicit(&l->result, memory_order_acquire) == rows.result;
    return open && word_lent(slot_word(rows.slot), atomic_load_explicit(&l->loan, memory_order_relaxed)) ? l : NULL;
}

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

/* Nothing, and the result, if there is one, fails with why. */
static struct link *no_cell(struct link *l, size_t column, weir_value *v)
{
    weir_error err;
    *v = weir_null();
    if (!l)
        return NULL;
    if (column >= l->columns)
        fail(&err, WEIR_E_ARGUMENT, "column %zu was asked for; the result has %zu, counted from 0", column, l->columns);
    else if (!l->at_row)
        fail(&err, WEIR_E_ARGUMENT, "column %zu was read before weir_rows_next said that there is a row", column);
    else
        fail(&err, WEIR_E_MEMORY, "column %zu: no memory for its cell", column);
    rows_keep_failure(l, err.status, &err);
    return NULL;
}

/* NULL: a stale result, no row, or no such column; the latter two fail the result. */
static inline struct link *cell(weir_rows rows, size_t column, weir_value *v)
{
    struct link *l = link_of(rows);
    bool there = l && l->at_row && column < l->columns && l->backend->sql->cell(l->conn, column, v) >= 0;
    return there ? l : no_cell(l, column, v);
}

size_t weir_rows_columns(weir_rows rows)
{
    struct link *l = link_of(rows);
    return l ? l->columns : 0;
}

const char *weir_rows_name(weir_rows rows, size_t column)
{
    struct link *l = link_of(rows);
    return l && column < l->columns ? l->backend->sql->name(l->conn, column) : NULL;
}

weir_type weir_rows_type(weir_rows rows, size_t column)
{
    weir_value v;
    struct link *l = link_of(rows);
    if (!l || !l->at_row)
        return WEIR_NULL;
    cell(rows, column, &v);
    return (weir_type)v.type;
}

int weir_rows_is_null(weir_rows rows, size_t column)
{
    weir_value v;
    cell(rows, column, &v);
    return v.type == WEIR_NULL;
}

static bool int_of_double(int64_t *out, double d)
{
    if (!(d >= -9223372036854775808.0 && d < 9223372036854775808.0) || d != (double)(int64_t)d)
        return false;
    *out = (int64_t)d;
    return true;
}

/* Text through and through; behind a zero byte a C string would lose the rest. */
static bool is_string(const weir_value *v)
{
    bool bytes = v->type == WEIR_TEXT || v->type == WEIR_DECIMAL;
    return bytes && (v->length == 0 || !memchr(v->as.p, 0, (size_t)v->length));
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

/* NULL included, and no cell at all. */
static int64_t int_of(struct link *l, size_t column, const weir_value *v)
{
    int64_t n = 0;
    bool fits = v->type == WEIR_NULL;
    if (v->type == WEIR_TIME)
        return v->as.i;
    if (v->type == WEIR_DOUBLE)
        fits = int_of_double(&n, v->as.d);
    else if (is_string(v))
        fits = int_of_text(&n, v->as.p);
    if (!fits)
        cannot(l, column, v, "an integer");
    return fits ? n : 0;
}

int64_t weir_rows_int(weir_rows rows, size_t column)
{
    weir_value v;
    struct link *l = cell(rows, column, &v);
    return v.type == WEIR_INT ? v.as.i : int_of(l, column, &v);
}

static double double_of(struct link *l, size_t column, const weir_value *v)
{
    double d = 0;
    bool fits = v->type == WEIR_NULL;
    if (v->type == WEIR_INT) {
        d = (double)v->as.i;
        fits = v->as.i >= -(INT64_C(1) << 53) && v->as.i <= INT64_C(1) << 53;
    } else if (is_string(v)) {
        fits = double_parse(&d, v->as.p) >= 0;
    }
    if (!fits)
        cannot(l, column, v, "a double");
    return fits ? d : 0;
}

double weir_rows_double(weir_rows rows, size_t column)
{
    weir_value v;
    struct link *l = cell(rows, column, &v);
    return v.type == WEIR_DOUBLE ? v.as.d : double_of(l, column, &v);
}

/* In memory that lives as long as the row; NULL: there is none, or it is a time that has no text. */
static const char *number_text(struct link *l, size_t column, const weir_value *v)
{
    weir_error err;
    char *text = arena_take(&l->cells, l->source->alloc, 32);
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

static const char *text_of(struct link *l, size_t column, const weir_value *v)
{
    if (v->type == WEIR_INT || v->type == WEIR_DOUBLE || v->type == WEIR_TIME)
        return number_text(l, column, v);
    if (v->type != WEIR_NULL)
        cannot(l, column, v, v->type == WEIR_BLOB ? "a text" : "a text, for it has a zero byte,");
    return NULL;
}

const char *weir_rows_text(weir_rows rows, size_t column)
{
    weir_value v;
    struct link *l = cell(rows, column, &v);
    return is_string(&v) ? v.as.p : text_of(l, column, &v);
}

const void *weir_rows_blob(weir_rows rows, size_t column, size_t *length)
{
    weir_value v;
    struct link *l = cell(rows, column, &v);
    if (length)
        *length = 0;
    if (!l || v.type == WEIR_NULL)
        return NULL;
    if (v.type == WEIR_INT || v.type == WEIR_DOUBLE || v.type == WEIR_TIME) {
        cannot(l, column, &v, "a blob");
        return NULL;
    }
    if (length)
        *length = (size_t)v.length;
    return v.as.p;
}

int64_t weir_rows_time_us(weir_rows rows, size_t column)
{
    weir_value v;
    int64_t us = 0;
    struct link *l = cell(rows, column, &v);
    if (!l || v.type == WEIR_NULL)
        return 0;
    if (v.type == WEIR_TIME || v.type == WEIR_INT)
        return v.as.i;
    if (is_string(&v) && time_parse(&us, v.as.p) >= 0)
        return us;
    cannot(l, column, &v, "a time");
    return 0;
}
