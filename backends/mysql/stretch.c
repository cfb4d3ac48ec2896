/*
 * A stretch of rows as arrays, one a column, that MariaDB runs a prepared statement for, all at once.
 *
 * The server is told the types once a statement, so a stretch ends where a column changes its own; NULL goes with every type.  The
 * client library wants a column's numbers side by side, or pointers to its texts and times.
 * SPDX-License-Identifier: MIT
 */
#include "stretch.h"

#if HAVE_DECL_STMT_ATTR_ARRAY_SIZE

#    define CELL_HEAD 10   /* an indicator, and how long it is */
#    define NUMBER_SIZE 12 /* or a time */

int mys_takes_arrays(const struct mys_conn *c)
{
    unsigned long more = 0;
    return c->maria && !mariadb_get_infov(c->mysql, MARIADB_CONNECTION_EXTENDED_SERVER_CAPABILITIES, &more) &&
           more & (unsigned long)(MARIADB_CLIENT_STMT_BULK_OPERATIONS >> 32);
}

static void empty(struct mys_stretch *s)
{
    for (size_t i = 0; i < s->columns; i++)
        s->binds[i].buffer_type = MYSQL_TYPE_NULL;
    s->times = 0;
}

struct mys_stretch *mys_stretch_make(const weir_host *host, size_t columns, weir_error *err)
{
    const size_t size = sizeof(struct mys_stretch) + columns * sizeof(MYSQL_BIND);
    struct mys_stretch *s = mys_resize(host, NULL, size);
    if (!s) {
        host->fail(err, WEIR_E_MEMORY, "no memory for %zu parameters", columns);
        return NULL;
    }
    memset(s, 0, size);
    s->host = host;
    s->columns = columns;
    empty(s);
    return s;
}

void mys_stretch_end(struct mys_stretch *s)
{
    if (s)
        mys_resize(s->host, s, 0);
}

/* ---- rows */

static int has_bytes(const weir_value *v)
{
    return v->type == WEIR_TEXT || v->type == WEIR_BLOB || v->type == WEIR_DECIMAL;
}

size_t mys_stretch_row_size(const weir_value *row, size_t columns)
{
    size_t size = 0;
    for (size_t i = 0; i < columns; i++)
        size += CELL_HEAD + (has_bytes(&row[i]) ? (size_t)row[i].length : NUMBER_SIZE);
    return size;
}

/* A column that held nothing but NULL so far may have a type of a row that is not taken: that goes with NULL, too. */
int mys_stretch_takes(struct mys_stretch *s, const weir_value *row)
{
    size_t times = 0;
    for (size_t i = 0; i < s->columns; i++) {
        enum enum_field_types *type = &s->binds[i].buffer_type, wanted = mys_types[row[i].type];
        times += row[i].type == WEIR_TIME;
        if (*type == wanted || row[i].type == WEIR_NULL)
            continue;
        if (*type != MYSQL_TYPE_NULL)
            return 0;
        *type = wanted;
    }
    s->times += times;
    return 1;
}

/* ---- columns */

struct filling {
    const weir_host *host;
    const weir_value *const *rows;
    size_t count;
    MYSQL_TIME *times; /* places for those that are left */
    MYSQL_TIME day;    /* of the last one, … */
    int64_t began;     /* … and when it began */
    char *room;        /* for columns */
};

#    define SECOND INT64_C(1000000)
#    define DAY (86400 * SECOND)

/* Times side by side are mostly of one day, whose date is reckoned once. */
static MYSQL_TIME *put_time(struct filling *s, int64_t us)
{
    int64_t of_day = us - s->began;
    if (!s->day.month || of_day < 0 || of_day >= DAY) {
        of_day = (us % DAY + DAY) % DAY;
        s->began = us - of_day;
        mys_put_time(&s->day, s->host, s->began);
    }
    *s->times = s->day;
    s->times->hour = (unsigned)(of_day / (3600 * SECOND));
    s->times->minute = (unsigned)(of_day / (60 * SECOND) % 60);
    s->times->second = (unsigned)(of_day / SECOND % 60);
    s->times->second_part = (unsigned long)(of_day % SECOND);
    return s->times++;
}

