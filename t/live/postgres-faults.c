/*
 * The PostgreSQL driver where the other side fails: servers that are not there, say nothing or the wrong thing, go away half-way, have
 * no room, or are about to stop.
 * SPDX-License-Identifier: MIT
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <libpq-fe.h>
#include <weir.h>
#include "postgres-rig.h"
#include "proxy.h"
#include "server-postgres.h"
#include "row.h"
#include "tap.h"

#define backend (&weir_postgres_backend)
#define wing (backend->sql)

#define SESSIONS 8

static struct postgres server;
static struct rig rig;
static weir_error err;

/* ---- connecting ---- */

static int64_t took; /* the last dial */

/* Dials what will not answer; ms: the deadline, 0: it does not come to that. */
static void no_way(struct rig *r, int64_t ms, const char *what, int status, const char *state, uint32_t flags,
                   const char *text)
{
    char port[16];
    err = (weir_error){ .text = "" };
    const int64_t start = rig_now();
    void *conn = dial(r, &r->target, ms ? start + ms * MS : start + 60 * SECOND, &err);
    took = rig_now() - start;
    ok(!conn, "%s", what);
    end(&conn);
    is_int(err.status, status, "  fails in the right way");
    is_text(err.sqlstate, state, "  as %s", *state ? state : "no state");
    is_int(err.flags, flags, "  with flags %u", flags);
    has_text(err.text, text, "  in words: %s", err.text);
    snprintf(port, sizeof port, "%u", r->target.port);
    ok(strstr(err.text, "127.0.0.1") && strstr(err.text, port) && !strchr(err.text, '\n'), "  that name the server");
    if (ms)
        ok(took >= ms * MS && took < 20 * SECOND, "  at its deadline of %lld ms: %lld us", (long long)ms,
           (long long)took / 1000);
}

static void test_not_there(void)
{
    struct rig nowhere;
    rig_begin(&nowhere, server_free_port(), NULL);
    no_way(&nowhere, 0, "a server that is not there", WEIR_E_CONNECT, "", WEIR_RETRY_ELSEWHERE, "refused");
}

static void test_silent(struct proxy *p, struct rig *by_proxy)
{
    proxy_fault(p, PROXY_TO_CLIENT, PROXY_STALL, 0);
    no_way(by_proxy, 60, "a server that takes connections and says nothing", WEIR_E_CONNECT, "", WEIR_RETRY_ELSEWHERE,
           "says nothing");
    proxy_fault(p, PROXY_TO_CLIENT, PROXY_STALL, 40);
    no_way(by_proxy, 60, "one that stops half-way in its greeting", WEIR_E_CONNECT, "", WEIR_RETRY_ELSEWHERE,
           "given up at the deadline");
    proxy_fault(p, PROXY_TO_CLIENT, PROXY_NONE, 0);
}

static void test_other_protocols(struct proxy *p, struct rig *by_proxy)
{
    static const char *const with_tls[] = { "tls", "on", NULL };
    struct rig encrypted;
    rig_begin(&encrypted, proxy_port(p), with_tls);
    proxy_answer(p, "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
    no_way(by_proxy, 0, "a server that speaks HTTP", WEIR_E_CONNECT, "", 0, "received H");
    no_way(&encrypted, 0, "  also when asked for TLS", WEIR_E_TLS, "", 0, "H");
    proxy_answer(p, "SSH-2.0-OpenSSH_9.2\r\n");
    no_way(by_proxy, 0, "one that speaks SSH", WEIR_E_CONNECT, "", 0, "received S");
    proxy_answer(p, "E\r\nEvery letter counts\r\n");
    no_way(by_proxy, 0, "one whose first letter is that of an error", WEIR_E_CONNECT, "", WEIR_RETRY_ELSEWHERE, "");
    proxy_answer(p, "R\377\377\377\377 an answer of four gigabytes");
    no_way(by_proxy, 0, "one whose first letter is that of a greeting", WEIR_E_CONNECT, "", 0, "");
    proxy_answer(p, NULL);
}

static void test_dies_in_greeting(struct proxy *p, struct rig *by_proxy)
{
    static const long places[] = { 0, 1, 9, 100 };
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        proxy_fault(p, PROXY_TO_CLIENT, PROXY_CUT, places[i]);
        no_way(by_proxy, 0, "a server that hangs up in its greeting", WEIR_E_CONNECT, "", WEIR_RETRY_ELSEWHERE,
               "closed the connection");
    }
    proxy_fault(p, PROXY_TO_CLIENT, PROXY_RESET, 9);
    no_way(by_proxy, 0, "one that is reset", WEIR_E_CONNECT, "", WEIR_RETRY_ELSEWHERE, "");
    proxy_fault(p, PROXY_TO_CLIENT, PROXY_NONE, 0);
}

