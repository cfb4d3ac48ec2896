/*
 * How long a hook may take: its waits, the deadline of what the server does, and the thread that wants it stopped.
 *
 *                      the answer comes
 *     wait ──────────────────────────────────────► done
 *       │ the deadline comes                        ▲
 *       ▼               the answer to that comes    │
 *     KILL QUERY, on a second connection ───────────┘
 *       │ impossible, or no answer to any of them
 *       ▼
 *     given up: the connection is of no use any more
 *
 * The client library asks for every wait through a function of ours, and has no place for whose it is.  Hence `mys_waiting`: what the
 * thread is in.  MySQL's own library has no such function: there, whole seconds of the option query_timeout bound a wait, and the connection
 * ends with it.
 * SPDX-License-Identifier: MIT
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/socket.h>
#include "mys.h"

_Thread_local struct mys_wait *mys_waiting;

/* ---- SIGPIPE ---- */

static void init_library(void)
{
    struct sigaction before;
    sigaction(SIGPIPE, NULL, &before);
    mysql_library_init(0, NULL, NULL); /* sets SIGPIPE to be ignored, in a process that is not its own */
    sigaction(SIGPIPE, &before, NULL);
}

void mys_library_init(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, init_library);
}

static int pipe_is_pending(void)
{
    sigset_t pending;
    return sigpending(&pending) == 0 && sigismember(&pending, SIGPIPE) == 1;
}

/* TLS writes in a way that raises it when the peer has gone. */
void mys_hold_pipe(struct mys_wait *w)
{
    sigset_t pipe;
    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    w->holds_pipe = !pipe_is_pending() && pthread_sigmask(SIG_BLOCK, &pipe, &w->mask) == 0;
}

void mys_let_pipe(struct mys_wait *w)
{
    sigset_t pipe;
    int number;
    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    if (pipe_is_pending())
        sigwait(&pipe, &number);
    pthread_sigmask(SIG_SETMASK, &w->mask, NULL);
    w->holds_pipe = 0;
}

/* ---- stopping what runs ---- */

#define FIRST_PAUSE_NS INT64_C(50000000)
#define NO_SUCH_THREAD 1094 /* the session has gone, and what it ran with it */

static int kill_query(const struct mys_road *road, unsigned long thread_id, int64_t until, weir_error *err)
{
    char sql[64];
    int st = WEIR_OK;
    struct mys_wait wait = { .road = road, .until = until, .patience = MYS_GIVE_UP };
    snprintf(sql, sizeof sql, "KILL QUERY %lu", thread_id);
    mys_wait_begin(&wait);
    MYSQL *mysql = mys_road_connect(road, &wait, err);
    if (!mysql)
        st = err->status;
    else if (mysql_query(mysql, sql) != 0 && mysql_errno(mysql) != NO_SUCH_THREAD)
        st = mys_fail_open(road, &wait, mysql, err);
    if (mysql)
        mysql_close(mysql);
    mys_wait_end(&wait);
    return st;
}

int64_t mys_grace_end(const struct mys_road *road)
{
    return mys_now(road->host) + road->host->option_ns(road->host->ctx, "cancel_grace");
}

/* The deadline has come: 1 if there is something to wait for, which is what a stopped statement says. */
static int stop(struct mys_wait *w)
{
    weir_error ignored;
    w->timed_out = 1;
    if (w->patience == MYS_GIVE_UP || (w->patience == MYS_INSIST && mys_now(w->road->host) >= w->give_up))
        return 0;
    const int insists = w->patience == MYS_INSIST;
    w->patience = MYS_GIVE_UP;
    if (kill_query(w->road, w->thread_id, insists ? w->give_up : mys_grace_end(w->road), &ignored) < 0)
        return 0;
    if (!insists)
        w->give_up = mys_grace_end(w->road);
    w->patience = MYS_INSIST;
    w->pause = insists ? 2 * w->pause : FIRST_PAUSE_NS;
    w->until = mys_now(w->road->host) + w->pause;
    if (w->until > w->give_up)
        w->until = w->give_up;
    return 1;
}

int mys_overdue(struct mys_conn *c)
{
    if (c->wait.until == INT64_MAX || mys_now(c->host) < c->wait.until)
        return 0;
    return stop(&c->wait) ? 1 : -1;
}

/* The server hears of it, though the library has closed its descriptor: ours would keep the connection up. */
void mys_cut_off(struct mys_conn *c)
{
    c->dead = 1;
    shutdown(c->socket, SHUT_RDWR);
}

