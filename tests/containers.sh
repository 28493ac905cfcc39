# Tests of what containers expect of process 1: environment, files and groups.
# shellcheck shell=sh source=tests/lib.sh disable=SC2016,SC2046,SC2086,SC3045
. "${0%/*}/lib.sh"

FORBID=$B/forbid

# Run as root and as an ordinary user, except where a test needs root.
WHO=user
[ "$(id -u)" != 0 ] || WHO='root user'
USER_ID=54321
chmod 755 "$W"

# Build a root of busybox: the files of this machine may have owners that cannot be mapped.
mkdir -p "$W/box/bin" "$W/box/etc" "$W/box/proc" "$W/box/sys" "$W/box/dev" "$W/box/tmp"
cp /bin/busybox "$W/box/bin/"
for applet in $(/bin/busybox --list); do
	[ -e "$W/box/bin/$applet" ] || ln -s busybox "$W/box/bin/$applet"
done
echo nobody:x:65534:65534::/:/bin/sh >"$W/box/etc/passwd"
BOX="--rootfs $W/box"

# Run a shell command as $who, in a directory that it owns.
as_who() {
	case $who in
	root) sh -c "$1" ;;
	user) [ "$(id -u)" != 0 ] && sh -c "$1" || setpriv --reuid $USER_ID --regid $USER_ID \
	    --clear-groups env HOME=/ sh -c "$1" ;;
	esac
}

# ---- standard files ----------------------------------------------------------

# Seen to fail where init closed 0 and 1: "cannot create /proc/1/fd/1".
it 'keeps descriptors 0 and 1 open as process 1, for programs that use /proc/1/fd' && root && {
	run sh -c "echo typed | $AS_1 $PITH -- sh -c 'echo job >/proc/1/fd/1; cat /proc/1/fd/0' |
	    cat"
	out_is 'job
typed'
	run $AS_1 "$PITH" --user 1000 --grace 1s -- sh -c '
		readlink /proc/1/fd/0 /proc/1/fd/1 | wc -l'
	out_is 0                        # root owns it
	start $AS_1 "$PITH" --user 1000 -- "$PROBE" signals
	hear_until ready
	one=$(only_child $pid)
	[ -p "/proc/$one/fd/1" ] || fail "no pipe at 1: $(ls -l "/proc/$one/fd")"
	[ -c "/proc/$one/fd/0" ] || fail "no device at 0: $(ls -l "/proc/$one/fd")"
	kill -TERM "$one"
	ends
}

it 'keeps descriptors 0 and 1 open under the name of another init' && {
	for init in tini docker-init dumb-init catatonit; do
		ln -sf "$PITH" "$init"
		start "./$init" -- "$PROBE" signals
		hear_until ready
		[ -p "/proc/$pid/fd/1" ] || fail "$init has closed 1"
		kill -TERM $pid
		ends
	done
	start "$PITH" -- "$PROBE" signals
	hear_until ready
	eventually [ ! -e "/proc/$pid/fd/1" ]
	kill -TERM $pid
	ends
}

it 'leaves closed standard files closed, as process 1' && root && {
	start $AS_1 sh -c 'exec "$PITH" -- "$PROBE" signals <&-'
	hear_until ready
	[ ! -e "/proc/$(only_child $pid)/fd/0" ] || fail 'there is a file at 0'
	[ -e "/proc/$(only_child $pid)/fd/1" ] || fail 'there is no file at 1'
	kill -TERM "$(only_child $pid)"
	ends
}

# Seen to fail without stdfiles_open_pipes(): "cannot create /dev/stdout: Permission denied".
OPENS='echo out >/dev/stdout; echo err >/dev/stderr; cat /dev/stdin'
it 'lets the user of --user open pipes as /dev/stdout, /dev/stderr and /dev/stdin' &&
    root && {
	for how in "--user 1000" "--user 1000:1000 --unshare pid" "$BOX --user nobody" \
	    "$BOX" "$BOX --user 1000:7 --userns host" "$BOX --tty=no --user 33" \
	    "--unshare user --user 77" "--user 1000 --cap-drop ALL"; do
		run sh -c "echo in | $PITH $how -- sh -c '$OPENS' 2>&1 | cat"
		is "$how: $out" "$how: out
err
in"
	done
}

it 'lets the user of --user open pipes of an ordinary user by name' && {
	who=user
	for how in '' '--user 33'; do
		run as_who "echo in |
		    $PITH $BOX --read-only $how -- sh -c '$OPENS' 2>&1 | cat"
		is "$how: $out" "$how: out
err
in"
	done
}

it 'does not change the owner of regular files, devices and directories' && root && {
	: >file
	for how in '--user 1000' "$BOX"; do
		run sh -c "$PITH $how -- true <file >>file 2>/dev/null"
		code_is 0
		is "$how: $(stat -c %u file)" "$how: 0"
		is "$how: $(stat -c %u /dev/null)" "$how: 0"
	done
	run sh -c "$PITH --user 1000 -- true <$W"
	is "$(stat -c %u "$W")" 0
}

