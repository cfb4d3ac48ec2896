/*
 * The SQLite driver, inside: one connection, and what its files lend each other.
 *
 * What must be true:
 *  1. A statement that only reads is stepped as its rows are asked for; one that writes has ended when `run` returns, so that what its
 *     commit says comes out of `run` and its lock is not held by an open result.
 *  2. No statement of ours is left stepped half-way but that of the open result: a forgotten one would hold an old snapshot.
 *  3. `changed` is set before a statement that may alter the session runs, and only a reset that undid everything clears it.
 *  4. A read-only transaction on a session that may write is kept by `only_reads`: query_only would expire every prepared statement.
 *  5. What is bound is borrowed from the caller only while nobody has the native handle, by which he could look at it later.
 *  6. Other threads touch `stop` and call sqlite3_interrupt, nothing else.
 * SPDX-License-Identifier: MIT
 */
#ifndef BACKENDS_SQLITE_LITE_H
#define BACKENDS_SQLITE_LITE_H

#include <stdatomic.h>
#include <sqlite3.h>
#include <weir/backend.h>

/* What every connection says again and again; prepared when first said. */
enum lite_verb { LITE_BEGIN, LITE_BEGIN_IMMEDIATE, LITE_COMMIT, LITE_ROLLBACK, LITE_VERBS };

/* Why the hook that runs has to end early. */
enum lite_stop {
    LITE_GO_ON,
    LITE_CANCELLED, /* this statement; the next hook takes it back */
    LITE_CUT        /* the connection; for good */
};

struct lite_stmt {
    struct lite_stmt *next, *previous; /* all of a connection, so that close finds those that nobody forgot */
    sqlite3_stmt *handle;
    int only_reads;
    int changes_session;
    int has_run;
    int copies; /* texts or blobs are bound to it, and it has them for itself */
    int borrows; /* the same, and they may be gone: nobody looks before it is bound anew, but who has the native handle */
};

#define LITE_BULKS 16

/* The statement that writes rows of one kind. */
struct lite_bulk {
    uint64_t kind, used;    /* which, and when last; 0: none, never */
    unsigned char *numbers; /* for each column: it is compared as a number */
    struct lite_stmt stmt;  /* in no list; its handle NULL: to be compiled */
};

/* How far an open result has been read. */
enum lite_at {
    LITE_FIRST, /* run has stepped to the first row and nobody has asked for it yet */
    LITE_ROWS,  /* each next is a step; up to here, its statement is on its way */
    LITE_KEPT,  /* the rows are in `cells`, the statement has ended */
    LITE_END
};

struct lite_result {
    struct lite_stmt *stmt; /* NULL: no result is open */
    enum lite_at at;
    int columns;
    weir_value *cells; /* row after row; texts and blobs are blocks of our own */
    size_t filled, room;
    size_t row; /* of the kept ones, how many have been handed out */
};

#define LITE_READ_SCHEMA "SELECT 1 FROM sqlite_master LIMIT 1"

#define LITE_REMEMBERED 17 /* settings that are noted at open: see session.c */

struct lite_conn {
    const weir_host *host;
    sqlite3 *_Atomic db; /* NULL until open has it; cancel and interrupt read it */
    atomic_int stop;     /* enum lite_stop */

    /* the hook that runs */
    int64_t deadline_ns;
    int64_t give_up_ns; /* waits for a lock no longer than that; 0: it has not waited */
    int timed_out;      /* the deadline stopped the statement */
    int in_transaction; /* when the hook began */

    /* the session */
    int64_t busy_ns;    /* option busy_timeout */
    int memory;         /* ":memory:": the data live as long as a connection does */
    int read_only;      /* in the read lane: query_only is on */
    int only_reads;     /* the transaction that is open: what writes is not run */
    int file_read_only; /* nothing can turn it to the write lane */
    int changed;        /* in a way that has to be undone before another borrower sees it */
    int native;         /* the handle has been handed out */
    int dead;           /* an error said so */
    int noted;          /* the statement being compiled changes the session */
    int64_t remembered[LITE_REMEMBERED];

    struct lite_stmt *statements;
    struct lite_result result;
    int64_t affected;
    sqlite3_stmt *verbs[LITE_VERBS];
    struct lite_bulk bulks[LITE_BULKS];
    uint64_t bulks_used;
};

extern const weir_backend weir_sqlite_backend;

