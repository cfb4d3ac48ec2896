/*
 * Running a statement for many rows of parameters: MariaDB gets them as arrays, a stretch a call.
 *
 * What must be true:
 *  1. A stretch that fails is undone, and its rows are run one by one then, so that those before the bad one have run and those behind it
 *     have not.  What cannot be undone, or would fail for the same reason, is not run again, and no row is blamed.
 *  2. The first array of a statement has FIRST_ROWS at most, and each twice as many as the one before it did well with: what a failure
 *     costs is in proportion to what arrays have saved.
 *  3. The last row of a call goes alone: the key that it generates is the last one, and of an array the server tells the first.
 * SPDX-License-Identifier: MIT
 */
#include "stretch.h"

#define ALWAYS SIZE_MAX

static int run_one(struct mys_conn *c, struct mys_stmt *s, weir_args args, size_t *done, int64_t *affected,
                   int64_t deadline_ns, weir_error *err)
{
    const int st = mys_run(c, s, args, 0, deadline_ns, err);
    if (st < 0) {
        s->singly = s->singly == ALWAYS ? ALWAYS : 0;
        return st;
    }
    s->singly -= s->singly && s->singly != ALWAYS;
    *done = 1;
    *affected = c->affected;
    return WEIR_OK;
}

#if HAVE_DECL_STMT_ATTR_ARRAY_SIZE

#    define FEWEST_ROWS 4 /* an array costs two round trips */
#    define FIRST_ROWS 1000
#    define MOST_ROWS 4000 /* more fall out of the processor's cache */
#    define MOST_BYTES 1048576
#    define NO_ARRAYS 1295 /* this statement cannot be run for them */

struct stretch {
    struct mys_stretch *columns;
    const weir_value **rows;
    size_t count;
};

static int is_plain_write(const struct mys_stmt *s)
{
    return s->handle && s->traits == 0;
}

static int is_fit(const weir_args *row)
{
    for (size_t i = 0; i < row->n; i++)
        if (mys_may_be_misfit(&row->v[i]) && mys_misfit(&row->v[i]))
            return 0;
    return 1;
}

static size_t most_bytes(const struct mys_conn *c)
{
    return c->packet_limit / 2 < MOST_BYTES ? (size_t)c->packet_limit / 2 : MOST_BYTES;
}

/* keeps truth 2 */
static size_t most_rows(const struct mys_stmt *s)
{
    const size_t most = s->together > FIRST_ROWS / 2 ? 2 * s->together : FIRST_ROWS;
    return most < MOST_ROWS ? most : MOST_ROWS;
}

static void take(struct stretch *t, const struct mys_conn *c, const weir_args *rows, size_t count)
{
    size_t bytes = 0;
    for (t->count = 0; t->count < count; t->count++) {
        const weir_args *row = &rows[t->count];
        bytes += mys_stretch_row_size(row->v, row->n);
        if (bytes > most_bytes(c) || !is_fit(row) || !mys_stretch_takes(t->columns, row->v))
            break;
        t->rows[t->count] = row->v;
    }
}

/* Back to before the stretch.  0: that cannot be, or not wholly: a table without transactions keeps what it has, and the server warns. */
static int undo(struct mys_conn *c)
{
    weir_error ignored;
    return mys_say(c, "ROLLBACK TO SAVEPOINT weir_many", &ignored) == WEIR_OK && mysql_warning_count(c->mysql) == 0;
}

/* WEIR_ROW: its rows are to be run one by one.  keeps truth 1 */
static int run_stretch(struct mys_conn *c, struct mys_stmt *s, const struct stretch *t, weir_error *err)
{
    int st = mys_say(c, "SAVEPOINT weir_many", err);
    if (st == WEIR_OK)
        st = mys_stretch_run(t->columns, c, s, t->rows, t->count, err);
    if (st == WEIR_OK)
        mys_note(c);
    else if (mys_may_do_otherwise(st, err) && undo(c))
        st = WEIR_ROW;
    s->together = st == WEIR_OK ? t->count : 0;
    if (st == WEIR_ROW)
        s->singly = err->native == NO_ARRAYS ? ALWAYS : t->count;
    return st;
}

/* Of the rows that are worth an array, if there are any.  WEIR_ROW: there are none. */
static int run_taken(struct mys_conn *c, struct mys_stmt *s, struct stretch *t, const weir_args *rows, size_t count,
                     weir_error *err)
{
    int st = mys_know_packet_limit(c, err);
    if (st < 0)
        return st;
    take(t, c, rows, count < most_rows(s) ? count : most_rows(s));
    return t->count < FEWEST_ROWS ? WEIR_ROW : run_stretch(c, s, t, err);
}

static int make(struct stretch *t, const weir_host *host, size_t columns, weir_error *err)
{
    t->rows = mys_resize(host, NULL, MOST_ROWS * sizeof *t->rows);
    if (!t->rows)
        return host->fail(err, WEIR_E_MEMORY, "no memory for %d rows", MOST_ROWS);
    t->columns = mys_stretch_make(host, columns, err);
    return t->columns ? WEIR_OK : err->status;
}

/* WEIR_ROW: they are to be run one by one. */
static int run_array(struct mys_conn *c, struct mys_stmt *s, const weir_args *rows, size_t count, size_t *done,
                     int64_t *affected, int64_t deadline_ns, weir_error *err)
{
    struct stretch t = { NULL, NULL, 0 };
    mys_begins(c, deadline_ns, MYS_STOP);
    int st = mys_admit(c, 0, err); /* a savepoint that the server has before its transaction begins does as well */
    if (st == WEIR_OK)
        st = make(&t, c->host, rows->n, err);
    if (st == WEIR_OK)
        st = run_taken(c, s, &t, rows, count - 1, err); /* keeps truth 3 */
    if (st == WEIR_OK) {
        *done = t.count;
        *affected = (int64_t)mysql_stmt_affected_rows(s->handle);
    } else if (st < 0) {
        *done = count;
    }
    mys_stretch_end(t.columns);
    mys_resize(c->host, t.rows, 0);
    return mys_ends(c, st);
}

int mys_run_many(void *conn, void *stmt, const weir_args *rows, size_t count, size_t *done, int64_t *affected,
                 int64_t deadline_ns, weir_error *err)
{
    struct mys_conn *c = conn;
    struct mys_stmt *s = stmt;
    int st = WEIR_ROW;
    *done = 0;
    *affected = 0;
    if (count > FEWEST_ROWS && rows->n && !s->singly && is_plain_write(s) && mys_takes_arrays(c))
        st = run_array(c, s, rows, count, done, affected, deadline_ns, err);
    return st == WEIR_ROW ? run_one(c, s, *rows, done, affected, deadline_ns, err) : st;
}

#else

int mys_run_many(void *conn, void *stmt, const weir_args *rows, size_t count, size_t *done, int64_t *affected,
                 int64_t deadline_ns, weir_error *err)
{
    (void)count;
    *done = 0;
    *affected = 0;
    return run_one(conn, stmt, *rows, done, affected, deadline_ns, err);
}

#endif
