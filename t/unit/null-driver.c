/*
 * The null driver does what it says: each statement, each fault, each control, by its table alone.
 * SPDX-License-Identifier: MIT
 */
#include <string.h>
#include "null-rig.h"

static void tables(void)
{
    ok(weir_backend_register(&weir_null_bare_backend, &err) == WEIR_OK, "the bare table is one that a registry takes");
    ok(weir_backend_register(&weir_null_one_backend, &err) == WEIR_OK, "so is the one with one writer");
    is_int(null->caps, WEIR_CAP_TURN | WEIR_CAP_PING | WEIR_CAP_CANCEL, "the null driver can turn, ping and cancel");
    is_int(weir_null_bare_backend.caps, 0, "the bare one can do nothing that it need not");
    ok(!weir_null_bare_backend.interrupt && !weir_null_bare_backend.native && !weir_null_bare_backend.keep &&
           !weir_null_bare_backend.sql->next_set,
       "and has none of the hooks that may be absent");
    ok(weir_null_one_backend.caps & WEIR_CAP_ONE_WRITER, "the third has one writer");
}

static void opening(void)
{
    struct null_server *s = null_server("opening");
    void *a = writer("opening"), *b = room();
    is_int(dial(b, "opening", 1, SOON), WEIR_OK, "a session of the read lane opens");
    is_int(null_figure(s, NULL_SESSIONS), 2, "two sessions");
    is_int(null_figure(s, NULL_WRITERS), 1, "one of which writes");
    is_int(ask(b, "SESSION"), 2, "sessions are numbered");
    ok(null->alive(a) && !null->dirty(a), "a new session is alive and clean");
    is_int(null_forget_all(), 1, "a server with connections is not forgotten");
    null->abandon(a);
    free(a);
    hang_up(b);
    is_int(null_figure(s, NULL_SESSIONS) + null_figure(s, NULL_WRITERS), 0, "closed and abandoned, none is left");
    is_int(null_figure(s, NULL_CLOSES), 1, "one was closed");
    is_int(null_figure(s, NULL_ABANDONS), 1, "one was abandoned");
    is_int(null_figure(s, NULL_SESSIONS_MOST), 2, "two at most at once");
    void *never = room();
    null->close(never);
    null->interrupt(never);
    free(never);
    ok(1, "a connection that was never opened can be closed and interrupted");
}

static void refusing(void)
{
    struct null_server *s = null_server("refusing");
    weir_error as = null_error(WEIR_E_AUTH);
    as.native = 1045;
    null_fail(s, NULL_OPENS, 1, &as);
    is_int(connecting("refusing"), WEIR_E_AUTH, "the next connect fails as ordered");
    is_int(err.native, 1045, "with that number");
    is_text(err.sqlstate, "28000", "and that SQLSTATE");
    is_int(connecting("refusing"), WEIR_OK, "the one after it does not");
    null_set(s, NULL_LIMIT, 1);
    void *a = writer("refusing");
    is_int(connecting("refusing"), WEIR_E_TOO_MANY, "a full server says so");
    null_set(s, NULL_LIMIT, 0);
    is_int(connecting("refusing"), WEIR_OK, "until it is not full");
    null_set(s, NULL_STATE, NULL_DOWN);
    is_int(connecting("refusing"), WEIR_E_CONNECT, "one that is down refuses");
    is_int(err.flags, WEIR_RETRY_ELSEWHERE, "and another may be asked");
    ok(!null->alive(a), "what was open is dead");
    is_int(say(a, "ROWS 1"), WEIR_E_LOST, "and its session is lost");
    null_set(s, NULL_STATE, NULL_UP);
    is_int(connecting("refusing"), WEIR_OK, "up again, it accepts");
    is_int(say(a, "ROWS 1"), WEIR_E_LOST, "what was lost stays lost");
    hang_up(a);
    is_int(null_figure(s, NULL_SESSIONS), 0, "no session is left");
}

