/*
 * A batch of rows on their way: copied, ordered by key, folded where they share one.
 *
 * What must be true:
 *  1. Memory is bounded: one block, as large as the batch may be or as its largest row, and room for its pointers.
 *  2. Rows with one key are folded in the order in which they came, as the server would merge them one after the other.
 *  3. What cannot be folded (a sum that overflows) is found before a statement runs, and told with its row.
 * SPDX-License-Identifier: MIT
 */
#ifndef SQL_BATCH_H
#define SQL_BATCH_H

#include <stdbool.h>
#include <weir/bulk.h>
#include <sql/arena.h>

struct batch_row {
    const struct batch *batch; /* for comparing */
    uint64_t index;            /* among all rows of the job, counted from 0 */
    weir_value v[];
};

struct batch {
    const struct alloc *alloc;
    const weir_bulk_spec *spec;
    size_t most_rows;
    char *block;
    size_t used, size;        /* bytes of the block */
    struct batch_row **rows;  /* in the order of arrival; after batch_order in that of their keys, one each */
    const weir_value **cells; /* after batch_order: those of each row */
    size_t taken, count;      /* rows that came in, rows that are left */
    bool sorted;              /* so far the keys came in rising order */
    struct arena sums;        /* texts that folding made */
};

int batch_init(struct batch *b, const struct alloc *a, const weir_bulk_spec *spec, size_t rows, size_t bytes,
               weir_error *err);
void batch_end(struct batch *b);

/* What is wrong with a row by itself; WEIR_OK: nothing, and *size is what it takes. */
int batch_check(const struct batch *b, weir_args cells, size_t *size, weir_error *err);
/* Copies a row that has been checked.  WEIR_ROW: there is no room before what is there has been written. */
int batch_add(struct batch *b, weir_args cells, size_t size, uint64_t index, weir_error *err);
/* Orders and folds.  On failure *bad is the row that cannot be folded. */
int batch_order(struct batch *b, uint64_t *bad, weir_error *err);
void batch_clear(struct batch *b);

#endif
