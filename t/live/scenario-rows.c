/*
 * The scenario: reading results, one row at a time.
 * SPDX-License-Identifier: MIT
 */
#include <string.h>
#include "scenario.h"

/* ---- columns, and the way through ---- */

static void columns(weir_conn conn)
{
    weir_rows rows = talk_query(conn, WEIR_NO_ARGS,
                                "SELECT n AS one, n + 1 AS \"Zwei\", NULL AS three FROM digits "
                                "WHERE n = 4");
    is_int(weir_rows_columns(rows), 3, "three columns");
    is_text(weir_rows_name(rows, 0), "one", "  the first by its name");
    is_text(weir_rows_name(rows, 2), "three", "  and the last");
    ok(!weir_rows_name(rows, 3) && !weir_rows_name(rows, (size_t)-1), "  and no more");
    is_int(weir_rows_type(rows, 0), WEIR_NULL, "before the first row a cell has no type");
    is_int(weir_rows_next(rows, NULL), WEIR_ROW, "there is a row");
    is_int(weir_rows_type(rows, 0), WEIR_INT, "  then it has");
    ok(weir_rows_int(rows, 0) == 4 && weir_rows_int(rows, 1) == 5, "  cells are read in any order");
    ok(weir_rows_is_null(rows, 2) && !weir_rows_is_null(rows, 0), "  NULL is told from a number");
    is_int(weir_rows_next(rows, NULL), WEIR_OK, "there is no second row");
    is_int(weir_rows_next(rows, NULL), WEIR_OK, "  nor on asking again");
    is_int(weir_rows_columns(rows), 3, "the columns are there until the end");
    is_int(weir_rows_close(&rows, NULL), WEIR_OK, "  which is this");
    ok(!rows.slot, "  and zeroes the handle");
    is_int(weir_rows_close(&rows, NULL), WEIR_OK, "ending nothing is allowed");
}

static void empty_result(weir_conn conn)
{
    weir_rows rows = talk_query(conn, WEIR_NO_ARGS, "SELECT n FROM digits WHERE n > 100");
    is_int(weir_rows_columns(rows), 1, "an empty result has its columns");
    is_int(weir_rows_next(rows, NULL), WEIR_OK, "  and no row");
    is_int(weir_rows_close(&rows, NULL), WEIR_OK, "  and closes");
}

/* What is asked of a cell that is not there fails the result, and says how. */
static void wrong_cells(weir_conn conn)
{
    weir_error err;
    weir_rows rows = talk_query(conn, WEIR_NO_ARGS, "SELECT n FROM digits WHERE n = 4");
    is_int(weir_rows_int(rows, 0), 0, "a cell read before the first row is nothing");
    is_int(weir_rows_next(rows, NULL), WEIR_ROW, "  the row comes nevertheless");
    is_int(weir_rows_int(rows, 0), 4, "  with its cell");
    is_int(weir_rows_close(&rows, &err), WEIR_E_ARGUMENT, "  and close tells of the mistake");
    has_text(err.text, "weir_rows_next", "  and the way out");

    rows = talk_first(conn, WEIR_NO_ARGS, "SELECT n FROM digits WHERE n = 4");
    ok(!weir_rows_text(rows, 1) && !weir_rows_blob(rows, 7, NULL), "a column that is not there is nothing");
    is_int(weir_rows_close(&rows, &err), WEIR_E_ARGUMENT, "  and close tells");
    has_text(err.text, "column 1", "  of the first one");

    rows = talk_first(conn, WEIR_NO_ARGS, "SELECT n FROM digits WHERE n = 4");
    is_int(weir_rows_next(rows, NULL), WEIR_OK, "behind the last row");
    is_int(weir_rows_int(rows, 0), 0, "  a cell is nothing");
    is_int(weir_rows_close(&rows, &err), WEIR_E_ARGUMENT, "  and close tells");
}

