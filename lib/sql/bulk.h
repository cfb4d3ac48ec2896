/*
 * Bulk on a connection: writing one batch within the transaction that is open there.
 * SPDX-License-Identifier: MIT
 */
#ifndef SQL_BULK_H
#define SQL_BULK_H

#include <sql/batch.h>
#include <sql/link.h>

/* What writing a batch came to. */
struct bulk_written {
    uint64_t rows, skipped;
    uint64_t bad_row; /* the first; UINT64_MAX: none, or nobody could tell */
};

enum bulk_way {
    BULK_PLAIN,   /* the first failure ends it, and the transaction is to be undone */
    BULK_CAREFUL, /* the same, with a savepoint before each statement: bad rows are found and, with skip_bad, left out */
    BULK_APART    /* in a transaction that goes on: plain, then carefully; what fails is undone */
};

/* Writes all rows of a batch that is in order; or takes them over, and the batch is empty then. */
int bulk_write(weir_conn conn, struct batch *b, enum bulk_way way, struct bulk_written *written, weir_deadline deadline,
               weir_error *err);

/* Those that were taken over.  A failure dooms the transaction, of which all is to be run again.  err may be NULL. */
int bulk_write_late(struct link *l, weir_deadline deadline, weir_error *err);
/* The same, and commits.  *sent: of a failure, the commit may have been. */
int bulk_commit_late(struct link *l, bool *sent, int64_t until, weir_error *err);
void bulk_drop_late(struct link *l);

/* Is it the row's fault, so that others may do better? */
bool bulk_blames_row(int status);

/* What suits the driver of that source; rows not 0: as many. */
void bulk_init_batch(struct batch *b, const struct link_source *source, const weir_bulk_spec *spec);

#endif
