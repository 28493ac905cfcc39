# device_bench.sh [ROUNDS]: measure the cost of the init of a device, pith and others in turns,
# in the same machine. Print medians of three figures, and the ratio of pith to busybox: the
# time from the start of process 1 to its first line after sysinit (stage 2 of runit); the
# memory of process 1 at rest; the time from the shutdown request to power off.
# shellcheck shell=sh source=tests/lib.sh disable=SC2154
. "${0%/*}/lib.sh"
. "$TESTS/device-lib.sh"
rounds=${1:-9}
PEERS=$TOP/build/packages/device-peers

# Print the inittab lines, in the dialect of busybox's init. With these lines pith mounts file
# systems and brings up lo all the same; the others do not.
bare_lines() { echo '::sysinit:/bin/true'; }
# Print the lines of Buildroot for busybox's init: mounts and lo are up under each init.
full_lines() {
	cat <<-'E'
		::sysinit:/bin/mount -t proc proc /proc
		::sysinit:/bin/mount -o remount,rw /
		::sysinit:/bin/mkdir -p /dev/pts /dev/shm
		::sysinit:/bin/mount -a
		::sysinit:/bin/mkdir -p /run/lock/subsys
		::sysinit:/sbin/swapon -a
		null::sysinit:/bin/ln -sf /proc/self/fd /dev/fd
		null::sysinit:/bin/ln -sf /proc/self/fd/0 /dev/stdin
		null::sysinit:/bin/ln -sf /proc/self/fd/1 /dev/stdout
		null::sysinit:/bin/ln -sf /proc/self/fd/2 /dev/stderr
		::sysinit:/bin/hostname -F /etc/hostname
		::sysinit:/etc/init.d/rcS
	E
}
full_tree() {
	buildroot_files
	echo 'ifconfig lo up' | script /etc/init.d/rcS
}

# Complete the tree for $INIT with lines of that kind.
tree_of() {
	cp "$B/stamp" "$T/bin/stamp"
	[ "$1" = bare ] || "$1_tree"
	case $INIT in
	runit)
		ln -sf runit-init "$T/bin/init"
		"$1_lines" | cut -d: -f4- | script /etc/runit/1
		echo 'exec /bin/stamp' | script /etc/runit/2 ;;
	sysvinit)
		rm "$T/bin/init"
		cp "$PEERS/usr/sbin/init" "$T/bin/init"
		{
			echo id:2:initdefault:
			"$1_lines" | awk -F: '{ print "s" NR "::" $3 ":" $4 }'
			echo '9:2:once:/bin/stamp'
		} | inittab ;;
	*)
		{ "$1_lines"; echo '::once:/bin/stamp'; } | inittab
		return ;;
	esac
	cp "$PEERS/usr/sbin/runit" "$PEERS/usr/sbin/runit-init" "$T/bin"
	mkdir -p "$T/lib64" "$T/lib/x86_64-linux-gnu"
	cp "$PEERS"/usr/lib64/ld-linux* "$T/lib64"
	for library in libc.so.6 libselinux.so.1 libpcre2-8.so.0; do
		cp "$PEERS/usr/lib/x86_64-linux-gnu/$library" "$T/lib/x86_64-linux-gnu"
	done
}

# Boot $INIT once with lines of a kind, and append its figures to a file, in microseconds, KiB
# and microseconds: measure KIND FILE
measure() {
	tree
	tree_of "$1"
	case $INIT in
	runit | sysvinit) live poweroff rdinit=/bin/stamp -- /bin/init alone ;;
	*) live poweroff rdinit=/bin/stamp -- /bin/init ;;
	esac
	off=$(printf '%s\n' "$console" | sed -n '
		s/^\[ *\([0-9]*\)\.\([0-9]*\)\].* *asked$/\1\2/p
		s/^\[ *\([0-9]*\)\.\([0-9]*\)\] reboot: Power down/\1\2/p' |
	    awk 'NR == 1 { from = $1 } END { print $1 - from }')
	echo "$INIT:$1 $(lines_of stamp) $off" >>"$2"
}

inits='busybox pith'
if sh "$TESTS/fetch.sh" "${PEERS##*/}"; then
	inits="$inits runit sysvinit"
fi

# Count instructions, which no other load of this machine changes: the processor takes a
# nanosecond for each.
it 'counts instructions of each init' && can_boot && {
	LIMIT=300 DEVICES='-icount shift=0,sleep=off'
	for kind in full bare; do
		for INIT in $inits; do measure $kind counts; done
	done
	LIMIT=60 DEVICES=
}

it 'measures the time and memory of each init' && can_boot && {
	round=0
	while [ $round -lt "$rounds" ]; do
		round=$((round + 1))
		for kind in full bare; do
			for INIT in $inits; do measure $kind figures; done
		done
	done
}

# Print the median of a column of an init in the file $of, or "-" without values.
of=figures
median() {
	sed -n "s/^$1 //p" $of | cut -d ' ' -f "$2" | sort -n | awk -v scale="$3" '
		{ v[NR] = $1 }
		END { if (NR) printf "%.1f", v[int((NR + 1) / 2)] / scale; else print "-" }'
}
# row NAME COLUMN SCALE KIND [KIND-OF-PITH [ASKED]]
row() {
	b=$(median "busybox:$4" "$2" "$3") p=$(median "pith:${5:-$4}" "$2" "$3")
	r=$(median "runit:$4" "$2" "$3") s=$(median "sysvinit:$4" "$2" "$3")
	[ -z "${6:-}" ] || { r=- s=-; }
	awk -v b="$b" -v p="$p" -v r="$r" -v s="$s" -v name="$1" 'BEGIN {
		ratio = (b > 0) ? sprintf("%.2f", p / b) : "-"
		printf "%-48s %8s %8s %8s %8s %6s\n", name, r, s, b, p, ratio
	}'
}
[ ! -s figures ] || {
	printf '%-48s %8s %8s %8s %8s %6s\n' "of $rounds boots each, medians" runit sysvinit \
	    busybox pith ratio
	row 'first line, all is done by lines before it, ms' 1 1000 full
	row 'the same, with pith by itself and no line, ms' 1 1000 full bare
	row 'first line, nothing is done by the others, ms' 1 1000 bare
	row 'memory of process 1 at rest (Rss), KiB' 2 1 full
	row 'from being asked to off, ms' 3 1000 bare bare asked
}
of=counts
[ ! -s counts ] || {
	row 'first line, all by lines, million instructions' 1 1000 full
	row 'the same, pith by itself' 1 1000 full bare
	row 'first line, nothing is done by the others' 1 1000 bare
}
finish
