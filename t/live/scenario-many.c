/*
 * The scenario: one statement with many rows of parameters.
 * SPDX-License-Identifier: MIT
 */
#include <stdlib.h>
#include "scenario.h"

#define MANY 2500 /* more than is sent at once */
#define INSERT "INSERT INTO crates(n, what) VALUES (?, ?)"

struct crates {
    weir_value cells[MANY][2];
    weir_args rows[MANY];
};

/* Rows (i, "crate"). */
static struct crates *make_rows(void)
{
    static struct crates c;
    for (int i = 0; i < MANY; i++) {
        c.cells[i][0] = weir_int(i);
        c.cells[i][1] = weir_text("crate");
        c.rows[i] = weir_args_of(c.cells[i], 2);
    }
    return &c;
}

static void make_crates(weir_conn conn, const struct dialect *d)
{
    talk_run(conn, "DROP TABLE IF EXISTS crates");
    talk_run(conn, "CREATE TABLE crates(n %s NOT NULL PRIMARY KEY, what %s)", d->whole, d->text);
}

static int64_t crates(weir_conn conn)
{
    return talk_ask(conn, "SELECT count(*) FROM crates");
}

/* What a call has left. */
struct outcome {
    int64_t affected;
    size_t failed;
    weir_error err;
};

static void runs(weir_conn conn, struct outcome *o, int status, const char *sql, const weir_args *rows, size_t count,
                 const char *fact)
{
    *o = (struct outcome){ .affected = 99, .failed = 99 };
    if (!is_int(weir_exec_many(&o->affected, &o->failed, conn, sql, rows, count, LONG, &o->err), status, "%s", fact))
        tap_note("  %s", o->err.text);
}

/* ---- all goes well ---- */

static void many(weir_conn conn, const struct dialect *d)
{
    struct outcome o;
    struct crates *c = make_rows();
    make_crates(conn, d);
    runs(conn, &o, WEIR_OK, INSERT, c->rows, MANY, "one statement inserts many rows");
    is_int(o.affected, MANY, "  and counts all that it changed");
    is_int((int64_t)o.failed, MANY, "  and none that failed");
    is_int(talk_ask(conn, "SELECT sum(n) FROM crates WHERE what = 'crate'"), (int64_t)MANY * (MANY - 1) / 2,
           "  each with its own parameters");
    runs(conn, &o, WEIR_OK, "DELETE FROM crates WHERE n >= ? AND n < 1000000",
         (const weir_args[]){ WEIR_ARGS(weir_int(MANY - 1)), WEIR_ARGS(weir_int(MANY)), WEIR_ARGS(weir_int(MANY - 3)) },
         3, "rows that change one, none and two");
    is_int(o.affected, 3, "  change three");
    runs(conn, &o, WEIR_OK, "SELECT n FROM crates WHERE n < ?",
         (const weir_args[]){ WEIR_ARGS(weir_int(700)), WEIR_ARGS(weir_int(0)) }, 2,
         "the rows that a statement returns");
    is_int(o.affected, 0, "  are dropped");
    runs(conn, &o, WEIR_OK, INSERT, NULL, 0, "no row at all");
    ok(o.affected == 0 && o.failed == 0, "  is no failure");
    is_int(weir_exec_many(NULL, NULL, conn, INSERT, &c->rows[MANY - 1], 1, LONG, NULL), WEIR_OK,
           "who does not want to know gives no place for it");
    is_int(weir_commit(NULL, conn, LONG, NULL), WEIR_E_ARGUMENT, "and no transaction is left behind");
}

static void types(weir_conn conn, const struct dialect *d)
{
    struct outcome o;
    const weir_args rows[] = { WEIR_ARGS(weir_int(1), weir_text("7")), WEIR_ARGS(weir_int(2), weir_int(8)),
                               WEIR_ARGS(weir_text("3"), weir_null()), WEIR_ARGS(weir_int(4), weir_int(9)),
                               WEIR_ARGS(weir_int(5), weir_text("10")) };
    make_crates(conn, d);
    runs(conn, &o, WEIR_OK, INSERT, rows, 5, "parameters may be of other types from row to row");
    is_int(talk_ask(conn, "SELECT count(*) FROM crates WHERE what IN ('7', '8', '9', '10') OR what IS NULL"), 5,
           "  and each is stored");
}

/* ---- a row fails ---- */

static void fails_alone(weir_conn conn, const struct dialect *d)
{
    struct outcome o;
    struct crates *c = make_rows();
    make_crates(conn, d);
    c->cells[1234][0] = weir_int(7);
    runs(conn, &o, WEIR_E_UNIQUE, INSERT, c->rows, MANY, "one row of many fails");
    is_int((int64_t)o.failed, 1234, "  and is named");
    is_int(o.affected, 0, "  nothing is changed");
    is_int(crates(conn), 0, "  and nothing is there: without a transaction it is all or none");
    is_int(weir_commit(NULL, conn, LONG, NULL), WEIR_E_ARGUMENT, "  and no transaction is left open");
    runs(conn, &o, WEIR_OK, INSERT, c->rows, 1000, "the next call goes well");
    is_int(crates(conn), 1000, "  and writes");
}

