/*
 * The PostgreSQL driver: a transaction begins in front of its first statement, in one pipeline, whatever that is and whatever goes wrong.
 * SPDX-License-Identifier: MIT
 */
#include <stdio.h>
#include <stdlib.h>
#include <libpq-fe.h>
#include <weir.h>
#include "postgres-rig.h"
#include "proxy.h"
#include "row.h"
#include "server-postgres.h"
#include "tap.h"

#define backend (&weir_postgres_backend)
#define wing (backend->sql)

#define READ_COMMITTED 1
#define SERIALIZABLE 3

static struct postgres server;
static struct rig rig;
static weir_error err;
static char trace[WEIR_TRACE_SIZE];

static int run_kept(void *conn, void *stmt)
{
    return wing->run(conn, stmt, WEIR_NO_ARGS, 0, SOON, &err);
}

static void begin_with(void *conn, void *stmt, unsigned isolation)
{
    if (wing->begin_traced(conn, isolation, trace, SOON, &err) < 0 || run_kept(conn, stmt) < 0)
        tap_bail("a transaction does not begin: %s", err.text);
}

/* ---- what it costs ---- */

static void test_trips(struct proxy *p, struct rig *by_proxy)
{
    void *conn = session(by_proxy), *insert = make(conn, "INSERT INTO t VALUES(1)");
    for (int i = 0; i < 3; i++) {
        long before = proxy_round_trips(p);
        wing->begin_traced(conn, READ_COMMITTED, trace, SOON, &err);
        is_int(proxy_round_trips(p) - before, 0, "transaction %d of a session begins without asking", i + 1);
        ok(wing->in_transaction(conn) && backend->dirty(conn), "  and is open");
        is_int(run_kept(conn, insert), WEIR_OK, "  its first statement runs");
        is_int(proxy_round_trips(p) - before, 1, "  in one round trip");
        ok(*trace, "  by which there is a trace");
        is_int(wing->commit(conn, SOON, &err), WEIR_OK, "  it is committed");
        is_int(proxy_round_trips(p) - before, 2, "  with another one");
    }
    const long before = proxy_round_trips(p);
    wing->begin(conn, 0, 0, SOON, &err);
    is_int(wing->commit(conn, SOON, &err), WEIR_OK, "one without statements is committed");
    wing->begin(conn, 0, 0, SOON, &err);
    is_int(wing->rollback(conn, SOON, &err), WEIR_OK, "  another is rolled back");
    is_int(proxy_round_trips(p) - before, 0, "  without asking");
    ok(!wing->in_transaction(conn) && !backend->dirty(conn), "  and nothing is open");
    forget(conn, &insert);
    end(&conn);
}

/* Statements have no names there, and go whole. */
static void test_pooled(struct proxy *p)
{
    static const char *const options[] = { "pooler", "transaction", NULL };
    struct rig pooled;
    rig_begin(&pooled, proxy_port(p), options);
    void *conn = session(&pooled), *insert = make(conn, "INSERT INTO late VALUES(1)");
    const long before = proxy_round_trips(p);
    begin_with(conn, insert, READ_COMMITTED);
    ok(*trace, "behind a pooler a transaction has a trace");
    is_int(wing->commit(conn, SOON, &err), WEIR_OK, "  is committed");
    is_int(proxy_round_trips(p) - before, 2, "  and takes no more round trips");
    begin_with(conn, insert, 0);
    forget(conn, &insert);
    failed_as(&err, wing->commit(conn, SOON, &err), WEIR_E_UNIQUE, "23505", WEIR_ROLLED_BACK,
              "a commit fails whose statement is forgotten");
    end(&conn);
    conn = reader(&pooled);
    insert = make(conn, "INSERT INTO late VALUES(2)");
    wing->begin(conn, 0, 1, SOON, &err);
    is_int(run_kept(conn, insert), WEIR_E_READ_ONLY, "a reader's transaction writes nothing");
    wing->rollback(conn, SOON, &err);
    is_int(run_kept(conn, insert), WEIR_E_READ_ONLY, "  nor does its lone statement");
    forget(conn, &insert);
    end(&conn);
    is_int(pooled.blocks, 0, "  and all memory is given back");
}

static const weir_column column = { "n", 1, 0 };
static const weir_bulk_spec specs[] = {
    { .size = sizeof *specs, .table = "keyed", .columns = &column, .count = 1 },
    { .size = sizeof *specs, .table = "keyed_too", .columns = &column, .count = 1 },
};

