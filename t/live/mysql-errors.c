/*
 * The MySQL and MariaDB driver, alone: what the server's errors mean, deadlines and cancels, transactions.
 * SPDX-License-Identifier: MIT
 */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <mysql.h>
#include "mysql-rig.h"
#include "row.h"
#include "tap.h"

#define backend (&weir_mysql_backend)
#define wing (backend->sql)

#define AGAIN WEIR_RETRY_TRANSACTION
#define ELSEWHERE WEIR_RETRY_ELSEWHERE
#define MANY "digits a, digits b, digits c, digits d, digits e, digits f, digits g, digits h, digits i"
#define SLOW_COUNT "COUNT(*) FROM " MANY " WHERE a.n + b.n + c.n + d.n + e.n + f.n + g.n + h.n + i.n < 0"
#define SLOW "SELECT " SLOW_COUNT
#define STREAM "SELECT n, REPEAT('x', 5000) FROM numbers"
/* Not what is still being prepared: a kill that comes between that and its run would miss it. */
#define RUNNING                                                                                       \
    "SELECT COUNT(*) FROM information_schema.processlist WHERE info LIKE '%digits a, digits b%' AND " \
    "command <> 'Prepare' AND id <> CONNECTION_ID()"
#define LOCKED_ONES "SELECT COUNT(*) FROM information_schema.innodb_trx WHERE trx_state = 'LOCK WAIT'"

static struct rig rig;

static int is_mysql(void)
{
    return rig.server->is_mysql;
}

static int in_transaction(void *conn)
{
    return (((MYSQL *)backend->native(conn))->server_status & SERVER_STATUS_IN_TRANS) != 0;
}

/* ---- what an error means ---- */

