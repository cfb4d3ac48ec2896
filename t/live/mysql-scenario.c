/*
 * The scenario for every database, on MariaDB and on MySQL.
 * SPDX-License-Identifier: MIT
 */
#include <stdio.h>
#include "scenario.h"
#include "server-mariadb.h"

/* A machine that is busy is no fault of the server's. */
static const char *const patient[] = { "cancel_grace", "30s", NULL };

static void run_on(struct mariadb *server)
{
    char url[300];
    snprintf(url, sizeof url, "mysql://weir@127.0.0.1:%d/test", server->port);
    scenario_run(&(struct scenario){ .url = url, .options = patient });
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