static int write_both(weir_conn conn, void *arg, weir_error *e)
{
    int status = WEIR_OK;
    for (int i = 0; i < 2 && status >= 0; i++) {
        weir_bulk *bulk;
        status = weir_bulk_open_on(&bulk, conn, &specs[i], e);
        if (status < 0)
            break;
        weir_bulk_row(bulk, WEIR_ARGS(weir_int(*(int64_t *)arg)), e);
        status = weir_bulk_finish(&bulk, NULL, (weir_deadline){ 0 }, e);
    }
    return status;
}

static void test_services(struct proxy *p)
{
    static const char *const options[] = { "threads", "none", NULL };
    const weir_hooks hooks = { .size = sizeof hooks, .options = options };
    char url[128];
    weir_db *db;
    snprintf(url, sizeof url, "postgres://weir@127.0.0.1:%d/postgres", proxy_port(p));
    if (weir_db_open(&db, url, &hooks, &err) < 0)
        tap_bail("%s", err.text);
    const weir_transact_options settled = { .size = sizeof settled },
                                unsettled = { .size = sizeof unsettled, .unsettled = 1 };
    long before = 0;
    for (int64_t n = 0; n < 3; n++) {
        before = proxy_round_trips(p);
        is_int(weir_transact(NULL, db, write_both, &n, n < 2 ? &settled : &unsettled, weir_after_ms(60000), &err),
               WEIR_OK, "a transaction writes two tables in bulk");
        if (n == 1)
            is_int(proxy_round_trips(p) - before, 2, "  in two round trips, on a warm session");
    }
    is_int(proxy_round_trips(p) - before, 1, "  in one, if its commit need not be settled");
    weir_db_close(&db);
}

/* ---- jobs that wait for the commit ---- */

#define NOW ((weir_deadline){ 0 })

static int write_value(weir_conn conn, const weir_bulk_spec *spec, weir_value v, weir_error *e)
{
    weir_bulk *bulk;
    const int status = weir_bulk_open_on(&bulk, conn, spec, e);
    if (status < 0)
        return status;
    weir_bulk_row(bulk, WEIR_ARGS(v), e);
    return weir_bulk_finish(&bulk, NULL, NOW, e);
}

static int ends_before_its_job(weir_conn conn, void *arg, weir_error *e)
{
    weir_bulk *bulk;
    (void)arg;
    if (weir_bulk_open_on(&bulk, conn, &specs[0], e) < 0)
        return e->status;
    weir_bulk_row(bulk, WEIR_ARGS(weir_int(100)), e);
    weir_rollback(conn, NOW, e);
    return weir_bulk_finish(&bulk, NULL, NOW, e) < 0 ? WEIR_OK : 1;
}

/* What the native handle sees: of rows that waited, and of others that come then. */
static int gives_itself_away(weir_conn conn, void *arg, weir_error *e)
{
    int *seen = arg;
    for (int i = 0; i < 2; i++) {
        if (write_value(conn, &specs[0], weir_int(200 + i), e) < 0)
            return e->status;
        PGresult *r = PQexec(weir_conn_native(conn), "SELECT count(*) FROM keyed WHERE n >= 200");
        seen[i] = atoi(PQgetvalue(r, 0, 0));
        PQclear(r);
    }
    return WEIR_OK;
}

static int asks_behind(weir_conn conn, void *arg, weir_error *e)
{
    const int status = write_value(conn, &specs[0], weir_int(300), e);
    *(int *)arg = status < 0 ? status : weir_exec(NULL, conn, "SELECT 1", WEIR_NO_ARGS, weir_after_ms(50), e);
    return 1;
}

/* The second wants the column's type otherwise. */
static int sends_two_types(weir_conn conn, void *arg, weir_error *e)
{
    (void)arg;
    const int status = write_value(conn, &specs[0], weir_int(400), e);
    return status < 0 ? status : write_value(conn, &specs[0], weir_text("401"), e);
}

static int breaks_a_late_rule(weir_conn conn, void *arg, weir_error *e)
{
    static const weir_bulk_spec late = {
        .size = sizeof late, .table = "late", .columns = &column, .count = 1, .insert_only = 1
    };
    ++*(int *)arg;
    return write_value(conn, &late, weir_int(7), e);
}

/* It takes the failure for its own, and gives up. */
static int mistakes(weir_conn conn, void *arg, weir_error *e)
{
    static const weir_bulk_spec again = {
        .size = sizeof again, .table = "keyed", .columns = &column, .count = 1, .insert_only = 1
    };
    int *told = arg;
    told[0] = write_value(conn, &again, weir_int(400), e);
    told[1] = weir_exec(NULL, conn, "SELECT 1", WEIR_NO_ARGS, NOW, e);
    return 1;
}

