# Measure the figures of a sandbox with cgroup v2 alone. Not part of `make check`, as they need
# an otherwise idle machine: make bench-machine.
# shellcheck shell=sh source=tests/lib.sh
. "${0%/*}/lib.sh"

# Build a layout like systemd's: the parent group enables the controllers of the limits, and
# its own group enables none.
ours=/sys/fs/cgroup/${W##*/}
move() { sh -c 'echo 0 >"$0/cgroup.procs" && exec "$@"' "$@"; }

it 'stays within its limits beside the smallest sandbox and bwrap, and with --memory' && {
	mkdir "$ours" "$ours/scope"
	echo '+cpu +memory +pids' >"$ours/cgroup.subtree_control"
	move "$ours/scope" "$B/bench_sandbox" "$PITH" "$B/floor_sandbox" "$B/true" >out
	code=$?
	rmdir "$ours/scope" "$ours"
	sed 's/^/#   /' out
	code_is 0
}

finish
