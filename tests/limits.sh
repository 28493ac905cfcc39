# Limits, control groups and the report. A real program reaches each limit, and each end
# gets its reason, on any cgroup layout of the machine. The first line prints the layout.
# shellcheck shell=sh disable=SC2016,SC2046,SC2086,SC2154
# shellcheck source=tests/lib.sh
. "${0%/*}/lib.sh"
# shellcheck source=tests/sandbox-lib.sh
. "$TESTS/sandbox-lib.sh"

# ---- control groups of this machine -------------------------------------------

# Print the mount point of the hierarchy that has a controller, or else that of v2.
mount_of() {
	awk -v wanted="${1:-}" '{
		for (i = 7; $i != "-"; i++)
			;
		if ($(i + 1) == "cgroup2" && v2 == "")
			v2 = $5
		if ($(i + 1) != "cgroup")
			next
		n = split($(i + 3), of, ",")
		for (j = 1; j <= n; j++)
			if (of[j] == wanted)
				v1 = $5
	}
	END { print v1 != "" ? v1 : v2 }' /proc/self/mountinfo
}
on_v1() { grep -q "^[^:]*:\([^:]*,\)\?$1[,:]" /proc/self/cgroup; }

V1=$(awk -F: '$2 != "" && $2 !~ /^name=/ { print $2 }' /proc/self/cgroup | xargs)
V2=$(mount_of '')
LAYOUT=hybrid
[ -n "$V1" ] || LAYOUT=v2
[ -n "$V2" ] || LAYOUT=v1
echo "# cgroups: $LAYOUT, v1: ${V1:-none}, v2: $(
    [ -z "$V2" ] || xargs <"$V2/cgroup.controllers"), Linux $(uname -r)"

# On an emulated processor, time does not measure the work done.
SLOW=1
[ -z "${MACHINE:-}" ] || SLOW=5

# All groups are below those of this suite, so that leftovers belong to its own
# launchers: $G in each hierarchy, with this shell in it. In v2 the shell is in a leaf.
G=t-${W##*/}
enter_groups() {
	while IFS=: read -r _ controllers path; do
		mount=$(mount_of "${controllers%%,*}")
		case $controllers in name=*) continue ;; esac
		[ -n "$mount" ] && mkdir "$mount/$G" || continue
		echo "$mount $path" >>"$W/.groups"
		group=$mount/$G
		case $controllers in
		'') group=$mount/$G/suite
			mkdir "$group" ;;
		cpuset)
			cat "$mount/cpuset.cpus" >"$group/cpuset.cpus"
			cat "$mount/cpuset.mems" >"$group/cpuset.mems" ;;
		esac
		echo $$ >"$group/cgroup.procs"
	done </proc/self/cgroup
}
leave_groups() {
	[ -e "$W/.groups" ] || return 0
	while read -r mount path; do
		echo $$ >"$mount$path/cgroup.procs"
		rmdir "$mount/$G/suite" "$mount/$G" 2>/dev/null
	done <"$W/.groups"
}
# Clean up on every exit.
tidy() {
	code=$?
	[ -z "${loop:-}" ] || losetup -d $loop
	leave_groups
	find /sys/fs/cgroup -depth -type d -path "*/$G*" 2>/dev/null | while read -r group; do
		kill -9 $(cat "$group/cgroup.procs") 2>/dev/null
		sleep 0.1
		rmdir "$group"
	done
	rm -rf "$W"
	exit $code
}
trap tidy EXIT
trap 'exit 1' HUP INT TERM
[ "$(id -u)" != 0 ] || cp /proc/self/cgroup "$W/.before"
[ "$(id -u)" != 0 ] || enter_groups

# Print the directory of the group of process $1 that has controller $2.
group_of() {
	echo "$(mount_of "$2")$(awk -v wanted="$2" '{
		path = names = $0
		sub(/^[^:]*:[^:]*:/, "", path)
		sub(/^[^:]*:/, "", names)
		sub(/:.*/, "", names)
		n = split(names, of, ",")
		for (i = 1; i <= n; i++)
			if (of[i] == wanted)
				v1 = path
		if (names == "")
			v2 = path
	}
	END { print v1 != "" ? v1 : v2 }' "/proc/$1/cgroup")"
}

# List groups that launchers have created and not removed.
groups() { find /sys/fs/cgroup -type d -path "*/$G/*" -name 'pith-*' 2>/dev/null; }
clean() { is "$(groups)" ''; }

# ---- running -----------------------------------------------------------------

mkdir bin
chmod 755 bin
ln -s "$PROBE" bin/probe
PATH=$W/bin:$PATH
be ${WHO%% *}

# Limits apply to a command of this host, and to a sandbox.
HOW="bare boxed"
words_of() { [ $1 = bare ] || echo "--rootfs $R --env PITH_TEST"; }

limited() {
	rm -f v.json
	run "$PITH" --report v.json $(words_of $how) "$@"
}
n() { json ${2:-v.json} $1; }
used() { awk -v in_user="$(n user_ms)" -v in_kernel="$(n system_ms)" 'BEGIN {
	if (in_user ~ /[0-9]/) print in_user + in_kernel }'; }
judged() {
	is "$how $(n reason) $code" "$how \"$1\" $2"
	is "$(n exit_code)" $2
}
between() {
	case $2 in
	'' | *[!0-9]*) fail "$how: $1 is '$2', no number" ;;
	*)
		[ $2 -ge $3 ] && [ $2 -le $4 ] ||
		    fail "$how: $1 is $2, not from $3 to $4" ;;
	esac
}
now_ms() { echo $(($(date +%s%N) / 1000000)); }

# Start pith with a command that says "ready", and set $child to the command.
begin() {
	rm -f info
	start "$PITH" $(words_of $how) --info info "$@"
	child=0
	hear_until ready || { cat .err; return; }
	eventually [ -s info ]
	child=$(json info child)
}
# "namespaces" has a key "cgroup" as well, so cut it off.
path_of_info() { sed 's/"namespaces".*//' ${1:-info} | json - cgroup; }
stop() {
	kill $pid
	ends
}

# Like the fail() of sandbox-lib.sh, but without the user: here $how matters.
fail() {
	: >"$W/.bad"
	printf '%s\n' "$*" | sed 's/^/#   /'
}

# Find leftover processes by pith's environment and by the names on their command lines.
ours_running() {
	for file in $(grep -lsz "^PITH_TEST=$PITH_TEST\$" /proc/[0-9]*/environ
	    grep -lsF "$W/" /proc/[0-9]*/cmdline); do
		pid=${file#/proc/}
		echo ${pid%%/*}
	done | sort -u | while read -r pid; do
		[ $pid = $$ ] || [ -z "$(tr -d '\0' </proc/$pid/cmdline)" ] ||
		    ps -o pid=,ppid=,stat=,args= -p $pid | grep -v 'grep -ls'
	done 2>/dev/null
}
none_runs() { [ -z "$(ours_running)" ]; }

# Make a block device from a file, for limits that need one: $loop, MAJOR:MINOR in $device.
loop=
loop_device() {
	[ -z "$loop" ] || return 0
	truncate -s 32M disk
	loop=$(losetup -f --show disk) || {
		loop=
		skip 'no loop device'
		return 1
	}
	device=$(cat /sys/block/${loop##*/}/dev)
}

# ---- creation of groups --------------------------------------------------------

it 'runs on the cgroups that it reports' && {
	[ -z "${CGROUPS:-}" ] || is "$LAYOUT" "$CGROUPS"
	case $LAYOUT in
	v2) is "$(grep -c '^[1-9]' /proc/self/cgroup)" 0 ;;
	v1) is "$(grep -c '^0::' /proc/self/cgroup)" 0 ;;
	hybrid) is "$(grep -c '^0::' /proc/self/cgroup)" 1 ;;
	esac
}

it 'puts the command into a group below our own, and stays outside' && root && {
	for how in $HOW; do
		begin --memory 64m --pids-limit 50 -- probe signals
		for controller in memory pids; do
			ours=$(group_of $$ $controller)
			theirs=$(group_of $child $controller)
			is "$how: $(group_of $pid $controller)" "$how: $ours"
			# In v2 a group that enables controllers for others holds no processes.
			on_v1 $controller || ours=${ours%/suite}
			is "$how: $theirs" "$how: $ours/pith-$pid/pay"
		done
		init=$(json info init)
		[ $how = bare ] || is "$(group_of $init memory)" "$(group_of $child memory)"
		stop
		clean
	done
}

it 'has a group without limits in v2 alone, if the machine has v2' && root && {
	how=boxed
	begin -- probe signals
	grep '^[1-9]' /proc/$child/cgroup | grep "/pith-$pid" >groups
	case $LAYOUT in
	v1) grep -q ":freezer:.*/pith-$pid" groups || fail "$(cat groups)" ;;
	*)
		is "$(cat groups)" ''
		case $(group_of $child '') in
		*/pith-$pid | */pith-$pid/pay) ;;
		*) fail "$(cat /proc/$child/cgroup)" ;;
		esac ;;
	esac
	stop
	clean
}

it 'creates no group if nothing needs one' && root && {
	run "$PITH" --report v.json -- cat /proc/self/cgroup
	out_is "$(cat /proc/self/cgroup)"
	is "$(n cgroup)" null
}

it 'gives the same path of the group in --info, in the report and in /proc' && root && {
	for how in $HOW; do
		begin --memory 64m --report v.json -- probe signals
		path=$(path_of_info)
		grep -qF ":${path#\"}" <<-E || fail "$how: $path is none of these"
			$(sed 's/$/"/' /proc/$child/cgroup)
		E
		stop
		is "$(n cgroup)" "$path"
	done
}

