/*
 * What the tests of the MySQL and MariaDB driver share: servers, a core just large enough to drive the driver's table, and short words
 * for its hooks.
 * SPDX-License-Identifier: MIT
 */
#ifndef T_MYSQL_RIG_H
#define T_MYSQL_RIG_H

#include <stdatomic.h>
#include <weir/backend.h>
#include "server-mariadb.h"

extern const weir_backend weir_mysql_backend;

#define NEVER INT64_MAX
#define MS INT64_C(1000000)
#define SECOND (1000 * MS)
#define SOON (rig_now() + 60 * SECOND) /* a deadline that is not meant to pass, however slow the machine is */

/* One db, as the driver sees it. */
struct rig {
    weir_host host;
    weir_target target;         /* where `session` goes */
    const char *const *options; /* "name", "value", …, NULL: what differs from the driver's defaults */
    struct mariadb *server;
    long fail_at; /* the allocation, counted from 1, that finds no memory; 0: none */
    atomic_long allocations;
    atomic_long blocks; /* not freed yet */
};

/* Runs the test on a MariaDB server, and once more on a MySQL server if there is one.  The exit status of the whole program. */
int rig_on_servers(void (*test)(struct mariadb *server), const char *const *settings);

/* A db on that server, for its user `weir` and its database `test`. */
void rig_begin(struct rig *rig, struct mariadb *server, const char *const *options);
int64_t rig_now(void);

/* Connections.  dial returns NULL on failure, having closed it; session and reader, of the read lane, bail out then. */
void *dial(struct rig *rig, const weir_target *target, int64_t deadline_ns, weir_error *err);
void *session(struct rig *rig);
void *reader(struct rig *rig);
void end(void **conn);

/* Statements: prepared, run and forgotten. */
int execute(void *conn, const char *sql, weir_args args, int64_t deadline_ns, weir_error *err);
int run(void *conn, const char *sql, weir_error *err); /* without arguments, soon */
void must(void *conn, const char *sql);                /* bails out if it fails */
int64_t ask_int(void *conn, const char *sql);
const char *ask_text(void *conn, const char *sql); /* a static text; "(null)" */

/* What has failed says all of this. */
void is_error(const weir_error *err, int status, int native, const char *sqlstate, unsigned flags);

/* A statement that is kept, and a result that stays open.  All but forget bail out if they fail. */
void *make(void *conn, const char *sql);
void forget(void *conn, void **stmt);
void *begin_rows(void *conn, const char *sql, weir_args args);
void end_rows(void *conn, void **stmt);

/* Polls until the statement, run on conn, gives that number; bails out after a minute. */
void wait_for(void *conn, const char *sql, int64_t number);

/* A statement that another thread runs. */
struct errand {
    void *conn;
    const char *sql;
    int64_t deadline_ns;
    int status;
    weir_error err;
    void *thread;
};
void errand_start(struct errand *e, void *conn, const char *sql, int64_t deadline_ns);
void errand_end(struct errand *e); /* waits for it */

#endif
