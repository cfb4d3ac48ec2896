# The public structs have the promised layout on this machine and on 32-bit ARM.
# SPDX-License-Identifier: MIT
. "$top_srcdir/t/lib/tap.sh"

keeps_layout() { # COMPILER…
    "$@" -std=c11 -Wall -Werror -I "$top_srcdir/include" -c "$top_srcdir/t/style/layout.c" -o "$folder/layout.o"
}

# shellcheck disable=SC2086 # CC may be a compiler and its flags
check "layout: $CC" keeps_layout $CC
want arm-linux-gnueabihf-gcc && check "layout: 32-bit ARM" keeps_layout arm-linux-gnueabihf-gcc
finish
