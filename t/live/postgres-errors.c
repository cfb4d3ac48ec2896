/*
 * The PostgreSQL driver, alone: what errors mean, deadlines and cancels, transactions.
 * SPDX-License-Identifier: MIT
 */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include "postgres-rig.h"
#include "server-postgres.h"
#include "row.h"
#include "tap.h"

#define backend (&weir_postgres_backend)
#define wing (backend->sql)

#define HOURS "SELECT pg_sleep(7200)"

static struct postgres server;
static struct rig rig; /* with grace enough that a connection is never given up because the machine is slow */
static weir_error err;

/* ---- what an error means ---- */

#define told_as(st, ...) failed_as(&err, (st), __VA_ARGS__)

static const struct {
    const char *sql;
    int status;
    const char *state;
} refusals[] = {
    { "SELEKT 1", WEIR_E_STATEMENT, "42601" },
    { "SELECT * FROM nowhere", WEIR_E_STATEMENT, "42P01" },
    { "SELECT missing FROM t", WEIR_E_STATEMENT, "42703" },
    { "SELECT missing()", WEIR_E_STATEMENT, "42883" },
    { "SELECT ? + ?", WEIR_E_STATEMENT, "42725" },
    { "SELECT 'a'::text = 1", WEIR_E_STATEMENT, "42883" },
    { "CREATE TABLE t(a int)", WEIR_E_STATEMENT, "42P07" },
    { "CREATE TABLE no_schema.t(a int)", WEIR_E_STATEMENT, "3F000" },
    { "DROP TABLE parent", WEIR_E_STATEMENT, "2BP01" },
    { "SELECT 1; SELECT 2", WEIR_E_STATEMENT, "42601" },
    { "CLOSE never_opened", WEIR_E_STATEMENT, "34000" },
    { "SAVEPOINT s", WEIR_E_STATEMENT, "25P01" },
    { "VACUUM (FULL, PARALLEL 2)", WEIR_E_UNSUPPORTED, "0A000" },
    { "INSERT INTO t(id, u) VALUES(2, 'a')", WEIR_E_UNIQUE, "23505" },
    { "INSERT INTO t(id, f) VALUES(2, 9)", WEIR_E_FOREIGN_KEY, "23503" },
    { "DELETE FROM parent", WEIR_E_FOREIGN_KEY, "23503" },
    { "INSERT INTO t(id, n) VALUES(2, NULL)", WEIR_E_NOT_NULL, "23502" },
    { "INSERT INTO t(id, c) VALUES(2, -1)", WEIR_E_CHECK, "23514" },
    { "INSERT INTO t(id, r) VALUES(2, '[1,3)')", WEIR_E_CHECK, "23P01" },
    { "INSERT INTO small_only VALUES(100)", WEIR_E_CHECK, "44000" },
    { "INSERT INTO guarded VALUES(1)", WEIR_E_CHECK, "P0001" },
    { "INSERT INTO t(id, v) VALUES(2, 'too long')", WEIR_E_DATA, "22001" },
    { "SELECT 2147483647 + 1", WEIR_E_DATA, "22003" },
    { "SELECT 1/0", WEIR_E_DATA, "22012" },
    { "SELECT 'x'::int", WEIR_E_DATA, "22P02" },
    { "SELECT '2023-13-45'::date", WEIR_E_DATA, "22008" },
    { "SELECT (SELECT i FROM generate_series(1, 2) i)", WEIR_E_DATA, "21000" },
    { "INSERT INTO t(id) VALUES(3), (3) ON CONFLICT (id) DO UPDATE SET n = 1", WEIR_E_DATA, "21000" },
    { "SELECT currval('never_used')", WEIR_E_SERVER, "55000" },
    { "SET ROLE nobody_of_that_name", WEIR_E_DATA, "22023" },
    { "EXECUTE never_made", WEIR_E_STATEMENT, "26000" },
};

