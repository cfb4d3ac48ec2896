/*
 * A stranger's program: knows <weir.h> and what pkg-config says, and asks a database one question, which has a placeholder.
 * SPDX-License-Identifier: MIT
 */
#include <stdio.h>
#include <weir.h>

/* Names that a program may well have, too: a static library must not be in their way. */
int fail(void);
int text_add(void);
int fail(void)
{
    return 1;
}
int text_add(void)
{
    return 2;
}

static int ask(weir_db *db, const char *sql, weir_error *err)
{
    weir_conn conn;
    weir_rows rows;
    if (weir_acquire(&conn, db, WEIR_READ, weir_after_ms(5000), err) < 0)
        return -1;
    int st = weir_query(&rows, conn, sql, WEIR_ARGS(weir_int(42)), weir_after_ms(5000), err);
    if (st == WEIR_OK) {
        while (weir_rows_next(rows, NULL) == WEIR_ROW)
            printf("%lld\n", (long long)weir_rows_int(rows, 0));
        st = weir_rows_close(&rows, err);
    }
    weir_release(&conn);
    return st;
}

int main(int argc, char **argv)
{
    weir_db *db = NULL;
    weir_error err;
    int st = argc == 3 ? weir_db_open(&db, argv[1], NULL, &err) : -1;
    if (st == WEIR_OK)
        st = ask(db, argv[2], &err);
    weir_db_close(&db);
    if (st < 0)
        fprintf(stderr, "%s\n", argc == 3 ? err.text : "usage: stranger URL STATEMENT");
    return st < 0;
}
