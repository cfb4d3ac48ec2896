/*
 * A pool's health, figures and name, for users.
 * SPDX-License-Identifier: MIT
 */
#include <string.h>
#include <base/error.h>
#include <weir/observe.h>
#include <pool/pool.h>

int weir_pool_figures(weir_figures *out, const weir_pool *pool)
{
    weir_figures all;
    if (!out || !pool || out->size < sizeof out->size)
        return WEIR_E_ARGUMENT;
    size_t size = out->size < sizeof all ? out->size : sizeof all;
    pool_figures((weir_pool *)pool, &all); /* takes its lock; what the caller sees is const */
    all.size = out->size;
    memcpy(out, &all, size);
    return WEIR_OK;
}

int weir_pool_health(weir_health *out, const weir_pool *pool)
{
    weir_health all;
    if (!out || !pool || out->size < sizeof out->size)
        return WEIR_E_ARGUMENT;
    size_t size = out->size < sizeof all ? out->size : sizeof all;
    pool_health((weir_pool *)pool, &all); /* as above */
    all.size = out->size;
    memcpy(out, &all, size);
    return WEIR_OK;
}

const char *weir_health_state_name(uint32_t state)
{
    static const char *const names[] = { "up", "suspect", "down", "probing", "draining" };
    return state < sizeof names / sizeof *names ? names[state] : "unknown";
}

const char *weir_pool_name(const weir_pool *pool)
{
    return pool ? pool_name(pool) : "";
}
