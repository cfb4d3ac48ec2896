/*
 * The scenario: whole transactions, by weir_transact.
 * SPDX-License-Identifier: MIT
 */
#include <string.h>
#include "scenario.h"

static void make_book(weir_db *db, const struct dialect *d)
{
    talk_db_run(db, "DROP TABLE IF EXISTS book");
    talk_db_run(db, "CREATE TABLE book(n %s NOT NULL PRIMARY KEY)", d->whole);
}

static int64_t lines(weir_db *db)
{
    return talk_db_ask(db, WEIR_READ, "SELECT count(*) FROM book");
}

/* What a body does, and what is expected of it. */
struct deed {
    int64_t n;  /* the line that it writes */
    int runs;   /* of the body */
    int result; /* that it returns */
};

static int write_line(weir_conn conn, int64_t n, weir_error *err)
{
    return weir_exec(NULL, conn, "INSERT INTO book VALUES (?)", WEIR_ARGS(weir_int(n)), LONG, err);
}

/* Runs it, and looks at the outcome. */
static void does(weir_db *db, weir_body body, struct deed *deed, int status, unsigned state, const char *fact)
{
    weir_error err = { .text = "" };
    weir_outcome outcome = { .state = 99, .attempts = 99 };
    if (!is_int(weir_transact(&outcome, db, body, deed, NULL, LONG, &err), status, "%s", fact))
        tap_note("  %s", err.text);
    is_int(outcome.state, state, "  its state is told");
    is_int(outcome.attempts, deed->runs, "  and its one attempt");
    is_int(deed->runs, 1, "  which is all there was");
    if (status < 0)
        is_int(err.status, status, "  and the error is of that status");
}

/* ---- bodies ---- */

static int plain(weir_conn conn, void *arg, weir_error *err)
{
    struct deed *d = arg;
    d->runs++;
    const int st = write_line(conn, d->n, err);
    return st < 0 ? st : d->result;
}

static void plain_ones(weir_db *db)
{
    does(db, plain, &(struct deed){ .n = 1 }, WEIR_OK, WEIR_COMMITTED, "a body that returns zero is committed");
    is_int(lines(db), 1, "  and stored");
    does(db, plain, &(struct deed){ .n = 2, .result = 7 }, 7, WEIR_NOT_COMMITTED,
         "a body that returns a positive number is rolled back, and that returned");
    does(db, plain, &(struct deed){ .n = 3, .result = WEIR_E_DATA }, WEIR_E_DATA, WEIR_NOT_COMMITTED,
         "a body that fails by itself is rolled back");
    does(db, plain, &(struct deed){ .n = 4, .result = -1000 }, -1000, WEIR_NOT_COMMITTED, "  whatever it calls that");
    does(db, plain, &(struct deed){ .n = 1 }, WEIR_E_UNIQUE, WEIR_NOT_COMMITTED,
         "a body whose statement fails is rolled back");
    is_int(lines(db), 1, "  none of which is stored");
    is_int(weir_transact(NULL, db, plain, &(struct deed){ .n = 5 }, NULL, LONG, NULL), WEIR_OK,
           "who does not care for the outcome gives no place for it");
    is_int(lines(db), 2, "  and it is stored all the same");
}

/* ---- bodies that misbehave ---- */

static int releases(weir_conn conn, void *arg, weir_error *err)
{
    struct deed *d = arg;
    d->runs++;
    const int st = write_line(conn, d->n, err);
    weir_release(&conn);
    return st;
}

static int commits_itself(weir_conn conn, void *arg, weir_error *err)
{
    struct deed *d = arg;
    d->runs++;
    write_line(conn, d->n, err);
    return weir_commit(NULL, conn, LONG, err);
}

static int rolls_back_itself(weir_conn conn, void *arg, weir_error *err)
{
    struct deed *d = arg;
    d->runs++;
    write_line(conn, d->n, err);
    return weir_rollback(conn, LONG, err);
}

static int leaves_result(weir_conn conn, void *arg, weir_error *err)
{
    struct deed *d = arg;
    weir_rows rows;
    d->runs++;
    write_line(conn, d->n, err);
    return weir_query(&rows, conn, "SELECT n FROM numbers", WEIR_NO_ARGS, LONG, err);
}

