# Sandboxes whose system calls fail. Each call of the launcher, init and child fails
# once, in that process alone (inject.c), for root and for an ordinary user. Then
# either the command runs in the same sandbox as without the fault, compared by all
# that the command can see, or pith ends with 125 and one line that gives the reason.
# Nothing hangs, no process outlives its launcher, and no file is left behind.
# shellcheck shell=sh disable=SC2016,SC2046,SC2086,SC2154
# shellcheck source=tests/lib.sh
. "${0%/*}/lib.sh"
# shellcheck source=tests/sandbox-lib.sh
. "$TESTS/sandbox-lib.sh"

INJECT=$W/inject
printf '#include <sys/syscall.h>\n' | "${CC:-cc}" -E -dM - |
    sed -n 's/^#define __NR_\([a-z0-9_]*\) .*/{ "\1", __NR_\1 },/p' >calls.h
"${CC:-cc}" -std=c11 -D_GNU_SOURCE -I. -O1 -o "$INJECT" "$TESTS/inject.c" || exit 1

HOST_NAMESPACES=$(ls -l /proc/self/ns)
USER_ID=65534
mkfifo never
NEWLINE='
'
chmod 1777 .

for who in $WHO; do
	be $who
	# Show all that a command can see of its sandbox, and the files given as arguments.
	cat >"$R/bin/look" <<'E2'
#!/bin/sh
cd /proc
echo files $(ls self/fd) limit $(ulimit -n) mask $(umask) canary $(ls /etc/canary 2>&1)
cat self/status self/uid_map self/gid_map self/mountinfo net/dev net/if_inet6 \
    sys/kernel/hostname "$@" 2>&1
ls -l self/ns
env
exit 7
E2
	chmod 755 "$R/bin/look"
	mkdir -p $H/volume
	echo of the volume >$H/volume/name
	chown $(stat -c %u:%g $R) $R/bin/look $H/volume $H/volume/name
done

# Print the output of look without the numbers that differ from run to run.
what_is_seen() {
	tr -d '\r\b\000' <"$W/.out" | HOST=$HOST_NAMESPACES awk '
		/^(Uid|Gid|Groups|Cap...|NoNewPrivs|Seccomp|Seccomp_filters|Sig(Blk|Ign)):/
		/^ *[0-9]+ +[0-9]+ +[0-9]+$/ { print "map", $1, $2 ? "" : "host", $3 }
		/^[0-9]+ [0-9]+ [0-9]+:[0-9]+ / {
			sub(/ - /, " ", $0)
			print "mount", $4, $5, $6
		}
		/ -> / {
			print $9, index(ENVIRON["HOST"], $11) ? "of the host" : "its own"
		}
		# Whether the probe says this within --timeout depends on the speed of the
		# machine.
		/^ready$/ { next }
		/^eth0\t/
		/^ *lo:/ { print $1; next }     # others may send on lo, so drop the counters
		/^[^ \t]+$/ || /^files/ || / lo$/ { print $1, $2, $3, $4, $5 }'
}

# ---- scenes ------------------------------------------------------------------

# Each scene runs pith after the words that it is given: inject and the call to fail.

plain() { "$@" "$PITH" --rootfs $R -- /bin/look; }
read_only() { "$@" "$PITH" --rootfs $R --read-only -- /bin/look; }
writable() { "$@" "$PITH" --rootfs $R --writable -- /bin/look; }
upper() { "$@" "$PITH" --rootfs $R --upper $H/upper -- /bin/look; }
mounts() {
	"$@" "$PITH" --rootfs $R --volume $H/volume:/mnt --volume $H/volume:/srv:ro,noexec \
	    --tmpfs /var/old:size=1m --file 5:/etc/of-5 -- /bin/look 5<$H/volume/name
}
identity() {
	"$@" "$PITH" --rootfs $R --user 1000 --cap-add kill --ulimit nofile=64 -- /bin/look
}
unfiltered() {
	"$@" "$PITH" --rootfs $R --seccomp off -- /bin/look sys/user/max_user_namespaces
}
filters() {
	"$@" "$PITH" --rootfs $R --new-privs --landlock ro:/ --sysctl net.core.somaxconn=9 \
	    --timens boot=+99 --env A=B --workdir /tmp -- /bin/look
}
terminal() {
	# script(1) prints something on the terminal when its input ends; keep the input open.
	script -qec "exec $* $PITH --rootfs $R --tty -- /bin/look 2>$W/.err.script" \
	    /dev/null <>never
	is=$?
	cat .err.script >&2
	return $is
}
detach() { "$@" "$PITH" --rootfs $R -d --info $H/info --pidfile $H/pid -- /bin/look; }
unshared() { "$@" "$PITH" --unshare user,pid,mnt -- $R/bin/look; }
limits() {
	"$@" "$PITH" --rootfs $R --memory 64m --pids-limit 50 --cpu-time 30s --cgroupfs -- \
	    /bin/look /sys/fs/cgroup/memory.max /sys/fs/cgroup/pids.max self/cgroup \
	    /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/pids/pids.max
}
locked() { "$@" "$PITH" --rootfs $R --cap-add SYS_ADMIN --allow-userns -- /bin/look; }
published() {
	"$@" "$PITH" --rootfs $R --publish 127.0.0.1:18083:80 --publish 18083:53/udp \
	    --listen 127.0.0.1:18084 --dns 10.0.0.1 --add-host a:10.0.0.2 -- \
	    /bin/look /etc/hosts /etc/resolv.conf
}
interface() {
	unshare --net "$@" "$PITH" --rootfs $R --network veth --ip 10.1.0.2/24 \
	    --gateway 10.1.0.1 -- /bin/look net/route
}
time_out() {
	"$@" "$PITH" --rootfs $R --timeout 30ms --stop-timeout 10ms -- /bin/probe stubborn
}

