/*
 * The MySQL and MariaDB driver, alone: transactions one after the other, whose begin is not said.
 * SPDX-License-Identifier: MIT
 */
#include <stdio.h>
#include <mysql.h>
#include "mysql-rig.h"
#include "proxy.h"
#include "row.h"
#include "tap.h"

#define backend (&weir_mysql_backend)
#define wing (backend->sql)

#define RC 1
#define SERIALIZABLE 3
#define LOCKED_ONES "SELECT COUNT(*) FROM information_schema.innodb_trx WHERE trx_state = 'LOCK WAIT'"
#define TRANSACTIONS "SELECT COUNT(*) FROM information_schema.innodb_trx"

static struct rig rig;

static void make_tables(void *conn)
{
    must(conn, "CREATE TABLE pairs(id INT PRIMARY KEY, n INT)");
    must(conn, "INSERT INTO pairs VALUES (1, 0), (2, 0), (3, 0), (4, 0)");
    must(conn, "CREATE TABLE written(id INT PRIMARY KEY, n INT)");
    must(conn, "CREATE TABLE much(n INT)");
    must(conn, "CREATE TABLE plain(id INT) ENGINE = MyISAM");
    must(conn, "CREATE PROCEDURE ends() BEGIN COMMIT; UPDATE pairs SET n = n WHERE id = 1; END");
    must(conn, "CREATE PROCEDURE ends_and_fails() BEGIN COMMIT; SELECT n INTO @n FROM pairs LIMIT 1; SIGNAL SQLSTATE "
               "'45000'; END");
    must(conn, "CREATE PROCEDURE ends_and_tells() BEGIN SELECT 1; COMMIT; SELECT n FROM pairs; END");
    must(conn, "CREATE PROCEDURE writes() UPDATE pairs SET n = n WHERE id = 1");
    must(conn, "CREATE PROCEDURE tells() BEGIN SELECT 1; SELECT n FROM pairs; END");
}

static void begin(void *conn, unsigned isolation)
{
    weir_error err = { 0 };
    if (wing->begin(conn, isolation, 0, SOON, &err) < 0)
        tap_bail("begin: %s", err.text);
}

static void commit(void *conn)
{
    weir_error err = { 0 };
    if (wing->commit(conn, SOON, &err) < 0)
        tap_bail("commit: %s", err.text);
}

static void rollback(void *conn)
{
    weir_error err = { 0 };
    if (wing->rollback(conn, SOON, &err) < 0)
        tap_bail("rollback: %s", err.text);
}

/* Two in a row: the begin of the next one is not said. */
static void begin_twice(void *conn, unsigned isolation)
{
    for (int i = 0; i < 2; i++) {
        begin(conn, isolation);
        must(conn, "UPDATE pairs SET n = n WHERE id = 1");
        commit(conn);
    }
}

static void *mannered(unsigned isolation)
{
    void *conn = session(&rig);
    begin_twice(conn, isolation);
    return conn;
}

/* ---- round trips ---- */

static struct proxy *road;

static long trips(void)
{
    static long last;
    const long before = last;
    last = proxy_round_trips(road);
    return last - before;
}

static void run_stmt(void *conn, void *stmt)
{
    weir_error err;
    if (wing->run(conn, stmt, WEIR_NO_ARGS, 0, SOON, &err) < 0)
        tap_bail("%s", err.text);
}

/* A transaction of one statement, counted from its begin. */
static long transaction(void *conn, void *stmt, unsigned isolation)
{
    trips();
    begin(conn, isolation);
    run_stmt(conn, stmt);
    commit(conn);
    return trips();
}

static void count_transactions(void *conn, void *stmt, unsigned isolation, int first, int second)
{
    is_int(transaction(conn, stmt, isolation), first, "isolation %u: the first transaction takes %d round trips",
           isolation, first);
    is_int(transaction(conn, stmt, isolation), second, "  the second %d", second);
    for (int i = 0; i < 3; i++)
        is_int(transaction(conn, stmt, isolation), 2, "  a later one its statement and its commit alone");
    is_int(backend->dirty(conn), 0, "  and leaves the session clean");
}

