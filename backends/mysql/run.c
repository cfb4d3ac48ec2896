/*
 * Running a statement.
 * SPDX-License-Identifier: MIT
 */
#include <stdio.h>
#include <stdlib.h>
#include "mys.h"

/* ---- what is too long for the server ---- */

#define LONG_PACKET (UINT64_C(1) << 20) /* less than that is not looked at */
#define ROOM_FOR_THE_REST 1024          /* of a packet: its head, the types, what is no text */

int mys_know_packet_limit(struct mys_conn *c, weir_error *err)
{
    char text[32];
    if (c->packet_limit)
        return WEIR_OK;
    const int st = mys_ask(c, text, sizeof text, "SELECT @@max_allowed_packet", err);
    if (st < 0)
        return st;
    c->packet_limit = st ? strtoull(text, NULL, 10) : UINT64_MAX;
    return WEIR_OK;
}

/* The server hangs up in the middle of a packet that is too long for it, often before it could be heard why. */
static int check_length(struct mys_conn *c, size_t params, uint64_t bytes, weir_error *err)
{
    const int st = mys_know_packet_limit(c, err);
    if (st < 0 || bytes + ROOM_FOR_THE_REST + 16 * params <= c->packet_limit)
        return st;
    return c->host->fail(err, WEIR_E_DATA,
                         "mysql: the parameters have %llu bytes, more than the server's max_allowed_packet, %llu",
                         (unsigned long long)bytes, (unsigned long long)c->packet_limit);
}

/* ---- a prepared one ---- */

static inline int execute_once(struct mys_conn *c, struct mys_stmt *s, weir_args args, weir_error *err)
{
    uint64_t bytes = 0;
    int st = s->epoch == c->epoch ? WEIR_OK : mys_refresh(c, s, err);
    if (st == WEIR_OK && args.n)
        st = mys_bind(c, s, args, &bytes, err);
    if (st == WEIR_OK && bytes >= LONG_PACKET)
        st = check_length(c, args.n, bytes, err);
    if (st == WEIR_OK && mysql_stmt_execute(s->handle) != 0)
        st = mys_refused(c, s, err);
    return st;
}

/* Whether it may be run once more: the server has not begun it, or it does not matter that it has. */
static int may_run_again(const struct mys_stmt *s, unsigned code)
{
    const int unread_columns = code == 2057;
    return !unread_columns || (s->traits & (MYS_READS | MYS_KEEPS)) == MYS_READS;
}

/*
 * The server has forgotten the statement, or a table has changed, and with it what it answers.  Then it is prepared again.  If it has
 * written something meanwhile, it is not run again, and its answer cannot be read.
 */
static int execute_again(struct mys_conn *c, struct mys_stmt *s, weir_args args, weir_error *err)
{
    if (!mys_outdate(c, s, err))
        return err->status;
    mysql_stmt_free_result(s->handle);
    if (may_run_again(s, (unsigned)err->native))
        return execute_once(c, s, args, err);
    return c->host->fail(err, WEIR_E_SERVER,
                         "mysql: the statement has run, but what it returns has changed since it was prepared, and "
                         "cannot be read");
}

static inline int execute(struct mys_conn *c, struct mys_stmt *s, weir_args args, weir_error *err)
{
    const int st = execute_once(c, s, args, err);
    return st == WEIR_OK ? st : execute_again(c, s, args, err);
}

/* Reads what nobody wants, so that an error in it is seen. */
static int drop_set(struct mys_conn *c, struct mys_stmt *s, int64_t *rows, weir_error *err)
{
    if (mysql_stmt_field_count(s->handle) == 0)
        return WEIR_OK;
    int st = mys_columns_fit(s) ? WEIR_OK : mys_columns_bind(c, s, err);
    if (st < 0)
        return st;
    while ((st = mys_fetch(c, s, err)) == WEIR_ROW)
        ++*rows;
    return st;
}

