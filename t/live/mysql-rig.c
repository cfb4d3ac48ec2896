/*
 * The small core that the tests of the MySQL and MariaDB driver stand on.
 * SPDX-License-Identifier: MIT
 */
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include "mysql-rig.h"
#include "row.h"
#include "tap.h"

#define backend (&weir_mysql_backend)
#define sql_wing (backend->sql)

/* ---- servers ---- */

static void on_server(struct mariadb *server, void (*test)(struct mariadb *server))
{
    struct rig rig;
    rig_begin(&rig, server, NULL);
    void *conn = session(&rig);
    tap_note("%s", ask_text(conn, "SELECT VERSION()"));
    end(&conn);
    test(server);
    mariadb_stop(server);
}

int rig_on_servers(void (*test)(struct mariadb *server), const char *const *settings)
{
    struct mariadb server;
    mariadb_start(&server, settings);
    on_server(&server, test);
    if (mysql_start(&server, settings))
        on_server(&server, test);
    return tap_done();
}

/* ---- the host ---- */

static void *host_realloc(void *ctx, void *block, size_t size)
{
    struct rig *rig = ctx;
    if (size == 0) {
        atomic_fetch_sub(&rig->blocks, block != NULL);
        free(block);
        return NULL;
    }
    if (atomic_fetch_add(&rig->allocations, 1) + 1 == rig->fail_at)
        return NULL;
    atomic_fetch_add(&rig->blocks, block == NULL);
    return realloc(block, size);
}

int64_t rig_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * SECOND + t.tv_nsec;
}

static int64_t host_now(void *ctx)
{
    (void)ctx;
    return rig_now();
}

static const char *host_option(void *ctx, const char *name)
{
    const struct rig *rig = ctx;
    for (const char *const *o = rig->options; o && *o; o += 2)
        if (strcmp(*o, name) == 0)
            return o[1];
    if (strcmp(name, "cancel_grace") == 0)
        return "30s"; /* a machine that is busy is no fault of the server's */
    for (const weir_option *row = backend->options; row->name; row++)
        if (strcmp(row->name, name) == 0)
            return row->fallback;
    tap_bail("the driver asks for an option that it does not declare: %s", name);
    return NULL;
}

/* Good for the units that the tests use. */
static int64_t host_option_ns(void *ctx, const char *name)
{
    char *unit;
    const int64_t number = strtoll(host_option(ctx, name), &unit, 10);
    return number * (strcmp(unit, "ms") == 0 ? MS : SECOND);
}

static int host_fail(weir_error *err, int status, const char *format, ...)
{
    va_list args;
    memset(err, 0, sizeof *err);
    err->status = status;
    va_start(args, format);
    vsnprintf(err->text, sizeof err->text, format, args);
    va_end(args);
    return status;
}

/* Good for the moments that the tests use: those that the C library knows. */
static int host_time_text(char out[32], int64_t us)
{
    const int64_t fraction = (us % 1000000 + 1000000) % 1000000;
    const time_t seconds = (time_t)(us / 1000000 - (us % 1000000 < 0));
    struct tm tm;
    if (!gmtime_r(&seconds, &tm) || tm.tm_year + 1900 > 9999 || tm.tm_year + 1900 < 0)
        return -1;
    const int n = snprintf(out, 32, "%04d-%02d-%02d %02d:%02d:%02d", (tm.tm_year + 1900) % 10000, tm.tm_mon % 12 + 1,
                           tm.tm_mday % 32, tm.tm_hour % 24, tm.tm_min % 60, tm.tm_sec % 61);
    if (fraction)
        snprintf(out + n, (size_t)(32 - n), ".%06d", (int)fraction);
    return 0;
}

static int host_time_parse(int64_t *us, const char *text)
{
    struct tm tm = { 0 };
    int fraction = 0;
    if (sscanf(text, "%d-%d-%d %d:%d:%d.%d", &tm.tm_year, &tm.tm_mon, &tm.tm_mday, &tm.tm_hour, &tm.tm_min, &tm.tm_sec,
               &fraction) != 7 ||
        tm.tm_mon == 0 || tm.tm_mday == 0)
        return -1;
    tm.tm_year -= 1900;
    tm.tm_mon -= 1;
    *us = (int64_t)timegm(&tm) * 1000000 + fraction;
    return 0;
}

void rig_begin(struct rig *rig, struct mariadb *server, const char *const *options)
{
    memset(rig, 0, sizeof *rig);
    rig->options = options;
    rig->server = server;
    rig->host = (weir_host){ .size = sizeof rig->host,
                             .ctx = rig,
                             .realloc = host_realloc,
                             .now_ns = host_now,
                             .option = host_option,
                             .fail = host_fail,
                             .time_text = host_time_text,
                             .option_ns = host_option_ns,
                             .time_parse = host_time_parse };
    rig->target = (weir_target){ .size = sizeof rig->target,
                                 .host = "127.0.0.1",
                                 .database = "test",
                                 .user = "weir",
                                 .password = "",
                                 .port = (uint32_t)server->port };
}

/* ---- connections ---- */

void *dial(struct rig *rig, const weir_target *target, int64_t deadline_ns, weir_error *err)
{
    void *conn = calloc(1, backend->conn_size);
    if (!conn)
        tap_bail("no memory");
    if (backend->open(conn, &rig->host, target, deadline_ns, err) < 0)
        end(&conn);
    return conn;
}

