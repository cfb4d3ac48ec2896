/*
 * Joining rows in memory gives what the database makes of them one after the other: for every table, random rows of few values go to one
 * database singly and to another in batches, and both must hold the same.
 * SPDX-License-Identifier: MIT
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <services/dialect.h>
#include <services/merge.h>
#include "tap.h"

#define ROUNDS 60
#define BATCH_MOST 12

static const struct dialect *dialect;
static uint64_t state = 88172645463325252u;

static unsigned below(unsigned n)
{
    state ^= state << 13; /* xorshift: the same numbers everywhere */
    state ^= state >> 7;
    state ^= state << 17;
    return (unsigned)(state >> 33) % n;
}

static weir_value value_of(enum kind kind)
{
    static const char *const texts[] = { "a", "b", "ba" }, *const decimals[] = { "1.5", "2", "-3" },
                             *const days[] = { "2026-01-01", "2026-01-02", "2026-02-01" };
    unsigned which = below(3);
    switch (kind) {
    case KIND_TEXT:
        return weir_text(texts[which]);
    case KIND_DECIMAL:
        return weir_decimal(decimals[which]);
    case KIND_TIME:
        return weir_time_us(999999 + which); /* with and without a fraction */
    case KIND_DATE:
        return weir_text(days[which]);
    case KIND_INT:
        return weir_int((int64_t)which - 1);
    default:
        return weir_double(0.5 * which);
    }
}

/* What decides about a group is there altogether or not at all, as the services write it. */
static struct row *random_row(enum table_id table, const char *first_key)
{
    const struct table *t = &schema[table];
    unsigned absent_groups = below(16);
    weir_value v[COLUMNS_MOST];
    for (size_t i = 0; i < t->count; i++) {
        const struct column *c = &t->columns[i];
        int absent =
            c->rule == RULE_ORDER ? (int)(absent_groups >> c->group & 1) : c->rule != RULE_KEY && below(3) == 0;
        v[i] = absent && !c->required ? weir_null() : value_of(c->kind);
    }
    if (first_key)
        v[0] = weir_text(first_key);
    return row_make(table, v, NULL);
}

static void store(weir_db *db, const struct row *row)
{
    char *sql = dialect_upsert(dialect, &schema[row->table], 1);
    weir_conn conn;
    weir_error err;
    if (weir_acquire(&conn, db, WEIR_WRITE, weir_after_ms(60000), &err) < 0 ||
        weir_exec(NULL, conn, sql, weir_args_of(row->v, schema[row->table].count), weir_after_ms(60000), &err) < 0)
        tap_bail("%s: %s", sql, err.text);
    weir_release(&conn);
    free(sql);
}

/* A batch, into one database row by row and into the other joined. */
static void store_twice(weir_db *singly, weir_db *joined, enum table_id table)
{
    struct row *rows[BATCH_MOST];
    size_t count = 1 + below(BATCH_MOST), left;
    for (size_t i = 0; i < count; i++) {
        rows[i] = random_row(table, NULL);
        rows[i]->turn = i;
        store(singly, rows[i]);
    }
    left = rows_merge(rows, count);
    for (size_t i = 0; i < left; i++)
        store(joined, rows[i]);
    for (size_t i = 0; i < count; i++)
        free(rows[i]);
}

/* All of a table in one text, to be freed. */
static char *content(weir_db *db, const struct table *t)
{
    char sql[100], *text = NULL;
    size_t size = 0;
    FILE *to = open_memstream(&text, &size);
    weir_conn conn;
    weir_rows rows = { 0 };
    weir_error err;
    snprintf(sql, sizeof sql, "SELECT * FROM %s ORDER BY 1, 2, 3", t->name);
    if (!to || weir_acquire(&conn, db, WEIR_READ, weir_after_ms(60000), &err) < 0 ||
        weir_query(&rows, conn, sql, WEIR_NO_ARGS, weir_after_ms(60000), &err) < 0)
        tap_bail("%s: %s", sql, err.text);
    while (weir_rows_next(rows, NULL) == WEIR_ROW) {
        for (size_t i = 0; i < t->count; i++)
            fprintf(to, " %s", weir_rows_is_null(rows, i) ? "NULL" : weir_rows_text(rows, i));
        fputs(";", to);
    }
    if (weir_rows_close(&rows, &err) < 0 || fclose(to) != 0)
        tap_bail("%s: %s", sql, err.text);
    weir_release(&conn);
    return text;
}

static weir_db *open_empty(void)
{
    weir_db *db;
    weir_conn conn;
    weir_error err;
    if (weir_db_open(&db, "sqlite::memory:", NULL, &err) < 0 ||
        weir_acquire(&conn, db, WEIR_WRITE, weir_after_ms(60000), &err) < 0)
        tap_bail("%s", err.text);
    for (size_t i = 0; i < TABLE_COUNT; i++) {
        char *sql = dialect_create(dialect, &schema[i]);
        if (weir_exec(NULL, conn, sql, WEIR_NO_ARGS, weir_after_ms(60000), &err) < 0)
            tap_bail("%s: %s", sql, err.text);
        free(sql);
    }
    weir_release(&conn);
    return db;
}

/* Rows of other tables refer to these. */
static void store_parents(weir_db *singly, weir_db *joined)
{
    static const char *const keys[] = { "a", "b", "ba" };
    static const enum table_id parents[] = { ASSETS, ARTICLES };
    for (size_t i = 0; i < 6; i++) {
        struct row *row = random_row(parents[i / 3], keys[i % 3]);
        store(singly, row);
        store(joined, row);
        free(row);
    }
}

int main(void)
{
    dialect = dialect_named("sqlite");
    weir_db *singly = open_empty(), *joined = open_empty();
    store_parents(singly, joined);
    for (unsigned i = 0; i < TABLE_COUNT; i++) {
        int same = 1;
        char *a = NULL, *b = NULL;
        for (int k = 0; k < ROUNDS && same; k++) {
            free(a);
            free(b);
            store_twice(singly, joined, (enum table_id)i);
            a = content(singly, &schema[i]);
            b = content(joined, &schema[i]);
            same = strcmp(a, b) == 0;
        }
        is_text(b, a, "%s: joined rows leave what single ones do", schema[i].name);
        free(a);
        free(b);
    }
    weir_db_close(&joined);
    weir_db_close(&singly);
    return tap_done();
}
