/*
 * Options are checked against their rows, keep the heavier value, and say what is wrong and what would be right.
 * SPDX-License-Identifier: MIT
 */
#include <string.h>
#include <base/clock.h>
#include <base/option.h>
#include "base-blocks.h"
#include "tap.h"

static const weir_option core[] = {
    { "pool_size", "int", "8", "1..4096", "connections a server, at most" },
    { "pool_min", "int", "0", "0..", "connections that are kept" },
    { "offset", "int", "-5", "..-1", "a number below zero" },
    { "seed", "int", "1", "", "any number" },
    { "acquire_timeout", "duration", "30s", "0s..1h", "how long to wait for a connection" },
    { "leak_after", "duration", "0", "", "when a loan counts as leaked" },
    { "statistics", "bool", "off", "", "whether to count" },
    { "threads", "choice", "auto", "auto|none", "who does the work" },
    { "label", "text", "none", "", "a name for people" },
    { NULL, NULL, NULL, NULL, NULL },
};

static const weir_option driver[] = {
    { "busy_timeout", "duration", "5s", "1ms..", "how long a lock is waited for" },
    { "journal", "choice", "wal", "wal|delete|memory", "the journal" },
    { NULL, NULL, NULL, NULL, NULL },
};

static struct blocks blocks;
static struct alloc counted;
static struct options options;

static void takes(const char *name, const char *value)
{
    weir_error err = { 0 };
    if (is_int(options_set(&options, name, value, OPTION_EXPLICIT, &err), 0, "%s takes '%s'", name, value))
        is_text(options_text(&options, name), value, "and has it");
    else
        tap_note("  %s", err.text);
}

static void refuses(const char *name, const char *value, const char *why)
{
    weir_error err = { 0 };
    const char *before = options_text(&options, name);
    is_int(options_set(&options, name, value, OPTION_EXPLICIT, &err), WEIR_E_OPTION, "%s refuses '%s'", name, value);
    is_text(err.text, why, "saying why");
    ok(options_text(&options, name) == before, "and stays as it was");
    is_int(options_set(&options, name, value, OPTION_EXPLICIT, NULL), WEIR_E_OPTION,
           "also without a place for the error");
}

static void defaults(void)
{
    is_text(options_text(&options, "threads"), "auto", "a row begins with its default");
    is_text(options_text(&options, "journal"), "wal", "a driver's, too");
    is_int(options_int(&options, "pool_size"), 8, "as a number");
    is_int(options_int(&options, "offset"), -5, "also a negative one");
    is_int(options_int(&options, "statistics"), 0, "as a switch");
    is_int(options_ns(&options, "acquire_timeout"), 30 * NS_PER_S, "as a length");
    is_int(options_ns(&options, "leak_after"), 0, "also one of none");
    is_int(options_ns(&options, "busy_timeout"), 5 * NS_PER_S, "also a driver's");
    is_text(options_text(&options, "colour"), NULL, "a row that is not there has no text");
    ok(options_row(&options, "pool_size") == &core[0], "a row is found");
    ok(options_row(&options, "journal") == &driver[1], "a driver's, too");
    ok(!options_row(&options, "colour"), "one that is not there is not");
    for (const weir_option *row = core; row->name; row++)
        is_int(option_check(row, row->fallback, NULL), 0, "%s takes its own default", row->name);
}

