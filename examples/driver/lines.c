/*
 * A driver in one file: a text file as a database, whose lines are its rows.  EXTENDING.md walks through it.
 *
 *     cc -shared -fPIC -o lines.so lines.c $(pkg-config --cflags weir)
 *
 * URL: lines:/path/of/the/file.  Statements: LINES, every line; LINE ?, one by its number, counted from 1.  Columns: n, line.
 * It has what a driver must have and no more: no options, no caps, no optional hook, and nothing that writes.
 * SPDX-License-Identifier: MIT
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <weir/backend.h>

#define LONGEST_LINE 4096 /* with its newline and zero byte */

/* One connection.  The core allocates it, zeroed, and opens, uses and closes it: never two hooks at once. */
struct lines_conn {
    const weir_host *host;
    FILE *file;
    int64_t n;            /* of the line in `line`, counted from 1; 0: none is read yet */
    int64_t only;         /* the one line asked for; 0: all */
    int is_open, is_over; /* the result */
    char line[LONGEST_LINE];
};

/* ---- the connection ---- */

/* What an errno means to a caller.  A missing file stays missing: without WEIR_RETRY_ELSEWHERE nobody waits for it to appear. */
static int fail_open(struct lines_conn *c, const char *path, int cause, weir_error *err)
{
    int status = cause == EACCES ? WEIR_E_PERMISSION : WEIR_E_CONNECT;
    c->host->fail(err, status, "lines: cannot open '%s': %s", path, strerror(cause));
    err->native = cause;
    if (cause == EMFILE || cause == ENFILE)
        err->flags = WEIR_RETRY_ELSEWHERE;
    return status;
}

static int lines_open(void *conn, const weir_host *host, const weir_target *target, int64_t deadline_ns,
                      weir_error *err)
{
    struct lines_conn *c = conn;
    (void)deadline_ns; /* opening a file does not wait for anybody */
    c->host = host;
    c->file = fopen(target->database, "re");
    return c->file ? WEIR_OK : fail_open(c, target->database, errno, err);
}

/* Also after a failed open. */
static void lines_close(void *conn)
{
    struct lines_conn *c = conn;
    if (c->file)
        fclose(c->file);
    c->file = NULL;
}

/* In the child of a fork nothing is touched: fclose would move the place in the file that both processes share. */
static void lines_abandon(void *conn)
{
    (void)conn;
}

static int lines_alive(void *conn)
{
    return !ferror(((struct lines_conn *)conn)->file);
}

/* No statement leaves anything behind, so every session is clean. */
static int lines_dirty(void *conn)
{
    (void)conn;
    return 0;
}

static int lines_reset(void *conn, int64_t deadline_ns, weir_error *err)
{
    (void)conn;
    (void)deadline_ns;
    (void)err;
    return WEIR_OK;
}

/* ---- statements: there are two, and a pointer to one of their texts is all there is to prepare ---- */

static const char ALL[] = "LINES", ONE[] = "LINE ?";

static int lines_prepare(void *conn, void **stmt, size_t *params, size_t *columns, const char *sql, int64_t deadline_ns,
                         weir_error *err)
{
    struct lines_conn *c = conn;
    (void)deadline_ns;
    const char *known = strcmp(sql, ALL) == 0 ? ALL : strcmp(sql, ONE) == 0 ? ONE : NULL;
    if (!known)
        return c->host->fail(err, WEIR_E_STATEMENT, "lines: write LINES or LINE ?");
    *stmt = (void *)(uintptr_t)known;
    *params = known == ONE;
    *columns = 2;
    return WEIR_OK;
}

static void lines_forget(void *conn, void *stmt)
{
    (void)conn;
    (void)stmt;
}

static void lines_end_result(void *conn)
{
    struct lines_conn *c = conn;
    c->is_open = 0;
}

/* The core has seen to it that there are as many args as placeholders, but their types are a driver's to check. */
static int lines_run(void *conn, void *stmt, weir_args args, int want_rows, int64_t deadline_ns, weir_error *err)
{
    struct lines_conn *c = conn;
    (void)deadline_ns;
    c->only = 0;
    if (stmt == (void *)(uintptr_t)ONE) {
        if (args.v[0].type != WEIR_INT || args.v[0].as.i < 1)
            return c->host->fail(err, WEIR_E_DATA, "lines: LINE ? takes a number from 1 on");
        c->only = args.v[0].as.i;
    }
    rewind(c->file);
    c->n = 0;
    c->is_open = want_rows; /* rows that nobody wants need not be read */
    c->is_over = 0;
    return WEIR_OK;
}

