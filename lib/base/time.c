/*
 * Durations and calendar times, from text and to it.
 *
 * Every reader below takes what it can from *s and moves it on, or says false.
 * SPDX-License-Identifier: MIT
 */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <base/clock.h>
#include <base/text.h>

static bool read_char(const char **s, char c)
{
    if (**s != c)
        return false;
    ++*s;
    return true;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* A whole number, as long as it fits. */
static bool read_number(const char **s, int64_t *out)
{
    if (!is_digit(**s))
        return false;
    for (*out = 0; is_digit(**s); ++*s) {
        int digit = **s - '0';
        if (*out > (INT64_MAX - digit) / 10)
            return false;
        *out = *out * 10 + digit;
    }
    return true;
}

/* Exactly that many digits, from `low` to `high`. */
static bool read_field(const char **s, int width, int low, int high, int *out)
{
    *out = 0;
    for (; width > 0; width--, ++*s) {
        if (!is_digit(**s))
            return false;
        *out = *out * 10 + (**s - '0');
    }
    return *out >= low && *out <= high;
}

/* ".5", in billionths; nothing is nothing.  1 to 9 digits. */
static bool read_fraction(const char **s, int64_t *billionths)
{
    *billionths = 0;
    if (!read_char(s, '.'))
        return true;
    if (!is_digit(**s))
        return false;
    for (int64_t weight = NS_PER_S / 10; is_digit(**s); weight /= 10, ++*s) {
        if (weight == 0)
            return false;
        *billionths += (**s - '0') * weight;
    }
    return true;
}

/* ---- durations */

static const struct unit {
    const char *name;
    int64_t ns;
} units[] = {
    /* the largest first */
    { "d", 24 * 60 * 60 * NS_PER_S },
    { "h", 60 * 60 * NS_PER_S },
    { "m", 60 * NS_PER_S },
    { "s", NS_PER_S },
    { "ms", NS_PER_MS },
    { "us", 1000 },
    { "ns", 1 },
};
#define UNITS (sizeof units / sizeof *units)

static const struct unit *unit_named(const char *name)
{
    for (size_t i = 0; i < UNITS; i++)
        if (strcmp(units[i].name, name) == 0)
            return &units[i];
    return NULL;
}

/* That many billionths of a unit; < 0: not a whole number of nanoseconds. */
static int64_t part_of(const struct unit *u, int64_t billionths)
{
    int64_t seconds = u->ns > NS_PER_S ? u->ns / NS_PER_S : 1;
    int64_t exact = billionths * (u->ns / seconds);
    return exact % NS_PER_S ? -1 : exact / NS_PER_S * seconds;
}

int duration_parse(int64_t *ns, const char *s)
{
    int64_t whole, billionths;
    *ns = 0;
    if (strcmp(s, "0") == 0)
        return 0;
    if (!read_number(&s, &whole) || !read_fraction(&s, &billionths))
        return -1;
    const struct unit *u = unit_named(s);
    if (!u || whole > INT64_MAX / u->ns)
        return -1;
    int64_t part = part_of(u, billionths);
    if (part < 0 || part > INT64_MAX - whole * u->ns)
        return -1;
    *ns = whole * u->ns + part;
    return 0;
}

/* From milliseconds up, as options are written; what is finer was measured, and nobody reads its last digit. */
static const struct unit *unit_that_says(uint64_t ns)
{
    for (const struct unit *u = units; u->ns >= NS_PER_MS; u++)
        if (ns % (uint64_t)u->ns == 0)
            return u;
    return NULL;
}

static const struct unit *unit_within(uint64_t ns)
{
    const struct unit *u = units;
    while (ns < (uint64_t)u->ns)
        u++;
    return u;
}

void duration_text(char out[32], int64_t ns)
{
    const char *sign = ns < 0 ? "-" : "";
    uint64_t length = ns < 0 ? 0 - (uint64_t)ns : (uint64_t)ns;
    const struct unit *exact = length ? unit_that_says(length) : unit_named("s");
    const struct unit *u = exact ? exact : unit_within(length);
    uint64_t unit = (uint64_t)u->ns, whole = length / unit;
    if (exact || whole >= 10 || unit == 1)
        snprintf(out, 32, "%s%llu%s", sign, (unsigned long long)whole, u->name);
    else
        snprintf(out, 32, "%s%llu.%llu%s", sign, (unsigned long long)whole,
                 (unsigned long long)(length % unit * 10 / unit), u->name);
}

/* ---- times */

#define US_PER_S INT64_C(1000000)
#define US_PER_DAY (24 * 60 * 60 * US_PER_S)
#define DAY_FIRST (-INT64_C(719528)) /* 0000-01-01 */
#define DAY_LAST INT64_C(2932896)    /* 9999-12-31 */

static bool time_has_text(int64_t us)
{
    return us >= DAY_FIRST * US_PER_DAY && us < (DAY_LAST + 1) * US_PER_DAY;
}

static int month_length(int year, int month)
{
    static const int lengths[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return lengths[month - 1] + (month == 2 && leap);
}

/*
 * The Gregorian calendar, counted in years that begin in March, so that the leap day is a year's last, and in eras of 400 years, which
 * are all alike (146097 days).  1970-01-01 is 719468 days after 0000-03-01.
 */
static int64_t day_number(int year, int month, int day)
{
    int y = year + 400 - (month <= 2); /* one era later: never negative */
    int day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    return (int64_t)365 * y + y / 4 - y / 100 + y / 400 + day_of_year - 146097 - 719468;
}

static void day_date(int64_t number, int *year, int *month, int *day)
{
    int64_t days = number + 719468 + 146097;
    int in_era = (int)(days % 146097);
    int y = (in_era - in_era / 1460 + in_era / 36524 - in_era / 146096) / 365;
    int day_of_year = in_era - (365 * y + y / 4 - y / 100);
    int march = (5 * day_of_year + 2) / 153; /* months since March */
    *day = day_of_year - (153 * march + 2) / 5 + 1;
    *month = march < 10 ? march + 3 : march - 9;
    *year = y + (int)(days / 146097 - 1) * 400 + (*month <= 2);
}

/* A separator and digits: printf would take longer than all that is done for a row of times besides. */
static char *put_field(char *at, char separator, int width, int n)
{
    if (separator)
        *at++ = separator;
    for (int i = width; i > 0; n /= 10)
        at[--i] = (char)('0' + n % 10);
    return at + width;
}

int time_text(char out[32], int64_t us)
{
    out[0] = '\0';
    if (!time_has_text(us))
        return -1;
    int year, month, day;
    int64_t of_day = (us - DAY_FIRST * US_PER_DAY) % US_PER_DAY;
    day_date((us - of_day) / US_PER_DAY, &year, &month, &day);
    int second = (int)(of_day / US_PER_S), fraction = (int)(of_day % US_PER_S);
    char *at = put_field(put_field(put_field(out, 0, 4, year), '-', 2, month), '-', 2, day);
    at = put_field(put_field(put_field(at, ' ', 2, second / 3600), ':', 2, second / 60 % 60), ':', 2, second % 60);
    if (fraction)
        at = put_field(at, '.', 6, fraction);
    *at = '\0';
    return 0;
}

static bool read_date(const char **s, int64_t *day)
{
    int y, m, d;
    if (!read_field(s, 4, 0, 9999, &y) || !read_char(s, '-') || !read_field(s, 2, 1, 12, &m) || !read_char(s, '-') ||
        !read_field(s, 2, 1, month_length(y, m), &d))
        return false;
    *day = day_number(y, m, d);
    return true;
}

static bool read_clock(const char **s, int64_t *us)
{
    int hour, minute, second;
    int64_t billionths;
    if (!read_field(s, 2, 0, 23, &hour) || !read_char(s, ':') || !read_field(s, 2, 0, 59, &minute) ||
        !read_char(s, ':') || !read_field(s, 2, 0, 59, &second) || !read_fraction(s, &billionths))
        return false;
    *us = (hour * 3600 + minute * 60 + second) * US_PER_S + billionths / 1000;
    return true;
}

/* How far ahead of UTC; nothing is UTC, too. */
static bool read_zone(const char **s, int64_t *us)
{
    int hour, minute;
    *us = 0;
    if (**s == '\0' || read_char(s, 'Z'))
        return true;
    int sign = read_char(s, '-') ? -1 : 1;
    if (sign > 0 && !read_char(s, '+'))
        return false;
    if (!read_field(s, 2, 0, 23, &hour) || !read_char(s, ':') || !read_field(s, 2, 0, 59, &minute))
        return false;
    *us = sign * (hour * 3600 + minute * 60) * US_PER_S;
    return true;
}

int time_parse(int64_t *us, const char *s)
{
    int64_t day, clock = 0, zone = 0;
    *us = 0;
    if (!read_date(&s, &day))
        return -1;
    if (*s && !((read_char(&s, ' ') || read_char(&s, 'T')) && read_clock(&s, &clock) && read_zone(&s, &zone)))
        return -1;
    int64_t utc = day * US_PER_DAY + clock - zone;
    if (*s || !time_has_text(utc))
        return -1;
    *us = utc;
    return 0;
}
