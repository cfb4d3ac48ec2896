/*
 * What the tests of the SQLite driver share: a core just large enough to drive the driver's table, and short words for its hooks.
 * SPDX-License-Identifier: MIT
 */
#ifndef T_SQLITE_RIG_H
#define T_SQLITE_RIG_H

#include <stdatomic.h>
#include <weir/backend.h>

extern const weir_backend weir_sqlite_backend;

#define NEVER INT64_MAX
#define MS INT64_C(1000000)

/* One db, as the driver sees it. */
struct rig {
    weir_host host;
    const char *const *options; /* "name", "value", …, NULL: what differs from the driver's defaults */
    long fail_at;               /* the allocation, counted from 1, that finds no memory; 0: none */
    atomic_long allocations;
    atomic_long blocks; /* not freed yet */
    atomic_long looks;  /* at the clock: without a deadline, only a wait for a lock looks */
};

void rig_begin(struct rig *rig, const char *const *options);
int64_t rig_now(void);
const char *rig_path(const char *name); /* of a file in the test's folder; four texts live at once */

/* Connections.  open_as returns NULL on failure, having closed it; session bails out then. */
void *open_as(struct rig *rig, const char *path, int read_only, int64_t deadline_ns, weir_error *err);
void *session(struct rig *rig, const char *path, int read_only);
void end(struct rig *rig, void **conn);

/* Statements: prepared, run and forgotten. */
int execute(void *conn, const char *sql, weir_args args, int64_t deadline_ns, weir_error *err);
void must(void *conn, const char *sql); /* bails out if it fails */
int64_t ask_int(void *conn, const char *sql);
const char *ask_text(void *conn, const char *sql); /* a static text */

/* A result that stays open.  begin_rows bails out if there is none. */
void *begin_rows(void *conn, const char *sql, weir_args args);
void end_rows(void *conn, void **stmt);

#endif
