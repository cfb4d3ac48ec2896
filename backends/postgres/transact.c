/*
 * Transactions.  Any failure in one leaves it open and useless until it is rolled back; the server sees to that.  A commit of such a one
 * is answered with success and the word ROLLBACK, which is a failure here.
 * SPDX-License-Identifier: MIT
 */
#include <stdio.h>
#include "pg.h"

int pg_begin(void *conn, unsigned isolation, int read_only, int64_t deadline_ns, weir_error *err)
{
    static const char *const levels[] = { "", " ISOLATION LEVEL READ COMMITTED", " ISOLATION LEVEL REPEATABLE READ",
                                          " ISOLATION LEVEL SERIALIZABLE" };
    struct pg_conn *c = conn;
    char sql[80];
    snprintf(sql, sizeof sql, "BEGIN%s%s", levels[isolation & 3], read_only || c->read_only ? " READ ONLY" : "");
    int st = pg_begins(c, deadline_ns, err);
    if (st == WEIR_OK)
        st = pg_say(c, sql, NULL, err);
    c->transaction_reads = read_only;
    c->failed_flags = 0;
    return st;
}

static int was_committed(PGresult *r)
{
    return strcmp(PQcmdStatus(r), "COMMIT") == 0;
}

int pg_commit(void *conn, int64_t deadline_ns, weir_error *err)
{
    struct pg_conn *c = conn;
    PGresult *r = NULL;
    int st = pg_begins(c, deadline_ns, err);
    if (st < 0)
        return st;
    if (!c->in_transaction)
        return c->host->fail(err, WEIR_E_STATEMENT, "postgres: there is no transaction to commit");
    st = pg_say(c, "COMMIT", &r, err);
    if (st == WEIR_OK && !was_committed(r)) {
        st = c->host->fail(
            err, WEIR_E_SERVER,
            "postgres: rolled back instead of committed, because a statement of the transaction had failed");
        err->flags = WEIR_ROLLED_BACK | c->failed_flags;
        memcpy(err->sqlstate, "25P02", 6);
    }
    PQclear(r);
    return st;
}

/* Has to happen: a deadline that has passed leaves it the time that a request to stop has. */
int pg_undo(struct pg_conn *c, weir_error *err)
{
    const int64_t soonest = pg_later(pg_now(c), c->grace_ns);
    if (PQtransactionStatus(c->pg) == PQTRANS_IDLE)
        return WEIR_OK;
    if (c->until < soonest)
        c->until = soonest;
    return pg_say(c, "ROLLBACK", NULL, err);
}

int pg_rollback(void *conn, int64_t deadline_ns, weir_error *err)
{
    struct pg_conn *c = conn;
    pg_starts(c, deadline_ns);
    return pg_undo(c, err);
}
