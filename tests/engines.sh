# Tests of pith under real engines: runc, docker and podman. Needs root.
# shellcheck shell=sh source=tests/lib.sh
. "${0%/*}/lib.sh"
# shellcheck source=tests/engines-lib.sh
. "$TESTS/engines-lib.sh"

# ---- images ------------------------------------------------------------------

# Make two roots, FROM scratch and busybox, each with pith and the probe.
roots() {
	[ ! -d "$W/mini" ] || return 0
	busybox_root "$W/shell"
	ln -s pith "$W/shell/tini"
	# Write a program that prints its groups and then needs more memory than its limit.
	echo 'cat /proc/self/cgroup >&2
	    exec dd if=/dev/zero of=/dev/null bs=100M count=1' >"$W/shell/hog"
	mkdir "$W/mini"
	for root in mini shell; do
		cp "$PITH" "$W/$root/pith"
		cp "$PROBE" "$W/$root/probe"
	done
}

# Prepare an engine with images of the roots, once.
ready() {
	"have_$engine" || return 1
	[ ! -e "$W/ready-$engine" ] || return 0
	touch "$W/ready-$engine"
	roots
	image_of "$W/mini" mini 'ENTRYPOINT ["/pith", "--"]'
	image_of "$W/shell" shell 'ENTRYPOINT ["/pith", "--"]'
	image_of "$W/shell" tini 'ENTRYPOINT ["/tini", "--"]'
	image_of "$W/shell" bare
}

# ---- containers --------------------------------------------------------------

# Start a container in the background and wait until it is ready.
begin() {
	background "$@"
	eventually said ready
}

is_pith() {
	in_box cmp "/proc/$1/exe" "$PITH" || fail 'the first process is not pith'
}

arguments() { in_box cat "/proc/$1/cmdline" | tr '\0' ' '; }

# Run commands with the prefix "$@" and compare their exit codes.
passes_codes() {
	while read -r expected command; do
		# shellcheck disable=SC2086
		"$@" $command
		code_is "$expected"
	done <<-'E'
		0 /probe exit 0
		7 /probe exit 7
		126 /proc
		137 /probe die 9
		143 /probe die 15
		127 /nothing
	E
	err_like 'pith: *'\''/nothing'\''*'
}

# Send signals of each kind. The last one ends the probe.
SENT='1 10 28 37 15'
signals_logged() {
	"$engine" logs one 2>&1 | sed -n 's/^signal \([0-9]*\) .*/\1/p'
}

# Run on a terminal with typed input: expect commands come from stdin.
typed() {
	{
		# shellcheck disable=SC2016
		echo 'set timeout 30
		proc hear {what} {
			expect -ex $what {} default {
				puts stderr "never heard: $what"
				exit 99
			}
		}
		spawn -noecho {*}$argv'
		cat
		echo 'expect eof
		exit [lindex [wait] 3]'
	} >"$W/typed"
	# shellcheck disable=SC2086
	run expect "$W/typed" "$engine" run --rm -it $ALONE "$@"
}

# ---- docker and podman ---------------------------------------------------------

