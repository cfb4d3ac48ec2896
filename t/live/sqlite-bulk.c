/*
 * Bulk writing on SQLite, in a file and in memory.
 * SPDX-License-Identifier: MIT
 */
#include <stdio.h>
#include "bulk.h"
#include "tap.h"

static void on(const char *url)
{
    static const struct bulk_dialect sqlite = { .text = "TEXT", .decimal = "TEXT", .adds_decimals = 0 };
    weir_db *db;
    weir_error err;
    tap_note("%s", url);
    if (weir_db_open(&db, url, NULL, &err) < 0)
        tap_bail("%s", err.text);
    bulk_scenario(db, &sqlite);
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
