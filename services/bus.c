/*
 * Who is still running, and who has written something new.
 * SPDX-License-Identifier: MIT
 */
#include <errno.h>
#include <string.h>
#include <time.h>
#include "bus.h"

void bus_start(struct bus *b)
{
    memset(b, 0, sizeof *b);
    pthread_mutex_init(&b->lock, NULL);
    pthread_cond_init(&b->changed, NULL);
}

void bus_end(struct bus *b)
{
    pthread_cond_destroy(&b->changed);
    pthread_mutex_destroy(&b->lock);
}

void bus_join(struct bus *b, enum service_id service)
{
    b->running[service]++;
}

static void change(struct bus *b, enum service_id service, uint64_t told, unsigned left)
{
    pthread_mutex_lock(&b->lock);
    b->told[service] += told;
    b->running[service] -= left;
    pthread_cond_broadcast(&b->changed);
    pthread_mutex_unlock(&b->lock);
}

void bus_leave(struct bus *b, enum service_id service)
{
    change(b, service, 0, 1);
}

void bus_tell(struct bus *b, enum service_id service)
{
    change(b, service, 1, 0);
}

static struct bus_mark mark_locked(const struct bus *b, unsigned followed)
{
    struct bus_mark mark = { 0, 1 };
    for (unsigned i = 0; i < SERVICE_COUNT; i++) {
        if (!(followed >> i & 1))
            continue;
        mark.told += b->told[i];
        mark.ended &= b->running[i] == 0;
    }
    return mark;
}

struct bus_mark bus_mark(struct bus *b, unsigned followed)
{
    struct bus_mark mark;
    pthread_mutex_lock(&b->lock);
    mark = mark_locked(b, followed);
    pthread_mutex_unlock(&b->lock);
    return mark;
}

void bus_wait(struct bus *b, unsigned followed, struct bus_mark mark)
{
    struct bus_mark now;
    pthread_mutex_lock(&b->lock);
    while (now = mark_locked(b, followed), now.told == mark.told && now.ended == mark.ended)
        pthread_cond_wait(&b->changed, &b->lock);
    pthread_mutex_unlock(&b->lock);
}

static struct timespec in_ms(long ms)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    t.tv_sec += ms / 1000;
    t.tv_nsec += ms % 1000 * 1000000;
    if (t.tv_nsec >= 1000000000) {
        t.tv_sec++;
        t.tv_nsec -= 1000000000;
    }
    return t;
}

int bus_wait_all(struct bus *b, long ms)
{
    struct timespec until = in_ms(ms < 0 ? 0 : ms);
    int ended, late = 0;
    pthread_mutex_lock(&b->lock);
    while (ended = mark_locked(b, (1u << SERVICE_COUNT) - 1).ended, !ended && !late)
        late = (ms < 0 ? pthread_cond_wait(&b->changed, &b->lock)
                       : pthread_cond_timedwait(&b->changed, &b->lock, &until)) == ETIMEDOUT;
    pthread_mutex_unlock(&b->lock);
    return ended;
}
