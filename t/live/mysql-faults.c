/*
 * The MySQL and MariaDB driver, alone: what goes wrong on the road to the server, and with the server.
 * SPDX-License-Identifier: MIT
 */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <mysql.h>
#include "mysql-rig.h"
#include "proxy.h"
#include "row.h"
#include "tap.h"

#define backend (&weir_mysql_backend)
#define wing (backend->sql)

#define LONG "SELECT COUNT(*) FROM numbers a, numbers b WHERE a.n + b.n < -5"
#define ELSEWHERE WEIR_RETRY_ELSEWHERE
#define DEAD WEIR_CONNECTION_DEAD

static struct rig rig;

static int is_mysql(void)
{
    return rig.server->is_mysql;
}

static const char *const *without_tls(void)
{
    static const char *const mysql[] = { "--tls-version=", NULL };
    return is_mysql() ? mysql : NULL;
}

/* ---- a connect that fails ---- */

static void refused_until(const weir_target *t, struct rig *from, int64_t deadline_ns, int status, unsigned flags,
                          const char *part, const char *fact)
{
    weir_error err = { 0 };
    void *conn = dial(from, t, deadline_ns, &err);
    ok(!conn, "%s: no session", fact);
    end(&conn);
    is_int(err.status, status, "  for the right reason");
    is_int(err.flags, flags, "  with flags %x", flags);
    has_text(err.text, part, "  in words");
    ok(strncmp(err.text, "mysql", 5) == 0, "  that name the server: %s", err.text);
    ok(!strstr(err.text, "s3cret"), "  and tell no secret");
    is_int(from->blocks, 0, "  and no memory is left");
}

static void refused(const weir_target *t, int status, unsigned flags, const char *part, const char *fact)
{
    struct rig own;
    rig_begin(&own, rig.server, NULL);
    refused_until(t, &own, SOON, status, flags, part, fact);
}

/* MariaDB lets in whoever has one, and then refuses all but a new one. */
static void test_expired(const weir_target *t)
{
    weir_error err = { 0 };
    if (is_mysql()) {
        refused(t, WEIR_E_AUTH, 0, "password", "a password that has expired");
        return;
    }
    void *conn = dial(&rig, t, SOON, &err);
    is_int(conn ? run(conn, "SELECT 1", &err) : 0, WEIR_E_AUTH, "a password that has expired");
    is_int(err.native, 1820, "  as 1820: %s", err.text);
    end(&conn);
}

static void test_wrong_targets(void *watch)
{
    weir_target t = rig.target;
    must(watch, "CREATE USER careful@'127.0.0.1' IDENTIFIED BY 's3cret-too'");
    must(watch, "GRANT SELECT ON test.* TO careful@'127.0.0.1'");
    t.user = "careful";
    t.password = "s3cret";
    refused(&t, WEIR_E_AUTH, 0, "Access denied for user 'careful'", "a wrong password");
    t.password = "";
    refused(&t, WEIR_E_AUTH, 0, "Access denied", "no password where one is needed");
    t.user = "nobody";
    refused(&t, WEIR_E_AUTH, 0, "nobody", "a user that is not there");
    t.user = "";
    refused(&t, WEIR_E_AUTH, 0, "write mysql://user@host/database", "no user");
    t = rig.target;
    t.database = "nowhere";
    refused(&t, WEIR_E_CONNECT, 0, "nowhere", "a database that is not there");
    t.user = "careful";
    t.password = "s3cret-too";
    t.database = "mysql";
    refused(&t, WEIR_E_AUTH, 0, "Access denied", "a database that one has no right to");
    must(watch, "ALTER USER careful@'127.0.0.1' ACCOUNT LOCK");
    refused(&t, WEIR_E_AUTH, 0, "locked", "an account that is locked");
    must(watch, "ALTER USER careful@'127.0.0.1' ACCOUNT UNLOCK PASSWORD EXPIRE");
    t.database = "test";
    test_expired(&t);
    must(watch, "DROP USER careful@'127.0.0.1'");
}

