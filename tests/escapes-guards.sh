# Checks that prevent an escape and that no other suite covers. Each was removed from
# a copy of the sources, and the test whose comment names it was seen to fail.
# shellcheck shell=sh disable=SC2016,SC2086
# shellcheck source=tests/lib.sh

# Mounts of these tests are private to the suite.
[ "$(id -u)" != 0 ] || [ "${APART:-}" ] ||
    APART=1 exec unshare --mount --propagation private sh "$0"
. "${0%/*}/lib.sh"
# shellcheck source=tests/sandbox-lib.sh
. "$TESTS/sandbox-lib.sh"
unset APART

# ---- masks -------------------------------------------------------------------

# Open for writing each file that would change the machine, read those that reveal its
# state, and list those that are open or not empty. Nothing is written.
LOOK='cd /proc
    for f in sys/kernel/panic sys/kernel/core_pattern sys/vm/swappiness sysrq-trigger \
	irq/default_smp_affinity; do
	    [ -e $f ] && (: >>$f) 2>/dev/null && echo "writable: $f"
    done
    for f in interrupts keys timer_list kcore kmsg $MORE; do
	    timeout 1 head -c 1 $f 2>/dev/null | grep -q . && echo "readable: $f"
    done
    ls -A acpi scsi asound /sys/firmware /sys/kernel/debug /sys/kernel/tracing \
	/sys/kernel/security /sys/devices/virtual/powercap 2>/dev/null | grep -v -e : -e "^$"
    echo looked'

# Seen to fail with "proc_mount < 0
# sys_mount < 0" in mounts_mask(): --sys none left /proc open and --proc none left
# /sys open, with --userns host also for writing.
it 'masks /proc without /sys, and /sys without /proc' && for who in $WHO; do
	be $who
	for words in '' '--sys none' '--proc none' '--sys none --network host' \
	    '--proc none --network host' '--sys none --read-only' '--proc none --sys none' \
	    '--userns host' '--userns host --sys none' '--userns host --proc none'; do
		more=
		case $who:$words in
		as_user:*'--userns host'*) continue ;;
		# Root of a nested user namespace reads no addresses from kallsyms.
		as_root:*'--userns host'*) more=kallsyms ;;
		esac
		# Without the filter only the masks protect.
		box $words --seccomp off --env MORE=$more -- sh -c "$LOOK"
		code_is 0
		is "$words: $out" "$words: looked"
	done
	# Without masks the same files are open.
	box --proc full -- sh -c "$LOOK"
	case $out in *readable*) ;; *) fail "nothing to be masked: $out" ;; esac
done

# ---- devices -----------------------------------------------------------------

# Run a command that finds another file of the host, $2, at $1.
instead() {
	run unshare --mount --propagation private sh -ec '
		mount --bind "$2" "$1"
		shift 2
		exec "$@"' sh "$@"
}

# Check that the node of /dev inside is the device of its name, or that nothing started.
is_the_device() {
	case $code in
	125)
		one_line
		err_is "pith: cannot use '/dev/$1': it is not the device of that name"
		;;
	*)
		code_is 0
		out_is "$2"
		;;
	esac
}

# Seen to fail without the refusal in bind_node(): "stdout is '1:5', not '1:3'".
it 'has no other device and no file under the name of its own device' && root && {
	: >empty
	chmod 666 empty
	for who in $WHO; do
		be $who
		while read -r node number other; do
			for there in "$other" "$W/empty"; do
				instead /dev/$node $there $as "$PITH" --rootfs $R -- \
				    stat -c %t:%T /dev/$node
				is_the_device $node $number
			done
		done <<-'E2'
		null 1:3 /dev/zero
		zero 1:5 /dev/full
		full 1:7 /dev/zero
		random 1:8 /dev/zero
		urandom 1:9 /dev/zero
		tty 5:0 /dev/zero
		E2
	done
}

# ---- owners ------------------------------------------------------------------

# Seen to fail when mount_lower() attaches an image without the ids of the sandbox:
# all its files belonged to nobody.
it 'keeps the owners of files in an erofs image' && root &&
    have mkfs.erofs && {
	be as_root
	cp -a $R tree
	echo mine >tree/mine
	echo private >tree/private
	chown 5:6 tree/mine
	chmod 600 tree/private
	mkfs.erofs --quiet root.erofs tree >/dev/null
	for words in '' --read-only "--layer $R/mnt"; do
		run "$PITH" --rootfs root.erofs $words -- \
		    sh -c 'stat -c %u:%g / /mine /etc/passwd; cat /private'
		code_is 0
		out_is '0:0
5:6
0:0
private'
	done
	rm -rf tree root.erofs
}

