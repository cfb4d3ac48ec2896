/*
 * Rows a second into MySQL and MariaDB: the sides by hand.
 *
 *     bulk-mysql USER@HOST:PORT/DATABASE [ROWS [ROUNDS]]
 *
 * The user may make tables and needs no password.
 * SPDX-License-Identifier: MIT
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <mysql.h>
#include "bulk.h"

#define BATCH 1000
#define CELLS 7
#define INSERT "INSERT INTO bench_bulk (" COLUMNS ") VALUES "
#define ROW "(?, ?, ?, ?, ?, ?, ?)"
#define RULES_OF_MARIADB                                                                                               \
    " ON DUPLICATE KEY UPDATE open = open, high = GREATEST(high, VALUES(high)), low = LEAST(low, VALUES(low)), close " \
    "= VALUES(close), volume = COALESCE(volume + VALUES(volume), volume, VALUES(volume))"
#define RULES_OF_MYSQL                                                                                                 \
    " AS n (a, b, c, d, e, f, g) ON DUPLICATE KEY UPDATE open = open, high = GREATEST(high, d), low = LEAST(low, e), " \
    "close = f, volume = COALESCE(volume + g, volume, g)"

static MYSQL *mysql;
static const char *rules;
static char *room; /* for a batch as text */

static void say(const char *sql)
{
    must(mysql_query(mysql, sql) == 0, mysql_error(mysql));
}

static MYSQL_STMT *prepare(const char *sql)
{
    MYSQL_STMT *s = mysql_stmt_init(mysql);
    must(s && mysql_stmt_prepare(s, sql, (unsigned long)strlen(sql)) == 0, sql);
    return s;
}

static void run(MYSQL_STMT *s)
{
    must(mysql_stmt_execute(s) == 0, mysql_stmt_error(s));
}

static MYSQL_TIME time_of(const struct candle *c)
{
    struct tm tm;
    const time_t at = (time_t)c->at;
    gmtime_r(&at, &tm);
    return (MYSQL_TIME){ .year = (unsigned)tm.tm_year + 1900,
                         .month = (unsigned)tm.tm_mon + 1,
                         .day = (unsigned)tm.tm_mday,
                         .hour = (unsigned)tm.tm_hour,
                         .minute = (unsigned)tm.tm_min,
                         .second = (unsigned)tm.tm_sec,
                         .time_type = MYSQL_TIMESTAMP_DATETIME };
}

/* Both statements live as long as the program. */
static MYSQL_STMT *inserts, *upserts;

/* ---- arrays */

#ifdef LIBMARIADB
static struct {
    const char *symbols[BATCH];
    unsigned long lengths[BATCH];
    MYSQL_TIME times[BATCH], *at[BATCH];
    double numbers[4][BATCH];
    int64_t volumes[BATCH];
} columns;

static void fill_columns(const struct candle *c, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        columns.symbols[i] = c[i].symbol;
        columns.lengths[i] = (unsigned long)strlen(c[i].symbol);
        columns.times[i] = time_of(&c[i]);
        columns.at[i] = &columns.times[i];
        for (int k = 0; k < 4; k++)
            columns.numbers[k][i] = (&c[i].open)[k];
        columns.volumes[i] = c[i].volume;
    }
}

static void arrays(MYSQL_STMT **s, const char *tail, const struct candle *c, size_t n)
{
    char sql[1024];
    const unsigned rows = (unsigned)n;
    MYSQL_BIND binds[CELLS] = {
        { .buffer_type = MYSQL_TYPE_VAR_STRING, .buffer = columns.symbols, .length = columns.lengths },
        { .buffer_type = MYSQL_TYPE_DATETIME, .buffer = columns.at },
    };
    for (int k = 0; k < 4; k++)
        binds[2 + k] = (MYSQL_BIND){ .buffer_type = MYSQL_TYPE_DOUBLE, .buffer = columns.numbers[k] };
    binds[6] = (MYSQL_BIND){ .buffer_type = MYSQL_TYPE_LONGLONG, .buffer = columns.volumes };
    snprintf(sql, sizeof sql, "%s%s%s", INSERT, ROW, tail);
    if (!*s)
        *s = prepare(sql);
    fill_columns(c, n);
    mysql_stmt_attr_set(*s, STMT_ATTR_ARRAY_SIZE, &rows);
    must(mysql_stmt_bind_param(*s, binds) == 0, "mysql_stmt_bind_param");
    run(*s);
}

