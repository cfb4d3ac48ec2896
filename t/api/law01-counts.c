/*
 * Law 1: in every copy of the figures the connections add up to no more than there may be, and those opened are those closed and those
 * that live; and the server sees no more of them either.
 * SPDX-License-Identifier: MIT
 */
#include "rig.h"

#define WORKERS 16
#define ROUNDS 250
#define MOST 8 /* connections, at the largest size */

static struct load {
    weir_db *db;
    atomic_int working, failed;
} load;

/* Ends a loan in one of the ways that there are. */
static void use(weir_conn conn, unsigned *state)
{
    switch (dice(state, 8)) {
    case 0:
        run(conn, "DIRTY");
        break;
    case 1:
        run(conn, "DIE");
        run(conn, "ADD 1"); /* is told that the server has gone */
        break;
    case 2:
        run(conn, "BEGIN");
        break;
    case 3:
        weir_discard(&conn);
        break;
    default:
        ask(conn, "ROWS 1");
    }
    weir_release(&conn);
}

static void *work(void *arg)
{
    unsigned state = (unsigned)(uintptr_t)arg;
    for (int i = 0; i < ROUNDS; i++) {
        weir_conn conn;
        unsigned how = dice(&state, 3) ? WEIR_READ : WEIR_WRITE;
        if (weir_acquire(&conn, load.db, how, LONG, &err) < 0)
            atomic_fetch_add(&load.failed, 1), tap_note("%s", err.text);
        use(conn, &state);
    }
    atomic_fetch_sub(&load.working, 1);
    return NULL;
}

static int adds_up(const weir_figures *f)
{
    uint32_t settled = f->idle + f->used + f->resetting + f->closing;
    int right = settled + f->opening <= f->max && f->max <= MOST && f->opened == f->closed + settled;
    if (!right)
        tap_note("max %u: %u idle, %u used, %u opening, %u resetting, %u closing; %d opened, %d closed", f->max,
                 f->idle, f->used, f->opening, f->resetting, f->closing, (int)f->opened, (int)f->closed);
    return right;
}

/* Looks as fast as it can; now and then something changes. */
static void watch(int resizing)
{
    static const unsigned sizes[] = { 3, MOST, 1, 5 };
    int looks = 0, wrong = 0;
    for (; atomic_load(&load.working); looks++) {
        weir_figures f = figures(load.db);
        wrong += !adds_up(&f);
        if (resizing && looks % 50 == 49)
            weir_pool_resize(weir_db_pool(load.db, 0), sizes[looks / 50 % 4], NULL);
        if (resizing && looks % 70 == 69)
            weir_pool_evict(weir_db_pool(load.db, 0), NULL);
    }
    is_int(wrong, 0, "%s copies of the figures add up%s", looks > 100 ? "more than a hundred" : "all",
           resizing ? ", also while the pool is resized and evicted" : "");
}

static void counts(const char *mode, int resizing)
{
    pthread_t threads[WORKERS];
    load.db = open_db(NULL, "null://counts-%s-%d/db?pool_size=%d&server_limit=%d&threads=%s&max_connecting=4", mode,
                      resizing, resizing ? MOST : 5, resizing ? MOST : 5, mode);
    atomic_store(&load.working, WORKERS);
    for (size_t i = 0; i < WORKERS; i++)
        threads[i] = begin(work, (void *)(i + 1));
    watch(resizing);
    for (int i = 0; i < WORKERS; i++)
        end(threads[i]);
    is_int(load.failed, 0, "threads=%s: everybody is served", mode);
    weir_figures f = figures(load.db);
    ok(f.connect_failed == 0, "the server never saw more sessions than there may be");
    is_int(f.acquired, WORKERS * ROUNDS, "every loan was counted");
    ok(f.used == 0 && f.waiting == 0, "none is out");
    weir_db_close(&load.db);
}

static void shrinking(const char *mode)
{
    weir_conn conns[4];
    weir_db *db = open_db(NULL, "null://shrink-%s/db?pool_size=4&threads=%s", mode, mode);
    for (int i = 0; i < 4; i++)
        conns[i] = take(db, WEIR_WRITE);
    weir_pool_resize(weir_db_pool(db, 0), 2, NULL);
    weir_figures f = figures(db);
    ok(adds_up(&f) && f.max == 4 && f.used == 4, "a pool that shrinks is as large as what is still lent");
    weir_release(&conns[0]);
    weir_release(&conns[1]);
    weir_db_maintain(db, LONG, NULL);
    AWAIT(figures(db).closed == 2);
    ok(figures(db).max == 2 && figures(db).used == 2, "and small when that has come back");
    weir_release(&conns[2]);
    weir_release(&conns[3]);
    is_int(figures(db).idle, 2, "what fits stays");
    weir_pool_resize(weir_db_pool(db, 0), 1, NULL);
    weir_db_maintain(db, LONG, NULL);
    AWAIT(figures(db).closed == 3);
    is_int(figures(db).idle, 1, "what is idle and does not fit goes at once");
    weir_db_close(&db);
}

static struct crowd {
    weir_db *db;
    atomic_int out, most, served;
} crowd;

static void *hold_one(void *arg)
{
    (void)arg;
    for (int i = 0; i < 25; i++) {
        weir_conn conn = take(crowd.db, i % 2 ? WEIR_READ : WEIR_WRITE);
        int out = atomic_fetch_add(&crowd.out, 1) + 1;
        for (int most = crowd.most; out > most && !atomic_compare_exchange_weak(&crowd.most, &most, out);)
            ;
        if (i == 0)
            AWAIT(crowd.most >= 5); /* the first five hold on to theirs until all five are out */
        nap();
        atomic_fetch_sub(&crowd.out, 1);
        weir_release(&conn);
        atomic_fetch_add(&crowd.served, 1);
    }
    return NULL;
}

static void forty_and_five(const char *mode)
{
    pthread_t threads[40];
    crowd = (struct crowd){ 0 };
    crowd.db = open_db(NULL, "null://forty-%s/db?pool_size=5&server_limit=5&threads=%s", mode, mode);
    for (int i = 0; i < 40; i++)
        threads[i] = begin(hold_one, NULL);
    for (int i = 0; i < 40; i++)
        end(threads[i]);
    is_int(crowd.served, 1000, "40 threads and a pool of 5: all are served");
    is_int(crowd.most, 5, "five at a time");
    ok(figures(crowd.db).connect_failed == 0 && figures(crowd.db).opened >= 5, "on five sessions");
    weir_db_close(&crowd.db);
}

int main(void)
{
    EACH_MODE(mode)
    {
        counts(*mode, 0);
        counts(*mode, 1);
        shrinking(*mode);
        forty_and_five(*mode);
    }
    return tap_done();
}
