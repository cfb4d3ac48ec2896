/*
 * The PostgreSQL driver, alone: the session that it sets up, whatever the environment says, how it becomes dirty and clean, its lanes,
 * its end, TLS.
 * SPDX-License-Identifier: MIT
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
#include <libpq-fe.h>
#include "postgres-rig.h"
#include "server-postgres.h"
#include "row.h"
#include "tap.h"

#define backend (&weir_postgres_backend)
#define wing (backend->sql)

static struct postgres server;
static struct rig rig;
static weir_error err;

/* ---- the session ---- */

static void test_defaults(void *conn)
{
    is_text(ask_text(conn, "SHOW timezone"), "UTC", "the time zone is UTC");
    has_text(ask_text(conn, "SHOW datestyle"), "ISO", "dates are ISO");
    is_text(ask_text(conn, "SHOW client_encoding"), "UTF8", "texts are UTF-8");
    is_text(ask_text(conn, "SHOW application_name"), "weir", "the application is weir");
    is_text(ask_text(conn, "SHOW transaction_read_only"), "off", "the write lane writes");
    is_int(backend->dirty(conn), 0, "asking leaves the session clean");
    is_int(backend->alive(conn), 1, "and it is alive");
    is_int(backend->ping(conn, SOON, &err), WEIR_OK, "and answers a ping");
    is_int(backend->dirty(conn), 0, "  which changes nothing");
}

static void test_options(void)
{
    static const char *const options[] = {
        "application_name", "it's a \\test", "init", "SET search_path = \"some schema\"", "tcp_keepalive", "9s", NULL
    };
    struct rig other;
    rig_begin(&other, server.port, options);
    void *conn = session(&other);
    is_text(ask_text(conn, "SHOW application_name"), "it's a \\test", "option application_name");
    is_text(ask_text(conn, "SHOW search_path"), "\"some schema\"", "option init");
    PQconninfoOption *all = PQconninfo(backend->native(conn));
    for (PQconninfoOption *o = all; o->keyword; o++) {
        if (strcmp(o->keyword, "keepalives_idle") == 0)
            is_text(o->val, "9", "option tcp_keepalive: the first look");
        if (strcmp(o->keyword, "keepalives_interval") == 0)
            is_text(o->val, "3", "  the next ones");
        if (strcmp(o->keyword, "tcp_user_timeout") == 0)
            is_text(o->val, "18000", "  and the last word");
    }
    PQconninfoFree(all);
    must(conn, "SET search_path = elsewhere");
    is_int(backend->reset(conn, SOON, &err), WEIR_OK, "a reset");
    is_text(ask_text(conn, "SHOW search_path"), "\"some schema\"", "  runs init again");
    end(&conn);
}

static void wrong_init(const char *sql, int status)
{
    const char *const options[] = { "init", sql, NULL };
    struct rig other;
    rig_begin(&other, server.port, options);
    void *conn = dial(&other, &other.target, SOON, &err);
    ok(!conn, "a session that begins with %s does not open", sql);
    is_int(err.status, status, "  for that reason: %s", err.text);
    is_int(err.flags & WEIR_RETRY_ELSEWHERE, 0, "  and for good");
    end(&conn);
}

/* ---- the environment ---- */

static const char *const nonsense[][2] = {
    { "PGHOST", "nowhere.invalid" },
    { "PGHOSTADDR", "203.0.113.1" },
    { "PGPORT", "1" },
    { "PGDATABASE", "nonsense" },
    { "PGUSER", "nonsense" },
    { "PGPASSWORD", "nonsense" },
    { "PGPASSFILE", "/nonsense" },
    { "PGOPTIONS", "-c search_path=nonsense -c default_transaction_read_only=on" },
    { "PGAPPNAME", "nonsense" },
    { "PGSSLMODE", "verify-full" },
    { "PGREQUIRESSL", "1" },
    { "PGSSLROOTCERT", "/nonsense" },
    { "PGSSLCERT", "/nonsense" },
    { "PGSSLKEY", "/nonsense" },
    { "PGSSLCRL", "/nonsense" },
    { "PGREQUIREPEER", "nonsense" },
    { "PGREQUIREAUTH", "none" },
    { "PGSSLCERTMODE", "require" },
    { "PGSSLNEGOTIATION", "direct" },
    { "PGSSLSNI", "0" },
    { "PGSSLMINPROTOCOLVERSION", "nonsense" },
    { "PGMAXPROTOCOLVERSION", "nonsense" },
    { "PGLOADBALANCEHOSTS", "nonsense" },
    { "PGKRBSRVNAME", "nonsense" },
    { "PGGSSENCMODE", "require" },
    { "PGCHANNELBINDING", "require" },
    { "PGTARGETSESSIONATTRS", "standby" },
    { "PGCONNECT_TIMEOUT", "nonsense" },
    { "PGCLIENTENCODING", "LATIN1" },
    { "PGTZ", "Asia/Tokyo" },
    { "PGDATESTYLE", "German" },
};

