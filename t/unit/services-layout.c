/*
 * Header lines are understood by the names in them, and cells by their kinds.
 * SPDX-License-Identifier: MIT
 */
#include <stdio.h>
#include <string.h>
#include <services/layout.h>
#include "tap.h"

static const struct field fields[] = {
    { "when", FIELD_MOMENT, 0, 0 }, { "who", FIELD_TEXT, 0, 5 },   { "price", FIELD_DECIMAL, 1, 0 },
    { "votes", FIELD_COUNT, 1, 9 }, { "change", FIELD_INT, 1, 0 }, { "note", FIELD_TEXT, 1, 5 },
};
enum { WHEN, WHO, PRICE, VOTES, CHANGE, NOTE, FIELDS };
static const struct layout plain = { "plain", fields, FIELDS, 0, NULL };
static const struct layout open_layout = { "open", fields, 1, 1, NULL };

/* A record of the words between commas; `|` stands for a zero byte.  One lives at a time. */
static const struct record *record_of(const char *text)
{
    static char copy[1000], *field[40];
    static size_t length[40];
    static struct record record;
    snprintf(copy, sizeof copy, "%s", text);
    record = (struct record){ .line = 1, .field = field, .length = length };
    for (char *at = copy;; at++) {
        field[record.count] = at;
        at += length[record.count++] = strcspn(at, ",");
        if (!*at)
            break;
        *at = '\0';
    }
    for (size_t i = 0; i < record.count; i++)
        for (size_t k = 0; k < length[i]; k++)
            field[i][k] = (char)(field[i][k] == '|' ? '\0' : field[i][k]);
    return &record;
}

static void refused(const struct layout *layout, const char *header, const char *why)
{
    char reason[160] = "";
    struct binding *b = binding_make(layout, record_of(header), reason);
    ok(!b, "the header '%s' does not do", header);
    is_text(reason, why, "  because");
    binding_end(&b);
}

static void headers(void)
{
    refused(&plain, "who,price,votes,change,note", "column when is missing");
    refused(&plain, "when,who,price,votes,change,note,who", "column who is there twice");
    refused(&plain, "when,who ,price,votes,change,note", "column who is missing");
    refused(&open_layout, "when,price,_x,y_", "there is no column of values (<asset>_<metric>)");
    refused(&open_layout, "when,btc_a,btc_a", "column btc_a is there twice");
    refused(&open_layout, "when,b_\xff", "column 2 is not called in UTF-8");
    refused(&open_layout, "when,abcdefghijklmnopqrstuvwxyzabcdefgh_x", "column 2 has too long a name");
}

/* One row under the header when,who,price,votes,change,note: NULL, or what is wrong with it. */
static struct cells cells;
static struct binding *binding;
static const char *reads(const char *row)
{
    return binding_cells(binding, record_of(row), &cells);
}

static void good_cells(void)
{
    is_text(reads("1970-01-02,Ann,1.50e1,7,-3,hello"), NULL, "a row with all there is");
    is_int(cells.count, FIELDS, "has a cell for each field");
    ok(cells.v[WHEN].type == WEIR_TIME && cells.v[WHEN].as.i == INT64_C(86400000000), "a moment");
    ok(cells.v[WHO].type == WEIR_TEXT && cells.v[WHO].length == 3, "a text");
    ok(cells.v[PRICE].type == WEIR_DECIMAL && strcmp(cells.v[PRICE].as.p, "15") == 0, "a decimal, written plainly");
    ok(cells.v[VOTES].as.i == 7 && cells.v[CHANGE].as.i == -3, "whole numbers");
    is_text(reads("1970-01-02,Ann,,,,"), NULL, "optional cells may be empty");
    ok(cells.v[PRICE].type == WEIR_NULL && cells.v[VOTES].type == WEIR_NULL && cells.v[NOTE].type == WEIR_NULL,
       "  and are NULL then");
    is_text(reads("1970-01-02,  Ann ,,,,   "), NULL, "spaces around a text");
    is_text(cells.v[WHO].as.p, "Ann", "  do not count");
    ok(cells.v[WHO].length == 3 && cells.v[NOTE].type == WEIR_NULL, "  and are nothing by themselves");
    is_text(reads("1970-01-02,\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9,,,9223372036854775807,"), NULL,
            "a text is as long as its characters");
}

