/*
 * The service levels of transactions on PostgreSQL.
 * SPDX-License-Identifier: MIT
 */
#include "levels.h"
#include "server-postgres.h"

int main(void)
{
    static const char *const settings[] = { "deadlock_timeout=10ms", NULL };
    static struct postgres server;
    postgres_start(&server, settings);
    const struct place place = { .format = "postgres://weir@127.0.0.1:%d/postgres",
                                 .port = server.port,
                                 .traces = true };
    level_18_transfers(&place);
    level_19_sorted(&place);
    level_20_lost_commit(&place);
    level_22_hot_row(&place, 1);
    postgres_stop(&server);
    return tap_done();
}
