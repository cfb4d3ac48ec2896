/*
 * Bulk on MySQL, batch after batch of as many rows: the second is prepared, and whatever becomes of the rows, the table, the session and
 * the server between two of them, what they leave is what a statement a row would.
 * SPDX-License-Identifier: MIT
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "server-mariadb.h"
#include "talk.h"

#define CELLS 7
#define MOST 40
#define PACKET (1 << 20)

static weir_db *db;
static weir_conn conn;
static weir_value cells[MOST][CELLS];

static const weir_column columns[CELLS] = { { "k", 1, 0 },
                                            { "i", 0, WEIR_REPLACE },
                                            { "d", 0, WEIR_REPLACE },
                                            { "t", 0, WEIR_REPLACE },
                                            { "s", 0, WEIR_REPLACE },
                                            { "b", 0, WEIR_REPLACE },
                                            { "n", 0, WEIR_REPLACE } };

/* Two tables alike: what goes into one together goes into the other one by one. */
static void make_tables(void)
{
    static const char *const names[] = { "together", "singly" };
    for (int i = 0; i < 2; i++) {
        talk_run(conn, "DROP TABLE IF EXISTS %s", names[i]);
        talk_run(conn,
                 "CREATE TABLE %s (k BIGINT PRIMARY KEY, i BIGINT, d DOUBLE, t DATETIME(6), s LONGTEXT, b LONGBLOB, "
                 "n DECIMAL(40,10), CHECK (i < 1000000)) CHARACTER SET utf8mb4",
                 names[i]);
    }
}

static int write_together(size_t count, uint32_t skip_bad, weir_bulk_result *result, weir_error *err)
{
    const weir_bulk_spec spec = {
        .size = sizeof spec, .table = "together", .columns = columns, .count = CELLS, .skip_bad = skip_bad
    };
    weir_bulk *bulk;
    int status = weir_bulk_open_on(&bulk, conn, &spec, err);
    for (size_t i = 0; i < count && status >= 0; i++)
        status = weir_bulk_row(bulk, weir_args_of(cells[i], CELLS), err);
    if (status >= 0)
        return weir_bulk_finish(&bulk, result, LONG, err);
    weir_bulk_abort(&bulk);
    return status;
}

static void write_singly(size_t count)
{
    for (size_t i = 0; i < count; i++)
        talk_run_with(conn, weir_args_of(cells[i], CELLS), "REPLACE INTO singly VALUES (?, ?, ?, ?, ?, ?, ?)");
}

static int64_t difference(void)
{
    return talk_ask(conn,
                    "SELECT (SELECT COUNT(*) FROM together) - (SELECT COUNT(*) FROM singly) + (SELECT COUNT(*) FROM "
                    "together JOIN singly x USING (k) WHERE NOT (together.i <=> x.i AND together.d <=> x.d AND "
                    "together.t <=> x.t AND BINARY together.s <=> BINARY x.s AND together.b <=> x.b AND "
                    "together.n <=> x.n))");
}

/* Writes them both ways. */
static void write_rows(size_t count, const char *fact)
{
    weir_error err;
    weir_begin(conn, NULL, LONG, NULL);
    if (!is_int(write_together(count, 0, NULL, &err), WEIR_OK, "%s", fact))
        tap_note("%s", err.text);
    weir_commit(NULL, conn, LONG, NULL);
    write_singly(count);
    is_int(difference(), 0, "  to be what they would be one by one");
}

/* ---- rows */

static void plain_rows(size_t count, int64_t from)
{
    static char texts[MOST][24];
    for (size_t i = 0; i < count; i++) {
        const int64_t k = from + (int64_t)i;
        snprintf(texts[i], sizeof texts[i], "text %lld", (long long)k);
        const weir_value row[CELLS] = { weir_int(k),
                                        weir_int(-k),
                                        weir_double(0.1 * (double)k),
                                        weir_time_us(k * 100000000000),
                                        weir_text(texts[i]),
                                        weir_blob("\0\xff\x80", 3),
                                        weir_decimal("12.5") };
        memcpy(cells[i], row, sizeof row);
    }
}

