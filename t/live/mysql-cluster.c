/*
 * MariaDB nodes of one cluster (Galera): conflicts between them, a hot row, and what a node says, and knows, that has lost the others.
 * SPDX-License-Identifier: MIT
 */
#include <signal.h>
#include <stdio.h>
#include "levels.h"
#include "mysql-rig.h"

#define backend (&weir_mysql_backend)
#define wing (backend->sql)

#define AGAIN WEIR_RETRY_TRANSACTION
#define ELSEWHERE WEIR_RETRY_ELSEWHERE
#define URL "mysql://weir@127.0.0.1:%d/test"
#define IS_ALONE                                                                   \
    "SELECT COUNT(*) FROM information_schema.global_status WHERE variable_name = " \
    "'WSREP_CLUSTER_STATUS' AND variable_value = 'non-Primary'"

static struct mariadb nodes[GALERA_NODES];
static struct rig rigs[GALERA_NODES];

/* Of those that follow the begin is not said. */
static void do_transactions(void *conn, int n)
{
    weir_error err;
    for (int i = 0; i < n; i++) {
        wing->begin(conn, 0, 0, SOON, &err);
        must(conn, "UPDATE pairs SET n = n WHERE id = 2");
        is_int(wing->commit(conn, SOON, &err), WEIR_OK, "transaction %d of a session", i + 1);
    }
}

/* ---- conflicts ---- */

/* Both have written the same row, and the other one's is committed: it is on its way here, or has come. */
static void test_conflict_at_commit(void *here, void *there)
{
    weir_error err;
    wing->begin(here, 0, 0, SOON, &err);
    must(here, "UPDATE pairs SET n = n + 1 WHERE id = 1");
    must(there, "UPDATE pairs SET n = n + 10 WHERE id = 1");
    is_int(wing->commit(here, SOON, &err), WEIR_E_DEADLOCK, "whoever commits last in a cluster has lost");
    is_error(&err, WEIR_E_DEADLOCK, 1213, "40001", AGAIN | WEIR_ROLLED_BACK);
    is_int(wing->rollback(here, SOON, &err), WEIR_OK, "  to be rolled back");
    is_int(backend->alive(here), 1, "  on a session that goes on");
    wait_for(here, "SELECT n FROM pairs WHERE id = 1", 10);
    ok(1, "  and sees what the other has written");
}

static void test_conflict_before(void *here, void *there, void *watch)
{
    weir_error err;
    wing->begin(here, 0, 0, SOON, &err);
    must(here, "UPDATE pairs SET n = n + 1 WHERE id = 1");
    must(there, "UPDATE pairs SET n = n + 10 WHERE id = 1");
    wait_for(watch, "SELECT n FROM pairs WHERE id = 1", 20);
    is_int(run(here, "UPDATE pairs SET n = n + 1 WHERE id = 2", &err), WEIR_E_DEADLOCK,
           "one that was undone for another node's hears of it at its next statement");
    is_error(&err, WEIR_E_DEADLOCK, 1213, "40001", AGAIN | WEIR_ROLLED_BACK);
    is_int(wing->rollback(here, SOON, &err), WEIR_OK, "  and is rolled back");
    is_int(ask_int(here, "SELECT n FROM pairs WHERE id = 2"), 0, "  whole");
}

static void test_conflicts(void)
{
    void *here = session(&rigs[0]), *there = session(&rigs[1]), *watch = session(&rigs[0]);
    must(here, "CREATE TABLE pairs(id INT PRIMARY KEY, n INT)");
    must(here, "INSERT INTO pairs VALUES (1, 0), (2, 0)");
    wait_for(there, "SELECT COUNT(*) FROM information_schema.tables WHERE table_name = 'pairs'", 1);
    wait_for(there, "SELECT COUNT(*) FROM pairs", 2);
    test_conflict_at_commit(here, there);
    test_conflict_before(here, there, watch);
    must(there, "UPDATE pairs SET n = 0");
    wait_for(watch, "SELECT n FROM pairs WHERE id = 1", 0);
    do_transactions(here, 2);
    test_conflict_at_commit(here, there);
    do_transactions(here, 2);
    test_conflict_before(here, there, watch);
    end(&watch);
    end(&there);
    end(&here);
}

static void test_hot_row(void)
{
    struct place places[GALERA_NODES];
    for (int i = 0; i < GALERA_NODES; i++)
        places[i] = (struct place){ .format = URL, .port = nodes[i].port };
    level_22_hot_row(places, GALERA_NODES);
}

/* ---- a commit that the others do not answer ---- */

struct doubt {
    weir_db *db;
    pthread_t thread;
    int n; /* the row */
    bool exactly_once;
    int runs, status;
    weir_outcome outcome;
    weir_error err;
};

static int body(weir_conn conn, void *arg, weir_error *err)
{
    struct doubt *d = arg;
    d->runs++;
    return weir_exec(NULL, conn, "INSERT INTO ledger VALUES (?)", WEIR_ARGS(weir_int(d->n)), LONG, err);
}

static void *transact(void *arg)
{
    struct doubt *d = arg;
    const weir_transact_options options = { .size = sizeof options, .exactly_once = d->exactly_once };
    d->status = weir_transact(&d->outcome, d->db, body, d, &options, LONG, &d->err);
    return NULL;
}

