/*
 * What the tests of bad days stand on.
 * SPDX-License-Identifier: MIT
 */
#include <dirent.h>
#include <stddef.h>
#include <stdlib.h>
#include <time.h>
#include "rig.h"

weir_db *db;
weir_pool *pool;
struct null_server *server;
struct null_clock moment;
weir_error err;

#define START (INT64_C(1000000) * MS)
#define KINDS (WEIR_EVENT_HEALTH + 1)

static bool crewless;
static atomic_llong blocks, bytes;
static atomic_uint user_connects, looks;
static _Thread_local bool is_user;

static struct {
    pthread_mutex_t lock;
    char states[4096], returned[4096];
    unsigned told[KINDS];
    char last[600];
} events = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* Around a fork the lock is held: the child finds it free, whoever had it. */
static void hold_events(void)
{
    pthread_mutex_lock(&events.lock);
}

static void let_events(void)
{
    pthread_mutex_unlock(&events.lock);
}

static void watch_forks(void)
{
    pthread_atfork(hold_events, let_events, let_events);
}

/* The size goes before the block. */
union head {
    size_t size;
    max_align_t align;
};

static void *counting_realloc(void *arg, void *block, size_t size)
{
    (void)arg;
    union head *old = block ? (union head *)block - 1 : NULL;
    size_t before = old ? old->size : 0;
    if (size == 0) {
        blocks -= old != NULL;
        bytes -= (long long)before;
        free(old);
        return NULL;
    }
    union head *got = realloc(old, sizeof *got + size);
    if (!got)
        return NULL;
    blocks += old == NULL;
    bytes += (long long)size - (long long)before;
    got->size = size;
    return got + 1;
}

int64_t bytes_out(void)
{
    return bytes;
}

static int64_t look_at_clock(void *clock)
{
    atomic_fetch_add_explicit(&looks, 1, memory_order_relaxed);
    return null_clock_now(clock);
}

static int note_connect(void *arg, char *password, size_t size)
{
    (void)arg;
    user_connects += is_user;
    snprintf(password, size, "secret");
    return 0;
}

unsigned connects_by_users(void)
{
    return user_connects;
}

