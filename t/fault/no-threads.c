/*
 * Bad days without threads: the callers do what must be done, under their own deadlines, and an impatient one proves nothing.
 * SPDX-License-Identifier: MIT
 */
#include "rig.h"

/* The server is slow, but well; a caller who gives up on it has learnt nothing about it. */
static void impatience(void)
{
    weir_conn conn;
    rig_open(NULL_CLOCK_AUTO, "null://no-threads/db?threads=none");
    null_set(server, NULL_CONNECT_DELAY, 300 * MS);
    for (int i = 0; i < 10; i++) {
        int64_t start = now_ms();
        int status = take(&conn, WEIR_WRITE, 100);
        if (status != WEIR_E_EXHAUSTED || now_ms() - start != 100)
            is_int(status, WEIR_E_EXHAUSTED, "attempt %d took %d ms", i, (int)(now_ms() - start));
    }
    is_text(state(), "up", "ten callers who do not wait for a slow connect do not bring the server down");
    hears("", "or into doubt");
    is_int(figures().connect_failed, 10, "each has tried");
    is_int(take(&conn, WEIR_WRITE, 400), WEIR_OK, "one who has the time is served, without a back-off");
    run(conn, "ROWS 1");
    weir_release(&conn);
    pass(130 * 1000);
    null_set(server, NULL_QUERY_DELAY, 300 * MS);
    null_clock_advance(&moment, 130 * 1000 * MS);
    is_int(take(&conn, WEIR_WRITE, 1000), WEIR_OK, "a slow answer is an answer");
    weir_release(&conn);
    is_text(state(), "up", "the server is up");
    rig_close();
}

/* Two idle ones that must be asked; the one who asks has less time than an answer takes. */
static void impatient_questions(void)
{
    weir_conn conns[4];
    rig_open(NULL_CLOCK_AUTO, "null://no-threads/db?threads=none&validate_after=10s&keepalive=0s&probe_interval=0s");
    fill(4, WEIR_WRITE);
    pass(11000);
    null_set(server, NULL_QUERY_DELAY, 300 * MS);
    is_int(take(&conns[0], WEIR_WRITE, 100), WEIR_E_UNAVAILABLE,
           "who asks and cannot wait for the answer is not served");
    has_text(err.text, "the deadline has stopped the statement", "and told why");
    is_int(figures().closed, 1, "the connection that he asked on is of no use any more");
    is_int(figures().idle + figures().resetting, 3, "but the others are kept");
    null_set(server, NULL_QUERY_DELAY, 0);
    for (int i = 0; i < 3; i++)
        is_int(take(&conns[i], WEIR_WRITE, 1000), WEIR_OK, "and lent, after an answer");
    is_int(figures().opened, 4, "no other had to be opened");
    for (int i = 0; i < 3; i++)
        weir_release(&conns[i]);
    rig_close();
}

/* A black hole, though, has been one for long enough. */
static void patience(void)
{
    weir_conn conn;
    rig_open(NULL_CLOCK_AUTO, "null://no-threads/db?threads=none&connect_timeout=3s&probe_timeout=1s");
    null_set(server, NULL_STATE, NULL_BLACK_HOLE);
    is_int(take(&conn, WEIR_WRITE, 1500), WEIR_E_UNAVAILABLE,
           "a caller waits for a server that does not answer, until his deadline");
    ok(health().failures >= 1, "which was long enough to count as a failure");
    has_text(err.text, "no answer from the null server", "he is told so");
    rig_close();
}

/* A whole outage with nobody but weir_db_maintain; time passes as it asks for it. */
static void maintained(void)
{
    rig_open(NULL_CLOCK_AUTO, "null://no-threads/db?threads=none&pool_min=3&pool_size=5");
    fill(3, WEIR_WRITE);
    pass(1000);
    null_set(server, NULL_STATE, NULL_DOWN);
    int64_t start = now_ms(), opens = null_figure(server, NULL_OPENS);
    while (now_ms() < start + 60000)
        null_clock_advance(&moment, weir_db_maintain(db, weir_never(), &err) * MS);
    int64_t tries = null_figure(server, NULL_OPENS) - opens;
    is_text(state(), "down", "a server that is gone is found out by maintenance");
    ok(tries >= 50 && tries <= 75, "for the minimum, one connect a window is tried: %d a minute", (int)tries);
    null_set(server, NULL_STATE, NULL_UP);
    start = now_ms();
    while (figures().idle < 3 && now_ms() < start + 10000)
        null_clock_advance(&moment, weir_db_maintain(db, weir_never(), &err) * MS);
    ok(now_ms() - start <= 1100, "when it is back, so is the minimum: %d ms", (int)(now_ms() - start));
    is_text(state(), "up", "and the server is up");
    rig_close();
}

/* Several threads, none of them ours: whoever waits does the work, also that of the others. */
static void callers_of_their_own(void)
{
    struct caller c[12];
    rig_open(NULL_CLOCK_MANUAL, "null://no-threads/db?threads=none&pool_size=4");
    null_set(server, NULL_CONNECT_DELAY, 10 * MS);
    callers_begin(c, 12, WEIR_WRITE, 60000, "DIRTY");
    flow(true);
    until(callers_done(c, 12) == 12);
    callers_end(c, 12);
    is_int(callers_with(c, 12, WEIR_OK), 12, "twelve callers are served, though every session came back dirty");
    null_kill_all(server);
    callers_begin(c, 12, WEIR_READ, 60000, "ROWS 1");
    until(callers_done(c, 12) == 12);
    callers_end(c, 12);
    int bad = 0;
    for (int i = 0; i < 12; i++)
        bad += c[i].said < 0;
    is_int(bad, 0, "and after all sessions were killed, with ones that work");
    flow(false);
    rig_close();
}

int main(void)
{
    impatience();
    impatient_questions();
    patience();
    maintained();
    callers_of_their_own();
    return tap_done();
}
