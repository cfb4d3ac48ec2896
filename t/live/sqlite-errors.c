/*
 * The SQLite driver, alone: what its errors mean, deadlines and cancels, transactions, and how a session becomes clean.
 * SPDX-License-Identifier: MIT
 */
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <unistd.h>
#include <sqlite3.h>
#include "sqlite-rig.h"
#include "row.h"
#include "tap.h"

#define backend (&weir_sqlite_backend)
#define wing (backend->sql)

#define ENDLESS "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n) "

static struct rig rig;

static int run(void *conn, const char *sql, weir_error *err)
{
    memset(err, 0, sizeof *err);
    return execute(conn, sql, WEIR_NO_ARGS, NEVER, err);
}

/* ---- what an error means ---- */

static void means(void *conn, const char *sql, int status, int native, const char *sqlstate, const char *text)
{
    weir_error err;
    is_int(run(conn, sql, &err), status, "%s", sql);
    is_int(err.status, status, "  is in the record, too");
    is_int(err.native, native, "  as %d", native);
    is_text(err.sqlstate, sqlstate, "  and %s", *sqlstate ? sqlstate : "no state");
    is_int(err.flags, 0, "  is not for another try");
    has_text(err.text, text, "  in words");
    ok(strncmp(err.text, "sqlite: ", 8) == 0 && !strchr(err.text, '\n'), "  that say who speaks");
}

static void test_constraints(void *conn)
{
    must(conn, "CREATE TABLE parent(id INTEGER PRIMARY KEY)");
    must(conn, "CREATE TABLE t(id INTEGER PRIMARY KEY, u UNIQUE, n NOT NULL DEFAULT 0, c CHECK(c > 0), "
               "f REFERENCES parent(id))");
    must(conn, "CREATE TABLE w(k TEXT PRIMARY KEY) WITHOUT ROWID");
    must(conn, "CREATE TRIGGER no_delete BEFORE DELETE ON w BEGIN SELECT RAISE(ABORT, 'rows of w stay'); END");
    must(conn, "INSERT INTO t(id, u) VALUES(1, 'a')");
    must(conn, "INSERT INTO w VALUES('k')");
    means(conn, "INSERT INTO t(u) VALUES('a')", WEIR_E_UNIQUE, SQLITE_CONSTRAINT_UNIQUE, "23505", "t.u");
    means(conn, "INSERT INTO t(id) VALUES(1)", WEIR_E_UNIQUE, SQLITE_CONSTRAINT_PRIMARYKEY, "23505", "t.id");
    means(conn, "INSERT INTO w VALUES('k')", WEIR_E_UNIQUE, SQLITE_CONSTRAINT_PRIMARYKEY, "23505", "w.k");
    means(conn, "INSERT INTO t(n) VALUES(NULL)", WEIR_E_NOT_NULL, SQLITE_CONSTRAINT_NOTNULL, "23502", "t.n");
    means(conn, "INSERT INTO t(c) VALUES(-1)", WEIR_E_CHECK, SQLITE_CONSTRAINT_CHECK, "23514", "c > 0");
    means(conn, "INSERT INTO t(f) VALUES(99)", WEIR_E_FOREIGN_KEY, SQLITE_CONSTRAINT_FOREIGNKEY, "23503",
          "FOREIGN KEY");
    means(conn, "DELETE FROM w", WEIR_E_CHECK, SQLITE_CONSTRAINT_TRIGGER, "45000", "rows of w stay");
}

static void test_wrong_statements(void *conn)
{
    means(conn, "SELEKT 1", WEIR_E_STATEMENT, SQLITE_ERROR, "42000", "syntax error");
    means(conn, "SELECT * FROM nowhere", WEIR_E_STATEMENT, SQLITE_ERROR, "42000", "no such table");
    means(conn, "SELECT missing FROM t", WEIR_E_STATEMENT, SQLITE_ERROR, "42000", "no such column");
    means(conn, "RELEASE SAVEPOINT never_made", WEIR_E_STATEMENT, SQLITE_ERROR, "42000", "no such savepoint");
    means(conn, "INSERT INTO parent VALUES('no number')", WEIR_E_DATA, SQLITE_MISMATCH, "22000", "mismatch");
    means(conn, "SELECT length(zeroblob(2000000000))", WEIR_E_DATA, SQLITE_TOOBIG, "22001", "too big");
}