for engine in docker podman; do
	# Keep in "$@" the options that make pith the init of any image.
	set -- --init
	[ $engine = docker ] || set -- --init --init-path "$PITH"

	for image in mini shell; do
		it "passes on the exit code of the command, in $engine, in image $image" &&
		    ready && passes_codes once $image

		it "lets the program shut down on $engine stop, in image $image" &&
		    ready && {
			begin $image /probe polite 100
			stops_with 0
			said cleaned || fail 'its own shutdown did not run'
		}
	done

	it "stops on $engine stop a program without a handler for TERM" && ready && {
		begin shell sh -c 'echo ready; sleep 1000'
		stops_with 143
	}

	it "forwards the signals of $engine kill -s" && ready && {
		begin mini /probe signals
		for number in $SENT; do
			$engine kill --signal "$number" one >/dev/null
			eventually said "signal $number "
		done
		ends_with 0
		is "$(signals_logged | xargs)" "$SENT"
	}

	it "is the init of $engine run --init" && ready && {
		begin "$@" --entrypoint /probe bare polite 100
		process=$(process_of one)
		case $engine in
		docker) as='/sbin/docker-init' ;;
		podman) as='/run/podman-init' ;;
		esac
		is "$(arguments "$process")" "$as -- /probe polite 100 "
		is_pith "$process"
		stops_with 0
		said cleaned || fail 'its own shutdown did not run'
		once "$@" bare sh -c 'exit 7'
		code_is 7
	}

	it "reads PITH_OPTIONS from $engine run --init -e and hides it from the command" &&
	    ready && {
		# shellcheck disable=SC2016
		once "$@" -e 'PITH_OPTIONS=--exit 7:3 -e 8:4' bare \
		    sh -c 'echo "[$PITH_OPTIONS]"; exit 7'
		code_is 3
		out_is '[]'
	}

	it "does not reap processes that $engine exec starts" && ready && {
		begin -e PITH_OPTIONS=-vv mini /probe signals
		run $engine exec one /probe exit 3
		code_is 3
		$engine kill --signal USR1 one >/dev/null
		eventually said 'signal 10 '
		$engine kill --signal TERM one >/dev/null
		ends_with 0
		said 'pith: reaped' && fail 'it has reaped a process of exec'
	}

	for option in --wait '--grace 60s'; do
		it "exits with $option although a process of $engine exec is alive" &&
		    ready && {
			begin -e "PITH_OPTIONS=$option" mini /probe signals
			$engine exec --detach one /probe stubborn >/dev/null
			eventually in_box pgrep -f '^/probe stubborn$'
			$engine kill --signal TERM one >/dev/null
			ends_with 0
		}
	done

	it "runs without capabilities and write access in $engine" && ready && {
		begin --read-only --cap-drop ALL --user 65534:65534 \
		    --security-opt no-new-privileges mini /probe polite 100
		status=$(in_box cat "/proc/$(process_of one)/status")
		for line in 'Uid:	65534	65534	65534	65534' \
		    'CapBnd:	0000000000000000' 'NoNewPrivs:	1'; do
			case $status in *"$line"*) ;; *) fail "not $line" ;; esac
		done
		stops_with 0
		said cleaned || fail 'its own shutdown did not run'
	}

	it "adopts orphans in $engine without a PID namespace" && ready && {
		once --pid host -e PITH_OPTIONS='-w,--wait' mini \
		    /probe orphans 5 50
		code_is 0
		is "$(grep -c 'reaped orphan' "$W/.err")" 5
	}

	it "replaces tini in the ENTRYPOINT of an image, in $engine" && ready && {
		once tini sh -c 'exit 7'
		code_is 7
		# shellcheck disable=SC2016
		once --entrypoint /tini tini -g -e 143 -- sh -c 'kill -TERM $$'
		code_is 0
		once --entrypoint /tini tini --version
		out_like 'tini version 0.*'
	}

	it "passes ^C on once on the terminal of $engine run -it" &&
	    have expect && ready && {
		typed mini /probe signals 3 <<-'X'
			hear "ready"
			send "\003"
			hear "signal 2 "
			send "\034"
			hear "signal 3 "
		X
		code_is 0
		is "$(grep -c 'signal 2 ' "$W/.out")" 1
		typed shell sh -c 'echo ready; exec sleep 1000' <<-'X'
			hear "ready"
			send "\003"
		X
		code_is 130
	}

	it "passes on a new terminal size of $engine run -it" &&
	    have expect && ready && {
		# shellcheck disable=SC2016
		typed shell sh -c 'trap "stty size" WINCH; echo ready
		    until [ "$x" = end ]; do read -r x; done; exit 8' <<-'X'
			hear "ready"
			stty rows 33 columns 101 < $spawn_out(slave,name)
			hear "33 101"
			send "end\r"
		X
		code_is 8
	}

	it "does not freeze on ^Z on the terminal of $engine run -it" &&
	    have expect && ready && {
		typed shell sh -c 'echo ready; cat; exit 5' <<-'X'
			hear "ready"
			send "\032"
			send "still here\r"
			hear "still here\r\nstill here"
			send "\004"
		X
		code_is 5
	}

	it "gives an interactive shell job control in $engine run -it" &&
	    have expect && ready && {
		typed shell sh <<-'X'
			hear "# "
			send "echo u''p; cat\r"
			hear "up\r\n"
			send "one\r"
			hear "one\r\none"
			send "\032"
			hear "# "
			send "echo a''gain; fg\r"
			hear "again\r\n"
			send "two\r"
			# Expect two lines, the echo and the output of cat. Output of fg may
			# come between.
			hear "two"
			hear "two"
			send "\003"
			hear "# "
			send "exit 6\r"
		X
		code_is 6
	}
done

# ---- limits in a container -----------------------------------------------------

