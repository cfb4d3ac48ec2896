/*
 * What an error of SQLite means.
 *
 * The table is asked for the extended code, then for the primary one that is its low byte.  Whether a transaction survived is not in
 * it: an interrupt, a full disk or a failed write may or may not have undone the whole, and only SQLite's autocommit flag tells.
 * SPDX-License-Identifier: MIT
 */
#include "lite.h"

#define PRIMARY(code) ((code)&0xff)

struct meaning {
    int code, status;
    uint32_t flags;
    const char *sqlstate;
};

static const struct meaning meanings[] = {
    { SQLITE_ERROR, WEIR_E_STATEMENT, 0,
      "42000" }, /* one code for a wrong word, a missing table, a missing savepoint */
    { SQLITE_PERM, WEIR_E_PERMISSION, 0, "42501" },
    { SQLITE_AUTH, WEIR_E_PERMISSION, 0, "42501" },
    { SQLITE_ABORT, WEIR_E_SERVER, 0, "40000" },

    { SQLITE_BUSY, WEIR_E_LOCKED, WEIR_RETRY_TRANSACTION, "55P03" },
    { SQLITE_BUSY_SNAPSHOT, WEIR_E_SERIALIZATION, WEIR_RETRY_TRANSACTION, "40001" },
    { SQLITE_LOCKED, WEIR_E_LOCKED, 0, "55P03" }, /* by this very connection: waiting would not help */
    { SQLITE_LOCKED_SHAREDCACHE, WEIR_E_LOCKED, WEIR_RETRY_TRANSACTION, "55P03" },
    { SQLITE_PROTOCOL, WEIR_E_LOCKED, WEIR_RETRY_TRANSACTION, "55P03" }, /* too many raced for the write-ahead log */
    { SQLITE_SCHEMA, WEIR_E_SERVER, WEIR_RETRY_TRANSACTION, "" }, /* it changed faster than SQLite could compile */
    { SQLITE_INTERRUPT, WEIR_E_CANCELLED, 0, "57014" },

    { SQLITE_CONSTRAINT, WEIR_E_CHECK, 0, "23000" },
    { SQLITE_CONSTRAINT_CHECK, WEIR_E_CHECK, 0, "23514" },
    { SQLITE_CONSTRAINT_TRIGGER, WEIR_E_CHECK, 0, "45000" },
    { SQLITE_CONSTRAINT_FOREIGNKEY, WEIR_E_FOREIGN_KEY, 0, "23503" },
    { SQLITE_CONSTRAINT_NOTNULL, WEIR_E_NOT_NULL, 0, "23502" },
    { SQLITE_CONSTRAINT_PRIMARYKEY, WEIR_E_UNIQUE, 0, "23505" },
    { SQLITE_CONSTRAINT_ROWID, WEIR_E_UNIQUE, 0, "23505" },
    { SQLITE_CONSTRAINT_UNIQUE, WEIR_E_UNIQUE, 0, "23505" },
    { SQLITE_MISMATCH, WEIR_E_DATA, 0, "22000" },
    { SQLITE_TOOBIG, WEIR_E_DATA, 0, "22001" },
    { SQLITE_RANGE, WEIR_E_DATA, 0, "07009" },

    { SQLITE_READONLY, WEIR_E_READ_ONLY, 0, "25006" },
    { SQLITE_READONLY_DBMOVED, WEIR_E_READ_ONLY, WEIR_CONNECTION_DEAD | WEIR_RETRY_ELSEWHERE, "25006" },
    { SQLITE_CANTOPEN, WEIR_E_CONNECT, 0, "58030" },
    { SQLITE_FULL, WEIR_E_RESOURCE, 0, "53100" },
    { SQLITE_NOLFS, WEIR_E_RESOURCE, 0, "53100" },
    { SQLITE_NOMEM, WEIR_E_MEMORY, 0, "53200" },
    { SQLITE_IOERR_NOMEM, WEIR_E_MEMORY, 0, "53200" },

    { SQLITE_IOERR, WEIR_E_LOST, WEIR_CONNECTION_DEAD, "58030" },
    { SQLITE_CORRUPT, WEIR_E_CORRUPT, WEIR_CONNECTION_DEAD, "XX001" },
    { SQLITE_FORMAT, WEIR_E_CORRUPT, WEIR_CONNECTION_DEAD, "XX001" },
    { SQLITE_NOTADB, WEIR_E_CORRUPT, WEIR_CONNECTION_DEAD, "XX001" },
    { SQLITE_MISUSE, WEIR_E_SERVER, WEIR_CONNECTION_DEAD, "" },
};

static const struct meaning unknown = { SQLITE_OK, WEIR_E_SERVER, 0, "" };

static const struct meaning *find(int code)
{
    for (size_t i = 0; i < sizeof meanings / sizeof *meanings; i++)
        if (meanings[i].code == code)
            return &meanings[i];
    return code == PRIMARY(code) ? &unknown : find(PRIMARY(code));
}

/* Writes what the core or a deadline stopped: SQLite says "interrupted", or "locked" if it was waiting; 0: neither did. */
static int fail_stopped(struct lite_conn *c, int code, weir_error *err)
{
    const int stop = atomic_load(&c->stop);
    if (PRIMARY(code) != SQLITE_INTERRUPT && PRIMARY(code) != SQLITE_BUSY)
        return 0;
    if (stop != LITE_GO_ON)
        return c->host->fail(err, WEIR_E_CANCELLED, "sqlite: the statement was cancelled");
    if (c->timed_out)
        return c->host->fail(err, WEIR_E_TIMEOUT, "sqlite: the statement was stopped at its deadline");
    return 0;
}

int lite_fail(struct lite_conn *c, weir_error *err)
{
    const int code = sqlite3_extended_errcode(c->db);
    const struct meaning *m = find(code);
    int status = fail_stopped(c, code, err);
    if (status == 0)
        status = c->host->fail(err, m->status, "sqlite: %s", sqlite3_errmsg(c->db));
    if (status == WEIR_E_TIMEOUT || status == WEIR_E_CANCELLED)
        m = find(SQLITE_INTERRUPT);
    if (m->flags & WEIR_CONNECTION_DEAD)
        c->dead = 1;
    err->native = code;
    err->flags = m->flags | (atomic_load(&c->stop) == LITE_CUT ? WEIR_CONNECTION_DEAD : 0);
    if (c->in_transaction && sqlite3_get_autocommit(c->db))
        err->flags |= WEIR_ROLLED_BACK;
    memcpy(err->sqlstate, m->sqlstate, strlen(m->sqlstate) + 1);
    return status;
}
