/*
 * Statements and their results, for users: weir_exec, weir_query, and reading rows.
 * SPDX-License-Identifier: MIT
 */
#include <base/error.h>
#include <sql/link.h>
#include <sql/rows.h>
#include <sql/transaction.h>

/* Enters the link and finds out until when the statement may run. */
static int begin_statement(struct link **l, int64_t *until, weir_conn conn, const char *sql, weir_deadline deadline,
                           weir_error *err)
{
    int status = link_enter(l, conn, err);
    if (status < 0)
        return status;
    status = sql ? link_ready(*l, err) : fail(err, WEIR_E_ARGUMENT, "no statement was given");
    if (status >= 0)
        status = link_until(until, *l, deadline, err);
    return status < 0 ? link_leave(*l, status, err) : WEIR_OK;
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
    int status = begin_statement(&l, &until, conn, sql, deadline, err);
    if (status < 0)
        return status;
    status = statement_run(l, sql, args, false, until, err);
    if (status >= 0 && affected)
        *affected = l->backend->sql->affected(l->conn);
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
    struct link *l;
    int64_t until;
    weir_error own;
    struct many m = { .sql = sql, .rows = rows, .count = count, .failed = count };
    err = err ? err : &own;
    int status = rows || !count ? begin_statement(&l, &until, conn, sql, deadline, err)
                                : fail(err, WEIR_E_ARGUMENT, "no rows of parameters were given");
    if (status >= 0) {
        status = run_many(l, &m, until, err);
        link_leave(l, status, err);
    }
    if (affected)
        *affected = status < 0 ? 0 : m.affected;
    if (failed)
        *failed = m.failed;
    return status;
}

static weir_rows open_result(struct link *l, uint64_t loan, int64_t until)
{
    weir_rows rows = { l->slot, ++l->results };
    l->until = until;
    l->columns = l->backend->sql->columns(l->conn);
    l->at_row = l->past_last = false;
    l->result_status = WEIR_OK;
    atomic_store(&l->loan, loan);
    atomic_store(&l->result, rows.result);
    return rows;
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
    int status = begin_statement(&l, &until, conn, sql, deadline, err);
    if (status < 0)
        return status;
    status = statement_run(l, sql, args, true, until, err);
    if (status >= 0)
        *out = open_result(l, conn.loan, until);
    return link_leave(l, status, err);
}

int64_t weir_last_id(weir_conn conn)
{
    struct link *l;
    if (link_enter(&l, conn, NULL) < 0)
        return 0;
    int64_t id = l->backend->sql ? l->backend->sql->last_id(l->conn) : 0;
    link_leave(l, WEIR_OK, NULL);
    return id;
}

/* The link of a result, for one call.  A stale one is noticed by its number, and by its loan.  NULL: *status says why not. */
static inline struct link *enter_rows(weir_rows rows, int *status, weir_error *err)
{
    struct link *l = rows.slot ? rows.slot->link : NULL;
    if (l && atomic_load(&l->result) == rows.result) {
        *status = slot_enter(rows.slot, atomic_load(&l->loan), err);
        if (*status < 0)
            return NULL;
        if (atomic_load(&l->result) == rows.result)
            return l;
        link_leave(l, WEIR_OK, NULL);
    }
    *status = fail(err, WEIR_E_STALE, "the result is stale: it has been closed, or its connection released");
    return NULL;
}

static int fail_result(struct link *l, int status, const weir_error *err)
{
    l->at_row = false;
    rows_keep_failure(l, status, err);
    return status;
}

static inline int step(struct link *l, int (*hook)(void *, int64_t, weir_error *), weir_error *err)
{
    arena_reset(&l->cells, l->source->alloc);
    l->at_row = false;
    if (l->result_status < 0 && l->result_status != WEIR_E_CONVERT && l->result_status != WEIR_E_ARGUMENT)
        return rows_kept_failure(l, err); /* it has failed before, and is over */
    int status = link_go_on(l, "result", err);
    if (status >= 0)
        status = hook(l->conn, l->until, err);
    return status < 0 ? fail_result(l, status, err) : status;
}

/* In the place of a hook: there is nothing behind the last set of rows. */
static int no_more(void *conn, int64_t deadline_ns, weir_error *err)
{
    (void)conn;
    (void)deadline_ns;
    (void)err;
    return WEIR_OK;
}

int weir_rows_next(weir_rows rows, weir_error *err)
{
    int status;
    weir_error own;
    err = err ? err : &own;
    struct link *l = enter_rows(rows, &status, err);
    if (!l)
        return status;
    status = step(l, l->past_last ? no_more : l->backend->sql->next, err);
    l->at_row = status == WEIR_ROW;
    return link_leave(l, status, err);
}

int weir_rows_next_set(weir_rows rows, weir_error *err)
{
    int status;
    weir_error own;
    err = err ? err : &own;
    struct link *l = enter_rows(rows, &status, err);
    if (!l)
        return status;
    status = step(l, l->backend->sql->next_set ? l->backend->sql->next_set : no_more, err);
    l->past_last = status == WEIR_OK;
    l->columns = l->backend->sql->columns(l->conn);
    return link_leave(l, status, err);
}

void weir_rows_extend(weir_rows rows, weir_deadline deadline)
{
    int status;
    struct link *l = enter_rows(rows, &status, NULL);
    if (!l)
        return;
    (void)link_until(&l->until, l, deadline, NULL); /* one that has passed stops the next step */
    link_leave(l, WEIR_OK, NULL);
}

int weir_rows_close(weir_rows *rows, weir_error *err)
{
    int status;
    weir_error own;
    err = err ? err : &own;
    if (!rows || !rows->slot)
        return WEIR_OK;
    struct link *l = enter_rows(*rows, &status, err);
    *rows = (weir_rows){ 0 };
    if (!l)
        return status;
    status = l->result_status < 0 ? rows_kept_failure(l, err) : WEIR_OK;
    link_end_result(l);
    link_leave(l, WEIR_OK, NULL); /* a failure was learnt from when it happened */
    return status;
}
