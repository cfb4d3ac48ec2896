/*
 * Options of health that contradict each other, or mean nothing, are refused when a database is opened: by name, with what would be right.
 * SPDX-License-Identifier: MIT
 */
#include <stdio.h>
#include <weir.h>
#include "tap.h"

static const struct {
    const char *options, *texts[3], *what;
} refused[] = {
    { "pool_min=11", { "'pool_min'", "11", "pool_size, which is 8" }, "a minimum above the size" },
    { "pool_size=4&pool_min=5", { "'pool_min'", "5", "which is 4" }, "also of a given size" },
    { "write_reserve=10", { "'write_reserve'", "no place for readers", "10" }, "a reserve that leaves readers none" },
    { "write_reserve=-2", { "'write_reserve'", "-2", "-1..4095" }, "a reserve below none" },
    { "pool_size=0", { "'pool_size'", "'0'", "1..4096" }, "a pool of none" },
    { "pool_size=99999999999999999999", { "'pool_size'", "outside", "1..4096" }, "a pool beyond all numbers" },
    { "probe_interval=1s&probe_timeout=2s",
      { "'probe_timeout'", "2s", "probe_interval, which is 1s" },
      "a probe that lasts longer than its interval" },
    { "probe_timeout=0s", { "'probe_timeout'", "'0s'", "1ms..1h" }, "a probe of no time" },
    { "probe_timeout=2h", { "'probe_timeout'", "'2h'", "1ms..1h" }, "a probe of too much" },
    { "probe_interval=2h", { "'probe_interval'", "'2h'", "0s..1h" }, "an interval that is no probing" },
    { "probe_interval=5", { "'probe_interval'", "no unit", "5s or 5ms" }, "a length of nothing" },
    { "probe_fall=0", { "'probe_fall'", "'0'", "1.." }, "no failures that make it go down" },
    { "probe_fall=100000", { "'probe_fall'", "'100000'", "1.." }, "too many" },
    { "probe_rise=0", { "'probe_rise'", "'0'", "1.." }, "no successes that bring it up" },
    { "probe_rise=-1", { "'probe_rise'", "'-1'", "1.." }, "less than none" },
    { "keepalive=31d", { "'keepalive'", "'31d'", "0s..30d" }, "a keep-alive that keeps nothing alive" },
    { "keepalive=1ns", { "'keepalive'", "1ns", "less than" }, "one without a pause" },
    { "validate_after=31d", { "'validate_after'", "'31d'", "0s..30d" }, "a validation that never comes" },
    { "look_after=2h", { "'look_after'", "'2h'", "0s..1h" }, "trust for too long" },
    { "idle_timeout=0s", { "'idle_timeout'", "'0s'", "10ms..30d" }, "no time to be idle" },
    { "idle_timeout=99999999999d", { "'idle_timeout'", "99999999999d", "292 years" }, "more than there is" },
    { "max_lifetime=1ms", { "'max_lifetime'", "1ms", "less than 1s" }, "a life too short to be lived" },
    { "max_lifetime=366d", { "'max_lifetime'", "'366d'", "0s..365d" }, "one too long" },
    { "lifetime_jitter=91", { "'lifetime_jitter'", "'91'", "0..90" }, "a jitter of nearly all" },
    { "connect_backoff=2s",
      { "'connect_backoff'", "2s", "connect_backoff_max, which is 1s" },
      "a back-off above its bound" },
    { "connect_backoff=0s", { "'connect_backoff'", "'0s'", "1ms..1h" }, "none" },
    { "connect_backoff_max=2h", { "'connect_backoff_max'", "'2h'", "1ms..1h" }, "one without end" },
    { "connect_timeout=0s", { "'connect_timeout'", "'0s'", "1ms..1h" }, "connects without time" },
    { "max_connecting=0", { "'max_connecting'", "'0'", "1..64" }, "no connects" },
    { "max_connecting=65", { "'max_connecting'", "'65'", "1..64" }, "a herd of them" },
    { "shed_after=2h", { "'shed_after'", "'2h'", "0s..1h" }, "a refusal that comes too late" },
    { "leak_after=31d", { "'leak_after'", "'31d'", "0s..30d" }, "a leak for a month" },
    { "nested=perhaps", { "'nested'", "'perhaps'", "wait|refuse" }, "what is neither" },
    { "fail_fast=maybe", { "'fail_fast'", "'maybe'", "on, off" }, "neither of these" },
    { "probe_intervall=1s", { "unknown", "'probe_intervall'", "'probe_interval'" }, "a name that is nearly one" },
};

/* At the edges, and against the defaults of the others. */
static const char *const taken[] = {
    "probe_interval=0s&probe_timeout=1h",
    "probe_interval=2s&probe_timeout=2s",
    "pool_size=10&pool_min=10&write_reserve=9",
    "pool_size=4096&pool_min=4096",
    "pool_size=1&write_reserve=0",
    "connect_backoff=1s&connect_backoff_max=1s",
    "probe_fall=1&probe_rise=1",
    "keepalive=0s&probe_interval=0s&validate_after=0s&max_lifetime=0s&leak_after=0s&shed_after=0s&look_after=0s",
    "keepalive=30d&idle_timeout=30d&validate_after=30d&max_lifetime=365d&lifetime_jitter=90&leak_after=30d",
    "max_lifetime=1s&lifetime_jitter=90&idle_timeout=10ms&look_after=1h",
};

static int open_with(const char *options, weir_error *err)
{
    char url[256];
    weir_db *db;
    snprintf(url, sizeof url, "null://options/db?%s", options);
    int status = weir_db_open(&db, url, NULL, err);
    weir_db_close(&db);
    return status;
}

int main(void)
{
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        weir_error err;
        is_int(open_with(refused[i].options, &err), WEIR_E_OPTION, "refused: %s (%s)", refused[i].what,
               refused[i].options);
        for (int n = 0; n < 3; n++)
            has_text(err.text, refused[i].texts[n], "told so");
    }
    for (size_t i = 0; i < sizeof taken / sizeof *taken; i++) {
        weir_error err = { .text = "" };
        is_int(open_with(taken[i], &err), WEIR_OK, "taken: %s %s", taken[i], err.text);
    }
    return tap_done();
}
