/*
 * The figures of a db's pools as OpenMetrics text: the names of OpenTelemetry where it has one, `weir_…` otherwise.
 * A row of the table below is a metric; weir_metrics_write(3) has a line for each, and t/style/man holds them together.
 * SPDX-License-Identifier: MIT
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <base/text.h>
#include <db/inside.h>
#include <observe/metrics.h>

#define OF(member) offsetof(weir_figures, member), sizeof(((weir_figures *)0)->member)
#define STATE(word) "db_client_connection_state=\"" word "\","

const struct metric metrics[] = {
    { "db_client_connection_count", "gauge", "connections that are idle, or lent out", STATE("idle"), OF(idle) },
    { "db_client_connection_count", "gauge", NULL, STATE("used"), OF(used) },
    { "db_client_connection_idle_max", "gauge", "idle connections that the pool allows", "", OF(max) },
    { "db_client_connection_idle_min", "gauge", "idle connections that the pool keeps", "", OF(min) },
    { "db_client_connection_max", "gauge", "open connections that the pool allows", "", OF(max) },
    { "db_client_connection_pending_requests", "gauge", "callers that wait for a connection", "", OF(waiting) },
    { "db_client_connection_timeouts", "counter", "callers that waited in vain", "", OF(timed_out) },
    { "weir_writers_max", "gauge", "write loans at once that are admitted now", "", OF(writers_max) },
    { "weir_connections_opening", "gauge", "connections being opened", "", OF(opening) },
    { "weir_connections_resetting", "gauge", "connections being made clean, or turned to the other lane", "",
      OF(resetting) },
    { "weir_connections_closing", "gauge", "connections being closed", "", OF(closing) },
    { "weir_connections_opened", "counter", "connections that joined the pool", "", OF(opened) },
    { "weir_connections_closed", "counter", "connections that left the pool", "", OF(closed) },
    { "weir_connections_lost", "counter", "connections that died under use", "", OF(lost) },
    { "weir_connects_failed", "counter", "connects that failed", "", OF(connect_failed) },
    { "weir_connections_recycled", "counter", "connections replaced because their life was over", "", OF(recycled) },
    { "weir_checks", "counter", "connections asked whether they still work", "", OF(checks) },
    { "weir_checks_failed", "counter", "of these, those that did not", "", OF(checks_failed) },
    { "weir_shed", "counter", "callers refused early", "", OF(shed) },
    { "weir_loans", "counter", "loans begun", "", OF(acquired) },
    { "weir_leaks", "counter", "loans reported as leaked", "", OF(leaks) },
    { "weir_transactions", "counter", "transactions committed by weir_transact", "", OF(transactions) },
    { "weir_retries", "counter", "transaction bodies that ran again", "", OF(retries) },
    { "weir_retries_refused", "counter", "those that did not, for want of budget", "", OF(retries_refused) },
    { "weir_in_doubt", "counter", "commits whose answer was lost", "", OF(in_doubt) },
    { "weir_settled", "counter", "of these, those whose fate was found out", "", OF(settled) },
    { "weir_narrowed", "counter", "times that conflicts made the pool admit fewer writers", "", OF(narrowed) },
    { "weir_deadlocks_server", "counter", "deadlocks and serialization failures that a server reported", "",
      OF(deadlocks_server) },
    { "weir_deadlocks_caller", "counter", "those that weir_transact could not hide from its caller", "",
      OF(deadlocks_caller) },
    { NULL, NULL, NULL, NULL, 0, 0 },
};

const struct metric_time metric_times[] = {
    { "db_client_connection_create_time_seconds", "opening a connection", TIME_CREATE },
    { "db_client_connection_wait_time_seconds", "waiting for a connection", TIME_WAIT },
    { "db_client_connection_use_time_seconds", "holding a connection; of a sample of the loans", TIME_USE },
    { NULL, NULL, 0 },
};

struct out {
    int (*write)(void *arg, const char *text, size_t length);
    void *arg;
    int status; /* non-zero: what write returned; nothing more is written */
};

static void put(struct out *o, const char *text, size_t length)
{
    if (!o->status && length)
        o->status = o->write(o->arg, text, length);
}

static void put_text(struct out *o, const char *format, ...) PRINTF_LIKE(2, 3);

