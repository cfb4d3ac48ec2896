/*
 * MariaDB and MySQL servers of a test's own.  They listen on 127.0.0.1 alone.
 * SPDX-License-Identifier: MIT
 */
#ifndef T_SERVER_MARIADB_H
#define T_SERVER_MARIADB_H

#include "server.h"

/* Its user `weir` may do everything and needs no password; its database `test` is empty. */
struct mariadb {
    struct server server;
    int port;
    int is_mysql;
    const char *const *command; /* what starts it, NULL at the end */
    const char *folder, *log, *socket;
};

/* Makes one and starts it, with "--name=value" settings, NULL at the end, or NULL.  Without MariaDB the whole test is skipped. */
void mariadb_start(struct mariadb *m, const char *const *settings);
/* The same of two nodes of a cluster, each of which has what is written on the other (Galera).  Skips the whole test without that. */
#define GALERA_NODES 2
void galera_start(struct mariadb nodes[GALERA_NODES], const char *const *settings);
/* The same of a MySQL server, which has to be 8 or newer.  0: there is none, and one fact is skipped for that reason. */
int mysql_start(struct mariadb *m, const char *const *settings);
/* Stops it with that signal (SIGTERM: orderly; SIGKILL: as if it crashed), and starts it anew on the same port. */
void mariadb_restart(struct mariadb *m, int signal, const char *const *settings);
void mariadb_stop(struct mariadb *m);

const char *mariadb_file(const struct mariadb *m, const char *name); /* in its folder; four texts live at once */
/* In its folder: certificates.h. */
int mariadb_certificates(const struct mariadb *m);

/* For what makes them: fills *m, makes its folder and data, and starts it. */
struct mariadb_kind {
    const char *name;           /* of the folder */
    const char *const *install; /* makes the data in the folder that is appended as --datadir=…; NULL at the end */
    const char *const *command;
    int is_mysql;
    const char *state; /* of a node, as it would have left it in its data; NULL: it is none */
};
void mariadb_make(struct mariadb *m, const struct mariadb_kind *kind, const char *const *settings);

#endif
