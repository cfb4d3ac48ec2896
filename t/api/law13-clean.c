/*
 * Laws 7 and 13: what is lent is clean, and whoever releases a session does not pay for cleaning it.
 * SPDX-License-Identifier: MIT
 */
#include "rig.h"

static weir_db *db;

/* Each time a server of its own. */
static void open_with(const char *mode, const char *reset, const char *rest)
{
    static int servers;
    db = open_db(NULL, "null://clean-%d/db?pool_size=1&threads=%s&reset=%s%s", ++servers, mode, reset, rest);
}

/* Everything that was to be done is done. */
static void settle(void)
{
    AWAIT(weir_db_maintain(db, LONG, NULL) >= 0 && figures(db).resetting + figures(db).closing == 0);
}

/* A server that takes an hour for a round trip: whoever waits for one here stays. */
static void release_pays_nothing(const char *mode)
{
    open_with(mode, "auto", "&query_delay=1h&connect_timeout=1h");
    weir_conn conn = take(db, WEIR_WRITE);
    ok(weir_conn_native(conn) != NULL, "threads=%s: the driver's own handle can be had", mode);
    weir_release(&conn);
    is_int(figures(db).resetting, 1, "  after which the session is reset, but not by who releases it");
    is_int(try_take(&conn, db, WEIR_WRITE), WEIR_E_EXHAUSTED, "  it is not lent before that");
    weir_deadline deadline = weir_after_ms(10);
    is_int(weir_acquire(&conn, db, WEIR_WRITE, deadline, &err), WEIR_E_EXHAUSTED,
           "  and nobody waits longer than asked");
    weir_db_close(&db);
}

/* What a borrower leaves behind, and whether the session has to be reset for it. */
static const struct leftover {
    const char *what, *sql;
    int resets, closes;
} leftovers[] = {
    { "nothing", "ADD 1", 0, 0 },
    { "a dirty session", "DIRTY", 1, 0 },
    { "an open transaction", "BEGIN", 1, 0 },
    { "a session that cannot be reset", "STICKY", 1, 1 },
    { "a dead session", "FAIL lost", 0, 1 },
};

static void leave_behind(const struct leftover *l)
{
    weir_conn conn = take(db, WEIR_WRITE);
    int64_t session = ask(conn, "SESSION");
    run(conn, l->sql);
    weir_release(&conn);
    weir_figures f = figures(db);
    if (!l->resets && !l->closes)
        ok(f.idle == 1, "%s is left: the connection is free at once", l->what);
    else
        ok(f.idle + f.resetting + f.closing <= 1 && f.used == 0, "%s is left: it is no longer lent", l->what);
    conn = take(db, WEIR_WRITE);
    is_int(ask(conn, "SESSION") != session, l->closes, "  the next borrower has %s session",
           l->closes ? "another" : "that");
    is_int(run(conn, "BEGIN"), WEIR_OK, "  which is in no transaction");
    is_int(run(conn, "ROLLBACK"), WEIR_OK, "  and takes statements");
    weir_release(&conn);
    settle();
}

static void left_behind(const char *mode)
{
    open_with(mode, "auto", "");
    for (size_t i = 0; i < sizeof leftovers / sizeof *leftovers; i++)
        leave_behind(&leftovers[i]);
    is_int(figures(db).lost, 1, "threads=%s: one of them died under use", mode);
    weir_db_close(&db);
}

