/*
 * The open result.
 *
 *     run ──► FIRST ──next──► STREAM ──next, no more or failed──► PAST        a statement that only reads
 *        └──► WHOLE ──next, past the last──► PAST                            one that may write: it has ended already; or a short one
 *
 * From each, abandon closes it.
 * SPDX-License-Identifier: MIT
 */
#include "pg.h"

/*
 * How long the rest of a stream that nobody wants is read, before the server is told to stop it.  Within a transaction that would be its
 * end, so there more is borne.
 */
#define PATIENCE_NS INT64_C(10000000)
#define PATIENCE_IN_TRANSACTION_NS INT64_C(1000000000)

#define ROWS_AT_A_TIME 32

void pg_result_open(struct pg_conn *c, struct pg_stmt *s, enum pg_at at, PGresult *rows)
{
    const int whole = at == PG_WHOLE;
    c->result = (struct pg_result){
        .at = at, .stmt = s, .rows = rows, .row = whole ? -1 : 0, .count = whole ? PQntuples(rows) : 0
    };
}

void pg_result_end(struct pg_conn *c)
{
    PQclear(c->result.rows);
    if (c->result.blobs) {
        pg_forget_blobs(c);
        c->host->realloc(c->host->ctx, c->result.blobs, 0);
    }
    c->result = (struct pg_result){ .at = PG_CLOSED };
}

static int is_stream(const PGresult *r)
{
#ifdef LIBPQ_HAS_CHUNK_MODE
    if (PQresultStatus(r) == PGRES_TUPLES_CHUNK)
        return 1;
#endif
    return PQresultStatus(r) == PGRES_SINGLE_TUPLE;
}

/* Asks for the rows of the answer that is about to be read as they come: one by one, or a few at a time where libpq can. */
int pg_stream_rows(struct pg_conn *c)
{
#ifdef LIBPQ_HAS_CHUNK_MODE
    return PQsetChunkedRowsMode(c->pg, ROWS_AT_A_TIME);
#else
    return PQsetSingleRowMode(c->pg);
#endif
}

/* Rows that come when the deadline has passed are not handed out any more. */
int pg_row(struct pg_conn *c, PGresult **row, weir_error *err)
{
    PGresult *r;
    int st = pg_answer(c, &r, err);
    if (st < 0)
        return st;
    const int is_row = r && is_stream(r);
    if (is_row && !c->timed_out) {
        *row = r;
        return WEIR_ROW;
    }
    st = pg_finish(c, r, NULL, err);
    if (st < 0 || !is_row)
        return st;
    c->host->fail(err, WEIR_E_TIMEOUT, "postgres: the result was stopped at its deadline");
    memcpy(err->sqlstate, "57014", 6);
    return WEIR_E_TIMEOUT;
}

static int next_of_stream(struct pg_conn *c, int64_t deadline_ns, weir_error *err)
{
    struct pg_result *r = &c->result;
    if (++r->row < PQntuples(r->rows))
        return WEIR_ROW;
    PQclear(r->rows);
    r->rows = NULL;
    r->row = 0;
    pg_goes_on(c, deadline_ns);
    return pg_row(c, &r->rows, err);
}

static int step(struct pg_conn *c, int64_t deadline_ns, weir_error *err)
{
    struct pg_result *r = &c->result;
    switch (r->at) {
    case PG_FIRST:
        r->at = PG_STREAM;
        return WEIR_ROW;
    case PG_STREAM:
        return next_of_stream(c, deadline_ns, err);
    case PG_WHOLE:
        return ++r->row < r->count ? WEIR_ROW : WEIR_OK;
    default:
        return WEIR_OK;
    }
}

int pg_next(void *conn, weir_value *cells, int64_t deadline_ns, weir_error *err)
{
    struct pg_conn *c = conn;
    if (c->result.blobs)
        pg_forget_blobs(c);
    const int st = step(c, deadline_ns, err);
    if (st == WEIR_ROW)
        pg_read_row(c, cells);
    else
        c->result.at = PG_PAST;
    return st;
}

static void drain(struct pg_conn *c)
{
    weir_error ignored;
    const int64_t patience = c->in_transaction ? PATIENCE_IN_TRANSACTION_NS : PATIENCE_NS;
    const int64_t soon = pg_later(pg_now(c), patience);
    pg_goes_on(c, soon < c->until ? soon : c->until);
    pg_finish(c, NULL, NULL, &ignored);
}

void pg_abandon(void *conn)
{
    struct pg_conn *c = conn;
    if (c->result.at == PG_CLOSED)
        return;
    if ((c->result.at == PG_FIRST || c->result.at == PG_STREAM) && !c->dead)
        drain(c);
    pg_result_end(c);
}

size_t pg_columns(void *conn)
{
    const struct pg_conn *c = conn;
    return c->result.stmt ? c->result.stmt->columns : 0;
}

const char *pg_column_name(void *conn, size_t column)
{
    const struct pg_conn *c = conn;
    return PQfname(pg_shape_of(c->result.stmt), (int)column);
}

int pg_cell(void *conn, size_t column, weir_value *out)
{
    return pg_read(conn, column, out);
}
