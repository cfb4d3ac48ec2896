/*
 * The MySQL and MariaDB driver, alone: what makes a session dirty, how it becomes clean, and whom it belongs to.
 * SPDX-License-Identifier: MIT
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <mysql.h>
#include "mysql-rig.h"
#include "proxy.h"
#include "row.h"
#include "tap.h"

#define backend (&weir_mysql_backend)
#define wing (backend->sql)

static struct rig rig;

static int is_mysql(void)
{
    return rig.server->is_mysql;
}

/* ---- what makes it dirty ---- */

enum { BOTH, MARIA, MYSQL_ONLY };

static const struct {
    const char *sql;
    int dirties, where;
} changes[] = {
    { "SELECT 1", 0, BOTH },
    { "SELECT @@sql_mode, NOW(), CONCAT('a', 'b')", 0, BOTH },
    { "INSERT INTO t(v) VALUES ('x')", 0, BOTH },
    { "UPDATE t SET v = 'y' WHERE id = 1", 0, BOTH },
    { "DELETE FROM t WHERE v = 'x'", 0, BOTH },
    { "SELECT * FROM t WHERE id IN (SELECT MAX(id) FROM t)", 0, BOTH },
    { "SHOW TABLES", 0, BOTH },
    { "EXPLAIN SELECT * FROM t", 0, BOTH },
    { "START TRANSACTION READ ONLY", 1, BOTH },
    { "BEGIN", 1, BOTH },
    { "SET autocommit = 0", 1, BOTH },
    { "SET SESSION wait_timeout = 1000", 1, BOTH },
    { "SET sql_mode = ''", 1, BOTH },
    { "SET NAMES latin1", 1, BOTH },
    { "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE", 1, BOTH },
    { "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED", 1, BOTH },
    { "SET @a = 1", 1, BOTH },
    { "SELECT @b := 1", 1, BOTH },
    { "SELECT 1 INTO @c", 1, BOTH },
    { "USE mysql", 1, BOTH },
    { "CREATE TEMPORARY TABLE tmp(a INT)", 1, BOTH },
    { "LOCK TABLES t READ", 1, BOTH },
    { "FLUSH TABLES WITH READ LOCK", 1, BOTH },
    { "SELECT GET_LOCK('weir', 1)", 1, BOTH },
    { "DO GET_LOCK('weir', 1)", 1, BOTH },
    { "HANDLER t OPEN", 1, BOTH },
    { "PREPARE p FROM 'SELECT 1'", 1, BOTH },
    { "XA START 'weir'", 1, BOTH },
    { "SET ROLE NONE", 1, BOTH },
    { "CALL keeps()", 1, BOTH },
    { "SELECT f_keeps()", 1, BOTH },
    { "INSERT INTO t(id, v) VALUES (f_keeps() + 100, 'z')", 1, BOTH },
    { "INSERT INTO triggers VALUES (1)", 1, BOTH }, /* by its trigger, and the server tells */
    { "EXECUTE IMMEDIATE 'SET @a = 1'", 1, MARIA },
    { "SET STATEMENT max_statement_time = 5 FOR SELECT 1", 1, MARIA },
    { "BEGIN NOT ATOMIC SET @a = 1; END", 1, MARIA },
    { "INSERT INTO t(v) VALUES ('r') RETURNING id", 0, MARIA },
    { "SELECT /*+ SET_VAR(sort_buffer_size = 100000) */ 1", 1, MYSQL_ONLY }, /* a call, for all that is known */
};

static void make_tables(void *conn)
{
    must(conn, "CREATE TABLE t(id INT AUTO_INCREMENT PRIMARY KEY, v VARCHAR(20))");
    must(conn, "INSERT INTO t(v) VALUES ('first')");
    must(conn, "CREATE PROCEDURE keeps() SET @a = 1");
    must(conn, "CREATE FUNCTION f_keeps() RETURNS INT DETERMINISTIC BEGIN SET @a = 1; RETURN 7; END");
    must(conn, "CREATE TABLE triggers(a INT)");
    must(conn, "CREATE TRIGGER trig BEFORE INSERT ON triggers FOR EACH ROW SET @b = 1");
}

static void test_changes(void)
{
    weir_error err = { 0 };
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        if (changes[i].where != BOTH && (changes[i].where == MYSQL_ONLY) != is_mysql())
            continue;
        void *conn = session(&rig);
        must(conn, changes[i].sql);
        is_int(backend->dirty(conn), changes[i].dirties, "%s: %s", changes[i].dirties ? "dirty" : "clean",
               changes[i].sql);
        is_int(backend->reset(conn, SOON, &err), WEIR_OK, "  it is reset: %s", err.text);
        is_int(backend->dirty(conn), 0, "  and clean then");
        end(&conn);
    }
}

