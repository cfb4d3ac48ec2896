/*
 * A proxy with faults.
 *
 * One thread, one poll loop.  A connection is two lanes, each with a buffer: what one side has said and the other has not got yet.
 * SPDX-License-Identifier: MIT
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include "proxy.h"
#include "tap.h"

#define LINKS 64
#define PIECE 65536
#define FOR_EVER 0x7fffffffffffL

struct rule {
    enum proxy_fault fault;
    long after;
};

struct lane {
    int from, to;
    char *piece; /* PIECE bytes */
    size_t held, sent;
    long left;  /* may pass before the fault */
    double due; /* not before */
    int ended;  /* `from` has said all */
};

struct link {
    int in_use;
    enum proxy_way last;  /* that something went */
    struct lane lanes[2]; /* by enum proxy_way */
};

struct proxy {
    pthread_t thread;
    int listener, wake[2], port;
    pthread_mutex_t lock; /* guards all below */
    struct rule rules[2];
    int server_port, delay_ms, over;
    const char *answer;
    struct link links[LINKS];
    atomic_long connections, hung_up, passed[2], round_trips;
};

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static struct sockaddr_in loopback(int port)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return a;
}

static int ready_socket(int fd)
{
    const int on = 1;
    if (fd < 0)
        return fd;
    fcntl(fd, F_SETFD, FD_CLOEXEC);
    fcntl(fd, F_SETFL, O_NONBLOCK);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return fd;
}

/* ---- links ---- */

static void close_link(struct link *l, int reset)
{
    const struct linger hard = { .l_onoff = 1 };
    for (int i = 0; i < 2; i++) {
        if (reset)
            setsockopt(l->lanes[i].to, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
        close(l->lanes[i].to);
        free(l->lanes[i].piece);
    }
    l->in_use = 0;
}

static int dial(int port)
{
    struct sockaddr_in a = loopback(port);
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&a, sizeof a) == 0)
        return ready_socket(fd);
    if (fd >= 0)
        close(fd);
    return -1;
}

static long allowance(const struct rule *r)
{
    return r->fault == PROXY_NONE ? FOR_EVER : r->after;
}

static void open_lane(struct proxy *p, struct link *l, enum proxy_way way, int from, int to)
{
    l->lanes[way] = (struct lane){ .from = from, .to = to, .piece = malloc(PIECE), .left = allowance(&p->rules[way]) };
    if (!l->lanes[way].piece)
        tap_bail("no memory");
}

static void open_link(struct proxy *p, int client)
{
    int i = 0;
    const int server = dial(p->server_port);
    while (i < LINKS && p->links[i].in_use)
        i++;
    if (server < 0 || i == LINKS) {
        close(client);
        if (server >= 0)
            close(server);
        return;
    }
    p->links[i].in_use = 1;
    p->links[i].last = PROXY_TO_SERVER;
    open_lane(p, &p->links[i], PROXY_TO_SERVER, client, server);
    open_lane(p, &p->links[i], PROXY_TO_CLIENT, server, client);
}

static void take_client(struct proxy *p)
{
    const int client = ready_socket(accept(p->listener, NULL, NULL));
    if (client < 0)
        return;
    atomic_fetch_add(&p->connections, 1);
    if (!p->answer) {
        open_link(p, client);
        return;
    }
    if (send(client, p->answer, strlen(p->answer), MSG_NOSIGNAL) < 0)
        tap_note("proxy: %s", strerror(errno));
    shutdown(client, SHUT_WR);
    close(client);
}

/* ---- lanes ---- */

/* Waits for more to read, while nothing is held. */
static int wants_input(const struct lane *a)
{
    return !a->ended && a->held == a->sent && a->left > 0;
}

static int wants_output(const struct lane *a)
{
    return a->sent < a->held && a->left > 0 && now() >= a->due;
}

