# Filters, keys, privileges of the program file, and repeated options: a hostile
# command or a second option must not remove protection. Root and an ordinary user run
# every test. The comment of each says how it was seen to fail.
# shellcheck shell=sh source=tests/lib.sh disable=SC2086,SC2154

# Mounts of this suite disappear with its mount namespace.
[ "$(id -u)" != 0 ] || [ "${APART:-}" ] ||
    APART=1 exec unshare --mount --propagation private sh "$0"
. "${0%/*}/lib.sh"
. "${0%/*}/sandbox-lib.sh"
unset PITH_OPTIONS APART

for who in $WHO; do
	be $who
	cp "$B/attack_key" "$B/escape_calls" "$R/bin/"
done
cp "$B/attack_key" "$B/attack_ring" "$W/"
chmod 755 "$W/attack_key" "$W/attack_ring"

held() {
	case $out in
	*ESCAPED*) fail "$out" ;;
	held:*) ;;
	*) fail "not tried: $out (exit code $code; stderr: $err)" ;;
	esac
}

# ---- keys --------------------------------------------------------------------

# Seen to fail with --new-privs when the filter was set before the new keyring.
it 'takes away the keys of its caller, in any order of filters and privileges' &&
    for who in $WHO; do
	be $who
	for words in '' --new-privs '--new-privs --proc full' '--proc full' \
	    '--seccomp off' '--seccomp off --new-privs --proc full' \
	    '--userns host --new-privs --proc full'; do
		case $who$words in as_user*userns*) continue ;; esac
		run $as "$W/attack_key" have "$PITH" --rootfs "$R" --env PITH_TEST $words -- \
		    /bin/attack_key use SERIAL
		held
	done
	# Without pith the attack succeeds.
	run $as "$W/attack_key" have "$W/attack_key" use SERIAL
	out_like 'ESCAPED*'
done

# The kernel counts keys for each user, and frees them some time after their owner has
# ended. So each start uses another user without keys. Seen to fail when the result of
# keyctl(2) was ignored.
it 'starts no command with the keys of its caller when it can get no keyring' && root &&
    have setpriv && {
	be as_user
	chmod 711 "$H"
	user=61916
	for words in '' --new-privs '--seccomp off'; do
		user=$((user + 1))
		as="setpriv --reuid $user --regid $user --clear-groups"
		run $as "$W/attack_key" fill "$PITH" --rootfs "$R" $words -- /bin/echo started
		code_is 125
		out_is ''
		one_line
		err_like 'pith: cannot leave the session keyring: *uota exceeded'
	done
	as='setpriv --reuid 61920 --regid 61920 --clear-groups'
	run $as "$PITH" --rootfs "$R" -- /bin/echo started
	out_is started
}

# ---- filters -----------------------------------------------------------------

# Write a filter that fails one call with an error.
filter_of() {
	{
		load_call
		fail_call "$1" "$2"
		allow_rest
	} >"$H/$1"
}

# Seen to fail when the last --seccomp replaced earlier filters and the built-in one.
it 'stacks the filters of files on each other, and all on the built-in filter' &&
    for who in $WHO; do
	be $who
	filter_of chroot ENOSYS
	filter_of sethostname EACCES
	attempts='chroot / true; hostname x; unshare -m true'
	for words in "bpf:$H/chroot bpf:$H/sethostname" "bpf:$H/sethostname bpf:$H/chroot" \
	    "bpf:$H/chroot default bpf:$H/sethostname" \
	    "bpf:$H/chroot bpf:$H/sethostname bpf:$H/chroot"; do
		options=
		for word in $words; do
			options="$options --seccomp $word"
		done
		for more in '' --new-privs --allow-userns; do
			box $options $more --cap-add ALL -- sh -c "$attempts"
			err_like '*chroot: *Function not implemented*'
			err_like '*hostname: *Permission denied*'
			[ "$more" = --allow-userns ] ||
			    err_like '*unshare: *Operation not permitted*'
		done
	done
	# --seccomp off removes only the built-in filter, and no built-in filter exists
	# without a sandbox.
	box --seccomp off --seccomp bpf:$H/chroot --cap-add ALL -- sh -c "$attempts"
	err_like '*chroot: *Function not implemented*'
	case $err in *hostname:*) fail "$err" ;; esac
	run $as "$PITH" --seccomp bpf:$H/chroot --seccomp default -- $R/bin/busybox unshare -U true
	err_like '*unshare: *Operation not permitted*'
