# Bad input for a sandbox, and hosts that forbid one. Each gives one line that says what
# failed, why and what to do, and exit code 125. Nothing is started and the host is unchanged.
# shellcheck shell=sh disable=SC2016,SC2086,SC2046,SC2154
# shellcheck source=tests/lib.sh
. "${0%/*}/lib.sh"
# shellcheck source=tests/sandbox-lib.sh
. "$TESTS/sandbox-lib.sh"

# Check that options are refused in a sandbox of the valid root.
box_refused() {
	pattern=$1
	shift
	refused "$pattern" --rootfs $R "$@"
}

# ---- roots -------------------------------------------------------------------

it 'refuses a root that does not exist, a regular file and a fifo' && for who in $WHO; do
	be $who
	$as mkfifo $H/fifo
	echo text | $as tee $H/text >/dev/null
	for option in --rootfs --layer; do
		refused "cannot open the root '/none': No such file*" $option /none
		refused "cannot *'$H/text'*neither a directory nor a squashfs or erofs image" \
		    $option $H/text
		refused "cannot *'$H/fifo'*neither*" $option $H/fifo
		refused "cannot *'/dev/null'*neither*" $option /dev/null
		refused "cannot *: Not a directory*" $option $H/text/x
		refused "cannot *: File*name too long*" $option "$(printf %0300d 0)"
	done
	box_refused "cannot open the root '/none': No such file*" --layer $H/root --layer /none
	box_refused "cannot open the directory of '/none/x'*" --upper /none/x
	box_refused "cannot *the upper directory '$H/text'*" --upper $H/text
	box_refused "cannot use as the upper directory '/'*" --upper /
done

it 'refuses a root that it may not read' && root && {
	be as_user
	mkdir -p $H/closed/in
	chmod 700 $H/closed
	refused "cannot *'$H/closed'*: Permission denied*" --rootfs $H/closed
	refused "cannot *'$H/closed/in'*: Permission denied*" --rootfs $H/closed/in
	box_refused "cannot *'$H/closed/in': Permission denied*" --volume $H/closed/in:/x
	box_refused "cannot *'$H/closed/in/up': Permission denied*" --upper $H/closed/in/up
}

it 'refuses a root on a noexec mount, and names the reason' && for who in $WHO; do
	be $who
	run $as unshare --user --map-root-user --mount sh -c '
	    mount -t tmpfs -o noexec none $R/mnt &&
	    exec "$PITH" --rootfs $R/mnt -- /bin/sh -c "echo started"'
	code_is 125
	out_is ''
	one_line
	err_like "pith: cannot use as a root '*mounted noexec*mount(8) it exec*"
done

it 'refuses an invalid image, and says that images need root' && for who in $WHO; do
	be $who
	printf hsqs | $as tee $H/image >/dev/null
	head -c 8192 /dev/zero >>$H/image
	if [ $who = as_root ]; then
		refused "cannot mount the image '$H/image'*" --rootfs $H/image
	else
		refused "cannot *'$H/image'*images need root*" --rootfs $H/image
	fi
done

it 'says that a root has no shell, or that a command does not exist' && for who in $WHO; do
	be $who
	$as mkdir -p $H/empty
	run $as "$PITH" --rootfs $H/empty -- sh
	code_is 127
	one_line
	err_is "pith: cannot execute 'sh': No such file or directory; it is not in PATH"
	run $as "$PITH" --rootfs $H/empty -- /bin/sh
	code_is 127
	one_line
	err_is "pith: cannot execute '/bin/sh': No such file or directory"
	is "$(ls -A $H/empty)" ''
done

it 'names the machine of a foreign program, and the loader that a root lacks' &&
    have "${CC:-cc}" && for who in $WHO; do
	be $who
	printf '\177ELF\2\1\1\0\0\0\0\0\0\0\0\0\2\0\267\0\1\0\0\0' | $as tee $R/foreign >/dev/null
	head -c 400 /dev/zero >>$R/foreign
	echo 'int main(void) { return 0; }' | "${CC:-cc}" -o dynamic -x c - \
	    -Wl,--dynamic-linker=/lib/ld-none.so.1
	$as cp dynamic $R/dynamic
	chmod 755 $R/foreign $R/dynamic
	box -- /foreign
	code_is 126
	one_line
	err_like "*'/foreign': Exec format error, it is for aarch64 machines*"
	box -- /dynamic
	code_is 126
	one_line
	err_like "*its loader '/lib/ld-none.so.1' is missing*"
	rm $R/foreign $R/dynamic
