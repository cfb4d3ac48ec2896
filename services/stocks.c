/*
 * stock-sentiment-microservice: daily stock candles, and from all of them in the database the momentum of each ticker by day.
 *
 * Returns are of the adjusted close, over one trading day and over five.  The score is momentum / (|momentum| + 5 %), so within -1 and
 * 1, where momentum is both returns weighed, or that of one day where there are not yet five.
 * SPDX-License-Identifier: MIT
 */
#include <math.h>
#include <stdlib.h>
#include "moment.h"
#include "service.h"

#define WEEK 5 /* trading days */
#define DAY_WEIGHT 0.4
#define WEEK_WEIGHT 0.6
#define CALM 0.05 /* a momentum that scores one half */

enum { S_SYMBOL, S_TS, S_OPEN, S_HIGH, S_LOW, S_CLOSE, S_ADJUSTED, S_VOLUME, S_COUNT };
static const struct field stock_fields[S_COUNT] = {
    [S_SYMBOL] = { "symbol", FIELD_TEXT, 0, 16 },
    [S_TS] = { "ts", FIELD_MOMENT, 0, 0 },
    [S_OPEN] = { "open", FIELD_DECIMAL, 0, 0 },
    [S_HIGH] = { "high", FIELD_DECIMAL, 0, 0 },
    [S_LOW] = { "low", FIELD_DECIMAL, 0, 0 },
    [S_CLOSE] = { "close", FIELD_DECIMAL, 0, 0 },
    [S_ADJUSTED] = { "adj_close", FIELD_DECIMAL, 0, 0 },
    [S_VOLUME] = { "volume", FIELD_DECIMAL, 0, 0 },
};

static const char *take_stock_day(struct run *run, const struct cells *cells)
{
    weir_value v[S_COUNT];
    char day[DAY_SIZE];
    moment_day(day, cells->v[S_TS].as.i);
    for (size_t i = 0; i < S_COUNT; i++)
        v[i] = cells->v[i];
    v[S_TS] = weir_text(day);
    run_store(run, row_make(STOCK_OHLC, v, NULL));
    return NULL;
}

const struct layout stock_layouts[] = {
    { "stock_ohlcv_daily", stock_fields, S_COUNT, 0, take_stock_day },
    LAYOUT_END,
};

enum { DAY, ADJUSTED };

/* How much more the price of that row is than `days` rows earlier, as a share. */
static weir_value return_over(const struct page *days, size_t row, size_t back)
{
    double now, then;
    if (row < back)
        return weir_null();
    now = strtod(value_text(page_row(days, row)[ADJUSTED]), NULL);
    then = strtod(value_text(page_row(days, row - back)[ADJUSTED]), NULL);
    return then > 0 ? weir_double(now / then - 1) : weir_null();
}

static weir_value score_of(weir_value day, weir_value week)
{
    double momentum = day.as.d;
    if (day.type == WEIR_NULL)
        return weir_null();
    if (week.type != WEIR_NULL)
        momentum = DAY_WEIGHT * day.as.d + WEEK_WEIGHT * week.as.d;
    return weir_double(momentum / (fabs(momentum) + CALM));
}

static int score_ticker(struct run *run, weir_value ticker)
{
    struct page days;
    int st = run_read(run, &days, "yt", "SELECT day, adjusted_close FROM stock_ohlc WHERE ticker = ? ORDER BY day",
                      WEIR_ARGS(ticker));
    for (size_t i = 0; st == 0 && i < days.rows; i++) {
        weir_value day = return_over(&days, i, 1), week = return_over(&days, i, WEEK);
        const weir_value v[] = { ticker, page_row(&days, i)[DAY], day, week, score_of(day, week) };
        st = run_store(run, row_make(STOCK_SENTIMENT, v, NULL));
    }
    page_end(&days);
    return st;
}

int derive_stock_sentiment(struct run *run)
{
    struct page tickers;
    int st = run_read(run, &tickers, "t", "SELECT DISTINCT ticker FROM stock_ohlc ORDER BY ticker", WEIR_NO_ARGS);
    for (size_t i = 0; st == 0 && i < tickers.rows; i++)
        st = score_ticker(run, *page_row(&tickers, i));
    page_end(&tickers);
    return st;
}
