/*
 * The scenario: running statements, and the cache of those that are prepared.
 * SPDX-License-Identifier: MIT
 */
#include <stdio.h>
#include <string.h>
#include "scenario.h"

/* ---- running ---- */

static int64_t affected(weir_conn conn, const char *sql)
{
    int64_t rows = 99;
    weir_error err = { .text = "" };
    if (weir_exec(&rows, conn, sql, WEIR_NO_ARGS, LONG, &err) < 0)
        tap_note("%s: %s", sql, err.text);
    return rows;
}

static void make_stock(weir_conn conn, const struct dialect *d)
{
    talk_run(conn, "DROP TABLE IF EXISTS stock");
    talk_run(conn, "CREATE TABLE stock(id %s, item %s, pieces %s)", d->key, d->text, d->whole);
}

static void counts_rows(weir_conn conn, const struct dialect *d)
{
    make_stock(conn, d);
    is_int(affected(conn, "INSERT INTO stock(item, pieces) VALUES ('a', 1), ('b', 2), ('c', 3)"), 3,
           "an insert of three rows affects three");
    is_int(affected(conn, "UPDATE stock SET pieces = pieces + 10 WHERE pieces > 1"), 2, "an update of two affects two");
    is_int(affected(conn, "UPDATE stock SET pieces = 5 WHERE pieces > 1000"), 0, "an update of none affects none");
    is_int(affected(conn, "DELETE FROM stock WHERE pieces > 1"), 2, "a delete of two affects two");
    is_int(affected(conn, "SELECT * FROM stock"), 0, "a query changes nothing, and its rows may be dropped");
    is_int(affected(conn, "CREATE TABLE stock_copy(a INTEGER)"), 0, "a new table affects no row");
    is_int(affected(conn, "DROP TABLE stock_copy"), 0, "nor does its end");
    is_int(weir_exec(NULL, conn, "DELETE FROM stock", WEIR_NO_ARGS, LONG, NULL), WEIR_OK,
           "who does not want the number or the error gives no place for them");
}

static void last_id(weir_conn conn, const struct dialect *d)
{
    if (!d->tells_last_id) {
        is_int(weir_last_id((weir_conn){ 0 }), 0, "an empty handle has no last key");
        return;
    }
    make_stock(conn, d);
    talk_run(conn, "INSERT INTO stock(item) VALUES ('first')");
    const int64_t first = weir_last_id(conn);
    ok(first > 0, "an insert generates a key");
    is_int(talk_ask(conn, "SELECT id FROM stock WHERE item = 'first'"), first, "  which is the row's");
    talk_run(conn, "INSERT INTO stock(item) VALUES ('second')");
    is_int(weir_last_id(conn), first + 1, "  and the next one counts on");
    weir_conn stale = conn;
    stale.loan++;
    ok(weir_last_id(stale) == 0 && weir_last_id((weir_conn){ 0 }) == 0, "a stale or empty handle has none");
}

/* ---- parameters ---- */

static void refused(weir_conn conn, int status, const char *sql, weir_args args, const char *says, const char *fact)
{
    weir_error err = { .text = "" };
    is_int(weir_exec(NULL, conn, sql, args, LONG, &err), status, "%s", fact);
    has_text(err.text, says, "  and the text says why");
}

static void parameters(weir_conn conn, const struct dialect *d)
{
    const weir_value odd = { .type = 99 };
    make_stock(conn, d);
    const char *insert = "INSERT INTO stock(item, pieces) VALUES (?, ?)";
    refused(conn, WEIR_E_ARGUMENT, insert, WEIR_ARGS(weir_text("a")), "2 placeholders, but 1 ",
            "fewer parameters than placeholders");
    refused(conn, WEIR_E_ARGUMENT, insert, WEIR_ARGS(weir_text("a"), weir_int(1), weir_int(1)),
            "2 placeholders, but 3 ", "more parameters than placeholders");
    refused(conn, WEIR_E_ARGUMENT, "DELETE FROM stock", WEIR_ARGS(weir_int(1)), "0 placeholders, but 1 ",
            "a parameter without a placeholder");
    refused(conn, WEIR_E_ARGUMENT, insert, WEIR_ARGS(weir_text("a"), odd), "parameter 2", "a value of no known type");
    refused(conn, WEIR_E_DATA, insert, WEIR_ARGS(weir_text_n("a\0b", 3), weir_int(1)), "parameter 1",
            "a zero byte in a text");
    is_int(talk_ask(conn, "SELECT count(*) FROM stock"), 0, "none of which was stored");
    talk_is(conn, WEIR_OK, "INSERT INTO stock(item) VALUES ('? -- not one') /* nor ? */ -- or ?", WEIR_NO_ARGS,
            "a question mark in a text or a comment is none");
    talk_is(conn, WEIR_OK, insert, WEIR_ARGS(weir_text("b"), weir_int(7)), "the right number");
    is_int(talk_ask(conn, "SELECT count(*) FROM stock"), 2, "which is stored");
}

/* ---- queries and others ---- */

