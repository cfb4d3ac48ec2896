/*
 * Level 17: one maintenance thread and at most max_connecting + 1 workers, made on demand, none with threads=none; at most 64 KiB and
 * 512 bytes a connection beyond the client library's own; in snapshots taken a thousand times a second, law 1 is never broken.
 * SPDX-License-Identifier: MIT
 */
#include "rig.h"

#define SIZE 100

static void is_threads(int before, int more, const char *what)
{
    if (before < 0)
        tap_skip(1, "this system does not count threads");
    else
        await(threads() == before + more, "%s: %d threads", what, more);
}

static void on_demand(void)
{
    struct caller callers[10];
    weir_conn conn;
    int before = threads();
    rig_open(NULL_CLOCK_MANUAL, "null://level-17/db?pool_size=20&max_connecting=3");
    is_threads(before, 0, "opening a database makes none");
    take(&conn, WEIR_WRITE, 60000);
    weir_release(&conn);
    is_threads(before, 2, "the first loan makes one that keeps time, and a worker");
    null_set(server, NULL_CONNECT_DELAY, 1000 * MS);
    take(&conn, WEIR_WRITE, 60000);
    callers_begin(callers, 10, WEIR_WRITE, 60000, NULL);
    until(null_figure(server, NULL_HANDSHAKES) == 3);
    weir_discard(&conn);
    await(figures().closed == 1, "while three connects are under way, there is a hand for other work");
    is_threads(before + 10, 5, "and that is all");
    null_set(server, NULL_CONNECT_DELAY, 0);
    while (callers_done(callers, 10) < 10) {
        null_clock_advance(&moment, 1000 * MS);
        nap();
    }
    callers_end(callers, 10);
    rig_close();
    is_threads(before, 0, "closing it leaves none");
}

static void without(void)
{
    weir_conn conn;
    int before = threads();
    rig_open(NULL_CLOCK_AUTO, "null://level-17/db?threads=none");
    for (int i = 0; i < 10; i++) {
        take(&conn, WEIR_WRITE, 60000);
        run(conn, "DIRTY");
        weir_release(&conn);
        pass(10000);
    }
    is_threads(before, 0, "threads=none makes none");
    rig_close();
}

/* What a pool of n needs, with a statement run on each connection. */
static int64_t bytes_with(unsigned n)
{
    char url[128];
    weir_conn conns[SIZE];
    snprintf(url, sizeof url, "null://level-17/db?pool_size=%u&statement_cache=0", n);
    rig_open(NULL_CLOCK_MANUAL, url);
    for (unsigned i = 0; i < n; i++)
        if (take(&conns[i], WEIR_WRITE, 60000) < 0)
            tap_bail("%s", err.text);
    int64_t bytes = bytes_out() - (int64_t)(n * weir_null_backend.conn_size);
    for (unsigned i = 0; i < n; i++)
        weir_release(&conns[i]);
    rig_close();
    return bytes;
}

static void memory(void)
{
    int64_t one = bytes_with(1), many = bytes_with(SIZE), each = (many - one) / (SIZE - 1);
    ok(each <= 512, "a connection costs at most 512 bytes: %d", (int)each);
    ok(one <= 65536 + 512, "a database with one, 64 KiB: %d", (int)one);
}

static atomic_bool working;

static void *churn(void *arg)
{
    weir_error mine;
    for (int i = *(int *)arg; working; i++) {
        weir_conn conn;
        if (weir_acquire(&conn, db, i % 3 ? WEIR_WRITE : WEIR_READ, weir_after_ms(3600000), &mine) < 0)
            continue;
        weir_exec(NULL, conn, i % 5 ? "ROWS 1" : "DIRTY", WEIR_NO_ARGS, weir_never(), &mine);
        if (i % 11 == 0)
            weir_discard(&conn);
        weir_release(&conn);
    }
    return NULL;
}

static int breaks_law_1(const weir_figures *f)
{
    uint64_t live = f->idle + f->used + f->resetting + f->closing;
    return live + f->opening > f->max || f->opened != f->closed + live;
}

static void snapshots(void)
{
    pthread_t workers[4];
    int numbers[4], broken = 0, looks = 0;
    rig_open(NULL_CLOCK_MANUAL, "null://level-17/db?pool_size=3&max_lifetime=1s&keepalive=2s");
    working = true;
    for (int i = 0; i < 4; i++) {
        numbers[i] = i;
        pthread_create(&workers[i], NULL, churn, &numbers[i]);
    }
    for (int i = 0; i < 1000; i++) {
        nap();
        null_clock_advance(&moment, 10 * MS);
        if (i % 100 == 50)
            null_kill_all(server);
        weir_figures f = figures();
        broken += breaks_law_1(&f);
        looks++;
    }
    working = false;
    until(figures().used == 0 && figures().waiting == 0);
    for (int i = 0; i < 4; i++)
        pthread_join(workers[i], NULL);
    is_int(broken, 0, "in none of %d snapshots is law 1 broken", looks);
    is_int(null_figure(server, NULL_SESSIONS_MOST), 3, "nor on the server");
    rig_close();
}

int main(void)
{
    on_demand();
    without();
    memory();
    snapshots();
    return tap_done();
}
