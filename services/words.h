/*
 * Headlines as plain words, so that two writings of one headline are the same text.
 * SPDX-License-Identifier: MIT
 */
#ifndef SERVICES_WORDS_H
#define SERVICES_WORDS_H

#include <stddef.h>

#define HEADLINE_LIMIT 1000                 /* characters of a headline or title */
#define WORDS_SIZE (4 * HEADLINE_LIMIT + 3) /* of what words_plain makes of one */

/*
 * Writes the words of `text`, each with one space before and after it (" bitcoin wont crash "): ASCII letters small, apostrophes
 * dropped, any other punctuation and white space is a space, letters beyond ASCII as they are.  No word at all gives " ".
 */
void words_plain(char out[WORDS_SIZE], const char *text);

/* Whether `phrase`, one or more plain words with single spaces between, is in there as whole words, its last one also with an s. */
int words_have(const char *plain, const char *phrase);

/* The next word from *at, and *at moved behind it; NULL: there is none.  Not ended by a zero byte: its length is in *length. */
const char *words_next(const char **at, size_t *length);

/* The number of characters, or -1 where that is not UTF-8. */
long utf8_length(const char *text, size_t bytes);

#endif
