# Id ranges of root's sandboxes: a user cannot take them all, no two sandboxes get the
# same range, and none belongs to a user in /etc/subuid or /etc/subgid. The comment of
# each test says how it was seen to fail.
# shellcheck shell=sh source=tests/lib.sh disable=SC2016,SC2086,SC2154
[ "$(id -u)" != 0 ] || [ "${APART:-}" ] ||
    APART=1 exec unshare --mount --propagation private sh "$0"
. "${0%/*}/lib.sh"
# shellcheck source=tests/sandbox-lib.sh
. "$TESTS/sandbox-lib.sh"
unset APART
AS_USER='setpriv --reuid 65534 --regid 65534 --clear-groups'
be ${WHO%% *}

FIRST=$((0x70000000)) RANGE=65536 FREE=20000

# Run a command in its own mount namespace, with a /run that SETUP makes, and with
# /etc/subuid and /etc/subgid from $W: aside SETUP COMMAND ...
aside() {
	setup=$1
	shift
	unshare --mount --propagation private sh -ec '
	    for file in subuid subgid; do
		[ ! -e "$W/$file" ] || mount --bind "$W/$file" /etc/$file
	    done
	    '"$setup"'
	    exec "$@"' sh "$@"
}
ON_TMPFS='mount -t tmpfs -o mode=755 tmpfs /run'

# Return whether the machine has both files, so that ours can be mounted over them.
has_files() {
	[ -e /etc/subuid ] && [ -e /etc/subgid ] || { skip 'no /etc/subuid, /etc/subgid'; false; }
}

# Leave exactly one range free. A launcher looks first at the range before it, of
# which one id is taken, at offset $3. $1 and $2 are the files with these entries.
leave_one_range() {
	: >subuid
	: >subgid
	echo "low:$FIRST:$(((FREE - 1) * RANGE))" >>$1
	echo "one:$((FIRST + (FREE - 1) * RANGE + ${3:-0})):1" >>$2
	high=$((FIRST + (FREE + 1) * RANGE))
	echo "high:$high:$((0xffffffff - high))" >>$1
}
own_range='cat /proc/self/uid_map /proc/self/gid_map'
is_free_range() {
	for line; do
		is "$(echo $line)" "0 $((FIRST + FREE * RANGE)) $RANGE"
	done
}

# ---- users' ids --------------------------------------------------------------

# Seen to fail when overlaps_range() omits the first or the last id, when it is always
# false, and when one of the two files is not read.
it 'takes no range in which a single id belongs to a user' && root && has_files && {
	for files in 'subuid subuid 0' 'subgid subgid 65535' 'subuid subgid 0' \
	    'subgid subuid 65535'; do
		leave_one_range $files
		run aside "$ON_TMPFS" "$PITH" --rootfs "$R" -- sh -c "$own_range"
		code_is 0
		is_free_range "$(echo "$out" | sed 1q)" "$(echo "$out" | sed 1d)"
	done
}

# Seen to fail when only 64 KiB of the file are read.
it 'reads /etc/subuid and /etc/subgid to their end' && root && has_files && {
	: >subuid
	: >subgid
	seq 1 9000 | sed 's/.*/user&:&00000:65536/' >subuid
	cp subuid padding
	leave_one_range subgid subgid
	cat padding subgid >subuid
	printf %s "$(cat subuid)" >no-newline
	: >subgid
	for file in subuid no-newline; do
		[ $file = subuid ] || cat $file >subuid
		run aside "$ON_TMPFS" "$PITH" --rootfs "$R" -- sh -c "$own_range"
		code_is 0
		is_free_range "$(echo "$out" | sed 1q)"
	done
}

it 'says that all ids belong to users' && root && has_files && {
	: >subgid
	echo "all:$FIRST:$((0xffffffff - FIRST))" >subuid
	run aside "$ON_TMPFS" "$PITH" --rootfs "$R" -- true
	code_is 125
	err_is 'pith: no range of ids is free'
}

# ---- one range for each ------------------------------------------------------

# Check that the only range is given once: $1 makes /run, $2 goes before each launcher.
given_once() {
	leave_one_range subuid subgid
	export R
	run aside "$1" sh -c '
	    mkfifo "$W/up" "$W/go"
	    $1 "$PITH" --rootfs "$R" --volume "$W/up:/up" --volume "$W/go:/go" -- \
		sh -c "echo up >/up; read -r word </go" &
	    read -r up <"$W/up"
	    $1 "$PITH" --rootfs "$R" -- echo started
	    echo code $?
	    kill -KILL $!
	    wait $!
	    "$PITH" --rootfs "$R" -- echo free again' sh "$2"
	rm -f up go
}

# Seen to fail with names of the abstract namespace: both sandboxes started.
it 'gives a range only once, in any network namespace of the launcher' && root && has_files && {
	given_once "$ON_TMPFS" "unshare --net"
	out_is 'code 125
free again'
	err_like 'pith: no range of ids is free*'
}

# Start a program that takes all names, and later end it.
squat_all() {
	fifo hold
	exec 8<>hold
	start sh -c "exec $1 <hold 8<&-"
	hear
	out=$heard
	out_like 'bound 32[67]??'
}
squat_no_more() {
	exec 8<&-
	ends
}

# Seen to fail with names of the abstract namespace: "no range of ids is free".
it 'starts even if a local user has taken every name' && root && {
	rm -f subuid subgid
	cp "$B/attack_squat" squat
	for before in "$AS_USER $W/squat" \
	    "$PITH --rootfs $R --network host --volume $W/squat:/squat -- /squat"; do
		squat_all "$before"
		run aside "$ON_TMPFS" "$PITH" --rootfs "$R" -- echo started
		code_is 0
		out_is started
		squat_no_more
	done
}

# ---- a /run that cannot be used ----------------------------------------------

# Ways in which /run could lead to $W/canary; pith then has to do without the lock file.
HOSTILE="mount -t tmpfs -o mode=1777 tmpfs /run
mount -t tmpfs -o mode=755,uid=65534 tmpfs /run
$ON_TMPFS; ln -s $W/canary /run/pith-ids
$ON_TMPFS; mkfifo -m 600 /run/pith-ids
$ON_TMPFS; mkdir /run/pith-ids
$ON_TMPFS; : >/run/pith-ids; chmod 666 /run/pith-ids
$ON_TMPFS; : >/run/pith-ids; chown 65534 /run/pith-ids
$ON_TMPFS; mount -o remount,ro /run
mount -t proc proc /run"

# Seen to fail when open_range_locks() trusts every file that it has opened: no exit code
# 125, because each launcher locks a file that others can open; and without O_NOFOLLOW.
it 'ignores a lock file or a /run that other users can write to' && root &&
    has_files && {
	echo canary >canary
	chmod 600 canary
	while read -r setup; do
		given_once "$setup" ""
		out_is 'code 125
free again'
		err_like 'pith: no range *; make /run a directory that root alone can write to*'
	done <<-H
		$HOSTILE
	H
	is "$(cat canary)" canary
}

# Seen to fail when each of the 32,768 names is tried: strace counts that many calls.
it 'gives up soon when all names are taken' && root && have strace && {
	rm -f subuid subgid
	cp "$B/attack_squat" squat
	squat_all "$AS_USER $W/squat"
	run aside 'mount -t tmpfs -o mode=1777 tmpfs /run' strace -qq -e trace=bind -o binds \
	    "$PITH" --rootfs "$R" -- true
	code_is 125
	one_line
	err_like 'pith: no range of ids is free; make /run *'
	is "$(grep -c EADDRINUSE binds)" 256
	squat_no_more
}

finish
