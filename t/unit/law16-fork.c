/*
 * Law 16: in the child of a fork all pools are empty and usable, and what was inherited is left alone: nothing is sent or closed on a
 * session that is the parent's, who notices nothing.
 *
 * The null driver's figures tell which hooks were called: in the child those of the parent's world as the fork found it, and what the
 * child has added.
 * SPDX-License-Identifier: MIT
 */
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>
#include "../api/rig.h"
#include "../../backends/null/null.h"

/* The thread sanitizer would end a child that makes threads. */
const char *__tsan_default_options(void);
const char *__tsan_default_options(void)
{
    return "die_after_fork=0";
}

/*
 * The address sanitizer's allocator, unlike the C library's, does not survive a fork while another thread is in it.  So nobody is when
 * a process is forked, and as threads that begin are, the library makes none under it.
 */
#if defined(__SANITIZE_ADDRESS__)
#    define MODE_MIN 1
#elif defined(__has_feature)
#    if __has_feature(address_sanitizer)
#        define MODE_MIN 1
#    endif
#endif
#ifndef MODE_MIN
#    define MODE_MIN 0
#endif

static pthread_mutex_t heap = PTHREAD_MUTEX_INITIALIZER;

static void heap_lock(void)
{
    pthread_mutex_lock(&heap);
}

static void heap_unlock(void)
{
    pthread_mutex_unlock(&heap);
}

static void *heap_realloc(void *arg, void *block, size_t size)
{
    (void)arg;
    heap_lock();
    void *got = size ? realloc(block, size) : (free(block), NULL);
    heap_unlock();
    return got;
}

static weir_db *db;
static struct null_server *server;

static void open_with(const char *mode, const char *rest)
{
    static int servers;
    const weir_hooks hooks = { .size = sizeof hooks, .realloc = heap_realloc };
    char name[32];
    snprintf(name, sizeof name, "fork-%d", ++servers);
    server = null_server(name);
    db = open_db(&hooks, "null://%s/db?threads=%s&%s", name, mode, rest);
}

/* How many facts do not hold in a child. */
static int wrong;

static void must(int fact, const char *what)
{
    wrong += !fact;
    if (!fact)
        tap_note("in the child it does not hold that %s (%s)", what, err.text);
}

/* It tells by a pipe, and dies where it stands: what it cannot free is no leak to be looked for. */
static void be_child(void (*facts)(void), int out)
{
    alarm(120);
    wrong = 0;
    facts();
    fflush(stdout);
    if (write(out, &wrong, sizeof wrong) == sizeof wrong)
        raise(SIGKILL);
    _exit(1);
}

static int in_child(void (*facts)(void))
{
    int ends[2], found = -1;
    fflush(stdout);
    if (pipe(ends) != 0)
        tap_bail("no pipe");
    pid_t child = fork();
    if (child == 0)
        be_child(facts, ends[1]);
    close(ends[1]);
    if (read(ends[0], &found, sizeof found) != sizeof found)
        found = -1;
    close(ends[0]);
    if (child < 0 || waitpid(child, NULL, 0) != child)
        tap_bail("no child");
    return found;
}

/* ---- connections in every condition */

static weir_conn lent, busy;
static int64_t closes, abandons, others;

/* Calls of all hooks that send something. */
static int64_t hooks_called(void)
{
    int64_t sum = 0;
    for (int hook = 0; hook < NULL_HOOKS; hook++)
        sum += hook == NULL_CLOSES || hook == NULL_ABANDONS ? 0 : null_figure(server, (enum null_figure)hook);
    return sum;
}

static void *sleep_on_it(void *arg)
{
    (void)arg;
    return (void *)(intptr_t)run(busy, "SLEEP 1h");
}

static void *wait_for_one(void *arg)
{
    weir_conn conn;
    (void)arg;
    int status = weir_acquire(&conn, db, WEIR_WRITE, LONG, &err);
    weir_release(&conn);
    return (void *)(intptr_t)status;
}

