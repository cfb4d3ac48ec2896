/*
 * Rows of the table `assets`, which several services write: what one of them saw of an asset.
 * SPDX-License-Identifier: MIT
 */
#ifndef SERVICES_ASSET_H
#define SERVICES_ASSET_H

#include "service.h"

#define ASSET_SYMBOL 32        /* characters of a symbol … */
#define ASSET_NAME 100         /* … and of a name */
#define RANK_UNKNOWN 999999999 /* of an asset that nobody ranked: behind all that somebody did */

/* Everything but `symbol` and `at` may be left zero: it was not seen then.  Borrowed until asset_row returns. */
struct sighting {
    const char *symbol;
    int64_t at;
    const char *name;
    int64_t name_rank; /* in the market: of several bearers of a symbol, the name of the best ranked stays */
    weir_value price;  /* in US dollars */
    const char *price_by;
    int64_t price_turn; /* among prices of one moment, the greatest is the last */
    weir_value sentiment;
    const char *sentiment_by;
};

struct row *asset_row(const struct sighting *s, struct row *next);

/* A row a coin that the text speaks of, as seen then.  `plain` is what words_plain made. */
struct row *asset_rows_mentioned(const char *plain, const struct sighting *s, struct row *next);

#endif
