/*
 * The SQL wing: statements are parsed when prepared, run as verbs.c says, and read a row at a time.
 * A connection has one result at most; from the beginning of `run` to its end, or the end of its result, a cancel reaches it.
 * SPDX-License-Identifier: MIT
 */
#include <assert.h>
#include <string.h>
#include "local.h"

static void link_stmt(struct null_conn *c, struct null_stmt *stmt)
{
    stmt->next = c->stmts;
    if (stmt->next)
        stmt->next->link = &stmt->next;
    stmt->link = &c->stmts;
    c->stmts = stmt;
    null_count(c->server, NULL_PREPARED, 1);
}

static void free_stmt(struct null_conn *c, struct null_stmt *stmt)
{
    *stmt->link = stmt->next;
    if (stmt->next)
        stmt->next->link = stmt->link;
    c->host->realloc(c->host->ctx, stmt, 0);
    null_count(c->server, NULL_PREPARED, -1);
}

/* The core forgets every statement before `close`, but none before `abandon`. */
void null_stmts_end(struct null_conn *c)
{
    while (c->stmts)
        free_stmt(c, c->stmts);
}

static int prepare(struct null_conn *c, struct null_stmt **out, const char *sql, int64_t deadline_ns, weir_error *err)
{
    int status = null_answer(c, NULL_PREPARES, 0, deadline_ns, err);
    if (status < 0)
        return status;
    struct null_stmt *stmt = c->host->realloc(c->host->ctx, NULL, sizeof *stmt);
    if (!stmt)
        return c->host->fail(err, WEIR_E_MEMORY, "no memory for a statement");
    memset(stmt, 0, sizeof *stmt);
    if (null_parse(stmt, sql) < 0) {
        c->host->realloc(c->host->ctx, stmt, 0);
        return null_says(c, err, WEIR_E_STATEMENT, sql);
    }
    link_stmt(c, stmt);
    *out = stmt;
    return WEIR_OK;
}

static int null_prepare(void *conn, void **stmt, size_t *params, size_t *columns, const char *sql, int64_t deadline_ns,
                        weir_error *err)
{
    struct null_conn *c = null_begin_hook(conn, NULL_PREPARES);
    struct null_stmt *made = NULL;
    int status = prepare(c, &made, sql, deadline_ns, err);
    if (status == WEIR_OK) {
        *stmt = made;
        *params = made->params;
        *columns = made->columns;
    }
    return null_end_hook(c, status);
}

/* Also of a connection that is dead: nothing is sent. */
static void null_forget(void *conn, void *stmt)
{
    struct null_conn *c = null_enter(conn);
    pthread_mutex_lock(&c->server->lock);
    free_stmt(c, stmt);
    null_end_hook(c, WEIR_OK);
}

void null_result_end(struct null_conn *c)
{
    if (c->result.kept)
        c->host->realloc(c->host->ctx, c->result.kept, 0);
    c->result.kept = NULL;
    c->result.verb = NULL;
    c->running = c->cancelled = 0;
}

static int next_row(struct null_conn *c, int64_t deadline_ns, weir_error *err)
{
    struct null_result *r = &c->result;
    int status = null_answer(c, NULL_NEXTS, 0, deadline_ns, err);
    if (status < 0)
        return status;
    if (r->row < r->rows) {
        r->row++;
        return WEIR_ROW;
    }
    return r->fails_at_end ? null_says(c, err, WEIR_E_SERVER, "after some rows") : WEIR_OK;
}

static int next_set(struct null_conn *c, int64_t deadline_ns, weir_error *err)
{
    struct null_result *r = &c->result;
    int status = null_answer(c, NULL_NEXTS, 0, deadline_ns, err);
    if (status < 0 || r->set == r->sets)
        return status;
    r->set++;
    r->row = 0;
    return WEIR_ROW;
}

/* Reads all and drops it, to find a failure that comes late. */
static int drain(struct null_conn *c, int64_t deadline_ns, weir_error *err)
{
    int status;
    do {
        while ((status = next_row(c, deadline_ns, err)) == WEIR_ROW)
            ;
        if (status == WEIR_OK)
            status = next_set(c, deadline_ns, err);
    } while (status == WEIR_ROW);
    return status;
}

static int start(struct null_conn *c, struct null_call *call)
{
    const struct null_stmt *stmt = call->stmt;
    call->number = stmt->number;
    if (stmt->number_is_param) {
        if (call->args.v[0].type != WEIR_INT)
            return null_says(c, call->err, WEIR_E_DATA, "a number is due");
        call->number = call->args.v[0].as.i;
    }
    int64_t ns = null_sum(null_query_ns(c), stmt->sleep_ns);
    int status = null_answer(c, NULL_RUNS, ns, call->deadline_ns, call->err);
    return status < 0 ? status : stmt->verb->run(c, call);
}

