/*
 * Prints the options of the core and of the drivers in this build as weir-uri(7) writes them, a line each.
 * With "metrics", the names of the metrics: what weir_metrics_write(3) is held to.
 * SPDX-License-Identifier: MIT
 */
#include <stdio.h>
#include <string.h>
#include <db/option.h>
#include <driver/registry.h>
#include <observe/metrics.h>

static void print_options(const weir_option *row)
{
    for (; row && row->name; row++)
        printf(".It Cm %s Pq %s%s%s%s%s\n", row->name, row->kind, *row->range ? " " : "", row->range,
               *row->fallback ? ", default " : "", row->fallback);
}

static int print_metrics(void)
{
    for (const struct metric *m = metrics; m->name; m++)
        if (m->help)
            printf("%s\n", m->name);
    for (const struct metric_time *t = metric_times; t->name; t++)
        printf("%s\n", t->name);
    printf("%s\n", METRIC_HEALTH);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "metrics") == 0)
        return print_metrics();
    print_options(core_options);
    for (const weir_backend *const *b = driver_builtin; *b; b++)
        print_options((*b)->options);
    return 0;
}
