/*
 * What the files of this floor share: the pool's struct, and what they do for each other.
 * Names that end in _locked want pool->lock held.
 * SPDX-License-Identifier: MIT
 */
#ifndef POOL_INSIDE_H
#define POOL_INSIDE_H

#include <base/lock.h>
#include <base/random.h>
#include <pool/crew.h>
#include <pool/figures.h>
#include <pool/pool.h>

/* Why the warm path may not be taken, in lane.gate. */
#define GATE_WAITERS 1u /* somebody queues: law 4 decides */
#define GATE_ACROSS 2u  /* somebody queues in the other lane, to which what comes free may be turned over */
#define GATE_CLOSED 4u
#define GATE_QUIET 8u /* maintenance sleeps long, or has not begun: the next borrower wakes it */

struct lane {
    atomic_uint gate;
    _Atomic(struct weir_slot *) warm; /* the last one that came back: a hint, never NULL */
    struct list waiters;              /* oldest first; under the lock, like the rest */
    unsigned waiting;
    unsigned live;   /* slots of this lane that are not EMPTY */
    unsigned coming; /* of these, OPENING or RESETTING: on their way to a waiter */
};

struct weir_pool {
    struct lane lanes[LANES];
    atomic_uint fork_seen; /* the fork count that the pool was made or remade in */

    struct weir_slot *first; /* of all slots */
    uint64_t lent_flags;     /* WORD_LOOK with reset=always */
    struct pool_config config;
    struct pool_home home;
    const struct link_ops *ops;
    void *source;
    char *name;

    struct lock
        lock; /* guards all below and what says so elsewhere; no hook, no allocation, no log, no callback under it */
    struct list work;       /* slots that wait for a worker, oldest first */
    bool call, nudge;       /* for pool_unlock: there is new work; a timer moved */
    struct signal returned; /* after shutdown: a loan has ended */
    struct signal stopped;  /* a slot's stoppers are gone */
    struct weir_slot *last;
    struct block *blocks;
    unsigned slots, generation;
    unsigned opening, closing;
    bool closed;

    /* The governor: law 10. */
    unsigned failures; /* connects that failed, one after another */
    int64_t next_open; /* no connect starts before */
    bool hopeless;     /* the last failure will not mend itself */
    weir_error last_error;
    uint64_t random;

    struct figures figures;
    uint64_t loans_before; /* lent before the fork: not this process's figures */
    atomic_bool no_hands;  /* the crew could not make a thread: borrowers do the work, as with threads=none */
    atomic_uint remaking;  /* the fork count in which one thread of a child is remaking the pool */
};

/* A caller in the queue; lives on its stack. */
struct waiter {
    struct list link;
    struct signal signal;
    int64_t since;
    struct weir_slot *slot; /* given: the loan is in `word` */
    uint64_t word;
    int status; /* < 0: will not be served, *err says why */
    weir_error *err;
    bool queued, done;
};

/* waiter.c: who gets what comes free. */
bool pool_take_any(weir_pool *p, enum lane_kind lane, struct weir_slot **slot, uint64_t *word);
static inline bool slot_take(struct weir_slot *s, const weir_pool *p, enum lane_kind lane, uint64_t *word)
{
    uint64_t seen = slot_word(s);
    while (word_state(seen) == SLOT_IDLE && word_lane(seen) == lane) {
        uint64_t to = word_lend(seen) | p->lent_flags;
        if (slot_move(s, &seen, to)) {
            *word = to;
            return true;
        }
    }
    return false;
}
/* keeps law 12: the warm one first.  Wants no lock. */
static inline bool pool_take_idle(weir_pool *p, enum lane_kind lane, struct weir_slot **slot, uint64_t *word)
{
    *slot = atomic_load_explicit(&p->lanes[lane].warm, memory_order_relaxed);
    return slot_take(*slot, p, lane, word) || pool_take_any(p, lane, slot, word);
}
void waiters_serve_locked(weir_pool *p, enum lane_kind lane);              /* idle slots to the oldest waiters */
void waiters_freed_locked(weir_pool *p, enum lane_kind lane, int64_t now); /* law 4; governor_want_locked follows */
void waiters_fail_locked(weir_pool *p, enum lane_kind lane, const weir_error *cause);
bool waiter_may_pass_locked(const weir_pool *p, enum lane_kind lane,
                            int64_t now); /* may a newcomer take an idle slot? */
