# Makefile.am lists every source and test of the tree, so that none is left out of the build, the suite or a release.
# SPDX-License-Identifier: MIT
. "$top_srcdir/t/lib/tap.sh"
cd "$top_srcdir" || exit

# A program's source need not be named where the program is, nor a script where its test is.
unlisted() {
    tree 'lib/*.[ch]' 'include/*.h' 'backends/*.[ch]' 'services/*' 't/*' 'man/*' 'examples/*' 'bench/*' 'tool/*' '*.md' |
        while read -r file; do
            grep -q -E "(^|[[:space:]])($file|${file%.*}(\.t)?)([[:space:]]|\$)" Makefile.am || echo "$file"
        done
}

none "Makefile.am lists every file" unlisted
finish
