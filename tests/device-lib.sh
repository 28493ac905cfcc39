# Sourced by suites that boot devices: virtual machines whose process 1 is the init under
# test, on an initramfs of busybox, pith, the probe, and the files of a test:
#	tree                          # makes a new tree at $T
#	inittab <<-'E'
#		::sysinit:echo hello
#		::once:poweroff
#	E
#	power_on [WORD ...]           # words of the kernel's command line
#	hear_until hello
#	off                           # sets $ended
# DEVICE_INIT=busybox replaces pith by busybox's init: tests of common behaviour must hold.
# shellcheck shell=sh disable=SC2034,SC2154

. "$TESTS/modules.sh"
INIT=${DEVICE_INIT:-pith}
KERNEL=$TOP/build/packages/6.1
MODULES_OF_ALL='virtio_pci virtio_blk button evdev softdog loop'
MODULES=$MODULES_OF_ALL
T=$W/tree
CR=$(printf '\r')
END='---- the end of the console'
NL='
'

# Return whether devices can be booted here; skip the test with a reason otherwise.
can_boot() {
	have qemu-system-x86_64 cpio mke2fs busybox || return 1
	[ ! -e "$W/base" ] || return 0
	sh "$TESTS/fetch.sh" "${KERNEL##*/}" 2>.err || {
		if [ $? = 77 ]; then skip "$(cat .err)"; else fail "$(cat .err)"; fi
		return 1
	}
	make_base
}

# Skip a test of behaviour that only pith has.
of_pith() { [ "$INIT" = pith ] || { skip 'busybox behaves differently'; return 1; }; }

# Print the tree $1 as an initramfs. Several can be concatenated.
archive() { (cd "$1" && find . | cpio --create --format newc --owner 0:0 --quiet); }

# Make the common files: $W/base is an archive, $W/root the tree, for roots on disks.
make_base() {
	R=$W/root
	mkdir -p "$R/bin" "$R/usr" "$R/etc" "$R/proc" "$R/sys" "$R/dev" "$R/root" \
	    "$R/modules" "$R/run" "$R/mnt" "$R/var"
	mkdir -m 1777 "$R/tmp"
	ln -s bin "$R/sbin"
	ln -s ../bin "$R/usr/bin"
	ln -s ../bin "$R/usr/sbin"
	ln -s bin/init "$R/init"
	cp "$(command -v busybox)" "$R/bin/busybox"
	for applet in $(busybox --list); do
		[ "$applet" = init ] || [ "$applet" = busybox ] ||
		    ln -s busybox "$R/bin/$applet"
	done
	cp "$PITH" "$R/bin/pith"
	cp "$PROBE" "$R/bin/probe"
	echo 'root:x:0:0:root:/root:/bin/sh' >"$R/etc/passwd"
	echo 'root:x:0:' >"$R/etc/group"
	n=10
	# shellcheck disable=SC2086
	for file in $(modules $MODULES | awk '!seen[$0]++'); do
		n=$((n + 1)) module=${file##*/}
		unpacked "$file" >"$R/modules/${module%.ko*}.ko"
		echo "insmod /modules/${module%.ko*}.ko" >>"$R/modules/load"
	done
	archive "$R" >"$W/base"
}

tree() {
	rm -rf "$T"
	mkdir -p "$T/etc" "$T/bin"
	ln -s "$INIT" "$T/bin/init"
}
inittab() { cat >"$T/etc/inittab"; }

# Write files that Buildroot's inittab uses.
buildroot_files() {
	cat >"$T/etc/fstab" <<-'E'
		/dev/root	/	ext2	rw,noauto	0	1
		proc	/proc	proc	defaults	0	0
		devpts	/dev/pts	devpts	defaults,gid=5,mode=620,ptmxmode=0666	0	0
		tmpfs	/dev/shm	tmpfs	mode=1777	0	0
		tmpfs	/tmp	tmpfs	mode=1777	0	0
		tmpfs	/run	tmpfs	mode=0755,nosuid,nodev	0	0
		sysfs	/sys	sysfs	defaults	0	0
	E
	echo buildroot >"$T/etc/hostname"
}

# Write an executable script to the tree: script PATH <<...
script() {
	mkdir -p "$(dirname "$T$1")"
	{ echo '#!/bin/sh'; cat; } >"$T$1"
	chmod +x "$T$1"
}

# Power the machine on. Its console is in $W/console, and hear() reads it line by line. $disk
# is a file that becomes /dev/vda. $MEGABYTES, $LIMIT (seconds) and $DEVICES override defaults.
power_on() {
	{ cat "$W/base"; archive "$T"; } >"$W/initramfs"
	rm -f "$W/serial.in" "$W/qmp.in" "$W/.fifo" "$W/pidfile"
	mkfifo "$W/serial.in" "$W/qmp.in" "$W/.fifo"
	: >"$W/console"
	: >"$W/qmp"
	ln -sf console "$W/serial.out"
	ln -sf qmp "$W/qmp.out"
	exec 7<>"$W/qmp.in" 8<>"$W/serial.in"
	echo '{"execute":"qmp_capabilities"}' >&7
	# shellcheck disable=SC2086
	(timeout --foreground -k 5 "${LIMIT:-60}" qemu-system-x86_64 -accel tcg \
	    -cpu qemu64,-cx16,+rdrand -smp 1 -m "${MEGABYTES:-256}" -no-user-config \
	    -nodefaults -no-reboot -display none -pidfile "$W/pidfile" \
	    -chardev pipe,id=serial,path="$W/serial" -serial chardev:serial \
	    -chardev pipe,id=qmp,path="$W/qmp" -mon chardev=qmp,mode=control \
	    -kernel "$(find "$KERNEL" -name 'vmlinuz*')" -initrd "$W/initramfs" \
	    ${disk:+-drive if=none,id=disk,file="$disk",format=raw} \
	    ${disk:+-device virtio-blk-pci,drive=disk} ${DEVICES:-} \
	    -append "${CONSOLE-console=ttyS0} quiet loglevel=3 panic=-1 no_timer_check \
	        tsc=reliable norandmaps $*" >"$W/.err" 2>&1 </dev/null
	code=$?
	printf '\n%s\n' "$END" >>"$W/console"
	exit $code) 7>&- 8>&- &
	pid=$!
	tail -n +1 -f --pid=$$ "$W/console" >"$W/.fifo" 2>/dev/null 7>&- 8>&- &
	tail=$!
	exec 9<"$W/.fifo"
}

# Read the next line of the console into $heard, without carriage returns.
hear() {
	heard=
	IFS= read -r heard <&9 || return 1
	[ "$heard" != "$END" ] || { kill "$tail"; return 1; }
	heard=${heard%"$CR"}
	heard=${heard#"$CR"}
}

# Use the machine's keyboard, power button, plug and serial line.
ask_qemu() {
	printf '{"execute":"human-monitor-command","arguments":{"command-line":"%s"}}\n' \
	    "$1" >&7
}
press() { ask_qemu "sendkey $1"; }
push_button() { ask_qemu system_powerdown; }
cut_power() { kill -KILL "$(cat "$W/pidfile")"; }
# shellcheck disable=SC2059
type_in() { printf "$1" >&8; }

# Press Enter when an askfirst line prompts. Input from before the prompt is discarded.
log_in() {
	eventually grep -q 'Please press Enter to activate this console' "$W/console" &&
	    type_in '\n' && hear_until '*built-in shell*'
}

# Wait for the end: set $ended (poweroff, reset, panic, cut or timeout) and $console.
off() {
	wait "$pid" 2>/dev/null
	code=$?
	exec 9<&- 7>&- 8>&-
	kill "$tail" 2>/dev/null
	wait "$tail" 2>/dev/null
	console=$(tr -d '\r\0' <"$W/console" | grep -avxF -e "$END")
	case $(grep -o '"reason": "[a-z-]*"' "$W/qmp" | tail -n 1) in
	*guest-shutdown*) ended=poweroff ;;
	*guest-reset*) ended=reset ;;
	*)
		ended='cut'
		[ $code = 137 ] || ended="timeout ($code, $(cat "$W/.err"))" ;;
	esac
	case $console in *'Kernel panic'*) ended=panic ;; esac
}
ended_by() {
	off
	[ "$ended" = "$1" ] || fail "ended by $ended, not $1; its last words:$NL$(
	    printf '%s\n' "$console" | tail -n 12)"
}

