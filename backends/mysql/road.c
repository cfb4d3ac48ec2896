/*
 * The road to the server: what a connection needs to know, and one connection.
 *
 * Nothing is taken from an option file or from the environment: user, password, port and socket are always given to the client library,
 * which asks elsewhere only for what it was not told.
 * SPDX-License-Identifier: MIT
 */
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/socket.h>
#include "mys.h"

#define USUAL_PORT 3306
#define USUAL_HOST "localhost" /* and over TCP: a socket file is an option */

/* ---- what has to be known ---- */

static const char *keep(char **at, const char *text)
{
    const size_t size = strlen(text) + 1;
    char *copy = memcpy(*at, text, size);
    *at += size;
    return copy;
}

static int copy_target(struct mys_road *road, const weir_target *t, weir_error *err)
{
    const char *name = *t->host ? t->host : USUAL_HOST;
    road->block_size = strlen(name) + strlen(t->user) + strlen(t->password) + strlen(t->database) + 4;
    char *at = road->block = mys_resize(road->host, NULL, road->block_size);
    if (!at)
        return road->host->fail(err, WEIR_E_MEMORY, "no memory for a connection");
    road->name = keep(&at, name);
    road->user = keep(&at, t->user);
    road->password = keep(&at, t->password);
    road->database = keep(&at, t->database);
    return WEIR_OK;
}

static enum mys_tls tls_of(const char *choice)
{
    return strcmp(choice, "verify") == 0 ? MYS_TLS_VERIFY : strcmp(choice, "on") == 0 ? MYS_TLS_ON : MYS_TLS_OFF;
}

/* The client library does not name the one that it cannot read. */
static int check_files(const struct mys_road *road, weir_error *err)
{
    static const char *const names[] = { "tls_ca", "tls_cert", "tls_key" };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *path = mys_option(road->host, names[i]);
        if (*path && access(path, R_OK) != 0)
            return road->host->fail(err, WEIR_E_TLS,
                                    "mysql %s: option %s: the file '%s' is not there, or not to be read", road->label,
                                    names[i], path);
    }
    return WEIR_OK;
}

int mys_road_survey(struct mys_road *road, const weir_host *host, const weir_target *target, weir_error *err)
{
    road->host = host;
    if (!*target->user)
        return host->fail(err, WEIR_E_AUTH, "mysql: no user is named: write mysql://user@host/database");
    if (strpbrk(target->host, "/,;=")) /* it would name a plugin, more hosts or options to the client library */
        return host->fail(err, WEIR_E_CONNECT, "mysql: '%s' is not the name of a host", target->host);
    const int st = copy_target(road, target, err);
    if (st < 0)
        return st;
    road->port = target->port ? target->port : USUAL_PORT;
    road->socket = mys_option(host, "socket");
    road->tls = tls_of(mys_option(host, "tls"));
    if (*road->socket)
        snprintf(road->label, sizeof road->label, "%s", road->socket);
    else
        snprintf(road->label, sizeof road->label, "%s:%u", road->name, road->port);
    return road->tls == MYS_TLS_OFF ? WEIR_OK : check_files(road, err);
}

void mys_road_end(struct mys_road *road)
{
    volatile char *at = road->block; /* so that the wiping is not optimised away */
    for (size_t i = 0; at && i < road->block_size; i++)
        at[i] = 0;
    if (road->block)
        mys_resize(road->host, road->block, 0);
    road->block = NULL;
}

/* ---- the client library's options ---- */

/* In whole seconds; it bounds what waits without asking us, which is the handshake of TLS. */
static unsigned connect_timeout(const struct mys_road *road, int64_t until)
{
    const int64_t left = until == INT64_MAX ? 0 : until - mys_now(road->host);
    if (until == INT64_MAX || left > INT64_C(3600000000000))
        return 3600;
    return left <= 0 ? 1 : (unsigned)((left + 999999999) / 1000000000);
}

static void set_file(MYSQL *mysql, enum mysql_option option, const char *path)
{
    if (*path)
        mysql_options(mysql, option, path);
}

#ifdef LIBMARIADB
/* Plugins that would show the password to whoever claims to be the server. */
static void restrict_plugins(MYSQL *mysql, const struct mys_road *road)
{
    if (road->tls != MYS_TLS_VERIFY && !*road->socket)
        mysql_options(mysql, MARIADB_OPT_RESTRICTED_AUTH,
                      "mysql_native_password,client_ed25519,caching_sha2_password,sha256_password,parsec,"
                      "auth_gssapi_client");
}

void mys_forbid_reconnect(MYSQL *mysql)
{
    const mys_flag off = 0;
    mysql_options(mysql, MYSQL_OPT_RECONNECT, &off);
}

static void set_tls(MYSQL *mysql, const struct mys_road *road)
{
    const mys_flag wanted = road->tls != MYS_TLS_OFF, verified = road->tls == MYS_TLS_VERIFY;
    mysql_options(mysql, MYSQL_OPT_SSL_ENFORCE, &wanted);
    mysql_options(mysql, MYSQL_OPT_SSL_VERIFY_SERVER_CERT, &verified);
    restrict_plugins(mysql, road);
}
#else
/* It never does, and complains of being told so. */
void mys_forbid_reconnect(MYSQL *mysql)
{
    (void)mysql;
}

