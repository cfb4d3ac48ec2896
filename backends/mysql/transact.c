/*
 * Transactions.
 * SPDX-License-Identifier: MIT
 */
#include "mys.h"

/* What they do to the session is in the server's status, or was undone by the end of the transaction. */
static int say(struct mys_conn *c, const char *sql, weir_error *err)
{
    const int changed = c->changed;
    const int st = mys_say(c, sql, err);
    if (st == WEIR_OK)
        c->changed = changed;
    return st;
}

static const char *const isolations[] = {
    NULL,
    "SET TRANSACTION ISOLATION LEVEL READ COMMITTED",
    "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ",
    "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE",
};

/* The isolation is the next transaction's; if that does not begin, it stays with the session. */
int mys_begin(void *conn, unsigned isolation, int read_only, int64_t deadline_ns, weir_error *err)
{
    struct mys_conn *c = conn;
    int st = WEIR_OK;
    mys_begins(c, deadline_ns, MYS_STOP);
    if (isolations[isolation])
        st = say(c, isolations[isolation], err);
    if (st == WEIR_OK)
        st = say(c, read_only ? "START TRANSACTION READ ONLY" : "START TRANSACTION", err);
    if (st < 0)
        c->changed = 1;
    return mys_ends(c, st);
}

int mys_commit(void *conn, int64_t deadline_ns, weir_error *err)
{
    struct mys_conn *c = conn;
    mys_begins(c, deadline_ns, MYS_STOP);
    return mys_ends(c, say(c, "COMMIT", err));
}

/* The server tells with each answer; of what failed, the driver knows whether it has ended the transaction. */
int mys_has_transaction(void *conn)
{
    return mys_in_transaction(conn);
}

/* Has to happen: it is given time, even when the deadline has none left. */
int mys_rollback(void *conn, int64_t deadline_ns, weir_error *err)
{
    struct mys_conn *c = conn;
    const int64_t least = mys_grace_end(&c->road);
    mys_begins(c, deadline_ns > least ? deadline_ns : least, MYS_GIVE_UP);
    return mys_ends(c, say(c, "ROLLBACK", err));
}