static int deny(void *arg, int action, const char *a, const char *b, const char *c, const char *d)
{
    (void)arg, (void)a, (void)b, (void)c, (void)d;
    return action == SQLITE_SELECT ? SQLITE_DENY : SQLITE_OK;
}

static void test_denied(void)
{
    void *conn = session(&rig, rig_path("denied.db"), 0);
    means(conn, "ATTACH '/nowhere/x.db' AS x", WEIR_E_CONNECT, SQLITE_CANTOPEN, "58030", "unable to open");
    sqlite3_set_authorizer(backend->native(conn), deny, NULL);
    means(conn, "SELECT 1", WEIR_E_PERMISSION, SQLITE_AUTH, "42501", "not authorized");
    end(&rig, &conn);
}

static void test_own_lock(void *conn)
{
    weir_error err;
    void *stmt = begin_rows(conn, "SELECT * FROM parent, t", WEIR_NO_ARGS);
    must(conn, "INSERT INTO parent VALUES(1),(2)");
    end_rows(conn, &stmt);
    stmt = begin_rows(conn, "SELECT id FROM parent", WEIR_NO_ARGS);
    is_int(run(conn, "DROP TABLE w", &err), WEIR_E_LOCKED, "a table cannot go while the same session reads");
    is_int(err.native, SQLITE_LOCKED, "  as a lock of its own");
    is_int(err.flags, 0, "  for which trying again is no help");
    end_rows(conn, &stmt);
}

static void damage(const char *path)
{
    char noise[4096];
    memset(noise, 0xee, sizeof noise);
    FILE *f = fopen(path, "r+");
    if (!f || fseek(f, 4096, SEEK_SET) != 0 || fwrite(noise, sizeof noise, 1, f) != 1 || fclose(f) != 0)
        tap_bail("cannot damage %s", path);
}

static void test_corrupt(void)
{
    weir_error err;
    const char *path = rig_path("corrupt.db");
    void *conn = session(&rig, path, 0);
    must(conn, "CREATE TABLE t(a)");
    must(conn, "INSERT INTO t VALUES(1)");
    end(&rig, &conn);
    damage(path);
    conn = session(&rig, path, 0);
    is_int(run(conn, "SELECT * FROM t", &err), WEIR_E_CORRUPT, "a damaged page is told as that");
    is_int(err.native & 0xff, SQLITE_CORRUPT, "  with SQLite's number");
    is_int(err.flags, WEIR_CONNECTION_DEAD, "  and ends the connection");
    is_int(backend->alive(conn), 0, "  which knows it");
    end(&rig, &conn);
}

static void test_file_gone(void)
{
    static const char *const in_delete_mode[] = { "journal_mode", "delete", NULL };
    weir_error err;
    struct rig other;
    rig_begin(&other, in_delete_mode);
    void *conn = session(&other, rig_path("gone.db"), 0);
    must(conn, "CREATE TABLE t(a)");
    unlink(rig_path("gone.db"));
    is_int(run(conn, "INSERT INTO t VALUES(1)", &err), WEIR_E_READ_ONLY, "a file that has gone cannot be written");
    is_int(err.native, SQLITE_READONLY_DBMOVED, "  SQLite noticed");
    is_int(err.flags, WEIR_CONNECTION_DEAD | WEIR_RETRY_ELSEWHERE, "  and a new connection may do better");
    end(&other, &conn);
}

