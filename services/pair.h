/*
 * Trading pairs: which asset a symbol such as "BTCUSDT", "BTC-USD" or "BTC/EUR" is about.
 * SPDX-License-Identifier: MIT
 */
#ifndef SERVICES_PAIR_H
#define SERVICES_PAIR_H

#define PAIR_SIZE 129 /* of a symbol of 32 characters */

struct pair {
    char base[PAIR_SIZE]; /* the asset */
    int in_dollars;       /* it is priced in US dollars or a coin that is held at one */
};

/*
 * What stands before a '-', '/' or '_', or before the currency that the symbol ends in; otherwise all of it.  Of several currencies it is
 * the one that leaves a coin we know (BNBUSD is BNB in USD, not BN in BUSD), or else the longest.
 */
void pair_split(struct pair *pair, const char *symbol);

#endif
