/*
 * A batch leaves what the database makes of its rows one after the other: for every table, random rows of few values go to one database
 * singly and to another in batches, and both must hold the same.
 * SPDX-License-Identifier: MIT
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <services/asset.h>
#include <services/dialect.h>
#include <services/merge.h>
#include "tap.h"

#define ROUNDS 60
#define BATCH_MOST 12

struct rows {
    struct row *const *at;
    size_t count;
};

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

static int write_rows(weir_conn conn, void *arg, weir_error *err)
{
    const struct rows *r = arg;
    return rows_write(conn, r->at, r->count, err);
}

static void store(weir_db *db, struct row **rows, size_t count)
{
    struct rows r = { rows, count };
    weir_error err;
    if (weir_transact(NULL, db, write_rows, &r, NULL, weir_after_ms(60000), &err) < 0)
        tap_bail("%s: %s", schema[rows[0]->table].name, err.text);
}

/* A batch, into one database row by row and into the other at once. */
static void store_twice(weir_db *singly, weir_db *together, enum table_id table)
{
    struct row *rows[BATCH_MOST];
    size_t count = 1 + below(BATCH_MOST);
    for (size_t i = 0; i < count; i++) {
        rows[i] = random_row(table, NULL);
        rows[i]->turn = i;
        store(singly, &rows[i], 1);
    }
    rows_order(rows, count);
    store(together, rows, count);
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
static void store_parents(weir_db *singly, weir_db *together)
{
    static const char *const keys[] = { "a", "b", "ba" };
    static const enum table_id parents[] = { ASSETS, ARTICLES };
    for (size_t i = 0; i < 6; i++) {
        struct row *row = random_row(parents[i / 3], keys[i % 3]);
        store(singly, &row, 1);
        store(together, &row, 1);
        free(row);
    }
}

/* ---- what the rules of assets come to ---- */

static struct row *chain[8];
static size_t chained;

static void add_price(int64_t at, int64_t turn, const char *by, const char *price)
{
    const struct sighting s = {
        .symbol = "A", .at = at, .price = weir_decimal(price), .price_by = price ? by : NULL, .price_turn = turn
    };
    chain[chained] = asset_row(&s, NULL);
    chain[chained]->turn = chained;
    chained++;
}

/* Of the rows added, in a database of their own: all at once, or one by one. */
static void leaves(int at_once, const char *price, int64_t last_seen, const char *fact)
{
    weir_db *db = open_empty();
    weir_conn conn;
    weir_error err;
    weir_rows rows;
    for (size_t i = 0; i < chained; i += at_once ? chained : 1)
        store(db, chain + i, at_once ? chained : 1);
    if (weir_acquire(&conn, db, WEIR_READ, weir_after_ms(60000), &err) < 0 ||
        weir_query(&rows, conn, "SELECT last_price, last_seen FROM assets", WEIR_NO_ARGS, weir_after_ms(60000), &err) <
            0 ||
        weir_rows_next(rows, &err) != WEIR_ROW)
        tap_bail("%s", err.text);
    is_text(weir_rows_text(rows, 0), price, "%s", fact);
    is_int(weir_rows_time_us(rows, 1), last_seen, "  and it was last seen when it was");
    weir_rows_close(&rows, NULL);
    weir_release(&conn);
    weir_db_close(&db);
}

static void leave(const char *price, int64_t last_seen, const char *fact)
{
    leaves(1, price, last_seen, fact);
    leaves(0, price, last_seen, fact);
    while (chained)
        free(chain[--chained]);
}

static void newest_counts(void)
{
    add_price(5, 0, "a", "1");
    add_price(4, 9, "z", "2");
    leave("1", 5, "an older price does not replace a newer one");
    add_price(5, 1, "a", "1");
    add_price(5, 2, "a", "2");
    add_price(5, 0, "z", "3");
    leave("2", 5, "of one moment, the later turn counts");
    add_price(5, 1, "b", "1");
    add_price(5, 1, "a", "2");
    leave("1", 5, "  then the name");
    add_price(5, 1, "a", "1");
    add_price(5, 1, "a", "2");
    leave("2", 5, "  and where nothing decides, who comes last");
    add_price(5, 1, "a", "1");
    add_price(9, 0, NULL, NULL);
    leave("1", 9, "who brings no price takes none away");
    add_price(9, 0, NULL, NULL);
    add_price(5, 1, "a", "1");
    leave("1", 9, "the first price comes in, whenever it was seen");
}

int main(void)
{
    dialect = dialect_named("sqlite");
    weir_db *singly = open_empty(), *together = open_empty();
    newest_counts();
    store_parents(singly, together);
    for (unsigned i = 0; i < TABLE_COUNT; i++) {
        int same = 1;
        char *a = NULL, *b = NULL;
        for (int k = 0; k < ROUNDS && same; k++) {
            free(a);
            free(b);
            store_twice(singly, together, (enum table_id)i);
            a = content(singly, &schema[i]);
            b = content(together, &schema[i]);
            same = strcmp(a, b) == 0;
        }
        is_text(b, a, "%s: rows of a batch leave what single ones do", schema[i].name);
        free(a);
        free(b);
    }
    weir_db_close(&together);
    weir_db_close(&singly);
    return tap_done();
}
