/*
 * URLs come apart as written, and what is wrong is said without a secret.
 * SPDX-License-Identifier: MIT
 */
#include <stdio.h>
#include <string.h>
#include <base/text.h>
#include <base/uri.h>
#include "base-blocks.h"
#include "tap.h"

static struct blocks blocks;
static struct alloc counted;

/* All of a URL in one line: scheme|user|password|host:port,…|database|name=value&… */
static void spell(char *out, size_t size, const struct uri *u)
{
    struct text t = text_in(out, size);
    text_add(&t, "%s|%s|%s|", u->scheme, u->user, u->password);
    for (size_t i = 0; i < u->host_count; i++)
        text_add(&t, "%s%s:%u", i ? "," : "", u->hosts[i].name, (unsigned)u->hosts[i].port);
    text_add(&t, "|%s|", u->database);
    for (size_t i = 0; i < u->pair_count; i++)
        text_add(&t, "%s%s=%s", i ? "&" : "", u->pairs[i].name, u->pairs[i].value);
}

static void reads(const char *text, const char *want)
{
    struct uri u;
    weir_error err = { 0 };
    char got[1000];
    if (!is_int(uri_parse(&u, &counted, text, &err), 0, "%s is read", text)) {
        tap_note("  %s", err.text);
        return;
    }
    spell(got, sizeof got, &u);
    is_text(got, want, "as it was meant");
    uri_end(&u, &counted);
}

static void server_forms(void)
{
    reads("mysql://app:secret@db1:3306/crypto_prices?pool_size=15",
          "mysql|app|secret|db1:3306|crypto_prices|pool_size=15");
    reads("mysql://h1,h2:3307,h3/db", "mysql|||h1:0,h2:3307,h3:0|db|");
    reads("postgres://db", "postgres|||db:0||");
    reads("postgres://db/", "postgres|||db:0||");
    reads("postgres://db?a=1", "postgres|||db:0||a=1");
    reads("postgres://db/?a=1&b=2", "postgres|||db:0||a=1&b=2");
    reads("x+y-z.1://h/d", "x+y-z.1|||h:0|d|");
    reads("m://u@h/d", "m|u||h:0|d|");
    reads("m://u:@h/d", "m|u||h:0|d|");
    reads("m://:p@h/d", "m||p|h:0|d|");
    reads("m://@h/d", "m|||h:0|d|");
    reads("m://u@/d", "m|u||:0|d|");
    reads("m://:99/d", "m|||:99|d|");
    reads("m://h:1/d", "m|||h:1|d|");
    reads("m://h:65535/d", "m|||h:65535|d|");
    reads("m://h/a/b", "m|||h:0|a/b|");
    reads("m://h//d", "m|||h:0|/d|");
}

static void addresses(void)
{
    reads("m://[::1]/d", "m|||::1:0|d|");
    reads("m://[fe80::1]:3306,[::2]:7/d", "m|||fe80::1:3306,::2:7|d|");
    reads("m://u:p@[::1]:3306/d", "m|u|p|::1:3306|d|");
    reads("m://[fe80::1%25eth0]/d", "m|||fe80::1%eth0:0|d|");
    reads("m://10.0.0.1:5/d", "m|||10.0.0.1:5|d|");
}

static void decoded(void)
{
    reads("m://u%40x:p%3A%2f%3F%23@%2Frun%2fdb/d%20b?na%3dme=v%26w", "m|u@x|p:/?#|/run/db:0|d b|na=me=v&w");
    reads("m://u:p@ss@h/d", "m|u|p@ss|h:0|d|");
    reads("m://u@x:p@h/d", "m|u@x|p|h:0|d|");
    reads("m://u:p:q@h/d", "m|u|p:q|h:0|d|");
    reads("m://u:a,b@h1,h2/d", "m|u|a,b|h1:0,h2:0|d|");
    reads("m://u:p#q@h/d#e?f=#g", "m|u|p#q|h:0|d#e|f=#g");
    reads("m://h/d?a=b=c&d=&e=1+1", "m|||h:0|d|a=b=c&d=&e=1+1");
    reads("m://h/d?a=/x?y", "m|||h:0|d|a=/x?y");
    reads("m://h/d?", "m|||h:0|d|");
    reads("m://\xc3\xa9/%C3%A9", "m|||\xc3\xa9:0|\xc3\xa9|");
}