# Check the value in the outer group, which the command cannot reach, and in the inner
# group (directory "pay"), for readers: holds "OPTION ..." CONTROLLER FILE=VALUE-OF-V1
# FILE=VALUE-OF-V2. One of the values may be "refused".
holds() {
	want=$3
	on_v1 $2 || want=$4
	if [ "$want" = refused ]; then
		refused '*' $(words_of $how) $1
		return
	fi
	begin $1 -- probe signals
	pay=$(group_of $child $2)
	groups="$pay ${pay%/*}"
	# On the outer group an OOM kill would also hit joined processes.
	case $want in memory.oom.group=*) groups=$pay ;; esac
	for group in $groups; do
		is "$how $1: $(cat $group/${want%%=*})" "$how $1: ${want#*=}"
	done
	stop
}

it 'writes limits with the meaning that they have in docker' && root && {
	max=9223372036854771712
	for how in $HOW; do
		holds '--memory 64m' memory \
		    memory.limit_in_bytes=67108864 memory.max=67108864
		holds '--memory 65536K' memory \
		    memory.limit_in_bytes=67108864 memory.max=67108864
		holds '--memory=67108864' memory \
		    memory.limit_in_bytes=67108864 memory.max=67108864
		holds '--memory 1g' memory \
		    memory.limit_in_bytes=1073741824 memory.max=1073741824
		holds '--memory 64m' memory \
		    memory.memsw.limit_in_bytes=67108864 memory.swap.max=0
		holds '--memory 64m --memory-swap 96m' memory \
		    memory.memsw.limit_in_bytes=100663296 memory.swap.max=33554432
		holds '--memory-swap -1 --memory 64m' memory \
		    memory.memsw.limit_in_bytes=$max memory.swap.max=max
		holds '--memory-high 48m' memory refused memory.high=50331648
		holds '--oom group --memory 64m' memory refused memory.oom.group=1
		holds '--cpus 0.5' cpu cpu.cfs_quota_us=50000 'cpu.max=50000 100000'
		holds '--cpus .01' cpu refused refused
		holds '--cpus 0.01' cpu cpu.cfs_quota_us=1000 'cpu.max=1000 100000'
		holds '--cpus 1.25' cpu cpu.cfs_quota_us=125000 'cpu.max=125000 100000'
		holds '--cpu-shares 2' cpu cpu.shares=2 cpu.weight=1
		holds '--cpu-shares 512' cpu cpu.shares=512 cpu.weight=50
		holds '--cpu-shares 1024' cpu cpu.shares=1024 cpu.weight=100
		holds '--cpu-shares 262144' cpu cpu.shares=262144 cpu.weight=10000
		holds '--cpuset-cpus 0' cpuset cpuset.cpus=0 cpuset.cpus=0
		holds '--pids-limit 77' pids pids.max=77 pids.max=77
		holds '--pids-limit -1' pids pids.max=max pids.max=max
	done
}

it 'writes limits of a device under its device number' && root && loop_device && for how in $HOW; do
	of=blkio.throttle
	holds "--device-read-bps $loop:1m" blkio "$of.read_bps_device=$device 1048576" \
	    "io.max=$device rbps=1048576 wbps=max riops=max wiops=max"
	holds "--device-write-bps $loop:512k" blkio "$of.write_bps_device=$device 524288" \
	    "io.max=$device rbps=max wbps=524288 riops=max wiops=max"
	holds "--device-read-iops $loop:20" blkio "$of.read_iops_device=$device 20" \
	    "io.max=$device rbps=max wbps=max riops=20 wiops=max"
	holds "--device-write-iops $loop:30" blkio "$of.write_iops_device=$device 30" \
	    "io.max=$device rbps=max wbps=max riops=max wiops=30"
	holds "--device-write-iops $loop:30 --device-read-bps $loop:1g" blkio \
	    "$of.write_iops_device=$device 30" \
	    "io.max=$device rbps=1073741824 wbps=max riops=max wiops=30"
done

# Only some kernels have the I/O scheduler that supports weights.
it 'writes the weight of --blkio-weight, or says that this kernel has none' && root &&
    loop_device && {
	how=bare
	begin --device-read-bps $loop:1g -- probe signals
	group=$(group_of $child blkio)
	files=$(cd $group && ls blkio.weight blkio.bfq.weight io.weight io.bfq.weight 2>/dev/null)
	stop
	for how in $HOW; do
		case $files in
		'') refused '*weight*' $(words_of $how) --blkio-weight 100 ;;
		*io.weight*)
			holds '--blkio-weight 10' blkio x 'io.weight=default 1'
			holds '--blkio-weight 1000' blkio x 'io.weight=default 10000' ;;
		*)
			file=${files%%
*}
			holds '--blkio-weight 10' blkio $file=10 $file=10
			holds '--blkio-weight 1000' blkio $file=1000 $file=1000 ;;
		esac
	done
	clean
}

it 'writes any file of a controller with --cgroup-conf' && root && for how in $HOW; do
	holds '--cgroup-conf pids.max=33' pids pids.max=33 pids.max=33
	holds '--cgroup-conf memory.swappiness=7 --cgroup-conf pids.max=33' memory \
	    memory.swappiness=7 refused
	holds '--cgroup-conf memory.low=1048576 --cgroup-conf pids.max=33' memory \
	    refused memory.low=1048576
	if [ $LAYOUT = v1 ] || ! grep -q hugetlb $V2/cgroup.controllers; then
		continue
	fi
	page=$(ls $V2/$G/suite | sed -n 's/^hugetlb\.\(2MB\)\.max$/\1/p')
	[ -z "$page" ] || holds "--cgroup-conf hugetlb.2MB.max=4194304" hugetlb x \
	    hugetlb.2MB.max=4194304
done

# Make the parent group in each hierarchy in use, like an engine or systemd.
it 'creates its group below --cgroup-parent' && root && {
	for mount in $(cut -d' ' -f1 .groups); do
		mkdir -p $mount/$G/p/q
		# The creator of the parent has to enable the controllers.
		[ ! -e $mount/$G/cgroup.subtree_control ] || for up in $G $G/p; do
			for controller in memory cpu; do
				on_v1 $controller ||
				    echo +$controller >$mount/$up/cgroup.subtree_control
			done
		done
		[ ! -e $mount/cpuset.mems ] || for up in $G/p $G/p/q; do
			cat $mount/cpuset.cpus >$mount/$up/cpuset.cpus
			cat $mount/cpuset.mems >$mount/$up/cpuset.mems
		done
	done
	for how in $HOW; do
		for parent in $G/p/q /$G/p/q /$G/p/q/; do
			begin --cgroup-parent $parent --memory 64m --cpus 0.9 -- probe signals
			for controller in memory cpu; do
				is "$(group_of $child $controller)" \
				    $(mount_of $controller)/$G/p/q/pith-$pid/pay
			done
			stop
		done
		clean
	done
	refused '*' --cgroup-parent $G/p/none --memory 64m
	for mount in $(cut -d' ' -f1 .groups); do
		find $mount/$G/p -depth -type d -exec rmdir {} +
	done
}

it 'uses only the cgroups that --cgroups names' && root && for how in $HOW; do
	right=v2 wrong=v1
	on_v1 memory && right=v1 wrong=v2
	begin --cgroups $right --memory 64m -- probe signals
	case $(group_of $child memory) in
	*/pith-$pid/pay) ;;
	*) fail "$(cat /proc/$child/cgroup)" ;;
	esac
	[ $right = v2 ] || [ $LAYOUT = v1 ] || case $(group_of $child '') in
	*/pith-$pid*) fail "in v2 as well: $(cat /proc/$child/cgroup)" ;;
	esac
	stop
	refused '*' $(words_of $how) --cgroups $wrong --memory 64m
	refused '*' $(words_of $how) --cgroups off --memory 64m
	refused '*' $(words_of $how) --cgroups off --cpu-time 10s
	limited --cgroups off -- true
	judged exited 0
	is "$(n cgroup)" null
	clean
done

it 'shows the group inside with --cgroupfs, read-only' && root && {
	how=boxed
	box --memory 64m --cpus 0.5 --cgroupfs -- sh -c '
	    find /sys/fs/cgroup -name memory.limit_in_bytes -o -name memory.max | xargs cat
	    find /sys/fs/cgroup -name cpu.cfs_quota_us -o -name cpu.max | xargs cat'
	code_is 0
	case $LAYOUT-$out in
	'v2-67108864
50000 100000') ;;
	*'-67108864
50000') ;;
	*) fail "$out; $err" ;;
	esac
	box --memory 64m --cgroupfs -- sh -c 'for f in $(find /sys/fs/cgroup -type f); do
		{ echo 1 >$f; } 2>/dev/null && echo "wrote $f"; done
	    find /sys/fs/cgroup -type d | while read -r d; do
		mkdir "$d/x" 2>/dev/null && echo "made $d/x"; done
	    grep -E " (cgroup|cgroup2) " /proc/mounts | grep -v " ro,"'
	out_is ''
	clean
}

# ---- memory ------------------------------------------------------------------

it 'memory: survives below --memory, and is killed above with the reason oom [S37]' &&
    root && for how in $HOW; do
	limited --memory 100m -- probe take 90
	judged exited 0
	is "$(n oom_kills)" 0
	between peak "$(n memory_peak_bytes)" $((90 << 20)) $((100 << 20))
	limited --memory 100m -- probe take 200
	judged oom 137
	is "$(n signal)" 9
	between kills "$(n oom_kills)" 1 2
	between peak "$(n memory_peak_bytes)" $((95 << 20)) $((101 << 20))
	limited --memory 100m -- sh -c 'probe take 120; exit 3'
	judged oom 3
	# The command continues without the killed child, like a server that forks.
	limited --memory 100m -- sh -c 'probe take 120; exit 0'
	judged exited 0
	between kills "$(n oom_kills)" 1 2
	clean
done

