/*
 * One scenario for every database: facts about <weir/query.h> and <weir/transact.h> that hold whatever the URL says.
 *
 *     scenario_run(&(struct scenario){ .url = "sqlite:some.db" });
 *     return tap_done();
 *
 * It makes its tables in the database that the URL names, dropping what has their names.  The SQL in it is what all understand; where
 * they do not agree, the words are in the table of dialects, found by weir_db_driver.
 * SPDX-License-Identifier: MIT
 */
#ifndef T_SCENARIO_H
#define T_SCENARIO_H

#include "talk.h"

/* How a place may differ from what its dialect says. */
#define SCENARIO_PRIVATE 0x1u       /* every weir_db has a database of its own */
#define SCENARIO_READERS_BLOCK 0x2u /* a commit waits until nobody reads */

struct dialect {
    const char *driver;
    const char *key, *whole, *real, *text, *blob, *decimal,
        *time;                                           /* types of columns; key is counted up by the database */
    weir_type decimal_type, time_type;                   /* of cells */
    const char *unique, *foreign_key, *not_null, *check; /* SQLSTATEs; NULL: it has no fitting one */
    bool one_writer;                                     /* write transactions run one after the other */
    bool failure_stays; /* a statement that fails inside a transaction leaves nothing to be done but roll back */
    bool tells_last_id;
    bool tables_commit; /* making a table commits what was done before */
};

struct scenario {
    const char *url;
    const char *const *options; /* "name", "value", …, NULL; or NULL: of every weir_db */
    unsigned differs;

    weir_db *db; /* these two are found by scenario_run */
    const struct dialect *dialect;
};

void scenario_run(const struct scenario *place);

/* Its parts, in the order in which scenario_run goes through them. */
void scenario_values(const struct scenario *s);
void scenario_conversions(const struct scenario *s);
void scenario_rows(const struct scenario *s);
void scenario_statements(const struct scenario *s);
void scenario_many(const struct scenario *s);
void scenario_errors(const struct scenario *s);
void scenario_stops(const struct scenario *s);
void scenario_transactions(const struct scenario *s);
void scenario_transact(const struct scenario *s);

/* What the parts share. */
weir_db *scenario_open(const struct scenario *s, const char *name,
                       const char *value); /* another db with one more option */
weir_db *scenario_open_counting(const struct scenario *s, struct talk_memory *m, const char *name, const char *value);
/* A table `numbers` with 0 to 999 in its column n. */
void scenario_numbers(weir_db *db, const struct scenario *s);
#define SCENARIO_MINUTES \
    "SELECT count(*) FROM numbers a, numbers b, numbers c, numbers d WHERE a.n + b.n + c.n + d.n < 0"

#endif
