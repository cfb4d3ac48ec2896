/*
 * SQLite through the pool: every session is as documented, and none shows its borrower what the one before did to it.
 * SPDX-License-Identifier: MIT
 */
#include <stdio.h>
#include <string.h>
#include <sqlite3.h>
#include "talk.h"

static char url[300];

static const char *text_of(weir_conn conn, const char *sql)
{
    static char text[64];
    weir_rows rows = talk_first(conn, WEIR_NO_ARGS, "%s", sql);
    const char *got = weir_rows_text(rows, 0);
    snprintf(text, sizeof text, "%s", got ? got : "NULL");
    weir_rows_close(&rows, NULL);
    return text;
}

/* ---- as documented, in both lanes ---- */

static void is_as_documented(weir_conn conn, const char *lane, int query_only)
{
    is_text(text_of(conn, "PRAGMA journal_mode"), "wal", "%s: journal_mode is wal", lane);
    is_int(talk_ask(conn, "PRAGMA synchronous"), 1, "  synchronous is normal");
    is_int(talk_ask(conn, "PRAGMA foreign_keys"), 1, "  foreign_keys is on");
    is_int(talk_ask(conn, "PRAGMA cache_size"), -2000, "  cache_size is two thousand KiB");
    is_int(talk_ask(conn, "PRAGMA query_only"), query_only, "  query_only is %d", query_only);
}

static void every_session(void)
{
    weir_db *db = talk_open(url, (const char *[]){ "pool_size", "4", NULL });
    weir_conn conns[4];
    for (int i = 0; i < 4; i++) {
        conns[i] = talk_borrow(db, i == 0 ? WEIR_WRITE : WEIR_READ);
        is_as_documented(conns[i], i == 0 ? "the writer" : "a reader", i != 0);
    }
    for (int i = 0; i < 4; i++)
        weir_release(&conns[i]);
    weir_db_close(&db);
}

static void one_writer(void)
{
    weir_conn second;
    weir_error err;
    weir_db *db = talk_open(url, NULL);
    weir_conn writer = talk_borrow(db, WEIR_WRITE);
    is_int(weir_acquire(&second, db, WEIR_WRITE, weir_after_ms(20), &err), WEIR_E_EXHAUSTED,
           "there is one connection for writing");
    has_text(err.text, "sqlite-sessions.c", "  and who has it is told");
    weir_conn reader = talk_borrow(db, WEIR_READ);
    talk_is(reader, WEIR_E_READ_ONLY, "DELETE FROM kept", WEIR_NO_ARGS, "a reader beside it does not write");
    talk_is(reader, WEIR_E_READ_ONLY, "BEGIN IMMEDIATE", WEIR_NO_ARGS, "  nor begin to");
    weir_release(&reader);
    weir_release(&writer);
    weir_db_close(&db);
}

/* With one place, the connection changes its lane between loans. */
static void turned_over(void)
{
    weir_db *db = talk_open(url, (const char *[]){ "pool_size", "1", NULL });
    for (int i = 0; i < 3; i++) {
        weir_conn conn = talk_borrow(db, WEIR_WRITE);
        talk_run(conn, "INSERT INTO kept VALUES (%d)", i);
        talk_run(conn, "DELETE FROM kept");
        weir_release(&conn);
        conn = talk_borrow(db, WEIR_READ);
        talk_is(conn, WEIR_E_READ_ONLY, "INSERT INTO kept VALUES (1)", WEIR_NO_ARGS,
                "one connection serves both lanes in turn, and the reader does not write");
        weir_release(&conn);
    }
    weir_figures f = { .size = sizeof f };
    weir_pool_figures(&f, weir_db_pool(db, 0));
    is_int(f.opened, 1, "  and was opened once");
    weir_db_close(&db);
}

/* ---- what a borrower leaves behind ---- */

/* Each leaves something; `shows` is what the next borrower would see of it, and `clean` what it is without. */
static const struct mess {
    const char *makes, *shows;
    int64_t clean;
} messes[] = {
    { "PRAGMA foreign_keys=off", "PRAGMA foreign_keys", 1 },
    { "PRAGMA synchronous=off", "PRAGMA synchronous", 1 },
    { "PRAGMA cache_size=77", "PRAGMA cache_size", -2000 },
    { "PRAGMA recursive_triggers=on", "PRAGMA recursive_triggers", 0 },
    { "PRAGMA ignore_check_constraints(1)", "PRAGMA ignore_check_constraints", 0 },
    { "PRAGMA case_sensitive_like=on", "SELECT 'A' LIKE 'a'", 1 },
    { "ATTACH ':memory:' AS side", "SELECT count(*) FROM pragma_database_list WHERE name = 'side'", 0 },
    { "CREATE TEMP TABLE kept(a)", "SELECT count(*) FROM sqlite_temp_master", 0 },
    { "CREATE TEMP VIEW look AS SELECT 1", "SELECT count(*) FROM sqlite_temp_master", 0 },
    { "CREATE TEMP TRIGGER t AFTER INSERT ON kept BEGIN SELECT 1; END", "SELECT count(*) FROM sqlite_temp_master", 0 },
    { "BEGIN", "SELECT count(*) FROM kept WHERE a = 99", 0 },
    { "SAVEPOINT one", "SELECT count(*) FROM kept WHERE a = 99", 0 },
};

