# Every C file looks as clang-format 14 writes it.
# SPDX-License-Identifier: MIT
. "$top_srcdir/t/lib/tap.sh"
cd "$top_srcdir" || exit

formatter() {
    for name in clang-format-14 clang-format; do
        "$name" --version 2>/dev/null | grep -q 'version 14\.' && echo "$name" && return
    done
}

misformed() { # TOOL: "file: so many places" a line
    tree '*.[ch]' | xargs -r "$1" --dry-run -Werror 2>&1 | sed -n 's/^\([^ :]*\):[0-9].* error: .*/\1/p' |
        uniq -c | awk '{ print $2 ": " $1 " places" }'
}

tool=$(formatter)
if [ -n "$tool" ]; then
    none "the C files are formatted" misformed "$tool"
else
    skip "there is no clang-format 14"
fi
finish
