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
        s->types[i] = WEIR_NULL;
}

struct mys_stretch *mys_stretch_make(const weir_host *host, size_t columns, weir_error *err)
{
    const size_t size = sizeof(struct mys_stretch) + columns * (sizeof(MYSQL_BIND) + sizeof(uint32_t));
    struct mys_stretch *s = mys_resize(host, NULL, size);
    if (!s) {
        host->fail(err, WEIR_E_MEMORY, "no memory for %zu parameters", columns);
        return NULL;
    }
    memset(s, 0, size);
    s->host = host;
    s->columns = columns;
    s->types = (void *)(s->binds + columns);
    empty(s);
    return s;
}

void mys_stretch_end(struct mys_stretch *s)
{
    if (s)
        mys_resize(s->host, s, 0);
}

/* ---- rows */

/* They are neighbours. */
static inline int has_bytes(uint32_t type)
{
    return type - WEIR_TEXT <= WEIR_DECIMAL - WEIR_TEXT;
}

size_t mys_stretch_row_size(const weir_value *row, size_t columns)
{
    size_t size = columns * (CELL_HEAD + NUMBER_SIZE);
    for (size_t i = 0; i < columns; i++)
        if (has_bytes(row[i].type))
            size += (size_t)row[i].length;
    return size;
}

/* A column that held nothing but NULL so far may have a type of a row that is not taken: that goes with NULL, too. */
int mys_stretch_takes(struct mys_stretch *s, const weir_value *row)
{
    const size_t columns = s->columns;
    uint32_t *types = s->types;
    for (size_t i = 0; i < columns; i++) {
        const uint32_t type = row[i].type;
        if (type == types[i] || type == WEIR_NULL)
            continue;
        if (types[i] != WEIR_NULL)
            return 0;
        types[i] = type;
    }
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

static inline char indicator_of(const weir_value *v)
{
    return v->type == WEIR_NULL ? STMT_INDICATOR_NULL : STMT_INDICATOR_NONE;
}

/* What stands beside the indicator of a NULL is not read. */
static void put_bytes(const struct filling *s, MYSQL_BIND *bind, size_t column)
{
    const void **places = bind->buffer;
    for (size_t i = 0; i < s->count; i++) {
        const weir_value *v = &s->rows[i][column];
        bind->u.indicator[i] = indicator_of(v);
        bind->length[i] = (unsigned long)v->length;
        places[i] = v->as.p;
    }
}

static void put_times(struct filling *s, MYSQL_BIND *bind, size_t column)
{
    MYSQL_TIME **places = bind->buffer;
    for (size_t i = 0; i < s->count; i++) {
        const weir_value *v = &s->rows[i][column];
        bind->u.indicator[i] = indicator_of(v);
        places[i] = v->type == WEIR_NULL ? NULL : put_time(s, v->as.i);
    }
}

/* Doubles as well, which are as long. */
static void put_numbers(const struct filling *s, MYSQL_BIND *bind, size_t column)
{
    int64_t *numbers = bind->buffer;
    for (size_t i = 0; i < s->count; i++) {
        const weir_value *v = &s->rows[i][column];
        bind->u.indicator[i] = indicator_of(v);
        numbers[i] = v->as.i;
    }
}

static void put_column(struct filling *s, MYSQL_BIND *bind, size_t column, uint32_t type)
{
    bind->buffer_type = mys_types[type];
    bind->buffer = s->room;
    bind->length = (void *)(s->room + s->count * sizeof(int64_t));
    bind->u.indicator = (char *)(bind->length + s->count);
    if (has_bytes(type))
        put_bytes(s, bind, column);
    else if (type == WEIR_TIME)
        put_times(s, bind, column);
    else
        put_numbers(s, bind, column);
}

static size_t count_times(const struct mys_stretch *s)
{
    size_t times = 0;
    for (size_t i = 0; i < s->columns; i++)
        times += s->types[i] == WEIR_TIME;
    return times;
}

/* A place of a column takes a number or a pointer, a length and an indicator, and begins where any of them may. */
static char *put_columns(struct mys_stretch *s, const weir_value *const *rows, size_t count)
{
    const size_t even = (count + sizeof(int64_t) - 1) / sizeof(int64_t) * sizeof(int64_t);
    const size_t column = even * (sizeof(int64_t) + sizeof(unsigned long) + 1);
    char *block = mys_resize(s->host, NULL, s->columns * column + count_times(s) * count * sizeof(MYSQL_TIME));
    struct filling f = { .host = s->host, .rows = rows, .count = count, .room = block };
    if (!block)
        return NULL;
    f.times = (void *)(block + s->columns * column);
    for (size_t i = 0; i < s->columns; i++, f.room += column)
        put_column(&f, &s->binds[i], i, s->types[i]);
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