static void test_refusals(void *conn)
{
    must(conn, "CREATE TABLE parent(id int PRIMARY KEY)");
    must(conn, "INSERT INTO parent VALUES(1)");
    must(
        conn,
        "CREATE TABLE t(id int PRIMARY KEY, u text UNIQUE, n int NOT NULL DEFAULT 0, c int CHECK(c > 0), v varchar(5), "
        "f int REFERENCES parent(id), r int4range, EXCLUDE USING gist (r WITH &&))");
    must(conn, "INSERT INTO t(id, u, f, r) VALUES(1, 'a', 1, '[1,9)')");
    must(conn, "CREATE TABLE numbers(a int)");
    must(conn, "CREATE VIEW small_only AS SELECT a FROM numbers WHERE a < 9 WITH CHECK OPTION");
    must(conn, "CREATE TABLE guarded(a int)");
    must(conn, "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE 'rows stay out'; END$$");
    must(conn, "CREATE TRIGGER g BEFORE INSERT ON guarded FOR EACH ROW EXECUTE FUNCTION refuse()");
    must(conn, "CREATE SEQUENCE never_used");
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++)
        told_as(run(conn, refusals[i].sql, &err), refusals[i].status, refusals[i].state, 0, refusals[i].sql);
    is_int(ask_int(conn, "SELECT 1"), 1, "the connection has outlived all of that");
}

/* Those for which a server has to be broken are raised by hand: it is the table that is tested. */
static const struct {
    const char *state;
    int status;
    uint32_t flags;
} raised[] = {
    { "40001", WEIR_E_SERIALIZATION, WEIR_RETRY_TRANSACTION },
    { "40P01", WEIR_E_DEADLOCK, WEIR_RETRY_TRANSACTION },
    { "40000", WEIR_E_SERVER, 0 },
    { "40003", WEIR_E_SERVER, 0 },
    { "53100", WEIR_E_RESOURCE, 0 },
    { "53200", WEIR_E_RESOURCE, 0 },
    { "53400", WEIR_E_RESOURCE, 0 },
    { "58030", WEIR_E_RESOURCE, 0 },
    { "54001", WEIR_E_STATEMENT, 0 },
    { "08006", WEIR_E_SERVER, 0 },
    { "08001", WEIR_E_SERVER, 0 },
    { "08007", WEIR_E_SERVER, 0 },
    { "22999", WEIR_E_DATA, 0 },
    { "23999", WEIR_E_CHECK, 0 },
    { "42999", WEIR_E_STATEMENT, 0 },
    { "XX000", WEIR_E_SERVER, 0 },
    { "HV00N", WEIR_E_SERVER, 0 },
    { "ABCDE", WEIR_E_SERVER, 0 },
    { "XX001", WEIR_E_CORRUPT, WEIR_CONNECTION_DEAD },
    { "XX002", WEIR_E_CORRUPT, WEIR_CONNECTION_DEAD },
};

/* "SELECT … IN (?,?…)", which finds nine rows. */
static const char *many_parameters(int n)
{
    static char sql[200000];
    size_t used = (size_t)snprintf(sql, sizeof sql, "SELECT count(*) FROM generate_series(1, 9) n WHERE n IN (?");
    for (int i = 1; i < n; i++)
        used += (size_t)snprintf(sql + used, sizeof sql - used, ",?");
    snprintf(sql + used, sizeof sql - used, ")");
    return sql;
}

static void takes_parameters(void *conn, int n)
{
    static weir_value values[65535];
    for (int i = 0; i < n; i++)
        values[i] = weir_int(i);
    void *stmt = begin_rows(conn, many_parameters(n), weir_args_of(values, (size_t)n));
    weir_value cell = { 0 };
    row_next(wing, conn, SOON, &err);
    row_cell(wing, conn, 0, &cell);
    is_int(cell.as.i, 9, "a statement with %d parameters", n);
    end_rows(conn, &stmt);
}

static void refuses_parameters(void *conn, int n, const char *words)
{
    is_int(execute(conn, many_parameters(n), WEIR_NO_ARGS, SOON, &err), WEIR_E_STATEMENT, "%d parameters are refused",
           n);
    is_text(err.sqlstate, "54023", "  as too many");
    has_text(err.text, words, "  in words");
    is_int(ask_int(conn, "SELECT 1"), 1, "  and the session goes on");
}

/* What more there may be is libpq's to say: an old one would lose the connection. */
static void test_many_parameters(void *conn)
{
    takes_parameters(conn, 7498);
    void *stmt = NULL;
    size_t params, columns;
    if (wing->prepare(conn, &stmt, &params, &columns, many_parameters(7499), SOON, &err) == WEIR_OK) {
        forget(conn, &stmt);
        takes_parameters(conn, 65535);
    } else {
        refuses_parameters(conn, 7499, "7499 placeholders; this libpq, ");
        refuses_parameters(conn, 65535, "takes 7498, later releases take 65535");
    }
    refuses_parameters(conn, 65536, "65536 placeholders; the server takes 65535");
    is_int(run(conn, "SELECT $65536", &err), WEIR_E_STATEMENT, "  also by its number");
}