static void count_leaving(void *conn, void *stmt, void *lone)
{
    weir_error err;
    run_stmt(conn, lone);
    is_int(trips(), 2, "a statement in no transaction then takes one more");
    run_stmt(conn, lone);
    is_int(trips(), 1, "  and the next one not");
    for (int i = 0; i < 2; i++) {
        is_int(transaction(conn, stmt, 0), 3, "where the two alternate, nothing is gained");
        run_stmt(conn, lone);
        is_int(trips(), 1, "  and nothing lost");
    }
    begin_twice(conn, 0);
    trips();
    is_int(backend->ping(conn, SOON, &err), WEIR_OK, "a ping");
    is_int(trips(), 1, "  takes one");
    run_stmt(conn, lone);
    is_int(trips(), 1, "  and leaves the session as its own");
    begin_twice(conn, 0);
    trips();
    is_int(backend->turn(conn, 0, SOON, &err), WEIR_OK, "a turn");
    is_int(trips(), 2, "  takes one more");
    run_stmt(conn, lone);
    is_int(trips(), 1, "  and leaves it as its own");
}

static void count_read_only(void *conn, void *lone)
{
    weir_error err;
    begin_twice(conn, 0);
    trips();
    wing->begin(conn, 0, 1, SOON, &err);
    is_int(trips(), 1, "a transaction that only reads is begun aloud");
    is_int(run(conn, "UPDATE pairs SET n = 1", &err), WEIR_E_READ_ONLY, "  and only reads");
    rollback(conn);
    run_stmt(conn, lone);
    for (int i = 0; i < 3; i++) {
        trips();
        wing->begin(conn, 0, 1, SOON, &err);
        commit(conn);
        is_int(trips(), 2, "  which is all, if they come in a row");
    }
}

static void test_round_trips(void)
{
    struct rig near;
    rig_begin(&near, rig.server, NULL);
    road = proxy_start(rig.server->port);
    near.target.port = (uint32_t)proxy_port(road);
    void *conn = session(&near);
    void *stmt = make(conn, "UPDATE pairs SET n = n + 1 WHERE id = 1"), *lone = make(conn, "SELECT 1");
    count_transactions(conn, stmt, 0, 3, 3);
    count_transactions(conn, stmt, RC, 4, 4); /* the second asks what the session has */
    count_transactions(conn, stmt, SERIALIZABLE, 4, 3);
    is_int(transaction(conn, stmt, 0), 4, "one of another isolation takes two more");
    count_leaving(conn, stmt, lone);
    count_read_only(conn, lone);
    forget(conn, &stmt);
    forget(conn, &lone);
    end(&conn);
    proxy_stop(&road);
}

/* ---- what is implied ---- */

static void test_implied(void *watch)
{
    weir_error err;
    void *conn = mannered(0);
    wait_for(watch, TRANSACTIONS, 0);
    is_int(backend->dirty(conn), 0, "a session between transactions is clean");
    begin(conn, 0);
    is_int(wing->in_transaction(conn), 1, "a transaction that has begun is one");
    is_int(ask_int(watch, TRANSACTIONS), 0, "  though the server does not know it");
    is_int(backend->dirty(conn), 1, "  and its session is not clean");
    must(conn, "SELECT 1");
    is_int(wing->in_transaction(conn), 1, "  and stays one if nothing needs it");
    must(conn, "INSERT INTO plain VALUES (1)");
    is_int(wing->in_transaction(conn), 1, "  or only a table without transactions is written");
    commit(conn);
    must(watch, "SET lock_wait_timeout = 20");
    is_int(run(watch, "ALTER TABLE plain ADD COLUMN b INT", &err), WEIR_OK, "  which is free after the commit");
    must(watch, "ALTER TABLE plain DROP COLUMN b");
    begin(conn, 0);
    must(conn, "INSERT INTO written VALUES (1, 1)");
    is_int(ask_int(watch, "SELECT COUNT(*) FROM written"), 0, "what it writes nobody sees");
    rollback(conn);
    must(conn, "INSERT INTO written VALUES (2, 1)");
    is_int(ask_int(watch, "SELECT id FROM written"), 2, "  what is written after it, everybody");
    end(&conn);
    must(watch, "DELETE FROM written");
}

static void test_savepoints(void *watch)
{
    weir_error err;
    void *conn = mannered(0);
    begin(conn, 0);
    must(conn, "SAVEPOINT a");
    must(conn, "INSERT INTO written VALUES (1, 1)");
    must(conn, "ROLLBACK TO SAVEPOINT a");
    is_int(wing->in_transaction(conn), 1, "a transaction that begins with a savepoint goes back to it");
    must(conn, "INSERT INTO written VALUES (2, 1)");
    must(conn, "SET @a = 1");
    is_int(run(conn, "RELEASE SAVEPOINT a", &err), WEIR_OK, "  which lasts");
    commit(conn);
    is_int(ask_int(watch, "SELECT SUM(id) FROM written"), 2, "  and commits the rest");
    must(watch, "DELETE FROM written");
    end(&conn);
}

