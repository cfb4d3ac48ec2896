/*
 * The bare side of SQLite: prepared by hand, and with the settings that weir gives a session.
 * SPDX-License-Identifier: MIT
 */
#include <stddef.h>
#include <sqlite3.h>
#include "overhead.h"

enum { ONE, MANY, INSERT, CLEAR, BEGIN, COMMIT, STATEMENTS };

static sqlite3 *db;
static sqlite3_stmt *statements[STATEMENTS];

static void open_side(const char *path)
{
    static const char *const sql[] = { SQL_ONE, SQL_MANY, SQL_INSERT, SQL_CLEAR, "BEGIN IMMEDIATE", "COMMIT" };
    const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX;
    must(sqlite3_open_v2(path, &db, flags, NULL) == SQLITE_OK, "sqlite3_open_v2");
    must(sqlite3_exec(db, "PRAGMA journal_mode=wal; PRAGMA synchronous=normal; PRAGMA foreign_keys=on", NULL, NULL,
                      NULL) == SQLITE_OK,
         "PRAGMA");
    for (int i = 0; i < STATEMENTS; i++)
        must(sqlite3_prepare_v3(db, sql[i], -1, SQLITE_PREPARE_PERSISTENT, &statements[i], NULL) == SQLITE_OK, sql[i]);
}

static int64_t one(int64_t id)
{
    sqlite3_stmt *s = statements[ONE];
    int64_t sum = 0;
    int rc;
    sqlite3_bind_int64(s, 1, id);
    while ((rc = sqlite3_step(s)) == SQLITE_ROW)
        sum += sqlite3_column_int64(s, 0) + sqlite3_column_text(s, 1)[0];
    must(rc == SQLITE_DONE && sqlite3_reset(s) == SQLITE_OK, SQL_ONE);
    return sum;
}

static int64_t many(void)
{
    sqlite3_stmt *s = statements[MANY];
    int64_t sum = 0;
    int rc;
    while ((rc = sqlite3_step(s)) == SQLITE_ROW)
        sum += sqlite3_column_int64(s, 0) + sqlite3_column_int64(s, 1) + sqlite3_column_text(s, 2)[0];
    must(rc == SQLITE_DONE && sqlite3_reset(s) == SQLITE_OK, SQL_MANY);
    return sum;
}

static void run(int which)
{
    sqlite3_stmt *s = statements[which];
    must(sqlite3_step(s) == SQLITE_DONE && sqlite3_reset(s) == SQLITE_OK, "sqlite3_step");
}

static int64_t insert(void)
{
    sqlite3_stmt *s = statements[INSERT];
    run(CLEAR);
    run(BEGIN);
    for (int64_t i = 0; i < INSERTS; i++) {
        sqlite3_bind_int64(s, 1, i);
        sqlite3_bind_int64(s, 2, i * i);
        sqlite3_bind_text(s, 3, "a new name", -1, SQLITE_STATIC);
        run(INSERT);
    }
    run(COMMIT);
    return INSERTS;
}

static void close_side(void)
{
    for (int i = 0; i < STATEMENTS; i++)
        sqlite3_finalize(statements[i]);
    sqlite3_close(db);
}

const struct side side_sqlite = {
    .name = "sqlite3", .open = open_side, .one = one, .many = many, .insert = insert, .close = close_side
};
