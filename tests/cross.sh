# Tests of pith for other architectures: built by a cross compiler, run by qemu-user, and as
# process 1 of a Linux machine with the unit suite and sandboxes.
# shellcheck shell=sh source=tests/lib.sh disable=SC2086
. "${0%/*}/lib.sh"
# shellcheck source=tests/boot-lib.sh
. "$TESTS/boot-lib.sh"

ARCHITECTURES='aarch64 armhf riscv64'
compiler() {
	case $1 in
	armhf) echo arm-linux-gnueabihf-gcc ;;
	*) echo $1-linux-gnu-gcc ;;
	esac
}
emulator() { echo "qemu-${1%hf}-static"; }

# Architectures that were built, and those whose machine was started.
built='' started=
of() { case " $1 " in *" $2 "*) ;; *) skip "is not ${3:-built}" && return 1 ;; esac; }

# ---- the binary --------------------------------------------------------------

for arch in $ARCHITECTURES; do
	it "builds for $arch with installed and fetched packages" &&
	    have "$(compiler $arch)" && fetch $arch && fetch $arch-check && {
		run env -u MAKEFLAGS -u MAKELEVEL -u CC make -C "$TOP" ARCH=$arch all \
		    build/$arch/probe build/$arch/unit-musl
		code_is 0
		[ $code != 0 ] || built="$built $arch"
	}
done

# Print the segments of a program as "OFFSET ADDRESS".
segments() { readelf -lW "$1" | awk '$1 == "LOAD" { print $2, $3 }'; }

for arch in $ARCHITECTURES; do
	foreign=$TOP/build/$arch/pith
	it "is one static position-independent file with RELRO on $arch" &&
	    of "$built" $arch && {
		run readelf -lhdW "$foreign"
		out_like '*Type:*DYN*GNU_RELRO*BIND_NOW*PIE*'
		case $out in *INTERP* | *NEEDED*) fail "it is not static: $out" ;; esac
		is "$(printf '%s\n' "$out" | grep -E ' RWE |WE ')" ''
	}
	# Kernels of aarch64 may have pages of 64 KiB: its two segments are that far apart.
	it "is at most a quarter larger on $arch than natively" && of "$built" $arch && {
		size=$(stat -c %s "$foreign")
		[ $arch != aarch64 ] || size=$((size - 65536))
		[ $size -le $(($(stat -c %s "$TOP/pith") * 5 / 4)) ] || fail "$size bytes"
	}
done

it 'can be loaded with pages of 64 KiB on aarch64' && of "$built" aarch64 && have readelf && {
	is "$(segments "$TOP/build/aarch64/pith" | wc -l)" 2
	segments "$TOP/build/aarch64/pith" | while read -r offset address; do
		[ $((offset % 65536)) = $((address % 65536)) ] ||
		    fail "$offset of the file cannot be at $address"
	done
	# Check that the two segments share no page.
	segments "$TOP/build/aarch64/pith" | awk '{ print $2 }' | {
		read -r first
		read -r second
		run readelf -lW "$TOP/build/aarch64/pith"
		size=$(printf '%s\n' "$out" | awk '$1 == "LOAD" { print $6; exit }')
		[ $(((first + size - 1) / 65536)) -lt $((second / 65536)) ] ||
		    fail 'code and data are on one page'
	}
}

# ---- machines, in the background ---------------------------------------------

# Make the initramfs of guest.sh for an architecture.
guest() {
	mkdir -p $1/bin $1/etc
	cp "$TESTS/guest.sh" $1/init
	cp "$TESTS/guest.sh" "$TOP/build/$1/pith" "$TOP/build/$1/probe" $1
	chmod 755 $1/init $1/guest.sh
	cp "$TOP/build/$1/unit-musl" $1/unit
	cp "$PROBE" $1/foreign
	cp "$(find "$PACKAGES/$1-tools" -name busybox -type f)" $1/bin
	ln -s busybox $1/bin/sh
	echo root:x:0:0::/:/bin/sh >$1/etc/passwd
	archive $1 >$1.initramfs
}

# Make the initramfs of a device: pith is /init, the rest is busybox.
device() {
	mkdir -p $1-device/bin $1-device/sbin $1-device/etc $1-device/tmp
	cp "$TOP/build/$1/pith" $1-device/init
	cp $1/bin/busybox $1-device/bin
	ln -s busybox $1-device/bin/sh
	ln -s /init $1-device/bin/pith
	cat >$1-device/etc/inittab <<-'E'
		::sysinit:/bin/busybox --install -s /bin
		::sysinit:echo told sysinit
		::wait:sh -c "echo told mounts; cut -d' ' -f2 /proc/mounts | sort"
		::respawn:sh -c "echo told service; exec sleep 1000"
		nonsense
		::once:sh -c "until pith --status | grep sleep; do usleep 9999; done; poweroff"
		::shutdown:echo told shutdown
	E
	archive $1-device >$1-device.initramfs
}

