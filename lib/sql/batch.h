/*
 * A batch of rows on their way: copied, ordered by key, folded where they share one.
 *
 * What must be true:
 *  1. Memory is bounded, and grows with what comes: blocks, none larger than the batch may be or its largest row and all together not
 *     twice that, and room for pointers.  A few rows take little; of many, the largest block is kept for the next batch.
 *  2. Rows with one key are folded in the order in which they came, as the server would merge them one after the other.
 *  3. What cannot be folded (a sum that overflows) is found before a statement runs, and told with its row.
 * SPDX-License-Identifier: MIT
 */
#ifndef SQL_BATCH_H
#define SQL_BATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <weir/bulk.h>
#include <sql/arena.h>

struct batch_row {
    const struct batch *batch; /* for comparing */
    uint64_t index;            /* among all rows of the job, counted from 0 */
    weir_value v[];
};

/* For comparing and for blame: what stands before the cells of a row. */
static inline struct batch_row *batch_row_of(const weir_value *cells)
{
    return (void *)((char *)cells - offsetof(struct batch_row, v));
}

struct batch {
    const struct alloc *alloc;
    const weir_bulk_spec *spec;
    size_t most_rows, most_bytes;
    struct batch_block *blocks; /* the one that is being filled first */
    size_t used;                /* bytes of them */
    const weir_value *
        *cells;          /* of each row, in the order of arrival; after batch_order in that of their keys, one each */
    size_t room;         /* for so many rows */
    size_t taken, count; /* rows that came in, rows that are left */
    bool sorted, rising; /* so far the keys came in order; so they did, and no two were the same */
    struct arena sums;   /* texts that folding made */
};

void batch_init(struct batch *b, const struct alloc *a, const weir_bulk_spec *spec, size_t rows, size_t bytes);
void batch_end(struct batch *b);
void batch_move(struct batch *to,
                struct batch *from); /* which is empty then, as batch_init leaves it; `to` held nothing */

/* What is wrong with a row by itself; WEIR_OK: nothing, and *size is what it takes. */
int batch_check(const struct batch *b, weir_args cells, size_t *size, weir_error *err);
/* Copies a row that has been checked.  WEIR_ROW: there is no room before what is there has been written. */
int batch_add(struct batch *b, weir_args cells, size_t size, uint64_t index, weir_error *err);
/* Orders and folds.  On failure *bad is the row that cannot be folded. */
int batch_order(struct batch *b, uint64_t *bad, weir_error *err);
void batch_clear(struct batch *b);

#endif
