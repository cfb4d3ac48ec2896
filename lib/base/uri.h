/*
 * Database URLs, taken apart.
 *
 *     scheme://user:password@host1:port1,host2/database?option=value&…     servers
 *     scheme:path?option=value&…                                           files ("sqlite:prices.db", "sqlite:/var/p.db")
 *
 * Every part may be %-encoded; nothing that is wrong is guessed at.
 * SPDX-License-Identifier: MIT
 */
#ifndef BASE_URI_H
#define BASE_URI_H

#include <stdint.h>
#include <base/alloc.h>
#include <base/error.h>

struct uri_host {
    const char *name; /* "" if the URL gave none */
    uint32_t port;    /* 0: not given */
};

struct uri_pair {
    const char *name, *value;
};

/* All text lies in `block`, decoded and zero-ended; "" where not given. */
struct uri {
    const char *scheme, *user, *password,
        *database; /* database: the path without its leading '/', or the file path as it is */
    struct uri_host *hosts;
    size_t host_count; /* 0 for the file form, at least 1 otherwise */
    struct uri_pair *pairs;
    size_t pair_count;
    void *block;
    size_t block_size; /* wiped by uri_end: it holds the password */
};

/* Fails with WEIR_E_OPTION naming what is wrong (never quoting the password) or WEIR_E_MEMORY; *out is all zero then. */
int uri_parse(struct uri *out, const struct alloc *a, const char *text, weir_error *err);
void uri_end(struct uri *uri, const struct alloc *a);

#endif
