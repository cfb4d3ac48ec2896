/*
 * Transactions, and the isolation that a session keeps for them.
 *
 *                     asked for twice in a row
 *     the session's own ──────────────────────► kept: `isolation`
 *                     ◄──────────────────────
 *        a transaction without one, or a statement that is in none, or may change the session's (run.c)
 *
 * SPDX-License-Identifier: MIT
 */
#include <stdio.h>
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

/* ---- isolation ---- */

static const char *const isolations[] = { NULL, "READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE",
                                          "READ UNCOMMITTED" };

static int set_isolation(struct mys_conn *c, const char *whose, unsigned isolation, weir_error *err)
{
    char sql[80];
    snprintf(sql, sizeof sql, "SET %sTRANSACTION ISOLATION LEVEL %s", whose, isolations[isolation]);
    return say(c, sql, err);
}

/* The server writes "READ-COMMITTED". */
static unsigned isolation_of(char *text)
{
    unsigned n = sizeof isolations / sizeof *isolations;
    for (char *dash; (dash = strchr(text, '-'));)
        *dash = ' ';
    while (--n && strcmp(text, isolations[n]) != 0)
        ;
    return n;
}

static int know_isolation(struct mys_conn *c, weir_error *err)
{
    char text[32] = "";
    const char *sql = c->maria ? "SELECT @@SESSION.tx_isolation" : "SELECT @@SESSION.transaction_isolation";
    if (c->own_isolation)
        return WEIR_OK;
    const int st = mys_ask(c, text, sizeof text, sql, err);
    c->own_isolation = st > 0 ? isolation_of(text) : 0;
    return st < 0 ? st : WEIR_OK;
}

/* Transactions of one isolation often come one after the other: from the second on the session keeps it, which saves a round trip each. */
static int keep_isolation(struct mys_conn *c, unsigned isolation, weir_error *err)
{
    int st = know_isolation(c, err);
    if (st < 0 || !c->own_isolation)
        return st < 0 ? st : set_isolation(c, "", isolation, err);
    if (isolation != c->own_isolation)
        st = set_isolation(c, "SESSION ", isolation, err);
    if (st == WEIR_OK)
        c->isolation = isolation;
    return st;
}

/* It may be set while a transaction is open, which goes on as it began. */
int mys_isolation_back(struct mys_conn *c, weir_error *err)
{
    int st = WEIR_OK;
    if (c->isolation != c->own_isolation)
        st = set_isolation(c, "SESSION ", c->own_isolation, err);
    if (st == WEIR_OK)
        c->isolation = c->kept = 0;
    return st;
}

static int isolate(struct mys_conn *c, unsigned isolation, weir_error *err)
{
    const int again = isolation == c->kept;
    c->kept = isolation;
    if (isolation == c->isolation)
        return WEIR_OK;
    if (!isolation)
        return mys_isolation_back(c, err);
    return again && !c->changed ? keep_isolation(c, isolation, err) : set_isolation(c, "", isolation, err);
}

/* ---- the hooks ---- */

/* An isolation may be the next transaction's; if that does not begin, it stays with the session. */
int mys_begin(void *conn, unsigned isolation, int read_only, int64_t deadline_ns, weir_error *err)
{
    struct mys_conn *c = conn;
    mys_begins(c, deadline_ns, MYS_STOP);
    c->undone = 0;
    int st = isolate(c, isolation, err);
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
    const int st = mys_tell_undone(c, err);
    return mys_ends(c, st < 0 ? st : say(c, "COMMIT", err));
}

/* The server tells with each answer; of what failed, the driver knows whether it has ended the transaction. */
int mys_has_transaction(void *conn)
{
    const struct mys_conn *c = conn;
    return mys_in_transaction(c) || c->undone;
}

/* Has to happen: it is given time, even when the deadline has none left. */
int mys_rollback(void *conn, int64_t deadline_ns, weir_error *err)
{
    struct mys_conn *c = conn;
    const int64_t least = mys_grace_end(&c->road);
    mys_begins(c, deadline_ns > least ? deadline_ns : least, MYS_GIVE_UP);
    c->undone = 0;
    return mys_ends(c, say(c, "ROLLBACK", err));
}
