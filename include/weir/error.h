/*
 * What went wrong: a status to branch on, flags to act on, a text to show.
 * SPDX-License-Identifier: MIT
 */
#ifndef WEIR_ERROR_H
#define WEIR_ERROR_H

#include <weir/base.h>

WEIR_BEGIN

/* Every fallible call returns one of these.  Zero done, positive fine but not finished, negative failed: "st < 0" is always the right test. */
enum weir_status {
    WEIR_OK = 0,
    WEIR_ROW = 1,  /* a row is there to be read */
    WEIR_LENT = 2, /* shutting down: connections are still out */

    /* the caller */
    WEIR_E_ARGUMENT = -1,
    WEIR_E_OPTION = -2,      /* an unknown or impossible option, or a URL that does not parse */
    WEIR_E_STALE = -3,       /* that loan or result is over */
    WEIR_E_BUSY = -4,        /* a result is still open on this connection */
    WEIR_E_UNSUPPORTED = -5, /* not with this driver */
    WEIR_E_CONVERT = -6,     /* a cell does not fit the type asked for */
    WEIR_E_MEMORY = -7,
    WEIR_E_ABI = -8,
    WEIR_E_DEADLOCK_SELF = -9, /* this thread holds what it would wait for */

    /* the pool */
    WEIR_E_EXHAUSTED = -20,   /* no connection came free before the deadline; the text names the holders */
    WEIR_E_UNAVAILABLE = -21, /* no server fits: down, lagging, read-only; the text says until when */
    WEIR_E_CLOSED = -22,
    WEIR_E_SHED = -23, /* refused early: the queue is too long to be served in time */

    /* the road */
    WEIR_E_CONNECT = -40,
    WEIR_E_AUTH = -41,
    WEIR_E_TLS = -42,
    WEIR_E_TOO_MANY = -43, /* the server has no room for another connection */
    WEIR_E_LOST = -44,
    WEIR_E_IN_DOUBT = -45, /* lost with a commit under way: done or not done, nobody knows yet */

    /* the statement */
    WEIR_E_TIMEOUT = -60,
    WEIR_E_CANCELLED = -61,
    WEIR_E_DEADLOCK = -62,
    WEIR_E_SERIALIZATION = -63,
    WEIR_E_LOCKED = -64, /* waited for a lock as long as allowed */
    WEIR_E_READ_ONLY = -65,
    WEIR_E_UNIQUE = -66,
    WEIR_E_FOREIGN_KEY = -67,
    WEIR_E_NOT_NULL = -68,
    WEIR_E_CHECK = -69,
    WEIR_E_DATA = -70,
    WEIR_E_STATEMENT = -71, /* syntax, or a name that is not there */
    WEIR_E_PERMISSION = -72,
    WEIR_E_RESOURCE = -73, /* the server is out of disk or memory */
    WEIR_E_CORRUPT = -74,
    WEIR_E_SERVER = -75 /* anything else that the server said */
};

/* weir_error.flags: what may be done about it. */
#define WEIR_RETRY_TRANSACTION 0x1u /* the whole transaction may be run again */
#define WEIR_RETRY_ELSEWHERE 0x2u   /* on another server or a new connection */
#define WEIR_CONNECTION_DEAD 0x4u
#define WEIR_ROLLED_BACK 0x8u /* the server has already undone the transaction */

/* Owned by the caller, never allocated, written whole on failure and untouched otherwise; needs no initialiser.  May be NULL everywhere. */
typedef struct weir_error {
    int32_t status;
    int32_t native; /* the server's or client library's own number */
    uint32_t flags;
    char sqlstate[8]; /* five characters, or empty */
    char text[492];   /* one sentence, no secret, no newline */
    uint8_t reserved[256];
} weir_error;

/* "ok", "exhausted", "deadlock", …: a static string for logs and labels; never NULL. */
WEIR_API const char *weir_status_name(int status);

WEIR_END

#endif