it 'memory: counts shared memory and files in memory as well' && root && {
	how=boxed
	limited --memory 64m --tmpfs /big:size=200m -- dd if=/dev/zero of=/big/f bs=1M count=100
	judged oom 137
	limited --memory 64m --tmpfs /big:size=200m -- dd if=/dev/zero of=/big/f bs=1M count=40
	judged exited 0
	# Pages of a file can be written back.
	limited --memory 64m --volume $H:/mnt -- dd if=/dev/zero of=/mnt/big bs=1M count=100
	judged exited 0
	rm -f $H/big
	clean
}

it 'memory: distinguishes an OOM kill from any other SIGKILL, and from exit code 137' && root &&
    for how in $HOW; do
	limited --memory 64m -- probe die 9
	judged signaled 137
	limited --memory 64m -- probe exit 137
	judged exited 137
	limited --memory 64m -- probe take 30
	judged exited 0
done

it 'memory: swaps only as far as --memory-swap allows [S37]' && root && {
	swap() { awk -v key=$1: '$1 == key { print int($2 / 1024) }' /proc/meminfo; }
	[ $(swap SwapTotal) -lt 200 ] || for how in $HOW; do
		before=$(swap SwapFree)
		limited --memory 50m -- sh -c 'probe take 100; exit 9'
		judged oom 9
		between 'swap in use' $((before - $(swap SwapFree) + 10)) 0 20
		limited --memory 50m --memory-swap 80m -- probe take 100
		judged oom 137
		limited --memory 50m --memory-swap 150m -- probe take 100
		judged exited 0
		limited --memory 50m --memory-swap -1 -- probe take 100
		judged exited 0
	done
	for how in $HOW; do
		refused '*swap*' $(words_of $how) --memory 64m --memory-swap 63m
	done
	clean
}

it 'memory: is throttled above --memory-high, and not killed, in v2' && root &&
    for how in $HOW; do
	if on_v1 memory; then
		refused '*--memory-high*v2*' $(words_of $how) --memory-high 20m
		continue
	fi
	limited --memory-high 20m --cgroup-conf memory.swap.max=0 --timeout 2s \
	    --stop-timeout 500ms -- probe take 200
	judged timeout 124
	is "$(n oom_kills)" 0
	between peak "$(n memory_peak_bytes)" $((19 << 20)) $((80 << 20))
	# Reclaimable pages are reclaimed.
	limited --memory-high 20m -- dd if=/dev/zero of=$H/big bs=1M count=60
	[ $how = boxed ] || judged exited 0
	rm -f $H/big
done

it 'memory: an OOM kill ends one process, or all of them with --oom group, in v2' && root &&
    for how in $HOW; do
	for option in '' '--oom process'; do
		limited $option --memory 64m -- sh -c 'probe take 90 >/dev/null; echo lives'
		out_is lives
		judged exited 0
		between kills "$(n oom_kills)" 1 1
	done
	if on_v1 memory; then
		refused '*--oom*v2*' $(words_of $how) --memory 64m --oom group
		continue
	fi
	limited --memory 64m --oom group -- sh -c 'probe take 90 >/dev/null; echo lives'
	out_is ''
	judged oom 137
	clean
done

it 'memory: an OOM kill hits the command before the init' && root && {
	mine=$(cat /proc/self/oom_score_adj)
	with=$((mine + 100))
	[ $with -le 1000 ] || with=1000
	for how in $HOW; do
		limited --memory 64m -- cat /proc/self/oom_score_adj
		out_is $with
		limited -- cat /proc/self/oom_score_adj
		out_is "$mine"
	done
	# Init starts with the value of the command and restores its own.
	begin --memory 64m -- probe signals
	spared() { [ "$(cat /proc/$(json info init)/oom_score_adj)" = "$mine" ]; }
	eventually spared
	is "$(cat /proc/$pid/oom_score_adj) $(cat /proc/$child/oom_score_adj)" "$mine $with"
	stop
}

# ---- processors --------------------------------------------------------------

# Print the share of a processor that the last command had, in percent.
share() { awk -v used="$(used)" -v wall="$(n wall_ms)" 'BEGIN {
	if (wall + 0 > 0) print int(used * 100 / wall) }'; }

# Check that the command gets half a processor. It may not get more. The lower bound
# excludes the time that it had to wait for other work of this machine: throttled_ms is
# the time that each of $1 processors was refused, and an emulated processor ends it late.
gets_half() {
	processors=$1
	shift
	limited "$@"
	between 'share' "$(share)" 0 55
	between 'share of what the machine left' "$(awk -v used="$(used)" \
	    -v refused="$(n throttled_ms)" -v of=$processors \
	    'BEGIN { print int(used * 100 / (used + refused / of)) }')" 35 100
}

it 'cpu: has half a processor with --cpus 0.5, and reports the throttling' &&
    root && for how in $HOW; do
	gets_half 1 --cpus 0.5 -- probe burn 1000
	judged exited 0
	between throttled "$(n throttled_ms)" 100 3000
	# Two processes get a quarter each; on a machine with one processor less is refused.
	gets_half 2 --cpus 0.5 -- probe burn 500 2
	limited --cpus 1.5 -- probe burn 50
	between throttled "$(n throttled_ms)" 0 50
	clean
done

# Print the processor time of processes in hundredths of a second.
time_of() { awk '{ print $14 + $15 }' $(printf '/proc/%s/stat ' "$@"); }
all_busy() { time_of $children | awk '$1 < 10 { few = 1 } END { exit few }'; }

# Measure while both run: a process alone has the whole processor.
it 'cpu: shares processors by weight, with --cpu-shares' && root && {
	for how in $HOW; do
		launchers= children=
		for shares in 1024 256; do
			rm -f info
			"$PITH" $(words_of $how) --info info --cpuset-cpus 0 \
			    --cpu-shares $shares -- probe burn 0 &
			launchers="$launchers $!"
			eventually [ -s info ]
			children="$children $(json info child)"
		done
		eventually all_busy
		from=$(time_of $children)
		sleep 1.5
		ratio=$(echo $from $(time_of $children) |
		    awk '{ print int(($3 - $1) * 10 / ($4 - $2 + 1)) }')
		between 'ratio by 10' $ratio 28 56
		kill $launchers
		wait
	done
	clean
}

it 'cpuacct: reports the same processor time as getrusage' && root && for how in $HOW; do
	limited --memory 64m -- probe burn $((SLOW * 500)) 2
	used=${out#used }
	between time "$(used)" $((used * 95 / 100)) \
	    $((used * 105 / 100))
	# Processes without a wait count as well.
	limited --memory 64m -- sh -c 'probe burn 400 & probe burn 400; sleep 0.1'
	between 'time with an orphan' "$(used)" 400 $((900 * SLOW))
	clean
done

it 'cpuset: sees one processor with --cpuset-cpus 0, also in a Java machine' && root && {
	for how in $HOW; do
		limited --cpuset-cpus 0 -- nproc
		out_is 1
		limited --cpuset-cpus 0-1 -- grep Cpus_allowed_list /proc/self/status
		out_like '*	0-1'
		refused '*cpus*' $(words_of $how) --cpuset-cpus 0,4000
	done
	# Refuse a limit that the kernel accepts and ignores.
	grep -q . /sys/devices/system/cpu/offline &&
	    refused '*cpus*' --cpuset-cpus 0,$(cut -d- -f1 /sys/devices/system/cpu/offline)
	! command -v java >/dev/null || {
		how=bare
		limited --cpuset-cpus 0 --memory 256m -- java -XshowSettings:system -version
		printf '%s\n' "$err" | grep -q 'Effective CPU Count: 1$' || fail "$err"
		printf '%s\n' "$err" | grep -q 'Memory Limit: 256.00M$' || fail "$err"
	}
	clean
}

# Run for 2 s with MIB of mails in memory, and send copies of them.
cat >mail.py <<'E'
import base64, socket, sys, threading, time

def sink(server):
    connection, _ = server.accept()
    with connection, connection.makefile("rb") as lines:
        connection.sendall(b"220 sink\r\n")
        for line in lines:
            if line.startswith(b"DATA"):
                connection.sendall(b"354 go on\r\n")
                while lines.readline() != b".\r\n":
                    pass
            connection.sendall(b"250 done\r\n")

if sys.argv[1] == "sink":
    with socket.create_server(("127.0.0.1", 0)) as server:
        print(server.getsockname()[1], flush=True)
        sink(server)
else:
    end = time.monotonic() + float(sys.argv[4])
    queue = [bytes([65 + i % 26]) * (1 << 20) for i in range(int(sys.argv[3]))]
    sent = 0
    with socket.create_connection(("127.0.0.1", int(sys.argv[2]))) as out, \
            out.makefile("rb") as answers:
        answers.readline()
        while time.monotonic() < end:
            mail = base64.encodebytes(queue[sent % len(queue)][:200000])
            for part in b"MAIL FROM:<a@b>", b"RCPT TO:<c@d>", b"DATA", \
                    mail.replace(b"\n", b"\r\n") + b".":
                out.sendall(part + b"\r\n")
                answers.readline()
            sent += 1
    print("sent", sent > 3)
E

it 'limits a mailer to half a processor and 100 MiB, and kills it at 120 MiB' && root &&
    have python3 && {
	how=bare
	for try in 1 2 3; do
		start python3 mail.py sink
		hear
		limited --memory 100m --cpus 0.5 -- \
		    python3 mail.py send $heard 70 $((2 + SLOW))
		out_is 'sent True'
		judged exited 0
		ends
		[ "$(share)" -lt 45 ] 2>/dev/null || break
	done
	between "share after $try tries" "$(share)" 45 55
	limited --memory 100m --cpus 0.5 -- python3 mail.py send 1 120 1
	judged oom 137
	clean
}

# ---- processes ---------------------------------------------------------------

it 'pids: has as many processes as --pids-limit, and reports refused forks' && root &&
    for how in $HOW; do
	# The probe itself counts, and in a sandbox the init as well.
	most=9
	[ $how = bare ] || most=8
	limited --pids-limit 10 -- probe fill 20
	out_is "made $most"
	judged pids-limit 1
	is "$(n pids_peak)" 10
	limited --pids-limit 30 -- probe fill 20
	out_is 'made 20'
	judged exited 0
	between peak "$(n pids_peak)" 21 22
	limited --pids-limit -1 -- probe fill 50
	judged exited 0
	# The command reached the limit and still ended with 0.
	limited --pids-limit 10 -- sh -c 'probe fill 20 >/dev/null; exit 0'
	judged exited 0
	clean
done

# ---- devices -----------------------------------------------------------------

it 'blkio: writes and reads at the given rate, and reports the amount' && root &&
    have mke2fs && loop_device && {
	mke2fs -q -F $loop
	mkdir -p ext
	how=bare
	cat >paced <<-'E'
		mount "$loop" ext || exit
		for what in w r; do
			case $what in
			w) option=--device-write-bps files="if=/dev/zero of=ext/f oflag=direct" ;;
			r) option=--device-read-bps files="if=$loop of=/dev/null iflag=direct" ;;
			esac
			"$PITH" --report $what.json $option "$loop:1m" -- \
			    dd $files bs=64k count=32 2>/dev/null || exit
			"$PITH" --report free.$what.json --pids-limit 50 -- \
			    dd $files bs=64k count=32 2>/dev/null || exit
		done
		"$PITH" --report wi.json --device-write-iops "$loop:20" -- \
		    dd if=/dev/zero of=ext/f conv=notrunc oflag=direct bs=4k count=40 2>/dev/null ||
			exit
		"$PITH" --report ri.json --device-read-iops "$loop:20" -- \
		    dd if="$loop" of=/dev/null iflag=direct bs=4k count=40 2>/dev/null
	E
	run env loop=$loop unshare --mount --propagation private sh paced
	code_is 0
	for what in w r wi ri; do
		between "$what: time" "$(n wall_ms $what.json)" 1500 $((4000 * SLOW))
	done
	for what in w r; do
		between "free $what: time" "$(n wall_ms free.$what.json)" 0 $((1000 * SLOW))
	done
	between written "$(n io_write_bytes w.json)" $((2 << 20)) $((8 << 20))
	between read "$(n io_read_bytes r.json)" $((2 << 20)) $((8 << 20))
	clean
}