/* One statement, on both servers; native 0: the other one has no such thing. */
static const struct wrong {
    const char *sql;
    int status, maria, mysql;
    const char *sqlstate, *text;
} wrongs[] = {
    { "INSERT INTO t(id, n) VALUES (1, 1)", WEIR_E_UNIQUE, 1062, 1062, "23000", "PRIMARY" },
    { "INSERT INTO t(id, n, u) VALUES (2, 1, 'a')", WEIR_E_UNIQUE, 1062, 1062, "23000", "u" },
    { "INSERT INTO t(id, n, f) VALUES (2, 1, 99)", WEIR_E_FOREIGN_KEY, 1452, 1452, "23000", "foreign key" },
    { "DELETE FROM parent WHERE id = 1", WEIR_E_FOREIGN_KEY, 1451, 1451, "23000", "foreign key" },
    { "INSERT INTO t(id, n) VALUES (2, NULL)", WEIR_E_NOT_NULL, 1048, 1048, "23000", "'n'" },
    { "INSERT INTO t(id) VALUES (2)", WEIR_E_NOT_NULL, 1364, 1364, "HY000", "'n'" },
    { "INSERT INTO t(id, n, c) VALUES (2, 1, -1)", WEIR_E_CHECK, 4025, 0, "23000", "CONSTRAINT" },
    { "INSERT INTO t(id, n, c) VALUES (2, 1, -1)", WEIR_E_CHECK, 0, 3819, "HY000", "constraint" },
    { "DELETE FROM guarded", WEIR_E_CHECK, 1644, 1644, "45000", "rows of guarded stay" },
    { "INSERT INTO t(id, n, u) VALUES (2, 1, 'more than ten characters')", WEIR_E_DATA, 1406, 1406, "22001", "'u'" },
    { "INSERT INTO t(id, n) VALUES (2, 99999999999)", WEIR_E_DATA, 1264, 1264, "22003", "'n'" },
    { "INSERT INTO t(id, n) VALUES (2, 'many')", WEIR_E_DATA, 1366, 0, "22007", "'many'" },
    { "INSERT INTO t(id, n) VALUES (2, 'many')", WEIR_E_DATA, 0, 1366, "HY000", "'many'" },
    { "INSERT INTO t(id, n) VALUES (2, 1 / 0)", WEIR_E_DATA, 1365, 1365, "22012", "0" },
    { "INSERT INTO t(id, n, d) VALUES (2, 1, 'yesterday')", WEIR_E_DATA, 1292, 1292, "22007", "yesterday" },
    { "INSERT INTO t(id, n, e) VALUES (2, 1, 'blue')", WEIR_E_DATA, 1265, 1265, "01000", "'e'" },
    { "SELECT 9223372036854775807 + 1", WEIR_E_DATA, 1690, 1690, "22003", "out of range" },
    { "INSERT INTO t(id, n, j) VALUES (2, 1, '{')", WEIR_E_CHECK, 4025, 0, "23000", "j" },
    { "INSERT INTO t(id, n, j) VALUES (2, 1, '{')", WEIR_E_DATA, 0, 3140, "22032", "JSON" },
    { "SELEKT 1", WEIR_E_STATEMENT, 1064, 1064, "42000", "syntax" },
    { "SELECT * FROM nowhere", WEIR_E_STATEMENT, 1146, 1146, "42S02", "nowhere" },
    { "SELECT missing FROM t", WEIR_E_STATEMENT, 1054, 1054, "42S22", "missing" },
    { "SELECT id FROM t a, t b", WEIR_E_STATEMENT, 1052, 1052, "23000", "ambiguous" },
    { "INSERT INTO t(id, n) VALUES (1)", WEIR_E_STATEMENT, 1136, 1136, "21S01", "Column count" },
    { "CREATE TABLE t(a INT)", WEIR_E_STATEMENT, 1050, 1050, "42S01", "exists" },
    { "DROP TABLE nowhere", WEIR_E_STATEMENT, 1051, 1051, "42S02", "nowhere" },
    { "USE nowhere", WEIR_E_STATEMENT, 1049, 1049, "42000", "nowhere" },
    { "SELECT nowhere.f(1)", WEIR_E_STATEMENT, 1305, 1305, "42000", "does not exist" },
    { "ROLLBACK TO SAVEPOINT never_made", WEIR_E_STATEMENT, 1305, 1305, "42000", "never_made" },
    { "SET no_such_variable = 1", WEIR_E_STATEMENT, 1193, 1193, "HY000", "no_such_variable" },
    { "SELECT 1 INTO OUTFILE '/var/lib/x'", WEIR_E_PERMISSION, 1290, 1290, "HY000", "secure" },
    { "INSERT INTO memory SELECT REPEAT('x', 1000) FROM digits a, digits b, digits c", WEIR_E_RESOURCE, 1114, 1114,
      "HY000", "full" },
};

static void make_tables(void *conn)
{
    must(conn, "CREATE TABLE parent(id INT PRIMARY KEY)");
    must(conn, "CREATE TABLE t(id INT PRIMARY KEY, u VARCHAR(10) UNIQUE, n INT NOT NULL, c INT CHECK (c > 0), f INT, "
               "d DATETIME, e ENUM('red','green'), j JSON, FOREIGN KEY (f) REFERENCES parent(id))");
    must(conn, "CREATE TABLE guarded(a INT)");
    must(conn, "CREATE TRIGGER stay BEFORE DELETE ON guarded FOR EACH ROW SIGNAL SQLSTATE '45000' "
               "SET MESSAGE_TEXT = 'rows of guarded stay'");
    must(conn, "CREATE TABLE digits(n INT)");
    must(conn, "CREATE TABLE memory(a VARCHAR(1000)) ENGINE = MEMORY MAX_ROWS = 1");
    must(conn, "INSERT INTO digits VALUES (0), (1), (2), (3), (4), (5), (6), (7), (8), (9)");
    must(conn, "CREATE TABLE numbers(n INT)");
    must(conn, "INSERT INTO numbers SELECT a.n FROM digits a, digits b, digits c, digits d, digits e");
    must(conn, "CREATE TABLE steps(id INT PRIMARY KEY, n INT)");
    must(conn,
         "INSERT INTO steps SELECT a.n * 100 + b.n * 10 + c.n + 1, 0 FROM digits a, digits b, digits c WHERE a.n < 3");
    must(conn, "INSERT INTO parent VALUES (1)");
    must(conn, "INSERT INTO t(id, u, n, f) VALUES (1, 'a', 1, 1)");
    must(conn, "INSERT INTO guarded VALUES (1)");
}

