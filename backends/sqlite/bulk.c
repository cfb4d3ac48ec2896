/*
 * Bulk: one statement, stepped for each row.  A loop inside the process has no round trip to save, so it beats a statement of many rows.
 * The last few are kept: to compile one takes as long as to write a few rows.
 * SPDX-License-Identifier: MIT
 */
#include "lite.h"

static void write_names(sqlite3_str *sql, const weir_bulk_spec *spec, int keys_only)
{
    const char *glue = "";
    for (size_t i = 0; i < spec->count; i++)
        if (!keys_only || spec->columns[i].key) {
            sqlite3_str_appendf(sql, "%s%s", glue, spec->columns[i].name);
            glue = ", ";
        }
}

/*
 * `$` the stored cell, which is its bare name, `@` the new one.  COALESCE: where one of the two is NULL, so is the first, and the other one
 * counts.  For the functions see number.c.
 */
static const char *const rules[] = {
    [WEIR_REPLACE] = "@",
    [WEIR_KEEP] = "$",
    [WEIR_ADD] = "weir_add($, @)",
    [WEIR_LARGER] = "COALESCE(max($, @), $, @)",
    [WEIR_SMALLER] = "COALESCE(min($, @), $, @)",
    [WEIR_FILL] = "COALESCE(@, $)",
};

static const char *const rules_of_numbers[] = {
    [WEIR_LARGER] = "weir_larger($, @)",
    [WEIR_SMALLER] = "weir_smaller($, @)",
};

/* Whether the new row is the newer one, by a column to tell by: the last that is looked at, or one with others behind it. */
static const char *const newer[2][2] = {
    { "(@ > $ OR $ IS NULL AND @ IS NOT NULL OR @ IS $ AND ", "(@ >= $ OR $ IS NULL" },
    { "(weir_order($, @) > 0 OR weir_order($, @) = 0 AND ", "(weir_order($, @) >= 0" }, /* compared as numbers */
};

static void write_form(sqlite3_str *sql, const char *form, const char *name)
{
    for (const char *f = form; *f; f++) {
        if (*f == '@')
            sqlite3_str_appendall(sql, "excluded.");
        if (*f == '$' || *f == '@')
            sqlite3_str_appendall(sql, name);
        else
            sqlite3_str_append(sql, f, 1);
    }
}

static void write_newer(sqlite3_str *sql, const weir_bulk_spec *spec, const unsigned char *numbers, uint32_t group)
{
    int depth = 0;
    for (size_t i = weir_newer_by(spec->columns, spec->count, group), next; i != SIZE_MAX; i = next, depth++) {
        next = weir_newer_by(spec->columns, i, group);
        write_form(sql, newer[numbers[i]][next == SIZE_MAX], spec->columns[i].name);
    }
    sqlite3_str_appendchar(sql, depth, ')');
}

static void write_rule(sqlite3_str *sql, const weir_bulk_spec *spec, const unsigned char *numbers, size_t column)
{
    const weir_column *c = &spec->columns[column];
    const uint32_t rule = WEIR_RULE_OF(c->conflict);
    if (rule < WEIR_NEWER) {
        write_form(sql, (numbers[column] ? rules_of_numbers : rules)[rule], c->name);
        return;
    }
    sqlite3_str_appendall(sql, "CASE WHEN ");
    write_newer(sql, spec, numbers, WEIR_GROUP_OF(c->conflict));
    write_form(sql, " THEN @ ELSE $ END", c->name);
}

static void write_update(sqlite3_str *sql, const weir_bulk_spec *spec, const unsigned char *numbers)
{
    const char *glue = " DO UPDATE SET ";
    sqlite3_str_appendall(sql, " ON CONFLICT (");
    write_names(sql, spec, 1);
    sqlite3_str_appendall(sql, ")");
    for (size_t i = 0; i < spec->count; i++) {
        const weir_column *c = &spec->columns[i];
        if (c->key || c->conflict == WEIR_KEEP)
            continue;
        sqlite3_str_appendf(sql, "%s%s = ", glue, c->name);
        write_rule(sql, spec, numbers, i);
        glue = ", ";
    }
    if (*glue != ',')
        sqlite3_str_appendall(sql, " DO NOTHING");
}

/* To be freed by sqlite3_free. */
static char *write_statement(struct lite_conn *c, const weir_bulk_spec *spec, const unsigned char *numbers,
                             weir_error *err)
{
    sqlite3_str *sql = sqlite3_str_new(c->db);
    sqlite3_str_appendf(sql, "INSERT INTO %s (", spec->table);
    write_names(sql, spec, 0);
    sqlite3_str_appendall(sql, ") VALUES (?");
    for (size_t i = 1; i < spec->count; i++)
        sqlite3_str_appendall(sql, ", ?");
    sqlite3_str_appendall(sql, ")");
    if (!spec->insert_only)
        write_update(sql, spec, numbers);
    char *text = sqlite3_str_finish(sql);
    if (!text)
        c->host->fail(err, WEIR_E_MEMORY, "no memory for the statement of a bulk job");
    return text;
}

