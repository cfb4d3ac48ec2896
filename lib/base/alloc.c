/*
 * Memory: the program's own allocator, or the C library's.
 * SPDX-License-Identifier: MIT
 */
#include <stdlib.h>
#include <string.h>
#include <base/alloc.h>

void *mem_realloc(const struct alloc *a, void *block, size_t size)
{
    return a->fn ? a->fn(a->arg, block, size) : realloc(block, size);
}

void *mem_zeroed(const struct alloc *a, size_t size)
{
    void *block = mem_realloc(a, NULL, size);
    if (block)
        memset(block, 0, size);
    return block;
}

char *mem_text(const struct alloc *a, const char *s)
{
    size_t size = strlen(s) + 1;
    char *copy = mem_realloc(a, NULL, size);
    if (copy)
        memcpy(copy, s, size);
    return copy;
}

void mem_free(const struct alloc *a, void *block)
{
    if (!block)
        return;
    if (a->fn)
        a->fn(a->arg, block, 0);
    else
        free(block);
}

/* Through a volatile pointer: the compiler cannot know that this is memset, whose result nobody reads. */
static void *(*const volatile overwrite)(void *, int, size_t) = memset;

void mem_wipe(void *block, size_t size)
{
    if (size)
        overwrite(block, 0, size);
}
