/*
 * The MySQL and MariaDB driver, alone: the session that it sets up, statements and results.
 * SPDX-License-Identifier: MIT
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include "mysql-rig.h"
#include "row.h"
#include "tap.h"

#define backend (&weir_mysql_backend)
#define wing (backend->sql)

static struct rig rig; /* the db of all that needs no other */

/* ---- the session ---- */

static void test_defaults(void)
{
    void *conn = session(&rig);
    is_text(ask_text(conn, "SELECT @@time_zone"), "+00:00", "times are of UTC");
    is_text(ask_text(conn, "SELECT @@character_set_client"), "utf8mb4", "texts are sent as utf8mb4");
    is_text(ask_text(conn, "SELECT @@character_set_results"), "utf8mb4", "  and come so");
    is_int(ask_int(conn, "SELECT @@autocommit"), 1, "statements commit by themselves");
    is_text(ask_text(conn, "SELECT DATABASE()"), "test", "the database is that of the URL");
    is_int(backend->dirty(conn), 0, "asking leaves the session clean");
    is_int(backend->alive(conn), 1, "  and alive");
    weir_error err;
    is_int(backend->ping(conn, SOON, &err), WEIR_OK, "  it answers a ping");
    end(&conn);
    rig.target.database = "";
    conn = session(&rig);
    is_text(ask_text(conn, "SELECT DATABASE()"), "(null)", "without a database there is none");
    end(&conn);
    rig.target.database = "test";
}

static void test_lanes(void)
{
    weir_error err = { 0 };
    void *writer = session(&rig), *conn = reader(&rig);
    must(writer, "CREATE OR REPLACE VIEW seven AS SELECT 7 AS n");
    must(writer, "CREATE TABLE lanes(a INT)");
    is_int(ask_int(conn, "SELECT n FROM seven"), 7, "a session of the read lane reads");
    is_int(run(conn, "INSERT INTO lanes VALUES (1)", &err), WEIR_E_READ_ONLY, "  the server refuses an insert");
    is_text(err.sqlstate, "25006", "  as read-only");
    is_int(err.flags, 0, "  which no other server would take");
    is_int(run(conn, "CREATE TABLE more(a INT)", &err), WEIR_E_READ_ONLY, "  and a new table");
    is_int(run(conn, "TRUNCATE TABLE lanes", &err), WEIR_E_READ_ONLY, "  and what empties one");
    is_int(wing->begin(conn, 0, 1, SOON, &err), WEIR_OK, "  also in a transaction");
    is_int(run(conn, "DELETE FROM lanes", &err), WEIR_E_READ_ONLY, "  it refuses");
    is_int(wing->rollback(conn, SOON, &err), WEIR_OK, "  which can be rolled back");
    end(&conn);
    conn = reader(&rig);
    is_int(backend->turn(conn, 0, SOON, &err), WEIR_OK, "it turns to the write lane");
    is_int(backend->dirty(conn), 0, "  and stays clean");
    is_int(run(conn, "INSERT INTO lanes VALUES (1)", &err), WEIR_OK, "  and writes");
    is_int(backend->turn(conn, 1, SOON, &err), WEIR_OK, "it turns back");
    is_int(run(conn, "INSERT INTO lanes VALUES (1)", &err), WEIR_E_READ_ONLY, "  and refuses");
    must(conn, "SET SESSION TRANSACTION READ WRITE");
    is_int(backend->dirty(conn), 1, "who undoes that makes it dirty");
    is_int(backend->reset(conn, SOON, &err), WEIR_OK, "  a reset");
    is_int(run(conn, "INSERT INTO lanes VALUES (1)", &err), WEIR_E_READ_ONLY, "  puts it right");
    must(writer, "DROP TABLE lanes");
    end(&conn);
    end(&writer);
}

static void test_options(void)
{
    const char *options[] = { "init", "SET @a = 5", "socket", rig.server->socket, NULL };
    struct rig other;
    weir_error err = { 0 };
    rig_begin(&other, rig.server, options);
    other.target.host = "not-looked-up.example";
    void *conn = session(&other);
    is_int(ask_int(conn, "SELECT @a"), 5, "option init runs a statement, option socket goes another way");
    end(&conn);
    conn = session(&other);
    is_int(backend->dirty(conn), 0, "  which leaves the session clean");
    must(conn, "SET @a = 6");
    is_int(backend->reset(conn, SOON, &err), WEIR_OK, "after a reset");
    is_int(ask_int(conn, "SELECT @a"), 5, "  it has run again");
    end(&conn);
    options[1] = "SELEKT";
    conn = dial(&other, &other.target, SOON, &err);
    ok(!conn, "with an init that the server does not understand there is no session");
    is_int(err.status, WEIR_E_STATEMENT, "  for that reason");
    is_int(other.blocks, 0, "  and no memory is lost");
}

