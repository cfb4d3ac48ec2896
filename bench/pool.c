/*
 * The pool alone, on the null driver: a warm loan against a mutex and a stack, and many threads on few connections against a pool in
 * which whoever comes first takes what is free.  Both rivals run in the same go, so that the machine is the same.  `make bench-pool`.
 * SPDX-License-Identifier: MIT
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <weir.h>

#define LOANS 50000
#define GOES 100 /* of each, in turn; the best counts, which nothing else on the machine has disturbed */
#define CONNECTIONS 8
#define THREADS 64
#define HOLD_US 500
#define SECONDS 4

static int64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void must(int fine, const char *what)
{
    if (fine)
        return;
    fprintf(stderr, "bench/pool: %s failed\n", what);
    exit(1);
}

/* ---- the rival: a mutex, a stack, and a condition for those who find it empty ---- */

static struct stack {
    pthread_mutex_t lock;
    pthread_cond_t more;
    void *items[CONNECTIONS];
    int count;
} stack = { .lock = PTHREAD_MUTEX_INITIALIZER, .more = PTHREAD_COND_INITIALIZER };

static void *pop(void)
{
    pthread_mutex_lock(&stack.lock);
    while (stack.count == 0)
        pthread_cond_wait(&stack.more, &stack.lock);
    void *item = stack.items[--stack.count];
    pthread_mutex_unlock(&stack.lock);
    return item;
}

static void push(void *item)
{
    pthread_mutex_lock(&stack.lock);
    stack.items[stack.count++] = item;
    pthread_cond_signal(&stack.more);
    pthread_mutex_unlock(&stack.lock);
}

/* ---- the two as pools ---- */

static weir_db *db;

static void open_weir(void)
{
    static const char *const options[] = { "pool_size", "8", NULL };
    const weir_hooks hooks = { .size = sizeof hooks, .options = options };
    weir_error err;
    must(weir_db_open(&db, "null:", &hooks, &err) == WEIR_OK, "weir_db_open");
    weir_conn conns[CONNECTIONS]; /* all are opened, so that loans are warm */
    for (int i = 0; i < CONNECTIONS; i++)
        must(weir_acquire(&conns[i], db, WEIR_WRITE, weir_after_ms(5000), &err) == WEIR_OK, "weir_acquire");
    for (int i = 0; i < CONNECTIONS; i++)
        weir_release(&conns[i]);
}

static void fill_stack(void)
{
    for (int i = 0; i < CONNECTIONS; i++)
        push(&stack.items[i]);
}

static void hold(void)
{
    const struct timespec t = { 0, HOLD_US * 1000 };
    nanosleep(&t, NULL);
}

/* One loan; returns how long it was waited for. */
static int64_t lend_weir(void)
{
    weir_conn conn;
    const int64_t began = now_ns();
    must(weir_acquire(&conn, db, WEIR_WRITE, weir_after_ms(60000), NULL) == WEIR_OK, "weir_acquire");
    const int64_t waited = now_ns() - began;
    hold();
    weir_release(&conn);
    return waited;
}

static int64_t lend_stack(void)
{
    const int64_t began = now_ns();
    void *item = pop();
    const int64_t waited = now_ns() - began;
    hold();
    push(item);
    return waited;
}

/* ---- level 1: a warm loan ---- */

static double warm_weir_ns(void)
{
    const int64_t began = now_ns();
    for (int i = 0; i < LOANS; i++) {
        weir_conn conn;
        must(weir_acquire(&conn, db, WEIR_WRITE, weir_after_ms(5000), NULL) == WEIR_OK, "weir_acquire");
        weir_release(&conn);
    }
    return (double)(now_ns() - began) / LOANS;
}

static double warm_stack_ns(void)
{
    const int64_t began = now_ns();
    for (int i = 0; i < LOANS; i++)
        push(pop());
    return (double)(now_ns() - began) / LOANS;
}

static void level_1(void)
{
    double weir = 1e9, rival = 1e9;
    for (int go = 0; go < GOES; go++) {
        const double w = warm_weir_ns(), r = warm_stack_ns();
        weir = w < weir ? w : weir;
        rival = r < rival ? r : rival;
    }
    printf("warm acquire and release, one thread\n");
    printf("  weir            %8.1f ns\n", weir);
    printf("  mutex and stack %8.1f ns\n", rival);
    printf("  ratio           %8.2f    (to be 0.60 at most)\n\n", weir / rival);
}

/* ---- level 2: many threads on few connections ---- */

struct crowd {
    int64_t (*lend)(void);
    atomic_bool stop;
};

struct member {
    struct crowd *crowd;
    long loans;
    int64_t longest;
};

static void *belong(void *arg)
{
    struct member *m = arg;
    while (!atomic_load(&m->crowd->stop)) {
        const int64_t waited = m->crowd->lend();
        m->longest = waited > m->longest ? waited : m->longest;
        m->loans++;
    }
    return NULL;
}

struct result {
    double loans_s, longest_ms, fairness;
};

static struct result gather(const struct member members[THREADS], double seconds)
{
    long fewest = members[0].loans, most = 0, sum = 0;
    int64_t longest = 0;
    for (int i = 0; i < THREADS; i++) {
        fewest = members[i].loans < fewest ? members[i].loans : fewest;
        most = members[i].loans > most ? members[i].loans : most;
        longest = members[i].longest > longest ? members[i].longest : longest;
        sum += members[i].loans;
    }
    return (struct result){ (double)sum / seconds, (double)longest / 1e6, (double)fewest / (double)most };
}

static struct result run_crowd(int64_t (*lend)(void))
{
    pthread_t threads[THREADS];
    struct member members[THREADS];
    struct crowd crowd = { .lend = lend };
    const struct timespec length = { SECONDS, 0 };
    const int64_t began = now_ns();
    for (int i = 0; i < THREADS; i++) {
        members[i] = (struct member){ .crowd = &crowd };
        must(pthread_create(&threads[i], NULL, belong, &members[i]) == 0, "pthread_create");
    }
    nanosleep(&length, NULL);
    atomic_store(&crowd.stop, true);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    return gather(members, (double)(now_ns() - began) / 1e9);
}

static void level_2(void)
{
    const struct result rival = run_crowd(lend_stack), weir = run_crowd(lend_weir);
    printf("%d threads, %d connections, held for %d us\n", THREADS, CONNECTIONS, HOLD_US);
    printf("                     loans/s   longest wait   slowest/fastest thread\n");
    printf("  weir            %10.0f   %9.1f ms   %10.2f\n", weir.loans_s, weir.longest_ms, weir.fairness);
    printf("  first come      %10.0f   %9.1f ms   %10.2f\n", rival.loans_s, rival.longest_ms, rival.fairness);
    printf("  ratio           %10.2f   (to be 0.97 at least, with 12 ms at most, and 0.90 at least)\n",
           weir.loans_s / rival.loans_s);
}

int main(void)
{
    open_weir();
    fill_stack();
    level_1();
    level_2();
    weir_db_close(&db);
    return 0;
}
