/*
 * Statements and their results, for users: weir_exec, weir_query, and reading rows.
 * SPDX-License-Identifier: MIT
 */
#include <base/error.h>
#include <sql/link.h>
#include <sql/rows.h>
#include <sql/transaction.h>

/* May the statement run, and until when? */
static inline int may_run(struct link *l, int64_t *until, const char *sql, weir_deadline deadline, weir_error *err)
{
    int status = sql ? link_ready(l, deadline, err) : fail(err, WEIR_E_ARGUMENT, "no statement was given");
    return status < 0 ? status : link_until(until, l, deadline, err);
}

int weir_exec(int64_t *affected, weir_conn conn, const char *sql, weir_args args, weir_deadline deadline,
              weir_error *err)
{
    struct link *l;
    int64_t until;
    weir_error own;
    err = err ? err : &own;
    if (affected)
        *affected = 0;
    int status = link_enter(&l, conn, err);
    if (status < 0)
        return status;
    status = may_run(l, &until, sql, deadline, err);
    if (status >= 0)
        status = statement_run(l, sql, args, false, until, err);
    if (status >= 0 && affected)
        *affected = l->sql->affected(l->conn);
    return link_leave(l, status, err);
}

/* keeps the promise of all or nothing */
static int run_many(struct link *l, struct many *m, int64_t until, weir_error *err)
{
    if (l->depth || m->count < 2)
        return statement_run_many(l, m, until, err);
    int status = transaction_open(l, until, err);
    if (status < 0)
        return status;
    status = statement_run_many(l, m, until, err);
    return transaction_end(l, status, until, err);
}

int weir_exec_many(int64_t *affected, size_t *failed, weir_conn conn, const char *sql, const weir_args *rows,
                   size_t count, weir_deadline deadline, weir_error *err)
{
    struct link *l = NULL;
    int64_t until;
    weir_error own;
    struct many m = { .sql = sql, .rows = rows, .count = count, .failed = count };
    err = err ? err : &own;
    int status =
        rows || !count ? link_enter(&l, conn, err) : fail(err, WEIR_E_ARGUMENT, "no rows of parameters were given");
    if (status >= 0) {
        status = may_run(l, &until, sql, deadline, err);
        if (status >= 0)
            status = run_many(l, &m, until, err);
        link_leave(l, status, err);
    }
    if (affected)
        *affected = status < 0 ? 0 : m.affected;
    if (failed)
        *failed = m.failed;
    return status;
}

/* Of a procedure's answer the number of columns is known only now. */
static int open_result(weir_rows *out, struct link *l, int64_t until, weir_error *err)
{
    l->reading = true;
    l->until = until;
    l->columns = l->sql->columns(l->conn);
    l->past_last = false;
    l->result_status = WEIR_OK;
    int status = link_make_cells(l, l->columns, err);
    if (status < 0) {
        link_end_result(l);
        return status;
    }
    *out = (weir_rows){ l->slot, slot_begin_reading(l->slot) };
    return WEIR_OK;
}

int weir_query(weir_rows *out, weir_conn conn, const char *sql, weir_args args, weir_deadline deadline, weir_error *err)
{
    struct link *l;
    int64_t until;
    weir_error own;
    err = err ? err : &own;
    if (!out)
        return fail(err, WEIR_E_ARGUMENT, "no place for the result was given");
    *out = (weir_rows){ 0 };
    int status = link_enter(&l, conn, err);
    if (status < 0)
        return status;
    status = may_run(l, &until, sql, deadline, err);
    if (status >= 0)
        status = statement_run(l, sql, args, true, until, err);
    if (status >= 0)
        status = open_result(out, l, until, err);
    return link_leave(l, status, err);
}

int64_t weir_last_id(weir_conn conn)
{
    struct link *l;
    if (link_enter(&l, conn, NULL) < 0)
        return 0;
    int64_t id = l->sql ? l->sql->last_id(l->conn) : 0;
    link_leave(l, WEIR_OK, NULL);
    return id;
}

