/*
 * SQLite and paths that are no database: opening touches nothing, the first loan says what is wrong, at once and in words.
 * SPDX-License-Identifier: MIT
 */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "talk.h"

static const char *path_of(const char *name)
{
    static char paths[4][300];
    static int last;
    last = (last + 1) % 4;
    snprintf(paths[last], sizeof paths[last], "%s/%s", tap_folder(), name);
    return paths[last];
}

static const char *url_of(const char *path)
{
    static char url[1300];
    snprintf(url, sizeof url, "sqlite:%s", path);
    return url;
}

static void write_file(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");
    if (!f || fputs(text, f) < 0 || fclose(f) != 0)
        tap_bail("cannot write %s", path);
}

/* ---- no database ---- */

static void refused(const char *path, int status, const char *says, const char *fact)
{
    weir_db *db = NULL;
    weir_error err = { .text = "" };
    weir_conn conn;
    const int64_t began = talk_now_ms();
    if (!ok(weir_db_open(&db, url_of(path), NULL, &err) == WEIR_OK, "%s: opening it is no question yet", fact))
        tap_note("  %s", err.text);
    is_int(weir_db_ready(db, WEIR_READ | WEIR_WRITE, LONG, &err), status, "  but being ready is");
    has_text(err.text, says, "  which tells what is wrong");
    is_int(weir_acquire(&conn, db, WEIR_READ, LONG, &err), status, "  and so does a loan");
    has_text(err.text, says, "  in the same words");
    ok(talk_now_ms() - began < 60000, "  at once: it will not mend itself");
    ok(!conn.slot, "  and the handle is empty");
    weir_db_close(&db);
}

static void no_database(void)
{
    char long_name[300], long_path[1200];
    memset(long_name, 'x', sizeof long_name - 1);
    memset(long_path, '/', sizeof long_path - 1);
    long_name[sizeof long_name - 1] = long_path[sizeof long_path - 1] = '\0';
    write_file(path_of("notes.txt"),
               "These are notes, and they are longer than the header of a database would be, so that "
               "there is something to read for whoever takes them for one.\n");
    refused(tap_folder(), WEIR_E_CONNECT, "is a directory", "a directory");
    refused(path_of("no/such.db"), WEIR_E_CONNECT, "/no' does not exist", "a folder that is not there");
    refused(path_of("notes.txt/x.db"), WEIR_E_CONNECT, "/notes.txt' is no folder", "a file as a folder");
    refused(path_of("notes.txt"), WEIR_E_CONNECT, "is not an SQLite database", "a text file");
    refused(long_name, WEIR_E_CONNECT, "longer than the file system", "a name without end");
    refused(long_path, WEIR_E_CONNECT, "longer than 1023", "a path without end");
    ok(access(path_of("no"), F_OK) != 0, "and nothing was made");
}

/* Whether opening or the first loan says so. */
static void no_path(void)
{
    static const char *const urls[] = { "sqlite:", "sqlite://" };
    for (size_t i = 0; i < sizeof urls / sizeof *urls; i++) {
        weir_db *db = NULL;
        weir_error err = { .text = "" };
        int st = weir_db_open(&db, urls[i], NULL, &err);
        if (st >= 0)
            st = weir_db_ready(db, WEIR_READ, LONG, &err);
        ok(st == WEIR_E_CONNECT || st == WEIR_E_OPTION, "%s names no file", urls[i]);
        has_text(err.text, "sqlite:", "  and the text shows how to");
        weir_db_close(&db);
    }
}

static void options(void)
{
    weir_db *db = NULL;
    weir_error err = { .text = "" };
    static const struct {
        const char *url, *says;
    } all[] = {
        { "sqlite:x.db?journal_mod=wal", "journal_mode" }, { "sqlite:x.db?journal_mode=paper", "wal|delete" },
        { "sqlite:x.db?busy_timeout=5", "unit" },          { "sqlite:x.db?cache_size=1", "16..67108864" },
        { "sqlite:x.db?foreign_keys=perhaps", "perhaps" },
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        is_int(weir_db_open(&db, all[i].url, NULL, &err), WEIR_E_OPTION, "%s is refused", all[i].url);
        has_text(err.text, all[i].says, "  with the way out");
    }
    ok(!db && access("x.db", F_OK) != 0, "  and no file was touched");
}

