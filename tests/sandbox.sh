# Sandboxes option by option: root, identity, isolation, life. See security.sh for
# attacks, sandbox-input.sh for bad input, and relay for terminals.
# shellcheck shell=sh disable=SC2016,SC2086,SC2046
# shellcheck source=tests/lib.sh
. "${0%/*}/lib.sh"
# shellcheck source=tests/sandbox-lib.sh
. "$TESTS/sandbox-lib.sh"

# ---- namespaces --------------------------------------------------------------

namespace() { readlink "/proc/self/ns/$1"; }

# Check that $out shows a namespace of the host, or another one.
shares() {
	case $out in
	*"$(namespace "$1")"*) ;;
	*) fail "$1 is not shared" ;;
	esac
}
has_its_own() {
	case $out in
	*"$(namespace "$1")"*) fail "$1 is the host's" ;;
	*"$1:["*) ;;
	*) fail "no $1 in $out" ;;
	esac
}
NAMESPACES='cgroup ipc mnt net pid user uts time'
LINKS='for n in cgroup ipc mnt net pid user uts time; do readlink /proc/self/ns/$n; done'

it 'has seven namespaces of its own, and shares time' && for who in $WHO; do
	be $who
	box -- sh -c "$LINKS"
	for n in cgroup ipc mnt net pid user uts; do has_its_own $n; done
	shares time
done

it 'has a cgroup namespace of its own, in which its group is /' && for who in $WHO; do
	be $who
	box -- cat /proc/self/cgroup
	code_is 0
	printf '%s\n' "$out" | grep -v ':/$' && fail "other paths than /: $out"
done

it 'has an IPC namespace of its own, without the shared memory of others' &&
    have ipcmk && for who in $WHO; do
	be $who
	for words in '' '--ipc host'; do
		run $as unshare --user --map-root-user --ipc sh -c 'ipcmk -M 4096 >&2
		    exec "$PITH" "$@"' - --rootfs $R $words -- sh -c \
		    'wc -l </proc/sysvipc/shm; ls /dev/mqueue | wc -l'
		code_is 0
		[ "$words" ] && out_like '2*' || out_is '1
0'
	done
done

it 'has a mount namespace of its own, whose mounts are not visible outside' &&
    for who in $WHO; do
	be $who
	box --tmpfs /tmp/there -- sh -c 'grep -c /tmp/there /proc/mounts
	    grep -c " / " /proc/mounts'
	out_is '1
1'
	grep -q /tmp/there /proc/mounts && fail 'the mount is visible outside'
	mkdir -p $H/empty
	for words in '' --read-only --writable '--upper up' '--layer empty'; do
		run $as env -C $H "$PITH" --rootfs root $words -- sh -c \
		    'ls -d /.. /../.. /../*; cat /../etc/motd'
		is "$words $code" "$words 0"
		[ "$(printf '%s\n' "$out" | wc -l)" -le 14 ] || fail "$words: out of the root: $out"
	done
	rm -rf $H/up
done

it 'has a network namespace of its own, with only lo, which is up' &&
    for who in $WHO; do
	be $who
	box --timeout 20s -- sh -c 'ls /sys/class/net; ip -o addr | cut -d" " -f2,7
	    nc -l -p 8080 -e echo hello & until nc 127.0.0.1 8080 2>/dev/null; do
		usleep 20000; done'
	out_is 'lo
lo 127.0.0.1/8
lo ::1/128
hello'
done

it 'has a PID namespace of its own, in which process 1 is pith and others are hidden' &&
    for who in $WHO; do
	be $who
	box -- sh -c 'cat /proc/1/comm; ls -d /proc/[0-9]* | wc -l'
	# pith, sh, ls, wc
	case $out in
	'pith
'[234]) ;;
	*) fail "$out" ;;
	esac
done

it 'has a user namespace of its own, whose root has no privileges outside' && for who in $WHO; do
	be $who
	rm -f $H/info.json
	start $as "$PITH" --rootfs $R --info $H/info.json -- sh -c 'id -u; exec probe signals'
	hear_until ready
	eventually [ -s $H/info.json ]
	child=$(json $H/info.json child)
	uid=$(awk '/^Uid:/ { print $2 }' "/proc/$child/status")
	case $who-$uid in
	as_root-0 | as_user-0) fail 'it is root outside' ;;
	as_root-*) [ "$uid" -ge 1879048192 ] || fail "not of pith's ranges: $uid" ;;
	as_user-*) is "$uid" "$(as_user id -u)" ;;
	esac
	kill $pid
	ends
done

it 'has a UTS namespace of its own, with the host name pith or a given one' &&
    for who in $WHO; do
	be $who
	box -- hostname
	out_is pith
	box --hostname judge-7.example -- sh -c 'hostname; echo $HOSTNAME'
	out_is 'judge-7.example
judge-7.example'
	[ "$(hostname)" != judge-7.example ] || fail 'the host got that name'
done

it 'has a time namespace of its own with --timens, whose clock has an offset' && for who in $WHO; do
	be $who
	box --timens boot=+1000000 -- sh -c 'cat /proc/uptime; readlink /proc/self/ns/time'
	has_its_own time
	here=$(cut -d. -f1 /proc/uptime)
	off=$((${out%%.*} - here - 1000000))
	[ $off -ge -2 ] && [ $off -le 30 ] || fail "off by $off seconds"
	box --timens boot=1000 --timens monotonic=-1 -- cat /proc/self/timens_offsets
	out_like 'monotonic*-1*0
boottime*1000*0'
done

