/*
 * technical-indicators: indicators of each series of candles in ohlc_data, as if candles without trades were none.
 *
 * The replicas share the series by hash.  What a series was computed from is kept as a fingerprint, written only after everything that
 * it vouches for: a series is computed again if and only if its candles, or the formulas, are not those of the fingerprint.
 * SPDX-License-Identifier: MIT
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "decimal.h"
#include "hash.h"
#include "indicators.h"
#include "memory.h"
#include "moment.h"
#include "service.h"

#define SERIES_KEYS 4 /* exchange, market type, symbol, interval */
#define FIRST_ROOM 1024

struct series {
    struct run *run;
    const weir_value *key;
    size_t count, room;
    int64_t *at;
    double *close;
    struct hash hash;
};

/* Databases write one decimal in more than one way; the fingerprint must not notice. */
static struct hash hash_candle(struct hash h, int64_t at, const char *close)
{
    char plain[DECIMAL_SIZE], text[DECIMAL_SIZE + 24];
    snprintf(text, sizeof text, "%" PRId64 " %s", at, decimal_plain(plain, close) ? close : plain);
    return hash_text(h, text);
}

static int take_candle(void *arg, const weir_value *candle)
{
    struct series *s = arg;
    if (s->count == s->room) {
        s->room = s->room ? 2 * s->room : FIRST_ROOM;
        s->at = grow(s->at, s->room * sizeof *s->at);
        s->close = grow(s->close, s->room * sizeof *s->close);
    }
    s->at[s->count] = candle[0].as.i;
    s->close[s->count++] = strtod(value_text(candle[1]), NULL);
    s->hash = hash_candle(s->hash, candle[0].as.i, value_text(candle[1]));
    return 0;
}

static int read_candles(struct series *s)
{
    s->hash = hash_text(hash_start(), INDICATORS_VERSION);
    return run_read_pages(s->run, "mt",
                          "SELECT open_time, close_price FROM ohlc_data WHERE exchange = ? AND market_type = ?"
                          " AND symbol = ? AND candle_interval = ? AND open_time > ?"
                          " ORDER BY open_time LIMIT " PAGE_LIMIT,
                          WEIR_ARGS(s->key[0], s->key[1], s->key[2], s->key[3], weir_time_us(MOMENT_FIRST - 1)),
                          take_candle, s);
}

/* 1: the indicators of these very candles are stored. */
static int is_computed(const struct series *s, const char *fingerprint)
{
    struct page page;
    int st = run_read(s->run, &page, "t",
                      "SELECT fingerprint FROM indicator_series WHERE exchange = ? AND market_type = ? AND symbol = ?"
                      " AND candle_interval = ?",
                      weir_args_of(s->key, SERIES_KEYS));
    if (st == 0)
        st = page.rows > 0 && strcmp(value_text(*page_row(&page, 0)), fingerprint) == 0;
    page_end(&page);
    return st;
}

static int store_candle(const struct series *s, double *const indicators[INDICATOR_COUNT], size_t at)
{
    weir_value v[SERIES_KEYS + 1 + INDICATOR_COUNT];
    memcpy(v, s->key, SERIES_KEYS * sizeof *v);
    v[SERIES_KEYS] = weir_time_us(s->at[at]);
    for (size_t i = 0; i < INDICATOR_COUNT; i++)
        v[SERIES_KEYS + 1 + i] = isnan(indicators[i][at]) ? weir_null() : weir_double(indicators[i][at]);
    return run_store(s->run, row_make(TECHNICAL_INDICATORS, v, NULL));
}

static int store_indicators(const struct series *s)
{
    double *values = grow(NULL, INDICATOR_COUNT * s->count * sizeof *values), *column[INDICATOR_COUNT];
    int st = 0;
    for (size_t i = 0; i < INDICATOR_COUNT; i++)
        column[i] = values + i * s->count;
    indicators_compute(column, s->close, s->count);
    for (size_t i = INDICATORS_FIRST; i < s->count && st == 0; i++)
        st = store_candle(s, column, i);
    free(values);
    return st < 0 ? st : run_flush(s->run);
}

static int store_fingerprint(const struct series *s, const char *fingerprint)
{
    weir_value v[SERIES_KEYS + 2];
    memcpy(v, s->key, SERIES_KEYS * sizeof *v);
    v[SERIES_KEYS] = weir_int((int64_t)s->count);
    v[SERIES_KEYS + 1] = weir_text(fingerprint);
    return run_store(s->run, row_make(INDICATOR_SERIES, v, NULL));
}

static int bring_up_to_date(struct series *s)
{
    char fingerprint[33];
    int st = read_candles(s);
    if (st < 0)
        return st;
    hash_hex(fingerprint, s->hash);
    st = is_computed(s, fingerprint);
    if (st != 0)
        return st < 0 ? st : 0;
    return store_indicators(s) < 0 ? -1 : store_fingerprint(s, fingerprint);
}

static int is_ours(const struct run *run, const weir_value *key)
{
    struct hash h = hash_start();
    for (size_t i = 0; i < SERIES_KEYS; i++)
        h = hash_text(h, value_text(key[i]));
    return run_owns(run, h.low);
}

int derive_indicators(struct run *run)
{
    struct page keys;
    int st = run_read(run, &keys, "tttt",
                      "SELECT DISTINCT exchange, market_type, symbol, candle_interval FROM ohlc_data"
                      " ORDER BY exchange, market_type, symbol, candle_interval",
                      WEIR_NO_ARGS);
    for (size_t i = 0; st == 0 && i < keys.rows; i++) {
        struct series s = { .run = run, .key = page_row(&keys, i) };
        if (is_ours(run, s.key))
            st = bring_up_to_date(&s);
        free(s.at);
        free(s.close);
    }
    page_end(&keys);
    return st;
}
