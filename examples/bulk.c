/*
 * Many rows: ten thousand trades of five coins are folded into one row a coin, with how many there were, what they sum up to, and the
 * highest price.  Rows come in any order; they are written in that of their key, so two such programs at once never deadlock.
 * SPDX-License-Identifier: MIT
 */
#include <inttypes.h>
#include <stdio.h>
#include <weir.h>

#define TABLE "CREATE TABLE coins (symbol VARCHAR(10) PRIMARY KEY, trades BIGINT, cents BIGINT, highest BIGINT)"

static const weir_column columns[] = {
    { "symbol", .key = 1 },
    { "trades", .conflict = WEIR_ADD },
    { "cents", .conflict = WEIR_ADD },
    { "highest", .conflict = WEIR_LARGER },
};

static const weir_bulk_spec coins = { .size = sizeof coins, .table = "coins", .columns = columns, .count = 4 };

static int make_table(weir_db *db, weir_error *err)
{
    weir_conn conn;
    int st = weir_acquire(&conn, db, WEIR_WRITE, weir_after_ms(5000), err);
    if (st < 0)
        return st;
    st = weir_exec(NULL, conn, TABLE, WEIR_NO_ARGS, weir_after_ms(5000), err);
    weir_release(&conn);
    return st;
}

/* A row that is no good itself is told at once and is not taken; anything else that fails ends the whole. */
static int write_trades(weir_db *db, weir_bulk_result *result, weir_error *err)
{
    static const char *const symbols[] = { "SOL", "BTC", "XRP", "ETH", "ADA" };
    weir_bulk *bulk;
    int st = weir_bulk_open(&bulk, db, &coins, err);
    for (int64_t i = 0; i < 10000 && st >= 0; i++) {
        weir_value price = weir_int(100 + i * 7919 % 1000);
        st = weir_bulk_row(bulk, WEIR_ARGS(weir_text(symbols[i % 5]), weir_int(1), price, price), err);
    }
    if (st >= 0)
        return weir_bulk_finish(&bulk, result, weir_after_ms(5000), err);
    weir_bulk_abort(&bulk);
    return st;
}

static int show(weir_db *db, weir_error *err)
{
    weir_conn conn;
    weir_rows rows;
    int st = weir_acquire(&conn, db, WEIR_READ, weir_after_ms(5000), err);
    if (st < 0)
        return st;
    st = weir_query(&rows, conn, "SELECT symbol, trades, cents, highest FROM coins ORDER BY symbol", WEIR_NO_ARGS,
                    weir_after_ms(5000), err);
    if (st >= 0) {
        while (weir_rows_next(rows, NULL) == WEIR_ROW)
            printf("%s %" PRId64 " %" PRId64 " %" PRId64 "\n", weir_rows_text(rows, 0), weir_rows_int(rows, 1),
                   weir_rows_int(rows, 2), weir_rows_int(rows, 3));
        st = weir_rows_close(&rows, err);
    }
    weir_release(&conn);
    return st;
}

int main(int argc, char **argv)
{
    weir_db *db;
    weir_error err;
    weir_bulk_result result = { 0 };
    int st = weir_db_open(&db, argc > 1 ? argv[1] : "sqlite::memory:", NULL, &err);
    if (st >= 0)
        st = make_table(db, &err);
    if (st >= 0)
        st = write_trades(db, &result, &err);
    if (st >= 0)
        printf("%" PRIu64 " rows, of which %" PRIu64 " were folded\n", result.rows, result.folded);
    if (st >= 0)
        st = show(db, &err);
    if (st < 0)
        fprintf(stderr, "bulk: %s\n", err.text);
    weir_db_close(&db);
    return st < 0;
}
