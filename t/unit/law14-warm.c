/*
 * Law 14: lending and taking back a warm, clean connection allocates nothing, takes no lock, enters no kernel, and reads a clock only
 * for the few loans that are timed.
 *
 * The linker puts the functions below in the place of pthread_mutex_lock (--wrap), and the kernel kills a thread in seccomp's strict
 * mode at its first system call but read, write and exit.
 * SPDX-License-Identifier: MIT
 */
#ifdef HAVE_LINUX_SECCOMP_H
#    include <poll.h>
#    include <signal.h>
#    include <sys/prctl.h>
#    include <sys/syscall.h>
#    include <sys/wait.h>
#    include <unistd.h>
#    include <linux/seccomp.h>
#endif
#include "../api/rig.h"

#define LOANS 100000

/* What this thread has done; each counts its own. */
static _Thread_local struct done {
    long locks, blocks, clocks;
} done;

int __real_pthread_mutex_lock(pthread_mutex_t *mutex);
int __wrap_pthread_mutex_lock(pthread_mutex_t *mutex);

int __wrap_pthread_mutex_lock(pthread_mutex_t *mutex)
{
    done.locks++;
    return __real_pthread_mutex_lock(mutex);
}

static void *count_blocks(void *arg, void *block, size_t size)
{
    (void)arg;
    done.blocks++;
    if (size)
        return realloc(block, size);
    free(block);
    return NULL;
}

/* Stands still, so that maintenance has nothing to do meanwhile. */
static int64_t count_clocks(void *arg)
{
    (void)arg;
    done.clocks++;
    if (!moves_clock)
        atomic_fetch_add(&clock_looks, 1);
    return 1000 * MS;
}

static const weir_hooks hooks = { .size = sizeof hooks, .realloc = count_blocks, .now_ns = count_clocks };

static void lend(weir_db *db, unsigned how, int loans)
{
    weir_conn conn;
    for (int i = 0; i < loans; i++) {
        if (weir_acquire(&conn, db, how, weir_after_ms(1000), &err) < 0)
            tap_bail("%s", err.text);
        weir_release(&conn);
    }
}

/* Maintenance has done what there was for it: when it has looked three times, every real millisecond, it has had a whole turn. */
static void let_maintenance_rest(void)
{
    const unsigned looks = atomic_load(&clock_looks);
    if (has_threads)
        AWAIT(atomic_load(&clock_looks) - looks >= 3);
}

/*
 * A db that is warm: connected, and past the loans of a new connection that are all timed.  If maintenance has gone to sleep after these,
 * the next ones wake it, and it stays awake while the clock stands still.
 */
static weir_db *warm_db(const char *mode)
{
    static const int loans[] = { 100, 1 };
    moves_clock = 1;
    weir_db *db = open_db(&hooks, "null://warm-%s/db?threads=%s", mode, mode);
    for (int i = 0; i < 2; i++) {
        lend(db, WEIR_READ, loans[i]);
        lend(db, WEIR_WRITE, loans[i]);
        let_maintenance_rest();
    }
    return db;
}

static void counted(const char *mode)
{
    weir_db *db = warm_db(mode);
    ok(done.locks > 0 && done.blocks > 0 && done.clocks > 0, "threads=%s: what is counted happens when connecting",
       mode);
    done = (struct done){ 0 };
    lend(db, WEIR_READ, LOANS / 2);
    lend(db, WEIR_WRITE, LOANS / 2);
    is_int(done.locks, 0, "in a hundred thousand warm loans no lock is taken");
    is_int(done.blocks, 0, "no memory is asked for");
    ok(done.clocks > 0 && done.clocks <= LOANS / 64 * 2 + 4, "and a clock is read for one in 64: %ld times",
       done.clocks);
    weir_db_close(&db);
}

#ifdef HAVE_LINUX_SECCOMP_H

/* The work of a child: what it may not do kills it before it can say that all is well. */
static void lend_strictly(const char *mode, int out)
{
    weir_db *db = warm_db(mode);
    if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT) != 0)
        _exit(1);
    lend(db, WEIR_READ, LOANS);
    lend(db, WEIR_WRITE, LOANS);
    syscall(SYS_write, out, "+", 1);
    syscall(SYS_exit, 0);
}

static int under_valgrind(void)
{
    const char *preload = getenv("LD_PRELOAD");
    return preload && strstr(preload, "vgpreload");
}

static void no_system_call(const char *mode)
{
    int ends[2];
    char said = '-';
    if (pipe(ends) != 0)
        tap_bail("no pipe");
    pid_t child = fork();
    if (child == 0)
        lend_strictly(mode, ends[1]);
    close(ends[1]);
    struct pollfd end_of = { .fd = ends[0], .events = POLLIN };
    if (poll(&end_of, 1, 60000) == 1 && read(ends[0], &said, 1) != 1)
        said = '-';
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    close(ends[0]);
    ok(said == '+', "threads=%s: a thread that may make no system call can borrow and release", mode);
}

#endif

int main(void)
{
    EACH_MODE(mode)
    {
        counted(*mode);
#ifdef HAVE_LINUX_SECCOMP_H
        if (!under_valgrind()) /* whose own system calls would be killed, too */
            no_system_call(*mode);
#endif
    }
    return tap_done();
}
