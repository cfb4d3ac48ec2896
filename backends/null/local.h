/*
 * What the files of the null driver share: the server's and the connection's insides.
 *
 * Two locks, taken in this order: the world's (the list of servers, the events of clocks), a server's (the rest).  Neither is held
 * while an event runs; a hook that waits holds none.
 * SPDX-License-Identifier: MIT
 */
#ifndef BACKENDS_NULL_LOCAL_H
#define BACKENDS_NULL_LOCAL_H

#include <pthread.h>
#include "null.h"

#define NAME_SIZE 64 /* of a savepoint, with its zero byte */

typedef void *realloc_fn(void *ctx, void *block, size_t size);

/* ADDs, in order: a transaction's own until its commit, then the server's. */
struct null_entries {
    int64_t *at;
    size_t count, room;
};

struct null_server {
    struct null_server *next; /* guarded by the world's lock */
    pthread_mutex_t lock;     /* guards all below, and what struct null_conn says */
    pthread_cond_t wake;      /* something changed that a waiting hook has to look at: null_wake */
    uint64_t wakes;           /* how often */
    pthread_cond_t watch;     /* a figure changed: for null_await_… */
    struct null_clock *clock; /* NULL: real time */
    struct null_conn *conns;  /* all that are attached, open or not */
    int64_t knobs[NULL_KNOBS];
    int64_t figures[NULL_FIGURES];
    struct null_fault {
        unsigned times;
        weir_error as;
    } faults[NULL_HOOKS];
    unsigned *failed; /* by class: how often "FAIL class n" did fail here */
    uint64_t last_session;
    int64_t last_row;
    struct null_entries ledger;
    int64_t last_trace;
    struct null_entries lost; /* traces of transactions that are committed, of which nobody was told */
    char name[];              /* never changes */
};

enum { LIFE_NONE, LIFE_OPENING, LIFE_OPEN, LIFE_DEAD };
enum { COMMIT_KEPT, COMMIT_LOST_BEFORE, COMMIT_LOST_AFTER };

/* All that a thread needs to cancel what runs on a session; it never looks at the connection. */
struct null_cancel_key {
    struct null_server *server;
    const weir_host *host;
    uint64_t session;
};

/* The result that is open on a connection. */
struct null_result {
    const struct null_verb *verb; /* NULL: none is open */
    size_t columns;
    int64_t sets, set; /* how many, and which this is, counted from 1 */
    int64_t rows, row; /* of a set; row 0 is before the first */
    int fails_at_end;
    int64_t number;           /* the cell of a result that has only one */
    weir_value *kept;         /* the cells of one that does not make them up; the connection's */
    char name[32], price[32]; /* cells that are made up */
    unsigned char bytes[8];
};

struct null_savepoint {
    struct null_savepoint *below;
    size_t mark; /* ADDs of the transaction when it was made */
    char name[NAME_SIZE];
};

/* The core gives it to `open` all zero. */
struct null_conn {
    struct null_server *_Atomic server; /* NULL before open and after close */
    atomic_int hooks;                   /* that run here now */
    atomic_int interrupted;
    atomic_int life; /* changed under the server's lock, read by `alive` without */

    /* guarded by the server's lock */
    struct null_conn *next, *prev;
    uint64_t session;
    int read_only;
    int running, cancelled; /* a statement runs or its result is open; somebody wants it stopped */

    /* touched by the hooks of this connection only, of which there is one at a time */
    const weir_host *host;
    struct null_cancel_key key;
    int64_t query_delay;
    int dirty, sticky;
    int transaction, transaction_read_only;
    int commit_fate; /* COMMIT_… */
    struct null_entries pending;
    int64_t trace;                     /* of the transaction; 0: it has none */
    struct null_savepoint *savepoints; /* the youngest first */
    struct null_stmt *stmts;           /* prepared and not forgotten */
    struct null_result result;
    int64_t affected, last_id;
};

/* server.c */
void null_world_lock(void);
void null_world_unlock(void);
void null_wake_all(const struct null_clock *clock);                       /* the world is locked */
void null_count(struct null_server *s, enum null_figure which, int more); /* this and below: the server is locked */
void null_wake(struct null_server *s);
void null_drop(struct null_server *s, struct null_conn *c);
size_t null_kill_locked(struct null_server *s, uint64_t session); /* session 0: every one */
int null_is_silent(const struct null_server *s, const struct null_conn *c);
int null_wait(struct null_server *s, struct null_conn *c, const weir_host *host, int64_t ns, int64_t deadline_ns);

