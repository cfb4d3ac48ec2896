/*
 * A program without threads: the library makes none of its own, and does what is due when it is asked to.  Such a program usually has
 * an event loop; weir_db_maintain tells how long its next poll(2) may sleep.
 * SPDX-License-Identifier: MIT
 */
#include <poll.h>
#include <stdio.h>
#include <weir.h>
#include <weir/observe.h>

static const char *const options[] = { "threads", "none", "pool_min", "1", "idle_timeout", "20ms", NULL };

static unsigned idle(weir_db *db)
{
    weir_figures figures = { .size = sizeof figures };
    weir_pool_figures(&figures, weir_db_pool(db, 0));
    return figures.idle;
}

/* One turn of the loop: what is due, for at most 10 ms, then sleep for as long as it likes. */
static int turn(weir_db *db, weir_error *err)
{
    int ms = weir_db_maintain(db, weir_after_ms(10), err);
    if (ms > 0)
        poll(NULL, 0, ms);
    return ms;
}

static int turn_until_idle(weir_db *db, unsigned count, weir_error *err)
{
    int st = WEIR_OK;
    while (idle(db) != count && st >= 0)
        st = turn(db, err);
    printf("idle connections: %u\n", idle(db));
    return st;
}

/* Two at once: a writer's and a reader's.  The second is opened here and now, by this thread. */
static int borrow_both(weir_db *db, weir_error *err)
{
    weir_conn writer, reader = { 0 };
    int st = weir_acquire(&writer, db, WEIR_WRITE, weir_after_ms(1000), err);
    if (st >= 0)
        st = weir_acquire(&reader, db, WEIR_READ, weir_after_ms(1000), err);
    weir_release(&reader);
    weir_release(&writer);
    printf("idle connections: %u\n", idle(db));
    return st;
}

int main(int argc, char **argv)
{
    weir_db *db;
    weir_error err;
    weir_hooks hooks = { .size = sizeof hooks, .options = options };
    int st = weir_db_open(&db, argc > 1 ? argv[1] : "sqlite::memory:", &hooks, &err);
    if (st >= 0)
        st = turn_until_idle(db, 1, &err); /* maintenance opens the minimum … */
    if (st >= 0)
        st = borrow_both(db, &err);
    if (st >= 0)
        st = turn_until_idle(db, 1, &err); /* … and closes what falls idle */
    if (st < 0)
        fprintf(stderr, "nothreads: %s\n", err.text);
    weir_db_close(&db);
    return st < 0;
}
