/*
 * Level 16: fork, a thousand times, whatever the pool is doing at that moment.  The parent sees no error; the child's pool is empty and
 * usable, its handles are stale, and nothing is said on a connection that it has inherited: each is abandoned, and that is all.
 * SPDX-License-Identifier: MIT
 */
#include <sys/wait.h>
#include <unistd.h>
#include "rig.h"

#define WORKERS 3

static atomic_bool working;
static atomic_int failures, loans;
static weir_conn held; /* by the thread that forks */

/* Dirty sessions, discards, waiting for each other: all that a pool has to do. */
static void *work(void *arg)
{
    static const char *const statements[] = { "ADD 1", "DIRTY", "ROWS 3", "BEGIN" };
    int number = *(int *)arg;
    for (int i = number; working; i++) {
        weir_conn conn;
        weir_error mine;
        if (weir_acquire(&conn, db, i % 3 ? WEIR_WRITE : WEIR_READ, weir_after_ms(3600000), &mine) < 0) {
            failures++;
            continue;
        }
        const char *sql = i % 3 ? statements[i % 4] : "COUNTER";
        failures += weir_exec(NULL, conn, sql, WEIR_NO_ARGS, weir_never(), &mine) < 0;
        if (i % 7 == 0)
            weir_discard(&conn);
        weir_release(&conn);
        loans++;
    }
    return NULL;
}

struct seen {
    int64_t hooks[NULL_HOOKS];
};

static struct seen look(void)
{
    struct seen s;
    for (int i = 0; i < NULL_HOOKS; i++)
        s.hooks[i] = null_figure(server, (enum null_figure)i);
    return s;
}

/* Returns what is wrong, 0 if nothing is. */
static int child(int64_t inherited)
{
    weir_conn conn, stale = held;
    alarm(60);
    struct seen before = look();
    weir_figures f = figures();
    if (f.idle + f.used + f.opening + f.resetting + f.closing + f.waiting)
        return 1; /* not empty */
    if (run(stale, "ADD 1") != WEIR_E_STALE)
        return 2;
    weir_release(&stale);
    if (strcmp(state(), "up") != 0)
        return 3;
    if (take(&conn, WEIR_WRITE, 3600000) < 0)
        return 4;
    if (run(conn, "ADD 1") < 0)
        return 5;
    weir_release(&conn);
    struct seen after = look();
    for (int i = 0; i < NULL_HOOKS; i++) {
        int64_t calls = after.hooks[i] - before.hooks[i];
        bool own = i == NULL_OPENS || i == NULL_PREPARES || i == NULL_RUNS;
        if (i == NULL_ABANDONS ? calls > inherited : calls != own)
            return 10 + i;
    }
    f = figures();
    return f.opened == 1 && f.idle == 1 ? 0 : 6;
}

static int fork_once(void)
{
    int status = -1;
    int64_t inherited = 20; /* at most */
    pid_t pid = fork();
    if (pid == 0)
        _exit(child(inherited));
    if (pid < 0 || waitpid(pid, &status, 0) != pid)
        return -1;
    return status;
}

/* A child may find a lock of the sanitizer's own taken, by a thread that it does not have: there, the one that forks is alone. */
static void fork_often(const char *url, int times, const char *what)
{
    const int workers = UNDER_SANITIZER ? 0 : WORKERS;
    pthread_t threads[WORKERS];
    int numbers[WORKERS];
    rig_open(NULL_CLOCK_MANUAL, url);
    take(&held, WEIR_WRITE, 1000);
    failures = loans = 0;
    working = true;
    if (workers)
        flow(true);
    for (int i = 0; i < workers; i++) {
        numbers[i] = i;
        pthread_create(&threads[i], NULL, work, &numbers[i]);
    }
    int wrong = 0, last = 0;
    for (int i = 0; i < times; i++) {
        int status = fork_once();
        wrong += status != 0;
        last = status ? status : last;
    }
    working = false;
    for (int i = 0; i < workers; i++)
        pthread_join(threads[i], NULL);
    if (workers)
        flow(false);
    is_int(wrong, 0, "%s: %d children have a pool of their own, and leave the parent's alone", what, times);
    if (wrong)
        tap_note("  the last that did not: %s %d", WIFEXITED(last) ? "exit" : "signal",
                 WIFEXITED(last) ? WEXITSTATUS(last) : WTERMSIG(last));
    is_int(failures, 0, "the parent sees no error in %d loans", (int)loans);
    is_int(run(held, "ADD 1"), WEIR_OK, "and its handles are good");
    weir_release(&held);
    rig_close();
}

/* A question is under way, and a connect, and somebody waits for them. */
static void while_asking(void)
{
    struct caller c;
    rig_open(NULL_CLOCK_MANUAL, "null://level-16/db?pool_size=5&probe_timeout=5s");
    fill(3, WEIR_WRITE);
    take(&held, WEIR_READ, 1000);
    pass(1000);
    null_set(server, NULL_STATE, NULL_BLACK_HOLE);
    pass(5100);
    callers_begin(&c, 1, WEIR_READ, 3600000, NULL);
    until(null_figure(server, NULL_WAITING) == 2 && figures().waiting == 1);
    null_set(server, NULL_QUERY_DELAY, 0);
    int status = -1;
    pid_t pid = fork();
    if (pid == 0) {
        null_set(server, NULL_STATE, NULL_UP);
        _exit(child(20));
    }
    waitpid(pid, &status, 0);
    is_int(status, 0, "a child of that has a pool that is up, and leaves what is under way alone");
    null_set(server, NULL_STATE, NULL_UP);
    await(c.done && c.status == WEIR_OK, "in the parent, it ends as it would have");
    callers_end(&c, 1);
    weir_release(&held);
    rig_close();
}

int main(void)
{
    if (!UNDER_SANITIZER) {
        fork_often("null://level-16/db?pool_size=6", 1000, "with threads");
        while_asking();
    }
    fork_often("null://level-16/db?pool_size=6&threads=none", 200, "without threads");
    return tap_done();
}
