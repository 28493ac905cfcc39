# README's two commands on a Debian with nothing but make: what they install is all that they
# need. As root, and with a mirror of Debian's.
# shellcheck shell=sh source=tests/lib.sh disable=SC2016,SC2086
. "${0%/*}/lib.sh"

# What runs when they have installed what they need; in the soak, all.
SUITES='unit entrypoint readme'
[ "$N" -lt 10 ] || SUITES=

# A machine with a copy of the root, which is gone with the test. The sources are a clone, as
# anybody's are.
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
it 'shows pith at its job by `make deps demo` on a Debian with nothing but make' && ready && {
	fresh 'make deps demo'
	code_is 0
	out_like '*it has ended, exit code 143*'
	[ "$code" = 0 ] || fail "$(tail -5 "$W/.out")"
}

it 'tests itself by `make deps check` there' && ready && {
	fresh "make deps check ${SUITES:+RUN='$SUITES'}"
	code_is 0
	out_like '* passed, 0 failed, *'
	[ "$code" = 0 ] || fail "$(grep -B3 '^not ok' "$W/.out" | tail -20)"
}

finish
