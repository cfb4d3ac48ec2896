/*
 * One service at work: its files, then passes over the database until those it follows have ended.
 * SPDX-License-Identifier: MIT
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include "house.h"
#include "memory.h"

void run_read_rows(struct run *run, uint64_t rows)
{
    pthread_mutex_lock(&run->lock);
    run->figures.read += rows;
    pthread_mutex_unlock(&run->lock);
}

int run_failed(struct run *run)
{
    int failed;
    pthread_mutex_lock(&run->lock);
    failed = run->failed;
    pthread_mutex_unlock(&run->lock);
    return failed;
}

int run_fail(struct run *run, const char *format, ...)
{
    char text[600];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    say("%s: %s", run->service->name, text);
    pthread_mutex_lock(&run->lock);
    run->failed = 1;
    run->figures.failures++;
    pthread_mutex_unlock(&run->lock);
    return -1;
}

void run_tell(struct run *run)
{
    bus_tell(&run->house->bus, run->id);
}

int run_owns(const struct run *run, uint64_t hash)
{
    return hash % run->service->replicas == run->replica;
}

/* The mark is taken before the pass: what is told during it asks for another one. */
static void derive(struct run *run)
{
    struct bus_mark mark;
    for (;;) {
        mark = bus_mark(&run->house->bus, run->service->follows);
        if (run->service->derive(run) < 0 || run_flush(run) < 0)
            return;
        run_tell(run);
        if (mark.ended)
            return;
        bus_wait(&run->house->bus, run->service->follows, mark);
    }
}

static void *run_all(void *arg)
{
    struct run *run = arg;
    writers_start(run);
    if ((!run->service->layouts || !run->house->input || input_read(run) == 0) && run->service->derive)
        derive(run);
    writers_join(run);
    bus_leave(&run->house->bus, run->id);
    return NULL;
}

void run_start(struct run *run)
{
    pthread_mutex_init(&run->lock, NULL);
    if (pthread_create(&run->thread, NULL, run_all, run) != 0)
        give_up("cannot start a thread");
}

void run_join(struct run *run)
{
    pthread_join(run->thread, NULL);
    pthread_mutex_destroy(&run->lock);
}
