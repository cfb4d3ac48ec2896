/*
 * Statements: translating one, preparing it on the server, forgetting it.
 *
 * One that nobody needs any more is dropped on the server with the next that is prepared outside a transaction: DEALLOCATE of a name
 * that the server has lost would fail the transaction.  Behind a pooler a statement has no name there: it is described once,
 * and sent whole each time.
 * SPDX-License-Identifier: MIT
 */
#include <stdio.h>
#include "pg.h"

enum {
    MOST_PARAMS = 65535,
    MOST_DESCRIBED = 7498 /* what an old libpq reads of a description, four bytes each */
};

static void *resize(struct pg_conn *c, void *block, size_t size)
{
    return c->host->realloc(c->host->ctx, block, size);
}

/* ---- ours ---- */

static void enlist(struct pg_stmt **list, struct pg_stmt *s)
{
    s->previous = NULL;
    s->next = *list;
    if (s->next)
        s->next->previous = s;
    *list = s;
}

static void delist(struct pg_stmt **list, struct pg_stmt *s)
{
    *(s->previous ? &s->previous->next : list) = s->next;
    if (s->next)
        s->next->previous = s->previous;
}

/* What the server has said of it. */
static void forget_description(struct pg_conn *c, struct pg_stmt *s)
{
    PQclear(s->about);
    PQclear(s->shape);
    resize(c, s->readers, 0);
    s->about = s->shape = NULL;
    s->readers = NULL;
}

static void destroy(struct pg_conn *c, struct pg_stmt *s)
{
    forget_description(c, s);
    resize(c, s->declared, 0);
    resize(c, s, 0);
}

/* Old ones take a description of more than 30000 bytes for noise, and give the connection up. */
static int libpq_reads_long_descriptions(void)
{
    static const int since[] = { 140025, 150020, 160016, 170012, 180006 };
    const int version = PQlibVersion();
    for (size_t i = 0; i < sizeof since / sizeof *since; i++)
        if (version / 10000 == since[i] / 10000)
            return version >= since[i];
    return version >= 190000;
}

static int refuse_params(struct pg_conn *c, const struct pg_stmt *s, weir_error *err)
{
    if (s->params > MOST_PARAMS)
        c->host->fail(err, WEIR_E_STATEMENT, "postgres: the statement has %zu placeholders; the server takes %d",
                      s->params, MOST_PARAMS);
    else if (s->params > MOST_DESCRIBED && !libpq_reads_long_descriptions())
        c->host->fail(
            err, WEIR_E_STATEMENT,
            "postgres: the statement has %zu placeholders; this libpq, %d.%d, takes %d, later releases take %d",
            s->params, PQlibVersion() / 10000, PQlibVersion() % 10000, MOST_DESCRIBED, MOST_PARAMS);
    else
        return WEIR_OK;
    memcpy(err->sqlstate, "54023", 6);
    return WEIR_E_STATEMENT;
}

static int refuse(struct pg_conn *c, const struct pg_stmt *s, weir_error *err)
{
    if (s->flags & PG_EMPTY)
        return c->host->fail(err, WEIR_E_STATEMENT, "the statement is empty");
    if (s->flags & PG_COPIES)
        return c->host->fail(err, WEIR_E_UNSUPPORTED, "postgres: COPY through the connection needs its native handle");
    if (s->flags & PG_LEAVES && c->pooler)
        return c->host->fail(err, WEIR_E_UNSUPPORTED,
                             "postgres: with pooler=transaction a session belongs to others too, and this statement "
                             "would leave something in it");
    return refuse_params(c, s, err);
}

/* Whether a backslash escapes in every string, as it did long ago. */
static int has_escapes(const struct pg_conn *c)
{
    const char *standard = PQparameterStatus(c->pg, "standard_conforming_strings");
    return standard && strcmp(standard, "off") == 0;
}

