# Replay escapes from runc, crun, bubblewrap, containerd, podman, nsjail and firejail
# from public reports of 2019 to 2026, by root and by an ordinary user. Each test makes
# the attempt of its report: a root with the same links, or a local user who exchanges
# two names during the start. A canary beside the root has to stay unchanged. Attacks by
# commands are in cves-commands.sh. The comment of each test describes the report and
# how the test was seen to fail with the defence removed from a copy of the sources; if
# several defences hold, it names them. Reports that do not apply are listed at the end.
# "Without RESOLVE_IN_ROOT" means openat2_in_root() of mounts.c without its two flags, and
# with paths that start at the directory of the root.
# shellcheck shell=sh source=tests/lib.sh disable=SC2086,SC2154

# Confine a successful escape to a mount namespace.
[ "$(id -u)" != 0 ] || [ "${APART:-}" ] ||
    APART=1 exec unshare --mount --propagation private sh "$0"
. "${0%/*}/lib.sh"
. "$TESTS/cves-lib.sh"

# ---- links of the root ---------------------------------------------------------

# bubblewrap created files below a link to /oldroot, where the host was still mounted.
# Seen to fail without RESOLVE_IN_ROOT in openat2_in_root(), mounts.c.
it 'CVE-2026-87766: creates nothing below a link to the old root' && for who in $WHO; do
	prepare $who
	for link in "/oldroot$C/dir" "$UP$C/dir" "/proc/self/cwd$UP$C/dir" \
	    "/proc/1/root$C/dir" "/proc/self/fd/3$UP$C/dir"; do
		ln -s "$link" "$R/x"
		for option in --dir=/x/new --file=7:/x/new --symlink=a:/x/new --tmpfs=/x/t \
		    "--volume=$V:/x/v/w" "--volume=$V/file:/x/secret"; do
			for mode in --ephemeral --writable; do
				run sh -c 'exec "$@" 7<"$0"' "$V/file" $as "$PITH" \
				    --rootfs "$R" $mode "$option" -- echo tried
				tried
			done
		done
		unharmed "$link"
		rm -rf "$R/x" "${R:?}$W" "$R/oldroot"
	done
done

# runc removed ptmx and created links in the target of a link in place of /dev; crun
# did the same (CVE-2026-47766). Relies on RESOLVE_NO_SYMLINKS in open_mount_directory(),
# mounts.c, and also on RESOLVE_IN_ROOT.
it 'CVE-2026-41579: removes and creates nothing through a link at /dev' && for who in $WHO
do
	prepare $who
	aside dev
	for link in "$C/dir" "..$UP$C/dir" "/proc/self/cwd$UP$C/dir"; do
		ln -s "$link" "$R/dev"
		for option in --ephemeral --writable --read-only '--writable --tty'; do
			refused "*'dev'*" --rootfs "$R" $option
		done
		rm "$R/dev"
	done
	unharmed
	back dev
done

# runc bound a terminal on /dev/console of the root, following links; crun does so if no /dev is
# mounted (CVE-2026-88264). Relies on a tmpfs at /dev, and on volumes attached by descriptors.
it 'CVE-2025-52565: mounts a terminal over no file of the host' && for who in $WHO; do
	prepare $who
	aside dev
	mkdir -p "$R/dev/pts"
	for file in console tty ptmx pts/0 pts/ptmx null; do
		ln -s "$C/dir/console" "$R/dev/$file"
	done
	[ -z "$as" ] || chown -hR 65534:65534 "$R/dev"
	attempt() {
		run "$ESCAPE" terminal $as "$PITH" --rootfs "$R" --tty "$1" -- sh -c '
			echo tried >/dev/console; echo tried >/dev/tty'
		out_like '*tried*'
	}
	attempt --writable
	attempt --read-only
	echo >"$R/dev/other"
	race "$R/dev/console" "$R/dev/other" attempt --ephemeral
	unharmed
	back dev
done

