/*
 * The simulated machine: who runs, and how time passes.
 *
 * What must be true:
 *  1. One thread has the baton (`running`); all others sleep in `wait_for_baton`.  So nothing here needs a lock.
 *  2. Whoever gives up the baton has said before what it waits for; whoever makes a thread able to run has ended that wait.
 *  3. Whatever could differ between two runs of a seed is drawn from it.
 * SPDX-License-Identifier: MIT
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <base/random.h>
#include "inside.h"

#define NOTES 48
#define STEPS_AT_ONCE 30000 /* without time passing; more, and it never will */
#define STEPS_EVER 3000000  /* a run that is longer has no end */

static const char *const state_names[] = {
    [CAN_RUN] = "can run", [ON_LOCK] = "waits for a lock",       [ON_SIGNAL] = "waits for a signal",
    [ASLEEP] = "sleeps",   [STALLED] = "has lost the processor", [JOINING] = "waits for a thread",
    [ENDED] = "has ended",
};

struct note {
    uint64_t step;
    int64_t at;
    const struct sim_thread *who;
    const char *place; /* it got the processor there; NULL: text */
    char text[160];
};

static struct machine {
    struct machine_plan plan;
    uint64_t random, hash, steps, passed_at; /* the last one: the step at which time last passed */
    int64_t now, late;
    struct sim_thread *threads[THREADS_MAX];
    unsigned count;
    struct sim_thread *running;
    bool held, refused;
    int lowest; /* rank */
    struct note notes[NOTES];
    unsigned noted;
} machine;

/* ---- what is said of a run */

const char *machine_place(const char *place)
{
    while (!strncmp(place, "../", 3))
        place += 3;
    return place;
}

static double seconds(int64_t at)
{
    return (double)(at % (1000 * SECOND)) / 1e9;
}

static void print_note(const struct note *n)
{
    printf("# %7llu %12.6f %-12s %s\n", (unsigned long long)n->step, seconds(n->at), n->who ? n->who->name : "",
           n->place ? machine_place(n->place) : n->text);
}

static struct note *new_note(const char *place)
{
    struct note *n = &machine.notes[machine.noted++ % NOTES];
    n->step = machine.steps;
    n->at = machine.now;
    n->who = machine.running;
    n->place = place;
    return n;
}

void machine_note(const char *format, ...)
{
    va_list args;
    struct note *n = new_note(NULL);
    va_start(args, format);
    vsnprintf(n->text, sizeof n->text, format, args);
    va_end(args);
    n->text[strcspn(n->text, "\n")] = '\0';
    if (machine.plan.loud)
        print_note(n);
}

static void note_switch(const struct sim_thread *to)
{
    machine.hash = (machine.hash ^ to->number ^ machine.steps << 8) * UINT64_C(0x100000001b3);
    if (!to->place)
        return;
    const struct note *n = new_note(to->place);
    if (machine.plan.loud)
        print_note(n);
}

static void print_last_notes(void)
{
    unsigned first = machine.noted > NOTES ? machine.noted - NOTES : 0;
    for (unsigned i = first; i < machine.noted; i++)
        print_note(&machine.notes[i % NOTES]);
}

static void print_threads(void)
{
    for (unsigned i = 0; i < machine.count; i++) {
        const struct sim_thread *t = machine.threads[i];
        if (t->state != ENDED)
            printf("#   %-12s %s, last seen at %s\n", t->name, t == machine.running ? "runs" : state_names[t->state],
                   t->place ? machine_place(t->place) : "its beginning");
    }
}

void machine_fail(const char *format, ...)
{
    va_list args;
    if (!machine.plan.loud)
        print_last_notes();
    printf("# at step %llu, %.6f s, in %s: ", (unsigned long long)machine.steps, seconds(machine.now),
           machine.running ? machine.running->name : "nobody");
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    printf("\n");
    print_threads();
    fflush(stdout);
    _exit(1);
}

/* ---- who runs */

struct sim_thread *machine_running(void)
{
    return machine.running;
}

static bool one_in(unsigned n)
{
    return n && random_below(&machine.random, n) == 0;
}

static void wait_for_baton(struct sim_thread *self)
{
    while (sem_wait(&self->baton) < 0)
        if (errno != EINTR)
            machine_fail("a baton is broken");
}

static void hand_baton(struct sim_thread *to)
{
    machine.running = to;
    note_switch(to);
    sem_post(&to->baton);
}