static void test_nobody_there(void)
{
    const char *options[] = { "socket", "/nowhere/mysqld.sock", NULL };
    struct rig other;
    weir_target t = rig.target;
    t.port = (uint32_t)server_free_port();
    refused(&t, WEIR_E_CONNECT, ELSEWHERE, "Connection refused", "a port where nobody listens");
    t.host = "no-such-host.invalid";
    refused(&t, WEIR_E_CONNECT, ELSEWHERE, "no-such-host.invalid", "a host that is not there");
    t.host = "replication://127.0.0.1";
    refused(&t, WEIR_E_CONNECT, 0, "is not the name of a host", "a host that names a plugin");
    t.host = "127.0.0.1,127.0.0.2";
    refused(&t, WEIR_E_CONNECT, 0, "is not the name of a host", "two hosts for one");
    rig_begin(&other, rig.server, options);
    refused_until(&other.target, &other, SOON, WEIR_E_CONNECT, ELSEWHERE, "/nowhere/mysqld.sock",
                  "a socket that is not there");
}

/* What is set for another program means nothing here. */
static void test_environment(void *watch)
{
    char path[256];
    snprintf(path, sizeof path, "%s/.my.cnf", tap_folder());
    FILE *f = fopen(path, "w");
    if (!f ||
        fputs("[client]\nhost=127.0.0.9\nport=1\nuser=nobody\npassword=nonsense\nssl-verify-server-cert\n"
              "default-character-set=latin1\ninit-command=SET @a=1\n",
              f) < 0 ||
        fclose(f) != 0)
        tap_bail("cannot write %s", path);
    static const char *const names[] = { "MYSQL_PWD",
                                         "MYSQL_HOST",
                                         "MYSQL_TCP_PORT",
                                         "MYSQL_UNIX_PORT",
                                         "MYSQL_GROUP_SUFFIX",
                                         "MARIADB_TLS_DISABLE_PEER_VERIFICATION",
                                         "USER" };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        setenv(names[i], "1", 1);
    setenv("HOME", tap_folder(), 1);
    setenv("MYSQL_HOME", tap_folder(), 1);
    setenv("MARIADB_HOME", tap_folder(), 1);
    must(watch, "CREATE USER plain@'127.0.0.1' IDENTIFIED BY '1'");
    void *conn = session(&rig);
    has_text(ask_text(conn, "SELECT USER()"), "weir@", "neither the environment nor an option file changes the user");
    is_text(ask_text(conn, "SELECT @a"), "(null)", "  or runs anything");
    end(&conn);
    weir_target t = rig.target;
    t.user = "plain";
    refused(&t, WEIR_E_AUTH, 0, "Access denied", "a password is not taken from there either");
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        unsetenv(names[i]);
}

/* ---- a server that is not one ---- */

static void test_silence(struct proxy *p)
{
    struct rig near;
    weir_target t = rig.target;
    t.port = (uint32_t)proxy_port(p);
    rig_begin(&near, rig.server, NULL);
    proxy_fault(p, PROXY_TO_CLIENT, PROXY_STALL, 0);
    const int64_t start = rig_now();
    refused_until(&t, &near, start + 200 * MS, WEIR_E_CONNECT, ELSEWHERE, "no answer before the deadline",
                  "a server that says nothing");
    const int64_t took = (rig_now() - start) / MS;
    ok(took >= 200 && took < 20000, "  at the deadline of 200 ms: %lld ms", (long long)took);
    proxy_fault(p, PROXY_TO_CLIENT, PROXY_NONE, 0);
}

static void test_other_protocols(struct proxy *p)
{
    static const char *const texts[] = { "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n",
                                         "SSH-2.0-OpenSSH_9.2\r\n", "220 mail.example ESMTP\r\n", "x" };
    weir_target t = rig.target;
    t.port = (uint32_t)proxy_port(p);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        weir_error err = { 0 };
        struct rig own;
        rig_begin(&own, rig.server, NULL);
        proxy_answer(p, texts[i]);
        void *conn = dial(&own, &t, SOON, &err);
        ok(!conn && err.status == WEIR_E_CONNECT, "a server that speaks '%.4s' is not one: %s", texts[i], err.text);
        is_int(own.blocks, 0, "  and no memory is left");
    }
    proxy_answer(p, NULL);
}

