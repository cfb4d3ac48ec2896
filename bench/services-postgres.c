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

/* The columns of an operation's rows of one table. */
struct arrays {
    char columns[COLUMNS][ARRAY_MAX];
    const char *values[COLUMNS];
    int n;
};

static void fill(struct arrays *a, int service, const struct operation *o)
{
    for (int i = 0; i < ROWS; i++) {
        a->n = 0;
        put(a->columns[a->n++], i, o->items[i].symbol);
        if (service != SHARED)
            put_number(a->columns[a->n++], i, o->slot);
        put_number(a->columns[a->n++], i, 1);
        put_number(a->columns[a->n++], i, o->items[i].total);
        put_number(a->columns[a->n++], i, o->items[i].newest);
    }
    for (int i = 0; i < a->n; i++)
        a->values[i] = a->columns[i];
}

static bool queue(PGconn *pg, const char *word)
{
    return PQsendQueryParams(pg, word, 0, NULL, NULL, NULL, NULL, 0);
}

static bool queue_table(PGconn *pg, int service, const struct arrays *a)
{
    return PQsendQueryPrepared(pg, sql_table_name(service), a->n, a->values, NULL, NULL, 0);
}

/* The first failure of so many statements in a pipeline that has been sent. */
static enum end end_pipeline(PGconn *pg, int statements)
{
    enum end end = COMMITTED;
    for (int i = 0; i < statements; i++) {
        const enum end next = next_end(pg);
        end = end == COMMITTED ? next : end;
    }
    PQclear(PQgetResult(pg)); /* the sync */
    return PQexitPipelineMode(pg) ? end : FAILED;
}

/* The BEGIN and the first statement in one. */
static enum end begin_with(PGconn *pg, int service, const struct arrays *a)
{
    const bool sent =
        PQenterPipelineMode(pg) && queue(pg, "BEGIN") && queue_table(pg, service, a) && PQpipelineSync(pg);
    return sent ? end_pipeline(pg, 2) : FAILED;
}

static enum end write_table(struct bare *b, int service, const struct operation *o, bool begin, int think_us)
{
    struct arrays a;
    fill(&a, service, o);
    if (prepare(b, service) != COMMITTED)
        return FAILED;
    think(think_us);
    if (begin)
        return begin_with(b->pg, service, &a);
    return end_of(PQexecPrepared(b->pg, sql_table_name(service), a.n, a.values, NULL, NULL, 0));
}

static enum end write_tables(struct bare *b, const struct operation *o, bool begin, int think_us)
{
    enum end end = write_table(b, o->service, o, begin, think_us);
    return end == COMMITTED ? write_table(b, SHARED, o, false, think_us) : end;
}

/* All of it, the COMMIT too. */
static enum end in_one_pipeline(struct bare *b, const struct operation *o, int think_us)
{
    const int services[] = { o->service, SHARED };
    struct arrays a[2];
    for (int i = 0; i < 2; i++) {
        if (prepare(b, services[i]) != COMMITTED)
            return FAILED;
        fill(&a[i], services[i], o);
        think(think_us);
    }
    const bool sent = PQenterPipelineMode(b->pg) && queue(b->pg, "BEGIN") && queue_table(b->pg, services[0], &a[0]) &&
                      queue_table(b->pg, services[1], &a[1]) && queue(b->pg, "COMMIT") && PQpipelineSync(b->pg);
    return sent ? end_pipeline(b->pg, 4) : FAILED;
}

static enum end write_and_commit(struct bare *b, const struct operation *o, enum how how, int think_us)
{
    if (how == PIPELINE)
        return in_one_pipeline(b, o, think_us);
    if (how != UNSAID && say(b, "BEGIN") != COMMITTED) /* READ COMMITTED is the default */
        return FAILED;
    const enum end end = how == PLAIN ? write_rows(b, o, think_us) : write_tables(b, o, how == UNSAID, think_us);
    return end == COMMITTED ? say(b, "COMMIT") : end;
}

static enum end bare_operate(void *conn, const struct operation *o, enum how how, int think_us)
{
    struct bare *b = conn;
    const enum end end = write_and_commit(b, o, how, think_us);
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
    .pipeline = true,
    .connect = bare_connect,
    .operate = bare_operate,
    .disconnect = bare_disconnect,
};
