/*
 * Bulk, as arrays: a statement for one row, prepared once a job, that MariaDB runs for many rows at once.
 *
 * The server is told the types once a statement, so a stretch ends where a column changes its own; NULL goes with every type.  The client
 * library asks for row after row, and takes most values from where they are.
 * SPDX-License-Identifier: MIT
 */
#include "bulk.h"

#if HAVE_DECL_STMT_ATTR_CB_PARAM

#    define CELL_HEAD 10 /* an indicator, and how long it is */

/* What the library does not find in a value as it is. */
struct cell {
    unsigned long length;
    MYSQL_TIME time;
    char indicator;
};

struct mys_array {
    MYSQL_BIND *binds;
    struct cell *cells;
    size_t count;
    const weir_host *host;
    const weir_value *const *rows; /* of the stretch */
};

int mys_takes_arrays(const struct mys_conn *c)
{
    unsigned long more = 0;
    return c->maria && !mariadb_get_infov(c->mysql, MARIADB_CONNECTION_EXTENDED_SERVER_CAPABILITIES, &more) &&
           more & (unsigned long)(MARIADB_CLIENT_STMT_BULK_OPERATIONS >> 32);
}

/* ---- the statement */

static char *write_statement(char *at, const struct mys_conn *c, const weir_bulk_spec *spec)
{
    at = mys_insert_head(at, spec);
    for (size_t i = 0; i < spec->count; i++)
        at = stpcpy(at, i ? ", ?" : "(?");
    return mys_insert_tail(stpcpy(at, ")"), c, spec);
}

static int prepare(struct mys_bulk *b, weir_error *err)
{
    struct mys_conn *c = b->conn;
    void *stmt;
    size_t params, columns;
    char *sql = mys_resize(c->host, NULL, mys_insert_size(b->spec));
    if (!sql)
        return c->host->fail(err, WEIR_E_MEMORY, "no memory for the statement of a bulk job");
    write_statement(sql, c, b->spec);
    const int st = mys_prepare(c, &stmt, &params, &columns, sql, b->deadline_ns, err);
    mys_resize(c->host, sql, 0);
    if (st < 0)
        return st;
    c->bulk = stmt;
    c->bulk_job = b->job;
    return WEIR_OK;
}

static int know_statement(struct mys_bulk *b, weir_error *err)
{
    struct mys_conn *c = b->conn;
    if (c->bulk && c->bulk_job == b->job)
        return WEIR_OK;
    if (c->bulk)
        mys_forget(c, c->bulk);
    c->bulk = NULL;
    return prepare(b, err);
}

/* ---- places */

static int make_places(struct mys_bulk *b, weir_error *err)
{
    const weir_host *host = b->conn->host;
    const size_t n = b->spec->count, size = sizeof(struct mys_array) + n * (sizeof(MYSQL_BIND) + sizeof(struct cell));
    struct mys_array *a = b->array = mys_resize(host, NULL, size);
    if (!a)
        return host->fail(err, WEIR_E_MEMORY, "no memory for %zu parameters", n);
    memset(a, 0, size);
    *a = (struct mys_array){ .binds = (void *)(a + 1), .count = n, .host = host };
    a->cells = (void *)(a->binds + n);
    for (size_t i = 0; i < n; i++) {
        a->binds[i].buffer_type = MYSQL_TYPE_NULL;
        a->binds[i].length = &a->cells[i].length;
        a->binds[i].u.indicator = &a->cells[i].indicator;
        a->binds[i].buffer = &a->cells[i].time;
    }
    return WEIR_OK;
}

static int begin(struct mys_bulk *b, weir_error *err)
{
    const int st = know_statement(b, err);
    return st < 0 ? st : make_places(b, err);
}

static void end(struct mys_bulk *b)
{
    if (b->array)
        mys_resize(b->conn->host, b->array, 0);
}

/* ---- rows */

