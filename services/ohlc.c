/*
 * unified-ohlc-collector: candles of exchanges, and daily ones of coins over all exchanges, into ohlc_data.
 *
 * The close of a candle is a price of the asset that its pair is about, at the moment when the candle closed, if it is one of the spot
 * market and in dollars.  Other candles, such as those of perpetual contracts, only show that the asset was traded.
 * SPDX-License-Identifier: MIT
 */
#include <stdio.h>
#include <string.h>
#include "asset.h"
#include "moment.h"
#include "pair.h"

#define BY_SIZE (4 * 100 + 1)
#define INTERVAL_DIGITS 4

/* "1m", "4h", "1d" …; 0: it is none. */
static int64_t interval_length(const char *interval)
{
    static const struct {
        char letter;
        int64_t length;
    } units[] = { { 's', MOMENT_SECOND },
                  { 'm', 60 * MOMENT_SECOND },
                  { 'h', 3600 * MOMENT_SECOND },
                  { 'd', MOMENT_DAY },
                  { 'w', 7 * MOMENT_DAY } };
    size_t digits = strspn(interval, "0123456789");
    int64_t number = 0;
    if (digits == 0 || digits > INTERVAL_DIGITS || strlen(interval) != digits + 1)
        return 0;
    for (size_t i = 0; i < digits; i++)
        number = 10 * number + (interval[i] - '0');
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (units[i].letter == interval[digits])
            return number * units[i].length;
    return 0;
}

enum { C_EXCHANGE, C_MARKET, C_SYMBOL, C_INTERVAL, C_TS, C_OPEN, C_HIGH, C_LOW, C_CLOSE, C_VOLUME, C_COUNT };
static const struct field candle_fields[C_COUNT] = {
    [C_EXCHANGE] = { "exchange", FIELD_TEXT, 0, 32 }, [C_MARKET] = { "market_type", FIELD_TEXT, 0, 16 },
    [C_SYMBOL] = { "symbol", FIELD_TEXT, 0, 32 },     [C_INTERVAL] = { "interval", FIELD_TEXT, 0, 8 },
    [C_TS] = { "open_ts", FIELD_MOMENT, 0, 0 },       [C_OPEN] = { "open", FIELD_DECIMAL, 0, 0 },
    [C_HIGH] = { "high", FIELD_DECIMAL, 0, 0 },       [C_LOW] = { "low", FIELD_DECIMAL, 0, 0 },
    [C_CLOSE] = { "close", FIELD_DECIMAL, 0, 0 },     [C_VOLUME] = { "volume_base", FIELD_DECIMAL, 1, 0 },
};

static const char *take_candle(struct run *run, const struct cells *cells)
{
    const weir_value *v = cells->v;
    const int64_t length = interval_length(value_text(v[C_INTERVAL]));
    char by[BY_SIZE];
    struct pair pair;
    int priced;
    if (length == 0)
        return "interval is no length of time such as 1m, 4h or 1d";
    if (v[C_TS].as.i > MOMENT_LAST - length)
        return "the candle closes after the year 9999";
    pair_split(&pair, value_text(v[C_SYMBOL]));
    priced = pair.in_dollars && strcmp(value_text(v[C_MARKET]), "spot") == 0;
    snprintf(by, sizeof by, "%s spot %s %s", value_text(v[C_EXCHANGE]), value_text(v[C_SYMBOL]),
             value_text(v[C_INTERVAL]));
    const weir_value candle[] = { v[C_EXCHANGE], v[C_MARKET], v[C_SYMBOL], v[C_INTERVAL], v[C_TS],     v[C_OPEN],
                                  v[C_HIGH],     v[C_LOW],    v[C_CLOSE],  v[C_VOLUME],   weir_null(), weir_null() };
    const struct sighting sighting = { .symbol = pair.base,
                                       .at = v[C_TS].as.i + length,
                                       .price = priced ? v[C_CLOSE] : weir_null(),
                                       .price_by = priced ? by : NULL };
    run_store(run, row_make(OHLC_DATA, candle, asset_row(&sighting, NULL)));
    return NULL;
}

enum { D_SYMBOL, D_NAME, D_TS, D_OPEN, D_HIGH, D_LOW, D_CLOSE, D_VOLUME, D_CAP, D_COUNT };
static const struct field daily_fields[D_COUNT] = {
    [D_SYMBOL] = { "symbol", FIELD_TEXT, 0, ASSET_SYMBOL },
    [D_NAME] = { "name", FIELD_TEXT, 0, ASSET_NAME },
    [D_TS] = { "ts", FIELD_MOMENT, 0, 0 },
    [D_OPEN] = { "open", FIELD_DECIMAL, 0, 0 },
    [D_HIGH] = { "high", FIELD_DECIMAL, 0, 0 },
    [D_LOW] = { "low", FIELD_DECIMAL, 0, 0 },
    [D_CLOSE] = { "close", FIELD_DECIMAL, 0, 0 },
    [D_VOLUME] = { "volume_usd", FIELD_DECIMAL, 1, 0 },
    [D_CAP] = { "market_cap_usd", FIELD_DECIMAL, 1, 0 },
};

/* These files say when a day closed, and are of no exchange: their candles go by the name "average". */
static const char *take_day(struct run *run, const struct cells *cells)
{
    const weir_value *v = cells->v;
    const weir_value open_time = weir_time_us(moment_midnight(v[D_TS].as.i));
    char by[BY_SIZE];
    snprintf(by, sizeof by, "average spot %s 1d", value_text(v[D_SYMBOL]));
    const weir_value candle[] = { weir_text("average"),
                                  weir_text("spot"),
                                  v[D_SYMBOL],
                                  weir_text("1d"),
                                  open_time,
                                  v[D_OPEN],
                                  v[D_HIGH],
                                  v[D_LOW],
                                  v[D_CLOSE],
                                  weir_null(),
                                  v[D_VOLUME],
                                  v[D_CAP] };
    const struct sighting sighting = { .symbol = value_text(v[D_SYMBOL]),
                                       .at = v[D_TS].as.i,
                                       .name = value_text(v[D_NAME]),
                                       .name_rank = RANK_UNKNOWN,
                                       .price = v[D_CLOSE],
                                       .price_by = by };
    run_store(run, row_make(OHLC_DATA, candle, asset_row(&sighting, NULL)));
    return NULL;
}

const struct layout ohlc_layouts[] = {
    { "spot_perp_candles", candle_fields, C_COUNT, 0, take_candle },
    { "spot_ohlcv_daily", daily_fields, D_COUNT, 0, take_day },
    LAYOUT_END,
};
