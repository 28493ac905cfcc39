# Tests of devices: virtual machines with pith as init. With DEVICE_INIT=busybox their init is
# busybox's, and the tests of pith alone are skipped: the rest holds for both.
# shellcheck shell=sh source=tests/lib.sh disable=SC2086,SC2154
. "${0%/*}/lib.sh"
. "$TESTS/device-lib.sh"

# ---- an initramfs and an inittab ---------------------------------------------

it 'runs initramfs lines by action, and each action in the order of the file' &&
    can_boot && {
	tree
	inittab <<-'E'
		# all of them, in a wrong order
		::sysinit:mount -t proc proc /proc
		::respawn:sh -c "echo ran respawn; exec sleep 1000"
		::shutdown:echo ran shutdown 1
		::once:sh -c "echo ran once; exec sleep 1000"
		::wait:sh -c "usleep 200000; echo ran wait 1"
		::wait:echo ran wait 2
		::sysinit:sh -c "usleep 200000; echo ran sysinit 1; exit 1"
		::sysinit:/no/such/program
		::sysinit:echo ran sysinit 2
		::shutdown:echo ran shutdown 2
		::once:/last
	E
	script /last <<-'E'
		until [ "$(pidof sleep | wc -w)" = 2 ]; do usleep 10000; done
		exec poweroff
	E
	live poweroff
	is "$(lines_of ran | grep -vx -e once -e respawn | tr '\n' ,)" \
	    'sysinit 1,sysinit 2,wait 1,wait 2,shutdown 1,shutdown 2,'
	is "$(lines_of ran | sed -n '5,6p' | sort | tr '\n' ,)" once,respawn,
	said '*/no/such/program*No such file or directory*'
}

# Normalize a log: remove what differs each time.
as_usual() {
	sed -E 's/ +$//; s/^\[ *[0-9.]+\] //; s/Linux [^ ]*/Linux/; s/^[0-9]+ 0 runs/N 0 runs/'
}

it 'prints at boot and shutdown what README shows, with the inittab of examples/' &&
    of_pith && can_boot && {
	tree
	cp "$TOP/examples/inittab" "$T/etc/inittab"
	mkdir -p "$T/var/www"
	echo '<p>hello from a device</p>' >"$T/var/www/index.html"
	printf '%s\n' root:x:0:0::/:/bin/sh www:x:33:33::/:/bin/sh >"$T/etc/passwd"
	script /etc/init.d/rcS <<-'E'
		echo "rcS: Linux $(uname -r)"
		/ask &
	E
	script /ask <<-'E'
		until wget -qO /page http://127.0.0.1:8080/ 2>/dev/null; do usleep 100000; done
		echo
		cat /page
		pith --status
		exec poweroff
	E
	echo 'echo rcK: the last line' | script /etc/init.d/rcK
	live poweroff
	sed -n '/^    rcS:/,/^    reboot:/s/^\(    \)*//p' "$TOP/README.md" | as_usual >readme
	printf '%s\n' "$console" | as_usual >log
	diff readme log >difference || fail "$(cat difference)"
}

it 'mounts /proc, /sys and /dev first and the rest after sysinit' &&
    of_pith && can_boot && {
	tree
	mkdir -p "$T/run" "$T/tmp/is-full"
	inittab <<-'E'
		::sysinit:/tell early
		::wait:/tell late
		::wait:poweroff
	E
	script /tell <<-'E'
		echo $1 $(cut -d' ' -f2 /proc/mounts | sort)
	E
	live poweroff
	is "$(lines_of early)" '/ /dev /proc /sys'
	is "$(lines_of late)" '/ /dev /dev/pts /dev/shm /proc /run /sys /sys/fs/cgroup'
}

it 'leaves /proc and /sys to lines that mount them, and mounts the missing ones' &&
    of_pith && can_boot && {
	tree
	inittab <<-'E'
		::sysinit:/tell before
		::sysinit:mount -t proc own-proc /proc
		::sysinit:/bin/mount -o nosuch -t sysfs own-sys /sys
		::sysinit:/tell after
		::wait:/tell late
		::wait:poweroff
	E
	script /tell <<-'E'
		echo $1 $(ls /proc /sys | wc -w) \
		    $(grep -o -e 'own-[a-z]* [a-z/]*' -e '[a-z]* /sys ' /proc/mounts)
	E
	live poweroff
	is "$(lines_of before)" 2
	is "$(lines_of after | cut -d ' ' -f 2-)" 'own-proc /proc'
	is "$(lines_of late | cut -d ' ' -f 2-)" 'own-proc /proc sysfs /sys'
}

