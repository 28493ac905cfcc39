# Sandboxes in unusual places: relative paths, file systems without mapped owners,
# root without CAP_SYS_ADMIN, a caller that attaches a network.
# shellcheck shell=sh source=tests/lib.sh disable=SC2016,SC2046,SC2086,SC2154
[ "$(id -u)" != 0 ] || [ "${APART:-}" ] ||
    APART=1 exec unshare --mount --propagation private sh "$0"
. "${0%/*}/lib.sh"
# shellcheck source=tests/sandbox-lib.sh
. "$TESTS/sandbox-lib.sh"
unset APART

# ---- relative paths ----------------------------------------------------------

# Seen to fail for the user: "cannot bind the volume at '/mnt': No such file or directory".
it 'takes --volume, --layer, --rootfs and files relative to the starting directory' &&
    for who in $WHO; do
	be $who
	$as mkdir -p "$H/work/data/below"
	$as sh -c 'echo kept >"$H/work/data/file"; ln -s data "$H/work/link"'
	for words in "--volume ./data:/mnt" "--volume data:/mnt:ro" "--volume link:/mnt" \
	    "--volume data/below/..:/mnt" "--volume ../work/data:/mnt"; do
		run $as env -C "$H/work" "$PITH" --rootfs ../root $words -- cat /mnt/file
		is "$words: $out" "$words: kept"
	done
	run $as env -C "$H/work/data" "$PITH" --rootfs "$R" --volume .:/mnt --volume ..:/tmp \
	    --volume file:/etc/motd -- cat /mnt/file /tmp/data/file /etc/motd
	out_is 'kept
kept
kept'
	run $as env -C "$H" "$PITH" --rootfs root --layer work --read-only -- cat /data/file
	out_is kept
	run $as env -C "$H" "$PITH" --rootfs / --read-only --volume work/data:/mnt -- cat /mnt/file
	out_is kept
done

it 'binds a directory or file that its caller has opened' && for who in $WHO; do
	be $who
	$as sh -c 'mkdir -p "$H/open"; echo kept >"$H/open/file"'
	run $as sh -c 'exec 7<"$H/open" 8<"$H/open/file"; mv "$H/open" "$H/moved"
	    mkdir "$H/open"; echo other >"$H/open/file"; "$@"' sh \
	    "$PITH" --rootfs "$R" --volume /proc/self/fd/7:/mnt --volume /proc/self/fd/8:/etc/motd \
	    -- cat /mnt/file /etc/motd
	out_is 'kept
kept'
done

# ---- owners ------------------------------------------------------------------

# Seen to fail on the previous code: exit code 1, EACCES everywhere, and nothing weakened.
it 'refuses a root whose owners it cannot map, unless the root is read-only' && root && {
	be as_root
	mkdir "$W/simple"
	mount -t ramfs ramfs "$W/simple"
	cp -a "$R/." "$W/simple"
	for words in '' --writable "--upper $W/upper"; do
		refused "cannot map the owners of '*/simple': *--read-only or --userns host*" \
		    --rootfs "$W/simple" $words
	done
	run "$PITH" --rootfs "$W/simple" --read-only -- cat /etc/motd
	out_is "$MOTD"
	run "$PITH" --rootfs "$W/simple" --userns host -- sh -c 'echo new >/new; cat /new'
	out_is new
	run "$PITH" --rootfs "$W/simple" --best-effort --report r.json -- cat /etc/motd
	out_is "$MOTD"
	grep -q '"weakened":\["cannot map the owners of' r.json || fail "$(cat r.json)"
	run as_user "$PITH" --rootfs "$W/simple" -- cat /etc/motd
	out_is "$MOTD"
	umount "$W/simple"
}

# ---- root without CAP_SYS_ADMIN ----------------------------------------------

LESS='setpriv --bounding-set=-sys_admin --inh-caps=-sys_admin'

# Seen to fail on the previous code: "cannot clone the mount of ...: Operation not permitted".
it 'works like an ordinary user as root without CAP_SYS_ADMIN' && root && {
	be as_root
	for words in '' --read-only '--user 5' '--memory 64m' '--volume .:/mnt'; do
		run $LESS "$PITH" --rootfs "$R" $words -- cat /etc/motd
		is "$words: $out" "$words: $MOTD"
	done
	run $LESS "$PITH" --rootfs "$R" -- sh -c 'id -u; echo new >/etc/motd; cat /etc/motd'
	out_is '0
new'
	is "$(cat "$R/etc/motd")" "$MOTD"
	run $LESS "$PITH" --rootfs / --read-only -- sh -c 'cat /proc/self/uid_map'
	is "$(echo $out)" '0 0 1'
	run $LESS "$PITH" --doctor
	out_like '*all that --rootfs needs works for this user'
	run setpriv --bounding-set=-sys_admin,-setfcap --inh-caps=-sys_admin,-setfcap \
	    "$PITH" --rootfs "$R" -- true
	code_is 125
	one_line
	err_like '*CAP_SETFCAP*'
}

# Root of this sandbox is user 0 of the machine. Seen to fail on the first code for this case.
it 'hides root-only files of /proc from root without CAP_SYS_ADMIN' && root && {
	be as_root
	run $LESS "$PITH" --rootfs "$R" --proc full -- true
	code_is 125
	one_line
	err_like "pith: cannot use '--proc full': *"
	run $LESS "$PITH" --rootfs "$R" -- sh -c 'cd /proc
	    cat kpageflags kpagecount vmallocinfo slabinfo pagetypeinfo kcore kmsg 2>/dev/null |
	    wc -c
	    for file in sys/kernel/core_pattern sys/vm/swappiness sysrq-trigger; do
		(echo "$(cat $file)" >$file) 2>/dev/null && echo "$file was written"; done; :'
	out_is 0
}

# Root of this sandbox has the id that owns the file of pith.
it 'runs as a sealed copy as root without CAP_SYS_ADMIN' && root && {
	be as_root
	start $LESS "$PITH" --rootfs "$R" --info info -- "/bin/probe" signals
	hear_until ready
	is "$(readlink "/proc/$(json info init)/exe")" '/memfd:pith (deleted)'
	is "$(readlink "/proc/$(json info launcher)/exe")" '/memfd:pith (deleted)'
	kill -TERM "$(json info launcher)"
	ends
}

# ---- before the command runs -------------------------------------------------

# Seen to fail on the previous code: neither file exists before the fifo is closed.
it 'writes --info and --pidfile before it waits for --block-fd' && for who in $WHO; do
	be $who
	for how in "--rootfs $R" '--unshare user,pid,mnt' ''; do
		rm -f $H/info $H/pid
		fifo go
		start sh -c 'exec "$0" "$@" 7<go' $as "$PITH" $how --info $H/info --pidfile $H/pid \
		    --block-fd 7 -- sh -c 'echo started'
		exec 7>go
		eventually [ -s $H/info ]
		eventually [ -s $H/pid ]
		is "$how: $(cat $H/pid)" "$how: $pid"
		is "$how: $(json $H/info launcher) $(json $H/info child)" "$how: $pid null"
		if [ -n "$how" ]; then
			init=$(json $H/info init)
			is "$how: $init" "$how: $(only_child $pid)"
			is "$how: $(readlink /proc/$init/ns/user)" \
			    "$how: user:[$(json $H/info user)]"
		fi
		is "$(timeout 0.1 cat <&9)" ''
		exec 7>&-
		hear
		is "$how: $heard" "$how: started"
		ends
		code_is 0
	done
done

finish