static const struct {
    const char *row, *reason;
} bad_rows[] = {
    { "1970-01-02,Ann,,,", "5 fields where the header has 6" },
    { "1970-01-02,Ann,,,,,", "7 fields where the header has 6" },
    { "yesterday,Ann,,,,", "when is not a time (YYYY-MM-DDThh:mm:ssZ)" },
    { "0999-01-01,Ann,,,,", "when is not within the years 1000 to 9999" },
    { ",Ann,,,,", "when is empty" },
    { "1970-01-02,,,,,", "who is empty" },
    { "1970-01-02,   ,,,,", "who is empty" },
    { "1970-01-02,Annett,,,,", "who is too long" },
    { "1970-01-02,A|n,,,,", "who has a zero byte" },
    { "1970-01-02,|,,,,", "who has a zero byte" },
    { "1970-01-02,\xff,,,,", "who is not UTF-8" },
    { "1970-01-02,Ann,1|5,,,", "price has a zero byte" },
    { "1970-01-02,Ann,1.5 ,,,", "price is not a number" },
    { "1970-01-02,Ann,1e99,,,", "price has more digits than can be stored" },
    { "1970-01-02,Ann,,1.0,,", "votes is not a whole number" },
    { "1970-01-02,Ann,,-1,,", "votes is out of range" },
    { "1970-01-02,Ann,,10,,", "votes is out of range" },
    { "1970-01-02,Ann,,,9223372036854775808,", "change is out of range" },
    { "1970-01-02,Ann,,, 1,", "change is not a whole number" },
    { "1970-01-02,Ann,,,--1,", "change is not a whole number" },
    { "1970-01-02,Ann,,,-,", "change is not a whole number" },
};

static void bad_cells(void)
{
    for (size_t i = 0; i < sizeof bad_rows / sizeof *bad_rows; i++)
        is_text(reads(bad_rows[i].row), bad_rows[i].reason, "'%s'", bad_rows[i].row);
}

static void columns_anywhere(void)
{
    char reason[160];
    struct binding *b = binding_make(&plain, record_of(",note,who,x,when,x,votes,change,price"), reason);
    ok(b, "columns may come in any order, others between them");
    is_text(b ? binding_cells(b, record_of("?,hi,Ann,\xff,1970-01-01,,1,2,3.0"), &cells) : "", NULL,
            "  and rows are read so");
    is_text(cells.v[PRICE].as.p, "3", "  each cell from its column");
    binding_end(&b);
    b = binding_make(&open_layout, record_of("btc_a,when,plain,btc_b_c"), reason);
    is_text(b ? binding_cells(b, record_of("1,1970-01-01,x,"), &cells) : reason, NULL,
            "columns of values are taken as they come");
    is_int(cells.count, 3, "  those called <asset>_<metric>, behind the fields");
    is_text(cells.name[2], "btc_b_c", "  with their names");
    ok(cells.v[2].type == WEIR_NULL, "  and may be empty");
    binding_end(&b);
    ok(!b, "ending zeroes");
    binding_end(&b);
}

static void recognition(void)
{
    static const struct layout list[] = { { "small", fields, 2, 0, NULL },
                                          { "large", fields, 4, 0, NULL },
                                          LAYOUT_END };
    const struct layout *found = layout_recognise(list, record_of("votes,price,who,when"));
    is_text(found ? found->files : NULL, "large", "of two layouts that fit, the one that knows more columns is meant");
    found = layout_recognise(list, record_of("price,who,when"));
    is_text(found ? found->files : NULL, "small", "one that misses a column is not");
    ok(!layout_recognise(list, record_of("a,b")), "a strange header is of none");
}

int main(void)
{
    char reason[160];
    headers();
    binding = binding_make(&plain, record_of("when,who,price,votes,change,note"), reason);
    if (!binding)
        tap_bail("%s", reason);
    good_cells();
    bad_cells();
    binding_end(&binding);
    columns_anywhere();
    recognition();
    return tap_done();
}