static void test_full(void)
{
    weir_error err;
    void *conn = session(&rig, rig_path("full.db"), 0);
    must(conn, "CREATE TABLE t(a)");
    must(conn, "PRAGMA max_page_count=10");
    wing->begin(conn, 0, 0, NEVER, &err);
    must(conn, "INSERT INTO t VALUES('first')");
    is_int(run(conn, "INSERT INTO t VALUES(zeroblob(1000000))", &err), WEIR_E_RESOURCE, "a full disk is told as that");
    is_int(err.native, SQLITE_FULL, "  with SQLite's number");
    const int open = !sqlite3_get_autocommit(backend->native(conn));
    is_int(err.flags, open ? 0 : WEIR_ROLLED_BACK, "  and the error knows whether the transaction is still there");
    is_int(wing->rollback(conn, NEVER, &err), WEIR_OK, "rollback is fine either way");
    is_int(ask_int(conn, "SELECT count(*) FROM t"), 0, "  and all is undone");
    end(&rig, &conn);
}

/* ---- locks ---- */

static void test_busy(const char *path)
{
    weir_error err = { 0 };
    void *holder = session(&rig, path, 0), *other = session(&rig, path, 0);
    wing->begin(holder, 0, 0, NEVER, &err);
    const int64_t start = rig_now();
    is_int(wing->begin(other, 0, 0, start + 50 * MS, &err), WEIR_E_LOCKED, "a second writer waits until its deadline");
    const int64_t took = rig_now() - start;
    ok(took >= 50 * MS && took < 4000 * MS, "  of 50 ms: %lld us", (long long)took / 1000);
    is_int(err.native, SQLITE_BUSY, "  with SQLite's number");
    is_int(err.flags, WEIR_RETRY_TRANSACTION, "  and may try all of it again");
    is_int(backend->dirty(other), 0, "  from a clean session");
    is_int(wing->commit(holder, NEVER, &err), WEIR_OK, "the first commits");
    is_int(wing->begin(other, 0, 0, rig_now() + 50 * MS, &err), WEIR_OK, "  and the second begins");
    end(&rig, &holder);
    end(&rig, &other);
}

static void test_busy_timeout(const char *path)
{
    static const char *const options[] = { "busy_timeout", "30ms", NULL };
    weir_error err = { 0 };
    struct rig hasty;
    rig_begin(&hasty, options);
    void *holder = session(&rig, path, 0), *other = session(&hasty, path, 0);
    wing->begin(holder, 0, 0, NEVER, &err);
    const int64_t start = rig_now();
    is_int(run(other, "INSERT INTO t VALUES(5)", &err), WEIR_E_LOCKED,
           "without a deadline, busy_timeout ends the wait");
    const int64_t took = rig_now() - start;
    ok(took >= 30 * MS && took < 4000 * MS, "  of 30 ms: %lld us", (long long)took / 1000);
    end(&rig, &holder);
    end(&hasty, &other);
}

struct holder {
    pthread_t thread;
    void *conn;
    struct rig *waiter;
};

/* Commits when the other has been seen to wait. */
static void *commit_when_waited_for(void *arg)
{
    struct holder *h = arg;
    weir_error err;
    while (atomic_load(&h->waiter->looks) < 3)
        sched_yield();
    return wing->commit(h->conn, NEVER, &err) == WEIR_OK ? h : NULL;
}

static void test_lock_comes_free(const char *path)
{
    weir_error err = { 0 };
    struct rig waiter;
    void *committed;
    rig_begin(&waiter, NULL);
    struct holder holder = { .conn = session(&rig, path, 0), .waiter = &waiter };
    void *other = session(&waiter, path, 0);
    wing->begin(holder.conn, 0, 0, NEVER, &err);
    atomic_store(&waiter.looks, 0);
    if (pthread_create(&holder.thread, NULL, commit_when_waited_for, &holder) != 0)
        tap_bail("cannot start a thread");
    is_int(run(other, "INSERT INTO t VALUES(6)", &err), WEIR_OK, "a lock that comes free is taken");
    pthread_join(holder.thread, &committed);
    ok(committed, "  once its holder has committed");
    end(&rig, &holder.conn);
    end(&waiter, &other);
}