it 'shares ipc, uts, cgroup or network with the host on request' && for who in $WHO; do
	be $who
	for words in '--ipc ipc' '--uts uts' '--cgroupns cgroup' '--network net'; do
		box ${words% *} host -- sh -c "$LINKS"
		shares ${words#* }
		for n in cgroup ipc mnt net pid user uts; do
			[ $n = ${words#* } ] || has_its_own $n
		done
	done
	box --uts host -- hostname
	out_is "$(hostname)"
done

it 'enters the network namespace of a path, with --network ns:PATH' && root && {
	be as_root
	start unshare --net sh -c 'readlink /proc/self/ns/net; exec sleep 100'
	hear
	box --network ns:/proc/$pid/ns/net -- readlink /proc/self/ns/net
	out_is "$heard"
	kill $pid
	ends 2>/dev/null
}

it 'lets every user bind ports below 1024, in two sandboxes at once' && for who in $WHO; do
	be $who
	for user in 1000 1001; do
		$as "$PITH" --rootfs $R --user $user --timeout 20s -- sh -c '
		    nc -l -p 80 -e echo '$user' &
		    until nc 127.0.0.1 80; do usleep 20000; done' >$H/port.$user 2>&1 &
	done
	wait
	is "$(cat $H/port.1000 $H/port.1001 | grep '^[0-9]*$' | tr '\n' ' ')" '1000 1001 '
done

it 'sets kernel parameters that differ between two sandboxes' && for who in $WHO; do
	be $who
	# Older kernels leave these to root of the machine, or do not show them.
	kernel 6 10 || continue
	keys='net.core.somaxconn kernel.msgmax fs.mqueue.msg_max'
	for n in 100 200; do
		start $as "$PITH" --rootfs $R $(printf -- "--sysctl=%s=$n " $keys) -- \
		    sh -c 'cd /proc/sys; cat $(echo "$@" | tr . /); exec probe signals' - $keys
		for key in $keys; do hear; is "$key $heard" "$key $n"; done
		hear_until ready
		if [ $n = 100 ]; then
			first=$pid
			exec 8<&9
		else
			kill $first $pid
			wait $first
			exec 8<&-
			ends
		fi
	done
	[ "$(cat /proc/sys/kernel/msgmax)" -gt 200 ] || fail 'the host has it too'
done

it 'refuses to set a kernel parameter of the whole machine, or of a shared namespace' &&
    for who in $WHO; do
	be $who
	for key in kernel.panic vm.overcommit_memory fs.file-max kernel.pid_max; do
		now=$(cat /proc/sys/$(echo $key | tr . /))
		refused "*cannot set '$key=$now'*whole machine*" --rootfs $R --sysctl $key=$now
	done
	refused "*cannot set 'net.core.somaxconn=9'*" --rootfs $R --network host \
	    --sysctl net.core.somaxconn=9
	refused "*cannot set 'kernel.msgmax=9'*" --rootfs $R --ipc host --sysctl kernel.msgmax=9
	refused "*bad value*" --rootfs $R --sysctl net/../kernel/panic=1
done

it 'creates each namespace alone, or lists of them, with --unshare and no root' &&
    for who in $WHO; do
	be $who
	with=user,
	[ $who = as_user ] || with=
	for list in mnt pid net ipc uts cgroup time user mnt,pid,net,ipc,uts,cgroup,time; do
		run $as "$PITH" --unshare $with$list -- sh -c "$LINKS"
		code_is 0
		for n in $NAMESPACES; do
			case ,$with$list, in
			*,$n,*) has_its_own $n ;;
			*) shares $n ;;
			esac
		done
	done
	run $as "$PITH" --unshare ${with}pid,mnt -- sh -c 'cat /proc/1/comm; ls -d /proc/[0-9]*'
	out_like 'pith
*'
	[ "$(printf '%s\n' "$out" | wc -l)" -le 4 ] || fail "not a fresh /proc: $out"
	run $as "$PITH" --unshare ${with}uts --hostname elsewhere -- hostname
	out_is elsewhere
	run $as "$PITH" --unshare ${with}net -- cat /proc/net/dev
	[ "$(printf '%s\n' "$out" | grep -c :)" = 1 ] || fail "$out"
	run $as "$PITH" --timens boot=+1000000 --unshare ${with}pid,mnt -- cat /proc/uptime
	[ "${out%%.*}" -ge 1000000 ] || fail "$out"
done

it 'maps the user of --unshare user to root, and no other id' && {
	be as_user
	run as_user "$PITH" --unshare user -- sh -c 'id -u; cat /proc/self/uid_map'
	out_like "0
*0*$(as_user id -u)*1"
}

# ---- root --------------------------------------------------------------------

it 'leaves an ephemeral root byte for byte as it was' && for who in $WHO; do
	be $who
	# An ordinary user's overlay keeps user.* attributes, which tmpfs lacks before Linux 6.6.
	[ $who = as_root ] || kernel 6 6 || continue
	before=$(sum_of $R)
	for words in '' --ephemeral --ephemeral=64m; do
		box $words -- sh -c 'rm /etc/motd && mkdir -p /new/dir && mv /bin/ptrue /new/ &&
		    echo more >>/etc/hosts && chmod 700 /tmp && ln -s x /link &&
		    rm -r /var/old && chown 0:0 /etc/group &&
		    [ ! -e /etc/motd ] && /new/ptrue && grep -q more /etc/hosts'
		code_is 0
	done
	# An opaque directory needs such attributes too, so an ordinary user has none before 6.6.
	[ $who = as_user ] || box -- sh -c 'rm -r /var/old && mkdir /var/old && ls -A /var/old'
	[ $who = as_user ] || out_is ''
	is "$(sum_of $R)" "$before"
	box -- test -e /new
	code_is 1
done

it 'gives an ephemeral root the requested size, and no more' && for who in $WHO; do
	be $who
	box --ephemeral=1m -- sh -c 'dd if=/dev/zero of=/big bs=64k count=8 2>/dev/null &&
	    dd if=/dev/zero of=/big bs=64k count=32'
	code_is 1
	err_like '*No space left on device*'
	box --ephemeral=4m -- dd if=/dev/zero of=/big bs=64k count=32
	code_is 0
done

it 'cannot write to a --read-only root, nor to what is mounted in it' && for who in $WHO; do
	be $who
	before=$(sum_of $R)
	box --read-only --tmpfs /tmp -- sh -c 'echo x >/tmp/x; echo >/x'
	code_is 1
	err_like '*Read-only file system*'
	box --read-only -- sh -c 'rm /etc/motd'
	code_is 1
	box --read-only -- sh -c 'echo x >>/etc/motd'
	code_is 1
	is "$(sum_of $R)" "$before"
	# A user who may unshare(1) mounts may have more mounts in the root.
	run $as unshare --user --map-root-user --mount sh -c 'mount -t tmpfs none $R/mnt &&
	    mkdir $R/mnt/below && mount -t tmpfs none $R/mnt/below && echo there >$R/mnt/x &&
	    "$PITH" --rootfs $R --read-only -- sh -c "echo x >/mnt/x; echo x >/mnt/below/x"
	    ls $R/mnt/below && cat $R/mnt/x'
	out_is there
	[ $who = as_user ] || {
		run unshare --mount sh -c 'mount -t tmpfs none $R/mnt && echo there >$R/mnt/x &&
		    "$PITH" --rootfs $R --read-only -- sh -c "echo x >/mnt/x"; cat $R/mnt/x'
		out_is there
	}
done

it 'writes into a --writable root, with the owners that files have inside' && for who in $WHO; do
	be $who
	box --writable -- sh -c 'echo here >/tmp/kept; mkdir /tmp/dir; rm /tmp/rm-me'
	code_is 0
	is "$(cat $R/tmp/kept)" here
	[ ! -e $R/tmp/rm-me ] || fail 'it is not removed'
	[ $who = as_user ] || {
		box --writable --cap-add CHOWN -- sh -c 'chown 5:6 /tmp/dir'
		is "$(stat -c %u:%g $R/tmp/kept)" 0:0
		is "$(stat -c %u:%g $R/tmp/dir)" 5:6
		box -- stat -c %u:%g /tmp/kept /tmp/dir
		out_is '0:0
5:6'
	}
	is "$(stat -c %u $R/tmp/kept)" "$($as id -u)"
	rm -r $R/tmp/kept $R/tmp/dir
	touch $R/tmp/rm-me
done

# Make three commits on top of a root, each of which also removes files.
commits() {
	at=$H/commits
	$as mkdir -p $at
	$as cp -r $R $at/base
	base="--rootfs $at/base"
	run $as "$PITH" $base --upper $at/U1 -- sh -c 'echo 1 >/one; rm /etc/motd
	    rm -r /var/old; mkdir /var/old; echo new >/var/old/new; echo 1 >/etc/hosts'
	code_is 0
	run $as "$PITH" $base --layer $at/U1 --upper $at/U2 -- sh -c 'cat /one; ls /var/old
	    echo 2 >/two; rm /one; echo 2 >/etc/hosts; test ! -e /etc/motd'
	code_is 0
	out_is '1
new'
	run $as "$PITH" $base --layer $at/U1 --layer $at/U2 --upper $at/U3 -- sh -c 'cat /two
	    echo 3 >/three; echo again >/etc/motd; rm -r /var/old; test ! -e /one'
	code_is 0
	out_is 2
}

it 'stacks several uppers, with whiteouts and opaque directories' &&
    for who in $WHO; do
	be $who
	commits
	sums=$(sum_of $at)
	run $as "$PITH" $base --layer $at/U1 --layer $at/U2 --layer $at/U3 -- sh -c '
	    cat /two /three /etc/hosts /etc/motd; ls /var; test ! -e /one; echo x >/x'
	code_is 0
	out_is '2
3
2
again'
	# Without a --rootfs the first layer is the lowest.
	run $as "$PITH" --layer $at/base --layer $at/U1 -- sh -c 'cat /one; ls /var/old'
	out_is '1
new'
	run $as "$PITH" --layer $at/base --layer $at/U1 --read-only -- sh -c 'cat /one; echo >/x'
	code_is 1
	out_is 1
	is "$(sum_of $at)" "$sums"
	[ ! -e $at/U3/one ] && [ ! -e $at/base/two ] || fail 'written to the wrong one'
	is "$(ls -A $at | tr '\n' ' ')" 'U1 U2 U3 base '
	is "$(ls -A $at/U3 | tr '\n' ' ')" 'etc three var '
done

it 'continues with the upper directory of an earlier run' && for who in $WHO; do
	be $who
	for n in 1 2 3; do
		box --upper $H/again -- sh -c 'echo x >>/log; wc -l </log'
		out_is $n
	done
	is "$(ls -A $H/again)" log
	is "$(stat -c %u $H/again/log)" "$($as id -u)"
	is "$(find $H -maxdepth 1 -name '.pith*')" ''
done

it 'removes the work directory that a killed launcher left behind' && for who in $WHO; do
	be $who
	start $as "$PITH" --rootfs $R --upper $H/killed -- sh -c 'echo 1 >/log; exec probe signals'
	hear_until ready
	kill -KILL $pid
	ends 2>/dev/null
	eventually sh -c "! grep -q $H/killed /proc/[0-9]*/mountinfo"
	box --upper $H/killed -- cat /log
	out_is 1
	is "$(find $H -maxdepth 1 -name '.pith*')" ''
done

it 'honours the opaque directories and whiteouts of an engine' && root &&
    have setfattr && {
	be as_root
	mkdir -p $H/engine/etc $H/engine/var/old
	setfattr -n trusted.overlay.opaque -v y $H/engine/var/old
	mknod $H/engine/etc/motd c 0 0
	echo engine >$H/engine/var/old/engine
	box --layer $H/engine -- sh -c 'ls /var/old; test ! -e /etc/motd'
	code_is 0
	out_is engine
}

it 'stacks 120 layers' && for who in $WHO; do
	be $who
	words=
	for n in $(seq 120); do
		mkdir -p $H/many/$n
		echo $n >$H/many/$n/top
		echo $n >$H/many/$n/of-$n
		words="$words --layer $H/many/$n"
	done
	box $words -- sh -c 'cat /top /of-1 /of-120; ls / | grep -c of-'
	out_is '120
1
120
120'
done

it 'takes any bytes in the names of roots, layers, uppers, volumes and links' &&
    for who in $WHO; do
	be $who
	for odd in 'a,b' 'a:b' 'a\b' 'a b' 'a=b' "$(printf 'a\nb')" "$(printf '\377\376')" \
	    '-x' "$(printf %0200d 0)" 'x,lowerdir=y:z\,upperdir=w'; do
		$as mkdir -p "$H/odd/$odd"
		$as cp -r $R/bin $R/etc "$H/odd/$odd/"
		rm -rf "$H/odd/up"
		$as mkdir "$H/odd/up"
		from=$(printf %s "$H/odd/$odd/etc" | sed 's/[\\:]/\\&/g')
		to=$(printf %s "/to/$odd" | sed 's/[\\:]/\\&/g')
		run $as "$PITH" --rootfs "$H/odd/$odd" -- cat /etc/motd
		out_is "$MOTD"
		run $as "$PITH" --rootfs $R --layer "$H/odd/$odd" --upper "$H/odd/up/$odd" \
		    --volume "$from:$to" --symlink "$to:/link" -- sh -c '
		    cat /link/motd "$1"; echo up >/up' - "/to/$odd/motd"
		out_is "$MOTD
$MOTD"
		is "$(cat "$H/odd/up/$odd/up")" up
		rm -rf "$H/odd"
	done
done

it 'takes a squashfs or erofs image as root, and releases its loop device' && root &&
    have mksquashfs mkfs.erofs losetup && {
	be as_root
	loops=$(losetup -a | wc -l)
	mksquashfs $R root.squashfs -quiet -no-progress >/dev/null
	mkfs.erofs --quiet root.erofs $R >/dev/null
	for image in root.squashfs root.erofs; do
		before=$(sha256sum $image)
		# Before Linux 6.2 the owners of a squashfs cannot be mapped.
		if ! kernel 6 2 && [ $image = root.squashfs ]; then
			refused "cannot map the owners of 'root.squashfs'*" --rootfs $image
			continue
		fi
		run "$PITH" --rootfs $image -- sh -c 'cat /etc/motd; echo x >>/etc/motd; id -u'
		code_is 0
		out_is "$MOTD
0"
		run "$PITH" --rootfs $image --read-only -- sh -c 'cat /etc/motd; echo >/x'
		code_is 1
		out_is "$MOTD"
		run "$PITH" --rootfs $image --layer $H/many/1 -- cat /top /etc/motd
		out_is "1
$MOTD"
		is "$(sha256sum $image)" "$before"
	done
	eventually sh -c "[ \$(losetup -a | wc -l) = $loops ]"
}

it 'starts with an empty root, with --rootfs none' && for who in $WHO; do
	be $who
	run $as "$PITH" --rootfs none --volume $R/bin:/bin:ro --dir /tmp/x -- /bin/sh -c \
	    'ls -A /; echo x >/tmp/y; echo x >/bin/x'
	out_is 'bin
dev
proc
sys
tmp'
	code_is 1
	err_like '*Read-only file system*'
	run $as "$PITH" --rootfs none --proc none --sys none -- /bin/sh
	code_is 127
done

it 'uses the tree of this host as root, with --rootfs /' && for who in $WHO; do
	be $who
	run $as "$PITH" --rootfs / --read-only -- sh -c 'test -e /etc/passwd && echo >"/no"'
	code_is 2
	err_like '*Read-only file system*'
	[ ! -e /no ] || fail 'written to the host'
	run $as "$PITH" --rootfs / --read-only --tmpfs /tmp -- sh -c 'ls -A /tmp; echo >/tmp/x'
	code_is 0
	out_is ''
	# Only where the suite's files are on the file system of /.
	[ $who = as_user ] || [ "$(stat -c %d $H)" != "$(stat -c %d /)" ] || {
		run "$PITH" --rootfs / -- sh -c 'echo x >/no && cat /no'
		out_is x
		[ ! -e /no ] || fail 'written to the host'
	}
done

# ---- contents of the root ----------------------------------------------------

it 'binds volumes read-write, and with :ro read-only' && for who in $WHO; do
	be $who
	$as mkdir -p $H/v/sub
	echo one | $as tee $H/v/file >/dev/null
	box --volume $H/v:/data -- sh -c 'cat /data/file; echo two >/data/made'
	out_is one
	is "$(cat $H/v/made) $(stat -c %u $H/v/made)" "two $($as id -u)"
	box --volume $H/v:/data:rw -- rm /data/made
	[ ! -e $H/v/made ] || fail 'it is still there'
	box --volume $H/v:/data:ro -- sh -c 'cat /data/file; echo two >/data/made'
	code_is 1
	out_is one
	box --volume $H/v/file:/etc/motd:ro -- sh -c 'cat /etc/motd; echo x >>/etc/motd'
	code_is 1
	out_is one
	is "$(cat $H/v/file)" one
	box --read-only --volume $H/v:/mnt -- sh -c 'echo x >/mnt/w; echo x >/w'
	is "$(cat $H/v/w)" x
	rm $H/v/w
done

it 'makes everything mounted below a :ro volume read-only' && root && {
	be as_root
	# Before Linux 6.3 the owners of a tmpfs cannot be mapped.
	below=ro
	kernel 6 3 && below=rw
	export below
	run unshare --mount sh -c 'mount -t tmpfs none $H/v/sub && echo below >$H/v/sub/x
	    "$PITH" --rootfs $R --volume $H/v:/data:ro -- \
		sh -c "cat /data/sub/x; echo >/data/sub/x"
	    [ $below = ro ] || "$PITH" --rootfs $R --volume $H/v:/data -- \
		sh -c "echo y >/data/sub/y"
	    echo y >>$H/v/sub/y
	    cat $H/v/sub/x $H/v/sub/y'
	out_is "below
below
y$([ $below = ro ] || printf '\ny')"
}

it 'executes nothing in a :noexec volume, and opens devices only in a :dev volume' &&
    for who in $WHO; do
	be $who
	$as cp "$B/true" $H/v/true
	box --volume $H/v:/data -- /data/true
	code_is 0
	box --volume $H/v:/data:exec,ro -- /data/true
	code_is 0
	box --volume $H/v:/data:noexec -- /data/true
	code_is 126
	err_like '*mounted noexec*'
	[ $who = as_user ] || {
		mknod $H/v/null c 1 3
		chmod 666 $H/v/null
		box --volume $H/v:/data -- sh -c 'echo >/data/null'
		code_is 1
		box --volume $H/v:/data:dev -- sh -c 'echo >/data/null'
		code_is 0
		rm $H/v/null
	}
	box --volume /dev/null:/data:dev -- sh -c 'echo >/data'
	code_is 0
	rm $H/v/true
done

it 'skips a :try volume that does not exist' && for who in $WHO; do
	be $who
	box --volume $H/none:/data:try --volume $H/v:/mnt:ro,try -- sh -c \
	    'cat /mnt/file; test ! -e /data'
	code_is 0
	out_is one
done

it 'binds in the order of the command line, files over files and mounts in mounts' &&
    for who in $WHO; do
	be $who
	$as mkdir -p $H/w/sub/deep
	echo w | $as tee $H/w/file >/dev/null
	box --volume $H/v:/data --volume $H/w:/data/sub --tmpfs /data/sub/sub \
	    --volume $H/v/file:/data/sub/file -- sh -c 'cat /data/file /data/sub/file
	    ls -A /data/sub/sub; echo x >/data/sub/sub/x'
	code_is 0
	out_is 'one
one'
	# The later mount is on top.
	box --volume $H/v/file:/etc/motd --volume $H/w/file:/etc/motd -- cat /etc/motd
	out_is w
	box --volume $H/w:/data/sub --volume $H/v:/data -- sh -c 'ls -A /data/sub'
	out_is ''
	box --tmpfs /data --dir /data/a/b --symlink a/b:/data/l --volume $H/v:/data/l/v -- \
	    cat /data/a/b/v/file
	out_is one
	is "$(ls -A $H/w/sub)" deep
done

it 'takes 1,000 volumes, with the usual limit of 1,024 files' && for who in $WHO; do
	be $who
	run $as sh -c 'ulimit -n 1024; exec "$PITH" --rootfs $R $(seq -f --volume=$H/v:/v/%g 1000) \
	    -- sh -c "ls /v | wc -l; cat /v/1/file /v/1000/file"'
	code_is 0
	out_is '1000
one
one'
done

it 'keeps data written to a volume out of the layer' && for who in $WHO; do
	be $who
	box --upper $H/beside --volume $H/v:/data -- sh -c 'echo in >/data/in; echo by >/by'
	is "$(cat $H/v/in)" in
	is "$(find $H/beside -type f)" $H/beside/by
	rm $H/v/in
done

it 'mounts tmpfs with size, mode, and exec' && for who in $WHO; do
	be $who
	box --tmpfs /t -- sh -c 'stat -c %a /t; cp /bin/ptrue /t/; /t/ptrue'
	code_is 126
	out_is 1777
	box --tmpfs /t:size=64k,mode=750,exec -- sh -c 'stat -c %a /t; cp /bin/ptrue /t/
	    /t/ptrue && dd if=/dev/zero of=/t/x bs=128k count=1'
	code_is 1
	out_is 750
	err_like '*No space left*'
	box --read-only --tmpfs /tmp:mode=700,noexec --user 0 -- sh -c 'echo >/tmp/x'
	code_is 0
done

it 'creates directories and links' && for who in $WHO; do
	be $who
	box --dir /a/b/c --dir /etc --symlink /etc/motd:/a/l --symlink /etc/motd:/a/l \
	    --symlink ../../outside:/a/b/up -- sh -c 'ls -d /a/b/c; cat /a/l; readlink /a/b/up'
	out_is "/a/b/c
$MOTD
../../outside"
	[ ! -e $R/a ] || fail 'made in the root itself'
	refused "*cannot make the link '/etc/motd'*" --rootfs $R --symlink /x:/etc/motd
	refused "*cannot make the directory '/etc/motd/x': Not a directory*" \
	    --rootfs $R --dir /etc/motd/x
	refused "*cannot make the link '/new'*read-only*" --rootfs $R --read-only --symlink x:/new
done

it 'creates files from open descriptors, also in a read-only root' && for who in $WHO; do
	be $who
	for words in '--ephemeral' '--read-only'; do
		echo secret >$H/secret
		run $as sh -c 'exec "$PITH" --rootfs $R '$words' --file 7:/etc/motd \
		    --file 8:/etc/hosts:mode=600,ro -- sh -c "cat /etc/motd /etc/hosts
		    stat -c %a /etc/motd /etc/hosts; ls /proc/self/fd | wc -l
		    echo x >/etc/motd && echo x >/etc/hosts"' 7<$H/secret 8<$H/v/file
		code_is 1
		out_is 'secret
one
644
600
4'
		err_like '*etc/hosts: Read-only*'
		is "$(cat $H/secret)" secret
	done
	printf 'a\0b' >$H/secret
	run $as sh -c 'head -c 300000 /dev/zero | "$PITH" --rootfs $R --file 0:/a/b/pipe \
	    --file 7:/zero -- sh -c "wc -c </a/b/pipe; wc -c </zero"' 7<$H/secret
	out_is '300000
3'
done

it 'binds devices, also under another name' && for who in $WHO; do
	be $who
	box --device /dev/full --device /dev/full:/dev/mine --device /dev/no-such:/dev/x:try -- \
	    sh -c 'echo >/dev/mine'
	code_is 1
	err_like '*No space left*'
	box --device /dev/zero:/somewhere/else -- sh -c 'head -c 3 /somewhere/else | wc -c'
	out_is 3
done

it 'has a /dev of null, zero, full, random, urandom and tty, and links' && for who in $WHO; do
	be $who
	box -- sh -c 'cd /dev; echo *; echo x >null; head -c 2 zero | wc -c; head -c 2 random |
	    wc -c; head -c 2 urandom | wc -c; for l in fd stdin stdout stderr ptmx; do
		readlink $l; done
	    test -c pts/ptmx; echo x >full'
	code_is 1
	out_is 'fd full mqueue null ptmx pts random shm stderr stdin stdout tty urandom zero
2
2
2
/proc/self/fd
/proc/self/fd/0
/proc/self/fd/1
/proc/self/fd/2
pts/ptmx'
	err_like '*No space left*'
	box -- sh -c 'stat -c %a /dev/shm /dev/mqueue /dev/null; echo x >/dev/shm/x; echo x >/dev/x'
	code_is 0
	out_is '1777
1777
666'
done

it 'has a /dev/shm of 64m, or of the requested size' && for who in $WHO; do
	be $who
	box -- sh -c 'df -k /dev/shm | tail -1 | awk "{ print \$2 }"'
	out_is 65536
	box --shm-size 1m -- sh -c 'df -k /dev/shm | tail -1 | awk "{ print \$2 }"
	    dd if=/dev/zero of=/dev/shm/x bs=1M count=2'
	code_is 1
	out_is 1024
done

it 'hides files of /proc that reveal or change the state of the host' && for who in $WHO; do
	be $who
	for words in '' '--proc masked'; do
		box $words -- sh -c 'cd /proc
		    cat interrupts keys timer_list kcore 2>/dev/null | wc -c
		    ls -A acpi scsi asound 2>/dev/null | grep -v -e : -e "^$"
		    for f in sys/kernel/hostname irq/default_smp_affinity; do
			(echo x >$f) 2>/dev/null && echo $f; done
		    grep -q MemTotal meminfo && awk "/^[a-z]* .proc.(sys|irq|bus|fs) / {
			print \$2, substr(\$4, 1, 3) }" mounts | sort'
		out_is '0
