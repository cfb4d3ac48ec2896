/*
 * Level 20: a proxy cuts the road at each byte of the answer to COMMIT, and of COMMIT itself.  Whatever is told is true, nothing is run
 * again without proof, nothing is done twice; and where the server or a marker can tell, all of it is settled.
 * SPDX-License-Identifier: MIT
 */
#include <stdio.h>
#include "levels.h"
#include "proxy.h"

#define MOST_BYTES 1000
#define MOST_PLACES 100

struct cut {
    struct proxy *proxy;
    enum proxy_way way;
    long after;
    int before; /* transactions of the same session that went well */
    bool early; /* broken before it begins */
    bool bulk;  /* all of them write in bulk, which may wait for the commit */
    atomic_bool armed;
    int runs;
    int64_t n;
    weir_outcome outcome;
    int status;
    weir_error err;
    weir_figures figures;
};

/* The road is whole again as soon as the connection is lost. */
static void mend(void *arg, const weir_event *event)
{
    struct cut *c = arg;
    if (event->kind == WEIR_EVENT_LOST && atomic_exchange(&c->armed, false))
        proxy_fault(c->proxy, c->way, PROXY_NONE, 0);
}

static void break_road(struct cut *c)
{
    atomic_store(&c->armed, true);
    proxy_fault(c->proxy, c->way, PROXY_CUT, c->after);
}

static int write_in_bulk(weir_conn conn, int64_t n, weir_error *err)
{
    static const weir_column column = { .name = "n" };
    static const weir_bulk_spec spec = {
        .size = sizeof spec, .table = "level_ledger", .columns = &column, .count = 1, .insert_only = 1
    };
    weir_bulk *bulk;
    int st = weir_bulk_open_on(&bulk, conn, &spec, err);
    if (st < 0)
        return st;
    weir_bulk_row(bulk, WEIR_ARGS(weir_int(n)), err);
    return weir_bulk_finish(&bulk, NULL, (weir_deadline){ 0 }, err);
}

/* The first run breaks it, at the very end. */
static int body(weir_conn conn, void *arg, weir_error *err)
{
    struct cut *c = arg;
    const int st =
        c->bulk ? write_in_bulk(conn, c->n, err)
                : weir_exec(NULL, conn, "INSERT INTO level_ledger(n) VALUES (?)", WEIR_ARGS(weir_int(c->n)), LONG, err);
    if (st >= 0 && c->runs++ == 0 && !c->early)
        break_road(c);
    return st;
}

static int change_nothing(weir_conn conn, void *arg, weir_error *err)
{
    const struct cut *c = arg;
    return c->bulk ? write_in_bulk(conn, 0, err)
                   : weir_exec(NULL, conn, "UPDATE level_ledger SET n = n WHERE n = 0", WEIR_NO_ARGS, LONG, err);
}

/*
 * A db of its own each time: nobody has saved up retries, and no other connection is there to be cut.  A server that is slow to stop a
 * statement is waited for.
 */
static weir_db *open_by_proxy(struct cut *c, const struct place *place)
{
    static const char *const patient[] = { "cancel_grace", "60s", NULL };
    const weir_hooks hooks = { .size = sizeof hooks, .options = patient, .event = mend, .arg = c };
    char url[256];
    snprintf(url, sizeof url, place->format, proxy_port(c->proxy));
    return talk_open_with(url, &hooks);
}

static void transact(struct cut *c, const struct place *place, const weir_transact_options *options)
{
    weir_db *db = open_by_proxy(c, place);
    if (c->early) {
        weir_conn conn = talk_borrow(db, WEIR_WRITE);
        weir_release(&conn);
        break_road(c);
    }
    for (int i = 0; i < c->before; i++)
        if (weir_transact(NULL, db, change_nothing, c, options, LONG, &c->err) < 0)
            tap_bail("%s", c->err.text);
    c->status = weir_transact(&c->outcome, db, body, c, options, LONG, &c->err);
    if (atomic_exchange(&c->armed, false))
        proxy_fault(c->proxy, c->way, PROXY_NONE, 0);
    c->figures = level_figures(db);
    weir_db_close(&db);
}

