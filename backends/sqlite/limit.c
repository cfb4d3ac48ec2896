/*
 * How long a hook may take: the deadline of what computes, the wait for what is locked, and the thread that wants it stopped.
 *
 * SQLite clears an interrupt when nothing runs any more, and `stop` is cleared when a hook begins: neither reaches a later statement.
 * SPDX-License-Identifier: MIT
 */
#include <time.h>
#include "lite.h"

#define STEPS_BETWEEN_LOOKS 1000 /* of SQLite's machine: some ten microseconds */
#define SHORTEST_SLEEP_NS INT64_C(200000)
#define LONGEST_SLEEP_NS INT64_C(5000000)

static int64_t now_ns(const struct lite_conn *c)
{
    return c->host->now_ns(c->host->ctx);
}

/* SQLite's progress handler: 1 stops the statement. */
static int must_stop(void *arg)
{
    struct lite_conn *c = arg;
    if (atomic_load_explicit(&c->stop, memory_order_relaxed) != LITE_GO_ON)
        return 1;
    if (c->deadline_ns != INT64_MAX && now_ns(c) >= c->deadline_ns)
        c->timed_out = 1;
    return c->timed_out;
}

static void sleep_ns(int64_t ns)
{
    struct timespec t = { 0, (long)ns };
    nanosleep(&t, NULL);
}

static int64_t lesser(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/*
 * SQLite's busy handler, called with the number of earlier waits: 0 gives up.  Another process never tells when it is done, so this
 * looks again and again; the longest sleep bounds how late it notices, and how long a cancel takes.
 */
static int wait_for_lock(void *arg, int waits)
{
    struct lite_conn *c = arg;
    const int64_t now = now_ns(c);
    if (c->give_up_ns == 0)
        c->give_up_ns = lesser(c->deadline_ns, now + c->busy_ns);
    if (now >= c->give_up_ns || atomic_load(&c->stop) != LITE_GO_ON)
        return 0;
    const int64_t grown = SHORTEST_SLEEP_NS << lesser(waits, 8);
    sleep_ns(lesser(lesser(grown, LONGEST_SLEEP_NS), c->give_up_ns - now));
    return 1;
}

int lite_execute(struct lite_conn *c, const char *sql, int (*row)(void *, int, char **, char **), void *arg)
{
    int rc, waits = 0;
    do
        rc = sqlite3_exec(c->db, sql, row, arg, NULL);
    while ((rc & 0xff) == SQLITE_BUSY && wait_for_lock(c, waits++));
    return rc;
}

void lite_limit(struct lite_conn *c)
{
    sqlite3_busy_handler(c->db, wait_for_lock, c);
    sqlite3_progress_handler(c->db, STEPS_BETWEEN_LOOKS, must_stop, c);
}

void lite_begins(struct lite_conn *c, int64_t deadline_ns)
{
    int earlier = atomic_load_explicit(&c->stop, memory_order_relaxed);
    if (earlier == LITE_CANCELLED) /* but for a cut, nobody sets it between two hooks */
        atomic_compare_exchange_strong(&c->stop, &earlier, LITE_GO_ON);
    lite_goes_on(c, deadline_ns);
    c->timed_out = 0;
    c->in_transaction = !sqlite3_get_autocommit(c->db);
}

void *lite_cancel_prepare(void *conn)
{
    return conn;
}

static void stop_running(struct lite_conn *c)
{
    sqlite3 *db = c->db;
    if (db) /* else it is being opened, and finds `stop` as soon as it would wait */
        sqlite3_interrupt(db);
}

int lite_cancel(void *prepared, int64_t deadline_ns, weir_error *err)
{
    struct lite_conn *c = prepared;
    int nothing = LITE_GO_ON; /* a cut is not taken back */
    (void)deadline_ns;
    (void)err;
    atomic_compare_exchange_strong(&c->stop, &nothing, LITE_CANCELLED);
    stop_running(c);
    return WEIR_OK;
}

void lite_interrupt(void *conn)
{
    struct lite_conn *c = conn;
    atomic_store(&c->stop, LITE_CUT);
    stop_running(c);
}
