/*
 * The rows of a batch, put into the order in which they are written, and written.
 * SPDX-License-Identifier: MIT
 */
#ifndef SERVICES_MERGE_H
#define SERVICES_MERGE_H

#include "house.h"

/* Sorts by table, in the order of the schema, by key, and by turn. */
void rows_order(struct row **rows, size_t count);

/* Of rows in order: how many keys they have, and how many of them, from the first on, are of its table. */
size_t rows_keys(struct row *const *rows, size_t count);
size_t rows_of_table(struct row *const *rows, size_t count);

/* Writes rows in order within the transaction that is open; those with one key are merged by the rules of their columns. */
int rows_write(weir_conn conn, struct row *const *rows, size_t count, weir_error *err);

#endif
