/*
 * Transactions, and the manner that a session keeps for them while they come one after the other.
 *
 *                     the second in a row that asks for it
 *     the session's own ──────────────────────────────────► in the manner of transactions: autocommit=0, the isolation asked for
 *                     ◄──────────────────────────────────
 *        a statement that is in none; a ping, a turn, a reset; a transaction of a session that has been changed
 *
 * In the manner the begin of a transaction is not said: the server begins it with the first statement that needs one.
 *
 *     begin ──► implied ──the server's status shows it, or START TRANSACTION──► open ──COMMIT, ROLLBACK──► none
 *
 * What must be true:
 *  1. Nothing runs outside of a transaction of the core's while the session is in the manner: nobody would commit it.
 *  2. While a transaction is implied, only a statement that cannot end one runs without START TRANSACTION before it.
 *  3. A statement that may end the transaction, and go on in another, has a savepoint before it: without autocommit the status shows the
 *     other one, but the savepoint is gone.
 *  4. Autocommit is not set to 1 in a transaction: that would commit it.
 *
 * SPDX-License-Identifier: MIT
 */
#include <assert.h>
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

/* ---- the manner ---- */

static const char *const isolations[] = { NULL, "READ-COMMITTED", "REPEATABLE-READ", "SERIALIZABLE",
                                          "READ-UNCOMMITTED" };

/* As the server writes it; 0: it is none of them. */
static unsigned isolation_of(const char *text)
{
    unsigned n = sizeof isolations / sizeof *isolations;
    while (--n && strcmp(text, isolations[n]) != 0)
        ;
    return n;
}

static const char *isolation_name(const struct mys_conn *c)
{
    return c->maria ? "tx_isolation" : "transaction_isolation";
}

static int know_isolation(struct mys_conn *c, weir_error *err)
{
    char sql[60], text[32] = "";
    if (c->own_isolation)
        return WEIR_OK;
    snprintf(sql, sizeof sql, "SELECT @@SESSION.%s", isolation_name(c));
    const int st = mys_ask(c, text, sizeof text, sql, err);
    c->own_isolation = st > 0 ? isolation_of(text) : 0;
    return st < 0 ? st : WEIR_OK;
}

/* One statement.  Isolation 0 stays as it is. */
static int set_session(struct mys_conn *c, unsigned isolation, int autocommit, weir_error *err)
{
    char sql[100];
    if (isolation)
        snprintf(sql, sizeof sql, "SET SESSION %s='%s',autocommit=%d", isolation_name(c), isolations[isolation],
                 autocommit);
    else
        snprintf(sql, sizeof sql, "SET autocommit=%d", autocommit);
    return say(c, sql, err);
}

/* What has to be set so that the session has its own again; 0: it has. */
static unsigned isolation_due(const struct mys_conn *c)
{
    return c->manner > 1 ? c->own_isolation : 0;
}

/* From now on it counts as in the manner, whatever becomes of the statement: leaving that does no harm. */
static int enter_manner(struct mys_conn *c, unsigned isolation, weir_error *err)
{
    const int st = isolation ? know_isolation(c, err) : WEIR_OK;
    if (st < 0 || (isolation && !c->own_isolation))
        return st;
    const unsigned due = isolation ? isolation : isolation_due(c);
    c->manner = isolation + 1;
    return set_session(c, due, 0, err);
}

/* keeps truth 4.  That it has been left is in the server's status. */
int mys_leave_manner(struct mys_conn *c, weir_error *err)
{
    assert(!c->begun);
    return set_session(c, isolation_due(c), 1, err);
}

void mys_keep_nothing(struct mys_conn *c)
{
    c->manner = c->own_isolation = c->last = 0;
    c->begun = c->implied = c->guarded = c->ended = 0;
}

/* ---- within a transaction ---- */

static int isolate_next(struct mys_conn *c, unsigned isolation, weir_error *err)
{
    char sql[80];
    snprintf(sql, sizeof sql, "SET TRANSACTION ISOLATION LEVEL %s", isolations[isolation]);
    for (char *dash; (dash = strchr(sql, '-'));)
        *dash = ' ';
    return say(c, sql, err);
}

/* The session's own is its again; the open transaction goes on as it began. */
static int put_isolation_back(struct mys_conn *c, weir_error *err)
{
    char sql[80];
    snprintf(sql, sizeof sql, "SET SESSION %s='%s'", isolation_name(c), isolations[c->own_isolation]);
    const int st = say(c, sql, err);
    if (st == WEIR_OK)
        c->manner = 1;
    return st;
}