static void test_wrong_statements(void *conn)
{
    weir_error err;
    must(conn, "SET max_heap_table_size = 16384");
    for (size_t i = 0; i < sizeof wrongs / sizeof *wrongs; i++) {
        const struct wrong *w = &wrongs[i];
        const int native = is_mysql() ? w->mysql : w->maria;
        if (!native)
            continue;
        is_int(run(conn, w->sql, &err), w->status, "%s", w->sql);
        is_error(&err, w->status, native, w->sqlstate, 0);
        has_text(err.text, w->text, "  and what is wrong");
    }
    is_int(ask_int(conn, "SELECT COUNT(*) FROM t"), 1, "nothing of all that was stored");
    is_int(backend->alive(conn), 1, "  and the session lives");
}

static void test_too_many_placeholders(void *conn)
{
    static char sql[65536 * 3 + 100];
    size_t n = (size_t)snprintf(sql, sizeof sql, "SELECT 1 IN (?");
    for (int i = 1; i < 65536; i++, n += 2)
        memcpy(sql + n, ",?", 2);
    memcpy(sql + n, ")", 2);
    weir_error err = { 0 };
    void *stmt = NULL;
    size_t p, c;
    is_int(wing->prepare(conn, &stmt, &p, &c, sql, SOON, &err), WEIR_E_STATEMENT,
           "65536 placeholders are one too many");
    is_error(&err, WEIR_E_STATEMENT, 1390, "HY000", 0);
    is_int(ask_int(conn, "SELECT 1"), 1, "  for the statement, not for the session");
}

static void test_no_permission(void *conn)
{
    weir_error err;
    struct rig poor;
    must(conn, "CREATE USER poor@'127.0.0.1' IDENTIFIED BY 'p''o@o%r \"'");
    must(conn, "GRANT SELECT(id) ON test.t TO poor@'127.0.0.1'");
    rig_begin(&poor, rig.server, NULL);
    poor.target.user = "poor";
    poor.target.password = "p'o@o%r \"";
    void *other = session(&poor);
    ok(other != NULL, "a password may have quotes, @, %% and spaces");
    is_int(ask_int(other, "SELECT id FROM t"), 1, "who may read a column reads it");
    is_int(run(other, "SELECT n FROM t", &err), WEIR_E_PERMISSION, "  and no other");
    is_error(&err, WEIR_E_PERMISSION, 1143, "42000", 0);
    is_int(run(other, "DELETE FROM t", &err), WEIR_E_PERMISSION, "  and writes nothing");
    is_error(&err, WEIR_E_PERMISSION, 1142, "42000", 0);
    is_int(run(other, "CREATE USER nobody@localhost", &err), WEIR_E_PERMISSION, "  and rules nothing");
    is_error(&err, WEIR_E_PERMISSION, 1227, "42000", 0);
    is_int(run(other, "USE mysql", &err), WEIR_E_PERMISSION, "  and goes nowhere");
    is_error(&err, WEIR_E_PERMISSION, 1044, "42000", 0);
    must(conn, "GRANT INSERT, DELETE ON test.t TO poor@'127.0.0.1'");
    must(conn, "SET GLOBAL read_only = 1");
    is_int(run(other, "DELETE FROM t WHERE id = 99", &err), WEIR_E_READ_ONLY, "a server that does not write says so");
    is_error(&err, WEIR_E_READ_ONLY, 1290, "25006", ELSEWHERE);
    must(conn, "SET GLOBAL read_only = 0");
    is_int(run(other, "DELETE FROM t WHERE id = 99", &err), WEIR_OK, "  until it does");
    end(&other);
}

