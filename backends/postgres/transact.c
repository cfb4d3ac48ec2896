/*
 * Transactions: how they begin, and how they end.
 *
 * To begin one takes no round trip: it is noted, and goes in front of the first statement, in one pipeline with that and the question for
 * the transaction's id; or in front of all of them and the COMMIT (bulk.c), and then that question has to be answered before.  Behind a
 * failure the server does nothing more of a pipeline.
 *
 * Any failure in a transaction leaves it open and useless until it is rolled back; the server sees to that.  A commit of such a one is
 * answered with success and the word ROLLBACK, which is a failure here.
 *
 * What must be true:
 *  1. While a beginning is noted nothing else is said to the server: pg_send has it in front, and before anything else (pg_pipeline,
 *     pg_say) it is said on its own.
 *  2. A beginning that fails leaves no transaction open, and its failure says so (WEIR_ROLLED_BACK): what came next would be committed by
 *     itself.
 *  3. `trace` is the caller's until the transaction has ended: it is written once, by the first statement, and the note ends with the
 *     transaction.
 * SPDX-License-Identifier: MIT
 */
#include <stdio.h>
#include "pg.h"

/* For each isolation: to write, to read only. */
#define BOTH(level)                               \
    {                                             \
        "BEGIN" level, "BEGIN" level " READ ONLY" \
    }
static const char *const texts[4][2] = {
    BOTH(""),
    BOTH(" ISOLATION LEVEL READ COMMITTED"),
    BOTH(" ISOLATION LEVEL REPEATABLE READ"),
    BOTH(" ISOLATION LEVEL SERIALIZABLE"),
};

void pg_begin_forget(struct pg_conn *c)
{
    c->begin = (struct pg_begin){ .pending = 0 };
}

/* ---- said on its own ---- */

static int say_begin(struct pg_conn *c, weir_error *err)
{
    char sql[500];
    PGresult *r = NULL;
    char *trace = c->begin.trace;
    snprintf(sql, sizeof sql, "%s%s%s", c->begin.sql, trace ? "; " : "", trace ? pg_ask_trace(c) : "");
    const int st = pg_say(c, sql, &r, err);
    if (st == WEIR_OK && trace)
        pg_read_trace(c, r, trace);
    PQclear(r);
    return st;
}

/* What speaks the protocol and is no PostgreSQL, or an old one, may not know the functions that it is asked with, or not allow them. */
static int is_unable(const struct pg_conn *c, const weir_error *err)
{
    return c->begin.trace && !c->dead && (strncmp(err->sqlstate, "42", 2) == 0 || strncmp(err->sqlstate, "0A", 2) == 0);
}

/* Or it was the begin that it refused, as a standby does a serializable one; then nothing is learned. */
static int begin_untraced(struct pg_conn *c, weir_error *err)
{
    c->begin.trace = NULL;
    int st = pg_undo(c, err);
    if (st == WEIR_OK)
        st = say_begin(c, err);
    c->untraced = st == WEIR_OK;
    return st;
}

int pg_begin_now(struct pg_conn *c, weir_error *err)
{
    if (!c->begin.pending)
        return WEIR_OK;
    c->begin.pending = 0;
    int st = say_begin(c, err);
    if (st < 0 && is_unable(c, err))
        st = begin_untraced(c, err);
    pg_begin_forget(c);
    return st;
}

/* ---- in front of a statement ---- */

static int queue_text(struct pg_conn *c, const char *sql)
{
    return PQsendQueryParams(c->pg, sql, 0, NULL, NULL, NULL, NULL, 0);
}

/* The server would spend as much on the texts as on the rest of a small transaction. */
static int queue_word(struct pg_conn *c, struct pg_word *w, const char *sql)
{
    w->fresh = !*w->name || w->generation != c->generation;
    if (w->fresh) {
        snprintf(w->name, sizeof w->name, "weir_%u", ++c->numbers);
        w->generation = c->generation;
    }
    return (!w->fresh || PQsendPrepare(c->pg, w->name, sql, 0, NULL)) &&
           PQsendQueryPrepared(c->pg, w->name, 0, NULL, NULL, NULL, 0);
}

