/*
 * The pool's laws.  Counts are compared whenever nobody holds the pool's lock; what a pool owes to those who wait is looked at when
 * nothing can run: if somebody could be served then, a wake-up was lost.
 * SPDX-License-Identifier: MIT
 */
#include <string.h>
#include <pool/inside.h>
#include <sql/link.h>
#include "../../backends/null/local.h"
#include "run.h"

#define SLOTS_MAX 64

/* What is remembered of a slot. */
struct page {
    const struct weir_slot *slot;
    uint64_t loan;      /* the last one that a caller was told of … */
    bool given;         /* … and whether it has ended */
    struct moment idle; /* since when nobody has used it */
    bool opening;       /* when it was last looked at */
};

/* Somebody in the queue, and since when. */
struct queued {
    const struct waiter *who;
    int64_t since;
    struct moment seen;
};

#define QUEUE_MAX 32

static struct laws {
    weir_pool *pool; /* NULL: its memory is gone */
    struct page pages[SLOTS_MAX];
    struct queued queue[LANES][QUEUE_MAX];
    unsigned live, lane_live[LANES]; /* when they were last looked at */
    struct moment surplus;           /* since when there are more than the minimum */
    bool suspect;                    /* when it was last looked at … */
    uint64_t doubted_step;           /* … and when it was first seen to be */
    uint64_t evicted, evicted_step;
} laws;

void laws_begin(void)
{
    memset(&laws, 0, sizeof laws);
    laws.pool = run.pool;
}

void laws_freed(const void *block)
{
    if (block && block == laws.pool)
        laws.pool = NULL;
}

static struct page *page_of(const struct weir_slot *s)
{
    struct page *at = laws.pages;
    while (at->slot && at->slot != s)
        if (++at == laws.pages + SLOTS_MAX)
            machine_fail("there are more than %d slots", SLOTS_MAX);
    at->slot = s;
    return at;
}

/* The pool, if it can be looked at: it is there, and nobody is in the middle of something. */
static const weir_pool *pool_at_peace(void)
{
    const weir_pool *p = laws.pool;
    return p && !p->lock.mutex.owner && !p->lock.mutex.dead ? p : NULL;
}

/* Who begins to keep time knows nothing of what was before. */
void laws_are_strict(void)
{
    run.shaky = false;
    laws.surplus = machine_mark();
    for (int i = 0; i < SLOTS_MAX; i++)
        laws.pages[i].idle = machine_mark();
}

/* ---- the counts, and what they are counts of */

struct counts {
    unsigned live, lane_live[LANES], coming[LANES], counted[LANES], of[SLOT_STATES], checking, replacing, queued;
};

static void count_slot(struct counts *c, const struct weir_slot *s)
{
    uint64_t word = slot_word(s);
    enum slot_state state = word_state(word);
    enum lane_kind lane = word_lane(word);
    law(state < SLOT_STATES, "a slot is in no state");
    c->of[state]++;
    c->checking += s->check;
    c->replacing += s->replacement;
    if (state == SLOT_EMPTY)
        return;
    c->live++;
    c->lane_live[lane]++;
    c->coming[lane] += state == SLOT_OPENING || state == SLOT_RESETTING;
    c->counted[lane] += state == SLOT_LENT && word & WORD_COUNTED;
}

static struct counts count(const weir_pool *p)
{
    struct counts c = { 0 };
    POOL_EACH(s, p)
    count_slot(&c, s);
    LIST_EACH (at, &p->work) {
        enum slot_state state = word_state(slot_word(LIST_ITEM(at, struct weir_slot, work)));
        law(state == SLOT_OPENING || state == SLOT_RESETTING || state == SLOT_CLOSING,
            "there is no work on a slot that waits for it");
        c.queued++;
    }
    return c;
}

static void same(unsigned counted, unsigned kept, const char *what)
{
    law(counted == kept, "%s: the pool counts %u, its slots %u", what, kept, counted);
}

/* A limit that was lowered is one as soon as those above it are gone. */
static void within(unsigned now, unsigned limit, unsigned *last, const char *what)
{
    law(now <= limit || now <= *last, "law 1: %s: %u of at most %u", what, now, limit);
    *last = now;
}

static void lanes_add_up(const weir_pool *p, const struct counts *c)
{
    static const char *const names[] = { "the read lane", "the write lane" };
    for (int i = 0; i < LANES; i++) {
        const struct lane *l = &p->lanes[i];
        same(c->lane_live[i], l->live, "live connections of a lane");
        same(c->coming[i], l->coming, "connections on their way");
        within(l->live, lane_limit(p, (enum lane_kind)i), &laws.lane_live[i], names[i]);
    }
}