/* ---- the result ---- */

/* Reads one more line: WEIR_ROW, WEIR_OK at the end. */
static int read_line(struct lines_conn *c, weir_error *err)
{
    if (!fgets(c->line, sizeof c->line, c->file)) {
        c->is_over = 1;
        if (!ferror(c->file))
            return WEIR_OK;
        c->host->fail(err, WEIR_E_LOST, "lines: cannot read the file: %s", strerror(errno));
        err->flags = WEIR_CONNECTION_DEAD;
        return WEIR_E_LOST;
    }
    size_t length = strcspn(c->line, "\n");
    if (!c->line[length] && !feof(c->file))
        return c->host->fail(err, WEIR_E_DATA, "lines: line %lld has more than %d bytes, or a zero byte",
                             (long long)c->n + 1, LONGEST_LINE - 2);
    c->line[length] = '\0';
    c->n++;
    return WEIR_ROW;
}

/* A loop that may be long looks at the deadline.  After the end it says the end again. */
static int find_line(struct lines_conn *c, int64_t deadline_ns, weir_error *err)
{
    int status = c->is_over ? WEIR_OK : read_line(c, err);
    while (status == WEIR_ROW && c->n < c->only) {
        if (deadline_ns != INT64_MAX && c->host->now_ns(c->host->ctx) >= deadline_ns)
            return c->host->fail(err, WEIR_E_TIMEOUT, "lines: the deadline has come");
        status = read_line(c, err);
    }
    c->is_over |= c->only > 0;
    return status;
}

/* Borrowed: the text lives in the connection until the next row. */
static int lines_next(void *conn, weir_value *cells, int64_t deadline_ns, weir_error *err)
{
    struct lines_conn *c = conn;
    int status = find_line(c, deadline_ns, err);
    if (status == WEIR_ROW) {
        cells[0] = weir_int(c->n);
        cells[1] = weir_text(c->line);
    }
    return status;
}

static size_t lines_columns(void *conn)
{
    return ((struct lines_conn *)conn)->is_open ? 2 : 0;
}

static const char *lines_name(void *conn, size_t column)
{
    (void)conn;
    return column == 0 ? "n" : "line";
}

static int64_t lines_nothing(void *conn)
{
    (void)conn;
    return 0;
}

/* ---- transactions: what cannot be done is refused, not played ---- */

static int lines_begin(void *conn, unsigned isolation, int read_only, int64_t deadline_ns, weir_error *err)
{
    struct lines_conn *c = conn;
    (void)isolation;
    (void)read_only;
    (void)deadline_ns;
    return c->host->fail(err, WEIR_E_UNSUPPORTED, "lines: a text file has no transactions");
}

/* Commit and rollback are called only after a begin. */
static int lines_end(void *conn, int64_t deadline_ns, weir_error *err)
{
    (void)conn;
    (void)deadline_ns;
    (void)err;
    return WEIR_OK;
}

/* ---- the tables ---- */

static const weir_sql_wing sql_wing = {
    .size = sizeof sql_wing,
    .prepare = lines_prepare,
    .forget = lines_forget,
    .run = lines_run,
    .next = lines_next,
    .abandon = lines_end_result,
    .columns = lines_columns,
    .name = lines_name,
    .affected = lines_nothing,
    .last_id = lines_nothing,
    .begin = lines_begin,
    .commit = lines_end,
    .rollback = lines_end,
};

static const char *const schemes[] = { "lines", NULL };

static const weir_backend lines_backend = {
    .abi = WEIR_BACKEND_ABI,
    .size = sizeof lines_backend,
    .name = "lines",
    .schemes = schemes,
    .conn_size = sizeof(struct lines_conn),
    .open = lines_open,
    .close = lines_close,
    .abandon = lines_abandon,
    .alive = lines_alive,
    .dirty = lines_dirty,
    .reset = lines_reset,
    .sql = &sql_wing,
};

/* The one symbol that weir_backend_load looks for; its name is WEIR_BACKEND_ENTRY. */
WEIR_API const weir_backend *weir_backend_entry(uint32_t host_abi);

const weir_backend *weir_backend_entry(uint32_t host_abi)
{
    return host_abi == WEIR_BACKEND_ABI ? &lines_backend : NULL;
}