static void child_of_all_conditions(void)
{
    weir_conn copy = lent;
    weir_figures f = figures(db);
    must(f.idle + f.used + f.opening + f.resetting + f.closing + f.waiting == 0, "the pool is empty");
    must(f.opened + f.closed + f.acquired + f.connect_failed == 0, "nothing is counted");
    must(run(lent, "ADD 1") == WEIR_E_STALE, "the parent's handle is stale");
    must(run(busy, "ADD 1") == WEIR_E_STALE, "also one that is in a call");
    must(weir_cancel(busy, &err) == WEIR_E_STALE, "there is nothing to cancel");
    weir_release(&copy);
    weir_discard(&busy);
    must(null_figure(server, NULL_CLOSES) == closes && hooks_called() == others,
         "nothing was called on what is inherited");
    must(null_figure(server, NULL_ABANDONS) - abandons == 3, "but to abandon what was open");
    null_set(server, NULL_STATE, NULL_UP);
    weir_conn conn = take(db, WEIR_WRITE);
    must(run(conn, "ADD 1") == WEIR_OK && figures(db).opened == 1, "a connection of its own works");
    weir_release(&conn);
    must(null_figure(server, NULL_OVERLAPS) == 0, "hooks do not overlap");
    weir_db_close(&db);
}

static void all_conditions(const char *mode)
{
    void *status;
    open_with(mode, "pool_size=4&write_reserve=0&connect_timeout=1h");
    weir_conn idle = take(db, WEIR_READ);
    int64_t idle_session = ask(idle, "SESSION");
    weir_release(&idle);
    lent = take(db, WEIR_WRITE);
    busy = take(db, WEIR_WRITE);
    int64_t lent_session = ask(lent, "SESSION");
    pthread_t sleeper = begin(sleep_on_it, NULL);
    null_await_at_least(server, NULL_WAITING, 1);
    null_set(server, NULL_STATE, NULL_BLACK_HOLE);
    pthread_t waiter = begin(wait_for_one, NULL);
    null_await_at_least(server, NULL_HANDSHAKES, 1);

    closes = null_figure(server, NULL_CLOSES);
    abandons = null_figure(server, NULL_ABANDONS);
    others = hooks_called();
    weir_figures f = figures(db);
    ok(f.idle == 1 && f.used == 2 && f.opening == 1 && f.waiting == 1,
       "threads=%s: one connection is idle, one lent, one in a call, one under way to a waiter", mode);
    is_int(in_child(child_of_all_conditions), 0,
           "a child has an empty pool that works, and leaves the parent's sessions alone");
    ok(null_figure(server, NULL_CLOSES) == closes && null_figure(server, NULL_ABANDONS) == abandons,
       "nothing was closed in the parent");
    null_set(server, NULL_STATE, NULL_UP);
    pthread_join(waiter, &status);
    is_int((intptr_t)status, WEIR_OK, "whose connect comes to its end");
    is_int(ask(lent, "SESSION"), lent_session, "  whose loan goes on");
    is_int(weir_cancel(busy, &err), WEIR_OK, "  whose call goes on until it is cancelled");
    pthread_join(sleeper, &status);
    is_int((intptr_t)status, WEIR_E_CANCELLED, "  by itself");
    idle = take(db, WEIR_READ);
    is_int(ask(idle, "SESSION"), idle_session, "  and whose idle session serves on");
    ok(figures(db).lost == 0 && null_figure(server, NULL_CLOSES) == closes, "none was lost");
    weir_release(&idle);
    weir_release(&busy);
    weir_release(&lent);
    weir_db_close(&db);
}

/* ---- handles and databases that are being left */

static weir_conn last;

static void child_of_closed(void)
{
    weir_conn copy = last;
    must(run(copy, "ADD 1") == WEIR_E_STALE, "a handle of a closed database is stale");
    weir_release(&copy);
    copy = last;
    weir_release(&copy);
    must(run(last, "ADD 1") == WEIR_E_STALE, "and stays so");
}

static void closed_before(const char *mode)
{
    open_with(mode, "pool_size=4");
    last = take(db, WEIR_WRITE);
    weir_db_close(&db);
    is_int(in_child(child_of_closed), 0, "threads=%s: the child of one that has closed its database holds nothing",
           mode);
    is_int(run(last, "ADD 1"), WEIR_E_CLOSED, "while its parent still does");
    weir_release(&last);
}

static void child_of_shut_down(void)
{
    weir_conn conn;
    must(weir_acquire(&conn, db, WEIR_WRITE, LONG, &err) == WEIR_E_CLOSED, "what was shut down stays so");
    weir_db_close(&db);
}

