/*
 * PostgreSQL servers of a test's own.
 * SPDX-License-Identifier: MIT
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "certificates.h"
#include "server-postgres.h"
#include "tap.h"

#define USER "postgres"

/* The newest version first; PATH has them only if somebody has put them there. */
static const char *look_for(const char *name)
{
    static const char *const places[] = { "%s",
                                          "/usr/lib/postgresql/17/bin/%s",
                                          "/usr/lib/postgresql/16/bin/%s",
                                          "/usr/lib/postgresql/15/bin/%s",
                                          "/usr/local/pgsql/bin/%s",
                                          "/usr/sbin/%s" };
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        char path[128];
        snprintf(path, sizeof path, places[i], name);
        const char *found = server_program((const char *const[]){ path, NULL });
        if (found)
            return found == path ? strdup(path) : found;
    }
    return NULL;
}

/* Looked for once each. */
static const char *program(const char *name)
{
    static struct {
        const char *name, *path;
    } known[8];
    size_t i = 0;
    while (known[i].name && strcmp(known[i].name, name) != 0)
        i++;
    if (!known[i].name)
        known[i].path = look_for(name);
    known[i].name = name;
    return known[i].path;
}

const char *postgres_file(const struct postgres *p, const char *name)
{
    static char paths[4][512];
    static int last;
    last = (last + 1) % 4;
    snprintf(paths[last], sizeof paths[last], "%s/%s", p->folder, name);
    return paths[last];
}

static const char *kept(const char *text)
{
    const char *copy = strdup(text);
    if (!copy)
        tap_bail("no memory");
    return copy;
}

static void write_file(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");
    if (!f || fputs(text, f) < 0 || fclose(f) != 0)
        tap_bail("%s: %s", path, strerror(errno));
}

static void make_data(const struct postgres *p, const char *initdb)
{
    const char *data = postgres_file(p, "data");
    const char *const argv[] = { initdb, "-D",         data, "-U",    "weir",      "-E",
                                 "UTF8", "--locale=C", "-A", "trust", "--no-sync", NULL };
    if (server_run(USER, p->log, argv) != 0) {
        server_show_log(p->log);
        tap_bail("initdb has failed");
    }
    postgres_admit(p, "");
}

void postgres_admit(const struct postgres *p, const char *first)
{
    char text[1000];
    snprintf(text, sizeof text,
             "%slocal all all trust\nhost all weir 127.0.0.1/32 trust\nhost all all 127.0.0.1/32 scram-sha-256\n"
             "host replication weir 127.0.0.1/32 trust\n",
             first);
    write_file(postgres_file(p, "data/pg_hba.conf"), text);
}

#define SETTINGS_MAX 24

static void start(struct postgres *p, const char *const *settings)
{
    char port[16];
    const char *argv[2 * SETTINGS_MAX + 16];
    size_t n = 0;
    snprintf(port, sizeof port, "%d", p->port);
    const char *const fixed[] = { program("postgres"), "-D", postgres_file(p, "data"),     "-p", port,        "-k",
                                  p->folder,           "-c", "listen_addresses=127.0.0.1", "-c", "fsync=off", "-c",
                                  "max_connections=50" };
    for (; n < sizeof fixed / sizeof *fixed; n++)
        argv[n] = fixed[n];
    for (size_t i = 0; settings && settings[i] && i < SETTINGS_MAX; i++) {
        argv[n++] = "-c";
        argv[n++] = settings[i];
    }
    argv[n] = NULL;
    server_start(&p->server, USER, p->log, argv);
}

/* It listens before it lets anybody in. */
static int lets_in(const struct postgres *p)
{
    char port[16];
    snprintf(port, sizeof port, "%d", p->port);
    const char *const argv[] = { program("pg_isready"), "-q", "-h", "127.0.0.1", "-p", port, "-t", "60", NULL };
    int status = 1;
    while (server_is_running(&p->server) && status == 1)
        status = server_run(USER, "/dev/null", argv);
    return status == 0;
}

/* Of one that was killed, sessions may hold the memory for a moment more, and no other is started beside them. */
static void start_and_wait(struct postgres *p, const char *const *settings, int tries)
{
    while (tries-- > 0) {
        start(p, settings);
        if (server_answers(&p->server, p->port) && lets_in(p))
            return;
        nanosleep(&(struct timespec){ .tv_nsec = 100000000 }, NULL);
    }
    server_show_log(p->log);
    tap_bail("PostgreSQL does not start");
}

static void settle_in(struct postgres *p)
{
    static int count;
    char name[32];
    snprintf(name, sizeof name, "postgres-%d", ++count);
    p->folder = server_folder(name, USER);
    p->log = kept(postgres_file(p, "log"));
    p->port = server_free_port();
}

void postgres_start(struct postgres *p, const char *const *settings)
{
    const char *initdb = program("initdb");
    if (!initdb)
        tap_skip_all("there is no PostgreSQL server");
    settle_in(p);
    make_data(p, initdb);
    start_and_wait(p, settings, 1);
}

void postgres_restart(struct postgres *p, int number, const char *const *settings)
{
    server_stop(&p->server, number);
    start_and_wait(p, settings, 100);
}

