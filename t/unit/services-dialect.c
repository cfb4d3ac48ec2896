/*
 * The schema holds together, and is written in the SQL of each database.
 * SPDX-License-Identifier: MIT
 */
#include <stdlib.h>
#include <string.h>
#include <services/dialect.h>
#include "tap.h"

/* What the rules take for granted. */
static int is_sound(const struct table *t)
{
    int sound = t->count <= COLUMNS_MOST && t->keys > 0 && t->keys < t->count;
    for (size_t i = 0; i < t->count; i++) {
        const struct column *c = &t->columns[i];
        sound &= (c->rule == RULE_KEY) == (i < t->keys) && (c->kind == KIND_TEXT) == (c->length > 0);
        sound &= c->rule != RULE_ORDER || (c->kind != KIND_DECIMAL && c->kind != KIND_DOUBLE);
        sound &= c->rule != RULE_MOST || c->required;
    }
    return sound;
}

/* A group is decided by ORDER columns, the weightiest last: that is what makes one update, column by column, possible on MySQL. */
static int ends_in_order(const struct table *t)
{
    const struct column *last[10] = { NULL };
    for (size_t i = 0; i < t->count; i++)
        if (t->columns[i].group)
            last[t->columns[i].group] = &t->columns[i];
    for (size_t i = 1; i < 10; i++)
        if (last[i] && last[i]->rule != RULE_ORDER)
            return 0;
    return 1;
}

static size_t count_of(const char *text, const char *part)
{
    size_t n = 0;
    while ((text = strstr(text, part)) != NULL) {
        text += strlen(part);
        n++;
    }
    return n;
}

static void schemas(void)
{
    for (size_t i = 0; i < TABLE_COUNT; i++) {
        ok(is_sound(&schema[i]), "%s is sound", schema[i].name);
        ok(ends_in_order(&schema[i]), "  and its groups end in what decides them");
    }
    ok(schema[ASSETS].refers == NULL && PRICE_HISTORY > ASSETS && ARTICLE_SENTIMENT > ARTICLES, "parents come first");
}

static void statements(const char *name)
{
    const struct dialect *d = dialect_named(name);
    size_t wrong = 0;
    ok(d, "there is a dialect %s", name);
    for (size_t i = 0; d && i < TABLE_COUNT; i++) {
        char *create = dialect_create(d, &schema[i]);
        wrong +=
            count_of(create, "(") != count_of(create, ")") || count_of(create, "\"") != count_of(create, "\"C\"") * 2;
        wrong += strchr(create, ';') || strchr(create, '%');
        free(create);
    }
    is_int(wrong, 0, "  its statements close what they open");
}

static void differences(void)
{
    char *sqlite = dialect_create(dialect_named("sqlite"), &schema[ASSETS]);
    char *mysql = dialect_create(dialect_named("mysql"), &schema[ASSETS]);
    char *postgres = dialect_create(dialect_named("postgres"), &schema[ASSETS]);
    has_text(sqlite, "last_price TEXT", "SQLite keeps the digits of a price as a text");
    has_text(mysql, "last_price DECIMAL(65,30)", "MySQL keeps as many as it can");
    has_text(mysql, "symbol VARCHAR(32) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
             "  and compares texts byte by byte");
    has_text(postgres, "last_price NUMERIC", "PostgreSQL keeps all");
    ok(!dialect_named("oracle"), "there is no dialect of another name");
    free(sqlite);
    free(mysql);
    free(postgres);
}

int main(void)
{
    schemas();
    for (const char *const *name = dialect_names; *name; name++)
        statements(*name);
    differences();
    return tap_done();
}
