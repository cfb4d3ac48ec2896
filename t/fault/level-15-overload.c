/*
 * Level 15: three times as many callers as can be served, for 30 s, with shed_after=100ms: at least 95 % of what the pool could serve is
 * served, 99 of 100 of the served wait for at most 150 ms, those who are refused hear it within 150 ms, and nobody is refused while a
 * usable connection is idle.
 * SPDX-License-Identifier: MIT
 */
#include <stdlib.h>
#include "rig.h"

#define SIZE 8
#define HOLD 50 /* milliseconds that each caller keeps its connection, and a step */
#define STEPS 600
#define ARRIVALS (3 * SIZE)
#define CALLERS (STEPS * ARRIVALS)

static struct caller *callers; /* CALLERS of them, in the order in which they come */
static unsigned begun;
static int refused_beside_idle;

static bool has(const struct caller *c, int status)
{
    return c->done && c->status == status;
}

/* Those who were served in the last step are done with it. */
static void release_all(void)
{
    weir_conn *held[SIZE];
    int n = 0;
    for (unsigned i = begun > 10 * ARRIVALS ? begun - 10 * ARRIVALS : 0; i < begun; i++)
        if (has(&callers[i], WEIR_OK) && callers[i].conn.slot)
            held[n++] = &callers[i].conn;
    while (n)
        weir_release(held[--n]);
}

static bool all_have_what_they_get(void)
{
    weir_figures f = figures();
    return f.waiting + callers_done(callers, begun) == begun && (!f.waiting || (f.used == SIZE && !f.idle));
}

static bool none_is_overdue(void)
{
    for (unsigned i = begun > 10 * ARRIVALS ? begun - 10 * ARRIVALS : 0; i < begun; i++)
        if (!callers[i].done && now_ms() - callers[i].began >= 100)
            return false;
    return true;
}

static void step(unsigned arrivals)
{
    release_all();
    callers_begin(callers + begun, arrivals, WEIR_WRITE, 60000, NULL);
    begun += arrivals;
    until(all_have_what_they_get());
    uint64_t shed = figures().shed;
    unsigned idle = figures().idle;
    null_clock_advance(&moment, HOLD * MS);
    until(none_is_overdue());
    refused_beside_idle += idle && figures().shed > shed;
}

static int compare(const void *a, const void *b)
{
    return *(const int *)a - *(const int *)b;
}

static void judge(void)
{
    static int waits[CALLERS];
    int served = 0, refused = 0, slowest = 0;
    for (unsigned i = 0; i < begun; i++) {
        const struct caller *c = &callers[i];
        int waited = (int)(c->ended - c->began);
        if (has(c, WEIR_OK))
            waits[served++] = waited;
        else
            slowest = waited > slowest ? waited : slowest;
        refused += has(c, WEIR_E_SHED);
    }
    qsort(waits, (size_t)served, sizeof *waits, compare);
    ok(served * 100 >= STEPS * SIZE * 95, "%d of %d are served, of %d that the pool could", served, (int)begun,
       STEPS * SIZE);
    is_int(served + refused + (int)figures().waiting, begun, "the others are refused early");
    ok(waits[served * 99 / 100] <= 150, "99 of 100 of the served wait for at most 150 ms: %d",
       waits[served * 99 / 100]);
    ok(slowest <= 150, "those who are refused hear it within 150 ms: %d", slowest);
    is_int(refused_beside_idle, 0, "nobody is refused while a connection is idle");
    is_int(figures().shed, refused, "the refusals are counted");
}

static void overload(void)
{
    rig_open(NULL_CLOCK_MANUAL, "null://level-15/db?pool_size=8&shed_after=100ms");
    fill(SIZE, WEIR_WRITE);
    callers = calloc(CALLERS, sizeof *callers);
    if (!callers)
        tap_bail("no memory");
    for (int i = 0; i < STEPS; i++)
        step(ARRIVALS);
    judge();
    begun = 0;
    while (figures().waiting) { /* what is left of it */
        null_clock_advance(&moment, HOLD * MS);
        nap();
    }
    callers_end(callers, CALLERS);
    free(callers);
}

/* What the text says, and that a queue which does not stand is let be. */
static void otherwise(void)
{
    struct caller c[2 * SIZE], one;
    weir_conn conns[SIZE];
    uint64_t shed = figures().shed;
    callers_begin(c, 2 * SIZE, WEIR_WRITE, 60000, NULL);
    until(figures().waiting == SIZE && callers_done(c, 2 * SIZE) == SIZE);
    null_clock_advance(&moment, 90 * MS);
    for (int i = 0; i < 2 * SIZE; i++)
        if (c[i].done)
            weir_release(&c[i].conn);
    until(callers_done(c, 2 * SIZE) == 2 * SIZE);
    callers_end(c, 2 * SIZE);
    is_int(figures().shed, shed, "a burst that is over before 100 ms is served whole");
    for (int i = 0; i < SIZE; i++)
        take(&conns[i], WEIR_WRITE, 60000);
    callers_begin(&one, 1, WEIR_WRITE, 60000, NULL);
    until(figures().waiting == 1);
    null_clock_advance(&moment, 100 * MS);
    until(one.done);
    is_int(one.status, WEIR_E_SHED, "when a queue has stood for 100 ms, who has waited for so long is refused");
    has_text(one.err.text, "refused after 100ms: 1 wait for a write connection", "and told about the queue");
    callers_end(&one, 1);
    for (int i = 0; i < SIZE; i++)
        weir_release(&conns[i]);
    rig_close();
}

/* A server that is down is not overloaded. */
static void not_while_down(void)
{
    struct caller c;
    rig_open(NULL_CLOCK_MANUAL, "null://level-15/db?shed_after=100ms");
    null_set(server, NULL_STATE, NULL_DOWN);
    callers_begin(&c, 1, WEIR_WRITE, 2000, NULL);
    until(figures().waiting == 1);
    for (int i = 0; i < 200; i++) {
        until(resting());
        pass(10);
    }
    until(c.done);
    is_int(c.status, WEIR_E_UNAVAILABLE, "for a server that is down, callers wait until their deadline");
    is_int(figures().shed, 0, "and none is shed");
    callers_end(&c, 1);
    rig_close();
}

int main(void)
{
    overload();
    otherwise();
    not_while_down();
    return tap_done();
}
