/*
 * A database, its pools, and borrowing from them.
 * SPDX-License-Identifier: MIT
 */
#ifndef WEIR_DB_H
#define WEIR_DB_H

#include <weir/error.h>

WEIR_BEGIN

/*
 * What cannot be said in text.  Everything that can is an option: in `options`, in the URL, or in the environment, in that order of
 * falling weight, then the default.  Set size to sizeof; zero everywhere else is a valid choice, and so is NULL for the whole.
 * The struct and the option texts are copied; what `arg` points to is the caller's and outlives the db.
 */
typedef struct weir_hooks {
    size_t size;
    const char *const *options;                               /* "name", "value", …, NULL */
    void *(*realloc)(void *arg, void *block, size_t size);    /* size 0 frees */
    int64_t (*now_ns)(void *arg);                             /* monotonic; a test's own clock */
    void (*event)(void *arg, const struct weir_event *event); /* no lock is held; must not shut down or close this db */
    int (*credentials)(void *arg, char *password, size_t size); /* asked at every connect; < 0: there is none now */
    void *arg;
} weir_hooks;

/*
 * Opens a database: parses, checks and allocates, touches no network and no file.  The caller owns *out and ends it with weir_db_close.
 * Wrong texts fail here (WEIR_E_OPTION, naming the option and its range), wrong servers in weir_db_ready or the first loan.
 */
WEIR_API WEIR_CHECKED int weir_db_open(weir_db **out, const char *url, const weir_hooks *hooks, weir_error *err);
/*
 * The same from the environment: DATABASE_URL, or MYSQL_HOST, MYSQL_PORT, MYSQL_DATABASE, MYSQL_USER, MYSQL_PASSWORD or
 * MYSQL_PASSWORD_FILE; DB_POOL_SIZE with either.  WEIR_E_OPTION: neither is set, or one does not parse.
 */
WEIR_API WEIR_CHECKED int weir_db_open_env(weir_db **out, const weir_hooks *hooks, weir_error *err);
/* Waits until a connection for each of the roles in `how` (WEIR_READ, WEIR_WRITE, both) can be had; fails as weir_acquire does. */
WEIR_API int weir_db_ready(weir_db *db, unsigned how, weir_deadline deadline, weir_error *err);

/*
 * Refuses new loans, fails the waiting with WEIR_E_CLOSED, waits for the lent until the deadline, then cuts those off.  Any thread, any
 * number of times.  WEIR_LENT: some are still out, *err names the holders.  The default deadline is the option acquire_timeout.
 */
WEIR_API int weir_db_shutdown(weir_db *db, weir_deadline deadline, weir_error *err);
/*
 * Shuts down at once if nobody did, and zeroes *db.  The memory goes with the last loan: until then handles can be released, and are
 * told WEIR_E_CLOSED by everything else.  No other thread may use *db any more.  A connect that is under way ends by itself, within
 * connect_timeout, and may use the hooks until then.
 */
WEIR_API void weir_db_close(weir_db **db);

#define WEIR_READ 0x1u       /* may be served by a replica; the server refuses writes on every route */
#define WEIR_WRITE 0x2u      /* only by a server that is known to be writable */
#define WEIR_FAIL_FAST 0x10u /* with either: while the server is down, say so at once */

/* What a commit wrote; a later read can ask to see it.  Empty where every read sees every earlier commit anyway: on a single server. */
typedef struct weir_token {
    uint16_t length;
    char text[254];
} weir_token;

/* What a borrower wants beyond read or write.  Set size to sizeof; zero everywhere else is a valid choice, and so is NULL. */
typedef struct weir_want {
    size_t size;
    const weir_token *after; /* see at least this */
    const char *who;         /* static text naming the holder; NULL: the call's own place in the source */
} weir_want;

/*
 * Borrows a connection: WEIR_READ or WEIR_WRITE, with WEIR_FAIL_FAST or without.  It is the caller's until weir_release, for one thread at a time.  On failure *out is
 * the empty handle.  WEIR_E_EXHAUSTED: none came free in time, the text names the holders; WEIR_E_UNAVAILABLE: none could be opened,
 * the text has the last reason; WEIR_E_SHED: refused early (option shed_after); WEIR_E_DEADLOCK_SELF: this thread holds them all (option
 * nested); WEIR_E_CLOSED; a connect that cannot succeed fails as it is (WEIR_E_CONNECT, WEIR_E_AUTH, …).
 * The macro records file and line of the borrower, at no cost: `here` is a static text.
 */
#define weir_acquire(out, db, how, deadline, err) \
    weir_acquire_for((out), (db), (how), NULL, WEIR_HERE, (deadline), (err))
WEIR_API WEIR_CHECKED int weir_acquire_for(weir_conn *out, weir_db *db, unsigned how, const weir_want *want,
                                           const char *here, weir_deadline deadline, weir_error *err);
/* Ends the loan and zeroes *conn; a stale or empty handle does nothing.  Never waits: what has to be cleaned is cleaned elsewhere. */
WEIR_API void weir_release(weir_conn *conn);
/* Ends the loan and the connection: the caller knows better.  Never waits either. */
WEIR_API void weir_discard(weir_conn *conn);

/*
 * The client library's own handle (MYSQL *, PGconn *, sqlite3 *), for as long as the loan.  From then on the session counts as dirty.
 * NULL: the loan is over, the driver has none, or a transaction that was begun cannot be had on it; the next statement tells why.
 */
WEIR_API void *weir_conn_native(weir_conn conn);

/* Stops what runs on conn, from any thread; nothing running is no failure.  Never reaches a later statement's or borrower's work. */
WEIR_API int weir_cancel(weir_conn conn, weir_error *err);

/*
 * For programs without threads (option threads=none): does what is due, for at most that long.  Returns the milliseconds until it wants
 * to be called again, at most a minute.  With threads it does nothing and says a minute.
 */
WEIR_API int weir_db_maintain(weir_db *db, weir_deadline budget, weir_error *err);

/* The name of the driver that serves db: "sqlite", "mysql", …; static.  For programs that write SQL in more than one dialect. */
WEIR_API const char *weir_db_driver(const weir_db *db);

/* The pools, one a server; borrowed from db, valid as long as it.  An index past the last gives NULL. */
WEIR_API size_t weir_db_pools(const weir_db *db);
WEIR_API weir_pool *weir_db_pool(weir_db *db, size_t index);
/* Changes the option pool_size of one pool.  Growing is instant; shrinking closes idle connections now and lent ones as they return.
   WEIR_E_OPTION: outside its range. */
WEIR_API int weir_pool_resize(weir_pool *pool, unsigned max, weir_error *err);
/* Every connection is replaced before it is lent again: idle ones are closed now, lent ones as they return.  The last one that keeps the
   data of an in-memory database stays. */
WEIR_API int weir_pool_evict(weir_pool *pool, weir_error *err);

WEIR_END

#endif