/proc/bus ro,
/proc/fs ro,
/proc/irq ro,
/proc/sys ro,'
	done
	box --cap-add ALL --seccomp off -- sh -c 'echo x >/proc/sys/kernel/hostname'
	code_is 1
	err_like '*Read-only file system*'
done

it 'has a /proc with processes only, a full one, or none' && for who in $WHO; do
	be $who
	box --proc minimal -- sh -c 'test -e /proc/1/status && ls /proc | grep -v "^[0-9]"'
	out_is 'self
thread-self'
	box --proc full -- sh -c 'wc -l </proc/interrupts'
	[ "$out" -gt 1 ] || fail "$out"
	box --proc none -- ls -A /proc
	out_is ''
	code_is 0
done

it 'has a read-only /sys, or none' && for who in $WHO; do
	be $who
	for words in '' '--sys ro' '--sys ro --network host'; do
		box $words -- sh -c 'test -d /sys/class/net/lo && ls -A /sys/firmware
		    echo >/sys/class/net/lo/mtu'
		out_is ''
		code_is 1
		err_like '*Read-only*'
	done
	box --sys none -- ls -A /sys
	out_is ''
	code_is 0
done

# ---- chroot ------------------------------------------------------------------

it 'only changes the root, with --chroot' && root && {
	be as_root
	run "$PITH" --chroot $R -- sh -c 'cat /etc/motd; ls -A /proc; id -u; pwd'
	out_is "$MOTD
0
/"
	run "$PITH" --chroot $R --user www --umask 027 --workdir /tmp --env A=b -- \
	    sh -c 'id -u; umask; pwd; echo $A'
	out_is '33
0027
/tmp
b'
	run "$PITH" --chroot $R -- no-such
	code_is 127
	run "$PITH" --chroot $R -- sh -c 'exit 9'
	code_is 9
}

