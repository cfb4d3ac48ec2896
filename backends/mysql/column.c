/*
 * Columns: where the client library puts the cells of a row, and what they are.
 *
 * Numbers and times are fetched as such; a text or blob into room for what is usual.  One that is longer stays in the library until it
 * is asked for.
 *
 *     database                         cell
 *     DATE, TIME                       text: a day or a span is no moment
 *     DATETIME, TIMESTAMP              a time; text if it has a zero in its date
 *     DECIMAL                          a decimal
 *     BIGINT UNSIGNED, BIT             an integer; beyond 2^63 a decimal
 *     FLOAT                            the double that has its shortest text
 *     JSON, ENUM, SET, CHAR, TEXT      text
 *     BINARY, BLOB, geometry           a blob
 * SPDX-License-Identifier: MIT
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include "mys.h"

#define USUAL_ROOM 256
#define BINARY_CHARSET 63

enum kind {
    KIND_NULL,
    KIND_INT,
    KIND_UNSIGNED,
    KIND_DOUBLE,
    KIND_FLOAT,
    KIND_MOMENT,
    KIND_DAY,
    KIND_SPAN,
    KIND_BIT,
    KIND_BYTES,
    KINDS
};

struct mys_column {
    enum kind kind;
    uint32_t bytes_type; /* KIND_BYTES: WEIR_TEXT, WEIR_BLOB or WEIR_DECIMAL */
    mys_flag is_null;
    unsigned long length;
    union {
        int64_t i;
        uint64_t u;
        double d;
        float f;
        MYSQL_TIME t;
        unsigned char bits[8];
    } as;
    char text[40]; /* what a cell of another kind reads as */
    char *room;    /* of USUAL_ROOM + 1 bytes, in the block of the columns */
    char *large;   /* a cell that does not fit there */
    size_t large_size;
    /* of the field when it was bound */
    enum enum_field_types type;
    unsigned flags, charset, decimals;
};

/* ---- what a field is ---- */

static const struct {
    enum enum_field_types type;
    enum kind kind;
} kinds[] = {
    { MYSQL_TYPE_NULL, KIND_NULL },       { MYSQL_TYPE_TINY, KIND_INT },         { MYSQL_TYPE_SHORT, KIND_INT },
    { MYSQL_TYPE_INT24, KIND_INT },       { MYSQL_TYPE_LONG, KIND_INT },         { MYSQL_TYPE_LONGLONG, KIND_INT },
    { MYSQL_TYPE_YEAR, KIND_INT },        { MYSQL_TYPE_FLOAT, KIND_FLOAT },      { MYSQL_TYPE_DOUBLE, KIND_DOUBLE },
    { MYSQL_TYPE_DATE, KIND_DAY },        { MYSQL_TYPE_NEWDATE, KIND_DAY },      { MYSQL_TYPE_TIME, KIND_SPAN },
    { MYSQL_TYPE_DATETIME, KIND_MOMENT }, { MYSQL_TYPE_TIMESTAMP, KIND_MOMENT }, { MYSQL_TYPE_BIT, KIND_BIT },
};

static enum kind kind_of(const MYSQL_FIELD *f)
{
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (kinds[i].type == f->type)
            return kinds[i].kind == KIND_INT && f->flags & UNSIGNED_FLAG ? KIND_UNSIGNED : kinds[i].kind;
    return KIND_BYTES;
}

static uint32_t bytes_type_of(const MYSQL_FIELD *f)
{
    if (f->type == MYSQL_TYPE_NEWDECIMAL || f->type == MYSQL_TYPE_DECIMAL)
        return WEIR_DECIMAL;
    if (f->type == MYSQL_TYPE_JSON)
        return WEIR_TEXT;
    return f->charsetnr == BINARY_CHARSET ? WEIR_BLOB : WEIR_TEXT;
}

/* ---- binding ---- */

static const enum enum_field_types buffer_types[KINDS] = {
    [KIND_NULL] = MYSQL_TYPE_LONGLONG,   [KIND_INT] = MYSQL_TYPE_LONGLONG, [KIND_UNSIGNED] = MYSQL_TYPE_LONGLONG,
    [KIND_DOUBLE] = MYSQL_TYPE_DOUBLE,   [KIND_FLOAT] = MYSQL_TYPE_FLOAT,  [KIND_MOMENT] = MYSQL_TYPE_DATETIME,
    [KIND_DAY] = MYSQL_TYPE_DATE,        [KIND_SPAN] = MYSQL_TYPE_TIME,    [KIND_BIT] = MYSQL_TYPE_LONG_BLOB,
    [KIND_BYTES] = MYSQL_TYPE_LONG_BLOB,
};

static void bind(MYSQL_BIND *b, struct mys_column *col, char *room)
{
    const int in_room = col->kind == KIND_BYTES;
    *b = (MYSQL_BIND){
        .buffer_type = buffer_types[col->kind],
        .buffer = in_room ? (void *)room : (void *)&col->as,
        .buffer_length = in_room ? USUAL_ROOM : sizeof col->as,
        .length = &col->length,
        .is_null = &col->is_null,
        .is_unsigned = col->kind == KIND_UNSIGNED,
    };
    col->room = room;
}

static void describe(struct mys_column *col, const MYSQL_FIELD *f)
{
    *col = (struct mys_column){
        .kind = kind_of(f),
        .bytes_type = bytes_type_of(f),
        .type = f->type,
        .flags = f->flags,
        .charset = f->charsetnr,
        .decimals = f->decimals,
    };
}

