/*
 * The rows of a batch, one a key.
 *
 * A statement may meet each key only once (PostgreSQL refuses a second time), and locks taken in key order cannot close a circle: that is
 * what keeps writers of the same rows from deadlocking.
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

/* Texts, whole numbers and moments: what keys and ORDER columns are.  NULL comes first. */
static int compare_values(const weir_value *a, const weir_value *b)
{
    if (a->type == WEIR_NULL || b->type == WEIR_NULL)
        return (a->type != WEIR_NULL) - (b->type != WEIR_NULL);
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

/* As write_newer in dialect.c: the new row wins unless the old one is newer, or it does not say how new it is. */
static int is_newer(const struct row *fresh, const struct row *stored, unsigned group)
{
    const struct table *t = &schema[fresh->table];
    int weightiest = 1;
    for (size_t i = t->count; i-- > 0;) {
        const struct column *c = &t->columns[i];
        int order;
        if (c->rule != RULE_ORDER || c->group != group)
            continue;
        if (weightiest && fresh->v[i].type == WEIR_NULL)
            return 0;
        weightiest = 0;
        order = compare_values(&fresh->v[i], &stored->v[i]);
        if (order)
            return order > 0;
    }
    return 1;
}

static int is_taken(const struct row *fresh, const struct row *stored, size_t column)
{
    const struct column *c = &schema[fresh->table].columns[column];
    switch (c->rule) {
    case RULE_FILL:
        return fresh->v[column].type != WEIR_NULL;
    case RULE_MOST:
        return compare_values(&fresh->v[column], &stored->v[column]) > 0;
    case RULE_NEWEST:
    case RULE_ORDER:
        return is_newer(fresh, stored, c->group);
    case RULE_KEY:
    case RULE_SET:
        break;
    }
    return 1;
}

/* Decided for all columns before any is changed: the columns of a group decide about each other. */
static void join_row(struct row *stored, const struct row *fresh)
{
    int taken[COLUMNS_MOST];
    size_t count = schema[stored->table].count;
    for (size_t i = 0; i < count; i++)
        taken[i] = is_taken(fresh, stored, i);
    for (size_t i = 0; i < count; i++)
        if (taken[i])
            stored->v[i] = fresh->v[i];
}

static void swap(struct row **a, struct row **b)
{
    struct row *c = *a;
    *a = *b;
    *b = c;
}

size_t rows_merge(struct row **rows, size_t count)
{
    size_t left = 0;
    if (count == 0)
        return 0;
    qsort(rows, count, sizeof *rows, compare_rows);
    for (size_t i = 1; i < count; i++) {
        if (compare_keys(rows[left], rows[i]) == 0)
            join_row(rows[left], rows[i]);
        else
            swap(&rows[++left], &rows[i]);
    }
    return left + 1;
}