/* An error in a transaction may have ended it, or not. */
static void test_errors(void)
{
    weir_error err;
    void *conn = session(&rig);
    run(conn, "SELEKT", &err);
    run(conn, "INSERT INTO t(id) VALUES (1)", &err);
    is_int(backend->dirty(conn), 0, "errors outside a transaction leave the session clean");
    wing->begin(conn, 0, 0, SOON, &err);
    run(conn, "INSERT INTO t(id) VALUES (1)", &err);
    wing->rollback(conn, SOON, &err);
    is_int(backend->dirty(conn), 0, "so does one in a transaction that was rolled back");
    end(&conn);
}

/* ---- and clean again ---- */

static void disturb(void *conn)
{
    must(conn, "SET SESSION wait_timeout = 1000, sql_mode = '', time_zone = '+05:00', autocommit = 0");
    must(conn, "SET SESSION TRANSACTION ISOLATION LEVEL SERIALIZABLE");
    must(conn, "SET NAMES latin1");
    must(conn, "SET @a = 5");
    must(conn, "CREATE TEMPORARY TABLE tmp(a INT)");
    must(conn, "PREPARE p FROM 'SELECT 1'");
    must(conn, "SELECT GET_LOCK('weir', 1)");
    must(conn, "UPDATE t SET v = 'uncommitted' WHERE id = 1");
    must(conn, "USE mysql");
}

static const char *isolation_of_session(void *conn)
{
    return ask_text(conn, is_mysql() ? "SELECT @@transaction_isolation" : "SELECT @@tx_isolation");
}

static void test_reset(void *watch)
{
    weir_error err = { 0 };
    weir_value cell;
    void *conn = session(&rig);
    must(conn, "UPDATE t SET v = 'first' WHERE id = 1");
    void *kept = make(conn, "SELECT v FROM test.t WHERE id = ?");
    disturb(conn);
    void *stmt = begin_rows(conn, "SELECT table_name FROM information_schema.tables", WEIR_NO_ARGS);
    is_int(backend->dirty(conn), 1, "a much changed session with an open result is dirty");
    is_int(backend->reset(conn, SOON, &err), WEIR_OK, "it is reset: %s", err.text);
    is_int(backend->dirty(conn), 0, "  and clean then");
    forget(conn, &stmt);
    is_text(ask_text(conn, "SELECT v FROM t WHERE id = 1"), "first",
            "  the transaction is undone, the database is back");
    is_int(ask_int(conn, "SELECT @@wait_timeout"), 28800, "  wait_timeout is back");
    is_text(ask_text(conn, "SELECT @@time_zone"), "+00:00", "  the time zone is the driver's own");
    is_text(ask_text(conn, "SELECT @@character_set_client"), "utf8mb4", "  and the character set");
    is_int(ask_int(conn, "SELECT @@sql_mode = @@global.sql_mode AND @@autocommit = 1"), 1, "  sql_mode, autocommit");
    is_text(isolation_of_session(conn), "REPEATABLE-READ", "  the isolation");
    is_text(ask_text(conn, "SELECT @a"), "(null)", "  a variable is gone");
    is_int(run(conn, "SELECT * FROM tmp", &err), WEIR_E_STATEMENT, "  a temporary table, too");
    is_int(run(conn, "EXECUTE p", &err), WEIR_E_SERVER, "  and what was prepared by name");
    is_int(ask_int(watch, "SELECT IS_FREE_LOCK('weir')"), 1, "  and the lock");
    is_int(wing->run(conn, kept, WEIR_ARGS(weir_int(1)), 1, SOON, &err), WEIR_OK, "what the driver prepared is not");
    ok(row_next(wing, conn, SOON, &err) == WEIR_ROW && row_cell(wing, conn, 0, &cell) == 0 &&
           strcmp(cell.as.p, "first") == 0,
       "  but gives its row");
    end_rows(conn, &kept);
    end(&conn);
}

static void test_reset_without_database(void)
{
    weir_error err = { 0 };
    rig.target.database = "";
    void *conn = session(&rig);
    must(conn, "SET @a = 1");
    is_int(backend->reset(conn, SOON, &err), WEIR_OK, "a session without a database is reset");
    must(conn, "USE test");
    is_int(backend->reset(conn, SOON, &err), WEIR_E_UNSUPPORTED, "  unless it has got one");
    has_text(err.text, "database", "  which cannot be taken from it");
    end(&conn);
    rig.target.database = "test";
}

