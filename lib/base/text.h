/*
 * Text: building it in fixed buffers, durations, times, numbers, and the nearest name to a misspelt one.
 * Nothing here depends on the locale.
 * SPDX-License-Identifier: MIT
 */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include <stddef.h>
#include <stdint.h>
#include <base/error.h>

/* A text that grows in somebody's buffer and is cut, never overrun.  Always ends in a zero byte. */
struct text {
    char *at;
    size_t length, size;
};

struct text text_in(char *buffer, size_t size); /* size > 0; makes it empty */
void text_add(struct text *t, const char *format, ...) PRINTF_LIKE(2, 3);

/* "30s", "500ms", "1.5h"; units ns us ms s m h d.  "0" needs no unit.  < 0: it does not parse, or is too long for nanoseconds. */
int duration_parse(int64_t *ns, const char *s);
/* The largest unit that says it exactly, or two digits of one: "30s", "1500ms", "2.4ms".  For people. */
void duration_text(char out[32], int64_t ns);

/* Microseconds since 1970 UTC as "YYYY-MM-DD hh:mm:ss", with ".ffffff" unless that is zero.  < 0: outside years 0000 to 9999. */
int time_text(char out[32], int64_t us);
/* That, also with 'T' for the space, a trailing 'Z' or "+hh:mm"/"-hh:mm", 1 to 9 digits of fraction (past 6 they are cut), or a date
   alone.  The calendar is checked (no February 30th).  < 0: it does not parse whole. */
int time_parse(int64_t *us, const char *s);

/* Whole-text parses: no spaces, nothing behind.  < 0: it does not parse, or does not fit. */
int int_parse(int64_t *out, const char *s);
int double_parse(double *out, const char *s); /* decimal point '.' whatever the locale; "nan", "inf" do not parse */
void double_text(char out[32], double d);     /* the shortest that reads back the same; '.' whatever the locale */

/* Adds an SQL statement with a ? for each literal, comments left out and white space made one space: what people may see of it. */
void text_add_statement(struct text *t, const char *sql);

/* The name in the NULL-ended list that `word` most likely meant; NULL: none is near. */
const char *nearest_name(const char *word, const char *const *names);

#endif