/* The handshake of TLS, broken off: nobody's certificate is to blame. */
static void test_dies_in_handshake(struct proxy *p)
{
    static const char *const with_tls[] = { "tls", "on", NULL };
    static const char *const settings[] = { "ssl=on", "ssl_cert_file=../server.crt", "ssl_key_file=../server.key",
                                            NULL };
    static const char *const none[] = { "max_connections=8", "superuser_reserved_connections=1", NULL };
    struct rig encrypted;
    if (!postgres_certificates(&server)) {
        tap_skip(1, "there is no openssl 3 to make certificates with");
        return;
    }
    rig_begin(&encrypted, proxy_port(p), with_tls);
    postgres_restart(&server, SIGINT, settings);
    proxy_fault(p, PROXY_TO_CLIENT, PROXY_CUT, 100);
    no_way(&encrypted, 0, "a server that hangs up in the handshake of TLS", WEIR_E_CONNECT, "", WEIR_RETRY_ELSEWHERE,
           "");
    proxy_fault(p, PROXY_TO_CLIENT, PROXY_STALL, 100);
    no_way(&encrypted, 60, "one that stops in it", WEIR_E_CONNECT, "", WEIR_RETRY_ELSEWHERE, "TLS handshake");
    proxy_fault(p, PROXY_TO_CLIENT, PROXY_NONE, 0);
    postgres_restart(&server, SIGINT, none);
}

/* ---- half-way ---- */

static void is_lost(int st, const char *what)
{
    is_int(st, WEIR_E_LOST, "%s", what);
    is_text(err.sqlstate, "08006", "  is lost");
    is_int(err.flags, WEIR_CONNECTION_DEAD | WEIR_RETRY_ELSEWHERE, "  and may be replaced");
    ok(strstr(err.text, "127.0.0.1") && strstr(err.text, "lost"), "  in words: %s", err.text);
}

static void test_dies_mid_row(struct proxy *p, struct rig *by_proxy)
{
    int st, rows = 0;
    void *conn = session(by_proxy), *stmt = make(conn, "SELECT i, repeat('x', 5000) FROM generate_series(1, 10000) i");
    proxy_fault(p, PROXY_TO_CLIENT, PROXY_CUT, 200000);
    st = wing->run(conn, stmt, WEIR_NO_ARGS, 1, SOON, &err);
    while (st >= 0 && (st = row_next(wing, conn, SOON, &err)) == WEIR_ROW)
        rows++;
    is_lost(st, "a connection that is cut in a row");
    ok(rows > 0 && rows < 100, "  after %d rows", rows);
    is_int(backend->alive(conn), 0, "  and knows it");
    is_int(row_next(wing, conn, SOON, &err), WEIR_OK, "  the result is over");
    wing->abandon(conn);
    proxy_fault(p, PROXY_TO_CLIENT, PROXY_NONE, 0);
    is_lost(wing->run(conn, stmt, WEIR_NO_ARGS, 1, SOON, &err), "what is asked of it then");
    forget(conn, &stmt);
    end(&conn);
}

