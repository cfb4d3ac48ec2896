/*
 * The open result.
 *
 *     run ──► STREAM ──next, no more or failed──► END     a statement that only reads
 *        ├──► STORED ──next, past the last──────► END     one that may write: it has ended already
 *        └──► PLAIN  ──next, past the last──────► END     a text that was sent as it is
 *                 next_set, there is another: STORED or PLAIN again
 *
 * From each, abandon closes it.  A few rows that are still on their way are read then.  If there are many, they are left to whoever uses
 * the session next; until then it is dirty, so that a pool has somebody else do it.
 * SPDX-License-Identifier: MIT
 */
#include "mys.h"

#define ROWS_BETWEEN_LOOKS 32          /* at the clock */
#define ROWS_TO_READ 64                /* of an abandoned stream, at once */
#define TIME_TO_READ INT64_C(10000000) /* for them: then the statement is stopped */

/* ---- rows ---- */

/* The deadline came between two rows.  What comes until the server has stopped is dropped. */
static int end_late(struct mys_conn *c, struct mys_stmt *s, int stopped, weir_error *err)
{
    int rc = 1;
    while (stopped > 0 && ((rc = mysql_stmt_fetch(s->handle)) == 0 || rc == MYSQL_DATA_TRUNCATED))
        ;
    if (stopped > 0 && rc != MYSQL_NO_DATA)
        return mys_fail(c, s->handle, err);
    c->host->fail(err, WEIR_E_TIMEOUT, "mysql: the statement was stopped at its deadline");
    if (stopped < 0) {
        mys_cut_off(c);
        err->flags = WEIR_CONNECTION_DEAD;
    }
    return WEIR_E_TIMEOUT;
}

static inline int fetch(struct mys_conn *c, struct mys_stmt *s, weir_error *err)
{
    if (++c->fetched % ROWS_BETWEEN_LOOKS == 0 && s->traits & MYS_READS) {
        const int stopped = mys_overdue(c);
        if (stopped != 0)
            return end_late(c, s, stopped, err);
    }
    const int rc = mysql_stmt_fetch(s->handle);
    if (rc == 0 || rc == MYSQL_DATA_TRUNCATED)
        return WEIR_ROW;
    return rc == MYSQL_NO_DATA ? WEIR_OK : mys_fail(c, s->handle, err);
}

int mys_fetch(struct mys_conn *c, struct mys_stmt *s, weir_error *err)
{
    return fetch(c, s, err);
}

static inline int next_prepared(struct mys_conn *c, struct mys_stmt *s, weir_error *err)
{
    struct mys_result *r = &c->result;
    const int st = fetch(c, s, err);
    if (st == WEIR_ROW)
        return st;
    if (st == WEIR_OK && r->at == MYS_STREAM)
        mys_note(c);
    r->at = MYS_END;
    return st;
}

static int next_plain(struct mys_result *r, weir_value *cells)
{
    r->cells = mysql_fetch_row(r->res);
    if (!r->cells) {
        r->at = MYS_END;
        return WEIR_OK;
    }
    mys_plain_row(r, cells);
    return WEIR_ROW;
}

/* Of a prepared one.  The cells are where they were fetched to. */
static inline int step(struct mys_conn *c, struct mys_stmt *s, int64_t deadline_ns, weir_error *err)
{
    mys_goes_on(c, deadline_ns);
    return mys_ends(c, next_prepared(c, s, err));
}

int mys_next(void *conn, weir_value *cells, int64_t deadline_ns, weir_error *err)
{
    struct mys_conn *c = conn;
    if (c->result.at == MYS_END)
        return WEIR_OK;
    if (c->result.at == MYS_PLAIN)
        return next_plain(&c->result, cells);
    struct mys_stmt *s = c->result.stmt;
    s->cells = cells;
    const int st = step(c, s, deadline_ns, err);
    s->cells = s->unwanted;
    if (st == WEIR_ROW && s->bound_columns)
        mys_bound_cells(s, cells);
    return st;
}

/* ---- opening ---- */

static inline int open_set(struct mys_conn *c, struct mys_stmt *s, int64_t *rows, weir_error *err)
{
    struct mys_result *r = &c->result;
    const int streams = (s->traits & MYS_READS) != 0;
    int st = mys_columns_fit(s) ? WEIR_OK : mys_columns_bind(c, s, err);
    if (st == WEIR_OK && !streams && mysql_stmt_store_result(s->handle) != 0)
        st = mys_fail(c, s->handle, err);
    if (st < 0)
        return st;
    *rows = streams ? 0 : (int64_t)mysql_stmt_num_rows(s->handle);
    r->at = streams ? MYS_STREAM : MYS_STORED;
    r->fields = s->handle->fields;
    r->columns = s->handle->field_count;
    return WEIR_OK;
}

