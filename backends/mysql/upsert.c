/*
 * The SQL of bulk: INSERT … ON DUPLICATE KEY UPDATE, as the server understands it.
 *
 * What a column becomes is said with the stored cell, which is its bare name, and the new one.  That is VALUES(name) on MariaDB and on old
 * servers of MySQL; since 8.0.20 these want the new row and its cells to have names: weir_new, weir_1, weir_2 and so on.
 * SPDX-License-Identifier: MIT
 */
#include <stdio.h>
#include "bulk.h"

#define NAMES_NEW_ROWS 80020

/* `$` the stored cell, `@` the new one.  COALESCE: where one of the two is NULL, so is the first, and the other one counts. */
static const char *const rules[] = {
    [WEIR_REPLACE] = "@",
    [WEIR_KEEP] = "$",
    [WEIR_ADD] = "COALESCE($ + @, $, @)",
    [WEIR_LARGER] = "COALESCE(GREATEST($, @), $, @)",
    [WEIR_SMALLER] = "COALESCE(LEAST($, @), $, @)",
    [WEIR_FILL] = "COALESCE(@, $)",
};

/* Whether the new row is the newer one, by a column to tell by: one with others behind it, or the last that is looked at. */
static const char *const newer[2] = { "(@ > $ OR $ IS NULL AND @ IS NOT NULL OR @ <=> $ AND ", "(@ >= $ OR $ IS NULL" };

#define NAMES_A_COLUMN 7 /* in the list, before the equals sign, and in the longest rule */
#define NAMES_TO_TELL_BY 6
#define REST_A_COLUMN 160 /* commas, what is between the names, and the names of cells */
#define REST 128

static int is_of_group(const weir_column *c)
{
    return !c->key && WEIR_RULE_OF(c->conflict) >= WEIR_NEWER;
}

/* What each column of a group is written with. */
static size_t newer_size(const weir_bulk_spec *spec, uint32_t group)
{
    size_t size = 0;
    for (size_t i = spec->count; (i = weir_newer_by(spec->columns, i, group)) != SIZE_MAX;)
        size += NAMES_TO_TELL_BY * strlen(spec->columns[i].name) + REST_A_COLUMN;
    return size;
}

size_t mys_insert_size(const weir_bulk_spec *spec)
{
    size_t size = REST + strlen(spec->table);
    for (size_t i = 0; i < spec->count; i++) {
        const weir_column *c = &spec->columns[i];
        size += NAMES_A_COLUMN * strlen(c->name) + REST_A_COLUMN;
        size += is_of_group(c) ? newer_size(spec, WEIR_GROUP_OF(c->conflict)) : 0;
    }
    return size;
}

char *mys_insert_head(char *at, const weir_bulk_spec *spec)
{
    at = stpcpy(stpcpy(at, "INSERT INTO "), spec->table);
    for (size_t i = 0; i < spec->count; i++)
        at = stpcpy(stpcpy(at, i ? ", " : " ("), spec->columns[i].name);
    return stpcpy(at, ") VALUES ");
}

static int names_new_rows(const struct mys_conn *c)
{
    return !c->maria && mysql_get_server_version(c->mysql) >= NAMES_NEW_ROWS;
}

static char *write_cell_names(char *at, const weir_bulk_spec *spec)
{
    for (size_t i = 0; i < spec->count; i++)
        at += sprintf(at, "%sweir_%zu", i ? ", " : " AS weir_new (", i + 1);
    return stpcpy(at, ")");
}

static char *write_new_cell(char *at, const weir_bulk_spec *spec, size_t column, int named)
{
    if (named)
        return at + sprintf(at, "weir_%zu", column + 1);
    return stpcpy(stpcpy(stpcpy(at, "VALUES("), spec->columns[column].name), ")");
}

static char *write_form(char *at, const weir_bulk_spec *spec, size_t column, const char *form, int named)
{
    for (const char *f = form; *f; f++) {
        if (*f == '$')
            at = stpcpy(at, spec->columns[column].name);
        else if (*f == '@')
            at = write_new_cell(at, spec, column, named);
        else
            *at++ = *f;
    }
    *at = '\0';
    return at;
}

/*
 * The server assigns from left to right and sees what it has assigned.  It tells the same all the way: columns to tell by are looked at
 * last to first, and one that has been assigned is equal.
 */
static char *write_newer(char *at, const weir_bulk_spec *spec, uint32_t group, int named)
{
    int depth = 0;
    for (size_t i = weir_newer_by(spec->columns, spec->count, group), next; i != SIZE_MAX; i = next, depth++) {
        next = weir_newer_by(spec->columns, i, group);
        at = write_form(at, spec, i, newer[next == SIZE_MAX], named);
    }
    while (depth-- > 0)
        at = stpcpy(at, ")");
    return at;
}

static char *write_rule(char *at, const weir_bulk_spec *spec, size_t column, int named)
{
    const weir_column *c = &spec->columns[column];
    at = stpcpy(stpcpy(at, c->name), " = ");
    if (!is_of_group(c))
        return write_form(at, spec, column, rules[c->key ? WEIR_KEEP : c->conflict], named);
    at = write_newer(stpcpy(at, "CASE WHEN "), spec, WEIR_GROUP_OF(c->conflict), named);
    return write_form(at, spec, column, " THEN @ ELSE $ END", named);
}

/* If nothing is to be changed, a key stays what it is: IGNORE would swallow other errors too. */
char *mys_insert_tail(char *at, const struct mys_conn *c, const weir_bulk_spec *spec)
{
    const int named = names_new_rows(c);
    const char *glue = " ON DUPLICATE KEY UPDATE ";
    size_t key = 0;
    *at = '\0';
    if (spec->insert_only)
        return at;
    if (named)
        at = write_cell_names(at, spec);
    for (size_t i = 0; i < spec->count; i++) {
        if (spec->columns[i].key)
            key = i;
        if (spec->columns[i].key || spec->columns[i].conflict == WEIR_KEEP)
            continue;
        at = write_rule(stpcpy(at, glue), spec, i, named);
        glue = ", ";
    }
    return *glue == ',' ? at : write_rule(stpcpy(at, glue), spec, key, named);
}
