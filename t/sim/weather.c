/*
 * What happens to a run: outages, kills, slowness, failures to order, and a machine that runs out of memory or threads.
 * Each run has some of it, and in its end none.
 * SPDX-License-Identifier: MIT
 */
#include <stdlib.h>
#include <string.h>
#include "run.h"

static struct sim_thread *weather;
static unsigned blocks, memory_fails_one_in;

static void server_is(int64_t state)
{
    null_set(run.server, NULL_STATE, state);
}

static void goes_down(void)
{
    server_is(NULL_DOWN);
}

static void falls_silent(void)
{
    server_is(NULL_BLACK_HOLE);
}

static void comes_up(void)
{
    server_is(NULL_UP);
}

static void fills_up(void)
{
    null_set(run.server, NULL_LIMIT, 1 + machine_below(3));
}

static void empties(void)
{
    null_set(run.server, NULL_LIMIT, 0);
}

static void connects_slowly(void)
{
    null_set(run.server, NULL_CONNECT_DELAY, 30 * MS << machine_below(9));
}

static void connects_fast(void)
{
    null_set(run.server, NULL_CONNECT_DELAY, 0);
}

static void answers_slowly(void)
{
    null_set(run.server, NULL_QUERY_DELAY, MS << machine_below(13));
}

static void answers_fast(void)
{
    null_set(run.server, NULL_QUERY_DELAY, 0);
}

static void kills_all(void)
{
    null_kill_all(run.server);
}

static void kills_some(void)
{
    uint64_t last = laws_last_session();
    for (int i = 0; i < 3; i++)
        null_kill(run.server, last - (uint64_t)machine_below((int64_t)(last < 8 ? last : 8)));
}

static void memory_ends(void)
{
    memory_fails_one_in = 1 + (unsigned)machine_below(4);
}

static void memory_is_back(void)
{
    memory_fails_one_in = 0;
}

static void threads_end(void)
{
    machine_refuse_threads(true);
}

static void threads_are_back(void)
{
    machine_refuse_threads(false);
}

static const struct fault {
    const char *name;
    void (*begin)(void), (*end)(void);
    /* begin NULL: the next calls of a hook fail like that */
    enum null_figure hook;
    int status;
} faults[] = {
    { "goes down", goes_down, comes_up, 0, 0 },
    { "falls silent", falls_silent, comes_up, 0, 0 },
    { "is full", fills_up, empties, 0, 0 },
    { "connects slowly", connects_slowly, connects_fast, 0, 0 },
    { "answers slowly", answers_slowly, answers_fast, 0, 0 },
    { "kills all", kills_all, NULL, 0, 0 },
    { "kills some", kills_some, NULL, 0, 0 },
    { "lets nobody in", NULL, NULL, NULL_OPENS, WEIR_E_CONNECT },
    { "cannot reset", NULL, NULL, NULL_RESETS, WEIR_E_SERVER },
    { "dies in a reset", NULL, NULL, NULL_RESETS, WEIR_E_LOST },
    { "cannot turn", NULL, NULL, NULL_TURNS, WEIR_E_SERVER },
    { "dies when asked", NULL, NULL, NULL_PINGS, WEIR_E_LOST },
    { "is silent when asked", NULL, NULL, NULL_PINGS, WEIR_E_TIMEOUT },
    { "dies under a statement", NULL, NULL, NULL_RUNS, WEIR_E_LOST },
    { "dies in a commit", NULL, NULL, NULL_COMMITS, WEIR_E_LOST },
    { "dies in a rollback", NULL, NULL, NULL_ROLLBACKS, WEIR_E_LOST },
    { "takes no cancel", NULL, NULL, NULL_CANCELS, WEIR_E_CONNECT },
    /* From here on they are of a kind that the judges must know of. */
    { "knows nobody", NULL, NULL, NULL_OPENS, WEIR_E_AUTH },
    { "has no memory", memory_ends, memory_is_back, 0, 0 },
    { "has no threads", threads_end, threads_are_back, 0, 0 },
};
#define FAULTS (sizeof faults / sizeof *faults)
#define AUTH (FAULTS - 3)
#define MEMORY (FAULTS - 2)
#define THREADS (FAULTS - 1)

static bool occurs(size_t fault)
{
    return run.faults >> fault & 1;
}

static void order(enum null_figure hook, unsigned times, int status)
{
    const weir_error as = null_error(status);
    null_fail(run.server, hook, times, &as);
}

static void happen(const struct fault *f)
{
    machine_note("the server %s", f->name);
    if (f->begin)
        f->begin();
    else
        order(f->hook, 1 + (unsigned)machine_below(6), f->status);
    machine_sleep(MS << machine_below(15)); /* up to 16 s */
    machine_note("the server %s no longer", f->name);
    if (f->end)
        f->end();
    else if (!f->begin)
        order(f->hook, 0, f->status);
}

static void *rage(void *arg)
{
    (void)arg;
    while (!run.over) {
        size_t fault = (size_t)machine_below(FAULTS);
        if (occurs(fault))
            happen(&faults[fault]);
        else
            machine_sleep(MS << machine_below(10));
    }
    return NULL;
}

void weather_begin(void)
{
    memory_fails_one_in = 0;
    run.faults = machine_one_in(8) ? 0 : (unsigned)machine_below(1 << FAULTS) & (unsigned)machine_below(1 << FAULTS);
    run.hopeless = occurs(AUTH) || occurs(MEMORY);
    run.shaky = occurs(THREADS);
    weather = run.faults ? machine_spawn("weather", 0, rage, NULL) : NULL;
}

void weather_end(void)
{
    if (weather)
        machine_join(weather);
    weather = NULL;
}

/* Freed memory is written over, so that whoever uses it is found out. */
static void let_go(void *block)
{
    size_t *head = block;
    if (!block)
        return;
    head -= 2;
    memset(block, 0xdd, *head);
    free(head);
    blocks--;
}

void *weather_realloc(void *arg, void *block, size_t size)
{
    (void)arg;
    law(!machine_holds_lock("lib/base/"), "law 2: memory is asked for under a lock");
    if (!size)
        laws_freed(block);
    if (size && machine_one_in(memory_fails_one_in))
        return NULL;
    size_t *head = size ? malloc(size + 2 * sizeof *head) : NULL;
    if (head) {
        blocks++;
        *head = size;
        head += 2;
        memset(head, 0xcd, size);
        if (block)
            memcpy(head, block, ((size_t *)block)[-2] < size ? ((size_t *)block)[-2] : size);
    }
    if (head || !size)
        let_go(block);
    return head;
}

unsigned weather_blocks(void)
{
    return blocks;
}
