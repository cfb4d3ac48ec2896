/*
 * The tone of a headline.
 *
 * Each word of the list speaks for or against with a weight of 1 to 3, for the other side if the word before it says no.  The score is
 * (for - against) / (for + against + 1): the one keeps a single word from making it certain.
 * SPDX-License-Identifier: MIT
 */
#include <stdlib.h>
#include <string.h>
#include "lexicon.h"
#include "words.h"

/* In the order of their bytes, because they are searched in halves. */
static const struct entry {
    const char *word;
    int weight;
} entries[] = {
    { "accumulate", 1 },    { "accumulated", 1 },  { "accumulates", 1 },
    { "accumulation", 1 },  { "adopt", 1 },        { "adopted", 1 },
    { "adoption", 2 },      { "adopts", 1 },       { "approval", 2 },
    { "approve", 2 },       { "approved", 2 },     { "approves", 2 },
    { "arrest", -2 },       { "arrested", -2 },    { "arrests", -2 },
    { "attack", -2 },       { "attacks", -2 },     { "bad", -1 },
    { "ban", -2 },          { "bankrupt", -3 },    { "bankruptcy", -3 },
    { "banned", -2 },       { "bans", -2 },        { "bear", -1 },
    { "bearish", -3 },      { "bears", -1 },       { "benefit", 1 },
    { "benefits", 1 },      { "best", 1 },         { "boom", 3 },
    { "booming", 3 },       { "booms", 3 },        { "boost", 2 },
    { "boosted", 2 },       { "boosts", 2 },       { "bought", 1 },
    { "breach", -2 },       { "breakout", 2 },     { "breakthrough", 2 },
    { "bubble", -1 },       { "bull", 1 },         { "bullish", 3 },
    { "bulls", 1 },         { "buy", 1 },          { "buying", 1 },
    { "buys", 1 },          { "charge", -1 },      { "charged", -1 },
    { "charges", -1 },      { "climb", 1 },        { "climbed", 1 },
    { "climbing", 1 },      { "climbs", 1 },       { "collapse", -3 },
    { "collapsed", -3 },    { "collapses", -3 },   { "concern", -1 },
    { "concerns", -1 },     { "confidence", 1 },   { "convicted", -2 },
    { "crackdown", -2 },    { "crash", -3 },       { "crashed", -3 },
    { "crashes", -3 },      { "crashing", -3 },    { "crisis", -2 },
    { "cut", -1 },          { "cuts", -1 },        { "decline", -1 },
    { "declined", -1 },     { "declines", -1 },    { "declining", -1 },
    { "delay", -1 },        { "delayed", -1 },     { "delays", -1 },
    { "dip", -1 },          { "dipped", -1 },      { "dips", -1 },
    { "doubt", -1 },        { "doubts", -1 },      { "down", -1 },
    { "downside", -1 },     { "drop", -1 },        { "dropped", -1 },
    { "dropping", -1 },     { "drops", -1 },       { "dump", -2 },
    { "dumped", -2 },       { "dumping", -2 },     { "dumps", -2 },
    { "ease", 1 },          { "eases", 1 },        { "expand", 1 },
    { "expanded", 1 },      { "expands", 1 },      { "exploit", -2 },
    { "exploited", -2 },    { "exploits", -2 },    { "fall", -1 },
    { "falling", -1 },      { "falls", -1 },       { "fear", -1 },
    { "fears", -1 },        { "fell", -1 },        { "fined", -2 },
    { "fraud", -3 },        { "gain", 2 },         { "gained", 2 },
    { "gains", 2 },         { "green", 1 },        { "grow", 1 },
    { "growing", 1 },       { "grows", 1 },        { "growth", 1 },
    { "guilty", -2 },       { "hack", -3 },        { "hacked", -3 },
    { "hacker", -3 },       { "hackers", -3 },     { "hacks", -3 },
    { "high", 1 },          { "higher", 1 },       { "highs", 1 },
    { "hope", 1 },          { "hopes", 1 },        { "illegal", -1 },
    { "illicit", -1 },      { "inflation", -1 },   { "inflow", 2 },
    { "inflows", 2 },       { "innovation", 1 },   { "investigation", -1 },
    { "jump", 2 },          { "jumped", 2 },       { "jumps", 2 },
    { "launch", 1 },        { "launched", 1 },     { "launches", 1 },
    { "launder", -2 },      { "laundering", -2 },  { "lawsuit", -2 },
    { "lawsuits", -2 },     { "liquidated", -2 },  { "liquidation", -2 },
    { "liquidations", -2 }, { "lose", -2 },        { "loses", -2 },
    { "losing", -2 },       { "loss", -2 },        { "losses", -2 },
    { "lost", -2 },         { "low", -1 },         { "lower", -1 },
    { "lows", -1 },         { "milestone", 2 },    { "momentum", 1 },
    { "opportunity", 1 },   { "optimism", 1 },     { "optimistic", 2 },
    { "outage", -2 },       { "outflow", -2 },     { "outflows", -2 },
    { "outperform", 2 },    { "outperforms", 2 },  { "panic", -3 },
    { "partners", 1 },      { "partnership", 1 },  { "penalty", -1 },
    { "plummet", -2 },      { "plummeted", -2 },   { "plummets", -2 },
    { "plunge", -3 },       { "plunged", -3 },     { "plunges", -3 },
    { "plunging", -3 },     { "ponzi", -3 },       { "pressure", -1 },
    { "prison", -2 },       { "probe", -1 },       { "probes", -1 },
    { "profit", 2 },        { "profitable", 2 },   { "profits", 2 },
    { "promising", 1 },     { "rallied", 2 },      { "rallies", 2 },
    { "rally", 2 },         { "rallying", 2 },     { "rebound", 2 },
    { "rebounded", 2 },     { "rebounds", 2 },     { "recession", -2 },
    { "reclaim", 2 },       { "reclaimed", 2 },    { "reclaims", 2 },
    { "record", 2 },        { "recover", 2 },      { "recovered", 2 },
    { "recovers", 2 },      { "recovery", 2 },     { "reject", -2 },
    { "rejected", -2 },     { "rejects", -2 },     { "rise", 1 },
    { "rises", 1 },         { "rising", 1 },       { "risk", -1 },
    { "risks", -1 },        { "risky", -1 },       { "rose", 1 },
    { "rug", -2 },          { "safe", 1 },         { "sanctions", -1 },
    { "sank", -2 },         { "scam", -3 },        { "scams", -3 },
    { "secure", 1 },        { "secured", 1 },      { "sell", -1 },
    { "selling", -1 },      { "selloff", -2 },     { "sells", -1 },
    { "sentenced", -2 },    { "sink", -2 },        { "sinks", -2 },
    { "skyrocket", 3 },     { "skyrocketed", 3 },  { "skyrockets", 3 },
    { "slowing", -1 },      { "slows", -1 },       { "slump", -2 },
    { "slumped", -2 },      { "slumps", -2 },      { "soar", 3 },
    { "soared", 3 },        { "soaring", 3 },      { "soars", 3 },
    { "sold", -1 },         { "spike", 2 },        { "spiked", 2 },
    { "spikes", 2 },        { "stolen", -3 },      { "strong", 1 },
    { "stronger", 1 },      { "success", 2 },      { "successful", 2 },
    { "sue", -2 },          { "sued", -2 },        { "sues", -2 },
    { "support", 1 },       { "supported", 1 },    { "supports", 1 },
    { "surge", 3 },         { "surged", 3 },       { "surges", 3 },
    { "surging", 3 },       { "surpass", 1 },      { "surpassed", 1 },
    { "surpasses", 1 },     { "theft", -2 },       { "threat", -1 },
    { "threatens", -1 },    { "threats", -1 },     { "thrive", 2 },
    { "thrives", 2 },       { "tops", 1 },         { "trouble", -1 },
    { "troubled", -1 },     { "tumble", -2 },      { "tumbled", -2 },
    { "tumbles", -2 },      { "uncertainty", -1 }, { "up", 1 },
    { "upgrade", 2 },       { "upgraded", 2 },     { "upgrades", 2 },
    { "upside", 1 },        { "volatile", -1 },    { "volatility", -1 },
    { "warn", -1 },         { "warned", -1 },      { "warning", -1 },
    { "warns", -1 },        { "weak", -1 },        { "weaker", -1 },
    { "weakness", -1 },     { "win", 2 },          { "wins", 2 },
    { "won", 2 },           { "worried", -1 },     { "worries", -1 },
    { "worry", -1 },        { "worse", -1 },       { "worst", -1 },
};

