/*
 * The PostgreSQL driver behind PgBouncer in transaction mode, where each transaction may meet another session.
 * SPDX-License-Identifier: MIT
 */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include "postgres-rig.h"
#include "server-postgres.h"
#include "row.h"
#include "tap.h"

#define backend (&weir_postgres_backend)
#define wing (backend->sql)

static struct postgres server;
static struct pgbouncer pooler;
static struct rig rig, direct;
static weir_error err;
static weir_value cell;

/* ---- statements ---- */

static void test_values(void *conn)
{
    const weir_value values[] = { weir_int(-5),         weir_text("it's"),    weir_double(0.1),
                                  weir_decimal("1.50"), weir_blob("a\0b", 3), weir_time_us(INT64_C(1700000000123456)),
                                  weir_null() };
    void *stmt = make(conn, "SELECT ?");
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        const weir_value *v = &values[i];
        if (wing->run(conn, stmt, WEIR_ARGS(*v), 1, SOON, &err) < 0 || row_next(wing, conn, SOON, &err) != WEIR_ROW ||
            row_cell(wing, conn, 0, &cell) < 0)
            tap_bail("a value does not come back: %s", err.text);
        is_int(cell.type, v->type, "a value of type %u comes back as such", v->type);
        if (v->type == WEIR_INT || v->type == WEIR_TIME)
            is_int(cell.as.i, v->as.i, "  its number");
        else if (v->type == WEIR_DOUBLE)
            ok(cell.as.d == v->as.d, "  its number");
        else if (v->type != WEIR_NULL)
            ok(cell.length == v->length && memcmp(cell.as.p, v->as.p, (size_t)v->length) == 0, "  its bytes");
        wing->abandon(conn);
    }
    forget(conn, &stmt);
}

static void test_statements(void *conn)
{
    must(conn, "CREATE TABLE t(id serial PRIMARY KEY, v text)");
    must(conn, "INSERT INTO t(v) VALUES('a'),('b') RETURNING id");
    is_int(wing->affected(conn), 2, "an insert of two affects two");
    is_int(wing->last_id(conn), 2, "  and tells the last key");
    void *stmt = begin_rows(conn, "SELECT i, 'x' FROM generate_series(1, ?) i", WEIR_ARGS(weir_int(20000)));
    int64_t sum = 0;
    while (row_next(wing, conn, SOON, &err) == WEIR_ROW && row_cell(wing, conn, 0, &cell) == 0)
        sum += cell.as.i;
    is_int(sum, 200010000, "twenty thousand rows are read");
    wing->abandon(conn);
    is_int(wing->run(conn, stmt, WEIR_ARGS(weir_int(3000000)), 1, SOON, &err), WEIR_OK, "three million are begun");
    is_int(row_next(wing, conn, SOON, &err), WEIR_ROW, "  and left");
    end_rows(conn, &stmt);
    is_int(ask_int(conn, "SELECT count(*) FROM t"), 2, "  and the next statement runs");
    void *watch = session(&direct);
    is_int(ask_int(watch,
                   "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'weir' AND pid <> pg_backend_pid()"),
           1, "all of it is one session of the server's");
    end(&watch);
    stmt = make(conn, "SELECT 4711");
    is_int(ask_int(conn, "SELECT count(*) FROM pg_prepared_statements"), 0, "  which knows no statement by name");
    forget(conn, &stmt);
}

static void test_table_changes(void *conn)
{
    void *stmt = begin_rows(conn, "SELECT * FROM t WHERE id = 1", WEIR_NO_ARGS);
    is_int(wing->columns(conn), 2, "a table has two columns");
    wing->abandon(conn);
    must(conn, "ALTER TABLE t ADD extra timestamptz DEFAULT '2023-11-14 22:13:20+00'");
    is_int(wing->run(conn, stmt, WEIR_NO_ARGS, 1, SOON, &err), WEIR_OK, "  and gets a third under a statement");
    is_int(wing->columns(conn), 3, "  which then gives it");
    is_text(wing->name(conn, 2), "extra", "  by name");
    row_next(wing, conn, SOON, &err);
    ok(row_cell(wing, conn, 2, &cell) == 0 && cell.type == WEIR_TIME && cell.as.i == INT64_C(1700000000000000),
       "  and value");
    end_rows(conn, &stmt);
}

