# Replay public reports about other sandboxes like cves.sh: those in which the command
# or the command line was the attacker.
# shellcheck shell=sh source=tests/lib.sh disable=SC2086,SC2154

# Confine a successful escape to a mount namespace.
[ "$(id -u)" != 0 ] || [ "${APART:-}" ] ||
    APART=1 exec unshare --mount --propagation private sh "$0"
. "${0%/*}/lib.sh"
. "$TESTS/cves-lib.sh"

# ---- hostile commands ----------------------------------------------------------

# runc was overwritten through /proc/self/exe. The owner of pith's file inside could make
# it setuid and writable for all. Seen to fail without sealed_become(): its mode was 4777.
it 'CVE-2019-5736: keeps the command from changing the program' && for who in $WHO; do
	prepare $who
	cp "$PITH" "$H/pith"
	[ -z "$as" ] || chown 65534 "$H/pith"
	look() { stat -c '%a %u' "$H/pith" && cksum <"$H/pith"; }
	was=$(look)
	ln -s /proc/self/exe "$R/self"
	printf '#!/proc/self/exe --pause\n' >"$R/script"
	chmod 755 "$R/script"
	for option in '' '--cap-add=ALL --seccomp=off' --userns=subid \
	    --userns=host '--userns=host --cap-add=ALL --seccomp=off'; do
		case $who$option in as_user*userns*) continue ;; as_root*subid) continue ;; esac
		for command in '' '/self --' '/self /self --'; do
			run $as "$H/pith" --rootfs "$R" $option -- $command attack overwrite
			# The attempt kills the pith inside sooner or later, and with it the
			# command.
			[ "$code,$out" = 137, ] || held "$option $command"
		done
		run $as "$H/pith" --rootfs "$R" $option --timeout 100ms -- /script
		is "$(look)" "$was"
	done
	rm "$H/pith" "$R/self" "$R/script"
done

# A kernel bug let a pipe write into files that are open only for reading, such as the
# program of runc. The fix is in the kernel; pith keeps its program out of reach. Seen
# to fail without PR_SET_DUMPABLE in sandbox_prepare_command().
it 'CVE-2022-0847: does not write to files that are read-only' && for who in $WHO; do
	prepare $who
	was=$(cksum <"$PITH")
	for option in '' --cap-add=ALL --allow-userns; do
		box $option "--volume=$V:/v:ro" -- attack pipe /v/file
		held $option
		box $option -- sh -c 'cat /proc/1/exe && echo ESCAPED || echo held:'
		held $option
	done
	is "$(cat "$V/file")" volume
	is "$(cksum <"$PITH")" "$was"
done

# A process that created a user and a cgroup namespace could write a release agent.
# Relies on the filter and, for nested namespaces, on the kernel.
it 'CVE-2022-0492: writes no release agent' && for who in $WHO; do
	prepare $who
	for option in '' --cap-add=ALL --cgroupfs --userns=host \
	    '--userns=host --cap-add=default --cgroupfs'; do
		case $who$option in as_user*cgroupfs* | as_user*host*) continue ;; esac
		box $option -- attack release-agent
		held "$option"
	done
	# Nested namespaces do not help: the kernel requires the initial user namespace.
	box --allow-userns -- attack release-agent
	held --allow-userns
done

# A mount parameter overflowed in the kernel, for a process with CAP_SYS_ADMIN in any
# user namespace. Seen to fail without fsopen(2) in the filter.
it 'CVE-2022-0185: configures no file system' && for who in $WHO; do
	prepare $who
	for option in '' --cap-add=ALL --userns=host --new-privs; do
		case $who$option in as_user*host*) continue ;; esac
		box $option -- attack fsconfig
		held $option
	done
done

# Rootless runc left /sys/fs/cgroup writable without a cgroup namespace. Relies on
# read-only mounts that are locked.
it 'CVE-2023-25809: leaves no control group writable' && for who in $WHO; do
	prepare $who
	for option in '' --cgroupns=host --cgroupfs '--cgroupfs --cap-add=ALL' \
	    --allow-userns; do
		case $who$option in as_user*cgroupfs*) continue ;; esac
		box $option -- sh -c 'for dir in /sys/fs/cgroup /sys/fs/cgroup/*/; do
				mkdir $dir/x && echo ESCAPED
				echo 0 >$dir/cgroup.procs && echo ESCAPED
			done 2>/dev/null; echo held:
			! grep -q " /sys/fs/cgroup" /proc/self/mountinfo ||
			    escape remount /sys/fs/cgroup'
		held $option
	done
done

# containerd's shim listened in the abstract namespace, which belongs to the network
# namespace. Relies on CLONE_NEWNET, and in the host's network on scopes of Landlock.
it 'CVE-2020-15257: cannot reach an abstract socket of the host' && {
	start "$ESCAPE" listen "containerd-shim/$$/shim.sock"
	hear_until ready
	for who in $WHO; do
		prepare $who
		for option in '' --cap-add=ALL --network=host; do
			[ "$option" != --network=host ] || kernel 6 12 || continue
			box $option -- escape abstract "containerd-shim/$$/shim.sock"
			held $option
		done
	done
	kill -KILL $pid
	ends 2>/dev/null
}