done

it 'refuses root options that contradict each other' && for who in $WHO; do
	be $who
	box_refused '*--chroot and --rootfs contradict*' --chroot $R
	box_refused '*--writable*--upper*' --writable --layer $R
	box_refused '*--writable*' --writable --upper $H/up
	refused '*--upper*' --rootfs none --upper $H/up
	[ ! -e $H/up ] || fail 'the upper directory is there'
done

it 'refuses options that need a root, a namespace or a sandbox where there is none' &&
    for who in $WHO; do
	be $who
	for words in "--volume $H:/x" '--tmpfs /x' '--dir /x' '--symlink x:/x' \
	    '--device /dev/null' '--upper /x' '--file 0:/x' --read-only --ephemeral \
	    --writable '--proc none' '--sys none' '--shm-size 1m'; do
		refused "*needs a --rootfs*" $words
	done
	refused '*--unshare uts*' --hostname x
	refused '*--unshare user*' --uidmap 0:1:1
	refused '*--unshare user*' --gidmap 0:1:1
	refused "*cannot set 'kernel.msgmax=1'*" --sysctl kernel.msgmax=1
	refused "*cannot set 'net.core.somaxconn=1'*" --sysctl net.core.somaxconn=1
done

# ---- values ------------------------------------------------------------------

TAKE_VALUES='rootfs layer upper volume tmpfs dir symlink file device shm-size proc sys chroot
    ulimit user group-add hostname workdir env env-file unsetenv umask userns uidmap gidmap
    unshare pid ipc uts cgroupns timens network ip
    gateway publish listen dns add-host sysctl cap-add cap-drop seccomp landlock info
    info-fd block-fd pidfile preserve-fd args-fd memory memory-swap memory-high oom cpus
    cpu-shares cpuset-cpus cpu-time pids-limit blkio-weight device-read-bps device-write-bps
    device-read-iops device-write-iops cgroup-conf cgroup-parent cgroup-join cgroups pty-max'

it 'refuses an empty or missing value of every option' && {
	be as_user
	for option in $TAKE_VALUES; do
		refused "bad value '': --$option takes *" --$option=
		refused "bad value '': --$option takes *" --$option ''
		run as_user "$PITH" --$option
		code_is 125
		one_line
		err_like "pith: missing value for '--$option': *; see --help"
	done
	refused "bad value '': --ephemeral= takes a size*" --ephemeral=
	refused "bad value '': --tty= takes no" --tty=
	refused "bad value '': --doctor= takes json" --doctor=
	refused '*bad value*keep-env*' --keep-env=
}

it 'covers every option of --help in these tests' && {
	for option in $("$PITH" --help | sed -n '/^Sandbox/,/^Boot/p' | grep -o -e '--[a-z-]*' |
	    sort -u | sed 's/--//'); do
		case " $(echo $TAKE_VALUES) ephemeral read-only writable keep-env new-privs tty \
detach best-effort allow-userns cgroupfs doctor help rootfs " in
		*" $option "*) ;;
		*) fail "--$option is not in a test" ;;
		esac
	done
}

it 'refuses a value for an option that takes none' && {
	be as_user
	for option in read-only writable new-privs allow-userns detach best-effort cgroupfs; do
		box_refused "unexpected value '--$option=1'*" --$option=1
	done
}

it 'refuses an invalid size, number, octal number or choice' && {
	be as_user
	for value in 0 x -1 1q 1mm ' 1' 1.5m 99999999999999999999 9999999999t; do
		box_refused "bad value '$value': --shm-size takes a size*" --shm-size "$value"
		box_refused "bad value '$value': --ephemeral= takes a size*" --ephemeral="$value"
	done
	for value in x -1 1x 0x10 99999999999999999999; do
		box_refused "bad value '$value': --pty-max takes *" --pty-max "$value"
	done
	for value in 8 1000 x -1 0x7 ' 7' 77777777777; do
		box_refused "bad value '$value': --umask takes an octal*" --umask "$value"
	done
	for value in x -1 1x 99999999999; do
		for option in info-fd block-fd args-fd; do
			box_refused "bad value '$value': --$option takes the number*" \
			    --$option $value
		done
		box_refused "*'$value'*--preserve-fd takes the number*" --preserve-fd $value
	done
	for words in 'proc maske' 'proc masked,full' 'sys rw' 'userns root' 'userns auto|host' \
	    'ipc private' 'uts x' 'cgroupns HOST'; do
		box_refused "bad value '${words#* }': --${words% *} takes *" --$words
	done
	box_refused "bad value 'yes': --tty= takes no" --tty=yes
	box_refused "bad value 'x': --doctor= takes json" --doctor=x
}

