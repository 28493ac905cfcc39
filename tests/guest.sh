#!/bin/sh
# Runs in a machine of another architecture (cross.sh), by busybox. As /init it moves to a
# tmpfs, because sandboxes need a root that pivot_root(2) accepts, and makes pith process 1.
# pith runs this script again, which prints a line "told NAME: CODE OUTPUT" for each command.
# The panic of the kernel at the end shows the exit code of process 1.
# shellcheck shell=sh
if [ $$ = 1 ]; then
	/bin/busybox --install -s /bin
	mkdir /new
	mount -t tmpfs tmpfs /new
	cp -a /bin /guest.sh /pith /probe /foreign /unit /etc /new
	mkdir -m 1777 /new/proc /new/sys /new/dev /new/tmp /new/root
	exec switch_root /new /pith -- /guest.sh
fi
export PATH=/bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
mount -t cgroup2 cgroup2 /sys/fs/cgroup
ln -s /proc/self/fd /dev/fd
mkdir -p /dev/pts /dev/shm
cd /tmp || exit

tell() {
	name=$1
	shift
	"$@" >out 2>&1 </dev/null
	echo "told $name: $? $(tr '\n' ' ' <out)"
}
signals() {
	/pith -- /probe signals &
	for step in ready:USR1 'signal 10:40' 'signal 40:TERM'; do
		until grep -q "${step%:*}" out; do usleep 10000; done
		kill -${step#*:} $!
	done
	wait $!
}

tell process readlink /proc/1/exe
tell version /pith --version
tell exit /pith -- /probe exit 7
tell died sh -c '/pith -- /probe die 9'
tell missing /pith -- /no/such
tell plain /pith -- /etc/passwd
tell foreign /pith -- /foreign
tell time /pith --timeout 300ms -- sleep 1000
tell signals signals
tell memory /pith -v --memory 32m -- /probe take 64
tell sandbox /pith --rootfs / --read-only -- sh -c \
    'echo $$ $(id -u) $(hostname); mount -t tmpfs x /tmp; ls /proc | grep -c "^[0-9]"'
tell filter /pith --rootfs / --read-only -- \
    grep -E '^(Seccomp:|NoNewPrivs|CapEff)' /proc/self/status
tell unit /unit
exit 7
