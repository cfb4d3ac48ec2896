/*
 * A stretch of rows that MariaDB takes as arrays.
 * SPDX-License-Identifier: MIT
 */
#ifndef BACKENDS_MYSQL_STRETCH_H
#define BACKENDS_MYSQL_STRETCH_H

#include "mys.h"

#if HAVE_DECL_STMT_ATTR_ARRAY_SIZE

/* Empty, or of the types of the rows that it took. */
struct mys_stretch {
    const weir_host *host;
    size_t columns;
    uint32_t *types; /* of each column's values; WEIR_NULL: there were no others */
    MYSQL_BIND binds[];
};

int mys_takes_arrays(const struct mys_conn *c);

struct mys_stretch *mys_stretch_make(const weir_host *host, size_t columns, weir_error *err);
void mys_stretch_end(struct mys_stretch *s);
size_t mys_stretch_row_size(const weir_value *row, size_t columns); /* bytes on the wire, at most */
int mys_stretch_takes(struct mys_stretch *s,
                      const weir_value *row); /* 0: a cell is of another type than those before */
/* Of the rows that it took, which hold nothing that mys_misfit tells.  Empties it. */
int mys_stretch_run(struct mys_stretch *s, struct mys_conn *c, struct mys_stmt *stmt, const weir_value *const *rows,
                    size_t count, weir_error *err);

#endif
#endif
