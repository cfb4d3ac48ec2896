/*
 * The servers of tests: started, signalled, stopped, and put down when their test dies.
 * SPDX-License-Identifier: MIT
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "server.h"
#include "tap.h"

static const char *shell;

static const char *log_file(void)
{
    static char path[256];
    snprintf(path, sizeof path, "%s/log", tap_folder());
    return path;
}

static void start_sleeper(struct server *s)
{
    server_start(s, NULL, log_file(),
                 (const char *const[]){ shell, "-c", "while :; do read x </dev/null; done", NULL });
}

static void test_run(void)
{
    is_int(server_run(NULL, log_file(), (const char *const[]){ shell, "-c", "exit 3", NULL }), 3,
           "a program that is run to its end gives its exit status");
    is_int(server_run(NULL, log_file(), (const char *const[]){ shell, "-c", "kill -9 $$", NULL }), -1,
           "one that is killed gives -1");
    ok(server_program((const char *const[]){ "/no/such/thing", "no-such-thing-either", NULL }) == NULL,
       "a program that is not there is not found");
}

static void test_start_and_stop(void)
{
    struct server s = { 0 };
    start_sleeper(&s);
    ok(server_is_running(&s), "a started server runs");
    pid_t pid = s.pid;
    server_stop(&s, SIGTERM);
    ok(kill(pid, 0) < 0, "and is gone when it has been stopped");
    is_int(s.pid, 0, "which its struct says too");
    server_stop(&s, SIGTERM);
    ok(1, "stopping it again does nothing");
}

static int compare(const void *a, const void *b)
{
    return *(const int *)a - *(const int *)b;
}

static void test_ports(void)
{
    int ports[1000], twice = 0;
    for (int i = 0; i < 1000; i++)
        ports[i] = server_free_port();
    qsort(ports, 1000, sizeof *ports, compare);
    for (int i = 1; i < 1000; i++)
        twice += ports[i] == ports[i - 1];
    is_int(twice, 0, "of a thousand free ports none is given twice");
}

static void test_answers(void)
{
    struct server s = { 0 };
    server_start(&s, NULL, log_file(), (const char *const[]){ shell, "-c", "exit 0", NULL });
    is_int(server_answers(&s, server_free_port()), 0, "a server that ends at once never answers");
    server_stop(&s, SIGTERM);
}

/* A test in a process of its own, which dies without a word. */
static pid_t die_with_server(int tell)
{
    struct server s = { 0 };
    pid_t child = fork();
    if (child)
        return child;
    start_sleeper(&s);
    if (write(tell, &s.pid, sizeof s.pid) != (ssize_t)sizeof s.pid)
        _exit(1);
    raise(SIGKILL);
    _exit(1);
}

/* Its guard is nobody's child here, so there is nothing to wait for but the fact. */
static int is_gone(pid_t pid)
{
    for (int i = 0; i < 20000 && kill(pid, 0) == 0; i++)
        usleep(1000);
    return kill(pid, 0) < 0;
}

static void test_guard(void)
{
    int tell[2];
    pid_t server = 0;
    struct stat st;
    tap_folder();
    if (pipe(tell) < 0)
        tap_bail("no pipe");
    pid_t child = die_with_server(tell[1]);
    waitpid(child, NULL, 0);
    ok(read(tell[0], &server, sizeof server) == (ssize_t)sizeof server && server > 0, "a test that died had a server");
    ok(is_gone(server), "which its guard has put down");
    for (int i = 0; i < 20000 && stat(tap_folder(), &st) == 0; i++)
        usleep(1000);
    ok(stat(tap_folder(), &st) < 0, "and the test's folder is cleared");
}

int main(void)
{
    shell = server_program((const char *const[]){ "sh", NULL });
    test_run();
    test_start_and_stop();
    test_ports();
    test_answers();
    test_guard();
    return tap_done();
}
