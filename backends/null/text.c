/*
 * Reading words, numbers and durations.  Each moves *at behind what it read, and behind the blanks that follow.
 * Nothing here depends on the locale.
 * SPDX-License-Identifier: MIT
 */
#include <string.h>
#include "local.h"

static int is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static int is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static void skip_blanks(const char **at)
{
    while (is_blank(**at))
        ++*at;
}

/* Of two that are not negative; INT64_MAX where they do not fit. */
int64_t null_sum(int64_t a, int64_t b)
{
    return a > INT64_MAX - b ? INT64_MAX : a + b;
}

/* Digits as a number; < 0: there are none, or they do not fit. */
static int digits(const char **at, uint64_t *out)
{
    const char *from = *at;
    for (*out = 0; is_digit(**at); ++*at) {
        if (*out > (INT64_MAX - 9) / 10)
            return -1;
        *out = *out * 10 + (uint64_t)(**at - '0');
    }
    return *at == from ? -1 : 0;
}

int null_number(const char **at, int64_t *out)
{
    uint64_t n;
    int negative = **at == '-';
    *at += negative;
    if (digits(at, &n) < 0)
        return -1;
    *out = negative ? -(int64_t)n : (int64_t)n;
    skip_blanks(at);
    return 0;
}

/* The length of a word of letters, digits and '_'; 0: there is none. */
size_t null_word(const char **at, const char **word)
{
    *word = *at;
    while (is_digit(**at) || **at == '_' || (**at >= 'a' && **at <= 'z') || (**at >= 'A' && **at <= 'Z'))
        ++*at;
    size_t length = (size_t)(*at - *word);
    skip_blanks(at);
    return length;
}

/* The first nine digits behind a point, as nanos of one. */
static uint64_t fraction(const char **at)
{
    uint64_t nanos = 0, place = 100000000;
    for (++*at; is_digit(**at); ++*at, place /= 10)
        nanos += (uint64_t)(**at - '0') * place;
    return nanos;
}

static int64_t unit_ns(const char *word, size_t length)
{
    static const struct unit {
        const char *name;
        int64_t ns;
    } units[] = {
        { "ns", 1 },          { "us", 1000 },         { "ms", 1000000 },       { "s", 1000000000 },
        { "m", 60000000000 }, { "h", 3600000000000 }, { "d", 86400000000000 },
    };
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        if (strlen(units[i].name) == length && !memcmp(units[i].name, word, length))
            return units[i].ns;
    }
    return 0;
}

/* "30s", "1.5h", "500ms", or "0" alone, as the core writes durations. */
int null_duration(const char **at, int64_t *ns)
{
    uint64_t whole, nanos = 0;
    const char *word;
    if (digits(at, &whole) < 0)
        return -1;
    if (**at == '.')
        nanos = fraction(at);
    size_t length = null_word(at, &word);
    int64_t unit = length ? unit_ns(word, length) : whole || nanos ? 0 : 1;
    if (!unit || whole >= (uint64_t)(INT64_MAX / unit))
        return -1;
    *ns = (int64_t)whole * unit + (int64_t)((double)nanos * 1e-9 * (double)unit);
    return 0;
}