/* The server's idea of a column may change from run to run: another type must not go into the old one's place. */
static inline int still_fit(const struct mys_stmt *s, unsigned n)
{
    if (!s->columns || s->column_count != n)
        return 0;
    const MYSQL_FIELD *f = s->handle->fields;
    const struct mys_column *col = s->columns, *end = col + n;
    while (col < end && f->type == col->type && f->flags == col->flags && f->charsetnr == col->charset)
        f++, col++;
    return col == end;
}

static MYSQL_BIND *binds_of(const struct mys_stmt *s)
{
    return (MYSQL_BIND *)(void *)(s->columns + s->column_count);
}

static int make_columns(struct mys_conn *c, struct mys_stmt *s, unsigned n, weir_error *err)
{
    mys_columns_end(c, s);
    s->columns = mys_resize(c->host, NULL, n * (sizeof(struct mys_column) + sizeof(MYSQL_BIND) + USUAL_ROOM + 1));
    if (!s->columns)
        return c->host->fail(err, WEIR_E_MEMORY, "no memory for the %u columns of a result", n);
    s->column_count = n;
    char *rooms = (char *)(binds_of(s) + n);
    for (unsigned i = 0; i < n; i++) {
        describe(&s->columns[i], &s->handle->fields[i]);
        bind(&binds_of(s)[i], &s->columns[i], rooms + i * (USUAL_ROOM + 1));
    }
    return WEIR_OK;
}

int mys_columns_fit(const struct mys_stmt *s)
{
    return s->columns_bound && still_fit(s, mysql_stmt_field_count(s->handle));
}

int mys_columns_bind(struct mys_conn *c, struct mys_stmt *s, weir_error *err)
{
    const unsigned n = mysql_stmt_field_count(s->handle);
    const int fit = still_fit(s, n);
    const int st = fit ? WEIR_OK : make_columns(c, s, n, err);
    if (st < 0)
        return st;
    s->columns_bound = !(s->traits & MYS_MAY_ANSWER); /* with several sets the library forgets them */
    return mysql_stmt_bind_result(s->handle, binds_of(s)) == 0 ? WEIR_OK : mys_fail(c, s->handle, err);
}

void mys_columns_shrink(struct mys_conn *c, struct mys_stmt *s)
{
    for (unsigned i = 0; i < s->column_count; i++) {
        struct mys_column *col = &s->columns[i];
        if (col->large)
            mys_resize(c->host, col->large, 0);
        col->large = NULL;
        col->large_size = 0;
    }
    s->has_large = 0;
}

void mys_columns_end(struct mys_conn *c, struct mys_stmt *s)
{
    if (!s->columns)
        return;
    mys_columns_shrink(c, s);
    mys_resize(c->host, s->columns, 0);
    s->columns = NULL;
    s->column_count = 0;
    s->columns_bound = 0;
}

/* ---- cells ---- */

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

/* As many digits behind the point as the column has. */
static void add_fraction(struct mys_column *col, size_t at)
{
    char all[16];
    if (col->decimals == 0 || col->decimals > 6)
        return;
    snprintf(all, sizeof all, ".%06lu", col->as.t.second_part % 1000000);
    snprintf(col->text + at, sizeof col->text - at, "%.*s", (int)col->decimals + 1, all);
}

static weir_value day_value(struct mys_column *col)
{
    const MYSQL_TIME *t = &col->as.t;
    snprintf(col->text, sizeof col->text, "%04u-%02u-%02u", t->year % 10000, t->month % 100, t->day % 100);
    return weir_text(col->text);
}

static weir_value span_value(struct mys_column *col)
{
    const MYSQL_TIME *t = &col->as.t;
    const int n = snprintf(col->text, sizeof col->text, "%s%02u:%02u:%02u", t->neg ? "-" : "",
                           (t->hour + 24 * t->day) % 1000, t->minute % 100, t->second % 100);
    add_fraction(col, (size_t)n);
    return weir_text(col->text);
}

/* A date may have zeros in it, which are the moment of nothing. */
static weir_value moment_value(struct mys_conn *c, struct mys_column *col)
{
    const MYSQL_TIME *t = &col->as.t;
    int64_t us;
    snprintf(col->text, sizeof col->text, "%04u-%02u-%02u %02u:%02u:%02u.%06lu", t->year % 10000, t->month % 100,
             t->day % 100, t->hour % 100, t->minute % 100, t->second % 100, t->second_part % 1000000);
    if (c->host->time_parse(&us, col->text) == 0)
        return weir_time_us(us);
    col->text[19] = '\0';
    add_fraction(col, 19);
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
        cells[i] = weir_bytes_(kind_of(f) == KIND_BYTES ? bytes_type_of(f) : WEIR_TEXT, r->cells[i], lengths[i]);
    }
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
        col->room[col->length] = '\0';
        out->type = col->bytes_type;
        out->as.p = col->room;
        out->length = col->length;
        out->no_zero = col->bytes_type == WEIR_TEXT && strlen(col->room) == col->length;
    } else if (kind == KIND_DOUBLE) {
        out->type = WEIR_DOUBLE;
        out->as.d = col->as.d;
    } else if (kind == KIND_NULL) {
        out->type = WEIR_NULL;
    }
}

void mys_row(const struct mys_stmt *s, weir_value *cells)
{
    struct mys_column *col = s->columns, *end = col + s->column_count;
    while (col < end)
        put_cell(cells++, col++);
}

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
