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
#define GATE_QUIET 8u  /* maintenance sleeps long, or has not begun: the next borrower wakes it */
#define GATE_BOUND 16u /* loans are counted, because there is a bound: tune.c */

#define TICK (250 * NS_PER_MS) /* how often maintenance looks while anything happens */

struct lane {
    atomic_uint gate;
    _Atomic(struct weir_slot *) warm; /* the last one that came back: a hint, never NULL */
    struct list waiters;              /* oldest first; under the lock, like the rest */
    unsigned waiting;
    unsigned live;      /* slots of this lane that are not EMPTY */
    unsigned coming;    /* of these, OPENING or RESETTING: on their way to a waiter */
    unsigned owed;      /* places of recycled ones that are not being opened again yet */
    int64_t busy_since; /* somebody has been waiting since then */
    unsigned bound;     /* loans at once; 0: as many as there are connections */
    unsigned lent;      /* of those that were lent under a bound: WORD_COUNTED */
};

#define RUNGS 24 /* as many as the widest lane needs */

/* The search for the bound of the write lane. */
struct search {
    struct trial {
        double good, time; /* work done, and nanoseconds; 0: not tried yet */
        unsigned window;   /* the last one on this rung */
    } trials[RUNGS];
    unsigned rung, home;        /* where it is, and the best that is known */
    unsigned windows;           /* so far */
    unsigned patience;          /* after as many a neighbour is tried again */
    bool turned;                /* it has been too many once: from then on rung by rung */
    int64_t since;              /* when the present window began */
    uint64_t returned, waited;  /* loans that ended in it; of these, with somebody waiting */
    uint64_t conflicts, opened; /* before it */
};

/* The bound of the write lane. */
struct tuner {
    struct search search;

    /* Fewer for a while, because of conflicts. */
    bool narrow;
    unsigned clashes;    /* since the last look … */
    uint64_t committed;  /* … and transactions before it */
    int64_t moved;       /* when the bound last did */
    int64_t returned_at; /* when a loan under it last ended */
    int64_t respite;     /* before which it is wide open, or at least not narrowed again */
};

/* What the pool thinks of its server: health.c. */
struct health {
    enum weir_health_state state;
    unsigned char untold[16]; /* the states of which the event hook has not heard yet, for pool_unlock … */
    unsigned untold_count;    /* … if they are too many, the last but one is left out */
    bool telling;             /* one thread at a time does it, so that it hears of states in their order */
    uint32_t connects, answers;
    unsigned failures, successes; /* in a row */
    int64_t since;
    int64_t down_since;
    int64_t doubted;  /* what was proven before does not count */
    int64_t probe_at; /* of a server that is not UP */
    weir_error last;
};

/*
 * What waiters sleep on.  It is the pool's, and not the waiter's, so that it can be rung when the lock has been dropped: whoever is woken
 * under a lock runs into it.  More waiters than bells share them, and are woken for each other's sake.
 */
#define BELLS 64

struct weir_pool {
    struct lane lanes[LANES];
    atomic_uint fork_seen;  /* the fork count that the pool was made or remade in */
    _Atomic int64_t ticked; /* when maintenance last looked: a clock that costs nothing */

    struct weir_slot *first; /* of all slots */
    uint64_t lent_flags;     /* WORD_STICKY with reset=always */
    uint64_t idle_flags;     /* WORD_STALE where maintenance does not mark it in time */
    struct pool_config config;
    struct pool_home home;
    const struct link_ops *ops;
    void *source;
    char *name;

    struct lock
        lock; /* guards all below and what says so elsewhere; no hook, no allocation, no log, no callback under it */
    struct list work;   /* slots that wait for a worker, oldest first */
    bool call, nudge;   /* for pool_unlock: there is new work; a timer moved; … */
    uint64_t ring;      /* … and whose bells are to be rung */
    unsigned last_bell; /* whoever joins the queue next has the bell behind this one */
    struct signal bells[BELLS];
    struct signal returned; /* after shutdown: a loan has ended */
    struct signal stopped;  /* a slot's stoppers are gone, or a cancel is over */
    struct weir_slot *last;
    struct block *blocks;
    unsigned slots, generation;
    unsigned opening, closing, checking, recycling;
    unsigned cancelling;  /* calls of the driver's cancel that are under way */
    int64_t next_recycle; /* none begins before */
    bool closed;
    struct health health;

    /* The governor: law 10. */
    unsigned failures;     /* connects that failed, one after another */
    int64_t next_open;     /* no connect starts before */
    int64_t next_tick;     /* when the timekeeper looks again */
    bool hopeless;         /* the last failure will not mend itself */
    bool crowded;          /* the server has no room for more */
    weir_error last_error; /* of a connect */
    uint64_t random;
    struct tuner tuner;