static void test_raised(void)
{
    for (size_t i = 0; i < sizeof raised / sizeof *raised; i++) {
        char sql[80];
        void *conn = session(&rig);
        snprintf(sql, sizeof sql, "DO $$BEGIN RAISE SQLSTATE '%s'; END$$", raised[i].state);
        told_as(run(conn, sql, &err), raised[i].status, raised[i].state, raised[i].flags, raised[i].state);
        is_int(backend->alive(conn), !(raised[i].flags & WEIR_CONNECTION_DEAD), "  and the connection knows its fate");
        end(&conn);
    }
}

static void test_permission(void)
{
    void *conn = session(&rig);
    must(conn, "CREATE ROLE powerless");
    must(conn, "SET ROLE powerless");
    told_as(run(conn, "SELECT * FROM t", &err), WEIR_E_PERMISSION, "42501", 0, "a table of somebody else's");
    end(&conn);
}

static void test_read_only(void *conn)
{
    void *r = reader(&rig);
    told_as(run(r, "DELETE FROM t", &err), WEIR_E_READ_ONLY, "25006", 0, "a write in the read lane");
    wing->begin(conn, 0, 1, SOON, &err);
    told_as(run(conn, "DELETE FROM t", &err), WEIR_E_READ_ONLY, "25006", 0,
            "a write in a transaction that was to read only");
    wing->rollback(conn, SOON, &err);
    must(conn, "ALTER DATABASE postgres SET default_transaction_read_only=on");
    void *w = session(&rig);
    told_as(run(w, "DELETE FROM t", &err), WEIR_E_READ_ONLY, "25006", WEIR_RETRY_ELSEWHERE,
            "a write where the server reads only");
    must(conn, "ALTER DATABASE postgres RESET default_transaction_read_only");
    end(&w);
    end(&r);
}

/* ---- conflicts ---- */

static void test_locked(void *conn)
{
    void *other = session(&rig);
    wing->begin(conn, 0, 0, SOON, &err);
    must(conn, "UPDATE t SET n = 1 WHERE id = 1");
    told_as(run(other, "SELECT * FROM t WHERE id = 1 FOR UPDATE NOWAIT", &err), WEIR_E_LOCKED, "55P03",
            WEIR_RETRY_TRANSACTION, "a row that is locked, with NOWAIT");
    must(other, "SET lock_timeout=10");
    told_as(run(other, "UPDATE t SET n = 2 WHERE id = 1", &err), WEIR_E_LOCKED, "55P03", WEIR_RETRY_TRANSACTION,
            "  and with lock_timeout");
    wing->rollback(conn, SOON, &err);
    end(&other);
}

/* Two that have read what the other then writes: whoever commits last is refused, at the commit. */
static void test_serialization(void *conn)
{
    void *other = session(&rig);
    must(conn, "INSERT INTO numbers VALUES(1),(2)");
    wing->begin(conn, 3, 0, SOON, &err);
    wing->begin(other, 3, 0, SOON, &err);
    ask_int(conn, "SELECT sum(a) FROM numbers");
    ask_int(other, "SELECT sum(a) FROM numbers");
    must(conn, "INSERT INTO numbers SELECT sum(a) FROM numbers");
    must(other, "INSERT INTO numbers SELECT sum(a) FROM numbers");
    is_int(wing->commit(conn, SOON, &err), WEIR_OK, "of two transactions that cannot be put in a row one commits");
    told_as(wing->commit(other, SOON, &err), WEIR_E_SERIALIZATION, "40001", WEIR_RETRY_TRANSACTION | WEIR_ROLLED_BACK,
            "the other fails at its commit");
    is_int(backend->dirty(other), 0, "  which has undone it");
    is_int(wing->rollback(other, SOON, &err), WEIR_OK, "  and to roll it back is fine");
    wing->begin(conn, 2, 0, SOON, &err);
    ask_int(conn, "SELECT n FROM t WHERE id = 1");
    must(other, "UPDATE t SET n = n + 1 WHERE id = 1");
    told_as(run(conn, "UPDATE t SET n = n + 1 WHERE id = 1", &err), WEIR_E_SERIALIZATION, "40001",
            WEIR_RETRY_TRANSACTION, "a row that was changed behind the snapshot");
    told_as(run(conn, "SELECT 1", &err), WEIR_E_STATEMENT, "25P02", WEIR_RETRY_TRANSACTION,
            "after that no statement is taken, for the same reason");
    told_as(wing->commit(conn, SOON, &err), WEIR_E_SERVER, "25P02", WEIR_ROLLED_BACK | WEIR_RETRY_TRANSACTION,
            "  and the commit fails, to be run again as a whole");
    end(&other);
}

