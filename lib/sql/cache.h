/*
 * The statements prepared on one connection, by their text: a hash table whose entries are also in a list, the last used first.
 * The least recently used goes when there are too many.
 * SPDX-License-Identifier: MIT
 */
#ifndef SQL_CACHE_H
#define SQL_CACHE_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>
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
    size_t mask;           /* their number less one: a power of two */
    unsigned count, limit; /* the limit is 1 at least: the last used one is always kept */
};

int cache_init(struct cache *c, const struct alloc *a, unsigned limit); /* < 0: no memory */
void cache_end(struct cache *c, const struct alloc *a);                 /* it is empty */

/* The statement of that text, now the last used; NULL: it is not there. */
struct statement *cache_look_up(struct cache *c, const char *sql);
/* Many a loop says the same again and again: the last one is looked at first. */
static inline struct statement *cache_find(struct cache *c, const char *sql)
{
    struct list *last = list_first(&c->use);
    struct statement *s = last ? LIST_ITEM(last, struct statement, use) : NULL;
    return s && strcmp(s->sql, sql) == 0 ? s : cache_look_up(c, sql);
}
static inline bool cache_is_full(const struct cache *c) /* the oldest is to go */
{
    return c->count > c->limit;
}
/* A new entry, its handle still to be filled in; NULL: no memory. */
struct statement *cache_add(struct cache *c, const struct alloc *a, const char *sql);
/* Takes it out and frees it; the handle is the caller's to forget. */
void cache_remove(struct cache *c, const struct alloc *a, struct statement *s);
struct statement *cache_oldest(const struct cache *c); /* NULL: empty */

#endif