static void wake(struct sim_thread *t, bool by_time)
{
    if (t->state == STALLED)
        machine.late += t->stalled_for;
    if (t->state == ON_SIGNAL)
        ((struct sim_cond *)t->awaited)->waiting--;
    t->state = CAN_RUN;
    t->timed_out = by_time;
    t->until = FOREVER;
    t->awaited = NULL;
}

void machine_wake(enum thread_state state, const void *awaited, unsigned most)
{
    unsigned first = (unsigned)random_below(&machine.random, machine.count);
    for (unsigned i = 0; i < machine.count && most; i++) {
        struct sim_thread *t = machine.threads[(first + i) % machine.count];
        if (t->state != state || t->awaited != awaited)
            continue;
        wake(t, false);
        most--;
    }
}

/* Whoever is woken looks around, in more steps than there are between two such wakings: at one moment there are only so many. */
static bool may_wake_for_nothing(void)
{
    return machine.steps - machine.passed_at < STEPS_AT_ONCE / 4 && one_in(machine.plan.spurious);
}

static void wake_for_nothing(void)
{
    struct sim_thread *t = machine.threads[random_below(&machine.random, machine.count)];
    if (t->state == ON_SIGNAL)
        wake(t, false);
}

static struct sim_thread *highest(struct sim_thread *const *ready, unsigned count)
{
    struct sim_thread *first = ready[0];
    for (unsigned i = 1; i < count; i++)
        if (ready[i]->rank > first->rank)
            first = ready[i];
    return first;
}

/* NULL: nobody can run. */
static struct sim_thread *choose(void)
{
    struct sim_thread *ready[THREADS_MAX];
    unsigned count = 0;
    for (unsigned i = 0; i < machine.count; i++)
        if (machine.threads[i]->state == CAN_RUN)
            ready[count++] = machine.threads[i];
    if (!count)
        return NULL;
    if (may_wake_for_nothing())
        wake_for_nothing();
    return machine.plan.by_rank ? highest(ready, count) : ready[random_below(&machine.random, count)];
}

static bool anybody_is(enum thread_state state)
{
    for (unsigned i = 0; i < machine.count; i++)
        if (machine.threads[i]->state == state)
            return true;
    return false;
}

static int64_t next_moment(void)
{
    int64_t next = FOREVER;
    for (unsigned i = 0; i < machine.count; i++)
        if (machine.threads[i]->until < next)
            next = machine.threads[i]->until;
    if (next == FOREVER)
        machine_fail("nobody will ever run again");
    return next;
}

static void oversleep(void)
{
    int64_t longer = random_below(&machine.random, one_in(4) ? 10 * SECOND : 20 * MS);
    machine.late += longer;
    machine.now += longer;
}

/* Nobody can run: on to the next moment at which somebody will. */
static void pass_time(void)
{
    if (machine.plan.rest && !anybody_is(STALLED)) {
        machine_hold();
        machine.plan.rest();
        machine_go_on();
    }
    int64_t next = next_moment();
    if (next > machine.now)
        machine.now = next;
    if (one_in(machine.plan.oversleep))
        oversleep();
    machine.passed_at = machine.steps;
    for (unsigned i = 0; i < machine.count; i++)
        if (machine.threads[i]->until <= machine.now)
            wake(machine.threads[i], true);
}

static struct sim_thread *next_thread(void)
{
    struct sim_thread *t;
    while (!(t = choose()))
        pass_time();
    return t;
}

static void pass_baton(void)
{
    struct sim_thread *self = machine.running, *to = next_thread();
    if (to == self)
        return;
    hand_baton(to);
    wait_for_baton(self);
}

bool machine_block(enum thread_state state, void *awaited, int64_t until)
{
    struct sim_thread *self = machine.running;
    self->state = state;
    self->awaited = awaited;
    self->until = until;
    pass_baton();
    return self->timed_out;
}

static void stall(struct sim_thread *self)
{
    static const int64_t lengths[] = { MS / 100, MS, 5 * MS, 50 * MS };
    self->stalled_for = lengths[random_below(&machine.random, 4)];
    machine.late += self->stalled_for; /* and once more when it ends, for those who begin something meanwhile */
    machine_block(STALLED, NULL, machine.now + self->stalled_for);
}

