/*
 * Programs without threads of the library's: nothing runs but in the caller's calls, and weir_db_maintain does what is due.  And events,
 * which are told to the program with no lock held, with threads or without.
 * SPDX-License-Identifier: MIT
 */
#include "rig.h"

/* ---- nothing runs by itself */

static void nothing_by_itself(void)
{
    weir_conn conn;
    weir_db *db = open_db(NULL, "null://itself/db?threads=none&pool_size=2&pool_min=2");
    for (int i = 0; i < 50; i++)
        nap();
    ok(figures(db).opened == 0 && figures(db).opening == 0, "no connection is opened before one is asked for");
    is_int(try_take(&conn, db, WEIR_WRITE), WEIR_E_EXHAUSTED, "who cannot wait");
    for (int i = 0; i < 50; i++)
        nap();
    ok(figures(db).opened == 0 && figures(db).opening > 0, "  leaves something to do, which nobody does");
    ok(weir_db_maintain(db, LONG, &err) >= 0 && figures(db).idle == 2,
       "  but weir_db_maintain, which also fills the minimum");
    conn = take(db, WEIR_WRITE);
    weir_conn_native(conn);
    weir_release(&conn);
    for (int i = 0; i < 50; i++)
        nap();
    is_int(figures(db).resetting, 1, "what is to be reset waits");
    ok(weir_db_maintain(db, LONG, &err) >= 0 && figures(db).idle == 2, "  for the same");
    conn = take(db, WEIR_WRITE);
    weir_discard(&conn);
    is_int(figures(db).closing, 1, "and so does what is to be closed");
    int status = try_take(&conn, db, WEIR_WRITE);
    ok(status == WEIR_OK || weir_db_maintain(db, LONG, &err) >= 0, "a borrower takes what is there,");
    weir_release(&conn);
    weir_db_maintain(db, LONG, &err);
    ok(figures(db).closed == 1 && figures(db).idle == 2, "and in the end all is in order");
    weir_db_close(&db);
}

static void says_when(void)
{
    const weir_hooks hooks = { .size = sizeof hooks, .now_ns = own_clock };
    weir_db *db = open_db(&hooks, "null://when/db?threads=none&idle_timeout=10s&leak_after=0s");
    int due_ms = weir_db_maintain(db, weir_never(), &err);
    ok(due_ms > 0 && due_ms <= 60000, "with nothing to do it wants to be called in a minute at most: %d ms", due_ms);
    weir_conn conn = take(db, WEIR_WRITE);
    weir_release(&conn);
    int calls = 0;
    for (; figures(db).closed == 0 && calls < 1000; calls++) {
        due_ms = weir_db_maintain(db, weir_never(), &err);
        atomic_fetch_add(&now_ns, (due_ms > 0 ? due_ms : 1) * MS);
    }
    ok(calls < 1000, "called when it wants to be, it closes what is idle for too long, after %d calls", calls);
    const weir_hooks same = hooks;
    weir_db *with = open_db(&same, "null://with/db");
    if (has_threads)
        is_int(weir_db_maintain(with, weir_never(), &err), 60000, "with threads there is never anything to do");
    else
        ok(weir_db_maintain(with, weir_never(), &err) >= 0, "this build makes no threads, whatever the option");
    weir_db_close(&with);
    weir_db_close(&db);
}

static void within_its_budget(void)
{
    weir_db *db = open_db(NULL, "null://budget/db?threads=none&pool_min=1&connect_delay=1h&connect_timeout=1h");
    int64_t start = real_ns();
    int due_ms = weir_db_maintain(db, weir_after_ms(20), &err);
    ok(real_ns() - start >= 20 * MS && real_ns() - start < 60000 * MS,
       "a connect that takes an hour gets what there is of the budget");
    ok(due_ms >= 0 && due_ms <= 60000, "  and is tried again");
    is_int(figures(db).opening + figures(db).idle, 0, "  nothing is left under way, for who should go on with it?");
    weir_db_close(&db);
}

/* ---- events */

