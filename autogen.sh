#!/bin/sh
# Makes configure and its helpers from configure.ac and Makefile.am.  Quiet unless there is something to mend.
# SPDX-License-Identifier: MIT
set -eu
cd "$(dirname "$0")"

log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! autoreconf --force --install --warnings=all >"$log" 2>&1; then
    cat "$log" >&2
    exit 1
fi
grep -v -e "installing 'build-aux/" -e '^libtoolize: ' "$log" >&2 || true # what it copied is no news
