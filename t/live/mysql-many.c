/*
 * Many rows of parameters on MariaDB, which gets them as arrays, and on MySQL: what they leave, count and tell is what a statement a row
 * would.
 * SPDX-License-Identifier: MIT
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include "server-mariadb.h"
#include "talk.h"

#define MANY 2100 /* more than go at once */
#define ALL 8200  /* more than ever go at once */

static weir_conn conn;
static weir_value cells[ALL][2];
static weir_args rows[ALL];

/* (1, 100), (2, 101) and so on. */
static void make_rows(void)
{
    for (int i = 0; i < ALL; i++) {
        cells[i][0] = weir_int(i + 1);
        cells[i][1] = weir_int(i + 100);
        rows[i] = weir_args_of(cells[i], 2);
    }
}

/* Two tables alike: what goes into one together goes into the other one by one. */
static void make_tables(const char *engine)
{
    static const char *const names[] = { "together", "singly" };
    for (int i = 0; i < 2; i++) {
        talk_run(conn, "DROP TABLE IF EXISTS %s", names[i]);
        talk_run(conn,
                 "CREATE TABLE %s (id BIGINT PRIMARY KEY AUTO_INCREMENT, n BIGINT, CHECK (n < 1000000)) ENGINE=%s",
                 names[i], engine);
        talk_run(conn, "INSERT INTO %s (id, n) VALUES (7, 106), (8, 0), (90000, 1)", names[i]);
    }
}

/* ---- one by one ---- */

struct outcome {
    int status;
    int64_t affected, last_id;
    size_t failed;
};

static struct outcome run_singly(const char *sql, size_t count)
{
    struct outcome o = { .failed = count };
    for (size_t i = 0; i < count && o.status == WEIR_OK; i++) {
        int64_t affected;
        o.status = weir_exec(&affected, conn, sql, rows[i], LONG, NULL);
        o.affected += affected;
        o.failed = o.status < 0 ? i : count;
    }
    o.last_id = weir_last_id(conn);
    return o;
}

static struct outcome run_together(const char *sql, size_t count)
{
    struct outcome o;
    weir_error err;
    o.status = weir_exec_many(&o.affected, &o.failed, conn, sql, rows, count, LONG, &err);
    if (o.status < 0)
        tap_note("%s", err.text);
    o.last_id = weir_last_id(conn);
    return o;
}

static int64_t difference(void)
{
    return talk_ask(conn,
                    "SELECT (SELECT COUNT(*) FROM together) - (SELECT COUNT(*) FROM singly) + (SELECT COUNT(*) FROM "
                    "together JOIN singly USING (id) WHERE NOT together.n <=> singly.n)");
}

/* `form` has %s for the table.  In a transaction: what ran before a failure stays. */
static void same(const char *form, size_t count, const char *what)
{
    char sql[300];
    weir_begin(conn, NULL, LONG, NULL);
    snprintf(sql, sizeof sql, form, "singly");
    const struct outcome singly = run_singly(sql, count);
    snprintf(sql, sizeof sql, form, "together");
    const struct outcome together = run_together(sql, count);
    is_int(together.status, singly.status, "%s: ends as it would one by one", what);
    is_int((int64_t)together.failed, (int64_t)singly.failed, "  at the same row");
    if (singly.status == WEIR_OK)
        is_int(together.affected, singly.affected, "  counts the same");
    is_int(together.last_id, singly.last_id, "  and tells the same key");
    is_int(difference(), 0, "  and leaves the same");
    weir_commit(NULL, conn, LONG, NULL);
}

#define SET_BY_ID "UPDATE %s SET n = ? WHERE id = ?"
#define UPSERT "INSERT INTO %s (id, n) VALUES (?, ?) ON DUPLICATE KEY UPDATE n = VALUES(n)"
#define INSERT "INSERT INTO %s (id, n) VALUES (?, ?)"

static void test_same(void)
{
    make_rows();
    make_tables("InnoDB");
    same(UPSERT, MANY, "an upsert, of which one row changes, one stays and the others are new");
    same(UPSERT, MANY, "an upsert that changes nothing");
    same("UPDATE %s SET n = n + ? WHERE id < ?", 20, "an update");
    same("UPDATE %s SET n = 5 WHERE id = ? OR n = ?", 9, "an update that meets rows again");
    same("REPLACE INTO %s (id, n) VALUES (?, ?)", MANY, "a replacement");
    same("INSERT IGNORE INTO %s (id, n) VALUES (?, ?)", MANY, "rows that are ignored");
    same("DELETE FROM %s WHERE id = ? + 5 AND n <> ?", MANY, "a deletion");
    same("SELECT n FROM %s WHERE id = ? OR n = ?", 9, "a query");
    same("DO (SELECT COUNT(*) FROM %s WHERE id = ? OR n = ?)", 9, "what no arrays are taken for");
}