void mys_settle(struct mys_conn *c)
{
    weir_error err;
    struct mys_stmt *s = c->unread;
    c->unread = NULL;
    c->unsure |= mys_is_inside(c);
    if (kill_query(&c->road, c->thread_id, mys_grace_end(&c->road), &err) < 0) {
        mys_cut_off(c);
        return;
    }
    mys_begins(c, mys_grace_end(&c->road), MYS_GIVE_UP);
    mysql_stmt_free_result(s->handle); /* what it reads says how the statement has ended */
    if (mysql_errno(c->mysql) && mys_fail(c, NULL, &err) < 0)
        mys_keep_undone(c, &err);
    mys_ends(c, WEIR_OK);
    mys_bury(c);
}

/* ---- waiting ---- */

/* What must not be inherited by a program that the process starts, and never blocks: all waits are ours. */
void mys_watch_socket(int fd)
{
    fcntl(fd, F_SETFD, FD_CLOEXEC);
#if HAVE_DECL_MARIADB_OPT_IO_WAIT
    fcntl(fd, F_SETFL, O_NONBLOCK);
#endif
}

#if HAVE_DECL_MARIADB_OPT_IO_WAIT
/* Never less than it says: a poll that ends a little early would be asked for again and again. */
static int milliseconds(const struct mys_wait *w)
{
    if (w->until == INT64_MAX)
        return -1;
    const int64_t left = w->until - mys_now(w->road->host);
    if (left <= 0)
        return 0;
    return left / 1000000 >= INT_MAX ? INT_MAX : (int)((left + 999999) / 1000000);
}

/* A connect that failed: its reason is kept, since the library would have an earlier errno tell it. */
static int refused(struct mys_wait *w, const struct pollfd *p)
{
    int cause = 0;
    socklen_t size = sizeof cause;
    if (!(p->events & POLLOUT) || !(p->revents & (POLLERR | POLLHUP)))
        return 0;
    if (getsockopt(p->fd, SOL_SOCKET, SO_ERROR, &cause, &size) != 0 || cause == 0)
        return 0;
    errno = w->refused = cause;
    return 1;
}

static int wait_patiently(struct mys_wait *w, struct pollfd *p)
{
    if (w->opening)
        mys_watch_socket(p->fd);
    for (;;) {
        const int ready = poll(p, 1, milliseconds(w));
        if (ready > 0)
            return w->opening && refused(w, p) ? -1 : 1;
        if (ready < 0 && errno != EINTR)
            return -1;
        if (ready == 0 && milliseconds(w) == 0 && !stop(w))
            break;
    }
    errno = ETIMEDOUT;
    return 0;
}

/* The holder of the native handle waits as long as it takes. */
static int wait_for_ever(struct pollfd *p)
{
    int ready;
    do
        ready = poll(p, 1, -1);
    while (ready < 0 && errno == EINTR);
    return ready;
}

/*
 * Seconds that nobody else would write.  TLS in libmariadb says "read" also when it has to write, but passes the write timeout then, in
 * seconds, though milliseconds are what is passed elsewhere.
 */
#    define WRITE_MARK 86413

static int wait_for_server(my_socket fd, my_bool reads, int timeout)
{
    const int writes = !reads || timeout == WRITE_MARK || timeout == 1000 * WRITE_MARK;
    struct pollfd p = { .fd = fd, .events = writes ? POLLOUT : POLLIN };
    return mys_waiting ? wait_patiently(mys_waiting, &p) : wait_for_ever(&p);
}

void mys_watch(MYSQL *mysql, const struct mys_road *road)
{
    const unsigned mark = WRITE_MARK;
    (void)road;
    mysql_options(mysql, MYSQL_OPT_WRITE_TIMEOUT, &mark);
    mysql_optionsv(mysql, MARIADB_OPT_IO_WAIT, wait_for_server);
}
#else
void mys_watch(MYSQL *mysql, const struct mys_road *road)
{
    const int64_t longest = road->host->option_ns(road->host->ctx, "query_timeout");
    const unsigned seconds = longest == INT64_MAX ? 0 : (unsigned)((longest + 999999999) / 1000000000);
    mysql_options(mysql, MYSQL_OPT_READ_TIMEOUT, &seconds);
    mysql_options(mysql, MYSQL_OPT_WRITE_TIMEOUT, &seconds);
}
#endif

/* ---- other threads ---- */

void *mys_cancel_prepare(void *conn)
{
    return conn;
}

/* keeps truth 5 */
int mys_cancel(void *prepared, int64_t deadline_ns, weir_error *err)
{
    const struct mys_conn *c = prepared;
    return kill_query(&c->road, c->thread_id, deadline_ns, err);
}

void mys_interrupt(void *conn)
{
    struct mys_conn *c = conn;
    atomic_store(&c->cut, 1);
    shutdown(c->socket, SHUT_RDWR);
}
