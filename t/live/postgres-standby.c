/*
 * The PostgreSQL driver on a standby: what a server says that follows another, and what becomes of its sessions, and of traces, when it
 * is promoted.
 * SPDX-License-Identifier: MIT
 */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include "postgres-rig.h"
#include "server-postgres.h"
#include "tap.h"

#define backend (&weir_postgres_backend)
#define wing (backend->sql)

#define ELSEWHERE WEIR_RETRY_ELSEWHERE
#define AGAIN WEIR_RETRY_TRANSACTION
#define HOURS "SELECT pg_sleep(7200)"

/* Nothing but the tests is at work, and nobody is spared. */
static const char *const quiet[] = { "autovacuum=off", "max_standby_streaming_delay=0", NULL };

static struct postgres primary, standby;
static struct rig rig; /* of the standby */
static weir_error err;

/* ---- what it refuses ---- */

/* A standby cannot, whoever asks; where this session has asked to read only that is no reason to look for another server. */
static const struct {
    const char *sql;
    int status;
    const char *state;
    uint32_t flags, flags_of_reader;
} refusals[] = {
    { "INSERT INTO t VALUES(3)", WEIR_E_READ_ONLY, "25006", ELSEWHERE, 0 },
    { "SELECT * FROM t FOR UPDATE", WEIR_E_READ_ONLY, "25006", ELSEWHERE, 0 },
    { "SELECT nextval('s')", WEIR_E_READ_ONLY, "25006", ELSEWHERE, 0 },
    { "CREATE TEMPORARY TABLE u(a int)", WEIR_E_READ_ONLY, "25006", ELSEWHERE, 0 },
    { "LISTEN news", WEIR_E_READ_ONLY, "25006", ELSEWHERE, 0 },
    { "SELECT pg_current_wal_lsn()", WEIR_E_SERVER, "55000", 0, 0 },
};

static void test_refusals(void)
{
    void *conn = session(&rig), *r = reader(&rig);
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
        failed_as(&err, run(conn, refusals[i].sql, &err), refusals[i].status, refusals[i].state, refusals[i].flags,
                  refusals[i].sql);
        failed_as(&err, run(r, refusals[i].sql, &err), refusals[i].status, refusals[i].state,
                  refusals[i].flags_of_reader, "  the same in the read lane");
    }
    is_int(ask_int(conn, "SELECT count(*) FROM t"), 2, "what the primary has written is read");
    end(&r);
    end(&conn);
}

static void test_transactions(void)
{
    char trace[WEIR_TRACE_SIZE];
    void *conn = session(&rig);
    void *one = make(conn, "SELECT 1");
    wing->begin(conn, 3, 0, SOON, &err);
    failed_as(&err, run(conn, "SELECT 2", &err), WEIR_E_UNSUPPORTED, "0A000", WEIR_ROLLED_BACK,
              "no serializable transaction begins on a standby");
    is_int(wing->in_transaction(conn), 0, "  and none is open");
    wing->begin(conn, 3, 0, SOON, &err);
    failed_as(&err, wing->run(conn, one, WEIR_NO_ARGS, 0, SOON, &err), WEIR_E_UNSUPPORTED, "0A000", WEIR_ROLLED_BACK,
              "  nor in front of a statement");
    is_int(wing->in_transaction(conn), 0, "  and none is open");
    wing->begin_traced(conn, 3, trace, SOON, &err);
    failed_as(&err, wing->run(conn, one, WEIR_NO_ARGS, 0, SOON, &err), WEIR_E_UNSUPPORTED, "0A000", WEIR_ROLLED_BACK,
              "  nor with a trace");
    is_int(wing->begin_traced(conn, 0, trace, SOON, &err), WEIR_OK, "others do");
    is_int(wing->run(conn, one, WEIR_NO_ARGS, 0, SOON, &err), WEIR_OK, "  with their first statement");
    is_text(trace, "", "  but have no trace");
    failed_as(&err, run(conn, "DELETE FROM t", &err), WEIR_E_READ_ONLY, "25006", ELSEWHERE, "  and write nothing");
    failed_as(&err, wing->commit(conn, SOON, &err), WEIR_E_SERVER, "25P02", WEIR_ROLLED_BACK, "  nor commit then");
    wing->begin(conn, 0, 1, SOON, &err);
    failed_as(&err, run(conn, "DELETE FROM t", &err), WEIR_E_READ_ONLY, "25006", 0,
              "one that was to read only writes nothing anywhere");
    wing->rollback(conn, SOON, &err);
    is_int(wing->settle(conn, "1 0 0 0", SOON, &err), WEIR_FATE_UNKNOWN, "a standby tells the fate of none");
    forget(conn, &one);
    end(&conn);
}

