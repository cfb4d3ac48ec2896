/*
 * MariaDB servers of a test's own, and what they have in common with MySQL's.
 * SPDX-License-Identifier: MIT
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "certificates.h"
#include "server-mariadb.h"
#include "tap.h"

#define ARGUMENTS 64

/* The one that a server package makes; without, the one who has nothing. */
static const char *user(void)
{
    return getpwnam("mysql") ? "mysql" : "nobody";
}

const char *mariadb_file(const struct mariadb *m, const char *name)
{
    static char paths[4][512];
    static int last;
    last = (last + 1) % 4;
    snprintf(paths[last], sizeof paths[last], "%s/%s", m->folder, name);
    return paths[last];
}

/* Texts that live as long as the test. */
static const char *kept(const char *format, const char *text)
{
    struct kept {
        struct kept *next;
        char text[];
    };
    static struct kept *all;
    const size_t size = strlen(format) + strlen(text) + 1;
    struct kept *k = malloc(sizeof *k + size);
    if (!k)
        tap_bail("no memory");
    snprintf(k->text, size, format, text);
    k->next = all;
    all = k;
    return k->text;
}

static const char *new_folder(const char *name)
{
    char *path = server_folder(name, user());
    const char *copy = kept("%s", path);
    free(path);
    return copy;
}

/* ---- making one ---- */

/* Read at each start, before anybody is let in. */
static void write_init_file(const struct mariadb *m)
{
    FILE *f = fopen(mariadb_file(m, "init.sql"), "w");
    if (!f)
        tap_bail("%s: %s", m->folder, strerror(errno));
    for (int i = 0; i < 2; i++) {
        const char *host = i ? "localhost" : "127.0.0.1";
        fprintf(f, "CREATE USER IF NOT EXISTS weir@'%s';\n", host);
        fprintf(f, "GRANT ALL ON *.* TO weir@'%s' WITH GRANT OPTION;\n", host);
    }
    fprintf(f, "CREATE DATABASE IF NOT EXISTS test;\n");
    fclose(f);
}

static size_t append(const char *argv[], size_t n, const char *const *more)
{
    for (; more && *more && n < ARGUMENTS - 16; more++)
        argv[n++] = *more;
    argv[n] = NULL;
    return n;
}

static void install(const struct mariadb *m, const char *const *command)
{
    const char *argv[ARGUMENTS];
    const size_t n = append(argv, 0, command);
    argv[n] = kept("--datadir=%s", mariadb_file(m, "data"));
    argv[n + 1] = kept("--tmpdir=%s", m->folder); /* a server that starts clears the temporary files of others there */
    argv[n + 2] = NULL;
    if (server_run(user(), m->log, argv) == 0)
        return;
    server_show_log(m->log);
    tap_bail("%s has failed", command[0]);
}

/* Where the node of a cluster was when it ended.  The server writes there, too. */
static void write_state(const struct mariadb *m, const char *state)
{
    const char *path = mariadb_file(m, "data/grastate.dat");
    FILE *f = fopen(path, "w");
    if (!f || fputs(state, f) < 0 || fclose(f) != 0 || chmod(path, 0666) < 0)
        tap_bail("%s: %s", path, strerror(errno));
}

/* It listens before it lets anybody in, and then greets: the fifth byte of that is its protocol's version. */
static int greets(int port)
{
    unsigned char head[5];
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    const int said = fd >= 0 && connect(fd, (struct sockaddr *)&a, sizeof a) == 0 &&
                     recv(fd, head, sizeof head, MSG_WAITALL) == (ssize_t)sizeof head;
    if (fd >= 0)
        close(fd);
    return said && head[4] == 10;
}

static int lets_in(const struct mariadb *m)
{
    for (int tries = 0; tries < 6000 && server_answers(&m->server, m->port); tries++) {
        if (greets(m->port))
            return 1;
        nanosleep(&(struct timespec){ .tv_nsec = 10000000 }, NULL);
    }
    return 0;
}

static void start(struct mariadb *m, const char *const *settings)
{
    char port[32];
    const char *argv[ARGUMENTS];
    snprintf(port, sizeof port, "--port=%d", m->port);
    const char *const fixed[] = {
        port,
        kept("--datadir=%s", mariadb_file(m, "data")),
        kept("--socket=%s", m->socket),
        kept("--pid-file=%s", mariadb_file(m, "pid")),
        kept("--init-file=%s", mariadb_file(m, "init.sql")),
        kept("--tmpdir=%s", m->folder),
        "--bind-address=127.0.0.1",
        "--skip-name-resolve",
        "--innodb-flush-log-at-trx-commit=2",
        "--innodb-buffer-pool-size=32M",
        "--secure-file-priv=",
        NULL,
    };
    size_t n = append(argv, 0, m->command);
    n = append(argv, n, fixed);
    append(argv, n, settings);
    server_start(&m->server, user(), m->log, argv);
    if (!lets_in(m)) {
        server_show_log(m->log);
        tap_bail("%s does not start", m->command[0]);
    }
}

