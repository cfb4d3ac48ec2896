/*
 * The command line: services by name, and options as "--name VALUE" or "--name=VALUE".
 * SPDX-License-Identifier: MIT
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "arguments.h"
#include "dialect.h"
#include "house.h"

#define WORKERS_DEFAULT 2
#define WORKERS_MOST 64
#define NAME_MOST 40
#define NEAR 5 /* edits; a name further away was hardly meant */

enum option { OPTION_URL, OPTION_INPUT, OPTION_WORKERS, OPTION_SCHEMA, OPTION_HELP, OPTION_VERSION, OPTION_COUNT };

static const struct {
    const char *name, *value, *line; /* value NULL: it takes none */
} options[OPTION_COUNT] = {
    [OPTION_URL] = { "--url", "URL",
                     "the database; without it, what the environment says (DATABASE_URL, MYSQL_HOST …)" },
    [OPTION_INPUT] = { "--input", "DIR|FILE|-",
                       "where the files are; a file, or - for standard input, is one service's" },
    [OPTION_WORKERS] = { "--workers", "N", "threads that write, a service: 1 to 64, usually 2" },
    [OPTION_SCHEMA] = { "--schema", "DIALECT", "prints the tables for sqlite, mysql or postgres, and ends" },
    [OPTION_HELP] = { "--help", NULL, "prints this, and ends" },
    [OPTION_VERSION] = { "--version", NULL, "prints the version, and ends" },
};

void arguments_help(void)
{
    printf(
        "usage: weir-collect [SERVICE...] [--url URL] [--input DIR|FILE|-] [--workers N]\n"
        "Runs collectors of crypto data, all of them if none is named, each with threads of its own.\n\nservices:\n");
    for (size_t i = 0; i < SERVICE_COUNT; i++)
        printf("  %-28s %s\n", services[i].name, services[i].purpose);
    printf("\noptions:\n");
    for (size_t i = 0; i < OPTION_COUNT; i++)
        printf("  %-10s %-12s %s\n", options[i].name, options[i].value ? options[i].value : "", options[i].line);
}

/* Edits (a letter put in, left out or changed) from one to the other; long words are never near. */
static unsigned distance(const char *a, const char *b)
{
    unsigned row[NAME_MOST + 1], n = (unsigned)strlen(b);
    if (strlen(a) > NAME_MOST || n > NAME_MOST)
        return NAME_MOST;
    for (unsigned k = 0; k <= n; k++)
        row[k] = k;
    for (unsigned i = 1; *a; a++, i++) {
        unsigned diagonal = row[0];
        row[0] = i;
        for (unsigned k = 1; k <= n; k++) {
            unsigned change = diagonal + (*a != b[k - 1]), skip = 1 + (row[k] < row[k - 1] ? row[k] : row[k - 1]);
            diagonal = row[k];
            row[k] = change < skip ? change : skip;
        }
    }
    return row[n];
}

struct nearest {
    const char *name;
    unsigned distance;
};

static void consider(struct nearest *best, const char *word, const char *name)
{
    unsigned d = distance(word, name);
    if (d < best->distance)
        *best = (struct nearest){ name, d };
}

static int wrong_name(const char *what, const char *word, const struct nearest *near)
{
    if (near->name)
        fprintf(stderr, "weir-collect: unknown %s '%s', did you mean '%s'?\n", what, word, near->name);
    else
        fprintf(stderr, "weir-collect: unknown %s '%s'\n", what, word);
    return -1;
}

static int take_service(struct arguments *a, const char *word)
{
    struct nearest near = { NULL, NEAR };
    for (unsigned i = 0; i < SERVICE_COUNT; i++) {
        if (strcmp(services[i].name, word) == 0) {
            a->chosen |= 1u << i;
            return 0;
        }
        consider(&near, word, services[i].name);
    }
    wrong_name("service", word, &near);
    fputs("the services are:\n", stderr);
    for (size_t i = 0; i < SERVICE_COUNT; i++)
        fprintf(stderr, "  %s\n", services[i].name);
    return -1;
}

