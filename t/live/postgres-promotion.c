/*
 * A commit whose answer is lost, and a primary that is lost right after it, on PostgreSQL.  What its standby says once it is promoted is
 * of another timeline, and proves nothing.  A marker does, for it is on the timeline that goes on.
 * SPDX-License-Identifier: MIT
 */
#include <stdio.h>
#include "proxy.h"
#include "server-postgres.h"
#include "talk.h"

/* What becomes of the server when the answer is lost. */
enum fall {
    GOES_ON,
    DIES,     /* its standby has been promoted, and has had some life of its own, when it is asked */
    DIES_LATE /* it is asked first, and then promoted */
};

static const struct story {
    const char *tells;
    enum fall fall;
    bool heard; /* the standby has got the commit */
    bool exactly_once;
    unsigned state; /* that is told */
    int runs;       /* of the body */
    int times;      /* that the row is there in the end */
} stories[] = {
    { "the server goes on", GOES_ON, true, false, WEIR_COMMITTED, 1, 1 },
    { "its standby has it, and is promoted", DIES, true, false, WEIR_COMMIT_UNKNOWN, 1, 1 },
    { "its standby does not have it, and is promoted", DIES, false, false, WEIR_COMMIT_UNKNOWN, 1, 0 },
    { "the standby has it, with its marker", DIES, true, true, WEIR_COMMITTED, 1, 1 },
    { "the standby does not have it, nor its marker", DIES, false, true, WEIR_COMMITTED, 2, 1 },
    { "the standby has both, and is asked before it is promoted", DIES_LATE, true, true, WEIR_COMMITTED, 1, 1 },
};
#define STORIES (sizeof stories / sizeof *stories)

struct loss {
    const struct story *story;
    struct proxy *proxy;
    struct postgres *primary, *standby;
    int n; /* the row */
    int runs;
    atomic_bool lost;
    int status;
    weir_outcome outcome;
    weir_figures figures;
    weir_error err;
};

/* ---- the one who commits ---- */

static void note_loss(void *arg, const weir_event *event)
{
    struct loss *l = arg;
    if (event->kind == WEIR_EVENT_LOST)
        atomic_store(&l->lost, true);
}

static int body(weir_conn conn, void *arg, weir_error *err)
{
    struct loss *l = arg;
    l->runs++;
    return weir_exec(NULL, conn, "INSERT INTO ledger VALUES (?)", WEIR_ARGS(weir_int(l->n)), LONG, err);
}

static void *transact(void *arg)
{
    struct loss *l = arg;
    char url[100];
    snprintf(url, sizeof url, "postgres://weir@127.0.0.1:%d/postgres", proxy_port(l->proxy));
    const weir_hooks hooks = { .size = sizeof hooks, .event = note_loss, .arg = l };
    const weir_transact_options options = { .size = sizeof options, .exactly_once = l->story->exactly_once };
    weir_db *db = talk_open_with(url, &hooks);
    l->status = weir_transact(&l->outcome, db, body, l, &options, LONG, &l->err);
    l->figures.size = sizeof l->figures;
    if (weir_pool_figures(&l->figures, weir_db_pool(db, 0)) < 0)
        tap_bail("no figures");
    weir_db_close(&db);
    return NULL;
}

/* ---- the world around it ---- */

static weir_db *witness_of(const struct postgres *p)
{
    char url[100];
    snprintf(url, sizeof url, "postgres://weir@127.0.0.1:%d/postgres", p->port);
    return talk_open(url, NULL);
}

/* Who commits a row waits for a lock first, so that there is time to break the road meanwhile. */
static void make_ledger(const struct postgres *p)
{
    postgres_run(p, "CREATE TABLE ledger(n int)");
    postgres_run(p, "CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS "
                    "$$BEGIN PERFORM pg_advisory_xact_lock_shared(1); RETURN NULL; END$$");
    postgres_run(p, "CREATE CONSTRAINT TRIGGER gate AFTER INSERT ON ledger DEFERRABLE INITIALLY DEFERRED "
                    "FOR EACH ROW EXECUTE FUNCTION wait()");
}

static void lose_answer(struct loss *l, pthread_t *thread)
{
    weir_db *db = witness_of(l->primary);
    weir_conn gate = talk_borrow(db, WEIR_WRITE);
    talk_run(gate, "SELECT pg_advisory_lock(1)");
    talk_start(thread, transact, l);
    TALK_UNTIL(talk_ask(gate, "SELECT count(*) FROM pg_stat_activity WHERE query = 'COMMIT' AND wait_event = "
                              "'advisory'") == 1);
    proxy_fault(l->proxy, PROXY_TO_CLIENT, PROXY_CUT, 0);
    talk_run(gate, "SELECT pg_advisory_unlock(1)");
    weir_release(&gate);
    weir_db_close(&db);
    TALK_UNTIL(atomic_load(&l->lost));
}

static void promote_late(struct loss *l)
{
    weir_db *db = witness_of(l->standby);
    TALK_UNTIL(talk_db_ask(db, WEIR_READ,
                           "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'INSERT INTO weir_markers%%'") > 0);
    postgres_promote(l->standby);
    weir_db_close(&db);
}

/* It gives the number that the transaction had to others. */
static void promote_early(struct loss *l)
{
    postgres_promote(l->standby);
    for (int i = 0; i < 10; i++)
        postgres_run(l->standby, "SELECT txid_current()");
}

static void fall(struct loss *l)
{
    if (l->story->fall != GOES_ON) {
        if (l->story->heard)
            postgres_catch_up(l->standby, l->primary);
        postgres_stop(l->primary);
        proxy_lead(l->proxy, l->standby->port);
    }
    if (l->story->fall == DIES)
        promote_early(l);
    proxy_fault(l->proxy, PROXY_TO_CLIENT, PROXY_NONE, 0);
    if (l->story->fall == DIES_LATE)
        promote_late(l);
}

static void check(const struct loss *l, const struct postgres *survivor)
{
    const struct story *s = l->story;
    const bool known = s->state != WEIR_COMMIT_UNKNOWN;
    weir_db *db = witness_of(survivor);
    is_int(l->outcome.state, s->state, "the answer to a commit is lost: %s", s->tells);
    is_int(l->status, known ? WEIR_OK : WEIR_E_IN_DOUBT, "  %s", known ? "which is found out" : "nobody can tell");
    is_int(l->runs, s->runs, "  after %d runs", s->runs);
    is_int(l->figures.in_doubt, 1, "  one commit was in doubt");
    is_int(l->figures.settled, known, "  and %s settled", known ? "was" : "is not");
    is_int(talk_db_ask(db, WEIR_READ, "SELECT count(*) FROM ledger WHERE n = %d", l->n), s->times,
           "  the row is there %d times", s->times);
    weir_db_close(&db);
}

int main(void)
{
    static struct postgres servers[STORIES + 1];
    struct postgres *primary = servers;
    postgres_start(primary, NULL);
    make_ledger(primary);
    struct proxy *p = proxy_start(primary->port);
    for (size_t i = 0; i < STORIES; i++) {
        struct loss l = { .story = &stories[i], .proxy = p, .primary = primary, .n = (int)i };
        pthread_t thread;
        if (stories[i].fall != GOES_ON)
            postgres_follow(l.standby = primary + 1, primary, NULL);
        if (!stories[i].heard)
            postgres_cut_off(l.standby);
        lose_answer(&l, &thread);
        fall(&l);
        talk_join(thread);
        primary = l.standby ? l.standby : primary;
        check(&l, primary);
    }
    proxy_stop(&p);
    postgres_stop(primary);
    return tap_done();
}