static const char *state_in(const char *text)
{
    static const char *const texts[] = { "the pool is up", "the pool is suspect", "the pool is down",
                                         "the pool is being probed", "the pool is being shut down" };
    for (uint32_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (strcmp(texts[i], text) == 0)
            return weir_health_state_name(i);
    return "unknown";
}

static void note_event(void *arg, const weir_event *event)
{
    (void)arg;
    pthread_mutex_lock(&events.lock);
    events.told[event->kind]++;
    if (event->kind == WEIR_EVENT_HEALTH) {
        size_t length = strlen(events.states);
        snprintf(events.states + length, sizeof events.states - length, "%s%s", length ? " " : "",
                 state_in(event->text));
    } else if (event->kind != WEIR_EVENT_OPENED) {
        snprintf(events.last, sizeof events.last, "%s", event->text);
    }
    pthread_mutex_unlock(&events.lock);
}

const char *states(void)
{
    pthread_mutex_lock(&events.lock);
    strcpy(events.returned, events.states);
    pthread_mutex_unlock(&events.lock);
    return events.returned;
}

void forget_states(void)
{
    pthread_mutex_lock(&events.lock);
    events.states[0] = '\0';
    pthread_mutex_unlock(&events.lock);
}

void hears(const char *want, const char *what)
{
    for (int naps = 20000; naps && strcmp(states(), want) != 0; naps--)
        nap();
    is_text(states(), want, "%s", what);
    forget_states();
}

unsigned told(enum weir_event_kind kind)
{
    pthread_mutex_lock(&events.lock);
    unsigned n = events.told[kind];
    pthread_mutex_unlock(&events.lock);
    return n;
}

const char *last_told(void)
{
    static char text[sizeof events.last];
    pthread_mutex_lock(&events.lock);
    strcpy(text, events.last);
    pthread_mutex_unlock(&events.lock);
    return text;
}

static void forget_events(void)
{
    events.states[0] = events.last[0] = '\0';
    memset(events.told, 0, sizeof events.told);
    user_connects = 0;
}

/* "null://NAME/…" or, for the other drivers, "null-…://NAME/…". */
static struct null_server *server_of(const char *url)
{
    char name[64];
    const char *at = strstr(url, "://");
    if (!at)
        tap_bail("no server in '%s'", url);
    snprintf(name, sizeof name, "%.*s", (int)strcspn(at + 3, "/"), at + 3);
    return null_server(name);
}

void rig_open(enum null_clock_mode mode, const char *url)
{
    const weir_hooks hooks = {
        .size = sizeof hooks,
        .realloc = counting_realloc,
        .now_ns = look_at_clock,
        .event = note_event,
        .credentials = note_connect,
        .arg = &moment,
    };
    static pthread_once_t watched = PTHREAD_ONCE_INIT;
    pthread_once(&watched, watch_forks);
    is_user = true;
    weir_backend_register(&weir_null_bare_backend, &err); /* the first time; then its name is taken */
    weir_backend_register(&weir_null_one_backend, &err);
    forget_events();
    null_clock_init(&moment, START, mode);
    server = server_of(url);
    null_server_use_clock(server, &moment);
    if (weir_db_open(&db, url, &hooks, &err) < 0)
        tap_bail("%s: %s", url, err.text);
    pool = weir_db_pool(db, 0);
    crewless = strstr(url, "threads=none") != NULL;
}

/* Threads that are in the driver when the db is closed leave with the clock. */
void rig_close(void)
{
    null_set(server, NULL_STATE, NULL_UP);
    weir_db_close(&db);
    for (int left = 20000; left && blocks; left--) {
        null_clock_advance(&moment, 1000 * MS);
        nap();
    }
    is_int(blocks, 0, "nothing is left of the db");
    is_int(null_figure(server, NULL_OVERLAPS), 0, "no connection was ever used by two at once");
    is_int(null_forget_all(), 0, "and the server has no session any more");
}

int64_t now_ms(void)
{
    return (null_clock_now(&moment) - START) / MS;
}

void pass(int64_t ms)
{
    for (; ms > 0; ms -= 50) {
        null_clock_advance(&moment, (ms < 50 ? ms : 50) * MS);
        if (crewless)
            weir_db_maintain(db, weir_never(), &err);
        else
            pool_tick(pool);
    }
}

void pass_to(int64_t ms)
{
    pass(ms - now_ms());
}

static atomic_bool flowing;
static pthread_t stream;
static struct {
    enum null_figure which;
    int64_t value;
} source;

static void *flow_on(void *arg)
{
    (void)arg;
    while (flowing && null_figure(server, source.which) < source.value)
        nap();
    while (flowing) {
        null_clock_advance(&moment, MS);
        nap();
    }
    return NULL;
}

void flow_from(enum null_figure which, int64_t value)
{
    source.which = which;
    source.value = value;
    flowing = true;
    if (pthread_create(&stream, NULL, flow_on, NULL))
        tap_bail("no thread");
}

void flow(bool on)
{
    if (on) {
        flow_from(NULL_OPENS, 0);
        return;
    }
    flowing = false;
    pthread_join(stream, NULL);
}

weir_figures figures(void)
{
    weir_figures f = { .size = sizeof f };
    weir_pool_figures(&f, pool);
    return f;
}

weir_health health(void)
{
    weir_health h = { .size = sizeof h };
    weir_pool_health(&h, pool);
    return h;
}

const char *state(void)
{
    return weir_health_state_name(health().state);
}

int entries(const char *folder)
{
    int n = -2; /* "." and ".." */
    DIR *dir = opendir(folder);
    while (dir && readdir(dir))
        n++;
    if (dir)
        closedir(dir);
    return dir ? n : -1;
}

static void *nothing(void *arg)
{
    return arg;
}

/* With the first thread of a process a sanitizer may make one of its own, which is not to be counted as new. */
static void make_first_thread(void)
{
    pthread_t first;
    if (pthread_create(&first, NULL, nothing, NULL))
        tap_bail("no thread");
    pthread_join(first, NULL);
}

int threads(void)
{
    static pthread_once_t made = PTHREAD_ONCE_INIT;
    pthread_once(&made, make_first_thread);
    return entries("/proc/self/task");
}

void nap(void)
{
    const struct timespec half_a_millisecond = { .tv_nsec = 500000 };
    nanosleep(&half_a_millisecond, NULL);
}

/* The first look is at those whose time has come: they are handshakes and wait until they know. */
bool resting(void)
{
    if (null_figure(server, NULL_WOKEN))
        return false;
    weir_figures f = figures();
    return f.opening == null_figure(server, NULL_HANDSHAKES) && !f.resetting && !f.closing && (!f.idle || !f.waiting);
}

bool settled(void)
{
    if (!resting())
        return false;
    weir_figures f = figures();
    return f.opening + f.used == null_figure(server, NULL_WAITING);
}

static int64_t real_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / MS;
}