# Make the container's own groups writable first. --privileged does that as well, but it also
# needs rights that root does not have everywhere.
MAY_MOUNT='--cap-add SYS_ADMIN --security-opt seccomp=unconfined'
# shellcheck disable=SC2016
OWN_GROUPS='for at in $(sed -n \
    "s,.* \(/sys/fs/cgroup[^ ]*\) ro.* - cgroup2* .*,\1,p" /proc/self/mountinfo); do
	mount -o remount,bind,rw "$at" || exit 99
done
exec "$@"'

of_memory=memory                        # controller in /proc/PID/cgroup; empty on v2
[ -d /sys/fs/cgroup/memory ] || of_memory=

reported() { json "$W/.out" "$1"; }
# Check that the hog was killed in a group that matches a regular expression.
killed_for_memory_in() {
	code_is 137
	is "$(reported reason) $(reported oom_kills)" '"oom" 1'
	grep -q "^[0-9]*:$of_memory:$1\$" "$W/.err" || fail "its groups are $err"
	reported cgroup | grep -qx "\"$1\"" ||
	    fail "it reports $(reported cgroup)"
}

# Find groups below those of a container: all with its ID, or those that pith made.
id_of() { "$engine" inspect --format '{{.Id}}' "$1"; }
groups_in() { find /sys/fs/cgroup -type d -path "*$1*" 2>/dev/null; }
made_in() { groups_in "$1" | grep "$1/pith-"; }
no_groups_in() { [ -z "$(groups_in "$1")" ]; }

groups_of_v1() {
	[ -n "$of_memory" ] || {
		skip 'a v2 group with processes cannot enable controllers for children'
		return 1
	}
}

for engine in docker podman; do
	it "reports what --memory needs in a default container of $engine" &&
	    ready && {
		for ns in host private; do
			once --cgroupns $ns --entrypoint /pith bare --memory 64m \
			    -- echo started
			code_is 125
			out_is ''
			err_is "pith: cannot use '--memory': Read-only file system;\
 mount /sys/fs/cgroup writable in the container"
		done
		once -e PITH_OPTIONS=--pids-limit=9 mini /probe signals
		code_is 125
		one_line
		err_like "pith: cannot use '--pids-limit': Read-only file system; *"
	}

	it "enforces --memory in groups of its own container, in $engine" &&
	    ready && {
		for ns in host private; do
			# shellcheck disable=SC2086
			once $MAY_MOUNT --cgroupns $ns bare sh -c "$OWN_GROUPS" sh \
			    /pith --memory 16m --report-fd 1 -- sh /hog
			case $ns in
			host) killed_for_memory_in "/$GROUP/[^/]*/pith-1/pay" ;;
			private) killed_for_memory_in /pith-1/pay ;;
			esac
		done
	}

	it "enforces --memory in groups bound from the host, in $engine" && ready && {
		once --cgroupns host --volume /sys/fs/cgroup:/sys/fs/cgroup \
		    --entrypoint /pith bare --memory 16m --report-fd 1 \
		    -- sh /hog
		killed_for_memory_in "/$GROUP/[^/]*/pith-1/pay"
	}

	it "makes no group outside those of its container, in $engine" &&
	    ready && {
		once --cgroupns private --volume /sys/fs/cgroup:/sys/fs/cgroup \
		    --entrypoint /pith bare --memory 16m -- cat /proc/self/cgroup
		code_is 125
		out_is ''
		one_line
		err_like 'pith: *; *'
	}

	it "limits a command of $engine exec and leaves no group in the container" &&
	    ready && groups_of_v1 && {
		# shellcheck disable=SC2086
		begin $MAY_MOUNT --cgroupns host bare sh -c "$OWN_GROUPS" sh \
		    /pith -- /probe polite 100
		run $engine exec one /pith --memory 16m --report-fd 1 -- sh /hog
		killed_for_memory_in "/$GROUP/[^/]*/pith-[0-9][0-9]*/pay"
		is "$(made_in "$(id_of one)")" ''
		stops_with 0
	}

	it "leaves no group when a container with --memory is killed, in $engine" &&
	    ready && {
		# shellcheck disable=SC2086
		begin $MAY_MOUNT --cgroupns host bare sh -c "$OWN_GROUPS" sh \
		    /pith --memory 16m -- /probe stubborn
		id=$(id_of one)
		[ -n "$(made_in "$id")" ] || fail 'it has made no group'
		$engine kill one >/dev/null
		ends_with 137
		eventually no_groups_in "$id"
	}

	it "limits a sandbox of the host with --cgroup-parent in a group of $engine" &&
	    ready && groups_of_v1 && {
		begin --memory 32m mini /probe polite 100
		parent=$(in_box cat "/proc/$(process_of one)/cgroup" |
		    sed -n 's/^0:://p')
		for size in 16 64; do
			run "$PITH" --rootfs "$W/shell" --cgroupns host \
			    --memory ${size}m --cgroup-parent "$parent" \
			    --report-fd 1 -- sh /hog
			killed_for_memory_in "$parent/pith-[0-9][0-9]*/pay"
			# The lower of the two limits applies.
			[ $size = 16 ] || size=32
			[ "$(reported memory_peak_bytes)" -le $((size << 20)) ] ||
			    fail "it used $(reported memory_peak_bytes) bytes"
		done
		is "$(made_in "$(id_of one)")" ''
		stops_with 0
	}