it 'refuses descriptors that are not open, and files that cannot be read or written' && {
	be as_user
	box_refused '*--info-fd*Bad file descriptor' --info-fd 77
	box_refused '*--block-fd*Bad file descriptor' --block-fd 77
	box_refused '*--args-fd*Bad file descriptor' --args-fd 77
	box_refused "not an open file '77'*" --preserve-fd 77
	box_refused "*--file*77*" --file 77:/x
	for option in info pidfile; do
		box_refused "cannot write '/none/x': No such file*" --$option /none/x
		box_refused "cannot write '$H': *" --$option $H
		box_refused "cannot write '/dev/null': not a regular file" --$option /dev/null
	done
	box_refused "cannot read '/none'*: No such file*" --env-file /none
	box_refused "cannot read '$H'*: Is a directory*" --env-file $H
	run as_user sh -c '"$PITH" --args-fd 7 -- echo started 7</'
	code_is 125
	one_line
	printf '%s\0' --no-such >args
	run as_user sh -c '"$PITH" --args-fd 7 -- echo started 7<args'
	code_is 125
	one_line
	err_like "pith: unknown option '--no-such'*"
}

it 'refuses malformed volumes, tmpfs, files and links' && for who in $WHO; do
	be $who
	box_refused "cannot open the volume '/none': No such file or directory*" --volume /none:/x
	box_refused "cannot open the volume '/none'*" --volume /none:/x:ro
	box_refused "cannot open the device '/none'*" --device /none
	box_refused "not a device '$R/etc/motd'*--volume*" --device $R/etc/motd
	for value in /bin /bin: :/x /bin:x /bin:./x : ::; do
		box_refused "bad value*" --volume "$value"
	done
	for setting in wo RO ro,x ,ro 'ro,' 'size=1' ''; do
		box_refused "*etting*" --volume "/bin:/x:$setting"
	done
	for value in x ./x '' /x:size=q /x:size= /x:mode=8 /x:mode= /x:mode=17777 /x:ro /x:dev \
	    /x:size=1,mode=1777,y; do
		box_refused '*' --tmpfs "$value"
	done
	for value in x .. /a/..; do
		box_refused '*' --dir "$value"
	done
	for value in x :/x x: x:/.. 'x:/'; do
		box_refused '*' --symlink "$value"
	done
	for value in 0 x:/x -1:/x 0: 0:x 0:/x:mode=y 0:/x:size=1; do
		box_refused '*' --file "$value"
	done
	box_refused "cannot bind the volume at '/etc/motd': *" --volume /bin:/etc/motd:ro
	box_refused "cannot bind the volume at '/etc': *" --volume $R/etc/motd:/etc
	box_refused "cannot *'/etc/motd/x'*: Not a directory*" --tmpfs /etc/motd/x
	box_refused "cannot *'/new'*read-only*--ephemeral*" --read-only --volume /bin:/new:ro
	box_refused "cannot *: File*name too long" --dir "/$(printf %0300d 0)"
done

it 'refuses more layers than overlayfs takes' && {
	be as_user
	box_refused 'too many layers*' $(yes -- --layer=$R | head -501)
}

it 'refuses unknown users and groups, and invalid ids' && for who in $WHO; do
	be $who
	box_refused "no such user 'nobody-here': *" --user nobody-here
	box_refused "no such group 'none': *" --user 0:none
	box_refused "no such group 'none': *" --group-add none
	for id in 4294967295 4294967296 99999999999999999999 18446744073709551616; do
		box_refused "*'$id*" --user $id
		box_refused "*$id*" --user 0:$id
		box_refused "*'$id'*" --group-add $id
	done
	for value in : 0: :0 -1 0:-1; do
		box_refused "*" --user "$value"
	done
	# The passwd file of a hostile root, or of a root without one.
	refused "no such user 'www': *" --rootfs none --volume $R/bin:/bin --user www
	for line in 'www:x:99999999999:1::/:' 'www:x' 'www' 'www:x:-1:0::/:' 'www:x::0::/:'; do
		echo "$line" >$H/passwd
		box_refused "*'www'*" --volume $H/passwd:/etc/passwd --user www
	done
	box_refused "*/etc/passwd*" --tmpfs /etc/passwd/ --user www