it 'does not change a named pipe or a pipe of another user' && root && {
	mkfifo -m 600 named
	for how in '--user 1000' "$BOX"; do
		run sh -c "$PITH $how -- true <>named"
		code_is 0
		is "$how: $(stat -c '%u %a' named)" "$how: 0 600"
	done
	rm named
}

# Seen to fail where the pipe was given to the command's user: the shell of root obeyed it.
it 'lets the command open a pipe only in the direction that it has' && root && {
	for how in '--user 1000' "$BOX" "$BOX --user 1000" '--unshare user'; do
		rm -f obeyed
		run sh -c "printf '%s\n' \
		    '$PITH $how -- sh -c \"echo touch $W/obeyed >/proc/self/fd/0\"' 'echo on' | sh"
		is "$how: $out" "$how: on"
		[ ! -e obeyed ] || fail "$how: a shell of the host read what the command wrote"
		run sh -c "(echo secret; $PITH $how -- \
		    sh -c 'read -r line </proc/self/fd/1 && echo \"read \$line\"'; :) | sed -n p"
		is "$how: $out" "$how: secret"
		run sh -c "$PITH $how -- chmod 666 /proc/self/fd/1 | cat"
		err_like '*not permitted*'
	done
}

# Seen to fail without stdfiles_take_back(): the user kept the terminal and its new mode.
it 'gives a terminal to the user of --user and takes it back at exit' && root &&
    have script && {
	run script -qc "stat -c 'is %u %a' \$(tty)
	    $PITH --user 1000 -- sh -c 'echo out >/dev/stdout
	    stat -c \"is %u\" \$(tty); chmod 666 \$(tty)'; stat -c 'was %u %a' \$(tty)" /dev/null
	out_like '*is 0 *out*is 1000*was 0 *'
	is "$(echo "$out" | tr -d '\r' | sed -n 's/^was //p')" \
	    "$(echo "$out" | tr -d '\r' | sed -n 's/^is \(0 .*\)/\1/p')"
	# Give no terminal that pith could not take back at exit.
	for how in "$BOX" '--unshare user --user 77' '-d --user 1000'; do
		run script -qc "$PITH $how -- sh -c :; stat -c 'is %u' \$(tty)" /dev/null
		is "$how: $(echo "$out" | tr -d '\r\0')" "$how: is 0"
	done
}

# ---- variables of a service manager -------------------------------------------

# Seen to fail with the variables unchanged: systemd's library saw no sockets.
it 'sets LISTEN_PID and WATCHDOG_PID to the command and drops LISTEN_PIDFDID' && {
	run sh -c 'LISTEN_FDS=1 LISTEN_PID=$$ LISTEN_PIDFDID=7 WATCHDOG_PID=$$ exec "$PITH" -- \
	    sh -c "echo \$LISTEN_PID \$LISTEN_PIDFDID \$WATCHDOG_PID \$\$"'
	set -- $out
	is "$#" 3
	is "$1 $2" "$3 $3"
	run env LISTEN_PID=1 LISTEN_PIDFDID=7 WATCHDOG_PID=1 "$PITH" -- \
	    sh -c 'echo $LISTEN_PID $LISTEN_PIDFDID $WATCHDOG_PID'
	out_is '1 7 1'
	run sh -c 'LISTEN_PID=$$ LISTEN_PIDFDID=7 exec "$PITH" --env A=1 -- \
	    sh -c "echo \$LISTEN_PIDFDID"'
	out_is ''
}

# ---- the environment ---------------------------------------------------------

# Seen to fail with a table of 4,096 variables, and with a linear search for each variable.
it 'passes on 16,000 variables with each option of the environment' && {
	seq 16000 | sed 's/.*/V&=&/' >variables
	seq 16000 | sed 's/^/V/' >names
	cat >many <<-'E'
		set -a
		. ./variables
		exec "$@"
	E
	for how in '--env A=1' '--env V7=new' '--unsetenv V7' '--keep-env=V7' \
	    '--env-file names' '--env-file variables'; do
		run env -i sh many "$PITH" $how -- /usr/bin/env
		case $how in
		'--env A=1') most=16001 ;;
		'--unsetenv V7') most=15999 ;;
		*) most=16000 ;;
		esac
		is "$how: $(grep -cE '^(V|A)' "$W/.out")" "$how: $most"
		is "$how: $(grep -c '^V16000=16000$' "$W/.out")" "$how: 1"
	done
	if [ "$(id -u)" = 0 ]; then
		run env -i sh many "$PITH" --user 1000 -- /usr/bin/env
		is "$(grep -c ^V "$W/.out")" 16000
	fi
	run env -i sh many "$PITH" $(sed -n 's/^/--env=/; 1,5000p' names) $BOX --read-only \
	    -- env
	is "$(grep -c ^V "$W/.out")" 5000
}

