# What pith does when a system call fails. Each call that it makes, at the start and in
# the loop, is made to fail once by strace(1), with several errors; then calls are taken
# away for good by a seccomp filter, as on old kernels. Every time the result has to
# be the right one, or pith's own failure with one line that says why; nothing hangs,
# and nothing is left behind.
# shellcheck shell=sh source=tests/lib.sh disable=SC2012,SC2013,SC2016,SC2086
. "${0%/*}/lib.sh"

FORBID=$W/forbid
"${CC:-cc}" -std=c11 -D_GNU_SOURCE -I"$TOP" -O1 -static -no-pie -Wl,-z,norelro \
    -o "$FORBID" "$TESTS/forbid.c" || exit 1
ln -s "$PITH" tini
ln -s "$PITH" dumb-init
echo 'exit 7' >script
chmod +x script

# ---- scenes ------------------------------------------------------------------

# Each runs pith behind the words that it is given: strace and its options.

plain() { "$@" "$PITH" -- "$PROBE" exit 7; }
group() { "$@" "$PITH" -g -- "$PROBE" exit 7; }
on_terminal() { script -qec "exec $*" /dev/null >&2; }
terminal() { on_terminal "$@" "$PITH" -g -- "$PROBE" exit 7; }
verbose() { "$@" "$PITH" -vvw -- "$PROBE" exit 7; }
report() { "$@" "$PITH" --report r.json -- "$PROBE" exit 7; }
report_fd() { "$@" "$PITH" --report-fd 3 -- "$PROBE" exit 7 3>r.json; }
no_file() { "$@" "$PITH" --report r.json -- ./no-such-file; }
bare_script() { "$@" "$PITH" -- ./script; }
parent() { "$@" "$PITH" -p TERM -- "$PROBE" exit 7; }
as_tini() { "$@" ./tini -s -- "$PROBE" exit 7; }
as_dumb_init() { "$@" ./dumb-init -- "$PROBE" exit 7; }
pause() { "$@" "$PITH" --pause; }
forward() {
	"$@" "$PITH" -- sh -c 'trap "exit 7" TERM; kill -TERM $PPID
	    while :; do :; done'
}
queue() {
	"$@" "$PITH" -- sh -c 'trap "exit 7" USR1; "$PROBE" queue $PPID 10 5
	    while :; do :; done'
}
time_out() {
	"$@" "$PITH" --timeout 20ms --stop-timeout 20ms --report r.json -- \
	    "$PROBE" stubborn
}
wait_all() { "$@" "$PITH" --wait --report r.json -- "$PROBE" orphans 2 20; }
end_all() {
	"$@" "$PITH" --grace 50ms --report r.json -- "$PROBE" orphans 2 9999
}
# It walks through a /proc: a small one.
end_all_by_proc() { end_all $AS_1 "$@"; }
paused() { pause "$@" $SEND_TERM; }
SEND_TERM='-e inject=chdir:signal=TERM'
# What process 1 does, and what the child does before its exec, has to be followed (-f):
# the same call of every process fails then.
AS_FIRST="-f $FORBID first --"
first() { plain "$@" $AS_FIRST; }
first_report() { report "$@" $AS_FIRST; }
first_end_all() { end_all "$@" $AS_FIRST; }
first_wait_all() { wait_all "$@" $AS_FIRST; }
# What it mounts, and what it tells of itself in /run, is gone with the namespace.
first_boot() {
	unshare --mount sh -c 'mount -t tmpfs tmpfs /run && exec "$@"' sh \
	    "$@" $AS_FIRST "$PITH" --boot -- "$PROBE" exit 7
}
first_paused() { pause "$@" $SEND_TERM $AS_FIRST; }
plain_child() { plain "$@" -f; }
group_child() { group "$@" -f; }
terminal_child() { terminal "$@" -f; }
script_child() { bare_script "$@" -f; }

# ---- faults ------------------------------------------------------------------

# The errors to try for a call.
errors() {
	echo EPERM ENOMEM ENOSYS
	case $1 in
	open | openat | fcntl) echo EMFILE EINTR ;;
	vfork | clone) echo EAGAIN ;;
	execve) echo EACCES ENOENT ENOEXEC ETXTBSY E2BIG EIO ;;
	rt_sigtimedwait | wait4 | close | getdents64 | getrandom | ioctl) echo EINTR ;;
	read* | write | rename* | pread*) echo EINTR EIO ;;
	*stat*) echo ENOENT EINTR EIO ;;
	esac
	[ "$N" -lt 10 ] || echo EACCES EAGAIN EBADF EFAULT EINVAL ENOENT ENOSPC
}

