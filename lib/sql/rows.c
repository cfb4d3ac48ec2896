/*
 * The cells of a row.  Most are there already, and are what is asked for; for the others there is convert.c.  And how a result fails.
 * SPDX-License-Identifier: MIT
 */
#include <base/error.h>
#include <sql/rows.h>

void rows_keep_failure(struct link *l, int status, const weir_error *err)
{
    if (l->result_status < 0)
        return;
    l->result_status = status;
    link_keep_error(l, &l->result_failure, err);
}

int rows_kept_failure(const struct link *l, weir_error *err)
{
    if (l->result_failure && l->result_failure->status == l->result_status)
        return fail_as(err, l->result_failure);
    return fail(err, l->result_status, "the result has failed");
}

/* NULL: it is another, or not there, or the result is stale. */
static inline const weir_value *cell_of(weir_rows rows, size_t column, weir_type type)
{
    if (!rows.slot || !slot_reads(rows.slot, rows.result))
        return NULL;
    const struct link *l = rows.slot->link;
    if (column >= l->readable)
        return NULL;
    const weir_value *v = &l->cells[column];
    return v->type == (uint32_t)type ? v : NULL;
}

size_t weir_rows_columns(weir_rows rows)
{
    struct link *l = rows_link(rows);
    return l ? l->columns : 0;
}

const char *weir_rows_name(weir_rows rows, size_t column)
{
    struct link *l = rows_link(rows);
    return l && column < l->columns ? l->sql->name(l->conn, column) : NULL;
}

weir_type weir_rows_type(weir_rows rows, size_t column)
{
    weir_value v;
    struct link *l = rows_link(rows);
    if (!l || !l->readable)
        return WEIR_NULL;
    rows_cell(rows, column, &v);
    return (weir_type)v.type;
}

int weir_rows_is_null(weir_rows rows, size_t column)
{
    weir_value v;
    rows_cell(rows, column, &v);
    return v.type == WEIR_NULL;
}

int64_t weir_rows_int(weir_rows rows, size_t column)
{
    const weir_value *v = cell_of(rows, column, WEIR_INT);
    return v ? v->as.i : convert_to_int(rows, column);
}

double weir_rows_double(weir_rows rows, size_t column)
{
    const weir_value *v = cell_of(rows, column, WEIR_DOUBLE);
    return v ? v->as.d : convert_to_double(rows, column);
}

/* Where the driver has not looked for a zero byte, the conversion does. */
const char *weir_rows_text(weir_rows rows, size_t column)
{
    const weir_value *v = cell_of(rows, column, WEIR_TEXT);
    return v && v->no_zero ? v->as.p : convert_to_text(rows, column);
}

const void *weir_rows_blob(weir_rows rows, size_t column, size_t *length)
{
    size_t own;
    length = length ? length : &own;
    const weir_value *v = cell_of(rows, column, WEIR_BLOB);
    if (!v)
        return convert_to_blob(rows, column, length);
    *length = (size_t)v->length;
    return v->as.p;
}

int64_t weir_rows_time_us(weir_rows rows, size_t column)
{
    const weir_value *v = cell_of(rows, column, WEIR_TIME);
    return v ? v->as.i : convert_to_time(rows, column);
}
