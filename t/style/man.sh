# The man pages are clean, and hold together with the headers and the option table.
# SPDX-License-Identifier: MIT
. "$top_srcdir/t/lib/tap.sh"
cd "$top_srcdir" || exit

# The weir_ functions that pages have in their SYNOPSIS or NAME.
documented() {
    cat man/*.3 | sed -n -E 's/^\.(Fo|Fn|Nm) (weir_[a-z0-9_]+).*/\2/p' | LC_ALL=C sort -u
}

# What else a page may describe: functions that are inline, and macros that look like one.
inline_ones() {
    sed -n -E -e 's/^static inline [^(]*(weir_[a-z0-9_]*)\(.*/\1/p' -e 's/^# *define (weir_[a-z0-9_]*)\(.*/\1/p' \
        include/weir/*.h | grep -v '_$'
}

sh build-aux/exports.sh >"$folder/exported"
{ inline_ones && cat "$folder/exported"; } | LC_ALL=C sort -u >"$folder/declared"
documented >"$folder/documented"

want mandoc && check "mandoc finds nothing to warn of" mandoc -T lint -W warning man/*
none "every exported function has its place on a page" comm -13 "$folder/documented" "$folder/exported"
none "every function on a page is in a header" comm -23 "$folder/documented" "$folder/declared"

undocumented_options() {
    "$top_builddir/t/style/options" | while read -r name kind fallback range; do
        grep -q "^\.It .*\<$name\>" man/weir-uri.7 || echo "$name $kind $fallback $range"
    done
}
check "the option table can be read" test "$("$top_builddir/t/style/options" | wc -l)" -gt 0
none "every option is in weir-uri(7)" undocumented_options

undocumented_metrics() {
    "$top_builddir/t/style/options" metrics | while read -r name; do
        grep -q "^\.It .*\<$name\>" man/weir_metrics_write.3 || echo "$name"
    done
}
none "every metric is in weir_metrics_write(3)" undocumented_metrics
finish
