# Sourced by the suites that need a container engine, after lib.sh. The engines run in
# a box: mount, network, PID and cgroup namespaces of their own, whose process 1 is
# `pith --pause`. Nothing of them reaches the host, and when the box ends so do they.
#
# The network is not used. Base images that have a public name (golang:1, alpine:3,
# busybox) are stand-ins of that name, made here from what the host has installed.
# shellcheck shell=sh disable=SC2034

box= box_keeper=
GROUP=$(basename "$W")
DOCKER_HOST=unix://$W/docker.sock
DOCKER_CONFIG=$W/docker-config          # else a person's own would be read
DOCKER_BUILDKIT=0                       # the builder that needs no plug-in
export DOCKER_HOST DOCKER_CONFIG DOCKER_BUILDKIT GROUP
GO_FLAGS='-s -w'

trap box_end EXIT
trap 'exit 1' HUP INT TERM

# ---- the box -----------------------------------------------------------------

# In the box, before its process 1: what the engines write to lies on file systems
# that end with it, and the cgroups are rooted at ours.
# shellcheck disable=SC2016
BOX_SETUP='
	set -e
	ip link set lo up
	echo 1 >/proc/sys/net/ipv4/ip_forward
	mount -t tmpfs none /run
	mount -t tmpfs none /dev/shm
	mkdir /run/etc /run/etc.work /run/var /run/var.work /run/lock
	mount -t overlay -o lowerdir=/etc,upperdir=/run/etc,workdir=/run/etc.work \
	    none /etc
	mount -t overlay -o lowerdir=/var,upperdir=/run/var,workdir=/run/var.work \
	    none /var
	cat /proc/mounts >/run/mounts           # it changes as we go
	while read -r _ at type options _; do
		case $type in
		cgroup) umount "$at"; mount -t cgroup -o "$options" none "$at" ;;
		# crun refuses to run where both are.
		cgroup2) [ "$at" = /sys/fs/cgroup ] || umount "$at" ;;
		esac
	done </run/mounts
	exec "$PITH" --pause'

# Begin it, once. A process of the box is the first to enter our cgroups.
box_start() {
	[ -z "$box" ] || return 0
	# shellcheck disable=SC2016
	sh -ec '
	for at in /sys/fs/cgroup/*/cgroup.procs; do
		dir=${at%/*}
		case $dir in */unified) continue ;; esac
		mkdir "$dir/$GROUP"
		for set in cpus mems; do        # a new cpuset is empty
			[ ! -e "$dir/cpuset.$set" ] ||
			    cat "$dir/cpuset.$set" >"$dir/$GROUP/cpuset.$set"
		done
		echo $$ >"$dir/$GROUP/cgroup.procs"
	done
	exec unshare --mount --net --pid --cgroup --fork --mount-proc \
	    --kill-child --propagation private sh -c "$0"' \
	    "$BOX_SETUP" >"$W/box.log" 2>&1 </dev/null &
	box_keeper=$!
	eventually box_is_up || {
		sed 's/^/#   /' "$W/box.log"
		box_end
		return 1
	}
	box=$child
}

# exec has replaced the shell that sets up.
box_is_up() {
	child=$(cat "/proc/$box_keeper/task/$box_keeper/children")
	child=${child% }
	tr '\0' ' ' <"/proc/$child/cmdline" |
	    grep -q -- '^[^ ]* --pause $'
}

# Run a command in the box, or in the network of one of its processes.
in_box() {
	nsenter --target "$box" --mount --net --pid --cgroup -- "$@"
}
in_network_of() {
	process=$1
	shift
	in_box nsenter --target "$process" --net -- "$@"
}

# What lets $box_end know that all of it is gone.
groups_gone() {
	find /sys/fs/cgroup -depth -type d -path "*/$GROUP*" \
	    -exec rmdir {} \; 2>/dev/null
	[ -z "$(find /sys/fs/cgroup -type d -name "$GROUP")" ]
}

box_end() {
	[ -n "$box_keeper" ] || return 0
	[ ! -s "$W/docker.pid" ] || {
		in_box kill "$(cat "$W/docker.pid")"
		eventually [ ! -e "$W/docker.pid" ]
	}
	kill -KILL "$box_keeper" 2>/dev/null
	wait "$box_keeper" 2>/dev/null
	box= box_keeper=
	eventually groups_gone
}

# ---- the engines -------------------------------------------------------------

# Begin a docker daemon in the box; its init is pith under docker's name for it.
docker_start() {
	box_start || return 1
	[ ! -e "$W/docker.pid" ] || return 0
	mkdir -p "$W/bin" "$DOCKER_CONFIG"
	cp "$PITH" "$W/bin/docker-init"
	in_box dockerd --data-root "$W/docker" --exec-root "$W/exec" \
	    --pidfile "$W/docker.pid" --host "$DOCKER_HOST" \
	    --init-path "$W/bin/docker-init" \
	    --exec-opt native.cgroupdriver=cgroupfs >"$W/docker.log" 2>&1 &
	eventually docker version || {
		tail "$W/docker.log" | sed 's/^/#   /'
		return 1
	}
}