static void fails_within(weir_conn conn, const struct dialect *d)
{
    struct outcome o;
    struct crates *c = make_rows();
    make_crates(conn, d);
    c->cells[1234][0] = weir_int(7);
    weir_begin(conn, NULL, LONG, NULL);
    runs(conn, &o, WEIR_E_UNIQUE, INSERT, c->rows, MANY, "in a transaction one row of many fails");
    is_int((int64_t)o.failed, 1234, "  and is named");
    if (!d->failure_stays)
        is_int(crates(conn), 1234, "  those before it have run, those behind it have not");
    weir_rollback(conn, LONG, NULL);
    is_int(crates(conn), 0, "  and the transaction can undo all of it");
    weir_begin(conn, NULL, LONG, NULL);
    runs(conn, &o, WEIR_OK, INSERT, c->rows, 1000, "what goes well in a transaction");
    weir_rollback(conn, LONG, NULL);
    is_int(crates(conn), 0, "  is the transaction's to undo, too");
}

static void fails_early(weir_conn conn, const struct dialect *d)
{
    struct outcome o;
    struct crates *c = make_rows();
    make_crates(conn, d);
    c->rows[5].n = 1;
    weir_begin(conn, NULL, LONG, NULL);
    runs(conn, &o, WEIR_E_ARGUMENT, INSERT, c->rows, 9, "a row with too few parameters is refused");
    is_int((int64_t)o.failed, 5, "  by its number");
    c->rows[5].n = 2;
    c->cells[6][1] = weir_text_n("a\0b", 3);
    runs(conn, &o, WEIR_E_DATA, INSERT, c->rows, 9, "and so is a zero byte in a text");
    is_int((int64_t)o.failed, 6, "  by its number");
    is_int(crates(conn), 0, "  before any row has run");
    runs(conn, &o, WEIR_E_ARGUMENT, INSERT, NULL, 2, "no rows where there should be some are refused");
    weir_rollback(conn, LONG, NULL);
    runs(conn, &o, WEIR_E_STATEMENT, "INSERT INTO crates_that_are_not VALUES (?, ?)", c->rows, 3, "wrong SQL is told");
    is_int((int64_t)o.failed, 3, "  as no row's fault");
    weir_rows rows = talk_query(conn, WEIR_NO_ARGS, "SELECT n FROM numbers");
    runs(conn, &o, WEIR_E_BUSY, INSERT, c->rows, 3, "an open result is in the way");
    weir_rows_close(&rows, NULL);
    runs((weir_conn){ 0 }, &o, WEIR_E_STALE, INSERT, c->rows, 3, "an empty handle is none");
}

/* ---- it is stopped ---- */

static void deadline(weir_conn conn)
{
    size_t failed = 99;
    const weir_args none[] = { WEIR_NO_ARGS, WEIR_NO_ARGS };
    is_int(weir_exec_many(NULL, &failed, conn, SCENARIO_MINUTES, none, 2, weir_after_ms(50), NULL), WEIR_E_TIMEOUT,
           "many rows have one deadline");
    is_int((int64_t)failed, 0, "  and the row that ran then is named");
    is_int(talk_ask(conn, "SELECT 1"), 1, "  the connection goes on");
}

struct stop {
    weir_conn conn;
    atomic_bool over;
};

static void *stop(void *arg)
{
    struct stop *s = arg;
    while (!atomic_load(&s->over))
        (void)weir_cancel(s->conn, NULL);
    return NULL;
}

/* Also when the cancel comes between two rows, where nothing runs. */
static void cancelled(weir_conn conn, const struct dialect *d)
{
    pthread_t thread;
    struct stop s = { .conn = conn };
    struct crates *c = make_rows();
    int status = WEIR_OK;
    size_t failed = MANY;
    make_crates(conn, d);
    talk_start(&thread, stop, &s);
    for (int64_t began = talk_now_ms(); status == WEIR_OK && talk_now_ms() - began < 60000;)
        status = weir_exec_many(NULL, &failed, conn, "UPDATE crates SET what = 'x' WHERE n = ? AND what <> ?", c->rows,
                                MANY, LONG, NULL);
    atomic_store(&s.over, true);
    talk_join(thread);
    is_int(status, WEIR_E_CANCELLED, "many rows can be cancelled");
    is_int(weir_commit(NULL, conn, LONG, NULL), WEIR_E_ARGUMENT, "  with the transaction around them");
}

void scenario_many(const struct scenario *s)
{
    weir_conn conn = talk_borrow(s->db, WEIR_WRITE);
    many(conn, s->dialect);
    types(conn, s->dialect);
    fails_alone(conn, s->dialect);
    fails_within(conn, s->dialect);
    fails_early(conn, s->dialect);
    deadline(conn);
    cancelled(conn, s->dialect);
    talk_run(conn, "DROP TABLE crates");
    weir_release(&conn);
}
