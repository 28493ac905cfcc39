# Who calls whom between the rooms of the house, computed from the objects (nm): a new
# arrow is a change of the house, and has to be written down here.
# shellcheck shell=sh source=tests/lib.sh
. "${0%/*}/lib.sh"

# FROM TO ...: all may call cli/log as well.
expected() {
	awk '{ for (i = 2; i <= NF; i++) print $1, $i }' <<-'E'
	init supervise child reaper signals fds exec_error
	init cli/dropin cli/options cli/report cli/startup
	init sandbox/launch sandbox/monitor sandbox/inside sandbox/doctor
	init sandbox/sealed sandbox/cgroup boot/boot boot/run
	supervise child reaper signals
	boot/run boot/boot boot/variables child exec exec_error signals cli/options
	boot/boot boot/inittab boot/early boot/console boot/variables boot/watchdog
	boot/boot boot/status boot/shutdown boot/root
	boot/console boot/variables
	boot/inittab
	boot/early
	boot/watchdog
	boot/status boot/inittab
	boot/shutdown boot/watchdog boot/early
	boot/root
	child exec exec_error signals
	exec signals
	exec_error exec
	fds
	reaper
	signals
	cli/options signals cli/startup cli/memory
	cli/startup signals
	cli/memory
	cli/report cli/outfile
	cli/outfile signals
	sandbox/monitor supervise signals reaper fds cli/report
	sandbox/monitor sandbox/launch sandbox/channel sandbox/cgroup
	sandbox/inside signals sandbox/launch sandbox/channel sandbox/cgroup
	sandbox/launch sandbox/namespaces sandbox/ids sandbox/mounts sandbox/rootfs
	sandbox/launch sandbox/volumes sandbox/proc sandbox/channel sandbox/users
	sandbox/launch sandbox/privileges sandbox/environment sandbox/landlock
	sandbox/launch sandbox/seccomp sandbox/terminal sandbox/cgroup
	sandbox/launch sandbox/counters sandbox/info sandbox/lock
	sandbox/lock sandbox/ids sandbox/mounts sandbox/namespaces sandbox/privileges
	sandbox/lock sandbox/proc sandbox/seccomp
	sandbox/launch sandbox/priority sandbox/stdfiles
	sandbox/priority sandbox/proc
	sandbox/launch cli/startup
	sandbox/launch sandbox/network sandbox/ports sandbox/publish sandbox/hosts
	sandbox/network sandbox/proc
	sandbox/ports
	sandbox/publish sandbox/ports sandbox/proc sandbox/cgroup sandbox/namespaces
	sandbox/hosts sandbox/volumes cli/memory
	sandbox/info sandbox/namespaces sandbox/proc cli/outfile
	sandbox/cgroup sandbox/limits sandbox/devices sandbox/mounts sandbox/proc
	sandbox/cgroup sandbox/groups sandbox/hierarchies
	sandbox/groups sandbox/proc
	sandbox/hierarchies sandbox/groups sandbox/limits sandbox/proc
	sandbox/counters sandbox/cgroup sandbox/proc
	sandbox/devices sandbox/proc sandbox/volumes
	sandbox/limits sandbox/proc
	sandbox/namespaces sandbox/proc
	sandbox/proc
	sandbox/channel
	sandbox/terminal
	sandbox/ids sandbox/proc
	sandbox/mounts sandbox/proc
	sandbox/image sandbox/mounts
	sandbox/rootfs sandbox/mounts sandbox/image sandbox/proc sandbox/channel
	sandbox/volumes sandbox/mounts sandbox/channel cli/memory
	sandbox/seccomp
	sandbox/landlock
	sandbox/privileges
	sandbox/users cli/memory
	sandbox/environment cli/startup cli/memory
	sandbox/sealed sandbox/ids
	sandbox/doctor sandbox/ids sandbox/mounts sandbox/namespaces sandbox/proc
	sandbox/doctor sandbox/seccomp
	E
}

# Lines "FILE KIND SYMBOL" of all objects.
symbols() {
	(cd "$TOP" && ls ./*.c ./*/*.c) | sed 's|^\./||; s|\.c$||' |
	    grep -v '^tests/' | while read -r file; do
		nm "$B/$file.o" | awk -v file="$file" '{ print file, $(NF - 1), $NF }'
	done
}

it 'has no arrow between two files that is not written down here' && have nm && {
	symbols >symbols
	# shellcheck disable=SC2016
	awk '
		$2 ~ /[A-TV-Z]/ { home[$3] = $1 }
		$2 == "U" { from[++n] = $1; symbol[n] = $3 }
		END {
			for (i = 1; i <= n; i++)
				if (home[symbol[i]] && home[symbol[i]] != "cli/log")
					print from[i], home[symbol[i]]
		}' symbols | sort -u >found
	expected | sort -u >wanted
	diff wanted found >difference || fail "$(cat difference)"
}

it 'allocates nothing and uses no stdio in the product' && have nm && {
	symbols | awk '$2 == "U" { print $3 }' | sort -u >used
	is "$(grep -E 'printf|puts|putc|fd?open$|alloc|strdup|perror|^system$' used)" ''
}

# The loop runs for as long as the command: it must not fail, and each use of pith
# reads it without the others.
it 'has a loop that opens, allocates and dies nowhere, and knows no sandbox and no boot' &&
    have nm && {
	nm -u "$B/supervise.o" | awk '{ print $NF }' >used
	is "$(grep -E '^(open|openat|.*alloc|mmap|die|diex|.*_exit|memory_.*)$' used)" ''
	is "$(grep -E '"(sandbox|boot)/' "$TOP/supervise.c" "$TOP/supervise.h")" ''
}

finish