# Print the number of instructions of a start with the options $how and ./variables.
instructions() {
	env -i PATH="$PATH" sh -c 'set -a; . ./variables; set +a; exec "$@"' sh \
	    valgrind --tool=callgrind --callgrind-out-file=/dev/null ./pith-copy $how -- true \
	    2>&1 >/dev/null | sed -n 's/.*Collected : //p'
}

it 'uses instructions in proportion to the number of variables' && have valgrind && {
	cp "$PITH" pith-copy
	for how in '--env A=1' '--unsetenv V7' '--keep-env=V7' '--env-file names'; do
		set --
		for n in 2000 4000 8000; do
			seq $n | sed 's/.*/V&=&/' >variables
			seq $n | sed 's/^/V/' >names
			set -- "$@" "$(instructions)"
		done
		# Allow twice the instructions for twice the additional variables, plus 10 %.
		[ "$(($3 - $2))" -le "$((($2 - $1) * 22 / 10))" ] ||
		    fail "$how: $* instructions for 2,000, 4,000, 8,000 variables"
	done
}

# ---- groups, options ---------------------------------------------------------

# Seen to fail with a table of 64 groups.
it 'finds the 1,000 groups of a user by the user name' && root && have busybox && {
	mkdir -p root/etc
	echo 'many:x:1000:1000::/:/bin/sh' >root/etc/passwd
	seq 2000 2999 | sed 's/.*/g&:x:&:many/' >root/etc/group
	cp /bin/busybox root/
	for how in '--rootfs root' '--chroot root'; do
		run "$PITH" $how --user many -- /busybox id -G
		is "$how: $(wc -w <"$W/.out")" "$how: 1001"
	done
}

# Seen to fail with a table of 2,048 words, and with 64 KiB for --args-fd.
it 'accepts 5,000 volumes and a megabyte of options' && root && {
	many=$(($(ulimit -H -n) / 2))   # each needs a descriptor
	[ $many -lt 5000 ] || many=5000
	: >small
	mkdir -p lots/bin lots/v
	cp "$PROBE" lots/bin/
	seq -f "--volume=$W/small:/v/%.0f:ro" $many | tr '\n' '\0' >options
	head -c 1000000 /dev/zero | tr '\0' x | fold -w 100000 | sed 's/^/--env=BIG=/' |
	    tr '\n' '\0' >values
	[ "$(wc -c <values)" -gt 1000000 ] || fail 'it is less than a megabyte'
	run sh -c '"$PITH" --rootfs lots --args-fd 7 --args-fd 8 -- \
	    /bin/probe exit 7 7<options 8<values'
	code_is 7
	run sh -c '"$PITH" --args-fd 7 -- "$PROBE" exit 7 7</dev/zero'
	code_is 125
	one_line
}

# ---- minimal containers ---------------------------------------------------------

it 'runs as process 1 without /proc, /dev, capabilities or a writable root' && root && {
	mkdir bare
	cp "$PITH" "$PROBE" bare/
	for as in 'chroot bare' 'chroot --userspec=1000:1000 --groups= bare' \
	    'setpriv --bounding-set=-all,+sys_chroot --inh-caps=-all --no-new-privs chroot bare'; do
		for how in '' '--grace 1s' --wait '-g -s -w' '--timeout 9s --report-fd 1' \
		    '--env A=1'; do
			run unshare --mount --pid --fork sh -ec 'mount --bind bare bare
			    mount -o remount,bind,ro bare && exec "$@"' sh $as /pith $how -- \
			    /probe exit 7
			case $how in
			--grace*|--wait)
				is "$as, $how: $code" "$as, $how: 125"
				one_line
				err_like "*'/proc'*mount it*" ;;
			*) is "$as, $how: $code $err" "$as, $how: 7 " ;;
			esac
		done
	done
}

# ---- filters of system calls -------------------------------------------------

# Seen to fail with vfork(2) alone: "cannot start 'probe': Operation not permitted".
it 'starts its command by fork(2) when a filter forbids vfork(2)' && {
	case $(uname -m) in
	x86_64)
		for error in '' EPERM; do
			run "$FORBID" $error vfork -- "$PITH" -- "$PROBE" exit 7
			code_is 7
			run "$FORBID" $error vfork -- "$PITH" -- nowhere
			code_is 127
		done ;;
	*) run "$PITH" -- "$PROBE" exit 7; code_is 7 ;;
	esac
}

# Forbid all calls since Linux 5.1, by number. A start succeeds or exits with 125 and one line.
it 'starts or reports the reason without each system call newer than Linux 4.19' &&
    for who in $WHO; do
	for error in ENOSYS EPERM; do
		[ $error = EPERM ] || error=
		for call in $(seq 424 469); do
			for how in '' '--grace 1s --timeout 9s' '--unshare user,pid,mnt' \
			    "$BOX --read-only"; do
				run as_who "$FORBID $error $call -- $PITH $how -- sh -c 'exit 7'"
				[ "$code" = 7 ] && continue
				case $code,$how in
				125,*rootfs*|125,*unshare*) one_line && continue ;;
				esac
				fail "$who, $error without call $call, '$how': $code, $err"
			done
		done
	done
    done

finish
