/*
 * One simulated run: a database on the null driver, and all who have to do with it.  What they do, and what happens to them, is drawn
 * from the seed.
 * SPDX-License-Identifier: MIT
 */
#ifndef SIM_RUN_H
#define SIM_RUN_H

#include <weir.h>
#include <weir/observe.h>
#include "../../backends/null/null.h"
#include "laws.h"
#include "machine.h"

/* All that happens in it, from opening to the last byte; returns a number that only the same run gives. */
uint64_t run_seed(uint64_t seed, bool loud);

#define BORROWERS 10
#define ADDS 4000

/* What became of an ADD, as its caller was told. */
enum fate { FATE_NOT_DONE, FATE_DONE, FATE_UNKNOWN };

/* What the people of a run share. */
struct run {
    weir_db *db;
    weir_pool *pool;
    struct null_server *server;
    unsigned borrowers, loans; /* loans of each */
    unsigned habits, faults;   /* bits: which of them occur at all */

    /* What the options and faults make possible. */
    bool crew;      /* threads=auto … */
    bool shaky;     /* … but at times none can be made */
    bool leaking;   /* reset=never */
    bool forgetful; /* the server's data go with its last session */
    bool fail_fast;
    bool hopeless; /* a connect may fail in a way that does not mend itself */
    int64_t acquire_timeout, query_timeout, connect_timeout, shed_after;

    bool early;               /* the database is closed while connections are lent */
    bool over;                /* no more faults, and nobody meddles */
    bool closing;             /* no more calls that need the db */
    unsigned calling;         /* who are in one */
    bool shut;                /* weir_db_shutdown has been called … */
    struct moment shut_since; /* … then */
    uint64_t resized;         /* the step in which the pool last was */
    unsigned adds;
    unsigned char fates[ADDS];
};
extern struct run run;

/* weather.c: what happens to all of them. */
void weather_begin(void);
void weather_end(void);
void *weather_realloc(void *arg, void *block, size_t size); /* fails at times */
unsigned weather_blocks(void);                              /* that were given and not freed */

#endif
