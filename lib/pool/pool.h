/*
 * A pool: one server's connections, lent one at a time.  For the floors above; what it is made of is in inside.h.
 * The pool knows nothing of SQL or drivers: what a connection is, it is told through link_ops.
 * SPDX-License-Identifier: MIT
 */
#ifndef POOL_POOL_H
#define POOL_POOL_H

#include <weir/observe.h>
#include <base/alloc.h>
#include <base/clock.h>
#include <pool/slot.h>

/*
 * What the floor above does to a slot's connection.  Never called with a lock held, never two at once on one slot, but for cancel and
 * interrupt, which the pool calls only while a call is in progress and which return before that call's end does.
 */
struct link_ops {
    int (*open)(struct weir_slot *s, bool read_only, int64_t deadline,
                weir_error *err); /* allocates s->link if it is NULL */
    int (*reset)(struct weir_slot *s, bool read_only, int64_t deadline,
                 weir_error *err);      /* clean, and of that lane; 1: and the server has answered */
    bool (*alive)(struct weir_slot *s); /* a look, without a round trip */
    int (*check)(struct weir_slot *s, int64_t deadline,
                 weir_error *err); /* a round trip, where the driver has one; it is alive */
    void (*close)(struct weir_slot *s);
    /* After fork: the parent's; nothing is sent or closed.  `torn`: a thread of the parent was in the middle of something with it. */
    void (*forget)(struct weir_slot *s, bool torn);
    bool (*keeps_data)(struct weir_slot *s);
    int (*cancel)(struct weir_slot *s, int64_t deadline, weir_error *err);
    void (*interrupt)(struct weir_slot *s);
    void (*destroy)(struct weir_slot *s); /* frees s->link; it is closed */
};

struct pool_config {
    unsigned max, min, write_reserve; /* write_reserve UINT_MAX: a quarter */
    unsigned write_concurrency;       /* loans of the write lane at once; 0: no bound of its own */
    bool write_auto;                  /* it is searched for */
    bool one_writer;
    bool reset_always;
    bool fail_fast;     /* while the server is down, callers do not wait */
    bool refuse_nested; /* a thread that would wait for itself is told so */
    bool can_check;     /* a check is a round trip */
    unsigned max_connecting, fall, rise;
    unsigned lifetime_jitter; /* per cent of max_lifetime by which a life is shorter at most */
    /* Nanoseconds; of those marked with a star, 0 means never. */
    int64_t connect_timeout, backoff, backoff_max, idle_timeout, barge_bound;
    int64_t look_after;
    int64_t leak_after, validate_after, keepalive, probe_interval, max_lifetime, shed_after; /* star */
    int64_t probe_timeout;
};

/* What a pool needs of its db.  Valid as long as the pool. */
struct pool_home {
    const struct alloc *alloc;
    const struct clock *clock;
    struct crew *crew; /* NULL: no threads */
    void *arg;
    void (*event)(void *arg, weir_pool *pool, enum weir_event_kind kind, const char *text,
                  const weir_error *err); /* no lock held */
    void (*hold)(void *arg);              /* the pool counts on its db for each live connection … */
    void (*drop)(void *arg);   /* … and lets go of it; the last one may free the db and this pool with it */
    void (*forked)(void *arg); /* in a child: nothing that was live in the parent counts here */
};

int pool_create(weir_pool **out, const struct pool_config *config, const struct pool_home *home,
                const struct link_ops *ops, void *source, const char *name, weir_error *err);
void pool_destroy(weir_pool *pool);       /* shut down, nothing live */
void *pool_source(const weir_pool *pool); /* as given to pool_create: what link_ops open connections from */
const char *pool_name(const weir_pool *pool);

/* What a borrower wants. */
struct loan_wish {
    enum lane_kind lane;
    bool fail_fast;
    const char *here;
    weir_deadline deadline;
    int64_t fallback; /* what a deadline of zero means, nanoseconds */
};
int pool_lend(weir_conn *out, weir_pool *pool, const struct loan_wish *wish, weir_error *err);
/* Ends a loan, and the connection too if `discard`; a stale loan does nothing. */
void pool_release(struct weir_slot *s, uint64_t loan, bool discard);
/* Stops what runs under that loan. */
int pool_cancel(struct weir_slot *s, uint64_t loan, weir_error *err);

/* One step each of what crews do; true if there was something to do. */
bool pool_work(weir_pool *pool, int64_t deadline);
/* Timers: returns the moment at which it wants to be called again, NEVER if only activity can bring something up. */
int64_t pool_tick(weir_pool *pool);

int pool_resize(weir_pool *pool, unsigned max);
void pool_evict(weir_pool *pool);

/* Law 15.  Returns how many loans are still out when it gives up waiting for them; *err then names the holders. */
unsigned pool_shutdown(weir_pool *pool, int64_t until, weir_error *err);
/* After shutdown: what is still lent can only be released from now on. */
void pool_cut(weir_pool *pool);
/* After that, before memory may go: waits for those who are on the last steps of a warm release right now. */
void pool_settle(weir_pool *pool);

/* Counting, from the floors above. */
enum pool_count {
    COUNT_TRANSACTION,
    COUNT_RETRY,
    COUNT_RETRY_REFUSED,
    COUNT_IN_DOUBT,
    COUNT_SETTLED,
    COUNT_NARROWED,
    COUNT_DEADLOCK_SERVER,
    COUNT_DEADLOCK_CALLER,
    COUNT_LOST,
    COUNT_TIMED_OUT,
    COUNT_OPENED,
    COUNT_CLOSED,
    COUNT_CONNECT_FAILED,
    COUNT_LEAK,
    COUNT_SLOW_LOAN,
    COUNT_STILLBORN, /* taken to be lent, and found dead */
    COUNT_SHED,
    COUNT_RECYCLED,
    COUNT_CHECKED,
    COUNT_CHECK_FAILED,
    COUNTS
};
void pool_count(weir_pool *pool, enum pool_count what);
/* Of transactions: one begins; one wants to run again because a connection was lost, and may (budget.c). */
void pool_earn_retry(weir_pool *pool);
bool pool_spend_retry(weir_pool *pool);
/* One ran into another, for that many times now: where that happens often, fewer write loans are begun (tune.c). */
void pool_conflict(weir_pool *pool, uint32_t times);
/* A connection died under use: counts it and tells the event hook. */
void pool_lost(weir_pool *pool, const weir_error *err);
void pool_figures(weir_pool *pool, weir_figures *out);
void pool_health(weir_pool *pool, weir_health *out);

/* How lengths of time are spread: those within each of pool_bounds (nanoseconds, rising; to a bucket's width, 19 % at most), and all. */
enum pool_time { TIME_WAIT, TIME_USE, TIME_CREATE, TIMES };
#define POOL_BOUNDS 10
extern const int64_t pool_bounds[POOL_BOUNDS];
struct pool_spread {
    uint64_t within[POOL_BOUNDS], count, sum; /* sum in nanoseconds */
};
void pool_spread(weir_pool *pool, enum pool_time what, struct pool_spread *out);

#endif