void postgres_restart_shut(struct postgres *p, int number, const char *const *settings)
{
    server_stop(&p->server, number);
    start(p, settings);
    if (!server_answers(&p->server, p->port))
        tap_bail("PostgreSQL does not start");
}

void postgres_stop(struct postgres *p)
{
    server_stop(&p->server, SIGQUIT);
}

static int psql(const struct postgres *p, const char *output, const char *sql)
{
    char port[16];
    snprintf(port, sizeof port, "%d", p->port);
    const char *const argv[] = { program("psql"),
                                 "-XAtq",
                                 "-v",
                                 "ON_ERROR_STOP=1",
                                 "-h",
                                 "127.0.0.1",
                                 "-p",
                                 port,
                                 "-U",
                                 "weir",
                                 "-d",
                                 "postgres",
                                 "-c",
                                 sql,
                                 NULL };
    return server_run(USER, output, argv);
}

static void did_it(const struct postgres *p, int status, const char *what)
{
    if (status == 0)
        return;
    server_show_log(p->log);
    tap_bail("that has failed: %s", what);
}

void postgres_run(const struct postgres *p, const char *sql)
{
    did_it(p, psql(p, p->log, sql), sql);
}

int postgres_certificates(const struct postgres *p)
{
    return certificates_make(USER, p->folder, p->log);
}

/* ---- standbys ---- */

void postgres_follow(struct postgres *standby, const struct postgres *primary, const char *const *settings)
{
    char port[16];
    settle_in(standby);
    snprintf(port, sizeof port, "%d", primary->port);
    const char *const argv[] = { program("pg_basebackup"),
                                 "-D",
                                 postgres_file(standby, "data"),
                                 "-h",
                                 "127.0.0.1",
                                 "-p",
                                 port,
                                 "-U",
                                 "weir",
                                 "-c",
                                 "fast",
                                 "-R",
                                 "--no-sync",
                                 NULL };
    did_it(standby, server_run(USER, standby->log, argv), argv[0]);
    start_and_wait(standby, settings, 1);
}

/* The first word of the answer. */
static const char *ask(const struct postgres *p, const char *sql)
{
    static char word[64];
    const char *path = postgres_file(p, "answer");
    remove(path);
    did_it(p, psql(p, path, sql), sql);
    FILE *f = fopen(path, "r");
    if (!f || fscanf(f, "%63s", word) != 1)
        tap_bail("no answer: %s", sql);
    fclose(f);
    return word;
}

static void wait_until(const struct postgres *p, const char *sql)
{
    const time_t late = time(NULL) + 60;
    while (strcmp(ask(p, sql), "t") != 0)
        if (time(NULL) > late)
            tap_bail("that does not become true: %s", sql);
}

void postgres_catch_up(const struct postgres *standby, const struct postgres *primary)
{
    char sql[128];
    snprintf(sql, sizeof sql, "SELECT pg_last_wal_replay_lsn() >= '%s'", ask(primary, "SELECT pg_current_wal_lsn()"));
    wait_until(standby, sql);
}

void postgres_cut_off(const struct postgres *standby)
{
    postgres_run(standby, "ALTER SYSTEM SET primary_conninfo = ''");
    postgres_run(standby, "SELECT pg_reload_conf()");
    wait_until(standby, "SELECT count(*) = 0 FROM pg_stat_wal_receiver");
}

void postgres_promote(const struct postgres *standby)
{
    const char *const argv[] = { program("pg_ctl"), "promote", "-D", postgres_file(standby, "data"), "-t", "60", NULL };
    did_it(standby, server_run(USER, standby->log, argv), argv[0]);
}

/* ---- PgBouncer ---- */

void pgbouncer_start(struct pgbouncer *b, const struct postgres *p, const char *settings)
{
    char text[2048];
    const char *bouncer = program("pgbouncer");
    if (!bouncer)
        tap_skip_all("there is no PgBouncer");
    b->folder = server_folder("pgbouncer", USER);
    char ini[512], log[512], users[512];
    snprintf(ini, sizeof ini, "%s/pgbouncer.ini", b->folder);
    snprintf(log, sizeof log, "%s/log", b->folder);
    snprintf(users, sizeof users, "%s/users.txt", b->folder);
    b->port = server_free_port();
    b->log = kept(log);
    snprintf(
        text, sizeof text,
        "[databases]\npostgres = host=127.0.0.1 port=%d\n"
        "[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = %d\nunix_socket_dir =\nauth_type = trust\nauth_file = %s\n"
        "pool_mode = transaction\nserver_login_retry = 1\n%s",
        p->port, b->port, users, settings ? settings : "");
    write_file(ini, text);
    write_file(users, "\"weir\" \"\"\n");
    server_start(&b->server, USER, log, (const char *const[]){ bouncer, ini, NULL });
    if (!server_answers(&b->server, b->port)) {
        server_show_log(log);
        tap_bail("PgBouncer does not start");
    }
}

void pgbouncer_stop(struct pgbouncer *b)
{
    server_stop(&b->server, SIGINT);
}