/* ---- what the primary writes gets in the way of what is read here ---- */

/* Takes away rows that whoever reads on the standby may still want to see, and keeps off their table. */
static void make_conflict(void)
{
    postgres_run(&primary, "UPDATE churn SET n = n + 1");
    postgres_run(&primary, "VACUUM (TRUNCATE off) churn");
}

static void *wait_for_sleeper(void *arg)
{
    void *watch = session(&rig);
    wait_for(watch, "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'", 1);
    end(&watch);
    make_conflict();
    return arg;
}

static int run_into_conflict(void *conn, const char *sql)
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, wait_for_sleeper, NULL) != 0)
        tap_bail("cannot start a thread");
    const int st = run(conn, sql, &err);
    pthread_join(thread, NULL);
    return st;
}

static void test_conflict(void)
{
    void *conn = session(&rig);
    failed_as(&err, run_into_conflict(conn, HOURS), WEIR_E_SERIALIZATION, "40001", AGAIN,
              "a long query in the way of what is replayed is stopped");
    has_text(err.text, "conflict with recovery", "  for that reason");
    is_int(ask_int(conn, "SELECT 1"), 1, "  and the session goes on");
    wing->begin(conn, 2, 1, SOON, &err);
    failed_as(&err, run_into_conflict(conn, HOURS), WEIR_E_SERIALIZATION, "40001", AGAIN, "in a transaction, too");
    failed_as(&err, wing->commit(conn, SOON, &err), WEIR_E_SERVER, "25P02", AGAIN | WEIR_ROLLED_BACK,
              "  whose commit fails, to be run again as a whole");
    end(&conn);
}

/* A session that holds a snapshot, or a savepoint, and cannot be told otherwise is ended. */
static void test_conflict_fatal(void)
{
    void *conn = session(&rig);
    wing->begin(conn, 2, 1, SOON, &err);
    ask_int(conn, "SELECT count(*) FROM churn");
    make_conflict();
    while (backend->alive(conn))
        ;
    failed_as(&err, run(conn, "SELECT count(*) FROM churn", &err), WEIR_E_SERIALIZATION, "40001",
              AGAIN | WEIR_CONNECTION_DEAD, "an idle transaction in the way loses its connection");
    end(&conn);
    conn = session(&rig);
    wing->begin(conn, 2, 1, SOON, &err);
    must(conn, "SAVEPOINT s");
    failed_as(&err, run_into_conflict(conn, HOURS), WEIR_E_SERIALIZATION, "40001", AGAIN | WEIR_CONNECTION_DEAD,
              "so does one with a savepoint");
    end(&conn);
}

static void test_dropped_database(void)
{
    struct rig doomed;
    postgres_run(&primary, "CREATE DATABASE doomed");
    postgres_catch_up(&standby, &primary);
    rig_begin(&doomed, standby.port, NULL);
    doomed.target.database = "doomed";
    void *conn = session(&doomed);
    is_int(ask_int(conn, "SELECT 1"), 1, "a session in a database");
    postgres_run(&primary, "DROP DATABASE doomed");
    while (backend->alive(conn))
        ;
    failed_as(&err, run(conn, "SELECT 1", &err), WEIR_E_LOST, "57P04", WEIR_CONNECTION_DEAD,
              "  that the primary has dropped");
    end(&conn);
}

/* ---- the end of being a standby ---- */

