/*
 * SQLite by itself, with the journal and the care for the disk that weir gives a session.
 * SPDX-License-Identifier: MIT
 */
#include <stdio.h>
#include <stdlib.h>
#include <sqlite3.h>
#include "services.h"
#include "tap.h"

struct bare {
    sqlite3 *db;
    sqlite3_stmt *begin, *commit, *upserts[SERVICES + 1];
};

static char file[500];

static bool start(char url[600])
{
    snprintf(file, sizeof file, "%s/services.db", tap_folder());
    snprintf(url, 600, "sqlite:%s", file);
    return true;
}

static void stop(void)
{
}

static int say(struct bare *b, const char *sql)
{
    return sqlite3_exec(b->db, sql, NULL, NULL, NULL);
}

static void bare_disconnect(void *conn)
{
    struct bare *b = conn;
    sqlite3_finalize(b->begin);
    sqlite3_finalize(b->commit);
    for (int i = 0; i <= SERVICES; i++)
        sqlite3_finalize(b->upserts[i]);
    sqlite3_close(b->db);
    free(b);
}

static void *bare_connect(void)
{
    struct bare *b = calloc(1, sizeof *b);
    must(b, "sqlite3_open", "no memory");
    if (sqlite3_open_v2(file, &b->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) == SQLITE_OK &&
        say(b, "PRAGMA synchronous=normal") == SQLITE_OK)
        return b;
    bare_disconnect(b);
    return NULL;
}

static enum end give_up(struct bare *b, int status)
{
    if (!sqlite3_get_autocommit(b->db))
        say(b, "ROLLBACK");
    return (status & 0xff) == SQLITE_BUSY ? CONFLICT : FAILED;
}

/* ---- a text a row */

static int write_row(struct bare *b, int service, const struct operation *o, const struct item *i, int think_us)
{
    char sql[SQL_MAX];
    sql_upsert_row(sql, DIALECT_SQLITE, service, o, i);
    think(think_us);
    return say(b, sql);
}

static int write_rows(struct bare *b, const struct operation *o, int think_us)
{
    int status = say(b, "BEGIN");
    for (int i = 0; i < ROWS && status == SQLITE_OK; i++) {
        status = write_row(b, o->service, o, &o->items[i], think_us);
        if (status == SQLITE_OK)
            status = write_row(b, SHARED, o, &o->items[i], think_us);
    }
    return status == SQLITE_OK ? say(b, "COMMIT") : status;
}

/* ---- prepared once */

static sqlite3_stmt *prepared(struct bare *b, sqlite3_stmt **s, const char *sql)
{
    if (!*s)
        must(sqlite3_prepare_v3(b->db, sql, -1, SQLITE_PREPARE_PERSISTENT, s, NULL) == SQLITE_OK, sql,
             sqlite3_errmsg(b->db));
    return *s;
}

static int step(sqlite3_stmt *s)
{
    sqlite3_step(s);
    return sqlite3_reset(s);
}

static int write_table(struct bare *b, int service, const struct operation *o, int think_us)
{
    char sql[SQL_MAX];
    int status = SQLITE_OK;
    sql_upsert_marked(sql, DIALECT_SQLITE, service, 1);
    sqlite3_stmt *s = prepared(b, &b->upserts[service + 1], sql);
    think(think_us);
    for (int i = 0; i < ROWS && status == SQLITE_OK; i++) {
        int at = 1;
        sqlite3_bind_text(s, at++, o->items[i].symbol, -1, SQLITE_STATIC);
        if (service != SHARED)
            sqlite3_bind_int(s, at++, o->slot);
        sqlite3_bind_int64(s, at++, 1);
        sqlite3_bind_int64(s, at++, o->items[i].total);
        sqlite3_bind_int64(s, at++, o->items[i].newest);
        status = step(s);
    }
    return status;
}

static int write_tables(struct bare *b, const struct operation *o, int think_us)
{
    int status = step(prepared(b, &b->begin, "BEGIN IMMEDIATE"));
    if (status == SQLITE_OK)
        status = write_table(b, o->service, o, think_us);
    if (status == SQLITE_OK)
        status = write_table(b, SHARED, o, think_us);
    return status == SQLITE_OK ? step(prepared(b, &b->commit, "COMMIT")) : status;
}

static enum end bare_operate(void *conn, const struct operation *o, enum how how, int think_us)
{
    struct bare *b = conn;
    const int status = how == PLAIN ? write_rows(b, o, think_us) : write_tables(b, o, think_us);
    return status == SQLITE_OK ? COMMITTED : give_up(b, status);
}

const struct database services_sqlite = {
    .name = "SQLite",
    .library = "sqlite3",
    .dialect = DIALECT_SQLITE,
    .one_writer = true,
    .start = start,
    .stop = stop,
    .connect = bare_connect,
    .operate = bare_operate,
    .disconnect = bare_disconnect,
};
