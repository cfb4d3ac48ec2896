/*
 * Cells: from what the client library has fetched, or has handed over, to values.
 * SPDX-License-Identifier: MIT
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include "column.h"

/* ---- what has to be written ---- */

static weir_value unsigned_value(struct mys_column *col, uint64_t u)
{
    if (u <= INT64_MAX)
        return weir_int((int64_t)u);
    snprintf(col->text, sizeof col->text, "%" PRIu64, u);
    return weir_decimal(col->text);
}

static weir_value bit_value(struct mys_column *col)
{
    uint64_t u = 0;
    for (unsigned long i = 0; i < col->length && i < sizeof col->as.bits; i++)
        u = u << 8 | col->as.bits[i];
    return unsigned_value(col, u);
}

/* 0.1f is 0.1, and not 0.100000001490116. */
static weir_value float_value(const struct mys_column *col)
{
    char text[32];
    for (int digits = 6; digits < 9; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, (double)col->as.f);
        if (!(strtof(text, NULL) < col->as.f) && !(strtof(text, NULL) > col->as.f))
            return weir_double(strtod(text, NULL));
    }
    return weir_double((double)col->as.f);
}

/* The last ones, and a sign behind them.  printf would take ten times as long. */
static char *put_digits(char *at, unsigned long n, int digits, char behind)
{
    for (int i = digits - 1; i >= 0; i--, n /= 10)
        at[i] = (char)('0' + n % 10);
    at[digits] = behind;
    return at + digits + 1;
}

static char *put_day(char *at, const MYSQL_TIME *t, char behind)
{
    at = put_digits(at, t->year, 4, '-');
    at = put_digits(at, t->month, 2, '-');
    return put_digits(at, t->day, 2, behind);
}

/* With six digits behind the point.  Returns what is behind the zero byte. */
static char *put_clock(char *at, const MYSQL_TIME *t, unsigned hour, int digits)
{
    at = put_digits(at, hour, digits, ':');
    at = put_digits(at, t->minute, 2, ':');
    at = put_digits(at, t->second, 2, '.');
    return put_digits(at, t->second_part, 6, '\0');
}

/* As many of the six as the column has.  `end` is what put_clock returned. */
static void cut_fraction(const struct mys_column *col, char *end)
{
    const unsigned digits = col->decimals > 6 ? 0 : col->decimals;
    end[(int)digits - (digits ? 7 : 8)] = '\0';
}

static weir_value day_value(struct mys_column *col)
{
    put_day(col->text, &col->as.t, '\0');
    return weir_text(col->text);
}

static weir_value span_value(struct mys_column *col)
{
    const MYSQL_TIME *t = &col->as.t;
    const unsigned hours = t->hour + 24 * t->day;
    col->text[0] = '-';
    cut_fraction(col, put_clock(col->text + (t->neg ? 1 : 0), t, hours, hours < 100 ? 2 : 3));
    return weir_text(col->text);
}

/* A date may have zeros in it, which are the moment of nothing. */
static weir_value moment_value(struct mys_conn *c, struct mys_column *col)
{
    const MYSQL_TIME *t = &col->as.t;
    int64_t us;
    char *end = put_clock(put_day(col->text, t, ' '), t, t->hour, 2);
    if (c->host->time_parse(&us, col->text) == 0)
        return weir_time_us(us);
    cut_fraction(col, end);
    return weir_text(col->text);
}

/* It did not fit, and waits in the library. */
static int fetch_large(struct mys_conn *c, struct mys_stmt *s, struct mys_column *col)
{
    unsigned long length;
    mys_flag is_null;
    if (col->large_size < col->length + 1) {
        char *grown = mys_resize(c->host, col->large, col->length + 1);
        if (!grown)
            return WEIR_E_MEMORY;
        s->has_large = 1;
        col->large = grown;
        col->large_size = col->length + 1;
    }
    MYSQL_BIND b = { .buffer_type = MYSQL_TYPE_LONG_BLOB,
                     .buffer = col->large,
                     .buffer_length = col->length,
                     .length = &length,
                     .is_null = &is_null };
    if (mysql_stmt_fetch_column(s->handle, &b, (unsigned)(col - s->columns), 0) != 0)
        return WEIR_E_MEMORY;
    col->large[col->length] = '\0';
    return WEIR_OK;
}

static int long_bytes(struct mys_conn *c, struct mys_stmt *s, struct mys_column *col, weir_value *out)
{
    const int st = fetch_large(c, s, col);
    if (st == WEIR_OK)
        *out = weir_bytes_(col->bytes_type, col->large, col->length);
    return st;
}

static weir_value other_value(struct mys_conn *c, struct mys_column *col)
{
    switch (col->kind) {
    case KIND_UNSIGNED:
        return unsigned_value(col, col->as.u);
    case KIND_FLOAT:
        return float_value(col);
    case KIND_MOMENT:
        return moment_value(c, col);
    case KIND_DAY:
        return day_value(col);
    case KIND_SPAN:
        return span_value(col);
    case KIND_BIT:
        return bit_value(col);
    default:
        return weir_null();
    }
}

/* Numbers and times, too, come as text. */
void mys_plain_row(const struct mys_result *r, weir_value *cells)
{
    const unsigned long *lengths = mysql_fetch_lengths(r->res);
    for (unsigned i = 0; i < r->columns; i++) {
        const MYSQL_FIELD *f = &r->fields[i];
        cells[i] =
            weir_bytes_(mys_kind_of(f) == KIND_BYTES ? mys_bytes_type_of(f) : WEIR_TEXT, r->cells[i], lengths[i]);
    }
}

/* ---- what is there already ---- */

