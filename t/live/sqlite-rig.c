/*
 * The small core that the tests of the SQLite driver stand on.
 * SPDX-License-Identifier: MIT
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include "sqlite-rig.h"
#include "row.h"
#include "tap.h"

#define backend (&weir_sqlite_backend)
#define sql_wing (backend->sql)

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
    return (int64_t)t.tv_sec * 1000 * MS + t.tv_nsec;
}

static int64_t host_now(void *ctx)
{
    struct rig *rig = ctx;
    atomic_fetch_add(&rig->looks, 1);
    return rig_now();
}

static const char *host_option(void *ctx, const char *name)
{
    const struct rig *rig = ctx;
    for (const char *const *o = rig->options; o && *o; o += 2)
        if (strcmp(*o, name) == 0)
            return o[1];
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
    return number * (strcmp(unit, "ms") == 0 ? MS : 1000 * MS);
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

/* Good for the few moments that the tests use. */
static int host_time_text(char out[32], int64_t us)
{
    const time_t seconds = (time_t)(us / 1000000);
    struct tm tm;
    if (us < 0 || !gmtime_r(&seconds, &tm) || tm.tm_year + 1900 > 9999)
        return -1;
    strftime(out, 32, "%Y-%m-%d %H:%M:%S", &tm);
    return 0;
}

void rig_begin(struct rig *rig, const char *const *options)
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
                             .option_ns = host_option_ns };
}

const char *rig_path(const char *name)
{
    static char paths[4][256];
    static int last;
    last = (last + 1) % 4;
    snprintf(paths[last], sizeof paths[last], "%s/%s", tap_folder(), name);
    return paths[last];
}

/* ---- connections ---- */

void *open_as(struct rig *rig, const char *path, int read_only, int64_t deadline_ns, weir_error *err)
{
    void *conn = calloc(1, backend->conn_size);
    const weir_target target = { .size = sizeof target,
                                 .host = "",
                                 .database = path,
                                 .user = "",
                                 .password = "",
                                 .read_only = (uint32_t)read_only };
    if (backend->open(conn, &rig->host, &target, deadline_ns, err) < 0)
        end(rig, &conn);
    return conn;
}

void *session(struct rig *rig, const char *path, int read_only)
{
    weir_error err;
    void *conn = open_as(rig, path, read_only, NEVER, &err);
    if (!conn)
        tap_bail("%s does not open: %s", path, err.text);
    return conn;
}

void end(struct rig *rig, void **conn)
{
    (void)rig;
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
    int st = sql_wing->prepare(conn, &stmt, &params, &columns, sql, deadline_ns, err);
    if (st < 0)
        return st;
    if (params != args.n)
        tap_bail("wrong number of arguments in a test: %s", sql);
    st = sql_wing->run(conn, stmt, args, 0, deadline_ns, err);
    sql_wing->forget(conn, stmt);
    return st;
}

void must(void *conn, const char *sql)
{
    weir_error err;
    if (execute(conn, sql, WEIR_NO_ARGS, NEVER, &err) < 0)
        tap_bail("%s: %s", sql, err.text);
}

void *begin_rows(void *conn, const char *sql, weir_args args)
{
    weir_error err;
    void *stmt = NULL;
    size_t params, columns;
    if (sql_wing->prepare(conn, &stmt, &params, &columns, sql, NEVER, &err) < 0 ||
        sql_wing->run(conn, stmt, args, 1, NEVER, &err) < 0)
        tap_bail("%s: %s", sql, err.text);
    return stmt;
}

void end_rows(void *conn, void **stmt)
{
    sql_wing->abandon(conn);
    sql_wing->forget(conn, *stmt);
    *stmt = NULL;
}

static void *first_cell(void *conn, const char *sql, weir_value *cell)
{
    weir_error err;
    void *stmt = begin_rows(conn, sql, WEIR_NO_ARGS);
    if (row_next(sql_wing, conn, NEVER, &err) != WEIR_ROW || row_cell(sql_wing, conn, 0, cell) < 0)
        tap_bail("%s gives no row", sql);
    return stmt;
}

int64_t ask_int(void *conn, const char *sql)
{
    weir_value cell;
    void *stmt = first_cell(conn, sql, &cell);
    end_rows(conn, &stmt);
    return cell.type == WEIR_INT ? cell.as.i : INT64_MIN;
}

const char *ask_text(void *conn, const char *sql)
{
    static char text[256];
    weir_value cell;
    void *stmt = first_cell(conn, sql, &cell);
    snprintf(text, sizeof text, "%s", cell.type == WEIR_TEXT ? (const char *)cell.as.p : "(no text)");
    end_rows(conn, &stmt);
    return text;
}
