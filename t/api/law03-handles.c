/*
 * Law 3: a connection has one owner.  A handle whose loan is over is told so by every call, and changes nothing for whoever has the
 * connection now.
 * SPDX-License-Identifier: MIT
 */
#include "rig.h"

static weir_db *db;

/* Every call that takes a connection, on one that must be told the same by all of them. */
static void all_refuse(weir_conn conn, int status, const char *what)
{
    weir_rows rows;
    weir_outcome outcome;
    int64_t affected = 7;
    is_int(weir_exec(&affected, conn, "ADD 1", WEIR_NO_ARGS, LONG, &err), status, "%s: exec", what);
    ok(affected == 0 && err.status == status && err.text[0], "  with the output zeroed and a text");
    is_int(weir_query(&rows, conn, "ROWS 1", WEIR_NO_ARGS, LONG, &err), status, "  query");
    ok(!rows.slot && !rows.result, "  gives an empty result");
    is_int(weir_begin(conn, NULL, LONG, &err), status, "  begin");
    is_int(weir_commit(&outcome, conn, LONG, &err), status, "  commit");
    is_int(outcome.state, WEIR_NOT_COMMITTED, "  commits nothing");
    is_int(weir_rollback(conn, LONG, &err), status, "  rollback");
    is_int(weir_exec(NULL, conn, "ADD 1", WEIR_NO_ARGS, LONG, NULL), status, "  nobody has to ask why");
    ok(!weir_conn_native(conn) && weir_last_id(conn) == 0, "  it has no native handle and no last key");
}

static void stale(const char *mode)
{
    db = open_db(NULL, "null://stale-%s/db?pool_size=1&threads=%s", mode, mode);
    weir_conn conn = take(db, WEIR_WRITE), copy = conn;
    weir_release(&conn);
    ok(!conn.slot && !conn.loan, "a release zeroes the handle");
    all_refuse(copy, WEIR_E_STALE, "a copy after the release");
    is_int(weir_cancel(copy, &err), WEIR_E_STALE, "  cancel");

    weir_conn next = take(db, WEIR_WRITE), again = copy;
    ok(next.slot == copy.slot && next.loan != copy.loan, "the same place is lent anew under another number");
    all_refuse(copy, WEIR_E_STALE, "the old copy");
    is_int(weir_cancel(copy, &err), WEIR_E_STALE, "  cancel");
    weir_release(&copy);
    weir_discard(&again);
    ok(!copy.slot && !again.slot, "releasing and discarding it is allowed,");
    is_int(figures(db).used, 1, "ends nobody's loan");
    is_int(run(next, "ADD 1"), WEIR_OK, "and disturbs nobody");
    is_int(ask(next, "COUNTER"), 1, "nothing of what was refused has reached the server");

    copy = next;
    weir_release(&copy);
    all_refuse(next, WEIR_E_STALE, "the original, released by a copy");
    weir_release(&next);
    weir_release(&next);
    ok(figures(db).used == 0 && figures(db).idle == 1, "released three times, it is idle once");
    is_int(figures(db).acquired, 2, "and two loans were counted");
    weir_db_close(&db);
}

static void empty(void)
{
    const weir_conn nothing = { 0 };
    weir_conn conn = nothing;
    weir_rows rows = { 0 };
    all_refuse(nothing, WEIR_E_STALE, "an empty handle");
    has_text(err.text, "empty", "  is called what it is");
    is_int(weir_cancel(nothing, &err), WEIR_E_STALE, "  cancel");
    weir_release(&conn);
    weir_release(NULL);
    weir_discard(&conn);
    weir_discard(NULL);
    ok(!conn.slot, "no connection can be released and discarded");
    is_int(weir_rows_next(rows, &err), WEIR_E_STALE, "there is no next row of no result");
    is_int(weir_rows_next_set(rows, &err), WEIR_E_STALE, "and no next set");
    weir_rows_extend(rows, LONG);
    is_int(weir_rows_close(&rows, &err), WEIR_OK, "ending it is allowed");
    is_int(weir_rows_close(NULL, &err), WEIR_OK, "ending none, too");
}

/* A result that is over: its getters say nothing. */
static void rows_are_stale(weir_rows rows, const char *what)
{
    size_t length = 7;
    is_int(weir_rows_next(rows, &err), WEIR_E_STALE, "%s: next", what);
    is_int(weir_rows_next_set(rows, &err), WEIR_E_STALE, "  next set");
    ok(weir_rows_columns(rows) == 0 && !weir_rows_name(rows, 0), "  it has no columns");
    ok(weir_rows_is_null(rows, 0) && weir_rows_type(rows, 0) == WEIR_NULL, "  and no cells");
    ok(weir_rows_int(rows, 0) == 0 && weir_rows_time_us(rows, 0) == 0, "  of a number");
    ok(!weir_rows_text(rows, 0) && !weir_rows_blob(rows, 0, &length) && length == 0, "  or a text");
    weir_rows_extend(rows, LONG);
    is_int(weir_rows_close(&rows, &err), WEIR_E_STALE, "  closing it says so");
    ok(!rows.slot && !rows.result, "  and zeroes it");
}

