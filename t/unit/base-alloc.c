/*
 * Memory comes from the program's allocator, or from the C library.
 * SPDX-License-Identifier: MIT
 */
#include <string.h>
#include <base/alloc.h>
#include "base-blocks.h"
#include "tap.h"

static bool all_zero(const char *block, size_t size)
{
    while (size && block[size - 1] == 0)
        size--;
    return size == 0;
}

static void serves(const struct alloc *a, const char *who)
{
    char *block = mem_zeroed(a, 100);
    ok(block && all_zero(block, 100), "%s: mem_zeroed gives bytes that are zero", who);
    memset(block, 'x', 100);
    char *more = mem_realloc(a, block, 5000);
    ok(more && more[0] == 'x' && more[99] == 'x', "%s: mem_realloc keeps what was there", who);
    mem_free(a, more);
    char *text = mem_text(a, "weir");
    is_text(text, "weir", "%s: mem_text copies", who);
    mem_free(a, text);
    text = mem_text(a, "");
    is_text(text, "", "%s: mem_text copies an empty text", who);
    mem_free(a, text);
    mem_free(a, NULL);
}

static void without_memory(void)
{
    struct blocks blocks = { 0 };
    struct alloc a = blocks_alloc(&blocks);
    char *block = mem_text(&a, "stays");
    blocks.fail_from = 1;
    ok(!mem_realloc(&a, block, 5000), "mem_realloc without memory gives NULL");
    is_text(block, "stays", "and the block stays valid");
    ok(!mem_zeroed(&a, 1), "mem_zeroed without memory gives NULL");
    ok(!mem_text(&a, "x"), "mem_text without memory gives NULL");
    mem_free(&a, block);
    is_int(blocks.out, 0, "nothing is left");
}

int main(void)
{
    struct blocks blocks = { 0 };
    struct alloc own = blocks_alloc(&blocks);
    struct alloc library = { 0 };
    serves(&library, "C library");
    serves(&own, "own allocator");
    is_int(blocks.calls, 4, "own allocator: every request goes to it");
    is_int(blocks.out, 0, "own allocator: every block comes back to it");
    without_memory();

    char secret[] = "hunter2";
    mem_wipe(secret, sizeof secret);
    ok(all_zero(secret, sizeof secret), "mem_wipe leaves zeroes");
    mem_wipe(NULL, 0);
    ok(1, "mem_wipe of nothing is allowed");
    return tap_done();
}