static int queue_begin(struct pg_conn *c)
{
    const struct pg_begin *b = &c->begin;
    const char *question = pg_ask_trace(c);
    if (!(c->pooler ? queue_text(c, b->sql) : queue_word(c, b->word, b->sql)))
        return 0;
    return !b->trace || (pg_knows_lineage(c) ? queue_word(c, &c->id, question) : queue_text(c, question));
}

int pg_lead(struct pg_conn *c, weir_error *err)
{
    const int begins = c->begin.pending;
    c->led = pg_has_front(c);
    c->begin.pending = 0;
    const int st = c->led ? pg_pipeline(c, err) : WEIR_OK;
    if (st < 0 || !c->led)
        return st;
    return (begins ? queue_begin(c) : queue_text(c, "SET TRANSACTION READ ONLY")) ? WEIR_OK : pg_fail(c, NULL, err);
}

static int hear_word(struct pg_conn *c, struct pg_word *w, PGresult **out, weir_error *err)
{
    if (w && w->fresh) {
        const int st = pg_hear(c, out, err);
        if (st < 0)
            return st;
        PQclear(*out);
        w->fresh = 0;
    }
    return pg_hear(c, out, err);
}

static int hear_front(struct pg_conn *c, weir_error *err)
{
    PGresult *r;
    int st = hear_word(c, c->begin.word, &r, err);
    if (st < 0)
        return st;
    PQclear(r);
    if (!c->begin.trace)
        return WEIR_OK;
    st = hear_word(c, &c->id, &r, err);
    if (st < 0)
        return st;
    pg_read_trace(c, r, c->begin.trace);
    PQclear(r);
    return WEIR_OK;
}

/* One that the server has not, or no more. */
static void unmake_word(struct pg_word *w, int forgotten)
{
    if (w && (w->fresh || forgotten))
        *w = (struct pg_word){ .fresh = 0 };
}

/* Begins anew, on its own, if that is better: the statement, which has not run, may then be sent again. */
static void mend(struct pg_conn *c, weir_error *err)
{
    const int forgotten = strcmp(err->sqlstate, "26000") == 0;
    int st = err->status;
    unmake_word(c->begin.word, forgotten);
    unmake_word(&c->id, forgotten);
    if (is_unable(c, err))
        st = begin_untraced(c, err);
    else if (forgotten && !c->dead && (st = pg_undo(c, err)) == WEIR_OK) {
        c->begin.pending = 1;
        st = pg_begin_now(c, err);
    }
    c->again = st == WEIR_OK;
}

int pg_pass(struct pg_conn *c, weir_error *err)
{
    if (!c->led)
        return WEIR_OK;
    const int st = hear_front(c, err);
    if (st < 0)
        mend(c, err);
    c->led = 0;
    pg_begin_forget(c);
    return st;
}

int pg_begin_first(struct pg_conn *c, weir_error *err)
{
    PGresult *end = NULL;
    if (!c->begin.pending || !c->begin.trace)
        return WEIR_OK;
    c->running = NULL;
    int st = pg_lead(c, err);
    if (st == WEIR_OK)
        st = pg_sync(c, err);
    if (st == WEIR_OK)
        st = pg_pass(c, err);
    if (st == WEIR_OK)
        st = pg_answer(c, &end, err);
    if (st == WEIR_OK && (end || PQstatus(c->pg) != CONNECTION_OK)) /* last words */
        return pg_finish(c, end, NULL, err);
    return st;
}

/* ---- hooks ---- */

