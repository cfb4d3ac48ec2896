/*
 * A database from the environment: DATABASE_URL, or the MYSQL_… names; DB_POOL_SIZE with either; and no secret in any error.
 * SPDX-License-Identifier: MIT
 */
#include "rig.h"

static void clear(void)
{
    static const char *const names[] = { "DATABASE_URL", "DB_POOL_SIZE",   "MYSQL_HOST",     "MYSQL_PORT",
                                         "MYSQL_USER",   "MYSQL_PASSWORD", "MYSQL_DATABASE", "MYSQL_PASSWORD_FILE" };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        unsetenv(names[i]);
}

/* What opening makes of the environment: the size of the pool, or the status. */
static int open_it(const weir_hooks *hooks)
{
    weir_db *db = (weir_db *)(uintptr_t)1;
    memset(&err, 0, sizeof err);
    int status = weir_db_open_env(&db, hooks, &err);
    if (status < 0) {
        ok(!db && err.status == status && !strstr(err.text, "geheim"), "nothing is opened, no secret told: %s",
           err.text);
        return status;
    }
    int size = (int)figures(db).max;
    weir_db_close(&db);
    return size;
}

static void by_url(void)
{
    const char *const seven[] = { "pool_size", "7", NULL };
    const weir_hooks hooks = { .size = sizeof hooks, .options = seven };
    clear();
    is_int(open_it(NULL), WEIR_E_OPTION, "an empty environment has no database");
    has_text(err.text, "neither DATABASE_URL nor MYSQL_HOST", "  and is told what could be there");
    setenv("DATABASE_URL", "", 1);
    is_int(open_it(NULL), WEIR_E_OPTION, "an empty variable is as good as none");
    setenv("DATABASE_URL", "null://env/db", 1);
    is_int(open_it(NULL), 8, "DATABASE_URL has a database");
    setenv("DB_POOL_SIZE", "3", 1);
    is_int(open_it(NULL), 3, "DB_POOL_SIZE its size");
    setenv("MYSQL_HOST", "elsewhere", 1);
    is_int(open_it(NULL), 3, "  of whatever else there may be");
    setenv("DATABASE_URL", "null://env/db?pool_size=5", 1);
    is_int(open_it(NULL), 5, "the URL weighs more than the environment");
    is_int(open_it(&hooks), 7, "and the program more than that");
    setenv("DB_POOL_SIZE", "many", 1);
    is_int(open_it(&hooks), WEIR_E_OPTION, "what is outweighed must be right all the same");
    has_text(err.text, "pool_size", "  and is told by its option");
    setenv("DB_POOL_SIZE", "", 1);
    setenv("DATABASE_URL", "null://u:geheim@env/db?pool_sise=5", 1);
    is_int(open_it(NULL), WEIR_E_OPTION, "a URL that is wrong");
    setenv("DATABASE_URL", "null://u:geheim/no@env/db", 1);
    is_int(open_it(NULL), WEIR_E_OPTION, "  or whose password should have been encoded");
    setenv("DATABASE_URL", "//u:geheim@env/db", 1);
    is_int(open_it(NULL), WEIR_E_OPTION, "  or that has no scheme");
}

/* Whether this build has a driver for it or not: then that is all that is wrong. */
static int opens_mysql(void)
{
    int found = open_it(NULL);
    return found > 0 || (found == WEIR_E_OPTION && strstr(err.text, "scheme 'mysql'"));
}

static void by_names(void)
{
    clear();
    setenv("MYSQL_HOST", "db.example", 1);
    ok(opens_mysql(), "MYSQL_HOST alone names a server");
    setenv("MYSQL_PORT", "3307", 1);
    setenv("MYSQL_DATABASE", "crypto_prices", 1);
    setenv("MYSQL_USER", "collector", 1);
    setenv("MYSQL_PASSWORD", "geheim", 1);
    ok(opens_mysql(), "with port, database, user and password");
    setenv("MYSQL_USER", "a:b@c/d?e=f&g%h#i", 1);
    setenv("MYSQL_PASSWORD", "geheim:@/?=&%# \"'\\", 1);
    setenv("MYSQL_DATABASE", "a/b?c@d", 1);
    ok(opens_mysql(), "in which any character may be");
    setenv("MYSQL_PASSWORD", "", 1);
    setenv("MYSQL_PASSWORD_FILE", "/nowhere/geheim", 1);
    ok(opens_mysql(), "the password may be in a file, which is read when connecting");
    setenv("MYSQL_PORT", "33o7", 1);
    is_int(open_it(NULL), WEIR_E_OPTION, "a port that is no number");
    has_text(err.text, "port", "  is called that");
    char long_name[5000];
    memset(long_name, 'x', sizeof long_name - 1);
    long_name[sizeof long_name - 1] = '\0';
    setenv("MYSQL_PORT", "", 1);
    setenv("MYSQL_PASSWORD", long_name, 1);
    is_int(open_it(NULL), WEIR_E_OPTION, "a password of five thousand letters");
    has_text(err.text, "longer than a URL may be", "  is too long");
}

/* ---- passwords by file and by hook, asked for at each connect */

static void password_file(void)
{
    char path[128], url[256];
    weir_db *db;
    weir_conn conn;
    snprintf(path, sizeof path, "%s/password", tap_folder());
    snprintf(url, sizeof url, "null://files/db?connect_backoff=1ms&connect_backoff_max=1ms&password_file=%s", path);
    setenv("DATABASE_URL", url, 1);
    if (weir_db_open_env(&db, NULL, &err) < 0)
        tap_bail("%s", err.text);
    int status = weir_acquire(&conn, db, WEIR_WRITE, LONG, &err);
    ok(status < 0 && strstr(err.text, "option 'password_file'") && strstr(err.text, path),
       "a password file that is not there: %s", err.text);
    FILE *file = fopen(path, "w");
    if (!file)
        tap_bail("cannot write %s", path);
    fputs("geheim\n", file);
    fclose(file);
    AWAIT(weir_acquire(&conn, db, WEIR_WRITE, LONG, &err) == WEIR_OK);
    ok(conn.slot != NULL, "is read as soon as it is");
    weir_release(&conn);
    weir_db_close(&db);
}

int main(void)
{
    by_url();
    by_names();
    clear();
    password_file();
    return tap_done();
}
