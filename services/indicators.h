/*
 * Technical indicators of a series of closing prices.
 * SPDX-License-Identifier: MIT
 */
#ifndef SERVICES_INDICATORS_H
#define SERVICES_INDICATORS_H

#include <stddef.h>

/* In the order of the columns of technical_indicators. */
enum indicator {
    SMA_20,
    EMA_12,
    EMA_26,
    RSI_14,
    MACD,
    MACD_SIGNAL,
    MACD_HISTOGRAM,
    BOLLINGER_UPPER,
    BOLLINGER_LOWER,
    INDICATOR_COUNT
};

#define INDICATORS_VERSION "1" /* another one whenever a formula changes: then every series is computed again */
#define INDICATORS_FIRST 11    /* before this price of a series, counted from 0, nothing is known */

/*
 * Fills `count` values of each indicator; those that are not known yet are NaN.  Every sum is taken from the oldest price to the newest,
 * so that the same prices give the same bits wherever they are kept.
 */
void indicators_compute(double *const out[INDICATOR_COUNT], const double *close, size_t count);

#endif
