/*
 * What the levels stand on that are held against real servers: a server to do harm to, a road to it that can be broken, and callers on
 * threads of their own.  Time is real here, so the facts are about counts and about what came before what; a bound on a time is ten
 * times the level's, and the exact number is the business of the test with the scripted clock.
 * SPDX-License-Identifier: MIT
 */
#ifndef FAULT_LIVE_H
#define FAULT_LIVE_H

#include "../live/talk.h"
#include "proxy.h"
#include "server-mariadb.h"
#include "server-postgres.h"

/* What is said differently to each. */
struct words {
    const char *driver, *name, *database;
    const char *sleep;            /* a statement of that many seconds: "%d" */
    const char *id, *kill;        /* the number of one's own session; ends the session "%lld" */
    const char *others;           /* the numbers of all other sessions of clients, a row each */
    const char *crowd;            /* makes a user of that name, who may have … */
    const char *few, *many;       /* … so few sessions, or as many as the pool wants */
    const char *hurry, *patience; /* sessions opened from now on are closed after a second of idleness, or are not */
};

/* One server. */
struct place {
    const struct words *words;
    int port;
    weir_db *watch; /* of one connection, on which nothing but harm is done */
    union {
        struct mariadb mariadb;
        struct postgres postgres;
    } of;
    int64_t others[128]; /* sessions besides that of `watch` when they were last asked for, 0 at the end */
};

#define FEW 9 /* sessions that the crowd may have */

void place_kill(struct place *p);    /* -9 */
void place_restart(struct place *p); /* in order, if it is running; comes back when it lets clients in */
void place_freeze(struct place *p);  /* SIGSTOP, to all of it */
void place_thaw(struct place *p);
int place_others(struct place *p);                       /* fills in `others`, and returns how many there are */
void place_end_session(struct place *p, int64_t number); /* as an administrator does … */
void place_end_sessions(struct place *p);                /* … all but his own; comes back when they are gone */

/* A db of the pool's options, "name=value&…", over that port: the place's own, or a proxy's; as that user, NULL: who may do everything. */
weir_db *live_open_as(const struct place *p, const char *user, int port, const char *options);
weir_db *live_open(const struct place *p, int port, const char *options);
weir_figures live_figures(weir_db *db);
weir_health live_health(weir_db *db);
int live_downs(void);                    /* how often the last db that was opened has called its server down */
void live_fill(weir_db *db, unsigned n); /* that many connections are open and idle */
void live_rest(int64_t ms);              /* lets them be idle for so long */
int live_try(weir_conn conn, const char *sql, weir_error *err); /* runs it; err may be NULL */
int64_t live_number(const struct place *p, weir_conn conn);     /* of its session */
int live_entries(const char *folder);                           /* how many it has */

/* A port of 127.0.0.1 where nothing is answered, not even a wish to connect. */
struct hole {
    int port, sockets[8];
};
void hole_dig(struct hole *h);
void hole_fill(struct hole *h); /* from now on, whoever wants to connect is refused */

/* Somebody who wants a connection to write on. */
struct caller {
    pthread_t thread;
    weir_db *db;
    int64_t deadline_ms;
    const char
        *say; /* what to run when served, without end; then, or without it, the connection is kept until callers_end */
    int status, said;
    weir_error err;
    weir_conn conn;
    int64_t began, ended; /* of the acquire */
    atomic_bool served, done;
};
void callers_begin(struct caller *c, unsigned n, weir_db *db, int64_t deadline_ms, const char *say);
unsigned callers_done(const struct caller *c, unsigned n);
unsigned callers_with(const struct caller *c, unsigned n, int status); /* after callers_wait */
void callers_wait(struct caller *c, unsigned n);
void callers_end(struct caller *c, unsigned n); /* waits for them, and releases what they kept */

/* The levels, a file each. */
void live_black_hole(struct place *p);
void live_restart(struct place *p);
void live_stale_pool(struct place *p);
void live_closed_while_idle(struct place *p);
void live_cancel_storm(struct place *p);
void live_clean_sessions(struct place *p);
void live_shutdown(struct place *p);
void live_fork(struct place *p);
void live_server_full(struct place *p);

#endif
