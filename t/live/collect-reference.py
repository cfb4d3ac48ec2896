# What every table must hold after weir-collect has read a folder, worked out a second time, from nothing but the files.
#
#     python3 collect-reference.py SOURCES FOLDER DATABASE
#
# SOURCES is the project's tree: the lists of words and phrases are taken from there, because they are data; no rule is.
# Prints a line a table, "same TABLE ROWS" or "differs TABLE …" with examples, and fails if one differs.
# SPDX-License-Identifier: MIT
import csv
import gzip
import math
import os
import re
import sqlite3
import sys
from datetime import datetime, timedelta, timezone
from decimal import Decimal

UNRANKED = 999999999


# ---- the files


def rows_of(folder, prefix):
    for name in sorted(os.listdir(folder)):
        if name.startswith(prefix) and name.endswith((".csv", ".csv.gz")):
            opened = gzip.open if name.endswith(".gz") else open
            with opened(os.path.join(folder, name), "rt", encoding="utf-8", newline="") as file:
                yield from csv.DictReader(file)


def decimal(text):
    """Every digit, no exponent, nothing that adds no value."""
    if text == "":
        return None
    plain = format(Decimal(text), "f")
    plain = plain.rstrip("0").rstrip(".") if "." in plain else plain
    return "0" if plain in ("-0", "") else plain


def whole(text):
    return None if text == "" else int(text)


def text_or_none(text):
    return text if text != "" else None


def moment(text):
    return datetime.fromisoformat(text.replace("Z", "+00:00")).astimezone(timezone.utc)


def stored(when):
    """As SQLite keeps it."""
    return when.strftime("%Y-%m-%d %H:%M:%S") + (".%06d" % when.microsecond if when.microsecond else "")


def day_of(when):
    return when.strftime("%Y-%m-%d")


# ---- words


def source(root, name):
    with open(os.path.join(root, "services", name), encoding="utf-8") as file:
        return file.read()


def lexicon_of(root):
    return {word: int(weight) for word, weight in re.findall(r'\{ "([^"]+)", (-?\d+) \}', source(root, "lexicon.c"))}


def topics_of(root, list_name):
    body = re.search(r"struct topic %s\[.*?\] = \{(.*?)\n\};" % list_name, source(root, "topics.c"), re.S).group(1)
    return {
        name: re.findall(r'"([^"]+)"', phrases)
        for name, phrases in re.findall(r'\{ "([^"]+)",\s*\{(.*?)\}\s*\}', body, re.S)
    }


NEGATORS = "cannot cant didnt doesnt dont hardly isnt never no not wasnt without wont".split()


def plain(text):
    text = re.sub("['\u2018\u2019]", "", text)
    text = re.sub("[\u2000-\u206f]", " ", text)
    text = re.sub(r"[\x00-\x2f\x3a-\x40\x5b-\x60\x7b-\x7f]+", " ", text)
    return re.sub("[A-Z]", lambda letter: letter.group().lower(), text).split()


def tone(lexicon, words):
    weights = [
        lexicon.get(word, 0) * (-1 if i > 0 and words[i - 1] in NEGATORS else 1) for i, word in enumerate(words)
    ]
    good, bad = sum(w for w in weights if w > 0), -sum(w for w in weights if w < 0)
    return (good - bad) / (good + bad + 1), sum(w > 0 for w in weights), sum(w < 0 for w in weights)


def about(topics, words):
    text = " %s " % " ".join(words)
    return [name for name, phrases in topics.items() if any(" %s " % p in text or " %ss " % p in text for p in phrases)]


def fnv(text):
    value = 0x6C62272E07BB014262B821756295C58D
    for byte in text.encode() + b"\0":
        value = ((value ^ byte) * ((1 << 88) + 0x13B)) & ((1 << 128) - 1)
    return value


# ---- tables: dictionaries from key to the other columns


class Assets:
    """The newest wins; where nothing decides, the later."""

    def __init__(self):
        self.seen, self.names, self.prices, self.feelings = {}, {}, {}, {}

    @staticmethod
    def newest(table, symbol, order, *values):
        if symbol not in table or order >= table[symbol][0]:
            table[symbol] = (order, values)

    def see(self, symbol, at):
        self.seen[symbol] = max(at, self.seen.get(symbol, at))

    def name(self, symbol, name, rank):
        self.newest(self.names, symbol, (-rank, name.encode()), name, -rank)

    def price(self, symbol, at, price, by, turn):
        self.newest(self.prices, symbol, (at, turn, by.encode()), price, by, turn, stored(at))

    def feel(self, symbol, at, score, by):
        self.see(symbol, at)
        self.newest(self.feelings, symbol, (at, by.encode()), score, by, stored(at))

    def table(self):
        def known(table, symbol, width):
            return table[symbol][1] if symbol in table else (None,) * width

        return {
            (symbol,): known(self.names, symbol, 2)
            + known(self.prices, symbol, 4)
            + known(self.feelings, symbol, 3)
            + (stored(at),)
            for symbol, at in self.seen.items()
        }


