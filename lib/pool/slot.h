/*
 * A slot: the place of one connection in its pool.  Everything about who owns it is one atomic word.
 *
 *            pool_want            land                pool_lend
 *     EMPTY ----------> OPENING -------> IDLE <-----------------------> LENT
 *       ^                  |              |  ^        pool_release      |  |
 *       |   open failed    |   pool_tick, |  | land                     |  | dirty: part
 *       +<-----------------+   evict,     |  +---------- RESETTING <----+--+
 *       |                      resize,    |    turn: pool_want   |      |
 *       |   buried             recycling  v    check: both       v      | dead, discarded, surplus, old: part
 *       +<---------------------------- CLOSING <-----------------+------+
 *
 * What must be true:
 *  1. A slot is in exactly one state, so every copy of the counts adds up to the number of slots (law 1).
 *  2. slot_move is the only thing that changes a word (law 3); it fails if the word is not what its caller last saw.
 *  3. IDLE <-> LENT moves without a lock (law 14).  Every other move is made under the pool's lock.
 *  4. Lending counts the loan up.  A handle is good while the word says LENT with the handle's loan number; a stale one can never
 *     match again, because numbers are not reused.
 *  5. Who sets IN_CALL owns the connection until it is cleared: hooks run under IN_CALL, or in OPENING, RESETTING and CLOSING, where
 *     only the one who took the slot off the work list touches it.
 * SPDX-License-Identifier: MIT
 */
#ifndef POOL_SLOT_H
#define POOL_SLOT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <weir/db.h>
#include <base/list.h>
#include <base/lock.h>

enum slot_state { SLOT_EMPTY, SLOT_OPENING, SLOT_IDLE, SLOT_LENT, SLOT_RESETTING, SLOT_CLOSING, SLOT_STATES };
enum lane_kind { LANE_READ, LANE_WRITE, LANES };

/* The word: loan number | flags | lane | state. */
#define WORD_STATE UINT64_C(0x00f)
#define WORD_WRITE UINT64_C(0x010)   /* the lane */
#define WORD_IN_CALL UINT64_C(0x020) /* a call is using the connection */
#define WORD_ENDING UINT64_C(0x040)  /* released during that call: its end ends the loan */
#define WORD_LOOK UINT64_C(0x080) /* not simply IDLE when it comes back: dirty, dead, a result is open, or superseded */
#define WORD_CANCEL UINT64_C(0x100) /* somebody stops what runs: the call's end waits for them */
#define WORD_CUT UINT64_C(0x200)    /* shut down or discarded over the holder's head: nothing but release works */
#define WORD_STICKY \
    UINT64_C(0x400)               /* like LOOK, but set from outside and not taken back: superseded, or reset=always */
#define WORD_DEAD UINT64_C(0x800) /* the connection is of no use any more */
#define WORD_SPECIAL (WORD_LOOK | WORD_STICKY | WORD_CANCEL | WORD_CUT | WORD_DEAD)
/* Of an IDLE one. */
#define WORD_STALE UINT64_C(0x1000)   /* idle for long enough to be looked at before it is used (law 8) */
#define WORD_DOUBT UINT64_C(0x2000)   /* not lent before a check has found it good (laws 8, 9) */
#define WORD_COUNTED UINT64_C(0x4000) /* of a LENT one: it is one of lane.lent (tune.c) */
#define WORD_LOAN 15                  /* the number's first bit */

struct weir_slot {
    _Atomic uint64_t word;
    /* The number of what is being read under the present loan; 0: nothing.  Written in a call, and by whoever ends the loan, before the
       slot is lent again. */
    _Atomic uint64_t reading;
    uint64_t readings;     /* counts them: none has another's number */
    atomic_uint fork_seen; /* the fork count in which it was made or remade */
    /* Of the present or last loan; written by its borrower, read by anybody as a hint. */
    _Atomic(const char *) here;
    _Atomic uint64_t holder; /* slot_holder: which thread's, and of which loan, for the word is there first */
    _Atomic int64_t lent_at; /* 0: this loan is not timed */
    /* Loans whose releaser is done with this memory: as many as there were, or pool_settle waits. */
    _Atomic uint64_t left;
    _Atomic int64_t proven;     /* the last tick before the server last answered on it */
    _Atomic(const char *) said; /* the statement last run on it; forgotten under the pool's lock: slot_unsay */

    struct weir_pool *pool;
    _Atomic(struct weir_slot *) next; /* all slots of the pool; grows at the end, never shrinks */
    void *link; /* the connection, as the floor above knows it; kept and reused while the pool lives */

    /* Under the pool's lock. */
    struct list work;           /* in the pool's work list while OPENING, RESETTING or CLOSING waits for somebody */
    unsigned generation;        /* of the pool when its opening began */
    unsigned stoppers;          /* who is stopping its call right now; the call's end waits for them */
    bool leaving;               /* the call is over, and waits for them */
    bool keeps_data;            /* the data go with the last such connection */
    bool check;                 /* RESETTING: it is only asked whether it still works */
    bool being_replaced;        /* as soon as its replacement is there … */
    bool replaced;              /* … which it is */
    bool replacement;           /* OPENING: for one that leaves or has left; its landing ends that */
    struct weir_slot *replaces; /* … for this one, which is still there; NULL: it has left already */
    int64_t expires;            /* its life ends then (law 11) */

    uint64_t seen_word; /* what maintenance saw when it last looked … */
    int64_t seen_at;    /* … and since when */
    uint64_t leak_loan; /* the last loan that was reported */
};

/* Sequentially consistent, as slot_move is. */
static inline uint64_t slot_word(const struct weir_slot *s)
{
    return atomic_load(&s->word);
}

