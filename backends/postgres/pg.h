/*
 * The PostgreSQL driver, inside: one connection, and what its files lend each other.
 *
 * What must be true:
 *  1. Every wait is a poll of ours (limit.c), so that the deadline is kept.  No call of libpq that blocks is made but two: the look-up of
 *     a host's name, and PQcancel, which is asked for only after the server has shown that it answers.
 *  2. A message to the server is followed by reading all of its answers, to the end, but for a result that is open: nothing of one
 *     statement is ever met by the next.  Where that cannot be done in time the connection is dead.
 *  3. A statement that may write has ended when `run` returns, so that what its commit says comes out of `run`, and no early end of the
 *     reading undoes it.  One that only reads comes row by row.
 *  4. `changed` is set before a statement that may alter the session runs, and only a reset that undid everything clears it.
 *  5. Other threads touch `stop`, `fd` and `cancel`, nothing else.  `fd` is a descriptor of ours: libpq closes its own whenever it
 *     likes, and somebody else's may have its number by then.
 * SPDX-License-Identifier: MIT
 */
#ifndef BACKENDS_POSTGRES_PG_H
#define BACKENDS_POSTGRES_PG_H

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/socket.h>
#include <libpq-fe.h>
#include <weir/backend.h>
#include "lex.h"
#include "types.h"

#define PG_NO_FILE "/dev/null/none" /* instead of a file that libpq would look for in the home folder */

/* Why the hook that runs has to end early. */
enum pg_stop {
    PG_GO_ON,
    PG_CANCELLED, /* this statement; the next hook takes it back */
    PG_CUT        /* the connection; for good */
};

/* What a request to stop needs, whichever thread makes it. */
struct pg_cancel {
    const weir_host *host;
    atomic_int *stop;
    pthread_mutex_t lock; /* held by the one who is at it; who comes then shares what comes of that */
    int delivered;        /* by the last one */
#ifdef LIBPQ_HAS_ASYNC_CANCEL
    PGcancelConn *handle;
#else
    PGcancel *handle;
    struct sockaddr_storage peer;
    socklen_t peer_length;
#endif
};

struct pg_type; /* value.c */

struct pg_stmt {
    struct pg_stmt *next, *previous; /* all of a connection, so that close finds those that nobody forgot */
    unsigned flags;                  /* of pg_study */
    char name[16];       /* the server knows it as that, "weir_<number>"; empty: it does not, or has no names */
    unsigned generation; /* of the session in which it does */
    PGresult *about;     /* the server's description, of parameters and columns */
    PGresult *shape;     /* of the columns, if they are others by now; else NULL */
    size_t params, columns;
    Oid *declared;                  /* what each parameter is sent as; 0: what the server infers, … */
    Oid *actual;                    /* … which is that, in the end; both are one block */
    const struct pg_type **readers; /* of each column */
    int binary;                     /* the results are */
    char sql[];                     /* translated */
};

/* A statement of the driver's own without parameters, which the pipeline prepares that has it first. */
struct pg_word {
    char name[16]; /* empty: it is not prepared */
    unsigned generation;
    int fresh; /* it is being prepared */
};

/* A transaction that is to be begun (transact.c). */
struct pg_begin {
    int pending; /* the server has not been told */
    const char *sql;
    struct pg_word *word; /* the same, prepared */
    char *trace;          /* the caller's: where its id goes; NULL: nowhere */
};

/* How far an open result has been read. */
enum pg_at {
    PG_CLOSED,
    PG_FIRST, /* `rows` is the first of the stream, and nobody has asked for it yet */
    PG_STREAM,
    PG_WHOLE, /* all are in `rows`, the statement has ended */
    PG_PAST   /* there is no row any more */
};

struct pg_result {
    enum pg_at at;
    struct pg_stmt *stmt;
    PGresult *rows;
    int row;               /* of `rows`; -1: before the first */
    int count;             /* of them, of a whole result */
    struct pg_blob *blobs; /* a row's, by column, where they came as text; NULL until there is one */
};

