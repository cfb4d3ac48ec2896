/*
 * Specs of bulk jobs: those that say the same have one number.
 * SPDX-License-Identifier: MIT
 */
#include <stdio.h>
#include <string.h>
#include <sql/spec.h>
#include "base-blocks.h"
#include "tap.h"

static const struct alloc plain;
static struct specs specs;

static const weir_column columns[] = { { "a", 1, 0 }, { "b", 0, WEIR_ADD } };

static weir_bulk_spec spec_of(const char *table, const weir_column *c, size_t count)
{
    return (weir_bulk_spec){ .size = sizeof(weir_bulk_spec), .table = table, .columns = c, .count = count };
}

static uint64_t number(weir_bulk_spec spec)
{
    uint64_t number = 0;
    return specs_keep(&specs, &plain, &spec, &number) ? number : 0;
}

static void test_same(void)
{
    char table[] = "t", a[] = "a", b[] = "b";
    const weir_column others[] = { { a, 7, 0 }, { b, 0, WEIR_ADD } };
    weir_bulk_spec spec = spec_of("t", columns, 2);
    const uint64_t first = number(spec);
    ok(first != 0, "a spec has a number");
    ok(number(spec_of(table, others, 2)) == first, "one that says the same has it, too");
    spec.skip_bad = spec.in_order = spec.batch_rows = 1;
    ok(number(spec) == first, "whatever it says of batches and order");
    *table = 'x';
    ok(number(spec_of("t", columns, 2)) == first, "what it says has been copied");
}

static void test_different(void)
{
    const weir_column renamed[] = { { "a", 1, 0 }, { "c", 0, WEIR_ADD } };
    const weir_column keyed[] = { { "a", 1, 0 }, { "b", 1, WEIR_ADD } };
    const weir_column ruled[] = { { "a", 1, 0 }, { "b", 0, WEIR_LARGER } };
    weir_bulk_spec inserts = spec_of("t", columns, 2);
    inserts.insert_only = 1;
    const weir_bulk_spec all[] = { spec_of("t", columns, 2),
                                   spec_of("u", columns, 2),
                                   spec_of("t", columns, 1),
                                   spec_of("t", renamed, 2),
                                   spec_of("t", keyed, 2),
                                   spec_of("t", ruled, 2),
                                   inserts };
    const size_t n = sizeof all / sizeof *all;
    size_t shared = 0, lost = 0;
    uint64_t numbers[sizeof all / sizeof *all];
    for (size_t i = 0; i < n; i++) {
        numbers[i] = number(all[i]);
        for (size_t k = 0; k < i; k++)
            shared += numbers[k] == numbers[i];
    }
    for (size_t i = 0; i < n; i++)
        lost += number(all[i]) != numbers[i];
    is_int(shared, 0, "another table, column, key, rule or way has another number");
    is_int(lost, 0, "and each keeps its own");
}

static void test_forgotten(void)
{
    char name[8];
    const uint64_t used = number(spec_of("used", columns, 2)), unused = number(spec_of("unused", columns, 2));
    size_t changed = 0;
    for (int i = 0; i < 40; i++) {
        snprintf(name, sizeof name, "t%d", i);
        (void)number(spec_of(name, columns, 2));
        changed += number(spec_of("used", columns, 2)) != used;
    }
    is_int(changed, 0, "one that is used is not forgotten");
    ok(number(spec_of("unused", columns, 2)) > unused, "one that is forgotten gets a number that none had before");
}

static void test_memory(void)
{
    struct specs few = { 0 };
    struct blocks blocks = { .fail_from = 1 };
    const struct alloc scarce = blocks_alloc(&blocks);
    const weir_bulk_spec spec = spec_of("t", columns, 2);
    uint64_t number = 0;
    ok(!specs_keep(&few, &scarce, &spec, &number), "without memory there is no number");
    blocks.fail_from = 0;
    ok(specs_keep(&few, &scarce, &spec, &number) && number != 0, "and with some there is");
    specs_end(&few, &scarce);
    is_int(blocks.out, 0, "nothing is left behind");
}

int main(void)
{
    test_same();
    test_different();
    test_forgotten();
    test_memory();
    specs_end(&specs, &plain);
    return tap_done();
}
