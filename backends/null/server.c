/*
 * The null servers: the world they live in, their figures and faults, and waiting for them.
 *
 * A server is no part of any db: its memory is the process's own, as that of a real server is its own process's.  The child of a
 * fork gets a world of its own, in the condition in which the parent's was.
 * SPDX-License-Identifier: MIT
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "local.h"

static pthread_mutex_t world = PTHREAD_MUTEX_INITIALIZER; /* guards `servers` and the events of clocks */
static struct null_server *servers;

void null_world_lock(void)
{
    pthread_mutex_lock(&world);
}

void null_world_unlock(void)
{
    pthread_mutex_unlock(&world);
}

/* A condition that is waited for by the monotonic clock. */
static void condition_init(pthread_cond_t *cond)
{
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(cond, &attr);
    pthread_condattr_destroy(&attr);
}

/* Around a fork all locks are held, so that the child finds none of them taken by a thread that it does not have. */
static void before_fork(void)
{
    null_world_lock();
    for (struct null_server *s = servers; s; s = s->next)
        pthread_mutex_lock(&s->lock);
}

static void after_fork(void)
{
    for (struct null_server *s = servers; s; s = s->next)
        pthread_mutex_unlock(&s->lock);
    null_world_unlock();
}

/* Nobody waits in the child. */
static void after_fork_in_child(void)
{
    for (struct null_server *s = servers; s; s = s->next) {
        condition_init(&s->wake);
        condition_init(&s->watch);
        s->figures[NULL_WAITING] = s->figures[NULL_WOKEN] = 0;
    }
    after_fork();
}

static void watch_forks(void)
{
    pthread_atfork(before_fork, after_fork, after_fork_in_child);
}

static struct null_server *server_make(const char *name)
{
    size_t length = strlen(name) + 1;
    struct null_server *s = calloc(1, sizeof *s + length);
    if (s)
        s->failed = calloc(null_class_count(), sizeof *s->failed);
    if (!s || !s->failed) {
        free(s);
        return NULL;
    }
    memcpy(s->name, name, length);
    pthread_mutex_init(&s->lock, NULL);
    condition_init(&s->wake);
    condition_init(&s->watch);
    return s;
}

static void server_free(struct null_server *s)
{
    null_entries_free(&s->ledger, null_plain_realloc, NULL);
    null_entries_free(&s->lost, null_plain_realloc, NULL);
    pthread_cond_destroy(&s->watch);
    pthread_cond_destroy(&s->wake);
    pthread_mutex_destroy(&s->lock);
    free(s->failed);
    free(s);
}

struct null_server *null_server(const char *name)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, watch_forks);
    null_world_lock();
    struct null_server *s = servers;
    while (s && strcmp(s->name, name))
        s = s->next;
    if (!s && (s = server_make(name))) {
        s->next = servers;
        servers = s;
    }
    null_world_unlock();
    return s;
}

static int server_in_use(struct null_server *s)
{
    pthread_mutex_lock(&s->lock);
    int in_use = s->conns != NULL;
    pthread_mutex_unlock(&s->lock);
    return in_use;
}

size_t null_forget_all(void)
{
    size_t kept = 0;
    null_world_lock();
    for (struct null_server **at = &servers; *at;) {
        struct null_server *s = *at;
        if (server_in_use(s)) {
            kept++;
            at = &s->next;
        } else {
            *at = s->next;
            server_free(s);
        }
    }
    null_world_unlock();
    return kept;
}

/* Figures that are a gauge, and where its high-water mark is kept. */
static const struct mark {
    enum null_figure gauge, most;
} marks[] = {
    { NULL_SESSIONS, NULL_SESSIONS_MOST },
    { NULL_WRITERS, NULL_WRITERS_MOST },
    { NULL_HANDSHAKES, NULL_HANDSHAKES_MOST },
};

