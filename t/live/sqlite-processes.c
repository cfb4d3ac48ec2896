/*
 * SQLite and other processes: they wait for each other, die in the middle of something, or come into being by fork.
 * SPDX-License-Identifier: MIT
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "talk.h"

static const char *self; /* this program, which also plays the others */
static char url[300];

/* ---- another process ---- */

struct other {
    pid_t pid;
    int in, out; /* what it hears, what it says */
};

static void hear(int fd, const char *who)
{
    char word;
    if (read(fd, &word, 1) != 1)
        tap_bail("%s has died", who);
}

static void say(int fd)
{
    if (write(fd, "x", 1) != 1)
        tap_bail("nobody listens");
}

/* Forks; the child continues with its ends of the pipes. */
static struct other part(void)
{
    int in[2], out[2];
    struct other o = { 0 };
    fflush(stdout);
    if (pipe(in) != 0 || pipe(out) != 0 || (o.pid = fork()) < 0)
        tap_bail("cannot fork");
    o.in = o.pid ? in[1] : in[0];
    o.out = o.pid ? out[0] : out[1];
    close(o.pid ? in[0] : in[1]);
    close(o.pid ? out[1] : out[0]);
    return o;
}

static struct other start(const char *role)
{
    struct other o = part();
    if (o.pid)
        return o;
    dup2(o.in, 0);
    dup2(o.out, 3);
    execl(self, self, role, url, (char *)NULL);
    _exit(127);
}

static int end(struct other *o)
{
    int status = -1;
    close(o->in);
    waitpid(o->pid, &status, 0);
    close(o->out);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000;
}

/* ---- the roles ---- */

#define OTHERS_COMMITS 300

static int count_up(weir_conn conn, void *arg, weir_error *err)
{
    weir_rows rows;
    (void)arg;
    int st = weir_query(&rows, conn, "SELECT n FROM counter", WEIR_NO_ARGS, LONG, err);
    if (st < 0 || (st = weir_rows_next(rows, err)) < 0)
        return st;
    const int64_t n = weir_rows_int(rows, 0);
    if ((st = weir_rows_close(&rows, err)) < 0)
        return st;
    return weir_exec(NULL, conn, "UPDATE counter SET n = ?", WEIR_ARGS(weir_int(n + 1)), LONG, err);
}

/* Returns how many failed. */
static int count_up_often(weir_db *db)
{
    int failed = 0;
    for (int i = 0; i < OTHERS_COMMITS; i++) {
        weir_error err;
        if (weir_transact(NULL, db, count_up, NULL, NULL, LONG, &err) < 0 && failed++ == 0)
            fprintf(stderr, "# %s\n", err.text);
    }
    return failed;
}

static int play_writer(weir_db *db)
{
    return count_up_often(db) != 0;
}

/* Holds the write lock until told to commit. */
static int play_holder(weir_db *db)
{
    weir_conn conn = talk_borrow(db, WEIR_WRITE);
    char word;
    while (read(0, &word, 1) == 1) {
        weir_begin(conn, NULL, LONG, NULL);
        talk_run(conn, "UPDATE counter SET n = n + 1000");
        say(3);
        hear(0, "the test");
        if (weir_commit(NULL, conn, LONG, NULL) < 0)
            return 1;
        say(3);
    }
    weir_release(&conn);
    return 0;
}

/* Is in the middle of a transaction, a part of which is on the disk already, when it dies. */
static int play_victim(weir_db *db)
{
    weir_conn conn = talk_borrow(db, WEIR_WRITE);
    weir_begin(conn, NULL, LONG, NULL);
    talk_run(conn, "UPDATE counter SET n = -1");
    talk_run(conn, "CREATE TABLE debris(a)");
    talk_run(conn, "INSERT INTO debris WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000) "
                   "SELECT hex(zeroblob(500)) FROM n");
    say(3);
    hear(0, "the test");
    return 1;
}

static int play(const char *role, const char *where)
{
    static const char *const small[] = { "cache_size", "16", NULL };
    weir_db *db = talk_open(where, small);
    const int failed = strcmp(role, "writer") == 0   ? play_writer(db)
                       : strcmp(role, "holder") == 0 ? play_holder(db)
                                                     : play_victim(db);
    weir_db_close(&db);
    return failed;
}

/* ---- waiting for each other ---- */

static int64_t counter(weir_db *db)
{
    return talk_db_ask(db, WEIR_READ, "SELECT n FROM counter");
}

static void *count_up_beside(void *arg)
{
    return (void *)(intptr_t)count_up_often(arg);
}

