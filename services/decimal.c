/*
 * Decimal numbers as text.  Nothing here goes through a double.
 * SPDX-License-Identifier: MIT
 */
#include <string.h>
#include "decimal.h"

#define EXPONENT_LIMIT 9999 /* larger ones cannot be stored anyway; this keeps the sums below from overflowing */

/* The digits from the first that counts on, without a point: 0.0120 has "120", and the point stands -1 digits into them. */
struct digits {
    char at[256];
    int count, point, negative;
};

static int is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static int take_digits(struct digits *d, const char **s, int behind_point)
{
    int seen = 0;
    for (; is_digit(**s); (*s)++, seen++) {
        if (d->count == 0 && **s == '0') {
            d->point -= behind_point;
            continue;
        }
        if (d->count == (int)sizeof d->at)
            return -1;
        d->at[d->count++] = **s;
        d->point += !behind_point;
    }
    return seen;
}

/* < 0: it is not an exponent. */
static int take_exponent(struct digits *d, const char **s)
{
    int negative, value = 0;
    (*s)++;
    negative = **s == '-';
    if (**s == '-' || **s == '+')
        (*s)++;
    if (!is_digit(**s))
        return -1;
    for (; is_digit(**s); (*s)++)
        value = value < EXPONENT_LIMIT ? value * 10 + (**s - '0') : value;
    d->point += negative ? -value : value;
    return 0;
}

static const char *take_number(struct digits *d, const char *s)
{
    int whole, fraction = 0;
    d->negative = *s == '-';
    if (*s == '-' || *s == '+')
        s++;
    whole = take_digits(d, &s, 0);
    if (*s == '.') {
        s++;
        fraction = take_digits(d, &s, 1);
    }
    if (whole < 0 || fraction < 0)
        return "has more digits than can be stored";
    if (whole + fraction == 0)
        return "is not a number";
    if ((*s == 'e' || *s == 'E') && take_exponent(d, &s) < 0)
        return "is not a number";
    return *s ? "is not a number" : NULL;
}

static void write_zeros(char **out, int count)
{
    while (count-- > 0)
        *(*out)++ = '0';
}

static void write_digits(char **out, const struct digits *d, int from, int to)
{
    for (int i = from; i < to; i++)
        *(*out)++ = i < d->count ? d->at[i] : '0';
}

const char *decimal_plain(char out[DECIMAL_SIZE], const char *text)
{
    struct digits d = { .count = 0 };
    const char *wrong = take_number(&d, text);
    if (wrong)
        return wrong;
    while (d.count > 0 && d.at[d.count - 1] == '0')
        d.count--;
    if (d.count == 0) {
        strcpy(out, "0");
        return NULL;
    }
    if (d.point > DECIMAL_WHOLE || d.count - d.point > DECIMAL_FRACTION)
        return "has more digits than can be stored";
    if (d.negative)
        *out++ = '-';
    if (d.point <= 0)
        *out++ = '0';
    write_digits(&out, &d, 0, d.point);
    if (d.count > d.point) {
        *out++ = '.';
        write_zeros(&out, -d.point);
        write_digits(&out, &d, d.point > 0 ? d.point : 0, d.count);
    }
    *out = '\0';
    return NULL;
}
