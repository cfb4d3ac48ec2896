/*
 * Service levels of transactions, for every database: each is a test with the numbers in it.
 * SPDX-License-Identifier: MIT
 */
#ifndef T_LEVELS_H
#define T_LEVELS_H

#include "talk.h"

/* A database: its URL is `format` with the port of its server in it, or, for level 20, that of a proxy in front of it. */
struct place {
    const char *format;
    int port;
    bool traces; /* its server tells the fate of a transaction */
};

weir_db *level_open(const struct place *place, const char *options); /* options of a URL, "a=1&b=2" */
weir_figures level_figures(weir_db *db);
/* Runs `body` of so many threads; each gets its number in *arg's place. */
#define LEVEL_THREADS 16
void level_threads(void (*work)(weir_db *db, int thread), weir_db *db);

void level_18_transfers(const struct place *place);
void level_19_sorted(const struct place *place);
void level_20_lost_commit(const struct place *place);
#define LEVEL_PLACES 2
void level_22_hot_row(const struct place *places, int n); /* nodes of a cluster, or one server */

#endif
