/*
 * The side of libzdb.  It has no waiting: whoever finds no connection comes again, as its users do.
 * SPDX-License-Identifier: MIT
 */
#include <stdio.h>
#include <zdb.h>
#include "recovery.h"

static URL_T url;
static ConnectionPool_T pool;

static void open_side(int port)
{
    char text[128];
    snprintf(text, sizeof text, "mysql://weir:@127.0.0.1:%d/test", port);
    url = URL_new(text);
    pool = ConnectionPool_new(url);
    ConnectionPool_setMaxConnections(pool, POOL_SIZE);
    ConnectionPool_start(pool);
}

static int serve(void)
{
    volatile int served = 0;
    volatile Connection_T conn = NULL;
    TRY
    {
        conn = ConnectionPool_getConnection(pool);
        if (conn)
            served = ResultSet_next(Connection_executeQuery(conn, "SELECT 1"));
    }
    CATCH(SQLException)
    {
        served = 0;
    }
    END_TRY;
    if (conn)
        Connection_close(conn);
    return served;
}

static void close_side(void)
{
    ConnectionPool_free(&pool);
    URL_free(&url);
}

const struct pool_side side_libzdb = { "libzdb", open_side, serve, close_side };
