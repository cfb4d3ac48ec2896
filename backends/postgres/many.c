/*
 * Running a statement for many rows of parameters: sent by the hundred, as a pipeline.
 *
 * In a transaction that is open, or that the first pipeline begins, so that where one ends means nothing.  The server skips what is behind
 * a failure to the end of its pipeline, and nothing more is sent.
 * SPDX-License-Identifier: MIT
 */
#include "pg.h"

#define MOST_ROWS 500
#define MOST_BYTES 262144

static size_t size_of(weir_args args)
{
    size_t n = 0;
    for (size_t i = 0; i < args.n; i++)
        n += pg_cell_bound(&args.v[i]);
    return n;
}

/* The first row fits; those behind it that do, too, and that go with it. */
static size_t count_fitting(const struct pg_stmt *s, const weir_args *rows, size_t count)
{
    size_t n = 1, bytes = size_of(rows[0]);
    while (n < count && n < MOST_ROWS && bytes < MOST_BYTES && pg_fits(s, rows[n]))
        bytes += size_of(rows[n++]);
    return n;
}

/* Stops before a row that cannot be sent. */
static int queue_rows(struct pg_conn *c, struct pg_stmt *s, const weir_args *rows, size_t count, weir_error *err)
{
    int st = pg_lead(c, err);
    if (st == WEIR_OK && !c->led)
        st = pg_pipeline(c, err);
    for (size_t i = 0; i < count && st == WEIR_OK; i++) {
        st = pg_encode(c, s, rows[i], err);
        if (st == WEIR_OK && !pg_queue(c, s))
            st = pg_fail(c, NULL, err);
    }
    pg_args_trim(c);
    return st;
}

/* *last is the answer to the last row that ran. */
static int hear_rows(struct pg_conn *c, const struct pg_stmt *s, size_t *done, int64_t *affected, PGresult **last,
                     weir_error *err)
{
    PGresult *r = NULL;
    int st = pg_answer(c, &r, err);
    for (; st == WEIR_OK && r; st = pg_answer(c, &r, err)) {
        const ExecStatusType status = PQresultStatus(r);
        if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
            return pg_finish(c, r, NULL, err);
        *affected += pg_count(s, r);
        ++*done;
        PQclear(*last);
        *last = r;
    }
    return st == WEIR_OK && PQstatus(c->pg) != CONNECTION_OK ? pg_fail(c, NULL, err) : st;
}

/* A row that could not be sent has failed when those before it have run. */
static int run_stretch(struct pg_conn *c, struct pg_stmt *s, const weir_args *rows, size_t count, size_t *done,
                       int64_t *affected, weir_error *err)
{
    PGresult *last = NULL;
    weir_error ended;
    const int queued = queue_rows(c, s, rows, count, err);
    if (queued < 0 && c->dead)
        return queued;
    int st = pg_sync(c, &ended);
    if (st == WEIR_OK)
        st = pg_pass(c, &ended);
    if (st == WEIR_OK)
        st = hear_rows(c, s, done, affected, &last, &ended);
    if (st == WEIR_OK && last)
        st = pg_keep_counts(c, s, last, &ended);
    PQclear(last);
    if (st < 0)
        *err = ended;
    return st < 0 ? st : queued;
}

int pg_run_many(void *conn, void *stmt, const weir_args *rows, size_t count, size_t *done, int64_t *affected,
                int64_t deadline_ns, weir_error *err)
{
    struct pg_conn *c = conn;
    struct pg_stmt *s = stmt;
    *done = 0;
    *affected = c->last_id = 0;
    int st = pg_begins(c, deadline_ns, err);
    if (st == WEIR_OK)
        st = pg_fit(c, s, *rows, err);
    const size_t fitting = st == WEIR_OK ? count_fitting(s, rows, count) : 0;
    if (st == WEIR_OK)
        st = run_stretch(c, s, rows, fitting, done, affected, err);
    if (st < 0 && c->again)
        st = run_stretch(c, s, rows, fitting, done, affected, err);
    if (st < 0)
        pg_outdate(c, s, err);
    else if (s->flags & PG_FORGETS)
        c->generation++;
    return st;
}