#define STALL_AFTER 200000 /* bytes */

static void test_stalls_mid_row(struct proxy *p)
{
    static const char *const hasty[] = { "cancel_grace", "60ms", NULL };
    int st;
    struct rig short_of_time;
    rig_begin(&short_of_time, proxy_port(p), hasty);
    void *conn = session(&short_of_time),
         *stmt = make(conn, "SELECT i, repeat('x', 5000) FROM generate_series(1, 10000) i");
    const long before = proxy_passed(p, PROXY_TO_CLIENT);
    proxy_fault(p, PROXY_TO_CLIENT, PROXY_STALL, STALL_AFTER);
    st = wing->run(conn, stmt, WEIR_NO_ARGS, 1, SOON, &err);
    for (int rows = 0; st >= 0 && rows < STALL_AFTER / 5000 - 4; rows++)
        st = row_next(wing, conn, SOON, &err);
    while (proxy_passed(p, PROXY_TO_CLIENT) - before < STALL_AFTER) /* what comes sooner than that would be an answer */
        ;
    const int64_t start = rig_now();
    while (st >= 0 && (st = row_next(wing, conn, start + 60 * MS, &err)) == WEIR_ROW)
        ;
    took = rig_now() - start;
    is_int(st, WEIR_E_TIMEOUT, "a network that swallows the rest");
    is_int(err.flags, WEIR_CONNECTION_DEAD, "  ends the connection");
    ok(took >= 60 * MS && took < 20 * SECOND, "  a little after the deadline: %lld us", (long long)took / 1000);
    wing->abandon(conn);
    forget(conn, &stmt);
    end(&conn);
    proxy_fault(p, PROXY_TO_CLIENT, PROXY_NONE, 0);
}

/* What the pool asks for itself: a server that is silent is not asked to stop it, over the same broken road. */
static void test_stalls_in_housework(struct proxy *p, struct rig *by_proxy)
{
    void *asked = session(by_proxy), *changed = session(by_proxy);
    must(changed, "SET search_path = pg_catalog");
    const long connections = proxy_connections(p);
    proxy_fault(p, PROXY_TO_CLIENT, PROXY_STALL, 0);
    is_int(backend->ping(asked, rig_now() + 60 * MS, &err), WEIR_E_TIMEOUT, "a ping into silence");
    is_int(err.flags, WEIR_CONNECTION_DEAD, "  ends the connection: %s", err.text);
    is_int(backend->reset(changed, rig_now() + 60 * MS, &err), WEIR_E_TIMEOUT, "so does a reset");
    is_int(err.flags, WEIR_CONNECTION_DEAD, "  with it: %s", err.text);
    is_int(proxy_connections(p), connections, "  and nobody is asked to stop them");
    proxy_fault(p, PROXY_TO_CLIENT, PROXY_NONE, 0);
    end(&asked);
    end(&changed);
}

static void test_dies_mid_commit(void *witness, struct proxy *p, struct rig *by_proxy)
{
    must(witness, "CREATE TABLE ledger(n int)");
    void *conn = session(by_proxy);
    wing->begin(conn, 0, 0, SOON, &err);
    must(conn, "INSERT INTO ledger VALUES(1)");
    proxy_fault(p, PROXY_TO_CLIENT, PROXY_CUT, 0);
    is_lost(wing->commit(conn, SOON, &err), "a commit whose answer does not come");
    wait_for(witness, "SELECT count(*) FROM ledger", 1);
    ok(1, "  though it was done");
    end(&conn);
    proxy_fault(p, PROXY_TO_CLIENT, PROXY_NONE, 0);
    conn = session(by_proxy);
    wing->begin(conn, 0, 0, SOON, &err);
    must(conn, "INSERT INTO ledger VALUES(2)");
    proxy_fault(p, PROXY_TO_SERVER, PROXY_CUT, 0);
    is_lost(wing->commit(conn, SOON, &err), "one that does not arrive looks the same");
    end(&conn);
    wait_for(witness, "SELECT count(*) FROM pg_stat_activity WHERE state LIKE 'idle in%'", 0);
    is_int(ask_int(witness, "SELECT count(*) FROM ledger"), 1, "  though it was not done");
    proxy_fault(p, PROXY_TO_SERVER, PROXY_NONE, 0);
}

