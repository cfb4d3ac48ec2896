/*
 * The session: its settings, what makes it dirty, and how it becomes clean.
 *
 * A PRAGMA, an attached database or a temporary object outlives the statement that made it, and most PRAGMAs cannot be asked whether
 * they were used.  So the authorizer, which SQLite calls while it compiles, notes statements that can do such things; the session is
 * dirty from the moment one runs.  A session on a file is then closed, which costs fifty microseconds and forgets all.  The data of a
 * memory database would go with its last connection: there every change is undone.
 * SPDX-License-Identifier: MIT
 */
#include "lite.h"

#define LONGEST_LOG_KEPT 67108864 /* a write-ahead log that has once swollen is cut back to this */

/* ---- settings ---- */

static int execute(sqlite3 *db, const char *sql)
{
    return sqlite3_exec(db, sql, NULL, NULL, NULL);
}

/* What a borrower of a memory database may have changed, apart from what an option sets.  Noted at open, since builds differ. */
static const char *const remembered[] = {
    "recursive_triggers",
    "reverse_unordered_selects",
    "ignore_check_constraints",
    "automatic_index",
    "cell_size_check",
    "trusted_schema",
    "writable_schema",
    "legacy_alter_table",
    "full_column_names",
    "short_column_names",
    "count_changes",
    "empty_result_callbacks",
    "read_uncommitted",
    "cache_spill",
    "max_page_count",
    "analysis_limit",
    "threads",
};

_Static_assert(sizeof remembered / sizeof *remembered == LITE_REMEMBERED, "one number for each name");

static int64_t setting(sqlite3 *db, const char *name)
{
    char sql[64];
    sqlite3_stmt *handle = NULL;
    int64_t value = 0; /* of a name that this build does not know, and will not take either */
    sqlite3_snprintf(sizeof sql, sql, "PRAGMA %s", name);
    if (sqlite3_prepare_v2(db, sql, -1, &handle, NULL) == SQLITE_OK && sqlite3_step(handle) == SQLITE_ROW)
        value = sqlite3_column_int64(handle, 0);
    sqlite3_finalize(handle);
    return value;
}

static void remember(struct lite_conn *c)
{
    for (int i = 0; i < LITE_REMEMBERED; i++)
        c->remembered[i] = setting(c->db, remembered[i]);
}

static int recall(struct lite_conn *c)
{
    char sql[96];
    int rc = SQLITE_OK;
    for (int i = 0; i < LITE_REMEMBERED && rc == SQLITE_OK; i++) {
        sqlite3_snprintf(sizeof sql, sql, "PRAGMA %s=%lld", remembered[i], (long long)c->remembered[i]);
        rc = execute(c->db, sql);
    }
    return rc;
}

static const char *option(const struct lite_conn *c, const char *name)
{
    return c->host->option(c->host->ctx, name);
}

static int set_options(struct lite_conn *c)
{
    char sql[512];
    sqlite3_snprintf(sizeof sql, sql,
                     "PRAGMA foreign_keys=%s;PRAGMA synchronous=%s;PRAGMA cache_size=-%s;PRAGMA mmap_size=%s;"
                     "PRAGMA journal_size_limit=%d;PRAGMA query_only=%d",
                     option(c, "foreign_keys"), option(c, "synchronous"), option(c, "cache_size"),
                     option(c, "mmap_size"), LONGEST_LOG_KEPT, c->read_only);
    return execute(c->db, sql);
}

/* ---- what makes it dirty ---- */