/* keeps service level: a clean return costs nothing, a reset at most four round trips */
static void test_costs(void)
{
    weir_error err = { 0 };
    struct proxy *p = proxy_start(rig.server->port);
    struct rig near;
    rig_begin(&near, rig.server, NULL);
    near.target.port = (uint32_t)proxy_port(p);
    void *conn = session(&near), *stmt = make(conn, "SELECT 1"), *set = make(conn, "SET @a = 1");
    wing->run(conn, stmt, WEIR_NO_ARGS, 0, SOON, &err);
    long before = proxy_round_trips(p);
    is_int(backend->dirty(conn), 0, "that it is clean");
    is_int(proxy_round_trips(p) - before, 0, "  is known without asking");
    wing->run(conn, stmt, WEIR_NO_ARGS, 0, SOON, &err);
    is_int(proxy_round_trips(p) - before, 1, "a cached statement takes one round trip");
    wing->run(conn, stmt, WEIR_NO_ARGS, 1, SOON, &err);
    row_next(wing, conn, SOON, &err);
    wing->abandon(conn);
    is_int(proxy_round_trips(p) - before, 2, "  also if its row is read");
    before = proxy_round_trips(p);
    is_int(backend->turn(conn, 1, SOON, &err), WEIR_OK, "turning to the other lane");
    is_int(proxy_round_trips(p) - before, 1, "  takes one");
    wing->run(conn, set, WEIR_NO_ARGS, 0, SOON, &err);
    before = proxy_round_trips(p);
    is_int(backend->reset(conn, SOON, &err), WEIR_OK, "a usual reset");
    is_int(proxy_round_trips(p) - before, 2, "  takes two");
    before = proxy_round_trips(p);
    wing->begin(conn, 0, 0, SOON, &err);
    wing->commit(conn, SOON, &err);
    is_int(proxy_round_trips(p) - before, 2, "a transaction takes one to begin and one to commit");
    forget(conn, &stmt);
    forget(conn, &set);
    end(&conn);
    proxy_stop(&p);
}

/* ---- the isolation that is kept for transactions ---- */

#define RC 1
#define RR 2

/* A transaction that has read something; how many round trips it took to begin it. */
static long begin_reading(void *conn, unsigned isolation, struct proxy *p)
{
    weir_error err = { 0 };
    const long before = proxy_round_trips(p);
    is_int(wing->begin(conn, isolation, 0, SOON, &err), WEIR_OK, "a transaction begins: %s", err.text);
    const long trips = proxy_round_trips(p) - before;
    ask_int(conn, "SELECT n FROM counter");
    return trips;
}

/* Whether it sees what others have committed since it began tells its isolation. */
static void finish_at(void *conn, unsigned isolation, void *watch)
{
    weir_error err = { 0 };
    must(watch, "UPDATE counter SET n = n + 1");
    const int64_t now = ask_int(watch, "SELECT n FROM counter"), seen = ask_int(conn, "SELECT n FROM counter");
    is_int(now - seen, isolation == RC ? 0 : 1, isolation == RC ? "  at READ COMMITTED" : "  at REPEATABLE READ");
    is_int(wing->commit(conn, SOON, &err), WEIR_OK, "  and is committed: %s", err.text);
    is_int(backend->dirty(conn), 0, "  which leaves the session clean");
}

static void test_isolation_is_kept(void *conn, struct proxy *p, void *watch)
{
    is_int(begin_reading(conn, RC, p), 2, "  with an isolation of its own in two round trips");
    finish_at(conn, RC, watch);
    is_text(isolation_of_session(conn), "REPEATABLE-READ", "the session keeps what it had");
    begin_reading(conn, RC, p);
    finish_at(conn, RC, watch);
    is_int(begin_reading(conn, RC, p), 2, "  like the one before in two, of which one asks what the session has");
    finish_at(conn, RC, watch);
    is_int(begin_reading(conn, RC, p), 0, "  like those before in none");
    finish_at(conn, RC, watch);
    is_int(begin_reading(conn, RR, p), 2, "  otherwise in two");
    finish_at(conn, RR, watch);
    is_int(begin_reading(conn, RC, p), 0, "  like those before that in none");
    finish_at(conn, RC, watch);
    begin_reading(conn, 0, p);
    finish_at(conn, RR, watch);
}

static void begin_twice(void *conn, struct proxy *p, void *watch)
{
    for (int i = 0; i < 2; i++) {
        begin_reading(conn, RC, p);
        finish_at(conn, RC, watch);
    }
}