done

# Seen to fail without the check that seccomp(2) still reaches the kernel.
it 'starts nothing when a filter blocks the next one, or only pretends to install it' &&
    for who in $WHO; do
	be $who
	filter_of chroot ENOSYS
	filter_of seccomp EPERM
	{
		load_call
		instruction 0x15 0 1 "$(constant __NR_seccomp)"
		instruction 0x06 0 0 $((0x00050000))
		allow_rest
	} >"$H/lies"
	for first in seccomp lies; do
		for more in "--rootfs $R" "--rootfs $R --new-privs" "--rootfs $R --seccomp off" \
		    '--umask 022'; do
			refused "cannot apply --seccomp 'bpf:$H/chroot': *" \
			    --seccomp bpf:$H/$first --seccomp bpf:$H/chroot $more
		done
	done
	# With --best-effort it starts and names the filter.
	box --best-effort --report "$H/report" --seccomp bpf:$H/seccomp \
	    --seccomp bpf:$H/chroot -- echo started
	out_is started
	grep -q "\"weakened\":.*cannot apply --seccomp 'bpf:$H/chroot'" "$H/report" ||
	    fail "$(cat "$H/report")"
done

# Seen to fail when calls newer than the table were allowed, and these were not checked.
it 'answers unknown system calls, and known ones, by every system call convention' &&
    for who in $WHO; do
	be $who
	for words in '' --new-privs '--cap-add ALL' "--seccomp bpf:$H/chroot"; do
		filter_of chroot ENOSYS
		box $words -- /bin/escape_calls expect
		out_is ''
		code_is 0
	done
done

# Seen to fail when personality(2) was denied altogether.
it 'lets a program keep or change its own memory layout' && have setarch && for who in $WHO; do
	be $who
	run $as "$PITH" --seccomp default -- setarch -R "$R/bin/busybox" cat /proc/self/personality
	out_is 00040000
	run $as "$PITH" --seccomp default -- setarch -X "$R/bin/busybox" true
	[ "$code" != 0 ] || fail 'READ_IMPLIES_EXEC is let through'
done

# ---- descriptors -------------------------------------------------------------

# Seen to fail when every open file was passed on.
it 'passes on all kinds of open files except io_uring' && for who in $WHO; do
	be $who
	run $as "$W/attack_ring" 9 true
	[ "$code" != 77 ] || { skip 'no io_uring here'; break; }
	run $as "$W/attack_ring" 9 "$PITH" --rootfs "$R" --preserve-fd 9 -- /bin/echo started
	code_is 125
	out_is ''
	one_line
	err_like "pith: cannot pass on '9': it is an io_uring*"
	run $as "$W/attack_ring" 9 "$PITH" --rootfs "$R" -- /bin/sh -c 'ls /proc/self/fd'
	out_is '0
1
2
3'
	run $as sh -c 'exec "$PITH" --rootfs "$R" --preserve-fd 9 -- /bin/cat /proc/self/fd/9 \
	    9<"$R/etc/motd"'
	out_is "$MOTD"
done

# ---- options that are given twice --------------------------------------------