static void left_behind(weir_db *db, const char *where, const struct mess *m)
{
    weir_conn conn = talk_borrow(db, WEIR_WRITE);
    talk_run(conn, "%s", m->makes);
    talk_run(conn, "INSERT INTO main.kept VALUES (99)");
    weir_release(&conn);
    conn = talk_borrow(db, WEIR_WRITE);
    is_int(talk_ask(conn, "%s", m->shows), m->clean, "%s: the next borrower does not see %s", where, m->makes);
    talk_run(conn, "DELETE FROM main.kept");
    weir_release(&conn);
}

/* What the client library's own handle is used for, nobody here sees; so all of it is undone. */
static void native(weir_db *db, const char *where)
{
    sqlite3_stmt *left = NULL;
    weir_conn conn = talk_borrow(db, WEIR_WRITE);
    sqlite3 *handle = weir_conn_native(conn);
    sqlite3_exec(handle, "PRAGMA foreign_keys=off; CREATE TEMP TABLE hidden(a); BEGIN; INSERT INTO kept VALUES (98)",
                 NULL, NULL, NULL);
    sqlite3_busy_timeout(handle, 1);
    sqlite3_progress_handler(handle, 0, NULL, NULL);
    sqlite3_prepare_v2(handle, "SELECT * FROM kept", -1, &left, NULL);
    sqlite3_step(left);
    weir_release(&conn);
    conn = talk_borrow(db, WEIR_WRITE);
    is_int(talk_ask(conn, "PRAGMA foreign_keys"), 1, "%s: nor what was done to the native handle", where);
    is_int(talk_ask(conn, "SELECT count(*) FROM sqlite_temp_master"), 0, "  or made with it");
    is_int(talk_ask(conn, "SELECT count(*) FROM kept"), 0, "  or begun");
    talk_is(conn, WEIR_OK, "DELETE FROM kept", WEIR_NO_ARGS, "  and writes as usual");
    weir_release(&conn);
    sqlite3_finalize(left);
    is_int(talk_db_ask(db, WEIR_READ, "SELECT count(*) FROM kept"), 0, "  also when its last statement has gone");
}

static void messy(const char *where, const char *to)
{
    weir_db *db = talk_open(to, (const char *[]){ "pool_size", "3", NULL });
    talk_db_run(db, "CREATE TABLE IF NOT EXISTS kept(a)");
    for (size_t i = 0; i < sizeof messes / sizeof *messes; i++)
        left_behind(db, where, &messes[i]);
    native(db, where);
    weir_db_close(&db);
}

/* Asking changes nothing: the connection stays. */
static void asking_is_clean(void)
{
    weir_db *db = talk_open(url, (const char *[]){ "pool_size", "1", NULL });
    weir_figures f = { .size = sizeof f };
    for (int i = 0; i < 5; i++) {
        talk_db_ask(db, WEIR_WRITE, "PRAGMA user_version");
        talk_db_ask(db, WEIR_WRITE, "PRAGMA foreign_keys");
        talk_db_run(db, "INSERT INTO kept VALUES (1)");
        talk_db_run(db, "DELETE FROM kept");
    }
    weir_pool_figures(&f, weir_db_pool(db, 0));
    is_int(f.opened, 1, "statements that leave nothing behind cost no connection");
    weir_db_close(&db);
}

/* ---- a transaction that SQLite has undone by itself ---- */

#define MINUTES                                                                                                       \
    "INSERT INTO kept WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000000000) SELECT i " \
    "FROM n"

