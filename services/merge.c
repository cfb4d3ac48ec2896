/*
 * The rows of a batch: put in order, and written.
 *
 * Locks taken in the order of tables and keys cannot close a circle: that is what keeps writers of the same rows from deadlocking.  What
 * becomes of rows with one key is weir_bulk's to see to, by the rules of their columns.
 * SPDX-License-Identifier: MIT
 */
#include <stdlib.h>
#include <string.h>
#include "merge.h"

static int compare_bytes(const weir_value *a, const weir_value *b)
{
    size_t shorter = a->length < b->length ? a->length : b->length;
    int order = shorter ? memcmp(a->as.p, b->as.p, shorter) : 0;
    return order ? order : (a->length > b->length) - (a->length < b->length);
}

/* Texts, whole numbers and moments: what keys are. */
static int compare_values(const weir_value *a, const weir_value *b)
{
    if (a->type == WEIR_TEXT)
        return compare_bytes(a, b);
    return (a->as.i > b->as.i) - (a->as.i < b->as.i);
}

static int compare_keys(const struct row *a, const struct row *b)
{
    int order = (a->table > b->table) - (a->table < b->table);
    for (size_t i = 0; order == 0 && i < schema[a->table].keys; i++)
        order = compare_values(&a->v[i], &b->v[i]);
    return order;
}

static int compare_rows(const void *a, const void *b)
{
    const struct row *x = *(struct row *const *)a, *y = *(struct row *const *)b;
    int order = compare_keys(x, y);
    return order ? order : (x->turn > y->turn) - (x->turn < y->turn);
}

void rows_order(struct row **rows, size_t count)
{
    if (count)
        qsort(rows, count, sizeof *rows, compare_rows);
}

size_t rows_keys(struct row *const *rows, size_t count)
{
    size_t keys = count > 0;
    for (size_t i = 1; i < count; i++)
        keys += compare_keys(rows[i - 1], rows[i]) != 0;
    return keys;
}

/* ---- writing ---- */

static uint32_t conflict_of(const struct column *c)
{
    static const weir_on_conflict rules[] = {
        [RULE_KEY] = WEIR_REPLACE, [RULE_SET] = WEIR_REPLACE,  [RULE_FILL] = WEIR_FILL,
        [RULE_MOST] = WEIR_LARGER, [RULE_NEWEST] = WEIR_NEWER, [RULE_ORDER] = WEIR_NEWER_BY,
    };
    return (uint32_t)rules[c->rule] | WEIR_GROUP(c->group);
}

static int write_table(weir_conn conn, const struct table *t, struct row *const *rows, size_t count, weir_error *err)
{
    weir_column columns[COLUMNS_MOST];
    const weir_bulk_spec spec = { .size = sizeof spec, .table = t->name, .columns = columns, .count = t->count };
    weir_bulk *bulk;
    for (size_t i = 0; i < t->count; i++)
        columns[i] = (weir_column){ t->columns[i].name, i < t->keys, conflict_of(&t->columns[i]) };
    int st = weir_bulk_open_on(&bulk, conn, &spec, err);
    for (size_t i = 0; i < count && st >= 0; i++)
        st = weir_bulk_row(bulk, weir_args_of(rows[i]->v, t->count), err);
    if (st < 0) {
        weir_bulk_abort(&bulk);
        return st;
    }
    return weir_bulk_finish(&bulk, NULL, (weir_deadline){ 0 }, err);
}

size_t rows_of_table(struct row *const *rows, size_t count)
{
    size_t n = count > 0;
    while (n < count && rows[n]->table == rows[0]->table)
        n++;
    return n;
}

int rows_write(weir_conn conn, struct row *const *rows, size_t count, weir_error *err)
{
    int st = 0;
    for (size_t i = 0, n; i < count && st >= 0; i += n) {
        n = rows_of_table(rows + i, count - i);
        st = write_table(conn, &schema[rows[i]->table], rows + i, n, err);
    }
    return st;
}
