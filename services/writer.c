/*
 * The threads that write.  Each has a queue of chains, gathers BATCH_CHAINS of them (fewer when it is told to flush), and writes them in
 * one transaction.  Batches are cut by number and not by time, so the same input gives the same transactions.
 * SPDX-License-Identifier: MIT
 */
#include "hash.h"
#include "memory.h"
#include "merge.h"

#define BATCH_CHAINS 250
#define QUEUE_CHAINS (4 * BATCH_CHAINS) /* what may wait: it bounds memory when reading is faster than writing */
#define DOUBT_TRIES 3

struct writer {
    struct run *run;
    pthread_t thread;
    pthread_mutex_t lock; /* guards all below */
    pthread_cond_t work;  /* there is a batch, or reason not to wait for one */
    pthread_cond_t room;  /* the queue became shorter, or all is written */
    struct row *queue[QUEUE_CHAINS];
    size_t first, count;
    int busy;  /* a batch is being written */
    int flush; /* do not wait for a full batch */
    int closed;
};

/* A batch, and what came of its transaction.  The body may run several times; it only reads rows and writes the counts. */
struct batch {
    struct run *run;
    struct row **rows;
    size_t count;
    size_t stored;   /* what counts as stored: keys, of any table but assets */
    int64_t entered; /* when the body first ran: a connection was there */
    unsigned deadlocks;
};

static int write_rows(weir_conn conn, void *arg, weir_error *err)
{
    struct batch *b = arg;
    if (!b->entered)
        b->entered = now_us();
    int st = rows_write(conn, b->rows, b->count, err);
    b->deadlocks += st == WEIR_E_DEADLOCK || st == WEIR_E_SERIALIZATION;
    return st;
}

static void count_batch(const struct batch *b, int64_t began, const weir_outcome *outcome, int done)
{
    struct figures *f = &b->run->figures;
    int64_t entered = b->entered ? b->entered : now_us();
    pthread_mutex_lock(&b->run->lock);
    f->stored += done ? b->stored : 0;
    f->transactions += (uint64_t)done;
    f->retries += outcome->attempts > 1 ? outcome->attempts - 1 : 0;
    f->deadlocks += b->deadlocks;
    spread_add(&f->wait, entered - began);
    spread_add(&f->work, now_us() - entered);
    pthread_mutex_unlock(&b->run->lock);
}

/* What a row becomes is decided in the statement that writes it: a stricter isolation would only lock more. */
static const weir_transact_options loose = { .size = sizeof loose, .isolation = WEIR_READ_COMMITTED };

/* A commit whose end nobody knows is simply written again: the same rows give the same content. */
static int transact(struct batch *b)
{
    weir_outcome outcome = { .attempts = 0 };
    weir_error err;
    int st = WEIR_E_IN_DOUBT;
    for (int i = 0; i < DOUBT_TRIES && st == WEIR_E_IN_DOUBT; i++) {
        int64_t began = now_us();
        b->entered = 0;
        b->deadlocks = 0;
        st = weir_transact(&outcome, b->run->house->db, write_rows, b, &loose, weir_after_ms(PATIENCE_MS), &err);
        count_batch(b, began, &outcome, st == 0);
    }
    return st < 0 ? run_fail(b->run, "%s (%s)", err.text, weir_status_name(st)) : 0;
}

static size_t list_rows(struct row ***rows, struct row *const *chains, size_t count)
{
    size_t n = 0;
    for (size_t i = 0; i < count; i++)
        for (struct row *r = chains[i]; r; r = r->next)
            r->turn = n++;
    *rows = grow(NULL, n * sizeof **rows);
    for (size_t i = 0; i < count; i++)
        for (struct row *r = chains[i]; r; r = r->next)
            (*rows)[r->turn] = r;
    return n;
}

static void write_batch(struct run *run, struct row *const *chains, size_t count)
{
    struct batch b = { .run = run };
    b.count = list_rows(&b.rows, chains, count);
    rows_order(b.rows, b.count);
    const size_t assets = b.count && b.rows[0]->table == ASSETS ? rows_of_table(b.rows, b.count) : 0;
    b.stored = rows_keys(b.rows + assets, b.count - assets);
    if (!run_failed(run))
        transact(&b);
    for (size_t i = 0; i < b.count; i++)
        free(b.rows[i]);
    free(b.rows);
}

