/*
 * Bulk: rows gathered into batches, each written in a transaction of its own, or all in the caller's.
 *
 * What must be true:
 *  1. A batch is committed whole but for the bad rows that were to be skipped, or not at all.
 *  2. After the failure of a batch nothing more is written: each later call tells that failure again.
 *  3. Savepoints, which cost a round trip each, are set only where there is something to be saved: in the caller's transaction, unless
 *     weir_transact can run all of that again, or when a batch has failed once and its bad rows are looked for.
 * SPDX-License-Identifier: MIT
 */
#include <string.h>
#include <weir/backend.h>
#include <base/error.h>
#include <db/inside.h>
#include <sql/bulk.h>
#include <sql/transaction.h>

struct weir_bulk {
    const struct alloc *alloc;
    weir_db *db;    /* NULL: in the caller's transaction, on … */
    weir_conn conn; /* … this */
    uint64_t next;
    struct batch batch;
    weir_bulk_result result;
    int status;          /* < 0: it has failed, by … */
    weir_error *failure; /* … this; NULL then: for want of memory */
    weir_bulk_spec spec; /* its texts and columns lie behind it in one block */
};

/* ---- the spec */

static int check_rule(const weir_bulk_spec *spec, const weir_column *c, weir_error *err)
{
    uint32_t rule = WEIR_RULE_OF(c->conflict), group = WEIR_GROUP_OF(c->conflict);
    if (rule > WEIR_NEWER_BY || (group && rule < WEIR_NEWER))
        return fail(err, WEIR_E_ARGUMENT, "column %s: there is no rule %u with a group %u", c->name, rule, group);
    if (!c->key && rule == WEIR_NEWER && weir_newer_by(spec->columns, spec->count, group) == SIZE_MAX)
        return fail(err, WEIR_E_ARGUMENT, "column %s: no column of its group is WEIR_NEWER_BY, to tell by", c->name);
    return WEIR_OK;
}

static int check_spec(const weir_bulk_spec *spec, weir_error *err)
{
    if (!spec || spec->size < offsetof(weir_bulk_spec, insert_only))
        return fail(err, WEIR_E_ARGUMENT, "weir_bulk_spec: size is not set");
    if (!spec->table || !*spec->table || !spec->columns || !spec->count)
        return fail(err, WEIR_E_ARGUMENT, "weir_bulk_spec: there is no table, or no column");
    size_t keys = 0;
    for (size_t i = 0; i < spec->count; i++) {
        const weir_column *c = &spec->columns[i];
        if (!c->name || !*c->name)
            return fail(err, WEIR_E_ARGUMENT, "table %s: column %zu has no name", spec->table, i + 1);
        int status = check_rule(spec, c, err);
        if (status < 0)
            return status;
        keys += c->key != 0;
    }
    if (!keys && !spec->insert_only)
        return fail(err, WEIR_E_ARGUMENT, "table %s: no column is marked as key, and it is not insert_only",
                    spec->table);
    return WEIR_OK;
}

/* ---- beginning and end */

static int create(weir_bulk **out, const struct link_source *source, const weir_bulk_spec *spec, weir_error *err)
{
    weir_bulk *b = mem_zeroed(source->alloc, sizeof *b + spec_room(spec));
    if (!b)
        return fail(err, WEIR_E_MEMORY, "no memory for a bulk job");
    spec_copy(&b->spec, b + 1, spec);
    b->alloc = source->alloc;
    b->result.bad_row = UINT64_MAX;
    bulk_init_batch(&b->batch, source, &b->spec);
    *out = b;
    return WEIR_OK;
}

int weir_bulk_open(weir_bulk **out, weir_db *db, const weir_bulk_spec *spec, weir_error *err)
{
    if (!out || !db)
        return fail(err, WEIR_E_ARGUMENT, "no %s was given", db ? "place for the bulk job" : "database");
    *out = NULL;
    int status = check_spec(spec, err);
    if (status >= 0)
        status = create(out, &db->source, spec, err);
    if (status >= 0)
        (*out)->db = db;
    return status;
}

int weir_bulk_open_on(weir_bulk **out, weir_conn conn, const weir_bulk_spec *spec, weir_error *err)
{
    struct link *l;
    if (!out)
        return fail(err, WEIR_E_ARGUMENT, "no place for the bulk job was given");
    *out = NULL;
    int status = check_spec(spec, err);
    if (status >= 0)
        status = link_enter(&l, conn, err);
    if (status < 0)
        return status;
    const struct link_source *source = l->source;
    bool open = l->depth > 0;
    link_leave(l, WEIR_OK, NULL);
    if (!open)
        return fail(err, WEIR_E_ARGUMENT, "no transaction was begun with weir_begin on this connection");
    status = create(out, source, spec, err);
    if (status >= 0)
        (*out)->conn = conn;
    return status;
}

