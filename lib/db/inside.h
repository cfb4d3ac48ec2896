/*
 * What the files of this floor share: the struct of a db.
 * SPDX-License-Identifier: MIT
 */
#ifndef DB_INSIDE_H
#define DB_INSIDE_H

#include <base/lock.h>
#include <base/option.h>
#include <base/uri.h>
#include <pool/crew.h>
#include <sql/link.h>

/*
 * Lives while anybody counts on it: its owner until weir_db_close, each live connection, each thread of the crew.  All of it is
 * written by db_open only; what changes later is in the pool and the crew.
 */
struct weir_db {
    atomic_uint refs;
    struct alloc alloc;
    struct clock clock;
    weir_hooks hooks;
    struct options options;
    struct uri uri;
    const weir_backend *backend;
    weir_host host;
    struct link_source source;
    struct crew *crew; /* NULL: threads=none */
    weir_pool *pool;   /* of the one server */
    int64_t acquire_timeout;
    unsigned transact_attempts;
    _Atomic int64_t swept; /* when this db last looked after the table of markers; 0: never */
};

/* An option that the environment sets; NULL name at the end. */
struct env_option {
    const char *name, *value;
};

int db_open(weir_db **out, const char *url, const struct env_option *env, const weir_hooks *hooks, weir_error *err);
void db_drop(void *db);

/* target.c: link_source.target. */
int db_target(void *db, weir_target *target, char *secret, size_t size, weir_error *err);

/* settle.c: what became of a transaction whose commit was lost. */
#define MARKER_SIZE 33

/* By what it can be found out; neither: not at all. */
struct claim {
    char trace[WEIR_TRACE_SIZE]; /* the driver's */
    char marker[MARKER_SIZE];    /* the key of a row that it has written */
};
/* With exactly_once: makes a key, and sees to it that the table is there.  Before the transaction begins. */
int settle_prepare(weir_db *db, weir_conn conn, struct claim *claim, weir_deadline deadline, weir_error *err);
/* The row, as the last thing in the transaction. */
int settle_mark(weir_conn conn, const struct claim *claim, weir_deadline deadline, weir_error *err);
/* Finds out, on other connections, until it is known or that moment: ABORTED, COMMITTED or UNKNOWN. */
weir_fate settle(weir_db *db, const struct claim *claim, const char *here, int64_t until);
/* On no lock: returns at that moment. */
void sleep_until(const struct clock *clock, int64_t until);

#endif
