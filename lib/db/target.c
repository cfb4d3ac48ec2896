/*
 * Where a connect goes, and with which password: asked for anew each time, so that a rotated secret works.
 * SPDX-License-Identifier: MIT
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#include <base/error.h>
#include <db/inside.h>

static int read_whole(int fd, char *out, size_t size, size_t *length)
{
    *length = 0;
    while (*length < size) {
        ssize_t n = read(fd, out + *length, size - *length);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return (int)n;
        *length += (size_t)n;
    }
    errno = EFBIG;
    return -1;
}

/* The first line of the file. */
static int read_password(const char *path, char *secret, size_t size, weir_error *err)
{
    size_t length = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    int status = fd < 0 ? -1 : read_whole(fd, secret, size, &length);
    int cause = errno;
    if (fd >= 0)
        close(fd);
    if (status < 0)
        return fail(err, WEIR_E_OPTION, "option 'password_file': cannot read '%s': %s", path, strerror(cause));
    secret[length] = '\0';
    secret[strcspn(secret, "\r\n")] = '\0';
    return WEIR_OK;
}

static int ask_program(const weir_db *db, char *secret, size_t size, weir_error *err)
{
    if (db->hooks.credentials(db->hooks.arg, secret, size) < 0)
        return fail(err, WEIR_E_AUTH, "the program's credentials hook has no password now");
    secret[size - 1] = '\0';
    return WEIR_OK;
}

int db_target(void *arg, weir_target *target, char *secret, size_t size, weir_error *err)
{
    const weir_db *db = arg;
    const char *file = options_text(&db->options, "password_file");
    int status = WEIR_OK;
    target->host = db->uri.host_count ? db->uri.hosts[0].name : "";
    target->port = db->uri.host_count ? db->uri.hosts[0].port : 0;
    target->database = db->uri.database;
    target->user = db->uri.user;
    target->password = db->uri.password;
    if (db->hooks.credentials)
        status = ask_program(db, secret, size, err);
    else if (*file)
        status = read_password(file, secret, size, err);
    else
        return WEIR_OK;
    target->password = secret;
    return status;
}