void weir_bulk_abort(weir_bulk **bulk)
{
    if (!bulk || !*bulk)
        return;
    const struct alloc *alloc = (*bulk)->alloc;
    batch_end(&(*bulk)->batch);
    mem_free(alloc, (*bulk)->failure);
    mem_free(alloc, *bulk);
    *bulk = NULL;
}

/* ---- writing a batch */

struct attempt {
    weir_bulk *bulk;
    enum bulk_way way;
    struct bulk_written written;
};

static int body(weir_conn conn, void *arg, weir_error *err)
{
    struct attempt *a = arg;
    return bulk_write(conn, &a->bulk->batch, a->way, &a->written, (weir_deadline){ 0 }, err);
}

static int transact(weir_bulk *b, struct attempt *a, weir_deadline deadline, weir_error *err)
{
    const weir_transact_options options = { .size = sizeof options, .isolation = WEIR_READ_COMMITTED };
    weir_outcome outcome;
    int status = weir_transact(&outcome, b->db, body, a, &options, deadline, err);
    b->result.retries += outcome.attempts > 1 ? outcome.attempts - 1 : 0;
    return status;
}

/* keeps truth 3 */
static int write_own(weir_bulk *b, struct attempt *a, weir_deadline deadline, weir_error *err)
{
    int status = transact(b, a, deadline, err);
    if (status >= 0 || !bulk_blames_row(status))
        return status;
    a->way = BULK_CAREFUL;
    return transact(b, a, deadline, err);
}

static int write_batch(weir_bulk *b, weir_deadline deadline, weir_error *err)
{
    struct attempt a = { .bulk = b, .way = BULK_PLAIN };
    a.written.bad_row = UINT64_MAX;
    int status = batch_order(&b->batch, &a.written.bad_row, err);
    const uint64_t folded = b->batch.taken - b->batch.count;
    if (status >= 0)
        status = b->db ? write_own(b, &a, deadline, err)
                       : bulk_write(b->conn, &b->batch, BULK_APART, &a.written, deadline, err);
    if (a.written.bad_row < b->result.bad_row)
        b->result.bad_row = a.written.bad_row;
    if (status < 0)
        return status;
    b->result.rows += a.written.rows;
    b->result.skipped += a.written.skipped;
    b->result.folded += folded;
    b->result.batches++;
    return WEIR_OK;
}

static void keep_failure(weir_bulk *b, const weir_error *err)
{
    b->failure = mem_realloc(b->alloc, NULL, sizeof *b->failure);
    if (b->failure)
        *b->failure = *err;
}

/* keeps truth 2 */
static int tell_again(const weir_bulk *b, weir_error *err)
{
    return b->failure ? fail_as(err, b->failure) : fail(err, b->status, "an earlier batch of this job has failed");
}

static int flush(weir_bulk *b, weir_deadline deadline, weir_error *err)
{
    weir_error own;
    err = err ? err : &own;
    if (b->status < 0)
        return tell_again(b, err);
    if (!b->batch.taken)
        return WEIR_OK;
    b->status = write_batch(b, deadline, err);
    if (b->status < 0)
        keep_failure(b, err);
    batch_clear(&b->batch);
    return b->status;
}

/* Want of memory ends it as a batch's failure does: nobody could tell whether the row was to come once more. */
static int take_row(weir_bulk *b, weir_args cells, size_t size, weir_error *err)
{
    weir_error own;
    err = err ? err : &own;
    int status = batch_add(&b->batch, cells, size, b->next, err);
    if (status == WEIR_ROW && (status = flush(b, (weir_deadline){ 0 }, err)) >= 0)
        status = batch_add(&b->batch, cells, size, b->next, err);
    if (status < 0 && b->status >= 0) {
        b->status = status;
        keep_failure(b, err);
    }
    b->next += status >= 0;
    return status;
}

int weir_bulk_row(weir_bulk *bulk, weir_args cells, weir_error *err)
{
    if (!bulk || (cells.n && !cells.v))
        return fail(err, WEIR_E_ARGUMENT, "no %s given", bulk ? "cells were" : "bulk job was");
    if (bulk->status < 0)
        return tell_again(bulk, err);
    size_t size;
    int status = batch_check(&bulk->batch, cells, &size, err);
    return status < 0 ? status : take_row(bulk, cells, size, err);
}

int weir_bulk_finish(weir_bulk **bulk, weir_bulk_result *result, weir_deadline deadline, weir_error *err)
{
    if (result)
        *result = (weir_bulk_result){ .bad_row = UINT64_MAX };
    if (!bulk || !*bulk)
        return fail(err, WEIR_E_ARGUMENT, "no bulk job was given");
    int status = flush(*bulk, deadline, err);
    if (result)
        *result = (*bulk)->result;
    weir_bulk_abort(bulk);
    return status;
}
