# Each public header stands alone, in C11 and C++17, under gcc and clang, without a warning.
# SPDX-License-Identifier: MIT
. "$top_srcdir/t/lib/tap.sh"

alone() { # COMPILER LANGUAGE STANDARD HEADER
    echo "#include <$4>" | "$1" -x "$2" -std="$3" -fsyntax-only -I "$top_srcdir/include" \
        -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Werror -
}

stand() { # COMPILER LANGUAGE STANDARD
    want "$1" || return
    for header in "$top_srcdir"/include/weir.h "$top_srcdir"/include/weir/*.h; do
        name=${header#"$top_srcdir"/include/}
        check "<$name> stands alone: $1 -std=$3" alone "$1" "$2" "$3" "$name"
    done
}

stand gcc c c11
stand clang c c11
stand g++ c++ c++17
stand clang++ c++ c++17
finish