static void set_tls(MYSQL *mysql, const struct mys_road *road)
{
    static const unsigned modes[] = {
        [MYS_TLS_OFF] = SSL_MODE_DISABLED,
        [MYS_TLS_ON] = SSL_MODE_REQUIRED,
        [MYS_TLS_VERIFY] = SSL_MODE_VERIFY_IDENTITY,
    };
    const unsigned authority = SSL_MODE_VERIFY_CA;
    const int names_authority = *mys_option(road->host, "tls_ca") != '\0';
    const mys_flag on = 1;
    mysql_options(mysql, MYSQL_OPT_SSL_MODE,
                  road->tls == MYS_TLS_ON && names_authority ? &authority : &modes[road->tls]);
    mysql_options(mysql, MYSQL_OPT_GET_SERVER_PUBLIC_KEY, &on); /* as libmariadb does, for passwords without TLS */
}
#endif

static void set_files(MYSQL *mysql, const struct mys_road *road)
{
    set_file(mysql, MYSQL_PLUGIN_DIR, mys_option(road->host, "plugin_dir"));
    if (road->tls == MYS_TLS_OFF)
        return;
    set_file(mysql, MYSQL_OPT_SSL_CA, mys_option(road->host, "tls_ca"));
    set_file(mysql, MYSQL_OPT_SSL_CERT, mys_option(road->host, "tls_cert"));
    set_file(mysql, MYSQL_OPT_SSL_KEY, mys_option(road->host, "tls_key"));
}

static void set_options(MYSQL *mysql, const struct mys_road *road, int64_t until)
{
    const unsigned zero = 0, timeout = connect_timeout(road, until);
    const unsigned protocol = *road->socket ? MYSQL_PROTOCOL_SOCKET : MYSQL_PROTOCOL_TCP;
    mysql_options(mysql, MYSQL_OPT_CONNECT_TIMEOUT, &timeout);
    mysql_options(mysql, MYSQL_OPT_PROTOCOL, &protocol);
    mysql_options(mysql, MYSQL_OPT_LOCAL_INFILE, &zero);
    mysql_options(mysql, MYSQL_SET_CHARSET_NAME, "utf8mb4");
    mys_forbid_reconnect(mysql);
    set_tls(mysql, road);
    set_files(mysql, road);
    mys_watch(mysql, road);
}

/* ---- the socket ---- */

static void set_number(int fd, int level, int name, int value)
{
    setsockopt(fd, level, name, &value, sizeof value); /* a socket file has none of these, and needs none */
}

/* A server that has vanished without a word is noticed after two silent spans. */
static void set_keepalive(int fd, int64_t span_ns)
{
    const int seconds = span_ns < 1000000000 ? 1 : (int)(span_ns / 1000000000);
    set_number(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
#ifdef TCP_KEEPIDLE
    set_number(fd, IPPROTO_TCP, TCP_KEEPIDLE, seconds);
    set_number(fd, IPPROTO_TCP, TCP_KEEPINTVL, (seconds + 2) / 3);
    set_number(fd, IPPROTO_TCP, TCP_KEEPCNT, 3);
#endif
#ifdef TCP_USER_TIMEOUT
    set_number(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, 2000 * seconds);
#endif
}

int mys_socket_of(MYSQL *mysql)
{
#ifdef LIBMARIADB
    return mysql_get_socket(mysql);
#else
    return mysql->net.fd;
#endif
}

/* ---- connecting ---- */

/* The library would go on without TLS if the server has none. */
static int check_tls(const struct mys_road *road, MYSQL *mysql, weir_error *err)
{
    if (road->tls == MYS_TLS_OFF || mysql_get_ssl_cipher(mysql))
        return WEIR_OK;
    return road->host->fail(err, WEIR_E_TLS,
                            "mysql %s: the server offers no TLS, and option tls does not let go on "
                            "without",
                            road->label);
}

static int connect_to(const struct mys_road *road, MYSQL *mysql, struct mys_wait *wait, weir_error *err)
{
    const char *database = *road->database ? road->database : NULL;
    const char *socket = *road->socket ? road->socket : NULL;
    const char *name = socket ? USUAL_HOST : road->name; /* with another the library would not take the socket */
    if (!mysql_real_connect(mysql, name, road->user, road->password, database, road->port, socket,
                            CLIENT_FOUND_ROWS | CLIENT_MULTI_RESULTS))
        return mys_fail_open(road, wait, mysql, err);
    mys_watch_socket(mys_socket_of(mysql));
    set_keepalive(mys_socket_of(mysql), road->host->option_ns(road->host->ctx, "tcp_keepalive"));
    return check_tls(road, mysql, err);
}

MYSQL *mys_road_connect(const struct mys_road *road, struct mys_wait *wait, weir_error *err)
{
    mys_library_init();
    MYSQL *mysql = mysql_init(NULL);
    if (!mysql) {
        road->host->fail(err, WEIR_E_MEMORY, "no memory for a connection");
        return NULL;
    }
    set_options(mysql, road, wait->until);
    wait->opening = 1;
    const int st = connect_to(road, mysql, wait, err);
    wait->opening = 0;
    if (st == WEIR_OK)
        return mysql;
    mysql_close(mysql);
    return NULL;
}
