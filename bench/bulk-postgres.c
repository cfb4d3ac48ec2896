/*
 * Rows a second into PostgreSQL: weir_bulk, the best that is written by hand over libpq, and libzdb.
 *
 *     bulk-postgres USER@HOST:PORT/DATABASE [ROWS [ROUNDS]]
 *
 * The user may make tables and needs no password.  All sides get the same rows, in the order of their key, and take turns; of each the
 * best round counts.  By hand as with weir, each 10 000 rows are a transaction; libzdb has one for all.
 *
 * On a machine that is busy besides, time says little.  So the processor time is counted too, that of the program and of the server's
 * process for it, if that is on the same machine and may be looked at.
 * SPDX-License-Identifier: MIT
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <libpq-fe.h>
#include <weir.h>
#ifdef WITH_ZDB
#    include <zdb.h>
#endif

#define BATCH 10000
#define COLUMNS "symbol, at, open, high, low, close, volume"
#define KEY "symbol, at"
#define RULES                                                                                           \
    "open = o.open, high = GREATEST(o.high, excluded.high), low = LEAST(o.low, excluded.low), close = " \
    "excluded.close, volume = COALESCE(o.volume + excluded.volume, o.volume, excluded.volume)"
#define VALUES "INSERT INTO bench_bulk AS o (" COLUMNS ") VALUES (?, ?, ?, ?, ?, ?, ?)"
#define EPOCH_2000 INT64_C(946684800)

struct candle {
    char symbol[16];
    int64_t at; /* seconds */
    double open, high, low, close;
    int64_t volume;
};

static struct candle *candles;
static size_t count = 30000;
static const char *url; /* behind the scheme */

