# --doctor: features of a sandbox that work here, and for each failure the reason and
# the remedy. sandbox.sh shows that the features work; this suite makes each kind of
# failure, and --doctor has to find it.
# shellcheck shell=sh source=tests/lib.sh disable=SC2016,SC2086
. "${0%/*}/lib.sh"

FORBID=$W/forbid
"${CC:-cc}" -std=c11 -D_GNU_SOURCE -I"$TOP" -O1 -static -o "$FORBID" \
    "$TESTS/forbid.c" || exit 1
chmod 755 "$W"

# Goes before a command: run as an ordinary user without other ids.
AS_USER=
[ "$(id -u)" != 0 ] || AS_USER='setpriv --reuid 65534 --regid 65534 --clear-groups'
# Run as root of a user namespace, which may break things in there.
AS_ROOT='unshare --user --map-root-user'

ROWS='kernel
clone3
user namespace
more ids
mnt namespace
pid namespace
net namespace
ipc namespace
uts namespace
cgroup namespace
time namespace
loopback
openat2
new mount calls
overlay
idmapped .
idmapped /tmp
proc
sysfs
devpts
mqueue
pivot_root
no_new_privs
seccomp filter
landlock
pidfd
cgroups
loop device
tty injection'

# Print the line of a row in $out: "yes  NAME (USE): REMARK" or "no   NAME: WHY; REMEDY".
row() { printf '%s\n' "$out" | grep -E "^(yes|no |-  )  $1( \(|: |$)"; }
row_is() { is "$(row "$1")" "$2"; }
# shellcheck disable=SC2254
row_like() {
	case $(row "$1") in $2) ;; *) fail "'$(row "$1")' is not like '$2'" ;; esac
}
last_line() { printf '%s\n' "$out" | tail -n 1; }
needed_and_lacking() { printf '%s\n' "$out" | grep -c '^no   [^(:]*\(:\|$\)'; }

# ---- a machine without failures -----------------------------------------------

agrees() {
	is "$(printf '%s\n' "$out" | sed '$d' | sed 's/^.....//; s/ (.*//; s/: .*//')" \
	    "$ROWS"
	case $code in
	0) is "$(last_line)" 'all that --rootfs needs works for this user' ;;
	1) is "$(last_line)" "$(needed_and_lacking) features that --rootfs needs do not work: \
a sandbox will exit with 125" ;;
	*) fail "exit code $code" ;;
	esac
	err_is ''
}

it 'prints a line for each check, and a summary' && {
	run "$PITH" --doctor
	agrees
	row_is kernel "yes  kernel: $(uname -r)"
	run $AS_USER "$PITH" --doctor
	agrees
}

it 'predicts whether a sandbox starts' && {
	mkdir root
	cp "$PROBE" root
	for user in '' "$AS_USER"; do
		run $user "$PITH" --doctor
		works=$code
		run $user "$PITH" --rootfs root -- /probe exit 7
		case $works:$code in 0:7 | 1:125) ;; *) fail "$works, but $code: $err" ;; esac
	done
	run $AS_USER $AS_ROOT sh -c 'echo 0 >/proc/sys/user/max_user_namespaces &&
	    exec "$PITH" --rootfs root -- /probe exit 7'
	code_is 125
}

it 'prints valid JSON' && have python3 && {
	for user in '' "$AS_USER"; do
		run $user "$PITH" --doctor=json
		err_is ''
		printf '%s\n' "$ROWS" >rows
		python3 - "$code" "$(uname -r)" "$($user id -u)" <<-'E' || fail "$out"
		import json
		import sys
		d = json.load(open('.out'))
		rows = open('rows').read().splitlines()
		assert list(d) == ['kernel', 'user', 'checks', 'works']
		assert d['works'] is (sys.argv[1] == '0')
		assert d['kernel'] == sys.argv[2] and d['user'] == int(sys.argv[3])
		assert [c['name'] for c in d['checks']] == rows
		for c in d['checks']:
		    assert set(c) == {'name', 'works', 'for', 'remark', 'error', 'remedy'}
		    assert (c['works'] is False) == (c['error'] is not None), c
		assert d['works'] == all(c['works'] is not False
		    for c in d['checks'] if c['for'] is None)
		E
	done
}

it 'checks idmapped mounts as root, and says that other users do not need them' && root && {
	run "$PITH" --doctor
	row_like 'idmapped .' '[yn]* idmapped .*'
	run $AS_USER "$PITH" --doctor
	row_is 'idmapped .' "-    idmapped .: for root's user namespaces"
	row_like 'loop device' 'no   loop device (images): *; run as root, with *'
	row_like 'more ids' 'no   more ids (--userns subid): *; run usermod --add-subuids *'
}

