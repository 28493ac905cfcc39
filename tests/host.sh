# Sourced by run.sh: what of the host no suite may change, and a comparison. A line is a
# kind, a name and a value. By busybox, too, and as an ordinary user.
# shellcheck shell=sh

# Values that change by themselves, or by the daemon of an engine that a suite starts.
CHANGING='fs/(dentry-state|file-nr|aio-nr|inode-nr|inode-state|quota/)
kernel/(ns_last_pid|pty/nr|tainted|keys/root_max|perf_event_max_sample_rate)
kernel/(random/uuid|random/entropy_avail|hung_task_detect_count)
net/netfilter/nf_conntrack_count'
CHANGING=$(printf '%s' "$CHANGING" | tr '\n' '|')

# Whether a group or an interface is of a pith that runs, by the number in its name: of
# another run of the suites, and not to be blamed on this one.
is_in_use() {
	case $1 in pith*) ;; *) return 1 ;; esac
	number=${1#pith}
	number=${number#-}
	[ -d "/proc/${number%%[!0-9]*}/fd" ]
}

host_state() {
	find /dev -maxdepth 1 ! -type d ! -type l -exec stat -c 'node %n %F, %t:%T, %u:%g, %a' {} +
	# To look into fs/binfmt_misc would mount it.
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
	# Of a suite that has ended: its directory is gone.
	for loop in /sys/block/loop*/loop/backing_file; do
		[ -r "$loop" ] || continue
		file=$(cat "$loop" 2>/dev/null)
		[ -d "${file%/*}" ] || echo "loop $loop $file"
	done
}

# Lines about what differs between two states. Nodes and parameters that came or went did
# so by a module of the kernel. Of control groups, interfaces and loop devices only those
# that came are ours to blame, and of loop devices those of a file of a suite.
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
