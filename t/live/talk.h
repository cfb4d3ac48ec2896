/*
 * Short words for talking to a database through the public headers.  What a test merely relies on ends it when it fails; what a test
 * is about is returned.
 * SPDX-License-Identifier: MIT
 */
#ifndef T_TALK_H
#define T_TALK_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <weir.h>
#include <weir/observe.h>
#include "tap.h"

#define LONG weir_after_ms(120000) /* for what ends by itself, also on a busy machine */

weir_db *talk_open(const char *url, const char *const *options); /* "name", "value", …, NULL; or NULL */
weir_db *talk_open_with(const char *url, const weir_hooks *hooks);
weir_conn talk_borrow_for(weir_db *db, unsigned how, const char *here);
#define talk_borrow(db, how) talk_borrow_for((db), (how), WEIR_HERE)

/* Statements that must succeed.  The format makes the text; args are for the placeholders in it. */
void talk_run(weir_conn conn, const char *format, ...) TAP_PRINTF(2, 3);
void talk_run_with(weir_conn conn, weir_args args, const char *format, ...) TAP_PRINTF(3, 4);
void talk_db_run(weir_db *db, const char *format, ...) TAP_PRINTF(2, 3); /* on a connection borrowed for it */
weir_rows talk_query(weir_conn conn, weir_args args, const char *format, ...) TAP_PRINTF(3, 4);
weir_rows talk_first(weir_conn conn, weir_args args, const char *format, ...) TAP_PRINTF(3, 4); /* at its first row */
int64_t talk_ask(weir_conn conn, const char *format, ...) TAP_PRINTF(2, 3);                     /* the first cell */
int64_t talk_db_ask(weir_db *db, unsigned how, const char *format, ...) TAP_PRINTF(3, 4);

/* One that fails or not is the fact: the status must be this. */
void talk_is(weir_conn conn, int status, const char *sql, weir_args args, const char *fact);

/* Threads.  A condition that another thread will make true is looked at again and again, for two minutes at most. */
#define TALK_UNTIL(condition)                               \
    for (int64_t talk_began = talk_now_ms(); !(condition);) \
    talk_wait(talk_began, #condition)
int64_t talk_now_ms(void);
void talk_wait(int64_t began, const char *what);
void talk_start(pthread_t *thread, void *(*run)(void *arg), void *arg);
void talk_join(pthread_t thread);

/* An allocator that counts, for hooks. */
struct talk_memory {
    atomic_llong bytes, peak;
};
weir_hooks talk_counting(struct talk_memory *m, const char *const *options);
long long talk_peak_from_here(struct talk_memory *m); /* the bytes in use now */

#endif
