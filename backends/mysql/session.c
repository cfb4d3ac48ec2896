/*
 * The session: its settings, what makes it dirty, and how it becomes clean.
 *
 * The server tells with each answer whether a variable, the database, a temporary table, a prepared statement or a lock on tables
 * changed, and whether a transaction is open; for the rest the texts are looked at (scan.c).  Where it does not tell, or the last thing
 * it told was an error, the session is not provably clean.
 *
 * mysql_reset_connection undoes nearly all.  It leaves the database and the role: those are put back, if they may have moved.  What was
 * prepared is gone with it, and is prepared again when it is run.
 * SPDX-License-Identifier: MIT
 */
#include <stdio.h>
#include "mys.h"

/* ---- statements of the driver's own ---- */

int mys_say(struct mys_conn *c, const char *sql, weir_error *err)
{
    if (mysql_real_query(c->mysql, sql, (unsigned long)strlen(sql)) != 0)
        return mys_fail(c, NULL, err);
    mys_note(c);
    return WEIR_OK;
}

/* The same, leaving what is known of the session as it is: the driver knows what it does. */
static int say_quietly(struct mys_conn *c, const char *sql, weir_error *err)
{
    const int changed = c->changed;
    const int st = mys_say(c, sql, err);
    c->changed = changed;
    return st;
}

int mys_ask(struct mys_conn *c, char *out, size_t size, const char *sql, weir_error *err)
{
    int st = mys_say(c, sql, err);
    if (st < 0)
        return st;
    MYSQL_RES *res = mysql_store_result(c->mysql);
    if (!res)
        return mys_fail(c, NULL, err);
    const MYSQL_ROW row = mysql_fetch_row(res);
    if ((st = row && row[0]))
        snprintf(out, size, "%s", row[0]);
    mysql_free_result(res);
    return st;
}

/* ---- settings ---- */

static int is_tracked(const MYSQL *mysql)
{
    return (mysql->server_capabilities & CLIENT_SESSION_TRACKING) != 0;
}

/* One round trip.  The database's own time zone and character set would make the same program see something else. */
static int set_all(struct mys_conn *c, weir_error *err)
{
    char sql[256];
    const char *track = c->tracked ? ",session_track_state_change=1,session_track_transaction_info='OFF'" : "";
    const char *read_only = c->maria ? "tx_read_only" : "transaction_read_only";
    const char *init = mys_option(c->host, "init");
    snprintf(sql, sizeof sql, "SET NAMES utf8mb4,time_zone='+00:00',autocommit=1%s,SESSION %s=%d", track, read_only,
             c->read_only);
    int st = mys_say(c, sql, err);
    if (st == WEIR_OK && *init)
        st = mys_say(c, init, err);
    return st;
}

int mys_settle_in(struct mys_conn *c, weir_error *err)
{
    c->maria = strstr(mysql_get_server_info(c->mysql), "MariaDB") != NULL;
    c->tracked = is_tracked(c->mysql);
    const int st = set_all(c, err);
    c->changed = 0;
    return st;
}

int mys_turn(void *conn, int read_only, int64_t deadline_ns, weir_error *err)
{
    struct mys_conn *c = conn;
    const char *sql = read_only ? "SET SESSION TRANSACTION READ ONLY" : "SET SESSION TRANSACTION READ WRITE";
    mys_begins(c, deadline_ns, MYS_GIVE_UP);
    int st = c->manner ? mys_leave_manner(c, err) : WEIR_OK;
    if (st == WEIR_OK)
        st = say_quietly(c, sql, err);
    if (st == WEIR_OK)
        c->read_only = read_only != 0;
    return mys_ends(c, st);
}

/* ---- the role ---- */

int mys_know_role(struct mys_conn *c, weir_error *err)
{
    char name[600]; /* 128 characters of four bytes */
    if (c->role_known || !c->maria)
        return WEIR_OK;
    const int found = mys_ask(c, name, sizeof name, "SELECT CURRENT_ROLE()", err);
    if (found < 0)
        return found;
    if (found && !(c->role = mys_resize(c->host, NULL, strlen(name) + 1)))
        return c->host->fail(err, WEIR_E_MEMORY, "no memory for the name of a role");
    if (found)
        memcpy(c->role, name, strlen(name) + 1);
    c->role_known = 1;
    return WEIR_OK;
}

