/*
 * Opening a db as the environment says.
 * SPDX-License-Identifier: MIT
 */
#include <stdlib.h>
#include <string.h>
#include <base/error.h>
#include <base/text.h>
#include <db/inside.h>

static const char *env(const char *name)
{
    const char *value = getenv(name);
    return value ? value : "";
}

/* Whatever a URL could take for something else is %-encoded. */
static void add_encoded(struct text *t, const char *s)
{
    for (; *s; s++) {
        unsigned char c = (unsigned char)*s;
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || strchr("-._~", c);
        text_add(t, plain ? "%c" : "%%%02X", c);
    }
}

static void add_mysql_url(struct text *t)
{
    text_add(t, "mysql://");
    add_encoded(t, env("MYSQL_USER"));
    text_add(t, ":");
    add_encoded(t, env("MYSQL_PASSWORD"));
    text_add(t, "@");
    add_encoded(t, env("MYSQL_HOST"));
    if (*env("MYSQL_PORT"))
        text_add(t, ":%s", env("MYSQL_PORT"));
    text_add(t, "/");
    add_encoded(t, env("MYSQL_DATABASE"));
}

static int open_mysql(weir_db **out, const struct env_option *options, const weir_hooks *hooks, weir_error *err)
{
    char url[4096];
    struct text t = text_in(url, sizeof url);
    add_mysql_url(&t);
    bool fits = t.length + 1 < t.size;
    int status = fits ? db_open(out, url, options, hooks, err)
                      : fail(err, WEIR_E_OPTION, "the MYSQL_… variables are longer than a URL may be");
    mem_wipe(url, sizeof url);
    return status;
}

int weir_db_open_env(weir_db **out, const weir_hooks *hooks, weir_error *err)
{
    struct env_option options[3] = { { 0 } };
    size_t n = 0;
    if (out)
        *out = NULL;
    if (*env("DB_POOL_SIZE"))
        options[n++] = (struct env_option){ "pool_size", env("DB_POOL_SIZE") };
    if (*env("DATABASE_URL"))
        return db_open(out, env("DATABASE_URL"), options, hooks, err);
    if (*env("MYSQL_PASSWORD_FILE"))
        options[n++] = (struct env_option){ "password_file", env("MYSQL_PASSWORD_FILE") };
    if (*env("MYSQL_HOST"))
        return open_mysql(out, options, hooks, err);
    return fail(err, WEIR_E_OPTION, "neither DATABASE_URL nor MYSQL_HOST is set in the environment");
}
