/*
 * Bulk writing on PostgreSQL, and through PgBouncer in transaction mode.
 * SPDX-License-Identifier: MIT
 */
#include <stdio.h>
#include "bulk.h"
#include "server-postgres.h"
#include "talk.h"

static const char *const direct[] = { "cancel_grace", "30s", NULL };
static const char *const pooled[] = { "cancel_grace", "30s", "pooler", "transaction", NULL };

static void run_on(int port, const char *const *options)
{
    static const struct bulk_dialect postgres = {
        .text = "TEXT", .decimal = "NUMERIC", .adds_decimals = 1, .checks_values = 1
    };
    char url[128];
    snprintf(url, sizeof url, "postgres://weir@127.0.0.1:%d/postgres", port);
    tap_note("%s", url);
    weir_db *db = talk_open(url, options);
    bulk_scenario(db, &postgres);
    weir_db_close(&db);
}

int main(void)
{
    static struct postgres server;
    static struct pgbouncer pooler;
    postgres_start(&server, NULL);
    pgbouncer_start(&pooler, &server, NULL);
    run_on(server.port, direct);
    run_on(pooler.port, pooled);
    pgbouncer_stop(&pooler);
    postgres_stop(&server);
    return tap_done();
}
