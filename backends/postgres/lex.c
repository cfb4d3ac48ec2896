/*
 * The lexer.  It follows the server's own (scan.l) as far as to know where strings, names and comments end.
 * SPDX-License-Identifier: MIT
 */
#include <string.h>
#include "lex.h"

static int is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static int is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static int begins_name(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (unsigned char)c >= 0x80;
}

static int continues_name(char c)
{
    return begins_name(c) || is_digit(c) || c == '$';
}

static const char *skip_line(const char *s)
{
    return s + strcspn(s, "\r\n");
}

/* Comments nest; one that is not closed goes on to the end. */
static const char *skip_block(const char *s)
{
    size_t depth = 0;
    do {
        if (s[0] == '/' && s[1] == '*') {
            depth++;
            s += 2;
        } else if (s[0] == '*' && s[1] == '/') {
            depth--;
            s += 2;
        } else {
            s++;
        }
    } while (depth && *s);
    return s;
}

static const char *skip_blank(const char *s)
{
    for (;;) {
        if (is_space(*s))
            s++;
        else if (s[0] == '-' && s[1] == '-')
            s = skip_line(s);
        else if (s[0] == '/' && s[1] == '*')
            s = skip_block(s);
        else
            return s;
    }
}

/* From a quote to behind the one that closes it.  A doubled one is none, and needs no care: the next string begins where this ends. */
static const char *skip_quoted(const char *s, char quote, int escapes)
{
    for (s++; *s && *s != quote; s++)
        if (*s == '\\' && escapes && s[1])
            s++;
    return s + (*s == quote);
}

/* Two strings with a line end between them are one, and what the first one's E said holds for the second. */
static const char *next_part(const char *s)
{
    int lines = 0;
    for (;;) {
        if (*s == '\n' || *s == '\r')
            lines++;
        if (is_space(*s))
            s++;
        else if (s[0] == '-' && s[1] == '-')
            s = skip_line(s);
        else
            return lines && *s == '\'' ? s : NULL;
    }
}

static const char *skip_escape_string(const char *s)
{
    const char *end = NULL;
    while (s) {
        end = skip_quoted(s, '\'', 1);
        s = *end == '\'' ? end : next_part(end);
    }
    return end;
}

/* "$$" or "$tag$": its length; 0: neither. */
static size_t dollar_tag(const char *s)
{
    size_t n = 1;
    if (begins_name(s[1]))
        while (continues_name(s[n]) && s[n] != '$')
            n++;
    return s[n] == '$' ? n + 1 : 0;
}

static const char *skip_dollar_string(const char *s, size_t tag)
{
    const char *body = s + tag;
    for (const char *end = strchr(body, '$'); end; end = strchr(end + 1, '$'))
        if (strncmp(end, s, tag) == 0)
            return end + tag;
    return body + strlen(body);
}

static struct pg_token token(enum pg_kind kind, const char *at, const char *end)
{
    return (struct pg_token){ kind, at, (size_t)(end - at) };
}

static struct pg_token lex_word(const char *s)
{
    const char *end = s + 1;
    while (continues_name(*end))
        end++;
    if (end == s + 1 && (*s == 'e' || *s == 'E') && *end == '\'')
        return token(PG_STRING, s, skip_escape_string(end));
    return token(PG_WORD, s, end);
}

static struct pg_token lex_dollar(const char *s)
{
    const size_t tag = dollar_tag(s);
    if (tag)
        return token(PG_STRING, s, skip_dollar_string(s, tag));
    const size_t digits = strspn(s + 1, "0123456789");
    return digits ? token(PG_PARAM, s, s + 1 + digits) : token(PG_OTHER, s, s + 1);
}

static struct pg_token lex_at(const char *s, int escapes)
{
    if (!*s)
        return token(PG_END, s, s);
    if (begins_name(*s))
        return lex_word(s);
    switch (*s) {
    case '\'':
        return token(PG_STRING, s, escapes ? skip_escape_string(s) : skip_quoted(s, '\'', 0));
    case '"':
        return token(PG_NAME, s, skip_quoted(s, '"', 0));
    case '$':
        return lex_dollar(s);
    case '?':
        return token(PG_QUESTION, s, s + 1);
    default:
        return token(PG_OTHER, s, s + 1);
    }
}

struct pg_token pg_lex(struct pg_lexer *l)
{
    const struct pg_token t = lex_at(skip_blank(l->at), l->escapes);
    l->at = t.at + t.length;
    return t;
}
