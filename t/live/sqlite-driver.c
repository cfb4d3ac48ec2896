/*
 * The SQLite driver, alone: opening, the session that it sets up, values, statements and results.
 * SPDX-License-Identifier: MIT
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <sqlite3.h>
#include "sqlite-rig.h"
#include "row.h"
#include "tap.h"

#define backend (&weir_sqlite_backend)
#define wing (backend->sql)

static struct rig rig; /* the db of all that needs no other */

/* ---- opening ---- */

static void write_file(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");
    if (!f || fputs(text, f) < 0 || fclose(f) != 0)
        tap_bail("cannot write %s", path);
}

static void refused(const char *path, int status, int native, const char *text)
{
    weir_error err = { 0 };
    void *conn = open_as(&rig, path, 0, NEVER, &err);
    ok(!conn, "'%s' does not open", path);
    end(&rig, &conn);
    is_int(err.status, status, "  for the right reason");
    is_int(err.native, native, "  with SQLite's number");
    has_text(err.text, text, "  in words");
    is_int(err.flags & WEIR_RETRY_ELSEWHERE, 0, "  and for good");
}

static void test_wrong_paths(void)
{
    char longest[1200];
    memset(longest, 'x', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    write_file(rig_path("notes.txt"), "These are notes, and they are longer than the header of a database would be, "
                                      "so that there is something to read for whoever takes them for one.\n");
    write_file(rig_path("short.txt"), "hi\n");
    refused("", WEIR_E_CONNECT, 0, "write sqlite:");
    refused(longest, WEIR_E_CONNECT, 0, "longer than");
    refused(tap_folder(), WEIR_E_CONNECT, SQLITE_CANTOPEN, "' is a directory");
    refused(rig_path("no/x.db"), WEIR_E_CONNECT, SQLITE_CANTOPEN, "/no' does not exist");
    refused(rig_path("notes.txt/x.db"), WEIR_E_CONNECT, SQLITE_CANTOPEN, "/notes.txt' is no folder");
    refused(rig_path("notes.txt"), WEIR_E_CONNECT, SQLITE_NOTADB, "notes.txt' is not an SQLite database");
    refused(rig_path("short.txt"), WEIR_E_CONNECT, SQLITE_NOTADB, "short.txt' is not an SQLite database");
}

static void test_host_refused(void)
{
    weir_error err;
    void *conn = calloc(1, backend->conn_size);
    const weir_target target = { sizeof target, "db.example", "x.db", "", "", 0, 0 };
    is_int(backend->open(conn, &rig.host, &target, NEVER, &err), WEIR_E_CONNECT, "a host is refused");
    has_text(err.text, "db.example", "  and named");
    end(&rig, &conn);
}

static void test_plain_names(void)
{
    char before[512];
    if (!getcwd(before, sizeof before) || chdir(tap_folder()) != 0)
        tap_bail("cannot go to %s", tap_folder());
    void *conn = session(&rig, "file:odd?mode=memory", 0);
    must(conn, "CREATE TABLE t(a)");
    end(&rig, &conn);
    is_int(access("file:odd?mode=memory", F_OK), 0, "a name that looks like a URI is the name of a file");
    if (chdir(before) != 0)
        tap_bail("cannot go back to %s", before);
}

static void test_reader_first(void)
{
    void *reader = session(&rig, rig_path("first.db"), 1);
    is_int(ask_int(reader, "SELECT count(*) FROM sqlite_master"), 0, "a reader may be the first to open a file");
    void *writer = session(&rig, rig_path("first.db"), 0);
    must(writer, "CREATE TABLE t(a)");
    is_int(ask_int(reader, "SELECT count(*) FROM sqlite_master"), 1, "  and sees what the writer does later");
    end(&rig, &reader);
    end(&rig, &writer);
}

static void test_locked_while_opening(void)
{
    static const char *const in_delete_mode[] = { "journal_mode", "delete", NULL };
    struct rig other;
    weir_error err = { 0 };
    rig_begin(&other, in_delete_mode);
    void *holder = session(&other, rig_path("locked.db"), 0);
    must(holder, "CREATE TABLE t(a)");
    must(holder, "BEGIN EXCLUSIVE");
    const int64_t start = rig_now();
    void *conn = open_as(&other, rig_path("locked.db"), 0, start + 50 * MS, &err);
    const int64_t took = rig_now() - start;
    ok(!conn, "a file that somebody has locked does not open");
    is_int(err.status, WEIR_E_LOCKED, "  as a lock");
    is_int(err.flags, WEIR_RETRY_ELSEWHERE, "  that may go");
    ok(took >= 50 * MS && took < 4000 * MS, "  and open waits until its deadline, 50 ms: %lld us",
       (long long)took / 1000);
    end(&other, &holder);
}

static void *open_and_write(void *arg)
{
    weir_error err;
    void *conn = open_as(&rig, arg, 0, rig_now() + 20000 * MS, &err);
    const char *why = conn ? NULL : "open";
    if (conn && execute(conn, "CREATE TABLE IF NOT EXISTS t(a)", WEIR_NO_ARGS, NEVER, &err) < 0)
        why = "create";
    if (why)
        tap_note("%s: %s", why, err.text);
    end(&rig, &conn);
    return (void *)(uintptr_t)why;
}

static void test_many_open_a_new_file(void)
{
    int failures = 0;
    for (int round = 0; round < 10; round++) {
        char name[32], path[256];
        pthread_t threads[8];
        snprintf(name, sizeof name, "new-%d.db", round);
        snprintf(path, sizeof path, "%s", rig_path(name));
        for (int i = 0; i < 8; i++)
            if (pthread_create(&threads[i], NULL, open_and_write, path) != 0)
                tap_bail("cannot start a thread");
        for (int i = 0; i < 8; i++) {
            void *why;
            pthread_join(threads[i], &why);
            failures += why != NULL;
        }
    }
    is_int(failures, 0, "eight threads open a file that is not there yet, at once");
}

/* ---- files that may not be written ---- */

enum { READER_READS = 1, READER_CANNOT_WRITE = 2, READER_CANNOT_TURN = 4, WRITER_REFUSED = 8, NO_PERMISSION = 16 };

/* Runs as somebody who may only read `path` and may not read `closed`. */
static int look_at(const char *path, const char *closed)
{
    int found = 0;
    weir_error err = { 0 };
    void *conn = open_as(&rig, path, 1, NEVER, &err);
    if (conn && ask_int(conn, "SELECT a FROM t") == 7)
        found |= READER_READS;
    if (conn && execute(conn, "DELETE FROM t", WEIR_NO_ARGS, NEVER, &err) == WEIR_E_READ_ONLY)
        found |= READER_CANNOT_WRITE;
    if (conn && backend->turn(conn, 0, NEVER, &err) == WEIR_E_READ_ONLY)
        found |= READER_CANNOT_TURN;
    end(&rig, &conn);
    conn = open_as(&rig, path, 0, NEVER, &err);
    if (!conn && err.status == WEIR_E_READ_ONLY && err.native == SQLITE_READONLY && strstr(err.text, "is read-only"))
        found |= WRITER_REFUSED;
    end(&rig, &conn);
    conn = open_as(&rig, closed, 1, NEVER, &err);
    if (!conn && err.status == WEIR_E_CONNECT && strstr(err.text, "no permission to read"))
        found |= NO_PERMISSION;
    end(&rig, &conn);
    return found;
}

/* In a child: permissions do not bind root. */
static int look_as_nobody(const char *path, const char *closed)
{
    int status = -1;
    const pid_t child = fork();
    if (child < 0)
        tap_bail("cannot fork");
    if (child == 0)
        _exit(geteuid() == 0 && (setgid(65534) != 0 || setuid(65534) != 0) ? 0 : look_at(path, closed));
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 0;
}

static void make_seven(const char *path, mode_t mode)
{
    void *conn = session(&rig, path, 0);
    must(conn, "CREATE TABLE t(a)");
    must(conn, "INSERT INTO t VALUES(7)");
    end(&rig, &conn);
    if (chmod(path, mode) != 0)
        tap_bail("cannot chmod %s", path);
}

static void test_read_only_file(void)
{
    if (mkdir(rig_path("open"), 0777) != 0 || chmod(rig_path("open"), 0777) != 0 || chmod(tap_folder(), 0755) != 0)
        tap_bail("cannot make a folder");
    const char *path = rig_path("open/fixed.db"), *closed = rig_path("open/closed.db");
    make_seven(path, 0444);
    make_seven(closed, 0000);
    const int found = look_as_nobody(path, closed);
    ok(found & READER_READS, "a read session reads a file that may only be read");
    ok(found & READER_CANNOT_WRITE, "  and writes nothing");
    ok(found & READER_CANNOT_TURN, "  nor can it be turned to the write lane");
    ok(found & WRITER_REFUSED, "a write session says at open that the file is read-only");
    ok(found & NO_PERMISSION, "a file without permission is told as that");
}

/* ---- memory ---- */

static void test_memory(void)
{
    struct rig other;
    rig_begin(&other, NULL);
    void *a = session(&rig, ":memory:", 0), *b = session(&rig, ":memory:", 1), *c = session(&other, ":memory:", 0);
    must(a, "CREATE TABLE t(a)");
    must(a, "INSERT INTO t VALUES(1)");
    is_int(ask_int(b, "SELECT a FROM t"), 1, "the sessions of one db share its memory database");
    is_int(ask_int(c, "SELECT count(*) FROM sqlite_master"), 0, "another db has another");
    end(&rig, &a);
    is_int(ask_int(b, "SELECT a FROM t"), 1, "the data live as long as one session does");
    is_int(backend->keep(b), 1, "  and the driver asks to keep it");
    end(&rig, &b);
    b = session(&rig, ":memory:", 0);
    is_int(ask_int(b, "SELECT count(*) FROM sqlite_master"), 0, "with the last session they are gone");
    end(&rig, &b);
    end(&other, &c);
}

/* ---- the session ---- */

static void test_defaults(void *conn)
{
    is_text(ask_text(conn, "PRAGMA journal_mode"), "wal", "journal_mode is wal");
    is_int(ask_int(conn, "PRAGMA synchronous"), 1, "synchronous is normal");
    is_int(ask_int(conn, "PRAGMA foreign_keys"), 1, "foreign_keys is on");
    is_int(ask_int(conn, "PRAGMA cache_size"), -2000, "cache_size is 2000 KiB");
    is_int(ask_int(conn, "PRAGMA mmap_size"), 0, "mmap_size is 0");
    is_int(ask_int(conn, "PRAGMA query_only"), 0, "query_only is off in the write lane");
    is_int(backend->dirty(conn), 0, "asking leaves the session clean");
    is_int(backend->alive(conn), 1, "and it is alive");
    is_int(backend->keep(conn), 0, "a file needs no connection that keeps it");
}

static void test_options(void)
{
    static const char *const options[] = { "journal_mode", "truncate", "synchronous", "full",
                                           "foreign_keys", "off",      "cache_size",  "100",
                                           "mmap_size",    "65536",    NULL };
    struct rig other;
    rig_begin(&other, options);
    void *conn = session(&other, rig_path("options.db"), 0);
    is_text(ask_text(conn, "PRAGMA journal_mode"), "truncate", "option journal_mode");
    is_int(ask_int(conn, "PRAGMA synchronous"), 2, "option synchronous");
    is_int(ask_int(conn, "PRAGMA foreign_keys"), 0, "option foreign_keys");
    is_int(ask_int(conn, "PRAGMA cache_size"), -100, "option cache_size");
    is_int(ask_int(conn, "PRAGMA mmap_size"), 65536, "option mmap_size");
    end(&other, &conn);
}

static void test_lanes(void)
{
    weir_error err = { 0 };
    void *writer = session(&rig, rig_path("lanes.db"), 0), *reader = session(&rig, rig_path("lanes.db"), 1);
    must(writer, "CREATE TABLE t(a)");
    is_int(execute(reader, "INSERT INTO t VALUES(1)", WEIR_NO_ARGS, NEVER, &err), WEIR_E_READ_ONLY,
           "a read session refuses an insert");
    is_text(err.sqlstate, "25006", "  as read-only");
    is_int(execute(reader, "CREATE TABLE u(a)", WEIR_NO_ARGS, NEVER, &err), WEIR_E_READ_ONLY, "and a new table");
    is_int(backend->dirty(reader), 0, "and is clean after it");
    is_int(backend->turn(reader, 0, NEVER, &err), WEIR_OK, "it turns to the write lane");
    is_int(execute(reader, "INSERT INTO t VALUES(1)", WEIR_NO_ARGS, NEVER, &err), WEIR_OK, "  and writes");
    is_int(backend->turn(reader, 1, NEVER, &err), WEIR_OK, "it turns back");
    is_int(execute(reader, "INSERT INTO t VALUES(1)", WEIR_NO_ARGS, NEVER, &err), WEIR_E_READ_ONLY, "  and refuses");
    is_int(backend->dirty(reader), 0, "turning leaves it clean");
    end(&rig, &writer);
    end(&rig, &reader);
}

/* ---- values ---- */

static weir_value echoed; /* valid until the next echo */

/* One value through a parameter into a cell. */
static void *echo(void *conn, weir_value v)
{
    weir_error err;
    void *stmt = begin_rows(conn, "SELECT ?", WEIR_ARGS(v));
    if (row_next(wing, conn, NEVER, &err) != WEIR_ROW || row_cell(wing, conn, 0, &echoed) < 0)
        tap_bail("a parameter does not come back");
    return stmt;
}

static int same_bytes(const weir_value *v, const void *p, size_t n)
{
    return v->as.p && v->length == n && memcmp(v->as.p, p, n) == 0;
}

static void comes_back(void *conn, const char *what, weir_value sent, uint32_t type, const void *p, size_t n)
{
    void *stmt = echo(conn, sent);
    is_int(echoed.type, type, "%s comes back as type %u", what, type);
    ok(same_bytes(&echoed, p, n), "  with its %zu bytes", n);
    if (type == WEIR_TEXT)
        is_int(((const char *)echoed.as.p)[n], 0, "  and a zero byte behind");
    end_rows(conn, &stmt);
}

static void test_bytes(void *conn)
{
    static const char digits[] = "123456789012345678901234567890123.4567890";
    static char big[3000000];
    for (size_t i = 0; i < sizeof big; i++)
        big[i] = (char)(i * 7);
    comes_back(conn, "a text",
               weir_text("gr\xc3\xbc\xc3\x9f"
                         "e"),
               WEIR_TEXT,
               "gr\xc3\xbc\xc3\x9f"
               "e",
               7);
    comes_back(conn, "a part of a text", weir_text_n("abcdef", 3), WEIR_TEXT, "abc", 3);
    comes_back(conn, "an empty text", weir_text(""), WEIR_TEXT, "", 0);
    comes_back(conn, "a blob", weir_blob("a\0b", 3), WEIR_BLOB, "a\0b", 3);
    comes_back(conn, "an empty blob", weir_blob("", 0), WEIR_BLOB, "", 0);
    comes_back(conn, "a big blob", weir_blob(big, sizeof big), WEIR_BLOB, big, sizeof big);
    comes_back(conn, "a decimal of 40 digits", weir_decimal(digits), WEIR_TEXT, digits, sizeof digits - 1);
    comes_back(conn, "a time", weir_time_us(INT64_C(1700000000000000)), WEIR_TEXT, "2023-11-14 22:13:20", 19);
}

static void test_numbers(void *conn)
{
    static const int64_t ints[] = { 0, -1, INT64_MAX, INT64_MIN };
    static const double doubles[] = { 0.1, -1e300, 5e-324, 3.0 };
    void *stmt;
    for (size_t i = 0; i < 4; i++) {
        stmt = echo(conn, weir_int(ints[i]));
        ok(echoed.type == WEIR_INT && echoed.as.i == ints[i], "integer %lld comes back", (long long)ints[i]);
        end_rows(conn, &stmt);
        stmt = echo(conn, weir_double(doubles[i]));
        ok(echoed.type == WEIR_DOUBLE && memcmp(&echoed.as.d, &doubles[i], sizeof(double)) == 0, "double %g comes back",
           doubles[i]);
        end_rows(conn, &stmt);
    }
    stmt = echo(conn, weir_null());
    is_int(echoed.type, WEIR_NULL, "NULL comes back");
    end_rows(conn, &stmt);
}

static void test_impossible_values(void *conn)
{
    weir_error err = { 0 };
    const double zero = 0;
    is_int(execute(conn, "SELECT ?, ?", WEIR_ARGS(weir_int(1), weir_double(zero / zero)), NEVER, &err), WEIR_E_DATA,
           "not-a-number is refused, not stored as NULL");
    has_text(err.text, "parameter 2", "  and the parameter named");
    is_int(execute(conn, "SELECT ?", WEIR_ARGS(weir_time_us(INT64_MIN)), NEVER, &err), WEIR_E_DATA,
           "a time that has no text is refused");
}

static void test_stored_decimal(void *conn)
{
    weir_error err;
    must(conn, "CREATE TABLE prices(price TEXT)");
    execute(conn, "INSERT INTO prices VALUES(?)", WEIR_ARGS(weir_decimal("0.1000000000000000000000000000000000000001")),
            NEVER, &err);
    is_text(ask_text(conn, "SELECT price FROM prices"), "0.1000000000000000000000000000000000000001",
            "a TEXT column keeps every digit of a decimal");
}

/* ---- statements ---- */

static void counts(void *conn, const char *sql, size_t params, size_t columns)
{
    weir_error err = { 0 };
    void *stmt = NULL;
    size_t p = 99, c = 99;
    is_int(wing->prepare(conn, &stmt, &p, &c, sql, NEVER, &err), WEIR_OK, "prepares: %s", sql);
    ok(p == params && c == columns, "  %zu parameters, %zu columns", p, c);
    if (stmt)
        wing->forget(conn, stmt);
}

static void test_counts(void *conn)
{
    counts(conn, "SELECT 1, 2", 0, 2);
    counts(conn, "SELECT ?, '?', \"a?\" FROM (SELECT 1 AS \"a?\") WHERE 1 = ? -- ?", 2, 3);
    counts(conn, "SELECT ?2, ?1", 2, 2);
    counts(conn, "INSERT INTO prices VALUES(?)", 1, 0);
    counts(conn, "INSERT INTO prices VALUES(?) RETURNING rowid, price", 1, 2);
    counts(conn, "PRAGMA table_info(prices)", 0, 6);
    counts(conn, "BEGIN", 0, 0);
}

static void prepares(void *conn, const char *what, const char *sql, int status, const char *text)
{
    weir_error err = { 0 };
    void *stmt = NULL;
    size_t p, c;
    is_int(wing->prepare(conn, &stmt, &p, &c, sql, NEVER, &err), status, "%s: %s", status ? "refused" : "taken", what);
    if (status)
        has_text(err.text, text, "  in words");
    if (stmt)
        wing->forget(conn, stmt);
}

static void test_one_statement(void *conn)
{
    static const char one[] = "one statement a call";
    prepares(conn, "a semicolon behind", "SELECT 1;", WEIR_OK, "");
    prepares(conn, "comments around", "-- first\nSELECT 1 ; ; -- and\n /* no more */ ;", WEIR_OK, "");
    prepares(conn, "a comment that never ends", "SELECT 1; /* and so on", WEIR_OK, "");
    prepares(conn, "a second statement", "SELECT 1; SELECT 2", WEIR_E_STATEMENT, one);
    prepares(conn, "nonsense behind a comment", "SELECT 1; -- then\nnonsense", WEIR_E_STATEMENT, one);
    prepares(conn, "a lone slash", "SELECT 1; / 2", WEIR_E_STATEMENT, one);
    prepares(conn, "an empty text", "", WEIR_E_STATEMENT, "empty");
    prepares(conn, "a comment alone", " -- nothing\n;", WEIR_E_STATEMENT, "empty");
}

static int64_t affected_by(void *conn, const char *sql)
{
    must(conn, sql);
    return wing->affected(conn);
}

static void test_affected(void *conn)
{
    is_int(affected_by(conn, "CREATE TABLE n(id INTEGER PRIMARY KEY, v)"), 0, "a new table affects no row");
    is_int(affected_by(conn, "INSERT INTO n(v) VALUES(1),(2),(3)"), 3, "an insert of three affects three");
    is_int(wing->last_id(conn), 3, "  and the last key is 3");
    is_int(affected_by(conn, "CREATE INDEX i ON n(v)"), 0, "an index after it affects none");
    is_int(affected_by(conn, "SELECT * FROM n"), 0, "a query affects none");
    is_int(affected_by(conn, "UPDATE n SET v = 0 WHERE id > 1"), 2, "an update of two affects two");
    is_int(affected_by(conn, "UPDATE n SET v = 0 WHERE id > 9"), 0, "an update of none affects none");
    is_int(affected_by(conn, "DELETE FROM n"), 3, "a delete of all affects three");
}

static void test_cached_pragma(void *conn)
{
    weir_error err;
    void *small = NULL, *large = NULL;
    size_t p, c;
    wing->prepare(conn, &small, &p, &c, "PRAGMA cache_size=50", NEVER, &err);
    wing->prepare(conn, &large, &p, &c, "PRAGMA cache_size=90", NEVER, &err);
    wing->run(conn, small, WEIR_NO_ARGS, 0, NEVER, &err);
    wing->run(conn, small, WEIR_NO_ARGS, 0, NEVER, &err);
    is_int(ask_int(conn, "PRAGMA cache_size"), 50, "a cached PRAGMA acts when it runs, not when it was compiled");
    wing->run(conn, large, WEIR_NO_ARGS, 0, NEVER, &err);
    wing->run(conn, large, WEIR_NO_ARGS, 0, NEVER, &err);
    wing->run(conn, small, WEIR_NO_ARGS, 0, NEVER, &err);
    is_int(ask_int(conn, "PRAGMA cache_size"), 50, "  each time");
    wing->forget(conn, small);
    wing->forget(conn, large);
}

/* ---- results ---- */

static void test_streaming(void *conn)
{
    weir_error err = { 0 };
    weir_value cell;
    int64_t sum = 0;
    int rows = 0, st;
    void *stmt = begin_rows(conn,
                            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i < ?) "
                            "SELECT i AS number, 'x' || i AS name FROM n",
                            WEIR_ARGS(weir_int(1000)));
    is_int(wing->columns(conn), 2, "two columns");
    is_text(wing->name(conn, 0), "number", "  the first by its name");
    is_text(wing->name(conn, 1), "name", "  and the second");
    while ((st = row_next(wing, conn, NEVER, &err)) == WEIR_ROW && row_cell(wing, conn, 0, &cell) == WEIR_OK) {
        sum += cell.as.i;
        rows++;
    }
    ok(st == WEIR_OK && rows == 1000 && sum == 500500, "a thousand rows, and then the end: %d", rows);
    is_int(row_next(wing, conn, NEVER, &err), WEIR_OK, "  which stays the end");
    is_int(backend->dirty(conn), 0, "  and holds no snapshot");
    end_rows(conn, &stmt);
}

