/*
 * The contract between weir and a driver.  A promise of its own: WEIR_BACKEND_ABI moves when a rule below does.
 *
 * What the core keeps, for every hook:
 *  - no lock of ours is held;
 *  - never two hooks at once on one connection, `cancel` and `interrupt` excepted;
 *  - deadlines are absolute moments of host->now_ns; INT64_MAX is "no deadline";
 *  - err is never NULL, and a hook that fails has written it (host->fail).
 * What a driver keeps: the core owns policy (retry, back-off, discard), a driver owns knowledge (what an error means, what makes a
 * session dirty).  A driver never retries, logs, starts a thread, or waits for anything but its server.
 * SPDX-License-Identifier: MIT
 */
#ifndef WEIR_BACKEND_H
#define WEIR_BACKEND_H

#include <weir/bulk.h>
#include <weir/error.h>
#include <weir/query.h>

WEIR_BEGIN

#define WEIR_BACKEND_ABI 2u

/* What the core lends to a driver, so that a module links against nothing.  Valid for as long as the connection. */
typedef struct weir_host {
    size_t size;
    void *ctx;                                             /* first argument of what takes one */
    void *(*realloc)(void *ctx, void *block, size_t size); /* size 0 frees; NULL: no memory */
    int64_t (*now_ns)(void *ctx);                          /* the db's monotonic clock */
    const char *(*option)(void *ctx,
                          const char *name); /* the text of a core or driver option, never NULL if declared */
    int (*fail)(weir_error *err, int status, const char *format, ...); /* writes err whole; returns status */
    int (*time_text)(char out[32], int64_t us);        /* "YYYY-MM-DD hh:mm:ss[.ffffff]"; < 0: year not in 0000..9999 */
    int64_t (*option_ns)(void *ctx, const char *name); /* the value of an option that is a duration */
    int (*time_parse)(int64_t *us, const char *text);  /* what time_text writes, a zone "+hh:mm" too; < 0: it is none */
    int (*double_parse)(double *out, const char *text); /* '.' whatever the locale; < 0: no finite number */
    /* Of decimals, every digit kept; < 0: one of them is none.  The sum takes no more bytes than both texts, and four. */
    int (*decimal_add)(char *out, const char *a, const char *b);
    int (*decimal_compare)(int *order, const char *a, const char *b); /* *order is < 0, 0 or > 0 */
} weir_host;

/* One server, parsed.  Everything is borrowed until `open` returns; the password is wiped then. */
typedef struct weir_target {
    size_t size;
    const char *host, *database, *user, *password; /* "" where not given */
    uint32_t port;                                 /* 0: the driver's usual one */
    uint32_t read_only; /* the session belongs to the read lane: the server must refuse writes */
} weir_target;

/* A row of the option table.  All text: kind is int, int|auto, duration, bool, choice or text; range "1..4096", "a|b|c" or "". */
typedef struct weir_option {
    const char *name, *kind, *fallback, *range, *line;
} weir_option;

/* What became of a transaction whose commit was lost. */
typedef enum weir_fate {
    WEIR_FATE_ABORTED,   /* it is not committed, and cannot be any more */
    WEIR_FATE_COMMITTED, /* it is */
    WEIR_FATE_PENDING,   /* it has not ended yet: the question is worth asking again */
    WEIR_FATE_UNKNOWN    /* this server cannot tell, now or later */
} weir_fate;

#define WEIR_LATER 0xffu /* the type of a cell that `next` leaves to `cell` */

#define WEIR_TRACE_SIZE 128 /* of a text by which a server finds a transaction again, with its zero byte */

