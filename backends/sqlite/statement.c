/*
 * Statements: compiling one, running it, and forgetting it.
 * SPDX-License-Identifier: MIT
 */
#include "lite.h"

/* ---- compiling ---- */

static const char *skip_comment(const char *sql)
{
    if (sql[0] == '-' && sql[1] == '-')
        return sql + strcspn(sql, "\n");
    const char *end = strstr(sql + 2, "*/");
    return end ? end + 2 : sql + strlen(sql); /* SQLite lets the last one stay open */
}

static int starts_comment(const char *sql)
{
    return (sql[0] == '-' && sql[1] == '-') || (sql[0] == '/' && sql[1] == '*');
}

/* Behind a statement: is there anything but white space, comments and semicolons? */
static int says_more(const char *sql)
{
    for (;;) {
        sql += strspn(sql, " \t\r\n\f;");
        if (!starts_comment(sql))
            return *sql != '\0';
        sql = skip_comment(sql);
    }
}

/*
 * SQLite compiles against the schema that it last read, and if a name is missing there it looks whether that is still the one.  Where a
 * writer keeps readers out (in memory, or without a write-ahead log) it does not get to look, and would say "no such table" of one
 * that is there.  So then the schema is read, which waits for the writer.
 */
static int compile_now(struct lite_conn *c, sqlite3_stmt **out, const char *sql, const char **rest)
{
    int rc = sqlite3_prepare_v3(c->db, sql, -1, SQLITE_PREPARE_PERSISTENT, out, rest);
    if (rc != SQLITE_ERROR)
        return rc;
    rc = lite_execute(c, LITE_READ_SCHEMA, NULL, NULL);
    return rc == SQLITE_OK ? sqlite3_prepare_v3(c->db, sql, -1, SQLITE_PREPARE_PERSISTENT, out, rest) : rc;
}

static int compile(struct lite_conn *c, sqlite3_stmt **out, const char *sql, weir_error *err)
{
    const char *rest;
    c->noted = 0;
    const int rc = compile_now(c, out, sql, &rest);
    c->changed |= c->noted; /* already now: some PRAGMAs act while they are compiled */
    if (rc != SQLITE_OK)
        return lite_fail(c, err);
    if (!*out)
        return c->host->fail(err, WEIR_E_STATEMENT, "the statement is empty");
    if (!says_more(rest))
        return WEIR_OK;
    sqlite3_finalize(*out);
    return c->host->fail(err, WEIR_E_STATEMENT, "one statement a call: a second one follows the first");
}

static struct lite_stmt *enlist(struct lite_conn *c, sqlite3_stmt *handle)
{
    struct lite_stmt *s = c->host->realloc(c->host->ctx, NULL, sizeof *s);
    if (!s)
        return NULL;
    *s = (struct lite_stmt){
        .next = c->statements,
        .handle = handle,
        .only_reads = sqlite3_stmt_readonly(handle),
        .changes_session = c->noted,
    };
    if (s->next)
        s->next->previous = s;
    return c->statements = s;
}

int lite_prepare(void *conn, void **stmt, size_t *params, size_t *columns, const char *sql, int64_t deadline_ns,
                 weir_error *err)
{
    struct lite_conn *c = conn;
    sqlite3_stmt *handle;
    lite_begins(c, deadline_ns);
    const int st = compile(c, &handle, sql, err);
    if (st < 0)
        return st;
    if (!(*stmt = enlist(c, handle))) {
        sqlite3_finalize(handle);
        return c->host->fail(err, WEIR_E_MEMORY, "no memory for a statement");
    }
    *params = (size_t)sqlite3_bind_parameter_count(handle);
    *columns = (size_t)sqlite3_column_count(handle);
    return WEIR_OK;
}

void lite_forget(void *conn, void *stmt)
{
    struct lite_conn *c = conn;
    struct lite_stmt *s = stmt;
    if (c->result.stmt == s)
        lite_abandon(c);
    *(s->previous ? &s->previous->next : &c->statements) = s->next;
    if (s->next)
        s->next->previous = s->previous;
    sqlite3_finalize(s->handle);
    c->host->realloc(c->host->ctx, s, 0);
}

void lite_forget_all(struct lite_conn *c)
{
    while (c->statements)
        lite_forget(c, c->statements);
    for (int i = 0; i < LITE_VERBS; i++)
        sqlite3_finalize(c->verbs[i]);
    lite_bulks_forget(c);
}

/* ---- running ---- */

void lite_rewind(struct lite_stmt *s)
{
    sqlite3_reset(s->handle);
    if (s->copies)
        sqlite3_clear_bindings(s->handle);
    s->copies = 0;
}

void lite_let_go(struct lite_conn *c)
{
    for (struct lite_stmt *s = c->statements; s; s = s->next) {
        if (s->borrows)
            sqlite3_clear_bindings(s->handle);
        s->borrows = 0;
    }
}

