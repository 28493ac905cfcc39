# Tests of pith under the names of tini, dumb-init and catatonit: behaviour that their users
# rely on. If the original is installed, both run with the same arguments.
# shellcheck shell=sh source=tests/lib.sh
. "${0%/*}/lib.sh"

mkdir bin
for link in tini tini-static docker-init dumb-init catatonit podman-init; do
	ln -s "$PITH" bin/$link
done
TINI=$W/bin/tini DUMB_INIT=$W/bin/dumb-init CATATONIT=$W/bin/catatonit
group_of() { ps -o pgid= -p "$1" | tr -d ' '; }

# Compare exit code and stdout of the original and pith for the same arguments.
alike() {
	peer=$1
	shift
	run "$peer" "$@"
	want_code=$code want_out=$out
	run "$W/bin/$peer" "$@"
	[ "$code $out" = "$want_code $want_out" ] ||
	    fail "$peer $*: $code '$out', not $want_code '$want_out'; $err"
}
# Compare likewise, as process 1.
alike_as_1() {
	peer=$1
	shift
	# shellcheck disable=SC2086
	run $AS_1 "$peer" "$@"
	want_code=$code want_out=$out
	# shellcheck disable=SC2086
	run $AS_1 "$W/bin/$peer" "$@"
	[ "$code $out" = "$want_code $want_out" ] ||
	    fail "$peer $*: $code '$out', not $want_code '$want_out'; $err"
}

# ---- all of them ---------------------------------------------------------------

it 'exits with the same codes as tini' && have tini && {
	for n in 0 1 2 125 126 127 128 143 255; do
		alike tini -- "$PROBE" exit $n
		alike tini -e $n -- "$PROBE" exit $n
	done
	for n in 1 2 9 10 15; do
		alike tini -s -- "$PROBE" die $n
		alike tini -s -e $((128 + n)) -- "$PROBE" die $n
	done
	touch plain
	for words in '' -- '-Z true' '-e 256 true' '-e -1 true' '-e x true' \
	    '-p NONE true' '-e' no-such-program ./plain /etc '-s -g -- true' '-sg true' \
	    '-p SIGTERM -- true' '-w -s true' '-e 3 -e 7 -- true'; do
		# shellcheck disable=SC2086
		alike tini $words
	done
	run tini -l; want=$code
	run "$TINI" -l
	code_is "$want"
	out_like '*MIT License*'
}

it 'exits with the same codes as dumb-init' && have dumb-init && {
	for n in 0 1 2 125 127 143 255; do
		alike dumb-init "$PROBE" exit $n
		alike dumb-init -c -- "$PROBE" exit $n
	done
	for n in 1 2 9 10 15; do
		alike dumb-init -- "$PROBE" die $n
	done
	touch plain
	for words in '' -- '-Z true' '--no-such true' '-r 15 true' '-r 15:x true' \
	    '-r 65:1 true' '-r x:1 true' '-r' '-r 15:0 true' '-r 15:9 -- true' \
	    '--rewrite 2:3 true' '--rewrite=2:3 true' no-such-program ./plain /etc \
	    '--single-child true' '--verbose true' '-cv true' 'echo -c'; do
		# shellcheck disable=SC2086
		alike dumb-init $words
	done
}

it 'exits with the same codes as catatonit as process 1' && have catatonit &&
    root && {
	for n in 0 1 2 125 127 143 255; do
		alike_as_1 catatonit -- "$PROBE" exit $n
	done
	for n in 1 2 9 10 15; do
		alike_as_1 catatonit "$PROBE" die $n
	done
	touch plain
	for words in '' -- '-Z true' no-such-program ./plain '-g -- true'; do
		# shellcheck disable=SC2086
		alike_as_1 catatonit $words
	done
}

it 'prints help and version to stdout or stderr like the originals' && {
	for words in '-h' '-l' '--version'; do
		run "$TINI" "$words"; code_is 0; is "$err" ''
		[ -n "$out" ] || fail "tini $words is silent"
	done
	for words in -h --help -V --version; do
		run "$DUMB_INIT" $words; code_is 0; is "$out" ''
		[ -n "$err" ] || fail "dumb-init $words is silent"
	done
	for words in -V --version -L; do
		run "$CATATONIT" "$words"; code_is 0; is "$err" ''
		[ -n "$out" ] || fail "catatonit $words is silent"
	done
}

