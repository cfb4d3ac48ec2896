/*
 * What libpq is told.
 *
 * libpq fills in what it is not told: from some thirty variables of the environment and from files in the home folder.  So every keyword
 * that matters is given a value, and so is every other that a variable sets: the one that is compiled into libpq.  It has to be one text: in libpq's
 * other form, of two arrays, an empty value counts as none, and the environment wins.
 *
 * What must be true: a value is quoted whatever it is, so that a password cannot say host=.
 * SPDX-License-Identifier: MIT
 */
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "pg.h"

#define CONNINFO_SIZE 16384
#define SETTINGS "-c timezone=UTC -c datestyle=ISO" /* what RESET ALL goes back to; a pooler takes none */
#define SYSTEM_ROOTS 160000                         /* the libpq that can verify by the system's authorities */

struct text {
    char *at, *end; /* at == end: it did not fit */
};

struct pair {
    const char *keyword, *value;
};

static void put(struct text *t, char c)
{
    if (t->at < t->end)
        *t->at++ = c;
}

static void put_pair(struct text *t, const char *keyword, const char *value)
{
    while (*keyword)
        put(t, *keyword++);
    put(t, '=');
    put(t, '\'');
    for (; *value; value++) {
        if (*value == '\'' || *value == '\\')
            put(t, '\\');
        put(t, *value);
    }
    put(t, '\'');
    put(t, ' ');
}

static void wipe(void *block, size_t size)
{
    volatile char *p = block;
    while (size--)
        *p++ = 0;
}

static const char *option(const struct pg_conn *c, const char *name)
{
    return c->host->option(c->host->ctx, name);
}

static const char *file(const struct pg_conn *c, const char *name)
{
    const char *path = option(c, name);
    return *path ? path : PG_NO_FILE;
}

static int is(const struct pg_conn *c, const char *name, const char *value)
{
    return strcmp(option(c, name), value) == 0;
}

/* ---- what libpq is told ---- */

static const char *tls_mode(const struct pg_conn *c)
{
    return is(c, "tls", "verify") ? "verify-full" : is(c, "tls", "on") ? "require" : "disable";
}

static const char *roots(const struct pg_conn *c)
{
    return is(c, "tls", "verify") && !*option(c, "tls_ca") ? "system" : file(c, "tls_ca");
}

/* The one whom the system knows this process by, as every client of PostgreSQL has it. */
static const char *own_name(char *buffer, size_t size)
{
    struct passwd pw, *found = NULL;
    return getpwuid_r(geteuid(), &pw, buffer, size, &found) == 0 && found ? pw.pw_name : "";
}

/* "postgres:///name" has a slash before the name, "postgres://host/name" has none. */
static const char *database_of(const weir_target *target)
{
    return target->database + (!*target->host && *target->database == '/');
}

struct numbers {
    char port[16], idle[24], interval[24], patience[24];
};

static void write_numbers(const struct pg_conn *c, const weir_target *target, struct numbers *n)
{
    const long long ms = c->host->option_ns(c->host->ctx, "tcp_keepalive") / 1000000, s = ms < 1000 ? 1 : ms / 1000;
    snprintf(n->port, sizeof n->port, "%u", target->port ? target->port : 5432);
    snprintf(n->idle, sizeof n->idle, "%lld", s);
    snprintf(n->interval, sizeof n->interval, "%lld", s < 3 ? 1 : s / 3);
    snprintf(n->patience, sizeof n->patience, "%lld", 2 * (ms < 1 ? 1 : ms));
}

/* The value of a keyword: ours; or libpq's own, where a variable sets another; or NULL. */
static const char *value_of(const struct pair *ours, const PQconninfoOption *o)
{
    for (; ours->keyword; ours++)
        if (strcmp(ours->keyword, o->keyword) == 0)
            return ours->value;
    if (!o->envvar || !getenv(o->envvar) || strcmp(o->keyword, "service") == 0) /* there is no word for no service */
        return NULL;
    return o->compiled ? o->compiled : "";
}

