/*
 * SQLite under many threads: who waits is served, in order, and nobody hears of a lock.
 * SPDX-License-Identifier: MIT
 */
#include <stdio.h>
#include <string.h>
#include <sqlite3.h>
#include "talk.h"

#define WRITERS 8
#define READERS 8
#define COMMITS 4000 /* in all */

static char url[300];

static void make_counters(weir_db *db, int count)
{
    talk_db_run(db, "DROP TABLE IF EXISTS counters");
    talk_db_run(db, "CREATE TABLE counters(id INTEGER PRIMARY KEY, n INTEGER NOT NULL)");
    for (int i = 0; i < count; i++)
        talk_db_run(db, "INSERT INTO counters VALUES (%d, 0)", i);
}

static weir_figures figures(weir_db *db)
{
    weir_figures f = { .size = sizeof f };
    weir_pool_figures(&f, weir_db_pool(db, 0));
    return f;
}

/* ---- eight writers and eight readers ---- */

struct traffic {
    weir_db *db;
    pthread_barrier_t start;
    atomic_int commits, reads;
    atomic_int failed;
};

struct writer {
    struct traffic *t;
    int id, commits;
    unsigned attempts;
};

static void failure(struct traffic *t, const char *who, const weir_error *err)
{
    if (atomic_fetch_add(&t->failed, 1) < 5)
        tap_note("%s: %s", who, err->text);
}

/* Reads before it writes: without the write lock from its beginning, it would fail when another process commits in between. */
static int count_up(weir_conn conn, void *arg, weir_error *err)
{
    const struct writer *w = arg;
    weir_rows rows;
    int st = weir_query(&rows, conn, "SELECT n FROM counters WHERE id = ?", WEIR_ARGS(weir_int(w->id)), LONG, err);
    if (st < 0 || (st = weir_rows_next(rows, err)) < 0)
        return st;
    const int64_t n = weir_rows_int(rows, 0);
    if ((st = weir_rows_close(&rows, err)) < 0)
        return st;
    return weir_exec(NULL, conn, "UPDATE counters SET n = ? WHERE id = ?", WEIR_ARGS(weir_int(n + 1), weir_int(w->id)),
                     LONG, err);
}

static void *write_on(void *arg)
{
    struct writer *w = arg;
    pthread_barrier_wait(&w->t->start);
    while (atomic_fetch_add(&w->t->commits, 1) < COMMITS) {
        weir_error err;
        weir_outcome outcome;
        if (weir_transact(&outcome, w->t->db, count_up, w, NULL, LONG, &err) < 0)
            failure(w->t, "a writer", &err);
        else
            w->commits++;
        w->attempts += outcome.attempts;
    }
    return NULL;
}

static int read_sum(weir_conn conn, void *arg, weir_error *err)
{
    int64_t *sum = arg;
    weir_rows rows;
    int st = weir_query(&rows, conn, "SELECT sum(n) FROM counters", WEIR_NO_ARGS, LONG, err);
    if (st < 0 || (st = weir_rows_next(rows, err)) < 0)
        return st;
    *sum = weir_rows_int(rows, 0);
    return weir_rows_close(&rows, err);
}

/* The sum grows; nobody sees it shrink. */
static void *read_on(void *arg)
{
    static const weir_transact_options reading = { .size = sizeof reading, .read_only = 1 };
    struct traffic *t = arg;
    int64_t last = 0, sum = 0;
    pthread_barrier_wait(&t->start);
    while (atomic_load(&t->commits) < COMMITS) {
        weir_error err = { .text = "the sum has shrunk" };
        if (weir_transact(NULL, t->db, read_sum, &sum, &reading, LONG, &err) < 0 || sum < last)
            failure(t, "a reader", &err);
        last = sum;
        atomic_fetch_add(&t->reads, 1);
    }
    return NULL;
}

static void run_traffic(struct traffic *t, struct writer writers[WRITERS])
{
    pthread_t threads[WRITERS + READERS];
    pthread_barrier_init(&t->start, NULL, WRITERS + READERS);
    for (int i = 0; i < WRITERS; i++) {
        writers[i] = (struct writer){ .t = t, .id = i };
        talk_start(&threads[i], write_on, &writers[i]);
    }
    for (int i = WRITERS; i < WRITERS + READERS; i++)
        talk_start(&threads[i], read_on, t);
    for (int i = 0; i < WRITERS + READERS; i++)
        talk_join(threads[i]);
    pthread_barrier_destroy(&t->start);
}

static int commits_told(const struct writer writers[WRITERS], unsigned *attempts, double *fairness)
{
    int fewest = COMMITS, most = 0, sum = 0;
    *attempts = 0;
    for (int i = 0; i < WRITERS; i++) {
        fewest = writers[i].commits < fewest ? writers[i].commits : fewest;
        most = writers[i].commits > most ? writers[i].commits : most;
        sum += writers[i].commits;
        *attempts += writers[i].attempts;
    }
    *fairness = (double)fewest / most;
    return sum;
}

/* Returns the slowest writer's commits to the fastest's. */
static double traffic(void)
{
    struct writer writers[WRITERS];
    struct traffic t = { .db = talk_open(url, (const char *[]){ "pool_size", "8", NULL }) };
    unsigned attempts;
    double fairness;
    make_counters(t.db, WRITERS);
    run_traffic(&t, writers);
    is_int(commits_told(writers, &attempts, &fairness), COMMITS, "eight writers and eight readers are all served");
    is_int(t.failed, 0, "  and hear of no lock");
    is_int(attempts, COMMITS, "  nor does weir_transact");
    is_int(talk_db_ask(t.db, WEIR_READ, "SELECT sum(n) FROM counters"), COMMITS, "  every commit is stored, once");
    ok(t.reads > 0, "  with %d reads beside them", t.reads);
    is_int(figures(t.db).deadlocks_server, 0, "  no serialization failure was met");
    weir_db_close(&t.db);
    return fairness;
}

