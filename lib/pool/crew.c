/*
 * The threads of a db: one that keeps time and never blocks, and workers for what may: client libraries block in name look-ups, TLS and
 * goodbyes.
 *
 * What must be true:
 *  1. A worker looks at `calls` before it looks for work, and sleeps or ends only if nobody has called since: no call is lost.
 *  2. Threads are made on demand, with all signals masked, and hold the duty's owner until they end.
 *  3. Threads are joined by crew_stop; those that are stuck in a client library then, or made later, end detached.
 * SPDX-License-Identifier: MIT
 */
#include <signal.h>
#include <string.h>
#include <base/error.h>
#include <base/lock.h>
#include <pool/crew.h>

enum thread_state { THREAD_NONE, THREAD_RUNNING, THREAD_DONE };

struct crew_thread {
    struct crew *crew;
    pthread_t id;
    enum thread_state state;
    bool starting; /* its id is not known yet */
    bool detached; /* nobody joins it */
};

struct crew {
    const struct alloc *alloc;
    const struct clock *clock;
    struct crew_duty duty;
    unsigned max_workers;

    struct lock lock; /* guards all below; no hook and no thread is started under it */
    struct signal work, time, gone;
    unsigned calls, nudges;   /* counted up */
    unsigned sleeping, woken; /* workers in their wait; of these, those that are about to leave it */
    bool stop;
    struct crew_thread threads[]; /* the first keeps time */
};

static void init_locks(struct crew *c)
{
    lock_init(&c->lock);
    signal_init(&c->work);
    signal_init(&c->time);
    signal_init(&c->gone);
}

int crew_create(struct crew **out, const struct alloc *a, const struct clock *clock, unsigned max_workers,
                const struct crew_duty *duty)
{
    size_t count = (size_t)max_workers + 1;
    struct crew *c = *out = mem_zeroed(a, sizeof *c + count * sizeof c->threads[0]);
    if (!c)
        return WEIR_E_MEMORY;
    c->alloc = a;
    c->clock = clock;
    c->duty = *duty;
    c->max_workers = max_workers;
    for (size_t i = 0; i < count; i++)
        c->threads[i].crew = c;
    init_locks(c);
    return WEIR_OK;
}

void crew_destroy(struct crew *c)
{
    if (!c)
        return;
    signal_destroy(&c->work);
    signal_destroy(&c->time);
    signal_destroy(&c->gone);
    lock_destroy(&c->lock);
    mem_free(c->alloc, c);
}

#ifdef WEIR_NO_THREADS

int crew_call(struct crew *c, weir_error *err)
{
    (void)c;
    return fail(err, WEIR_E_UNSUPPORTED, "this build makes no threads");
}

int crew_nudge(struct crew *c)
{
    (void)c;
    return -1;
}

void crew_stop(struct crew *c, int64_t patience)
{
    (void)c;
    (void)patience;
}

void crew_forked(struct crew *c)
{
    (void)c;
}

#else

static void wait_for_calls_locked(struct crew *c, unsigned seen)
{
    if (c->stop || c->calls != seen)
        return;
    c->sleeping++;
    while (!c->woken && !c->stop)
        signal_wait(&c->work, &c->lock, c->clock, NEVER);
    c->sleeping--;
    if (c->woken)
        c->woken--;
}

static void work_locked(struct crew *c)
{
    unsigned seen;
    do {
        seen = c->calls;
        lock_drop(&c->lock);
        while (c->duty.work(c->duty.arg))
            ;
        lock_take(&c->lock);
        wait_for_calls_locked(c, seen);
    } while (!c->stop || c->calls != seen);
}

static void keep_time_locked(struct crew *c)
{
    while (!c->stop) {
        unsigned seen = c->nudges;
        lock_drop(&c->lock);
        int64_t due = c->duty.tick(c->duty.arg);
        lock_take(&c->lock);
        while (!c->stop && c->nudges == seen && clock_now(c->clock) < due)
            signal_wait(&c->time, &c->lock, c->clock, due);
    }
}

static void *thread_main(void *arg)
{
    struct crew_thread *t = arg;
    struct crew *c = t->crew;
    void (*drop)(void *) = c->duty.drop;
    void *owner = c->duty.arg;
    lock_take(&c->lock);
    if (t == &c->threads[0])
        keep_time_locked(c);
    else
        work_locked(c);
    t->state = t->detached ? THREAD_NONE : THREAD_DONE;
    signal_all(&c->gone);
    lock_drop(&c->lock);
    drop(owner); /* c may be gone now */
    return NULL;
}

