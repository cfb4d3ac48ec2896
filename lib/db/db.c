/*
 * A db: opening, shutting down, closing.
 * SPDX-License-Identifier: MIT
 */
#include <stdio.h>
#include <string.h>
#include <base/decimal.h>
#include <base/error.h>
#include <base/text.h>
#include <db/inside.h>
#include <db/option.h>
#include <driver/registry.h>

#define PATIENCE (200 * NS_PER_MS) /* that weir_db_close has with threads inside a client library */

static void hold(void *arg)
{
    weir_db *db = arg;
    atomic_fetch_add(&db->refs, 1);
}

static void destroy(weir_db *db)
{
    struct alloc alloc = db->alloc;
    pool_destroy(db->pool);
    crew_destroy(db->crew);
    options_end(&db->options);
    uri_end(&db->uri, &alloc);
    mem_free(&alloc, db);
}

void db_drop(void *arg)
{
    weir_db *db = arg;
    if (atomic_fetch_sub(&db->refs, 1) == 1)
        destroy(db);
}

/* Its owner's hold is left.  If the owner has closed it before the fork, nobody lets go: the parent's handles may be looked at yet. */
static void forked(void *arg)
{
    weir_db *db = arg;
    atomic_store(&db->refs, 1);
}

/* What is lent to drivers: weir_host. */

static void *host_realloc(void *ctx, void *block, size_t size)
{
    weir_db *db = ctx;
    if (size)
        return mem_realloc(&db->alloc, block, size);
    mem_free(&db->alloc, block);
    return NULL;
}

static int64_t host_now(void *ctx)
{
    const weir_db *db = ctx;
    return clock_now(&db->clock);
}

static const char *host_option(void *ctx, const char *name)
{
    const weir_db *db = ctx;
    return options_text(&db->options, name);
}

static int64_t host_option_ns(void *ctx, const char *name)
{
    const weir_db *db = ctx;
    return options_ns(&db->options, name);
}

static void init_host(weir_db *db)
{
    db->host = (weir_host){
        .size = sizeof db->host,
        .ctx = db,
        .realloc = host_realloc,
        .now_ns = host_now,
        .option = host_option,
        .fail = fail,
        .time_text = time_text,
        .option_ns = host_option_ns,
        .time_parse = time_parse,
        .double_parse = double_parse,
        .decimal_add = decimal_add_texts,
        .decimal_compare = decimal_compare_texts,
    };
}

static void tell(void *arg, weir_pool *pool, enum weir_event_kind kind, const char *text, const weir_error *err)
{
    const weir_db *db = arg;
    weir_event event = { .size = sizeof event, .kind = kind, .pool = pool, .text = text, .err = err };
    if (db->hooks.event)
        db->hooks.event(db->hooks.arg, &event);
}

/* Options: the program's own, the URL's, the environment's, in falling weight. */

static int set_explicit(weir_db *db, weir_error *err)
{
    const char *const *o = db->hooks.options;
    for (; o && o[0]; o += 2) {
        if (!o[1])
            return fail(err, WEIR_E_OPTION, "option '%s': it has no value in weir_hooks.options", o[0]);
        int status = options_set(&db->options, o[0], o[1], OPTION_EXPLICIT, err);
        if (status < 0)
            return status;
    }
    db->hooks.options = NULL; /* copied */
    return WEIR_OK;
}

static int set_options(weir_db *db, const struct env_option *env, weir_error *err)
{
    int status = options_init(&db->options, &db->alloc, core_options, db->backend->options, err);
    for (size_t i = 0; status >= 0 && i < db->uri.pair_count; i++)
        status = options_set(&db->options, db->uri.pairs[i].name, db->uri.pairs[i].value, OPTION_URL, err);
    for (; status >= 0 && env && env->name; env++)
        status = options_set(&db->options, env->name, env->value, OPTION_ENVIRONMENT, err);
    return status < 0 ? status : set_explicit(db, err);
}

static unsigned number(const weir_db *db, const char *name)
{
    return (unsigned)options_int(&db->options, name);
}

static bool is(const weir_db *db, const char *name, const char *value)
{
    return strcmp(options_text(&db->options, name), value) == 0;
}

/* What is done again and again leaves time for other things. */
static int check_pace(const weir_db *db, const char *name, const char *zero, weir_error *err)
{
    int64_t pace = options_ns(&db->options, name);
    if (!pace || pace >= NS_PER_S)
        return WEIR_OK;
    return fail(err, WEIR_E_OPTION, "option '%s': %s is less than 1s; 0s is %s", name, options_text(&db->options, name),
                zero);
}

