/*
 * CSV rows.
 *
 * The window holds the file from the beginning of the current row on:
 *
 *     window: | begin (line `first`) … at (line `line`) … end |
 *
 * Lines are handed to libcsv one at a time, so that it is known on which line a row began; a row whose quotes go wrong is given up by
 * moving `at` back to the line after its first one.
 * SPDX-License-Identifier: MIT
 */
#include <csv.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>
#include "memory.h"
#include "reader.h"

#define WINDOW_SIZE 65536 /* and so the longest row */

struct reader {
    gzFile file;
    struct csv_parser csv;
    size_t begin, at, end; /* begin <= at <= end */
    long first, line;
    int at_end;     /* the file has no more than the window holds */
    unsigned ended; /* rows that ended within the line fed last */
    int started;
    size_t used, count, room;
    char **field;
    size_t *length;
    char reason[160];
    char window[WINDOW_SIZE];
    char text[2 * WINDOW_SIZE]; /* of the fields: every byte of a row, and a zero byte for each field */
};

static int no_space(unsigned char c)
{
    (void)c;
    return 0; /* RFC 4180: spaces belong to the field */
}

static void field_ends(void *s, size_t length, void *arg)
{
    struct reader *r = arg;
    if (r->count == r->room) {
        r->room = r->room ? 2 * r->room : 32;
        r->field = grow(r->field, r->room * sizeof *r->field);
        r->length = grow(r->length, r->room * sizeof *r->length);
    }
    r->field[r->count] = r->text + r->used;
    r->length[r->count++] = length;
    if (length > 0)
        memcpy(r->text + r->used, s, length);
    r->text[r->used + length] = '\0';
    r->used += length + 1;
}

static void row_ends(int character, void *arg)
{
    struct reader *r = arg;
    (void)character;
    r->ended++;
}

static void parser_start(struct reader *r)
{
    csv_init(&r->csv, CSV_STRICT | CSV_STRICT_FINI);
    csv_set_space_func(&r->csv, no_space);
    r->count = r->used = 0;
    r->ended = 0;
}

static gzFile open_stdin(void)
{
    int fd = dup(STDIN_FILENO);
    gzFile file = fd < 0 ? NULL : gzdopen(fd, "rb");
    if (!file && fd >= 0)
        close(fd);
    return file;
}

struct reader *reader_open(const char *path)
{
    struct reader *r;
    gzFile file;
    errno = 0;
    file = strcmp(path, "-") == 0 ? open_stdin() : gzopen(path, "rb");
    if (!file) {
        errno = errno ? errno : ENOMEM;
        return NULL;
    }
    r = need_zeroed(sizeof *r);
    r->file = file;
    r->first = r->line = 1;
    parser_start(r);
    return r;
}

void reader_close(struct reader **r)
{
    if (!*r)
        return;
    gzclose((*r)->file);
    csv_free(&(*r)->csv);
    free((*r)->field);
    free((*r)->length);
    free(*r);
    *r = NULL;
}

/* "incorrect data check" and so on, or what the system said.  zlib puts the path before its own words. */
static int read_failed(struct reader *r)
{
    int number = Z_OK;
    const char *text = gzerror(r->file, &number), *colon = strrchr(text, ':');
    if (number == Z_OK)
        return 0;
    snprintf(r->reason, sizeof r->reason, "%s",
             number == Z_ERRNO       ? strerror(errno)
             : number == Z_BUF_ERROR ? "compressed data end too early"
             : colon                 ? colon + 2
                                     : text);
    return 1;
}

/* Room is made by dropping what lies before the current row.  < 0: reading failed. */
static int fill(struct reader *r)
{
    int got;
    memmove(r->window, r->window + r->begin, r->end - r->begin);
    r->at -= r->begin;
    r->end -= r->begin;
    r->begin = 0;
    got = gzread(r->file, r->window + r->end, (unsigned)(WINDOW_SIZE - r->end));
    if (got <= 0 && read_failed(r))
        return -1;
    r->at_end = got <= 0;
    r->end += got > 0 ? (size_t)got : 0;
    return 0;
}

