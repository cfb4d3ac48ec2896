/*
 * What the null server's answers mean: one table, as every driver has one.  A driver for a real server finds its row by the server's
 * number or SQLSTATE; here the statement FAIL finds it by name, and the driver's own refusals by status.
 *
 * The flags say what has become of the session: with CONNECTION_DEAD it is gone, with ROLLED_BACK its transaction is.  `locked` and
 * `serialization` leave the transaction open, to be rolled back by the caller.
 * SPDX-License-Identifier: MIT
 */
#include <stdio.h>
#include <string.h>
#include "local.h"

struct class
{
    const char *name;
    int status;
    int native;
    uint32_t flags;
    const char *sqlstate, *text;
};

/* clang-format off */
static const struct class classes[] = {
    { "connect",       WEIR_E_CONNECT,       11, WEIR_RETRY_ELSEWHERE, "08001", "the null server refuses connections" },
    { "auth",          WEIR_E_AUTH,          12, 0,                    "28000", "the null server does not know this user" },
    { "tls",           WEIR_E_TLS,           13, 0,                    "",      "the null server speaks no TLS" },
    { "too_many",      WEIR_E_TOO_MANY,      14, WEIR_RETRY_ELSEWHERE, "53300", "the null server has no room for another session" },
    { "lost",          WEIR_E_LOST,          15, WEIR_RETRY_ELSEWHERE | WEIR_CONNECTION_DEAD,
                                                                       "08006", "the null server has dropped this session" },
    { "timeout",       WEIR_E_TIMEOUT,       21, 0,                    "57014", "the deadline has stopped the statement" },
    { "cancelled",     WEIR_E_CANCELLED,     22, 0,                    "57014", "the statement was cancelled" },
    { "deadlock",      WEIR_E_DEADLOCK,      23, WEIR_RETRY_TRANSACTION | WEIR_ROLLED_BACK,
                                                                       "40P01", "deadlock, the transaction is undone" },
    { "serialization", WEIR_E_SERIALIZATION, 24, WEIR_RETRY_TRANSACTION, "40001", "another transaction was first" },
    { "locked",        WEIR_E_LOCKED,        25, WEIR_RETRY_TRANSACTION, "55P03", "waited too long for a lock" },
    { "read_only",     WEIR_E_READ_ONLY,     26, WEIR_RETRY_ELSEWHERE, "25006", "the null server takes no writes" },
    { "unique",        WEIR_E_UNIQUE,        31, 0,                    "23505", "that key is there already" },
    { "foreign_key",   WEIR_E_FOREIGN_KEY,   32, 0,                    "23503", "that key is not there, or still in use" },
    { "not_null",      WEIR_E_NOT_NULL,      33, 0,                    "23502", "NULL is not allowed there" },
    { "check",         WEIR_E_CHECK,         34, 0,                    "23514", "a check refuses that row" },
    { "data",          WEIR_E_DATA,          35, 0,                    "22000", "that value does not fit" },
    { "statement",     WEIR_E_STATEMENT,     36, 0,                    "42601", "not a statement of the null server" },
    { "permission",    WEIR_E_PERMISSION,    37, 0,                    "42501", "that is not allowed" },
    { "resource",      WEIR_E_RESOURCE,      41, 0,                    "53100", "the null server is out of space" },
    { "corrupt",       WEIR_E_CORRUPT,       42, 0,                    "XX001", "the null server cannot read its data" },
    { "server",        WEIR_E_SERVER,        43, 0,                    "XX000", "the null server has failed" },
};
/* clang-format on */

size_t null_class_count(void)
{
    return sizeof classes / sizeof *classes;
}

int null_class_find(const char *name, size_t length)
{
    for (size_t i = 0; i < null_class_count(); i++) {
        if (strlen(classes[i].name) == length && !memcmp(classes[i].name, name, length))
            return (int)i;
    }
    return -1;
}

int null_class_status(int number)
{
    return classes[number].status;
}

static const struct class *class_of(int status)
{
    static const struct class none = { "", 0, 0, 0, "", "a failure made to order" };
    for (size_t i = 0; i < null_class_count(); i++) {
        if (classes[i].status == status)
            return &classes[i];
    }
    return &none;
}

weir_error null_error(int status)
{
    const struct class *class = class_of(status);
    weir_error e;
    memset(&e, 0, sizeof e);
    e.status = status;
    e.native = class->native;
    e.flags = class->flags;
    snprintf(e.sqlstate, sizeof e.sqlstate, "%s", class->sqlstate);
    snprintf(e.text, sizeof e.text, "%s", class->text);
    return e;
}

/* Hands an error out; host->fail has written it whole, so what it does not know comes after. */
int null_write(const weir_host *host, weir_error *err, const weir_error *as)
{
    host->fail(err, as->status, "%s", as->text);
    err->native = as->native;
    err->flags = as->flags;
    memcpy(err->sqlstate, as->sqlstate, sizeof err->sqlstate);
    return as->status;
}

/* The same, and the session suffers what the flags say.  The server is locked. */
int null_suffer(struct null_conn *c, weir_error *err, const weir_error *as)
{
    if (as->flags & WEIR_ROLLED_BACK)
        null_transaction_undo(c);
    if (as->flags & WEIR_CONNECTION_DEAD)
        null_drop(c->server, c);
    return null_write(c->host, err, as);
}

/* The usual error of a status; detail, which may be NULL, is put behind its text. */
int null_says(struct null_conn *c, weir_error *err, int status, const char *detail)
{
    weir_error e = null_error(status);
    if (detail)
        snprintf(e.text, sizeof e.text, "%s: %.80s", class_of(status)->text, detail);
    return null_suffer(c, err, &e);
}