static void half_done(const char *mode, const char *reset)
{
    weir_rows rows;
    open_with(mode, reset, "");
    weir_conn conn = take(db, WEIR_WRITE);
    run(conn, "ADD 1");
    weir_begin(conn, NULL, LONG, &err);
    run(conn, "ADD 10");
    int status = weir_query(&rows, conn, "ROWS 5", WEIR_NO_ARGS, LONG, &err);
    ok(status == WEIR_OK && weir_rows_next(rows, &err) == WEIR_ROW,
       "threads=%s, reset=%s: a transaction and a result are open", mode, reset);
    weir_release(&conn);
    conn = take(db, WEIR_WRITE);
    is_int(ask(conn, "COUNTER"), 1, "  the next borrower sees neither");
    ok(weir_begin(conn, NULL, LONG, &err) == WEIR_OK && run(conn, "ADD 100") == WEIR_OK, "  begins one of its own");
    is_int(weir_commit(NULL, conn, LONG, &err), WEIR_OK, "  and commits it");
    is_int(ask(conn, "COUNTER"), 101, "  nothing of the other is in it");
    is_int(figures(db).opened, 1, "  on the same connection");
    weir_release(&conn);
    weir_db_close(&db);
}

/* Without threads a reset can be seen waiting. */
static void when_asked(void)
{
    weir_conn conn;
    open_with("none", "always", "");
    conn = take(db, WEIR_READ);
    weir_release(&conn);
    is_int(figures(db).resetting, 1, "reset=always: also a clean session is reset");
    conn = take(db, WEIR_READ);
    weir_release(&conn);
    is_int(figures(db).resetting, 1, "  after every loan");
    is_int(figures(db).opened, 1, "  and goes on");
    weir_db_close(&db);

    open_with("none", "never", "");
    conn = take(db, WEIR_READ);
    run(conn, "DIRTY");
    ok(weir_conn_native(conn) != NULL, "reset=never: a session that was used by hand");
    weir_release(&conn);
    is_int(figures(db).idle, 1, "  is free at once");
    conn = take(db, WEIR_READ);
    run(conn, "STICKY");
    weir_release(&conn);
    is_int(figures(db).idle, 1, "  also if it could not be reset");
    conn = take(db, WEIR_WRITE);
    ok(figures(db).opened == 1 && run(conn, "ADD 1") == WEIR_OK, "  and may even change its lane");
    weir_begin(conn, NULL, LONG, &err);
    weir_release(&conn);
    is_int(figures(db).resetting, 1, "  but a transaction is ended");
    weir_db_close(&db);
}

/* Whatever a thousand borrowers leave, each finds a session as new. */
static void *leave_a_mess(void *arg)
{
    unsigned state = (unsigned)(uintptr_t)arg;
    intptr_t surprises = 0;
    for (int i = 0; i < 250; i++) {
        weir_rows rows;
        weir_conn conn = take(db, dice(&state, 2) ? WEIR_READ : WEIR_WRITE);
        surprises += run(conn, "BEGIN") != WEIR_OK || run(conn, "ROLLBACK") != WEIR_OK;
        run(conn, leftovers[dice(&state, sizeof leftovers / sizeof *leftovers)].sql);
        if (dice(&state, 4) == 0 && weir_query(&rows, conn, "ROWS 9", WEIR_NO_ARGS, LONG, &err) < 0)
            surprises += err.status != WEIR_E_LOST;
        weir_release(&conn);
    }
    return (void *)surprises;
}

static void mess(const char *mode)
{
    pthread_t threads[4];
    intptr_t surprises = 0;
    db = open_db(NULL, "null://mess-%s/db?pool_size=2&threads=%s", mode, mode);
    for (size_t i = 0; i < 4; i++)
        threads[i] = begin(leave_a_mess, (void *)(i + 1));
    for (int i = 0; i < 4; i++) {
        void *of_one;
        pthread_join(threads[i], &of_one);
        surprises += (intptr_t)of_one;
    }
    is_int(surprises, 0, "threads=%s: a thousand messy borrowers find clean sessions", mode);
    weir_db_close(&db);
}

int main(void)
{
    EACH_MODE(mode)
    {
        release_pays_nothing(*mode);
        left_behind(*mode);
        half_done(*mode, "auto");
        half_done(*mode, "always");
        half_done(*mode, "never");
        mess(*mode);
    }
    when_asked();
    return tap_done();
}
