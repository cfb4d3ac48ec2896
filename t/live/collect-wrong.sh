# What is wrong with the input or the command line is said, costs what it must and nothing else, and shows in the exit status.
# SPDX-License-Identifier: MIT
. "$top_srcdir/t/lib/tap.sh"

sample=$top_srcdir/services/sample
trades_header=exchange,symbol,seq,ts,price,amount

# collect ARGUMENT…: into an empty database; leaves $status, and what was said in $folder/out and err.
collect() {
    rm -f "$folder/wrong.db"*
    "$top_builddir/weir-collect" --url "sqlite:$folder/wrong.db" "$@" </dev/null >"$folder/out" 2>"$folder/err"
    status=$?
}

# call ARGUMENT…: the same, as it stands.
call() {
    env -u DATABASE_URL -u MYSQL_HOST "$top_builddir/weir-collect" "$@" </dev/null >"$folder/out" 2>"$folder/err"
    status=$?
}

ends_with() { # STATUS
    cat "$folder/err"
    [ "$status" -eq "$1" ]
}

says() { # TEXT
    grep -F -- "$1" "$folder/err" || { cat "$folder/err" && false; }
}

stored() { # TABLE ROWS
    [ "$(sqlite3 "$folder/wrong.db" "SELECT count(*) FROM $1")" = "$2" ]
}

# What the table says of a service: its figure in that column (2 read, 3 stored, 7 skipped, 8 errors).
figure() { # SERVICE COLUMN NUMBER
    awk -v service="$1" -v column="$2" '$1 == service { print $column }' "$folder/out" >"$folder/figure"
    echo "$3" | diff "$folder/figure" -
}

# ---- rows that are skipped

trade() { # SEQ REST: a row that is right but for the rest
    printf 'x,BTCUSDT,%s,2026-01-01T00:00:0%sZ,%s\n' "$1" "$1" "$2"
}

make_bad_trades() {
    {
        echo $trades_header
        trade 1 100.5,1
        trade 2 '1\0000,1' | tr '\\' '\0'
        trade 3 100.5
        echo 'x,BTCUSDT,4,,100.5,1'
        trade 5 100.5,1
        printf 'x,BTC\377USDT,6,2026-01-01T00:00:06Z,100.5,1\n'
        trade 7 0.1234567890123456789012345678901,1
        trade 8 1,5,1
        trade 9 ,1
        trade 9 abc,1
        echo 'x,BTCUSDT,-9,2026-01-01T00:00:09Z,100.5,1'
        echo 'x,BTCUSDT,9,01/02/2026,100.5,1'
        echo 'x,BTC"USDT,9,2026-01-01T00:00:09Z,100.5,1'
        trade 9 100.5,
        echo 'x,"BTCUSDT,9,2026-01-01T00:00:09Z,100.5,1'
    } >"$folder/trades.csv"
}

bad_rows() {
    make_bad_trades
    collect enhanced-crypto-prices --input "$folder/trades.csv"
    check "bad rows: the exit status tells" ends_with 1
    check "  a zero byte" says "trades.csv:3: price has a zero byte"
    check "  too few fields" says "trades.csv:4: 5 fields where the header has 6"
    check "  no time" says "trades.csv:5: ts is empty"
    check "  what is not UTF-8" says "trades.csv:7: symbol is not UTF-8"
    check "  too many digits" says "trades.csv:8: price has more digits than can be stored"
    check "  too many fields" says "trades.csv:9: 7 fields where the header has 6"
    check "  nothing where something must be" says "trades.csv:10: price is empty"
    check "  what is not a number" says "trades.csv:11: price is not a number"
    check "  a number that cannot be" says "trades.csv:12: seq is out of range"
    check "  what is not a time" says "trades.csv:13: ts is not a time"
    check "  a quote in the wrong place" says "trades.csv:14: a quote is in the wrong place"
    check "  a quote that is not closed" says "trades.csv:16: a quote is not closed"
    check "  the rest is stored" stored price_history 3
    check "  all are counted as read" figure enhanced-crypto-prices 2 15
    check "  the stored ones as stored" figure enhanced-crypto-prices 3 3
    check "  the others as skipped" figure enhanced-crypto-prices 7 12
    check "  and none of that as an error" figure enhanced-crypto-prices 8 0
}

many_bad_rows() {
    { echo $trades_header && i=0 && while [ $i -lt 50 ]; do i=$((i + 1)) && echo oops; done; } >"$folder/many.csv"
    collect enhanced-crypto-prices --input "$folder/many.csv"
    check "many bad rows: twenty are shown" test "$(grep -c 'many.csv:' "$folder/err")" -eq 21
    check "  and the others counted" says "many.csv: … and 30 more rows skipped"
}