/* Why a result cannot be entered, or, if it can, the link after all: somebody else was in it, or wants it stopped. */
static struct link *enter_slowly(weir_rows rows, weir_error *err)
{
    uint64_t word = rows.slot ? slot_word(rows.slot) : 0;
    if (rows.slot && slot_reads(rows.slot, rows.result)) {
        if (slot_enter(rows.slot, word_loan(word), err) < 0)
            return NULL;
        if (slot_reads(rows.slot, rows.result))
            return rows.slot->link;
        link_leave(rows.slot->link, WEIR_OK, NULL);
    }
    fail(err, WEIR_E_STALE, "the result is stale: it has been closed, or its connection released");
    return NULL;
}

/* The link of a result, for one call.  NULL: *err says why not. */
static inline struct link *enter_rows(weir_rows rows, weir_error *err)
{
    if (!slot_enter_reading(rows.slot, rows.result))
        return enter_slowly(rows, err);
    struct link *l = rows.slot->link;
    if (slot_reads(rows.slot, rows.result))
        return l;
    link_leave(l, WEIR_OK, NULL);
    return enter_slowly(rows, err);
}

/* Leaves the row, and the result if it is over: because it has failed before, or was cancelled, or the database shut down. */
static inline int go_on(struct link *l, weir_error *err)
{
    arena_reset(&l->texts, l->source->alloc);
    l->readable = 0;
    if (l->result_status < 0 && l->result_status != WEIR_E_CONVERT && l->result_status != WEIR_E_ARGUMENT)
        return rows_kept_failure(l, err);
    return link_go_on(l, "result", err);
}

static int fail_rows(struct link *l, int status, const weir_error *err)
{
    rows_keep_failure(l, status, err);
    return link_leave(l, status, err);
}

int weir_rows_next(weir_rows rows, weir_error *err)
{
    weir_error own;
    err = err ? err : &own;
    struct link *l = enter_rows(rows, err);
    if (!l)
        return err->status;
    int status = go_on(l, err);
    if (status >= 0 && !l->past_last)
        status = l->sql->next(l->conn, l->cells, l->until, err);
    if (status < 0)
        return fail_rows(l, status, err);
    l->readable = status == WEIR_ROW ? l->columns : 0;
    return link_leave(l, status, err);
}

static int next_set(struct link *l, weir_error *err)
{
    int status = l->sql->next_set ? l->sql->next_set(l->conn, l->until, err) : WEIR_OK;
    l->past_last = status == WEIR_OK;
    l->columns = l->sql->columns(l->conn);
    return status == WEIR_ROW && link_make_cells(l, l->columns, err) < 0 ? WEIR_E_MEMORY : status;
}

int weir_rows_next_set(weir_rows rows, weir_error *err)
{
    weir_error own;
    err = err ? err : &own;
    struct link *l = enter_rows(rows, err);
    if (!l)
        return err->status;
    int status = go_on(l, err);
    if (status >= 0)
        status = next_set(l, err);
    return status < 0 ? fail_rows(l, status, err) : link_leave(l, status, err);
}

void weir_rows_extend(weir_rows rows, weir_deadline deadline)
{
    weir_error ignored;
    struct link *l = enter_rows(rows, &ignored);
    if (!l)
        return;
    (void)link_until(&l->until, l, deadline, NULL); /* one that has passed stops the next step */
    link_leave(l, WEIR_OK, NULL);
}

int weir_rows_close(weir_rows *rows, weir_error *err)
{
    weir_error own;
    err = err ? err : &own;
    if (!rows || !rows->slot)
        return WEIR_OK;
    struct link *l = enter_rows(*rows, err);
    *rows = (weir_rows){ 0 };
    if (!l)
        return err->status;
    int status = l->result_status < 0 ? rows_kept_failure(l, err) : WEIR_OK;
    link_end_result(l);
    link_leave(l, WEIR_OK, NULL); /* a failure was learnt from when it happened */
    return status;
}