/* At each place of the handshake, and of what the driver says first. */
static void test_cut_handshake(struct proxy *p, enum proxy_fault fault)
{
    weir_target t = rig.target;
    int failures = 0, wrong = 0;
    long leaks = 0;
    t.port = (uint32_t)proxy_port(p);
    long before = proxy_passed(p, PROXY_TO_CLIENT);
    void *conn = session(&(struct rig){ .host = rig.host, .target = t, .server = rig.server });
    const long bytes = proxy_passed(p, PROXY_TO_CLIENT) - before;
    end(&conn);
    for (long n = 0; n < bytes; n += 9) {
        weir_error err = { 0 };
        struct rig own;
        rig_begin(&own, rig.server, NULL);
        proxy_fault(p, PROXY_TO_CLIENT, fault, n);
        conn = dial(&own, &t, SOON, &err);
        failures += !conn;
        wrong += err.status != WEIR_E_CONNECT && err.status != WEIR_E_LOST;
        if (err.status != WEIR_E_CONNECT && err.status != WEIR_E_LOST)
            tap_note("byte %ld: %s", n, err.text);
        end(&conn);
        leaks += own.blocks;
    }
    proxy_fault(p, PROXY_TO_CLIENT, PROXY_NONE, 0);
    is_int(failures, (bytes + 8) / 9, "a server that %s in the %ld bytes of its greeting gives no session",
           fault == PROXY_CUT ? "leaves" : "is torn away", bytes);
    is_int(wrong, 0, "  for the right reason");
    is_int(leaks, 0, "  and no memory is left");
}

/* ---- a session that breaks ---- */

static void is_lost(const weir_error *err, int status)
{
    is_int(err->status, status, "  is lost: %s", err->text);
    is_int(err->flags, DEAD | ELSEWHERE, "  with its connection, but not for another");
    has_text(err->text, "127.0.0.1:", "  to that server");
}

static struct rig near; /* the same, through the proxy */

static void test_cut_rows(struct proxy *p)
{
    weir_error err = { 0 };
    int st, rows = 0;
    void *conn = session(&near);
    void *stmt = begin_rows(conn, "SELECT n, REPEAT('x', 1000) FROM numbers", WEIR_NO_ARGS);
    proxy_fault(p, PROXY_TO_CLIENT, PROXY_CUT, 300000);
    while ((st = row_next(wing, conn, SOON, &err)) == WEIR_ROW)
        rows++;
    ok(st < 0 && rows > 0, "a result breaks off after %d rows", rows);
    is_lost(&err, WEIR_E_LOST);
    is_text(err.sqlstate, "08006", "  and has a state");
    is_int(row_next(wing, conn, SOON, &err), WEIR_OK, "  the result has ended");
    end_rows(conn, &stmt);
    proxy_fault(p, PROXY_TO_CLIENT, PROXY_NONE, 0);
    is_int(backend->alive(conn), 0, "  the session is dead");
    is_int(run(conn, "SELECT 1", &err), WEIR_E_LOST, "  for every later statement");
    is_int(wing->rollback(conn, SOON, &err), WEIR_E_LOST, "  and for a rollback");
    is_int(backend->reset(conn, SOON, &err) < 0, 1, "  and cannot be reset");
    end(&conn);
}

static void commit_through(struct proxy *p, enum proxy_way way, void *watch, int64_t want, const char *fact)
{
    weir_error err = { 0 };
    must(watch, "UPDATE numbers SET n = 0 WHERE n = -1");
    void *conn = session(&near);
    wing->begin(conn, 0, 0, SOON, &err);
    must(conn, "UPDATE numbers SET n = -1 WHERE n = 0");
    proxy_fault(p, way, PROXY_CUT, 0);
    is_int(wing->commit(conn, SOON, &err), WEIR_E_LOST, "%s", fact);
    is_lost(&err, WEIR_E_LOST);
    proxy_fault(p, way, PROXY_NONE, 0);
    end(&conn);
    wait_for(watch, "SELECT COUNT(*) FROM information_schema.innodb_trx", 0);
    is_int(ask_int(watch, "SELECT COUNT(*) > 0 FROM numbers WHERE n = -1"), want, "  and has %shappened",
           want ? "" : "not ");
}

