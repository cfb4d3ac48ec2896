/*
 * A link: one connection as SQL sees it.  The driver's connection, the statements prepared on it, the result being read, the
 * transaction it is in.  It lives in its slot; all of it is touched under the slot's IN_CALL, or by whoever works on the slot.  The
 * getters of cells do without IN_CALL: who reads is told by the slot whether there is still something to be read.
 * SPDX-License-Identifier: MIT
 */
#ifndef SQL_LINK_H
#define SQL_LINK_H

#include <weir/backend.h>
#include <weir/transact.h>
#include <pool/pool.h>
#include <sql/arena.h>
#include <sql/cache.h>
#include <sql/spec.h>

#define SECRET_MAX 1024

/* bulk.c: in an open transaction that would rather be run again. */
struct late {
    size_t count, bytes;
    struct late_batch *batches; /* room for all that may be; NULL: none has been needed */
};

/* What a pool's links are opened from; outlives them. */
struct link_source {
    const weir_backend *backend;
    const weir_host *host;
    const struct alloc *alloc;
    const struct clock *clock;
    unsigned cache_size;
    bool reset_always, reset_never; /* neither: when dirty */
    int64_t query_timeout;
    /* Fills target for the next connect; a password is written to `secret`, which the caller wipes. */
    int (*target)(void *arg, weir_target *target, char *secret, size_t size, weir_error *err);
    void *arg;
};

struct link {
    const struct link_source *source;
    const weir_backend *backend;
    const weir_sql_wing *sql; /* the backend's; may be NULL */
    struct weir_slot *slot;
    void *conn;      /* the driver's own, conn_size bytes */
    void *canceller; /* from cancel_prepare */
    struct cache cache;
    struct specs specs; /* of bulk jobs */
    bool open;          /* the driver has opened it */
    bool dead;          /* and an error has said since that it is of no use … */
    bool lost;          /* … because it was lost, and a new one may do better */
    bool foreign;       /* the client library's handle was given away: nothing is known any more */
    bool read_only;

    /* The open result. */
    bool reading;               /* there is one */
    bool past_last;             /* there is no set of rows any more */
    int64_t until;              /* its deadline */
    size_t columns;             /* of the present set of rows */
    size_t readable;            /* of them: all, or 0 where there is no row */
    weir_value *cells;          /* the current row's; WEIR_LATER: to be asked for */
    size_t cells_room;          /* how many there is memory for */
    struct arena texts;         /* what conversions made of them */
    weir_error *result_failure; /* the first one, kept for close; allocated when it happens */
    int result_status;

    /* The transaction. */
    unsigned depth;   /* 0 none, 1 a transaction, more: savepoints */
    bool writes;      /* it is not read-only: a lost commit is in doubt */
    bool retry;       /* a failure in it has said that all of it may run again */
    bool ended;       /* a statement in it has ended it: nothing but rollback works */
    bool rerun;       /* who runs it would rather run it again than have savepoints set for what hardly ever fails */
    bool careful;     /* … and is to do so: a batch has failed without one */
    struct late late; /* batches in it that wait for the next statement, or the commit */
    int64_t bound;    /* no statement of it runs past this moment */
    int doom_status;  /* < 0: the server has undone it, or it is to be undone; nothing but rollback works */
    weir_error *doom; /* how; may be NULL for want of memory */
};

extern const struct link_ops link_ops;

void link_learn(struct link *l, int status, const weir_error *err); /* what a failure says about the connection */
int link_make_ready(struct link *l, weir_deadline deadline,
                    weir_error *err); /* or tells why no statement can be run on it now */

/* The link of a loan, for one call; WEIR_E_STALE and so on as slot_enter. */
static inline int link_enter(struct link **out, weir_conn conn, weir_error *err)
{
    int status = slot_enter(conn.slot, conn.loan, err);
    *out = status < 0 ? NULL : conn.slot->link;
    return status;
}

/* May the session show the next borrower what was done to it? */
static inline bool link_dirty(const struct link *l)
{
    return l->foreign || l->backend->dirty(l->conn);
}

/* keeps law 13: the pool is told to look, before it is lent on */
static inline bool link_unclean(const struct link *l)
{
    return l->reading || l->depth || (!l->source->reset_never && link_dirty(l));
}

/* Ends the call: keeps what `err` tells about the connection if status < 0 (err is not NULL then), and returns status.  Only a failure
   can have told that the connection is dead, and the slot remembers it. */
int link_leave_failed(struct link *l, int status, const weir_error *err);
static inline int link_leave(struct link *l, int status, const weir_error *err)
{
    if (status < 0)
        return link_leave_failed(l, status, err);
    slot_leave(l->slot, link_unclean(l) ? WORD_LOOK : 0);
    return status;
}

static inline bool link_is_usable(const struct link *l)
{
    return l->sql && !l->reading && !l->dead && !l->doom_status && !l->ended;
}
/*
 * May a statement be run on it now?  Batches that wait are written first, by that deadline.  WEIR_E_BUSY while a result is open,
 * WEIR_E_UNSUPPORTED without SQL, or how a doomed transaction died.
 */
static inline int link_ready(struct link *l, weir_deadline deadline, weir_error *err)
{
    return link_is_usable(l) && !l->late.count ? WEIR_OK : link_make_ready(l, deadline, err);
}

int link_until_moment(int64_t *until, const struct link *l, weir_error *err);
/* The deadline of what begins now, or that of the transaction; WEIR_E_TIMEOUT if it has passed, which a length cannot. */
static inline int link_until(int64_t *until, const struct link *l, weir_deadline deadline, weir_error *err)
{
    *until = clock_deadline(l->source->clock, deadline, l->source->query_timeout);
    return deadline.ns < 0 || l->bound < *until ? link_until_moment(until, l, err) : WEIR_OK;
}
/* After a statement: has it ended the transaction that it was in, by committing it? */
static inline void link_look_for_end(struct link *l)
{
    l->ended = l->depth && l->sql->in_transaction && !l->sql->in_transaction(l->conn);
}
int link_grow_cells(struct link *l, size_t columns, weir_error *err);
/* Before a result of so many columns is read; WEIR_E_MEMORY. */
static inline int link_make_cells(struct link *l, size_t columns, weir_error *err)
{
    return columns <= l->cells_room ? WEIR_OK : link_grow_cells(l, columns, err);
}
/* Ends the open result, if any. */
void link_end_result(struct link *l);
/* Copies *err to where it is kept, allocating once; without memory only the status is kept. */
void link_keep_error(struct link *l, weir_error **kept, const weir_error *err);

int link_tell_stopped(uint64_t word, const char *what, weir_error *err); /* … if it is, after all */
/* Has the call been cancelled, or the connection been cut, while nothing of it ran?  `what` is over then. */
static inline int link_go_on(const struct link *l, const char *what, weir_error *err)
{
    uint64_t word = slot_word(l->slot);
    return word & (WORD_CUT | WORD_CANCEL) ? link_tell_stopped(word, what, err) : WEIR_OK;
}

/* statement.c: prepares through the cache, checks args, runs. */
int statement_run(struct link *l, const char *sql, weir_args args, bool want_rows, int64_t until, weir_error *err);

/* One statement with many rows of args, and what came of it. */
struct many {
    const char *sql;
    const weir_args *rows;
    size_t count;
    size_t failed; /* count: none */
    int64_t affected;
};

/* Within a transaction, if there are several. */
int statement_run_many(struct link *l, struct many *m, int64_t until, weir_error *err);

#endif
