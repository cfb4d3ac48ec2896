/*
 * weir_metrics_write speaks OpenMetrics: a strict reader, which knows the format and nothing of weir, finds nothing wrong with it, while
 * others work; and what it says is what the figures say.
 * SPDX-License-Identifier: MIT
 */
#include "rig.h"

#define ROOM 65536
#define NAME_SIZE 128

/* ---- the reader */

struct family {
    char name[NAME_SIZE], type[16], unit[16];
    int has_help, samples;
    double last_le, last_bucket, count; /* of a histogram, as far as it was read */
};

static struct reader {
    struct family families[64], *current;
    int count, line, wrong;
    char seen[256][512]; /* name and labels of every sample */
    int seen_count;
} reader;

static int blame(const char *line, const char *why)
{
    tap_note("line %d, %s: %s", reader.line, why, line);
    return ++reader.wrong;
}

static struct family *family_named(const char *name, size_t length)
{
    for (int i = 0; i < reader.count; i++) {
        struct family *f = &reader.families[i];
        if (strlen(f->name) == length && !memcmp(f->name, name, length))
            return f;
    }
    return NULL;
}

static size_t name_length(const char *s)
{
    return strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789:");
}

/* "# TYPE name type" begins a family, "# UNIT name unit" and "# HELP name text" go on with it, all before its first sample. */
static int read_comment(const char *line)
{
    char word[8], name[NAME_SIZE], rest[256];
    if (sscanf(line, "# %7s %127s %255[^\n]", word, name, rest) != 3)
        return blame(line, "this is no comment of OpenMetrics");
    if (!strcmp(word, "TYPE")) {
        if (family_named(name, strlen(name)) || reader.count == 64)
            return blame(line, "the family is not in one piece");
        reader.current = &reader.families[reader.count++];
        memcpy(reader.current->name, name, sizeof name);
        snprintf(reader.current->type, sizeof reader.current->type, "%.15s", rest);
        return 0;
    }
    struct family *f = reader.current;
    if (!f || strcmp(f->name, name) || f->samples)
        return blame(line, "it stands not before the samples of its family");
    if (!strcmp(word, "HELP"))
        return f->has_help++ ? blame(line, "said twice") : 0;
    size_t length = strlen(name), unit = strlen(rest);
    if (strcmp(word, "UNIT") || unit >= length || strcmp(name + length - unit, rest) || name[length - unit - 1] != '_')
        return blame(line, "no unit of that name");
    return 0;
}

/* Labels in braces; returns what follows, and the value of `le`. */
static const char *read_labels(const char *at, char le[32])
{
    *le = '\0';
    for (char end_of_one = *at++; end_of_one != '}'; end_of_one = *at++) {
        size_t name = name_length(at);
        if (!name || strncmp(at + name, "=\"", 2))
            return NULL;
        const char *value = at + name + 2;
        at = value;
        while (*at && *at != '"' && *at != '\n') {
            if (*at == '\\' && !strchr("\\\"n", *++at))
                return NULL;
            at++;
        }
        if (name == 2 && !strncmp(value - 4, "le", 2))
            snprintf(le, 32, "%.*s", (int)(at - value), value);
        if (*at++ != '"' || !*at || !strchr(",}", *at))
            return NULL;
    }
    return at;
}

static int is_type(const struct family *f, const char *type)
{
    return strcmp(f->type, type) == 0;
}

/* Which of its family's samples this is: the suffix must be one that the type has. */
static int read_sample_of(struct family *f, const char *suffix, const char *le, double value)
{
    if (is_type(f, "gauge") || is_type(f, "stateset"))
        return *suffix || (is_type(f, "stateset") && value != 0 && value != 1);
    if (is_type(f, "counter"))
        return strcmp(suffix, "_total") || value < 0;
    if (!is_type(f, "histogram"))
        return 1;
    if (!strcmp(suffix, "_sum"))
        return value < 0;
    if (!strcmp(suffix, "_count"))
        return value != f->last_bucket || f->last_le < 1e300;
    double bound = !strcmp(le, "+Inf") ? 1e301 : strtod(le, NULL);
    int wrong = strcmp(suffix, "_bucket") || bound <= f->last_le || value < f->last_bucket;
    wrong |= strcmp(le, "+Inf") && !strpbrk(le, ".e"); /* a bound looks like a float */
    f->last_le = bound;
    f->last_bucket = value;
    return wrong;
}