static void read_piece(struct proxy *p, struct link *l, enum proxy_way way)
{
    struct lane *a = &l->lanes[way];
    const ssize_t n = recv(a->from, a->piece, PIECE, 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    a->ended = n <= 0;
    a->held = n > 0 ? (size_t)n : 0;
    a->sent = 0;
    a->due = now() + p->delay_ms / 1e3;
    if (!a->ended)
        return;
    shutdown(a->to, SHUT_WR);
    atomic_fetch_add(&p->hung_up, way == PROXY_TO_CLIENT && !l->lanes[PROXY_TO_SERVER].ended);
}

static void write_piece(struct proxy *p, struct link *l, enum proxy_way way)
{
    struct lane *a = &l->lanes[way];
    size_t size = a->held - a->sent;
    if ((long)size > a->left)
        size = (size_t)a->left;
    const ssize_t n = send(a->to, a->piece + a->sent, size, MSG_NOSIGNAL);
    if (n < 0 && errno != EAGAIN && errno != EINTR)
        a->ended = 1;
    if (n <= 0)
        return;
    a->sent += (size_t)n;
    if (a->left != FOR_EVER)
        a->left -= n;
    atomic_fetch_add(&p->passed[way], n);
    atomic_fetch_add(&p->round_trips, way == PROXY_TO_SERVER && l->last == PROXY_TO_CLIENT);
    l->last = way;
}

static int is_over(const struct link *l)
{
    return l->lanes[0].ended && l->lanes[1].ended;
}

/* A cut comes when the byte after the last one allowed would have to pass. */
static int meets_fault(const struct proxy *p, struct link *l, enum proxy_way way, short revents)
{
    const struct lane *a = &l->lanes[way];
    const enum proxy_fault fault = p->rules[way].fault;
    if (a->left > 0 || (fault != PROXY_CUT && fault != PROXY_RESET))
        return 0;
    if (a->sent == a->held && !(revents & POLLIN))
        return 0;
    close_link(l, fault == PROXY_RESET);
    return 1;
}

static void move(struct proxy *p, struct link *l, enum proxy_way way, short from, short to)
{
    struct lane *a = &l->lanes[way];
    if (from & (POLLIN | POLLHUP | POLLERR) && wants_input(a))
        read_piece(p, l, way);
    if (to & (POLLOUT | POLLERR) && wants_output(a))
        write_piece(p, l, way);
}

/* ---- the loop ---- */

static short events(const struct proxy *p, const struct link *l, enum proxy_way reads, enum proxy_way writes)
{
    const struct lane *a = &l->lanes[reads];
    const int watches = a->left == 0 && p->rules[reads].fault != PROXY_STALL && p->rules[reads].fault != PROXY_NONE;
    return (short)((wants_input(a) || watches ? POLLIN : 0) | (wants_output(&l->lanes[writes]) ? POLLOUT : 0));
}

/* A descriptor nobody wants anything of is left out: its end would be told again and again. */
static void describe(const struct proxy *p, struct pollfd *fds)
{
    fds[0] = (struct pollfd){ .fd = p->listener, .events = POLLIN };
    fds[1] = (struct pollfd){ .fd = p->wake[0], .events = POLLIN };
    for (int i = 0; i < LINKS; i++) {
        const struct link *l = &p->links[i];
        for (int way = 0; way < 2; way++) {
            struct pollfd *fd = &fds[2 + 2 * i + way];
            fd->events = l->in_use ? events(p, l, (enum proxy_way)way, (enum proxy_way) !way) : 0;
            fd->fd = fd->events ? l->lanes[way].from : -1;
            fd->revents = 0;
        }
    }
}

static void serve(struct proxy *p, const struct pollfd *fds)
{
    for (int i = 0; i < LINKS; i++) {
        struct link *l = &p->links[i];
        const struct pollfd *mine = &fds[2 + 2 * i];
        for (int way = 0; way < 2 && l->in_use; way++) {
            if (!meets_fault(p, l, (enum proxy_way)way, mine[way].revents))
                move(p, l, (enum proxy_way)way, mine[way].revents, mine[!way].revents);
            if (l->in_use)
                meets_fault(p, l, (enum proxy_way)way, 0);
        }
        if (l->in_use && is_over(l))
            close_link(l, 0);
    }
    if (fds[0].revents & POLLIN)
        take_client(p);
}

static void *run(void *arg)
{
    struct proxy *p = arg;
    struct pollfd fds[2 + 2 * LINKS];
    char byte;
    pthread_mutex_lock(&p->lock);
    while (!p->over) {
        describe(p, fds);
        const int timeout = p->delay_ms ? 1 : 1000;
        pthread_mutex_unlock(&p->lock);
        poll(fds, 2 + 2 * LINKS, timeout);
        if (fds[1].revents & POLLIN && read(p->wake[0], &byte, 1) < 0)
            tap_note("proxy: %s", strerror(errno));
        pthread_mutex_lock(&p->lock);
        serve(p, fds);
    }
    pthread_mutex_unlock(&p->lock);
    return NULL;
}

/* ---- for the test ---- */

static void wake(struct proxy *p)
{
    if (write(p->wake[1], "", 1) < 0)
        tap_bail("proxy: %s", strerror(errno));
}

static int listen_somewhere(int *port)
{
    struct sockaddr_in a = loopback(0);
    socklen_t size = sizeof a;
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof a) < 0 || listen(fd, 64) < 0 ||
        getsockname(fd, (struct sockaddr *)&a, &size) < 0)
        tap_bail("proxy: %s", strerror(errno));
    *port = ntohs(a.sin_port);
    return ready_socket(fd);
}

