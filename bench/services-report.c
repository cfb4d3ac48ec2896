/*
 * What the runs came to, as a table in Markdown, and whether the goals are met.
 * SPDX-License-Identifier: MIT
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "services.h"

/* ---- figures: medians over the seeds */

static int compare(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double median(const struct table *t, const struct row *r, figure_fn figure)
{
    double values[SEEDS_MAX];
    for (int i = 0; i < t->seeds; i++)
        values[i] = figure(&r->runs[i], &t->rows[0].runs[i]);
    qsort(values, (size_t)t->seeds, sizeof *values, compare);
    return values[t->seeds / 2];
}

#define FIGURE(name, value)                                                   \
    static double name(const struct figures *f, const struct figures *before) \
    {                                                                         \
        (void)before;                                                         \
        return value;                                                         \
    }
FIGURE(per_second, f->per_second)
FIGURE(all_per_second, f->all_per_second)
FIGURE(server, f->server)
FIGURE(caller, f->caller)
FIGURE(failed, f->failed)
FIGURE(p50, f->p50_ms)
FIGURE(p99, f->p99_ms)
FIGURE(retries, f->retries)
FIGURE(connects, f->connects)
FIGURE(writers, f->writers)

/* What fails counts for before, where it took its time to: SQLite says at once that a file is locked. */
double ratio_to_before(const struct figures *f, const struct figures *before)
{
    const bool has_deadlocks = before->server >= 0;
    return has_deadlocks ? f->all_per_second / before->all_per_second : f->per_second / before->per_second;
}

/* ---- the table */

static const struct column {
    const char *title;
    int width, digits;
    figure_fn figure;
} columns[] = {
    { "done/s", 8, 0, per_second },
    { "ended/s", 8, 0, all_per_second },
    { "to before", 9, 2, ratio_to_before },
    { "deadlocks server", 16, 1, server },
    { "caller", 6, 1, caller },
    { "failed %", 8, 1, failed },
    { "p50 ms", 7, 2, p50 },
    { "p99 ms", 7, 2, p99 },
    { "retries", 7, 0, retries },
    { "connects", 8, 0, connects },
    { "writers", 7, 0, writers },
};
#define COLUMNS (sizeof columns / sizeof *columns)

static void print_rule(void)
{
    printf("|:%.30s|", "------------------------------");
    for (size_t i = 0; i < COLUMNS; i++)
        printf("%.*s:|", columns[i].width + 1, "------------------------------");
    printf("\n");
}

static void print_row(const struct table *t, const struct row *r)
{
    printf("| %-29s |", r->mode->name);
    for (size_t i = 0; i < COLUMNS; i++) {
        const double value = median(t, r, columns[i].figure);
        if (value < 0 || (columns[i].figure == writers && r->mode->side != WEIR))
            printf(" %*s |", columns[i].width, "-");
        else
            printf(" %*.*f |", columns[i].width, columns[i].digits, value);
    }
    printf("\n");
}

void report_print(const struct table *t)
{
    printf("\n### %s, %s: %s\n\n", t->database->name, t->workload->name, t->workload->title);
    printf("| %-29s |", "mode");
    for (size_t i = 0; i < COLUMNS; i++)
        printf(" %*s |", columns[i].width, columns[i].title);
    printf("\n");
    print_rule();
    for (int i = 0; i < t->count; i++)
        print_row(t, &t->rows[i]);
    fflush(stdout);
}

/* ---- the goals */

typedef bool (*is_fn)(const struct mode *m);

static bool is_bulk(const struct mode *m)
{
    return m->is_bulk;
}

static bool is_default(const struct mode *m)
{
    return m->no_options && !m->unsettled;
}

static bool is_fixed(const struct mode *m)
{
    return m->is_fixed;
}

static bool is_auto(const struct mode *m)
{
    return m->is_auto;
}

static bool is_by_hand(const struct mode *m)
{
    return m->side == HAND;
}

/* The fastest of those, by its median; NULL: there is none. */
static const struct row *best(const struct table *t, is_fn is)
{
    const struct row *found = NULL;
    for (int i = 0; i < t->count; i++)
        if (is(t->rows[i].mode) && (!found || median(t, &t->rows[i], per_second) > median(t, found, per_second)))
            found = &t->rows[i];
    return found;
}

/* The most of one figure in any run of those. */
static double most(const struct table *t, is_fn is, figure_fn figure)
{
    double found = 0;
    for (int i = 0; i < t->count; i++)
        for (int seed = 0; seed < t->seeds && is(t->rows[i].mode); seed++)
            if (figure(&t->rows[i].runs[seed], NULL) > found)
                found = figure(&t->rows[i].runs[seed], NULL);
    return found;
}

static double ratio(const struct table *t, const struct row *of, const struct row *to)
{
    double values[SEEDS_MAX];
    for (int i = 0; i < t->seeds; i++)
        values[i] = of->runs[i].per_second / to->runs[i].per_second;
    qsort(values, (size_t)t->seeds, sizeof *values, compare);
    return values[t->seeds / 2];
}

static void say(bool met, const char *what, double value, const char *goal)
{
    printf("- %-7s %s: %.2f (%s)\n", met ? "met" : "NOT MET", what, value, goal);
}

static void say_at_least(const char *what, double value, double goal)
{
    char text[40];
    snprintf(text, sizeof text, "to be %.2f at least", goal);
    say(value >= goal, what, value, text);
}

static void to_before(const struct table *t, const struct row *r)
{
    char what[160];
    snprintf(what, sizeof what, "\"%s\" to \"before\"", r->mode->name);
    say_at_least(what, median(t, r, ratio_to_before), t->workload->think_us ? 4 : 3.5);
}

static void bulk_goals(const struct table *t)
{
    char what[160];
    const struct row *bulk = best(t, is_bulk), *hand = best(t, is_by_hand);
    const double failures = most(t, is_bulk, failed), deadlocks = most(t, is_bulk, server);
    say(failures == 0, "bulk: failures %, the most in any mode and seed", failures, "to be 0");
    if (t->database->dialect == DIALECT_MYSQL)
        say(deadlocks == 0, "bulk: deadlocks on the server, the most in any mode and seed", deadlocks, "to be 0");
    to_before(t, bulk);
    if (!bulk->mode->no_options)
        to_before(t, best(t, is_default));
    snprintf(what, sizeof what, "\"%s\" to \"%s\"", bulk->mode->name, hand->mode->name);
    say_at_least(what, ratio(t, bulk, hand), 0.95);
}

static void auto_goals(const struct table *t)
{
    char what[160];
    const struct row *fixed = best(t, is_fixed), *found = best(t, is_auto);
    if (!fixed || !found)
        return;
    const double failures = most(t, is_auto, failed);
    say(failures == 0, "write_concurrency=auto: failures %, the most in any seed", failures, "to be 0");
    snprintf(what, sizeof what, "\"%s\" to \"%s\"", found->mode->name, fixed->mode->name);
    say_at_least(what, ratio(t, found, fixed), 0.9);
}

static void digest_goal(const struct table *t)
{
    int whole = 0;
    for (int i = 0; i < t->count; i++)
        for (int seed = 0; seed < t->seeds; seed++)
            whole += t->rows[i].runs[seed].failed == 0;
    printf("- verified: %d runs end in what their committed operations come to; in %d of them all were committed\n",
           t->count * t->seeds, whole);
}

void report_goals(const struct table *t)
{
    printf("\n");
    digest_goal(t);
    bulk_goals(t);
    auto_goals(t);
    fflush(stdout);
}
