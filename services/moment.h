/*
 * Moments: microseconds since 1970 UTC, and the days they fall on.
 * SPDX-License-Identifier: MIT
 */
#ifndef SERVICES_MOMENT_H
#define SERVICES_MOMENT_H

#include <stdint.h>

#define MOMENT_SECOND INT64_C(1000000)
#define MOMENT_DAY (86400 * MOMENT_SECOND)
#define MOMENT_FIRST \
    (INT64_C(-30610224000) * MOMENT_SECOND) /* the year 1000, and with it all that every database can store … */
#define MOMENT_LAST (INT64_C(253402300800) * MOMENT_SECOND - 1) /* … to the end of 9999 */
#define DAY_SIZE 11                                             /* "2026-01-11" and its zero byte */

/* ISO 8601 with a zone: "2026-01-11T08:44:25Z", also a space for the T, a fraction of up to six digits, "+hh:mm", or a date alone,
   which is its midnight.  From MOMENT_FIRST to MOMENT_LAST.   Returns NULL, or what is wrong with it. */
const char *moment_parse(int64_t *us, const char *text);

int64_t moment_midnight(int64_t us); /* the beginning of its day, UTC */
void moment_day(char out[DAY_SIZE], int64_t us);

#endif