static void options_of_the_url(void)
{
    setting("connect_fail", "2");
    is_int(connecting("url-fail"), WEIR_E_CONNECT, "connect_fail=2: the first connect fails");
    is_int(connecting("url-fail"), WEIR_E_CONNECT, "and the second");
    is_int(connecting("url-fail"), WEIR_OK, "but not the third");
    setting("connect_fail", "0");
    setting("server_limit", "1");
    void *a = writer("url-limit");
    is_int(connecting("url-limit"), WEIR_E_TOO_MANY, "server_limit=1: the second session is one too many");
    hang_up(a);
    setting("server_limit", "0");
    setting("alive", "off");
    is_int(connecting("url-down"), WEIR_E_CONNECT, "alive=off: refused");
    setting("alive", "on");
}

static void types_of_rows(void)
{
    static const struct {
        const char *name;
        uint32_t type;
    } want[] = {
        { "n", WEIR_INT },         { "half", WEIR_DOUBLE }, { "name", WEIR_TEXT },    { "bytes", WEIR_BLOB },
        { "price", WEIR_DECIMAL }, { "at", WEIR_TIME },     { "nothing", WEIR_NULL },
    };
    void *a = writer("rows"), *stmt;
    size_t params, columns;
    weir_value v[7];
    sql->prepare(a, &stmt, &params, &columns, "ROWS ?", SOON, &err);
    is_int(params, 1, "ROWS ? has a placeholder");
    is_int(columns, 7, "and seven columns");
    is_int(sql->run(a, stmt, WEIR_ARGS(weir_int(2)), 1, SOON, &err), WEIR_OK, "it runs");
    is_int(sql->columns(a), 7, "its result has seven columns");
    is_int(row_next(sql, a, SOON, &err), WEIR_ROW, "a row");
    is_int(row_next(sql, a, SOON, &err), WEIR_ROW, "and another");
    for (size_t i = 0; i < 7; i++) {
        row_cell(sql, a, i, &v[i]);
        is_text(sql->name(a, i), want[i].name, "column %s has its name", want[i].name);
        is_int(v[i].type, want[i].type, "column %s has its type", want[i].name);
    }
    ok(v[0].as.i == 2 && v[1].as.d > 0.9 && v[1].as.d < 1.1 && v[5].as.i == 2000000, "numbers and time are right");
    is_text(v[2].as.p, "row 2", "text is right, and ends");
    is_text(v[4].as.p, "0.02", "a decimal is text");
    ok(v[3].length == 8 && !memcmp(v[3].as.p, "\2\0\0\0\0\0\0\0", 8), "bytes are bytes");
    is_int(row_next(sql, a, SOON, &err), WEIR_OK, "then the end");
    sql->abandon(a);
    is_int(sql->run(a, stmt, WEIR_ARGS(weir_text("2")), 1, SOON, &err), WEIR_E_DATA, "a text is no number");
    is_int(sql->run(a, stmt, WEIR_ARGS(weir_int(-1)), 1, SOON, &err), WEIR_E_DATA, "there are no -1 rows");
    sql->forget(a, stmt);
    hang_up(a);
}

static void echo(void)
{
    void *a = writer("echo"), *stmt;
    size_t params, columns;
    weir_value v[4];
    char text[] = "two words";
    sql->prepare(a, &stmt, &params, &columns, "ECHO ?, ?, ?, ?", SOON, &err);
    ok(params == 4 && columns == 4, "ECHO has a column for each placeholder");
    weir_args args = WEIR_ARGS(weir_text(text), weir_null(), weir_blob("a\0b", 3), weir_decimal("1.10"));
    sql->run(a, stmt, args, 1, SOON, &err);
    memset(text, '-', sizeof text - 1);
    row_next(sql, a, SOON, &err);
    for (size_t i = 0; i < 4; i++)
        row_cell(sql, a, i, &v[i]);
    is_text(v[0].as.p, "two words", "it keeps a copy");
    is_int(v[1].type, WEIR_NULL, "NULL comes back");
    ok(v[2].type == WEIR_BLOB && v[2].length == 3 && !memcmp(v[2].as.p, "a\0b", 4), "a blob keeps its zero byte");
    ok(v[3].type == WEIR_DECIMAL && !strcmp(v[3].as.p, "1.10"), "a decimal keeps its digits");
    is_text(sql->name(a, 3), "value", "every column has a name");
    sql->abandon(a);
    sql->forget(a, stmt);
    hang_up(a);
}