static void test_half_read(void *conn)
{
    weir_error err;
    must(conn, "INSERT INTO n(v) VALUES(1),(2),(3)");
    void *stmt = begin_rows(conn, "SELECT v FROM n", WEIR_NO_ARGS);
    is_int(row_next(wing, conn, NEVER, &err), WEIR_ROW, "a result is read half");
    is_int(backend->dirty(conn), 1, "  holds its snapshot");
    end_rows(conn, &stmt);
    is_int(backend->dirty(conn), 0, "  and lets go of it when abandoned");
    stmt = begin_rows(conn, "SELECT v FROM n WHERE v > 100", WEIR_NO_ARGS);
    is_int(wing->columns(conn), 1, "an empty result has its columns");
    is_int(row_next(wing, conn, NEVER, &err), WEIR_OK, "  and no row");
    end_rows(conn, &stmt);
}

static void test_parameters_are_copied(void *conn)
{
    weir_error err;
    weir_value cell;
    char text[] = "before";
    void *stmt = begin_rows(conn, "WITH v(x) AS (VALUES(1),(2)) SELECT ? FROM v", WEIR_ARGS(weir_text(text)));
    strcpy(text, "after!");
    while (row_next(wing, conn, NEVER, &err) == WEIR_ROW && row_cell(wing, conn, 0, &cell) == WEIR_OK)
        is_text(cell.as.p, "before", "an open result does not look at its arguments again");
    end_rows(conn, &stmt);
}