/* SET ROLE and its name as an identifier. */
static void write_set_role(char out[1300], const char *role)
{
    size_t n = (size_t)snprintf(out, 1300, "SET ROLE `");
    for (; *role && n < 1290; role++) {
        if (*role == '`')
            out[n++] = '`';
        out[n++] = *role;
    }
    snprintf(out + n, 1300 - n, "`");
}

static int put_role_back(struct mys_conn *c, weir_error *err)
{
    char sql[1300];
    if (!c->maria)
        return mys_say(c, "SET ROLE DEFAULT", err);
    if (!c->role_known)
        return c->host->fail(err, WEIR_E_UNSUPPORTED, "the role that the session began with is not known any more");
    if (!c->role)
        return mys_say(c, "SET ROLE NONE", err);
    write_set_role(sql, c->role);
    return mys_say(c, sql, err);
}

/* ---- dirty, and clean again ---- */

int mys_dirty(void *conn)
{
    const struct mys_conn *c = conn;
    return !c->tracked || c->changed || c->unsure || c->unread || c->result.at == MYS_STREAM || mys_is_inside(c) ||
           !(c->manner || c->status & SERVER_STATUS_AUTOCOMMIT);
}

static int is_same(const char *now, const char *before)
{
    return strcmp(now ? now : "", before) == 0;
}

static int put_database_back(struct mys_conn *c, weir_error *err)
{
    if (is_same(c->mysql->db, c->road.database))
        return WEIR_OK;
    if (!*c->road.database)
        return c->host->fail(err, WEIR_E_UNSUPPORTED,
                             "a session that has once chosen a database cannot be without one");
    return mysql_select_db(c->mysql, c->road.database) == 0 ? WEIR_OK : mys_fail(c, NULL, err);
}

/* What the holder of the native handle may have done, and the server's reset does not undo. */
static int put_handle_back(struct mys_conn *c, weir_error *err)
{
    mys_forbid_reconnect(c->mysql);
    if (!is_same(c->mysql->user, c->road.user))
        return c->host->fail(err, WEIR_E_UNSUPPORTED, "the session has become another user's");
    if (!is_same(mysql_character_set_name(c->mysql), "utf8mb4") && mysql_set_character_set(c->mysql, "utf8mb4") != 0)
        return mys_fail(c, NULL, err);
    return WEIR_OK;
}

static int undo_all(struct mys_conn *c, weir_error *err)
{
    int st = c->native ? put_handle_back(c, err) : WEIR_OK;
    if (st == WEIR_OK && mysql_reset_connection(c->mysql) != 0)
        st = mys_fail(c, NULL, err);
    mys_keep_nothing(c);
    c->epoch++;
    if (st == WEIR_OK && c->role_moved)
        st = put_role_back(c, err);
    if (st == WEIR_OK)
        st = put_database_back(c, err);
    return st == WEIR_OK ? set_all(c, err) : st;
}

int mys_reset(void *conn, int64_t deadline_ns, weir_error *err)
{
    struct mys_conn *c = conn;
    mys_abandon(c);
    mys_begins(c, deadline_ns, MYS_GIVE_UP);
    const int st = undo_all(c, err);
    if (st == WEIR_OK)
        c->changed = c->native = c->role_moved = 0;
    c->undone = 0;
    c->last_id = 0;
    return mys_ends(c, st);
}

void *mys_native(void *conn)
{
    struct mys_conn *c = conn;
    weir_error ignored;
    if (c->result.at == MYS_CLOSED) {
        mys_begins(c, mys_grace_end(&c->road), MYS_GIVE_UP);
        mys_suit(c, MYS_KEEPS, &ignored);
        mys_know_role(c, &ignored); /* if that fails, so will the reset */
        mys_ends(c, WEIR_OK);
    }
    c->native = c->changed = c->role_moved = 1;
    return c->mysql;
}