# runc masked files with the root's /dev/null, which was a link to the file to mask.
# Relies on the null device of the host as the mask.
it 'CVE-2025-31133: does not mask files of /proc with a link of the root' && for who in $WHO; do
	prepare $who
	for link in /proc/sys/kernel/core_pattern /proc/sysrq-trigger "$C/secret"; do
		ln -sf "$link" "$R/dev/null"
		: >"$R/dev/other"
		attempt() {
			box --writable -- sh -c 'for file in kcore keys timer_list; do
				[ ! -e /proc/$file ] || stat -c %t:%T /proc/$file
			done | sort -u; escape write /proc/sys/kernel/core_pattern
			echo secret >/dev/null'
			out_like '1:3
held:*'
		}
		attempt
		[ "$link" = "$C/secret" ] || race "$R/dev/null" "$R/dev/other" attempt
		rm "$R/dev/null" "$R/dev/other"
	done
	unharmed
done

# crun opened /dev/null of the root as standard files, and gave the host's file to the
# user of the container. Relies on standard files that are passed on unchanged.
it 'CVE-2026-88265: keeps owner and mode of standard files' && for who in $WHO; do
	prepare $who
	ln -s "$C/secret" "$R/dev/null"
	mknod "$H/null" c 1 3 2>/dev/null || : >"$H/null"
	chmod 606 "$H/null"
	for option in '' --tty=no --user=33:33 --cap-add=ALL; do
		was=$(stat -c '%u %g %a' "$H/null" "$C/secret")
		$as "$PITH" --rootfs "$R" $option -- sh -c 'echo tried >&2
			stat -Lc %n /proc/self/fd/1' <"$H/null" >"$H/null" 2>"$W/.err" ||
		    fail "$option: $(cat "$W/.err")"
		is "$(cat "$W/.err")" tried
		is "$(stat -c '%u %g %a' "$H/null" "$C/secret")" "$was"
	done
	rm "$R/dev/null" "$H/null"
	unharmed
done

# A volume over /proc made runc write its AppArmor label into a false file. Relies on
# proc_open(), which checks the type of the file system before any mount.
it 'CVE-2019-16884: does not write to a /proc that a volume covers' && for who in $WHO; do
	prepare $who
	mkdir -p "$H/false/self/attr" "$H/false/sys/kernel" "$H/false/1"
	for file in self/attr/exec self/uid_map self/gid_map self/setgroups self/oom_score_adj \
	    sys/kernel/core_pattern sys/kernel/hostname; do
		: >"$H/false/$file"
	done
	chmod -R a+rwX "$H/false"
	was=$(sum_of "$H/false")
	for option in --proc=none --proc=masked --proc=full; do
		box $option "--volume=$H/false:/proc" -- sh -c 'echo tried; id -u
			escape userns; escape mount'
		out_like 'tried
0
held:*
held:*'
		is "$(sum_of "$H/false")" "$was"
	done
	rm -r "$H/false"
done

# A link at /proc made runc write to its target. Seen to fail without
# RESOLVE_NO_SYMLINKS in open_mount_directory(), mounts.c.
it 'CVE-2023-28642: does not mount /proc and /sys on a link' && for who in $WHO; do
	prepare $who
	for dir in proc sys; do
		aside $dir
		for link in /tmp "$C/dir" "..$UP$C/dir" /proc.real; do
			ln -s "$link" "$R/$dir"
			refused "*'$dir'*" --rootfs "$R" --ephemeral
			refused "*'$dir'*" --rootfs "$R" --writable
			rm "$R/$dir"
		done
		mv "$R/$dir.real" "$R/$dir"
	done
	unharmed
done

