/*
 * Bulk, as text: one statement with many rows.  With parameters MySQL is faster only from the second time on: see repeat.c.
 *
 * What a literal means depends on nothing that a session may have been told (character set, backslashes): in quotes there is ASCII
 * without a backslash; any other text is written in hexadecimal digits.
 * SPDX-License-Identifier: MIT
 */
#include <assert.h>
#include <stdio.h>
#include "bulk.h"

#define TEXT_HEAD "_utf8mb4 X'"
#define BLOB_HEAD "_binary X'"
#define NUMBER 32 /* as long as one is, or a time, at most */
#define FRACTION 16
#define PARAM_HEAD 12 /* its type, and how long it is */

/* ---- what is how long */

/* Bytes between the quotes; 0: it has to be written in hexadecimal digits.  An empty text has none either way. */
static size_t quoted_size(const weir_value *v)
{
    const unsigned char *s = v->as.p;
    size_t size = (size_t)v->length;
    for (size_t i = 0; i < v->length; i++) {
        if (s[i] >= 0x80 || s[i] == '\\' || s[i] == '\0')
            return 0;
        size += s[i] == '\'';
    }
    return size;
}

static size_t text_size(const weir_value *v)
{
    const size_t quoted = quoted_size(v);
    return 2 + (quoted ? quoted : sizeof TEXT_HEAD + 2 * (size_t)v->length);
}

static size_t literal_size(const weir_value *v)
{
    if (v->type == WEIR_TEXT)
        return text_size(v);
    if (v->type == WEIR_BLOB)
        return sizeof BLOB_HEAD + 2 * (size_t)v->length;
    return v->type == WEIR_DECIMAL ? (size_t)v->length : NUMBER;
}

/* ---- literals */

static char *write_hex(char *at, const char *head, const weir_value *v)
{
    static const char digits[] = "0123456789ABCDEF";
    const unsigned char *s = v->as.p;
    at = stpcpy(at, head);
    for (size_t i = 0; i < v->length; i++) {
        *at++ = digits[s[i] >> 4];
        *at++ = digits[s[i] & 15];
    }
    *at++ = '\'';
    return at;
}

static char *write_text(char *at, const weir_value *v)
{
    const char *s = v->as.p;
    if (!quoted_size(v))
        return write_hex(at, TEXT_HEAD, v);
    *at++ = '\'';
    for (size_t i = 0; i < v->length; i++) {
        if (s[i] == '\'')
            *at++ = '\'';
        *at++ = s[i];
    }
    *at++ = '\'';
    return at;
}

/*
 * With an exponent, or it would be a decimal; without the zeros before that, which the server would have to read.  The locale decides what
 * is between the first digit and the others.
 */
static char *write_double(char *at, double d)
{
    char text[64];
    snprintf(text, sizeof text, "%.*e", FRACTION, d);
    const char *digit = text + (*text == '-'), *exponent = strchr(text, 'e'), *end = exponent;
    const char *fraction = exponent - FRACTION;
    while (end > fraction + 1 && end[-1] == '0')
        end--;
    if (*text == '-')
        *at++ = '-';
    *at++ = *digit;
    *at++ = '.';
    memcpy(at, fraction, (size_t)(end - fraction));
    return stpcpy(at + (end - fraction), exponent);
}

static char *write_int(char *at, int64_t i)
{
    char digits[NUMBER], *first = digits + sizeof digits;
    uint64_t left = i < 0 ? 0 - (uint64_t)i : (uint64_t)i;
    do
        *--first = (char)('0' + left % 10);
    while (left /= 10);
    if (i < 0)
        *--first = '-';
    const size_t n = (size_t)(digits + sizeof digits - first);
    return (char *)memcpy(at, first, n) + n;
}

static char *write_time(char *at, const weir_host *host, int64_t us)
{
    char text[32];
    host->time_text(text, us); /* it has been looked at */
    return stpcpy(stpcpy(stpcpy(at, "TIMESTAMP'"), text), "'");
}

static char *write_literal(char *at, const weir_host *host, const weir_value *v)
{
    switch (v->type) {
    case WEIR_INT:
        return write_int(at, v->as.i);
    case WEIR_DOUBLE:
        return write_double(at, v->as.d);
    case WEIR_TIME:
        return write_time(at, host, v->as.i);
    case WEIR_TEXT:
        return write_text(at, v);
    case WEIR_BLOB:
        return write_hex(at, BLOB_HEAD, v);
    case WEIR_DECIMAL:
        return (char *)memcpy(at, v->as.p, (size_t)v->length) + v->length;
    default:
        return stpcpy(at, "NULL");
    }
}

