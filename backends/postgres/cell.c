/*
 * Cells of many rows, in binary: as elements of an array, or as fields of a COPY, which look the same.
 *
 * A cell goes as the type of its column where it can be that without loss.  Where it cannot, it goes as a text, which the server reads as
 * a value of the column's type.
 * SPDX-License-Identifier: MIT
 */
#include <float.h>
#include <stdio.h>
#include <stdlib.h>
#include "pg.h"
#include "types.h"

#define LONGEST_NUMERIC 16000 /* digits behind the point that the server takes in binary */
#define DAY_US INT64_C(86400000000)

/*
 * The types whose binary form is known here, what cells go as that are to be converted into them, and the types of arrays.  The former
 * are wide, so that nothing is lost on the way to a column that has become another than it was.
 */
static const struct {
    Oid type, wide, array;
    weir_type usual; /* a cell of that type fits for certain */
} natives[] = {
    { PG_BOOL, PG_BOOL, 1000, WEIR_NULL },
    { PG_BYTEA, PG_BYTEA, 1001, WEIR_BLOB },
    { PG_INT8, PG_INT8, 1016, WEIR_INT },
    { PG_INT2, PG_INT8, 1005, WEIR_NULL },
    { PG_INT4, PG_INT8, 1007, WEIR_NULL },
    { PG_OID, PG_INT8, 1028, WEIR_NULL },
    { PG_TEXT, PG_TEXT, 1009, WEIR_TEXT },
    { PG_BPCHAR, PG_TEXT, 1014, WEIR_TEXT },
    { PG_VARCHAR, PG_TEXT, 1015, WEIR_TEXT },
    { PG_JSON, PG_JSON, 199, WEIR_TEXT },
    { PG_FLOAT4, PG_FLOAT8, 1021, WEIR_NULL },
    { PG_FLOAT8, PG_FLOAT8, 1022, WEIR_DOUBLE },
    { PG_NUMERIC, PG_NUMERIC, 1231, WEIR_INT },
    { PG_DATE, PG_TIMESTAMP, 1182, WEIR_TIME },
    { PG_TIMESTAMP, PG_TIMESTAMP, 1115, WEIR_TIME },
    { PG_TIMESTAMPTZ, PG_TIMESTAMPTZ, 1185, WEIR_TIME },
    { 0, PG_TEXT, 0, WEIR_NULL },
};

static size_t find(Oid type)
{
    size_t i = 0;
    while (natives[i].type && natives[i].type != type)
        i++;
    return i;
}

Oid pg_wide_type(Oid type)
{
    return natives[find(type)].wide;
}

Oid pg_array_of(Oid type)
{
    return natives[find(type)].array;
}

/* Its binary form is its text. */
static int is_text(Oid type)
{
    return type == PG_TEXT || type == PG_VARCHAR || type == PG_BPCHAR || type == PG_JSON;
}

/* Every integer up to there has a floating point number of its own. */
static int is_exact(Oid type, int64_t i)
{
    const int64_t most = INT64_C(1) << (type == PG_FLOAT4 ? FLT_MANT_DIG : DBL_MANT_DIG);
    return i >= -most && i <= most;
}

static int is_float(Oid type)
{
    return type == PG_FLOAT4 || type == PG_FLOAT8;
}

static int is_native(Oid type, const weir_value *v)
{
    if (v->type == WEIR_NULL || v->type == WEIR_BLOB)
        return v->type == WEIR_NULL || type == PG_BYTEA;
    if (v->type == WEIR_TEXT || is_text(type))
        return is_text(type) || type == PG_BYTEA;
    if (v->type == WEIR_DECIMAL)
        return type == PG_NUMERIC && v->length < LONGEST_NUMERIC;
    if (v->type == WEIR_TIME && type == PG_DATE)
        return 1;
    return pg_takes(type, v) && (v->type != WEIR_INT || !is_float(type) || is_exact(type, v->as.i));
}

/* Looks at each cell only if there are types among them that may fit or not. */
int pg_column_is_native(Oid type, const struct pg_rows *rows, size_t column)
{
    const unsigned usual = 1u << WEIR_NULL | 1u << natives[find(type)].usual;
    if ((rows->kinds[column] & ~usual) == 0)
        return 1;
    for (size_t i = 0; i < rows->count; i++)
        if (!is_native(type, &rows->cells[i][column]))
            return 0;
    return 1;
}

/* ---- as text ---- */

/* With no more digits than it takes to read back the same, and a point whatever the locale has. */
static size_t put_double(char *out, double d)
{
    char text[PG_AS_TEXT];
    size_t n = 0;
    if (d != d || d - d != 0)
        return (size_t)snprintf(out, PG_AS_TEXT, "%s", d != d ? "NaN" : d > 0 ? "Infinity" : "-Infinity");
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, d);
        if (strtod(text, NULL) == d)
            break;
    }
    for (const char *s = text; *s; s++) {
        if (strchr("0123456789+-e", *s))
            out[n++] = *s;
        else if (n && out[n - 1] != '.')
            out[n++] = '.';
    }
    return n;
}