static int take_workers(struct arguments *a, const char *value)
{
    char *end;
    long number = strtol(value, &end, 10);
    if (end == value || *end || number < 1 || number > WORKERS_MOST) {
        fprintf(stderr, "weir-collect: --workers %s: a number from 1 to %d is wanted\n", value, WORKERS_MOST);
        return -1;
    }
    a->workers = (unsigned)number;
    return 0;
}

static int take_schema(struct arguments *a, const char *value)
{
    struct nearest near = { NULL, NEAR };
    for (const char *const *name = dialect_names; *name; name++)
        consider(&near, value, *name);
    a->schema = value;
    return dialect_named(value) ? 0 : wrong_name("dialect", value, &near);
}

static int take_value(struct arguments *a, enum option option, const char *value)
{
    switch (option) {
    case OPTION_URL:
        a->url = value;
        return 0;
    case OPTION_INPUT:
        a->input = value;
        return 0;
    case OPTION_WORKERS:
        return take_workers(a, value);
    case OPTION_SCHEMA:
        return take_schema(a, value);
    case OPTION_HELP:
        a->help = 1;
        return 0;
    default:
        a->version = 1;
        return 0;
    }
}

/* Which option the word is; OPTION_COUNT: none, and that has been said. */
static enum option find_option(const char *word, size_t length)
{
    struct nearest near = { NULL, NEAR };
    char name[NAME_MOST];
    snprintf(name, sizeof name, "%.*s", (int)length, word);
    for (unsigned i = 0; i < OPTION_COUNT; i++) {
        if (strcmp(options[i].name, name) == 0)
            return (enum option)i;
        consider(&near, name, options[i].name);
    }
    wrong_name("option", name, &near);
    return OPTION_COUNT;
}

/* *next is the word behind, which the option may need; it is moved on if so. */
static int take_option(struct arguments *a, const char *word, char ***next)
{
    size_t length = strcspn(word, "=");
    enum option option = find_option(word, length);
    const char *value = word[length] ? word + length + 1 : NULL;
    if (option == OPTION_COUNT)
        return -1;
    if (!options[option].value && value) {
        fprintf(stderr, "weir-collect: %s takes no value\n", options[option].name);
        return -1;
    }
    if (options[option].value && !value)
        value = **next ? *(*next)++ : NULL;
    if (options[option].value && !value) {
        fprintf(stderr, "weir-collect: %s wants %s\n", options[option].name, options[option].value);
        return -1;
    }
    return take_value(a, option, value);
}

static unsigned count_readers(const struct arguments *a)
{
    unsigned count = 0;
    for (unsigned i = 0; i < SERVICE_COUNT; i++)
        count += (a->chosen >> i & 1) && services[i].layouts;
    return count;
}

static int check_input(struct arguments *a)
{
    struct stat st;
    for (unsigned i = 0; i < SERVICE_COUNT; i++)
        if (!a->input && (a->chosen >> i & 1) && services[i].needs_files) {
            fprintf(stderr, "weir-collect: %s reads files: --input DIR is wanted\n", services[i].name);
            return -1;
        }
    if (!a->input)
        return 0;
    if (strcmp(a->input, "-") != 0 && stat(a->input, &st) != 0) {
        fprintf(stderr, "weir-collect: --input %s: %s\n", a->input, strerror(errno));
        return -1;
    }
    a->input_is_folder = strcmp(a->input, "-") != 0 && S_ISDIR(st.st_mode);
    if (!a->input_is_folder && count_readers(a) != 1) {
        fprintf(stderr, "weir-collect: --input %s is one service's: name exactly one that reads files\n", a->input);
        return -1;
    }
    return 0;
}

int arguments_parse(struct arguments *a, int argc, char **argv)
{
    char **next = argv + (argc > 0);
    int only_names = 0;
    *a = (struct arguments){ .workers = WORKERS_DEFAULT };
    while (*next) {
        const char *word = *next++;
        int st = 0;
        if (strcmp(word, "--") == 0)
            only_names = 1;
        else
            st = word[0] == '-' && !only_names ? take_option(a, word, &next) : take_service(a, word);
        if (st < 0)
            return -1;
    }
    if (a->help || a->version || a->schema)
        return 0;
    if (!a->chosen)
        a->chosen = (1u << SERVICE_COUNT) - 1;
    return check_input(a);
}
