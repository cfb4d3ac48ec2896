/*
 * Decimal numbers as text: taken apart, compared, added.
 * SPDX-License-Identifier: MIT
 */
#include <stdlib.h>
#include <string.h>
#include <base/decimal.h>
#include "tap.h"

static struct decimal of(const char *text)
{
    struct decimal d = { 0 };
    if (decimal_parse(&d, text, strlen(text)) < 0)
        tap_bail("%s does not parse", text);
    return d;
}

static void compares(const char *a, int order, const char *b)
{
    struct decimal x = of(a), y = of(b);
    int got = decimal_compare(&x, &y), back = decimal_compare(&y, &x);
    ok((got > 0) - (got < 0) == order && (back > 0) - (back < 0) == -order, "%s %s %s", a,
       order < 0   ? "<"
       : order > 0 ? ">"
                   : "=",
       b);
}

static void adds(const char *a, const char *b, const char *sum)
{
    struct decimal x = of(a), y = of(b);
    size_t size = decimal_sum_size(&x, &y);
    char *out = malloc(size);
    size_t length = out ? decimal_add(out, &x, &y) : 0;
    is_text(out, sum, "%s + %s", a, b);
    is_int(length, strlen(sum), "and its length");
    ok(length < size, "which the size that was promised holds");
    free(out);
}

static void both_ways(const char *a, const char *b, const char *sum)
{
    adds(a, b, sum);
    adds(b, a, sum);
}

static void test_parse(void)
{
    static const char *const none[] = { "", "-", ".", "+.", "1e5", " 1", "1 ", "1.2.3", "--1", "0x1", "nan", "1," };
    struct decimal d;
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        ok(decimal_parse(&d, none[i], strlen(none[i])) < 0, "'%s' is no decimal", none[i]);
}

/* As drivers have them. */
static void test_texts(void)
{
    char out[16];
    int order = 7;
    ok(decimal_add_texts(out, "0.1", "-0.35") == 0, "texts are added");
    is_text(out, "-0.25", "the sum of texts");
    ok(decimal_add_texts(out, "0.1", "one") < 0 && decimal_add_texts(out, "", "1") < 0, "what is no decimal is not");
    ok(decimal_compare_texts(&order, "10", "9.9") == 0 && order > 0, "texts are compared");
    ok(decimal_compare_texts(&order, "10", "1e1") < 0, "if they are decimals");
}

int main(void)
{
    test_parse();
    test_texts();
    compares("1", 0, "1.000");
    compares("-0", 0, "0.0");
    compares("+5", 0, "0005");
    compares("0.1", 1, "0.09999");
    compares("10", 1, "9.99");
    compares("-1", -1, "0");
    compares("-2", -1, "-1.5");
    compares("123456789012345678901234567890.1", -1, "123456789012345678901234567890.2");
    both_ways("1", "2", "3");
    both_ways("0.1", "0.2", "0.3");
    both_ways("999", "1", "1000");
    both_ways("99.99", "0.01", "100");
    both_ways("1.5", "-0.5", "1");
    both_ways("1", "-1.25", "-0.25");
    both_ways("-1", "-2.50", "-3.5");
    both_ways("1", "-1", "0");
    both_ways("100", "-99.999", "0.001");
    both_ways("0", "0", "0");
    both_ways("-0.5", "0.5", "0");
    both_ways("99999999999999999999999999999999999.000000000000000000000000000001", "1",
              "100000000000000000000000000000000000.000000000000000000000000000001");
    return tap_done();
}
