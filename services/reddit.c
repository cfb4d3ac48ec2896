/*
 * reddit-sentiment-collector: posts, each with the tone of its title and what the readers made of it.
 * SPDX-License-Identifier: MIT
 */
#include <stdio.h>
#include <stdlib.h>
#include "asset.h"
#include "lexicon.h"
#include "words.h"

#define TONE_SHARE 0.7
#define CROWD_SHARE 0.3
#define SMALL_CROWD 10.0 /* votes and comments with which the readers' word counts half */

enum { R_ID, R_SUBREDDIT, R_CREATED, R_SCORE, R_COMMENTS, R_RATIO, R_TITLE, R_URL, R_COUNT };
static const struct field post_fields[R_COUNT] = {
    [R_ID] = { "id", FIELD_TEXT, 0, 16 },
    [R_SUBREDDIT] = { "subreddit", FIELD_TEXT, 0, 64 },
    [R_CREATED] = { "created_ts", FIELD_MOMENT, 0, 0 },
    [R_SCORE] = { "score", FIELD_INT, 0, 0 },
    [R_COMMENTS] = { "num_comments", FIELD_COUNT, 0, COUNT_MOST },
    [R_RATIO] = { "upvote_ratio", FIELD_DECIMAL, 1, 0 },
    [R_TITLE] = { "title", FIELD_TEXT, 0, HEADLINE_LIMIT },
    [R_URL] = { "url", FIELD_TEXT, 1, 2000 },
};

/* Between -1, all against it, and 1, all for it; the more readers, the more it counts. */
static double crowd(double ratio, int64_t score, int64_t comments)
{
    double size = (double)(score > 0 ? score : 0) + (double)comments;
    return (2 * ratio - 1) * (size / (size + SMALL_CROWD));
}

static const char *take_post(struct run *run, const struct cells *cells)
{
    const weir_value *v = cells->v;
    const double ratio = strtod(value_text(v[R_RATIO]), NULL);
    char plain[WORDS_SIZE], by[sizeof "reddit " + 4 * 16];
    double tone, sentiment;
    if (ratio < 0 || ratio > 1)
        return "upvote_ratio is not within 0 and 1";
    words_plain(plain, value_text(v[R_TITLE]));
    tone = sentiment = lexicon_tone(plain).score;
    if (v[R_RATIO].type != WEIR_NULL)
        sentiment = TONE_SHARE * tone + CROWD_SHARE * crowd(ratio, v[R_SCORE].as.i, v[R_COMMENTS].as.i);
    snprintf(by, sizeof by, "reddit %s", value_text(v[R_ID]));
    const weir_value post[] = { v[R_ID],    v[R_SUBREDDIT], v[R_CREATED], v[R_TITLE],        v[R_URL],
                                v[R_SCORE], v[R_COMMENTS],  v[R_RATIO],   weir_double(tone), weir_double(sentiment) };
    const struct sighting mention = { .at = v[R_CREATED].as.i,
                                      .sentiment = weir_double(sentiment),
                                      .sentiment_by = by };
    run_store(run, row_make(REDDIT_POSTS, post, asset_rows_mentioned(plain, &mention, NULL)));
    return NULL;
}

const struct layout reddit_layouts[] = {
    { "reddit_crypto_submissions", post_fields, R_COUNT, 0, take_post },
    LAYOUT_END,
};
