# Install the missing packages that goals of the Makefile need: deps.sh GOAL ... The goal `all`
# means every package that any test can use. Starts no service.
# shellcheck shell=sh
set -u

# Print lines of a goal, a package manager, and packages. Every goal also needs those of
# `build`.
table() {
	cat <<-'E'
	build apt musl-tools linux-libc-dev
	build apk gcc musl-dev linux-headers
	aarch64 apt gcc-aarch64-linux-gnu
	armhf apt gcc-arm-linux-gnueabihf
	riscv64 apt gcc-riscv64-linux-gnu
	demo apt util-linux procps
	demo apk util-linux procps
	check apt check pkg-config libc6-dev strace busybox-static less procps
	check apt util-linux perl file binutils git mandoc valgrind
	check apk check-dev pkgconf strace busybox-static less procps
	check apk util-linux perl file binutils git mandoc valgrind
	lint apt clang-tidy cppcheck shellcheck mandoc libc6-dev
	lint apk clang-extra-tools cppcheck shellcheck mandoc
	coverage apt check pkg-config gcovr libc6-dev
	coverage apk check-dev pkgconf gcovr
	bench apt tini dumb-init catatonit check pkg-config libc6-dev
	bench apt bubblewrap util-linux runc crun
	bench apt nginx-light curl iproute2 socat wrk docker.io hyperfine
	bench apk nginx curl iproute2 socat wrk docker hyperfine
	bench apk bubblewrap util-linux runc crun
	bench-machine apt qemu-system-x86 cpio e2fsprogs xz-utils procps
	bench-machine apt bubblewrap util-linux runc crun gcc libc6-dev
	bench apk tini dumb-init catatonit check-dev pkgconf
	servers apt nginx-light redis-server redis-tools postgresql supervisor
	servers apt openssh-server openssh-client curl golang-go expect tmux
	servers apt python3 iproute2 util-linux ffmpeg
	network apt nginx-light curl iproute2 iputils-ping socat dnsmasq-base wrk
	network apt apache2-utils golang-go gcc libc6-dev musl-tools python3
	network apk nginx curl iproute2 iputils socat dnsmasq wrk apache2-utils go
	network apk gcc musl-dev python3
	servers apk nginx redis postgresql openssh curl go expect tmux python3 supervisor
	servers apk iproute2 setpriv ffmpeg
	sandbox apt bubblewrap firejail uidmap squashfs-tools erofs-utils attr
	sandbox apt gcc binutils python3 util-linux libcap2-bin mmdebstrap
	sandbox apt busybox-static musl-tools libc6-dev-i386 cpio procps
	sandbox apk bubblewrap firejail shadow-uidmap squashfs-tools erofs-utils
	sandbox apk attr python3 util-linux libcap
	machine apt qemu-system-x86 cpio e2fsprogs xz-utils zstd tmux
	machine apt python3-minimal libpython3-stdlib
	machine apt gcc-aarch64-linux-gnu qemu-system-arm
	device apt qemu-system-x86 cpio e2fsprogs xz-utils zstd busybox-static
	cross apt gcc-aarch64-linux-gnu gcc-arm-linux-gnueabihf gcc-riscv64-linux-gnu
	cross apt qemu-user-static qemu-system-arm qemu-system-misc cpio binutils
	engines apt runc podman conmon docker.io containerd iptables iproute2 python3-grpcio
	engines apk runc podman conmon docker containerd iptables iproute2 py3-grpcio
	fuzz apt clang
	fuzz apk clang compiler-rt
	E
}

# Print the packages that goals need: packages apt GOAL ...
packages() {
	manager=$1
	shift
	table | awk -v manager="$manager" -v goals=" $* " '
		$2 == manager && (index(goals, " " $1 " ") || goals ~ / all /) {
			for (i = 3; i <= NF; i++)
				print $i
		}' | sort -u
}

as_root() {
	if [ "$(id -u)" = 0 ]; then
		"$@"
	elif command -v sudo >/dev/null; then
		sudo "$@"
	else
		echo "deps: as root, run: $*" >&2
		return 1
	fi
}

# Retry a command: a mirror may be unreachable for a moment.
persist() {
	for pause in 5 20 0; do
		"$@" && return 0
		echo "deps: failed: $*" >&2
		sleep $pause
	done
	return 1
}

# invoke-rc.d(8) asks this file whether a package may start its service.
POLICY=/usr/sbin/policy-rc.d
forbid_services() {
	[ ! -e $POLICY ] || return 0
	trap 'as_root rm -f $POLICY' EXIT
	trap 'exit 1' HUP INT TERM
	printf '#!/bin/sh\nexit 101\n' | as_root tee $POLICY >/dev/null
	as_root chmod +x $POLICY
}

debian() {
	missing=
	for package in $(packages apt "$@"); do
		dpkg-query -W -f '${db:Status-Status}\n' "$package" 2>/dev/null |
		    grep -qx installed || missing="$missing $package"
	done
	# clang's sanitizer and fuzzer runtimes are in a package with the version in its name.
	case " $* " in *' all '* | *' fuzz '*)
		command -v clang >/dev/null || missing="$missing clang"
		runtime=$(apt-cache depends clang 2>/dev/null |
		    sed -n 's/.*Depends: clang-\([0-9]*\)$/libclang-rt-\1-dev/p')
		dpkg-query -W "${runtime:-libclang-rt-14-dev}" >/dev/null 2>&1 ||
		    missing="$missing ${runtime:-libclang-rt-14-dev}" ;;
	esac
	[ -n "$missing" ] || { echo 'deps: nothing to install'; return; }
	echo "deps: apt-get installs$missing"
	forbid_services
	log=$(mktemp)
	# shellcheck disable=SC2086
	persist as_root apt-get -qq update >"$log" 2>&1 &&
	    persist as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -y \
	    --no-install-recommends install $missing >>"$log" 2>&1
	result=$?
	[ $result = 0 ] || cat "$log" >&2
	rm -f "$log"
	return $result
}

# apk starts no service.
alpine() {
	missing=
	for package in $(packages apk "$@"); do
		apk info -q -e "$package" || missing="$missing $package"
	done
	[ -n "$missing" ] || { echo 'deps: nothing to install'; return; }
	echo "deps: apk installs$missing"
	# shellcheck disable=SC2086
	persist as_root apk add -q $missing
}

set -- build "$@"
if command -v apk >/dev/null; then
	alpine "$@"
elif command -v apt-get >/dev/null; then
	debian "$@"
else
	echo "deps: found neither apt-get nor apk; install these packages (names of Debian):" >&2
	packages apt "$@" >&2
	exit 1
fi
