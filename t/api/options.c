/*
 * What a program can get wrong when it opens a database is told before anything is connected: by the name of the option, with what it
 * may be, and without any secret.
 * SPDX-License-Identifier: MIT
 */
#include "rig.h"

static void none(const char *what, weir_db *db)
{
    ok(!db && err.status < 0 && err.text[0] && !strstr(err.text, "geheim"), "%s: nothing is opened, no secret told",
       what);
    weir_db_close(&db);
}

/* ---- URLs that are wrong, and what the error has in it */

static const struct wrong {
    const char *url, *says;
} wrongs[] = {
    { "", "the URL is empty" },
    { "prices.db", "has no scheme" },
    { "nul://x/db", "unknown scheme 'nul', did you mean 'null'?" },
    { "zzzzzz://x/db", "unknown scheme 'zzzzzz'; this build has:" },
    { "null://u:geheim@a,b/db", "lists 2 hosts" },
    { "null://u:geheim@x:99999/db", "port" },
    { "null://u:geheim@x:5x/db", "port" },
    { "null://u:ge%ZZheim@x/db", "%" },
    { "null://u:geheim@x/db?", "" },
    { "null://u:geheim@x/db?pool_size", "option 'pool_size' in the URL has no value" },
    { "null://u:geheim@x/db?=5", "an option in the URL has no name" },
    { "null://u:geheim@x/db?pool_sise=5", "unknown option 'pool_sise', did you mean 'pool_size'?" },
    { "null://u:geheim@x/db?connect_dely=5ms", "unknown option 'connect_dely', did you mean 'connect_delay'?" },
    { "null://u:geheim@x/db?colour=blue", "unknown option 'colour'" },
    { "null://u:geheim@x/db?pool_size=", "option 'pool_size': '' is not a whole number (range 1..4096)" },
    { "null://u:geheim@x/db?pool_size=ten", "option 'pool_size': 'ten' is not a whole number (range 1..4096)" },
    { "null://u:geheim@x/db?pool_size=0", "option 'pool_size': '0' is outside 1..4096" },
    { "null://u:geheim@x/db?pool_size=4097", "option 'pool_size': '4097' is outside 1..4096" },
    { "null://u:geheim@x/db?pool_size=99999999999999999999", "option 'pool_size'" },
    { "null://u:geheim@x/db?acquire_timeout=30", "option 'acquire_timeout': '30' has no unit; write 30s or 30ms" },
    { "null://u:geheim@x/db?acquire_timeout=30x", "option 'acquire_timeout': '30x' is not a duration" },
    { "null://u:geheim@x/db?acquire_timeout=-1s", "option 'acquire_timeout'" },
    { "null://u:geheim@x/db?connect_timeout=0s", "option 'connect_timeout': '0s' is outside 1ms..1h" },
    { "null://u:geheim@x/db?threads=some", "option 'threads': 'some' is not one of auto|none" },
    { "null://u:geheim@x/db?reset=", "option 'reset': '' is not one of auto|always|never" },
    { "null://u:geheim@x/db?alive=maybe", "option 'alive': 'maybe' is not one of on, off" },
    { "null://u:geheim@x/db?pool_min=11", "option 'pool_min': 11 is more than pool_size, which is 8" },
    { "null://u:geheim@x/db?pool_size=4&write_reserve=4", "option 'write_reserve': 4 leaves no place for readers" },
    { "null://u:geheim@x/db?connect_backoff=2s",
      "option 'connect_backoff': 2s is more than connect_backoff_max, which is 1s" },
    { "null://u:geheim@x/db?probe_timeout=6s", "option 'probe_timeout': 6s is more than probe_interval, which is 5s" },
    { "null://u:geheim@x/db?max_lifetime=500ms", "option 'max_lifetime': 500ms is less than 1s" },
};

static void wrong_urls(void)
{
    for (size_t i = 0; i < sizeof wrongs / sizeof *wrongs; i++) {
        const struct wrong *w = &wrongs[i];
        weir_db *db = (weir_db *)(uintptr_t)1;
        memset(&err, 0, sizeof err);
        int status = weir_db_open(&db, w->url, NULL, &err);
        if (!*w->says) {
            is_int(status, WEIR_OK, "'%s' is allowed", w->url);
            weir_db_close(&db);
            continue;
        }
        is_int(status, WEIR_E_OPTION, "'%s' is refused", w->url);
        has_text(err.text, w->says, "  and told why");
        none("  then", db);
        is_int(weir_db_open(&db, w->url, NULL, NULL), WEIR_E_OPTION, "  who does not ask is not told");
    }
}

/* ---- the same in weir_hooks, which weigh more than the URL */