it 'without an inittab runs rcS, offers a shell and reboots, like busybox' &&
    can_boot && {
	tree
	script /etc/init.d/rcS <<-'E'
		echo rcS is process $$
	E
	power_on
	hear_until 'rcS is process *'
	log_in
	type_in 'echo s""hell; trap "" INT\n'
	hear_until '*shell'
	press ctrl-alt-delete
	ended_by reset
}

it 'gives the console to an askfirst login shell: ^C kills its job' && can_boot && {
	tree
	inittab <<-'E'
		::once:echo up
		::askfirst:-/bin/sh
	E
	power_on
	# It may follow the prompt of the shell on its line.
	hear_until '*up'
	log_in
	type_in 'sh -c "echo be""gun; exec sleep 1000"\n'
	hear_until '*begun'
	type_in '\003'
	type_in 'echo c""ode $?; poweroff\n'
	hear_until '*code 130'
	ended_by poweroff
}

it 'restarts a killed service, and with growing delays one that exits at once' &&
    can_boot && {
	tree
	inittab <<-'E'
		::respawn:sh -c "echo started $$; exec sleep 1000"
		::respawn:sh -c "echo again $(cut -d. -f1 /proc/uptime)"
		::sysinit:mount -t proc proc /proc
		::once:/killer
	E
	script /killer <<-'E'
		until pid=$(pidof sleep); do usleep 10000; done
		kill -KILL $pid
		until [ "$(pidof sleep)" != "$pid" ] && pidof sleep; do usleep 10000; done
		sleep 8
		pith --boot --status | sed 's/^/status /'
		exec poweroff
	E
	live poweroff
	is "$(lines_of started | wc -l)" 2
	is "$(lines_of started | sort -u | wc -l)" 2
	[ "$INIT" != pith ] || {
		# Busybox restarts it each second.
		[ "$(lines_of again | wc -l)" -le 6 ] || fail "again and again: $console"
		said '*ends again and again*'
		said '*status *backs-off*exit=0*respawn*'
	}
	[ "$(lines_of again | wc -l)" -ge 2 ] || fail "not again: $console"
}

it 'reads the inittab again on HUP: starts new lines and keeps running ones' && can_boot && {
	tree
	inittab <<-'E'
		::sysinit:mount -t proc proc /proc
		::respawn:sh -c "echo first $$; exec sleep 1000"
		::once:/change
	E
	script /change <<-'E'
		until pidof sleep; do usleep 10000; done
		echo '::respawn:sh -c "echo second; pidof sleep; exec poweroff"' >>/etc/inittab
		kill -HUP 1
	E
	live poweroff
	is "$(lines_of first | wc -l)" 1
	said '*second*'
}

it 'execs the line of restart on QUIT when all processes are gone' && can_boot && {
	tree
	inittab <<-'E'
		::once:sh -c "trap 'echo told; exit' TERM; kill -QUIT 1; while :; do usleep 9; done"
		::restart:/next with words
	E
	script /next <<-'E'
		echo "next $$ $*"
		poweroff -f
	E
	live poweroff
	said '*told*next 1 with words*'
}

# ---- shutdown ----------------------------------------------------------------

# Write an inittab with services to terminate. Both inits send TERM; other signals differ.
services() {
	tree
	cat >"$T/etc/inittab" <<-E
		::respawn:/polite
		::respawn:sh -c "trap '' TERM; echo up; while :; do usleep 100000; done"
		::shutdown:echo shutdown line
		::ctrlaltdel:echo ctrlaltdel line
		::ctrlaltdel:reboot
		$1
	E
	script /polite <<-'E'
		trap 'echo ended politely; exit' TERM
		echo up
		while :; do usleep 10000; done
	E
}

