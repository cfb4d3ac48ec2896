/*
 * The texts of the statements that write many rows.
 *
 * Each column comes as an array, and they are unnested side by side.  The stored row has a name of its own: a bare column would be
 * ambiguous beside the new row's.
 * SPDX-License-Identifier: MIT
 */
#include <stdio.h>
#include "pg.h"

#define FIRST_SIZE 512

/* ---- a text that grows ---- */

static void add_bytes(struct pg_text *t, const char *bytes, size_t n)
{
    if (t->length + n + 1 > t->size && !t->failed) {
        const size_t size = 2 * t->size + n + FIRST_SIZE;
        char *larger = t->c->host->realloc(t->c->host->ctx, t->bytes, size);
        t->failed = !larger;
        t->bytes = larger ? larger : t->bytes;
        t->size = larger ? size : t->size;
    }
    if (t->failed)
        return;
    memcpy(t->bytes + t->length, bytes, n);
    t->length += n;
    t->bytes[t->length] = '\0';
}

void pg_text_end(struct pg_text *t)
{
    t->c->host->realloc(t->c->host->ctx, t->bytes, 0);
    *t = (struct pg_text){ .c = t->c };
}

/* Each # in it becomes that name. */
static void add(struct pg_text *t, const char *form, const char *name)
{
    for (const char *s = form; *s;) {
        const size_t n = strcspn(s, "#");
        add_bytes(t, s, n);
        s += n;
        if (*s == '#') {
            add_bytes(t, name, strlen(name));
            s++;
        }
    }
}

/* ---- the statements ---- */

/* In parentheses; of keys alone, or all. */
static void add_names(struct pg_text *t, const weir_bulk_spec *spec, int keys_only)
{
    const char *form = " (#";
    for (size_t i = 0; i < spec->count; i++)
        if (!keys_only || spec->columns[i].key) {
            add(t, form, spec->columns[i].name);
            form = ", #";
        }
    add(t, ")", "");
}

/* A parameter a column, or what is made of it, with commas between. */
static void add_params(struct pg_text *t, size_t count, const char *form, const char *const *casts)
{
    char number[24];
    for (size_t i = 0; i < count; i++) {
        snprintf(number, sizeof number, "$%zu", i + 1);
        add(t, i ? ", " : "", "");
        add(t, casts && casts[i] ? "CAST(" : "", "");
        add(t, form, number);
        add(t, casts && casts[i] ? " AS #)" : "", casts ? casts[i] : "");
    }
}

/* Whether the new row is the newer one, by a column to tell by: one with others behind it, or the last that is looked at. */
static const char *const newer[2] = {
    "(excluded.# > weir_stored.# OR weir_stored.# IS NULL AND excluded.# IS NOT NULL OR excluded.# IS NOT DISTINCT "
    "FROM "
    "weir_stored.# AND ",
    "(excluded.# >= weir_stored.# OR weir_stored.# IS NULL",
};

static void add_newer(struct pg_text *t, const weir_bulk_spec *spec, uint32_t group)
{
    int depth = 0;
    for (size_t i = weir_newer_by(spec->columns, spec->count, group), next; i != SIZE_MAX; i = next, depth++) {
        next = weir_newer_by(spec->columns, i, group);
        add(t, newer[next == SIZE_MAX], spec->columns[i].name);
    }
    while (depth-- > 0)
        add(t, ")", "");
}

/* As <weir/bulk.h> has it; GREATEST and LEAST leave NULLs out by themselves. */
static const char *const forms[] = {
    [WEIR_REPLACE] = "# = excluded.#",
    [WEIR_KEEP] = NULL,
    [WEIR_ADD] = "# = COALESCE(weir_stored.# + excluded.#, weir_stored.#, excluded.#)",
    [WEIR_LARGER] = "# = GREATEST(weir_stored.#, excluded.#)",
    [WEIR_SMALLER] = "# = LEAST(weir_stored.#, excluded.#)",
    [WEIR_FILL] = "# = COALESCE(excluded.#, weir_stored.#)",
};

static void add_rule(struct pg_text *t, const weir_bulk_spec *spec, const weir_column *column)
{
    const uint32_t rule = WEIR_RULE_OF(column->conflict);
    if (rule < WEIR_NEWER) {
        add(t, forms[rule], column->name);
        return;
    }
    add(t, "# = CASE WHEN ", column->name);
    add_newer(t, spec, WEIR_GROUP_OF(column->conflict));
    add(t, " THEN excluded.# ELSE weir_stored.# END", column->name);
}

static void add_rules(struct pg_text *t, const weir_bulk_spec *spec)
{
    const char *glue = " DO UPDATE SET ";
    for (size_t i = 0; i < spec->count; i++) {
        const weir_column *column = &spec->columns[i];
        if (column->key || column->conflict == WEIR_KEEP)
            continue;
        add(t, glue, "");
        add_rule(t, spec, column);
        glue = ", ";
    }
    if (*glue != ',')
        add(t, " DO NOTHING", "");
}

void pg_text_insert(struct pg_text *t, const weir_bulk_spec *spec, const char *const *casts)
{
    add(t, "INSERT INTO # AS weir_stored", spec->table);
    add_names(t, spec, 0);
    add(t, " SELECT ", "");
    add_params(t, spec->count, "unnest(#)", casts);
    if (spec->insert_only)
        return;
    add(t, " ON CONFLICT", "");
    add_names(t, spec, 1);
    add_rules(t, spec);
}

void pg_text_probe(struct pg_text *t, const weir_bulk_spec *spec)
{
    add(t, "INSERT INTO #", spec->table);
    add_names(t, spec, 0);
    add(t, " VALUES (", "");
    add_params(t, spec->count, "#", NULL);
    add(t, ")", "");
}

void pg_text_copy(struct pg_text *t, const weir_bulk_spec *spec)
{
    add(t, "COPY #", spec->table);
    add_names(t, spec, 0);
    add(t, " FROM STDIN (FORMAT binary)", "");
}

void pg_text_types(struct pg_text *t, const Oid *types, size_t count)
{
    char number[24];
    for (size_t i = 0; i < count; i++) {
        snprintf(number, sizeof number, "%u", types[i]);
        add(t, i ? ",#" : "{#", number);
    }
    add(t, "}", "");
}
