/*
 * The option write_concurrency: how many write at once, and what those who wait for that make the pool do.  The clock is the test's own.
 * SPDX-License-Identifier: MIT
 */
#include "rig.h"

static weir_db *db;

static void open_with(const char *mode, const char *rest)
{
    const weir_hooks hooks = { .size = sizeof hooks, .now_ns = own_clock };
    db = open_db(&hooks, "null://writers-%s/db?threads=%s&pool_size=8&%s", mode, mode, rest);
}

static void at_most(const char *mode, int bound, const char *option)
{
    weir_conn writers[8], reader, refused;
    open_with(mode, option);
    for (int i = 0; i < bound; i++)
        writers[i] = take(db, WEIR_WRITE);
    is_int(try_take(&refused, db, WEIR_WRITE), WEIR_E_EXHAUSTED, "threads=%s, %s: no more than %d write at once", mode,
           option, bound);
    is_int(figures(db).opened, bound, "  nor is a connection opened for another");
    is_int(weir_acquire(&reader, db, WEIR_READ, LONG, &err), WEIR_OK, "  who reads is not held up");
    weir_release(&reader);
    weir_release(&writers[0]);
    writers[0] = take(db, WEIR_WRITE);
    is_int(run(writers[0], "ADD 1"), WEIR_OK, "  and who comes when one has ended writes");
    for (int i = 0; i < bound; i++)
        weir_release(&writers[i]);
    weir_db_close(&db);
}

static void *write_once(void *arg)
{
    weir_conn conn = take(db, WEIR_WRITE);
    weir_release(&conn);
    return arg;
}

/* What has come free is idle until the one who was woken for it takes it: until then another is not wanted. */
static void no_other(const char *mode)
{
    open_with(mode, "write_concurrency=1&overtake_limit=1s");
    for (int i = 0; i < 20; i++) {
        weir_conn conn = take(db, WEIR_WRITE);
        pthread_t thread = begin(write_once, NULL);
        AWAIT(figures(db).waiting == 1);
        weir_release(&conn);
        end(thread);
    }
    is_int(figures(db).opened, 1, "threads=%s: writers who come one after the other do with one connection", mode);
    weir_db_close(&db);
}

int main(void)
{
    EACH_MODE(mode)
    {
        at_most(*mode, 1, "write_concurrency=1");
        at_most(*mode, 3, "write_concurrency=3");
        no_other(*mode);
    }
    return tap_done();
}
