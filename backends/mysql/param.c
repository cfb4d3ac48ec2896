/*
 * Parameters.
 *
 * What is bound stays bound: as long as a parameter keeps its type, a number or a time is only put into its place, and the server is not
 * told the types again.  A text or blob is sent from where it is.
 * SPDX-License-Identifier: MIT
 */
#include <stdio.h>
#include "mys.h"

struct mys_param {
    mys_flag is_null;
    unsigned long length;
    union {
        int64_t i;
        double d;
        MYSQL_TIME t;
    } as;
};

const enum enum_field_types mys_types[] = {
    [WEIR_NULL] = MYSQL_TYPE_NULL,       [WEIR_INT] = MYSQL_TYPE_LONGLONG,   [WEIR_DOUBLE] = MYSQL_TYPE_DOUBLE,
    [WEIR_TEXT] = MYSQL_TYPE_VAR_STRING, [WEIR_BLOB] = MYSQL_TYPE_LONG_BLOB, [WEIR_DECIMAL] = MYSQL_TYPE_NEWDECIMAL,
    [WEIR_TIME] = MYSQL_TYPE_DATETIME,
};

/* ---- values ---- */

static unsigned digits(const char *text, int at, int width)
{
    unsigned n = 0;
    for (int i = 0; i < width; i++)
        n = 10 * n + (unsigned)(text[at + i] - '0');
    return n;
}

/* From "YYYY-MM-DD hh:mm:ss[.ffffff]". */
void mys_put_time(MYSQL_TIME *out, const weir_host *host, int64_t us)
{
    char text[32];
    host->time_text(text, us); /* it has been looked at */
    *out = (MYSQL_TIME){
        .year = digits(text, 0, 4),
        .month = digits(text, 5, 2),
        .day = digits(text, 8, 2),
        .hour = digits(text, 11, 2),
        .minute = digits(text, 14, 2),
        .second = digits(text, 17, 2),
        .second_part = text[19] ? digits(text, 20, 6) : 0,
        .time_type = MYSQL_TIMESTAMP_DATETIME,
    };
}

#define YEAR_0 INT64_C(-62167219200000000)
#define YEAR_10000 INT64_C(253402300800000000)

const char *mys_misfit(const weir_value *v)
{
    if (v->type == WEIR_DOUBLE && !isfinite(v->as.d))
        return "MySQL has neither infinity nor 'not a number'";
    if (v->type == WEIR_TIME && (v->as.i < YEAR_0 || v->as.i >= YEAR_10000))
        return "a time outside the years 0000 to 9999";
    return NULL;
}

/* What puts returns 1 if the library has to be told. */

static inline int put_bytes(MYSQL_BIND *b, struct mys_param *p, const weir_value *v)
{
    p->length = (unsigned long)v->length;
    if (b->buffer == v->as.p)
        return 0;
    b->buffer = (void *)(uintptr_t)v->as.p;
    b->buffer_length = p->length;
    return 1;
}

/* Doubles, times and NULL, whose type has been taken. */
static int put_other(struct mys_conn *c, struct mys_param *p, size_t at, const weir_value *v, weir_error *err)
{
    const char *misfit = mys_misfit(v);
    if (misfit)
        return c->host->fail(err, WEIR_E_DATA, "parameter %zu: %s", at + 1, misfit);
    p->is_null = v->type == WEIR_NULL;
    if (v->type == WEIR_TIME)
        mys_put_time(&p->as.t, c->host, v->as.i);
    else
        p->as.d = v->as.d;
    return 0;
}

/* NULL is of any type. */
static int take_type(MYSQL_BIND *b, struct mys_param *p, uint32_t type)
{
    if (b->buffer_type == mys_types[type] || type == WEIR_NULL)
        return 0;
    b->buffer_type = mys_types[type];
    b->buffer = &p->as;
    return 1;
}

