/*
 * What the service levels of transactions share.
 * SPDX-License-Identifier: MIT
 */
#include <stdio.h>
#include "levels.h"

weir_db *level_open(const struct place *place, const char *options)
{
    char base[256], url[512];
    snprintf(base, sizeof base, place->format, place->port);
    snprintf(url, sizeof url, "%s?%s", base, options);
    return talk_open(url, NULL);
}

weir_figures level_figures(weir_db *db)
{
    weir_figures f = { .size = sizeof f };
    if (weir_pool_figures(&f, weir_db_pool(db, 0)) < 0)
        tap_bail("no figures");
    return f;
}

struct worker {
    pthread_t thread;
    void (*work)(weir_db *db, int thread);
    weir_db *db;
    int number;
};

static void *run(void *arg)
{
    const struct worker *w = arg;
    w->work(w->db, w->number);
    return NULL;
}

void level_threads(void (*work)(weir_db *db, int thread), weir_db *db)
{
    struct worker workers[LEVEL_THREADS];
    for (int i = 0; i < LEVEL_THREADS; i++) {
        workers[i] = (struct worker){ .work = work, .db = db, .number = i };
        talk_start(&workers[i].thread, run, &workers[i]);
    }
    for (int i = 0; i < LEVEL_THREADS; i++)
        talk_join(workers[i].thread);
}
