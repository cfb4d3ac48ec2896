/*
 * Bulk: one statement, compiled once a job, stepped for each row.  A loop inside the process has no round trip to save, so it beats a
 * statement of many rows.
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

static void write_newer(sqlite3_str *sql, const struct lite_conn *c, const weir_bulk_spec *spec, uint32_t group)
{
    int depth = 0;
    for (size_t i = weir_newer_by(spec->columns, spec->count, group), next; i != SIZE_MAX; i = next, depth++) {
        next = weir_newer_by(spec->columns, i, group);
        write_form(sql, newer[c->bulk_numbers[i]][next == SIZE_MAX], spec->columns[i].name);
    }
    sqlite3_str_appendchar(sql, depth, ')');
}

static void write_rule(sqlite3_str *sql, const struct lite_conn *conn, const weir_bulk_spec *spec, size_t column)
{
    const weir_column *c = &spec->columns[column];
    const uint32_t rule = WEIR_RULE_OF(c->conflict);
    if (rule < WEIR_NEWER) {
        write_form(sql, (conn->bulk_numbers[column] ? rules_of_numbers : rules)[rule], c->name);
        return;
    }
    sqlite3_str_appendall(sql, "CASE WHEN ");
    write_newer(sql, conn, spec, WEIR_GROUP_OF(c->conflict));
    write_form(sql, " THEN @ ELSE $ END", c->name);
}

static void write_update(sqlite3_str *sql, const struct lite_conn *conn, const weir_bulk_spec *spec)
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
        write_rule(sql, conn, spec, i);
        glue = ", ";
    }
    if (*glue != ',')
        sqlite3_str_appendall(sql, " DO NOTHING");
}

static int compile(struct lite_conn *c, const weir_bulk_spec *spec, weir_error *err)
{
    sqlite3_str *sql = sqlite3_str_new(c->db);
    sqlite3_str_appendf(sql, "INSERT INTO %s (", spec->table);
    write_names(sql, spec, 0);
    sqlite3_str_appendall(sql, ") VALUES (?");
    for (size_t i = 1; i < spec->count; i++)
        sqlite3_str_appendall(sql, ", ?");
    sqlite3_str_appendall(sql, ")");
    if (!spec->insert_only)
        write_update(sql, c, spec);
    char *text = sqlite3_str_finish(sql);
    if (!text)
        return c->host->fail(err, WEIR_E_MEMORY, "no memory for the statement of a bulk job");
    const int rc = sqlite3_prepare_v3(c->db, text, -1, SQLITE_PREPARE_PERSISTENT, &c->bulk.handle, NULL);
    sqlite3_free(text);
    return rc == SQLITE_OK ? WEIR_OK : lite_fail(c, err);
}

void lite_bulk_forget(struct lite_conn *c)
{
    sqlite3_finalize(c->bulk.handle);
    c->bulk.handle = NULL;
    c->host->realloc(c->host->ctx, c->bulk_numbers, 0);
    c->bulk_numbers = NULL;
    c->bulk_job = 0;
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
static int suits(struct lite_conn *c, const weir_bulk_spec *spec, const weir_value *row)
{
    int same = 1;
    for (size_t i = 0; i < spec->count && !spec->insert_only; i++) {
        if (!is_compared(&spec->columns[i]) || row[i].type == WEIR_NULL || c->bulk_numbers[i] == is_number(&row[i]))
            continue;
        c->bulk_numbers[i] = !c->bulk_numbers[i];
        same = 0;
    }
    return same;
}

static int know_job(struct lite_conn *c, uint64_t job, const weir_bulk_spec *spec, weir_error *err)
{
    if (c->bulk_job == job)
        return WEIR_OK;
    lite_bulk_forget(c);
    c->bulk_numbers = c->host->realloc(c->host->ctx, NULL, spec->count);
    if (!c->bulk_numbers)
        return c->host->fail(err, WEIR_E_MEMORY, "no memory for a bulk job");
    memset(c->bulk_numbers, 0, spec->count);
    c->bulk_job = job;
    return WEIR_OK;
}

/* ---- writing ---- */

static int ready(struct lite_conn *c, const weir_bulk_spec *spec, const weir_value *row, weir_error *err)
{
    if (suits(c, spec, row) && c->bulk.handle)
        return WEIR_OK;
    sqlite3_finalize(c->bulk.handle);
    c->bulk.handle = NULL;
    return compile(c, spec, err);
}

static int write_row(struct lite_conn *c, const weir_bulk_spec *spec, const weir_value *row, weir_error *err)
{
    int st = ready(c, spec, row, err);
    if (st == WEIR_OK)
        st = lite_bind(c, &c->bulk, weir_args_of(row, spec->count), SQLITE_STATIC, err);
    if (st == WEIR_OK && sqlite3_step(c->bulk.handle) != SQLITE_DONE)
        st = lite_fail(c, err);
    sqlite3_reset(c->bulk.handle);
    return st;
}

int lite_bulk_write(void *conn, uint64_t job, const weir_bulk_spec *spec, const weir_value *const *rows, size_t count,
                    size_t *bad, int64_t deadline_ns, weir_error *err)
{
    struct lite_conn *c = conn;
    lite_begins(c, deadline_ns);
    int st = know_job(c, job, spec, err);
    for (size_t i = 0; i < count && st == WEIR_OK; i++) {
        st = write_row(c, spec, rows[i], err);
        if (st < 0)
            *bad = i;
    }
    if (c->bulk.handle)
        sqlite3_clear_bindings(c->bulk.handle);
    return st;
}