static void test_too_many_statements(void *conn)
{
    weir_error err = { 0 };
    void *other = session(&rig), *stmt = NULL;
    size_t p, c;
    MYSQL *native = backend->native(other);
    must(conn, "CREATE TABLE counted(n INT)");
    must(conn, "INSERT INTO counted VALUES(1)");
    mysql_query(native, "SET GLOBAL max_prepared_stmt_count = 0");
    is_int(wing->prepare(conn, &stmt, &p, &c, "SELECT 1", SOON, &err), WEIR_E_RESOURCE,
           "a server that takes no more prepared statements");
    mysql_query(native, "SET GLOBAL max_prepared_stmt_count = DEFAULT");
    is_error(&err, WEIR_E_RESOURCE, 1461, "42000", 0);
    is_int(ask_int(conn, "SELECT COUNT(*) FROM counted"), 1, "  has not run the one before it instead");
    is_int(ask_int(conn, "SELECT 1"), 1, "  and may take some later");
    must(conn, "DROP TABLE counted");
    end(&other);
}

/* As a pooler does that is in between. */
static void test_forgotten_statement(void *conn)
{
    weir_error err = { 0 };
    void *stmt = make(conn, "INSERT INTO digits SELECT n FROM digits WHERE n > ?");
    is_int(wing->run(conn, stmt, WEIR_ARGS(weir_int(100)), 0, SOON, &err), WEIR_OK, "a statement runs");
    mysql_reset_connection(backend->native(conn));
    is_int(wing->run(conn, stmt, WEIR_ARGS(weir_int(100)), 0, SOON, &err), WEIR_E_LOST,
           "the session was reset behind the driver's back: it cannot be trusted");
    forget(conn, &stmt);
}

/* ---- conflicts ---- */

static void test_deadlock(void)
{
    weir_error err;
    struct errand first;
    void *a = session(&rig), *b = session(&rig), *watch = session(&rig);
    must(watch, "CREATE TABLE pairs(id INT PRIMARY KEY, n INT)");
    must(watch, "INSERT INTO pairs VALUES (1, 0), (2, 0), (3, 0), (4, 0)");
    wing->begin(a, 0, 0, SOON, &err);
    wing->begin(b, 0, 0, SOON, &err);
    must(a, "UPDATE pairs SET n = n + 1 WHERE id = 1");
    must(a, "UPDATE pairs SET n = n + 1 WHERE id = 3"); /* it has written more: the other one is the victim */
    must(a, "UPDATE pairs SET n = n + 1 WHERE id = 4");
    must(b, "UPDATE pairs SET n = n + 10 WHERE id = 2");
    errand_start(&first, a, "UPDATE pairs SET n = n + 1 WHERE id = 2", SOON);
    wait_for(watch, LOCKED_ONES, 1);
    is_int(run(b, "UPDATE pairs SET n = n + 10 WHERE id = 1", &err), WEIR_E_DEADLOCK, "a deadlock");
    is_error(&err, WEIR_E_DEADLOCK, 1213, "40001", AGAIN | WEIR_ROLLED_BACK);
    errand_end(&first);
    is_int(first.status, WEIR_OK, "  lets the other one go on");
    is_int(backend->dirty(b), 1, "  and is not provably clean");
    is_int(wing->rollback(b, SOON, &err), WEIR_OK, "  until it is rolled back, though the server has done so");
    is_int(backend->dirty(b), 0, "  and then is");
    is_int(wing->commit(a, SOON, &err), WEIR_OK, "  the other commits");
    is_int(ask_int(watch, "SELECT SUM(n) FROM pairs"), 4, "  what it wrote alone");
    end(&a);
    end(&b);
    end(&watch);
}

