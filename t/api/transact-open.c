/*
 * A body that leaves a savepoint open has not said what becomes of it: nothing is committed, and the caller is told.
 * SPDX-License-Identifier: MIT
 */
#include <tap.h>
#include <weir.h>

static int add_in_savepoint(weir_conn conn, void *arg, weir_error *err)
{
    const int *end = arg;
    int st = weir_exec(NULL, conn, "ADD 1", WEIR_NO_ARGS, weir_after_ms(5000), err);
    if (st >= 0)
        st = weir_begin(conn, NULL, weir_after_ms(5000), err);
    if (st >= 0)
        st = weir_exec(NULL, conn, "ADD 2", WEIR_NO_ARGS, weir_after_ms(5000), err);
    if (st >= 0 && *end)
        st = weir_commit(NULL, conn, weir_after_ms(5000), err);
    return st;
}

static int64_t counter(weir_db *db)
{
    weir_conn conn;
    weir_rows rows;
    int64_t sum = -1;
    if (weir_acquire(&conn, db, WEIR_READ, weir_after_ms(5000), NULL) < 0)
        return sum;
    if (weir_query(&rows, conn, "COUNTER", WEIR_NO_ARGS, weir_after_ms(5000), NULL) >= 0) {
        if (weir_rows_next(rows, NULL) == WEIR_ROW)
            sum = weir_rows_int(rows, 0);
        weir_rows_close(&rows, NULL);
    }
    weir_release(&conn);
    return sum;
}

int main(void)
{
    weir_db *db;
    weir_error err;
    weir_outcome outcome;
    int end = 0;
    if (weir_db_open(&db, "null://transact-open", NULL, &err) < 0)
        tap_bail("cannot open: %s", err.text);

    int st = weir_transact(&outcome, db, add_in_savepoint, &end, NULL, weir_after_ms(5000), &err);
    is_int(st, WEIR_E_ARGUMENT, "a body that leaves a savepoint open fails");
    has_text(err.text, "left a savepoint open", "and is told why");
    is_int(outcome.state, WEIR_NOT_COMMITTED, "the outcome says that nothing was committed");
    is_int(outcome.attempts, 1, "it is not tried again");
    is_int(counter(db), 0, "nothing was");

    end = 1;
    st = weir_transact(&outcome, db, add_in_savepoint, &end, NULL, weir_after_ms(5000), &err);
    is_int(st, WEIR_OK, "one that ends it commits");
    is_int(outcome.state, WEIR_COMMITTED, "the outcome says so");
    is_int(counter(db), 3, "both parts");
    weir_db_close(&db);
    return tap_done();
}
