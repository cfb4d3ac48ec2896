/*
 * Servers of a test's own, and their guards.
 *
 *     test ──fork──► guard ──fork──► server
 *       └─── leash (a pipe) ──┘
 *
 * The guard ends when the server does.  It ends the server when the leash breaks: the test is gone then.
 * SPDX-License-Identifier: MIT
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <netinet/in.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "server.h"
#include "tap.h"

#define MINUTE 60.0
#define NOT_RUN 127

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void look_again_soon(void)
{
    nanosleep(&(struct timespec){ .tv_nsec = 5000000 }, NULL);
}

/* ---- programs, ports, folders */

static const char *find_in_path(const char *name)
{
    char path[4096];
    const char *at = getenv("PATH");
    while (at && *at) {
        size_t length = strcspn(at, ":");
        snprintf(path, sizeof path, "%.*s/%s", (int)length, at, name);
        if (access(path, X_OK) == 0)
            return strdup(path);
        at += length + (at[length] == ':');
    }
    return NULL;
}

const char *server_program(const char *const *candidates)
{
    const char *found = NULL;
    for (; *candidates && !found; candidates++)
        found = **candidates != '/' ? find_in_path(*candidates) : access(*candidates, X_OK) == 0 ? *candidates : NULL;
    return found;
}

static struct sockaddr_in loopback(int port)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return a;
}

/*
 * A connection that is closed on this side first waits on its port for a minute.  Nobody is given the port meanwhile who asks for any,
 * and a server may listen on it that says so (SO_REUSEADDR), as they do.
 */
static int keep_for_a_minute(int listener, const struct sockaddr_in *a)
{
    const int there = socket(AF_INET, SOCK_STREAM, 0);
    int here = -1;
    if (there >= 0 && listen(listener, 1) == 0 && connect(there, (const struct sockaddr *)a, sizeof *a) == 0)
        here = accept(listener, NULL, NULL);
    if (here >= 0)
        close(here);
    if (there >= 0)
        close(there);
    return here;
}

int server_free_port(void)
{
    struct sockaddr_in a = loopback(0);
    socklen_t size = sizeof a;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){ 1 }, sizeof(int)) < 0 ||
        bind(fd, (struct sockaddr *)&a, sizeof a) < 0 || getsockname(fd, (struct sockaddr *)&a, &size) < 0 ||
        keep_for_a_minute(fd, &a) < 0)
        tap_bail("no free port: %s", strerror(errno));
    close(fd);
    return ntohs(a.sin_port);
}

static const struct passwd *other_user(const char *user)
{
    const struct passwd *pw = user && geteuid() == 0 ? getpwnam(user) : NULL;
    if (user && geteuid() == 0 && !pw)
        tap_bail("there is no user %s", user);
    return pw;
}

char *server_folder(const char *name, const char *user)
{
    const struct passwd *pw = other_user(user);
    const char *top = tap_folder();
    size_t size = strlen(top) + strlen(name) + 2;
    char *path = malloc(size);
    if (!path)
        tap_bail("no memory");
    snprintf(path, size, "%s/%s", top, name);
    chmod(top, 0755); /* every folder above must let the user through */
    if (mkdir(path, 0700) < 0 || (pw && chown(path, pw->pw_uid, pw->pw_gid) < 0))
        tap_bail("%s: %s", path, strerror(errno));
    return path;
}

/* ---- processes */

static void write_to(const char *log)
{
    int fd = open(log, O_WRONLY | O_CREAT | O_APPEND, 0644), null = open("/dev/null", O_RDONLY);
    dup2(null, STDIN_FILENO);
    dup2(fd, STDOUT_FILENO);
    dup2(fd, STDERR_FILENO);
}

/* In the child: becomes the program. */
static void become(const struct passwd *pw, const char *log, const char *const *argv)
{
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    for (int fd = STDERR_FILENO + 1; fd < 256; fd++)
        fcntl(fd, F_SETFD, FD_CLOEXEC);
    write_to(log);
    if (pw && (setgroups(0, NULL) < 0 || setgid(pw->pw_gid) < 0 || setuid(pw->pw_uid) < 0))
        _exit(NOT_RUN);
    execv(argv[0], (char *const *)(uintptr_t)argv);
    fprintf(stderr, "%s: %s\n", argv[0], strerror(errno));
    _exit(NOT_RUN);
}

static pid_t spawn(const struct passwd *pw, const char *log, const char *const *argv)
{
    pid_t pid = fork();
    if (pid == 0)
        become(pw, log, argv);
    return pid;
}

/* Its status once it has ended; false: it has not, in that many seconds. */
static int ended_within(pid_t pid, int *status, double seconds)
{
    double until = now() + seconds;
    pid_t ended;
    while ((ended = waitpid(pid, status, WNOHANG)) == 0 && now() < until)
        look_again_soon();
    return ended == pid;
}

