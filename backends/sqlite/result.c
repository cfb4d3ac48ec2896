/*
 * The open result.
 *
 *     run ──► FIRST ──next──► ROWS ──next, no more or failed──► END        a statement that only reads
 *        └──► KEPT ──next, past the last──► END                           one that writes: it has ended already
 *
 * From each, abandon closes it.
 * SPDX-License-Identifier: MIT
 */
#include "lite.h"

static void *resize(struct lite_conn *c, void *block, size_t size)
{
    return c->host->realloc(c->host->ctx, block, size);
}

static int has_bytes(const weir_value *v)
{
    return v->type == WEIR_TEXT || v->type == WEIR_BLOB;
}

static int copy_bytes(struct lite_conn *c, weir_value *v)
{
    char *copy = resize(c, NULL, (size_t)v->length + 1);
    if (!copy)
        return WEIR_E_MEMORY;
    memcpy(copy, v->as.p, (size_t)v->length);
    copy[v->length] = '\0';
    v->as.p = copy;
    return WEIR_OK;
}

static int make_room(struct lite_conn *c, size_t more)
{
    struct lite_result *r = &c->result;
    if (r->filled + more <= r->room)
        return WEIR_OK;
    const size_t room = 2 * r->room + more;
    weir_value *cells = resize(c, r->cells, room * sizeof *cells);
    if (!cells)
        return WEIR_E_MEMORY;
    r->cells = cells;
    r->room = room;
    return WEIR_OK;
}

int lite_result_keep(struct lite_conn *c, sqlite3_stmt *handle)
{
    struct lite_result *r = &c->result;
    const int columns = sqlite3_column_count(handle);
    if (make_room(c, (size_t)columns) < 0)
        return WEIR_E_MEMORY;
    for (int i = 0; i < columns; i++) {
        weir_value *v = &r->cells[r->filled];
        if (lite_value(handle, i, v) < 0 || (has_bytes(v) && copy_bytes(c, v) < 0))
            return WEIR_E_MEMORY;
        r->filled++;
    }
    return WEIR_OK;
}

static void drop_kept(struct lite_conn *c)
{
    struct lite_result *r = &c->result;
    for (size_t i = 0; i < r->filled; i++)
        if (has_bytes(&r->cells[i]))
            resize(c, (void *)(uintptr_t)r->cells[i].as.p, 0);
    if (r->cells)
        resize(c, r->cells, 0);
}

void lite_result_open(struct lite_conn *c, struct lite_stmt *s, enum lite_at at)
{
    c->result = (struct lite_result){ .stmt = s, .at = at };
}

static int next_step(struct lite_conn *c, int64_t deadline_ns, weir_error *err)
{
    struct lite_stmt *s = c->result.stmt;
    lite_goes_on(c, deadline_ns);
    const int rc = sqlite3_step(s->handle);
    if (rc == SQLITE_ROW)
        return WEIR_ROW;
    const int st = rc == SQLITE_DONE ? WEIR_OK : lite_fail(c, err);
    lite_rewind(s); /* keeps truth 2: ended, it holds no snapshot */
    c->result.at = LITE_END;
    return st;
}

static int next_kept(struct lite_result *r)
{
    const size_t columns = (size_t)sqlite3_column_count(r->stmt->handle);
    if (r->row * columns < r->filled) {
        r->row++;
        return WEIR_ROW;
    }
    r->at = LITE_END;
    return WEIR_OK;
}

int lite_next(void *conn, int64_t deadline_ns, weir_error *err)
{
    struct lite_conn *c = conn;
    switch (c->result.at) {
    case LITE_FIRST:
        c->result.at = LITE_ROWS;
        return WEIR_ROW;
    case LITE_ROWS:
        return next_step(c, deadline_ns, err);
    case LITE_KEPT:
        return next_kept(&c->result);
    default:
        return WEIR_OK;
    }
}

void lite_abandon(void *conn)
{
    struct lite_conn *c = conn;
    struct lite_result *r = &c->result;
    if (!r->stmt)
        return;
    if (r->at <= LITE_ROWS)
        lite_rewind(r->stmt);
    drop_kept(c);
    *r = (struct lite_result){ .stmt = NULL };
}

size_t lite_columns(void *conn)
{
    const struct lite_conn *c = conn;
    return c->result.stmt ? (size_t)sqlite3_column_count(c->result.stmt->handle) : 0;
}

const char *lite_name(void *conn, size_t column)
{
    const struct lite_conn *c = conn;
    return sqlite3_column_name(c->result.stmt->handle, (int)column);
}

int lite_cell(void *conn, size_t column, weir_value *out)
{
    const struct lite_conn *c = conn;
    const struct lite_result *r = &c->result;
    if (r->at == LITE_ROWS)
        return lite_value(r->stmt->handle, (int)column, out);
    if (r->at == LITE_KEPT && r->row > 0)
        *out = r->cells[(r->row - 1) * lite_columns(conn) + column];
    else
        *out = weir_null(); /* there is no row yet, or no longer */
    return WEIR_OK;
}
