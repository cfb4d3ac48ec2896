/*
 * Memory: one allocator a db, the program's own if it gave one.
 * SPDX-License-Identifier: MIT
 */
#ifndef BASE_ALLOC_H
#define BASE_ALLOC_H

#include <stddef.h>

/* As in weir_hooks: size 0 frees, NULL means no memory.  fn NULL is the C library's realloc. */
struct alloc {
    void *(*fn)(void *arg, void *block, size_t size);
    void *arg;
};

void *mem_realloc(const struct alloc *a, void *block, size_t size); /* size > 0; the block stays valid when it fails */
void *mem_zeroed(const struct alloc *a, size_t size);               /* size > 0, all bytes zero; NULL: no memory */
char *mem_text(const struct alloc *a, const char *s);               /* a copy, NULL: no memory */
void mem_free(const struct alloc *a, void *block);                  /* NULL is allowed */
void mem_wipe(void *block, size_t size);                            /* zeroes a secret; the compiler does not drop it */

#endif