static void bad_ones(weir_db *db)
{
    weir_error err;
    does(db, releases, &(struct deed){ .n = 11 }, WEIR_E_ARGUMENT, WEIR_NOT_COMMITTED,
         "a body that releases its connection is told so");
    is_int(talk_db_ask(db, WEIR_WRITE, "SELECT count(*) FROM book WHERE n > 10"), 0, "  and rolled back");
    does(db, commits_itself, &(struct deed){ .n = 12 }, WEIR_E_ARGUMENT, WEIR_COMMIT_UNKNOWN,
         "a body that commits by itself is told so");
    is_int(talk_db_ask(db, WEIR_WRITE, "SELECT count(*) FROM book WHERE n > 10"), 1, "  and it has");
    does(db, rolls_back_itself, &(struct deed){ .n = 13 }, WEIR_E_ARGUMENT, WEIR_COMMIT_UNKNOWN,
         "a body that rolls back by itself, too");
    does(db, leaves_result, &(struct deed){ .n = 14 }, WEIR_E_BUSY, WEIR_NOT_COMMITTED,
         "a body that leaves a result open is told so");
    is_int(talk_db_ask(db, WEIR_WRITE, "SELECT count(*) FROM book WHERE n > 10"), 1, "  and rolled back");
    is_int(weir_transact(NULL, db, NULL, NULL, NULL, LONG, &err), WEIR_E_ARGUMENT, "no body at all");
    is_int(weir_transact(NULL, NULL, plain, NULL, NULL, LONG, &err), WEIR_E_ARGUMENT, "no database");
    is_int(weir_transact(NULL, db, plain, NULL, &(weir_transact_options){ .attempts = 3 }, LONG, &err), WEIR_E_ARGUMENT,
           "options without a size");
}

/* ---- bodies that look away ---- */

static int looks_away(weir_conn conn, void *arg, weir_error *err)
{
    struct deed *d = arg;
    d->runs++;
    write_line(conn, d->n, err);
    is_int(write_line(conn, d->n, err), WEIR_E_UNIQUE, "a statement of a body fails");
    return 0;
}

static int guards(weir_conn conn, void *arg, weir_error *err)
{
    struct deed *d = arg;
    d->runs++;
    write_line(conn, d->n, err);
    is_int(weir_begin(conn, NULL, LONG, err), WEIR_OK, "a body may begin another inside");
    is_int(write_line(conn, d->n, err), WEIR_E_UNIQUE, "  let it fail");
    is_int(weir_rollback(conn, LONG, err), WEIR_OK, "  and roll it back");
    return write_line(conn, d->n + 1, err);
}

static void swallowed(weir_db *db, const struct dialect *d)
{
    struct deed deed = { .n = 21 };
    weir_outcome outcome;
    weir_error err;
    const int status = weir_transact(&outcome, db, looks_away, &deed, NULL, LONG, &err);
    ok((status < 0) == d->failure_stays, "  and is not looked at: the rest %s committed",
       d->failure_stays ? "cannot be" : "is");
    is_int(outcome.state, status < 0 ? WEIR_NOT_COMMITTED : WEIR_COMMITTED, "  which is told");
    is_int(talk_db_ask(db, WEIR_READ, "SELECT count(*) FROM book WHERE n = 21"), status < 0 ? 0 : 1, "  and true");
    does(db, guards, &(struct deed){ .n = 22 }, WEIR_OK, WEIR_COMMITTED, "  and commit the rest");
    is_int(talk_db_ask(db, WEIR_READ, "SELECT count(*) FROM book WHERE n IN (22, 23)"), 2, "  which is stored");
}

/* ---- statements that end it ---- */

struct ending {
    const char *statement;
    int after; /* the status of the next statement */
};

static int ends_by_statement(weir_conn conn, void *arg, weir_error *err)
{
    struct ending *e = arg;
    weir_error ignored;
    write_line(conn, 61, err);
    is_int(weir_exec(NULL, conn, e->statement, WEIR_NO_ARGS, LONG, err), WEIR_OK, "%s in a body", e->statement);
    e->after = write_line(conn, 62, &ignored);
    return 0;
}

static void ended(weir_db *db, const char *statement)
{
    struct ending e = { .statement = statement };
    weir_outcome outcome;
    weir_error err;
    is_int(weir_transact(&outcome, db, ends_by_statement, &e, NULL, LONG, &err), WEIR_E_ARGUMENT,
           "  ends the transaction, which is told");
    is_int(outcome.state, WEIR_COMMIT_UNKNOWN, "  in its state, too");
    is_int(e.after, WEIR_E_STATEMENT, "  and nothing more can be done in it");
    is_int(talk_db_ask(db, WEIR_WRITE, "SELECT count(*) FROM book WHERE n = 61"), 1, "  what was before is there");
    is_int(talk_db_ask(db, WEIR_WRITE, "SELECT count(*) FROM book WHERE n = 62"), 0, "  what came after is not");
    talk_db_run(db, "DELETE FROM book WHERE n = 61");
}