static inline enum slot_state word_state(uint64_t word)
{
    return (enum slot_state)(word & WORD_STATE);
}

static inline enum lane_kind word_lane(uint64_t word)
{
    return word & WORD_WRITE ? LANE_WRITE : LANE_READ;
}

static inline uint64_t word_loan(uint64_t word)
{
    return word >> WORD_LOAN;
}

/* Is this the word of that loan, still out? */
static inline bool word_lent(uint64_t word, uint64_t loan)
{
    const uint64_t asked = UINT64_MAX << WORD_LOAN | WORD_STATE;
    return (word & asked) == (loan << WORD_LOAN | SLOT_LENT);
}

/* And can a call begin?  In one comparison, for it is asked at every row. */
static inline bool word_open(uint64_t word, uint64_t loan)
{
    const uint64_t asked = UINT64_MAX << WORD_LOAN | WORD_STATE | WORD_CUT | WORD_IN_CALL;
    return (word & asked) == (loan << WORD_LOAN | SLOT_LENT);
}

/* The same, under whatever loan. */
static inline bool word_callable(uint64_t word)
{
    return (word & (WORD_STATE | WORD_CUT | WORD_IN_CALL)) == SLOT_LENT;
}

/* The same loan number and lane in another state, all flags down. */
static inline uint64_t word_in(uint64_t word, enum slot_state state)
{
    return (word & ~((UINT64_C(1) << WORD_LOAN) - 1)) | (word & WORD_WRITE) | (uint64_t)state;
}

/* Without its flags: the same for as long as a loan lasts, or a slot is idle. */
static inline uint64_t word_bare(uint64_t word)
{
    return word_in(word, word_state(word));
}

/* A thread's number below the end of its loan's. */
static inline uint64_t slot_holder(uint64_t loan, unsigned thread)
{
    return loan << 32 | thread;
}

/* Lent anew: the next loan number. */
static inline uint64_t word_lend(uint64_t word)
{
    return word_in(word, SLOT_LENT) + (UINT64_C(1) << WORD_LOAN);
}

static inline uint64_t word_to_lane(uint64_t word, enum lane_kind lane)
{
    return lane == LANE_WRITE ? word | WORD_WRITE : word & ~WORD_WRITE;
}

/*
 * The one mover.  False: the word was not *seen, which then is what it is.  Sequentially consistent, because a releaser looks for
 * waiters right after, and a waiter for idle slots right after it has queued: one of the two must see the other.
 */
static inline bool slot_move(struct weir_slot *s, uint64_t *seen, uint64_t to)
{
    return atomic_compare_exchange_strong(&s->word, seen, to);
}

static inline bool slot_is_forked(const struct weir_slot *s)
{
    return atomic_load_explicit(&s->fork_seen, memory_order_relaxed) != fork_count();
}

static inline bool slot_reads(const struct weir_slot *s, uint64_t reading)
{
    return atomic_load_explicit(&s->reading, memory_order_acquire) == reading;
}

/* In a call.  Returns the number. */
static inline uint64_t slot_begin_reading(struct weir_slot *s)
{
    atomic_store_explicit(&s->reading, ++s->readings, memory_order_release);
    return s->readings;
}

static inline void slot_end_reading(struct weir_slot *s)
{
    atomic_store_explicit(&s->reading, 0, memory_order_release);
}

/*
 * Using a lent connection, for the floors above.  slot_enter fails with WEIR_E_STALE, WEIR_E_CLOSED, or WEIR_E_BUSY when another
 * thread is in a call on it; on success only the caller touches the connection until slot_leave.  `flags` are those of WORD_LOOK (the
 * session must not simply be lent on; taken back by the next call's end) and WORD_DEAD.  slot_leave also ends the loan if it was
 * released meanwhile.
 */
int slot_enter_slowly(struct weir_slot *s, uint64_t loan, weir_error *err);
static inline int slot_enter(struct weir_slot *s, uint64_t loan, weir_error *err)
{
    uint64_t word = s ? slot_word(s) : 0;
    if (word_open(word, loan) && !slot_is_forked(s) && slot_move(s, &word, word | WORD_IN_CALL))
        return WEIR_OK;
    return slot_enter_slowly(s, loan, err);
}
/*
 * The same for who reads, at every row.  The loan is not asked for: the word is looked at before the number and is the same after it, so
 * they belong together, unless the number was changed in a call of another thread.  So the caller looks at that once more.
 */
static inline bool slot_enter_reading(struct weir_slot *s, uint64_t reading)
{
    uint64_t word = s ? slot_word(s) : 0;
    return word_callable(word) && slot_reads(s, reading) && !slot_is_forked(s) &&
           slot_move(s, &word, word | WORD_IN_CALL);
}
void slot_leave_slowly(struct weir_slot *s, uint64_t flags);
static inline void slot_leave(struct weir_slot *s, uint64_t flags)
{
    uint64_t word = slot_word(s);
    if (word & (WORD_ENDING | WORD_CANCEL) || !slot_move(s, &word, (word & ~(WORD_IN_CALL | WORD_LOOK)) | flags))
        slot_leave_slowly(s, flags);
}
/* The server is being told this; the text lives until slot_unsay or the connection's end, and maintenance may read it from now on. */
static inline void slot_said(struct weir_slot *s, const char *text)
{
    atomic_store_explicit(&s->said, text, memory_order_release);
}
void slot_unsay(struct weir_slot *s, const char *text); /* the text is about to be freed */
void slot_answered(struct weir_slot *s);                /* the server has answered */

#endif
