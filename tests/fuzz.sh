# Feed hostile input, made by libFuzzer, to pith under the sanitizers: each file of the corpus,
# then new input for 3 seconds, times N. `build/fuzz_options FILE` repeats one input.
# shellcheck shell=sh source=tests/lib.sh
. "${0%/*}/lib.sh"

WRAP=-Wl,--wrap=_exit,--wrap=write,--wrap=poll

compile() {
	clang -std=c11 -D_GNU_SOURCE -I"$TOP" -g -O1 -Wall -Wextra -Werror \
	    -fsanitize=fuzzer,$sanitizers -fno-sanitize-recover=all "$@"
}

BASE='cli/log.c cli/system.c cli/values.c cli/memory.c cli/startup.c signals.c fds.c'
OPTIONS='cli/options.c cli/values_boot.c cli/values_cgroup.c cli/values_command.c'
OPTIONS="$OPTIONS cli/values_net.c cli/values_root.c"
# Build the target $1 from the other arguments and $BASE with $sanitizers; set $fuzzer.
built() {
	have clang || return 1
	fuzzer=$B/fuzz_$1
	target=$TESTS/fuzz_$1.c
	shift
	echo 'int LLVMFuzzerTestOneInput(const char *d, unsigned long n)
	    { return *d && n && 0; }' >empty.c
	compile -o empty empty.c 2>/dev/null || {
		skip "clang has no runtime for $sanitizers here (make deps-all)"
		return 1
	}
	(cd "$TOP" && compile $WRAP -o "$fuzzer" "$target" $BASE "$@") || {
		fail "cannot build $fuzzer"
		return 1
	}
}

# Run the fuzzer. On a finding print the report and the input in Base64.
survives() {
	# Close these descriptors: an --args-fd in the input must not read files of make.
	run "$fuzzer" -detect_leaks=0 -timeout=20 -artifact_prefix="$W/bad-" "$@" \
	    3<&- 4<&- 5<&- 6<&- 7<&- 8<&- 9<&-
	[ "$code" = 0 ] || {
		fail "$(grep -v '^#\|^INFO\|^MS:\|^0x\|^Exec' "$W/.err" | tail -n 30)"
		return 1
	}
}

# Run the corpus of a target, then new input.
fuzz() {
	mkdir -p "found-$1"
	survives "$TESTS/corpus/$1"/* &&
	    survives -max_total_time=$((3 * N)) -max_len=8192 "found-$1" \
	    "$TESTS/corpus/$1"
}

# The last build stays in build/, to repeat a finding.
for sanitizers in memory address,undefined; do
	it "parses hostile options or refuses them in one line ($sanitizers)" &&
	    built options $OPTIONS cli/dropin.c -Wl,--wrap=read &&
	    fuzz options

	it "explains in one line why a hostile file is not executed ($sanitizers)" &&
	    built exec exec.c exec_error.c &&
	    fuzz exec

	it "looks up a user in hostile files or refuses in one line ($sanitizers)" &&
	    built users sandbox/users.c cli/values_command.c -Wl,--wrap=syscall &&
	    fuzz users

	it "parses hostile volumes or refuses them in one line ($sanitizers)" &&
	    built volumes sandbox/mounts.c sandbox/channel.c sandbox/proc.c cli/values_root.c &&
	    fuzz volumes

	it "parses hostile id maps or refuses them in one line ($sanitizers)" &&
	    built maps sandbox/proc.c cli/values_root.c &&
	    fuzz maps

	it "parses hostile limits or refuses them in one line ($sanitizers)" &&
	    built limits $OPTIONS sandbox/proc.c &&
	    fuzz limits

	it "parses hostile networks, ports and names or refuses them in one line ($sanitizers)" &&
	    built network cli/values_net.c sandbox/hosts.c sandbox/proc.c -Wl,--wrap=socket &&
	    fuzz network

	it "parses hostile variables or refuses them in one line ($sanitizers)" &&
	    built variables cli/values_command.c &&
	    fuzz variables

	it "parses a hostile inittab and skips invalid lines ($sanitizers)" &&
	    built inittab &&
	    fuzz inittab
done

finish