/* A stream of which nobody reads the end, where it says that the transaction is undone: what comes next must not run outside of it. */
static void test_deadlock_among_dropped_rows(const char *stream)
{
    weir_error err;
    struct errand first;
    void *a = session(&rig), *b = session(&rig), *watch = session(&rig);
    wing->begin(b, 0, 0, SOON, &err);
    must(b, "UPDATE steps SET n = 1 WHERE id > 280"); /* it has written more: the other one is the victim */
    wing->begin(a, 3, 0, SOON, &err);
    void *stmt = begin_rows(a, stream, WEIR_NO_ARGS);
    is_int(row_next(wing, a, SOON, &err), WEIR_ROW, "rows come, and then a lock is waited for");
    wait_for(watch, LOCKED_ONES, 1);
    errand_start(&first, b, "UPDATE steps SET n = 1 WHERE id = 1", SOON);
    errand_end(&first);
    is_int(first.status, WEIR_OK, "  which makes a deadlock");
    end_rows(a, &stmt);
    ok(wing->in_transaction(a), "  and nobody hears that the transaction is gone");
    is_int(run(a, "UPDATE pairs SET n = 1000 WHERE id = 2", &err), WEIR_E_DEADLOCK, "  until its next statement");
    is_error(&err, WEIR_E_DEADLOCK, 1213, "40001", AGAIN | WEIR_ROLLED_BACK);
    is_int(wing->rollback(a, SOON, &err), WEIR_OK, "  so it is rolled back");
    is_int(ask_int(watch, "SELECT COUNT(*) FROM pairs WHERE n = 1000"), 0, "  and has written nothing");
    is_int(run(a, "UPDATE pairs SET n = n WHERE id = 2", &err), WEIR_OK, "  and the session goes on");
    end(&a);
    end(&b);
    end(&watch);
}

static void test_lock_timeout(int rolled_back)
{
    weir_error err;
    void *a = session(&rig), *b = session(&rig);
    must(b, "SET innodb_lock_wait_timeout = 1");
    wing->begin(a, 0, 0, SOON, &err);
    must(a, "UPDATE pairs SET n = 5 WHERE id = 1");
    wing->begin(b, 0, 0, SOON, &err);
    must(b, "UPDATE pairs SET n = 6 WHERE id = 2");
    is_int(run(b, "UPDATE pairs SET n = 6 WHERE id = 1", &err), WEIR_E_LOCKED, "a lock that does not come free");
    is_error(&err, WEIR_E_LOCKED, 1205, "HY000", AGAIN | (rolled_back ? WEIR_ROLLED_BACK : 0));
    is_int(in_transaction(b), !rolled_back, "  and the transaction is %s", rolled_back ? "gone" : "still open");
    is_int(wing->rollback(b, SOON, &err), WEIR_OK, "  to be rolled back");
    if (!rolled_back) {
        is_int(run(b, "SELECT * FROM pairs WHERE id = 1 FOR UPDATE NOWAIT", &err), WEIR_E_LOCKED,
               "who does not want to wait is told at once");
        is_error(&err, WEIR_E_LOCKED, is_mysql() ? 3572 : 1205, "HY000", AGAIN);
    }
    end(&a);
    end(&b);
}

static void test_snapshots(void)
{
    weir_error err;
    void *a = session(&rig), *b = session(&rig);
    if (!is_mysql()) {
        must(a, "SET innodb_snapshot_isolation = ON");
        wing->begin(a, 2, 0, SOON, &err);
        ask_int(a, "SELECT n FROM pairs WHERE id = 1");
        must(b, "UPDATE pairs SET n = n + 1 WHERE id = 1");
        is_int(run(a, "UPDATE pairs SET n = n + 1 WHERE id = 1", &err), WEIR_E_SERIALIZATION,
               "a row that has changed since the snapshot");
        is_error(&err, WEIR_E_SERIALIZATION, 1020, "HY000", AGAIN | WEIR_ROLLED_BACK);
        is_int(in_transaction(a), 0, "  and the transaction is gone");
        is_int(wing->rollback(a, SOON, &err), WEIR_OK, "  which rollback takes as done");
    }
    must(b, "CREATE TABLE altered(a INT)");
    must(a, "START TRANSACTION WITH CONSISTENT SNAPSHOT");
    must(b, "ALTER TABLE altered ADD COLUMN b INT, ALGORITHM = COPY");
    is_int(run(a, "SELECT * FROM altered", &err), WEIR_E_SERIALIZATION, "a table that has changed since the snapshot");
    is_error(&err, WEIR_E_SERIALIZATION, 1412, "HY000", AGAIN);
    is_int(wing->rollback(a, SOON, &err), WEIR_OK, "  leaves the transaction to be rolled back");
    end(&a);
    end(&b);
}

/* ---- deadlines ---- */

