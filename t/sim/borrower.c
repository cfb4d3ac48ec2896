/*
 * Borrowers: they acquire, use what they got well and badly, and give it back.
 * SPDX-License-Identifier: MIT
 */
#include <stdio.h>
#include "people.h"

struct grip grips[GRIPS];

weir_deadline some_deadline(void)
{
    static const int64_t lengths[] = { 0, 0, 0, 1, 5, 40, 300, 2000, 20000 };
    int64_t ms = lengths[machine_below(9)];
    if (machine_one_in(12))
        return weir_at_once();
    if (!ms)
        return (weir_deadline){ 0 };
    return machine_one_in(2) ? weir_after_ms(ms) : weir_by(weir_after_ms(ms));
}

/* Whether all that this caller could get is in its own hands. */
static bool holds_all(const struct grip *mine, bool read_only)
{
    unsigned held = 0, lane = 0;
    for (int i = 0; i < 2; i++) {
        held += mine[i].conn.slot != NULL;
        lane += mine[i].conn.slot && mine[i].read_only == read_only;
    }
    return lane >= laws_lane_limit(read_only) || held >= laws_max();
}

/* May this caller be told that now, before its deadline? */
static void is_right_to_refuse(const struct call *c, int status, bool fast, const struct grip *mine, bool read_only)
{
    bool due = machine_now() >= c->until;
    switch (status) {
    case WEIR_E_CLOSED:
        break;
    case WEIR_E_EXHAUSTED:
        law(due, "law 6: exhausted before the deadline");
        break;
    case WEIR_E_UNAVAILABLE:
        law(due || fast, "unavailable before the deadline");
        break;
    case WEIR_E_SHED:
        law(run.shed_after && machine_now() - c->came.at >= run.shed_after, "refused early, against the options");
        break;
    case WEIR_E_DEADLOCK_SELF:
        law(holds_all(mine, read_only) || run.resized >= c->came.step,
            "a caller who holds too little would deadlock itself");
        break;
    default:
        law(run.hopeless, "a connect fails for good: %s", weir_status_name(status));
    }
}

/* keeps law 15: since the database is shut nobody waits */
static void is_closed_if_shut(const struct call *c, int status)
{
    law(status == WEIR_E_CLOSED || !c->closed, "law 15: a caller is served after shutdown");
    struct moment later = c->came.step > run.shut_since.step ? c->came : run.shut_since;
    if (run.shut && run.crew && !run.shaky)
        law(machine_since(later) <= 0, "law 15: a caller waits on after shutdown");
}

static int borrow(struct grip *g, const struct grip *mine)
{
    weir_error err;
    bool read_only = machine_one_in(2), fast = has_habit(FAILING_FAST) && machine_one_in(3);
    unsigned how = (read_only ? WEIR_READ : WEIR_WRITE) | (fast ? WEIR_FAIL_FAST : 0);
    weir_deadline deadline = some_deadline();
    weir_conn conn;
    run.calling++;
    const char *what = read_only ? "acquire to read" : "acquire to write";
    struct call c = call_begin(what, (weir_conn){ 0 }, deadline, run.acquire_timeout);
    int status = weir_acquire(&conn, run.db, how, deadline, &err);
    if (status >= 0)
        laws_lent(conn, read_only, c.came);
    call_told(&c, status, &err);
    call_in_time(&c);
    is_closed_if_shut(&c, status);
    if (status < 0)
        is_right_to_refuse(&c, status, fast || run.fail_fast, mine, read_only);
    run.calling--;
    *g = (struct grip){ .conn = conn, .read_only = read_only };
    return status;
}

void grip_drop(struct grip *g)
{
    bool discard = has_habit(DISCARDING) && machine_one_in(8);
    struct call c = call_begin_at_once(discard ? "discard" : "release");
    laws_given(g->conn);
    (discard ? weir_discard : weir_release)(&g->conn);
    call_at_once(&c);
    law(!g->conn.slot && !g->conn.loan, "a handle is not zeroed by what ends it");
}

/* ---- using what was borrowed */

static int judge(const struct call *c, const struct grip *g, int status, const weir_error *err)
{
    return call_judge(c, status, err, has_habit(MEDDLING) || g->unread);
}

int grip_tell(struct grip *g, const char *sql)
{
    weir_error err;
    weir_deadline deadline = some_deadline();
    struct call c = call_begin(sql, g->conn, deadline, run.query_timeout);
    return judge(&c, g, weir_exec(NULL, g->conn, sql, WEIR_NO_ARGS, deadline, &err), &err);
}

static void read_some(struct grip *g)
{
    weir_error err;
    weir_rows rows;
    weir_deadline deadline = some_deadline();
    struct call c = call_begin("ROWS 3", g->conn, deadline, run.query_timeout);
    int status = judge(&c, g, weir_query(&rows, g->conn, "ROWS 3", WEIR_NO_ARGS, deadline, &err), &err);
    for (int64_t i = machine_below(5); status >= 0 && i > 0; i--) {
        c.came = machine_mark();
        c.what = "a row";
        status = weir_rows_next(rows, &err);
        judge(&c, g, status, &err);
        if (machine_one_in(4))
            machine_sleep(machine_below(3 * MS));
    }
    g->unread |= status >= 0 && has_habit(LEAVING_RESULTS) && machine_one_in(2);
    if (g->unread)
        return;
    c.came = machine_mark();
    c.what = "the end of a result";
    status = weir_rows_close(&rows, &err);
    judge(&c, g, status, &err);
}

