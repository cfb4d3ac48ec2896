/*
 * Loads a driver from a file and asks it one question: load /path/of/driver.so URL STATEMENT [NUMBER]
 * SPDX-License-Identifier: MIT
 */
#include <stdio.h>
#include <stdlib.h>
#include <weir.h>
#include <weir/backend.h>

static void print_row(weir_rows rows)
{
    for (size_t i = 0; i < weir_rows_columns(rows); i++) {
        const char *text = weir_rows_text(rows, i);
        printf("%s%s", i ? "\t" : "", text ? text : "");
    }
    printf("\n");
}

static int ask(weir_conn conn, const char *sql, const char *number, weir_error *err)
{
    weir_rows rows;
    weir_value arg = weir_int(number ? strtoll(number, NULL, 10) : 0);
    int st = weir_query(&rows, conn, sql, weir_args_of(&arg, number ? 1 : 0), weir_after_ms(5000), err);
    if (st < 0)
        return st;
    while (weir_rows_next(rows, NULL) == WEIR_ROW)
        print_row(rows);
    return weir_rows_close(&rows, err);
}

static int load(char **argv, weir_error *err)
{
    weir_db *db = NULL;
    weir_conn conn;
    int st = weir_backend_load(argv[1], err);
    if (st >= 0)
        st = weir_db_open(&db, argv[2], NULL, err);
    if (st >= 0 && (st = weir_acquire(&conn, db, WEIR_READ, weir_after_ms(5000), err)) >= 0) {
        st = ask(conn, argv[3], argv[4], err);
        weir_release(&conn);
    }
    weir_db_close(&db);
    return st;
}

int main(int argc, char **argv)
{
    weir_error err;
    if (argc < 4) {
        fprintf(stderr, "usage: load /path/of/driver.so URL STATEMENT [NUMBER]\n");
        return 2;
    }
    if (load(argv, &err) < 0) {
        fprintf(stderr, "load: %s: %s\n", weir_status_name(err.status), err.text);
        return 1;
    }
    return 0;
}