/* A variable that cannot be kept out of libpq: the failure names it. */
static void blames(const char *variable, const char *text)
{
    setenv(variable, "nonsense", 1);
    void *conn = dial(&rig, &rig.target, SOON, &err);
    ok(!conn, "%s set to nonsense", variable);
    end(&conn);
    is_int(err.status, WEIR_E_CONNECT, "  is no way to connect");
    is_int(err.flags, 0, "  for good");
    has_text(err.text, text, "  as libpq has it");
    has_text(err.text, variable, "  and for this reason");
    unsetenv(variable);
}

static void test_environment(void)
{
    for (size_t i = 0; i < sizeof nonsense / sizeof *nonsense; i++)
        setenv(nonsense[i][0], nonsense[i][1], 1);
    void *conn = session(&rig);
    test_defaults(conn);
    is_text(ask_text(conn, "SELECT current_user || ' ' || current_database()"), "weir postgres",
            "no variable has moved it elsewhere");
    is_text(ask_text(conn, "SHOW search_path"), "\"$user\", public", "  or set anything");
    must(conn, "SET timezone='Europe/Paris'");
    is_int(backend->reset(conn, SOON, &err), WEIR_OK, "  also after a reset");
    is_text(ask_text(conn, "SHOW timezone"), "UTC", "  the time zone is UTC");
    has_text(ask_text(conn, "SHOW datestyle"), "ISO", "  and dates are ISO");
    end(&conn);
    for (size_t i = 0; i < sizeof nonsense / sizeof *nonsense; i++)
        unsetenv(nonsense[i][0]);
    blames("PGSERVICE", "\"nonsense\" not found");
    blames("PGTZ", "\"nonsense\"");
}

/* ---- what the URL says ---- */

static void refused(const char *what, const weir_target *target, int status, const char *state, const char *text)
{
    err = (weir_error){ .text = "" };
    void *conn = dial(&rig, target, SOON, &err);
    ok(!conn, "%s is refused", what);
    end(&conn);
    is_int(err.status, status, "  for the right reason");
    is_text(err.sqlstate, state, "  as %s", *state ? state : "no state");
    is_int(err.flags, 0, "  and for good");
    has_text(err.text, text, "  in words: %s", err.text);
    ok(!strstr(err.text, "secret"), "  but no secret");
}

static void test_passwords(void)
{
    static const char *const odd[] = { "plain", "it's",  "back\\slash", "' host='nowhere.invalid",
                                       "a b",   "%@/?#", "\\' \\\\'",   "gr\xc3\xbcn" };
    weir_target target = rig.target;
    target.user = "odd";
    postgres_run(&server, "CREATE ROLE odd LOGIN");
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
        char sql[128];
        snprintf(sql, sizeof sql, "ALTER ROLE odd PASSWORD $p$%s$p$", odd[i]);
        postgres_run(&server, sql);
        target.password = odd[i];
        void *conn = dial(&rig, &target, SOON, &err);
        ok(conn, "password %s%s%s", odd[i], conn ? "" : ": ", conn ? "" : err.text);
        end(&conn);
    }
    target.password = "secret";
    refused("a wrong password", &target, WEIR_E_AUTH, "28P01", "\"odd\"");
    target.password = "secret' user='weir";
    refused("a password that names another user", &target, WEIR_E_AUTH, "28P01", "\"odd\"");
    target.password = "";
    refused("no password", &target, WEIR_E_AUTH, "", "password");
}