void null_count(struct null_server *s, enum null_figure which, int more)
{
    s->figures[which] += more;
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++) {
        if (marks[i].gauge == which && s->figures[which] > s->figures[marks[i].most])
            s->figures[marks[i].most] = s->figures[which];
    }
    pthread_cond_broadcast(&s->watch);
}

/* All of them, also those that have not looked since the last time. */
void null_wake(struct null_server *s)
{
    s->wakes++;
    null_count(s, NULL_WOKEN, (int)(s->figures[NULL_WAITING] - s->figures[NULL_WOKEN]));
    pthread_cond_broadcast(&s->wake);
}

/* A waiting hook looks; returns what it has seen. */
static uint64_t look(struct null_server *s, uint64_t seen)
{
    if (seen != s->wakes)
        null_count(s, NULL_WOKEN, -1);
    return s->wakes;
}

int64_t null_figure(struct null_server *s, enum null_figure which)
{
    pthread_mutex_lock(&s->lock);
    int64_t value = s->figures[which];
    pthread_mutex_unlock(&s->lock);
    return value;
}

static struct timespec real_after(int64_t ns)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    int64_t nanos = t.tv_nsec + ns % 1000000000;
    t.tv_sec += (time_t)(ns / 1000000000 + nanos / 1000000000);
    t.tv_nsec = (long)(nanos % 1000000000);
    return t;
}

/* sign 1: at least, -1: at most */
static int await(struct null_server *s, enum null_figure which, int64_t value, int sign)
{
    struct timespec end = real_after(INT64_C(10000000000));
    int there, late = 0;
    pthread_mutex_lock(&s->lock);
    while (!(there = s->figures[which] * sign >= value * sign) && !late)
        late = pthread_cond_timedwait(&s->watch, &s->lock, &end);
    pthread_mutex_unlock(&s->lock);
    return there;
}

int null_await_at_least(struct null_server *s, enum null_figure which, int64_t value)
{
    return await(s, which, value, 1);
}

int null_await_at_most(struct null_server *s, enum null_figure which, int64_t value)
{
    return await(s, which, value, -1);
}

size_t null_ledger(struct null_server *s, int64_t *out, size_t room)
{
    pthread_mutex_lock(&s->lock);
    size_t count = s->ledger.count;
    for (size_t i = 0; i < count && i < room; i++)
        out[i] = s->ledger.at[i];
    pthread_mutex_unlock(&s->lock);
    return count;
}

void null_fail(struct null_server *s, enum null_figure hook, unsigned times, const weir_error *as)
{
    if (hook >= NULL_HOOKS)
        return;
    pthread_mutex_lock(&s->lock);
    s->faults[hook].times = times;
    s->faults[hook].as = *as;
    pthread_mutex_unlock(&s->lock);
}

static void forget_data(struct null_server *s)
{
    s->ledger.count = 0;
    s->figures[NULL_COUNTER] = 0;
}

/* The server ends a session, or the client its part in a connect; both are dead then.  Any thread, with the server locked. */
void null_drop(struct null_server *s, struct null_conn *c)
{
    if (c->life == LIFE_OPEN) {
        null_count(s, NULL_SESSIONS, -1);
        if (!c->read_only)
            null_count(s, NULL_WRITERS, -1);
        if (s->knobs[NULL_VOLATILE] && !s->figures[NULL_SESSIONS])
            forget_data(s);
    }
    if (c->life != LIFE_NONE)
        c->life = LIFE_DEAD;
    null_wake(s);
}

size_t null_kill_locked(struct null_server *s, uint64_t session)
{
    size_t killed = 0;
    for (struct null_conn *c = s->conns; c; c = c->next) {
        if (c->life == LIFE_OPEN && (!session || c->session == session)) {
            null_drop(s, c);
            killed++;
        }
    }
    return killed;
}

size_t null_kill(struct null_server *s, uint64_t session)
{
    pthread_mutex_lock(&s->lock);
    size_t killed = session ? null_kill_locked(s, session) : 0;
    pthread_mutex_unlock(&s->lock);
    return killed;
}

