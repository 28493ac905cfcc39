# Run every fenced command of README.md as written.
#	```sh		must exit with 0
#	```console	$ commands and their output
# shellcheck shell=sh source=tests/lib.sh
. "${0%/*}/lib.sh"

# Write block N of a language to a file; return false if there is none.
block() {
	awk -v language="$1" -v n="$2" '
		/^```/ {
			if (inside) { inside = 0; next }
			inside = ($0 == "```" language && ++seen == n) ? 1 : 2
			next
		}
		inside == 1 { print }' "$TOP/README.md" >"$3"
	[ -s "$3" ]
}

# Run the commands of a console block and print them with their output.
replay() {
	sed -n 's/^\$ //p' "$1" | while IFS= read -r command; do
		printf '$ %s\n' "$command"
		sh -c "$command" 2>&1 </dev/null
	done
}

# Make a directory with the files that the commands of README name, and writable.
checkout() {
	[ ! -d checkout ] || return 0
	mkdir -p checkout/build
	(cd "$TOP" && tar -c --exclude=./build --exclude=./dist --exclude=./.git .) |
	    tar -x -C checkout
	cp "$PITH" checkout/pith
}

it 'has three kinds of fenced blocks, with at least five console blocks' && {
	is "$(grep '^```.' "$TOP/README.md" | sort -u | tr '\n' ' ')" \
	    '```console ```dockerfile ```sh '
	[ "$(grep -c '^```console' "$TOP/README.md")" -ge 5 ] || fail 'there are fewer'
}

# Return whether control groups can be made here; skip the test otherwise.
may_limit() {
	"$PITH" --memory 64m -- true 2>/dev/null || { skip 'no limits may be set here'; return 1; }
}

n=1
while block console $n "$W/block"; do
	it "prints the output that README shows: $(sed -n 's/^\$ //p' block | head -1 |
	    cut -c1-60)" && {
		checkout
		! grep -q -e '--memory [0-9]*m ' block || may_limit && {
			(cd checkout && replay ../block) >printed
			diff block printed >difference || fail "$(cat difference)"
		}
	}
	n=$((n + 1))
done

it 'builds and shows the demo with the first command of README' && root && {
	block sh 1 first
	is "$(cat first)" 'make deps demo'
	checkout
	(cd checkout && env -u MAKEFLAGS -u MAKELEVEL sh -e ../first) >demo 2>&1 ||
	    fail "$(cat demo)"
	grep -q '3 zombies' demo || fail "$(cat demo)"
	grep -q 'it exited with code 143' demo || fail "$(cat demo)"
	grep -q '"reason":"timeout"' demo || fail "$(cat demo)"
}

# This command runs this very test, so only check here that make accepts it.
it 'runs its tests with the second command of README, like CI' && {
	block sh 2 second
	is "$(cat second)" 'make deps check'
	run env -u MAKEFLAGS -u MAKELEVEL make -n -C "$TOP" deps check
	code_is 0
	out_like '*tests/deps.sh check*tests/run.sh unit*'
	grep -q "^MUST_RUN=1 $(cat second)$" "$TOP/.ci/run" || fail 'CI uses another command'
}

it 'links in README only to files that exist' && {
	grep -oE '\]\([^):]+\)' "$TOP/README.md" | tr -d '()]' | while read -r file; do
		[ -e "$TOP/$file" ] || echo "$file"
	done >missing
	is "$(cat missing)" ''
}

it 'has a chart drawn by the benchmark' && {
	grep -q '</svg>' "$TOP/tests/bench.svg" || fail 'no chart'
}

finish
