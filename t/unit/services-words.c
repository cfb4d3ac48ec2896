/*
 * Headlines: their plain words, what they are about, their tone, their hash; and the assets of trading pairs.
 * SPDX-License-Identifier: MIT
 */
#include <stdio.h>
#include <string.h>
#include <services/hash.h>
#include <services/lexicon.h>
#include <services/pair.h>
#include <services/topics.h>
#include <services/words.h>
#include "tap.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

static const struct {
    const char *text, *plain;
} headlines[] = {
    { "", " " },
    { "  ", " " },
    { "?!", " " },
    { "Bitcoin", " bitcoin " },
    { "Bitcoin: won't crash!", " bitcoin wont crash " },
    { "\xe2\x80\x98Quoted\xe2\x80\x99 \xe2\x80\x94 it\xe2\x80\x99s\xe2\x80\xa6", " quoted its " },
    { "$98,000 #BTC (new)", " 98 000 btc new " },
    { "line\nbreak\tand tab", " line break and tab " },
    { "caf\xc3\xa9 \xc3\x89t\xc3\xa9", " caf\xc3\xa9 \xc3\x89t\xc3\xa9 " },
};

static void plain_words(void)
{
    static char longest[4 * HEADLINE_LIMIT + 1];
    char plain[WORDS_SIZE];
    for (size_t i = 0; i < COUNT(headlines); i++) {
        words_plain(plain, headlines[i].text);
        is_text(plain, headlines[i].plain, "the words of headline %zu", i);
    }
    for (size_t i = 0; i < HEADLINE_LIMIT; i++)
        memcpy(longest + 4 * i, "\xf0\x9f\x9a\x80", 4);
    words_plain(plain, longest);
    is_int(strlen(plain), 4 * HEADLINE_LIMIT + 2, "the longest headline has room");
}

static void phrases(void)
{
    const char *plain = " shiba inu is not a sha of etfs ";
    ok(words_have(plain, "shiba inu"), "a phrase is found");
    ok(words_have(plain, "etf"), "a plural, too, at the end as well");
    ok(!words_have(plain, "inu is a"), "other words between are noticed");
    ok(!words_have(plain, "shiba in"), "part of a word is not the word");
    ok(!words_have(plain, "hiba inu"), "  at its beginning neither");
    ok(words_have(" sat s at at ", "at"), "a later place counts");
    ok(!words_have(" ", "at"), "nothing is in no words");
}

static int number_of(const struct topic *list, const char *name)
{
    for (int i = 0; list[i].name; i++)
        if (strcmp(list[i].name, name) == 0)
            return i;
    return -1;
}

static int is_about(const struct topic *list, const char *name, const char *headline)
{
    char plain[WORDS_SIZE];
    words_plain(plain, headline);
    return topic_in(&list[number_of(list, name)], plain);
}

/* Phrases are compared with plain words: one with a capital or a hyphen in it would never be found. */
static void plain_topics(const struct topic *list, const char *what)
{
    char plain[WORDS_SIZE], spaced[WORDS_SIZE];
    int wrong = 0;
    for (; list->name; list++)
        for (size_t i = 0; i < TOPIC_PHRASES && list->phrases[i]; i++) {
            words_plain(plain, list->phrases[i]);
            snprintf(spaced, sizeof spaced, " %s ", list->phrases[i]);
            wrong += strcmp(plain, spaced) != 0;
        }
    is_int(wrong, 0, "the phrases of %s are plain", what);
}

static void topics(void)
{
    plain_topics(coins, "coins");
    plain_topics(narratives, "narratives");
    is_int(number_of(coins, coins[COIN_COUNT - 1].name), COIN_COUNT - 1, "as many coins as are said");
    is_int(number_of(narratives, narratives[NARRATIVE_COUNT - 1].name), NARRATIVE_COUNT - 1, "and narratives");
    ok(is_about(coins, "BTC", "Bitcoin's week") && is_about(coins, "BTC", "$BTC"), "BTC by name and symbol");
    ok(!is_about(coins, "BTC", "Bitcoinist writes"), "not by a longer word");
    ok(!is_about(coins, "LINK", "The missing link"), "an everyday word is no coin");
    ok(is_about(narratives, "etf", "Spot ETFs approved"), "ETFs are a narrative");
    ok(!is_about(narratives, "regulation", "A second look"), "a second is not the SEC");
}

