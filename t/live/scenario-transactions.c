/*
 * The scenario: transactions by hand.
 * SPDX-License-Identifier: MIT
 */
#include "scenario.h"

static void make_ledger(weir_db *db, const struct dialect *d)
{
    talk_db_run(db, "DROP TABLE IF EXISTS ledger");
    talk_db_run(db, "CREATE TABLE ledger(n %s NOT NULL PRIMARY KEY)", d->whole);
}

static int64_t entries(weir_conn conn)
{
    return talk_ask(conn, "SELECT count(*) FROM ledger");
}

static void enter(weir_conn conn, int64_t n)
{
    talk_run_with(conn, WEIR_ARGS(weir_int(n)), "INSERT INTO ledger VALUES (?)");
}

static void begins(weir_conn conn, const char *fact)
{
    is_int(weir_begin(conn, NULL, LONG, NULL), WEIR_OK, "%s", fact);
}

static void commits(weir_conn conn, const char *fact)
{
    weir_outcome outcome = { .state = 99 };
    is_int(weir_commit(&outcome, conn, LONG, NULL), WEIR_OK, "%s", fact);
    is_int(outcome.state, WEIR_COMMITTED, "  and is told committed");
}

static void rolls_back(weir_conn conn, const char *fact)
{
    is_int(weir_rollback(conn, LONG, NULL), WEIR_OK, "%s", fact);
}

/* ---- one ---- */

static void simple(weir_db *db)
{
    weir_conn conn = talk_borrow(db, WEIR_WRITE);
    begins(conn, "a transaction begins");
    enter(conn, 1);
    is_int(entries(conn), 1, "  sees what it wrote");
    rolls_back(conn, "  rolls back");
    is_int(entries(conn), 0, "  and has written nothing");
    begins(conn, "another begins");
    enter(conn, 1);
    commits(conn, "  commits");
    weir_release(&conn);
    is_int(talk_db_ask(db, WEIR_READ, "SELECT count(*) FROM ledger"), 1, "  and everybody sees it");
}

static void without(weir_conn conn)
{
    weir_error err;
    weir_outcome outcome = { .state = 99 };
    is_int(weir_commit(&outcome, conn, LONG, &err), WEIR_E_ARGUMENT, "a commit without a transaction is refused");
    has_text(err.text, "weir_begin", "  and told why");
    is_int(outcome.state, WEIR_NOT_COMMITTED, "  and nothing is committed");
    is_int(weir_rollback(conn, LONG, &err), WEIR_E_ARGUMENT, "so is a rollback");
}

static void with_result_open(weir_conn conn)
{
    weir_error err;
    weir_rows rows = talk_first(conn, WEIR_NO_ARGS, "SELECT n FROM numbers");
    is_int(weir_begin(conn, NULL, LONG, &err), WEIR_E_BUSY, "no transaction begins while a result is open");
    weir_rows_close(&rows, NULL);
    begins(conn, "after it, one does");
    enter(conn, 100);
    rows = talk_first(conn, WEIR_NO_ARGS, "SELECT n FROM numbers");
    is_int(weir_commit(NULL, conn, LONG, &err), WEIR_E_BUSY, "  and is not committed while a result is open");
    is_int(weir_rollback(conn, LONG, &err), WEIR_E_BUSY, "  nor rolled back");
    weir_rows_close(&rows, NULL);
    rolls_back(conn, "  but then");
    is_int(talk_ask(conn, "SELECT count(*) FROM ledger WHERE n = 100"), 0, "  whole");
}

/* ---- inside each other ---- */

static void nested(weir_conn conn)
{
    begins(conn, "a transaction");
    enter(conn, 11);
    begins(conn, "  one inside it");
    enter(conn, 12);
    begins(conn, "  and one inside that");
    enter(conn, 13);
    is_int(talk_ask(conn, "SELECT count(*) FROM ledger WHERE n > 10"), 3, "  see all");
    rolls_back(conn, "the innermost rolls back");
    is_int(talk_ask(conn, "SELECT count(*) FROM ledger WHERE n > 10"), 2, "  alone");
    begins(conn, "a second one at its place");
    enter(conn, 14);
    commits(conn, "  commits");
    rolls_back(conn, "what is around it rolls back");
    is_int(talk_ask(conn, "SELECT count(*) FROM ledger WHERE n > 10"), 1, "  and takes it along");
    commits(conn, "the outermost commits");
    is_int(talk_ask(conn, "SELECT count(*) FROM ledger WHERE n > 10"), 1, "  what was its own");
    without(conn);
}