for applet in poweroff:poweroff reboot:reset halt:halted; do
	it "stops by ${applet%:*}: a shutdown line, TERM, KILL, and the state of the machine" &&
	    can_boot && {
		services "::once:sh -c 'read x; exec ${applet%:*}'"
		power_on
		hear_until up
		hear_until up
		type_in '\n'
		if [ "${applet#*:}" = halted ]; then
			hear_until '*System halted'
			cut_power
			ended_by cut
		else
			ended_by ${applet#*:}
		fi
		said '*shutdown line*ended politely*'
		not_said '*ctrlaltdel line*'
	}
done

it 'runs no shutdown line for poweroff -f and reboot -f' && can_boot && {
	for applet in poweroff:poweroff reboot:reset; do
		services "::once:sh -c 'read x; exec ${applet%:*} -f'"
		power_on
		hear_until up
		hear_until up
		type_in '\n'
		ended_by ${applet#*:}
		not_said '*shutdown line*'
	done
}

it 'obeys signals of other inits: PWR and 38 power off, 39 reboots, 37 halts' && of_pith &&
    can_boot && {
	for signal in PWR:poweroff 38:poweroff 39:reset 37:halted; do
		tree
		echo "::once:kill -${signal%:*} 1" | inittab
		power_on
		if [ ${signal#*:} = halted ]; then
			hear_until '*System halted'
			cut_power
			ended_by cut
		else
			ended_by ${signal#*:}
		fi
	done
}

it 'shuts down in less than a second when no process delays it' && of_pith && can_boot && {
	tree
	inittab <<-'E'
		::respawn:sleep 1000
		::once:/ask
		::shutdown:cat /proc/uptime
	E
	script /ask <<-'E'
		until pidof sleep; do usleep 10000; done
		cat /proc/uptime
		exec poweroff
	E
	live poweroff
	asked=$(printf '%s\n' "$console" | sed -n 's/^\([0-9]*\)\.\([0-9]*\) .*/\1\2/p' | head -n 1)
	ended=$(printf '%s\n' "$console" |
	    sed -n 's/^\[ *\([0-9]*\)\.\([0-9][0-9]\).*reboot: Power down/\1\2/p')
	# In hundredths of a second. Busybox takes 2 s.
	[ $((ended - asked)) -lt 100 ] || fail "from $asked to $ended"
}

it 'runs the ctrlaltdel lines on Ctrl-Alt-Del and nothing else' && can_boot && {
	tree
	inittab <<-'E'
		::respawn:sh -c "echo up; exec sleep 1000"
		::ctrlaltdel:echo pressed
		::ctrlaltdel:/count
	E
	script /count <<-'E'
		echo >>/pressed
		echo times $(wc -l </pressed)
		[ $(wc -l </pressed) -lt 2 ] || exec poweroff
	E
	power_on
	hear_until up
	press ctrl-alt-delete
	hear_until 'times 1'
	# The keys do nothing while a ctrlaltdel line runs, and /count may still be running.
	until grep -q 'times 2' "$W/console" || ! [ -s "$W/pidfile" ]; do
		press ctrl-alt-delete
		sleep 1
	done
	hear_until 'times 2'
	ended_by poweroff
	is "$(printf '%s\n' "$console" | grep -cx pressed)" 2
	is "$(printf '%s\n' "$console" | grep -cx up)" 1
}

it 'powers off on the power button, with acpid as a service' && can_boot && {
	tree
	inittab <<-'E'
		::sysinit:mkdir -p /proc /dev /var/run
		::sysinit:mount -t proc proc /proc
		::sysinit:mount -t sysfs sys /sys
		::sysinit:mount -t devtmpfs dev /dev
		::sysinit:sh /modules/load
		::respawn:acpid -d -l /dev/null -p /var/run/acpid.pid
		::once:/listens
		::shutdown:echo shutdown line
	E
	script /listens <<-'E'
		until ls -l /proc/*/fd 2>&1 | grep -q /dev/input/event; do usleep 10000; done
		echo up
	E
	mkdir -p "$T/etc/acpi/PWRF"
	script /etc/acpi/PWRF/00000080 <<-'E'
		echo pushed
		poweroff
	E
	power_on
	hear_until up
	push_button
	ended_by poweroff
	said '*pushed*shutdown line*'
}

# ---- roots of distributions --------------------------------------------------

it 'runs after the switch_root of an initramfs on an ext4 disk and leaves it clean' &&
    can_boot && {
	tree
	inittab <<-'E'
		::sysinit:mount -t proc proc /proc
		::sysinit:mount -o remount,rw /
		::wait:sh -c "echo kept >/kept; grep ' / ' /proc/mounts"
		::respawn:sleep 1000
		::once:poweroff
		::shutdown:umount -a -r
	E
	make_disk
	initramfs_script
	live poweroff
	said '*/dev/* / ext4 rw*'
	disk_is_clean
	is "$(debugfs -R 'cat /kept' "$disk" 2>/dev/null)" kept
}

it 'unmounts what the inittab leaves mounted' && of_pith && can_boot && {
	tree
	inittab <<-'E'
		::sysinit:mount -o remount,rw /
		::wait:sh -c "echo kept >/kept; exec 9>/open; exec poweroff"
	E
	make_disk
	initramfs_script
	live poweroff
	disk_is_clean
	is "$(debugfs -R 'cat /kept' "$disk" 2>/dev/null)" kept
}

it 'releases a loop device and a swap file, and leaves their file system clean' &&
    of_pith && can_boot && {
	tree
	inittab <<-'E'
		::sysinit:mount -o remount,rw /
		::wait:/fill
		::once:poweroff
	E
	script /fill <<-'E'
		dd if=/dev/zero of=/swap bs=1M count=4 2>/dev/null
		chmod 600 /swap
		mkswap /swap >/dev/null
		swapon /swap
		dd if=/dev/zero of=/image bs=1M count=4 2>/dev/null
		mke2fs -q -F /image 2>/dev/null
		losetup /dev/loop3 /image
		mkdir -p '/at a place'
		mount -t ext2 /dev/loop3 '/at a place'
		echo inside >'/at a place/file'
		echo "there are $(grep -c '^/swap' /proc/swaps) $(grep -c loop3 /proc/mounts)"
	E
	make_disk
	initramfs_script
	live poweroff
	said '*there are 1 1*'
	not_said '*cannot make read-only*'
	disk_is_clean
	debugfs -R "dump /image $W/image" "$disk" 2>/dev/null
	is "$(debugfs -R 'cat /file' "$W/image" 2>/dev/null)" inside
	run dumpe2fs -h "$W/image"
	out_like '*Filesystem state:*clean*'
}

it 'switches root with --switch-root and deletes the old root' && of_pith && can_boot && {
	tree
	inittab <<-'E'
		::once:sh -c "echo root $(stat -f -c %T /); exec poweroff"
	E
	make_disk
	inittab <<-'E'
		::sysinit:sh /modules/load
		::sysinit:mount -t ext4 /dev/vda /mnt
	E
	live poweroff -- --switch-root /mnt
	said '*root ext2/ext3*'
	disk_is_clean
	# Without a root to switch to it stays, and offers a shell.
	inittab </dev/null
	disk=
	power_on -- --switch-root /mnt
	hear_until '*cannot switch root*'
	log_in
	type_in 'poweroff\n'
	ended_by poweroff
}

it 'boots a root in the form of Buildroot' && can_boot && {
	tree
	inittab <<-'E'
		# /etc/inittab
		#
		# Note: BusyBox init doesn't support runlevels.  The runlevels field is
		# completely ignored by BusyBox init. If you want runlevels, use
		# sysvinit.
		#
		# Format for each entry: <id>:<runlevels>:<action>:<process>
		#
		# id        == tty to run on, or empty for /dev/console
		# runlevels == ignored
		# action    == one of sysinit, respawn, askfirst, wait, and once
		# process   == program to run

		# Startup the system
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
		# now run any rc scripts
		::sysinit:/etc/init.d/rcS

		# Put a getty on the serial port
		ttyS0::respawn:/sbin/getty -L -n -l /bin/sh ttyS0 115200 vt100 # GENERIC_SERIAL

		# Stuff to do for the 3-finger salute
		#::ctrlaltdel:/sbin/reboot

		# Stuff to do before rebooting
		::shutdown:/etc/init.d/rcK
		::shutdown:/sbin/swapoff -a
		::shutdown:/bin/umount -a -r
	E
	buildroot_files
	for script in rcS:start rcK:stop; do
		script /etc/init.d/${script%:*} <<-E
			for i in /etc/init.d/S??*; do
				[ ! -f "\$i" ] || \$i ${script#*:}
			done
		E
	done
	script /etc/init.d/S50service <<-'E'
		echo "service $1 on $(hostname)"
	E
	make_disk
	initramfs_script
	power_on
	hear_until 'service start on buildroot'
	# Wait for the banner: getty discards input from before it.
	hear_until 'BusyBox *'
	type_in 'echo s""hell on $(tty); ls -l /dev/fd; poweroff\n'
	ended_by poweroff
	said '*shell on /dev/ttyS0*/dev/fd -> /proc/self/fd*service stop on buildroot*'
	disk_is_clean
}

it 'boots a root in the form of Alpine' && can_boot && {
	tree
	inittab <<-'E'
		# /etc/inittab

		::sysinit:/sbin/openrc sysinit
		::sysinit:/sbin/openrc boot
		::wait:/sbin/openrc default

		# Set up a couple of getty's
		tty1::respawn:/sbin/getty 38400 tty1
		tty2::respawn:/sbin/getty 38400 tty2
		tty3::respawn:/sbin/getty 38400 tty3
		tty4::respawn:/sbin/getty 38400 tty4
		tty5::respawn:/sbin/getty 38400 tty5
		tty6::respawn:/sbin/getty 38400 tty6

		# Put a getty on the serial port
		#ttyS0::respawn:/sbin/getty -L 115200 ttyS0 vt100

		# Stuff to do for the 3-finger salute
		::ctrlaltdel:/sbin/reboot

		# Stuff to do before rebooting
		::shutdown:/sbin/openrc shutdown

	E
	script /bin/openrc <<-'E'
		echo openrc "$1"
		case $1 in
		sysinit)
			mount -n -t proc -o noexec,nosuid,nodev proc /proc 2>/dev/null
			mount -n -t sysfs -o noexec,nosuid,nodev sysfs /sys 2>/dev/null
			mkdir -p /dev/pts /dev/shm
			mount -n -t devpts -o noexec,nosuid,gid=5,mode=0620 devpts /dev/pts
			mount -n -t tmpfs -o nodev,nosuid,noexec shm /dev/shm
			mount -n -t tmpfs -o mode=0755,nosuid,nodev,size=10% tmpfs /run ;;
		boot) mount -o remount,rw / ;;
		default) echo default >/kept ;;
		shutdown) mount -o remount,ro / ;;
		esac
	E
	make_disk
	initramfs_script
	power_on
	hear_until 'openrc default'
	press ctrl-alt-delete
	ended_by reset
	is "$(lines_of openrc | tr '\n' ' ')" 'sysinit boot default shutdown '
	disk_is_clean
}

# ---- the same under busybox's init -------------------------------------------

# Build a root whose programs print how they were started.
telling() {
	tree
	cp "$TESTS/device_show.sh" "$T/bin/show"
	chmod +x "$T/bin/show"
	for program in etc/init.d/rcS bin/swapoff bin/umount; do
		script /$program <<-E
			mount -t proc proc /proc 2>/dev/null
			exec show ${program##*/} "\$@"
		E
	done
	script /bin/getty <<-'E'
		show getty "$@"
		exec sleep 1000
	E
	# Let a login shell print its name, which also shows that it accepts input.
	cat >"$T/etc/profile" <<-'E'
		show login $0 $-
	E
}

# Print the programs that ran, in the order of their start, without what differs by chance.
ran() {
	printf '%s\n' "$console" | sed -n 's/^ran \([0-9]* .*\)/\1/p' | sort -n |
	    sed -E 's/^[0-9]* //; s/parent ([2-9]|[0-9]{2,})/parent shell/'
}

# Run the same test under both inits and compare the programs that ran.
under_both() {
	busyboxs= piths=
	for INIT in busybox pith; do
		"$@"
		eval "${INIT}s=\$(ran)"
	done
	INIT=${DEVICE_INIT:-pith}
	[ "$(printf '%s\n' "$busyboxs" | wc -l)" -ge 4 ] || fail "little was run: $busyboxs"
	printf '%s\n' "$busyboxs" >.busybox
	printf '%s\n' "$piths" >.pith
	diff .busybox .pith >.difference || fail "$(cat .difference)"
}

as_documented() {
	telling
	inittab <<-'E'
		# Boot-time system configuration/initialization script.
		# This is run first except when booting in single-user mode.
		#
		::sysinit:/etc/init.d/rcS

		# /bin/sh invocations on selected ttys
		#
		# Start an "askfirst" shell on the console (whatever that may be)
		::askfirst:-/bin/sh
		# Start an "askfirst" shell on /dev/tty2-4
		tty2::askfirst:-/bin/sh
		tty3::askfirst:-/bin/sh
		tty4::askfirst:-/bin/sh

		# /sbin/getty invocations for selected ttys
		tty4::respawn:/sbin/getty 38400 tty5
		tty5::respawn:/sbin/getty 38400 tty6

		# Example of how to put a getty on a serial line (for a terminal)
		#::respawn:/sbin/getty -L ttyS0 9600 vt100
		#::respawn:/sbin/getty -L ttyS1 9600 vt100

		# Stuff to do when restarting the init process
		::restart:/sbin/init

		# Stuff to do before rebooting
		::ctrlaltdel:/sbin/reboot
		::shutdown:/bin/umount -a -r
		::shutdown:/sbin/swapoff -a
	E
	power_on word=set some
	log_in
	hear_until 'ran *login*'
	type_in 'sh -c "echo be""gun; exec sleep 1000"\n'
	hear_until '*begun'
	type_in '\003'
	type_in 'show code $?\n'
	hear_until 'ran *code*'
	press ctrl-alt-delete
	ended_by reset
}

it 'runs the inittab of the documentation of busybox like busybox' && can_boot && {
	under_both as_documented
}

# Without a path for umount busybox runs its own applet.
without_an_inittab() {
	telling
	rm "$T/bin/umount"
	power_on
	log_in
	hear_until 'ran *login*'
	type_in 'show typed\n'
	hear_until 'ran *typed*'
	press ctrl-alt-delete
	ended_by reset
}

it 'runs its defaults without an inittab like busybox' && can_boot && {
	under_both without_an_inittab
}

of_each_kind() {
	telling
	inittab <<-'E'
		::sysinit:mount -t proc proc /proc
		::sysinit:mount -t devtmpfs dev /dev
		::sysinit:/bin/show sysinit
		::wait:show by its name
		null::wait:sh -c "show on null >/dev/console"
		::wait:show with the "shell's" $((1 + 1))
		::wait:-show with a dash
		::wait:-/bin/sh -c "show with a dash and 'words'"
		::wait:show	tabs	between
		ttyS0::wait:show terminal
		/dev/ttyS0::wait:show terminal by path
		::wait:show twice
		::wait:show not twice
		::wait:show twice
		::wait:show a:b:c
		::wait:show cut # here
		::wait:show joined\
		 to this
		ignored:is ignored:wait:show never
		:2345:wait:show levels
		::once:show once
		::once:reboot
		::shutdown:show shutdown
	E
	printf '::wait:show trailing blanks  \n' >>"$T/etc/inittab"
	live reset
}

it 'runs lines of each kind like busybox' && can_boot && {
	under_both of_each_kind
}

# ---- one program -------------------------------------------------------------

APPLIANCE=rdinit=/bin/pith

it 'is the init of one program on the console and then obeys --on-exit' &&
    of_pith && can_boot && {
	for on in poweroff:poweroff reboot:reset halt:halted; do
		tree
		script /app <<-'E'
			echo "app $* on $(tty), parent $PPID"
			exit 3
		E
		power_on $APPLIANCE some=thing -- --boot --on-exit ${on%:*} /app a b=c
		hear_until 'app a b=c on /dev/console, parent 1'
		if [ ${on#*:} = halted ]; then
			hear_until '*System halted'
			cut_power
			ended_by cut
		else
			ended_by ${on#*:}
		fi
	done
}

it 'restarts the program with --on-exit respawn, and offers a shell with shell' && of_pith &&
    can_boot && {
	tree
	script /app <<-'E'
		echo >>/times
		echo time $(wc -l </times)
		[ $(wc -l </times) -lt 3 ] || exec poweroff
	E
	live poweroff $APPLIANCE -- --boot --on-exit respawn /app
	said '*time 1*time 2*time 3*'
	power_on $APPLIANCE -- --boot --on-exit shell /bin/echo over
	hear_until over
	log_in
	type_in 'echo s""hell; poweroff\n'
	hear_until '*shell'
	ended_by poweroff
}

it 'reads --boot from PITH_OPTIONS too, and ignores the words before --' &&
    of_pith && can_boot && {
	tree
	script /app <<-'E'
		echo "app $* $some"
	E
	live poweroff $APPLIANCE some=thing \
	    'PITH_OPTIONS="--boot --on-exit=poweroff"' -- /app 1 -x -- lost
	said '*app 1 -x thing*'
}

# ---- the kernel's command line -----------------------------------------------

it 'gives a shell instead of the inittab for single, S, -s or 1' && can_boot && {
	words='single 1 -s'
	[ "$INIT" != pith ] || words="$words S -b"
	for word in $words; do
		tree
		echo '::once:echo inittab' | inittab
		# Place these after --: before it the kernel takes a leading dash for a module
		# parameter.
		case $word in -*) power_on -- $word ;; *) power_on $word ;; esac
		hear_until '*built-in shell*'
		type_in 'echo s""hell; poweroff -f\n'
		hear_until '*shell'
		ended_by poweroff
		not_said "*$NL""inittab*"
	done
}

it 'ignores unknown words, reports a wrong option, and boots' &&
    can_boot && {
	tree
	inittab <<-'E'
		::once:sh -c "echo booted $word; exec poweroff"
	E
	live poweroff unknown word=set module.word=1
	said '*booted set*'
	[ "$INIT" != pith ] || {
		for option in --no-such-option --help --status; do
			live poweroff -- $option
			said "*$option*booted*"
		done
	}
}

# ---- errors ------------------------------------------------------------------

it 'reports bad lines and boots with the others' && can_boot && {
	tree
	{
		echo '::sysinit:echo first'
		echo '::nosuch:echo never'
		echo 'one'
		echo '::'
		echo ':::'
		echo '::once:'
		echo '::SYSINIT:echo never'
		printf '::once:echo \303\050\377 octets\n'
		printf '::once:echo %05000d | wc -c\n' 1
		printf '::once:ec\000ho never\n'
		printf '::once:echo cr\r\n'
		printf 'nosuchtty::once:echo never\n'
		printf '%0300d::once:echo never\n' 1
		printf '%01000d:::echo never\n' 1
		printf '\001\002\003\004\n'
		printf '::wait:echo last\n'
		printf '::wait:poweroff'
	} | inittab
	power_on
	ended_by poweroff
	not_said '*never*'
	said '*first*last*'
	if [ "$INIT" = pith ]; then
		for place in 2:3 3: 4: 5: 6: 7:3; do
			said "*/etc/inittab:$place*"
		done
	else
		said '*Bad inittab entry at line 2*'
	fi
}

it 'boots with 5000 lines and reports the lines beyond its limit' && of_pith && can_boot && {
	tree
	{
		echo '::sysinit:echo first'
		n=0
		while [ $n -lt 5000 ]; do
			n=$((n + 1))
			echo "::ctrlaltdel:echo line $n"
		done
		echo '::once:poweroff'
	} | inittab
	power_on
	hear_until first
	press ctrl-alt-delete
	hear_until 'line 100'
	cut_power
	ended_by cut
	said '*/etc/inittab*ignored*'
}

it 'offers a shell when no line can be started: none, invalid lines, a directory' &&
    of_pith && can_boot && {
	for kind in none garbage directory missing; do
		tree
		case $kind in
		none) inittab </dev/null ;;
		garbage) head -c 3000 /dev/urandom | inittab ;;
		directory) mkdir "$T/etc/inittab" ;;
		missing) printf '::once:/no/such\n::wait:/neither\n' | inittab ;;
		esac
		power_on
		log_in
		type_in 'echo s""hell; poweroff\n'
		hear_until '*shell' || fail "$kind: $(cat "$W/console")"
		ended_by poweroff
	done
}

