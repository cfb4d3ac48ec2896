/*
 * Many rows in, each server's fastest way.
 * SPDX-License-Identifier: MIT
 */
#ifndef WEIR_BULK_H
#define WEIR_BULK_H

#include <weir/db.h>
#include <weir/query.h>

WEIR_BEGIN

typedef struct weir_bulk weir_bulk; /* rows on their way; for one thread at a time */

/*
 * What a new row does to a column of the stored row with the same key.  Of ADD, LARGER and SMALLER: where either value is NULL, the other
 * one counts.
 */
typedef enum weir_on_conflict {
    WEIR_REPLACE, /* the new value, NULL or not */
    WEIR_KEEP,    /* the stored value, NULL or not */
    WEIR_ADD,     /* their sum */
    WEIR_LARGER,
    WEIR_SMALLER,
    WEIR_FILL,    /* the new value, unless it is NULL */
    WEIR_NEWER,   /* the value of the newer row, NULL or not */
    WEIR_NEWER_BY /* the same, of a column that tells which row that is */
} weir_on_conflict;

/*
 * Added to WEIR_NEWER and WEIR_NEWER_BY: columns of one group come from the same row.  A group may have several columns to tell by: the
 * last of them is looked at first, the one before it where that is equal in both rows, and so on; NULL is older than anything, and where
 * all are equal the new row is the newer.  Any number below 2^24; columns that are given none have 0.
 */
#define WEIR_GROUP(number) ((uint32_t)(number) << 8)

typedef struct weir_column {
    const char *name;
    uint32_t key;      /* part of the key: rows are ordered by it and folded on it; never NULL */
    uint32_t conflict; /* a weir_on_conflict, and a group where it has one, for what is not key */
} weir_column;

/* What is written where.  Set size to sizeof; zero everywhere behind count is a valid choice.  All of it is copied. */
typedef struct weir_bulk_spec {
    size_t size;
    const char *table; /* names are taken as they are: quote what needs quoting, and never let strangers choose them */
    const weir_column *columns;
    size_t count;
    uint32_t insert_only; /* a row whose key is there already is a bad row */
    uint32_t in_order;    /* keep the caller's order, and fold nothing: gives up what ordering by key buys */
    uint32_t
        skip_bad; /* bad rows are left out, the rest of their batch is kept; else a bad row undoes its batch and ends it all */
    uint32_t batch_rows; /* 0: the driver's choice */
} weir_bulk_spec;

typedef struct weir_bulk_result {
    uint64_t rows;    /* handed over in committed batches, folded ones included and skipped ones not */
    uint64_t folded;  /* of these, those that became one with another row of their key before they were sent */
    uint64_t skipped; /* bad rows left out */
    uint64_t batches; /* committed */
    uint64_t retries; /* batches run again after a conflict */
    uint64_t
        bad_row; /* of the first bad row: its number, counted from 0; UINT64_MAX: there was none, or nobody could tell */
} weir_bulk_result;

/*
 * Begins writing rows to a table.  Rows are gathered, ordered by key so that two writers lock in the same order, folded where they have
 * one key, and written batch by batch, each in a transaction of its own at READ COMMITTED, retried as weir_transact does.  Touches no
 * server yet.  The caller ends *out with weir_bulk_finish or weir_bulk_abort.  WEIR_E_ARGUMENT: the spec has a flaw, named in the text.
 */
WEIR_API WEIR_CHECKED int weir_bulk_open(weir_bulk **out, weir_db *db, const weir_bulk_spec *spec, weir_error *err);
/*
 * The same on a borrowed connection, all of it in the caller's transaction, which is his to end; nothing is retried.  A batch that fails is
 * undone, and the transaction goes on; in the body of weir_transact, that body runs again first, with savepoints that it had not before.
 * There, small batches may wait for what is done next on the connection, or the commit, unless weir_bulk_finish is given a deadline.
 */
WEIR_API WEIR_CHECKED int weir_bulk_open_on(weir_bulk **out, weir_conn conn, const weir_bulk_spec *spec,
                                            weir_error *err);
/*
 * Hands over one row, copied: as many cells as there are columns.  A batch that is full is written now, within the options
 * acquire_timeout and query_timeout.  WEIR_E_ARGUMENT, WEIR_E_NOT_NULL, WEIR_E_DATA: the row itself is no good; it is not taken, and
 * others may follow.  Any other failure is that of a batch and ends the whole: each later call tells it again.
 */
WEIR_API int weir_bulk_row(weir_bulk *bulk, weir_args cells, weir_error *err);
/* Writes what is left, and zeroes *bulk.  *result, which may be NULL, is written in any case: what was committed stays. */
WEIR_API int weir_bulk_finish(weir_bulk **bulk, weir_bulk_result *result, weir_deadline deadline, weir_error *err);
/* Drops what is not written yet, and zeroes *bulk; batches that were committed stay. */
WEIR_API void weir_bulk_abort(weir_bulk **bulk);

WEIR_END

#endif