static const char *const negators[] = {
    "cannot", "cant", "didnt", "doesnt", "dont", "hardly", "isnt", "never", "no", "not", "wasnt", "without", "wont",
};

static int compare(const char *word, size_t length, const char *with)
{
    int order = strncmp(word, with, length);
    return order ? order : with[length] ? -1 : 0;
}

static int weight_of(const char *word, size_t length)
{
    size_t low = 0, high = sizeof entries / sizeof *entries;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = compare(word, length, entries[middle].word);
        if (order == 0)
            return entries[middle].weight;
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return 0;
}

static int is_negator(const char *word, size_t length)
{
    for (size_t i = 0; i < sizeof negators / sizeof *negators; i++)
        if (compare(word, length, negators[i]) == 0)
            return 1;
    return 0;
}

struct tone lexicon_tone(const char *plain)
{
    struct tone t = { 0, 0, 0 };
    int64_t positive = 0, negative = 0;
    const char *word;
    size_t length;
    int negated = 0;
    while ((word = words_next(&plain, &length)) != NULL) {
        int weight = weight_of(word, length) * (negated ? -1 : 1);
        t.positive_words += weight > 0;
        t.negative_words += weight < 0;
        positive += weight > 0 ? weight : 0;
        negative += weight < 0 ? -weight : 0;
        negated = is_negator(word, length);
    }
    t.score = (double)(positive - negative) / (double)(positive + negative + 1);
    return t;
}