it 'does not panic without a console or without /dev' && of_pith && can_boot && {
	tree
	inittab <<-'E'
		::sysinit:echo to nowhere
		ttyS0::wait:echo here
		::once:poweroff
	E
	CONSOLE=console=null live poweroff
	said '*here*'
	script /init <<-'E'
		exec /sbin/init <&- >&- 2>&-
	E
	live poweroff
	said '*to nowhere*here*'
	script /init <<-'E'
		rm -rf /dev
		: >/dev
		exec /sbin/init <&- >&- 2>&-
	E
	inittab <<-'E'
		::once:poweroff
	E
	live poweroff
}

it 'boots a read-only root without a directory /proc' && can_boot && {
	tree
	inittab <<-'E'
		::wait:ls -d /proc
		::once:kill -USR2 1
	E
	make_disk
	debugfs -w -R 'rmdir /proc' "$disk" 2>/dev/null
	initramfs_script
	live poweroff
	said "*ls: /proc: No such file*"
	[ "$INIT" != pith ] || {
		live poweroff -- --no-such-option
		said '*--no-such-option*ls: /proc: No such file*'
	}
}

it 'continues when fork(2) fails, and restarts the service later' && of_pith && can_boot && {
	tree
	inittab <<-'E'
		::sysinit:mkdir -p /sys
		::sysinit:mount -t proc proc /proc
		::sysinit:mount -t sysfs sys /sys
		::sysinit:mount -t cgroup2 cgroup2 /sys/fs/cgroup
		::respawn:sh -c "echo service; exec sleep 1000"
		::respawn:/limit
	E
	script /limit <<-'E'
		until pid=$(pidof sleep); do usleep 10000; done
		cd /sys/fs/cgroup
		echo +pids >cgroup.subtree_control
		mkdir few
		echo 1 >few/cgroup.procs
		echo 1 >few/pids.max
		kill -KILL $pid
		until grep -q '^max [1-9]' few/pids.events; do usleep 10000; done
		echo refused
		echo max >few/pids.max
		until pidof sleep; do usleep 10000; done
		exec poweroff
	E
	live poweroff
	said '*service*refused*service*'
}

