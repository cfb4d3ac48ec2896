/*
 * The null driver: a driver without a database.  It has every hook, its server is a few numbers in this process, it fails when it is
 * told to, and it tells time by a scripted clock if it is given one.  It is the example of EXTENDING.md and the ground on which the
 * pool's laws are tested.
 *
 * This file is the front door: the options, the hooks of a connection, and the tables at its end.  verbs.c has the statements, null.h
 * the control panel.
 *
 * A connection's life, and what moves it (guarded by its server's lock):
 *
 *     NONE ──null_open──> OPENING ──admit──> OPEN
 *                            │                │ null_drop: killed, interrupted, the server went down
 *                            └──────> DEAD <──┘
 *     any ──detach (close, abandon)──> NONE
 * SPDX-License-Identifier: MIT
 */
#include <string.h>
#include "local.h"

static const weir_option options[] = {
    { "connect_delay", "duration", "0s", "0s..1h", "how long a connect takes" },
    { "query_delay", "duration", "0s", "0s..1h", "how long a round trip takes" },
    { "connect_fail", "int", "0", "0..1000000", "how many of the server's first connects are refused" },
    { "server_limit", "int", "0", "0..1000000", "how many sessions the server has room for; 0: any number" },
    { "alive", "bool", "on", "", "off: the server refuses all connects" },
    { NULL, NULL, NULL, NULL, NULL },
};

/* The core has checked kind and range before it opens anything. */

static int64_t option_number(const weir_host *host, const char *name)
{
    int64_t n = 0;
    const char *text = host->option(host->ctx, name);
    null_number(&text, &n);
    return n;
}

static int option_off(const weir_host *host, const char *name)
{
    const char *text = host->option(host->ctx, name);
    return !strcmp(text, "off") || !strcmp(text, "false") || !strcmp(text, "no") || !strcmp(text, "0");
}

static void attach(struct null_conn *c, struct null_server *s)
{
    c->life = LIFE_OPENING;
    c->next = s->conns;
    if (c->next)
        c->next->prev = c;
    s->conns = c;
    null_count(s, NULL_HANDSHAKES, 1);
}

static int is_full(const struct null_conn *c)
{
    const struct null_server *s = c->server;
    int64_t limit = s->knobs[NULL_LIMIT], option = option_number(c->host, "server_limit");
    int64_t sessions = s->figures[NULL_SESSIONS];
    return (limit && sessions >= limit) || (option && sessions >= option);
}

static void admit(struct null_conn *c)
{
    struct null_server *s = c->server;
    c->session = ++s->last_session;
    c->key = (struct null_cancel_key){ s, c->host, c->session };
    c->life = LIFE_OPEN;
    null_count(s, NULL_SESSIONS, 1);
    if (!c->read_only)
        null_count(s, NULL_WRITERS, 1);
}

/* `ordinal`: the how-manieth connect of its server this is. */
static int handshake(struct null_conn *c, int64_t ordinal, int64_t deadline_ns, weir_error *err)
{
    if (option_off(c->host, "alive"))
        return null_says(c, err, WEIR_E_CONNECT, NULL);
    int64_t ns = null_sum(c->server->knobs[NULL_CONNECT_DELAY], c->host->option_ns(c->host->ctx, "connect_delay"));
    int status = null_answer(c, NULL_OPENS, ns, deadline_ns, err);
    if (status < 0)
        return status;
    if (ordinal <= option_number(c->host, "connect_fail"))
        return null_says(c, err, WEIR_E_CONNECT, NULL);
    if (is_full(c))
        return null_says(c, err, WEIR_E_TOO_MANY, NULL);
    admit(c);
    return WEIR_OK;
}

