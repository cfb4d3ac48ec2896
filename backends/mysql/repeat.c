/*
 * Bulk, as parameters: a batch of as many rows as the last one of its kind is run as a prepared statement of that many.
 *
 * To prepare it takes the server as long as to read the rows as text, so that this pays for what is written again and again: full batches
 * of a long job, or the few rows of an operation.
 * SPDX-License-Identifier: MIT
 */
#include "bulk.h"

#define MOST_PARAMS 16384 /* each takes some 200 bytes, for as long as its statement is kept */

static char *write_text(char *at, const struct mys_bulk *b, const struct mys_frame *f)
{
    at = (char *)memcpy(at, f->text, f->head) + f->head;
    for (size_t i = 0; i < b->count; i++) {
        *at++ = '(';
        for (size_t k = 0; k < b->spec->count; k++)
            at = stpcpy(at, "?,");
        at = stpcpy(at - 1, "),");
    }
    at = (char *)memcpy(at - 1, f->text + f->head, f->tail) + f->tail;
    *at = '\0';
    return at;
}

static int prepare(struct mys_bulk *b, struct mys_frame *f, weir_error *err)
{
    void *stmt = NULL;
    size_t params, columns;
    struct mys_conn *c = b->conn;
    char *sql = mys_resize(c->host, NULL, f->head + b->count * (2 * b->spec->count + 2) + f->tail + 1);
    if (!sql)
        return c->host->fail(err, WEIR_E_MEMORY, "no memory for the statement of a bulk job");
    write_text(sql, b, f);
    const int st = mys_prepare(c, &stmt, &params, &columns, sql, b->deadline_ns, err);
    mys_resize(c->host, sql, 0);
    f->stmt = stmt;
    f->rows = b->count;
    return st;
}

void mys_repeat_forget(struct mys_conn *c, struct mys_frame *f)
{
    if (f->stmt)
        mys_forget(c, f->stmt);
    f->stmt = NULL;
}

/* What the server does not prepare goes as text. */
int mys_repeat_know(struct mys_bulk *b, struct mys_frame *f, weir_error *err)
{
    struct mys_conn *c = b->conn;
    const int again = f->last == b->count;
    f->last = b->count;
    if (f->stmt && f->rows == b->count && f->stmt->epoch == c->epoch)
        return WEIR_OK;
    if (!again || f->refused || b->count * b->spec->count > MOST_PARAMS)
        return WEIR_OK;
    mys_repeat_forget(c, f);
    const int st = prepare(b, f, err);
    f->refused = st < 0 && mys_may_do_otherwise(st, err);
    return f->refused ? WEIR_OK : st;
}

static int execute(struct mys_bulk *b, struct mys_stmt *s, weir_error *err)
{
    struct mys_conn *c = b->conn;
    int st = mys_refresh(c, s, err);
    if (st == WEIR_OK)
        st = mys_bind_rows(c, s, b->rows, b->count, b->spec->count, err);
    if (st < 0)
        return st;
    return mysql_stmt_execute(s->handle) ? mys_refused(c, s, err) : WEIR_OK;
}

int mys_repeat_run(struct mys_bulk *b, struct mys_stmt *s, weir_error *err)
{
    const int st = execute(b, s, err);
    return st < 0 && mys_outdate(b->conn, s, err) ? execute(b, s, err) : st;
}
