/*
 * MariaDB and MySQL by the bare client library.
 * SPDX-License-Identifier: MIT
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <mysql.h>
#include "server-mariadb.h"
#include "services.h"

#define DEADLOCK 1213
#define COLUMNS 5

struct bare {
    MYSQL *mysql;
    bool ready;                           /* the session is at READ COMMITTED */
    MYSQL_STMT *statements[SERVICES + 1]; /* of one way: WHOLE or ARRAYS */
};

static struct mariadb server;

static void make_url(char url[600])
{
    snprintf(url, 600, "mysql://weir@127.0.0.1:%d/test", server.port);
}

static bool start_mariadb(char url[600])
{
    mariadb_start(&server, NULL);
    make_url(url);
    return true;
}

/* Without a binary log, as MariaDB is by default: with one, each commit waits for the disk. */
static bool start_mysql(char url[600])
{
    if (!mysql_start(&server, (const char *const[]){ "--skip-log-bin", NULL }))
        return false;
    make_url(url);
    return true;
}

static void stop(void)
{
    mariadb_stop(&server);
}

static void *bare_connect(void)
{
    const unsigned tcp = MYSQL_PROTOCOL_TCP;
    struct bare *b = calloc(1, sizeof *b);
    must(b && (b->mysql = mysql_init(NULL)), "mysql_init", "no memory");
    mysql_options(b->mysql, MYSQL_OPT_PROTOCOL, &tcp);
    if (mysql_real_connect(b->mysql, "127.0.0.1", "weir", "", "test", (unsigned)server.port, NULL, 0))
        return b;
    mysql_close(b->mysql);
    free(b);
    return NULL;
}

static void bare_disconnect(void *conn)
{
    struct bare *b = conn;
    for (int i = 0; i <= SERVICES; i++)
        if (b->statements[i])
            mysql_stmt_close(b->statements[i]);
    mysql_close(b->mysql);
    free(b);
}

static enum end give_up(struct bare *b, unsigned number)
{
    if (mysql_query(b->mysql, "ROLLBACK") != 0 || number != DEADLOCK)
        return FAILED;
    return CONFLICT;
}

/* ---- a statement a row */

static int say(struct bare *b, const char *sql)
{
    return mysql_real_query(b->mysql, sql, (unsigned long)strlen(sql));
}

static int write_row(struct bare *b, int service, const struct operation *o, const struct item *i, int think_us)
{
    char sql[SQL_MAX];
    sql_upsert_row(sql, DIALECT_MYSQL, service, o, i);
    think(think_us);
    return say(b, sql);
}

static int write_rows(struct bare *b, const struct operation *o, int think_us)
{
    int failed = say(b, "BEGIN");
    for (int i = 0; i < ROWS && !failed; i++)
        failed = write_row(b, o->service, o, &o->items[i], think_us) || write_row(b, SHARED, o, &o->items[i], think_us);
    return failed || say(b, "COMMIT");
}

/* ---- a statement a table */

struct bound { /* the cells of a statement, row by row or column by column */
    MYSQL_BIND binds[COLUMNS * ROWS];
    int64_t slots[ROWS], counts[ROWS], totals[ROWS], newest[ROWS];
    char *symbols[ROWS];
    unsigned long lengths[ROWS];
};

static void fill(struct bound *b, const struct operation *o)
{
    for (int i = 0; i < ROWS; i++) {
        b->slots[i] = o->slot;
        b->counts[i] = 1;
        b->totals[i] = o->items[i].total;
        b->newest[i] = o->items[i].newest;
        b->symbols[i] = (char *)(uintptr_t)o->items[i].symbol;
        b->lengths[i] = (unsigned long)strlen(o->items[i].symbol);
    }
}

static MYSQL_BIND number(int64_t *at)
{
    return (MYSQL_BIND){ .buffer_type = MYSQL_TYPE_LONGLONG, .buffer = at };
}

static void bind_whole(struct bound *b, int service)
{
    MYSQL_BIND *bind = b->binds;
    for (int i = 0; i < ROWS; i++) {
        *bind++ = (MYSQL_BIND){ .buffer_type = MYSQL_TYPE_STRING,
                                .buffer = b->symbols[i],
                                .buffer_length = b->lengths[i],
                                .length = &b->lengths[i] };
        if (service != SHARED)
            *bind++ = number(&b->slots[i]);
        *bind++ = number(&b->counts[i]);
        *bind++ = number(&b->totals[i]);
        *bind++ = number(&b->newest[i]);
    }
}