static void several_results(void)
{
    void *a = writer("sets"), *stmt = prepared(a, "SETS 2");
    weir_value v;
    sql->run(a, stmt, WEIR_NO_ARGS, 1, SOON, &err);
    is_int(sql->next_set(a, SOON, &err), WEIR_ROW, "SETS 2 has a second set, the first unread");
    is_int(row_next(sql, a, SOON, &err), WEIR_ROW, "with a row");
    row_cell(sql, a, 0, &v);
    is_int(v.as.i, 2, "that says which set it is");
    is_int(row_next(sql, a, SOON, &err), WEIR_OK, "and no other");
    is_int(sql->next_set(a, SOON, &err), WEIR_OK, "there is no third");
    sql->abandon(a);
    sql->forget(a, stmt);
    is_int(say(a, "SETS 3"), WEIR_OK, "several results can be dropped unread");
    stmt = prepared(a, "BADROW 1");
    is_int(sql->run(a, stmt, WEIR_NO_ARGS, 1, SOON, &err), WEIR_OK, "BADROW 1 begins well");
    is_int(row_next(sql, a, SOON, &err), WEIR_ROW, "has a row");
    is_int(row_next(sql, a, SOON, &err), WEIR_E_SERVER, "and then fails");
    sql->abandon(a);
    sql->forget(a, stmt);
    is_int(say(a, "BADROW 1"), WEIR_E_SERVER, "a late failure is found when rows are dropped, too");
    ok(null->alive(a) && !null->dirty(a), "the session is none the worse");
    is_int(null_figure(null_server("sets"), NULL_PREPARED), 0, "nothing stays prepared");
    hang_up(a);
}

static void other_texts(void)
{
    static const char *const wrong[] = {
        "",
        "SELECT 1",
        "rows 1",
        "ROWS",
        "ROWS x",
        "ROWS 1 2",
        "ROWS 1; ROWS 2",
        "ECHO",
        "ECHO ?,",
        "ECHO ? ?",
        "SLEEP 5",
        "SLEEP",
        "FAIL",
        "FAIL nothing",
        "BEGIN x",
        "SAVEPOINT",
        "SAVEPOINT ?",
        "COMMITLOST now",
        "COUNTERS",
        "ADD 1e3",
        "ROLLBACK TO x",
        "ROWS ? ?",
        "SLEEP 9999999999h",
        "ROWS 99999999999999999999",
    };
    void *a = writer("texts"), *stmt;
    size_t params, columns;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        is_int(sql->prepare(a, &stmt, &params, &columns, wrong[i], SOON, &err), WEIR_E_STATEMENT,
               "'%s' is no statement", wrong[i]);
    has_text(err.text, "ROWS 9999", "the text is quoted");
    is_int(null_figure(null_server("texts"), NULL_PREPARED), 0, "nothing was prepared");
    hang_up(a);
}

static void transactions(void)
{
    struct null_server *s = null_server("sums");
    void *a = writer("sums"), *b = writer("sums");
    is_int(say(a, "ADD 1"), WEIR_OK, "outside a transaction an ADD");
    is_int(ask(b, "COUNTER"), 1, "is there at once");
    is_int(sql->begin(a, 0, 0, SOON, &err), WEIR_OK, "begin");
    ok(null->dirty(a), "a session in a transaction is not clean");
    is_int(say(a, "ADD 10"), WEIR_OK, "in a transaction");
    is_int(sql->affected(a), 1, "an ADD affects a row");
    is_int(sql->last_id(a), 2, "and makes a key");
    is_int(ask(a, "COUNTER"), 11, "the session sees its own");
    is_int(ask(b, "COUNTER"), 1, "nobody else does");
    is_int(sql->begin(a, 0, 0, SOON, &err), WEIR_E_STATEMENT, "a second begin is refused");
    is_int(sql->commit(a, SOON, &err), WEIR_OK, "commit");
    ok(ask(b, "COUNTER") == 11 && !null->dirty(a), "now all see it, and the session is clean");
    is_int(sql->commit(a, SOON, &err), WEIR_E_STATEMENT, "there is nothing more to commit");
    ok(!say(a, "BEGIN") && !say(a, "ADD 100") && !say(a, "ROLLBACK"), "by hand, and undone");
    is_int(null_figure(s, NULL_COUNTER), 11, "nothing of it is left");
    sql->begin(a, 0, 1, SOON, &err);
    is_int(say(a, "ADD 1"), WEIR_E_READ_ONLY, "a read-only transaction refuses ADD");
    is_int(sql->rollback(a, SOON, &err), WEIR_OK, "rollback");
    int64_t ledger[3];
    is_int(null_ledger(s, ledger, 3), 2, "the ledger has two entries");
    ok(ledger[0] == 1 && ledger[1] == 10, "in the order of the commits");
    is_int(ask(a, "LEDGER"), 1, "as statement LEDGER says");
    hang_up(a);
    hang_up(b);
}

