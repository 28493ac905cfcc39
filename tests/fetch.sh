# Fetch Debian packages without installing them: kernels of the virtual machines, and packages
# of other architectures.
#	fetch.sh NAME
# NAME is a name of tests/packages. Its files go to build/packages/NAME, unless they are there
# already. Exits with 77 and the reason when they are not available, and with 2 when they have
# wrong checksums.
# shellcheck shell=sh

set -u
TESTS=$(cd "$(dirname "$0")" && pwd)
name=$1
DIR=${TESTS%/*}/build/packages/$name
ARCHIVE_KEYS=/usr/share/keyrings/debian-archive-keyring.gpg

cannot() {
	echo "fetch: $*" >&2
	exit 77
}
broken() {
	echo "fetch: $*" >&2
	exit 2
}

# Write settings for apt. It can stay root, as no other user writes to this directory. With a
# release apt sees only that release and one architecture, from the mirror it has for Debian.
# It leaves the system's package lists alone, and runs no hooks after the update.
set_up_apt() {
	mkdir ../apt
	cat >../apt/settings <<-'E'
		APT::Sandbox::User "root";
		Acquire::Retries "3";
	E
	[ "$release" != - ] || return 0
	# shellcheck disable=SC2016
	mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' \
	    'Origin: Debian' 'Label: Debian' | head -n 1)
	[ -n "$mirror" ] || cannot 'apt has no lists of Debian (apt-get update)'
	mkdir -p ../apt/lists/partial ../apt/cache/archives/partial
	echo "deb [arch=$architecture signed-by=$ARCHIVE_KEYS] $mirror $release main" \
	    >../apt/sources
	cat >>../apt/settings <<-E
		Dir::Etc::sourcelist "$DIR.new/apt/sources";
		Dir::Etc::sourceparts "/dev/null";
		Dir::Etc::preferences "/dev/null";
		Dir::Etc::preferencesparts "/dev/null";
		Dir::State::lists "$DIR.new/apt/lists";
		Dir::State::status "/dev/null";
		Dir::Cache "$DIR.new/apt/cache";
		Acquire::Languages "none";
		#clear APT::Update;
		#clear APT::Architectures;
		APT::Architecture "$architecture";
	E
	apt-get -c ../apt/settings -q update >../log 2>&1 ||
	    cannot "cannot download lists of $release: $(tail -n 1 ../log)"
}

# Download packages, which apt verifies by the signatures of its lists.
download() {
	[ $# -gt 0 ] && apt-get -c ../apt/settings -q download "$@" >../log 2>&1
}

# Return whether the files here have the checksums of: PACKAGE=VERSION SUM ...
is_pinned() {
	[ "$(printf '%.0s%s\n' "$@" | sort)" = \
	    "$(sha256sum ./*.deb | cut -d ' ' -f 1 | sort)" ]
}

# Print the current packages that replace these. The newest kernel is one package, or two for
# image and modules.
successors() {
	if [ "$newest" = - ]; then
		printf '%.0s%s\n' x "$@" | sed -n 's/=.*//p'
	else
		apt-cache -c ../apt/settings depends --recurse --important "$newest" |
		    grep -E '^linux-(image|binary|modules)-[0-9]'
	fi
}

line=$(sed -n "s/^$name //p" "$TESTS/packages")
# shellcheck disable=SC2086
set -- $line
[ $# -ge 4 ] || broken "cannot find '$name' in tests/packages"
[ "$(cat "$DIR/line" 2>/dev/null)" != "$line" ] || exit 0
for program in apt-get apt-cache dpkg-deb; do
	command -v $program >/dev/null || cannot "$program is not installed"
done
release=${1%/*} architecture=${1#*/} newest=$2
shift 2
rm -rf "$DIR" "$DIR.new"
mkdir -p "$DIR.new/debs" && cd "$DIR.new/debs" || exit 1
set_up_apt
# shellcheck disable=SC2046
if download $(printf '%s %.0s' "$@"); then
	is_pinned "$@" || broken "checksums of '$name' differ from tests/packages"
else
	rm -f ./*.deb
	# shellcheck disable=SC2046
	set -- $(successors "$@")
	echo "fetch: some packages of '$name' are gone, trying: $*" >&2
	download "$@" || cannot "cannot download '$name': $(tail -n 1 ../log)"
fi
for deb in ./*.deb; do
	dpkg-deb -x "$deb" .. || exit 1
done
cd .. && rm -rf apt debs log usr/share && echo "$line" >line &&
    cd / && mv "$DIR.new" "$DIR"
