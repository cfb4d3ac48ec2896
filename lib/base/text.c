/*
 * Text that grows in a fixed buffer, and the nearest name to a misspelt one.
 * SPDX-License-Identifier: MIT
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <base/text.h>

struct text text_in(char *buffer, size_t size)
{
    buffer[0] = '\0';
    return (struct text){ .at = buffer, .size = size };
}

/* How many bytes a UTF-8 character has, by its first. */
static size_t character_size(unsigned char first)
{
    return first < 0xc0 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
}

/* The length of s without the part of a character that its end may hold. */
static size_t whole_characters(const char *s, size_t length)
{
    size_t start = length;
    while (start > 0 && length - start < 3 && ((unsigned char)s[start - 1] & 0xc0) == 0x80)
        start--;
    if (start == 0 || start - 1 + character_size((unsigned char)s[start - 1]) <= length)
        return length;
    return start - 1;
}

void text_add(struct text *t, const char *format, ...)
{
    size_t room = t->size - t->length;
    va_list args;
    va_start(args, format);
    int length = vsnprintf(t->at + t->length, room, format, args);
    va_end(args);
    if (length >= 0 && (size_t)length < room) {
        t->length += (size_t)length;
        return;
    }
    if (length > 0) {
        t->length = whole_characters(t->at, t->size - 1);
        t->size = t->length + 1; /* full: nothing may follow the gap */
    }
    t->at[t->length] = '\0';
}

#define LONGEST_NAME 63

static unsigned least(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

/* How many letters must be put in, left out, changed or swapped with their neighbour to make a of b. */
static unsigned edits(const char *a, const char *b)
{
    unsigned rows[3][LONGEST_NAME + 1];
    unsigned *before = rows[0], *above = rows[1], *row = rows[2];
    size_t width = strlen(b);
    for (size_t j = 0; j <= width; j++)
        above[j] = (unsigned)j;
    for (size_t i = 1; a[i - 1]; i++) {
        row[0] = (unsigned)i;
        for (size_t j = 1; j <= width; j++) {
            row[j] = least(least(above[j], row[j - 1]) + 1, above[j - 1] + (a[i - 1] != b[j - 1]));
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                row[j] = least(row[j], before[j - 2] + 1);
        }
        unsigned *spare = before;
        before = above, above = row, row = spare;
    }
    return above[width];
}

const char *nearest_name(const char *word, const char *const *names)
{
    size_t length = strlen(word);
    if (length == 0 || length > LONGEST_NAME)
        return NULL;
    const char *best = NULL;
    unsigned limit = length / 3 > 1 ? (unsigned)length / 3 : 1;
    for (; *names; names++) {
        unsigned distance = strlen(*names) > LONGEST_NAME ? limit + 1 : edits(word, *names);
        if (distance < limit + !best) {
            best = *names;
            limit = distance;
        }
    }
    return best;
}