static weir_rows one_row(weir_conn conn)
{
    weir_rows rows;
    if (weir_query(&rows, conn, "ROWS 3", WEIR_NO_ARGS, LONG, &err) < 0 || weir_rows_next(rows, &err) != WEIR_ROW)
        tap_bail("%s", err.text);
    return rows;
}

static void stale_rows(const char *mode)
{
    db = open_db(NULL, "null://rows-%s/db?pool_size=1&threads=%s", mode, mode);
    weir_conn conn = take(db, WEIR_READ);
    weir_rows rows = one_row(conn), copy = rows;
    is_int(weir_rows_close(&rows, &err), WEIR_OK, "a result is closed");
    rows_are_stale(copy, "a copy of a closed result");
    rows = one_row(conn);
    rows_are_stale(copy, "the same while another result is open");
    is_int(weir_rows_int(rows, 0), 1, "which is not disturbed");
    copy = rows;
    weir_release(&conn);
    rows_are_stale(copy, "a result whose connection was released");
    conn = take(db, WEIR_READ);
    rows_are_stale(copy, "and lent to somebody else");
    rows = one_row(conn);
    rows_are_stale(copy, "who reads a result of their own");
    is_int(weir_rows_int(rows, 0), 1, "it is not disturbed, either");
    is_int(weir_rows_close(&rows, &err), WEIR_OK, "and ends well");
    weir_release(&conn);
    weir_db_close(&db);
}

static struct busy {
    weir_conn conn;
    const char *sql;
    int status;
    atomic_int over;
} busy;

static void *stay_in_a_call(void *arg)
{
    (void)arg;
    do
        busy.status = run(busy.conn, busy.sql);
    while (busy.status == WEIR_E_BUSY); /* the test was looking whether this had begun */
    busy.over = 1;
    return NULL;
}

static pthread_t begin_call(weir_conn conn, const char *sql)
{
    busy = (struct busy){ .conn = conn, .sql = sql };
    pthread_t thread = begin(stay_in_a_call, NULL);
    AWAIT(run(conn, "ADD 0") == WEIR_E_BUSY);
    return thread;
}

/* A cancel that comes before the driver has begun reaches nothing. */
static void cancelled(weir_conn conn, pthread_t thread)
{
    AWAIT((weir_cancel(conn, &err), busy.over));
    end(thread);
}

static void in_use(const char *mode)
{
    db = open_db(NULL, "null://busy-%s/db?pool_size=1&threads=%s", mode, mode);
    weir_conn conn = take(db, WEIR_WRITE), copy = conn;
    pthread_t thread = begin_call(conn, "SLEEP 1h");
    all_refuse(conn, WEIR_E_BUSY, "while another thread is in a call");
    weir_release(&copy);
    is_int(figures(db).used, 1, "released during a call, it stays the caller's until that is over");
    is_int(try_take(&copy, db, WEIR_WRITE), WEIR_E_EXHAUSTED, "nobody else gets it");
    is_int(weir_cancel(conn, &err), WEIR_OK, "the call is cancelled");
    cancelled(conn, thread);
    is_int(busy.status, WEIR_E_CANCELLED, "and told so");
    all_refuse(conn, WEIR_E_STALE, "then the loan is over");
    weir_conn next = take(db, WEIR_WRITE);
    ok(next.slot == conn.slot && figures(db).opened == 1, "the connection serves the next");
    weir_release(&next);
    weir_db_close(&db);
}

static void discarded(const char *mode)
{
    db = open_db(NULL, "null://discard-%s/db?pool_size=1&threads=%s", mode, mode);
    weir_conn conn = take(db, WEIR_WRITE), copy = conn;
    int64_t session = ask(conn, "SESSION");
    weir_discard(&conn);
    ok(!conn.slot, "a discard zeroes the handle");
    all_refuse(copy, WEIR_E_STALE, "a copy after the discard");
    conn = take(db, WEIR_WRITE);
    ok(ask(conn, "SESSION") != session && figures(db).closed == 1, "the next borrower has a new session");
    copy = conn;
    pthread_t thread = begin_call(conn, "SLEEP 1h");
    weir_discard(&copy);
    all_refuse(conn, WEIR_E_STALE, "discarded during a call");
    ok(figures(db).used == 1 && weir_cancel(conn, &err) == WEIR_OK, "the call goes on, and can be cancelled");
    cancelled(conn, thread);
    is_int(busy.status, WEIR_E_CANCELLED, "  which ends it");
    AWAIT(weir_db_maintain(db, LONG, NULL) >= 0 && figures(db).closed == 2);
    ok(figures(db).used == 0, "and with it the loan and the connection");
    weir_db_close(&db);
}

int main(void)
{
    empty();
    EACH_MODE(mode)
    {
        stale(*mode);
        stale_rows(*mode);
        in_use(*mode);
        discarded(*mode);
    }
    return tap_done();
}
