/*
 * Running a statement: its text is prepared once a connection and kept, its args are looked at before a driver sees them.
 * SPDX-License-Identifier: MIT
 */
#include <string.h>
#include <base/error.h>
#include <sql/link.h>

static void forget(struct link *l, struct statement *s)
{
    l->sql->forget(l->conn, s->handle);
    slot_unsay(l->slot, s->sql);
    cache_remove(&l->cache, l->source->alloc, s);
}

static int prepare(struct link *l, struct statement **out, const char *sql, int64_t until, weir_error *err)
{
    struct statement *s = *out = cache_add(&l->cache, l->source->alloc, sql);
    if (!s)
        return fail(err, WEIR_E_MEMORY, "no memory to prepare a statement of %zu bytes", strlen(sql));
    int status = l->sql->prepare(l->conn, &s->handle, &s->params, &s->columns, s->sql, until, err);
    if (status < 0)
        cache_remove(&l->cache, l->source->alloc, s);
    return status;
}

static inline int find(struct link *l, struct statement **out, const char *sql, int64_t until, weir_error *err)
{
    *out = cache_find(&l->cache, sql);
    return *out ? WEIR_OK : prepare(l, out, sql, until, err);
}

/* The least recently used go; the one just run is the most recent, and stays while its result is read even if nothing is kept. */
static inline void trim(struct link *l)
{
    while (cache_is_full(&l->cache))
        forget(l, cache_oldest(&l->cache));
}

static int refuse_arg(const weir_value *v, size_t index, weir_error *err)
{
    if (v->type > WEIR_TIME)
        return fail(err, WEIR_E_ARGUMENT, "parameter %zu is of no known type", index + 1);
    const char *zero = memchr(v->as.p, 0, (size_t)v->length);
    return fail(err, WEIR_E_DATA, "parameter %zu: there is a zero byte in the text, at %zu; send it as a blob",
                index + 1, (size_t)(zero - (const char *)v->as.p));
}

static inline bool is_fit(const weir_value *v)
{
    if (v->type == WEIR_TEXT || v->type == WEIR_DECIMAL)
        return !v->length || !memchr(v->as.p, 0, (size_t)v->length);
    return v->type <= WEIR_TIME;
}

static inline int check_args(const struct statement *s, weir_args args, weir_error *err)
{
    if (args.n != s->params)
        return fail(err, WEIR_E_ARGUMENT, "the statement has %zu placeholders, but %zu parameters were given",
                    s->params, args.n);
    for (size_t i = 0; i < args.n; i++)
        if (!is_fit(&args.v[i]))
            return refuse_arg(&args.v[i], i, err);
    return WEIR_OK;
}

/* Memory for a row is got before the statement runs, as its failure would not undo it. */
static inline int make_ready_to_read(struct link *l, const struct statement *s, weir_error *err)
{
    if (s->columns == 0)
        return fail(err, WEIR_E_ARGUMENT, "the statement returns no rows: run it with weir_exec");
    return link_make_cells(l, s->columns, err);
}

int statement_run(struct link *l, const char *sql, weir_args args, bool want_rows, int64_t until, weir_error *err)
{
    struct statement *s;
    int status = find(l, &s, sql, until, err);
    if (status < 0)
        return status;
    slot_said(l->slot, s->sql);
    status = want_rows ? make_ready_to_read(l, s, err) : WEIR_OK;
    if (status >= 0)
        status = check_args(s, args, err);
    if (status >= 0)
        status = l->sql->run(l->conn, s->handle, args, want_rows, until, err);
    if (status >= 0) {
        slot_answered(l->slot);
        link_look_for_end(l);
    }
    trim(l);
    return status;
}

/* ---- many rows of args */

static int check_rows(const struct statement *s, struct many *m, weir_error *err)
{
    for (size_t i = 0; i < m->count; i++) {
        int status = check_args(s, m->rows[i], err);
        if (status < 0) {
            m->failed = i;
            return status;
        }
    }
    return WEIR_OK;
}

/* One, or as many as the driver takes at once.  *done is how many ran, or, of a failure that is no row's fault, all that are left. */
static int run_some(struct link *l, struct statement *s, struct many *m, size_t from, size_t *done, int64_t until,
                    weir_error *err)
{
    const weir_sql_wing *sql = l->sql;
    const weir_args *rows = m->rows + from;
    size_t left = m->count - from;
    int64_t affected = 0;
    int status = link_go_on(l, "statement", err);
    *done = 0;
    if (status < 0)
        return status;
    if (sql->run_many && left > 1) {
        status = sql->run_many(l->conn, s->handle, rows, left, done, &affected, until, err);
    } else if ((status = sql->run(l->conn, s->handle, *rows, 0, until, err)) >= 0) {
        *done = 1;
        affected = sql->affected(l->conn);
    }
    m->affected += affected;
    return status;
}

static int run_all(struct link *l, struct statement *s, struct many *m, int64_t until, weir_error *err)
{
    for (size_t from = 0, done; from < m->count; from += done) {
        int status = run_some(l, s, m, from, &done, until, err);
        if (status < 0) {
            m->failed = from + done;
            return status;
        }
        slot_answered(l->slot);
    }
    return WEIR_OK;
}

int statement_run_many(struct link *l, struct many *m, int64_t until, weir_error *err)
{
    struct statement *s;
    int status = find(l, &s, m->sql, until, err);
    if (status < 0)
        return status;
    slot_said(l->slot, s->sql);
    status = check_rows(s, m, err);
    if (status >= 0)
        status = run_all(l, s, m, until, err);
    trim(l);
    return status;
}