static int create_masked(struct crew_thread *t, pthread_t *id)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int status = pthread_create(id, NULL, thread_main, t);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return status;
}

/* The place in `threads` was reserved under the lock, by setting it to RUNNING. */
static int start(struct crew *c, struct crew_thread *t)
{
    pthread_t id = t->id;
    c->duty.hold(c->duty.arg);
    int status = create_masked(t, &id);
    lock_take(&c->lock);
    t->id = id;
    t->starting = false;
    if (!status && t->detached)
        pthread_detach(id);
    if (status || (t->detached && t->state == THREAD_DONE))
        t->state = THREAD_NONE;
    signal_all(&c->gone);
    lock_drop(&c->lock);
    if (status)
        c->duty.drop(c->duty.arg);
    return status;
}

static struct crew_thread *reserve_locked(struct crew *c, struct crew_thread *t)
{
    if (t->state != THREAD_NONE || t->starting)
        return NULL;
    t->state = THREAD_RUNNING;
    t->starting = true;
    t->detached = c->stop; /* nobody will come to join it */
    return t;
}

static struct crew_thread *reserve_worker_locked(struct crew *c)
{
    for (unsigned i = 1; i <= c->max_workers; i++)
        if (reserve_locked(c, &c->threads[i]))
            return &c->threads[i];
    return NULL;
}

static unsigned workers_locked(const struct crew *c)
{
    unsigned running = 0;
    for (unsigned i = 1; i <= c->max_workers; i++)
        running += c->threads[i].state == THREAD_RUNNING;
    return running;
}

int crew_call(struct crew *c, weir_error *err)
{
    struct crew_thread *t = NULL;
    lock_take(&c->lock);
    c->calls++;
    if (c->sleeping > c->woken) {
        c->woken++;
        signal_one(&c->work);
    } else {
        t = reserve_worker_locked(c);
    }
    lock_drop(&c->lock);
    int status = t ? start(c, t) : 0;
    if (!status)
        return WEIR_OK;
    lock_take(&c->lock);
    unsigned running = workers_locked(c);
    lock_drop(&c->lock);
    return running ? WEIR_OK : fail(err, WEIR_E_MEMORY, "cannot make a thread: %s", strerror(status));
}

int crew_nudge(struct crew *c)
{
    lock_take(&c->lock);
    c->nudges++;
    struct crew_thread *t = c->stop ? NULL : reserve_locked(c, &c->threads[0]);
    signal_one(&c->time);
    lock_drop(&c->lock);
    return t && start(c, t) ? -1 : 0;
}

static bool all_done_locked(const struct crew *c)
{
    for (unsigned i = 0; i <= c->max_workers; i++)
        if (c->threads[i].state == THREAD_RUNNING)
            return false;
    return true;
}

/* Takes one thread off the books: joins it if it is done, lets it go if it is not. */
static void dismiss(struct crew *c, struct crew_thread *t)
{
    lock_take(&c->lock);
    pthread_t id = t->id;
    bool known = !t->starting && !t->detached, join = known && t->state == THREAD_DONE;
    if (known && t->state == THREAD_RUNNING)
        pthread_detach(id);
    if (join)
        t->state = THREAD_NONE;
    else
        t->detached = true; /* whoever starts or ends it sees to it */
    lock_drop(&c->lock);
    if (join)
        pthread_join(id, NULL);
}

void crew_stop(struct crew *c, int64_t patience)
{
    struct clock real = { 0 };
    int64_t until = clock_add(clock_now(&real), patience);
    lock_take(&c->lock);
    c->stop = true;
    signal_all(&c->work);
    signal_all(&c->time);
    while (!all_done_locked(c) && clock_now(&real) < until)
        signal_wait(&c->gone, &c->lock, &real, until);
    lock_drop(&c->lock);
    for (unsigned i = 0; i <= c->max_workers; i++)
        dismiss(c, &c->threads[i]);
}

void crew_forked(struct crew *c)
{
    init_locks(c);
    c->sleeping = c->woken = 0;
    for (unsigned i = 0; i <= c->max_workers; i++) {
        c->threads[i].state = THREAD_NONE;
        c->threads[i].starting = false;
    }
}

#endif