# ---- faults ------------------------------------------------------------------

# Errors to try for a call, the likely ones first.
errors() {
	case $1 in
	execve) echo EACCES ENOENT ENOEXEC E2BIG EIO ;;
	read | write | recvmsg | sendmsg | wait4 | rt_sigtimedwait | ppoll | poll)
		echo EINTR EIO ;;
	clone3 | clone | vfork | fork) echo EAGAIN EUSERS ENOSPC ;;
	esac
	echo EPERM ENOMEM ENOSYS EINVAL
	case $1 in
	open* | socket* | pipe2 | fcntl | fsopen | fsmount) echo EMFILE ENOENT EACCES ;;
	mount* | move_mount | pivot_root | umount2) echo EBUSY EROFS ;;
	esac
}

# Return whether SCENE:PROCESS:CALL:NTH:ERROR is a fault that no program can handle, or need not.
tolerated() {
	case $1 in
	# The start code of libc has no means to report an error.
	*:arch_prctl:* | *:set_tid_address:*) ;;
	# These calls never fail, or only for wrong arguments: getuid(2), rt_sigprocmask(2).
	*:get*id:* | *:rt_sig*action:* | *:rt_sigprocmask:* | *:clock_gettime:*) ;;
	# wait(2) returns only ECHILD and EINTR; any other error has hidden a death for good.
	*:wait4:*:EINTR) return 1 ;;
	*:wait4:*) ;;
	# The fault swallowed the signal that stops the command.
	time_out:*:kill:*) ;;
	# close(2) always closes, but the fault keeps the call from the kernel. These calls
	# would leave the write end of the pipe open whose end of file reports the exec.
	terminal:init:close:$((count - 5)):* | *:init:close:$((count - 4)):*) ;;
	# The message that the command runs was lost, so -d waits for the end of the command.
	detach:launcher:write:* | detach:init:sendmsg:* | detach:starter:read:*) ;;
	# Without its capabilities back the launcher cannot remove its group, and says so as well.
	upper:launcher:cap[gs]et:*) ;;
	# A terminal without its relay hangs up: SIGHUP ends the command.
	terminal:relay:*) ;;
	# In a container that may not create the node the command gets the host's.
	*:launcher:mknodat:*:EPERM) ;;
	# A file that does not exist is not read.
	*:init:openat2:*:ENOENT) ;;
	*) return 1 ;;
	esac
}

# Set $process to the name of a role of inject.c in this scene.
process_of() {
	case $scene:$1 in
	detach:1) process=starter ;;
	detach:1.1 | *:1) process=launcher ;;
	detach:1.1.1 | *:1.1) process=init ;;
	locked:1.1.1) process=holder ;;
	detach:1.1.1.1 | locked:1.1.2 | *:1.1.1) process=child ;;
	*) process=relay ;;
	esac
}

sweep() { rm -rf $H/upper $H/info $H/pid $H/.pith-*; }