static int create(struct pg_conn *c, struct pg_stmt **out, const char *sql, weir_error *err)
{
    const int escapes = has_escapes(c);
    size_t params;
    const size_t length = pg_translate(NULL, sql, escapes, &params);
    struct pg_stmt *s = *out = resize(c, NULL, sizeof *s + length + 1);
    if (!s)
        return c->host->fail(err, WEIR_E_MEMORY, "no memory for a statement");
    *s = (struct pg_stmt){ .flags = pg_study(sql, escapes), .params = params };
    pg_translate(s->sql, sql, escapes, &params);
    const int st = refuse(c, s, err);
    if (st < 0)
        destroy(c, s);
    return st;
}

/* ---- the server's ---- */

const PGresult *pg_shape_of(const struct pg_stmt *s)
{
    return s->shape ? s->shape : s->about;
}

void pg_unmake(struct pg_conn *c, struct pg_stmt *s)
{
    forget_description(c, s);
}

static void keep_dropped(struct pg_conn *c, struct pg_stmt *s)
{
    forget_description(c, s);
    enlist(&c->dropped, s);
}

/* The server may have it under this name: it is to be dropped there, and made under another. */
static int unname(struct pg_conn *c, struct pg_stmt *s, weir_error *err)
{
    if (!*s->name || s->generation != c->generation)
        return WEIR_OK;
    struct pg_stmt *old = resize(c, NULL, sizeof *old);
    if (!old)
        return c->host->fail(err, WEIR_E_MEMORY, "no memory for a statement");
    *old = (struct pg_stmt){ .generation = s->generation };
    memcpy(old->name, s->name, sizeof old->name);
    *s->name = '\0';
    keep_dropped(c, old);
    return WEIR_OK;
}

static int send_drop(struct pg_conn *c, const struct pg_stmt *s, weir_error *err)
{
    char sql[64];
    snprintf(sql, sizeof sql, "DEALLOCATE %s", s->name);
    const int st = pg_sent(c, PQsendQueryParams(c->pg, sql, 0, NULL, NULL, NULL, NULL, 0), err);
    return st < 0 ? st : pg_sync(c, err);
}

/* Each in a part of the pipeline of its own: one that fails takes nothing with it. */
static int drop_forgotten(struct pg_conn *c, weir_error *err)
{
    int st = WEIR_OK;
    while (c->dropped && st == WEIR_OK && !c->in_transaction) {
        struct pg_stmt *s = c->dropped;
        if (s->generation == c->generation)
            st = send_drop(c, s, err);
        delist(&c->dropped, s);
        destroy(c, s);
    }
    return st;
}

static int send_make(struct pg_conn *c, const struct pg_stmt *s, weir_error *err)
{
    const int declared = s->declared ? (int)s->params : 0;
    int st = pg_pipeline(c, err);
    if (st == WEIR_OK)
        st = drop_forgotten(c, err);
    if (st == WEIR_OK)
        st = pg_sent(c, PQsendPrepare(c->pg, s->name, s->sql, declared, s->declared), err);
    if (st == WEIR_OK)
        st = pg_sent(c, PQsendDescribePrepared(c->pg, s->name), err);
    return st < 0 ? st : pg_sync(c, err);
}

static int make_types(struct pg_conn *c, struct pg_stmt *s, weir_error *err)
{
    const size_t size = 2 * s->params * sizeof *s->declared;
    s->declared = resize(c, NULL, size);
    if (!s->declared)
        return c->host->fail(err, WEIR_E_MEMORY, "no memory for a statement");
    memset(s->declared, 0, size);
    s->actual = s->declared + s->params;
    return WEIR_OK;
}

static int find_types(struct pg_conn *c, struct pg_stmt *s, weir_error *err)
{
    s->params = (size_t)PQnparams(s->about);
    if (!s->declared && s->params) {
        const int st = make_types(c, s, err);
        if (st < 0)
            return st;
    }
    for (size_t i = 0; i < s->params; i++)
        s->actual[i] = PQparamtype(s->about, (int)i);
    return WEIR_OK;
}