static void savepoints(void)
{
    void *a = writer("savepoints");
    is_int(say(a, "SAVEPOINT x"), WEIR_E_STATEMENT, "no savepoint outside a transaction");
    ok(!say(a, "BEGIN") && !say(a, "ADD 1") && !say(a, "SAVEPOINT weir_1") && !say(a, "ADD 10"), "ADD 10 in weir_1");
    ok(!say(a, "SAVEPOINT weir_2") && !say(a, "ADD 100"), "ADD 100 in weir_2");
    is_int(say(a, "ROLLBACK TO SAVEPOINT weir_2"), WEIR_OK, "back to weir_2");
    is_int(ask(a, "COUNTER"), 11, "undoes the 100");
    is_int(say(a, "ROLLBACK TO SAVEPOINT weir_2"), WEIR_OK, "which is still there");
    is_int(say(a, "RELEASE SAVEPOINT weir_1"), WEIR_OK, "releasing weir_1");
    is_int(say(a, "RELEASE SAVEPOINT weir_2"), WEIR_E_STATEMENT, "releases weir_2 with it");
    is_int(say(a, "ROLLBACK TO SAVEPOINT weir_1"), WEIR_E_STATEMENT, "and itself");
    is_int(say(a, "COMMIT"), WEIR_OK, "commit");
    is_int(ask(a, "COUNTER"), 11, "what was kept is there");
    ok(!say(a, "BEGIN") && !say(a, "SAVEPOINT left"), "a session that ends with a savepoint open");
    hang_up(a);
}

static void lost_commits(void)
{
    struct null_server *s = null_server("doubt");
    void *a = writer("doubt"), *b = writer("doubt");
    ok(!say(a, "COMMITLOST before") && !say(a, "BEGIN") && !say(a, "ADD 1"), "a commit that is to be lost before");
    is_int(sql->commit(a, SOON, &err), WEIR_E_LOST, "is lost");
    is_int(null_figure(s, NULL_COUNTER), 0, "and was not applied");
    ok(!say(b, "COMMITLOST after") && !say(b, "BEGIN") && !say(b, "ADD 1"), "one that is to be lost after");
    is_int(say(b, "COMMIT"), WEIR_E_LOST, "is lost as well");
    is_int(null_figure(s, NULL_COUNTER), 1, "but was applied");
    ok(!null->alive(a) && !null->alive(b), "both connections are dead");
    hang_up(a);
    hang_up(b);
}

static void failing(void)
{
    void *a = writer("failing");
    is_int(say(a, "FAIL unique"), WEIR_E_UNIQUE, "FAIL unique");
    ok(err.flags == 0 && !strcmp(err.sqlstate, "23505"), "is final, with its SQLSTATE");
    ok(!say(a, "BEGIN") && !say(a, "ADD 1"), "in a transaction");
    is_int(say(a, "FAIL locked"), WEIR_E_LOCKED, "FAIL locked");
    is_int(err.flags, WEIR_RETRY_TRANSACTION, "wants the transaction again");
    is_int(ask(a, "COUNTER"), 1, "which is still open");
    is_int(say(a, "FAIL deadlock 1"), WEIR_E_DEADLOCK, "FAIL deadlock 1");
    is_int(err.flags, WEIR_RETRY_TRANSACTION | WEIR_ROLLED_BACK, "has undone it");
    ok(ask(a, "COUNTER") == 0 && !null->dirty(a), "so that nothing of it is left");
    is_int(say(a, "FAIL deadlock 1"), WEIR_OK, "and does so once");
    is_int(say(a, "FAIL deadlock 2"), WEIR_E_DEADLOCK, "a larger number has one more");
    is_int(say(a, "FAIL lost"), WEIR_E_LOST, "FAIL lost");
    is_int(err.flags, WEIR_RETRY_ELSEWHERE | WEIR_CONNECTION_DEAD, "is the end of the connection");
    ok(!null->alive(a), "which is dead");
    hang_up(a);
}

