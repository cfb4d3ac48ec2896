/*
 * The rows of a batch are sorted by table and key.
 * What they leave is in t/live/collect-merge.t.
 * SPDX-License-Identifier: MIT
 */
#include <stdlib.h>
#include <string.h>
#include <services/asset.h>
#include <services/merge.h>
#include "tap.h"

static struct row *rows[8];
static size_t count;

static void add(struct row *row)
{
    row->turn = count;
    rows[count++] = row;
}

static void forget(void)
{
    for (size_t i = 0; i < count; i++)
        free(rows[i]);
    count = 0;
}

static struct row *candle(const char *symbol, int64_t at, const char *close)
{
    const weir_value v[] = { weir_text("x"),      weir_text("spot"), weir_text(symbol), weir_text("1d"),
                             weir_time_us(at),    weir_decimal("1"), weir_decimal("1"), weir_decimal("1"),
                             weir_decimal(close), weir_null(),       weir_null(),       weir_null() };
    return row_make(OHLC_DATA, v, NULL);
}

static const char *text_at(size_t row, size_t column)
{
    return value_text(rows[row]->v[column]);
}

static void order(void)
{
    const struct sighting seen = { .symbol = "Z", .at = 1 };
    add(candle("B", 1, "1"));
    add(candle("A", 10, "1"));
    add(candle("AA", 1, "1"));
    add(candle("A", 9, "1"));
    add(candle("A", -9, "1"));
    add(asset_row(&seen, NULL));
    rows_order(rows, count);
    is_int(rows_keys(rows, count), 6, "different keys stay apart");
    is_int(rows[0]->table, ASSETS, "tables come in the order of the schema");
    ok(rows[1]->v[4].as.i == -9 && rows[2]->v[4].as.i == 9 && rows[3]->v[4].as.i == 10, "moments as numbers");
    is_text(text_at(4, 2), "AA", "a text behind one that it begins with");
    is_text(text_at(5, 2), "B", "  and before a greater one");
    forget();
}

static void keys(void)
{
    const struct sighting seen = { .symbol = "Z", .at = 1 };
    add(candle("A", 1, "5"));
    add(candle("B", 1, "8"));
    add(asset_row(&seen, NULL));
    add(candle("A", 1, "6"));
    add(asset_row(&seen, NULL));
    add(candle("A", 1, "7"));
    rows_order(rows, count);
    is_int(rows_keys(rows, count), 3, "rows with one key have one key");
    is_int(rows_of_table(rows, count), 2, "rows of a table stand together");
    is_text(text_at(2, 8), "5", "  those of one key in the order in which they came");
    is_text(text_at(4, 8), "7", "  the last one last");
    forget();
    rows_order(rows, 0);
    is_int(rows_keys(rows, 0) + rows_of_table(rows, 0), 0, "no rows are none");
}

int main(void)
{
    order();
    keys();
    return tap_done();
}
