/*
 * A time reads as a text, as an integer and as itself; one that has no text, outside the years 0000 to 9999, fails its result and reads
 * as NULL.
 * SPDX-License-Identifier: MIT
 */
#include <tap.h>
#include <weir.h>

static weir_rows echo(weir_conn conn, int64_t us)
{
    weir_rows rows;
    weir_error err;
    if (weir_query(&rows, conn, "ECHO ?", WEIR_ARGS(weir_time_us(us)), weir_after_ms(5000), &err) < 0 ||
        weir_rows_next(rows, &err) != WEIR_ROW)
        tap_bail("no row: %s", err.text);
    return rows;
}

int main(void)
{
    weir_db *db;
    weir_conn conn = { 0 };
    weir_error err;
    int st = weir_db_open(&db, "null:", NULL, &err);
    if (st < 0 || weir_acquire(&conn, db, WEIR_READ, weir_after_ms(5000), &err) < 0)
        tap_bail("cannot begin: %s", err.text);

    weir_rows rows = echo(conn, 1500000);
    is_text(weir_rows_text(rows, 0), "1970-01-01 00:00:01.500000", "a time as a text");
    is_int(weir_rows_int(rows, 0), 1500000, "as an integer: microseconds");
    is_int(weir_rows_time_us(rows, 0), 1500000, "as itself");
    is_int(weir_rows_close(&rows, &err), WEIR_OK, "nothing failed");

    rows = echo(conn, INT64_MAX);
    is_text(weir_rows_text(rows, 0), NULL, "a time that has no text reads as NULL");
    is_int(weir_rows_close(&rows, &err), WEIR_E_CONVERT, "and fails the result");
    has_text(err.text, "column 0: a time cannot be read as a text", "which names the column");

    weir_release(&conn);
    weir_db_close(&db);
    return tap_done();
}
