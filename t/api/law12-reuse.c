/*
 * Law 12: the connection used last is used next, so that surplus falls idle and goes after idle_timeout, down to pool_min, which is
 * kept filled.  The clock is the test's own.
 * SPDX-License-Identifier: MIT
 */
#include "rig.h"

#define BURST 5

static weir_db *db;

static void open_with(const char *mode, const char *rest)
{
    static int servers;
    const weir_hooks hooks = { .size = sizeof hooks, .now_ns = own_clock };
    db = open_db(&hooks, "null://reuse-%d/db?threads=%s&%s", ++servers, mode, rest);
}

static int64_t use_one(unsigned how)
{
    weir_conn conn = take(db, how);
    int64_t session = ask(conn, "SESSION");
    weir_release(&conn);
    return session;
}

/* Many at once; returns the session that came back last. */
static int64_t burst(unsigned how)
{
    weir_conn conns[BURST];
    int64_t session = 0;
    for (int i = 0; i < BURST; i++)
        conns[i] = take(db, how);
    for (int i = 0; i < BURST; i++) {
        session = ask(conns[i], "SESSION");
        weir_release(&conns[i]);
    }
    return session;
}

/* Time passes in steps, in each of which one connection is used, and maintenance has had its turn. */
static void use_one_for(int64_t ms, unsigned how)
{
    for (int64_t past = 0; past < ms; past += 100) {
        use_one(how);
        pass_ms(db, 100);
    }
}

/* At one moment: one may be asked just now whether it still works. */
static unsigned not_in_use(void)
{
    const weir_figures f = figures(db);
    return f.idle + f.resetting;
}

static void last_in_first_out(const char *mode)
{
    open_with(mode, "pool_size=5");
    int64_t last = burst(WEIR_WRITE);
    int others = 0;
    for (int i = 0; i < 1000; i++)
        others += use_one(WEIR_WRITE) != last;
    is_int(others, 0, "threads=%s: after a burst one borrower uses the connection that came back last, and only that",
           mode);
    is_int(figures(db).opened, BURST, "nothing was opened besides");
    weir_db_close(&db);
}

static void surplus_goes(const char *mode)
{
    open_with(mode, "pool_size=5&pool_min=2&idle_timeout=10s");
    int64_t last = burst(WEIR_WRITE);
    use_one_for(9500, WEIR_WRITE);
    is_int(not_in_use(), BURST, "threads=%s: before idle_timeout all of a burst are there", mode);
    use_one_for(2000, WEIR_WRITE);
    AWAIT(not_in_use() == 2 && figures(db).closing == 0);
    is_int(not_in_use(), 2, "then as many as pool_min says");
    use_one_for(60000, WEIR_WRITE);
    ok(not_in_use() == 2 && figures(db).opened == BURST, "which stay");
    is_int(use_one(WEIR_WRITE), last, "the one that was in use was none of the surplus");
    weir_db_close(&db);
}

/* When nothing happens at all, maintenance must have known when to look. */
static void all_go(const char *mode)
{
    open_with(mode, "pool_size=5&write_reserve=0&idle_timeout=10s");
    burst(WEIR_READ);
    pass_ms(db, 9500);
    is_int(not_in_use(), BURST, "threads=%s: nobody comes, and before idle_timeout all are there", mode);
    pass_ms(db, 1500);
    AWAIT(figures(db).closed == BURST);
    is_int(figures(db).closed, BURST, "after it the pool has shrunk to nothing");
    is_int(use_one(WEIR_READ) > 0, 1, "and it opens again for the next");
    weir_db_close(&db);
}

static void minimum(const char *mode)
{
    open_with(mode, "pool_size=6&pool_min=3&idle_timeout=10s");
    is_int(figures(db).opened, 0, "threads=%s: opening a database opens no connection", mode);
    is_int(weir_db_ready(db, WEIR_WRITE, LONG, &err), WEIR_OK, "making it ready");
    AWAIT(weir_db_maintain(db, LONG, NULL) >= 0 && figures(db).idle == 3);
    is_int(figures(db).opened, 3, "opens the minimum");
    weir_conn conn = take(db, WEIR_WRITE);
    weir_discard(&conn);
    AWAIT(weir_db_maintain(db, LONG, NULL) >= 0 && figures(db).idle == 3);
    is_int(figures(db).opened, 4, "one that is lost is replaced");
    weir_pool_evict(weir_db_pool(db, 0), &err);
    AWAIT(weir_db_maintain(db, LONG, NULL) >= 0 && figures(db).idle == 3 && figures(db).closed == 4);
    is_int(figures(db).opened, 7, "and so are those that are evicted");
    conn = take(db, WEIR_READ);
    ok(figures(db).min == 3 && figures(db).used + figures(db).idle == 3, "the minimum serves readers, too");
    weir_release(&conn);
    weir_db_close(&db);
}

int main(void)
{
    EACH_MODE(mode)
    {
        last_in_first_out(*mode);
        surplus_goes(*mode);
        all_go(*mode);
        minimum(*mode);
    }
    return tap_done();
}