static void test_not_ready(void)
{
    static const char *const shut[] = { "hot_standby=off", NULL };
    postgres_restart_shut(&standby, SIGINT, shut);
    void *conn = dial(&rig, &rig.target, SOON, &err);
    ok(!conn, "a standby that takes no sessions, or not yet");
    is_int(err.status, WEIR_E_CONNECT, "  is not connected to");
    is_text(err.sqlstate, "57P03", "  and says so");
    is_int(err.flags, ELSEWHERE, "  which may pass: %s", err.text);
    end(&conn);
    postgres_restart(&standby, SIGINT, quiet);
}

/* It gives the numbers that the primary has given after it was cut off to other transactions. */
static void test_promotion(void)
{
    char trace[WEIR_TRACE_SIZE], sql[128];
    postgres_cut_off(&standby);
    struct rig there;
    rig_begin(&there, primary.port, NULL);
    void *conn = session(&rig);
    wing->begin_traced(conn, 3, trace, SOON, &err);
    is_int(run(conn, "SELECT 1", &err), WEIR_E_UNSUPPORTED, "a session begins while its server is a standby");
    void *early = session(&rig);
    wing->begin(early, 0, 0, SOON, &err);
    is_int(ask_int(early, "SELECT count(*) FROM t"), 2, "so does a transaction");
    void *writer = session(&there), *asker = session(&there);
    wing->begin_traced(writer, 0, trace, SOON, &err);
    must(writer, "INSERT INTO t VALUES(3)");
    is_int(wing->commit(writer, SOON, &err), WEIR_OK, "a transaction is committed of which the standby does not hear");
    is_int(wing->settle(asker, trace, SOON, &err), WEIR_FATE_COMMITTED, "  as its own server tells");
    is_int(wing->settle(conn, trace, SOON, &err), WEIR_FATE_UNKNOWN, "  and the standby does not");
    end(&writer);
    end(&asker);
    postgres_promote(&standby);
    failed_as(&err, run(early, "INSERT INTO t VALUES(4)", &err), WEIR_E_READ_ONLY, "25006", ELSEWHERE,
              "one that began before its server is promoted writes nothing, and another may");
    wing->rollback(early, SOON, &err);
    must(early, "BEGIN READ ONLY");
    failed_as(&err, run(early, "INSERT INTO t VALUES(4)", &err), WEIR_E_READ_ONLY, "25006", 0,
              "  but not if it asked to read only");
    end(&early);
    is_int(wing->settle(conn, trace, SOON, &err), WEIR_FATE_UNKNOWN, "nor when it has been promoted");
    const long long number = strtoll(trace, NULL, 10);
    while (ask_int(conn, "SELECT txid_current()") < number)
        ;
    snprintf(sql, sizeof sql, "SELECT txid_status(%lld)", number);
    is_text(ask_text(conn, sql), "committed", "  though it has committed another one by now with that number");
    is_int(wing->settle(conn, trace, SOON, &err), WEIR_FATE_UNKNOWN, "  of which nothing is told");
    is_int(ask_int(conn, "SELECT count(*) FROM t"), 2, "  and the first one is not there");
    is_int(run(conn, "INSERT INTO t VALUES(4)", &err), WEIR_OK, "the session writes now");
    wing->begin_traced(conn, 3, trace, SOON, &err);
    must(conn, "INSERT INTO t VALUES(5)");
    is_int(wing->commit(conn, SOON, &err), WEIR_OK, "  and its transactions");
    is_int(wing->settle(conn, trace, SOON, &err), WEIR_FATE_COMMITTED, "  have traces");
    end(&conn);
}

int main(void)
{
    postgres_start(&primary, quiet);
    postgres_run(&primary, "CREATE TABLE t(a int); INSERT INTO t VALUES(1),(2); CREATE SEQUENCE s; "
                           "CREATE TABLE churn(n int); INSERT INTO churn SELECT generate_series(1, 100)");
    postgres_follow(&standby, &primary, quiet);
    rig_begin(&rig, standby.port, NULL);
    test_refusals();
    test_transactions();
    test_conflict();
    test_conflict_fatal();
    test_dropped_database();
    test_not_ready();
    test_promotion();
    is_int(rig.blocks, 0, "the driver has given back all memory");
    postgres_stop(&standby);
    postgres_stop(&primary);
    return tap_done();
}