/* What a server tells of a transaction by its trace. */
static void test_traces(void)
{
    char trace[WEIR_TRACE_SIZE], other[WEIR_TRACE_SIZE], committed[WEIR_TRACE_SIZE];
    void *conn = session(&rig), *asker = session(&rig);
    wing->begin_traced(conn, 0, trace, SOON, &err);
    must(conn, "SELECT 1");
    ok(*trace, "a transaction has a trace: %s", trace);
    ok(wing->in_transaction(conn), "  and is open");
    is_int(wing->settle(asker, trace, SOON, &err), WEIR_FATE_PENDING, "  which the server tells");
    is_int(wing->commit(conn, SOON, &err), WEIR_OK, "  it is committed");
    is_int(wing->settle(asker, trace, SOON, &err), WEIR_FATE_COMMITTED, "  and the server tells that");
    snprintf(committed, sizeof committed, "%s", trace);
    wing->begin_traced(conn, 0, trace, SOON, &err);
    must(conn, "SELECT 1");
    wing->rollback(conn, SOON, &err);
    is_int(wing->settle(asker, trace, SOON, &err), WEIR_FATE_ABORTED, "another is rolled back, which it tells, too");
    wing->begin_traced(conn, 3, trace, SOON, &err);
    is_text(ask_text(conn, "SHOW transaction_isolation"), "serializable", "  a third has an isolation of its own");
    end(&conn);
    wait_for(asker, "SELECT count(*) FROM pg_stat_activity WHERE state LIKE 'idle in%'", 0);
    is_int(wing->settle(asker, trace, SOON, &err), WEIR_FATE_ABORTED, "  and is gone with its connection");
    snprintf(other, sizeof other, "%s", trace);
    char *timeline = strchr(other, ' ') + 1;
    timeline[7] = timeline[7] == '9' ? '8' : '9';
    is_int(wing->settle(asker, other, SOON, &err), WEIR_FATE_UNKNOWN, "nothing is told of another timeline");
    snprintf(other, sizeof other, "%s", trace);
    *(strrchr(other, ' ') - 1) ^= 1;
    is_int(wing->settle(asker, other, SOON, &err), WEIR_FATE_UNKNOWN, "  nor of another server");
    snprintf(other, sizeof other, "%s", committed);
    other[strlen(other) - 1] ^= 1;
    is_int(wing->settle(asker, other, SOON, &err), WEIR_FATE_UNKNOWN, "  nor, after a crash, of what may be another's");
    snprintf(other, sizeof other, "%s", trace);
    other[strlen(other) - 1] ^= 1;
    is_int(wing->settle(asker, other, SOON, &err), WEIR_FATE_ABORTED, "  but what is aborted then is so for good");
    ok(wing->settle(asker, "999999999999 0 0 0", SOON, &err) == WEIR_FATE_UNKNOWN, "  whatever the number");
    conn = reader(&rig);
    is_int(wing->begin_traced(conn, 0, trace, SOON, &err), WEIR_OK, "a reader's transaction");
    is_text(trace, "", "  has none");
    end(&conn);
    end(&asker);
}

static weir_db *open_db(const char *url)
{
    static const char *const options[] = { "threads", "none", NULL };
    const weir_hooks hooks = { .size = sizeof hooks, .options = options };
    weir_db *db;
    if (weir_db_open(&db, url, &hooks, &err) < 0)
        tap_bail("%s: %s", url, err.text);
    return db;
}

