/*
 * The files of a service: found in a folder by their names, or one that was named and is recognised by its header.
 * SPDX-License-Identifier: MIT
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "house.h"
#include "memory.h"
#include "reader.h"

#define COMPLAINTS_MOST 20 /* bad rows of one file that are shown */

/* One file being read. */
struct input {
    struct run *run;
    const char *path, *shown; /* shown: what people call it */
    struct reader *reader;
    uint64_t bad;
};

static void complain(struct input *in, long line, const char *reason)
{
    if (in->bad++ < COMPLAINTS_MOST)
        say("%s:%ld: %s", in->shown, line, reason);
    pthread_mutex_lock(&in->run->lock);
    in->run->figures.bad_rows++;
    pthread_mutex_unlock(&in->run->lock);
}

/* The rest of what complain did not show. */
static void complain_end(const struct input *in)
{
    if (in->bad > COMPLAINTS_MOST)
        say("%s: … and %llu more rows skipped", in->shown, (unsigned long long)(in->bad - COMPLAINTS_MOST));
}

static void take_row(struct input *in, const struct layout *layout, struct binding *b, const struct record *record)
{
    struct cells cells;
    const char *wrong = binding_cells(b, record, &cells);
    run_read_rows(in->run, 1);
    if (!wrong)
        wrong = layout->take(in->run, &cells);
    if (wrong)
        complain(in, record->line, wrong);
}

static int take_rows(struct input *in, const struct layout *layout, struct binding *b)
{
    struct record record;
    while (!run_failed(in->run)) {
        switch (reader_next(in->reader, &record)) {
        case READER_END:
            return 0;
        case READER_FAILED:
            return run_fail(in->run, "%s: %s", in->shown, record.reason);
        case READER_BAD:
            run_read_rows(in->run, 1);
            complain(in, record.line, record.reason);
            break;
        case READER_ROW:
            take_row(in, layout, b, &record);
            break;
        }
    }
    return -1;
}

/* The layout that the file must have, or, where there are several to choose from, the one that its header fits. */
static const struct layout *choose_layout(struct input *in, const struct layout *wanted, const struct record *header)
{
    const struct layout *layout = wanted ? wanted : layout_recognise(in->run->service->layouts, header);
    if (!layout)
        run_fail(in->run, "%s: the header has not the columns of any file that this service reads", in->shown);
    return layout;
}

static int read_table(struct input *in, const struct layout *wanted)
{
    struct record header;
    char reason[160];
    const struct layout *layout;
    struct binding *b;
    int st;
    switch (reader_next(in->reader, &header)) {
    case READER_END:
        return run_fail(in->run, "%s: the file is empty, not even a header", in->shown);
    case READER_ROW:
        break;
    default:
        return run_fail(in->run, "%s: %s", in->shown, header.reason);
    }
    layout = choose_layout(in, wanted, &header);
    if (!layout)
        return -1;
    b = binding_make(layout, &header, reason);
    if (!b)
        return run_fail(in->run, "%s: %s", in->shown, reason);
    st = take_rows(in, layout, b);
    binding_end(&b);
    return st;
}

static int read_file(struct run *run, const char *path, const struct layout *wanted)
{
    struct input in = { .run = run, .path = path, .shown = strcmp(path, "-") == 0 ? "standard input" : path };
    int st;
    in.reader = reader_open(path);
    if (!in.reader)
        return run_fail(run, "%s: %s", in.shown, strerror(errno));
    st = read_table(&in, wanted);
    complain_end(&in);
    reader_close(&in.reader);
    if (st < 0 || run_flush(run) < 0)
        return -1;
    run_tell(run);
    return 0;
}

struct names {
    char **name;
    size_t count;
};

static int ends_in(const char *name, const char *end)
{
    size_t n = strlen(name), e = strlen(end);
    return n > e && strcmp(name + n - e, end) == 0;
}

static int is_file_of(const struct layout *layout, const char *name)
{
    return strncmp(name, layout->files, strlen(layout->files)) == 0 &&
           (ends_in(name, ".csv") || ends_in(name, ".csv.gz"));
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void names_end(struct names *names)
{
    for (size_t i = 0; i < names->count; i++)
        free(names->name[i]);
    free(names->name);
}

/* In the order of their names, so that the same folder gives the same run. */
static int list_files(struct run *run, const struct layout *layout, struct names *names)
{
    DIR *dir = opendir(run->house->input);
    const struct dirent *entry;
    *names = (struct names){ NULL, 0 };
    if (!dir)
        return run_fail(run, "%s: %s", run->house->input, strerror(errno));
    while ((entry = readdir(dir)) != NULL) {
        if (!is_file_of(layout, entry->d_name))
            continue;
        names->name = grow(names->name, (names->count + 1) * sizeof *names->name);
        names->name[names->count++] = text_copy(entry->d_name);
    }
    closedir(dir);
    if (names->count > 0)
        qsort(names->name, names->count, sizeof *names->name, by_name);
    return 0;
}

/* How many there were; < 0: the run has failed. */
static long read_layout(struct run *run, const struct layout *layout)
{
    struct names names;
    long st = list_files(run, layout, &names);
    for (size_t i = 0; st == 0 && i < names.count; i++) {
        size_t size = strlen(run->house->input) + strlen(names.name[i]) + 2;
        char *path = grow(NULL, size);
        snprintf(path, size, "%s/%s", run->house->input, names.name[i]);
        st = read_file(run, path, layout);
        free(path);
    }
    st = st < 0 ? st : (long)names.count;
    names_end(&names);
    return st;
}

static int no_files(struct run *run)
{
    char wanted[200] = "";
    size_t used = 0;
    for (const struct layout *l = run->service->layouts; l->files && used < sizeof wanted; l++)
        used += (size_t)snprintf(wanted + used, sizeof wanted - used, "%s%s*.csv[.gz]",
                                 l == run->service->layouts ? "" : " or ", l->files);
    return run_fail(run, "no %s in %s", wanted, run->house->input);
}

int input_read(struct run *run)
{
    long files = 0;
    if (!run->house->input_is_folder)
        return read_file(run, run->house->input, NULL);
    for (const struct layout *l = run->service->layouts; l->files; l++) {
        long st = read_layout(run, l);
        if (st < 0)
            return -1;
        files += st;
    }
    return files > 0 || !run->service->needs_files ? 0 : no_files(run);
}
