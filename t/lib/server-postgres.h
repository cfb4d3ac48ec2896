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
/* The same as postgres_restart, but does not wait until it lets anybody in: it may be made not to. */
void postgres_restart_shut(struct postgres *p, int signal, const char *const *settings);
/* Runs statements on it as `weir`; bails out if they fail. */
void postgres_run(const struct postgres *p, const char *sql);

/* Makes a standby of it, which follows it by streaming and takes queries. */
void postgres_follow(struct postgres *standby, const struct postgres *primary, const char *const *settings);
/* Waits until the standby has done all that the primary has written. */
void postgres_catch_up(const struct postgres *standby, const struct postgres *primary);
/* The standby does not hear of what the primary writes from now on. */
void postgres_cut_off(const struct postgres *standby);
/* Makes the standby a primary, on a timeline of its own, and waits until it is. */
void postgres_promote(const struct postgres *standby);

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