it 'answers --version in the form that dockerd, podman and scripts expect' && {
	for link in tini tini-static docker-init catatonit podman-init; do
		run bin/$link --version
		code_is 0
		# dockerd takes the third word for the version.
		out_like 'tini version [0-9]*.[0-9]*.[0-9]*pith-[0-9]*'
		is "$(printf '%s\n' "$out" | wc -l)" 1
	done
	run bin/dumb-init -V
	printf '%s\n' "$err" | grep -qx 'dumb-init v[0-9]*\.[0-9]*\.[0-9]*' ||
	    fail "it says $err"
}

it 'recognizes its other names with a directory before and a release after them' && {
	mkdir 'a dir'
	for link in tini tini-amd64 tini-static-arm64 catatonit.x86_64; do
		ln -s "$PITH" "a dir/$link"
		run "a dir/$link" --version
		out_like 'tini version*'
	done
	ln -s "$PITH" dumb-init_1.2.5_x86_64
	run ./dumb-init_1.2.5_x86_64 -V; err_like 'dumb-init v*'
	ln -s "$PITH" tinier
	run ./tinier --version; out_like 'pith *'
	run sh -c 'PATH=$W/bin:$PATH; tini --version'; out_like 'tini version*'
}

it 'accepts the long options and PITH_OPTIONS of pith under every name' && {
	for link in tini docker-init dumb-init catatonit podman-init; do
		run bin/$link --exit 7:3 -- "$PROBE" exit 7
		code_is 3
		run env PITH_OPTIONS=--exit=7:3 bin/$link -- "$PROBE" exit 7
		code_is 3
		run bin/$link --report r.json -- "$PROBE" exit 4
		is "$(json r.json exit_code)" 4
	done
}

it 'refuses bad input with the code of the original, in one line' && {
	for link in tini docker-init dumb-init catatonit podman-init; do
		for words in '' -Z --no-such '--grace x' '--timeout'; do
			# shellcheck disable=SC2086
			run bin/$link $words
			code_is 1
			one_line
			out_is ''
		done
	done
}

# The originals fail this when built with glibc's getopt(3): `tini ls -l` prints a licence.
it 'leaves the options of the command to the command under every name' && {
	for link in tini docker-init dumb-init catatonit podman-init; do
		run bin/$link echo -g -l -h --version
		code_is 0
		out_is '-g -l -h --version'
	done
}

it 'logs to stderr where tini -v writes to stdout' && {
	run "$TINI" -vvv -w -s true
	code_is 0
	out_is ''
}

it 'forwards every signal under every name' && {
	for link in tini dumb-init catatonit; do
		start bin/$link "$PROBE" signals 64
		hear_until ready
		# Leave out 20, 21 and 22, which stop under dumb-init, and 17, which pith
		# handles itself.
		for n in 1 2 3 10 12 15 16 18 23 28 34 40 63; do
			kill -$n $pid
			hear
			is "$heard" "signal $n code 0 value 0"
		done
		kill -64 $pid
		ends
		code_is 0
	done
}

# ---- tini --------------------------------------------------------------------

it 'maps every exit code with -e, like tini' && {
	n=0
	while [ $n -lt 256 ]; do
		"$TINI" -e $n -- "$PROBE" exit $n || fail "$n ends with $?"
		n=$((n + 17))
	done
	run "$TINI" -e 9 -- "$PROBE" exit 8
	code_is 8
}

it 'exits with 128 + n like tini and does not die of the signal' && {
	# tini exits that way also where it is not process 1.
	run perl -e 'exit(system(@ARGV) & 127 ? 1 : $? >> 8)' "$TINI" -s -- "$PROBE" die 15
	code_is 143
}

it 'forwards to the group with -g or TINI_KILL_PROCESS_GROUP, like tini' && {
	reaches_the_group "$TINI" -g
	reaches_the_group env TINI_KILL_PROCESS_GROUP= "$TINI"
}

it 'logs reaped zombies with -w, like tini' && {
	run "$TINI" -w -s -- sh -c '(sleep 0.01 &); sleep 0.2'
	code_is 0
	err_like '*Reaped zombie process with pid=[0-9]*'
}

it 'logs more with -v and TINI_VERBOSITY, and ignores an invalid level' && {
	run "$TINI" -- true
	is "$err" ''
	run "$TINI" -v -- true
	err_like '*started process*'
	run env TINI_VERBOSITY=2 "$TINI" -- true
	err_like '*started process*'
	for level in 0 1 x -3 99999999999; do
		run env TINI_VERBOSITY=$level "$TINI" -- true
		code_is 0
		is "$err" ''
	done
}

