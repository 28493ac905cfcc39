# Black-box suites once more, on other kernels and with other layouts of control groups:
# in virtual machines, see machine.sh. Their tests are told and counted here as tests of ours.
# shellcheck shell=sh source=tests/lib.sh disable=SC2046,SC2086
. "${0%/*}/lib.sh"

# A kernel, a layout of control groups, suites: all in one machine, and one machine after
# the other, as limits measures shares of processors. What an emulated processor takes too
# long for is of the soak. A kernel linux-ARCH is a machine of that architecture.
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
SECONDS_ALL=1700                        # run.sh gives us 1800, of the soak 7200
[ "$N" -lt 10 ] || SECONDS_ALL=7000

begun=$(date +%s)
wanted=$ONLY
ONLY=                                   # of the tests over there

# What run.sh says over there, as suites say it.
retold() {
	suite=
	while IFS= read -r line; do
		case $line in
		'== '*' seconds') suite= ;;
		'== '*) suite="$where ${line#== }" ;;
		esac
		# It repeats some lines at its end.
		[ -n "$suite" ] || continue
		case $line in
		'ok - '* | 'not ok - '* | 'skip - '*)
			echo "${line%% - *} - $suite: ${line#* - }" ;;
		'== '* | *' passed, '*) ;;
		*) echo "#   ${line###   }" ;;
		esac
	done
}

# Counts those of a log; $ended is how many suites came to their end.
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
	it "runs in a virtual machine, with kernel $kernel and cgroups $cgroups: $suites" && {
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
			# That of run.sh says no more than the tests do.
			[ $bad = 0 ] || [ "$code" != 1 ] || code=0
			code_is 0
			[ $ended = "$(echo $suites | wc -w)" ] ||
			    fail "only $ended of them came to their end; stderr: $err"
		fi
	}
done 3<.machines

finish