it 'does not confine root with --chroot, but with --rootfs' && root && {
	be as_root
	echo canary >canary
	run "$PITH" --unshare mnt --chroot $R -- sh -c 'mount -t proc none /proc &&
	    cat "$1"' - /proc/$$/root$W/canary
	out_is canary
	# A sandbox confines root.
	box --cap-add ALL --seccomp off -- sh -c 'cat /proc/[0-9]*/root"$1"' - $W/canary
	code_is 1
	out_is ''
}

it 'runs an i386 program, or names the machine where the kernel cannot run it' && {
	[ "$(uname -m)" = x86_64 ] && printf 'void _start(void) {
	int r; __asm__ volatile("int $0x80" : "=a"(r) : "a"(4), "b"(1), "c"("i386\\n"), "d"(5));
	__asm__ volatile("int $0x80" : : "a"(1), "b"(5)); }' >i386.c &&
	    "${CC:-cc}" -m32 -O1 -nostdlib -static -ffreestanding -fno-pie -no-pie \
	    -fno-stack-protector -o i386 i386.c 2>/dev/null && ./i386 >/dev/null 2>&1
	native=$?
	if [ $native = 5 ]; then
		for who in $WHO; do
			be $who
			$as cp i386 $R/bin/i386
			box -- i386
			code_is 5
			out_is i386
		done
		[ "$(id -u)" != 0 ] || {
			run "$PITH" --chroot $W/as_root/root -- i386
			code_is 5
			out_is i386
		}
	elif [ $native = 126 ]; then
		run "$PITH" --chroot $W -- /i386
		[ "$(id -u)" = 0 ] || run "$PITH" -- ./i386
		code_is 126
		err_like '*Exec format error, it is for i386 machines*'
	else
		skip 'no i386 programs can be made here'
	fi
}