/* A table made in a transaction is undone with it, or ends it. */
static void makes_table(weir_db *db, const struct dialect *d)
{
    struct ending e = { .statement = "CREATE TABLE made(n INTEGER)" };
    weir_outcome outcome;
    weir_error err;
    talk_db_run(db, "DROP TABLE IF EXISTS made");
    if (d->tables_commit) {
        ended(db, e.statement);
        return;
    }
    is_int(weir_transact(&outcome, db, ends_by_statement, &e, NULL, LONG, &err), WEIR_OK, "  is a part of it");
    is_int(talk_db_ask(db, WEIR_WRITE, "SELECT count(*) FROM book WHERE n IN (61, 62)"), 2, "  and all is there");
    talk_db_run(db, "DELETE FROM book WHERE n IN (61, 62)");
}

/* ---- time ---- */

static int works_too_long(weir_conn conn, void *arg, weir_error *err)
{
    struct deed *d = arg;
    d->runs++;
    write_line(conn, d->n, err);
    return weir_exec(NULL, conn, SCENARIO_MINUTES, WEIR_NO_ARGS, LONG, err);
}

/* Its deadline has passed when it comes back. */
static int sleeps_too_long(weir_conn conn, void *arg, weir_error *err)
{
    struct deed *d = arg;
    d->runs++;
    for (int st = WEIR_OK; st == WEIR_OK; talk_wait(talk_now_ms(), ""))
        st = weir_exec(NULL, conn, "SELECT 1", WEIR_NO_ARGS, LONG, err);
    return 0;
}

/* Has so long for it, or longer if that is over before the body has begun. */
static int transact_late(weir_outcome *outcome, weir_db *db, weir_body body, struct deed *deed, int64_t ms)
{
    weir_error err;
    const int before = deed->runs;
    int st;
    do {
        st = weir_transact(outcome, db, body, deed, NULL, weir_after_ms(ms), &err);
        ms *= 2;
    } while (deed->runs == before && ms < 100000);
    return st;
}

static void late(weir_db *db)
{
    weir_outcome outcome;
    struct deed deed = { .n = 31 };
    is_int(transact_late(&outcome, db, works_too_long, &deed, 300), WEIR_E_TIMEOUT,
           "no statement of a body runs past the deadline of the whole");
    is_int(outcome.state, WEIR_NOT_COMMITTED, "  which is not committed");
    is_int(transact_late(&outcome, db, sleeps_too_long, &deed, 300), WEIR_E_TIMEOUT,
           "nor is a body committed that ended after it");
    is_int(outcome.state, WEIR_NOT_COMMITTED, "  and told so");
    is_int(deed.runs, 2, "  and neither was run again");
    is_int(talk_db_ask(db, WEIR_WRITE, "SELECT count(*) FROM book WHERE n > 30"), 0, "  none of which is stored");
}

/* ---- read only ---- */

static int reads(weir_conn conn, void *arg, weir_error *err)
{
    struct deed *d = arg;
    weir_rows rows;
    d->runs++;
    int st = weir_query(&rows, conn, "SELECT count(*) FROM numbers", WEIR_NO_ARGS, LONG, err);
    if (st < 0 || (st = weir_rows_next(rows, err)) < 0)
        return st;
    d->n = weir_rows_int(rows, 0);
    return weir_rows_close(&rows, err);
}

static void read_only(weir_db *db)
{
    const weir_transact_options reading = { .size = sizeof reading, .read_only = 1 };
    weir_error err;
    weir_outcome outcome;
    struct deed deed = { .n = 41 };
    is_int(weir_transact(&outcome, db, reads, &deed, &reading, LONG, &err), WEIR_OK, "a reader's transaction");
    is_int(deed.n, 1000, "  reads");
    is_int(outcome.state, WEIR_COMMITTED, "  and is told committed");
    is_int(weir_transact(&outcome, db, plain, &deed, &reading, LONG, &err), WEIR_E_READ_ONLY, "  and writes nothing");
    is_int(outcome.attempts, 1, "  nor tries again");
}

/* ---- exactly once ---- */

