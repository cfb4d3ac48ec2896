/*
 * Bulk writing on SQLite, in a file and in memory.
 * SPDX-License-Identifier: MIT
 */
#include <stdio.h>
#include "bulk.h"
#include "tap.h"

/* Into one row, whose columns are texts. */
static int merge(weir_db *db, weir_value added, weir_value larger)
{
    static const weir_column columns[] = { { "k", 1, 0 }, { "added", 0, WEIR_ADD }, { "larger", 0, WEIR_LARGER } };
    const weir_bulk_spec spec = { .size = sizeof spec, .table = "mixed", .columns = columns, .count = 3 };
    weir_bulk *bulk;
    weir_error err;
    if (weir_bulk_open(&bulk, db, &spec, &err) < 0)
        tap_bail("%s", err.text);
    weir_bulk_row(bulk, WEIR_ARGS(weir_int(1), weir_null(), weir_null()), &err);
    weir_bulk_row(bulk, WEIR_ARGS(weir_int(2), added, larger), &err);
    return weir_bulk_finish(&bulk, NULL, (weir_deadline){ 0 }, &err);
}

static const char *merged(weir_db *db)
{
    return bulk_ask(db, "SELECT added || ' ' || larger FROM mixed WHERE k = 2");
}

/* A column of SQLite takes any value: what counts is what a cell is, and what is stored. */
static void test_mixed(weir_db *db)
{
    bulk_run(db, "CREATE TABLE mixed (k INTEGER PRIMARY KEY, added TEXT, larger TEXT)");
    merge(db, weir_decimal("12345678901234567890.1"), weir_decimal("9"));
    is_int(merge(db, weir_int(2), weir_int(10)), WEIR_OK, "integers meet decimals");
    is_text(merged(db), "12345678901234567892.1 10", "and are added and compared as such");
    merge(db, weir_text("-12345678901234567890.1"), weir_text("9"));
    is_text(merged(db), "2 9", "texts are added as numbers, and compared as texts");
    merge(db, weir_double(0.5), weir_double(8.5));
    is_text(merged(db), "2.5 9", "so are doubles, and compared as numbers");
    merge(db, weir_text("1e2"), weir_null());
    is_text(merged(db), "102.5 9", "an exponent makes a double of a number");
    is_int(merge(db, weir_text("a lot"), weir_null()), WEIR_E_DATA, "what is no number is not added");
    bulk_run(db, "UPDATE mixed SET larger = 'a lot' WHERE k = 2");
    is_int(merge(db, weir_null(), weir_int(1)), WEIR_E_DATA, "nor compared with one");
    bulk_run(db, "DROP TABLE mixed");
    bulk_run(db, "CREATE TABLE mixed (k INTEGER PRIMARY KEY, added INTEGER, larger REAL)");
    merge(db, weir_int(INT64_MAX), weir_double(1.5));
    merge(db, weir_int(INT64_MIN), weir_int(1));
    is_text(merged(db), "-1 1.5", "integers of any size are added in a column of integers");
    bulk_run(db, "DROP TABLE mixed");
}

static void on(const char *url)
{
    static const struct bulk_dialect sqlite = { .text = "TEXT", .decimal = "TEXT" };
    weir_db *db;
    weir_error err;
    tap_note("%s", url);
    if (weir_db_open(&db, url, NULL, &err) < 0)
        tap_bail("%s", err.text);
    bulk_scenario(db, &sqlite);
    test_mixed(db);
    weir_db_close(&db);
}

int main(void)
{
    char url[256];
    snprintf(url, sizeof url, "sqlite:%s/bulk.db", tap_folder());
    on(url);
    on("sqlite::memory:");
    return tap_done();
}
