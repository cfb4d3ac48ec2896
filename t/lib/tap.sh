# TAP from a shell test: each check states a fact in words.  Sourced; wants top_srcdir.
#
#     . "$top_srcdir/t/lib/tap.sh"
#     check "the list is sorted" sort -c list
#     none "no line is long" grep -n '.\{121\}' list
#     finish
#
# SPDX-License-Identifier: MIT

tap_count=0
tap_failed=0
folder=$(mktemp -d) # of this test's own
trap 'rm -rf "$folder"' EXIT
trap 'exit 1' HUP INT TERM

tap_report() { # WORD FACT: and shows what the check said, if the fact does not hold
    tap_count=$((tap_count + 1))
    echo "$1 $tap_count - $2"
    [ "$1" = ok ] && return
    tap_failed=1
    sed 's/^/#   /' "$folder/.said"
}

# check FACT COMMAND…: the command succeeds.
check() {
    tap_fact=$1
    shift
    if "$@" >"$folder/.said" 2>&1; then tap_report ok "$tap_fact"; else tap_report 'not ok' "$tap_fact"; fi
}

# none FACT COMMAND…: the command, which looks for faults, prints nothing.
none() {
    tap_fact=$1
    shift
    "$@" >"$folder/.said" 2>&1 || true
    if [ -s "$folder/.said" ]; then tap_report 'not ok' "$tap_fact"; else tap_report ok "$tap_fact"; fi
}

# skip REASON: one check cannot be made here.  In CI that is a failure.
skip() {
    if [ -n "${CI:-}" ]; then
        echo "nothing may be skipped in CI" >"$folder/.said"
        tap_report 'not ok' "$1"
    else
        tap_count=$((tap_count + 1))
        echo "ok $tap_count # SKIP $1"
    fi
}

# want TOOL: whether it is there; if not, one check is skipped.
want() {
    command -v "$1" >/dev/null 2>&1 && return
    skip "there is no $1"
    return 1
}

finish() {
    echo "1..$tap_count"
    exit $tap_failed
}

# tree [GLOB…]: the project's own files, relative to top_srcdir, those that match one of the globs or all; nothing that a build made.
# Without git, as in a release, that is what a release holds less what autogen.sh made.
tree() {
    cd "$top_srcdir" || exit
    if [ -e .git ] && git rev-parse --git-dir >/dev/null 2>&1; then
        git ls-files --cached --others --exclude-standard
    else
        find . -type d \( -name '_*' -o -name 'build*' -o -name '.[a-z]*' -o -name autom4te.cache \) -prune -o -type f -print |
            sed 's,^\./,,' |
            grep -v -e '/\.dirstamp$' -e '\.in$' -e '\.t$' -e '\.l\{0,1\}[oa]$' -e '^aclocal.m4$' -e '^conf' -e '^m4/l' -e '^Makefile$' -e '^[^/]*\.log$' -e '^libtool$'
    fi | LC_ALL=C sort | while read -r tree_file; do
        [ -e "$tree_file" ] || continue
        [ $# -eq 0 ] && echo "$tree_file"
        for tree_glob; do
            # shellcheck disable=SC2254
            case $tree_file in $tree_glob) echo "$tree_file" && break ;; esac
        done
    done
}