/* ---- a body that commits by itself ---- */

static const struct {
    const char *sql;
    int ends, rows, fails;
} bodies[] = {
    { .sql = "CREATE TABLE made(a INT)", .ends = 1 },
    { .sql = "DROP TABLE made", .ends = 1 },
    { .sql = "COMMIT", .ends = 1 },
    { .sql = "ANALYZE TABLE pairs", .ends = 1 },
    { .sql = "CALL ends()", .ends = 1 },
    { .sql = "CALL ends_and_fails()", .ends = 1, .fails = 1 },
    { .sql = "CALL ends_and_tells()", .ends = 1, .rows = 1 },
    { .sql = "LOCK TABLES pairs WRITE, written WRITE", .ends = 1 },
    { .sql = "ROLLBACK TO SAVEPOINT before_all", .fails = 1 },
    { .sql = "CALL writes()" },
    { .sql = "CALL tells()", .rows = 1 },
    { .sql = "SET @a = 1" },
    { .sql = "SELECT GET_LOCK('weir', 1)", .rows = 1 },
    { .sql = "CREATE TEMPORARY TABLE tmp(a INT)" },
    { .sql = "UPDATE pairs SET n = n WHERE id = 1" },
};

static void run_body(void *conn, const char *sql, int rows, int fails)
{
    weir_error err = { 0 };
    if (rows) {
        void *stmt = begin_rows(conn, sql, WEIR_NO_ARGS);
        end_rows(conn, &stmt);
        return;
    }
    if ((run(conn, sql, &err) < 0) != fails)
        tap_bail("%s: %s", sql, err.text);
}

/* In the manner, or not; as the first statement, or not.  What was not committed by the body is undone. */
static void test_body(size_t i, int in_manner, int first, void *watch)
{
    weir_error err = { 0 };
    void *conn = in_manner ? mannered(RC) : session(&rig);
    begin(conn, RC);
    if (!first)
        must(conn, "INSERT INTO written VALUES (1, 1)");
    run_body(conn, bodies[i].sql, bodies[i].rows, bodies[i].fails);
    if (bodies[i].fails)
        run(conn, "UPDATE pairs SET n = n WHERE id = 2", &err);
    is_int(wing->in_transaction(conn), !bodies[i].ends, "  %s, %s%s", bodies[i].sql, first ? "first" : "later",
           in_manner ? ", with the begin not said" : "");
    rollback(conn);
    run(conn, "UNLOCK TABLES", &err);
    is_int(ask_int(watch, "SELECT COUNT(*) FROM written"), !first && bodies[i].ends, "    leaves what it committed");
    must(watch, "DELETE FROM written");
    must(conn, "INSERT INTO written VALUES (3, 1)");
    is_int(ask_int(watch, "SELECT COUNT(*) FROM written"), 1, "    and the next statement commits by itself");
    must(watch, "DELETE FROM written");
    end(&conn);
}

static void test_bodies(void *watch)
{
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        tap_note("%s its transaction:", bodies[i].ends ? "what ends" : "what does not end");
        for (int way = 0; way < 4; way++) {
            must(watch, strstr(bodies[i].sql, "DROP") ? "CREATE TABLE IF NOT EXISTS made(a INT)"
                                                      : "DROP TABLE IF EXISTS made");
            test_body(i, way & 1, way & 2, watch);
        }
    }
}

/* The server may have begun it nevertheless. */
static void test_after_an_error(void *watch)
{
    weir_error err;
    void *conn = mannered(0);
    begin(conn, 0);
    is_int(run(conn, "INSERT INTO pairs VALUES (1, 1)", &err), WEIR_E_UNIQUE, "a first statement that fails");
    is_int(err.flags, 0, "  ends nothing");
    is_int(wing->in_transaction(conn), 1, "  and its transaction goes on");
    must(conn, "SET @a = 1");
    must(conn, "INSERT INTO written VALUES (1, 1)");
    is_int(wing->in_transaction(conn), 1, "  also with what is odd");
    must(conn, "CALL ends()");
    is_int(wing->in_transaction(conn), 0, "  until it is ended");
    rollback(conn);
    is_int(ask_int(watch, "SELECT COUNT(*) FROM written"), 1, "  which has committed");
    must(watch, "DELETE FROM written");
    end(&conn);
}

