/*
 * Bulk: rows are cut into stretches that the server takes as one statement each; see array.c and literal.c for the two ways of that.
 *
 * What must be true:
 *  1. What no server would take (a double that is no number, a time outside the calendar, a row longer than its longest packet) is found
 *     before anything is sent.
 *  2. A row is blamed by the number at the end of the server's text, or by what it says when asked; the core makes sure of that.
 * SPDX-License-Identifier: MIT
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include "bulk.h"
#include "stretch.h"

/* ---- rows that no server would take */

static int check_cell(const struct mys_bulk *b, size_t column, const weir_value *v, weir_error *err)
{
    const char *misfit = mys_misfit(v);
    return misfit ? b->conn->host->fail(err, WEIR_E_DATA, "column %s: %s", b->spec->columns[column].name, misfit)
                  : WEIR_OK;
}

static int check_row(const struct mys_bulk *b, const weir_value *row, size_t size, size_t most, weir_error *err)
{
    int st = WEIR_OK;
    for (size_t i = 0; i < b->spec->count && st == WEIR_OK; i++)
        if (mys_may_be_misfit(&row[i]))
            st = check_cell(b, i, &row[i], err);
    if (st < 0 || size <= most)
        return st;
    return b->conn->host->fail(err, WEIR_E_DATA,
                               "mysql: a row of table %s takes %zu bytes, more than the server's max_allowed_packet, "
                               "%llu, has room for",
                               b->spec->table, size, (unsigned long long)b->conn->packet_limit);
}

/* ---- which row it was */

/* "… at row N", counted from 1 within the statement; 0: it does not say. */
static size_t row_in(const char *text)
{
    static const char words[] = " at row ";
    const char *last = strrchr(text, ' ');
    if (!last || last - text < (int)sizeof words - 2 ||
        strncmp(last - (sizeof words - 2), words, sizeof words - 1) != 0)
        return 0;
    return strtoul(last, NULL, 10);
}

#define KNOWS_ROW_NUMBER 100700 /* MariaDB 10.7 */

/* What MariaDB knows, though its text does not say it.  The variable is one that a reset takes away. */
static size_t ask_row(struct mys_conn *c)
{
    char text[32];
    weir_error ignored;
    if (c->dead || !c->maria || mysql_get_server_version(c->mysql) < KNOWS_ROW_NUMBER)
        return 0;
    if (mys_say(c, "GET DIAGNOSTICS CONDITION 1 @weir_row = ROW_NUMBER", &ignored) < 0)
        return 0;
    return mys_ask(c, text, sizeof text, "SELECT @weir_row", &ignored) > 0 ? strtoul(text, NULL, 10) : 0;
}

static int is_of_a_row(int status)
{
    return status == WEIR_E_UNIQUE || status == WEIR_E_FOREIGN_KEY || status == WEIR_E_NOT_NULL ||
           status == WEIR_E_CHECK || status == WEIR_E_DATA;
}

/* keeps truth 2 */
static size_t blame(struct mys_bulk *b, size_t from, size_t count, const weir_error *err)
{
    if (count == 1)
        return from;
    size_t row = row_in(err->text);
    if (row == 0 && is_of_a_row(err->status))
        row = ask_row(b->conn);
    return row > 0 && row <= count ? from + row - 1 : b->count;
}

/* ---- stretches */

#define ROOM_FOR_THE_HEAD 64 /* of a packet, with the types of its columns beside */

static size_t most_bytes(const struct mys_bulk *b)
{
    const size_t used = mys_insert_size(b->spec) + ROOM_FOR_THE_HEAD + 2 * b->spec->count;
    return b->conn->packet_limit > used ? (size_t)b->conn->packet_limit - used : 0;
}

/* How many rows of those that are left go together.  keeps truth 1 */
static int take(struct mys_bulk *b, const struct mys_way *way, size_t from, size_t *count, size_t *bytes, size_t *bad,
                weir_error *err)
{
    const size_t most = most_bytes(b);
    size_t at = from;
    for (*bytes = 0; at < b->count; at++) {
        const size_t size = way->row_size(b, b->rows[at]);
        const int st = check_row(b, b->rows[at], size, most, err);
        if (st < 0) {
            *bad = at;
            return st;
        }
        if (size > most - *bytes || !way->takes(b, b->rows[at]))
            break;
        *bytes += size;
    }
    *count = at - from;
    assert(*count > 0);
    return WEIR_OK;
}

static int write_all(struct mys_bulk *b, const struct mys_way *way, size_t *bad, weir_error *err)
{
    size_t count = 0, bytes;
    int st = mys_know_packet_limit(b->conn, err);
    for (size_t from = 0; from < b->count && st == WEIR_OK; from += count) {
        st = take(b, way, from, &count, &bytes, bad, err);
        if (st < 0)
            return st;
        st = way->write(b, from, count, bytes, err);
        if (st == WEIR_OK)
            mys_note(b->conn);
        else
            *bad = blame(b, from, count, err);
    }
    return st;
}

/* ---- the hook */

static const struct mys_way *way_of(const struct mys_conn *c)
{
#if HAVE_DECL_STMT_ATTR_ARRAY_SIZE
    if (mys_takes_arrays(c))
        return &mys_arrays;
#endif
    (void)c;
    return &mys_literals;
}

int mys_bulk_write(void *conn, uint64_t kind, const weir_bulk_spec *spec, const weir_value *const *rows, size_t count,
                   size_t *bad, int64_t deadline_ns, weir_error *err)
{
    struct mys_bulk b = { conn, kind, spec, rows, count, deadline_ns, NULL, NULL };
    const struct mys_way *way = way_of(conn);
    int st = way->begin(&b, err);
    if (st == WEIR_OK) {
        mys_begins(conn, deadline_ns, MYS_STOP);
        st = mys_admit(conn, 0, err);
        st = mys_ends(conn, st < 0 ? st : write_all(&b, way, bad, err));
    }
    way->end(&b);
    return st;
}
