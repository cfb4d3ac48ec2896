/*
 * Asking the server to stop what a session runs.
 *
 * What must be true:
 *  1. When pg_cancel_send returns, the request has been carried out or will never be: it reaches no later statement.
 *  2. It returns by its deadline.
 *
 * libpq 17 has a request that does not block.  Before it there is PQcancel, which connects and then waits for the server to hang up, and
 * knows no deadline; it runs only after the server has just answered a question, so that a frozen server or one that cannot be reached
 * is not asked.  What is left is a server that freezes within that millisecond; tcp_user_timeout ends the worst of it.
 * SPDX-License-Identifier: MIT
 */
#include <errno.h>
#include <fcntl.h>
#include <time.h>
#include <unistd.h>
#include "pg.h"

#ifdef LIBPQ_HAS_ASYNC_CANCEL

static int make(struct pg_conn *c)
{
    c->cancel.handle = PQcancelCreate(c->pg);
    return c->cancel.handle ? 0 : -1;
}

static void end(struct pg_cancel *k)
{
    PQcancelFinish(k->handle);
}

static int deliver(struct pg_cancel *k, int64_t until)
{
    PostgresPollingStatusType want = PGRES_POLLING_WRITING;
    int started = PQcancelStart(k->handle);
    while (started && (want == PGRES_POLLING_READING || want == PGRES_POLLING_WRITING)) {
        const short events = want == PGRES_POLLING_READING ? POLLIN : POLLOUT;
        started = pg_poll(k->host, PQcancelSocket(k->handle), events, until) != 0;
        if (started)
            want = PQcancelPoll(k->handle);
    }
    PQcancelReset(k->handle);
    return started && want == PGRES_POLLING_OK;
}

#else

static int make(struct pg_conn *c)
{
    struct pg_cancel *k = &c->cancel;
    k->peer_length = sizeof k->peer;
    if (getpeername(c->fd, (struct sockaddr *)&k->peer, &k->peer_length) < 0)
        k->peer_length = 0;
    k->handle = PQgetCancel(c->pg);
    return k->handle ? 0 : -1;
}

static void end(struct pg_cancel *k)
{
    PQfreeCancel(k->handle);
}

static int connect_to(const struct pg_cancel *k, int64_t until)
{
    int cause = 0;
    socklen_t size = sizeof cause;
    const int fd = socket(k->peer.ss_family, SOCK_STREAM, 0);
    if (fd < 0)
        return -1;
    if (fcntl(fd, F_SETFD, FD_CLOEXEC) == 0 && fcntl(fd, F_SETFL, O_NONBLOCK) == 0 &&
        (connect(fd, (const struct sockaddr *)&k->peer, k->peer_length) == 0 ||
         (errno == EINPROGRESS && pg_poll(k->host, fd, POLLOUT, until) != 0 &&
          getsockopt(fd, SOL_SOCKET, SO_ERROR, &cause, &size) == 0 && cause == 0)))
        return fd;
    close(fd);
    return -1;
}

/* Asks whether TLS is to be had, which every server answers with one letter before anything else, and hangs up. */
static int server_answers(const struct pg_cancel *k, int64_t until)
{
    static const char question[8] = { 0, 0, 0, 8, 4, (char)0xd2, 0x16, 0x2f };
    char letter;
    const int fd = connect_to(k, until);
    if (fd < 0)
        return 0;
    const int answers = send(fd, question, sizeof question, MSG_NOSIGNAL) == (ssize_t)sizeof question &&
                        pg_poll(k->host, fd, POLLIN, until) != 0 && recv(fd, &letter, 1, 0) == 1;
    close(fd);
    return answers;
}

static int deliver(struct pg_cancel *k, int64_t until)
{
    char why[256];
    return server_answers(k, until) && PQcancel(k->handle, why, sizeof why);
}

#endif

int pg_cancel_make(struct pg_conn *c)
{
    c->cancel.host = c->host;
    c->cancel.stop = &c->stop;
    if (pthread_mutex_init(&c->cancel.lock, NULL) != 0)
        return -1;
    if (make(c) == 0)
        return 0;
    pthread_mutex_destroy(&c->cancel.lock);
    return -1;
}

void pg_cancel_end(struct pg_cancel *k)
{
    if (!k->handle)
        return;
    end(k);
    pthread_mutex_destroy(&k->lock);
    k->handle = NULL;
}

/* Waits for whoever is at it, but no longer than that; locks wait by the clock on the wall. */
static int lock_by(struct pg_cancel *k, int64_t until)
{
    struct timespec t;
    const int64_t left = until - k->host->now_ns(k->host->ctx);
    if (until == INT64_MAX)
        return pthread_mutex_lock(&k->lock);
    if (left <= 0 || clock_gettime(CLOCK_REALTIME, &t) != 0)
        return -1;
    t.tv_sec += (time_t)(left / 1000000000);
    t.tv_nsec += (long)(left % 1000000000);
    if (t.tv_nsec >= 1000000000) {
        t.tv_nsec -= 1000000000;
        t.tv_sec++;
    }
    return pthread_mutex_timedlock(&k->lock, &t);
}

int pg_cancel_send(struct pg_cancel *k, int64_t until)
{
    const int first = pthread_mutex_trylock(&k->lock) == 0;
    if (!first && lock_by(k, until) != 0)
        return 0;
    if (first)
        k->delivered = deliver(k, until);
    const int delivered = k->delivered;
    pthread_mutex_unlock(&k->lock);
    return delivered;
}

void *pg_cancel_prepare(void *conn)
{
    return &((struct pg_conn *)conn)->cancel;
}

int pg_cancel(void *prepared, int64_t deadline_ns, weir_error *err)
{
    struct pg_cancel *k = prepared;
    int nothing = PG_GO_ON; /* a cut is not taken back */
    atomic_compare_exchange_strong(k->stop, &nothing, PG_CANCELLED);
    if (pg_cancel_send(k, deadline_ns))
        return WEIR_OK;
    return k->host->fail(err, WEIR_E_CONNECT, "postgres: the server could not be asked to stop the statement");
}