size_t null_kill_all(struct null_server *s)
{
    pthread_mutex_lock(&s->lock);
    size_t killed = null_kill_locked(s, 0);
    pthread_mutex_unlock(&s->lock);
    return killed;
}

void null_set(struct null_server *s, enum null_knob knob, int64_t value)
{
    pthread_mutex_lock(&s->lock);
    s->knobs[knob] = value;
    if (knob == NULL_STATE && value == NULL_DOWN)
        null_kill_locked(s, 0);
    null_wake(s);
    pthread_mutex_unlock(&s->lock);
}

void null_server_use_clock(struct null_server *s, struct null_clock *clock)
{
    pthread_mutex_lock(&s->lock);
    s->clock = clock;
    null_wake(s);
    pthread_mutex_unlock(&s->lock);
}

void null_wake_all(const struct null_clock *clock)
{
    for (struct null_server *s = servers; s; s = s->next) {
        pthread_mutex_lock(&s->lock);
        if (s->clock == clock)
            null_wake(s);
        pthread_mutex_unlock(&s->lock);
    }
}

/* Why c cannot go on, WEIR_OK if it can.  c NULL: somebody without a session. */
static int trouble(const struct null_server *s, const struct null_conn *c)
{
    int life = c ? c->life : LIFE_OPENING;
    if (life == LIFE_DEAD || (c && c->interrupted))
        return WEIR_E_LOST;
    if (life == LIFE_OPENING && s->knobs[NULL_STATE] == NULL_DOWN)
        return WEIR_E_CONNECT;
    return c && c->cancelled ? WEIR_E_CANCELLED : WEIR_OK;
}

/* Lets go of the server until something changes or the moment, which is `ns` away, has come.  < 0: that will never be. */
static int pause_until(struct null_server *s, int64_t moment, int64_t ns)
{
    if (s->clock && s->clock->mode == NULL_CLOCK_AUTO) {
        struct null_clock *clock = s->clock;
        pthread_mutex_unlock(&s->lock);
        int more = null_clock_step(clock, moment);
        pthread_mutex_lock(&s->lock);
        return more ? 0 : -1;
    }
    if (s->clock || moment == INT64_MAX) {
        pthread_cond_wait(&s->wake, &s->lock);
    } else {
        struct timespec end = real_after(ns);
        pthread_cond_timedwait(&s->wake, &s->lock, &end);
    }
    return 0;
}

int null_is_silent(const struct null_server *s, const struct null_conn *c)
{
    int cut_off = c && c->life == LIFE_OPEN && (int64_t)c->session <= s->knobs[NULL_SILENT];
    return cut_off || s->knobs[NULL_STATE] == NULL_BLACK_HOLE;
}

/*
 * The one place where a hook waits: for `ns` to pass on the host's clock, and for the server to answer at all.  c NULL: for somebody
 * without a session.  WEIR_OK; WEIR_E_TIMEOUT: the deadline came first; otherwise what stopped it.  The server is locked.
 */
int null_wait(struct null_server *s, struct null_conn *c, const weir_host *host, int64_t ns, int64_t deadline_ns)
{
    int64_t now = host->now_ns(host->ctx);
    int64_t done = null_sum(now, ns);
    uint64_t seen = s->wakes;
    int status, waiting = 0;
    while ((status = trouble(s, c)) == WEIR_OK) {
        int64_t answer = null_is_silent(s, c) ? INT64_MAX : done;
        int64_t until = answer < deadline_ns ? answer : deadline_ns;
        if (now >= until) {
            status = answer <= deadline_ns ? WEIR_OK : WEIR_E_TIMEOUT;
            break;
        }
        if (!waiting++)
            null_count(s, NULL_WAITING, 1);
        const int stuck = pause_until(s, until, until - now) < 0;
        seen = look(s, seen);
        if (stuck) {
            status = WEIR_E_LOST;
            break;
        }
        now = host->now_ns(host->ctx);
    }
    if (waiting)
        null_count(s, NULL_WAITING, -1);
    return status;
}
