/*
 * What callers are told, and when: judged call by call.
 * SPDX-License-Identifier: MIT
 */
#ifndef SIM_JUDGE_H
#define SIM_JUDGE_H

#include <weir.h>
#include "machine.h"

/* A call that has begun. */
struct call {
    struct moment came;
    uint64_t first; /* the step in which it began; of a result, in which its query did */
    int64_t until;
    const char *what; /* valid as long as the call */
    weir_conn conn;   /* on which, if on any */
    bool closed;      /* the pool was closed by then */
};

void judge_begin(void);
/* `fallback` is what a deadline of zero means, a length. */
struct call call_begin(const char *what, weir_conn conn, weir_deadline deadline, int64_t fallback);
struct call call_begin_at_once(const char *what); /* one that must not wait at all */

/* What went wrong is said, and nobody is told that an open database is closed. */
void call_told(const struct call *c, int status, const weir_error *err);
void call_in_time(const struct call *c);
void call_at_once(const struct call *c);
/* All that holds for a call on a connection.  `shared`: others may have used it, too.  Returns status. */
int call_judge(const struct call *c, int status, const weir_error *err, bool shared);

/* Somebody stops what runs under a loan, from here … */
unsigned stop_begin(weir_conn conn);
void stop_end(unsigned stop); /* … to there */

#endif
