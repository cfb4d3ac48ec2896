# What README.md and the others show is what is in the tree: their links lead to files, their pieces of C are pieces of sources.
# SPDX-License-Identifier: MIT
. "$top_srcdir/t/lib/tap.sh"
cd "$top_srcdir" || exit

dead_links() {
    for page in *.md; do
        grep -o ']([^)]*)' "$page" | sed -e 's/^](//' -e 's/)$//' -e 's/#.*//' | grep -v '^[a-z]*://' | while read -r target; do
            [ -e "$target" ] || echo "$page: $target"
        done
    done
}

# Writes each ```c block to a file of its own, named after its page and line.
extract_pieces() { # PAGE…
    awk -v folder="$folder" '
        /^```c$/ { out = folder "/piece-" FILENAME ":" FNR; next }
        /^```/ && out { close(out); out = "" }
        out { print >out }' "$@"
}

# Is the whole of the one file somewhere in the other?
is_piece_of() { # PIECE SOURCE
    awk 'NR == FNR { piece = piece $0 "\n"; next } { source = source $0 "\n" } END { exit !index(source, piece) }' "$1" "$2"
}

strange_pieces() {
    for piece in "$folder"/piece-*; do
        for source in examples/*.c examples/driver/*.c backends/null/*.[ch] include/weir/*.h; do
            is_piece_of "$piece" "$source" && continue 2
        done
        echo "${piece##*/piece-} is in no source"
    done
}

first_program() {
    sed -n '/^#include/,$p' examples/first.c
}
shown_program() {
    awk '/^```c$/ { n++; next } /^```/ { if (n == 1) exit } n == 1' README.md
}

none "every link leads to a file" dead_links
extract_pieces *.md
check "there are pieces of C" test "$(ls "$folder" | grep -c '^piece')" -gt 1
none "each is a piece of a source" strange_pieces
first_program >"$folder/first" && shown_program >"$folder/shown"
check "README.md shows the whole of examples/first.c" diff "$folder/first" "$folder/shown"
finish
