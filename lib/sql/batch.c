/*
 * A batch of rows.
 * SPDX-License-Identifier: MIT
 */
#include <stdlib.h>
#include <string.h>
#include <weir/backend.h>
#include <base/decimal.h>
#include <base/error.h>
#include <sql/batch.h>

static size_t align(size_t size)
{
    return (size + _Alignof(max_align_t) - 1) & ~(_Alignof(max_align_t) - 1);
}

#define FIRST_BLOCK 1000 /* with its head: what malloc has at hand */
#define BLOCK_GROWTH 8
#define FIRST_ROOM 16

struct batch_block {
    struct batch_block *next;
    size_t used, size;
    max_align_t bytes[];
};

static void reset(struct batch *b)
{
    b->used = b->taken = b->count = 0;
    b->sorted = b->rising = true;
}

void batch_init(struct batch *b, const struct alloc *a, const weir_bulk_spec *spec, size_t rows, size_t bytes)
{
    *b = (struct batch){ .alloc = a, .spec = spec, .most_rows = rows, .most_bytes = bytes };
    reset(b);
}

static void free_blocks(struct batch *b, struct batch_block *k)
{
    while (k) {
        struct batch_block *next = k->next;
        mem_free(b->alloc, k);
        k = next;
    }
}

void batch_end(struct batch *b)
{
    free_blocks(b, b->blocks);
    mem_free(b->alloc, b->cells);
    arena_end(&b->sums, b->alloc);
}

void batch_move(struct batch *to, struct batch *from)
{
    *to = *from;
    batch_init(from, to->alloc, to->spec, to->most_rows, to->most_bytes);
}

/* The last block is the largest. */
void batch_clear(struct batch *b)
{
    reset(b);
    if (b->blocks) {
        free_blocks(b, b->blocks->next);
        b->blocks->next = NULL;
        b->blocks->used = 0;
    }
    arena_reset(&b->sums, b->alloc);
}

/* ---- one row */

/* They are neighbours. */
static inline bool has_bytes(const weir_value *v)
{
    return v->type - WEIR_TEXT <= WEIR_DECIMAL - WEIR_TEXT;
}

/* Of a cell that is no number. */
static int check_cell(const weir_column *c, const weir_value *v, weir_error *err)
{
    struct decimal d;
    if (v->type > WEIR_TIME)
        return fail(err, WEIR_E_ARGUMENT, "column %s: the cell is of no known type", c->name);
    if (c->key && v->type == WEIR_NULL)
        return fail(err, WEIR_E_NOT_NULL, "column %s is part of the key: it cannot be NULL", c->name);
    if ((v->type == WEIR_TEXT || v->type == WEIR_DECIMAL) && v->length && memchr(v->as.p, 0, (size_t)v->length))
        return fail(err, WEIR_E_DATA, "column %s: there is a zero byte in the text; send it as a blob", c->name);
    if (v->type == WEIR_DECIMAL && decimal_parse(&d, v->as.p, (size_t)v->length) < 0)
        return fail(err, WEIR_E_DATA, "column %s: the text is no decimal number", c->name);
    return WEIR_OK;
}

static inline bool is_number(const weir_value *v)
{
    return v->type == WEIR_INT || v->type == WEIR_DOUBLE || v->type == WEIR_TIME;
}

int batch_check(const struct batch *b, weir_args cells, size_t *size, weir_error *err)
{
    if (cells.n != b->spec->count)
        return fail(err, WEIR_E_ARGUMENT, "the row has %zu cells, and table %s is written in %zu columns", cells.n,
                    b->spec->table, b->spec->count);
    size_t bytes = sizeof(struct batch_row) + cells.n * sizeof(weir_value);
    for (size_t i = 0; i < cells.n; i++) {
        const weir_value *v = &cells.v[i];
        int status = is_number(v) ? WEIR_OK : check_cell(&b->spec->columns[i], v, err);
        if (status < 0)
            return status;
        bytes += has_bytes(v) ? (size_t)v->length + 1 : 0;
    }
    *size = align(bytes);
    return WEIR_OK;
}

static int no_memory(size_t size, weir_error *err)
{
    return fail(err, WEIR_E_MEMORY, "no memory for a row of %zu bytes", size);
}

