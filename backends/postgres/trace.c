/*
 * Traces: the transaction's id, and what it is an id of: a timeline of a server, between two crashes.
 *
 * A standby that was promoted gives the same ids to other transactions: nothing is told across a timeline.  So does a server after a
 * crash, to those of which it had written nothing down: then "committed" may be said of somebody else's.  "aborted" is still true, and so
 * it is of an id that was not given yet, for what is committed is written down.  A crash is seen by the statistics, which begin anew after
 * one, and stay over an orderly stop.
 * SPDX-License-Identifier: MIT
 */
#include <stdio.h>
#include "pg.h"

#define LINEAGE                                                                                       \
    "left(pg_walfile_name(pg_current_wal_insert_lsn()), 8) || ' ' || (SELECT system_identifier FROM " \
    "pg_control_system())"
#define SINCE_CRASH "(SELECT coalesce(extract(epoch FROM stats_reset)::text, '-') FROM pg_stat_bgwriter)"

/* Of the 17 000 instructions that a server spends on this, prepared, 16 700 are for any query: no other form is cheaper. */
#define ID "SELECT txid_current()"
#define ID_AND_LINEAGE                                                   \
    "SELECT CASE WHEN NOT pg_is_in_recovery() THEN txid_current() END, " \
    "CASE WHEN NOT pg_is_in_recovery() THEN " LINEAGE " || ' ' || " SINCE_CRASH " END"

/* A server that writes stays on its timeline for as long as the session; behind a pooler the next one may be another's. */
int pg_knows_lineage(const struct pg_conn *c)
{
    return *c->lineage && !c->pooler;
}

const char *pg_ask_trace(const struct pg_conn *c)
{
    return pg_knows_lineage(c) ? ID : ID_AND_LINEAGE;
}

/* By hand, since each transaction has one, and snprintf costs as much as sending the question.  What has no room there is no id. */
static void write_trace(char trace[WEIR_TRACE_SIZE], const char *id, const char *lineage)
{
    const size_t n = strlen(id), rest = strlen(lineage) + 1;
    if (n + 1 + rest > WEIR_TRACE_SIZE)
        return;
    memcpy(trace, id, n);
    trace[n] = ' ';
    memcpy(trace + n + 1, lineage, rest);
}

void pg_read_trace(struct pg_conn *c, const PGresult *r, char trace[WEIR_TRACE_SIZE])
{
    if (PQntuples(r) != 1 || PQgetisnull(r, 0, 0))
        return; /* a standby has no ids to give */
    if (PQnfields(r) > 1)
        snprintf(c->lineage, sizeof c->lineage, "%s", PQgetvalue(r, 0, 1));
    write_trace(trace, PQgetvalue(r, 0, 0), c->lineage);
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