static int note(struct pg_conn *c, unsigned isolation, int reads, char *trace, int64_t deadline_ns, weir_error *err)
{
    const int st = pg_begins(c, deadline_ns, err);
    if (st < 0)
        return st;
    const int read_only = reads || c->read_only;
    const char *sql = texts[isolation & 3][read_only];
    c->begin =
        (struct pg_begin){ .pending = 1, .word = &c->begins[isolation & 3][read_only], .sql = sql, .trace = trace };
    c->transaction_reads = reads;
    c->failed_flags = 0;
    return WEIR_OK;
}

int pg_begin(void *conn, unsigned isolation, int read_only, int64_t deadline_ns, weir_error *err)
{
    return note(conn, isolation, read_only, NULL, deadline_ns, err);
}

int pg_begin_traced(void *conn, unsigned isolation, char trace[WEIR_TRACE_SIZE], int64_t deadline_ns, weir_error *err)
{
    struct pg_conn *c = conn;
    *trace = '\0';
    return note(c, isolation, 0, c->untraced || c->read_only ? NULL : trace, deadline_ns, err);
}

int pg_in_transaction(void *conn)
{
    const struct pg_conn *c = conn;
    return c->begin.pending || PQtransactionStatus(c->pg) != PQTRANS_IDLE;
}

static int was_committed(struct pg_conn *c, PGresult *r, weir_error *err)
{
    if (strcmp(PQcmdStatus(r), "COMMIT") == 0)
        return WEIR_OK;
    c->host->fail(err, WEIR_E_SERVER,
                  "postgres: rolled back instead of committed, because a statement of the transaction had failed");
    err->flags = WEIR_ROLLED_BACK | c->failed_flags;
    memcpy(err->sqlstate, "25P02", 6);
    return WEIR_E_SERVER;
}

static int say_commit(struct pg_conn *c, weir_error *err)
{
    PGresult *r = NULL;
    int st = pg_say(c, "COMMIT", &r, err);
    if (st == WEIR_OK)
        st = was_committed(c, r, err);
    PQclear(r);
    return st;
}

int pg_queue_commit(struct pg_conn *c, weir_error *err)
{
    return (c->pooler ? queue_text(c, "COMMIT") : queue_word(c, &c->commit, "COMMIT")) ? WEIR_OK
                                                                                       : pg_fail(c, NULL, err);
}

int pg_hear_commit(struct pg_conn *c, weir_error *err)
{
    PGresult *r = NULL;
    c->running = NULL;
    if (c->commit.fresh) {
        const int st = pg_hear(c, &r, err);
        if (st < 0)
            return st;
        PQclear(r);
        c->commit.fresh = 0;
    }
    int st = pg_finish(c, NULL, &r, err);
    if (st < 0)
        return st;
    st = was_committed(c, r, err);
    PQclear(r);
    return st;
}

/* The server may not have the word any more: the transaction has failed for that alone. */
void pg_unmake_commit(struct pg_conn *c, weir_error *err)
{
    if (!c->commit.fresh && strcmp(err->sqlstate, "26000") != 0)
        return;
    unmake_word(&c->commit, 1);
    if (strcmp(err->sqlstate, "26000") == 0)
        err->flags |= WEIR_RETRY_TRANSACTION;
}

/* Of a transaction in which nothing was done the server has not heard, and need not. */
int pg_commit(void *conn, int64_t deadline_ns, weir_error *err)
{
    struct pg_conn *c = conn;
    const int st = pg_begins(c, deadline_ns, err);
    if (st < 0)
        return st;
    if (!c->in_transaction)
        return c->host->fail(err, WEIR_E_STATEMENT, "postgres: there is no transaction to commit");
    const int is_empty = c->begin.pending && PQtransactionStatus(c->pg) == PQTRANS_IDLE;
    pg_begin_forget(c);
    return is_empty ? WEIR_OK : say_commit(c, err);
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
    pg_begin_forget(c);
    pg_starts(c, deadline_ns);
    return pg_undo(c, err);
}
