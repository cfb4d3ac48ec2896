/*
 * Level 7: the breaker is open.  Callers who do not wait are told so within 100 µs (99 of 100), with the last error and when the next
 * try is; there is one try a window, on a thread of ours, also when nobody waits for it.
 * SPDX-License-Identifier: MIT
 */
#include <stdlib.h>
#include <time.h>
#include "rig.h"

#define CALLS 1000
#define FAST (WEIR_WRITE | WEIR_FAIL_FAST)

static void bring_down(const char *url)
{
    struct caller c;
    rig_open(NULL_CLOCK_MANUAL, url);
    null_set(server, NULL_STATE, NULL_DOWN);
    callers_begin(&c, 1, WEIR_WRITE, 2000, NULL);
    while (strcmp(state(), "down") != 0) {
        until(settled());
        null_clock_advance(&moment, 10 * MS);
        nap();
    }
    null_clock_advance(&moment, 2000 * MS);
    callers_end(&c, 1);
    until(settled());
}

static int64_t real_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 * MS + t.tv_nsec;
}

static int compare(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

#define LIMIT (UNDER_SANITIZER ? 10 * MS : MS / 10) /* the level's own is the second */

/* The best of several rounds, because a machine may have better things to do. */
static int64_t p99_of_refusals(void)
{
    static int64_t took[CALLS];
    weir_conn conn;
    int64_t best = INT64_MAX;
    for (int round = 0; round < 200 && best > LIMIT; round++) {
        for (int i = 0; i < CALLS; i++) {
            int64_t start = real_ns();
            if (take(&conn, FAST, 60000) != WEIR_E_UNAVAILABLE)
                return INT64_MAX;
            took[i] = real_ns() - start;
        }
        qsort(took, CALLS, sizeof *took, compare);
        best = took[CALLS * 99 / 100] < best ? took[CALLS * 99 / 100] : best;
    }
    return best;
}

static void refusals(void)
{
    weir_conn conn;
    int64_t start = now_ms();
    is_int(take(&conn, FAST, 60000), WEIR_E_UNAVAILABLE, "a caller who does not wait is refused");
    has_text(err.text, "the server has been down for ", "and told since when the server is down");
    has_text(err.text, "the next try is ", "when the next try is");
    has_text(err.text, "last error: the null server refuses connections", "what was wrong last");
    is_int(err.native, 11, "with the server's own number");
    is_int(err.flags, WEIR_RETRY_ELSEWHERE, "and that another server may do");
    int64_t p99 = p99_of_refusals();
    ok(p99 <= LIMIT, "99 of 100 refusals come within %d us: %d ns", (int)(LIMIT / 1000), (int)p99);
    is_int(now_ms(), start, "all of them without time passing");
}

/* Ten seconds with nobody but those who do not wait. */
static void windows(void)
{
    int64_t opens = null_figure(server, NULL_OPENS), last = 0, shortest = INT64_MAX, longest = 0;
    int refused = 0;
    for (int i = 0; i < 1000; i++) {
        weir_conn conn;
        refused += take(&conn, FAST, 60000) == WEIR_E_UNAVAILABLE;
        pool_tick(pool);
        until(settled());
        if (null_figure(server, NULL_OPENS) > opens) {
            int64_t window = now_ms() - last;
            shortest = last && window < shortest ? window : shortest;
            longest = last && window > longest ? window : longest;
            opens++;
            last = now_ms();
        }
        null_clock_advance(&moment, 10 * MS);
    }
    is_int(null_figure(server, NULL_OPENS), opens, "never are two tries begun within 10 ms");
    is_int(refused, 1000, "for 10 s all callers are refused");
    ok(shortest >= 870, "no window is shorter than 7/8 of connect_backoff_max: %d ms", (int)shortest);
    ok(longest <= 1020, "none is longer than that: %d ms", (int)longest);
    is_int(null_figure(server, NULL_HANDSHAKES_MOST), 1, "one connect at most was under way");
    is_int(connects_by_users(), 0, "none of them on a caller's thread");
}

static void recovery(void)
{
    weir_conn conn;
    int status = WEIR_E_UNAVAILABLE;
    null_set(server, NULL_STATE, NULL_UP);
    int64_t start = now_ms();
    while (status < 0 && now_ms() < start + 5000) {
        null_clock_advance(&moment, 10 * MS);
        pool_tick(pool);
        until(settled());
        status = take(&conn, FAST, 60000);
    }
    is_int(status, WEIR_OK, "when the server is back, they are served again");
    ok(now_ms() - start <= 1100, "at most 1.1 s later: %d ms", (int)(now_ms() - start));
    weir_release(&conn);
}

/* Those who were waiting when it fell; the option says for all what the flag says for one. */
static void caught_waiting(void)
{
    struct caller c[2];
    rig_open(NULL_CLOCK_MANUAL, "null://level-07/db?fail_fast=on");
    null_set(server, NULL_STATE, NULL_DOWN);
    callers_begin(c, 2, WEIR_WRITE, 60000, NULL);
    until(figures().waiting == 2 || callers_done(c, 2));
    while (figures().waiting && now_ms() < 5000) {
        until(resting());
        pass(10);
    }
    until(callers_done(c, 2) == 2);
    ok(now_ms() < 1000, "those who wait when the server falls are told then, not at their deadlines");
    is_int(callers_with(c, 2, WEIR_E_UNAVAILABLE), 2, "also by the option fail_fast");
    has_text(c[0].err.text, "the server has been down for", "with the same words");
    callers_end(c, 2);
    rig_close();
}

/* Nobody but the callers does anything: then they try, one a window. */
static void without_threads(void)
{
    weir_conn conn;
    rig_open(NULL_CLOCK_AUTO, "null://level-07/db?threads=none&fail_fast=on");
    null_set(server, NULL_STATE, NULL_DOWN);
    flow(true);
    is_int(take(&conn, WEIR_WRITE, 60000), WEIR_E_UNAVAILABLE,
           "without threads, a caller tries until the server is down");
    ok(now_ms() < 30000, "and is told then");
    flow(false);
    int64_t opens = null_figure(server, NULL_OPENS), tried;
    for (int i = 0; i < 500; i++) {
        take(&conn, WEIR_WRITE, 60000);
        null_clock_advance(&moment, 10 * MS);
    }
    tried = null_figure(server, NULL_OPENS) - opens;
    ok(tried >= 4 && tried <= 6, "of 500 callers within 5 s, one a window tries: %d", (int)tried);
    null_set(server, NULL_STATE, NULL_UP);
    int64_t start = now_ms();
    while (take(&conn, WEIR_WRITE, 60000) < 0 && now_ms() < start + 5000)
        null_clock_advance(&moment, 10 * MS);
    ok(now_ms() - start <= 1100, "when the server is back, the next who tries is served: %d ms",
       (int)(now_ms() - start));
    weir_release(&conn);
    rig_close();
}

int main(void)
{
    bring_down("null://level-07/db");
    refusals();
    windows();
    recovery();
    rig_close();
    caught_waiting();
    without_threads();
    return tap_done();
}