/* ---- autocommit, which is the server's to tell ---- */

static void test_autocommit(void *watch)
{
    void *conn = mannered(0);
    begin(conn, 0);
    must(conn, "INSERT INTO written VALUES (1, 1)");
    must(conn, "SET autocommit = 1");
    is_int(wing->in_transaction(conn), 0, "who sets autocommit has committed");
    rollback(conn);
    begin(conn, 0);
    must(conn, "INSERT INTO written VALUES (2, 1)");
    rollback(conn);
    is_int(ask_int(watch, "SELECT SUM(id) FROM written"), 1, "  and the next transaction is one nevertheless");
    end(&conn);
    conn = session(&rig);
    must(conn, "SET autocommit = 0");
    is_int(backend->dirty(conn), 1, "a session that was told not to commit is dirty");
    begin_twice(conn, 0);
    is_int(ask_int(conn, "SELECT @@autocommit"), 0, "  and stays as it was told");
    end(&conn);
    must(watch, "DELETE FROM written");
}

static void test_reset(void *watch)
{
    weir_error err;
    void *conn = mannered(RC);
    begin(conn, RC);
    must(conn, "INSERT INTO written VALUES (1, 1)");
    is_int(backend->reset(conn, SOON, &err), WEIR_OK, "a reset in the middle of a transaction");
    is_int(backend->dirty(conn), 0, "  leaves the session clean");
    is_int(ask_int(conn, "SELECT @@autocommit"), 1, "  and its own");
    begin(conn, RC);
    must(conn, "INSERT INTO written VALUES (2, 1)");
    commit(conn);
    is_int(ask_int(watch, "SELECT SUM(id) FROM written"), 2, "  and undoes what was not committed");
    must(watch, "DELETE FROM written");
    end(&conn);
}

static void test_native(void *watch)
{
    void *conn = mannered(0);
    mysql_query(backend->native(conn), "INSERT INTO written VALUES (1, 1)");
    is_int(ask_int(watch, "SELECT COUNT(*) FROM written"), 1, "what the native handle writes is committed");
    end(&conn);
    conn = mannered(0);
    begin(conn, 0);
    MYSQL *mysql = backend->native(conn);
    mysql_query(mysql, "INSERT INTO written VALUES (2, 1)");
    is_int(ask_int(watch, "SELECT COUNT(*) FROM written"), 1, "  not so in a transaction");
    commit(conn);
    mysql_query(mysql, "INSERT INTO written VALUES (3, 1)");
    is_int(ask_int(watch, "SELECT COUNT(*) FROM written"), 3, "  but again behind it");
    begin_twice(conn, 0);
    mysql_query(mysql, "INSERT INTO written VALUES (4, 1)");
    is_int(ask_int(watch, "SELECT COUNT(*) FROM written"), 4, "  and behind each later one");
    end(&conn);
    must(watch, "DELETE FROM written");
}

/* ---- a deadlock ---- */

/* Whoever has written more goes on. */
static void *write_much(void *watch)
{
    void *conn = mannered(0);
    wait_for(watch, LOCKED_ONES, 0); /* InnoDB remembers for a while what it told last */
    begin(conn, 0);
    must(conn, "INSERT INTO much WITH RECURSIVE up(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM up WHERE n < 500) "
               "SELECT n FROM up");
    must(conn, "UPDATE pairs SET n = 1 WHERE id = 2");
    return conn;
}

static void test_deadlock(int first, void *watch)
{
    struct errand e;
    void *a = write_much(watch), *b = mannered(0);
    begin(b, 0);
    if (!first)
        must(b, "INSERT INTO written VALUES (1, 1)");
    errand_start(&e, b, "UPDATE pairs SET n = n + 10 WHERE id <= 2", SOON);
    wait_for(watch, LOCKED_ONES, 1);
    must(a, "UPDATE pairs SET n = 1 WHERE id = 1");
    errand_end(&e);
    is_int(e.status, WEIR_E_DEADLOCK, "a deadlock, in %s statement", first ? "the first" : "a later");
    is_int(e.err.flags, WEIR_RETRY_TRANSACTION | WEIR_ROLLED_BACK, "  says that its transaction is gone");
    is_int(wing->in_transaction(b), 0, "  which it is");
    rollback(b);
    is_int(backend->dirty(b), 0, "  and the session clean when it is rolled back");
    rollback(a);
    is_int(ask_int(watch, "SELECT COUNT(*) FROM written"), 0, "  nothing is written");
    end(&a);
    end(&b);
}