static void both_write(void)
{
    pthread_t threads[3];
    intptr_t failed = 0;
    void *result;
    weir_figures f = { .size = sizeof f };
    weir_db *db = talk_open(url, NULL);
    const int64_t before = counter(db);
    struct other one = start("writer"), two = start("writer");
    for (int i = 0; i < 3; i++)
        talk_start(&threads[i], count_up_beside, db);
    for (int i = 0; i < 3; i++) {
        pthread_join(threads[i], &result);
        failed += (intptr_t)result;
    }
    is_int(failed, 0, "three threads that write beside two other processes hear of no lock");
    ok(end(&one) == 0 && end(&two) == 0, "  nor do the processes");
    is_int(counter(db), before + (3 + 2) * OTHERS_COMMITS, "  and every transaction is there, once");
    weir_pool_figures(&f, weir_db_pool(db, 0));
    is_int(f.deadlocks_server, 0, "  none has read before another wrote, and then written");
    weir_db_close(&db);
}

static void *wait_in_line(void *arg)
{
    weir_error err = { .text = "" };
    if (weir_transact(NULL, arg, count_up, NULL, NULL, LONG, &err) < 0)
        tap_note("%s", err.text);
    return (void *)(intptr_t)err.status;
}

static void within_the_deadline(struct other *holder)
{
    pthread_t thread;
    void *status;
    weir_error err = { .text = "" };
    weir_outcome outcome;
    weir_db *db = talk_open(url, NULL);
    const int64_t before = talk_db_ask(db, WEIR_WRITE, "SELECT n FROM counter"); /* by the one that will write */
    say(holder->in);
    hear(holder->out, "the holder");
    const int64_t began = talk_now_ms();
    is_int(weir_transact(&outcome, db, count_up, NULL, NULL, weir_after_ms(100), &err), WEIR_E_LOCKED,
           "the lock of another process is waited for");
    ok(talk_now_ms() - began >= 99, "  until the deadline: %lld ms", (long long)(talk_now_ms() - began));
    is_int(outcome.state, WEIR_NOT_COMMITTED, "  and nothing is committed");
    is_int(counter(db), before, "  readers read on meanwhile");
    talk_start(&thread, wait_in_line, db);
    say(holder->in);
    hear(holder->out, "the holder");
    pthread_join(thread, &status);
    is_int((intptr_t)status, WEIR_OK, "who waits long enough gets it");
    is_int(counter(db), before + 1001, "  after the other");
    weir_db_close(&db);
}

/* A lock that is waited for in vain is a conflict: the whole transaction is run again. */
static void again_and_again(struct other *holder)
{
    static const char *const hasty[] = { "busy_timeout", "1ms", "transact_attempts", "1000", NULL };
    pthread_t thread;
    void *status;
    weir_db *db = talk_open(url, hasty);
    weir_figures f = { .size = sizeof f };
    const int64_t before = counter(db);
    say(holder->in);
    hear(holder->out, "the holder");
    talk_start(&thread, wait_in_line, db);
    TALK_UNTIL((weir_pool_figures(&f, weir_db_pool(db, 0)), f.retries >= 2));
    is_int(f.transactions, 0, "a transaction that meets a lock again and again");
    say(holder->in);
    hear(holder->out, "the holder");
    pthread_join(thread, &status);
    weir_pool_figures(&f, weir_db_pool(db, 0));
    is_int((intptr_t)status, WEIR_OK, "  is retried until it gets through, %llu times", (unsigned long long)f.retries);
    is_int(f.transactions, 1, "  and counted once");
    is_int(counter(db), before + 1001, "  and has happened once");
    weir_db_close(&db);
}

static int once(weir_conn conn, void *arg, weir_error *err)
{
    ++*(int *)arg;
    return count_up(conn, NULL, err);
}

static void as_often_as_allowed(struct other *holder)
{
    static const char *const hasty[] = { "busy_timeout", "1ms", NULL };
    const weir_transact_options three = { .size = sizeof three, .attempts = 3 };
    int runs = 0;
    weir_error err = { .text = "" };
    weir_outcome outcome;
    weir_db *db = talk_open(url, hasty);
    say(holder->in);
    hear(holder->out, "the holder");
    is_int(weir_transact(&outcome, db, once, &runs, &three, LONG, &err), WEIR_E_LOCKED, "three attempts are three");
    is_int(outcome.attempts, 3, "  and told");
    is_int(runs, 0, "  the body has not begun, for want of the lock");
    ok(err.flags & WEIR_RETRY_TRANSACTION, "  and the caller may try again: %s", err.text);
    say(holder->in);
    hear(holder->out, "the holder");
    weir_db_close(&db);
}

/* ---- dying ---- */

static void is_sound(const char *fact)
{
    weir_db *db = talk_open(url, NULL);
    weir_conn conn = talk_borrow(db, WEIR_WRITE);
    weir_rows rows = talk_first(conn, WEIR_NO_ARGS, "PRAGMA integrity_check");
    is_text(weir_rows_text(rows, 0), "ok", "%s", fact);
    weir_rows_close(&rows, NULL);
    weir_release(&conn);
    weir_db_close(&db);
}

