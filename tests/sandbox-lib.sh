# Roots and users shared by the suites of the sandbox. Sourced after lib.sh.
# shellcheck shell=sh disable=SC2034,SC2086,SC2154

# Users who run the commands: root and an ordinary user. Without root: the caller alone.
AS_USER='setpriv --reuid 65534 --regid 65534 --clear-groups'
WHO='as_root as_user'
[ "$(id -u)" = 0 ] || WHO=as_user AS_USER=
as_user() { $AS_USER "$@"; }

MOTD='from the root'

# Make a busybox root with the probe, the smallest program, and pith for nested sandboxes.
make_root() {
	mkdir -p "$1/bin" "$1/etc" "$1/proc" "$1/sys" "$1/dev" "$1/mnt" "$1/var/old"
	mkdir -m 1777 "$1/tmp"
	cp /bin/busybox* "$1/bin/"
	cp "$PITH" "$1/bin/pith"
	cp "$PROBE" "$1/bin/probe"
	cp "$B/true" "$1/bin/ptrue"
	[ -e "$1/bin/busybox" ] || mv "$1/bin/busybox.static" "$1/bin/busybox"
	for applet in $(/bin/busybox --list); do
		[ -e "$1/bin/$applet" ] || ln -s busybox "$1/bin/$applet"
	done
	echo "$MOTD" >"$1/etc/motd"
	echo '127.0.0.1 localhost' >"$1/etc/hosts"
	echo old >"$1/var/old/old"
	: >"$1/tmp/rm-me"
	printf '%s\n' root:x:0:0:root:/root:/bin/sh www:x:33:33::/var/www:/bin/sh \
	    'far:x:4000000000:4000000000::/:' >"$1/etc/passwd"
	printf '%s\n' root:x:0: www:x:33: audio:x:29:www extra:x:77:www >"$1/etc/group"
}

# Select a user and the root that belongs to it: sets $who, $H (its directory) and $R.
# $as holds the words that go before its commands. A function would not do: start
# needs the pid of the command itself.
be() {
	who=$1 H=$W/$1 R=$W/$1/root
	export R H
	as=$AS_USER
	[ $1 = as_user ] || as=
}
chmod 711 "$W"
for who in $WHO; do
	be $who
	make_root "$R"
	[ $who = as_root ] || [ "$(id -u)" != 0 ] || chown -R 65534:65534 "$H"
done

# Run a command in a sandbox of the selected user's root: box OPTION ... -- COMMAND.
box() { run $as "$PITH" --rootfs "$R" --env PITH_TEST "$@"; }

# Check that options are refused: one line, exit code 125, and nothing started.
refused() {
	like=$1
	shift
	run $as "$PITH" "$@" -- /bin/sh -c 'echo started'
	code_is 125
	out_is ''
	one_line
	err_like "pith: $like"
}

# Name the user in a failure.
fail() {
	: >"$W/.bad"
	printf '%s\n' "$who: $*" | sed 's/^/#   /'
}

fifo() { rm -f "$1"; mkfifo "$1"; }

# Print one checksum of all names, owners, modes, times and contents below a directory.
sum_of() { tar -C "$1" -cf - . | sha256sum; }

# Find leftover processes by the names on their command lines: pith clears its environment.
ours_running() {
	for line in $(grep -lsF "$W/" /proc/[0-9]*/cmdline); do
		[ ! -r $line ] || [ -z "$(tr -d '\0' <$line)" ] ||
		    ps -o pid=,ppid=,stat=,args= -p "$(basename ${line%/*})" | grep -v 'grep -lsF'
	done
}

# ---- filters of system calls, for little-endian machines ---------------------

# Print one struct sock_filter in bytes: code, jt, jf, k.
instruction() {
	for byte in $(($1)) 0 $2 $3 $(($4 & 255)) $(($4 >> 8 & 255)) $(($4 >> 16 & 255)) \
	    $(($4 >> 24)); do
		printf "\\$(printf %03o $byte)"
	done
}

# Print a number from the system's headers. machine.sh provides them where no compiler is.
constant() {
	if [ -e /constants ]; then
		sed -n "s/^#define $1 //p" /constants
		return
	fi
	printf '#include <sys/syscall.h>\n#include <errno.h>\n%s\n' "$1" | "${CC:-cc}" -E -P - |
	    tail -1
}

# Parts of a filter: load the number of the call, fail one call with an error, allow the rest.
load_call() { instruction 0x20 0 0 0; }
fail_call() {
	instruction 0x15 0 1 "$(constant "__NR_$1")"
	instruction 0x06 0 0 $((0x00050000 + $(constant "$2")))
}
allow_rest() { instruction 0x06 0 0 0x7fff0000; }
