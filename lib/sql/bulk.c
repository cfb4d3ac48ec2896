/*
 * Bulk on a connection: writing one batch, and finding the bad rows in it.
 *
 * Where the driver can write several batches in one round trip, small ones of a transaction that can be run again wait for each other: they
 * are written before anything else is done on the connection, the commit included.  So all that can be seen of it is that locks are taken
 * later, and where a failure is heard of; and after one all of it runs again, and no batch waits then.
 * SPDX-License-Identifier: MIT
 */
#include <stdio.h>
#include <string.h>
#include <base/error.h>
#include <base/text.h>
#include <sql/bulk.h>
#include <sql/transaction.h>

#define ROWS_USUAL 1000
#define BYTES_USUAL ((size_t)1 << 20)

void bulk_init_batch(struct batch *b, const struct link_source *source, const weir_bulk_spec *spec)
{
    const weir_bulk_wing *wing = source->backend->bulk;
    size_t rows = wing && wing->batch_rows ? wing->batch_rows : ROWS_USUAL;
    size_t bytes = wing && wing->batch_bytes ? wing->batch_bytes : BYTES_USUAL;
    batch_init(b, source->alloc, spec, spec->batch_rows ? spec->batch_rows : rows, bytes);
}

bool bulk_blames_row(int status)
{
    return status <= WEIR_E_UNIQUE && status >= WEIR_E_DATA;
}

/* ---- for drivers without the wing: a statement a row */

#define STATEMENT_MAX 8192

static int insert_text(struct text *t, const weir_bulk_spec *spec, weir_error *err)
{
    text_add(t, "INSERT INTO %s (", spec->table);
    for (size_t i = 0; i < spec->count; i++)
        text_add(t, "%s%s", i ? ", " : "", spec->columns[i].name);
    text_add(t, ") VALUES (");
    for (size_t i = 0; i < spec->count; i++)
        text_add(t, "%s?", i ? ", " : "");
    text_add(t, ")");
    return t->length + 1 < t->size
               ? WEIR_OK
               : fail(err, WEIR_E_ARGUMENT, "table %s: its columns' names are too long", spec->table);
}

static int insert_each(struct link *l, const weir_bulk_spec *spec, const weir_value *const *rows, size_t count,
                       size_t *bad, int64_t until, weir_error *err)
{
    char sql[STATEMENT_MAX];
    struct text t = text_in(sql, sizeof sql);
    if (!spec->insert_only)
        return fail(err, WEIR_E_UNSUPPORTED, "driver '%s' cannot upsert", l->backend->name);
    int status = insert_text(&t, spec, err);
    for (size_t i = 0; i < count && status >= 0; i++) {
        *bad = i;
        status = statement_run(l, sql, weir_args_of(rows[i], spec->count), false, until, err);
    }
    return status;
}

/* ---- a batch */

/* Savepoints. */
#define BATCH "weir_batch"
#define STRETCH "weir_mark"

struct writing {
    struct link *link;
    struct batch *batch;
    const weir_bulk_spec *spec; /* that is kept of it, and … */
    uint64_t kind;              /* … its number */
    int64_t until;
    struct bulk_written *written;
};

static int write_rows(const struct writing *w, size_t from, size_t count, size_t *bad, weir_error *err)
{
    struct link *l = w->link;
    const weir_bulk_wing *wing = l->backend->bulk;
    const weir_value *const *rows = w->batch->cells + from;
    *bad = count;
    int status = wing ? wing->write(l->conn, w->kind, w->batch->spec, rows, count, bad, w->until, err)
                      : insert_each(l, w->batch->spec, rows, count, bad, w->until, err);
    if (status >= 0)
        slot_answered(l->slot);
    return status;
}

static void blame(const struct writing *w, size_t row)
{
    uint64_t index = batch_row_of(w->batch->cells[row])->index;
    if (index < w->written->bad_row)
        w->written->bad_row = index;
}

