/*
 * Specs of bulk jobs: copies of them, and the last ones that a connection wrote by, which have numbers.
 * SPDX-License-Identifier: MIT
 */
#ifndef SQL_SPEC_H
#define SQL_SPEC_H

#include <weir/bulk.h>
#include <base/alloc.h>

size_t spec_room(const weir_bulk_spec *spec); /* for its columns and texts */
/* Into `room`, which is aligned for a column.  The copy has all members, whatever the size of the original. */
void spec_copy(weir_bulk_spec *copy, void *room, const weir_bulk_spec *spec);

/* Zeroed, there are none. */
struct specs {
    struct spec *kept; /* the last one used first */
    uint64_t numbered;
};

/* How many are kept. */
#define SPECS_KEPT 16

/*
 * The one that is kept of all that write the same in the same way, and its number.  It lasts until so many others have been asked for.
 * NULL: no memory.
 */
const weir_bulk_spec *specs_keep(struct specs *s, const struct alloc *a, const weir_bulk_spec *spec, uint64_t *number);
void specs_end(struct specs *s, const struct alloc *a);

#endif