static void once(weir_db *db)
{
    const weir_transact_options exactly = { .size = sizeof exactly, .exactly_once = 1 };
    struct deed deed = { .n = 71 };
    weir_outcome outcome;
    weir_error err;
    talk_db_run(db, "DROP TABLE IF EXISTS weir_markers");
    is_int(weir_transact(&outcome, db, plain, &deed, &exactly, LONG, &err), WEIR_OK,
           "a transaction that is to be done exactly once");
    is_int(talk_db_ask(db, WEIR_WRITE, "SELECT count(*) FROM weir_markers WHERE fate = 1"), 1, "  leaves a marker");
    deed.n = 71;
    is_int(weir_transact(&outcome, db, plain, &deed, &exactly, LONG, &err), WEIR_E_UNIQUE, "  one that fails");
    is_int(talk_db_ask(db, WEIR_WRITE, "SELECT count(*) FROM weir_markers"), 1, "  leaves none");
    const weir_transact_options reading = { .size = sizeof reading, .exactly_once = 1, .read_only = 1 };
    is_int(weir_transact(&outcome, db, reads, &deed, &reading, LONG, &err), WEIR_OK, "  and a reader's needs none");
    is_int(talk_db_ask(db, WEIR_WRITE, "SELECT count(*) FROM weir_markers"), 1, "  and leaves none");
}

/* ---- conflicts ---- */

struct transfer {
    weir_db *db;
    int from, to;
    bool meet;         /* with the other, half-way, the first time */
    bool look_away;    /* when a statement fails */
    atomic_int *there; /* how many are half-way */
    int runs;
    weir_outcome outcome;
    int status;
};

static int move_one(weir_conn conn, void *arg, weir_error *err)
{
    struct transfer *t = arg;
    int st = weir_exec(NULL, conn, "UPDATE accounts SET balance = balance - 1 WHERE id = ?",
                       WEIR_ARGS(weir_int(t->from)), LONG, err);
    if (t->runs++ == 0 && t->meet && st >= 0) {
        atomic_fetch_add(t->there, 1);
        TALK_UNTIL(atomic_load(t->there) == 2);
    }
    if (st >= 0)
        st = weir_exec(NULL, conn, "UPDATE accounts SET balance = balance + 1 WHERE id = ?", WEIR_ARGS(weir_int(t->to)),
                       LONG, err);
    return t->look_away ? 0 : st;
}

static void *transfer(void *arg)
{
    struct transfer *t = arg;
    weir_error err = { .text = "" };
    t->status = weir_transact(&t->outcome, t->db, move_one, t, NULL, LONG, &err);
    if (t->status < 0)
        tap_note("%s", err.text);
    return NULL;
}

/* Two that lock the same rows in opposite order.  Where both can write at once, each has the one row before it asks for the other. */
static void opposite(const struct scenario *s, bool look_away)
{
    pthread_t thread;
    atomic_int there = 0;
    const bool meet = !s->dialect->one_writer;
    struct transfer a = { .db = s->db, .from = 1, .to = 2, .meet = meet, .look_away = look_away, .there = &there };
    struct transfer b = a;
    b.from = 2;
    b.to = 1;
    weir_figures before = { .size = sizeof before }, after = { .size = sizeof after };
    talk_db_run(s->db, "DROP TABLE IF EXISTS accounts");
    talk_db_run(s->db, "CREATE TABLE accounts(id INTEGER PRIMARY KEY, balance INTEGER)");
    talk_db_run(s->db, "INSERT INTO accounts VALUES (1, 100), (2, 100)");
    weir_pool_figures(&before, weir_db_pool(s->db, 0));
    talk_start(&thread, transfer, &a);
    transfer(&b);
    talk_join(thread);
    weir_pool_figures(&after, weir_db_pool(s->db, 0));
    ok(a.status == WEIR_OK && b.status == WEIR_OK, "two transfers in opposite order both come about%s",
       look_away ? ", though their bodies look away from failures" : "");
    ok(a.outcome.state == WEIR_COMMITTED && b.outcome.state == WEIR_COMMITTED, "  and are told committed");
    ok((int)a.outcome.attempts == a.runs && (int)b.outcome.attempts == b.runs, "  after as many attempts as are told");
    ok(meet ? a.runs + b.runs >= 3 : a.runs + b.runs == 2, "  in all %d", a.runs + b.runs);
    is_int(talk_db_ask(s->db, WEIR_READ, "SELECT count(*) FROM accounts WHERE balance = 100"), 2, "  each once");
    is_int(after.transactions - before.transactions, 2, "  two transactions are counted");
    is_int(after.retries - before.retries, a.runs + b.runs - 2, "  every retry");
    ok(!meet || after.deadlocks_server > before.deadlocks_server, "  and what the server called a deadlock");
    is_int(after.deadlocks_caller - before.deadlocks_caller, 0, "  of which no caller heard");
}

void scenario_transact(const struct scenario *s)
{
    make_book(s->db, s->dialect);
    plain_ones(s->db);
    bad_ones(s->db);
    swallowed(s->db, s->dialect);
    ended(s->db, "COMMIT");
    makes_table(s->db, s->dialect);
    late(s->db);
    read_only(s->db);
    once(s->db);
    opposite(s, false);
    opposite(s, true);
}
