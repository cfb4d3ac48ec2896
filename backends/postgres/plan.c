/*
 * Plans: the statement that writes many rows of one kind, and what their cells are sent as.  The last few are kept.
 *
 * What must be true:
 *  1. A statement declares what it is sent, so that for a column whose type has changed meanwhile it is converted without loss or refused.
 *     Before anything is cast, or called a misfit, and after a failure, the types are asked for again.
 *  2. What pg_learn says holds until the transaction ends: it has the table's lock by then.
 * SPDX-License-Identifier: MIT
 */
#include <stdio.h>
#include "pg.h"
#include "types.h"

static void *resize(struct pg_conn *c, void *block, size_t size)
{
    return c->host->realloc(c->host->ctx, block, size);
}

static int no_memory(struct pg_conn *c, weir_error *err)
{
    return c->host->fail(err, WEIR_E_MEMORY, "no memory for the statement of a bulk job");
}

/* ---- what the server knows ---- */

/* A rule, a policy or a view has a say in INSERT, and none in COPY. */
#define ABOUT_TABLE                                                                                           \
    "SELECT relname, (relkind IN ('r', 'p') AND NOT relhasrules AND NOT relrowsecurity)::text FROM pg_class " \
    "WHERE oid = to_regclass($1)"

/* Asked again and again, so it is kept. */
static int prepare_question(struct pg_conn *c, const char *table, weir_error *err)
{
    int st = pg_keep(c, &c->about_table, ABOUT_TABLE, err);
    if (st == WEIR_OK)
        st = pg_args_room(c, 1, 0, err);
    if (st < 0)
        return st;
    c->args.values[0] = table;
    c->args.lengths[0] = c->args.formats[0] = 0;
    return WEIR_OK;
}

static int send_questions(struct pg_conn *c, const char *probe, const char *table, weir_error *err)
{
    int st = prepare_question(c, table, err);
    if (st == WEIR_OK)
        st = pg_pipeline(c, err);
    if (st == WEIR_OK)
        st = pg_sent(c, PQsendPrepare(c->pg, "", probe, 0, NULL), err);
    if (st == WEIR_OK)
        st = pg_sent(c, PQsendDescribePrepared(c->pg, ""), err);
    if (st == WEIR_OK)
        st = pg_sent(c, pg_queue(c, c->about_table), err);
    return st < 0 ? st : pg_sync(c, err);
}

static void keep_types(const PGresult *described, Oid *types, size_t count)
{
    for (size_t i = 0; i < count; i++)
        types[i] = PQparamtype(described, (int)i);
}

static void keep_table(const PGresult *about, struct pg_table *table)
{
    const int known = PQntuples(about) == 1;
    table->copies = known && *PQgetvalue(about, 0, 1) == 't';
    snprintf(table->name, sizeof table->name, "%s", known ? PQgetvalue(about, 0, 0) : "");
}

static int hear_answers(struct pg_conn *c, Oid *types, size_t count, struct pg_table *table, weir_error *err)
{
    PGresult *r = NULL;
    int st = pg_hear(c, &r, err);
    if (st < 0)
        return st;
    PQclear(r);
    st = pg_hear(c, &r, err);
    if (st < 0)
        return st;
    keep_types(r, types, count);
    PQclear(r);
    st = pg_hear(c, &r, err);
    if (st < 0)
        return st;
    keep_table(r, table);
    return pg_finish(c, r, NULL, err);
}

int pg_learn(struct pg_conn *c, const weir_bulk_spec *spec, Oid *types, struct pg_table *table, weir_error *err)
{
    struct pg_text probe = { .c = c };
    pg_text_probe(&probe, spec);
    int st = probe.failed ? no_memory(c, err) : send_questions(c, probe.bytes, spec->table, err);
    pg_text_end(&probe);
    if (st == WEIR_OK)
        st = hear_answers(c, types, spec->count, table, err);
    if (st < 0 && c->stale)
        pg_unmake(c, c->about_table);
    return st;
}

/* ---- keeping them ---- */

static void forget_statement(struct pg_conn *c, struct pg_plan *p)
{
    if (p->stmt)
        pg_forget(c, p->stmt);
    p->stmt = NULL;
}

