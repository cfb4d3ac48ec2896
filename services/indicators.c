/*
 * Technical indicators.
 *
 *   SMA          the mean of the last 20 prices
 *   Bollinger    that, plus and minus twice their standard deviation (of all 20, not of a sample)
 *   EMA          starts as the mean of its first 12 or 26 prices, then moves 2/13 or 2/27 of the way to each new one
 *   MACD         EMA 12 - EMA 26; its signal is the EMA 9 of it, the histogram what lies between the two
 *   RSI          Wilder's: the mean rise and fall of the first 14 changes, each then moved 1/14 of the way to the new one
 * SPDX-License-Identifier: MIT
 */
#include <math.h>
#include "indicators.h"

#define SMA_SPAN 20
#define RSI_SPAN 14
#define SIGNAL_SPAN 9
#define BAND 2 /* standard deviations */

static double mean(const double *v, size_t count)
{
    double sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += v[i];
    return sum / (double)count;
}

static double deviation(const double *v, size_t count, double middle)
{
    double sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += (v[i] - middle) * (v[i] - middle);
    return sqrt(sum / (double)count);
}

static void bollinger(double *const out[INDICATOR_COUNT], const double *close, size_t count)
{
    for (size_t end = SMA_SPAN; end <= count; end++) {
        const double *window = close + end - SMA_SPAN;
        double middle = mean(window, SMA_SPAN), width = BAND * deviation(window, SMA_SPAN, middle);
        out[SMA_20][end - 1] = middle;
        out[BOLLINGER_UPPER][end - 1] = middle + width;
        out[BOLLINGER_LOWER][end - 1] = middle - width;
    }
}

/* Of `in` from `first` on: what is before is not known. */
static void ema(double *out, const double *in, size_t first, size_t count, size_t span)
{
    const double step = 2 / (double)(span + 1);
    size_t at = first + span - 1;
    if (at >= count)
        return;
    out[at] = mean(in + first, span);
    for (at++; at < count; at++)
        out[at] = out[at - 1] + step * (in[at] - out[at - 1]);
}

static void macd(double *const out[INDICATOR_COUNT], size_t count)
{
    const size_t first = 26 - 1;
    for (size_t i = first; i < count; i++)
        out[MACD][i] = out[EMA_12][i] - out[EMA_26][i];
    ema(out[MACD_SIGNAL], out[MACD], first, count, SIGNAL_SPAN);
    for (size_t i = first + SIGNAL_SPAN - 1; i < count; i++)
        out[MACD_HISTOGRAM][i] = out[MACD][i] - out[MACD_SIGNAL][i];
}

/* 100 where prices only rose, 50 where they stood still. */
static double strength(double rise, double fall)
{
    if (fall == 0)
        return rise == 0 ? 50 : 100;
    return 100 - 100 / (1 + rise / fall);
}

/* Up to the span the sum of what came, then the mean that follows it. */
static double follow(double before, double change, size_t i)
{
    double sum = i <= RSI_SPAN ? before + change : before * (RSI_SPAN - 1) + change;
    return i < RSI_SPAN ? sum : sum / RSI_SPAN;
}

static void rsi(double *out, const double *close, size_t count)
{
    double rise = 0, fall = 0;
    for (size_t i = 1; i < count; i++) {
        double change = close[i] - close[i - 1];
        rise = follow(rise, change > 0 ? change : 0, i);
        fall = follow(fall, change < 0 ? -change : 0, i);
        if (i >= RSI_SPAN)
            out[i] = strength(rise, fall);
    }
}

void indicators_compute(double *const out[INDICATOR_COUNT], const double *close, size_t count)
{
    for (size_t k = 0; k < INDICATOR_COUNT; k++)
        for (size_t i = 0; i < count; i++)
            out[k][i] = (double)NAN;
    bollinger(out, close, count);
    ema(out[EMA_12], close, 0, count, 12);
    ema(out[EMA_26], close, 0, count, 26);
    macd(out, count);
    rsi(out[RSI_14], close, count);
}