static size_t put_time(const struct pg_conn *c, char *out, int64_t us)
{
    char text[32];
    c->host->time_text(text, us); /* pg_misfit has seen to the years */
    return (size_t)snprintf(out, PG_AS_TEXT, "%s+00", text);
}

static size_t put_text(const struct pg_conn *c, char *out, const weir_value *v)
{
    switch (v->type) {
    case WEIR_INT:
        return pg_put_digits(out, v->as.i);
    case WEIR_DOUBLE:
        return put_double(out, v->as.d);
    case WEIR_TIME:
        return put_time(c, out, v->as.i);
    default:
        memcpy(out, v->as.p, (size_t)v->length);
        return (size_t)v->length;
    }
}

/* ---- as a numeric: groups of four digits, each a digit to the base of 10000 ---- */

struct digits {
    const char *whole, *fraction;
    int wholes, fractions;
};

static struct digits take_apart(const char *text, int n)
{
    struct digits d = { .whole = text };
    while (d.wholes < n && text[d.wholes] != '.')
        d.wholes++;
    d.fraction = text + d.wholes + 1;
    d.fractions = d.wholes < n ? n - d.wholes - 1 : 0;
    while (d.wholes && *d.whole == '0') {
        d.whole++;
        d.wholes--;
    }
    return d;
}

/* The digit at that place, counted from the point: ... -2 -1 . 0 1 ... */
static unsigned digit_at(const struct digits *d, int place)
{
    const int whole = d->wholes + place;
    if (place < 0)
        return whole >= 0 ? (unsigned)(d->whole[whole] - '0') : 0;
    return place < d->fractions ? (unsigned)(d->fraction[place] - '0') : 0;
}

static unsigned group_at(const struct digits *d, int group)
{
    const int place = group * 4;
    return digit_at(d, place) * 1000 + digit_at(d, place + 1) * 100 + digit_at(d, place + 2) * 10 +
           digit_at(d, place + 3);
}

static size_t put_numeric_text(char *out, const char *text, size_t n)
{
    const int negative = *text == '-', sign = negative || *text == '+';
    const struct digits d = take_apart(text + sign, (int)n - sign);
    int first = -(d.wholes + 3) / 4, end = (d.fractions + 3) / 4;
    while (first < end && group_at(&d, first) == 0)
        first++;
    while (end > first && group_at(&d, end - 1) == 0)
        end--;
    pg_put_number(out, (uint64_t)(end - first), 2);
    pg_put_number(out + 2, end > first ? (uint64_t)(-first - 1) : 0, 2); /* the power of the first group */
    pg_put_number(out + 4, negative && end > first ? 0x4000 : 0, 2);
    pg_put_number(out + 6, (uint64_t)d.fractions, 2);
    for (int i = first; i < end; i++)
        pg_put_number(out + 8 + 2 * (i - first), group_at(&d, i), 2);
    return 8 + 2 * (size_t)(end - first);
}

static size_t put_numeric(char *out, const weir_value *v)
{
    char text[PG_AS_TEXT];
    if (v->type == WEIR_DECIMAL)
        return put_numeric_text(out, v->as.p, (size_t)v->length);
    return put_numeric_text(out, text, pg_put_digits(text, v->as.i));
}

/* ---- as whatever ---- */

static size_t put_date(char *out, int64_t us)
{
    const int64_t since = us - PG_EPOCH_US;
    pg_put_number(out, (uint64_t)(since / DAY_US - (since % DAY_US < 0)), 4);
    return 4;
}

static size_t put_whole(char *out, Oid type, int64_t i)
{
    const weir_value v = is_float(type) ? weir_double((double)i) : weir_int(i);
    return pg_put_binary(out, type, &v);
}

static size_t put(const struct pg_conn *c, char *out, Oid type, const weir_value *v)
{
    if (is_text(type))
        return put_text(c, out, v);
    if (type == PG_NUMERIC)
        return put_numeric(out, v);
    if (type == PG_DATE)
        return put_date(out, v->as.i);
    return v->type == WEIR_INT ? put_whole(out, type, v->as.i) : pg_put_binary(out, type, v);
}

char *pg_put_other_cell(const struct pg_conn *c, char *at, Oid type, const weir_value *v)
{
    if (v->type == WEIR_NULL) {
        pg_put_four(at, UINT32_MAX);
        return at + 4;
    }
    const size_t n = put(c, at + 4, type, v);
    pg_put_four(at, (uint32_t)n);
    return at + 4 + n;
}
