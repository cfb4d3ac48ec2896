/*
 * Writing a weir_error, and the names of statuses.  Nothing here allocates.
 * SPDX-License-Identifier: MIT
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <base/error.h>
#include <base/text.h>

/* Longer than an error's text by more than one character, so that text_add sees the character it must not cut in two. */
#define WIDE (sizeof((weir_error *)0)->text + 8)

/* One line, whatever a server put into it. */
static void flatten(char *s)
{
    for (; *s; s++)
        if ((unsigned char)*s < ' ' || *s == 0x7f)
            *s = ' ';
}

static void set_text(weir_error *err, const char *lead, const char *glue, const char *rest)
{
    struct text t = text_in(err->text, sizeof err->text);
    text_add(&t, "%s%s%s", lead, glue, rest);
    flatten(err->text);
}

/* Formatted aside: the arguments may point into *err. */
static void format_aside(char out[WIDE], const char *format, va_list args)
{
    if (vsnprintf(out, WIDE, format, args) < 0)
        out[0] = '\0';
}

int fail(weir_error *err, int status, const char *format, ...)
{
    if (!err)
        return status;
    char wide[WIDE];
    va_list args;
    va_start(args, format);
    format_aside(wide, format, args);
    va_end(args);
    memset(err, 0, sizeof *err);
    err->status = status;
    set_text(err, wide, "", "");
    return status;
}

int fail_as(weir_error *err, const weir_error *cause)
{
    if (!cause)
        return WEIR_OK;
    if (err)
        *err = *cause;
    return cause->status;
}

int fail_in(weir_error *err, const weir_error *cause, const char *format, ...)
{
    if (!err || !cause)
        return fail_as(err, cause);
    char wide[WIDE];
    va_list args;
    va_start(args, format);
    format_aside(wide, format, args);
    va_end(args);
    weir_error whole = *cause; /* err and cause may be one */
    set_text(&whole, wide, ": ", cause->text);
    return fail_as(err, &whole);
}

static const struct status_name {
    int status;
    const char *name;
} status_names[] = {
    { WEIR_OK, "ok" },
    { WEIR_ROW, "row" },
    { WEIR_LENT, "lent" },
    { WEIR_E_ARGUMENT, "argument" },
    { WEIR_E_OPTION, "option" },
    { WEIR_E_STALE, "stale" },
    { WEIR_E_BUSY, "busy" },
    { WEIR_E_UNSUPPORTED, "unsupported" },
    { WEIR_E_CONVERT, "convert" },
    { WEIR_E_MEMORY, "memory" },
    { WEIR_E_ABI, "abi" },
    { WEIR_E_DEADLOCK_SELF, "deadlock_self" },
    { WEIR_E_EXHAUSTED, "exhausted" },
    { WEIR_E_UNAVAILABLE, "unavailable" },
    { WEIR_E_CLOSED, "closed" },
    { WEIR_E_SHED, "shed" },
    { WEIR_E_CONNECT, "connect" },
    { WEIR_E_AUTH, "auth" },
    { WEIR_E_TLS, "tls" },
    { WEIR_E_TOO_MANY, "too_many" },
    { WEIR_E_LOST, "lost" },
    { WEIR_E_IN_DOUBT, "in_doubt" },
    { WEIR_E_TIMEOUT, "timeout" },
    { WEIR_E_CANCELLED, "cancelled" },
    { WEIR_E_DEADLOCK, "deadlock" },
    { WEIR_E_SERIALIZATION, "serialization" },
    { WEIR_E_LOCKED, "locked" },
    { WEIR_E_READ_ONLY, "read_only" },
    { WEIR_E_UNIQUE, "unique" },
    { WEIR_E_FOREIGN_KEY, "foreign_key" },
    { WEIR_E_NOT_NULL, "not_null" },
    { WEIR_E_CHECK, "check" },
    { WEIR_E_DATA, "data" },
    { WEIR_E_STATEMENT, "statement" },
    { WEIR_E_PERMISSION, "permission" },
    { WEIR_E_RESOURCE, "resource" },
    { WEIR_E_CORRUPT, "corrupt" },
    { WEIR_E_SERVER, "server" },
};

const char *weir_status_name(int status)
{
    for (size_t i = 0; i < sizeof status_names / sizeof *status_names; i++)
        if (status_names[i].status == status)
            return status_names[i].name;
    return "unknown";
}
