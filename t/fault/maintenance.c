/*
 * Maintenance comes when it is wanted, and does not turn in a circle when something is due that cannot be done.
 * SPDX-License-Identifier: MIT
 */
#include "rig.h"

/* Nobody calls it here: the crew keeps time by itself. */
static void drift(int64_t ms)
{
    for (; ms > 0; ms -= 50) {
        null_clock_advance(&moment, 50 * MS);
        nap();
        nap();
        nap();
        nap();
    }
}

/* Time goes on until it is so: whoever looks after the pool may have had no turn yet. */
#define await_in_time(fact, ...)                  \
    do {                                          \
        for (int i = 0; i < 5000 && !(fact); i++) \
            drift(50);                            \
        ok((fact), __VA_ARGS__);                  \
    } while (0)

static void comes_by_itself(void)
{
    weir_conn conn;
    rig_open(NULL_CLOCK_MANUAL, "null://maintenance/db?pool_size=8&pool_min=3&idle_timeout=2s&leak_after=1s");
    drift(1000);
    is_int(null_figure(server, NULL_OPENS), 0, "before the first loan, nothing happens");
    take(&conn, WEIR_WRITE, 1000);
    await(figures().idle == 2, "the first loan brings up the minimum");
    drift(2000);
    await_in_time(figures().leaks == 1, "maintenance finds the leak");
    weir_release(&conn);
    fill(8, WEIR_WRITE);
    drift(3000);
    await_in_time(figures().idle == 3, "and what has fallen idle");
    drift(10000);
    null_kill_all(server);
    drift(7000);
    await_in_time(figures().lost >= 1, "and what has died, when it asks");
    drift(2000);
    await_in_time(figures().idle == 3, "and brings up the minimum again");
    is_still("with the minimum idle");
    rig_close();
}

/* A connect that outlives its caller lands while maintenance might be asleep. */
static void hears_of_what_lands(void)
{
    struct caller c;
    rig_open(NULL_CLOCK_MANUAL, "null://maintenance/db?idle_timeout=2s&connect_timeout=30s");
    null_set(server, NULL_CONNECT_DELAY, 20000 * MS);
    callers_begin(&c, 1, WEIR_WRITE, 1000, NULL);
    until(null_figure(server, NULL_HANDSHAKES) == 1);
    drift(1000);
    until(c.done);
    callers_end(&c, 1);
    drift(19000);
    until(figures().idle == 1);
    drift(3000);
    await_in_time(figures().closed == 1, "what lands for nobody is closed when it has been idle for too long");
    rig_close();
}

/* A back-off has ended, but who waits could not be helped by a connect. */
static void nothing_to_open(void)
{
    weir_conn conns[3];
    struct caller writer, reader;
    rig_open(NULL_CLOCK_MANUAL, "null://maintenance/db?pool_size=4&write_reserve=1");
    for (int i = 0; i < 3; i++)
        take(&conns[i], WEIR_READ, 1000);
    const weir_error refused = null_error(WEIR_E_CONNECT);
    null_fail(server, NULL_OPENS, 1, &refused);
    callers_begin(&writer, 1, WEIR_WRITE, 1, NULL);
    until(figures().connect_failed == 1 && resting());
    null_clock_advance(&moment, 1 * MS);
    until(writer.done);
    callers_end(&writer, 1);
    callers_begin(&reader, 1, WEIR_READ, 60000, NULL);
    until(figures().waiting == 1);
    drift(2000);
    is_still("with a failed connect behind it and a reader waiting");
    weir_release(&conns[0]);
    await(reader.done, "the reader is served when one comes back");
    callers_end(&reader, 1);
    weir_release(&conns[1]);
    weir_release(&conns[2]);
    rig_close();
}

static void no_room_to_open(void)
{
    weir_conn conns[4];
    struct caller c;
    rig_open(NULL_CLOCK_MANUAL, "null://maintenance/db?pool_size=6");
    null_set(server, NULL_LIMIT, 4);
    for (int i = 0; i < 4; i++)
        take(&conns[i], WEIR_WRITE, 1000);
    callers_begin(&c, 1, WEIR_WRITE, 600000, NULL);
    until(figures().connect_failed >= 1);
    is_int(weir_pool_resize(pool, 4, &err), WEIR_OK, "a pool is made as small as the server's room");
    drift(3000);
    is_still("with no room there, a smaller pool and a caller waiting");
    weir_release(&conns[0]);
    await(c.done, "who waits is served when one comes back");
    callers_end(&c, 1);
    for (int i = 1; i < 4; i++)
        weir_release(&conns[i]);
    rig_close();
}

