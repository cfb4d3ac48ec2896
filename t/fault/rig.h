/*
 * What the tests of bad days stand on: one db on the null driver, a clock that only the test moves, callers on threads of their own,
 * and a record of what the db said and where it connected.
 *
 * Time stands still while a test looks: whoever returns then has needed exactly as long as the clock says, however slow the machine.
 * SPDX-License-Identifier: MIT
 */
#ifndef FAULT_RIG_H
#define FAULT_RIG_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <weir.h>
#include <pool/pool.h>
#include "../../backends/null/null.h"
#include "tap.h"

#define MS INT64_C(1000000)

extern weir_db *db;
extern weir_pool *pool;
extern struct null_server *server;
extern struct null_clock moment;
extern weir_error err;

/* Opens the db of this URL on a fresh server; in NULL_CLOCK_AUTO what waits in the driver moves the clock. */
void rig_open(enum null_clock_mode mode, const char *url);
/* Closes it, and states that nothing of it is left. */
void rig_close(void);

int64_t now_ms(void);     /* since rig_open */
void pass(int64_t ms);    /* lets so much time pass, with a look of maintenance every 50 ms */
void pass_to(int64_t ms); /* until then */
/* Lets time pass by itself, a millisecond every half real one, for one who waits in the pool alone: it does not wait for who is late. */
void flow(bool on);
void flow_from(enum null_figure which, int64_t value); /* … once the server's figure is that large */

weir_figures figures(void);
weir_health health(void);
const char *state(void); /* of health, by name */
/* All that the event hook was told since forget_states, in order: "suspect down probing up".  It hears of a state after that is there. */
const char *states(void);
void forget_states(void);
void hears(const char *want, const char *what); /* waits for it, and forgets */
unsigned told(enum weir_event_kind kind);       /* how often the hook was told so */
const char *last_told(void);                    /* the text of the last event that was not about health or an open */

int64_t bytes_out(void);          /* of the allocator's, now */
unsigned connects_by_users(void); /* begun on a thread of the test */

/* Waits for another thread to make it true: ten real seconds at most, or half a minute for the second, which is no fact of the test. */
#define await(fact, ...)                                         \
    do {                                                         \
        bool came = false;                                       \
        for (int naps = 20000; !(came = (fact)) && naps; naps--) \
            nap();                                               \
        ok(came, __VA_ARGS__);                                   \
    } while (0)
#define until(fact)                        \
    for (int naps = 60000; !(fact); nap()) \
        if (!naps--)                       \
    never(#fact)
/* How many entries a folder has; < 0: this system does not tell. */
int entries(const char *folder);
int threads(void); /* of this process: as entries */
void nap(void);
void never(const char *fact); /* bails out */

/* While time stands still, threads look at the clock every millisecond; one that always finds something due does nothing else. */
void is_still(const char *when);

/* The pool has nothing to do until the clock moves: every connect is in its handshake … */
bool resting(void);
bool settled(void); /* … and every lent connection in a statement: nothing at all moves */

/* Somebody who wants a connection. */
struct caller {
    pthread_t thread;
    unsigned how;
    weir_deadline deadline;
    const char *say; /* what to run when served; then, or without it, the connection is kept until callers_end */
    int status, said;
    weir_error err;
    weir_conn conn;
    int64_t began, ended; /* milliseconds, of the acquire */
    atomic_bool done;
};
void callers_begin(struct caller *c, unsigned n, unsigned how, int64_t deadline_ms, const char *say);
unsigned callers_done(const struct caller *c, unsigned n);
unsigned callers_with(const struct caller *c, unsigned n, int status); /* of those that are done */
void callers_end(struct caller *c, unsigned n);                        /* waits for them, and releases what they kept */

/* On the test's own thread. */
int take(weir_conn *conn, unsigned how, int64_t deadline_ms);
int run(weir_conn conn, const char *sql);
void fill(unsigned n, unsigned how); /* that many connections exist and are idle */
int64_t session(weir_conn conn);     /* the number that the server knows it by */

#endif