static struct seen {
    pthread_mutex_t lock;
    int of_kind[16], wrong;
    char text[16][512];
    weir_db *db;
} seen = { .lock = PTHREAD_MUTEX_INITIALIZER };

static int no_text(void *arg, const char *text, size_t length)
{
    (void)text;
    *(size_t *)arg += length;
    return 0;
}

/* May look at everything, which takes every lock that there is. */
static int look_around(const weir_event *event)
{
    size_t length = 0;
    weir_conn conn;
    weir_figures f = { .size = sizeof f };
    int wrong = weir_pool_figures(&f, event->pool) != WEIR_OK || weir_metrics_write(seen.db, no_text, &length) != 0;
    if (weir_acquire(&conn, seen.db, WEIR_READ, weir_at_once(), NULL) == WEIR_OK)
        weir_release(&conn);
    return wrong || length == 0;
}

static void on_event(void *arg, const weir_event *event)
{
    int wrong = arg != &seen || event->size != sizeof *event || event->kind >= 16 || !event->text || !*event->text;
    wrong |= event->pool != weir_db_pool(seen.db, 0) || look_around(event);
    wrong |= (event->kind == WEIR_EVENT_CONNECT_FAILED || event->kind == WEIR_EVENT_LOST) &&
             (!event->err || event->err->status >= 0);
    pthread_mutex_lock(&seen.lock);
    seen.wrong += wrong;
    seen.of_kind[event->kind % 16]++;
    snprintf(seen.text[event->kind % 16], 512, "%s", event->text);
    pthread_mutex_unlock(&seen.lock);
}

static int count_of(int kind)
{
    pthread_mutex_lock(&seen.lock);
    int count = seen.of_kind[kind];
    pthread_mutex_unlock(&seen.lock);
    return count;
}

static void events(const char *mode)
{
    const weir_hooks hooks = { .size = sizeof hooks, .event = on_event, .arg = &seen };
    memset(seen.of_kind, 0, sizeof seen.of_kind);
    seen.wrong = 0;
    seen.db = open_db(&hooks, "null://u:geheim@events-%s/db?connect_fail=2&connect_backoff=1ms&threads=%s", mode, mode);
    weir_conn conn = take(seen.db, WEIR_WRITE);
    AWAIT(count_of(WEIR_EVENT_CONNECT_FAILED) >= 2); /* one may be told after another has come through */
    is_int(count_of(WEIR_EVENT_CONNECT_FAILED), 2, "threads=%s: two connects fail", mode);
    has_text(seen.text[WEIR_EVENT_CONNECT_FAILED], "refuses connections", "  and tell why");
    ok(count_of(WEIR_EVENT_OPENED) >= 1, "one is good");
    run(conn, "DIE");
    is_int(run(conn, "ADD 1"), WEIR_E_LOST, "it dies under use");
    is_int(count_of(WEIR_EVENT_LOST), 1, "  which is an event");
    has_text(seen.text[WEIR_EVENT_LOST], "dropped this session", "  that says how");
    run(conn, "ADD 1");
    is_int(count_of(WEIR_EVENT_LOST), 1, "  once");
    weir_release(&conn);
    conn = take(seen.db, WEIR_WRITE);
    weir_release(&conn);
    AWAIT(weir_db_maintain(seen.db, LONG, NULL) >= 0 && count_of(WEIR_EVENT_OPENED) >= 2);
    AWAIT(figures(seen.db).connect_failed == 2); /* what is told first, and counted then */
    weir_figures f = figures(seen.db);
    ok(f.lost == 1 && f.connect_failed == 2, "the figures count the same");
    weir_db_shutdown(seen.db, LONG, &err);
    weir_db *db = seen.db; /* what an event looks at meanwhile stays */
    weir_db_close(&db);
    is_int(seen.wrong, 0, "every event has its pool and its text, and may look at everything");
    for (int i = 0; i < 16; i++)
        seen.wrong += strstr(seen.text[i], "geheim") != NULL;
    is_int(seen.wrong, 0, "none has a secret");
}

int main(void)
{
    nothing_by_itself();
    says_when();
    within_its_budget();
    EACH_MODE(mode)
    events(*mode);
    return tap_done();
}
