/*
 * Options: text, checked against the rows of one or two tables.
 *
 * What must be true: every kept text has passed option_check, and a table's defaults would, so that reading one cannot fail.
 * SPDX-License-Identifier: MIT
 */
#include <assert.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <base/option.h>
#include <base/text.h>

/* ---- rows */

static size_t row_count(const weir_option *table)
{
    size_t n = 0;
    while (table && table[n].name)
        n++;
    return n;
}

/* The i-th row of both tables. */
static const weir_option *row_at(const struct options *o, size_t i)
{
    size_t first = row_count(o->tables[0]);
    return i < first ? &o->tables[0][i] : &o->tables[1][i - first];
}

/* Where it is; o->count: nowhere. */
static size_t row_index(const struct options *o, const char *name)
{
    size_t i = 0;
    while (i < o->count && strcmp(row_at(o, i)->name, name) != 0)
        i++;
    return i;
}

const weir_option *options_row(const struct options *o, const char *name)
{
    size_t i = row_index(o, name);
    return i < o->count ? row_at(o, i) : NULL;
}

/* ---- checks, one a kind */

typedef int number_parse(int64_t *out, const char *s); /* int_parse or duration_parse */

/* Whether n lies in "low..high"; an end that is missing is no limit. */
static bool in_range(const char *range, int64_t n, number_parse *parse)
{
    char low[32];
    int64_t limit;
    const char *dots = strstr(range, "..");
    if (!dots)
        return true;
    snprintf(low, sizeof low, "%.*s", (int)(dots - range), range);
    if (parse(&limit, low) == 0 && n < limit)
        return false;
    return parse(&limit, dots + 2) < 0 || n <= limit;
}

/* Says what is wrong with the value, and at the end what would be right. */
static int refuse(const weir_option *row, const char *value, const char *what, weir_error *err)
{
    const char *range = row->range;
    return fail(err, WEIR_E_OPTION, "option '%s': '%s' %s%s%s%s", row->name, value, what, *range ? " (range " : "",
                range, *range ? ")" : "");
}

static int refuse_outside(const weir_option *row, const char *value, weir_error *err)
{
    return fail(err, WEIR_E_OPTION, "option '%s': '%s' is outside %s", row->name, value,
                *row->range ? row->range : "what 64 bits hold");
}

static bool only(const char *s, const char *letters)
{
    return *s && !s[strspn(s, letters)];
}

static int check_int(const weir_option *row, const char *value, weir_error *err)
{
    int64_t n;
    if (!only(value + (*value == '-'), "0123456789"))
        return refuse(row, value, "is not a whole number", err);
    if (int_parse(&n, value) < 0 || !in_range(row->range, n, int_parse))
        return refuse_outside(row, value, err);
    return 0;
}

static int check_int_or_auto(const weir_option *row, const char *value, weir_error *err)
{
    return strcmp(value, "auto") == 0 ? 0 : check_int(row, value, err);
}

static int check_duration(const weir_option *row, const char *value, weir_error *err)
{
    int64_t ns;
    char what[96];
    if (duration_parse(&ns, value) == 0)
        return in_range(row->range, ns, duration_parse) ? 0 : refuse_outside(row, value, err);
    if (!only(value, "0123456789."))
        return refuse(row, value, "is not a duration of up to 292 years; write it like 30s or 500ms", err);
    snprintf(what, sizeof what, "has no unit; write %.30ss or %.30sms", value, value);
    return refuse(row, value, what, err);
}

/* < 0: it is none. */
static int bool_value(const char *s)
{
    static const char *const words[] = { "off", "on", "false", "true", "0", "1", "no", "yes" };
    for (int i = 0; i < (int)(sizeof words / sizeof *words); i++)
        if (strcmp(words[i], s) == 0)
            return i % 2;
    return -1;
}

static int check_bool(const weir_option *row, const char *value, weir_error *err)
{
    return bool_value(value) < 0 ? refuse(row, value, "is not one of on, off, true, false, 1, 0, yes, no", err) : 0;
}

