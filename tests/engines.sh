# pith under real engines: runc, docker and podman, as root.
# shellcheck shell=sh source=tests/lib.sh
. "${0%/*}/lib.sh"
# shellcheck source=tests/engines-lib.sh
. "$TESTS/engines-lib.sh"

# An engine kills what has not ended 10 s after TERM.
SOON=5000

# ---- images ------------------------------------------------------------------

# The roots, once: FROM scratch with pith and the probe; busybox with both, and with
# pith under tini's name; FROM scratch with pith and a web server, as examples/.
roots() {
	[ ! -d "$W/roots" ] || return 0
	mkdir -p "$W/roots/mini" "$W/roots/httpd"
	cp "$PITH" "$W/roots/mini/pith"
	cp "$PROBE" "$W/roots/mini/probe"
	busybox_root "$W/roots/shell"
	cp "$PITH" "$W/roots/shell/pith"
	cp "$PROBE" "$W/roots/shell/probe"
	ln -s pith "$W/roots/shell/tini"
	cp "$PITH" "$W/roots/httpd/pith"
}

# What each engine has of them.
images() {
	ENGINE=$1
	roots
	[ ! -e "$W/images-of-$1" ] || return 0
	touch "$W/images-of-$1"
	image_of "$W/roots/mini" mini 'ENTRYPOINT ["/pith", "--"]'
	image_of "$W/roots/shell" shell 'ENTRYPOINT ["/pith", "--"]'
	image_of "$W/roots/shell" tini 'ENTRYPOINT ["/tini", "--"]'
	image_of "$W/roots/shell" bare
}
httpd_image() {
	images "$1"
	[ ! -e "$W/httpd-of-$1" ] || return 0
	touch "$W/httpd-of-$1"
	make_httpd
	cp "$B/httpd" "$W/roots/httpd/httpd"
	image_of "$W/roots/httpd" httpd 'ENTRYPOINT ["/pith", "--"]' \
	    'CMD ["/httpd"]'
}

docker_ready() { have_docker && images docker; }
podman_ready() { have_podman && images podman; }
ready() { "${1}_ready"; }

# ---- containers --------------------------------------------------------------

# Run to the end, without a network: once ENGINE OPTION ... IMAGE COMMAND ...
once() {
	engine=$1
	shift
	run "$engine" run --rm --network none "$@"
}

# Run as container c in the background, until its log has "ready".
background() {
	engine=$1
	shift
	run "$engine" run --detach --name c --network none "$@"
	code_is 0
	eventually said c ready
}

# Whether a container's log has such a line.
said() { "$engine" logs "$1" 2>&1 | grep -q "^$2"; }

# How often.
times_said() { "$engine" logs "$1" 2>&1 | grep -c "^$2"; }

first_process() {
	"$engine" inspect --format '{{.State.Pid}}' "${1:-c}"
}
running() {
	[ "$("$engine" inspect --format '{{.State.Running}}' c)" = true ]
}

# Container c ends, by itself or because of what is run first, with this code.
c_ends() {
	is "$(timeout 60 "$engine" wait c)" "$1"
	"$engine" rm --force c >/dev/null
}
podman_wait_is_docker_wait=

# How long a command takes, and that it is less than $SOON.
takes_short() {
	begun=$(date +%s%3N)
	"$@" >/dev/null
	took=$(($(date +%s%3N) - begun))
	echo "# $1 $2${3:+ }${3:-}: $took ms"
	[ $took -lt $SOON ] || fail "that took $took ms"
}

# The arguments of a process of the box.
arguments() { in_box cat "/proc/$1/cmdline" | tr '\0' ' '; }

# ---- what every engine has to do ---------------------------------------------