static void *must_dial(struct rig *rig, const weir_target *target)
{
    weir_error err;
    void *conn = dial(rig, target, SOON, &err);
    if (!conn)
        tap_bail("no session: %s", err.text);
    return conn;
}

void *session(struct rig *rig)
{
    return must_dial(rig, &rig->target);
}

void *reader(struct rig *rig)
{
    weir_target target = rig->target;
    target.read_only = 1;
    return must_dial(rig, &target);
}

void end(void **conn)
{
    if (!*conn)
        return;
    backend->close(*conn);
    free(*conn);
    *conn = NULL;
}

/* ---- statements ---- */

int execute(void *conn, const char *sql, weir_args args, int64_t deadline_ns, weir_error *err)
{
    void *stmt;
    size_t params, columns;
    memset(err, 0, sizeof *err);
    int st = sql_wing->prepare(conn, &stmt, &params, &columns, sql, deadline_ns, err);
    if (st < 0)
        return st;
    if (params != args.n)
        tap_bail("wrong number of arguments in a test: %s", sql);
    st = sql_wing->run(conn, stmt, args, 0, deadline_ns, err);
    sql_wing->forget(conn, stmt);
    return st;
}

int run(void *conn, const char *sql, weir_error *err)
{
    return execute(conn, sql, WEIR_NO_ARGS, SOON, err);
}

void must(void *conn, const char *sql)
{
    weir_error err;
    if (run(conn, sql, &err) < 0)
        tap_bail("%s: %s", sql, err.text);
}

void is_error(const weir_error *err, int status, int native, const char *sqlstate, unsigned flags)
{
    is_int(err->status, status, "  is in the record, too");
    is_int(err->native, native, "  as %d", native);
    is_text(err->sqlstate, sqlstate, "  and %s", sqlstate);
    is_int(err->flags, flags, "  with flags %x", flags);
    ok(strncmp(err->text, "mysql", 5) == 0 && !strchr(err->text, '\n'), "  in words that say who speaks: %s",
       err->text);
}

void *make(void *conn, const char *sql)
{
    weir_error err;
    void *stmt = NULL;
    size_t params, columns;
    if (sql_wing->prepare(conn, &stmt, &params, &columns, sql, SOON, &err) < 0)
        tap_bail("%s: %s", sql, err.text);
    return stmt;
}

void forget(void *conn, void **stmt)
{
    if (*stmt)
        sql_wing->forget(conn, *stmt);
    *stmt = NULL;
}

void *begin_rows(void *conn, const char *sql, weir_args args)
{
    weir_error err;
    void *stmt = make(conn, sql);
    if (sql_wing->run(conn, stmt, args, 1, SOON, &err) < 0)
        tap_bail("%s: %s", sql, err.text);
    return stmt;
}

void end_rows(void *conn, void **stmt)
{
    sql_wing->abandon(conn);
    forget(conn, stmt);
}

static void *first_cell(void *conn, const char *sql, weir_value *cell)
{
    weir_error err;
    void *stmt = begin_rows(conn, sql, WEIR_NO_ARGS);
    if (row_next(sql_wing, conn, SOON, &err) != WEIR_ROW || row_cell(sql_wing, conn, 0, cell) < 0)
        tap_bail("%s gives no row", sql);
    return stmt;
}

int64_t ask_int(void *conn, const char *sql)
{
    weir_value cell;
    void *stmt = first_cell(conn, sql, &cell);
    const int64_t n = cell.type == WEIR_INT                                 ? cell.as.i
                      : cell.type == WEIR_TEXT || cell.type == WEIR_DECIMAL ? strtoll(cell.as.p, NULL, 10)
                                                                            : INT64_MIN;
    end_rows(conn, &stmt);
    return n;
}

const char *ask_text(void *conn, const char *sql)
{
    static char text[256];
    weir_value cell;
    void *stmt = first_cell(conn, sql, &cell);
    const int is_text = cell.type == WEIR_TEXT || cell.type == WEIR_DECIMAL || cell.type == WEIR_BLOB;
    snprintf(text, sizeof text, "%s",
             is_text                  ? (const char *)cell.as.p
             : cell.type == WEIR_NULL ? "(null)"
                                      : "(no text)");
    end_rows(conn, &stmt);
    return text;
}

void wait_for(void *conn, const char *sql, int64_t number)
{
    const int64_t until = rig_now() + 60 * SECOND;
    while (ask_int(conn, sql) != number) {
        if (rig_now() > until)
            tap_bail("it never came to this: %s = %lld", sql, (long long)number);
        nanosleep(&(struct timespec){ .tv_nsec = 120 * MS }, NULL); /* InnoDB looks at itself every 100 ms, if let */
    }
}

/* ---- errands ---- */

static void *do_errand(void *arg)
{
    struct errand *e = arg;
    e->status = execute(e->conn, e->sql, WEIR_NO_ARGS, e->deadline_ns, &e->err);
    return NULL;
}

void errand_start(struct errand *e, void *conn, const char *sql, int64_t deadline_ns)
{
    *e = (struct errand){ .conn = conn, .sql = sql, .deadline_ns = deadline_ns };
    e->thread = malloc(sizeof(pthread_t));
    if (!e->thread || pthread_create(e->thread, NULL, do_errand, e) != 0)
        tap_bail("cannot start a thread");
}

void errand_end(struct errand *e)
{
    pthread_join(*(pthread_t *)e->thread, NULL);
    free(e->thread);
    e->thread = NULL;
}