static void remember(const struct grip *g, unsigned number, enum fate fate)
{
    bool sure = !g->raw && !run.leaking && !run.forgetful;
    run.fates[number] = (unsigned char)(sure ? fate : FATE_UNKNOWN);
}

/* An ADD's number; 0: it failed, or there is no room to remember what becomes of it. */
static unsigned add(struct grip *g)
{
    char sql[32];
    if (run.adds + 1 >= ADDS)
        return 0;
    unsigned number = ++run.adds;
    snprintf(sql, sizeof sql, "ADD %u", number);
    int status = grip_tell(g, sql);
    remember(g, number, FATE_NOT_DONE);
    return status < 0 ? 0 : number;
}

static void add_alone(struct grip *g)
{
    unsigned number = add(g);
    if (number)
        remember(g, number, FATE_DONE);
}

static void end_transaction(struct grip *g, const unsigned *added, unsigned count)
{
    static const enum fate fates[] = {
        [WEIR_NOT_COMMITTED] = FATE_NOT_DONE,
        [WEIR_COMMITTED] = FATE_DONE,
        [WEIR_COMMIT_UNKNOWN] = FATE_UNKNOWN,
    };
    weir_error err;
    weir_outcome outcome = { .state = WEIR_NOT_COMMITTED };
    weir_deadline deadline = some_deadline();
    bool commit = !machine_one_in(4);
    if (commit && machine_one_in(8))
        grip_tell(g, machine_one_in(2) ? "COMMITLOST before" : "COMMITLOST after");
    struct call c = call_begin(commit ? "commit" : "rollback", g->conn, deadline, run.query_timeout);
    int status = commit ? weir_commit(&outcome, g->conn, deadline, &err) : weir_rollback(g->conn, deadline, &err);
    judge(&c, g, status, &err);
    law(!commit || (status >= 0) == (outcome.state == WEIR_COMMITTED), "a commit says one thing and means another");
    for (unsigned i = 0; i < count; i++)
        if (added[i])
            remember(g, added[i], fates[outcome.state]);
}

static void transact(struct grip *g)
{
    weir_error err;
    unsigned added[3], count = (unsigned)machine_below(4);
    struct call c = call_begin("begin", g->conn, (weir_deadline){ 0 }, run.query_timeout);
    if (judge(&c, g, weir_begin(g->conn, NULL, (weir_deadline){ 0 }, &err), &err) < 0)
        return;
    for (unsigned i = 0; i < count; i++)
        added[i] = add(g);
    if (machine_one_in(6))
        grip_tell(g, machine_one_in(2) ? "FAIL deadlock" : "FAIL serialization");
    if (machine_one_in(6))
        g->raw = true;
    else
        end_transaction(g, added, count);
}

static void tell_something(struct grip *g)
{
    static const char *const statements[] = { "COUNTER",     "COUNTER", "SLEEP 1ms",  "SLEEP 30ms",
                                              "SLEEP 700ms", "DIRTY",   "FAIL unique" };
    grip_tell(g, statements[machine_below(7)]);
}

static void misuse(struct grip *g)
{
    static const char *const statements[] = { "STICKY", "DIE", "FAIL lost", "FAIL deadlock", "nonsense", "BEGIN" };
    int64_t which = has_habit(MISUSE) ? machine_below(6) : 4;
    g->raw |= which == 5;
    grip_tell(g, statements[which]);
}

static void think(struct grip *g)
{
    (void)g;
    machine_sleep(machine_below(MS << machine_below(11)));
}

static void use(struct grip *g)
{
    static void (*const ways[])(struct grip * g) = { tell_something, tell_something, think, read_some,
                                                     transact,       add_alone,      misuse };
    for (int64_t i = machine_below(4); i > 0; i--)
        ways[machine_below(7)](g);
}

/* One more while the first is held, in fear of waiting for itself. */
static void nest(struct grip *mine)
{
    if (!has_habit(NESTING) || !machine_one_in(4) || run.closing)
        return;
    if (borrow(&mine[1], mine) < 0)
        return;
    use(&mine[1]);
    grip_drop(&mine[1]);
}

void *borrower(void *grip)
{
    struct grip *mine = grip;
    for (unsigned i = 0; i < run.loans && !run.closing; i++) {
        if (machine_one_in(3))
            machine_sleep(machine_below(MS << machine_below(12)));
        if (run.closing || borrow(&mine[0], mine) < 0)
            continue;
        use(&mine[0]);
        nest(mine);
        use(&mine[0]);
        grip_drop(&mine[0]);
    }
    return NULL;
}