static int open_so(const char *const *options, const char *url, unsigned *size)
{
    weir_db *db;
    const weir_hooks hooks = { .size = sizeof hooks, .options = options };
    int status = weir_db_open(&db, url, &hooks, &err);
    *size = status < 0 ? 0 : figures(db).max;
    weir_db_close(&db);
    return status;
}

static void weights(void)
{
    unsigned size;
    const char *const seven[] = { "pool_size", "7", NULL }, *const twice[] = { "pool_size", "7", "pool_size", "8",
                                                                               NULL };
    const char *const nothing[] = { NULL }, *const lonely[] = { "pool_min", "1", "pool_size", NULL };
    const char *const misspelt[] = { "pool_sise", "7", NULL }, *const no_unit[] = { "leak_after", "7", NULL };
    open_so(NULL, "null://x/db", &size);
    is_int(size, 8, "without a word the pool has its usual size");
    open_so(nothing, "null://x/db?pool_size=5", &size);
    is_int(size, 5, "the URL weighs more than the default");
    open_so(seven, "null://x/db?pool_size=5", &size);
    is_int(size, 7, "the program more than the URL");
    open_so(twice, "null://x/db?pool_size=5", &size);
    is_int(size, 8, "what it says later more than what it said before");
    is_int(open_so(seven, "null://x/db?pool_size=zero", &size), WEIR_E_OPTION,
           "what is outweighed must be right all the same");
    is_int(open_so(lonely, "null://x/db", &size), WEIR_E_OPTION, "an option without a value");
    has_text(err.text, "option 'pool_size': it has no value", "  is told by name");
    is_int(open_so(misspelt, "null://x/db", &size), WEIR_E_OPTION, "a misspelt one");
    has_text(err.text, "did you mean 'pool_size'?", "  too");
    is_int(open_so(no_unit, "null://x/db", &size), WEIR_E_OPTION, "a duration without a unit");
    has_text(err.text, "has no unit", "  as in a URL");
    const char *const against[] = { "pool_min", "6", NULL };
    is_int(open_so(against, "null://x/db?pool_size=5", &size), WEIR_E_OPTION,
           "two that contradict each other need not be in one place");
}

static void copied(void)
{
    char name[] = "pool_size", value[] = "3", url[] = "null://copied/db?write_reserve=0";
    const char *options[] = { name, value, NULL };
    weir_hooks hooks = { .size = sizeof hooks, .options = options };
    weir_db *db;
    if (weir_db_open(&db, url, &hooks, &err) < 0)
        tap_bail("%s", err.text);
    memset(name, 'x', sizeof name - 1);
    memset(value, 'x', sizeof value - 1);
    memset(url, 'x', sizeof url - 1);
    memset(&hooks, 0xff, sizeof hooks);
    weir_conn conn = take(db, WEIR_READ);
    ok(figures(db).max == 3 && run(conn, "SESSION") == WEIR_OK, "the texts and hooks are copied");
    is_text(weir_pool_name(weir_db_pool(db, 0)), "copied/db", "the pool has the name of its server");
    weir_release(&conn);
    weir_db_close(&db);
    db = open_db(NULL, "null://user:geheim@named:77/db");
    is_text(weir_pool_name(weir_db_pool(db, 0)), "named:77/db", "  with its port and without user and password");
    is_text(weir_db_driver(db), "null", "and its driver has a name");
    weir_db_close(&db);
}

static void sizes(void)
{
    weir_db *db = (weir_db *)(uintptr_t)1;
    weir_hooks hooks = { 0 };
    is_int(weir_db_open(&db, "null://x/db", &hooks, &err), WEIR_E_ARGUMENT, "hooks whose size was not set are refused");
    none("  and", db);
    hooks.size = (size_t)-1;
    is_int(weir_db_open(&db, "null://x/db", &hooks, &err), WEIR_E_ARGUMENT, "so are those of an impossible size");
    const char *const options[] = { "pool_size", "2", NULL };
    hooks = (weir_hooks){ .size = offsetof(weir_hooks, realloc), .options = options };
    memset(&hooks.realloc, 0xff, sizeof hooks - offsetof(weir_hooks, realloc));
    is_int(weir_db_open(&db, "null://x/db", &hooks, &err), WEIR_OK, "what lies past the size is not looked at");
    is_int(figures(db).max, 2, "  what lies before it is");
    weir_figures part = { .size = offsetof(weir_figures, idle), .idle = 99 };
    ok(weir_pool_figures(&part, weir_db_pool(db, 0)) == WEIR_OK && part.max == 2 && part.idle == 99,
       "nor are figures written past theirs");
    weir_db_close(&db);
}

/* ---- nothing where something is due */

static int no_body(weir_conn conn, void *arg, weir_error *e)
{
    (void)conn;
    (void)arg;
    (void)e;
    return 0;
}

