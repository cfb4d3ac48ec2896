/*
 * PostgreSQL's side of bulk.h.
 *
 *     bulk-postgres USER@HOST:PORT/DATABASE [ROWS [ROUNDS]]
 *
 * The user may make tables and needs no password.
 * SPDX-License-Identifier: MIT
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <libpq-fe.h>
#include "bulk.h"

#define BATCH 10000
#define RULES                                                                                           \
    "open = o.open, high = GREATEST(o.high, excluded.high), low = LEAST(o.low, excluded.low), close = " \
    "excluded.close, volume = COALESCE(o.volume + excluded.volume, o.volume, excluded.volume)"
#define VALUES "INSERT INTO bench_bulk AS o (" COLUMNS ") VALUES (?, ?, ?, ?, ?, ?, ?)"
#define EPOCH_2000 INT64_C(946684800)

/* ---- by hand */

static PGconn *pg;
static char *room;

static void done(PGresult *r, ExecStatusType status)
{
    must(PQresultStatus(r) == status, PQerrorMessage(pg));
    PQclear(r);
}

static void say(const char *sql)
{
    done(PQexec(pg, sql), PGRES_COMMAND_OK);
}

static char *put(char *at, uint64_t bits, int n)
{
    for (int i = 0; i < n; i++)
        at[i] = (char)(bits >> 8 * (n - 1 - i));
    return at + n;
}

static char *put_sized(char *at, uint64_t bits)
{
    return put(put(at, 8, 4), bits, 8);
}

static char *put_double(char *at, double d)
{
    uint64_t bits;
    memcpy(&bits, &d, sizeof bits);
    return put_sized(at, bits);
}

static char *put_symbol(char *at, const struct candle *c)
{
    const size_t n = strlen(c->symbol);
    memcpy(put(at, n, 4), c->symbol, n);
    return at + 4 + n;
}

static char *put_time(char *at, const struct candle *c)
{
    return put_sized(at, (uint64_t)(c->at - EPOCH_2000) * 1000000);
}

static char *put_row(char *at, const struct candle *c)
{
    at = put_time(put_symbol(put(at, 7, 2), c), c);
    at = put_double(put_double(put_double(put_double(at, c->open), c->high), c->low), c->close);
    return put_sized(at, (uint64_t)c->volume);
}

static void copied(size_t n)
{
    must(PQputCopyData(pg, room, (int)n) == 1, "PQputCopyData");
}

static void copy_end(void)
{
    must(PQputCopyEnd(pg, NULL) == 1, "PQputCopyEnd");
    done(PQgetResult(pg), PGRES_COMMAND_OK);
    must(PQgetResult(pg) == NULL, "COPY goes on");
}

static void copy_binary(const struct candle *c, size_t n)
{
    done(PQexec(pg, "COPY bench_bulk (" COLUMNS ") FROM STDIN (FORMAT binary)"), PGRES_COPY_IN);
    char *at = memcpy(room, "PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0", 19);
    at += 19;
    for (size_t i = 0; i < n; i++) {
        at = put_row(at, &c[i]);
        if (at - room > 60000) {
            copied((size_t)(at - room));
            at = room;
        }
    }
    copied((size_t)(put(at, 0xffff, 2) - room));
    copy_end();
}

static void copy_text(const struct candle *c, size_t n)
{
    char *at = room;
    done(PQexec(pg, "COPY bench_bulk (" COLUMNS ") FROM STDIN"), PGRES_COPY_IN);
    for (size_t i = 0; i < n; i++) {
        char moment[32];
        const time_t t = (time_t)c[i].at;
        struct tm tm;
        strftime(moment, sizeof moment, "%Y-%m-%d %H:%M:%S+00", gmtime_r(&t, &tm));
        at += sprintf(at, "%s\t%s\t%.17g\t%.17g\t%.17g\t%.17g\t%lld\n", c[i].symbol, moment, c[i].open, c[i].high,
                      c[i].low, c[i].close, (long long)c[i].volume);
        if (at - room > 60000) {
            copied((size_t)(at - room));
            at = room;
        }
    }
    copied((size_t)(at - room));
    copy_end();
}

static char *put_cell(char *at, const struct candle *c, int column)
{
    switch (column) {
    case 0:
        return put_symbol(at, c);
    case 1:
        return put_time(at, c);
    case 6:
        return put_sized(at, (uint64_t)c->volume);
    default:
        return put_double(at, (&c->open)[column - 2]);
    }
}

static void unnest(const char *statement, const struct candle *c, size_t n)
{
    static const unsigned types[] = { 25, 1184, 701, 701, 701, 701, 20 };
    const char *values[7];
    int lengths[7], formats[7];
    char *at = room;
    for (int i = 0; i < 7; i++) {
        values[i] = at;
        at = put(put(put(put(put(at, 1, 4), 0, 4), types[i], 4), n, 4), 1, 4);
        for (size_t k = 0; k < n; k++)
            at = put_cell(at, &c[k], i);
        lengths[i] = (int)(at - values[i]);
        formats[i] = 1;
    }
    done(PQexecPrepared(pg, statement, 7, values, lengths, formats, 0), PGRES_COMMAND_OK);
}