/* ---- what is around the rows */

void mys_frames_end(struct mys_conn *c)
{
    for (struct mys_frame *f = c->frames; f < c->frames + MYS_BULKS; f++) {
        mys_resize(c->host, f->text, 0);
        *f = (struct mys_frame){ .kind = 0 };
    }
}

/* Or the place of the one that was not used for longest. */
static struct mys_frame *find_frame(struct mys_conn *c, uint64_t kind)
{
    struct mys_frame *oldest = c->frames;
    for (struct mys_frame *f = c->frames; f < c->frames + MYS_BULKS; f++) {
        if (f->kind == kind)
            return f;
        if (f->used < oldest->used)
            oldest = f;
    }
    return oldest;
}

static int make_frame(struct mys_bulk *b, struct mys_frame *f, weir_error *err)
{
    struct mys_conn *c = b->conn;
    mys_repeat_forget(c, f);
    char *text = mys_resize(c->host, f->text, mys_insert_size(b->spec));
    if (!text)
        return c->host->fail(err, WEIR_E_MEMORY, "no memory for the statement of a bulk job");
    char *head_end = mys_insert_head(text, b->spec);
    char *tail_end = mys_insert_tail(head_end, c, b->spec);
    *f = (struct mys_frame){
        .kind = b->kind, .text = text, .head = (size_t)(head_end - text), .tail = (size_t)(tail_end - head_end)
    };
    return WEIR_OK;
}

/* ---- the way */

static int begin(struct mys_bulk *b, weir_error *err)
{
    struct mys_frame *f = find_frame(b->conn, b->kind);
    const int st = f->kind == b->kind ? WEIR_OK : make_frame(b, f, err);
    if (st < 0)
        return st;
    f->used = ++b->conn->bulks_used;
    b->frame = f;
    return mys_repeat_know(b, f, err);
}

static void end(struct mys_bulk *b)
{
    (void)b;
}

static size_t row_size(const struct mys_bulk *b, const weir_value *row)
{
    size_t size = 2;
    for (size_t i = 0; i < b->spec->count; i++)
        size += literal_size(&row[i]) + 1;
    return size;
}

static int takes(struct mys_bulk *b, const weir_value *row)
{
    (void)b, (void)row;
    return 1;
}

static char *write_row(char *at, const struct mys_bulk *b, const weir_value *row)
{
    char glue = '(';
    for (size_t i = 0; i < b->spec->count; i++) {
        *at++ = glue;
        at = write_literal(at, b->conn->host, &row[i]);
        glue = ',';
    }
    *at++ = ')';
    return at;
}

static int write_text_rows(struct mys_bulk *b, size_t from, size_t count, size_t bytes, weir_error *err)
{
    struct mys_conn *c = b->conn;
    const struct mys_frame *f = b->frame;
    const size_t size = f->head + bytes + f->tail + 1;
    char *sql = mys_resize(c->host, NULL, size);
    if (!sql)
        return c->host->fail(err, WEIR_E_MEMORY, "no memory for a statement of %zu bytes", size);
    char *at = (char *)memcpy(sql, f->text, f->head) + f->head;
    for (size_t i = 0; i < count; i++) {
        at = write_row(at, b, b->rows[from + i]);
        *at++ = ',';
    }
    at = (char *)memcpy(at - 1, f->text + f->head, f->tail) + f->tail;
    assert((size_t)(at - sql) < size);
    const int failed = mysql_real_query(c->mysql, sql, (unsigned long)(at - sql));
    mys_resize(c->host, sql, 0);
    return failed ? mys_fail(c, NULL, err) : WEIR_OK;
}

/* A parameter may take a few bytes more than a literal: then all are a stretch, and yet have no room in a packet. */
static int write_rows(struct mys_bulk *b, size_t from, size_t count, size_t bytes, weir_error *err)
{
    const struct mys_frame *f = b->frame;
    const size_t more = PARAM_HEAD * count * b->spec->count;
    if (f->stmt && count == b->count && count == f->rows && bytes + more <= b->conn->packet_limit)
        return mys_repeat_run(b, f->stmt, err);
    return write_text_rows(b, from, count, bytes, err);
}

const struct mys_way mys_literals = {
    .begin = begin, .row_size = row_size, .takes = takes, .write = write_rows, .end = end
};
