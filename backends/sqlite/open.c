/*
 * Opening a file, or the shared memory database of a db, and closing it.
 *
 * SQLite opens almost anything and finds out at the first read; open therefore reads the schema, and turns SQLite's "unable to open
 * database file" into what is wrong with the path.  Such a failure is for good.  One that may pass carries WEIR_RETRY_ELSEWHERE: a
 * lock, memory, file descriptors.
 * SPDX-License-Identifier: MIT
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>
#include "lite.h"

#define PATH_SIZE 1024             /* SQLite takes 512 */
#define FIRST_SHARED_MEMDB 3036000 /* before it, vfs=memdb was private to its connection */

/* ---- why it did not open ---- */

/* The folder of path, as its user would name it. */
static void folder_of(char out[PATH_SIZE], const char *path)
{
    const char *slash = strrchr(path, '/');
    const size_t length = !slash ? 0 : slash == path ? 1 : (size_t)(slash - path);
    memcpy(out, length ? path : ".", length ? length : 1);
    out[length ? length : 1] = '\0';
}

static int may(const char *path, int mode)
{
    return faccessat(AT_FDCWD, path, mode, AT_EACCESS) == 0;
}

static int is_folder(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static int exists(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 || (errno != ENOENT && errno != ENAMETOOLONG);
}

/* Looks at what SQLite could not open.  It opens no file itself: closing one would drop this process's locks on it. */
static int blame_path(struct lite_conn *c, const char *path, weir_error *err)
{
    char folder[PATH_SIZE];
    folder_of(folder, path);
    if (!exists(path) && errno == ENAMETOOLONG)
        return c->host->fail(err, WEIR_E_CONNECT, "a name is longer than the file system takes: '%s'", path);
    if (is_folder(path))
        return c->host->fail(err, WEIR_E_CONNECT, "'%s' is a directory", path);
    if (!exists(folder))
        return c->host->fail(err, WEIR_E_CONNECT, "folder '%s' does not exist", folder);
    if (!is_folder(folder))
        return c->host->fail(err, WEIR_E_CONNECT, "'%s' cannot be reached: '%s' is no folder or closed", path, folder);
    if (exists(path) && !may(path, R_OK))
        return c->host->fail(err, WEIR_E_CONNECT, "no permission to read '%s'", path);
    if (!may(folder, W_OK | X_OK))
        return c->host->fail(err, WEIR_E_CONNECT, "'%s' cannot be opened: no permission to write in folder '%s'", path,
                             folder);
    return c->host->fail(err, WEIR_E_CONNECT, "'%s' cannot be opened: %s", path, sqlite3_errmsg(c->db));
}

static int out_of_descriptors(struct lite_conn *c)
{
    const int cause = c->db ? sqlite3_system_errno(c->db) : 0;
    return cause == EMFILE || cause == ENFILE;
}

/* Writes a failure that may pass; 0: it will not. */
static int blame_moment(struct lite_conn *c, int primary, const char *path, weir_error *err)
{
    int status = 0;
    if (primary == SQLITE_BUSY || primary == SQLITE_PROTOCOL)
        status = c->host->fail(err, WEIR_E_LOCKED, "'%s' is locked by another connection or process", path);
    else if (primary == SQLITE_INTERRUPT)
        status = c->host->fail(err, WEIR_E_TIMEOUT, "'%s' was not opened before the deadline", path);
    else if (primary == SQLITE_NOMEM)
        status = c->host->fail(err, WEIR_E_MEMORY, "no memory to open '%s'", path);
    else if (primary == SQLITE_CANTOPEN && out_of_descriptors(c))
        status = c->host->fail(err, WEIR_E_CONNECT, "'%s' cannot be opened: no file descriptor is left", path);
    if (status < 0)
        err->flags = WEIR_RETRY_ELSEWHERE;
    return status;
}

static int blame(struct lite_conn *c, const char *path, weir_error *err)
{
    const int code = sqlite3_extended_errcode(c->db), primary = code & 0xff;
    int status = blame_moment(c, primary, path, err);
    if (status == 0 && primary == SQLITE_NOTADB)
        status = c->host->fail(err, WEIR_E_CONNECT, "'%s' is not an SQLite database", path);
    if (status == 0 && (primary == SQLITE_CANTOPEN || primary == SQLITE_READONLY))
        status = blame_path(c, path, err);
    if (status == 0)
        status = c->host->fail(err, WEIR_E_CONNECT, "'%s' cannot be opened: %s", path, sqlite3_errmsg(c->db));
    err->native = code;
    return status;
}

/* ---- opening ---- */

/*
 * What SQLite is told to open.  A path begins with / or ./, so that none is taken for a URI or for one of SQLite's own special names.
 * The connections of one db share their memory database by a name that no other living db has: the address of its host context.  A
 * child's is another than its parent's, which could be locked for ever there.
 */
static int choose_name(struct lite_conn *c, char out[PATH_SIZE], const char *path, weir_error *err)
{
    const char *shared = sqlite3_libversion_number() >= FIRST_SHARED_MEMDB
                             ? "file:/weir-%p-%ld?vfs=memdb"
                             : "file:weir-%p-%ld?mode=memory&cache=shared";
    if (!*path)
        return c->host->fail(
            err, WEIR_E_CONNECT,
            "no file is named: write sqlite:path/to/file.db, or sqlite::memory: for a database in memory");
    if (c->memory)
        snprintf(out, PATH_SIZE, shared, c->host->ctx, (long)getpid());
    else if (snprintf(out, PATH_SIZE, "%s%s", *path == '/' ? "" : "./", path) >= PATH_SIZE)
        return c->host->fail(err, WEIR_E_CONNECT, "the path of the file is longer than %d bytes", PATH_SIZE - 1);
    return WEIR_OK;
}

/* Both lanes open for writing and create: a log is recovered by whoever comes first, and a reader may be first. */
static int open_file(struct lite_conn *c, const char *name, int64_t deadline_ns)
{
    const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
    sqlite3 *db = NULL;
    int rc = sqlite3_open_v2(name, &db, c->memory ? flags | SQLITE_OPEN_URI : flags, NULL);
    c->db = db;
    if (rc != SQLITE_OK)
        return rc;
    sqlite3_extended_result_codes(c->db, 1);
    lite_begins(c, deadline_ns);
    lite_limit(c);
    rc = lite_execute(c, LITE_READ_SCHEMA, NULL, NULL);
    c->file_read_only = sqlite3_db_readonly(c->db, "main") == 1;
    return rc;
}

static int take_word(void *word, int columns, char **cells, char **names)
{
    (void)names;
    if (columns > 0 && cells[0])
        snprintf(word, 16, "%s", cells[0]);
    return 0;
}

/* SQLite answers with the mode that it could have, which may be another. */
static int set_journal_mode(struct lite_conn *c, const char *path, weir_error *err)
{
    const char *mode = c->host->option(c->host->ctx, "journal_mode");
    char sql[64], got[16] = "";
    if (c->memory || c->file_read_only)
        return WEIR_OK;
    snprintf(sql, sizeof sql, "PRAGMA journal_mode=%s", mode);
    if (lite_execute(c, sql, take_word, got) != SQLITE_OK)
        return blame(c, path, err);
    if (sqlite3_stricmp(got, mode) == 0)
        return WEIR_OK;
    return c->host->fail(err, WEIR_E_CONNECT,
                         "'%s' stays in journal_mode %s: option journal_mode=%s is not possible there", path, got,
                         mode);
}

static int check_writable(struct lite_conn *c, const char *path, weir_error *err)
{
    if (c->read_only || !c->file_read_only)
        return WEIR_OK;
    c->host->fail(err, WEIR_E_READ_ONLY, "'%s' is read-only", path);
    err->native = SQLITE_READONLY;
    return WEIR_E_READ_ONLY;
}

static int open_path(struct lite_conn *c, const char *path, int64_t deadline_ns, weir_error *err)
{
    char name[PATH_SIZE];
    int st = choose_name(c, name, path, err);
    if (st == WEIR_OK && open_file(c, name, deadline_ns) != SQLITE_OK)
        st = blame(c, path, err);
    if (st == WEIR_OK)
        st = check_writable(c, path, err);
    if (st == WEIR_OK)
        st = set_journal_mode(c, path, err);
    if (st == WEIR_OK && (lite_teach_numbers(c) != SQLITE_OK || lite_settle(c) != SQLITE_OK))
        st = blame(c, path, err);
    return st;
}

int lite_open(void *conn, const weir_host *host, const weir_target *target, int64_t deadline_ns, weir_error *err)
{
    struct lite_conn *c = conn;
    c->host = host;
    c->read_only = target->read_only != 0;
    c->memory = strcmp(target->database, ":memory:") == 0;
    c->busy_ns = host->option_ns(host->ctx, "busy_timeout");
    if (!sqlite3_threadsafe())
        return host->fail(err, WEIR_E_UNSUPPORTED, "this SQLite library was built for one thread only");
    if (lite_mind_fork() != SQLITE_OK)
        return host->fail(
            err, WEIR_E_UNSUPPORTED,
            "this SQLite library cannot be used in a child of a process that has used it: open after fork");
    if (*target->host)
        return host->fail(err, WEIR_E_CONNECT, "SQLite has no host '%s': write sqlite:path/to/file.db", target->host);
    return open_path(c, target->database, deadline_ns, err);
}

/* A statement or blob that a borrower made on the native handle and never ended lives on until he does: hence close_v2. */
void lite_close(void *conn)
{
    struct lite_conn *c = conn;
    if (!c->db)
        return;
    lite_begins(c, 0);
    lite_abandon(c);
    lite_end_strays(c);
    lite_forget_all(c);
    sqlite3_close_v2(c->db);
    c->db = NULL;
}