/* The pool is fair; how much of a processor each thread gets is not the pool's to say, so the best of some goes counts. */
static void fair_traffic(void)
{
    double best = 0;
    for (int go = 0; go < 20 && best < 0.8; go++) {
        const double fairness = traffic();
        best = fairness > best ? fairness : best;
    }
    ok(best >= 0.8, "the writers fare alike: the slowest makes %.2f of the commits of the fastest", best);
}

/* ---- forty threads and a pool of five ---- */

struct crowd {
    weir_db *db;
    atomic_int inside, most, failed;
};

static void *come_and_go(void *arg)
{
    struct crowd *c = arg;
    for (int i = 0; i < 50; i++) {
        weir_conn conn;
        weir_error err;
        if (weir_acquire(&conn, c->db, i % 10 ? WEIR_READ : WEIR_WRITE, LONG, &err) < 0) {
            atomic_fetch_add(&c->failed, 1);
            continue;
        }
        const int inside = atomic_fetch_add(&c->inside, 1) + 1;
        for (int most = c->most; most < inside && !atomic_compare_exchange_weak(&c->most, &most, inside);)
            ;
        if (i % 10 == 0)
            talk_run(conn, "UPDATE counters SET n = n + 1 WHERE id = 0");
        else
            talk_ask(conn, "SELECT n FROM counters WHERE id = 0");
        atomic_fetch_sub(&c->inside, 1);
        weir_release(&conn);
    }
    return NULL;
}

static void crowd(void)
{
    pthread_t threads[40];
    struct crowd c = { .db = talk_open(url, (const char *[]){ "pool_size", "5", NULL }) };
    make_counters(c.db, 1);
    for (int i = 0; i < 40; i++)
        talk_start(&threads[i], come_and_go, &c);
    for (int i = 0; i < 40; i++)
        talk_join(threads[i]);
    is_int(c.failed, 0, "forty threads on a pool of five are all served");
    ok(c.most <= 5, "  five at once at most: %d", c.most);
    ok(figures(c.db).opened <= 5, "  by as many connections");
    is_int(talk_db_ask(c.db, WEIR_READ, "SELECT n FROM counters"), 200, "  and every write is there");
    weir_db_close(&c.db);
}

/* ---- closing with connections lent and results open ---- */

static void close_while_lent(void)
{
    struct talk_memory memory = { 0 };
    weir_error err;
    const long long sqlite_before = sqlite3_memory_used();
    const weir_hooks hooks = talk_counting(&memory, NULL);
    weir_db *db = talk_open_with(url, &hooks);
    weir_conn writer = talk_borrow(db, WEIR_WRITE), reader = talk_borrow(db, WEIR_READ);
    weir_begin(writer, NULL, LONG, NULL);
    talk_run(writer, "UPDATE counters SET n = -1");
    weir_rows rows = talk_first(reader, WEIR_NO_ARGS, "SELECT n FROM counters");
    is_int(weir_db_shutdown(db, weir_at_once(), &err), WEIR_LENT, "a database is shut down with connections lent");
    has_text(err.text, "sqlite-pool.c", "  and the holders are named");
    weir_db_close(&db);
    is_int(weir_rows_next(rows, &err), WEIR_E_CLOSED, "the result that is open tells so");
    is_int(weir_exec(NULL, writer, "SELECT 1", WEIR_NO_ARGS, LONG, &err), WEIR_E_CLOSED, "so does a statement");
    is_int(weir_commit(NULL, writer, LONG, &err), WEIR_E_CLOSED, "and a commit");
    weir_rows_close(&rows, NULL);
    weir_release(&reader);
    weir_release(&writer);
    TALK_UNTIL(atomic_load(&memory.bytes) == 0);
    ok(sqlite3_memory_used() <= sqlite_before, "after the last loan nothing is left: %lld bytes of SQLite's",
       (long long)sqlite3_memory_used() - sqlite_before);
    db = talk_open(url, NULL);
    is_int(talk_db_ask(db, WEIR_WRITE, "SELECT count(*) FROM counters WHERE n = -1"), 0,
           "and what was not committed is not there");
    weir_db_close(&db);
}

/* A statement that runs is cut off. */
static void *run_for_minutes(void *arg)
{
    weir_conn *conn = arg;
    weir_error err = { .status = 0 };
    weir_exec(
        NULL, *conn,
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000000000) SELECT count(*) FROM n",
        WEIR_NO_ARGS, weir_never(), &err);
    ok(err.status == WEIR_E_CANCELLED || err.status == WEIR_E_CLOSED, "shutting down stops a statement: %s", err.text);
    ok(err.flags & WEIR_CONNECTION_DEAD || err.status == WEIR_E_CLOSED, "  for good");
    return NULL;
}

static void shut_down_while_running(void)
{
    pthread_t thread;
    weir_db *db = talk_open(url, NULL);
    weir_conn conn = talk_borrow(db, WEIR_READ);
    talk_start(&thread, run_for_minutes, &conn);
    is_int(weir_db_shutdown(db, weir_after_ms(50), NULL), WEIR_LENT, "a database is shut down while a statement runs");
    talk_join(thread);
    weir_release(&conn);
    is_int(weir_db_shutdown(db, LONG, NULL), WEIR_OK, "  and once more when it has been released");
    weir_db_close(&db);
}

int main(void)
{
    snprintf(url, sizeof url, "sqlite:%s/pool.db", tap_folder());
    fair_traffic();
    crowd();
    close_while_lent();
    shut_down_while_running();
    return tap_done();
}