/* SQL.  A connection has at most one open result, which `run` opens and `abandon` ends. */
typedef struct weir_sql_wing {
    size_t size;
    /* Makes *stmt from one statement.  *params is its number of placeholders, *columns that of its result (0: it returns no rows). */
    int (*prepare)(void *conn, void **stmt, size_t *params, size_t *columns, const char *sql, int64_t deadline_ns,
                   weir_error *err);
    void (*forget)(void *conn, void *stmt);
    /* Runs stmt with as many args as it has placeholders.  want_rows 0: to the end, rows dropped, no result is left open. */
    int (*run)(void *conn, void *stmt, weir_args args, int want_rows, int64_t deadline_ns, weir_error *err);
    /*
     * WEIR_ROW, and all cells of the row, as many as `columns` says: borrowed until next or abandon, texts with a zero byte behind them,
     * and `no_zero` where there is certainly none before that.  One that costs something may be left as WEIR_LATER, until `cell` is asked
     * for it, if ever.  WEIR_OK at the end.
     */
    int (*next)(void *conn, weir_value *cells, int64_t deadline_ns, weir_error *err);
    int (*next_set)(void *conn, int64_t deadline_ns, weir_error *err); /* WEIR_ROW: there is another set; NULL: never */
    void (*abandon)(void *conn);                                       /* ends the result, read or not */
    size_t (*columns)(void *conn);
    const char *(*name)(void *conn, size_t column); /* borrowed until abandon */
    int64_t (*affected)(void *conn);                /* rows that the last `run` changed */
    int64_t (*last_id)(void *conn);
    /* May leave the server to be told with the first statement, which then fails as this would have, with WEIR_ROLLED_BACK. */
    int (*begin)(void *conn, unsigned isolation, int read_only, int64_t deadline_ns, weir_error *err);
    int (*commit)(void *conn, int64_t deadline_ns, weir_error *err);
    int (*rollback)(void *conn, int64_t deadline_ns, weir_error *err);

    /* Below, NULL: the driver cannot. */
    int (*cell)(void *conn, size_t column, weir_value *out); /* one that next has left; < 0: no memory */
    /*
     * Runs stmt for each of the first rows of count rows of args, in their order, to the end, rows dropped, within the transaction that
     * is open.  Stops at the first one that fails: those behind it have no effect.  *done is how many ran, at least one, and the core
     * asks again for what is left; on failure it is the row that failed, or count if that is not known or none's fault.  *affected is
     * how many rows they changed.  NULL: the core runs them one by one.
     */
    int (*run_many)(void *conn, void *stmt, const weir_args *rows, size_t count, size_t *done, int64_t *affected,
                    int64_t deadline_ns, weir_error *err);
    int (*in_transaction)(void *conn); /* no round trip: 0: what `begin` began has been ended, by a statement */
    /* `begin` in as many round trips, which also writes to `trace` what `settle` will need; "": there is none this time.  It is the
       caller's, and stays until commit or rollback: it may be written with the first statement, and not once those have begun. */
    int (*begin_traced)(void *conn, unsigned isolation, char trace[WEIR_TRACE_SIZE], int64_t deadline_ns,
                        weir_error *err);
    /* Asks, on another connection, what became of it: a weir_fate, or < 0.  ABORTED and COMMITTED are final. */
    int (*settle)(void *conn, const char *trace, int64_t deadline_ns, weir_error *err);
    /* Statements for the option exactly_once: make the table weir_markers(id, fate, made) if it is not there, where id is a text of 32
       characters and the key, fate an integer, made the time of writing; and delete its rows that are older than a day. */
    const char *make_markers, *sweep_markers;
} weir_sql_wing;

/* Bulk: what is in weir_column.conflict … */
#define WEIR_RULE_OF(conflict) ((conflict)&0xffu)
#define WEIR_GROUP_OF(conflict) ((conflict) >> 8)
/* … and the column to tell by, of that group, that is looked at behind the one at `from` (the number of columns: first); SIZE_MAX: none. */
static inline size_t weir_newer_by(const weir_column *columns, size_t from, uint32_t group)
{
    while (from-- > 0)
        if (!columns[from].key && columns[from].conflict == ((uint32_t)WEIR_NEWER_BY | WEIR_GROUP(group)))
            return from;
    return SIZE_MAX;
}

/* A batch of rows, as `write` below has it. */
typedef struct weir_bulk_job {
    const weir_bulk_spec *spec;
    const weir_value *const *rows;
    size_t count;
    uint64_t kind;
} weir_bulk_job;

