/*
 * Law 10: connects are made by one governor a server: few at once, after failures ever more slowly and never in step, and whoever
 * waits is told what went wrong.  The clock is the test's own where pauses matter.
 * SPDX-License-Identifier: MIT
 */
#include "rig.h"

static weir_db *db;

static struct seen { /* what the event hook was told */
    atomic_int failures;
    int64_t at_ns[4096];
    char text[512];
    int status;
} seen;

static void on_event(void *arg, const weir_event *event)
{
    (void)arg;
    if (event->kind != WEIR_EVENT_CONNECT_FAILED)
        return;
    int n = atomic_load(&seen.failures);
    seen.at_ns[n % 4096] = own_clock(NULL);
    snprintf(seen.text, sizeof seen.text, "%s", event->text);
    seen.status = event->err ? event->err->status : 0;
    atomic_store(&seen.failures, n + 1);
}

static int has_password;

static int ask_password(void *arg, char *password, size_t size)
{
    (void)arg;
    snprintf(password, size, "secret");
    return has_password ? 0 : -1;
}

static void few_at_once(const char *mode, unsigned most)
{
    weir_conn conn;
    db = open_db(NULL, "null://few-%s/db?pool_size=20&max_connecting=%u&connect_delay=1h&connect_timeout=1h&threads=%s",
                 mode, most, mode);
    for (int i = 0; i < 10; i++)
        if (try_take(&conn, db, i % 2 ? WEIR_READ : WEIR_WRITE) != WEIR_E_EXHAUSTED)
            tap_bail("there should be no connection");
    is_int(figures(db).opening, most < 2 ? most : 2,
           "threads=%s: those who cannot wait begin one connect a lane between them", mode);
    weir_db_close(&db);
}

static void *queue_up(void *arg)
{
    weir_conn conn;
    int status = weir_acquire(&conn, db, WEIR_READ, weir_after_ms(200), &err);
    weir_release(&conn);
    (void)arg;
    return (void *)(uintptr_t)(status != WEIR_E_EXHAUSTED && status != WEIR_E_UNAVAILABLE);
}

static void at_most(const char *mode, unsigned most)
{
    const weir_hooks hooks = { .size = sizeof hooks, .now_ns = own_clock };
    pthread_t threads[12];
    unsigned opening = 0;
    db = open_db(&hooks,
                 "null://most-%s/db?pool_size=12&max_connecting=%u&connect_delay=1h&connect_timeout=1h&threads=%s",
                 mode, most, mode);
    for (int i = 0; i < 12; i++)
        threads[i] = begin(queue_up, NULL);
    AWAIT(figures(db).waiting == 12);
    for (int i = 0; i < 50 || figures(db).timed_out < 12; i++) {
        weir_figures f = figures(db);
        opening = f.opening > opening ? f.opening : opening;
        nap();
        if (i == 40)
            atomic_fetch_add(&now_ns, 200 * MS);
    }
    for (int i = 0; i < 12; i++)
        end(threads[i]);
    ok(opening > 0 && opening <= most, "threads=%s: of twelve callers' connects at most %u are under way, %u were",
       mode, most, opening);
    weir_db_close(&db);
}

/* A server that refuses: pauses grow to their most, are as long as chance will have them, and never longer. */
static void back_off(void)
{
    const weir_hooks hooks = { .size = sizeof hooks, .now_ns = own_clock, .event = on_event };
    const int64_t first = 8 * MS, most = 64 * MS;
    atomic_store(&seen.failures, 0);
    db = open_db(&hooks,
                 "null://back-off/db?alive=off&pool_min=1&connect_backoff=8ms&connect_backoff_max=64ms&probe_fall=1000"
                 "&threads=none"); /* as long as the server does not count as down */
    while (seen.failures < 400) {
        if (weir_db_maintain(db, LONG, &err) < 0)
            tap_bail("%s", err.text);
        atomic_fetch_add(&now_ns, MS / 4);
    }
    int too_long = 0, shorter = 0;
    int64_t sum = 0;
    for (int i = 1; i < 400; i++) {
        int64_t pause = seen.at_ns[i] - seen.at_ns[i - 1], bound = i < 4 ? first << (i - 1) : most;
        too_long += pause > bound + MS / 4; /* the clock goes by steps */
        shorter += pause < bound / 2;
        sum += i < 4 ? 0 : pause;
    }
    is_int(too_long, 0, "after each failure the pause may be twice as long, up to its most");
    ok(shorter > 100 && shorter < 300, "about half of the pauses are shorter than half of that: %d of 399", shorter);
    ok(sum > 396 * most / 3 && sum < 396 * most * 2 / 3, "they are spread evenly");
    ok(seen.status == WEIR_E_CONNECT && strstr(seen.text, "refuses"), "each failure is an event that says why");
    is_int(figures(db).connect_failed, 400, "and is counted");
    weir_db_close(&db);
}

