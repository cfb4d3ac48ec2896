/*
 * What a service did, in numbers.
 * SPDX-License-Identifier: MIT
 */
#ifndef SERVICES_FIGURES_H
#define SERVICES_FIGURES_H

#include <stdint.h>

#define SPREAD_STEPS 16 /* buckets between a power of two and the next: what is read off is at most 1/16 too high */
#define SPREAD_BUCKETS (64 * SPREAD_STEPS)

/* Lengths of time in microseconds.  All zero is an empty one. */
struct spread {
    uint64_t count;
    uint64_t bucket[SPREAD_BUCKETS];
};

void spread_add(struct spread *h, int64_t us);
void spread_join(struct spread *h, const struct spread *other);
/* The length that this share of all does not exceed, 0 if there is none. */
int64_t spread_at(const struct spread *h, double share);

struct figures {
    uint64_t read;   /* rows, of files and of the database */
    uint64_t stored; /* rows of the service's own tables in committed transactions; those of `assets` are not counted */
    uint64_t transactions; /* committed */
    uint64_t retries;      /* bodies that ran again */
    uint64_t deadlocks;    /* deadlocks and serialization failures met in bodies */
    uint64_t bad_rows;     /* skipped */
    uint64_t failures;     /* what ended the service, or a part of it */
    struct spread wait;    /* for a connection */
    struct spread work;    /* from the connection to the end of the commit */
};

void figures_join(struct figures *f, const struct figures *other);

int64_t now_us(void); /* monotonic */

#endif
