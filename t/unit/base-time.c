/*
 * Durations and times read what they write, and refuse what is wrong.
 * SPDX-License-Identifier: MIT
 */
#include <base/clock.h>
#include <base/text.h>
#include "tap.h"

static const struct {
    const char *text;
    int64_t ns;
} good_durations[] = {
    { "30s", 30 * NS_PER_S },
    { "500ms", 500 * NS_PER_MS },
    { "1.5h", 5400 * NS_PER_S },
    { "0", 0 },
    { "0s", 0 },
    { "0.0ms", 0 },
    { "7ns", 7 },
    { "7us", 7000 },
    { "2m", 120 * NS_PER_S },
    { "1d", 86400 * NS_PER_S },
    { "0.5us", 500 },
    { "0.000000001s", 1 },
    { "0.000000001d", 86400 },
    { "0.001us", 1 },
    { "1.000000000ns", 1 },
    { "007s", 7 * NS_PER_S },
    { "9223372036854775807ns", INT64_MAX },
    { "9223372036.854775807s", INT64_MAX },
    { "106751d", 106751 * (86400 * NS_PER_S) },
};
static const char *const bad_durations[] = {
    "",
    "30",
    "00",
    "0.0",
    "s",
    ".5s",
    "5.s",
    "5 s",
    " 5s",
    "5s ",
    "-5s",
    "+5s",
    "5S",
    "5sec",
    "5mss",
    "1h30m",
    "1,5s",
    "1e3s",
    "0x5s",
    "nan",
    "1.5ns",
    "0.0001us",
    "ms",
    "1.5.5s",
    "1.0000000000s",
    "five s",
    "9223372036854775808ns",
    "9223372036.854775808s",
    "106752d",
    "99999999999999999999s",
    "9223372036854775807s",
    "5\xc2\xb5s",
};

static void durations_read(void)
{
    for (size_t i = 0; i < sizeof good_durations / sizeof *good_durations; i++) {
        int64_t ns = -1;
        ok(duration_parse(&ns, good_durations[i].text) == 0 && ns == good_durations[i].ns, "'%s' is %lld ns, got %lld",
           good_durations[i].text, (long long)good_durations[i].ns, (long long)ns);
    }
    for (size_t i = 0; i < sizeof bad_durations / sizeof *bad_durations; i++) {
        int64_t ns = -1;
        ok(duration_parse(&ns, bad_durations[i]) < 0 && ns == 0, "'%s' is no duration", bad_durations[i]);
    }
}

static void says(int64_t ns, const char *want)
{
    char text[32];
    duration_text(text, ns);
    is_text(text, want, "%lld ns are said as %s", (long long)ns, want);
}

static void durations_written(void)
{
    says(0, "0s");
    says(30 * NS_PER_S, "30s");
    says(1500 * NS_PER_MS, "1500ms");
    says(500 * NS_PER_MS, "500ms");
    says(2400000, "2.4ms");
    says(2412345, "2.4ms");
    says(2499999, "2.4ms");
    says(60 * NS_PER_S, "1m");
    says(90 * NS_PER_S, "90s");
    says(5400 * NS_PER_S, "90m");
    says(3600 * NS_PER_S, "1h");
    says(36 * 3600 * NS_PER_S, "36h");
    says(48 * 3600 * NS_PER_S, "2d");
    says(1, "1ns");
    says(999, "999ns");
    says(1500, "1.5us");
    says(12345, "12us");
    says(250999, "250us");
    says(1000001, "1.0ms");
    says(61 * NS_PER_S + 1, "1.0m");
    says(-2412345, "-2.4ms");
    says(-30 * NS_PER_S, "-30s");
    says(INT64_MAX, "106751d");
    says(INT64_MIN, "-106751d");
}

static int64_t parsed(const char *s)
{
    int64_t us = 1;
    return time_parse(&us, s) == 0 ? us : INT64_MIN;
}

