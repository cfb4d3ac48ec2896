/*
 * Running a statement: its parameters are made to fit, it is sent, and its answer is begun or, if it may write, read to the end.
 *
 * A statement that the server has dropped, or whose tables have changed, fails before it has done anything: outside a transaction it is
 * prepared anew and run again, once.  Within one the transaction has failed, and may be run again as a whole.
 * SPDX-License-Identifier: MIT
 */
#include "pg.h"
#include "types.h"

/* ---- the parameters' types ---- */

/* What this parameter has to be declared as for that value; as it is declared, if that will do. */
static Oid declared_for(const struct pg_stmt *s, size_t i, const weir_value *v)
{
    if (v->type == WEIR_NULL)
        return s->declared[i];
    if (s->declared[i])
        return pg_own_type(v);
    return pg_takes(s->actual[i], v) ? 0 : pg_own_type(v);
}

static inline int fits(const struct pg_stmt *s, size_t i, const weir_value *v)
{
    if (s->declared[i])
        return v->type == WEIR_NULL || pg_own_type(v) == s->declared[i];
    return (v->type == WEIR_INT && s->actual[i] == PG_INT8) || pg_takes(s->actual[i], v);
}

static inline int all_fit(const struct pg_stmt *s, weir_args args)
{
    size_t i = 0;
    while (i < args.n && fits(s, i, &args.v[i]))
        i++;
    return i == args.n;
}

int pg_fits(const struct pg_stmt *s, weir_args args)
{
    return all_fit(s, args);
}

/* Declares anew what does not fit; 1: something did not. */
static int declare(struct pg_stmt *s, weir_args args)
{
    int changed = 0;
    for (size_t i = 0; i < args.n; i++) {
        const Oid type = declared_for(s, i, &args.v[i]);
        changed |= type != s->declared[i];
        s->declared[i] = type;
    }
    return changed;
}

/*
 * Once for what does not fit, and once more where one that is no longer declared is inferred as something else.  What the server does not
 * take is not asked for again.
 */
static int make_fit(struct pg_conn *c, struct pg_stmt *s, weir_args args, weir_error *err)
{
    int st = pg_is_made(c, s) ? WEIR_OK : pg_make(c, s, err);
    for (int i = 0; i < 2 && st == WEIR_OK && declare(s, args); i++)
        st = pg_make(c, s, err);
    for (size_t i = 0; i < args.n && st < 0; i++)
        s->declared[i] = 0;
    return st;
}

static inline int fit(struct pg_conn *c, struct pg_stmt *s, weir_args args, weir_error *err)
{
    return pg_is_made(c, s) && all_fit(s, args) ? WEIR_OK : make_fit(c, s, args, err);
}

int pg_fit(struct pg_conn *c, struct pg_stmt *s, weir_args args, weir_error *err)
{
    return fit(c, s, args, err);
}

/* ---- sending ---- */

static int send_whole(struct pg_conn *c, const struct pg_stmt *s, const struct pg_args *a)
{
    return PQsendQueryParams(c->pg, s->sql, (int)s->params, s->actual, a->values, a->lengths, a->formats, 0);
}

static int send_named(struct pg_conn *c, const struct pg_stmt *s, const struct pg_args *a)
{
    return PQsendQueryPrepared(c->pg, s->name, (int)s->params, a->values, a->lengths, a->formats, s->binary);
}

static inline int queue(struct pg_conn *c, struct pg_stmt *s)
{
    if (!c->pooler)
        c->changed |= s->flags & (PG_CHANGES | PG_PREPARES); /* keeps truth 4 */
    c->running = s;
    return c->pooler ? send_whole(c, s, &c->args) : send_named(c, s, &c->args);
}

int pg_queue(struct pg_conn *c, struct pg_stmt *s)
{
    return queue(c, s);
}

static int send_behind(struct pg_conn *c, struct pg_stmt *s, weir_error *err)
{
    const int st = pg_lead(c, err);
    if (st < 0)
        return st;
    return queue(c, s) ? pg_sync(c, err) : pg_fail(c, NULL, err);
}

static inline int send_it(struct pg_conn *c, struct pg_stmt *s, weir_error *err)
{
    c->led = 0;
    const int st = pg_has_front(c) ? send_behind(c, s, err) : pg_sent(c, queue(c, s), err);
    pg_args_trim(c);
    return st;
}

int pg_send(struct pg_conn *c, struct pg_stmt *s, weir_error *err)
{
    return send_it(c, s, err);
}

/* ---- the answer ---- */

/* A value that does not parse may be one for the type that its column has by now.  1: it may be run again. */
int pg_outdate(struct pg_conn *c, struct pg_stmt *s, const weir_error *err)
{
    const int again = c->again || (c->stale && !c->in_transaction);
    if (c->stale || strcmp(err->sqlstate, "22P02") == 0)
        pg_unmake(c, s);
    c->stale = c->again = 0;
    return again;
}

static int finds(const char *tag)
{
    return (*tag == 'S' && strncmp(tag, "SELECT", 6) == 0) || (*tag == 'M' && strncmp(tag, "MOVE", 4) == 0);
}