done

it 'refuses malformed id maps, and maps that the host does not grant' &&
    for who in $WHO; do
	be $who
	for value in 1 1:2 1:2:0 1:2:3:4 a:b:c -1:1:1 4294967295:0:2 0:4294967296:1 0:1:4294967296 \
	    '0:1:1 ' 99999999999999999999:1:1; do
		box_refused "bad value '$value': an id map is INSIDE:OUTSIDE:COUNT" \
		    --uidmap "$value"
		box_refused "bad value '$value': *" --gidmap "$value"
	done
	box_refused 'too many id maps*' $(seq -f '--uidmap=%.0f:1:1' 341)
	box_refused '*cannot map*' --uidmap 0:1000:10 --uidmap 5:2000:10
	if [ $who = as_root ]; then
		box_refused "*cannot map '0:0:1'*--userns host*" --uidmap 0:0:1
		box_refused "*--userns keep-id*ordinary users*" --userns keep-id
	else
		box_refused '*cannot map*' --uidmap 0:0:1
		box_refused '*cannot map*' --uidmap 0:1:1
		box_refused '*cannot map*/etc/subuid*' --uidmap 0:1:1000
	fi
done

it 'refuses malformed namespaces, networks, clocks and kernel parameters' &&
    for who in $WHO; do
	be $who
	for value in foo user,,mnt ,user USER 'user mnt' user:mnt net,foo; do
		refused "bad value *--unshare takes a list*" --unshare "$value"
	done
	for value in bridge vet veth: macvlan ns ns: host,none; do
		box_refused "*" --network $value
	done
	box_refused "cannot enter the network namespace '/none': No such file*" --network ns:/none
	box_refused "cannot enter the network namespace '$R/etc/motd': *" \
	    --network ns:$R/etc/motd
	for value in boot boot= real=+1 boot=x boot=+1s boot=++1 monotonic; do
		box_refused "*'$value'*" --timens "$value"
	done
	box_refused "cannot set the clock 'boot=-99999999999'*" --timens boot=-99999999999
	for value in x kernel.msgmax =1 net/core/somaxconn=1 net.../../x=1; do
		box_refused "*'$value'*" --sysctl "$value"
	done
	box_refused "cannot set 'net.core.none=1'*" --sysctl net.core.none=1
	box_refused "cannot set 'net.core.somaxconn=x'*" --sysctl net.core.somaxconn=x
	for value in $(printf %065d 0) 'a b' "$(printf 'a\nb')" /; do
		box_refused '*host name*' --hostname "$value"
	done
done

it 'refuses malformed limits, capabilities, filters and Landlock rules' &&
    for who in $WHO; do
	be $who
	for value in nofile nofile= nofile=x foo=1 =1 nofile=5:2 nofile=1:x nofile=-1 nofile=1:2:3 \
	    nofile=99999999999999999999; do
		box_refused "*'$value'*" --ulimit "$value"
	done
	for value in FOO SYS_FOO 99 CAP_ 'CHOWN,KILL' 'chown '; do
		box_refused "*'$value'*" --cap-add "$value"
		box_refused "*'$value'*" --cap-drop "$value"
	done
	for value in on none bpf bpf: bpf:/none bpf:$H; do
		box_refused "*" --seccomp $value
	done
	: >$H/filter
	box_refused "*'$H/filter'*" --seccomp bpf:$H/filter
	printf 1234567 >$H/filter
	box_refused "*'$H/filter'*" --seccomp bpf:$H/filter
	printf '\377\377\377\377\377\377\377\377' >$H/filter
	box_refused "*--seccomp*" --seccomp bpf:$H/filter
	for value in x ro: /tmp rx:/ bind:x bind: bind:65536 connect:-1 ro; do
		box_refused "bad value '$value'*--landlock takes*" --landlock $value
	done
	box_refused "*'ro:/none'*No such file*" --landlock ro:/none
done