/* Suspect and down, with all connections lent: there is nobody to be asked, and no room for a connect. */
static void nobody_to_ask(void)
{
    weir_conn conns[2];
    struct caller c;
    rig_open(NULL_CLOCK_MANUAL, "null://maintenance/db?pool_size=2&max_lifetime=1s&fail_fast=on");
    for (int i = 0; i < 2; i++)
        take(&conns[i], WEIR_WRITE, 1000);
    pass(100);
    null_kill(server, (uint64_t)session(conns[0]));
    run(conns[0], "ROWS 1");
    is_text(state(), "suspect", "one of two lent connections has died");
    drift(7000);
    is_still("while the server is suspect and all are lent and old");
    null_set(server, NULL_STATE, NULL_DOWN);
    weir_release(&conns[0]);
    drift(500);
    callers_begin(&c, 1, WEIR_WRITE, 600000, NULL);
    drift(3000);
    await_in_time(strcmp(state(), "down") == 0, "then it goes down");
    is_still("while it is down");
    until(c.done);
    callers_end(&c, 1);
    weir_release(&conns[1]);
    rig_close();
}

/* Old connections that cannot be replaced yet: they are lent, or the last replacement is not there. */
static void too_old(void)
{
    weir_conn conns[3];
    rig_open(NULL_CLOCK_MANUAL, "null://maintenance/db?pool_size=3&max_lifetime=1s&connect_timeout=1h");
    for (int i = 0; i < 3; i++)
        take(&conns[i], WEIR_WRITE, 1000);
    drift(3000);
    is_still("with all lent and over age");
    null_set(server, NULL_CONNECT_DELAY, 100 * 1000 * MS);
    for (int i = 0; i < 3; i++)
        weir_release(&conns[i]);
    drift(3000);
    is_still("while replacements take long");
    rig_close();
}

/* Two connects of one moment have two workers, though they were wanted under one lock. */
static void many_hands(void)
{
    weir_conn conn;
    rig_open(NULL_CLOCK_MANUAL, "null://maintenance/db?pool_size=8&pool_min=8&max_connecting=4");
    take(&conn, WEIR_WRITE, 1000);
    weir_release(&conn);
    until(figures().idle == 8);
    null_set(server, NULL_CONNECT_DELAY, 1000 * MS);
    weir_pool_evict(pool, &err);
    pass(250);
    await(null_figure(server, NULL_HANDSHAKES) == 4, "four connects that are wanted at once are under way at once");
    null_set(server, NULL_CONNECT_DELAY, 0);
    rig_close();
}

/* When the program is to call again, without threads. */
static void asks_for_calls(void)
{
    weir_conn conn;
    rig_open(NULL_CLOCK_AUTO, "null://maintenance/db?threads=none&idle_timeout=10s&probe_interval=0s&keepalive=0s");
    is_int(weir_db_maintain(db, weir_never(), &err), 60000, "with nothing there, in a minute");
    take(&conn, WEIR_WRITE, 1000);
    is_int(weir_db_maintain(db, weir_never(), &err), 250, "with a loan out, soon");
    weir_release(&conn);
    int64_t returned = now_ms();
    int wait = weir_db_maintain(db, weir_never(), &err);
    is_int(wait, 250, "when it has come back, soon");
    for (int calls = 0; figures().idle && calls < 10; calls++) {
        null_clock_advance(&moment, wait * MS);
        wait = weir_db_maintain(db, weir_never(), &err);
    }
    is_int(now_ms() - returned, 10000, "and then when its time is over");
    is_int(null_figure(server, NULL_SESSIONS), 0, "which it is");
    rig_close();
}

int main(void)
{
    comes_by_itself();
    hears_of_what_lands();
    nothing_to_open();
    no_room_to_open();
    nobody_to_ask();
    too_old();
    many_hands();
    asks_for_calls();
    return tap_done();
}
