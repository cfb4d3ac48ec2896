/*
 * Prints the core's option table, "name kind default range" a line with "-" for what is empty: what weir-uri(7) is held to.
 * With "metrics", the names of the metrics: what weir_metrics_write(3) is held to.
 * SPDX-License-Identifier: MIT
 */
#include <stdio.h>
#include <string.h>
#include <db/option.h>
#include <observe/metrics.h>

static const char *shown(const char *text)
{
    return text && *text ? text : "-";
}

static int print_metrics(void)
{
    for (const struct metric *m = metrics; m->name; m++)
        if (m->help)
            printf("%s\n", m->name);
    for (const struct metric_time *t = metric_times; t->name; t++)
        printf("%s\n", t->name);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "metrics") == 0)
        return print_metrics();
    for (const weir_option *row = core_options; row->name; row++)
        printf("%s %s %s %s\n", row->name, row->kind, shown(row->fallback), shown(row->range));
    return 0;
}
