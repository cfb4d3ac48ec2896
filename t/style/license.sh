# Every source says its licence near the top.  The driver of the tests comes from automake and has one of its own.
# SPDX-License-Identifier: MIT
. "$top_srcdir/t/lib/tap.sh"
cd "$top_srcdir" || exit

unlicensed() {
    tree '*.[ch]' '*.cc' '*.sh' '*.py' '*.am' '*.ac' '*.m4' '*.map' 'man/*' quickstart .ci/run | grep -v -x build-aux/tap-driver.sh |
        while read -r file; do
            head -n 40 "$file" | grep -q 'SPDX-License-Identifier: MIT' || echo "$file"
        done
}

none "every source has its SPDX line" unlicensed
check "LICENSE is the MIT licence" grep -q -x 'MIT License' LICENSE
finish