/* clock.c */
int null_clock_step(struct null_clock *clock, int64_t until_ns);

/* classify.c */
int null_class_find(const char *name, size_t length); /* its number, < 0: no such name */
int null_class_status(int number);
size_t null_class_count(void);
int null_write(const weir_host *host, weir_error *err, const weir_error *as);
int null_suffer(struct null_conn *c, weir_error *err, const weir_error *as);
int null_says(struct null_conn *c, weir_error *err, int status, const char *detail);

/* session.c: how a hook begins and ends.  The first pair is for what only looks; the second locks the server and counts the call. */
struct null_conn *null_enter(void *conn);
void null_leave(struct null_conn *c);
struct null_conn *null_begin_hook(void *conn, enum null_figure hook);
int null_end_hook(struct null_conn *c, int status);
int null_answer(struct null_conn *c, enum null_figure hook, int64_t ns, int64_t deadline_ns, weir_error *err);
int64_t null_query_ns(const struct null_conn *c);
int null_round_trip(struct null_conn *c, enum null_figure hook, int64_t deadline_ns, weir_error *err);

/* text.c */
int64_t null_sum(int64_t a, int64_t b);
int null_number(const char **at, int64_t *out);
int null_duration(const char **at, int64_t *ns);
size_t null_word(const char **at, const char **word);

/* entries.c, with the allocator of servers, which are no part of any db */
realloc_fn null_plain_realloc;
int null_entries_make_room(struct null_entries *e, size_t more, realloc_fn *fn, void *ctx);
void null_entries_free(struct null_entries *e, realloc_fn *fn, void *ctx);
int64_t null_entries_sum(const struct null_entries *e);

/* transaction.c: all with the server locked, all but the hooks after their round trip */
int null_transaction_begin(struct null_conn *c, int read_only, weir_error *err);
int null_transaction_commit(struct null_conn *c, weir_error *err);
void null_transaction_undo(struct null_conn *c);
int null_transaction_add(struct null_conn *c, int64_t n, weir_error *err);
int null_savepoint_make(struct null_conn *c, const char *name, weir_error *err);
int null_savepoint_release(struct null_conn *c, const char *name, weir_error *err);
int null_savepoint_return(struct null_conn *c, const char *name, weir_error *err);
int null_begin(void *conn, unsigned isolation, int read_only, int64_t deadline_ns, weir_error *err);
int null_commit(void *conn, int64_t deadline_ns, weir_error *err);
int null_rollback(void *conn, int64_t deadline_ns, weir_error *err);
int null_in_transaction(void *conn);
int null_begin_traced(void *conn, unsigned isolation, char trace[WEIR_TRACE_SIZE], int64_t deadline_ns,
                      weir_error *err);
int null_settle(void *conn, const char *trace, int64_t deadline_ns, weir_error *err);

/* verbs.c */
struct null_stmt {
    struct null_stmt *next, **link; /* of those of its connection; what points to this one */
    const struct null_verb *verb;
    size_t params, columns;
    int64_t number, sleep_ns;
    int number_is_param;
    int choice; /* the number of a class, or COMMIT_LOST_… */
    char name[NAME_SIZE];
};

/* One run of a statement. */
struct null_call {
    const struct null_stmt *stmt;
    weir_args args;
    int64_t number; /* its own, or that of its parameter */
    int64_t deadline_ns;
    weir_error *err;
};

struct null_column {
    const char *name;
    weir_value (*cell)(struct null_result *r, size_t column);
    int is_costly; /* it has to be written first */
};

struct null_verb {
    const char *words;
    int (*parse)(struct null_stmt *stmt, const char *rest); /* < 0: that is not it */
    int (*run)(struct null_conn *c, const struct null_call *call);
    const struct null_column *columns;
    size_t column_count; /* 0 with columns: as many as parameters, all like the first */
};

int null_parse(struct null_stmt *stmt, const char *sql);

/* sql.c */
extern const weir_sql_wing null_sql_wing, null_bare_sql_wing;
void null_result_end(struct null_conn *c); /* this and below: the server is locked */
void null_stmts_end(struct null_conn *c);

#endif