static void test_waiting(void *witness)
{
    char url[128];
    weir_db *db;
    int seen[2] = { 0 }, timed = 0, runs = 0, told[2] = { 0 };
    snprintf(url, sizeof url, "postgres://weir@127.0.0.1:%d/postgres?pool_size=1&cancel_grace=30s", server.port);
    if (weir_db_open(&db, url, NULL, &err) < 0)
        tap_bail("%s", err.text);
    is_int(weir_transact(NULL, db, ends_before_its_job, NULL, NULL, NOW, &err), WEIR_E_ARGUMENT,
           "a body ends its transaction, and then a job");
    is_int(weir_transact(NULL, db, gives_itself_away, seen, NULL, NOW, &err), WEIR_OK,
           "another uses the native handle");
    is_int(ask_int(witness, "SELECT count(*) FROM keyed WHERE n = 100"), 0, "  and writes nothing of the former's");
    ok(seen[0] == 1 && seen[1] == 2, "  which sees the rows of each job");
    must(witness, "BEGIN");
    must(witness, "INSERT INTO keyed VALUES (300)");
    is_int(weir_transact(NULL, db, asks_behind, &timed, NULL, NOW, &err), 1, "a job would wait for a lock");
    is_int(timed, WEIR_E_TIMEOUT, "  but no longer than the statement behind it may");
    must(witness, "ROLLBACK");
    is_int(weir_transact(NULL, db, sends_two_types, NULL, NULL, NOW, &err), WEIR_OK, "two jobs send different types");
    is_int(ask_int(witness, "SELECT count(*) FROM keyed WHERE n IN (400, 401)"), 2, "  and both are written");
    must(witness, "INSERT INTO late VALUES (7)");
    is_int(weir_transact(NULL, db, breaks_a_late_rule, &runs, NULL, NOW, &err), WEIR_E_UNIQUE,
           "a commit fails by itself");
    is_int(runs, 1, "  which is no reason to run the body again");
    is_int(weir_transact(NULL, db, mistakes, told, NULL, NOW, &err), 1, "a body gives up for a job's failure");
    ok(told[0] == WEIR_E_UNIQUE && told[1] >= 0, "  but not before the job itself has told it");
    must(witness, "DELETE FROM keyed WHERE n >= 100");
    must(witness, "DELETE FROM late");
    weir_db_close(&db);
}

/* ---- what it may meet ---- */

static void test_others_first(void *conn, void *insert)
{
    wing->begin(conn, SERIALIZABLE, 1, SOON, &err);
    is_text(ask_text(conn, "SHOW transaction_isolation"), "serializable",
            "one that meets a new statement has its isolation");
    is_text(ask_text(conn, "SHOW transaction_read_only"), "on", "  and reads only");
    wing->rollback(conn, SOON, &err);
    wing->begin(conn, 0, 0, SOON, &err);
    is_int(run(conn, "SELECT nonsense", &err), WEIR_E_STATEMENT, "a first statement that cannot be prepared");
    failed_as(&err, wing->commit(conn, SOON, &err), WEIR_E_SERVER, "25P02", WEIR_ROLLED_BACK,
              "  fails the transaction");
    wing->begin(conn, 0, 0, SOON, &err);
    is_int(PQtransactionStatus(backend->native(conn)), PQTRANS_INTRANS, "the native handle has the transaction");
    wing->rollback(conn, SOON, &err);
    is_int(PQtransactionStatus(backend->native(conn)), PQTRANS_IDLE, "  until it is rolled back");
    wing->begin_traced(conn, 0, trace, SOON, &err);
    is_int(backend->reset(conn, SOON, &err), WEIR_OK, "a reset");
    ok(!wing->in_transaction(conn), "  takes it back");
    is_int(run(conn, "BEGIN", &err), WEIR_OK, "one that was begun by a statement");
    is_int(run_kept(conn, insert), WEIR_OK, "  and has done something");
    const int64_t rows = ask_int(conn, "SELECT count(*) FROM t");
    wing->begin(conn, 0, 0, SOON, &err);
    is_int(wing->commit(conn, SOON, &err), WEIR_OK, "  is committed if another was begun in it");
    ok(PQtransactionStatus(backend->native(conn)) == PQTRANS_IDLE && ask_int(conn, "SELECT count(*) FROM t") == rows,
       "  as is said");
    backend->reset(conn, SOON, &err);
}

