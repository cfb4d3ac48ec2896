/*
 * Memory for what lives until the next row: given out piecewise, taken back all at once.
 * SPDX-License-Identifier: MIT
 */
#ifndef SQL_ARENA_H
#define SQL_ARENA_H

#include <base/alloc.h>

struct arena {
    struct arena_chunk *chunks; /* the newest first; one is kept for the next row */
};

void *arena_take(struct arena *a, const struct alloc *alloc, size_t size); /* aligned for any type; NULL: no memory */
void arena_clear(struct arena *a, const struct alloc *alloc);
/* For the next row; most took nothing. */
static inline void arena_reset(struct arena *a, const struct alloc *alloc)
{
    if (a->chunks)
        arena_clear(a, alloc);
}
void arena_end(struct arena *a, const struct alloc *alloc);

#endif