static size_t line_length(const struct reader *r)
{
    const char *newline = memchr(r->window + r->at, '\n', r->end - r->at);
    return newline ? (size_t)(newline - (r->window + r->at)) + 1 : 0;
}

static int window_is_full(const struct reader *r)
{
    return r->begin == 0 && r->end == WINDOW_SIZE;
}

/* The length of the line at `at`, with its newline if it has one.  0: no line is left, or it does not fit; < 0: reading failed. */
static long next_line(struct reader *r)
{
    size_t length;
    while ((length = line_length(r)) == 0) {
        if (r->at_end)
            return (long)(r->end - r->at);
        if (window_is_full(r))
            return 0;
        if (fill(r) < 0)
            return -1;
    }
    return (long)length;
}

/* Drops the first line of the current row; the next row begins behind it. */
static int drop_line(struct reader *r)
{
    r->at = r->begin;
    for (;;) {
        size_t length = line_length(r);
        r->at += length ? length : r->end - r->at;
        r->begin = r->at;
        if (length || r->at_end)
            break;
        if (fill(r) < 0)
            return -1;
    }
    r->line = ++r->first;
    return 0;
}

static enum reader_status bad(struct reader *r, const char *reason)
{
    snprintf(r->reason, sizeof r->reason, "%s", reason);
    csv_free(&r->csv);
    parser_start(r);
    return drop_line(r) < 0 ? READER_FAILED : READER_BAD;
}

/* Feeds one line.  Ends in READER_END while the row goes on in the next line. */
static enum reader_status feed(struct reader *r, size_t length)
{
    r->ended = 0;
    if (csv_parse(&r->csv, r->window + r->at, length, field_ends, row_ends, r) != length)
        return bad(r, csv_error(&r->csv) == CSV_EPARSE ? "a quote is in the wrong place" : "libcsv is out of memory");
    r->at += length;
    r->line++;
    if (r->ended > 1)
        return bad(r, "a carriage return is in the middle of a line");
    return r->ended ? READER_ROW : READER_END;
}

/* What libcsv still holds when no line is left. */
static enum reader_status finish(struct reader *r)
{
    if (r->begin == r->end)
        return READER_END;
    r->ended = 0;
    if (csv_fini(&r->csv, field_ends, row_ends, r) != 0)
        return bad(r, "a quote is not closed");
    return r->ended ? READER_ROW : READER_END;
}

/* Some programs write a byte order mark; it belongs to no field. */
static int start(struct reader *r)
{
    r->started = 1;
    if (fill(r) < 0)
        return -1;
    if (r->end >= 3 && memcmp(r->window, "\xef\xbb\xbf", 3) == 0)
        r->begin = r->at = 3;
    return 0;
}

static enum reader_status next_row(struct reader *r)
{
    for (;;) {
        long length = next_line(r);
        enum reader_status status;
        if (length < 0)
            return READER_FAILED;
        if (length == 0)
            return r->at_end ? finish(r) : bad(r, r->csv.quoted ? "a quote is not closed" : "the row is too long");
        status = feed(r, (size_t)length);
        if (status != READER_END)
            return status;
        if (r->count == 0 && r->csv.entry_pos == 0 && !r->csv.quoted) {
            r->begin = r->at; /* an empty line is no row */
            r->first = r->line;
        }
    }
}

enum reader_status reader_next(struct reader *r, struct record *record)
{
    enum reader_status status;
    r->count = r->used = 0;
    status = r->started || start(r) == 0 ? next_row(r) : READER_FAILED;
    record->line = status == READER_BAD ? r->first - 1 : r->first;
    if (status == READER_ROW) {
        r->begin = r->at;
        r->first = r->line;
    }
    record->count = r->count;
    record->field = r->field;
    record->length = r->length;
    record->reason = r->reason;
    return status;
}