DOLLARS = ["USD", "USDT", "USDC", "BUSD", "FDUSD", "DAI"]
OTHERS = "EUR GBP JPY KRW TRY BRL AUD BTC ETH BNB".split()


def pair(symbol, coins):
    """The asset, and whether its price is in dollars."""
    parts = re.split("[-/_]", symbol, maxsplit=1)
    if len(parts) == 2 and parts[0]:
        return parts[0], parts[1] in DOLLARS
    ends = [c for c in DOLLARS + OTHERS if symbol.endswith(c) and symbol != c]
    currency = max(ends, key=lambda c: (symbol[: -len(c)] in coins, len(c))) if ends else ""
    return symbol[: len(symbol) - len(currency)], currency in DOLLARS


def prices(folder, assets, coins):
    table = {}
    for r in rows_of(folder, "market_snapshots"):
        at, by = moment(r["ts"]), "snapshot " + r["coin_id"]
        rank = UNRANKED if r["rank"] == "" else int(r["rank"])
        figures = [decimal(r[c]) for c in ("market_cap_usd", "volume_24h_usd")]
        changes = [decimal(r["change_%s_pct" % span]) for span in ("1h", "24h", "7d")]
        price = decimal(r["price_usd"])
        table[r["symbol"], by, stored(at), 0] = (price, None, whole(r["rank"]), *figures, *changes)
        assets.see(r["symbol"], at)
        assets.name(r["symbol"], r["name"], rank)
        assets.price(r["symbol"], at, price, by, -rank)
    for r in rows_of(folder, "spot_trades"):
        at, by, price = moment(r["ts"]), r["exchange"] + " " + r["symbol"], decimal(r["price"])
        asset, in_dollars = pair(r["symbol"], coins)
        table[asset, by, stored(at), int(r["seq"])] = (price, decimal(r["amount"])) + (None,) * 6
        assets.see(asset, at)
        if in_dollars:
            assets.price(asset, at, price, by, int(r["seq"]))
    return table


SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}


def candles(folder, assets, coins):
    table = {}
    for r in rows_of(folder, "spot_perp_candles"):
        at = moment(r["open_ts"])
        series = (r["exchange"], r["market_type"], r["symbol"], r["interval"])
        values = [decimal(r[c]) for c in ("open", "high", "low", "close", "volume_base")]
        table[series + (stored(at),)] = (*values, None, None)
        asset, in_dollars = pair(r["symbol"], coins)
        close = at + timedelta(seconds=int(r["interval"][:-1]) * SECONDS[r["interval"][-1]])
        assets.see(asset, close)
        if in_dollars and r["market_type"] == "spot":
            assets.price(asset, close, values[3], " ".join(series), 0)
    for r in rows_of(folder, "spot_ohlcv_daily"):
        close = moment(r["ts"])
        opened = close.replace(hour=0, minute=0, second=0, microsecond=0)
        values = [decimal(r[c]) for c in ("open", "high", "low", "close")]
        series = ("average", "spot", r["symbol"], "1d")
        table[series + (stored(opened),)] = (*values, None, decimal(r["volume_usd"]), decimal(r["market_cap_usd"]))
        assets.see(r["symbol"], close)
        assets.name(r["symbol"], r["name"], UNRANKED)
        assets.price(r["symbol"], close, values[3], " ".join(series), 0)
    return table


VOTES = ["votes_" + v for v in "positive negative important like dislike lol toxic saves comments".split()]


class Articles:
    def __init__(self, folder, assets, coins):
        self.assets, self.coins, self.of = assets, coins, {}
        for r in rows_of(folder, "news_headlines"):
            self.add(r, r["published_ts"], "headlines", finbert_positive=decimal(r["finbert_positive_prob"]))
        for r in rows_of(folder, "news_cryptopanic_votes"):
            votes = {v: whole(r[v]) for v in VOTES}
            self.add(r, r["published_ts"], "votes", source=text_or_none(r["source"]), **votes)
        for r in rows_of(folder, "news_events_curated"):
            self.add(r, r["event_ts"], "events", url=text_or_none(r["url"]))

    def add(self, row, when, seen_in, source=None, **filled):
        at, words = moment(when), plain(row["headline"])
        key = day_of(at).replace("-", "") + "%032x" % fnv(" %s " % " ".join(words))
        article = self.of.setdefault(key, {"words": words, "day": day_of(at), "order": (at, "")})
        article.update({name: value for name, value in filled.items() if value is not None})
        if (at, seen_in) >= article["order"]:
            article.update(order=(at, seen_in), headline=row["headline"], source=source, seen_in=seen_in, at=at)
        for coin in about(self.coins, words):
            self.assets.see(coin, at)

    def table(self):
        columns = ["url", "finbert_positive"] + VOTES
        return {
            (key,): (a["day"], a["headline"], a["source"], a["seen_in"], stored(a["at"]))
            + tuple(a.get(c) for c in columns)
            for key, a in self.of.items()
        }

    def sorted(self):
        return sorted(self.of.items())


