/*
 * Bulk on a connection: writing one batch, and finding the bad rows in it.
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

uint64_t bulk_new_job(void)
{
    static _Atomic uint64_t last;
    return atomic_fetch_add_explicit(&last, 1, memory_order_relaxed) + 1;
}

int bulk_init_batch(struct batch *b, const struct link_source *source, const weir_bulk_spec *spec, weir_error *err)
{
    const weir_bulk_wing *wing = source->backend->bulk;
    size_t rows = wing && wing->batch_rows ? wing->batch_rows : ROWS_USUAL;
    size_t bytes = wing && wing->batch_bytes ? wing->batch_bytes : BYTES_USUAL;
    return batch_init(b, source->alloc, spec, spec->batch_rows ? spec->batch_rows : rows, bytes, err);
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

struct writing {
    struct link *link;
    const struct batch *batch;
    uint64_t job;
    int64_t until;
    struct bulk_written *written;
};

static int write_rows(const struct writing *w, size_t from, size_t count, size_t *bad, weir_error *err)
{
    struct link *l = w->link;
    const weir_bulk_wing *wing = l->backend->bulk;
    const weir_value *const *rows = w->batch->cells + from;
    *bad = count;
    int status = wing ? wing->write(l->conn, w->job, w->batch->spec, rows, count, bad, w->until, err)
                      : insert_each(l, w->batch->spec, rows, count, bad, w->until, err);
    if (status >= 0)
        slot_answered(l->slot);
    return status;
}

static void blame(const struct writing *w, size_t row)
{
    uint64_t index = w->batch->rows[row]->index;
    if (index < w->written->bad_row)
        w->written->bad_row = index;
}

/* Writes a stretch behind a savepoint.  *fault is WEIR_OK, or what a row is to be blamed for; that is undone then. */
static int try_stretch(const struct writing *w, size_t from, size_t count, size_t *bad, int *fault, weir_error *err)
{
    weir_error ignored;
    int status = transaction_mark(w->link, w->until, err);
    if (status < 0)
        return status;
    *fault = write_rows(w, from, count, bad, err);
    if (*fault >= 0)
        return transaction_unmark(w->link, w->until, err);
    bool undone = bulk_blames_row(*fault) && transaction_return(w->link, w->until, &ignored) >= 0;
    return undone ? WEIR_OK : *fault;
}

static int write_guarded(const struct writing *w, size_t from, size_t count, weir_error *err);

/* In two, so that the half that is good is written in one go. */
static int write_halves(const struct writing *w, size_t from, size_t count, weir_error *err)
{
    size_t half = count / 2;
    int status = write_guarded(w, from, half, err);
    return status < 0 ? status : write_guarded(w, from + half, count - half, err);
}

/* Each bad row that the driver names is left out with what stands before it written again; one that it does not name is looked for. */
static int write_guarded(const struct writing *w, size_t from, size_t count, weir_error *err)
{
    while (count) {
        size_t bad;
        int fault, status = try_stretch(w, from, count, &bad, &fault, err);
        if (status < 0 || fault >= 0)
            return status;
        if (bad == count && count > 1)
            return write_halves(w, from, count, err);
        bad = count == 1 ? 0 : bad;
        blame(w, from + bad);
        if (!w->batch->spec->skip_bad)
            return fault;
        w->written->skipped++;
        status = write_guarded(w, from, bad, err);
        if (status < 0)
            return status;
        from += bad + 1;
        count -= bad + 1;
    }
    return WEIR_OK;
}

static int write_batch(const struct writing *w, bool careful, weir_error *err)
{
    size_t bad, count = w->batch->count;
    if (careful)
        return write_guarded(w, 0, count, err);
    int status = write_rows(w, 0, count, &bad, err);
    if (status < 0 && bulk_blames_row(status) && bad < count)
        blame(w, bad);
    return status;
}

int bulk_write(weir_conn conn, const struct batch *b, uint64_t job, bool careful, struct bulk_written *written,
               weir_deadline deadline, weir_error *err)
{
    struct link *l;
    *written = (struct bulk_written){ .bad_row = UINT64_MAX };
    int status = link_enter(&l, conn, err);
    if (status < 0)
        return status;
    struct writing w = { .link = l, .batch = b, .job = job, .written = written };
    status = link_ready(l, err);
    if (status >= 0)
        status = link_until(&w.until, l, deadline, err);
    if (status >= 0)
        status = write_batch(&w, careful, err);
    if (status >= 0)
        written->rows = b->taken - written->skipped;
    return link_leave(l, status, err);
}
