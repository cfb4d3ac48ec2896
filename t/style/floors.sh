# Includes point down: a file sees its own floor of lib/ and those below, a driver sees <weir/backend.h>, a program the public headers.
# SPDX-License-Identifier: MIT
. "$top_srcdir/t/lib/tap.sh"
cd "$top_srcdir" || exit

# What the files include: "file <name> form" a line, form being < or ".
includes() { # GLOB…
    tree "$@" | xargs -r grep -H '^[[:space:]]*#[[:space:]]*include' |
        sed -n 's/^\([^:]*\):[^<"]*\([<"]\)\([^>"]*\)[>"].*/\1 \3 \2/p'
}

lib_looks_up() {
    includes 'lib/*.[ch]' | awk '
        BEGIN { floor["base"] = 0; floor["pool"] = floor["driver"] = 1; floor["sql"] = 2; floor["db"] = floor["observe"] = 3 }
        {
            split($1, file, "/"); room = file[2]; split($2, path, "/")
            if (!(room in floor)) print $1 ": no floor has a room called " room
            else if ((path[1] in floor) && floor[path[1]] > floor[room]) print $1 " looks up to <" $2 ">"
        }'
}

# Only a file beside it may be included in quotes, so that every other include says which room it is in.
quotes_reach_out() {
    includes "$@" | while read -r file name form; do
        [ "$form" = '<' ] || [ "$name" = config.h ] || [ -e "$(dirname "$file")/$name" ] || echo "$file includes \"$name\" from elsewhere"
    done
}

drivers_see_more() {
    includes 'backends/*.[ch]' | awk '
        $2 ~ /^(base|pool|driver|sql|db|observe)\// || $2 ~ /\.\.\// { print $1 " includes <" $2 ">" }
        $2 ~ /^weir[\/.]/ && $2 != "weir/backend.h" { print $1 " includes <" $2 ">" }'
}

programs_see_more() {
    includes 't/api/*.[ch]' 't/live/*.[ch]' 't/installcheck/*.[ch]*' 'bench/*.[ch]' 'services/*.[ch]' 'examples/*.[ch]*' 'tool/*.[ch]' |
        awk '$2 ~ /^(base|pool|driver|sql|db|observe)\// { print $1 " includes <" $2 ">" }'
}

headers_see_more() {
    includes 'include/*.h' | awk '$2 ~ /\// && $2 !~ /^weir\// { print $1 " includes <" $2 ">" }'
}

# The table of built-in drivers names them all, the variables that the environment has are named after one of them, and the URL of a
# file is best explained by an example.
names_a_database() {
    tree 'lib/*.[ch]' | grep -v -x -e lib/driver/builtin.c -e lib/db/env.c -e 'lib/base/uri\.[ch]' |
        xargs -r grep -n -i -E 'mysql|mariadb|postgres|sqlite|libpq'
}

none "lib/: includes point down" lib_looks_up
none "lib/ and backends/: quotes are for a file beside it" quotes_reach_out 'lib/*.[ch]' 'backends/*.[ch]'
none "backends/ sees <weir/backend.h> and its client library alone" drivers_see_more
none "t/api, t/live, services, examples and tool see public headers alone" programs_see_more
none "public headers include public headers alone" headers_see_more
none "lib/ names no database" names_a_database
finish