/* limit.c: deadlines, lock waits, cancel */
void lite_limit(struct lite_conn *c);                       /* installs the handlers, in place of anybody's */
void lite_begins(struct lite_conn *c, int64_t deadline_ns); /* a hook that starts something new */
/* One that continues what may have been cancelled: a step to a row. */
static inline void lite_goes_on(struct lite_conn *c, int64_t deadline_ns)
{
    c->deadline_ns = deadline_ns;
    c->give_up_ns = 0;
}
/* Runs what changes nothing when it fails, and waits where SQLite does not: where two could wait for each other, as when both turn a
   new file to the write-ahead log.  SQLite's code. */
int lite_execute(struct lite_conn *c, const char *sql, int (*row)(void *, int, char **, char **), void *arg);
void *lite_cancel_prepare(void *conn);
int lite_cancel(void *prepared, int64_t deadline_ns, weir_error *err);
void lite_interrupt(void *conn);

/* classify.c: what SQLite's last error on this connection means */
int lite_fail(struct lite_conn *c, weir_error *err);

/* fork.c: before an open.  In a child, sees to it that SQLite does not take the parent's locks for its own; not SQLITE_OK: it cannot. */
int lite_mind_fork(void);

/* open.c */
int lite_open(void *conn, const weir_host *host, const weir_target *target, int64_t deadline_ns, weir_error *err);
void lite_close(void *conn);

/* session.c: what makes it dirty, and clean again */
int lite_settle(struct lite_conn *c); /* after open: the session's settings, and the watch over them; SQLite's code */
int lite_dirty(void *conn);
int lite_reset(void *conn, int64_t deadline_ns, weir_error *err);
int lite_turn(void *conn, int read_only, int64_t deadline_ns, weir_error *err);
int lite_alive(void *conn);
int lite_keep(void *conn);
void *lite_native(void *conn);
void lite_end_strays(struct lite_conn *c); /* what a borrower left running on the native handle */

/* statement.c */
int lite_prepare(void *conn, void **stmt, size_t *params, size_t *columns, const char *sql, int64_t deadline_ns,
                 weir_error *err);
void lite_forget(void *conn, void *stmt);
void lite_forget_all(struct lite_conn *c);
int lite_run(void *conn, void *stmt, weir_args args, int want_rows, int64_t deadline_ns, weir_error *err);
int64_t lite_affected(void *conn);
int64_t lite_last_id(void *conn);
void lite_rewind(struct lite_stmt *s); /* ends a run, gives back what it has copied */
void lite_let_go(struct lite_conn *c); /* of what any statement has borrowed */

/* result.c */
void lite_result_open(struct lite_conn *c, struct lite_stmt *s, enum lite_at at);
int lite_result_keep(struct lite_conn *c, sqlite3_stmt *handle); /* the current row; < 0: no memory */
int lite_next(void *conn, weir_value *cells, int64_t deadline_ns, weir_error *err);
void lite_abandon(void *conn);
size_t lite_columns(void *conn);
const char *lite_name(void *conn, size_t column);
int lite_cell(void *conn, size_t column, weir_value *out);

/* value.c */
/* `bound`: what is bound to it already; NULL: nothing that is known. */
int lite_bind(struct lite_conn *c, struct lite_stmt *s, weir_args args, const weir_value *bound,
              sqlite3_destructor_type life, weir_error *err);
/* Both are borrowed until the next step. */
int lite_value(sqlite3_stmt *handle, int column, weir_value *out);   /* < 0: no memory */
void lite_row(sqlite3_stmt *handle, int columns, weir_value *cells); /* WEIR_LATER where there was no memory */

/* bulk.c */
int lite_bulk_write(void *conn, uint64_t kind, const weir_bulk_spec *spec, const weir_value *const *rows, size_t count,
                    size_t *bad, int64_t deadline_ns, weir_error *err);
void lite_bulks_forget(struct lite_conn *c);

/* number.c: functions of SQL that add and compare them; SQLite's code */
int lite_teach_numbers(struct lite_conn *c);

/* transact.c */
int lite_begin(void *conn, unsigned isolation, int read_only, int64_t deadline_ns, weir_error *err);
int lite_in_transaction(void *conn);
int lite_commit(void *conn, int64_t deadline_ns, weir_error *err);
int lite_rollback(void *conn, int64_t deadline_ns, weir_error *err);

#endif
