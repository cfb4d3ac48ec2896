/*
 * The schema in the SQL of each database.  What differs is in the table below; what is the same is written once.
 *
 * MySQL assigns the columns of an update from left to right and sees those assigned before.  The condition of a group stays true (or
 * false) all the way because ORDER columns stand in rising weight: see newer().
 * SPDX-License-Identifier: MIT
 */
#include <stdlib.h>
#include <string.h>
#include "dialect.h"
#include "memory.h"

struct dialect {
    const char *name;
    const char *type[KIND_COUNT]; /* that of a text takes its length */
    const char *cast[KIND_COUNT]; /* the type that a placeholder is told to have; NULL: none */
    const char *fresh[2];         /* around a column: its value in the new row */
    int stored_has_table;         /* a bare column would be ambiguous */
    const char *greatest;
    const char *conflict; /* begins the update … */
    int names_key;        /* … and then the key is named */
    const char *create_end;
};

/* Texts compare byte by byte everywhere, so that "BTC" and "btc" are two keys on all three. */
static const struct dialect dialects[] = {
    { .name = "sqlite",
      .type = { "TEXT", "TEXT", "TEXT", "TEXT", "INTEGER", "REAL" },
      .fresh = { "excluded.", "" },
      .stored_has_table = 1,
      .greatest = "MAX",
      .conflict = "ON CONFLICT",
      .names_key = 1,
      .create_end = ") WITHOUT ROWID" },
    { .name = "mysql",
      .type = { "VARCHAR(%u) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin", "DECIMAL(65,30)", "DATETIME(6)", "DATE",
                "BIGINT", "DOUBLE" },
      .fresh = { "VALUES(", ")" },
      .greatest = "GREATEST",
      .conflict = "ON DUPLICATE KEY UPDATE",
      .create_end = ") ENGINE=InnoDB" },
    { .name = "postgres",
      .type = { "TEXT COLLATE \"C\"", "NUMERIC", "TIMESTAMP", "DATE", "BIGINT", "DOUBLE PRECISION" },
      .cast = { "TEXT", "NUMERIC", "TIMESTAMP", "DATE", "BIGINT", "DOUBLE PRECISION" },
      .fresh = { "excluded.", "" },
      .stored_has_table = 1,
      .greatest = "GREATEST",
      .conflict = "ON CONFLICT",
      .names_key = 1,
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

/* What one side of a comparison is called. */
struct sides {
    const struct dialect *dialect;
    const struct table *table;
    FILE *to;
};

static void write_fresh(const struct sides *s, const struct column *c)
{
    fprintf(s->to, "%s%s%s", s->dialect->fresh[0], c->name, s->dialect->fresh[1]);
}

static void write_stored(const struct sides *s, const struct column *c)
{
    fprintf(s->to, "%s%s%s", s->dialect->stored_has_table ? s->table->name : "",
            s->dialect->stored_has_table ? "." : "", c->name);
}

static void write_compared(const struct sides *s, const struct column *c, const char *sign)
{
    write_fresh(s, c);
    fprintf(s->to, " %s ", sign);
    write_stored(s, c);
}

/* The next ORDER column of the group that weighs less than `below`; NULL: there is none. */
static const struct column *order_below(const struct table *t, const struct column *below, unsigned group)
{
    while (below-- > t->columns)
        if (below->rule == RULE_ORDER && below->group == group)
            return below;
    return NULL;
}

/* Whether the new row is the newer one.  Only the weightiest column can be NULL where the others are not looked at. */
static void write_newer(const struct sides *s, unsigned group)
{
    const struct column *c = order_below(s->table, s->table->columns + s->table->count, group), *next;
    int depth = 0;
    write_stored(s, c);
    fputs(" IS NULL AND ", s->to);
    write_fresh(s, c);
    fputs(" IS NOT NULL OR ", s->to);
    for (; (next = order_below(s->table, c, group)) != NULL; c = next, depth++) {
        write_compared(s, c, ">");
        fputs(" OR (", s->to);
        write_compared(s, c, "=");
        fputs(" AND (", s->to);
    }
    write_compared(s, c, ">=");
    while (depth-- > 0)
        fputs("))", s->to);
}

static void write_call(const struct sides *s, const struct column *c, const char *function)
{
    fprintf(s->to, "%s(", function);
    write_fresh(s, c);
    fputs(", ", s->to);
    write_stored(s, c);
    fputs(")", s->to);
}

static void write_merged(const struct sides *s, const struct column *c)
{
    switch (c->rule) {
    case RULE_KEY:
    case RULE_SET:
        write_fresh(s, c);
        return;
    case RULE_FILL:
        write_call(s, c, "COALESCE");
        return;
    case RULE_MOST:
        write_call(s, c, s->dialect->greatest);
        return;
    case RULE_NEWEST:
    case RULE_ORDER:
        fputs("CASE WHEN ", s->to);
        write_newer(s, c->group);
        fputs(" THEN ", s->to);
        write_fresh(s, c);
        fputs(" ELSE ", s->to);
        write_stored(s, c);
        fputs(" END", s->to);
    }
}

static void write_placeholders(const struct sides *s)
{
    for (size_t i = 0; i < s->table->count; i++) {
        const char *cast = s->dialect->cast[s->table->columns[i].kind];
        fputs(i ? ", " : "(", s->to);
        if (cast)
            fprintf(s->to, "CAST(? AS %s)", cast);
        else
            fputs("?", s->to);
    }
    fputs(")", s->to);
}

static void write_update(const struct sides *s)
{
    fprintf(s->to, "\n%s", s->dialect->conflict);
    if (s->dialect->names_key) {
        fputs(" (", s->to);
        write_names(s->table->columns, s->table->keys, s->to);
        fputs(") DO UPDATE SET", s->to);
    }
    for (size_t i = s->table->keys; i < s->table->count; i++) {
        fprintf(s->to, "%s\n    %s = ", i > s->table->keys ? "," : "", s->table->columns[i].name);
        write_merged(s, &s->table->columns[i]);
    }
}

char *dialect_upsert(const struct dialect *d, const struct table *t, size_t rows)
{
    struct sheet sheet;
    struct sides s = { d, t, NULL };
    sheet_begin(&sheet);
    s.to = sheet.file;
    fprintf(s.to, "INSERT INTO %s (", t->name);
    write_names(t->columns, t->count, s.to);
    fputs(") VALUES ", s.to);
    for (size_t i = 0; i < rows; i++) {
        fputs(i ? ", " : "", s.to);
        write_placeholders(&s);
    }
    write_update(&s);
    return sheet_end(&sheet);
}

static void print_comment(const char *text, FILE *to)
{
    fputs("--   ", to);
    for (; *text; text++)
        fputs(*text == '\n' ? "\n--   " : (const char[]){ *text, '\0' }, to);
    fputs("\n\n", to);
}

void dialect_print(const struct dialect *d, FILE *to)
{
    for (size_t i = 0; i < TABLE_COUNT; i++) {
        char *create = dialect_create(d, &schema[i]), *upsert = dialect_upsert(d, &schema[i], 1);
        fprintf(to, "%s;\n-- a row is written with\n", create);
        print_comment(upsert, to);
        free(create);
        free(upsert);
    }
}
