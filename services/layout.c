/*
 * From the header line and the text of a row to values.
 * SPDX-License-Identifier: MIT
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "decimal.h"
#include "layout.h"
#include "memory.h"
#include "moment.h"
#include "words.h"

static const struct field other_field = { "", FIELD_DECIMAL, 1, 0 };

struct binding {
    size_t columns; /* of the file */
    size_t count;   /* of the cells */
    size_t *column; /* of each cell: where it stands in the file */
    const struct field **field;
    const char **name;
    weir_value *value;
    char (*decimal)[DECIMAL_SIZE];
    char reason[160];
};

static const char *wrong(char reason[160], const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(reason, 160, format, args);
    va_end(args);
    return reason;
}

/* Where the column is, or header->count. */
static size_t find_column(const struct record *header, const char *name)
{
    size_t i = 0;
    while (i < header->count && strcmp(header->field[i], name) != 0)
        i++;
    return i;
}

static int is_field(const struct layout *layout, const char *name)
{
    for (size_t i = 0; i < layout->count; i++)
        if (strcmp(layout->fields[i].name, name) == 0)
            return 1;
    return 0;
}

static int is_other(const struct layout *layout, const char *name)
{
    size_t asset = strcspn(name, "_");
    return layout->others && asset > 0 && name[asset] && name[asset + 1] && !is_field(layout, name);
}

static const char *other_wrong(const char *name)
{
    long characters = utf8_length(name, strlen(name));
    if (characters < 0)
        return "is not called in UTF-8";
    return characters > OTHER_LIMIT || strcspn(name, "_") > OTHER_LIMIT / 2 ? "has too long a name" : NULL;
}

static size_t count_others(const struct layout *layout, const struct record *header)
{
    size_t count = 0;
    for (size_t i = 0; i < header->count; i++)
        count += (size_t)is_other(layout, header->field[i]);
    return count;
}

static const char *header_wrong(const struct layout *layout, const struct record *header, char reason[160])
{
    for (size_t i = 0; i < layout->count; i++)
        if (find_column(header, layout->fields[i].name) == header->count)
            return wrong(reason, "column %s is missing", layout->fields[i].name);
    for (size_t i = 0; i < header->count; i++) {
        const char *name = header->field[i], *reason_other = is_other(layout, name) ? other_wrong(name) : NULL;
        if (reason_other)
            return wrong(reason, "column %zu %s", i + 1, reason_other);
        if ((is_field(layout, name) || is_other(layout, name)) && find_column(header, name) != i)
            return wrong(reason, "column %s is there twice", name);
    }
    if (layout->others && count_others(layout, header) == 0)
        return wrong(reason, "there is no column of values (<asset>_<metric>)");
    return NULL;
}

static void bind_cell(struct binding *b, size_t column, const struct field *field, const char *name)
{
    b->column[b->count] = column;
    b->field[b->count] = field;
    b->name[b->count++] = text_copy(name);
}

static struct binding *binding_with_room(size_t cells)
{
    struct binding *b = need_zeroed(sizeof *b);
    b->column = need_zeroed(cells * sizeof *b->column);
    b->field = need_zeroed(cells * sizeof *b->field);
    b->name = need_zeroed(cells * sizeof *b->name);
    b->value = need_zeroed(cells * sizeof *b->value);
    b->decimal = need_zeroed(cells * sizeof *b->decimal);
    return b;
}

struct binding *binding_make(const struct layout *layout, const struct record *header, char reason[160])
{
    struct binding *b;
    if (header_wrong(layout, header, reason))
        return NULL;
    b = binding_with_room(header->count);
    b->columns = header->count;
    for (size_t i = 0; i < layout->count; i++)
        bind_cell(b, find_column(header, layout->fields[i].name), &layout->fields[i], layout->fields[i].name);
    for (size_t i = 0; i < header->count; i++)
        if (is_other(layout, header->field[i]))
            bind_cell(b, i, &other_field, header->field[i]);
    return b;
}

void binding_end(struct binding **b)
{
    if (!*b)
        return;
    for (size_t i = 0; i < (*b)->count; i++)
        free((void *)(*b)->name[i]);
    free((*b)->column);
    free((void *)(*b)->field);
    free((void *)(*b)->name);
    free((*b)->value);
    free((*b)->decimal);
    free(*b);
    *b = NULL;
}

static const char *int_parse(int64_t *out, const char *text, int64_t least, int64_t most)
{
    char *end;
    if (text[strspn(text, "+-0123456789")]) /* strtoll is kinder: it skips white space */
        return "is not a whole number";
    errno = 0;
    *out = strtoll(text, &end, 10);
    if (end == text || *end)
        return "is not a whole number";
    return errno || *out < least || *out > most ? "is out of range" : NULL;
}

static void trim(char **text, size_t *length)
{
    size_t before = strspn(*text, " ");
    *text += before;
    *length -= before;
    while (*length > 0 && (*text)[*length - 1] == ' ')
        (*text)[--*length] = '\0';
}

static const char *text_wrong(const char *text, size_t bytes, int64_t limit)
{
    long characters = utf8_length(text, bytes);
    return characters < 0 ? "is not UTF-8" : characters > limit ? "is too long" : NULL;
}

/* NULL, or what is wrong with this cell. */
static const char *convert(struct binding *b, size_t cell, char *text, size_t length)
{
    const struct field *field = b->field[cell];
    int64_t number = 0;
    const char *reason = NULL;
    b->value[cell] = weir_null();
    if (field->kind == FIELD_TEXT)
        trim(&text, &length);
    if (length == 0)
        return field->optional ? NULL : "is empty";
    if (strlen(text) != length)
        return "has a zero byte";
    switch (field->kind) {
    case FIELD_TEXT:
        reason = text_wrong(text, length, field->limit);
        b->value[cell] = weir_text_n(text, length);
        break;
    case FIELD_DECIMAL:
        reason = decimal_plain(b->decimal[cell], text);
        b->value[cell] = weir_decimal(reason ? NULL : b->decimal[cell]);
        break;
    case FIELD_INT:
        reason = int_parse(&number, text, INT64_MIN, INT64_MAX);
        b->value[cell] = weir_int(number);
        break;
    case FIELD_COUNT:
        reason = int_parse(&number, text, 0, field->limit);
        b->value[cell] = weir_int(number);
        break;
    case FIELD_MOMENT:
        reason = moment_parse(&number, text);
        b->value[cell] = weir_time_us(number);
        break;
    }
    return reason;
}

const char *binding_cells(struct binding *b, const struct record *record, struct cells *cells)
{
    if (record->count != b->columns)
        return wrong(b->reason, "%zu fields where the header has %zu", record->count, b->columns);
    for (size_t i = 0; i < b->count; i++) {
        size_t column = b->column[i];
        const char *reason = convert(b, i, record->field[column], record->length[column]);
        if (reason)
            return wrong(b->reason, "%.60s %s", b->name[i], reason);
    }
    *cells = (struct cells){ b->value, b->name, b->count };
    return NULL;
}

const struct layout *layout_recognise(const struct layout *list, const struct record *header)
{
    const struct layout *best = NULL;
    char reason[160];
    for (; list->files; list++)
        if (!header_wrong(list, header, reason) && (!best || list->count > best->count))
            best = list;
    return best;
}
