/*
 * The scenario: what a server refuses, by status and SQLSTATE, and how an error is written.
 * SPDX-License-Identifier: MIT
 */
#include <string.h>
#include "scenario.h"

/* ---- what is refused ---- */

static bool is_written_whole(const weir_error *err, int status)
{
    static const uint8_t zero[sizeof err->reserved] = { 0 };
    return err->status == status && memchr(err->text, '\0', sizeof err->text) && err->text[0] &&
           memchr(err->sqlstate, '\0', sizeof err->sqlstate) && memcmp(err->reserved, zero, sizeof zero) == 0 &&
           !strpbrk(err->text, "\r\n\t");
}

/* The error is full of rubbish before. */
static weir_error fails(weir_conn conn, int status, const char *sql, const char *fact)
{
    weir_error err;
    memset(&err, 0xa5, sizeof err);
    if (!is_int(weir_exec(NULL, conn, sql, WEIR_NO_ARGS, LONG, &err), status, "%s", fact))
        tap_note("  %s: %.490s", sql, err.text);
    ok(is_written_whole(&err, status), "  and the error is written whole");
    is_int(talk_ask(conn, "SELECT 1"), 1, "  and the connection serves on");
    return err;
}

static void wrong_statements(weir_conn conn)
{
    static const struct {
        const char *sql, *fact;
    } all[] = {
        { "SELEKT 1", "a wrong word" },
        { "SELECT 1 FROM", "half a statement" },
        { "SELECT * FROM no_such_table", "a table that is not there" },
        { "SELECT no_such_column FROM digits", "a column that is not there" },
        { "INSERT INTO digits VALUES (1, 2)", "more values than columns" },
        { "", "no statement" },
        { " /* only a comment */ ", "nothing but a comment" },
        { "SELECT 1; SELECT 2", "two statements in one text" },
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        const weir_error err = fails(conn, WEIR_E_STATEMENT, all[i].sql, all[i].fact);
        is_int(err.flags, 0, "  and nothing helps but another statement");
        ok(!err.sqlstate[0] || strncmp(err.sqlstate, "42", 2) == 0 || strncmp(err.sqlstate, "21", 2) == 0,
           "  its SQLSTATE is of syntax, names or shape: '%s'", err.sqlstate);
    }
    talk_is(conn, WEIR_E_STATEMENT, "DELETE FROM digits; SELECT 2", WEIR_NO_ARGS, "of two statements");
    is_int(talk_ask(conn, "SELECT count(*) FROM digits"), 10, "  the first has not run");
}

static void make_rules(weir_conn conn)
{
    talk_run(conn, "DROP TABLE IF EXISTS rules");
    talk_run(conn, "DROP TABLE IF EXISTS owners");
    talk_run(conn, "CREATE TABLE owners(id INTEGER PRIMARY KEY)");
    talk_run(conn, "CREATE TABLE rules(one INTEGER NOT NULL PRIMARY KEY, two INTEGER NOT NULL UNIQUE, "
                   "small INTEGER CHECK (small < 10), owner INTEGER, FOREIGN KEY (owner) REFERENCES owners (id))");
    talk_run(conn, "INSERT INTO owners VALUES (1)");
    talk_run(conn, "INSERT INTO rules VALUES (1, 1, 1, 1)");
}

static void violates(weir_conn conn, int status, const char *sqlstate, const char *sql, const char *fact)
{
    const weir_error err = fails(conn, status, sql, fact);
    if (sqlstate)
        is_text(err.sqlstate, sqlstate, "  by its SQLSTATE, too");
    is_int(err.flags, 0, "  and trying again would not help");
}

static void constraints(weir_conn conn, const struct dialect *d)
{
    make_rules(conn);
    violates(conn, WEIR_E_UNIQUE, d->unique, "INSERT INTO rules VALUES (1, 2, 2, 1)", "a primary key twice");
    violates(conn, WEIR_E_UNIQUE, d->unique, "INSERT INTO rules VALUES (2, 1, 2, 1)", "a unique value twice");
    violates(conn, WEIR_E_FOREIGN_KEY, d->foreign_key, "INSERT INTO rules VALUES (2, 2, 2, 9)",
             "a key that nobody has");
    violates(conn, WEIR_E_FOREIGN_KEY, d->foreign_key, "DELETE FROM owners", "the end of a key that is in use");
    violates(conn, WEIR_E_NOT_NULL, d->not_null, "INSERT INTO rules VALUES (2, NULL, 2, 1)",
             "NULL where there must be something");
    violates(conn, WEIR_E_CHECK, d->check, "INSERT INTO rules VALUES (2, 2, 20, 1)", "a value that its check refuses");
    violates(conn, WEIR_E_UNIQUE, d->unique, "INSERT INTO rules VALUES (3, 3, 3, 1), (1, 4, 4, 1)",
             "one bad row of two");
    is_int(talk_ask(conn, "SELECT count(*) FROM rules"), 1, "none of which was stored");
    is_int(talk_ask(conn, "SELECT count(*) FROM owners"), 1, "  or lost");
}