static void took(int64_t start, int64_t least_ms, const char *what)
{
    const int64_t ms = (rig_now() - start) / MS;
    ok(ms >= least_ms && ms < 30000, "  %s: %lld ms", what, (long long)ms);
}

static int64_t started; /* the statement that was stopped last */

/* Runs it for so long, or for longer if that is over before the server has begun with it. */
static int run_for(int64_t ms, void *conn, const char *sql, weir_error *err)
{
    int st;
    do {
        started = rig_now();
        st = execute(conn, sql, WEIR_NO_ARGS, started + ms * MS, err);
        ms *= 2;
    } while (st == WEIR_E_TIMEOUT && !err->native && ms < 30000);
    return st;
}

static void test_timeout(void *conn)
{
    weir_error err;
    is_int(run_for(100, conn, SLOW, &err), WEIR_E_TIMEOUT, "a query is stopped at its deadline");
    took(started, 100, "not before it, and long before its end");
    is_error(&err, WEIR_E_TIMEOUT, 1317, "70100", 0);
    is_int(ask_int(conn, "SELECT 1"), 1, "  and the session goes on");
    is_int(backend->dirty(conn), 0, "  clean");
    is_int(ask_int(conn, RUNNING), 0, "  and nothing runs on the server any more");
    is_int(run_for(50, conn, "INSERT INTO digits " SLOW, &err), WEIR_E_TIMEOUT, "so is what writes");
    is_int(ask_int(conn, "SELECT COUNT(*) FROM digits"), 10, "  and has written nothing");
    const char *own = is_mysql() ? "SELECT /*+ MAX_EXECUTION_TIME(50) */ " SLOW_COUNT
                                 : "SET STATEMENT max_statement_time = 0.05 FOR " SLOW;
    is_int(run(conn, own, &err), WEIR_E_TIMEOUT, "the server's own limit of a statement");
    is_error(&err, WEIR_E_TIMEOUT, is_mysql() ? 3024 : 1969, is_mysql() ? "HY000" : "70100", 0);
}

static void test_timeout_in_transaction(void)
{
    weir_error err;
    void *a = session(&rig), *b = session(&rig);
    wing->begin(a, 0, 0, SOON, &err);
    must(a, "UPDATE pairs SET n = 70 WHERE id = 1");
    wing->begin(b, 0, 0, SOON, &err);
    must(b, "UPDATE pairs SET n = 71 WHERE id = 2");
    is_int(run_for(50, b, "UPDATE pairs SET n = 71 WHERE id = 1", &err), WEIR_E_TIMEOUT,
           "a wait for a lock is stopped, too");
    is_error(&err, WEIR_E_TIMEOUT, 1317, "70100", 0);
    is_int(wing->commit(b, SOON, &err), WEIR_OK, "  its transaction is still there");
    is_int(ask_int(b, "SELECT n FROM pairs WHERE id = 2"), 71, "  with what was written before");
    is_int(wing->rollback(a, 0, &err), WEIR_OK, "a rollback has time even when its deadline has none");
    is_int(ask_int(b, "SELECT COUNT(*) FROM pairs WHERE n = 70"), 0, "  and undoes");
    end(&a);
    end(&b);
}

/* Rows that never stop coming, and rows of which the next does not come. */
static void test_timeout_of_rows(void *conn)
{
    weir_error err = { 0 };
    int st, rows = 0;
    void *stmt = begin_rows(conn, STREAM, WEIR_NO_ARGS);
    const int64_t start = rig_now();
    while ((st = row_next(wing, conn, start + 100 * MS, &err)) == WEIR_ROW)
        rows++;
    is_int(st, WEIR_E_TIMEOUT, "a stream is stopped at its deadline, after %d rows", rows);
    took(start, 100, "not before it");
    is_int(err.flags, 0, "  and the session is not lost");
    is_int(row_next(wing, conn, SOON, &err), WEIR_OK, "  the result has ended");
    end_rows(conn, &stmt);
    is_int(ask_int(conn, "SELECT 1"), 1, "  and the session goes on");
    stmt = begin_rows(conn, "SELECT n, IF(n < 5, REPEAT('x', 9000), (" SLOW " AND a.n <> o.n)) FROM digits o",
                      WEIR_NO_ARGS);
    const int64_t by = rig_now() + 200 * MS;
    while ((st = row_next(wing, conn, by, &err)) == WEIR_ROW)
        ;
    is_int(st, WEIR_E_TIMEOUT, "so is a row that is long in coming");
    end_rows(conn, &stmt);
    is_int(ask_int(conn, "SELECT 1"), 1, "  and the session goes on");
}

