/*
 * The tables.  Services fill rows in the order of these columns.
 * SPDX-License-Identifier: MIT
 */
#include "schema.h"

#define KEY(name, kind, length)                   \
    {                                             \
        name, KIND_##kind, RULE_KEY, length, 1, 0 \
    }
#define SET(name, kind, length)                   \
    {                                             \
        name, KIND_##kind, RULE_SET, length, 0, 0 \
    }
#define MUST(name, kind, length)                  \
    {                                             \
        name, KIND_##kind, RULE_SET, length, 1, 0 \
    }
#define FILL(name, kind, length)                   \
    {                                              \
        name, KIND_##kind, RULE_FILL, length, 0, 0 \
    }
#define MOST(name, kind)                      \
    {                                         \
        name, KIND_##kind, RULE_MOST, 0, 1, 0 \
    }
#define NEWEST(group, name, kind, length)                \
    {                                                    \
        name, KIND_##kind, RULE_NEWEST, length, 0, group \
    }
#define ORDER(group, name, kind, length)                \
    {                                                   \
        name, KIND_##kind, RULE_ORDER, length, 0, group \
    }

/* The row that the services share.  A name goes to the best bearer of the symbol; price and sentiment are the newest that anybody saw. */
static const struct column assets[] = {
    KEY("symbol", TEXT, 32),
    ORDER(1, "name", TEXT, 100),
    ORDER(1, "name_weight", INT, 0), /* minus the market rank, or less where none is known */
    NEWEST(2, "last_price", DECIMAL, 0),
    ORDER(2, "last_price_by", TEXT, 150),
    ORDER(2, "last_price_turn", INT, 0), /* among prices of one moment: a trade's number, minus a market rank */
    ORDER(2, "last_price_at", TIME, 0),
    NEWEST(3, "last_sentiment", DOUBLE, 0),
    ORDER(3, "last_sentiment_by", TEXT, 150),
    ORDER(3, "last_sentiment_at", TIME, 0),
    MOST("last_seen", TIME),
};

static const struct column price_history[] = {
    KEY("symbol", TEXT, 32),           KEY("source", TEXT, 100), /* "snapshot <coin id>", or "<exchange> <pair>" */
    KEY("observed_at", TIME, 0),       KEY("seq", INT, 0),       /* tells trades of one second apart; 0 for snapshots */
    MUST("price", DECIMAL, 0),         SET("amount", DECIMAL, 0),
    SET("market_rank", INT, 0),        SET("market_cap_usd", DECIMAL, 0),
    SET("volume_24h_usd", DECIMAL, 0), SET("change_1h_pct", DECIMAL, 0),
    SET("change_24h_pct", DECIMAL, 0), SET("change_7d_pct", DECIMAL, 0),
};

#define SERIES_KEY \
    KEY("exchange", TEXT, 32), KEY("market_type", TEXT, 16), KEY("symbol", TEXT, 32), KEY("candle_interval", TEXT, 8)

static const struct column ohlc_data[] = {
    SERIES_KEY,
    KEY("open_time", TIME, 0),
    MUST("open_price", DECIMAL, 0),
    MUST("high_price", DECIMAL, 0),
    MUST("low_price", DECIMAL, 0),
    MUST("close_price", DECIMAL, 0),
    SET("volume_base", DECIMAL, 0),
    SET("volume_usd", DECIMAL, 0),
    SET("market_cap_usd", DECIMAL, 0),
};

/* One row however often a headline was seen on its day; the newest sighting shows its own writing of it. */
static const struct column articles[] = {
    KEY("id", TEXT, 40), /* day and hash: 20240828…; so articles sort by day */
    MUST("published_day", DATE, 0),
    NEWEST(1, "headline", TEXT, 1000),
    NEWEST(1, "source", TEXT, 100),
    ORDER(1, "seen_in", TEXT, 16),
    ORDER(1, "published_at", TIME, 0),
    FILL("url", TEXT, 2000),
    FILL("finbert_positive", DECIMAL, 0),
    FILL("votes_positive", INT, 0),
    FILL("votes_negative", INT, 0),
    FILL("votes_important", INT, 0),
    FILL("votes_like", INT, 0),
    FILL("votes_dislike", INT, 0),
    FILL("votes_lol", INT, 0),
    FILL("votes_toxic", INT, 0),
    FILL("votes_saves", INT, 0),
    FILL("votes_comments", INT, 0),
};

static const struct column article_sentiment[] = {
    KEY("article_id", TEXT, 40),    MUST("lexicon_version", INT, 0), MUST("score", DOUBLE, 0),
    MUST("positive_words", INT, 0), MUST("negative_words", INT, 0),
};

