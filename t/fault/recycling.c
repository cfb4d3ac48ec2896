/*
 * Recycling beside its numbers: where there is room the new one comes first, in each lane, with one writer, when replacements fail, and
 * never what keeps the data.
 * SPDX-License-Identifier: MIT
 */
#include "rig.h"

#define OPTIONS "max_lifetime=10s&lifetime_jitter=0&keepalive=0s&probe_interval=0s"
#define CONNECT 100 /* milliseconds */

/* So long, with every connect taking its time. */
static void go_to(int64_t ms)
{
    while (now_ms() < ms) {
        until(resting());
        null_clock_advance(&moment, CONNECT / 2 * MS);
        nap();
        pool_tick(pool);
    }
    until(resting());
}

/* Once so many are there: what a slow machine has begun late comes to its end, too. */
static unsigned idle_at_last(unsigned wanted)
{
    for (int i = 0; i < 100 && figures().idle != wanted; i++)
        go_to(now_ms() + 50);
    return figures().idle;
}

static void begin(const char *url, unsigned readers, unsigned writers)
{
    weir_conn conns[16];
    rig_open(NULL_CLOCK_MANUAL, url);
    for (unsigned i = 0; i < readers + writers; i++)
        if (take(&conns[i], i < readers ? WEIR_READ : WEIR_WRITE, 1000) < 0)
            tap_bail("%s", err.text);
    for (unsigned i = 0; i < readers + writers; i++)
        weir_release(&conns[i]);
    null_set(server, NULL_CONNECT_DELAY, CONNECT * MS);
}

static void with_room(void)
{
    begin("null://recycling/db?pool_size=4&" OPTIONS, 0, 1);
    unsigned fewest = 1;
    while (now_ms() < 25000) {
        go_to(now_ms() + 50);
        fewest = figures().idle < fewest ? figures().idle : fewest;
    }
    is_int(fewest, 1, "where there is room, the new one is there before the old one goes");
    is_int(figures().recycled, 2, "at 10 s and at 20 s");
    is_int(figures().idle, 1, "and then there is one as before");
    rig_close();
}

/* A loan that lasts keeps its connection, and the next borrower gets the new one. */
static void lent_with_room(void)
{
    weir_conn held, next;
    begin("null://recycling/db?pool_size=4&" OPTIONS, 0, 1);
    take(&held, WEIR_WRITE, 1000);
    int64_t old = session(held);
    go_to(12000);
    is_int(figures().opened, 2, "one that is lent is replaced, too");
    is_int(session(held), old, "its holder keeps it");
    take(&next, WEIR_WRITE, 1000);
    ok(session(next) != old, "another borrower gets the new one");
    weir_release(&next);
    weir_release(&held);
    await(figures().closed == 1, "the old one is closed when it comes back");
    go_to(13000);
    is_int(figures().opened, 2, "and is not replaced again");
    is_int(idle_at_last(1), 1, "there is one as before");
    rig_close();
}

static void lent_in_a_full_pool(void)
{
    weir_conn held;
    begin("null://recycling/db?pool_size=1&" OPTIONS, 0, 1);
    take(&held, WEIR_WRITE, 1000);
    go_to(12000);
    is_int(figures().opened, 1, "in a full pool, what is lent waits for its return");
    weir_release(&held);
    await(figures().closed == 1, "then it is closed");
    go_to(now_ms() + 500);
    is_int(idle_at_last(1), 1, "and another one is opened");
    rig_close();
}

/* Lanes: the readers' is full while the pool is not. */
static void full_lane(void)
{
    weir_conn conns[3];
    struct caller c;
    begin("null://recycling/db?pool_size=4&write_reserve=1&" OPTIONS, 3, 0);
    unsigned fewest = 3;
    while (now_ms() < 15000) {
        go_to(now_ms() + 50);
        fewest = figures().idle < fewest ? figures().idle : fewest;
    }
    ok(fewest >= 1, "in a lane that is full, at most max_connecting are missing: %u of 3 are there", fewest);
    is_int(figures().recycled, 3, "all three are replaced");
    is_int(idle_at_last(3), 3, "and back");
    /* In the place of one that is being replaced somebody else opens one. */
    for (int round = 0; round < 4; round++) {
        for (int i = 0; i < 3; i++)
            take(&conns[i], WEIR_READ, 1000);
        go_to(now_ms() + 11000);
        callers_begin(&c, 1, WEIR_READ, 60000, NULL);
        until(figures().waiting == 1);
        for (int i = 0; i < 3; i++)
            weir_release(&conns[i]);
        go_to(now_ms() + 2000);
        until(c.done);
        callers_end(&c, 1);
        go_to(now_ms() + 1000);
    }
    is_int(idle_at_last(3), 3, "whoever takes the places, there are three at the end");
    ok(figures().recycled >= 9, "and recycling never comes to a halt: %d", (int)figures().recycled);
    rig_close();
}

static void one_writer(void)
{
    weir_conn conn;
    begin("null-one://recycling/db?pool_size=4&" OPTIONS, 2, 1);
    go_to(15000);
    is_int(figures().recycled, 3, "with one writer, readers and writer are replaced");
    is_int(idle_at_last(3), 3, "and all are back");
    is_int(null_figure(server, NULL_WRITERS_MOST), 1, "without a second writer at any time");
    is_int(take(&conn, WEIR_WRITE, 1000) | run(conn, "ADD 1"), WEIR_OK, "the new writer writes");
    weir_release(&conn);
    rig_close();
}

/* The server is gone when replacements are due: what there is stays until they are there. */
static void no_replacement(void)
{
    const weir_error refused = null_error(WEIR_E_CONNECT);
    begin("null://recycling/db?pool_size=8&" OPTIONS, 0, 4);
    null_fail(server, NULL_OPENS, 1000000, &refused);
    go_to(20000);
    is_int(figures().idle, 4, "while replacements fail, the old ones stay");
    is_int(figures().closed, 0, "all of them");
    null_fail(server, NULL_OPENS, 0, &refused);
    go_to(40000);
    ok(figures().recycled >= 4, "when they succeed again, all are replaced");
    is_int(figures().idle, 4, "and there are four");
    rig_close();
}

static void keeps_the_data(void)
{
    weir_conn conn;
    rig_open(NULL_CLOCK_MANUAL, "null://recycling/db?pool_size=2&idle_timeout=5s&" OPTIONS);
    null_set(server, NULL_VOLATILE, 1);
    take(&conn, WEIR_WRITE, 1000);
    run(conn, "ADD 42");
    weir_release(&conn);
    go_to(60000);
    is_int(figures().recycled, 0, "what keeps the data is never replaced");
    is_int(null_figure(server, NULL_COUNTER), 42, "and the data are there");
    rig_close();
}

static void for_ever(void)
{
    rig_open(NULL_CLOCK_MANUAL, "null://recycling/db?max_lifetime=0s&idle_timeout=30d&keepalive=0s&probe_interval=0s");
    fill(3, WEIR_WRITE);
    null_clock_advance(&moment, MS * 1000 * 3600 * 24 * 20);
    pool_tick(pool);
    until(resting());
    is_int(figures().closed, 0, "with max_lifetime=0s, connections live for ever");
    rig_close();
}

int main(void)
{
    with_room();
    lent_with_room();
    lent_in_a_full_pool();
    full_lane();
    one_writer();
    no_replacement();
    keeps_the_data();
    for_ever();
    return tap_done();
}
