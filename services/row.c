/*
 * Rows on their way to the database.
 * SPDX-License-Identifier: MIT
 */
#include <string.h>
#include "house.h"
#include "memory.h"

static int has_bytes(const weir_value *v)
{
    return v->type == WEIR_TEXT || v->type == WEIR_DECIMAL;
}

struct row *row_make(enum table_id table, const weir_value *v, struct row *next)
{
    size_t count = schema[table].count, bytes = 0;
    struct row *row;
    char *text;
    for (size_t i = 0; i < count; i++)
        bytes += has_bytes(&v[i]) ? v[i].length + 1 : 0;
    row = need_zeroed(sizeof *row + count * sizeof *v + bytes);
    row->next = next;
    row->table = table;
    memcpy(row->v, v, count * sizeof *v);
    text = (char *)(row->v + count);
    for (size_t i = 0; i < count; i++) {
        if (!has_bytes(&v[i]))
            continue;
        row->v[i].as.p = memcpy(text, v[i].as.p, v[i].length);
        text += v[i].length + 1;
    }
    return row;
}
