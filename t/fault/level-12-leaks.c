/*
 * Level 12: a leak is reported once, within a second of its time, with the holder's place or name, thread, age and last statement less
 * its literals; whatever is stale is told so, always, and changes nothing; a thread that would wait for itself is told so at once.
 * SPDX-License-Identifier: MIT
 */
#include "rig.h"

static void *borrow_elsewhere(void *arg)
{
    weir_want want = { .size = sizeof want, .who = "the night shift" };
    if (weir_acquire_for(arg, db, WEIR_READ, &want, WEIR_HERE, weir_after_ms(1000), &err) < 0)
        tap_bail("%s", err.text);
    return NULL;
}

static void reports(void)
{
    weir_conn leaked, other, fine;
    pthread_t thread;
    char mine[64];
    rig_open(NULL_CLOCK_MANUAL, "null://level-12/db?leak_after=30s");
    pass(100);
    take(&leaked, WEIR_WRITE, 1000);
    snprintf(mine, sizeof mine, "thread %u", (unsigned)atomic_load(&leaked.slot->holder));
    run(leaked, "ADD   42  ");
    pass(29000);
    take(&fine, WEIR_WRITE, 1000);
    weir_release(&fine);
    is_int(figures().leaks, 0, "a loan of 29 s is no leak yet");
    pass(2000);
    await(told(WEIR_EVENT_LEAK) == 1, "within a second of leak_after, it is reported");
    has_text(last_told(), "lent for 30", "with its age");
    has_text(last_told(), "t/fault/rig.c:", "its holder's place in the source");
    has_text(last_told(), mine, "its thread");
    has_text(last_told(), "last statement: ADD ?", "and its last statement, less the literals");
    pass(60000);
    is_int(told(WEIR_EVENT_LEAK), 1, "once, and never again");
    pthread_create(&thread, NULL, borrow_elsewhere, &other);
    pthread_join(thread, NULL);
    pass(31000);
    await(told(WEIR_EVENT_LEAK) == 2, "another one is reported, too");
    has_text(last_told(), "the night shift", "with its holder's name, if it gave one");
    ok(!strstr(last_told(), "statement"), "and no statement: that of the borrower before is not its own");
    is_int(figures().leaks, 2, "both are counted");
    is_int(run(leaked, "ADD 1"), WEIR_OK, "a leaked connection is its holder's as before");
    weir_release(&leaked);
    weir_release(&other);
    rig_close();
}

/* A statement whose text is forgotten while maintenance may be reading it. */
static void forgotten_texts(void)
{
    weir_conn conns[8];
    rig_open(NULL_CLOCK_MANUAL, "null://level-12/db?leak_after=10ms&statement_cache=0");
    for (int round = 0; round < 50 || (round < 100000 && !figures().leaks); round++) { /* until it has had its turn */
        char sql[32];
        for (int i = 0; i < 8; i++)
            take(&conns[i], WEIR_WRITE, 1000);
        pass(40);
        for (int i = 0; i < 8; i++) {
            snprintf(sql, sizeof sql, "ADD %d", round * 8 + i);
            run(conns[i], sql);
            null_clock_advance(&moment, 10 * MS);
        }
        for (int i = 0; i < 8; i++)
            weir_release(&conns[i]);
    }
    ok(figures().leaks > 0, "statements are forgotten while leaks are reported, and nobody stumbles");
    rig_close();
}

/* Every call on a handle that is over. */
static int told_stale(weir_conn conn)
{
    weir_rows rows;
    int64_t n;
    return weir_exec(&n, conn, "ADD 1", WEIR_NO_ARGS, weir_never(), &err) == WEIR_E_STALE &&
           weir_query(&rows, conn, "COUNTER", WEIR_NO_ARGS, weir_never(), &err) == WEIR_E_STALE &&
           weir_begin(conn, NULL, weir_never(), &err) == WEIR_E_STALE &&
           weir_commit(NULL, conn, weir_never(), &err) == WEIR_E_STALE &&
           weir_rollback(conn, weir_never(), &err) == WEIR_E_STALE && weir_cancel(conn, &err) == WEIR_E_STALE &&
           !weir_conn_native(conn) && weir_last_id(conn) == 0;
}

static void stale(void)
{
    int told_so = 0, harmed = 0;
    rig_open(NULL_CLOCK_MANUAL, "null://level-12/db?pool_size=1");
    for (int i = 0; i < 1000; i++) {
        weir_conn conn, copy, again;
        take(&conn, WEIR_WRITE, 1000);
        copy = conn;
        weir_release(&conn);
        told_so += told_stale(copy);
        take(&again, WEIR_WRITE, 1000);
        told_so += told_stale(copy);
        weir_release(&copy);
        copy = (weir_conn){ again.slot, again.loan - 1 };
        weir_discard(&copy);
        harmed += run(again, "ADD 1") < 0 || figures().used != 1;
        weir_release(&again);
    }
    is_int(told_so, 2000, "2000 of 2000 uses of a stale handle are told so");
    is_int(harmed, 0, "and a stale release or discard changes nothing");
    is_int(null_figure(server, NULL_COUNTER), 1000, "nor does a stale statement");
    is_int(figures().opened, 1, "one connection has served them all");
    rig_close();
}

static void nested(void)
{
    weir_conn conns[5], more;
    struct caller other;
    rig_open(NULL_CLOCK_MANUAL, "null://level-12/db?pool_size=5&write_reserve=1&nested=refuse");
    for (int i = 0; i < 4; i++)
        take(&conns[i], WEIR_READ, 1000);
    int64_t start = now_ms();
    is_int(take(&more, WEIR_READ, 60000), WEIR_E_DEADLOCK_SELF,
           "a thread that holds all that readers may have is told so");
    has_text(err.text, "holds all 4 connections that a read loan could get", "with their number");
    is_int(take(&conns[4], WEIR_WRITE, 1000), WEIR_OK, "there is still one for a writer");
    is_int(take(&more, WEIR_WRITE, 60000), WEIR_E_DEADLOCK_SELF, "then none, though it holds only one of these");
    is_int(now_ms(), start, "both are told at once");
    callers_begin(&other, 1, WEIR_WRITE, 60000, NULL);
    until(figures().waiting == 1);
    ok(!other.done, "another thread waits");
    weir_release(&conns[4]);
    await(callers_done(&other, 1) && other.status == WEIR_OK, "and is served");
    flow(true);
    is_int(take(&more, WEIR_WRITE, 1), WEIR_E_EXHAUSTED, "where others hold one, a thread waits for that");
    flow(false);
    callers_end(&other, 1);
    for (int i = 0; i < 4; i++)
        weir_release(&conns[i]);
    rig_close();
}

int main(void)
{
    reports();
    forgotten_texts();
    stale();
    nested();
    return tap_done();
}