static void test_targets(void)
{
    weir_target target = rig.target;
    target.database = "nowhere";
    refused("an unknown database", &target, WEIR_E_AUTH, "3D000", "\"nowhere\" does not exist");
    target.database = "host=nowhere.invalid port=1";
    refused("a database that would be options", &target, WEIR_E_AUTH, "3D000", "127.0.0.1");
    target.database = "postgres://u@nowhere.invalid/x";
    refused("  or a URL", &target, WEIR_E_AUTH, "3D000", "127.0.0.1");
    target = rig.target;
    target.user = "nobody";
    target.password = "secret";
    refused("an unknown user", &target, WEIR_E_AUTH, "28P01", "\"nobody\"");
    target = rig.target;
    target.host = "127.0.0.1,127.0.0.2";
    refused("a host that is two", &target, WEIR_E_OPTION, "", "more than one");
    postgres_run(&server, "CREATE ROLE barred NOLOGIN");
    target = rig.target;
    target.host = server.folder;
    target.user = "barred";
    refused("a user who may not log in", &target, WEIR_E_AUTH, "28000", "barred");
    target.user = "weir";
    target.database = "/postgres";
    void *conn = dial(&rig, &target, SOON, &err);
    ok(conn == NULL, "a slash belongs to the name where there is a host");
    target.database = "postgres";
    conn = dial(&rig, &target, SOON, &err);
    ok(conn, "a host that is a folder is a socket in it");
    end(&conn);
}

static void test_own_user(void)
{
    weir_target target = rig.target;
    target.user = "";
    setenv("PGUSER", "weir", 1);
    void *conn = dial(&rig, &target, SOON, &err);
    unsetenv("PGUSER");
    ok(!conn, "without a user it is this process's, whatever the environment says");
    is_int(err.status, WEIR_E_AUTH, "  who is not known");
    end(&conn);
}

/* ---- lanes ---- */

static void test_lanes(void *conn)
{
    void *r = reader(&rig);
    must(conn, "CREATE TABLE t(a int)");
    is_int(run(r, "INSERT INTO t VALUES(1)", &err), WEIR_E_READ_ONLY, "a read session refuses an insert");
    is_int(run(r, "CREATE TABLE u(a int)", &err), WEIR_E_READ_ONLY, "and a new table");
    wing->begin(r, 0, 0, SOON, &err);
    is_int(run(r, "INSERT INTO t VALUES(1)", &err), WEIR_E_READ_ONLY, "also within a transaction");
    wing->rollback(r, SOON, &err);
    is_int(backend->dirty(r), 0, "and is clean after it");
    is_int(backend->turn(r, 0, SOON, &err), WEIR_OK, "it turns to the write lane");
    is_int(run(r, "INSERT INTO t VALUES(1)", &err), WEIR_OK, "  and writes");
    is_int(backend->turn(r, 1, SOON, &err), WEIR_OK, "it turns back");
    is_int(run(r, "INSERT INTO t VALUES(1)", &err), WEIR_E_READ_ONLY, "  and refuses");
    is_int(backend->dirty(r), 0, "turning leaves it clean");
    must(r, "SET default_transaction_read_only=off");
    is_int(backend->dirty(r), 1, "turning by hand does not");
    is_int(backend->reset(r, SOON, &err), WEIR_OK, "  a reset");
    is_int(run(r, "INSERT INTO t VALUES(1)", &err), WEIR_E_READ_ONLY, "  refuses again");
    end(&r);
}

/* ---- dirty, and clean again ---- */

