/*
 * Bulk: the rows of a batch, in one statement.
 *
 * They go as arrays, one a column, that the server unnests: one round trip, and any kind of table and of conflict.  Many new rows of a
 * plain table are copied instead, which takes three, and less of the server's time for each row.  Several small batches go together, in
 * one pipeline.
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
static void doubt(struct pg_conn *c, struct pg_plan *p, int fresh, weir_error *err)
{
    p->doubt = 1;
    if (c->stale && p->stmt)
        pg_unmake(c, p->stmt);
    if (c->stale && c->about_table)
        pg_unmake(c, c->about_table);
    if (fresh || strncmp(err->sqlstate, "42", 2) != 0)
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
        doubt(c, p, p->fresh, err);
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

/* ---- several batches */

struct part {
    struct pg_rows rows;
    struct pg_plan *plan;
    int fresh;        /* it was made, or looked at, for this */
    unsigned changes; /* of the plan, when it was ready for this: another that shares it may want it otherwise */
};

static int make_ready(struct pg_conn *c, struct part *part, const weir_bulk_job *job, weir_error *err)
{
    size_t bad;
    part->rows = (struct pg_rows){ .spec = job->spec, .cells = job->rows, .count = job->count };
    int st = measure(c, &part->rows, &bad, err);
    if (st == WEIR_OK)
        st = pg_plan_find(c, &part->plan, job->kind, job->spec, err);
    if (st < 0)
        return st;
    st = pg_plan_ready(c, part->plan, &part->rows, &bad, err);
    part->fresh = part->plan->fresh;
    part->changes = part->plan->changes;
    if (st < 0)
        doubt(c, part->plan, part->fresh, err);
    return st;
}

static int queue_parts(struct pg_conn *c, const struct part *parts, size_t count, weir_error *err)
{
    int st = pg_lead(c, err);
    if (st == WEIR_OK && !c->led)
        st = pg_pipeline(c, err);
    for (size_t i = 0; i < count && st == WEIR_OK; i++) {
        st = put_arrays(c, parts[i].plan, &parts[i].rows, err);
        if (st == WEIR_OK && !pg_queue(c, parts[i].plan->stmt))
            st = pg_fail(c, NULL, err);
    }
    pg_args_trim(c);
    return st;
}

/* One part's; the last answer of all ends the pipeline. */
static int hear_part(struct pg_conn *c, const struct part *part, int is_last, weir_error *err)
{
    PGresult *r;
    c->running = part->plan->stmt;
    const int st = is_last ? pg_finish(c, NULL, NULL, err) : pg_hear(c, &r, err);
    if (st < 0)
        doubt(c, part->plan, part->fresh, err);
    else if (!is_last)
        PQclear(r);
    return st;
}

static int hear_parts(struct pg_conn *c, const struct part *parts, size_t count, int commits, weir_error *err)
{
    int st = WEIR_OK;
    for (size_t i = 0; i < count && st == WEIR_OK; i++)
        st = hear_part(c, &parts[i], !commits && i + 1 == count, err);
    return st == WEIR_OK && commits ? pg_hear_commit(c, err) : st;
}

/* What was queued before something could not be is sent, and read: the transaction is undone in any case. */
static int end_queue(struct pg_conn *c)
{
    weir_error ignored;
    PGresult *r = NULL;
    int st = pg_sync(c, &ignored);
    if (st == WEIR_OK)
        st = pg_pass(c, &ignored);
    if (st == WEIR_OK)
        st = pg_answer(c, &r, &ignored);
    for (; st == WEIR_OK && r; st = pg_answer(c, &r, &ignored))
        PQclear(r);
    return st;
}

static int write_parts(struct pg_conn *c, const struct part *parts, size_t count, int to_commit, int *commits,
                       weir_error *err)
{
    *commits = 0;
    int st = to_commit ? pg_begin_first(c, err) : WEIR_OK;
    if (st < 0)
        return st;
    st = queue_parts(c, parts, count, err);
    if (st == WEIR_OK && to_commit) {
        *commits = 1;
        st = pg_queue_commit(c, err);
    }
    if (st < 0) {
        if (!c->dead)
            end_queue(c);
        return st;
    }
    st = pg_sync(c, err);
    if (st == WEIR_OK)
        st = pg_pass(c, err);
    return st < 0 ? st : hear_parts(c, parts, count, to_commit, err);
}

static int are_ready(const struct part *parts, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (parts[i].changes != parts[i].plan->changes)
            return 0;
    return 1;
}

static int write_in_turn(struct pg_conn *c, const struct part *parts, size_t count, int to_commit, int *commits,
                         int64_t deadline_ns, weir_error *err)
{
    size_t bad;
    int st = WEIR_OK;
    for (size_t i = 0; i < count && st == WEIR_OK; i++)
        st = unnest(c, parts[i].plan, &parts[i].rows, &bad, err);
    if (st < 0 || !to_commit)
        return st;
    *commits = 1;
    return pg_commit(c, deadline_ns, err);
}

static int write_together(struct pg_conn *c, const struct part *parts, size_t count, int to_commit, int *commits,
                          weir_error *err)
{
    int st = write_parts(c, parts, count, to_commit, commits, err);
    if (st < 0 && c->again) {
        pg_unmake_commit(c, err);
        st = write_parts(c, parts, count, to_commit, commits, err);
    }
    if (st < 0)
        pg_unmake_commit(c, err);
    return st;
}

int pg_bulk_write_all(void *conn, const weir_bulk_job *jobs, size_t count, int *commits, int64_t deadline_ns,
                      weir_error *err)
{
    const int to_commit = *commits;
    struct pg_conn *c = conn;
    struct part parts[WEIR_BULK_JOBS];
    memset(parts, 0, sizeof parts);
    int st = pg_begins(c, deadline_ns, err);
    *commits = 0;
    if (st == WEIR_OK && to_commit && !c->in_transaction)
        st = c->host->fail(err, WEIR_E_STATEMENT, "postgres: there is no transaction to commit");
    for (size_t i = 0; i < count && st == WEIR_OK; i++)
        st = make_ready(c, &parts[i], &jobs[i], err);
    if (st == WEIR_OK)
        st = are_ready(parts, count) ? write_together(c, parts, count, to_commit, commits, err)
                                     : write_in_turn(c, parts, count, to_commit, commits, deadline_ns, err);
    if (st < 0 && PQtransactionStatus(c->pg) == PQTRANS_INERROR)
        *commits = 0; /* it was heard that the commit did not run */
    for (size_t i = 0; i < count; i++)
        c->host->realloc(c->host->ctx, parts[i].rows.kinds, 0);
    return st;
}
