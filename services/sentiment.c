/*
 * sentiment-microservice: a lexicon score on each article that has none, or one of an older lexicon.
 * SPDX-License-Identifier: MIT
 */
#include "lexicon.h"
#include "service.h"
#include "words.h"

enum { ID, HEADLINE };

static int score_article(void *arg, const weir_value *article)
{
    char plain[WORDS_SIZE];
    struct tone tone;
    words_plain(plain, value_text(article[HEADLINE]));
    tone = lexicon_tone(plain);
    const weir_value v[] = { article[ID], weir_int(LEXICON_VERSION), weir_double(tone.score),
                             weir_int(tone.positive_words), weir_int(tone.negative_words) };
    return run_store(arg, row_make(ARTICLE_SENTIMENT, v, NULL));
}

int derive_article_sentiment(struct run *run)
{
    return run_read_pages(run, "tt",
                          "SELECT a.id, a.headline FROM articles a LEFT JOIN article_sentiment s ON s.article_id = a.id"
                          " WHERE (s.lexicon_version IS NULL OR s.lexicon_version < ?) AND a.id > ?"
                          " ORDER BY a.id LIMIT " PAGE_LIMIT,
                          WEIR_ARGS(weir_int(LEXICON_VERSION), weir_text("")), score_article, run);
}
