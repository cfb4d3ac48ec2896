/*
 * Database URLs, taken apart: first into slices of the text, then into a block of decoded copies.
 *
 * What must be true:
 *  1. No error quotes what may be user or password.  Both stand before the last '@' of the authority; and as a '/' or '?' that was
 *     forgotten to be encoded in a password ends the authority too early, a raw '@' further on is refused before anything is quoted.
 *  2. A decoded part is never longer than its slice, so the block is big enough for all of them before the first is copied.
 * SPDX-License-Identifier: MIT
 */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <base/text.h>
#include <base/uri.h>

struct slice {
    const char *at, *end;
};

#define SCHEME "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+-."
#define QUOTE(s) (int)((s).end - (s).at), (s).at /* for %.*s */

static size_t slice_length(struct slice s)
{
    return (size_t)(s.end - s.at);
}

/* The slice up to the first of `stops`, or all that is left; *rest goes on with that stop. */
static struct slice slice_until(struct slice *rest, const char *stops)
{
    struct slice head = { rest->at, rest->at };
    while (head.end < rest->end && !strchr(stops, *head.end))
        head.end++;
    rest->at = head.end;
    return head;
}

/* The same without the stop, which is dropped: for lists. */
static struct slice slice_item(struct slice *rest, const char *stops)
{
    struct slice head = slice_until(rest, stops);
    rest->at += rest->at < rest->end;
    return head;
}

static size_t slice_count(struct slice s, char c)
{
    size_t n = 0;
    for (; s.at < s.end; s.at++)
        n += *s.at == c;
    return n;
}

/* ---- the text in slices */

struct parts {
    struct slice scheme, user, password, hosts, database, query;
    bool has_hosts;
};

static int no_scheme(const char *text, weir_error *err)
{
    if (!*text)
        return fail(err, WEIR_E_OPTION, "the URL is empty");
    if (strchr(text, '@'))
        return fail(err, WEIR_E_OPTION, "the URL has no scheme; write scheme://user:password@host/database");
    return fail(err, WEIR_E_OPTION, "'%s' has no scheme; write sqlite:%s", text, text);
}

static void split_authority(struct parts *p, struct slice authority)
{
    struct slice user_info = { authority.at, authority.at };
    p->hosts = authority;
    for (const char *s = authority.at; s < authority.end; s++)
        if (*s == '@') {
            user_info.end = s;
            p->hosts.at = s + 1;
        }
    p->user = slice_item(&user_info, ":");
    p->password = user_info;
}

/* Keeps rule 1.  `behind` is what follows the authority, or the path of a file. */
static int refuse_at_sign(struct slice behind, weir_error *err)
{
    if (!slice_count(behind, '@'))
        return 0;
    return fail(
        err, WEIR_E_OPTION,
        "the URL has a raw '@' behind its hosts: in a user or password write / as %%2F and ? as %%3F, elsewhere "
        "write @ as %%40");
}

static int split(struct parts *p, const char *text, weir_error *err)
{
    struct slice rest = { text + strspn(text, SCHEME), text + strlen(text) };
    for (const char *s = text; *s; s++)
        if ((unsigned char)*s < ' ' || *s == 0x7f)
            return fail(err, WEIR_E_OPTION, "the URL has a control character in it; write it %%-encoded");
    p->scheme = (struct slice){ text, rest.at };
    if (rest.at == text || *rest.at != ':')
        return no_scheme(text, err);
    rest.at++;
    if (strncmp(rest.at, "//", 2) == 0) {
        rest.at += 2;
        struct slice authority = slice_until(&rest, "/?");
        p->has_hosts = slice_length(authority) > 0;
        split_authority(p, authority);
    }
    struct slice behind = rest;
    p->database = slice_item(&rest, "?");
    p->query = rest;
    if (p->has_hosts && p->database.at < p->database.end)
        p->database.at++; /* its '/' */
    return refuse_at_sign(p->has_hosts ? behind : p->query, err);
}

/* ---- slices decoded */

struct build {
    struct uri *uri;
    char *room; /* in the block, for the next part */
    weir_error *err;
};

static int hex_value(char c)
{
    static const char digits[] = "0123456789abcdef0123456789ABCDEF";
    const char *at = c ? strchr(digits, c) : NULL;
    return at ? (int)(at - digits) % 16 : -1;
}

/* The byte that "%xx" stands for; < 0: it is none. */
static int escaped_byte(struct slice s)
{
    if (slice_length(s) < 3)
        return -1;
    int high = hex_value(s.at[1]), low = hex_value(s.at[2]);
    return high < 0 || low < 0 ? -1 : high * 16 + low;
}

static int decode(struct build *b, const char **out, struct slice s, const char *what)
{
    char *to = b->room;
    *out = to;
    while (s.at < s.end) {
        int byte = *s.at == '%' ? escaped_byte(s) : (unsigned char)*s.at;
        if (byte < 0)
            return fail(b->err, WEIR_E_OPTION,
                        "the %s in the URL has a '%%' without two hexadecimal digits; write %%25 for the sign itself",
                        what);
        if (byte == 0)
            return fail(b->err, WEIR_E_OPTION, "the %s in the URL has a zero byte (%%00)", what);
        s.at += *s.at == '%' ? 3 : 1;
        *to++ = (char)byte;
    }
    *to++ = '\0';
    b->room = to;
    return 0;
}