static void totals_add_up(const weir_pool *p, const struct counts *c)
{
    uint64_t opened = p->figures.counts[COUNT_OPENED], closed = p->figures.counts[COUNT_CLOSED];
    same(c->of[SLOT_OPENING], p->opening, "connections being opened");
    same(c->of[SLOT_CLOSING], p->closing, "connections being closed");
    same(c->checking, p->checking, "connections being asked");
    law(c->checking <= 1, "%u connections are asked at once", c->checking);
    if (!p->closed)
        same(c->replacing + p->lanes[LANE_READ].owed + p->lanes[LANE_WRITE].owed, p->recycling,
             "replacements under way");
    law(p->recycling <= p->config.max_connecting, "law 11: %u replacements at once", p->recycling);
    law(opened == closed + c->live - c->of[SLOT_OPENING], "law 1: %llu opened, %llu closed, %u live",
        (unsigned long long)opened, (unsigned long long)closed, c->live - c->of[SLOT_OPENING]);
    within(c->live, p->config.max, &laws.live, "all connections");
    law(c->of[SLOT_OPENING] <= p->config.max_connecting, "law 10: %u connects at once", c->of[SLOT_OPENING]);
}

static bool breaker_is_open(const weir_pool *p)
{
    return p->crowded || p->failures >= p->config.fall || p->health.state == WEIR_DOWN ||
           p->health.state == WEIR_PROBING;
}

/* keeps law 10: with the breaker open one connect begins at a time, and after a failure none before its time */
static void connects_are_governed(const weir_pool *p, const struct counts *c)
{
    POOL_EACH(s, p)
    {
        struct page *page = page_of(s);
        bool opening = word_state(slot_word(s)) == SLOT_OPENING, begun = opening && !page->opening;
        page->opening = opening;
        law(!begun || !breaker_is_open(p) || c->of[SLOT_OPENING] == 1,
            "law 10: two connects at once to a server that is down");
        law(!begun || machine_now() >= p->next_open, "law 10: a connect begins before its time");
    }
}

static void queue_is_in_order(const weir_pool *p, const struct lane *l)
{
    unsigned waiting = 0, gate = l->gate;
    int64_t since = INT64_MIN;
    LIST_EACH (at, &l->waiters) {
        const struct waiter *w = LIST_ITEM(at, struct waiter, link);
        law(w->since >= since, "law 4: the queue is out of order");
        since = w->since;
        waiting++;
    }
    same(waiting, l->waiting, "waiters");
    law(!(gate & GATE_WAITERS) == !waiting, "the gate is %s while %u wait", gate & GATE_WAITERS ? "up" : "down",
        waiting);
    law(!(gate & GATE_CLOSED) == !p->closed, "the gate does not know whether the pool is closed");
}

static struct moment seen_since(const struct queued *before, const struct waiter *w)
{
    for (int i = 0; i < QUEUE_MAX && before[i].who; i++)
        if (before[i].who == w && before[i].since == w->since)
            return before[i].seen;
    return machine_mark();
}

static void remember_queue(const struct lane *l, struct queued *queue)
{
    struct queued now[QUEUE_MAX + 1] = { 0 };
    int count = 0;
    LIST_EACH (at, &l->waiters) {
        const struct waiter *w = LIST_ITEM(at, struct waiter, link);
        law(count < QUEUE_MAX, "more wait than there are borrowers");
        now[count++] = (struct queued){ w, w->since, seen_since(queue, w) };
    }
    memcpy(queue, now, QUEUE_MAX * sizeof *queue);
}

static void server_agrees(void)
{
    const int64_t *figures = run.server->figures;
    law(!figures[NULL_OVERLAPS], "law 3: two were at work on one connection");
    law(figures[NULL_SESSIONS] <= laws.live, "law 1: the server has %d sessions, the pool %u",
        (int)figures[NULL_SESSIONS], laws.live);
}

/* Being asked is not being used. */
static void remember_use(const weir_pool *p)
{
    if (pool_live_locked(p) - p->closing <= p->config.min)
        laws.surplus = machine_mark();
    POOL_EACH(s, p)
    {
        enum slot_state state = word_state(slot_word(s));
        if (state != SLOT_IDLE && !(state == SLOT_RESETTING && s->check))
            page_of(s)->idle = machine_mark();
    }
}

static void remember_doubt(const weir_pool *p)
{
    bool suspect = p->health.state == WEIR_SUSPECT;
    if (suspect && !laws.suspect)
        laws.doubted_step = machine_mark().step;
    laws.suspect = suspect;
}

/* Law 2, seen from the other side: a driver never runs with a lock of the library held. */
static void no_lock_in_driver(const char *place)
{
    if (strstr(place, "backends/") && machine_holds_lock("lib/base/"))
        machine_fail("law 2: a driver runs under a lock of the pool");
}