static void insert_arrays(const struct candle *c, size_t n)
{
    arrays(&inserts, "", c, n);
}

static void upsert_arrays(const struct candle *c, size_t n)
{
    arrays(&upserts, rules, c, n);
}

static void each_arrays(const struct candle *c, size_t n)
{
    for (size_t i = 0; i < n; i += BATCH)
        insert_arrays(c + i, n - i < BATCH ? n - i : BATCH);
}
#else
#    define insert_arrays NULL
#    define upsert_arrays NULL
#    define each_arrays NULL
#endif

/* ---- many rows in a text */

static void many_rows(const struct candle *c, size_t n, const char *tail)
{
    char *at = room + sprintf(room, "%s", INSERT);
    for (size_t i = 0; i < n; i++) {
        char moment[32];
        const time_t t = (time_t)c[i].at;
        struct tm tm;
        strftime(moment, sizeof moment, "%Y-%m-%d %H:%M:%S", gmtime_r(&t, &tm));
        at += sprintf(at, "%s('%s','%s',%.17g,%.17g,%.17g,%.17g,%lld)", i ? "," : "", c[i].symbol, moment, c[i].open,
                      c[i].high, c[i].low, c[i].close, (long long)c[i].volume);
    }
    sprintf(at, "%s", tail);
    say(room);
}

static void insert_text(const struct candle *c, size_t n)
{
    many_rows(c, n, "");
}

static void upsert_text(const struct candle *c, size_t n)
{
    many_rows(c, n, rules);
}

/* ---- many rows of parameters: of batches that are full, the last one is text */

static void bind_row(MYSQL_BIND *b, const struct candle *c, MYSQL_TIME *at)
{
    *at = time_of(c);
    b[0] = (MYSQL_BIND){ .buffer_type = MYSQL_TYPE_VAR_STRING,
                         .buffer = (void *)(uintptr_t)c->symbol,
                         .buffer_length = (unsigned long)strlen(c->symbol) };
    b[1] = (MYSQL_BIND){ .buffer_type = MYSQL_TYPE_DATETIME, .buffer = at };
    for (int k = 0; k < 4; k++)
        b[2 + k] = (MYSQL_BIND){ .buffer_type = MYSQL_TYPE_DOUBLE, .buffer = (void *)(uintptr_t)(&c->open + k) };
    b[6] = (MYSQL_BIND){ .buffer_type = MYSQL_TYPE_LONGLONG, .buffer = (void *)(uintptr_t)&c->volume };
}

static MYSQL_STMT *prepare_many(const char *tail)
{
    char *at = room + sprintf(room, "%s", INSERT);
    for (size_t i = 0; i < BATCH; i++)
        at += sprintf(at, "%s%s", i ? "," : "", ROW);
    sprintf(at, "%s", tail);
    return prepare(room);
}

static void parameters(MYSQL_STMT **s, const char *tail, const struct candle *c, size_t n)
{
    static MYSQL_BIND binds[BATCH * CELLS];
    static MYSQL_TIME times[BATCH];
    if (n < BATCH) {
        many_rows(c, n, tail);
        return;
    }
    if (!*s)
        *s = prepare_many(tail);
    for (size_t i = 0; i < n; i++)
        bind_row(&binds[CELLS * i], &c[i], &times[i]);
    must(mysql_stmt_bind_param(*s, binds) == 0, "mysql_stmt_bind_param");
    run(*s);
}

static void insert_parameters(const struct candle *c, size_t n)
{
    static MYSQL_STMT *s;
    parameters(&s, "", c, n);
}

static void upsert_parameters(const struct candle *c, size_t n)
{
    static MYSQL_STMT *s;
    parameters(&s, rules, c, n);
}

/* ---- a statement for each row */

static void each_row(const struct candle *c, size_t n)
{
    static MYSQL_STMT *s;
    MYSQL_BIND binds[CELLS];
    MYSQL_TIME at;
    if (!s)
        s = prepare(INSERT ROW);
    for (size_t i = 0; i < n; i++) {
        bind_row(binds, &c[i], &at);
        must(mysql_stmt_bind_param(s, binds) == 0, "mysql_stmt_bind_param");
        run(s);
    }
}