static int read_sample(const char *line)
{
    char le[32];
    struct family *f = reader.current;
    size_t name = name_length(line), own = f ? strlen(f->name) : 0;
    if (!f || name < own || strncmp(line, f->name, own))
        return blame(line, "it is no sample of its family");
    const char *at = line[name] == '{' ? read_labels(line + name, le) : NULL;
    if (!at || *at != ' ')
        return blame(line, "its labels do not parse");
    for (int i = 0; i < reader.seen_count; i++)
        if (!strncmp(reader.seen[i], line, (size_t)(at - line)))
            return blame(line, "it is there twice");
    snprintf(reader.seen[reader.seen_count++ % 256], 512, "%.*s", (int)(at - line), line);
    char *value_end, suffix[NAME_SIZE];
    double value = strtod(at + 1, &value_end);
    if (value_end == at + 1 || *value_end)
        return blame(line, "its value is no number");
    snprintf(suffix, sizeof suffix, "%.*s", (int)(name - own), line + own);
    f->samples++;
    return read_sample_of(f, suffix, le, value) ? blame(line, "that is not for a sample of this type") : 0;
}

/* Reads all of it; returns how much is wrong. */
static int read_metrics(char *text)
{
    memset(&reader, 0, sizeof reader);
    size_t length = strlen(text);
    if (length < 6 || strcmp(text + length - 6, "# EOF\n"))
        return blame(text, "it does not end in # EOF");
    text[length - 6] = '\0';
    for (char *line = text, *next; *line; line = next) {
        reader.line++;
        next = strchr(line, '\n');
        if (!next)
            return blame(line, "the line does not end");
        *next++ = '\0';
        if (*line == '#')
            read_comment(line);
        else
            read_sample(line);
    }
    for (int i = 0; i < reader.count; i++)
        if (!reader.families[i].samples || !reader.families[i].has_help)
            blame(reader.families[i].name, "a family without samples or help");
    return reader.wrong;
}

/* ---- what is read */

static struct page {
    char text[ROOM];
    size_t length;
    int pieces, stop_at; /* the piece that is refused; 0: none */
} page;

static int collect(void *arg, const char *text, size_t length)
{
    struct page *p = arg;
    if (++p->pieces == p->stop_at)
        return 77;
    if (p->length + length >= sizeof p->text)
        return -1;
    memcpy(p->text + p->length, text, length);
    p->length += length;
    p->text[p->length] = '\0';
    return 0;
}

static int write_page(weir_db *db)
{
    memset(&page, 0, sizeof page);
    return weir_metrics_write(db, collect, &page);
}

/* The value of the sample that begins like that; -1: there is none. */
static double sample(const char *begins)
{
    const char *at = page.text;
    while (at && strncmp(at, begins, strlen(begins)))
        at = strchr(at, '\n') ? strchr(at, '\n') + 1 : NULL;
    const char *value = at ? strstr(at, "\"} ") : NULL;
    return value ? strtod(value + 3, NULL) : -1;
}

