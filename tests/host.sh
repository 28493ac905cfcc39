# Sourced by run.sh: print the state of the host that no suite may change, and compare two
# states. A line is a kind, a name and a value. Works under busybox and as an ordinary user.
# shellcheck shell=sh

# Skip values that change by themselves, or by the engine daemon of a suite.
CHANGING='fs/(dentry-state|file-nr|aio-nr|inode-nr|inode-state|quota/)
kernel/(ns_last_pid|pty/nr|tainted|keys/root_max|perf_event_max_sample_rate)
kernel/(random/uuid|random/entropy_avail|hung_task_detect_count)
net/netfilter/nf_conntrack_count'
CHANGING=$(printf '%s' "$CHANGING" | tr '\n' '|')

# Return whether a group or an interface belongs to a running pith, by the number in its name.
# It then belongs to another run of the suites.
is_in_use() {
	case $1 in pith*) ;; *) return 1 ;; esac
	number=${1#pith}
	number=${number#-}
	[ -d "/proc/${number%%[!0-9]*}/fd" ]
}

host_state() {
	find /dev -maxdepth 1 ! -type d ! -type l -exec stat -c 'node %n %F, %t:%T, %u:%g, %a' {} +
	# Skip fs/binfmt_misc: reading it would mount it.
	grep -rs '' /proc/sys/[a-eg-z]* /proc/sys/fs/*[!c] |
	    grep -vE "^/proc/sys/($CHANGING)" | sed 's/:/ /; s/^/sysctl /'
	sed 's/^[0-9]* [0-9]* \([^ ]*\) \([^ ]*\) \([^ ]*\)/mount \3 of \1 \2/' \
	    /proc/self/mountinfo
	for group in /sys/fs/cgroup/pith-[0-9]* /sys/fs/cgroup/*/pith-[0-9]*; do
		[ ! -d "$group" ] || is_in_use "${group##*/}" || echo "cgroup $group is there"
	done
	ip -o link 2>/dev/null | sed -n 's/^[0-9]*: \([^:@]*\)[^<]*\(<[^>]*>\).*/\1 \2/p' |
	    while read -r interface flags; do
		is_in_use "$interface" || echo "interface $interface $flags"
	done
	# Print only loop devices of suites that have exited: their directory is gone.
	for loop in /sys/block/loop*/loop/backing_file; do
		[ -r "$loop" ] || continue
		file=$(cat "$loop" 2>/dev/null)
		[ -d "${file%/*}" ] || echo "loop $loop $file"
	done
}

# Print differences between two states. Modules of the kernel may add and remove nodes and
# parameters. For control groups, interfaces and loop devices only new ones count, and for loop
# devices only those with a file of a suite.
host_difference() {
	awk '
		{ key = $1 " " $2; value = $0; sub(/^[^ ]* [^ ]* ?/, "", value) }
		FNR == 1 { file++ }
		file == 1 { before[key] = before[key] "; " value; next }
		{ after[key] = after[key] "; " value }
		function blame(key, was, is) {
			if (was != is)
				print key ": was " (was ? substr(was, 3) : "not there") \
				    ", is " (is ? substr(is, 3) : "gone")
		}
		END {
			for (key in after)
				if (key in before || key ~ /^(mount|cgroup|interface) / ||
				    (key ~ /^loop / && after[key] ~ /pith-test/))
					blame(key, before[key], after[key])
			for (key in before)
				if (!(key in after) && key ~ /^(mount) /)
					blame(key, before[key], "")
		}' "$1" "$2" | sort
}
