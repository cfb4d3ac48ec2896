/*
 * Decimal numbers as text.
 * SPDX-License-Identifier: MIT
 */
#include <string.h>
#include <base/decimal.h>

static size_t digits_at(const char *s, const char *end)
{
    size_t n = 0;
    while (s + n < end && s[n] >= '0' && s[n] <= '9')
        n++;
    return n;
}

static void trim(struct decimal *d)
{
    for (; d->whole_digits && *d->whole == '0'; d->whole_digits--)
        d->whole++;
    while (d->fraction_digits && d->fraction[d->fraction_digits - 1] == '0')
        d->fraction_digits--;
    if (!d->whole_digits && !d->fraction_digits)
        d->negative = false;
}

int decimal_parse(struct decimal *out, const char *text, size_t length)
{
    const char *s = text, *end = text + length;
    struct decimal d = { .negative = length && *s == '-' };
    s += length && (*s == '-' || *s == '+');
    d.whole = s;
    d.whole_digits = digits_at(s, end);
    s += d.whole_digits;
    d.fraction = s;
    if (s < end && *s == '.') {
        d.fraction = ++s;
        d.fraction_digits = digits_at(s, end);
        s += d.fraction_digits;
    }
    if (s != end || d.whole_digits + d.fraction_digits == 0)
        return -1;
    trim(&d);
    *out = d;
    return 0;
}

static int compare_sizes(const struct decimal *a, const struct decimal *b)
{
    if (a->whole_digits != b->whole_digits)
        return a->whole_digits > b->whole_digits ? 1 : -1;
    int order = memcmp(a->whole, b->whole, a->whole_digits);
    size_t shorter = a->fraction_digits < b->fraction_digits ? a->fraction_digits : b->fraction_digits;
    if (!order)
        order = memcmp(a->fraction, b->fraction, shorter);
    return order ? order : (a->fraction_digits > b->fraction_digits) - (a->fraction_digits < b->fraction_digits);
}

int decimal_compare(const struct decimal *a, const struct decimal *b)
{
    if (a->negative != b->negative)
        return a->negative ? -1 : 1;
    return a->negative ? compare_sizes(b, a) : compare_sizes(a, b);
}

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

/* A sign, a carry, a point, a zero byte. */
size_t decimal_sum_size(const struct decimal *a, const struct decimal *b)
{
    return larger(a->whole_digits, b->whole_digits) + larger(a->fraction_digits, b->fraction_digits) + 4;
}

/* The digit of weight 10^at. */
static int digit(const struct decimal *d, ptrdiff_t at)
{
    if (at >= 0)
        return (size_t)at < d->whole_digits ? d->whole[d->whole_digits - 1 - (size_t)at] - '0' : 0;
    return (size_t)-at <= d->fraction_digits ? d->fraction[-at - 1] - '0' : 0;
}

/* Both sizes, or the larger one less the smaller one (sign -1), from the last digit to the first; returns the first. */
static char *add_digits(char *end, const struct decimal *a, const struct decimal *b, int sign)
{
    ptrdiff_t at = -(ptrdiff_t)larger(a->fraction_digits, b->fraction_digits);
    ptrdiff_t top = (ptrdiff_t)larger(a->whole_digits, b->whole_digits);
    int carry = 0;
    for (; at <= top; at++) {
        int sum = digit(a, at) + sign * digit(b, at) + carry;
        carry = sum < 0 ? -1 : sum / 10;
        if (at == 0)
            *--end = '.';
        *--end = (char)('0' + (sum + 10) % 10);
    }
    return end;
}

size_t decimal_add(char *out, const struct decimal *a, const struct decimal *b)
{
    size_t room = decimal_sum_size(a, b);
    bool same = a->negative == b->negative;
    if (!same && compare_sizes(a, b) < 0) {
        const struct decimal *c = a;
        a = b, b = c;
    }
    char *end = out + room - 1, *s = add_digits(end, a, b, same ? 1 : -1);
    while (*s == '0' && s[1] != '.')
        s++;
    while (end[-1] == '0')
        end--;
    end -= end[-1] == '.';
    bool zero = end - s == 1 && *s == '0';
    size_t length = (size_t)(end - s), sign = a->negative && !zero;
    memmove(out + sign, s, length);
    if (sign)
        *out = '-';
    out[sign + length] = '\0';
    return sign + length;
}

static int parse_both(struct decimal *x, struct decimal *y, const char *a, const char *b)
{
    return decimal_parse(x, a, strlen(a)) < 0 ? -1 : decimal_parse(y, b, strlen(b));
}

int decimal_add_texts(char *out, const char *a, const char *b)
{
    struct decimal x, y;
    if (parse_both(&x, &y, a, b) < 0)
        return -1;
    decimal_add(out, &x, &y);
    return 0;
}

int decimal_compare_texts(int *order, const char *a, const char *b)
{
    struct decimal x, y;
    if (parse_both(&x, &y, a, b) < 0)
        return -1;
    *order = decimal_compare(&x, &y);
    return 0;
}