/* ---- cancels ---- */

static void test_cancel(void *watch)
{
    weir_error err = { 0 };
    struct errand e;
    void *conn = session(&rig);
    void *prepared = backend->cancel_prepare(conn);
    errand_start(&e, conn, SLOW, SOON);
    wait_for(watch, RUNNING, 1);
    is_int(backend->cancel(prepared, SOON, &err), WEIR_OK, "another thread cancels a query: %s", err.text);
    errand_end(&e);
    is_int(e.status, WEIR_E_CANCELLED, "  which ends as cancelled");
    is_error(&e.err, WEIR_E_CANCELLED, 1317, "70100", 0);
    is_int(backend->cancel(prepared, SOON, &err), WEIR_OK, "cancelling nothing is no failure");
    is_int(ask_int(conn, "SELECT 1"), 1, "  and reaches no later statement");
    int st;
    void *stmt = begin_rows(conn, STREAM, WEIR_NO_ARGS);
    is_int(row_next(wing, conn, SOON, &err), WEIR_ROW, "a stream flows");
    is_int(backend->cancel(prepared, SOON, &err), WEIR_OK, "  and is cancelled");
    while ((st = row_next(wing, conn, SOON, &err)) == WEIR_ROW)
        ;
    is_int(st, WEIR_E_CANCELLED, "  before it ends");
    end_rows(conn, &stmt);
    is_int(ask_int(conn, "SELECT 1"), 1, "  and nothing else");
    end(&conn);
}

/* Now and then it hits, and then only what runs. */
static void *cancel_often(void *arg)
{
    weir_error err;
    struct errand *e = arg;
    for (int i = 0; i < 30; i++)
        if (backend->cancel(backend->cancel_prepare(e->conn), SOON, &err) < 0)
            e->status = err.status;
    return NULL;
}

static void test_cancel_often(void)
{
    weir_error err;
    pthread_t thread;
    int others = 0;
    struct errand e = { .conn = session(&rig) };
    if (pthread_create(&thread, NULL, cancel_often, &e) != 0)
        tap_bail("cannot start a thread");
    for (int i = 0; i < 300; i++) {
        const int st = run(e.conn, "SELECT COUNT(*) FROM digits a, digits b, digits c", &err);
        if (st < 0 && st != WEIR_E_CANCELLED && others++ == 0)
            tap_note("%s", err.text);
    }
    pthread_join(thread, NULL);
    is_int(others, 0, "thirty cancels among three hundred statements do nothing but cancel");
    is_int(e.status, WEIR_OK, "  and all succeed");
    is_int(ask_int(e.conn, "SELECT 1"), 1, "  the session goes on");
    end(&e.conn);
}

static void test_interrupt(void *watch)
{
    struct errand e;
    weir_error err;
    void *conn = session(&rig);
    errand_start(&e, conn, "SELECT SLEEP(60)", NEVER);
    wait_for(watch, "SELECT COUNT(*) FROM information_schema.processlist WHERE info LIKE 'SELECT SLEEP(60)%'", 1);
    backend->interrupt(conn);
    errand_end(&e);
    is_int(e.status, WEIR_E_CANCELLED, "an interrupted call returns");
    is_int(e.err.flags & WEIR_CONNECTION_DEAD, WEIR_CONNECTION_DEAD, "  its connection is dead");
    is_int(backend->alive(conn), 0, "  and known to be");
    is_int(run(conn, "SELECT 1", &err), WEIR_E_CANCELLED, "  for every later call, too");
    end(&conn);
}

/* ---- transactions ---- */

