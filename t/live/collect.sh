# What weir-collect stores: what an independent reading of the same files says, whoever comes first and however often it runs.
# WEIR_TEST_DATA may name a folder of more data in the same layouts.
# SPDX-License-Identifier: MIT
. "$top_srcdir/t/lib/tap.sh"

sample=$top_srcdir/services/sample
rounds="crypto-news-collector unified-ohlc-collector enhanced-crypto-prices sentiment-microservice enhanced-sentiment
    onchain-data-collector reddit-sentiment-collector stock-sentiment-microservice narrative-analyzer technical-indicators"

# collect NAME ARGUMENT…: into a database of that name.
collect() {
    collect_into=$1
    shift
    "$top_builddir/weir-collect" --url "sqlite:$folder/$collect_into.db" "$@" </dev/null >"$folder/$collect_into.out"
}

# Every table, in the order of its key, with every digit.
content() { # NAME
    sqlite3 "$folder/$1.db" .dump
}

same_content() { # NAME NAME
    content "$1" >"$folder/one"
    content "$2" >"$folder/other"
    diff "$folder/one" "$folder/other"
}

is_same() { # TABLE
    grep "^same $1 [1-9]" "$folder/compared" && return
    grep -A 5 "^differs $1 " "$folder/compared" || tail -n 5 "$folder/compared"
    false
}

# One check a table, of those named or of all.
compare() { # NAME FOLDER WHAT TABLE…
    compare_name=$1 compare_what=$3
    python3 "$top_srcdir/t/live/collect-reference.py" "$top_srcdir" "$2" "$folder/$1.db" >"$folder/compared" 2>&1
    shift 3
    [ $# -gt 0 ] || set -- $(sqlite3 "$folder/$compare_name.db" .tables)
    for table; do
        check "$compare_what: $table is what the files say" is_same "$table"
    done
}

table_has_figures() { # FILE: a line a service, and no row skipped
    for service in $rounds; do
        grep -q "^$service  *[0-9][0-9]*  *[1-9]" "$1" || return
    done
}

check_sample() {
    check "all services on the sample" collect first --input "$sample"
    compare first "$sample" sample
    check "each of them stored rows, and says so" table_has_figures "$folder/first.out"
    check "the table fits 160 columns" sh -c "! grep '.\{161\}' '$folder/first.out'"
    sqlite3 "$folder/first.db" "UPDATE narratives SET articles = articles + 1" ".backup $folder/wrong.db" \
        "UPDATE narratives SET articles = articles - 1"
    check "a wrong cell would be noticed" sh -c "! python3 '$top_srcdir/t/live/collect-reference.py' \
        '$top_srcdir' '$sample' '$folder/wrong.db'"
}

run_again() {
    content first >"$folder/before"
    check "running again is clean" collect first --input "$sample"
    content first >"$folder/after"
    check "  and changes nothing" diff "$folder/before" "$folder/after"
}

stored() { # NAME SERVICE: how many rows that was, says the table
    awk -v service="$2" '$1 == service { print $3 }' "$folder/$1.out"
}

# What was computed once is computed again only if there is a reason.
once_only() {
    check "  technical-indicators had nothing to do" test "$(stored first technical-indicators)" = 0
    check "  sentiment-microservice had nothing to do" test "$(stored first sentiment-microservice)" = 0
    sqlite3 "$folder/first.db" "UPDATE indicator_series SET fingerprint = '' WHERE symbol = 'BTCEUR'" \
        "UPDATE technical_indicators SET sma_20 = 0 WHERE symbol = 'BTCEUR'" \
        "UPDATE article_sentiment SET lexicon_version = 0, score = 9 WHERE article_id LIKE '2026010_%'"
    collect first technical-indicators sentiment-microservice
    check "a series whose fingerprint is another is computed again, alone" test "$(stored first technical-indicators)" = \
        "$(sqlite3 "$folder/first.db" "SELECT count(*) + 1 FROM technical_indicators WHERE symbol = 'BTCEUR'")"
    check "articles that an older lexicon scored are scored again, alone" test "$(stored first sentiment-microservice)" = \
        "$(sqlite3 "$folder/first.db" "SELECT count(*) FROM articles WHERE id LIKE '2026010_%'")"
    content first >"$folder/after"
    check "  and all is as it was" diff "$folder/before" "$folder/after"
    sqlite3 "$folder/first.db" "UPDATE article_sentiment SET lexicon_version = 99" ".backup $folder/newer.db"
    sqlite3 "$folder/first.db" "UPDATE article_sentiment SET lexicon_version = 1"
    collect newer sentiment-microservice
    check "what a newer lexicon scored is left alone" test "$(stored newer sentiment-microservice)" = 0
}

# More articles, some of them on one day, and a longer series than is read at a time; 1000 is exactly one page.
make_long() {
    mkdir "$folder/long"
    awk 'BEGIN {
        print "exchange,market_type,symbol,interval,open_ts,open,high,low,close,volume_base"
        for (i = 0; i < 3300; i++) {
            printf "x,spot,%s,1m,2026-01-%02dT%02d:%02d:00Z,", i < 1000 ? "BTCUSD" : "ETHUSD", 1 + i / 1440, i / 60 % 24, i % 60
            printf "1,2,1,%d.%d,0\n", 100 + i * 7919 % 50, i % 10
        }
    }' >"$folder/long/spot_perp_candles.csv"
    awk 'BEGIN {
        print "published_ts,headline,finbert_positive_prob"
        for (i = 0; i < 2500; i++)
            printf "2026-%02d-01T%02d:%02d:00Z,Bitcoin %s %d %s ETF,0.5\n", 1 + i / 1200, i / 60 % 24, i % 60,
                i % 3 ? "gains" : "loses", i, i % 2 ? "on an" : "without an"
    }' >"$folder/long/news_headlines.csv"
}