def daily_sentiment(articles, tones, index, assets, coins):
    voices = {}
    for key, a in articles.sorted():
        for coin in about(coins, a["words"]):
            v = voices.setdefault((coin, a["day"]), {"n": 0, "sum": 0.0, "for": 0, "against": 0, "at": a["at"]})
            v["n"] += 1
            v["sum"] += tones[key,][1]
            v["for"] += sum(a.get(c) or 0 for c in ("votes_positive", "votes_like"))
            v["against"] += sum(a.get(c) or 0 for c in ("votes_negative", "votes_dislike", "votes_toxic"))
            v["at"] = max(v["at"], a["at"])
    table = {}
    for (coin, day), v in voices.items():
        votes = v["for"] + v["against"]
        parts = (
            v["sum"] / v["n"],
            (v["for"] - v["against"]) / votes if votes else None,
            (index[day,][0] - 50) / 50 if (day,) in index else None,
        )
        total, weight = 0.0, 0.0
        for part, share in zip(parts, (0.5, 0.3, 0.2)):
            if part is not None:
                total += share * part
                weight += share
        table[coin, day] = (v["n"], *parts, total / weight)
        assets.feel(coin, v["at"], total / weight, "daily blend")
    return table


def narratives(articles, topics):
    table = {}
    for _, a in articles.sorted():
        for name in about(topics, a["words"]):
            table[name, a["day"]] = (table.get((name, a["day"]), (0,))[0] + 1,)
    return table


def reddit(folder, assets, lexicon, coins):
    table = {}
    for r in rows_of(folder, "reddit_crypto_submissions"):
        at, words, ratio = moment(r["created_ts"]), plain(r["title"]), decimal(r["upvote_ratio"])
        score, comments = int(r["score"]), int(r["num_comments"])
        lexical = tone(lexicon, words)[0]
        feeling = lexical
        if ratio is not None:
            size = float(max(score, 0)) + float(comments)
            feeling = 0.7 * lexical + 0.3 * ((2 * float(ratio) - 1) * (size / (size + 10.0)))
        url = text_or_none(r["url"])
        table[r["id"],] = (r["subreddit"], stored(at), r["title"], url, score, comments, ratio, lexical, feeling)
        for coin in about(coins, words):
            assets.feel(coin, at, feeling, "reddit " + r["id"])
    return table


def onchain(folder):
    table = {}
    for r in rows_of(folder, "onchain_"):
        for column, value in r.items():
            if column != "ts" and value != "":
                asset, metric = column.split("_", 1)
                table[asset.upper(), metric, day_of(moment(r["ts"]))] = (decimal(value),)
    return table


def fear_and_greed(folder):
    return {
        (day_of(moment(r["ts"])),): (int(r["value"]), text_or_none(r["classification"]))
        for r in rows_of(folder, "fear_greed_crypto_daily")
    }


def stocks(folder):
    columns = ("open", "high", "low", "close", "adj_close", "volume")
    return {
        (r["symbol"], day_of(moment(r["ts"]))): tuple(decimal(r[c]) for c in columns)
        for r in rows_of(folder, "stock_ohlcv_daily")
    }


def stock_sentiment(days):
    series, table = {}, {}
    for (ticker, day), values in sorted(days.items()):
        series.setdefault(ticker, []).append((day, float(values[4])))
    for ticker, closes in series.items():
        for i, (day, close) in enumerate(closes):
            one = close / closes[i - 1][1] - 1 if i >= 1 else None
            five = close / closes[i - 5][1] - 1 if i >= 5 else None
            momentum = one if five is None else 0.4 * one + 0.6 * five
            score = None if momentum is None else momentum / (abs(momentum) + 0.05)
            table[ticker, day] = (one, five, score)
    return table


# ---- indicators


def mean(values):
    total = 0.0
    for value in values:  # not sum(), which newer versions of Python do more exactly
        total += value
    return total / len(values)