/* How many rows were changed: the number at the end of its tag, if there is one.  A query's is of rows that were found. */
int64_t pg_count(const struct pg_stmt *s, PGresult *r)
{
    uint64_t count = 0, unit = 1;
    const char *tag = s->flags & PG_READS ? "" : PQcmdStatus(r), *end = tag + strlen(tag);
    if (finds(tag))
        return 0;
    for (; end > tag && end[-1] >= '0' && end[-1] <= '9'; unit *= 10)
        count += unit * (uint64_t)(*--end - '0');
    return (int64_t)count;
}

/* The key that an INSERT … RETURNING gives first, of its last row. */
static void keep_id(struct pg_conn *c, struct pg_stmt *s, PGresult *rows)
{
    weir_value v = weir_null();
    c->last_id = 0;
    if (!rows || PQntuples(rows) == 0)
        return;
    c->result = (struct pg_result){ .at = PG_WHOLE, .stmt = s, .rows = rows, .row = PQntuples(rows) - 1 };
    if (pg_read(c, 0, &v) == WEIR_OK && v.type == WEIR_INT)
        c->last_id = v.as.i;
    pg_forget_blobs(c);
    c->result = (struct pg_result){ .at = PG_CLOSED };
}

int pg_keep_counts(struct pg_conn *c, struct pg_stmt *s, PGresult *r, weir_error *err)
{
    const int st = s->columns && c->pooler ? pg_reshape(c, s, r, err) : WEIR_OK;
    c->affected = pg_count(s, r);
    if (st == WEIR_OK && s->flags & PG_INSERTS)
        keep_id(c, s, r);
    return st;
}

static inline int end_whole(struct pg_conn *c, struct pg_stmt *s, enum pg_form form, int want_rows, weir_error *err)
{
    PGresult *last;
    int st = form == PG_HERE ? pg_take(c, &last, err) : pg_finish(c, NULL, &last, err);
    if (st < 0)
        return st;
    if (c->pooler || !(s->flags & PG_READS)) /* what only reads has changed nothing */
        st = pg_keep_counts(c, s, last, err);
    if (st == WEIR_OK && want_rows)
        pg_result_open(c, s, PG_WHOLE, last);
    else
        PQclear(last);
    return st;
}

/* What is wrong with the first row comes out of run. */
static int begin_stream(struct pg_conn *c, struct pg_stmt *s, weir_error *err)
{
    PGresult *first = NULL;
    int st = pg_row(c, &first, err);
    if (st == WEIR_ROW && pg_reshape(c, s, first, err) < 0) {
        PQclear(first);
        weir_error ignored;
        pg_finish(c, NULL, NULL, &ignored);
        return WEIR_E_MEMORY;
    }
    if (st < 0)
        return st;
    pg_result_open(c, s, st == WEIR_ROW ? PG_FIRST : PG_PAST, first);
    return WEIR_OK;
}

/*
 * Has to be chosen after the answer is here and before libpq takes it apart; it is looked at with what comes in front of it.  The wait for
 * it is begun here in any case: libpq need not be asked whether it has an answer that it has not read.
 */
static inline int choose_form(struct pg_conn *c, const struct pg_stmt *s, enum pg_form *form, weir_error *err)
{
    int st = c->heard ? WEIR_OK : pg_wait(c, POLLIN, err);
    if (st < 0)
        return st;
    if (s->columns > 0 && s->flags & PG_READS)
        *form = pg_look(c);
    else
        PQconsumeInput(c->pg);
    if (c->led)
        st = pg_pass(c, err);
    if (st == WEIR_OK && *form == PG_LONG && !pg_stream_rows(c))
        *form = PG_SHORT;
    return st;
}

static inline int run_once(struct pg_conn *c, struct pg_stmt *s, weir_args args, int want_rows, weir_error *err)
{
    enum pg_form form = PG_SHORT;
    int st = fit(c, s, args, err);
    if (st == WEIR_OK)
        st = pg_encode(c, s, args, err);
    if (st == WEIR_OK)
        st = send_it(c, s, err);
    if (st == WEIR_OK)
        st = choose_form(c, s, &form, err);
    if (st < 0)
        return st;
    return form == PG_LONG && want_rows ? begin_stream(c, s, err) : end_whole(c, s, form, want_rows, err);
}

int pg_run(void *conn, void *stmt, weir_args args, int want_rows, int64_t deadline_ns, weir_error *err)
{
    struct pg_conn *c = conn;
    struct pg_stmt *s = stmt;
    c->affected = 0;
    int st = pg_begins(c, deadline_ns, err);
    if (st < 0)
        return st;
    int runs = 0;
    do
        st = run_once(c, s, args, want_rows, err);
    while (st < 0 && runs++ == 0 && pg_outdate(c, s, err));
    if (st == WEIR_OK && s->flags & PG_FORGETS)
        c->generation++;
    return st;
}

int64_t pg_affected(void *conn)
{
    return ((struct pg_conn *)conn)->affected;
}

int64_t pg_last_id(void *conn)
{
    return ((struct pg_conn *)conn)->last_id;
}
