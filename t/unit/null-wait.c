/*
 * How the null driver waits: by a scripted clock or the real one, until a deadline, a cancel, an interrupt or its server ends it; with
 * other threads, and over a fork.
 * SPDX-License-Identifier: MIT
 */
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "null-rig.h"

/* Hooks on a thread of their own. */
struct task {
    pthread_t thread;
    void *conn;
    const char *text;
    void *stmt; /* here, not on the thread's stack, where a child of fork would have lost it */
    int status;
};

static void *run_task(void *arg)
{
    struct task *t = arg;
    weir_error mine;
    size_t params, columns;
    t->status = sql->prepare(t->conn, &t->stmt, &params, &columns, t->text, SOON, &mine);
    if (t->status == WEIR_OK) {
        t->status = sql->run(t->conn, t->stmt, WEIR_NO_ARGS, 0, SOON, &mine);
        sql->forget(t->conn, t->stmt);
    }
    return NULL;
}

/* Begins a statement elsewhere, and returns when it waits for the server. */
static void begin_task(struct task *t, void *conn, const char *server, const char *text)
{
    *t = (struct task){ .conn = conn, .text = text };
    if (pthread_create(&t->thread, NULL, run_task, t))
        tap_bail("no thread");
    if (!null_await_at_least(null_server(server), NULL_WAITING, 1))
        tap_bail("'%s' does not wait", text);
}

static int end_task(struct task *t)
{
    pthread_join(t->thread, NULL);
    return t->status;
}

/* Time that passes when somebody waits for it. */
static void clock_of_one_thread(void)
{
    struct null_server *s = null_server("auto");
    struct null_clock clock;
    null_clock_init(&clock, 1000 * MS, NULL_CLOCK_AUTO);
    null_server_use_clock(s, &clock);
    scripted = &clock;
    null_set(s, NULL_CONNECT_DELAY, 150 * MS);
    setting("query_delay", "1.5ms");
    void *a = writer("auto"), *b = room();
    is_int(clock.now_ns, 1150 * MS, "a connect takes its delay");
    is_int(say(a, "SLEEP 5ms"), WEIR_OK, "SLEEP 5ms");
    is_int(clock.now_ns, 1150 * MS + 6500000, "takes 5 ms, and the query delay");
    int64_t start = clock.now_ns;
    is_int(say_by(a, "SLEEP 1h", start + 10 * MS), WEIR_E_TIMEOUT, "a deadline stops a SLEEP");
    ok(clock.now_ns == start + 10 * MS && null->alive(a), "when it has come, and the session lives");
    is_int(say_by(a, "ROWS 1", start), WEIR_E_TIMEOUT, "a deadline that has passed is seen at once");
    is_int(dial(b, "auto", 0, clock.now_ns + MS), WEIR_E_CONNECT, "a connect that takes too long fails");
    ok(!strcmp(err.text, "no answer from the null server before the deadline"), "for want of an answer");
    null_set(s, NULL_STATE, NULL_BLACK_HOLE);
    start = clock.now_ns;
    is_int(null->ping(a, start + 30 * MS, &err), WEIR_E_TIMEOUT, "a black hole does not answer");
    ok(clock.now_ns == start + 30 * MS && err.flags & WEIR_CONNECTION_DEAD, "and the connection is no good then");
    hang_up(a);
    hang_up(b);
    a = room();
    is_int(dial(a, "auto", 0, SOON), WEIR_E_LOST, "a wait that nothing can end ends all the same");
    hang_up(a);
    setting("query_delay", "0s");
    scripted = NULL;
}

static void bring_up(void *server)
{
    null_set(server, NULL_STATE, NULL_UP);
}

static void kill_them(void *server)
{
    null_kill_all(server);
}