/* Every hook that can fail does so when told to, once. */
static void ordered_faults(void)
{
    struct null_server *s = null_server("ordered");
    const weir_error as = null_error(WEIR_E_SERVER);
    void *a = writer("ordered"), *stmt = prepared(a, "ADD 1"), *other = NULL, *key = null->cancel_prepare(a);
    size_t n;
    for (int hook = NULL_RESETS; hook < NULL_HOOKS; hook++)
        null_fail(s, (enum null_figure)hook, 1, &as);
    is_int(null->reset(a, SOON, &err), WEIR_E_SERVER, "a reset fails to order");
    is_int(null->turn(a, 1, SOON, &err), WEIR_E_SERVER, "a turn");
    is_int(null->ping(a, SOON, &err), WEIR_E_SERVER, "a ping");
    is_int(null->cancel(key, SOON, &err), WEIR_E_SERVER, "a cancel");
    is_int(sql->prepare(a, &other, &n, &n, "ADD 1", SOON, &err), WEIR_E_SERVER, "a prepare");
    is_int(sql->run(a, stmt, WEIR_NO_ARGS, 0, SOON, &err), WEIR_E_SERVER, "a run");
    is_int(sql->begin(a, 0, 0, SOON, &err), WEIR_E_SERVER, "a begin");
    sql->begin(a, 0, 0, SOON, &err);
    is_int(sql->commit(a, SOON, &err), WEIR_E_SERVER, "a commit");
    is_int(sql->rollback(a, SOON, &err), WEIR_E_SERVER, "a rollback");
    is_int(sql->settle(a, "1", SOON, &err), WEIR_E_SERVER, "a question about a lost commit");
    is_int(say(a, "ROWS 1"), WEIR_E_SERVER, "a row");
    ok(sql->rollback(a, SOON, &err) == WEIR_OK && say(a, "ROWS 1") == WEIR_OK, "and none twice");
    sql->forget(a, stmt);
    hang_up(a);
}

/* What becomes of a transaction is known by its trace. */
static void traces(void)
{
    char open[WEIR_TRACE_SIZE], gone[WEIR_TRACE_SIZE];
    void *a = writer("traces"), *b = writer("traces");
    ok(!sql->begin_traced(a, 0, open, SOON, &err) && !say(a, "ADD 1"), "a transaction with a trace");
    ok(sql->in_transaction(a), "is open");
    is_int(sql->settle(b, open, SOON, &err), WEIR_FATE_PENDING, "which another session sees");
    ok(!say(a, "COMMITLOST after") && sql->commit(a, SOON, &err) < 0 && err.status == WEIR_E_LOST,
       "its commit is lost");
    is_int(sql->settle(b, open, SOON, &err), WEIR_FATE_COMMITTED, "but has happened");
    hang_up(a);
    a = writer("traces");
    ok(!sql->begin_traced(a, 0, gone, SOON, &err) && strcmp(open, gone), "another one has another trace");
    ok(!say(a, "COMMITLOST before") && sql->commit(a, SOON, &err) < 0, "of one that does not arrive");
    is_int(sql->settle(b, gone, SOON, &err), WEIR_FATE_ABORTED, "it is known that it has not happened");
    is_int(sql->settle(b, "gone", SOON, &err), WEIR_E_STATEMENT, "and what is no trace is refused");
    hang_up(a);
    hang_up(b);
}

