/*
 * The side of libzdb, at its best: one connection, and each statement prepared once by hand, since it keeps none itself.
 * SPDX-License-Identifier: MIT
 */
#include <stddef.h>
#include <zdb.h>
#include "overhead.h"

static URL_T url;
static ConnectionPool_T pool;
static Connection_T conn;
static PreparedStatement_T select_one, select_many, select_long, insert_row;

static void open_side(const char *text)
{
    url = URL_new(text);
    must(url != NULL, text);
    pool = ConnectionPool_new(url);
    ConnectionPool_start(pool);
    conn = ConnectionPool_getConnection(pool);
    must(conn != NULL, "ConnectionPool_getConnection");
    select_one = Connection_prepareStatement(conn, SQL_ONE);
    select_many = Connection_prepareStatement(conn, SQL_MANY);
    select_long = Connection_prepareStatement(conn, SQL_LONG);
    insert_row = Connection_prepareStatement(conn, SQL_INSERT);
}

static int64_t one(int64_t id)
{
    int64_t sum = 0;
    PreparedStatement_setLLong(select_one, 1, id);
    ResultSet_T rows = PreparedStatement_executeQuery(select_one);
    while (ResultSet_next(rows))
        sum += ResultSet_getLLong(rows, 1) + ResultSet_getString(rows, 2)[0];
    return sum;
}

static int64_t read_all(PreparedStatement_T statement)
{
    int64_t sum = 0;
    ResultSet_T rows = PreparedStatement_executeQuery(statement);
    while (ResultSet_next(rows))
        sum += ResultSet_getLLong(rows, 1) + ResultSet_getLLong(rows, 2) + ResultSet_getString(rows, 3)[0];
    return sum;
}

static int64_t many(void)
{
    return read_all(select_many);
}

static int64_t longer(void)
{
    return read_all(select_long);
}

static int64_t insert(void)
{
    Connection_execute(conn, SQL_CLEAR);
    Connection_beginTransaction(conn);
    for (int64_t i = 0; i < INSERTS; i++) {
        PreparedStatement_setLLong(insert_row, 1, i);
        PreparedStatement_setLLong(insert_row, 2, i * i);
        PreparedStatement_setString(insert_row, 3, "a new name");
        PreparedStatement_execute(insert_row);
    }
    Connection_commit(conn);
    return INSERTS;
}

static int64_t loan(void)
{
    Connection_T other = ConnectionPool_getConnection(pool);
    must(other != NULL, "ConnectionPool_getConnection");
    Connection_close(other);
    return 1;
}

static void close_side(void)
{
    Connection_close(conn);
    ConnectionPool_free(&pool);
    URL_free(&url);
}

const struct side side_libzdb = {
    .name = "libzdb",
    .open = open_side,
    .one = one,
    .many = many,
    .longer = longer,
    .insert = insert,
    .loan = loan,
    .close = close_side,
};
