/*
 * The pool's laws, looked at from the inside at every step of a simulated run.  What breaks one ends the run.
 * SPDX-License-Identifier: MIT
 */
#ifndef SIM_LAWS_H
#define SIM_LAWS_H

#include <weir.h>
#include "machine.h"

#define law(fact, ...) ((fact) ? (void)0 : machine_fail(__VA_ARGS__))

void laws_begin(void);              /* of the present run's pool */
void laws_freed(const void *block); /* memory goes: the pool, perhaps */
void laws_are_strict(void);         /* threads can be made again, and whoever was lacking has been called by now */
void laws_step(const char *place);
void laws_rest(void);

/* A connection has just been lent, to a caller who came at that moment. */
void laws_lent(weir_conn conn, bool read_only, struct moment came);
void laws_given(weir_conn conn); /* somebody is about to give it back */
bool laws_is_given(weir_conn conn);
/* The pool was told to replace what it has; `last` is from before that, and whoever comes from now on gets nothing that old. */
void laws_evicted(uint64_t last);
uint64_t laws_last_session(void);

/* For whoever judges what callers are told. */
unsigned laws_lane_limit(bool read_only);
unsigned laws_max(void);
bool laws_is_closed(void);

#endif