it 'devices: opens a node of a volume only if --device names it' && root && loop_device && {
	how=boxed
	mkdir -p nodes
	mknod nodes/fuse c 10 229
	mknod nodes/disk b ${device%:*} ${device#*:}
	mknod nodes/null c 1 3
	chmod 666 nodes/*
	chmod 755 nodes
	for options in '' '--memory 64m' '--network host'; do
		box $options --volume nodes:/mnt:dev -- sh -c ': </mnt/fuse'
		[ $code != 0 ] || fail 'opened'
		err_like '*/mnt/fuse: Operation not permitted'
		box $options --volume nodes:/mnt:dev -- sh -c ': </mnt/disk'
		err_like '*/mnt/disk: Operation not permitted'
	done
	box --volume nodes:/mnt:dev --device nodes/fuse:/dev/fuse -- sh -c '
	    : </mnt/fuse && : <>/dev/fuse && echo open; : </mnt/disk'
	out_is open
	err_like '*/mnt/disk: Operation not permitted'
	box --volume nodes:/mnt:dev --device $loop -- sh -c 'head -c 4096 /mnt/disk | wc -c
	    : </mnt/fuse'
	out_is 4096
	err_like '*/mnt/fuse: Operation not permitted'
	# Devices that every sandbox has still work.
	box --volume nodes:/mnt:dev -- sh -c 'echo x >/dev/null; echo x >/mnt/null
	    for f in zero random urandom; do head -c 1 /dev/$f | wc -c; done
	    echo x >/dev/full || tty; : <>/dev/ptmx && echo pty'
	out_like '1
1
1
*pty'
	script -qec "$PITH --rootfs $R --volume nodes:/mnt:dev -t -- tty" /dev/null \
	    </dev/null >.tty
	grep -q '/dev/pts/0' .tty || fail "$(cat .tty)"
	# A command without its own /dev has no limit of devices.
	how=bare
	limited --memory 64m -- sh -c ': <nodes/fuse && echo open'
	out_is open
	clean
}

# ---- freezer -----------------------------------------------------------------

# Return whether the group of $child is frozen.
frozen() {
	if [ $LAYOUT = v1 ] || { on_v1 freezer &&
	    grep -q ":freezer:.*/pith-$pid" /proc/$child/cgroup; }; then
		grep -q FROZEN "$(group_of $child freezer)/freezer.state"
	else
		grep -q 'frozen 1' "$(group_of $child '')/cgroup.events"
	fi
}
length() { cat $H/beat.$1 2>/dev/null | wc -c; }
grows() { [ "$(length $1)" -gt "$2" ]; }
both_grow() {
	for beat in a b; do
		eventually grows $beat $(length $beat)
	done
}

it 'freezer: ^Z at the launcher stops everything inside, and fg continues it' && root && {
	how=boxed
	for options in '' '--memory 64m' '--pid host'; do
		rm -f $H/beat.* info
		fifo keys
		exec 8<>keys
		rm -f .fifo
		mkfifo .fifo
		"$PROBE" job "$PITH" --rootfs $R --tty=no $options --volume $H:/mnt --info info \
		    -- sh -c 'setsid probe beat /mnt/beat.a & exec probe beat /mnt/beat.b' \
		    <keys >.fifo 2>.err 8<&- &
		jobs=$!
		exec 9<.fifo
		hear_until 'job *'
		pid=${heard#job }
		eventually [ -s info ]
		child=$(json info child)
		both_grow
		for again in fg CONT; do
			echo z >&8
			hear_until stopped
			eventually frozen
			before="$(length a) $(length b)"
			sleep 0.2
			is "$options $(length a) $(length b)" "$options $before"
			if [ $again = fg ]; then
				echo fg >&8
				hear_until continued
			else
				kill -CONT $pid
			fi
			both_grow
		done
		# A frozen sandbox can be ended.
		echo z >&8
		hear_until stopped
		eventually frozen
		kill -TERM $pid
		kill -CONT $pid
		exec 8>&-
		wait $jobs
		is "$options: $?" "$options: 143"
		exec 9<&-
		clean
	done
}

it 'freezer: forwards SIGTSTP and SIGCONT of other processes to the command' && root && {
	how=boxed
	begin --memory 64m -- probe signals
	kill -TSTP $pid
	hear_until 'signal 20 *'
	stopped $pid && fail 'the launcher has stopped'
	kill -CONT $pid
	hear_until 'signal 18 *'
	stop
	code_is 0
	clean
}

# ---- other controllers -------------------------------------------------------

it 'net_cls: has the class of --cgroup-conf, or says that the controller is missing' &&
    root && for how in $HOW; do
	if on_v1 net_cls; then
		holds '--cgroup-conf net_cls.classid=65537' net_cls net_cls.classid=65537 x
	else
		refused '*net_cls*' $(words_of $how) --cgroup-conf net_cls.classid=65537
	fi
	if on_v1 net_prio; then
		begin --cgroup-conf 'net_prio.ifpriomap=lo 5' -- probe signals
		is "$(grep lo $(group_of $child net_prio)/net_prio.ifpriomap)" 'lo 5'
		stop
	fi
	clean
done

it 'ns: creates the namespaces of --unshare, with limits as well' && root && {
	how=bare
	limited --unshare pid,net,uts,ipc --memory 64m --pids-limit 20 -- sh -c '
	    echo $$; ls /sys/class/net /proc/self/ns | wc -l; probe take 90'
	out_like '[12]
*'
	judged oom 137
	limited --unshare pid,mnt --pids-limit 10 -- sh -c 'ls -d /proc/[0-9]* | wc -l
	    exec probe fill 20'
	judged pids-limit 1
	for list in user net mnt cgroup user,cgroup,pid,mnt; do
		limited --unshare $list --memory 64m --pids-limit 20 -- probe take 90
		judged oom 137
	done
	clean
}

# ---- processes that join -----------------------------------------------------

www() { nsenter --net=/proc/$first/ns/net busybox wget -qO- http://127.0.0.1/motd; }
serves() { [ "$(www 2>/dev/null)" = "$MOTD" ]; }

# Run web servers in a network of their own: $servers are the pids, $first is the first one.
serve() {
	mkdir -p www
	chmod 755 www
	echo "$MOTD" >www/motd
	if command -v nginx >/dev/null; then
		cat >nginx.conf <<-E
			daemon off; worker_processes 2; pid $W/nginx.pid; user root;
			error_log stderr crit;
			events { }
			http { access_log off; server { listen 80; root $W/www; } }
		E
		set -- nginx -e stderr -c $W/nginx.conf -p $W
	else
		set -- busybox httpd -f -p 80 -h $W/www
	fi
	unshare --net sh -c 'ip link set lo up; exec "$@"' - "$@" 2>server.log &
	first=$!
	eventually serves || cat server.log
	servers="$first $(cat /proc/$first/task/$first/children)"
}
joined() { for one in $servers; do printf -- '--cgroup-join %s ' $one; done; }
homes() { for one in $servers; do cat /proc/$one/cgroup; done | sort -u | xargs; }

it 'joins a running web server, and returns it to its old groups at the end' && root && {
	serve
	home=$(homes)
	for how in $HOW; do
		begin $(joined) --memory 200m --pids-limit 50 --cpus 0.9 -- probe signals
		for one in $servers; do
			for controller in memory pids cpu; do
				group=$(group_of $child $controller)
				is "$(group_of $one $controller)" ${group%/pay}/joined
			done
		done
		serves || fail 'it does not serve inside'
		stop
		is "$how: $(homes)" "$how: $home"
		serves || fail 'it does not serve after'
		clean
		# The same after other ends.
		limited $(joined) --timeout 100ms --memory 200m -- probe stubborn
		is "$how: $(homes)" "$how: $home"
		limited $(joined) --memory 64m -- probe take 90
		judged oom 137
		is "$how: $(homes)" "$how: $home"
		serves || fail 'it does not serve after an oom'
		limited $(joined) --memory 64m -- /none
		is "$how: $(homes)" "$how: $home"
		refused '*' $(words_of $how) $(joined) --cgroup-join 999999999 --memory 64m
		is "$how: $(homes)" "$how: $home"
		clean
	done
	# A killed launcher cannot return the joined process.
	begin $(joined) --memory 200m -- probe signals
	kill -9 $pid
	ends 2>/dev/null
	limited --memory 200m -- true
	serves || fail 'it is gone with a launcher'
	kill $first
	wait $first 2>/dev/null
	limited --memory 200m -- true
	clean
}

it 'limits joined processes' && root && {
	how=bare
	"$PROBE" burn 0 >/dev/null &
	burner=$!
	begin --cgroup-join $burner --cpus 0.2 -- probe signals
	before=$(time_of $burner)
	sleep 1
	between 'its hundredths of a second' $(($(time_of $burner) - before)) 5 40
	stop
	over $burner && fail 'it has ended'
	kill $burner
	wait $burner 2>/dev/null
	clean
}

# ---- processor time -----------------------------------------------------------

it 'cpu-time: ends the command when all its processes together have used the time' && root &&
    for how in $HOW; do
	for words in '' 2; do
		limited --cpu-time 500ms -- probe burn 0 $words
		judged cpu-time 124
		# Creating a sandbox takes some of the time.
		between time "$(used)" 480 $((900 * SLOW))
	done
	# Many processes, one after the other.
	limited --cpu-time 500ms -- sh -c 'while :; do probe burn 50 >/dev/null; done'
	judged cpu-time 124
	limited --cpu-time 500ms --stop-timeout 100ms -- sh -c 'trap "" TERM; while :; do :; done'
	judged cpu-time 124
	between time "$(used)" 500 $((1200 * SLOW))
	limited --cpu-time $((SLOW * 500))ms -- sh -c 'sleep 1; exit 4'
	judged exited 4
	limited --cpu-time 300ms --timeout 20s -- sh -c 'probe burn 2000; exit 5'
	judged cpu-time 124
	clean
done

it 'cpu-time: sends the stop signal first' && root && for how in $HOW; do
	limited --cpu-time 300ms --stop-signal INT -- sh -c 'trap "echo told; exit 9" INT
	    while :; do :; done'
	out_is told
	judged cpu-time 124
	clean
done

# ---- the report --------------------------------------------------------------

# End in one of these ways; the name is the expected reason and exit code.
KINDS='exited:7 signaled:143 timeout:124 cpu-time:124 oom:137 pids-limit:1 setup-error:125
	exec-error:127'
of_kind() {
	report=$2
	kind=$1
	set -- "$PITH" $(words_of $how) --report $report --memory 32m --pids-limit 20
	case $kind in
	exited:*) "$@" -- probe exit 7 ;;
	signaled:*) "$@" -- probe die 15 ;;
	timeout:*) "$@" --timeout 50ms --stop-timeout 50ms -- probe stubborn ;;
	cpu-time:*) "$@" --cpu-time 50ms --stop-timeout 100ms -- probe burn 0 ;;
	oom:*) "$@" -- probe take 64 ;;
	pids-limit:*) "$@" -- probe fill 40 ;;
	setup-error:*) "$@" --cgroup-parent $G/none -- probe exit 0 ;;
	exec-error:*) "$@" -- /none ;;
	esac >/dev/null 2>&1 </dev/null
	echo $? >$report.code
}