/* How it went, over all cuts of a kind. */
struct tally {
    int cuts, lost, in_doubt, settled, committed, untrue, unproven;
};

static void look(struct tally *t, const struct cut *c, weir_db *witness)
{
    const int64_t times =
        talk_db_ask(witness, WEIR_READ, "SELECT count(*) FROM level_ledger WHERE n = %lld", (long long)c->n);
    const bool told = c->outcome.state == WEIR_COMMITTED        ? times == 1 && c->status == WEIR_OK
                      : c->outcome.state == WEIR_COMMIT_UNKNOWN ? times <= 1 && c->status == WEIR_E_IN_DOUBT
                                                                : times == 0 && c->status < 0;
    t->cuts++;
    t->lost += c->figures.lost > 0;
    t->in_doubt += c->figures.in_doubt > 0;
    t->settled += c->figures.settled > 0;
    t->committed += c->outcome.state == WEIR_COMMITTED;
    t->untrue += !told || (int)c->outcome.attempts != c->runs;
    t->unproven += c->runs > 1 && c->figures.in_doubt > c->figures.settled;
    if (!told)
        tap_note("cut after %ld bytes: status %d, state %u, %d runs, in the ledger %d times: %s", c->after, c->status,
                 c->outcome.state, c->runs, (int)times, c->status < 0 ? c->err.text : "");
}

static int64_t last_n;

/* Byte by byte, until nothing is lost any more. */
static struct tally cut_all(struct proxy *p, enum proxy_way way, const struct place *place, int before, bool bulk,
                            const weir_transact_options *options, weir_db *witness)
{
    struct tally t = { 0 };
    bool lost = true;
    for (long after = 0; lost && after < MOST_BYTES; after++) {
        struct cut c = { .proxy = p, .way = way, .after = after, .before = before, .bulk = bulk, .n = ++last_n };
        transact(&c, place, options);
        look(&t, &c, witness);
        lost = c.figures.lost > 0;
    }
    return t;
}

static void level(struct proxy *p, enum proxy_way way, const struct place *place, int before, bool bulk,
                  const weir_transact_options *how, weir_db *witness)
{
    const bool exactly_once = how->exactly_once, settles = (place->traces && !how->unsettled) || exactly_once;
    const struct tally t = cut_all(p, way, place, before, bulk, how, witness);
    ok(t.lost > 1 && t.lost == t.cuts - 1 && t.in_doubt > 1,
       "level 20: the road is cut at %d bytes %s COMMIT%s%s, %d of them in doubt, after %d transactions", t.lost,
       way == PROXY_TO_CLIENT ? "behind" : "of", bulk ? " in bulk" : "", exactly_once ? " and a marker" : "",
       t.in_doubt, before);
    is_int(t.untrue, 0, "  and what is told is true each time");
    is_int(t.unproven, 0, "  with nothing run again without proof");
    is_int(t.settled, settles ? t.in_doubt : 0, "  %s", settles ? "every one is settled" : "none can be settled");
    is_int(t.committed, settles ? t.cuts : t.cuts - t.in_doubt, "  %s",
           settles ? "and committed once, in the end" : "or told committed");
}

/* From the beginning of a transaction on, and in what is done before it for the sake of its marker. */
static void cut_early(struct proxy *p, const struct place *place, weir_db *witness)
{
    const weir_transact_options once = { .size = sizeof once, .exactly_once = 1 };
    int cuts = 0, lost = 0, right = 0;
    for (; lost == cuts && cuts < MOST_PLACES; cuts++) {
        struct cut c = { .proxy = p, .way = PROXY_TO_SERVER, .after = cuts * 16L, .early = true, .n = ++last_n };
        transact(&c, place, &once);
        lost += c.figures.lost > 0;
        right +=
            c.status == WEIR_OK && c.outcome.state == WEIR_COMMITTED &&
            talk_db_ask(witness, WEIR_READ, "SELECT count(*) FROM level_ledger WHERE n = %lld", (long long)c.n) == 1;
        if (c.status < 0)
            tap_note("cut after %ld bytes: %s", c.after, c.err.text);
    }
    ok(lost > 10 && lost < cuts, "level 20: the road is cut at %d places of a transaction with a marker", lost);
    is_int(right, cuts, "  and all are committed once, in the end");
}

