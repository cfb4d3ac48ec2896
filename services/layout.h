/*
 * The layouts of input files: which columns a file has, what each holds, and who takes its rows.
 * Columns are found by their names in the header line, in any order; further columns do no harm.
 * SPDX-License-Identifier: MIT
 */
#ifndef SERVICES_LAYOUT_H
#define SERVICES_LAYOUT_H

#include <weir.h>
#include "reader.h"

struct run;

enum field_kind {
    FIELD_TEXT, /* without the spaces around it: to some databases they are no part of a key */
    FIELD_DECIMAL,
    FIELD_INT,
    FIELD_COUNT, /* a whole number from 0 to the limit */
    FIELD_MOMENT
};

#define COUNT_MOST INT64_C(1000000000000) /* a limit that sums of many such numbers stay far below overflow with */

/* One column.  What is not optional is bad when it is empty; an empty optional cell is NULL. */
struct field {
    const char *name;
    enum field_kind kind;
    int optional;
    int64_t limit; /* characters of a text, or the greatest count */
};

/* The cells of a row as values, in the order of the layout's fields, then the others.  All live until the next row. */
struct cells {
    weir_value *v;
    const char **name; /* of the column; lives as long as the file is open */
    size_t count;
};

struct layout {
    const char *files; /* what the names of such files begin with; NULL ends a list of layouts */
    const struct field *fields;
    size_t count;
    int others; /* columns beyond the fields are wanted, too, as optional decimals: those called <asset>_<metric> */
    const char *(*take)(struct run *run, const struct cells *cells); /* NULL, or what is wrong with the row */
};

#define OTHER_LIMIT 64 /* characters of the name of such a column, and half as many bytes before its '_' */

#define LAYOUT_END             \
    {                          \
        NULL, NULL, 0, 0, NULL \
    }

/* A header line, understood. */
struct binding;

/* Finds the layout's columns in a header.  NULL: one is missing or there twice, and `reason` says which. */
struct binding *binding_make(const struct layout *layout, const struct record *header, char reason[160]);
/* Converts a row.  NULL, or a text that says what is wrong and lives until the next call. */
const char *binding_cells(struct binding *b, const struct record *record, struct cells *cells);
void binding_end(struct binding **b);

/* The layout among these, a list, that knows the most columns of this header and misses none; NULL: there is none. */
const struct layout *layout_recognise(const struct layout *list, const struct record *header);

#endif