static void killed(bool watched)
{
    weir_db *db = watched ? talk_open(url, NULL) : NULL;
    if (watched)
        counter(db);
    struct other victim = start("victim");
    hear(victim.out, "the victim");
    kill(victim.pid, SIGKILL);
    end(&victim);
    if (!watched)
        db = talk_open(url, NULL);
    ok(counter(db) > 0, "a process is killed in its transaction%s: what it changed is not there",
       watched ? " while others look on" : "");
    is_int(talk_db_ask(db, WEIR_WRITE, "SELECT count(*) FROM sqlite_master WHERE name = 'debris'"), 0,
           "  nor what it made");
    talk_db_run(db, "UPDATE counter SET n = n + 1");
    weir_db_close(&db);
    is_sound("  and the file is whole, and can be written");
}

/* ---- fork ---- */

enum { STALE_IS_TOLD = 1, SEES_COMMITTED = 2, WRITES = 4, MEMORY_SERVES = 8, WROTE_TO_THE_END = 16 };

/* In the child: `conn` and `db` are the parent's, who is in a transaction until it is told that the child is here. */
static int live_as_child(struct other *o, weir_db *db, weir_db *memory, weir_conn conn, int64_t committed)
{
    int good = 0;
    weir_error err;
    if (weir_exec(NULL, conn, "UPDATE counter SET n = -7", WEIR_NO_ARGS, LONG, &err) == WEIR_E_STALE)
        good |= STALE_IS_TOLD;
    weir_release(&conn);
    if (counter(db) == committed)
        good |= SEES_COMMITTED;
    say(o->out);
    if (weir_transact(NULL, db, count_up, NULL, NULL, LONG, &err) == WEIR_OK)
        good |= WRITES;
    talk_db_run(memory, "CREATE TABLE mine(a)");
    if (talk_db_ask(memory, WEIR_READ, "SELECT count(*) FROM mine") == 0)
        good |= MEMORY_SERVES;
    say(o->out);
    hear(o->in, "the parent"); /* which has closed everything */
    if (weir_transact(NULL, db, count_up, NULL, NULL, LONG, &err) == WEIR_OK)
        good |= WROTE_TO_THE_END;
    weir_db_close(&memory);
    weir_db_close(&db);
    return good;
}

static void forked(void)
{
    static const char *const alone[] = { "threads", "none", NULL };
    weir_db *db = talk_open(url, alone), *memory = talk_open("sqlite::memory:", alone);
    const int64_t before = counter(db);
    weir_conn conn = talk_borrow(db, WEIR_WRITE), held = talk_borrow(memory, WEIR_WRITE);
    weir_begin(conn, NULL, LONG, NULL);
    talk_run(conn, "UPDATE counter SET n = n + 100");
    weir_begin(held, NULL, LONG, NULL);
    talk_run(held, "CREATE TABLE mine(a)");
    struct other child = part();
    if (child.pid == 0)
        _exit(live_as_child(&child, db, memory, conn, before));
    hear(child.out, "the child");
    is_int(weir_commit(NULL, conn, LONG, NULL), WEIR_OK, "a transaction that was open at fork is committed");
    hear(child.out, "the child");
    is_int(talk_ask(conn, "SELECT n FROM counter"), before + 101, "  and the child has waited for it");
    is_int(weir_commit(NULL, held, LONG, NULL), WEIR_OK, "  so is one in memory");
    weir_release(&conn);
    weir_release(&held);
    weir_db_close(&memory);
    weir_db_close(&db);
    say(child.in);
    const int good = end(&child);
    ok(good & STALE_IS_TOLD, "in the child the parent's connections are stale");
    ok(good & SEES_COMMITTED, "  new ones see what was committed, and no more");
    ok(good & WRITES, "  and write, when the parent is done");
    ok(good & MEMORY_SERVES, "  a memory database begins anew");
    ok(good & WROTE_TO_THE_END, "  and there is writing also when the parent has closed its database");
    db = talk_open(url, NULL);
    is_int(counter(db), before + 102, "all of which is there");
    weir_db_close(&db);
    is_sound("and the file is whole");
}

int main(int argc, char **argv)
{
    self = argv[0];
    if (argc == 3)
        return play(argv[1], argv[2]);
    snprintf(url, sizeof url, "sqlite:%s/processes.db", tap_folder());
    weir_db *db = talk_open(url, NULL);
    talk_db_run(db, "CREATE TABLE counter(n INTEGER)");
    talk_db_run(db, "INSERT INTO counter VALUES (1)");
    weir_db_close(&db);
    forked();
    both_write();
    struct other holder = start("holder");
    within_the_deadline(&holder);
    again_and_again(&holder);
    as_often_as_allowed(&holder);
    is_int(end(&holder), 0, "who held the lock has committed each time");
    killed(false);
    killed(true);
    return tap_done();
}