/* One that comes into being later is found then. */
static void mended(void)
{
    weir_error err;
    weir_db *db = talk_open(url_of(path_of("later/x.db")), NULL);
    is_int(weir_db_ready(db, WEIR_WRITE, LONG, &err), WEIR_E_CONNECT, "without its folder a database is not ready");
    if (mkdir(path_of("later"), 0777) != 0)
        tap_bail("cannot make a folder");
    TALK_UNTIL(weir_db_ready(db, WEIR_WRITE, LONG, &err) == WEIR_OK);
    talk_db_run(db, "CREATE TABLE t(a)");
    is_int(talk_db_ask(db, WEIR_READ, "SELECT count(*) FROM t"), 0, "  with it, it is");
    weir_db_close(&db);
}

/* ---- files that may not be written ---- */

enum {
    READS = 1,
    READER_REFUSES = 2,
    WRITER_REFUSED = 4,
    CLOSED_REFUSED = 8,
    FOLDER_REFUSED = 16,
    CLOSED_FOLDER_REFUSED = 32
};

static int is_refused(const char *path, unsigned how, int status, const char *says)
{
    weir_error err = { .text = "" };
    weir_db *db = talk_open(url_of(path), NULL);
    const int st = weir_db_ready(db, how, LONG, &err);
    const int found = st == status && strstr(err.text, says) != NULL;
    if (!found)
        fprintf(stderr, "# %s: %s (%s)\n", path, st < 0 ? err.text : "is served", weir_status_name(st));
    weir_db_close(&db);
    return found;
}

/* Runs as somebody who may only read. */
static int look(void)
{
    int found = 0;
    weir_error err;
    weir_db *db = talk_open(url_of(path_of("open/fixed.db")), NULL);
    weir_conn conn = talk_borrow(db, WEIR_READ);
    if (talk_ask(conn, "SELECT a FROM t") == 7)
        found |= READS;
    if (weir_exec(NULL, conn, "DELETE FROM t", WEIR_NO_ARGS, LONG, &err) == WEIR_E_READ_ONLY)
        found |= READER_REFUSES;
    weir_release(&conn);
    weir_db_close(&db);
    if (is_refused(path_of("open/fixed.db"), WEIR_WRITE, WEIR_E_READ_ONLY, "fixed.db' is read-only"))
        found |= WRITER_REFUSED;
    if (is_refused(path_of("open/closed.db"), WEIR_READ, WEIR_E_CONNECT, "no permission to read"))
        found |= CLOSED_REFUSED;
    if (is_refused(path_of("fixed/new.db"), WEIR_WRITE, WEIR_E_CONNECT, "no permission to write in folder"))
        found |= FOLDER_REFUSED;
    if (is_refused(path_of("fixed/there.db"), WEIR_WRITE, WEIR_E_CONNECT, "no permission to write in folder"))
        found |= CLOSED_FOLDER_REFUSED;
    return found;
}

/* In a child, that gives up what it may: permissions do not bind root. */
static int look_as_nobody(void)
{
    int status = -1;
    fflush(stdout);
    const pid_t child = fork();
    if (child < 0)
        tap_bail("cannot fork");
    if (child == 0)
        _exit(geteuid() == 0 && (setgid(65534) != 0 || setuid(65534) != 0) ? 0 : look());
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 0;
}

static void make_seven(const char *path)
{
    weir_db *db = talk_open(url_of(path), (const char *[]){ "threads", "none", NULL }); /* a child is forked later */
    talk_db_run(db, "CREATE TABLE t(a)");
    talk_db_run(db, "INSERT INTO t VALUES (7)");
    weir_db_close(&db);
}

static void must(int failed)
{
    if (failed)
        tap_bail("cannot make files and folders");
}

static void read_only(void)
{
    must(chmod(tap_folder(), 0755) || mkdir(path_of("open"), 0777) || chmod(path_of("open"), 0777));
    must(mkdir(path_of("fixed"), 0777));
    make_seven(path_of("open/fixed.db"));
    make_seven(path_of("open/closed.db"));
    make_seven(path_of("fixed/there.db"));
    must(chmod(path_of("open/fixed.db"), 0444) || chmod(path_of("open/closed.db"), 0) ||
         chmod(path_of("fixed/there.db"), 0666) || chmod(path_of("fixed"), 0555));
    const int found = look_as_nobody();
    must(chmod(path_of("fixed"), 0755));
    ok(found & READS, "a file that may only be read is read");
    ok(found & READER_REFUSES, "  and not written");
    ok(found & WRITER_REFUSED, "  and who wants to write is told so");
    ok(found & CLOSED_REFUSED, "a file that may not be read is refused");
    ok(found & FOLDER_REFUSED, "a new file in a folder that may not be written is refused");
    ok(found & CLOSED_FOLDER_REFUSED, "so is one that is there, because its log cannot be");
}

int main(void)
{
    read_only(); /* first: it forks */
    no_database();
    no_path();
    options();
    mended();
    return tap_done();
}