/* The parameters of the statement that runs, as libpq wants them.  One block, kept for the next. */
struct pg_args {
    void *block;
    size_t size;
    size_t params, room; /* it is laid out for so many, with so much room for what is written */
    const char **values;
    int *lengths, *formats;
    char *scratch;
};

/* How rows of one kind are written (plan.c). */
struct pg_plan {
    uint64_t kind, used; /* which, and when last; 0: none, never */
    Oid *types, *sent; /* of the columns, and what their cells are sent as: the wide form of that, or text; one block */
    struct pg_stmt *stmt; /* NULL: to be made */
    int fresh;            /* the hook that runs has asked for the types */
    int doubt;            /* it has failed, and nobody has since */
    unsigned changes;     /* how often the types that are sent have changed */
};

#define PG_PLANS 16

struct pg_conn {
    const weir_host *host;
    PGconn *pg;
    int fd; /* truth 5; -1: none */
    atomic_int stop;
    struct pg_cancel cancel;

    /* the hook that runs */
    int64_t until;      /* waits no longer than that */
    int64_t began;      /* when it did, until something is waited for; 0: that is to be looked up */
    int sending;        /* the message is not all on its way */
    int heard;          /* libpq has read from the server meanwhile: maybe all of an answer */
    int timed_out;      /* the deadline has passed, and the server was told to stop … */
    int64_t give_up;    /* … which it has time for until then, … */
    int64_t pause;      /* … and is told again after that long */
    int housework;      /* nothing of a borrower's runs, that would be worth stopping; set after the hook has begun */
    int in_transaction; /* when the hook began */
    struct pg_stmt *running; /* NULL: no statement that was prepared */
    int stale;               /* the last failure: the server wants the statement to be prepared anew */
    int syncs;               /* of a pipeline, not seen yet; only what comes before the last one is handed out */
    int copying;             /* a COPY is wanted, and not refused */
    int led;                 /* something has been sent in front of the statement, and not been answered */
    int again;               /* that failed, and is mended: the statement may be sent once more */

    /* the session */
    int64_t grace_ns;
    int pooler;            /* it is one of many on whatever session the pooler has */
    int tls;               /* the socket does not show what is said */
    int read_only;         /* in the read lane */
    int transaction_reads; /* the transaction was begun as read-only */
    int standby;           /* the server was one when this was last looked at */
    uint32_t failed_flags; /* what the failures in it allow */
    unsigned changed;      /* PG_CHANGES, PG_PREPARES: to be undone before another borrower sees it */
    int native;            /* the handle has been handed out */
    int dead;
    int untraced;         /* the server has no functions that would tell the fate of a transaction */
    char lineage[80];     /* what the ids of its transactions are ids of, once that was asked for */
    int repaired;         /* the environment had set the time zone or the style of dates, and open has set it again */
    unsigned generation;  /* counts the times that all prepared statements were dropped */
    unsigned numbers;     /* names given so far; none is used twice */
    char fatal[8];        /* the SQLSTATE of what ended it, … */
    char last_words[160]; /* … and the text */

    struct pg_stmt *statements;
    struct pg_stmt *dropped; /* forgotten here, and known to the server until there is a good moment to tell it */
    struct pg_plan plans[PG_PLANS];
    uint64_t planned;            /* how often one was wanted */
    struct pg_stmt *about_table; /* what pg_learn asks; NULL: it has not yet */
    struct pg_begin begin;
    struct pg_word begins[4][2]; /* for each isolation: to write, to read only */
    struct pg_word id;           /* asks for a transaction's */
    struct pg_word commit;       /* says it behind other statements */
    struct pg_result result;
    struct pg_args args;
    int64_t affected, last_id;
};

extern const weir_backend weir_postgres_backend;

