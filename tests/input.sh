# Tests of bad input: one line on stderr, exit 125, nothing started and nothing changed.
# shellcheck shell=sh source=tests/lib.sh
. "${0%/*}/lib.sh"

# Check that pith refuses these arguments with one clear line and does not start the command,
# which would create a file.
refuses() {
	like=$1
	shift
	run "$PITH" "$@"
	code_is 125
	out_is ''
	one_line
	err_like "pith: $like"
	nothing_started
}
nothing_started() {
	[ ! -e started ] || fail 'the command was started'
	rm -f started
}
# Check that pith refuses these options before a command.
refuses_before() {
	like=$1
	shift
	refuses "$like" "$@" -- touch started
}

it 'refuses and names an unknown option' && {
	refuses_before "unknown option '--no-such'; see --help" --no-such
	refuses_before "unknown option '-Z'*" -Z
	refuses_before "unknown option '-gZv'*" -gZv
	refuses_before "unknown option '---'*" ---
	refuses_before "unknown option '--=x'*" --=x
	refuses_before "unknown option '--grou'*" --grou
	refuses_before "unknown option '--groups'*" --groups
	refuses_before "unknown option '--GROUP'*" --GROUP
	refuses_before "unknown option '-é'*" -é
}

it 'refuses an option whose value is missing' && {
	for option in -p -e -r --delay --stop-timeout --stop-signal --grace \
	    --timeout --report --report-fd --exit --rewrite \
	    --parent-death-signal; do
		refuses "missing value for '$option': *" "$option"
	done
}

it 'refuses an empty value' && {
	for option in --exit --rewrite --parent-death-signal --delay \
	    --stop-timeout --stop-signal --grace --timeout --report --report-fd; do
		refuses_before "bad value '': $option takes *" "$option="
		refuses_before "bad value '': $option takes *" "$option" ''
	done
}

it 'refuses a value for an option that takes none' && {
	for option in group all wait pause subreaper; do
		refuses_before "unexpected value '--$option=1'*" "--$option=1"
	done
}

it 'refuses an invalid signal' && {
	for sig in 0 65 -1 +15 15x ' 15' TERMX SIGSIGTERM SIG RTMIN+31 RTMIN-1 \
	    RTMAX-31 RTMIN+ RTMAX+1 99999999999999999999 0x0f TERM,INT; do
		refuses_before "bad value '*': -p takes a signal*" -p "$sig"
		refuses_before "bad value '*': --stop-signal takes *" \
		    --stop-signal "$sig"
	done
}

it 'refuses an invalid exit code' && {
	for value in 256 -1 x 1:256 1:-1 1:x 1: :1 : 1:2:3 '1 ' 4294967296 \
	    SIGNONE 1:SIGNONE 18446744073709551617; do
		refuses_before "bad value '*': -e takes exit codes*" -e "$value"
	done
}

it 'refuses an invalid rewrite, and signals that cannot be received or sent' && {
	for value in TERM TERM: :QUIT TERM:NONE NONE:TERM 0:1 65:1 1:65 1:-1 \
	    TERM:QUIT:HUP KILL:TERM STOP:TERM CHLD:TERM 15:00x 15:0.0 \
	    AVERYLONGNAMEFORASIGNAL:TERM; do
		refuses_before "bad value '*': -r takes signals*" -r "$value"
	done
}

it 'refuses an invalid time and a time that would overflow' && {
	for value in x -1 1.2.3 1. . s ms 1d 1M 5sec '1 s' '1s ' 1e3 0x10 +1 inf \
	    nan 99999999999999999999 262801h 9223372036854775807ms; do
		for option in --timeout --grace --stop-timeout; do
			refuses_before "bad value '*': $option takes a time*" \
			    "$option" "$value"
		done
		refuses_before "bad value '*': --delay takes a signal and*" \
		    --delay "TERM:$value"
	done
	refuses_before '*--delay takes*' --delay TERM
	refuses_before '*--delay takes*' --delay KILL:1s
	refuses_before '*--delay takes*' --delay TERM:597h
}

it 'refuses to start without a command or with an empty command' && {
	refuses 'no command given; see --help'
	refuses 'no command given; see --help' --
	refuses 'no command given; see --help' -v -g
	refuses 'no command given; see --help' -v --
	refuses 'empty command; see --help' ''
	refuses 'empty command; see --help' -- ''
	refuses 'empty command; see --help' -- '' x
}

it 'refuses to start with an empty argument vector' && {
	run "$PROBE" with nameless=1 -- "$PITH"
	code_is 125
	one_line
	err_is 'pith: no command given; see --help'
}

it 'refuses a command with --pause' && {
	refuses "--pause takes no command 'touch'" --pause touch started
	refuses "--pause takes no command 'touch'" --pause -- touch started
}

it 'refuses --report together with --report-fd' && {
	refuses_before '--report and --report-fd contradict each other*' \
	    --report r.json --report-fd 2
	grep -q '"reason":"setup-error","error":"--report and' r.json || fail "$(cat r.json)"
}