static void test_memory_locks(void)
{
    weir_error err = { 0 };
    void *writer = session(&rig, ":memory:", 0), *reader = session(&rig, ":memory:", 1);
    must(writer, "CREATE TABLE t(a)");
    wing->begin(writer, 0, 0, NEVER, &err);
    is_int(execute(reader, "SELECT * FROM t", WEIR_NO_ARGS, rig_now() + 20 * MS, &err), WEIR_E_LOCKED,
           "in a memory database a reader waits for the writer, until its deadline");
    is_int(err.flags, WEIR_RETRY_TRANSACTION, "  and may try again");
    wing->commit(writer, NEVER, &err);
    is_int(run(reader, "SELECT * FROM t", &err), WEIR_OK, "  when the writer is done");
    end(&rig, &reader);
    end(&rig, &writer);
}

static void test_snapshot(const char *path)
{
    weir_error err;
    void *one = session(&rig, path, 0), *two = session(&rig, path, 0);
    must(one, "BEGIN"); /* as a borrower may; the driver itself never begins so what may write */
    ask_int(one, "SELECT count(*) FROM t");
    must(two, "INSERT INTO t VALUES(7)");
    is_int(run(one, "INSERT INTO t VALUES(8)", &err), WEIR_E_SERIALIZATION, "a reader that turns writer too late");
    is_int(err.native, SQLITE_BUSY_SNAPSHOT, "  is told so");
    is_text(err.sqlstate, "40001", "  as a serialization failure");
    is_int(err.flags, WEIR_RETRY_TRANSACTION, "  whose transaction is still open and may be run again");
    is_int(wing->rollback(one, NEVER, &err), WEIR_OK, "  after a rollback");
    end(&rig, &one);
    end(&rig, &two);
}

/* ---- deadlines and cancels ---- */

static void test_timeout(void *conn)
{
    weir_error err = { 0 };
    const int64_t start = rig_now();
    is_int(execute(conn, ENDLESS "SELECT count(*) FROM n", WEIR_NO_ARGS, start + 50 * MS, &err), WEIR_E_TIMEOUT,
           "an endless query is stopped at its deadline");
    const int64_t took = rig_now() - start;
    ok(took >= 50 * MS && took < 4000 * MS, "  of 50 ms: %lld us", (long long)took / 1000);
    is_int(err.native, SQLITE_INTERRUPT, "  with SQLite's number");
    is_text(err.sqlstate, "57014", "  and state");
    is_int(err.flags, 0, "  outside a transaction nothing was rolled back");
    is_int(ask_int(conn, "SELECT 1"), 1, "  and the session goes on");
}

static void test_timeout_between_rows(void *conn)
{
    weir_error err = { 0 };
    void *stmt = begin_rows(conn, ENDLESS "SELECT i FROM n WHERE i = 1 OR i < 0", WEIR_NO_ARGS);
    is_int(row_next(wing, conn, NEVER, &err), WEIR_ROW, "the first row comes");
    is_int(row_next(wing, conn, rig_now() + 20 * MS, &err), WEIR_E_TIMEOUT,
           "the second never does: next keeps its deadline");
    is_int(backend->dirty(conn), 0, "  and no snapshot stays");
    is_int(row_next(wing, conn, NEVER, &err), WEIR_OK, "  the result has ended");
    end_rows(conn, &stmt);
}

static void test_timeout_in_transaction(void *conn)
{
    weir_error err = { 0 };
    wing->begin(conn, 0, 0, NEVER, &err);
    must(conn, "INSERT INTO parent VALUES(50)");
    is_int(
        execute(conn, "INSERT INTO parent " ENDLESS "SELECT i + 1000 FROM n", WEIR_NO_ARGS, rig_now() + 20 * MS, &err),
        WEIR_E_TIMEOUT, "an endless insert is stopped, too");
    is_int(err.flags, WEIR_ROLLED_BACK, "  and SQLite has undone its transaction");
    is_int(wing->rollback(conn, NEVER, &err), WEIR_OK, "  which rollback takes as done");
    is_int(ask_int(conn, "SELECT count(*) FROM parent WHERE id >= 50"), 0, "  nothing of it is stored");
}

struct canceller {
    pthread_t thread;
    void *prepared;
    atomic_int done;
};

