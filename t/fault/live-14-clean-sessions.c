/*
 * Level 14 on MariaDB and PostgreSQL: whatever one borrower leaves in his session, the next one, on the same connection, sees none of it.
 * A clean return costs no round trip, a dirty one at most one on PostgreSQL and three on MariaDB, never in the one who releases; and what
 * the pool had prepared is prepared again at most once.  (t/live/sqlite-sessions.t holds it against SQLite, where nothing is sent.)
 * SPDX-License-Identifier: MIT
 */
#include <string.h>
#include "live.h"

struct dirt {
    const char *what, *leaves, *more; /* statements; the second or NULL */
    const char *shows;                /* a number … */
    int64_t clean;                    /* … which is this where nothing is left */
};

static const struct dirt mariadb_dirt[] = {
    { "an open transaction", "BEGIN", "INSERT INTO kept VALUES (99)", "SELECT COUNT(*) FROM kept", 1 },
    { "autocommit", "SET autocommit = 0", "INSERT INTO kept VALUES (99)", "SELECT @@autocommit + COUNT(*) FROM kept",
      2 },
    { "an isolation level", "SET SESSION TRANSACTION ISOLATION LEVEL SERIALIZABLE", NULL,
      "SELECT @@tx_isolation = @@global.tx_isolation", 1 },
    { "a session variable", "SET sql_mode = ''", NULL, "SELECT @@sql_mode = @@global.sql_mode", 1 },
    { "a temporary table", "CREATE TEMPORARY TABLE kept(n INT)", NULL, "SELECT COUNT(*) FROM kept", 1 },
    { "a user variable", "SET @left = 1", NULL, "SELECT @left IS NULL", 1 },
    { "a table lock", "LOCK TABLES kept WRITE", NULL, "SELECT COUNT(*) FROM other", 1 },
    { "an advisory lock", "SELECT GET_LOCK('left', 0)", NULL, "SELECT IS_FREE_LOCK('left')", 1 },
    { "USE", "USE mysql", NULL, "SELECT DATABASE() = 'test'", 1 },
    { "SET ROLE", "SET ROLE keeper", NULL, "SELECT CURRENT_ROLE() IS NULL", 1 },
    { NULL, NULL, NULL, NULL, 0 },
};

static const struct dirt postgres_dirt[] = {
    { "an open transaction", "BEGIN", "INSERT INTO kept VALUES (99)", "SELECT count(*) FROM kept", 1 },
    { "an isolation level", "SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL SERIALIZABLE", NULL,
      "SELECT (current_setting('transaction_isolation') = 'read committed')::int", 1 },
    { "a session variable", "SET work_mem = '77MB'", NULL, "SELECT (current_setting('work_mem') = '4MB')::int", 1 },
    { "a temporary table", "CREATE TEMPORARY TABLE kept(n int)", NULL, "SELECT count(*) FROM kept", 1 },
    { "a user variable", "SELECT set_config('left.over', '1', false)", NULL,
      "SELECT (coalesce(current_setting('left.over', true), '') = '')::int", 1 },
    { "an advisory lock", "SELECT pg_advisory_lock(7)", NULL,
      "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'", 0 },
    { "LISTEN", "LISTEN somebody", NULL, "SELECT count(*) FROM pg_listening_channels()", 0 },
    { "a search path", "SET search_path = pg_catalog", NULL, "SELECT count(*) FROM kept", 1 },
    { "a cursor", "DECLARE over CURSOR WITH HOLD FOR SELECT 1", NULL,
      "SELECT count(*) FROM pg_cursors WHERE is_holdable", 0 },
    { "SET ROLE", "SET ROLE keeper", NULL, "SELECT (current_user = session_user)::int", 1 },
    { NULL, NULL, NULL, NULL, 0 },
};

static struct proxy *road;
static weir_db *db;

/* What the next borrower sees; INT64_MIN: his statement fails. */
static int64_t see(weir_conn conn, const char *sql)
{
    weir_rows rows;
    int64_t seen = INT64_MIN;
    weir_error err;
    if (weir_query(&rows, conn, sql, WEIR_NO_ARGS, LONG, &err) < 0) {
        tap_note("%s: %s", sql, err.text);
        return seen;
    }
    if (weir_rows_next(rows, NULL) == WEIR_ROW)
        seen = weir_rows_int(rows, 0);
    weir_rows_close(&rows, NULL);
    return seen;
}

