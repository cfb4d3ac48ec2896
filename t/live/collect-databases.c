/*
 * The collectors leave the same in every database: each table, read back through weir cell by cell, is what it is in SQLite.  The
 * servers are found by the environment alone, as deployed services find theirs.  WEIR_TEST_DATA may name a folder of more data.
 * SPDX-License-Identifier: MIT
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <services/decimal.h>
#include <services/schema.h>
#include "server-mariadb.h"
#include "server-postgres.h"
#include "talk.h"

struct content {
    char *table[TABLE_COUNT]; /* a line a row */
    size_t rows[TABLE_COUNT];
};

static void write_cell(FILE *to, weir_rows rows, size_t i, enum kind kind)
{
    char plain[DECIMAL_SIZE];
    if (weir_rows_is_null(rows, i))
        fputs("NULL", to);
    else if (kind == KIND_DECIMAL)
        fputs(decimal_plain(plain, weir_rows_text(rows, i)) ? "no decimal" : plain, to);
    else if (kind == KIND_TIME)
        fprintf(to, "%lld", (long long)weir_rows_time_us(rows, i));
    else if (kind == KIND_DOUBLE)
        fprintf(to, "%a", weir_rows_double(rows, i));
    else
        fputs(weir_rows_text(rows, i), to);
}

static void write_names(FILE *to, const struct table *t, size_t count)
{
    for (size_t i = 0; i < count; i++)
        fprintf(to, "%s%s", i ? ", " : "", t->columns[i].name);
}

/* Ends the program if there is no memory for it. */
static FILE *text_file(char **text, size_t *size)
{
    FILE *file = open_memstream(text, size);
    if (!file)
        tap_bail("no memory");
    return file;
}

static char *query_of(const struct table *t)
{
    char *sql;
    size_t size;
    FILE *to = text_file(&sql, &size);
    fputs("SELECT ", to);
    write_names(to, t, t->count);
    fprintf(to, " FROM %s ORDER BY ", t->name);
    write_names(to, t, t->keys);
    fclose(to);
    return sql;
}

static void read_table(struct content *c, weir_conn conn, size_t table)
{
    const struct table *t = &schema[table];
    char *sql = query_of(t);
    size_t size;
    FILE *to = text_file(&c->table[table], &size);
    weir_error err;
    weir_rows rows = talk_query(conn, WEIR_NO_ARGS, "%s", sql);
    for (c->rows[table] = 0; weir_rows_next(rows, &err) == WEIR_ROW; c->rows[table]++)
        for (size_t i = 0; i < t->count; i++) {
            write_cell(to, rows, i, t->columns[i].kind);
            fputc(i + 1 < t->count ? '|' : '\n', to);
        }
    if (weir_rows_close(&rows, &err) < 0)
        tap_bail("%s: %s", t->name, err.text);
    fclose(to);
    free(sql);
}

static void read_all(struct content *c, const char *url)
{
    weir_db *db = talk_open(url, NULL);
    weir_conn conn = talk_borrow(db, WEIR_READ);
    for (size_t i = 0; i < TABLE_COUNT; i++)
        read_table(c, conn, i);
    weir_release(&conn);
    weir_db_close(&db);
}

static void forget(struct content *c)
{
    for (size_t i = 0; i < TABLE_COUNT; i++)
        free(c->table[i]);
}

/* The two lines that differ first. */
static void note_difference(const char *wanted, const char *found)
{
    size_t line = 0;
    for (size_t i = 0; wanted[i] && wanted[i] == found[i]; i++)
        line = wanted[i] == '\n' ? i + 1 : line;
    tap_note("wanted %.*s", (int)strcspn(wanted + line, "\n"), wanted + line);
    tap_note("found  %.*s", (int)strcspn(found + line, "\n"), found + line);
}

static int collect(const char *data)
{
    const char *const argv[] = { COLLECT, "--input", data, NULL };
    char log[1000];
    snprintf(log, sizeof log, "%s/collect.log", tap_folder());
    int status = server_run(NULL, log, argv);
    if (status)
        server_show_log(log);
    return status;
}

/* The variables say where; `url` is for reading back. */
static void same_as(const struct content *wanted, const char *name, const char *data, const char *url)
{
    struct content found;
    is_int(collect(data), 0, "all services end clean on %s", name);
    read_all(&found, url);
    for (size_t i = 0; i < TABLE_COUNT; i++) {
        int same = strcmp(wanted->table[i], found.table[i]) == 0;
        ok(same && found.rows[i] > 0, "  %s: %zu rows, the same as in SQLite", schema[i].name, found.rows[i]);
        if (!same)
            note_difference(wanted->table[i], found.table[i]);
    }
    is_int(collect(data), 0, "  again");
    forget(&found);
    read_all(&found, url);
    int same = 1;
    for (size_t i = 0; i < TABLE_COUNT; i++)
        same &= strcmp(wanted->table[i], found.table[i]) == 0;
    ok(same, "  which changes nothing");
    forget(&found);
}

static void set_number(const char *name, int value)
{
    char text[20];
    snprintf(text, sizeof text, "%d", value);
    setenv(name, text, 1);
}

/* As a deployed service has it: these variables, and nothing else. */
static void on_mysql(struct mariadb *server, const struct content *wanted, const char *name, const char *data)
{
    char url[300];
    snprintf(url, sizeof url, "mysql://weir@127.0.0.1:%d/test", server->port);
    unsetenv("DATABASE_URL");
    setenv("MYSQL_HOST", "127.0.0.1", 1);
    setenv("MYSQL_USER", "weir", 1);
    setenv("MYSQL_DATABASE", "test", 1);
    set_number("MYSQL_PORT", server->port);
    set_number("DB_POOL_SIZE", 15);
    same_as(wanted, name, data, url);
    unsetenv("MYSQL_HOST");
    mariadb_stop(server);
}

static void on_postgres(const struct content *wanted, const char *data)
{
    static struct postgres server;
    char url[300];
    postgres_start(&server, NULL);
    snprintf(url, sizeof url, "postgres://weir@127.0.0.1:%d/postgres", server.port);
    setenv("DATABASE_URL", url, 1);
    same_as(wanted, "PostgreSQL", data, url);
    postgres_stop(&server);
}

int main(void)
{
    char url[300];
    struct content wanted;
    static struct mariadb server;
    const char *data = getenv("WEIR_TEST_DATA");
    data = data ? data : SAMPLE;
    snprintf(url, sizeof url, "sqlite:%s/wanted.db", tap_folder());
    setenv("DATABASE_URL", url, 1);
    is_int(collect(data), 0, "all services end clean on SQLite");
    read_all(&wanted, url);
    mariadb_start(&server, NULL);
    on_mysql(&server, &wanted, "MariaDB", data);
    if (mysql_start(&server, NULL))
        on_mysql(&server, &wanted, "MySQL", data);
    on_postgres(&wanted, data);
    forget(&wanted);
    return tap_done();
}
