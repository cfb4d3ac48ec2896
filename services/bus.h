/*
 * Who is still running, and who has written something new: how services that read each other's rows meet, without polling.
 * SPDX-License-Identifier: MIT
 */
#ifndef SERVICES_BUS_H
#define SERVICES_BUS_H

#include <pthread.h>
#include "service.h"

struct bus {
    pthread_mutex_t lock; /* guards all below */
    pthread_cond_t changed;
    uint64_t told[SERVICE_COUNT];    /* how often it said that there is something new */
    unsigned running[SERVICE_COUNT]; /* replicas that have not ended */
};

/* What a follower knew of the services it follows when it began a pass. */
struct bus_mark {
    uint64_t told;
    int ended; /* all of them: a pass begun after this is the last */
};

void bus_start(struct bus *b);
void bus_end(struct bus *b);
void bus_join(struct bus *b, enum service_id service); /* before any thread runs */
void bus_leave(struct bus *b, enum service_id service);
void bus_tell(struct bus *b, enum service_id service);
struct bus_mark bus_mark(struct bus *b, unsigned followed);
/* Waits until something is not as it was at the mark. */
void bus_wait(struct bus *b, unsigned followed, struct bus_mark mark);
/* Waits until all services have ended, at most that long; whether they have.  < 0: as long as it takes. */
int bus_wait_all(struct bus *b, long ms);

#endif
