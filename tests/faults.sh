# Tests of failing system calls. strace(1) makes each call of pith fail once, at the start and
# in the loop, with several errors. Then a seccomp filter forbids calls, as on old kernels.
# pith must give the right result, or fail with one line that names the reason. Nothing may
# hang or be left behind.
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

# Each scene runs pith behind its arguments: strace and its options.

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
# Walk through a small /proc, that of a PID namespace.
end_all_by_proc() { end_all $AS_1 "$@"; }
paused() { pause "$@" $SEND_TERM; }
SEND_TERM='-e inject=chdir:signal=TERM'
# Follow process 1 and its child before the exec (-f): the same call of every process fails
# then.
AS_FIRST="-f $FORBID first --"
first() { plain "$@" $AS_FIRST; }
first_report() { report "$@" $AS_FIRST; }
first_end_all() { end_all "$@" $AS_FIRST; }
first_wait_all() { wait_all "$@" $AS_FIRST; }
# Run in a mount namespace, so that its mounts and its status in /run vanish with it.
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

# Print the errors to try for a call.
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

# Accept SCENE:CALL:NTH:ERROR that no program could handle.
tolerated() {
	case $1 in
	# The start code of libc has no way to report an error.
	*:arch_prctl:*) ;;
	# These calls fail only for invalid arguments, see rt_sigprocmask(2) and
	# clock_gettime(2). A signal that is not blocked then kills the process, as it should.
	*:rt_sigprocmask:* | *:clock_gettime:*) ;;
	# wait(2) documents ECHILD and EINTR. Any other error hides an exit for good.
	first_*_all:wait4:1:EINTR) ;;   # strace -f hits the command too
	*:wait4:*:EINTR) return 1 ;;
	*:wait4:*) ;;
	# The fault suppressed the only signal that could end the child.
	forward:kill:1:* | time_out:kill:3:*) ;;
	# Without subreapers (before Linux 3.4) pith does not adopt orphans.
	wait_all:prctl:* | end_all_by_proc:prctl:*) ;;
	# The fault comes before pith reads the name it runs under.
	as_*:mprotect:*) ;;
	# With --seccomp-bpf strace cannot inject the signal that ends the pause.
	*paused:close_range:*) ;;
	*) return 1 ;;
	esac
}

# Record the calls of pith, or of its child before the exec, in a scene without faults, as
# lines "COUNT CALL". $usual is the number of lines on stderr.
learn() {
	rm -f trace.*
	run $scene strace -ff -qq -o trace
	code_is "$right"
	usual=$(wc -l <"$W/.err")
	# Find the trace of pith: it blocks all signals.
	init=$(grep -l '^rt_sigprocmask(SIG_SETMASK, ~\[\],' trace.*)
	born=$(sed -n 's/^\(vfork\|clone\)(.*= //p' "$init")
	case $scene in
	*child) sed '/^execve(.*= 0$/q' "trace.$born" ;;
	*) awk 'on; /^execve\(.*= 0$/ { on = 1 }' "$init" ;;
	esac | sed -n 's/^\([a-z_0-9]*\)(.*/\1/p' | sort | uniq -c >calls
	[ -s calls ] || fail "$scene: strace shows no calls"
	# Exclude the close(2) before the fork that closes the status pipe. A real close(2)
	# always releases the descriptor, but the injected fault skips the call: the exec could
	# not close the pipe then.
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

# Return whether pith printed no line about the fault.
silent() { [ "$lines" -le "$usual" ]; }
told() { ! silent || grep -qs "\"exit_code\":$code," r.json; }
both_reaped() { ! silent || grep -qs '"orphans_reaped":[2-9]' r.json; }
# The effect of prctl(2) cannot be seen, so its failure must be reported.
followed() { ! silent || [ "$call $nth" != 'prctl 1' ]; }

# Accept the usual result, or a failure that is reported.
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