/* The other node says nothing any more, so nothing can be committed here; then it is gone, and this one knows that it is alone. */
static void lose_the_other(void *watch, struct doubt *doubts, int n)
{
    server_freeze(&nodes[1].server);
    for (int i = 0; i < n; i++)
        talk_start(&doubts[i].thread, transact, &doubts[i]);
    wait_for(watch, "SELECT COUNT(*) FROM information_schema.processlist WHERE info = 'COMMIT'", n);
    must(watch, "SET GLOBAL wsrep_provider_options = 'evs.suspect_timeout=PT0.5S'");
    server_stop(&nodes[1].server, SIGKILL);
    wait_for(watch, IS_ALONE, 1);
}

static void test_alone(void *conn)
{
    weir_error err;
    is_int(ask_int(conn, "SELECT 1"), 1, "a node that is alone answers");
    is_int(run(conn, "SELECT * FROM pairs", &err), WEIR_E_SERVER, "  but has no tables");
    is_error(&err, WEIR_E_SERVER, 1047, "08S01", ELSEWHERE);
    has_text(err.text, "WSREP", "  of the cluster's");
    is_int(run(conn, "DELETE FROM pairs", &err), WEIR_E_SERVER, "  to write to, either");
    is_error(&err, WEIR_E_SERVER, 1047, "08S01", ELSEWHERE);
    is_int(wing->begin(conn, 0, 0, SOON, &err), WEIR_E_SERVER, "  and begins nothing");
    is_error(&err, WEIR_E_SERVER, 1047, "08S01", ELSEWHERE);
    is_int(backend->alive(conn), 1, "  though its sessions live");
    void *other = session(&rigs[0]);
    is_int(ask_int(other, "SELECT 1"), 1, "  and new ones are let in");
    end(&other);
}

static void test_open_transaction(void *conn)
{
    weir_error err;
    is_int(wing->commit(conn, SOON, &err), WEIR_E_SERVER, "what was begun before is not committed");
    is_error(&err, WEIR_E_SERVER, 1047, "08S01", ELSEWHERE);
}

static void test_lost_quorum(void)
{
    weir_error err;
    char url[100];
    snprintf(url, sizeof url, URL, nodes[0].port);
    weir_db *db = talk_open(url, NULL);
    struct doubt doubts[] = { { .db = db, .n = 1 }, { .db = db, .n = 2, .exactly_once = true } };
    struct doubt first = { .db = db, .exactly_once = true };
    void *watch = session(&rigs[0]), *conn = session(&rigs[0]), *open = session(&rigs[0]),
         *in_a_row = session(&rigs[0]);
    must(watch, "CREATE TABLE ledger(n INT PRIMARY KEY)");
    transact(&first); /* makes the table of markers, which takes a cluster */
    is_int(first.status, WEIR_OK, "a transaction with a marker");
    do_transactions(in_a_row, 2);
    wing->begin(in_a_row, 0, 0, SOON, &err);
    must(in_a_row, "INSERT INTO ledger VALUES (4)");
    wing->begin(open, 0, 0, SOON, &err);
    must(open, "INSERT INTO ledger VALUES (3)");
    lose_the_other(watch, doubts, 2);
    talk_join(doubts[0].thread);
    is_int(doubts[0].status, WEIR_E_IN_DOUBT, "a commit under way when a node finds itself alone is in doubt");
    is_int(doubts[0].outcome.state, WEIR_COMMIT_UNKNOWN, "  for the others may have it");
    is_int(doubts[0].err.native, 1180, "  as 1180");
    is_text(doubts[0].err.sqlstate, "08007", "  and 08007");
    is_int(doubts[0].runs, 1, "  and is not run again");
    test_alone(conn);
    test_open_transaction(open);
    test_open_transaction(in_a_row);
    must(watch, "SET GLOBAL wsrep_provider_options = 'pc.bootstrap=YES'");
    talk_join(doubts[1].thread);
    is_int(doubts[1].outcome.state, WEIR_COMMITTED, "one with a marker is settled when the node is a cluster again");
    is_int(doubts[1].runs, 2, "  by another run, for it had not happened");
    wait_for(watch, IS_ALONE, 0);
    is_int(ask_int(watch, "SELECT COUNT(*) FROM ledger WHERE n = 2"), 1, "  and has now, once");
    is_int(ask_int(watch, "SELECT COUNT(*) FROM ledger WHERE n NOT IN (0, 2)"), 0, "  the others have not");
    end(&in_a_row);
    end(&open);
    end(&conn);
    end(&watch);
    weir_db_close(&db);
}

int main(void)
{
    galera_start(nodes, NULL);
    for (int i = 0; i < GALERA_NODES; i++)
        rig_begin(&rigs[i], &nodes[i], NULL);
    test_conflicts();
    test_hot_row();
    test_lost_quorum();
    for (int i = 0; i < GALERA_NODES; i++)
        is_int(rigs[i].blocks, 0, "the driver has given back all memory");
    mariadb_stop(&nodes[0]);
    return tap_done();
}
