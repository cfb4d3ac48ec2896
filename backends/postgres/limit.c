/*
 * How long a hook may take.
 *
 *     waiting ──deadline──► the server is told to stop ──its answer──► the hook ends, the connection is kept
 *                                   │
 *       │                           └──cancel_grace──► the connection is cut
 *       └──deadline of what is no borrower's──► the connection is cut
 *
 * A request to stop is over before the answer is waited for (cancel.c), so it reaches no later statement.
 * SPDX-License-Identifier: MIT
 */
#include <errno.h>
#include <limits.h>
#include "pg.h"

#define LOOK_NS INT64_C(500000000)

/* Over TLS a message may be in OpenSSL's hands, and the socket silent: libpq does not say so.  So it is asked that often. */
#define TLS_LOOK_NS INT64_C(100000000)

#define FIRST_PAUSE_NS INT64_C(10000000) /* between two requests to stop; it doubles with each */

int64_t pg_now(const struct pg_conn *c)
{
    return c->host->now_ns(c->host->ctx);
}

int64_t pg_later(int64_t moment, int64_t length)
{
    return moment > INT64_MAX - length ? INT64_MAX : moment + length;
}

void pg_goes_on(struct pg_conn *c, int64_t deadline_ns)
{
    c->until = deadline_ns;
    c->began = 0;
    c->timed_out = c->housework = 0;
}

static inline void starts(struct pg_conn *c, int64_t deadline_ns)
{
    int earlier = PG_CANCELLED;
    if (atomic_load(&c->stop) == PG_CANCELLED)
        atomic_compare_exchange_strong(&c->stop, &earlier, PG_GO_ON);
    pg_goes_on(c, deadline_ns);
    const PGTransactionStatusType now = PQtransactionStatus(c->pg);
    c->in_transaction = c->begin.pending || now == PQTRANS_INTRANS || now == PQTRANS_INERROR;
    c->stale = c->again = 0;
}

void pg_starts(struct pg_conn *c, int64_t deadline_ns)
{
    starts(c, deadline_ns);
}

int pg_begins(struct pg_conn *c, int64_t deadline_ns, weir_error *err)
{
    starts(c, deadline_ns);
    c->began = pg_now(c);
    if (c->began < deadline_ns)
        return WEIR_OK;
    c->host->fail(err, WEIR_E_TIMEOUT, "postgres: the deadline had passed before anything was sent");
    memcpy(err->sqlstate, "57014", 6);
    return WEIR_E_TIMEOUT;
}

/* Rounded up: a poll that ends early would only be begun again. */
static int poll_ms(int64_t ns)
{
    const int64_t ms = ns / 1000000 + (ns % 1000000 != 0);
    return ms > INT_MAX ? INT_MAX : (int)ms;
}

int pg_poll(const weir_host *host, int fd, short events, int64_t until)
{
    struct pollfd p = { .fd = fd, .events = events };
    int ready, left = -1;
    do {
        if (until != INT64_MAX) {
            const int64_t ns = until - host->now_ns(host->ctx);
            left = ns > 0 ? poll_ms(ns) : 0;
        }
        ready = poll(&p, 1, left);
    } while ((ready < 0 && errno == EINTR) || (ready == 0 && left > 0 && host->now_ns(host->ctx) < until));
    return ready == 0 ? 0 : ready < 0 ? POLLERR : p.revents;
}

void pg_cut(struct pg_conn *c)
{
    c->dead = 1;
    if (c->fd >= 0)
        shutdown(c->fd, SHUT_RDWR);
}

static int give_up(struct pg_conn *c, const char *what, weir_error *err)
{
    pg_cut(c);
    c->host->fail(err, WEIR_E_TIMEOUT, "postgres: %s: the connection is given up", what);
    err->flags = WEIR_CONNECTION_DEAD;
    memcpy(err->sqlstate, "57014", 6);
    return WEIR_E_TIMEOUT;
}

static int64_t lesser(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* A request that comes before the statement does is lost, on the way or in a pooler's queue: it is made again and again. */
static int stop_again(struct pg_conn *c)
{
    const int delivered = pg_cancel_send(&c->cancel, c->give_up);
    c->until = lesser(c->give_up, pg_later(pg_now(c), c->pause));
    c->pause *= 2;
    return delivered;
}

static int pass_deadline(struct pg_conn *c, weir_error *err)
{
    if (c->sending) /* half a message, which will never run */
        return give_up(c, "the server did not take the statement by the deadline", err);
    if (c->housework)
        return give_up(c, "no answer by the deadline", err);
    if (c->timed_out) {
        if (pg_now(c) >= c->give_up)
            return give_up(c, "no answer by the deadline, nor to the request to stop", err);
        stop_again(c);
        return WEIR_OK;
    }
    c->timed_out = 1;
    c->pause = FIRST_PAUSE_NS;
    c->give_up = pg_later(pg_now(c), c->grace_ns);
    if (stop_again(c))
        return WEIR_OK;
    return give_up(c, "no answer by the deadline, and the server cannot be asked to stop", err);
}

/*
 * The deadline comes first, or a server that never stops talking would never meet it.  Not for ever at once: see TLS_LOOK_NS, and a
 * cancel of another thread's may have come too early.
 */
int pg_wait(struct pg_conn *c, short events, weir_error *err)
{
    struct pollfd p = { .fd = PQsocket(c->pg), .events = events };
    const int64_t now = c->began ? c->began : pg_now(c), look = c->tls ? TLS_LOOK_NS : LOOK_NS;
    c->began = 0;
    if (p.fd < 0) /* it is lost, which the caller is about to hear from libpq */
        return WEIR_OK;
    if (now >= c->until)
        return pass_deadline(c, err);
    if (poll(&p, 1, poll_ms(lesser(c->until - now, look))) == 0 && atomic_load(&c->stop) == PG_CANCELLED)
        pg_cancel_send(&c->cancel, pg_later(pg_now(c), c->grace_ns));
    return WEIR_OK;
}

void pg_interrupt(void *conn)
{
    struct pg_conn *c = conn;
    atomic_store(&c->stop, PG_CUT);
    if (c->fd >= 0)
        shutdown(c->fd, SHUT_RDWR);
}
