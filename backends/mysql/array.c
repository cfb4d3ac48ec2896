/*
 * Bulk, as arrays: a statement for one row, prepared once, that MariaDB runs for many rows at once.
 *
 * The server is told the types once a statement, so a stretch ends where a column changes its own; NULL goes with every type.  The
 * client library wants a column's numbers side by side, or pointers to its texts and times.
 * SPDX-License-Identifier: MIT
 */
#include "bulk.h"

#if HAVE_DECL_STMT_ATTR_ARRAY_SIZE

#    define CELL_HEAD 10   /* an indicator, and how long it is */
#    define NUMBER_SIZE 12 /* or a time */

struct mys_array {
    size_t times; /* cells of the stretch that are one */
    MYSQL_BIND binds[];
};

int mys_takes_arrays(const struct mys_conn *c)
{
    unsigned long more = 0;
    return c->maria && !mariadb_get_infov(c->mysql, MARIADB_CONNECTION_EXTENDED_SERVER_CAPABILITIES, &more) &&
           more & (unsigned long)(MARIADB_CLIENT_STMT_BULK_OPERATIONS >> 32);
}

/* ---- the statement */

static char *write_statement(char *at, const struct mys_conn *c, const weir_bulk_spec *spec)
{
    at = mys_insert_head(at, spec);
    for (size_t i = 0; i < spec->count; i++)
        at = stpcpy(at, i ? ", ?" : "(?");
    return mys_insert_tail(stpcpy(at, ")"), c, spec);
}

static int prepare(struct mys_bulk *b, struct mys_stmt **place, const char *sql, weir_error *err)
{
    void *stmt;
    size_t params, columns;
    if (*place)
        mys_forget(b->conn, *place);
    *place = NULL;
    const int st = mys_prepare(b->conn, &stmt, &params, &columns, sql, b->deadline_ns, err);
    if (st == WEIR_OK)
        *place = stmt;
    return st;
}

/* By its job, or by its text if that is not NULL; else the place that was not used for longest. */
static struct mys_stmt **place_of(struct mys_conn *c, uint64_t job, const char *sql)
{
    struct mys_stmt **oldest = c->bulks;
    for (struct mys_stmt **s = c->bulks; s < c->bulks + MYS_BULKS; s++) {
        if (*s && (sql ? strcmp((*s)->sql, sql) == 0 : (*s)->job == job))
            return s;
        if (*oldest && (!*s || (*s)->used < (*oldest)->used))
            oldest = s;
    }
    return oldest;
}

/* Another job may want the same. */
static int find_by_text(struct mys_bulk *b, struct mys_stmt ***place, weir_error *err)
{
    struct mys_conn *c = b->conn;
    char *sql = mys_resize(c->host, NULL, mys_insert_size(b->spec));
    int st = WEIR_OK;
    if (!sql)
        return c->host->fail(err, WEIR_E_MEMORY, "no memory for the statement of a bulk job");
    write_statement(sql, c, b->spec);
    *place = place_of(c, b->job, sql);
    if (!**place || strcmp((**place)->sql, sql) != 0)
        st = prepare(b, *place, sql, err);
    mys_resize(c->host, sql, 0);
    return st;
}

static int know_statement(struct mys_bulk *b, weir_error *err)
{
    struct mys_conn *c = b->conn;
    struct mys_stmt **place = place_of(c, b->job, NULL);
    if (!*place || (*place)->job != b->job) {
        const int st = find_by_text(b, &place, err);
        if (st < 0)
            return st;
    }
    c->bulk = *place;
    c->bulk->job = b->job;
    c->bulk->used = ++c->bulks_used;
    return WEIR_OK;
}

static int make_binds(struct mys_bulk *b, weir_error *err)
{
    const weir_host *host = b->conn->host;
    const size_t n = b->spec->count, size = sizeof *b->array + n * sizeof(MYSQL_BIND);
    b->array = mys_resize(host, NULL, size);
    if (!b->array)
        return host->fail(err, WEIR_E_MEMORY, "no memory for %zu parameters", n);
    memset(b->array, 0, size);
    for (size_t i = 0; i < n; i++)
        b->array->binds[i].buffer_type = MYSQL_TYPE_NULL;
    return WEIR_OK;
}

static int begin(struct mys_bulk *b, weir_error *err)
{
    const int st = know_statement(b, err);
    return st < 0 ? st : make_binds(b, err);
}

static void end(struct mys_bulk *b)
{
    if (b->array)
        mys_resize(b->conn->host, b->array, 0);
}

/* ---- rows */

static int has_bytes(const weir_value *v)
{
    return v->type == WEIR_TEXT || v->type == WEIR_BLOB || v->type == WEIR_DECIMAL;
}

static size_t row_size(const struct mys_bulk *b, const weir_value *row)
{
    size_t size = 0;
    for (size_t i = 0; i < b->spec->count; i++)
        size += CELL_HEAD + (has_bytes(&row[i]) ? (size_t)row[i].length : NUMBER_SIZE);
    return size;
}

