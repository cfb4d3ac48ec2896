/*
 * Headlines as plain words.
 * SPDX-License-Identifier: MIT
 */
#include <string.h>
#include "words.h"

enum sort { LETTER, GAP, DROPPED };

static int is_ascii_letter_or_digit(unsigned char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/* What stands at s, and in *bytes how long that is.  Typographic punctuation is U+2000 to U+206F, the bytes e2 80 and e2 81. */
static enum sort sort_of(const unsigned char *s, size_t *bytes)
{
    *bytes = 1;
    if (s[0] == '\'')
        return DROPPED;
    if (s[0] == 0xe2 && (s[1] == 0x80 || s[1] == 0x81) && s[2]) {
        *bytes = 3;
        return s[1] == 0x80 && (s[2] == 0x98 || s[2] == 0x99) ? DROPPED : GAP;
    }
    return s[0] >= 0x80 || is_ascii_letter_or_digit(s[0]) ? LETTER : GAP;
}

static char small(unsigned char c)
{
    return (char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
}

void words_plain(char out[WORDS_SIZE], const char *text)
{
    size_t used = 0, bytes;
    out[used++] = ' ';
    for (const unsigned char *s = (const unsigned char *)text; *s && used < WORDS_SIZE - 2; s += bytes) {
        enum sort sort = sort_of(s, &bytes);
        if (sort == LETTER)
            out[used++] = small(*s);
        else if (sort == GAP && out[used - 1] != ' ')
            out[used++] = ' ';
    }
    if (out[used - 1] != ' ')
        out[used++] = ' ';
    out[used] = '\0';
}

int words_have(const char *plain, const char *phrase)
{
    size_t length = strlen(phrase);
    for (const char *at = plain; (at = strstr(at, phrase)) != NULL; at++)
        if (at > plain && at[-1] == ' ' && at[length + (at[length] == 's')] == ' ')
            return 1;
    return 0;
}

const char *words_next(const char **at, size_t *length)
{
    const char *word = *at + strspn(*at, " ");
    *length = strcspn(word, " ");
    *at = word + *length;
    return *length ? word : NULL;
}

/* Bytes of the character that begins at s, 0 if none does.  Overlong forms, surrogates and what lies past U+10FFFF are none. */
static size_t character(const unsigned char *s, size_t left)
{
    static const struct {
        unsigned char first, last, second_least, second_most, bytes;
    } forms[] = {
        { 0x01, 0x7f, 0, 0, 1 },       { 0xc2, 0xdf, 0x80, 0xbf, 2 }, { 0xe0, 0xe0, 0xa0, 0xbf, 3 },
        { 0xe1, 0xec, 0x80, 0xbf, 3 }, { 0xed, 0xed, 0x80, 0x9f, 3 }, { 0xee, 0xef, 0x80, 0xbf, 3 },
        { 0xf0, 0xf0, 0x90, 0xbf, 4 }, { 0xf1, 0xf3, 0x80, 0xbf, 4 }, { 0xf4, 0xf4, 0x80, 0x8f, 4 },
    };
    size_t i = 0, k;
    while (i < sizeof forms / sizeof *forms && (s[0] < forms[i].first || s[0] > forms[i].last))
        i++;
    if (i == sizeof forms / sizeof *forms || forms[i].bytes > left)
        return 0;
    for (k = 1; k < forms[i].bytes; k++)
        if (s[k] < (k == 1 ? forms[i].second_least : 0x80) || s[k] > (k == 1 ? forms[i].second_most : 0xbf))
            return 0;
    return k;
}

long utf8_length(const char *text, size_t bytes)
{
    const unsigned char *s = (const unsigned char *)text;
    long count = 0;
    while (bytes > 0) {
        size_t step = character(s, bytes);
        if (step == 0)
            return -1;
        s += step;
        bytes -= step;
        count++;
    }
    return count;
}