static void refused(const char *mode)
{
    weir_conn conn;
    db = open_db(NULL, "null://refused-%s/db?alive=off&connect_backoff=1ms&connect_backoff_max=10ms&threads=%s", mode,
                 mode);
    int status = WEIR_OK;
    AWAIT((status = weir_acquire(&conn, db, WEIR_WRITE, weir_after_ms(20), &err)) == WEIR_E_UNAVAILABLE);
    is_int(status, WEIR_E_UNAVAILABLE, "threads=%s: a server that refuses may be back before the deadline", mode);
    has_text(err.text, "failed to connect", "  after it the caller is told how often it was tried,");
    has_text(err.text, "the next is due in", "  when it will be again,");
    has_text(err.text, "the null server refuses connections", "  and why it failed");
    ok(err.native == 11 && err.flags == WEIR_RETRY_ELSEWHERE, "  with the server's own number");
    weir_db_close(&db);
}

static void *be_told(void *arg)
{
    weir_conn conn;
    (void)arg;
    int status = weir_acquire(&conn, db, WEIR_WRITE, weir_never(), &err);
    weir_release(&conn);
    return (void *)(intptr_t)status;
}

/* No password, and none that comes by waiting. */
static void hopeless(const char *mode)
{
    const weir_hooks hooks = { .size = sizeof hooks, .now_ns = own_clock, .credentials = ask_password };
    weir_conn conn;
    pthread_t threads[3];
    has_password = 0;
    db = open_db(&hooks, "null://hopeless-%s/db?connect_backoff=1h&connect_backoff_max=1h&threads=%s", mode, mode);
    for (int i = 0; i < 3; i++)
        threads[i] = begin(be_told, NULL);
    for (int i = 0; i < 3; i++) {
        void *status;
        pthread_join(threads[i], &status);
        is_int((intptr_t)status, WEIR_E_AUTH, "threads=%s: a failure that does not mend itself is told to all who wait",
               mode);
    }
    is_int(weir_acquire(&conn, db, WEIR_WRITE, weir_never(), &err), WEIR_E_AUTH,
           "  and at once to those who come later");
    has_text(err.text, "no new connect for another", "  with the time of the next connect");
    has_text(err.text, "has no password now", "  and the reason");
    is_int(weir_db_ready(db, WEIR_READ, weir_never(), &err), WEIR_E_AUTH, "  readers, too");
    has_password = 1;
    atomic_fetch_add(&now_ns, 3600 * 1000 * MS);
    is_int(weir_acquire(&conn, db, WEIR_WRITE, weir_never(), &err), WEIR_OK, "when that has come, it is tried again");
    has_password = 0;
    uint64_t failed = figures(db).connect_failed;
    pthread_t thread = begin(be_told, NULL);
    AWAIT(figures(db).waiting == 1 && figures(db).connect_failed > failed);
    weir_release(&conn);
    void *status;
    pthread_join(thread, &status);
    is_int((intptr_t)status, WEIR_OK, "who can hope for a lent connection goes on waiting, and gets it");
    weir_db_close(&db);
}

static void *use_one(void *arg)
{
    weir_conn conn = take(db, *(const unsigned *)arg);
    run(conn, "SLEEP 1ms");
    weir_release(&conn);
    return NULL;
}

/* The server has room for two: the pool makes do with them, in whichever lane they are wanted. */
static void too_many(const char *mode)
{
    static const unsigned hows[] = { WEIR_READ, WEIR_WRITE };
    pthread_t threads[8];
    db = open_db(NULL,
                 "null://room-%s/db?pool_size=8&server_limit=2&connect_backoff=1ms&connect_backoff_max=5ms&threads=%s",
                 mode, mode);
    for (int round = 0; round < 2; round++)
        for (int i = 0; i < 4; i++)
            threads[round * 4 + i] = begin(use_one, (void *)(uintptr_t)&hows[round]);
    for (int i = 0; i < 8; i++)
        end(threads[i]);
    ok(figures(db).opened <= 2, "threads=%s: a server with room for two serves many, one after another", mode);
    weir_db_close(&db);
}

static void turned_rather_than_refused(const char *mode)
{
    db = open_db(NULL, "null://turned-%s/db?pool_size=8&server_limit=1&threads=%s", mode, mode);
    weir_conn conn = take(db, WEIR_WRITE);
    weir_release(&conn);
    conn = take(db, WEIR_READ);
    is_int(run(conn, "ADD 1"), WEIR_E_READ_ONLY, "threads=%s: what cannot be opened is turned over from the other lane",
           mode);
    is_int(figures(db).opened, 1, "  there is only one");
    weir_release(&conn);
    weir_db_close(&db);
}

int main(void)
{
    EACH_MODE(mode)
    {
        few_at_once(*mode, 1);
        few_at_once(*mode, 5);
        at_most(*mode, 1);
        at_most(*mode, 2);
        at_most(*mode, 5);
        refused(*mode);
        hopeless(*mode);
        too_many(*mode);
        turned_rather_than_refused(*mode);
    }
    back_off();
    return tap_done();
}
