/*
 * The schema crypto_prices: one definition, from which each dialect is written (dialect.h).
 * SPDX-License-Identifier: MIT
 */
#ifndef SERVICES_SCHEMA_H
#define SERVICES_SCHEMA_H

#include <stddef.h>

enum kind { KIND_TEXT, KIND_DECIMAL, KIND_TIME, KIND_DATE, KIND_INT, KIND_DOUBLE, KIND_COUNT };

/*
 * What a new row does to a column of a stored row with the same key.  Several services write the same rows (`assets` above all), so
 * what they leave must not depend on who came last:
 *  - SET     the new value; for columns that one service alone writes;
 *  - FILL    the new value, unless that is NULL;
 *  - MOST    the greater of both;
 *  - NEWEST  the new value if its row is the newer by the ORDER columns of its group, otherwise the old one;
 *  - ORDER   as NEWEST, and one of the columns that decide: the last of the group weighs most, and where all are equal the new row wins.
 */
enum rule { RULE_KEY, RULE_SET, RULE_FILL, RULE_MOST, RULE_NEWEST, RULE_ORDER };

struct column {
    const char *name;
    enum kind kind;
    enum rule rule;
    unsigned length; /* characters of a text */
    int required;
    unsigned group; /* of NEWEST and ORDER: columns with the same number belong together */
};

/* Tables stand in the order in which every transaction writes them, parents first: so writers of several tables lock in one order. */
enum table_id {
    ASSETS,
    PRICE_HISTORY,
    OHLC_DATA,
    ARTICLES,
    ARTICLE_SENTIMENT,
    ONCHAIN_METRICS,
    FEAR_GREED_INDEX,
    SENTIMENT_DAILY,
    REDDIT_POSTS,
    STOCK_OHLC,
    STOCK_SENTIMENT,
    NARRATIVES,
    TECHNICAL_INDICATORS,
    INDICATOR_SERIES,
    TABLE_COUNT
};

struct table {
    const char *name;
    const struct column *columns;
    size_t count;
    size_t keys;        /* the first so many columns are the primary key */
    const char *refers; /* the table whose key the first key column refers to; NULL: none */
    const char *refers_column;
};

#define COLUMNS_MOST 20 /* of a table */

extern const struct table schema[TABLE_COUNT];

#endif
