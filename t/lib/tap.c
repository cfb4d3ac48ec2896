/*
 * TAP from a C test program.
 * SPDX-License-Identifier: MIT
 */
#include <ftw.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "tap.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* guards all below, and that lines stay whole */
static int count, failed;
static char folder[64];

static void say(FILE *to, const char *format, va_list args)
{
    vfprintf(to, format, args);
    fputc('\n', to);
    fflush(to);
}

static int report(int fact, const char *file, int line, const char *format, va_list args)
{
    pthread_mutex_lock(&lock);
    count++;
    failed += !fact;
    printf("%s %d - ", fact ? "ok" : "not ok", count);
    say(stdout, format, args);
    if (!fact)
        printf("#   at %s:%d\n", file, line);
    pthread_mutex_unlock(&lock);
    return fact;
}

int tap_ok(int fact, const char *file, int line, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    report(fact, file, line, format, args);
    va_end(args);
    return fact;
}

int tap_is_int(int64_t got, int64_t want, const char *file, int line, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int fact = report(got == want, file, line, format, args);
    va_end(args);
    if (!fact)
        tap_note("  got %lld, want %lld", (long long)got, (long long)want);
    return fact;
}

int tap_is_text(const char *got, const char *want, const char *file, int line, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int fact = report(got == want || (got && want && strcmp(got, want) == 0), file, line, format, args);
    va_end(args);
    if (!fact)
        tap_note("  got \"%s\", want \"%s\"", got ? got : "(null)", want ? want : "(null)");
    return fact;
}

int tap_has_text(const char *got, const char *part, const char *file, int line, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int fact = report(got && strstr(got, part), file, line, format, args);
    va_end(args);
    if (!fact)
        tap_note("  got \"%s\", want \"%s\" in it", got ? got : "(null)", part);
    return fact;
}

void tap_note(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    pthread_mutex_lock(&lock);
    fputs("# ", stdout);
    say(stdout, format, args);
    pthread_mutex_unlock(&lock);
    va_end(args);
}

void tap_skip(int facts, const char *format, ...)
{
    va_list args;
    pthread_mutex_lock(&lock);
    while (facts-- > 0) {
        printf("ok %d # SKIP ", ++count);
        va_start(args, format);
        say(stdout, format, args);
        va_end(args);
    }
    pthread_mutex_unlock(&lock);
}

void tap_skip_all(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    const char *ci = getenv("CI");
    fputs(ci && *ci ? "Bail out! nothing may be skipped in CI: " : "1..0 # SKIP ", stdout);
    say(stdout, format, args);
    va_end(args);
    exit(ci && *ci ? 1 : 0);
}

void tap_bail(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fputs("Bail out! ", stdout);
    say(stdout, format, args);
    va_end(args);
    exit(1);
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
    (void)st;
    (void)kind;
    (void)ftw;
    return remove(path);
}

void tap_clear(void)
{
    if (folder[0])
        nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    folder[0] = '\0';
}

const char *tap_folder(void)
{
    if (!folder[0]) {
        strcpy(folder, "/tmp/weir-t.XXXXXX");
        if (!mkdtemp(folder))
            tap_bail("cannot make a folder in /tmp");
    }
    return folder;
}

int tap_done(void)
{
    tap_clear();
    printf("1..%d\n", count);
    fflush(stdout);
    return failed ? 1 : 0;
}