static void test_rows(void *conn)
{
    int rows = 0, st;
    void *stmt = make(conn, "SELECT g, repeat('x', 100) FROM generate_series(1, 20000) g");
    wing->begin_traced(conn, 0, trace, SOON, &err);
    is_int(wing->run(conn, stmt, WEIR_NO_ARGS, 1, SOON, &err), WEIR_OK, "rows are a transaction's first answer");
    ok(*trace && wing->in_transaction(conn), "  it is open");
    while ((st = row_next(wing, conn, SOON, &err)) == WEIR_ROW)
        rows++;
    ok(st == WEIR_OK && rows == 20000, "  and they all come");
    wing->abandon(conn);
    is_int(wing->commit(conn, SOON, &err), WEIR_OK, "  it is committed");
    wing->begin(conn, 0, 0, SOON, &err);
    wing->run(conn, stmt, WEIR_NO_ARGS, 1, SOON, &err);
    wing->abandon(conn);
    is_int(wing->commit(conn, SOON, &err), WEIR_OK, "so is one whose rows nobody wants");
    forget(conn, &stmt);
}

/* ---- what goes wrong ---- */

/* The driver's own statements are gone on the server. */
static void lose(void *conn)
{
    must(conn,
         "DO $$DECLARE s text; BEGIN FOR s IN SELECT name FROM pg_prepared_statements WHERE statement LIKE 'BEGIN%' "
         "OR statement LIKE 'SELECT txid%' LOOP EXECUTE 'DEALLOCATE ' || s; END LOOP; END$$");
}

static int write_bulk(void *conn, int64_t n)
{
    size_t bad;
    const weir_value cell = weir_int(n), *row = &cell;
    return backend->bulk->write(conn, 1, &specs[0], &row, 1, &bad, SOON, &err);
}

static int write_many(void *conn, void *stmt)
{
    size_t done;
    int64_t affected;
    const weir_value cells[] = { weir_int(20), weir_int(21), weir_int(22) };
    const weir_args rows[] = { weir_args_of(&cells[0], 1), weir_args_of(&cells[1], 1), weir_args_of(&cells[2], 1) };
    const int st = wing->run_many(conn, stmt, rows, 3, &done, &affected, SOON, &err);
    ok(done == 3 && affected == 3, "three rows of parameters run");
    return st;
}

static void test_forgotten(void *conn, void *insert)
{
    void *isolation = make(conn, "SHOW transaction_isolation"), *many = make(conn, "INSERT INTO keyed VALUES(?)");
    wing->begin(conn, 0, 0, SOON, &err);
    write_many(conn, many); /* which learns its types */
    wing->rollback(conn, SOON, &err);
    begin_with(conn, insert, SERIALIZABLE);
    wing->rollback(conn, SOON, &err);
    lose(conn);
    wing->begin_traced(conn, SERIALIZABLE, trace, SOON, &err);
    is_int(wing->run(conn, isolation, WEIR_NO_ARGS, 1, SOON, &err), WEIR_OK,
           "a beginning that the server has forgotten");
    weir_value cell;
    ok(wing->next(conn, &cell, SOON, &err) == WEIR_ROW && cell.length == 12, "  is made good, with its isolation");
    wing->abandon(conn);
    ok(*trace && wing->in_transaction(conn), "  and has a trace");
    wing->rollback(conn, SOON, &err);
    begin_with(conn, insert, SERIALIZABLE);
    ok(*trace, "  and is as before from then on");
    wing->rollback(conn, SOON, &err);
    is_int(write_bulk(conn, 10), WEIR_OK, "rows in bulk");
    lose(conn);
    wing->begin_traced(conn, SERIALIZABLE, trace, SOON, &err);
    is_int(write_bulk(conn, 11), WEIR_OK, "  are written behind such a beginning, too");
    ok(*trace && wing->commit(conn, SOON, &err) == WEIR_OK, "  and committed");
    lose(conn);
    wing->begin_traced(conn, SERIALIZABLE, trace, SOON, &err);
    is_int(write_many(conn, many), WEIR_OK, "  behind such a beginning, too");
    ok(*trace && wing->commit(conn, SOON, &err) == WEIR_OK, "  and committed");
    is_int(ask_int(conn, "SELECT count(*) FROM keyed WHERE n >= 10"), 5, "  once each");
    forget(conn, &isolation);
    forget(conn, &many);
}

static void test_unable(void *conn, void *insert)
{
    must(conn, "CREATE ROLE poor");
    must(conn, "GRANT INSERT ON t TO poor");
    begin_with(conn, insert, 0);
    wing->rollback(conn, SOON, &err);
    must(conn, "REVOKE EXECUTE ON FUNCTION txid_current() FROM public");
    must(conn, "SET ROLE poor");
    begin_with(conn, insert, 0);
    ok(!*trace && wing->in_transaction(conn), "who may not ask for a trace has a transaction without one");
    is_int(wing->commit(conn, SOON, &err), WEIR_OK, "  which is committed");
    begin_with(conn, insert, 0);
    is_int(wing->commit(conn, SOON, &err), WEIR_OK, "  as is the next one");
    must(conn, "RESET ROLE");
    must(conn, "GRANT EXECUTE ON FUNCTION txid_current() TO public");
}