it 'refuses a report that cannot be written before the command starts' && {
	mkdir dir
	mkfifo fifo
	ln -s elsewhere link
	refuses_before "cannot write the report 'dir'*" --report dir
	refuses_before "cannot write the report 'dir/'*" --report dir/
	refuses_before "cannot write the report 'no/r.json': No such file*" --report no/r.json
	refuses_before "cannot write the report 'fifo': not a regular file*" \
	    --report fifo
	refuses_before "cannot write the report 'link': not a regular file*" \
	    --report link
	refuses_before "cannot write the report '/dev/null': not a*" \
	    --report /dev/null
	refuses_before "cannot write the report '*': File*name too long" \
	    --report "$(printf '%0300d' 0)"
	refuses_before "cannot write to '--report-fd': Bad file descriptor" \
	    --report-fd 77
	refuses_before "*report-fd takes the number of an open file" \
	    --report-fd -1
	refuses_before "*report-fd takes the number of an open file" \
	    --report-fd 4294967296
	run sh -c 'exec "$PITH" --report-fd 7 -- touch started 7</dev/null'
	code_is 125
	err_is "pith: cannot write to '--report-fd': Bad file descriptor"
	nothing_started
	is "$(find . -name '.pith-*')" ''
}

it 'refuses bad options and other words in PITH_OPTIONS' && {
	for words in --no-such '-g command' 'command' '-- command' '--timeout' \
	    '--timeout x' '--grace=' '-r TERM' '\-- x'; do
		run env PITH_OPTIONS="$words" "$PITH" -- touch started
		code_is 125
		one_line
		nothing_started
	done
	err_is "pith: PITH_OPTIONS: not an option 'x'; the command goes on the command line"
}

it 'takes no word after the command or after -- for an option' && {
	run "$PITH" echo -g --no-such
	out_is '-g --no-such'
	run "$PITH" -- -g
	code_is 127
	run "$PITH" -- echo --
	out_is --
	run "$PITH" -v -- -- x
	code_is 127
	err_like "*cannot execute '--'*"
	run "$PITH" -
	code_is 127
}

it 'accepts every form of an option' && {
	for words in '-e 7:3' '-e7:3' '--exit 7:3' '--exit=7:3' '-ge 7:3' '-gse7:3' \
	    '-e 9 -e 7:3' '-e 7:4 -e 7:3' '-e 007:03'; do
		# shellcheck disable=SC2086
		run "$PITH" $words -- "$PROBE" exit 7
		code_is 3
		run env PITH_OPTIONS="$words" "$PITH" -- "$PROBE" exit 7
		code_is 3
	done
}

it 'never writes a control character of a hostile name to the terminal' && {
	hostile=$(printf '\033]0;owned\007\302\233x\177\rx\ny\377\355\240\200')
	run "$PITH" "--$hostile"
	code_is 125
	one_line
	err_is "pith: unknown option \
'--\\x1b]0;owned\\x07\\xc2\\x9bx\\x7f\\x0dx\\x0ay\\xff\\xed\\xa0\\x80'; see --help"
	for words in "$hostile" "./$hostile"; do
		run "$PITH" -- "$words"
		code_is 127
		one_line
		LC_ALL=C grep -q "[$(printf '\001-\011\013-\037\177-\377')]" .err &&
		    fail "raw: $(od -c .err)"
	done
	run "$PITH" --timeout "$hostile" -- true
	code_is 125
	one_line
	err_like 'pith: bad value*x1b*'
	run env PITH_OPTIONS="--$hostile" "$PITH" -- true
	code_is 125
	one_line
}

it 'prints one line however long a name is' && {
	long=$(printf '%0100000d' 0)
	run "$PITH" -- "$long"
	code_is 127
	one_line
	[ "$(wc -c <.err)" -lt 4096 ] || fail 'longer than an atomic write to a pipe'
	err_like '*...'
	run "$PITH" "--$long"
	code_is 125
	one_line
	err_like '*...'
	run env PATH="$long:/bin" "$PITH" -- no-such-program
	code_is 127
	# Check that no UTF-8 character is cut: é has two bytes, at even or odd offsets.
	for word in "$(printf '%0600d' 0 | sed 's/0/é/g')" \
	    "x$(printf '%0600d' 0 | sed 's/0/é/g')"; do
		run "$PITH" "--$word"
		code_is 125
		iconv -f UTF-8 -t UTF-8 .err >/dev/null || fail 'half a character'
	done
}

it 'accepts ten thousand options and arguments' && {
	# shellcheck disable=SC2046
	run "$PITH" $(yes -- -g | head -5000) $(yes -- -eTERM:7 | head -5000) -- \
	    sh -c 'kill $$'
	code_is 7
	# shellcheck disable=SC2046
	run "$PITH" -- sh -c 'exit $(($# % 256))' - $(yes x | head -10000)
	code_is $((10000 % 256))
}

it 'exits with 125 when its own output cannot be written' && {
	run sh -c '"$PITH" --help >/dev/full'
	code_is 125
	err_like "pith: cannot write to 'stdout': No space left on device"
	run sh -c '"$PITH" --version >&-'
	code_is 125
}

it 'reports that no process can be created, and runs nothing' &&
    have setpriv prlimit && root && {
	run setpriv --reuid 65533 --clear-groups --inh-caps -all --bounding-set -all \
	    prlimit --nproc=1 "$PITH" -- true
	code_is 125
	err_is "pith: cannot start 'true': Resource temporarily unavailable"
}

# Seen to fail where all signals were blocked: timeout had to kill it.
it 'terminates on TERM while its output of --help or --doctor blocks' && {
	for word in --help --version --license --doctor; do
		mkfifo full
		exec 8<>full
		dd if=/dev/zero of=full bs=4096 count=16 oflag=nonblock conv=notrunc 2>/dev/null
		run timeout -k 20 1 sh -c 'exec "$0" $1 >&8' "$PITH" $word
		code_is 124
		exec 8>&-
		rm full
	done
}

finish