/* The server can no more be asked to stop the statement than it can answer. */
static void test_stall(struct proxy *p)
{
    static const char *const hasty[] = { "cancel_grace", "150ms", NULL };
    weir_error err = { 0 };
    near.options = hasty;
    void *conn = session(&near);
    proxy_fault(p, PROXY_TO_CLIENT, PROXY_STALL, 0);
    const int64_t start = rig_now();
    is_int(execute(conn, "SELECT 1", WEIR_NO_ARGS, start + 100 * MS, &err), WEIR_E_TIMEOUT,
           "a server that falls silent is waited for until the deadline");
    const int64_t took = (rig_now() - start) / MS;
    ok(took >= 100 && took < 20000, "  and a little longer: %lld ms", (long long)took);
    is_int(err.flags & DEAD, DEAD, "  then the connection is given up: %s", err.text);
    is_int(backend->alive(conn), 0, "  and known to be dead");
    proxy_fault(p, PROXY_TO_CLIENT, PROXY_NONE, 0);
    end(&conn);
    conn = session(&near);
    proxy_fault(p, PROXY_TO_CLIENT, PROXY_STALL, 0);
    is_int(backend->ping(conn, rig_now() + 50 * MS, &err), WEIR_E_TIMEOUT, "so it is with a ping");
    is_int(err.flags & DEAD, DEAD, "  %s", err.text);
    proxy_fault(p, PROXY_TO_CLIENT, PROXY_NONE, 0);
    end(&conn);
    conn = session(&near);
    proxy_fault(p, PROXY_TO_CLIENT, PROXY_STALL, 0);
    is_int(backend->reset(conn, rig_now() + 50 * MS, &err), WEIR_E_TIMEOUT, "and a reset");
    end(&conn);
    proxy_fault(p, PROXY_TO_CLIENT, PROXY_NONE, 0);
    near.options = NULL;
}

/* A slow road is no broken one. */
static void test_delay(struct proxy *p)
{
    weir_error err = { 0 };
    proxy_delay(p, 20);
    void *conn = session(&near);
    is_int(execute(conn, LONG, WEIR_NO_ARGS, rig_now() + 200 * MS, &err), WEIR_E_TIMEOUT,
           "over a slow road a statement is stopped, too");
    is_int(err.flags, 0, "  and the connection kept");
    is_int(ask_int(conn, "SELECT 1"), 1, "  for the next one");
    proxy_delay(p, 0);
    end(&conn);
}

static void test_abandoned_over_stall(struct proxy *p)
{
    static const char *const hasty[] = { "cancel_grace", "150ms", NULL };
    weir_error err = { 0 };
    near.options = hasty;
    void *conn = session(&near);
    void *stmt = begin_rows(conn, "SELECT n, REPEAT('x', 5000) FROM numbers", WEIR_NO_ARGS);
    row_next(wing, conn, SOON, &err);
    proxy_fault(p, PROXY_TO_CLIENT, PROXY_STALL, 0);
    const int64_t start = rig_now();
    end_rows(conn, &stmt);
    ok(rig_now() - start < 20 * SECOND, "a result is abandoned though its rows have stopped coming");
    is_int(backend->reset(conn, SOON, &err) < 0, 1, "  a session that does not answer cannot be cleaned");
    proxy_fault(p, PROXY_TO_CLIENT, PROXY_NONE, 0);
    end(&conn);
    near.options = NULL;
}

/* ---- a session that is killed ---- */

static int64_t own_id(void *conn)
{
    return ask_int(conn, "SELECT CONNECTION_ID()");
}

static void kill_session(void *watch, int64_t id)
{
    char sql[64];
    snprintf(sql, sizeof sql, "KILL %lld", (long long)id);
    must(watch, sql);
}

