/*
 * What bulk writing does on every database alike.
 * SPDX-License-Identifier: MIT
 */
#ifndef T_LIVE_BULK_H
#define T_LIVE_BULK_H

#include <weir.h>

/* What may differ. */
struct bulk_dialect {
    const char *text, *decimal; /* types of a key text and of an exact number */
    int checks_values;          /* a column takes what is of its type, and no longer than it may be */
};

/* Makes tables of its own and drops them. */
void bulk_scenario(weir_db *db, const struct bulk_dialect *dialect);

/* A statement, and the only cell of a query as text, in one of a few static buffers.  They bail out if it fails. */
void bulk_run(weir_db *db, const char *sql);
const char *bulk_ask(weir_db *db, const char *sql);

#endif