/* ---- how an error is written ---- */

static int succeed(weir_conn conn, void *arg, weir_error *err)
{
    (void)arg;
    return weir_exec(NULL, conn, "DELETE FROM digits WHERE n > 100", WEIR_NO_ARGS, LONG, err);
}

/* What succeeds leaves the error as it was, so that a caller may look at an earlier one. */
static void untouched(weir_db *db)
{
    weir_error err, before;
    weir_conn conn;
    weir_rows rows;
    int64_t n;
    memset(&err, 0xa5, sizeof err);
    before = err;
#define LEAVES(call, want, what) \
    ok((call) == (want) && memcmp(&err, &before, sizeof err) == 0, "%s leaves the error untouched", what)
    LEAVES(weir_acquire(&conn, db, WEIR_WRITE, LONG, &err), WEIR_OK, "acquire");
    LEAVES(weir_exec(&n, conn, "DELETE FROM digits WHERE n > 100", WEIR_NO_ARGS, LONG, &err), WEIR_OK, "exec");
    LEAVES(weir_query(&rows, conn, "SELECT n FROM digits WHERE n = 1", WEIR_NO_ARGS, LONG, &err), WEIR_OK, "query");
    LEAVES(weir_rows_next(rows, &err), WEIR_ROW, "a row");
    LEAVES(weir_rows_next(rows, &err), WEIR_OK, "the end of the rows");
    LEAVES(weir_rows_next_set(rows, &err), WEIR_OK, "next_set");
    LEAVES(weir_rows_close(&rows, &err), WEIR_OK, "close");
    LEAVES(weir_begin(conn, NULL, LONG, &err), WEIR_OK, "begin");
    LEAVES(weir_begin(conn, NULL, LONG, &err), WEIR_OK, "a savepoint");
    LEAVES(weir_rollback(conn, LONG, &err), WEIR_OK, "its rollback");
    LEAVES(weir_commit(NULL, conn, LONG, &err), WEIR_OK, "commit");
    LEAVES(weir_cancel(conn, &err), WEIR_OK, "cancel");
    weir_release(&conn);
    LEAVES(weir_transact(NULL, db, succeed, NULL, NULL, LONG, &err), WEIR_OK, "transact");
#undef LEAVES
}

/* Every call does without an error. */
static void without(weir_db *db)
{
    weir_conn conn;
    weir_rows rows;
    ok(weir_acquire(&conn, db, WEIR_WRITE, LONG, NULL) == WEIR_OK &&
           weir_exec(NULL, conn, "SELEKT 1", WEIR_NO_ARGS, LONG, NULL) == WEIR_E_STATEMENT &&
           weir_query(&rows, conn, "SELECT n FROM no_such_table", WEIR_NO_ARGS, LONG, NULL) == WEIR_E_STATEMENT &&
           weir_query(&rows, conn, "SELECT n, 'word' FROM digits", WEIR_NO_ARGS, LONG, NULL) == WEIR_OK &&
           weir_rows_next(rows, NULL) == WEIR_ROW && weir_rows_int(rows, 1) == 0 &&
           weir_begin(conn, NULL, LONG, NULL) == WEIR_E_BUSY && weir_rows_close(&rows, NULL) == WEIR_E_CONVERT &&
           weir_commit(NULL, conn, LONG, NULL) == WEIR_E_ARGUMENT &&
           weir_rollback(conn, LONG, NULL) == WEIR_E_ARGUMENT && weir_begin(conn, NULL, LONG, NULL) == WEIR_OK &&
           weir_rollback(conn, LONG, NULL) == WEIR_OK,
       "every call does its work without a place for an error");
    weir_release(&conn);
    is_int(weir_transact(NULL, db, NULL, NULL, NULL, LONG, NULL), WEIR_E_ARGUMENT, "  and fails without one");
}

void scenario_errors(const struct scenario *s)
{
    weir_conn conn = talk_borrow(s->db, WEIR_WRITE);
    wrong_statements(conn);
    constraints(conn, s->dialect);
    weir_release(&conn);
    untouched(s->db);
    without(s->db);
}