static void same_as_figures(const char *mode)
{
    weir_db *db = open_db(NULL, "null://metrics-%s/db?pool_size=7&pool_min=1&threads=%s", mode, mode);
    weir_conn conn = take(db, WEIR_WRITE), other = take(db, WEIR_WRITE);
    run(conn, "FAIL deadlock");
    weir_release(&other);
    is_int(write_page(db), 0, "threads=%s: metrics are written", mode);
    weir_figures f = figures(db);
    is_int(sample("db_client_connection_max{"), 7, "the size is told");
    is_int(sample("db_client_connection_idle_min{"), 1, "  the minimum");
    is_int(sample("db_client_connection_count{db_client_connection_state=\"used\""), f.used, "  what is lent");
    is_int(sample("db_client_connection_count{db_client_connection_state=\"idle\""), f.idle, "  what is idle");
    is_int(sample("weir_loans_total{"), (int64_t)f.acquired, "  the loans");
    is_int(sample("weir_connections_opened_total{"), (int64_t)f.opened, "  what was opened");
    is_int(sample("weir_deadlocks_server_total{"), 1, "  the deadlocks");
    is_int(sample("db_client_connection_wait_time_seconds_count{"), (int64_t)f.acquired, "  as many waits as loans");
    is_int(sample("db_client_connection_create_time_seconds_count{"), (int64_t)f.opened,
           "  as many openings as were opened");
    is_int(sample("db_client_connection_use_time_seconds_bucket{le=\"+Inf\""), 1, "  as many uses as have ended");
    has_text(page.text, "db_client_connection_pool_name=\"metrics-", "  for a pool by name");
    is_int(read_metrics(page.text), 0, "a strict reader finds nothing wrong");
    weir_release(&conn);
    weir_db_close(&db);
}

static void escaped(void)
{
    weir_db *db = open_db(NULL, "null://escapes/a%%22b%%5Cc%%0Ad%%7D?threads=none");
    is_int(write_page(db), 0, "a database may have any name");
    has_text(page.text, "pool_name=\"escapes/a\\\"b\\\\c\\nd}\"", "  what would end a label is escaped");
    is_int(read_metrics(page.text), 0, "  so that it can be read");
    weir_db_close(&db);
}

static void stopped(void)
{
    weir_db *db = open_db(NULL, "null://stopped/db?threads=none");
    write_page(db);
    int all = page.pieces, wrong = 0;
    for (int at = 1; at <= all; at++) {
        memset(&page, 0, sizeof page);
        page.stop_at = at;
        int status = weir_metrics_write(db, collect, &page);
        wrong += status != 77 || page.pieces != at;
    }
    ok(all > 100 && wrong == 0, "a writer that fails, at whatever piece, is not called again, and its status returned");
    is_int(weir_metrics_write(NULL, collect, &page), WEIR_E_ARGUMENT, "no database has no metrics");
    is_int(weir_metrics_write(db, NULL, NULL), WEIR_E_ARGUMENT, "and nobody writes them");
    weir_db_close(&db);
}

static weir_db *busy;
static atomic_int stop;

static void *work(void *arg)
{
    unsigned state = (unsigned)(uintptr_t)arg;
    while (!stop) {
        weir_conn conn = take(busy, dice(&state, 2) ? WEIR_READ : WEIR_WRITE);
        run(conn, dice(&state, 2) ? "DIRTY" : "DIE");
        weir_release(&conn);
    }
    return NULL;
}

static void meanwhile(const char *mode)
{
    pthread_t threads[4];
    int wrong = 0;
    busy = open_db(NULL, "null://busy-%s/db?pool_size=3&threads=%s", mode, mode);
    atomic_store(&stop, 0);
    for (size_t i = 0; i < 4; i++)
        threads[i] = begin(work, (void *)i);
    for (int i = 0; i < 50; i++)
        wrong += write_page(busy) != 0 || read_metrics(page.text) != 0;
    atomic_store(&stop, 1);
    for (int i = 0; i < 4; i++)
        end(threads[i]);
    is_int(wrong, 0, "threads=%s: also while others work, fifty times", mode);
    weir_db_close(&busy);
}

int main(void)
{
    EACH_MODE(mode)
    {
        same_as_figures(*mode);
        meanwhile(*mode);
    }
    escaped();
    stopped();
    return tap_done();
}
