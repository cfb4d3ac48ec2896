/*
 * Law 4: waiters are served in the order in which they came, and overtaken only while the oldest of them is young.
 * The clock is the test's own, so that nobody grows old by accident.
 * SPDX-License-Identifier: MIT
 */
#include "rig.h"

#define WAITERS 6

static weir_db *db;

static void open_with(const char *mode, const char *rest)
{
    const weir_hooks hooks = { .size = sizeof hooks, .now_ns = own_clock };
    db = open_db(&hooks, "null://order-%s/db?threads=%s&%s", mode, mode, rest);
}

static struct waiting {
    unsigned how;
    int status;
    weir_conn conn;
    atomic_int served, release;
    int place; /* in the order of being served */
} waiters[WAITERS];
static atomic_int places;

static void *wait_for_one(void *arg)
{
    struct waiting *w = arg;
    w->status = weir_acquire(&w->conn, db, w->how, LONG, &err);
    w->place = atomic_fetch_add(&places, 1);
    atomic_store(&w->served, 1);
    AWAIT(w->release);
    weir_release(&w->conn);
    return NULL;
}

/* One more waits, after those that do. */
static pthread_t join_queue(struct waiting *w, unsigned how)
{
    unsigned before = figures(db).waiting;
    w->how = how;
    w->served = w->release = 0;
    pthread_t thread = begin(wait_for_one, w);
    AWAIT(figures(db).waiting == before + 1);
    return thread;
}

static void first_come(const char *mode)
{
    pthread_t threads[WAITERS];
    open_with(mode, "pool_size=1&overtake_limit=0s");
    weir_conn conn = take(db, WEIR_WRITE);
    atomic_store(&places, 0);
    for (int i = 0; i < WAITERS; i++) {
        threads[i] = join_queue(&waiters[i], WEIR_WRITE);
        atomic_fetch_add(&now_ns, MS);
    }
    weir_release(&conn);
    for (int i = 0; i < WAITERS; i++) {
        AWAIT(waiters[i].served);
        is_int(figures(db).waiting, WAITERS - 1 - i, "threads=%s: a connection that comes free serves one", mode);
        atomic_store(&waiters[i].release, 1);
        end(threads[i]);
        ok(waiters[i].status == WEIR_OK && waiters[i].place == i, "  the one who came as number %d", i + 1);
    }
    is_int(figures(db).opened, 1, "all of them the same connection");
    weir_db_close(&db);
}

/* Nobody can come between: the slot is the waiter's before the release returns. */
static void handed_over(const char *mode, const char *limit, int64_t age_ns)
{
    char rest[64];
    weir_conn mine;
    snprintf(rest, sizeof rest, "pool_size=1&overtake_limit=%s", limit);
    open_with(mode, rest);
    weir_conn conn = take(db, WEIR_WRITE);
    pthread_t thread = join_queue(&waiters[0], WEIR_WRITE);
    atomic_fetch_add(&now_ns, age_ns);
    weir_release(&conn);
    weir_figures f = figures(db);
    ok(f.idle == 0 && f.used == 1 && f.waiting == 0, "overtake_limit=%s: a waiter of %d ms is handed the connection",
       limit, (int)(age_ns / MS));
    is_int(try_take(&mine, db, WEIR_WRITE), WEIR_E_EXHAUSTED, "  and a newcomer does not get it");
    AWAIT(waiters[0].served);
    atomic_store(&waiters[0].release, 1);
    end(thread);
    weir_db_close(&db);
}

/* While the waiter is young, who comes first after the release has it: now and then that is not the waiter. */
static void overtaken(const char *mode)
{
    weir_conn mine;
    open_with(mode, "pool_size=1&overtake_limit=1s");
    int overtook = 0;
    for (int64_t end_ns = real_ns() + 60000 * MS; !overtook && real_ns() < end_ns;) {
        weir_conn conn = take(db, WEIR_WRITE);
        pthread_t thread = join_queue(&waiters[0], WEIR_WRITE);
        atomic_fetch_add(&now_ns, 999 * MS);
        weir_release(&conn);
        overtook = try_take(&mine, db, WEIR_WRITE) == WEIR_OK;
        if (overtook)
            ok(!waiters[0].served && figures(db).waiting == 1, "a young waiter is overtaken, and goes on waiting");
        atomic_fetch_add(&now_ns, MS); /* old now */
        weir_release(&mine);
        AWAIT(waiters[0].served);
        is_int(waiters[0].status, WEIR_OK, "  the next is its own");
        atomic_store(&waiters[0].release, 1);
        end(thread);
    }
    ok(overtook, "threads=%s: a connection that is free is not kept from who can use it at once", mode);
    weir_db_close(&db);
}

/* In a full pool a connection changes its lane for whoever has waited longest. */
static void across_lanes(const char *mode)
{
    open_with(mode, "pool_size=1&write_reserve=0&overtake_limit=1ms");
    weir_conn conn = take(db, WEIR_WRITE);
    atomic_store(&places, 0);
    pthread_t reader = join_queue(&waiters[0], WEIR_READ);
    atomic_fetch_add(&now_ns, 2 * MS);
    pthread_t writer = join_queue(&waiters[1], WEIR_WRITE);
    weir_release(&conn);
    weir_conn mine;
    is_int(try_take(&mine, db, WEIR_WRITE), WEIR_E_EXHAUSTED, "threads=%s: a reader has waited longest", mode);
    AWAIT(waiters[0].served);
    is_int(waiters[0].place, 0, "  and is served before a writer, with what a writer gave back");
    is_int(run(waiters[0].conn, "ADD 1"), WEIR_E_READ_ONLY, "  and what the server keeps from writing");
    atomic_store(&waiters[0].release, 1);
    AWAIT(waiters[1].served);
    is_int(run(waiters[1].conn, "ADD 1"), WEIR_OK, "then the writer gets it, who may write");
    atomic_store(&waiters[1].release, 1);
    end(reader);
    end(writer);
    is_int(figures(db).opened, 1, "it is one connection");
    weir_db_close(&db);
}

int main(void)
{
    EACH_MODE(mode)
    {
        first_come(*mode);
        handed_over(*mode, "1ms", MS);
        handed_over(*mode, "20ms", 20 * MS);
        handed_over(*mode, "0s", 0);
        overtaken(*mode);
        across_lanes(*mode);
    }
    return tap_done();
}