podman_start() {
	box_start || return 1
	[ ! -e "$W/containers.conf" ] || return 0
	mkdir -p "$W/bin"
	cp "$PITH" "$W/bin/catatonit"
	# The limits are lower than podman's own: not everybody may raise them.
	cat >"$W/containers.conf" <<-E
		[containers]
		default_ulimits = ["nofile=1024:4096", "nproc=4096:4096"]
		[engine]
		cgroup_manager = "cgroupfs"
		events_logger = "file"
		runtime = "runc"
		helper_binaries_dir = ["$W/bin"]
	E
	# A program, so that expect can run it too.
	cat >"$W/bin/podman" <<-E
		#!/bin/sh
		exec nsenter --target $box --mount --net --pid --cgroup -- \\
		    env CONTAINERS_CONF=$W/containers.conf \\
		    podman --root $W/podman/root --runroot $W/podman/run \\
		    --tmpdir $W/podman/tmp "\$@"
	E
	chmod +x "$W/bin/podman"
}

podman() {
	"$W/bin/podman" "$@"
}

# The programs of docker and of what is needed to run it in the box.
have_docker() {
	root && have dockerd docker containerd runc iptables nsenter ip &&
	    docker_start
}
have_podman() {
	root && have podman conmon runc nsenter ip && podman_start
}

# ---- images ------------------------------------------------------------------

# A root directory becomes an image of $ENGINE: image_of DIR NAME [INSTRUCTION ...]
image_of() {
	from=$1 image=$2
	shift 2
	for word; do
		set -- "$@" --change "$word"
		shift
	done
	tar -C "$from" -c . | "${ENGINE:-docker}" import "$@" - "$image" \
	    >/dev/null 2>&1
}

# busybox, static, with all of its names.
busybox_root() {
	mkdir -p "$1/bin" "$1/etc" "$1/tmp"
	cp /bin/busybox "$1/bin/"
	for applet in $(/bin/busybox --list); do
		[ -e "$1/bin/$applet" ] || ln -s busybox "$1/bin/$applet"
	done
	printf '%s\n' 'root:x:0:0:root:/:/bin/sh' \
	    'nobody:x:65534:65534:nobody:/:/bin/false' >"$1/etc/passwd"
	printf 'nobody:x:65534:\n' >"$1/etc/group"
}

# As Alpine: busybox beside musl's loader, and a program that needs that loader.
alpine_root() {
	busybox_root "$1"
	mkdir -p "$1/lib" "$1/usr/bin" "$1/sbin"
	cp -L "$(musl_loader)" "$1/lib/"
	printf '#include <stdio.h>\nint main(void) { return puts("musl") < 0; }\n' |
	    musl-gcc -Os -s -x c - -o "$1/usr/bin/hello-musl"
}
musl_loader() { ls /lib/ld-musl-*.so.1; }

# As Debian, as far as a program of glibc sees it.
debian_root() {
	busybox_root "$1"
	copy_with_libraries "$1" /bin/true
}

copy_with_libraries() {
	{
		echo "$2"
		ldd "$2" 2>/dev/null | grep -o '/[^ ]*'
	} | xargs cp -L --parents -t "$1"
}

# The host's compiler with what examples/httpd.go needs of the standard library, and
# with a cache of it, so that an image build does not compile the library again.
golang_root() {
	goroot=$(go env GOROOT)
	busybox_root "$1"
	{
		go_list '{{.Dir}}' | while read -r dir; do
			case $dir in "$goroot"/*)
				find "$dir/" -maxdepth 1 -type f \
				    ! -name '*_test.go' ;;
			esac
		done
		go_list '{{if .Standard}}{{.Target}}{{end}}' |
		    while read -r archive; do
			[ ! -f "$archive" ] || echo "$archive"
		done
		find "$goroot/pkg/include/" -type f
		for tool in asm buildid compile link; do
			ls "$goroot"/pkg/tool/*/$tool
		done
		echo "$goroot/VERSION"
	} | xargs cp -L --parents -t "$1"
	copy_with_libraries "$1" "$goroot/bin/go"
	ln -s "$goroot/bin/go" "$1/bin/go"
	cp -r "$B/go-cache" "$1/go-cache"
}
go_list() {
	(cd "$TOP/examples" && CGO_ENABLED=0 go list -deps -f "$1" ./httpd.go)
}

# $B/httpd: examples/httpd.go built here as examples/Dockerfile does it.
make_httpd() {
	GOCACHE=$B/go-cache
	export GOCACHE
	[ "$B/httpd" -nt "$TOP/examples/httpd.go" ] || CGO_ENABLED=0 go build \
	    -ldflags "$GO_FLAGS" -o "$B/httpd" "$TOP/examples/httpd.go"
}