/* open.c */
int pg_open(void *conn, const weir_host *host, const weir_target *target, int64_t deadline_ns, weir_error *err);
void pg_close(void *conn);
void pg_abandon_connection(void *conn);

/* conninfo.c: what libpq is told; a keyword that the environment could set has a value of ours.  NULL: *err says why. */
PGconn *pg_start(struct pg_conn *c, const weir_target *target, weir_error *err);

/* classify.c */
int pg_fail(struct pg_conn *c, const PGresult *failed,
            weir_error *err); /* what the server said; NULL: the connection is lost */
int pg_fail_open(struct pg_conn *c, ConnStatusType stage, int closed, weir_error *err);
int pg_on_standby(struct pg_conn *c); /* or was when last asked: what began on one cannot write later */
void pg_first_line(char *out, size_t size, const char *text);
void pg_notice(void *conn, const PGresult *notice); /* libpq's notice receiver: keeps last words */

/* limit.c: deadlines and waiting */
void pg_starts(struct pg_conn *c, int64_t deadline_ns);                 /* a hook that starts something new */
int pg_begins(struct pg_conn *c, int64_t deadline_ns, weir_error *err); /* … unless its deadline has passed */
void pg_goes_on(struct pg_conn *c, int64_t deadline_ns); /* one that continues what may have been cancelled */
int pg_wait(struct pg_conn *c, short events,
            weir_error *err); /* a while, for libpq's socket; < 0: the deadline has ended that */
int pg_poll(const weir_host *host, int fd, short events,
            int64_t until); /* > 0 what is ready, 0 the deadline has passed */
int64_t pg_now(const struct pg_conn *c);
int64_t pg_later(int64_t moment, int64_t length);
void pg_cut(struct pg_conn *c); /* the connection is of no use any more */
void pg_interrupt(void *conn);

/* cancel.c */
int pg_cancel_make(struct pg_conn *c); /* < 0: no memory */
void pg_cancel_end(struct pg_cancel *k);
int pg_cancel_send(struct pg_cancel *k, int64_t until); /* 1: delivered */
void *pg_cancel_prepare(void *conn);
int pg_cancel(void *prepared, int64_t deadline_ns, weir_error *err);

/* wire.c: messages and answers.  What sends leaves the answers to be read. */
int pg_sent(struct pg_conn *c, int sent, weir_error *err);         /* libpq has taken the message: gets it on its way */
int pg_flush(struct pg_conn *c, weir_error *err);                  /* what libpq has taken is on its way */
int pg_answer(struct pg_conn *c, PGresult **out, weir_error *err); /* the next one; NULL after the last */
/* The rest, to the end: fails with the first failure.  `first` is what has been read of it; `last`, if not NULL, gets the last one. */
int pg_finish(struct pg_conn *c, PGresult *first, PGresult **last, weir_error *err);
/* The answer to the next statement of a pipeline; to all of it, if this one has failed. */
int pg_hear(struct pg_conn *c, PGresult **out, weir_error *err);
int pg_say(struct pg_conn *c, const char *sql, PGresult **last,
           weir_error *err);                         /* simple statements, and their answers */
int pg_pipeline(struct pg_conn *c, weir_error *err); /* what is sent from here on makes up a pipeline */
int pg_sync(struct pg_conn *c, weir_error *err);     /* ends a part of it */

/* How an answer that is on its way is best taken. */
enum pg_form {
    PG_LONG,  /* as it comes */
    PG_SHORT, /* as a whole */
    PG_HERE   /* the same, and libpq has read all of it: nothing of it is waited for */
};
enum pg_form pg_look(struct pg_conn *c);                          /* before libpq has taken any of it; it then reads */
int pg_take(struct pg_conn *c, PGresult **last, weir_error *err); /* pg_finish, of one that is here */

