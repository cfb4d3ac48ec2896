/*
 * Numbers, from text and to it, whatever the locale of the program.
 *
 * The C library reads and writes the decimal point of the locale, and there is no portable way to ask it not to: so that point is put
 * in before it reads and taken out after it has written.
 * SPDX-License-Identifier: MIT
 */
#include <float.h>
#include <langinfo.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <base/text.h>

#define DIGITS "0123456789"
#define LONGEST_DOUBLE 1100 /* no double takes more than 1077 characters, however exactly it is written */

int int_parse(int64_t *out, const char *s)
{
    bool negative = *s == '-';
    int64_t sum = 0; /* kept negative: there is one more of those */
    *out = 0;
    s += negative;
    size_t length = strspn(s, DIGITS);
    if (length == 0 || s[length])
        return -1;
    for (; *s; s++) {
        int digit = *s - '0';
        if (sum < (INT64_MIN + digit) / 10)
            return -1;
        sum = sum * 10 - digit;
    }
    if (!negative && sum == INT64_MIN)
        return -1;
    *out = negative ? sum : -sum;
    return 0;
}

static size_t skip_digits(const char **s)
{
    size_t length = strspn(*s, DIGITS);
    *s += length;
    return length;
}

/* -1.5e+3: no hexadecimal, no names, nothing around it. */
static bool is_decimal(const char *s)
{
    s += *s == '-';
    size_t digits = skip_digits(&s);
    if (*s == '.') {
        s++;
        digits += skip_digits(&s);
    }
    if (digits && (*s == 'e' || *s == 'E')) {
        s++;
        s += *s == '-' || *s == '+';
        digits = skip_digits(&s);
    }
    return digits && !*s;
}

int double_parse(double *out, const char *s)
{
    char local[LONGEST_DOUBLE + 16];
    *out = 0;
    if (strlen(s) > LONGEST_DOUBLE || !is_decimal(s))
        return -1;
    size_t whole = strcspn(s, ".");
    const char *point = s[whole] ? nl_langinfo(RADIXCHAR) : "";
    snprintf(local, sizeof local, "%.*s%s%s", (int)whole, s, point, s + whole + (s[whole] == '.'));
    double d = strtod(local, NULL);
    if (!isfinite(d))
        return -1;
    *out = d;
    return 0;
}

/* Any decimal of up to DBL_DIG digits survives, so none shorter than that can be missed, but for the smallest, which have fewer. */
static void shortest(char *out, size_t size, double d)
{
    int digits = fabs(d) < DBL_MIN ? 1 : DBL_DIG;
    do
        snprintf(out, size, "%.*g", digits, d);
    while (digits++ < DBL_DECIMAL_DIG && strtod(out, NULL) != d);
}

void double_text(char out[32], double d)
{
    if (!isfinite(d)) {
        snprintf(out, 32, "%s", isnan(d) ? "nan" : d < 0 ? "-inf" : "inf");
        return;
    }
    char local[48];
    shortest(local, sizeof local, d);
    size_t whole = strspn(local, "-" DIGITS);
    size_t exponent = whole + strcspn(local + whole, DIGITS "e"); /* digits after the point, if there is one */
    snprintf(out, 32, "%.*s%s%s", (int)whole, local, exponent > whole ? "." : "", local + exponent);
}
