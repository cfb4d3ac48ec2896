/*
 * The null driver's control panel: how a test looks at a null server and makes it misbehave.  For programs that are linked statically
 * with the driver; nothing of it is exported from the library.  Programs that see public headers only have the URL's options (driver.c)
 * and the statements (verbs.c).
 *
 * A server is a name: "null://NAME/db".  It is made when first mentioned, by a URL or by null_server, and is shared by all of the
 * process.  Everything here may be called by any thread.
 * SPDX-License-Identifier: MIT
 */
#ifndef BACKENDS_NULL_H
#define BACKENDS_NULL_H

#include <stdatomic.h>
#include <weir/backend.h>

extern const weir_backend weir_null_backend;      /* "null": every hook */
extern const weir_backend weir_null_bare_backend; /* "null-bare": what a driver must have and no more */
extern const weir_backend weir_null_one_backend;  /* "null-one": every hook, and one writer at a time */

struct null_server;
struct null_clock;

struct null_server *null_server(const char *name); /* lives until null_forget_all; NULL: no memory */
/* Frees every server that no connection is attached to; returns how many had some and stay. */
size_t null_forget_all(void);

/* What can be set. */
enum null_knob {
    NULL_STATE,         /* NULL_UP, NULL_DOWN or NULL_BLACK_HOLE */
    NULL_CONNECT_DELAY, /* nanoseconds that a handshake takes */
    NULL_QUERY_DELAY,   /* nanoseconds that a round trip takes */
    NULL_LIMIT,         /* sessions at once; one more is told "too many"; 0: no limit */
    NULL_SILENT,   /* sessions up to this number have no road to the server any more: what they send is swallowed */
    NULL_VOLATILE, /* 1: counter and ledger are lost with the last session, so that the pool shall keep one */
    NULL_KNOBS
};
enum {
    NULL_UP,
    NULL_DOWN,      /* every session is dropped, connects are refused */
    NULL_BLACK_HOLE /* what is sent is swallowed: hooks wait until interrupted, or for their deadline */
};
void null_set(struct null_server *s, enum null_knob knob, int64_t value);

/* What can be seen. */
enum null_figure {
    /* calls of a hook so far */
    NULL_OPENS,
    NULL_CLOSES,
    NULL_ABANDONS,
    NULL_RESETS,
    NULL_TURNS,
    NULL_PINGS,
    NULL_CANCELS,
    NULL_INTERRUPTS,
    NULL_PREPARES,
    NULL_RUNS,
    NULL_NEXTS,
    NULL_BEGINS,
    NULL_COMMITS,
    NULL_ROLLBACKS,
    NULL_SETTLES,
    NULL_HOOKS, /* how many figures of this kind there are */

    /* how many there are now */
    NULL_SESSIONS = NULL_HOOKS,
    NULL_WRITERS,    /* sessions of the write lane */
    NULL_HANDSHAKES, /* connects under way */
    NULL_PREPARED,   /* prepared statements that nobody has forgotten */
    NULL_WAITING,    /* hooks that wait for the server, or for time to pass */
    NULL_WOKEN,      /* of these, those that have not looked yet whether what has changed since lets them go on */

    /* the most there ever were at once */
    NULL_SESSIONS_MOST,
    NULL_WRITERS_MOST,
    NULL_HANDSHAKES_MOST,

    NULL_COUNTER,  /* the sum of all committed ADDs */
    NULL_OVERLAPS, /* hooks that began on a connection while another ran there: the core's promise, broken */
    NULL_FIGURES
};
int64_t null_figure(struct null_server *s, enum null_figure which);
/* Waits until the figure has come that far: 1, or 0 when ten real seconds did not do it.  For handshakes between threads. */
int null_await_at_least(struct null_server *s, enum null_figure which, int64_t value);
int null_await_at_most(struct null_server *s, enum null_figure which, int64_t value);

/* Every committed ADD in the order of the commits, as many as there is room for; returns how many there are. */
size_t null_ledger(struct null_server *s, int64_t *out, size_t room);

/* The usual error of a status, with the flags, number and SQLSTATE that go with it; a status that is not the server's has none of them. */
weir_error null_error(int status);
/* The next `times` calls of a hook fail like that, with what its flags say done to the session.  A hook that cannot fail does not. */
void null_fail(struct null_server *s, enum null_figure hook, unsigned times, const weir_error *as);

/* The server drops a session (statement SESSION tells its number), or all of them; returns how many. */
size_t null_kill(struct null_server *s, uint64_t session);
size_t null_kill_all(struct null_server *s);

/*
 * A scripted clock.  It is a db's clock by weir_hooks.now_ns = null_clock_now with the clock as arg; the servers whose hooks shall wait
 * by it are told with null_server_use_clock, because a driver sees only the host's now_ns.  (Waits of a server that was not told last
 * their length in real time, and begin again until the db's clock agrees.)
 */
enum null_clock_mode {
    NULL_CLOCK_AUTO, /* a wait in the driver moves the clock itself: for one thread that plays everybody.  A wait that nothing can
                         end, without deadline and without an event to come, fails as lost. */
    NULL_CLOCK_MANUAL /* it moves by null_clock_advance only, which wakes those that waited for the moment */
};

/* Something that happens at a moment: the clock never passes it by.  The caller's, until it has run. */
struct null_event {
    int64_t at_ns;
    void (*run)(void *arg); /* on the thread that moves the clock, with no lock held; may plan more */
    void *arg;
    struct null_event *next;
};

struct null_clock {
    _Atomic int64_t now_ns;
    enum null_clock_mode mode;
    struct null_event *events; /* the earliest first; guarded by the lock of the world (server.c) */
};

void null_clock_init(struct null_clock *clock, int64_t start_ns, enum null_clock_mode mode);
int64_t null_clock_now(void *clock);
void null_clock_at(struct null_clock *clock, struct null_event *event);
void null_clock_advance(struct null_clock *clock, int64_t ns);
/* The clock outlives its use; NULL: real time again. */
void null_server_use_clock(struct null_server *s, struct null_clock *clock);

#endif
