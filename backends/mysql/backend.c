/*
 * The MySQL and MariaDB driver as the core sees it: its options and its hooks.
 * SPDX-License-Identifier: MIT
 */
#include "mys.h"

static const char *const schemes[] = { "mysql", "mariadb", NULL };

static const weir_option options[] = {
    { "tls", "choice", "off", "off|on|verify",
      "off: no TLS; on: a connection without it is refused, and the server's certificate is checked only if tls_ca "
      "names its authority; verify: that, and the name in it must be the host's" },
    { "tls_ca", "text", "", "",
      "a file with the certificates of the authorities that the server's may come from; with verify, empty: those that "
      "the system trusts" },
    { "tls_cert", "text", "", "", "a file with the client's own certificate" },
    { "tls_key", "text", "", "", "a file with its key" },
    { "socket", "text", "", "", "the server's socket file, to be used in place of host and port" },
    { "init", "text", "", "", "a statement that every session begins with, also after it was reset" },
    { "plugin_dir", "text", "", "",
      "where the client library finds its authentication plugins; empty: where it was built to look" },
    { "cancel_grace", "duration", "1s", "1ms..1m",
      "how long a statement whose deadline has passed has to end on the server, before its connection is given up" },
    { "tcp_keepalive", "duration", "30s", "1s..1h",
      "how long a connection is silent before the system asks whether the server is there; one that has not answered "
      "for twice as long is lost" },
    { NULL, NULL, NULL, NULL, NULL },
};

static const weir_sql_wing sql_wing = {
    .size = sizeof sql_wing,
    .prepare = mys_prepare,
    .forget = mys_forget,
    .run = mys_run,
    .next = mys_next,
    .next_set = mys_next_set,
    .abandon = mys_abandon,
    .columns = mys_columns,
    .name = mys_name,
    .cell = mys_cell,
    .affected = mys_affected,
    .last_id = mys_last_id,
    .begin = mys_begin,
    .commit = mys_commit,
    .rollback = mys_rollback,
    .run_many = mys_run_many,
    .in_transaction = mys_has_transaction,
    .make_markers =
        "CREATE TABLE IF NOT EXISTS weir_markers (id CHAR(32) CHARACTER SET ascii COLLATE ascii_bin PRIMARY KEY, "
        "fate INTEGER NOT NULL, made TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP, INDEX (made)) ENGINE=InnoDB",
    .sweep_markers = "DELETE FROM weir_markers WHERE made < CURRENT_TIMESTAMP - INTERVAL 1 DAY",
};

/* Rows as the core cuts them by itself: with more, a server is hardly faster, and locks are held for longer. */
static const weir_bulk_wing bulk_wing = { .size = sizeof bulk_wing, .write = mys_bulk_write };

const weir_backend weir_mysql_backend = {
    .abi = WEIR_BACKEND_ABI,
    .caps = WEIR_CAP_TURN | WEIR_CAP_PING | WEIR_CAP_CANCEL,
    .size = sizeof weir_mysql_backend,
    .name = "mysql",
    .schemes = schemes,
    .options = options,
    .conn_size = sizeof(struct mys_conn),
    .open = mys_open,
    .close = mys_close,
    .abandon = mys_leave_to_parent,
    .alive = mys_alive,
    .dirty = mys_dirty,
    .reset = mys_reset,
    .turn = mys_turn,
    .ping = mys_ping,
    .cancel_prepare = mys_cancel_prepare,
    .cancel = mys_cancel,
    .interrupt = mys_interrupt,
    .native = mys_native,
    .sql = &sql_wing,
    .bulk = &bulk_wing,
};

#ifdef WEIR_MODULE
/* The one symbol of the loadable form; its name is WEIR_BACKEND_ENTRY. */
WEIR_API const weir_backend *weir_backend_entry(uint32_t host_abi);

const weir_backend *weir_backend_entry(uint32_t host_abi)
{
    return host_abi == WEIR_BACKEND_ABI ? &weir_mysql_backend : NULL;
}
#endif
