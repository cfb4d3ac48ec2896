# The benchmark of the services runs, and what it does to a database is what its operations come to.
# SPDX-License-Identifier: MIT
. "$top_srcdir/t/lib/tap.sh"

runs() {
    "$top_builddir/bench/services" -s -c "$folder/chart.svg" sqlite >"$folder/said" || { cat "$folder/said" && false; }
}

verified() {
    grep -c '^- verified: 8 runs end in what their committed operations come to' "$folder/said" | grep -x 2
}

check "a short run ends well" runs
check "both workloads are verified in each mode" verified
check "bulk writing has failed nowhere" sh -c "grep -c -x -e '- met .*bulk: failures.*' '$folder/said' | grep -x 2"
check "there is a chart" grep -q '^</svg>$' "$folder/chart.svg"
check "a database that is not known is refused" sh -c "! '$top_builddir/bench/services' abacus 2>/dev/null"
finish