static const struct {
    const char *sql;
    int refused;
} sessions[] = {
    { "SET search_path = x", 1 },
    { "SET ROLE weir", 1 },
    { "LISTEN x", 1 },
    { "PREPARE x AS SELECT 1", 1 },
    { "CREATE TEMP TABLE x(a int)", 1 },
    { "DECLARE x CURSOR WITH HOLD FOR SELECT 1", 1 },
    { "LOAD 'plpgsql'", 1 },
    { "RESET ALL", 0 },
    { "DO $$ BEGIN END $$", 0 },
    { "SELECT set_config('weir.x', 'y', true)", 0 },
    { "NOTIFY x", 0 },
};

static void test_sessions(void *conn)
{
    for (size_t i = 0; i < sizeof sessions / sizeof *sessions; i++) {
        is_int(run(conn, sessions[i].sql, &err), sessions[i].refused ? WEIR_E_UNSUPPORTED : WEIR_OK, "%s: %s",
               sessions[i].refused ? "refused" : "taken", sessions[i].sql);
        is_int(backend->dirty(conn), 0, "  with nothing left to be undone");
    }
    must(conn, "BEGIN");
    must(conn, "SET LOCAL search_path = pg_catalog");
    must(conn, "CREATE TEMP TABLE x ON COMMIT DROP AS SELECT 1");
    is_int(backend->dirty(conn), 1, "what goes with the transaction is taken");
    is_int(backend->reset(conn, SOON, &err), WEIR_OK, "  and a reset");
    is_int(backend->dirty(conn), 0, "  ends it");
    is_int(ask_int(conn, "SELECT count(*) FROM pg_class WHERE relpersistence = 't'"), 0, "  with all of it");
}

/* ---- the read lane ---- */

static void test_reader(void)
{
    void *r = reader(&rig);
    is_int(run(r, "INSERT INTO t(v) VALUES('no')", &err), WEIR_E_READ_ONLY, "a reader's lone statement may not write");
    is_text(err.sqlstate, "25006", "  as the server says");
    is_int(backend->dirty(r), 0, "  and leaves nothing open");
    is_int(ask_int(r, "SELECT count(*) FROM t"), 2, "it reads");
    void *stmt = begin_rows(r, "SELECT i FROM generate_series(1, 50000) i", WEIR_NO_ARGS);
    int rows = 0;
    while (row_next(wing, r, SOON, &err) == WEIR_ROW)
        rows++;
    is_int(rows, 50000, "  many rows");
    end_rows(r, &stmt);
    stmt = begin_rows(r, "SELECT i FROM generate_series(1, 3000000) i", WEIR_NO_ARGS);
    row_next(wing, r, SOON, &err);
    end_rows(r, &stmt);
    is_int(run(r, "SELECT 1/0", &err), WEIR_E_DATA, "  an error is what it is");
    is_int(run(r, "SELEKT", &err), WEIR_E_STATEMENT, "  of either kind");
    is_int(ask_int(r, "SELECT 1"), 1, "  and the next statement runs");
    wing->begin(r, 0, 0, SOON, &err);
    is_int(ask_int(r, "SELECT count(*) FROM t"), 2, "in a transaction it reads");
    is_int(run(r, "INSERT INTO t(v) VALUES('no')", &err), WEIR_E_READ_ONLY, "  and may not write");
    wing->rollback(r, SOON, &err);
    is_int(execute(r, "SELECT pg_sleep(7200)", WEIR_NO_ARGS, rig_now() + 50 * MS, &err), WEIR_E_TIMEOUT,
           "its deadlines are kept");
    is_int(err.flags, 0, "  with the connection");
    is_int(backend->turn(r, 0, SOON, &err), WEIR_OK, "it turns writer");
    is_int(run(r, "INSERT INTO t(v) VALUES('yes')", &err), WEIR_OK, "  and writes");
    is_int(backend->turn(r, 1, SOON, &err), WEIR_OK, "it turns back");
    is_int(run(r, "DELETE FROM t", &err), WEIR_E_READ_ONLY, "  and does not");
    end(&r);
}

/* ---- stopping ---- */

struct neighbour {
    pthread_t thread;
    void *conn;
    atomic_int done;
    int runs, failures;
};

/* Works on the very session on which the other's statements are being stopped. */
static void *work_beside(void *arg)
{
    struct neighbour *n = arg;
    weir_error own;
    while (!atomic_load(&n->done)) {
        n->runs++;
        if (execute(n->conn, "SELECT count(*) FROM generate_series(1, 1000)", WEIR_NO_ARGS, NEVER, &own) < 0 &&
            n->failures++ == 0)
            tap_note("%s", own.text);
    }
    return NULL;
}

