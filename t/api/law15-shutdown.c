/*
 * Law 15: shutting down refuses new loans, fails the waiting, waits for the lent and then cuts them off; and nothing lent is freed
 * under its holder, so that memory goes with the last loan.
 * SPDX-License-Identifier: MIT
 */
#include "rig.h"

static weir_db *db;
static atomic_int blocks; /* that the library has */

static void *count_blocks(void *arg, void *block, size_t size)
{
    (void)arg;
    if (size == 0) {
        atomic_fetch_sub(&blocks, block != NULL);
        free(block);
        return NULL;
    }
    void *got = realloc(block, size);
    atomic_fetch_add(&blocks, !block && got);
    return got;
}

static const weir_hooks counting = { .size = sizeof counting, .realloc = count_blocks };

static int do_nothing(weir_conn conn, void *arg, weir_error *e)
{
    (void)conn;
    (void)arg;
    (void)e;
    return WEIR_OK;
}

/* New loans, however they are asked for. */
static void all_closed(const char *what)
{
    weir_conn conn;
    is_int(weir_acquire(&conn, db, WEIR_READ, LONG, &err), WEIR_E_CLOSED, "%s: no reader gets in", what);
    is_int(weir_acquire(&conn, db, WEIR_WRITE, weir_at_once(), &err), WEIR_E_CLOSED, "  and no writer");
    is_int(weir_db_ready(db, WEIR_READ, LONG, &err), WEIR_E_CLOSED, "  it will not be ready");
    is_int(weir_transact(NULL, db, do_nothing, NULL, NULL, LONG, &err), WEIR_E_CLOSED, "  and no transaction begins");
}

static void nothing_lent(const char *mode)
{
    db = open_db(NULL, "null://empty-%s/db?threads=%s", mode, mode);
    weir_conn conn = take(db, WEIR_WRITE);
    weir_release(&conn);
    is_int(weir_db_shutdown(db, LONG, &err), WEIR_OK, "threads=%s: with nothing lent, a shutdown is quick", mode);
    weir_figures f = figures(db);
    ok(f.opened == 1 && f.closed == 1 && f.idle == 0, "and leaves no connection");
    all_closed("after it");
    is_int(weir_db_shutdown(db, LONG, &err), WEIR_OK, "a second one finds nothing to do");
    is_int(weir_pool_resize(weir_db_pool(db, 0), 20, &err), WEIR_OK, "its pool may still be resized");
    is_int(weir_pool_evict(weir_db_pool(db, 0), &err), WEIR_OK, "and evicted");
    weir_db_close(&db);
    ok(!db, "a close zeroes the handle");
    weir_db_close(&db);
    weir_db_close(NULL);
    is_int(weir_db_shutdown(NULL, LONG, &err), WEIR_E_ARGUMENT, "nothing cannot be shut down");
}

static void *wait_in_vain(void *arg)
{
    weir_conn conn;
    int status = weir_acquire(&conn, db, *(const unsigned *)arg, LONG, &err);
    weir_release(&conn);
    return (void *)(intptr_t)status;
}

static void *shut_down(void *arg)
{
    (void)arg;
    return (void *)(intptr_t)weir_db_shutdown(db, LONG, &err);
}

static intptr_t end_of(pthread_t thread)
{
    void *status;
    pthread_join(thread, &status);
    return (intptr_t)status;
}

static void waits_for_the_lent(const char *mode)
{
    static const unsigned hows[] = { WEIR_READ, WEIR_WRITE };
    pthread_t waiting[4], shutting[2];
    db = open_db(NULL, "null://lent-%s/db?pool_size=1&threads=%s", mode, mode);
    weir_conn conn = take(db, WEIR_WRITE);
    for (int i = 0; i < 4; i++)
        waiting[i] = begin(wait_in_vain, (void *)(uintptr_t)&hows[i % 2]);
    AWAIT(figures(db).waiting == 4);
    for (int i = 0; i < 2; i++)
        shutting[i] = begin(shut_down, NULL);
    for (int i = 0; i < 4; i++)
        is_int(end_of(waiting[i]), WEIR_E_CLOSED, "threads=%s: whoever waits is told of the shutdown", mode);
    all_closed("during it");
    is_int(run(conn, "ADD 1"), WEIR_OK, "the holder goes on");
    weir_release(&conn);
    for (int i = 0; i < 2; i++)
        is_int(end_of(shutting[i]), WEIR_OK, "  and is waited for, by as many as shut down");
    ok(figures(db).closed == 1, "then its connection is closed");
    weir_db_close(&db);
}

