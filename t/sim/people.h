/*
 * Who has to do with a pool.
 * SPDX-License-Identifier: MIT
 */
#ifndef SIM_PEOPLE_H
#define SIM_PEOPLE_H

#include "judge.h"
#include "run.h"

/* What people do in some runs only. */
enum habit {
    MEDDLING,        /* with others' handles */
    NESTING,         /* one loan in another */
    FAILING_FAST,    /* WEIR_FAIL_FAST */
    DISCARDING,      /* instead of releasing */
    LEAVING_RESULTS, /* unread */
    MISUSE,          /* of sessions */
    RESIZING,
    EVICTING,
    SHUTTING, /* down, in the middle of it all */
    KEEPING,  /* weir_db_maintain is called */
    HABITS
};
static inline bool has_habit(enum habit habit)
{
    return run.habits >> habit & 1;
}

/* A connection in somebody's hands. */
struct grip {
    weir_conn conn;
    bool read_only;
    bool raw;    /* what it writes may be in a transaction that nobody ends */
    bool unread; /* a result is left open on it */
};

/* borrower.c: each has two, the second for a loan within the first. */
#define GRIPS (2 * BORROWERS)
extern struct grip grips[GRIPS];
void *borrower(void *grip);
weir_deadline some_deadline(void);
int grip_tell(struct grip *g, const char *sql); /* one statement */
void grip_drop(struct grip *g);

/* others.c */
void *meddler(void *none); /* uses copies of handles, good and stale */
void *warden(void *none);  /* looks at the figures, resizes, evicts */
void *keeper(void *none);  /* maintains */
void *shutter(void *none); /* shuts down */

#endif