static void disturb(void *conn)
{
    must(conn, "CREATE TABLE IF NOT EXISTS kept(id serial)");
    must(conn, "SET search_path = pg_catalog");
    must(conn, "SELECT set_config('weir.custom', 'left', false)");
    must(conn, "SET default_transaction_isolation = 'serializable'");
    must(conn, "CREATE TEMP TABLE leftover(a int)");
    must(conn, "INSERT INTO leftover VALUES(1)");
    must(conn, "LISTEN leftover");
    must(conn, "SELECT pg_advisory_lock(42)");
    must(conn, "SELECT pg_advisory_lock_shared(43)");
    must(conn, "SELECT nextval('public.kept_id_seq')");
    must(conn, "BEGIN");
    must(conn, "DECLARE leftover CURSOR WITH HOLD FOR SELECT 1");
    must(conn, "COMMIT");
    must(conn, "SET ROLE somebody");
    must(conn, "SET client_encoding = 'LATIN1'");
    must(conn, "SET standard_conforming_strings = off");
    must(conn, "BEGIN");
    must(conn, "SELECT 1");
}

static void is_undisturbed(void *conn)
{
    is_int(backend->dirty(conn), 0, "  it is clean then");
    is_text(ask_text(conn, "SHOW search_path"), "\"$user\", public", "  search_path is back");
    is_text(ask_text(conn, "SELECT coalesce(current_setting('weir.custom', true), '')"), "",
            "  a setting of one's own is gone");
    is_text(ask_text(conn, "SHOW default_transaction_isolation"), "read committed", "  the isolation is back");
    is_text(ask_text(conn, "SHOW client_encoding"), "UTF8", "  the encoding is back");
    is_text(ask_text(conn, "SHOW standard_conforming_strings"), "on", "  strings are standard again");
    is_text(ask_text(conn, "SHOW timezone"), "UTC", "  the time zone is ours");
    is_text(ask_text(conn, "SELECT current_user"), "weir", "  the role is back");
    is_int(ask_int(conn, "SELECT count(*) FROM pg_class WHERE relpersistence = 't'"), 0, "  nothing is temporary");
    is_int(ask_int(conn, "SELECT count(*) FROM pg_listening_channels()"), 0, "  nobody listens");
    is_int(ask_int(conn, "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"), 0, "  no lock is held");
    is_int(ask_int(conn, "SELECT count(*) FROM pg_cursors WHERE is_holdable"), 0, "  no cursor is open");
    is_int(run(conn, "SELECT currval('kept_id_seq')", &err), WEIR_E_SERVER, "  no sequence tells its last number");
}

static int64_t ours_on_server(void *conn)
{
    return ask_int(conn, "SELECT count(*) FROM pg_prepared_statements WHERE statement = 'SELECT 1234'");
}

static void test_reset(void)
{
    postgres_run(&server, "CREATE ROLE somebody; GRANT ALL ON SCHEMA public TO somebody");
    void *conn = session(&rig), *kept = make(conn, "SELECT 1234");
    disturb(conn);
    is_int(backend->dirty(conn), 1, "a much changed session is dirty");
    is_int(backend->reset(conn, SOON, &err), WEIR_OK, "it can be reset");
    is_undisturbed(conn);
    is_int(ours_on_server(conn), 1, "  what was prepared is still there");
    is_int(wing->run(conn, kept, WEIR_NO_ARGS, 0, SOON, &err), WEIR_OK, "  and runs");

    must(conn, "PREPARE theirs AS SELECT 1");
    is_int(backend->reset(conn, SOON, &err), WEIR_OK, "a statement that somebody prepared by hand is reset");
    is_int(backend->dirty(conn), 0, "  to clean");
    is_int(ask_int(conn, "SELECT count(*) FROM pg_prepared_statements WHERE from_sql"), 0, "  with it gone");
    is_int(wing->run(conn, kept, WEIR_NO_ARGS, 0, SOON, &err), WEIR_OK, "  what was prepared runs again");
    is_int(ours_on_server(conn), 1, "  since it is prepared again");
    forget(conn, &kept);
    end(&conn);
}