    atomic_int retry_credit; /* budget.c */
    struct figures figures;
    uint64_t loans_before; /* lent before the fork: not this process's figures */
    atomic_bool no_hands;  /* the crew could not make a worker: borrowers do the work, as with threads=none */
    atomic_bool no_time;   /* … or a timekeeper: waiters look at the clock themselves */
    atomic_uint remaking;  /* the fork count in which one thread of a child is remaking the pool */
};

/* A connection lent just now. */
struct taken {
    struct weir_slot *slot;
    uint64_t word; /* the loan's number is in there */
    bool stale;    /* it wants a look first */
};

/* A caller in the queue; lives on its stack. */
struct waiter {
    struct list link;
    unsigned bell; /* while it waits */
    int64_t since;
    bool fail_fast; /* does not wait for a server that is down */
    struct taken got;
    int status; /* < 0: will not be served, *err says why */
    weir_error *err;
    bool done;
};

/* waiter.c: who gets what comes free. */
bool pool_take_any(weir_pool *p, uint64_t wanted, uint64_t flags, struct taken *out);
static inline bool slot_take(struct weir_slot *s, uint64_t wanted, uint64_t flags, struct taken *out)
{
    uint64_t seen = slot_word(s);
    while ((seen & (WORD_STATE | WORD_WRITE | WORD_DOUBT)) == wanted) {
        uint64_t to = word_lend(seen) | flags;
        if (slot_move(s, &seen, to)) {
            *out = (struct taken){ s, to, seen & WORD_STALE };
            return true;
        }
    }
    return false;
}
/* keeps law 12: the warm one first.  Wants no lock, where the lane has no bound. */
static inline bool pool_take_idle(weir_pool *p, enum lane_kind lane, uint64_t counted, struct taken *out)
{
    uint64_t wanted = word_to_lane(SLOT_IDLE, lane), flags = p->lent_flags | counted;
    struct weir_slot *warm = atomic_load_explicit(&p->lanes[lane].warm, memory_order_relaxed);
    return slot_take(warm, wanted, flags, out) || pool_take_any(p, wanted, flags, out);
}
bool pool_take_locked(weir_pool *p, enum lane_kind lane, struct taken *out);
void waiters_serve_locked(weir_pool *p, enum lane_kind lane); /* idle slots to the oldest waiters */
/* Law 4.  governor_want_locked follows: by the caller, or, if true, by a waiter who was woken, and takes what is free, or is too late. */
bool waiters_freed_locked(weir_pool *p, enum lane_kind lane, int64_t now);
void waiters_fail_locked(weir_pool *p, enum lane_kind lane, const weir_error *cause);
void waiters_fail_fast_locked(weir_pool *p, int64_t now); /* those who do not wait for a server that is down */
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
void governor_opened_locked(weir_pool *p, int64_t now);
int64_t governor_due_locked(const weir_pool *p, int64_t now); /* what want_locked returns */
bool governor_hopeless_locked(const weir_pool *p, enum lane_kind lane, int64_t now,
                              weir_error *err); /* true: *err says why */
bool governor_open_locked(weir_pool *p, enum lane_kind lane, int64_t now, struct weir_slot **opened); /* one more */
bool governor_has_room_locked(const weir_pool *p, enum lane_kind lane);                               /* for one more */
enum lane_kind governor_spare_lane(const weir_pool *p);

/* health.c: what is known of the server, and what follows. */
void health_start(weir_pool *p, int64_t now);
void health_good_locked(weir_pool *p, bool connected, int64_t now);                         /* it has answered */
void health_refused_locked(weir_pool *p, const weir_error *why, int64_t now);               /* a connect failed */
void health_full_locked(weir_pool *p, const weir_error *why, int64_t now);                  /* for want of room there */
void health_silent_locked(weir_pool *p, const weir_error *why, int64_t began, int64_t now); /* a question did */
void health_doubt_locked(weir_pool *p, const weir_error *why, int64_t now);                 /* a connection has died */
void health_hurry_locked(weir_pool *p, int64_t now);   /* somebody does not wait for it, but wants it back */
void health_probing_locked(weir_pool *p, int64_t now); /* the one connect of a server that is down */
void health_drain_locked(weir_pool *p, int64_t now);
void health_look_locked(weir_pool *p, int64_t now); /* with each tick */
void health_tell(weir_pool *p, const struct health *h);
bool health_is_down(const weir_pool *p);
int64_t health_due_locked(const weir_pool *p);
int64_t health_next_locked(const weir_pool *p, int64_t now); /* when it is asked, or a connect tried, next; NEVER */
uint64_t health_marks_locked(const weir_pool *p, const struct weir_slot *s); /* of a connection that falls idle now */
bool health_check_locked(weir_pool *p, enum lane_kind lane); /* one doubted connection, if none is being checked */
bool health_probe_locked(weir_pool *p, int64_t now);         /* one question to a server that is not UP, if it is due */
void health_age_locked(weir_pool *p, int64_t now);           /* what is idle for long is marked for it */