# The parallel runs load the machine.
it 'gives each end its reason, every time, also when many end at once' && root && {
	for how in $HOW; do
		round=0
		while [ $round -lt $((N * 10)) ]; do
			round=$((round + 1))
			for kind in $KINDS; do
				of_kind $kind $W/$kind.json &
			done
			wait
			for kind in $KINDS; do
				is "$how: $(n reason $kind.json) $(cat $kind.json.code)" \
				    "$how: \"${kind%:*}\" ${kind#*:}"
				is "$(n exit_code $kind.json)" ${kind#*:}
			done
		done
		clean
	done
}

KEYS='reason error exit_code signal wall_ms user_ms system_ms max_rss_bytes
	memory_peak_bytes pids_peak oom_kills throttled_ms io_read_bytes io_write_bytes
	net_rx_bytes net_tx_bytes cgroup orphans_reaped stragglers_killed weakened'

it 'reports JSON with all keys, whatever the names contain' && root && have python3 && {
	quote='q"uo\te 	'$(printf '\303\244\001\377')
	for mount in $(cut -d' ' -f1 .groups); do
		mkdir -p "$mount/$G/$quote"
	done
	for how in $HOW; do
		for kind in $KINDS; do
			of_kind $kind $W/$how.$kind.json
		done
	done
	"$PITH" --report strange.json --info info.json --memory 64m \
	    --cgroup-parent "$G/$quote" -- cat /proc/self/cgroup >seen
	is $? 0
	cp "$PROBE" "$W/$quote"
	"$PITH" --report name.json --memory 20m -- "$W/$quote" take 40 >/dev/null 2>&1
	"$PITH" --report none.json --cgroup-parent "none$quote" -- true 2>/dev/null
	python3 - $KEYS <<-'E' || fail 'that is wrong'
		import glob, json, os, sys
		keys, bad = set(sys.argv[1:]), 0
		for name in glob.glob("*.json"):
		    try:
		        v = json.load(open(name, encoding="utf-8"))
		    except ValueError as e:
		        print("#  ", name, e)
		        bad = 1
		        continue
		    if name == "info.json":
		        continue
		    wrong = keys ^ set(v)
		    for key, value in v.items():
		        kinds = list if key == "weakened" else \
		            (str, type(None)) if key in ("reason", "error", "cgroup") else \
		            (int, type(None))
		        if not isinstance(value, kinds):
		            wrong.add(key)
		    if wrong:
		        print("#  ", name, "has or lacks", wrong)
		        bad = 1
		sys.exit(bad)
	E
	is "$(n reason name.json)" '"oom"'
	is "$(path_of_info info.json | cut -c1-20)" "$(n cgroup strange.json | cut -c1-20)"
	for mount in $(cut -d' ' -f1 .groups); do
		rmdir "$mount/$G/$quote"
	done
	rm -f ./*.json "$W/$quote"
	clean
}

it 'reports the resources that a sandbox used' && root && {
	how=boxed
	limited --memory 200m --pids-limit 100 --cpus 0.9 -- sh -c 'probe take 50; probe fill 5
	    nc -l -p 80 -e cat /bin/busybox & sleep 0.2; nc 127.0.0.1 80 >/dev/null </dev/null'
	judged exited 0
	between memory_peak_bytes "$(n memory_peak_bytes)" $((50 << 20)) $((100 << 20))
	between pids_peak "$(n pids_peak)" 8 12
	between max_rss_bytes "$(n max_rss_bytes)" $((50 << 20)) $((60 << 20))
	is "$(n oom_kills)" 0
	# The sandbox has only lo, so it talks to itself.
	for key in net_rx_bytes net_tx_bytes; do
		case $(n $key) in null | *[0-9]) ;; *) fail "$key: $(n $key)" ;; esac
	done
	how=bare
	limited --memory 200m -- probe take 1
	is "$(n net_rx_bytes) $(n net_tx_bytes)" 'null null'
	clean
}

it 'prints a readable summary with -v' && root && for how in $HOW; do
	limited -v --memory 32m -- probe take 64
	err_like '*probe: oom*, exit code 137, *memory*'
	limited -v --pids-limit 10 -- probe fill 20
	err_like '*probe: pids-limit, exit code 1, *'
	limited -v --cpu-time 50ms -- probe burn 0
	err_like '*probe: cpu-time*, exit code 124, *'
	clean
done

it 'writes a report that the command can neither reach nor replace [S45]' && root && {
	how=boxed
	mkdir -p reports
	run "$PITH" --rootfs $R --memory 64m --report reports/r.json -- sh -c '
	    ls -l /proc/*/fd 2>/dev/null | grep -i -e json -e "\.pith-"
	    probe state | grep fds; exit 4'
	code_is 4
	out_is 'fds 0 1 2'
	is "$(ls -A reports)" r.json
	is "$(n reason reports/r.json)" '"exited"'
}

# ---- escapes from the group --------------------------------------------------

it 'has no cgroup mounts inside unless asked, and no way to run programs by them [S34]' &&
    root && {
	how=boxed
	box -- grep -c cgroup /proc/mounts
	out_is 0
	echo '#!/bin/sh' >canary
	echo "echo out >$W/escaped" >>canary
	chmod 755 canary
	cat >$R/bin/release <<-E
		#!/bin/sh
		mkdir -p /tmp/m
		for type in "cgroup2 -o nsdelegate" cgroup2 "cgroup -o memory" \\
		    "cgroup -o freezer" "cgroup -o pids" "cgroup -o rdma" "cgroup -o none,name=x"
		do
			mount -t \$type none /tmp/m 2>/dev/null && echo "mounted \$type" >&2
			for place in /tmp/m /sys/fs/cgroup /sys/fs/cgroup/*; do
				[ -e \$place/notify_on_release ] || continue
				mkdir \$place/x
				echo 1 >\$place/notify_on_release && echo notify
				echo 1 >\$place/x/notify_on_release
				[ -e \$place/release_agent ] &&
				    echo $W/canary >\$place/release_agent && echo agent
				sh -c "echo \\\$\\\$ >\$place/x/cgroup.procs"
				rmdir \$place/x
			done 2>/dev/null
			umount /tmp/m 2>/dev/null
		done
		[ -z "\$(find /sys/fs/cgroup -name release_agent)" ] || echo there is one
	E
	chmod 755 $R/bin/release
	for options in '' --cgroupfs '--cap-add ALL' '--cap-add ALL --cgroupfs --seccomp off' \
	    '--cap-add ALL --seccomp off --userns host' '--allow-userns --cap-add SYS_ADMIN' \
	    '--cap-add ALL --seccomp off --userns host --cgroupfs'; do
		box $options --memory 64m --pids-limit 50 --timeout 20s -- release
		is "$options: $code" "$options: 0"
		case $options-$out in
		*'userns host'*agent*) fail "$options: $out" ;;
		*'userns host'*) ;;     # it is root, but may write only the files of its own group
		*) is "$options: $out" "$options: " ;;
		esac
		[ ! -e escaped ] || fail "$options: it is out"
		rm -f escaped
	done
	clean
}

# Try all that root inside may do against its limits, then wait for the test to check.
cat >"$R/bin/lift" <<'E'
#!/bin/sh
mkdir -p /tmp/m
for type in cgroup2 "cgroup -o memory" "cgroup -o pids" "cgroup -o cpu" "cgroup -o cpuset"; do
	mount -t $type none /tmp/m 2>/dev/null || continue
	for place in /tmp/m /tmp/m/..; do
		for file in memory.max memory.high memory.swap.max pids.max cpu.max; do
			echo max >$place/$file
		done
		for file in memory.memsw.limit_in_bytes memory.limit_in_bytes cpu.cfs_quota_us; do
			echo -1 >$place/$file
		done
		echo 0-1 >$place/cpuset.cpus
		echo 0 >$place/cgroup.procs
		echo $$ >$place/cgroup.procs
		echo +memory >$place/cgroup.subtree_control
		mkdir $place/x && echo $$ >$place/x/cgroup.procs
	done 2>/dev/null
	umount -l /tmp/m
done
for file in /sys/fs/cgroup/memory.max /sys/fs/cgroup/memory/memory.limit_in_bytes \
    /sys/fs/cgroup/pids.max /sys/fs/cgroup/pids/pids.max; do
	echo 2000000000 >$file
	mount -o remount,rw /sys/fs/cgroup
	mount -o remount,bind,rw /sys/fs/cgroup
	mount -o remount,bind,rw "${file%/*}"
	echo 2000000000 >$file
done 2>/dev/null
exec probe signals
E
chmod 755 "$R/bin/lift"

it 'cannot lift its limits or leave its group, as root inside [S35]' && root && {
	how=boxed
	for options in '' '--cap-add ALL' '--cap-add ALL --seccomp off --cgroupfs' \
	    '--cap-add ALL --seccomp off --userns host' '--allow-userns --cap-add ALL' \
	    '--cap-add ALL --seccomp off --userns host --cgroupfs'; do
		begin $options --memory 64m --pids-limit 30 --cpus 0.9 --cpuset-cpus 0 -- lift
		for what in memory:memory.limit_in_bytes:memory.max:67108864 \
		    pids:pids.max:pids.max:30 cpuset:cpuset.cpus:cpuset.cpus:0; do
			IFS=: read -r controller file v2 value <<-E
				$what
			E
			on_v1 $controller || file=$v2
			group=$(group_of $child $controller)
			case $group in
			*/pith-$pid/pay)
				is "$options: $(cat ${group%/*}/$file)" "$options: $value" ;;
			*/pith-$pid/pay/x) ;;   # in a child group
			*) fail "$options: it is in $group" ;;
			esac
		done
		stop
		# The limits still take effect.
		box $options --memory 64m --pids-limit 30 --cpus 0.9 --cpuset-cpus 0 \
		    --report v.json -- sh -c 'lift <&- >/dev/null &
		    sleep 0.3; probe take 90; exit 3'
		is "$options: $(n reason)" "$options: \"oom\""
	done
	clean
}

