# Builds a stranger's program against the installed library, in C and in C++, shared and static, and runs it; then the examples.
# `make installcheck` runs this and says where things were installed.
# SPDX-License-Identifier: MIT
. "$top_srcdir/t/lib/tap.sh"

export PKG_CONFIG_PATH="$pkgconfigdir" PKG_CONFIG_SYSROOT_DIR="$sysroot" LD_LIBRARY_PATH="$libdir"
flags="-Wall -Wextra -Werror"

build() { # NAME COMPILER… -- LINKER-OPTION…
    program=$folder/$1
    shift
    compiler=
    while [ "$1" != -- ]; do
        compiler="$compiler $1"
        shift
    done
    shift
    # shellcheck disable=SC2046,SC2086 # lists of words, all of them
    $compiler $flags $("$PKG_CONFIG" --cflags weir) "$top_srcdir/t/installcheck/stranger.c" -o "$program" -x none "$@"
}

answers() { # NAME
    test "$("$folder/$1" "$stranger_url" "$stranger_sql")" = 42
}

try() { # NAME COMPILER… -- LINKER-OPTION…
    name=$1
    check "$name: a stranger's program is built" build "$@"
    check "$name: it gets its answer" answers "$name"
}

# shellcheck disable=SC2086 # a compiler and its flags
if [ -e "$libdir/libweir.so" ]; then
    libs=$("$PKG_CONFIG" --libs weir)
    try c-shared $CC -std=c11 -- $libs
    want "${CXX:-c++}" && try c++-shared $CXX -x c++ -std=c++17 -- $libs
fi
# The line that README.md gives, with the warnings of `flags` besides.
build_example() { # NAME
    # shellcheck disable=SC2046,SC2086
    mkdir -p "$folder/examples/driver" && $CC $flags -pthread "$top_srcdir/examples/$1.c" -o "$folder/examples/$1" \
        $("$PKG_CONFIG" --cflags --libs weir)
}

examples_pass() {
    examples=$folder/examples driver_flags=$("$PKG_CONFIG" --cflags weir) sh "$top_srcdir/t/api/examples.sh"
}

if [ -e "$libdir/libweir.so" ]; then
    for example in bulk first transfer stream nothreads driver/load; do
        check "examples/$example.c is built as README.md says" build_example $example
    done
    check "the examples do what they say" examples_pass
fi

# What a stranger makes who writes a driver: the one for SQLite, from a copy of its files, with the installed headers alone.
build_driver() {
    mkdir -p "$folder/lite" && cp "$top_srcdir/backends/sqlite/"*.[ch] "$folder/lite"
    # shellcheck disable=SC2046,SC2086
    $CC -D_GNU_SOURCE -DWEIR_MODULE $flags -pthread -fPIC -shared "$folder/lite/"*.c -o "$folder/lite/sqlite.so" \
        $("$PKG_CONFIG" --cflags weir) $("$PKG_CONFIG" --cflags --libs sqlite3)
}

build_scenario() {
    # shellcheck disable=SC2046,SC2086
    $CC -D_GNU_SOURCE -pthread -I"$top_srcdir/t/lib" "$top_srcdir/t/live/"scenario*.c "$top_srcdir/t/live/talk.c" \
        "$top_srcdir/t/live/sqlite-scenario.c" "$top_srcdir/t/lib/tap.c" -o "$folder/scenario" \
        $("$PKG_CONFIG" --cflags --libs weir) -lm
}

scenario_passes() {
    WEIR_TEST_MODULES=$folder/lite "$folder/scenario" >"$folder/scenario.out" || { grep -v '^ok' "$folder/scenario.out" && false; }
}

# A driver that is built in, or installed, would be in its place.
if [ -e "$libdir/libweir.so" ] && [ "$stranger_url" = null: ] && "$PKG_CONFIG" --exists sqlite3; then
    check "a driver is built outside the tree" build_driver
    check "and the scenario of every driver for it" build_scenario
    check "which it passes" scenario_passes
fi

# Not every client library comes with all that it needs as archives.  Without, a program links this library alone from one.
clients=$("$PKG_CONFIG" --print-requires-private weir | sed 's/ .*//')
# shellcheck disable=SC2046,SC2086
clients_are_static() {
    [ -z "$clients" ] || echo 'int main(void) { return 0; }' |
        $CC -static -x c - -o "$folder/probe" -x none $("$PKG_CONFIG" --static --libs $clients) 2>"$folder/missing"
}

# shellcheck disable=SC2046,SC2086
if [ -e "$libdir/libweir.a" ]; then
    if clients_are_static; then
        static=-static libs=$("$PKG_CONFIG" --static --libs weir)
    else
        grep -m 1 'cannot find' "$folder/missing" | sed 's/^/# not all static: /'
        static='' libs="$libdir/libweir.a -pthread $("$PKG_CONFIG" --libs $clients)"
    fi
    try c-static $CC -std=c11 $static -- $libs
    want "${CXX:-c++}" && try c++-static $CXX -x c++ -std=c++17 $static -- $libs
    none "the static library has no name but ours" sh -c \
        "nm --defined-only --extern-only '$libdir/libweir.a' | awk 'NF == 3 && \$3 !~ /^weir_/'"
fi
finish