# Two containers shared a volume with the /proc of one of them, which the other exchanged;
# the bug returned as CVE-2023-27561. Relies on mounts_mask() starting from the mount itself.
it 'CVE-2019-19921: masks the /proc that it mounted' && for who in $WHO; do
	prepare $who
	mkdir "$V/proc"
	ln -s /v/proc "$R/proc.other"
	attempt() {
		box --writable "--volume=$V:/v" -- escape proc /proc /proc.other
		tried
	}
	[ -z "$as" ] || chown -h 65534 "$R/proc.other" "$V/proc"
	race "$R/proc" "$R/proc.other" attempt
	[ -L "$R/proc.other" ] || { rm "$R/proc" && mv "$R/proc.other" "$R/proc"; }
	rm -rf "$R/proc.other" "$V/proc"
	[ -d "$R/proc" ] || mkdir "$R/proc"
	unharmed
done

# Links in a shared tmpfs redirected runc's writes to /proc to /proc/sysrq-trigger.
# Relies on writes through the descriptor of a /proc that statfs(2) has confirmed.
it 'CVE-2025-52881: does not redirect writes to /proc' && for who in $WHO; do
	prepare $who
	mkdir -p "$R/false/sys/net/ipv4" "$R/false/sys/kernel" "$R/false/self/attr"
	for file in sys/net/ipv4/ping_group_range sys/kernel/hostname self/uid_map \
	    self/oom_score_adj self/attr/exec self/attr/keycreate; do
		ln -s "..$UP$C/secret" "$R/false/$file"
	done
	[ -z "$as" ] || chown -hR 65534 "$R/false"
	attempt() {
		box --writable --hostname canary --sysctl 'net.ipv4.ping_group_range=0 0' -- sh -c '
			echo tried; echo 5 5 >/proc/sys/net/ipv4/ping_group_range; true'
		tried
	}
	race "$R/proc" "$R/false" attempt
	[ ! -d "$R/proc/sys" ] || { mv "$R/proc" "$R/x" && mv "$R/false" "$R/proc"; }
	rm -rf "$R/false" "$R/x"
	unharmed
done

# ---- names that are exchanged in a volume --------------------------------------

# runc created a mount point, then mounted on a link that had replaced it. Relies on
# RESOLVE_IN_ROOT.
it 'CVE-2021-30465: does not mount on a link that was put in a volume' && for who in $WHO; do
	prepare $who
	mkdir "$V/real"
	ln -s "..$UP$C/dir" "$V/link"
	[ -z "$as" ] || chown -hR 65534 "$V"
	attempt_at() {
		box "--volume=$V:/v" "--volume=$H/other:/v/$1/sub" -- escape climb "$C/secret"
		tried
	}
	attempt_at link
	unharmed
	race "$V/real" "$V/link" attempt_at real
	unharmed
	rm -rf "${V:?}/real" "$V/link" "${V:?}/${C#/}"
done

# The same race made runc create empty files and directories on the host. Relies on
# RESOLVE_IN_ROOT.
it 'CVE-2024-45310: creates nothing outside for a mount point' && for who in $WHO; do
	prepare $who
	mkdir "$V/real"
	ln -s "..$UP$C/dir" "$V/link"
	[ -z "$as" ] || chown -hR 65534 "$V"
	count=0
	attempt_at() {
		box "--volume=$V:/v" "--volume=$H/other/file:/v/$1/f$count" \
		    --tmpfs "/v/$1/t$count" -- echo tried
		tried
	}
	attempt_at link
	unharmed
	race "$V/real" "$V/link" attempt_at real
	unharmed
	rm -rf "$V/real" "$V/link"
done

# BuildKit removed the mount points that it had created, by names that the command had
# turned into links. Relies on removing nothing by name in the root.
it 'CVE-2024-23652: removes nothing in place of a mount point' && for who in $WHO; do
	prepare $who
	for mode in --writable --ephemeral "--upper=$H/upper"; do
		box $mode "--volume=$V/file:/m/a/b" "--volume=$V:/m/dir" -- sh -c '
			mv /m/a /m/x && ln -s "$0" /m/a && echo tried
			# On Linux 6.1 a directory with mounts in it cannot always be renamed.
			mv /m /n && ln -s "${0%/dir}" /m; :' "..$UP$C/dir"
		tried
		unharmed "$mode"
		rm -rf "$H/upper" "$R/m" "$R/n"
	done
done