static void wrong_verb(weir_conn conn, const struct dialect *d)
{
    weir_rows rows = { 0 };
    weir_error err = { .text = "" };
    make_stock(conn, d);
    is_int(weir_query(&rows, conn, "INSERT INTO stock(item) VALUES ('x')", WEIR_NO_ARGS, LONG, &err), WEIR_E_ARGUMENT,
           "a statement that returns no rows is no query");
    has_text(err.text, "weir_exec", "  and the text says what to call");
    ok(!rows.slot, "  the handle is empty");
    is_int(talk_ask(conn, "SELECT count(*) FROM stock"), 0, "  and it has not run");
    is_int(weir_query(NULL, conn, "SELECT 1", WEIR_NO_ARGS, LONG, &err), WEIR_E_ARGUMENT, "a query without a place");
    is_int(weir_exec(NULL, conn, NULL, WEIR_NO_ARGS, LONG, &err), WEIR_E_ARGUMENT, "no statement at all");
    is_int(weir_query(&rows, conn, NULL, WEIR_NO_ARGS, LONG, &err), WEIR_E_ARGUMENT, "  and no query");
    is_int(talk_ask(conn, "SELECT 41 + 1;"), 42, "a semicolon at the end is allowed");
}

static void empty_handle(void)
{
    weir_error err;
    weir_rows rows;
    const weir_conn none = { 0 };
    is_int(weir_exec(NULL, none, "SELECT 1", WEIR_NO_ARGS, LONG, &err), WEIR_E_STALE, "an empty handle runs nothing");
    is_int(weir_query(&rows, none, "SELECT 1", WEIR_NO_ARGS, LONG, &err), WEIR_E_STALE, "  asks nothing");
    is_int(weir_begin(none, NULL, LONG, &err), WEIR_E_STALE, "  begins nothing");
    is_int(weir_cancel(none, &err), WEIR_E_STALE, "  cancels nothing");
}

/* ---- the cache ---- */

/* Different texts, each asked for its own number. */
static int wrong_answers(weir_conn conn, int texts, int rounds)
{
    int wrong = 0;
    for (int round = 0; round < rounds; round++)
        for (int i = 0; i < texts; i++)
            wrong += talk_ask(conn, "SELECT n + %d FROM digits WHERE n = 1", i) != i + 1;
    return wrong;
}

static void cache_of(const struct scenario *s, const char *size)
{
    struct talk_memory memory = { 0 };
    weir_db *db = scenario_open_counting(s, &memory, "statement_cache", size);
    scenario_numbers(db, s);
    weir_conn conn = talk_borrow(db, WEIR_READ);
    is_int(wrong_answers(conn, 100, 2), 0, "with a cache of %s, a hundred texts twice get their own answers", size);
    const long long before = memory.bytes;
    is_int(wrong_answers(conn, 400, 2), 0, "  and so do four hundred");
    ok(memory.bytes <= before + 8192, "  without keeping more: %lld bytes", memory.bytes - before);
    is_int(wrong_answers(conn, 1, 1000), 0, "  and one text a thousand times");
    weir_rows rows = talk_query(conn, WEIR_NO_ARGS, "SELECT n FROM digits");
    int count = 0;
    while (weir_rows_next(rows, NULL) == WEIR_ROW)
        count++;
    is_int(count, 10, "  a result is read although its statement is not kept");
    weir_rows_close(&rows, NULL);
    weir_release(&conn);
    weir_db_close(&db);
    TALK_UNTIL(atomic_load(&memory.bytes) == 0); /* who says goodbye still has some of it */
}

static int64_t width(weir_conn conn)
{
    weir_rows rows = talk_first(conn, WEIR_NO_ARGS, "SELECT * FROM shape");
    const int64_t columns = (int64_t)weir_rows_columns(rows);
    ok(weir_rows_int(rows, (size_t)columns - 1) == columns, "  and the last cell is the last column's");
    weir_rows_close(&rows, NULL);
    return columns;
}

/* What is prepared is of a table that has changed since: on the connection that changes it, and on another. */
static void altered(weir_db *db)
{
    weir_conn conn = talk_borrow(db, WEIR_WRITE), other = talk_borrow(db, WEIR_READ);
    talk_run(conn, "DROP TABLE IF EXISTS shape");
    talk_run(conn, "CREATE TABLE shape(a INTEGER)");
    talk_run(conn, "INSERT INTO shape VALUES (1)");
    ok(width(conn) == 1 && width(other) == 1, "a table of one column");
    talk_run(conn, "ALTER TABLE shape ADD COLUMN b INTEGER");
    talk_run(conn, "UPDATE shape SET b = 2");
    is_int(width(conn), 2, "the same statement sees the column that was added to its table");
    is_int(width(other), 2, "  from another connection, too");
    talk_run(conn, "DROP TABLE shape");
    talk_is(conn, WEIR_E_STATEMENT, "SELECT * FROM shape", WEIR_NO_ARGS, "and misses the table that is gone");
    talk_is(other, WEIR_E_STATEMENT, "SELECT * FROM shape", WEIR_NO_ARGS, "  from another connection, too");
    talk_run(conn, "CREATE TABLE shape(x INTEGER, y INTEGER, z INTEGER)");
    talk_run(conn, "INSERT INTO shape VALUES (1, 2, 3)");
    ok(width(conn) == 3 && width(other) == 3, "and finds the one that took its place");
    weir_release(&conn);
    weir_release(&other);
}

void scenario_statements(const struct scenario *s)
{
    weir_conn conn = talk_borrow(s->db, WEIR_WRITE);
    counts_rows(conn, s->dialect);
    last_id(conn, s->dialect);
    parameters(conn, s->dialect);
    wrong_verb(conn, s->dialect);
    weir_release(&conn);
    empty_handle();
    cache_of(s, "0");
    cache_of(s, "4");
    altered(s->db);
}
