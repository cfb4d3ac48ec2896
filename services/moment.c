/*
 * Moments, without the C library's calendar: that one knows the local zone, and 32-bit systems end it in 2038.
 * SPDX-License-Identifier: MIT
 */
#include <stdio.h>
#include "moment.h"

struct civil {
    int year, month, day, hour, minute, second, micros, zone; /* zone in minutes east */
};

/* Days since 1970-01-01 in the Gregorian calendar; March is month 0, so that the leap day is the last of its year. */
static int64_t days_of(int year, int month, int day)
{
    int64_t y = month > 2 ? year : year - 1;
    int64_t m = (month + 9) % 12;
    return y * 365 + y / 4 - y / 100 + y / 400 + (m * 306 + 5) / 10 + day - 1 - 719468;
}

static int month_length(int year, int month)
{
    static const int length[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
    int leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return month == 2 && leap ? 29 : length[month - 1];
}

/* Exactly `count` digits; < 0: they are not there. */
static int digits(int *out, const char **s, int count)
{
    *out = 0;
    while (count-- > 0) {
        if (**s < '0' || **s > '9')
            return -1;
        *out = *out * 10 + (*(*s)++ - '0');
    }
    return 0;
}

static int sign(const char **s, char wanted)
{
    return *(*s)++ == wanted ? 0 : -1;
}

static int fraction(struct civil *c, const char **s)
{
    int unit = 100000;
    if (**s != '.')
        return 0;
    for ((*s)++; **s >= '0' && **s <= '9'; (*s)++, unit /= 10) {
        if (unit == 0)
            return -1;
        c->micros += (**s - '0') * unit;
    }
    return unit == 100000 ? -1 : 0;
}

static int zone(struct civil *c, const char **s)
{
    int hours, minutes;
    char first = *(*s)++;
    if (first == 'Z')
        return 0;
    if ((first != '+' && first != '-') || digits(&hours, s, 2) < 0 || sign(s, ':') < 0 || digits(&minutes, s, 2) < 0)
        return -1;
    c->zone = (hours * 60 + minutes) * (first == '-' ? -1 : 1);
    return hours > 23 || minutes > 59 ? -1 : 0;
}

static int date(struct civil *c, const char **s)
{
    if (digits(&c->year, s, 4) < 0 || sign(s, '-') < 0 || digits(&c->month, s, 2) < 0 || sign(s, '-') < 0 ||
        digits(&c->day, s, 2) < 0)
        return -1;
    if (c->month < 1 || c->month > 12)
        return -1;
    return c->day < 1 || c->day > month_length(c->year, c->month) ? -1 : 0;
}

static int clock_time(struct civil *c, const char **s)
{
    if (**s != 'T' && **s != ' ')
        return -1;
    (*s)++;
    if (digits(&c->hour, s, 2) < 0 || sign(s, ':') < 0 || digits(&c->minute, s, 2) < 0 || sign(s, ':') < 0 ||
        digits(&c->second, s, 2) < 0 || fraction(c, s) < 0 || zone(c, s) < 0)
        return -1;
    return c->hour > 23 || c->minute > 59 || c->second > 59 ? -1 : 0;
}

const char *moment_parse(int64_t *us, const char *text)
{
    struct civil c = { .year = 0 };
    int64_t seconds, moment;
    if (date(&c, &text) < 0 || (*text && clock_time(&c, &text) < 0) || *text)
        return "is not a time (YYYY-MM-DDThh:mm:ssZ)";
    seconds = days_of(c.year, c.month, c.day) * 86400 + c.hour * 3600 + (c.minute - c.zone) * 60 + c.second;
    moment = seconds * MOMENT_SECOND + c.micros;
    if (moment < MOMENT_FIRST || moment > MOMENT_LAST)
        return "is not within the years 1000 to 9999";
    *us = moment;
    return NULL;
}

int64_t moment_midnight(int64_t us)
{
    int64_t into = us % MOMENT_DAY;
    return us - (into < 0 ? into + MOMENT_DAY : into);
}

/* The inverse of days_of. */
void moment_day(char out[DAY_SIZE], int64_t us)
{
    int64_t z = moment_midnight(us) / MOMENT_DAY + 719468;
    int64_t era = z / 146097, of_era = z % 146097;
    int64_t of_era_year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int64_t of_year = of_era - (365 * of_era_year + of_era_year / 4 - of_era_year / 100);
    int64_t m = (5 * of_year + 2) / 153;
    int64_t day = of_year - (153 * m + 2) / 5 + 1;
    int64_t month = m < 10 ? m + 3 : m - 9;
    unsigned year = (unsigned)(era * 400 + of_era_year + (month <= 2));
    snprintf(out, DAY_SIZE, "%04u-%02u-%02u", year % 10000, (unsigned)month % 100, (unsigned)day % 100);
}
