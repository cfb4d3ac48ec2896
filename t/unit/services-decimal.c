/*
 * Decimals keep every digit and have one way of being written; moments are read to the microsecond and know their day.
 * SPDX-License-Identifier: MIT
 */
#include <stddef.h>
#include <services/decimal.h>
#include <services/moment.h>
#include "tap.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

static const struct {
    const char *text, *plain;
} good_decimals[] = {
    { "0", "0" },
    { "-0", "0" },
    { "0.000", "0" },
    { "0e9999999999", "0" },
    { "1", "1" },
    { "+1", "1" },
    { "-1.50", "-1.5" },
    { "007", "7" },
    { "100", "100" },
    { ".5", "0.5" },
    { "5.", "5" },
    { "8.68e-06", "0.00000868" },
    { "1.70482E+11", "170482000000" },
    { "-2.92E-05", "-0.0000292" },
    { "123.456e1", "1234.56" },
    { "123.456e3", "123456" },
    { "123.456e-3", "0.123456" },
    { "0.016021239607465005", "0.016021239607465005" },
    { "12345678901234567890123456789012345.123456789012345678901234567891",
      "12345678901234567890123456789012345.123456789012345678901234567891" },
    { "0.000000000000000000000000000001", "0.000000000000000000000000000001" },
    { "1e34", "10000000000000000000000000000000000" },
    { "0.0000000000000000000000000000010000", "0.000000000000000000000000000001" },
};
static const struct {
    const char *text, *reason;
} bad_decimals[] = {
    { "", "is not a number" },
    { "-", "is not a number" },
    { ".", "is not a number" },
    { "e5", "is not a number" },
    { "1e", "is not a number" },
    { "1e+", "is not a number" },
    { "1.2.3", "is not a number" },
    { "1,5", "is not a number" },
    { " 1", "is not a number" },
    { "1 ", "is not a number" },
    { "--1", "is not a number" },
    { "0x10", "is not a number" },
    { "nan", "is not a number" },
    { "inf", "is not a number" },
    { "1e35", "has more digits than can be stored" },
    { "1e-31", "has more digits than can be stored" },
    { "1e99999999999999999999", "has more digits than can be stored" },
    { "123456789012345678901234567890123456", "has more digits than can be stored" },
    { "0.1234567890123456789012345678901", "has more digits than can be stored" },
};

static void decimals(void)
{
    char out[DECIMAL_SIZE], again[DECIMAL_SIZE], long_text[400];
    for (size_t i = 0; i < COUNT(good_decimals); i++) {
        const char *wrong = decimal_plain(out, good_decimals[i].text);
        is_text(wrong ? wrong : out, good_decimals[i].plain, "'%s' is plainly", good_decimals[i].text);
        wrong = decimal_plain(again, good_decimals[i].plain);
        is_text(wrong ? wrong : again, good_decimals[i].plain, "  and stays so");
    }
    for (size_t i = 0; i < COUNT(bad_decimals); i++)
        is_text(decimal_plain(out, bad_decimals[i].text), bad_decimals[i].reason, "'%s'", bad_decimals[i].text);
    for (size_t i = 0; i + 1 < sizeof long_text; i++)
        long_text[i] = '1';
    long_text[sizeof long_text - 1] = '\0';
    is_text(decimal_plain(out, long_text), "has more digits than can be stored", "hundreds of digits are too many");
}

static const struct {
    const char *text;
    int64_t us;
    const char *day;
} good_moments[] = {
    { "1970-01-01T00:00:00Z", 0, "1970-01-01" },
    { "1970-01-01", 0, "1970-01-01" },
    { "1969-12-31T23:59:59.999999Z", -1, "1969-12-31" },
    { "2024-02-29T12:34:56.5Z", INT64_C(1709210096500000), "2024-02-29" },
    { "2024-02-29 14:34:56.500000+02:00", INT64_C(1709210096500000), "2024-02-29" },
    { "2024-03-01T00:30:00+01:00", INT64_C(1709249400000000), "2024-02-29" },
    { "2000-02-29", INT64_C(951782400000000), "2000-02-29" },
    { "1000-01-01T00:00:00Z", MOMENT_FIRST, "1000-01-01" },
    { "9999-12-31T23:59:59.999999Z", MOMENT_LAST, "9999-12-31" },
};
static const char *const bad_moments[] = {
    "",
    "2024",
    "2024-02",
    "2024-02-30",
    "2023-02-29",
    "1900-02-29",
    "2024-13-01",
    "2024-00-01",
    "2024-01-00",
    "24-01-01",
    "2024-01-01T",
    "2024-01-01T00:00:00",
    "2024-01-01T00:00Z",
    "2024-01-01T24:00:00Z",
    "2024-01-01T00:60:00Z",
    "2024-01-01T00:00:60Z",
    "2024-01-01T00:00:00.Z",
    "2024-01-01T00:00:00.1234567Z",
    "2024-01-01T00:00:00+1:00",
    "2024-01-01T00:00:00+01:60",
    "2024-01-01T00:00:00Zulu",
    "2024/01/01T00:00:00Z",
    " 2024-01-01",
    "2024-01-01 ",
    "-024-01-01",
};
static const char *const distant_moments[] = { "0999-12-31T23:59:59Z", "1000-01-01T00:30:00+01:00",
                                               "9999-12-31T23:30:00-01:00" };

static void moments(void)
{
    char day[DAY_SIZE];
    int64_t us = -7;
    for (size_t i = 0; i < COUNT(good_moments); i++) {
        const char *wrong = moment_parse(&us, good_moments[i].text);
        is_int(wrong ? INT64_MIN : us, good_moments[i].us, "'%s' is that microsecond", good_moments[i].text);
        moment_day(day, us);
        is_text(day, good_moments[i].day, "  of that day");
    }
    for (size_t i = 0; i < COUNT(bad_moments); i++)
        ok(moment_parse(&us, bad_moments[i]), "'%s' is no moment", bad_moments[i]);
    for (size_t i = 0; i < COUNT(distant_moments); i++)
        ok(moment_parse(&us, distant_moments[i]), "'%s' is out of range", distant_moments[i]);
    is_int(us, MOMENT_LAST, "what is refused changes nothing");
    is_int(moment_midnight(MOMENT_DAY + 5), MOMENT_DAY, "a day begins at its midnight");
    is_int(moment_midnight(-1), -MOMENT_DAY, "  before 1970 as well");
    is_int(moment_midnight(-MOMENT_DAY), -MOMENT_DAY, "  and midnight is its own");
}

/* Each day follows the one before, over four hundred years and all their leap days. */
static void calendar(void)
{
    char day[DAY_SIZE];
    int64_t us = 0, days = 0;
    for (int64_t at = MOMENT_FIRST; days < 400 * 366; at += MOMENT_DAY, days++) {
        moment_day(day, at);
        if (moment_parse(&us, day) || us != at)
            break;
    }
    is_int(days, 400 * 366, "every day is read as it is written");
}

int main(void)
{
    decimals();
    moments();
    calendar();
    return tap_done();
}
