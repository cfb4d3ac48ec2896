/*
 * Values: parameters into a statement, cells out of it.
 *
 * SQLite has five types.  A decimal is bound as its text, which keeps every digit in a column declared TEXT; a moment is bound as its
 * text, which sorts as the moments do.
 * SPDX-License-Identifier: MIT
 */
#include <math.h>
#include "lite.h"

static int bind_time(struct lite_conn *c, sqlite3_stmt *handle, int at, int64_t us, weir_error *err)
{
    char text[32];
    if (c->host->time_text(text, us) < 0)
        return c->host->fail(err, WEIR_E_DATA, "parameter %d: a time outside the years 0000 to 9999", at);
    return sqlite3_bind_text(handle, at, text, -1, SQLITE_TRANSIENT) == SQLITE_OK ? WEIR_OK : lite_fail(c, err);
}

/* SQLite would store NULL without a word. */
static int bind_double(struct lite_conn *c, sqlite3_stmt *handle, int at, double d, weir_error *err)
{
    if (isnan(d))
        return c->host->fail(err, WEIR_E_DATA, "parameter %d: SQLite has no 'not a number'", at);
    return sqlite3_bind_double(handle, at, d) == SQLITE_OK ? WEIR_OK : lite_fail(c, err);
}

static int bind_other(struct lite_conn *c, sqlite3_stmt *handle, int at, const weir_value *v,
                      sqlite3_destructor_type life, weir_error *err)
{
    int rc;
    if (v->type == WEIR_TIME)
        return bind_time(c, handle, at, v->as.i, err);
    if (v->type == WEIR_DOUBLE)
        return bind_double(c, handle, at, v->as.d, err);
    if (v->type == WEIR_NULL)
        rc = sqlite3_bind_null(handle, at);
    else
        rc = sqlite3_bind_blob64(handle, at, v->as.p, v->length, life);
    return rc == SQLITE_OK ? WEIR_OK : lite_fail(c, err);
}

static inline int is_same_int(const weir_value *a, const weir_value *b)
{
    return a->type == WEIR_INT && b->type == WEIR_INT && a->as.i == b->as.i;
}

int lite_bind(struct lite_conn *c, struct lite_stmt *s, weir_args args, const weir_value *bound,
              sqlite3_destructor_type life, weir_error *err)
{
    int *holds = life == SQLITE_STATIC ? &s->borrows : &s->copies;
    for (size_t i = 0; i < args.n; i++) {
        const weir_value *v = &args.v[i];
        const int at = (int)i + 1;
        int st;
        if (bound && is_same_int(v, &bound[i]))
            continue;
        if (v->type == WEIR_INT) {
            st = sqlite3_bind_int64(s->handle, at, v->as.i);
        } else if (v->type == WEIR_TEXT || v->type == WEIR_DECIMAL) {
            *holds = 1;
            st = sqlite3_bind_text64(s->handle, at, v->as.p, v->length, life, SQLITE_UTF8);
        } else {
            *holds |= v->type == WEIR_BLOB;
            st = bind_other(c, s->handle, at, v, life, err);
        }
        if (st != WEIR_OK)
            return st < 0 ? st : lite_fail(c, err);
    }
    return WEIR_OK;
}

/*
 * SQLite gives no pointer for an empty blob, and none when it had no memory to convert.  A zero byte is looked for here, where that costs
 * half of what it does in a getter.
 */
static inline int take_bytes(weir_value *out, uint32_t type, const void *p, int length)
{
    if (!p && (length > 0 || type == WEIR_TEXT))
        return WEIR_E_MEMORY;
    out->type = type;
    out->as.p = p ? p : "";
    out->length = (uint64_t)length;
    out->no_zero = type == WEIR_TEXT && strlen(out->as.p) == out->length;
    return WEIR_OK;
}

/*
 * One look into the row for what is asked of a cell: its type, itself, its length.  Such a value may be asked, for nobody else uses the
 * connection meanwhile.
 */
static int take_other(weir_value *out, sqlite3_value *v)
{
    const void *p;
    switch (sqlite3_value_type(v)) {
    case SQLITE_FLOAT:
        out->type = WEIR_DOUBLE;
        out->as.d = sqlite3_value_double(v);
        return WEIR_OK;
    case SQLITE_BLOB: /* the pointer first: asking for it may convert, and moves the length */
        p = sqlite3_value_blob(v);
        return take_bytes(out, WEIR_BLOB, p, sqlite3_value_bytes(v));
    default:
        out->type = WEIR_NULL;
        return WEIR_OK;
    }
}

static inline int take(weir_value *out, sqlite3_value *v)
{
    const int type = sqlite3_value_type(v);
    if (type == SQLITE_INTEGER) {
        out->type = WEIR_INT;
        out->as.i = sqlite3_value_int64(v);
        return WEIR_OK;
    }
    if (type != SQLITE_TEXT)
        return take_other(out, v);
    const void *text = sqlite3_value_text(v);
    return take_bytes(out, WEIR_TEXT, text, sqlite3_value_bytes(v));
}

int lite_value(sqlite3_stmt *handle, int column, weir_value *out)
{
    return take(out, sqlite3_column_value(handle, column));
}

void lite_row(sqlite3_stmt *handle, int columns, weir_value *cells)
{
    for (int i = 0; i < columns; i++)
        if (take(&cells[i], sqlite3_column_value(handle, i)) < 0)
            cells[i].type = WEIR_LATER;
}
