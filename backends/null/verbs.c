/*
 * What the null server understands: one statement a text, words in capitals, blanks between.  n is a number or a `?` that takes one.
 *
 * ROWS n                        n rows of n INT, half DOUBLE, name TEXT, bytes BLOB, price DECIMAL, at TIME, nothing NULL
 * BADROW n                      the same, but after n rows it fails (WEIR_E_SERVER)
 * SETS n                        n results of one row each: set INT
 * ECHO ?, ?, …                  one row: the parameters, each of its own type
 * SESSION                       one row: the number of this session
 * COUNTER                       one row: the sum of all ADDs that this session can see, committed ones and its own
 * LEDGER                        a row for each committed ADD, in the order of the commits
 * ADD n                         adds n to the server's counter; affects 1 row; WEIR_E_READ_ONLY on a read-only session
 * SLEEP 5ms                     takes that long on top of the query delay; stopped by deadline, cancel and interrupt
 * FAIL class                    fails as classify.c says: FAIL deadlock, FAIL lost, FAIL unique, …
 * FAIL class n                  the same while that class has failed so fewer than n times on this server; succeeds afterwards
 * DIRTY                         makes the session dirty until it is reset
 * STICKY                        makes it dirty so that a reset fails
 * DIE                           succeeds, and then the server drops this session
 * KILL n                        the server drops session n; affects 1 row, or 0 if there is none
 * COMMITLOST before | after     this session's next commit loses its connection before, or after, it is applied
 * BEGIN, COMMIT, ROLLBACK       a transaction by hand
 * SAVEPOINT x, RELEASE SAVEPOINT x, ROLLBACK TO SAVEPOINT x
 *
 * Anything else is WEIR_E_STATEMENT.  FAIL with ROLLED_BACK undoes the transaction, and what follows is committed at once, as MySQL
 * has it: a caller that goes on regardless writes half of what it meant to.
 * SPDX-License-Identifier: MIT
 */
#include <stdio.h>
#include <string.h>
#include "local.h"

/* How the rest of a text is read.  < 0: that is not it. */

static int parse_nothing(struct null_stmt *stmt, const char *rest)
{
    (void)stmt;
    return *rest ? -1 : 0;
}

static int parse_number(struct null_stmt *stmt, const char *rest)
{
    if (!strcmp(rest, "?")) {
        stmt->params = 1;
        stmt->number_is_param = 1;
        return 0;
    }
    return null_number(&rest, &stmt->number) < 0 || *rest ? -1 : 0;
}

static int parse_sleep(struct null_stmt *stmt, const char *rest)
{
    return null_duration(&rest, &stmt->sleep_ns) < 0 || *rest ? -1 : 0;
}

static int parse_class(struct null_stmt *stmt, const char *rest)
{
    const char *word;
    size_t length = null_word(&rest, &word);
    stmt->choice = null_class_find(word, length);
    if (stmt->choice < 0)
        return -1;
    stmt->number = INT64_MAX;
    return *rest ? parse_number(stmt, rest) : 0;
}

static int parse_fate(struct null_stmt *stmt, const char *rest)
{
    stmt->choice = !strcmp(rest, "before") ? COMMIT_LOST_BEFORE : !strcmp(rest, "after") ? COMMIT_LOST_AFTER : -1;
    return stmt->choice;
}

static int parse_name(struct null_stmt *stmt, const char *rest)
{
    const char *word;
    size_t length = null_word(&rest, &word);
    if (!length || length >= sizeof stmt->name || *rest)
        return -1;
    memcpy(stmt->name, word, length); /* the rest of it is zero already */
    return 0;
}

static int parse_marks(struct null_stmt *stmt, const char *rest)
{
    for (;;) {
        if (*rest++ != '?')
            return -1;
        stmt->params++;
        rest += strspn(rest, " ");
        if (!*rest)
            return 0;
        if (*rest++ != ',')
            return -1;
        rest += strspn(rest, " ");
    }
}

/* What a statement does when the server gets it.  A result that it opens stands before its first row. */

static int open_result(struct null_conn *c, const struct null_call *call, int64_t sets, int64_t rows)
{
    struct null_result *r = &c->result;
    if (sets < 1 || rows < 0)
        return null_says(c, call->err, WEIR_E_DATA, "fewer than none");
    r->verb = call->stmt->verb;
    r->columns = call->stmt->columns;
    r->sets = sets;
    r->set = 1;
    r->rows = rows;
    r->row = 0;
    r->fails_at_end = 0;
    return WEIR_OK;
}

/* A result of one cell. */
static int open_number(struct null_conn *c, const struct null_call *call, int64_t number)
{
    c->result.number = number;
    return open_result(c, call, 1, 1);
}

/* Room for `count` cells with `bytes` behind them; the result's until it ends. */
static weir_value *keep(struct null_conn *c, const struct null_call *call, size_t count, size_t bytes)
{
    size_t size = count * sizeof(weir_value);
    if (count <= SIZE_MAX / 2 / sizeof(weir_value) && bytes <= SIZE_MAX / 2)
        c->result.kept = c->host->realloc(c->host->ctx, NULL, size + bytes + 1); /* one more: never of size 0 */
    if (!c->result.kept)
        c->host->fail(call->err, WEIR_E_MEMORY, "no memory for a result");
    return c->result.kept;
}