void mariadb_make(struct mariadb *m, const struct mariadb_kind *kind, const char *const *settings)
{
    static int count;
    char name[64];
    snprintf(name, sizeof name, "%s-%d", kind->name, ++count);
    *m = (struct mariadb){ .is_mysql = kind->is_mysql, .command = kind->command, .port = server_free_port() };
    m->folder = new_folder(name);
    m->log = kept("%s/log", m->folder);
    m->socket = kept("%s/socket", m->folder);
    new_folder(kept("%s/data", name));
    write_init_file(m);
    install(m, kind->install);
    if (kind->state)
        write_state(m, kind->state);
    start(m, settings);
}

static struct mariadb_kind find_mariadb(void)
{
    static const char *const servers[] = { "mariadbd", "/usr/sbin/mariadbd", "/usr/local/sbin/mariadbd", NULL };
    static const char *const installers[] = { "mariadb-install-db", "/usr/bin/mariadb-install-db", NULL };
    static const char *command[ARGUMENTS], *maker[ARGUMENTS];
    const char *server = server_program(servers), *installer = server_program(installers);
    if (!server || !installer)
        tap_skip_all("there is no MariaDB server");
    append(command, 0, (const char *const[]){ server, "--no-defaults", NULL });
    append(maker, 0,
           (const char *const[]){ installer, "--no-defaults", "--skip-test-db",
                                  "--auth-root-authentication-method=normal", NULL });
    return (struct mariadb_kind){ .name = "mariadb", .install = maker, .command = command };
}

void mariadb_start(struct mariadb *m, const char *const *settings)
{
    const struct mariadb_kind kind = find_mariadb();
    mariadb_make(m, &kind, settings);
}

void mariadb_restart(struct mariadb *m, int number, const char *const *settings)
{
    server_stop(&m->server, number);
    start(m, settings);
}

/* Its data are of no use to anybody. */
void mariadb_stop(struct mariadb *m)
{
    server_stop(&m->server, SIGKILL);
}

/* ---- clusters ----
 *
 * A node that joins gets a copy of another's data, by programs that are in no package of a server alone.  Not if it has missed nothing:
 * all begin with the same data, and with a state as if they had been in that cluster before.  Its history has one number for each change,
 * and the beginning is one: a node that has the number before the one of its joining has all.
 */

#define STATE                                                                                                        \
    "# GALERA saved state\nversion: 2.1\nuuid: 5e1fda7a-0000-4000-8000-000000000001\nseqno: %d\nsafe_to_bootstrap: " \
    "%d\n"

/* How long a silent node is believed to be there: a machine that is busy makes none a lost one. */
#define PATIENCE                                                                      \
    "evs.suspect_timeout=PT1M; evs.inactive_timeout=PT2M; evs.install_timeout=PT1M; " \
    "gmcast.peer_timeout=PT1M; pc.wait_prim_timeout=PT1M"

static const char *find_galera(void)
{
    static const char *const places[] = { "/usr/lib/galera/libgalera_smm.so", "/usr/lib/libgalera_smm.so",
                                          "/usr/lib64/galera-4/libgalera_smm.so",
                                          "/usr/lib64/galera/libgalera_smm.so" };
    for (size_t i = 0; i < sizeof places / sizeof *places; i++)
        if (access(places[i], R_OK) == 0)
            return places[i];
    tap_skip_all("there is no Galera, which makes a cluster of MariaDB servers");
}

static const char *kept_number(const char *format, int number)
{
    char text[400];
    snprintf(text, sizeof text, format, number);
    return kept("%s", text);
}

void galera_start(struct mariadb nodes[GALERA_NODES], const char *const *settings)
{
    const char *provider = kept("--wsrep-provider=%s", find_galera()), *all[ARGUMENTS], *address = "";
    struct mariadb_kind kind = find_mariadb();
    kind.name = "galera";
    for (int i = 0; i < GALERA_NODES; i++) {
        char state[200];
        const int port = server_free_port();
        const char *const own[] = {
            "--wsrep-on=ON",
            provider,
            kept("--wsrep-cluster-address=gcomm://%s", address),
            kept_number("--wsrep-node-address=127.0.0.1:%d", port),
            kept_number("--wsrep-provider-options=gmcast.listen_addr=tcp://127.0.0.1:%d; gcache.size=8M; " PATIENCE,
                        port),
            "--wsrep-sst-method=skip",
            "--binlog-format=ROW",
            "--innodb-autoinc-lock-mode=2",
            i == 0 ? "--wsrep-new-cluster" : NULL,
            NULL,
        };
        append(all, append(all, 0, own), settings);
        snprintf(state, sizeof state, STATE, i, i == 0);
        kind.state = state;
        mariadb_make(&nodes[i], &kind, all);
        address = kept_number("127.0.0.1:%d", port);
    }
}

int mariadb_certificates(const struct mariadb *m)
{
    return certificates_make(user(), m->folder, m->log);
}
