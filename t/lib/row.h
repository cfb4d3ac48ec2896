/*
 * A row, read through a driver's own hooks as the core reads it: what `next` has left is asked for.
 * SPDX-License-Identifier: MIT
 */
#ifndef T_ROW_H
#define T_ROW_H

#include <weir/backend.h>

static weir_value row_cells[64];

static inline int row_next(const weir_sql_wing *wing, void *conn, int64_t deadline_ns, weir_error *err)
{
    return wing->next(conn, row_cells, deadline_ns, err);
}

static inline int row_cell(const weir_sql_wing *wing, void *conn, size_t column, weir_value *out)
{
    if (row_cells[column].type == WEIR_LATER)
        return wing->cell(conn, column, out);
    *out = row_cells[column];
    return WEIR_OK;
}

#endif
