/*
 * Bulk, as arrays: a statement for one row, prepared once, that MariaDB runs for many rows at once.
 * SPDX-License-Identifier: MIT
 */
#include "bulk.h"
#include "stretch.h"

#if HAVE_DECL_STMT_ATTR_ARRAY_SIZE

/* ---- the statement */

static char *write_statement(char *at, const struct mys_conn *c, const weir_bulk_spec *spec)
{
    at = mys_insert_head(at, spec);
    for (size_t i = 0; i < spec->count; i++)
        at = stpcpy(at, i ? ", ?" : "(?");
    return mys_insert_tail(stpcpy(at, ")"), c, spec);
}

static int prepare(struct mys_bulk *b, struct mys_stmt **place, weir_error *err)
{
    void *stmt;
    size_t params, columns;
    struct mys_conn *c = b->conn;
    char *sql = mys_resize(c->host, NULL, mys_insert_size(b->spec));
    if (!sql)
        return c->host->fail(err, WEIR_E_MEMORY, "no memory for the statement of a bulk job");
    write_statement(sql, c, b->spec);
    const int st = mys_prepare(c, &stmt, &params, &columns, sql, b->deadline_ns, err);
    mys_resize(c->host, sql, 0);
    if (st < 0)
        return st;
    *place = stmt;
    (*place)->kind = b->kind;
    return WEIR_OK;
}

/* Or the place of the one that was not used for longest. */
static struct mys_stmt **place_of(struct mys_conn *c, uint64_t kind)
{
    struct mys_stmt **oldest = c->bulks;
    for (struct mys_stmt **s = c->bulks; s < c->bulks + MYS_BULKS; s++) {
        if (*s && (*s)->kind == kind)
            return s;
        if (*oldest && (!*s || (*s)->used < (*oldest)->used))
            oldest = s;
    }
    return oldest;
}

static int know_statement(struct mys_bulk *b, weir_error *err)
{
    struct mys_conn *c = b->conn;
    struct mys_stmt **place = place_of(c, b->kind);
    int st = WEIR_OK;
    if (*place && (*place)->kind != b->kind) {
        mys_forget(c, *place);
        *place = NULL;
    }
    if (!*place)
        st = prepare(b, place, err);
    if (st < 0)
        return st;
    c->bulk = *place;
    c->bulk->used = ++c->bulks_used;
    return WEIR_OK;
}

/* ---- the way */

static int begin(struct mys_bulk *b, weir_error *err)
{
    const int st = know_statement(b, err);
    if (st < 0)
        return st;
    b->stretch = mys_stretch_make(b->conn->host, b->spec->count, err);
    return b->stretch ? WEIR_OK : err->status;
}

static void end(struct mys_bulk *b)
{
    mys_stretch_end(b->stretch);
}

static size_t row_size(const struct mys_bulk *b, const weir_value *row)
{
    return mys_stretch_row_size(row, b->spec->count);
}

static int takes(struct mys_bulk *b, const weir_value *row)
{
    return mys_stretch_takes(b->stretch, row);
}

static int write_rows(struct mys_bulk *b, size_t from, size_t count, size_t bytes, weir_error *err)
{
    (void)bytes;
    return mys_stretch_run(b->stretch, b->conn, b->conn->bulk, b->rows + from, count, err);
}

const struct mys_way mys_arrays = {
    .begin = begin, .row_size = row_size, .takes = takes, .write = write_rows, .end = end
};

#endif
