/*
 * The turns of all sides, what they cost, and the sides of weir and libzdb, which are the same for every database.
 * SPDX-License-Identifier: MIT
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <weir.h>
#ifdef WITH_ZDB
#    include <zdb.h>
#endif
#include "bulk.h"

struct candle *candles;
size_t count = 30000;

static const struct database *database;

void must(int fine, const char *what)
{
    if (fine)
        return;
    fprintf(stderr, "bench-bulk: %s\n", what);
    exit(1);
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* Nanoseconds on a processor; 0: nobody can tell. */
static double server_time(int pid)
{
    char path[64];
    double ns = 0;
    snprintf(path, sizeof path, "/proc/%d/schedstat", pid);
    FILE *f = fopen(path, "r");
    if (!f)
        return 0;
    if (fscanf(f, "%lf", &ns) != 1)
        ns = 0;
    fclose(f);
    return ns;
}

static double program_time(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void make_candles(void)
{
    candles = calloc(count, sizeof *candles);
    must(candles != NULL, "no memory");
    const size_t each = count / 50 + 1;
    for (size_t i = 0; i < count; i++) {
        struct candle *c = &candles[i];
        snprintf(c->symbol, sizeof c->symbol, "COIN%02uUSDT", (unsigned)(i / each) % 100);
        c->at = 1600000000 + (int64_t)(i % each) * 60;
        c->open = 100 + (double)(i * 7919 % 10007) / 64;
        c->high = c->open + 3.25;
        c->low = c->open - 1.75;
        c->close = c->open + 0.5;
        c->volume = (int64_t)(i * 104729 % 1000003);
    }
}

/* ---- by hand */

static void by_hand(const struct hand *hand)
{
    const size_t batch = hand->at_once ? count : database->batch;
    for (size_t i = 0; i < count; i += batch) {
        database->say(database->begin);
        hand->write(&candles[i], count - i < batch ? count - i : batch);
        database->say(database->commit);
    }
}

/* ---- weir */

static weir_db *db;

#define CELLS 7
#define CELLS_OF(c)                                                                                              \
    {                                                                                                            \
        weir_text((c)->symbol), weir_time_us((c)->at * 1000000), weir_double((c)->open), weir_double((c)->high), \
            weir_double((c)->low), weir_double((c)->close), weir_int((c)->volume)                                \
    }

static void by_weir(uint32_t insert_only)
{
    static const weir_column columns[] = {
        { "symbol", 1, 0 },         { "at", 1, 0 },
        { "open", 0, WEIR_KEEP },   { "high", 0, WEIR_LARGER },
        { "low", 0, WEIR_SMALLER }, { "close", 0, WEIR_REPLACE },
        { "volume", 0, WEIR_ADD },
    };
    const weir_bulk_spec spec = {
        .size = sizeof spec, .table = "bench_bulk", .columns = columns, .count = 7, .insert_only = insert_only
    };
    weir_error err;
    weir_bulk *bulk;
    must(weir_bulk_open(&bulk, db, &spec, &err) == WEIR_OK, "weir_bulk_open");
    for (size_t i = 0; i < count; i++) {
        const weir_value cells[CELLS] = CELLS_OF(&candles[i]);
        must(weir_bulk_row(bulk, weir_args_of(cells, CELLS), &err) == WEIR_OK, err.text);
    }
    must(weir_bulk_finish(&bulk, NULL, weir_never(), &err) == WEIR_OK, err.text);
}

/* A statement for each row, in one transaction. */
static void each_by_weir(void)
{
    weir_error err;
    weir_conn conn;
    weir_value(*cells)[CELLS] = malloc(count * sizeof *cells);
    weir_args *rows = malloc(count * sizeof *rows);
    must(cells && rows, "no memory");
    for (size_t i = 0; i < count; i++) {
        const weir_value row[CELLS] = CELLS_OF(&candles[i]);
        memcpy(cells[i], row, sizeof row);
        rows[i] = weir_args_of(cells[i], CELLS);
    }
    must(weir_acquire(&conn, db, WEIR_WRITE, weir_never(), &err) == WEIR_OK, err.text);
    must(weir_exec_many(NULL, NULL, conn, database->insert, rows, count, weir_never(), &err) == WEIR_OK, err.text);
    weir_release(&conn);
    free(rows);
    free(cells);
}

static int ask_by_weir(const char *sql)
{
    weir_error err;
    weir_conn conn;
    weir_rows rows;
    must(weir_acquire(&conn, db, WEIR_WRITE, weir_never(), &err) == WEIR_OK, err.text);
    must(weir_query(&rows, conn, sql, WEIR_NO_ARGS, weir_never(), &err) == WEIR_OK, err.text);
    must(weir_rows_next(rows, &err) == WEIR_ROW, sql);
    const int n = (int)weir_rows_int(rows, 0);
    weir_rows_close(&rows, NULL);
    weir_release(&conn);
    return n;
}

static int open_weir(const char *user, const char *rest)
{
    char text[300];
    weir_error err;
    snprintf(text, sizeof text, database->weir, user, rest);
    must(weir_db_open(&db, text, NULL, &err) == WEIR_OK, "weir_db_open");
    return ask_by_weir(database->which);
}

/* ---- libzdb */

#ifdef WITH_ZDB
static Connection_T zdb;

static void by_zdb(const char *sql)
{
    Connection_beginTransaction(zdb);
    PreparedStatement_T p = Connection_prepareStatement(zdb, "%s", sql);
    for (size_t i = 0; i < count; i++) {
        const struct candle *c = &candles[i];
        PreparedStatement_setString(p, 1, c->symbol);
        PreparedStatement_setTimestamp(p, 2, (time_t)c->at);
        PreparedStatement_setDouble(p, 3, c->open);
        PreparedStatement_setDouble(p, 4, c->high);
        PreparedStatement_setDouble(p, 5, c->low);
        PreparedStatement_setDouble(p, 6, c->close);
        PreparedStatement_setLLong(p, 7, c->volume);
        PreparedStatement_execute(p);
    }
    Connection_commit(zdb);
    Connection_clear(zdb);
}

static int ask_by_zdb(const char *sql)
{
    ResultSet_T r = Connection_executeQuery(zdb, "%s", sql);
    must(ResultSet_next(r), sql);
    const int n = ResultSet_getInt(r, 1);
    Connection_clear(zdb);
    return n;
}

static int open_zdb(const char *user, const char *rest)
{
    char text[300];
    snprintf(text, sizeof text, database->zdb, user, rest);
    ConnectionPool_T pool = ConnectionPool_new(URL_new(text));
    ConnectionPool_start(pool);
    zdb = ConnectionPool_getConnection(pool);
    must(zdb != NULL, "libzdb gives no connection");
    return ask_by_zdb(database->which);
}
#else
static void by_zdb(const char *sql)
{
    (void)sql;
}

static int ask_by_zdb(const char *sql)
{
    (void)sql;
    return 0;
}

static int open_zdb(const char *user, const char *rest)
{
    (void)user, (void)rest;
    return 0;
}
#endif

/* ---- sides, and their turns */

enum { HAND, WEIR, LIBZDB, KINDS };

static int ids[KINDS]; /* of the server's processes or threads */

static struct side {
    const char *task, *name;
    int kind;
    const struct hand *hand;
    double rate; /* of the best round: rows a second, … */
    double cost; /* … and microseconds of processor time a row; 0: not known */
} sides[16];
static size_t side_count;

static void add_side(const char *task, const char *name, int kind, const struct hand *hand)
{
    must(side_count < sizeof sides / sizeof *sides, "too many sides");
    sides[side_count++] = (struct side){ .task = task, .name = name, .kind = kind, .hand = hand };
}

static int is_each(const char *task)
{
    return strcmp(task, "each") == 0;
}

/* None, if nothing is written by hand. */
static void add_sides(const char *task)
{
    const size_t before = side_count;
    for (const struct hand *h = database->hands; h->task; h++)
        if (h->write && strcmp(h->task, task) == 0)
            add_side(task, h->name, HAND, h);
    if (side_count == before)
        return;
    add_side(task, is_each(task) ? "weir_exec_many" : "weir_bulk", WEIR, NULL);
#ifdef WITH_ZDB
    add_side(task, "libzdb", LIBZDB, NULL);
#endif
}

static const struct hand *fastest_to_fill(void)
{
    const struct hand *h = database->hands;
    while (!h->write)
        h++;
    return h;
}

static void write_rows(const struct side *s, int upserts)
{
    if (s->kind == HAND)
        by_hand(s->hand);
    else if (s->kind == WEIR && is_each(s->task))
        each_by_weir();
    else if (s->kind == WEIR)
        by_weir(!upserts);
    else
        by_zdb(upserts ? database->upsert : database->insert);
}

static void keep(struct side *s, double seconds, double ns)
{
    const double rows = (double)count, rate = rows / seconds, cost = ns / 1e3 / rows;
    s->rate = rate > s->rate ? rate : s->rate;
    s->cost = s->cost == 0 || cost < s->cost ? cost : s->cost;
}

/* A server's session looks a table up again that another one has emptied: that is done by hand, and is no part of the writing. */
static void look_up(int kind)
{
    static const char count_rows[] = "SELECT COUNT(*) FROM bench_bulk";
    if (kind == WEIR)
        ask_by_weir(count_rows);
    else if (kind == LIBZDB)
        ask_by_zdb(count_rows);
}

static void take_turn(struct side *s)
{
    const int upserts = strcmp(s->task, "upsert") == 0;
    database->say("TRUNCATE TABLE bench_bulk");
    if (upserts)
        by_hand(fastest_to_fill());
    database->settle();
    look_up(s->kind);
    const double server = server_time(ids[s->kind]), program = program_time(), began = now();
    write_rows(s, upserts);
    const double seconds = now() - began, own = program_time() - program;
    keep(s, seconds, server > 0 ? own + server_time(ids[s->kind]) - server : 0);
}

static struct side best_of(const char *task, int kind)
{
    struct side best = { .cost = 1e9 };
    for (size_t i = 0; i < side_count; i++) {
        if (strcmp(sides[i].task, task) != 0 || sides[i].kind != kind)
            continue;
        best.rate = sides[i].rate > best.rate ? sides[i].rate : best.rate;
        best.cost = sides[i].cost < best.cost ? sides[i].cost : best.cost;
    }
    return best;
}

static void print(const char *task)
{
    const struct side weir = best_of(task, WEIR), hand = best_of(task, HAND), zdb_side = best_of(task, LIBZDB);
    if (weir.rate <= 0)
        return;
    for (size_t i = 0; i < side_count; i++)
        if (strcmp(sides[i].task, task) == 0)
            printf("%-8s %-16s %9.0f rows/s %8.2f us of processor time a row\n", task, sides[i].name, sides[i].rate,
                   sides[i].cost);
    printf("%-8s weir, by the clock: %.2f of the best by hand, %.1f times libzdb\n", task, weir.rate / hand.rate,
           zdb_side.rate > 0 ? weir.rate / zdb_side.rate : 0);
    printf("%-8s weir, by processor: %.2f of the best by hand, %.1f times libzdb\n", task, hand.cost / weir.cost,
           zdb_side.rate > 0 ? zdb_side.cost / weir.cost : 0);
}

static void open_sides(const char *where)
{
    char user[64] = "";
    const char *rest = strchr(where, '@');
    must(rest && rest - where < (int)sizeof user, "usage: USER@HOST:PORT/DATABASE [ROWS [ROUNDS]]");
    memcpy(user, where, (size_t)(rest - where));
    ids[HAND] = database->open(user, rest + 1);
    ids[WEIR] = open_weir(user, rest + 1);
    ids[LIBZDB] = open_zdb(user, rest + 1);
    add_sides("insert");
    add_sides("upsert");
    add_sides("each");
}

int bulk_bench(int argc, char **argv, const struct database *of)
{
    must(argc >= 2, "usage: USER@HOST:PORT/DATABASE [ROWS [ROUNDS]]");
    database = of;
    count = argc > 2 ? strtoul(argv[2], NULL, 10) : count;
    const int rounds = argc > 3 ? atoi(argv[3]) : 7;
    make_candles();
    open_sides(argv[1]);
    for (int i = 0; i < rounds; i++)
        for (size_t k = 0; k < side_count; k++)
            take_turn(&sides[k]);
    print("insert");
    print("upsert");
    print("each");
    database->say("DROP TABLE bench_bulk");
    weir_db_close(&db);
    return 0;
}