static void numbers(void)
{
    takes("pool_size", "1");
    takes("pool_size", "4096");
    is_int(options_int(&options, "pool_size"), 4096, "as a number");
    refuses("pool_size", "0", "option 'pool_size': '0' is outside 1..4096");
    refuses("pool_size", "4097", "option 'pool_size': '4097' is outside 1..4096");
    refuses("pool_size", "-1", "option 'pool_size': '-1' is outside 1..4096");
    refuses("pool_size", "99999999999999999999", "option 'pool_size': '99999999999999999999' is outside 1..4096");
    refuses("pool_size", "ten", "option 'pool_size': 'ten' is not a whole number (range 1..4096)");
    refuses("pool_size", "", "option 'pool_size': '' is not a whole number (range 1..4096)");
    refuses("pool_size", "15s", "option 'pool_size': '15s' is not a whole number (range 1..4096)");
    takes("pool_min", "9223372036854775807");
    refuses("pool_min", "-1", "option 'pool_min': '-1' is outside 0..");
    takes("offset", "-9223372036854775808");
    refuses("offset", "0", "option 'offset': '0' is outside ..-1");
    takes("seed", "-77");
    refuses("seed", "9223372036854775808", "option 'seed': '9223372036854775808' is outside what 64 bits hold");
    refuses("seed", "-", "option 'seed': '-' is not a whole number");
}

static void durations(void)
{
    takes("acquire_timeout", "0");
    takes("acquire_timeout", "1h");
    takes("acquire_timeout", "1500ms");
    is_int(options_ns(&options, "acquire_timeout"), 1500 * NS_PER_MS, "as a length");
    refuses("acquire_timeout", "30", "option 'acquire_timeout': '30' has no unit; write 30s or 30ms (range 0s..1h)");
    refuses("acquire_timeout", "1.5",
            "option 'acquire_timeout': '1.5' has no unit; write 1.5s or 1.5ms (range 0s..1h)");
    refuses("acquire_timeout", "61m", "option 'acquire_timeout': '61m' is outside 0s..1h");
    refuses("acquire_timeout", "soon",
            "option 'acquire_timeout': 'soon' is not a duration of up to 292 years; write it like 30s or 500ms (range "
            "0s..1h)");
    refuses("leak_after", "-5s",
            "option 'leak_after': '-5s' is not a duration of up to 292 years; write it like 30s or 500ms");
    refuses("leak_after", "",
            "option 'leak_after': '' is not a duration of up to 292 years; write it like 30s or 500ms");
    refuses("busy_timeout", "0", "option 'busy_timeout': '0' is outside 1ms..");
    takes("busy_timeout", "100000d");
}

static void words(void)
{
    static const char *const yes[] = { "on", "true", "1", "yes" }, *const no[] = { "off", "false", "0", "no" };
    for (int i = 0; i < 4; i++) {
        takes("statistics", yes[i]);
        is_int(options_int(&options, "statistics"), 1, "that is 1");
        takes("statistics", no[i]);
        is_int(options_int(&options, "statistics"), 0, "that is 0");
    }
    refuses("statistics", "maybe", "option 'statistics': 'maybe' is not one of on, off, true, false, 1, 0, yes, no");
    takes("threads", "none");
    takes("threads", "auto");
    refuses("threads", "aut", "option 'threads': 'aut' is not one of auto|none");
    refuses("threads", "auto|none", "option 'threads': 'auto|none' is not one of auto|none");
    refuses("threads", "", "option 'threads': '' is not one of auto|none");
    takes("journal", "delete");
    takes("label", "");
    takes("label", "anything, at all");
}

static void unknown(void)
{
    refuses("pool_sise", "5", "unknown option 'pool_sise', did you mean 'pool_size'?");
    refuses("busy_timeut", "5s", "unknown option 'busy_timeut', did you mean 'busy_timeout'?");
    refuses("tread", "5", "unknown option 'tread'");
    refuses("colour", "red", "unknown option 'colour'");
    refuses("", "red", "unknown option ''");
    static const weir_option strange = { "size", "integer", "1", "", "a driver's mistake" };
    weir_error err = { 0 };
    is_int(option_check(&strange, "1", &err), WEIR_E_OPTION, "a kind that there is not is refused");
    is_text(err.text, "option 'size' is of kind 'integer', which there is not", "and named");
}

static void set(const char *value, enum option_weight weight, const char *want)
{
    is_int(options_set(&options, "label", value, weight, NULL), 0, "a value of weight %d is taken", (int)weight);
    is_text(options_text(&options, "label"), want, "then the label is %s", want);
}