static int has_bytes(const weir_value *v)
{
    return v->type == WEIR_TEXT || v->type == WEIR_BLOB || v->type == WEIR_DECIMAL;
}

static int run_nothing(struct null_conn *c, const struct null_call *call)
{
    (void)c;
    (void)call;
    return WEIR_OK;
}

static int run_rows(struct null_conn *c, const struct null_call *call)
{
    return open_result(c, call, 1, call->number);
}

static int run_badrow(struct null_conn *c, const struct null_call *call)
{
    int status = open_result(c, call, 1, call->number);
    c->result.fails_at_end = 1;
    return status;
}

static int run_sets(struct null_conn *c, const struct null_call *call)
{
    return open_result(c, call, call->number, 1);
}

/* The parameters are borrowed until `run` returns, the cells live longer: hence the copy. */
static int run_echo(struct null_conn *c, const struct null_call *call)
{
    const weir_value *v = call->args.v;
    size_t n = call->args.n, bytes = 0;
    for (size_t i = 0; i < n; i++)
        bytes += has_bytes(&v[i]) ? v[i].length + 1 : 0;
    weir_value *cells = keep(c, call, n, bytes);
    if (!cells)
        return WEIR_E_MEMORY;
    char *at = (char *)(cells + n);
    for (size_t i = 0; i < n; i++) {
        cells[i] = v[i];
        if (!has_bytes(&v[i]))
            continue;
        cells[i].as.p = at;
        memcpy(at, v[i].as.p, v[i].length);
        at += v[i].length;
        *at++ = '\0';
    }
    return open_result(c, call, 1, 1);
}

static int run_session(struct null_conn *c, const struct null_call *call)
{
    return open_number(c, call, (int64_t)c->session);
}

static int run_counter(struct null_conn *c, const struct null_call *call)
{
    uint64_t committed = (uint64_t)c->server->figures[NULL_COUNTER];
    return open_number(c, call, (int64_t)(committed + (uint64_t)null_entries_sum(&c->pending)));
}

static int run_ledger(struct null_conn *c, const struct null_call *call)
{
    const struct null_entries *ledger = &c->server->ledger;
    weir_value *cells = keep(c, call, ledger->count, 0);
    if (!cells)
        return WEIR_E_MEMORY;
    for (size_t i = 0; i < ledger->count; i++)
        cells[i] = weir_int(ledger->at[i]);
    return open_result(c, call, 1, (int64_t)ledger->count);
}

static int run_add(struct null_conn *c, const struct null_call *call)
{
    return null_transaction_add(c, call->number, call->err);
}

static int run_fail(struct null_conn *c, const struct null_call *call)
{
    unsigned *failed = &c->server->failed[call->stmt->choice];
    int always = call->number == INT64_MAX;
    if (!always && *failed >= call->number)
        return WEIR_OK;
    *failed += !always;
    return null_says(c, call->err, null_class_status(call->stmt->choice), NULL);
}

static int run_dirty(struct null_conn *c, const struct null_call *call)
{
    (void)call;
    c->dirty = 1;
    return WEIR_OK;
}

static int run_sticky(struct null_conn *c, const struct null_call *call)
{
    c->sticky = 1;
    return run_dirty(c, call);
}

static int run_die(struct null_conn *c, const struct null_call *call)
{
    (void)call;
    null_drop(c->server, c);
    return WEIR_OK;
}

static int run_kill(struct null_conn *c, const struct null_call *call)
{
    c->affected = call->number > 0 ? (int64_t)null_kill_locked(c->server, (uint64_t)call->number) : 0;
    return WEIR_OK;
}

static int run_commitlost(struct null_conn *c, const struct null_call *call)
{
    c->commit_fate = call->stmt->choice;
    return WEIR_OK;
}

static int run_begin(struct null_conn *c, const struct null_call *call)
{
    return null_transaction_begin(c, 0, call->err);
}

static int run_commit(struct null_conn *c, const struct null_call *call)
{
    return null_transaction_commit(c, call->err);
}

static int run_rollback(struct null_conn *c, const struct null_call *call)
{
    (void)call;
    null_transaction_undo(c);
    return WEIR_OK;
}

static int run_savepoint(struct null_conn *c, const struct null_call *call)
{
    return null_savepoint_make(c, call->stmt->name, call->err);
}

static int run_release(struct null_conn *c, const struct null_call *call)
{
    return null_savepoint_release(c, call->stmt->name, call->err);
}

static int run_return(struct null_conn *c, const struct null_call *call)
{
    return null_savepoint_return(c, call->stmt->name, call->err);
}

/* Cells.  What is made up for a cell lives in the result until its next row. */

static weir_value cell_kept(struct null_result *r, size_t column)
{
    return r->kept[(size_t)(r->row - 1) * r->columns + column];
}

