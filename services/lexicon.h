/*
 * The tone of a headline, from the words in it.
 * SPDX-License-Identifier: MIT
 */
#ifndef SERVICES_LEXICON_H
#define SERVICES_LEXICON_H

#include <stdint.h>

/* Goes up whenever the words or the score change: articles that an older version scored are scored again. */
#define LEXICON_VERSION 1

struct tone {
    int64_t positive_words, negative_words;
    double score; /* within -1 and 1, 0 where nothing speaks for either side */
};

/* `plain` is what words_plain made. */
struct tone lexicon_tone(const char *plain);

#endif
