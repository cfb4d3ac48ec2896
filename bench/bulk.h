/*
 * Rows a second into a database: weir_bulk, the best that is written by hand over its client library, and libzdb.
 *
 * All sides get the same rows, in the order of their key, and take turns; of each the best round counts.
 *
 * On a machine that is busy besides, time says little.  So the processor time is counted too, that of the program and of the server's
 * process or thread for it, if that is on the same machine and may be looked at.
 * SPDX-License-Identifier: MIT
 */
#ifndef BENCH_BULK_H
#define BENCH_BULK_H

#include <stddef.h>
#include <stdint.h>

struct candle {
    char symbol[16];
    int64_t at; /* seconds */
    double open, high, low, close;
    int64_t volume;
};

#define COLUMNS "symbol, at, open, high, low, close, volume"
#define KEY "symbol, at"

extern struct candle *candles;
extern size_t count;

/* One way by hand, of a task: insert and upsert are what weir_bulk is for, each (a statement a row) is for weir_exec_many. */
struct hand {
    const char *task, *name;
    void (*write)(const struct candle *c, size_t n); /* within a transaction; NULL: this server cannot do it */
    int at_once;                                     /* all rows are one */
};

/* What differs from one database to the next.  Whatever goes wrong ends the program. */
struct database {
    size_t batch;                /* rows of a transaction, by hand as with weir; libzdb has one for all */
    const char *weir, *zdb;      /* their URLs of USER@HOST:PORT/DATABASE, with %s for the user and for the rest */
    const char *which;           /* the query for the process or thread of the server that serves a connection */
    const char *insert, *upsert; /* a row, with question marks */
    const char *begin, *commit;
    struct hand *hands; /* task NULL at the end; the first of all is the fastest for filling the table */
    int (*open)(const char *user, const char *rest); /* makes the table too; that process or thread */
    void (*say)(const char *sql);
    void (*settle)(void); /* so that what was done before costs nothing later */
};

/* USER@HOST:PORT/DATABASE [ROWS [ROUNDS]] */
int bulk_bench(int argc, char **argv, const struct database *database);

void must(int fine, const char *what); /* or the program ends, naming it */

#endif
