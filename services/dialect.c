/*
 * The schema in the SQL of each database.  What differs is in the table below; what is the same is written once.
 * SPDX-License-Identifier: MIT
 */
#include <stdlib.h>
#include <string.h>
#include "dialect.h"
#include "memory.h"

struct dialect {
    const char *name;
    const char *type[KIND_COUNT]; /* that of a text takes its length */
    const char *create_end;
};

/* Texts compare byte by byte everywhere, so that "BTC" and "btc" are two keys on all three. */
static const struct dialect dialects[] = {
    { .name = "sqlite",
      .type = { "TEXT", "TEXT", "TEXT", "TEXT", "INTEGER", "REAL" },
      .create_end = ") WITHOUT ROWID" },
    { .name = "mysql",
      .type = { "VARCHAR(%u) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin", "DECIMAL(65,30)", "DATETIME(6)", "DATE",
                "BIGINT", "DOUBLE" },
      .create_end = ") ENGINE=InnoDB" },
    { .name = "postgres",
      .type = { "TEXT COLLATE \"C\"", "NUMERIC", "TIMESTAMP", "DATE", "BIGINT", "DOUBLE PRECISION" },
      .create_end = ")" },
};

#define DIALECT_COUNT (sizeof dialects / sizeof *dialects)

const char *const dialect_names[] = { "sqlite", "mysql", "postgres", NULL };

const struct dialect *dialect_named(const char *driver)
{
    for (size_t i = 0; i < DIALECT_COUNT; i++)
        if (strcmp(dialects[i].name, driver) == 0)
            return &dialects[i];
    return NULL;
}

/* A text being written; sheet_end hands it over. */
struct sheet {
    FILE *file;
    char *text;
    size_t size;
};

static void sheet_begin(struct sheet *s)
{
    memset(s, 0, sizeof *s);
    s->file = open_memstream(&s->text, &s->size);
    if (!s->file)
        give_up("out of memory");
}

static char *sheet_end(struct sheet *s)
{
    if (fclose(s->file) != 0)
        give_up("out of memory");
    return s->text;
}

static void write_type(const struct dialect *d, const struct column *c, FILE *to)
{
    const char *length = strstr(d->type[c->kind], "%u");
    if (length)
        fprintf(to, "%.*s%u%s", (int)(length - d->type[c->kind]), d->type[c->kind], c->length, length + 2);
    else
        fputs(d->type[c->kind], to);
}

static void write_names(const struct column *columns, size_t count, FILE *to)
{
    for (size_t i = 0; i < count; i++)
        fprintf(to, "%s%s", i ? ", " : "", columns[i].name);
}

char *dialect_create(const struct dialect *d, const struct table *t)
{
    struct sheet s;
    sheet_begin(&s);
    fprintf(s.file, "CREATE TABLE IF NOT EXISTS %s (\n", t->name);
    for (size_t i = 0; i < t->count; i++) {
        fprintf(s.file, "    %s ", t->columns[i].name);
        write_type(d, &t->columns[i], s.file);
        fputs(t->columns[i].required ? " NOT NULL,\n" : ",\n", s.file);
    }
    fputs("    PRIMARY KEY (", s.file);
    write_names(t->columns, t->keys, s.file);
    fputs(")", s.file);
    if (t->refers)
        fprintf(s.file, ",\n    FOREIGN KEY (%s) REFERENCES %s (%s)", t->columns[0].name, t->refers, t->refers_column);
    fprintf(s.file, "\n%s", d->create_end);
    return sheet_end(&s);
}

void dialect_print(const struct dialect *d, FILE *to)
{
    for (size_t i = 0; i < TABLE_COUNT; i++) {
        char *create = dialect_create(d, &schema[i]);
        fprintf(to, "%s;\n\n", create);
        free(create);
    }
}