for e in docker podman; do
	it "passes on how the command ends, in $e, on scratch and busybox" &&
	    ready $e && {
		for image in mini shell; do
			once $e $image /probe exit 7
			code_is 7
			once $e $image /probe die 9
			code_is 137
			once $e $image /nothing
			code_is 127
			err_like 'pith: *'\''/nothing'\''*'
		done
	}

	it "forwards what \`$e kill -s\` sends" && ready $e && {
		background $e mini /probe signals
		for sig in HUP 10 WINCH 37; do
			$e kill --signal $sig c >/dev/null
			eventually test "$sig"
		done
		eventually said c 'signal 37 '
		$e kill --signal TERM c >/dev/null
		eventually said c 'signal 15 '
		for number in 1 10 28 37 15; do
			is "$(times_said c "signal $number ")" 1
		done
		c_ends 0
	}

	it "lets the program shut down on \`$e stop\`, on scratch and busybox" &&
	    ready $e && {
		for image in mini shell; do
			background $e $image /probe polite 100
			takes_short $e stop c
			said c cleaned || fail 'its own shutdown did not run'
			c_ends 0
		done
	}

	it "ends on \`$e stop\` with a program that knows no TERM" && ready $e && {
		background $e shell sh -c 'echo ready; sleep 1000'
		takes_short $e stop c
		c_ends 143
	}

	it "is the init of \`$e run --init\`" && ready $e && {
		set -- --init
		[ $e = docker ] || set -- --init --init-path "$W/bin/pith"
		cp "$PITH" "$W/bin/pith"
		background $e "$@" --entrypoint /probe bare polite 100
		process=$(first_process)
		is "$(arguments "$process")" "/$([ $e = docker ] &&
		    echo sbin/docker-init || echo run/podman-init) -- /probe polite 100 "
		in_box cmp "/proc/$process/exe" "$PITH" || fail 'it is not pith'
		takes_short $e stop c
		said c cleaned || fail 'its own shutdown did not run'
		c_ends 0
		once $e "$@" bare sh -c 'exit 7'
		code_is 7
		once $e "$@" bare /nothing
		code_is 127
	}

	it "takes PITH_OPTIONS from \`$e run --init -e\`, and keeps it" &&
	    ready $e && {
		set -- --init
		[ $e = docker ] || set -- --init --init-path "$W/bin/pith"
		cp "$PITH" "$W/bin/pith"
		# shellcheck disable=SC2016
		once $e "$@" -e 'PITH_OPTIONS=--exit 7:3 -e 8:4' bare \
		    sh -c 'echo "[$PITH_OPTIONS]"; exit 7'
		code_is 3
		out_is '[]'
	}

	it "is not confused by what \`$e exec\` starts" && ready $e && {
		background $e -e PITH_OPTIONS=-vv mini /probe signals
		run $e exec c /probe exit 3
		code_is 3
		$e kill --signal USR1 c >/dev/null
		eventually said c 'signal 10 '
		running || fail 'it ended'
		is "$(times_said c 'pith: reaped')" 0
		$e kill --signal TERM c >/dev/null
		c_ends 0
	}

	for option in --wait '--grace 60s'; do
		it "ends with $option although a process of \`$e exec\` lives" &&
		    ready $e && {
			background $e -e "PITH_OPTIONS=$option" mini \
			    /probe signals
			$e exec --detach c /probe stubborn >/dev/null
			eventually has_exec
			$e kill --signal TERM c >/dev/null
			c_ends 0
		}
	done

	it "runs with nothing but read access in $e" && ready $e && {
		background $e --read-only --cap-drop ALL --user 65534:65534 \
		    --security-opt no-new-privileges mini /probe polite 100
		status=$(in_box cat "/proc/$(first_process)/status")
		for line in 'Uid:	65534	65534	65534	65534' \
		    'CapBnd:	0000000000000000' 'NoNewPrivs:	1'; do
			case $status in *"$line"*) ;; *) fail "not $line" ;; esac
		done
		takes_short $e stop c
		said c cleaned || fail 'its own shutdown did not run'
		c_ends 0
	}

	it "adopts orphans in $e without a PID namespace" && ready $e && {
		once $e --pid host -e PITH_OPTIONS='-w,--wait' mini \
		    /probe orphans 5 50
		code_is 0
		is "$(grep -c 'reaped orphan' "$W/.err")" 5
	}

	it "stands in for tini in an image's ENTRYPOINT, in $e" && ready $e && {
		once $e tini sh -c 'exit 7'
		code_is 7
		once $e --entrypoint /tini tini -g -e 143 -- \
		    sh -c 'kill -TERM $$'
		code_is 0
		once $e --entrypoint /tini tini --version
		out_like 'tini version 0.*'
	}
done

has_exec() { in_box pgrep -f '^/probe stubborn$'; }

# ---- docker and podman on a terminal -----------------------------------------

# Run an engine on a terminal, with what a person types; $out, $code.
# typed ENGINE IMAGE COMMAND ... with the lines of expect on stdin
typed() {
	program=$1
	[ "$1" = docker ] || program=$W/bin/podman
	shift
	{
		echo "set timeout 30"
		echo "spawn -noecho $program run --rm -it --network none $*"
		cat
		echo 'expect eof'
		echo 'exit [lindex [wait] 3]'
	} >"$W/typed.exp"
	run expect "$W/typed.exp"
}

for e in docker podman; do
	it "passes ^C on once on the terminal of \`$e run -it\`" && have expect &&
	    ready $e && {
		typed $e mini /probe signals 3 <<-'X'
			expect "ready"
			send "\003"
			expect "signal 2 "
			send "\034"
			expect "signal 3 "
		X
		code_is 0
		is "$(grep -c 'signal 2 ' "$W/.out")" 1
	}

	it "is not frozen by ^Z on the terminal of \`$e run -it\`" &&
	    have expect && ready $e && {
		typed $e shell sh -c "'echo ready; cat; exit 5'" <<-'X'
			expect "ready"
			send "\032"
			send "still here\r"
			expect "still here\r\nstill here"
			send "\004"
		X
		out_like '*still here*still here*'
		code_is 5
	}

	it "gives an interactive shell job control in \`$e run -it\`" &&
	    have expect && ready $e && {
		typed $e shell sh <<-'X'
			expect "# "
			send "sleep 1000\r"
			expect "1000\r\n"
			send "\032"
			expect "Stopped"
			send "fg\r"
			expect "fg\r\n"
			send "\003"
			expect "# "
			send "exit 6\r"
		X
		code_is 6
		case $out in
		*'job control turned off'*) fail 'no job control' ;;
		esac
	}
