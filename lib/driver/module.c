/*
 * Drivers from files.  A module is loaded by its absolute path, never through a search path, and never closed: its code may be running.
 * SPDX-License-Identifier: MIT
 */
#include <dlfcn.h>
#include <string.h>
#include <base/error.h>
#include <driver/registry.h>

static int load(void *module, const char *path, weir_error *err)
{
    weir_backend_entry_fn entry;
    void *symbol = dlsym(module, WEIR_BACKEND_ENTRY);
    if (!symbol)
        return fail(err, WEIR_E_ABI, "'%s' is no weir driver: it does not export %s", path, WEIR_BACKEND_ENTRY);
    memcpy(&entry, &symbol, sizeof entry); /* ISO C has no cast from an object to a function */
    const weir_backend *backend = entry(WEIR_BACKEND_ABI);
    if (!backend)
        return fail(err, WEIR_E_ABI, "'%s' does not support backend ABI %u", path, WEIR_BACKEND_ABI);
    return weir_backend_register(backend, err);
}

int weir_backend_load(const char *path, weir_error *err)
{
    if (!path || path[0] != '/')
        return fail(err, WEIR_E_ARGUMENT, "'%s' is no absolute path", path ? path : "");
    void *module = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!module) {
        const char *why = dlerror();
        return fail(err, WEIR_E_ARGUMENT, "cannot load a driver: %s", why ? why : path);
    }
    int status = load(module, path, err);
    if (status < 0)
        dlclose(module);
    return status;
}
