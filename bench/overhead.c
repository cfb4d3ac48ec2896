/*
 * Does one task of one side again and again, for a profiler that counts instructions while `measured` runs:
 *
 *     overhead SIDE TASK TIMES URL
 *
 * URL is the side's own: each library has its form.  The task `make` makes the tables.
 * SPDX-License-Identifier: MIT
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <weir.h>
#include "overhead.h"

static const struct side *const sides[] = {
    &side_weir,
#ifdef WITH_MYSQL_BUILTIN
    &side_mysql,
#endif
#ifdef WITH_POSTGRES_BUILTIN
    &side_postgres, &side_postgres_rows,
#endif
#ifdef WITH_SQLITE_BUILTIN
    &side_sqlite,
#endif
#ifdef WITH_ZDB
    &side_libzdb,
#endif
    NULL,
};

void must(int fine, const char *what)
{
    if (fine)
        return;
    fprintf(stderr, "overhead: %s failed\n", what);
    exit(1);
}

static const struct side *find_side(const char *name)
{
    for (size_t i = 0; sides[i]; i++)
        if (strcmp(sides[i]->name, name) == 0)
            return sides[i];
    return NULL;
}

static int64_t do_one(const struct side *s, long i)
{
    return s->one(i % ROWS);
}

static int64_t do_many(const struct side *s, long i)
{
    (void)i;
    return s->many();
}

static int64_t do_long(const struct side *s, long i)
{
    (void)i;
    return s->longer();
}

static int64_t do_insert(const struct side *s, long i)
{
    (void)i;
    return s->insert();
}

static int64_t do_loan(const struct side *s, long i)
{
    (void)i;
    return s->loan();
}

typedef int64_t (*task_fn)(const struct side *s, long i);

static task_fn find_task(const char *name)
{
    static const struct {
        const char *name;
        task_fn run;
    } tasks[] = {
        { "one", do_one }, { "many", do_many }, { "long", do_long }, { "insert", do_insert }, { "loan", do_loan }
    };
    for (size_t i = 0; i < sizeof tasks / sizeof *tasks; i++)
        if (strcmp(tasks[i].name, name) == 0)
            return tasks[i].run;
    return NULL;
}

/* By its name the profiler knows when to count.  Not inlined: it is called through a pointer that may change. */
int64_t measured(task_fn run, const struct side *side, long times);
int64_t measured(task_fn run, const struct side *side, long times)
{
    int64_t sum = 0;
    for (long i = 0; i < times; i++)
        sum += run(side, i);
    return sum;
}

/* The tables, by weir, whatever the database. */
static void make_tables(const char *url)
{
    weir_db *db;
    weir_conn conn;
    weir_error err;
    const weir_deadline never = weir_never();
    must(weir_db_open(&db, url, NULL, &err) == WEIR_OK, "open");
    must(weir_acquire(&conn, db, WEIR_WRITE, never, &err) == WEIR_OK, "acquire");
    static const char *const sql[] = {
        "DROP TABLE IF EXISTS bench",
        "DROP TABLE IF EXISTS bench_new",
        "CREATE TABLE bench (id BIGINT PRIMARY KEY, v BIGINT, name VARCHAR(80))",
        "CREATE TABLE bench_new (id BIGINT PRIMARY KEY, v BIGINT, name VARCHAR(80))",
    };
    for (size_t i = 0; i < sizeof sql / sizeof *sql; i++)
        must(weir_exec(NULL, conn, sql[i], WEIR_NO_ARGS, never, &err) == WEIR_OK, sql[i]);
    must(weir_begin(conn, NULL, never, &err) == WEIR_OK, "begin");
    for (int64_t i = 0; i < ROWS; i++) {
        char name[40];
        snprintf(name, sizeof name, "the name of row %d", (int)i);
        must(weir_exec(NULL, conn, "INSERT INTO bench (id, v, name) VALUES (?, ?, ?)",
                       WEIR_ARGS(weir_int(i), weir_int(i * i), weir_text(name)), never, &err) == WEIR_OK,
             "insert");
    }
    must(weir_commit(NULL, conn, never, &err) == WEIR_OK, "commit");
    weir_release(&conn);
    weir_db_close(&db);
}

static void *stand_by(void *arg)
{
    for (;;)
        pause();
    return arg;
}

/* Programs that share connections have threads, in which the C library's calls cost more, whoever makes them: each side has two. */
static void have_threads(void)
{
    pthread_t thread;
    must(pthread_create(&thread, NULL, stand_by, NULL) == 0, "pthread_create");
}

int main(int argc, char **argv)
{
    int64_t (*volatile measure)(task_fn, const struct side *, long) = measured;
    const struct side *side = argc == 5 ? find_side(argv[1]) : NULL;
    if (side && strcmp(argv[2], "make") == 0) {
        make_tables(argv[4]);
        return 0;
    }
    task_fn run = side ? find_task(argv[2]) : NULL;
    if (!run || (run == do_loan && !side->loan) || (run == do_long && !side->longer)) {
        fprintf(stderr, "usage: overhead SIDE make|one|many|long|insert|loan TIMES URL\n");
        return 2;
    }
    have_threads();
    side->open(argv[4]);
    int64_t sum = run(side, 1); /* what happens once is not counted */
    sum = measure(run, side, atol(argv[3]));
    side->close();
    printf("%lld\n", (long long)sum);
    return 0;
}
