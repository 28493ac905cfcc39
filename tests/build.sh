# Tests of the binary that `make` builds, and of the goals deps, install, dist and clean.
# shellcheck shell=sh source=tests/lib.sh
. "${0%/*}/lib.sh"

# Copy the sources to $W/$1. make_in() writes the output of make to $W/make.log.
copy() {
	mkdir -p "$1"
	(cd "$TOP" && tar -c --exclude=./build --exclude=./dist --exclude=./.git \
	    --exclude=./pith .) | tar -x -C "$1"
}
make_in() {
	dir=$1
	shift
	env -u MAKEFLAGS -u MAKELEVEL make -C "$dir" "$@" >make.log 2>&1 ||
	    fail "make $*: $(tail -5 make.log)"
}

# ---- the binary --------------------------------------------------------------

it 'is one static file without loader and libraries' && have readelf && {
	run readelf -lhd "$PITH"
	code_is 0
	out_like '*Type:*DYN*'
	case $out in *INTERP* | *NEEDED*) fail "it is not static: $out" ;; esac
	case $out in *FLAGS_1*PIE*) ;; *) fail 'it is not a PIE' ;; esac
}

it 'has no writable and executable segment and no executable stack' && have readelf && {
	run readelf -lW "$PITH"
	is "$(printf '%s\n' "$out" | grep -E ' RWE |WE ')" ''
	printf '%s\n' "$out" | grep -q 'GNU_STACK.* RW ' || fail "no GNU_STACK: $out"
	case $out in *GNU_RELRO*) ;; *) fail 'no RELRO' ;; esac
	run readelf -dW "$PITH"
	out_like '*BIND_NOW*'
}

it 'is built with stack protection' && have nm && {
	nm "$B/child.o" "$B/cli/options.o" | grep -q '__stack_chk_fail' ||
	    fail 'built without -fstack-protector-strong'
}

it 'runs in an otherwise empty root, and reports that a script has no shell' &&
    root && {
	mkdir alone
	cp "$PITH" alone/pith
	echo 'exit 3' >alone/script
	chmod +x alone/script
	run chroot alone /pith -- /script
	code_is 126
	err_like '*Exec format error; it has no #! line, and /bin/sh cannot be executed'
	rm -rf alone
}

mapped() { grep -F "$PITH" "/proc/$1/maps"; }

it 'is loaded at a different address each time' && {
	for time in 1 2 3 4; do
		start "$PITH" -- "$PROBE" signals
		hear_until ready
		mapped $pid | head -1 | cut -d- -f1
		kill $pid
		ends
	done >addresses
	[ "$(sort -u addresses | wc -l)" -gt 2 ] || fail "always at $(cat addresses)"
}

it 'makes relocated pointers read-only before the command runs' && {
	start "$PITH" -- "$PROBE" signals
	hear_until ready
	mapped $pid | awk '{ print $2 }' | sort -u >now
	readelf -lW "$PITH" | awk '/LOAD/ { print $7 == "R" ? $7 $8 : $7 }' | sort -u >loaded
	kill $pid
	ends
	is "$(cat loaded)" 'RE
RW'
	# The start of the writable segment is a mapping of its own now.
	is "$(cat now)" 'r--p
r-xp
rw-p'
}

# 64 KiB are planned for each of the three uses. The size was 42 KiB before sandboxes.
it 'has at most 192 KiB' && {
	[ "$(stat -c %s "$PITH")" -le 196608 ] || fail "$(stat -c %s "$PITH") bytes"
}

it 'builds the same bytes in two directories' && {
	copy one
	copy 'another/with a longer name'
	make_in one pith
	make_in 'another/with a longer name' pith
	cmp one/pith "$PITH" || fail 'a copy builds a different binary'
	cmp one/pith 'another/with a longer name/pith' || fail 'they differ'
	rm -rf one another
}

