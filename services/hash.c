/*
 * FNV-1a, 128 bits, in two halves because C has no wider type than 64.
 * SPDX-License-Identifier: MIT
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include "hash.h"

struct hash hash_start(void)
{
    return (struct hash){ UINT64_C(0x6c62272e07bb0142), UINT64_C(0x62b821756295c58d) };
}

/* Times the prime 2^88 + 0x13b, modulo 2^128. */
static struct hash times_prime(struct hash h)
{
    uint64_t low = (h.low & UINT32_MAX) * 0x13b;
    uint64_t middle = (h.low >> 32) * 0x13b + (low >> 32);
    struct hash product = { h.high * 0x13b + (middle >> 32) + (h.low << 24), middle << 32 | (low & UINT32_MAX) };
    return product;
}

struct hash hash_add(struct hash h, const void *bytes, size_t length)
{
    const unsigned char *b = bytes;
    for (size_t i = 0; i < length; i++) {
        h.low ^= b[i];
        h = times_prime(h);
    }
    return h;
}

struct hash hash_text(struct hash h, const char *text)
{
    return hash_add(h, text, strlen(text) + 1);
}

void hash_hex(char out[33], struct hash h)
{
    snprintf(out, 33, "%016" PRIx64 "%016" PRIx64, h.high, h.low);
}