static const struct {
    const char *sql;
    int dirties;
} session_changes[] = {
    { "SELECT 1", 0 },
    { "INSERT INTO t VALUES(1)", 0 },
    { "CREATE TABLE IF NOT EXISTS other(a int)", 0 },
    { "SHOW search_path", 0 },
    { "EXPLAIN SELECT 1", 0 },
    { "SELECT pg_advisory_xact_lock(1)", 0 },
    { "NOTIFY x", 0 },
    { "ANALYZE t", 0 },
    { "SET search_path = x", 1 },
    { "RESET search_path", 1 },
    { "SELECT pg_try_advisory_lock(1)", 1 },
    { "SELECT set_config('weir.x', 'y', true)", 1 },
    { "LISTEN x", 1 },
    { "CREATE TEMP TABLE x(a int)", 1 },
    { "SELECT 1 INTO TEMP x", 1 },
    { "DO $$ BEGIN END $$", 1 },
    { "DISCARD ALL", 1 },
    { "BEGIN", 1 },
};

static void test_session_changes(void)
{
    for (size_t i = 0; i < sizeof session_changes / sizeof *session_changes; i++) {
        void *conn = session(&rig);
        must(conn, session_changes[i].sql);
        is_int(backend->dirty(conn), session_changes[i].dirties, "%s: %s",
               session_changes[i].dirties ? "dirty" : "clean", session_changes[i].sql);
        is_int(backend->reset(conn, SOON, &err), WEIR_OK, "  and a reset");
        is_int(backend->dirty(conn), 0, "  makes it clean");
        end(&conn);
    }
}

/* What cannot be seen is undone by whoever asks for it: reset=always. */
static void test_unseen(void)
{
    void *conn = session(&rig);
    must(conn, "CREATE FUNCTION quietly() RETURNS void LANGUAGE plpgsql AS $$BEGIN SET search_path = x; END$$");
    must(conn, "SELECT quietly()");
    is_int(backend->dirty(conn), 0, "what a function of the user's leaves is not seen");
    is_int(backend->reset(conn, SOON, &err), WEIR_OK, "  but a reset of a session that seems clean");
    is_text(ask_text(conn, "SHOW search_path"), "\"$user\", public", "  undoes it all the same");
    end(&conn);
}

static void test_reset_of_failed(void)
{
    void *conn = session(&rig);
    wing->begin(conn, 0, 0, SOON, &err);
    run(conn, "SELECT 1/0", &err);
    is_int(backend->reset(conn, SOON, &err), WEIR_OK, "a failed transaction is reset");
    is_int(backend->dirty(conn), 0, "  to clean");
    void *stmt = begin_rows(conn, "SELECT * FROM generate_series(1, 1000000)", WEIR_NO_ARGS);
    row_next(wing, conn, SOON, &err);
    is_int(backend->reset(conn, SOON, &err), WEIR_OK, "so is a session with a result open");
    is_int(ask_int(conn, "SELECT 1"), 1, "  which works then");
    forget(conn, &stmt);
    end(&conn);
}

/* ---- the native handle ---- */

static void test_native(void)
{
    void *conn = session(&rig), *kept = make(conn, "SELECT 1234");
    PGconn *pg = backend->native(conn);
    PGresult *r = PQexec(pg, "SET search_path = x");
    is_int(PQresultStatus(r), PGRES_COMMAND_OK, "the native handle is libpq's");
    PQclear(r);
    is_int(backend->dirty(conn), 1, "  and makes the session dirty");
    PQclear(PQprepare(pg, "mine", "SELECT 1", 0, NULL));
    PQsetNoticeReceiver(pg, NULL, NULL);
    PQenterPipelineMode(pg);
    is_int(backend->reset(conn, SOON, &err), WEIR_OK, "a reset ends a pipeline in which nothing is");
    is_int(backend->dirty(conn), 0, "  and is complete");
    is_text(ask_text(conn, "SHOW search_path"), "\"$user\", public", "  with its settings back");
    is_int(ask_int(conn, "SELECT count(*) FROM pg_prepared_statements WHERE name = 'mine'"), 0,
           "  and no foreign statement left");
    is_int(wing->run(conn, kept, WEIR_NO_ARGS, 0, SOON, &err), WEIR_OK, "  while ours is made again");
    forget(conn, &kept);

    pg = backend->native(conn);
    PQsendQuery(pg, "SELECT 1");
    is_int(backend->reset(conn, SOON, &err), WEIR_E_UNSUPPORTED, "what nobody has collected goes with the connection");
    end(&conn);
}