static void test_killed(void *watch)
{
    weir_error err = { 0 };
    struct errand e;
    void *conn = session(&rig);
    const int64_t until = rig_now() + 60 * SECOND, id = own_id(conn);
    is_int(backend->alive(conn), 1, "a session lives");
    kill_session(watch, id);
    while (backend->alive(conn) && rig_now() < until)
        nanosleep(&(struct timespec){ .tv_nsec = MS }, NULL);
    is_int(backend->alive(conn), 0, "  until it is killed, which a look at its socket tells");
    ok(run(conn, "SELECT 1", &err) == WEIR_E_LOST, "  a statement then");
    is_lost(&err, WEIR_E_LOST);
    end(&conn);
    conn = session(&rig);
    const int64_t busy = own_id(conn);
    errand_start(&e, conn, "SELECT SLEEP(60)", NEVER);
    wait_for(watch, "SELECT COUNT(*) FROM information_schema.processlist WHERE info LIKE 'SELECT SLEEP(60)%'", 1);
    kill_session(watch, busy);
    errand_end(&e);
    ok(e.status == WEIR_E_LOST, "so is one that is running");
    is_lost(&e.err, WEIR_E_LOST);
    end(&conn);
}

/* ---- limits ---- */

static void test_long_parameters(void *watch)
{
    static char big[3000000];
    weir_error err = { 0 };
    memset(big, 'x', sizeof big);
    must(watch, "CREATE TABLE big(a LONGTEXT)");
    must(watch, "SET GLOBAL max_allowed_packet = 2097152");
    void *conn = session(&rig);
    is_int(execute(conn, "INSERT INTO big VALUES (?)", WEIR_ARGS(weir_text_n(big, sizeof big)), SOON, &err),
           WEIR_E_DATA, "a parameter longer than the server's packets is refused");
    has_text(err.text, "max_allowed_packet, 2097152", "  with their length");
    is_int(err.flags, 0, "  before it is sent");
    is_int(execute(conn, "INSERT INTO big VALUES (?)", WEIR_ARGS(weir_text_n(big, 2000000)), SOON, &err), WEIR_OK,
           "  a shorter one goes through: %s", err.text);
    is_int(ask_int(conn, "SELECT LENGTH(a) FROM big"), 2000000, "  whole");
    end(&conn);
    must(watch, "SET GLOBAL max_allowed_packet = 16384");
    conn = session(&rig);
    const int st = execute(conn, "INSERT INTO big VALUES (?)", WEIR_ARGS(weir_text_n(big, sizeof big / 4)), SOON, &err);
    ok(st == WEIR_E_LOST || st == WEIR_E_DATA, "where less is too long, the server hangs up: %s", err.text);
    is_int(err.flags & DEAD, DEAD, "  and the connection is dead");
    end(&conn);
    must(watch, "SET GLOBAL max_allowed_packet = 16777216");
}

static void test_too_many(void *watch)
{
    void *conns[40];
    int n = 0;
    weir_error err = { 0 };
    weir_target t = rig.target;
    must(watch, "CREATE USER crowd@'127.0.0.1'");
    must(watch, "GRANT SELECT ON test.* TO crowd@'127.0.0.1'");
    t.user = "crowd";
    must(watch, "SET GLOBAL max_connections = 12");
    while (n < 40 && (conns[n] = dial(&rig, &t, SOON, &err)))
        n++;
    ok(n > 0 && n < 13, "a server with twelve places lets %d in", n);
    is_int(err.status, WEIR_E_TOO_MANY, "  and then no more: %s", err.text);
    is_int(err.native, 1040, "  as 1040");
    is_int(err.flags, ELSEWHERE, "  which may change");
    while (n > 0)
        end(&conns[--n]);
    must(watch, "SET GLOBAL max_connections = 151");
    must(watch, is_mysql() ? "ALTER USER crowd@'127.0.0.1' WITH MAX_USER_CONNECTIONS 1"
                           : "GRANT USAGE ON *.* TO crowd@'127.0.0.1' WITH MAX_USER_CONNECTIONS 1");
    conns[0] = dial(&rig, &t, SOON, &err);
    conns[1] = dial(&rig, &t, SOON, &err);
    ok(conns[0] && !conns[1] && err.status == WEIR_E_TOO_MANY, "a user who may come once comes once: %s", err.text);
    is_int(err.native, 1226, "  as 1226");
    end(&conns[0]);
    must(watch, "DROP USER crowd@'127.0.0.1'");
}

/* ---- TLS ---- */

static char ca[600], other_ca[600]; /* files */