/* How long it looks is not in its hands. */
void is_still(const char *when)
{
    const int64_t began = real_ms();
    unsigned before = looks;
    for (int i = 0; i < 200; i++)
        nap();
    unsigned busy = looks - before;
    ok(busy < 30 * (real_ms() - began), "%s, nobody turns in a circle: %u looks at the clock", when, busy);
}

void never(const char *fact)
{
    weir_figures f = figures();
    weir_health h = health();
    tap_note("at %lld ms: %u idle, %u used, %u opening, %u resetting, %u closing, %u waiting", (long long)now_ms(),
             f.idle, f.used, f.opening, f.resetting, f.closing, f.waiting);
    tap_note("%s since %lld ms, next probe in %lld ms, %llu connects failed; %s", state(), (long long)h.since_ms,
             (long long)h.next_probe_ms, (unsigned long long)f.connect_failed, h.last.text);
    tap_bail("never: %s", fact);
}

static void *call(void *arg)
{
    struct caller *c = arg;
    is_user = true;
    c->began = now_ms();
    c->status = weir_acquire(&c->conn, db, c->how, c->deadline, &c->err);
    c->ended = now_ms();
    if (c->status >= 0 && c->say) {
        c->said = weir_exec(NULL, c->conn, c->say, WEIR_NO_ARGS, weir_never(), &c->err);
        weir_release(&c->conn);
    }
    c->done = true;
    return NULL;
}

void callers_begin(struct caller *c, unsigned n, unsigned how, int64_t deadline_ms, const char *say)
{
    memset(c, 0, n * sizeof *c);
    for (; n; n--, c++) {
        c->how = how;
        c->deadline = weir_after_ms(deadline_ms);
        c->say = say;
        if (pthread_create(&c->thread, NULL, call, c))
            tap_bail("no thread");
    }
}

unsigned callers_done(const struct caller *c, unsigned n)
{
    unsigned done = 0;
    for (; n; n--, c++)
        done += c->done;
    return done;
}

unsigned callers_with(const struct caller *c, unsigned n, int status)
{
    unsigned with = 0;
    for (; n; n--, c++)
        with += c->done && c->status == status;
    return with;
}

void callers_end(struct caller *c, unsigned n)
{
    for (; n; n--, c++) {
        pthread_join(c->thread, NULL);
        weir_release(&c->conn);
    }
}

int take(weir_conn *conn, unsigned how, int64_t deadline_ms)
{
    return weir_acquire(conn, db, how, weir_after_ms(deadline_ms), &err);
}

int run(weir_conn conn, const char *sql)
{
    return weir_exec(NULL, conn, sql, WEIR_NO_ARGS, weir_never(), &err);
}

void fill(unsigned n, unsigned how)
{
    weir_conn conns[256];
    for (unsigned i = 0; i < n; i++)
        if (take(&conns[i], how, 60000) < 0)
            tap_bail("%s", err.text);
    for (unsigned i = 0; i < n; i++)
        weir_release(&conns[i]);
}

int64_t session(weir_conn conn)
{
    weir_rows rows;
    int64_t number = -1;
    if (weir_query(&rows, conn, "SESSION", WEIR_NO_ARGS, weir_never(), &err) >= 0) {
        if (weir_rows_next(rows, &err) == WEIR_ROW)
            number = weir_rows_int(rows, 0);
        weir_rows_close(&rows, &err);
    }
    return number;
}
