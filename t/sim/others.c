/*
 * Those who do not borrow: the meddler, the warden, the keeper, the shutter.
 * SPDX-License-Identifier: MIT
 */
#include "people.h"

static void stop_somebody(weir_conn conn)
{
    weir_error err;
    unsigned stop = stop_begin(conn);
    struct call c = call_begin("cancel", conn, (weir_deadline){ 0 }, run.connect_timeout);
    int status = weir_cancel(conn, &err);
    stop_end(stop);
    call_told(&c, status, &err);
    call_in_time(&c);
    law(status != WEIR_E_STALE || laws_is_given(conn), "law 3: a good handle is stale to who cancels");
}

/* Anybody may do this with a copy of a handle, and harms nobody but whose it is. */
static void meddle_with(weir_conn conn)
{
    struct grip copy = { .conn = conn };
    switch (machine_below(6)) {
    case 0:
        if (!run.early) /* its holder could not know that the memory has gone with it */
            grip_drop(&copy);
        break;
    case 1:
        grip_tell(&copy, "COUNTER");
        break;
    default:
        stop_somebody(conn);
    }
}

void *meddler(void *none)
{
    (void)none;
    weir_conn kept = { 0 };
    while (!run.over) {
        weir_conn seen = grips[machine_below(GRIPS)].conn;
        if (seen.slot && machine_one_in(4))
            kept = seen; /* and used when it is stale */
        if (kept.slot && machine_one_in(4))
            meddle_with(kept);
        else if (seen.slot)
            meddle_with(seen);
        machine_sleep(machine_below(MS << machine_below(9)));
    }
    return NULL;
}

static void look_at_figures(void)
{
    weir_figures f = { .size = sizeof f };
    struct call c = call_begin_at_once("figures");
    weir_pool_figures(&f, run.pool);
    unsigned sum = f.idle + f.used + f.opening + f.resetting + f.closing;
    law(sum <= f.max, "law 1: a copy of the figures has %u of at most %u", sum, f.max);
    law(f.opened == f.closed + sum - f.opening, "law 1: a copy of the figures does not add up");
    call_at_once(&c);
}

static void resize(void)
{
    weir_error err;
    struct call c = call_begin_at_once("resize");
    run.resized = UINT64_MAX;
    int status = weir_pool_resize(run.pool, 1 + (unsigned)machine_below(8), &err);
    run.resized = machine_mark().step;
    call_told(&c, status, &err);
    law(status >= 0 || status == WEIR_E_MEMORY, "a pool cannot be resized");
    call_at_once(&c);
}

static void evict(void)
{
    uint64_t last = laws_last_session();
    struct call c = call_begin_at_once("evict");
    weir_pool_evict(run.pool, NULL);
    call_at_once(&c);
    laws_evicted(last);
}

void *warden(void *none)
{
    (void)none;
    while (!run.over) {
        look_at_figures();
        if (has_habit(RESIZING) && machine_one_in(4))
            resize();
        if (has_habit(EVICTING) && machine_one_in(4))
            evict();
        machine_sleep(machine_below(MS << machine_below(12)));
    }
    return NULL;
}

/* Does the work of a database without threads, or finds that there is none to do. */
void *keeper(void *none)
{
    (void)none;
    while (!run.closing) {
        weir_deadline budget = weir_after_ms(1 << machine_below(10));
        run.calling++;
        struct call c = call_begin("maintain", (weir_conn){ 0 }, budget, 0);
        int ms = weir_db_maintain(run.db, budget, NULL);
        call_in_time(&c);
        run.calling--;
        law(ms >= 0 && ms <= 60000, "maintenance wants to be called in %d ms", ms);
        machine_sleep((ms > 500 ? 500 : ms) * MS + MS);
    }
    return NULL;
}

void *shutter(void *none)
{
    (void)none;
    weir_error err;
    machine_sleep(machine_below(8 * SECOND));
    if (run.over)
        return NULL;
    weir_deadline deadline = some_deadline();
    run.calling++;
    run.shut = true;
    run.shut_since = machine_mark();
    struct call c = call_begin("shutdown", (weir_conn){ 0 }, deadline, run.acquire_timeout);
    int status = weir_db_shutdown(run.db, deadline, &err);
    call_in_time(&c);
    machine_note("shutdown: %s", weir_status_name(status));
    law(status == WEIR_OK || status == WEIR_LENT, "shutdown fails");
    run.calling--;
    return NULL;
}