# one FILE SERVICE LINE REASON: a sample file with a line that its service does not take.
one() {
    { head -n 1 "$sample/$1" && echo "$3"; } >"$folder/one.csv"
    collect "$2" --input "$folder/one.csv"
    check "$4" says "one.csv:2: $4"
}

rows_of_each_kind() {
    gzip -dc "$sample/spot_perp_candles.csv.gz" >"$folder/candles.csv"
    sample_of_candles=$sample
    sample=$folder
    one candles.csv unified-ohlc-collector 'x,spot,BTCUSD,1y,2026-01-01T00:00:00Z,1,1,1,1,1' "interval is no length of time such as 1m, 4h or 1d"
    one candles.csv unified-ohlc-collector 'x,spot,BTCUSD,1d,9999-12-31T12:00:00Z,1,1,1,1,1' "the candle closes after the year 9999"
    sample=$sample_of_candles
    one news_headlines.csv crypto-news-collector '2026-01-01T00:00:00Z,?!,0.5' "headline has no words"
    one fear_greed_crypto_daily.csv enhanced-sentiment '2026-01-01T00:00:00Z,101,Greed' "value is out of range"
    one reddit_crypto_submissions.csv reddit-sentiment-collector 'a,b,2026-01-01T00:00:00Z,1,1,1.5,title,' \
        "upvote_ratio is not within 0 and 1"
    one stock_ohlcv_daily.csv stock-sentiment-microservice 'X,2026-01-01T00:00:00Z,1,1,1,,1,1' "close is empty"
    one onchain_btc_daily.csv onchain-data-collector '2026-01-01T00:00:00Z,1,x,1,1,1' "btc_hash_rate is not a number"
}

# ---- files that end their service

# broken NAME WHAT TEXT: a service of which that file is all there is; the others go on.
broken() {
    collect --input "$folder/broken"
    check "$2: the exit status tells" ends_with 1
    check "  and the service" says "weir-collect: enhanced-crypto-prices: $folder/broken/$1: $3"
    check "  which counts an error" figure enhanced-crypto-prices 8 1
    check "  the others go on" stored articles "$(sqlite3 "$folder/clean.db" 'SELECT count(*) FROM articles')"
    check "  to the end" stored technical_indicators "$(sqlite3 "$folder/clean.db" 'SELECT count(*) FROM technical_indicators')"
    rm -rf "${folder:?}/broken/$1"
}