static void put_text(struct out *o, const char *format, ...)
{
    char buffer[512];
    va_list args;
    va_start(args, format);
    int length = vsnprintf(buffer, sizeof buffer, format, args);
    va_end(args);
    put(o, buffer, length > 0 ? (size_t)length : 0);
}

/* A label's value, in which three characters are escaped. */
static void put_escaped(struct out *o, const char *s)
{
    while (*s) {
        size_t plain = strcspn(s, "\\\"\n");
        put(o, s, plain);
        s += plain;
        if (*s)
            put_text(o, "\\%c", *s == '\n' ? 'n' : *s);
        s += *s != '\0';
    }
}

static void put_head(struct out *o, const char *name, const char *type, const char *help)
{
    put_text(o, "# TYPE %s %s\n", name, type);
    if (strstr(name, "_seconds"))
        put_text(o, "# UNIT %s seconds\n", name);
    put_text(o, "# HELP %s %s\n", name, help);
}

static void put_sample(struct out *o, const char *name, const char *suffix, const char *label, const char *pool)
{
    put_text(o, "%s%s{%sdb_client_connection_pool_name=\"", name, suffix, label);
    put_escaped(o, pool);
    put_text(o, "\"} ");
}

static void put_metric(struct out *o, const struct metric *m, const char *pool, const weir_figures *f)
{
    uint64_t wide = 0;
    uint32_t narrow = 0;
    const char *at = (const char *)f + m->offset;
    memcpy(m->size == sizeof wide ? (void *)&wide : (void *)&narrow, at, m->size);
    if (m->help)
        put_head(o, m->name, m->type, m->help);
    put_sample(o, m->name, *m->type == 'c' ? "_total" : "", m->label, pool);
    put_text(o, "%" PRIu64 "\n", wide + narrow);
}

/* In seconds, as OpenMetrics wants to see a bound: always with a point, so that the label is the same whoever writes it. */
static void bound_text(char out[32], int64_t ns)
{
    double_text(out, (double)ns / (double)NS_PER_S);
    if (!strpbrk(out, ".e"))
        strcat(out, ".0");
}

static void put_time(struct out *o, const struct metric_time *t, weir_pool *pool)
{
    struct pool_spread spread;
    char label[48], bound[32];
    pool_spread(pool, t->what, &spread);
    put_head(o, t->name, "histogram", t->help);
    for (size_t i = 0; i < POOL_BOUNDS; i++) {
        bound_text(bound, pool_bounds[i]);
        snprintf(label, sizeof label, "le=\"%s\",", bound);
        put_sample(o, t->name, "_bucket", label, pool_name(pool));
        put_text(o, "%" PRIu64 "\n", spread.within[i]);
    }
    put_sample(o, t->name, "_bucket", "le=\"+Inf\",", pool_name(pool));
    put_text(o, "%" PRIu64 "\n", spread.count);
    put_sample(o, t->name, "_count", "", pool_name(pool));
    put_text(o, "%" PRIu64 "\n", spread.count);
    put_sample(o, t->name, "_sum", "", pool_name(pool));
    double_text(bound, (double)spread.sum / (double)NS_PER_S);
    put_text(o, "%s\n", bound);
}

/* One sample a state, of which one is 1. */
static void put_health(struct out *o, weir_pool *pool)
{
    char label[48];
    weir_health h;
    pool_health(pool, &h);
    put_head(o, METRIC_HEALTH, "stateset", "what the pool thinks of its server");
    for (uint32_t state = WEIR_UP; state <= WEIR_DRAINING; state++) {
        snprintf(label, sizeof label, METRIC_HEALTH "=\"%s\",", weir_health_state_name(state));
        put_sample(o, METRIC_HEALTH, "", label, pool_name(pool));
        put_text(o, "%d\n", state == h.state);
    }
}

int weir_metrics_write(const weir_db *db, int (*write)(void *arg, const char *text, size_t length), void *arg)
{
    struct out o = { .write = write, .arg = arg };
    weir_figures f;
    if (!db || !write)
        return WEIR_E_ARGUMENT;
    pool_figures(db->pool, &f);
    for (const struct metric *m = metrics; m->name; m++)
        put_metric(&o, m, pool_name(db->pool), &f);
    for (const struct metric_time *t = metric_times; t->name; t++)
        put_time(&o, t, db->pool);
    put_health(&o, db->pool);
    put_text(&o, "# EOF\n");
    return o.status;
}