static void must(int fine, const char *what)
{
    if (fine)
        return;
    fprintf(stderr, "bulk-postgres: %s\n", what);
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

static PGconn *pg;
static char *room;

static void done(PGresult *r, ExecStatusType status)
{
    must(PQresultStatus(r) == status, PQerrorMessage(pg));
    PQclear(r);
}

static void say(const char *sql)
{
    done(PQexec(pg, sql), PGRES_COMMAND_OK);
}

static char *put(char *at, uint64_t bits, int n)
{
    for (int i = 0; i < n; i++)
        at[i] = (char)(bits >> 8 * (n - 1 - i));
    return at + n;
}

static char *put_sized(char *at, uint64_t bits)
{
    return put(put(at, 8, 4), bits, 8);
}

static char *put_double(char *at, double d)
{
    uint64_t bits;
    memcpy(&bits, &d, sizeof bits);
    return put_sized(at, bits);
}

static char *put_symbol(char *at, const struct candle *c)
{
    const size_t n = strlen(c->symbol);
    memcpy(put(at, n, 4), c->symbol, n);
    return at + 4 + n;
}

static char *put_time(char *at, const struct candle *c)
{
    return put_sized(at, (uint64_t)(c->at - EPOCH_2000) * 1000000);
}

static char *put_row(char *at, const struct candle *c)
{
    at = put_time(put_symbol(put(at, 7, 2), c), c);
    at = put_double(put_double(put_double(put_double(at, c->open), c->high), c->low), c->close);
    return put_sized(at, (uint64_t)c->volume);
}

static void copied(size_t n)
{
    must(PQputCopyData(pg, room, (int)n) == 1, "PQputCopyData");
}

static void copy_end(void)
{
    must(PQputCopyEnd(pg, NULL) == 1, "PQputCopyEnd");
    done(PQgetResult(pg), PGRES_COMMAND_OK);
    must(PQgetResult(pg) == NULL, "COPY goes on");
}

static void copy_binary(const struct candle *c, size_t n)
{
    done(PQexec(pg, "COPY bench_bulk (" COLUMNS ") FROM STDIN (FORMAT binary)"), PGRES_COPY_IN);
    char *at = memcpy(room, "PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0", 19);
    at += 19;
    for (size_t i = 0; i < n; i++) {
        at = put_row(at, &c[i]);
        if (at - room > 60000) {
            copied((size_t)(at - room));
            at = room;
        }
    }
    copied((size_t)(put(at, 0xffff, 2) - room));
    copy_end();
}

static void copy_text(const struct candle *c, size_t n)
{
    char *at = room;
    done(PQexec(pg, "COPY bench_bulk (" COLUMNS ") FROM STDIN"), PGRES_COPY_IN);
    for (size_t i = 0; i < n; i++) {
        char moment[32];
        const time_t t = (time_t)c[i].at;
        struct tm tm;
        strftime(moment, sizeof moment, "%Y-%m-%d %H:%M:%S+00", gmtime_r(&t, &tm));
        at += sprintf(at, "%s\t%s\t%.17g\t%.17g\t%.17g\t%.17g\t%lld\n", c[i].symbol, moment, c[i].open, c[i].high,
                      c[i].low, c[i].close, (long long)c[i].volume);
        if (at - room > 60000) {
            copied((size_t)(at - room));
            at = room;
        }
    }
    copied((size_t)(at - room));
    copy_end();
}

static char *put_cell(char *at, const struct candle *c, int column)
{
    switch (column) {
    case 0:
        return put_symbol(at, c);
    case 1:
        return put_time(at, c);
    case 6:
        return put_sized(at, (uint64_t)c->volume);
    default:
        return put_double(at, (&c->open)[column - 2]);
    }
}

static void unnest(const char *statement, const struct candle *c, size_t n)
{
    static const unsigned types[] = { 25, 1184, 701, 701, 701, 701, 20 };
    const char *values[7];
    int lengths[7], formats[7];
    char *at = room;
    for (int i = 0; i < 7; i++) {
        values[i] = at;
        at = put(put(put(put(put(at, 1, 4), 0, 4), types[i], 4), n, 4), 1, 4);
        for (size_t k = 0; k < n; k++)
            at = put_cell(at, &c[k], i);
        lengths[i] = (int)(at - values[i]);
        formats[i] = 1;
    }
    done(PQexecPrepared(pg, statement, 7, values, lengths, formats, 0), PGRES_COMMAND_OK);
}

static void unnest_insert(const struct candle *c, size_t n)
{
    unnest("insert", c, n);
}

static void unnest_upsert(const struct candle *c, size_t n)
{
    unnest("upsert", c, n);
}

static void copy_and_merge(const struct candle *c, size_t n)
{
    say("CREATE TEMP TABLE bench_new (LIKE bench_bulk) ON COMMIT DROP");
    say("SET LOCAL search_path = pg_temp, public");
    say("ALTER TABLE bench_new RENAME TO bench_bulk");
    copy_binary(c, n);
    say("INSERT INTO public.bench_bulk AS o SELECT * FROM pg_temp.bench_bulk ON CONFLICT (" KEY
        ") DO UPDATE SET " RULES);
}

static void queue_row(const struct candle *c)
{
    char cells[7][12], *end;
    const char *values[7];
    int lengths[7], formats[7];
    for (int i = 0; i < 7; i++) {
        values[i] = i ? cells[i] + 4 : c->symbol;
        end = i ? put_cell(cells[i], c, i) : NULL;
        lengths[i] = i ? (int)(end - values[i]) : (int)strlen(c->symbol);
        formats[i] = 1;
    }
    must(PQsendQueryPrepared(pg, "row", 7, values, lengths, formats, 0), "PQsendQueryPrepared");
}

static void hear_row(void)
{
    done(PQgetResult(pg), PGRES_COMMAND_OK);
    must(PQgetResult(pg) == NULL, "one answer a row");
}

/* A statement for each row, in one transaction. */
static void pipeline(void)
{
    enum { PIPE = 500 };
    say("BEGIN");
    must(PQenterPipelineMode(pg), "PQenterPipelineMode");
    for (size_t i = 0; i < count; i += PIPE) {
        const size_t n = count - i < PIPE ? count - i : PIPE;
        for (size_t k = 0; k < n; k++)
            queue_row(&candles[i + k]);
        must(PQpipelineSync(pg), "PQpipelineSync");
        for (size_t k = 0; k < n; k++)
            hear_row();
        done(PQgetResult(pg), PGRES_PIPELINE_SYNC);
    }
    must(PQexitPipelineMode(pg), "PQexitPipelineMode");
    say("COMMIT");
}

static void by_hand(void (*write)(const struct candle *, size_t))
{
    for (size_t i = 0; i < count; i += BATCH) {
        say("BEGIN ISOLATION LEVEL READ COMMITTED");
        write(&candles[i], count - i < BATCH ? count - i : BATCH);
        say("COMMIT");
    }
}

static void prepare(const char *name, const char *sql)
{
    static const Oid types[] = { 1009, 1185, 1022, 1022, 1022, 1022, 1016 };
    done(PQprepare(pg, name, sql, 7, types), PGRES_COMMAND_OK);
}

#define UNNEST                                                                                          \
    "INSERT INTO bench_bulk AS o (" COLUMNS ") SELECT unnest($1), unnest($2), unnest($3), unnest($4), " \
    "unnest($5), unnest($6), unnest($7)"

static void open_pg(void)
{
    char text[300];
    snprintf(text, sizeof text, "postgres://%s", url);
    pg = PQconnectdb(text);
    must(PQstatus(pg) == CONNECTION_OK, PQerrorMessage(pg));
    room = malloc(BATCH * 200);
    must(room != NULL, "no memory");
    say("SET client_min_messages = error");
    say("DROP TABLE IF EXISTS bench_bulk");
    say("CREATE TABLE bench_bulk (symbol TEXT, at TIMESTAMPTZ, open DOUBLE PRECISION, high DOUBLE PRECISION, low "
        "DOUBLE "
        "PRECISION, close DOUBLE PRECISION, volume BIGINT, PRIMARY KEY (" KEY "))");
    done(PQprepare(pg, "row", "INSERT INTO bench_bulk (" COLUMNS ") VALUES ($1, $2, $3, $4, $5, $6, $7)", 0, NULL),
         PGRES_COMMAND_OK);
    prepare("insert", UNNEST);
    prepare("upsert", UNNEST " ON CONFLICT (" KEY ") DO UPDATE SET " RULES);
}

/* ---- weir */

static weir_db *db;

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
        const struct candle *c = &candles[i];
        const weir_value cells[] = { weir_text(c->symbol), weir_time_us(c->at * 1000000), weir_double(c->open),
                                     weir_double(c->high), weir_double(c->low),           weir_double(c->close),
                                     weir_int(c->volume) };
        must(weir_bulk_row(bulk, weir_args_of(cells, 7), &err) == WEIR_OK, err.text);
    }
    must(weir_bulk_finish(&bulk, NULL, weir_never(), &err) == WEIR_OK, err.text);
}