static size_t lesser(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* keeps truth 1 */
static int add_block(struct batch *b, size_t size, weir_error *err)
{
    size_t usual = b->blocks ? BLOCK_GROWTH * b->blocks->size : FIRST_BLOCK - sizeof(struct batch_block);
    usual = lesser(usual, b->most_bytes);
    size_t bytes = size > usual ? size : usual;
    struct batch_block *k = mem_realloc(b->alloc, NULL, sizeof *k + bytes);
    if (!k)
        return no_memory(size, err);
    *k = (struct batch_block){ .next = b->blocks, .size = bytes };
    b->blocks = k;
    return WEIR_OK;
}

static int add_room(struct batch *b, size_t size, weir_error *err)
{
    size_t room = lesser(b->room ? 2 * b->room : FIRST_ROOM, b->most_rows);
    const weir_value **cells = mem_realloc(b->alloc, b->cells, room * sizeof *cells);
    if (!cells)
        return no_memory(size, err);
    b->cells = cells;
    b->room = room;
    return WEIR_OK;
}

static int make_room(struct batch *b, size_t size, weir_error *err)
{
    int status = WEIR_OK;
    if (b->taken == b->most_rows || (b->taken && b->used + size > b->most_bytes))
        return WEIR_ROW;
    if (b->taken == b->room)
        status = add_room(b, size, err);
    if (status == WEIR_OK && (!b->blocks || b->blocks->size - b->blocks->used < size))
        status = add_block(b, size, err);
    return status;
}

static struct batch_row *copy(struct batch *b, weir_args cells, size_t size)
{
    struct batch_row *row = (void *)((char *)b->blocks->bytes + b->blocks->used);
    char *bytes = (char *)(row->v + cells.n);
    b->blocks->used += size;
    b->used += size;
    row->batch = b;
    memcpy(row->v, cells.v, cells.n * sizeof *cells.v);
    for (size_t i = 0; i < cells.n; i++) {
        weir_value *v = &row->v[i];
        if (!has_bytes(v))
            continue;
        if (v->length)
            memcpy(bytes, v->as.p, (size_t)v->length);
        bytes[v->length] = '\0';
        v->as.p = bytes;
        bytes += v->length + 1;
    }
    return row;
}

/* ---- order */

static int compare_bytes(const weir_value *a, const weir_value *b)
{
    size_t shorter = (size_t)(a->length < b->length ? a->length : b->length);
    int order = shorter ? memcmp(a->as.p, b->as.p, shorter) : 0;
    return order ? order : (a->length > b->length) - (a->length < b->length);
}

static int compare_decimals(const weir_value *a, const weir_value *b)
{
    struct decimal x, y;
    decimal_parse(&x, a->as.p, (size_t)a->length); /* both have been checked */
    decimal_parse(&y, b->as.p, (size_t)b->length);
    return decimal_compare(&x, &y);
}

/* Neither is NULL.  Values of different types have an order, too, so that every writer has the same. */
static int compare(const weir_value *a, const weir_value *b)
{
    if (a->type != b->type)
        return a->type > b->type ? 1 : -1;
    switch (a->type) {
    case WEIR_TEXT:
    case WEIR_BLOB:
        return compare_bytes(a, b);
    case WEIR_DECIMAL:
        return compare_decimals(a, b);
    case WEIR_DOUBLE:
        return (a->as.d > b->as.d) - (a->as.d < b->as.d);
    default:
        return (a->as.i > b->as.i) - (a->as.i < b->as.i);
    }
}

static int compare_keys(const struct batch_row *a, const struct batch_row *b)
{
    const weir_bulk_spec *spec = a->batch->spec;
    int order = 0;
    for (size_t i = 0; i < spec->count && !order; i++)
        if (spec->columns[i].key)
            order = compare(&a->v[i], &b->v[i]);
    return order;
}

static int compare_rows(const struct batch_row *a, const struct batch_row *b)
{
    int order = compare_keys(a, b);
    return order ? order : (a->index > b->index) - (a->index < b->index);
}

static int compare_places(const void *a, const void *b)
{
    return compare_rows(batch_row_of(*(const weir_value *const *)a), batch_row_of(*(const weir_value *const *)b));
}

#define FEW 16 /* rows, that are in order before qsort has begun */

static void sort_few(const weir_value **cells, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        const weir_value *v = cells[i];
        size_t at = i;
        for (; at && compare_rows(batch_row_of(cells[at - 1]), batch_row_of(v)) > 0; at--)
            cells[at] = cells[at - 1];
        cells[at] = v;
    }
}

static void sort(struct batch *b)
{
    if (b->taken <= FEW)
        sort_few(b->cells, b->taken);
    else
        qsort(b->cells, b->taken, sizeof *b->cells, compare_places);
}

static void note_order(struct batch *b, const struct batch_row *row)
{
    int order = b->taken ? compare_keys(batch_row_of(b->cells[b->taken - 1]), row) : -1;
    b->sorted = order <= 0;
    b->rising &= order < 0;
}

int batch_add(struct batch *b, weir_args cells, size_t size, uint64_t index, weir_error *err)
{
    int status = make_room(b, size, err);
    if (status != WEIR_OK)
        return status;
    struct batch_row *row = copy(b, cells, size);
    row->index = index;
    if (b->sorted)
        note_order(b, row);
    b->cells[b->taken++] = row->v;
    return WEIR_OK;
}

