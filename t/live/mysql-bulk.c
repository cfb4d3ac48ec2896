/*
 * Bulk writing on MariaDB and on MySQL.
 * SPDX-License-Identifier: MIT
 */
#include <stdio.h>
#include "bulk.h"
#include "server-mariadb.h"
#include "tap.h"

static void on(struct mariadb *server)
{
    static const struct bulk_dialect dialect = { .text = "VARCHAR(64)",
                                                 .decimal = "DECIMAL(65,30)",
                                                 .adds_decimals = 1, .checks_values = 1 };
    char url[300];
    weir_db *db;
    weir_error err;
    snprintf(url, sizeof url, "mysql://weir@127.0.0.1:%d/test", server->port);
    tap_note("%s", server->is_mysql ? "MySQL" : "MariaDB");
    if (weir_db_open(&db, url, NULL, &err) < 0)
        tap_bail("%s", err.text);
    bulk_scenario(db, &dialect);
    weir_db_close(&db);
    mariadb_stop(server);
}

int main(void)
{
    struct mariadb server;
    mariadb_start(&server, NULL);
    on(&server);
    if (mysql_start(&server, NULL))
        on(&server);
    return tap_done();
}
