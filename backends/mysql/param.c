/*
 * Parameters.
 *
 * What is bound stays bound: as long as a parameter keeps its type, a number or a time is only put into its place, and the server is not
 * told the types again.  A text or blob is sent from where it is.
 * SPDX-License-Identifier: MIT
 */
#include <math.h>
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
int mys_put_time(MYSQL_TIME *out, const weir_host *host, int64_t us)
{
    char text[32];
    if (host->time_text(text, us) < 0)
        return -1;
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
    return WEIR_OK;
}

static int put_time(struct mys_conn *c, struct mys_param *p, int64_t us, size_t at, weir_error *err)
{
    if (mys_put_time(&p->as.t, c->host, us) == WEIR_OK)
        return WEIR_OK;
    return c->host->fail(err, WEIR_E_DATA, "parameter %zu: a time outside the years 0000 to 9999", at + 1);
}

static int put_double(struct mys_conn *c, struct mys_param *p, double d, size_t at, weir_error *err)
{
    if (!isfinite(d))
        return c->host->fail(err, WEIR_E_DATA, "parameter %zu: MySQL has neither infinity nor 'not a number'", at + 1);
    p->as.d = d;
    return WEIR_OK;
}

static inline void put_bytes(MYSQL_BIND *b, struct mys_param *p, const weir_value *v, int *moved)
{
    p->length = (unsigned long)v->length;
    if (b->buffer == v->as.p)
        return;
    b->buffer = (void *)(uintptr_t)v->as.p;
    b->buffer_length = p->length;
    *moved = 1;
}

static inline void take_type(MYSQL_BIND *b, struct mys_param *p, uint32_t type, int *moved)
{
    if (b->buffer_type == mys_types[type])
        return;
    b->buffer_type = mys_types[type];
    b->buffer = &p->as;
    *moved = 1;
}

/* *moved: the library has to be told. */
static inline int put(struct mys_conn *c, struct mys_stmt *s, size_t at, const weir_value *v, int *moved,
                      weir_error *err)
{
    MYSQL_BIND *b = &s->binds[at];
    struct mys_param *p = &s->params[at];
    p->is_null = v->type == WEIR_NULL;
    if (p->is_null)
        return WEIR_OK;
    take_type(b, p, v->type, moved);
    if (v->type == WEIR_TIME)
        return put_time(c, p, v->as.i, at, err);
    if (v->type == WEIR_DOUBLE)
        return put_double(c, p, v->as.d, at, err);
    if (v->type == WEIR_INT)
        p->as.i = v->as.i;
    else
        put_bytes(b, p, v, moved);
    return WEIR_OK;
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

int mys_bind(struct mys_conn *c, struct mys_stmt *s, weir_args args, uint64_t *bytes, weir_error *err)
{
    int moved = !s->bound;
    int st = s->binds ? WEIR_OK : make_places(c, s, args.n, err);
    for (size_t i = 0; i < args.n && st == WEIR_OK; i++) {
        st = put(c, s, i, &args.v[i], &moved, err);
        *bytes += args.v[i].type == WEIR_TEXT || args.v[i].type == WEIR_BLOB ? args.v[i].length : 0;
    }
    if (st < 0 || !moved)
        return st;
    s->bound = 1;
    return mysql_stmt_bind_param(s->handle, s->binds) == 0 ? WEIR_OK : mys_fail(c, s->handle, err);
}
