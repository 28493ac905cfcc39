# Run suites on a Debian kernel in a virtual machine:
#	machine.sh [-a aarch64] [-k KERNEL] [-c v2|hybrid|v1] [-m MEGABYTES] [-s SECONDS]
#	    SUITE ...
# KERNEL is a name of tests/packages. -c places the controllers of control groups: all in v2;
# in v1 hierarchies like systemd's beside a v2 without controllers; or in v1 without v2. The
# machine has the source tree and the programs of this Debian at the same paths, and the
# environment that the Makefile gives to run.sh, with MACHINE=KERNEL and CGROUPS= the value of
# -c. It has a root on tmpfs, an ext4 disk for temporary files, 256 MiB of swap, and a user
# `tester` with subordinate ids. machine_init.c sets it up.
#
# -a selects a machine of that architecture. pith and the test programs are built for it, other
# programs come from ARCH-userland in tests/packages, and KERNEL is linux-ARCH. Suites skip
# tests whose programs are missing there, even with MUST_RUN.
#
# Prints the output of run.sh in the machine and exits with its code. Exits with 77 and the
# reason where no machine can run, with 124 after a timeout, and with 2 on a failure.
# shellcheck shell=sh

set -u
TESTS=$(cd "$(dirname "$0")" && pwd)
TOP=${TESTS%/*}
B=${B:-$TOP/build}
PITH=${PITH:-$TOP/pith}
PROBE=${PROBE:-$B/probe}
PATH=$PATH:/usr/sbin:/sbin
arch='' kernel='' cgroups=v2 megabytes=1024 seconds=600

MODULES='virtio_pci virtio_blk overlay loop squashfs erofs fuse veth bridge macvlan'

# Debian packages whose programs suites may use. Packages that are missing here are missing
# there too, and suites report that.
PACKAGES='base-files libc-bin ncurses-base ncurses-bin dash bash coreutils grep sed mawk
	findutils diffutils tar gzip file less hostname procps util-linux util-linux-extra
	bsdutils mount e2fsprogs iproute2 uidmap perl-base python3-minimal
	libpython3-stdlib busybox-static bubblewrap attr strace tmux binutils gcc libc6-dev
	musl-tools squashfs-tools erofs-utils '${MACHINE_PACKAGES:-}

# Exclude large files of these packages that no suite needs.
LEFT_OUT='^/(boot|var)/|/__pycache__/|/gconv/|/gprofng/|/(lib[a-z]*san|libgprofng)\.
	^/usr/share/(bash-completion|bug|doc|info|lintian|locale|man|perl|zoneinfo)/
	^/usr/lib/[^/]*/(perl/|libperl)|^/usr/bin/perl.*5\.
	/(lto1|lto-wrapper)$|-(lto-dump|gold|dwp)(-|$)
	/lib([cm]|m-.*|mvec|stdc\+\+|gomp|gcov|python.*)\.a$'

cannot() {
	echo "machine: $*" >&2
	exit 77
}
broken() {
	echo "machine: $*" >&2
	exit 2
}

while getopts a:k:c:m:s: option; do
	case $option in
	a) arch=$OPTARG ;;
	k) kernel=$OPTARG ;;
	c) cgroups=$OPTARG ;;
	m) megabytes=$OPTARG ;;
	s) seconds=$OPTARG ;;
	*) exit 2 ;;
	esac
done
shift $((OPTIND - 1))
case $cgroups in
v2) ;;
hybrid | v1) MODULES="$MODULES bfq" ;;  # only bfq has weights of v1
*) broken "-c is v2, hybrid or v1, not '$cgroups'" ;;
esac

case $arch in
'')
	kernel=${kernel:-6.1}
	programs='qemu-system-x86_64 apt-get apt-cache dpkg-query' ;;
aarch64)
	kernel=${kernel:-linux-$arch} MUST_RUN=''
	B=$TOP/build/$arch PITH=$TOP/build/$arch/pith PROBE=$TOP/build/$arch/probe
	programs='qemu-system-aarch64 aarch64-linux-gnu-gcc' ;;