# Measure a whole run in microseconds.
takes() {
	from=$(date +%s%N)
	"$PITH" $(words_of $how) --memory 64m --pids-limit 20 -- true
	echo $((($(date +%s%N) - from) / 1000))
}

# List the descendants of the launcher that run the command.
tree_of() {
	ps -e -o pid= -o ppid= -o comm= | awk -v top=$1 '
		{ parent[$1] = $2; name[$1] = $3 }
		END {
			for (p in parent)
				for (up = p; up in parent; up = parent[up])
					if (up == top) {
						if (p != top && name[p] == "probe")
							print p
						break
					}
		}'
}
# Match the lines of /proc/PID/cgroup of hierarchies with limits.
LIMITED='^[0-9]*:\([^:]*,\)*\(memory\|pids\)[,:]'
on_v1 memory || LIMITED='^0::'
all_inside() {
	some=$(tree_of $1)
	[ "$(echo $some | wc -w)" -le 20 ] || fail "$how: $(echo $some | wc -w) processes"
	outside=$(grep -sH "$LIMITED" $(printf '/proc/%s/cgroup ' $some) /dev/null |
	    grep -v "/pith-$1/pay\$")
	for line in $outside; do
		one=${line#/proc/}
		# A process that has ended has no group.
		over ${one%%/*} || fail "$how: outside: $line"
	done
}

it 'runs no process of the command outside its group when the launcher stops [S36]' &&
    root && for how in $HOW; do
	span=$(takes)
	try=0 running=0
	while [ $try -lt $((N * 20)) ]; do
		try=$((try + 1))
		start "$PROBE" after $((span * try * 3 / (N * 40))) 19 "$PITH" $(words_of $how) \
		    --memory 64m --pids-limit 20 --stop-timeout 0 -- probe bomb 2
		hear_until 'sent *'
		launcher=${heard#sent }
		all_inside $launcher
		[ -z "$some" ] || running=$((running + 1))
		kill -CONT $launcher
		kill $launcher
		ends
		case $code in 137 | 143) ;; *) fail "$how: code $code; $err" ;; esac
	done
	[ $running -gt 0 ] || fail "$how: none was stopped with its command running"
	# In a sandbox the start takes longer, so some stops come before the command.
	[ $how = bare ] || [ $running -lt $((N * 20)) ] ||
	    fail "$how: none was stopped before its command"
	clean
done

it 'is in its group before the exec, even if the launcher stops there [S36]' && root && {
	how=boxed
	fifo gate
	exec 8<>gate
	start "$PITH" $(words_of $how) --block-fd 3 --memory 64m --pids-limit 20 \
	    --stop-timeout 0 -- probe bomb 2 3<gate 8<&-
	waits_inside() {
		init=$(only_child $pid) && [ "$init" ] && for controller in memory pids; do
			case $(group_of $init $controller) in
			*/pith-$pid/pay) ;;
			*) return 1 ;;
			esac
		done
	}
	eventually waits_inside
	kill -STOP $pid
	exec 8<&-
	has_begun() { [ -n "$(tree_of $pid)" ]; }
	eventually has_begun
	for try in 1 2 3 4 5; do all_inside $pid; done
	kill -CONT $pid
	kill $pid
	ends
	code_is 137
	clean
}

it 'reports in time, even if processes fill the machine inside [S40]' && root && {
	# Dying takes processor time as well, and an emulated processor is that much slower.
	few=0.$(printf %02d $((5 * SLOW)))
	for how in $HOW; do
		for words in '--pids-limit 50:0' '--memory 64m --pids-limit 200:4' \
		    '--memory 64m:20' "--pids-limit 50 --cpus $few:0"; do
			# The launcher's clock starts before the command does.
			limited ${words%:*} --timeout $((SLOW * 500))ms --stop-timeout 500ms -- \
			    probe bomb ${words#*:}
			judged timeout 124
			between "$words: time" "$(n wall_ms)" $((SLOW * 500)) \
			    $((SLOW * 500 + 500 + 1000 * SLOW))
			eventually none_runs
			clean
		done
	done
}

# ---- existing and leftover groups ---------------------------------------------

# Put a process into an existing group, and remember it in $guests.
put_guest() {
	sleep 60 &
	guests="$guests $!"
	echo $! >$group/$1/cgroup.procs
}
end_guests() {
	kill $guests 2>/dev/null
	wait $guests 2>/dev/null
	guests=
}
gone() { for one in $guests; do over $one || return 1; done; }

it 'takes another name if another launcher has locked its group [S39]' && root && {
	guests= holders=
	for how in $HOW; do
		# The shell becomes pith, so the test knows the pid before pith runs.
		fifo go
		sh -c 'read -r _ <go; exec "$@"' - "$PITH" --report v.json $(words_of $how) \
		    --memory 64m --pids-limit 20 -- true &
		pid=$!
		for controller in memory pids; do
			group=$(group_of $$ $controller)
			on_v1 $controller || group=${group%/suite}
			group=$group/pith-$pid
			[ ! -d $group ] || continue
			mkdir -p $group/pay
			flock $group sleep 60 &
			holders="$holders $!"
			put_guest pay
		done
		locked() { ! flock -n $group true; }
		eventually locked
		echo >go
		wait $pid
		is "$how: $?" "$how: 0"
		case $(n cgroup) in
		*/pith-$pid.2/pay\") ;;
		*) fail "$how: $(n cgroup)" ;;
		esac
		for one in $guests; do
			over $one && fail "$how: it has killed what another has locked"
		done
		case $(group_of ${guests##* } pids) in
		*/pith-$pid/pay) ;;
		*) fail "$how: $(cat /proc/${guests##* }/cgroup)" ;;
		esac
		kill $(ps -o pid= --ppid $(echo $holders | tr ' ' ,))
		wait $holders 2>/dev/null
		holders=
		# Without a lock the group is a leftover, and the next start removes it.
		limited --memory 64m --pids-limit 20 -- true
		eventually gone
		end_guests
		clean
	done
}