/* ---- statements ---- */

static void counts(void *conn, const char *sql, size_t params, size_t columns)
{
    weir_error err = { 0 };
    void *stmt = NULL;
    size_t p = 99, c = 99;
    is_int(wing->prepare(conn, &stmt, &p, &c, sql, SOON, &err), WEIR_OK, "prepares: %s", sql);
    ok(p == params && c == columns, "  %zu parameters, %zu columns", p, c);
    forget(conn, &stmt);
}

static void test_counts(void *conn)
{
    must(conn, "CREATE TABLE prices(id BIGINT AUTO_INCREMENT PRIMARY KEY, price DECIMAL(20,5))");
    counts(conn, "SELECT 1, 2", 0, 2);
    counts(conn, "SELECT ?, '?', \"a?\" FROM (SELECT 1) x WHERE 1 = ? -- ?", 2, 3);
    counts(conn, "INSERT INTO prices(price) VALUES(?)", 1, 0);
    if (!rig.server->is_mysql)
        counts(conn, "INSERT INTO prices(price) VALUES(?) RETURNING id, price", 1, 1); /* some: told when it runs */
    counts(conn, "SHOW TABLES", 0, 1);
    counts(conn, "EXPLAIN SELECT 1", 0, rig.server->is_mysql ? 1 : 10);
    counts(conn, "BEGIN", 0, 0);
    counts(conn, "SAVEPOINT a", 0, 0);
    counts(conn, "USE test", 0, 0);
    counts(conn, "COMMIT", 0, 0);
}

static void prepares(void *conn, const char *what, const char *sql, int status, const char *text)
{
    weir_error err = { 0 };
    void *stmt = NULL;
    size_t p, c;
    is_int(wing->prepare(conn, &stmt, &p, &c, sql, SOON, &err), status, "%s: %s", status ? "refused" : "taken", what);
    if (status)
        has_text(err.text, text, "  in words");
    forget(conn, &stmt);
}

static void test_one_statement(void *conn)
{
    prepares(conn, "a semicolon behind", "SELECT 1;", WEIR_OK, "");
    prepares(conn, "a comment around", "-- first\nSELECT 1 /* no more */", WEIR_OK, "");
    prepares(conn, "a second statement", "SELECT 1; SELECT 2", WEIR_E_STATEMENT, "SELECT 2");
    prepares(conn, "an empty text", "", WEIR_E_STATEMENT, "empty");
    prepares(conn, "a comment alone", " -- nothing\n;", WEIR_E_STATEMENT, "empty");
}

static int64_t affected_by(void *conn, const char *sql)
{
    must(conn, sql);
    return wing->affected(conn);
}

static void test_affected(void *conn)
{
    is_int(affected_by(conn, "CREATE TABLE n(id BIGINT AUTO_INCREMENT PRIMARY KEY, v INT)"), 0,
           "a new table affects no row");
    is_int(affected_by(conn, "INSERT INTO n(v) VALUES(1),(2),(3)"), 3, "an insert of three affects three");
    is_int(wing->last_id(conn), 1, "  and the first of its keys is 1");
    is_int(affected_by(conn, "SELECT * FROM n"), 0, "a query affects none");
    is_int(wing->last_id(conn), 1, "  and leaves the key");
    is_int(affected_by(conn, "UPDATE n SET v = 0 WHERE id > 1"), 2, "an update of two affects two");
    is_int(affected_by(conn, "UPDATE n SET v = 0 WHERE id > 1"), 2, "  and again, as on every other database");
    is_int(affected_by(conn, "UPDATE n SET v = 0 WHERE id > 9"), 0, "an update of none affects none");
    is_int(affected_by(conn, "DELETE FROM n"), 3, "a delete of all affects three");
    is_int(affected_by(conn, "SAVEPOINT a"), 0, "a savepoint affects none");
}

