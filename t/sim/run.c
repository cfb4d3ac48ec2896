/*
 * One simulated run, from the first byte to the last.
 * SPDX-License-Identifier: MIT
 */
#include <stdio.h>
#include <string.h>
#include <base/random.h>
#include <db/inside.h>
#include <driver/registry.h>
#include <pool/inside.h>
#include "people.h"

struct run run;

const weir_backend *const driver_builtin[] = {
    &weir_null_backend,
    &weir_null_bare_backend,
    &weir_null_one_backend,
    NULL,
};

/* What each option may be; half of them stay as they are.  Contradictions are drawn again. */
#define VALUES 6
static const struct choice {
    const char *name, *values[VALUES];
} choices[] = {
    { "pool_min", { "0", "1", "2", "3", "5", "8" } },
    { "write_reserve", { "0", "1", "1", "2", "3", "7" } },
    { "acquire_timeout", { "0s", "1ms", "20ms", "300ms", "3s", "1m" } },
    { "query_timeout", { "1ms", "20ms", "300ms", "3s", "30s", "30s" } },
    { "connect_timeout", { "1ms", "20ms", "150ms", "1s", "5s", "30s" } },
    { "idle_timeout", { "10ms", "100ms", "1s", "10s", "1m", "1h" } },
    { "max_lifetime", { "0s", "1s", "1s", "2s", "5s", "1m" } },
    { "lifetime_jitter", { "0", "0", "10", "50", "90", "90" } },
    { "look_after", { "0s", "1ms", "20ms", "300ms", "1s", "1m" } },
    { "validate_after", { "0s", "1ms", "20ms", "300ms", "1s", "10s" } },
    { "keepalive", { "0s", "200ms", "1s", "1s", "10s", "10s" } },
    { "probe_interval", { "0s", "200ms", "1s", "1s", "10s", "10s" } },
    { "probe_timeout", { "1ms", "10ms", "10ms", "100ms", "300ms", "10s" } },
    { "probe_fall", { "1", "1", "2", "3", "3", "10" } },
    { "probe_rise", { "1", "1", "2", "3", "3", "10" } },
    { "fail_fast", { "on", "on", "on", "off", "off", "off" } },
    { "shed_after", { "1ms", "10ms", "50ms", "100ms", "1s", "10s" } },
    { "nested", { "refuse", "refuse", "refuse", "refuse", "wait", "wait" } },
    { "max_connecting", { "1", "1", "2", "3", "4", "8" } },
    { "connect_backoff", { "1ms", "10ms", "100ms", "100ms", "1s", "1s" } },
    { "connect_backoff_max", { "20ms", "20ms", "100ms", "1s", "5s", "20s" } },
    { "overtake_limit", { "0s", "0s", "1ms", "10ms", "100ms", "1s" } },
    { "leak_after", { "1ms", "50ms", "300ms", "1s", "5s", "1m" } },
    { "reset", { "always", "always", "always", "never", "auto", "auto" } },
    { "statement_cache", { "0", "0", "1", "2", "4", "64" } },
    { "write_concurrency", { "auto", "auto", "auto", "1", "2", "5" } },
    { "threads", { "none", "none", "none", "auto", "auto", "auto" } },
};
#define CHOICES (sizeof choices / sizeof *choices)

static const char *one_of(const char *const *values, int64_t count)
{
    return values[machine_below(count)];
}

/* Name and value in turn, NULL at the end. */
static void draw_options(const char *options[2 * CHOICES + 3])
{
    static const char *const sizes[] = { "1", "2", "2", "3", "4", "8" };
    size_t n = 0;
    options[n++] = "pool_size";
    options[n++] = one_of(sizes, 6);
    for (size_t i = 0; i < CHOICES; i++) {
        if (machine_one_in(2))
            continue;
        options[n++] = choices[i].name;
        options[n++] = one_of(choices[i].values, VALUES);
    }
    options[n] = NULL;
}