static int put_all(struct text *t, const struct pair *ours)
{
    PQconninfoOption *all = PQconninfoParse("", NULL);
    if (!all)
        return WEIR_E_MEMORY;
    for (const PQconninfoOption *o = all; o->keyword; o++) {
        const char *value = value_of(ours, o);
        if (value)
            put_pair(t, o->keyword, value);
    }
    PQconninfoFree(all);
    put(t, '\0');
    return t->at < t->end ? WEIR_OK : WEIR_E_OPTION;
}

static int write_conninfo(const struct pg_conn *c, const weir_target *target, struct text *t)
{
    char names[1024];
    struct numbers n;
    write_numbers(c, target, &n);
    const struct pair ours[] = {
        { "host", target->host },
        { "hostaddr", "" },
        { "port", n.port },
        { "user", *target->user ? target->user : own_name(names, sizeof names) },
        { "password", target->password },
        { "passfile", PG_NO_FILE },
        { "dbname", database_of(target) },
        { "client_encoding", "UTF8" },
        { "options", c->pooler ? "" : SETTINGS },
        { "application_name", option(c, "application_name") },
        { "connect_timeout", "0" },
        { "keepalives", "1" },
        { "keepalives_idle", n.idle },
        { "keepalives_interval", n.interval },
        { "keepalives_count", "3" },
        { "tcp_user_timeout", n.patience },
        { "sslmode", tls_mode(c) },
        { "sslrootcert", roots(c) },
        { "sslcert", file(c, "tls_cert") },
        { "sslkey", file(c, "tls_key") },
        { "sslcrl", PG_NO_FILE },
        { "sslcertmode", "allow" },
        { "min_protocol_version", "3.0" },
        { "max_protocol_version", "3.0" },
        { "gssencmode", "disable" },
        { "target_session_attrs", "any" },
        { NULL, NULL },
    };
    return put_all(t, ours);
}

/* ---- starting ---- */

/* libpq goes on without a certificate that is not there. */
static int check_files(const struct pg_conn *c, weir_error *err)
{
    static const char *const names[] = { "tls_ca", "tls_cert", "tls_key" };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *path = option(c, names[i]);
        if (*path && access(path, R_OK) != 0)
            return c->host->fail(err, WEIR_E_TLS, "postgres: option %s: the file '%s' is not there, or not to be read",
                                 names[i], path);
    }
    return WEIR_OK;
}

static int check(const struct pg_conn *c, const weir_target *target, weir_error *err)
{
    const int tls = !is(c, "tls", "off");
    if (strchr(target->host, ','))
        return c->host->fail(err, WEIR_E_OPTION, "postgres: '%s' is more than one host", target->host);
    if (tls && (!*target->host || *target->host == '/' || *target->host == '@'))
        return c->host->fail(err, WEIR_E_TLS, "postgres: a Unix socket has no TLS: leave out option tls");
    if (is(c, "tls", "verify") && !*option(c, "tls_ca") && PQlibVersion() < SYSTEM_ROOTS)
        return c->host->fail(err, WEIR_E_TLS, "postgres: option tls=verify needs tls_ca, the authority's certificate");
    if (!*option(c, "tls_cert") != !*option(c, "tls_key"))
        return c->host->fail(err, WEIR_E_TLS, "postgres: options tls_cert and tls_key come together");
    if (c->pooler && *option(c, "init"))
        return c->host->fail(
            err, WEIR_E_OPTION,
            "postgres: option init cannot be had with pooler=transaction: a session is not one's own there");
    return tls ? check_files(c, err) : WEIR_OK;
}

PGconn *pg_start(struct pg_conn *c, const weir_target *target, weir_error *err)
{
    char conninfo[CONNINFO_SIZE];
    struct text t = { conninfo, conninfo + sizeof conninfo };
    if (check(c, target, err) < 0)
        return NULL;
    const int st = write_conninfo(c, target, &t);
    PGconn *pg = st == WEIR_OK ? PQconnectStart(conninfo) : NULL;
    wipe(conninfo, sizeof conninfo);
    if (st == WEIR_E_OPTION)
        c->host->fail(err, st, "postgres: the host, names and files of the URL are longer than %d bytes",
                      CONNINFO_SIZE);
    else if (!pg)
        c->host->fail(err, WEIR_E_MEMORY, "postgres: no memory for a connection");
    return pg;
}
