/*
 * One run: fresh tables, the workers, the figures, and whether the end is what was to be.
 * SPDX-License-Identifier: MIT
 */
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include "services.h"

struct run {
    const struct workload *workload;
    const struct mode *mode;
    uint64_t seed;
    const struct side *side;
    void *opened;
    atomic_int next[REPLICAS]; /* of each replica, the operation that is its next */
    bool *committed;           /* of each operation, as below */
    double *ms;
};

struct worker {
    struct run *run;
    int replica, conflicts, failures, retries;
};

static double now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

void think(int us)
{
    if (us > 0)
        nanosleep(&(struct timespec){ .tv_nsec = us * 1000L }, NULL);
}

/* ---- the workers */

static void do_operation(struct worker *w, int index)
{
    struct run *r = w->run;
    struct operation o;
    const int n = w->replica * r->workload->operations + index;
    work_make(&o, r->workload, r->seed, w->replica, index);
    const double began = now_s();
    const enum end end = r->side->operate(r->opened, &o, r->mode, r->workload->think_us, &w->retries);
    r->ms[n] = (now_s() - began) * 1e3;
    r->committed[n] = end == COMMITTED;
    w->conflicts += end == CONFLICT;
    w->failures += end != COMMITTED;
}

static void *work(void *arg)
{
    struct worker *w = arg;
    int index;
    while ((index = atomic_fetch_add(&w->run->next[w->replica], 1)) < w->run->workload->operations)
        do_operation(w, index);
    return NULL;
}

static void work_all(struct run *r, struct worker *workers)
{
    pthread_t *threads = calloc((size_t)r->workload->workers, sizeof *threads);
    must(threads, "the workers", "no memory");
    for (int i = 0; i < r->workload->workers; i++) {
        workers[i] = (struct worker){ .run = r, .replica = i % REPLICAS };
        must(pthread_create(&threads[i], NULL, work, &workers[i]) == 0, "pthread_create", "no thread");
    }
    for (int i = 0; i < r->workload->workers; i++)
        pthread_join(threads[i], NULL);
    free(threads);
}

/* ---- the database, before and after */

static void ask(weir_db *admin, const char *sql, void (*row)(weir_rows rows, void *arg), void *arg)
{
    weir_conn conn;
    weir_rows rows;
    weir_error err;
    must(weir_acquire(&conn, admin, WEIR_WRITE, weir_after_ms(60000), &err) == WEIR_OK, "weir_acquire", err.text);
    must(weir_query(&rows, conn, sql, WEIR_NO_ARGS, weir_after_ms(60000), &err) == WEIR_OK, sql, err.text);
    while (weir_rows_next(rows, &err) == WEIR_ROW)
        row(rows, arg);
    must(weir_rows_close(&rows, &err) == WEIR_OK, sql, err.text);
    weir_release(&conn);
}

static void take_number(weir_rows rows, void *arg)
{
    *(int64_t *)arg = weir_rows_int(rows, 0);
}

static int64_t ask_number(const struct bench *b, const char *sql)
{
    int64_t number = 0;
    if (sql)
        ask(b->admin, sql, take_number, &number);
    return number;
}

/* A session may count its deadlocks when it ends. */
static void wait_for_others(const struct bench *b)
{
    for (int tries = 0; b->database->others && ask_number(b, b->database->others) > 0; tries++) {
        must(tries < 2000, b->database->name, "sessions do not end");
        think(5000);
    }
}

static void say(const struct bench *b, const char *sql)
{
    weir_conn conn;
    weir_error err;
    must(weir_acquire(&conn, b->admin, WEIR_WRITE, weir_after_ms(60000), &err) == WEIR_OK, "weir_acquire", err.text);
    must(weir_exec(NULL, conn, sql, WEIR_NO_ARGS, weir_after_ms(60000), &err) == WEIR_OK, sql, err.text);
    weir_release(&conn);
}

