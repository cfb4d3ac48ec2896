/*
 * Transactions.  One that may write takes the write lock at once: a reader that turns writer half-way fails without being able to wait
 * when somebody else committed in between.  SQLite isolates fully, so every level that may be asked for is granted.
 * SPDX-License-Identifier: MIT
 */
#include "lite.h"

static int say(struct lite_conn *c, enum lite_verb verb, int64_t deadline_ns, weir_error *err)
{
    static const char *const texts[] = { "BEGIN", "BEGIN IMMEDIATE", "COMMIT", "ROLLBACK" };
    sqlite3_stmt **handle = &c->verbs[verb];
    lite_begins(c, deadline_ns);
    if (!*handle && sqlite3_prepare_v3(c->db, texts[verb], -1, SQLITE_PREPARE_PERSISTENT, handle, NULL) != SQLITE_OK)
        return lite_fail(c, err);
    const int st = sqlite3_step(*handle) == SQLITE_DONE ? WEIR_OK : lite_fail(c, err);
    sqlite3_reset(*handle);
    return st;
}

int lite_begin(void *conn, unsigned isolation, int read_only, int64_t deadline_ns, weir_error *err)
{
    struct lite_conn *c = conn;
    (void)isolation;
    const int st = say(c, read_only || c->read_only ? LITE_BEGIN : LITE_BEGIN_IMMEDIATE, deadline_ns, err);
    c->only_reads = st == WEIR_OK && read_only;
    return st;
}

int lite_commit(void *conn, int64_t deadline_ns, weir_error *err)
{
    struct lite_conn *c = conn;
    const int st = say(c, LITE_COMMIT, deadline_ns, err);
    c->only_reads &= st < 0;
    return st;
}

int lite_in_transaction(void *conn)
{
    const struct lite_conn *c = conn;
    return !sqlite3_get_autocommit(c->db);
}

/* Waits for nobody, and has to happen: no deadline stops it.  What SQLite has already undone is undone. */
int lite_rollback(void *conn, int64_t deadline_ns, weir_error *err)
{
    struct lite_conn *c = conn;
    weir_error said;
    (void)deadline_ns;
    c->only_reads = 0;
    if (sqlite3_get_autocommit(c->db))
        return WEIR_OK;
    const int st = say(c, LITE_ROLLBACK, INT64_MAX, &said);
    if (st == WEIR_OK || sqlite3_get_autocommit(c->db))
        return WEIR_OK;
    *err = said;
    return st;
}