# crun changes the owner of standard files; pith does not. Seen to fail with an
# fchown(2) of the standard files in sandbox_pre_exec(), before the ids are changed.
it 'does not change the owner of its standard files' && root && {
	be as_root
	for words in '--uidmap 0:1000000:1000' '--user 7:7' '--userns host --user 7:7' -d; do
		rm -f in out err
		: >in
		"$PITH" --rootfs $R $words -- true <in >out 2>err ||
		    fail "$words: exit code $?: $(cat err)"
		is "$words: $(stat -c %u:%g in out err | tr '\n' ' ')" "$words: 0:0 0:0 0:0 "
	done
	rm -f in out err
	: >in
	"$PITH" --user 7:7 -- true <in >out 2>err
	is "$(stat -c %u:%g in out err | tr '\n' ' ')" '0:0 0:0 0:0 '
}

# ---- terminals ---------------------------------------------------------------

# Seen to fail with sandbox_start_relay(child, -1). Also seen to fail for an ordinary user when
# /dev/pts/ptmx was only looked for: most hosts mount devpts so that this node has no access.
it 'relays a terminal in both directions, also without a root' && for who in $WHO; do
	be $who
	for words in '' '--unshare user,pid,mnt'; do
		run sh -c 'printf "word\n" | "$@"' sh $as "$PITH" -t $words -- sh -c '
			test -t 0 && test -t 1 && test -t 2 && echo ready
			read -r typed
			echo "typed $typed"
			exit 4'
		code_is 4
		err_is ''
		is "$(printf '%s\n' "$out" | tr -d '\r' | grep -e ready -e typed)" 'ready
typed word'
	done
done

# ---- closed standard files ---------------------------------------------------

# Print the state of the sandbox to a file in a volume, because stdout may be closed.
TELL='{
	cat /etc/motd /one /two /etc/of-5 /vol/sub/name
	mount | sed -n "s/.* on \(\/vol\|\/etc\/ro\|\/var\/old\) .*/mounted \1/p" | sort
	for fd in 0 1 2; do
		[ ! -d /proc/$$/fd/$fd ] || echo "a directory is open: $fd"
	done
	[ ! -e /canary ] && (: >/etc/ro) 2>/dev/null || echo kept
} >/vol/told 2>&1
exit 7'

tells() {
	rm -f $H/vol/told
	run $as $R/bin/probe with $closing -- "$PITH" "$@" --layer $H/one --layer $H/two \
	    --volume $H/vol:/vol --volume $H/one/one:/etc/ro:ro --tmpfs /var/old:size=1m \
	    --file 5:/etc/of-5 -- sh -c "$TELL" 5<$H/two/two
	code_is 7
	told=$(cat $H/vol/told)
}

# Seen to fail with "place <= 0" in attach_or_die(), mounts.c, where 0 is the descriptor of
# a directory: "cannot mount '/sys'".
it 'has its layers, volumes and images with any of the standard files closed' &&
    for who in $WHO; do
	be $who
	mkdir -p $H/one $H/two $H/vol/sub
	echo 1 >$H/one/one
	echo 2 >$H/two/two
	echo volume >$H/vol/sub/name
	[ -z "$as" ] || chown -R 65534:65534 $H/one $H/two $H/vol
	roots=$R
	if [ $who = as_root ] && command -v mkfs.erofs >/dev/null; then
		mkfs.erofs --quiet root.erofs $R >/dev/null
		roots="$roots root.erofs"
	fi
	for root in $roots; do
		closing=
		tells --rootfs $root
		usual=$told
		case $told in *volume*mounted*/vol*kept) ;; *) fail "it told: $told" ;; esac
		for closing in close=0 close=1 close=2 'close=0 close=1' 'close=0 close=2' \
		    'close=1 close=2' 'close=0 close=1 close=2'; do
			tells --rootfs $root
			is "$closing: $told" "$closing: $usual"
		done
	done
done

finish
