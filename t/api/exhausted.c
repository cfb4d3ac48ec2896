/*
 * Whoever waits in vain is told who is in the way: the holders in the same lane or, where the pool is full before the lane is, all of
 * them.
 * SPDX-License-Identifier: MIT
 */
#include <string.h>
#include <tap.h>
#include <weir.h>

static weir_conn borrow(weir_db *db, unsigned how, const char *who)
{
    weir_conn conn;
    weir_error err;
    weir_want want = { .size = sizeof want, .who = who };
    if (weir_acquire_for(&conn, db, how, &want, WEIR_HERE, weir_after_ms(10000), &err) < 0)
        tap_bail("cannot borrow: %s", err.text);
    return conn;
}

static weir_db *open_pool(const char *url)
{
    weir_db *db;
    weir_error err;
    if (weir_db_open(&db, url, NULL, &err) < 0)
        tap_bail("cannot open: %s", err.text);
    return db;
}

static void names_the_other_lane(void)
{
    weir_error err;
    weir_conn conn;
    weir_db *db = open_pool("null:?pool_size=1");
    weir_conn writer = borrow(db, WEIR_WRITE, "the writer");
    is_int(weir_acquire(&conn, db, WEIR_READ, weir_at_once(), &err), WEIR_E_EXHAUSTED, "a reader finds the pool full");
    has_text(err.text, "1 of 1 are lent", "its error counts the writer");
    has_text(err.text, "the writer", "and names it");
    weir_release(&writer);
    weir_db_close(&db);
}

static void names_its_own_lane(void)
{
    weir_error err;
    weir_conn conn;
    weir_db *db = open_pool("null:?pool_size=4&write_reserve=3");
    weir_conn writer = borrow(db, WEIR_WRITE, "the writer"), reader = borrow(db, WEIR_READ, "the reader");
    is_int(weir_acquire(&conn, db, WEIR_READ, weir_at_once(), &err), WEIR_E_EXHAUSTED, "a reader finds its lane full");
    has_text(err.text, "1 of 1 are lent", "its error counts the lane");
    has_text(err.text, "holders: the reader", "and names who holds it");
    ok(!strstr(err.text, "the writer"), "not a writer, who is not in its way");
    weir_release(&reader);
    weir_release(&writer);
    weir_db_close(&db);
}

int main(void)
{
    names_the_other_lane();
    names_its_own_lane();
    return tap_done();
}