static void nothing_given(void)
{
    weir_db *db = (weir_db *)(uintptr_t)1;
    weir_conn conn;
    weir_figures f = { 0 };
    is_int(weir_db_open(&db, NULL, NULL, &err), WEIR_E_ARGUMENT, "no URL");
    none("  then", db);
    is_int(weir_db_open(NULL, "null://x/db", NULL, &err), WEIR_E_ARGUMENT, "no place for the db");
    is_int(weir_db_open_env(NULL, NULL, &err) < 0, 1, "nor from the environment");
    is_int(weir_db_ready(NULL, WEIR_READ, LONG, &err), WEIR_E_ARGUMENT, "no db to be ready");
    is_int(weir_db_shutdown(NULL, LONG, NULL), WEIR_E_ARGUMENT, "  to be shut down");
    is_int(weir_db_maintain(NULL, LONG, &err), WEIR_E_ARGUMENT, "  to be maintained");
    is_int(weir_acquire(&conn, NULL, WEIR_READ, LONG, &err), WEIR_E_ARGUMENT, "  to borrow from");
    ok(!conn.slot && weir_db_pools(NULL) == 0 && !weir_db_pool(NULL, 0), "  with pools");
    is_text(weir_db_driver(NULL), "", "  or a driver");
    is_int(weir_transact(NULL, NULL, no_body, NULL, NULL, LONG, &err), WEIR_E_ARGUMENT, "  for a transaction");
    is_int(weir_pool_figures(&f, NULL), WEIR_E_ARGUMENT, "no pool that has figures");
    is_text(weir_pool_name(NULL), "", "  a name");
    is_int(weir_pool_resize(NULL, 5, &err), WEIR_E_ARGUMENT, "  a size");
    is_int(weir_pool_evict(NULL, &err), WEIR_E_ARGUMENT, "  or connections to evict");
    db = open_db(NULL, "null://nothing/db?threads=none");
    is_int(weir_acquire(NULL, db, WEIR_READ, LONG, &err), WEIR_E_ARGUMENT, "no place for a connection");
    is_int(weir_acquire(&conn, db, 0, LONG, &err), WEIR_E_ARGUMENT, "neither to read nor to write");
    is_int(weir_acquire(&conn, db, WEIR_READ | WEIR_WRITE, LONG, &err), WEIR_E_ARGUMENT, "  or both at once");
    is_int(weir_acquire(&conn, db, 8, LONG, NULL), WEIR_E_ARGUMENT, "  or what there is not");
    is_int(weir_db_ready(db, 0, LONG, &err), WEIR_E_ARGUMENT, "ready for nothing");
    is_int(weir_db_ready(db, 8, LONG, &err), WEIR_E_ARGUMENT, "  or for what there is not");
    is_int(weir_transact(NULL, db, NULL, NULL, NULL, LONG, &err), WEIR_E_ARGUMENT, "no body");
    is_int(weir_pool_figures(NULL, weir_db_pool(db, 0)), WEIR_E_ARGUMENT, "no place for figures");
    is_int(weir_pool_figures(&f, weir_db_pool(db, 0)), WEIR_E_ARGUMENT, "  or one of no size");
    ok(weir_db_pools(db) == 1 && weir_db_pool(db, 0) && !weir_db_pool(db, 1), "there is one pool and no other");
    is_int(weir_pool_resize(weir_db_pool(db, 0), 0, &err), WEIR_E_OPTION, "a pool of nothing");
    has_text(err.text, "1..4096", "  is outside the range");
    is_int(weir_pool_resize(weir_db_pool(db, 0), 4097, NULL), WEIR_E_OPTION, "  and so is one of too many");
    conn = take(db, WEIR_WRITE);
    weir_rows rows;
    is_int(weir_exec(NULL, conn, NULL, WEIR_NO_ARGS, LONG, &err), WEIR_E_ARGUMENT, "no statement");
    is_int(weir_query(&rows, conn, NULL, WEIR_NO_ARGS, LONG, &err), WEIR_E_ARGUMENT, "  to be asked");
    is_int(weir_query(NULL, conn, "ROWS 1", WEIR_NO_ARGS, LONG, &err), WEIR_E_ARGUMENT, "no place for rows");
    is_int(run(conn, "ADD 1"), WEIR_OK, "none of which has done any harm");
    weir_release(&conn);
    weir_db_close(&db);
    ok(strchr(weir_version(), '.') != NULL, "the library has a version");
    is_text(weir_status_name(12345), "unknown", "and what is no status has a name");
}

int main(void)
{
    wrong_urls();
    weights();
    copied();
    sizes();
    nothing_given();
    return tap_done();
}
