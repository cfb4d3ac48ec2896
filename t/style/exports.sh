# The headers, lib/weir.map and the built library export the same symbols.
# SPDX-License-Identifier: MIT
. "$top_srcdir/t/lib/tap.sh"

lib=$top_builddir/.libs

exported_by() { # LIBRARY
    nm -D --defined-only "$1" | awk '$2 != "A" { sub(/@.*/, "", $3); print $3 }' | LC_ALL=C sort
}

sh "$top_srcdir/build-aux/exports.sh" >"$folder/headers"
sh "$top_srcdir/build-aux/exports.sh" map >"$folder/map"
cat "$top_srcdir"/include/weir/*.h | grep -c '^WEIR_API' >"$folder/declared"

check "every WEIR_API declaration was understood" test "$(cat "$folder/declared")" = "$(wc -l <"$folder/headers")"
check "lib/weir.map is what the headers declare" diff "$folder/map" "$top_srcdir/lib/weir.map"
if [ -e "$lib/libweir.so" ]; then
    exported_by "$lib/libweir.so" >"$folder/library"
    check "the shared library exports what the headers declare" diff "$folder/headers" "$folder/library"
fi
for module in mysql postgres sqlite; do
    [ -e "$lib/$module.so" ] || continue
    exported_by "$lib/$module.so" >"$folder/module"
    check "the $module module exports its entry alone" test "$(cat "$folder/module")" = weir_backend_entry
done
# Linked statically, a program and the library share one space of names, hidden or not.
defined_by() { # ARCHIVE
    nm -g --defined-only "$1" | awk 'NF == 3 { print $3 }' | LC_ALL=C sort -u
}
services=$top_builddir/services/.libs/libservices.a
[ -e "$services" ] || services=$top_builddir/services/libservices.a
if [ -e "$services" ]; then
    core=$lib/libweir-core.a
    [ -e "$core" ] || core=$top_builddir/libweir-core.a
    defined_by "$core" >"$folder/core"
    defined_by "$services" >"$folder/services"
    check "the library's names can be read" test -s "$folder/core"
    none "the services share no name with the library" comm -12 "$folder/core" "$folder/services"
fi
finish
