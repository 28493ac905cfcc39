# device_bench.sh [ROUNDS]: what the init of a device costs, pith and busybox in turns, in the
# same machine with the same inittab: from where the kernel starts process 1 to its first
# line that is no sysinit; its memory at rest; and from being asked to the power being off.
# Medians, and what pith's is of busybox's.
# shellcheck shell=sh source=tests/lib.sh disable=SC2154
. "${0%/*}/lib.sh"
. "$TESTS/device-lib.sh"
rounds=${1:-9}

bare_inittab() { echo '::sysinit:/bin/true'; }
# What trees with busybox's init mount, which pith has done then.
real_inittab() {
	cat <<-'E'
		::sysinit:/bin/mount -t proc proc /proc
		::sysinit:/bin/mount -t sysfs sysfs /sys
		::sysinit:/bin/mount -t devtmpfs dev /dev
		::sysinit:/bin/mkdir -p /dev/pts /dev/shm
		::sysinit:/bin/mount -t devpts devpts /dev/pts
		::sysinit:/bin/mount -t tmpfs tmpfs /dev/shm
		::sysinit:/bin/mount -t tmpfs tmpfs /run
		::sysinit:/bin/mount -t tmpfs tmpfs /tmp
	E
}

it 'measures' && can_boot && {
	round=0
	while [ $round -lt "$rounds" ]; do
		round=$((round + 1))
		for which in busybox:bare pith:bare busybox:real pith:real; do
			INIT=${which%:*}
			tree
			cp "$B/stamp" "$T/bin/stamp"
			${which#*:}_inittab | inittab
			echo '::once:/bin/stamp' >>"$T/etc/inittab"
			live poweroff rdinit=/bin/stamp -- /bin/init
			# shellcheck disable=SC2046
			set -- $(lines_of stamp)
			off=$(printf '%s\n' "$console" | sed -n '
				s/^\[ *\([0-9]*\)\.\([0-9]*\)\].* *asked$/\1\2/p
				s/^\[ *\([0-9]*\)\.\([0-9]*\)\] reboot: Power down/\1\2/p' |
			    awk 'NR == 1 { from = $1 } END { print $1 - from }')
			echo "$which $1 $2 $off" >>figures
		done
	done
}

# The median of a column of an init.
median() {
	sed -n "s/^$1 //p" figures | cut -d ' ' -f "$2" | sort -n |
	    awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'
}
row() {
	b=$(median "busybox:$4" "$2") p=$(median "pith:${5:-$4}" "$2")
	awk -v b="$b" -v p="$p" -v scale="$3" -v name="$1" 'BEGIN {
		printf "%-44s %9.1f %9.1f %6.2f\n", name, b / scale, p / scale, p / b
	}'
}
[ ! -s figures ] || {
	echo "of $rounds boots each, medians                busybox      pith  ratio"
	row 'first line, no mounts in the inittab, ms' 1 1000 bare
	row 'first line, mounts in the inittab, ms' 1 1000 real
	row 'first line, mounts where they are needed, ms' 1 1000 real bare
	row 'memory of process 1 at rest (Rss), KiB' 2 1 bare
	row 'from being asked to off, ms' 3 1000 bare
}
finish