/* What the core makes of it. */
static void test_in_doubt(struct proxy *p)
{
    char url[128];
    weir_conn conn;
    weir_outcome outcome;
    snprintf(url, sizeof url, "postgres://weir@127.0.0.1:%d/postgres", proxy_port(p));
    weir_db *db = open_db(url);
    if (weir_acquire(&conn, db, WEIR_WRITE, weir_after_ms(60000), &err) < 0 ||
        weir_begin(conn, NULL, weir_after_ms(60000), &err) < 0 ||
        weir_exec(NULL, conn, "INSERT INTO ledger VALUES(3)", WEIR_NO_ARGS, weir_after_ms(60000), &err) < 0)
        tap_bail("%s", err.text);
    proxy_fault(p, PROXY_TO_CLIENT, PROXY_CUT, 0);
    is_int(weir_commit(&outcome, conn, weir_after_ms(60000), &err), WEIR_E_IN_DOUBT,
           "a commit that is lost is in doubt");
    is_int(outcome.state, WEIR_COMMIT_UNKNOWN, "  as its outcome says");
    is_int(err.flags, WEIR_CONNECTION_DEAD, "  and is not for another try");
    weir_release(&conn);
    proxy_fault(p, PROXY_TO_CLIENT, PROXY_NONE, 0);
    is_int(weir_acquire(&conn, db, WEIR_WRITE, weir_after_ms(60000), &err), WEIR_OK,
           "the next borrower gets another connection");
    is_int(weir_exec(NULL, conn, "SELECT 1", WEIR_NO_ARGS, weir_after_ms(60000), &err), WEIR_OK, "  that works");
    weir_release(&conn);
    weir_db_close(&db);
}

static void test_wrong_urls(void)
{
    weir_db *db = NULL;
    is_int(weir_db_open(&db, "postgres://weir@127.0.0.1:twelve/postgres", NULL, &err), WEIR_E_OPTION,
           "a port that is no number");
    has_text(err.text, "port 'twelve'", "  is named");
    is_int(weir_db_open(&db, "postgresql://weir@127.0.0.1/postgres?pooler=session", NULL, &err), WEIR_E_OPTION,
           "an option that is none");
    has_text(err.text, "none|transaction", "  with what it could be");
}

/* ---- a server with no room, or on its way out ---- */

static void test_no_room(void)
{
    void *conns[SESSIONS + 2] = { NULL };
    int n = 0;
    while (n < SESSIONS + 2 && (conns[n] = dial(&rig, &rig.target, SOON, &err)))
        n++;
    ok(n > 0 && n <= SESSIONS, "a server of %d connections has room for %d", SESSIONS, n);
    is_int(err.status, WEIR_E_TOO_MANY, "  and then says that there is no room");
    is_text(err.sqlstate, "53300", "  in its way");
    is_int(err.flags, WEIR_RETRY_ELSEWHERE, "  which may pass");
    while (n > 0)
        end(&conns[--n]);
    postgres_run(&server, "CREATE ROLE lonely LOGIN PASSWORD 'p' CONNECTION LIMIT 1");
    weir_target target = rig.target;
    target.user = "lonely";
    target.password = "p";
    void *one = dial(&rig, &target, SOON, &err), *two = dial(&rig, &target, SOON, &err);
    ok(one && !two, "a user who may connect once");
    is_int(err.status, WEIR_E_TOO_MANY, "  is one too many the second time");
    end(&one);
    end(&two);
}

/* The server has sent all it has to say to that session, and waits for it: one that is told to go while it sends says nothing more. */
static void await_rest(void *conn, void *witness)
{
    char sql[128];
    snprintf(sql, sizeof sql, "SELECT count(*) FROM pg_stat_activity WHERE pid = %d AND wait_event = 'ClientRead'",
             (int)ask_int(conn, "SELECT pg_backend_pid()"));
    while (ask_int(witness, sql) == 0)
        ;
}

