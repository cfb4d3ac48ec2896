/*
 * The side of weir: as its users are told to write, on whatever database.
 * SPDX-License-Identifier: MIT
 */
#include <weir.h>
#include "overhead.h"

static weir_db *db;
static weir_conn conn;
static weir_error err;

static void open_side(const char *url)
{
    must(weir_db_open(&db, url, NULL, &err) == WEIR_OK, "weir_db_open");
    must(weir_acquire(&conn, db, WEIR_WRITE, weir_after_ms(5000), &err) == WEIR_OK, "weir_acquire");
}

static int64_t one(int64_t id)
{
    weir_rows rows;
    int64_t sum = 0;
    must(weir_query(&rows, conn, SQL_ONE, WEIR_ARGS(weir_int(id)), weir_after_ms(30000), &err) == WEIR_OK,
         "weir_query");
    while (weir_rows_next(rows, &err) == WEIR_ROW)
        sum += weir_rows_int(rows, 0) + weir_rows_text(rows, 1)[0];
    must(weir_rows_close(&rows, &err) == WEIR_OK, "weir_rows_close");
    return sum;
}

static int64_t read_all(const char *sql)
{
    weir_rows rows;
    int64_t sum = 0;
    must(weir_query(&rows, conn, sql, WEIR_NO_ARGS, weir_after_ms(30000), &err) == WEIR_OK, "weir_query");
    while (weir_rows_next(rows, &err) == WEIR_ROW)
        sum += weir_rows_int(rows, 0) + weir_rows_int(rows, 1) + weir_rows_text(rows, 2)[0];
    must(weir_rows_close(&rows, &err) == WEIR_OK, "weir_rows_close");
    return sum;
}

static int64_t many(void)
{
    return read_all(SQL_MANY);
}

static int64_t longer(void)
{
    return read_all(SQL_LONG);
}

static int64_t insert(void)
{
    must(weir_exec(NULL, conn, SQL_CLEAR, WEIR_NO_ARGS, weir_after_ms(30000), &err) == WEIR_OK, SQL_CLEAR);
    must(weir_begin(conn, NULL, weir_after_ms(30000), &err) == WEIR_OK, "weir_begin");
    for (int64_t i = 0; i < INSERTS; i++)
        must(weir_exec(NULL, conn, SQL_INSERT, WEIR_ARGS(weir_int(i), weir_int(i * i), weir_text("a new name")),
                       weir_after_ms(30000), &err) == WEIR_OK,
             SQL_INSERT);
    must(weir_commit(NULL, conn, weir_after_ms(30000), &err) == WEIR_OK, "weir_commit");
    return INSERTS;
}

static int64_t loan(void)
{
    weir_conn other;
    must(weir_acquire(&other, db, WEIR_READ, weir_after_ms(5000), &err) == WEIR_OK, "weir_acquire");
    weir_release(&other);
    return 1;
}

static void close_side(void)
{
    weir_release(&conn);
    weir_db_close(&db);
}

const struct side side_weir = {
    .name = "weir",
    .open = open_side,
    .one = one,
    .many = many,
    .longer = longer,
    .insert = insert,
    .loan = loan,
    .close = close_side,
};