static int fits(const struct mys_bulk *b, const weir_value *row)
{
    for (size_t i = 0; i < b->spec->count; i++) {
        const enum enum_field_types type = b->array->binds[i].buffer_type;
        if (row[i].type != WEIR_NULL && type != MYSQL_TYPE_NULL && type != mys_types[row[i].type])
            return 0;
    }
    return 1;
}

static int takes(struct mys_bulk *b, const weir_value *row)
{
    if (!fits(b, row))
        return 0;
    for (size_t i = 0; i < b->spec->count; i++) {
        if (row[i].type != WEIR_NULL)
            b->array->binds[i].buffer_type = mys_types[row[i].type];
        b->array->times += row[i].type == WEIR_TIME;
    }
    return 1;
}

/* ---- columns of a stretch */

struct stretch {
    const weir_host *host;
    const weir_value *const *rows;
    size_t count;
    MYSQL_TIME *times; /* places for those that are left */
    char *room;        /* for columns */
};

static void put(struct stretch *s, MYSQL_BIND *bind, size_t row, const weir_value *v)
{
    const void **places = bind->buffer;
    bind->u.indicator[row] = v->type == WEIR_NULL ? STMT_INDICATOR_NULL : STMT_INDICATOR_NONE;
    if (v->type == WEIR_INT) {
        ((int64_t *)bind->buffer)[row] = v->as.i;
    } else if (v->type == WEIR_DOUBLE) {
        ((double *)bind->buffer)[row] = v->as.d;
    } else if (v->type == WEIR_TIME) {
        mys_put_time(s->times, s->host, v->as.i); /* it has been looked at */
        places[row] = s->times++;
    } else if (v->type != WEIR_NULL) {
        places[row] = v->as.p;
        bind->length[row] = (unsigned long)v->length;
    }
}

static void put_column(struct stretch *s, MYSQL_BIND *bind, size_t column)
{
    bind->buffer = s->room;
    bind->length = (void *)(s->room + s->count * sizeof(int64_t));
    bind->u.indicator = (char *)(bind->length + s->count);
    for (size_t i = 0; i < s->count; i++)
        put(s, bind, i, &s->rows[i][column]);
}

/* A place of a column takes a number or a pointer, a length and an indicator, and begins where any of them may. */
static char *put_columns(struct mys_bulk *b, size_t from, size_t count)
{
    const size_t even = (count + sizeof(int64_t) - 1) / sizeof(int64_t) * sizeof(int64_t);
    const size_t column = even * (sizeof(int64_t) + sizeof(unsigned long) + 1);
    char *block = mys_resize(b->conn->host, NULL, b->spec->count * column + b->array->times * sizeof(MYSQL_TIME));
    struct stretch s = { .host = b->conn->host, .rows = b->rows + from, .count = count, .room = block };
    if (!block)
        return NULL;
    s.times = (void *)(block + b->spec->count * column);
    for (size_t i = 0; i < b->spec->count; i++, s.room += column)
        put_column(&s, &b->array->binds[i], i);
    return block;
}

/* ---- writing */

static int run_once(struct mys_bulk *b, unsigned rows, weir_error *err)
{
    struct mys_conn *c = b->conn;
    const int st = mys_refresh(c, c->bulk, err);
    if (st < 0)
        return st;
    MYSQL_STMT *handle = c->bulk->handle;
    const int failed = mysql_stmt_attr_set(handle, STMT_ATTR_ARRAY_SIZE, &rows) ||
                       mysql_stmt_bind_param(handle, b->array->binds) || mysql_stmt_execute(handle);
    return failed ? mys_fail(c, handle, err) : WEIR_OK;
}

/* A statement that the server has forgotten has not begun: it is prepared and run again. */
static int run(struct mys_bulk *b, unsigned rows, weir_error *err)
{
    const int st = run_once(b, rows, err);
    if (st == WEIR_OK || !mys_is_stale((unsigned)err->native))
        return st;
    b->conn->bulk->epoch = b->conn->epoch - 1;
    return run_once(b, rows, err);
}

static int write_rows(struct mys_bulk *b, size_t from, size_t count, size_t bytes, weir_error *err)
{
    struct mys_array *a = b->array;
    char *block = put_columns(b, from, count);
    (void)bytes;
    if (!block)
        return b->conn->host->fail(err, WEIR_E_MEMORY, "no memory for %zu rows", count);
    const int st = run(b, (unsigned)count, err);
    mys_resize(b->conn->host, block, 0);
    for (size_t i = 0; i < b->spec->count; i++)
        a->binds[i].buffer_type = MYSQL_TYPE_NULL;
    a->times = 0;
    return st;
}

const struct mys_way mys_arrays = {
    .begin = begin, .row_size = row_size, .takes = takes, .write = write_rows, .end = end
};

#endif
