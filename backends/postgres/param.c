/*
 * Parameters: as what each value is sent, and how it is written.
 *
 * A value is sent as the type that its place asks for, wherever it can be that without loss: an integer into an int4, a numeric or a
 * bool column, a text into anything.  Where it cannot, or the place asks for nothing (which the server calls text), it is sent as what
 * it is itself: bigint, double precision, numeric, bytea, timestamptz; as if it had been written into the statement.
 * SPDX-License-Identifier: MIT
 */
#include <float.h>
#include <math.h>
#include "pg.h"
#include "types.h"

#define LONGEST_VALUE 0x3fffffffu /* the server's own limit is a gigabyte */
#define BLOCK_KEPT 65536
#define FIRST_US (-INT64_C(62167219200000000)) /* 0000-01-01 */
#define LAST_US INT64_C(253402300799999999)    /* 9999-12-31 23:59:59.999999 */

enum form { FORM_TEXT, FORM_BINARY }; /* as libpq numbers them */

/* ---- as what ---- */

Oid pg_own_type(const weir_value *v)
{
    static const Oid own[] = {
        [WEIR_NULL] = 0,        [WEIR_INT] = PG_INT8,        [WEIR_DOUBLE] = PG_FLOAT8,    [WEIR_TEXT] = 0,
        [WEIR_BLOB] = PG_BYTEA, [WEIR_DECIMAL] = PG_NUMERIC, [WEIR_TIME] = PG_TIMESTAMPTZ,
    };
    return own[v->type];
}

static int within(int64_t i, int64_t least, int64_t most)
{
    return i >= least && i <= most;
}

static int takes_int(Oid type, int64_t i)
{
    if (type == PG_INT8)
        return 1;
    switch (type) {
    case PG_NUMERIC:
    case PG_FLOAT4:
    case PG_FLOAT8:
        return 1;
    case PG_INT4:
        return within(i, INT32_MIN, INT32_MAX);
    case PG_INT2:
        return within(i, INT16_MIN, INT16_MAX);
    case PG_OID:
        return within(i, 0, UINT32_MAX);
    case PG_BOOL:
        return within(i, 0, 1);
    default:
        return 0;
    }
}

static int takes_double(Oid type, double d)
{
    return type == PG_FLOAT8 || (type == PG_FLOAT4 && (!isfinite(d) || fabs(d) <= (double)FLT_MAX));
}

int pg_takes(Oid type, const weir_value *v)
{
    switch (v->type) {
    case WEIR_INT:
        return takes_int(type, v->as.i);
    case WEIR_DOUBLE:
        return takes_double(type, v->as.d);
    case WEIR_DECIMAL:
        return type == PG_NUMERIC || type == PG_FLOAT8 || type == PG_FLOAT4;
    case WEIR_BLOB:
        return type == PG_BYTEA;
    case WEIR_TIME:
        return type == PG_TIMESTAMPTZ || type == PG_TIMESTAMP;
    default:
        return 1;
    }
}

/* ---- how ---- */

void pg_put_number(char *out, uint64_t bits, int n)
{
    while (n-- > 0) {
        out[n] = (char)(bits & 0xff);
        bits >>= 8;
    }
}

static int int_width(Oid type)
{
    return type == PG_INT8 ? 8 : type == PG_INT4 || type == PG_OID ? 4 : type == PG_INT2 ? 2 : type == PG_BOOL ? 1 : 0;
}

/* One value being written. */
struct writing {
    const char *value;
    int length;
    enum form form;
    char *scratch; /* moves on behind what was written there */
};

static void write_binary(struct writing *w, uint64_t bits, int n)
{
    pg_put_number(w->scratch, bits, n);
    *w = (struct writing){ w->scratch, n, FORM_BINARY, w->scratch + n };
}

static inline void put_eight(char *out, uint64_t bits)
{
    pg_put_four(out, (uint32_t)(bits >> 32));
    pg_put_four(out + 4, (uint32_t)bits);
}

static void write_eight(struct writing *w, uint64_t bits)
{
    put_eight(w->scratch, bits);
    *w = (struct writing){ w->scratch, 8, FORM_BINARY, w->scratch + 8 };
}

size_t pg_put_digits(char *out, int64_t i)
{
    char digits[24], *at = digits + sizeof digits;
    uint64_t rest = i < 0 ? 0 - (uint64_t)i : (uint64_t)i;
    do
        *--at = (char)('0' + rest % 10);
    while (rest /= 10);
    if (i < 0)
        *--at = '-';
    const size_t n = (size_t)(digits + sizeof digits - at);
    memcpy(out, at, n);
    return n;
}

static void write_digits(struct writing *w, int64_t i)
{
    const size_t n = pg_put_digits(w->scratch, i);
    w->scratch[n] = '\0';
    *w = (struct writing){ w->scratch, 0, FORM_TEXT, w->scratch + n + 1 };
}

static void write_int(struct writing *w, Oid type, int64_t i)
{
    const int width = int_width(type);
    if (width)
        write_binary(w, (uint64_t)i, width);
    else
        write_digits(w, i);
}

static void write_float(struct writing *w, float f)
{
    uint32_t bits;
    memcpy(&bits, &f, sizeof bits);
    write_binary(w, bits, 4);
}

static void write_double(struct writing *w, Oid type, double d)
{
    uint64_t bits;
    memcpy(&bits, &d, sizeof bits);
    if (type == PG_FLOAT4)
        write_float(w, (float)d);
    else
        write_eight(w, bits);
}