static void bind_arrays(struct bound *b, int service)
{
    MYSQL_BIND *bind = b->binds;
    *bind++ = (MYSQL_BIND){ .buffer_type = MYSQL_TYPE_STRING, .buffer = b->symbols, .length = b->lengths };
    if (service != SHARED)
        *bind++ = number(b->slots);
    *bind++ = number(b->counts);
    *bind++ = number(b->totals);
    *bind++ = number(b->newest);
}

static MYSQL_STMT *prepared(struct bare *b, int service, enum how how)
{
    char sql[SQL_MAX];
    MYSQL_STMT **s = &b->statements[service + 1];
    if (*s)
        return *s;
    sql_upsert_marked(sql, DIALECT_MYSQL, service, how == ARRAYS ? 1 : ROWS);
    *s = mysql_stmt_init(b->mysql);
    must(*s && mysql_stmt_prepare(*s, sql, (unsigned long)strlen(sql)) == 0, sql, mysql_error(b->mysql));
    return *s;
}

static int write_table(struct bare *b, int service, const struct operation *o, enum how how, int think_us)
{
    struct bound bound;
    MYSQL_STMT *s = prepared(b, service, how);
    fill(&bound, o);
    if (how == ARRAYS)
        bind_arrays(&bound, service);
    else
        bind_whole(&bound, service);
#ifdef LIBMARIADB
    const unsigned rows = how == ARRAYS ? ROWS : 0;
    mysql_stmt_attr_set(s, STMT_ATTR_ARRAY_SIZE, &rows);
#endif
    think(think_us);
    return mysql_stmt_bind_param(s, bound.binds) || mysql_stmt_execute(s) ? (int)mysql_stmt_errno(s) : 0;
}

static enum end write_tables(struct bare *b, const struct operation *o, enum how how, int think_us)
{
    if (!b->ready && (say(b, "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED") ||
                      (how == UNSAID && say(b, "SET autocommit=0"))))
        return FAILED;
    b->ready = true;
    if (how != UNSAID && say(b, "BEGIN"))
        return FAILED;
    int number = write_table(b, o->service, o, how, think_us);
    if (!number)
        number = write_table(b, SHARED, o, how, think_us);
    if (number)
        return give_up(b, (unsigned)number);
    return say(b, "COMMIT") ? give_up(b, mysql_errno(b->mysql)) : COMMITTED;
}

static enum end bare_operate(void *conn, const struct operation *o, enum how how, int think_us)
{
    struct bare *b = conn;
    if (how != PLAIN)
        return write_tables(b, o, how, think_us);
    return write_rows(b, o, think_us) ? give_up(b, mysql_errno(b->mysql)) : COMMITTED;
}

#ifdef LIBMARIADB
#    define LIBRARY "libmariadb"
#    define ARRAYS_THERE true
#else
#    define LIBRARY "libmysqlclient"
#    define ARRAYS_THERE false
#endif

const struct database services_mariadb = {
    .name = "MariaDB",
    .library = LIBRARY,
    .dialect = DIALECT_MYSQL,
    .start = start_mariadb,
    .stop = stop,
    .deadlocks = "SELECT VARIABLE_VALUE FROM information_schema.GLOBAL_STATUS WHERE VARIABLE_NAME = 'INNODB_DEADLOCKS'",
    .arrays = ARRAYS_THERE,
    .unsaid = true,
    .connect = bare_connect,
    .operate = bare_operate,
    .disconnect = bare_disconnect,
};

const struct database services_mysql = {
    .name = "MySQL",
    .library = LIBRARY,
    .dialect = DIALECT_MYSQL,
    .start = start_mysql,
    .stop = stop,
    .deadlocks = "SELECT count FROM information_schema.INNODB_METRICS WHERE name = 'lock_deadlocks'",
    .unsaid = true,
    .connect = bare_connect,
    .operate = bare_operate,
    .disconnect = bare_disconnect,
};
