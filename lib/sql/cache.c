/*
 * The statements prepared on one connection.
 * SPDX-License-Identifier: MIT
 */
#include <string.h>
#include <weir/error.h>
#include <sql/cache.h>

static uint64_t mix(uint64_t hash, uint64_t word)
{
    hash = (hash ^ word) * UINT64_C(0x9e3779b97f4a7c15);
    return hash ^ (hash >> 32);
}

/* Eight bytes a step; the last step may see some once more. */
static uint64_t hash_of(const char *sql, size_t length)
{
    uint64_t hash = length, word = 0;
    if (length < sizeof word) {
        memcpy(&word, sql, length);
        return mix(hash, word);
    }
    const char *last = sql + length - sizeof word;
    for (; sql < last; sql += sizeof word) {
        memcpy(&word, sql, sizeof word);
        hash = mix(hash, word);
    }
    memcpy(&word, last, sizeof word);
    return mix(hash, word);
}

int cache_init(struct cache *c, const struct alloc *a, unsigned limit)
{
    size_t buckets = 1;
    while (buckets < limit)
        buckets *= 2;
    list_init(&c->use);
    c->count = 0;
    c->limit = limit ? limit : 1;
    c->mask = buckets - 1;
    c->buckets = mem_zeroed(a, buckets * sizeof(struct statement *));
    return c->buckets ? WEIR_OK : WEIR_E_MEMORY;
}

void cache_end(struct cache *c, const struct alloc *a)
{
    mem_free(a, c->buckets);
    c->buckets = NULL;
}

struct statement *cache_look_up(struct cache *c, const char *sql)
{
    size_t length = strlen(sql);
    uint64_t hash = hash_of(sql, length);
    for (struct statement *s = c->buckets[hash & c->mask]; s; s = s->chain) {
        if (s->hash != hash || s->length != length || memcmp(s->sql, sql, length) != 0)
            continue;
        list_remove(&s->use);
        list_push(&c->use, &s->use);
        return s;
    }
    return NULL;
}

struct statement *cache_add(struct cache *c, const struct alloc *a, const char *sql)
{
    size_t length = strlen(sql);
    struct statement *s = mem_zeroed(a, sizeof *s + length + 1);
    if (!s)
        return NULL;
    memcpy(s->sql, sql, length + 1);
    s->length = length;
    s->hash = hash_of(sql, length);
    s->chain = c->buckets[s->hash & c->mask];
    c->buckets[s->hash & c->mask] = s;
    list_init(&s->use);
    list_push(&c->use, &s->use);
    c->count++;
    return s;
}

void cache_remove(struct cache *c, const struct alloc *a, struct statement *s)
{
    struct statement **at = &c->buckets[s->hash & c->mask];
    while (*at != s)
        at = &(*at)->chain;
    *at = s->chain;
    list_remove(&s->use);
    c->count--;
    mem_free(a, s);
}

struct statement *cache_oldest(const struct cache *c)
{
    return c->use.prev == &c->use ? NULL : LIST_ITEM(c->use.prev, struct statement, use);
}
