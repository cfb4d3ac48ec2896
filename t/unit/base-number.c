/*
 * Numbers are read whole or not at all, in any locale.
 * SPDX-License-Identifier: MIT
 */
#include <float.h>
#include <locale.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <base/random.h>
#include <base/text.h>
#include "tap.h"

static const struct {
    const char *text;
    int64_t n;
} good_integers[] = {
    { "0", 0 },
    { "-0", 0 },
    { "42", 42 },
    { "-42", -42 },
    { "007", 7 },
    { "9223372036854775807", INT64_MAX },
    { "-9223372036854775808", INT64_MIN },
    { "-9223372036854775807", INT64_MIN + 1 },
    { "00000000000000000000000000001", 1 },
};
static const char *const bad_integers[] = {
    "",
    "-",
    "+1",
    " 1",
    "1 ",
    "1.0",
    "1e3",
    "0x1",
    "--1",
    "1-",
    "one",
    "9223372036854775808",
    "-9223372036854775809",
    "99999999999999999999",
    "92233720368547758070",
};

static void integers(void)
{
    for (size_t i = 0; i < sizeof good_integers / sizeof *good_integers; i++) {
        int64_t n = 99;
        is_int(int_parse(&n, good_integers[i].text), 0, "'%s' is a whole number", good_integers[i].text);
        is_int(n, good_integers[i].n, "the right one");
    }
    for (size_t i = 0; i < sizeof bad_integers / sizeof *bad_integers; i++) {
        int64_t n = 99;
        ok(int_parse(&n, bad_integers[i]) < 0 && n == 0, "'%s' is none", bad_integers[i]);
    }
}

static int same(double a, double b)
{
    return memcmp(&a, &b, sizeof a) == 0;
}

static const struct {
    const char *text;
    double d;
} good_doubles[] = {
    { "0", 0.0 },
    { "-0", -0.0 },
    { "1.5", 1.5 },
    { "-1.5", -1.5 },
    { ".5", 0.5 },
    { "5.", 5.0 },
    { "1e3", 1000.0 },
    { "1.5E+3", 1500.0 },
    { "15e-1", 1.5 },
    { "0.1", 0.1 },
    { "1.7976931348623157e308", DBL_MAX },
    { "2.2250738585072014e-308", DBL_MIN },
    { "5e-324", DBL_TRUE_MIN },
    { "1e-400", 0.0 },
    { "123456789012345678901234567890.123456789", 123456789012345678901234567890.123456789 },
};
static const char *const bad_doubles[] = {
    "",         "-",     ".",     "-.",     "+1",  " 1",    "1 ",    "1,5", "1.5.5",
    "1e",       "1e+",   "e5",    ".e5",    "nan", "NaN",   "-nan",  "inf", "-inf",
    "infinity", "0x1p3", "1e400", "-1e400", "1f",  "1_000", "1'000", "--1", "1.5x",
};

static void doubles_read(const char *where)
{
    for (size_t i = 0; i < sizeof good_doubles / sizeof *good_doubles; i++) {
        double d = 99;
        ok(double_parse(&d, good_doubles[i].text) == 0 && same(d, good_doubles[i].d), "%s: '%s' is read, got %a", where,
           good_doubles[i].text, d);
    }
    for (size_t i = 0; i < sizeof bad_doubles / sizeof *bad_doubles; i++) {
        double d = 99;
        ok(double_parse(&d, bad_doubles[i]) < 0 && same(d, 0), "%s: '%s' is no number", where, bad_doubles[i]);
    }
}

static void doubles_long(void)
{
    char text[2000];
    double d;
    memset(text, '0', sizeof text);
    memcpy(text, "-0.", 3);
    text[1077] = '\0';
    ok(double_parse(&d, text) == 0 && same(d, -0.0), "as many digits as a double can have are read");
    text[1077] = '0';
    text[sizeof text - 1] = '\0';
    ok(double_parse(&d, text) < 0, "endless ones are refused");
}

static void writes(const char *where, double d, const char *want)
{
    char text[32];
    double_text(text, d);
    is_text(text, want, "%s: %a is written %s", where, d, want);
}

static void doubles_written(const char *where)
{
    writes(where, 0.0, "0");
    writes(where, -0.0, "-0");
    writes(where, 1.0, "1");
    writes(where, 1.5, "1.5");
    writes(where, -1.5, "-1.5");
    writes(where, 0.1, "0.1");
    writes(where, 0.1 + 0.2, "0.30000000000000004");
    writes(where, 1.0 / 3, "0.3333333333333333");
    writes(where, 100000.0, "100000");
    writes(where, 1e22, "1e+22");
    writes(where, 1.5e300, "1.5e+300");
    writes(where, 67123.45, "67123.45");
    writes(where, DBL_MAX, "1.7976931348623157e+308");
    writes(where, -DBL_MAX, "-1.7976931348623157e+308");
    writes(where, DBL_TRUE_MIN, "5e-324");
    writes(where, DBL_MIN, "2.2250738585072014e-308");
    writes(where, (double)INFINITY, "inf");
    writes(where, (double)-INFINITY, "-inf");
    writes(where, (double)NAN, "nan");
    writes(where, (double)-NAN, "nan");
}

/* Doubles of all sizes: random bits. */
static void doubles_return(const char *where)
{
    uint64_t state = 1;
    int wrong = 0, longer = 0;
    for (int i = 0; i < 20000; i++) {
        uint64_t bits = random_next(&state);
        double d, back;
        char text[32];
        memcpy(&d, &bits, sizeof d);
        if (!isfinite(d))
            continue;
        double_text(text, d);
        wrong += double_parse(&back, text) < 0 || !same(back, d);
        longer += strlen(text) > 24;
    }
    is_int(wrong, 0, "%s: what is written reads back the same", where);
    is_int(longer, 0, "%s: in at most 24 characters", where);
}

static void all_doubles(const char *where)
{
    doubles_read(where);
    doubles_written(where);
    doubles_return(where);
}

/* Turns to a locale that does not write 1.5; one made here, or else one that is installed. */
static bool other_point(const char *language)
{
    char name[32], command[200];
    struct text t = text_in(name, sizeof name);
    text_add(&t, "%s.UTF-8", language);
    t = text_in(command, sizeof command);
    text_add(&t, "localedef -i %s -f UTF-8 %s/%s >/dev/null 2>&1", language, tap_folder(), name);
    if (system(command) == 0)
        setenv("LOCPATH", tap_folder(), 1);
    else
        unsetenv("LOCPATH");
    return setlocale(LC_ALL, name) && strcmp(localeconv()->decimal_point, ".") != 0;
}

int main(void)
{
    static const char *const languages[] = { "de_DE", "ps_AF" }; /* ',' and a point of two bytes */
    integers();
    all_doubles("C");
    doubles_long();
    for (int i = 0; i < 2; i++)
        if (other_point(languages[i]))
            all_doubles(languages[i]);
        else
            tap_skip(1, "the locale %s is not there and cannot be made", languages[i]);
    return tap_done();
}