/* Chooses how the results will come: in binary, where all their columns can be read like that. */
static int find_readers(struct pg_conn *c, struct pg_stmt *s, weir_error *err)
{
    const PGresult *shape = pg_shape_of(s);
    s->columns = (size_t)PQnfields(shape);
    s->binary = !c->pooler && s->columns > 0;
    if (s->columns == 0)
        return WEIR_OK;
    const struct pg_type **readers = resize(c, s->readers, s->columns * sizeof *readers);
    if (!readers)
        return c->host->fail(err, WEIR_E_MEMORY, "no memory for a statement");
    s->readers = readers;
    for (size_t i = 0; i < s->columns; i++) {
        s->readers[i] = pg_type_of(PQftype(shape, (int)i));
        s->binary = s->binary && pg_type_is_binary(s->readers[i]);
    }
    return WEIR_OK;
}

static int has_shape(const PGresult *a, const PGresult *b)
{
    const int n = PQnfields(a);
    int same = n == PQnfields(b);
    for (int i = 0; same && i < n; i++)
        same = PQftype(a, i) == PQftype(b, i);
    return same;
}

int pg_reshape(struct pg_conn *c, struct pg_stmt *s, const PGresult *rows, weir_error *err)
{
    if (!c->pooler || !rows || has_shape(pg_shape_of(s), rows))
        return WEIR_OK;
    PGresult *shape = PQcopyResult(rows, PG_COPYRES_ATTRS);
    if (!shape)
        return c->host->fail(err, WEIR_E_MEMORY, "no memory for a result");
    PQclear(s->shape);
    s->shape = shape;
    return find_readers(c, s, err);
}

int pg_make(struct pg_conn *c, struct pg_stmt *s, weir_error *err)
{
    int st = unname(c, s, err);
    if (st < 0)
        return st;
    forget_description(c, s);
    if (!c->pooler)
        snprintf(s->name, sizeof s->name, "weir_%u", ++c->numbers);
    s->generation = c->generation;
    c->running = NULL;
    st = send_make(c, s, err);
    if (st == WEIR_OK)
        st = pg_finish(c, NULL, &s->about, err);
    if (st == WEIR_OK)
        st = find_types(c, s, err);
    if (st == WEIR_OK)
        st = find_readers(c, s, err);
    if (st < 0)
        forget_description(c, s);
    return st;
}

int pg_prepare_as(struct pg_conn *c, struct pg_stmt **out, const char *sql, const Oid *declared, weir_error *err)
{
    struct pg_stmt *s;
    int st = create(c, &s, sql, err);
    if (st < 0)
        return st;
    if (declared && s->params && (st = make_types(c, s, err)) == WEIR_OK)
        memcpy(s->declared, declared, s->params * sizeof *declared);
    if (st == WEIR_OK)
        st = pg_make(c, s, err);
    if (st < 0) {
        destroy(c, s);
        return st;
    }
    enlist(&c->statements, s);
    *out = s;
    return WEIR_OK;
}

int pg_keep(struct pg_conn *c, struct pg_stmt **s, const char *sql, weir_error *err)
{
    if (!*s)
        return pg_prepare_as(c, s, sql, NULL, err);
    return pg_is_made(c, *s) ? WEIR_OK : pg_make(c, *s, err);
}

/* ---- hooks ---- */

int pg_prepare(void *conn, void **stmt, size_t *params, size_t *columns, const char *sql, int64_t deadline_ns,
               weir_error *err)
{
    struct pg_conn *c = conn;
    struct pg_stmt *s;
    int st = pg_begins(c, deadline_ns, err);
    if (st == WEIR_OK)
        st = pg_prepare_as(c, &s, sql, NULL, err);
    if (st < 0)
        return st;
    *stmt = s;
    *params = s->params;
    *columns = s->columns;
    return WEIR_OK;
}

void pg_forget(void *conn, void *stmt)
{
    struct pg_conn *c = conn;
    struct pg_stmt *s = stmt;
    if (c->result.stmt == s)
        pg_abandon(c);
    delist(&c->statements, s);
    if (*s->name)
        keep_dropped(c, s);
    else
        destroy(c, s);
}

static void destroy_all(struct pg_conn *c, struct pg_stmt **list)
{
    while (*list) {
        struct pg_stmt *s = *list;
        delist(list, s);
        destroy(c, s);
    }
}

void pg_forget_all(struct pg_conn *c)
{
    destroy_all(c, &c->statements);
    destroy_all(c, &c->dropped);
}
