/*
 * Statements: preparing one, preparing it again when the server has forgotten it, and forgetting it here.
 *
 * What the server does not prepare (MySQL: BEGIN, SAVEPOINT, USE and others) is kept as text, and sent as it is.
 * SPDX-License-Identifier: MIT
 */
#include "mys.h"

#define NOT_PREPARED 1295 /* this command is not supported in the prepared statement protocol yet */

static int prepare_handle(struct mys_conn *c, MYSQL_STMT **out, const char *sql, weir_error *err)
{
    MYSQL_STMT *handle = mysql_stmt_init(c->mysql);
    *out = NULL;
    if (!handle)
        return c->host->fail(err, WEIR_E_MEMORY, "no memory for a statement");
    int st = WEIR_OK;
    if (mysql_stmt_prepare(handle, sql, (unsigned long)strlen(sql)) == 0) {
        *out = handle;
        return WEIR_OK;
    }
    if (mysql_stmt_errno(handle) != NOT_PREPARED)
        st = mys_fail(c, handle, err);
    mysql_stmt_close(handle);
    return st;
}

static struct mys_stmt *enlist(struct mys_conn *c, MYSQL_STMT *handle, const char *sql, unsigned traits)
{
    const size_t size = strlen(sql) + 1;
    struct mys_stmt *s = mys_resize(c->host, NULL, sizeof *s + size);
    if (!s)
        return NULL;
    *s = (struct mys_stmt){ .next = c->statements, .handle = handle, .traits = traits, .epoch = c->epoch };
    memcpy(s->sql, sql, size);
    if (s->next)
        s->next->previous = s;
    return c->statements = s;
}

/* Of what a procedure answers, or RETURNING returns, the server tells only when it has run. */
static size_t column_count(const struct mys_stmt *s)
{
    const size_t known = s->handle ? mysql_stmt_field_count(s->handle) : 0;
    return known ? known : s->traits & (MYS_MAY_ANSWER | MYS_RETURNS) ? 1 : 0;
}

static int prepare(struct mys_conn *c, struct mys_stmt **out, const char *sql, weir_error *err)
{
    const unsigned traits = mys_scan(sql);
    MYSQL_STMT *handle;
    if (traits & MYS_EMPTY)
        return c->host->fail(err, WEIR_E_STATEMENT, "the statement is empty");
    int st = traits & MYS_MOVES_ROLE ? mys_know_role(c, err) : WEIR_OK;
    if (st == WEIR_OK)
        st = prepare_handle(c, &handle, sql, err);
    if (st < 0 || (*out = enlist(c, handle, sql, traits)))
        return st;
    if (handle)
        mysql_stmt_close(handle);
    return c->host->fail(err, WEIR_E_MEMORY, "no memory for a statement");
}

int mys_prepare(void *conn, void **stmt, size_t *params, size_t *columns, const char *sql, int64_t deadline_ns,
                weir_error *err)
{
    struct mys_conn *c = conn;
    struct mys_stmt *s = NULL;
    mys_begins(c, deadline_ns, MYS_STOP);
    const int st = prepare(c, &s, sql, err);
    if (st == WEIR_OK) {
        *stmt = s;
        *params = s->handle ? mysql_stmt_param_count(s->handle) : 0;
        *columns = column_count(s);
    }
    return mys_ends(c, st);
}

/* MySQL may have stopped at a parameter, and not have kept the types that were sent: they are sent again. */
int mys_refused(struct mys_conn *c, struct mys_stmt *s, weir_error *err)
{
    s->bound = 0;
    return mys_fail(c, s->handle, err);
}

int mys_outdate(const struct mys_conn *c, struct mys_stmt *s, const weir_error *err)
{
    const int is_stale = mys_is_stale((unsigned)err->native);
    if (is_stale)
        s->epoch = c->epoch - 1;
    return is_stale;
}

int mys_refresh(struct mys_conn *c, struct mys_stmt *s, weir_error *err)
{
    if (!s->handle || s->epoch == c->epoch)
        return WEIR_OK;
    MYSQL_STMT *fresh;
    const int st = prepare_handle(c, &fresh, s->sql, err);
    if (st < 0)
        return st;
    mysql_stmt_close(s->handle);
    s->handle = fresh;
    s->epoch = c->epoch;
    s->bound = 0;
    mys_columns_end(c, s);
    return WEIR_OK;
}

static void unlink_statement(struct mys_conn *c, struct mys_stmt *s)
{
    *(s->previous ? &s->previous->next : &c->statements) = s->next;
    if (s->next)
        s->next->previous = s->previous;
}

static void end(struct mys_conn *c, struct mys_stmt *s)
{
    unlink_statement(c, s);
    if (s->handle)
        mysql_stmt_close(s->handle);
    mys_columns_end(c, s);
    mys_params_end(c, s);
    mys_resize(c->host, s, 0);
}

void mys_forget(void *conn, void *stmt)
{
    struct mys_conn *c = conn;
    struct mys_stmt *s = stmt;
    if (c->result.stmt == s)
        mys_abandon(c);
    s->forgotten = 1;
    c->forgotten++;
    mys_bury(c);
}

/* To close one, the library would read the rows of another to their end: that waits until there are none. */
void mys_bury(struct mys_conn *c)
{
    struct mys_stmt *next;
    if (!c->forgotten || c->unread || c->result.at != MYS_CLOSED)
        return;
    mys_begins(c, mys_grace_end(&c->road), MYS_GIVE_UP);
    for (struct mys_stmt *s = c->statements; s; s = next) {
        next = s->next;
        if (s->forgotten)
            end(c, s);
    }
    c->forgotten = 0;
    mys_ends(c, WEIR_OK);
}

void mys_forget_all(struct mys_conn *c)
{
    while (c->statements)
        end(c, c->statements);
}
