/*
 * weir-collect: runs the crypto collectors on one database.
 * SPDX-License-Identifier: MIT
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "arguments.h"
#include "house.h"
#include "memory.h"

#define PROGRESS_MS 200

/* What the program ends with. */
enum status {
    CLEAN,   /* all services finished clean */
    UNCLEAN, /* something was skipped or failed */
    MISUSED  /* the command line, or the environment in its place, was wrong */
};

static enum status complain(const weir_error *err, enum status status)
{
    say("%s (%s)", err->text, weir_status_name(err->status));
    return status;
}

/* Looks at the text of the URL, and at nothing else. */
static enum status open_db(struct house *house, const char *url)
{
    weir_error err;
    int st = url ? weir_db_open(&house->db, url, NULL, &err) : weir_db_open_env(&house->db, NULL, &err);
    return st < 0 ? complain(&err, MISUSED) : CLEAN;
}

/* Each on its own: DDL ends a transaction on MySQL anyway. */
static enum status create_tables(struct house *house, const struct dialect *d)
{
    weir_conn conn;
    weir_error err;
    int st = weir_acquire(&conn, house->db, WEIR_WRITE, weir_after_ms(PATIENCE_MS), &err);
    for (size_t i = 0; st == 0 && i < TABLE_COUNT; i++) {
        char *sql = dialect_create(d, &schema[i]);
        st = weir_exec(NULL, conn, sql, WEIR_NO_ARGS, (weir_deadline){ 0 }, &err);
        free(sql);
    }
    weir_release(&conn);
    return st < 0 ? complain(&err, UNCLEAN) : CLEAN;
}

static enum status open_house(struct house *house, const struct arguments *a)
{
    const struct dialect *dialect;
    enum status status = open_db(house, a->url);
    if (status != CLEAN)
        return status;
    house->input = a->input;
    house->input_is_folder = a->input_is_folder;
    house->workers = a->workers;
    house->progress = isatty(STDERR_FILENO);
    dialect = dialect_named(weir_db_driver(house->db));
    if (!dialect) {
        say("there is no schema for the driver %s", weir_db_driver(house->db));
        return MISUSED;
    }
    return create_tables(house, dialect);
}

static void close_house(struct house *house)
{
    weir_db_shutdown(house->db, weir_after_ms(30 * 1000), NULL); /* SQLite's goodbye takes its time */
    weir_db_close(&house->db);
}

static struct run *make_runs(struct house *house, unsigned chosen, size_t *count)
{
    struct run *runs = NULL;
    *count = 0;
    for (unsigned i = 0; i < SERVICE_COUNT; i++)
        for (unsigned replica = 0; (chosen >> i & 1) && replica < services[i].replicas; replica++) {
            runs = grow(runs, (*count + 1) * sizeof *runs);
            memset(&runs[*count], 0, sizeof *runs);
            runs[*count].service = &services[i];
            runs[*count].id = (enum service_id)i;
            runs[*count].replica = replica;
            runs[(*count)++].house = house;
            bus_join(&house->bus, (enum service_id)i);
        }
    return runs;
}

static void wait_for(struct house *house, struct run *runs, size_t count)
{
    while (!bus_wait_all(&house->bus, house->progress ? PROGRESS_MS : -1))
        progress_show(runs, count);
    progress_hide();
    for (size_t i = 0; i < count; i++)
        run_join(&runs[i]);
}

static enum status run_services(struct house *house, unsigned chosen)
{
    size_t count;
    enum status status = CLEAN;
    struct run *runs;
    bus_start(&house->bus);
    runs = make_runs(house, chosen, &count);
    for (size_t i = 0; i < count; i++)
        run_start(&runs[i]);
    wait_for(house, runs, count);
    report_print(house, runs, count);
    for (size_t i = 0; i < count; i++)
        if (runs[i].figures.failures || runs[i].figures.bad_rows)
            status = UNCLEAN;
    bus_end(&house->bus);
    free(runs);
    return status;
}

static enum status collect(const struct arguments *a)
{
    static struct house house;
    enum status status = open_house(&house, a);
    if (status == CLEAN)
        status = run_services(&house, a->chosen);
    close_house(&house);
    return status;
}

/* What was printed counts only once it is out. */
static enum status finish(enum status status)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return status;
    say("standard output: %s", strerror(errno));
    return UNCLEAN;
}

int main(int argc, char **argv)
{
    struct arguments a;
    enum status status = CLEAN;
    if (arguments_parse(&a, argc, argv) < 0)
        return MISUSED;
    if (a.help)
        arguments_help();
    else if (a.version)
        printf("weir-collect %s\n", weir_version());
    else if (a.schema)
        dialect_print(dialect_named(a.schema), stdout);
    else
        status = collect(&a);
    return (int)finish(status);
}