broken_files() {
    collect --input "$sample"
    cp "$folder/wrong.db" "$folder/clean.db"
    mkdir "$folder/broken"
    cp "$sample"/* "$folder/broken"
    rm "$folder/broken/market_snapshots.csv" "$folder/broken/spot_trades.csv"
    : >"$folder/broken/spot_trades.csv"
    broken spot_trades.csv "an empty file" "the file is empty, not even a header"
    echo exchange,symbol,seq,time,price,amount >"$folder/broken/spot_trades.csv"
    broken spot_trades.csv "a missing column" "column ts is missing"
    echo $trades_header,price >"$folder/broken/spot_trades.csv"
    broken spot_trades.csv "a column that is there twice" "column price is there twice"
    mkdir "$folder/broken/spot_trades.csv"
    broken spot_trades.csv "a file that cannot be read" "Is a directory"
    gzip -c "$sample/spot_trades.csv" | head -c 1000 >"$folder/broken/spot_trades.csv.gz"
    broken spot_trades.csv.gz "a compressed file that is cut off" "compressed data end too early"
    gzip -c "$sample/spot_trades.csv" | { head -c 500 && tail -c +500 | tr 'a-z' 'b-za'; } >"$folder/broken/spot_trades.csv.gz"
    broken spot_trades.csv.gz "a compressed file with an error" "in"
    ln -s nowhere "$folder/broken/spot_trades.csv"
    broken spot_trades.csv "a link to nowhere" "No such file or directory"
    echo '"exchange,symbol' >"$folder/broken/spot_trades.csv"
    broken spot_trades.csv "a header with an open quote" "a quote is not closed"
    collect --input "$folder/broken"
    check "no file at all: the exit status tells" ends_with 1
    check "  and the service" says "enhanced-crypto-prices: no market_snapshots*.csv[.gz] or spot_trades*.csv[.gz] in $folder/broken"
    rm "$folder/broken"/fear_greed*
    collect enhanced-sentiment --input "$folder/broken"
    check "a service that can do without its files does" ends_with 0
}

# A header without rows is no fault, and neither are columns that nobody asked for.
harmless_files() {
    echo $trades_header,remark,remark >"$folder/header.csv"
    collect enhanced-crypto-prices --input "$folder/header.csv"
    check "a header alone is clean" ends_with 0
    echo a,b,c >"$folder/strange.csv"
    collect enhanced-crypto-prices --input "$folder/strange.csv"
    check "a file of another kind is not" ends_with 1
    check "  and that is said" says "strange.csv: the header has not the columns of any file that this service reads"
}

# ---- the command line

# misuse TEXT ARGUMENT…
misuse() {
    misuse_text=$1
    shift
    call "$@"
    check "weir-collect $*: the exit status tells" ends_with 2
    check "  and what is wrong is said" says "$misuse_text"
}

command_lines() {
    misuse "unknown service 'reddit-sentiment-colector', did you mean 'reddit-sentiment-collector'?" reddit-sentiment-colector
    misuse "unknown service 'x'" x
    misuse "  onchain-data-collector" x
    misuse "unknown option '--imput', did you mean '--input'?" --imput=x
    misuse "unknown option '-x'" -x
    misuse "--url wants URL" --url
    misuse "--help takes no value" --help=me
    misuse "--workers 0: a number from 1 to 64 is wanted" --workers 0
    misuse "--workers 2x: a number from 1 to 64 is wanted" --workers=2x
    misuse "unknown dialect 'postgre', did you mean 'postgres'?" --schema postgre
    misuse "--input /nonexistent: No such file" --input /nonexistent
    misuse "reads files: --input DIR is wanted" --url sqlite:x
    misuse "name exactly one that reads files" --url sqlite:x --input -
    misuse "name exactly one that reads files" --url sqlite:x --input - narrative-analyzer
    misuse "unknown scheme 'sqlight'" --url sqlight:x narrative-analyzer
    misuse "pool_sise" --url 'sqlite:x?pool_sise=3' narrative-analyzer
    misuse "DATABASE_URL" narrative-analyzer
    misuse "there is no schema for the driver null" --url null: narrative-analyzer
    check "nothing was made on the way" test ! -e x
    call --url "sqlite:$folder/nonexistent/x.db" narrative-analyzer
    check "a database that cannot be opened is no misuse" ends_with 1
    check "  and is named" says "/nonexistent' does not exist"
    "$top_builddir/weir-collect" --help >/dev/full 2>"$folder/err"
    status=$?
    check "what cannot be printed is no success" ends_with 1
    check "  and is said" says "standard output: No space left on device"
}

names_all() { # OPTION…: help says them, and all services
    grep -q 'usage: weir-collect' "$folder/out" || return
    for word in --url --input --workers --schema --help --version enhanced-crypto-prices unified-ohlc-collector \
        crypto-news-collector onchain-data-collector sentiment-microservice enhanced-sentiment \
        reddit-sentiment-collector stock-sentiment-microservice narrative-analyzer technical-indicators; do
        grep -q -e "^  $word " "$folder/out" || return
    done
}

# As "  --url      URL …" and "  onchain-data-collector …" stand in the help.
not_on_the_page() {
    sed -n 's/^  \(--\)\{0,1\}\([a-z-]*\) .*/\1 \2/p' "$folder/out" | while read -r dashes name; do
        if [ "$dashes" = -- ]; then what="Fl -$name"; else what="Cm $dashes"; fi
        grep -q "^\.It $what" "$top_srcdir/man/weir-collect.1" || echo "$dashes $name"
    done
}

words_alone() {
    call --help
    check "--help is no failure" ends_with 0
    check "  and names services and options" names_all
    none "  which are all on the man page" not_on_the_page
    call --version
    check "--version says which" grep -q '^weir-collect [0-9][0-9]*\.[0-9]' "$folder/out"
    call --schema sqlite
    check "--schema prints what the database takes" sqlite3 -bail -init /dev/null "$folder/schema.db" ".read $folder/out"
    check "  and what a run makes" test "$(sqlite3 "$folder/schema.db" .schema)" = "$(sqlite3 "$folder/clean.db" .schema)"
    for dialect in mysql postgres; do
        call --schema $dialect
        check "--schema $dialect has the same tables" test "$(grep -c '^CREATE TABLE' "$folder/out")" = \
            "$(sqlite3 "$folder/clean.db" "SELECT count(*) FROM sqlite_schema WHERE type = 'table'")"
    done
    DATABASE_URL="sqlite:$folder/env.db" "$top_builddir/weir-collect" narrative-analyzer >/dev/null 2>"$folder/err"
    status=$?
    check "the environment may name the database" ends_with 0
    check "  and is heard" test -s "$folder/env.db"
}

want sqlite3 || finish
cd "$folder" || exit
bad_rows
many_bad_rows
rows_of_each_kind
broken_files
harmless_files
command_lines
words_alone
finish