/* What a proof by a marker rests on: two rows with one key wait for each other, and only one comes to be. */
static void key_decides(weir_db *db)
{
    static const char marker[] = "INSERT INTO weir_markers (id, fate) VALUES ('x', 1)";
    weir_conn first = talk_borrow(db, WEIR_WRITE), second = talk_borrow(db, WEIR_WRITE);
    weir_error err;
    for (int commits = 0; commits < 2; commits++) {
        if (weir_begin(first, NULL, LONG, &err) < 0)
            tap_bail("%s", err.text);
        talk_run(first, "%s", marker);
        is_int(weir_exec(NULL, second, marker, WEIR_NO_ARGS, weir_after_ms(200), &err), WEIR_E_TIMEOUT,
               "a second marker waits for as long as the first is not ended");
        is_int(commits ? weir_commit(NULL, first, LONG, &err) : weir_rollback(first, LONG, &err), WEIR_OK,
               "  when that is %s", commits ? "committed" : "rolled back");
        is_int(weir_exec(NULL, second, marker, WEIR_NO_ARGS, LONG, &err), commits ? WEIR_E_UNIQUE : WEIR_OK,
               "  it is %s", commits ? "refused" : "stored");
        talk_run(second, "DELETE FROM weir_markers WHERE id = 'x'");
    }
    weir_release(&first);
    weir_release(&second);
}

/* The first transaction of a program sweeps them, unless a server is busy for longer than that may last: then the next program's does. */
static void sweep(const struct place *place, weir_db *witness)
{
    const weir_transact_options once = { .size = sizeof once, .exactly_once = 1 };
    weir_error err;
    int programs = 0;
    talk_db_run(witness, "UPDATE weir_markers SET made = '2001-01-01'");
    do {
        struct cut whole = { .runs = 1, .n = 1 };
        weir_db *other = level_open(place, "cancel_grace=30s");
        if (weir_transact(NULL, other, body, &whole, &once, LONG, &err) < 0)
            tap_bail("%s", err.text);
        weir_db_close(&other);
        programs++;
    } while (programs < 100 && talk_db_ask(witness, WEIR_READ, "SELECT count(*) FROM weir_markers") > programs);
    is_int(talk_db_ask(witness, WEIR_READ, "SELECT count(*) FROM weir_markers"), programs,
           "a transaction with a marker by another program sweeps the old ones");
}

void level_20_lost_commit(const struct place *place)
{
    weir_db *witness = level_open(place, "pool_size=3&cancel_grace=30s");
    talk_db_run(witness, "DROP TABLE IF EXISTS level_ledger");
    talk_db_run(witness, "CREATE TABLE level_ledger(n BIGINT NOT NULL)");
    struct proxy *p = proxy_start(place->port);
    for (int i = 0; i < 7; i++) { /* a driver may begin transactions that follow others in another way */
        const weir_transact_options how = { .size = sizeof how, .exactly_once = i & 1, .unsettled = i == 6 };
        const bool bulk = i > 3;
        const int before = i > 1 ? 2 : 0;
        level(p, PROXY_TO_CLIENT, place, before, bulk, &how, witness);
        level(p, PROXY_TO_SERVER, place, before, bulk, &how, witness);
    }
    cut_early(p, place, witness);
    proxy_stop(&p);
    ok(talk_db_ask(witness, WEIR_READ, "SELECT count(*) FROM weir_markers") > 0, "  the markers are there");
    sweep(place, witness);
    key_decides(witness);
    weir_db_close(&witness);
}