static void hear(void *arg, const weir_event *event)
{
    weir_health health = { .size = sizeof health };
    (void)arg;
    machine_note("event: %s", event->text);
    law(!machine_holds_lock("lib/base/"), "law 2: an event is told under a lock");
    law(!event->err || *event->err->text, "an event has an error without a word");
    weir_pool_health(&health, event->pool);
    law(health.state <= WEIR_DRAINING && health.since_ms >= 0, "a pool's health makes no sense");
}

static int try_to_open(void)
{
    static const char *const urls[] = { "null://sim/db", "null://sim/db", "null-bare://sim/db", "null-one://sim/db" };
    const char *options[2 * CHOICES + 3], *url = one_of(urls, 4);
    weir_error err;
    draw_options(options);
    const weir_hooks hooks = { .size = sizeof hooks, .options = options, .realloc = weather_realloc, .event = hear };
    int status = weir_db_open(&run.db, url, &hooks, &err);
    law(status >= 0 || status == WEIR_E_OPTION, "a database cannot be opened: %s", err.text);
    machine_note("%s", status < 0 ? err.text : url);
    for (const char **o = options; *o && status >= 0; o += 2)
        machine_note("%s=%s", o[0], o[1]);
    return status;
}

/* The pool's own seed comes from its address, which no two runs have in common. */
static void open_database(void)
{
    while (try_to_open() < 0)
        ;
    run.pool = weir_db_pool(run.db, 0);
    run.pool->random = (uint64_t)machine_below(FOREVER);
    run.server = null_server("sim");
    run.crew = run.db->crew;
    run.leaking = run.db->source.reset_never;
    run.fail_fast = run.pool->config.fail_fast;
    run.shed_after = run.pool->config.shed_after;
    run.acquire_timeout = run.db->acquire_timeout;
    run.query_timeout = run.db->source.query_timeout;
    run.connect_timeout = run.pool->config.connect_timeout;
}

static struct sim_thread *borrowers[BORROWERS], *others[4];
static unsigned other_count;

static void add_other(const char *name, bool comes, void *(*main)(void *))
{
    if (comes)
        others[other_count++] = machine_spawn(name, 0, main, NULL);
}

static void people_begin(void)
{
    memset(grips, 0, sizeof grips);
    other_count = 0;
    run.borrowers = 1 + (unsigned)machine_below(BORROWERS);
    run.loans = 4 + (unsigned)machine_below(20);
    run.early = machine_one_in(4);
    run.habits = (unsigned)machine_below(1 << HABITS);
    if (!machine_one_in(6))
        run.habits &= ~(1u << SHUTTING);
    for (unsigned i = 0; i < run.borrowers; i++)
        borrowers[i] = machine_spawn("borrower", i + 1, borrower, &grips[2 * i]);
    add_other("meddler", has_habit(MEDDLING), meddler);
    add_other("keeper", has_habit(KEEPING), keeper);
    add_other("shutter", has_habit(SHUTTING), shutter);
    add_other("warden", true, warden);
}

static void await_borrowers(void)
{
    for (unsigned i = 0; i < run.borrowers; i++)
        machine_join(borrowers[i]);
}

static void await_others(void)
{
    for (unsigned i = 0; i < other_count; i++)
        machine_join(others[i]);
}

static void begin(void)
{
    run = (struct run){ 0 };
    open_database();
    run.forgetful = machine_one_in(6);
    null_set(run.server, NULL_VOLATILE, run.forgetful);
    weather_begin();
    judge_begin();
    laws_begin();
    people_begin();
}

/* ---- the bad days are over */

/* How long a pool may take to find that out. */
static int64_t time_to_recover(void)
{
    const struct pool_config *c = &run.pool->config;
    int64_t pause = c->probe_interval > c->backoff_max ? c->probe_interval : c->backoff_max;
    return c->connect_timeout + c->rise * (pause + c->probe_timeout) + c->look_after + 3 * SECOND;
}