it 'reaps orphans also when TINI_SUBREAPER is not set' && {
	run "$TINI" -w -- sh -c '(sleep 0.01 &); sleep 0.2'
	err_like '*Reaped zombie process with pid=[0-9]*'
	run env TINI_SUBREAPER= "$TINI" -w -- sh -c '(sleep 0.01 &); sleep 0.2'
	err_like '*Reaped zombie process with pid=[0-9]*'
	# tini's warning "Tini is not running as PID 1" would be wrong for pith.
	run "$TINI" -- true
	is "$err" ''
}

it 'receives the signal of -p when its parent dies, like tini' && {
	mkfifo never
	start sh -c '"$0" -p SIGUSR1 -- "$PROBE" signals 10 & echo ready
	    read -r x <"$W/never"' "$TINI"
	hear_until ready
	hear_until ready
	kill -KILL $pid
	hear_until 'signal 10 *'
	ends
}

# ---- dumb-init ---------------------------------------------------------------

it 'gives the child its own process group and forwards to it, like dumb-init' && {
	run "$DUMB_INIT" "$PROBE" state
	is "$(state pgid)" "$(state pid)"
	run "$DUMB_INIT" -c "$PROBE" state
	[ "$(state pgid)" != "$(state pid)" ] || fail 'its own group with -c'
	for mode in -c --single-child; do
		start "$DUMB_INIT" $mode sh -c 'trap "" USR1; "$PROBE" signals; exit 3'
		hear_until ready
		kill -USR1 $pid
		kill -TERM "$(only_child "$(only_child $pid)")"
		hear
		is "$heard" 'signal 15 code 0 value 0'
		ends
		code_is 3
	done
	start env DUMB_INIT_SETSID=0 "$DUMB_INIT" "$PROBE" state
	hear_until 'pgid*'
	is "${heard#pgid }" "$(group_of $$)"
	ends
}

it 'sends TERM to the rest of the group after the child, like dumb-init' && {
	mkfifo go
	start "$DUMB_INIT" sh -c '"$PROBE" signals & read -r x <"$W/go"; exit 6'
	hear_until ready
	echo >go
	hear_until 'signal 15 *'
	ends
	code_is 6
}

it 'rewrites and drops signals with -r, like dumb-init' && {
	start "$DUMB_INIT" -r 15:3 -r 10:0 --rewrite 12:1 "$PROBE" signals 3
	hear_until ready
	kill -USR1 $pid
	kill -USR2 $pid
	hear
	is "$heard" 'signal 1 code 0 value 0'
	kill -TERM $pid
	ends
	code_is 0
}

it 'suspends the whole group on TSTP, TTIN and TTOU, like dumb-init' && {
	for sig in TSTP TTIN TTOU; do
		start "$DUMB_INIT" "$PROBE" signals
		hear_until ready
		child=$(only_child $pid)
		kill -$sig $pid
		eventually stopped "$child"
		eventually stopped $pid
		kill -CONT $pid
		hear_until 'signal 18 *'
		eventually sh -c '! grep -q "^State:	T" /proc/$0/status' "$child"
		kill -TERM $pid
		ends
		code_is 0
	done
}

it 'logs more with -v and DUMB_INIT_DEBUG=1, like dumb-init' && {
	run "$DUMB_INIT" true; is "$err" ''
	run "$DUMB_INIT" -v true; err_like 'dumb-init: *'
	run env DUMB_INIT_DEBUG=1 "$DUMB_INIT" true; err_like 'dumb-init: *'
	run env DUMB_INIT_DEBUG=0 "$DUMB_INIT" true; is "$err" ''
}

it 'ends the message of a failed exec with the reason, like dumb-init' && {
	run "$DUMB_INIT" /no/such/file
	code_is 2
	one_line
	err_like '*No such file or directory'
}

# ---- catatonit ---------------------------------------------------------------

it 'pauses with -P until TERM or INT, like catatonit' && root && {
	for sig in TERM INT; do
		# shellcheck disable=SC2086
		start $AS_1 "$CATATONIT" -P
		eventually only_child_is catatonit
		child=$(only_child $pid)
		eventually awaits_signals "$child"
		kill -HUP "$child"
		kill -USR1 "$child"
		kill -$sig "$child"
		ends
		code_is 0
	done
}

it 'forwards to the group with -g, like catatonit' && {
	reaches_the_group "$CATATONIT" -g
}

it 'runs when it is not process 1, which catatonit refuses' && {
	run "$CATATONIT" -- "$PROBE" exit 5
	code_is 5
}

finish
