/*
 * The ten services before and after, on one database that is started for it: `make bench-services`.
 *
 *     services [-s] [-c CHART] mariadb|mysql|postgres|sqlite
 *
 * -s: a short run of one seed, in which the figures mean nothing and the verification everything.  -c: writes an SVG chart, too.
 * SPDX-License-Identifier: MIT
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "services.h"
#include "tap.h"

#define POOL 15
#define SHORTER 10 /* of the operations, in a short run */
#define COUNT(a) ((int)(sizeof(a) / sizeof *(a)))

static const struct workload workloads[] = {
    { "W1", "22 workers, 50 symbols, no client time", 22, 50, 0, 200 },
    { "W2", "44 workers, 100 symbols, 500 us of client time a statement", 44, 100, 500, 100 },
};

#define RC WEIR_READ_COMMITTED
#define BULK .side = WEIR, .bound = POOL, .isolation = RC, .how = WHOLE, .longer = 4, .is_bulk = true
#define UNCHANGED .side = WEIR, .bound = POOL, .longer = 2
#define BY_HAND .side = HAND, .longer = 4
static const struct mode modes[] = {
    { .name = "before", .side = BARE },
    { .name = "pool of 15", .side = WEIR, .bound = POOL, .attempts = 1 },
    { .name = "+ retry", .side = WEIR, .bound = POOL },
    { .name = "+ READ COMMITTED", .side = WEIR, .bound = POOL, .isolation = RC },
    { .name = "+ rows in key order", .side = WEIR, .bound = POOL, .isolation = RC, .sorted = true },
    { BULK, .name = "+ bulk" },
    { BULK, .name = "+ bulk, weir's defaults", .no_options = true },
    { BULK, .name = "+ bulk, defaults, unsettled", .no_options = true, .unsettled = true },
    { BULK, .name = "+ bulk, 4 writers", .writers = "4" },
    { BULK, .name = "+ bulk, 8 writers", .writers = "8" },
    { BULK, .name = "+ bulk, auto", .writers = "auto" },
    { BULK, .name = "+ bulk, any order", .any_order = true },
    { BULK, .name = "+ bulk, 4 writers, any order", .writers = "4", .any_order = true },
    { BULK, .name = "+ bulk, any order, unsettled", .any_order = true, .unsettled = true },
    { UNCHANGED, .name = "unchanged SQL, 2 writers", .writers = "2", .is_fixed = true },
    { UNCHANGED, .name = "unchanged SQL, 4 writers", .writers = "4", .is_fixed = true },
    { UNCHANGED, .name = "unchanged SQL, 8 writers", .writers = "8", .is_fixed = true },
    { UNCHANGED, .name = "unchanged SQL, 15 writers", .writers = "15", .is_fixed = true },
    { .side = WEIR, .bound = POOL, .longer = 4, .name = "unchanged SQL, auto", .writers = "auto", .is_auto = true },
    { BY_HAND, .name = "by hand, 1 connection", .how = WHOLE, .bound = 1 },
    { BY_HAND, .name = "by hand, 4 connections", .how = WHOLE, .bound = 4 },
    { BY_HAND, .name = "by hand, 8 connections", .how = WHOLE, .bound = 8 },
    { BY_HAND, .name = "by hand, 15 connections", .how = WHOLE, .bound = 15 },
    { BY_HAND, .name = "by hand, 4, BEGIN unsaid", .how = UNSAID, .bound = 4 },
    { BY_HAND, .name = "by hand, 15, BEGIN unsaid", .how = UNSAID, .bound = 15 },
    { BY_HAND, .name = "by hand, 4, one pipeline", .how = PIPELINE, .bound = 4 },
    { BY_HAND, .name = "by hand, 8, one pipeline", .how = PIPELINE, .bound = 8 },
    { BY_HAND, .name = "by hand, 15, one pipeline", .how = PIPELINE, .bound = 15 },
    { BY_HAND, .name = "arrays by hand, 4 connections", .how = ARRAYS, .bound = 4 },
    { BY_HAND, .name = "arrays by hand, 8 connections", .how = ARRAYS, .bound = 8 },
    { BY_HAND, .name = "arrays by hand, 15 connections", .how = ARRAYS, .bound = 15 },
};

