/*
 * The service levels that a scripted clock cannot vouch for alone, on MariaDB and on PostgreSQL: killed, frozen, restarted, full, and
 * behind a road that breaks.  `live.t 13` is level 13 alone.
 * SPDX-License-Identifier: MIT
 */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "live.h"

/* ---- servers ---- */

static const struct words mariadb_words = {
    .driver = "mysql",
    .name = "MariaDB",
    .database = "test",
    .sleep = "SELECT SLEEP(%d)",
    .id = "SELECT CONNECTION_ID()",
    .kill = "KILL %lld",
    .others = "SELECT id FROM information_schema.processlist WHERE command <> 'Daemon' AND id <> CONNECTION_ID()",
    .crowd = "GRANT SELECT ON test.* TO crowd@'127.0.0.1' IDENTIFIED BY 'many'",
    .few = "ALTER USER crowd@'127.0.0.1' WITH MAX_USER_CONNECTIONS 9",
    .many = "ALTER USER crowd@'127.0.0.1' WITH MAX_USER_CONNECTIONS 0",
    .hurry = "SET GLOBAL wait_timeout = 1",
    .patience = "SET GLOBAL wait_timeout = 28800",
};

static const struct words postgres_words = {
    .driver = "postgres",
    .name = "PostgreSQL",
    .database = "postgres",
    .sleep = "SELECT pg_sleep(%d)",
    .id = "SELECT pg_backend_pid()",
    .kill = "SELECT pg_terminate_backend(%lld)",
    .others = "SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()",
    .crowd = "CREATE ROLE crowd LOGIN PASSWORD 'many'",
    .few = "ALTER ROLE crowd CONNECTION LIMIT 9",
    .many = "ALTER ROLE crowd CONNECTION LIMIT -1",
    .hurry = "ALTER ROLE weir SET idle_session_timeout = '1s'",
    .patience = "ALTER ROLE weir RESET idle_session_timeout",
};

static const char *const postgres_settings[] = { "max_connections=80", NULL };

static bool is_mariadb(const struct place *p)
{
    return p->words == &mariadb_words;
}

static struct server *process(struct place *p)
{
    return is_mariadb(p) ? &p->of.mariadb.server : &p->of.postgres.server;
}

void place_kill(struct place *p)
{
    server_stop(process(p), SIGKILL);
}

void place_restart(struct place *p)
{
    if (is_mariadb(p))
        mariadb_restart(&p->of.mariadb, SIGTERM, NULL);
    else
        postgres_restart(&p->of.postgres, SIGINT, postgres_settings);
}

int place_others(struct place *p)
{
    int n = 0;
    weir_conn conn = talk_borrow(p->watch, WEIR_WRITE);
    weir_rows rows = talk_query(conn, WEIR_NO_ARGS, "%s", p->words->others);
    while (weir_rows_next(rows, NULL) == WEIR_ROW && n < 127)
        p->others[n++] = weir_rows_int(rows, 0);
    p->others[n] = 0;
    weir_rows_close(&rows, NULL);
    weir_release(&conn);
    return n;
}

/* In /proc/…/stat the state comes behind the name, which is in brackets. */
static bool is_stopped(pid_t pid)
{
    char path[64], line[256] = "";
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    FILE *f = fopen(path, "r");
    if (f && !fgets(line, sizeof line, f))
        line[0] = '\0';
    if (f)
        fclose(f);
    const char *state = strrchr(line, ')');
    return !state || state[2] == 'T';
}

static void signal_one(pid_t pid, int number)
{
    kill(pid, number);
    if (number == SIGSTOP) /* whoever is at work may still answer until then */
        TALK_UNTIL(is_stopped(pid));
}

/* One of them has a process for each session, the other all of them in one. */
static void signal_place(struct place *p, int number)
{
    signal_one(process(p)->pid, number);
    for (const int64_t *pid = p->others; *pid && !is_mariadb(p); pid++)
        signal_one((pid_t)*pid, number);
}

void place_freeze(struct place *p)
{
    place_others(p);
    signal_place(p, SIGSTOP);
}

void place_thaw(struct place *p)
{
    signal_place(p, SIGCONT);
}

void place_end_session(struct place *p, int64_t number)
{
    char sql[64];
    snprintf(sql, sizeof sql, p->words->kill, (long long)number);
    weir_conn conn = talk_borrow(p->watch, WEIR_WRITE);
    live_try(conn, sql, NULL); /* it may be gone already */
    weir_release(&conn);
}

void place_end_sessions(struct place *p)
{
    for (int64_t began = talk_now_ms(); place_others(p) > 0; talk_wait(began, "all sessions have ended"))
        for (const int64_t *number = p->others; *number; number++)
            place_end_session(p, *number);
}

/* ---- dbs ---- */

static atomic_int downs;

static void note_event(void *arg, const weir_event *event)
{
    (void)arg;
    if (event->kind == WEIR_EVENT_HEALTH)
        atomic_fetch_add(&downs, strcmp(event->text, "the pool is down") == 0);
}

int live_downs(void)
{
    return downs;
}

weir_db *live_open_as(const struct place *p, const char *user, int port, const char *options)
{
    const weir_hooks hooks = { .size = sizeof hooks, .event = note_event };
    char url[512];
    snprintf(url, sizeof url, "%s://%s@127.0.0.1:%d/%s?%s", p->words->driver, user ? user : "weir", port,
             p->words->database, options);
    downs = 0;
    return talk_open_with(url, &hooks);
}

weir_db *live_open(const struct place *p, int port, const char *options)
{
    return live_open_as(p, NULL, port, options);
}

weir_figures live_figures(weir_db *db)
{
    weir_figures f = { .size = sizeof f };
    weir_pool_figures(&f, weir_db_pool(db, 0));
    return f;
}