/* 0: closed, and nothing is left. */
static size_t take_batch(struct writer *w, struct row *chains[BATCH_CHAINS])
{
    size_t taken = 0;
    pthread_mutex_lock(&w->lock);
    while (w->count < BATCH_CHAINS && !w->closed && !(w->flush && w->count > 0))
        pthread_cond_wait(&w->work, &w->lock);
    for (; w->count > 0 && taken < BATCH_CHAINS; w->count--, taken++) {
        chains[taken] = w->queue[w->first];
        w->first = (w->first + 1) % QUEUE_CHAINS;
    }
    w->busy = taken > 0;
    pthread_cond_broadcast(&w->room);
    pthread_mutex_unlock(&w->lock);
    return taken;
}

static void batch_is_written(struct writer *w)
{
    pthread_mutex_lock(&w->lock);
    w->busy = 0;
    pthread_cond_broadcast(&w->room);
    pthread_mutex_unlock(&w->lock);
}

static void *write_all(void *arg)
{
    struct writer *w = arg;
    struct row *chains[BATCH_CHAINS];
    size_t count;
    while ((count = take_batch(w, chains)) > 0) {
        write_batch(w->run, chains, count);
        batch_is_written(w);
    }
    return NULL;
}

static struct writer *owner_of(const struct run *run, const struct row *row)
{
    struct hash h = hash_start();
    for (size_t i = 0; i < schema[row->table].keys; i++) {
        const weir_value *v = &row->v[i];
        h = v->type == WEIR_TEXT ? hash_add(h, v->as.p, v->length + 1) : hash_add(h, &v->as.i, sizeof v->as.i);
    }
    return &run->writers[h.low % run->house->workers];
}

int run_store(struct run *run, struct row *chain)
{
    struct writer *w = owner_of(run, chain);
    pthread_mutex_lock(&w->lock);
    while (w->count == QUEUE_CHAINS)
        pthread_cond_wait(&w->room, &w->lock);
    w->queue[(w->first + w->count++) % QUEUE_CHAINS] = chain;
    if (w->count >= BATCH_CHAINS)
        pthread_cond_signal(&w->work);
    pthread_mutex_unlock(&w->lock);
    return run_failed(run) ? -1 : 0;
}

static void set_flush(struct writer *w, int flush)
{
    pthread_mutex_lock(&w->lock);
    w->flush = flush;
    pthread_cond_signal(&w->work);
    pthread_mutex_unlock(&w->lock);
}

static void wait_until_idle(struct writer *w)
{
    pthread_mutex_lock(&w->lock);
    while (w->count > 0 || w->busy)
        pthread_cond_wait(&w->room, &w->lock);
    pthread_mutex_unlock(&w->lock);
}

int run_flush(struct run *run)
{
    for (unsigned i = 0; i < run->house->workers; i++)
        set_flush(&run->writers[i], 1);
    for (unsigned i = 0; i < run->house->workers; i++) {
        wait_until_idle(&run->writers[i]);
        set_flush(&run->writers[i], 0);
    }
    return run_failed(run) ? -1 : 0;
}

void writers_start(struct run *run)
{
    run->writers = need_zeroed(run->house->workers * sizeof *run->writers);
    for (unsigned i = 0; i < run->house->workers; i++) {
        struct writer *w = &run->writers[i];
        w->run = run;
        pthread_mutex_init(&w->lock, NULL);
        pthread_cond_init(&w->work, NULL);
        pthread_cond_init(&w->room, NULL);
        if (pthread_create(&w->thread, NULL, write_all, w) != 0)
            give_up("cannot start a thread");
    }
}

static void writer_close(struct writer *w)
{
    pthread_mutex_lock(&w->lock);
    w->closed = 1;
    pthread_cond_signal(&w->work);
    pthread_mutex_unlock(&w->lock);
}

void writers_join(struct run *run)
{
    for (unsigned i = 0; i < run->house->workers; i++) {
        struct writer *w = &run->writers[i];
        writer_close(w);
        pthread_join(w->thread, NULL);
        pthread_cond_destroy(&w->room);
        pthread_cond_destroy(&w->work);
        pthread_mutex_destroy(&w->lock);
    }
    free(run->writers);
    run->writers = NULL;
}