static int build_port(struct build *b, uint32_t *port, struct slice s)
{
    char digits[8];
    int64_t n = 0;
    if (slice_length(s) < sizeof digits) {
        snprintf(digits, sizeof digits, "%.*s", QUOTE(s));
        int_parse(&n, digits);
    }
    if (n < 1 || n > UINT16_MAX)
        return fail(b->err, WEIR_E_OPTION, "port '%.*s' in the URL is not in 1..65535", QUOTE(s));
    *port = (uint32_t)n;
    return 0;
}

/* "[::1]:3306", with *s behind the bracket afterwards. */
static int bracketed(struct build *b, struct slice *name, struct slice *s)
{
    struct slice whole = *s;
    s->at++;
    *name = slice_until(s, "]");
    if (s->at == s->end)
        return fail(b->err, WEIR_E_OPTION, "host '%.*s' in the URL has no closing ']'", QUOTE(whole));
    s->at++;
    if (slice_length(*name) == 0 || (s->at < s->end && *s->at != ':'))
        return fail(b->err, WEIR_E_OPTION, "host '%.*s' in the URL is not [address] or [address]:port", QUOTE(whole));
    return 0;
}

static int build_host(struct build *b, struct uri_host *host, struct slice s)
{
    struct slice name;
    if (s.at < s.end && *s.at == '[') {
        if (bracketed(b, &name, &s) < 0)
            return WEIR_E_OPTION;
    } else if (slice_count(s, ':') > 1) {
        return fail(b->err, WEIR_E_OPTION,
                    "host '%.*s' in the URL has more than one ':'; write an IPv6 address as [address]", QUOTE(s));
    } else {
        name = slice_until(&s, ":");
    }
    if (s.at < s.end) {
        s.at++;
        if (build_port(b, &host->port, s) < 0)
            return WEIR_E_OPTION;
    }
    return decode(b, &host->name, name, "host");
}

static int build_hosts(struct build *b, struct slice hosts)
{
    size_t count = b->uri->host_count;
    for (size_t i = 0; i < count; i++) {
        struct slice one = slice_item(&hosts, ",");
        if (count > 1 && slice_length(one) == 0)
            return fail(b->err, WEIR_E_OPTION, "host %zu of %zu in the URL is empty", i + 1, count);
        if (build_host(b, &b->uri->hosts[i], one) < 0)
            return WEIR_E_OPTION;
    }
    return 0;
}

static int build_pair(struct build *b, struct uri_pair *pair, struct slice s)
{
    struct slice name = slice_until(&s, "=");
    if (slice_length(name) == 0)
        return fail(b->err, WEIR_E_OPTION, "an option in the URL has no name");
    if (s.at == s.end)
        return fail(b->err, WEIR_E_OPTION, "option '%.*s' in the URL has no value; write %.*s=value", QUOTE(name),
                    QUOTE(name));
    s.at++;
    if (decode(b, &pair->name, name, "name of an option") < 0)
        return WEIR_E_OPTION;
    return decode(b, &pair->value, s, "value of an option");
}

static int build_pairs(struct build *b, struct slice query)
{
    for (size_t i = 0; i < b->uri->pair_count; i++)
        if (build_pair(b, &b->uri->pairs[i], slice_item(&query, "&")) < 0)
            return WEIR_E_OPTION;
    return 0;
}

static int build_all(struct build *b, const struct parts *p)
{
    struct uri *u = b->uri;
    if (decode(b, &u->scheme, p->scheme, "scheme") < 0 || decode(b, &u->user, p->user, "user") < 0 ||
        decode(b, &u->password, p->password, "password") < 0 || decode(b, &u->database, p->database, "path") < 0)
        return WEIR_E_OPTION;
    return build_hosts(b, p->hosts) < 0 ? WEIR_E_OPTION : build_pairs(b, p->query);
}

/* The arrays, then room for every part and its zero byte. */
static char *allocate(struct uri *u, const struct alloc *a, const struct parts *p, size_t length)
{
    size_t hosts = p->has_hosts ? slice_count(p->hosts, ',') + 1 : 0;
    size_t pairs = slice_length(p->query) ? slice_count(p->query, '&') + 1 : 0;
    size_t arrays = hosts * sizeof *u->hosts + pairs * sizeof *u->pairs;
    size_t size = arrays + length + 4 + hosts + 2 * pairs;
    char *block = mem_zeroed(a, size);
    if (!block)
        return NULL;
    u->block = block;
    u->block_size = size;
    u->hosts = u->block;
    u->host_count = hosts;
    u->pairs = (void *)(u->hosts + hosts);
    u->pair_count = pairs;
    return block + arrays;
}

int uri_parse(struct uri *out, const struct alloc *a, const char *text, weir_error *err)
{
    struct parts parts = { 0 };
    memset(out, 0, sizeof *out);
    if (split(&parts, text, err) < 0)
        return WEIR_E_OPTION;
    struct build b = { .uri = out, .room = allocate(out, a, &parts, strlen(text)), .err = err };
    if (!b.room)
        return fail(err, WEIR_E_MEMORY, "no memory for a URL");
    if (build_all(&b, &parts) < 0) {
        uri_end(out, a);
        return WEIR_E_OPTION;
    }
    return 0;
}

void uri_end(struct uri *uri, const struct alloc *a)
{
    if (uri->block)
        mem_wipe(uri->block, uri->block_size);
    mem_free(a, uri->block);
    memset(uri, 0, sizeof *uri);
}
