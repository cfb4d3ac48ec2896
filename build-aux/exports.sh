#!/bin/sh
# Prints the names of the functions that the public headers export, sorted: those declared with WEIR_API.
# With "map", prints them as the linker's version script: sh build-aux/exports.sh map >lib/weir.map
# SPDX-License-Identifier: MIT
set -eu
cd "$(dirname "$0")/.."

names() {
    sed -n 's/^WEIR_API [^(]*\(weir_[a-z0-9_]*\)(.*/\1/p' include/weir.h include/weir/*.h | LC_ALL=C sort -u
}

if [ "${1:-}" = map ]; then
    cat <<'TEXT'
/*
 * The exported symbols: what the public headers declare with WEIR_API, and nothing else.
 * t/style/exports.t holds this list, the headers and the built library together.
 * SPDX-License-Identifier: MIT
 */
WEIR_0 {
    global:
TEXT
    names | sed 's/.*/        &;/'
    printf '    local:\n        *;\n};\n'
else
    names
fi