# SCENE:CALL:NTH:ERROR that no program could make good.
tolerated() {
	case $1 in
	# The start code of libc: it has nobody to tell.
	*:arch_prctl:*) ;;
	# They fail for wrong arguments alone, rt_sigprocmask(2), clock_gettime(2). What
	# is not held then ends the process, which is what the signal is for.
	*:rt_sigprocmask:* | *:clock_gettime:*) ;;
	# wait(2) knows ECHILD and EINTR; any other has hidden a death for good.
	first_*_all:wait4:1:EINTR) ;;   # that of the command, too, followed
	*:wait4:*:EINTR) return 1 ;;
	*:wait4:*) ;;
	# The fault has swallowed the only signal that could end the child.
	forward:kill:1:* | time_out:kill:3:*) ;;
	# Where there are no subreapers (before Linux 3.4) orphans are not ours.
	wait_all:prctl:* | end_all_by_proc:prctl:*) ;;
	# It has not looked yet what it is called.
	as_*:mprotect:*) ;;
	# With --seccomp-bpf strace cannot send the signal that ends the pause.
	*paused:close_range:*) ;;
	*) return 1 ;;
	esac
}

# The calls of pith, or of its child before the exec, in a scene without faults, as
# lines "COUNT CALL"; what it says then is usual.
learn() {
	rm -f trace.*
	run $scene strace -ff -qq -o trace
	code_is "$right"
	usual=$(wc -l <"$W/.err")
	# pith is who holds all signals.
	init=$(grep -l '^rt_sigprocmask(SIG_SETMASK, ~\[\],' trace.*)
	born=$(sed -n 's/^\(vfork\|clone\)(.*= //p' "$init")
	case $scene in
	*child) sed '/^execve(.*= 0$/q' "trace.$born" ;;
	*) awk 'on; /^execve\(.*= 0$/ { on = 1 }' "$init" ;;
	esac | sed -n 's/^\([a-z_0-9]*\)(.*/\1/p' | sort | uniq -c >calls
	[ -s calls ] || fail "$scene: strace shows no calls"
	# close(2) always lets go; the fault keeps it from the kernel. By this one the
	# end of the pipe would stay, of which the exec is to be the end.
	pipe=$(awk '
		/^execve\(.*= 0$/ { n = 0 }
		/^close\(/ { n++ }
		/^(vfork|clone)\(/ { print n + 1; exit }' "$init")
}

end_ours() {
	for stray in $(grep -lsz "^PITH_TEST=$PITH_TEST\$" /proc/[0-9]*/environ); do
		stray=${stray#/proc/}
		kill -KILL "${stray%/*}" 2>/dev/null
	done
}

# As many lines as without the fault: who has more to say has said what is missing.
silent() { [ "$lines" -le "$usual" ]; }
told() { ! silent || grep -qs "\"exit_code\":$code," r.json; }
both_reaped() { ! silent || grep -qs '"orphans_reaped":[2-9]' r.json; }
# What prctl(2) was for cannot be seen: that it failed has to be said.
followed() { ! silent || [ "$call $nth" != 'prctl 1' ]; }

# Whether what came is one of the two things that may.
right_or_said() {
	if [ "$code" = "$right" ]; then
		[ "$lines" -le $((usual + 1)) ] && $proof
		return
	fi
	case $scene:$call:$code in
	*:"$failure" | *_child:execve:12[67] | script_child:*:126) ;;
	*) return 1 ;;
	esac
	[ "$lines" = 1 ] || return 1
	case $err in "$speaker: cannot "*) ;; *) return 1 ;; esac
	[ ! -e r.json ] || told
}

# One fault: the nth call fails with error.
strike() {
	how=
	# Else strace stops at each of 65,000 close(2) that do the same.
	[ "$call" = close_range ] &&
	    how='-f --seccomp-bpf -e trace=close_range,chdir'
	rm -f r.json
	run $scene timeout -s KILL 20 strace -qq -o /dev/null $how \
	    -e inject="$call:error=$error:when=$nth"
	lines=$(wc -l <"$W/.err")
	right_or_said ||
	    fail "$scene, $call $nth, $error: exit code $code; stderr: $err"
	left=$(ours_running; find . -name '.pith-*' -print -delete)
	[ -n "$left" ] || return 0
	fail "$scene, $call $nth, $error: left behind: $left"
	end_ours
}

