/*
 * The PostgreSQL driver as the core sees it: its options and its hooks.
 * SPDX-License-Identifier: MIT
 */
#include "pg.h"

static const char *const schemes[] = { "postgres", "postgresql", NULL };

static const weir_option options[] = {
    { "tls", "choice", "off", "off|on|verify",
      "off: no TLS; on: a connection without it is refused, and the server's certificate is checked only if tls_ca "
      "names its "
      "authority; verify: that, and the name in it must be the host's" },
    { "tls_ca", "text", "", "", "a file with the certificates of the authorities that the server's may come from" },
    { "tls_cert", "text", "", "", "a file with the client's own certificate" },
    { "tls_key", "text", "", "", "a file with its key" },
    { "pooler", "choice", "none", "none|transaction",
      "transaction: the server is reached through a pooler that gives each transaction another session: no statement "
      "is "
      "prepared by name, nothing is set, and a statement that would leave something in the session is refused" },
    { "application_name", "text", "weir", "", "what pg_stat_activity and the server's log show" },
    { "init", "text", "", "", "a statement that every session begins with, also after it was reset" },
    { "cancel_grace", "duration", "1s", "1ms..1m",
      "how long a statement whose deadline has passed has to end on the server, before its connection is given up" },
    { "tcp_keepalive", "duration", "30s", "1s..1h",
      "how long a connection is silent before the system asks whether the server is there; one that has not answered "
      "for "
      "twice as long is lost" },
    { NULL, NULL, NULL, NULL, NULL },
};

static const weir_sql_wing sql_wing = {
    .size = sizeof sql_wing,
    .prepare = pg_prepare,
    .forget = pg_forget,
    .run = pg_run,
    .next = pg_next,
    .abandon = pg_abandon,
    .columns = pg_columns,
    .name = pg_column_name,
    .cell = pg_cell,
    .affected = pg_affected,
    .last_id = pg_last_id,
    .begin = pg_begin,
    .commit = pg_commit,
    .rollback = pg_rollback,
    .in_transaction = pg_in_transaction,
    .begin_traced = pg_begin_traced,
    .settle = pg_settle_trace,
    .make_markers = "CREATE TABLE IF NOT EXISTS weir_markers (id TEXT PRIMARY KEY, fate INTEGER NOT NULL, "
                    "made TIMESTAMPTZ NOT NULL DEFAULT CURRENT_TIMESTAMP)",
    .sweep_markers = "DELETE FROM weir_markers WHERE made < CURRENT_TIMESTAMP - INTERVAL '1 day'",
    .run_many = pg_run_many,
};

/* A batch costs its transaction's round trips and a flush of the log, which that many rows make up for. */
static const weir_bulk_wing bulk_wing = {
    .size = sizeof bulk_wing,
    .batch_rows = 10000,
    .batch_bytes = (size_t)4 << 20,
    .write = pg_bulk_write,
    .write_all = pg_bulk_write_all,
};

const weir_backend weir_postgres_backend = {
    .abi = WEIR_BACKEND_ABI,
    .caps = WEIR_CAP_TURN | WEIR_CAP_PING | WEIR_CAP_CANCEL,
    .size = sizeof weir_postgres_backend,
    .name = "postgres",
    .schemes = schemes,
    .options = options,
    .conn_size = sizeof(struct pg_conn),
    .open = pg_open,
    .close = pg_close,
    .abandon = pg_abandon_connection,
    .alive = pg_alive,
    .dirty = pg_dirty,
    .reset = pg_reset,
    .turn = pg_turn,
    .ping = pg_ping,
    .cancel_prepare = pg_cancel_prepare,
    .cancel = pg_cancel,
    .interrupt = pg_interrupt,
    .native = pg_native,
    .sql = &sql_wing,
    .bulk = &bulk_wing,
};

#ifdef WEIR_MODULE
/* The one symbol of the loadable form; its name is WEIR_BACKEND_ENTRY. */
WEIR_API const weir_backend *weir_backend_entry(uint32_t host_abi);

const weir_backend *weir_backend_entry(uint32_t host_abi)
{
    return host_abi == WEIR_BACKEND_ABI ? &weir_postgres_backend : NULL;
}
#endif
