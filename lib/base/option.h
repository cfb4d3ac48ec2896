/*
 * Options: text, from one table.  A row is a weir_option: name, kind, default, range, what it does.  The parser, its errors, the
 * weir-uri(7) page and the command's help all come from the rows.
 *
 * kind      value                         range
 * int       123                           "1..4096"; either end may be missing
 * int|auto  123, or auto                  the same
 * duration  30s, 500ms (a unit is due)    "1ms..1h"
 * bool      on off true false 1 0 yes no  ""
 * choice    one of the range              "auto|none"
 * text      anything                      ""
 * SPDX-License-Identifier: MIT
 */
#ifndef BASE_OPTION_H
#define BASE_OPTION_H

#include <weir/backend.h>
#include <base/alloc.h>

/* Where a value came from; a heavier source is never overwritten by a lighter one. */
enum option_weight { OPTION_DEFAULT, OPTION_ENVIRONMENT, OPTION_URL, OPTION_EXPLICIT };

/* The values of one db: those of the core's rows, then of its driver's. */
struct options {
    const struct alloc *alloc;
    const weir_option *tables[2]; /* each ends in a row without a name; the second may be NULL */
    struct option_value {
        char *text; /* NULL: the row's default */
        enum option_weight weight;
    } * values;
    size_t count;
};

int options_init(struct options *o, const struct alloc *a, const weir_option *core, const weir_option *driver,
                 weir_error *err);
void options_end(struct options *o); /* wipes what it frees */

/*
 * Checks value against its row and keeps a copy.  WEIR_E_OPTION: "unknown option 'pool_sise', did you mean 'pool_size'?",
 * "option 'acquire_timeout': '30' has no unit; write 30s or 30ms (range 0s..1h)", "option 'pool_size': '0' is outside 1..4096", …
 */
int options_set(struct options *o, const char *name, const char *value, enum option_weight weight, weir_error *err);

/* Of a row that exists; the text is borrowed until the next set. */
const char *options_text(const struct options *o, const char *name); /* NULL: no such row */
int64_t options_int(const struct options *o, const char *name);      /* int, bool (0, 1); auto is -1 */
int64_t options_ns(const struct options *o, const char *name);       /* duration */
/* The same check for a number that comes through a function (weir_pool_resize). */
int option_check(const weir_option *row, const char *value, weir_error *err);
const weir_option *options_row(const struct options *o, const char *name);

#endif
