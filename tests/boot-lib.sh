# Sourced by suites that boot machines. `boot ARCH INITRAMFS WORDS` boots one under QEMU with
# Debian's kernel for ARCH. Its console is stdout.
# shellcheck shell=sh

# Return whether machines of ARCH can be booted here; skip the test with a reason otherwise.
can_boot() {
	case $1 in
	aarch64* | armhf) have qemu-system-arm cpio ;;
	riscv64) have qemu-system-riscv64 cpio ;;
	esac && fetch "linux-$1"
}

# Fetch packages by a name of tests/packages, into $PACKAGES.
PACKAGES=$TOP/build/packages
fetch() {
	sh "$TESTS/fetch.sh" "$1" 2>.err && return
	if [ $? = 77 ]; then
		skip "$(cat .err)"
	else
		fail "$(cat .err)"
	fi
	return 1
}

# Print the tree $1 as an initramfs.
archive() {
	(cd "$1" && find . | cpio --create --format newc --owner 0:0 --quiet)
}

# Exit instead of rebooting, so that a panic is an exit. QEMU finds its translated code by
# address, so the addresses must be the same each time (norandmaps). The processor `max` lets
# an aarch64 kernel keep its pages mapped, and supports pages of 16 KiB.
boot() (
	kernel=$(find "$PACKAGES/linux-$1/boot" -name 'vmlinu*')
	initramfs=$2
	words="quiet loglevel=2 panic=-1 norandmaps $3"
	case $1 in
	aarch64*) set -- qemu-system-aarch64 -cpu max,pauth=off ttyAMA0 ;;
	armhf) set -- qemu-system-arm -cpu cortex-a15 ttyAMA0 ;;
	riscv64) set -- qemu-system-riscv64 -cpu rv64 ttyS0 ;;
	esac
	timeout --foreground -k 5 ${SECONDS_OF_BOOT:-300} "$1" -M virt "$2" "$3" -accel tcg \
	    -m 512 -no-user-config -nodefaults -no-reboot -display none -monitor none \
	    -serial stdio -kernel "$kernel" -initrd "$initramfs" \
	    -append "console=$4 $words" </dev/null | tr -d '\r'
)
