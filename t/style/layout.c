/*
 * The layout that binaries are promised, checked by compiling this file: a sized struct begins with its size, and ends with its last
 * member, so that an older program's copy is a prefix of ours on every machine.  32-bit ARM aligns 64-bit members to 8 with 4-byte
 * pointers, and so pads where x86-64 does not.
 * SPDX-License-Identifier: MIT
 */
#include <weir.h>
#include <weir/backend.h>
#include <weir/observe.h>

#define ENDS_WITH(type, last) \
    _Static_assert(sizeof(type) == offsetof(type, last) + sizeof(((type *)0)->last), #type " has tail padding")
#define SIZED(type, last)                                                         \
    _Static_assert(offsetof(type, size) == 0, #type " does not begin with size"); \
    ENDS_WITH(type, last)

SIZED(weir_hooks, arg);
SIZED(weir_want, who);
SIZED(weir_transact_options, after);
SIZED(weir_figures, create_p99_us);
SIZED(weir_event, err);
SIZED(weir_health, last);
SIZED(weir_host, decimal_compare);
SIZED(weir_target, read_only);
SIZED(weir_sql_wing, sweep_markers);
SIZED(weir_bulk_wing, write_all);
SIZED(weir_bulk_spec, batch_rows);

/* A driver's ABI number must be readable whatever else changes: it comes first, and the size right behind it. */
_Static_assert(offsetof(weir_backend, abi) == 0, "weir_backend does not begin with abi");
_Static_assert(offsetof(weir_backend, size) == 2 * sizeof(uint32_t),
               "weir_backend: size is not where every ABI has it");
ENDS_WITH(weir_backend, keep);

/* Structs without a size never change. */
_Static_assert(sizeof(weir_error) == 768, "weir_error is 768 bytes");
_Static_assert(sizeof(weir_value) == 24, "weir_value is 24 bytes");
_Static_assert(sizeof(weir_token) == 256, "weir_token is 256 bytes");
_Static_assert(sizeof(weir_outcome) == 8 + sizeof(weir_token), "weir_outcome is its members");
_Static_assert(sizeof(weir_deadline) == 8, "weir_deadline is 8 bytes");
ENDS_WITH(weir_error, reserved);
ENDS_WITH(weir_value, length);
ENDS_WITH(weir_option, line);
ENDS_WITH(weir_args, n);
ENDS_WITH(weir_bulk_job, kind);
ENDS_WITH(weir_conn, loan);
ENDS_WITH(weir_rows, result);