it 'continues when memory is short and file systems are full' && can_boot && {
	tree
	inittab <<-'E'
		::sysinit:mount -t proc proc /proc
		::sysinit:mount -t devtmpfs dev /dev
		::respawn:sh -c "echo service; exec sleep 1000"
		::once:/hog
	E
	script /hog <<-'E'
		dd if=/dev/zero of=/fill bs=64k 2>&1 | grep -o 'No space left on device'
		rm /fill
		mkdir /small
		mount -t tmpfs -o size=64k none /run
		dd if=/dev/zero of=/run/fill bs=4k 2>/dev/null
		(probe take 1000; echo ended $?)
		pid=$(pidof sleep)
		kill -KILL $pid
		until [ "$(pidof sleep)" != "$pid" ] && pidof sleep; do usleep 10000; done
		exec poweroff
	E
	MEGABYTES=128 live poweroff
	said '*No space left*ended*service*'
}

# ---- the watchdog ------------------------------------------------------------

# Boot with the watchdog of the kernel, which works like a hardware one; the soak has that too.
guarded() {
	tree
	inittab <<-E
		::sysinit:sh /modules/load
		$1
	E
	script /freeze <<-'E'
		mkdir /sys/fs/cgroup/ice
		echo 1 >/sys/fs/cgroup/ice/cgroup.procs
		echo freezing
		echo 1 >/sys/fs/cgroup/ice/cgroup.freeze
		sleep 1000
	E
	script /wait <<-'E'
		sleep 7
		echo alive
		exec poweroff
	E
	shift
	power_on "$@" -- --watchdog /dev/watchdog:3
}

