/*
 * The side of APR's reslist, which pools what its user makes: here, handles of the MariaDB library.
 * SPDX-License-Identifier: MIT
 */
#include <apr_general.h>
#include <apr_reslist.h>
#include <mysql.h>
#include <stdio.h>
#include <stdlib.h>
#include "recovery.h"

static apr_pool_t *memory;
static apr_reslist_t *list;
static int server_port;

static apr_status_t make(void **resource, void *params, apr_pool_t *pool)
{
    const unsigned seconds = 5;
    MYSQL *mysql = mysql_init(NULL);
    (void)params;
    (void)pool;
    mysql_options(mysql, MYSQL_OPT_CONNECT_TIMEOUT, &seconds);
    *resource = mysql_real_connect(mysql, "127.0.0.1", "weir", NULL, "test", (unsigned)server_port, NULL, 0);
    if (*resource)
        return APR_SUCCESS;
    mysql_close(mysql);
    return APR_EGENERAL;
}

static apr_status_t end(void *resource, void *params, apr_pool_t *pool)
{
    (void)params;
    (void)pool;
    mysql_close(resource);
    return APR_SUCCESS;
}

static void open_side(int port)
{
    server_port = port;
    apr_initialize();
    if (apr_pool_create(&memory, NULL) != APR_SUCCESS ||
        apr_reslist_create(&list, 0, POOL_SIZE, POOL_SIZE, 0, make, end, NULL, memory) != APR_SUCCESS)
        exit(1);
    apr_reslist_timeout_set(list, 60 * 1000000);
}

static int asked(MYSQL *mysql)
{
    if (mysql_query(mysql, "SELECT 1") != 0)
        return 0;
    mysql_free_result(mysql_store_result(mysql));
    return 1;
}

static int serve(void)
{
    void *mysql;
    if (apr_reslist_acquire(list, &mysql) != APR_SUCCESS)
        return 0;
    const int served = asked(mysql);
    if (served)
        apr_reslist_release(list, mysql);
    else
        apr_reslist_invalidate(list, mysql);
    return served;
}

/* What its pool owns goes with the process: threads may still wait in it. */
static void close_side(void)
{
}

const struct pool_side side_reslist = { "reslist", open_side, serve, close_side };
