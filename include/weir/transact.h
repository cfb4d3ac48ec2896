/*
 * Transactions: by hand on a connection, or whole, retried, on a database.
 * SPDX-License-Identifier: MIT
 */
#ifndef WEIR_TRANSACT_H
#define WEIR_TRANSACT_H

#include <weir/db.h>

WEIR_BEGIN

typedef enum weir_isolation {
    WEIR_SERVER_DEFAULT,
    WEIR_READ_COMMITTED,
    WEIR_REPEATABLE_READ,
    WEIR_SERIALIZABLE
} weir_isolation;

/* How a transaction is run.  Set size to sizeof; zero everywhere else is a valid choice, and so is NULL for the whole. */
typedef struct weir_transact_options {
    size_t size;
    uint32_t isolation;      /* a weir_isolation */
    uint32_t attempts;       /* how often the body may run; 0: the option transact_attempts */
    uint32_t read_only;      /* a reader's transaction: weir_transact borrows with WEIR_READ */
    uint32_t exactly_once;   /* weir_transact writes a marker row beside the rest, by which a lost commit is settled */
    uint32_t unsettled;      /* 1: nobody asks what became of a lost commit, which may save a round trip */
    const weir_token *after; /* see at least this */
} weir_transact_options;

/* What became of it. */
enum { WEIR_NOT_COMMITTED, WEIR_COMMITTED, WEIR_COMMIT_UNKNOWN };

typedef struct weir_outcome {
    uint32_t state;    /* one of the three above */
    uint32_t attempts; /* how often the body ran */
    weir_token token;  /* what the commit wrote */
} weir_outcome;

/*
 * The body of a transaction.  Zero commits, anything else rolls back and is what weir_transact returns.  Runs again, from the start,
 * after a failure that allows it, so it has no effect outside the database.  conn is the caller's to use, not to release.
 */
typedef int (*weir_body)(weir_conn conn, void *arg, weir_error *err);

/*
 * Borrows, begins, runs body, commits; all of it again on a deadlock, a serialization failure or a lock time-out, and, within a budget,
 * when the connection was lost; with full jitter between, never past the deadline.  A commit whose answer was lost is settled where the
 * server can tell, or by a marker row (exactly_once), before anything else happens.  *outcome may be NULL.  Fails as weir_acquire, the
 * body's statements or the commit failed; WEIR_E_IN_DOUBT: the commit was lost, and nobody could tell what became of it.
 */
#define weir_transact(outcome, db, body, arg, options, deadline, err) \
    weir_transact_for((outcome), (db), (body), (arg), (options), WEIR_HERE, (deadline), (err))
WEIR_API int weir_transact_for(weir_outcome *outcome, weir_db *db, weir_body body, void *arg,
                               const weir_transact_options *options, const char *here, weir_deadline deadline,
                               weir_error *err);

/*
 * By hand.  Inside another transaction, weir_begin makes a savepoint and its commit or rollback ends that.  A transaction that the
 * server undid by itself (WEIR_ROLLED_BACK) accepts nothing but weir_rollback, so that its rest cannot be written without its start.
 * The server may be told of a transaction with its first statement, which then fails as weir_begin would have.
 * Failures: those of the server; WEIR_E_BUSY: a result is open; WEIR_E_ARGUMENT: no transaction to end.
 */
WEIR_API int weir_begin(weir_conn conn, const weir_transact_options *options, weir_deadline deadline, weir_error *err);
WEIR_API int weir_commit(weir_outcome *outcome, weir_conn conn, weir_deadline deadline, weir_error *err);
WEIR_API int weir_rollback(weir_conn conn, weir_deadline deadline, weir_error *err);

WEIR_END

#endif
