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
    r->columns = sqlite3_column_count(handle); /* the first step may have found another schema */
    if (make_room(c, (size_t)r->columns) < 0)
        return WEIR_E_MEMORY;
    for (int i = 0; i < r->columns; i++) {
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
    c->result = (struct lite_result){ .stmt = s, .at = at, .columns = sqlite3_column_count(s->handle) };
}

static int next_step(struct lite_conn *c, weir_value *cells, int64_t deadline_ns, weir_error *err)
{
    struct lite_stmt *s = c->result.stmt;
    lite_goes_on(c, deadline_ns);
    const int rc = sqlite3_step(s->handle);
    if (rc == SQLITE_ROW) {
        lite_row(s->handle, c->result.columns, cells);
        return WEIR_ROW;
    }
    const int st = rc == SQLITE_DONE ? WEIR_OK : lite_fail(c, err);
    lite_rewind(s); /* keeps truth 2: ended, it holds no snapshot */
    c->result.at = LITE_END;
    return st;
}

static int next_first(struct lite_result *r, weir_value *cells)
{
    r->at = LITE_ROWS;
    lite_row(r->stmt->handle, r->columns, cells);
    return WEIR_ROW;
}

static int next_kept(struct lite_result *r, weir_value *cells)
{
    const size_t columns = (size_t)r->columns, first = r->row * columns;
    if (first >= r->filled) {
        r->at = LITE_END;
        return WEIR_OK;
    }
    memcpy(cells, r->cells + first, columns * sizeof *cells);
    r->row++;
    return WEIR_ROW;
}

int lite_next(void *conn, weir_value *cells, int64_t deadline_ns, weir_error *err)
{
    struct lite_conn *c = conn;
    struct lite_result *r = &c->result;
    if (r->at == LITE_ROWS)
        return next_step(c, cells, deadline_ns, err);
    if (r->at == LITE_FIRST)
        return next_first(r, cells);
    return r->at == LITE_KEPT ? next_kept(r, cells) : WEIR_OK;
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
    return (size_t)c->result.columns;
}

const char *lite_name(void *conn, size_t column)
{
    const struct lite_conn *c = conn;
    return sqlite3_column_name(c->result.stmt->handle, (int)column);
}

/* There was no memory for it in `next`: of the rows that are kept, all cells are there. */
int lite_cell(void *conn, size_t column, weir_value *out)
{
    const struct lite_conn *c = conn;
    return lite_value(c->result.stmt->handle, (int)column, out);
}
