/*
 * The lanes of a pool: readers never take the last places from writers, a full pool turns connections over, and where only one
 * connection may write there is only one that does.
 * SPDX-License-Identifier: MIT
 */
#include "../api/rig.h"
#include "../../backends/null/null.h"

static weir_db *db;
static struct null_server *server;

static void open_with(const char *scheme, const char *mode, const char *rest)
{
    static int servers;
    char name[32];
    snprintf(name, sizeof name, "lanes-%d", ++servers);
    server = null_server(name);
    db = open_db(NULL, "%s://%s/db?threads=%s&%s", scheme, name, mode, rest);
}

static void release_all(weir_conn *conns, int n)
{
    while (n-- > 0)
        weir_release(&conns[n]);
}

/* How many readers a pool of that size lends to at most, and whether a writer is served then. */
static void reserved(const char *mode, const char *rest, int readers, int writers)
{
    weir_conn conns[16], writer;
    open_with("null", mode, rest);
    for (int i = 0; i < readers; i++)
        conns[i] = take(db, WEIR_READ);
    is_int(run(conns[0], "ADD 1"), WEIR_E_READ_ONLY, "threads=%s, %s: a reader cannot write", mode, rest);
    is_int(try_take(&writer, db, WEIR_READ), WEIR_E_EXHAUSTED, "  there may be %d of them, and no more", readers);
    int status = weir_acquire(&writer, db, WEIR_WRITE, writers ? LONG : weir_at_once(), &err);
    is_int(status, writers ? WEIR_OK : WEIR_E_EXHAUSTED, "  which leaves %s for a writer",
           writers ? "a place" : "no place");
    is_int(run(writer, "ADD 1"), writers ? WEIR_OK : WEIR_E_STALE, "  who %s", writers ? "writes" : "has to wait");
    weir_release(&writer);
    release_all(conns, readers);
    weir_db_close(&db);
}

static atomic_int stop, late;

static void *read_on(void *arg)
{
    (void)arg;
    while (!stop) {
        weir_conn conn = take(db, WEIR_READ);
        run(conn, "SLEEP 100us");
        weir_release(&conn);
    }
    return NULL;
}

/* Every place that readers may have is taken again as soon as it is free. */
static void not_starved(const char *mode)
{
    pthread_t threads[12];
    open_with("null", mode, "pool_size=4&write_reserve=1");
    atomic_store(&stop, 0);
    for (int i = 0; i < 12; i++)
        threads[i] = begin(read_on, NULL);
    AWAIT(figures(db).waiting > 4);
    for (int i = 0; i < 200; i++) {
        weir_conn conn = take(db, WEIR_WRITE);
        int status = run(conn, "ADD 1");
        atomic_fetch_add(&late, status != WEIR_OK);
        weir_release(&conn);
    }
    atomic_store(&stop, 1);
    for (int i = 0; i < 12; i++)
        end(threads[i]);
    is_int(late, 0, "threads=%s: readers who want all there is do not keep a writer from writing", mode);
    ok(null_figure(server, NULL_TURNS) == 0 && null_figure(server, NULL_SESSIONS_MOST) <= 4,
       "  nor is a connection turned over for them");
    weir_db_close(&db);
}

static void turned_over(const char *mode)
{
    weir_conn conns[2];
    open_with("null", mode, "pool_size=2&write_reserve=0");
    conns[0] = take(db, WEIR_READ);
    conns[1] = take(db, WEIR_READ);
    run(conns[1], "DIRTY");
    release_all(conns, 2);
    conns[0] = take(db, WEIR_WRITE);
    conns[1] = take(db, WEIR_WRITE);
    ok(run(conns[0], "ADD 1") == WEIR_OK && run(conns[1], "ADD 1") == WEIR_OK,
       "threads=%s: readers' connections become writers'", mode);
    ok(null_figure(server, NULL_TURNS) == 2 && null_figure(server, NULL_OPENS) == 2,
       "  by a round trip each, without a connect");
    is_int(null_figure(server, NULL_WRITERS), 2, "  the server knows");
    release_all(conns, 2);
    weir_error lost = null_error(WEIR_E_SERVER);
    null_fail(server, NULL_TURNS, 1, &lost);
    conns[0] = take(db, WEIR_READ);
    is_int(run(conns[0], "ADD 1"), WEIR_E_READ_ONLY, "and back again");
    ok(null_await_at_least(server, NULL_CLOSES, 1) && figures(db).used == 1,
       "  one that fails to turn is closed, and another serves");
    ok(null_figure(server, NULL_SESSIONS_MOST) == 2 && figures(db).connect_failed == 0,
       "  never were there more than two");
    release_all(conns, 1);
    weir_db_close(&db);
}

