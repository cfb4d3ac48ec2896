/*
 * Batches of bulk jobs: how rows are put in order and folded, few and many, and what memory they take.
 * SPDX-License-Identifier: MIT
 */
#include <string.h>
#include <weir/backend.h>
#include <sql/batch.h>
#include "base-blocks.h"
#include "tap.h"

#define MANY 1000
#define BYTES 65536

static const weir_column columns[] = { { "k", 1, 0 }, { "n", 0, WEIR_ADD } };
static const weir_bulk_spec spec = { .size = sizeof spec, .table = "t", .columns = columns, .count = 2 };
static struct blocks blocks;
static weir_error err;

static struct batch batch_of(struct alloc *a, const weir_bulk_spec *s)
{
    struct batch b;
    blocks = (struct blocks){ 0 };
    *a = blocks_alloc(&blocks);
    batch_init(&b, a, s, MANY, BYTES);
    return b;
}

static int add(struct batch *b, int64_t key, int64_t n)
{
    size_t size;
    weir_args row = WEIR_ARGS(weir_int(key), weir_int(n));
    int status = batch_check(b, row, &size, &err);
    return status < 0 ? status : batch_add(b, row, size, b->taken, &err);
}

/* Of rows with the keys 0, step, 2 * step and so on, modulo a prime: how many do not stand where they belong, each once. */
static size_t misplaced(size_t count, int64_t step, size_t times)
{
    struct alloc a;
    struct batch b = batch_of(&a, &spec);
    uint64_t bad;
    size_t wrong = 0;
    for (size_t i = 0; i < count * times; i++)
        wrong += add(&b, (int64_t)(i % count) * step % 997, 1) != WEIR_OK;
    wrong += batch_order(&b, &bad, &err) != WEIR_OK;
    wrong += b.count != count;
    for (size_t i = 0; i < b.count; i++)
        wrong += (i && b.cells[i][0].as.i <= b.cells[i - 1][0].as.i) || b.cells[i][1].as.i != (int64_t)times;
    batch_end(&b);
    return wrong + (size_t)blocks.out;
}

static void test_order(void)
{
    is_int(misplaced(4, 1, 1), 0, "a few rows in order stay so");
    is_int(misplaced(4, 500, 1), 0, "a few in no order are put in order");
    is_int(misplaced(4, 500, 3), 0, "and folded");
    is_int(misplaced(300, 1, 1), 0, "many in order stay so");
    is_int(misplaced(300, 500, 1), 0, "many in no order are put in order");
    is_int(misplaced(300, 500, 3), 0, "and folded");
}

/* Both of a key that came twice in a row, so that nothing had to be moved. */
static void test_neighbours(void)
{
    struct alloc a;
    struct batch b = batch_of(&a, &spec);
    uint64_t bad = UINT64_MAX;
    ok(add(&b, 1, 1) == WEIR_OK && add(&b, 1, 2) == WEIR_OK && add(&b, 2, 3) == WEIR_OK,
       "rows with one key side by side");
    ok(batch_order(&b, &bad, &err) == WEIR_OK && b.count == 2, "become one");
    is_int(b.cells[0][1].as.i, 3, "with their sum");
    batch_clear(&b);
    ok(add(&b, 1, INT64_MAX) == WEIR_OK && add(&b, 1, 1) == WEIR_OK, "once more, with too much");
    is_int(batch_order(&b, &bad, &err), WEIR_E_DATA, "what does not fit is told");
    is_int((int64_t)bad, 1, "with its row");
    batch_end(&b);
}

static void test_kept_order(void)
{
    struct alloc a;
    weir_bulk_spec as_it_comes = spec;
    as_it_comes.in_order = 1;
    struct batch b = batch_of(&a, &as_it_comes);
    uint64_t bad;
    ok(add(&b, 2, 1) == WEIR_OK && add(&b, 1, 1) == WEIR_OK && add(&b, 1, 1) == WEIR_OK, "rows in the caller's order");
    ok(batch_order(&b, &bad, &err) == WEIR_OK && b.count == 3 && b.cells[0][0].as.i == 2, "are left alone");
    batch_end(&b);
}

static void test_memory(void)
{
    struct alloc a;
    struct batch b = batch_of(&a, &spec);
    is_int(blocks.calls, 0, "an empty batch takes no memory");
    for (int64_t i = 0; i < 4; i++)
        (void)add(&b, i, 1);
    is_int(blocks.calls, 2, "a few rows take two blocks");
    while (add(&b, 0, 1) == WEIR_OK)
        ;
    ok(b.taken > 500 && b.used <= BYTES, "a batch is full when its bytes are");
    batch_clear(&b);
    is_int(blocks.out, 2, "of many blocks the largest is kept, and the room for pointers");
    blocks.fail_from = 1;
    is_int(add(&b, 0, 1), WEIR_OK, "for the rows of the next batch");
    while (add(&b, 0, 1) == WEIR_OK)
        ;
    is_int(add(&b, 0, 1), WEIR_E_MEMORY, "until they are more than it holds");
    batch_end(&b);
    is_int(blocks.out, 0, "nothing is left behind");
}

int main(void)
{
    test_order();
    test_neighbours();
    test_kept_order();
    test_memory();
    return tap_done();
}
