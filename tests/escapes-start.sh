# Signals during a start: whatever file or pipe pith waits for before the command runs, a signal
# that asks to stop ends the wait. The comment of each test says how it was seen to fail.
# shellcheck shell=sh source=tests/lib.sh disable=SC2016,SC2046,SC2086,SC2154
[ "$(id -u)" != 0 ] || [ "${APART:-}" ] ||
    APART=1 exec unshare --mount --propagation private sh "$0"
. "${0%/*}/lib.sh"
# shellcheck source=tests/sandbox-lib.sh
. "$TESTS/sandbox-lib.sh"
unset APART

polls() { grep -q poll "/proc/$1/wchan"; }

# Start pith with a fifo that has no writer, by name and as descriptor 7.
waits() {
	rm -f $H/fifo $H/r.json
	$as mkfifo $H/fifo
	start sh -c 'exec "$@" 7<>"$0"' $H/fifo $as timeout -s KILL 60 "$PITH" \
	    --report $H/r.json "$@"
	eventually waiting
}
waiting() { pith=$(only_child "$pid") && polls "$pith"; }

WAITS='TERM:15 --env-file %/fifo
INT:2 --args-fd 7
QUIT:3 --block-fd 7
HUP:1 --rootfs %/root --env-file %/fifo'

# Seen to fail when the file is opened and read without startup_wait(): only timeout ends it.
it 'ends on TERM, INT, QUIT or HUP while it waits for a file of options' && for who in $WHO; do
	be $who
	while read -r sig words; do
		number=${sig#*:} sig=${sig%:*}
		waits $(echo "$words" | sed "s|%|$H|g") -- echo started
		kill -$sig $pith
		hear
		is "$heard" ''
		ends
		code_is $((128 + number))
		one_line
		err_like "pith: cannot read '*': interrupted by SIG$sig"
		is "$(json $H/r.json reason) $(json $H/r.json exit_code)" "\"signaled\" $code"
	done <<-W
		$WAITS
	W
done

# Seen to fail like the previous test. The kernel drops signals without a handler to process 1.
it 'ends on a signal while it waits as process 1, too' && root && {
	be as_root
	while read -r _ words; do
		fifo $H/fifo
		start sh -c 'exec "$@" 7<>"$0"' $H/fifo timeout -s KILL 60 $AS_1 "$PITH" \
		    $(echo "$words" | sed "s|%|$H|g") -- echo started
		first() { first=$(only_child "$(only_child "$pid")") && polls "$first"; }
		eventually first
		kill -TERM $first
		ends
		code_is 143
	done <<-W
		$WAITS
	W
}

# Seen to fail when the launcher's parent reads without startup_wait().
it 'passes the signal on when -d waits for the command' && for who in $WHO; do
	be $who
	waits --rootfs $R -d --block-fd 7 -- echo started
	kill -TERM $pith
	ends
	code_is 143
	eventually [ -s $H/r.json ]
	is "$(json $H/r.json reason) $(json $H/r.json signal)" '"signaled" 15'
done

# Seen to fail with O_NONBLOCK and no wait: the variable is missing.
it 'reads variables from a pipe, and from a fifo whose writer is late' && for who in $WHO; do
	be $who
	fifo $H/fifo
	chmod 666 $H/fifo
	start $as timeout -s KILL 60 "$PITH" --env-file $H/fifo -- sh -c 'echo $A $B'
	eventually waiting
	(echo A=1; echo B=2) >$H/fifo
	hear
	is "$heard" '1 2'
	ends
	run $as sh -c 'echo A=3 | "$PITH" --env-file /dev/stdin -- sh -c "echo \$A"'
	out_is 3
done

# Seen to fail when startup_wait() does not ask sigaction(2): HUP ends it.
it 'keeps waiting after a signal that it was started to ignore' && {
	be as_user
	fifo $H/fifo
	chmod 666 $H/fifo
	start $as timeout -s KILL 60 "$PROBE" with ignore=1 -- "$PITH" --env-file $H/fifo -- \
	    sh -c 'echo $A'
	eventually waiting
	kill -HUP $pith
	echo A=1 >$H/fifo
	hear
	is "$heard" 1
	ends
}

# Seen to fail when startup_wait() checks for signals first: it ends the start.
it 'keeps a signal for the command when it does not have to wait' && {
	be as_user
	echo A=1 >$H/env
	run $as "$PROBE" with block=15 -- sh -c 'kill -TERM $$; exec "$@"' sh \
	    "$PITH" --env-file $H/env -- sh -c 'echo started $A'
	out_is 'started 1'
}

# Seen to fail without O_NONBLOCK in namespaces_enter().
it 'does not wait for a fifo in place of a namespace, a filter, a root or a volume' &&
    for who in $WHO; do
	be $who
	fifo $H/fifo
	for words in "--network ns:$H/fifo" "--seccomp bpf:$H/fifo" "--layer $H/fifo" \
	    "--info $H/fifo"; do
		run $as timeout -s KILL 60 "$PITH" --rootfs $R $words -- true
		code_is 125
		one_line
	done
	rm -f $R/etc/passwd.real
	mv $R/etc/passwd $R/etc/passwd.real
	$as mkfifo $R/etc/passwd
	run $as timeout -s KILL 60 "$PITH" --rootfs $R --user www -- true
	code_is 125
	one_line
	mv $R/etc/passwd.real $R/etc/passwd
done

# Seen to fail without the calls of close() and kill() in sandbox_cleanup(): with 9 to
# 13 files a second line says that the group cannot be removed, or init reports this.
it 'prints one line and leaves no group, with a low limit of open files' && for who in $WHO; do
	be $who
	for files in 5 6 7 8 9 10 11 12 13 14 15 16 17 18; do
		run sh -c 'n=$1 && shift && ulimit -n $n && exec "$@"' sh $files $as "$PITH" \
		    --rootfs $R -- true
		[ "$code" = 0 ] || one_line
	done
done

# Seen to fail when the signal got its default action: no line on stderr, no report.
it 'names and reports the signal that came before it opens a root' && for who in $WHO; do
	be $who
	rm -f $H/r.json
	run $as "$PROBE" with block=15 -- sh -c 'kill -TERM $$; exec "$@"' sh \
	    "$PITH" --report $H/r.json --rootfs $R -- echo started
	code_is 143
	one_line
	err_like "pith: cannot open 'the root': interrupted by SIGTERM"
	is "$(json $H/r.json reason) $(json $H/r.json exit_code)" '"signaled" 143'
done

# Seen to fail without startup_end_by_signal(): it waits until the server is killed.
it 'ends on TERM while a root or a volume is on a server that does not answer' && root && {
	be as_root
	mkdir -p "$W/silent"
	if [ -w /dev/fuse ]; then
		start "$B/attack_fuse" "$W/silent"
		hear_until ready
		server=$pid
		for words in "--rootfs $W/silent/root" \
		    "--rootfs $R --volume $W/silent/a:/mnt"; do
			"$PITH" $words -- true 2>.err &
			pid=$!
			eventually grep -q fuse "/proc/$pid/wchan"
			kill -TERM $pid
			wait $pid
			is $? 143
		done
		umount -l "$W/silent"
		kill -KILL $server
		wait $server 2>/dev/null
	else
		skip 'there is no /dev/fuse'
	fi
}

finish
