/*
 * onchain-data-collector: files with a line a day and a column a metric, into rows by asset, metric and day.
 * A column is called <asset>_<metric>; an empty cell is no row.
 * SPDX-License-Identifier: MIT
 */
#include <stdio.h>
#include <string.h>
#include "moment.h"
#include "service.h"

enum { O_TS, O_COUNT };
static const struct field onchain_fields[O_COUNT] = { [O_TS] = { "ts", FIELD_MOMENT, 0, 0 } };

/* Capitals, as everywhere: "btc_hash_rate" is about BTC. */
static void write_asset(char asset[OTHER_LIMIT + 1], const char *column)
{
    size_t n = strcspn(column, "_");
    for (size_t i = 0; i < n; i++)
        asset[i] = (char)(column[i] >= 'a' && column[i] <= 'z' ? column[i] - 'a' + 'A' : column[i]);
    asset[n] = '\0';
}

static const char *take_metrics(struct run *run, const struct cells *cells)
{
    char day[DAY_SIZE], asset[OTHER_LIMIT + 1];
    moment_day(day, cells->v[O_TS].as.i);
    for (size_t i = O_COUNT; i < cells->count; i++) {
        if (cells->v[i].type == WEIR_NULL)
            continue;
        write_asset(asset, cells->name[i]);
        const weir_value metric[] = { weir_text(asset), weir_text(strchr(cells->name[i], '_') + 1), weir_text(day),
                                      cells->v[i] };
        run_store(run, row_make(ONCHAIN_METRICS, metric, NULL));
    }
    return NULL;
}

const struct layout onchain_layouts[] = {
    { "onchain_", onchain_fields, O_COUNT, 1, take_metrics },
    LAYOUT_END,
};