/* ---- results ---- */

/* And begins anew. */
static void make_numbers(void *conn)
{
    weir_error err;
    must(conn, "CREATE TABLE digits(n INT)");
    must(conn, "INSERT INTO digits VALUES (0), (1), (2), (3), (4), (5), (6), (7), (8), (9)");
    if (backend->reset(conn, SOON, &err) < 0)
        tap_bail("%s", err.text);
}

static void test_streaming(void *conn)
{
    weir_error err = { 0 };
    weir_value cell;
    int64_t sum = 0;
    int rows = 0, st;
    void *stmt = begin_rows(conn,
                            "SELECT 100 * a.n + 10 * b.n + c.n AS number, CONCAT('x', c.n) AS name "
                            "FROM digits a, digits b, digits c WHERE c.n >= ?",
                            WEIR_ARGS(weir_int(0)));
    is_int(wing->columns(conn), 2, "two columns");
    is_text(wing->name(conn, 0), "number", "  the first by its name");
    is_text(wing->name(conn, 1), "name", "  and the second");
    while ((st = row_next(wing, conn, SOON, &err)) == WEIR_ROW && row_cell(wing, conn, 0, &cell) == WEIR_OK) {
        sum += cell.as.i;
        rows++;
    }
    ok(st == WEIR_OK && rows == 1000 && sum == 499500, "a thousand rows, and then the end: %d", rows);
    is_int(row_next(wing, conn, SOON, &err), WEIR_OK, "  which stays the end");
    is_int(wing->next_set(conn, SOON, &err), WEIR_OK, "  and there is no other set");
    is_int(backend->dirty(conn), 0, "  and the session is clean");
    end_rows(conn, &stmt);
    stmt = begin_rows(conn, "SELECT n FROM digits WHERE n > 100", WEIR_NO_ARGS);
    is_int(wing->columns(conn), 1, "an empty result has its columns");
    is_int(row_next(wing, conn, SOON, &err), WEIR_OK, "  and no row");
    end_rows(conn, &stmt);
}

#define MANY "SELECT a.n, REPEAT('x', 1000) FROM digits a, digits b, digits c, digits d, digits e"

static void test_abandoned(void *conn)
{
    weir_error err;
    void *stmt = begin_rows(conn, "SELECT n FROM digits ORDER BY n", WEIR_NO_ARGS);
    is_int(row_next(wing, conn, SOON, &err), WEIR_ROW, "a short result is read half");
    is_int(backend->dirty(conn), 1, "  is not clean");
    end_rows(conn, &stmt);
    is_int(backend->dirty(conn), 0, "  and is, when it is abandoned");
    stmt = begin_rows(conn, MANY, WEIR_NO_ARGS);
    is_int(row_next(wing, conn, SOON, &err), WEIR_ROW, "of a hundred thousand rows one is read");
    wing->abandon(conn);
    is_int(backend->dirty(conn), 1, "  the rest is left to whoever cleans the session");
    is_int(backend->reset(conn, SOON, &err), WEIR_OK, "  which a reset does");
    is_int(backend->dirty(conn), 0, "  completely");
    is_int(wing->run(conn, stmt, WEIR_NO_ARGS, 1, SOON, &err), WEIR_OK, "  and the statement can be run again");
    wing->abandon(conn);
    is_int(ask_int(conn, "SELECT COUNT(*) FROM digits"), 10, "or to the next statement, if that comes first");
    is_int(backend->dirty(conn), 0, "  which leaves the session clean");
    is_int(wing->run(conn, stmt, WEIR_NO_ARGS, 1, SOON, &err), WEIR_OK, "a stream may be forgotten while it flows");
    end_rows(conn, &stmt);
    is_int(ask_int(conn, "SELECT COUNT(*) FROM digits"), 10, "  and the session goes on");
}

/* The driver's own memory, and that of the whole process as far as the client library asks for it: a row at a time. */
static void test_bounded(void *conn)
{
    weir_error err;
    weir_value cell;
    int64_t rows = 0;
    void *stmt = begin_rows(conn, MANY, WEIR_NO_ARGS);
    const long before = rig.blocks;
    while (row_next(wing, conn, SOON, &err) == WEIR_ROW && row_cell(wing, conn, 1, &cell) == WEIR_OK)
        rows += cell.length == 1000;
    is_int(rows, 100000, "a hundred million bytes stream through");
    ok(rig.blocks <= before + 1, "  with one more block of memory: %ld", rig.blocks - before);
    end_rows(conn, &stmt);
}