static int drop_sets(struct mys_conn *c, struct mys_stmt *s, int64_t *rows, weir_error *err)
{
    int st = drop_set(c, s, rows, err);
    while (st == WEIR_OK && mys_has_more(c)) {
        if (mysql_stmt_next_result(s->handle) != 0)
            return mys_fail(c, s->handle, err);
        s->columns_bound = 0;
        st = drop_set(c, s, rows, err);
    }
    return st;
}

/* Of a statement that returns what it wrote, MariaDB counts only that, and tells no key. */
static void count(struct mys_conn *c, struct mys_stmt *s, int returns_written, int64_t rows)
{
    const uint64_t affected = mysql_stmt_affected_rows(s->handle), id = mysql_stmt_insert_id(s->handle);
    c->affected = returns_written ? rows : affected == UINT64_MAX ? 0 : (int64_t)affected;
    if (returns_written || id)
        c->ask_last_id = returns_written;
    if (id)
        c->last_id = (int64_t)id;
}

static int run_prepared(struct mys_conn *c, struct mys_stmt *s, weir_args args, int want_rows, weir_error *err)
{
    int64_t rows = 0;
    int st = execute(c, s, args, err);
    if (st < 0)
        return st;
    mys_note(c);
    const int has_rows = s->handle->field_count > 0;
    if (!has_rows && !want_rows && !mys_has_more(c)) {
        count(c, s, 0, 0);
        return WEIR_OK;
    }
    st = want_rows ? mys_result_open(c, s, &rows, err) : drop_sets(c, s, &rows, err);
    if (st < 0 || c->result.at == MYS_STREAM) /* which has changed nothing */
        return st;
    mys_note(c);
    count(c, s, has_rows && s->traits & MYS_RETURNS, rows);
    return WEIR_OK;
}

/* ---- a text that is sent as it is ---- */

static int drop_plain_rows(struct mys_conn *c, weir_error *err)
{
    int more;
    do {
        MYSQL_RES *res = mysql_store_result(c->mysql);
        if (res)
            mysql_free_result(res);
        else if (mysql_field_count(c->mysql) > 0)
            return mys_fail(c, NULL, err);
    } while ((more = mysql_next_result(c->mysql)) == 0);
    return more > 0 ? mys_fail(c, NULL, err) : WEIR_OK;
}

static int run_plain(struct mys_conn *c, struct mys_stmt *s, int want_rows, weir_error *err)
{
    int st = mys_say(c, s->sql, err);
    if (st == WEIR_OK)
        st = want_rows ? mys_result_open_plain(c, s, err) : drop_plain_rows(c, err);
    if (st == WEIR_OK)
        mys_note(c);
    return st;
}

/* ---- the hook, and what it leaves behind ---- */

int mys_run(void *conn, void *stmt, weir_args args, int want_rows, int64_t deadline_ns, weir_error *err)
{
    struct mys_conn *c = conn;
    struct mys_stmt *s = stmt;
    mys_begins(c, deadline_ns, MYS_STOP);
    c->affected = 0;
    int st = mys_admit(c, s->traits, err);
    if (s->traits & (MYS_KEEPS | MYS_MOVES_ROLE)) {
        c->changed |= (s->traits & MYS_KEEPS) != 0;
        c->role_moved |= (s->traits & MYS_MOVES_ROLE) != 0;
    }
    if (st == WEIR_OK)
        st = s->handle ? run_prepared(c, s, args, want_rows, err) : run_plain(c, s, want_rows, err);
    if (c->guarded && !mys_has_more(c))
        mys_look_behind(c);
    return mys_ends(c, st);
}

int64_t mys_affected(void *conn)
{
    return ((struct mys_conn *)conn)->affected;
}

int64_t mys_last_id(void *conn)
{
    struct mys_conn *c = conn;
    char text[32];
    weir_error ignored;
    if (c->ask_last_id && c->result.at != MYS_STREAM && c->result.at != MYS_PLAIN) {
        mys_begins(c, mys_grace_end(&c->road), MYS_GIVE_UP);
        if (mys_ask(c, text, sizeof text, "SELECT LAST_INSERT_ID()", &ignored) > 0)
            c->last_id = strtoll(text, NULL, 10);
        c->ask_last_id = 0;
        mys_ends(c, WEIR_OK);
    }
    return c->last_id;
}
