# shellcheck shell=sh source=tests/lib.sh
. "${0%/*}/lib.sh"

it 'ends with the exit code of the command' && {
	for n in 0 1 7 124 255; do
		run "$PITH" -- "$PROBE" exit $n
		code_is $n
	done
}

it 'ends with 128 and the number of the signal that ended the command, as process 1' && {
	run as_1 "$PITH" -- "$PROBE" die 9
	code_is 137
}

it 'forwards realtime signals with their values' && {
	start "$PITH" -- "$PROBE" signals
	hear_until ready
	"$PROBE" queue $pid 34 42
	"$PROBE" queue $pid 64 43
	hear; is "$heard" 'signal 34 code -1 value 42'
	hear; is "$heard" 'signal 64 code -1 value 43'
	kill -TERM $pid
	ends
	code_is 0
}

finish
