/*
 * The bare side of PostgreSQL: prepared by hand, results taken as a whole, values as text.
 * SPDX-License-Identifier: MIT
 */
#include <stdio.h>
#include <stdlib.h>
#include <libpq-fe.h>
#include "overhead.h"

static PGconn *pg;

static void prepare(const char *name, const char *sql)
{
    PGresult *r = PQprepare(pg, name, sql, 0, NULL);
    must(PQresultStatus(r) == PGRES_COMMAND_OK, sql);
    PQclear(r);
}

static void open_side(const char *conninfo)
{
    pg = PQconnectdb(conninfo);
    must(PQstatus(pg) == CONNECTION_OK, "PQconnectdb");
    prepare("one", "SELECT v, name FROM bench WHERE id = $1");
    prepare("many", SQL_MANY);
    prepare("insert", "INSERT INTO bench_new (id, v, name) VALUES ($1, $2, $3)");
    prepare("clear", SQL_CLEAR);
}

static PGresult *run(const char *name, int n, const char *const *values, ExecStatusType status)
{
    PGresult *r = PQexecPrepared(pg, name, n, values, NULL, NULL, 0);
    must(PQresultStatus(r) == status, name);
    return r;
}

static int64_t one(int64_t id)
{
    char text[24];
    const char *const values[] = { text };
    snprintf(text, sizeof text, "%lld", (long long)id);
    PGresult *r = run("one", 1, values, PGRES_TUPLES_OK);
    const int64_t sum = strtoll(PQgetvalue(r, 0, 0), NULL, 10) + PQgetvalue(r, 0, 1)[0];
    PQclear(r);
    return sum;
}

static int64_t many(void)
{
    int64_t sum = 0;
    PGresult *r = run("many", 0, NULL, PGRES_TUPLES_OK);
    const int rows = PQntuples(r);
    for (int i = 0; i < rows; i++)
        sum += strtoll(PQgetvalue(r, i, 0), NULL, 10) + strtoll(PQgetvalue(r, i, 1), NULL, 10) + PQgetvalue(r, i, 2)[0];
    PQclear(r);
    return sum;
}

static void say(const char *sql)
{
    PGresult *r = PQexec(pg, sql);
    must(PQresultStatus(r) == PGRES_COMMAND_OK, sql);
    PQclear(r);
}

static int64_t insert(void)
{
    char id[24], v[24];
    const char *const values[] = { id, v, "a new name" };
    PQclear(run("clear", 0, NULL, PGRES_COMMAND_OK));
    say("BEGIN");
    for (int64_t i = 0; i < INSERTS; i++) {
        snprintf(id, sizeof id, "%lld", (long long)i);
        snprintf(v, sizeof v, "%lld", (long long)(i * i));
        PQclear(run("insert", 3, values, PGRES_COMMAND_OK));
    }
    say("COMMIT");
    return INSERTS;
}

static void close_side(void)
{
    PQfinish(pg);
}

const struct side side_postgres = {
    .name = "libpq", .open = open_side, .one = one, .many = many, .insert = insert, .close = close_side
};