# Inject one fault: the nth call fails with error.
strike() {
	how=
	# Trace only these calls: strace would stop at each of the 65,000 close(2) of the
	# fallback.
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

# Alternate the errors from the second call on, except in a soak.
passed_over() {
	[ "$N" -lt 10 ] && [ $nth -gt 1 ] && [ $(((nth + turn) % 3)) != 0 ]
}

# Inject all faults of a scene, one by one.
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

# Read a scene, its exit code without faults, a check of the result, a requirement, and the
# beginning of the test name.
while read -r scene right proof needs what; do
	it "$what or reports the error when a system call fails" && have strace && $needs &&
	    storm
done <<'E'
plain            7   true        true         runs its command
group            7   true        true         leads a group
terminal         7   true        have_script  hands a terminal over
verbose          7   true        true         logs what it does
report           7   told        true         reports
report_fd        7   told        true         reports to an open file
no_file          127 told        true         exits with 127 for a missing command
parent           7   followed     true         sets its parent-death signal
as_tini          7   true        true         replaces tini
as_dumb_init     7   true        true         replaces dumb-init
forward          7   true        true         forwards a signal
queue            7   true        true         forwards a queued signal
time_out         124 told        true         enforces --timeout
wait_all         0   both_reaped true         waits for all processes
end_all_by_proc  0   both_reaped root         ends all processes through /proc
paused           0   true        true         pauses
first            7   true        root         is process 1
first_report     7   told        root         reports as process 1
first_end_all    0   both_reaped root         ends all processes as process 1
first_wait_all   0   both_reaped root         waits for all processes as process 1
first_paused     0   true        root         pauses as process 1
first_boot       7   true        root         boots one program
plain_child      7   true        true         executes a command
group_child      7   true        true         executes a command in a group
terminal_child   7   true        have_script  executes a command on a terminal
script_child     7   true        true         executes a script
E

# ---- old kernels -------------------------------------------------------------

fds_are() { [ "$(ls "/proc/$pid/fd" | tr '\n' ' ')" = "$1" ]; }

it 'closes its descriptors without close_range (before Linux 5.9)' && {
	start "$FORBID" close_range -- "$PITH" --report-fd 7 -- "$PROBE" signals \
	    6<script 7>r.json 8<script
	hear_until ready
	eventually fds_are '128 2 '
	kill -TERM $pid
	ends
	code_is 0
	is "$(json r.json exit_code)" 0
}

it 'ends all processes without pidfd_send_signal (before Linux 5.1)' && {
	run "$FORBID" pidfd_send_signal -- "$PITH" --grace 20s --report r.json -- \
	    "$PROBE" orphans 2 99999
	code_is 0
	is "$(json r.json orphans_reaped)" 2
	is "$(json r.json stragglers_killed)" 0
}

it 'writes a report or names the error without getrandom (before Linux 3.17)' && {
	run "$FORBID" getrandom -- "$PITH" --report r.json -- "$PROBE" exit 7
	if [ "$code" = 7 ]; then
		is "$(json r.json exit_code)" 7
	else
		code_is 125
		one_line
		err_like 'pith: cannot *: *'
	fi
}

it 'runs its command without subreapers (before Linux 3.4)' && {
	run "$FORBID" subreaper -- "$PITH" -- "$PROBE" exit 7
	code_is 7
	err_is ''
}

it 'forwards a queued signal without its value when it may not queue' && {
	start "$FORBID" rt_sigqueueinfo -- "$PITH" -- "$PROBE" signals
	hear_until ready
	"$PROBE" queue $pid 10 44
	kill -TERM $pid
	hear
	is "$heard" 'signal 10 code 0 value 0'
	ends
}

it 'works as process 1 without any of these calls' && root && {
	run "$FORBID" first close_range pidfd_send_signal getrandom \
	    subreaper rt_sigqueueinfo -- "$PITH" --grace 20s --report-fd 7 -- \
	    "$PROBE" orphans 2 99999 7>r.json
	code_is 0
	is "$(json r.json orphans_reaped)" 2
	is "$(json r.json stragglers_killed)" 0
}

finish
