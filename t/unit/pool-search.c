/*
 * write_concurrency=auto: how many write at once is found by trial, and comes near the best fixed number, on servers that are made up
 * here: a loan takes as long as that server would need with so many at once.
 * SPDX-License-Identifier: MIT
 */
#include <base/random.h>
#include <pool/inside.h>
#include "../api/rig.h"

#define S (1000 * MS)

/* What a server gets done with so many writers at once. */
struct server {
    const char *what;
    unsigned best;        /* writers */
    double one, more;     /* loans a second of one, and of each further one up to the best */
    double too_many;      /* what each beyond it costs, a share of the whole */
    double deadlocks;     /* among 1000 loans, for each pair of writers … */
    int64_t deadlock_for; /* … and how long one holds up everybody */
};

static const struct server servers[] = {
    { "one at a time is best", 1, 1000, 0, 0.1, 0, 0 },
    { "two are", 2, 900, 900, 0.2, 0, 0 },
    { "six are", 6, 300, 300, 0.1, 0, 0 },
    { "as many as there are", 15, 100, 90, 0, 0, 0 },
    { "as many, and slowly", 15, 20, 20, 0, 0, 0 },
    { "it makes no difference", 1, 1000, 0, 0, 0, 0 },
    { "deadlocks hold everybody up", 8, 900, 500, 0, 0.5, 50 * MS },
    { "they are seldom", 8, 900, 500, 0, 0.02, 50 * MS },
    { "two are, and more meet in deadlocks", 3, 1500, 900, 0, 4, 50 * MS },
    { "they cost a try and no time", 8, 500, 300, 0.05, 1, 0 },
};

static double speed(const struct server *s, unsigned writers)
{
    const unsigned useful = writers < s->best ? writers : s->best, idle = writers - useful;
    double all = s->one + s->more * (useful - 1);
    for (unsigned i = 0; i < idle; i++)
        all *= 1 - s->too_many;
    return all;
}

static uint64_t chance;

/* The next loan ends: the time that it took, with all that went before, and whether it was in vain. */
static int64_t next_end(const struct server *s, unsigned writers, bool *in_vain)
{
    const double pairs = writers * (writers - 1) / 2.0;
    const double one = (double)(random_next(&chance) % 1000000) / 1000000;
    *in_vain = one < pairs * s->deadlocks / 1000;
    const double noise = 0.5 + (double)(random_next(&chance) % 1000) / 1000;
    return (int64_t)(1e9 / speed(s, writers) * noise) + (*in_vain ? s->deadlock_for : 0);
}

static weir_pool *pool;
static int64_t now;

/* How many were not in vain until `end`; fixed 0: with the bound that is searched for. */
static double work(const struct server *s, int64_t end, unsigned fixed)
{
    struct lane *l = &pool->lanes[LANE_WRITE];
    double done = 0;
    while (now < end) {
        bool in_vain;
        const unsigned writers = fixed ? fixed : l->bound;
        now += next_end(s, writers, &in_vain);
        done += !in_vain;
        if (in_vain)
            pool_count(pool, COUNT_DEADLOCK_SERVER);
        if (!fixed)
            l->bound = search_returned(pool, now);
    }
    return done;
}

static void begin_search(uint64_t seed)
{
    struct lane *l = &pool->lanes[LANE_WRITE];
    now = 0;
    chance = seed;
    l->waiting = 1;
    l->bound = search_start(pool, 0);
}

static double best_of_all(const struct server *s, int64_t end)
{
    double best = 0;
    for (unsigned writers = 1; writers <= 15; writers++) {
        now = 0;
        chance = 1;
        const double done = work(s, end, writers);
        best = done > best ? done : best;
    }
    return best;
}

static void come_near(const struct server *s)
{
    const double best = best_of_all(s, 20 * S);
    begin_search(1);
    const double found = work(s, 20 * S, 0);
    ok(found >= 0.9 * best, "%s: %.2f of what the best fixed number gets done", s->what, found / best);
}