void laws_step(const char *place)
{
    const weir_pool *p = pool_at_peace();
    no_lock_in_driver(place);
    if (!p)
        return;
    struct counts c = count(p);
    lanes_add_up(p, &c);
    totals_add_up(p, &c);
    connects_are_governed(p, &c);
    for (int i = 0; i < LANES; i++) {
        queue_is_in_order(p, &p->lanes[i]);
        remember_queue(&p->lanes[i], laws.queue[i]);
    }
    remember_use(p);
    remember_doubt(p);
    server_agrees();
}

/* ---- nobody waits who could be served */

static bool is_idle(uint64_t word, enum lane_kind lane)
{
    return word_state(word) == SLOT_IDLE && word_lane(word) == lane;
}

static unsigned idle_of(const weir_pool *p, enum lane_kind lane, bool doubted)
{
    unsigned idle = 0;
    POOL_EACH(s, p)
    {
        uint64_t word = slot_word(s);
        idle += is_idle(word, lane) && !(word & WORD_DOUBT) == !doubted;
    }
    return idle;
}

static bool may_connect(const weir_pool *p)
{
    return p->opening < (breaker_is_open(p) ? 1 : p->config.max_connecting) && machine_now() >= p->next_open;
}

static bool may_grow(const weir_pool *p, enum lane_kind lane)
{
    return p->lanes[lane].live < lane_limit(p, lane) && pool_live_locked(p) < p->config.max && may_connect(p);
}

static const struct waiter *oldest(const struct lane *l)
{
    return LIST_ITEM(l->waiters.next, struct waiter, link);
}

/* Between the lanes of a full pool the older waiter goes first. */
static bool may_turn(const weir_pool *p, enum lane_kind lane)
{
    const struct lane *l = &p->lanes[lane], *other = &p->lanes[lane_across(lane)];
    bool first = !other->waiting || oldest(l)->since < oldest(other)->since;
    bool full = l->live < lane_limit(p, lane) && pool_live_locked(p) >= p->config.max;
    return full && first && idle_of(p, lane_across(lane), false) + idle_of(p, lane_across(lane), true) > 0;
}

/* Without threads the oldest may be in the middle of a connect, and is served when that is over. */
static bool is_at_work(const weir_pool *p, const struct lane *l)
{
    return !pool_has_hands(p) && !p->bells[oldest(l)->bell].cond.waiting;
}

static void nobody_waits_in_vain(const weir_pool *p, enum lane_kind lane)
{
    const struct lane *l = &p->lanes[lane];
    unsigned waiting = tune_wanted_locked(p, lane); /* who would be served */
    if (!waiting || is_at_work(p, l))
        return;
    law(!idle_of(p, lane, false), "law 5: %u wait while a connection is idle", waiting);
    if (waiting <= l->coming)
        return;
    law(!idle_of(p, lane, true) || p->checking, "law 5: %u wait while a connection could be asked", waiting);
    law(!may_grow(p, lane), "law 5: %u wait while a connection could be opened", waiting);
    law(!may_turn(p, lane), "law 5: %u wait while one of the other lane is idle", waiting);
}

/* Where loans are counted, because only so many may be out. */
static void loans_add_up(const weir_pool *p)
{
    struct counts c = count(p);
    for (int i = 0; i < LANES; i++)
        same(c.counted[i], p->lanes[i].lent, "loans under a bound");
}

/* What is queued is begun, as far as there are hands. */
static void no_work_is_forgotten(const weir_pool *p)
{
    struct counts c = count(p);
    unsigned busy = c.of[SLOT_OPENING] + c.of[SLOT_RESETTING] + c.of[SLOT_CLOSING] - c.queued;
    bool waiting = p->lanes[LANE_READ].waiting || p->lanes[LANE_WRITE].waiting;
    if (run.crew && !run.shaky)
        law(!c.queued || busy > p->config.max_connecting, "%u pieces of work wait, and %u hands are busy", c.queued,
            busy);
    else
        law(!c.queued || busy || !waiting, "%u pieces of work wait, and so does somebody who could do them", c.queued);
}

static void is_maintained(const weir_pool *p)
{
    bool quiet = !p->opening && !p->checking;
    unsigned live = pool_live_locked(p), left = live - p->closing;
    bool used = p->figures.counts[COUNT_OPENED] > 0;
    law(!used || left >= p->config.min || live >= p->config.max || !may_connect(p), "%u are left, the minimum is %u",
        left, p->config.min);
    law(p->health.state == WEIR_UP || !quiet || p->health.probe_at > machine_now(),
        "a server that is not up is not asked");
    if (left <= p->config.min || machine_since(laws.surplus) <= 2 * TICK)
        return;
    POOL_EACH(s, p)
    {
        bool old = machine_since(page_of(s)->idle) > p->config.idle_timeout + 2 * TICK;
        bool stays = s->being_replaced || s->keeps_data; /* the last one keeps the data, and is no surplus */
        law(!old || word_state(slot_word(s)) != SLOT_IDLE || stays, "law 12: a connection stays idle for ever");
    }
}