/* PRAGMAs that take an argument and leave the session as it was. */
static int is_harmless(const char *pragma)
{
    static const char *const names[] = {
        "table_info",     "table_xinfo",      "table_list",        "index_list",      "index_info",
        "index_xinfo",    "foreign_key_list", "foreign_key_check", "integrity_check", "quick_check",
        "wal_checkpoint", "optimize",         "user_version",      "application_id",  "incremental_vacuum",
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (sqlite3_stricmp(pragma, names[i]) == 0)
            return 1;
    return 0;
}

static int outlives_statement(int action, const char *first, const char *second, const char *database)
{
    switch (action) {
    case SQLITE_PRAGMA: /* without an argument it only asks */
        return second && !is_harmless(first);
    case SQLITE_ATTACH:
    case SQLITE_DETACH:
        return 1;
    case SQLITE_READ:
        return 0;
    default: /* whatever else is said of temp makes, fills or drops what is there */
        return database && sqlite3_stricmp(database, "temp") == 0;
    }
}

/* SQLite's authorizer: it allows everything and notes what changes the session. */
static int note(void *arg, int action, const char *first, const char *second, const char *database, const char *trigger)
{
    struct lite_conn *c = arg;
    (void)trigger;
    c->noted |= outlives_statement(action, first, second, database);
    return SQLITE_OK;
}

int lite_settle(struct lite_conn *c)
{
    const int rc = set_options(c);
    if (rc == SQLITE_OK && c->memory)
        remember(c);
    sqlite3_set_authorizer(c->db, note, c);
    return rc;
}

/* Outside a transaction, only a statement on its way reads or writes: keeps truth 2. */
int lite_dirty(void *conn)
{
    const struct lite_conn *c = conn;
    return c->changed || !sqlite3_get_autocommit(c->db) || (c->result.stmt && c->result.at <= LITE_ROWS);
}

/* ---- and clean again ---- */

void lite_end_strays(struct lite_conn *c)
{
    sqlite3_stmt *handle = NULL;
    while (c->native && (handle = sqlite3_next_stmt(c->db, handle)))
        if (sqlite3_stmt_busy(handle))
            sqlite3_reset(handle);
}

/* The text that detaches one database; 0: there is none but main and temp. */
static int find_attached(sqlite3 *db, char *sql, int size)
{
    sqlite3_stmt *handle = NULL;
    int found = 0;
    if (sqlite3_prepare_v2(db, "PRAGMA database_list", -1, &handle, NULL) != SQLITE_OK)
        return 0;
    while (!found && sqlite3_step(handle) == SQLITE_ROW)
        if ((found = sqlite3_column_int(handle, 0) >= 2))
            sqlite3_snprintf(size, sql, "DETACH \"%w\"", sqlite3_column_text(handle, 1));
    sqlite3_finalize(handle);
    return found;
}

static int detach_all(sqlite3 *db)
{
    char sql[512];
    int rc = SQLITE_OK;
    while (rc == SQLITE_OK && find_attached(db, sql, sizeof sql))
        rc = execute(db, sql);
    return rc;
}

/* What open set up, once more.  A move of temp_store drops all that is temporary, and one of these three is a move. */
static int undo_changes(struct lite_conn *c)
{
    lite_limit(c);
    sqlite3_set_authorizer(c->db, note, c);
    int rc = detach_all(c->db);
    if (rc == SQLITE_OK)
        rc = execute(c->db, "PRAGMA temp_store=file;PRAGMA temp_store=memory;PRAGMA temp_store=default;"
                            "PRAGMA case_sensitive_like=off;PRAGMA locking_mode=normal;PRAGMA journal_mode=memory");
    if (rc == SQLITE_OK)
        rc = recall(c);
    return rc == SQLITE_OK ? set_options(c) : rc;
}

int lite_reset(void *conn, int64_t deadline_ns, weir_error *err)
{
    struct lite_conn *c = conn;
    lite_abandon(c);
    lite_end_strays(c);
    const int st = lite_rollback(c, deadline_ns, err);
    if (st < 0 || !c->changed)
        return st;
    if (!c->memory)
        return c->host->fail(err, WEIR_E_UNSUPPORTED,
                             "a PRAGMA, an attached database, a temporary object or native use goes with its session");
    lite_begins(c, deadline_ns);
    if (undo_changes(c) != SQLITE_OK)
        return lite_fail(c, err);
    c->changed = 0;
    return WEIR_OK;
}

int lite_turn(void *conn, int read_only, int64_t deadline_ns, weir_error *err)
{
    struct lite_conn *c = conn;
    if (!read_only && c->file_read_only)
        return c->host->fail(err, WEIR_E_READ_ONLY, "the file is read-only");
    lite_begins(c, deadline_ns);
    if (execute(c->db, read_only ? "PRAGMA query_only=on" : "PRAGMA query_only=off") != SQLITE_OK)
        return lite_fail(c, err);
    c->read_only = read_only != 0;
    return WEIR_OK;
}

int lite_alive(void *conn)
{
    struct lite_conn *c = conn;
    return !c->dead && atomic_load(&c->stop) != LITE_CUT;
}

int lite_keep(void *conn)
{
    return ((const struct lite_conn *)conn)->memory;
}

void *lite_native(void *conn)
{
    struct lite_conn *c = conn;
    c->native = c->changed = 1;
    lite_let_go(c); /* keeps truth 5 */
    return c->db;
}