static void count_step(void)
{
    machine.steps++;
    if (machine.steps - machine.passed_at > STEPS_AT_ONCE)
        machine_fail("time stands still, for somebody is busy for ever");
    if (machine.steps > STEPS_EVER)
        machine_fail("somebody waits for ever, looking again and again");
}

void sim_point(const char *place)
{
    struct sim_thread *self = machine.running;
    if (machine.held)
        return;
    self->place = place;
    count_step();
    if (machine.plan.step) {
        machine_hold();
        machine.plan.step(place);
        machine_go_on();
    }
    if (one_in(machine.plan.stall)) {
        stall(self);
    } else if (one_in(machine.plan.stay)) {
        self->rank = --machine.lowest;
        pass_baton();
    }
}

void machine_hold(void)
{
    machine.held = true;
}

void machine_go_on(void)
{
    machine.held = false;
}

/* ---- threads */

static struct sim_thread *thread_make(void *(*main)(void *), void *arg)
{
    struct sim_thread *t = machine.count < THREADS_MAX ? calloc(1, sizeof *t) : NULL;
    if (!t || sem_init(&t->baton, 0, 0) < 0)
        machine_fail("the machine has no room for another thread");
    t->main = main;
    t->arg = arg;
    t->number = machine.count;
    t->until = FOREVER;
    t->rank = (int)random_below(&machine.random, 1000);
    t->random = machine.plan.seed ^ UINT64_C(0x5851f42d4c957f2d) * (machine.count + 1);
    machine.threads[machine.count++] = t;
    return t;
}

static unsigned threads_left(void)
{
    unsigned left = 0;
    for (unsigned i = 0; i < machine.count; i++)
        left += machine.threads[i]->state != ENDED;
    return left;
}

static void *thread_run(void *arg)
{
    struct sim_thread *self = arg;
    wait_for_baton(self);
    self->main(self->arg);
    if (self->held_count)
        machine_fail("a thread ends with a lock held, taken at %s", machine_place(self->held[0]->place));
    self->state = ENDED;
    machine_wake(JOINING, self, THREADS_MAX);
    if (threads_left() == 1)
        machine_wake(JOINING, NULL, 1);
    hand_baton(next_thread());
    return NULL;
}

void machine_begin(const struct machine_plan *plan)
{
    memset(&machine, 0, sizeof machine);
    machine.plan = *plan;
    machine.random = plan->seed;
    machine.now = 1000 * SECOND;
    machine.running = thread_make(NULL, NULL);
    strcpy(machine.running->name, "main");
}

void machine_await_all(void)
{
    if (threads_left() > 1)
        machine_block(JOINING, NULL, FOREVER);
}

uint64_t machine_end(void)
{
    for (unsigned i = 0; i < machine.count; i++) {
        if (i)
            pthread_join(machine.threads[i]->real, NULL);
        sem_destroy(&machine.threads[i]->baton);
        free(machine.threads[i]);
    }
    machine.running = NULL;
    return machine.hash ^ (uint64_t)machine.now;
}

struct sim_thread *machine_spawn(const char *name, unsigned number, void *(*main)(void *), void *arg)
{
    struct sim_thread *t = thread_make(main, arg);
    snprintf(t->name, sizeof t->name, number ? "%s %u" : "%s", name, number);
    if (pthread_create(&t->real, NULL, thread_run, t))
        machine_fail("the real machine has no room for another thread");
    return t;
}

void machine_join(struct sim_thread *t)
{
    if (t->state != ENDED)
        machine_block(JOINING, t, FOREVER);
}

void machine_refuse_threads(bool refused)
{
    machine.refused = refused;
}

unsigned machine_threads(void)
{
    return machine.count;
}

bool machine_makes_threads(void)
{
    return !machine.refused;
}

/* ---- time and chance */

void machine_sleep(int64_t ns)
{
    machine_block(ASLEEP, NULL, machine.now + ns);
}

int64_t machine_now(void)
{
    return machine.now;
}

struct moment machine_mark(void)
{
    return (struct moment){ machine.now, machine.late, machine.steps };
}

int64_t machine_since(struct moment m)
{
    return machine.now - m.at - machine_late(m);
}

int64_t machine_late(struct moment m)
{
    return machine.late - m.late;
}

void machine_be_calm(void)
{
    machine.plan.stall = machine.plan.oversleep = 0;
}

int64_t machine_below(int64_t bound)
{
    return random_below(&machine.running->random, bound);
}

bool machine_one_in(unsigned n)
{
    return n && machine_below(n) == 0;
}
