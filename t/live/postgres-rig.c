/*
 * The small core that the tests of the PostgreSQL driver stand on.
 * SPDX-License-Identifier: MIT
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include "postgres-rig.h"
#include "row.h"
#include "tap.h"

#define backend (&weir_postgres_backend)
#define wing (backend->sql)

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

/* The driver sends a time as a number: it needs no text of it. */
static int host_time_text(char out[32], int64_t us)
{
    (void)us;
    out[0] = '\0';
    return -1;
}

/* Good for the few moments that the tests use. */
static int host_time_parse(int64_t *us, const char *text)
{
    struct tm tm = { .tm_mday = 1 };
    double second = 0;
    int n = 0, hours = 0, minutes = 0;
    char sign = '+';
    if (sscanf(text, "%4d-%2d-%2d%n", &tm.tm_year, &tm.tm_mon, &tm.tm_mday, &n) != 3)
        return -1;
    const int fields =
        sscanf(text + n, " %2d:%2d:%lf%c%2d:%2d", &tm.tm_hour, &tm.tm_min, &second, &sign, &hours, &minutes);
    if (text[n] && fields != 3 && fields != 6)
        return -1;
    tm.tm_year -= 1900;
    tm.tm_mon--;
    const int64_t ahead = (int64_t)(hours * 3600 + minutes * 60) * (sign == '-' ? -1 : 1);
    *us = ((int64_t)timegm(&tm) - ahead) * 1000000 + (int64_t)(second * 1e6 + 0.5);
    return 0;
}

static int host_double_parse(double *out, const char *text)
{
    char *rest;
    *out = strtod(text, &rest);
    return *rest ? -1 : 0;
}

void rig_begin(struct rig *rig, int port, const char *const *options)
{
    memset(rig, 0, sizeof *rig);
    rig->options = options;
    rig->host = (weir_host){ .size = sizeof rig->host,
                             .ctx = rig,
                             .realloc = host_realloc,
                             .now_ns = host_now,
                             .option = host_option,
                             .fail = host_fail,
                             .time_text = host_time_text,
                             .option_ns = host_option_ns,
                             .time_parse = host_time_parse,
                             .double_parse = host_double_parse };
    rig->target = (weir_target){ .size = sizeof rig->target,
                                 .host = "127.0.0.1",
                                 .port = (uint32_t)port,
                                 .database = "postgres",
                                 .user = "weir",
                                 .password = "" };
}

/* ---- connections ---- */

void *dial(struct rig *rig, const weir_target *target, int64_t deadline_ns, weir_error *err)
{
    void *conn = calloc(1, backend->conn_size);
    if (backend->open(conn, &rig->host, target, deadline_ns, err) < 0)
        end(&conn);
    return conn;
}

static void *must_dial(struct rig *rig, int read_only)
{
    weir_error err;
    weir_target target = rig->target;
    target.read_only = (uint32_t)read_only;
    void *conn = dial(rig, &target, SOON, &err);
    if (!conn)
        tap_bail("no connection: %s", err.text);
    return conn;
}

void *session(struct rig *rig)
{
    return must_dial(rig, 0);
}

void *reader(struct rig *rig)
{
    return must_dial(rig, 1);
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
    int st = wing->prepare(conn, &stmt, &params, &columns, sql, deadline_ns, err);
    if (st < 0)
        return st;
    if (params != args.n)
        tap_bail("wrong number of arguments in a test: %s", sql);
    st = wing->run(conn, stmt, args, 0, deadline_ns, err);
    wing->forget(conn, stmt);
    return st;
}

int run(void *conn, const char *sql, weir_error *err)
{
    memset(err, 0, sizeof *err);
    return execute(conn, sql, WEIR_NO_ARGS, SOON, err);
}

void must(void *conn, const char *sql)
{
    weir_error err;
    if (run(conn, sql, &err) < 0)
        tap_bail("%s: %s", sql, err.text);
}

void failed_as(const weir_error *err, int st, int status, const char *state, uint32_t flags, const char *what)
{
    is_int(st, status, "%s", what);
    is_int(err->status, status, "  is in the record, too");
    is_text(err->sqlstate, state, "  as %s", state);
    is_int(err->flags, flags, "  with flags %u", flags);
    ok(strncmp(err->text, "postgres: ", 10) == 0 && err->text[10] && !strchr(err->text, '\n'), "  in words: %s",
       err->text);
}

void *make(void *conn, const char *sql)
{
    weir_error err;
    void *stmt = NULL;
    size_t params, columns;
    if (wing->prepare(conn, &stmt, &params, &columns, sql, SOON, &err) < 0)
        tap_bail("%s: %s", sql, err.text);
    return stmt;
}

void forget(void *conn, void **stmt)
{
    wing->forget(conn, *stmt);
    *stmt = NULL;
}

void *begin_rows(void *conn, const char *sql, weir_args args)
{
    weir_error err;
    void *stmt = make(conn, sql);
    if (wing->run(conn, stmt, args, 1, SOON, &err) < 0)
        tap_bail("%s: %s", sql, err.text);
    return stmt;
}

void end_rows(void *conn, void **stmt)
{
    wing->abandon(conn);
    forget(conn, stmt);
}

static void *first_cell(void *conn, const char *sql, weir_value *cell)
{
    weir_error err;
    void *stmt = begin_rows(conn, sql, WEIR_NO_ARGS);
    if (row_next(wing, conn, SOON, &err) != WEIR_ROW || row_cell(wing, conn, 0, cell) < 0)
        tap_bail("%s gives no row", sql);
    return stmt;
}

int64_t ask_int(void *conn, const char *sql)
{
    weir_value cell;
    void *stmt = first_cell(conn, sql, &cell);
    const int64_t number = cell.type == WEIR_INT ? cell.as.i : INT64_MIN;
    end_rows(conn, &stmt);
    return number;
}

const char *ask_text(void *conn, const char *sql)
{
    static char text[512];
    weir_value cell;
    void *stmt = first_cell(conn, sql, &cell);
    const int has_text = cell.type == WEIR_TEXT || cell.type == WEIR_DECIMAL;
    snprintf(text, sizeof text, "%s", has_text ? (const char *)cell.as.p : "(no text)");
    end_rows(conn, &stmt);
    return text;
}

void wait_for(void *conn, const char *sql, int64_t number)
{
    const int64_t until = rig_now() + 60 * SECOND;
    const struct timespec pause = { 0, 5 * MS };
    while (ask_int(conn, sql) != number) {
        if (rig_now() > until)
            tap_bail("%s does not become %lld", sql, (long long)number);
        nanosleep(&pause, NULL);
    }
}