static void is_served(unsigned how)
{
    weir_error err;
    weir_conn conn;
    struct moment came = machine_mark();
    int status = weir_acquire(&conn, run.db, how, weir_after_ms(60000), &err);
    law(status >= 0, "after all is well again nobody is served: %s", err.text);
    laws_lent(conn, how == WEIR_READ, came);
    status = weir_exec(NULL, conn, "COUNTER", WEIR_NO_ARGS, weir_after_ms(1000), &err);
    law(status >= 0 || !run.crew || run.shaky, "after all is well again a statement fails: %s", err.text);
    laws_given(conn);
    weir_release(&conn);
}

static void is_itself_again(void)
{
    weir_health health = { .size = sizeof health };
    weir_figures f = { .size = sizeof f };
    machine_be_calm();
    machine_sleep(time_to_recover());
    weir_pool_health(&health, run.pool);
    law(health.state == WEIR_UP || !run.crew || run.shaky, "after all is well again the pool is %s",
        weir_health_state_name(health.state));
    is_served(WEIR_READ);
    is_served(WEIR_WRITE);
    machine_sleep(SECOND);
    laws_are_strict();
    weir_pool_figures(&f, run.pool);
    law(!f.used && !f.waiting, "nobody has or wants a connection, and %u are used, %u wait", f.used, f.waiting);
    if (run.crew && run.pool->config.idle_timeout <= 60 * SECOND)
        machine_sleep(run.pool->config.idle_timeout + 4 * SECOND);
}

/* ---- the end */

static void close_database(void)
{
    struct moment came = machine_mark();
    while (run.calling)
        machine_sleep(MS);
    weir_db_close(&run.db);
    law(!run.db, "a database is not zeroed by what closes it");
    law(machine_since(came) < 60 * SECOND, "closing takes for ever");
    machine_note("closed");
}

static void end(void)
{
    if (run.early)
        machine_sleep(machine_below(6 * SECOND));
    else
        await_borrowers();
    run.over = true;
    weather_end();
    run.closing = run.early;
    if (!run.early && !run.shut)
        is_itself_again();
    run.closing = true;
    await_others();
    close_database();
    machine_await_all();
}

/* Every ADD is in the ledger, or not, as its caller was told. */
static void ledger_agrees(void)
{
    static int64_t ledger[ADDS];
    static unsigned char times[ADDS];
    size_t count = null_ledger(run.server, ledger, ADDS);
    memset(times, 0, sizeof times);
    for (size_t i = 0; i < count; i++)
        times[ledger[i]]++;
    for (unsigned i = 1; i <= run.adds; i++) {
        law(times[i] <= 1, "ADD %u is done twice", i);
        law(run.fates[i] == FATE_UNKNOWN || times[i] == (run.fates[i] == FATE_DONE),
            "ADD %u is %sdone, and its caller was told otherwise", i, times[i] ? "" : "not ");
    }
}

static void nothing_is_left(void)
{
    law(!weather_blocks(), "%u blocks of memory are left", weather_blocks());
    law(!null_figure(run.server, NULL_SESSIONS), "a session is left at the server");
    law(null_figure(run.server, NULL_OPENS) == null_figure(run.server, NULL_CLOSES), "what was opened was not closed");
    ledger_agrees();
    law(!null_forget_all(), "a connection is left at the server");
}

/* How it goes is drawn from the seed, too: mostly at random, now and then in a wicked order. */
static struct machine_plan plan_of(uint64_t seed, bool loud)
{
    static const unsigned stays[] = { 1, 3, 10, 40 };
    uint64_t random = seed;
    struct machine_plan plan = { .seed = seed, .loud = loud, .step = laws_step, .rest = laws_rest };
    plan.stay = stays[random_below(&random, 4)];
    plan.by_rank = random_below(&random, 3) == 0;
    if (plan.by_rank)
        plan.stay *= 20;
    plan.spurious = random_below(&random, 4) ? 0 : 20;
    plan.stall = random_below(&random, 4) ? 0 : 300;
    plan.oversleep = random_below(&random, 4) ? 0 : 50;
    return plan;
}

uint64_t run_seed(uint64_t seed, bool loud)
{
    const struct machine_plan plan = plan_of(seed, loud);
    machine_begin(&plan);
    begin();
    end();
    nothing_is_left();
    return machine_end();
}
