/*
 * The two sides without weir: as it was, and as well as it can be done by hand.
 * SPDX-License-Identifier: MIT
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include "services.h"

#define CONNECTIONS_MAX 64
#define ATTEMPTS 10
#define PAUSE_US 1000

/* ---- before: a connection per operation, rows as they come, no second try */

struct bare_side {
    const struct database *database;
    atomic_int connects;
};

static void *open_bare(const struct bench *b, const struct mode *m)
{
    (void)m;
    struct bare_side *s = calloc(1, sizeof *s);
    must(s, "the bare side", "no memory");
    s->database = b->database;
    return s;
}

static enum end operate_bare(void *side, struct operation *o, const struct mode *m, int think_us, int *retries)
{
    struct bare_side *s = side;
    (void)retries;
    void *conn = s->database->connect();
    if (!conn)
        return FAILED;
    atomic_fetch_add(&s->connects, 1);
    const enum end end = s->database->operate(conn, o, m->how, think_us);
    s->database->disconnect(conn);
    return end;
}

static void close_bare(void *side, struct figures *f)
{
    struct bare_side *s = side;
    f->connects = atomic_load(&s->connects);
    free(s);
}

const struct side side_bare = { .open = open_bare, .operate = operate_bare, .close = close_bare };

/* ---- by hand: as many connections as may write at once, kept; rows in order; a conflict is tried again */

struct hand_side {
    const struct database *database;
    pthread_mutex_t lock; /* guards what is below */
    pthread_cond_t more;
    void *free[CONNECTIONS_MAX];
    int count, connects;
};

static void *open_hand(const struct bench *b, const struct mode *m)
{
    struct hand_side *s = calloc(1, sizeof *s);
    must(s && m->bound <= CONNECTIONS_MAX, "the side by hand", "no memory");
    s->database = b->database;
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->more, NULL);
    for (; s->count < m->bound; s->count++)
        must((s->free[s->count] = b->database->connect()) != NULL, "connect", b->database->library);
    s->connects = s->count;
    return s;
}

static void *take(struct hand_side *s)
{
    pthread_mutex_lock(&s->lock);
    while (s->count == 0)
        pthread_cond_wait(&s->more, &s->lock);
    void *conn = s->free[--s->count];
    pthread_mutex_unlock(&s->lock);
    return conn;
}

static void give_back(struct hand_side *s, void *conn)
{
    pthread_mutex_lock(&s->lock);
    s->free[s->count++] = conn;
    pthread_cond_signal(&s->more);
    pthread_mutex_unlock(&s->lock);
}

static enum end operate_hand(void *side, struct operation *o, const struct mode *m, int think_us, int *retries)
{
    struct hand_side *s = side;
    work_sort(o);
    void *conn = take(s);
    enum end end = s->database->operate(conn, o, m->how, think_us);
    for (int i = 1; end == CONFLICT && i < ATTEMPTS; i++) {
        ++*retries;
        think(PAUSE_US * i);
        end = s->database->operate(conn, o, m->how, think_us);
    }
    give_back(s, conn);
    return end;
}

static void close_hand(void *side, struct figures *f)
{
    struct hand_side *s = side;
    f->connects = s->connects;
    while (s->count)
        s->database->disconnect(s->free[--s->count]);
    pthread_cond_destroy(&s->more);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

const struct side side_hand = { .open = open_hand, .operate = operate_hand, .close = close_hand };
