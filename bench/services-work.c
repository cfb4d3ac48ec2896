/*
 * The operations of the services, and what they come to.
 * SPDX-License-Identifier: MIT
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "services.h"

#define PERIOD 64 /* operations of a replica before its rows are those of a new slot */

/* splitmix64 */
static uint64_t scramble(uint64_t z)
{
    z += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static bool has(const struct operation *o, int count, int number)
{
    for (int i = 0; i < count; i++)
        if (o->items[i].number == number)
            return true;
    return false;
}

void work_make(struct operation *o, const struct workload *w, uint64_t seed, int replica, int index)
{
    uint64_t random = scramble(seed << 40 | (uint64_t)replica << 32 | (uint64_t)index);
    o->service = replica % SERVICES;
    o->slot = index / PERIOD;
    for (int i = 0; i < ROWS; random = scramble(random)) {
        struct item *item = &o->items[i];
        item->number = (int)(random % (uint64_t)w->symbols);
        if (has(o, i, item->number))
            continue;
        snprintf(item->symbol, sizeof item->symbol, "C%03d", item->number);
        item->total = (int64_t)(random >> 32) % 100000;
        item->newest = (int64_t)index * REPLICAS + replica;
        i++;
    }
}

static int compare(const void *a, const void *b)
{
    return ((const struct item *)a)->number - ((const struct item *)b)->number;
}

void work_sort(struct operation *o)
{
    qsort(o->items, ROWS, sizeof *o->items, compare);
}

/* ---- the end of a run */

void state_add(struct state *s, int service, const char *symbol, int slot, int64_t count, int64_t total, int64_t newest)
{
    uint64_t hash = scramble((uint64_t)(service + 1) << 32 | (uint64_t)slot);
    for (; *symbol; symbol++)
        hash = scramble(hash ^ (unsigned char)*symbol);
    hash = scramble(hash ^ (uint64_t)count);
    hash = scramble(hash ^ (uint64_t)total);
    s->digest += scramble(hash ^ (uint64_t)newest);
    s->rows++;
    s->count += count;
    s->total += total;
}

struct cell {
    int64_t count, total, newest;
};

static void apply(struct cell *c, const struct item *i)
{
    c->newest = c->count && c->newest > i->newest ? c->newest : i->newest;
    c->total += i->total;
    c->count++;
}

static void add_cells(struct state *s, const struct workload *w, int service, int slot, const struct cell *cells)
{
    char symbol[16];
    for (int i = 0; i < w->symbols; i++) {
        snprintf(symbol, sizeof symbol, "C%03d", i);
        if (cells[i].count)
            state_add(s, service, symbol, slot, cells[i].count, cells[i].total, cells[i].newest);
    }
}

struct state work_expected(const struct workload *w, uint64_t seed, const bool *committed)
{
    const int slots = w->operations / PERIOD + 1;
    struct cell *own = calloc((size_t)(SERVICES * slots * w->symbols), sizeof *own);
    struct cell *shared = calloc((size_t)w->symbols, sizeof *shared);
    struct state s = { 0 };
    struct operation o;
    must(own && shared, "the model", "no memory");
    for (int n = 0; n < REPLICAS * w->operations; n++) {
        if (!committed[n])
            continue;
        work_make(&o, w, seed, n / w->operations, n % w->operations);
        for (int i = 0; i < ROWS; i++) {
            apply(&own[(o.service * slots + o.slot) * w->symbols + o.items[i].number], &o.items[i]);
            apply(&shared[o.items[i].number], &o.items[i]);
        }
    }
    for (int n = 0; n < SERVICES * slots; n++)
        add_cells(&s, w, n / slots, n % slots, &own[n * w->symbols]);
    add_cells(&s, w, SHARED, 0, shared);
    free(own);
    free(shared);
    return s;
}
