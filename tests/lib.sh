# Sourced by every suite in sh. A suite is a list of
#	it 'does something' && {
#		run "$PITH" -- true
#		code_is 0
#	}
# between `. tests/lib.sh` and `finish`. MAKE, PITH (the binary), B (built files), N, MUST_RUN
# and ONLY come from the Makefile. Commands run in $W, which is removed at the end.
# shellcheck shell=sh disable=SC2034

set -u
TESTS=$(cd "$(dirname "$0")" && pwd)
TOP=${TESTS%/*}
B=${B:-$TOP/build}
PITH=${PITH:-$TOP/pith}
PROBE=$B/probe
N=${N:-1}
ONLY=${ONLY:-}
MUST_RUN=${MUST_RUN:-}
W=$(mktemp -d "${TMPDIR:-/tmp}/pith-test.XXXXXX")
PITH_TEST=$$
export PITH_TEST PITH PROBE W
passed=0 failed=0 skipped=0 name=
out= err= code=0
cd "$W" || exit 1

mounts_before=$(cut -d' ' -f5 /proc/self/mountinfo | sort)

# List the control groups of this suite: suites put ${W##*/} into their names.
our_groups() { find /sys/fs/cgroup -type d -path "*${W##*/}*" 2>/dev/null; }

# End the current test and print its result.
conclude() {
	[ -n "$name" ] || return 0
	if [ -e "$W/.bad" ]; then
		failed=$((failed + 1))
		printf 'not ok - %s\n' "$name"
	else
		passed=$((passed + 1))
		printf 'ok - %s\n' "$name"
	fi
	name=
	rm -f "$W/.bad"
}

# Begin a test; return false if ONLY excludes it.
it() {
	conclude
	case $1 in *"$ONLY"*) ;; *) return 1 ;; esac
	name=$1
}

# Report a failure and continue the test. Uses a file, as the test may run in a subshell.
fail() {
	: >"$W/.bad"
	printf '%s\n' "$*" | sed 's/^/#   /'
}

# Report that the test cannot run here. With MUST_RUN that is a failure.
skip() {
	if [ -n "$MUST_RUN" ]; then
		fail "must run, but: $*"
		return
	fi
	skipped=$((skipped + 1))
	printf 'skip - %s # %s\n' "$name" "$*"
	name=
}

# Return whether programs are installed; skip the test otherwise: `have nginx curl && ...`
have() {
	for program; do
		command -v "$program" >/dev/null 2>&1 || {
			skip "$program is not installed (make deps-all)"
			return 1
		}
	done
}

# Return whether this kernel is at least MAJOR MINOR.
kernel() {
	release=$(uname -r)
	major=${release%%.*} minor=${release#*.}
	minor=${minor%%[!0-9]*}
	[ "$major" -gt "$1" ] || { [ "$major" = "$1" ] && [ "$minor" -ge "$2" ]; }
}

root() {
	[ "$(id -u)" = 0 ] || { skip 'needs root'; return 1; }
}

# Run a command to its end; set $out, $err and $code.
run() {
	"$@" >"$W/.out" 2>"$W/.err" </dev/null
	code=$?
	out=$(cat "$W/.out")
	err=$(cat "$W/.err")
}

# Prefix of a command: run it as process 1 of a PID namespace with its own /proc. After start()
# $pid is then unshare, and process 1 is its only child.
AS_1='unshare --pid --fork --mount-proc --kill-child'

# Start a command whose output hear() reads line by line; set $pid to the command.
start() {
	rm -f "$W/.fifo"
	mkfifo "$W/.fifo"
	"$@" >"$W/.fifo" 2>"$W/.err" </dev/null &
	pid=$!
	exec 9<"$W/.fifo"
}

# Read the next line of the command into $heard; return false at end of file.
hear() {
	heard=
	IFS= read -r heard <&9
}

# Read on until a line matches a case pattern; fail the test at end of file.
hear_until() {
	while hear; do
		# shellcheck disable=SC2254
		case $heard in $1) return 0 ;; esac
	done
	fail "never heard: $1"
	return 1
}

# Wait for the command of start(); set $code and $err.
ends() {
	wait "$pid"
	code=$?
	exec 9<&-
	err=$(cat "$W/.err")
}

only_child() { tr -d ' ' <"/proc/$1/task/$1/children"; }
only_child_is() { [ "$(cat "/proc/$(only_child "$pid")/comm")" = "$1" ]; }
over() { ! grep -qs '^State:	[^ZX]' "/proc/$1/status"; }
# Return whether pith has started and waits for signals.
awaits_signals() { grep -q sigtimedwait "/proc/$1/wchan"; }
stopped() { grep -q '^State:	T' "/proc/$1/status"; }

# Print the value of a "key value" line that `probe state` printed, from $out.
state() { printf '%s\n' "$out" | sed -n "s/^$1[:]*[ 	]*//p"; }

# Check that an init with these options forwards signals to the group of its child.
reaches_the_group() {
	start "$@" -- sh -c 'trap "" USR1 TERM; "$PROBE" signals; exit 3'
	hear_until ready
	kill -USR1 $pid
	hear_until 'signal 10 *'
	kill -TERM $pid
	ends
	code_is 3
}

# Retry a condition until it holds, for changes without a notification; at most 20 s.
eventually() {
	tries=0
	until "$@" >/dev/null 2>&1; do
		tries=$((tries + 1))
		[ $tries -lt 2000 ] || { fail "never became true: $*"; return 1; }
		sleep 0.01
	done
}

code_is() { [ "$code" = "$1" ] || fail "exit code $code, not $1; stderr: $err"; }
out_is() { [ "$out" = "$1" ] || fail "stdout is '$out', not '$1'; stderr: $err"; }
err_is() { [ "$err" = "$1" ] || fail "stderr is '$err', not '$1'"; }
is() { [ "$1" = "$2" ] || fail "it is '$1', not '$2'"; }
# shellcheck disable=SC2254
out_like() { case $out in $1) ;; *) fail "stdout is '$out', not like '$1'" ;; esac; }
# shellcheck disable=SC2254
err_like() { case $err in $1) ;; *) fail "stderr is '$err', not like '$1'" ;; esac; }
one_line() { [ "$(wc -l <"$W/.err")" = 1 ] || fail "not one line: $err"; }
# Print a value of the JSON object in file $1 at key $2.
json() { sed -n "s/.*\"$2\":\(\"[^\"]*\"\|[^,}]*\).*/\1/p" "$1"; }

# List running processes that tests started (they inherit PITH_TEST), except this shell and the
# processes of the search itself, which are gone.
ours_running() {
	for environ in $(grep -lsz "^PITH_TEST=$PITH_TEST\$" \
	    /proc/[0-9]*/environ 2>/dev/null); do
		[ ! -r "$environ" ] || [ "$environ" = /proc/$$/environ ] ||
		    ps -o pid=,ppid=,stat=,args= -p "$(basename "${environ%/*}")"
	done
}

# Check at the end of every suite that nothing is left behind.
finish() {
	exec 9<&-
	if it 'leaves no process, mount or cgroup behind'; then
		is "$(ours_running)" ''
		is "$(cut -d' ' -f5 /proc/self/mountinfo | sort)" "$mounts_before"
		is "$(our_groups)" ''
	fi
	conclude
	cd / && rm -rf "$W"
	echo "$passed passed, $failed failed, $skipped skipped"
	[ "$failed" = 0 ]
}