/* session.c: what makes it dirty, and clean again */
int pg_settle(struct pg_conn *c, weir_error *err); /* after open */
int pg_dirty(void *conn);
int pg_reset(void *conn, int64_t deadline_ns, weir_error *err);
int pg_turn(void *conn, int read_only, int64_t deadline_ns, weir_error *err);
int pg_ping(void *conn, int64_t deadline_ns, weir_error *err);
int pg_alive(void *conn);
void *pg_native(void *conn);

/* statement.c */
int pg_prepare(void *conn, void **stmt, size_t *params, size_t *columns, const char *sql, int64_t deadline_ns,
               weir_error *err);
/* The same, with the types that its parameters are sent as; NULL: whatever the server infers. */
int pg_prepare_as(struct pg_conn *c, struct pg_stmt **out, const char *sql, const Oid *declared, weir_error *err);
/* One of the driver's own, which is kept in *s (NULL: not yet there) and made again when the server has lost it. */
int pg_keep(struct pg_conn *c, struct pg_stmt **s, const char *sql, weir_error *err);
void pg_forget(void *conn, void *stmt);
void pg_forget_all(struct pg_conn *c);
int pg_make(struct pg_conn *c, struct pg_stmt *s,
            weir_error *err); /* prepares it on the server, and learns what it is */
int pg_reshape(struct pg_conn *c, struct pg_stmt *s, const PGresult *rows,
               weir_error *err);                      /* behind a pooler: are they still the same columns? */
void pg_unmake(struct pg_conn *c, struct pg_stmt *s); /* to be prepared anew before it runs again */
const PGresult *pg_shape_of(const struct pg_stmt *s);
/* The server has it, and it is known what it is. */
static inline int pg_is_made(const struct pg_conn *c, const struct pg_stmt *s)
{
    return s->about && s->generation == c->generation;
}

/* run.c */
int pg_run(void *conn, void *stmt, weir_args args, int want_rows, int64_t deadline_ns, weir_error *err);
int pg_fit(struct pg_conn *c, struct pg_stmt *s, weir_args args, weir_error *err); /* makes it take these */
int pg_fits(const struct pg_stmt *s, weir_args args);                              /* it does, as it is */
int pg_queue(struct pg_conn *c, struct pg_stmt *s);                 /* to run with what is in c->args; 0: not taken */
int pg_send(struct pg_conn *c, struct pg_stmt *s, weir_error *err); /* the same, and gets it on its way */
int64_t pg_count(const struct pg_stmt *s, PGresult *r);             /* of rows that it changed */
int pg_keep_counts(struct pg_conn *c, struct pg_stmt *s, PGresult *r, weir_error *err); /* for affected and last_id */
int pg_outdate(struct pg_conn *c, struct pg_stmt *s, const weir_error *err);            /* after a failure */
int64_t pg_affected(void *conn);
int64_t pg_last_id(void *conn);

/* many.c */
int pg_run_many(void *conn, void *stmt, const weir_args *rows, size_t count, size_t *done, int64_t *affected,
                int64_t deadline_ns, weir_error *err);

/* result.c */
int pg_next(void *conn, weir_value *cells, int64_t deadline_ns, weir_error *err);
void pg_abandon(void *conn);
size_t pg_columns(void *conn);
const char *pg_column_name(void *conn, size_t column);
int pg_cell(void *conn, size_t column, weir_value *out);
int pg_stream_rows(struct pg_conn *c);                          /* 0: they will come as a whole */
int pg_row(struct pg_conn *c, PGresult **row, weir_error *err); /* of a stream: WEIR_ROW; or all of it has been read */
void pg_result_open(struct pg_conn *c, struct pg_stmt *s, enum pg_at at, PGresult *rows);
void pg_result_end(struct pg_conn *c); /* frees it, whatever is still to be read */

