/*
 * Memory that is there.
 * SPDX-License-Identifier: MIT
 */
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include "memory.h"

#define BLOCK_SIZE 65536

struct pile_block {
    struct pile_block *next;
    size_t used, size;
    max_align_t bytes[];
};

void give_up(const char *why)
{
    fprintf(stderr, "weir-collect: %s\n", why);
    exit(1);
}

static void *there(void *block)
{
    if (!block)
        give_up("out of memory");
    return block;
}

void *need_zeroed(size_t size)
{
    return there(calloc(1, size ? size : 1));
}

void *grow(void *block, size_t size)
{
    return there(realloc(block, size ? size : 1));
}

char *text_copy(const char *text)
{
    size_t size = strlen(text) + 1;
    return memcpy(need_zeroed(size), text, size);
}

static void add_block(struct pile *p, size_t size)
{
    size_t room = size > BLOCK_SIZE ? size : BLOCK_SIZE;
    struct pile_block *block = grow(NULL, sizeof *block + room);
    block->used = 0;
    block->size = room;
    block->next = p->blocks;
    p->blocks = block;
}

void *pile_take(struct pile *p, size_t size)
{
    size_t rounded = (size + sizeof(max_align_t) - 1) / sizeof(max_align_t) * sizeof(max_align_t);
    void *piece;
    if (!p->blocks || p->blocks->size - p->blocks->used < rounded)
        add_block(p, rounded);
    piece = (char *)p->blocks->bytes + p->blocks->used;
    p->blocks->used += rounded;
    return piece;
}

void pile_end(struct pile *p)
{
    while (p->blocks) {
        struct pile_block *next = p->blocks->next;
        free(p->blocks);
        p->blocks = next;
    }
}