/* ---- the database */

/* Of the server's thread that serves this connection. */
#define WHICH_OF_MARIADB "SELECT tid FROM information_schema.processlist WHERE id = CONNECTION_ID()"
#define WHICH_OF_MYSQL "SELECT thread_os_id FROM performance_schema.threads WHERE processlist_id = CONNECTION_ID()"

static struct hand hands[] = {
    { "insert", "arrays", insert_arrays, 0 },
    { "insert", "rows as text", insert_text, 0 },
    { "insert", "rows of params", insert_parameters, 0 },
    { "upsert", "arrays", upsert_arrays, 0 },
    { "upsert", "rows as text", upsert_text, 0 },
    { "upsert", "rows of params", upsert_parameters, 0 },
    { "each", "arrays", each_arrays, 1 },
    { "each", "row by row", each_row, 1 },
    { NULL, NULL, NULL, 0 },
};

static struct database database;

static int ask(const char *sql)
{
    say(sql);
    MYSQL_RES *r = mysql_store_result(mysql);
    const MYSQL_ROW row = r ? mysql_fetch_row(r) : NULL;
    must(row && row[0], sql);
    const int n = atoi(row[0]);
    mysql_free_result(r);
    return n;
}

static int open_mysql(const char *user, const char *rest)
{
    char host[64] = "", name[64] = "";
    unsigned port = 0;
    must(sscanf(rest, "%63[^:]:%u/%63s", host, &port, name) == 3, "USER@HOST:PORT/DATABASE");
    must((room = malloc(BATCH * 200)) != NULL, "no memory");
    must(mysql_real_connect(mysql, host, user, "", name, port, NULL, 0) != NULL, mysql_error(mysql));
    say("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED");
    say("DROP TABLE IF EXISTS bench_bulk");
    say("CREATE TABLE bench_bulk (symbol VARCHAR(16) NOT NULL, at DATETIME NOT NULL, open DOUBLE, high DOUBLE, low "
        "DOUBLE, close DOUBLE, volume BIGINT, PRIMARY KEY (" KEY "))");
    return ask(database.which);
}

static void settle(void)
{
    say("SELECT 1");
    mysql_free_result(mysql_store_result(mysql));
}

/* The server's kind is asked of it by a connection of its own: all else depends on that. */
static int is_mariadb(const char *where)
{
    char user[64] = "", host[64] = "";
    unsigned port = 0;
    const unsigned tcp = MYSQL_PROTOCOL_TCP;
    must(sscanf(where, "%63[^@]@%63[^:]:%u", user, host, &port) == 3, "USER@HOST:PORT/DATABASE");
    mysql = mysql_init(NULL);
    mysql_options(mysql, MYSQL_OPT_PROTOCOL, &tcp);
    must(mysql_real_connect(mysql, host, user, "", NULL, port, NULL, 0) != NULL, mysql_error(mysql));
    const int is = strstr(mysql_get_server_info(mysql), "MariaDB") != NULL;
    mysql_close(mysql);
    mysql = mysql_init(NULL);
    mysql_options(mysql, MYSQL_OPT_PROTOCOL, &tcp);
    return is;
}

int main(int argc, char **argv)
{
    must(argc >= 2, "usage: USER@HOST:PORT/DATABASE [ROWS [ROUNDS]]");
    const int mariadb = is_mariadb(argv[1]);
    rules = mariadb ? RULES_OF_MARIADB : RULES_OF_MYSQL;
    for (struct hand *h = hands; h->task && !mariadb; h++)
        h->write = strcmp(h->name, "arrays") == 0 ? NULL : h->write;
    database = (struct database){
        .batch = BATCH,
        .weir = "mysql://%s@%s",
        .zdb = "mysql://%s:@%s",
        .which = mariadb ? WHICH_OF_MARIADB : WHICH_OF_MYSQL,
        .insert = INSERT ROW,
        .upsert = mariadb ? INSERT ROW RULES_OF_MARIADB : INSERT ROW RULES_OF_MYSQL,
        .begin = "START TRANSACTION",
        .commit = "COMMIT",
        .hands = hands,
        .open = open_mysql,
        .say = say,
        .settle = settle,
    };
    return bulk_bench(argc, argv, &database);
}
