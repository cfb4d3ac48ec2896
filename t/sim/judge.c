/*
 * What callers are told, and when.
 * SPDX-License-Identifier: MIT
 */
#include <string.h>
#include "judge.h"
#include "run.h"

#define STOPS 16 /* that are remembered */

static struct stop {
    weir_conn conn;
    bool running;
    uint64_t ended; /* the step */
} stops[STOPS];
static unsigned stopped;

void judge_begin(void)
{
    memset(stops, 0, sizeof stops);
    stopped = 0;
}

unsigned stop_begin(weir_conn conn)
{
    unsigned stop = stopped++ % STOPS;
    stops[stop] = (struct stop){ .conn = conn, .running = true };
    return stop;
}

void stop_end(unsigned stop)
{
    stops[stop].running = false;
    stops[stop].ended = machine_mark().step;
}

/* At any time during the call. */
static bool was_stopped(const struct call *c)
{
    for (unsigned i = 0; i < STOPS; i++) {
        const struct stop *s = &stops[i];
        bool same = s->conn.slot == c->conn.slot && s->conn.loan == c->conn.loan;
        if (same && (s->running || s->ended >= c->first))
            return true;
    }
    return false;
}

struct call call_begin(const char *what, weir_conn conn, weir_deadline deadline, int64_t fallback)
{
    struct call c = { .came = machine_mark(), .what = what, .conn = conn };
    int64_t ns = deadline.ns ? deadline.ns : fallback;
    c.first = c.came.step;
    if (ns == weir_at_once().ns)
        ns = 0;
    c.until = ns < 0 ? -ns : ns > FOREVER - c.came.at ? FOREVER : c.came.at + ns;
    c.closed = laws_is_closed();
    return c;
}

struct call call_begin_at_once(const char *what)
{
    return call_begin(what, (weir_conn){ 0 }, weir_at_once(), 0);
}

void call_told(const struct call *c, int status, const weir_error *err)
{
    bool failed = status < 0;
    machine_note("%s: %s%s%s", c->what, weir_status_name(status), failed ? ": " : "", failed ? err->text : "");
    if (failed)
        law(err->status == status && *err->text, "%s fails with %d and no word of why", c->what, status);
    if (status == WEIR_E_CLOSED)
        law(run.shut || run.closing, "%s says that an open database is closed", c->what);
}

/* One that comes after its deadline returns at once. */
void call_in_time(const struct call *c)
{
    int64_t until = c->until > c->came.at ? c->until : c->came.at;
    int64_t over = machine_now() - until;
    law(over <= 0 || over <= machine_late(c->came), "law 6: %s returns %.6f s after its deadline", c->what,
        (double)over / 1e9);
}

void call_at_once(const struct call *c)
{
    machine_note("%s", c->what);
    law(machine_since(c->came) <= 0, "%s takes %.6f s", c->what, (double)machine_since(c->came) / 1e9);
}

/* The end of a call waits for whoever is stopping it, so that they cannot stop the next one. */
int call_judge(const struct call *c, int status, const weir_error *err, bool shared)
{
    call_told(c, status, err);
    if (!was_stopped(c)) {
        call_in_time(c);
        law(status != WEIR_E_CANCELLED, "%s is cancelled, and nobody has", c->what);
    }
    if (status == WEIR_E_STALE)
        law(laws_is_given(c->conn), "law 3: a good handle is stale");
    if (status == WEIR_E_BUSY)
        law(shared, "a connection is busy that only its holder uses");
    return status;
}