static weir_value cell_number(struct null_result *r, size_t column)
{
    (void)column;
    return weir_int(r->number);
}

static weir_value cell_set(struct null_result *r, size_t column)
{
    (void)column;
    return weir_int(r->set);
}

static weir_value cell_n(struct null_result *r, size_t column)
{
    (void)column;
    return weir_int(r->row);
}

static weir_value cell_half(struct null_result *r, size_t column)
{
    (void)column;
    return weir_double((double)r->row / 2);
}

static weir_value cell_name(struct null_result *r, size_t column)
{
    (void)column;
    snprintf(r->name, sizeof r->name, "row %lld", (long long)r->row);
    return weir_text(r->name);
}

/* The row's number in eight bytes, the lowest first. */
static weir_value cell_bytes(struct null_result *r, size_t column)
{
    (void)column;
    for (size_t i = 0; i < sizeof r->bytes; i++)
        r->bytes[i] = (unsigned char)((uint64_t)r->row >> 8 * i);
    return weir_blob(r->bytes, sizeof r->bytes);
}

static weir_value cell_price(struct null_result *r, size_t column)
{
    (void)column;
    snprintf(r->price, sizeof r->price, "%lld.%02d", (long long)(r->row / 100), (int)(r->row % 100));
    return weir_decimal(r->price);
}

static weir_value cell_at(struct null_result *r, size_t column)
{
    (void)column;
    return weir_time_us((int64_t)((uint64_t)r->row * 1000000));
}

static weir_value cell_nothing(struct null_result *r, size_t column)
{
    (void)r;
    (void)column;
    return weir_null();
}

static const struct null_column rows_columns[] = {
    { .name = "n", .cell = cell_n },
    { .name = "half", .cell = cell_half },
    { .name = "name", .cell = cell_name, .is_costly = 1 },
    { .name = "bytes", .cell = cell_bytes, .is_costly = 1 },
    { .name = "price", .cell = cell_price, .is_costly = 1 },
    { .name = "at", .cell = cell_at },
    { .name = "nothing", .cell = cell_nothing },
};
static const struct null_column sets_column = { .name = "set", .cell = cell_set };
static const struct null_column session_column = { .name = "session", .cell = cell_number };
static const struct null_column counter_column = { .name = "counter", .cell = cell_number };
static const struct null_column ledger_column = { .name = "entry", .cell = cell_kept };
static const struct null_column echo_column = { .name = "value", .cell = cell_kept };

#define ROWS_COLUMNS rows_columns, sizeof rows_columns / sizeof *rows_columns

/* Longer words come before those that they begin with. */
static const struct null_verb verbs[] = {
    { "ROWS", parse_number, run_rows, ROWS_COLUMNS },
    { "BADROW", parse_number, run_badrow, ROWS_COLUMNS },
    { "SETS", parse_number, run_sets, &sets_column, 1 },
    { "ECHO", parse_marks, run_echo, &echo_column, 0 },
    { "SESSION", parse_nothing, run_session, &session_column, 1 },
    { "COUNTER", parse_nothing, run_counter, &counter_column, 1 },
    { "LEDGER", parse_nothing, run_ledger, &ledger_column, 1 },
    { "ADD", parse_number, run_add, NULL, 0 },
    { "SLEEP", parse_sleep, run_nothing, NULL, 0 },
    { "FAIL", parse_class, run_fail, NULL, 0 },
    { "DIRTY", parse_nothing, run_dirty, NULL, 0 },
    { "STICKY", parse_nothing, run_sticky, NULL, 0 },
    { "DIE", parse_nothing, run_die, NULL, 0 },
    { "KILL", parse_number, run_kill, NULL, 0 },
    { "COMMITLOST", parse_fate, run_commitlost, NULL, 0 },
    { "BEGIN", parse_nothing, run_begin, NULL, 0 },
    { "COMMIT", parse_nothing, run_commit, NULL, 0 },
    { "SAVEPOINT", parse_name, run_savepoint, NULL, 0 },
    { "RELEASE SAVEPOINT", parse_name, run_release, NULL, 0 },
    { "ROLLBACK TO SAVEPOINT", parse_name, run_return, NULL, 0 },
    { "ROLLBACK", parse_nothing, run_rollback, NULL, 0 },
};

/* What follows the words of a verb, without the blanks; NULL: the text does not begin with them. */
static const char *behind(const char *sql, const char *words)
{
    size_t length = strlen(words);
    if (strncmp(sql, words, length) || (sql[length] && sql[length] != ' '))
        return NULL;
    return sql + length + strspn(sql + length, " ");
}

/* *stmt is all zero.  < 0: not a statement. */
int null_parse(struct null_stmt *stmt, const char *sql)
{
    sql += strspn(sql, " ");
    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++) {
        const struct null_verb *verb = &verbs[i];
        const char *rest = behind(sql, verb->words);
        if (!rest)
            continue;
        if (verb->parse(stmt, rest) < 0)
            return -1;
        stmt->verb = verb;
        stmt->columns = verb->columns && !verb->column_count ? stmt->params : verb->column_count;
        return 0;
    }
    return -1;
}
