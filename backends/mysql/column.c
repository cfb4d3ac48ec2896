/*
 * Columns: where the cells of a row go, and what they are.
 *
 * Numbers and times are fetched as such; a text or blob into room for what is usual.  One that is longer stays in the library until it
 * is asked for.  MariaDB's library can also hand over a cell as it came, which costs half of having it put into a place that is bound:
 * what most columns hold is taken so.
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
#include "column.h"

/* ---- what a field is ---- */

#define BINARY_CHARSET 63

struct type {
    enum enum_field_types type;
    enum kind kind;
    int width;
};

static const struct type types[] = {
    { MYSQL_TYPE_NULL, KIND_NULL, 0 },       { MYSQL_TYPE_TINY, KIND_INT, 1 },
    { MYSQL_TYPE_SHORT, KIND_INT, 2 },       { MYSQL_TYPE_INT24, KIND_INT, 4 },
    { MYSQL_TYPE_LONG, KIND_INT, 4 },        { MYSQL_TYPE_LONGLONG, KIND_INT, 8 },
    { MYSQL_TYPE_YEAR, KIND_INT, 2 },        { MYSQL_TYPE_FLOAT, KIND_FLOAT, 4 },
    { MYSQL_TYPE_DOUBLE, KIND_DOUBLE, 8 },   { MYSQL_TYPE_DATE, KIND_DAY, 0 },
    { MYSQL_TYPE_NEWDATE, KIND_DAY, 0 },     { MYSQL_TYPE_TIME, KIND_SPAN, 0 },
    { MYSQL_TYPE_DATETIME, KIND_MOMENT, 0 }, { MYSQL_TYPE_TIMESTAMP, KIND_MOMENT, 0 },
    { MYSQL_TYPE_BIT, KIND_BIT, 0 },
};

static const struct type *type_of(const MYSQL_FIELD *f)
{
    static const struct type bytes = { .kind = KIND_BYTES };
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (types[i].type == f->type)
            return &types[i];
    return &bytes;
}

enum kind mys_kind_of(const MYSQL_FIELD *f)
{
    const enum kind kind = type_of(f)->kind;
    return kind == KIND_INT && f->flags & UNSIGNED_FLAG ? KIND_UNSIGNED : kind;
}

uint32_t mys_bytes_type_of(const MYSQL_FIELD *f)
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
#if HAVE_DECL_STMT_ATTR_CB_RESULT
    col->take = mys_taker_of(col->kind, col->width);
    b->flags = col->take ? MADB_BIND_DUMMY : 0;
#endif
}

static void describe(struct mys_column *col, const MYSQL_FIELD *f)
{
    *col = (struct mys_column){
        .kind = mys_kind_of(f),
        .bytes_type = mys_bytes_type_of(f),
        .width = type_of(f)->width,
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

static weir_value *unwanted_of(const struct mys_stmt *s)
{
    return (weir_value *)(void *)(binds_of(s) + s->column_count);
}

static int make_columns(struct mys_conn *c, struct mys_stmt *s, unsigned n, weir_error *err)
{
    mys_columns_end(c, s);
    s->columns = mys_resize(c->host, NULL,
                            n * (sizeof(struct mys_column) + sizeof(MYSQL_BIND) + sizeof(weir_value) + USUAL_ROOM + 1));
    if (!s->columns)
        return c->host->fail(err, WEIR_E_MEMORY, "no memory for the %u columns of a result", n);
    s->column_count = n;
    s->bound_columns = 0;
    s->cells = s->unwanted = unwanted_of(s);
    char *rooms = (char *)(s->unwanted + n);
    for (unsigned i = 0; i < n; i++) {
        describe(&s->columns[i], &s->handle->fields[i]);
        bind(&binds_of(s)[i], &s->columns[i], rooms + i * (USUAL_ROOM + 1));
        s->bound_columns += !s->columns[i].take;
    }
    return WEIR_OK;
}

/* What is not bound goes to mys_take. */
static void hand_over(struct mys_stmt *s)
{
#if HAVE_DECL_STMT_ATTR_CB_RESULT
    mysql_stmt_attr_set(s->handle, STMT_ATTR_CB_USER_DATA, s);
    mysql_stmt_attr_set(s->handle, STMT_ATTR_CB_RESULT, (const void *)(uintptr_t)mys_take);
#else
    (void)s;
#endif
}

int mys_columns_fit(const struct mys_stmt *s)
{
    return s->columns_bound && still_fit(s, s->handle->field_count);
}

int mys_columns_bind(struct mys_conn *c, struct mys_stmt *s, weir_error *err)
{
    const unsigned n = mysql_stmt_field_count(s->handle);
    const int fit = still_fit(s, n);
    const int st = fit ? WEIR_OK : make_columns(c, s, n, err);
    if (st < 0)
        return st;
    s->columns_bound = !(s->traits & MYS_MAY_ANSWER); /* with several sets the library forgets them */
    hand_over(s);
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
