/*
 * What the files of this floor share: the struct of a db.
 * SPDX-License-Identifier: MIT
 */
#ifndef DB_INSIDE_H
#define DB_INSIDE_H

#include <base/lock.h>
#include <base/option.h>
#include <base/uri.h>
#include <pool/crew.h>
#include <sql/link.h>

/*
 * Lives while anybody counts on it: its owner until weir_db_close, each live connection, each thread of the crew.  All of it is
 * written by db_open only; what changes later is in the pool and the crew.
 */
struct weir_db {
    atomic_uint refs;
    struct alloc alloc;
    struct clock clock;
    weir_hooks hooks;
    struct options options;
    struct uri uri;
    const weir_backend *backend;
    weir_host host;
    struct link_source source;
    struct crew *crew; /* NULL: threads=none */
    weir_pool *pool;   /* of the one server */
    int64_t acquire_timeout;
    unsigned transact_attempts;
};

/* An option that the environment sets; NULL name at the end. */
struct env_option {
    const char *name, *value;
};

int db_open(weir_db **out, const char *url, const struct env_option *env, const weir_hooks *hooks, weir_error *err);
void db_drop(void *db);

/* target.c: link_source.target. */
int db_target(void *db, weir_target *target, char *secret, size_t size, weir_error *err);

#endif
