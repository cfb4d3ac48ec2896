/*
 * The rows of a batch, put into the order in which they are written, one row a key.
 * SPDX-License-Identifier: MIT
 */
#ifndef SERVICES_MERGE_H
#define SERVICES_MERGE_H

#include "house.h"

/* Sorts by table and key and joins rows with the same key by the rules of their columns, as the database would one after the other.
   Returns how many are left, at the front; those joined into others stay behind them. */
size_t rows_merge(struct row **rows, size_t count);

#endif