watchdog_of() {
	it "feeds a watchdog while it lives, and disarms it at poweroff: $1" &&
	    of_pith && can_boot && {
		guarded '::once:/wait'
		hear_until alive
		ended_by poweroff
		not_said '*watchdog did not stop*'
	}

	it "lets the watchdog reset the machine when process 1 hangs: $1" &&
	    of_pith && can_boot && {
		guarded '::once:/freeze'
		hear_until '*freezing'
		ended_by reset
	}

	it "keeps the watchdog armed through a reboot that hangs: $1" && of_pith && can_boot && {
		guarded "::once:reboot$NL::shutdown:/freeze"
		hear_until '*freezing'
		ended_by reset
	}

	it "stops feeding the watchdog when a critical service keeps exiting: $1" && of_pith &&
	    can_boot && {
		guarded ':critical:respawn:sh -c "echo critical; exit 1"'
		hear_until critical
		ended_by reset
		[ "$(printf '%s\n' "$console" | grep -cx critical)" -ge 5 ] ||
		    fail "too soon: $console"
	}
}
watchdog_of softdog
[ "$N" -lt 10 ] || {
	# Use the newest kernel, whose image has this driver: that needs another base.
	KERNEL=$TOP/build/packages/newest MODULES='i6300esb'
	DEVICES='-device i6300esb -action watchdog=reset'
	rm -rf "$W/base" "$W/root"
	watchdog_of i6300esb
	KERNEL=$TOP/build/packages/6.1 MODULES=$MODULES_OF_ALL DEVICES=
	rm -rf "$W/base" "$W/root"
}