static void shut_down_before(const char *mode)
{
    open_with(mode, "pool_size=4");
    weir_conn conn = take(db, WEIR_WRITE);
    weir_db_shutdown(db, weir_at_once(), NULL);
    is_int(in_child(child_of_shut_down), 0, "threads=%s: a child of a database that is shut down", mode);
    weir_release(&conn);
    weir_db_close(&db);
}

static void close_only(void)
{
    weir_db_close(&db);
}

static void grandchild(void)
{
    weir_conn conn = take(db, WEIR_WRITE);
    must(ask(conn, "COUNTER") == 3, "a grandchild has a world of its own");
    weir_release(&conn);
    weir_db_close(&db);
}

static void child_that_forks(void)
{
    weir_conn conn = take(db, WEIR_WRITE);
    must(run(conn, "ADD 2") == WEIR_OK, "the child writes");
    must(in_child(grandchild) == 0, "and has children");
    must(in_child(close_only) == 0, "that need not use what they inherit");
    must(ask(conn, "COUNTER") == 3, "it goes on itself");
    weir_release(&conn);
    weir_db_close(&db);
}

static void generations(const char *mode)
{
    open_with(mode, "pool_size=4");
    weir_conn conn = take(db, WEIR_WRITE);
    run(conn, "ADD 1");
    is_int(in_child(child_that_forks), 0, "threads=%s: children have children", mode);
    is_int(ask(conn, "COUNTER"), 1, "of which the first of them notices nothing");
    weir_release(&conn);
    weir_db_close(&db);
}

/* ---- many threads, many forks */

static void *use_it(void *arg)
{
    weir_conn conn;
    (void)arg;
    if (weir_acquire(&conn, db, WEIR_WRITE, LONG, &err) < 0 || run(conn, "ADD 1") < 0)
        return (void *)1;
    weir_release(&conn);
    return NULL;
}

/* All of them find the pool at the same moment, and one remakes it. */
static void child_with_threads(void)
{
    pthread_t threads[4];
    for (int i = 0; i < 4; i++)
        threads[i] = begin(use_it, NULL);
    for (int i = 0; i < 4; i++) {
        void *failed;
        pthread_join(threads[i], &failed);
        must(!failed, "each of its threads is served");
    }
    must(null_figure(server, NULL_OVERLAPS) == 0 && figures(db).used == 0, "one at a time");
    weir_db_close(&db);
}

static atomic_int stop, mistakes, rounds[4];

static void *keep_using(void *arg)
{
    unsigned state = (unsigned)(uintptr_t)arg, number = state;
    for (; !stop; atomic_fetch_add(&rounds[number], 1)) {
        weir_conn conn;
        if (weir_acquire(&conn, db, dice(&state, 2) ? WEIR_READ : WEIR_WRITE, LONG, &err) < 0)
            atomic_fetch_add(&mistakes, 1);
        else if (run(conn, dice(&state, 4) ? "SESSION" : "DIRTY") < 0)
            atomic_fetch_add(&mistakes, 1);
        if (dice(&state, 8) == 0)
            weir_discard(&conn);
        weir_release(&conn);
    }
    return NULL;
}

static void many(const char *mode)
{
    pthread_t threads[4];
    int bad = 0;
    open_with(mode, "pool_size=3");
    atomic_store(&stop, 0);
    for (size_t i = 0; i < 4; i++) {
        threads[i] = begin(keep_using, (void *)i);
        int before = rounds[i];
        AWAIT(rounds[i] > before);
    }
    for (int i = 0; i < 60; i++)
        bad += in_child(i % 2 ? child_with_threads : close_only) != 0;
    atomic_store(&stop, 1);
    for (int i = 0; i < 4; i++)
        end(threads[i]);
    is_int(bad, 0, "threads=%s: sixty forks from a busy process, and all children are well", mode);
    is_int(mistakes, 0, "so is the parent");
    ok(figures(db).lost == 0 && null_figure(server, NULL_OVERLAPS) == 0, "none of its sessions was touched");
    weir_db_close(&db);
}

int main(void)
{
    pthread_atfork(heap_lock, heap_unlock, heap_unlock); /* before the null driver's own, and so taken after those */
    for (const char *const *mode = modes + MODE_MIN; mode < modes + 2; mode++) {
        all_conditions(*mode);
        closed_before(*mode);
        shut_down_before(*mode);
        generations(*mode);
        many(*mode);
    }
    return tap_done();
}
