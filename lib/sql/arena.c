/*
 * Memory for what lives until the next row.
 * SPDX-License-Identifier: MIT
 */
#include <stddef.h>
#include <sql/arena.h>

#define CHUNK_SIZE 496

struct arena_chunk {
    struct arena_chunk *next;
    size_t used, size;
    max_align_t bytes[];
};

static size_t align(size_t size)
{
    return (size + _Alignof(max_align_t) - 1) & ~(_Alignof(max_align_t) - 1);
}

void *arena_take(struct arena *a, const struct alloc *alloc, size_t size)
{
    struct arena_chunk *c = a->chunks;
    size = align(size);
    if (!c || c->size - c->used < size) {
        size_t room = size > CHUNK_SIZE ? size : CHUNK_SIZE;
        c = mem_realloc(alloc, NULL, sizeof *c + room);
        if (!c)
            return NULL;
        c->next = a->chunks;
        c->used = 0;
        c->size = room;
        a->chunks = c;
    }
    void *taken = (char *)c->bytes + c->used;
    c->used += size;
    return taken;
}

void arena_clear(struct arena *a, const struct alloc *alloc)
{
    while (a->chunks && (a->chunks->next || a->chunks->size > CHUNK_SIZE)) {
        struct arena_chunk *c = a->chunks;
        a->chunks = c->next;
        mem_free(alloc, c);
    }
    if (a->chunks)
        a->chunks->used = 0;
}

void arena_end(struct arena *a, const struct alloc *alloc)
{
    while (a->chunks) {
        struct arena_chunk *c = a->chunks;
        a->chunks = c->next;
        mem_free(alloc, c);
    }
}