struct updater {
    pthread_t thread;
    void *conn;
    weir_error err;
    int status;
};

static void *update_other_row(void *arg)
{
    struct updater *u = arg;
    u->status = run(u->conn, "UPDATE accounts SET n = n + 1 WHERE id = 2", &u->err);
    return NULL;
}

static void test_deadlock(void *conn)
{
    struct updater u = { .conn = session(&rig) };
    must(conn, "CREATE TABLE accounts(id int PRIMARY KEY, n int)");
    must(conn, "INSERT INTO accounts VALUES(1, 0), (2, 0)");
    wing->begin(u.conn, 0, 0, SOON, &err);
    wing->begin(conn, 0, 0, SOON, &err);
    must(u.conn, "UPDATE accounts SET n = n + 1 WHERE id = 1");
    must(conn, "UPDATE accounts SET n = n + 1 WHERE id = 2");
    if (pthread_create(&u.thread, NULL, update_other_row, &u) != 0)
        tap_bail("cannot start a thread");
    const int st = run(conn, "UPDATE accounts SET n = n + 1 WHERE id = 1", &err);
    if (st < 0)
        wing->rollback(conn, SOON, &u.err);
    pthread_join(u.thread, NULL);
    is_int((st < 0) + (u.status < 0), 1, "of two that wait for each other one is chosen");
    if (u.status < 0)
        err = u.err;
    told_as(err.status, WEIR_E_DEADLOCK, "40P01", WEIR_RETRY_TRANSACTION, "  and told so");
    wing->rollback(conn, SOON, &err);
    end(&u.conn);
}

/* ---- deadlines ---- */

static int64_t took; /* the last call that was measured */

static int timed(void *conn, const char *sql, int64_t ms)
{
    memset(&err, 0, sizeof err);
    const int64_t start = rig_now();
    const int st = execute(conn, sql, WEIR_NO_ARGS, start + ms * MS, &err);
    took = rig_now() - start;
    return st;
}

static void test_timeout(void *conn)
{
    told_as(timed(conn, HOURS, 50), WEIR_E_TIMEOUT, "57014", 0, "a statement of hours is stopped at its deadline");
    ok(took >= 50 * MS && took < 20 * SECOND, "  of 50 ms: %lld us", (long long)took / 1000);
    is_int(
        ask_int(conn, "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%' AND state = 'active'"),
        0, "  on the server, too");
    told_as(timed(conn, "SELECT 1", -1), WEIR_E_TIMEOUT, "57014", 0, "with a deadline that has passed nothing is sent");
    is_int(ask_int(conn, "SELECT 1"), 1, "  and the session goes on");
    void *other = session(&rig);
    must(other, "SET statement_timeout=10");
    told_as(run(other, HOURS, &err), WEIR_E_CANCELLED, "57014", 0, "the server's own limit is not ours");
    has_text(err.text, "statement timeout", "  and says so");
    end(&other);
}

static void test_timeout_between_rows(void *conn)
{
    void *stmt = begin_rows(
        conn, "SELECT CASE WHEN i > 50000 THEN (SELECT 'x' FROM pg_sleep(7200)) END FROM generate_series(1, 99999) i",
        WEIR_NO_ARGS);
    int st, rows = 0;
    while ((st = row_next(wing, conn, rows ? rig_now() + 200 * MS : SOON, &err)) == WEIR_ROW)
        rows++;
    told_as(st, WEIR_E_TIMEOUT, "57014", 0, "a row that takes hours is not waited for");
    ok(rows > 0, "  after %d that took less", rows);
    is_int(row_next(wing, conn, SOON, &err), WEIR_OK, "  and the result has ended");
    is_int(backend->dirty(conn), 0, "  on a clean session");
    end_rows(conn, &stmt);
}