static void weights(void)
{
    options_end(&options);
    if (options_init(&options, &counted, core, driver, NULL) < 0)
        tap_bail("no options");
    set("default", OPTION_DEFAULT, "default");
    set("url", OPTION_URL, "url");
    set("environment", OPTION_ENVIRONMENT, "url");
    set("url again", OPTION_URL, "url again");
    set("explicit", OPTION_EXPLICIT, "explicit");
    set("url", OPTION_URL, "explicit");
    set("default", OPTION_DEFAULT, "explicit");
    options_set(&options, "pool_size", "9", OPTION_EXPLICIT, NULL);
    is_int(options_set(&options, "pool_size", "0", OPTION_URL, NULL), WEIR_E_OPTION,
           "a wrong value is refused however light");
}

static void copies(void)
{
    char value[] = "mine";
    options_set(&options, "label", value, OPTION_EXPLICIT, NULL);
    value[0] = 'x';
    is_text(options_text(&options, "label"), "mine", "a value is copied");
    is_int(options_set(&options, "label", options_text(&options, "label"), OPTION_EXPLICIT, NULL), 0,
           "a row may be set to its own text");
    is_text(options_text(&options, "label"), "mine", "and has it still");
}

static void without_memory(void)
{
    struct options o;
    weir_error err;
    int n = 1;
    for (;; n++) {
        blocks.calls = 0;
        blocks.fail_from = n;
        int status = options_init(&o, &counted, core, driver, &err);
        if (status == 0 && (status = options_set(&o, "label", "new", OPTION_URL, &err)) < 0)
            is_text(options_text(&o, "label"), "none", "a set without memory changes nothing");
        if (status == 0)
            break;
        ok(status == WEIR_E_MEMORY && err.status == WEIR_E_MEMORY, "without memory at request %d it fails", n);
        options_end(&o);
    }
    is_int(n, 3, "with memory it does not");
    options_end(&o);
    blocks.fail_from = 0;
}

static void few_tables(void)
{
    struct options o;
    static const weir_option none[] = { { NULL, NULL, NULL, NULL, NULL } };
    is_int(options_init(&o, &counted, core, NULL, NULL), 0, "a driver may have no table");
    ok(!options_row(&o, "journal") && options_row(&o, "label"), "then its rows are not there");
    options_end(&o);
    is_int(options_init(&o, &counted, none, none, NULL), 0, "tables may be empty");
    is_int(options_set(&o, "a", "b", OPTION_URL, NULL), WEIR_E_OPTION, "then all is unknown");
    options_end(&o);
    options_end(&o);
    ok(1, "ended options may be ended again");
}

/* Remembers whether a block that is given back holds this word. */
static const char word[] = "hunter2";
static int seen;

static void *watching(void *arg, void *block, size_t size)
{
    (void)arg;
    if (size)
        return realloc(block, size);
    seen += memcmp(block, word, 4) == 0;
    free(block);
    return NULL;
}

static void wiping(void)
{
    struct options o;
    struct alloc watcher = { watching, NULL };
    if (options_init(&o, &watcher, core, driver, NULL) < 0)
        tap_bail("no options");
    options_set(&o, "label", word, OPTION_URL, NULL);
    options_set(&o, "label", "another", OPTION_URL, NULL);
    options_set(&o, "label", word, OPTION_URL, NULL);
    options_end(&o);
    is_int(seen, 0, "a value is wiped before it is freed");
}

int main(void)
{
    weir_error err;
    counted = blocks_alloc(&blocks);
    if (options_init(&options, &counted, core, driver, &err) < 0)
        tap_bail("%s", err.text);
    defaults();
    numbers();
    durations();
    words();
    unknown();
    weights();
    copies();
    options_end(&options);
    few_tables();
    wiping();
    without_memory();
    is_int(blocks.out, 0, "every block was freed");
    return tap_done();
}