/* What runs next is told, be it a statement or many rows. */
static void test_deadlock_among_dropped_rows(int many, void *watch)
{
    weir_error err;
    struct errand e;
    weir_value cells[8];
    weir_args rows[8];
    size_t done;
    int64_t affected;
    void *a = write_much(watch), *b = mannered(SERIALIZABLE);
    void *insert = make(b, "INSERT INTO written VALUES (?, 1)");
    begin(b, SERIALIZABLE);
    void *stmt = begin_rows(b, "SELECT id, REPEAT('x', 100000) FROM pairs WHERE id <= 2", WEIR_NO_ARGS);
    is_int(row_next(wing, b, SOON, &err), WEIR_ROW, "rows come, and then a lock is waited for");
    wait_for(watch, LOCKED_ONES, 1);
    errand_start(&e, a, "UPDATE pairs SET n = 1 WHERE id = 1", SOON);
    errand_end(&e);
    end_rows(b, &stmt);
    is_int(wing->in_transaction(b), 1, "  nobody hears of the deadlock");
    for (int i = 0; i < 8; i++) {
        cells[i] = weir_int(i);
        rows[i] = weir_args_of(&cells[i], 1);
    }
    const int st = many ? wing->run_many(b, insert, rows, 8, &done, &affected, SOON, &err)
                        : wing->run(b, insert, rows[0], 0, SOON, &err);
    is_int(st, WEIR_E_DEADLOCK, "  until its next %s", many ? "rows" : "statement");
    is_int(err.flags & WEIR_ROLLED_BACK, WEIR_ROLLED_BACK, "  with its transaction gone");
    is_int(ask_int(watch, "SELECT COUNT(*) FROM written"), 0, "  before anything is written");
    rollback(b);
    rollback(a);
    is_int(ask_int(watch, "SELECT COUNT(*) FROM written"), 0, "  or after");
    forget(b, &insert);
    end(&a);
    end(&b);
}

/* ---- many rows ---- */

static int64_t write_many(void *conn, int from, int *status)
{
    weir_error err;
    weir_value cells[20];
    weir_args rows[20];
    void *stmt = make(conn, "INSERT INTO written VALUES (?, 1)");
    for (int i = 0; i < 20; i++) {
        cells[i] = weir_int(from + i);
        rows[i] = weir_args_of(&cells[i], 1);
    }
    size_t done = 0, all = 0;
    int64_t affected, sum = 0;
    for (*status = WEIR_OK; all < 20 && *status == WEIR_OK; all += done, sum += affected)
        *status = wing->run_many(conn, stmt, rows + all, 20 - all, &done, &affected, SOON, &err);
    forget(conn, &stmt);
    return sum;
}

static void test_many(void *watch)
{
    int st;
    void *conn = mannered(0);
    begin(conn, 0);
    is_int(write_many(conn, 1, &st), 20, "many rows are a first statement");
    is_int(wing->in_transaction(conn), 1, "  of a transaction");
    is_int(ask_int(watch, "SELECT COUNT(*) FROM written"), 0, "  that is not committed");
    commit(conn);
    is_int(ask_int(watch, "SELECT COUNT(*) FROM written"), 20, "  and then is");
    begin(conn, 0);
    write_many(conn, -9, &st);
    is_int(st, WEIR_E_UNIQUE, "where one of them fails");
    is_int(ask_int(conn, "SELECT COUNT(*) FROM written"), 30, "  those before it are written");
    is_int(wing->in_transaction(conn), 1, "  in the same transaction");
    rollback(conn);
    is_int(ask_int(watch, "SELECT COUNT(*) FROM written"), 20, "  and go with it");
    must(watch, "DELETE FROM written");
    end(&conn);
}

/* ---- all ---- */

static void test(struct mariadb *server)
{
    rig_begin(&rig, server, NULL);
    void *watch = session(&rig);
    make_tables(watch);
    test_round_trips();
    test_implied(watch);
    test_savepoints(watch);
    test_bodies(watch);
    test_after_an_error(watch);
    test_autocommit(watch);
    test_reset(watch);
    test_native(watch);
    for (int way = 0; way < 2; way++) {
        test_deadlock(way, watch);
        test_deadlock_among_dropped_rows(way, watch);
    }
    test_many(watch);
    end(&watch);
    is_int(rig.blocks, 0, "the driver has given back all memory");
}

int main(void)
{
    return rig_on_servers(test, NULL);
}
