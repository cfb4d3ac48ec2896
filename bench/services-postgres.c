/*
 * PostgreSQL by the bare client library.
 * SPDX-License-Identifier: MIT
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <libpq-fe.h>
#include "server-postgres.h"
#include "services.h"

static struct postgres server;

struct bare {
    PGconn *pg;
    bool prepared[SERVICES + 1];
};

/* A server looks for a deadlock when a lock was waited for that long, by default a second; the runs would take hours. */
static bool start(char url[600])
{
    postgres_start(&server, (const char *const[]){ "max_connections=120", "deadlock_timeout=50ms", NULL });
    snprintf(url, 600, "postgres://weir@127.0.0.1:%d/postgres", server.port);
    return true;
}

static void stop(void)
{
    postgres_stop(&server);
}

static void *bare_connect(void)
{
    char conninfo[100];
    struct bare *b = calloc(1, sizeof *b);
    must(b, "PQconnectdb", "no memory");
    snprintf(conninfo, sizeof conninfo, "host=127.0.0.1 port=%d user=weir dbname=postgres", server.port);
    b->pg = PQconnectdb(conninfo);
    if (PQstatus(b->pg) == CONNECTION_OK)
        return b;
    PQfinish(b->pg);
    free(b);
    return NULL;
}

static void bare_disconnect(void *conn)
{
    struct bare *b = conn;
    PQfinish(b->pg);
    free(b);
}

static enum end end_of(PGresult *r)
{
    const char *state = PQresultErrorField(r, PG_DIAG_SQLSTATE);
    const bool fine = PQresultStatus(r) == PGRES_COMMAND_OK;
    const bool conflict = state && (strcmp(state, "40P01") == 0 || strcmp(state, "40001") == 0);
    PQclear(r);
    return fine ? COMMITTED : conflict ? CONFLICT : FAILED;
}

static enum end say(struct bare *b, const char *sql)
{
    return end_of(PQexec(b->pg, sql));
}

/* ---- a statement a row */

static enum end write_row(struct bare *b, int service, const struct operation *o, const struct item *i, int think_us)
{
    char sql[SQL_MAX];
    sql_upsert_row(sql, DIALECT_POSTGRES, service, o, i);
    think(think_us);
    return say(b, sql);
}

static enum end write_rows(struct bare *b, const struct operation *o, int think_us)
{
    enum end end = COMMITTED;
    for (int i = 0; i < ROWS && end == COMMITTED; i++) {
        end = write_row(b, o->service, o, &o->items[i], think_us);
        if (end == COMMITTED)
            end = write_row(b, SHARED, o, &o->items[i], think_us);
    }
    return end;
}

/* ---- a statement a table: arrays, as texts */

#define COLUMNS 5
#define ARRAY_MAX 256

static enum end prepare(struct bare *b, int service)
{
    char sql[SQL_MAX];
    bool *done = &b->prepared[service + 1];
    if (*done)
        return COMMITTED;
    *done = true;
    sql_upsert(sql, DIALECT_POSTGRES, service,
               service == SHARED
                   ? "SELECT * FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::bigint[])"
                   : "SELECT * FROM unnest($1::text[], $2::int[], $3::bigint[], $4::bigint[], $5::bigint[])");
    return end_of(PQprepare(b->pg, sql_table_name(service), sql, 0, NULL));
}

static void put(char column[ARRAY_MAX], int row, const char *text)
{
    const size_t used = row ? strlen(column) : 0;
    snprintf(column + used, ARRAY_MAX - used, "%c%s%s", row ? ',' : '{', text, row == ROWS - 1 ? "}" : "");
}

static void put_number(char column[ARRAY_MAX], int row, int64_t number)
{
    char text[24];
    snprintf(text, sizeof text, "%lld", (long long)number);
    put(column, row, text);
}

/* The next answer of a pipeline, and its end. */
static enum end next_end(PGconn *pg)
{
    const enum end end = end_of(PQgetResult(pg));
    PQclear(PQgetResult(pg));
    return end;
}

/* The BEGIN and the first statement in one. */
static enum end begin_with(PGconn *pg, const char *statement, int n, const char *const *values)
{
    const bool sent = PQenterPipelineMode(pg) && PQsendQueryParams(pg, "BEGIN", 0, NULL, NULL, NULL, NULL, 0) &&
                      PQsendQueryPrepared(pg, statement, n, values, NULL, NULL, 0) && PQpipelineSync(pg);
    if (!sent || next_end(pg) != COMMITTED)
        return FAILED;
    const enum end end = next_end(pg);
    PQclear(PQgetResult(pg)); /* the sync */
    return PQexitPipelineMode(pg) ? end : FAILED;
}

static enum end write_table(struct bare *b, int service, const struct operation *o, bool begin, int think_us)
{
    char columns[COLUMNS][ARRAY_MAX];
    const char *values[COLUMNS];
    int n = 0;
    for (int i = 0; i < ROWS; i++) {
        n = 0;
        put(columns[n++], i, o->items[i].symbol);
        if (service != SHARED)
            put_number(columns[n++], i, o->slot);
        put_number(columns[n++], i, 1);
        put_number(columns[n++], i, o->items[i].total);
        put_number(columns[n++], i, o->items[i].newest);
    }
    for (int i = 0; i < n; i++)
        values[i] = columns[i];
    if (prepare(b, service) != COMMITTED)
        return FAILED;
    think(think_us);
    if (begin)
        return begin_with(b->pg, sql_table_name(service), n, values);
    return end_of(PQexecPrepared(b->pg, sql_table_name(service), n, values, NULL, NULL, 0));
}

static enum end write_tables(struct bare *b, const struct operation *o, bool begin, int think_us)
{
    enum end end = write_table(b, o->service, o, begin, think_us);
    return end == COMMITTED ? write_table(b, SHARED, o, false, think_us) : end;
}

static enum end bare_operate(void *conn, const struct operation *o, enum how how, int think_us)
{
    struct bare *b = conn;
    if (how != UNSAID && say(b, "BEGIN") != COMMITTED) /* READ COMMITTED is the default */
        return FAILED;
    enum end end = how == PLAIN ? write_rows(b, o, think_us) : write_tables(b, o, how == UNSAID, think_us);
    if (end == COMMITTED)
        end = say(b, "COMMIT");
    if (end != COMMITTED)
        say(b, "ROLLBACK");
    return end;
}

const struct database services_postgres = {
    .name = "PostgreSQL",
    .library = "libpq",
    .dialect = DIALECT_POSTGRES,
    .start = start,
    .stop = stop,
    .deadlocks = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()",
    .others = "SELECT COUNT(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()",
    .unsaid = true,
    .connect = bare_connect,
    .operate = bare_operate,
    .disconnect = bare_disconnect,
};