static void test_isolation_of_others(void *conn, struct proxy *p, void *watch)
{
    weir_error err = { 0 };
    begin_twice(conn, p, watch);
    is_text(isolation_of_session(conn), "REPEATABLE-READ", "a statement in no transaction has the session's isolation");
    begin_twice(conn, p, watch);
    begin_reading(conn, RC, p);
    must(conn, "SET SESSION TRANSACTION ISOLATION LEVEL SERIALIZABLE");
    wing->commit(conn, SOON, &err);
    is_text(isolation_of_session(conn), "SERIALIZABLE", "what a borrower sets in a transaction stays set");
    begin_reading(conn, RC, p);
    wing->commit(conn, SOON, &err);
    begin_reading(conn, RC, p);
    wing->commit(conn, SOON, &err);
    is_text(isolation_of_session(conn), "SERIALIZABLE", "  whatever the transactions after it ask for");
    backend->reset(conn, SOON, &err);
    is_text(isolation_of_session(conn), "REPEATABLE-READ", "  until the session is reset");
    begin_twice(conn, p, watch);
    mysql_query(backend->native(conn),
                is_mysql() ? "SET @seen = @@transaction_isolation" : "SET @seen = @@tx_isolation");
    is_text(ask_text(conn, "SELECT @seen"), "REPEATABLE-READ", "who has the native handle finds it as it was");
}

static void test_isolation(void *watch)
{
    struct proxy *p = proxy_start(rig.server->port);
    struct rig near;
    rig_begin(&near, rig.server, NULL);
    near.target.port = (uint32_t)proxy_port(p);
    void *conn = session(&near);
    must(watch, "CREATE TABLE counter(n INT)");
    must(watch, "INSERT INTO counter VALUES (1)");
    test_isolation_is_kept(conn, p, watch);
    test_isolation_of_others(conn, p, watch);
    end(&conn);
    proxy_stop(&p);
}

/* ---- roles ---- */

static const char *role(void *conn)
{
    return ask_text(conn, "SELECT CURRENT_ROLE()");
}

static void test_roles(void *watch)
{
    weir_error err = { 0 };
    struct rig member;
    must(watch, "CREATE ROLE boss, clerk");
    must(watch, "GRANT SELECT ON test.* TO clerk");
    must(watch, "CREATE USER member@'127.0.0.1' IDENTIFIED BY 'm'");
    must(watch, "GRANT SELECT ON test.t TO member@'127.0.0.1'");
    must(watch, "GRANT boss TO member@'127.0.0.1'");
    must(watch, "GRANT clerk TO member@'127.0.0.1'");
    rig_begin(&member, rig.server, NULL);
    member.target.user = "member";
    member.target.password = "m";
    void *conn = session(&member);
    const char *none = is_mysql() ? "NONE" : "(null)";
    is_text(role(conn), none, "a session begins without a role");
    must(conn, "SET ROLE boss");
    is_int(backend->reset(conn, SOON, &err), WEIR_OK, "  that has taken one is reset");
    is_text(role(conn), none, "  and has none again");
    end(&conn);
    must(watch,
         is_mysql() ? "SET DEFAULT ROLE clerk TO member@'127.0.0.1'" : "SET DEFAULT ROLE clerk FOR member@'127.0.0.1'");
    conn = session(&member);
    const char *clerk = is_mysql() ? "`clerk`@`%`" : "clerk";
    is_text(role(conn), clerk, "a session begins with its user's default role");
    must(conn, "SET ROLE boss");
    is_int(backend->reset(conn, SOON, &err), WEIR_OK, "  that has taken another is reset");
    is_text(role(conn), clerk, "  and has the first again");
    mysql_query(backend->native(conn), "SET ROLE boss");
    is_int(backend->reset(conn, SOON, &err), WEIR_OK, "  also if the driver could not see it");
    is_text(role(conn), clerk, "  it has the first again");
    end(&conn);
    is_int(member.blocks, 0, "  and no name is left over");
}

/* ---- the native handle ---- */

static MYSQL *native_of(void *conn)
{
    MYSQL *mysql = backend->native(conn);
    is_int(backend->dirty(conn), 1, "who has the native handle makes the session dirty");
    return mysql;
}