static void unnest_insert(const struct candle *c, size_t n)
{
    unnest("insert", c, n);
}

static void unnest_upsert(const struct candle *c, size_t n)
{
    unnest("upsert", c, n);
}

static void copy_and_merge(const struct candle *c, size_t n)
{
    say("CREATE TEMP TABLE bench_new (LIKE bench_bulk) ON COMMIT DROP");
    say("SET LOCAL search_path = pg_temp, public");
    say("ALTER TABLE bench_new RENAME TO bench_bulk");
    copy_binary(c, n);
    say("INSERT INTO public.bench_bulk AS o SELECT * FROM pg_temp.bench_bulk ON CONFLICT (" KEY
        ") DO UPDATE SET " RULES);
}

static void queue_row(const struct candle *c)
{
    char cells[7][12], *end;
    const char *values[7];
    int lengths[7], formats[7];
    for (int i = 0; i < 7; i++) {
        values[i] = i ? cells[i] + 4 : c->symbol;
        end = i ? put_cell(cells[i], c, i) : NULL;
        lengths[i] = i ? (int)(end - values[i]) : (int)strlen(c->symbol);
        formats[i] = 1;
    }
    must(PQsendQueryPrepared(pg, "row", 7, values, lengths, formats, 0), "PQsendQueryPrepared");
}

static void hear_row(void)
{
    done(PQgetResult(pg), PGRES_COMMAND_OK);
    must(PQgetResult(pg) == NULL, "one answer a row");
}

/* A statement for each row. */
static void pipeline(const struct candle *c, size_t n)
{
    enum { PIPE = 500 };
    must(PQenterPipelineMode(pg), "PQenterPipelineMode");
    for (size_t i = 0; i < n; i += PIPE) {
        const size_t end = n - i < PIPE ? n : i + PIPE;
        for (size_t k = i; k < end; k++)
            queue_row(&c[k]);
        must(PQpipelineSync(pg), "PQpipelineSync");
        for (size_t k = i; k < end; k++)
            hear_row();
        done(PQgetResult(pg), PGRES_PIPELINE_SYNC);
    }
    must(PQexitPipelineMode(pg), "PQexitPipelineMode");
}

static void prepare(const char *name, const char *sql)
{
    static const Oid types[] = { 1009, 1185, 1022, 1022, 1022, 1022, 1016 };
    done(PQprepare(pg, name, sql, 7, types), PGRES_COMMAND_OK);
}

#define UNNEST                                                                                          \
    "INSERT INTO bench_bulk AS o (" COLUMNS ") SELECT unnest($1), unnest($2), unnest($3), unnest($4), " \
    "unnest($5), unnest($6), unnest($7)"

static int open_pg(const char *user, const char *rest)
{
    char text[300];
    snprintf(text, sizeof text, "postgres://%s@%s", user, rest);
    pg = PQconnectdb(text);
    must(PQstatus(pg) == CONNECTION_OK, PQerrorMessage(pg));
    room = malloc(BATCH * 200);
    must(room != NULL, "no memory");
    say("SET client_min_messages = error");
    say("DROP TABLE IF EXISTS bench_bulk");
    say("CREATE TABLE bench_bulk (symbol TEXT, at TIMESTAMPTZ, open DOUBLE PRECISION, high DOUBLE PRECISION, low "
        "DOUBLE "
        "PRECISION, close DOUBLE PRECISION, volume BIGINT, PRIMARY KEY (" KEY "))");
    done(PQprepare(pg, "row", "INSERT INTO bench_bulk (" COLUMNS ") VALUES ($1, $2, $3, $4, $5, $6, $7)", 0, NULL),
         PGRES_COMMAND_OK);
    prepare("insert", UNNEST);
    prepare("upsert", UNNEST " ON CONFLICT (" KEY ") DO UPDATE SET " RULES);
    return PQbackendPID(pg);
}

static void settle(void)
{
    say("VACUUM (ANALYZE) bench_bulk");
    say("CHECKPOINT");
}

static struct hand hands[] = {
    { "insert", "COPY, binary", copy_binary, 0 },
    { "insert", "COPY, text", copy_text, 0 },
    { "insert", "unnest", unnest_insert, 0 },
    { "upsert", "unnest", unnest_upsert, 0 },
    { "upsert", "COPY and merge", copy_and_merge, 0 },
    { "each", "pipeline", pipeline, 1 },
    { NULL, NULL, NULL, 0 },
};

int main(int argc, char **argv)
{
    const struct database database = {
        .batch = BATCH,
        .weir = "postgres://%s@%s",
        .zdb = "postgresql://%s@%s?password=none",
        .which = "SELECT pg_backend_pid()",
        .insert = VALUES,
        .upsert = VALUES " ON CONFLICT (" KEY ") DO UPDATE SET " RULES,
        .begin = "BEGIN ISOLATION LEVEL READ COMMITTED",
        .commit = "COMMIT",
        .hands = hands,
        .open = open_pg,
        .say = say,
        .settle = settle,
    };
    return bulk_bench(argc, argv, &database);
}