*) broken "-a is aarch64, not '$arch'" ;;
esac

for program in $programs cpio mke2fs dpkg-deb; do
	command -v $program >/dev/null ||
	    cannot "$program is not installed (make deps-all)"
done

# ---- the kernel --------------------------------------------------------------

FETCHED=$TOP/build/packages
KERNEL=$FETCHED/$kernel
. "$TESTS/modules.sh"

# ---- files of the machine ------------------------------------------------------

needed() { grep -vE "$(echo "$LEFT_OUT" | tr -d '\t')"; }

# Print the paths of programs, with the packages that they depend on.
userland() {
	# shellcheck disable=SC2086
	dpkg-query -W -f '${db:Status-Status} ${Package}\n' $PACKAGES 2>/dev/null |
	    sed -n 's/^installed //p' | xargs apt-cache depends --recurse --installed \
	    --no-recommends --no-suggests --no-conflicts --no-breaks --no-replaces \
	    --no-enhances | grep '^[a-z]' | sort -u | xargs dpkg -L 2>/dev/null | needed
	ls -d /etc/alternatives/* /etc/ld.so.* /etc/ld.so.conf.d/*
	sed -s -n 2p /var/lib/dpkg/alternatives/*
}

# Print the paths of the source tree, and of the libraries of dynamic programs.
tree() {
	find "$TOP" \( -name .git -o -path "$TOP/build" -o -path "$B" \) -prune -o -print
	find "$B" -maxdepth 1 -type f -perm -100
	find "$B" -maxdepth 1 -type f -perm -100 -exec ldd "$PITH" {} + 2>/dev/null |
	    grep -o '/[^ ]*' | grep -v ':$' | while read -r library; do
		echo "$library"
		readlink -f "$library"
	done
	echo "$PITH"
}

# Print the existing paths, resolved, each after its directory.
with_directories() {
	xargs -d '\n' ls -dU 2>/dev/null |
	    if [ -L /bin ]; then sed -E 's:^/(s?bin|lib[0-9x]*)/:/usr&:'; else cat; fi |
	    awk -F / '{
		path = ""
		for (i = 2; i <= NF; i++) {
			path = path (i > 2 ? "/" : "") $i
			if (path != "" && !seen[path]++)
				print path
		}
	}'
}

quoted() { printf "'%s'" "$(printf %s "$1" | sed "s/'/'\\\\''/g")"; }

# Make the files that are not copied: made_files DIR SUITE ...
made_files() {
	mkdir "$1" && cd "$1" || exit 1
	shift
	mkdir -m 755 disk etc home home/tester mnt modules root var
	mkdir -m 1777 tmp var/tmp
	# Link awk: packages of another architecture are not configured and set up no
	# alternatives.
	[ -z "$arch" ] || { mkdir -p usr/bin && ln -s mawk usr/bin/awk; }
	[ -z "$arch" ] || printf '#include <asm/%s.h>\n' errno unistd |
	    $arch-linux-gnu-gcc -nostdinc -isystem "$B/kernel-headers" -E -dM - >constants
	cp "$B/machine_init" init
	n=100
	modules $MODULES | awk '!seen[$0]++' | while read -r file; do
		n=$((n + 1)) name=${file##*/}
		unpacked "$file" >"modules/$n-${name%.ko*}"
	done
	cat >etc/passwd <<-'E'
		root:x:0:0:root:/root:/bin/sh
		tester:x:1000:1000::/home/tester:/bin/sh
		nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin
	E
	printf '%s:x:%s:\n' root 0 tty 5 shadow 42 tester 1000 nogroup 65534 >etc/group
	echo tester:100000:65536 | tee etc/subuid >etc/subgid
	echo '127.0.0.1 localhost machine' >etc/hosts
	{
		echo "cd $(quoted "$TOP") || exit"
		for variable in MAKE CC N ONLY MUST_RUN SAN PITH PROBE B; do
			eval "echo export $variable=\"\$(quoted \"\${$variable:-}\")\""
		done
		echo "export MACHINE=$kernel TMPDIR=/disk HOME=/root TERM=dumb"
		echo 'export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'
		echo 'chown -R tester:tester /home/tester'
		echo '(umask 77 && fallocate -l 256M /disk/.swap) &&'
		echo '    mkswap /disk/.swap >/dev/null && swapon /disk/.swap || exit'
		# shellcheck disable=SC2016
		echo 'echo "machine: Linux $(uname -r), up after $(cut -d" " -f1 /proc/uptime) s"'
		echo "exec sh tests/run.sh $*"
	} >suites
}

