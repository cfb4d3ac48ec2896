/*
 * Law 5: every place that comes free wakes a waiter, also one whose connect has failed, and no waiter is forgotten.
 * A forgotten one would fail at its deadline, which is longer than all of this takes.
 * SPDX-License-Identifier: MIT
 */
#include "rig.h"

#define WORKERS 12

static weir_db *db;
static atomic_int unserved;

static void *wait_and_return(void *arg)
{
    weir_conn conn;
    if (weir_acquire(&conn, db, *(const unsigned *)arg, LONG, &err) < 0)
        atomic_fetch_add(&unserved, 1), tap_note("%s", err.text);
    weir_release(&conn);
    return NULL;
}

static void failed_connects(const char *mode)
{
    static const unsigned hows[] = { WEIR_READ, WEIR_WRITE };
    pthread_t threads[8];
    db = open_db(NULL,
                 "null://fail-%s/db?pool_size=2&connect_fail=7&connect_backoff=1ms&connect_backoff_max=2ms&"
                 "connect_delay=1ms&threads=%s",
                 mode, mode);
    atomic_store(&unserved, 0);
    for (int i = 0; i < 8; i++)
        threads[i] = begin(wait_and_return, (void *)(uintptr_t)&hows[i % 2]);
    for (int i = 0; i < 8; i++)
        end(threads[i]);
    is_int(unserved, 0, "threads=%s: when connects fail, the waiting are served by those that come after", mode);
    AWAIT(figures(db).connect_failed >= 7); /* the last may be counted after another has come through */
    ok(figures(db).connect_failed == 7 && figures(db).opened <= 2, "which there are seven of");
    weir_db_close(&db);
}

/* One connection, two lanes: what a writer returns is what a reader waits for. */
static void other_lane(const char *mode, unsigned first, unsigned then)
{
    db = open_db(NULL, "null://lane-%s/db?pool_size=1&threads=%s", mode, mode);
    weir_conn conn = take(db, first);
    atomic_store(&unserved, 0);
    pthread_t thread = begin(wait_and_return, &then);
    AWAIT(figures(db).waiting == 1);
    weir_release(&conn);
    end(thread);
    is_int(unserved, 0, "threads=%s: a %s wakes a %s, if that is the only connection", mode,
           first == WEIR_READ ? "reader" : "writer", first == WEIR_READ ? "writer" : "reader");
    weir_db_close(&db);
}

static int is_expected(int status, int patient)
{
    if (status == WEIR_OK)
        return 1;
    if (patient || (status != WEIR_E_EXHAUSTED && status != WEIR_E_UNAVAILABLE))
        tap_note("%s", err.text);
    return !patient && (status == WEIR_E_EXHAUSTED || status == WEIR_E_UNAVAILABLE);
}

static void spoil(weir_conn conn, unsigned *state)
{
    static const char *const ways[] = {
        "DIRTY", "STICKY", "DIE", "BEGIN", "ROWS 2", "ADD 1", "FAIL deadlock", "SESSION"
    };
    run(conn, ways[dice(state, sizeof ways / sizeof *ways)]);
    if (dice(state, 10) == 0)
        weir_discard(&conn);
    weir_release(&conn);
}

static void *jostle(void *arg)
{
    unsigned state = (unsigned)(uintptr_t)arg;
    for (int i = 0; i < 200; i++) {
        weir_conn conn;
        int patient = dice(&state, 2);
        unsigned how = dice(&state, 2) ? WEIR_READ : WEIR_WRITE;
        weir_deadline deadline = patient ? LONG : weir_after_ms(dice(&state, 4));
        if (!is_expected(weir_acquire(&conn, db, how, deadline, &err), patient))
            atomic_fetch_add(&unserved, 1);
        spoil(conn, &state);
    }
    return NULL;
}

static void stress(const char *mode, int size)
{
    pthread_t threads[WORKERS];
    db = open_db(NULL,
                 "null://jostle-%s-%d/db?pool_size=%d&connect_fail=40&connect_backoff=1ms&connect_backoff_max=1ms&"
                 "max_connecting=2&threads=%s",
                 mode, size, size, mode);
    atomic_store(&unserved, 0);
    for (size_t i = 0; i < WORKERS; i++)
        threads[i] = begin(jostle, (void *)(i + 1));
    for (int i = 0; i < WORKERS; i++)
        end(threads[i]);
    is_int(unserved, 0, "threads=%s, %d connections: the patient are served, the others told why not", mode, size);
    weir_figures f = figures(db);
    ok(f.waiting == 0 && f.used == 0, "nobody waits, nothing is out");
    weir_db_close(&db);
}

int main(void)
{
    EACH_MODE(mode)
    {
        failed_connects(*mode);
        other_lane(*mode, WEIR_READ, WEIR_WRITE);
        other_lane(*mode, WEIR_WRITE, WEIR_READ);
        stress(*mode, 1);
        stress(*mode, 2);
        stress(*mode, 3);
    }
    return tap_done();
}
