/*
 * Placeholders: `?` is what every driver takes, $1 is what the server takes.
 *
 * What must be true of the text that is written:
 *  1. Strings, quoted names and comments are as they were.
 *  2. A placeholder runs into nothing: "LIMIT?" and "?1" must not become the words "LIMIT$1" and "$11".
 * SPDX-License-Identifier: MIT
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "lex.h"

struct copy {
    char *out; /* NULL: only counts */
    size_t length;
    char last;
};

static void put(struct copy *c, const char *bytes, size_t n)
{
    if (c->out)
        memcpy(c->out + c->length, bytes, n);
    c->length += n;
    if (n)
        c->last = bytes[n - 1];
}

static int joins(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '$' ||
           (unsigned char)c >= 0x80;
}

static void put_param(struct copy *c, size_t number, char next)
{
    char text[24];
    const int n = snprintf(text, sizeof text, "%s$%zu%s", joins(c->last) ? " " : "", number, joins(next) ? " " : "");
    put(c, text, (size_t)n);
}

static size_t largest_native(const char *sql, int escapes)
{
    struct pg_lexer l = { sql, escapes };
    size_t largest = 0;
    for (struct pg_token t = pg_lex(&l); t.kind != PG_END; t = pg_lex(&l)) {
        const size_t n = t.kind == PG_PARAM ? strtoul(t.at + 1, NULL, 10) : 0;
        largest = n > largest ? n : largest;
    }
    return largest;
}

size_t pg_translate(char *out, const char *sql, int escapes, size_t *params)
{
    struct copy c = { .out = out };
    struct pg_lexer l = { sql, escapes };
    const char *copied = sql;
    *params = largest_native(sql, escapes);
    const int native = *params > 0;
    for (struct pg_token t = pg_lex(&l); t.kind != PG_END; t = pg_lex(&l)) {
        if (t.kind != PG_QUESTION || native)
            continue;
        put(&c, copied, (size_t)(t.at - copied));
        const int literal = *l.at == '?';
        if (literal)
            put(&c, "?", 1);
        else
            put_param(&c, ++*params, *l.at);
        l.at += literal;
        copied = l.at;
    }
    put(&c, copied, strlen(copied));
    if (out)
        out[c.length] = '\0';
    return c.length;
}
