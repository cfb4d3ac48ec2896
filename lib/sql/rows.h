/*
 * What the files about results share: the first failure of a result is kept until it is closed.
 * SPDX-License-Identifier: MIT
 */
#ifndef SQL_ROWS_H
#define SQL_ROWS_H

#include <sql/link.h>

void rows_keep_failure(struct link *l, int status, const weir_error *err); /* if it is the first */
int rows_kept_failure(const struct link *l, weir_error *err);              /* writes it again; its status */

#endif