static void cut_off(const char *mode)
{
    weir_rows rows;
    db = open_db(NULL, "null://cut-%s/db?acquire_timeout=10ms&threads=%s", mode, mode);
    weir_conn conn = take(db, WEIR_WRITE), other = take(db, WEIR_READ);
    is_int(weir_query(&rows, other, "ROWS 5", WEIR_NO_ARGS, LONG, &err), WEIR_OK, "threads=%s: two are lent", mode);
    const weir_deadline by_default = { 0 };
    is_int(weir_db_shutdown(db, by_default, &err), WEIR_LENT, "a shutdown does not wait for ever");
    ok(err.status == WEIR_LENT, "  and tells who is still out");
    has_text(err.text, "2 connections are still lent", "  how many");
    has_text(err.text, "law15-shutdown.c", "  and where they were borrowed");
    is_int(run(conn, "ADD 1"), WEIR_E_CLOSED, "from then on a holder is told so");
    is_int(weir_rows_next(rows, &err), WEIR_E_CLOSED, "  who reads a result, too");
    is_int(weir_rows_close(&rows, &err), WEIR_E_CLOSED, "  and who ends one");
    ok(!weir_conn_native(conn), "  there is no native handle any more");
    is_int(weir_db_shutdown(db, weir_at_once(), NULL), WEIR_LENT, "shutting down again changes nothing");
    weir_release(&conn);
    weir_release(&other);
    is_int(weir_db_shutdown(db, LONG, &err), WEIR_OK, "when all have come back, it is done");
    ok(figures(db).closed == figures(db).opened, "and all connections are closed");
    weir_db_close(&db);
}

static atomic_int in_body;

static int stay(weir_conn conn, void *arg, weir_error *e)
{
    (void)arg;
    atomic_store(&in_body, 1);
    return weir_exec(NULL, conn, "SLEEP 1h", WEIR_NO_ARGS, weir_never(), e);
}

static void *stay_in_a_transaction(void *arg)
{
    int status = weir_transact(arg, db, stay, NULL, NULL, weir_never(), &err);
    return (void *)(intptr_t)status;
}

static int look_and_wait(weir_conn conn, void *arg, weir_error *e)
{
    (void)conn;
    (void)e;
    atomic_store(&in_body, 1);
    AWAIT(*(atomic_int *)arg);
    return WEIR_OK;
}

static atomic_int go_on;

static void *commit_too_late(void *arg)
{
    int status = weir_transact(arg, db, look_and_wait, &go_on, NULL, weir_never(), &err);
    return (void *)(intptr_t)status;
}

static void interrupted(const char *mode)
{
    weir_outcome outcome = { .state = 9 };
    db = open_db(NULL, "null://stuck-%s/db?threads=%s", mode, mode);
    atomic_store(&in_body, 0);
    pthread_t thread = begin(stay_in_a_transaction, &outcome);
    AWAIT(in_body && (nap(), 1));
    is_int(weir_db_shutdown(db, weir_at_once(), &err), WEIR_LENT, "threads=%s: a holder is stuck in a statement", mode);
    intptr_t status = end_of(thread);
    ok(status == WEIR_E_LOST || status == WEIR_E_CLOSED, "a shutdown gets it out: %s", weir_status_name((int)status));
    is_int(outcome.state, WEIR_NOT_COMMITTED, "its transaction is undone");
    is_int(weir_db_shutdown(db, LONG, &err), WEIR_OK, "and nothing is out");
    weir_db_close(&db);

    db = open_db(NULL, "null://late-%s/db?threads=%s", mode, mode);
    atomic_store(&in_body, 0);
    atomic_store(&go_on, 0);
    thread = begin(commit_too_late, &outcome);
    AWAIT(in_body);
    weir_db_shutdown(db, weir_at_once(), NULL);
    atomic_store(&go_on, 1);
    is_int(end_of(thread), WEIR_E_CLOSED, "who comes to commit after a shutdown is told so");
    is_int(outcome.state, WEIR_NOT_COMMITTED, "and has not committed");
    weir_db_close(&db);
}