static void make_tables(const struct bench *b)
{
    char sql[SQL_MAX];
    for (int i = SHARED; i < SERVICES; i++) {
        snprintf(sql, sizeof sql, "DROP TABLE IF EXISTS %s", sql_table_name(i));
        say(b, sql);
        sql_table(sql, b->database->dialect, i);
        say(b, sql);
    }
}

struct reading {
    struct state *state;
    int service;
};

static void take_row(weir_rows rows, void *arg)
{
    const struct reading *r = arg;
    state_add(r->state, r->service, weir_rows_text(rows, 0), (int)weir_rows_int(rows, 1), weir_rows_int(rows, 2),
              weir_rows_int(rows, 3), weir_rows_int(rows, 4));
}

static struct state read_state(const struct bench *b)
{
    struct state s = { 0 };
    char sql[SQL_MAX];
    for (int i = SHARED; i < SERVICES; i++) {
        snprintf(sql, sizeof sql, "SELECT symbol, %s, n, total, newest FROM %s", i == SHARED ? "0" : "slot",
                 sql_table_name(i));
        ask(b->admin, sql, take_row, &(struct reading){ &s, i });
    }
    return s;
}

static void verify(const struct bench *b, const struct run *r, struct state *s)
{
    char why[300];
    const struct state want = work_expected(r->workload, r->seed, r->committed);
    *s = read_state(b);
    snprintf(why, sizeof why,
             "the tables hold %" PRId64 " rows, count %" PRId64 ", total %" PRId64 ", digest %016" PRIx64
             ", but what was committed comes to %" PRId64 ", %" PRId64 ", %" PRId64 ", %016" PRIx64,
             s->rows, s->count, s->total, s->digest, want.rows, want.count, want.total, want.digest);
    must(s->rows == want.rows && s->count == want.count && s->total == want.total && s->digest == want.digest,
         r->mode->name, why);
}

/* ---- figures */

static int compare(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void count(struct figures *f, const struct run *r, const struct worker *workers, int64_t deadlocks)
{
    const double all = REPLICAS * r->workload->operations;
    double conflicts = 0, failures = 0;
    for (int i = 0; i < r->workload->workers; i++) {
        conflicts += workers[i].conflicts;
        failures += workers[i].failures;
        f->retries += workers[i].retries;
    }
    qsort(r->ms, (size_t)all, sizeof *r->ms, compare);
    f->p50_ms = r->ms[(int)(all * 0.5)];
    f->p99_ms = r->ms[(int)(all * 0.99)];
    f->operations = all - failures;
    f->per_second = f->operations / f->seconds;
    f->all_per_second = all / f->seconds;
    f->server = deadlocks < 0 ? -1 : (double)deadlocks * 100 / all;
    f->caller = conflicts * 100 / all;
    f->failed = failures * 100 / all;
}

static void run(struct run *r, const struct bench *b, struct figures *f)
{
    struct worker *workers = calloc((size_t)r->workload->workers, sizeof *workers);
    must(workers && r->committed && r->ms, "a run", "no memory");
    const int64_t before = ask_number(b, b->database->deadlocks);
    const double began = now_s(); /* who keeps connections also opens them */
    r->opened = r->side->open(b, r->mode);
    work_all(r, workers);
    f->seconds = now_s() - began;
    r->side->close(r->opened, f);
    wait_for_others(b);
    const int64_t deadlocks = b->database->deadlocks ? ask_number(b, b->database->deadlocks) - before : -1;
    verify(b, r, &f->state);
    count(f, r, workers, deadlocks);
    free(workers);
}

struct figures run_mode(const struct bench *b, const struct workload *w, const struct mode *m, uint64_t seed)
{
    static const struct side *const sides[] = { [BARE] = &side_bare, [WEIR] = &side_weir, [HAND] = &side_hand };
    const size_t all = (size_t)(REPLICAS * w->operations);
    struct run r = { .workload = w, .mode = m, .seed = seed, .side = sides[m->side] };
    struct figures f = { 0 };
    r.committed = calloc(all, sizeof *r.committed);
    r.ms = calloc(all, sizeof *r.ms);
    make_tables(b);
    run(&r, b, &f);
    free(r.committed);
    free(r.ms);
    return f;
}
