# Run suites by name, one after the other, and count: tests/run.sh SUITE ...
# A suite is tests/NAME.sh or the program build/NAME. Each has half an hour, of the soak two.
# shellcheck shell=sh
set -u
tests=$(cd "$(dirname "$0")" && pwd)
results=$(mktemp -d "${TMPDIR:-/tmp}/pith-results.XXXXXX")
trap 'rm -rf "$results"' EXIT
passed=0 failed=0 skipped=0
most=1800
[ "${N:-1}" -lt 10 ] || most=7200

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
	{ timeout -k 10 $most "$@" 2>&1; echo "code $?"; } </dev/null | tee "$log" |
	    grep -v '^code 0$'
	# Both kinds of closing lines: ours, and Check's.
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
		END { if (!seen) f++; print p + 0, f + 0, s + 0 }' "$log")
	passed=$((passed + $1)) failed=$((failed + $2)) skipped=$((skipped + $3))
	echo "== $suite: $1 passed, $2 failed, $3 skipped," \
	    "$(($(date +%s) - begun)) seconds"
done
grep -h '^skip - ' "$results"/* 2>/dev/null
grep '^not ok - ' "$results"/* 2>/dev/null | sed "s|^$results/||"
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