static int null_run(void *conn, void *stmt, weir_args args, int want_rows, int64_t deadline_ns, weir_error *err)
{
    struct null_conn *c = null_begin_hook(conn, NULL_RUNS);
    struct null_call call = { .stmt = stmt, .args = args, .deadline_ns = deadline_ns, .err = err };
    c->affected = c->last_id = 0;
    c->running = 1;
    int status = start(c, &call);
    int is_open = status == WEIR_OK && c->result.verb;
    if (is_open && !want_rows)
        status = drain(c, deadline_ns, err);
    if (!is_open || !want_rows)
        null_result_end(c);
    return null_end_hook(c, status);
}

/* The core asks for no column past the last, and for none of no result. */
static const struct null_column *column_of(const struct null_result *r, size_t column)
{
    assert(r->verb && column < r->columns);
    return &r->verb->columns[r->verb->column_count ? column : 0];
}

/* Hands over the row.  What has to be written first is left for null_cell, or else written now. */
static int next(void *conn, weir_value *cells, int leaves, int64_t deadline_ns, weir_error *err)
{
    struct null_conn *c = null_begin_hook(conn, NULL_NEXTS);
    int status = next_row(c, deadline_ns, err);
    for (size_t i = 0; status == WEIR_ROW && i < c->result.columns; i++) {
        const struct null_column *column = column_of(&c->result, i);
        if (leaves && column->is_costly)
            cells[i].type = WEIR_LATER;
        else
            cells[i] = column->cell(&c->result, i);
    }
    return null_end_hook(c, status);
}

static int null_next(void *conn, weir_value *cells, int64_t deadline_ns, weir_error *err)
{
    return next(conn, cells, 1, deadline_ns, err);
}

static int null_bare_next(void *conn, weir_value *cells, int64_t deadline_ns, weir_error *err)
{
    return next(conn, cells, 0, deadline_ns, err);
}

static int null_next_set(void *conn, int64_t deadline_ns, weir_error *err)
{
    struct null_conn *c = null_begin_hook(conn, NULL_NEXTS);
    return null_end_hook(c, next_set(c, deadline_ns, err));
}

static void null_result_abandon(void *conn)
{
    struct null_conn *c = null_enter(conn);
    pthread_mutex_lock(&c->server->lock);
    null_result_end(c);
    null_end_hook(c, WEIR_OK);
}

/* What follows only looks, and only at what belongs to this connection's hooks. */

static size_t null_columns(void *conn)
{
    struct null_conn *c = null_enter(conn);
    size_t columns = c->result.verb ? c->result.columns : 0;
    null_leave(c);
    return columns;
}

static const char *null_name(void *conn, size_t column)
{
    struct null_conn *c = null_enter(conn);
    const char *name = column_of(&c->result, column)->name;
    null_leave(c);
    return name;
}

static int null_cell(void *conn, size_t column, weir_value *out)
{
    struct null_conn *c = null_enter(conn);
    assert(c->result.row > 0 && column_of(&c->result, column)->is_costly);
    *out = column_of(&c->result, column)->cell(&c->result, column);
    null_leave(c);
    return WEIR_OK;
}

static int64_t null_affected(void *conn)
{
    struct null_conn *c = null_enter(conn);
    int64_t affected = c->affected;
    null_leave(c);
    return affected;
}

static int64_t null_last_id(void *conn)
{
    struct null_conn *c = null_enter(conn);
    int64_t id = c->last_id;
    null_leave(c);
    return id;
}

#define MANDATORY                                                                                          \
    .size = sizeof(weir_sql_wing), .prepare = null_prepare, .forget = null_forget, .run = null_run,        \
    .abandon = null_result_abandon, .columns = null_columns, .name = null_name, .affected = null_affected, \
    .last_id = null_last_id, .begin = null_begin, .commit = null_commit, .rollback = null_rollback

const weir_sql_wing null_sql_wing = { MANDATORY,
                                      .next = null_next,
                                      .cell = null_cell,
                                      .next_set = null_next_set,
                                      .in_transaction = null_in_transaction,
                                      .begin_traced = null_begin_traced,
                                      .settle = null_settle };
const weir_sql_wing null_bare_sql_wing = { MANDATORY, .next = null_bare_next };
