/*
 * Health, figures and events: how the pools are and what they are doing, for people and for machines.
 * SPDX-License-Identifier: MIT
 */
#ifndef WEIR_OBSERVE_H
#define WEIR_OBSERVE_H

#include <weir/db.h>

WEIR_BEGIN

/* What a pool thinks of its server. */
typedef enum weir_health_state {
    WEIR_UP,
    WEIR_SUSPECT, /* a connection has died or did not answer: idle ones are lent only after the server has been asked again */
    WEIR_DOWN,    /* it did not answer, several times in a row: one connect at a time, one a window */
    WEIR_PROBING, /* that connect is under way */
    WEIR_DRAINING /* shut down */
} weir_health_state;

enum { WEIR_NO, WEIR_YES, WEIR_NOT_KNOWN }; /* verdicts */

/* One pool's health.  Verdicts are kept apart: a server may refuse new connections and still answer on those that are open. */
typedef struct weir_health {
    size_t size;                /* in: sizeof(weir_health) */
    uint32_t state;             /* a weir_health_state */
    uint32_t connects, answers; /* WEIR_NO, WEIR_YES or WEIR_NOT_KNOWN: of the last attempt */
    uint32_t failures;          /* in a row */
    int64_t since_ms;           /* for how long it has been in this state */
    int64_t next_probe_ms;      /* until the next probe or connect; -1: none is planned */
    weir_error last;            /* the last failure, all zero if there was none */
} weir_health;

/*
 * One pool's figures, copied while others work: in every copy idle + used + opening + resetting + closing <= max, and
 * opened = closed + the live ones (all of these but opening).  Counts are since weir_db_open, times are microseconds.
 */
typedef struct weir_figures {
    size_t size;  /* in: sizeof(weir_figures) */
    uint32_t max; /* as set; while a pool shrinks, what it still has */
    uint32_t idle, used, opening, resetting, closing;
    uint32_t waiting;     /* callers in the queue */
    uint32_t min;         /* connections that are kept open when idle */
    uint32_t writers_max; /* write loans at once that are admitted now: the option write_concurrency */
    uint32_t reserved;
    uint64_t acquired; /* loans begun */
    uint64_t timed_out;
    uint64_t shed; /* callers refused early: the option shed_after */
    uint64_t opened, closed;
    uint64_t connect_failed;
    uint64_t lost;                    /* connections that died under use, or were found dead */
    uint64_t recycled;                /* connections replaced because their life was over */
    uint64_t checks, checks_failed;   /* connections asked whether they still work */
    uint64_t transactions;            /* committed by weir_transact */
    uint64_t retries;                 /* bodies that weir_transact ran again */
    uint64_t retries_refused;         /* that it did not, for want of budget: connections had been lost */
    uint64_t in_doubt;                /* commits whose connection was lost before the answer */
    uint64_t settled;                 /* of these, those of which weir_transact found out what had become of them */
    uint64_t narrowed;                /* how often conflicts have made the pool admit fewer writers */
    uint64_t deadlocks_server;        /* deadlocks and serialization failures that a server reported */
    uint64_t deadlocks_caller;        /* those that weir_transact could not hide from its caller */
    uint64_t leaks;                   /* loans reported as leaked */
    int64_t wait_p50_us, wait_p99_us; /* waiting for a connection */
    int64_t use_p50_us, use_p99_us;   /* holding one; from a sample of the loans */
    int64_t create_p50_us, create_p99_us;
} weir_figures;

typedef enum weir_event_kind {
    WEIR_EVENT_OPENED = 1,     /* a connection joined the pool */
    WEIR_EVENT_CONNECT_FAILED, /* err says why */
    WEIR_EVENT_LOST,           /* a connection died under use; err says how */
    WEIR_EVENT_LEAK,           /* a loan is older than the option leak_after; text names its holder */
    WEIR_EVENT_HEALTH          /* a pool has moved to another weir_health_state; err says why */
} weir_event_kind;

/* Handed to the event hook, on whichever thread found it; everything is borrowed until the hook returns. */
typedef struct weir_event {
    size_t size;
    uint32_t kind; /* a weir_event_kind */
    uint32_t reserved;
    const weir_pool *pool;
    const char *text;      /* one sentence, no secret */
    const weir_error *err; /* or NULL */
} weir_event;

/* Copies the health into *out, as much of it as out->size covers.  WEIR_E_ARGUMENT: size is zero.  Any thread, at any time. */
WEIR_API int weir_pool_health(weir_health *out, const weir_pool *pool);
/* "up", "suspect", "down", "probing", "draining": a static string; never NULL. */
WEIR_API const char *weir_health_state_name(uint32_t state);
/* Copies the figures into *out, as much of them as out->size covers.  WEIR_E_ARGUMENT: size is zero.  Any thread, at any time. */
WEIR_API int weir_pool_figures(weir_figures *out, const weir_pool *pool);
/* host:port/database, without a password; borrowed for as long as the db lives. */
WEIR_API const char *weir_pool_name(const weir_pool *pool);

/*
 * The figures of all pools as OpenMetrics text, ending in "# EOF".  Calls write with a piece at a time until all is said or it returns
 * non-zero, which is then returned.  Any thread, at any time.
 */
WEIR_API int weir_metrics_write(const weir_db *db, int (*write)(void *arg, const char *text, size_t length), void *arg);

WEIR_END

#endif
