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

/* A bare name is the stored value.  Where one of the two is NULL the other counts. */
static void write_merged(sqlite3_str *sql, const weir_column *c)
{
    static const char *const forms[] = {
        [WEIR_ADD] = "%s + excluded.%s",
        [WEIR_LARGER] = "max(%s, excluded.%s)",
        [WEIR_SMALLER] = "min(%s, excluded.%s)",
    };
    const char *n = c->name;
    if (c->conflict == WEIR_REPLACE) {
        sqlite3_str_appendf(sql, "excluded.%s", n);
        return;
    }
    sqlite3_str_appendf(sql, "CASE WHEN excluded.%s IS NULL THEN %s WHEN %s IS NULL THEN excluded.%s ELSE ", n, n, n,
                        n);
    sqlite3_str_appendf(sql, forms[c->conflict], n, n);
    sqlite3_str_appendall(sql, " END");
}

static void write_update(sqlite3_str *sql, const weir_bulk_spec *spec)
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
        write_merged(sql, c);
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
        write_update(sql, spec);
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
    c->bulk_job = 0;
}

static int ready(struct lite_conn *c, uint64_t job, const weir_bulk_spec *spec, weir_error *err)
{
    if (c->bulk_job == job)
        return WEIR_OK;
    lite_bulk_forget(c);
    const int st = compile(c, spec, err);
    c->bulk_job = st < 0 ? 0 : job;
    return st;
}

/* Decimals are texts here: SQLite would add them as doubles, and compare them as texts. */
static int check(struct lite_conn *c, const weir_bulk_spec *spec, const weir_value *row, weir_error *err)
{
    for (size_t i = 0; i < spec->count; i++)
        if (row[i].type == WEIR_DECIMAL && !spec->columns[i].key && spec->columns[i].conflict > WEIR_KEEP)
            return c->host->fail(err, WEIR_E_UNSUPPORTED,
                                 "column %s: SQLite has no decimal numbers to add or compare; replace or keep them",
                                 spec->columns[i].name);
    return WEIR_OK;
}

static int write_row(struct lite_conn *c, const weir_bulk_spec *spec, const weir_value *row, weir_error *err)
{
    int st = check(c, spec, row, err);
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
    int st = ready(c, job, spec, err);
    for (size_t i = 0; i < count && st == WEIR_OK; i++) {
        st = write_row(c, spec, rows[i], err);
        if (st < 0)
            *bad = i;
    }
    if (c->bulk.handle)
        sqlite3_clear_bindings(c->bulk.handle);
    return st;
}