static void dirt(void)
{
    struct null_server *s = null_server("dirt");
    void *a = writer("dirt"), *b = writer("dirt");
    ok(!say(a, "DIRTY") && null->dirty(a), "DIRTY makes a session dirty");
    ok(!say(a, "BEGIN") && !say(a, "ADD 1") && !null->reset(a, SOON, &err), "a reset");
    ok(!null->dirty(a) && ask(a, "COUNTER") == 0, "makes it clean and undoes its transaction");
    ok(null->native(a) && null->dirty(a), "so does a look at the native handle");
    ok(!say(a, "STICKY") && null->dirty(a), "STICKY makes it dirty");
    is_int(null->reset(a, SOON, &err), WEIR_E_SERVER, "for good");
    is_int(say(a, "DIE"), WEIR_OK, "DIE succeeds");
    ok(!null->alive(a) && null->dirty(a), "and leaves a dead session, which is not clean");
    int64_t session = ask(b, "SESSION");
    is_int(null_kill(s, (uint64_t)session + 7), 0, "no such session to kill");
    is_int(null_kill(s, (uint64_t)session), 1, "one to kill");
    ok(!null->alive(b), "dead");
    hang_up(a);
    a = writer("dirt");
    is_int(say(a, "KILL 99"), WEIR_OK, "KILL with no such session is no failure");
    is_int(sql->affected(a), 0, "and affects nobody");
    is_int(null_kill_all(s), 1, "all that are left are one");
    ok(!null->alive(a) && null_figure(s, NULL_SESSIONS) == 0, "and then none");
    hang_up(a);
    hang_up(b);
}

static void volatile_data(void)
{
    struct null_server *s = null_server("volatile");
    void *a = writer("volatile"), *b = writer("volatile");
    is_int(null->keep(a), 0, "the data of a server outlives its sessions");
    null_set(s, NULL_VOLATILE, 1);
    is_int(null->keep(a), 1, "those of a volatile one would go with the last");
    say(a, "ADD 1");
    hang_up(a);
    is_int(null_figure(s, NULL_COUNTER), 1, "while one session is left they are there");
    hang_up(b);
    ok(!null_figure(s, NULL_COUNTER) && !null_ledger(s, NULL, 0), "with it, they are gone");
}

static void lanes(void)
{
    struct null_server *s = null_server("lanes");
    void *a = room();
    dial(a, "lanes", 1, SOON);
    is_int(say(a, "ADD 1"), WEIR_E_READ_ONLY, "a session of the read lane refuses writes");
    is_int(err.flags, 0, "on every server");
    is_int(null->turn(a, 0, SOON, &err), WEIR_OK, "turned");
    is_int(say(a, "ADD 1"), WEIR_OK, "it writes");
    is_int(null_figure(s, NULL_WRITERS), 1, "and counts as a writer");
    say(a, "BEGIN");
    is_int(null->turn(a, 1, SOON, &err), WEIR_E_STATEMENT, "not in a transaction");
    is_int(null->ping(a, SOON, &err), WEIR_OK, "a ping is answered");
    hang_up(a);
}

/* Everything that asks for memory: none to be had, and each request in turn refused. */
static int everything(void *conn)
{
    int status = say(conn, "BEGIN");
    if (status == WEIR_OK)
        status = say(conn, "ADD 1");
    if (status == WEIR_OK)
        status = say(conn, "SAVEPOINT x");
    if (status == WEIR_OK)
        status = say(conn, "LEDGER");
    return status;
}

static void memory(void)
{
    int status = WEIR_E_MEMORY, n = 0;
    while (status == WEIR_E_MEMORY && n++ < 100) {
        int before = blocks.out;
        void *a = writer("memory");
        blocks.fail_from = blocks.calls + n;
        status = everything(a);
        blocks.fail_from = 0;
        hang_up(a);
        if (blocks.out != before)
            tap_bail("request %d refused: %d blocks are left", n, blocks.out - before);
    }
    ok(status == WEIR_OK && n == 8, "each of seven requests for memory can be refused, and nothing leaks");
}

int main(void)
{
    rig_begin();
    tables();
    opening();
    refusing();
    options_of_the_url();
    types_of_rows();
    echo();
    several_results();
    other_texts();
    transactions();
    savepoints();
    lost_commits();
    failing();
    ordered_faults();
    traces();
    dirt();
    volatile_data();
    lanes();
    memory();
    return rig_end();
}