/* Back to a savepoint, which is let go.  Says so if that cannot be. */
static int undo(const struct writing *w, const char *mark, weir_error *err)
{
    int status = transaction_return(w->link, mark, w->until, err);
    return status < 0 ? status : transaction_unmark(w->link, mark, w->until, err);
}

/* Writes a stretch behind a savepoint.  *fault is WEIR_OK, or what a row is to be blamed for; that is undone then. */
static int try_stretch(const struct writing *w, size_t from, size_t count, size_t *bad, int *fault, weir_error *err)
{
    weir_error ignored;
    int status = transaction_mark(w->link, STRETCH, w->until, err);
    if (status < 0)
        return status;
    *fault = write_rows(w, from, count, bad, err);
    if (*fault >= 0)
        return transaction_unmark(w->link, STRETCH, w->until, err);
    bool undone = bulk_blames_row(*fault) && undo(w, STRETCH, &ignored) >= 0;
    return undone ? WEIR_OK : *fault;
}

static int leave_out(const struct writing *w, size_t row, int fault)
{
    blame(w, row);
    if (!w->batch->spec->skip_bad)
        return fault;
    w->written->skipped++;
    return WEIR_OK;
}

/*
 * Only a row that fails alone is bad.  Where a stretch fails, what stands before the row that the driver blames is written, then that row,
 * then the rest; if it blames none, the stretch is written in halves.
 */
static int write_guarded(const struct writing *w, size_t from, size_t count, weir_error *err)
{
    while (count) {
        size_t bad;
        int fault, status = try_stretch(w, from, count, &bad, &fault, err);
        if (status < 0 || fault >= 0)
            return status;
        if (count == 1)
            return leave_out(w, from, fault);
        size_t done = bad < count ? bad : count / 2;
        status = write_guarded(w, from, done, err);
        if (status >= 0 && bad < count)
            status = write_guarded(w, from + done++, 1, err);
        if (status < 0)
            return status;
        from += done;
        count -= done;
    }
    return WEIR_OK;
}

static int write_plain(const struct writing *w, weir_error *err)
{
    size_t bad;
    return write_rows(w, 0, w->batch->count, &bad, err);
}

static int write_carefully(const struct writing *w, weir_error *err)
{
    return write_guarded(w, 0, w->batch->count, err);
}

static bool is_worth_rerun(int status, const weir_error *err)
{
    return !(err->flags & (WEIR_RETRY_TRANSACTION | WEIR_CONNECTION_DEAD | WEIR_ROLLED_BACK)) &&
           status != WEIR_E_TIMEOUT && status != WEIR_E_CANCELLED;
}

/* Some rows may be written, so the transaction is of no use any more. */
static int doom(struct link *l, int status, const weir_error *err)
{
    if (l->doom_status)
        return status;
    l->careful = is_worth_rerun(status, err);
    l->doom_status = status;
    link_keep_error(l, &l->doom, err);
    return status;
}

/* Two round trips fewer. */
static int write_hopefully(const struct writing *w, weir_error *err)
{
    int status = write_plain(w, err);
    return status < 0 ? doom(w->link, status, err) : status;
}

/* One that fails leaves the transaction as it was before, if that can be: it is the caller's to go on with. */
static int write_apart(const struct writing *w, weir_error *err)
{
    weir_error ignored;
    if (w->link->rerun)
        return write_hopefully(w, err);
    int status = transaction_mark(w->link, BATCH, w->until, err);
    if (status < 0)
        return status;
    status = write_plain(w, err);
    if (bulk_blames_row(status) && transaction_return(w->link, BATCH, w->until, &ignored) >= 0)
        status = write_carefully(w, err);
    if (status >= 0)
        return transaction_unmark(w->link, BATCH, w->until, err);
    undo(w, BATCH, &ignored);
    return status;
}

static int (*const ways[])(const struct writing *w, weir_error *err) = {
    [BULK_PLAIN] = write_plain,
    [BULK_CAREFUL] = write_carefully,
    [BULK_APART] = write_apart,
};

