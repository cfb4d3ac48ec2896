/*
 * narrative-analyzer: how many articles of a day tell each narrative.
 * SPDX-License-Identifier: MIT
 */
#include <string.h>
#include "moment.h"
#include "service.h"
#include "topics.h"
#include "words.h"

/* A pass: articles come sorted by day, so one day is counted at a time. */
struct telling {
    struct run *run;
    char day[DAY_SIZE];
    int64_t articles[NARRATIVE_COUNT];
};

static int store_day(struct telling *t)
{
    int st = 0;
    for (size_t i = 0; i < NARRATIVE_COUNT && st == 0; i++) {
        if (t->articles[i] == 0)
            continue;
        const weir_value v[] = { weir_text(narratives[i].name), weir_text(t->day), weir_int(t->articles[i]) };
        st = run_store(t->run, row_make(NARRATIVES, v, NULL));
    }
    memset(t->articles, 0, sizeof t->articles);
    return st;
}

enum { ID, DAY, HEADLINE };

static int take_article(void *arg, const weir_value *article)
{
    struct telling *t = arg;
    char plain[WORDS_SIZE];
    if (strcmp(t->day, value_text(article[DAY])) != 0) {
        if (store_day(t) < 0)
            return -1;
        memcpy(t->day, value_text(article[DAY]), DAY_SIZE);
    }
    words_plain(plain, value_text(article[HEADLINE]));
    for (size_t i = 0; i < NARRATIVE_COUNT; i++)
        t->articles[i] += topic_in(&narratives[i], plain);
    return 0;
}

int derive_narratives(struct run *run)
{
    struct telling t = { .run = run };
    int st = run_read_pages(run, "tyt",
                            "SELECT id, published_day, headline FROM articles"
                            " WHERE id > ? ORDER BY id LIMIT " PAGE_LIMIT,
                            WEIR_ARGS(weir_text("")), take_article, &t);
    return st < 0 ? st : store_day(&t);
}