done

# ---- docker ------------------------------------------------------------------

it 'answers --version as the docker daemon expects' && docker_ready && {
	is "$(docker info --format '{{.InitBinary}}')" "$W/bin/docker-init"
	# It parses the version, or complains, when it is asked for this.
	docker info >/dev/null 2>&1
	grep 'failed to parse.*init\|failed to retrieve.*init' "$W/docker.log" &&
	    fail 'it does not understand'
}

it 'serves examples/compose.yaml, and stops soon' && have docker-compose curl go &&
    docker_ready && {
	httpd_image docker
	compose() {
		docker-compose --file "$TOP/examples/compose.yaml" \
		    --project-name web "$@"
	}
	run compose config --quiet
	code_is 0
	run compose up --detach --no-build
	code_is 0
	eventually in_box curl -sf http://127.0.0.1:8080/
	takes_short compose stop
	out=$(compose logs 2>&1)
	out_like '*http daemon end*'
	compose down >/dev/null 2>&1
}

# ---- podman ------------------------------------------------------------------

it 'is the init that podman finds in helper_binaries_dir' && podman_ready && {
	once podman --init bare cat /proc/1/comm
	code_is 0
	out_is podman-init
	once podman --init bare sh -c 'exit 7'
	code_is 7
}

# A member of pod p whose orphans only the pod's first process can reap.
pod_reaps() {
	infra=$(podman inspect --format '{{.State.Pid}}' \
	    "$(podman pod inspect --format '{{.InfraContainerID}}' p)")
	is "$(arguments "$infra")" "$1"
	engine=podman
	podman run --detach --pod p --name c bare sh -c \
	    '/probe orphans 20 0; cat /proc/1/cmdline; echo ready; exec sleep 1000' \
	    >/dev/null
	eventually said c '.*ready'
	eventually no_zombie
	podman run --detach --pod p --name d shell /probe polite 100 >/dev/null
	eventually said d ready
	podman rm --force --time 0 c >/dev/null
	takes_short podman pod stop p
	said d cleaned || fail 'its own shutdown did not run'
	is "$(podman inspect --format '{{.State.ExitCode}}' d)" 0
	podman pod rm --force p >/dev/null
}
no_zombie() { ! in_box ps --ppid "$infra" -o stat= | grep -q Z; }

it 'is the pause container of a pod in catatonit'"'"'s place' && podman_ready && {
	run podman pod create --name p --network none --share pid
	code_is 0
	podman pod start p >/dev/null
	pod_reaps '/catatonit -P '
}

it 'is the pause container of a pod with --pause' && podman_ready && {
	run podman pod create --name p --network none --share pid \
	    --infra-image localhost/mini --infra-command '/pith --pause'
	code_is 0
	podman pod start p >/dev/null
	pod_reaps '/pith --pause '
}

it 'serves examples/pod.yaml, and stops soon' && have curl go && podman_ready && {
	httpd_image podman
	run podman play kube --network none "$TOP/examples/pod.yaml"
	code_is 0
	process=$(podman inspect --format '{{.State.Pid}}' web-httpd)
	eventually in_network_of "$process" curl -sf http://127.0.0.1:8080/
	is "$(arguments "$process")" '/pith -- /httpd '
	is "$(podman exec web-shell ps -o args | sed 1d)" '/catatonit -P
/pith -- /httpd
/httpd
/pith --pause
ps -o args'
	engine=podman
	takes_short podman pod stop web
	said web-httpd 'http daemon end' || fail 'its own shutdown did not run'
	podman play kube --down "$TOP/examples/pod.yaml" >/dev/null
}

# ---- runc --------------------------------------------------------------------

# A bundle of the mini root whose process is this: bundle '"/pith", ...'
bundle() {
	roots
	mkdir -p "$W/bundle"
	ln -sfn ../roots/mini "$W/bundle/rootfs"
	rm -f "$W/bundle/config.json"
	runc spec --bundle "$W/bundle"
	sed -i "s|\"sh\"|$1|; s|\"terminal\": true|\"terminal\": false|
	    s|\"linux\": {|&\"cgroupsPath\": \"/bundle\",|" \
	    "$W/bundle/config.json"
}
in_runc() {
	in_box runc --root "$W/runc" "$@"
}

it 'passes on how the command ends, in runc' && root && have runc && box_start && {
	bundle '"/pith", "--", "/probe", "exit", "7"'
	run in_runc run --bundle "$W/bundle" once
	code_is 7
	bundle '"/pith", "--", "/probe", "die", "9"'
	run in_runc run --bundle "$W/bundle" once
	code_is 137
	bundle '"/pith", "--", "/nothing"'
	run in_runc run --bundle "$W/bundle" once
	code_is 127
}

it 'forwards what `runc kill` sends' && root && have runc && box_start && {
	bundle '"/pith", "--", "/probe", "signals"'
	start in_runc run --bundle "$W/bundle" c
	hear_until ready
	for number in 1 10 28 37 15; do
		in_runc kill c $number
		hear_until "signal $number code*"
	done
	ends
	code_is 0
}

box_end
finish
