/*
 * SQL statements for people: nothing that may be data, let alone a secret, is shown.
 *
 * What is taken for a literal: '…' and "…" (an identifier to some databases, a text to others), with doubled quotes; $tag$…$tag$; and
 * numbers.  Databases do not agree about where some things end: a backslash before a quote, an apostrophe in a comment, in brackets or
 * between dollars.  Where a quote might open or close a literal for one of them and not for another, the rest is hidden.
 * SPDX-License-Identifier: MIT
 */
#include <stdbool.h>
#include <string.h>
#include <base/text.h>

#define DIGITS "0123456789"
#define WORD "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_" DIGITS
#define SPACE " \t\r\n\f\v"
#define QUOTES "'\"`$"

static const char *end_of(const char *s)
{
    return s + strlen(s);
}

static bool has_quotes(const char *s, const char *end)
{
    return s + strcspn(s, QUOTES) < end;
}

/* Behind the quote that ends what begins with one, or the end of all. */
static const char *behind_quoted(const char *s)
{
    char quote = *s++;
    bool escaped = false;
    for (; *s; s++) {
        if (*s == quote && escaped)
            return end_of(s);
        if (*s == quote && s[1] != quote)
            return s + 1;
        s += *s == quote;
        escaped = *s == '\\' && !escaped;
    }
    return s;
}

/* NULL: it is not $tag$. */
static const char *behind_dollars(const char *s)
{
    size_t tag = 1 + strspn(s + 1, WORD) + 1;
    if (s[tag - 1] != '$' || strchr(DIGITS, s[1]))
        return NULL;
    const char *end = s + tag;
    while ((end = strchr(end, '$')) != NULL && strncmp(end, s, tag) != 0)
        end++;
    return end && !has_quotes(s + tag, end) ? end + tag : end_of(s);
}

static bool is_comment(const char *s)
{
    return (s[0] == '-' && s[1] == '-') || (s[0] == '/' && s[1] == '*') || *s == '#';
}

/* Some nest them, some run what is in them, and to some they are none. */
static const char *behind_comment(const char *s)
{
    bool block = *s == '/';
    const char *end = block ? strstr(s + 2, "*/") : s + strcspn(s, "\n");
    if (!end)
        return end_of(s);
    end += block ? 2 : 0;
    const char *inner = strstr(s + 2, "/*");
    return has_quotes(s, end) || (block && inner && inner < end) ? end_of(s) : end;
}

/* White space and comments, several or none. */
static const char *behind_gap(const char *s)
{
    for (;;) {
        s += strspn(s, SPACE);
        if (!is_comment(s))
            return s;
        s = behind_comment(s);
    }
}

/* Identifiers to some, [an array] or operators to others: not what holds quotes, or has no end. */
static bool is_odd_identifier(const char *s)
{
    char end = (char)(*s == '[' ? ']' : *s);
    size_t length = strcspn(s + 1, *s == '[' ? "]" : "`");
    return (*s == '[' || *s == '`') && (s[1 + length] != end || has_quotes(s + 1, s + 1 + length));
}

/* NULL: no literal begins here.  Words are met whole, so a digit is the first of a number. */
static const char *behind_literal(const char *s)
{
    if (*s == '\'' || *s == '"')
        return behind_quoted(s);
    if (*s == '$')
        return behind_dollars(s);
    if (is_odd_identifier(s))
        return end_of(s);
    return *s >= '0' && *s <= '9' ? s + strspn(s, WORD ".") : NULL;
}

/* A word, an identifier in back quotes, or one character. */
static size_t plain_length(const char *s)
{
    if (*s == '`')
        return strcspn(s + 1, "`") + 2;
    size_t word = strspn(s, WORD);
    return word ? word : 1;
}

void text_add_statement(struct text *t, const char *sql)
{
    const char *s = behind_gap(sql);
    while (*s) {
        const char *behind = behind_literal(s);
        size_t plain = behind ? 0 : plain_length(s);
        text_add(t, "%.*s", behind ? 1 : (int)plain, behind ? "?" : s);
        s = behind ? behind : s + plain;
        const char *next = behind_gap(s);
        if (next != s && *next)
            text_add(t, " ");
        s = next;
    }
}
