/*
 * The registry of drivers.
 * SPDX-License-Identifier: MIT
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <base/error.h>
#include <base/text.h>
#include <driver/registry.h>

#define REGISTERED_MAX 32

/* Filled from the front, never emptied: readers need no lock. */
static _Atomic(const weir_backend *) registered[REGISTERED_MAX];

static bool serves(const weir_backend *b, const char *scheme)
{
    for (const char *const *s = b->schemes; *s; s++)
        if (strcmp(*s, scheme) == 0)
            return true;
    return false;
}

static bool is_called(const weir_backend *b, const char *name)
{
    return strcmp(b->name, name) == 0;
}

static const weir_backend *find(bool (*fits)(const weir_backend *b, const char *word), const char *word)
{
    for (const weir_backend *const *b = driver_builtin; *b; b++)
        if (fits(*b, word))
            return *b;
    for (int i = 0; i < REGISTERED_MAX; i++) {
        const weir_backend *b = atomic_load(&registered[i]);
        if (!b)
            break;
        if (fits(b, word))
            return b;
    }
    return NULL;
}

/* Bits and pointers must agree, and what every driver has must be there: a mistake is found here, not under load. */
static const char *flaw(const weir_backend *b)
{
    const struct {
        bool missing;
        const char *what;
    } checks[] = {
        { !b->name || !b->schemes || !b->schemes[0], "it has no name or no scheme" },
        { !b->open || !b->close || !b->abandon || !b->alive || !b->dirty || !b->reset, "a mandatory hook is missing" },
        { !(b->caps & WEIR_CAP_TURN) != !b->turn, "WEIR_CAP_TURN and turn disagree" },
        { !(b->caps & WEIR_CAP_PING) != !b->ping, "WEIR_CAP_PING and ping disagree" },
        { !(b->caps & WEIR_CAP_CANCEL) != (!b->cancel || !b->cancel_prepare),
          "WEIR_CAP_CANCEL and its hooks disagree" },
        { b->sql && (!b->sql->prepare || !b->sql->forget || !b->sql->run || !b->sql->next || !b->sql->abandon ||
                     !b->sql->columns || !b->sql->name || !b->sql->affected || !b->sql->last_id || !b->sql->begin ||
                     !b->sql->commit || !b->sql->rollback),
          "a hook of its sql wing is missing" },
        { b->sql && (!b->sql->begin_traced != !b->sql->settle || !b->sql->make_markers != !b->sql->sweep_markers),
          "of two members of its sql wing that belong together one is missing" },
        { b->bulk && !b->bulk->write, "a hook of its bulk wing is missing" },
    };
    for (size_t i = 0; i < sizeof checks / sizeof checks[0]; i++)
        if (checks[i].missing)
            return checks[i].what;
    return NULL;
}

static int check(const weir_backend *b, weir_error *err)
{
    if (!b)
        return fail(err, WEIR_E_ARGUMENT, "no driver was given");
    const char *name = b->name ? b->name : "?";
    if (b->abi != WEIR_BACKEND_ABI)
        return fail(err, WEIR_E_ABI, "driver '%s' is made for backend ABI %u, this library has %u", name,
                    (unsigned)b->abi, WEIR_BACKEND_ABI);
    if (b->size < sizeof(weir_backend) || (b->sql && b->sql->size < sizeof(weir_sql_wing)) ||
        (b->bulk && b->bulk->size < sizeof(weir_bulk_wing)))
        return fail(err, WEIR_E_ABI, "driver '%s' is made for an older <weir/backend.h>", name);
    const char *what = flaw(b);
    return what ? fail(err, WEIR_E_ABI, "driver '%s': %s", name, what) : WEIR_OK;
}

static int add_locked(const weir_backend *backend, weir_error *err)
{
    for (const char *const *s = backend->schemes; *s; s++)
        if (find(serves, *s))
            return fail(err, WEIR_E_ARGUMENT, "driver '%s': the scheme '%s' is taken by driver '%s'", backend->name, *s,
                        find(serves, *s)->name);
    if (find(is_called, backend->name))
        return fail(err, WEIR_E_ARGUMENT, "driver '%s': the name is taken", backend->name);
    for (int i = 0; i < REGISTERED_MAX; i++) {
        if (atomic_load(&registered[i]))
            continue;
        atomic_store(&registered[i], backend);
        return WEIR_OK;
    }
    return fail(err, WEIR_E_ARGUMENT, "driver '%s': %d drivers are registered, there is no place for more",
                backend->name, REGISTERED_MAX);
}

/* One at a time, or two might take one scheme. */
int weir_backend_register(const weir_backend *backend, weir_error *err)
{
    static pthread_mutex_t registering = PTHREAD_MUTEX_INITIALIZER;
    int status = check(backend, err);
    if (status < 0)
        return status;
    pthread_mutex_lock(&registering);
    status = add_locked(backend, err);
    pthread_mutex_unlock(&registering);
    return status;
}

/* A scheme is letters, digits, '+', '-' and '.': it cannot lead out of the folder. */
static int load_module(const char *scheme, weir_error *err)
{
#ifdef PKGLIBDIR
    char path[512];
    if (snprintf(path, sizeof path, "%s/%s.so", PKGLIBDIR, scheme) < (int)sizeof path && access(path, R_OK) == 0)
        return weir_backend_load(path, err);
#endif
    (void)scheme, (void)err;
    return WEIR_OK; /* there is none */
}

#define NAMES_MAX 64

/* Fills `names` with the schemes of all drivers; NULL at the end. */
static void list_schemes(const char *names[NAMES_MAX])
{
    size_t n = 0;
    for (const weir_backend *const *b = driver_builtin; *b; b++)
        for (const char *const *s = (*b)->schemes; *s && n < NAMES_MAX - 1; s++)
            names[n++] = *s;
    for (int i = 0; i < REGISTERED_MAX && registered[i]; i++)
        for (const char *const *s = registered[i]->schemes; *s && n < NAMES_MAX - 1; s++)
            names[n++] = *s;
    names[n] = NULL;
}

static int unknown(const char *scheme, weir_error *err)
{
    const char *names[NAMES_MAX];
    char buffer[256];
    struct text t = text_in(buffer, sizeof buffer);
    list_schemes(names);
    const char *near = nearest_name(scheme, names);
    if (near)
        return fail(err, WEIR_E_OPTION, "unknown scheme '%s', did you mean '%s'?", scheme, near);
    for (size_t i = 0; names[i]; i++)
        text_add(&t, "%s%s", i ? ", " : "", names[i]);
    return fail(err, WEIR_E_OPTION, "unknown scheme '%s'; this build has: %s", scheme, buffer);
}

const weir_backend *driver_find(const char *scheme, weir_error *err)
{
    int loaded = WEIR_OK;
    const weir_backend *b = find(serves, scheme);
    if (!b) {
        loaded = load_module(scheme, err);
        b = find(serves, scheme); /* somebody else may have loaded it meanwhile */
    }
    if (!b) {
        if (loaded >= 0)
            unknown(scheme, err);
        return NULL;
    }
    return check(b, err) < 0 ? NULL : b;
}