# flatpak bound a directory by a name that the application had replaced with a link. A
# caller that binds a name which others can replace opens it first. Seen to fail in
# the first version: an ordinary user could not bind the descriptor.
it 'CVE-2024-42472: binds an open directory, whatever replaces its name' && for who in $WHO; do
	prepare $who
	mkdir "$H/persist"
	echo kept >"$H/persist/file"
	[ -z "$as" ] || chown -R 65534 "$H/persist"
	run sh -c 'exec 7<"$0"; mv "$0" "$0.away"; ln -s "$1" "$0"; shift; exec "$@"' \
	    "$H/persist" "$C/dir" $as "$PITH" --rootfs "$R" \
	    --volume /proc/self/fd/7:/v -- sh -c 'cat /v/file; echo new >/v/new; ls /v'
	out_is 'kept
file
new'
	unharmed
	rm -rf "$H/persist" "$H/persist.away"
done

# podman wrote secrets through a link that a container had left in a volume. Seen to
# fail without RESOLVE_IN_ROOT.
it 'CVE-2025-9566: does not write a file through a link in a volume' && for who in $WHO; do
	prepare $who
	ln -s "..$UP$C/secret" "$V/token"
	ln -s "$C/dir" "$V/tokens"
	for at in /v/token /v/tokens/secret /v/tokens/new; do
		run sh -c 'exec "$@" 7<"$0"' "$H/other/file" $as "$PITH" --rootfs "$R" \
		    "--volume=$V:/v" --file 7:$at -- echo tried
		tried
		unharmed $at
	done
	rm "$V/token" "$V/tokens"
	rm -rf "${V:?}/secret" "${R:?}$W"
done

# ---- other paths of the root ---------------------------------------------------

# runc left a directory of the host open, in which the command could start. Relies on
# closing files before, and on getcwd(2) in change_directory(): each alone is enough.
it 'CVE-2024-21626: does not start in a directory of the host' && for who in $WHO; do
	prepare $who
	for fd in 0 3 4 5 6 7 8 9 10 11 12 200; do
		ln -s /proc/self/fd/$fd "$R/w"
		for dir in /proc/self/fd/$fd /w /w/. /proc/1/fd/$fd /proc/thread-self/fd/$fd; do
			run $as "$ESCAPE" holding "$PITH" --rootfs "$R" --workdir $dir -- \
			    attack workdir "$C/secret"
			tried
		done
		rm "$R/w"
	done
	unharmed
done

# podman created the working directory behind a link, and gave it to the user. It has
# no CVE number: GHSA-q6r4-3wmg-fwcq. Relies on entering the root first.
it 'GHSA-q6r4-3wmg-fwcq: creates no working directory behind a link' && for who in $WHO; do
	prepare $who
	ln -s "..$UP$C/dir" "$R/w"
	for mode in --writable --ephemeral; do
		for dir in /w /w/new /w/new/deep; do
			box $mode --user 33:33 --workdir $dir -- echo tried
			tried
			unharmed "$mode $dir"
		done
	done
	rm -rf "$R/w" "${R:?}$W"
done

# containerd copied a volume of an image from a path with "..". Relies on
# RESOLVE_IN_ROOT.
it 'CVE-2022-23648: does not leave the root with ".." in a path' && for who in $WHO; do
	prepare $who
	for option in "--volume=$V:$UP$C/dir/new" "--dir=$UP$C/dir/new" "--tmpfs=$UP$C/dir" \
	    "--volume=$V/file:/bin/../..$UP$C/secret" "--symlink=x:$UP$C/dir/new" \
	    "--workdir=$UP$C/dir"; do
		for mode in --writable --ephemeral; do
			box $mode "$option" -- echo tried
			tried
			unharmed "$option"
		done
	done
	rm -rf "${R:?}$W"
done