/* A statement for each row, in one transaction. */
static void weir_many(void)
{
    weir_error err;
    weir_conn conn;
    weir_value(*cells)[7] = malloc(count * sizeof *cells);
    weir_args *rows = malloc(count * sizeof *rows);
    must(cells && rows, "no memory");
    for (size_t i = 0; i < count; i++) {
        const struct candle *c = &candles[i];
        const weir_value row[] = { weir_text(c->symbol), weir_time_us(c->at * 1000000), weir_double(c->open),
                                   weir_double(c->high), weir_double(c->low),           weir_double(c->close),
                                   weir_int(c->volume) };
        memcpy(cells[i], row, sizeof row);
        rows[i] = weir_args_of(cells[i], 7);
    }
    must(weir_acquire(&conn, db, WEIR_WRITE, weir_never(), &err) == WEIR_OK, err.text);
    must(weir_exec_many(NULL, NULL, conn, VALUES, rows, count, weir_never(), &err) == WEIR_OK, err.text);
    weir_release(&conn);
    free(rows);
    free(cells);
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

static void open_zdb(void)
{
    char text[300];
    snprintf(text, sizeof text, "postgresql://%s?password=none", url);
    URL_T address = URL_new(text);
    ConnectionPool_T pool = ConnectionPool_new(address);
    ConnectionPool_start(pool);
    zdb = ConnectionPool_getConnection(pool);
    must(zdb != NULL, "libzdb gives no connection");
}
#endif

/* ---- sides, and their turns */

static void hand_copy_binary(void)
{
    by_hand(copy_binary);
}

static void hand_copy_text(void)
{
    by_hand(copy_text);
}

static void hand_unnest_insert(void)
{
    by_hand(unnest_insert);
}

static void hand_unnest_upsert(void)
{
    by_hand(unnest_upsert);
}

static void hand_merge(void)
{
    by_hand(copy_and_merge);
}

static void weir_insert(void)
{
    by_weir(1);
}

static void weir_upsert(void)
{
    by_weir(0);
}

#ifdef WITH_ZDB
static void zdb_insert(void)
{
    by_zdb(VALUES);
}

static void zdb_upsert(void)
{
    by_zdb(VALUES " ON CONFLICT (" KEY ") DO UPDATE SET " RULES);
}
#endif

enum { HAND, WEIR, LIBZDB, KINDS };

static int pids[KINDS]; /* of the server's processes */

static struct side {
    const char *task, *name;
    int kind;
    void (*write)(void);
    double rate; /* of the best round: rows a second, … */
    double cost; /* … and microseconds of processor time a row; 0: not known */
} sides[] = {
    { "insert", "COPY, binary", HAND, hand_copy_binary, 0, 0 },
    { "insert", "weir_bulk", WEIR, weir_insert, 0, 0 },
    { "insert", "COPY, text", HAND, hand_copy_text, 0, 0 },
    { "insert", "unnest", HAND, hand_unnest_insert, 0, 0 },
    { "each", "pipeline", HAND, pipeline, 0, 0 },
    { "each", "weir_exec_many", WEIR, weir_many, 0, 0 },
    { "upsert", "unnest", HAND, hand_unnest_upsert, 0, 0 },
    { "upsert", "weir_bulk", WEIR, weir_upsert, 0, 0 },
    { "upsert", "COPY and merge", HAND, hand_merge, 0, 0 },
#ifdef WITH_ZDB
    { "insert", "libzdb", LIBZDB, zdb_insert, 0, 0 },
    { "each", "libzdb", LIBZDB, zdb_insert, 0, 0 },
    { "upsert", "libzdb", LIBZDB, zdb_upsert, 0, 0 },
#endif
};

#define SIDES (sizeof sides / sizeof *sides)

static void keep(struct side *s, double seconds, double ns)
{
    const double rows = (double)count, rate = rows / seconds, cost = ns / 1e3 / rows;
    s->rate = rate > s->rate ? rate : s->rate;
    s->cost = s->cost == 0 || cost < s->cost ? cost : s->cost;
}

static void take_turn(struct side *s)
{
    say("TRUNCATE bench_bulk");
    if (strcmp(s->task, "upsert") == 0)
        by_hand(copy_binary);
    say("VACUUM (ANALYZE) bench_bulk");
    say("CHECKPOINT");
    const double server = server_time(pids[s->kind]), program = program_time(), began = now();
    s->write();
    const double seconds = now() - began, own = program_time() - program;
    keep(s, seconds, server > 0 ? own + server_time(pids[s->kind]) - server : 0);
}

static struct side best_of(const char *task, int kind)
{
    struct side best = { .cost = 1e9 };
    for (size_t i = 0; i < SIDES; i++) {
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
    for (size_t i = 0; i < SIDES; i++)
        if (strcmp(sides[i].task, task) == 0)
            printf("%-8s %-16s %9.0f rows/s %8.2f us of processor time a row\n", task, sides[i].name, sides[i].rate,
                   sides[i].cost);
    printf("%-8s weir, by the clock: %.2f of the best by hand, %.1f times libzdb\n", task, weir.rate / hand.rate,
           zdb_side.rate > 0 ? weir.rate / zdb_side.rate : 0);
    printf("%-8s weir, by processor: %.2f of the best by hand, %.1f times libzdb\n", task, hand.cost / weir.cost,
           zdb_side.rate > 0 ? zdb_side.cost / weir.cost : 0);
}

static int weir_pid(void)
{
    weir_error err;
    weir_conn conn;
    weir_rows rows;
    must(weir_acquire(&conn, db, WEIR_WRITE, weir_never(), &err) == WEIR_OK, err.text);
    must(weir_query(&rows, conn, "SELECT pg_backend_pid()", WEIR_NO_ARGS, weir_never(), &err) == WEIR_OK, err.text);
    must(weir_rows_next(rows, &err) == WEIR_ROW, "pg_backend_pid");
    const int pid = (int)weir_rows_int(rows, 0);
    weir_rows_close(&rows, NULL);
    weir_release(&conn);
    return pid;
}

static void open_sides(void)
{
    char text[300];
    weir_error err;
    open_pg();
    pids[HAND] = PQbackendPID(pg);
    snprintf(text, sizeof text, "postgres://%s", url);
    must(weir_db_open(&db, text, NULL, &err) == WEIR_OK, "weir_db_open");
    pids[WEIR] = weir_pid();
#ifdef WITH_ZDB
    open_zdb();
    ResultSet_T r = Connection_executeQuery(zdb, "SELECT pg_backend_pid()");
    must(ResultSet_next(r), "pg_backend_pid");
    pids[LIBZDB] = ResultSet_getInt(r, 1);
#endif
}

int main(int argc, char **argv)
{
    must(argc >= 2, "usage: bulk-postgres USER@HOST:PORT/DATABASE [ROWS [ROUNDS]]");
    url = argv[1];
    count = argc > 2 ? strtoul(argv[2], NULL, 10) : count;
    const int rounds = argc > 3 ? atoi(argv[3]) : 7;
    make_candles();
    open_sides();
    for (int i = 0; i < rounds; i++)
        for (size_t k = 0; k < SIDES; k++)
            take_turn(&sides[k]);
    print("insert");
    print("upsert");
    print("each");
    say("DROP TABLE bench_bulk");
    weir_db_close(&db);
    return 0;
}