it 'refuses variables without a name, and directories that do not exist' &&
    for who in $WHO; do
	be $who
	for words in '--env =x' '--unsetenv =' '--unsetenv A=b' '--keep-env=A=b'; do
		box_refused "bad value *" $words
	done
	for line in '=x' 'a b=c' ' =x'; do
		printf 'GOOD=1\n%s\n' "$line" >$H/env
		box_refused "bad variable *" --env-file $H/env
	done
	printf 'A=\0b\n' >$H/env
	box_refused "cannot read '$H/env'*" --env-file $H/env
	box_refused "cannot change to '/none': No such file*" --workdir /none
	box_refused "cannot change to '/etc/motd': Not a directory*" --workdir /etc/motd
	refused "cannot change to '/none': No such file*" --workdir /none
done

it 'refuses a --chroot that is impossible' && {
	be as_user
	refused "cannot change the root to '/none'*" --chroot /none
	refused "cannot change the root to '$R': Operation not permitted*" --chroot $R
	[ "$(id -u)" != 0 ] || {
		be as_root
		refused "cannot change the root to '/none': No such file*" --chroot /none
		refused "cannot change the root to '/dev/null': Not a directory*" \
		    --chroot /dev/null
	}
}

# ---- hosts -------------------------------------------------------------------

it 'gives the remedy where user namespaces are used up' && for who in $WHO; do
	be $who
	for words in "--rootfs $R" '--unshare user'; do
		run $as unshare --user --map-root-user sh -c \
		    'echo 0 >/proc/sys/user/max_user_namespaces; exec "$PITH" "$@"' - $words -- \
		    /bin/sh -c 'echo started'
		code_is 125
		out_is ''
		one_line
		err_like "pith: cannot make the namespaces *No space left*user.max_user_namespaces*"
	done
done

# Fail CLONE_NEWUSER with EPERM, like an engine, AppArmor or an old sysctl of Debian.
forbid_userns() {
	load_call
	fail_call clone3 ENOSYS
	instruction 0x15 0 4 $(constant __NR_clone)
	instruction 0x20 0 0 16
	instruction 0x45 0 1 0x10000000
	instruction 0x06 0 0 $((0x00050000 + $(constant EPERM)))
	instruction 0x06 0 0 0x7fff0000
	allow_rest
}

it 'gives the remedy where user namespaces are forbidden' && for who in $WHO; do
	be $who
	forbid_userns >filter
	# A kernel that forbids them by a sysctl too names that first.
	remedy='*seccomp profile*'
	grep -sqx 0 /proc/sys/kernel/unprivileged_userns_clone && remedy='set sysctl *'
	for words in "--rootfs $R" '--unshare user'; do
		run $as "$PITH" --seccomp bpf:filter -- "$PITH" $words -- /bin/sh -c 'echo started'
		code_is 125
		out_is ''
		one_line
		err_like "pith: cannot make the namespaces *: Operation not permitted; $remedy"
	done
	# Options that need no user namespace still work.
	run $as "$PITH" --seccomp bpf:filter -- "$PITH" --env A=b --umask 077 -- sh -c 'echo $A'
	out_is b
done

it 'goes on without a user namespace as root with --best-effort, and reports it' && root && {
	be as_root
	forbid_userns >filter
	run "$PITH" --seccomp bpf:filter -- "$PITH" --rootfs $R --best-effort \
	    --report $H/r.json -- sh -c 'id -u; cat /proc/self/uid_map; hostname; grep CapEff \
	    /proc/self/status'
	code_is 0
	out_like '0
*0*0*4294967295
pith
*0000000000000000'
	one_line
	grep -q '"weakened":\["[^"]*user namespace' $H/r.json || fail "$(cat $H/r.json)"
}

it 'creates its processes without clone3 where a filter hides it' && for who in $WHO; do
	be $who
	{ load_call; fail_call clone3 ENOSYS; allow_rest; } >filter
	run $as "$PITH" --seccomp bpf:filter -- "$PITH" --rootfs $R -- sh -c 'hostname; echo $PPID'
	code_is 0
	out_is 'pith
1'
done

it 'says that namespaces need root or a user namespace' && {
	be as_user
	for list in mnt pid net ipc uts cgroup; do
		refused "*Operation not permitted; run as root, or add --unshare user" \
		    --unshare $list
	done
	refused "*Operation not permitted*--unshare user*" --network none
	refused "*" --timens boot=+1
	box_refused "*Operation not permitted*" --userns host
}

