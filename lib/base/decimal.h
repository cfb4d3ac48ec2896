/*
 * Decimal numbers as text ("-12.340"): compared and added, every digit kept.  No exponents.
 * SPDX-License-Identifier: MIT
 */
#ifndef BASE_DECIMAL_H
#define BASE_DECIMAL_H

#include <stdbool.h>
#include <stddef.h>

/* A number taken apart; points into the text that it was taken from. */
struct decimal {
    bool negative; /* never for zero */
    const char *whole, *fraction;
    size_t whole_digits, fraction_digits; /* without zeros at the outer ends */
};

int decimal_parse(struct decimal *out, const char *text, size_t length); /* < 0: it is none */
int decimal_compare(const struct decimal *a, const struct decimal *b);   /* < 0, 0, > 0 */
size_t decimal_sum_size(const struct decimal *a, const struct decimal *b);
/* Writes the sum, of no more than decimal_sum_size bytes with the zero byte at its end; returns its length. */
size_t decimal_add(char *out, const struct decimal *a, const struct decimal *b);

/* The same, of texts, for drivers; < 0: one of them is no decimal.  A sum takes no more bytes than both texts, and four. */
int decimal_add_texts(char *out, const char *a, const char *b);
int decimal_compare_texts(int *order, const char *a, const char *b);

#endif