void laws_rest(void)
{
    const weir_pool *p = pool_at_peace();
    if (!p || p->closed) /* then whoever closes it does what is left */
        return;
    no_work_is_forgotten(p);
    loans_add_up(p);
    nobody_waits_in_vain(p, LANE_READ);
    nobody_waits_in_vain(p, LANE_WRITE);
    if (run.crew && !run.shaky)
        is_maintained(p);
}

/* ---- what is lent */

static void is_fit(weir_conn conn, bool read_only)
{
    const struct link *l = conn.slot->link;
    const struct null_conn *c = l->conn;
    law(l->open && c->life != LIFE_NONE, "a connection is lent that is not open");
    law(l->read_only == read_only && c->read_only == read_only, "a connection of the other lane is lent");
    law(!l->depth && !l->reading && slot_reads(conn.slot, 0) && !c->result.verb,
        "law 13: a transaction or a result is lent with the connection");
    if (!run.leaking)
        law(!c->dirty && !c->transaction && !l->foreign, "law 13: a dirty session is lent");
}

/* keeps law 8 for those that died in their sleep */
static void is_alive(weir_conn conn, const struct page *page)
{
    const struct link *l = conn.slot->link;
    const struct null_conn *c = l->conn;
    bool slept = machine_since(page->idle) > laws.pool->config.look_after + TICK;
    if (c->life == LIFE_DEAD && run.crew && !run.shaky)
        law(!slept, "law 8: a connection is lent that has died in a long sleep");
}

/* keeps law 9: under suspicion, what is lent to those who come has had an answer since */
static void is_trusted(weir_conn conn, struct moment came)
{
    const struct health *h = &laws.pool->health;
    bool same = pool_at_peace() && h->state == WEIR_SUSPECT && laws.suspect && came.step > laws.doubted_step;
    law(!same || conn.slot->proven >= h->doubted, "law 9: a connection in doubt is lent");
}

/* keeps law 4: of those who were in the queue before, nobody is left there for longer than they may be overtaken */
static void nobody_is_passed_over(bool read_only, struct moment came)
{
    const weir_pool *p = laws.pool;
    enum lane_kind lane = read_only ? LANE_READ : LANE_WRITE;
    int64_t late = machine_mark().late - came.late;
    LIST_EACH (at, &p->lanes[lane].waiters) {
        struct moment seen = seen_since(laws.queue[lane], LIST_ITEM(at, struct waiter, link));
        int64_t waited = machine_now() - seen.at;
        law(seen.step >= came.step || waited <= p->config.barge_bound + late,
            "law 4: somebody who came later is served before one who has waited for %.3f ms", (double)waited / 1e6);
    }
}

void laws_lent(weir_conn conn, bool read_only, struct moment came)
{
    struct page *page = page_of(conn.slot);
    const struct null_conn *c = ((const struct link *)conn.slot->link)->conn;
    machine_hold();
    law(conn.loan > page->loan, "law 3: a loan's number is given out again");
    law(!page->loan || page->given, "law 3: a connection is lent that somebody has");
    law(c->session > laws.evicted || run.forgetful || came.step <= laws.evicted_step,
        "a connection from before is lent");
    is_fit(conn, read_only);
    is_alive(conn, page);
    is_trusted(conn, came);
    nobody_is_passed_over(read_only, came);
    page->loan = conn.loan;
    page->given = false;
    machine_go_on();
}

void laws_given(weir_conn conn)
{
    struct page *page = page_of(conn.slot);
    page->given |= page->loan == conn.loan;
    page->idle = machine_mark();
}

bool laws_is_given(weir_conn conn)
{
    const struct page *page = page_of(conn.slot);
    return page->loan != conn.loan || page->given;
}

void laws_evicted(uint64_t last)
{
    laws.evicted = last;
    laws.evicted_step = machine_mark().step;
}

uint64_t laws_last_session(void)
{
    return run.server->last_session;
}

unsigned laws_lane_limit(bool read_only)
{
    return lane_limit(laws.pool, read_only ? LANE_READ : LANE_WRITE);
}

unsigned laws_max(void)
{
    return laws.pool->config.max;
}

bool laws_is_closed(void)
{
    const weir_pool *p = pool_at_peace();
    return p && p->closed;
}