static void put(struct filling *s, MYSQL_BIND *bind, size_t row, const weir_value *v)
{
    const void **places = bind->buffer;
    bind->u.indicator[row] = v->type == WEIR_NULL ? STMT_INDICATOR_NULL : STMT_INDICATOR_NONE;
    if (v->type == WEIR_INT) {
        ((int64_t *)bind->buffer)[row] = v->as.i;
    } else if (v->type == WEIR_DOUBLE) {
        ((double *)bind->buffer)[row] = v->as.d;
    } else if (v->type == WEIR_TIME) {
        places[row] = put_time(s, v->as.i);
    } else if (v->type != WEIR_NULL) {
        places[row] = v->as.p;
        bind->length[row] = (unsigned long)v->length;
    }
}

static void put_column(struct filling *s, MYSQL_BIND *bind, size_t column)
{
    bind->buffer = s->room;
    bind->length = (void *)(s->room + s->count * sizeof(int64_t));
    bind->u.indicator = (char *)(bind->length + s->count);
    for (size_t i = 0; i < s->count; i++)
        put(s, bind, i, &s->rows[i][column]);
}

/* A place of a column takes a number or a pointer, a length and an indicator, and begins where any of them may. */
static char *put_columns(struct mys_stretch *s, const weir_value *const *rows, size_t count)
{
    const size_t even = (count + sizeof(int64_t) - 1) / sizeof(int64_t) * sizeof(int64_t);
    const size_t column = even * (sizeof(int64_t) + sizeof(unsigned long) + 1);
    char *block = mys_resize(s->host, NULL, s->columns * column + s->times * sizeof(MYSQL_TIME));
    struct filling f = { .host = s->host, .rows = rows, .count = count, .room = block };
    if (!block)
        return NULL;
    f.times = (void *)(block + s->columns * column);
    for (size_t i = 0; i < s->columns; i++, f.room += column)
        put_column(&f, &s->binds[i], i);
    return block;
}

/* ---- running */

/* The statement is left as one for single rows, to which nothing is bound. */
static int execute(struct mys_conn *c, struct mys_stmt *stmt, struct mys_stretch *s, unsigned rows, weir_error *err)
{
    const unsigned none = 0;
    const int st = mys_refresh(c, stmt, err);
    if (st < 0)
        return st;
    MYSQL_STMT *handle = stmt->handle;
    stmt->bound = 0;
    const int failed = mysql_stmt_attr_set(handle, STMT_ATTR_ARRAY_SIZE, &rows) ||
                       mysql_stmt_bind_param(handle, s->binds) || mysql_stmt_execute(handle);
    const int became = failed ? mys_fail(c, handle, err) : WEIR_OK;
    mysql_stmt_attr_set(handle, STMT_ATTR_ARRAY_SIZE, &none);
    return became;
}

static int run(struct mys_conn *c, struct mys_stmt *stmt, struct mys_stretch *s, unsigned rows, weir_error *err)
{
    const int st = execute(c, stmt, s, rows, err);
    return st < 0 && mys_outdate(c, stmt, err) ? execute(c, stmt, s, rows, err) : st;
}

int mys_stretch_run(struct mys_stretch *s, struct mys_conn *c, struct mys_stmt *stmt, const weir_value *const *rows,
                    size_t count, weir_error *err)
{
    char *block = put_columns(s, rows, count);
    if (!block)
        return s->host->fail(err, WEIR_E_MEMORY, "no memory for %zu rows", count);
    const int st = run(c, stmt, s, (unsigned)count, err);
    mys_resize(s->host, block, 0);
    empty(s);
    return st;
}

#endif
