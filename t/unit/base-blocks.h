/*
 * An allocator that counts what is out and fails when told to: for the tests of floor 0.
 * SPDX-License-Identifier: MIT
 */
#ifndef BASE_BLOCKS_H
#define BASE_BLOCKS_H

#include <stdbool.h>
#include <stdlib.h>
#include <base/alloc.h>

struct blocks {
    int out;       /* blocks that were given and not freed */
    int calls;     /* how often one was asked for */
    int fail_from; /* that call and all later ones fail; 0: none */
};

static void *blocks_realloc(void *arg, void *block, size_t size)
{
    struct blocks *b = arg;
    if (size == 0) {
        b->out -= block != NULL;
        free(block);
        return NULL;
    }
    b->calls++;
    if (b->fail_from && b->calls >= b->fail_from)
        return NULL;
    void *got = realloc(block, size);
    b->out += !block && got;
    return got;
}

static inline struct alloc blocks_alloc(struct blocks *b)
{
    return (struct alloc){ .fn = blocks_realloc, .arg = b };
}

#endif