done

# ---- docker alone ------------------------------------------------------------

engine=docker

it 'answers --version in the form that the docker daemon expects' && ready && {
	is "$(docker info --format '{{.InitBinary}}')" "$W/bin/docker-init"
	run docker version --format \
	    '{{range .Server.Components}}{{.Name}} {{.Version}} {{end}}'
	out_like '* docker-init 0.*'
}

# ---- podman alone ------------------------------------------------------------

engine=podman

it 'is the init that containers.conf names' && ready && {
	once --init -e 'PITH_OPTIONS=--exit 7:3' bare sh -c 'exit 7'
	code_is 3
}

# Make a pod whose first process is pith, and check that it reaps orphans of the containers and
# lets them shut down: pauses ITS-ARGUMENTS OPTION ... (of `podman pod create`)
pauses() {
	expected=$1
	shift
	# shellcheck disable=SC2086
	podman pod create --name pod --share pid $ALONE "$@" >/dev/null
	podman pod start pod >/dev/null
	infra=$(podman pod inspect --format '{{.InfraContainerID}}' pod)
	process=$(process_of "$infra")
	is_pith "$process"
	is "$(arguments "$process")" "$expected"
	for member in one two; do
		podman rm --force $member >/dev/null 2>&1
		podman run --detach --pod pod --name $member bare sh -c \
		    '/probe orphans 20 0; exec /probe polite 100' >/dev/null
		eventually said ready $member
	done
	eventually childless "$process"
	# Stop the pause container last, as Kubernetes does.
	podman stop -t 60 one two >/dev/null
	for member in one two; do
		said cleaned $member || fail 'its own shutdown did not run'
	done
	podman pod stop -t 60 pod >/dev/null
	is "$(podman inspect --format '{{.State.ExitCode}}' "$infra")" 0
	podman pod rm pod >/dev/null
}
childless() { [ -z "$(in_box ps --ppid "$1" -o stat=)" ]; }

it 'is the pause container of a pod in place of catatonit' && ready &&
    pauses '/catatonit -P '

it 'is the pause container of a pod with --pause' && ready &&
    pauses '/pith --pause ' --infra-image localhost/mini \
	--infra-command '/pith --pause'

# ---- runc alone --------------------------------------------------------------

# Run a container of runc with pith before the command. $tree is its root, and $groups the
# mount option below /sys.
tree=mini groups=ro
in_runc() {
	roots
	mkdir -p "$W/bundle"
	rm -f "$W/bundle/config.json"
	runc spec --bundle "$W/bundle"
	words=$(printf ', "%s"' "$@")
	sed -i "s|\"rootfs\"|\"../$tree\"|; s|\"ro\"|\"$groups\"|
	    s|\"terminal\": true|\"terminal\": false|
	    s|\"sh\"|\"/pith\", \"--\"$words|
	    s|\"linux\": {|&\"cgroupsPath\": \"/$GROUP/bundle\",|" \
	    "$W/bundle/config.json"
	in_box timeout 60 runc --root "$W/runc" run --bundle "$W/bundle" one
}

it 'passes on the exit code of the command, in runc' && have_runc &&
    passes_codes run in_runc

it "forwards the signals of runc kill" && have_runc && {
	start in_runc /probe signals
	hear_until ready
	for number in $SENT; do
		in_box runc --root "$W/runc" kill one "$number"
		hear_until "signal $number code*"
	done
	ends
	code_is 0
}

it 'applies --memory in runc when its configuration leaves the groups writable' &&
    have_runc && {
	tree=shell
	run in_runc /pith --memory 16m -- /probe exit 0
	code_is 125
	one_line
	groups=rw
	run in_runc /pith --memory 16m --report-fd 1 -- sh /hog
	killed_for_memory_in "/$GROUP/bundle/pith-[0-9][0-9]*/pay"
}

box_end
finish