/* Every cell of a type that it has not had in the round before, NULL among them. */
static void odd_rows(size_t count, int64_t from, size_t round)
{
    const weir_value numbers[] = { weir_int(7), weir_text("12"), weir_null(), weir_decimal("15"), weir_double(3) };
    const weir_value times[] = { weir_time_us(-1), weir_null(), weir_text("2001-02-03 04:05:06.789"), weir_time_us(0) };
    const weir_value texts[] = { weir_text(""), weir_text("it's \\ \xf0\x9f\x98\x80 ?"), weir_null(), weir_int(5) };
    const weir_value bytes[] = { weir_blob("\0\xff", 2), weir_null(), weir_text("plain"), weir_blob("", 0) };
    for (size_t i = 0; i < count; i++) {
        const size_t at = i + round;
        const weir_value row[CELLS] = { weir_int(from + (int64_t)i),
                                        numbers[at % 5],
                                        numbers[(at + 1) % 5],
                                        times[at % 4],
                                        texts[at % 4],
                                        bytes[at % 4],
                                        numbers[(at + 3) % 5] };
        memcpy(cells[i], row, sizeof row);
    }
}

/* ---- what is prepared */

static int64_t count_of(const char *what)
{
    weir_rows rows = talk_first(conn, WEIR_NO_ARGS, "SHOW SESSION STATUS LIKE '%s'", what);
    const int64_t count = weir_rows_int(rows, 1);
    weir_rows_close(&rows, NULL);
    return count;
}

/* Of a batch: so many statements more or fewer are prepared behind it, and by so many it was run. */
static void takes(size_t count, int64_t more, int64_t run, const char *fact)
{
    weir_error err;
    const int64_t before = count_of("Prepared_stmt_count"), runs = count_of("Com_stmt_execute");
    plain_rows(count, 0);
    if (!is_int(write_together(count, 0, NULL, &err), WEIR_OK, "%s", fact))
        tap_note("%s", err.text);
    is_int(count_of("Com_stmt_execute") - runs - 1, run, "  by %d prepared ones", (int)run); /* and one that asks */
    is_int(count_of("Prepared_stmt_count") - before, more, "  and %d more are", (int)more);
}

static void test_prepared(void)
{
    make_tables();
    count_of("Prepared_stmt_count");
    count_of("Com_stmt_execute");
    weir_begin(conn, NULL, LONG, NULL);
    takes(3, 0, 0, "the first batch of three rows is a text");
    takes(3, 1, 1, "the second is not");
    takes(3, 0, 1, "nor the third");
    takes(5, 0, 0, "one of five rows is a text again");
    takes(3, 0, 1, "and does not end the statement for three");
    takes(5, 0, 0, "nor does another, which is not the second in a row");
    takes(5, 0, 1, "that one does, and takes its place");
    takes(3, 0, 0, "and then one of three is a text");
    weir_commit(NULL, conn, LONG, NULL);
}

/* ---- whatever comes between */

static void test_values(void)
{
    make_tables();
    for (size_t round = 0; round < 6; round++) {
        odd_rows(20, (int64_t)round * 13, round);
        write_rows(20, "rows whose types change are written");
    }
    plain_rows(20, 0);
    write_rows(20, "and plain ones");
}

static void test_table(void)
{
    make_tables();
    plain_rows(4, 0);
    write_rows(4, "a batch is written");
    write_rows(4, "and another");
    talk_run(conn, "ALTER TABLE together ADD COLUMN more INT DEFAULT 7 FIRST, MODIFY i VARCHAR(20)");
    plain_rows(4, 2);
    write_rows(4, "a third, when the table has changed");
    is_int(talk_ask(conn, "SELECT SUM(more) FROM together"), 6 * 7, "  beside the column that is new");
    talk_run(conn, "DROP TABLE together");
    weir_error err;
    weir_begin(conn, NULL, LONG, NULL);
    is_int(write_together(4, 0, NULL, &err), WEIR_E_STATEMENT, "but none when it is gone");
    has_text(err.text, "together", "  which is told");
    weir_rollback(conn, LONG, NULL);
}

/* As a parameter, MySQL takes no text of any letters for a column of bytes. */
static void test_letters(void)
{
    make_tables();
    for (int i = 0; i < 4; i++) {
        weir_error err;
        plain_rows(3, 0);
        for (int k = 0; k < 3; k++)
            cells[k][5] = weir_text("\xf0\x9f\x98\x80");
        weir_begin(conn, NULL, LONG, NULL);
        if (!is_int(write_together(3, 0, NULL, &err), WEIR_OK, "a text of any letters goes into a column of bytes"))
            tap_note("%s", err.text);
        weir_commit(NULL, conn, LONG, NULL);
    }
    is_int(talk_ask(conn, "SELECT COUNT(*) FROM together WHERE b = X'f09f9880'"), 3, "  as it is");
}