have_script() { have script; }

# From the second time on the errors take turns, but for a soak.
passed_over() {
	[ "$N" -lt 10 ] && [ $nth -gt 1 ] && [ $(((nth + turn) % 3)) != 0 ]
}

# All faults of a scene, one by one.
storm() {
	failure=125 speaker=pith
	case $scene in as_*)
		failure=1
		speaker=$(printf %s "${scene#as_}" | tr _ -) ;;
	esac
	learn
	while read -r count call; do
		turn=0
		for error in $(errors "$call"); do
			turn=$((turn + 1)) nth=0
			while [ $((nth += 1)) -le "$count" ]; do
				[ "$call $nth" = "close $pipe" ] ||
				    tolerated "$scene:$call:$nth:$error" ||
				    passed_over || strike
			done
		done
	done <calls
}

# A scene, the exit code it has without faults, what else has to be true then, what it
# needs, and what it is about.
while read -r scene right proof needs what; do
	it "$what, or says why not, whatever call fails" && have strace && $needs &&
	    storm
done <<'E'
plain            7   true        true         runs its command
group            7   true        true         leads a group
terminal         7   true        have_script  hands a terminal over
verbose          7   true        true         says what it does
report           7   told        true         reports
report_fd        7   told        true         reports to an open file
no_file          127 told        true         ends with 127 for a command that is not there
parent           7   followed     true         follows its parent
as_tini          7   true        true         stands in for tini
as_dumb_init     7   true        true         stands in for dumb-init
forward          7   true        true         forwards a signal
queue            7   true        true         forwards a queued signal
time_out         124 told        true         keeps to --timeout
wait_all         0   both_reaped true         waits for all
end_all_by_proc  0   both_reaped root         ends all through /proc
paused           0   true        true         pauses
first            7   true        root         is process 1
first_report     7   told        root         reports as process 1
first_end_all    0   both_reaped root         ends all as process 1
first_wait_all   0   both_reaped root         waits for all as process 1
first_paused     0   true        root         pauses as process 1
first_boot       7   true        root         boots one program
plain_child      7   true        true         executes
group_child      7   true        true         executes in a group
terminal_child   7   true        have_script  executes on a terminal
script_child     7   true        true         executes a script
E

# ---- old kernels -------------------------------------------------------------

fds_are() { [ "$(ls "/proc/$pid/fd" | tr '\n' ' ')" = "$1" ]; }

it 'lets go of what is open where the kernel has no close_range (before 5.9)' && {
	start "$FORBID" close_range -- "$PITH" --report-fd 7 -- "$PROBE" signals \
	    6<script 7>r.json 8<script
	hear_until ready
	eventually fds_are '128 2 '
	kill -TERM $pid
	ends
	code_is 0
	is "$(json r.json exit_code)" 0
}

it 'ends all where the kernel has no pidfd_send_signal (before 5.1)' && {
	run "$FORBID" pidfd_send_signal -- "$PITH" --grace 20s --report r.json -- \
	    "$PROBE" orphans 2 99999
	code_is 0
	is "$(json r.json orphans_reaped)" 2
	is "$(json r.json stragglers_killed)" 0
}

it 'has a report, or says why not, where the kernel has no getrandom (before 3.17)' && {
	run "$FORBID" getrandom -- "$PITH" --report r.json -- "$PROBE" exit 7
	if [ "$code" = 7 ]; then
		is "$(json r.json exit_code)" 7
	else
		code_is 125
		one_line
		err_like 'pith: cannot *: *'
	fi
}

it 'runs its command where the kernel has no subreapers (before 3.4)' && {
	run "$FORBID" subreaper -- "$PITH" -- "$PROBE" exit 7
	code_is 7
	err_is ''
}

it 'forwards a queued signal without its value where it may not queue' && {
	start "$FORBID" rt_sigqueueinfo -- "$PITH" -- "$PROBE" signals
	hear_until ready
	"$PROBE" queue $pid 10 44
	kill -TERM $pid
	hear
	is "$heard" 'signal 10 code 0 value 0'
	ends
}

it 'is a good process 1 where the kernel has none of all these' && root && {
	run "$FORBID" first close_range pidfd_send_signal getrandom \
	    subreaper rt_sigqueueinfo -- "$PITH" --grace 20s --report-fd 7 -- \
	    "$PROBE" orphans 2 99999 7>r.json
	code_is 0
	is "$(json r.json orphans_reaped)" 2
	is "$(json r.json stragglers_killed)" 0
}

finish