static void release(struct pg_conn *c, struct pg_plan *p)
{
    resize(c, p->types, 0);
    *p = (struct pg_plan){ .kind = 0 };
}

void pg_plans_end(struct pg_conn *c)
{
    for (size_t i = 0; i < PG_PLANS; i++)
        release(c, &c->plans[i]);
}

/* Or the place of the one that was not used for longest. */
static struct pg_plan *find(struct pg_conn *c, uint64_t kind)
{
    struct pg_plan *oldest = c->plans;
    for (struct pg_plan *p = c->plans; p < c->plans + PG_PLANS; p++) {
        if (p->kind == kind)
            return p;
        if (p->used < oldest->used)
            oldest = p;
    }
    return oldest;
}

static void choose(struct pg_plan *p, size_t count)
{
    for (size_t i = 0; i < count; i++)
        p->sent[i] = pg_wide_type(p->types[i]);
    p->changes++;
}

static int create(struct pg_conn *c, struct pg_plan *p, uint64_t kind, const weir_bulk_spec *spec, weir_error *err)
{
    struct pg_table ignored;
    forget_statement(c, p);
    release(c, p);
    *p = (struct pg_plan){ .kind = kind, .types = resize(c, NULL, 2 * spec->count * sizeof *p->types), .fresh = 1 };
    const int st = p->types ? pg_learn(c, spec, p->types, &ignored, err) : no_memory(c, err);
    if (st < 0) {
        release(c, p);
        return st;
    }
    p->sent = p->types + spec->count;
    choose(p, spec->count);
    return WEIR_OK;
}

int pg_plan_find(struct pg_conn *c, struct pg_plan **out, uint64_t kind, const weir_bulk_spec *spec, weir_error *err)
{
    struct pg_plan *p = *out = find(c, kind);
    int st = WEIR_OK;
    for (size_t i = 0; i < PG_PLANS; i++)
        c->plans[i].fresh = 0;
    if (p->kind != kind)
        st = create(c, p, kind, spec, err);
    if (st == WEIR_OK)
        p->used = ++c->planned;
    return st;
}

/* ---- the statement ---- */

/* A text is taken for one by the server only where the column is one. */
static int is_cast(const struct pg_plan *p, size_t i)
{
    return p->sent[i] != pg_wide_type(p->types[i]) || !pg_array_of(p->types[i]);
}

static int has_casts(const struct pg_plan *p, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (is_cast(p, i))
            return 1;
    return 0;
}

/* A row for each type. */
static int ask_names(struct pg_conn *c, const struct pg_plan *p, size_t count, PGresult **out, weir_error *err)
{
    struct pg_text types = { .c = c };
    pg_text_types(&types, p->types, count);
    const char *value = types.bytes;
    c->running = NULL;
    int st = types.failed ? no_memory(c, err) : WEIR_OK;
    if (st == WEIR_OK)
        st = pg_sent(c,
                     PQsendQueryParams(c->pg, "SELECT format_type(t, -1) FROM unnest($1::oid[]) t", 1, NULL, &value,
                                       NULL, NULL, 0),
                     err);
    pg_text_end(&types);
    return st < 0 ? st : pg_finish(c, NULL, out, err);
}

/* names: NULL, or what ask_names got. */
static int prepare(struct pg_conn *c, struct pg_plan *p, const weir_bulk_spec *spec, const PGresult *names,
                   weir_error *err)
{
    struct pg_text sql = { .c = c };
    const char **casts = resize(c, NULL, spec->count * (sizeof *casts + sizeof(Oid)));
    if (!casts)
        return no_memory(c, err);
    Oid *arrays = (Oid *)(casts + spec->count);
    for (size_t i = 0; i < spec->count; i++) {
        casts[i] = is_cast(p, i) ? PQgetvalue(names, (int)i, 0) : NULL;
        arrays[i] = pg_array_of(p->sent[i]);
    }
    pg_text_insert(&sql, spec, casts);
    const int st = sql.failed ? no_memory(c, err) : pg_prepare_as(c, &p->stmt, sql.bytes, arrays, err);
    pg_text_end(&sql);
    resize(c, casts, 0);
    return st;
}