static int compile(struct lite_conn *c, struct lite_bulk *b, const weir_bulk_spec *spec, weir_error *err)
{
    char *text = write_statement(c, spec, b->numbers, err);
    if (!text)
        return WEIR_E_MEMORY;
    const int rc = sqlite3_prepare_v3(c->db, text, -1, SQLITE_PREPARE_PERSISTENT, &b->stmt.handle, NULL);
    sqlite3_free(text);
    return rc == SQLITE_OK ? WEIR_OK : lite_fail(c, err);
}

/* ---- keeping them ---- */

static void forget(struct lite_conn *c, struct lite_bulk *b)
{
    sqlite3_finalize(b->stmt.handle);
    c->host->realloc(c->host->ctx, b->numbers, 0);
    *b = (struct lite_bulk){ 0 };
}

void lite_bulks_forget(struct lite_conn *c)
{
    for (int i = 0; i < LITE_BULKS; i++)
        forget(c, &c->bulks[i]);
}

/* Or the place of the one that was not used for longest. */
static struct lite_bulk *find(struct lite_conn *c, uint64_t kind)
{
    struct lite_bulk *oldest = c->bulks;
    for (struct lite_bulk *b = c->bulks; b < c->bulks + LITE_BULKS; b++) {
        if (b->kind == kind)
            return b;
        if (b->used < oldest->used)
            oldest = b;
    }
    return oldest;
}

static int know_kind(struct lite_conn *c, struct lite_bulk **out, uint64_t kind, const weir_bulk_spec *spec,
                     weir_error *err)
{
    struct lite_bulk *b = *out = find(c, kind);
    if (b->kind == kind) {
        b->used = ++c->bulks_used;
        return WEIR_OK;
    }
    forget(c, b);
    b->numbers = c->host->realloc(c->host->ctx, NULL, spec->count);
    if (!b->numbers)
        return c->host->fail(err, WEIR_E_MEMORY, "no memory for a bulk job");
    memset(b->numbers, 0, spec->count);
    b->kind = kind;
    b->used = ++c->bulks_used;
    return WEIR_OK;
}

/* ---- a column is compared as what its cells are ---- */

static int is_compared(const weir_column *c)
{
    const uint32_t rule = WEIR_RULE_OF(c->conflict);
    return !c->key && (rule == WEIR_LARGER || rule == WEIR_SMALLER || rule == WEIR_NEWER_BY);
}

static int is_number(const weir_value *v)
{
    return v->type == WEIR_INT || v->type == WEIR_DOUBLE || v->type == WEIR_DECIMAL;
}

/* Whether the statement compares the row's cells as what they are; if not, what it would have to do is noted. */
static int suits(struct lite_bulk *b, const weir_bulk_spec *spec, const weir_value *row)
{
    int same = 1;
    for (size_t i = 0; i < spec->count && !spec->insert_only; i++) {
        if (!is_compared(&spec->columns[i]) || row[i].type == WEIR_NULL || b->numbers[i] == is_number(&row[i]))
            continue;
        b->numbers[i] = !b->numbers[i];
        same = 0;
    }
    return same;
}

/* ---- writing ---- */

/* `before` is the row that the statement has been run for last, NULL for the first one and for a statement that is compiled now. */
static int ready(struct lite_conn *c, struct lite_bulk *b, const weir_bulk_spec *spec, const weir_value *row,
                 const weir_value **before, weir_error *err)
{
    if (suits(b, spec, row) && b->stmt.handle)
        return WEIR_OK;
    sqlite3_finalize(b->stmt.handle);
    b->stmt.handle = NULL;
    *before = NULL;
    return compile(c, b, spec, err);
}

static int write_row(struct lite_conn *c, struct lite_bulk *b, const weir_bulk_spec *spec, const weir_value *row,
                     const weir_value *before, weir_error *err)
{
    int st = ready(c, b, spec, row, &before, err);
    if (st == WEIR_OK)
        st = lite_bind(c, &b->stmt, weir_args_of(row, spec->count), before, SQLITE_STATIC, err);
    if (st == WEIR_OK && sqlite3_step(b->stmt.handle) != SQLITE_DONE)
        st = lite_fail(c, err);
    sqlite3_reset(b->stmt.handle);
    return st;
}

int lite_bulk_write(void *conn, uint64_t kind, const weir_bulk_spec *spec, const weir_value *const *rows, size_t count,
                    size_t *bad, int64_t deadline_ns, weir_error *err)
{
    struct lite_conn *c = conn;
    struct lite_bulk *b;
    lite_begins(c, deadline_ns);
    int st = know_kind(c, &b, kind, spec, err);
    if (st < 0)
        return st;
    for (size_t i = 0; i < count && st == WEIR_OK; i++) {
        st = write_row(c, b, spec, rows[i], i ? rows[i - 1] : NULL, err);
        if (st < 0)
            *bad = i;
    }
    if (b->stmt.handle)
        sqlite3_clear_bindings(b->stmt.handle);
    return st;
}