/* A text of no more than USUAL_ROOM bytes, in col->room. */
static inline void put_bytes(weir_value *out, const struct mys_column *col, size_t length)
{
    char *room = col->room;
    room[length] = '\0';
    out->type = col->bytes_type;
    out->as.p = room;
    out->length = length;
    out->no_zero = col->bytes_type == WEIR_TEXT && strlen(room) == length;
}

/* What has to be written, or fetched once more, waits until it is asked for. */
static inline void put_cell(weir_value *out, struct mys_column *col)
{
    const enum kind kind = col->is_null ? KIND_NULL : col->kind;
    out->type = WEIR_LATER;
    if (kind == KIND_INT || (kind == KIND_UNSIGNED && col->as.u <= INT64_MAX)) {
        out->type = WEIR_INT;
        out->as.i = col->as.i;
    } else if (kind == KIND_BYTES && col->length <= USUAL_ROOM) {
        put_bytes(out, col, col->length);
    } else if (kind == KIND_DOUBLE) {
        out->type = WEIR_DOUBLE;
        out->as.d = col->as.d;
    } else if (kind == KIND_NULL) {
        out->type = WEIR_NULL;
    }
}

void mys_bound_cells(const struct mys_stmt *s, weir_value *cells)
{
    for (unsigned i = 0; i < s->column_count; i++)
        if (!s->columns[i].take)
            put_cell(&cells[i], &s->columns[i]);
}

#if HAVE_DECL_STMT_ATTR_CB_RESULT
static inline uint64_t two_bytes(const unsigned char *p)
{
    return (uint64_t)p[0] | (uint64_t)p[1] << 8;
}

static inline uint64_t four_bytes(const unsigned char *p)
{
    return two_bytes(p) | two_bytes(p + 2) << 16;
}

static inline uint64_t eight_bytes(const unsigned char *p)
{
    return four_bytes(p) | four_bytes(p + 4) << 32;
}

static void take_long(weir_value *out, struct mys_column *col, unsigned char **at)
{
    (void)col;
    out->type = WEIR_INT;
    out->as.i = (int64_t)eight_bytes(*at);
    *at += 8;
}

static void take_unsigned_long(weir_value *out, struct mys_column *col, unsigned char **at)
{
    col->as.u = eight_bytes(*at);
    out->type = col->as.u <= INT64_MAX ? WEIR_INT : WEIR_LATER;
    out->as.i = (int64_t)col->as.u;
    *at += 8;
}

static int64_t narrow(const unsigned char *p, const struct mys_column *col)
{
    const int is_signed = col->kind == KIND_INT;
    if (col->width == 4)
        return is_signed ? (int32_t)four_bytes(p) : (int64_t)four_bytes(p);
    if (col->width == 2)
        return is_signed ? (int16_t)two_bytes(p) : (int64_t)two_bytes(p);
    return is_signed ? (int8_t)*p : *p;
}

static void take_narrow(weir_value *out, struct mys_column *col, unsigned char **at)
{
    out->type = WEIR_INT;
    out->as.i = narrow(*at, col);
    *at += col->width;
}

static void take_double(weir_value *out, struct mys_column *col, unsigned char **at)
{
    const uint64_t bits = eight_bytes(*at);
    (void)col;
    out->type = WEIR_DOUBLE;
    memcpy(&out->as.d, &bits, sizeof bits);
    *at += 8;
}

/* The length ahead of bytes that are more than 250: its first byte says in how many it is written. */
static uint64_t take_length(unsigned char **at)
{
    const unsigned char *p = *at;
    *at += *p == 252 ? 3 : *p == 253 ? 4 : 9;
    if (*p == 254)
        return eight_bytes(p + 1);
    return *p == 252 ? two_bytes(p + 1) : four_bytes(p) >> 8;
}

/* What is not short enough for one byte may still fit. */
static void take_longer_bytes(weir_value *out, struct mys_column *col, unsigned char **at)
{
    const size_t length = (size_t)take_length(at);
    col->length = (unsigned long)length;
    out->type = WEIR_LATER;
    if (length <= USUAL_ROOM) {
        memcpy(col->room, *at, length);
        put_bytes(out, col, length);
    }
    *at += length;
}

static void take_bytes(weir_value *out, struct mys_column *col, unsigned char **at)
{
    unsigned char *p = *at;
    const size_t length = *p++;
    if (length > 250) {
        take_longer_bytes(out, col, at);
        return;
    }
    *at = p + length;
    memmove(col->room, p, length); /* so few bytes a compiler would copy in line, which is slower */
    put_bytes(out, col, length);
}

mys_taker mys_taker_of(enum kind kind, int width)
{
    switch (kind) {
    case KIND_INT:
        return width == 8 ? take_long : take_narrow;
    case KIND_UNSIGNED:
        return width == 8 ? take_unsigned_long : take_narrow;
    case KIND_DOUBLE:
        return take_double;
    case KIND_BYTES:
        return take_bytes;
    default:
        return NULL;
    }
}

void mys_take(void *stmt, unsigned column, unsigned char **at)
{
    const struct mys_stmt *s = stmt;
    struct mys_column *col = &s->columns[column];
    weir_value *out = &s->cells[column];
    if (at) {
        col->take(out, col, at);
        return;
    }
    out->type = WEIR_NULL;
    col->is_null = 1; /* for one that is bound */
}
#endif

int mys_cell(void *conn, size_t column, weir_value *out)
{
    struct mys_conn *c = conn;
    struct mys_stmt *s = c->result.stmt;
    struct mys_column *col = &s->columns[column];
    if (col->kind == KIND_BYTES)
        return long_bytes(c, s, col, out);
    *out = other_value(c, col);
    return WEIR_OK;
}
