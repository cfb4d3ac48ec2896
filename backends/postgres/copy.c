/*
 * COPY: the fastest way in, for new rows of a plain table.
 *
 * In binary, which is read as whatever types the columns have: so they are asked for in the same transaction, whose lock on the table
 * keeps them.
 * SPDX-License-Identifier: MIT
 */
#include <stdlib.h>
#include "pg.h"

#define CHUNK 262144 /* smaller ones wake the server more often */

/* Before the rows: what it is, no flags, no further header. */
static const char signature[19] = "PGCOPY\n\377\r\n";

/* ---- the conversation ---- */

static int begin(struct pg_conn *c, const weir_bulk_spec *spec, weir_error *err)
{
    PGresult *r = NULL;
    struct pg_text sql = { .c = c };
    pg_text_copy(&sql, spec);
    int st = sql.failed ? c->host->fail(err, WEIR_E_MEMORY, "no memory for the statement of a bulk job")
                        : pg_sent(c, PQsendQuery(c->pg, sql.bytes), err);
    pg_text_end(&sql);
    if (st == WEIR_OK)
        st = pg_answer(c, &r, err);
    if (st == WEIR_OK && PQresultStatus(r) != PGRES_COPY_IN)
        return pg_finish(c, r, NULL, err);
    PQclear(r);
    return st;
}

/* libpq takes nothing (0) when it has to get rid of something first.  A server that has failed meanwhile reads on, and says so at the end. */
static int put(struct pg_conn *c, const char *bytes, size_t n, weir_error *err)
{
    int taken, st = WEIR_OK;
    while ((taken = PQputCopyData(c->pg, bytes, (int)n)) == 0 && st == WEIR_OK)
        st = pg_flush(c, err);
    if (st < 0)
        return st;
    return taken < 0 ? pg_fail(c, NULL, err) : pg_flush(c, err);
}

/* "COPY name, line 58", in whatever language; the last line of the context is the outermost. */
static size_t blamed_row(const PGresult *failed, const char *table, size_t count)
{
    const char *context = PQresultErrorField(failed, PG_DIAG_CONTEXT), *last = NULL;
    const size_t n = strlen(table);
    for (const char *line = context; line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL)
        if (strncmp(line, "COPY ", 5) == 0 && strncmp(line + 5, table, n) == 0)
            last = line + 5 + n;
    if (!last)
        return count;
    const size_t row = strtoul(last + strcspn(last, "0123456789\n"), NULL, 10);
    return row >= 1 && row <= count ? row - 1 : count;
}

static int end(struct pg_conn *c, const char *table, size_t count, size_t *bad, weir_error *err)
{
    int taken, st = WEIR_OK;
    PGresult *r = NULL;
    while ((taken = PQputCopyEnd(c->pg, NULL)) == 0 && st == WEIR_OK)
        st = pg_flush(c, err);
    if (st == WEIR_OK)
        st = taken < 0 ? pg_fail(c, NULL, err) : pg_flush(c, err);
    if (st == WEIR_OK)
        st = pg_answer(c, &r, err);
    if (st < 0)
        return st;
    *bad = blamed_row(r, table, count);
    return pg_finish(c, r, NULL, err);
}

/* ---- the rows ---- */

/* What is on its way to libpq; any row fits in. */
struct chunk {
    struct pg_conn *c;
    char *bytes, *end; /* what is written; it is sent when it is longer than CHUNK */
};

static int make_chunk(struct chunk *k, struct pg_conn *c, const struct pg_rows *rows, weir_error *err)
{
    k->c = c;
    k->bytes = k->end = c->host->realloc(c->host->ctx, NULL, CHUNK + rows->longest);
    return k->bytes ? WEIR_OK : c->host->fail(err, WEIR_E_MEMORY, "no memory for a row of %zu bytes", rows->longest);
}

static int send_chunk(struct chunk *k, weir_error *err)
{
    const size_t n = (size_t)(k->end - k->bytes);
    k->end = k->bytes;
    return put(k->c, k->bytes, n, err);
}

static void put_row(struct chunk *k, const Oid *types, const weir_value *row, size_t columns)
{
    char *at = k->end;
    pg_put_number(at, columns, 2);
    at += 2;
    for (size_t i = 0; i < columns; i++)
        at = pg_put_cell(k->c, at, types[i], &row[i]);
    k->end = at;
}

static int put_rows(struct chunk *k, const Oid *types, const struct pg_rows *rows, weir_error *err)
{
    int st = WEIR_OK;
    memcpy(k->bytes, signature, sizeof signature);
    k->end = k->bytes + sizeof signature;
    for (size_t i = 0; i < rows->count && st == WEIR_OK; i++) {
        put_row(k, types, rows->cells[i], rows->spec->count);
        if ((size_t)(k->end - k->bytes) >= CHUNK)
            st = send_chunk(k, err);
    }
    pg_put_number(k->end, UINT16_MAX, 2); /* no more rows */
    k->end += 2;
    return st == WEIR_OK ? send_chunk(k, err) : st;
}

/* What goes wrong between the beginning and the end is a connection that is lost or was cut. */
static int copy(struct chunk *k, const Oid *types, const char *table, const struct pg_rows *rows, size_t *bad,
                weir_error *err)
{
    int st = begin(k->c, rows->spec, err);
    if (st == WEIR_OK)
        st = put_rows(k, types, rows, err);
    return st == WEIR_OK ? end(k->c, table, rows->count, bad, err) : st;
}

int pg_copy(struct pg_conn *c, const struct pg_rows *rows, size_t *bad, weir_error *err)
{
    struct pg_table table;
    struct chunk chunk = { .bytes = NULL };
    Oid *types = c->host->realloc(c->host->ctx, NULL, rows->spec->count * sizeof *types);
    if (!types)
        return c->host->fail(err, WEIR_E_MEMORY, "no memory for a bulk job");
    int st = pg_learn(c, rows->spec, types, &table, err);
    if (st == WEIR_OK && !(table.copies && pg_all_native(types, rows)))
        st = WEIR_ROW;
    if (st == WEIR_OK)
        st = make_chunk(&chunk, c, rows, err);
    c->copying = 1;
    if (st == WEIR_OK)
        st = copy(&chunk, types, table.name, rows, bad, err);
    c->copying = 0;
    c->host->realloc(c->host->ctx, chunk.bytes, 0);
    c->host->realloc(c->host->ctx, types, 0);
    return st;
}
