/*
 * How every hook begins and ends, and what a round trip is.
 *
 * The core promises never to run two hooks at once on one connection, `cancel` and `interrupt` excepted.  Each hook counts itself in
 * and out, and one that finds another inside is an overlap, which a test reads as NULL_OVERLAPS and expects to be zero.  The count is
 * relaxed, so that it orders nothing and hides no race from a sanitizer.
 * SPDX-License-Identifier: MIT
 */
#include <string.h>
#include "local.h"

static void note_overlap(struct null_server *s)
{
    pthread_mutex_lock(&s->lock);
    null_count(s, NULL_OVERLAPS, 1);
    pthread_mutex_unlock(&s->lock);
}

struct null_conn *null_enter(void *conn)
{
    struct null_conn *c = conn;
    if (atomic_fetch_add_explicit(&c->hooks, 1, memory_order_relaxed) && c->server)
        note_overlap(c->server);
    return c;
}

void null_leave(struct null_conn *c)
{
    atomic_fetch_sub_explicit(&c->hooks, 1, memory_order_relaxed);
}

struct null_conn *null_begin_hook(void *conn, enum null_figure hook)
{
    struct null_conn *c = null_enter(conn);
    pthread_mutex_lock(&c->server->lock);
    null_count(c->server, hook, 1);
    return c;
}

int null_end_hook(struct null_conn *c, int status)
{
    pthread_mutex_unlock(&c->server->lock);
    null_leave(c);
    return status;
}

/* Nobody has answered, and a client that has stopped listening cannot use the session again. */
static int no_answer(struct null_conn *c, weir_error *err)
{
    int opening = c->life == LIFE_OPENING;
    weir_error e = null_error(opening ? WEIR_E_CONNECT : WEIR_E_TIMEOUT);
    e.flags = WEIR_RETRY_ELSEWHERE | (opening ? 0 : WEIR_CONNECTION_DEAD);
    strcpy(e.text, "no answer from the null server before the deadline");
    return null_suffer(c, err, &e);
}

/* The failure that was ordered for this call, if one was. */
static int fault(struct null_conn *c, enum null_figure hook, weir_error *err)
{
    struct null_fault *f = &c->server->faults[hook];
    if (!f->times)
        return WEIR_OK;
    f->times--;
    return null_suffer(c, err, &f->as);
}

/* Sends something that takes the server `ns`, and waits for its answer. */
int null_answer(struct null_conn *c, enum null_figure hook, int64_t ns, int64_t deadline_ns, weir_error *err)
{
    int status = null_wait(c->server, c, c->host, ns, deadline_ns);
    int silent = c->life == LIFE_OPENING || null_is_silent(c->server, c);
    if (status == WEIR_E_TIMEOUT && silent)
        return no_answer(c, err);
    return status < 0 ? null_says(c, err, status, NULL) : fault(c, hook, err);
}

/* How long the server takes for an ordinary request of this connection. */
int64_t null_query_ns(const struct null_conn *c)
{
    return null_sum(c->server->knobs[NULL_QUERY_DELAY], c->query_delay);
}

int null_round_trip(struct null_conn *c, enum null_figure hook, int64_t deadline_ns, weir_error *err)
{
    return null_answer(c, hook, null_query_ns(c), deadline_ns, err);
}