/* These read a text's bytes as they are, so that it need not be copied to end it with a zero. */
static int reads_bytes(Oid type)
{
    return type == PG_TEXT || type == PG_VARCHAR || type == PG_BPCHAR || type == PG_JSON || type == PG_BYTEA;
}

static void write_bytes(struct writing *w, Oid type, const weir_value *v)
{
    const size_t n = (size_t)v->length;
    if (v->type == WEIR_BLOB || reads_bytes(type)) {
        *w = (struct writing){ v->as.p, (int)n, FORM_BINARY, w->scratch };
        return;
    }
    memcpy(w->scratch, v->as.p, n);
    w->scratch[n] = '\0';
    *w = (struct writing){ w->scratch, 0, FORM_TEXT, w->scratch + n + 1 };
}

static void write_value(struct writing *w, Oid type, const weir_value *v)
{
    switch (v->type) {
    case WEIR_NULL:
        *w = (struct writing){ NULL, 0, FORM_TEXT, w->scratch };
        break;
    case WEIR_INT:
        write_int(w, type, v->as.i);
        break;
    case WEIR_DOUBLE:
        write_double(w, type, v->as.d);
        break;
    case WEIR_TIME:
        write_eight(w, (uint64_t)(v->as.i - PG_EPOCH_US));
        break;
    default:
        write_bytes(w, type, v);
    }
}

size_t pg_put_binary(char *out, Oid type, const weir_value *v)
{
    struct writing w = { .scratch = out };
    write_value(&w, type, v);
    if (w.value != out && w.length)
        memcpy(out, w.value, (size_t)w.length);
    return (size_t)w.length;
}

/* ---- all of them ---- */

const char *pg_misfit(const weir_value *v)
{
    const int has_bytes = v->type == WEIR_TEXT || v->type == WEIR_BLOB || v->type == WEIR_DECIMAL;
    if (has_bytes && v->length > LONGEST_VALUE)
        return "longer than a gigabyte";
    if (v->type == WEIR_TIME && !within(v->as.i, FIRST_US, LAST_US))
        return "a time outside the years 0000 to 9999";
    return NULL;
}

static int check(struct pg_conn *c, size_t i, const weir_value *v, weir_error *err)
{
    const char *misfit = pg_misfit(v);
    return misfit ? c->host->fail(err, WEIR_E_DATA, "parameter %zu is %s", i + 1, misfit) : WEIR_OK;
}

#define SCRATCH_EACH 24 /* for what is no text */

void pg_args_end(struct pg_conn *c)
{
    c->host->realloc(c->host->ctx, c->args.block, 0);
    c->args = (struct pg_args){ .block = NULL };
}

void pg_args_trim(struct pg_conn *c)
{
    if (c->args.size > BLOCK_KEPT)
        pg_args_end(c);
}

static inline int has_room(const struct pg_args *a, size_t params, size_t scratch)
{
    return params == a->params && scratch <= a->room;
}

/* One block for all: pointers, two arrays of numbers, and what is written. */
int pg_args_room(struct pg_conn *c, size_t params, size_t scratch, weir_error *err)
{
    struct pg_args *a = &c->args;
    const size_t size = params * (sizeof *a->values + sizeof *a->lengths + sizeof *a->formats) + scratch;
    if (size > a->size) {
        void *block = c->host->realloc(c->host->ctx, a->block, size);
        if (!block)
            return c->host->fail(err, WEIR_E_MEMORY, "no memory for the parameters of a statement");
        a->block = block;
        a->size = size;
    }
    a->values = a->block;
    a->lengths = (int *)(a->values + params);
    a->formats = a->lengths + params;
    a->scratch = (char *)(a->formats + params);
    a->params = params;
    a->room = scratch;
    return WEIR_OK;
}

static char *write_one(struct pg_args *a, size_t i, Oid type, const weir_value *v, char *scratch)
{
    struct writing w = { .scratch = scratch };
    write_value(&w, type, v);
    a->values[i] = w.value;
    a->lengths[i] = w.length;
    a->formats[i] = (int)w.form;
    return w.scratch;
}

static inline char *write_bigint(struct pg_args *a, size_t i, int64_t n, char *scratch)
{
    put_eight(scratch, (uint64_t)n);
    a->values[i] = scratch;
    a->lengths[i] = 8;
    a->formats[i] = FORM_BINARY;
    return scratch + 8;
}

/* Most are integers for a bigint. */
static inline void write_all(struct pg_args *a, const struct pg_stmt *s, weir_args args)
{
    char *scratch = a->scratch;
    for (size_t i = 0; i < args.n; i++) {
        const weir_value *v = &args.v[i];
        if (v->type == WEIR_INT && s->actual[i] == PG_INT8)
            scratch = write_bigint(a, i, v->as.i, scratch);
        else
            scratch = write_one(a, i, s->actual[i], v, scratch);
    }
}

int pg_encode(struct pg_conn *c, const struct pg_stmt *s, weir_args args, weir_error *err)
{
    size_t scratch = args.n * SCRATCH_EACH;
    for (size_t i = 0; i < args.n; i++) {
        const weir_value *v = &args.v[i];
        if (v->type > WEIR_DOUBLE && check(c, i, v, err) < 0)
            return err->status;
        if (v->type == WEIR_TEXT || v->type == WEIR_DECIMAL)
            scratch += (size_t)v->length + 1;
    }
    if (!has_room(&c->args, args.n, scratch) && pg_args_room(c, args.n, scratch, err) < 0)
        return err->status;
    write_all(&c->args, s, args);
    return WEIR_OK;
}