static void test_stops(void *conn)
{
    struct neighbour n = { .conn = session(&rig) };
    int stopped = 0;
    if (pthread_create(&n.thread, NULL, work_beside, &n) != 0)
        tap_bail("cannot start a thread");
    for (int i = 0; i < 30; i++)
        stopped += execute(conn, "SELECT pg_sleep(7200)", WEIR_NO_ARGS, rig_now() + 20 * MS, &err) == WEIR_E_TIMEOUT &&
                   err.flags == 0;
    atomic_store(&n.done, 1);
    pthread_join(n.thread, NULL);
    is_int(stopped, 30, "thirty statements are stopped at their deadlines, and the connection stays");
    is_int(n.failures, 0, "  while a neighbour who shares the session runs %d, none of which is hit", n.runs);
    end(&n.conn);
}

/* ---- the pooler itself ---- */

static void refused(struct rig *r, const weir_target *target, const char *what, int status, uint32_t flags,
                    const char *text)
{
    err = (weir_error){ .text = "" };
    void *conn = dial(r, target, SOON, &err);
    ok(!conn, "%s", what);
    is_int(err.status, status, "  is refused in the right way");
    is_int(err.flags, flags, "  with flags %u", flags);
    has_text(err.text, text, "  in words: %s", err.text);
    end(&conn);
}

static void test_refusals(void)
{
    static const char *const with_init[] = { "pooler", "transaction", "init", "SET search_path = x", NULL };
    struct rig wrong;
    weir_target target = rig.target;
    target.database = "nowhere";
    refused(&rig, &target, "a database that the pooler does not know", WEIR_E_AUTH, 0, "nowhere");
    target = rig.target;
    target.user = "nobody";
    refused(&rig, &target, "a user whom the pooler does not know", WEIR_E_AUTH, 0, "authentication failed");
    rig_begin(&wrong, pooler.port, with_init);
    refused(&wrong, &wrong.target, "a session to be begun with a statement", WEIR_E_OPTION, 0, "pooler=transaction");
    setenv("PGDATESTYLE", "German", 1);
    refused(&rig, &rig.target, "dates that cannot be read", WEIR_E_CONNECT, 0, "DateStyle is 'German");
    unsetenv("PGDATESTYLE");
}

static void test_no_room(void)
{
    enum { CLIENTS = 12 };
    void *conns[CLIENTS + 1] = { NULL };
    int n = 0;
    while (n <= CLIENTS && (conns[n] = dial(&rig, &rig.target, SOON, &err)))
        n++;
    ok(n > 0 && n < CLIENTS, "a pooler with room for %d clients", n);
    is_int(err.status, WEIR_E_TOO_MANY, "  says when there is no more: %s", err.text);
    is_int(err.flags, WEIR_RETRY_ELSEWHERE, "  which may pass");
    while (n > 0)
        end(&conns[--n]);
}

/* The pooler takes a moment to notice who has left. */
static void *session_in_time(void)
{
    void *conn;
    while (!(conn = dial(&rig, &rig.target, SOON, &err)) && err.status == WEIR_E_TOO_MANY)
        ;
    return conn ? conn : session(&rig);
}

static void test_native(void)
{
    void *conn = session_in_time();
    backend->native(conn);
    is_int(backend->dirty(conn), 1, "native use makes it dirty");
    is_int(backend->reset(conn, SOON, &err), WEIR_E_UNSUPPORTED, "  beyond a reset");
    end(&conn);
}

static void test_ends(void)
{
    void *conn = session(&rig);
    is_int(backend->alive(conn), 1, "a connection to the pooler is alive");
    is_int(backend->ping(conn, SOON, &err), WEIR_OK, "  and answers a ping");
    pgbouncer_stop(&pooler);
    while (backend->alive(conn))
        ;
    is_int(run(conn, "SELECT 1", &err), WEIR_E_LOST, "until the pooler goes");
    is_int(err.flags, WEIR_CONNECTION_DEAD | WEIR_RETRY_ELSEWHERE, "  and may be replaced");
    end(&conn);
}

int main(void)
{
    static const char *const options[] = { "pooler", "transaction", "cancel_grace", "60s", NULL };
    unsetenv("PGDATESTYLE");
    postgres_start(&server, NULL);
    pgbouncer_start(&pooler, &server, "default_pool_size = 1\nmax_client_conn = 10\n");
    rig_begin(&rig, pooler.port, options);
    rig_begin(&direct, server.port, NULL);
    void *conn = session(&rig);
    test_values(conn);
    test_statements(conn);
    test_table_changes(conn);
    test_sessions(conn);
    test_reader();
    test_stops(conn);
    end(&conn);
    test_refusals();
    test_no_room();
    test_native();
    test_ends();
    is_int(rig.blocks, 0, "the driver has given back all memory");
    postgres_stop(&server);
    return tap_done();
}
