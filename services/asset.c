/*
 * Rows of the table `assets`.
 * SPDX-License-Identifier: MIT
 */
#include "asset.h"
#include "topics.h"

struct row *asset_row(const struct sighting *s, struct row *next)
{
    const weir_value none = weir_null();
    const int priced = s->price.type != WEIR_NULL, felt = s->sentiment.type != WEIR_NULL;
    const weir_value v[] = {
        weir_text(s->symbol),
        weir_text(s->name),
        s->name ? weir_int(-s->name_rank) : none,
        s->price,
        weir_text(s->price_by),
        priced ? weir_int(s->price_turn) : none,
        priced ? weir_time_us(s->at) : none,
        s->sentiment,
        weir_text(s->sentiment_by),
        felt ? weir_time_us(s->at) : none,
        weir_time_us(s->at),
    };
    return row_make(ASSETS, v, next);
}

struct row *asset_rows_mentioned(const char *plain, const struct sighting *s, struct row *next)
{
    struct sighting one = *s;
    for (const struct topic *coin = coins; coin->name; coin++) {
        if (!topic_in(coin, plain))
            continue;
        one.symbol = coin->name;
        next = asset_row(&one, next);
    }
    return next;
}