/* A driver that cannot turn a session. */
static void replaced(const char *mode)
{
    open_with("null-bare", mode, "pool_size=1");
    weir_conn conn = take(db, WEIR_READ);
    is_int(run(conn, "ADD 1"), WEIR_E_READ_ONLY, "threads=%s: a driver without turn", mode);
    weir_release(&conn);
    conn = take(db, WEIR_WRITE);
    is_int(run(conn, "ADD 1"), WEIR_OK, "has the connection replaced for the other lane");
    ok(null_figure(server, NULL_OPENS) == 2 && null_figure(server, NULL_CLOSES) == 1, "by closing one and opening one");
    ok(null_figure(server, NULL_SESSIONS_MOST) == 1 && figures(db).connect_failed == 0, "in that order");
    weir_release(&conn);
    weir_db_close(&db);
}

static void *write_on(void *arg)
{
    (void)arg;
    for (int i = 0; i < 50; i++) {
        weir_conn conn = take(db, WEIR_WRITE);
        run(conn, "ADD 1");
        weir_release(&conn);
    }
    return NULL;
}

static void one_writer(const char *mode)
{
    weir_conn conns[8], other = { 0 };
    pthread_t threads[6];
    open_with("null-one", mode, "pool_size=4");
    conns[0] = take(db, WEIR_WRITE);
    for (int i = 1; i < 4; i++)
        conns[i] = take(db, WEIR_READ);
    is_int(figures(db).used, 4, "threads=%s: where one writes, all other places are readers'", mode);
    is_int(try_take(&other, db, WEIR_WRITE), WEIR_E_EXHAUSTED, "  a second writer waits");
    has_text(err.text, "1 of 1 are lent", "  for the first");
    release_all(conns, 4);
    atomic_store(&stop, 0);
    for (int i = 0; i < 6; i++)
        threads[i] = begin(i < 4 ? write_on : read_on, NULL);
    for (int i = 0; i < 4; i++)
        end(threads[i]);
    atomic_store(&stop, 1);
    end(threads[4]);
    end(threads[5]);
    ok(null_figure(server, NULL_WRITERS_MOST) == 1 && null_figure(server, NULL_COUNTER) == 200,
       "  many writers take turns on one session");
    weir_db_close(&db);

    open_with("null-one", mode, "pool_size=1");
    for (int i = 0; i < 3; i++) {
        conns[0] = take(db, WEIR_WRITE);
        run(conns[0], "ADD 1");
        weir_release(&conns[0]);
        conns[0] = take(db, WEIR_READ);
        is_int(ask(conns[0], "COUNTER"), i + 1, "  if it is the only one, it serves readers, too");
        weir_release(&conns[0]);
    }
    is_int(null_figure(server, NULL_OPENS), 1, "  all on one connection");
    weir_db_close(&db);
}

/* What keeps the data of such a server is neither evicted nor reaped, as long as it is the last. */
static void keeper(const char *mode)
{
    open_with("null", mode, "pool_size=3&write_reserve=0");
    null_set(server, NULL_VOLATILE, 1);
    weir_conn conns[3];
    for (int i = 0; i < 3; i++)
        conns[i] = take(db, WEIR_WRITE);
    run(conns[0], "ADD 42");
    release_all(conns, 3);
    weir_pool_evict(weir_db_pool(db, 0), &err);
    AWAIT(weir_db_maintain(db, LONG, NULL) >= 0 && figures(db).closed == 2);
    is_int(figures(db).idle, 1, "threads=%s: of connections that keep the data one is not evicted", mode);
    conns[0] = take(db, WEIR_WRITE);
    is_int(ask(conns[0], "COUNTER"), 42, "  and the data are there");
    weir_pool_evict(weir_db_pool(db, 0), &err);
    weir_release(&conns[0]);
    weir_pool_resize(weir_db_pool(db, 0), 1, &err);
    is_int(figures(db).idle, 1, "  nor one that was lent meanwhile");
    weir_db_close(&db);
}

int main(void)
{
    if (weir_backend_register(&weir_null_one_backend, &err) < 0 ||
        weir_backend_register(&weir_null_bare_backend, &err) < 0)
        tap_bail("%s", err.text);
    EACH_MODE(mode)
    {
        reserved(*mode, "pool_size=3&write_reserve=1", 2, 1);
        reserved(*mode, "pool_size=4&write_reserve=3", 1, 1);
        reserved(*mode, "pool_size=8", 6, 1);
        reserved(*mode, "pool_size=3&write_reserve=0", 3, 0);
        reserved(*mode, "pool_size=1", 1, 0);
        not_starved(*mode);
        turned_over(*mode);
        replaced(*mode);
        one_writer(*mode);
        keeper(*mode);
    }
    return tap_done();
}