/* One that never stops talking, whatever is done with its rows. */
static void test_timeout_of_talker(void *conn)
{
    told_as(timed(conn, "SELECT generate_series(1, 1000000000000)", 50), WEIR_E_TIMEOUT, "57014", 0,
            "rows without end, dropped, end at the deadline");
    void *stmt = begin_rows(conn, "SELECT generate_series(1, 1000000000000)", WEIR_NO_ARGS);
    const int64_t start = rig_now();
    int st;
    while ((st = row_next(wing, conn, start + 50 * MS, &err)) == WEIR_ROW)
        ;
    told_as(st, WEIR_E_TIMEOUT, "57014", 0, "rows without end, read, do so, too");
    end_rows(conn, &stmt);
    stmt = begin_rows(conn, "SELECT generate_series(1, 1000000000000)", WEIR_NO_ARGS);
    end_rows(conn, &stmt);
    wing->begin(conn, 0, 0, SOON, &err);
    stmt = begin_rows(conn, "SELECT generate_series(1, 1000000000000)", WEIR_NO_ARGS);
    end_rows(conn, &stmt);
    told_as(run(conn, "SELECT 1", &err), WEIR_E_STATEMENT, "25P02", 0,
            "and where nobody reads them they end as well, with their transaction");
    wing->rollback(conn, SOON, &err);
    is_int(ask_int(conn, "SELECT 1"), 1, "  but not the connection");
}

static void test_timeout_in_transaction(void *conn)
{
    wing->begin(conn, 0, 0, SOON, &err);
    must(conn, "INSERT INTO parent VALUES(50)");
    must(conn, "SAVEPOINT s");
    told_as(timed(conn, HOURS, 50), WEIR_E_TIMEOUT, "57014", 0, "a deadline within a transaction");
    must(conn, "ROLLBACK TO SAVEPOINT s");
    is_int(wing->commit(conn, SOON, &err), WEIR_OK, "  leaves what was before a savepoint");
    is_int(ask_int(conn, "SELECT count(*) FROM parent WHERE id = 50"), 1, "  to be committed");
}

static void test_timeout_of_lock(void *conn)
{
    void *other = session(&rig);
    wing->begin(conn, 0, 0, SOON, &err);
    must(conn, "LOCK TABLE parent");
    told_as(timed(other, "INSERT INTO parent VALUES(51)", 50), WEIR_E_TIMEOUT, "57014", 0,
            "a wait for a lock is stopped, too");
    told_as(timed(other, "SELECT count(*) FROM parent", 50), WEIR_E_TIMEOUT, "57014", 0,
            "  also while it is being prepared");
    wing->rollback(conn, SOON, &err);
    end(&other);
}

/* The server's process for this session, frozen: its machine is up, and it answers nothing. */
static pid_t freeze(void *conn)
{
    const pid_t pid = (pid_t)ask_int(conn, "SELECT pg_backend_pid()");
    if (kill(pid, SIGSTOP) != 0)
        tap_bail("cannot stop process %d", (int)pid);
    return pid;
}

static void given_up(void *conn, const char *text)
{
    ok(took >= 50 * MS && took < 20 * SECOND, "  after %lld us", (long long)took / 1000);
    has_text(err.text, text, "  in words");
    is_int(backend->alive(conn), 0, "  and the connection is dead");
    is_int(run(conn, "SELECT 1", &err), WEIR_E_LOST, "  to whoever tries it");
    is_int(err.flags & WEIR_CONNECTION_DEAD, WEIR_CONNECTION_DEAD, "  as it says");
}

static void test_frozen(void)
{
    static const char *const hasty[] = { "cancel_grace", "2s", NULL };
    struct rig short_of_time;
    rig_begin(&short_of_time, server.port, hasty);
    void *conn = session(&short_of_time);
    pid_t pid = freeze(conn);
    told_as(timed(conn, "SELECT 1", 50), WEIR_E_TIMEOUT, "57014", WEIR_CONNECTION_DEAD,
            "a session that is frozen is given up");
    given_up(conn, "nor to the request to stop");
    kill(pid, SIGCONT);
    end(&conn);

    conn = session(&short_of_time);
    kill(server.server.pid, SIGSTOP);
    pid = freeze(conn);
    told_as(timed(conn, "SELECT 1", 50), WEIR_E_TIMEOUT, "57014", WEIR_CONNECTION_DEAD,
            "so is one of a server that is frozen");
    given_up(conn, "cannot be asked to stop");
    kill(server.server.pid, SIGCONT);
    kill(pid, SIGCONT);
    end(&conn);

    static char big[40000000];
    conn = session(&short_of_time);
    void *stmt = make(conn, "SELECT length(?::text)");
    pid = freeze(conn);
    memset(big, 'x', sizeof big);
    const int64_t start = rig_now();
    const int st = wing->run(conn, stmt, WEIR_ARGS(weir_text_n(big, sizeof big)), 0, start + 50 * MS, &err);
    took = rig_now() - start;
    told_as(st, WEIR_E_TIMEOUT, "57014", WEIR_CONNECTION_DEAD, "one that does not take a large parameter");
    given_up(conn, "did not take the statement");
    kill(pid, SIGCONT);
    wing->forget(conn, stmt);
    end(&conn);
}