# ---- a new init, more boots --------------------------------------------------

it 'keeps its children across --reexec' && of_pith && can_boot && {
	tree
	inittab <<-'E'
		::respawn:sh -c "echo service $$; exec sleep 1000"
		::once:/replace
	E
	script /replace <<-'E'
		until pid=$(pidof sleep); do usleep 10000; done
		cp /bin/pith /bin/pith.new
		mv /bin/pith.new /bin/pith
		readlink /proc/1/exe
		pith --reexec
		while readlink /proc/1/exe | grep -q deleted; do usleep 10000; done
		echo now $(readlink /proc/1/exe) $pid $(pidof sleep)
		kill -KILL $pid
		until [ "$(pidof sleep)" != "$pid" ] && pidof sleep; do usleep 10000; done
		exec poweroff
	E
	live poweroff
	said '*/bin/pith (deleted)*now /bin/pith*'
	is "$(lines_of service | wc -l)" 2
	# shellcheck disable=SC2046
	set -- $(lines_of now)
	is "$2" "$3"
}

it 'leaves an intact file system when the power is cut during a write' &&
    can_boot && {
	tree
	inittab <<-'E'
		::sysinit:mount -t proc proc /proc
		::sysinit:mount -o remount,rw /
		::once:/write
	E
	script /write <<-'E'
		n=0
		while :; do
			n=$((n + 1))
			echo "content $n" >/written.$n
			dd if=/dev/zero of=/noise bs=4k count=50 2>/dev/null
			sync
			echo wrote $n
		done
	E
	make_disk
	initramfs_script
	power_on
	hear_until 'wrote 20'
	cut_power
	ended_by cut
	# Mount it again, which replays the journal.
	tree
	initramfs_script
	script /init <<-'E'
		mount -t devtmpfs dev /dev
		. /modules/load
		mount -t ext4 /dev/vda /mnt
		cat /mnt/written.20
		umount /mnt
		exec poweroff -f
	E
	live poweroff
	said '*content 20*'
	disk_is_clean
}

it "boots and shuts down $((5 * N)) times in a row" && can_boot && {
	tree
	echo '::once:poweroff' | inittab
	time=0
	while [ $time -lt $((5 * N)) ]; do
		time=$((time + 1))
		live poweroff
		[ "$ended" = poweroff ] || break
	done
}

finish
