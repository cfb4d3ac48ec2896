/*
 * Connecting, step by step under the deadline, and closing.
 * SPDX-License-Identifier: MIT
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "pg.h"

/* How far a connect has come. */
struct connect {
    ConnStatusType stage;
    int closed; /* the server has hung up */
};

/* At the deadline, what is missing tells what is wrong. */
static int fail_late(struct pg_conn *c, const struct connect *k, weir_error *err)
{
    static const struct {
        ConnStatusType stage;
        const char *what;
    } missing[] = {
        { CONNECTION_MADE, "has taken the connection and says nothing" },
        { CONNECTION_AWAITING_RESPONSE, "has taken the connection and says nothing" },
        { CONNECTION_SSL_STARTUP, "does not finish the TLS handshake" },
        { CONNECTION_AUTH_OK, "has let this user in and does not begin" },
    };
    const char *what = "cannot be reached";
    for (size_t i = 0; i < sizeof missing / sizeof *missing; i++)
        if (missing[i].stage == k->stage)
            what = missing[i].what;
    c->host->fail(err, WEIR_E_CONNECT, "postgres: %s:%s %s: given up at the deadline", PQhost(c->pg), PQport(c->pg),
                  what);
    err->flags = WEIR_RETRY_ELSEWHERE;
    return WEIR_E_CONNECT;
}

/* libpq may have moved to another socket: it is asked each time. */
static int step(struct pg_conn *c, struct connect *k, PostgresPollingStatusType want, int64_t deadline_ns)
{
    char byte;
    const int fd = PQsocket(c->pg);
    const short events = want == PGRES_POLLING_READING ? POLLIN : POLLOUT;
    k->stage = PQstatus(c->pg);
    if (fd >= 0 && pg_poll(c->host, fd, events, deadline_ns) == 0)
        return 0;
    const ssize_t n = events == POLLIN ? recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) : 1;
    k->closed = n == 0 || (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK);
    return 1;
}

static int connect_by(struct pg_conn *c, int64_t deadline_ns, weir_error *err)
{
    struct connect k = { CONNECTION_BAD, 0 };
    PostgresPollingStatusType want = PGRES_POLLING_WRITING;
    if (PQstatus(c->pg) == CONNECTION_BAD)
        return pg_fail_open(c, CONNECTION_BAD, 0, err);
    while (want == PGRES_POLLING_WRITING || want == PGRES_POLLING_READING) {
        if (!step(c, &k, want, deadline_ns))
            return fail_late(c, &k, err);
        want = PQconnectPoll(c->pg);
    }
    return want == PGRES_POLLING_OK ? WEIR_OK : pg_fail_open(c, k.stage, k.closed, err);
}

static int keep_descriptor(struct pg_conn *c, weir_error *err)
{
    c->fd = fcntl(PQsocket(c->pg), F_DUPFD_CLOEXEC, 0);
    if (c->fd >= 0 && pg_cancel_make(c) == 0)
        return WEIR_OK;
    const int no_descriptor = c->fd < 0;
    c->host->fail(err, no_descriptor ? WEIR_E_CONNECT : WEIR_E_MEMORY, "postgres: no %s left for a connection",
                  no_descriptor ? "file descriptor is" : "memory is");
    err->flags = WEIR_RETRY_ELSEWHERE;
    return err->status;
}

/* libpq's own rule lets a socket of Unix pass. */
static int check_tls(struct pg_conn *c, weir_error *err)
{
    c->tls = PQsslInUse(c->pg) != 0;
    if (strcmp(c->host->option(c->host->ctx, "tls"), "off") == 0 || c->tls)
        return WEIR_OK;
    return c->host->fail(err, WEIR_E_TLS, "postgres: %s:%s is not connected by TLS", PQhost(c->pg), PQport(c->pg));
}

int pg_open(void *conn, const weir_host *host, const weir_target *target, int64_t deadline_ns, weir_error *err)
{
    struct pg_conn *c = conn;
    c->host = host;
    c->fd = -1;
    c->read_only = target->read_only != 0;
    c->pooler = strcmp(host->option(host->ctx, "pooler"), "transaction") == 0;
    c->grace_ns = host->option_ns(host->ctx, "cancel_grace");
    c->pg = pg_start(c, target, err);
    if (!c->pg)
        return err->status;
    PQsetNoticeReceiver(c->pg, pg_notice, c);
    PQsetErrorVerbosity(c->pg, PQERRORS_VERBOSE); /* the only way to the SQLSTATE of a refusal */
    int st = connect_by(c, deadline_ns, err);
    if (st == WEIR_OK)
        st = keep_descriptor(c, err);
    if (st == WEIR_OK)
        st = check_tls(c, err);
    pg_on_standby(c);
    pg_starts(c, deadline_ns);
    c->housework = 1;
    return st == WEIR_OK ? pg_settle(c, err) : st;
}

/* libpq says goodbye in a blocking way, were it not for nonblocking mode; to a dead connection it has nothing to say. */
void pg_close(void *conn)
{
    struct pg_conn *c = conn;
    if (!c->host)
        return;
    pg_result_end(c);
    pg_plans_end(c);
    pg_forget_all(c);
    pg_args_end(c);
    pg_cancel_end(&c->cancel);
    PQfinish(c->pg);
    if (c->fd >= 0)
        close(c->fd);
    c->pg = NULL;
    c->fd = -1;
}

static void let_go(int fd, int nothing)
{
    if (fd >= 0 && nothing >= 0 && dup2(nothing, fd) >= 0)
        fcntl(fd, F_SETFD, FD_CLOEXEC);
}

/*
 * The socket is the parent's too, and so is what libpq remembers of it: another thread of the parent may have been at work on that when
 * it forked.  So the descriptors are led away, and the memory stays.
 */
void pg_abandon_connection(void *conn)
{
    struct pg_conn *c = conn;
    const int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
    let_go(PQsocket(c->pg), nothing);
    let_go(c->fd, nothing);
    if (nothing >= 0)
        close(nothing);
}