def averages(values, span):
    """Exponential ones, None before there are enough values; leading None are passed over."""
    skipped = sum(v is None for v in values)
    out = [None] * len(values)
    for i in range(skipped + span - 1, len(values)):
        if i == skipped + span - 1:
            out[i] = mean(values[skipped : i + 1])
        else:
            out[i] = out[i - 1] + 2 / (span + 1) * (values[i] - out[i - 1])
    return out


def less(a, b):
    return [None if x is None or y is None else x - y for x, y in zip(a, b)]


def wilder(changes, span=14):
    out, now = [None] * len(changes), 0.0
    for i, change in enumerate(changes):
        if i < span:
            now += change
            out[i] = now / span if i == span - 1 else None
        else:
            out[i] = (out[i - 1] * (span - 1) + change) / span
    return out


def strength(rise, fall):
    if rise is None:
        return None
    if fall == 0:
        return 50.0 if rise == 0 else 100.0
    return 100 - 100 / (1 + rise / fall)


def indicators_of(close):
    count = len(close)
    middle = [mean(close[i - 19 : i + 1]) if i >= 19 else None for i in range(count)]
    width = [
        2 * math.sqrt(mean([(c - middle[i]) * (c - middle[i]) for c in close[i - 19 : i + 1]])) if i >= 19 else None
        for i in range(count)
    ]
    fast, slow = averages(close, 12), averages(close, 26)
    macd = less(fast, slow)
    signal = averages(macd, 9)
    changes = [b - a for a, b in zip(close, close[1:])]
    rises, falls = wilder([max(c, 0.0) for c in changes]), wilder([max(-c, 0.0) for c in changes])
    rsi = [None] + [strength(r, f) for r, f in zip(rises, falls)]
    upper = [None if m is None else m + w for m, w in zip(middle, width)]
    return list(zip(middle, fast, slow, rsi, macd, signal, less(macd, signal), upper, less(middle, width)))


def indicators(ohlc):
    series, values, vouched = {}, {}, {}
    for key, candle in sorted(ohlc.items(), key=lambda item: (item[0][:4], moment(item[0][4] + "+00:00"))):
        series.setdefault(key[:4], []).append((key[4], candle[3]))
    for name, of in series.items():
        for (when, _), row in zip(of, indicators_of([float(close) for _, close in of])):
            if any(value is not None for value in row):
                values[name + (when,)] = row
        vouched[name] = (len(of), fingerprint(of))
    return values, vouched


def fingerprint(candles_of_series):
    epoch, value = datetime(1970, 1, 1, tzinfo=timezone.utc), 0x6C62272E07BB014262B821756295C58D
    text = "1\0"
    for when, close in candles_of_series:
        text += "%d %s\0" % ((moment(when + "+00:00") - epoch) // timedelta(microseconds=1), close)
    for byte in text.encode():
        value = ((value ^ byte) * ((1 << 88) + 0x13B)) & ((1 << 128) - 1)
    return "%032x" % value


# ---- all of it, and the comparison


def everything(root, folder):
    lexicon, coins, assets = lexicon_of(root), topics_of(root, "coins"), Assets()
    tables = {"price_history": prices(folder, assets, coins), "ohlc_data": candles(folder, assets, coins)}
    articles = Articles(folder, assets, coins)
    tables["articles"] = articles.table()
    tables["article_sentiment"] = {(key,): (1, *tone(lexicon, a["words"])) for key, a in articles.of.items()}
    tables["onchain_metrics"] = onchain(folder)
    tables["fear_greed_index"] = fear_and_greed(folder)
    tables["sentiment_daily"] = daily_sentiment(
        articles, tables["article_sentiment"], tables["fear_greed_index"], assets, coins
    )
    tables["reddit_posts"] = reddit(folder, assets, lexicon, coins)
    tables["stock_ohlc"] = stocks(folder)
    tables["stock_sentiment"] = stock_sentiment(tables["stock_ohlc"])
    tables["narratives"] = narratives(articles, topics_of(root, "narratives"))
    tables["technical_indicators"], tables["indicator_series"] = indicators(tables["ohlc_data"])
    tables["assets"] = assets.table()
    return tables


def differences(wanted, found):
    for key in sorted(set(wanted) | set(found), key=str):
        if wanted.get(key) != found.get(key):
            yield "%r: the files say %r, stored is %r" % (key, wanted.get(key), found.get(key))


def main(root, folder, database):
    db, bad = sqlite3.connect(database), False
    for name, wanted in everything(root, folder).items():
        keys = len(next(iter(wanted), ()))
        found = {row[:keys]: row[keys:] for row in db.execute("SELECT * FROM " + name)}
        wrong = list(differences(wanted, found))
        print("differs" if wrong else "same", name, len(found))
        for line in wrong[:5]:
            print("   ", line)
        bad = bad or bool(wrong)
    return bad


sys.exit(main(*sys.argv[1:]))