static int64_t changed_rows(sqlite3 *db)
{
#if SQLITE_VERSION_NUMBER >= 3037000
    return sqlite3_changes64(db);
#else
    return sqlite3_changes(db);
#endif
}

static int64_t changed_rows_ever(sqlite3 *db)
{
#if SQLITE_VERSION_NUMBER >= 3037000
    return sqlite3_total_changes64(db);
#else
    return sqlite3_total_changes(db);
#endif
}

/* A PRAGMA that acts while it is compiled would do nothing when it runs a second time: such a statement is compiled anew. */
static int refresh(struct lite_conn *c, struct lite_stmt *s, weir_error *err)
{
    sqlite3_stmt *fresh;
    if (!s->changes_session)
        return WEIR_OK;
    c->changed = 1;
    if (!s->has_run++)
        return WEIR_OK;
    const int st = compile(c, &fresh, sqlite3_sql(s->handle), err);
    if (st < 0)
        return st;
    sqlite3_finalize(s->handle);
    s->handle = fresh;
    return WEIR_OK;
}

/* There is no memory for the rows that it returns: what it wrote must not stay.  SQLite undoes a statement that it interrupts. */
static int undo(struct lite_conn *c, sqlite3_stmt *handle, weir_error *err)
{
    sqlite3_interrupt(c->db);
    sqlite3_step(handle);
    c->host->fail(err, WEIR_E_MEMORY, "no memory for the rows of a statement");
    if (c->in_transaction && sqlite3_get_autocommit(c->db))
        err->flags |= WEIR_ROLLED_BACK;
    return WEIR_E_MEMORY;
}

static int run_to_end(struct lite_conn *c, sqlite3_stmt *handle, int keep_rows, weir_error *err)
{
    const int64_t before = changed_rows_ever(c->db);
    int rc;
    while ((rc = sqlite3_step(handle)) == SQLITE_ROW)
        if (keep_rows && lite_result_keep(c, handle) < 0)
            return undo(c, handle, err);
    if (rc != SQLITE_DONE)
        return lite_fail(c, err);
    if (changed_rows_ever(c->db) != before) /* else changes() still tells of an earlier statement */
        c->affected = changed_rows(c->db);
    return WEIR_OK;
}

/* The first step is taken here, so that what is wrong with the statement comes out of run. */
static int run_to_first_row(struct lite_conn *c, struct lite_stmt *s, weir_error *err)
{
    const int rc = sqlite3_step(s->handle);
    if (rc != SQLITE_ROW && rc != SQLITE_DONE)
        return lite_fail(c, err);
    lite_result_open(c, s, rc == SQLITE_ROW ? LITE_FIRST : LITE_END);
    if (rc == SQLITE_DONE)
        lite_rewind(s);
    return WEIR_OK;
}

static int run_whole(struct lite_conn *c, struct lite_stmt *s, int want_rows, weir_error *err)
{
    if (want_rows)
        lite_result_open(c, s, LITE_KEPT);
    const int st = run_to_end(c, s->handle, want_rows, err);
    lite_rewind(s);
    if (st < 0)
        lite_abandon(c);
    return st;
}

/* keeps truth 4 */
static int check_writes(const struct lite_conn *c, const struct lite_stmt *s, weir_error *err)
{
    if (!c->only_reads || s->only_reads)
        return WEIR_OK;
    c->host->fail(err, WEIR_E_READ_ONLY, "sqlite: the statement writes, but its transaction is read-only");
    err->native = SQLITE_READONLY;
    memcpy(err->sqlstate, "25006", 6);
    return WEIR_E_READ_ONLY;
}

int lite_run(void *conn, void *stmt, weir_args args, int want_rows, int64_t deadline_ns, weir_error *err)
{
    struct lite_conn *c = conn;
    struct lite_stmt *s = stmt;
    const int stream = want_rows && s->only_reads; /* keeps truth 1 */
    lite_begins(c, deadline_ns);
    c->affected = 0;
    int st = check_writes(c, s, err);
    if (st == WEIR_OK)
        st = refresh(c, s, err);
    if (st == WEIR_OK)
        st = lite_bind(c, s, args, NULL, stream || c->native ? SQLITE_TRANSIENT : SQLITE_STATIC, err);
    if (st == WEIR_OK)
        st = stream ? run_to_first_row(c, s, err) : run_whole(c, s, want_rows, err);
    if (st < 0)
        lite_rewind(s);
    return st;
}

int64_t lite_affected(void *conn)
{
    return ((struct lite_conn *)conn)->affected;
}

int64_t lite_last_id(void *conn)
{
    return sqlite3_last_insert_rowid(((struct lite_conn *)conn)->db);
}