check_long() {
    make_long
    check "more rows than are read at a time" collect long --input "$folder/long" unified-ohlc-collector \
        crypto-news-collector sentiment-microservice enhanced-sentiment narrative-analyzer technical-indicators
    compare long "$folder/long" long assets ohlc_data articles article_sentiment sentiment_daily narratives \
        technical_indicators indicator_series
}

# Two programs on one database, each with all services.
at_once() {
    collect both --input "$sample" &
    other=$!
    "$top_builddir/weir-collect" --url "sqlite:$folder/both.db" --input "$sample" >/dev/null && wait $other
}

one_by_one() {
    for service in $rounds; do
        collect single --input "$sample" "$service" || return
    done
}

# Followers find nothing, and come in time when all run.
backwards() {
    for service in technical-indicators narrative-analyzer enhanced-sentiment sentiment-microservice; do
        collect backwards --input "$sample" "$service" || return
    done
    collect backwards --input "$sample" --workers 3
}

# From standard input, compressed or not, each file by itself, the last first.
by_standard_input() {
    for file in $(ls -r "$sample" | grep csv); do
        case $file in
        market_snapshots* | spot_trades*) service=enhanced-crypto-prices ;;
        spot_*) service=unified-ohlc-collector ;;
        news_*) service=crypto-news-collector ;;
        onchain_*) service=onchain-data-collector ;;
        fear_greed_*) service=enhanced-sentiment ;;
        reddit_*) service=reddit-sentiment-collector ;;
        stock_*) service=stock-sentiment-microservice ;;
        esac
        "$top_builddir/weir-collect" --url "sqlite:$folder/piped.db" "$service" --input - <"$sample/$file" >/dev/null || return
    done
    collect piped sentiment-microservice enhanced-sentiment narrative-analyzer technical-indicators
}

uncompressed() {
    mkdir "$folder/plain"
    cp "$sample"/*.csv "$folder/plain"
    gzip -dc "$sample/spot_perp_candles.csv.gz" >"$folder/plain/spot_perp_candles.csv"
    gzip -9n "$folder/plain/news_headlines.csv"
    collect plain --input "$folder/plain"
}

# Feeds more and more rows until nobody reads them.
feed() {
    head -n 1 "$folder/plain/spot_perp_candles.csv"
    while sed 1d "$folder/plain/spot_perp_candles.csv"; do :; done
}

candles() {
    sqlite3 "$folder/killed.db" 'SELECT count(*) FROM ohlc_data' 2>/dev/null || echo 0
}

# Killed in the middle, with some of it committed and some not.
killed() {
    mkfifo "$folder/pipe"
    "$top_builddir/weir-collect" --url "sqlite:$folder/killed.db" --workers 1 --input "$folder/pipe" \
        unified-ohlc-collector >/dev/null &
    collector=$!
    feed >"$folder/pipe" 2>/dev/null &
    feeder=$!
    tries=0
    while [ "$(candles)" -eq 0 ] && [ $tries -lt 1200 ]; do
        tries=$((tries + 1))
        sleep 0.05
    done
    kill -KILL $collector
    kill $feeder 2>/dev/null
    wait $collector $feeder 2>/dev/null
    [ $tries -lt 1200 ]
}

in_order() {
    tr '{' '\n' <"$top_srcdir/services/lexicon.c" | sed -n 's/^ "\([a-z]*\)", -\{0,1\}[1-3] }.*/\1/p' >"$folder/words"
    [ "$(wc -l <"$folder/words")" -gt 100 ] && LC_ALL=C sort -c -u "$folder/words"
}

want python3 && want sqlite3 || finish
check_sample
run_again
once_only
check_long
check "two at once on one database" at_once
check "  store the same" same_content first both
check "one worker a service" collect workers1 --workers 1 --input "$sample"
check "  stores the same" same_content first workers1
check "eight of them" collect workers8 --workers 8 --input "$sample"
check "  store the same" same_content first workers8
check "one service after the other" one_by_one
check "  stores the same" same_content first single
check "followers before those they follow, then all" backwards
check "  stores the same" same_content first backwards
check "files from standard input, in another order" by_standard_input
check "  store the same" same_content first piped
check "plain instead of compressed files, and the other way round" uncompressed
check "  store the same" same_content first plain
check "a run killed in the middle has stored a part" killed
check "  another run stores the rest" collect killed --input "$sample"
check "  and then it is the same" same_content first killed
check "progress is for terminals alone" python3 "$top_srcdir/t/live/collect-terminal.py" "$top_builddir/weir-collect" "$folder/tty.db"
check "the words of the lexicon are in order" in_order

if [ -n "${WEIR_TEST_DATA:-}" ]; then
    check "all services on WEIR_TEST_DATA" collect data --input "$WEIR_TEST_DATA"
    compare data "$WEIR_TEST_DATA" WEIR_TEST_DATA
fi
finish
