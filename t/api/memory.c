/*
 * An allocator that fails at its n-th call, for every n until a whole scenario passes: each failure is a clean WEIR_E_MEMORY, nothing
 * leaks, nothing is half done.
 * SPDX-License-Identifier: MIT
 */
#include "rig.h"

static struct heap {
    atomic_int out, calls;
    int fails_at; /* that call … */
    int for_good; /* … and all that follow */
} heap;

static void *failing_realloc(void *arg, void *block, size_t size)
{
    struct heap *h = arg;
    if (size == 0) {
        atomic_fetch_sub(&h->out, block != NULL);
        free(block);
        return NULL;
    }
    int call = atomic_fetch_add(&h->calls, 1) + 1;
    if (call == h->fails_at || (h->for_good && call > h->fails_at))
        return NULL;
    void *got = realloc(block, size);
    atomic_fetch_add(&h->out, !block && got);
    return got;
}

/* One time through everything that asks for memory; the sum of what was committed goes to the server's counter and to *added. */
static const char *url;
static int64_t added;

static int keep(int status, int64_t n)
{
    added += status >= 0 ? n : 0;
    return status;
}

static int add_in_body(weir_conn conn, void *arg, weir_error *e)
{
    (void)arg;
    int status = weir_exec(NULL, conn, "ADD 1000", WEIR_NO_ARGS, LONG, e);
    if (status >= 0)
        status = weir_begin(conn, NULL, LONG, e); /* a savepoint */
    if (status >= 0)
        status = weir_exec(NULL, conn, "ADD ?", WEIR_ARGS(weir_int(10000)), LONG, e);
    return status < 0 ? status : weir_commit(NULL, conn, LONG, e);
}

static int read_rows(weir_conn conn)
{
    weir_rows rows;
    int seen = 0;
    int status = weir_query(&rows, conn, "ROWS 3", WEIR_NO_ARGS, LONG, &err);
    if (status < 0)
        return status;
    while ((status = weir_rows_next(rows, &err)) == WEIR_ROW) {
        const char *number = weir_rows_text(rows, 0), *half = weir_rows_text(rows, 1), *at = weir_rows_text(rows, 5);
        seen += number && half && at;
    }
    status = weir_rows_close(&rows, &err);
    if (status >= 0 && seen != 3)
        tap_bail("a row was lost without a word");
    return status;
}

static int echo(weir_conn conn)
{
    weir_rows rows;
    int status = weir_query(&rows, conn, "ECHO ?, ?", WEIR_ARGS(weir_text("a text"), weir_decimal("1.50")), LONG, &err);
    if (status < 0)
        return status;
    int good = weir_rows_next(rows, &err) == WEIR_ROW && !strcmp(weir_rows_text(rows, 0), "a text");
    status = weir_rows_close(&rows, &err);
    return status < 0 || good ? status : WEIR_E_SERVER;
}

static int by_hand(weir_conn conn)
{
    int status = weir_begin(conn, NULL, LONG, &err);
    if (status < 0)
        return status;
    status = run(conn, "ADD 10");
    if (status >= 0)
        status = run(conn, "FAIL unique") == WEIR_E_UNIQUE ? WEIR_OK : err.status;
    if (status >= 0)
        return keep(weir_commit(NULL, conn, LONG, &err), 10);
    weir_error ignored;
    weir_rollback(conn, LONG, &ignored);
    return status;
}

static int use(weir_db *db)
{
    weir_conn conn;
    weir_outcome outcome;
    int status = weir_acquire(&conn, db, WEIR_WRITE, LONG, &err);
    if (status < 0)
        return status;
    status = keep(run(conn, "ADD 1"), 1);
    if (status >= 0)
        status = read_rows(conn);
    if (status >= 0)
        status = echo(conn);
    if (status >= 0)
        status = by_hand(conn);
    weir_release(&conn);
    if (status < 0)
        return status;
    status = weir_transact(&outcome, db, add_in_body, NULL, NULL, LONG, &err);
    keep(outcome.state == WEIR_COMMITTED ? WEIR_OK : WEIR_E_MEMORY, 11000);
    return status < 0 ? status : weir_pool_resize(weir_db_pool(db, 0), 20, &err);
}

static int scenario(void)
{
    weir_db *db = (weir_db *)(uintptr_t)1;
    const weir_hooks hooks = { .size = sizeof hooks, .realloc = failing_realloc, .arg = &heap };
    int status = weir_db_open(&db, url, &hooks, &err);
    if (status < 0) {
        if (db)
            tap_bail("a db that failed to open is not NULL");
        return status;
    }
    status = use(db);
    weir_db_close(&db);
    return status;
}

/* What is on the server, seen by somebody with memory. */
static int64_t on_the_server(void)
{
    weir_db *db = open_db(NULL, "%s", url);
    weir_conn conn = take(db, WEIR_READ);
    int64_t sum = ask(conn, "COUNTER");
    weir_release(&conn);
    weir_db_close(&db);
    return sum;
}

static void fail_everywhere(const char *mode, int for_good)
{
    char buffer[128];
    int n = 0, unclean = 0, leaks = 0, failures = 0;
    snprintf(buffer, sizeof buffer,
             "null://u:p@memory-%s-%d/db?threads=%s&statement_cache=2&pool_size=3&connect_backoff=1ms", mode, for_good,
             mode);
    url = buffer;
    added = 0;
    do {
        heap = (struct heap){ .fails_at = ++n, .for_good = for_good };
        memset(&err, 0, sizeof err);
        int status = scenario();
        AWAIT(heap.out == 0);
        failures += status < 0;
        int clean = status >= 0 || (status == WEIR_E_MEMORY && err.status == status && err.text[0]);
        unclean += !clean;
        if (!clean)
            tap_note("call %d: %s, %s", n, weir_status_name(status), err.text);
        leaks += heap.out;
    } while (heap.calls >= n && n < 1000);
    is_int(unclean, 0, "threads=%s: memory that fails at %s of %d calls is an error of its own, %d times", mode,
           for_good ? "one, and from then on," : "one", n - 1, failures);
    ok(failures > 10, "  or is done without");
    is_int(leaks, 0, "  nothing leaks");
    is_int(on_the_server(), added, "  and the server has what was said to be there");
}

int main(void)
{
    EACH_MODE(mode)
    {
        fail_everywhere(*mode, 0);
        fail_everywhere(*mode, 1);
    }
    return tap_done();
}
