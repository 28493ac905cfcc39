# Run black-box suites on other kernels and with other layouts of control groups, in virtual
# machines, see machine.sh. Their tests are printed and counted as tests of this suite.
# shellcheck shell=sh source=tests/lib.sh disable=SC2046,SC2086
. "${0%/*}/lib.sh"

# Print lines of a kernel, a layout of control groups, and suites for one machine. The machines
# run one after the other, as limits measures shares of processors. Suites that are slow under
# emulation run only in the soak. A kernel linux-ARCH means a machine of that architecture.
machines() {
	soak=
	[ "$N" -lt 10 ] || soak=security
	[ "$N" -lt 10 ] || (cd "$TESTS" && echo 6.1 v2 containers sandbox-places cves \
	    cves-commands $(echo escapes-*.sh | sed 's/\.sh//g'))
	cat <<-E
		6.1 v2 entrypoint input sandbox sandbox-input limits $soak
		6.1 hybrid limits
		newest v2 limits
		linux-aarch64 v2 entrypoint input boot sandbox-input ${soak:+sandbox}
	E
}
SECONDS_ALL=1700                        # run.sh allows 1800, or 7200 in the soak
[ "$N" -lt 10 ] || SECONDS_ALL=7000

begun=$(date +%s)
wanted=$ONLY
ONLY=                                   # applies to the tests in the machine

# Print the output of run.sh in the machine in the form of this suite.
retold() {
	suite=
	while IFS= read -r line; do
		case $line in
		'== '*' seconds') suite= ;;
		'== '*) suite="$where ${line#== }" ;;
		esac
		# Skip the summary, which repeats lines.
		[ -n "$suite" ] || continue
		case $line in
		'ok - '* | 'not ok - '* | 'skip - '*)
			echo "${line%% - *} - $suite: ${line#* - }" ;;
		'== '* | *' passed, '*) ;;
		*) echo "#   ${line###   }" ;;
		esac
	done
}

# Count the tests of a log; set $ended to the number of suites that completed.
count() {
	# shellcheck disable=SC2046
	set -- $(awk -F '[ ,]+' '/^== .* seconds$/ {
			n++; p += $3; f += $5; s += $7
		}
		END { print n + 0, p + 0, f + 0, s + 0 }' "$1")
	ended=$1
	passed=$((passed + $2)) failed=$((failed + $3)) skipped=$((skipped + $4))
	bad=$3
}

machines >.machines
while read -r kernel cgroups suites <&3; do
	where=$kernel
	[ $cgroups = v2 ] || where="$kernel $cgroups"
	architecture=
	case $kernel in linux-*) architecture="-a ${kernel#linux-}" ;; esac
	it "runs in a virtual machine with kernel $kernel and cgroups $cgroups: $suites" && {
		{
			ONLY=$wanted PITH=$PITH B=$B sh "$TESTS/machine.sh" $architecture \
			    -k $kernel -c $cgroups \
			    -s $((SECONDS_ALL - $(date +%s) + begun)) $suites 2>.err
			echo $? >.code
		} | tee .log | retold
		code=$(cat .code)
		err=$(cat .err)
		count .log
		if [ "$code" = 77 ]; then
			skip "${err##*machine: }"
		else
			# Ignore the code 1 of run.sh when failed tests explain it.
			[ $bad = 0 ] || [ "$code" != 1 ] || code=0
			code_is 0
			[ $ended = "$(echo $suites | wc -w)" ] ||
			    fail "only $ended of the suites completed; stderr: $err"
		fi
	}
done 3<.machines

finish