/* Again and again, since nobody can tell when a statement has begun to run. */
static void *keep_cancelling(void *arg)
{
    struct canceller *k = arg;
    weir_error err;
    const struct timespec pause = { 0, MS };
    while (!atomic_load(&k->done)) {
        backend->cancel(k->prepared, NEVER, &err);
        nanosleep(&pause, NULL);
    }
    return NULL;
}

static int run_cancelled(void *conn, const char *sql, weir_error *err)
{
    struct canceller k = { .prepared = backend->cancel_prepare(conn) };
    if (pthread_create(&k.thread, NULL, keep_cancelling, &k) != 0)
        tap_bail("cannot start a thread");
    const int st = run(conn, sql, err);
    atomic_store(&k.done, 1);
    pthread_join(k.thread, NULL);
    return st;
}

static void test_cancel(void *conn)
{
    weir_error err;
    is_int(run_cancelled(conn, ENDLESS "SELECT count(*) FROM n", &err), WEIR_E_CANCELLED,
           "another thread cancels a query");
    is_int(err.native, SQLITE_INTERRUPT, "  with SQLite's number");
    is_int(backend->cancel(backend->cancel_prepare(conn), NEVER, &err), WEIR_OK, "cancelling nothing is no failure");
    is_int(run(conn, "SELECT 1", &err), WEIR_OK, "  and reaches no later statement");
    void *stmt = begin_rows(conn, ENDLESS "SELECT i FROM n", WEIR_NO_ARGS);
    row_next(wing, conn, NEVER, &err);
    backend->cancel(backend->cancel_prepare(conn), NEVER, &err);
    is_int(row_next(wing, conn, NEVER, &err), WEIR_E_CANCELLED, "a cancel between two rows ends the result");
    end_rows(conn, &stmt);
    is_int(run(conn, "SELECT 1", &err), WEIR_OK, "  and nothing else");
}

static void test_cancel_waiting(const char *path)
{
    weir_error err;
    void *holder = session(&rig, path, 0), *other = session(&rig, path, 0);
    wing->begin(holder, 0, 0, NEVER, &err);
    is_int(run_cancelled(other, "INSERT INTO t VALUES(9)", &err), WEIR_E_CANCELLED,
           "a wait for a lock can be cancelled");
    is_int(err.flags, 0, "  which is not for another try");
    end(&rig, &holder);
    end(&rig, &other);
}

static void test_interrupt(void)
{
    weir_error err;
    void *conn = session(&rig, ":memory:", 0);
    backend->interrupt(conn);
    is_int(backend->alive(conn), 0, "an interrupted connection is dead");
    is_int(run(conn, ENDLESS "SELECT count(*) FROM n", &err), WEIR_E_CANCELLED, "  and stops whatever it still runs");
    is_int(err.flags, WEIR_CONNECTION_DEAD, "  for good");
    end(&rig, &conn);
}

/* ---- transactions ---- */

static void test_transactions(void *conn)
{
    weir_error err = { 0 };
    for (unsigned isolation = 0; isolation <= 3; isolation++)
        ok(wing->begin(conn, isolation, 0, NEVER, &err) == WEIR_OK && wing->commit(conn, NEVER, &err) == WEIR_OK,
           "isolation %u is granted", isolation);
    wing->begin(conn, 0, 0, NEVER, &err);
    must(conn, "INSERT INTO parent VALUES(70)");
    is_int(wing->rollback(conn, NEVER, &err), WEIR_OK, "a transaction is rolled back");
    is_int(ask_int(conn, "SELECT count(*) FROM parent WHERE id = 70"), 0, "  and left nothing");
    is_int(wing->rollback(conn, NEVER, &err), WEIR_OK, "rolling back nothing is fine");
    is_int(wing->commit(conn, NEVER, &err), WEIR_E_STATEMENT, "committing nothing is not");
    is_int(wing->rollback(conn, 0, &err), WEIR_OK, "a deadline that has passed does not stop a rollback");
}