/* Many rows of one table at once. */
typedef struct weir_bulk_wing {
    size_t size;
    size_t batch_rows, batch_bytes; /* that suit it; the core cuts batches by both */
    /*
     * Writes count rows of spec->count cells, in their order, within the transaction that is open.  Specs that say the same of table,
     * columns and insert_only are of one `kind`, a number that this connection sees for no other, and never 0: a driver may keep what it
     * prepared for the last ones.  Fails as the server did; *bad is then the row that it blames, which the core makes sure of, or count
     * if it cannot tell.  What was written of the rows before is for the core to undo.
     */
    int (*write)(void *conn, uint64_t kind, const weir_bulk_spec *spec, const weir_value *const *rows, size_t count,
                 size_t *bad, int64_t deadline_ns, weir_error *err);
    /*
     * NULL, or writes several small batches, at most WEIR_BULK_JOBS, one after the other in one round trip.  *commits not 0: and commits, as
     * `commit` does, best in that same round trip, but not before the trace that begin_traced was to write is there; it is set to 0 if it is
     * sure that the commit was not sent, or did not run.  After a failure the core undoes the whole transaction.
     */
    int (*write_all)(void *conn, const weir_bulk_job *jobs, size_t count, int *commits, int64_t deadline_ns,
                     weir_error *err);
} weir_bulk_wing;
#define WEIR_BULK_JOBS 8

#define WEIR_CAP_ONE_WRITER 0x1u /* one connection writes at a time: the write lane holds one */
#define WEIR_CAP_TURN 0x2u       /* `turn` is there */
#define WEIR_CAP_PING 0x4u       /* `ping` is there */
#define WEIR_CAP_CANCEL 0x8u     /* `cancel_prepare` and `cancel` are there */

/* One driver.  Const, lives for ever.  Hooks are appended only; one that lies past `size` is absent. */
typedef struct weir_backend {
    uint32_t abi, caps;
    size_t size;
    const char *name;
    const char *const *schemes; /* of URLs, NULL at the end */
    const weir_option *options; /* the driver's own, name NULL at the end; NULL: none */
    size_t conn_size;           /* the core allocates this many zeroed bytes a connection */

    int (*open)(void *conn, const weir_host *host, const weir_target *target, int64_t deadline_ns, weir_error *err);
    void (*close)(void *conn);   /* as politely as the connection's state allows; also after a failed open */
    void (*abandon)(void *conn); /* in the child after fork: the parent's; sends and closes nothing */
    int (*alive)(void *conn);    /* no round trip: 1 nothing wrong, 0 dead */
    int (*dirty)(void *conn);    /* 0 provably clean, 1 dirty or not known; cheap: asked after every call */
    /* Clean again, what `prepare` made still usable; or failed: then it is closed. */
    int (*reset)(void *conn, int64_t deadline_ns, weir_error *err);

    int (*turn)(void *conn, int read_only, int64_t deadline_ns, weir_error *err); /* to the other lane */
    int (*ping)(void *conn, int64_t deadline_ns, weir_error *err);
    void *(*cancel_prepare)(void *conn); /* after open: what `cancel` will need; lives as long as conn */
    int (*cancel)(void *prepared, int64_t deadline_ns, weir_error *err); /* any thread: stops what runs */
    void (*interrupt)(void *conn); /* any thread: makes a blocked hook return; conn is dead then */
    /* The client library's own handle, with a transaction that was begun open on it, or NULL; the session counts as dirty from then on. */
    void *(*native)(void *conn);

    const weir_sql_wing *sql; /* NULL: connections without SQL */

    const weir_bulk_wing *bulk; /* NULL: rows are written one at a time, and cannot be upserted */

    int (*keep)(void *conn); /* 1: the data would go with the last connection: the pool keeps one.  NULL: never */
} weir_backend;

/* Adds a driver for every weir_db opened later.  WEIR_E_ABI: another ABI, or bits and pointers disagree; WEIR_E_ARGUMENT: its name
   or a scheme is taken.  Any thread. */
WEIR_API int weir_backend_register(const weir_backend *backend, weir_error *err);
/* Loads a driver from a file that exports WEIR_BACKEND_ENTRY, and registers it; the file is never closed again. */
WEIR_API int weir_backend_load(const char *absolute_path, weir_error *err);

#define WEIR_BACKEND_ENTRY "weir_backend_entry"
typedef const weir_backend *(*weir_backend_entry_fn)(uint32_t host_abi);

WEIR_END

#endif
