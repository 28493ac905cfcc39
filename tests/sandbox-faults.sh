# What a sandbox is when a system call fails. Every call that launcher, init and child
# make is made to fail, one at a time, in that process alone (inject.c), as root and as
# an ordinary user. Every time the command has to run in the same sandbox as ever, all
# that it can see of it compared, or pith ends with 125 and one line that says why.
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
	# All that a command can see of its sandbox, and further files.
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

# The same in words that do not differ from run to run.
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
		# Whether it gets there within --timeout is up to the machine.
		/^ready$/ { next }
		/^eth0\t/
		/^ *lo:/ { print $1; next }     # others may send over it
		/^[^ \t]+$/ || /^files/ || / lo$/ { print $1, $2, $3, $4, $5 }'
}

# ---- scenes ------------------------------------------------------------------

# Each runs pith behind the words that it is given: what has a call fail.

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
	# It says on the terminal that its input ends, where it does.
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

# The errors to try for a call, the likely ones first.
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

# SCENE:PROCESS:CALL:NTH:ERROR that no program could make good, or need not.
tolerated() {
	case $1 in
	# The start code of libc: it has nobody to tell.
	*:arch_prctl:* | *:set_tid_address:*) ;;
	# They never fail, or for wrong arguments alone, getuid(2), rt_sigprocmask(2).
	*:get*id:* | *:rt_sig*action:* | *:rt_sigprocmask:* | *:clock_gettime:*) ;;
	# wait(2) knows ECHILD and EINTR; any other has hidden a death for good.
	*:wait4:*:EINTR) return 1 ;;
	*:wait4:*) ;;
	# The fault has swallowed the signal that ends the command.
	time_out:*:kill:*) ;;
	# close(2) always lets go; the fault keeps it from the kernel. By these the end of
	# the pipe would stay, of which the exec is to be the end.
	terminal:init:close:$((count - 5)):* | *:init:close:$((count - 4)):*) ;;
	# That the command runs was not told, so -d waits for its end.
	detach:launcher:write:* | detach:init:sendmsg:* | detach:starter:read:*) ;;
	# Who has not got back what he had cannot remove his group, and says so besides.
	upper:launcher:cap[gs]et:*) ;;
	# A terminal whose other side is gone hangs up: the command ends by SIGHUP.
	terminal:relay:*) ;;
	# In a container that may make no node it gets the host's.
	*:launcher:mknodat:*:EPERM) ;;
	# What is not there is not read.
	*:init:openat2:*:ENOENT) ;;
	*) return 1 ;;
	esac
}

# What a role of inject.c is here.
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

# Whether no file and no mount is left, but for those that were asked for.
clean() {
	[ "$(cat /proc/self/mountinfo)" = "$mounts" ] || {
		wrong='has mounted something here'
		return 1
	}
	case $code in "$right" | 98) rm -rf $H/upper $H/info $H/pid ;; esac
	# A fault of the call that removes it is said.
	case $err in *'cannot remove the work directory'*) rm -rf $H/.pith-work.* ;; esac
	set -- $H/* $H/.[!.]*
	[ "$*" = "$files" ] && return
	wrong="$wrong has left files: $*"
	sweep
	return 1
}

# The calls of all processes up to the exec, as lines "ROLE CALL COUNT", and what the
# command sees, both without a fault.
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

# Whether what came is one of the two things that may.
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

# One fault: the nth call of a process fails with error.
strike() {
	strikes=$((strikes + 1)) wrong=
	run $scene $INJECT $be_user $role $call $nth $error
	case $code in
	98) missed=$((missed + 1)) ;;
	*) right_or_said ;;
	esac && clean || fail "$scene, $process, $call $nth, $error:" \
	    "exit code $code $wrong; stderr: $err"
}

# For a soak each call with each error; else with one, by turns, and but for the plain
# scene the first and the last call of a name.
passed_over() {
	turn=$((turn + 1))
	[ "$N" -lt 10 ] || return 1
	case $scene:$nth in
	plain:* | unfiltered:* | *:1 | *:$count) ;;
	*) return 0 ;;
	esac
	[ $(((number + nth + turn) % of)) != 0 ]
}

# All faults of a scene, one by one: of those calls that a process makes more often there,
# or less, than in the plain one.
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
	it "would see a sandbox that is another one ($who)" && works && {
		learn
		for words in '--seccomp off' --new-privs '--cap-add kill' '--network host' \
		    '--ipc host' '--uts host' '--proc full' '--sys none' --writable \
		    '--preserve-fd 5' '--umask 0' '--ulimit nofile=60'; do
			box $words -- /bin/look 5<$H/volume/name
			[ "$(what_is_seen)" != "$usual" ] || fail "not that of $words"
		done
	}
	while read -r scene right what; do
		# Which a user may not have without a group, or a network, of his own.
		case $scene:$who in limits:as_user | interface:as_user) continue ;; esac
		it "$what, or says why not, whatever call fails ($who)" && have script &&
		    works && storm
	done <<'E2'
plain      7   runs its command in a sandbox
read_only  7   has a root that is read-only
writable   7   has a root that is writable
upper      7   keeps the writes
mounts     7   mounts volumes, a tmpfs and a file
unfiltered 7   has no filter, but no namespaces in it either
identity   7   is another user, with a capability and a limit
filters    7   has filters, parameters and a clock
terminal   7   has a terminal
detach     0   comes back when the command runs
unshared   7   has namespaces without a root
limits     7   has limits
locked     7   has mounts that it cannot change
published  7   publishes ports, passes one on, and has names
interface  7   has an interface
time_out   124 keeps to --timeout
E2
done

it 'has had nearly all of these faults' && [ -z "$ONLY" ] && works && {
	echo "# $strikes faults, of which $missed came too late"
	[ $strikes -gt 500 ] && [ $((missed * 20)) -lt $strikes ] ||
	    fail "$missed of $strikes came too late"
}

finish