/* Some begin with good luck where they should not be, and have to find back. */
static void come_near_soon(const struct server *s)
{
    enum { SEEDS = 100 };
    const double best = best_of_all(s, 20 * S) / 20;
    double found = 0, worst = best;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        begin_search(seed);
        const double done = work(s, 5 * S, 0) / 5;
        found += done / SEEDS;
        worst = done < worst ? done : worst;
    }
    ok(found >= 0.7 * best && worst >= 0.6 * best, "%s: %.2f in the first five seconds, and %.2f with bad luck",
       s->what, found / best, worst / best);
}

static void follow(const struct server *from, const struct server *to)
{
    const double best = best_of_all(to, 20 * S);
    begin_search(1);
    work(from, 20 * S, 0);
    work(to, 40 * S, 0);
    const double found = work(to, 60 * S, 0);
    ok(found >= 0.85 * best, "from '%s' to '%s': %.2f, after a while", from->what, to->what, found / best);
}

static void learn_nothing_where_nobody_waits(void)
{
    begin_search(1);
    pool->lanes[LANE_WRITE].waiting = 0;
    const unsigned before = pool->lanes[LANE_WRITE].bound;
    work(&servers[3], 20 * S, 0);
    is_int(pool->lanes[LANE_WRITE].bound, before, "where nobody waits the bound stays as it is");
}

/* What was lent under a wider bound and has not come back is not counted. */
static void begin_when_they_are_back(void)
{
    struct lane *l = &pool->lanes[LANE_WRITE];
    begin_search(1);
    l->lent = l->bound + 1;
    const unsigned before = l->bound;
    work(&servers[3], 20 * S, 0);
    is_int(l->bound, before, "while more are lent than may be, nothing is learned");
    l->lent = 0;
    work(&servers[3], 40 * S, 0);
    is_int(l->bound, 15, "when they are back, it goes on");
}

/* Those that come would be counted as slow ones. */
static void learn_nothing_while_connections_come(void)
{
    struct lane *l = &pool->lanes[LANE_WRITE];
    begin_search(1);
    const unsigned before = l->bound;
    pool->opening = 1;
    work(&servers[3], 10 * S, 0);
    is_int(l->bound, before, "while a connection is being opened, nothing is learned");
    pool->opening = 0;
    for (int64_t end = 10 * S; end < 20 * S; end += 5 * MS) {
        pool_count(pool, COUNT_OPENED);
        work(&servers[3], end, 0);
    }
    is_int(l->bound, before, "  nor while one after the other comes");
    work(&servers[3], 40 * S, 0);
    is_int(l->bound, 15, "  but when all are there");
}

/* A transaction that fails again and again under a bound is no matter of averages. */
static void go_back(void)
{
    struct lane *l = &pool->lanes[LANE_WRITE];
    begin_search(1);
    work(&servers[3], 20 * S, 0);
    is_int(l->bound, 15, "where as many as there are is best");
    l->lent = 16;
    pool_conflict(pool, 5);
    is_int(l->bound, 15, "  what began under another bound says nothing");
    l->lent = 0;
    pool_conflict(pool, 4);
    is_int(l->bound, 15, "  nor do a few conflicts of one transaction");
    pool_conflict(pool, 5);
    is_int(l->bound, 13, "  many do");
    for (int times = 6; times < 13; times++)
        pool_conflict(pool, (uint32_t)times);
    is_int(l->bound, 1, "  down to one writer");
    now = clock_now(pool->home.clock); /* by which conflicts have come */
    work(&servers[3], now + 20 * S, 0);
    is_int(l->bound, 15, "  and without them it comes back");
}

int main(void)
{
    weir_db *db = open_db(NULL, "null://search/db?threads=none&pool_size=15&write_concurrency=auto");
    pool = weir_db_pool(db, 0);
    for (size_t i = 0; i < sizeof servers / sizeof *servers; i++)
        come_near(&servers[i]);
    for (size_t i = 0; i < sizeof servers / sizeof *servers; i++)
        come_near_soon(&servers[i]);
    follow(&servers[1], &servers[3]);
    follow(&servers[3], &servers[1]);
    follow(&servers[2], &servers[6]);
    learn_nothing_where_nobody_waits();
    begin_when_they_are_back();
    learn_nothing_while_connections_come();
    go_back();
    pool->lanes[LANE_WRITE].waiting = 0;
    weir_db_close(&db);
    return tap_done();
}
