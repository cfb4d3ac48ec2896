/*
 * The first program: open a database, write two rows, read them back, close.
 * SPDX-License-Identifier: MIT
 */
#include <stdio.h>
#include <weir.h>

static int put(weir_conn conn, const char *symbol, int64_t cents, weir_error *err)
{
    return weir_exec(NULL, conn, "INSERT INTO coins (symbol, cents) VALUES (?, ?)",
                     WEIR_ARGS(weir_text(symbol), weir_int(cents)), weir_after_ms(500), err);
}

static int fill(weir_db *db, weir_error *err)
{
    weir_conn conn;
    int st = weir_acquire(&conn, db, WEIR_WRITE, weir_after_ms(1000), err);
    if (st < 0)
        return st;
    st = weir_exec(NULL, conn, "CREATE TABLE coins (symbol VARCHAR(10), cents BIGINT)", WEIR_NO_ARGS,
                   weir_after_ms(500), err);
    if (st >= 0)
        st = put(conn, "BTC", 9712345, err);
    if (st >= 0)
        st = put(conn, "ETH", 351099, err);
    weir_release(&conn);
    return st;
}

static int show(weir_db *db, weir_error *err)
{
    weir_conn conn;
    weir_rows rows;
    int st = weir_acquire(&conn, db, WEIR_READ, weir_after_ms(1000), err);
    if (st < 0)
        return st;
    st = weir_query(&rows, conn, "SELECT symbol, cents FROM coins WHERE cents > ? ORDER BY symbol",
                    WEIR_ARGS(weir_int(1000)), weir_after_ms(500), err);
    if (st >= 0) {
        while (weir_rows_next(rows, NULL) == WEIR_ROW)
            printf("%s %s\n", weir_rows_text(rows, 0), weir_rows_text(rows, 1));
        st = weir_rows_close(&rows, err); /* tells of a failure half-way, too */
    }
    weir_release(&conn);
    return st;
}

int main(int argc, char **argv)
{
    weir_db *db;
    weir_error err;
    int st = weir_db_open(&db, argc > 1 ? argv[1] : "sqlite::memory:", NULL, &err);
    if (st >= 0)
        st = fill(db, &err);
    if (st >= 0)
        st = show(db, &err);
    if (st < 0)
        fprintf(stderr, "first: %s\n", err.text);
    weir_db_close(&db);
    return st < 0;
}
