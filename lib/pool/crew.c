/*
 * The threads of a db: one that keeps time and never blocks, and workers for what may: client libraries block in name look-ups, TLS and
 * goodbyes.
 *
 * What must be true:
 *  1. A worker looks at `calls` before it looks for work, and sleeps or ends only if nobody has called since: no call is lost.  A caller
 *     hears that there is a worker only of one that runs.
 *  2. Threads are made on demand, with all signals masked, and hold the duty's owner until they end.
 *  3. Threads are joined by crew_stop; those that are long in their duty then, or made later, end detached.
 * SPDX-License-Identifier: MIT
 */
#include <signal.h>
#include <base/lock.h>
#include <pool/crew.h>

enum thread_state { THREAD_NONE, THREAD_RUNNING, THREAD_DONE };

struct crew_thread {
    struct crew *crew;
    pthread_t id;
    enum thread_state state;
    bool starting; /* its id is not known yet */
    bool on_duty;  /* which may block */
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

int crew_call(struct crew *c)
{
    (void)c;
    return -1;
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

/* Gives up the lock, and whoever waits for the end of all threads learns what this one is about. */
static void go_on_duty_locked(struct crew_thread *t)
{
    t->on_duty = true;
    signal_all(&t->crew->gone);
    lock_drop(&t->crew->lock);
}

static void come_off_duty(struct crew_thread *t)
{
    lock_take(&t->crew->lock);
    t->on_duty = false;
}

static void work_locked(struct crew_thread *t)
{
    struct crew *c = t->crew;
    unsigned seen;
    do {
        seen = c->calls;
        go_on_duty_locked(t);
        while (c->duty.work(c->duty.arg))
            ;
        come_off_duty(t);
        wait_for_calls_locked(c, seen);
    } while (!c->stop || c->calls != seen);
}

static void keep_time_locked(struct crew_thread *t)
{
    struct crew *c = t->crew;
    while (!c->stop) {
        unsigned seen = c->nudges;
        go_on_duty_locked(t);
        int64_t due = c->duty.tick(c->duty.arg);
        come_off_duty(t);
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
        keep_time_locked(t);
    else
        work_locked(t);
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

/* The place in `threads` was reserved under the lock, by setting it to RUNNING.  The lock is given up meanwhile. */
static void start_locked(struct crew *c, struct crew_thread *t)
{
    pthread_t id = t->id;
    lock_drop(&c->lock);
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
    if (!status)
        return;
    lock_drop(&c->lock);
    c->duty.drop(c->duty.arg);
    lock_take(&c->lock);
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

static bool is_there_locked(const struct crew *c, bool starting)
{
    for (unsigned i = 1; i <= c->max_workers; i++)
        if (c->threads[i].state == THREAD_RUNNING && c->threads[i].starting == starting)
            return true;
    return false;
}

/* One that is being made may be none. */
static bool has_worker_locked(struct crew *c)
{
    while (!is_there_locked(c, false) && is_there_locked(c, true))
        signal_wait(&c->gone, &c->lock, c->clock, NEVER);
    return is_there_locked(c, false);
}

int crew_call(struct crew *c)
{
    struct crew_thread *t = NULL;
    lock_take(&c->lock);
    c->calls++;
    if (c->sleeping > c->woken) {
        c->woken++;
        signal_one(&c->work);
    } else if ((t = reserve_worker_locked(c))) {
        start_locked(c, t);
    }
    bool served = has_worker_locked(c);
    lock_drop(&c->lock);
    return served ? 0 : -1;
}

int crew_nudge(struct crew *c)
{
    struct crew_thread *t = &c->threads[0];
    lock_take(&c->lock);
    c->nudges++;
    signal_one(&c->time);
    if (!c->stop && reserve_locked(c, t))
        start_locked(c, t);
    while (t->starting)
        signal_wait(&c->gone, &c->lock, c->clock, NEVER);
    bool served = c->stop || t->state == THREAD_RUNNING;
    lock_drop(&c->lock);
    return served ? 0 : -1;
}

/* Who is not on duty comes to its end by itself, however slow the machine. */
static bool must_wait_locked(const struct crew *c, bool for_all)
{
    for (unsigned i = 0; i <= c->max_workers; i++)
        if (c->threads[i].state == THREAD_RUNNING && (for_all || !c->threads[i].on_duty))
            return true;
    return false;
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
    while (must_wait_locked(c, true) && clock_now(&real) < until)
        signal_wait(&c->gone, &c->lock, &real, until);
    while (must_wait_locked(c, false))
        signal_wait(&c->gone, &c->lock, &real, NEVER);
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
        c->threads[i].starting = c->threads[i].on_duty = false;
    }
}

#endif