/* A process of the server's dies: it lets go of all the others. */
static void test_crash(void)
{
    char committed[WEIR_TRACE_SIZE], open[WEIR_TRACE_SIZE];
    void *conn = session(&rig), *victim = session(&rig);
    wing->begin_traced(conn, 0, committed, SOON, &err);
    must(conn, "INSERT INTO ledger VALUES(4)");
    wing->commit(conn, SOON, &err);
    wing->begin_traced(conn, 0, open, SOON, &err);
    must(conn, "INSERT INTO ledger VALUES(5)");
    const pid_t pid = (pid_t)ask_int(victim, "SELECT pg_backend_pid()");
    await_rest(conn, victim);
    kill(pid, SIGKILL);
    while (backend->alive(conn))
        ;
    is_int(run(conn, "SELECT 1", &err), WEIR_E_LOST, "a session whose neighbour has crashed");
    is_text(err.sqlstate, "57P02", "  knows why it ends");
    is_int(err.flags, WEIR_CONNECTION_DEAD | WEIR_RETRY_ELSEWHERE, "  and may be replaced");
    is_int(run(victim, "SELECT 1", &err), WEIR_E_LOST, "the one that has crashed says nothing");
    is_text(err.sqlstate, "08006", "  but is lost");
    end(&conn);
    end(&victim);
    while (!(conn = dial(&rig, &rig.target, SOON, &err)) && err.flags == WEIR_RETRY_ELSEWHERE)
        ;
    ok(conn, "after a while the server takes connections again");
    is_int(wing->settle(conn, open, SOON, &err), WEIR_FATE_ABORTED, "  and knows that what was open has not happened");
    is_int(wing->settle(conn, committed, SOON, &err), WEIR_FATE_UNKNOWN, "  but nothing for sure of what has");
    end(&conn);
}

static void test_stopping(void)
{
    static const char *const settings[] = { "max_connections=8", NULL };
    void *conn = session(&rig), *other;
    kill(server.server.pid, SIGTERM); /* it waits for the last session */
    while ((other = dial(&rig, &rig.target, SOON, &err)))
        end(&other);
    is_int(err.status, WEIR_E_CONNECT, "a server that is about to stop takes no connection");
    is_text(err.sqlstate, "57P03", "  and says so");
    is_int(err.flags, WEIR_RETRY_ELSEWHERE, "  which may pass");
    is_int(ask_int(conn, "SELECT 1"), 1, "who is in stays in");
    kill(server.server.pid, SIGINT);
    while (backend->alive(conn))
        ;
    is_int(run(conn, "SELECT 1", &err), WEIR_E_LOST, "  until it stops for good");
    is_text(err.sqlstate, "57P01", "  and says so");
    end(&conn);
    postgres_restart(&server, SIGINT, settings);
    conn = session(&rig);
    is_int(ask_int(conn, "SELECT 1"), 1, "when it is back it is as before");
    end(&conn);
}

int main(void)
{
    static const char *const settings[] = { "max_connections=8", "superuser_reserved_connections=1", NULL };
    static const char *const patient[] = { "cancel_grace", "60s", NULL };
    static struct rig by_proxy;
    postgres_start(&server, settings);
    rig_begin(&rig, server.port, patient);
    struct proxy *p = proxy_start(server.port);
    rig_begin(&by_proxy, proxy_port(p), patient);
    test_wrong_urls();
    test_not_there();
    test_silent(p, &by_proxy);
    test_other_protocols(p, &by_proxy);
    test_dies_in_greeting(p, &by_proxy);
    test_dies_in_handshake(p);
    test_dies_mid_row(p, &by_proxy);
    test_stalls_mid_row(p);
    test_stalls_in_housework(p, &by_proxy);
    void *witness = session(&rig);
    test_dies_mid_commit(witness, p, &by_proxy);
    test_traces();
    test_in_doubt(p);
    end(&witness);
    test_no_room();
    test_crash();
    test_stopping();
    is_int(rig.blocks + by_proxy.blocks, 0, "the driver has given back all memory");
    proxy_stop(&p);
    postgres_stop(&server);
    return tap_done();
}
