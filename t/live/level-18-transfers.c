/*
 * Level 18: transfers between few accounts by many threads, half of them in the opposite order.  Each is committed exactly once, after few
 * attempts; no conflict reaches a caller, and conflicts make the pool admit fewer writers at once.
 * SPDX-License-Identifier: MIT
 */
#include "levels.h"

#define TRANSFERS 10000
#define EACH (TRANSFERS / LEVEL_THREADS)
#define ACCOUNTS 16
#define MOST 8 /* attempts */
#define MANY (TRANSFERS / 20 + MOST)

struct transfer {
    int64_t number, from, to;
};

static atomic_int failed, attempts[MOST + 1];
static atomic_uint least_writers;

static int add(weir_conn conn, int64_t account, int64_t amount, weir_error *err)
{
    return weir_exec(NULL, conn, "UPDATE level_accounts SET balance = balance + ? WHERE id = ?",
                     WEIR_ARGS(weir_int(amount), weir_int(account)), LONG, err);
}

static int move(weir_conn conn, void *arg, weir_error *err)
{
    const struct transfer *t = arg;
    int st = add(conn, t->from, -1, err);
    if (st >= 0)
        st = add(conn, t->to, 1, err);
    return st < 0 ? st
                  : weir_exec(NULL, conn, "INSERT INTO level_moves(n) VALUES (?)", WEIR_ARGS(weir_int(t->number)), LONG,
                              err);
}

static void look_at_writers(weir_db *db)
{
    const unsigned now = level_figures(db).writers_max;
    unsigned least = atomic_load(&least_writers);
    while (now < least && !atomic_compare_exchange_weak(&least_writers, &least, now))
        ;
}

static void transfers(weir_db *db, int thread)
{
    weir_error err;
    weir_outcome outcome;
    unsigned seed = 12345u + (unsigned)thread;
    for (int i = 0; i < EACH; i++) {
        seed = seed * 1103515245u + 12345u;
        const int64_t a = seed >> 16 & (ACCOUNTS - 1), b = (a + 1 + (seed >> 20) % (ACCOUNTS - 1)) % ACCOUNTS;
        struct transfer t = { (int64_t)thread * EACH + i, a, b };
        if (weir_transact(&outcome, db, move, &t, NULL, LONG, &err) < 0) {
            atomic_fetch_add(&failed, 1);
            tap_note("%s", err.text);
        }
        atomic_fetch_add(&attempts[outcome.attempts <= MOST ? outcome.attempts : 0], 1);
        if (i % 8 == 0)
            look_at_writers(db);
    }
}

static void make_accounts(weir_db *db)
{
    talk_db_run(db, "DROP TABLE IF EXISTS level_accounts");
    talk_db_run(db, "DROP TABLE IF EXISTS level_moves");
    talk_db_run(db, "CREATE TABLE level_accounts(id INTEGER PRIMARY KEY, balance BIGINT NOT NULL)");
    talk_db_run(db, "CREATE TABLE level_moves(n BIGINT PRIMARY KEY)");
    for (int i = 0; i < ACCOUNTS; i++)
        talk_db_run(db, "INSERT INTO level_accounts VALUES (%d, 1000)", i);
}

/* However MANY conflicts are spread, somewhere they are more than one for twenty commits. */
static void conflicts(weir_db *db, const weir_figures *before, unsigned full)
{
    const weir_figures f = level_figures(db);
    tap_note("%llu retries, %llu conflicts on the server; as few as %u writers at once, of %u; attempts 1: %d 2: %d 3: "
             "%d 4: %d more: %d",
             (unsigned long long)(f.retries - before->retries),
             (unsigned long long)(f.deadlocks_server - before->deadlocks_server), atomic_load(&least_writers), full,
             attempts[1], attempts[2], attempts[3], attempts[4], attempts[5] + attempts[6] + attempts[7] + attempts[8]);
    is_int(f.deadlocks_caller, before->deadlocks_caller, "  no conflict reached a caller");
    is_int(f.retries_refused, before->retries_refused, "  none was refused another try");
    ok(f.retries - before->retries < MANY || f.narrowed > before->narrowed,
       "  and they made the pool admit fewer writers at once, if there were many");
    ok(f.narrowed > before->narrowed || atomic_load(&least_writers) == full, "  which is counted");
}

void level_18_transfers(const struct place *place)
{
    weir_db *db = level_open(place, "pool_size=16&write_reserve=15&transact_attempts=8");
    make_accounts(db);
    const weir_figures before = level_figures(db);
    atomic_store(&least_writers, before.writers_max);
    level_threads(transfers, db);
    is_int(failed, 0, "level 18: of %d transfers in opposite orders none fails, or needs more than %d attempts",
           TRANSFERS, MOST);
    ok(attempts[1] > TRANSFERS / 2, "  the median is one attempt");
    is_int(talk_db_ask(db, WEIR_WRITE, "SELECT count(*) FROM level_moves"), TRANSFERS, "  each is there once");
    is_int(talk_db_ask(db, WEIR_WRITE, "SELECT sum(balance) FROM level_accounts"), 1000 * ACCOUNTS,
           "  and the sum is exact");
    is_int(level_figures(db).transactions - before.transactions, TRANSFERS, "  as many are counted");
    conflicts(db, &before, before.writers_max);
    weir_db_close(&db);
    for (int i = 0; i <= MOST; i++)
        atomic_store(&attempts[i], 0);
    atomic_store(&failed, 0);
}
