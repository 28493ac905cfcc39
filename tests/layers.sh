# Check which layer calls which, computed from the symbols of the objects (nm).
# shellcheck shell=sh source=tests/lib.sh
. "${0%/*}/lib.sh"

# Print lines "FILE TYPE SYMBOL" of all objects.
symbols() {
	(cd "$TOP" && ls ./*.c ./*/*.c) | sed 's|^\./||; s|\.c$||' |
	    grep -v '^tests/' | while read -r file; do
		nm "$B/$file.o" | awk -v file="$file" '{ print file, $(NF - 1), $NF }'
	done
}
# Print lines "CALLER CALLED", files without their suffix.
calls() {
	# shellcheck disable=SC2016
	awk '
		$2 ~ /[A-TV-Z]/ { home[$3] = $1 }
		$2 == "U" { from[++n] = $1; symbol[n] = $3 }
		END {
			for (i = 1; i <= n; i++)
				if (home[symbol[i]])
					print from[i], home[symbol[i]]
		}' symbols | sort -u
}

# A rule: files that match $1 call only files that match $2 (extended expressions).
only_call() {
	rule_breaks=$(grep -E "^($1) " calls | grep -vE " ($2)\$")
	[ -z "$rule_breaks" ] || fail "$1 may only call $2: $rule_breaks"
}

HEART='supervise|child|exec|exec_error|reaper|signals|fds'

it 'lets each layer call only the layers below it' && have nm && {
	symbols >symbols
	calls >calls
	[ "$(wc -l <calls)" -gt 150 ] || fail 'there are hardly any calls'
	# The command line, and what everything rests on.
	only_call 'cli/.*' 'cli/.*|signals|fds'
	# The heart, from the bottom.
	only_call 'signals|fds|reaper' 'cli/.*'
	only_call 'exec' 'signals'
	only_call 'exec_error' 'exec|cli/.*'
	only_call 'child' 'exec|exec_error|signals|cli/.*'
	only_call 'supervise' 'child|reaper|signals|cli/.*'
	# The families know the heart and not each other; nothing calls init.
	only_call 'sandbox/.*' "sandbox/.*|cli/.*|$HEART"
	only_call 'boot/.*' "boot/.*|cli/.*|$HEART"
	# Roles are above their family.
	grep -E ' (sandbox/monitor|sandbox/inside|boot/run)$' calls | grep -v '^init ' >above
	[ ! -s above ] || fail "calls a role: $(cat above)"
}

it 'has no circle of files that call each other' && have nm && have tsort && {
	calls | awk '$1 != $2' | tsort >order 2>circle
	[ ! -s circle ] || fail "$(cat circle)"
}

it 'calls no allocation and no stdio of libc in the product' && have nm && {
	symbols | awk '$2 == "U" { print $3 }' | sort -u >used
	is "$(grep -E 'printf|puts|putc|fd?open$|alloc|strdup|perror|^system$' used)" ''
}

# The loop runs for as long as the command: it must not fail, and each use of pith
# reads it without the others.
it 'has a loop that opens, allocates and dies nowhere, and knows no sandbox and no boot' &&
    have nm && {
	nm -u "$B/supervise.o" | awk '{ print $NF }' >used
	is "$(grep -E '^(open|openat|.*alloc|mmap|die|diex|.*_exit|memory_.*)$' used)" ''
	is "$(grep -E '"(sandbox|boot)/' "$TOP/supervise.c" "$TOP/supervise.h")" ''
}

finish
