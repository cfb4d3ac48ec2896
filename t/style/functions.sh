# Functions fit a screen, and files a reader's patience.
# SPDX-License-Identifier: MIT
. "$top_srcdir/t/lib/tap.sh"
cd "$top_srcdir" || exit

# "lines file:function" of every function outside t/.
lengths() {
    tree '*.c' | grep -v '^t/' | xargs -r ctags --languages=C --kinds-C=f --fields=ne -f - | awk -F '\t' '{
        for (i = 4; i <= NF; i++) {
            if (sub(/^line:/, "", $i)) first = $i
            if (sub(/^end:/, "", $i)) last = $i
        }
        print last - first + 1, $2 ":" $1
    }' | sort -n
}

long_files() {
    tree '*.[ch]' | xargs -r wc -l | awk '$2 != "total" && $1 >= 700'
}

if ctags --version 2>/dev/null | grep -q Universal; then
    lengths >"$folder/lengths"
    none "no function is longer than 60 lines" awk '$1 > 60' "$folder/lengths"
    awk '{ n[NR] = $1 }
        END { if (NR) printf "# %d functions: median %d lines, p90 %d, longest %d\n", NR, n[int((NR + 1) / 2)], n[int(NR * 0.9 + 1)], n[NR] }' \
        "$folder/lengths"
else
    skip "there is no universal-ctags"
fi
none "no file has 700 lines" long_files
finish