static const struct column onchain_metrics[] = {
    KEY("asset", TEXT, 32),
    KEY("metric", TEXT, 64),
    KEY("day", DATE, 0),
    MUST("metric_value", DECIMAL, 0),
};

static const struct column fear_greed_index[] = {
    KEY("day", DATE, 0),
    MUST("index_value", INT, 0),
    SET("classification", TEXT, 32),
};

static const struct column sentiment_daily[] = {
    KEY("asset", TEXT, 32),         KEY("day", DATE, 0),          MUST("articles", INT, 0),
    SET("lexicon_part", DOUBLE, 0), SET("votes_part", DOUBLE, 0), SET("fear_greed_part", DOUBLE, 0),
    SET("score", DOUBLE, 0),
};

static const struct column reddit_posts[] = {
    KEY("id", TEXT, 16),          MUST("subreddit", TEXT, 64),     MUST("created_at", TIME, 0),
    MUST("title", TEXT, 1000),    SET("url", TEXT, 2000),          MUST("score", INT, 0),
    MUST("num_comments", INT, 0), SET("upvote_ratio", DECIMAL, 0), MUST("lexicon_score", DOUBLE, 0),
    MUST("sentiment", DOUBLE, 0),
};

static const struct column stock_ohlc[] = {
    KEY("ticker", TEXT, 16),
    KEY("day", DATE, 0),
    MUST("open_price", DECIMAL, 0),
    MUST("high_price", DECIMAL, 0),
    MUST("low_price", DECIMAL, 0),
    MUST("close_price", DECIMAL, 0),
    MUST("adjusted_close", DECIMAL, 0),
    MUST("volume", DECIMAL, 0),
};

static const struct column stock_sentiment[] = {
    KEY("ticker", TEXT, 16),     KEY("day", DATE, 0),     SET("return_1d", DOUBLE, 0),
    SET("return_5d", DOUBLE, 0), SET("score", DOUBLE, 0),
};

static const struct column narratives[] = {
    KEY("narrative", TEXT, 32),
    KEY("day", DATE, 0),
    MUST("articles", INT, 0),
};

static const struct column technical_indicators[] = {
    SERIES_KEY,
    KEY("open_time", TIME, 0),
    SET("sma_20", DOUBLE, 0),
    SET("ema_12", DOUBLE, 0),
    SET("ema_26", DOUBLE, 0),
    SET("rsi_14", DOUBLE, 0),
    SET("macd", DOUBLE, 0),
    SET("macd_signal", DOUBLE, 0),
    SET("macd_histogram", DOUBLE, 0),
    SET("bollinger_upper", DOUBLE, 0),
    SET("bollinger_lower", DOUBLE, 0),
};

/* Which candles the indicators of a series were computed from: what has not changed is not computed again. */
static const struct column indicator_series[] = {
    SERIES_KEY,
    MUST("candles", INT, 0),
    MUST("fingerprint", TEXT, 32),
};

#define TABLE(name, keys, refers, column)                             \
    {                                                                 \
#        name, name, sizeof name / sizeof *name, keys, refers, column \
    }

const struct table schema[TABLE_COUNT] = {
    [ASSETS] = TABLE(assets, 1, NULL, NULL),
    [PRICE_HISTORY] = TABLE(price_history, 4, "assets", "symbol"),
    [OHLC_DATA] = TABLE(ohlc_data, 5, NULL, NULL),
    [ARTICLES] = TABLE(articles, 1, NULL, NULL),
    [ARTICLE_SENTIMENT] = TABLE(article_sentiment, 1, "articles", "id"),
    [ONCHAIN_METRICS] = TABLE(onchain_metrics, 3, NULL, NULL),
    [FEAR_GREED_INDEX] = TABLE(fear_greed_index, 1, NULL, NULL),
    [SENTIMENT_DAILY] = TABLE(sentiment_daily, 2, NULL, NULL),
    [REDDIT_POSTS] = TABLE(reddit_posts, 1, NULL, NULL),
    [STOCK_OHLC] = TABLE(stock_ohlc, 2, NULL, NULL),
    [STOCK_SENTIMENT] = TABLE(stock_sentiment, 2, NULL, NULL),
    [NARRATIVES] = TABLE(narratives, 2, NULL, NULL),
    [TECHNICAL_INDICATORS] = TABLE(technical_indicators, 5, NULL, NULL),
    [INDICATOR_SERIES] = TABLE(indicator_series, 4, NULL, NULL),
};