static void stale(weir_db *db)
{
    weir_error err;
    weir_conn conn = talk_borrow(db, WEIR_READ);
    weir_rows rows = talk_first(conn, WEIR_NO_ARGS, "SELECT n FROM digits"), copy = rows;
    weir_rows_close(&rows, NULL);
    is_int(weir_rows_next(copy, &err), WEIR_E_STALE, "a copy of a result that was closed is stale");
    ok(weir_rows_columns(copy) == 0 && !weir_rows_name(copy, 0) && weir_rows_int(copy, 0) == 0 &&
           !weir_rows_text(copy, 0) && weir_rows_type(copy, 0) == WEIR_NULL,
       "  and shows nothing");
    is_int(weir_rows_close(&copy, &err), WEIR_E_STALE, "  and cannot be closed again");
    rows = talk_first(conn, WEIR_NO_ARGS, "SELECT n FROM digits");
    weir_release(&conn);
    is_int(weir_rows_next(rows, &err), WEIR_E_STALE, "a result is stale when its connection is released");
    ok(weir_rows_columns(rows) == 0 && !weir_rows_text(rows, 0), "  and shows nothing");
    weir_rows_close(&rows, NULL);
}

/* ---- one result a connection ---- */

static void one_at_a_time(weir_conn conn)
{
    weir_error err;
    weir_rows other = { 0 };
    weir_rows rows = talk_first(conn, WEIR_NO_ARGS, "SELECT n FROM digits WHERE n < 2 ORDER BY n");
    is_int(weir_exec(NULL, conn, "DELETE FROM digits", WEIR_NO_ARGS, LONG, &err), WEIR_E_BUSY,
           "a statement while a result is open is refused");
    has_text(err.text, "weir_rows_close", "  with the way out");
    is_int(weir_query(&other, conn, "SELECT 1", WEIR_NO_ARGS, LONG, &err), WEIR_E_BUSY, "so is a second query");
    ok(!other.slot, "  whose handle is empty");
    is_int(weir_begin(conn, NULL, LONG, &err), WEIR_E_BUSY, "so is the beginning of a transaction");
    is_int(weir_rows_int(rows, 0), 0, "the result is unharmed");
    is_int(weir_rows_next(rows, &err), WEIR_ROW, "  and goes on");
    is_int(weir_rows_int(rows, 0), 1, "  where it was");
    is_int(weir_rows_close(&rows, &err), WEIR_OK, "closed before its end");
    is_int(talk_ask(conn, "SELECT count(*) FROM digits"), 10, "  it leaves room for the next, and nothing was deleted");
}

static void next_set(weir_conn conn)
{
    weir_rows rows = talk_first(conn, WEIR_NO_ARGS, "SELECT n FROM digits");
    is_int(weir_rows_next_set(rows, NULL), WEIR_OK, "a statement has one result");
    is_int(weir_rows_next(rows, NULL), WEIR_OK, "  and asking for another drops the rows not read");
    is_int(weir_rows_close(&rows, NULL), WEIR_OK, "  without harm");
}

static void cells_live_until_next(weir_conn conn)
{
    weir_rows rows = talk_query(conn, WEIR_NO_ARGS, "SELECT n, n * 1.5, 'text' FROM digits WHERE n = 3");
    is_int(weir_rows_next(rows, NULL), WEIR_ROW, "a row");
    const char *a = weir_rows_text(rows, 0), *b = weir_rows_text(rows, 2), *c = weir_rows_text(rows, 0);
    for (int i = 0; i < 1000; i++)
        weir_rows_text(rows, 0);
    ok(a && b && c && strcmp(a, "3") == 0 && strcmp(b, "text") == 0 && strcmp(c, "3") == 0,
       "texts made of a row live as long as the row, however many");
    weir_rows_close(&rows, NULL);
}

/* ---- a stream ---- */

#define MANY "SELECT a.n * 1000 + b.n, 'some text that is carried along' FROM numbers a, numbers b WHERE a.n < 100"

