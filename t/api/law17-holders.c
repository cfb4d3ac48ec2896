/*
 * Law 17: whoever waits in vain is told who holds what, on which thread and for how long; and a loan that is out for too long is
 * reported once.  The clock is the test's own, so that ages are exact.
 * SPDX-License-Identifier: MIT
 */
#include <unistd.h>
#include "rig.h"

#define SECOND (1000 * MS)

static weir_db *db;
static char my_thread[32]; /* as errors name it; empty where the kernel's number is not to be had */

static struct report {
    pthread_mutex_t lock;
    int leaks;
    weir_event last;
    char text[512];
} report = { .lock = PTHREAD_MUTEX_INITIALIZER };

static void on_event(void *arg, const weir_event *event)
{
    (void)arg;
    if (event->kind != WEIR_EVENT_LEAK)
        return;
    pthread_mutex_lock(&report.lock);
    report.leaks++;
    report.last = *event;
    snprintf(report.text, sizeof report.text, "%s", event->text);
    pthread_mutex_unlock(&report.lock);
}

static int leaks_reported(void)
{
    pthread_mutex_lock(&report.lock);
    int leaks = report.leaks;
    pthread_mutex_unlock(&report.lock);
    return leaks;
}

static void open_with(const char *mode, const char *rest)
{
    const weir_hooks hooks = { .size = sizeof hooks, .now_ns = own_clock, .event = on_event };
    report.leaks = 0;
    db = open_db(&hooks, "null://holders-%s/db?threads=%s&%s", mode, mode, rest);
}

static weir_conn borrow_as(const char *who)
{
    weir_conn conn;
    const weir_want want = { .size = sizeof want, .who = who };
    if (weir_acquire_for(&conn, db, WEIR_WRITE, &want, WEIR_HERE, LONG, &err) < 0)
        tap_bail("%s", err.text);
    return conn;
}

static void *borrow_elsewhere(void *arg)
{
    *(weir_conn *)arg = borrow_as("the other thread");
    return NULL;
}

static void named(const char *mode)
{
    weir_conn conns[3], mine;
    open_with(mode, "pool_size=3");
    if (weir_acquire(&conns[0], db, WEIR_WRITE, LONG, &err) < 0)
        tap_bail("%s", err.text);
    atomic_fetch_add(&now_ns, 5 * SECOND);
    conns[1] = borrow_as("the nightly job");
    end(begin(borrow_elsewhere, &conns[2]));
    atomic_fetch_add(&now_ns, 90 * SECOND);
    is_int(try_take(&mine, db, WEIR_WRITE), WEIR_E_EXHAUSTED, "threads=%s: all are lent", mode);
    has_text(err.text, "3 of 3 are lent", "  so many of so many");
    has_text(err.text, "law17-holders.c:", "  by the place in the source");
    has_text(err.text, "the nightly job (thread ", "  or the name that the holder gave");
    has_text(err.text, "the other thread (thread ", "  whatever thread it is on");
    has_text(err.text, my_thread, "  which is named by its number");
    has_text(err.text, "95s)", "  and for how long: 95 seconds");
    has_text(err.text, "90s)", "  or 90");
    ok(!strpbrk(err.text, "\n\r"), "  in one line");
    for (int i = 0; i < 3; i++)
        weir_release(&conns[i]);
    weir_db_close(&db);
}

static void many_holders(const char *mode)
{
    weir_conn conns[12], mine;
    open_with(mode, "pool_size=12");
    for (int i = 0; i < 12; i++)
        conns[i] = borrow_as("one of the crowd");
    is_int(try_take(&mine, db, WEIR_WRITE), WEIR_E_EXHAUSTED, "all of a large pool are lent");
    has_text(err.text, "12 of 12 are lent", "threads=%s: of many holders", mode);
    has_text(err.text, " and 8 more", "  the first few are named");
    is_int(weir_db_shutdown(db, weir_at_once(), &err), WEIR_LENT, "  a shutdown");
    has_text(err.text, "one of the crowd", "  names them, too");
    for (int i = 0; i < 12; i++)
        weir_release(&conns[i]);
    weir_db_close(&db);
}

static void leaked(const char *mode)
{
    open_with(mode, "pool_size=2&leak_after=30s");
    weir_conn conn = borrow_as("the forgetful"), other;
    pass_ms(db, 29000);
    is_int(leaks_reported(), 0, "threads=%s: a loan of 29 seconds is no leak", mode);
    pass_ms(db, 2000);
    AWAIT(leaks_reported() == 1);
    is_int(leaks_reported(), 1, "  one of 30 is");
    has_text(report.text, "the forgetful", "  who has it is named");
    has_text(report.text, "lent for 3", "  and since when");
    has_text(report.text, "thread ", "  and on which thread");
    ok(report.last.size == sizeof(weir_event) && report.last.pool == weir_db_pool(db, 0) && !report.last.err,
       "  by an event");
    pass_ms(db, 40000);
    ok(leaks_reported() == 1 && figures(db).leaks == 1, "it is reported once");
    weir_release(&conn);
    conn = borrow_as("the next");
    pass_ms(db, 20000);
    is_int(leaks_reported(), 1, "the next loan of that connection is another");
    other = borrow_as(NULL);
    pass_ms(db, 12000);
    AWAIT(leaks_reported() == 2);
    has_text(report.text, "the next", "which is reported when it is too old itself");
    pass_ms(db, 20000);
    AWAIT(leaks_reported() == 3);
    has_text(report.text, "law17-holders.c", "and so is one in another lane, by its place");
    weir_release(&conn);
    weir_release(&other);
    is_int((int64_t)figures(db).leaks, 3, "all are counted");
    weir_db_close(&db);
}

/* Who uses a connection all the time does not return it either. */
static void leaked_in_use(const char *mode)
{
    weir_conn conn;
    open_with(mode, "leak_after=10s");
    if (weir_acquire_for(&conn, db, WEIR_WRITE, NULL, NULL, LONG, &err) < 0)
        tap_bail("%s", err.text);
    for (int i = 0; i < 12; i++) {
        run(conn, i % 2 ? "DIRTY" : "BEGIN");
        pass_ms(db, 1000);
        run(conn, "ROLLBACK");
    }
    AWAIT(leaks_reported() == 1);
    has_text(report.text, "lent for 1", "threads=%s: a loan that is used is too old as well, even without a name",
             mode);
    weir_release(&conn);
    weir_db_close(&db);

    open_with(mode, "leak_after=0s");
    conn = borrow_as("the patient");
    pass_ms(db, 60000);
    is_int(leaks_reported(), 0, "leak_after=0: nothing is reported");
    weir_release(&conn);
    weir_db_close(&db);
}

int main(void)
{
#ifdef __linux__
    snprintf(my_thread, sizeof my_thread, "(thread %d, ", (int)getpid());
#endif
    EACH_MODE(mode)
    {
        named(*mode);
        many_holders(*mode);
        leaked(*mode);
        leaked_in_use(*mode);
    }
    return tap_done();
}