/* Options that contradict each other are refused by name. */
static int check_options(const weir_db *db, weir_error *err)
{
    if (number(db, "pool_min") > number(db, "pool_size"))
        return fail(err, WEIR_E_OPTION, "option 'pool_min': %u is more than pool_size, which is %u",
                    number(db, "pool_min"), number(db, "pool_size"));
    int64_t reserve = options_int(&db->options, "write_reserve");
    if (reserve > 0 && (uint64_t)reserve >= number(db, "pool_size"))
        return fail(err, WEIR_E_OPTION, "option 'write_reserve': %d leaves no place for readers in a pool_size of %u",
                    (int)reserve, number(db, "pool_size"));
    if (options_ns(&db->options, "connect_backoff") > options_ns(&db->options, "connect_backoff_max"))
        return fail(err, WEIR_E_OPTION, "option 'connect_backoff': %s is more than connect_backoff_max, which is %s",
                    options_text(&db->options, "connect_backoff"), options_text(&db->options, "connect_backoff_max"));
    int64_t interval = options_ns(&db->options, "probe_interval");
    if (interval && options_ns(&db->options, "probe_timeout") > interval)
        return fail(err, WEIR_E_OPTION, "option 'probe_timeout': %s is more than probe_interval, which is %s",
                    options_text(&db->options, "probe_timeout"), options_text(&db->options, "probe_interval"));
    return check_pace(db, "keepalive", "never", err) < 0 ? WEIR_E_OPTION
                                                         : check_pace(db, "max_lifetime", "for ever", err);
}

static void init_source(weir_db *db)
{
    int64_t query_timeout = options_ns(&db->options, "query_timeout");
    db->source = (struct link_source){
        .backend = db->backend,
        .host = &db->host,
        .alloc = &db->alloc,
        .clock = &db->clock,
        .cache_size = number(db, "statement_cache"),
        .reset_always = is(db, "reset", "always"),
        .reset_never = is(db, "reset", "never"),
        .query_timeout = query_timeout ? query_timeout : NEVER,
        .target = db_target,
        .arg = db,
    };
}

static struct pool_config pool_config(const weir_db *db)
{
    return (struct pool_config){
        .max = number(db, "pool_size"),
        .min = number(db, "pool_min"),
        .write_reserve = number(db, "write_reserve"),
        .write_concurrency = number(db, "write_concurrency"),
        .write_auto = options_int(&db->options, "write_concurrency") < 0,
        .one_writer = db->backend->caps & WEIR_CAP_ONE_WRITER,
        .reset_always = db->source.reset_always,
        .fail_fast = options_int(&db->options, "fail_fast") != 0,
        .refuse_nested = is(db, "nested", "refuse"),
        .can_check = db->backend->caps & WEIR_CAP_PING,
        .max_connecting = number(db, "max_connecting"),
        .fall = number(db, "probe_fall"),
        .rise = number(db, "probe_rise"),
        .lifetime_jitter = number(db, "lifetime_jitter"),
        .connect_timeout = options_ns(&db->options, "connect_timeout"),
        .backoff = options_ns(&db->options, "connect_backoff"),
        .backoff_max = options_ns(&db->options, "connect_backoff_max"),
        .idle_timeout = options_ns(&db->options, "idle_timeout"),
        .barge_bound = options_ns(&db->options, "overtake_limit"),
        .leak_after = options_ns(&db->options, "leak_after"),
        .look_after = options_ns(&db->options, "look_after"),
        .validate_after = options_ns(&db->options, "validate_after"),
        .keepalive = options_ns(&db->options, "keepalive"),
        .probe_interval = options_ns(&db->options, "probe_interval"),
        .probe_timeout = options_ns(&db->options, "probe_timeout"),
        .max_lifetime = options_ns(&db->options, "max_lifetime"),
        .shed_after = options_ns(&db->options, "shed_after"),
    };
}

/* host:port/database, or the path of a file. */
static void name_pool(const weir_db *db, char *out, size_t size)
{
    const struct uri *u = &db->uri;
    if (!u->host_count)
        snprintf(out, size, "%s", u->database);
    else if (u->hosts[0].port)
        snprintf(out, size, "%s:%u/%s", u->hosts[0].name, (unsigned)u->hosts[0].port, u->database);
    else
        snprintf(out, size, "%s/%s", u->hosts[0].name, u->database);
}

static bool crew_work(void *arg)
{
    const weir_db *db = arg;
    return pool_work(db->pool, NEVER);
}