static void file_forms(void)
{
    reads("sqlite:prices.db", "sqlite||||prices.db|");
    reads("sqlite:/var/p.db?a=1", "sqlite||||/var/p.db|a=1");
    reads("sqlite:./a:b@c.db", "sqlite||||./a:b@c.db|");
    reads("sqlite:my%20prices%3f.db", "sqlite||||my prices?.db|");
    reads("sqlite:", "sqlite|||||");
    reads("sqlite:?a=1", "sqlite|||||a=1");
    reads("sqlite:///abs/x.db", "sqlite||||/abs/x.db|");
    reads("sqlite:////abs/x.db", "sqlite||||//abs/x.db|");
    reads("sqlite:///a@b.db?x=y", "sqlite||||/a@b.db|x=y");
    reads("sqlite://", "sqlite|||||");
    reads("sqlite::memory:", "sqlite||||:memory:|");
}

static void all_text_is_there(void)
{
    struct uri u;
    uri_parse(&u, &counted, "m://h", NULL);
    ok(u.user && u.password && u.database && !*u.user && !*u.password && !*u.database, "what is not given is empty");
    ok(u.block && u.block_size > 0, "the block is known for wiping");
    uri_end(&u, &counted);
    struct uri zero;
    memset(&zero, 0, sizeof zero);
    ok(memcmp(&u, &zero, sizeof u) == 0, "an ended URL is all zero");
    uri_end(&u, &counted);
    ok(1, "and may be ended again");
}

static int is_zero(const struct uri *u)
{
    return !u->scheme && !u->user && !u->password && !u->database && !u->hosts && !u->host_count && !u->pairs &&
           !u->pair_count && !u->block && !u->block_size;
}

static void refuses(const char *text, const char *why)
{
    struct uri u;
    weir_error err = { 0 };
    memset(&u, 0xff, sizeof u);
    is_int(uri_parse(&u, &counted, text, &err), WEIR_E_OPTION, "%s is refused", text);
    is_int(err.status, WEIR_E_OPTION, "with that status in the error");
    is_text(err.text, why, "saying why");
    ok(!strstr(err.text, "S3"), "and no secret");
    ok(is_zero(&u), "the URL is all zero then");
    is_int(uri_parse(&u, &counted, text, NULL), WEIR_E_OPTION, "also without a place for the error");
}

static void refused(void)
{
    static const char *const at_sign =
        "the URL has a raw '@' behind its hosts: in a user or password write / as %2F and ? as "
        "%3F, elsewhere write @ as %40";
    refuses("", "the URL is empty");
    refuses("prices.db", "'prices.db' has no scheme; write sqlite:prices.db");
    refuses(":x", "':x' has no scheme; write sqlite::x");
    refuses("a_b:x", "'a_b:x' has no scheme; write sqlite:a_b:x");
    refuses("us_er:S3@h/d", "the URL has no scheme; write scheme://user:password@host/database");
    refuses("sqlite:p.db\n", "the URL has a control character in it; write it %-encoded");
    refuses("m://u:S3\x7f@h/d", "the URL has a control character in it; write it %-encoded");
    refuses("m://h:x/d", "port 'x' in the URL is not in 1..65535");
    refuses("m://h:/d", "port '' in the URL is not in 1..65535");
    refuses("m://h:0/d", "port '0' in the URL is not in 1..65535");
    refuses("m://h:65536/d", "port '65536' in the URL is not in 1..65535");
    refuses("m://h:-1/d", "port '-1' in the URL is not in 1..65535");
    refuses("m://h:+1/d", "port '+1' in the URL is not in 1..65535");
    refuses("m://h:99999999999999999999/d", "port '99999999999999999999' in the URL is not in 1..65535");
    refuses("m://u:S3@h1:1,h2:33o6/d", "port '33o6' in the URL is not in 1..65535");
    refuses("m://[::1/d", "host '[::1' in the URL has no closing ']'");
    refuses("m://[::1]3306/d", "host '[::1]3306' in the URL is not [address] or [address]:port");
    refuses("m://[]/d", "host '[]' in the URL is not [address] or [address]:port");
    refuses("m://[::1]:x/d", "port 'x' in the URL is not in 1..65535");
    refuses("m://::1/d", "host '::1' in the URL has more than one ':'; write an IPv6 address as [address]");
    refuses("m://a,,b/d", "host 2 of 3 in the URL is empty");
    refuses("m://a,/d", "host 2 of 2 in the URL is empty");
    refuses("m://h/d?a", "option 'a' in the URL has no value; write a=value");
    refuses("m://h/d?=1", "an option in the URL has no name");
    refuses("m://h/d?a=1&&b=2", "an option in the URL has no name");
    refuses("m://h/d?a=1&", "an option in the URL has no name");
    /* A '/' or '?' in a password that was not encoded: what follows is still a secret. */
    refuses("m://u:S3/S3@h/d", at_sign);
    refuses("m://u:S3?S3@h/d", at_sign);
    refuses("m://u:12/S3=4@h/d", at_sign);
    refuses("m://u:a@S3/S3@h/d", at_sign);
    refuses("m:u:S3?S3@h/d", at_sign);
}