/* The memory of a db goes when nobody holds anything of it; threads may take a moment. */
static void closed_with_loans(const char *mode)
{
    weir_rows rows;
    atomic_store(&blocks, 0);
    db = open_db(&counting, "null://memory-%s/db?threads=%s", mode, mode);
    weir_conn conn = take(db, WEIR_WRITE), other = take(db, WEIR_WRITE), copy = other;
    run(conn, "ADD 1");
    weir_begin(conn, NULL, LONG, &err);
    is_int(weir_query(&rows, conn, "ROWS 5", WEIR_NO_ARGS, LONG, &err), WEIR_OK, "threads=%s: a result is open", mode);
    weir_db_close(&db);
    ok(!db && blocks > 0, "closing with loans out leaves what they need");
    is_int(run(conn, "ADD 1"), WEIR_E_CLOSED, "their holders are told so");
    is_int(weir_cancel(conn, &err), WEIR_OK, "  may cancel");
    weir_release(&other);
    is_int(run(copy, "ADD 1"), WEIR_E_STALE, "  and are told what is stale");
    weir_discard(&copy);
    ok(blocks > 0, "one loan keeps it all");
    weir_release(&conn);
    AWAIT(blocks == 0);
    is_int(blocks, 0, "the last takes it along");
}

static void *release_now(void *arg)
{
    AWAIT(go_on);
    weir_release(arg);
    return NULL;
}

/* Release and close at the same moment, many times. */
static void closed_while_releasing(const char *mode)
{
    int left = 0;
    for (int round = 0; round < 100; round++) {
        weir_conn conns[3];
        pthread_t threads[3];
        db = open_db(&counting, "null://race-%s/db?pool_size=4&write_reserve=0&threads=%s", mode, mode);
        atomic_store(&go_on, 0);
        for (int i = 0; i < 3; i++) {
            conns[i] = take(db, i ? WEIR_READ : WEIR_WRITE);
            if (i == 2)
                run(conns[i], "DIRTY");
            threads[i] = begin(release_now, &conns[i]);
        }
        atomic_store(&go_on, 1);
        if (round % 2)
            nap();
        weir_db_close(&db);
        for (int i = 0; i < 3; i++)
            end(threads[i]);
        AWAIT(blocks == 0);
        left += blocks;
    }
    is_int(left, 0, "threads=%s: a hundred times, loans end while their db is closed", mode);
}

static void closed_while_connecting(const char *mode)
{
    weir_conn conn;
    db = open_db(&counting, "null://connecting-%s/db?connect_delay=1h&connect_timeout=400ms&threads=%s", mode, mode);
    int64_t start = real_ns();
    int status = try_take(&conn, db, WEIR_WRITE);
    is_int(status, WEIR_E_EXHAUSTED, "threads=%s: a connect is under way", mode);
    is_int(weir_db_shutdown(db, weir_at_once(), &err), WEIR_OK, "which no shutdown calls a loan");
    weir_db_close(&db);
    ok(real_ns() - start < 60000 * MS, "nor does a close wait for it");
    AWAIT(blocks == 0);
    is_int(blocks, 0, "when it ends, nothing is left");
}

static void closed_while_cleaning(const char *mode)
{
    db = open_db(&counting, "null://cleaning-%s/db?query_delay=1h&connect_timeout=400ms&pool_size=4&threads=%s", mode,
                 mode);
    weir_conn conns[4];
    for (int i = 0; i < 4; i++) {
        conns[i] = take(db, WEIR_WRITE);
        weir_conn_native(conns[i]);
    }
    for (int i = 0; i < 4; i++)
        weir_release(&conns[i]);
    int64_t start = real_ns();
    weir_db_close(&db);
    ok(real_ns() - start < 60000 * MS, "threads=%s: a close does not wait for resets", mode);
    AWAIT(blocks == 0);
    is_int(blocks, 0, "and nothing is left");
}

int main(void)
{
    EACH_MODE(mode)
    {
        nothing_lent(*mode);
        waits_for_the_lent(*mode);
        cut_off(*mode);
        interrupted(*mode);
        closed_with_loans(*mode);
        closed_while_releasing(*mode);
        closed_while_connecting(*mode);
        closed_while_cleaning(*mode);
    }
    return tap_done();
}
