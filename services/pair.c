/*
 * Trading pairs.
 * SPDX-License-Identifier: MIT
 */
#include <stdio.h>
#include <string.h>
#include "pair.h"
#include "topics.h"

static const struct currency {
    const char *code;
    int is_dollar;
} currencies[] = {
    { "USD", 1 }, { "USDT", 1 }, { "USDC", 1 }, { "BUSD", 1 }, { "FDUSD", 1 }, { "DAI", 1 }, { "EUR", 0 }, { "GBP", 0 },
    { "JPY", 0 }, { "KRW", 0 },  { "TRY", 0 },  { "BRL", 0 },  { "AUD", 0 },   { "BTC", 0 }, { "ETH", 0 }, { "BNB", 0 },
};

#define CURRENCY_COUNT (sizeof currencies / sizeof *currencies)

static int is_dollar(const char *code)
{
    for (size_t i = 0; i < CURRENCY_COUNT; i++)
        if (strcmp(currencies[i].code, code) == 0)
            return currencies[i].is_dollar;
    return 0;
}

static int is_coin(const char *symbol, size_t length)
{
    for (const struct topic *coin = coins; coin->name; coin++)
        if (strlen(coin->name) == length && strncmp(coin->name, symbol, length) == 0)
            return 1;
    return 0;
}

/* Where the currency begins; the end of the symbol if there is none. */
static size_t find_currency(const char *symbol)
{
    size_t length = strlen(symbol), best = 0;
    int best_leaves_coin = 0;
    for (size_t i = 0; i < CURRENCY_COUNT; i++) {
        size_t n = strlen(currencies[i].code);
        int leaves_coin;
        if (n >= length || strcmp(symbol + length - n, currencies[i].code) != 0)
            continue;
        leaves_coin = is_coin(symbol, length - n);
        if (leaves_coin > best_leaves_coin || (leaves_coin == best_leaves_coin && n > best)) {
            best = n;
            best_leaves_coin = leaves_coin;
        }
    }
    return length - best;
}

void pair_split(struct pair *pair, const char *symbol)
{
    size_t base = strcspn(symbol, "-/_");
    const char *currency = symbol + base + 1;
    if (base == 0 || !symbol[base]) {
        base = find_currency(symbol);
        currency = symbol + base;
    }
    pair->in_dollars = is_dollar(currency);
    snprintf(pair->base, sizeof pair->base, "%.*s", (int)base, symbol);
}
