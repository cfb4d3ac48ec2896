/*
 * MySQL servers of a test's own.  Where the system has none, t/lib/fetch-mysql.sh puts one into a folder of its own, with the libraries
 * that it needs and a loader for them.
 * SPDX-License-Identifier: MIT
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "server-mariadb.h"
#include "tap.h"

#define WORDS 16

static char words[WORDS][512]; /* of both commands, which live on */
static int used;

static const char *word(const char *format, const char *text)
{
    if (used == WORDS)
        tap_bail("a command has too many words");
    snprintf(words[used], sizeof words[used], format, text);
    return words[used++];
}

/* Where the script puts it. */
static const char *fetched_root(void)
{
    const char *named = getenv("WEIR_MYSQL_ROOT"), *home = getenv("HOME");
    if (named && *named)
        return word("%s", named);
    if (geteuid() == 0)
        return "/var/cache/weir/mysql";
    return word("%s/.cache/weir/mysql", home && *home ? home : "/nowhere");
}

/* The words that run it; 0: there is none. */
static size_t find(const char *argv[WORDS])
{
    size_t n = 0;
    const char *root = fetched_root();
    const char *program = word("%s/usr/sbin/mysqld", root);
    if (access(program, X_OK) == 0) {
        argv[n++] = word("%s/loader", root);
        argv[n++] = "--library-path";
        argv[n++] = word("%s/libraries", root);
        argv[n++] = program;
        argv[n++] = "--no-defaults";
        argv[n++] = word("--basedir=%s/usr", root);
        argv[n++] = word("--lc-messages-dir=%s/usr/share/mysql", root);
        argv[n++] = word("--plugin-dir=%s/usr/lib/mysql/plugin", root);
    }
    argv[n] = NULL;
    return n;
}

int mysql_start(struct mariadb *m, const char *const *settings)
{
    static const char *command[WORDS + 2], *maker[WORDS + 2];
    used = 0;
    const size_t n = find(command);
    if (n == 0) {
        tap_skip(1, "there is no MySQL server; t/lib/fetch-mysql.sh fetches one");
        return 0;
    }
    memcpy(maker, command, sizeof maker);
    maker[n] = "--initialize-insecure";
    maker[n + 1] = NULL;
    command[n] = "--mysqlx=OFF";
    command[n + 1] = NULL;
    mariadb_make(m, &(struct mariadb_kind){ .name = "mysql", .install = maker, .command = command, .is_mysql = 1 },
                 settings);
    return 1;
}
