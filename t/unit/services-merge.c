/*
 * The rows of a batch are sorted by table and key, and joined by the rules of their columns.
 * That joining does what the database would do is t/live/collect-merge.t.
 * SPDX-License-Identifier: MIT
 */
#include <stdlib.h>
#include <string.h>
#include <services/asset.h>
#include <services/merge.h>
#include "tap.h"

static struct row *rows[8];
static size_t count, left;

static void add(struct row *row)
{
    row->turn = count;
    rows[count++] = row;
}

static void merge(void)
{
    left = rows_merge(rows, count);
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
    merge();
    is_int(left, 6, "different keys stay apart");
    is_int(rows[0]->table, ASSETS, "tables come in the order of the schema");
    ok(rows[1]->v[4].as.i == -9 && rows[2]->v[4].as.i == 9 && rows[3]->v[4].as.i == 10, "moments as numbers");
    is_text(text_at(4, 2), "AA", "a text behind one that it begins with");
    is_text(text_at(5, 2), "B", "  and before a greater one");
    forget();
}

static void later_counts(void)
{
    add(candle("A", 1, "5"));
    add(candle("B", 1, "8"));
    add(candle("A", 1, "6"));
    add(candle("A", 1, "7"));
    merge();
    is_int(left, 2, "equal keys become one row");
    is_text(text_at(0, 8), "7", "  of which the last one counts");
    is_text(text_at(1, 8), "8", "  and others are left alone");
    forget();
    is_int(rows_merge(rows, 0), 0, "no rows are none");
}

static void add_price(int64_t at, int64_t turn, const char *by, const char *price)
{
    const struct sighting s = {
        .symbol = "A", .at = at, .price = weir_decimal(price), .price_by = price ? by : NULL, .price_turn = turn
    };
    add(asset_row(&s, NULL));
}

static const char *price_of_all(void)
{
    static char price[32];
    merge();
    strcpy(price, left == 1 ? text_at(0, 3) : "?");
    forget();
    return price;
}

static void newest_counts(void)
{
    add_price(5, 0, "a", "1");
    add_price(4, 9, "z", "2");
    is_text(price_of_all(), "1", "an older price does not replace a newer one");
    add_price(5, 1, "a", "1");
    add_price(5, 2, "a", "2");
    add_price(5, 0, "z", "3");
    is_text(price_of_all(), "2", "of one moment, the later turn counts");
    add_price(5, 1, "b", "1");
    add_price(5, 1, "a", "2");
    is_text(price_of_all(), "1", "  then the name");
    add_price(5, 1, "a", "1");
    add_price(5, 1, "a", "2");
    is_text(price_of_all(), "2", "  and where nothing decides, who comes last");
    add_price(5, 1, "a", "1");
    add_price(9, 0, NULL, NULL);
    merge();
    is_text(text_at(0, 3), "1", "who brings no price takes none away");
    is_int(rows[0]->v[10].as.i, 9, "  but was the last to see it");
    forget();
    add_price(9, 0, NULL, NULL);
    add_price(5, 1, "a", "1");
    merge();
    is_text(text_at(0, 3), "1", "the first price comes in, whenever it was seen");
    is_int(rows[0]->v[10].as.i, 9, "  and the last sight of the asset stays");
    forget();
}

int main(void)
{
    order();
    later_counts();
    newest_counts();
    return tap_done();
}