static int put_any(struct mys_conn *c, struct mys_stmt *s, size_t at, const weir_value *v, uint64_t *bytes,
                   weir_error *err)
{
    MYSQL_BIND *b = &s->binds[at];
    struct mys_param *p = &s->params[at];
    const int moved = take_type(b, p, v->type);
    p->is_null = 0;
    if (v->type == WEIR_TEXT || v->type == WEIR_BLOB || v->type == WEIR_DECIMAL) {
        *bytes += v->length;
        return put_bytes(b, p, v) | moved;
    }
    p->as.i = v->as.i;
    const int st = v->type == WEIR_INT ? WEIR_OK : put_other(c, p, at, v, err);
    return st < 0 ? st : moved;
}

/* ---- places ---- */

static int make_places(struct mys_conn *c, struct mys_stmt *s, size_t n, weir_error *err)
{
    char *block = mys_resize(c->host, NULL, n * (sizeof *s->binds + sizeof *s->params));
    if (!block)
        return c->host->fail(err, WEIR_E_MEMORY, "no memory for %zu parameters", n);
    memset(block, 0, n * (sizeof *s->binds + sizeof *s->params));
    s->binds = (MYSQL_BIND *)(void *)block;
    s->params = (struct mys_param *)(void *)(block + n * sizeof *s->binds);
    for (size_t i = 0; i < n; i++) {
        s->binds[i].buffer_type = MYSQL_TYPE_NULL;
        s->binds[i].is_null = &s->params[i].is_null;
        s->binds[i].length = &s->params[i].length;
    }
    return WEIR_OK;
}

void mys_params_end(struct mys_conn *c, struct mys_stmt *s)
{
    if (s->binds)
        mys_resize(c->host, s->binds, 0);
    s->binds = NULL;
}

/* From that parameter on.  1: the library has to be told, of one at least. */
static inline int put_all(struct mys_conn *c, struct mys_stmt *s, size_t at, weir_args args, uint64_t *bytes,
                          weir_error *err)
{
    int moved = 0;
    const MYSQL_BIND *b = s->binds + at;
    struct mys_param *p = s->params + at;
    for (size_t i = 0; i < args.n; i++) {
        const weir_value *v = &args.v[i];
        if (v->type == WEIR_INT && b[i].buffer_type == MYSQL_TYPE_LONGLONG) {
            p[i].is_null = 0;
            p[i].as.i = v->as.i;
            continue;
        }
        const int st = put_any(c, s, at + i, v, bytes, err);
        if (st < 0)
            return st;
        moved |= st;
    }
    return moved;
}

/* Of what all puts came to. */
static inline int tell(struct mys_conn *c, struct mys_stmt *s, int st, weir_error *err)
{
    if (st == WEIR_OK && s->bound)
        return st;
    s->bound = st >= 0; /* else some have changed, and the library does not know of it */
    if (st < 0)
        return st;
    return mysql_stmt_bind_param(s->handle, s->binds) == 0 ? WEIR_OK : mys_fail(c, s->handle, err);
}

int mys_bind(struct mys_conn *c, struct mys_stmt *s, weir_args args, uint64_t *bytes, weir_error *err)
{
    int st = s->binds ? WEIR_OK : make_places(c, s, args.n, err);
    if (st == WEIR_OK)
        st = put_all(c, s, 0, args, bytes, err);
    return tell(c, s, st, err);
}

int mys_bind_rows(struct mys_conn *c, struct mys_stmt *s, const weir_value *const *rows, size_t count, size_t columns,
                  weir_error *err)
{
    uint64_t bytes = 0;
    int st = s->binds ? WEIR_OK : make_places(c, s, count * columns, err), moved = 0;
    for (size_t i = 0; i < count && st >= 0; i++) {
        st = put_all(c, s, i * columns, (weir_args){ .v = rows[i], .n = columns }, &bytes, err);
        moved |= st > 0;
    }
    return tell(c, s, st < 0 ? st : moved, err);
}
