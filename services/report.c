/*
 * What people see: lines about what went wrong, a progress line on a terminal, and the tables at the end.
 * SPDX-License-Identifier: MIT
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <weir/observe.h>
#include "house.h"

#define CLEAR_LINE "\r\033[K"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* guards what is below, and that lines stay whole */
static int progress_is_shown;

static void hide_progress_locked(void)
{
    if (progress_is_shown)
        fputs(CLEAR_LINE, stderr);
    progress_is_shown = 0;
}

/* Names of files and columns may hold what a terminal would obey. */
static void defuse(char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text < ' ' || *text == 0x7f)
            *text = '?';
}

void say(const char *format, ...)
{
    char text[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    defuse(text);
    pthread_mutex_lock(&lock);
    hide_progress_locked();
    fprintf(stderr, "weir-collect: %s\n", text);
    pthread_mutex_unlock(&lock);
}

void progress_hide(void)
{
    pthread_mutex_lock(&lock);
    hide_progress_locked();
    fflush(stderr);
    pthread_mutex_unlock(&lock);
}

void progress_show(struct run *runs, size_t count)
{
    uint64_t read = 0, stored = 0, transactions = 0;
    for (size_t i = 0; i < count; i++) {
        pthread_mutex_lock(&runs[i].lock);
        read += runs[i].figures.read;
        stored += runs[i].figures.stored;
        transactions += runs[i].figures.transactions;
        pthread_mutex_unlock(&runs[i].lock);
    }
    pthread_mutex_lock(&lock);
    fprintf(stderr, CLEAR_LINE "%" PRIu64 " rows read, %" PRIu64 " stored in %" PRIu64 " transactions", read, stored,
            transactions);
    fflush(stderr);
    progress_is_shown = 1;
    pthread_mutex_unlock(&lock);
}

/* The tables have the same columns: counts, then times. */
enum { COUNTS = 7, TIMES = 4 };
static const int count_width[COUNTS] = { 9, 9, 13, 8, 10, 10, 7 };
#define NAME_WIDTH 28
#define TIME_WIDTH 10

struct line {
    const char *name;
    uint64_t count[COUNTS];
    int64_t us[TIMES];
};

/* Of a long name, the path of a database, the end says more. */
static void print_name(const char *name)
{
    size_t length = strlen(name);
    if (length <= NAME_WIDTH)
        printf("%-*s", NAME_WIDTH, name);
    else
        printf("...%s", name + length - (NAME_WIDTH - 3));
}

static void print_head(const char *name, const char *const columns[COUNTS + TIMES])
{
    print_name(name);
    for (int i = 0; i < COUNTS + TIMES; i++)
        printf(" %*s", i < COUNTS ? count_width[i] : TIME_WIDTH, columns[i]);
    printf("\n");
}

static void print_line(const struct line *l)
{
    print_name(l->name);
    for (int i = 0; i < COUNTS; i++)
        printf(" %*" PRIu64, count_width[i], l->count[i]);
    for (int i = 0; i < TIMES; i++)
        printf(" %*.2f", TIME_WIDTH, (double)l->us[i] / 1000);
    printf("\n");
}

static void print_figures(const char *name, const struct figures *f)
{
    const struct line line = {
        name,
        { f->read, f->stored, f->transactions, f->retries, f->deadlocks, f->bad_rows, f->failures },
        { spread_at(&f->wait, 0.5), spread_at(&f->wait, 0.99), spread_at(&f->work, 0.5), spread_at(&f->work, 0.99) },
    };
    print_line(&line);
}

/* A line a service, of which replicas are one, and one for all of several. */
static void print_services(const struct run *runs, size_t count)
{
    static const char *const head[] = { "read",   "stored",   "transactions", "retries",  "deadlocks", "skipped",
                                        "errors", "wait p50", "wait p99",     "work p50", "work p99" };
    static struct figures one, all; /* too large for a stack */
    unsigned lines = 0;
    print_head("service", head);
    for (size_t i = 0; i < count;) {
        enum service_id id = runs[i].id;
        memset(&one, 0, sizeof one);
        for (; i < count && runs[i].id == id; i++)
            figures_join(&one, &runs[i].figures);
        print_figures(services[id].name, &one);
        figures_join(&all, &one);
        lines++;
    }
    if (lines > 1)
        print_figures("together", &all);
}

static void print_pool(const weir_pool *pool)
{
    weir_figures f = { .size = sizeof f };
    if (weir_pool_figures(&f, pool) < 0)
        return;
    const struct line line = {
        weir_pool_name(pool),
        { f.acquired, f.opened, f.transactions, f.retries, f.deadlocks_server, f.timed_out, f.lost },
        { f.wait_p50_us, f.wait_p99_us, f.use_p50_us, f.use_p99_us },
    };
    print_line(&line);
}

void report_print(const struct house *house, const struct run *runs, size_t count)
{
    static const char *const head[] = { "lent", "opened",   "transactions", "retries",  "deadlocks", "timed out",
                                        "lost", "wait p50", "wait p99",     "held p50", "held p99" };
    print_services(runs, count);
    printf("\n");
    print_head("pool", head);
    for (size_t i = 0; i < weir_db_pools(house->db); i++)
        print_pool(weir_db_pool(house->db, i));
    printf("\nTimes are in milliseconds: waiting for a connection, working with it to the end of the transaction.\n");
}
