/*
 * Memory for a program that has nothing better to do without it than to say so and end: every write is a transaction, so nothing is
 * left half-written.
 * SPDX-License-Identifier: MIT
 */
#ifndef SERVICES_MEMORY_H
#define SERVICES_MEMORY_H

#include <stdlib.h>

void give_up(const char *why); /* says so and ends the program */

/* Never NULL; ended with free. */
void *need_zeroed(size_t size);
void *grow(void *block, size_t size);
char *text_copy(const char *text);

/* Many small pieces that end together.  All zero is an empty one. */
struct pile {
    struct pile_block *blocks;
};

void *pile_take(struct pile *p, size_t size); /* aligned for anything, not zeroed */
void pile_end(struct pile *p);

#endif