# crun wrote its own file into the root through a link. pith creates resolv.conf and
# hosts. Seen to fail without RESOLVE_IN_ROOT.
it 'CVE-2025-24965: does not write its own files through a link' && for who in $WHO; do
	prepare $who
	aside etc
	for link in "..$UP$C/dir" "$C/dir"; do
		ln -s "$link" "$R/etc"
		for mode in --writable --ephemeral; do
			box $mode --dns 127.0.0.1 --add-host a:127.0.0.2 -- echo tried
			tried
			unharmed $mode
		done
		rm -rf "${R:?}/etc" "$R$W"
	done
	mkdir "$R/etc"
	ln -s "..$UP$C/secret" "$R/etc/resolv.conf"
	ln -s "$C/dir/hosts" "$R/etc/hosts"
	for mode in --writable --ephemeral; do
		box $mode --dns 127.0.0.1 --add-host a:127.0.0.2 -- echo tried
		tried
		unharmed $mode
	done
	rm -rf "${R:?}$W"
	back etc
done

# containers/storage read /etc/passwd of the image through a link, and waited for a fifo.
# Relies on O_NONBLOCK in open_file(), users.c.
it 'CVE-2024-9676: refuses a passwd that is a fifo or endless' && for who in $WHO; do
	prepare $who
	mkfifo "$R/fifo" "$H/fifo"
	aside etc/passwd
	for link in /fifo /dev/zero "..$UP$H/fifo" "..$UP$C/secret" /proc/self/mem; do
		ln -s "$link" "$R/etc/passwd"
		run timeout -s KILL 20 $as "$PITH" --rootfs "$R" --user www -- true
		code_is 125
		one_line
		rm "$R/etc/passwd"
	done
	back etc/passwd
	rm "$R/fifo" "$H/fifo"
	unharmed
done

# docker cp loaded libraries of the container outside, to look up users and locales.
# Relies on pith being static.
it 'CVE-2019-14271: loads no library of the root on the host' && have strace && for who in $WHO
do
	prepare $who
	mkdir -p "$R/lib/x86_64-linux-gnu" "$R/usr/lib"
	for file in lib/libnss_files.so.2 lib/x86_64-linux-gnu/libnss_files.so.2 \
	    usr/lib/locale-archive etc/nsswitch.conf etc/ld.so.preload; do
		echo hostile >"$R/${file#/}" || fail $file
	done
	run $as strace -f -o "$H/trace" -e trace=file,execve "$PITH" --rootfs "$R" \
	    --user www:audio --hostname x --dns 127.0.0.1 -- /bin/ptrue
	grep -q '"[^"]*etc/passwd"' "$H/trace" || fail "not tried: $err"
	! sed '/execve("\/bin\/ptrue"/q' "$H/trace" |
	    grep -E '"[^"]*(\.so|locale|nsswitch|preload|gconv)' || fail 'it opened a library'
	rm -rf "${R:?}/lib" "${R:?}/usr" "$R/etc/nsswitch.conf" "$R/etc/ld.so.preload" "$H/trace"
done

# ---- reports that do not apply -------------------------------------------------
#
# CVE-2020-13401  router advertisements of a container: see escapes-network.sh
# CVE-2021-26910  firejail's overlay, a race for its directories: see escapes-roots.sh
# CVE-2021-20199  podman's ports made every client 127.0.0.1: so does --publish, see pith.8
# CVE-2019-10152, 2019-18466, 2018-15664  copying out of a container: pith copies nothing
# CVE-2022-1227   podman top ran a program of the container outside: pith enters no sandbox
# CVE-2019-14287, 2021-41190, 2022-0532  images and registries: pith handles neither
# CVE-2022-1708   output of exec filled CRI-O's memory: pith keeps no output
# CVE-2024-23651  BuildKit's cache mounts have a path inside a source: volumes have none
# CVE-2024-23653, 2026-53488  a daemon took privileges or labels from a request: no daemon
# CVE-2024-0132   NVIDIA's hook mounted by paths of the image: pith has no hooks
# CVE-2024-1753   buildah's bind mount from an image: sources are paths of the host
# CVE-2025-64329, 2024-25621  containerd's attach and its directories: no daemon

finish