/* Of which a server may leave some out. */
static void test_keys(const char *sql, const char *what)
{
    make_rows();
    make_tables("InnoDB");
    talk_run(conn, "DELETE FROM together");
    const struct outcome o = run_together(sql, MANY);
    is_int(o.affected, MANY, "%s, with keys from the server: each is written", what);
    is_int(o.last_id, talk_ask(conn, "SELECT MAX(id) FROM together"), "  the last key is told");
    is_int(talk_ask(conn, "SELECT n FROM together WHERE id = %lld", (long long)o.last_id), MANY + MANY + 99,
           "  which is that of the last row");
}

/* Which is MariaDB's alone. */
static void test_returning(void)
{
    make_rows();
    make_tables("InnoDB");
    same("DELETE FROM %s WHERE id = ? OR n = ? RETURNING id", 9, "a statement that returns what it changes");
}

static void test_failing(void)
{
    make_rows();
    make_tables("InnoDB");
    talk_run(conn, "DELETE FROM together WHERE id = 7");
    talk_run(conn, "DELETE FROM singly WHERE id = 7");
    same(INSERT, 300, "an insert that meets a row");
    same(INSERT, 300, "one whose first row fails");
    cells[1500][1] = weir_int(1000000);
    same(UPSERT, MANY, "an upsert with a row that a check refuses");
    cells[1500][1] = weir_int(7);
    cells[6500][1] = weir_int(1000000);
    same(UPSERT, ALL, "one with such a row far behind");
    make_rows();
    make_tables("InnoDB");
    cells[77][0] = weir_int(1000000);
    cells[77][1] = weir_int(90000);
    same(SET_BY_ID, 400, "an update with a row that a check refuses");
    make_rows();
    cells[33][1] = weir_double(NAN);
    same(UPSERT, 90, "a row that no server takes");
    make_rows();
    for (int i = 0; i < MANY; i += 2)
        cells[i][1] = i % 3 ? weir_null() : weir_text("12");
    same(UPSERT, MANY, "types that differ from row to row");
}

/* What was written to a table without transactions stays, and cannot be run again. */
static void test_untransactional(void)
{
    size_t failed = 0;
    make_rows();
    make_tables("MyISAM");
    int st = weir_exec_many(NULL, &failed, conn, "INSERT INTO together (id, n) VALUES (?, ?)", rows, 90, LONG, NULL);
    is_int(st, WEIR_E_UNIQUE, "a row fails in a table without transactions");
    ok(failed == 6 || failed == 90, "and is named, or none is: %zu", failed);
}

static int64_t questions(void)
{
    weir_rows r = talk_first(conn, WEIR_NO_ARGS, "SHOW SESSION STATUS LIKE 'Questions'");
    const int64_t n = weir_rows_int(r, 1);
    weir_rows_close(&r, NULL);
    return n;
}

static void test_requests(void)
{
    make_rows();
    make_tables("InnoDB");
    talk_run(conn, "DELETE FROM together");
    const int64_t before = questions();
    is_int(weir_exec_many(NULL, NULL, conn, "INSERT INTO together (id, n) VALUES (?, ?)", rows, ALL, LONG, NULL),
           WEIR_OK, "thousands of rows are written");
    const int64_t asked = questions() - before;
    ok(asked < 16, "with %d requests", (int)asked);
}

static void on(struct mariadb *server)
{
    char url[300];
    tap_note("%s", server->is_mysql ? "MySQL" : "MariaDB");
    snprintf(url, sizeof url, "mysql://weir@127.0.0.1:%d/test?cancel_grace=30s", server->port);
    weir_db *db = talk_open(url, NULL);
    conn = talk_borrow(db, WEIR_WRITE);
    test_same();
    test_keys("INSERT INTO together (n) VALUES (? + ?)", "new rows");
    test_keys("INSERT INTO together (n) SELECT ? + ?", "rows of a query");
    test_failing();
    test_untransactional();
    if (!server->is_mysql) {
        test_returning();
        test_requests();
    }
    weir_release(&conn);
    weir_db_close(&db);
    mariadb_stop(server);
}

int main(void)
{
    struct mariadb server;
    mariadb_start(&server, NULL);
    on(&server);
    if (mysql_start(&server, NULL))
        on(&server);
    return tap_done();
}