static void test_parameters_are_copied(void *conn)
{
    weir_error err;
    weir_value cell;
    char text[] = "before";
    void *stmt = begin_rows(conn, "SELECT ? FROM digits WHERE n < 2", WEIR_ARGS(weir_text(text)));
    strcpy(text, "after!");
    while (row_next(wing, conn, SOON, &err) == WEIR_ROW && row_cell(wing, conn, 0, &cell) == WEIR_OK)
        is_text(cell.as.p, "before", "an open result does not look at its arguments again");
    end_rows(conn, &stmt);
}

static void test_returning(void *conn)
{
    weir_error err;
    weir_value cell;
    if (rig.server->is_mysql)
        return; /* it has no RETURNING */
    must(conn, "TRUNCATE TABLE n");
    void *stmt =
        begin_rows(conn, "INSERT INTO n(v) VALUES(?),(?) RETURNING v, id, NULL", WEIR_ARGS(weir_int(10), weir_int(20)));
    is_int(wing->affected(conn), 2, "RETURNING: the rows are there when run returns");
    is_int(wing->last_id(conn), 1, "  and the key that it generated");
    is_int(row_next(wing, conn, SOON, &err), WEIR_ROW, "  the first");
    ok(row_cell(wing, conn, 0, &cell) == 0 && cell.type == WEIR_INT && cell.as.i == 10, "  its value");
    ok(row_cell(wing, conn, 1, &cell) == 0 && cell.type == WEIR_INT && cell.as.i == 1, "  its key");
    ok(row_cell(wing, conn, 2, &cell) == 0 && cell.type == WEIR_NULL, "  a NULL");
    is_int(row_next(wing, conn, SOON, &err), WEIR_ROW, "  the second");
    is_int(row_next(wing, conn, SOON, &err), WEIR_OK, "  no third");
    is_text(wing->name(conn, 1), "id", "  the columns keep their names");
    end_rows(conn, &stmt);
    is_int(affected_by(conn, "DELETE FROM n RETURNING id"), 2, "rows that nobody wants are dropped, and counted");
}

static void test_sets(void *conn)
{
    weir_error err = { 0 };
    weir_value cell;
    must(conn, "CREATE PROCEDURE two() BEGIN SELECT 1 AS a; SELECT 'x' AS b, 3 AS c UNION SELECT 'y', 4; END");
    void *stmt = begin_rows(conn, "CALL two()", WEIR_NO_ARGS);
    for (int round = 0; round < 2; round++) {
        is_int(wing->columns(conn), 1, "the first set of a procedure has one column");
        is_int(row_next(wing, conn, SOON, &err), WEIR_ROW, "  and a row");
        ok(row_cell(wing, conn, 0, &cell) == 0 && cell.as.i == 1, "  with its cell");
        is_int(wing->next_set(conn, SOON, &err), WEIR_ROW, "there is a second set");
        is_int(wing->columns(conn), 2, "  of two columns");
        is_text(wing->name(conn, 1), "c", "  by their names");
        ok(row_next(wing, conn, SOON, &err) == WEIR_ROW && row_next(wing, conn, SOON, &err) == WEIR_ROW,
           "  and two rows");
        ok(row_cell(wing, conn, 0, &cell) == 0 && strcmp(cell.as.p, "y") == 0, "  with their cells");
        is_int(row_next(wing, conn, SOON, &err), WEIR_OK, "  no more");
        is_int(wing->next_set(conn, SOON, &err), WEIR_OK, "there is no third: the procedure's own end is none");
        is_int(wing->next_set(conn, SOON, &err), WEIR_OK, "  which stays so");
        wing->abandon(conn);
        is_int(wing->run(conn, stmt, WEIR_NO_ARGS, 1, SOON, &err), WEIR_OK, "it is called again: %s", err.text);
    }
    wing->abandon(conn);
    is_int(wing->run(conn, stmt, WEIR_NO_ARGS, 0, SOON, &err), WEIR_OK, "all its sets may be dropped");
    is_int(ask_int(conn, "SELECT 1"), 1, "  and the session goes on");
    forget(conn, &stmt);
    must(conn, "CREATE PROCEDURE bad() BEGIN SELECT 1; SELECT * FROM nowhere; END");
    is_int(run(conn, "CALL bad()", &err), WEIR_E_STATEMENT, "an error behind the first set comes out of run");
    must(conn, "CREATE PROCEDURE none() BEGIN DELETE FROM digits WHERE n > 100; END");
    stmt = begin_rows(conn, "CALL none()", WEIR_NO_ARGS);
    is_int(wing->columns(conn), 0, "a procedure without rows has no columns");
    is_int(row_next(wing, conn, SOON, &err), WEIR_OK, "  and no row");
    end_rows(conn, &stmt);
}

