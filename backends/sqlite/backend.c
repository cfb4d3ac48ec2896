/*
 * The SQLite driver as the core sees it: its options and its hooks.
 * SPDX-License-Identifier: MIT
 */
#include "lite.h"

static const char *const schemes[] = { "sqlite", "sqlite3", NULL };

static const weir_option options[] = {
    { "journal_mode", "choice", "wal", "wal|delete|truncate|persist|memory|off",
      "how a transaction is made safe; wal lets readers and the writer work at the same time, and needs a local file "
      "system.  A memory database has its own" },
    { "synchronous", "choice", "normal", "off|normal|full|extra",
      "when the disk is waited for: with wal, normal survives every crash of the program, and a power cut at the cost "
      "of the last commits; full keeps those too" },
    { "foreign_keys", "bool", "on", "", "whether foreign keys are enforced" },
    { "busy_timeout", "duration", "5s", "0s..1h",
      "how long a call waits for a lock of another process, if its deadline is not earlier" },
    { "cache_size", "int", "2000", "16..67108864", "the page cache of each connection, in KiB" },
    { "mmap_size", "int", "0", "0..1099511627776",
      "how many bytes of the file are read through a memory map; 0: none, and an I/O error is then an error and not a "
      "signal" },
    { NULL, NULL, NULL, NULL, NULL },
};

/* After fork the handle is the parent's: even closing it could delete a journal that the parent needs. */
static void leave_alone(void *conn)
{
    (void)conn;
}

static const weir_sql_wing sql_wing = {
    .size = sizeof sql_wing,
    .prepare = lite_prepare,
    .forget = lite_forget,
    .run = lite_run,
    .next = lite_next,
    .abandon = lite_abandon,
    .columns = lite_columns,
    .name = lite_name,
    .cell = lite_cell,
    .affected = lite_affected,
    .last_id = lite_last_id,
    .begin = lite_begin,
    .commit = lite_commit,
    .rollback = lite_rollback,
    .in_transaction = lite_in_transaction,
    .make_markers = "CREATE TABLE IF NOT EXISTS weir_markers (id TEXT PRIMARY KEY, fate INTEGER NOT NULL, "
                    "made TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP) WITHOUT ROWID",
    .sweep_markers = "DELETE FROM weir_markers WHERE made < datetime('now', '-1 day')",
};

static const weir_bulk_wing bulk_wing = {
    .size = sizeof bulk_wing,
    .batch_rows = 1000,
    .batch_bytes = (size_t)1 << 20,
    .write = lite_bulk_write,
};

const weir_backend weir_sqlite_backend = {
    .abi = WEIR_BACKEND_ABI,
    .caps = WEIR_CAP_ONE_WRITER | WEIR_CAP_TURN | WEIR_CAP_CANCEL,
    .size = sizeof weir_sqlite_backend,
    .name = "sqlite",
    .schemes = schemes,
    .options = options,
    .conn_size = sizeof(struct lite_conn),
    .open = lite_open,
    .close = lite_close,
    .abandon = leave_alone,
    .alive = lite_alive,
    .dirty = lite_dirty,
    .reset = lite_reset,
    .turn = lite_turn,
    .cancel_prepare = lite_cancel_prepare,
    .cancel = lite_cancel,
    .interrupt = lite_interrupt,
    .native = lite_native,
    .sql = &sql_wing,
    .bulk = &bulk_wing,
    .keep = lite_keep,
};

#ifdef WEIR_MODULE
/* The one symbol of the loadable form; its name is WEIR_BACKEND_ENTRY. */
WEIR_API const weir_backend *weir_backend_entry(uint32_t host_abi);

const weir_backend *weir_backend_entry(uint32_t host_abi)
{
    return host_abi == WEIR_BACKEND_ABI ? &weir_sqlite_backend : NULL;
}
#endif