static void events(void)
{
    struct null_server *s = null_server("events");
    struct null_clock clock;
    null_clock_init(&clock, 0, NULL_CLOCK_AUTO);
    null_server_use_clock(s, &clock);
    scripted = &clock;
    struct null_event up = { .at_ns = 40 * MS, .run = bring_up, .arg = s };
    struct null_event death = { .at_ns = 90 * MS, .run = kill_them, .arg = s };
    null_clock_at(&clock, &death);
    null_clock_at(&clock, &up);
    null_set(s, NULL_STATE, NULL_BLACK_HOLE);
    void *a = writer("events");
    is_int(clock.now_ns, 40 * MS, "a black hole that ends lets a connect through");
    is_int(say(a, "SLEEP 1s"), WEIR_E_LOST, "a server that dies under a statement");
    is_int(clock.now_ns, 90 * MS, "is noticed at that moment");
    hang_up(a);
    up.at_ns = death.at_ns = 100 * MS;
    null_clock_at(&clock, &death);
    null_clock_at(&clock, &up);
    a = writer("events");
    null_clock_advance(&clock, 10 * MS);
    ok(!clock.events && !null->alive(a), "advancing plays all that is due");
    is_int(clock.now_ns, 100 * MS, "and stops where it was told to");
    hang_up(a);
    scripted = NULL;
}

static void clock_by_hand(void)
{
    struct null_server *s = null_server("manual");
    struct null_clock clock;
    struct task task;
    null_clock_init(&clock, 0, NULL_CLOCK_MANUAL);
    null_server_use_clock(s, &clock);
    scripted = &clock;
    void *a = writer("manual");
    begin_task(&task, a, "manual", "SLEEP 10ms");
    null_clock_advance(&clock, 9 * MS);
    is_int(null_figure(s, NULL_WAITING), 1, "9 ms are not enough for SLEEP 10ms");
    null_clock_advance(&clock, MS);
    is_int(end_task(&task), WEIR_OK, "one more is");
    is_int(null_figure(s, NULL_WAITING), 0, "and nobody waits any more");
    hang_up(a);
    scripted = NULL;
}

static void stopping(void)
{
    struct null_server *s = null_server("stopping");
    struct task task;
    void *a = writer("stopping"), *key = null->cancel_prepare(a);
    is_int(null->cancel(key, SOON, &err), WEIR_OK, "with nothing running, a cancel is no failure");
    is_int(say(a, "ADD 1"), WEIR_OK, "and does not reach the next statement");
    begin_task(&task, a, "stopping", "SLEEP 1h");
    is_int(null->cancel(key, SOON, &err), WEIR_OK, "while one runs");
    is_int(end_task(&task), WEIR_E_CANCELLED, "it is cancelled");
    ok(null->alive(a) && say(a, "ADD 1") == WEIR_OK, "and the session goes on");
    void *stmt = prepared(a, "ROWS 9");
    sql->run(a, stmt, WEIR_NO_ARGS, 1, SOON, &err);
    null->cancel(key, SOON, &err);
    is_int(row_next(sql, a, SOON, &err), WEIR_E_CANCELLED, "an open result is cancelled, too");
    sql->abandon(a);
    sql->forget(a, stmt);
    begin_task(&task, a, "stopping", "SLEEP 1h");
    null->interrupt(a);
    is_int(end_task(&task), WEIR_E_LOST, "an interrupt ends it and the connection");
    ok(!null->alive(a), "which is dead then");
    is_int(null->cancel(key, SOON, &err), WEIR_OK, "a cancel that comes too late is no failure");
    null_set(s, NULL_STATE, NULL_BLACK_HOLE);
    is_int(null->cancel(key, host_now(NULL), &err), WEIR_E_TIMEOUT, "into a black hole it is one");
    null_set(s, NULL_STATE, NULL_DOWN);
    is_int(null->cancel(key, SOON, &err), WEIR_E_CONNECT, "to a server that is down as well");
    is_int(null_figure(s, NULL_OVERLAPS), 0, "cancel and interrupt are no overlap");
    hang_up(a);
    a = room();
    null_set(s, NULL_STATE, NULL_UP);
    null->interrupt(a);
    is_int(dial(a, "stopping", 0, SOON), WEIR_E_LOST, "an interrupt that comes before its open is remembered");
    hang_up(a);
}

