/*
 * The bare side of MySQL and MariaDB: prepared and bound once, by hand; rows as they come.
 * SPDX-License-Identifier: MIT
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <mysql.h>
#include "overhead.h"

#ifdef LIBMARIADB
typedef my_bool flag;
#else
#    include <stdbool.h>
typedef bool flag;
#endif

static MYSQL *mysql;
static MYSQL_STMT *one_row, *all_rows, *add, *clear;

/* Where the parameters are, and the cells. */
static int64_t in[2], out[2];
static char name[64];
static unsigned long name_length;
static flag is_null;

static MYSQL_BIND number(int64_t *at)
{
    return (MYSQL_BIND){ .buffer_type = MYSQL_TYPE_LONGLONG, .buffer = at, .is_null = &is_null };
}

static MYSQL_BIND text(char *at, unsigned long size)
{
    return (MYSQL_BIND){ .buffer_type = MYSQL_TYPE_STRING,
                         .buffer = at,
                         .buffer_length = size,
                         .length = &name_length,
                         .is_null = &is_null };
}

static MYSQL_STMT *prepare(const char *sql, MYSQL_BIND *params, MYSQL_BIND *cells)
{
    MYSQL_STMT *s = mysql_stmt_init(mysql);
    must(s && mysql_stmt_prepare(s, sql, (unsigned long)strlen(sql)) == 0, sql);
    must(!params || mysql_stmt_bind_param(s, params) == 0, sql);
    must(!cells || mysql_stmt_bind_result(s, cells) == 0, sql);
    return s;
}

/* user@host:port/database */
static void open_side(const char *where)
{
    char user[64] = "", host[64] = "", database[64] = "";
    unsigned port = 0;
    static char new_name[] = "a new name";
    must(sscanf(where, "%63[^@]@%63[^:]:%u/%63s", user, host, &port, database) == 4, "user@host:port/database");
    mysql = mysql_init(NULL);
    const unsigned tcp = MYSQL_PROTOCOL_TCP;
    mysql_options(mysql, MYSQL_OPT_PROTOCOL, &tcp);
    must(mysql_real_connect(mysql, host, user, "", database, port, NULL, 0) != NULL, "mysql_real_connect");
    MYSQL_BIND id = number(&in[0]), row[] = { number(&out[0]), text(name, sizeof name) };
    MYSQL_BIND rows[] = { number(&out[0]), number(&out[1]), text(name, sizeof name) };
    MYSQL_BIND added[] = { number(&in[0]), number(&in[1]), text(new_name, sizeof new_name - 1) };
    added[2].length = NULL;
    one_row = prepare(SQL_ONE, &id, row);
    all_rows = prepare(SQL_MANY, NULL, rows);
    add = prepare(SQL_INSERT, added, NULL);
    clear = prepare(SQL_CLEAR, NULL, NULL);
}

static void run(MYSQL_STMT *s)
{
    must(mysql_stmt_execute(s) == 0, mysql_stmt_error(s));
}

static int64_t one(int64_t id)
{
    int64_t sum = 0;
    in[0] = id;
    run(one_row);
    while (mysql_stmt_fetch(one_row) == 0)
        sum += out[0] + name[0];
    return sum;
}

static int64_t many(void)
{
    int64_t sum = 0;
    run(all_rows);
    while (mysql_stmt_fetch(all_rows) == 0)
        sum += out[0] + out[1] + name[0];
    return sum;
}

static void say(const char *sql)
{
    must(mysql_query(mysql, sql) == 0, sql);
}

static int64_t insert(void)
{
    run(clear);
    say("START TRANSACTION");
    for (int64_t i = 0; i < INSERTS; i++) {
        in[0] = i;
        in[1] = i * i;
        run(add);
    }
    say("COMMIT");
    return INSERTS;
}

static void close_side(void)
{
    mysql_stmt_close(one_row);
    mysql_stmt_close(all_rows);
    mysql_stmt_close(add);
    mysql_stmt_close(clear);
    mysql_close(mysql);
}

const struct side side_mysql = {
    .name = "libmariadb", .open = open_side, .one = one, .many = many, .insert = insert, .close = close_side
};