static double score(const char *headline)
{
    char plain[WORDS_SIZE];
    words_plain(plain, headline);
    return lexicon_tone(plain).score;
}

static void tones(void)
{
    struct tone tone = lexicon_tone(" bitcoin soars but fears of a crash grow ");
    is_int(tone.positive_words, 2, "words for it are counted");
    is_int(tone.negative_words, 2, "words against it, too");
    ok(tone.score == (4.0 - 4.0) / 9.0, "the score weighs them");
    ok(score("Bitcoin soars") == 0.75, "one strong word");
    ok(score("Bitcoin rises") == 0.5, "one weak word");
    ok(score("Bitcoin crashes") == -0.75, "one against");
    ok(score("Bitcoin is a coin") == 0 && score("") == 0, "nothing either way is 0");
    ok(score("No crash") == 0.75 && score("won't rise") == -0.5, "a no before it turns a word round");
    ok(score("no, but crash") == -0.75, "a no further away does not");
    ok(score("accumulate") > 0 && score("zzz") == 0 && score("worst") < 0 && score("a") == 0,
       "to both ends of the list");
}

static void hashes(void)
{
    char hex[33];
    hash_hex(hex, hash_start());
    is_text(hex, "6c62272e07bb014262b821756295c58d", "the hash of nothing is that of FNV-1a");
    hash_hex(hex, hash_add(hash_start(), "a", 1));
    is_text(hex, "d228cb696f1a8caf78912b704e4a8964", "that of 'a'");
    hash_hex(hex, hash_add(hash_start(), "foobar", 6));
    is_text(hex, "343e1662793c64bf6f0d3597ba446f18", "that of 'foobar'");
    struct hash ab_c = hash_text(hash_text(hash_start(), "ab"), "c");
    struct hash a_bc = hash_text(hash_text(hash_start(), "a"), "bc");
    ok(ab_c.low != a_bc.low, "texts do not run into each other");
}

static const struct {
    const char *symbol, *base;
    int in_dollars;
} pairs[] = {
    { "BTCUSDT", "BTC", 1 },  { "BTCBUSD", "BTC", 1 }, { "BTCUSD", "BTC", 1 },   { "BTCEUR", "BTC", 0 },
    { "ETHBTC", "ETH", 0 },   { "BTC-USD", "BTC", 1 }, { "BTC/USDC", "BTC", 1 }, { "BTC_PERP", "BTC", 0 },
    { "USDTUSD", "USDT", 1 }, { "USD", "USD", 0 },     { "BTC", "BTC", 0 },      { "FOO", "FOO", 0 },
    { "WBTCETH", "WBTC", 0 }, { "-USD", "-", 1 },      { "X-", "X", 0 },         { "1INCHUSDT", "1INCH", 1 },
    { "BNBUSD", "BNB", 1 },   { "DOTUSD", "DOT", 1 },  { "FOOBUSD", "FOO", 1 },  { "PAXG-DAI", "PAXG", 1 },
};

static void trading_pairs(void)
{
    struct pair pair;
    for (size_t i = 0; i < COUNT(pairs); i++) {
        pair_split(&pair, pairs[i].symbol);
        is_text(pair.base, pairs[i].base, "%s is about %s", pairs[i].symbol, pairs[i].base);
        is_int(pair.in_dollars, pairs[i].in_dollars, "  %s dollars", pairs[i].in_dollars ? "in" : "not in");
    }
}

static void utf8(void)
{
    is_int(utf8_length("a\xc3\xa9\xe2\x82\xac\xf0\x9f\x9a\x80", 10), 4, "characters of one to four bytes");
    is_int(utf8_length("", 0), 0, "none");
    static const char *const bad[] = { "\x80",     "\xc3",         "\xc3(",        "\xc0\xaf",
                                       "\xe2\x82", "\xed\xa0\x80", "\xe0\x80\x80", "\xf4\x90\x80\x80",
                                       "\xff",     "ab\xe9" };
    int refused = 0;
    for (size_t i = 0; i < COUNT(bad); i++)
        refused += utf8_length(bad[i], strlen(bad[i])) < 0;
    is_int(refused, COUNT(bad), "what is cut off, overlong, a surrogate or Latin-1 is refused");
}

int main(void)
{
    plain_words();
    phrases();
    topics();
    tones();
    hashes();
    trading_pairs();
    utf8();
    return tap_done();
}
