/*
 * crypto-news-collector: headlines from several kinds of files, into articles.
 *
 * An article is a headline on a day.  Its key is that day and a hash of its plain words, so that it is one article in whichever writing
 * and however often it is met.
 * SPDX-License-Identifier: MIT
 */
#include <string.h>
#include "asset.h"
#include "hash.h"
#include "moment.h"
#include "words.h"

#define ID_SIZE (8 + 33)

/* The columns of `articles`, in their order. */
enum { A_ID, A_DAY, A_HEADLINE, A_SOURCE, A_SEEN_IN, A_AT, A_URL, A_FINBERT, A_VOTES, A_COUNT = A_VOTES + 9 };

static void name_article(char id[ID_SIZE], const char *day, const char *plain)
{
    for (; *day; day++)
        if (*day != '-')
            *id++ = *day;
    hash_hex(id, hash_text(hash_start(), plain));
}

/* Fills in what follows from headline, moment and kind of file, and stores the article and the coins that it speaks of. */
static const char *store_article(struct run *run, weir_value article[A_COUNT], const char *seen_in)
{
    char id[ID_SIZE], day[DAY_SIZE], plain[WORDS_SIZE];
    const struct sighting mention = { .at = article[A_AT].as.i };
    words_plain(plain, value_text(article[A_HEADLINE]));
    if (strcmp(plain, " ") == 0)
        return "headline has no words";
    moment_day(day, article[A_AT].as.i);
    name_article(id, day, plain);
    article[A_ID] = weir_text(id);
    article[A_DAY] = weir_text(day);
    article[A_SEEN_IN] = weir_text(seen_in);
    run_store(run, row_make(ARTICLES, article, asset_rows_mentioned(plain, &mention, NULL)));
    return NULL;
}

enum { H_TS, H_HEADLINE, H_FINBERT, H_COUNT };
static const struct field headline_fields[H_COUNT] = {
    [H_TS] = { "published_ts", FIELD_MOMENT, 0, 0 },
    [H_HEADLINE] = { "headline", FIELD_TEXT, 0, HEADLINE_LIMIT },
    [H_FINBERT] = { "finbert_positive_prob", FIELD_DECIMAL, 1, 0 },
};

static const char *take_headline(struct run *run, const struct cells *cells)
{
    weir_value article[A_COUNT] = {
        [A_AT] = cells->v[H_TS], [A_HEADLINE] = cells->v[H_HEADLINE], [A_FINBERT] = cells->v[H_FINBERT]
    };
    return store_article(run, article, "headlines");
}

/* The votes stand in the order in which `articles` has them. */
enum { V_TS, V_HEADLINE, V_SOURCE, V_VOTES, V_COUNT = V_VOTES + 9 };
static const struct field vote_fields[V_COUNT] = {
    [V_TS] = { "published_ts", FIELD_MOMENT, 0, 0 },  [V_HEADLINE] = { "headline", FIELD_TEXT, 0, HEADLINE_LIMIT },
    [V_SOURCE] = { "source", FIELD_TEXT, 1, 100 },    [V_VOTES] = { "votes_positive", FIELD_COUNT, 1, COUNT_MOST },
    { "votes_negative", FIELD_COUNT, 1, COUNT_MOST }, { "votes_important", FIELD_COUNT, 1, COUNT_MOST },
    { "votes_like", FIELD_COUNT, 1, COUNT_MOST },     { "votes_dislike", FIELD_COUNT, 1, COUNT_MOST },
    { "votes_lol", FIELD_COUNT, 1, COUNT_MOST },      { "votes_toxic", FIELD_COUNT, 1, COUNT_MOST },
    { "votes_saves", FIELD_COUNT, 1, COUNT_MOST },    { "votes_comments", FIELD_COUNT, 1, COUNT_MOST },
};

static const char *take_votes(struct run *run, const struct cells *cells)
{
    weir_value article[A_COUNT] = {
        [A_AT] = cells->v[V_TS], [A_HEADLINE] = cells->v[V_HEADLINE], [A_SOURCE] = cells->v[V_SOURCE]
    };
    memcpy(article + A_VOTES, cells->v + V_VOTES, 9 * sizeof *article);
    return store_article(run, article, "votes");
}

enum { E_TS, E_URL, E_HEADLINE, E_COUNT };
static const struct field event_fields[E_COUNT] = {
    [E_TS] = { "event_ts", FIELD_MOMENT, 0, 0 },
    [E_URL] = { "url", FIELD_TEXT, 1, 2000 },
    [E_HEADLINE] = { "headline", FIELD_TEXT, 0, HEADLINE_LIMIT },
};

static const char *take_event(struct run *run, const struct cells *cells)
{
    weir_value article[A_COUNT] = {
        [A_AT] = cells->v[E_TS], [A_HEADLINE] = cells->v[E_HEADLINE], [A_URL] = cells->v[E_URL]
    };
    return store_article(run, article, "events");
}

const struct layout news_layouts[] = {
    { "news_headlines", headline_fields, H_COUNT, 0, take_headline },
    { "news_cryptopanic_votes", vote_fields, V_COUNT, 0, take_votes },
    { "news_events_curated", event_fields, E_COUNT, 0, take_event },
    LAYOUT_END,
};
