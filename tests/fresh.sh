# Test the two commands of README on a Debian with nothing but make: the packages that they
# install must suffice. Needs root and a Debian mirror.
# shellcheck shell=sh source=tests/lib.sh disable=SC2016,SC2086
. "${0%/*}/lib.sh"

# Run these suites after the installation; run all in the soak.
SUITES='unit entrypoint readme'
[ "$N" -lt 10 ] || SUITES=

# Run in a copy of the root, which is removed after the test. The sources are a fresh clone.
MACHINE='
	cp -a "$B/roots/fresh" "$W/machine"
	mount --bind "$W/machine" "$W/machine"
	cd "$W/machine"
	cp -a "$W/clone/." src/
	mkdir -p old dev sys proc
	mount --rbind /dev dev
	mount --rbind /sys sys
	mount -t proc proc proc
	pivot_root . old
	umount -l /old
	cd /src
	exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root sh -c "$1"'
fresh() {
	run unshare --mount --pid --fork --kill-child --propagation private \
	    sh -ec "$MACHINE" sh "$1"
	rm -rf --one-file-system "$W/machine"
}
ready() {
	root && have mmdebstrap git unshare || return 1
	[ ! -d "$W/clone" ] || return 0
	B=$B sh "$TESTS/roots.sh" fresh >"$W/.roots" 2>&1 || {
		fail "$(tail "$W/.roots")"
		return 1
	}
	git clone -q "$TOP" "$W/clone" 2>"$W/.roots" || { fail "$(cat "$W/.roots")"; return 1; }
}

# Seen to fail where deps installed no linux-libc-dev: "linux/audit.h: No such file".
it 'runs the demo by make deps demo on a Debian with nothing but make' && ready && {
	fresh 'make deps demo'
	code_is 0
	out_like '*it exited with code 143*'
	[ "$code" = 0 ] || fail "$(tail -5 "$W/.out")"
}

it 'passes its tests by make deps check on a Debian with nothing but make' && ready && {
	fresh "make deps check ${SUITES:+RUN='$SUITES'}"
	code_is 0
	out_like '* passed, 0 failed, *'
	[ "$code" = 0 ] || fail "$(grep -B3 '^not ok' "$W/.out" | tail -20)"
}

finish
