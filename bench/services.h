/*
 * The ten services before and after: the same seeded operations by the bare client library, by weir, and by hand as well as can be.
 *
 * An operation is one transaction: a few rows of the service's own table, and the same symbols' rows of the table that all share.  What
 * it does to a row (a count, a sum, the newest moment) comes out the same in whatever order operations are done, so the end of a run
 * follows from the set of those that were committed, and is compared with what is in the tables.
 *
 * A new database is a `struct database`, with a bare side, and a name in the list of services.c.
 * SPDX-License-Identifier: MIT
 */
#ifndef BENCH_SERVICES_H
#define BENCH_SERVICES_H

#include <stdbool.h>
#include <stdint.h>
#include <weir.h>

#define SERVICES 10 /* each has a table of its own */
#define REPLICAS 11 /* of the services: the first has two */
#define SHARED (-1) /* the table of all, where a service is asked for */
#define ROWS 4      /* of an operation, in each of the two tables */
#define SEEDS_MAX 3
#define SQL_MAX 4096

/* ---- the work: services-work.c */

struct workload {
    const char *name, *title;
    int workers, symbols;
    int think_us;   /* what the client does before each statement */
    int operations; /* of each replica */
};

struct item {
    char symbol[16];
    int number; /* of the symbol */
    int64_t total, newest;
};

struct operation {
    int service;
    int slot;                /* the period that its own rows are of: new ones begin all the time */
    struct item items[ROWS]; /* different symbols, in no order */
};

/* The same for the same seed, replica and index. */
void work_make(struct operation *o, const struct workload *w, uint64_t seed, int replica, int index);
void work_sort(struct operation *o); /* by key */

/* What the tables hold in the end. */
struct state {
    int64_t rows, count, total;
    uint64_t digest; /* of the rows, in whatever order */
};
/* Of the operations that are marked in committed[replica * operations + index]. */
struct state work_expected(const struct workload *w, uint64_t seed, const bool *committed);
void state_add(struct state *s, int service, const char *symbol, int slot, int64_t count, int64_t total,
               int64_t newest);

/* ---- SQL: services-sql.c */

enum dialect { DIALECT_MYSQL, DIALECT_POSTGRES, DIALECT_SQLITE };

void sql_table(char out[SQL_MAX], enum dialect d, int service);
const char *sql_table_name(int service);
/* Both halves of an upsert: between them stand the rows. */
void sql_upsert(char out[SQL_MAX], enum dialect d, int service, const char *rows);
/* With that many rows of placeholders. */
void sql_upsert_marked(char out[SQL_MAX], enum dialect d, int service, int rows);
/* With one row as it is. */
void sql_upsert_row(char out[SQL_MAX], enum dialect d, int service, const struct operation *o, const struct item *i);

/* ---- databases and their bare sides: services-mysql.c, -postgres.c, -sqlite.c */

/* A statement a row; one a table; the same, and nobody waits for the BEGIN, or for anything; one a table, bound as arrays. */
enum how { PLAIN, WHOLE, UNSAID, PIPELINE, ARRAYS };
enum end { COMMITTED, CONFLICT, FAILED }; /* a conflict may be tried again: all is undone */

struct database {
    const char *name, *library;
    enum dialect dialect;
    bool one_writer;              /* the file is locked as a whole: how many write is not a question */
    bool (*start)(char url[600]); /* false: there is none.  The url is weir's. */
    void (*stop)(void);
    const char *deadlocks;         /* the query that counts those of the server; NULL: it has none */
    const char *others;            /* the query that counts other sessions; NULL: nobody waits for their end */
    bool arrays, unsaid, pipeline; /* can do that */
    void *(*connect)(void);        /* NULL: it was refused */
    enum end (*operate)(void *conn, const struct operation *o, enum how how, int think_us);
    void (*disconnect)(void *conn);
};

extern const struct database services_mariadb, services_mysql, services_postgres, services_sqlite;

/* ---- a run: services-run.c */

struct mode {
    const char *name;
    enum { BARE, WEIR, HAND } side;
    enum how how;
    int bound;    /* HAND: so many connections.  WEIR: pool_size */
    int attempts; /* WEIR */
    unsigned isolation;
    bool sorted;
    const char *writers; /* WEIR: write_concurrency */
    bool no_options;     /* WEIR: everything is at its default */
    bool unsettled;      /* WEIR: what becomes of a lost commit is not asked for, as nobody does by hand */
    bool any_order;      /* WEIR: whoever is there first takes what is free, as by hand */
    int longer;          /* as many times the operations: they take little, or something is to be found out first */
    bool is_bulk, is_fixed, is_auto; /* what the goals ask about */
};

struct figures {                            /* of one run */
    double seconds, operations, per_second; /* committed ones */
    double all_per_second;                  /* with those that failed */
    double server, caller;                  /* deadlocks per 100 operations; server < 0: it does not count them */
    double failed;                          /* per cent */
    double p50_ms, p99_ms;
    double retries, connects;
    double writers; /* WEIR: admitted at once in the end; 0: no bound */
    struct state state;
};

struct bench {
    const struct database *database;
    weir_db *admin;
    char url[600];
};

/* Ends the program if what is in the tables does not follow from what was committed. */
struct figures run_mode(const struct bench *b, const struct workload *w, const struct mode *m, uint64_t seed);

/* One side that does operations for many threads at once. */
struct side {
    void *(*open)(const struct bench *b, const struct mode *m);
    enum end (*operate)(void *side, struct operation *o, const struct mode *m, int think_us, int *retries);
    void (*close)(void *side, struct figures *f);
};
extern const struct side side_bare, side_hand, side_weir;

void think(int us);
void must(bool fine, const char *what, const char *why); /* or the program ends */

/* ---- all runs, and what is said about them: services-report.c, services-chart.c */

struct row {
    const struct mode *mode;
    struct figures runs[SEEDS_MAX];
};
struct table {
    const struct database *database;
    const struct workload *workload;
    struct row *rows; /* the first is `before` */
    int count, seeds;
};

typedef double (*figure_fn)(const struct figures *f, const struct figures *before);
double median(const struct table *t, const struct row *r, figure_fn figure);
double ratio_to_before(const struct figures *f, const struct figures *before);

void report_print(const struct table *t);
void report_goals(const struct table *t);
bool chart_write(const char *path, const struct table *tables, int count);

#endif
