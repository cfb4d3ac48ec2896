# Counts the instructions that each library spends on the same statements, and prints a table.  `make bench-overhead` runs this.
#
# What is counted is the library, the client library and the C library together, in user space, in the thread that asks; what the kernel
# or a server does is not.  So the figures hardly vary from one run to the next, or from machine to machine.
# SPDX-License-Identifier: MIT
set -eu

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
overhead=$top_builddir/bench/overhead

# instructions SIDE TASK TIMES URL: of one time, or "-" where the side does not have that.
instructions() {
    valgrind --tool=callgrind --toggle-collect=measured --callgrind-out-file="$folder/out" \
        "$overhead" "$@" >"$folder/said" 2>"$folder/log" || { echo - && return; }
    awk -v times="$3" '/^(summary|totals):/ { count = $2 } END { printf "%.0f\n", count / times }' "$folder/out"
}

# row DATABASE TASK TIMES BARE-SIDE BARE-URL WEIR-URL LIBZDB-URL
row() {
    bare=$(instructions "$4" "$2" "$3" "$5")
    weir=$(instructions weir "$2" "$3" "$6")
    libzdb=$(instructions libzdb "$2" "$3" "$7")
    echo "$1 $2 $bare $weir $libzdb" | awk '
        function ratio(n) { return n == "-" || $3 == "-" ? "-" : sprintf("%.2f", n / $3) }
        function share() { return $5 == "-" || $3 == "-" ? "-" : sprintf("%.2f", ($4 - $3) / ($5 - $3)) }
        { printf "%-10s %-8s %10s %10s %6s %10s %6s   %s\n", $1, $2, $3, $4, ratio($4), $5, ratio($5), share() }'
}

sqlite() {
    file=$folder/bench.db
    "$overhead" weir make 1 "sqlite:$file" || return 0 # built without
    libzdb_url="sqlite://$file?journal_mode=wal&synchronous=normal&foreign_keys=on"
    for task in one:2000 many:20 insert:20 loan:2000; do
        row sqlite "${task%:*}" "${task#*:}" sqlite3 "$file" "sqlite:$file" "$libzdb_url"
    done
}

# A server that is there: BENCH_MYSQL=user@host:port/database, of a user who may make tables and needs no password.
mysql() {
    [ -n "${BENCH_MYSQL:-}" ] || return 0
    "$overhead" weir make 1 "mysql://$BENCH_MYSQL" || return 0 # built without
    for task in one:2000 many:20 insert:20; do
        row mysql "${task%:*}" "${task#*:}" libmariadb "$BENCH_MYSQL" "mysql://$BENCH_MYSQL" \
            "mysql://${BENCH_MYSQL%@*}:@${BENCH_MYSQL#*@}"
    done
}

# A server that is there: BENCH_POSTGRES=user@host:port/database, of a user who may make tables and needs no password.  What is too long
# to be taken as a whole is compared with both: the whole, and row by row.
postgres() {
    [ -n "${BENCH_POSTGRES:-}" ] || return 0
    "$overhead" weir make 1 "postgres://$BENCH_POSTGRES" || return 0 # built without
    for task in one:2000 many:20 insert:20 long:2; do
        row postgres "${task%:*}" "${task#*:}" libpq "postgres://$BENCH_POSTGRES" "postgres://$BENCH_POSTGRES" \
            "postgresql://$BENCH_POSTGRES?password=none"
    done
    row by-rows long 2 libpq-rows "postgres://$BENCH_POSTGRES" "postgres://$BENCH_POSTGRES" \
        "postgresql://$BENCH_POSTGRES?password=none"
}

command -v valgrind >/dev/null || { echo "bench-overhead needs valgrind" >&2 && exit 1; }
printf '%-10s %-8s %10s %10s %6s %10s %6s   %s\n' database task bare weir ratio libzdb ratio "weir's overhead to libzdb's"
sqlite
mysql
postgres