static size_t row_size(const struct mys_bulk *b, const weir_value *row)
{
    size_t size = 0;
    for (size_t i = 0; i < b->spec->count; i++) {
        const int has_bytes = row[i].type == WEIR_TEXT || row[i].type == WEIR_BLOB || row[i].type == WEIR_DECIMAL;
        size += CELL_HEAD + (has_bytes ? (size_t)row[i].length : sizeof(int64_t));
    }
    return size;
}

static int fits(const struct mys_array *a, const weir_value *row)
{
    for (size_t i = 0; i < a->count; i++) {
        const enum enum_field_types type = a->binds[i].buffer_type;
        if (row[i].type != WEIR_NULL && type != MYSQL_TYPE_NULL && type != mys_types[row[i].type])
            return 0;
    }
    return 1;
}

static int takes(struct mys_bulk *b, const weir_value *row)
{
    struct mys_array *a = b->array;
    if (!fits(a, row))
        return 0;
    for (size_t i = 0; i < a->count; i++)
        if (row[i].type != WEIR_NULL)
            a->binds[i].buffer_type = mys_types[row[i].type];
    return 1;
}

static void put(const struct mys_array *a, MYSQL_BIND *place, struct cell *cell, const weir_value *v)
{
    cell->indicator = v->type == WEIR_NULL ? STMT_INDICATOR_NULL : STMT_INDICATOR_NONE;
    if (v->type == WEIR_INT || v->type == WEIR_DOUBLE) {
        place->buffer = (void *)(uintptr_t)&v->as;
    } else if (v->type == WEIR_TIME) {
        place->buffer = &cell->time;
        mys_put_time(&cell->time, a->host, v->as.i);
    } else if (v->type != WEIR_NULL) {
        place->buffer = (void *)(uintptr_t)v->as.p;
        cell->length = (unsigned long)v->length;
    }
}

static my_bool put_row(void *data, MYSQL_BIND *places, unsigned row)
{
    const struct mys_array *a = data;
    for (size_t i = 0; i < a->count; i++)
        put(a, &places[i], &a->cells[i], &a->rows[row][i]);
    return 0;
}

/* ---- writing */

static int set_up(MYSQL_STMT *handle, struct mys_array *a, unsigned rows)
{
    return mysql_stmt_attr_set(handle, STMT_ATTR_ARRAY_SIZE, &rows) ||
           mysql_stmt_attr_set(handle, STMT_ATTR_CB_USER_DATA, a) ||
           mysql_stmt_attr_set(handle, STMT_ATTR_CB_PARAM, (void *)(uintptr_t)put_row) ||
           mysql_stmt_bind_param(handle, a->binds);
}

static int run_once(struct mys_bulk *b, unsigned rows, weir_error *err)
{
    struct mys_conn *c = b->conn;
    const int st = mys_refresh(c, c->bulk, err);
    if (st < 0)
        return st;
    MYSQL_STMT *handle = c->bulk->handle;
    return set_up(handle, b->array, rows) || mysql_stmt_execute(handle) ? mys_fail(c, handle, err) : WEIR_OK;
}

/* A statement that the server has forgotten has not begun: it is prepared and run again. */
static int run(struct mys_bulk *b, unsigned rows, weir_error *err)
{
    const int st = run_once(b, rows, err);
    if (st == WEIR_OK || !mys_is_stale((unsigned)err->native))
        return st;
    b->conn->bulk->epoch = b->conn->epoch - 1;
    return run_once(b, rows, err);
}

static int write_rows(struct mys_bulk *b, size_t from, size_t count, size_t bytes, weir_error *err)
{
    struct mys_array *a = b->array;
    (void)bytes;
    a->rows = b->rows + from;
    const int st = run(b, (unsigned)count, err);
    for (size_t i = 0; i < a->count; i++)
        a->binds[i].buffer_type = MYSQL_TYPE_NULL;
    return st;
}

const struct mys_way mys_arrays = {
    .begin = begin, .row_size = row_size, .takes = takes, .write = write_rows, .end = end
};

#endif