/* ---- the end of a session ---- */

static void kill_session(void *by, void *conn)
{
    char sql[64];
    snprintf(sql, sizeof sql, "SELECT pg_terminate_backend(%lld)", (long long)ask_int(conn, "SELECT pg_backend_pid()"));
    must(by, sql);
}

static void wait_for_death(void *conn)
{
    const int64_t until = rig_now() + 60 * SECOND;
    while (backend->alive(conn) && rig_now() < until)
        ;
    is_int(backend->alive(conn), 0, "  a look without a round trip tells");
}

static void test_killed_idle(void *by)
{
    void *conn = session(&rig);
    kill_session(by, conn);
    wait_for_death(conn);
    is_int(run(conn, "SELECT 1", &err), WEIR_E_LOST, "a session that was killed while idle");
    is_text(err.sqlstate, "57P01", "  says who did it");
    is_int(err.flags, WEIR_CONNECTION_DEAD | WEIR_RETRY_ELSEWHERE, "  and may be replaced");
    has_text(err.text, "administrator", "  in words: %s", err.text);
    end(&conn);
    conn = session(&rig);
    kill_session(by, conn);
    wait_for(by, "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'", 1);
    is_int(run(conn, "SELECT 1", &err), WEIR_E_LOST, "  also to whoever has not looked");
    is_text(err.sqlstate, "57P01", "  in the same way");
    end(&conn);
}

static void test_killed_busy(void *by)
{
    int st, rows = 0;
    void *conn = session(&rig);
    is_int(run(conn, "SELECT pg_terminate_backend(pg_backend_pid())", &err), WEIR_E_LOST,
           "a session that is killed while busy");
    is_text(err.sqlstate, "57P01", "  says so");
    is_int(err.flags, WEIR_CONNECTION_DEAD | WEIR_RETRY_ELSEWHERE, "  and may be replaced");
    is_int(backend->alive(conn), 0, "  it is dead");
    end(&conn);
    conn = session(&rig);
    char sql[96];
    snprintf(sql, sizeof sql, "SELECT pg_terminate_backend(%lld)", (long long)ask_int(conn, "SELECT pg_backend_pid()"));
    void *stmt = begin_rows(conn, "SELECT i, repeat('x', 1000) FROM generate_series(1, 1000000) i", WEIR_NO_ARGS);
    must(by, sql);
    while ((st = row_next(wing, conn, SOON, &err)) == WEIR_ROW)
        rows++;
    is_int(st, WEIR_E_LOST, "one that is killed between two rows");
    const int reason = strcmp(err.sqlstate, "57P01") == 0 || strcmp(err.sqlstate, "08006") == 0;
    ok(reason, "  says so, unless it was just then waiting for its reader: %s", err.sqlstate);
    ok(rows > 0, "  after %d rows", rows);
    wing->abandon(conn);
    forget(conn, &stmt);
    end(&conn);
}

static void test_time_limits(void)
{
    void *conn = session(&rig);
    wing->begin(conn, 0, 0, SOON, &err);
    must(conn,
         "SET idle_in_transaction_session_timeout = 10"); /* the last that it says: it may be slow to say anything */
    wait_for_death(conn);
    is_int(run(conn, "SELECT 1", &err), WEIR_E_LOST, "idle in a transaction for too long");
    is_text(err.sqlstate, "25P03", "  as that");
    is_int(err.flags, WEIR_CONNECTION_DEAD | WEIR_RETRY_ELSEWHERE, "  and may be replaced");
    end(&conn);
    conn = session(&rig);
    must(conn, "SET idle_session_timeout = 10");
    wait_for_death(conn);
    is_int(run(conn, "SELECT 1", &err), WEIR_E_LOST, "idle for too long");
    is_text(err.sqlstate, "57P05", "  as that");
    end(&conn);
}

