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
#define ROW_HEAD 2 /* of COPY */

/* ---- what is there ---- */

static int measure_row(struct pg_conn *c, struct pg_rows *rows, const weir_value *row, weir_error *err)
{
    size_t bound = ROW_HEAD;
    for (size_t i = 0; i < rows->spec->count; i++) {
        const weir_value *v = &row[i];
        const char *misfit = v->type <= WEIR_DOUBLE ? NULL : pg_misfit(v);
        if (misfit)
            return c->host->fail(err, WEIR_E_DATA, "column %s: the cell is %s", rows->spec->columns[i].name, misfit);
        bound += pg_cell_bound(v);
        rows->kinds[i] |= 1u << v->type;
    }
    rows->bound += bound;
    rows->longest = bound > rows->longest ? bound : rows->longest;
    return WEIR_OK;
}

/* And what is wrong with a cell before anything is sent. */
static int measure(struct pg_conn *c, struct pg_rows *rows, size_t *bad, weir_error *err)
{
    const size_t size = rows->spec->count * sizeof *rows->kinds;
    rows->kinds = c->host->realloc(c->host->ctx, NULL, size);
    if (!rows->kinds)
        return c->host->fail(err, WEIR_E_MEMORY, "no memory for a bulk job");
    memset(rows->kinds, 0, size);
    for (size_t i = 0; i < rows->count; i++) {
        const int st = measure_row(c, rows, rows->cells[i], err);
        if (st < 0) {
            *bad = i;
            return st;
        }
    }
    return WEIR_OK;
}

/* ---- arrays ---- */

/* One dimension, NULLs may be in it, the elements' type, how many, counted from 1. */
static char *put_head(char *at, Oid type, size_t count)
{
    const uint64_t head[ARRAY_HEAD / 4] = { 1, 1, type, count, 1 };
    for (size_t i = 0; i < ARRAY_HEAD / 4; i++)
        pg_put_number(at + 4 * i, head[i], 4);
    return at + ARRAY_HEAD;
}

static int put_arrays(struct pg_conn *c, const struct pg_plan *p, const struct pg_rows *rows, weir_error *err)
{
    const size_t columns = rows->spec->count;
    const int st = pg_args_room(c, columns, rows->bound + columns * ARRAY_HEAD, err);
    if (st < 0)
        return st;
    char *at = c->args.scratch;
    for (size_t i = 0; i < columns; i++) {
        const char *begin = at;
        at = put_head(at, p->sent[i], rows->count);
        for (size_t k = 0; k < rows->count; k++)
            at = pg_put_cell(c, at, p->sent[i], &rows->cells[k][i]);
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
    if (c->stale && c->about_table)
        pg_unmake(c, c->about_table);
    if (p->fresh || strncmp(err->sqlstate, "42", 2) != 0)
        return;
    err->flags |= WEIR_RETRY_TRANSACTION;
    c->failed_flags |= WEIR_RETRY_TRANSACTION;
}

static int write_arrays(struct pg_conn *c, struct pg_plan *p, const struct pg_rows *rows, weir_error *err)
{
    int st = put_arrays(c, p, rows, err);
    if (st == WEIR_OK)
        st = pg_send(c, p->stmt, err);
    if (st == WEIR_OK)
        st = pg_pass(c, err);
    return st < 0 ? st : pg_finish(c, NULL, NULL, err);
}

static int unnest(struct pg_conn *c, struct pg_plan *p, const struct pg_rows *rows, size_t *bad, weir_error *err)
{
    int st = pg_plan_ready(c, p, rows, bad, err);
    if (st == WEIR_OK)
        st = write_arrays(c, p, rows, err);
    if (st < 0 && c->again)
        st = write_arrays(c, p, rows, err);
    if (st < 0)
        doubt(c, p, err);
    return st;
}

static int write_rows(struct pg_conn *c, uint64_t kind, const struct pg_rows *rows, size_t *bad, weir_error *err)
{
    struct pg_plan *p;
    int st = WEIR_ROW; /* to be unnested */
    if (rows->spec->insert_only && rows->count >= COPY_PAYS)
        st = pg_copy(c, rows, bad, err);
    if (st != WEIR_ROW)
        return st;
    st = pg_plan_find(c, &p, kind, rows->spec, err);
    return st < 0 ? st : unnest(c, p, rows, bad, err);
}

int pg_bulk_write(void *conn, uint64_t kind, const weir_bulk_spec *spec, const weir_value *const *rows, size_t count,
                  size_t *bad, int64_t deadline_ns, weir_error *err)
{
    struct pg_conn *c = conn;
    struct pg_rows all = { .spec = spec, .cells = rows, .count = count };
    *bad = count;
    int st = pg_begins(c, deadline_ns, err);
    if (st == WEIR_OK)
        st = measure(c, &all, bad, err);
    if (st == WEIR_OK)
        st = write_rows(c, kind, &all, bad, err);
    c->host->realloc(c->host->ctx, all.kinds, 0);
    return st;
}