static void undone(void)
{
    weir_error err;
    weir_outcome outcome = { .state = 99 };
    weir_db *db = talk_open(url, NULL);
    weir_conn conn = talk_borrow(db, WEIR_WRITE);
    weir_begin(conn, NULL, LONG, &err);
    talk_run(conn, "INSERT INTO kept VALUES (1)");
    weir_begin(conn, NULL, LONG, &err);
    is_int(weir_exec(NULL, conn, MINUTES, WEIR_NO_ARGS, weir_after_ms(50), &err), WEIR_E_TIMEOUT,
           "a write that is stopped");
    ok(err.flags & WEIR_ROLLED_BACK, "  has undone its transaction");
    is_int(weir_exec(NULL, conn, "INSERT INTO kept VALUES (2)", WEIR_NO_ARGS, LONG, &err), WEIR_E_TIMEOUT,
           "  so that no other statement is taken");
    has_text(err.text, "rolled this transaction back", "  and told why");
    is_int(weir_begin(conn, NULL, LONG, &err), WEIR_E_TIMEOUT, "  nor another savepoint");
    is_int(weir_commit(&outcome, conn, LONG, &err), WEIR_E_TIMEOUT, "  nor the savepoint's commit");
    is_int(weir_rollback(conn, LONG, &err), WEIR_OK, "  but its rollback");
    is_int(weir_exec(NULL, conn, "INSERT INTO kept VALUES (2)", WEIR_NO_ARGS, LONG, &err), WEIR_E_TIMEOUT,
           "  which does not heal the transaction around it");
    is_int(weir_commit(&outcome, conn, LONG, &err), WEIR_E_TIMEOUT, "  that cannot be committed");
    is_int(outcome.state, WEIR_NOT_COMMITTED, "  and is told so");
    is_int(talk_ask(conn, "SELECT count(*) FROM kept"), 0, "  and nothing is stored");
    talk_is(conn, WEIR_OK, "INSERT INTO kept VALUES (3)", WEIR_NO_ARGS, "then the connection serves on");
    talk_run(conn, "DELETE FROM kept");
    weir_release(&conn);
    weir_db_close(&db);
}

/* ---- memory ---- */

static int64_t idle(weir_db *db)
{
    weir_figures f = { .size = sizeof f };
    weir_pool_figures(&f, weir_db_pool(db, 0));
    return f.idle + f.used + f.resetting + f.closing;
}

static void memory_is_kept(void)
{
    static const char *const hasty[] = { "idle_timeout", "10ms", "pool_size", "4", NULL };
    weir_db *db = talk_open("sqlite::memory:", hasty), *other = talk_open("sqlite::memory:", hasty);
    talk_db_run(db, "CREATE TABLE kept(a)");
    talk_db_run(db, "INSERT INTO kept VALUES (7)");
    weir_conn one = talk_borrow(db, WEIR_READ), two = talk_borrow(db, WEIR_READ);
    ok(talk_ask(one, "SELECT a FROM kept") == 7 && talk_ask(two, "SELECT a FROM kept") == 7,
       "the connections of a weir_db share its memory database");
    weir_release(&one);
    weir_release(&two);
    TALK_UNTIL(weir_db_maintain(db, weir_never(), NULL) >= 0 && idle(db) == 1);
    is_int(talk_db_ask(db, WEIR_READ, "SELECT a FROM kept"), 7, "it survives when idle connections are closed");
    is_int(talk_db_ask(other, WEIR_READ, "SELECT count(*) FROM sqlite_master"), 0, "another weir_db has its own");
    is_int(weir_pool_evict(weir_db_pool(db, 0), NULL), WEIR_OK, "all connections are replaced");
    is_int(talk_db_ask(db, WEIR_READ, "SELECT a FROM kept"), 7, "  and it survives that, too");
    weir_db_close(&db);
    weir_db_close(&other);
}

/* SQLite would show what a statement is bound to, which is the caller's and may be gone. */
static int shows(sqlite3 *handle, const char *text)
{
    int found = 0;
    for (sqlite3_stmt *s = NULL; (s = sqlite3_next_stmt(handle, s));) {
        char *sql = sqlite3_expanded_sql(s);
        found |= sql && strstr(sql, text) != NULL;
        sqlite3_free(sql);
    }
    return found;
}

static void nothing_stays_bound(void)
{
    weir_db *db = talk_open(url, NULL);
    weir_conn conn = talk_borrow(db, WEIR_WRITE);
    talk_is(conn, WEIR_OK, "INSERT INTO kept VALUES (?)", WEIR_ARGS(weir_text("borrowed")), "a text is written");
    sqlite3 *handle = weir_conn_native(conn);
    is_int(shows(handle, "borrowed"), 0, "  and no statement is bound to it when the native handle is there");
    talk_is(conn, WEIR_OK, "INSERT INTO kept VALUES (?)", WEIR_ARGS(weir_text("later")), "another one");
    is_int(shows(handle, "later"), 0, "  and none is bound to that");
    talk_is(conn, WEIR_OK, "DELETE FROM kept", WEIR_NO_ARGS, "both are deleted");
    weir_release(&conn);
    weir_db_close(&db);
}

int main(void)
{
    snprintf(url, sizeof url, "sqlite:%s/sessions.db", tap_folder());
    weir_db *db = talk_open(url, NULL);
    talk_db_run(db, "CREATE TABLE kept(a)");
    weir_db_close(&db);
    every_session();
    one_writer();
    turned_over();
    messy("a file", url);
    messy("memory", "sqlite::memory:");
    asking_is_clean();
    undone();
    nothing_stays_bound();
    memory_is_kept();
    return tap_done();
}