static void test_isolations(void *watch)
{
    static const char *const names[] = { NULL, "READ-COMMITTED", "REPEATABLE-READ", "SERIALIZABLE" };
    weir_error err = { 0 };
    void *conn = session(&rig);
    for (unsigned isolation = 0; isolation <= 3; isolation++) {
        is_int(wing->begin(conn, isolation, 0, SOON, &err), WEIR_OK, "isolation %u is granted", isolation);
        must(conn, "UPDATE pairs SET n = n + 1 WHERE id = 3");
        if (names[isolation] && !is_mysql()) {
            char sql[200];
            snprintf(sql, sizeof sql,
                     "SELECT COUNT(*) FROM information_schema.innodb_trx WHERE trx_isolation_level = '%s'",
                     isolation == 1   ? "READ COMMITTED"
                     : isolation == 2 ? "REPEATABLE READ"
                                      : names[isolation]);
            wait_for(watch, sql, 1);
            ok(1, "  and is what it says");
        }
        is_int(wing->commit(conn, SOON, &err), WEIR_OK, "  to the commit");
        is_int(backend->dirty(conn), 0, "  which leaves the session clean");
    }
    end(&conn);
}

static void test_transactions(void *conn)
{
    weir_error err = { 0 };
    is_int(wing->begin(conn, 0, 0, SOON, &err), WEIR_OK, "a transaction begins");
    is_int(backend->dirty(conn), 1, "  and is not clean before its first statement");
    must(conn, "UPDATE pairs SET n = 99 WHERE id = 4");
    must(conn, "SAVEPOINT a");
    must(conn, "UPDATE pairs SET n = 98 WHERE id = 4");
    must(conn, "ROLLBACK TO SAVEPOINT a");
    is_int(ask_int(conn, "SELECT n FROM pairs WHERE id = 4"), 99, "  goes back to a savepoint");
    is_int(run(conn, "INSERT INTO pairs VALUES (4, 0)", &err), WEIR_E_UNIQUE, "  an error in it");
    is_int(err.flags, 0, "  is a statement's own");
    is_int(wing->rollback(conn, SOON, &err), WEIR_OK, "  it is rolled back");
    is_int(ask_int(conn, "SELECT COUNT(*) FROM pairs WHERE n = 99"), 0, "  and left nothing");
    is_int(backend->dirty(conn), 0, "  not even in the session");
    is_int(wing->rollback(conn, SOON, &err), WEIR_OK, "rolling back nothing is fine");
    is_int(wing->begin(conn, 0, 1, SOON, &err), WEIR_OK, "a transaction that only reads");
    is_int(run(conn, "DELETE FROM pairs", &err), WEIR_E_READ_ONLY, "  does");
    is_int(wing->commit(conn, SOON, &err), WEIR_OK, "  and commits");
}

/* ---- all ---- */

static void test(struct mariadb *server)
{
    rig_begin(&rig, server, NULL);
    void *watch = session(&rig), *conn = session(&rig);
    make_tables(watch);
    test_wrong_statements(conn);
    test_too_many_placeholders(conn);
    test_no_permission(watch);
    test_too_many_statements(conn);
    test_forgotten_statement(conn);
    end(&conn);
    conn = session(&rig);
    test_deadlock();
    test_deadlock_among_dropped_rows("SELECT id, REPEAT('x', 100000) FROM steps WHERE id = 1 OR id = 300");
    test_deadlock_among_dropped_rows(
        "SELECT id, REPEAT('x', 200) FROM steps ORDER BY id"); /* more than are read to drop them */
    test_lock_timeout(0);
    test_snapshots();
    test_timeout(conn);
    test_timeout_in_transaction();
    end(&conn);
    conn = session(&rig);
    test_timeout_of_rows(conn);
    test_cancel(watch);
    test_cancel_often();
    test_interrupt(watch);
    test_isolations(watch);
    test_transactions(conn);
    end(&conn);
    end(&watch);
    mariadb_restart(server, SIGTERM, (const char *const[]){ "--innodb-rollback-on-timeout=1", NULL });
    test_lock_timeout(1);
    is_int(rig.blocks, 0, "the driver has given back all memory");
}

int main(void)
{
    return rig_on_servers(test, (const char *const[]){ "--secure-file-priv=/tmp", NULL });
}