static int check_choice(const weir_option *row, const char *value, weir_error *err)
{
    size_t length = strlen(value);
    for (const char *word = row->range; *word;) {
        size_t width = strcspn(word, "|");
        if (width == length && memcmp(word, value, width) == 0)
            return 0;
        word += width + (word[width] == '|');
    }
    return fail(err, WEIR_E_OPTION, "option '%s': '%s' is not one of %s", row->name, value, row->range);
}

static int check_text(const weir_option *row, const char *value, weir_error *err)
{
    (void)row;
    (void)value;
    (void)err;
    return 0;
}

static const struct kind {
    const char *name;
    int (*check)(const weir_option *row, const char *value, weir_error *err);
} kinds[] = {
    { "int", check_int },   { "int|auto", check_int_or_auto }, { "duration", check_duration },
    { "bool", check_bool }, { "choice", check_choice },        { "text", check_text },
};

int option_check(const weir_option *row, const char *value, weir_error *err)
{
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strcmp(kinds[i].name, row->kind) == 0)
            return kinds[i].check(row, value, err);
    return fail(err, WEIR_E_OPTION, "option '%s' is of kind '%s', which there is not", row->name, row->kind);
}

/* ---- the values of one db */

int options_init(struct options *o, const struct alloc *a, const weir_option *core, const weir_option *driver,
                 weir_error *err)
{
    *o = (struct options){ .alloc = a, .tables = { core, driver } };
    size_t count = row_count(core) + row_count(driver);
    if (count == 0)
        return 0;
    o->values = mem_zeroed(a, count * sizeof *o->values);
    if (!o->values)
        return fail(err, WEIR_E_MEMORY, "no memory for options");
    o->count = count;
    return 0;
}

static void value_end(const struct alloc *a, struct option_value *v)
{
    if (v->text)
        mem_wipe(v->text, strlen(v->text));
    mem_free(a, v->text);
    v->text = NULL;
}

void options_end(struct options *o)
{
    for (size_t i = 0; i < o->count; i++)
        value_end(o->alloc, &o->values[i]);
    if (o->values)
        mem_free(o->alloc, o->values);
    *o = (struct options){ 0 };
}

/* Finds the nearest name by letting the rows play against the best so far. */
static int refuse_name(const struct options *o, const char *name, weir_error *err)
{
    const char *best = NULL;
    for (size_t i = 0; i < o->count; i++) {
        const char *row = row_at(o, i)->name;
        best = nearest_name(name, (const char *const[]){ best ? best : row, row, NULL });
    }
    if (best)
        return fail(err, WEIR_E_OPTION, "unknown option '%s', did you mean '%s'?", name, best);
    return fail(err, WEIR_E_OPTION, "unknown option '%s'", name);
}

int options_set(struct options *o, const char *name, const char *value, enum option_weight weight, weir_error *err)
{
    size_t i = row_index(o, name);
    if (i == o->count)
        return refuse_name(o, name, err);
    int status = option_check(row_at(o, i), value, err);
    struct option_value *v = &o->values[i];
    if (status < 0 || weight < v->weight)
        return status;
    char *copy = mem_text(o->alloc, value);
    if (!copy)
        return fail(err, WEIR_E_MEMORY, "no memory for option '%s'", name);
    value_end(o->alloc, v);
    *v = (struct option_value){ .text = copy, .weight = weight };
    return 0;
}

const char *options_text(const struct options *o, const char *name)
{
    size_t i = row_index(o, name);
    if (i == o->count)
        return NULL;
    return o->values[i].text ? o->values[i].text : row_at(o, i)->fallback;
}

int64_t options_int(const struct options *o, const char *name)
{
    const char *text = options_text(o, name);
    int64_t n = 0;
    assert(text);
    if (int_parse(&n, text) < 0)
        n = strcmp(text, "auto") == 0 ? -1 : bool_value(text) > 0;
    return n;
}

int64_t options_ns(const struct options *o, const char *name)
{
    const char *text = options_text(o, name);
    int64_t ns = 0;
    assert(text);
    duration_parse(&ns, text);
    return ns;
}
