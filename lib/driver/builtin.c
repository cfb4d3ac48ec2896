/*
 * The drivers that are linked in: a table, so that nothing runs before main and a static link takes just these.
 * SPDX-License-Identifier: MIT
 */
#ifdef HAVE_CONFIG_H
#    include "config.h"
#endif
#include <driver/registry.h>

extern const weir_backend weir_null_backend;
#ifdef WITH_MYSQL_BUILTIN
extern const weir_backend weir_mysql_backend;
#endif
#ifdef WITH_POSTGRES_BUILTIN
extern const weir_backend weir_postgres_backend;
#endif
#ifdef WITH_SQLITE_BUILTIN
extern const weir_backend weir_sqlite_backend;
#endif

const weir_backend *const driver_builtin[] = {
#ifdef WITH_MYSQL_BUILTIN
    &weir_mysql_backend,
#endif
#ifdef WITH_POSTGRES_BUILTIN
    &weir_postgres_backend,
#endif
#ifdef WITH_SQLITE_BUILTIN
    &weir_sqlite_backend,
#endif
    &weir_null_backend, /* always there */
    NULL,
};