it 'leaves no file behind, and prints nothing else while it checks' && {
	mkdir empty
	chmod 777 empty
	for user in '' "$AS_USER"; do
		run sh -c "cd empty && $user '$PITH' --doctor"
		is "$(ls -A empty)" ''
		err_is ''
	done
}

it 'says that its output cannot be written' && {
	run sh -c '"$PITH" --doctor >/dev/full'
	code_is 125
	err_is "pith: cannot write to 'stdout': No space left on device"
}

# ---- failures -----------------------------------------------------------------

may_nest() {
	$AS_USER $AS_ROOT true 2>/dev/null || { skip 'no user namespaces here'; return 1; }
}

it 'finds that user namespaces are forbidden, and the cause' && may_nest && {
	run $AS_USER $AS_ROOT sh -c \
	    'echo 0 >/proc/sys/user/max_user_namespaces && exec "$PITH" --doctor'
	code_is 1
	row_is 'user namespace' 'no   user namespace: No space left on device; raise '\
'user.max_*_namespaces, sysctl(8)'
	agrees
}

it 'finds that one kind of namespace is forbidden' && may_nest && {
	for kind in net ipc uts pid cgroup; do
		run $AS_USER $AS_ROOT sh -c "echo 0 >/proc/sys/user/max_${kind}_namespaces &&
		    exec '$PITH' --doctor"
		code_is 1
		row_is "$kind namespace" "no   $kind namespace: No space left on device; \
raise user.max_*_namespaces, sysctl(8)"
		row_is 'user namespace' 'yes  user namespace'
	done
}

it 'finds that the kernel has no clone3, which is harmless' && {
	run "$FORBID" clone3 -- "$PITH" --doctor
	row_is clone3 'no   clone3 (else clone): Function not implemented; a seccomp filter '\
'forbids it: use docker run --security-opt seccomp=unconfined'
	agrees
}

it 'finds that a filter blocks system calls, and suggests no other cause' && {
	run "$FORBID" openat2 fsopen -- "$PITH" --doctor
	code_is 1
	for call in openat2 'new mount calls' overlay proc sysfs mqueue pivot_root; do
		row_is "$call" "no   $call: Function not implemented; a seccomp filter forbids it: \
use docker run --security-opt seccomp=unconfined"
	done
	agrees
}

it 'finds subordinate ids of a user, and what is missing to use them' && root && have newuidmap && {
	cat >ids <<-'E'
	echo 65534:100000:65536 >sub
	for file in uid gid; do
		mount --bind sub /etc/sub$file
	done
	[ $1 = there ] || mount --bind /dev/null /usr/bin/newuidmap
	exec setpriv --reuid 65534 --regid 65534 --clear-groups "$PITH" --doctor
	E
	run unshare --mount sh ids there
	row_is 'more ids' 'yes  more ids (--userns subid)'
	run unshare --mount sh ids lacking
	row_is 'more ids' "no   more ids (--userns subid): cannot map ids by \
'/usr/bin/newuidmap': it is not installed; install Debian's uidmap, and \
check /etc/subuid and /etc/subgid"
}

it 'finds that part of /proc is hidden' && may_nest && {
	run $AS_USER $AS_ROOT --mount --pid --fork --mount-proc sh -c \
	    'mount -t tmpfs none /proc/fs && exec "$PITH" --doctor'
	code_is 1
	row_is proc 'no   proc: Operation not permitted; part of /proc is hidden: '\
'use --proc none, or docker run --security-opt systempaths=unconfined'
	row_is sysfs 'yes  sysfs'
	agrees
}

it 'finds that /proc is not a proc file system' && may_nest && {
	run $AS_USER $AS_ROOT --mount sh -c 'mount -t tmpfs none /proc && exec "$PITH" --doctor'
	code_is 1
	row_is 'user namespace' "no   user namespace: cannot use '/proc': it is not a proc \
file system; mount -t proc proc /proc"
}

it 'finds that it runs in a chroot' && root && {
	mkdir -p jail/proc jail/tmp
	cp "$PITH" jail/pith
	run unshare --mount sh -c \
	    'mount -t proc proc jail/proc && exec chroot jail /pith --doctor'
	code_is 1
	row_is 'user namespace' 'no   user namespace: Operation not permitted; leave the '\
'chroot(2), or run with capabilities'
	row_is 'pivot_root' 'no   pivot_root: Invalid argument; the root is a '\
'chroot(2) or an initial ramfs: switch_root(8) to a tmpfs first'
	agrees
}

finish