it 'names the missing system call on an old kernel' && for who in $WHO; do
	be $who
	for call in open_tree move_mount fsopen fsmount mount_setattr openat2; do
		{ load_call; fail_call $call ENOSYS; allow_rest; } >filter
		run $as "$PITH" --seccomp bpf:filter -- "$PITH" --rootfs $R -- \
		    /bin/sh -c 'echo started'
		code_is 125
		out_is ''
		one_line
		err_like '*Function not implemented*'
	done
done

# Seen to fail without the die() of rootfs_attach(): "cannot mount '/proc'".
it 'says that the root cannot be attached' && for who in $WHO; do
	be $who
	{ load_call; fail_call move_mount EPERM; allow_rest; } >filter
	for words in "--rootfs $R --read-only" "--rootfs $R --writable" '--rootfs none'; do
		run $as "$PITH" --seccomp bpf:filter -- "$PITH" $words -- \
		    /bin/sh -c 'echo started'
		code_is 125
		out_is ''
		err_is "pith: cannot attach 'the root': Operation not permitted"
	done
done

it 'refuses a /proc that is not a proc file system' && for who in $WHO; do
	be $who
	run $as unshare --user --map-root-user --mount sh -c 'mount -t tmpfs none /proc &&
	    exec "$PITH" --rootfs $R -- /bin/sh -c "echo started"'
	code_is 125
	out_is ''
	one_line
	err_like "pith: cannot use '/proc': it is not a proc file system; mount -t proc*"
done

it 'says that it can get no more processes or files' && root && have prlimit && {
	be as_user
	run setpriv --reuid 65533 --clear-groups --inh-caps -all --bounding-set -all \
	    prlimit --nproc=1 "$PITH" --rootfs $R -- /bin/sh -c 'echo started'
	code_is 125
	out_is ''
	one_line
	err_like 'pith: cannot make *Resource temporarily unavailable*'
	for n in 4 6 8 10 12; do
		run as_user prlimit --nofile=$n:$n "$PITH" --rootfs $R -- /bin/sh -c 'echo started'
		[ $code = 0 ] || {
			code_is 125
			out_is ''
			one_line
			err_like 'pith: cannot *'
		}
	done
}

# ---- no side effects ---------------------------------------------------------

nothing_raw() {
	! LC_ALL=C grep -q "[$(printf '\001-\011\013-\037\177-\377')]" .err ||
	    fail "raw: $(od -c .err)"
}

it 'writes no control character of a hostile name to the terminal' && {
	be as_user
	hostile=$(printf '\033]0;owned\007\302\233x\177\rx\ny\377')
	for option in rootfs layer volume chroot user workdir env-file network unshare \
	    landlock seccomp uidmap cap-add ulimit sysctl info timens device; do
		box_refused '*' --$option "$hostile:$(printf '\033')"
		nothing_raw
	done
	box --workdir "/$hostile" -- true
	code_is 125
	one_line
	nothing_raw
}

it 'creates nothing on the host when another option is wrong' && for who in $WHO; do
	be $who
	before=$(sum_of $R)
	find $H >before
	for bad in '--volume /none:/x' '--env-file /none' '--user no-such' '--landlock x' \
	    '--cap-add x' '--ulimit x' '--workdir /none' '--preserve-fd 77' '--hostname =/=' \
	    '--sysctl kernel.panic=1' '--no-such' '--layer /none' '--dir /etc/motd/x' \
	    '--info /none/x' '--timens x' '--seccomp x' '--uidmap 0:1000:10 --uidmap 5:2000:10'; do
		[ "$bad" != '--hostname =/=' ] || bad="--hostname $(printf %065d 0)"
		box_refused '*' --upper $H/made --info $H/info --pidfile $H/pid $bad
	done
	find $H | diff before - || fail 'the names above are new'
	is "$(sum_of $R)" "$before"
done

it 'leaves existing report, info and pid files alone when it refuses' && {
	be as_user
	echo before | as_user tee $H/info >$H/pid
	chown $(as_user id -u) $H/pid
	box_refused '*' --info $H/info --pidfile $H/pid --volume /none:/x
	box_refused '*' --info $H/info --pidfile $H/pid --workdir /none
	is "$(cat $H/info $H/pid)" 'before
before'
}

finish
