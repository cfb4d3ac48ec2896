/*
 * The service levels of transactions on MariaDB, and on MySQL if there is one.
 * SPDX-License-Identifier: MIT
 */
#include "levels.h"
#include "server-mariadb.h"

static void run_on(struct mariadb *server)
{
    const struct place place = { .format = "mysql://weir@127.0.0.1:%d/test", .port = server->port };
    level_18_transfers(&place);
    level_19_sorted(&place);
    level_20_lost_commit(&place);
    mariadb_stop(server);
}

int main(void)
{
    struct mariadb server;
    mariadb_start(&server, NULL);
    run_on(&server);
    if (mysql_start(&server, NULL))
        run_on(&server);
    return tap_done();
}