static void test_native(void)
{
    weir_error err = { 0 };
    void *conn = session(&rig);
    MYSQL *mysql = native_of(conn);
    is_int(mysql_query(mysql, "SELECT SLEEP(0.01), 5"), 0, "  and can use it");
    MYSQL_RES *res = mysql_store_result(mysql);
    is_text(mysql_fetch_row(res)[1], "5", "  for what it is");
    mysql_free_result(res);
    mysql_select_db(mysql, "mysql");
    mysql_set_character_set(mysql, "latin1");
    mysql_query(mysql, "BEGIN");
    is_int(backend->reset(conn, SOON, &err), WEIR_OK, "  what it did is undone: %s", err.text);
    is_text(mysql_character_set_name(mysql), "utf8mb4", "  also in the handle");
    is_text(ask_text(conn, "SELECT DATABASE()"), "test", "  and on the server");
    is_int(backend->dirty(conn), 0, "  it is clean");
    end(&conn);
}

static void test_native_leftovers(void)
{
    weir_error err = { 0 };
    void *conn = session(&rig);
    MYSQL *mysql = native_of(conn);
    mysql_query(mysql, "SELECT table_name FROM information_schema.tables");
    MYSQL_RES *res = mysql_use_result(mysql);
    is_int(backend->reset(conn, SOON, &err), WEIR_OK, "rows that were not read do not prevent a reset");
    mysql_free_result(res);
    is_int(ask_int(conn, "SELECT 1"), 1, "  the session goes on");
    end(&conn);
    conn = session(&rig);
    mysql = native_of(conn);
    mysql_query(mysql, "CREATE USER IF NOT EXISTS other@'127.0.0.1' IDENTIFIED BY 'o'");
    is_int(mysql_change_user(mysql, "other", "o", NULL), 0, "whoever changes the user");
    is_int(backend->reset(conn, SOON, &err), WEIR_E_UNSUPPORTED, "  has changed more than a reset undoes");
    has_text(err.text, "user", "  which is told");
    end(&conn);
}

/* ---- whose it is ---- */

static int is_socket(int fd)
{
    int type;
    socklen_t size = sizeof type;
    return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0;
}

static void test_descriptors(void)
{
    int sockets = 0, open_to_others = 0;
    struct sigaction pipe;
    void *conn = session(&rig);
    for (int fd = 3; fd < 256; fd++)
        if (is_socket(fd)) {
            sockets++;
            open_to_others += !(fcntl(fd, F_GETFD) & FD_CLOEXEC);
        }
    is_int(sockets, 2, "a session has a socket, and a second descriptor of it");
    is_int(open_to_others, 0, "  which no program inherits");
    sigaction(SIGPIPE, NULL, &pipe);
    ok(pipe.sa_handler == SIG_DFL, "the process keeps its way with SIGPIPE");
    end(&conn);
    sockets = 0;
    for (int fd = 3; fd < 256; fd++)
        sockets += is_socket(fd);
    is_int(sockets, 0, "  and is closed with both");
}

/* In the child: the parent's is left alone, and one of its own is fine. */
static int live_as_child(void *conn)
{
    const long blocks = rig.blocks;
    backend->abandon(conn);
    free(conn);
    if (rig.blocks >= blocks)
        return 1;
    conn = session(&rig);
    const int st = ask_int(conn, "SELECT 21 * 2") == 42 ? 0 : 2;
    end(&conn);
    return st;
}

static void test_fork(void)
{
    int status = -1;
    weir_error err;
    void *conn = session(&rig), *stmt = make(conn, "SELECT v FROM t WHERE id = ?");
    wing->begin(conn, 0, 0, SOON, &err);
    must(conn, "UPDATE t SET v = 'mine' WHERE id = 1");
    const pid_t child = fork();
    if (child == 0)
        _exit(live_as_child(conn));
    waitpid(child, &status, 0);
    ok(child > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0,
       "a child leaves a session to its parent, and opens "
       "another: %d",
       status);
    is_int(wing->run(conn, stmt, WEIR_ARGS(weir_int(1)), 0, SOON, &err), WEIR_OK, "  the parent's goes on");
    is_int(wing->commit(conn, SOON, &err), WEIR_OK, "  with its transaction");
    is_text(ask_text(conn, "SELECT v FROM t WHERE id = 1"), "mine", "  to its end");
    forget(conn, &stmt);
    end(&conn);
}

static void test(struct mariadb *server)
{
    rig_begin(&rig, server, NULL);
    test_descriptors(); /* first: nothing else has a socket yet */
    void *watch = session(&rig);
    make_tables(watch);
    test_changes();
    test_errors();
    test_reset(watch);
    test_reset_without_database();
    test_costs();
    test_isolation(watch);
    test_roles(watch);
    test_native();
    test_native_leftovers();
    test_fork();
    end(&watch);
    is_int(rig.blocks, 0, "the driver has given back all memory");
}

int main(void)
{
    return rig_on_servers(test, NULL);
}