/* What the server does not prepare is sent as text, and its cells are texts. */
static void test_plain(void *conn)
{
    weir_error err;
    weir_value cell;
    must(conn, "PREPARE p FROM 'SELECT 7 AS seven, NULL, \"x\"'");
    void *stmt = begin_rows(conn, "EXECUTE p", WEIR_NO_ARGS);
    is_int(wing->columns(conn), 3, "what cannot be prepared runs as text, and has its columns");
    is_text(wing->name(conn, 0), "seven", "  by their names");
    is_int(row_next(wing, conn, SOON, &err), WEIR_ROW, "  a row");
    ok(row_cell(wing, conn, 0, &cell) == 0 && cell.type == WEIR_TEXT && strcmp(cell.as.p, "7") == 0,
       "  a number's text");
    ok(row_cell(wing, conn, 1, &cell) == 0 && cell.type == WEIR_NULL, "  a NULL");
    is_int(row_next(wing, conn, SOON, &err), WEIR_OK, "  and no more");
    is_int(wing->next_set(conn, SOON, &err), WEIR_OK, "  and no other set");
    end_rows(conn, &stmt);
    is_int(run(conn, "DEALLOCATE PREPARE nothing_like_it", &err), WEIR_E_SERVER, "its errors are told, too");
    is_int(run(conn, "EXECUTE p", &err), WEIR_OK, "its rows may be dropped");
    is_int(backend->dirty(conn), 1, "  it leaves the session dirty");
}

/* ---- a table that changes under a statement ---- */

static void test_altered(void *conn)
{
    weir_error err = { 0 };
    weir_value cell;
    must(conn, "CREATE TABLE shape(a INT)");
    must(conn, "INSERT INTO shape VALUES (42)");
    void *stmt = make(conn, "SELECT * FROM shape");
    is_int(wing->run(conn, stmt, WEIR_NO_ARGS, 0, SOON, &err), WEIR_OK, "a statement runs");
    must(conn, "ALTER TABLE shape ADD COLUMN b INT DEFAULT 5");
    is_int(wing->run(conn, stmt, WEIR_NO_ARGS, 1, SOON, &err), WEIR_OK, "  and runs after a column was added: %s",
           err.text);
    is_int(wing->columns(conn), 2, "  which it returns");
    ok(row_next(wing, conn, SOON, &err) == WEIR_ROW && row_cell(wing, conn, 1, &cell) == 0 && cell.as.i == 5,
       "  with its cell");
    wing->abandon(conn);
    must(conn, "ALTER TABLE shape DROP COLUMN b, MODIFY a VARCHAR(20)");
    is_int(wing->run(conn, stmt, WEIR_NO_ARGS, 1, SOON, &err), WEIR_OK, "  and after one was taken away");
    ok(row_next(wing, conn, SOON, &err) == WEIR_ROW && row_cell(wing, conn, 0, &cell) == 0 && cell.type == WEIR_TEXT,
       "  and the other has got another type");
    wing->abandon(conn);
    must(conn, "UPDATE shape SET a = '4.25'");
    must(conn, "ALTER TABLE shape MODIFY a DOUBLE");
    is_int(wing->run(conn, stmt, WEIR_NO_ARGS, 1, SOON, &err), WEIR_OK, "  and after a change of type alone");
    ok(row_next(wing, conn, SOON, &err) == WEIR_ROW && row_cell(wing, conn, 0, &cell) == 0 &&
           cell.type == WEIR_DOUBLE && cell.as.d > 4.2 && cell.as.d < 4.3,
       "  which its cell follows");
    wing->abandon(conn);
    must(conn, "DROP TABLE shape");
    is_int(wing->run(conn, stmt, WEIR_NO_ARGS, 0, SOON, &err), WEIR_E_STATEMENT, "  and misses the table that is gone");
    forget(conn, &stmt);
}

