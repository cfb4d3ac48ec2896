/*
 * Cells: what the server's types are here, and how their text and their binary form are read.
 *
 * A result comes in binary if each of its columns can be read in that form, which spares bytes from being written as digits, and
 * numbers from losing any; else all of it comes as text.  A type that is not in the table is text, and so is a day, which is no moment.
 * What has no counterpart here, like the moment "infinity", is given as the text that it is, so that nobody takes it for a time.
 * SPDX-License-Identifier: MIT
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include "pg.h"
#include "types.h"

/* A blob that came as text, decoded once a row. */
struct pg_blob {
    unsigned char *bytes;
    size_t length;
};

struct pg_type {
    Oid oid;
    int (*text)(struct pg_conn *c, size_t column, const char *bytes, size_t n, weir_value *out);
    void (*binary)(const char *bytes, size_t n, weir_value *out); /* NULL: cannot be read in that form */
    int is_costly;                                                /* to read as text: not before it is asked for */
};

/* ---- binary ---- */

static inline uint64_t eight(const char *bytes)
{
    return (uint64_t)pg_four(bytes) << 32 | pg_four(bytes + 4);
}

static void binary_int(const char *bytes, size_t n, weir_value *out)
{
    const unsigned char *b = (const unsigned char *)bytes;
    const int64_t i = n == 8   ? (int64_t)eight(bytes)
                      : n == 4 ? (int32_t)pg_four(bytes)
                      : n == 2 ? (int16_t)(b[0] << 8 | b[1])
                               : (signed char)b[0];
    out->type = WEIR_INT;
    out->as.i = i;
}

static void binary_oid(const char *bytes, size_t n, weir_value *out)
{
    (void)n;
    *out = weir_int((int64_t)pg_four(bytes));
}

static void binary_float(const char *bytes, size_t n, weir_value *out)
{
    const uint32_t bits = pg_four(bytes);
    float f;
    (void)n;
    memcpy(&f, &bits, sizeof f);
    *out = weir_double((double)f);
}

static void binary_double(const char *bytes, size_t n, weir_value *out)
{
    const uint64_t bits = eight(bytes);
    double d;
    (void)n;
    memcpy(&d, &bits, sizeof d);
    *out = weir_double(d);
}

/* The server has no zero byte in any text. */
static inline void put_text(const char *bytes, size_t n, weir_value *out)
{
    out->type = WEIR_TEXT;
    out->no_zero = 1;
    out->as.p = bytes;
    out->length = n;
}

static void binary_text(const char *bytes, size_t n, weir_value *out)
{
    put_text(bytes, n, out);
}

static void binary_blob(const char *bytes, size_t n, weir_value *out)
{
    *out = weir_blob(bytes, n);
}

static void binary_time(const char *bytes, size_t n, weir_value *out)
{
    const int64_t us = (int64_t)eight(bytes);
    (void)n;
    if (us == INT64_MAX || us == INT64_MIN)
        *out = us < 0 ? weir_text("-infinity") : weir_text("infinity");
    else if (us > INT64_MAX - PG_EPOCH_US)
        *out = weir_text("later than 64 bits of microseconds since 1970 can tell");
    else
        *out = weir_time_us(us + PG_EPOCH_US);
}

/* ---- text ---- */

static int text_text(struct pg_conn *c, size_t column, const char *bytes, size_t n, weir_value *out)
{
    (void)c, (void)column;
    put_text(bytes, n, out);
    return WEIR_OK;
}

static int text_bool(struct pg_conn *c, size_t column, const char *bytes, size_t n, weir_value *out)
{
    (void)c, (void)column, (void)n;
    *out = weir_int(*bytes == 't');
    return WEIR_OK;
}

static int text_int(struct pg_conn *c, size_t column, const char *bytes, size_t n, weir_value *out)
{
    (void)c, (void)column, (void)n;
    *out = weir_int(strtoll(bytes, NULL, 10));
    return WEIR_OK;
}

static int text_decimal(struct pg_conn *c, size_t column, const char *bytes, size_t n, weir_value *out)
{
    (void)c, (void)column;
    *out = weir_bytes_(WEIR_DECIMAL, bytes, n);
    return WEIR_OK;
}

static int text_double(struct pg_conn *c, size_t column, const char *bytes, size_t n, weir_value *out)
{
    double d;
    (void)column, (void)n;
    if (strcmp(bytes, "NaN") == 0)
        d = NAN;
    else if (strcmp(bytes, "Infinity") == 0)
        d = INFINITY;
    else if (strcmp(bytes, "-Infinity") == 0)
        d = -INFINITY;
    else if (c->host->double_parse(&d, bytes) < 0)
        return text_text(c, column, bytes, n, out);
    *out = weir_double(d);
    return WEIR_OK;
}

/* The same number as in binary, where a float has no more digits than it has. */
static int text_float(struct pg_conn *c, size_t column, const char *bytes, size_t n, weir_value *out)
{
    const int st = text_double(c, column, bytes, n, out);
    if (out->type == WEIR_DOUBLE)
        out->as.d = (double)(float)out->as.d;
    return st;
}