static int no_memory(weir_error *err)
{
    return fail(err, WEIR_E_MEMORY, "no memory for a bulk job");
}

static int know_kind(struct writing *w, weir_error *err)
{
    w->spec = specs_keep(&w->link->specs, w->link->source->alloc, w->batch->spec, &w->kind);
    return w->spec ? WEIR_OK : no_memory(err);
}

/* ---- batches that wait */

#define LATE_BYTES ((size_t)64 << 10) /* more take longer than a round trip */

struct late_batch {
    struct batch batch;
    const weir_bulk_spec *spec; /* kept by the link: it has no more than these to write meanwhile */
    uint64_t kind;
};
_Static_assert(WEIR_BULK_JOBS <= SPECS_KEPT, "the specs of all that wait are kept");

static bool may_wait(const struct link *l, const struct batch *b, enum bulk_way way, weir_deadline deadline)
{
    const weir_bulk_wing *wing = l->backend->bulk;
    return way == BULK_APART && l->depth && l->rerun && !l->foreign && wing && wing->write_all && !deadline.ns &&
           l->late.count < WEIR_BULK_JOBS && l->late.bytes + b->used <= LATE_BYTES;
}

static int let_wait(const struct writing *w, weir_error *err)
{
    struct late *late = &w->link->late;
    if (!late->batches)
        late->batches = mem_zeroed(w->link->source->alloc, WEIR_BULK_JOBS * sizeof *late->batches);
    if (!late->batches)
        return no_memory(err);
    struct late_batch *place = &late->batches[late->count++];
    late->bytes += w->batch->used;
    batch_move(&place->batch, w->batch);
    place->spec = w->spec;
    place->kind = w->kind;
    return WEIR_OK;
}

void bulk_drop_late(struct link *l)
{
    while (l->late.count)
        batch_end(&l->late.batches[--l->late.count].batch);
    l->late.bytes = 0;
}

static int write_late(struct link *l, int *commits, int64_t until, weir_error *err)
{
    weir_bulk_job jobs[WEIR_BULK_JOBS];
    for (size_t i = 0; i < l->late.count; i++) {
        const struct late_batch *b = &l->late.batches[i];
        jobs[i] = (weir_bulk_job){ b->spec, b->batch.cells, b->batch.count, b->kind };
    }
    int status = l->backend->bulk->write_all(l->conn, jobs, l->late.count, commits, until, err);
    bulk_drop_late(l);
    if (status < 0)
        return doom(l, status, err);
    slot_answered(l->slot);
    return status;
}

int bulk_write_late(struct link *l, weir_deadline deadline, weir_error *err)
{
    weir_error own;
    int commits = 0;
    int64_t until;
    err = err ? err : &own;
    int status = link_until(&until, l, deadline, err);
    return status < 0 ? status : write_late(l, &commits, until, err);
}

int bulk_commit_late(struct link *l, bool *sent, int64_t until, weir_error *err)
{
    int commits = 1;
    int status = write_late(l, &commits, until, err);
    *sent = commits;
    return status;
}

/* ---- all of it */

int bulk_write(weir_conn conn, struct batch *b, enum bulk_way way, struct bulk_written *written, weir_deadline deadline,
               weir_error *err)
{
    struct link *l;
    *written = (struct bulk_written){ .bad_row = UINT64_MAX };
    int status = link_enter(&l, conn, err);
    if (status < 0)
        return status;
    struct writing w = { .link = l, .batch = b, .written = written };
    const size_t taken = b->taken;
    const bool waits = may_wait(l, b, way, deadline) && link_is_usable(l);
    status = waits ? WEIR_OK : link_ready(l, deadline, err);
    if (status >= 0)
        status = link_until(&w.until, l, deadline, err);
    if (status >= 0)
        status = know_kind(&w, err);
    if (status >= 0)
        status = waits ? let_wait(&w, err) : ways[way](&w, err);
    if (status >= 0)
        written->rows = taken - written->skipped;
    return link_leave(l, status, err);
}
