/*
 * A machine that gives no threads: borrowers do the work themselves then, no waiter sleeps beside it, and what returns after the end is
 * closed by who returns it.  The linker puts the function below in the place of pthread_create (--wrap).
 * SPDX-License-Identifier: MIT
 */
#include <errno.h>
#include "../api/rig.h"

static atomic_int refuse, refused;

int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*body)(void *), void *arg);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*body)(void *), void *arg);

int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*body)(void *), void *arg)
{
    if (refuse) {
        atomic_fetch_add(&refused, 1);
        return EAGAIN;
    }
    return __real_pthread_create(thread, attr, body, arg);
}

/* The test's own, which are not refused. */
static pthread_t begin_mine(void *(*body)(void *), void *arg)
{
    pthread_t thread;
    if (__real_pthread_create(&thread, NULL, body, arg))
        tap_bail("no thread");
    return thread;
}

static weir_db *db;
static atomic_int blocks, unserved;

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

static void open_with(const char *rest)
{
    static int servers;
    const weir_hooks hooks = { .size = sizeof hooks, .realloc = count_blocks };
    db = open_db(&hooks, "null://hands-%d/db?%s", ++servers, rest);
}

static void one_borrower(void)
{
    open_with("pool_size=1");
    weir_conn conn = take(db, WEIR_WRITE);
    is_int(run(conn, "ADD 1"), WEIR_OK, "without threads to be had, a borrower connects");
    int64_t session = ask(conn, "SESSION");
    run(conn, "BEGIN");
    weir_release(&conn);
    conn = take(db, WEIR_READ);
    is_int(ask(conn, "SESSION"), session, "  cleans what was left to it, and turns it over");
    weir_release(&conn);
    weir_pool_evict(weir_db_pool(db, 0), &err);
    conn = take(db, WEIR_WRITE);
    ok(ask(conn, "SESSION") != session && figures(db).closed == 1, "  and closes what is in its way");
    weir_release(&conn);
    is_int(weir_db_shutdown(db, LONG, &err), WEIR_OK, "a shutdown closes what there is");
    weir_db_close(&db);
    is_int(blocks, 0, "and nothing is left");
}

static void *wait_for_one(void *arg)
{
    weir_conn conn;
    if (weir_acquire(&conn, db, *(const unsigned *)arg, LONG, &err) < 0)
        atomic_fetch_add(&unserved, 1), tap_note("%s", err.text);
    weir_release(&conn);
    return NULL;
}

/* They sleep when the work comes up. */
static void sleepers(void)
{
    static const unsigned hows[] = { WEIR_WRITE, WEIR_READ };
    pthread_t threads[2];
    open_with("pool_size=1");
    weir_conn conn = take(db, WEIR_WRITE);
    for (int i = 0; i < 2; i++)
        threads[i] = begin_mine(wait_for_one, (void *)(uintptr_t)&hows[i]);
    AWAIT(figures(db).waiting == 2);
    run(conn, "DIRTY");
    weir_release(&conn);
    for (int i = 0; i < 2; i++)
        end(threads[i]);
    is_int(unserved, 0, "who sleeps when there is something to do wakes up for it");
    weir_db_close(&db);
    is_int(blocks, 0, "and nothing is left");
}

static void *jostle(void *arg)
{
    static const char *const ways[] = { "DIRTY", "STICKY", "DIE", "BEGIN", "ADD 1" };
    unsigned state = (unsigned)(uintptr_t)arg;
    for (int i = 0; i < 100; i++) {
        weir_conn conn;
        if (weir_acquire(&conn, db, dice(&state, 2) ? WEIR_READ : WEIR_WRITE, LONG, &err) < 0)
            atomic_fetch_add(&unserved, 1), tap_note("%s", err.text);
        run(conn, ways[dice(&state, 5)]);
        weir_release(&conn);
    }
    return NULL;
}

/* Threads come and go meanwhile. */
static void now_and_then(int changing)
{
    pthread_t threads[6];
    open_with("pool_size=2&connect_fail=5&connect_backoff=1ms&connect_backoff_max=2ms");
    for (size_t i = 0; i < 6; i++)
        threads[i] = begin_mine(jostle, (void *)i);
    for (int i = 0; changing && i < 50; i++) {
        atomic_store(&refuse, i % 2);
        nap();
    }
    for (int i = 0; i < 6; i++)
        end(threads[i]);
    is_int(unserved, 0, "many are served, %s", changing ? "also if there are threads now and then" : "too");
    weir_db_close(&db);
    AWAIT(blocks == 0);
    ok(blocks == 0, "and nothing is left");
}

static void closed_with_loans(void)
{
    open_with("pool_size=3");
    weir_conn conn = take(db, WEIR_WRITE), other = take(db, WEIR_WRITE);
    weir_db_close(&db);
    ok(blocks > 0, "a close leaves what is lent");
    weir_release(&conn);
    weir_release(&other);
    is_int(blocks, 0, "and the last holder takes it along");
}

int main(void)
{
    atomic_store(&refuse, 1);
    one_borrower();
    sleepers();
    now_and_then(0);
    closed_with_loans();
    ok(refused > 0 || !has_threads, "threads were asked for and refused, %d times", refused);
    now_and_then(1);
    atomic_store(&refuse, 0);
    open_with("pool_size=1");
    weir_conn conn = take(db, WEIR_WRITE);
    weir_discard(&conn);
    AWAIT(weir_db_maintain(db, LONG, NULL) >= 0 && figures(db).closed == 1);
    ok(figures(db).closed == 1, "when threads can be had again, they do the work");
    weir_db_close(&db);
    return tap_done();
}
