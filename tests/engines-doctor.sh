# Compare --doctor with real starts: on the machine, in containers of docker, in a chroot, and
# as a user without namespaces. Needs root.
# shellcheck shell=sh source=tests/lib.sh disable=SC2016,SC2086,SC2154
. "${0%/*}/lib.sh"
# shellcheck source=tests/engines-lib.sh
. "$TESTS/engines-lib.sh"

# Make a root of busybox with pith, and in it a root for its sandboxes.
busybox_root "$W/shell"
cp "$PITH" "$PROBE" "$W/shell/"
mkdir -p "$W/shell/proc" "$W/shell/sys" "$W/shell/root/proc" "$W/shell/root/sys" \
    "$W/shell/root/dev"
cp "$PROBE" "$W/shell/root/"
chmod 711 "$W"

ready() {
	have_docker || return 1
	[ ! -e "$W/ready" ] || return 0
	touch "$W/ready"
	engine=docker
	image_of "$W/shell" shell
}

AS_USER='setpriv --reuid 65534 --regid 65534 --clear-groups'
in_docker() {
	words=$1
	shift
	docker run --rm $ALONE $words "$@"
}
HERE=

# Compare --doctor with a start, both run by the command "$@". --doctor must give the verdict
# of the start, and name a remedy for each failure.
agrees() {
	run "$@" $HERE/pith --doctor
	works=$code said=$out
	is "$err" ''
	run "$@" $HERE/pith --rootfs $HERE/root -- /probe exit 7
	case $works:$code in
	0:7) ;;
	1:125)
		one_line
		err_like 'pith: *; *'
		printf '%s\n' "$said" | grep '^no   [^(:]*:' | grep -v '; ' |
		    sed 's/^/#   no remedy: /' | grep . && fail 'a failure lacks its remedy' ;;
	*) fail "--doctor says $works, a start ends with $code: $err; $said" ;;
	esac
}
verdict_is() { is "$works $code" "$1"; }
WORKS='0 7' FAILS='1 125'

# ---- without an engine -------------------------------------------------------

it 'predicts starts as root of the machine and as an ordinary user' && root && {
	HERE=$W/shell
	agrees env
	verdict_is "$WORKS"
	agrees $AS_USER
	verdict_is "$WORKS"
}

it 'predicts starts as root without CAP_SYS_ADMIN' && root && {
	HERE=$W/shell
	agrees setpriv --bounding-set=-sys_admin --inh-caps=-sys_admin
	verdict_is "$WORKS"
}

it 'predicts starts in a chroot, as root and as an ordinary user' && root && {
	HERE=
	for as in '' '--userspec=65534:65534'; do
		agrees unshare --mount sh -c 'mount -t proc proc "$W/shell/proc"
		    exec chroot $0 "$W/shell" "$@"' "${as:---groups=}"
		verdict_is "$FAILS"
	done
	# The remedy is a root that pivot_root(2) accepts.
	agrees unshare --mount --pid --fork sh -c 'mount --make-rprivate /
	    mount --bind "$W/shell" "$W/shell" && cd "$W/shell" && mkdir -p old &&
	    pivot_root . old && mount -t proc proc /proc && mount -t sysfs sysfs /sys &&
	    umount -l /old && exec "$@"' sh
	verdict_is "$WORKS"
}

it 'predicts starts as a user who may not create namespaces' && root && {
	HERE=$W/shell
	agrees $AS_USER unshare --user --map-root-user sh -c \
	    'echo 0 >/proc/sys/user/max_user_namespaces && exec "$@"' sh
	verdict_is "$FAILS"
	case $said in *'raise user.max_*_namespaces, sysctl(8)'*) ;; *) fail "$said" ;; esac
	agrees $AS_USER unshare --user --map-root-user sh -c \
	    'echo 100 >/proc/sys/user/max_user_namespaces && exec "$@"' sh
	verdict_is "$WORKS"
}

# ---- in docker ---------------------------------------------------------------

for user in 0 1000; do
	it "predicts starts in a container of docker, as user $user" && ready && {
		HERE=
		agrees in_docker "--user $user" shell
		verdict_is "$FAILS"
		case $said in
		*'docker run --security-opt seccomp=unconfined'*) ;;
		*) fail "$said" ;;
		esac
	}

	# Seen to fail where --doctor tried another sysfs than a start mounts.
	it "predicts starts with the docker options that it named, as user $user" && ready && {
		HERE=
		agrees in_docker "--user $user --security-opt seccomp=unconfined" shell
		verdict_is "$FAILS"
		case $said in
		*'docker run --security-opt systempaths=unconfined'*) ;;
		*) fail "$said" ;;
		esac
		agrees in_docker "--user $user --security-opt seccomp=unconfined \
		    --security-opt systempaths=unconfined" shell
		verdict_is "$WORKS"
		run in_docker "--user $user --security-opt seccomp=unconfined" shell \
		    /pith --rootfs /root --proc none --sys none -- /probe exit 7
		code_is 7
	}
done

box_end
finish
