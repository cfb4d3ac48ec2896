/*
 * The bare sides of PostgreSQL: prepared by hand, values as text; results taken as a whole, or row by row.
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
    prepare("long", SQL_LONG);
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

static int64_t sum_of(const PGresult *r)
{
    int64_t sum = 0;
    const int rows = PQntuples(r);
    for (int i = 0; i < rows; i++)
        sum += strtoll(PQgetvalue(r, i, 0), NULL, 10) + strtoll(PQgetvalue(r, i, 1), NULL, 10) + PQgetvalue(r, i, 2)[0];
    return sum;
}

static int64_t read_whole(const char *name)
{
    PGresult *r = run(name, 0, NULL, PGRES_TUPLES_OK);
    const int64_t sum = sum_of(r);
    PQclear(r);
    return sum;
}

static int64_t read_rows(const char *name)
{
    int64_t sum = 0;
    PGresult *r;
    must(PQsendQueryPrepared(pg, name, 0, NULL, NULL, NULL, 0) && PQsetSingleRowMode(pg), name);
    while ((r = PQgetResult(pg))) {
        must(PQresultStatus(r) == PGRES_SINGLE_TUPLE || PQresultStatus(r) == PGRES_TUPLES_OK, name);
        sum += sum_of(r);
        PQclear(r);
    }
    return sum;
}

static int64_t many(void)
{
    return read_whole("many");
}

static int64_t longer(void)
{
    return read_whole("long");
}

static int64_t many_rows(void)
{
    return read_rows("many");
}

static int64_t long_rows(void)
{
    return read_rows("long");
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
    .name = "libpq",
    .open = open_side,
    .one = one,
    .many = many,
    .longer = longer,
    .insert = insert,
    .close = close_side,
};

const struct side side_postgres_rows = {
    .name = "libpq-rows",
    .open = open_side,
    .one = one,
    .many = many_rows,
    .longer = long_rows,
    .insert = insert,
    .close = close_side,
};
