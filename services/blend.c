/*
 * enhanced-sentiment: the fear and greed index from its files, and from that and the articles a blended daily score of each asset.
 *
 * The score of a day is the mean of up to three parts, each within -1 and 1 and with its weight:
 *  - the mean lexicon score of the articles that speak of the asset;
 *  - what the readers of those articles voted, where anybody did;
 *  - the mood of the whole market, where the index is known.
 * SPDX-License-Identifier: MIT
 */
#include <stdlib.h>
#include <string.h>
#include "asset.h"
#include "moment.h"
#include "topics.h"
#include "words.h"

#define LEXICON_WEIGHT 0.5
#define VOTES_WEIGHT 0.3
#define FEAR_GREED_WEIGHT 0.2

enum { F_TS, F_VALUE, F_CLASS, F_COUNT };
static const struct field index_fields[F_COUNT] = {
    [F_TS] = { "ts", FIELD_MOMENT, 0, 0 },
    [F_VALUE] = { "value", FIELD_COUNT, 0, 100 },
    [F_CLASS] = { "classification", FIELD_TEXT, 1, 32 },
};

static const char *take_index(struct run *run, const struct cells *cells)
{
    char day[DAY_SIZE];
    moment_day(day, cells->v[F_TS].as.i);
    const weir_value v[] = { weir_text(day), cells->v[F_VALUE], cells->v[F_CLASS] };
    run_store(run, row_make(FEAR_GREED_INDEX, v, NULL));
    return NULL;
}

const struct layout fear_greed_layouts[] = {
    { "fear_greed_crypto_daily", index_fields, F_COUNT, 0, take_index },
    LAYOUT_END,
};

/* The articles of one day that speak of one coin. */
struct voices {
    int64_t articles, votes_for, votes_against;
    int64_t newest; /* when the newest of them was published */
    double lexicon; /* sum of their scores, in the order of their ids */
};

/* A pass: articles come sorted by day, so one day is gathered at a time. */
struct blending {
    struct run *run;
    struct page index; /* all days of the fear and greed index, sorted */
    char day[DAY_SIZE];
    struct voices of[COIN_COUNT];
};

static int compare_day(const void *day, const void *row)
{
    return strcmp(day, value_text(*(const weir_value *)row));
}

static weir_value fear_greed_part(const struct blending *b)
{
    const weir_value *row = NULL;
    if (b->index.rows > 0)
        row = bsearch(b->day, b->index.v, b->index.rows, b->index.columns * sizeof *b->index.v, compare_day);
    return row ? weir_double((double)(row[1].as.i - 50) / 50) : weir_null();
}

static weir_value votes_part(const struct voices *v)
{
    int64_t all = v->votes_for + v->votes_against;
    return all > 0 ? weir_double((double)(v->votes_for - v->votes_against) / (double)all) : weir_null();
}

/* Parts that are not known do not count. */
static double weigh(const weir_value parts[3])
{
    static const double weights[3] = { LEXICON_WEIGHT, VOTES_WEIGHT, FEAR_GREED_WEIGHT };
    double sum = 0, weight = 0;
    for (int i = 0; i < 3; i++) {
        if (parts[i].type == WEIR_NULL)
            continue;
        sum += weights[i] * parts[i].as.d;
        weight += weights[i];
    }
    return sum / weight;
}

static int store_score(const struct blending *b, const char *symbol, const struct voices *voices)
{
    const weir_value parts[3] = { weir_double(voices->lexicon / (double)voices->articles), votes_part(voices),
                                  fear_greed_part(b) };
    const weir_value score = weir_double(weigh(parts));
    const weir_value v[] = {
        weir_text(symbol), weir_text(b->day), weir_int(voices->articles), parts[0], parts[1], parts[2], score
    };
    const struct sighting sighting = {
        .symbol = symbol, .at = voices->newest, .sentiment = score, .sentiment_by = "daily blend"
    };
    return run_store(b->run, row_make(SENTIMENT_DAILY, v, asset_row(&sighting, NULL)));
}

static int store_day(struct blending *b)
{
    int st = 0;
    for (size_t i = 0; i < COIN_COUNT && st == 0; i++)
        if (b->of[i].articles > 0)
            st = store_score(b, coins[i].name, &b->of[i]);
    memset(b->of, 0, sizeof b->of);
    return st;
}

enum { ID, DAY, AT, HEADLINE, SCORE, POSITIVE, LIKE, NEGATIVE, DISLIKE, TOXIC };

static void hear(struct voices *v, const weir_value *article)
{
    v->newest = v->articles == 0 || article[AT].as.i > v->newest ? article[AT].as.i : v->newest;
    v->articles++;
    v->lexicon += article[SCORE].as.d;
    v->votes_for += article[POSITIVE].as.i + article[LIKE].as.i;
    v->votes_against += article[NEGATIVE].as.i + article[DISLIKE].as.i + article[TOXIC].as.i;
}

static int take_article(void *arg, const weir_value *article)
{
    struct blending *b = arg;
    char plain[WORDS_SIZE];
    if (strcmp(b->day, value_text(article[DAY])) != 0) {
        if (store_day(b) < 0)
            return -1;
        memcpy(b->day, value_text(article[DAY]), DAY_SIZE);
    }
    words_plain(plain, value_text(article[HEADLINE]));
    for (size_t i = 0; i < COIN_COUNT; i++)
        if (topic_in(&coins[i], plain))
            hear(&b->of[i], article);
    return 0;
}

int derive_daily_sentiment(struct run *run)
{
    struct blending b = { .run = run };
    int st = run_read(run, &b.index, "yi", "SELECT day, index_value FROM fear_greed_index ORDER BY day", WEIR_NO_ARGS);
    if (st < 0)
        return st;
    st = run_read_pages(run, "tymtdiiiii",
                        "SELECT a.id, a.published_day, a.published_at, a.headline, s.score, a.votes_positive,"
                        " a.votes_like, a.votes_negative, a.votes_dislike, a.votes_toxic"
                        " FROM articles a JOIN article_sentiment s ON s.article_id = a.id"
                        " WHERE a.id > ? ORDER BY a.id LIMIT " PAGE_LIMIT,
                        WEIR_ARGS(weir_text("")), take_article, &b);
    if (st == 0)
        st = store_day(&b);
    page_end(&b.index);
    return st;
}