# ---- identity of the command -------------------------------------------------

it 'runs as root inside, or as the requested user' && for who in $WHO; do
	be $who
	box -- sh -c 'id -u; id -g; id -G; echo $HOME'
	out_is '0
0
0
/root'
	box --user 1000:1001 -- sh -c 'echo $(id -u):$(id -g)'
	out_is 1000:1001
	# As with docker when passwd does not list the user.
	box --user 1000 -- sh -c 'echo $(id -u):$(id -g); echo $HOME'
	out_is '1000:0
/'
	box -u 33 -- sh -c 'id -u; echo $HOME; id -un'
	out_is '33
/var/www
www'
done

it 'resolves the names of users and groups in its own root' && root && {
	be as_root
	box --user www -- sh -c 'echo $(id -u):$(id -g) $(id -G); echo $HOME; pwd'
	out_is '33:33 33 29 77
/var/www
/'
	box --user 33 -- id -G
	out_is '33 29 77'
	box --user www:audio -- sh -c 'echo $(id -u):$(id -g)'
	out_is 33:29
	box --user www:7 --group-add 9 --group-add audio -- id -G
	out_like '7 *'
	for group in 9 29; do
		case " $out " in *" $group "*) ;; *) fail "not in $group: $out" ;; esac
	done
	box --user 1000 --group-add extra -- id -G
	out_is '0 77'
	box --group-add 5 -- id -G
	out_is '0 5'
}

it 'starts with PATH, HOME, TERM, LANG and HOSTNAME, and no other variable' &&
    for who in $WHO; do
	be $who
	run env TERM=vt100 LANG=C.UTF-8 SECRET=x $as "$PITH" --rootfs $R -- env
	is "$(printf '%s\n' "$out" | sort)" 'HOME=/root
HOSTNAME=pith
LANG=C.UTF-8
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
TERM=vt100'
done

it 'sets, passes on and removes variables in the order of the command line' &&
    for who in $WHO; do
	be $who
	printf '%s\n' '# a comment' '' 'F=of the file' 'PASSED' 'A=file' 'G=a=b#c' >$H/env
	run env PASSED=on A=outside B=outside $as "$PITH" --rootfs $R --env A=1 --env B \
	    --env-file $H/env --env C= --env A=2 --unsetenv LANG --unsetenv NONE -- \
	    sh -c 'echo "$A $B $F $PASSED $G ${C-unset} ${LANG-unset}"'
	out_is '2 outside of the file on a=b#c  unset'
	run env A=outside B=outside $as "$PITH" --rootfs $R --keep-env=A,NONE -- \
	    sh -c 'echo "$A ${B-unset} $HOME"'
	out_is 'outside unset /root'
	run env A=outside B=outside $as "$PITH" --rootfs $R --keep-env --unsetenv B -- \
	    sh -c 'echo "$A ${B-unset}"'
	out_is 'outside unset'
	run env A=outside $as "$PITH" --rootfs $R --unsetenv A --keep-env=A -- sh -c 'echo "$A"'
	out_is outside
	run env A=outside $as "$PITH" --rootfs $R --env A=set --keep-env=A -- sh -c 'echo "$A"'
	out_is outside
	run env PITH_OPTIONS="--env A=b" $as "$PITH" --rootfs $R --keep-env -- env
	case $out in *PITH_OPTIONS*) fail 'PITH_OPTIONS is passed on' ;; esac
	out_like '*A=b*'
	run env A=outside $as "$PITH" --env B=2 --unsetenv A -- sh -c 'echo "${A-unset} $B $HOME"'
	out_is "unset 2 $HOME"
done

it 'starts in a directory, with a umask and limits' && for who in $WHO; do
	be $who
	box --workdir /var/old --umask 027 --ulimit nofile=64:128 --ulimit core=0 \
	    --ulimit stack=1048576 --ulimit nproc=1000:2000 -- \
	    sh -c 'pwd; umask; cat /proc/self/limits'
	out_like '/var/old
0027
*'
	for limit in 'Max open files *64 *128' 'Max core file size *0 *0' \
	    'Max stack size *1048576 *1048576' 'Max processes *1000 *2000'; do
		printf '%s\n' "$out" | grep -q "^$limit " || fail "no $limit in $out"
	done
	box -- sh -c 'pwd; umask'
	out_is "/
$(umask)"
	run $as "$PITH" --workdir /tmp --umask 7 --ulimit nofile=70 -- sh -c 'pwd; umask; ulimit -n'
	out_is '/tmp
0007
70'
done

it 'runs as another user without a sandbox too, as the entrypoint of an image' && root && {
	be as_root
	run "$PITH" --user 65533:65532 --group-add 7 --env A=b -- sh -c 'echo $(id -u):$(id -g)
	    id -G; echo $A'
	out_is '65533:65532
65532 7
b'
	run "$PITH" --user 65533 --cap-add NET_BIND_SERVICE -- grep CapEff /proc/self/status
	out_like '*0000000000000400'
	run "$PITH" --cap-drop ALL -- grep -e CapEff -e CapBnd /proc/self/status
	out_like '*:	0000000000000000
*:	0000000000000000'
	run "$PITH" --cap-drop CHOWN -- sh -c 'grep CapEff /proc/self/status'
	out_like '*[02468ace]'
}

# A filter under which chroot(2) fails with ENOSYS, instead of EPERM.
chroot_filter() {
	load_call
	fail_call chroot ENOSYS
	allow_rest
}

status() { sed -n "s/^$1:	*//p" $W/.out; }
caps_are() {
	for set in Prm Eff Bnd; do is "$set $(status Cap$set)" "$set $1"; done
}

it 'has no capabilities, or the requested ones' && for who in $WHO; do
	be $who
	none=0000000000000000
	docker=00000000a80425fb
	box -- cat /proc/self/status
	caps_are $none
	is "$(status CapInh) $(status CapAmb)" "$none $none"
	box --cap-add default -- cat /proc/self/status
	caps_are $docker
	box --cap-add default --cap-drop CHOWN --cap-drop cap_net_raw -- cat /proc/self/status
	caps_are 00000000a80405fa
	box --cap-add CAP_CHOWN --cap-add sys_admin -- cat /proc/self/status
	caps_are 0000000000200001
	box --cap-add ALL -- cat /proc/self/status
	[ "$(status CapEff)" != $none ] || fail none
	is "$(status CapEff)" "$(status CapBnd)"
	box --cap-drop ALL --cap-add KILL -- cat /proc/self/status
	caps_are 0000000000000020
	# The capabilities of an ordinary user survive the exec: they are ambient.
	box --user 1000 --cap-add NET_BIND_SERVICE -- cat /proc/self/status
	caps_are 0000000000000400
	is "$(status CapAmb)" 0000000000000400
	box --user 1000 --cap-add default -- sh -c 'grep CapEff /proc/self/status'
	out_like "*$docker"
done

it 'gets no new privileges without --new-privs' && for who in $WHO; do
	be $who
	box -- cat /proc/self/status
	is "$(status NoNewPrivs)" 1
	box --new-privs -- cat /proc/self/status
	is "$(status NoNewPrivs)" 0
done

it 'runs under the built-in filter of system calls, no filter, or one from a file' &&
    for who in $WHO; do
	be $who
	for words in '' '--seccomp default' '--cap-add ALL' '--new-privs'; do
		box $words -- cat /proc/self/status
		is "$words $(status Seccomp)" "$words 2"
	done
	box --seccomp off -- cat /proc/self/status
	is "$(status Seccomp)" "$(awk '/^Seccomp:/ { print $2 }' /proc/self/status)"
	chroot_filter >$H/filter
	box --seccomp bpf:$H/filter -- sh -c 'grep Seccomp: /proc/self/status; chroot / true'
	code_is 1
	out_is 'Seccomp:	2'
	err_like '*Function not implemented'
	run $as "$PITH" --seccomp bpf:$H/filter -- $R/bin/busybox chroot / true
	code_is 1
	err_like '*Function not implemented'
	box --seccomp default -- chroot / true
	code_is 1
	err_like '*Operation not permitted'
done

it 'opens only files that --landlock lists' && for who in $WHO; do
	be $who
	$as "$PITH" --landlock ro:/ -- true || { skip 'no Landlock here'; break; }
	box --landlock ro:/ --landlock rw:/tmp -- sh -c 'echo x >/tmp/x && cat /etc/motd
	    echo x >/etc/motd'
	code_is 1
	out_is "$MOTD"
	err_like '*Permission denied*'
	box --landlock ro:/bin --landlock rw:/dev -- sh -c 'echo >/dev/null; cat /etc/motd'
	code_is 1
	err_like '*motd*: Permission denied*'
	run $as "$PITH" --landlock ro:/ --landlock rw:/dev/null -- \
	    sh -c 'echo >/dev/null; echo >$H/x'
	err_like '*Permission denied*'
