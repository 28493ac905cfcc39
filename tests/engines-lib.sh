# Sourced after lib.sh by the suites that need a container engine. The engines run in a box:
# its own mount, network and PID namespaces, whose process 1 is `pith --pause`. The end of the
# box kills all processes in it.
#
# The network is not used. Base images with a public name (golang:1, alpine:3, busybox) are
# stand-ins of that name, made here from programs of the host.
# shellcheck shell=sh disable=SC2034,SC2153

box='' box_keeper=''
engine=                                 # docker or podman
pod=                                    # ID of the pod without --cgroup-parent
GROUP=${W##*/}                          # for control groups; lib.sh finds them by it
DOCKER_HOST=unix://$W/docker.sock
DOCKER_CONFIG=$W/docker-config          # do not read that of the user
DOCKER_BUILDKIT=0                       # the builder that needs no plug-in
CONTAINERS_CONF=$W/containers.conf
PATH=$W/bin:$PATH                       # for bin/podman, see podman_start
export DOCKER_HOST DOCKER_CONFIG DOCKER_BUILDKIT CONTAINERS_CONF PATH

mkdir "$W/bin" "$DOCKER_CONFIG"
echo '{}' >"$DOCKER_CONFIG/config.json"

trap box_end EXIT
trap 'exit 1' HUP INT PIPE TERM

# ---- the box -----------------------------------------------------------------

# Set up the box before its process 1 starts: the engines write to private mounts. $W, the
# working directory, stays the same wherever it lies.
# shellcheck disable=SC2016
BOX_SETUP='
	ip link set lo up
	echo 1 >/proc/sys/net/ipv4/ip_forward
	mount -t tmpfs none /run
	mount -t tmpfs none /dev/shm
	for dir in etc var; do
		mkdir /run/$dir /run/$dir.work
		mount -t overlay none /$dir -o \
		    lowerdir=/$dir,upperdir=/run/$dir,workdir=/run/$dir.work
	done
	mkdir -p /run/lock "$W"
	mount --no-canonicalize --bind . "$W"
	exec "$PITH" --pause'

# Start the box once.
box_start() {
	[ -z "$box" ] || return 0
	setpriv --pdeathsig KILL unshare --mount --net --pid --fork \
	    --mount-proc --kill-child --propagation private \
	    sh -ec "$BOX_SETUP" >"$W/box.log" 2>&1 </dev/null &
	box_keeper=$!
	eventually box_is_up || {
		sed 's/^/#   /' "$W/box.log"
		box_end
		return 1
	}
}

# Return whether process 1 of the box has executed pith.
box_is_up() {
	box=$(cat "/proc/$box_keeper/task/$box_keeper/children")
	box=${box% }
	[ "$(readlink "/proc/$box/exe")" = "$PITH" ]
}

in_box() {
	nsenter --target "$box" --mount --net --pid -- "$@"
}

box_end() {
	[ -n "$box_keeper" ] || return 0
	kill -KILL "$box_keeper" 2>/dev/null
	# nsenter is outside of the box: wait until it has seen the end of dockerd.
	wait "$box_keeper" ${docker_keeper:+"$docker_keeper"} 2>/dev/null
	box='' box_keeper='' docker_keeper=''
	eventually groups_gone
}

# Remove control groups that remain after the processes of the box. Those of $pod lie
# elsewhere, as `podman play kube` takes no --cgroup-parent.
groups_gone() {
	find /sys/fs/cgroup -depth -type d \( -path "*/$GROUP*" -o \
	    -path "*/libpod_parent/${pod:-none}*" \) -exec rmdir {} +
	rmdir /sys/fs/cgroup/libpod_parent /sys/fs/cgroup/*/libpod_parent
	[ -z "$(our_groups)" ]
}

# ---- the engines -------------------------------------------------------------

have_runc() {
	root && have runc unshare setpriv nsenter ip busybox && box_start
}
have_docker() {
	have_runc && have dockerd docker containerd iptables && docker_start
}
have_podman() {
	have_runc && have podman conmon && podman_start
}

# Start a docker daemon whose init is pith, under docker's name for it.
docker_start() {
	[ ! -e "$W/docker.pid" ] || return 0
	cp "$PITH" "$W/bin/docker-init"
	in_box dockerd --data-root "$W/docker" --exec-root "$W/exec" \
	    --pidfile "$W/docker.pid" --host "$DOCKER_HOST" \
	    --init-path "$W/bin/docker-init" --cgroup-parent "/$GROUP" \
	    --exec-opt native.cgroupdriver=cgroupfs >"$W/docker.log" 2>&1 &
	docker_keeper=$!
	eventually docker version || {
		tail "$W/docker.log" | sed 's/^/#   /'
		return 1
	}
}

# Set up a podman that finds pith in place of catatonit. It is a program, so that timeout and
# expect can run it.
podman_start() {
	[ ! -e "$W/bin/podman" ] || return 0
	cp "$PITH" "$W/bin/catatonit"
	# The limits are lower than the defaults of podman, which not every user may set.
	# `podman play kube` of 4.3 sets the hard limit to the soft one.
	cat >"$CONTAINERS_CONF" <<-E
		[containers]
		init_path = "$W/bin/catatonit"
		default_ulimits = ["nofile=4096:4096", "nproc=4096:4096"]
		[engine]
		cgroup_manager = "cgroupfs"
		events_logger = "file"
		runtime = "runc"
		helper_binaries_dir = ["$W/bin"]
	E
	cat >"$W/bin/podman" <<-E
		#!/bin/sh
		exec nsenter --target $box --mount --net --pid -- \\
		    $(command -v podman) --root $W/podman-root \\
		    --runroot $W/podman-run --tmpdir $W/podman-tmp "\$@"
	E
	chmod +x "$W/bin/podman"
	hash -r                         # forget the original podman
}

# ---- images ------------------------------------------------------------------

# Import a directory as an image of $engine: image_of DIR NAME [INSTRUCTION ...]
image_of() {
	from=$1 tag=$2
	shift 2
	for instruction; do
		set -- "$@" --change "$instruction"
		shift
	done
	tar -C "$from" -c . | "$engine" import "$@" - "$tag" >/dev/null 2>&1
}

# Make a root with a static busybox and links for all applets.
busybox_root() {
	mkdir -p "$1/bin" "$1/etc" "$1/tmp"
	cp /bin/busybox "$1/bin/"
	for applet in $(/bin/busybox --list); do
		[ -e "$1/bin/$applet" ] || ln -s busybox "$1/bin/$applet"
	done
	echo 'root:x:0:0:root:/:/bin/sh' >"$1/etc/passwd"
	echo 'nobody:x:65534:65534:nobody:/:/bin/false' >>"$1/etc/passwd"
}

# ---- containers --------------------------------------------------------------

# Options of every container. A test names its container `one`.
ALONE="--network none --cgroup-parent /$GROUP"

# Run a container to its end: once OPTION ... IMAGE COMMAND ...
once() {
	# shellcheck disable=SC2086
	run "$engine" run --rm $ALONE "$@"
}

# Run a container in the background, in place of an earlier one.
background() {
	"$engine" rm --force one >/dev/null 2>&1
	# shellcheck disable=SC2086
	run "$engine" run --detach --name one $ALONE "$@"
	code_is 0
}

# Return whether a container's log has a line with this beginning: said BEGINNING [CONTAINER]
said() { "$engine" logs "${2:-one}" 2>&1 | grep -q "^$1"; }

process_of() { "$engine" inspect --format '{{.State.Pid}}' "$1"; }

# Wait for the container and check its exit code.
ends_with() { is "$(timeout 60 "$engine" wait one)" "$1"; }

# Check that TERM stops the container with this code. Otherwise KILL ends it with 137 after a
# minute.
stops_with() {
	begun=$(date +%s%3N)
	"$engine" stop -t 60 one >/dev/null
	echo "# $engine stop: $(($(date +%s%3N) - begun)) ms"
	ends_with "$1"
}