# The filter of flatpak compared 64 bits of TIOCSTI, the kernel 32; without a filter
# bubblewrap had the same escape (CVE-2017-5226). Seen to fail without IOCTL in the filter.
it 'CVE-2019-10063: inserts no input into the terminal' && for who in $WHO; do
	prepare $who
	for option in --tty=no --tty '--tty=no --allow-userns' '--tty=no --new-privs'; do
		run "$ESCAPE" terminal $as "$PITH" --rootfs "$R" $option -- escape push
		held $option
	done
done

# Inheritable capabilities were not empty: a program with file capabilities gained them
# (CVE-2022-27649 to 27651, 29162). Relies on privileges.c, which clears that set.
it 'CVE-2022-24769: starts with no inheritable capabilities' && for who in $WHO; do
	prepare $who
	inherits=$as
	[ -n "$as" ] || inherits='setpriv --inh-caps +chown,+net_raw,+sys_admin'
	# cap_chown,cap_net_raw,cap_sys_admin=i
	mkdir "$R/bin/cap"
	cp "$R/bin/busybox" "$R/bin/cap/grep"
	[ -n "$as" ] || ! command -v setfattr >/dev/null || setfattr -n security.capability \
	    -v 0x0100000200000000012020000000000000000000 "$R/bin/cap/grep"
	for option in '' --cap-add=default --new-privs --userns=host; do
		case $who$option in as_user*host*) continue ;; esac
		run $inherits "$PITH" --rootfs "$R" $option -- /bin/cap/grep ^CapInh \
		    /proc/self/status
		out_is 'CapInh:	0000000000000000'
	done
	rm -r "$R/bin/cap"
done

# The group of the user was not a supplementary group. A setgid program dropped it,
# and with it the denial of access (CVE-2022-2990, 2995). Relies on MOUNT_ATTR_NOSUID
# at the root, and for an ordinary user on the denial of setgroups(2).
it 'CVE-2022-2989: keeps membership of a group that is denied access' && for who in $WHO; do
	prepare $who
	echo forbidden >"$H/forbidden"
	chmod 604 "$H/forbidden"
	if [ -z "$as" ]; then
		mkdir "$R/bin/sg"
		cp "$R/bin/busybox" "$R/bin/sg/cat"
		mv "$H/forbidden" "$R/forbidden"
		chown 0:33 "$R/forbidden"
		chown 0:29 "$R/bin/sg/cat"
		chmod 2755 "$R/bin/sg/cat"
		box --new-privs --user 33:33 -- sh -c '/bin/sg/cat /forbidden; echo tried'
		out_is tried
		rm -rf "$R/bin/sg" "$R/forbidden"
	elif [ "$(id -u)" = 0 ]; then
		chown 0:4242 "$H/forbidden"
		run setpriv --reuid 65534 --regid 65534 --groups 4242 "$PITH" --rootfs "$R" \
		    "--volume=$H/forbidden:/f" --cap-add ALL -- sh -c 'cat /f; escape groups'
		held
		case $out in *forbidden*) fail "it was read" ;; esac
	fi
	rm -f "$H/forbidden"
done

# ---- the command line ----------------------------------------------------------

# crun read the user 1 as 0. Relies on text_number(), which accepts only digits.
it 'CVE-2026-30892: runs as the given user' && for who in $WHO; do
	prepare $who
	for user in 1 1:1 33; do
		box --user $user -- id -u
		is "$code:$out" "0:${user%:*}"
	done
	for user in +1 ' 1' 1x 0x1 -1 1: :1 4294967295 4294967297 1:-1; do
		refused '*' --rootfs "$R" --user "$user"
	done
done

# bubblewrap took a command that starts with a dash as its own option. Relies on
# options that end at -- and at the first word.
it 'CVE-2024-32462: takes no word of the command as an option' && for who in $WHO; do
	prepare $who
	for word in "--volume=$C:/c" --userns=host --seccomp=off -- --args-fd=0; do
		cp "$R/bin/escape" "$R/bin/$word" 2>/dev/null
		box -- "$word" climb "$C/secret"
		case $code:$out in 127: | 0:held:*) ;; *) fail "$word: $code $out $err" ;; esac
		run sh -c 'printf "%s\0" "$0" /bin/sh | "$@"' "$word" $as "$PITH" --args-fd 0 \
		    --rootfs "$R" -- echo tried
		tried
	done
	rm -f "$R"/bin/--*
	box -- echo --volume=/:/host --cap-add ALL
	out_is '--volume=/:/host --cap-add ALL'
	unharmed
done