# Make the initramfs. It may be several archives, one after the other.
archive() { cpio --create --format newc --owner 0:0 --quiet; }
initramfs() {
	if [ -z "$arch" ]; then
		{ userland; tree; } | with_directories | (cd / && archive)
	else
		tree | with_directories | (cd / && archive)
		(cd "$FETCHED/$arch-userland" &&
		    find . -mindepth 1 ! -path ./line -printf '/%P\n' |
		    needed | cut -c 2- | archive)
	fi
	(made_files "$W/made" "$@")
	(cd "$W/made" && find . | archive)
}

# ---- the machine -------------------------------------------------------------

W=$(mktemp -d "${TMPDIR:-/tmp}/pith-machine.XXXXXX")
trap 'rm -rf "$W"' EXIT
trap 'exit 1' HUP INT PIPE TERM

sh "$TESTS/fetch.sh" "$kernel" || exit
if [ -n "$arch" ]; then
	sh "$TESTS/fetch.sh" $arch && sh "$TESTS/fetch.sh" $arch-userland || exit
	env -u MAKEFLAGS -u MAKELEVEL -u CC make -C "$TOP" ARCH=$arch all build/$arch/probe \
	    build/$arch/true build/$arch/machine_init >"$W/log" 2>&1 ||
	    broken "pith is not built for $arch: $(tail -n 3 "$W/log")"
fi
initramfs "$@" >"$W/initramfs"
truncate -s 4G "$W/disk" && mke2fs -q -F -t ext4 "$W/disk" || exit 1

# Emulate, as KVM hangs on some hosts that are virtual machines themselves. Without rdrand the
# machine would wait for randomness. cmpxchg16b of QEMU 7.2 is not always atomic. See
# boot-lib.sh for `max` without pauth. QEMU finds its translated code by address, so the
# addresses must be the same each time (norandmaps).
case $arch in
'')
	console=ttyS0 words='no_timer_check tsc=reliable'
	set -- qemu-system-x86_64 -cpu qemu64,-cx16,+rdrand \
	    -device isa-debug-exit,iobase=0x501,iosize=2 ;;
aarch64)
	console=ttyAMA0 words=''
	set -- qemu-system-aarch64 -M virt -cpu max,pauth=off ;;
esac
{
	timeout --foreground -k 5 "$seconds" "$@" -accel tcg \
	    -smp 2 -m "$megabytes" -no-user-config -nodefaults \
	    -no-reboot -display none -monitor none -serial stdio \
	    -kernel "$(find "$KERNEL" -name 'vmlinuz*')" -initrd "$W/initramfs" \
	    -drive if=none,id=disk,file="$W/disk",format=raw,cache=unsafe \
	    -device virtio-blk-pci,drive=disk \
	    -append "console=$console quiet loglevel=2 panic=-1 $words \
	        norandmaps CGROUPS=$cgroups" </dev/null
	echo $? >"$W/code"
} | sed -u -e 's/\r$//' -e "/^machine: code [0-9]*$/{w $W/said
	d}"
code=$(cat "$W/code")
case $code in
124 | 137)
	echo "machine: timed out after $seconds seconds" >&2
	exit 124 ;;
*[13579])
	exit $((code / 2)) ;;
esac
# Read the exit code from the console where the machine has no exit port.
said=$(sed -n 's/^machine: code //p' "$W/said")
[ -z "$said" ] || exit "$said"
broken "the machine stopped without an exit code (QEMU: $code)"
