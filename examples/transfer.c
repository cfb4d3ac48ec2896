/*
 * Transfers between two accounts from four threads, half of them in one direction and half in the other: what a server answers with a
 * deadlock now and then.  weir_transact runs such a transfer again, so that no thread sees it; what is left at the end is the sum.
 * SPDX-License-Identifier: MIT
 */
#include <pthread.h>
#include <stdio.h>
#include <weir.h>
#include <weir/observe.h>

#define THREADS 4
#define TRANSFERS 100

struct transfer {
    int64_t from, to, amount;
};

static int add(weir_conn conn, int64_t account, int64_t amount, weir_error *err)
{
    return weir_exec(NULL, conn, "UPDATE accounts SET balance = balance + ? WHERE id = ?",
                     WEIR_ARGS(weir_int(amount), weir_int(account)), (weir_deadline){ 0 }, err);
}

/* The body may run more than once: it has no effect but on the database, and everything it needs is in arg. */
static int move_money(weir_conn conn, void *arg, weir_error *err)
{
    const struct transfer *t = arg;
    int st = add(conn, t->from, -t->amount, err);
    return st < 0 ? st : add(conn, t->to, t->amount, err);
}

struct worker {
    pthread_t thread;
    weir_db *db;
    struct transfer transfer;
    unsigned attempts; /* of all its transfers */
    int status;
    weir_error err;
};

static void *work(void *arg)
{
    struct worker *w = arg;
    for (int i = 0; i < TRANSFERS && w->status >= 0; i++) {
        weir_outcome outcome;
        w->status = weir_transact(&outcome, w->db, move_money, &w->transfer, NULL, weir_after_ms(30000), &w->err);
        w->attempts += outcome.attempts;
    }
    return NULL;
}

static int set_up(weir_db *db, weir_error *err)
{
    weir_conn conn;
    int st = weir_acquire(&conn, db, WEIR_WRITE, weir_after_ms(5000), err);
    if (st < 0)
        return st;
    st = weir_exec(NULL, conn, "CREATE TABLE accounts (id INTEGER PRIMARY KEY, balance BIGINT NOT NULL)", WEIR_NO_ARGS,
                   (weir_deadline){ 0 }, err);
    if (st >= 0)
        st = weir_exec(NULL, conn, "INSERT INTO accounts (id, balance) VALUES (1, 1000), (2, 1000)", WEIR_NO_ARGS,
                       (weir_deadline){ 0 }, err);
    weir_release(&conn);
    return st;
}

/* Returns the worst that happened to a thread. */
static int run_all(weir_db *db, unsigned *attempts, weir_error *err)
{
    struct worker workers[THREADS] = { 0 };
    int st = WEIR_OK;
    for (int i = 0; i < THREADS; i++) {
        struct worker *w = &workers[i];
        w->db = db;
        w->transfer = i % 2 ? (struct transfer){ 1, 2, 5 } : (struct transfer){ 2, 1, 5 };
        if (pthread_create(&w->thread, NULL, work, w))
            w->db = NULL;
    }
    for (int i = 0; i < THREADS; i++) {
        struct worker *w = &workers[i];
        if (w->db)
            pthread_join(w->thread, NULL);
        *attempts += w->attempts;
        if (w->status < 0) {
            st = w->status;
            *err = w->err;
        }
    }
    return st;
}

static int sum(int64_t *out, weir_db *db, weir_error *err)
{
    weir_conn conn;
    weir_rows rows;
    int st = weir_acquire(&conn, db, WEIR_READ, weir_after_ms(5000), err);
    if (st < 0)
        return st;
    st = weir_query(&rows, conn, "SELECT SUM(balance) FROM accounts", WEIR_NO_ARGS, weir_after_ms(5000), err);
    if (st >= 0) {
        if (weir_rows_next(rows, NULL) == WEIR_ROW)
            *out = weir_rows_int(rows, 0);
        st = weir_rows_close(&rows, err);
    }
    weir_release(&conn);
    return st;
}

static int transfer_all(weir_db *db, weir_error *err)
{
    int64_t total = 0;
    unsigned attempts = 0;
    weir_figures figures = { .size = sizeof figures };
    int st = set_up(db, err);
    if (st >= 0)
        st = run_all(db, &attempts, err);
    if (st >= 0)
        st = sum(&total, db, err);
    if (st < 0)
        return st;
    weir_pool_figures(&figures, weir_db_pool(db, 0));
    printf("the accounts hold %lld\n", (long long)total);
    printf("%d transfers took %u attempts; the server found %llu deadlocks, the threads saw %llu\n",
           THREADS * TRANSFERS, attempts, (unsigned long long)figures.deadlocks_server,
           (unsigned long long)figures.deadlocks_caller);
    return st;
}

int main(int argc, char **argv)
{
    weir_db *db;
    weir_error err;
    int st = weir_db_open(&db, argc > 1 ? argv[1] : "sqlite::memory:", NULL, &err);
    if (st >= 0)
        st = transfer_all(db, &err);
    if (st < 0)
        fprintf(stderr, "transfer: %s: %s\n", weir_status_name(st), err.text);
    weir_db_close(&db);
    return st < 0;
}