it 'contains no path of its build directory' && {
	is "$(strings -a "$PITH" | grep -F "${TOP%/*}/")" ''
}

it 'rebuilds only the objects that include a changed header' && {
	copy changed
	make_in changed pith
	make_in changed pith
	case $(cat make.log) in *CC* | *LINK*) fail "built again: $(cat make.log)" ;; esac
	echo >>changed/sandbox/lock.h
	make_in changed pith
	is "$(grep -o '[a-z/]*\.o' make.log | sort | tr '\n' ' ')" \
	    'build/sandbox/launch.o build/sandbox/lock.o '
	rm -rf changed
}

# ---- Alpine ------------------------------------------------------------------

# On Alpine cc belongs to musl. This stand-in claims so and links a static-pie with the host's
# compiler. It cannot show that Alpine's own compiler works, only that the Makefile needs
# nothing of Debian there.
alpine_cc() {
	mkdir -p stub
	cat >stub/cc <<-'E'
		#!/bin/sh
		musl=/usr/lib/$(gcc -print-multiarch | sed 's/-gnu/-musl/')
		echo "$*" >>"$ASKED"
		case " $* " in
		*' -dumpmachine '*) echo x86_64-alpine-linux-musl ;;
		*' -c '*) exec musl-gcc -idirafter "$KERNEL" "$@" ;;
		*) exec gcc -nostartfiles -nodefaultlibs -L"$musl" "$musl/rcrt1.o" \
		    "$musl/crti.o" "$(gcc -print-file-name=crtbeginS.o)" "$@" \
		    -Wl,--start-group -lc -lgcc -Wl,--end-group \
		    "$(gcc -print-file-name=crtendS.o)" "$musl/crtn.o" ;;
		esac
	E
	chmod +x stub/cc
	ASKED=$W/asked KERNEL=$B/kernel-headers
	export ASKED KERNEL
}

it 'builds with a cc of musl alone, as on Alpine' && have musl-gcc && {
	alpine_cc
	copy alpine
	make_in alpine pith CC="$W/stub/cc"
	grep -e -isystem -e rcrt1.o asked && fail 'the Makefile used files of Debian'
	run alpine/pith -- "$PROBE" exit 7
	code_is 7
	rm -rf alpine
}

has_child() { [ -n "$(cat "/proc/$1/task/$1/children")" ]; }

# musl before 1.2.4 has vfork(2) only on x86, and qemu-user does not implement it.
it 'starts and reports failures also when vfork is fork' && {
	copy forked
	make_in forked pith CFLAGS='-Os -Dvfork=fork'
	run forked/pith -- "$PROBE" exit 7
	code_is 7
	run forked/pith --report r.json -- /etc/passwd
	code_is 126
	one_line
	is "$(json r.json reason) $(json r.json exit_code)" '"exec-error" 126'
	for n in $(seq 40); do
		forked/pith -g -- sleep 1000 &
		eventually has_child $!
		kill -TERM $!
		wait $!
		is $? 143
	done
	rm -rf forked
}
# ---- deps --------------------------------------------------------------------

# Install a stand-in for a package manager that only logs its arguments, and one for sudo, so
# that the test works for every user.
stub_manager() {
	rm -rf stub asked
	mkdir stub
	for program in awk cat chmod env grep id mktemp rm sed sort tee tr; do
		ln -s "$(command -v $program)" stub/
	done
	# shellcheck disable=SC2016
	printf '#!/bin/sh\nexec "$@"\n' >stub/sudo
	printf '#!/bin/sh\n' >stub/sleep
	printf '#!/bin/sh\n%s\n' "$2" >"stub/$1"
	chmod +x stub/*
	ASKED=$W/asked
	export ASKED
}
deps() { run env PATH="$W/stub" /bin/sh "$TESTS/deps.sh" "$@"; }

it 'installs with apk what the goals need on Alpine, and lists it' && {
	# shellcheck disable=SC2016
	stub_manager apk '[ "$1" = info ] && exit 1; echo "$*" >>"$ASKED"'
	deps demo
	code_is 0
	out_is 'deps: apk installs gcc linux-headers musl-dev procps util-linux'
	is "$(cat asked)" 'add -q gcc linux-headers musl-dev procps util-linux'
}

it 'installs nothing when all packages are installed' && {
	stub_manager apk '[ "$1" = info ]'
	deps check lint
	code_is 0
	out_is 'deps: nothing to install'
}

# Mount a directory of the test on /usr/sbin, where policy-rc.d is written.
it 'installs with apt-get what the goals need on Debian, and starts no service' && root && {
	# shellcheck disable=SC2016
	stub_manager apt-get 'echo "$*" >>"$ASKED"
	/usr/sbin/policy-rc.d; echo "policy $?" >>"$ASKED"'
	mkdir sbin
	run unshare --mount sh -c 'mount --bind sbin /usr/sbin &&
	    PATH=$W/stub exec /bin/sh "$0" demo' "$TESTS/deps.sh"
	code_is 0
	out_is 'deps: apt-get installs linux-libc-dev musl-tools procps util-linux'
	is "$(cat asked)" '-qq update
policy 101
-qq -y --no-install-recommends install linux-libc-dev musl-tools procps util-linux
policy 101'
	is "$(ls sbin)" ''
}

it 'retries when a mirror is unreachable, and fails when it stays so' && root && {
	# shellcheck disable=SC2016
	stub_manager apt-get 'echo "$*" >>"$ASKED"
	[ "$(grep -c . "$ASKED")" -gt "$FAILURES" ]'
	for failures in 2 9; do
		rm -f asked
		mkdir -p sbin
		run unshare --mount sh -c 'mount --bind sbin /usr/sbin &&
		    PATH=$W/stub FAILURES=$1 exec /bin/sh "$0" demo' \
		    "$TESTS/deps.sh" $failures
		is $((code > 0)) $((failures > 3))
	done
	is "$(ls sbin)" ''
}

# ---- install, dist, clean ----------------------------------------------------

it 'installs a binary and its manual below DESTDIR and PREFIX' && {
	copy installed
	make_in installed install DESTDIR="$W/destdir" PREFIX=/opt/pith
	is "$(cd destdir && find . -type f | sort)" './opt/pith/bin/pith
./opt/pith/share/man/man8/pith.8'
	cmp destdir/opt/pith/bin/pith "$PITH" || fail 'a different binary'
	rm -rf installed destdir
}

it 'makes a reproducible tarball with checksums that builds the same bytes' &&
    have git && {
	git clone -q "$TOP" cloned 2>git.log || fail "$(cat git.log)"
	make_in cloned dist
	(cd cloned/dist && sha256sum -c --quiet SHA256SUMS) || fail 'a wrong checksum'
	cp cloned/dist/SHA256SUMS before
	make_in cloned dist
	cmp before cloned/dist/SHA256SUMS || fail 'a different tarball'
	mkdir unpacked
	tar -xzf cloned/dist/pith-*.tar.gz -C unpacked
	dir=$(echo unpacked/pith-*)
	make_in "$dir" pith
	cmp "$dir/pith" cloned/pith || fail 'a different binary'
	rm -rf cloned unpacked
}

it 'removes with clean all files that it built' && {
	copy clean
	(cd clean && find . | sort) >before
	make_in clean pith install DESTDIR="$W/destdir"
	make_in clean clean
	(cd clean && find . | sort) >after
	cmp before after || fail "$(diff before after)"
	rm -rf clean destdir
}

finish