done

it 'binds and connects only to TCP ports that --landlock lists' && for who in $WHO; do
	be $who
	# Linux before 6.7 has no rules for ports: the option is refused.
	kernel 6 7 || {
		run $as "$PITH" --landlock bind:1 -- true
		code_is 125
		continue
	}
	box --timeout 20s --landlock bind:8080 --landlock connect:8080 -- sh -c '
	    nc -l -p 8080 -e echo yes & until nc 127.0.0.1 8080; do usleep 20000; done
	    nc -l -p 8081'
	code_is 1
	out_is yes
	err_like '*bind*: Permission denied*'
	box --landlock connect:1 -- nc 127.0.0.1 8080
	err_like '*connect to*: Permission denied*'
done

# ---- user namespaces ---------------------------------------------------------

it 'maps root to a range of ids that no other sandbox has' && root && {
	be as_root
	fifo held
	for n in 1 2 3 4 5; do
		"$PITH" --rootfs $R --env PITH_TEST -- sh -c \
		    'cat /proc/self/uid_map /proc/self/gid_map; read x' >$H/map.$n <held &
	done
	exec 7>held
	for n in 1 2 3 4 5; do eventually sh -c "[ \$(wc -l <$H/map.$n) = 2 ]"; done
	exec 7>&-
	wait
	is "$(cat $H/map.* | awk '{ print $1, $3 }' | sort -u)" '0 65536'
	is "$(cat $H/map.* | awk '{ print $2 }' | sort | uniq -c | awk '{ print $1 }' |
	    tr '\n' ' ')" '2 2 2 2 2 '
	is "$(cat $H/map.* | awk '$2 < 65536' | wc -l)" 0
}

it 'shares the user namespace, with --userns host' && root && {
	be as_root
	box --userns host -- sh -c "cat /proc/self/uid_map; $LINKS; echo x >/x
	    grep CapEff /proc/self/status"
	out_like '*0*0*4294967295
*0000000000000000'
	shares user
	for n in cgroup ipc mnt net pid uts; do has_its_own $n; done
	box --userns host --writable -- sh -c 'touch /tmp/by-root'
	is "$(stat -c %u $R/tmp/by-root)" 0
	rm $R/tmp/by-root
	box --userns host --user www -- id -u
	out_is 33
}

sub_ids() {
	root && { [ -e /etc/subuid ] && [ -e /etc/subgid ] ||
	    skip 'no /etc/subuid to mount another one over'; } && [ -n "$name" ]
}

# Run a command in a mount namespace, as a user whom files of /etc name together with
# the user's ids.
with_sub_ids() {
	printf '%s\n' root:x:0:0::/: tester:x:65533:65533::/: >passwd
	run unshare --mount sh -c 'for f in passwd subuid subgid; do
	    mount --bind $f /etc/$f || exit; done
	    exec setpriv --reuid 65533 --regid 65533 --clear-groups "$@"' - "$@"
}

it 'gives a user the ids of /etc/subuid, with --userns subid' && sub_ids &&
    have newuidmap newgidmap && {
	be as_user
	for line in tester:500000:1000 65533:500000:1000; do
		printf '%s\n' other:1:5 $line | tee subuid >subgid
		with_sub_ids "$PITH" --rootfs $R --userns subid --cap-add default -- sh -c '
		    cat /proc/self/uid_map; echo >/x; chown 5:6 /x; stat -c %u:%g /x'
		code_is 0
		is "$(printf '%s\n' $out | tr '\n' ' ')" '0 65533 1 1 500000 1000 5:6 '
	done
	with_sub_ids "$PITH" --rootfs $R --userns subid --user 33:33 --group-add 7 -- id -G
	out_is '33 7'
	with_sub_ids "$PITH" --rootfs $R --userns keep-id -- sh -c 'id -u; cat /proc/self/uid_map'
	is "$(printf '%s\n' $out | tr '\n' ' ')" \
	    '65533 0 500000 1000 65533 65533 1 '
	with_sub_ids "$PITH" --rootfs $R --uidmap 0:65533:1 --uidmap 1:500100:10 \
	    --gidmap 0:65533:1 -- cat /proc/self/uid_map /proc/self/gid_map
	is "$(printf '%s\n' $out | tr '\n' ' ')" '0 65533 1 1 500100 10 0 65533 1 '
}

it 'gives the remedy where /etc/subuid has no ids for a user' && sub_ids && {
	be as_user
	echo other:1:5 | tee subuid >subgid
	with_sub_ids "$PITH" --rootfs $R --userns subid -- touch started
	code_is 125
	one_line
	err_like "*no ids for this user*'/etc/subuid'*usermod --add-subuids*"
	# The user's own id can still be kept.
	with_sub_ids "$PITH" --rootfs $R --userns keep-id -- sh -c 'id -u; cat /proc/self/uid_map'
	is "$(printf '%s\n' $out | tr '\n' ' ')" '65533 65533 65533 1 '
}

it 'keeps the id of an ordinary user, with --userns keep-id' && {
	be as_user
	box --userns keep-id -- sh -c 'id -u; id -g; echo x >/tmp/x'
	out_is "$(as_user id -u)
$(as_user id -g)"
	code_is 0
}

it 'takes custom id maps' && for who in $WHO; do
	be $who
	if [ $who = as_root ]; then
		box --uidmap 0:1000000:1000 --uidmap 5000:2000000:5 --gidmap 0:3000000:10 -- \
		    sh -c 'echo $(cat /proc/self/uid_map) + $(cat /proc/self/gid_map)'
		out_is '0 1000000 1000 5000 2000000 5 + 0 3000000 10'
		box --uidmap 0:1000000:1000 -- cat /proc/self/gid_map
		out_like '*0*1000000*1000'
		refused '*cannot map*--userns host*' --rootfs $R --uidmap 0:0:1
	else
		box --uidmap 5:$(as_user id -u):1 --gidmap 6:$(as_user id -g):1 -- sh -c \
		    'echo $(cat /proc/self/uid_map) + $(cat /proc/self/gid_map) = $(id -u):$(id -g)'
		out_is "5 $(as_user id -u) 1 + 6 $(as_user id -g) 1 = 5:6"
	fi
done

it 'creates no user namespace inside without --allow-userns' && for who in $WHO; do
	be $who
	box -- unshare --user true
	[ $code != 0 ] || fail 'it made a user namespace'
	box --cap-add ALL -- unshare --user true
	[ $code != 0 ] || fail 'it made a user namespace, with capabilities'
	box --allow-userns -- unshare --user true
	code_is 0
done

# ---- nested sandboxes --------------------------------------------------------

# Run a sandbox in a sandbox in a sandbox. --proc full, because masks on /proc would keep the
# kernel from mounting another proc, pid_namespaces(7).
nested() {
	inner='--proc full --sys none --allow-userns --env PITH_TEST'
	$1 $as "$PITH" --rootfs $R $inner --volume $R:/r -- \
	    /bin/pith --rootfs /r $inner --volume /r:/r -- \
	    /bin/pith --rootfs /r $inner -- sh -c "$2"
}

