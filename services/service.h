/*
 * A collector: what it reads, whom it follows, and what it may call while it runs.
 *
 * Each service has one thread that reads (files, then the database) and as many as wished that write.  Rows go to the writers by
 * run_store; each writer gathers them into transactions.  Rows with the same key go to the same writer, in order, so what is stored does
 * not depend on how many writers there are.
 * SPDX-License-Identifier: MIT
 */
#ifndef SERVICES_SERVICE_H
#define SERVICES_SERVICE_H

#include <weir.h>
#include "layout.h"
#include "schema.h"

enum service_id {
    ENHANCED_CRYPTO_PRICES,
    UNIFIED_OHLC_COLLECTOR,
    CRYPTO_NEWS_COLLECTOR,
    ONCHAIN_DATA_COLLECTOR,
    SENTIMENT_MICROSERVICE,
    ENHANCED_SENTIMENT,
    REDDIT_SENTIMENT_COLLECTOR,
    STOCK_SENTIMENT_MICROSERVICE,
    NARRATIVE_ANALYZER,
    TECHNICAL_INDICATORS_SERVICE,
    SERVICE_COUNT
};

/* A pass over the database.  Must give the same rows whenever it is run over the same tables.  < 0: the run has failed. */
typedef int (*derive_fn)(struct run *run);

struct service {
    const char *name, *purpose;
    const struct layout *layouts; /* the files that it reads; NULL: none */
    int needs_files;              /* … and cannot do without */
    unsigned follows;  /* bits 1u << service_id: it reads what those write, and runs its last pass after they ended */
    unsigned replicas; /* how many of it run, sharing the work */
    derive_fn derive;  /* after the files; NULL: nothing more to do */
};

extern const struct service services[SERVICE_COUNT];

extern const struct layout price_layouts[], ohlc_layouts[], news_layouts[], onchain_layouts[], fear_greed_layouts[],
    reddit_layouts[], stock_layouts[];
int derive_article_sentiment(struct run *run), derive_daily_sentiment(struct run *run),
    derive_narratives(struct run *run), derive_stock_sentiment(struct run *run), derive_indicators(struct run *run);

/* A row on its way to the database, and those that are written in the same transaction. */
struct row;

/* Copies the values (as many as the table has columns, text and all); `next` is the rest of a chain, or NULL. */
struct row *row_make(enum table_id table, const weir_value *v, struct row *next);

/* Hands a chain, and its memory, to the writer that the key of its first row belongs to.  < 0: the run has failed. */
int run_store(struct run *run, struct row *chain);
/* Returns when all rows handed over so far are committed.  < 0: the run has failed. */
int run_flush(struct run *run);
/* Lets those who follow this service know that there is something new.  Flush first. */
void run_tell(struct run *run);
/* Which of the service's replicas takes care of what has this hash. */
int run_owns(const struct run *run, uint64_t hash);

/* The rows of a query, read as a whole and kept, so that no connection is held while they are worked on. */
struct page {
    size_t rows, columns;
    weir_value *v; /* row by row; texts end in a zero byte */
    struct pile *pile;
};

/* `kinds` has a letter a column: t text, i whole number, d double, m moment, y day, which becomes the text "YYYY-MM-DD".  < 0: the run has failed; the page is empty then. */
int run_read(struct run *run, struct page *page, const char *kinds, const char *sql, weir_args args);
void page_end(struct page *page);

#define PAGE_ROWS 1000 /* what "LIMIT " PAGE_LIMIT asks for */
#define PAGE_LIMIT "1000"

/*
 * The same for what may be long, a page at a time: `sql` is ordered by its first column, wants what is greater than its last argument,
 * and ends in "LIMIT " PAGE_LIMIT.  `take` gets each row; < 0 ends it.
 */
int run_read_pages(struct run *run, const char *kinds, const char *sql, weir_args args,
                   int (*take)(void *arg, const weir_value *row), void *arg);

static inline const weir_value *page_row(const struct page *page, size_t row)
{
    return page->v + row * page->columns;
}

/* The text of a value, "" for NULL. */
static inline const char *value_text(weir_value v)
{
    return v.type == WEIR_NULL ? "" : v.as.p;
}

#endif