OTHERS='other-1 pith pith- pith-web pith-12x pith-1.x'
it 'removes groups of a killed launcher, also frozen ones, and no others [S39]' && root && {
	guests=
	for how in $HOW; do
		for state in empty full frozen; do
			for controller in memory pids; do
				group=$(group_of $$ $controller)
				on_v1 $controller || group=${group%/suite}
				group=$group/pith-4000000
				[ ! -d $group ] || continue
				mkdir -p $group/pay
				[ $state = empty ] || put_guest pay
				[ $state != frozen ] || [ ! -e $group/cgroup.freeze ] ||
				    echo 1 >$group/cgroup.freeze
				# Groups with other names belong to others.
				for other in $OTHERS; do mkdir -p ${group%/*}/$other/pay; done
			done
			if [ $state = frozen ] && on_v1 freezer && [ -n "$guests" ]; then
				ice=$(group_of $$ freezer)/ice
				mkdir $ice
				for one in $guests; do echo $one >$ice/cgroup.procs; done
				echo FROZEN >$ice/freezer.state
			fi
			limited --memory 64m --pids-limit 20 -- true
			judged exited 0
			if [ $state = frozen ] && [ -n "${ice:-}" ]; then
				echo THAWED >$ice/freezer.state
			fi
			# A start has limited time for leftovers, so frozen groups may need
			# several starts.
			for again in 1 2 3 4 5; do
				gone || limited --memory 64m --pids-limit 20 -- true
			done
			eventually gone
			end_guests
			for other in $OTHERS; do
				[ -d ${group%/*}/$other/pay ] || fail "it has removed $other"
			done
			[ -z "${ice:-}" ] || eventually rmdir $ice
			ice=
			limited --memory 64m --pids-limit 20 -- true
			for controller in memory pids; do
				group=$(group_of $$ $controller)
				on_v1 $controller || group=${group%/suite}
				for other in $OTHERS; do
					[ ! -d $group/$other/pay ] ||
					    rmdir $group/$other/pay $group/$other
				done
			done
			clean
		done
	done
}

# A command without a sandbox survives its launcher, so the test kills it.
end_left() {
	for group in $(groups); do
		kill -9 $(cat $group/pay/cgroup.procs)
	done 2>/dev/null
	none_runs
}

it 'leaves nothing after the launcher is killed and another pith starts [S39]' &&
    root && {
	for options in bare boxed 'boxed --pid host'; do
		how=${options%% *}
		words=${options#$how}
		span=$(takes)
		try=0
		while [ $try -lt $((N * 10)) ]; do
			try=$((try + 1))
			start "$PROBE" after $((span * try * 2 / (N * 10))) 9 "$PITH" \
			    $(words_of $how) $words --memory 64m --pids-limit 20 -- \
			    sh -c 'setsid probe stubborn & exec probe bomb 2'
			hear_until 'sent *'
			ends
			code_is 137
			if [ $how = bare ]; then
				eventually end_left
			else
				# The end of the PID namespace kills it.
				eventually none_runs
			fi
		done
		limited --memory 64m --pids-limit 20 -- true
		judged exited 0
		eventually none_runs
		limited --memory 64m --pids-limit 20 -- true
		clean
	done
}

it 'runs several times at once, each run with its own limits' && root && for how in $HOW; do
	rm -f n.*.json
	for i in 1 2 3 4 5 6 7 8; do
		"$PITH" $(words_of $how) --report n.$i.json --memory $((16 + 2 * i))m \
		    --pids-limit $((5 + i)) -- probe fill $((i + 9)) >n.$i.out 2>&1 &
	done
	wait
	most=4
	[ $how = bare ] || most=3
	for i in 1 2 3 4 5 6 7 8; do
		is "$how $i: $(cat n.$i.out)" "$how $i: made $((most + i))"
		is "$how $(n reason n.$i.json)" "$how \"pids-limit\""
	done
	is "$(for i in 1 2 3 4 5 6 7 8; do n cgroup n.$i.json; done | sort -u | wc -l)" 8
	clean
done

it 'leaves no group, process or mount after 100 mixed runs' && root && {
	mounts=$(wc -l </proc/self/mountinfo)
	round=0
	while [ $round -lt 5 ]; do
		round=$((round + 1))
		for how in $HOW; do
			for kind in $KINDS; do
				of_kind $kind $W/v.json
			done
			"$PITH" $(words_of $how) -- sh -c 'setsid probe stubborn & :' >/dev/null
			"$PITH" $(words_of $how) --pids-limit 9 -- sh -c 'setsid probe stubborn &
			    :' >/dev/null
		done
	done
	"$PITH" --pids-limit 9 -- true
	clean
	is "$(wc -l </proc/self/mountinfo)" $mounts
	# Without a group pith does not kill the leftovers of a command on the host.
	for one in $(ours_running | awk '/probe stubborn/ { print $1 }'); do
		case $(cat /proc/$one/cgroup) in */pith-[0-9]*) fail "in a group: $one" ;; esac
		kill -9 $one
	done 2>/dev/null
	eventually none_runs
}

it 'kills all processes of its group when the command ends, also without namespaces' && root && {
	how=bare
	limited --memory 64m -- sh -c '
	    setsid probe stubborn & (setsid probe stubborn &) ; sleep 0.1; exit 3' >/dev/null
	judged exited 3
	eventually none_runs
	clean
}

it 'sees processes of the host with --pid host, and still kills its own' && root && {
	how=boxed
	begin --pid host -- sh -c 'setsid probe stubborn >/dev/null &
	    echo pid $$; cat /proc/1/comm; exec probe signals'
	stop
	begin --pid host -- sh -c 'setsid probe stubborn & exec probe signals'
	is "$(awk '/^NSpid/ { print NF - 1 }' /proc/$child/status)" 1
	is "$(readlink /proc/$child/ns/pid)" "$(readlink /proc/self/ns/pid)"
	stop
	code_is 0
	eventually none_runs
	clean
	begin --pid host -- sh -c 'setsid probe stubborn & exec probe signals'
	kill -9 $pid
	ends 2>/dev/null
	eventually none_runs
	limited -- true
	clean
	# The same if init notices the end of the command first.
	begin --pid host -- sh -c 'setsid probe stubborn & exec probe signals'
	init=$(json info init)
	kill -STOP $init
	eventually stopped $init
	kill -9 $child
	eventually over $child
	kill -9 $pid
	ends 2>/dev/null
	eventually none_runs
	limited -- true
	clean
	limited --pid host --memory 64m -- sh -c 'setsid probe stubborn & probe take 90; exit 3'
	judged oom 3
	eventually none_runs
	refused '*' --rootfs $R --pid host --cgroups off
	clean
}

# ---- ordinary users -----------------------------------------------------------

it 'tells an ordinary user why limits fail, and needs no group without limits' && {
	be as_user
	# A group of the user with these controllers is the subject of the next test.
	[ "$(id -u)" = 0 ] || how=boxed
	for words in '' "--rootfs $R"; do
		for limit in '--memory 64m' '--cpus 0.5' '--pids-limit 20' '--cpu-time 9s'; do
			refused '*elegat*' $words $limit
		done
	done
	rm -f $H/v.json
	run $as "$PITH" --rootfs $R --report $H/v.json -- true
	code_is 0
	is "$(n cgroup $H/v.json) $(n reason $H/v.json)" 'null "exited"'
	refused '*' --rootfs $R --pid host
	clean
	be as_root
}

# Run a command in a group that belongs to the user, like one that systemd delegates.
mine() { (echo 0 >"$V2/$G/his/$1/cgroup.procs" && shift && exec $as "$@"); }
it 'has limits as an ordinary user in a delegated v2 group' && root && {
	be as_user
	if [ -n "$V2" ]; then
		echo "+$(xargs <$V2/$G/cgroup.controllers | sed 's/ / +/g')" \
		    >$V2/$G/cgroup.subtree_control 2>/dev/null
		mkdir $V2/$G/his
		chown -R 65534:65534 $V2/$G/his
	fi
	# If the group holds other processes, the group above it has to enable the controllers.
	for place in . leaf; do
		[ -n "$V2" ] || break
		[ $place = . ] || { mkdir $V2/$G/his/leaf && chown -R 65534:65534 $V2/$G/his/leaf; }
		if on_v1 memory; then
			run mine $place "$PITH" --rootfs $R --memory 64m -- true
			code_is 125
			one_line
		fi
		rm -f $H/v.json
		run mine $place "$PITH" --rootfs $R --report $H/v.json -- true
		code_is 0
		is "$(n cgroup $H/v.json | grep -o 'his.*/pith-')" "$(
		    [ $place = . ] && echo his/pith- || echo his/leaf/pith-)"
		on_v1 memory || for words in '' "--rootfs $R"; do
			rm -f $H/v.json
			run mine $place "$PITH" --report $H/v.json --memory 64m $words -- \
			    probe take 90
			is "$place $words $(n reason $H/v.json) $code" "$place $words \"oom\" 137"
			run mine $place "$PITH" --report $H/v.json --pids-limit 10 $words -- \
			    probe fill 20
			is "$place $words $(n reason $H/v.json) $code" \
			    "$place $words \"pids-limit\" 1"
			run mine $place "$PITH" --report $H/v.json --cpus 0.5 $words -- \
			    probe burn 500
			is "$place $words $(n reason $H/v.json) $code" "$place $words \"exited\" 0"
			between throttled "$(n throttled_ms $H/v.json)" 50 2000
		done
		is "$(find $V2/$G/his -mindepth 1 -name 'pith*')" ''
	done
	[ -z "$V2" ] || {
		rmdir $V2/$G/his/leaf $V2/$G/his
		echo "-$(xargs <$V2/$G/cgroup.subtree_control | sed 's/ / -/g')" \
		    >$V2/$G/cgroup.subtree_control 2>/dev/null
	}
	clean
	be as_root
}