/* … nor does a column of few letters, however it comes: that row is bad. */
static void test_few_letters(void)
{
    make_tables();
    talk_run(conn, "ALTER TABLE together MODIFY s VARCHAR(40) CHARACTER SET latin1");
    for (int i = 0; i < 3; i++) {
        weir_error err;
        weir_bulk_result result = { .bad_row = 0 };
        plain_rows(6, 10 * i);
        cells[2][4] = weir_text("\xf0\x9f\x98\x80");
        weir_begin(conn, NULL, LONG, NULL);
        if (!is_int(write_together(6, 1, &result, &err), WEIR_OK,
                    "of a batch with a text that does not fit the others are written"))
            tap_note("%d %d %s", err.status, err.native, err.text);
        is_int((int64_t)result.bad_row, 2, "  it is told which that was");
        weir_commit(NULL, conn, LONG, NULL);
    }
    is_int(talk_ask(conn, "SELECT COUNT(*) FROM together WHERE k MOD 10 <> 2"), 15, "  in the end");
    for (int i = 0; i < 2; i++) {
        static const char upsert[] = "REPLACE INTO together (k, s) VALUES (?, ?)";
        talk_is(conn, WEIR_E_DATA, upsert, WEIR_ARGS(weir_int(1), weir_text("\xf0\x9f\x98\x80")),
                "one alone is refused");
        talk_is(conn, WEIR_OK, upsert, WEIR_ARGS(weir_int(1), weir_text("plain")), "  and the next one is not");
    }
}

/* A session that is reset has no statements any more. */
static void test_session(void)
{
    make_tables();
    for (int64_t round = 0; round < 4; round++) {
        plain_rows(6, 3 * round);
        write_rows(6, "a batch of a session that is new each time");
        talk_run(conn, "SET @anything = 1");
        weir_release(&conn);
        conn = talk_borrow(db, WEIR_WRITE);
        is_int(talk_ask(conn, "SELECT @anything IS NULL"), 1, "  it is");
    }
}

/* The server has as many statements as it may. */
static void test_no_room(void)
{
    make_tables();
    plain_rows(7, 0);
    write_rows(7, "a batch is written");
    talk_run(conn, "SET GLOBAL max_prepared_stmt_count = DEFAULT");
    talk_run(conn, "SET GLOBAL max_prepared_stmt_count = 0");
    weir_error err;
    weir_begin(conn, NULL, LONG, NULL);
    for (int i = 0; i < 3; i++)
        if (!is_int(write_together(7, 0, NULL, &err), WEIR_OK, "what cannot be prepared is a text"))
            tap_note("%s", err.text);
    weir_commit(NULL, conn, LONG, NULL);
    talk_run(conn, "SET GLOBAL max_prepared_stmt_count = DEFAULT");
    is_int(difference(), 0, "  and written");
}

static void test_bad(void)
{
    make_tables();
    weir_error err;
    weir_bulk_result result;
    for (int64_t round = 0; round < 3; round++) {
        plain_rows(8, 10 * round);
        cells[5][1] = weir_int(1000000);
        weir_begin(conn, NULL, LONG, NULL);
        is_int(write_together(8, 1, &result, &err), WEIR_OK, "of a batch with a bad row the others are written");
        is_int((int64_t)result.bad_row, 5, "  it is told which that was");
        is_int((int64_t)result.skipped, 1, "  and no other is left out");
        weir_commit(NULL, conn, LONG, NULL);
    }
    is_int(talk_ask(conn, "SELECT COUNT(*) FROM together WHERE k MOD 10 <> 5"), 21, "  in the end");
}

/* As a text the rows need a few bytes less than the packet has, as parameters a few bytes more; or less than half of it. */
static void test_packet(void)
{
    static char text[PACKET];
    make_tables();
    memset(text, 'a', sizeof text);
    for (size_t length = PACKET / 2 - 400; length < PACKET / 2; length += 40)
        for (int i = 0; i < 2; i++) {
            plain_rows(2, 0);
            cells[0][4] = cells[1][4] = weir_text_n(text, length);
            write_rows(2, "two rows that fill the server's packet, or do not fit into one");
        }
}

int main(void)
{
    static const char *const settings[] = { "--max-allowed-packet=1M", NULL };
    struct mariadb server;
    char url[300];
    if (!mysql_start(&server, settings))
        return tap_done();
    snprintf(url, sizeof url, "mysql://weir@127.0.0.1:%d/test?pool_size=1&cancel_grace=30s", server.port);
    db = talk_open(url, NULL);
    conn = talk_borrow(db, WEIR_WRITE);
    test_prepared();
    test_values();
    test_table();
    test_letters();
    test_few_letters();
    test_session();
    test_no_room();
    test_bad();
    test_packet();
    weir_release(&conn);
    weir_db_close(&db);
    mariadb_stop(&server);
    return tap_done();
}