static const struct {
    const char *text;
    int64_t us;
} good_times[] = {
    { "1970-01-01 00:00:00", 0 },
    { "1970-01-01", 0 },
    { "1970-01-01T00:00:00Z", 0 },
    { "1969-12-31 23:59:59.999999", -1 },
    { "1969-12-31 23:59:59", -1000000 },
    { "2001-09-09 01:46:40", INT64_C(1000000000000000) },
    { "2024-02-29 12:34:56.5", INT64_C(1709210096500000) },
    { "2024-02-29T12:34:56.5Z", INT64_C(1709210096500000) },
    { "2024-02-29 14:34:56.5+02:00", INT64_C(1709210096500000) },
    { "2024-02-29 08:04:56.5-04:30", INT64_C(1709210096500000) },
    { "2024-02-29 12:34:56.123456789", INT64_C(1709210096123456) },
    { "1969-12-31 23:59:59.999999999", -1 },
    { "2000-02-29", INT64_C(951782400000000) },
    { "0000-01-01 00:00:00", INT64_C(-62167219200000000) },
    { "0000-02-29", INT64_C(-62162121600000000) },
    { "9999-12-31 23:59:59.999999", INT64_C(253402300799999999) },
    { "1900-03-01", INT64_C(-2203891200000000) },
};
static const char *const bad_times[] = {
    "",
    "1970",
    "1970-01",
    "1970-1-1",
    "70-01-01",
    "1970-00-01",
    "1970-13-01",
    "1970-01-00",
    "1970-01-32",
    "1970-04-31",
    "2023-02-29",
    "1900-02-29",
    "2100-02-29",
    "2024-02-30",
    "1970/01/01",
    "1970-01-01 ",
    "1970-01-01T",
    "1970-01-01Z",
    "1970-01-01 00:00",
    "1970-01-01 24:00:00",
    "1970-01-01 00:60:00",
    "1970-01-01 00:00:60",
    "1970-01-01 0:00:00",
    "1970-01-01 00:00:00.",
    "1970-01-01 00:00:00.1234567890",
    "1970-01-01 00:00:00z",
    "1970-01-01t00:00:00",
    "1970-01-01 00:00:00 ",
    " 1970-01-01",
    "1970-01-01  00:00:00",
    "1970-01-01 00:00:00+2",
    "1970-01-01 00:00:00+02",
    "1970-01-01 00:00:00+0200",
    "1970-01-01 00:00:00+24:00",
    "1970-01-01 00:00:00+02:60",
    "1970-01-01 00:00:00+02:00Z",
    "1970-01-01 00:00:00,5",
    "-970-01-01",
    "+1970-01-01",
    "10000-01-01",
    "0000-01-01 00:00:00+00:01",
    "9999-12-31 23:59:59-00:01",
    "now",
};

static void times_read(void)
{
    for (size_t i = 0; i < sizeof good_times / sizeof *good_times; i++)
        is_int(parsed(good_times[i].text), good_times[i].us, "'%s' is read", good_times[i].text);
    for (size_t i = 0; i < sizeof bad_times / sizeof *bad_times; i++) {
        int64_t us = 1;
        ok(time_parse(&us, bad_times[i]) < 0 && us == 0, "'%s' is no time", bad_times[i]);
    }
}

static void time_says(int64_t us, const char *want)
{
    char text[32] = "?";
    is_int(time_text(text, us), want ? 0 : -1, "%lld us %s", (long long)us, want ? "are a time" : "are too far away");
    is_text(text, want ? want : "", "and written so");
}

static void times_written(void)
{
    time_says(0, "1970-01-01 00:00:00");
    time_says(-1, "1969-12-31 23:59:59.999999");
    time_says(1, "1970-01-01 00:00:00.000001");
    time_says(INT64_C(1709210096500000), "2024-02-29 12:34:56.500000");
    time_says(INT64_C(951782400000000), "2000-02-29 00:00:00");
    time_says(INT64_C(-62167219200000000), "0000-01-01 00:00:00");
    time_says(INT64_C(-62167219200000001), NULL);
    time_says(INT64_C(253402300799999999), "9999-12-31 23:59:59.999999");
    time_says(INT64_C(253402300800000000), NULL);
    time_says(INT64_MAX, NULL);
    time_says(INT64_MIN, NULL);
}

/* Every day of ten thousand years, against a calendar that only counts. */
static void calendar(void)
{
    static const int lengths[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
    int64_t day = -719528, wrong = 0;
    for (int y = 0; y < 10000; y++)
        for (int m = 0; m < 12; m++) {
            int leap = m == 1 && y % 4 == 0 && (y % 100 || y % 400 == 0);
            for (int d = 1; d <= lengths[m] + leap; d++, day++) {
                char text[32], want[64];
                struct text t = text_in(want, sizeof want);
                text_add(&t, "%04d-%02d-%02d 00:00:00", y, m + 1, d);
                int64_t us = day * INT64_C(86400000000);
                wrong += parsed(want) != us || time_text(text, us) < 0 || parsed(text) != us;
                for (int i = 0; i < 10; i++)
                    wrong += text[i] != want[i];
            }
        }
    is_int(wrong, 0, "every day from 0000-01-01 to 9999-12-31 is read and written right");
    is_int(day, 2932897, "and there are no others");
}

int main(void)
{
    durations_read();
    durations_written();
    times_read();
    times_written();
    calendar();
    return tap_done();
}