/* value.c: cells */
const struct pg_type *pg_type_of(Oid oid);
int pg_type_is_binary(const struct pg_type *type);              /* it can be read in that form */
int pg_read(struct pg_conn *c, size_t column, weir_value *out); /* < 0: no memory */
void pg_read_row(struct pg_conn *c, weir_value *cells);         /* all of the row, but for what costs something */
void pg_forget_blobs(struct pg_conn *c);                        /* of the row that is left */

/* param.c: parameters */
Oid pg_own_type(
    const weir_value *v); /* what a value is where its place asks for nothing; 0: whatever the place asks for */
int pg_takes(Oid type, const weir_value *v);                    /* may a value be sent as that type? */
const char *pg_misfit(const weir_value *v);                     /* why it cannot be sent at all; NULL: it can */
void pg_put_number(char *out, uint64_t bits, int n);            /* n bytes, the most significant first */
size_t pg_put_digits(char *out, int64_t i);                     /* these two return how many bytes they wrote */
size_t pg_put_binary(char *out, Oid type, const weir_value *v); /* as a type that takes it in that form */
int pg_args_room(struct pg_conn *c, size_t params, size_t scratch, weir_error *err);        /* in c->args */
int pg_encode(struct pg_conn *c, const struct pg_stmt *s, weir_args args, weir_error *err); /* into c->args */
void pg_args_trim(struct pg_conn *c); /* they have been sent: what was large is not kept */
void pg_args_end(struct pg_conn *c);

/* A batch. */
struct pg_rows {
    const weir_bulk_spec *spec;
    const weir_value *const *cells;
    size_t count;
    unsigned *kinds;       /* for each column, a bit for each type that cells of it have */
    size_t bound, longest; /* bytes that all of it, and a row, take at most */
};

/* cell.c: cells of many rows, in binary */
Oid pg_array_of(Oid type);  /* 0: it is no type whose binary form is known here */
Oid pg_wide_type(Oid type); /* text, if it is none of these */
int pg_column_is_native(Oid type, const struct pg_rows *rows, size_t column);
/* The value, which is native, behind its length; returns its end. */
char *pg_put_other_cell(const struct pg_conn *c, char *at, Oid type, const weir_value *v);

/* What it takes at most, with its length; no number and no time is longer as a text. */
#define PG_AS_TEXT 48
static inline size_t pg_cell_bound(const weir_value *v)
{
    const int has_bytes = v->type == WEIR_TEXT || v->type == WEIR_BLOB || v->type == WEIR_DECIMAL;
    return sizeof(int32_t) + PG_AS_TEXT + (has_bytes ? (size_t)v->length : 0);
}

