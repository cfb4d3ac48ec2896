/*
 * Borrowing and giving back, for users; and the upkeep of a db without threads.
 * SPDX-License-Identifier: MIT
 */
#include <stdio.h>
#include <base/error.h>
#include <db/inside.h>
#include <db/option.h>

int weir_acquire_for(weir_conn *out, weir_db *db, unsigned how, const weir_want *want, const char *here,
                     weir_deadline deadline, weir_error *err)
{
    if (!out)
        return fail(err, WEIR_E_ARGUMENT, "no place for the connection was given");
    *out = (weir_conn){ 0 };
    if (!db)
        return fail(err, WEIR_E_ARGUMENT, "no database was given");
    unsigned lane = how & ~WEIR_FAIL_FAST;
    if (lane != WEIR_READ && lane != WEIR_WRITE)
        return fail(err, WEIR_E_ARGUMENT, "a connection is borrowed either with WEIR_READ or with WEIR_WRITE");
    /* want->after: the one server has seen every commit that it has made a token of */
    if (want && want->size > offsetof(weir_want, who) && want->who)
        here = want->who;
    const struct loan_wish wish = {
        .lane = lane == WEIR_WRITE ? LANE_WRITE : LANE_READ,
        .fail_fast = how & WEIR_FAIL_FAST,
        .here = here,
        .deadline = deadline,
        .fallback = db->acquire_timeout,
    };
    return pool_lend(out, db->pool, &wish, err);
}

static void end_loan(weir_conn *conn, bool discard)
{
    if (!conn || !conn->slot)
        return;
    weir_conn ended = *conn;
    *conn = (weir_conn){ 0 };
    pool_release(ended.slot, ended.loan, discard);
}

void weir_release(weir_conn *conn)
{
    end_loan(conn, false);
}

void weir_discard(weir_conn *conn)
{
    end_loan(conn, true);
}

static int ready(weir_db *db, unsigned how, weir_deadline deadline, weir_error *err)
{
    weir_conn conn;
    int status = weir_acquire(&conn, db, how, deadline, err);
    weir_release(&conn);
    return status;
}

int weir_db_ready(weir_db *db, unsigned how, weir_deadline deadline, weir_error *err)
{
    if (!db)
        return fail(err, WEIR_E_ARGUMENT, "no database was given");
    unsigned fast = how & WEIR_FAIL_FAST;
    how &= ~WEIR_FAIL_FAST;
    if (!how || how & ~(WEIR_READ | WEIR_WRITE))
        return fail(err, WEIR_E_ARGUMENT, "a database is made ready for WEIR_READ, WEIR_WRITE or both");
    weir_deadline by = { -clock_deadline(&db->clock, deadline, db->acquire_timeout) };
    int status = how & WEIR_WRITE ? ready(db, WEIR_WRITE | fast, by, err) : WEIR_OK;
    return status >= 0 && how & WEIR_READ ? ready(db, WEIR_READ | fast, by, err) : status;
}

/* What waits to be written is written first. */
void *weir_conn_native(weir_conn conn)
{
    struct link *l;
    weir_error err;
    if (link_enter(&l, conn, NULL) < 0)
        return NULL;
    int status = l->late.count ? link_ready(l, (weir_deadline){ 0 }, &err) : WEIR_OK;
    void *native = status >= 0 && l->backend->native ? l->backend->native(l->conn) : NULL;
    l->foreign |= native != NULL;
    link_leave(l, status, &err);
    return native;
}

int weir_cancel(weir_conn conn, weir_error *err)
{
    return pool_cancel(conn.slot, conn.loan, err);
}

#define MINUTE_MS 60000

/* Work first: what it brings in is what the timers look at. */
int weir_db_maintain(weir_db *db, weir_deadline budget, weir_error *err)
{
    if (!db)
        return fail(err, WEIR_E_ARGUMENT, "no database was given");
    if (db->crew)
        return MINUTE_MS;
    int64_t until = clock_deadline(&db->clock, budget, NEVER);
    int64_t due = pool_tick(db->pool);
    bool more;
    while ((more = pool_work(db->pool, until)) && clock_now(&db->clock) < until)
        ;
    int64_t now = clock_now(&db->clock);
    if (more || due <= now)
        return 0;
    return due - now >= MINUTE_MS * NS_PER_MS ? MINUTE_MS : (int)((due - now + NS_PER_MS - 1) / NS_PER_MS);
}

size_t weir_db_pools(const weir_db *db)
{
    return db ? 1 : 0;
}

weir_pool *weir_db_pool(weir_db *db, size_t index)
{
    return db && index == 0 ? db->pool : NULL;
}

int weir_pool_resize(weir_pool *pool, unsigned max, weir_error *err)
{
    char text[16];
    const weir_option *row = core_options;
    if (!pool)
        return fail(err, WEIR_E_ARGUMENT, "no pool was given");
    while (row->name && strcmp(row->name, "pool_size") != 0)
        row++;
    snprintf(text, sizeof text, "%u", max);
    int status = option_check(row, text, err);
    if (status < 0)
        return status;
    status = pool_resize(pool, max);
    return status < 0 ? fail(err, status, "no memory for a pool of %u", max) : WEIR_OK;
}

int weir_pool_evict(weir_pool *pool, weir_error *err)
{
    if (!pool)
        return fail(err, WEIR_E_ARGUMENT, "no pool was given");
    pool_evict(pool);
    return WEIR_OK;
}
