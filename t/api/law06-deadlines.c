/*
 * Law 6: a deadline covers queueing and connecting together, and whoever has one returns by it, also if the server never answers.  A
 * connect outlives the caller who caused it.
 * SPDX-License-Identifier: MIT
 */
#include "rig.h"

#define CALLERS 40
#define SHORT_MS 30

static weir_db *db;

static const char silent[] = "connect_delay=1h&connect_timeout=1h"; /* as good as a black hole */

static int64_t ms_since(int64_t start_ns)
{
    return (real_ns() - start_ns) / MS;
}

/* A server that is silent fails nobody's connect but by a deadline; what is said depends on who connects. */
static int is_told(int status)
{
    return (status == WEIR_E_EXHAUSTED && strstr(err.text, "opening")) ||
           (status == WEIR_E_UNAVAILABLE && strstr(err.text, "no answer from the null server"));
}

static void nothing_at_once(const char *mode)
{
    weir_conn conn = { .loan = 7 };
    db = open_db(NULL, "null://at-once-%s/db?pool_size=1&threads=%s&%s", mode, mode, silent);
    is_int(try_take(&conn, db, WEIR_WRITE), WEIR_E_EXHAUSTED, "threads=%s: with no time, an empty pool has nothing",
           mode);
    ok(!conn.slot && !conn.loan, "  the handle is empty");
    is_int(figures(db).opening, 1, "  but a connect has been begun");
    is_int(weir_db_ready(db, WEIR_READ | WEIR_WRITE, weir_at_once(), &err), WEIR_E_EXHAUSTED, "  nor is it ready");
    is_int(weir_acquire(&conn, db, WEIR_WRITE, weir_by(weir_at_once()), &err), WEIR_E_EXHAUSTED,
           "  a moment that has passed is the same");
    ok(figures(db).opening == 1 && figures(db).timed_out == 3, "  still one connect");
    weir_db_close(&db);
}

/* Without threads the connect runs in the caller, under its deadline. */
static void silent_server(const char *mode)
{
    weir_conn conn;
    db = open_db(NULL, "null://silent-%s/db?threads=%s&%s", mode, mode, silent);
    int64_t start = real_ns();
    int status = weir_acquire(&conn, db, WEIR_WRITE, weir_after_ms(SHORT_MS), &err);
    ok(is_told(status), "threads=%s: a server that never answers: %s", mode, err.text);
    ok(ms_since(start) >= SHORT_MS, "  is waited for until the deadline");
    ok(ms_since(start) < 60000, "  and no longer");
    weir_db_close(&db);
}

static void *give_up(void *arg)
{
    weir_conn conn;
    unsigned how = *(const unsigned *)arg;
    int64_t start = real_ns();
    int told = is_told(weir_acquire(&conn, db, how, weir_after_ms(SHORT_MS), &err));
    return (void *)(uintptr_t)(told && ms_since(start) < 60000);
}

/* More callers than places, and more than connects that may be under way. */
static void crowd(const char *mode)
{
    static const unsigned hows[] = { WEIR_READ, WEIR_WRITE };
    pthread_t threads[CALLERS];
    int back = 0;
    db = open_db(NULL, "null://crowd-%s/db?pool_size=4&threads=%s&%s", mode, mode, silent);
    for (int i = 0; i < CALLERS; i++)
        threads[i] = begin(give_up, (void *)(uintptr_t)&hows[i % 2]);
    for (int i = 0; i < CALLERS; i++) {
        void *told;
        pthread_join(threads[i], &told);
        back += told != NULL;
    }
    is_int(back, CALLERS, "threads=%s: all of many callers are back by their deadlines, and told why", mode);
    weir_figures f = figures(db);
    ok(f.opening <= 2 && f.waiting == 0, "no more connects are under way than may be, and nobody waits");
    weir_db_close(&db);
}

/* The wait for a holder counts, too. */
static void queueing_and_connecting(const char *mode)
{
    weir_conn conn, mine;
    db = open_db(NULL, "null://both-%s/db?pool_size=1&connect_delay=30ms&threads=%s", mode, mode);
    conn = take(db, WEIR_WRITE);
    int64_t start = real_ns();
    int status = weir_acquire(&mine, db, WEIR_WRITE, weir_after_ms(SHORT_MS), &err);
    is_int(status, WEIR_E_EXHAUSTED, "threads=%s: behind a holder", mode);
    ok(ms_since(start) >= SHORT_MS, "  a caller waits until its deadline");
    has_text(err.text, "law06-deadlines.c", "  and is told who holds what it waits for");
    weir_deadline shared = weir_by(weir_after_ms(SHORT_MS));
    status = weir_acquire(&mine, db, WEIR_WRITE, shared, &err);
    ok(status == WEIR_E_EXHAUSTED && try_take(&mine, db, WEIR_WRITE) == status, "  a moment that is shared");
    weir_discard(&conn);
    start = real_ns();
    status = weir_acquire(&mine, db, WEIR_WRITE, shared, &err);
    is_int(status, WEIR_E_EXHAUSTED, "  leaves nothing to connect in");
    ok(ms_since(start) < 60000, "  although there is a place now");
    weir_db_close(&db);
}

static void by_default(const char *mode)
{
    weir_conn conn, mine;
    const weir_deadline none = { 0 };
    db = open_db(NULL, "null://default-%s/db?pool_size=1&acquire_timeout=20ms&threads=%s", mode, mode);
    conn = take(db, WEIR_WRITE);
    int64_t start = real_ns();
    is_int(weir_acquire(&mine, db, WEIR_WRITE, none, &err), WEIR_E_EXHAUSTED,
           "the default deadline is acquire_timeout");
    ok(ms_since(start) >= 20, "  as the URL has it");
    weir_release(&conn);
    weir_db_close(&db);
}

static void *wait_a_little(void *arg)
{
    weir_conn conn;
    (void)arg;
    return (void *)(uintptr_t)is_told(weir_acquire(&conn, db, WEIR_WRITE, weir_after_ms(5), &err));
}

static void connect_outlives_caller(const char *mode)
{
    const weir_hooks hooks = { .size = sizeof hooks, .now_ns = own_clock };
    void *told;
    db = open_db(&hooks, "null://outlives-%s/db?connect_delay=20ms&connect_backoff=1ms&threads=%s", mode, mode);
    int threads = has_threads;
    pthread_t thread = begin(wait_a_little, NULL);
    AWAIT(figures(db).waiting == 1);
    atomic_fetch_add(&now_ns, 5 * MS);
    pthread_join(thread, &told);
    ok(told, "threads=%s: a caller gives up while its connect is under way", mode);
    weir_figures f = figures(db);
    ok(f.opening == (threads ? 1 : 0) && f.connect_failed == (threads ? 0 : 1),
       "  which goes on, unless it was the caller's own doing");
    if (threads) {
        AWAIT((atomic_fetch_add(&now_ns, MS), figures(db).idle == 1));
        weir_conn conn;
        is_int(try_take(&conn, db, WEIR_WRITE), WEIR_OK, "and serves the next at once");
        weir_release(&conn);
        ok(figures(db).opened == 1 && figures(db).connect_failed == 0, "it was the only connect");
    }
    weir_db_close(&db);
}

int main(void)
{
    EACH_MODE(mode)
    {
        nothing_at_once(*mode);
        silent_server(*mode);
        crowd(*mode);
        queueing_and_connecting(*mode);
        by_default(*mode);
        connect_outlives_caller(*mode);
    }
    return tap_done();
}