void waiter_join_locked(weir_pool *p, enum lane_kind lane, struct waiter *w);
void waiter_leave_locked(weir_pool *p, enum lane_kind lane, struct waiter *w); /* not served */
bool waiter_is_across_locked(const weir_pool *p,
                             enum lane_kind lane); /* is a free slot of it first for one in the other lane? */
void waiters_wake_locked(weir_pool *p);            /* there is work, and no hands for it but theirs */

/* governor.c: how many connections there are, and in which lane. */
unsigned pool_live_locked(const weir_pool *p);
unsigned lane_limit(const weir_pool *p, enum lane_kind lane);
/* Starts what the waiters and the minimum ask for.  Returns when it wants to be asked again, NEVER if only events can bring up more. */
int64_t governor_want_locked(weir_pool *p, int64_t now);
bool governor_would_turn_locked(const weir_pool *p,
                                enum lane_kind lane); /* from the other lane, if one is idle there */
void governor_failed_locked(weir_pool *p, enum lane_kind lane, const weir_error *cause, int64_t now);
void governor_opened_locked(weir_pool *p);
bool governor_hopeless_locked(const weir_pool *p, enum lane_kind lane, int64_t now,
                              weir_error *err); /* true: *err says why */

/* work.c: opening, resetting, closing. */
void work_queue_locked(weir_pool *p, struct weir_slot *s);
bool work_retire_locked(weir_pool *p, struct weir_slot *s,
                        uint64_t word); /* IDLE to CLOSING; false: it was lent just then */
void work_retire_all_locked(weir_pool *p);
/* A loan ends the slow way, with these flags added to its word.  `mine`: the caller holds IN_CALL.  Takes and drops the lock. */
void work_loan_end(struct weir_slot *s, uint64_t loan, bool mine, uint64_t flags);

/* pool.c */
void pool_lock(weir_pool *p);   /* also remakes the pool in a child: law 16 */
void pool_unlock(weir_pool *p); /* calls the crew if work was queued under the lock */
void pool_forked(weir_pool *p); /* what pool_lock does about it */
static inline bool pool_is_forked(const weir_pool *p)
{
    return atomic_load_explicit(&p->fork_seen, memory_order_relaxed) != fork_count();
}
static inline struct weir_slot *slot_next(const struct weir_slot *s)
{
    return atomic_load_explicit(&s->next, memory_order_acquire);
}
#define POOL_EACH(s, p) for (struct weir_slot *s = (p)->first; s; s = slot_next(s))
unsigned pool_lent_locked(const weir_pool *p);
static inline enum lane_kind lane_across(enum lane_kind lane)
{
    return lane == LANE_READ ? LANE_WRITE : LANE_READ;
}
/* Is there somebody else to do the work?  If not, borrowers do it themselves. */
static inline bool pool_has_hands(const weir_pool *p)
{
    return p->home.crew && !atomic_load(&p->no_hands);
}
/* The data would go with it: the only connection left of those that keep them. */
static inline bool pool_needs_locked(const weir_pool *p, const struct weir_slot *s)
{
    return s->keeps_data && pool_live_locked(p) - p->closing == 1;
}

/* explain.c: the errors that name names.  Both write *err and return its status. */
int explain_exhausted_locked(weir_pool *p, enum lane_kind lane, int64_t since, int64_t now, weir_error *err);
int explain_lent_locked(weir_pool *p, int64_t now, weir_error *err);

#endif