/* What comes unasked is no sign of death. */
static void test_unasked(void *by)
{
    void *conn = session(&rig);
    must(conn, "LISTEN news");
    for (int i = 0; i < 20; i++)
        must(by, "NOTIFY news");
    is_int(backend->alive(conn), 1, "a session with unread notifications is alive");
    is_int(backend->reset(conn, SOON, &err), WEIR_OK, "  and can be reset");
    is_int(backend->alive(conn), 1, "  to be alive");
    must(conn, "DO $$ BEGIN RAISE NOTICE 'nobody prints this'; END $$");
    is_int(backend->alive(conn), 1, "so is one that was given a notice");
    end(&conn);
}

/* ---- fork ---- */

static void test_fork(void *conn)
{
    int status = -1;
    const pid_t child = fork();
    if (child < 0)
        tap_bail("cannot fork");
    if (child == 0) {
        backend->abandon(conn);
        _exit(write(PQsocket(backend->native(conn)), "X", 1) == 1 ? 0 : 1); /* into nothing */
    }
    waitpid(child, &status, 0);
    is_int(status, 0, "a child that abandons its parent's session");
    is_int(ask_int(conn, "SELECT 1"), 1, "  leaves it at work");
}

/* ---- TLS ---- */

static const char *tls[] = { "tls", "off", "tls_ca", "", "tls_cert", "", "tls_key", "", NULL };

static void *dial_tls(struct rig *r, const char *host, const char *mode, const char *ca)
{
    weir_target target = r->target;
    target.host = host;
    tls[1] = mode;
    tls[3] = ca;
    return dial(r, &target, SOON, &err);
}

static void tls_works(struct rig *r, const char *host, const char *mode, const char *ca, const char *what)
{
    void *conn = dial_tls(r, host, mode, ca);
    ok(conn, "%s%s%s", what, conn ? "" : ": ", conn ? "" : err.text);
    if (conn)
        is_int(ask_int(conn, "SELECT count(*) FROM pg_stat_ssl WHERE ssl AND pid = pg_backend_pid()"),
               strcmp(mode, "off") != 0, "  as it says");
    end(&conn);
}

static void tls_fails(struct rig *r, const char *host, const char *mode, const char *ca, const char *text,
                      const char *what)
{
    void *conn = dial_tls(r, host, mode, ca);
    ok(!conn, "%s", what);
    is_int(err.status, WEIR_E_TLS, "  is a failure of TLS");
    is_int(err.flags, 0, "  for good");
    has_text(err.text, text, "  in words: %s", err.text);
    end(&conn);
}

static void test_without_tls(void)
{
    struct rig r;
    rig_begin(&r, server.port, tls);
    tls_fails(&r, "127.0.0.1", "on", "", "does not support SSL", "a server without TLS");
    tls_fails(&r, server.folder, "on", "", "Unix socket", "a Unix socket");
    tls[5] = "/one/without/the/other";
    tls_fails(&r, "127.0.0.1", "on", "", "come together", "a certificate without its key");
    tls[5] = "";
}

/* All that works in a session, once more with OpenSSL between. */
static void test_work_over_tls(struct rig *r, const char *ca)
{
    int rows = 0;
    void *conn = dial_tls(r, "localhost", "verify", ca);
    void *stmt = begin_rows(conn, "SELECT i, repeat('x', 30000) FROM generate_series(1, 300) i", WEIR_NO_ARGS);
    while (row_next(wing, conn, SOON, &err) == WEIR_ROW)
        rows++;
    is_int(rows, 300, "rows larger than a record of TLS come through");
    end_rows(conn, &stmt);
    is_int(execute(conn, "SELECT pg_sleep(7200)", WEIR_NO_ARGS, rig_now() + 50 * MS, &err), WEIR_E_TIMEOUT,
           "a deadline stops a statement");
    is_int(err.flags, 0, "  and keeps the connection");
    is_int(backend->alive(conn), 1, "  alive");
    is_int(ask_int(conn, "SELECT 1"), 1, "  and at work");
    must(conn, "DO $$ BEGIN RAISE NOTICE 'psst'; END $$");
    is_int(backend->alive(conn), 1, "a look at the socket is not deceived by it");
    end(&conn);
}