int server_run(const char *user, const char *log, const char *const *argv)
{
    int status = -1;
    pid_t pid = spawn(other_user(user), log, argv);
    if (pid < 0)
        return -1;
    if (!ended_within(pid, &status, MINUTE)) {
        kill(pid, SIGKILL);
        waitpid(pid, &status, 0);
        return -1;
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void on_child(int number)
{
    (void)number;
}

/* Until the server has ended or the leash is broken; whether it is the latter. */
static int watch(pid_t server, int leash)
{
    sigset_t awake;
    int status;
    sigemptyset(&awake);
    while (waitpid(server, &status, WNOHANG) == 0) {
        fd_set set;
        FD_ZERO(&set);
        FD_SET(leash, &set);
        if (pselect(leash + 1, &set, NULL, NULL, NULL, &awake) > 0)
            return 1;
    }
    return 0;
}

/* A SIGQUIT ends every server that there is at once, and those that would rather talk first get little time for it. */
static void put_down(pid_t server)
{
    int status;
    kill(server, SIGCONT);
    kill(server, SIGQUIT);
    if (!ended_within(server, &status, 5.0))
        kill(server, SIGKILL);
}

/* The guard's life.  It tells the test the server's process id through `tell`. */
static void guard(const struct passwd *pw, const char *log, const char *const *argv, int tell, int leash)
{
    sigset_t child;
    setsid();
    signal(SIGCHLD, on_child);
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    sigprocmask(SIG_BLOCK, &child, NULL); /* let in by pselect alone, so that none is missed */
    pid_t server = spawn(pw, log, argv);
    if (write(tell, &server, sizeof server) != (ssize_t)sizeof server || server < 0)
        _exit(1);
    close(tell);
    write_to("/dev/null"); /* whoever reads the test's output sees its end */
    if (watch(server, leash)) {
        put_down(server);
        tap_clear();
    }
    _exit(0);
}

void server_start(struct server *s, const char *user, const char *log, const char *const *argv)
{
    const struct passwd *pw = other_user(user);
    int tell[2], leash[2];
    if (pipe(tell) < 0 || pipe(leash) < 0)
        tap_bail("no pipe: %s", strerror(errno));
    fcntl(leash[1], F_SETFD, FD_CLOEXEC);
    s->guard = fork();
    if (s->guard == 0) {
        close(tell[0]);
        close(leash[1]);
        guard(pw, log, argv, tell[1], leash[0]);
    }
    close(tell[1]);
    close(leash[0]);
    s->leash = leash[1];
    if (s->guard < 0 || read(tell[0], &s->pid, sizeof s->pid) != (ssize_t)sizeof s->pid || s->pid < 0)
        tap_bail("cannot start %s", argv[0]);
    close(tell[0]);
}

int server_is_running(const struct server *s)
{
    return s->pid > 0 && kill(s->pid, 0) == 0;
}

int server_answers(const struct server *s, int port)
{
    struct sockaddr_in a = loopback(port);
    double until = now() + MINUTE;
    while (server_is_running(s) && now() < until) {
        int fd = socket(AF_INET, SOCK_STREAM, 0);
        int connected = fd >= 0 && connect(fd, (struct sockaddr *)&a, sizeof a) == 0;
        if (fd >= 0)
            close(fd);
        if (connected)
            return 1;
        look_again_soon();
    }
    return 0;
}

/* 'T': none of its threads does anything more.  The signal alone has only told one of them. */
static char state_of(pid_t pid)
{
    char path[64], state = 'T';
    snprintf(path, sizeof path, "/proc/%ld/stat", (long)pid);
    FILE *f = fopen(path, "r");
    if (f && fscanf(f, "%*d (%*[^)]) %c", &state) != 1)
        state = '?';
    if (f)
        fclose(f);
    return state;
}

void server_freeze(const struct server *s)
{
    const double until = now() + MINUTE;
    kill(s->pid, SIGSTOP);
    while (state_of(s->pid) != 'T' && now() < until)
        look_again_soon();
}

void server_stop(struct server *s, int number)
{
    int status;
    if (s->pid <= 0)
        return;
    kill(s->pid, number);
    if (!ended_within(s->guard, &status, MINUTE)) {
        kill(s->pid, SIGKILL);
        waitpid(s->guard, &status, 0);
    }
    close(s->leash);
    *s = (struct server){ .leash = -1 };
}

void server_show_log(const char *log)
{
    char line[512];
    FILE *f = fopen(log, "r");
    if (!f)
        return;
    if (fseek(f, -4000, SEEK_END) < 0)
        rewind(f);
    while (fgets(line, sizeof line, f)) {
        line[strcspn(line, "\n")] = '\0';
        tap_note("  %s", line);
    }
    fclose(f);
}