/* The server writes a zone of whole hours as "+02". */
static int text_time(struct pg_conn *c, size_t column, const char *bytes, size_t n, weir_value *out)
{
    char whole[48];
    int64_t us;
    const int short_zone = n > 3 && (bytes[n - 3] == '+' || bytes[n - 3] == '-') && memchr(bytes, ':', n);
    snprintf(whole, sizeof whole, "%s%s", bytes, short_zone ? ":00" : "");
    if (c->host->time_parse(&us, whole) < 0)
        return text_text(c, column, bytes, n, out);
    *out = weir_time_us(us);
    return WEIR_OK;
}

static int text_blob(struct pg_conn *c, size_t column, const char *bytes, size_t n, weir_value *out)
{
    struct pg_result *r = &c->result;
    const size_t size = r->stmt->columns * sizeof *r->blobs;
    (void)n;
    if (!r->blobs && (r->blobs = c->host->realloc(c->host->ctx, NULL, size)))
        memset(r->blobs, 0, size);
    if (!r->blobs)
        return WEIR_E_MEMORY;
    struct pg_blob *b = &r->blobs[column];
    if (!b->bytes)
        b->bytes = PQunescapeBytea((const unsigned char *)bytes, &b->length);
    if (!b->bytes)
        return WEIR_E_MEMORY;
    *out = weir_blob(b->bytes, b->length);
    return WEIR_OK;
}

void pg_forget_blobs(struct pg_conn *c)
{
    struct pg_result *r = &c->result;
    for (size_t i = 0; r->blobs && i < r->stmt->columns; i++) {
        PQfreemem(r->blobs[i].bytes);
        r->blobs[i].bytes = NULL;
    }
}

/* ---- the table ---- */

static const struct pg_type types[] = {
    { PG_INT4, text_int, binary_int, 0 },
    { PG_INT8, text_int, binary_int, 0 },
    { PG_TEXT, text_text, binary_text, 0 },
    { PG_VARCHAR, text_text, binary_text, 0 },
    { PG_NUMERIC, text_decimal, NULL, 0 },
    { PG_FLOAT8, text_double, binary_double, 1 },
    { PG_TIMESTAMPTZ, text_time, binary_time, 1 },
    { PG_TIMESTAMP, text_time, binary_time, 1 },
    { PG_BOOL, text_bool, binary_int, 0 },
    { PG_BYTEA, text_blob, binary_blob, 1 },
    { PG_DATE, text_text, NULL, 0 },
    { PG_INT2, text_int, binary_int, 0 },
    { PG_FLOAT4, text_float, binary_float, 1 },
    { PG_OID, text_int, binary_oid, 0 },
    { PG_BPCHAR, text_text, binary_text, 0 },
    { PG_NAME_TYPE, text_text, binary_text, 0 },
    { PG_JSON, text_text, binary_text, 0 },
    { 0, text_text, NULL, 0 },
};

const struct pg_type *pg_type_of(Oid oid)
{
    const struct pg_type *t = types;
    while (t->oid && t->oid != oid)
        t++;
    return t;
}

int pg_type_is_binary(const struct pg_type *type)
{
    return type->binary != NULL;
}

/* As text.  What leaves is for a row: it costs nothing, needs no memory, and so cannot fail. */
static int read_text(struct pg_conn *c, size_t column, int leaves, weir_value *out)
{
    const struct pg_result *r = &c->result;
    const struct pg_type *type = r->stmt->readers[column];
    const int at = (int)column;
    if (PQgetisnull(r->rows, r->row, at))
        out->type = WEIR_NULL;
    else if (leaves && type->is_costly)
        out->type = WEIR_LATER;
    else
        return type->text(c, column, PQgetvalue(r->rows, r->row, at), (size_t)PQgetlength(r->rows, r->row, at), out);
    return WEIR_OK;
}

static inline void read_binary(const struct pg_result *r, int at, const struct pg_type *type, weir_value *out)
{
    const char *bytes = PQgetvalue(r->rows, r->row, at);
    const int n = PQgetlength(r->rows, r->row, at);
    if (n == 0 && PQgetisnull(r->rows, r->row, at))
        out->type = WEIR_NULL;
    else
        type->binary(bytes, (size_t)n, out);
}

int pg_read(struct pg_conn *c, size_t column, weir_value *out)
{
    const struct pg_stmt *s = c->result.stmt;
    if (!s->binary)
        return read_text(c, column, 0, out);
    read_binary(&c->result, (int)column, s->readers[column], out);
    return WEIR_OK;
}

void pg_read_row(struct pg_conn *c, weir_value *cells)
{
    const struct pg_stmt *s = c->result.stmt;
    const struct pg_type *const *readers = s->readers;
    const int columns = (int)s->columns;
    if (s->binary) {
        for (int i = 0; i < columns; i++)
            read_binary(&c->result, i, readers[i], &cells[i]);
    } else {
        for (int i = 0; i < columns; i++)
            read_text(c, (size_t)i, 1, &cells[i]);
    }
}
