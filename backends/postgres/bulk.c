/*
 * Bulk: the rows of a batch, in one statement.
 *
 * They go as arrays, one a column, that the server unnests: one round trip, and any kind of table and of conflict.  Many new rows of a
 * plain table are copied instead, which takes three, and less of the server's time for each row.
 * SPDX-License-Identifier: MIT
 */
#include "pg.h"

#define COPY_PAYS 500 /* from that many rows on */
#define ARRAY_HEAD 20

/* ---- what is wrong with a cell before anything is sent ---- */

static int check_row(struct pg_conn *c, const weir_bulk_spec *spec, const weir_value *row, weir_error *err)
{
    for (size_t i = 0; i < spec->count; i++) {
        const char *misfit = pg_misfit(&row[i]);
        if (misfit)
            return c->host->fail(err, WEIR_E_DATA, "column %s: the cell is %s", spec->columns[i].name, misfit);
    }
    return WEIR_OK;
}

static int check_rows(struct pg_conn *c, const weir_bulk_spec *spec, const weir_value *const *rows, size_t count,
                      size_t *bad, weir_error *err)
{
    int st = WEIR_OK;
    for (size_t i = 0; i < count && st == WEIR_OK; i++) {
        st = check_row(c, spec, rows[i], err);
        if (st < 0)
            *bad = i;
    }
    return st;
}

/* ---- arrays ---- */

static size_t arrays_bound(const weir_bulk_spec *spec, const weir_value *const *rows, size_t count)
{
    size_t n = spec->count * ARRAY_HEAD;
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < spec->count; k++)
            n += pg_cell_bound(&rows[i][k]);
    return n;
}

/* One dimension, NULLs may be in it, the elements' type, how many, counted from 1. */
static char *put_head(char *at, Oid type, size_t count)
{
    const uint64_t head[ARRAY_HEAD / 4] = { 1, 1, type, count, 1 };
    for (size_t i = 0; i < ARRAY_HEAD / 4; i++)
        pg_put_number(at + 4 * i, head[i], 4);
    return at + ARRAY_HEAD;
}

static int put_arrays(struct pg_conn *c, const struct pg_plan *p, const weir_bulk_spec *spec,
                      const weir_value *const *rows, size_t count, weir_error *err)
{
    const int st = pg_args_room(c, spec->count, arrays_bound(spec, rows, count), err);
    if (st < 0)
        return st;
    char *at = c->args.scratch;
    for (size_t i = 0; i < spec->count; i++) {
        const char *begin = at;
        at = put_head(at, p->sent[i], count);
        for (size_t k = 0; k < count; k++)
            at = pg_put_cell(c, at, p->sent[i], &rows[k][i]);
        c->args.values[i] = begin;
        c->args.lengths[i] = (int)(at - begin);
        c->args.formats[i] = 1;
    }
    return WEIR_OK;
}

/* ---- a batch ---- */

/* A plan that was kept may be of a table that is another by now: the transaction may be run again, which will look. */
static void doubt(struct pg_conn *c, struct pg_plan *p, weir_error *err)
{
    p->doubt = 1;
    if (c->stale && p->stmt)
        pg_unmake(c, p->stmt);
    if (p->fresh || strncmp(err->sqlstate, "42", 2) != 0)
        return;
    err->flags |= WEIR_RETRY_TRANSACTION;
    c->failed_flags |= WEIR_RETRY_TRANSACTION;
}

static int unnest(struct pg_conn *c, struct pg_plan *p, const weir_bulk_spec *spec, const weir_value *const *rows,
                  size_t count, size_t *bad, weir_error *err)
{
    int st = pg_plan_ready(c, p, spec, rows, count, bad, err);
    if (st == WEIR_OK)
        st = put_arrays(c, p, spec, rows, count, err);
    if (st == WEIR_OK)
        st = pg_send(c, p->stmt, err);
    if (st == WEIR_OK)
        st = pg_finish(c, NULL, NULL, err);
    if (st < 0)
        doubt(c, p, err);
    return st;
}

static int write_rows(struct pg_conn *c, uint64_t job, const weir_bulk_spec *spec, const weir_value *const *rows,
                      size_t count, size_t *bad, weir_error *err)
{
    struct pg_plan *p;
    int st = WEIR_ROW; /* to be unnested */
    if (spec->insert_only && count >= COPY_PAYS)
        st = pg_copy(c, spec, rows, count, bad, err);
    if (st != WEIR_ROW)
        return st;
    st = pg_plan_find(c, &p, job, spec, err);
    return st < 0 ? st : unnest(c, p, spec, rows, count, bad, err);
}

int pg_bulk_write(void *conn, uint64_t job, const weir_bulk_spec *spec, const weir_value *const *rows, size_t count,
                  size_t *bad, int64_t deadline_ns, weir_error *err)
{
    struct pg_conn *c = conn;
    *bad = count;
    int st = pg_begins(c, deadline_ns, err);
    if (st == WEIR_OK)
        st = check_rows(c, spec, rows, count, bad, err);
    return st < 0 ? st : write_rows(c, job, spec, rows, count, bad, err);
}