static void *dial_tls(const char *tls, const char *authority, const char *host, struct rig *own, weir_error *err)
{
    static const char *options[7];
    const char *const all[7] = { "tls", tls, "tls_ca", authority, "cancel_grace", "10s", NULL };
    memcpy(options, all, sizeof all);
    rig_begin(own, rig.server, options);
    own->target.host = host;
    memset(err, 0, sizeof *err);
    return dial(own, &own->target, SOON, err);
}

static void tls_refused(const char *tls, const char *authority, const char *host, const char *part, const char *fact)
{
    struct rig own;
    weir_error err;
    void *conn = dial_tls(tls, authority, host, &own, &err);
    ok(!conn, "%s: no session", fact);
    end(&conn);
    is_int(err.status, WEIR_E_TLS, "  because of TLS: %s", err.text);
    is_int(err.flags, 0, "  for good");
    has_text(err.text, part, "  in words");
    has_text(err.text, "mysql ", "  that name the server");
    is_int(own.blocks, 0, "  and no memory is left");
}

static void test_tls_missing(void)
{
    tls_refused("on", "", "127.0.0.1", "offers no TLS", "a server without TLS, which was asked for");
    tls_refused("verify", "", "127.0.0.1", "does not support", "a server without TLS, which was to be verified");
}

static void test_tls_names(void)
{
    struct rig own;
    weir_error err;
    void *conn = dial_tls("off", "", "127.0.0.1", &own, &err);
    is_text(conn ? ask_text(conn, "SHOW STATUS LIKE 'Ssl_cipher'") : "", "Ssl_cipher", "without TLS");
    is_text(conn ? mysql_get_ssl_cipher(backend->native(conn)) : "", NULL, "  there is no cipher");
    end(&conn);
    conn = dial_tls("on", "", "127.0.0.1", &own, &err);
    ok(conn && mysql_get_ssl_cipher(backend->native(conn)), "with TLS there is one: %s", err.text);
    end(&conn);
    conn = dial_tls("on", ca, "127.0.0.1", &own, &err);
    ok(conn != NULL, "an authority that has signed is taken, whatever the name: %s", err.text);
    end(&conn);
    conn = dial_tls("verify", ca, "localhost", &own, &err);
    ok(conn && mysql_get_ssl_cipher(backend->native(conn)), "a certificate that matches is verified: %s", err.text);
    is_int(conn ? backend->alive(conn) : 0, 1, "  nothing is left to be read");
    end(&conn);
    tls_refused("verify", ca, "127.0.0.1", "certificate", "a certificate of another name");
    tls_refused("verify", other_ca, "localhost", "", "a certificate of another authority");
    tls_refused("verify", "", "localhost", "", "a certificate of no known authority");
    tls_refused("on", other_ca, "localhost", "", "a certificate of another authority, the name not looked at");
    tls_refused("on", "/nowhere/ca.pem", "localhost", "tls_ca: the file '/nowhere/ca.pem'",
                "an authority that is not there");
}

/* A user whom the server knows by a certificate. */
static void test_tls_client(struct mariadb *server)
{
    char certificate[600], key[600];
    weir_error err;
    void *watch = session(&rig);
    snprintf(certificate, sizeof certificate, "%s", mariadb_file(server, "client.crt"));
    snprintf(key, sizeof key, "%s", mariadb_file(server, "client.key"));
    const char *const options[] = { "tls", "verify", "tls_ca", ca, "tls_cert", certificate, "tls_key", key, NULL };
    struct rig own;
    must(watch, "CREATE USER certified@'127.0.0.1' REQUIRE SUBJECT '/CN=certified'");
    must(watch, "CREATE USER certified@localhost REQUIRE SUBJECT '/CN=certified'");
    rig_begin(&own, server, options);
    own.target.host = "localhost";
    own.target.user = "certified";
    own.target.database = "";
    void *conn = dial(&own, &own.target, SOON, &err);
    ok(conn, "a user with a certificate is let in: %s", conn ? "" : err.text);
    end(&conn);
    own.options = (const char *const[]){ "tls", "verify", "tls_ca", ca, NULL };
    conn = dial(&own, &own.target, SOON, &err);
    ok(!conn && err.status == WEIR_E_AUTH, "  and without it is not: %s", err.text);
    end(&conn);
    own.options = (const char *const[]){ "tls", "on", "tls_cert", "/nowhere/client.crt", "tls_key", key, NULL };
    conn = dial(&own, &own.target, SOON, &err);
    ok(!conn && err.status == WEIR_E_TLS, "  nor with one that is not there");
    has_text(err.text, "tls_cert: the file '/nowhere/client.crt'", "  which is named");
    end(&conn);
    must(watch, "DROP USER certified@'127.0.0.1', certified@localhost");
    end(&watch);
}