# Return whether no file and no mount is left, except the requested ones.
clean() {
	[ "$(cat /proc/self/mountinfo)" = "$mounts" ] || {
		wrong='has mounted something here'
		return 1
	}
	case $code in "$right" | 98) rm -rf $H/upper $H/info $H/pid ;; esac
	# A fault of the call that removes the directory is reported.
	case $err in *'cannot remove the work directory'*) rm -rf $H/.pith-work.* ;; esac
	set -- $H/* $H/.[!.]*
	[ "$*" = "$files" ] && return
	wrong="$wrong has left files: $*"
	sweep
	return 1
}

# Record the calls of all processes up to the exec, as lines "ROLE CALL COUNT", and
# the output of the command, both without a fault.
learn() {
	sweep
	files=$(echo $H/* $H/.[!.]*)
	mounts=$(cat /proc/self/mountinfo)
	run $scene $INJECT $be_user -l $W/calls.new
	code_is "$right"
	err_is ''
	usual=$(what_is_seen)
	grep -v ' exit_group ' calls.new >calls.$scene
	wrong=
	[ "$code" = "$right" ] && [ "$(grep -c . calls.$scene)" -gt 50 ] && clean || {
		fail "$scene, without a fault: too few calls are seen, or it$wrong"
		return 1
	}
}

said() {
	case $err in *"$NEWLINE"*) return 1 ;; 'pith: '*) ;; *) return 1 ;; esac
}

# Return whether the run ended in one of the two permitted ways.
right_or_said() {
	case $code:$call in
	"$right":*)
		[ -z "$err" ] || said || return 1
		[ "$(what_is_seen)" = "$usual" ] && return
		wrong='is another sandbox:
'$(what_is_seen >.seen; printf '%s\n' "$usual" | diff - .seen | head -12)
		return 1 ;;
	125:* | 12[67]:execve) said ;;
	*) return 1 ;;
	esac
}

# Run one fault: the nth call of a process fails with an error.
strike() {
	strikes=$((strikes + 1)) wrong=
	run $scene $INJECT $be_user $role $call $nth $error
	case $code in
	98) missed=$((missed + 1)) ;;
	*) right_or_said ;;
	esac && clean || fail "$scene, $process, $call $nth, $error:" \
	    "exit code $code $wrong; stderr: $err"
}

# Return whether to leave out a fault. A soak tries each call with each error. Otherwise each
# call gets one error, by turns, and outside the plain scene only its first and last use counts.
passed_over() {
	turn=$((turn + 1))
	[ "$N" -lt 10 ] || return 1
	case $scene:$nth in
	plain:* | unfiltered:* | *:1 | *:$count) ;;
	*) return 0 ;;
	esac
	[ $(((number + nth + turn) % of)) != 0 ]
}

# Run all faults of a scene. Leave out the calls that a process makes as often as in
# the plain scene.
storm() {
	learn || return
	case $scene in
	plain) cat calls.plain ;;
	unfiltered) grep '^1\.1 \(openat\|write\) ' calls.$scene ;;
	*) grep -vxFf calls.plain calls.$scene ;;
	esac >calls
	[ -s calls ] || fail 'no calls of its own'
	while read -r role call count; do
		process_of $role
		number=$((number + 1))
		nth=0
		while [ $((nth += 1)) -le $count ]; do
			turn=0
			set -- $(errors $call)
			of=$#
			for error; do
				passed_over || tolerated \
				    "$scene:$process:$call:$nth:$error" || strike
			done
		done
	done <calls
}

works() {
	run $INJECT -l $W/calls.new /bin/true
	[ "$code" != 97 ] || { skip 'no seccomp_unotify(2) here'; return 1; }
}

strikes=0 missed=0 number=0
for who in $WHO; do
	be $who
	be_user=
	: >calls.plain
	[ -z "$as" ] || be_user="-u $USER_ID"
	scene=plain right=7
	it "would notice a different sandbox ($who)" && works && {
		learn
		for words in '--seccomp off' --new-privs '--cap-add kill' '--network host' \
		    '--ipc host' '--uts host' '--proc full' '--sys none' --writable \
		    '--preserve-fd 5' '--umask 0' '--ulimit nofile=60'; do
			box $words -- /bin/look 5<$H/volume/name
			[ "$(what_is_seen)" != "$usual" ] || fail "not that of $words"
		done
	}
	while read -r scene right what; do
		# An ordinary user needs a group, or a network, of its own for these.
		case $scene:$who in limits:as_user | interface:as_user) continue ;; esac
		it "$what, or gives the reason, whatever call fails ($who)" && have script &&
		    works && storm
	done <<'E2'
plain      7   runs its command in a sandbox
read_only  7   has a read-only root
writable   7   has a writable root
upper      7   keeps what the command writes
mounts     7   mounts volumes, a tmpfs and a file
unfiltered 7   has no filter and still no nested namespaces
identity   7   runs as another user, with a capability and a limit
filters    7   has filters, parameters and a clock
terminal   7   has a terminal
detach     0   returns when the command runs
unshared   7   has namespaces without a root
limits     7   has limits
locked     7   has mounts that it cannot change
published  7   publishes ports, hands over a socket, and resolves names
interface  7   has an interface
time_out   124 keeps to --timeout
E2
done

it 'injects nearly all of these faults' && [ -z "$ONLY" ] && works && {
	echo "# $strikes faults, of which $missed came too late"
	[ $strikes -gt 500 ] && [ $((missed * 20)) -lt $strikes ] ||
	    fail "$missed of $strikes came too late"
}

finish
