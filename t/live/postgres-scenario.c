/*
 * The scenario for every database, on PostgreSQL, and through PgBouncer in transaction mode.
 * SPDX-License-Identifier: MIT
 */
#include <stdio.h>
#include "scenario.h"
#include "server-postgres.h"

static const char *const direct[] = { "cancel_grace", "30s", NULL };
static const char *const pooled[] = { "cancel_grace", "30s", "pooler", "transaction", NULL };

static void run_on(int port, const char *const *options)
{
    char url[128];
    snprintf(url, sizeof url, "postgres://weir@127.0.0.1:%d/postgres", port);
    scenario_run(&(struct scenario){ .url = url, .options = options });
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