it 'has limits when it is alone in its v2 group, like process 1 of a container' && root && {
	# Like an engine. The kernel refuses a second v2 mount on top of the first.
	cat >own-v2 <<-'E'
		umount -l /sys/fs/cgroup && mount -t cgroup2 none /sys/fs/cgroup
	E
	cat >contained <<-'E'
		. ./own-v2 || exit
		echo 1 >/proc/self/oom_score_adj
		"$@"
		code=$?
		find /sys/fs/cgroup -mindepth 1 -type d | grep .
		exit $code
	E
	[ $LAYOUT != v2 ] || for words in '' "--rootfs $R"; do
		echo "+memory +pids +cpu" >$V2/$G/cgroup.subtree_control
		mkdir $V2/$G/box
		# First with a waiting shell in the group, then alone.
		run sh -c 'echo 0 >"$0/cgroup.procs"; exec unshare --cgroup --mount "$@"' \
		    $V2/$G/box sh -c '. ./own-v2 && exec "$@"' - \
		    "$PITH" --report $W/v.json --memory 64m $words -- probe take 90
		is "$words $(n reason) $code" "$words \"oom\" 137"
		is "$(ls -d $V2/$G/box/*/ 2>/dev/null)" ''
		run sh -c 'echo 0 >"$0/cgroup.procs"; exec unshare --cgroup --mount "$@"' \
		    $V2/$G/box sh contained "$PITH" --memory 64m $words -- true
		code_is 125
		out_is ''
		one_line
		eventually rmdir $V2/$G/box
		echo "-memory -pids -cpu" >$V2/$G/cgroup.subtree_control
	done
	clean
}

it 'takes limits from PITH_OPTIONS, as the init of an engine' && root && {
	run env PITH_OPTIONS='--memory 64m --report v.json' "$PITH" -- probe take 90
	code_is 137
	is "$(n reason)" '"oom"'
	run env PITH_OPTIONS='--memory 64m --report v.json' $AS_1 "$PITH" -- probe take 90
	code_is 137
	is "$(n reason)" '"oom"'
	clean
}

# ---- bad input ---------------------------------------------------------------

# Values that are invalid for every limit.
NONE='1e30 64mm 18446744073709551616 99999999999999999999 0x10 5x -5m nan +5 5,5x - 1.5.5'

# Check that values are refused: not_taken OPTION BEFORE BAD .... BEFORE precedes each
# bad value, and also the values "" and " 5".
not_taken() {
	option=$1 before=$2
	shift 2
	for bad in "$@" '' ' 5' '5 '; do
		run "$PITH" $option "$before$bad" $more -- /bin/sh -c 'echo started'
		is "$option '$before$bad': $code$out $(wc -l <"$W/.err")" \
		    "$option '$before$bad': 125 1"
		case $err in
		"pith: "*"$option"* | "pith: cannot limit"* | "pith: cannot set 'cpuset.cpus="*) ;;
		*) fail "$option '$before$bad': $err" ;;
		esac
	done
}

it 'refuses invalid limits, option by option [S38]' && root && loop_device && {
	more=
	not_taken --memory '' $NONE 0 -1 0m 0.5 1k 511k
	not_taken --memory-high '' $NONE 0 -1 0m
	more='--memory 64m'
	not_taken --memory-swap '' $NONE 0 -2 0m
	more=
	not_taken --cpus '' $NONE 0 -1 0.0 0.001 0.009 . 1,5 inf 0.5x
	not_taken --cpu-shares '' $NONE 0 -1 1 262145 0.5
	not_taken --cpuset-cpus '' 1e30 64mm -1 0- a 0--1 ,0 0.5 18446744073709551616
	not_taken --pids-limit '' $NONE 0 -2 0.5 1k
	not_taken --blkio-weight '' $NONE 0 -1 9 1001 0.5
	for rate in read write; do
		not_taken --device-$rate-bps $loop: $NONE 0 -1
		not_taken --device-$rate-iops $loop: $NONE 0 -1 0.5 1m
		not_taken --device-$rate-bps '' : :5 $loop /dev/null:1m /none:1m $W:1m $loop:1m:1m
		not_taken --device-$rate-iops '' : :5 $loop /dev/null:5 /none:5
	done
	not_taken --cpu-time "" 1e30 64mm -1 99999999999999999999 5x
	clean
}

# Check that values are refused with any error of one line.
refuses() {
	for bad; do
		run "$PITH" $option "$bad" $more -- /bin/sh -c 'echo started'
		is "$option '$bad': $code$out $(wc -l <"$W/.err")" "$option '$bad': 125 1"
		err_like 'pith: *'
	done
}

it 'refuses invalid groups, files, processes and choices' && root && {
	for more in '' '--memory 64m' "--rootfs $R"; do
		option=--cgroup-parent
		refuses '' .. ../ a/.. /../$G $G/../$G $G/suite/.. none-such $G/none /none/..
		option=--cgroup-conf
		refuses '' x =1 memory.max nodot=1 a/b.c=1 ../memory.max=1 ../../pids.max=1 \
		    pids/../pids.max=1 ./pids.max=1 .=1 ..=1 none.such=1 pids.none=1 \
		    pids.max=many pids.max= 'pids.max =1' pids.current=1
		option=--cgroup-join
		refuses '' 0 -1 1e30 64mm ' 5' 18446744073709551616 4294967297 999999999 2 x
		option=--cgroups
		refuses '' v3 v 1 auto,v1
		option=--oom
		refuses '' all groups
		option=--pid
		refuses '' private 1
	done
	more=
	for option in --memory-swap --pid; do refuses 64m host; done
	# A second value does not replace the first one.
	how=bare
	limited --pids-limit 10 --pids-limit 20 -- true
	code_is 125
	clean
}

it 'fails if the cgroup files are read-only, hidden or not mounted' && root && {
	cat >spoiled <<-'E'
		case $1 in
		ro) cut -d' ' -f5,9- /proc/self/mountinfo | grep -E 'cgroup' |
			cut -d' ' -f1 | while read -r place; do
			mount -o remount,bind,ro "$place" || exit 9; done ;;
		hidden) mount -t tmpfs none /sys/fs/cgroup ;;
		none) umount -l -R /sys/fs/cgroup ;;
		esac || exit
		shift
		exec "$@"
	E
	for spoil in ro hidden none; do
		for words in '' "--rootfs $R"; do
			for limit in '--memory 64m' '--pids-limit 20' '--cpu-time 9s' --cgroupfs \
			    "--cgroup-join $$"; do
				[ "$limit" != --cgroupfs ] || [ "$words" ] || continue
				run unshare --mount --propagation private sh spoiled $spoil \
				    "$PITH" $words $limit -- /bin/sh -c 'echo started'
				is "$spoil $words $limit: $code$out" "$spoil $words $limit: 125"
				one_line
			done
		done
		rm -f v.json
		run unshare --mount --propagation private sh spoiled $spoil \
		    "$PITH" --rootfs $R --report $W/v.json -- echo fine
		out_is fine
		is "$spoil: $(n cgroup)" "$spoil: null"
	done
	clean
}

it 'fails if a group allows no child group, or lacks the controller' && root && {
	how=bare
	for mount in $(cut -d' ' -f1 .groups); do
		mkdir $mount/$G/p
	done
	if ! on_v1 pids; then
		# No controllers are enabled for child groups.
		mkdir -p $V2/$G/p/q
		echo 0 >$V2/$G/p/cgroup.max.descendants
		refused '*' --cgroup-parent $G/p/q --pids-limit 20
		refused '*' --cgroup-parent $G/p --pids-limit 20
		rmdir $V2/$G/p/q
		# In a threaded group the memory belongs to the domain above.
		mkdir $V2/$G/p/q 2>/dev/null
		echo max >$V2/$G/p/cgroup.max.descendants
		mkdir -p $V2/$G/p/q
		echo threaded >$V2/$G/p/q/cgroup.type
		refused '*' --cgroup-parent $G/p/q --memory 64m
		rmdir $V2/$G/p/q
	else
		# The limit exceeds that of the group above.
		if on_v1 cpu; then
			echo 20000 >$(mount_of cpu)/$G/p/cpu.cfs_quota_us
			refused '*cpu*' --cgroup-parent $G/p --cpus 0.5
		fi
	fi
	for mount in $(cut -d' ' -f1 .groups); do
		rmdir $mount/$G/p
	done
	clean
}

it 'ends properly with less memory than an exec takes' && root && for how in $HOW; do
	for size in 512k 600k 1m 2m 4m; do
		limited --memory $size --timeout 20s -- probe take 1
		case $(n reason)-$code in
		'"oom"-137' | '"oom"-125' | '"setup-error"-125' | '"exec-error"-126' | \
		    '"exited"-0') ;;
		*) fail "$how $size: $(n reason) $code: $err" ;;
		esac
		[ $size != 4m ] || judged exited 0
	done
	limited --pids-limit 1 -- true
	case $how-$(n reason)-$code in
	'bare-"exited"-0' | 'boxed-"pids-limit"-125' | 'boxed-"setup-error"-125') ;;
	*) fail "$how 1 process: $(n reason) $code: $err" ;;
	esac
	clean
done

[ -z "$loop" ] || losetup -d $loop
loop=
leave_groups
[ "$(id -u)" != 0 ] || is "$(cat /proc/self/cgroup)" "$(cat "$W/.before")"
finish
