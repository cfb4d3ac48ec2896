/*
 * PostgreSQL servers of a test's own, and PgBouncer in front of one.  Both listen on 127.0.0.1 alone.
 * SPDX-License-Identifier: MIT
 */
#ifndef T_SERVER_POSTGRES_H
#define T_SERVER_POSTGRES_H

#include "server.h"

/*
 * Its users: `weir`, who may do everything and needs no password, and whoever is created, who needs one (SCRAM).  Its socket is in
 * `folder`, too.
 */
struct postgres {
    struct server server;
    int port;
    const char *folder, *log;
};

/* Makes one and starts it, with "name=value" settings, NULL at the end, or NULL.  Without PostgreSQL the whole test is skipped. */
void postgres_start(struct postgres *p, const char *const *settings);
/* Stops it with that signal (SIGINT: at once, but orderly; SIGQUIT: as if it crashed), and starts it anew on the same port. */
void postgres_restart(struct postgres *p, int signal, const char *const *settings);
void postgres_stop(struct postgres *p);
/* Runs statements on it as `weir`; bails out if they fail. */
void postgres_run(const struct postgres *p, const char *sql);

/* From the next start on, its pg_hba.conf begins with those lines. */
void postgres_admit(const struct postgres *p, const char *first);

/* In its folder: certificates.h. */
int postgres_certificates(const struct postgres *p);
const char *postgres_file(const struct postgres *p, const char *name); /* in its folder; four texts live at once */

struct pgbouncer {
    struct server server;
    int port;
    const char *folder, *log;
};

/* One in transaction mode in front of p, with further settings, "name = value" lines or NULL.  Skips the whole test if there is none. */
void pgbouncer_start(struct pgbouncer *b, const struct postgres *p, const char *settings);
void pgbouncer_stop(struct pgbouncer *b);

#endif