static int null_open(void *conn, const weir_host *host, const weir_target *target, int64_t deadline_ns, weir_error *err)
{
    struct null_conn *c = conn;
    struct null_server *s = null_server(target->host);
    if (!s)
        return host->fail(err, WEIR_E_MEMORY, "no memory for the null server '%s'", target->host);
    c->host = host;
    c->read_only = target->read_only != 0;
    c->query_delay = host->option_ns(host->ctx, "query_delay");
    c->server = s;
    null_begin_hook(c, NULL_OPENS);
    attach(c, s);
    int status = handshake(c, s->figures[NULL_OPENS], deadline_ns, err);
    null_count(s, NULL_HANDSHAKES, -1);
    return null_end_hook(c, status);
}

static void detach(struct null_conn *c)
{
    struct null_server *s = c->server;
    null_drop(s, c);
    *(c->prev ? &c->prev->next : &s->conns) = c->next;
    if (c->next)
        c->next->prev = c->prev;
    c->next = c->prev = NULL;
    c->life = LIFE_NONE;
}

/* Also after a failed open, and of a connection whose open has found no server. */
static void end(void *conn, enum null_figure hook)
{
    struct null_conn *c = conn;
    struct null_server *s = c->server;
    if (!s)
        return;
    null_begin_hook(c, hook);
    detach(c);
    null_result_end(c);
    null_stmts_end(c);
    null_transaction_undo(c);
    null_entries_free(&c->pending, c->host->realloc, c->host->ctx);
    null_end_hook(c, WEIR_OK);
    c->server = NULL;
}

/* A polite driver says goodbye here, within reason; this one has nobody to say it to. */
static void null_close(void *conn)
{
    end(conn, NULL_CLOSES);
}

/* In the child of a fork.  A hook that another thread of the parent was in is not in it here. */
static void null_abandon(void *conn)
{
    ((struct null_conn *)conn)->hooks = 0;
    end(conn, NULL_ABANDONS);
}

static int null_alive(void *conn)
{
    struct null_conn *c = null_enter(conn);
    int alive = c->life == LIFE_OPEN && !c->interrupted;
    null_leave(c);
    return alive;
}

static int null_dirty(void *conn)
{
    struct null_conn *c = null_enter(conn);
    int dirty = c->dirty || c->transaction || c->life != LIFE_OPEN;
    null_leave(c);
    return dirty;
}

static int null_reset(void *conn, int64_t deadline_ns, weir_error *err)
{
    struct null_conn *c = null_begin_hook(conn, NULL_RESETS);
    int status = null_round_trip(c, NULL_RESETS, deadline_ns, err);
    if (status == WEIR_OK && c->sticky)
        status = null_says(c, err, WEIR_E_SERVER, "the session is dirty for good");
    if (status == WEIR_OK) {
        null_transaction_undo(c);
        c->commit_fate = COMMIT_KEPT;
        c->dirty = 0;
    }
    return null_end_hook(c, status);
}

/* To the other lane; to the same one is fine. */
static void turn_to(struct null_conn *c, int read_only)
{
    null_count(c->server, NULL_WRITERS, c->read_only - read_only);
    c->read_only = read_only;
}

static int null_turn(void *conn, int read_only, int64_t deadline_ns, weir_error *err)
{
    struct null_conn *c = null_begin_hook(conn, NULL_TURNS);
    int status = null_round_trip(c, NULL_TURNS, deadline_ns, err);
    if (status == WEIR_OK && c->transaction)
        status = null_says(c, err, WEIR_E_STATEMENT, "a transaction is open");
    if (status == WEIR_OK)
        turn_to(c, read_only != 0);
    return null_end_hook(c, status);
}

static int null_ping(void *conn, int64_t deadline_ns, weir_error *err)
{
    struct null_conn *c = null_begin_hook(conn, NULL_PINGS);
    return null_end_hook(c, null_round_trip(c, NULL_PINGS, deadline_ns, err));
}

static void *null_cancel_prepare(void *conn)
{
    struct null_conn *c = null_enter(conn);
    struct null_cancel_key *key = &c->key;
    null_leave(c);
    return key;
}

/* Stops what runs on the session; nothing running, or no such session any more, is no failure.  The server is locked. */
static void stop(struct null_server *s, uint64_t session)
{
    for (struct null_conn *c = s->conns; c; c = c->next) {
        if (c->session == session && c->running)
            c->cancelled = 1;
    }
    null_wake(s);
}