it 'runs pith in pith in pith, where a process has four pids' && for who in $WHO; do
	be $who
	nested start 'echo inner $(ls -d /proc/[0-9]* | wc -l); exec probe signals 12'
	hear_until 'inner *'
	[ "${heard#inner }" -le 5 ] || fail "sees others: $heard"
	hear_until ready
	for p in $(grep -lsz "^PITH_TEST=$PITH_TEST\$" /proc/[0-9]*/environ); do
		[ "$(cat "${p%/*}/comm" 2>/dev/null)" != probe ] || probe=${p%/*}
	done
	is "$(awk '/^NSpid:/ { print NF - 1 }' $probe/status)" 4
	kill -USR1 $pid
	hear_until 'signal 10 *'
	kill -USR2 $pid
	hear_until 'signal 12 *'
	ends
	code_is 0
done

it 'passes exit codes and signals through three nested sandboxes' && for who in $WHO; do
	be $who
	for n in 0 7 124 125 126 127 255; do
		nested run "exit $n"
		code_is $n
	done
	nested run 'kill -TERM $$'
	code_is 143
	nested run 'exec no-such'
	code_is 127
done

it 'says why a nested sandbox cannot have its /proc or /sys' && for who in $WHO; do
	be $who
	box --allow-userns --volume $R:/r -- pith --rootfs /r -- echo started
	code_is 125
	out_is ''
	one_line
	err_like "*cannot mount '/proc'*hidden from us*--proc none*"
	box --allow-userns --volume $R:/r -- pith --rootfs /r --proc none -- echo started
	code_is 125
	one_line
	err_like "*cannot mount '/sys'*--sys none*"
	box --allow-userns --volume $R:/r -- pith --rootfs /r --proc none --sys none -- echo started
	out_is started
	box --volume $R:/r -- pith --rootfs /r --proc none --sys none -- echo started
	code_is 125
	one_line
done

it 'shows a sandbox to the host, and not the host to the sandbox' && for who in $WHO; do
	be $who
	rm -f $H/info.json
	start $as "$PITH" --rootfs $R --info $H/info.json -- sh -c 'echo $$
	    ls -d /proc/[0-9]* | wc -l; exec probe signals'
	hear
	inside=$heard
	hear
	[ "$heard" -le 4 ] || fail "it sees others: $heard"
	hear_until ready
	eventually [ -s $H/info.json ]
	child=$(json $H/info.json child)
	is "$(cat /proc/$child/comm)" probe
	is "$(awk '/^NSpid:/ { print $3 }' /proc/$child/status)" "$inside"
	kill $pid
	ends
done

# ---- life --------------------------------------------------------------------

# Return whether init, the launcher's child, is reading from --block-fd.
awaits_block() { grep -q pipe_read "/proc/$(only_child "$1")/wchan"; }

report_is() {
	is "$(json $H/r.json reason) $(json $H/r.json exit_code) $(json $H/r.json signal)" "$*"
}

it 'ends with every exit code of the command, and reports it' && for who in $WHO; do
	be $who
	n=0
	while [ $n -lt 256 ]; do
		run $as "$PITH" --rootfs $R --report $H/r.json -- probe exit $n
		code_is $n
		report_is '"exited"' $n null
		n=$((n + 1))
		[ $who = as_root ] || [ $n -gt 250 ] || [ $N -ge 10 ] || n=$((n + 9))
	done
done

it 'ends with 128 + n when signal n ended the command, and reports it' && for who in $WHO; do
	be $who
	for n in 1 2 3 6 9 11 13 14 15 31 34 50 64; do
		run $as "$PITH" --rootfs $R --report $H/r.json -- probe die $n
		code_is $((128 + n))
		report_is '"signaled"' $((128 + n)) $n
	done
done

it 'maps exit codes in the launcher' && for who in $WHO; do
	be $who
	box --exit 7:9 --exit SIGTERM:3 --report $H/r.json -- probe exit 7
	code_is 9
	report_is '"exited"' 9 null
	box --exit 7:9 --exit SIGTERM:3 -- probe die 15
	code_is 3
done

it 'says that the command is not found, not executable, or that pith failed' &&
    for who in $WHO; do
	be $who
	box --report $H/r.json -- no-such
	code_is 127
	err_like "pith: cannot execute 'no-such': No such file or directory; it is not in PATH"
	one_line
	report_is '"exec-error"' 127 null
	is "$(json $H/r.json error)" "\"${err#pith: }\""
	box --report $H/r.json -- /etc/motd
	code_is 126
	err_like "pith: cannot execute '/etc/motd': Permission denied; it is not executable*"
	report_is '"exec-error"' 126 null
	box --report $H/r.json --volume $H/none:/x -- true
	code_is 125
	report_is '"setup-error"' 125 null
	is "$(json $H/r.json error)" "\"${err#pith: }\""
	# Init prints this error and sends it to the launcher.
	box --report $H/r.json --workdir /none -- true
	code_is 125
	one_line
	report_is '"setup-error"' 125 null
	is "$(json $H/r.json error)" "\"${err#pith: }\""
	box --report $H/r.json --dir /etc/motd/x -- true
	code_is 125
	one_line
	report_is '"setup-error"' 125 null
done

it 'stops the command after --timeout, and ends with 124' && for who in $WHO; do
	be $who
	box --timeout 300ms --report $H/r.json -- sh -c 'trap "echo told; exit 5" TERM
	    while :; do usleep 10000; done'
	code_is 124
	out_is told
	report_is '"timeout"' 124 null
	box --timeout 300ms --stop-timeout 100ms --report $H/r.json -- probe stubborn
	code_is 124
	report_is '"timeout"' 124 9
	box --timeout 300ms --stop-signal USR1 -- sh -c 'trap "echo told; exit 5" USR1
	    while :; do usleep 10000; done'
	code_is 124
	out_is told
	box --timeout 10s -- probe exit 3
	code_is 3
done

it 'forwards signals through the launcher, the realtime ones with their value' &&
    for who in $WHO; do
	be $who
	start $as "$PITH" --rootfs $R -- probe signals 34
	hear_until ready
	for n in 1 2 3 10 12 13 14 15 18 28 29 30; do
		kill -$n $pid
		hear
		is "$heard" "signal $n code 0 value 0"
	done
	for n in 40 63 64 12; do
		"$PROBE" queue $pid $n $((n + 100000))
		hear_until "signal $n code -1 value $((n + 100000))"
	done
	"$PROBE" queue $pid 34 -5
	hear_until 'signal 34 code -1 value -5'
	ends
	code_is 0
done

it 'rewrites and delays signals, and forwards to the group, in init' && for who in $WHO; do
	be $who
	start $as "$PITH" --rootfs $R -r TERM:USR1 -r HUP:0 --delay USR2:50ms -- \
	    probe signals 12
	hear_until ready
	kill -HUP $pid
	kill -TERM $pid
	hear
	is "$heard" 'signal 10 code 0 value 0'
	kill -USR2 $pid
	hear_until 'signal 12 *'
	ends
	code_is 0
	reaches_the_group $as "$PITH" --rootfs $R --env PROBE=/bin/probe -g
done

it 'ends when it gets a signal before the command runs' && for who in $WHO; do
	be $who
	for sig in TERM,143 INT,130; do
		fifo go
		start $as "$PITH" --rootfs $R --block-fd 7 -- sh -c 'echo started' 7<>go
		eventually awaits_block $pid
		kill -${sig%,*} $pid
		is "$(cat <&9)" ''
		ends
		code_is ${sig#*,}
	done
done

it 'sets up, waits for end of file on --block-fd, and then executes' && for who in $WHO; do
	be $who
	fifo go
	start sh -c 'exec "$0" "$@" 7<go' $as "$PITH" --rootfs $R --block-fd 7 -- \
	    sh -c 'echo started; ls /proc/self/fd | wc -l'
	exec 7>go
	eventually awaits_block $pid
	is "$(timeout 0.1 cat <&9)" ''
	echo x >&7
	is "$(timeout 0.1 cat <&9)" ''
	exec 7>&-
	hear
	is "$heard" started
	hear
	is "$heard" 4
	ends
	code_is 0
done

it 'returns from -d when the command runs, or with the error that prevents it' &&
    for who in $WHO; do
	be $who
	rm -f $H/r.json
	box -d --pidfile $H/pid --report $H/r.json -- sh -c 'trap "exit 7" TERM; echo up >/tmp/up
	    while :; do usleep 10000; done'
	code_is 0
	launcher=$(cat $H/pid)
	is "$(cat /proc/$launcher/comm)" pith
	[ ! -e $H/r.json ] || fail 'a report already'
	kill $launcher
	eventually [ -e $H/r.json ]
	case $(json $H/r.json reason) in
	'"exited"') report_is '"exited"' 7 null ;;
	*) report_is '"signaled"' 143 15 ;;
	esac
	rm $H/r.json
	box --detach -- no-such
	code_is 127
	one_line
	box -d -- /etc/motd
	code_is 126
	box -d --workdir /none -- true
	code_is 125
	run $as "$PITH" -d --rootfs $H/none -- true
	code_is 125
	one_line
done

it 'returns from -d without a sandbox too, and goes on reaping' &&
    for who in $WHO; do
	be $who
	rm -f $H/r.json $H/pid
	run $as "$PITH" -d --pidfile $H/pid --report $H/r.json -- \
	    sh -c '(sleep 0 &); exec sleep 1000'
	code_is 0
	launcher=$(cat $H/pid)
	is "$(cat /proc/$launcher/comm)" pith
	[ ! -e $H/r.json ] || fail 'a report already'
	has_one_child() { [ "$(wc -w </proc/$launcher/task/$launcher/children)" = 1 ]; }
	eventually has_one_child
	kill $launcher
	eventually [ -e $H/r.json ]
	report_is '"signaled"' 143 15
	is "$(json $H/r.json orphans_reaped)" 1
	run $as "$PITH" -d -- no-such
	code_is 127
	one_line
done

it 'writes pids and namespaces to --info and --info-fd when the command runs' &&
    for who in $WHO; do
	be $who
	rm -f $H/info.json $H/pid
	start $as "$PITH" --rootfs $R --info $H/info.json --pidfile $H/pid -- probe signals
	hear_until ready
	eventually [ -s $H/info.json ]
	launcher=$(json $H/info.json launcher)
	init=$(json $H/info.json init)
	child=$(json $H/info.json child)
	is "$launcher $(cat $H/pid)" "$pid $pid"
	is "$(awk '/^PPid:/ { print $2 }' /proc/$init/status)" $pid
	is "$(awk '/^NSpid:/ { print $3 }' /proc/$init/status)" 1
	is "$(awk '/^PPid:/ { print $2 }' /proc/$child/status)" $init
	is "$(cat /proc/$child/comm)" probe
	for n in $NAMESPACES; do
		is "$n:[$(sed "s/.*\"$n\":\([0-9]*\).*/\1/" $H/info.json)]" \
		    "$(readlink /proc/$child/ns/$n)"
	done
	grep -q '"cgroup":\(null\|"/[^"]*pith-[0-9]*"\),"namespaces":{.*},"addresses":\[\]}$' \
	    $H/info.json ||
	    fail "$(cat $H/info.json)"
	kill $pid
	ends
	run sh -c 'exec "$0" "$@" --info-fd 7 -- sh -c "ls /proc/self/fd | wc -l" 7>$H/by-fd' \
	    $as "$PITH" --rootfs $R
	out_is 4
	[ "$(json $H/by-fd child)" -gt 1 ] || fail "$(cat $H/by-fd)"
done

it 'writes --info and the pid file without a sandbox too' && {
	be as_user
	rm -f $H/info.json $H/pid
	run as_user "$PITH" --info $H/info.json --pidfile $H/pid -- sh -c 'echo $PPID $$'
	is "$(json $H/info.json launcher) $(json $H/info.json child)" "$out"
	is "$(cat $H/pid)" "${out% *}"
}

it 'leaves only descriptors 0 to 2 and those of --preserve-fd open in the command' &&
    for who in $WHO; do
	be $who
	run sh -c 'exec "$0" "$@" 5</ 6<$H/env 9>>$H/out' $as "$PITH" --rootfs $R --report \
	    $H/r.json --preserve-fd 6 --preserve-fd 9 -- sh -c 'cat <&6 | head -1
	    echo kept >&9; exec probe state'
	out_like '# a comment
*'
	is "$(state fds)" '0 1 2 6 9'
	is "$(cat $H/out)" kept
	run sh -c 'exec "$0" "$@" 5</ 6<$H/env' $as "$PITH" --rootfs $R -- probe state
	is "$(state fds)" '0 1 2'
	rm $H/out
done

it 'reads options from --args-fd, each terminated by a NUL' && for who in $WHO; do
	be $who
	printf '%s\0' --env 'A=two words
and a line' --hostname box --workdir=/var -g >$H/args
	run sh -c 'exec "$0" "$@" 7<$H/args' $as "$PITH" --args-fd 7 --rootfs $R -- sh -c \
	    'echo "$A"; hostname; pwd; ls /proc/self/fd | wc -l'
	out_is 'two words
and a line
box
/var
4'
	printf '%s\0' --rootfs $R -- true >$H/args
	run sh -c 'exec "$0" "$@" 7<$H/args' $as "$PITH" --args-fd 7 -- echo started
	code_is 125
	out_is ''
	one_line
done

it 'reads options of a sandbox from PITH_OPTIONS' && for who in $WHO; do
	be $who
	run $as env PITH_OPTIONS="--rootfs $R --hostname by-env" "$PITH" -- hostname
	out_is by-env
done

it 'ends processes that the command leaves behind, without and with --grace' && for who in $WHO; do
	be $who
	box --report $H/r.json -- sh -c 'setsid sleep 1000 & setsid sleep 1001 & exit 3'
	code_is 3
	report_is '"exited"' 3 null
	is "$(ours_running)" ''
	box --grace 5s --report $H/r.json -- sh -c '(trap "echo cleaned; exit" TERM; echo >/tmp/up
	    while :; do usleep 10000; done) & until [ -e /tmp/up ]; do usleep 1000; done; exit 4'
	code_is 4
	out_is cleaned
	is "$(json $H/r.json stragglers_killed)" 0
	box --grace 50ms --report $H/r.json -- sh -c 'probe stubborn >/tmp/ready &
	    until [ -s /tmp/ready ]; do usleep 1000; done; exit 6'
	code_is 6
	is "$(json $H/r.json stragglers_killed)" 1
	box --wait -- sh -c '(usleep 200000; echo late) & exit 5'
	code_is 5
	out_is late
done

it 'runs in a sandbox without a command, with --pause' && for who in $WHO; do
	be $who
	rm -f $H/info.json
	start $as "$PITH" --rootfs $R --info $H/info.json --pause
	eventually [ -s $H/info.json ]
	init=$(json $H/info.json init)
	is "$(awk '/^NSpid:/ { print $3 }' /proc/$init/status)" 1
	kill $pid
	ends
	code_is 0
done

it 'gives the command its own terminal with -t, and its own session without' && for who in $WHO; do
	be $who
	box -- sh -c 'tty; cut -d" " -f6 /proc/$$/stat; echo $$'
	is "$(printf '%s\n' "$out" | sed -n 2p)" "$(printf '%s\n' "$out" | sed -n 3p)"
	out_like 'not a tty*'
	box -t -- sh -c 'tty; test -t 0 && test -t 1 && echo yes'
	is "$(printf %s "$out" | tr -d '\r')" '/dev/pts/0
yes'
	# A caller with three terminals gets one by default; script(1) may print ^@ first.
	script -qec "$as $PITH --rootfs $R -- tty" /dev/null </dev/null >.tty
	tr -d '\r' <.tty | grep -q '/dev/pts/0$' || fail "no terminal of its own: $(cat .tty)"
	script -qec "$as $PITH --rootfs $R --tty=no -- tty" /dev/null </dev/null >.tty
	! tr -d '\r' <.tty | grep -q '/dev/pts/0$' || fail 'with --tty=no'
done

it 'lists in the report what --best-effort went on without' && for who in $WHO; do
	be $who
	box --allow-userns --volume $R:/r --volume $H:/h -- pith --rootfs /r --sys none \
	    --best-effort --report /h/r.json -- sh -c 'ls -A /proc; echo ran'
	code_is 0
	out_is ran
	err_like "*cannot mount '/proc'*"
	grep -q '"weakened":\["cannot mount ./proc.[^"]*"\]' $H/r.json || fail "$(cat $H/r.json)"
	report_is '"exited"' 0 null
	box --best-effort --report $H/r.json -- true
	grep -q '"weakened":\[\]' $H/r.json || fail "$(cat $H/r.json)"
	# Without the option nothing is weakened, as tested above. Bad options are still refused.
	refused '*' --rootfs $R --best-effort --volume $H/none:/x
	refused '*' --rootfs $R --best-effort --sysctl kernel.panic=1
done

# ---- many --------------------------------------------------------------------

it 'runs 100 sandboxes at once from one root, and keeps their writes apart' && for who in $WHO; do
	be $who
	before=$(sum_of $R)
	mkdir -p $H/crowd
	fifo held
	for n in $(seq 100); do
		$as "$PITH" --rootfs $R --env PITH_TEST -- sh -c 'echo '$n' >/mine
		    echo '$n' >/etc/motd; echo up; read x; cat /mine /etc/motd; ls /tmp' \
		    <held >$H/crowd.$n 2>&1 &
	done
	exec 7>held
	for n in $(seq 100); do
		eventually grep -q up $H/crowd.$n || fail "$(cat $H/crowd.$n)"
	done
	exec 7>&-
	wait
	for n in $(seq 100); do
		is "$(tr '\n' ' ' <$H/crowd.$n)" "up $n $n rm-me "
	done
	is "$(sum_of $R)" "$before"
done

it 'leaves no mount, process or file on the host, and does not fill the disk' && for who in $WHO; do
	be $who
	$as mkdir -p $H/v
	used=$(df -Pk $W | awk 'NR == 2 { print $3 }')
	n=$((100 * N))
	while [ $n -gt 0 ]; do
		box --upper $H/up --volume $H/v:/v --tmpfs /t -- sh -c \
		    'dd if=/dev/zero of=/big bs=64k count=16 2>/dev/null; rm /big; sleep 100 &'
		n=$((n - 1))
	done
	code_is 0
	rm -rf $H/up
	is "$(ours_running)" ''
	is "$(cut -d' ' -f5 /proc/self/mountinfo | sort)" "$mounts_before"
	is "$(find $H -name '.pith*')" ''
	[ $(($(df -Pk $W | awk 'NR == 2 { print $3 }') - used)) -lt 50000 ] || fail 'the disk fills'
done

finish