static void test_returning(void *conn)
{
    weir_error err;
    weir_value cell;
    void *stmt = begin_rows(conn, "INSERT INTO n(v) VALUES(?),(?) RETURNING v, id, NULL, x'00ff'",
                            WEIR_ARGS(weir_text("one"), weir_text("")));
    is_int(wing->affected(conn), 2, "RETURNING: the rows are there when run returns");
    is_int(backend->dirty(conn), 0, "  and no lock is held while they are read");
    is_int(row_next(wing, conn, NEVER, &err), WEIR_ROW, "  the first");
    ok(row_cell(wing, conn, 0, &cell) == 0 && cell.type == WEIR_TEXT && same_bytes(&cell, "one\0", 3), "  its text");
    ok(row_cell(wing, conn, 1, &cell) == 0 && cell.type == WEIR_INT && cell.as.i == 4, "  its key");
    ok(row_cell(wing, conn, 2, &cell) == 0 && cell.type == WEIR_NULL, "  a NULL");
    ok(row_cell(wing, conn, 3, &cell) == 0 && cell.type == WEIR_BLOB && same_bytes(&cell, "\0\xff", 2), "  a blob");
    is_int(row_next(wing, conn, NEVER, &err), WEIR_ROW, "  the second");
    ok(row_cell(wing, conn, 0, &cell) == 0 && cell.type == WEIR_TEXT && same_bytes(&cell, "", 0), "  its empty text");
    is_int(row_next(wing, conn, NEVER, &err), WEIR_OK, "  no third");
    is_text(wing->name(conn, 1), "id", "  the columns keep their names");
    end_rows(conn, &stmt);
    is_int(affected_by(conn, "DELETE FROM n RETURNING id"), 5, "rows that nobody wants are dropped");
}

