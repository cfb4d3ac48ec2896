/*
 * What the files about results share.
 * SPDX-License-Identifier: MIT
 */
#ifndef SQL_ROWS_H
#define SQL_ROWS_H

#include <sql/link.h>

/* The first failure of a result is kept until it is closed. */
void rows_keep_failure(struct link *l, int status, const weir_error *err); /* if it is the first */
int rows_kept_failure(const struct link *l, weir_error *err);              /* writes it again; its status */

/* The link of a result that is open now, under a loan that is still out; NULL for a stale one.  What is being read has a link. */
static inline struct link *rows_link(weir_rows rows)
{
    return rows.slot && slot_reads(rows.slot, rows.result) ? rows.slot->link : NULL;
}

/* NULL, and a NULL in *v: a stale result, no row, or no such column; the latter two fail the result. */
struct link *rows_cell(weir_rows rows, size_t column, weir_value *v);

/* convert.c: the same as the getters; of what does not convert, 0 or NULL. */
int64_t convert_to_int(weir_rows rows, size_t column);
double convert_to_double(weir_rows rows, size_t column);
const char *convert_to_text(weir_rows rows, size_t column);
const void *convert_to_blob(weir_rows rows, size_t column, size_t *length);
int64_t convert_to_time(weir_rows rows, size_t column);

#endif
