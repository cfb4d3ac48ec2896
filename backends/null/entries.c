/*
 * A growing row of numbers: the ADDs of a transaction, the ledger of a server.
 * SPDX-License-Identifier: MIT
 */
#include <stdlib.h>
#include "local.h"

void *null_plain_realloc(void *ctx, void *block, size_t size)
{
    (void)ctx;
    if (size)
        return realloc(block, size);
    free(block);
    return NULL;
}

int null_entries_make_room(struct null_entries *e, size_t more, realloc_fn *fn, void *ctx)
{
    if (more <= e->room - e->count)
        return 0;
    size_t room = e->count + more > 2 * e->room ? e->count + more : 2 * e->room;
    int64_t *at = room > SIZE_MAX / sizeof *at ? NULL : fn(ctx, e->at, room * sizeof *at);
    if (!at)
        return -1;
    e->at = at;
    e->room = room;
    return 0;
}

void null_entries_free(struct null_entries *e, realloc_fn *fn, void *ctx)
{
    if (e->at)
        fn(ctx, e->at, 0);
    *e = (struct null_entries){ NULL, 0, 0 };
}

/* Wraps round rather than overflow. */
int64_t null_entries_sum(const struct null_entries *e)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < e->count; i++)
        sum += (uint64_t)e->at[i];
    return (int64_t)sum;
}