static void test_tls_waits(void)
{
    static char big[6000000];
    struct rig own;
    weir_error err;
    void *conn = dial_tls("verify", ca, "localhost", &own, &err), *watch = session(&rig);
    if (!conn)
        tap_bail("%s", err.text);
    const int64_t start = rig_now();
    is_int(execute(conn, LONG, WEIR_NO_ARGS, start + 100 * MS, &err), WEIR_E_TIMEOUT,
           "over TLS a statement is stopped at its deadline");
    ok(rig_now() - start >= 100 * MS && rig_now() - start < 20 * SECOND, "  after %lld ms",
       (long long)((rig_now() - start) / MS));
    is_int(err.flags, 0, "  and the connection kept: %s", err.text);
    memset(big, 'x', sizeof big);
    is_int(execute(conn, "DO LENGTH(?)", WEIR_ARGS(weir_text_n(big, sizeof big)), SOON, &err), WEIR_OK,
           "six megabytes go through: %s", err.text);
    is_int(ask_int(conn, "SELECT 1"), 1, "  and the session goes on");
    is_int(backend->alive(conn), 1, "  alive");
    const int64_t id = own_id(conn), until = rig_now() + 60 * SECOND;
    kill_session(watch, id);
    while (backend->alive(conn) && rig_now() < until)
        nanosleep(&(struct timespec){ .tv_nsec = MS }, NULL);
    is_int(backend->alive(conn), 0, "  until it is killed");
    end(&conn);
    end(&watch);
}

struct writer {
    void *conn;
    int status;
    weir_error err;
};

static void *write_much(void *arg)
{
    static char big[8000000];
    struct writer *w = arg;
    w->status = execute(w->conn, "DO LENGTH(?)", WEIR_ARGS(weir_text_n(big, sizeof big)), NEVER, &w->err);
    return NULL;
}

/* That it goes on shows that no SIGPIPE has ended the program. */
static void test_tls_interrupt(void)
{
    pthread_t thread;
    weir_error err;
    struct rig own;
    struct proxy *p = proxy_start(rig.server->port);
    void *conn = dial_tls("on", "", "127.0.0.1", &own, &err);
    end(&conn);
    own.target.port = (uint32_t)proxy_port(p);
    struct writer w = { .conn = session(&own) };
    const long before = proxy_passed(p, PROXY_TO_SERVER);
    const int64_t until = rig_now() + 60 * SECOND;
    proxy_fault(p, PROXY_TO_SERVER, PROXY_STALL, 100000);
    if (pthread_create(&thread, NULL, write_much, &w) != 0)
        tap_bail("cannot start a thread");
    while (proxy_passed(p, PROXY_TO_SERVER) - before < 100000 && rig_now() < until)
        nanosleep(&(struct timespec){ .tv_nsec = MS }, NULL);
    backend->interrupt(w.conn);
    pthread_join(thread, NULL);
    is_int(w.status, WEIR_E_CANCELLED, "a call that writes over TLS is interrupted: %s", w.err.text);
    end(&w.conn);
    proxy_stop(&p);
}

