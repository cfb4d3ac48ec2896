/*
 * What all runs of one invocation share, and what one run is made of.  For the files that make services run; services see service.h.
 * SPDX-License-Identifier: MIT
 */
#ifndef SERVICES_HOUSE_H
#define SERVICES_HOUSE_H

#include <pthread.h>
#include "bus.h"
#include "dialect.h"
#include "figures.h"
#include "service.h"

/* What a batch waits for at most: a collector rather comes late than loses rows. */
#define PATIENCE_MS 60000

struct house {
    weir_db *db;
    const char *input; /* folder, file or "-"; NULL: none was given */
    int input_is_folder;
    unsigned workers; /* threads that write, a run */
    int progress;     /* stderr is a terminal */
    struct bus bus;
};

struct row {
    struct row *next;
    enum table_id table;
    size_t turn; /* within a batch: of rows with one key, the later one counts */
    weir_value v[];
};

/* One service at work, or one of its replicas. */
struct run {
    const struct service *service;
    enum service_id id;
    unsigned replica;
    struct house *house;
    struct writer *writers; /* house->workers of them */
    pthread_t thread;
    pthread_mutex_t lock; /* guards all below; no call into weir under it */
    struct figures figures;
    int failed;
};

/* run.c */
void run_read_rows(struct run *run, uint64_t rows);     /* counts them */
int run_failed(struct run *run);                        /* whether it has */
int run_fail(struct run *run, const char *format, ...); /* says why; returns -1 */
void run_start(struct run *run);                        /* its threads */
void run_join(struct run *run);                         /* waits for them */

/* input.c */
int input_read(struct run *run); /* all files of the service; < 0: the run has failed */

/* writer.c */
void writers_start(struct run *run);
void writers_join(struct run *run);

/* report.c: lines to stderr stay whole, and the progress line gives way to them */
void say(const char *format, ...);
void progress_show(struct run *runs, size_t count);
void progress_hide(void);
void report_print(const struct house *house, const struct run *runs, size_t count);

#endif
