/*
 * FNV-1a in its 128-bit form: names articles, shares rows among writers, tells whether a series changed.
 * The value is part of what is stored: it is the same on every machine and never changes.
 * SPDX-License-Identifier: MIT
 */
#ifndef SERVICES_HASH_H
#define SERVICES_HASH_H

#include <stddef.h>
#include <stdint.h>

struct hash {
    uint64_t high, low;
};

struct hash hash_start(void);
struct hash hash_add(struct hash h, const void *bytes, size_t length);
struct hash hash_text(struct hash h, const char *text); /* with its zero byte, so that "a","bc" is not "ab","c" */
void hash_hex(char out[33], struct hash h);

#endif
