/*
 * Servers of a test's own: started on loopback with their data in the test's folder, stopped by process id.  A guard process, the
 * server's parent, stops it and clears the folder when the test dies, however it dies.
 * SPDX-License-Identifier: MIT
 */
#ifndef T_SERVER_H
#define T_SERVER_H

#include <sys/types.h>

struct server {
    pid_t pid;   /* the server's, to be signalled at will; 0: none */
    pid_t guard; /* its parent */
    int leash;   /* the guard's pipe: it acts when no test holds the other end any more */
};

/* The first of these programs (absolute, or looked for in PATH) that can be run, as a path that lives on; NULL: there is none. */
const char *server_program(const char *const *candidates);
/* A TCP port on 127.0.0.1 that nobody listens on, nor is given to anybody else for a minute. */
int server_free_port(void);
/* A folder in the test's own, which that user may write to; the text is allocated and lives on. */
char *server_folder(const char *name, const char *user);

/* Runs argv to its end, its output added to the file `log`: its exit status, -1 if it died otherwise or took longer than a minute.
   A root's test does so as `user`; anybody else's, or with user NULL, as itself. */
int server_run(const char *user, const char *log, const char *const *argv);
/* Starts argv in the same way and leaves it running.  Bails out if it cannot. */
void server_start(struct server *s, const char *user, const char *log, const char *const *argv);
/* Whether somebody listens on that port of 127.0.0.1, within a minute; 0 as soon as the server has ended. */
int server_answers(const struct server *s, int port);
int server_is_running(const struct server *s);
/* Stops it where it is, until SIGCONT. */
void server_freeze(const struct server *s);
/* Sends the signal and waits for the end; after a minute, SIGKILL.  Nothing if it is not running. */
void server_stop(struct server *s, int signal);
/* Notes the last lines of a log for the reader. */
void server_show_log(const char *log);

#endif