# Pairs of options: the first alone is accepted, both together are refused. Seen to
# fail for each pair when the last value was used.
TWICE='--read-only --writable|--ephemeral --read-only|--writable --ephemeral=1m
--ephemeral=1m --ephemeral=2m|--network=none --network=host|--user=1 --user=2
--proc=masked --proc=full|--sys=none --sys=ro|--userns=auto --userns=host
--tty=no --tty|--rootfs=/ --read-only|--seccomp=default --seccomp=off
--cap-add=kill --cap-drop=CAP_KILL|--cap-drop=ALL --cap-add=all
--ulimit=core=0 --ulimit=core=unlimited|--sysctl=kernel.msgmax=1 --sysctl=kernel.msgmax=2
--unshare=pid --pid=host|--unshare=ipc --ipc=host|--unshare=uts --uts=host
--unshare=cgroup --cgroupns=host|--unshare=user --userns=host|--unshare=net --network=host
--info=a --info=b|--report=a --report=b|--pidfile=a --pidfile=b|--cpu-time=1 --cpu-time=1h
--memory=16m --memory=1g|--pids-limit=10 --pids-limit=-1|--cgroups=off --cgroups=auto
--upper=a --upper=b|--upper=a --read-only|--upper=a --ephemeral|--timens=boot=1 --timens=boot=2
--memory=16m --cgroup-conf=memory.max=max|--cgroup-conf=memory.max=max --memory=16m
--memory=16m --cgroup-conf=memory.limit_in_bytes=-1|--pids-limit=9 --cgroup-conf=pids.max=max
--memory=16m --cgroup-conf=memory.swap.max=max
--memory=16m --cgroup-conf=memory.memsw.limit_in_bytes=-1
--memory=16m --cgroup-conf=memory.use_hierarchy=0|--memory-high=16m --cgroup-conf=memory.high=max
--cpus=0.1 --cgroup-conf=cpu.cfs_period_us=1000|--cpus=0.1 --cgroup-conf=cpu.max=max
--cpus=0.1 --cgroup-conf=cpu.cfs_quota_us=-1|--cpu-shares=2 --cgroup-conf=cpu.weight=10000
--cpu-shares=2 --cgroup-conf=cpu.weight.nice=-20|--cpu-shares=2 --cgroup-conf=cpu.shares=1024
--blkio-weight=10 --cgroup-conf=io.bfq.weight=1000|--oom=group --cgroup-conf=memory.oom.group=0
--cpuset-cpus=0 --cgroup-conf=cpuset.cpus=0-9|--blkio-weight=10 --cgroup-conf=io.weight=1000
--cgroup-conf=pids.max=9 --cgroup-conf=pids.max=max'

it 'refuses a second option that would undo the protection of the first one' &&
    for who in $WHO; do
	be $who
	echo "$TWICE" | tr '|' '\n' >pairs
	cd "$H" || exit
	while read -r first second; do
		for rootfs in "--rootfs=$R" ''; do
			[ "$first" != --rootfs=/ ] || [ "$rootfs" ] || continue
			run $as "$PITH" $rootfs $first $second -- /bin/echo started
			is "$first $second: $code $out" "$first $second: 125 "
			one_line
		done
		# PITH_OPTIONS and the command line together are refused as well.
		run $as env PITH_OPTIONS="$first" "$PITH" --rootfs="$R" $second -- /bin/echo started
		is "PITH_OPTIONS=$first $second: $code $out" \
		    "PITH_OPTIONS=$first $second: 125 "
	done <"$W/pairs"
	# A --report that was read before the mistake still gets its report.
	is "$(json a reason)" '"setup-error"'
	[ ! -e b ] || fail 'a file is there'
	rm -f a
	cd "$W" || exit
done

it 'accepts a repeated value, the last of plain values, and values that add up' &&
    for who in $WHO; do
	be $who
	for words in '--read-only --read-only' '--network=none --network=none' \
	    '--ulimit=core=0 --ulimit=core=0:0' '--cap-drop=ALL --cap-add=kill --cap-drop=ALL' \
	    '--userns=auto --userns=auto --tty=no --tty=no' \
	    '--seccomp=default --seccomp=default'; do
		box $words -- echo started
		is "$words: $out $err" "$words: started "
	done
	box --hostname a --umask 0 --workdir /bin --hostname b --umask 027 --workdir /etc \
	    --timeout 1ms --timeout 1h -- sh -c 'hostname; umask; pwd'
	out_is 'b
0027
/etc'
	run $as env PITH_OPTIONS='--hostname a --timeout 1ms' "$PITH" --rootfs "$R" \
	    --hostname b --timeout 1h -- hostname
	out_is b
	# Seen to fail when only the last --unshare was used.
	run $as "$PITH" --unshare user,uts --unshare ipc -- readlink /proc/self/ns/ipc \
	    /proc/self/ns/uts
	is "$(printf '%s\n' "$out" | grep -c .)" 2
	for ns in ipc uts; do
		case $out in *"$(readlink /proc/self/ns/$ns)"*) fail "$ns is that of here" ;; esac
	done
done

finish