static void wrong_options(weir_conn conn)
{
    weir_error err;
    const weir_transact_options unsized = { .isolation = WEIR_SERIALIZABLE };
    const weir_transact_options unknown = { .size = sizeof unknown, .isolation = 9 };
    const weir_transact_options serializable = { .size = sizeof serializable, .isolation = WEIR_SERIALIZABLE };
    is_int(weir_begin(conn, &unsized, LONG, &err), WEIR_E_ARGUMENT, "options without a size are refused");
    is_int(weir_begin(conn, &unknown, LONG, &err), WEIR_E_ARGUMENT, "so is an isolation that does not exist");
    begins(conn, "inside a transaction");
    is_int(weir_begin(conn, &serializable, LONG, &err), WEIR_E_ARGUMENT, "  there is no isolation of one's own");
    rolls_back(conn, "  and nothing more to end than it");
    without(conn);
}

/* ---- failures inside ---- */

/* A savepoint around what may fail keeps the rest. */
static void failure_in_savepoint(weir_conn conn)
{
    begins(conn, "in a transaction");
    enter(conn, 21);
    begins(conn, "  and a savepoint");
    talk_is(conn, WEIR_E_UNIQUE, "INSERT INTO ledger VALUES (21)", WEIR_NO_ARGS, "  a statement fails");
    rolls_back(conn, "  the savepoint rolls back");
    enter(conn, 22);
    commits(conn, "  and the transaction goes on");
    is_int(talk_ask(conn, "SELECT count(*) FROM ledger WHERE n > 20"), 2, "  with what is good");
}

/* Without one it depends on the database; but what is told is what became of it. */
static void failure_in_transaction(weir_conn conn, const struct dialect *d)
{
    weir_outcome outcome;
    begins(conn, "in a transaction");
    enter(conn, 31);
    talk_is(conn, WEIR_E_UNIQUE, "INSERT INTO ledger VALUES (31)", WEIR_NO_ARGS, "  a statement fails");
    const int status = weir_commit(&outcome, conn, LONG, NULL);
    const int64_t stored = talk_ask(conn, "SELECT count(*) FROM ledger WHERE n > 30");
    ok((status < 0) == d->failure_stays, "  it %s commit then", d->failure_stays ? "does not" : "can");
    is_int(outcome.state, status < 0 ? WEIR_NOT_COMMITTED : WEIR_COMMITTED, "  which is told");
    is_int(stored, status < 0 ? 0 : 1, "  and true");
    without(conn);
}

static void timeout_in_transaction(weir_conn conn)
{
    weir_error err;
    begins(conn, "in a transaction");
    enter(conn, 41);
    is_int(weir_exec(NULL, conn, SCENARIO_MINUTES, WEIR_NO_ARGS, weir_after_ms(50), &err), WEIR_E_TIMEOUT,
           "  a statement times out");
    rolls_back(conn, "  and it is rolled back");
    is_int(talk_ask(conn, "SELECT count(*) FROM ledger WHERE n > 40"), 0, "  whole");
    begins(conn, "in another");
    enter(conn, 42);
    const weir_deadline past = weir_by(weir_after_ms(0));
    for (int64_t began = talk_now_ms(); talk_now_ms() <= began + 1; talk_wait(began, "a moment passes"))
        ;
    weir_outcome outcome = { .state = 99 };
    is_int(weir_commit(&outcome, conn, past, &err), WEIR_E_TIMEOUT, "  a commit whose deadline has passed");
    is_int(outcome.state, WEIR_NOT_COMMITTED, "  does not happen");
    is_int(weir_rollback(conn, LONG, &err), WEIR_E_ARGUMENT, "  and leaves nothing to be ended");
    is_int(talk_ask(conn, "SELECT count(*) FROM ledger WHERE n > 40"), 0, "  and nothing behind");
}

/* ---- left behind ---- */

static void left_open(weir_db *db)
{
    weir_conn conn = talk_borrow(db, WEIR_WRITE);
    begins(conn, "a transaction that is left open");
    enter(conn, 51);
    begins(conn, "  with another inside");
    enter(conn, 52);
    weir_release(&conn);
    conn = talk_borrow(db, WEIR_WRITE);
    without(conn);
    is_int(talk_ask(conn, "SELECT count(*) FROM ledger WHERE n > 50"), 0, "  is rolled back before the next loan");
    talk_run(conn, "BEGIN");
    enter(conn, 53);
    weir_release(&conn);
    is_int(talk_db_ask(db, WEIR_WRITE, "SELECT count(*) FROM ledger WHERE n > 50"), 0,
           "so is one that was begun behind weir's back");
    is_int(talk_db_ask(db, WEIR_READ, "SELECT count(*) FROM ledger WHERE n > 50"), 0, "  for everybody");
}

