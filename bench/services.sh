# Runs bench/services on each database, one after the other.  `make bench-services` runs this.
#
# BENCH_SERVICES: the databases, if not all.  A run of all of them also becomes the last run in bench/SERVICES.md, and its chart.
# SPDX-License-Identifier: MIT
set -eu

page=$top_srcdir/bench/SERVICES.md
databases=${BENCH_SERVICES:-mariadb mysql postgres sqlite}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

for database in $databases; do
    "$top_builddir/bench/services" -c "$folder/services-$database.svg" "$database" >"$folder/said"
    cat "$folder/said"
    cat "$folder/said" >>"$folder/run"
done
[ -z "${BENCH_SERVICES:-}" ] || exit 0

# What stands between the two marks is the last run.
awk -v run="$folder/run" '
    /^<!-- the last run ends/ { while ((getline line < run) > 0) print line; print ""; inside = 0 }
    !inside { print }
    /^<!-- the last run begins/ { inside = 1 }' "$page" >"$folder/page"
cat "$folder/page" >"$page"
cp "$folder"/services-mariadb.svg "$top_srcdir/bench/" # the others look much like it
