/*
 * What weir costs beside the bare client library, and beside others: each does the same with the same statements, and is a side.
 *
 * A new database is a new bare side here, a name in overhead.c's list, and a row in overhead.sh.
 * SPDX-License-Identifier: MIT
 */
#ifndef BENCH_OVERHEAD_H
#define BENCH_OVERHEAD_H

#include <stdint.h>

#define ROWS 1000   /* of the table, and of the task `many`; `long` has twenty times as many */
#define INSERTS 100 /* of the task `insert`, in one transaction */

#define SQL_ONE "SELECT v, name FROM bench WHERE id = ?"
#define SQL_MANY "SELECT id, v, name FROM bench"
#define SQL_LONG "SELECT a.id, a.v, a.name FROM bench a, bench b WHERE b.id < 20"
#define SQL_INSERT "INSERT INTO bench_new (id, v, name) VALUES (?, ?, ?)"
#define SQL_CLEAR "DELETE FROM bench_new"

/* One library.  What goes wrong ends the program.  Each task returns a sum over what it read, so that nothing is left undone. */
struct side {
    const char *name;
    void (*open)(const char *url); /* a connection, and what is prepared once */
    int64_t (*one)(int64_t id);    /* one row by its key: a whole number and a text */
    int64_t (*many)(void);         /* ROWS rows of three columns */
    int64_t (*longer)(void);       /* twenty times as many; NULL: it has none */
    int64_t (*insert)(void);       /* begin, INSERTS rows, commit; the table was empty */
    int64_t (*loan)(void);         /* a connection from the pool, and back; NULL: it has none */
    void (*close)(void);
};

extern const struct side side_weir;
extern const struct side side_mysql;
extern const struct side side_postgres;
extern const struct side side_postgres_rows;
extern const struct side side_sqlite;
extern const struct side side_libzdb;

void must(int fine, const char *what); /* or the program ends, naming it */

#endif
