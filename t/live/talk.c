/*
 * Short words for talking to a database through the public headers.
 * SPDX-License-Identifier: MIT
 */
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
#include <weir/backend.h>
#include "talk.h"

#define PATIENCE_MS 120000

/* The drivers that this build has as modules are not where they will be installed. */
static void load_drivers(void)
{
    static const char *const names[] = { "mysql", "postgres", "sqlite" };
    const char *folder = getenv("WEIR_TEST_MODULES");
    for (size_t i = 0; folder && i < sizeof names / sizeof *names; i++) {
        char path[1000];
        weir_error err;
        snprintf(path, sizeof path, "%s/%s.so", folder, names[i]);
        if (access(path, R_OK) == 0 && weir_backend_load(path, &err) < 0)
            tap_bail("%s", err.text);
    }
}

weir_db *talk_open_with(const char *url, const weir_hooks *hooks)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    weir_db *db;
    weir_error err;
    pthread_once(&once, load_drivers);
    if (weir_db_open(&db, url, hooks, &err) < 0)
        tap_bail("%s: %s", url, err.text);
    return db;
}

weir_db *talk_open(const char *url, const char *const *options)
{
    const weir_hooks hooks = { .size = sizeof hooks, .options = options };
    return talk_open_with(url, &hooks);
}

weir_conn talk_borrow_for(weir_db *db, unsigned how, const char *here)
{
    weir_conn conn;
    weir_error err;
    if (weir_acquire_for(&conn, db, how, NULL, here, LONG, &err) < 0)
        tap_bail("cannot borrow: %s", err.text);
    return conn;
}

/* ---- statements ---- */

#define TEXT_SIZE 2000

#define FORMAT_TEXT(sql)                             \
    char sql[TEXT_SIZE];                             \
    va_list format_args;                             \
    va_start(format_args, format);                   \
    vsnprintf(sql, sizeof sql, format, format_args); \
    va_end(format_args)

static void run(weir_conn conn, weir_args args, const char *sql)
{
    weir_error err;
    if (weir_exec(NULL, conn, sql, args, LONG, &err) < 0)
        tap_bail("%s: %s", sql, err.text);
}

void talk_run(weir_conn conn, const char *format, ...)
{
    FORMAT_TEXT(sql);
    run(conn, WEIR_NO_ARGS, sql);
}

void talk_run_with(weir_conn conn, weir_args args, const char *format, ...)
{
    FORMAT_TEXT(sql);
    run(conn, args, sql);
}

void talk_db_run(weir_db *db, const char *format, ...)
{
    FORMAT_TEXT(sql);
    weir_conn conn = talk_borrow(db, WEIR_WRITE);
    run(conn, WEIR_NO_ARGS, sql);
    weir_release(&conn);
}

static weir_rows query(weir_conn conn, weir_args args, const char *sql)
{
    weir_rows rows;
    weir_error err;
    if (weir_query(&rows, conn, sql, args, LONG, &err) < 0)
        tap_bail("%s: %s", sql, err.text);
    return rows;
}

static weir_rows first(weir_conn conn, weir_args args, const char *sql)
{
    weir_rows rows = query(conn, args, sql);
    weir_error err = { .text = "no row" };
    if (weir_rows_next(rows, &err) != WEIR_ROW)
        tap_bail("%s: %s", sql, err.text);
    return rows;
}

weir_rows talk_query(weir_conn conn, weir_args args, const char *format, ...)
{
    FORMAT_TEXT(sql);
    return query(conn, args, sql);
}

weir_rows talk_first(weir_conn conn, weir_args args, const char *format, ...)
{
    FORMAT_TEXT(sql);
    return first(conn, args, sql);
}

static int64_t ask(weir_conn conn, const char *sql)
{
    weir_error err;
    weir_rows rows = first(conn, WEIR_NO_ARGS, sql);
    int64_t answer = weir_rows_int(rows, 0);
    if (weir_rows_close(&rows, &err) < 0)
        tap_bail("%s: %s", sql, err.text);
    return answer;
}

int64_t talk_ask(weir_conn conn, const char *format, ...)
{
    FORMAT_TEXT(sql);
    return ask(conn, sql);
}

int64_t talk_db_ask(weir_db *db, unsigned how, const char *format, ...)
{
    FORMAT_TEXT(sql);
    weir_conn conn = talk_borrow(db, how);
    int64_t answer = ask(conn, sql);
    weir_release(&conn);
    return answer;
}

void talk_is(weir_conn conn, int status, const char *sql, weir_args args, const char *fact)
{
    weir_error err = { .text = "" };
    if (!is_int(weir_exec(NULL, conn, sql, args, LONG, &err), status, "%s", fact))
        tap_note("  %s: %s", sql, err.text);
}

/* ---- threads ---- */

int64_t talk_now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void talk_wait(int64_t began, const char *what)
{
    const struct timespec moment = { 0, 200000 };
    if (talk_now_ms() - began > PATIENCE_MS)
        tap_bail("in two minutes it has not come about that %s", what);
    nanosleep(&moment, NULL);
}

void talk_start(pthread_t *thread, void *(*body)(void *arg), void *arg)
{
    if (pthread_create(thread, NULL, body, arg) != 0)
        tap_bail("cannot start a thread");
}

void talk_join(pthread_t thread)
{
    if (pthread_join(thread, NULL) != 0)
        tap_bail("cannot wait for a thread");
}

/* ---- memory ---- */

/* The size of a block stands in front of it. */
union head {
    size_t size;
    max_align_t align;
};

static void *count_realloc(void *arg, void *block, size_t size)
{
    struct talk_memory *m = arg;
    union head *old = block ? (union head *)block - 1 : NULL;
    const long long before = old ? (long long)old->size : 0;
    if (size == 0) {
        atomic_fetch_sub(&m->bytes, before);
        free(old);
        return NULL;
    }
    union head *fresh = realloc(old, sizeof *fresh + size);
    if (!fresh)
        return NULL;
    fresh->size = size;
    const long long now = atomic_fetch_add(&m->bytes, (long long)size - before) + (long long)size - before;
    for (long long peak = m->peak; peak < now && !atomic_compare_exchange_weak(&m->peak, &peak, now);)
        ;
    return fresh + 1;
}

weir_hooks talk_counting(struct talk_memory *m, const char *const *options)
{
    return (weir_hooks){ .size = sizeof(weir_hooks), .options = options, .realloc = count_realloc, .arg = m };
}

long long talk_peak_from_here(struct talk_memory *m)
{
    const long long now = m->bytes;
    m->peak = now;
    return now;
}
