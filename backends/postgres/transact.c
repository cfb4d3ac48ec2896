/*
 * Transactions.  Any failure in one leaves it open and useless until it is rolled back; the server sees to that.  A commit of such a one
 * is answered with success and the word ROLLBACK, which is a failure here.
 * SPDX-License-Identifier: MIT
 */
#include <stdio.h>
#include "pg.h"

static const char *const levels[] = { "", " ISOLATION LEVEL READ COMMITTED", " ISOLATION LEVEL REPEATABLE READ",
                                      " ISOLATION LEVEL SERIALIZABLE" };

int pg_begin(void *conn, unsigned isolation, int read_only, int64_t deadline_ns, weir_error *err)
{
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

/*
 * ---- traces ----
 *
 * The transaction's id, and what it is an id of: a timeline of a server, between two crashes.
 *
 * A standby that was promoted gives the same ids to other transactions: nothing is told across a timeline.  So does a server after a
 * crash, to those of which it had written nothing down: then "committed" may be said of somebody else's.  "aborted" is still true, and so
 * it is of an id that was not given yet, for what is committed is written down.  A crash is seen by the statistics, which begin anew after
 * one, and stay over an orderly stop.
 */

#define LINEAGE                                                                                       \
    "left(pg_walfile_name(pg_current_wal_insert_lsn()), 8) || ' ' || (SELECT system_identifier FROM " \
    "pg_control_system())"
#define SINCE_CRASH "(SELECT coalesce(extract(epoch FROM stats_reset)::text, '-') FROM pg_stat_bgwriter)"

#define ID "SELECT txid_current()"
#define ID_AND_LINEAGE                                                   \
    "SELECT CASE WHEN NOT pg_is_in_recovery() THEN txid_current() END, " \
    "CASE WHEN NOT pg_is_in_recovery() THEN " LINEAGE " || ' ' || " SINCE_CRASH " END"

/*
 * What asks for it.  A server that writes stays on its timeline for as long as the session; behind a pooler the next one may be another's.
 * Asked again and again it is prepared: the server would spend as much on its text as on the rest of a small transaction.
 */
static int write_trace_query(struct pg_conn *c, char *sql, size_t size, weir_error *err)
{
    if (!*c->lineage || c->pooler) {
        snprintf(sql, size, "%s", ID_AND_LINEAGE);
        return WEIR_OK;
    }
    const int st = pg_keep(c, &c->about_id, ID, err);
    if (st == WEIR_OK)
        snprintf(sql, size, "EXECUTE %s", c->about_id->name);
    return st;
}

static void read_trace(struct pg_conn *c, const PGresult *r, char trace[WEIR_TRACE_SIZE])
{
    if (PQntuples(r) != 1 || PQgetisnull(r, 0, 0))
        return; /* a standby has no ids to give */
    if (PQnfields(r) > 1)
        snprintf(c->lineage, sizeof c->lineage, "%s", PQgetvalue(r, 0, 1));
    snprintf(trace, WEIR_TRACE_SIZE, "%s %s", PQgetvalue(r, 0, 0), c->lineage);
}

/* What speaks the protocol and is no PostgreSQL, or an old one, may not know these functions, or not allow them.  Or it was the begin
   that it refused, as a standby does a serializable one; then nothing is learned. */
static int begin_untraced(struct pg_conn *c, unsigned isolation, int64_t deadline_ns, weir_error *err)
{
    int st = pg_undo(c, err);
    if (st == WEIR_OK)
        st = pg_begin(c, isolation, 0, deadline_ns, err);
    c->untraced = st == WEIR_OK;
    return st;
}

static int begin_and_ask(struct pg_conn *c, unsigned isolation, PGresult **r, weir_error *err)
{
    char sql[500];
    const int used = snprintf(sql, sizeof sql, "BEGIN%s; ", levels[isolation & 3]);
    const int st = write_trace_query(c, sql + used, sizeof sql - (size_t)used, err);
    return st < 0 ? st : pg_say(c, sql, r, err);
}

/* Once more, if the server has forgotten the statement. */
static int begin_and_know(struct pg_conn *c, unsigned isolation, PGresult **r, weir_error *err)
{
    int st = begin_and_ask(c, isolation, r, err);
    if (st == WEIR_OK || c->dead || strcmp(err->sqlstate, "26000") != 0)
        return st;
    pg_unmake(c, c->about_id);
    st = pg_undo(c, err);
    return st < 0 ? st : begin_and_ask(c, isolation, r, err);
}

int pg_begin_traced(void *conn, unsigned isolation, char trace[WEIR_TRACE_SIZE], int64_t deadline_ns, weir_error *err)
{
    struct pg_conn *c = conn;
    PGresult *r = NULL;
    *trace = '\0';
    if (c->untraced || c->read_only)
        return pg_begin(c, isolation, 0, deadline_ns, err);
    int st = pg_begins(c, deadline_ns, err);
    if (st == WEIR_OK)
        st = begin_and_know(c, isolation, &r, err);
    c->transaction_reads = 0;
    c->failed_flags = 0;
    if (st == WEIR_OK)
        read_trace(c, r, trace);
    else if (!c->dead && (strncmp(err->sqlstate, "42", 2) == 0 || strncmp(err->sqlstate, "0A", 2) == 0))
        st = begin_untraced(c, isolation, deadline_ns, err);
    PQclear(r);
    return st;
}

static int fate_of(const char *status)
{
    static const struct {
        const char *status;
        weir_fate fate;
    } fates[] = {
        { "committed", WEIR_FATE_COMMITTED },
        { "aborted", WEIR_FATE_ABORTED },
        { "in progress", WEIR_FATE_PENDING },
    };
    for (size_t i = 0; i < sizeof fates / sizeof *fates; i++)
        if (strcmp(status, fates[i].status) == 0)
            return (int)fates[i].fate;
    return WEIR_FATE_UNKNOWN; /* it has been forgotten, or is of another lineage */
}

/* "<id> <timeline> <server> <since>", as it was written by read_trace. */
static int write_question(char *sql, size_t size, const char *trace)
{
    const char *lineage = strchr(trace, ' '), *since = strrchr(trace, ' ');
    if (!lineage || since == lineage)
        return 0;
    const int id = (int)(lineage - trace), line = (int)(since - lineage) - 1;
    snprintf(sql, size,
             "SELECT CASE WHEN pg_is_in_recovery() OR " LINEAGE " <> '%.*s' THEN '' "
             "WHEN " SINCE_CRASH " = '%s' THEN txid_status(%.*s) "
             "WHEN %.*s >= txid_snapshot_xmax(txid_current_snapshot()) THEN 'aborted' "
             "WHEN txid_status(%.*s) = 'aborted' THEN 'aborted' END",
             line, lineage + 1, since + 1, id, trace, id, trace, id, trace);
    return 1;
}

int pg_settle_trace(void *conn, const char *trace, int64_t deadline_ns, weir_error *err)
{
    struct pg_conn *c = conn;
    PGresult *r = NULL;
    char sql[700];
    if (!write_question(sql, sizeof sql, trace))
        return WEIR_FATE_UNKNOWN;
    int st = pg_begins(c, deadline_ns, err);
    if (st == WEIR_OK)
        st = pg_say(c, sql, &r, err);
    if (st == WEIR_OK)
        st = PQntuples(r) == 1 ? fate_of(PQgetvalue(r, 0, 0)) : WEIR_FATE_UNKNOWN;
    PQclear(r);
    return st;
}

/* ---- ends ---- */

int pg_in_transaction(void *conn)
{
    const struct pg_conn *c = conn;
    return PQtransactionStatus(c->pg) != PQTRANS_IDLE;
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