# Start all machines at once: emulation is slow.
for arch in $ARCHITECTURES; do
	it "boots a machine of $arch in the background" && of "$built" $arch &&
	    can_boot $arch && fetch $arch-tools && {
		guest $arch
		device $arch
		{
			boot $arch $arch-device.initramfs '' >$arch-device.console 2>&1
			boot $arch $arch.initramfs '' >$arch.console 2>&1
		} &
		started="$started $arch"
	}
done

# ---- under qemu-user ---------------------------------------------------------

# qemu-user runs pith alone. The commands that pith starts are programs of this machine.
for arch in $ARCHITECTURES; do
	foreign="$(emulator $arch) $TOP/build/$arch/pith"
	it "prints its version and exits with the code of the command on $arch" &&
	    of "$built" $arch && have "$(emulator $arch)" && {
		run $foreign --version
		code_is 0
		out_is "$("$PITH" --version)"
		run $foreign -- true
		code_is 0
		for n in 1 2 124 125 126 127 128 255; do
			run $foreign -- "$PROBE" exit $n
			code_is $n
		done
		run $foreign --exit 3 -- "$PROBE" exit 3
		code_is 0
	}
	it "forwards signals with their values on $arch" && of "$built" $arch &&
	    have "$(emulator $arch)" && {
		start $foreign -- "$PROBE" signals
		hear_until ready
		for n in 1 2 3 10 12 28; do
			kill -$n $pid
			hear_until "signal $n *"
		done
		"$PROBE" queue $pid 42 77
		hear_until 'signal 42 * value 77'
		kill -TERM $pid
		ends
		code_is 0
	}
	it "reports on $arch why a command cannot be executed" && of "$built" $arch &&
	    have "$(emulator $arch)" && {
		run $foreign -- ./no-such-program
		code_is 127
		err_is "pith: cannot execute './no-such-program': No such file or directory"
		run $foreign --report $arch.json -- /etc/passwd
		code_is 126
		one_line
		is "$(json $arch.json reason)" '"exec-error"'
		printf '#!/no/such\n' >script
		chmod +x script
		run $foreign -- ./script
		code_is 126
		err_like "*its interpreter '/no/such' is missing*"
	}
done

# ---- results of the machines ---------------------------------------------------

# Set $code and $out to the result of command $1 in the machine.
told() {
	line=$(sed -n "s/^told $1: //p" $arch.console)
	code=${line%% *} out=${line#* } err="console: $(tail -n 3 $arch.console)"
}

conclude
wait                                    # each machine exits or times out

for arch in $ARCHITECTURES; do
	it "is process 1 on $arch and exits with the code of its command" &&
	    of "$started" $arch started && {
		told process
		code_is 0
		out_is '/pith '
		grep -q 'Attempted to kill init! exitcode=0x00000700' $arch.console ||
		    fail "no panic at its exit: $(tail -n 5 $arch.console)"
	}
	it "exits on $arch with codes of the command, and reports a failed exec" &&
	    of "$started" $arch started && {
		told exit
		code_is 7
		told died
		code_is 137
		told missing
		code_is 127
		out_like "*cannot execute '/no/such': No such file or directory*"
		told plain
		code_is 126
		told foreign
		code_is 126
		out_like '*it is for x86-64 machines*'
		told time
		code_is 124
	}
	it "forwards signals on $arch to a native command" && of "$started" $arch \
	    started && {
		told signals
		code_is 0
		out_like 'ready signal 10 * signal 40 * signal 15 *'
	}
	it "limits the memory of a command on $arch" && of "$started" $arch started && {
		told memory
		code_is 137
		out_like '*: oom by signal 9,*memory peak 32768 KiB*'
	}
	it "makes a sandbox with a filter of system calls on $arch" && of "$started" $arch \
	    started && {
		told sandbox
		code_is 0
		out_like '2 0 pith *denied*'
		told filter
		code_is 0
		is "$(echo $out)" 'CapEff: 0000000000000000 NoNewPrivs: 1 Seccomp: 2'
	}
	it "boots a device of $arch by its inittab and powers it off" && of "$started" $arch \
	    started && {
		out=$(cat $arch-device.console)
		out_like "*bad line '/etc/inittab:5:1'*told sysinit
told mounts
*
/dev
*
/proc
*/run
*/sys
*told service
*respawn console sh -c *
pith: powers the machine off
told shutdown
*Power* down*"
	}
	it "passes the unit suite with musl on $arch" && of "$started" $arch started && {
		told unit
		code_is 0
		out_like '*100%: Checks: [1-9][0-9][0-9]*, Failures: 0, Errors: 0*'
	}
done

it 'runs on a kernel with pages of 16 KiB (aarch64)' && of "$started" aarch64 started &&
    can_boot aarch64-16k && {
	mkdir -p pages/dev
	cp "$TOP/build/aarch64/pith" "$TOP/build/aarch64/probe" pages
	archive pages >pages.initramfs
	boot aarch64-16k pages.initramfs 'rdinit=/pith -- /probe exit 9' >console
	grep -q 'Attempted to kill init! exitcode=0x00000900' console ||
	    fail "it did not run: $(head -n 5 console)"
}

finish
