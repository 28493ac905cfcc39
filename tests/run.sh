# Run suites by name, one after the other, and count: tests/run.sh SUITE ...
# A suite is tests/NAME.sh or the program build/NAME. Each has half an hour, or two hours in
# the soak.
# shellcheck shell=sh
set -u
tests=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/host.sh
. "$tests/host.sh"
results=$(mktemp -d "${TMPDIR:-/tmp}/pith-results.XXXXXX")
trap 'rm -rf "$results"' EXIT
passed=0 failed=0 skipped=0
most=1800 silence=${SILENCE:-15}
[ "${N:-1}" -lt 10 ] || most=7200 silence=${SILENCE:-60}

UNCHANGED='leaves the devices, parameters, mounts, groups and interfaces of the host alone'

# Compare the state of the host after each suite, also after a program. Retry, as other
# activity on this machine at that moment is over soon.
host_is_unchanged() {
	case $UNCHANGED in *"${ONLY:-}"*) ;; *) return 0 ;; esac
	# Start pith once: a start removes what launchers killed by a test have left.
	"$PITH" --rootfs / -- /bin/true >"$results/.start" 2>&1 </dev/null
	for try in 1 2 3 4 5; do
		host_state >"$results/.after"
		difference=$(host_difference "$results/.before" "$results/.after")
		[ -n "$difference" ] || break
		sleep "$((try / 2))"
	done
	mv "$results/.after" "$results/.before"
	if [ -n "$difference" ]; then
		printf '%s\n' "$difference" | sed 's/^/#   /'
		echo "not ok - $UNCHANGED"
	else
		echo "ok - $UNCHANGED"
	fi
}
host_state >"$results/.before"

descendants() {
	for child in $(cat "/proc/$1/task/$1/children"); do
		echo "$child"
		descendants "$child"
	done
}

# Kill the command of a suite that has printed nothing for $silence minutes. The shell of the
# suite goes on, so the test fails by its name and the next test runs. Count this as a failure
# of its own, because a test may not check the result of its command.
end_silence() {
	while sleep 5 4>&-; do
		[ -n "$(find "$log" -mmin "+$silence")" ] || continue
		echo "not ok - was silent for $silence minutes: its command was killed" >&4
		# shellcheck disable=SC2046
		kill -KILL $(descendants "$(cat "$results/.shell")")
		touch "$log"
	done 4>&1 >/dev/null 2>&1
}

for suite; do
	log=$results/$suite
	begun=$(date +%s)
	echo "== $suite"
	program=$B/$suite
	[ "$suite" = unit ] && program=$B/unit$SAN
	if [ -f "$tests/$suite.sh" ]; then
		set -- sh "$tests/$suite.sh"
	else
		set -- "$program"
	fi
	{
		end_silence &
		watch=$!
		timeout -k 10 $most sh -c 'echo $$ >"$0"; exec "$@"' "$results/.shell" "$@" 2>&1
		echo "code $?"
		kill $watch
		host_is_unchanged
	} </dev/null | tee "$log" | grep -v '^code 0$'
	# Count both kinds of summary lines: those of lib.sh and those of Check.
	# shellcheck disable=SC2046
	set -- $(awk '
		/^[0-9]+ passed, [0-9]+ failed/ { p += $1; f += $3; s += $5; seen = 1 }
		/Checks: [0-9]+, Failures: [0-9]+, Errors: [0-9]+/ {
			gsub(",", ""); seen = 1
			for (i = 1; i < NF; i++) {
				if ($i == "Checks:") n = $(i + 1)
				if ($i == "Failures:") b = $(i + 1)
				if ($i == "Errors:") b += $(i + 1)
			}
			p += n - b; f += b
		}
		/^code/ && $2 != 0 && !f { f++ }
		/^code/ { over = 1 }
		over && /^ok - / { p++ }
		over && /^not ok - / || /^not ok - was silent / { f++ }
		END { if (!seen) f++; print p + 0, f + 0, s + 0 }' "$log")
	passed=$((passed + $1)) failed=$((failed + $2)) skipped=$((skipped + $3))
	echo "== $suite: $1 passed, $2 failed, $3 skipped," \
	    "$(($(date +%s) - begun)) seconds"
done
grep -h '^skip - ' "$results"/* 2>/dev/null
grep '^not ok - ' "$results"/* 2>/dev/null | sed "s|^$results/||"
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