static void test_deferred_key(void *conn)
{
    weir_error err = { 0 };
    must(conn, "CREATE TABLE child(f REFERENCES parent(id) DEFERRABLE INITIALLY DEFERRED)");
    wing->begin(conn, 0, 0, NEVER, &err);
    must(conn, "INSERT INTO child VALUES(12345)");
    is_int(wing->commit(conn, NEVER, &err), WEIR_E_FOREIGN_KEY, "a deferred foreign key fails the commit");
    is_int(err.flags, 0, "  which leaves the transaction open");
    is_int(wing->rollback(conn, NEVER, &err), WEIR_OK, "  to be rolled back");
}

static void test_busy_commit(void)
{
    static const char *const in_delete_mode[] = { "journal_mode", "delete", NULL };
    weir_error err = { 0 };
    struct rig other;
    rig_begin(&other, in_delete_mode);
    void *writer = session(&other, rig_path("commit.db"), 0), *reader = session(&other, rig_path("commit.db"), 1);
    must(writer, "CREATE TABLE t(a)");
    must(writer, "INSERT INTO t VALUES(1)");
    void *stmt = begin_rows(reader, "SELECT a FROM t", WEIR_NO_ARGS);
    wing->begin(writer, 0, 0, NEVER, &err);
    must(writer, "INSERT INTO t VALUES(2)");
    is_int(wing->commit(writer, rig_now() + 20 * MS, &err), WEIR_E_LOCKED, "a reader keeps a commit waiting");
    is_int(err.flags, WEIR_RETRY_TRANSACTION, "  with the transaction still open");
    end_rows(reader, &stmt);
    is_int(wing->commit(writer, NEVER, &err), WEIR_OK, "  until it has gone");
    end(&other, &writer);
    end(&other, &reader);
}

static void test_reader_transaction(const char *path)
{
    weir_error err = { 0 };
    void *writer = session(&rig, path, 0), *reader = session(&rig, path, 1);
    is_int(wing->begin(reader, 0, 0, NEVER, &err), WEIR_OK, "a transaction in the read lane reads");
    const int64_t before = ask_int(reader, "SELECT count(*) FROM t");
    must(writer, "INSERT INTO t VALUES(10)");
    is_int(ask_int(reader, "SELECT count(*) FROM t"), before, "  from one snapshot");
    is_int(wing->commit(reader, NEVER, &err), WEIR_OK, "  until it ends");
    is_int(ask_int(reader, "SELECT count(*) FROM t"), before + 1, "  and then sees what came");
    is_int(wing->begin(writer, 0, 1, NEVER, &err), WEIR_OK, "a reading transaction in the write lane");
    is_int(ask_int(writer, "SELECT 1"), 1, "  reads");
    is_int(run(writer, "INSERT INTO t VALUES(12)", &err), WEIR_E_READ_ONLY, "  and does not write");
    ok(err.native == SQLITE_READONLY && strcmp(err.sqlstate, "25006") == 0, "  as if the file were read-only");
    is_int(wing->rollback(writer, NEVER, &err), WEIR_OK, "  until it ends");
    must(writer, "INSERT INTO t VALUES(12)");
    must(reader, "SELECT 1");
    end(&rig, &writer);
    end(&rig, &reader);
}

/* ---- dirty, and clean again ---- */

static const struct {
    const char *sql;
    int dirties; /* and with it: a session on a file cannot be reset */
} session_changes[] = {
    { "SELECT 1", 0 },
    { "INSERT INTO t VALUES(1)", 0 },
    { "CREATE TABLE IF NOT EXISTS other(a)", 0 },
    { "PRAGMA foreign_keys", 0 },
    { "PRAGMA table_info(t)", 0 },
    { "PRAGMA main.integrity_check(5)", 0 },
    { "PRAGMA wal_checkpoint(PASSIVE)", 0 },
    { "PRAGMA user_version=3", 0 },
    { "VACUUM", 0 },
    { "PRAGMA foreign_keys=off", 1 },
    { "PRAGMA Cache_Size(10)", 1 },
    { "PRAGMA busy_timeout=1", 1 },
    { "ATTACH ':memory:' AS extra", 1 },
    { "CREATE TEMP TABLE x(a)", 1 },
    { "CREATE TABLE temp.x(a)", 1 },
    { "CREATE TEMP VIEW x AS SELECT 1", 1 },
    { "CREATE TEMP TRIGGER x AFTER INSERT ON t BEGIN SELECT 1; END", 1 },
};