static void overlaps(void)
{
    struct null_server *s = null_server("overlaps");
    struct task task;
    void *a = writer("overlaps");
    begin_task(&task, a, "overlaps", "SLEEP 1h");
    null->alive(a);
    is_int(null_figure(s, NULL_OVERLAPS), 1, "two hooks at once on a connection are noticed");
    null_kill_all(s);
    is_int(end_task(&task), WEIR_E_LOST, "a killed session ends its statement");
    hang_up(a);
}

static void real_time(void)
{
    void *a = writer("real");
    int64_t start = host_now(NULL);
    is_int(say(a, "SLEEP 2ms"), WEIR_OK, "in real time");
    ok(host_now(NULL) - start >= 2 * MS, "SLEEP 2ms takes as long");
    start = host_now(NULL);
    is_int(say_by(a, "SLEEP 1h", start + 2 * MS), WEIR_E_TIMEOUT, "and a deadline ends a longer one");
    ok(host_now(NULL) - start >= 2 * MS, "not before its moment");
    hang_up(a);
}

static void *in_the_black_hole(void *arg)
{
    weir_error mine;
    weir_target target = { .size = sizeof target, .host = "handshakes" };
    null->open(arg, &host, &target, SOON, &mine);
    return NULL;
}

static void handshakes(void)
{
    struct null_server *s = null_server("handshakes");
    pthread_t threads[2];
    void *conns[2] = { room(), room() };
    null_set(s, NULL_STATE, NULL_BLACK_HOLE);
    for (int i = 0; i < 2; i++)
        if (pthread_create(&threads[i], NULL, in_the_black_hole, conns[i]))
            tap_bail("no thread");
    ok(null_await_at_least(s, NULL_HANDSHAKES, 2), "two connects are under way");
    null->interrupt(conns[0]);
    pthread_join(threads[0], NULL);
    is_int(null_figure(s, NULL_SESSIONS), 0, "an interrupted one comes to nothing");
    null_set(s, NULL_STATE, NULL_UP);
    pthread_join(threads[1], NULL);
    is_int(null_figure(s, NULL_SESSIONS), 1, "the other gets through when the server is back");
    is_int(null_figure(s, NULL_HANDSHAKES_MOST), 2, "two was the most");
    ok(null_await_at_most(s, NULL_HANDSHAKES, 0), "now there is none");
    hang_up(conns[0]);
    hang_up(conns[1]);
}

/* In the child: the locks are free, what was inherited can be abandoned, a new connection opened. */
static int child(void *idle, void *busy)
{
    struct null_server *s = null_server("fork");
    null->abandon(idle);
    null->abandon(busy);
    int good = null_figure(s, NULL_SESSIONS) == 0 && null_figure(s, NULL_PREPARED) == 0;
    void *conn = writer("fork");
    good = good && ask(conn, "COUNTER") == 5 && null_figure(s, NULL_OVERLAPS) == 0;
    hang_up(conn);
    free(idle);
    free(busy);
    return good ? 0 : 1;
}

static void forking(void)
{
    struct task task;
    void *a = writer("fork"), *b = writer("fork");
    int status = -1;
    say(a, "ADD 5");
    begin_task(&task, b, "fork", "SLEEP 1h");
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0)
        _exit(child(a, b));
    waitpid(pid, &status, 0);
    is_int(status, 0, "a child can leave what it inherited, in use or not, and begin anew");
    ok(ask(a, "COUNTER") == 5 && null->alive(b), "of which the parent notices nothing");
    null_kill_all(null_server("fork"));
    is_int(end_task(&task), WEIR_E_LOST, "its other threads go on");
    hang_up(a);
    hang_up(b);
}

int main(void)
{
    rig_begin();
    clock_of_one_thread();
    events();
    clock_by_hand();
    stopping();
    overlaps();
    real_time();
    handshakes();
    forking();
    return rig_end();
}
