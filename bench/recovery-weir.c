/*
 * The side of weir.
 * SPDX-License-Identifier: MIT
 */
#include <stdio.h>
#include <stdlib.h>
#include <weir.h>
#include "recovery.h"

static weir_db *db;

static void open_side(int port)
{
    char url[128];
    weir_error err;
    snprintf(url, sizeof url, "mysql://weir@127.0.0.1:%d/test?pool_size=%d&acquire_timeout=1m", port, POOL_SIZE);
    if (weir_db_open(&db, url, NULL, &err) == WEIR_OK)
        return;
    fprintf(stderr, "bench/recovery: %s\n", err.text);
    exit(1);
}

static int serve(void)
{
    weir_conn conn;
    if (weir_acquire(&conn, db, WEIR_WRITE, (weir_deadline){ 0 }, NULL) < 0)
        return 0;
    const int served = weir_exec(NULL, conn, "SELECT 1", WEIR_NO_ARGS, (weir_deadline){ 0 }, NULL) >= 0;
    weir_release(&conn);
    return served;
}

static void close_side(void)
{
    weir_db_close(&db);
}

const struct pool_side side_weir = { "weir", open_side, serve, close_side };
