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
        char *create = dialect_create(d, &schema[i]), *upsert = dialect_upsert(d, &schema[i], 3);
        wrong += count_of(create, "(") != count_of(create, ")") || count_of(upsert, "(") != count_of(upsert, ")");
        wrong += count_of(upsert, "?") != 3 * schema[i].count;
        wrong += count_of(create, "\"") != count_of(create, "\"C\"") * 2 || count_of(upsert, "\"") != 0;
        wrong += strchr(create, ';') || strchr(upsert, ';') || strchr(create, '%') || strchr(upsert, '%');
        free(create);
        free(upsert);
    }
    is_int(wrong, 0, "  its statements have as many placeholders as values, and close what they open");
}

static void differences(void)
{
    char *sqlite = dialect_upsert(dialect_named("sqlite"), &schema[ASSETS], 1);
    char *mysql = dialect_upsert(dialect_named("mysql"), &schema[ASSETS], 1);
    char *postgres = dialect_upsert(dialect_named("postgres"), &schema[ASSETS], 1);
    has_text(sqlite, "last_seen = MAX(excluded.last_seen, assets.last_seen)", "SQLite takes the greater by MAX");
    has_text(mysql, "last_seen = GREATEST(VALUES(last_seen), last_seen)", "MySQL by GREATEST, with bare names");
    has_text(postgres, "CAST(? AS NUMERIC)", "PostgreSQL is told the types of placeholders");
    has_text(postgres, "ON CONFLICT (symbol) DO UPDATE SET", "  and the key");
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
