# Fetch packages of Debian's that are not to be installed here: kernels of the virtual
# machine, what is of other architectures.
#	fetch.sh NAME
# NAME is a name of tests/packages; its files are in build/packages/NAME then. What is
# there already it leaves alone. Ends with 77 and the reason where they cannot be had, and
# with 2 where they are not what they should be.
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

# Settings for apt. Nobody else writes here, so that it need not give up its rights.
# With a release it sees that alone, from the mirror that it has Debian's own from, for
# one architecture, and leaves its lists as they are: nor does it run what else is to
# follow an update.
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

# Packages are signed for by apt's lists.
download() {
	[ $# -gt 0 ] && apt-get -c ../apt/settings -q download "$@" >../log 2>&1
}

# Whether what is here has the sums of: PACKAGE=VERSION SUM ...
is_pinned() {
	[ "$(printf '%.0s%s\n' "$@" | sort)" = \
	    "$(sha256sum ./*.deb | cut -d ' ' -f 1 | sort)" ]
}

# Instead of these packages, what there is now: the newest of a kernel is one package,
# or image and modules apart.
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
[ $# -ge 4 ] || broken "there is no '$name' in tests/packages"
[ "$(cat "$DIR/line" 2>/dev/null)" != "$line" ] || exit 0
for program in apt-get apt-cache dpkg-deb; do
	command -v $program >/dev/null || cannot "there is no $program here"
done
release=${1%/*} architecture=${1#*/} newest=$2
shift 2
rm -rf "$DIR" "$DIR.new"
mkdir -p "$DIR.new/debs" && cd "$DIR.new/debs" || exit 1
set_up_apt
# shellcheck disable=SC2046
if download $(printf '%s %.0s' "$@"); then
	is_pinned "$@" || broken "what there is of '$name' is not what tests/packages has"
else
	rm -f ./*.deb
	# shellcheck disable=SC2046
	set -- $(successors "$@")
	echo "fetch: of '$name' not all is there any more: $*" >&2
	download "$@" || cannot "cannot download '$name': $(tail -n 1 ../log)"
fi
for deb in ./*.deb; do
	dpkg-deb -x "$deb" .. || exit 1
done
cd .. && rm -rf apt debs log usr/share && echo "$line" >line &&
    cd / && mv "$DIR.new" "$DIR"