# firejail passed arguments to a shell, and accepted --output after the end of options
# (CVE-2020-17367). Relies on execve(2), without a shell, for the command.
it 'CVE-2020-17368: passes no argument through a shell' && for who in $WHO; do
	prepare $who
	for word in "; touch $C/new" "\$(touch $C/new)" "\`touch $C/new\`" "--report=$C/new" \
	    "--info $C/new" "| tee $C/new" "
touch $C/new" "--pidfile=$C/new"; do
		box --hostname x --env "A=$word" --report "$H/report" -- echo tried "$word"
		out_is "tried $word"
		unharmed "$word"
	done
	rm "$H/report"
done

# A long field overflowed its length in a message between the two halves of runc, and
# the fields after it were lost. Relies on init being a fork(2) of the launcher.
it 'CVE-2021-43784: loses no protection after a long value' && for who in $WHO; do
	prepare $who
	long=$(head -c 70000 /dev/zero | tr '\0' x)
	for option in "--env=A=$long" "--symlink=$long:/l" "--hostname=$long" "--uidmap=$long"; do
		box "$option" -- sh -c 'echo tried; grep -c "Seccomp:	2\|NoNewPrivs:	1" \
			/proc/self/status; escape userns'
		case $code:$out in
		125:) one_line ;;
		"0:tried
2
held:"*) ;;
		*) fail "${option%%=*}: $code $out" ;;
		esac
	done
done

# CRI-O accepted a second parameter in the value of the first, which set core_pattern
# of the host. Relies on the list of names that belong to a sandbox.
it 'CVE-2022-0811: sets no kernel parameter of the host' && for who in $WHO; do
	prepare $who
	was=$(cat /proc/sys/kernel/core_pattern)
	for word in 'kernel.core_pattern=|x' 'net.ipv4.ip_forward=1+kernel.core_pattern=|x' \
	    'net/../kernel/core_pattern=|x' 'net.ipv4./../../kernel/core_pattern=|x' \
	    'kernel/shm_rmid_forced=1
kernel.core_pattern=|x' 'net...kernel.core_pattern=|x'; do
		refused '*' --rootfs "$R" --sysctl "$word"
		is "$(cat /proc/sys/kernel/core_pattern)" "$was"
	done
done

# ---- other users, and kernels --------------------------------------------------

# A setuid bubblewrap could be traced while it was privileged, and mounted overlays
# for any user (CVE-2020-5291). Seen to fail without AT_SECURE in options_parse().
it 'CVE-2026-41163: mounts nothing as a setuid program' && root && {
	prepare as_user
	cp "$PITH" "$W/setuid"
	chmod 4755 "$W/setuid"
	for option in "--upper=$H/upper" "--layer=$V" --writable --userns=host; do
		run $as "$W/setuid" --rootfs "$R" $option -- echo started
		code_is 125
		out_is ''
		err_like '*setuid*'
	done
	unharmed
	rm -rf "$W/setuid" "$H/upper"
}

# firejail joined a namespace that its user had prepared, in which su(1) was still
# setuid. Relies on user namespaces without other ids, and on MOUNT_ATTR_NOSUID.
it 'CVE-2022-31214: runs no setuid program of the host as root' && root && {
	prepare as_user
	cp "$ESCAPE" "$W/su"
	chmod 4755 "$W/su"
	run $as "$W/su" ids
	out_like '65534 0 0 *'
	for option in '--new-privs --user=1000:1000' '--new-privs --cap-add=ALL' \
	    '--new-privs --userns=keep-id' '--new-privs --allow-userns'; do
		run $as "$PITH" --rootfs / --read-only "--volume=$V:/etc" "--volume=$W:$W:ro" \
		    $option -- "$W/su" ids
		read -r real effective rest <<-E
			$out
		E
		is "$code:$effective" "0:$real"
	done
	rm "$W/su"
}

# nsjail mounted /proc without nosuid, nodev and noexec. It has no CVE number: nsjail
# #283. Relies on the attributes of mounts.c, rootfs.c and volumes.c.
it 'nsjail #283: makes no mount that honours setuid' && for who in $WHO; do
	prepare $who
	for mode in --ephemeral --writable --read-only; do
		box $mode "--volume=$V:/v" --tmpfs /t:exec -- sh -c '
			awk "{ print \$5, \$6 }" /proc/self/mountinfo'
		is "$(printf '%s\n' "$out" | grep -v 'nosuid')" ''
		is "$(printf '%s\n' "$out" | grep '^/proc ' | grep -v 'nodev,noexec')" ''
		out_like '*/proc *nosuid*'
	done
done

# nsjail continued with open files if close_range(2) was missing. It has no CVE
# number: nsjail #297. Relies on close_between(), init.c.
it 'nsjail #297: leaves no file open without close_range(2)' && for who in $WHO; do
	prepare $who
	run $as "$ESCAPE" holding "$ATTACK" old "$PITH" --rootfs "$R" -- \
	    escape files "$C/secret"
	tried
	unharmed
done

finish