static void test_deadlines(void)
{
    void *conn = session(&rig), *sleep = make(conn, "SELECT pg_sleep(600)"), *one = make(conn, "SELECT 1");
    for (int i = 0; i < 5; i++) {
        wing->begin_traced(conn, 0, trace, SOON, &err);
        is_int(wing->run(conn, sleep, WEIR_NO_ARGS, 0, rig_now() + i * 3 * MS, &err), WEIR_E_TIMEOUT,
               "a first statement that sleeps is stopped after %d ms", i * 3);
        wing->rollback(conn, SOON, &err);
        ok(!wing->in_transaction(conn) && !backend->dirty(conn), "  nothing is open then");
        is_int(run_kept(conn, one), WEIR_OK, "  and the next statement is not met");
    }
    wing->begin_traced(conn, 0, trace, SOON, &err);
    is_int(wing->run(conn, one, WEIR_NO_ARGS, 0, rig_now(), &err), WEIR_E_TIMEOUT,
           "one that comes too late is not sent");
    is_int(run_kept(conn, one), WEIR_OK, "  the one behind it is");
    ok(*trace && wing->commit(conn, SOON, &err) == WEIR_OK, "  in the transaction");
    forget(conn, &sleep);
    forget(conn, &one);
    end(&conn);
}

/* At each byte, one way: nothing is told that is not so, and nothing is written. */
static void test_cuts(struct proxy *p, struct rig *by_proxy, enum proxy_way way, void *witness)
{
    const int64_t rows = ask_int(witness, "SELECT count(*) FROM t");
    int lost = 0, wrong = 0, st = WEIR_E_LOST;
    for (long after = 0; st < 0 && after < 400; after++) {
        void *conn = session(by_proxy), *insert = make(conn, "INSERT INTO t VALUES(1)");
        begin_with(conn, insert, READ_COMMITTED);
        wing->rollback(conn, SOON, &err);
        wing->begin_traced(conn, READ_COMMITTED, trace, SOON, &err);
        proxy_fault(p, way, PROXY_CUT, after);
        st = run_kept(conn, insert);
        lost += st < 0;
        wrong +=
            st < 0 && (st != WEIR_E_LOST || !(err.flags & WEIR_CONNECTION_DEAD) || !(err.flags & WEIR_RETRY_ELSEWHERE));
        proxy_fault(p, way, PROXY_NONE, 0);
        forget(conn, &insert);
        end(&conn);
    }
    ok(lost > 50 && st == WEIR_OK, "cut at %d bytes %s the server", lost, way == PROXY_TO_CLIENT ? "from" : "to");
    is_int(wrong, 0, "  the connection is lost");
    is_int(ask_int(witness, "SELECT count(*) FROM t"), rows, "  and nothing was committed");
}

int main(void)
{
    static struct rig by_proxy;
    postgres_start(&server, NULL);
    rig_begin(&rig, server.port, NULL);
    struct proxy *p = proxy_start(server.port);
    rig_begin(&by_proxy, proxy_port(p), NULL);
    void *conn = session(&rig);
    must(conn, "CREATE TABLE t(n INTEGER)");
    must(conn, "CREATE TABLE keyed(n INTEGER PRIMARY KEY)");
    must(conn, "CREATE TABLE keyed_too(n INTEGER PRIMARY KEY)");
    must(conn, "CREATE TABLE late(n INTEGER UNIQUE DEFERRABLE INITIALLY DEFERRED)");
    void *insert = make(conn, "INSERT INTO t VALUES(1)");
    test_trips(p, &by_proxy);
    test_pooled(p);
    test_services(p);
    test_waiting(conn);
    test_others_first(conn, insert);
    forget(conn, &insert);
    end(&conn);
    conn = session(&rig);
    insert = make(conn, "INSERT INTO t VALUES(1)");
    test_rows(conn);
    test_forgotten(conn, insert);
    test_unable(conn, insert);
    test_deadlines();
    test_cuts(p, &by_proxy, PROXY_TO_CLIENT, conn);
    test_cuts(p, &by_proxy, PROXY_TO_SERVER, conn);
    forget(conn, &insert);
    end(&conn);
    is_int(rig.blocks + by_proxy.blocks, 0, "the driver has given back all memory");
    proxy_stop(&p);
    postgres_stop(&server);
    return tap_done();
}