/* tune.c: how many may write at once. */
void tune_start(weir_pool *p, int64_t now);
void tune_returned_locked(weir_pool *p, uint64_t word, int64_t now); /* the loan of this word has ended */
void tune_look_locked(weir_pool *p, int64_t now);                    /* by those who wait, … */
int64_t tune_due_locked(const weir_pool *p, enum lane_kind lane);    /* … also at this moment */
bool tune_may_lend_locked(const weir_pool *p, enum lane_kind lane);
unsigned tune_wanted_locked(const weir_pool *p, enum lane_kind lane);

/* search.c: the bound that gets most done.  Both return it. */
unsigned search_start(weir_pool *p, int64_t now);
unsigned search_returned(weir_pool *p, int64_t now); /* a loan under the present one has ended */
unsigned search_retreat(weir_pool *p, int64_t now);  /* a transaction fails again and again under it */

/* budget.c */
void budget_start(weir_pool *p);

/* recycle.c */
void recycle_locked(weir_pool *p, int64_t now);                                            /* with each tick */
bool recycle_on_return_locked(const weir_pool *p, const struct weir_slot *s, int64_t now); /* is it to be closed? … */
void recycle_returned_locked(weir_pool *p, enum lane_kind lane, int64_t now);              /* … then it has been */
void recycle_landed_locked(weir_pool *p, struct weir_slot *s, bool open); /* a replacement, or it failed */
int64_t recycle_life(weir_pool *p, int64_t now);                          /* when one that is born now ends */
int64_t recycle_due_locked(const weir_pool *p, int64_t now);

/* work.c: opening, resetting, closing. */
void work_queue_locked(weir_pool *p, struct weir_slot *s);
bool work_retire_locked(weir_pool *p, struct weir_slot *s,
                        uint64_t word); /* IDLE to CLOSING; false: it was lent just then */
/* What is idle is closed, what is lent comes back the slow way and is looked at: whichever it is. */
void work_supersede_locked(weir_pool *p, struct weir_slot *s);
void work_supersede_all_locked(weir_pool *p);
void work_spare_reset_locked(weir_pool *p, struct weir_slot *s); /* what waits to be reset is closed instead */
void work_mark_lent(struct weir_slot *s); /* a lent one comes back the slow way, to be looked at */
void pool_found_dead(weir_pool *p);       /* the look at an idle connection found it closed */
/* A loan ends the slow way, with these flags added to its word.  `mine`: the caller holds IN_CALL.  Takes and drops the lock. */
void work_loan_end(struct weir_slot *s, uint64_t loan, bool mine, uint64_t flags);

/* pool.c */
void pool_lock(weir_pool *p);   /* also remakes the pool in a child: law 16 */
void pool_unlock(weir_pool *p); /* tells the crew and the event hook what has come up under the lock … */
bool pool_has_news_locked(const weir_pool *p); /* … if anything has: whoever sleeps on the lock says it first */
void pool_forked(weir_pool *p);                /* what pool_lock does about it */
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

static inline bool pool_keeps_time(const weir_pool *p)
{
    return p->home.crew && !atomic_load(&p->no_time);
}
/* The data would go with it: the only connection left of those that keep them. */
static inline bool pool_needs_locked(const weir_pool *p, const struct weir_slot *s)
{
    return s->keeps_data && pool_live_locked(p) - p->closing == 1;
}

/* explain.c: the errors that name names.  Both write *err and return its status. */
int explain_exhausted_locked(weir_pool *p, enum lane_kind lane, int64_t since, int64_t now, weir_error *err);
int explain_down_locked(const weir_pool *p, enum lane_kind lane, int64_t now, weir_error *err);
int explain_shed_locked(const weir_pool *p, enum lane_kind lane, int64_t since, int64_t now, weir_error *err);
int explain_nested_locked(const weir_pool *p, enum lane_kind lane, weir_error *err);
int explain_lent_locked(weir_pool *p, int64_t now, weir_error *err);

#endif
