/*
 * The metrics: one row each, for the writer and for the test that holds the man page to them.
 * SPDX-License-Identifier: MIT
 */
#ifndef OBSERVE_METRICS_H
#define OBSERVE_METRICS_H

#include <pool/pool.h>

struct metric {
    const char *name, *type, *help; /* help NULL: a further sample of the row before */
    const char *label;              /* `name="value",` or nothing */
    size_t offset, size;            /* of its number in weir_figures */
};

struct metric_time {
    const char *name, *help;
    enum pool_time what;
};

#define METRIC_HEALTH "weir_health"

extern const struct metric metrics[];           /* ends in a row without a name */
extern const struct metric_time metric_times[]; /* likewise */

#endif
