# The man pages are clean, and hold together with the headers, the option tables and the metrics; their examples compile.
# SPDX-License-Identifier: MIT
. "$top_srcdir/t/lib/tap.sh"
cd "$top_srcdir" || exit

# The names in the NAME section of pages: "page name" a line.
names() { # PAGE…
    awk '/^\.Sh/ { in_name = $2 == "NAME" } in_name && $1 == ".Nm" { print FILENAME, $2 }' "$@"
}

# The functions that pages have in their SYNOPSIS.
prototypes() { # PAGE…
    awk '/^\.Sh/ { in_synopsis = $2 == "SYNOPSIS" }
        in_synopsis && ($1 == ".Fo" || $1 == ".Fn") && $2 ~ /^weir_/ { print FILENAME, $2 }' "$@"
}

# What a page may describe besides what is exported: functions that are inline, and macros that look like one.
inline_ones() {
    sed -n -E -e 's/^static inline [^(]*(weir_[a-z0-9_]*)\(.*/\1/p' -e 's/^# *define (weir_[a-z0-9_]*)\(.*/\1/p' \
        include/weir/*.h | grep -v '_$'
}

sh build-aux/exports.sh >"$folder/exported"
{ inline_ones && cat "$folder/exported"; } | LC_ALL=C sort -u >"$folder/declared"
names man/*.3 | sed -n 's/.* \(weir_\)/\1/p' | LC_ALL=C sort >"$folder/documented"

want mandoc && check "mandoc finds nothing to warn of" mandoc -T lint -W warning man/*
check "the functions on pages are those of the headers, each on one page" diff "$folder/declared" "$folder/documented"

for form in names prototypes; do
    "$form" man/*.3 | grep ' weir_' | LC_ALL=C sort -u >"$folder/$form"
done
check "each page shows the functions that it names" diff "$folder/names" "$folder/prototypes"

# Constants and types are found by their name, too.
unmentioned() {
    sed -n -E -e 's/^(# *define|    )? *(WEIR_[A-Z_]+)( .*|,.*)?$/\2/p' -e 's/.* (weir_[a-z_]+);$/\1/p' -e 's/^} (weir_[a-z_]+);$/\1/p' \
        include/weir/*.h | grep -v -x -E 'WEIR_([A-Z]+_H|API|CHECKED|BEGIN|END|STRING|STRING_)' | LC_ALL=C sort -u |
        while read -r word; do
            grep -q -w -- "$word" man/* || echo "$word"
        done
}
none "every constant and type of the headers is on a page" unmentioned

statuses() {
    sed -n 's/^    \(WEIR_[A-Z_]*\) = -\{0,1\}[0-9].*/\1/p' include/weir/error.h
}
unlisted_statuses() {
    statuses | while read -r status; do
        name=$(echo "${status#WEIR_}" | sed 's/^E_//' | tr '[:upper:]' '[:lower:]')
        grep -q -x "\.It Dv $status Pq Qq $name" man/weir_error.3 || echo "$status"
    done
}
check "the statuses can be read" test "$(statuses | wc -l)" -gt 30
none "every status is in weir_error(3), with its name" unlisted_statuses

dead_references() {
    names man/*.? | sed 's,^man/.*\.\([0-9]\) \(.*\),\2 \1,' >"$folder/targets"
    ls man | sed 's/\(.*\)\.\([0-9]\)$/\1 \2/' >>"$folder/targets"
    sed -n 's/^\.Xr \(weir[^ ]*\) \([0-9]\).*/\1 \2/p' man/* | LC_ALL=C sort -u | grep -v -x -F -f "$folder/targets"
}
none "every reference leads to a page" dead_references

options=$top_builddir/t/style/options
undocumented_options() {
    "$options" | grep -v -x -F -f man/weir-uri.7
}
unknown_options() {
    sed -n 's/^\.It Cm \([a-z_]*\) Pq .*/\1/p' man/weir-uri.7 | while read -r name; do
        cat lib/db/option.c backends/*/*.c | grep -q "{ \"$name\", \"" || echo "$name"
    done
}
check "the option tables can be read" test "$("$options" | wc -l)" -gt 0
none "every option is in weir-uri(7), with its kind, range and default" undocumented_options
none "every option in weir-uri(7) is one" unknown_options

"$options" metrics | LC_ALL=C sort -u >"$folder/metrics"
sed -n 's/^\.It Li \([a-z_]*\)$/\1/p' man/weir_metrics_write.3 | LC_ALL=C sort >"$folder/listed"
check "weir_metrics_write(3) lists the metrics" diff "$folder/metrics" "$folder/listed"

# "struct member" a line, of the public structs that begin with their size.
members() {
    cat include/weir/*.h | awk '
        { text = text $0 " " }
        END {
            gsub(/\/\*([^*]|\*+[^*\/])*\*+\//, "", text)
            while (match(text, /typedef struct weir_[a-z_]+ *\{ *size_t size;[^{}]*\}|struct weir_backend *\{[^{}]*\}/)) {
                body = substr(text, RSTART, RLENGTH - 1)
                text = substr(text, RSTART + RLENGTH)
                match(body, /weir_[a-z_]+/)
                name = substr(body, RSTART, RLENGTH)
                n = split(substr(body, index(body, "{") + 1), line, ";")
                for (i = 1; i < n; i++) {
                    if (match(line[i], /\(\*[a-z_]+\)/)) {
                        print name, substr(line[i], RSTART + 2, RLENGTH - 3)
                        continue
                    }
                    many = split(line[i], one, ",")
                    for (j = 1; j <= many; j++) {
                        sub(/ *$/, "", one[j])
                        sub(/.*[ *]/, "", one[j])
                        print name, one[j]
                    }
                }
            }
        }' | grep -v ' reserved$'
}
unlisted_members() {
    members | while read -r struct member; do
        page=$(grep -l -w "$struct" man/*.3 | xargs grep -l "^\.It Fa .*\<$member\>")
        [ -n "$page" ] || echo "$struct.$member"
    done
}
check "the structs can be read" test "$(members | wc -l)" -gt 70
none "every member of a sized struct is on a page that has the struct" unlisted_members

# The literal displays in EXAMPLES are whole functions or programs.  Writes each to a file of its own, with the lines' places.
extract_examples() { # PAGE…
    awk -v folder="$folder" '
        /^\.Sh/ { in_examples = $2 == "EXAMPLES" }
        in_examples && /^\.Bd -literal/ {
            out = folder "/example-" ++n ".c"
            print "#include <stdio.h>\n#include <weir.h>\n#include <weir/backend.h>\n#include <weir/observe.h>" >out
            print "#line " FNR + 1 " \"" FILENAME "\"" >out
            next
        }
        /^\.Ed/ && out { close(out); out = "" }
        out { sub(/^\\&/, ""); gsub(/\\e/, "\\"); print >out }' "$@"
}

# shellcheck disable=SC2086 # CC may be a compiler and its flags
wrong_examples() {
    for example in "$folder"/example-*.c; do
        $CC -std=gnu11 -fsyntax-only -Wall -Wextra -Werror -Iinclude "$example"
    done
}

extract_examples man/*
check "there are examples" test -e "$folder/example-9.c"
none "the examples compile" wrong_examples
finish