/* It has written before anybody notices that its answer is another: it is not run a second time. */
static void test_altered_returning(void *conn)
{
    weir_error err = { 0 };
    if (rig.server->is_mysql)
        return;
    must(conn, "CREATE TABLE shape(a INT)");
    void *stmt = make(conn, "INSERT INTO shape(a) VALUES (1) RETURNING shape.*");
    wing->run(conn, stmt, WEIR_NO_ARGS, 0, SOON, &err);
    must(conn, "ALTER TABLE shape ADD COLUMN b INT");
    is_int(wing->run(conn, stmt, WEIR_NO_ARGS, 1, SOON, &err), WEIR_E_SERVER, "a statement that writes and returns");
    has_text(err.text, "has run", "  is told what happened");
    is_int(ask_int(conn, "SELECT COUNT(*) FROM shape"), 2, "  and has written once more");
    is_int(wing->run(conn, stmt, WEIR_NO_ARGS, 1, SOON, &err), WEIR_OK, "  the next time it is as good as new");
    end_rows(conn, &stmt);
    must(conn, "DROP TABLE shape");
}

/* ---- memory ---- */

/* Each allocation in turn finds none. */
static void test_no_memory(void)
{
    weir_error err = { 0 };
    struct rig poor;
    void *stmt = NULL;
    size_t p, c;
    int st = WEIR_E_MEMORY;
    rig_begin(&poor, rig.server, NULL);
    void *conn = session(&poor);
    for (long n = 1; st == WEIR_E_MEMORY && n < 50; n++) {
        wing->prepare(conn, &stmt, &p, &c, "SELECT ?, REPEAT('x', 1000)", SOON, &err);
        poor.fail_at = n;
        poor.allocations = 0;
        st = wing->run(conn, stmt, WEIR_ARGS(weir_int(1)), 1, SOON, &err);
        poor.fail_at = 0;
        wing->abandon(conn);
        forget(conn, &stmt);
        is_int(ask_int(conn, "SELECT 1"), 1, "allocation %ld of a run: the session goes on", n);
    }
    is_int(st, WEIR_OK, "with memory the statement runs");
    poor.fail_at = poor.allocations + 1;
    is_int(wing->prepare(conn, &stmt, &p, &c, "SELECT 1", SOON, &err), WEIR_E_MEMORY, "prepare says so, too");
    poor.fail_at = 0;
    stmt = begin_rows(conn, "SELECT REPEAT('x', 1000)", WEIR_NO_ARGS);
    weir_value cell;
    is_int(row_next(wing, conn, SOON, &err), WEIR_ROW, "a long cell");
    poor.fail_at = poor.allocations + 1;
    is_int(row_cell(wing, conn, 0, &cell), WEIR_E_MEMORY, "  and so does a cell");
    poor.fail_at = 0;
    is_int(row_cell(wing, conn, 0, &cell), WEIR_OK, "  which can be asked for again");
    wing->abandon(conn);
    make(conn, "SELECT 2");
    end(&conn);
    is_int(poor.blocks, 0, "close frees also what nobody forgot");
    poor.fail_at = poor.allocations + 1;
    conn = dial(&poor, &poor.target, SOON, &err);
    ok(!conn && err.status == WEIR_E_MEMORY, "a session that finds no memory is not opened");
    is_int(poor.blocks, 0, "  and leaves nothing");
}

static void test_statements(void)
{
    void *conn = session(&rig);
    test_counts(conn);
    test_one_statement(conn);
    test_affected(conn);
    make_numbers(conn);
    test_streaming(conn);
    test_abandoned(conn);
    test_bounded(conn);
    test_parameters_are_copied(conn);
    test_returning(conn);
    test_altered(conn);
    test_altered_returning(conn);
    test_sets(conn);
    test_plain(conn);
    end(&conn);
}

static void test(struct mariadb *server)
{
    rig_begin(&rig, server, NULL);
    test_defaults();
    test_lanes();
    test_options();
    test_statements();
    test_no_memory();
    is_int(rig.blocks, 0, "the driver has given back all memory");
}

int main(void)
{
    return rig_on_servers(test, NULL);
}
