# Install what goals of the Makefile need and this machine has not: deps.sh GOAL ...
# With `all`, everything that any test can use. Starts no service.
# shellcheck shell=sh
set -u

# A goal; what it needs on Debian; what it needs on Alpine. Goals build on `build`.
table() {
	cat <<-'E'
	build | musl-tools | gcc musl-dev linux-headers
	demo | util-linux procps | util-linux procps
	check | check pkg-config strace busybox-static less procps util-linux perl file binutils libc6-dev | check-dev pkgconf strace busybox-static less procps util-linux perl file binutils
	lint | clang-tidy cppcheck shellcheck mandoc libc6-dev | clang-extra-tools cppcheck shellcheck mandoc
	coverage | check pkg-config gcovr libc6-dev | check-dev pkgconf gcovr
	bench | tini dumb-init catatonit | tini dumb-init catatonit
	servers | nginx-light redis-server redis-tools postgresql openssh-server openssh-client curl golang-go expect tmux python3 | nginx redis postgresql openssh curl go expect tmux python3
	engines | runc podman conmon docker.io iptables iproute2 | runc podman conmon docker iptables iproute2
	fuzz | clang | clang compiler-rt
	E
}

# Column $1 (2 or 3) of the goals after it.
column() {
	at=$1
	shift
	table | awk -F ' *[|] *' -v at="$at" -v goals=" $* " '
		index(goals, " " $1 " ") || index(goals, " all ") { print $at }'
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

# A mirror may be away for a moment.
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
	for package in $(column 2 "$@" | tr ' ' '\n' | sort -u); do
		dpkg-query -W -f '${db:Status-Status}\n' "$package" 2>/dev/null |
		    grep -qx installed || missing="$missing $package"
	done
	# clang's sanitizer and fuzzer runtimes are a package named by its version.
	case " $* " in *' all '* | *' fuzz '*)
		command -v clang >/dev/null || missing="$missing clang"
		runtime=$(apt-cache depends clang 2>/dev/null |
		    sed -n 's/.*Depends: clang-\([0-9]*\)$/libclang-rt-\1-dev/p')
		dpkg-query -W "${runtime:-libclang-rt-14-dev}" >/dev/null 2>&1 ||
		    missing="$missing ${runtime:-libclang-rt-14-dev}" ;;
	esac
	[ -n "$missing" ] || { echo 'deps: all is there'; return; }
	echo "deps: apt-get installs$missing"
	forbid_services
	log=$(mktemp)
	persist as_root apt-get -qq update >"$log" 2>&1 &&
	    # shellcheck disable=SC2086
	    persist as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -y \
	    --no-install-recommends install $missing >>"$log" 2>&1
	result=$?
	[ $result = 0 ] || cat "$log" >&2
	rm -f "$log"
	return $result
}

# apk starts nothing.
alpine() {
	missing=
	for package in $(column 3 "$@" | tr ' ' '\n' | sort -u); do
		apk info -q -e "$package" || missing="$missing $package"
	done
	[ -n "$missing" ] || { echo 'deps: all is there'; return; }
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
	echo "deps: neither apt-get nor apk; these are Debian's names:" >&2
	column 2 "$@" >&2
	exit 1
fi
