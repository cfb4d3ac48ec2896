/*
 * enhanced-crypto-prices: price snapshots and trades, into price_history and the current price of each asset.
 * SPDX-License-Identifier: MIT
 */
#include <stdio.h>
#include "asset.h"
#include "pair.h"

#define COIN_ID 90
#define SOURCE_SIZE (4 * 100 + 1)

enum { S_TS, S_COIN, S_SYMBOL, S_NAME, S_RANK, S_PRICE, S_CAP, S_VOLUME, S_1H, S_24H, S_7D, S_COUNT };
static const struct field snapshot_fields[S_COUNT] = {
    [S_TS] = { "ts", FIELD_MOMENT, 0, 0 },
    [S_COIN] = { "coin_id", FIELD_TEXT, 0, COIN_ID },
    [S_SYMBOL] = { "symbol", FIELD_TEXT, 0, ASSET_SYMBOL },
    [S_NAME] = { "name", FIELD_TEXT, 0, ASSET_NAME },
    [S_RANK] = { "rank", FIELD_COUNT, 1, RANK_UNKNOWN },
    [S_PRICE] = { "price_usd", FIELD_DECIMAL, 0, 0 },
    [S_CAP] = { "market_cap_usd", FIELD_DECIMAL, 1, 0 },
    [S_VOLUME] = { "volume_24h_usd", FIELD_DECIMAL, 1, 0 },
    [S_1H] = { "change_1h_pct", FIELD_DECIMAL, 1, 0 },
    [S_24H] = { "change_24h_pct", FIELD_DECIMAL, 1, 0 },
    [S_7D] = { "change_7d_pct", FIELD_DECIMAL, 1, 0 },
};

/* Several coins may use one symbol: the price of an asset is that of the best ranked one. */
static const char *take_snapshot(struct run *run, const struct cells *cells)
{
    const weir_value *v = cells->v;
    int64_t rank = v[S_RANK].type == WEIR_NULL ? RANK_UNKNOWN : v[S_RANK].as.i;
    char source[SOURCE_SIZE];
    snprintf(source, sizeof source, "snapshot %s", value_text(v[S_COIN]));
    const weir_value history[] = { v[S_SYMBOL], weir_text(source), v[S_TS],     weir_int(0), v[S_PRICE], weir_null(),
                                   v[S_RANK],   v[S_CAP],          v[S_VOLUME], v[S_1H],     v[S_24H],   v[S_7D] };
    const struct sighting sighting = { .symbol = value_text(v[S_SYMBOL]),
                                       .at = v[S_TS].as.i,
                                       .name = value_text(v[S_NAME]),
                                       .name_rank = rank,
                                       .price = v[S_PRICE],
                                       .price_by = source,
                                       .price_turn = -rank };
    run_store(run, row_make(PRICE_HISTORY, history, asset_row(&sighting, NULL)));
    return NULL;
}

enum { T_EXCHANGE, T_SYMBOL, T_SEQ, T_TS, T_PRICE, T_AMOUNT, T_COUNT };
static const struct field trade_fields[T_COUNT] = {
    [T_EXCHANGE] = { "exchange", FIELD_TEXT, 0, 32 }, [T_SYMBOL] = { "symbol", FIELD_TEXT, 0, 32 },
    [T_SEQ] = { "seq", FIELD_COUNT, 0, COUNT_MOST },  [T_TS] = { "ts", FIELD_MOMENT, 0, 0 },
    [T_PRICE] = { "price", FIELD_DECIMAL, 0, 0 },     [T_AMOUNT] = { "amount", FIELD_DECIMAL, 1, 0 },
};

static const char *take_trade(struct run *run, const struct cells *cells)
{
    const weir_value *v = cells->v;
    char source[SOURCE_SIZE];
    struct pair pair;
    pair_split(&pair, value_text(v[T_SYMBOL]));
    snprintf(source, sizeof source, "%s %s", value_text(v[T_EXCHANGE]), value_text(v[T_SYMBOL]));
    const weir_value history[] = { weir_text(pair.base), weir_text(source), v[T_TS],     v[T_SEQ],
                                   v[T_PRICE],           v[T_AMOUNT],       weir_null(), weir_null(),
                                   weir_null(),          weir_null(),       weir_null(), weir_null() };
    const struct sighting sighting = { .symbol = pair.base,
                                       .at = v[T_TS].as.i,
                                       .price = pair.in_dollars ? v[T_PRICE] : weir_null(),
                                       .price_by = pair.in_dollars ? source : NULL,
                                       .price_turn = v[T_SEQ].as.i };
    run_store(run, row_make(PRICE_HISTORY, history, asset_row(&sighting, NULL)));
    return NULL;
}

const struct layout price_layouts[] = {
    { "market_snapshots", snapshot_fields, S_COUNT, 0, take_snapshot },
    { "spot_trades", trade_fields, T_COUNT, 0, take_trade },
    LAYOUT_END,
};