static int make(struct pg_conn *c, struct pg_plan *p, const weir_bulk_spec *spec, weir_error *err)
{
    PGresult *names = NULL;
    int st = has_casts(p, spec->count) ? ask_names(c, p, spec->count, &names, err) : WEIR_OK;
    if (st == WEIR_OK)
        st = prepare(c, p, spec, names, err);
    PQclear(names);
    return st;
}

int pg_all_native(const Oid *types, const struct pg_rows *rows)
{
    for (size_t i = 0; i < rows->spec->count; i++)
        if (!pg_array_of(types[i]) || !pg_column_is_native(types[i], rows, i))
            return 0;
    return 1;
}

/* A bytea that had to take numbers once is one again. */
static void tighten(struct pg_conn *c, struct pg_plan *p, const struct pg_rows *rows)
{
    for (size_t i = 0; i < rows->spec->count; i++)
        if (p->types[i] == PG_BYTEA && p->sent[i] != PG_BYTEA && rows->kinds[i] & 1u << WEIR_BLOB &&
            pg_column_is_native(PG_BYTEA, rows, i)) {
            p->sent[i] = PG_BYTEA;
            p->changes++;
            forget_statement(c, p);
        }
}

/* The server would take bytes for the text of whatever the column holds; in a bytea, too, if other cells have to go as text. */
static int refuse_blobs(struct pg_conn *c, const struct pg_plan *p, const struct pg_rows *rows, size_t *bad,
                        weir_error *err)
{
    for (size_t i = 0; i < rows->spec->count; i++) {
        const int takes = p->types[i] == PG_BYTEA && pg_column_is_native(PG_BYTEA, rows, i);
        for (size_t k = 0; !takes && k < rows->count; k++)
            if (rows->cells[k][i].type == WEIR_BLOB) {
                *bad = k;
                return c->host->fail(err, WEIR_E_DATA,
                                     p->types[i] == PG_BYTEA ? "column %s: a blob does not go together with numbers"
                                                             : "column %s is no bytea: it holds no blob",
                                     rows->spec->columns[i].name);
            }
    }
    return WEIR_OK;
}

/* Are they still the same? */
static int learn_again(struct pg_conn *c, struct pg_plan *p, const weir_bulk_spec *spec, weir_error *err)
{
    struct pg_table ignored;
    const size_t size = spec->count * sizeof(Oid);
    Oid *types = resize(c, NULL, size);
    const int st = types ? pg_learn(c, spec, types, &ignored, err) : no_memory(c, err);
    if (st == WEIR_OK && memcmp(types, p->types, size) != 0) {
        memcpy(p->types, types, size);
        forget_statement(c, p);
        choose(p, spec->count);
    }
    if (st == WEIR_OK) {
        p->fresh = 1;
        p->doubt = 0;
    }
    resize(c, types, 0);
    return st;
}

/* What does not fit goes as text. */
static void loosen(struct pg_conn *c, struct pg_plan *p, const struct pg_rows *rows)
{
    for (size_t i = 0; i < rows->spec->count; i++)
        if (!pg_column_is_native(p->sent[i], rows, i)) {
            p->sent[i] = PG_TEXT;
            p->changes++;
            forget_statement(c, p);
        }
}

int pg_plan_ready(struct pg_conn *c, struct pg_plan *p, const struct pg_rows *rows, size_t *bad, weir_error *err)
{
    const weir_bulk_spec *spec = rows->spec;
    tighten(c, p, rows);
    int st = WEIR_OK, fits = pg_all_native(p->sent, rows);
    if (!p->fresh && (p->doubt || !fits || has_casts(p, spec->count))) {
        st = learn_again(c, p, spec, err);
        fits = 0;
    }
    if (st == WEIR_OK && !fits)
        st = refuse_blobs(c, p, rows, bad, err);
    if (st < 0)
        return st;
    if (!fits)
        loosen(c, p, rows);
    if (!p->stmt)
        return make(c, p, spec, err);
    return pg_is_made(c, p->stmt) ? WEIR_OK : pg_make(c, p->stmt, err);
}