static void left_result(weir_db *db)
{
    for (int i = 0; i < 3; i++) {
        weir_conn conn = talk_borrow(db, WEIR_WRITE);
        weir_rows rows = talk_first(conn, WEIR_NO_ARGS, "SELECT n FROM numbers");
        (void)rows;
        weir_release(&conn);
    }
    is_int(talk_db_ask(db, WEIR_WRITE, "SELECT count(*) FROM digits"), 10,
           "a result that is left open is ended before the next loan");
}

/* ---- read only ---- */

static void refuses_writes(weir_conn conn, const char *fact)
{
    weir_error err = { .text = "" };
    if (!is_int(weir_exec(NULL, conn, "INSERT INTO ledger VALUES (61)", WEIR_NO_ARGS, LONG, &err), WEIR_E_READ_ONLY,
                "%s", fact))
        tap_note("  %s", err.text);
    is_text(err.sqlstate, "25006", "  by its SQLSTATE, too");
}

static void read_only(weir_db *db)
{
    const weir_transact_options reading = { .size = sizeof reading, .read_only = 1 };
    weir_conn conn = talk_borrow(db, WEIR_READ);
    refuses_writes(conn, "a connection for reading refuses to write");
    talk_is(conn, WEIR_E_READ_ONLY, "CREATE TABLE sneaky(a INTEGER)", WEIR_NO_ARGS, "  or to make a table");
    begins(conn, "it has transactions");
    refuses_writes(conn, "  which refuse, too");
    rolls_back(conn, "  and roll back");
    weir_release(&conn);

    conn = talk_borrow(db, WEIR_WRITE);
    is_int(weir_begin(conn, &reading, LONG, NULL), WEIR_OK, "a read-only transaction on a connection for writing");
    is_int(entries(conn), entries(conn), "  reads");
    refuses_writes(conn, "  and refuses to write");
    rolls_back(conn, "  it rolls back");
    is_int(weir_begin(conn, &reading, LONG, NULL), WEIR_OK, "  another");
    commits(conn, "  commits");
    enter(conn, 62);
    is_int(talk_ask(conn, "SELECT count(*) FROM ledger WHERE n > 60"), 1, "  and then there is writing again");
    weir_release(&conn);
}

/* ---- isolation ---- */

static void levels(weir_db *db)
{
    weir_conn conn = talk_borrow(db, WEIR_WRITE);
    for (uint32_t level = WEIR_SERVER_DEFAULT; level <= WEIR_SERIALIZABLE; level++) {
        const weir_transact_options o = { .size = sizeof o, .isolation = level };
        is_int(weir_begin(conn, &o, LONG, NULL), WEIR_OK, "isolation %u can be had", level);
        enter(conn, 70 + (int64_t)level);
        commits(conn, "  to write");
    }
    is_int(talk_ask(conn, "SELECT count(*) FROM ledger WHERE n >= 70"), 4, "  all four");
    weir_release(&conn);
}

static void snapshot(const struct scenario *s)
{
    const weir_transact_options o = { .size = sizeof o, .isolation = WEIR_REPEATABLE_READ, .read_only = 1 };
    if (s->differs & SCENARIO_READERS_BLOCK)
        return;
    weir_conn reader = talk_borrow(s->db, WEIR_READ), writer = talk_borrow(s->db, WEIR_WRITE);
    is_int(weir_begin(reader, &o, LONG, NULL), WEIR_OK, "a transaction that reads repeatably");
    const int64_t before = entries(reader);
    enter(writer, 81);
    is_int(entries(reader), before, "  does not see what was committed since");
    commits(reader, "  until it ends");
    is_int(entries(reader), before + 1, "  and then does");
    weir_release(&reader);
    weir_release(&writer);
}

void scenario_transactions(const struct scenario *s)
{
    make_ledger(s->db, s->dialect);
    simple(s->db);
    weir_conn conn = talk_borrow(s->db, WEIR_WRITE);
    without(conn);
    with_result_open(conn);
    nested(conn);
    wrong_options(conn);
    failure_in_savepoint(conn);
    failure_in_transaction(conn, s->dialect);
    timeout_in_transaction(conn);
    weir_release(&conn);
    left_open(s->db);
    left_result(s->db);
    read_only(s->db);
    levels(s->db);
    snapshot(s);
}