/* A user whom the server knows by a certificate. */
static void test_client_certificate(struct postgres *other, struct rig *r, const char *const *settings)
{
    char certificate[512], key[512];
    weir_target target = r->target;
    snprintf(certificate, sizeof certificate, "%s", postgres_file(other, "client.crt"));
    snprintf(key, sizeof key, "%s", postgres_file(other, "client.key"));
    postgres_run(other, "CREATE USER certified");
    postgres_admit(other, "hostssl all certified 127.0.0.1/32 cert\n");
    postgres_restart(other, SIGINT, settings);
    target.user = "certified";
    tls[1] = "on";
    tls[5] = certificate;
    tls[7] = key;
    void *conn = dial(r, &target, SOON, &err);
    is_text(conn ? ask_text(conn, "SELECT current_user") : err.text, "certified",
            "a user with a certificate is let in");
    end(&conn);
    tls[5] = tls[7] = "";
    conn = dial(r, &target, SOON, &err);
    is_int(conn ? 0 : err.status, WEIR_E_AUTH, "  and without it is not: %s", err.text);
    end(&conn);
    tls[5] = "/nowhere/client.crt";
    tls[7] = key;
    tls_fails(r, "127.0.0.1", "on", "", "/nowhere/client.crt", "  nor with one that is not there");
    tls[5] = tls[7] = "";
}

static void test_tls(void)
{
    static char ca[512];
    static const char *const settings[] = { "ssl=on", "ssl_cert_file=../server.crt", "ssl_key_file=../server.key",
                                            "ssl_ca_file=../ca.crt", NULL };
    static struct postgres other;
    struct rig r;
    postgres_start(&other, NULL);
    if (!postgres_certificates(&other)) {
        tap_skip(1, "there is no openssl 3 to make certificates with");
        postgres_stop(&other);
        return;
    }
    postgres_restart(&other, SIGINT, settings);
    snprintf(ca, sizeof ca, "%s", postgres_file(&other, "ca.crt"));
    rig_begin(&r, other.port, tls);
    tls_works(&r, "127.0.0.1", "off", "", "a server with TLS, without");
    tls_works(&r, "127.0.0.1", "on", "", "with TLS, nothing verified");
    tls_works(&r, "127.0.0.1", "on", ca, "with TLS, its authority verified");
    tls_works(&r, "localhost", "verify", ca, "with TLS, its name verified, too");
    tls_fails(&r, "127.0.0.1", "verify", ca, "does not match host name", "a certificate for another name");
    tls_fails(&r, "localhost", "verify", postgres_file(&other, "server.crt"), "certificate verify failed",
              "one of another authority");
    tls_fails(&r, "localhost", "on", postgres_file(&other, "server.crt"), "certificate verify failed",
              "  also where only that is asked for");
    tls_fails(&r, "localhost", "verify", "/no/such/file", "/no/such/file", "an authority whose file is not there");
    if (PQlibVersion() < 160000)
        tls_fails(&r, "localhost", "verify", "", "tls_ca", "no authority");
    else
        tls_fails(&r, "localhost", "verify", "", "certificate verify failed",
                  "an authority that the system does not know");
    test_work_over_tls(&r, ca);
    test_client_certificate(&other, &r, settings);
    postgres_stop(&other);
}

int main(void)
{
    for (const char *const *name = (const char *const[]){ "PGSERVICE", "PGTZ", "PGDATESTYLE", "PGGEQO", NULL }; *name;
         name++)
        unsetenv(*name);
    postgres_start(&server, NULL);
    rig_begin(&rig, server.port, NULL);
    void *conn = session(&rig);
    test_defaults(conn);
    test_options();
    wrong_init("SET nonsense = 1", WEIR_E_STATEMENT);
    wrong_init("COPY pg_class TO STDOUT", WEIR_E_UNSUPPORTED);
    test_environment();
    test_passwords();
    test_targets();
    test_own_user();
    test_lanes(conn);
    test_fork(conn);
    test_reset();
    test_session_changes();
    test_unseen();
    test_reset_of_failed();
    test_native();
    test_killed_idle(conn);
    test_killed_busy(conn);
    test_time_limits();
    test_unasked(conn);
    end(&conn);
    test_without_tls();
    test_tls();
    is_int(rig.blocks, 0, "the driver has given back all memory");
    postgres_stop(&server);
    return tap_done();
}
