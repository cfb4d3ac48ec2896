/*
 * What the tests of the null driver stand on: the host that the core would lend, and short words for its hooks.
 * SPDX-License-Identifier: MIT
 */
#ifndef NULL_RIG_H
#define NULL_RIG_H

#include <base/clock.h>
#include <base/decimal.h>
#include <base/error.h>
#include <base/option.h>
#include <base/text.h>
#include "../../backends/null/null.h"
#include "base-blocks.h"
#include "row.h"
#include "tap.h"

#define MS INT64_C(1000000)
#define SOON INT64_MAX /* no deadline: what is expected comes by itself */

/* What the core would lend, and the last error. */
static struct blocks blocks;
static struct alloc allocator;
static struct options settings;
static struct null_clock *scripted; /* NULL: real time */
static weir_error err;

static void *host_realloc(void *ctx, void *block, size_t size)
{
    return blocks_realloc(ctx, block, size);
}

static int64_t host_now(void *ctx)
{
    static const struct clock real;
    (void)ctx;
    return scripted ? null_clock_now(scripted) : clock_now(&real);
}

static const char *host_option(void *ctx, const char *name)
{
    (void)ctx;
    return options_text(&settings, name);
}

static int64_t host_option_ns(void *ctx, const char *name)
{
    (void)ctx;
    return options_ns(&settings, name);
}

static const weir_host host = {
    .size = sizeof host,
    .ctx = &blocks,
    .realloc = host_realloc,
    .now_ns = host_now,
    .option = host_option,
    .fail = fail,
    .time_text = time_text,
    .option_ns = host_option_ns,
    .time_parse = time_parse,
    .double_parse = double_parse,
    .decimal_add = decimal_add_texts,
    .decimal_compare = decimal_compare_texts,
};

static const weir_backend *const null = &weir_null_backend;
static const weir_sql_wing *sql; /* its wing */

static inline void setting(const char *name, const char *value)
{
    if (options_set(&settings, name, value, OPTION_EXPLICIT, &err) < 0)
        tap_bail("%s", err.text);
}

static inline void *room(void)
{
    void *conn = calloc(1, null->conn_size);
    return conn ? conn : (tap_bail("no memory"), NULL);
}

static inline int dial(void *conn, const char *server, uint32_t read_only, int64_t deadline)
{
    weir_target target = { .size = sizeof target, .host = server, .read_only = read_only };
    target.database = target.user = target.password = "";
    return null->open(conn, &host, &target, deadline, &err);
}

static inline void *writer(const char *server)
{
    void *conn = room();
    if (dial(conn, server, 0, SOON) < 0)
        tap_bail("%s", err.text);
    return conn;
}

static inline void hang_up(void *conn)
{
    null->close(conn);
    free(conn);
}

static inline int connecting(const char *server)
{
    void *conn = room();
    int status = dial(conn, server, 0, SOON);
    hang_up(conn);
    return status;
}

static inline void *prepared(void *conn, const char *text)
{
    void *stmt = NULL;
    size_t params, columns;
    if (sql->prepare(conn, &stmt, &params, &columns, text, SOON, &err) < 0)
        tap_bail("%s", err.text);
    return stmt;
}

static inline int say_by(void *conn, const char *text, int64_t deadline)
{
    void *stmt;
    size_t params, columns;
    int status = sql->prepare(conn, &stmt, &params, &columns, text, deadline, &err);
    if (status < 0)
        return status;
    status = sql->run(conn, stmt, WEIR_NO_ARGS, 0, deadline, &err);
    sql->forget(conn, stmt);
    return status;
}

static inline int say(void *conn, const char *text)
{
    return say_by(conn, text, SOON);
}

/* The first cell of the first row. */
static inline int64_t ask(void *conn, const char *text)
{
    weir_value v = weir_int(-1);
    void *stmt = prepared(conn, text);
    if (sql->run(conn, stmt, WEIR_NO_ARGS, 1, SOON, &err) == WEIR_OK && row_next(sql, conn, SOON, &err) == WEIR_ROW)
        row_cell(sql, conn, 0, &v);
    sql->abandon(conn);
    sql->forget(conn, stmt);
    return v.as.i;
}

static inline void rig_begin(void)
{
    static const weir_option none[] = { { 0 } };
    allocator = blocks_alloc(&blocks);
    sql = null->sql;
    if (options_init(&settings, &allocator, none, null->options, &err) < 0)
        tap_bail("%s", err.text);
}

static inline int rig_end(void)
{
    options_end(&settings);
    is_int(blocks.out, 0, "all memory has been given back");
    is_int(null_forget_all(), 0, "and all servers are forgotten");
    return tap_done();
}

#endif