/* ---- cancels ---- */

struct canceller {
    pthread_t thread;
    void *prepared;
    atomic_int done;
    int failures;
};

/* Again and again, since nobody can tell when a statement has begun to run. */
static void *keep_cancelling(void *arg)
{
    struct canceller *k = arg;
    weir_error own;
    while (!atomic_load(&k->done))
        k->failures += backend->cancel(k->prepared, SOON, &own) < 0;
    return NULL;
}

static int run_cancelled(void *conn, const char *sql)
{
    struct canceller k = { .prepared = backend->cancel_prepare(conn) };
    if (pthread_create(&k.thread, NULL, keep_cancelling, &k) != 0)
        tap_bail("cannot start a thread");
    const int st = run(conn, sql, &err);
    atomic_store(&k.done, 1);
    pthread_join(k.thread, NULL);
    is_int(k.failures, 0, "no cancel fails");
    return st;
}

static void test_cancel(void *conn)
{
    int strays = 0;
    told_as(run_cancelled(conn, HOURS), WEIR_E_CANCELLED, "57014", 0, "another thread cancels a query");
    for (int i = 0; i < 50; i++) {
        backend->cancel(backend->cancel_prepare(conn), SOON, &err);
        strays += run(conn, "SELECT 1", &err) < 0;
    }
    is_int(strays, 0, "a cancel that has returned reaches no later statement");
    must(conn, "BEGIN");
    told_as(run_cancelled(conn, HOURS), WEIR_E_CANCELLED, "57014", 0, "within a transaction, too");
    must(conn, "ROLLBACK");
    is_int(ask_int(conn, "SELECT 1"), 1, "  and the session goes on");
}

static void test_cancel_fails(void *conn)
{
    kill(server.server.pid, SIGSTOP);
    const int64_t start = rig_now();
    const int st = backend->cancel(backend->cancel_prepare(conn), start + 50 * MS, &err);
    took = rig_now() - start;
    kill(server.server.pid, SIGCONT);
    is_int(st, WEIR_E_CONNECT, "a cancel that the server does not answer fails");
    ok(took >= 50 * MS && took < 20 * SECOND, "  at its deadline of 50 ms: %lld us", (long long)took / 1000);
}

static void *interrupt_soon(void *arg)
{
    void *conn = session(&rig);
    wait_for(conn, "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'", 1);
    end(&conn);
    backend->interrupt(arg);
    return NULL;
}

static void test_interrupt(void)
{
    pthread_t thread;
    void *conn = session(&rig);
    if (pthread_create(&thread, NULL, interrupt_soon, conn) != 0)
        tap_bail("cannot start a thread");
    told_as(run(conn, HOURS, &err), WEIR_E_CANCELLED, "57014", WEIR_CONNECTION_DEAD,
            "an interrupt ends what runs, and the connection");
    pthread_join(thread, NULL);
    is_int(backend->alive(conn), 0, "  which knows it");
    end(&conn);
}

/* ---- transactions ---- */