weir_health live_health(weir_db *db)
{
    weir_health h = { .size = sizeof h };
    weir_pool_health(&h, weir_db_pool(db, 0));
    return h;
}

void live_fill(weir_db *db, unsigned n)
{
    weir_conn conns[64];
    for (unsigned i = 0; i < n; i++)
        conns[i] = talk_borrow(db, WEIR_WRITE);
    for (unsigned i = 0; i < n; i++)
        weir_release(&conns[i]);
    TALK_UNTIL(live_figures(db).idle == n);
}

void live_rest(int64_t ms)
{
    TALK_UNTIL(talk_now_ms() - talk_began >= ms);
}

int live_try(weir_conn conn, const char *sql, weir_error *err)
{
    return weir_exec(NULL, conn, sql, WEIR_NO_ARGS, LONG, err);
}

int64_t live_number(const struct place *p, weir_conn conn)
{
    return talk_ask(conn, "%s", p->words->id);
}

int live_entries(const char *folder)
{
    int n = -2; /* "." and ".." */
    DIR *dir = opendir(folder);
    while (dir && readdir(dir))
        n++;
    if (dir)
        closedir(dir);
    return dir ? n : -1;
}

/* ---- a black hole ---- */

/* Nobody takes what is in the queue of a port.  Once that is full, the kernel drops what wants to join it. */
void hole_dig(struct hole *h)
{
    struct sockaddr_in a = { .sin_family = AF_INET };
    socklen_t size = sizeof a;
    const int listener = h->sockets[0] = socket(AF_INET, SOCK_STREAM, 0);
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (listener < 0 || bind(listener, (struct sockaddr *)&a, sizeof a) < 0 || listen(listener, 0) < 0 ||
        getsockname(listener, (struct sockaddr *)&a, &size) < 0)
        tap_bail("no port: %s", strerror(errno));
    h->port = ntohs(a.sin_port);
    for (int i = 1; i < 8; i++) {
        h->sockets[i] = socket(AF_INET, SOCK_STREAM, 0);
        fcntl(h->sockets[i], F_SETFL, O_NONBLOCK);
        if (connect(h->sockets[i], (struct sockaddr *)&a, sizeof a) < 0 && errno != EINPROGRESS)
            tap_bail("no black hole: %s", strerror(errno));
    }
}

void hole_fill(struct hole *h)
{
    for (int i = 0; i < 8; i++)
        close(h->sockets[i]);
}

/* ---- callers ---- */

static void *call(void *arg)
{
    struct caller *c = arg;
    c->began = talk_now_ms();
    c->status = weir_acquire(&c->conn, c->db, WEIR_WRITE, weir_after_ms(c->deadline_ms), &c->err);
    c->ended = talk_now_ms();
    c->served = c->status >= 0;
    if (c->served && c->say) {
        c->said = weir_exec(NULL, c->conn, c->say, WEIR_NO_ARGS, weir_never(), &c->err);
        weir_release(&c->conn);
    }
    c->done = true;
    return NULL;
}

void callers_begin(struct caller *c, unsigned n, weir_db *db, int64_t deadline_ms, const char *say)
{
    for (unsigned i = 0; i < n; i++) {
        c[i] = (struct caller){ .db = db, .deadline_ms = deadline_ms, .say = say };
        talk_start(&c[i].thread, call, &c[i]);
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
        with += c->status == status;
    return with;
}

void callers_wait(struct caller *c, unsigned n)
{
    TALK_UNTIL(callers_done(c, n) == n);
}

void callers_end(struct caller *c, unsigned n)
{
    for (; n; n--, c++) {
        talk_join(c->thread);
        weir_release(&c->conn);
    }
}

/* ---- all ---- */

static const struct {
    const char *number, *name;
    void (*hold)(struct place *p);
} levels[] = {
    { "4", "a server that swallows all", live_black_hole },
    { "6", "a restart under 64 waiters", live_restart },
    { "8", "a pool of the dead", live_stale_pool },
    { "9", "closed while idle", live_closed_while_idle },
    { "13", "a storm of cancels", live_cancel_storm },
    { "14", "clean sessions", live_clean_sessions },
    { "16", "shutdown with 50 at work and 200 waiting", live_shutdown },
    { "16", "fork on open connections", live_fork },
    { "29", "a server that is full", live_server_full },
};

static void hold_levels(struct place *p, const char *wanted)
{
    p->watch = live_open(p, p->port, "pool_size=1&look_after=0s");
    for (size_t i = 0; i < sizeof levels / sizeof *levels; i++) {
        if (wanted && strcmp(levels[i].number, wanted) != 0)
            continue;
        const int64_t began = talk_now_ms();
        tap_note("level %s, on %s: %s", levels[i].number, p->words->name, levels[i].name);
        levels[i].hold(p);
        tap_note("  %lld ms", (long long)(talk_now_ms() - began));
    }
    weir_db_close(&p->watch);
}

int main(int argc, char **argv)
{
    const char *wanted = argc > 1 ? argv[1] : NULL;
#ifdef WITH_MYSQL_BUILTIN
    static struct place mariadb = { .words = &mariadb_words };
    mariadb_start(&mariadb.of.mariadb, NULL);
    mariadb.port = mariadb.of.mariadb.port;
    hold_levels(&mariadb, wanted);
    mariadb_stop(&mariadb.of.mariadb);
#endif
#ifdef WITH_POSTGRES_BUILTIN
    static struct place postgres = { .words = &postgres_words };
    postgres_start(&postgres.of.postgres, postgres_settings);
    postgres.port = postgres.of.postgres.port;
    hold_levels(&postgres, wanted);
    postgres_stop(&postgres.of.postgres);
#endif
    return tap_done();
}
