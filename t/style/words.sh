# Nothing in the tree says that it is unfinished, or where it was made.  (The words are cut in two here, to stay out of their own net.)
# SPDX-License-Identifier: MIT
. "$top_srcdir/t/lib/tap.sh"
cd "$top_srcdir" || exit

said() { # GREP-OPTION…
    tree | grep -v -x build-aux/tap-driver.sh | xargs grep -n -I "$@"
}

none "nothing is left to do" said -w -e 'TO''DO' -e 'FIX''ME' -e 'X''XX' -e 'HA''CK'
none "nothing is as it is for"" now" said -i -e 'for'' now'
none "no path is of one machine" said -F -e '/wo''rk/'
finish