/* A hundred thousand rows; -1: it failed. */
static int64_t count_stream(weir_rows rows, int64_t *sum, weir_error *err)
{
    int64_t count = 0;
    int st;
    *sum = 0;
    while ((st = weir_rows_next(rows, err)) == WEIR_ROW) {
        *sum += weir_rows_int(rows, 0);
        count += weir_rows_text(rows, 1) != NULL;
    }
    return st < 0 ? -1 : count;
}

static void stream(const struct scenario *s)
{
    struct talk_memory memory = { 0 };
    weir_error err = { .text = "" };
    int64_t sum;
    weir_db *db = scenario_open_counting(s, &memory, "pool_size", "2");
    scenario_numbers(db, s);
    weir_conn conn = talk_borrow(db, WEIR_READ);
    weir_rows rows = talk_first(conn, WEIR_NO_ARGS, "%s", MANY);
    const int64_t first = weir_rows_int(rows, 0);
    const long long before = talk_peak_from_here(&memory);
    is_int(count_stream(rows, &sum, &err) + 1, 100000, "a stream of a hundred thousand rows");
    is_int(weir_rows_close(&rows, &err), WEIR_OK, "  comes to its end");
    is_int(first + sum, INT64_C(4999950000), "  with every row once");
    ok(memory.peak - before < 65536, "  in bounded memory: %lld bytes more than after the first row",
       memory.peak - before);
    weir_release(&conn);
    weir_db_close(&db);
    TALK_UNTIL(atomic_load(&memory.bytes) == 0); /* a thread that says goodbye takes its time */
    is_int(memory.bytes, 0, "  all of which comes back");
}

/* ---- deadlines of a result ---- */

/* Opens a result and lets its deadline pass; a longer one is taken until the machine is fast enough to get that far. */
static weir_rows past_its_deadline(weir_conn conn, void (*meanwhile)(weir_rows rows))
{
    weir_rows rows = { 0 };
    weir_error err;
    int64_t began, ms = 100;
    do {
        began = talk_now_ms();
        if (weir_query(&rows, conn, MANY, WEIR_NO_ARGS, weir_after_ms(ms *= 2), &err) < 0)
            continue;
        if (weir_rows_next(rows, &err) == WEIR_ROW)
            break;
        weir_rows_close(&rows, NULL);
    } while (ms < 60000);
    meanwhile(rows);
    while (talk_now_ms() <= began + ms)
        talk_wait(began, "the deadline passes");
    return rows;
}

static void nothing(weir_rows rows)
{
    (void)rows;
}

static void extend(weir_rows rows)
{
    weir_rows_extend(rows, LONG);
}

static void deadlines(weir_conn conn)
{
    int64_t sum;
    weir_error err = { .text = "" };
    weir_rows rows = past_its_deadline(conn, nothing);
    is_int(count_stream(rows, &sum, &err), -1, "a result cannot be read past its deadline");
    is_int(err.status, WEIR_E_TIMEOUT, "  but times out");
    err.status = 0;
    is_int(weir_rows_next(rows, &err), WEIR_E_TIMEOUT, "  which stays so");
    is_int(weir_rows_close(&rows, &err), WEIR_E_TIMEOUT, "  and close tells it again");
    is_int(talk_ask(conn, "SELECT count(*) FROM digits"), 10, "  and the connection serves on");

    rows = past_its_deadline(conn, extend);
    is_int(count_stream(rows, &sum, &err), 99999, "a result that was given more time can");
    is_int(weir_rows_close(&rows, &err), WEIR_OK, "  to its end");
}

void scenario_rows(const struct scenario *s)
{
    weir_conn conn = talk_borrow(s->db, WEIR_READ);
    columns(conn);
    empty_result(conn);
    wrong_cells(conn);
    one_at_a_time(conn);
    next_set(conn);
    cells_live_until_next(conn);
    deadlines(conn);
    weir_release(&conn);
    stale(s->db);
    stream(s);
}
