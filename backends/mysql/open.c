/*
 * Opening a session and closing it, in this process and in the child of a fork; and whether it lives.
 * SPDX-License-Identifier: MIT
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>
#include "mys.h"

/* A second descriptor: if the library closes its own in the middle of a call, no other file can get this number. */
static int take_socket(struct mys_conn *c, weir_error *err)
{
    c->socket = fcntl(mys_socket_of(c->mysql), F_DUPFD_CLOEXEC, 0);
    if (c->socket >= 0)
        return WEIR_OK;
    c->host->fail(err, WEIR_E_CONNECT, "mysql %s: no file descriptor is left", c->road.label);
    err->flags = WEIR_RETRY_ELSEWHERE;
    return WEIR_E_CONNECT;
}

static int begin_session(struct mys_conn *c, weir_error *err)
{
    c->mysql = mys_road_connect(&c->road, &c->wait, err);
    if (!c->mysql)
        return err->status;
    c->wait.thread_id = c->thread_id = mysql_thread_id(c->mysql);
    int st = take_socket(c, err);
    if (st == WEIR_OK)
        st = mys_settle_in(c, err);
    return st;
}

/* A server that is lost so early may be back soon. */
int mys_open(void *conn, const weir_host *host, const weir_target *target, int64_t deadline_ns, weir_error *err)
{
    struct mys_conn *c = conn;
    c->host = host;
    c->socket = -1;
    c->read_only = target->read_only != 0;
    c->wait.road = &c->road;
    const int st = mys_road_survey(&c->road, host, target, err);
    if (st < 0)
        return st;
    mys_begins(c, deadline_ns, MYS_GIVE_UP);
    return mys_ends(c, begin_session(c, err));
}

static void end_memory(struct mys_conn *c)
{
    if (c->mysql)
        mysql_close(c->mysql);
    c->mysql = NULL;
    mys_forget_all(c);
    if (c->socket >= 0)
        close(c->socket);
    c->socket = -1;
    if (c->role)
        mys_resize(c->host, c->role, 0);
    c->role = NULL;
    mys_frames_end(c);
    mys_road_end(&c->road);
}

/* A goodbye is said only where somebody listens for it. */
void mys_close(void *conn)
{
    struct mys_conn *c = conn;
    if (!c->road.block)
        return;
    if (c->mysql && (c->dead || c->unread || c->result.at == MYS_STREAM || !mys_alive(c)))
        shutdown(c->socket, SHUT_RDWR);
    c->unread = NULL;
    mys_begins(c, mys_grace_end(&c->road), MYS_GIVE_UP);
    end_memory(c);
    mys_ends(c, WEIR_OK);
}

/*
 * After fork the session is the parent's.  Something that is not connected takes the place of its socket, and then what belongs to it
 * is freed.  If a thread was in the middle of a call, which does not exist here, its memory is in no known state and stays.
 */
void mys_leave_to_parent(void *conn)
{
    struct mys_conn *c = conn;
    const int nowhere = socket(AF_UNIX, SOCK_STREAM, 0);
    if (nowhere < 0)
        return;
    if (mys_socket_of(c->mysql) >= 0)
        dup2(nowhere, mys_socket_of(c->mysql));
    dup2(nowhere, c->socket);
    close(nowhere);
    if (c->busy)
        return;
    c->unread = NULL;
    c->dead = 1;
    mys_close(c);
}

/* An idle session has nothing to read: bytes are a last word, and no bytes at all are its end. */
int mys_alive(void *conn)
{
    const struct mys_conn *c = conn;
    char byte;
    if (c->dead || atomic_load(&c->cut))
        return 0;
    return recv(c->socket, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
}

int mys_ping(void *conn, int64_t deadline_ns, weir_error *err)
{
    struct mys_conn *c = conn;
    mys_begins(c, deadline_ns, MYS_GIVE_UP);
    if (c->manner && !c->begun) /* what has to be said anyway is a question, too */
        return mys_ends(c, mys_leave_manner(c, err));
    return mys_ends(c, mysql_ping(c->mysql) == 0 ? WEIR_OK : mys_fail(c, NULL, err));
}