/* ---- rows with one key */

static int overflow(const struct batch_row *row, size_t column, weir_error *err)
{
    return fail(err, WEIR_E_DATA, "column %s: the sum of rows with the same key does not fit",
                row->batch->spec->columns[column].name);
}

static int add_ints(weir_value *sum, const weir_value *v)
{
    int64_t a = sum->as.i, b = v->as.i;
    if (b > 0 ? a > INT64_MAX - b : a < INT64_MIN - b)
        return -1;
    sum->as.i = a + b;
    return 0;
}

static int add_decimals(struct batch *b, weir_value *sum, const weir_value *v)
{
    struct decimal x, y;
    decimal_parse(&x, sum->as.p, (size_t)sum->length);
    decimal_parse(&y, v->as.p, (size_t)v->length);
    char *out = arena_take(&b->sums, b->alloc, decimal_sum_size(&x, &y));
    if (!out)
        return -1;
    sum->length = decimal_add(out, &x, &y);
    sum->as.p = out;
    return 0;
}

/* < 0: there is no such sum. */
static int add(struct batch *b, weir_value *sum, const weir_value *v)
{
    if (sum->type != v->type)
        return -1;
    if (v->type == WEIR_DOUBLE)
        sum->as.d += v->as.d;
    else if (v->type == WEIR_DECIMAL)
        return add_decimals(b, sum, v);
    else if (v->type == WEIR_INT)
        return add_ints(sum, v);
    else
        return -1;
    return 0;
}

/* By the columns of that group to tell by; NULL is older than anything. */
static bool is_newer(const struct batch_row *row, const struct batch_row *than, uint32_t group)
{
    const weir_bulk_spec *spec = row->batch->spec;
    size_t by = spec->count;
    int order = 0;
    while (!order && (by = weir_newer_by(spec->columns, by, group)) != SIZE_MAX) {
        const weir_value *a = &row->v[by], *b = &than->v[by];
        bool either_null = a->type == WEIR_NULL || b->type == WEIR_NULL;
        order = either_null ? (a->type != WEIR_NULL) - (b->type != WEIR_NULL) : compare(a, b);
    }
    return order >= 0;
}

/*
 * As the server merges a new row into a stored one.  Columns to tell by are looked at last to first and taken over first to last: one that
 * has been taken over is equal, and leaves the others to tell the same.
 */
static int fold_cell(struct batch *b, struct batch_row *row, const struct batch_row *fresh, size_t column)
{
    uint32_t conflict = b->spec->columns[column].conflict, rule = WEIR_RULE_OF(conflict);
    weir_value *into = &row->v[column];
    const weir_value *v = &fresh->v[column];
    bool take = rule == WEIR_REPLACE;
    if (rule == WEIR_NEWER || rule == WEIR_NEWER_BY)
        take = is_newer(fresh, row, WEIR_GROUP_OF(conflict));
    else if (rule > WEIR_KEEP && (rule == WEIR_FILL || into->type == WEIR_NULL || v->type == WEIR_NULL))
        take = v->type != WEIR_NULL;
    else if (rule == WEIR_ADD)
        return add(b, into, v);
    else if (rule == WEIR_LARGER)
        take = compare(v, into) > 0;
    else if (rule == WEIR_SMALLER)
        take = compare(v, into) < 0;
    if (take)
        *into = *v;
    return 0;
}

static int fold(struct batch *b, struct batch_row *into, const struct batch_row *row, weir_error *err)
{
    for (size_t i = 0; i < b->spec->count; i++)
        if (!b->spec->columns[i].key && fold_cell(b, into, row, i) < 0)
            return overflow(row, i, err);
    return WEIR_OK;
}

static bool may_fold(const struct batch *b)
{
    bool has_key = false;
    for (size_t i = 0; i < b->spec->count; i++)
        has_key |= b->spec->columns[i].key != 0;
    return has_key && !b->spec->insert_only && !b->spec->in_order;
}

/* Of rows that are in order. */
static int fold_all(struct batch *b, uint64_t *bad, weir_error *err)
{
    size_t left = 0;
    for (size_t i = 1; i < b->taken; i++) {
        struct batch_row *into = batch_row_of(b->cells[left]), *row = batch_row_of(b->cells[i]);
        if (compare_keys(into, row) != 0) {
            b->cells[++left] = row->v;
            continue;
        }
        *bad = row->index;
        int status = fold(b, into, row, err);
        if (status < 0)
            return status;
    }
    b->count = left + 1;
    return WEIR_OK;
}

int batch_order(struct batch *b, uint64_t *bad, weir_error *err)
{
    b->count = b->taken;
    if (!b->sorted && !b->spec->in_order)
        sort(b);
    return (b->sorted && b->rising) || !may_fold(b) ? WEIR_OK : fold_all(b, bad, err);
}