static const struct database *find_database(const char *name)
{
    static const struct {
        const char *name;
        const struct database *database;
    } all[] = {
#ifdef WITH_MYSQL_BUILTIN
        { "mariadb", &services_mariadb },
        { "mysql", &services_mysql },
#endif
#ifdef WITH_POSTGRES_BUILTIN
        { "postgres", &services_postgres },
#endif
#ifdef WITH_SQLITE_BUILTIN
        { "sqlite", &services_sqlite },
#endif
        { NULL, NULL },
    };
    int i = 0;
    while (all[i].name && (!name || strcmp(all[i].name, name) != 0))
        i++;
    return all[i].database;
}

void must(bool fine, const char *what, const char *why)
{
    if (!fine)
        tap_bail("%s: %s", what, why);
}

/* ---- all runs */

static bool applies(const struct mode *m, const struct database *d)
{
    if ((m->how == ARRAYS && !d->arrays) || (m->how == UNSAID && !d->unsaid) || (m->how == PIPELINE && !d->pipeline))
        return false;
    if (m->unsettled && !d->pipeline)
        return false;
    if (m->side == HAND)
        return (m->bound == 1) == d->one_writer;
    return !d->one_writer || (!m->writers && !(m->isolation && m->how == PLAIN && !m->sorted));
}

static void say_progress(const struct table *t, int seed, const struct mode *m)
{
    if (isatty(STDERR_FILENO))
        fprintf(stderr, "\r\033[K%s %s, seed %d of %d: %s", t->database->name, t->workload->name, seed + 1, t->seeds,
                m ? m->name : "done");
    if (!m && seed + 1 == t->seeds && isatty(STDERR_FILENO))
        fprintf(stderr, "\r\033[K");
}

static void run_round(struct table *t, const struct bench *b, int seed)
{
    for (int i = 0; i < t->count; i++) {
        struct row *r = &t->rows[seed % 2 ? t->count - 1 - i : i]; /* what the machine does besides comes and goes */
        struct workload w = *t->workload;
        w.operations *= r->mode->longer ? r->mode->longer : 1;
        say_progress(t, seed, r->mode);
        r->runs[seed] = run_mode(b, &w, r->mode, (uint64_t)seed + 1);
    }
    say_progress(t, seed, NULL);
}

static struct table run_table(const struct bench *b, const struct workload *w, int seeds)
{
    struct table t = { .database = b->database, .workload = w, .seeds = seeds };
    t.rows = calloc((size_t)COUNT(modes), sizeof *t.rows);
    must(t.rows, "a table", "no memory");
    for (int i = 0; i < COUNT(modes); i++)
        if (applies(&modes[i], b->database))
            t.rows[t.count++].mode = &modes[i];
    for (int seed = 0; seed < seeds; seed++)
        run_round(&t, b, seed);
    return t;
}

static void open_admin(struct bench *b)
{
    weir_error err;
    must(weir_db_open(&b->admin, b->url, NULL, &err) == WEIR_OK, "weir_db_open", err.text);
}

static void run_all(struct bench *b, bool is_short, const char *chart)
{
    struct workload shorter[COUNT(workloads)];
    struct table tables[COUNT(workloads)];
    open_admin(b);
    for (int i = 0; i < COUNT(workloads); i++) {
        shorter[i] = workloads[i];
        shorter[i].operations /= is_short ? SHORTER : 1;
        tables[i] = run_table(b, &shorter[i], is_short ? 1 : SEEDS_MAX);
        report_print(&tables[i]);
        report_goals(&tables[i]);
    }
    if (chart)
        must(chart_write(chart, tables, COUNT(workloads)), chart, "cannot be written");
    for (int i = 0; i < COUNT(workloads); i++)
        free(tables[i].rows);
    weir_db_close(&b->admin);
}

int main(int argc, char **argv)
{
    struct bench b = { 0 };
    bool is_short = false;
    const char *chart = NULL;
    int option;
    while ((option = getopt(argc, argv, "sc:")) == 's' || option == 'c') {
        is_short |= option == 's';
        chart = option == 'c' ? optarg : chart;
    }
    b.database = option == -1 ? find_database(argv[optind]) : NULL;
    if (!b.database) {
        fprintf(stderr, "usage: services [-s] [-c CHART] mariadb|mysql|postgres|sqlite, if weir was built with it\n");
        return 2;
    }
    if (b.database->start(b.url)) {
        run_all(&b, is_short, chart);
        b.database->stop();
    }
    tap_clear();
    return 0;
}