static void test_transactions(void *conn)
{
    static const char *const levels[] = { "read committed", "read committed", "repeatable read", "serializable" };
    for (unsigned isolation = 0; isolation <= 3; isolation++) {
        wing->begin(conn, isolation, 0, SOON, &err);
        is_text(ask_text(conn, "SHOW transaction_isolation"), levels[isolation], "isolation %u", isolation);
        is_int(wing->commit(conn, SOON, &err), WEIR_OK, "  is granted");
    }
    wing->begin(conn, 0, 1, SOON, &err);
    is_text(ask_text(conn, "SHOW transaction_read_only"), "on", "a transaction that reads only");
    wing->rollback(conn, SOON, &err);
    wing->begin(conn, 0, 0, SOON, &err);
    must(conn, "INSERT INTO parent VALUES(70)");
    is_int(backend->dirty(conn), 1, "an open transaction is dirty");
    is_int(wing->rollback(conn, SOON, &err), WEIR_OK, "it is rolled back");
    is_int(backend->dirty(conn), 0, "  and clean");
    is_int(ask_int(conn, "SELECT count(*) FROM parent WHERE id = 70"), 0, "  and left nothing");
    is_int(wing->rollback(conn, SOON, &err), WEIR_OK, "rolling back nothing is fine");
    is_int(wing->commit(conn, SOON, &err), WEIR_E_STATEMENT, "committing nothing is not");
    wing->begin(conn, 0, 0, SOON, &err);
    is_int(wing->rollback(conn, rig_now() - SECOND, &err), WEIR_OK,
           "a deadline that has passed does not stop a rollback");
}

static void test_failed_commit(void *conn)
{
    wing->begin(conn, 0, 0, SOON, &err);
    must(conn, "INSERT INTO parent VALUES(71)");
    is_int(run(conn, "SELECT 1/0", &err), WEIR_E_DATA, "a statement fails in a transaction");
    is_int(err.flags, 0, "  which is not gone, since savepoints are not");
    told_as(wing->commit(conn, SOON, &err), WEIR_E_SERVER, "25P02", WEIR_ROLLED_BACK, "  but cannot be committed");
    is_int(backend->dirty(conn), 0, "  and is over");
    is_int(ask_int(conn, "SELECT count(*) FROM parent WHERE id = 71"), 0, "  undone");
    must(conn, "CREATE TABLE child(f int REFERENCES parent(id) DEFERRABLE INITIALLY DEFERRED)");
    wing->begin(conn, 0, 0, SOON, &err);
    must(conn, "INSERT INTO child VALUES(12345)");
    told_as(wing->commit(conn, SOON, &err), WEIR_E_FOREIGN_KEY, "23503", WEIR_ROLLED_BACK,
            "a deferred foreign key fails the commit");
    told_as(run(conn, "INSERT INTO child VALUES(12345)", &err), WEIR_E_FOREIGN_KEY, "23503", 0,
            "  and a statement of its own");
    void *stmt = make(conn, "INSERT INTO child VALUES(12345) RETURNING f");
    is_int(wing->run(conn, stmt, WEIR_NO_ARGS, 1, SOON, &err), WEIR_E_FOREIGN_KEY, "  before its rows are handed out");
    forget(conn, &stmt);
    must(conn, "CREATE FUNCTION orphan() RETURNS int LANGUAGE sql AS 'INSERT INTO child VALUES(12345) RETURNING f'");
    stmt = make(conn, "SELECT orphan()");
    weir_value row[1];
    int st = wing->run(conn, stmt, WEIR_NO_ARGS, 1, SOON, &err);
    for (int steps = 0; st >= 0 && steps < 2; steps++)
        st = wing->next(conn, row, SOON, &err);
    is_int(st, WEIR_E_FOREIGN_KEY, "  and a function's, with its row or behind it");
    wing->abandon(conn);
    is_int(ask_int(conn, "SELECT 5"), 5, "  and the next statement gets its own answer");
    forget(conn, &stmt);
}

int main(void)
{
    static const char *const patient[] = { "cancel_grace", "60s", NULL };
    static const char *const settings[] = { "deadlock_timeout=20ms", NULL };
    postgres_start(&server, settings);
    rig_begin(&rig, server.port, patient);
    void *conn = session(&rig);
    test_refusals(conn);
    test_many_parameters(conn);
    end(&conn); /* some of what was refused might have changed the session */
    conn = session(&rig);
    test_raised();
    test_permission();
    test_read_only(conn);
    test_locked(conn);
    test_serialization(conn);
    test_deadlock(conn);
    test_timeout(conn);
    test_timeout_between_rows(conn);
    test_timeout_of_talker(conn);
    test_timeout_in_transaction(conn);
    test_timeout_of_lock(conn);
    test_cancel(conn);
    test_cancel_fails(conn);
    test_transactions(conn);
    test_failed_commit(conn);
    end(&conn);
    test_interrupt();
    test_frozen();
    is_int(rig.blocks, 0, "the driver has given back all memory");
    postgres_stop(&server);
    return tap_done();
}
