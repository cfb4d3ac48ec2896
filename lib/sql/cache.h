/*
 * The statements prepared on one connection, by their text: a hash table whose entries are also in a list, the last used first.
 * The least recently used goes when there are too many.
 * SPDX-License-Identifier: MIT
 */
#ifndef SQL_CACHE_H
#define SQL_CACHE_H

#include <stdint.h>
#include <base/alloc.h>
#include <base/list.h>

struct statement {
    struct list use;
    struct statement *chain; /* the next of its bucket */
    void *handle;            /* the driver's; the cache does not own it */
    size_t params, columns;
    uint64_t hash;
    size_t length;
    char sql[];
};

struct cache {
    struct list use; /* the last used first */
    struct statement **buckets;
    size_t mask; /* their number less one: a power of two */
    unsigned count;
};

/* limit 0: a cache that keeps nothing.  < 0: no memory. */
int cache_init(struct cache *c, const struct alloc *a, unsigned limit);
void cache_end(struct cache *c, const struct alloc *a); /* it is empty */

/* The statement of that text, now the last used; NULL: it is not there. */
struct statement *cache_find(struct cache *c, const char *sql);
/* A new entry, its handle still to be filled in; NULL: no memory. */
struct statement *cache_add(struct cache *c, const struct alloc *a, const char *sql);
/* Takes it out and frees it; the handle is the caller's to forget. */
void cache_remove(struct cache *c, const struct alloc *a, struct statement *s);
struct statement *cache_oldest(const struct cache *c); /* NULL: empty */

#endif