/* After an error the status does not tell whether the server has begun it. */
static int begin_aloud(struct mys_conn *c, weir_error *err)
{
    int st = c->implied && c->unsure ? say(c, "DO 0", err) : WEIR_OK;
    if (st == WEIR_OK && c->implied)
        st = say(c, "START TRANSACTION", err);
    return st;
}

/* keeps truths 1 to 3 */
int mys_suit_manner(struct mys_conn *c, unsigned traits, weir_error *err)
{
    if (!c->begun)
        return mys_leave_manner(c, err);
    if (!(traits & MYS_ODD))
        return WEIR_OK;
    int st = begin_aloud(c, err);
    if (st == WEIR_OK && traits & MYS_KEEPS && isolation_due(c))
        st = put_isolation_back(c, err);
    if (st == WEIR_OK && traits & MYS_ENDS) {
        st = say(c, "SAVEPOINT weir_whole", err);
        c->guarded = st == WEIR_OK;
    }
    return st;
}

/* keeps truth 3 */
void mys_look_behind(struct mys_conn *c)
{
    weir_error ignored;
    c->guarded = 0;
    if (c->dead || !mys_in_transaction(c))
        return;
    c->wait.until = mys_grace_end(&c->road);
    c->ended = say(c, "RELEASE SAVEPOINT weir_whole", &ignored) < 0;
}

/* ---- the hooks ---- */

/* Autocommit that is 0 by somebody else's doing is none of ours. */
static int may_enter(const struct mys_conn *c, unsigned isolation, int read_only)
{
    return !c->changed && (c->manner || c->status & SERVER_STATUS_AUTOCOMMIT) && (isolation || !read_only);
}

/* Chooses the manner, or sees to the isolation of this one alone. */
static int choose_manner(struct mys_conn *c, unsigned isolation, int read_only, weir_error *err)
{
    const int again = c->last == isolation + 1;
    int st = WEIR_OK;
    c->last = isolation + 1;
    if (c->manner && c->changed)
        st = mys_leave_manner(c, err);
    if (st < 0 || c->manner == isolation + 1)
        return st;
    if (again && may_enter(c, isolation, read_only))
        st = enter_manner(c, isolation, err);
    if (st < 0 || c->manner == isolation + 1)
        return st;
    const unsigned wanted = isolation ? isolation : isolation_due(c);
    return wanted ? isolate_next(c, wanted, err) : WEIR_OK;
}

/* An isolation may be the next transaction's; if that does not begin, it stays with the session. */
int mys_begin(void *conn, unsigned isolation, int read_only, int64_t deadline_ns, weir_error *err)
{
    struct mys_conn *c = conn;
    mys_begins(c, deadline_ns, MYS_STOP);
    c->undone = 0;
    c->begun = c->implied = 0;
    int st = choose_manner(c, isolation, read_only, err);
    const int implied = st == WEIR_OK && c->manner == isolation + 1 && !read_only;
    if (st == WEIR_OK && !implied)
        st = say(c, read_only ? "START TRANSACTION READ ONLY" : "START TRANSACTION", err);
    if (st < 0)
        c->changed = 1;
    c->begun = st == WEIR_OK;
    c->implied = implied;
    return mys_ends(c, st);
}

/* Who has the native handle may use it at any time. */
static void be_done(struct mys_conn *c)
{
    weir_error ignored;
    c->begun = c->implied = c->guarded = c->ended = 0;
    if (c->manner && c->native)
        mys_leave_manner(c, &ignored);
}

/* Said of one that is implied, too: tables without transactions may be locked. */
int mys_commit(void *conn, int64_t deadline_ns, weir_error *err)
{
    struct mys_conn *c = conn;
    mys_begins(c, deadline_ns, MYS_STOP);
    int st = mys_tell_undone(c, err);
    if (st == WEIR_OK)
        st = say(c, "COMMIT", err);
    if (st == WEIR_OK)
        be_done(c);
    return mys_ends(c, st);
}

/* The server tells with each answer; of what failed, the driver knows whether it has ended the transaction. */
int mys_has_transaction(void *conn)
{
    const struct mys_conn *c = conn;
    return c->undone || (mys_is_inside(c) && !c->ended);
}

/* Has to happen: it is given time, even when the deadline has none left. */
int mys_rollback(void *conn, int64_t deadline_ns, weir_error *err)
{
    struct mys_conn *c = conn;
    const int64_t least = mys_grace_end(&c->road);
    mys_begins(c, deadline_ns > least ? deadline_ns : least, MYS_GIVE_UP);
    c->undone = 0;
    const int st = say(c, "ROLLBACK", err);
    if (st == WEIR_OK)
        be_done(c);
    return mys_ends(c, st);
}