/* Gives it back, and borrows it again; returns the round trips between. */
static long pass_on(weir_conn *conn)
{
    const long before = proxy_round_trips(road);
    weir_release(conn);
    *conn = talk_borrow(db, WEIR_WRITE);
    return proxy_round_trips(road) - before;
}

static void leave(const struct dirt *d, long allowed)
{
    weir_conn conn = talk_borrow(db, WEIR_WRITE);
    is_int(see(conn, d->shows), d->clean, "%s: before, there is none", d->what);
    talk_run(conn, "%s", d->leaves);
    if (d->more)
        talk_run(conn, "%s", d->more);
    const long trips = pass_on(&conn);
    is_int(see(conn, d->shows), d->clean, "  the next borrower sees none");
    ok(trips > 0 && trips <= allowed, "  which costs %ld round trips", trips);
    weir_release(&conn);
}

static void leave_nothing(void)
{
    weir_conn conn = talk_borrow(db, WEIR_WRITE);
    talk_run(conn, "INSERT INTO other VALUES (2)");
    talk_run(conn, "DELETE FROM other WHERE n = 2");
    is_int(pass_on(&conn), 0, "a clean return costs no round trip");
    weir_release(&conn);
}

/* Nothing comes through, and yet it returns. */
static void release_at_once(const struct dirt *d)
{
    weir_conn conn = talk_borrow(db, WEIR_WRITE);
    talk_run(conn, "%s", d->leaves);
    proxy_fault(road, PROXY_TO_SERVER, PROXY_STALL, 0);
    weir_release(&conn);
    is_int(live_figures(db).resetting, 1, "whoever releases a dirty one is back before it is clean");
    proxy_fault(road, PROXY_TO_SERVER, PROXY_NONE, 0);
    conn = talk_borrow(db, WEIR_WRITE);
    is_int(see(conn, d->shows), d->clean, "  which it is for the next");
    weir_release(&conn);
}

static void prepare_once(const struct dirt *d)
{
    weir_conn conn = talk_borrow(db, WEIR_WRITE);
    see(conn, "SELECT n + 1 FROM other");
    talk_run(conn, "%s", d->leaves);
    pass_on(&conn);
    const long before = proxy_round_trips(road);
    is_int(see(conn, "SELECT n + 1 FROM other"), 2, "what was prepared before works after");
    const long first = proxy_round_trips(road);
    see(conn, "SELECT n + 1 FROM other");
    const long second = proxy_round_trips(road);
    ok(first - before <= 2, "  and is prepared again once at most: %ld round trips", first - before);
    is_int(second - first, 1, "  to be run in one from then on");
    weir_release(&conn);
}

void live_clean_sessions(struct place *p)
{
    const bool mariadb = strcmp(p->words->name, "MariaDB") == 0;
    const struct dirt *dirt = mariadb ? mariadb_dirt : postgres_dirt;
    static const char *const make[] = { "CREATE TABLE kept(n INT)", "INSERT INTO kept VALUES (1)",
                                        "CREATE TABLE other(n INT)", "INSERT INTO other VALUES (1)",
                                        "CREATE ROLE keeper" };
    for (size_t i = 0; i < sizeof make / sizeof *make; i++)
        talk_db_run(p->watch, "%s", make[i]);
    road = proxy_start(p->port);
    db = live_open(p, proxy_port(road), "pool_size=1&keepalive=0s&probe_interval=0s");
    for (const struct dirt *d = dirt; d->what; d++)
        leave(d, mariadb ? 3 : 1);
    leave_nothing();
    release_at_once(&dirt[2]);
    prepare_once(&dirt[2]);
    is_int(live_figures(db).opened, 1, "all that on one connection");
    weir_db_close(&db);
    proxy_stop(&road);
    talk_db_run(p->watch, "DROP TABLE kept");
    talk_db_run(p->watch, "DROP TABLE other");
    talk_db_run(p->watch, "DROP ROLE keeper");
}