# Run a machine to its end, for tests that check its output then: live poweroff [WORD ...]
live() {
	how=$1
	shift
	power_on "$@"
	ended_by "$how"
}
# shellcheck disable=SC2254
said() { case $console in $1) ;; *) fail "never said: $1$NL$console" ;; esac; }
# shellcheck disable=SC2254
not_said() { case $console in $1) fail "said: $1$NL$console" ;; esac; }
# Print the console lines that begin with a word, without that word.
lines_of() { printf '%s\n' "$console" | sed -n "s/^$1 //p"; }

# Make the tree and all common files the root file system of a disk, $disk.
make_disk() {
	rm -rf "$W/on-disk"
	cp -a "$W/root" "$W/on-disk"
	rm -f "$W/on-disk/init"
	cp -a "$T/." "$W/on-disk/"
	disk=$W/disk
	truncate -s 32M "$disk"
	mke2fs -q -F -t ext4 -d "$W/on-disk" "$disk" || fail 'mke2fs failed'
	tree
}

# Make an initramfs whose script mounts the disk and switches to it.
initramfs_script() {
	script /init <<-'E'
		mount -t proc proc /proc
		mount -t devtmpfs dev /dev
		. /modules/load
		mount -t ext4 -o ro /dev/vda /mnt
		mount -o move /dev /mnt/dev
		umount /proc
		exec switch_root /mnt /sbin/init "$@"
	E
}

# Check that the file system needs no repair. A cut may leave a journal.
disk_is_clean() {
	run e2fsck -fn "$disk"
	[ "$code" = 0 ] || fail "$out"
	run dumpe2fs -h "$disk"
	out_like '*Filesystem state:*clean*'
	case $out in *needs_recovery*) fail 'it was not unmounted' ;; esac
}
