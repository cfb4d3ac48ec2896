/*
 * What weir_transact needs to know of the transaction that its body ran in.
 * SPDX-License-Identifier: MIT
 */
#ifndef SQL_TRANSACTION_H
#define SQL_TRANSACTION_H

#include <sql/link.h>

struct transaction_state {
    bool held;    /* the connection is still on loan */
    bool open;    /* and in the transaction, which nothing has ended */
    bool inner;   /* in a savepoint of it, which nobody has ended */
    bool retry;   /* a failure said that all of it may run again */
    bool lost;    /* the connection is, and another may do better */
    bool careful; /* it is to be run again, with savepoints */
};

struct transaction_state transaction_look(weir_conn conn);
/* weir_begin, which also leaves in `trace` (WEIR_TRACE_SIZE bytes, or NULL) by what the driver can find the transaction again, if it can. */
int transaction_begin(weir_conn conn, const weir_transact_options *options, char *trace, weir_deadline deadline,
                      weir_error *err);
/* What became of it: a weir_fate, or < 0. */
int transaction_settle(weir_conn conn, const char *trace, weir_deadline deadline, weir_error *err);
/* No statement of the present transaction runs past that moment, whatever its own deadline.  `rerun`: see struct link. */
int transaction_bound(weir_conn conn, int64_t until, bool rerun, weir_error *err);

/* One around what a single call does, for callers who are in it: committed if its status says so, else rolled back. */
int transaction_open(struct link *l, int64_t until, weir_error *err);
int transaction_end(struct link *l, int status, int64_t until, weir_error *err);

/* A savepoint of that name beside the counted ones, for callers who are in a call on the link: set, let go, or returned to, which it
   survives. */
int transaction_mark(struct link *l, const char *mark, int64_t until, weir_error *err);
int transaction_unmark(struct link *l, const char *mark, int64_t until, weir_error *err);
int transaction_return(struct link *l, const char *mark, int64_t until, weir_error *err);

#endif
