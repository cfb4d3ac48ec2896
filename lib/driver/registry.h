/*
 * Which driver serves which URL scheme: the built-in table, what programs registered, and modules found in the configured folder.
 * SPDX-License-Identifier: MIT
 */
#ifndef DRIVER_REGISTRY_H
#define DRIVER_REGISTRY_H

#include <weir/backend.h>

/* The drivers in this build; NULL at the end. */
extern const weir_backend *const driver_builtin[];

/* NULL with *err: no driver; the text says which schemes there are. */
const weir_backend *driver_find(const char *scheme, weir_error *err);

#endif