int mys_result_open(struct mys_conn *c, struct mys_stmt *s, int64_t *rows, weir_error *err)
{
    c->result = (struct mys_result){ .at = MYS_END, .stmt = s };
    if (s->handle->field_count == 0)
        return WEIR_OK;
    const int st = open_set(c, s, rows, err);
    if (st == WEIR_OK)
        return st;
    mysql_stmt_free_result(s->handle);
    c->result = (struct mys_result){ .at = MYS_CLOSED };
    return st;
}

int mys_result_open_plain(struct mys_conn *c, struct mys_stmt *s, weir_error *err)
{
    struct mys_result *r = &c->result;
    *r = (struct mys_result){ .at = MYS_END, .stmt = s, .plain = 1, .res = mysql_store_result(c->mysql) };
    if (r->res) {
        r->at = MYS_PLAIN;
        r->fields = mysql_fetch_fields(r->res);
        r->columns = mysql_num_fields(r->res);
        return WEIR_OK;
    }
    if (mysql_field_count(c->mysql) == 0)
        return WEIR_OK;
    r->at = MYS_CLOSED;
    return mys_fail(c, NULL, err);
}

/* ---- several sets ---- */

static void drop_plain(struct mys_result *r)
{
    if (r->res)
        mysql_free_result(r->res);
    r->res = NULL;
}

/* What a procedure returns in the end has no columns and is no set. */
static int next_set(struct mys_conn *c, weir_error *err)
{
    struct mys_result *r = &c->result;
    struct mys_stmt *s = r->stmt;
    int64_t rows;
    drop_plain(r);
    r->at = MYS_END;
    r->columns = 0;
    const int more = r->plain ? mysql_next_result(c->mysql) : mysql_stmt_next_result(s->handle);
    if (more != 0)
        return more < 0 ? WEIR_OK : mys_fail(c, r->plain ? NULL : s->handle, err);
    mys_note(c);
    s->columns_bound = 0;
    if (!r->plain && mysql_stmt_field_count(s->handle) == 0)
        return next_set(c, err);
    const int st = r->plain ? mys_result_open_plain(c, s, err) : open_set(c, s, &rows, err);
    return st < 0 ? st : r->at == MYS_END ? WEIR_OK : WEIR_ROW;
}

int mys_next_set(void *conn, int64_t deadline_ns, weir_error *err)
{
    struct mys_conn *c = conn;
    if (c->result.at == MYS_STREAM) { /* what reads has one set */
        int st;
        while ((st = step(c, c->result.stmt, deadline_ns, err)) == WEIR_ROW)
            ;
        return st;
    }
    mys_goes_on(c, deadline_ns);
    return mys_ends(c, next_set(c, err));
}

/* ---- closing ---- */

static void leave_stream(struct mys_conn *c)
{
    weir_error err;
    int st = WEIR_ROW;
    mys_goes_on(c, mys_now(c->host) + TIME_TO_READ);
    for (int i = 0; i < ROWS_TO_READ && st == WEIR_ROW; i++)
        st = next_prepared(c, c->result.stmt, &err);
    mys_ends(c, st);
    if (st == WEIR_ROW)
        c->unread = c->result.stmt;
    else if (st < 0)
        mys_keep_undone(c, &err);
}

static void leave_sets(struct mys_conn *c)
{
    weir_error err;
    int st = WEIR_OK;
    while (st >= 0 && c->result.stmt && !c->dead && mys_has_more(c))
        st = mys_next_set(c, c->wait.until, &err);
    if (st < 0)
        mys_keep_undone(c, &err);
}

void mys_abandon(void *conn)
{
    struct mys_conn *c = conn;
    struct mys_result *r = &c->result;
    if (r->at == MYS_CLOSED)
        return;
    if (r->at == MYS_STREAM)
        leave_stream(c);
    if (mys_has_more(c))
        leave_sets(c);
    drop_plain(r);
    if (r->stmt->has_large)
        mys_columns_shrink(c, r->stmt);
    *r = (struct mys_result){ .at = MYS_CLOSED };
    if (c->guarded) {
        mys_begins(c, mys_grace_end(&c->road), MYS_GIVE_UP);
        mys_look_behind(c);
        mys_ends(c, WEIR_OK);
    }
    if (c->forgotten)
        mys_bury(c);
}

/* ---- columns ---- */

size_t mys_columns(void *conn)
{
    return ((const struct mys_conn *)conn)->result.columns;
}

const char *mys_name(void *conn, size_t column)
{
    return ((const struct mys_conn *)conn)->result.fields[column].name;
}