static void test_session_changes(const char *path)
{
    weir_error err = { 0 };
    for (size_t i = 0; i < sizeof session_changes / sizeof *session_changes; i++) {
        void *conn = session(&rig, path, 0);
        must(conn, session_changes[i].sql);
        is_int(backend->dirty(conn), session_changes[i].dirties, "%s: %s",
               session_changes[i].dirties ? "dirty" : "clean", session_changes[i].sql);
        is_int(backend->reset(conn, NEVER, &err), session_changes[i].dirties ? WEIR_E_UNSUPPORTED : WEIR_OK,
               "  and a reset says %s", session_changes[i].dirties ? "that it cannot" : "that it is clean");
        end(&rig, &conn);
    }
}

static void test_open_transaction(const char *path)
{
    weir_error err = { 0 };
    void *conn = session(&rig, path, 0);
    must(conn, "BEGIN");
    is_int(backend->dirty(conn), 1, "an open transaction is dirty before its first statement");
    must(conn, "INSERT INTO t VALUES(11)");
    void *stmt = begin_rows(conn, "SELECT * FROM t", WEIR_NO_ARGS);
    is_int(backend->reset(conn, NEVER, &err), WEIR_OK, "it is rolled back by a reset, with a result open");
    is_int(backend->dirty(conn), 0, "  which leaves the session clean");
    is_int(wing->run(conn, stmt, WEIR_NO_ARGS, 0, NEVER, &err), WEIR_OK, "  and what was prepared usable");
    is_int(ask_int(conn, "SELECT count(*) FROM t WHERE rowid > 0 AND a = 11"), 0, "  and nothing of it stored");
    must(conn, "SAVEPOINT s");
    is_int(backend->dirty(conn), 1, "so is a savepoint");
    wing->forget(conn, stmt);
    end(&rig, &conn);
}

static void test_native(const char *path)
{
    weir_error err = { 0 };
    sqlite3_stmt *stray = NULL;
    void *conn = session(&rig, path, 0);
    sqlite3 *db = backend->native(conn);
    is_int(sqlite3_get_autocommit(db), 1, "the native handle is SQLite's");
    is_int(backend->dirty(conn), 1, "  and makes the session dirty");
    is_int(backend->reset(conn, NEVER, &err), WEIR_E_UNSUPPORTED, "  beyond a reset");
    sqlite3_prepare_v2(db, "SELECT * FROM t", -1, &stray, NULL);
    sqlite3_step(stray);
    end(&rig, &conn);
    sqlite3_finalize(stray);
    ok(1, "a statement that its borrower left behind outlives the close");
}

/* ---- a memory database, where reset undoes all ---- */

static void disturb(void *conn)
{
    must(conn, "PRAGMA foreign_keys=off");
    must(conn, "PRAGMA case_sensitive_like=on");
    must(conn, "PRAGMA recursive_triggers=on");
    must(conn, "PRAGMA ignore_check_constraints=on");
    must(conn, "PRAGMA cache_size=7");
    must(conn, "PRAGMA busy_timeout=0");
    must(conn, "ATTACH ':memory:' AS \"an \"\"odd\"\" name\"");
    must(conn, "ATTACH ':memory:' AS two");
    must(conn, "CREATE TABLE two.t2(a)");
    must(conn, "CREATE TEMP TABLE shadow AS SELECT 1 AS a");
    must(conn, "CREATE TEMP VIEW v AS SELECT * FROM shadow");
    must(conn, "BEGIN");
    must(conn, "INSERT INTO t VALUES(2)");
    must(conn, "INSERT INTO shadow VALUES(2)");
}

