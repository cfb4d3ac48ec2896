/*
 * A pool to be measured after an outage: the same few words for each.
 * SPDX-License-Identifier: MIT
 */
#ifndef BENCH_RECOVERY_H
#define BENCH_RECOVERY_H

#define POOL_SIZE 8

struct pool_side {
    const char *name;
    void (*open)(int port); /* of a MariaDB server on 127.0.0.1, its user `weir` and its database `test` */
    int (*serve)(void);     /* borrows, asks for one row, gives back; 1: the row has come.  Any thread */
    void (*close)(void);
};

extern const struct pool_side side_weir, side_libzdb, side_reslist;

#endif