/* A cancel travels on a road of its own, and so has its own troubles. */
static int ordered_fault(const struct null_cancel_key *key, weir_error *err)
{
    struct null_fault *f = &key->server->faults[NULL_CANCELS];
    if (!f->times)
        return WEIR_OK;
    f->times--;
    return null_write(key->host, err, &f->as);
}

static int null_cancel(void *prepared, int64_t deadline_ns, weir_error *err)
{
    const struct null_cancel_key *key = prepared;
    pthread_mutex_lock(&key->server->lock);
    null_count(key->server, NULL_CANCELS, 1);
    int status = null_wait(key->server, NULL, key->host, 0, deadline_ns);
    if (status < 0)
        key->host->fail(err, status, "the null server does not take the cancel");
    else
        status = ordered_fault(key, err);
    if (status == WEIR_OK)
        stop(key->server, key->session);
    pthread_mutex_unlock(&key->server->lock);
    return status;
}

/* The flag is set first: an open that this comes before has not told its server yet, and sees the flag before it waits. */
static void null_interrupt(void *conn)
{
    struct null_conn *c = conn;
    c->interrupted = 1;
    struct null_server *s = c->server;
    if (!s)
        return;
    pthread_mutex_lock(&s->lock);
    null_count(s, NULL_INTERRUPTS, 1);
    null_drop(s, c);
    pthread_mutex_unlock(&s->lock);
}

/* There is no client library below: its handle is ours.  Whatever is done with it, we do not see. */
static void *null_native(void *conn)
{
    struct null_conn *c = null_enter(conn);
    c->dirty = 1;
    null_leave(c);
    return c;
}

static int null_keep(void *conn)
{
    struct null_conn *c = null_enter(conn);
    pthread_mutex_lock(&c->server->lock);
    return null_end_hook(c, c->server->knobs[NULL_VOLATILE] != 0);
}

/* What every driver has. */
#define MANDATORY                                                                                                     \
    .abi = WEIR_BACKEND_ABI, .size = sizeof(weir_backend), .conn_size = sizeof(struct null_conn), .options = options, \
    .open = null_open, .close = null_close, .abandon = null_abandon, .alive = null_alive, .dirty = null_dirty,        \
    .reset = null_reset

/* What a driver may have; the bits say the same as the pointers. */
#define OPTIONAL_CAPS (WEIR_CAP_TURN | WEIR_CAP_PING | WEIR_CAP_CANCEL)
#define OPTIONAL                                                                                        \
    .turn = null_turn, .ping = null_ping, .cancel_prepare = null_cancel_prepare, .cancel = null_cancel, \
    .interrupt = null_interrupt, .native = null_native, .keep = null_keep

static const char *const null_schemes[] = { "null", NULL };
static const char *const bare_schemes[] = { "null-bare", NULL };
static const char *const one_schemes[] = { "null-one", NULL };

const weir_backend weir_null_backend = {
    MANDATORY, OPTIONAL, .caps = OPTIONAL_CAPS, .name = "null", .schemes = null_schemes, .sql = &null_sql_wing,
};

const weir_backend weir_null_bare_backend = {
    MANDATORY,
    .name = "null-bare",
    .schemes = bare_schemes,
    .sql = &null_bare_sql_wing,
};

const weir_backend weir_null_one_backend = {
    MANDATORY,
    OPTIONAL,
    .caps = OPTIONAL_CAPS | WEIR_CAP_ONE_WRITER,
    .name = "null-one",
    .schemes = one_schemes,
    .sql = &null_sql_wing,
};

#ifdef WEIR_MODULE
WEIR_API const weir_backend *weir_backend_entry(uint32_t host_abi);
WEIR_API const weir_backend *weir_backend_entry(uint32_t host_abi)
{
    return host_abi == WEIR_BACKEND_ABI ? &weir_null_backend : NULL;
}
#endif