static void test_memory_reset(void)
{
    weir_error err = { 0 };
    void *conn = session(&rig, ":memory:", 0);
    must(conn, "CREATE TABLE t(a)");
    must(conn, "INSERT INTO t VALUES(1)");
    void *kept = begin_rows(conn, "SELECT a FROM t", WEIR_NO_ARGS);
    wing->abandon(conn);
    const int64_t recursive = ask_int(conn, "PRAGMA recursive_triggers");
    disturb(conn);
    is_int(backend->dirty(conn), 1, "a much changed session of a memory database is dirty");
    is_int(backend->reset(conn, NEVER, &err), WEIR_OK, "it can be reset: %s", err.text);
    is_int(backend->dirty(conn), 0, "  and is clean then");
    is_int(ask_int(conn, "SELECT sum(a) FROM t"), 1, "  the data are there, the open transaction is undone");
    is_int(ask_int(conn, "PRAGMA foreign_keys"), 1, "  foreign_keys is back");
    is_int(ask_int(conn, "PRAGMA recursive_triggers"), recursive, "  recursive_triggers is back");
    is_int(ask_int(conn, "PRAGMA ignore_check_constraints"), 0, "  ignore_check_constraints is back");
    is_int(ask_int(conn, "PRAGMA cache_size"), -2000, "  cache_size is back");
    is_int(ask_int(conn, "SELECT 'A' LIKE 'a'"), 1, "  LIKE is back");
    is_int(ask_int(conn, "SELECT count(*) FROM pragma_database_list WHERE seq > 1"), 0, "  nothing is attached");
    is_int(ask_int(conn, "SELECT count(*) FROM sqlite_temp_master"), 0, "  nothing is temporary");
    is_int(wing->run(conn, kept, WEIR_NO_ARGS, 0, NEVER, &err), WEIR_OK, "  and what was prepared still runs");
    wing->forget(conn, kept);
    end(&rig, &conn);
}

static void test_memory_native(void)
{
    weir_error err = { 0 };
    sqlite3_stmt *stray = NULL;
    void *conn = session(&rig, ":memory:", 0);
    must(conn, "CREATE TABLE t(a)");
    must(conn, "INSERT INTO t VALUES(1)");
    sqlite3 *db = backend->native(conn);
    sqlite3_progress_handler(db, 0, NULL, NULL);
    sqlite3_prepare_v2(db, "SELECT * FROM t", -1, &stray, NULL);
    sqlite3_step(stray);
    is_int(backend->reset(conn, NEVER, &err), WEIR_OK, "native use of a memory database is undone, too");
    is_int(backend->dirty(conn), 0, "  a statement left running is ended");
    is_int(execute(conn, ENDLESS "SELECT count(*) FROM n", WEIR_NO_ARGS, rig_now() + 20 * MS, &err), WEIR_E_TIMEOUT,
           "  and deadlines hold again");
    sqlite3_finalize(stray);
    end(&rig, &conn);
}

/* ---- all ---- */

static void test_one_session(void)
{
    void *conn = session(&rig, rig_path("one.db"), 0);
    test_constraints(conn);
    test_wrong_statements(conn);
    test_own_lock(conn);
    test_timeout(conn);
    test_timeout_between_rows(conn);
    test_timeout_in_transaction(conn);
    test_cancel(conn);
    test_transactions(conn);
    test_deferred_key(conn);
    end(&rig, &conn);
}

static void test_two_sessions(void)
{
    char path[256];
    snprintf(path, sizeof path, "%s", rig_path("two.db"));
    void *conn = session(&rig, path, 0);
    must(conn, "CREATE TABLE t(a)");
    end(&rig, &conn);
    test_busy(path);
    test_busy_timeout(path);
    test_lock_comes_free(path);
    test_snapshot(path);
    test_cancel_waiting(path);
    test_reader_transaction(path);
    test_session_changes(path);
    test_open_transaction(path);
    test_native(path);
}

int main(void)
{
    rig_begin(&rig, NULL);
    test_one_session();
    test_two_sessions();
    test_denied();
    test_corrupt();
    test_file_gone();
    test_full();
    test_busy_commit();
    test_interrupt();
    test_memory_locks();
    test_memory_reset();
    test_memory_native();
    is_int(rig.blocks, 0, "the driver has given back all memory");
    return tap_done();
}