struct proxy *proxy_start(int server_port)
{
    struct proxy *p = calloc(1, sizeof *p);
    if (!p || pipe(p->wake) < 0)
        tap_bail("proxy: %s", strerror(errno));
    p->server_port = server_port;
    p->listener = listen_somewhere(&p->port);
    pthread_mutex_init(&p->lock, NULL);
    if (pthread_create(&p->thread, NULL, run, p) != 0)
        tap_bail("proxy: cannot start a thread");
    return p;
}

void proxy_stop(struct proxy **at)
{
    struct proxy *p = *at;
    pthread_mutex_lock(&p->lock);
    p->over = 1;
    pthread_mutex_unlock(&p->lock);
    wake(p);
    pthread_join(p->thread, NULL);
    for (int i = 0; i < LINKS; i++)
        if (p->links[i].in_use)
            close_link(&p->links[i], 0);
    close(p->listener);
    close(p->wake[0]);
    close(p->wake[1]);
    pthread_mutex_destroy(&p->lock);
    free(p);
    *at = NULL;
}

int proxy_port(const struct proxy *p)
{
    return p->port;
}

void proxy_lead(struct proxy *p, int server_port)
{
    pthread_mutex_lock(&p->lock);
    p->server_port = server_port;
    pthread_mutex_unlock(&p->lock);
}

void proxy_fault(struct proxy *p, enum proxy_way way, enum proxy_fault fault, long after)
{
    pthread_mutex_lock(&p->lock);
    p->rules[way] = (struct rule){ fault, after };
    for (int i = 0; i < LINKS; i++)
        if (p->links[i].in_use)
            p->links[i].lanes[way].left = allowance(&p->rules[way]);
    pthread_mutex_unlock(&p->lock);
    wake(p);
}

/* With no fault to come, a lane through which nothing may pass is left alone. */
void proxy_silence(struct proxy *p)
{
    pthread_mutex_lock(&p->lock);
    for (int i = 0; i < LINKS; i++)
        if (p->links[i].in_use)
            p->links[i].lanes[PROXY_TO_CLIENT].left = p->links[i].lanes[PROXY_TO_SERVER].left = 0;
    pthread_mutex_unlock(&p->lock);
}

void proxy_delay(struct proxy *p, int ms)
{
    pthread_mutex_lock(&p->lock);
    p->delay_ms = ms;
    pthread_mutex_unlock(&p->lock);
    wake(p);
}

void proxy_answer(struct proxy *p, const char *text)
{
    pthread_mutex_lock(&p->lock);
    p->answer = text;
    pthread_mutex_unlock(&p->lock);
}

long proxy_connections(const struct proxy *p)
{
    return atomic_load(&p->connections);
}

long proxy_hung_up(const struct proxy *p)
{
    return atomic_load(&p->hung_up);
}

long proxy_passed(const struct proxy *p, enum proxy_way way)
{
    return atomic_load(&p->passed[way]);
}

long proxy_round_trips(const struct proxy *p)
{
    return atomic_load(&p->round_trips);
}
