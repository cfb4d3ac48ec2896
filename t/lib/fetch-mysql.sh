#!/bin/sh
# Fetches a MySQL server for the tests, where the system's packages have none: Debian's unstable ones, unpacked into a folder of their
# own.  Nothing is installed, and apt's own state is not touched.
#
#     sh t/lib/fetch-mysql.sh [FOLDER]     WEIR_MYSQL_ROOT; else ~/.cache/weir/mysql, or for root /var/cache/weir/mysql
#
# SPDX-License-Identifier: MIT
set -eu

usual=$HOME/.cache/weir/mysql
[ "$(id -u)" -ne 0 ] || usual=/var/cache/weir/mysql # the servers do not run as root, and must be let through
root=${1:-${WEIR_MYSQL_ROOT:-$usual}}
keyring=/usr/share/keyrings/debian-archive-keyring.gpg

if [ -x "$root/loader" ]; then
    echo "MySQL is in $root"
    exit
fi
command -v apt-get >/dev/null && command -v dpkg >/dev/null && [ -e $keyring ] || {
    echo "fetching MySQL needs apt-get, dpkg and Debian's keyring" >&2
    exit 1
}

apt=$(mktemp -d)
new=$root.new
trap 'rm -rf "$apt" "$new"' EXIT
trap 'exit 1' HUP INT TERM

# The machine's own mirror, as its apt knows it.
mirror=$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' | grep '/debian/*$' | head -n 1)
mkdir -p "$apt/state/lists/partial" "$apt/cache/archives/partial" "$apt/parts"
: >"$apt/status"
echo "deb [signed-by=$keyring] ${mirror:-http://deb.debian.org/debian} unstable main" >"$apt/sources.list"
# A mirror that is a snapshot has an old date; what it says is signed all the same.
cat >"$apt/apt.conf" <<EOF
Dir::Etc::sourcelist "$apt/sources.list";
Dir::Etc::sourceparts "$apt/parts";
Dir::Etc::main "$apt/none";
Dir::Etc::parts "$apt/parts";
Dir::State "$apt/state";
Dir::State::status "$apt/status";
Dir::Cache "$apt/cache";
APT::Sandbox::User "$(id -un)";
Acquire::Check-Valid-Until "false";
Acquire::Languages "none";
EOF

export APT_CONFIG="$apt/apt.conf"
apt-get update
apt-get install -y --download-only --no-install-recommends mysql-server-core

rm -rf "$new"
mkdir -p "$new"
for package in "$apt"/cache/archives/*.deb; do
    dpkg -x "$package" "$new"
done
libraries=$(dirname "$(find "$new/usr/lib" -name 'ld-linux*.so.*' -path '*-linux-gnu*' | head -n 1)")
ln -s "${libraries#"$new/"}" "$new/libraries"
ln -s "libraries/$(basename "$(find "$libraries" -maxdepth 1 -name 'ld-linux*.so.*')")" "$new/loader"
chmod -R a+rX "$new"
rm -rf "$root"
mv "$new" "$root"
echo "MySQL is in $root"