static void escape(const char *text, const char *what)
{
    char why[200];
    snprintf(why, sizeof why,
             "the %s in the URL has a '%%' without two hexadecimal digits; write %%25 for the sign itself", what);
    refuses(text, why);
}

static void escapes(void)
{
    escape("m://u%zz:S3@h/d", "user");
    escape("m://u:S3%zzS3@h/d", "password");
    escape("m://u:S3%@h/d", "password");
    escape("m://u:S3%4@h/d", "password");
    escape("m://h%g0/d", "host");
    escape("m://h%0g/d", "host");
    escape("m://h/%", "path");
    escape("sqlite:%4", "path");
    escape("m://h/d?a%=1", "name of an option");
    escape("m://h/d?a=%%41", "value of an option");
    escape("m://h/d?a=%4&b=1", "value of an option");
    refuses("m://u:S3%00@h/d", "the password in the URL has a zero byte (%00)");
    refuses("sqlite:a%00b", "the path in the URL has a zero byte (%00)");
}

static void without_memory(void)
{
    struct uri u;
    weir_error err;
    memset(&u, 0xff, sizeof u);
    int n = 1, status;
    for (;; n++) {
        blocks.calls = 0;
        blocks.fail_from = n;
        status = uri_parse(&u, &counted, "m://u:S3@h1,h2/d?a=1&b=2", &err);
        if (status == 0)
            break;
        is_int(status, WEIR_E_MEMORY, "without memory at request %d a URL is not read", n);
        ok(is_zero(&u) && err.status == WEIR_E_MEMORY && !strstr(err.text, "S3"), "and nothing is there but the error");
    }
    ok(n > 1, "with memory it is");
    blocks.fail_from = 0;
    uri_end(&u, &counted);
}

/* What uri_end gives back holds no secret any more. */
static char given_back[4096];

static void *keeping(void *arg, void *block, size_t size)
{
    if (size)
        return realloc(block, size);
    memcpy(given_back, block, *(size_t *)arg);
    free(block);
    return NULL;
}

static void wiping(void)
{
    struct uri u;
    size_t size = 0;
    struct alloc keeper = { keeping, &size };
    if (uri_parse(&u, &keeper, "m://u:hunter2@h/d", NULL) < 0)
        tap_bail("a good URL was refused");
    size = u.block_size;
    uri_end(&u, &keeper);
    size_t left = 0;
    for (size_t i = 0; i < size; i++)
        left += given_back[i] != 0;
    ok(size > 0 && left == 0, "the block is wiped before it is freed");
}

int main(void)
{
    counted = blocks_alloc(&blocks);
    server_forms();
    addresses();
    decoded();
    file_forms();
    all_text_is_there();
    refused();
    escapes();
    without_memory();
    wiping();
    is_int(blocks.out, 0, "every block was freed");
    return tap_done();
}
