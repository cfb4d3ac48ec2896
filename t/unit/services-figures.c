/*
 * Percentiles of times, and the indicators of a series, against numbers worked out by hand.
 * SPDX-License-Identifier: MIT
 */
#include <math.h>
#include <services/figures.h>
#include <services/indicators.h>
#include "tap.h"

static struct spread spread, other;

static void percentiles(void)
{
    is_int(spread_at(&spread, 0.5), 0, "of no times there is none in the middle");
    for (int64_t us = 1; us <= 15; us++)
        spread_add(&spread, us);
    is_int(spread_at(&spread, 0.5), 8, "short times are exact");
    is_int(spread_at(&spread, 1), 15, "  the longest, too");
    spread_add(&other, 1000000);
    spread_join(&spread, &other);
    is_int(spread.count, 16, "joined, they count together");
    int64_t longest = spread_at(&spread, 0.99);
    ok(longest >= 1000000 && longest <= 1000000 + 1000000 / SPREAD_STEPS, "a long time is at most a step too high");
    spread_add(&spread, -5);
    is_int(spread_at(&spread, 0.01), 0, "a clock that went back counts as none");
    spread_add(&spread, INT64_MAX);
    is_int(spread_at(&spread, 1), INT64_MAX, "the longest there is fits");
}

/* For every power of two and its neighbours: never less than the time itself, never more than a step above. */
static void precision(void)
{
    int wrong = 0;
    for (int power = 0; power < 62; power++)
        for (int64_t off = -1; off <= 1; off++) {
            static struct spread one, none;
            int64_t us = (INT64_C(1) << power) + off;
            one = none;
            spread_add(&one, us);
            int64_t got = spread_at(&one, 0.5);
            wrong += got < us || got - us > us / SPREAD_STEPS;
        }
    is_int(wrong, 0, "all lengths are known to one part in %d", SPREAD_STEPS);
}

#define PRICES 60
static double close_price[PRICES], values[INDICATOR_COUNT][PRICES];

static void compute(size_t count)
{
    double *out[INDICATOR_COUNT];
    for (int i = 0; i < INDICATOR_COUNT; i++)
        out[i] = values[i];
    indicators_compute(out, close_price, count);
}

static size_t first_known(enum indicator indicator)
{
    size_t i = 0;
    while (i < PRICES && isnan(values[indicator][i]))
        i++;
    return i;
}

static void when_known(void)
{
    static const struct {
        enum indicator indicator;
        const char *name;
        size_t first;
    } firsts[] = { { SMA_20, "SMA 20", 19 },
                   { BOLLINGER_UPPER, "the upper band", 19 },
                   { BOLLINGER_LOWER, "the lower band", 19 },
                   { EMA_12, "EMA 12", INDICATORS_FIRST },
                   { EMA_26, "EMA 26", 25 },
                   { RSI_14, "RSI 14", 14 },
                   { MACD, "MACD", 25 },
                   { MACD_SIGNAL, "its signal", 33 },
                   { MACD_HISTOGRAM, "its histogram", 33 } };
    for (size_t i = 0; i < sizeof firsts / sizeof *firsts; i++)
        is_int(first_known(firsts[i].indicator), firsts[i].first, "%s is known from there on", firsts[i].name);
}

static int near(double got, double want)
{
    return fabs(got - want) < 1e-9;
}

/* 1, 2, 3, …: means lie in the middle, an EMA lags by half its span, what only rises is at 100. */
static void rising(void)
{
    for (size_t i = 0; i < PRICES; i++)
        close_price[i] = (double)(i + 1);
    compute(PRICES);
    when_known();
    ok(near(values[SMA_20][19], 10.5) && near(values[SMA_20][59], 50.5), "SMA 20 is the mean of 20");
    double width = 2 * sqrt(33.25); /* the variance of 1 … 20 is (20² - 1) / 12 */
    ok(near(values[BOLLINGER_UPPER][40], values[SMA_20][40] + width), "the upper band is two deviations above");
    ok(near(values[BOLLINGER_LOWER][40], values[SMA_20][40] - width), "the lower band two below");
    ok(near(values[EMA_12][59], 60 - 5.5) && near(values[EMA_26][59], 60 - 12.5), "EMAs follow at their distance");
    ok(near(values[MACD][59], 7) && near(values[MACD_SIGNAL][59], 7) && near(values[MACD_HISTOGRAM][59], 0),
       "MACD is the distance of the EMAs");
    ok(values[RSI_14][14] == 100 && values[RSI_14][59] == 100, "RSI of what only rises is 100");
}

static void falling_and_still(void)
{
    for (size_t i = 0; i < PRICES; i++)
        close_price[i] = (double)(PRICES - i);
    compute(PRICES);
    ok(near(values[RSI_14][59], 0), "RSI of what only falls is 0");
    for (size_t i = 0; i < PRICES; i++)
        close_price[i] = 5;
    compute(PRICES);
    ok(values[RSI_14][59] == 50, "RSI of what stands still is 50");
    ok(values[BOLLINGER_UPPER][59] == 5 && values[BOLLINGER_LOWER][59] == 5, "  and its bands lie on it");
    for (size_t i = 0; i < PRICES; i++)
        close_price[i] = i % 2 ? 6 : 5;
    compute(PRICES);
    ok(values[RSI_14][14] == 50, "RSI of seven rises and as many falls is 50");
    ok(near(values[RSI_14][15], 100 - 100 / (1 + (0.5 * 13 + 1) / (0.5 * 13))), "  and moves a fourteenth of the way");
}

static void short_series(void)
{
    for (size_t count = 0; count < INDICATORS_FIRST + 1; count++) {
        compute(count);
        is_int(first_known(EMA_12) < count, 0, "%zu prices are not enough for anything", count);
    }
    compute(34);
    ok(!isnan(values[MACD_SIGNAL][33]), "thirty-four are for everything");
}

int main(void)
{
    percentiles();
    precision();
    rising();
    falling_and_still();
    short_series();
    return tap_done();
}