/* These are written out, so that the compiler sees that it is one load, or store. */
static inline uint32_t pg_four(const void *bytes)
{
    const unsigned char *b = bytes;
    return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

static inline void pg_put_four(char *out, uint32_t n)
{
    out[0] = (char)(n >> 24);
    out[1] = (char)(n >> 16);
    out[2] = (char)(n >> 8);
    out[3] = (char)n;
}

/* Most cells are eight bytes that go as they are. */
static inline char *pg_put_cell(const struct pg_conn *c, char *at, Oid type, const weir_value *v)
{
    if (!(v->type == WEIR_DOUBLE && type == PG_FLOAT8) && !(v->type == WEIR_INT && type == PG_INT8))
        return pg_put_other_cell(c, at, type, v);
    uint64_t bits;
    memcpy(&bits, &v->as, sizeof bits);
    pg_put_four(at, sizeof bits);
    pg_put_four(at + 4, (uint32_t)(bits >> 32));
    pg_put_four(at + 8, (uint32_t)bits);
    return at + 4 + sizeof bits;
}

/* insert.c: statements as texts.  Without memory `failed` is set, and the text is worth nothing. */
struct pg_text {
    struct pg_conn *c;
    char *bytes;
    size_t length, size;
    int failed;
};
/* casts: for each column NULL or the name of the type that its elements are cast to; or NULL for no cast at all. */
void pg_text_insert(struct pg_text *t, const weir_bulk_spec *spec, const char *const *casts);
void pg_text_probe(struct pg_text *t,
                   const weir_bulk_spec *spec); /* an INSERT whose parameters are of the columns' types */
void pg_text_copy(struct pg_text *t, const weir_bulk_spec *spec);
void pg_text_types(struct pg_text *t, const Oid *types, size_t count); /* an array of them */
void pg_text_end(struct pg_text *t);

/* plan.c */
struct pg_table {
    int copies;     /* COPY does to it what INSERT does */
    char name[256]; /* as errors have it */
};
int pg_learn(struct pg_conn *c, const weir_bulk_spec *spec, Oid *types, struct pg_table *table, weir_error *err);
int pg_all_native(const Oid *types, const struct pg_rows *rows);
int pg_plan_find(struct pg_conn *c, struct pg_plan **out, uint64_t kind, const weir_bulk_spec *spec, weir_error *err);
/* Its statement can be sent, with these rows; a row that cannot be is *bad. */
int pg_plan_ready(struct pg_conn *c, struct pg_plan *p, const struct pg_rows *rows, size_t *bad, weir_error *err);
void pg_plans_end(struct pg_conn *c); /* their statements are among all others */

/* copy.c: WEIR_ROW: this cannot be copied, nothing was done */
int pg_copy(struct pg_conn *c, const struct pg_rows *rows, size_t *bad, weir_error *err);

/* bulk.c */
int pg_bulk_write(void *conn, uint64_t kind, const weir_bulk_spec *spec, const weir_value *const *rows, size_t count,
                  size_t *bad, int64_t deadline_ns, weir_error *err);
int pg_bulk_write_all(void *conn, const weir_bulk_job *jobs, size_t count, int *commits, int64_t deadline_ns,
                      weir_error *err);

/* trace.c */
int pg_knows_lineage(const struct pg_conn *c);
const char *pg_ask_trace(const struct pg_conn *c); /* the query */
void pg_read_trace(struct pg_conn *c, const PGresult *r, char trace[WEIR_TRACE_SIZE]);
int pg_settle_trace(void *conn, const char *trace, int64_t deadline_ns, weir_error *err);

/* transact.c */
int pg_begin(void *conn, unsigned isolation, int read_only, int64_t deadline_ns, weir_error *err);
int pg_begin_traced(void *conn, unsigned isolation, char trace[WEIR_TRACE_SIZE], int64_t deadline_ns, weir_error *err);
int pg_begin_now(struct pg_conn *c, weir_error *err); /* what is to be begun, before anything else is said */
void pg_begin_forget(struct pg_conn *c);
/*
 * Does anything go in front of a statement?  A reader behind a pooler has no session that refuses writes: its transactions do, and a lone
 * statement is one with this before it.
 */
static inline int pg_has_front(const struct pg_conn *c)
{
    return c->begin.pending || (c->pooler && c->read_only && !c->in_transaction);
}
int pg_lead(struct pg_conn *c,
            weir_error *err); /* begins a pipeline with what goes in front, if anything does: c->led */
int pg_pass(struct pg_conn *c, weir_error *err); /* the answers to that; fails with c->again if all may be sent again */
int pg_begin_first(struct pg_conn *c, weir_error *err); /* if the trace is to be there before what comes next */
/* Behind other statements of a pipeline, to its end.  pg_unmake_commit: after any failure of it. */
int pg_queue_commit(struct pg_conn *c, weir_error *err);
int pg_hear_commit(struct pg_conn *c, weir_error *err);
void pg_unmake_commit(struct pg_conn *c, weir_error *err);
int pg_in_transaction(void *conn);
int pg_commit(void *conn, int64_t deadline_ns, weir_error *err);
int pg_rollback(void *conn, int64_t deadline_ns, weir_error *err);
int pg_undo(struct pg_conn *c, weir_error *err); /* rolls back what is open, with time enough; nothing if nothing is */

#endif