static void test_tls(struct mariadb *server)
{
    char settings[3][600];
    test_tls_missing();
    if (!mariadb_certificates(server)) {
        tap_skip(1, "there is no openssl to make certificates with");
        return;
    }
    snprintf(settings[0], sizeof settings[0], "--ssl-ca=%s", mariadb_file(server, "ca.crt"));
    snprintf(settings[1], sizeof settings[1], "--ssl-cert=%s", mariadb_file(server, "server.crt"));
    snprintf(settings[2], sizeof settings[2], "--ssl-key=%s", mariadb_file(server, "server.key"));
    snprintf(ca, sizeof ca, "%s", mariadb_file(server, "ca.crt"));
    snprintf(other_ca, sizeof other_ca, "%s", mariadb_file(server, "other.crt"));
    mariadb_restart(server, SIGTERM, (const char *const[]){ settings[0], settings[1], settings[2], NULL });
    test_tls_names();
    test_tls_client(server);
    test_tls_waits();
    test_tls_interrupt();
    mariadb_restart(
        server, SIGTERM,
        (const char *const[]){ settings[0], settings[1], settings[2], "--require-secure-transport=ON", NULL });
    if (is_mysql())
        refused(&rig.target, WEIR_E_TLS, 0, "secure", "a server that wants TLS");
    else
        refused(&rig.target, WEIR_E_AUTH, 0, "Access denied", "a server that wants TLS, and does not say so");
}

/* ---- the server itself ---- */

static void test_shutdown(struct mariadb *server, void **watch)
{
    weir_error err = { 0 };
    struct errand e;
    void *conn = session(&rig), *idle = session(&rig);
    errand_start(&e, conn, LONG, NEVER);
    wait_for(*watch,
             "SELECT COUNT(*) FROM information_schema.processlist WHERE info LIKE 'SELECT COUNT(*) FROM numbers%'", 1);
    server_stop(&server->server, SIGTERM);
    errand_end(&e);
    ok(e.status == WEIR_E_LOST, "a server that shuts down ends what runs: %s", e.err.text);
    is_int(e.err.flags, DEAD | ELSEWHERE, "  with the connection");
    is_int(backend->alive(idle), 0, "  also one that is idle, which a look tells");
    ok(run(idle, "SELECT 1", &err) == WEIR_E_LOST, "  a statement then: %s", err.text);
    refused(&rig.target, WEIR_E_CONNECT, ELSEWHERE, "refused", "a server that is down");
    mariadb_restart(server, SIGTERM, without_tls());
    end(watch);
    end(&conn);
    end(&idle);
    *watch = session(&rig);
    is_int(ask_int(*watch, "SELECT 1"), 1, "and one that is back serves again");
}

/* ---- all ---- */

static void make_numbers(void *conn)
{
    must(conn, "CREATE TABLE digits(n INT)");
    must(conn, "INSERT INTO digits VALUES (0), (1), (2), (3), (4), (5), (6), (7), (8), (9)");
    must(conn, "CREATE TABLE numbers(n INT)");
    must(conn, "INSERT INTO numbers SELECT a.n FROM digits a, digits b, digits c, digits d, digits e");
}

static void test_through_proxy(void *watch)
{
    struct proxy *p = proxy_start(rig.server->port);
    rig_begin(&near, rig.server, NULL);
    near.target.port = (uint32_t)proxy_port(p);
    test_silence(p);
    test_other_protocols(p);
    test_cut_handshake(p, PROXY_CUT);
    test_cut_handshake(p, PROXY_RESET);
    test_cut_rows(p);
    commit_through(p, PROXY_TO_CLIENT, watch, 1, "a commit whose answer is lost");
    commit_through(p, PROXY_TO_SERVER, watch, 0, "a commit that is lost itself");
    test_stall(p);
    test_delay(p);
    test_abandoned_over_stall(p);
    proxy_stop(&p);
    is_int(near.blocks, 0, "no memory is left over all that");
}

static void test(struct mariadb *server)
{
    rig_begin(&rig, server, NULL);
    if (is_mysql()) /* MariaDB has none unless it is told */
        mariadb_restart(server, SIGTERM, without_tls());
    void *watch = session(&rig);
    make_numbers(watch);
    test_wrong_targets(watch);
    test_nobody_there();
    test_environment(watch);
    test_through_proxy(watch);
    test_killed(watch);
    test_long_parameters(watch);
    test_too_many(watch);
    test_shutdown(server, &watch);
    end(&watch);
    test_tls(server);
    is_int(rig.blocks, 0, "the driver has given back all memory");
}

int main(void)
{
    return rig_on_servers(test, NULL);
}