static int64_t crew_tick(void *arg)
{
    const weir_db *db = arg;
    return pool_tick(db->pool);
}

static int create_crew(weir_db *db, weir_error *err)
{
    const struct crew_duty duty = { .work = crew_work, .tick = crew_tick, .hold = hold, .drop = db_drop, .arg = db };
    if (!CREW_THREADS || is(db, "threads", "none"))
        return WEIR_OK;
    int status = crew_create(&db->crew, &db->alloc, &db->clock, number(db, "max_connecting") + 1, &duty);
    return status < 0 ? fail(err, status, "no memory for the threads' book-keeping") : WEIR_OK;
}

static int create_pool(weir_db *db, weir_error *err)
{
    char name[512];
    struct pool_config config = pool_config(db);
    struct pool_home home = {
        .alloc = &db->alloc,
        .clock = &db->clock,
        .crew = db->crew,
        .arg = db,
        .event = tell,
        .hold = hold,
        .drop = db_drop,
        .forked = forked,
    };
    name_pool(db, name, sizeof name);
    return pool_create(&db->pool, &config, &home, &link_ops, &db->source, name, err);
}

static int set_up(weir_db *db, const char *url, const struct env_option *env, weir_error *err)
{
    int status = uri_parse(&db->uri, &db->alloc, url, err);
    if (status < 0)
        return status;
    if (db->uri.host_count > 1)
        return fail(err, WEIR_E_OPTION, "the URL lists %zu hosts; one is supported", db->uri.host_count);
    db->backend = driver_find(db->uri.scheme, err);
    if (!db->backend)
        return WEIR_E_OPTION;
    status = set_options(db, env, err);
    if (status >= 0)
        status = check_options(db, err);
    if (status < 0)
        return status;
    db->acquire_timeout = options_ns(&db->options, "acquire_timeout");
    db->transact_attempts = number(db, "transact_attempts");
    init_host(db);
    init_source(db);
    status = create_crew(db, err);
    return status < 0 ? status : create_pool(db, err);
}

static int check_hooks(const weir_hooks *hooks, weir_error *err)
{
    if (hooks && (hooks->size < sizeof(size_t) || hooks->size > 4096))
        return fail(err, WEIR_E_ARGUMENT, "weir_hooks: size is not set");
    return WEIR_OK;
}

int db_open(weir_db **out, const char *url, const struct env_option *env, const weir_hooks *hooks, weir_error *err)
{
    if (!out)
        return fail(err, WEIR_E_ARGUMENT, "no place for the database was given");
    *out = NULL;
    int status = check_hooks(hooks, err);
    if (status < 0)
        return status;
    weir_hooks own = { .size = sizeof own };
    if (hooks)
        memcpy(&own, hooks, hooks->size < sizeof own ? hooks->size : sizeof own);
    struct alloc alloc = { own.realloc, own.arg };
    weir_db *db = fork_watch() < 0 ? NULL : mem_zeroed(&alloc, sizeof *db);
    if (!db)
        return fail(err, WEIR_E_MEMORY, "no memory for a database");
    db->alloc = alloc;
    db->clock = (struct clock){ own.now_ns, own.arg };
    db->hooks = own;
    atomic_store(&db->refs, 1);
    status = set_up(db, url, env, err);
    if (status < 0)
        destroy(db);
    else
        *out = db;
    return status;
}

int weir_db_open(weir_db **out, const char *url, const weir_hooks *hooks, weir_error *err)
{
    if (!url) {
        if (out)
            *out = NULL;
        return fail(err, WEIR_E_ARGUMENT, "no URL was given");
    }
    return db_open(out, url, NULL, hooks, err);
}

int weir_db_shutdown(weir_db *db, weir_deadline deadline, weir_error *err)
{
    if (!db)
        return fail(err, WEIR_E_ARGUMENT, "no database was given");
    if (!pool_shutdown(db->pool, clock_deadline(&db->clock, deadline, db->acquire_timeout), err))
        return WEIR_OK;
    pool_cut(db->pool);
    return WEIR_LENT;
}

void weir_db_close(weir_db **db)
{
    if (!db || !*db)
        return;
    weir_db *d = *db;
    *db = NULL;
    if (pool_shutdown(d->pool, 0, NULL))
        pool_cut(d->pool);
    if (d->crew)
        crew_stop(d->crew, PATIENCE);
    while (pool_work(d->pool, NEVER)) /* what no thread was there for */
        ;
    pool_settle(d->pool);
    db_drop(d);
}

const char *weir_db_driver(const weir_db *db)
{
    return db ? db->backend->name : "";
}
