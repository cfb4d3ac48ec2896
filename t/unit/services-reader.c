/*
 * CSV rows: quotes, line ends, lines that are counted, and rows that cannot be read cost themselves only.
 * SPDX-License-Identifier: MIT
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <services/reader.h>
#include "tap.h"

static char path[200];

static void write_file(const char *bytes, size_t length)
{
    snprintf(path, sizeof path, "%s/file.csv", tap_folder());
    FILE *f = fopen(path, "wb");
    if (!f || fwrite(bytes, 1, length, f) != length || fclose(f) != 0)
        tap_bail("cannot write %s", path);
}

/* Everything the reader says about a file, in one text: "1:a|b 2!reason …", zero bytes as 0, line ends as ~. */
static const char *rows_of_bytes(const char *bytes, size_t length)
{
    static char said[4000];
    size_t n = 0;
    struct record record;
    enum reader_status status;
    write_file(bytes, length);
    struct reader *r = reader_open(path);
    if (!r)
        tap_bail("cannot open %s", path);
    said[0] = '\0';
    while ((status = reader_next(r, &record)) != READER_END && n < sizeof said / 2) {
        n += (size_t)snprintf(said + n, sizeof said - n, "%s%ld%c", n ? " " : "", record.line,
                              status == READER_ROW ? ':' : '!');
        if (status != READER_ROW)
            n += (size_t)snprintf(said + n, sizeof said - n, "%s", record.reason);
        for (size_t i = 0; status == READER_ROW && i < record.count; i++) {
            said[n] = '|';
            n += i > 0;
            for (size_t k = 0; k < record.length[i] && n < sizeof said / 2; k++)
                said[n++] = record.field[i][k] == '\0' ? '0' : record.field[i][k] == '\n' ? '~' : record.field[i][k];
            said[n] = '\0';
        }
        if (status == READER_FAILED)
            break;
    }
    reader_close(&r);
    return said;
}

static const char *rows_of(const char *text)
{
    return rows_of_bytes(text, strlen(text));
}

static void good_files(void)
{
    is_text(rows_of(""), "", "an empty file has no rows");
    is_text(rows_of("a,b\n1,2\n"), "1:a|b 2:1|2", "rows and fields");
    is_text(rows_of("a,b\n1,2"), "1:a|b 2:1|2", "the last line needs no end");
    is_text(rows_of("a,b\r\n1,2\r\n"), "1:a|b 2:1|2", "lines of another system");
    is_text(rows_of("a,,\n,\n"), "1:a|| 2:|", "empty fields");
    is_text(rows_of("\n\na\n\n\nb\n\n"), "3:a 6:b", "empty lines are no rows, but lines");
    is_text(rows_of(" a , b \n"), "1: a | b ", "spaces belong to the field");
    is_text(rows_of("\"a,\"\"b\"\"\",\"\"\n"), "1:a,\"b\"|", "quotes around a comma, quotes and nothing");
    is_text(rows_of("\"a\nb\n\",c\nd,e\n"), "1:a~b~|c 4:d|e", "a field over several lines; lines go on counting");
    is_text(rows_of("\"a\n\nb\",c\n"), "1:a~~b|c", "an empty line inside a field");
    is_text(rows_of("\xef\xbb\xbf"
                    "a,b\n"),
            "1:a|b", "a byte order mark is passed over");
    is_text(rows_of_bytes("a,b\0c\n", 6), "1:a|b0c", "a zero byte is handed on");
}

static void bad_rows(void)
{
    is_text(rows_of("a\nb\"c\nd\n"), "1:a 2!a quote is in the wrong place 3:d", "a quote in the middle");
    is_text(rows_of("a\n\"b\"c\nd\n"), "1:a 2!a quote is in the wrong place 3:d", "something behind a quote");
    is_text(rows_of("a\n\"b\nc\nd\n"), "1:a 2!a quote is not closed 3:c 4:d", "a quote that nobody closes");
    is_text(rows_of("a\n\"b"), "1:a 2!a quote is not closed", "  in the last line");
    is_text(rows_of("\"\n\"\n\"\n"), "1:~ 3!a quote is not closed", "  behind one that is closed");
    is_text(rows_of("a\rb\nc\n"), "1!a carriage return is in the middle of a line 2:c", "a stray carriage return");
}

/* Lines of every length around that of the window come through whole, or are too long and cost only themselves. */
static void long_rows(void)
{
    static char text[200000];
    size_t n = 0;
    memset(text, 'x', sizeof text);
    text[65000] = text[65001 + 65000] = '\n';
    write_file(text, 65001 + 65001);
    struct reader *r = reader_open(path);
    struct record record;
    while (r && reader_next(r, &record) == READER_ROW && record.length[0] == 65000)
        n++;
    is_int(n, 2, "rows of nearly the longest length are read");
    reader_close(&r);
    memcpy(text + 150000, "\nlast\n", 6);
    text[65000] = text[65001 + 65000] = 'x';
    is_text(rows_of_bytes(text, 150006), "1!the row is too long 2:last", "a longer one is skipped");
    memset(text, ',', 65000);
    text[65000] = '\n';
    write_file(text, 65001);
    r = reader_open(path);
    ok(r && reader_next(r, &record) == READER_ROW && record.count == 65001, "a row of nothing but fields is read");
    reader_close(&r);
}

/* Compresses what write_file wrote; returns the length. */
static size_t write_gzip(const char *text, char *bytes, size_t room)
{
    snprintf(path, sizeof path, "%s/file.csv", tap_folder());
    gzFile out = gzopen(path, "wb");
    if (!out || gzputs(out, text) < 0 || gzclose(out) != Z_OK)
        tap_bail("cannot write %s", path);
    FILE *f = fopen(path, "rb");
    size_t length = f ? fread(bytes, 1, room, f) : 0;
    if (f)
        fclose(f);
    return length;
}

static void compressed(void)
{
    char bytes[400];
    size_t length = write_gzip("a,b\n1,2\n", bytes, sizeof bytes);
    is_text(rows_of_bytes(bytes, length), "1:a|b 2:1|2", "a compressed file is read, whatever it is called");
    is_text(rows_of_bytes(bytes, length - 6), "1:a|b 2:1|2 3!compressed data end too early",
            "one that is cut off is told");
    bytes[length - 5] ^= 1;
    is_text(rows_of_bytes(bytes, length), "1!incorrect data check", "so is a wrong sum");
}

static void unreadable(void)
{
    errno = 0;
    ok(!reader_open("/nonexistent/file.csv") && errno == ENOENT, "a file that is not there does not open");
    struct record record;
    struct reader *r = reader_open(tap_folder());
    ok(r && reader_next(r, &record) == READER_FAILED, "a folder opens, but cannot be read");
    is_text(r ? record.reason : "", strerror(EISDIR), "  for that reason");
    reader_close(&r);
    ok(!r, "closing zeroes");
    reader_close(&r);
}

int main(void)
{
    good_files();
    bad_rows();
    long_rows();
    compressed();
    unreadable();
    return tap_done();
}
