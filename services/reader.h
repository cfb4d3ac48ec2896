/*
 * CSV rows from a file, gzipped or plain, or from standard input.
 *
 * RFC 4180 and strict about quotes.  A row that cannot be read costs its own first line only: reading goes on with the line after
 * that, so that one forgotten quote does not swallow what follows.
 * SPDX-License-Identifier: MIT
 */
#ifndef SERVICES_READER_H
#define SERVICES_READER_H

#include <stddef.h>

struct reader;

/* One row; everything is the caller's, to change as well, until the next call.  `reason` is for READER_BAD and READER_FAILED. */
struct record {
    long line;      /* where it begins, from 1 */
    size_t count;   /* fields */
    char **field;   /* each ends in a zero byte … */
    size_t *length; /* … and may have others inside */
    const char *reason;
};

enum reader_status { READER_END, READER_ROW, READER_BAD, READER_FAILED };

/* "-" is standard input.  NULL: it cannot be opened, errno tells why. */
struct reader *reader_open(const char *path);
enum reader_status reader_next(struct reader *r, struct record *record);
void reader_close(struct reader **r);

#endif