/* Each allocation in turn finds no memory: a statement that fails for it leaves nothing behind. */
static void test_no_memory(void)
{
    weir_error err;
    struct rig poor;
    void *stmt = NULL;
    size_t p, c;
    int st = WEIR_E_MEMORY;
    rig_begin(&poor, NULL);
    void *conn = session(&poor, ":memory:", 0);
    must(conn, "CREATE TABLE t(a)");
    wing->prepare(conn, &stmt, &p, &c, "INSERT INTO t VALUES('a'),('b') RETURNING a, a", NEVER, &err);
    for (long n = 1; st == WEIR_E_MEMORY && n < 50; n++) {
        poor.fail_at = n;
        poor.allocations = 0;
        st = wing->run(conn, stmt, WEIR_NO_ARGS, 1, NEVER, &err);
        poor.fail_at = 0;
        wing->abandon(conn);
        if (st != WEIR_OK)
            ok(ask_int(conn, "SELECT count(*) FROM t") == 0, "allocation %ld fails, and nothing is stored", n);
    }
    is_int(st, WEIR_OK, "with memory the statement runs");
    is_int(ask_int(conn, "SELECT count(*) FROM t"), 2, "  and stores its rows");
    poor.fail_at = poor.allocations + 1;
    void *other = NULL;
    is_int(wing->prepare(conn, &other, &p, &c, "SELECT 1", NEVER, &err), WEIR_E_MEMORY, "prepare says so, too");
    end(&poor, &conn);
    is_int(poor.blocks, 0, "close frees also what nobody forgot");
}

static void test_statements(void)
{
    void *conn = session(&rig, rig_path("main.db"), 0);
    test_defaults(conn);
    test_bytes(conn);
    test_numbers(conn);
    test_impossible_values(conn);
    test_stored_decimal(conn);
    test_counts(conn);
    test_one_statement(conn);
    test_affected(conn);
    test_streaming(conn);
    test_half_read(conn);
    test_parameters_are_copied(conn);
    test_returning(conn);
    test_cached_pragma(conn); /* last: it leaves the session dirty */
    end(&rig, &conn);
}

int main(void)
{
    rig_begin(&rig, NULL);
    test_read_only_file(); /* first: it forks, and what SQLite has open would go along */
    test_wrong_paths();
    test_host_refused();
    test_plain_names();
    test_reader_first();
    test_locked_while_opening();
    test_many_open_a_new_file();
    test_memory();
    test_options();
    test_lanes();
    test_statements();
    test_no_memory();
    is_int(rig.blocks, 0, "the driver has given back all memory");
    return tap_done();
}
