/*
 * A query that never ends, stopped twice: by its deadline, and by another thread that cancels it.  Rows are read as the server makes
 * them; the whole result is in memory nowhere.
 * SPDX-License-Identifier: MIT
 */
#include <pthread.h>
#include <stdio.h>
#include <weir.h>

#define ENDLESS "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n"

/* A watcher waits until enough rows have come, then cancels. */
struct watch {
    pthread_mutex_t lock;
    pthread_cond_t wake;
    weir_conn conn; /* a copy: a handle is a value */
    int enough, over;
};

static void *watch_main(void *arg)
{
    struct watch *w = arg;
    weir_error err;
    pthread_mutex_lock(&w->lock);
    while (!w->enough && !w->over)
        pthread_cond_wait(&w->wake, &w->lock);
    int wanted = !w->over;
    pthread_mutex_unlock(&w->lock);
    if (wanted && weir_cancel(w->conn, &err) < 0)
        fprintf(stderr, "stream: cannot cancel: %s\n", err.text);
    return NULL;
}

static void tell(struct watch *w, int *flag)
{
    pthread_mutex_lock(&w->lock);
    *flag = 1;
    pthread_cond_signal(&w->wake);
    pthread_mutex_unlock(&w->lock);
}

/* Reads to the end, which only a failure brings; w NULL: nobody watches. */
static int read_rows(weir_conn conn, weir_deadline deadline, struct watch *w, weir_error *err)
{
    weir_rows rows;
    int64_t count = 0;
    int st = weir_query(&rows, conn, ENDLESS, WEIR_NO_ARGS, deadline, err);
    if (st < 0)
        return st;
    while (weir_rows_next(rows, NULL) == WEIR_ROW)
        if (weir_rows_int(rows, 0) == ++count && count == 1000 && w)
            tell(w, &w->enough);
    return weir_rows_close(&rows, err);
}

static int until_cancelled(weir_conn conn, weir_error *err)
{
    struct watch w = { .conn = conn };
    pthread_t watcher;
    pthread_mutex_init(&w.lock, NULL);
    pthread_cond_init(&w.wake, NULL);
    int st = WEIR_OK;
    if (pthread_create(&watcher, NULL, watch_main, &w) == 0) {
        st = read_rows(conn, weir_after_ms(60000), &w, err);
        tell(&w, &w.over);
        pthread_join(watcher, NULL);
    }
    pthread_cond_destroy(&w.wake);
    pthread_mutex_destroy(&w.lock);
    return st;
}

int main(int argc, char **argv)
{
    weir_db *db;
    weir_conn conn = { 0 };
    weir_error err;
    int st = weir_db_open(&db, argc > 1 ? argv[1] : "sqlite::memory:", NULL, &err);
    if (st >= 0)
        st = weir_acquire(&conn, db, WEIR_READ, weir_after_ms(5000), &err);
    if (st < 0)
        fprintf(stderr, "stream: %s\n", err.text);
    if (st >= 0) {
        st = read_rows(conn, weir_after_ms(50), NULL, &err);
        printf("after 50 ms: %s\n", weir_status_name(st));
        st = until_cancelled(conn, &err);
        printf("after a cancel: %s\n", weir_status_name(st));
    }
    weir_release(&conn);
    weir_db_close(&db);
    return st != WEIR_E_CANCELLED;
}
