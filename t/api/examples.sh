# The programs of examples/ do what they say, and the driver of EXTENDING.md is built, loaded and asked.
# `make check` runs this on the programs in the build folder; `make installcheck` on its own, with `examples` and `driver_flags` set.
# SPDX-License-Identifier: MIT
. "$top_srcdir/t/lib/tap.sh"

examples=${examples:-$top_builddir/examples}
driver_flags=${driver_flags:--I$top_srcdir/include}

prints() { # TEXT PROGRAM ARGUMENT…
    printf '%b\n' "$1" >"$folder/wanted"
    shift
    "$@" >"$folder/printed" && diff "$folder/wanted" "$folder/printed"
}

fails_with() { # TEXT PROGRAM ARGUMENT…
    tap_wanted=$1
    shift
    ! "$@" >"$folder/printed" 2>&1 && cat "$folder/printed" && grep -q -F "$tap_wanted" "$folder/printed"
}

has_scheme() {
    "$examples/first" which-schemes: 2>&1 | grep -q "\<$1\>"
}

sum_is_kept() {
    "$examples/transfer" >"$folder/printed" && grep -q -x 'the accounts hold 2000' "$folder/printed"
}

if has_scheme sqlite; then
    check "first reads what it wrote" prints 'BTC 9712345\nETH 351099' "$examples/first"
    check "bulk folds its rows" prints '10000 rows, of which 9950 were folded\nADA 2000 1197000 1096\nBTC 2000 1203000 1099
ETH 2000 1199000 1097\nSOL 2000 1195000 1095\nXRP 2000 1201000 1098' "$examples/bulk"
    check "transfer neither makes money nor loses any" sum_is_kept
    check "stream is stopped by its deadline and by a cancel" \
        prints 'after 50 ms: timeout\nafter a cancel: cancelled' "$examples/stream"
    check "nothreads opens and closes what maintenance is due to" \
        prints 'idle connections: 1\nidle connections: 2\nidle connections: 1' "$examples/nothreads"
fi
check "first names the option that a URL has wrong" fails_with "did you mean 'pool_size'?" "$examples/first" 'null:?pool_sise=3'

driver=$folder/lines.so
build_driver() {
    # shellcheck disable=SC2086 # a compiler and its flags
    $CC -shared -fPIC -Wall -Wextra -Werror $driver_flags -o "$driver" "$top_srcdir/examples/driver/lines.c"
}

load=$examples/driver/load
printf 'one\ntwo\nthree' >"$folder/text"
check "the driver is built from one file and the public headers" build_driver
check "it is loaded, and reads all lines" prints '1\tone\n2\ttwo\n3\tthree' "$load" "$driver" "lines:$folder/text" LINES
check "it reads one line" prints '2\ttwo' "$load" "$driver" "lines:$folder/text" 'LINE ?' 2
check "a file that is not there fails the connect" \
    fails_with 'connect: lines: cannot open' "$load" "$driver" "lines:$folder/none" LINES
check "what it does not know fails as a statement" \
    fails_with 'statement: lines: write' "$load" "$driver" "lines:$folder/text" SELECT
check "a driver is loaded by an absolute path only" \
    fails_with 'no absolute path' "$load" lines.so "lines:$folder/text" LINES
finish
